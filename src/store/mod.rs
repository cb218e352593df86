//! What is kept. A trait in the domain's terms; one folder for each engine that keeps it.
//!
//! Everything that must happen together is one `Commit`: applied whole or not at all, and numbered by the store in the
//! order of its map. Applying one takes no clock, no randomness and no outside read: the same commits in the same order
//! give the same store, byte for byte. What depends on time is decided by the engine and comes in as operations.

mod codec;
mod commit;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod message;
pub mod sled;

pub use commit::{
    COMMIT_BYTES_MAX, Commit, DivertTo, ErrorNote, NewRecord, NewRecords, Operation, Retried, RetryResult, in_commits,
};
pub use error::StoreError;

use crate::model::activity::LoggedEvent;
use crate::model::alert::notification::Notification;
use crate::model::alert::{AlertEvent, AlertSetting, MapAlerts};
use crate::model::change::{ErrorRecord, QueuedRecord, Remembered};
use crate::model::error_group::ErrorGroup;
use crate::model::execution::{DeferredRows, Execution, ExecutionError};
use crate::model::figures::MapFigures;
use crate::model::ids::{
    AlertNumber, EventSequence, ExecutionNumber, JobNumber, MapId, NotificationNumber, Position, QueueSequence,
    Revision,
};
use crate::model::job::QueueJob;
use crate::model::key::Key;
use crate::model::table_map::{Side, TableMap};
use crate::model::written::WrittenSince;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{oneshot, watch};

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
    /// bytes in common. Fewer than `limit` are all. Costs one look for each of some thousand records that were queued.
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
