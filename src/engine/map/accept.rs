//! Taking changes in: what is refused, skipped, written directly, or queued.

use super::commits::flow_of;
use super::entry::{Entry, Source};
use super::task::{MapTask, Unanswered};
use super::{Reply, crossing};
use crate::engine::error::EngineError;
use crate::model::activity::{EventKind, Severity};
use crate::model::change::{Answer, Change, Disposition, QueuedBecause, QueuedRecord, Remembered};
use crate::model::echo::Echo;
use crate::model::figures::Figures;
use crate::model::ids::QueueSequence;
use crate::model::limits::{self, WARN_RATIO};
use crate::model::state::MapState;
use crate::model::table_map::SyncMode;
use crate::store::{COMMIT_BYTES_MAX, Commit, Durability, NewRecords, Operation, Pending, Receipt, StoreError};
use chrono::{DateTime, Duration, Utc};
use std::collections::{HashMap, VecDeque};

/// Changes and bytes that one commit enqueues; the bytes leave room for what frames the commit.
const ENQUEUE_RECORDS_MAX: usize = 4_096;
pub(super) const ENQUEUE_BYTES_MAX: usize = COMMIT_BYTES_MAX - 16 * 1024;
/// What an operation on one record takes in a commit.
pub(super) const FRAMING_BYTES: usize = 64;
/// The largest change of a map that goes one way.
pub const CHANGE_BYTES_MAX: usize = 256 * 1024;
/// The largest change of a map that goes both ways: a commit may have to hold it three times, since it may have to be brought
/// back at its own side, over what was changed there and over what was removed.
pub const BOTH_WAYS_BYTES_MAX: usize = 128 * 1024;
const _: () = assert!(3 * BOTH_WAYS_BYTES_MAX < ENQUEUE_BYTES_MAX && ENQUEUE_BYTES_MAX < COMMIT_BYTES_MAX);
/// How long a change's id is remembered (rule 4).
pub const CHANGE_ID_DAYS: i64 = 1;

/// A clock that was set back further is believed at once.
const CLOCK_SET_BACK_MAX: Duration = Duration::hours(1);

/// Why a change was skipped; the contract's reasons.
pub const ECHO: &str = "ECHO";
pub const NOT_MAPPED: &str = "NOT_MAPPED";
pub const CONFLICT: &str = "CONFLICT";

/// What is known of changes before they are decided about.
struct Known {
    /// The answers that some got before, by their ids.
    answers: HashMap<String, Remembered>,
    /// Bytes that are free on the disk, and those that are to be kept free, when there is no room.
    full: Option<(u64, u64)>,
}

/// A change that waits to be enqueued, and who waits for it.
pub(super) struct Arrival {
    pub change: Change,
    pub reply: Option<Reply<Answer>>,
    /// It may be the echo of a write of ours that came late.
    pub perhaps_echo: bool,
}

/// A commit that enqueues. There is one at a time: what comes meanwhile goes into the next, so that its sequences are
/// known and a refusal concerns it alone.
pub(super) struct Enqueueing {
    pub commit: Pending,
    pub records: Vec<(QueuedRecord, Option<Reply<Answer>>)>,
    /// Of these nothing is left to be written.
    pub lost: Vec<crossing::Lost>,
    pub because: QueuedBecause,
    pub crossings: crossing::Effects,
}

pub(super) fn has_room(arriving: &VecDeque<Arrival>) -> bool {
    arriving.len() < ENQUEUE_RECORDS_MAX
}

impl MapTask {
    /// Takes changes or answers why not. The order of these calls, and of the changes of each, is the order of each key (rule 2).
    pub fn accept(&mut self, changes: Vec<(Change, Reply<Answer>)>) -> Result<(), EngineError> {
        let known = self.known_of(&changes)?;
        for (change, reply) in changes {
            if let Some((reply, answer)) = self.admit(change, reply, &known)? {
                let _ = reply.send(answer);
            } // else the reply went with the change
        }
        Ok(())
    }

    /// What is looked up for all of them at once.
    fn known_of(&self, changes: &[(Change, Reply<Answer>)]) -> Result<Known, EngineError> {
        let ids = changes.iter().map(|(change, _)| &*change.change_id);
        let ids: Vec<&str> = ids.filter(|id| !id.is_empty() && !self.unanswered.contains_key(*id)).collect();
        let mut answers = HashMap::new();
        if !ids.is_empty() {
            let remembered = self.context.store.remembered(&self.map.id, &ids)?;
            let found = ids.into_iter().zip(remembered).filter_map(|(id, known)| Some((id.to_owned(), known?)));
            answers.extend(found);
        }
        // Whatever becomes of them is to be kept, so a full disk is told before anything is done.
        // Any other fault shows when something is kept.
        let full = match self.context.store.room() {
            Err(StoreError::Full { free_bytes, reserve_bytes }) => Some((free_bytes, reserve_bytes)),
            Ok(()) | Err(_) => None,
        };
        Ok(Known { answers, full })
    }

