//! What is kept. A trait in the domain's terms; one folder for each engine that keeps it.
//!
//! Everything that must happen together is one `Commit`: applied whole or not at all, and numbered by the store in the
//! order of its map. Applying one takes no clock, no randomness and no outside read: the same commits in the same order
//! give the same store, byte for byte. What depends on time is decided by the engine and comes in as operations.

mod codec;
mod message;
pub mod sled;

use crate::model::activity::{Event, LoggedEvent};
use crate::model::alert::notification::Notification;
use crate::model::alert::{Acknowledgement, AlertEvent, AlertSetting, MapAlerts, Noted};
use crate::model::change::{Change, Ending, ErrorRecord, QueuedBecause, QueuedRecord, Remembered};
use crate::model::error_group::ErrorGroup;
use crate::model::execution::{DeferredRows, Execution, ExecutionError};
use crate::model::failure::{ErrorType, Failure};
use crate::model::figures::{Figures, MapFigures};
use crate::model::ids::{
    AlertId, AlertNumber, EventSequence, ExecutionNumber, JobNumber, MapId, NotificationNumber, Position,
    QueueSequence, Revision,
};
use crate::model::job::QueueJob;
use crate::model::key::Key;
use crate::model::row::Row;
use crate::model::table_map::{Side, TableMap};
use crate::model::written::{Written, WrittenSince};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{oneshot, watch};

/// The largest commit, in bytes of its message: what the next engine, a replicated log, takes as one entry.
pub const COMMIT_BYTES_MAX: usize = 512 * 1024;

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
        change_id: String,
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

/// A change on its way into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    pub sequence: QueueSequence,
    pub accept_time: DateTime<Utc>,
    pub change: Change,
    pub previous: Option<QueueSequence>,
    /// The hash of the change's content, remembered under its `change_id` when it has one.
    pub fingerprint: u64,
    /// Goes into the answer that is remembered.
    pub because: QueuedBecause,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DivertTo {
    Errors(Failure),
    Nowhere,
}

/// What a commit was given, once it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The map's revision after it.
    pub revision: Revision,
    /// The last sequence of the map's activity log after it.
    pub last_event: EventSequence,
    /// The last position of the whole log after it.
    pub position: Position,
}

/// A commit on its way to the disk; resolves when it is synced or refused.
#[derive(Debug)]
pub struct Pending(pub oneshot::Receiver<Result<Receipt, StoreError>>);

impl Future for Pending {
    type Output = Result<Receipt, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(StoreError::Closed)))
    }
}

/// When a commit is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced before it is answered.
    Synced,
    /// Answered when it is applied; synced with the next one that asks for it, or a little later by itself. A crash may lose
    /// it, and with it all that came after it, never one before another.
    Lazy,
}

/// When an error failed last, and its number.
pub type FailedAt = (DateTime<Utc>, u64);

/// Errors with their places in the order of keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorsByKey {
    pub errors: Vec<(Vec<u8>, ErrorRecord)>,
    /// Where it goes on; none at the end.
    pub next: Option<Vec<u8>>,
}

/// Where the numbers of a map stand; read when its work begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    pub revision: Revision,
    pub last_event: EventSequence,
    pub last_queued: QueueSequence,
    /// No queued record was accepted later.
    pub last_accepted: Option<DateTime<Utc>>,
    pub figures: MapFigures,
    /// How many failures the map has had; what is counted by `ErrorRecord::number`.
    pub failures: u64,
    /// Whether anything is noted as written.
    pub has_written: bool,
    /// Whether diverted records are still to be moved, or entries of a deleted map to be removed: `ContinueDivert`.
    pub diverting: bool,
}

