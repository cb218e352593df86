//! The embedded engine: sled 0.34, one process, one folder.
//!
//! `open` takes the folder; `writer` is the one thread that writes, in groups of commits, each applied by `apply` (with `queue`,
//! `edit`, `errors`, `index` and `sweep`) to a `view` of the store; `keys` and `segment` say how things stand on the disk; `read` reads them; `space`
//! watches the disk.

mod alerts;
mod apply;
mod backup;
pub mod check;
mod edit;
mod errors;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod incoming;
mod index;
mod keys;
mod known_ids;
pub mod offline;
mod open;
mod packed;
mod queue;
mod read;
mod read_groups;
mod read_taken;
mod segment;
mod shared;
mod space;
mod subject;
mod sweep;
mod taken;
mod view;
mod writer;

use self::backup::Backup;
use self::failure::EngineFailure;
use self::keys::shelf;
use self::read::{get, head, read, scan};
use self::shared::Shared;
use self::space::{Room, Space};
use self::view::Numbers;
use self::writer::{Order, Request, Writer};
use super::{
    COMMIT_BYTES_MAX, Commit, Durability, ErrorNote, ErrorsByKey, FailedAt, Head, Pending, Store, StoreError, message,
};
use crate::model::activity::LoggedEvent;
use crate::model::alert::notification::Notification;
use crate::model::alert::{AlertEvent, AlertSetting, MapAlerts};
use crate::model::change::{ErrorRecord, QueuedRecord, Remembered};
use crate::model::error_group::ErrorGroup;
use crate::model::execution::{DeferredRows, Execution, ExecutionError};
use crate::model::ids::{
    AlertNumber, EventSequence, ExecutionNumber, JobNumber, MapId, NotificationNumber, Position, QueueSequence,
};
use crate::model::job::QueueJob;
use crate::model::key::Key;
use crate::model::table_map::{Side, TableMap};
use crate::model::written::WrittenSince;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use prost::Message;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot, watch};

/// Bytes of commits that wait for the writer: what bounds its channel, and what callers feel as back-pressure.
const WAITING_BYTES_MAX: u32 = 8 * 1024 * 1024;
/// What the smallest commit counts for in that bound, so that it bounds their number too.
const WAITING_BYTES_MIN: u32 = 512;
/// Places in the channel: one for each commit that may wait, and one for the end. Sending never blocks.
const WAITING_ORDERS_MAX: usize = (WAITING_BYTES_MAX / WAITING_BYTES_MIN) as usize + 1;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folder; made when it is not there.
    pub path: PathBuf,
    /// Memory for pages of the store.
    pub cache_bytes: u64,
    /// Free space of the disk under which no changes are taken in, so that there is room for deciding about those that are
    /// there. At least 32 MiB, or a group of commits may not fit what is left of it.
    pub reserve_bytes: u64,
}

impl Options {
    /// 64 MiB of cache, 64 MiB of reserve.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), cache_bytes: 64 * 1024 * 1024, reserve_bytes: 64 * 1024 * 1024 }
    }
}

/// The store. Dropping it writes what was handed over, and waits for that.
#[derive(Debug)]
pub struct SledStore {
    shared: Arc<Shared>,
    orders: mpsc::SyncSender<Order>,
    /// Bounds `orders`; closed when the store is.
    waiting: Arc<Semaphore>,
    /// Taken by who waits for its end.
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held as long as the folder is ours.
    _lock: File,
}

impl SledStore {
    /// Opens the store in a folder, as the last process left it; a new one where there is none. Blocks.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        let lock = open::lock(&options.path)?;
        let opened = open::open(&options.path, options.cache_bytes)?;
        let numbers = Numbers::load(&opened.db)?;
        let space = Space { folder: options.path, reserve_bytes: options.reserve_bytes };
        let ends = (&numbers.store).into();
        let shared = Arc::new(Shared::new(space, opened, ends, numbers.store.stored_bytes));
        let (orders, receiver) = mpsc::sync_channel(WAITING_ORDERS_MAX);
        let writer = Writer::new(shared.clone(), receiver, options.cache_bytes, numbers);
        let writer = std::thread::Builder::new()
            .name("tandem-store".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::from(EngineFailure::opening(error)))?;
        let waiting = Arc::new(Semaphore::new(WAITING_BYTES_MAX as usize));
        Ok(Self { shared, orders, waiting, writer: Mutex::new(Some(writer)), _lock: lock })
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        let (nobody, _) = oneshot::channel();
        let _ = self.orders.send(Order::Close(nobody)); // it may have ended by `close`
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join(); // a panic of it was reported when it happened
        }
    }
}