    /// Decides about a change. Gives the reply back with its answer, or takes it along with the change.
    #[allow(clippy::type_complexity)]
    fn admit(
        &mut self,
        change: Change,
        reply: Reply<Answer>,
        known: &Known,
    ) -> Result<Option<(Reply<Answer>, Result<Answer, EngineError>)>, EngineError> {
        let map = || self.map.id.clone();
        let refuse = |reply, error| Ok(Some((reply, Err(error))));
        let bytes = change.size();
        let bytes_max = if self.goes_both_ways() { BOTH_WAYS_BYTES_MAX } else { CHANGE_BYTES_MAX };
        if bytes > bytes_max {
            let key = change.key.to_string();
            return refuse(reply, EngineError::ChangeTooLarge { map: map(), key, bytes, bytes_max });
        }
        let fingerprint = if change.change_id.is_empty() { 0 } else { change.fingerprint() };
        if !change.change_id.is_empty() {
            // Rule 4: a change seen before gets the answer that it got, also when the map was stopped since.
            let reused = || {
                let (map, change_id) = (self.map.id.clone(), change.change_id.to_string());
                EngineError::ChangeIdReused { map, change_id }
            };
            if let Some(unanswered) = self.unanswered.get_mut(&change.change_id) {
                if unanswered.fingerprint != fingerprint {
                    return refuse(reply, reused());
                }
                if let Some(answer) = &unanswered.answer {
                    return Ok(Some((reply, Ok(answer.clone()))));
                }
                unanswered.waiters.push(reply);
                return Ok(None);
            }
            let now = self.context.clock.now();
            match known.answers.get(&*change.change_id) {
                Some(known) if now - known.time >= Duration::days(CHANGE_ID_DAYS) => {}
                Some(known) if known.fingerprint != fingerprint => return refuse(reply, reused()),
                Some(known) => return Ok(Some((reply, Ok(known.answer.clone())))),
                None => {}
            }
        }
        let carries = match &self.running {
            Some(running) if self.map.state != MapState::NotRunning => running.plan.carries(change.source),
            _ => return refuse(reply, EngineError::MapNotRunning { map: map() }),
        };
        if let Some((free_bytes, reserve_bytes)) = known.full {
            return refuse(reply, StoreError::Full { free_bytes, reserve_bytes }.into());
        }
        if !carries {
            return Ok(Some((reply, Ok(self.skip(&change, NOT_MAPPED)))));
        }
        // Rule 10: no echo. Before KEY_BUSY, since a destination's hook calls us before its commit.
        let echo = self.running.as_ref().and_then(|running| running.sides.get(change.source).echo());
        let echo = echo.map(|mut echo| echo.excuses(&change));
        tracing::trace!(map = %self.map.id, ?change, ?echo, "is told");
        if echo == Some(Echo::Yes) {
            return Ok(Some((reply, Ok(self.skip(&change, ECHO)))));
        }
        let direct = self.map.state == MapState::Running
            && self.map.definition.sync_mode == SyncMode::Synchronous
            && self.queued == 0
            && self.arriving.is_empty()
            && self.enqueueing.is_none();
        if direct {
            // Rule 9: waiting for the other side's write would deadlock two databases through us.
            if self.drain.other_side_is_on(&change) {
                return refuse(reply, EngineError::KeyBusy { map: map(), key: change.key.to_string() });
            }
            self.note_taken(&change, fingerprint);
            let source = Source::Direct { reply, before: self.last_queued.next(), overtaken: false };
            self.push_entry(Entry::new(source, change, Default::default()));
            return Ok(None);
        }
        if let Err(error) = self.queue_has_room() {
            return Ok(Some((reply, Err(error))));
        }
        self.note_taken(&change, fingerprint);
        if self.map.definition.sync_mode == SyncMode::Synchronous {
            self.drain.overtake(&change);
        }
        self.arrive(change, reply, echo == Some(Echo::Unclear));
        Ok(None)
    }

