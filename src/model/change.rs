//! A change of one record, from the moment it is accepted to the moment it leaves the queue.

use super::failure::Failure;
use super::ids::QueueSequence;
use super::key::{Key, encode_value};
use super::print::Over;
use super::retry::{Retry, failed_last};
use super::row::Row;
use super::side::Side;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Upsert,
    Delete,
}

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A caller, by WriteRecord or WriteRecords.
    Caller,
    /// This service, to bring back what a change won that a write of ours may have come over (rule 9).
    Settlement,
    /// This service, to say once more what a side has told, where it may have come too early (rule 9).
    Again,
    /// The same of a record that may not be there. Its row is what was told of it; the other columns are read at its source when it goes out, for an insert. One that deletes does so unless its source has
    /// the record.
    Refresh,
    /// This service, where content does not say whether a change is an echo (rule 10). The columns that its row names are read
    /// at its source when it goes out, and the values with them.
    Reread,
}

/// A change in the source's columns, checked against the map: only mapped columns, a whole key, values of the right types.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where it happened; it is written to the other side.
    pub source: Side,
    pub operation: Operation,
    pub key: Key,
    /// The key before, when the change changes the key.
    pub previous_key: Option<Key>,
    /// Columns that are no part of the key; empty for a delete.
    pub row: Row,
    pub source_time: Option<DateTime<Utc>>,
    /// The caller's own id of the change; empty when it has none.
    pub change_id: Arc<str>,
    /// What the caller calls the operation it belongs to; empty when it has none.
    pub correlation_id: Arc<str>,
    pub cause: Cause,
    /// What a settlement must find where it is written; none for all others.
    pub over: Option<Over>,
}

impl Change {
    /// A change of our own; it writes nothing yet.
    pub fn added(source: Side, key: &Key) -> Self {
        Self {
            source,
            operation: Operation::Upsert,
            key: key.clone(),
            previous_key: None,
            row: Row::new(),
            source_time: None,
            change_id: Arc::default(),
            correlation_id: Arc::default(),
            cause: Cause::Settlement,
            over: None,
        }
    }

    /// About how many bytes it takes, for the limits of rule 6.
    pub fn size(&self) -> usize {
        self.key.size()
            + self.previous_key.as_ref().map_or(0, Key::size)
            + self.row.size()
            + self.change_id.len()
            + self.correlation_id.len()
            + self.over.as_ref().map_or(0, Over::size)
            + 16
    }

    /// A hash over what it says and where it comes from: a repeat under the same `change_id` has the same (rule 4).
    pub fn fingerprint(&self) -> u64 {
        let mut bytes = Vec::with_capacity(self.size());
        bytes.extend([self.source as u8, self.operation as u8]);
        self.key.encode_into(&mut bytes);
        bytes.push(0xFE);
        if let Some(previous_key) = &self.previous_key {
            previous_key.encode_into(&mut bytes);
        }
        for (column, value) in self.row.iter() {
            bytes.push(0xFF);
            bytes.extend(column.as_bytes());
            bytes.push(0);
            encode_value(value, &mut bytes);
        }
        xxh3_64(&bytes)
    }

    /// Whether a change that yielded these columns to one that crossed it has nothing left to write (rule 9).
    pub fn is_yielded(&self, yielded: &BTreeSet<String>) -> bool {
        yielded.contains(YIELDS_ALL) || (!self.row.is_empty() && self.row.columns().all(|c| yielded.contains(c)))
    }

    /// Whether it says that the record is there no more, or under another key.
    pub fn is_about_the_record(&self) -> bool {
        self.operation == Operation::Delete || self.previous_key.is_some()
    }

    /// The keys whose lanes order it.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(&self.previous_key)
    }
}

/// Stands for all columns, and for the record itself, among those that a change yielded. No column has this name.
pub const YIELDS_ALL: &str = "\0";

/// A change that is held durably.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedRecord {
    pub sequence: QueueSequence,
    pub accept_time: DateTime<Utc>,
    pub change: Change,
    /// The queued record of the same key (of either key, when it changes) that was accepted before this one, when there
    /// was one: what finds the changes of a key without an index of all of them.
    pub previous: Option<QueueSequence>,
    /// Columns of the source that this change no longer writes, because one that crossed it won (rule 9).
    pub yielded: BTreeSet<String>,
}

/// A queued record that its destination has seen and refused.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorRecord {
    pub record: QueuedRecord,
    pub failure: Failure,
    pub fail_time: DateTime<Utc>,
    /// How often the destination has seen it. 0 when it was never sent (kept by a resume or a stop that skipped it).
    pub attempts: u32,
    /// Which failure of the map it was, counted from 1; all that were kept aside in one step share a number.
    pub number: u64,
    /// Its latest retry that has ended.
    pub retry: Option<Retry>,
    /// The row as it was accepted, once it was corrected.
    pub original: Option<Row>,
}

impl ErrorRecord {
    /// When it failed for the last time.
    pub fn failed_last(&self) -> DateTime<Utc> {
        failed_last(self.fail_time, self.retry)
    }

    /// Changes with each of its corrections and retries.
    pub fn etag(&self) -> String {
        format!("{}-{:016x}", self.attempts, self.record.change.fingerprint())
    }

    /// Whether it was sent and refused; else it was kept aside unsent.
    pub fn sent(&self) -> bool {
        self.attempts > 0
    }
}

/// How a record left the queue other than by an error, or the errors other than by a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    Applied,
    Skipped,
    Superseded,
    /// By an operator.
    Deleted,
    /// By retention.
    Purged,
}

/// The answer that a caller got for a change; a repeat of the change gets it again (rule 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub disposition: Disposition,
    /// Its place in the queue; 0 when it was not queued.
    pub sequence: QueueSequence,
    /// Why it was skipped or queued; one of the contract's reasons. Empty when it was applied.
    pub reason: String,
}

/// Why a change was queued: decided when it is accepted, and told again when it is repeated (rule 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueuedBecause {
    /// The map writes after the answer.
    Asynchronous,
    Initializing,
    Paused,
    Resuming,
}

impl QueuedBecause {
    /// The contract's reason.
    pub fn as_str(self) -> &'static str {
        match self {
            QueuedBecause::Asynchronous => "ASYNCHRONOUS",
            QueuedBecause::Initializing => "MAP_INITIALIZING",
            QueuedBecause::Paused => "MAP_PAUSED",
            QueuedBecause::Resuming => "MAP_RESUMING",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    Applied,
    Queued,
    Skipped,
}

/// What is kept of a change that had an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// A hash over the change's content: another content under the same id is refused.
    pub fingerprint: u64,
    pub answer: Answer,
    pub time: DateTime<Utc>,
}
