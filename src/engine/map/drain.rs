//! Draining: queued records are read into lanes in their order, and the first of each lane goes to its destination.

use super::ahead::Ahead;
use super::entries::Entries;
use super::entry::{Entry, Source};
use super::next_page::{NextPage, Records};
use super::refresh::{Fetch, Fetched};
use super::task::{MapTask, Sides};
use crate::connectors::{Write, WriteOperation};
use crate::engine::delivery::{Destination, Item, Origin, Place, Priority};
use crate::engine::error::EngineError;
use crate::model::change::{Change, Ending, QueuedRecord};
use crate::model::ids::{JobNumber, QueueSequence};
use crate::model::key::Key;
use crate::model::lanes::{Lanes, Ticket};
use crate::model::mapping::MappedRecord;
use crate::model::state::MapState;
use crate::model::table_map::Side;
use foldhash::{HashMap, HashSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// Changes that a map has in its lanes at most, of the queue and of callers that wait.
pub(super) const ENTRIES_MAX: usize = 20_480;
/// Queued records that are loaded at most, and read at one time: as many as a destination has under way and in its inbox, and those
/// that are read meanwhile.
const WINDOW_RECORDS_MAX: usize = 10_240;
/// Bytes of those that are loaded, past which none are read.
const WINDOW_BYTES_MAX: usize = 32 * 1024 * 1024;
pub(super) const READ_RECORDS_MAX: usize = 1_024;
pub(super) const READ_BYTES_MAX: usize = 1024 * 1024;

/// The lanes of a map and what is in them.
#[derive(Default)]
pub(super) struct Drain {
    pub lanes: Lanes,
    pub entries: Entries,
    /// Queued records among them, by sequence.
    pub held: HashMap<QueueSequence, Ticket>,
    /// How many of these come from each side.
    pub held_from: Sides<usize>,
    /// Bytes of their changes.
    held_bytes: usize,
    /// Queued records up to this one have been loaded since draining began.
    pub read_to: QueueSequence,
    pub next_page: NextPage,
    pub ahead: Ahead,
    /// Firsts of their lanes, by the side where they come from, in the order in which they became so.
    ready: Sides<VecDeque<Ticket>>,
    /// Must not go out until a commit is done.
    on_hold: HashSet<Ticket>,
    /// The destination of these has no place; by the side where they come from.
    blocked: Option<Side>,
    /// Sides that the current initial sync writes to.
    pub copied_to: Sides<bool>,
}

impl Drain {
    pub fn has_room(&self) -> bool {
        self.entries.len() < ENTRIES_MAX - WINDOW_RECORDS_MAX / 2
    }

    /// The side whose destination has no place for what is ready.
    pub fn blocked_side(&self) -> Option<Side> {
        self.blocked.map(Side::other)
    }

    pub fn entry(&self, ticket: Ticket) -> Option<&Entry> {
        self.entries.get(ticket)
    }

    pub fn hold(&mut self, ticket: Ticket) {
        self.on_hold.insert(ticket);
    }

    pub fn release(&mut self, tickets: &[Ticket]) {
        for ticket in tickets {
            self.on_hold.remove(ticket);
        }
    }

    /// Whether what becomes of an entry is not ours to say any more: it is at its destination, or a commit is on its way that
    /// takes something from it.
    pub fn is_bound(&self, ticket: Ticket) -> bool {
        self.entries.get(ticket).is_some_and(|entry| entry.dispatched) || self.on_hold.contains(&ticket)
    }

    /// A change is queued: synchronous writes of its keys that still wait must not be queued behind it (rule 2).
    pub fn overtake(&mut self, change: &Change) {
        for key in change.keys() {
            for ticket in self.lanes.of(key.hashed()) {
                if let Some(Source::Direct { overtaken, .. }) =
                    self.entries.get_mut(ticket).map(|entry| &mut entry.source)
                {
                    *overtaken = true;
                }
            }
        }
    }

    /// Whether a change of the other side is in the lanes of this one's keys.
    pub fn other_side_is_on(&self, change: &Change) -> bool {
        change.keys().any(|key| self.of_key(key).any(|(_, entry)| entry.change.source != change.source))
    }

    /// What is under way from one side on these keys and is not in the queue: synchronous writes, and records that left the
    /// queue by a decision meanwhile.
    pub fn unqueued_of<'a>(&'a self, source: Side, keys: &'a [Key]) -> impl Iterator<Item = (Ticket, &'a Entry)> {
        keys.iter()
            .flat_map(|key| self.of_key(key))
            .filter(move |(_, entry)| !matches!(entry.source, Source::Queued { .. }) && entry.change.source == source)
    }

    /// What is in the lane of a key and has it, first to last.
    fn of_key<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = (Ticket, &'a Entry)> {
        let entries = self.lanes.of(key.hashed()).filter_map(|ticket| self.entry(ticket).map(|entry| (ticket, entry)));
        entries.filter(move |(_, entry)| entry.change.keys().any(|other| other == key))
    }

    /// Whether no further page of the queue is loaded in turn.
    pub fn window_is_full(&self) -> bool {
        self.held.len() > WINDOW_RECORDS_MAX - READ_RECORDS_MAX || self.held_bytes > WINDOW_BYTES_MAX
    }

    pub fn queued_in_lanes(&self) -> usize {
        self.held.len()
    }

    /// No queued record is in the lanes any more.
    pub fn holds_none(&mut self) {
        self.held.clear();
        self.held_from = Sides::default();
        self.held_bytes = 0;
    }

    /// What is under way for a record that is no longer in the queue: it only keeps its lane until it ends.
    pub fn forget_record(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entries.get_mut(ticket) {
            entry.source = Source::Gone;
            entry.on_its_way = None;
        }
    }

    pub fn under_way(&self) -> usize {
        self.entries.find(|entry| entry.dispatched).len()
    }
}