    /// Puts a change with those that the next commit enqueues.
    pub fn arrive(&mut self, change: Change, reply: Reply<Answer>, perhaps_echo: bool) {
        self.arriving_bytes += change.size() as u64;
        self.arriving.push_back(Arrival { change, reply: Some(reply), perhaps_echo });
    }

    /// The change is taken: repeats of it wait for its answer, and it ends what our own writes excuse (rule 10).
    fn note_taken(&mut self, change: &Change, fingerprint: u64) {
        if let Some(mut echo) = self.running.as_ref().and_then(|running| running.sides.get(change.source).echo()) {
            echo.ended_by(change);
        }
        if !change.change_id.is_empty() {
            let unanswered = Unanswered { fingerprint, answer: None, waiters: Vec::new() };
            self.unanswered.insert(change.change_id.clone(), unanswered);
        }
    }

    /// Of the change as it came: one that crossed another may have lost columns since. 0 when it has no id to remember.
    fn fingerprint_of(&self, change: &Change) -> u64 {
        match self.unanswered.get(&change.change_id) {
            Some(unanswered) => unanswered.fingerprint,
            None if change.change_id.is_empty() => 0,
            None => change.fingerprint(),
        }
    }

    /// Gives an answer to those who sent the same change again while it had none; from now on the store knows it.
    fn answer_waiters(&mut self, change_id: &str, answer: &Answer) {
        for waiter in self.unanswered.remove(change_id).into_iter().flat_map(|unanswered| unanswered.waiters) {
            let _ = waiter.send(Ok(answer.clone()));
        }
    }

    /// The change was refused: whoever sent it again is told to, since a refusal is not remembered.
    pub fn forget_unanswered(&mut self, change_id: &str) {
        if let Some(unanswered) = self.unanswered.remove(change_id) {
            for waiter in unanswered.waiters {
                let _ = waiter.send(Err(EngineError::NotReady));
            }
        }
    }

    /// Counts a change that needs no write, and remembers the answer.
    pub fn skip(&mut self, change: &Change, reason: &str) -> Answer {
        let answer =
            Answer { disposition: Disposition::Skipped, sequence: QueueSequence(0), reason: reason.to_owned() };
        let figures = Figures { accepted: 1, skipped: 1, ..Figures::default() };
        self.later(Operation::Count { source: change.source, figures });
        self.remember(change, &answer);
        answer
    }

    /// Remembers the answer to a change that did not go through the queue.
    pub fn remember(&mut self, change: &Change, answer: &Answer) {
        if change.change_id.is_empty() {
            return;
        }
        let time = self.context.clock.now();
        let fingerprint = self.fingerprint_of(change);
        let remembered = Remembered { fingerprint, answer: answer.clone(), time };
        self.later(Operation::Remember { change_id: change.change_id.clone(), remembered });
        self.answer_waiters(&change.change_id, answer);
        let known = Unanswered { fingerprint, answer: Some(answer.clone()), waiters: Vec::new() };
        self.unanswered.insert(change.change_id.clone(), known);
        self.ends_next.change_ids.push(change.change_id.clone());
    }

    /// Rule 6: limits block, they do not drop.
    fn queue_has_room(&mut self) -> Result<(), EngineError> {
        let now: DateTime<Utc> = self.context.clock.now();
        let used = self.queued_bytes + self.arriving_bytes;
        let queue_limits = self.map.definition.queue_limits;
        let nearest = limits::nearest(&queue_limits, used, self.map.held_back_since, now);
        let refused_before = self.queue_gate.refuses();
        let admitted = self.queue_gate.admit(&queue_limits, used, self.map.held_back_since, now);
        if nearest.ratio() >= WARN_RATIO && !self.warned_of_limit {
            self.warned_of_limit = true;
            let summary = format!("the queue is near its limit: {nearest}; after it changes are refused");
            let event = self.event(EventKind::LimitNear, Severity::Warning, summary);
            self.later(Operation::Log(event));
        } else if nearest.ratio() < WARN_RATIO {
            self.warned_of_limit = false;
        }
        if let Err(limit) = &admitted
            && !refused_before
        {
            let summary = format!("the queue is full: {limit}; changes are refused until it is under 95 % again");
            let event = self.event(EventKind::LimitReached, Severity::Error, summary);
            self.later(Operation::Log(event));
        }
        admitted.map_err(|limit| EngineError::QueueLimit { map: self.map.id.clone(), limit })
    }

