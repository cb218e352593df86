//! Changes of one key from both sides that cross (rule 9): carries out what the model decides of an incoming change and those that
//! it meets. Only maps that go both ways can cross.

use super::Reply;
use super::accept::{Arrival, CONFLICT, ENQUEUE_BYTES_MAX, FRAMING_BYTES};
use super::met::Met;
use super::pending::Replaced;
use super::task::{MapTask, Sides};
use crate::engine::error::EngineError;
use crate::model::activity::{ConflictRows, EventKind, Severity};
use crate::model::change::{Answer, Cause, Change, Operation as ChangeOperation, QueuedRecord, YIELDS_ALL};
use crate::model::conflict::{self, Earlier, cross};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::lanes::Ticket;
use crate::model::mapping::Plan;
use crate::model::print::Over;
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::model::table_map::{Side, SyncMode};
use crate::model::told::{Again, said_again};
use crate::store::{NewRecord, Operation};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// The row of one side in the event that tells of a conflict.
const CONFLICT_ROW_BYTES_MAX: usize = 8 * 1024;

/// Changes on their way into the queue, and what they do to those before them.
pub(super) struct Batch {
    next: QueueSequence,
    accept_time: DateTime<Utc>,
    pub records: Vec<(QueuedRecord, Option<Reply<Answer>>)>,
    /// Changes of which a crossing left nothing; they are answered when what follows from it is on disk.
    pub lost: Vec<Lost>,
    pub effects: Effects,
    /// About how many bytes its commit has.
    pub bytes: usize,
}

/// An incoming change that the other side won as a whole, and who waits for it.
pub(super) struct Lost {
    pub change: Change,
    pub reply: Option<Reply<Answer>>,
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
        Self { next, accept_time, records: Vec::new(), lost: Vec::new(), effects: Effects::default(), bytes: 0 }
    }
}

impl Batch {
    /// The change that was entered last does not write these columns itself.
    fn last_yields(&mut self, columns: BTreeSet<String>) {
        let Some((record, _)) = self.records.last_mut() else { return };
        record.yielded.extend(columns);
        let (sequence, columns) = (record.sequence, record.yielded.clone());
        self.effects.operations.push(Operation::Yield { sequence, columns });
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
    /// What earlier changes give up.
    yields: Vec<Yield>,
    /// Earlier changes that are under way, and whose refusal would be no error any more.
    settled: Vec<Ticket>,
    conflict: Option<Conflict>,
    /// Columns, as the incoming change's side calls them, that the other side has told and that are still to be written: what
    /// is read whole at this side does not bring older values of them to the other.
    told_by_other: BTreeSet<String>,
}

/// Columns that an earlier change no longer writes.
struct Yield {
    sequence: QueueSequence,
    /// Where it is loaded.
    ticket: Option<Ticket>,
    columns: BTreeSet<String>,
}

impl Crossed {
    /// About how many bytes all of it takes in a commit, the change with it.
    fn size(&self, change: &Change) -> usize {
        let added = self.before.iter().chain(&self.after).map(NewRecord::bytes_max);
        let yields =
            self.yields.iter().map(|given| FRAMING_BYTES + given.columns.iter().map(String::len).sum::<usize>());
        let own = if self.lost { 0 } else { NewRecord::bytes_max(change) };
        let conflict = if self.conflict.is_some() { 2 * CONFLICT_ROW_BYTES_MAX } else { 0 };
        let told = self.told_by_other.iter().map(String::len).sum::<usize>() * self.after.len();
        added.sum::<usize>() + yields.sum::<usize>() + own + conflict + told
    }
}

/// What is told of an incoming change that crossed others.
struct Conflict {
    incoming: Change,
    /// The last of the others.
    earlier: Change,
    winner: Side,
    lost: BTreeSet<String>,
    crossed: i64,
}

impl MapTask {
    /// Enters one change into a batch, after what it meets has been decided. Gives it back when it does not fit there with all
    /// that follows from it; nothing was done then. One that fits into no batch is refused.
    pub fn enter(&mut self, batch: &mut Batch, arrival: Arrival) -> Result<Option<Arrival>, EngineError> {
        let Some(plan) = self.running.as_ref().map(|running| running.plan.clone()) else {
            return Ok(None); // dropping the reply answers: not ready
        };
        let Arrival { mut change, reply, perhaps_echo } = arrival;
        let as_it_came = self.goes_both_ways().then(|| change.clone()); // what goes one way crosses nothing
        let crossed = self.crossed(batch, &plan, &mut change, perhaps_echo)?;
        let bytes = crossed.size(&change);
        if batch.bytes + bytes > ENQUEUE_BYTES_MAX {
            if batch.bytes > 0 {
                return Ok(Some(Arrival { change: as_it_came.unwrap_or(change), reply, perhaps_echo }));
            }
            let (map, key) = (self.map.id.clone(), change.key.to_string());
            self.forget_unanswered(&change.change_id);
            if let Some(reply) = reply {
                let too_large = EngineError::ChangeTooLarge { map, key, bytes, bytes_max: ENQUEUE_BYTES_MAX };
                let _ = reply.send(Err(too_large));
            }
            return Ok(None);
        }
        batch.bytes += bytes;
        self.carry_out_crossing(batch, &plan, change, reply, crossed);
        Ok(None)
    }

