//! Changes of one key from both sides that cross (rule 9): finds what an incoming change meets, and carries out what the
//! model decides. Only maps that go both ways can cross.

use super::Reply;
use super::accept::{Arrival, CONFLICT, FRAMING_BYTES};
use super::drain::Source;
use super::pending::Replaced;
use super::task::{MapTask, Sides};
use crate::engine::error::EngineError;
use crate::model::activity::{ConflictRows, EventKind, Severity};
use crate::model::change::{Answer, Cause, Change, Operation as ChangeOperation, QueuedRecord, YIELDS_ALL};
use crate::model::conflict::{self, Crossing, Earlier, cross};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::lanes::Ticket;
use crate::model::mapping::Plan;
use crate::model::print::Over;
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::model::table_map::{Side, SyncMode};
use crate::model::told::{Again, said_again};
use crate::store::Operation;
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashSet};

/// The row of one side in the event that tells of a conflict.
const CONFLICT_ROW_BYTES_MAX: usize = 8 * 1024;
/// Records of one read when a whole queue has to be looked through.
const SCAN_RECORDS: usize = 1_000;
const SCAN_BYTES: usize = 1024 * 1024;

/// Changes on their way into the queue, and what they do to those before them.
pub(super) struct Batch {
    next: QueueSequence,
    accept_time: DateTime<Utc>,
    pub records: Vec<(QueuedRecord, Option<Reply<Answer>>)>,
    pub effects: Effects,
    /// About how many bytes its commit has.
    pub bytes: usize,
}

/// What is done to earlier changes when the commit succeeds, and undone when it does not.
#[derive(Default)]
pub(super) struct Effects {
    pub operations: Vec<Operation>,
    /// Loaded records that must not go out before it is known.
    held: Vec<Ticket>,
    yields: Vec<(QueueSequence, BTreeSet<String>)>,
    replaced: Vec<Replaced>,
}

impl Effects {
    /// Whether a record that was loaded meanwhile must not go out before it is known what the commit does to it.
    pub fn hold(&mut self, sequence: QueueSequence, ticket: Ticket) -> bool {
        let yields = self.yields.iter().any(|(of, _)| *of == sequence);
        if yields {
            self.held.push(ticket);
        }
        yields
    }
}

impl Batch {
    pub fn new(next: QueueSequence, accept_time: DateTime<Utc>) -> Self {
        Self { next, accept_time, records: Vec::new(), effects: Effects::default(), bytes: 0 }
    }
}

/// What an incoming change comes to when it has crossed all that it met.
#[derive(Default)]
struct Crossed {
    /// What the other side won of it.
    lost_columns: BTreeSet<String>,
    /// Nothing of it is left.
    lost: bool,
    /// It is not written itself: what is said again has all of it.
    replaced: bool,
    before: Vec<Change>,
    after: Vec<Change>,
    again: Sides<Again>,
}

/// What is told of an incoming change that crossed others.
struct Conflict {
    incoming: Change,
    /// The last of the others that a caller made, and the side that won.
    earlier: Option<(Change, Side)>,
    lost: BTreeSet<String>,
    crossed: i64,
}

impl Conflict {
    fn of(incoming: &Change) -> Self {
        Self { incoming: incoming.clone(), earlier: None, lost: BTreeSet::new(), crossed: 0 }
    }

    fn add(&mut self, earlier: &Change, crossing: &Crossing) {
        if earlier.cause != Cause::Settlement {
            // Of what only brings back, the conflict behind it was told.
            self.earlier = Some((earlier.clone(), crossing.winner));
            self.lost.extend(crossing.lost.iter().cloned());
            self.crossed += 1;
        }
    }
}

/// An earlier change of the other side that has not reached its destination.
struct Met {
    /// None for one that is under way and not in the queue: a synchronous write, or one whose record was left aside.
    sequence: Option<QueueSequence>,
    ticket: Option<Ticket>,
    change: Change,
    yielded: BTreeSet<String>,
    /// It may have arrived already, or arrive at any moment.
    under_way: bool,
}