impl MapTask {
    /// Whether queued records are written now.
    pub fn drains(&self) -> bool {
        self.running.is_some()
            && match self.map.state {
                MapState::Running | MapState::Resuming => true,
                MapState::Initializing => self.copied,
                MapState::Paused | MapState::NotRunning => false,
            }
    }

    /// Begins to read the queue from its front; what is still under way from before is not loaded twice.
    pub fn drain_from_front(&mut self) {
        self.drain.read_to = QueueSequence(0);
        self.drain.next_page.forget();
        self.drain.ahead = Ahead::default();
    }

    pub fn push_entry(&mut self, entry: Box<Entry>) -> Ticket {
        let (side, keys) = (entry.change.source, entry.keys);
        let queued = match &entry.source {
            Source::Queued { record } => Some((record.sequence, record.bytes)),
            Source::Direct { .. } | Source::Retry { .. } | Source::Gone => None,
        };
        let ticket = self.drain.entries.insert(entry);
        if let Some((sequence, bytes)) = queued {
            self.drain.held.insert(sequence, ticket);
            *self.drain.held_from.get_mut(side) += 1;
            self.drain.held_bytes += bytes;
        }
        if self.drain.lanes.push(ticket, keys) {
            self.drain.ready.get_mut(side).push_back(ticket);
        }
        ticket
    }

    /// Takes a queued record into the lanes.
    pub fn load_entry(&mut self, entry: Box<Entry>) {
        let sequence = entry.sequence();
        let ticket = self.push_entry(entry);
        // A commit on its way may take columns from it.
        if let (Some(enqueueing), Some(sequence)) = (&mut self.enqueueing, sequence)
            && enqueueing.crossings.hold(sequence, ticket)
        {
            self.drain.hold(ticket);
        }
    }

    /// A record that was just enqueued goes on at once when nothing is queued before it that is not loaded.
    pub fn follow(&mut self, record: QueuedRecord) {
        let next = self.drain.read_to.next() == record.sequence;
        if self.drains() && next && !self.drain.window_is_full() {
            self.drain.read_to = record.sequence;
            self.load_entry(Entry::queued(record));
        }
    }

    /// Takes queued records into the lanes while there is room (rule 2: in the order in which they were accepted), and has the next
    /// ones read meanwhile.
    pub fn load(&mut self) {
        // While there is no room none is read either: what goes on out of turn meanwhile would make the page old with every commit.
        if !self.drains() || self.drain.window_is_full() {
            return;
        }
        if let Some((entries, to)) = self.drain.next_page.take() {
            self.load_page(entries, to);
        }
        if !self.drain.window_is_full() && !self.drain.next_page.is_asked() && self.drain.read_to < self.last_queued {
            let (store, map, after) = (self.context.store.clone(), self.map.id.clone(), self.drain.read_to);
            let read = move || {
                let records = store.queued(&map, after, READ_RECORDS_MAX, READ_BYTES_MAX)?;
                Ok(records.into_iter().map(Entry::queued).collect())
            };
            let reading = self.context.tasks.spawn_blocking(read);
            self.drain.next_page = NextPage::Asked { to: self.last_queued, reading };
        }
    }