#[async_trait]
impl Store for SledStore {
    async fn submit(&self, commit: Commit, durability: Durability) -> Result<Pending, StoreError> {
        let message = message::Commit::from(&commit);
        let bytes = message.encoded_len();
        if bytes > COMMIT_BYTES_MAX {
            let why = format!("it has {bytes} bytes, {COMMIT_BYTES_MAX} are allowed");
            return Err(StoreError::Misfit { map: commit.map, why });
        }
        let share = u32::try_from(bytes).unwrap_or(WAITING_BYTES_MAX).max(WAITING_BYTES_MIN);
        // Waits for the writer to take commits out; ends with that, or with the store.
        let permit = self.waiting.clone().acquire_many_owned(share).await.map_err(|_| StoreError::Closed)?;
        let (answer, pending) = oneshot::channel();
        let request = Request { commit: message, bytes, durability, answer, permit };
        self.orders.send(Order::Commit(Box::new(request))).map_err(|_| StoreError::Closed)?;
        Ok(Pending(pending))
    }

    fn room(&self) -> Result<(), StoreError> {
        match self.shared.room() {
            Ok(Room::Enough) | Err(_) => Ok(()), // what cannot be told is found out by writing
            Ok(Room::Scarce { free_bytes } | Room::None { free_bytes }) => Err(self.shared.space.full(free_bytes)),
        }
    }

    fn map(&self, map: &MapId) -> Result<Option<TableMap>, StoreError> {
        let key = keys::of_map(shelf::MAPS, map.as_str());
        let bytes = self.shared.read(|db| get(db, &key))?;
        bytes.map(|bytes| read::<message::TableMap, _>(&bytes, "a map")).transpose()
    }

    fn maps(&self, after: Option<&MapId>, limit: usize) -> Result<Vec<TableMap>, StoreError> {
        let from = match after {
            Some(map) => keys::behind(&keys::of_map(shelf::MAPS, map.as_str())),
            None => vec![shelf::MAPS],
        };
        let entries = self.shared.read(|db| scan(db, &from, &keys::behind(&[shelf::MAPS]), limit))?;
        entries.iter().map(|(_, bytes)| read::<message::TableMap, _>(bytes, "a map")).collect()
    }

    fn head(&self, map: &MapId) -> Result<Head, StoreError> {
        self.read_head(map)
    }