impl MapTask {
    /// Enters one change into a batch, after what it meets has been decided.
    pub fn enter(&mut self, batch: &mut Batch, arrival: Arrival) -> Result<(), EngineError> {
        let Arrival { mut change, reply, perhaps_echo } = arrival;
        let Some(plan) = self.running.as_ref().map(|running| running.plan.clone()) else {
            return Ok(()); // dropping the reply answers: not ready
        };
        if !self.goes_both_ways() {
            self.push(batch, change, reply);
            return Ok(());
        }
        let mut yielded = BTreeSet::new();
        let mut after = Vec::new();
        if perhaps_echo {
            // Rule 10: content does not decide here, so the other side gets what this one has when its turn comes.
            yielded.insert(YIELDS_ALL.to_owned());
            after.push(conflict::in_place_of(&change));
        } else {
            let crossed = self.cross_all(batch, &plan, &mut change)?;
            self.push_added(batch, crossed.before);
            after.extend(crossed.after);
            if crossed.lost {
                self.push_added(batch, after);
                self.yielded_whole(&change, reply);
                return Ok(());
            }
            if crossed.replaced {
                yielded.insert(YIELDS_ALL.to_owned());
            }
            after.extend(self.told_late(&plan, &change));
            if self.map.state == MapState::Initializing && !self.copied && *self.drain.copied_to.get(change.source) {
                // The copy may put an older row over this change at its own side; it is written there again after it.
                after.extend(conflict::mirrored(&plan, &change));
            }
        }
        self.push(batch, change, reply);
        if yielded.contains(YIELDS_ALL)
            && let Some((record, _)) = batch.records.last_mut()
        {
            record.yielded.insert(YIELDS_ALL.to_owned());
            let (sequence, columns) = (record.sequence, record.yielded.clone());
            batch.effects.operations.push(Operation::Yield { sequence, columns });
        }
        self.push_added(batch, after);
        Ok(())
    }

    /// Rule 9: decides between an incoming change and all that it meets; takes from it what it loses.
    fn cross_all(&mut self, batch: &mut Batch, plan: &Plan, change: &mut Change) -> Result<Crossed, EngineError> {
        let other = change.source.other();
        let keys: Vec<Key> = change.keys().cloned().collect();
        let met = self.pending_of(batch, other, &keys)?;
        let mut crossed = Crossed::default();
        let mut conflict = Conflict::of(change);
        let (brought_back, told): (Vec<&Met>, Vec<&Met>) =
            met.iter().partition(|met| met.change.cause == Cause::Settlement);
        for met in &told {
            if let Some(crossing) = self.cross_one(batch, plan, met, change, &mut crossed) {
                conflict.add(&met.change, &crossing);
            }
        }
        self.log_conflict(batch, plan, conflict);
        let had_columns = !change.row.is_empty();
        change.row.retain(|column| !crossed.lost_columns.contains(column));
        crossed.lost = crossed.lost_columns.contains(YIELDS_ALL) || (had_columns && change.row.is_empty());
        if !crossed.lost {
            // Only now: what it has lost is not to be brought back in the place of older values.
            for met in brought_back {
                self.cross_one(batch, plan, met, change, &mut crossed);
            }
            keep_to_what_is_not_told(plan, change, &told, &mut crossed.after);
            let (own, again) = ([(&*change, &BTreeSet::new())], crossed.again.get(change.source));
            crossed.after.extend(said_again(change.source, &change.key, again, &own));
        }
        // All of it, as it was before this crossing took anything from it: what is said again stands for that too.
        let again = crossed.again.get(other);
        let further: Vec<Key> =
            again.records.iter().map(|(key, _)| key.clone()).filter(|key| !keys.contains(key)).collect();
        let mut others = self.pending_of(batch, other, &further)?;
        others.retain(|met| told.iter().all(|known| known.sequence != met.sequence));
        let mut others: Vec<&Met> = others.iter().chain(told).collect();
        others.sort_by_key(|met| met.sequence);
        let others: Vec<_> = others.into_iter().map(|met| (&met.change, &met.yielded)).collect();
        crossed.after.extend(said_again(other, &change.key, again, &others));
        Ok(crossed)
    }

