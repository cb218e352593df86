//! What an incoming change meets (rule 9): changes of its keys that are accepted and have not arrived, found without an index of the
//! queue.

use super::crossing::Batch;
use super::entry::Source;
use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::model::change::{Change, QueuedRecord};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::lanes::Ticket;
use crate::model::table_map::Side;
use std::collections::{BTreeSet, HashSet};

/// Records of one read when a whole queue has to be looked through.
const SCAN_RECORDS: usize = 1_000;
const SCAN_BYTES: usize = 1024 * 1024;

/// An earlier change of the other side that has not reached its destination.
pub(super) struct Met {
    /// None for one that is under way and not in the queue: a synchronous write, or one whose record was left aside.
    pub sequence: Option<QueueSequence>,
    pub ticket: Option<Ticket>,
    pub change: Change,
    pub yielded: BTreeSet<String>,
    /// It may have arrived already, or arrive at any moment.
    pub under_way: bool,
}

impl MapTask {
    /// Whether a record that the store shows is still in the queue, and was enqueued by a commit that is done.
    pub fn is_queued(&self, sequence: QueueSequence) -> bool {
        sequence <= self.last_queued && !self.leaving.contains(&sequence)
    }

    /// Changes of one side, of any of these keys, that are accepted and have not arrived; oldest first.
    pub fn pending_of(&self, batch: &Batch, source: Side, keys: &[Key]) -> Result<Vec<Met>, EngineError> {
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