    fn queued(
        &self,
        map: &MapId,
        after: QueueSequence,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<QueuedRecord>, StoreError> {
        self.read_queued(map, after, records_max, bytes_max)
    }

    fn queued_record(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<QueuedRecord>, StoreError> {
        self.read_queued_record(map, sequence)
    }

    fn errors(&self, map: &MapId, after: QueueSequence, limit: usize) -> Result<Vec<ErrorRecord>, StoreError> {
        self.read_numbered::<message::ErrorRecord, _>(shelf::ERRORS, map, after.0, limit, "an error")
    }

    fn error(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<ErrorRecord>, StoreError> {
        self.read_one::<message::ErrorRecord, _>(shelf::ERRORS, map, sequence.0, "an error")
    }

    fn last_error(&self, map: &MapId) -> Result<QueueSequence, StoreError> {
        self.read_last_error(map)
    }

    fn errors_of_key(
        &self,
        map: &MapId,
        key: &Key,
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<ErrorRecord>, StoreError> {
        self.read_errors_of_key(map, key, after, limit)
    }

    fn error_groups(&self, map: &MapId) -> Result<Vec<ErrorGroup>, StoreError> {
        self.read_error_groups(map)
    }

    fn errors_failed(
        &self,
        map: &MapId,
        group: &ErrorGroup,
        after: Option<FailedAt>,
        until: Option<DateTime<Utc>>,
        limit: usize,
    ) -> Result<Vec<FailedAt>, StoreError> {
        self.read_errors_failed(map, group, after, until, limit)
    }

    fn errors_by_key(&self, map: &MapId, prefix: &[u8], after: &[u8], limit: usize) -> Result<ErrorsByKey, StoreError> {
        self.read_errors_by_key(map, prefix, after, limit)
    }

    fn put_right_until(
        &self,
        map: &MapId,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<QueueSequence>, StoreError> {
        self.read_put_right_until(map, until, limit)
    }

    fn retried(&self, map: &MapId, after: QueueSequence, limit: usize) -> Result<Vec<ErrorRecord>, StoreError> {
        self.read_numbered::<message::ErrorRecord, _>(shelf::RETRIED, map, after.0, limit, "a retried record")
    }

    fn retried_record(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<ErrorRecord>, StoreError> {
        self.read_one::<message::ErrorRecord, _>(shelf::RETRIED, map, sequence.0, "a retried record")
    }

    fn written_since(&self, map: &MapId, side: Side, key: &Key) -> Result<WrittenSince, StoreError> {
        self.read_written_since(map, side, key)
    }

    fn job(&self, map: &MapId, number: JobNumber) -> Result<Option<QueueJob>, StoreError> {
        self.read_one::<message::QueueJob, _>(shelf::JOBS, map, number.0, "a job")
    }

    fn jobs(&self, map: &MapId, before: Option<JobNumber>, limit: usize) -> Result<Vec<QueueJob>, StoreError> {
        let before = before.map(|before| before.0);
        self.read_newest_first::<message::QueueJob, _>(shelf::JOBS, map, before, limit, "a job")
    }

    fn queued_by_key(
        &self,
        map: &MapId,
        prefix: &[u8],
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<QueuedRecord>, StoreError> {
        self.read_queued_by_key(map, prefix, after, limit)
    }

    fn accepted_before(&self, map: &MapId, time: DateTime<Utc>) -> Result<QueueSequence, StoreError> {
        self.read_accepted_before(map, time)
    }

    fn remembered(&self, map: &MapId, change_ids: &[&str]) -> Result<Vec<Option<Remembered>>, StoreError> {
        self.read_remembered(map, change_ids)
    }

    fn forgets(&self, map: &MapId, until: DateTime<Utc>) -> Result<bool, StoreError> {
        self.read_forgets(map, until)
    }

    fn execution(&self, map: &MapId, number: ExecutionNumber) -> Result<Option<Execution>, StoreError> {
        self.read_one::<message::Execution, _>(shelf::EXECUTIONS, map, number.0, "an execution")
    }

    fn executions(
        &self,
        map: &MapId,
        before: Option<ExecutionNumber>,
        limit: usize,
    ) -> Result<Vec<Execution>, StoreError> {
        let before = before.map(|before| before.0);
        self.read_newest_first::<message::Execution, _>(shelf::EXECUTIONS, map, before, limit, "an execution")
    }

    fn deferred_rows(
        &self,
        map: &MapId,
        execution: ExecutionNumber,
    ) -> Result<Option<(u64, DeferredRows)>, StoreError> {
        let entries = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let key = |number| keys::numbered_below(shelf::DEFERRED, map.as_str(), incarnation, execution.0, number);
            scan(db, &key(0), &keys::behind(&key(u64::MAX)), 1)
        })?;
        let Some((key, bytes)) = entries.first() else { return Ok(None) };
        let rows = read::<message::DeferredRows, _>(bytes, "deferred rows")?;
        Ok(Some((keys::last_number(key).unwrap_or(0), rows)))
    }

    fn execution_error(
        &self,
        map: &MapId,
        execution: ExecutionNumber,
        number: u64,
    ) -> Result<Option<ExecutionError>, StoreError> {
        let bytes = self.shared.read(|db| {
            get(db, &keys::execution_error(map.as_str(), head(db, map)?.incarnation, execution.0, number))
        })?;
        bytes.map(|bytes| read::<message::ExecutionError, _>(&bytes, "an execution's error")).transpose()
    }

    fn last_execution_error(&self, map: &MapId, execution: ExecutionNumber) -> Result<u64, StoreError> {
        self.read_last_execution_error(map, execution.0)
    }

    fn execution_errors(
        &self,
        map: &MapId,
        execution: ExecutionNumber,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionError)>, StoreError> {
        let entries = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let key = |number| keys::execution_error(map.as_str(), incarnation, execution.0, number);
            scan(db, &key(after.saturating_add(1)), &keys::behind(&key(u64::MAX)), limit)
        })?;
        let entry = |(key, bytes): &(sled::IVec, sled::IVec)| {
            let number = keys::last_number(key).unwrap_or(0);
            Ok((number, read::<message::ExecutionError, _>(bytes, "an execution's error")?))
        };
        entries.iter().map(entry).collect()
    }

    fn events(&self, map: &MapId, from: EventSequence, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.read_map_events(map, from, limit)
    }

    fn all_events(&self, from: Position, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.read_events(&keys::position(from.0), &keys::behind(&[shelf::LOG_BY_POSITION]), limit)
    }

    fn log_end(&self) -> watch::Receiver<Position> {
        self.shared.log_end()
    }

    fn alert_settings(&self) -> Result<Vec<AlertSetting>, StoreError> {
        self.read_alert_settings()
    }

    fn map_alerts(&self, map: &MapId) -> Result<MapAlerts, StoreError> {
        self.read_map_alerts(map)
    }

    fn error_notes(&self, map: &MapId) -> Result<Vec<ErrorNote>, StoreError> {
        self.read_error_notes(map)
    }

    fn alerts(&self, from: AlertNumber, limit: usize) -> Result<Vec<AlertEvent>, StoreError> {
        self.read_alerts(from, limit)
    }

    fn alerts_end(&self) -> watch::Receiver<AlertNumber> {
        self.shared.alerts_end()
    }

    fn notifications(&self, from: NotificationNumber, limit: usize) -> Result<Vec<Notification>, StoreError> {
        self.read_notifications(from, limit)
    }

    fn last_notification(&self) -> Result<NotificationNumber, StoreError> {
        self.read_last_notification()
    }

    fn pending_notifications(
        &self,
        after: NotificationNumber,
        limit: usize,
    ) -> Result<Vec<NotificationNumber>, StoreError> {
        self.read_outbox(after, limit)
    }

    fn backup(&self, time: DateTime<Utc>) -> Box<dyn Iterator<Item = Result<Vec<u8>, StoreError>> + Send> {
        Box::new(Backup::begin(self.shared.clone(), time))
    }

    async fn close(&self) {
        self.waiting.close();
        let (done, closed) = oneshot::channel();
        if self.orders.send(Order::Close(done)).is_ok() {
            // Ends when the writer has synced, or was closed before.
            let _ = closed.await;
        }
    }
}

#[cfg(test)]
mod tests;