    /// Decides between an incoming change and one that it meets, and notes what follows.
    fn cross_one(
        &mut self,
        batch: &mut Batch,
        plan: &Plan,
        met: &Met,
        change: &Change,
        crossed: &mut Crossed,
    ) -> Option<Crossing> {
        let earlier = Earlier { change: &met.change, yielded: &met.yielded, under_way: met.under_way };
        let crossing = cross(plan, &earlier, change)?;
        if !crossing.earlier_yields.is_empty() {
            self.earlier_yields(batch, met, crossing.earlier_yields.clone());
        }
        if crossing.earlier_settled
            && let Some(entry) = met.ticket.and_then(|ticket| self.drain.entries.get_mut(&ticket))
        {
            entry.settled = true;
        }
        crossed.before.extend(crossing.before.iter().cloned());
        crossed.after.extend(crossing.after.iter().cloned());
        crossed.again.get_mut(crossing.winner).extend(crossing.again.clone());
        if crossing.winner == change.source {
            crossed.replaced |= !crossing.incoming_yields.is_empty();
        } else {
            crossed.lost_columns.extend(crossing.incoming_yields.iter().cloned());
        }
        Some(crossing)
    }

    /// What follows a change that its application may have made before our last write arrived there. One that is told of
    /// within its transaction is not: but only synchronous maps can ask for that.
    fn told_late(&self, plan: &Plan, change: &Change) -> Vec<Change> {
        if self.map.definition.sync_mode == SyncMode::Synchronous {
            return Vec::new();
        }
        let Some(running) = &self.running else { return Vec::new() };
        let now = self.context.clock.now();
        let Some(echo) = running.sides.get(change.source).echo() else { return Vec::new() };
        let over_previous = change.previous_key.as_ref().and_then(|previous| echo.left_lately(previous, now));
        conflict::told_late(plan, change, echo.may_be_over(change, now), over_previous)
    }

    /// An incoming change of which nothing is left: its caller hears that the other side won.
    fn yielded_whole(&mut self, change: &Change, reply: Option<Reply<Answer>>) {
        let answer = self.skip(change, CONFLICT);
        if let Some(reply) = reply {
            let _ = reply.send(Ok(answer));
        }
    }

    /// Puts what follows from a crossing into the lanes; the same is not done twice.
    fn push_added(&mut self, batch: &mut Batch, added: Vec<Change>) {
        // What is brought back comes first, so that a refresh finds it.
        let (refreshes, brought_back): (Vec<_>, Vec<_>) =
            added.into_iter().partition(|change| matches!(change.cause, Cause::Refresh | Cause::Reread));
        let mut distinct: Vec<Change> = Vec::new();
        for change in brought_back.into_iter().chain(refreshes) {
            if !distinct.iter_mut().any(|other| conflict::merge(other, &change)) {
                distinct.push(change);
            }
        }
        for change in distinct {
            self.push(batch, change, None);
        }
    }

    fn push(&mut self, batch: &mut Batch, change: Change, reply: Option<Reply<Answer>>) {
        let sequence = batch.next;
        batch.next = sequence.next();
        let (previous, replaced) = self.pending.enter(&change, sequence);
        batch.effects.replaced.push(replaced);
        tracing::trace!(map = %self.map.id, %sequence, ?change, "enters the queue");
        batch.bytes += change.size() + FRAMING_BYTES;
        let accept_time = batch.accept_time;
        let record = QueuedRecord { sequence, accept_time, change, previous, yielded: BTreeSet::new() };
        batch.records.push((record, reply));
    }

