//! What goes out to a destination together, and how it is told apart again by what became of each record.

use super::{Item, Origin, Outcome, Outcomes};
use crate::connectors::{Write, WriteOperation};
use crate::model::failure::{ErrorType, Failure};
use crate::model::lanes::Keys;
use crate::model::schema::TableSchema;
use foldhash::{HashSet, HashSetExt};
use std::collections::VecDeque;
use std::sync::Arc;

/// Records and bytes of one batch: large enough that a round trip does not count, small enough for one statement. A power of two is
/// one statement also where there are few different ones.
pub(super) const BATCH_RECORDS_MAX: usize = 1_024;
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// An item that waits for its batch.
pub(super) struct Waiting {
    pub write: Write,
    pub owner: Owner,
}

/// Whose a write is, and how often the destination was tried with it.
pub(super) struct Owner {
    ticket: u64,
    keys: Keys,
    /// Where it came in its inbox.
    pub place: u64,
    pub caller_waits: bool,
    origin: Arc<Origin>,
    pub attempts: u32,
    /// It was refused while another batch was under way, which may have been why; so it is asked again with none beside it.
    pub goes_alone: bool,
    /// It was told that its first attempt met an outage.
    met_outage: bool,
}

/// What goes out together, the writes as a connector takes them. Each has its owner at the same place.
#[derive(Default)]
pub(super) struct Batch {
    pub writes: Vec<Write>,
    pub owners: Vec<Owner>,
    /// Hashes of the keys that it writes.
    pub keys: HashSet<u64>,
}

impl Batch {
    fn with_room(records: usize) -> Self {
        Self {
            writes: Vec::with_capacity(records),
            owners: Vec::with_capacity(records),
            keys: HashSet::with_capacity(records),
        }
    }

    pub fn push(&mut self, Waiting { write, owner }: Waiting) {
        self.writes.push(write);
        self.owners.push(owner);
    }

    pub fn into_waiting(self) -> impl DoubleEndedIterator<Item = Waiting> {
        self.writes.into_iter().zip(self.owners).map(|(write, owner)| Waiting { write, owner })
    }
}

impl Waiting {
    pub fn new(item: Item, place: u64) -> Self {
        let Item { ticket, keys, write, caller_waits, origin } = item;
        let (attempts, goes_alone, met_outage) = (0, false, false);
        let owner = Owner { ticket, keys, place, caller_waits, origin, attempts, goes_alone, met_outage };
        Self { write, owner }
    }
}

impl Owner {
    pub fn table(&self) -> &Arc<TableSchema> {
        &self.origin.table
    }

    /// Whether it may still be written.
    pub fn may_go(&self) -> bool {
        self.origin.pass.is_open()
    }

    /// This one ended so.
    pub fn answer(self, outcome: Outcome) {
        self.origin.answer(vec![self.ticket], outcome);
    }

    /// All of these were written.
    pub fn written(owners: Vec<Owner>) {
        let mut owners = owners.into_iter().peekable();
        while let Some(Owner { origin, ticket, .. }) = owners.next() {
            let mut tickets = Vec::with_capacity(1 + owners.len());
            tickets.push(ticket);
            while let Some(other) = owners.next_if(|other| Arc::ptr_eq(&other.origin, &origin)) {
                tickets.push(other.ticket);
            }
            origin.answer(tickets, Outcome::Written);
        }
    }

    /// The destination as a whole failed while it was tried. Whoever waits for the answer of one is told with that.
    pub fn met_outage(&mut self, kind: ErrorType) {
        if self.attempts == 0 && !self.caller_waits && !self.met_outage {
            self.met_outage = true;
            self.origin.pass.met(kind);
        }
    }

    /// Whether it can be in one batch with the first of it.
    fn goes_with(&self, first: Option<&Owner>) -> bool {
        first.is_none_or(|first| {
            let same_table = Arc::ptr_eq(first.table(), self.table()) || first.table() == self.table();
            same_table && first.goes_alone == self.goes_alone
        })
    }

    pub fn refused(self, failure: Failure) {
        let attempts = self.attempts;
        self.answer(Outcome::Refused(failure, attempts));
    }
}

impl Origin {
    /// The channel has room for all that its owner has under way, so this never waits; an owner that has gone needs no
    /// answer.
    fn answer(&self, tickets: Vec<u64>, outcome: Outcome) {
        let _ = self.outcomes.try_send(Outcomes { tickets, outcome });
    }
}

/// The records from the front that fit into one batch: for one form of the table, no key twice, and none that is being
/// written (rule 2).
pub(super) fn next_batch(waiting: &mut VecDeque<Waiting>, is_busy: impl Fn(u64) -> bool) -> Batch {
    let mut batch = Batch::with_room(waiting.len().min(BATCH_RECORDS_MAX));
    let mut bytes = 0;
    while let Some(Waiting { write, owner }) = waiting.front() {
        if !owner.may_go() {
            waiting.pop_front().into_iter().for_each(|entry| entry.owner.answer(Outcome::Withdrawn));
            continue;
        }
        bytes += size(write);
        let full = !batch.writes.is_empty() && (batch.writes.len() >= BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX);
        let is_taken = |key: u64| is_busy(key) || batch.keys.contains(&key);
        if full || !owner.goes_with(batch.owners.first()) || owner.keys.iter().any(is_taken) {
            break;
        }
        batch.keys.extend(owner.keys.iter());
        waiting.pop_front().into_iter().for_each(|entry| batch.push(entry));
    }
    batch
}

fn size(write: &Write) -> usize {
    let key: usize = write.key.iter().map(|(_, value)| value.size()).sum();
    match &write.operation {
        WriteOperation::Upsert { values, insert_values, .. } => key + values.size() + insert_values.size(),
        WriteOperation::Delete => key,
    }
}