    fn load_page(&mut self, entries: Records, to: QueueSequence) {
        let last = entries.last().and_then(|entry| entry.sequence());
        self.drain.read_to = last.map_or(to, |last| last.min(self.last_queued));
        for entry in entries {
            let is_new = |sequence| !self.drain.held.contains_key(&sequence) && self.is_queued(sequence);
            if entry.sequence().is_some_and(is_new) {
                self.load_entry(entry);
            }
        }
    }

    /// Hands what is ready to its destinations, as far as they have places. True when it did so with any.
    pub fn dispatch(&mut self) -> Result<bool, EngineError> {
        let mut some = false;
        self.drain.blocked = None;
        for side in Side::BOTH {
            if self.drain.ready.get(side).is_empty() {
                continue;
            }
            let Some((origin, destination)) = self.way_from(side) else { continue };
            let mut places = destination.try_places(Priority::Change, self.drain.ready.get(side).len());
            let mut held_up = VecDeque::new();
            while let Some(ticket) = self.drain.ready.get_mut(side).pop_front() {
                if self.drain.on_hold.contains(&ticket) {
                    held_up.push_back(ticket);
                    continue;
                }
                if self.is_abandoned(ticket)
                    || self.is_queued_instead(ticket)
                    || self.is_superseded(ticket)
                    || self.is_overtaken(ticket)?
                {
                    continue;
                }
                match self.fetch(side, ticket) {
                    Fetch::NotNeeded => {}
                    Fetch::Begun => continue,
                    Fetch::Later => {
                        held_up.push_back(ticket);
                        continue;
                    }
                }
                let Some(place) = places.next() else {
                    self.drain.ready.get_mut(side).push_front(ticket);
                    self.drain.blocked = Some(side);
                    break;
                };
                self.dispatch_one(side, ticket, &origin, place);
                some = true;
            }
            held_up.append(self.drain.ready.get_mut(side));
            *self.drain.ready.get_mut(side) = held_up;
        }
        Ok(some)
    }

    /// A caller that has gone wants nothing any more, and nothing was promised to it.
    fn is_abandoned(&mut self, ticket: Ticket) -> bool {
        let Some(entry) = self.drain.entries.get(ticket) else { return true };
        let gone = matches!(&entry.source, Source::Direct { reply, .. } if reply.is_closed());
        if gone {
            let change_id = entry.change.change_id.clone();
            self.forget_unanswered(&change_id);
            self.leave(ticket);
        }
        gone
    }

    /// A synchronous write of a map that does not write any more goes into the queue when its turn comes, so that those of a key
    /// keep their order (rule 2).
    fn is_queued_instead(&mut self, ticket: Ticket) -> bool {
        let is_direct = |entry: &Entry| matches!(entry.source, Source::Direct { .. });
        if self.drains() || !self.entry(ticket).is_some_and(is_direct) {
            return false;
        }
        if let Some(entry) = self.remove_entry(ticket) {
            self.queue_instead(*entry);
        }
        true
    }

    /// A change that yielded all it had to one that crossed it is not written (rule 9).
    fn is_superseded(&mut self, ticket: Ticket) -> bool {
        let Some(Entry { source: Source::Queued { .. }, change, yielded, .. }) = self.drain.entry(ticket) else {
            return false;
        };
        let superseded = change.is_yielded(yielded);
        if superseded {
            self.leave_as(ticket, Ending::Superseded);
        }
        superseded
    }

    /// What goes out now from a side has in common, and where it goes.
    fn way_from(&self, side: Side) -> Option<(Arc<Origin>, Destination)> {
        let target = self.running.as_ref()?.sides.get(side.other());
        let (table, pass, outcomes) = (target.table.clone(), self.pass_gate.pass(), self.outcomes_sender());
        Some((Arc::new(Origin { table, pass, outcomes }), target.destination.clone()))
    }