    /// Changes of one side, of any of these keys, that are accepted and have not arrived; oldest first.
    fn pending_of(&self, batch: &Batch, source: Side, keys: &[Key]) -> Result<Vec<Met>, EngineError> {
        let mut met: Vec<Met> = Vec::new();
        let mut to_see: Vec<QueueSequence> = self.pending.last_of(keys).collect();
        let mut seen = HashSet::new();
        while let Some(sequence) = to_see.pop() {
            if !seen.insert(sequence) {
                continue;
            }
            let Some((record, ticket, under_way)) = self.find(batch, sequence)? else { continue };
            if record.change.previous_key.is_some() {
                // Its two keys have one link back between them: look through all instead.
                met = self.pending_in_whole_queue(batch, source, keys)?;
                break;
            }
            to_see.extend(record.previous);
            met.extend(met_record(record, ticket, under_way, source, keys));
        }
        met.extend(self.drain.unqueued_of(source, keys).map(|(ticket, entry)| Met {
            sequence: None,
            ticket: Some(ticket),
            change: entry.change.clone(),
            yielded: BTreeSet::new(),
            under_way: true,
        }));
        met.sort_by_key(|met| met.sequence); // what is in no queue was there first
        Ok(met)
    }

    fn pending_in_whole_queue(&self, batch: &Batch, source: Side, keys: &[Key]) -> Result<Vec<Met>, EngineError> {
        let mut met = Vec::new();
        let mut after = QueueSequence(0);
        loop {
            let page = self.context.store.queued(&self.map.id, after, SCAN_RECORDS, SCAN_BYTES)?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            for record in page.into_iter().filter(|record| self.is_queued(record.sequence)) {
                let sequence = record.sequence;
                let ticket = self.drain.held.get(&sequence).copied();
                let under_way = ticket.and_then(|ticket| self.entry(ticket)).is_some_and(|entry| entry.dispatched);
                met.extend(met_record(record, ticket, under_way, source, keys));
            }
        }
        for (record, _) in &batch.records {
            met.extend(met_record(record.clone(), None, false, source, keys));
        }
        Ok(met)
    }

    /// A queued record by its sequence: of this batch, loaded, or in the store; and whether it is under way.
    #[allow(clippy::type_complexity)]
    fn find(
        &self,
        batch: &Batch,
        sequence: QueueSequence,
    ) -> Result<Option<(QueuedRecord, Option<Ticket>, bool)>, EngineError> {
        if let Some((record, _)) = batch.records.iter().find(|(record, _)| record.sequence == sequence) {
            return Ok(Some((record.clone(), None, false)));
        }
        if let Some(ticket) = self.drain.held.get(&sequence)
            && let Some(entry) = self.entry(*ticket)
            && let Source::Queued { record } = &entry.source
        {
            let record = QueuedRecord {
                sequence,
                accept_time: record.accept_time,
                change: entry.change.clone(),
                previous: record.previous,
                yielded: entry.yielded.clone(),
            };
            return Ok(Some((record, Some(*ticket), entry.dispatched)));
        }
        let record = if self.leaving.contains(&sequence) {
            None
        } else {
            self.context.store.queued_record(&self.map.id, sequence)?
        };
        Ok(record.map(|record| (record, None, false)))
    }

    /// An earlier change gives columns up. When none is left it leaves the queue as superseded when its turn comes, so that
    /// records of a key leave in their order.
    fn earlier_yields(&mut self, batch: &mut Batch, met: &Met, columns: BTreeSet<String>) {
        let Some(sequence) = met.sequence else { return };
        tracing::trace!(map = %self.map.id, %sequence, ?columns, "yields");
        if let Some((record, _)) = batch.records.iter_mut().find(|(record, _)| record.sequence == sequence) {
            record.yielded.extend(columns.iter().cloned());
        }
        if let Some(ticket) = met.ticket {
            self.drain.hold(ticket);
            batch.effects.held.push(ticket);
        }
        batch.effects.operations.push(Operation::Yield { sequence, columns: columns.clone() });
        batch.effects.yields.push((sequence, columns));
    }

    /// Whether a record that the store shows is still in the queue, and was enqueued by a commit that is done.
    pub fn is_queued(&self, sequence: QueueSequence) -> bool {
        sequence <= self.last_queued && !self.leaving.contains(&sequence)
    }