    /// Times are in the order of the queue also when the clock was set back a little, so that one is found by looking at a few records.
    fn next_accept_time(&mut self) -> DateTime<Utc> {
        let now = self.context.clock.now();
        let set_back_little = (now..now + CLOCK_SET_BACK_MAX).contains(&self.last_accepted);
        self.last_accepted = if set_back_little { self.last_accepted } else { now };
        self.last_accepted
    }

    /// Puts what arrived into one commit, when none is on its way.
    pub async fn enqueue(&mut self) -> Result<(), EngineError> {
        if self.enqueueing.is_some() || self.arriving.is_empty() {
            return Ok(());
        }
        let accept_time = self.next_accept_time();
        let because = self.map.state.queues_because();
        let mut batch = crossing::Batch::new(self.last_queued.next(), accept_time);
        while let Some(arrival) = self.arriving.pop_front() {
            let bytes = arrival.change.size() as u64;
            if let Some(arrival) = self.enter(&mut batch, arrival)? {
                self.arriving.push_front(arrival);
                break;
            }
            self.arriving_bytes -= bytes;
        }
        if batch.records.is_empty() && batch.lost.is_empty() {
            return Ok(()); // all were refused
        }
        let crossing::Batch { records, lost, effects, bytes, .. } = batch;
        // What they have written at their own side is known no later than they are.
        self.note_accepted(records.iter().map(|(record, _)| (record.sequence, &record.change)));
        // What rides along goes by itself, so that a refusal for want of room concerns these changes alone.
        self.submit_lazy().await?;
        let mut operations = Vec::new();
        if !records.is_empty() {
            let mut new_records = NewRecords::with_capacity(records.len(), bytes);
            for (record, _) in &records {
                new_records.push(record, self.fingerprint_of(&record.change), because);
            }
            operations.push(new_records.into_operation());
        }
        operations.extend(effects.operations.iter().cloned());
        let commit = Commit { map: self.map.id.clone(), expected: None, operations };
        self.shown.count(flow_of(&commit.operations));
        // Rule 1: synced before anyone is answered.
        let commit = self.context.store.submit(commit, Durability::Synced).await?;
        self.enqueueing = Some(Enqueueing { commit, records, lost, because, crossings: effects });
        Ok(())
    }

    /// The commit that enqueues is on disk, or was refused.
    pub fn enqueued(&mut self, result: Result<Receipt, StoreError>) -> Result<(), EngineError> {
        let Some(Enqueueing { records, lost, because, crossings, .. }) = self.enqueueing.take() else { return Ok(()) };
        if let Err(error) = result {
            return self.refuse_enqueued(records, lost, crossings, error);
        }
        for lost in lost {
            self.answer_lost(lost);
        }
        for (record, _) in &records {
            self.last_queued = record.sequence;
            self.queued += 1;
            self.queued_bytes += record.change.size() as u64;
        }
        self.apply_crossings(crossings);
        self.shown.queue_further();
        for (record, reply) in records {
            let (disposition, sequence) = (Disposition::Queued, record.sequence);
            let answer = Answer { disposition, sequence, reason: because.as_str().to_owned() };
            if !record.change.change_id.is_empty() {
                self.answer_waiters(&record.change.change_id, &answer);
            }
            if let Some(reply) = reply {
                let _ = reply.send(Ok(answer));
            }
            self.follow(record);
        }
        Ok(())
    }

    /// The store took none of these changes. A full disk is told to their callers and everything else goes on; any other
    /// failure starts the map's work again from what the store has.
    fn refuse_enqueued(
        &mut self,
        records: Vec<(QueuedRecord, Option<Reply<Answer>>)>,
        lost: Vec<crossing::Lost>,
        crossings: crossing::Effects,
        error: StoreError,
    ) -> Result<(), EngineError> {
        tracing::warn!(map = %self.map.id, %error, changes = records.len() + lost.len(), "changes were refused");
        let queued = records.into_iter().map(|(record, reply)| (record.change, reply));
        for (change, reply) in queued.chain(lost.into_iter().map(|lost| (lost.change, lost.reply))) {
            self.forget_unanswered(&change.change_id);
            let told = match &error {
                StoreError::Full { free_bytes, reserve_bytes } => {
                    StoreError::Full { free_bytes: *free_bytes, reserve_bytes: *reserve_bytes }.into()
                }
                _ => EngineError::NotReady,
            };
            if let Some(reply) = reply {
                let _ = reply.send(Err(told));
            }
        }
        if matches!(error, StoreError::Full { .. }) {
            self.undo_crossings(crossings);
            return Ok(());
        }
        Err(error.into())
    }
}
