//! What a commit does, as a value.

use crate::model::activity::Event;
use crate::model::alert::notification::Notification;
use crate::model::alert::{Acknowledgement, AlertEvent, AlertSetting, MapAlerts, Noted};
use crate::model::change::{Change, Ending, QueuedBecause, QueuedRecord, Remembered};
use crate::model::execution::{DeferredRows, Execution, ExecutionError};
use crate::model::failure::{ErrorType, Failure};
use crate::model::figures::Figures;
use crate::model::ids::{AlertId, AlertNumber, ExecutionNumber, JobNumber, MapId, QueueSequence, Revision};
use crate::model::job::QueueJob;
use crate::model::row::Row;
use crate::model::table_map::{Side, TableMap};
use crate::model::written::Written;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The largest commit, in bytes of its message: what the next engine, a replicated log, takes as one entry.
pub const COMMIT_BYTES_MAX: usize = 512 * 1024;

/// Bytes of a key by which records are found: longer ones are told apart by looking at them.
pub(super) const KEY_BYTES_MAX: usize = 128;

/// Operations on one map, or on what belongs to none, that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub map: MapId,
    /// The revision that the map's record must have (0: there must be none), or the commit is refused as a conflict.
    pub expected: Option<Revision>,
    pub operations: Vec<Operation>,
}

/// One thing that a commit does. Figures move with the operations that move records, in the same step (rule 11).
///
/// What a deletion would have to find again (`Enqueue`, `Remember`, `PutExecution`, `AddExecutionErrors`, `DeferRows`, `NoteWritten`, `PutJob`) needs the map's record; `Log` and
/// `Count` do not, so that what is under way while a map is deleted can still be told and counted.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Writes the map's record; its revision becomes one more than it was.
    PutMap(Box<TableMap>),
    /// Removes the map with its queue, errors, executions and remembered changes, at once for every reader; what was queued
    /// or in error counts as deleted. Its log and its numbers stay. Where there is much, the disk space comes back in steps
    /// of `ContinueDivert`, also when a map with this id has been created again.
    DeleteMap,
    /// Appends to the activity log; sequence and position are given in order.
    Log(Event),
    /// Appends changes to the queue: accepted and queued grow. The first one's sequence must be the next of the map.
    Enqueue(Vec<NewRecord>),
    /// Queued records leave the queue: queued shrinks, the ending's figure grows.
    Leave {
        sequences: Vec<QueueSequence>,
        ending: Ending,
    },
    /// A queued record moves to the errors: queued shrinks, in_error grows.
    Fail {
        sequence: QueueSequence,
        failure: Failure,
        time: DateTime<Utc>,
        attempts: u32,
    },
    /// A queued record no longer writes these columns; they add to what it yielded before.
    Yield {
        sequence: QueueSequence,
        columns: BTreeSet<String>,
    },
    /// Adds to the figures of one side what did not go through the queue; what is added must itself add up, and has nothing
    /// queued or in error (that is counted with its record).
    Count {
        source: Side,
        figures: Figures,
    },
    /// Remembers the answer to a change that did not go through the queue. (Enqueue remembers its changes itself.)
    Remember {
        change_id: Arc<str>,
        remembered: Remembered,
    },
    /// Forgets changes that were taken in at `until` or before and are not queued. A step; what stands together with younger ones
    /// stays until they go.
    Forget {
        until: DateTime<Utc>,
    },
    /// All records queued at this moment go to the errors (with this failure, 0 attempts), or away. The figures move at
    /// once; the records themselves in steps of `ContinueDivert`, and no read gives them as queued any more. More can be
    /// queued meanwhile, and diverted again.
    Divert {
        to: DivertTo,
        time: DateTime<Utc>,
    },
    /// Moves at most so many diverted records (fewer when they are large), and removes at most so many entries of what deletions
    /// left. To be repeated until `Head::diverting` is false; does nothing then.
    ContinueDivert {
        records_max: u32,
    },
    /// Writes an execution under its number.
    PutExecution(Box<Execution>),
    /// Keeps rows that an execution could not write.
    AddExecutionErrors {
        execution: ExecutionNumber,
        errors: Vec<ExecutionError>,
    },
    /// Keeps the keys of rows that an execution has written without their references.
    DeferRows {
        execution: ExecutionNumber,
        rows: DeferredRows,
    },
    /// The deferred rows with this number have been dealt with.
    RowsReferred {
        execution: ExecutionNumber,
        number: u64,
    },
    /// Notes what changes have written of keys that have errors, or whose records are being diverted; with `always` of all keys.
    NoteWritten {
        written: Vec<Written>,
        always: bool,
    },
    /// Forgets all that was noted, at once for every reader.
    DropWritten,
    /// Writes a job under its number.
    PutJob(Box<QueueJob>),
    /// A job has tried a catch-up error again. Unless it failed it leaves the errors: in_error shrinks, applied or superseded
    /// grows, and it is kept to be seen.
    Retried(Retried),
    /// The same of a row that an execution could not write, named by its number.
    RetriedRow {
        execution: ExecutionNumber,
        retried: Retried,
    },
    /// Catch-up errors go: in_error shrinks, the ending's figure grows. Of those that a retry took out of the errors only what was
    /// kept of them goes. What is neither is passed over.
    RemoveErrors {
        sequences: Vec<QueueSequence>,
        ending: Ending,
    },
    /// Rows that an execution could not write are kept no longer; what is none is passed over.
    RemoveRows {
        execution: ExecutionNumber,
        numbers: Vec<u64>,
    },
    /// A catch-up error has another row from now on; the one that was accepted is kept.
    CorrectError {
        sequence: QueueSequence,
        row: Row,
    },
    /// Writes an alert setting under its id. Settings belong to no map (`MapId::none`).
    PutAlertSetting(Box<AlertSetting>),
    DeleteAlertSetting(AlertId),
    /// Writes which settings are in effect for the map.
    PutMapAlerts(Box<MapAlerts>),
    /// Keeps errors of one type that count for alerts, under the map's next number of a note; forgets some of that type.
    NoteErrors {
        kind: ErrorType,
        number: u64,
        runs: Vec<Noted>,
        forget: Vec<u64>,
    },
    /// An alert has fired: it gets its number, and that of the map's last event; its setting is marked with it, what it has done to
    /// the map is noted as untold, and the mails go into the outbox.
    RaiseAlert {
        alert: Box<AlertEvent>,
        notifications: Vec<Notification>,
    },
    /// An alert of the map may fire again.
    RearmAlert {
        alert: AlertNumber,
        time: DateTime<Utc>,
    },
    /// Someone has taken note of an alert; the first one stays.
    AcknowledgeAlert {
        alert: AlertNumber,
        acknowledgement: Acknowledgement,
    },
    /// Further mails for the outbox.
    Notify(Vec<Notification>),
    /// Writes what has become of a mail.
    PutNotification(Box<Notification>),
}