    /// Tells of a conflict: who won, and which columns of the other side were lost by it.
    fn log_conflict(&mut self, batch: &mut Batch, plan: &Plan, conflict: Conflict) {
        let Conflict { incoming, earlier: Some((earlier, winner)), lost, crossed } = conflict else { return };
        let whole = |change: &Change| -> Row {
            let row = plan.key_row(change.source, &change.key).into_iter().chain(change.row.clone()).collect::<Row>();
            row.shortened(CONFLICT_ROW_BYTES_MAX)
        };
        let rows = [&earlier, &incoming].map(|change| (change.source, whole(change)));
        let of = |side: Side| rows.iter().find(|(source, _)| *source == side).map(|(_, row)| row.clone());
        let summary = format!(
            "key {}: changes from both sides crossed; {} wins what both touched",
            incoming.key,
            winner.as_str()
        );
        let mut event = self.event(EventKind::Conflict, Severity::Warning, summary);
        event.counts.insert("crossed".to_owned(), crossed);
        event.conflict = Some(ConflictRows {
            key: plan.key_row(Side::Left, &incoming.key),
            left: of(Side::Left).unwrap_or_default(),
            right: of(Side::Right).unwrap_or_default(),
            winner,
            lost_columns: lost.into_iter().collect(),
        });
        batch.bytes += 2 * CONFLICT_ROW_BYTES_MAX;
        batch.effects.operations.push(Operation::Log(event));
    }

    /// The commit is on disk: what it did to earlier changes is done to those that are loaded.
    pub fn apply_crossings(&mut self, effects: Effects) {
        for (sequence, columns) in effects.yields {
            if let Some(ticket) = self.drain.held.get(&sequence)
                && let Some(entry) = self.drain.entries.get_mut(ticket)
            {
                entry.yielded.extend(columns);
            }
        }
        self.drain.release(&effects.held);
    }

    pub fn undo_crossings(&mut self, effects: Effects) {
        for replaced in effects.replaced.into_iter().rev() {
            self.pending.take_back(replaced);
        }
        self.drain.release(&effects.held);
    }

    /// What is pending is found again when the work of a map starts.
    pub fn rebuild_pending(&mut self) -> Result<(), EngineError> {
        self.pending.clear();
        if !self.goes_both_ways() {
            return Ok(());
        }
        let mut after = QueueSequence(0);
        loop {
            let page = self.context.store.queued(&self.map.id, after, SCAN_RECORDS, SCAN_BYTES)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.sequence;
            for record in &page {
                self.pending.enter(&record.change, record.sequence);
            }
        }
    }
}

fn met_record(
    record: QueuedRecord,
    ticket: Option<Ticket>,
    under_way: bool,
    source: Side,
    keys: &[Key],
) -> Option<Met> {
    let shares_key = record.change.keys().any(|key| keys.contains(key));
    (record.change.source == source && shares_key).then_some(Met {
        sequence: Some(record.sequence),
        ticket,
        change: record.change,
        yielded: record.yielded,
        under_way,
    })
}

/// Where the other side makes a record again that our own write has removed or may remove, what is brought back is written
/// whatever is there, for the record is there again; but not over what those changes say, which come before it.
fn keep_to_what_is_not_told(plan: &Plan, incoming: &Change, told: &[&Met], after: &mut [Change]) {
    let remakes = |met: &&&Met| !met.under_way && met.change.operation == ChangeOperation::Upsert;
    let remade: Vec<&Met> = told.iter().filter(remakes).copied().collect();
    if remade.is_empty() {
        return;
    }
    let own: BTreeSet<&str> =
        incoming.row.columns().filter_map(|column| plan.counterpart(incoming.source, column)).collect();
    let says = |met: &&Met, column: &str| met.change.row.contains(column) && !met.yielded.contains(column);
    for change in after.iter_mut().filter(|change| change.over == Some(Over::Gone)) {
        change.over = None;
        change.row.retain(|column| own.contains(column) || !remade.iter().any(|met| says(met, column)));
    }
}