    /// All that follows from an incoming change; takes from it what it loses.
    fn crossed(
        &self,
        batch: &Batch,
        plan: &Plan,
        change: &mut Change,
        perhaps_echo: bool,
    ) -> Result<Crossed, EngineError> {
        if !self.goes_both_ways() {
            return Ok(Crossed::default());
        }
        if perhaps_echo {
            // Rule 10: content does not decide here, so the other side gets what this one has when its turn comes.
            let after = vec![conflict::in_place_of(change)];
            return Ok(Crossed { replaced: true, after, ..Crossed::default() });
        }
        let mut crossed = self.cross_all(batch, plan, change)?;
        if !crossed.lost {
            crossed.after.extend(self.told_late(plan, change));
            if self.map.state == MapState::Initializing && !self.copied && *self.drain.copied_to.get(change.source) {
                // The copy may put an older row over this change at its own side; it is written there again after it.
                crossed.after.extend(conflict::mirrored(plan, change));
            }
        }
        crossed.before = conflict::in_order(crossed.before);
        crossed.after = conflict::in_order(crossed.after);
        Ok(crossed)
    }

    fn carry_out_crossing(
        &mut self,
        batch: &mut Batch,
        plan: &Plan,
        change: Change,
        reply: Option<Reply<Answer>>,
        crossed: Crossed,
    ) {
        let source = change.source;
        for given in crossed.yields {
            self.earlier_yields(batch, given);
        }
        for ticket in crossed.settled {
            if let Some(entry) = self.drain.entries.get_mut(ticket) {
                entry.settled = true;
            }
        }
        if let Some(conflict) = crossed.conflict {
            self.log_conflict(batch, plan, conflict);
        }
        for added in crossed.before {
            self.push(batch, added, None);
        }
        if crossed.lost {
            batch.lost.push(Lost { change, reply });
        } else {
            self.push(batch, change, reply);
        }
        if crossed.replaced && !crossed.lost {
            batch.last_yields([YIELDS_ALL.to_owned()].into());
        }
        for added in crossed.after {
            let read_whole = conflict::reads_all(&added) && added.source == source;
            self.push(batch, added, None);
            if read_whole && !crossed.told_by_other.is_empty() {
                batch.last_yields(crossed.told_by_other.clone());
            }
        }
    }

