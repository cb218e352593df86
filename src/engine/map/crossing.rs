//! Changes of one key from both sides that cross (rule 9): finds what an incoming change meets, and carries out what the
//! model decides. Only maps that go both ways can cross.

use super::Reply;
use super::accept::{Arrival, CONFLICT};
use super::drain::Source;
use super::pending::Replaced;
use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::model::activity::{ConflictRows, EventKind, Severity};
use crate::model::change::{Answer, Cause, Change, QueuedRecord, YIELDS_ALL};
use crate::model::conflict::{Crossing, cross, mirrored};
use crate::model::ids::QueueSequence;
use crate::model::lanes::Ticket;
use crate::model::mapping::Plan;
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::model::table_map::Side;
use crate::store::Operation;
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Records of one read when a whole queue has to be looked through.
const SCAN_RECORDS: usize = 1_000;
const SCAN_BYTES: usize = 1024 * 1024;

/// Changes on their way into the queue, and what they do to those before them.
pub(super) struct Batch {
    next: QueueSequence,
    accept_time: DateTime<Utc>,
    pub records: Vec<(QueuedRecord, Option<Reply<Answer>>)>,
    pub effects: Effects,
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

impl Batch {
    pub fn new(next: QueueSequence, accept_time: DateTime<Utc>) -> Self {
        Self { next, accept_time, records: Vec::new(), effects: Effects::default() }
    }
}

/// An earlier change of the other side that has not reached its destination.
struct Met {
    /// None for a synchronous write that was under way when its map was paused.
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
        let Arrival { mut change, reply } = arrival;
        let Some(plan) = self.running.as_ref().map(|running| running.plan.clone()) else {
            return Ok(()); // dropping the reply answers: not ready
        };
        let mut settlements = Vec::new();
        if Side::BOTH.iter().all(|side| plan.carries(*side)) {
            for met in self.met_by(batch, &change)? {
                if self.cross_one(batch, &plan, &met, &mut change, &mut settlements) {
                    self.push_settlements(batch, settlements);
                    self.yielded_whole(&change, reply);
                    return Ok(());
                }
            }
            if self.map.state == MapState::Initializing && !self.copied && *self.drain.copied_to.get(change.source) {
                // The copy may put an older row over this change at its own side; it is written there again after it.
                settlements.push(mirror(&plan, &change, None));
            }
        }
        self.push(batch, change, reply);
        self.push_settlements(batch, settlements);
        Ok(())
    }

    /// Rule 9: decides between an incoming change and one that it meets, and notes what follows from it. True when nothing
    /// of the incoming one is left.
    fn cross_one(
        &mut self,
        batch: &mut Batch,
        plan: &Arc<Plan>,
        met: &Met,
        change: &mut Change,
        settlements: &mut Vec<Change>,
    ) -> bool {
        let names = |columns: &BTreeSet<String>| columns.iter().cloned().collect::<Vec<_>>();
        let (winner, lost, columns) = match cross(plan, &met.change, &met.yielded, change) {
            Crossing::None => return false,
            Crossing::EarlierYields(columns) => (change.source, names(&columns), Some(columns)),
            Crossing::EarlierYieldsAll => (change.source, met.change.row.columns().map(str::to_owned).collect(), None),
            Crossing::IncomingYields(columns) => (met.change.source, names(&columns), Some(columns)),
            Crossing::IncomingYieldsAll => (met.change.source, change.row.columns().map(str::to_owned).collect(), None),
        };
        self.log_conflict(batch, plan, &met.change, change, (winner, lost));
        if winner == change.source {
            if met.under_way {
                settlements.extend(bring_back(plan, change, &met.change, columns.as_ref()));
            } else {
                self.earlier_yields(batch, met, columns.unwrap_or_else(|| [YIELDS_ALL.to_owned()].into()));
            }
            return false;
        }
        if met.under_way {
            settlements.push(again(&met.change));
        }
        match columns {
            None => true,
            Some(columns) => {
                for column in &columns {
                    change.row.remove(column);
                }
                change.row.is_empty()
            }
        }
    }

    /// An incoming change of which nothing is left: its caller hears that the other side won.
    fn yielded_whole(&mut self, change: &Change, reply: Option<Reply<Answer>>) {
        let answer = self.skip(change, CONFLICT);
        if let Some(reply) = reply {
            let _ = reply.send(Ok(answer));
        }
    }

    fn push_settlements(&mut self, batch: &mut Batch, settlements: Vec<Change>) {
        for settlement in settlements {
            self.push(batch, settlement, None);
        }
    }

    fn push(&mut self, batch: &mut Batch, change: Change, reply: Option<Reply<Answer>>) {
        let sequence = batch.next;
        batch.next = sequence.next();
        let (previous, replaced) = self.pending.enter(&change, sequence);
        batch.effects.replaced.push(replaced);
        let accept_time = batch.accept_time;
        let record = QueuedRecord { sequence, accept_time, change, previous, yielded: BTreeSet::new() };
        batch.records.push((record, reply));
    }