/// What is kept. Reads see every commit that was answered, and block only as long as a short read of the disk takes.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Hands a commit to the writer: waits for a place in its channel, which is the back-pressure, and answers with what
    /// resolves when the commit is done. Commits are applied in the order of these calls.
    async fn submit(&self, commit: Commit, durability: Durability) -> Result<Pending, StoreError>;

    /// Hands a commit over and waits until it is synced.
    async fn commit(&self, commit: Commit) -> Result<Receipt, StoreError> {
        self.submit(commit, Durability::Synced).await?.await
    }

    /// Whether the store takes in changes: `Full` when the disk's free space is below the reserve. Costs a system call, so that
    /// who would have to do much before a commit can ask first.
    fn room(&self) -> Result<(), StoreError>;

    fn map(&self, map: &MapId) -> Result<Option<TableMap>, StoreError>;

    /// Maps in the order of their ids, after `after`.
    fn maps(&self, after: Option<&MapId>, limit: usize) -> Result<Vec<TableMap>, StoreError>;

    /// Where the map's numbers stand; all zero for one that never was.
    fn head(&self, map: &MapId) -> Result<Head, StoreError>;

    /// Records that are queued, in order, after `after`, until `bytes_max` (at least one) or `records_max` are read.
    fn queued(
        &self,
        map: &MapId,
        after: QueueSequence,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<QueuedRecord>, StoreError>;

    /// The record with this sequence, if it is still queued.
    fn queued_record(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<QueuedRecord>, StoreError>;

    /// Queued records whose encoded keys begin so, in order, after `after`, and perhaps others; those of long keys have only the first
    /// bytes in common. Costs one look for each of some thousand records that were queued.
    fn queued_by_key(
        &self,
        map: &MapId,
        prefix: &[u8],
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<QueuedRecord>, StoreError>;

    /// A sequence up to which no queued record was accepted at `time` or later; close to the first one that was.
    fn accepted_before(&self, map: &MapId, time: DateTime<Utc>) -> Result<QueueSequence, StoreError>;

    /// Records in error, in the order of acceptance, after `after`.
    fn errors(&self, map: &MapId, after: QueueSequence, limit: usize) -> Result<Vec<ErrorRecord>, StoreError>;

    /// Records in error under this key, likewise; others cost nothing.
    fn errors_of_key(
        &self,
        map: &MapId,
        key: &Key,
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<ErrorRecord>, StoreError>;

    /// The record in error with this sequence.
    fn error(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<ErrorRecord>, StoreError>;

    /// The greatest sequence of a record in error, diverted ones that are still to be moved included; 0 when there is none.
    fn last_error(&self, map: &MapId) -> Result<QueueSequence, StoreError>;

    /// The catch-up errors and the failed rows of executions by what they have in common, without diverted records that are still
    /// to be moved. Costs by how many groups there are, not by how many errors.
    fn error_groups(&self, map: &MapId) -> Result<Vec<ErrorGroup>, StoreError>;

    /// The errors of a group by the time of their latest failure, then by number: behind `after`, and at `until` or before.
    fn errors_failed(
        &self,
        map: &MapId,
        group: &ErrorGroup,
        after: Option<FailedAt>,
        until: Option<DateTime<Utc>>,
        limit: usize,
    ) -> Result<Vec<FailedAt>, StoreError>;

    /// Catch-up errors of records whose encoded keys begin so, and perhaps others, in the order of keys, behind the place `after` (empty:
    /// from the first), with the place of each; those of long keys have only the first bytes in common.
    fn errors_by_key(&self, map: &MapId, prefix: &[u8], after: &[u8], limit: usize) -> Result<ErrorsByKey, StoreError>;

    /// Records that retries have put right at `until` or before, the oldest first.
    fn put_right_until(
        &self,
        map: &MapId,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<QueueSequence>, StoreError>;

    /// Records that a retry took out of the errors, in the order of acceptance, after `after`.
    fn retried(&self, map: &MapId, after: QueueSequence, limit: usize) -> Result<Vec<ErrorRecord>, StoreError>;

    /// The record with this sequence that a retry took out of the errors.
    fn retried_record(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<ErrorRecord>, StoreError>;

    /// What newer changes have written of a key at a side (rule 3).
    fn written_since(&self, map: &MapId, side: Side, key: &Key) -> Result<WrittenSince, StoreError>;

    fn job(&self, map: &MapId, number: JobNumber) -> Result<Option<QueueJob>, StoreError>;

    /// Jobs of the map, newest first, before `before` when given.
    fn jobs(&self, map: &MapId, before: Option<JobNumber>, limit: usize) -> Result<Vec<QueueJob>, StoreError>;

    /// What is remembered of each of these ids.
    fn remembered(&self, map: &MapId, change_ids: &[&str]) -> Result<Vec<Option<Remembered>>, StoreError>;

    /// Whether there is anything that `Forget` would remove.
    fn forgets(&self, map: &MapId, until: DateTime<Utc>) -> Result<bool, StoreError>;

    fn execution(&self, map: &MapId, number: ExecutionNumber) -> Result<Option<Execution>, StoreError>;

    /// Executions of the map, newest first, before `before` when given.
    fn executions(
        &self,
        map: &MapId,
        before: Option<ExecutionNumber>,
        limit: usize,
    ) -> Result<Vec<Execution>, StoreError>;

    /// The first deferred rows of an execution, with their number.
    fn deferred_rows(&self, map: &MapId, execution: ExecutionNumber)
    -> Result<Option<(u64, DeferredRows)>, StoreError>;

    /// The error of an execution with this number, if it is one still.
    fn execution_error(
        &self,
        map: &MapId,
        execution: ExecutionNumber,
        number: u64,
    ) -> Result<Option<ExecutionError>, StoreError>;

    /// The greatest number among the errors of an execution; 0 when there is none.
    fn last_execution_error(&self, map: &MapId, execution: ExecutionNumber) -> Result<u64, StoreError>;

    /// Errors of an execution in the order in which they were kept, with their numbers from 1, after `after`.
    fn execution_errors(
        &self,
        map: &MapId,
        execution: ExecutionNumber,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionError)>, StoreError>;

    /// Events of one map from `from` on (inclusive), up to what is synced: no tail tells of what a crash takes back.
    fn events(&self, map: &MapId, from: EventSequence, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;

    /// Events of all maps from `from` on (inclusive), likewise.
    fn all_events(&self, from: Position, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;

    /// Wakes when events were synced; the value is the last position. What a tail waits for.
    fn log_end(&self) -> watch::Receiver<Position>;

    /// Settings of alerts, by id.
    fn alert_settings(&self) -> Result<Vec<AlertSetting>, StoreError>;

    /// Which settings are in effect for the map.
    fn map_alerts(&self, map: &MapId) -> Result<MapAlerts, StoreError>;

    /// What is kept of errors that count for alerts, by number.
    fn error_notes(&self, map: &MapId) -> Result<Vec<ErrorNote>, StoreError>;

    /// Alerts from `from` on (inclusive), up to what is synced.
    fn alerts(&self, from: AlertNumber, limit: usize) -> Result<Vec<AlertEvent>, StoreError>;

    /// Wakes when alerts were synced; the value is the last one's number.
    fn alerts_end(&self) -> watch::Receiver<AlertNumber>;

    /// Notifications from `from` on (inclusive), in the order of their numbers.
    fn notifications(&self, from: NotificationNumber, limit: usize) -> Result<Vec<Notification>, StoreError>;

    /// The last notification's number; 0 when there was none.
    fn last_notification(&self) -> Result<NotificationNumber, StoreError>;

    /// Numbers of the notifications that are still to be delivered, after `after`.
    fn pending_notifications(
        &self,
        after: NotificationNumber,
        limit: usize,
    ) -> Result<Vec<NotificationNumber>, StoreError>;

    /// The parts of a file that holds all of the store, as it is at one moment near its end; the store works on meanwhile. Making one
    /// blocks while it reads. `time` is for people.
    fn backup(&self, time: DateTime<Utc>) -> Box<dyn Iterator<Item = Result<Vec<u8>, StoreError>> + Send>;

    /// Writes and syncs what is still to be written, and ends. Commits after it are refused as `Closed`.
    async fn close(&self);
}

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone wrote since `expected` was read. Nothing was applied; read again and decide again.
    #[error("map {map} is at revision {found}, not {expected}")]
    Conflict { map: MapId, expected: Revision, found: Revision },
    /// The disk has no room for more changes. Nothing of the commit was applied; what was acknowledged is kept.
    #[error("the disk of the store is full: {free_bytes} bytes are free, {reserve_bytes} are kept in reserve")]
    Full { free_bytes: u64, reserve_bytes: u64 },
    /// A commit that does not fit what the store holds (a sequence that does not follow, a record that is not queued):
    /// a fault of ours. Nothing of it was applied.
    #[error("a commit for map {map} does not fit the store: {why}")]
    Misfit { map: MapId, why: String },
    /// Another process holds the store.
    #[error("the store in {path} is in use by another process; stop it first, or give this one a folder of its own")]
    InUse { path: String },
    /// The store was written by a later version of the program.
    #[error("the store has schema version {found}, this program knows up to {known}; start the newer program")]
    TooNew { found: u32, known: u32 },
    /// More was written during a backup than its receiver took. Nothing is wrong with the store.
    #[error("the backup was given up: more was written meanwhile than its receiver took")]
    BackupTooSlow,
    /// What is stored cannot be read.
    #[error("the store holds {what} that cannot be read")]
    Corrupt { what: String },
    /// The engine failed. It is not known whether the commit is on disk, so nothing of it was acknowledged. The store opens
    /// itself again; read the head again before the next commit, for what was not synced may be gone.
    #[error("the store failed while {doing}")]
    Engine {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