    fn dispatch_one(&mut self, side: Side, ticket: Ticket, origin: &Arc<Origin>, place: Place<'_>) {
        let (Some(running), Some(entry)) = (&self.running, self.drain.entries.get_mut(ticket)) else { return };
        let target = running.sides.get(side.other());
        let mapped = match std::mem::take(&mut entry.fetched) {
            Fetched::Row(Some(whole)) => {
                let filled = running.plan.filled(&entry.change, whole);
                entry.change.row = filled.told; // what crosses it from now on sees what it writes
                running.plan.map_filled(&entry.change, filled.rest, &entry.yielded)
            }
            Fetched::Row(None) | Fetched::Not | Fetched::Reading => running.plan.map(&entry.change, &entry.yielded),
        };
        if let Some(mut echo) = target.echo() {
            echo.sent(&entry.change.key, mapped.written());
        }
        entry.dispatched = true;
        entry.on_its_way = entry.source.shown_as().map(|sent| self.shown.sent(sent, side));
        tracing::trace!(map = %self.map.id, key = %entry.change.key, to = side.other().as_str(), ?mapped, "goes out");
        place.put(Item {
            ticket: ticket.0,
            keys: entry.keys,
            write: write_of(mapped),
            caller_waits: matches!(entry.source, Source::Direct { .. }),
            origin: origin.clone(),
        });
    }

    /// An entry goes to its destination again: it was given back, and may go on.
    pub fn ready_again(&mut self, ticket: Ticket) {
        if let Some(entry) = self.drain.entries.get_mut(ticket) {
            entry.dispatched = false;
            entry.on_its_way = None;
            let side = entry.change.source;
            self.drain.ready.get_mut(side).push_front(ticket);
        }
    }

    /// Takes an entry out of the lanes; what waited behind it becomes ready.
    pub fn remove_entry(&mut self, ticket: Ticket) -> Option<Box<Entry>> {
        let entry = self.drain.entries.remove(ticket)?;
        for next in self.drain.lanes.remove(ticket, entry.keys) {
            if let Some(side) = self.entry(next).map(|entry| entry.change.source) {
                self.drain.ready.get_mut(side).push_back(next);
            }
        }
        self.drain.on_hold.remove(&ticket);
        if let Source::Queued { record } = &entry.source {
            self.drain.held.remove(&record.sequence);
            *self.drain.held_from.get_mut(entry.change.source) -= 1;
            self.drain.held_bytes -= record.bytes;
        }
        if let Source::Retry { retry } = &entry.source {
            self.jobs.is_no_more_under_way(retry);
        }
        Some(entry)
    }

    /// Takes out what is kept and is not under way: it is read again. Callers wait for the rest.
    pub fn unload(&mut self) {
        let stays = |entry: &Entry| entry.dispatched || matches!(entry.source, Source::Direct { .. });
        self.reads.clear();
        self.drain.next_page.forget();
        for ticket in self.drain.entries.find(|entry| !stays(entry)) {
            self.remove_entry(ticket);
        }
        for side in Side::BOTH {
            self.drain.ready.get_mut(side).retain(|ticket| self.drain.entries.get(*ticket).is_some());
        }
        self.jobs.rewind();
    }

    /// Takes a job's errors out that are not at their destination.
    pub fn drop_retries(&mut self, job: JobNumber) {
        let of_job = |entry: &Entry| matches!(&entry.source, Source::Retry { retry } if retry.job == job);
        for ticket in self.drain.entries.find(|entry| !entry.dispatched && of_job(entry)) {
            self.remove_entry(ticket);
        }
    }

    /// An entry that ended: a queued one has left the queue.
    pub fn leave(&mut self, ticket: Ticket) {
        if let Some(entry) = self.remove_entry(ticket)
            && let Source::Queued { record } = &entry.source
        {
            self.count_left(&entry.change, record.bytes, record.sequence);
        }
    }

    pub fn count_left(&mut self, change: &Change, bytes: usize, sequence: QueueSequence) {
        self.queued = self.queued.saturating_sub(1);
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes as u64);
        self.pending.left(change, sequence);
        self.leaving.insert(sequence);
        self.ends_next.left.push(sequence);
    }
}

/// A mapped record as a connector takes it.
pub(crate) fn write_of(mapped: MappedRecord) -> Write {
    let MappedRecord { key, previous_key, values, insert_values, absent, over } = mapped;
    let operation = match values {
        Some(values) => WriteOperation::Upsert { values, insert_values, absent, previous_key },
        None => WriteOperation::Delete,
    };
    Write { key, operation, over }
}