    /// Rule 9: decides between an incoming change and all that it meets; takes from it what it loses.
    fn cross_all(&self, batch: &Batch, plan: &Plan, change: &mut Change) -> Result<Crossed, EngineError> {
        let other = change.source.other();
        let keys: Vec<Key> = change.keys().cloned().collect();
        let met = self.pending_of(batch, other, &keys)?;
        let mut crossed = Crossed::default();
        let (brought_back, told): (Vec<&Met>, Vec<&Met>) =
            met.iter().partition(|met| met.change.cause == Cause::Settlement);
        for met in &told {
            crossed.meet(plan, met, change);
        }
        let waits = told.iter().filter(|met| !met.under_way);
        let says = waits.flat_map(|met| met.change.row.columns().filter(|column| !met.yielded.contains(*column)));
        crossed.told_by_other = says.filter_map(|column| plan.counterpart(other, column)).map(str::to_owned).collect();
        crossed.told_by_other.retain(|column| !change.row.contains(column) || plan.master() == other);
        let had_columns = !change.row.is_empty();
        change.row.retain(|column| !crossed.lost_columns.contains(column));
        crossed.lost = crossed.lost_columns.contains(YIELDS_ALL) || (had_columns && change.row.is_empty());
        if !crossed.lost {
            // Only now: what it has lost is not to be brought back in the place of older values.
            for met in &brought_back {
                crossed.meet(plan, met, change);
            }
            keep_to_what_is_not_told(plan, change, &told, &mut crossed.after);
            let (own, again) = ([(&*change, &BTreeSet::new())], crossed.again.get(change.source));
            crossed.after.extend(said_again(change.source, &change.key, again, &own));
        } else {
            // What is still to be brought back may make the record again by parts of it.
            let remade = |key: &Key| {
                brought_back.iter().any(|met| met.change.operation == ChangeOperation::Upsert && met.change.key == *key)
            };
            crossed.again.get_mut(other).doubt(remade);
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

    /// The other side won all of it: its caller hears so.
    pub fn answer_lost(&mut self, Lost { change, reply }: Lost) {
        let answer = self.skip(&change, CONFLICT);
        if let Some(reply) = reply {
            let _ = reply.send(Ok(answer));
        }
    }

    fn push(&mut self, batch: &mut Batch, change: Change, reply: Option<Reply<Answer>>) {
        let sequence = batch.next;
        batch.next = sequence.next();
        let mut previous = None;
        if self.goes_both_ways() {
            let replaced;
            (previous, replaced) = self.pending.enter(&change, sequence);
            batch.effects.replaced.push(replaced);
        }
        tracing::trace!(map = %self.map.id, %sequence, ?change, "enters the queue");
        let accept_time = batch.accept_time;
        let record = QueuedRecord { sequence, accept_time, change, previous, yielded: BTreeSet::new() };
        batch.records.push((record, reply));
    }

    /// An earlier change gives columns up. When none is left it leaves the queue as superseded when its turn comes, so that
    /// records of a key leave in their order.
    fn earlier_yields(&mut self, batch: &mut Batch, Yield { sequence, ticket, columns }: Yield) {
        tracing::trace!(map = %self.map.id, %sequence, ?columns, "yields");
        if let Some((record, _)) = batch.records.iter_mut().find(|(record, _)| record.sequence == sequence) {
            record.yielded.extend(columns.iter().cloned());
        }
        if let Some(ticket) = ticket {
            self.drain.hold(ticket);
            batch.effects.held.push(ticket);
        }
        batch.effects.operations.push(Operation::Yield { sequence, columns: columns.clone() });
        batch.effects.yields.push((sequence, columns));
    }

    /// Tells of a conflict: who won, and which columns of the other side were lost by it.
    fn log_conflict(&mut self, batch: &mut Batch, plan: &Plan, conflict: Conflict) {
        let Conflict { incoming, earlier, winner, lost, crossed } = conflict;
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
        batch.effects.operations.push(Operation::Log(event));
    }

    /// The commit is on disk: what it did to earlier changes is done to those that are loaded.
    pub fn apply_crossings(&mut self, effects: Effects) {
        if !effects.yields.is_empty() {
            self.drain.next_page.forget();
        }
        for (sequence, columns) in effects.yields {
            if let Some(ticket) = self.drain.held.get(&sequence)
                && let Some(entry) = self.drain.entries.get_mut(*ticket)
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
}

impl Crossed {
    /// Decides between an incoming change and one that it meets, and notes what follows.
    fn meet(&mut self, plan: &Plan, met: &Met, change: &Change) {
        let earlier = Earlier { change: &met.change, yielded: &met.yielded, under_way: met.under_way };
        let Some(crossing) = cross(plan, &earlier, change) else { return };
        if let Some(sequence) = met.sequence.filter(|_| !crossing.earlier_yields.is_empty()) {
            self.yields.push(Yield { sequence, ticket: met.ticket, columns: crossing.earlier_yields });
        }
        self.settled.extend(met.ticket.filter(|_| crossing.earlier_settled));
        self.before.extend(crossing.before);
        self.after.extend(crossing.after);
        self.again.get_mut(crossing.winner).extend(crossing.again);
        if met.change.cause != Cause::Settlement {
            // Of what only brings back, the conflict behind it was told.
            let (incoming, earlier, winner) = (change.clone(), met.change.clone(), crossing.winner);
            let before = self.conflict.take();
            let (mut lost, crossed) = before.map_or((BTreeSet::new(), 0), |before| (before.lost, before.crossed));
            lost.extend(crossing.lost);
            self.conflict = Some(Conflict { incoming, earlier, winner, lost, crossed: crossed + 1 });
        }
        if crossing.winner == change.source {
            self.replaced |= !crossing.incoming_yields.is_empty();
        } else {
            self.lost_columns.extend(crossing.incoming_yields);
        }
    }
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