    /// Changes of the other side, of the same key, that are accepted and have not arrived; oldest first.
    fn met_by(&self, batch: &Batch, change: &Change) -> Result<Vec<Met>, EngineError> {
        let mut met: Vec<Met> = Vec::new();
        let mut to_see: Vec<QueueSequence> = self.pending.last_of(change).collect();
        let mut seen = HashSet::new();
        while let Some(sequence) = to_see.pop() {
            if !seen.insert(sequence) {
                continue;
            }
            let Some((record, ticket, under_way)) = self.find(batch, sequence)? else { continue };
            if record.change.previous_key.is_some() {
                // Its two keys have one link back between them: look through all instead.
                met = self.met_in_whole_queue(batch, change)?;
                break;
            }
            to_see.extend(record.previous);
            met.extend(met_record(record, ticket, under_way, change));
        }
        met.sort_by_key(|met| met.sequence);
        met.extend(self.drain.direct_from_other_side(change).map(|(ticket, entry)| Met {
            sequence: None,
            ticket: Some(ticket),
            change: entry.change.clone(),
            yielded: BTreeSet::new(),
            under_way: true,
        }));
        Ok(met)
    }

    fn met_in_whole_queue(&self, batch: &Batch, change: &Change) -> Result<Vec<Met>, EngineError> {
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
                met.extend(met_record(record, ticket, under_way, change));
            }
        }
        for (record, _) in &batch.records {
            met.extend(met_record(record.clone(), None, false, change));
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
    fn log_conflict(
        &mut self,
        batch: &mut Batch,
        plan: &Arc<Plan>,
        earlier: &Change,
        incoming: &Change,
        (winner, lost_columns): (Side, Vec<String>),
    ) {
        if earlier.cause == Cause::Settlement || incoming.cause == Cause::Settlement {
            return; // the conflict behind it was told
        }
        let whole = |change: &Change| -> Row {
            plan.key_row(change.source, &change.key).into_iter().chain(change.row.clone()).collect()
        };
        let rows = [earlier, incoming].map(|change| (change.source, whole(change)));
        let of = |side: Side| rows.iter().find(|(source, _)| *source == side).map(|(_, row)| row.clone());
        let summary = format!(
            "key {}: changes from both sides crossed; {} wins what both touched",
            incoming.key,
            winner.as_str()
        );
        let mut event = self.event(EventKind::Conflict, Severity::Warning, summary);
        event.conflict = Some(ConflictRows {
            key: plan.key_row(Side::Left, &incoming.key),
            left: of(Side::Left).unwrap_or_default(),
            right: of(Side::Right).unwrap_or_default(),
            winner,
            lost_columns,
        });
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
        let both_ways =
            self.running.as_ref().is_some_and(|running| Side::BOTH.iter().all(|side| running.plan.carries(*side)));
        if !both_ways {
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

fn met_record(record: QueuedRecord, ticket: Option<Ticket>, under_way: bool, change: &Change) -> Option<Met> {
    let shares_key = record.change.keys().any(|key| change.keys().any(|other| key == other));
    (record.change.source != change.source && shares_key).then_some(Met {
        sequence: Some(record.sequence),
        ticket,
        change: record.change,
        yielded: record.yielded,
        under_way,
    })
}

/// A change as its own side must have it: the other side's write may have come over it.
fn mirror(plan: &Plan, change: &Change, columns: Option<&BTreeSet<String>>) -> Change {
    let kept: Row = change
        .row
        .iter()
        .filter(|(column, _)| columns.is_none_or(|columns| columns.contains(*column)))
        .map(|(column, value)| (column.clone(), value.clone()))
        .collect();
    Change {
        source: change.source.other(),
        row: mirrored(plan, change.source, &kept),
        change_id: String::new(),
        cause: Cause::Settlement,
        ..change.clone()
    }
}

/// What an incoming winner must have written again at its own side, where an earlier change may arrive after it.
/// `columns` are those of the earlier change that both touched; none is all.
fn bring_back(plan: &Plan, winner: &Change, earlier: &Change, columns: Option<&BTreeSet<String>>) -> Option<Change> {
    let own = columns.map(|columns| -> BTreeSet<String> {
        columns.iter().filter_map(|column| plan.counterpart(earlier.source, column)).map(str::to_owned).collect()
    });
    let change = mirror(plan, winner, own.as_ref());
    (columns.is_none() || !change.row.is_empty()).then_some(change)
}

/// An earlier winner that is under way is written once more after it, since the loser's side may have changed meanwhile.
fn again(change: &Change) -> Change {
    Change { change_id: String::new(), ..change.clone() }
}
