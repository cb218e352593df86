//! Looking ahead: when records for a side that is down fill the window, those for the other side are looked for behind
//! them, so that only the lanes to the side that is down stand still (rule 8). Only maps that go both ways need it.

use super::drain::{READ_BYTES_MAX, READ_RECORDS_MAX};
use super::entry::Entry;
use super::task::{MapTask, Sides};
use crate::engine::error::EngineError;
use crate::model::change::QueuedRecord;
use crate::model::ids::QueueSequence;
use crate::model::side::Side;

/// Records of a side that are in the lanes when no more of them are taken out of turn.
const AHEAD_RECORDS_MAX: usize = 1_024;
/// So few of them that more are looked for.
const AHEAD_RECORDS_FEW: usize = AHEAD_RECORDS_MAX / 2;

/// How far the queue was looked through, for the records that come from each side. Begins anew with the drain.
#[derive(Default)]
pub(super) struct Ahead {
    looked_to: Sides<QueueSequence>,
    /// The next one cannot go before this one is in the lanes or gone.
    waits_for: Sides<Option<QueueSequence>>,
}

impl MapTask {
    /// Looks one page further where that is needed; true when there is more to look through.
    pub fn look_ahead(&mut self) -> Result<bool, EngineError> {
        if !self.goes_both_ways() || !self.drains() || !self.drain.window_is_full() {
            return Ok(false);
        }
        let mut more = false;
        for side in Side::BOTH {
            more |= *self.drain.held_from.get(side) < AHEAD_RECORDS_FEW && self.look_ahead_from(side)?;
        }
        Ok(more)
    }

    fn look_ahead_from(&mut self, side: Side) -> Result<bool, EngineError> {
        let after = self.drain.read_to.max(*self.drain.ahead.looked_to.get(side));
        let waits_for = *self.drain.ahead.waits_for.get(side);
        if after >= self.last_queued || waits_for.is_some_and(|sequence| self.is_out_of_sight(sequence)) {
            return Ok(false);
        }
        *self.drain.ahead.waits_for.get_mut(side) = None;
        let page = self.context.store.queued(&self.map.id, after, READ_RECORDS_MAX, READ_BYTES_MAX)?;
        let mut looked_to = self.last_queued;
        let mut page = page.into_iter().filter(|record| record.sequence <= self.last_queued).peekable();
        if page.peek().is_some() {
            looked_to = after;
        }
        for record in page.collect::<Vec<_>>() {
            let sequence = record.sequence;
            if record.change.source == side && self.is_out_of_sight(sequence) {
                if *self.drain.held_from.get(side) >= AHEAD_RECORDS_MAX {
                    break;
                }
                if let Some(before) = self.must_follow(&record) {
                    *self.drain.ahead.waits_for.get_mut(side) = Some(before);
                    break;
                }
                self.load_entry(Entry::queued(record));
            }
            looked_to = sequence;
        }
        *self.drain.ahead.looked_to.get_mut(side) = looked_to;
        let stopped = self.drain.ahead.waits_for.get(side).is_some();
        Ok(!stopped && looked_to < self.last_queued && *self.drain.held_from.get(side) < AHEAD_RECORDS_FEW)
    }

    /// Rule 2: a record goes out of turn only when all before it on its key are in the lanes or gone. The one before it
    /// says so for all of them; a change of the key has two keys, so it waits for its turn.
    fn must_follow(&self, record: &QueuedRecord) -> Option<QueueSequence> {
        if record.change.previous_key.is_some() {
            return Some(record.sequence);
        }
        record.previous.filter(|previous| self.is_out_of_sight(*previous))
    }

    /// Whether a record is in the queue and not in the lanes.
    fn is_out_of_sight(&self, sequence: QueueSequence) -> bool {
        self.is_queued(sequence) && !self.drain.held.contains_key(&sequence)
    }
}