/// Errors of one type of a map that count for alerts, as a commit kept them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorNote {
    pub kind: ErrorType,
    pub number: u64,
    pub runs: Vec<Noted>,
}

/// Operations in as few commits as hold them, in their order. What belongs together is best at their end: a crash may keep the first
/// ones only.
pub fn in_commits(operations: Vec<Operation>) -> Vec<Vec<Operation>> {
    /// Leaves room for what frames a commit.
    const BYTES_MAX: usize = COMMIT_BYTES_MAX - 16 * 1024;
    let mut commits: Vec<Vec<Operation>> = Vec::new();
    let mut bytes = 0;
    for operation in operations {
        let size = operation.size();
        match commits.last_mut() {
            Some(last) if bytes + size <= BYTES_MAX => {
                bytes += size;
                last.push(operation);
            }
            Some(_) | None => {
                bytes = size;
                commits.push(vec![operation]);
            }
        }
    }
    commits
}

/// What became of an error that a job has tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retried {
    /// Of a record its sequence, of a row its number.
    pub sequence: u64,
    pub job: JobNumber,
    pub time: DateTime<Utc>,
    pub result: RetryResult,
    /// The row with the job's correction; none when it corrects nothing.
    pub corrected: Option<Row>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum RetryResult {
    Applied,
    Superseded,
    /// Why, and how often the destination saw it.
    Refused(Failure, u32),
}

/// A change on its way into the queue. It is encoded when this is made, and copied as bytes from there to the disk.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    pub(super) sequence: QueueSequence,
    pub(super) accept_time: DateTime<Utc>,
    pub(super) source: Side,
    pub(super) size: u32,
    pub(super) change_id: Arc<str>,
    /// Its first bytes.
    pub(super) key: Vec<u8>,
    pub(super) fingerprint: u64,
    pub(super) because: QueuedBecause,
    /// The record as the queue keeps it.
    pub(super) encoded: Bytes,
}

impl NewRecord {
    /// How many bytes a change takes in a commit at most, whatever its values.
    pub fn bytes_max(change: &Change) -> usize {
        /// All numbers, times and lengths that are no value's.
        const FIXED: usize = 192;
        /// What says the kind and the length of a value, and of a column, beyond what their sizes have.
        const VALUE: usize = 12;
        const COLUMN: usize = 18;
        let values = change.keys().map(|key| key.values().len()).sum::<usize>();
        let told_twice = change.change_id.len() + KEY_BYTES_MAX.min(2 * change.key.size() + values * VALUE);
        change.size() + FIXED + values * VALUE + change.row.len() * COLUMN + told_twice
    }
}

/// Makes new records, those of one commit in one piece of memory.
#[derive(Debug, Default)]
pub struct NewRecords {
    encoded: BytesMut,
    records: Vec<NewRecord>,
}

impl NewRecords {
    /// For so many records of about so many bytes in all.
    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        Self { encoded: BytesMut::with_capacity(bytes), records: Vec::with_capacity(records) }
    }

    /// Adds one. `fingerprint` is the hash of its content, remembered under its `change_id` when it has one; `because` goes into
    /// the answer that is remembered. What it has yielded is told by operations of its own.
    pub fn push(&mut self, record: &QueuedRecord, fingerprint: u64, because: QueuedBecause) {
        let QueuedRecord { sequence, accept_time, change, .. } = record;
        let mut key = change.key.encode();
        key.truncate(KEY_BYTES_MAX);
        super::codec::encode_queued(record, &mut self.encoded);
        self.records.push(NewRecord {
            sequence: *sequence,
            accept_time: *accept_time,
            source: change.source,
            size: u32::try_from(change.size()).unwrap_or(u32::MAX),
            change_id: change.change_id.clone(),
            key,
            fingerprint,
            because,
            encoded: self.encoded.split().freeze(),
        });
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn into_operation(self) -> Operation {
        Operation::Enqueue(self.records)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum DivertTo {
    Errors(Failure),
    Nowhere,
}
