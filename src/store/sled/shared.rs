//! What the writer and the readers share.

use super::backup::{Behind, Changes, Lost, held};
use super::failure::EngineFailure;
use super::known_ids::KnownIds;
use super::open::Opened;
use super::space::{Room, Space};
use crate::model::ids::{AlertNumber, Position};
use crate::store::StoreError;
use crate::store::message::StoreHead;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};
use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Shared {
    pub space: Space,
    /// Readers hold it while they read, the writer while it writes a group: what a reader sees is between two commits, never
    /// inside one.
    files: RwLock<Files>,
    /// Bytes of all that is stored; the writer sets it with each group.
    stored_bytes: AtomicU64,
    /// The last position of the log that is synced; the writer moves it.
    log_end: watch::Sender<Position>,
    /// The last alert that is synced, likewise.
    alerts_end: watch::Sender<AlertNumber>,
    known_ids: Mutex<KnownIds>,
    /// Backups that are being made.
    backups: Mutex<Vec<Weak<Mutex<Behind>>>>,
}

/// Whether the files are open.
#[derive(Debug)]
pub(super) enum Files {
    Open(Arc<Opened>),
    /// The engine failed, and the writer tries to open them again.
    Failed(EngineFailure),
    Closed,
}

/// Where the numbers that tails follow stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    position: Position,
    alert: AlertNumber,
}

impl From<&StoreHead> for Ends {
    fn from(head: &StoreHead) -> Self {
        Self { position: Position(head.position), alert: AlertNumber(head.last_alert) }
    }
}

fn move_on<T: Ord + Copy>(end: &watch::Sender<T>, to: T) {
    end.send_if_modified(|end| {
        let moved = *end < to;
        *end = to.max(*end);
        moved
    });
}

impl Shared {
    pub fn new(space: Space, opened: Opened, ends: Ends, stored_bytes: u64) -> Self {
        Self {
            space,
            files: RwLock::new(Files::Open(Arc::new(opened))),
            stored_bytes: AtomicU64::new(stored_bytes),
            log_end: watch::Sender::new(ends.position),
            alerts_end: watch::Sender::new(ends.alert),
            known_ids: Mutex::default(),
            backups: Mutex::default(),
        }
    }

    /// A reader that panicked has changed nothing, so its poison says nothing.
    fn files(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads between two groups of commits. `read` collects what it needs; decoding is done behind it.
    pub fn read<T>(&self, read: impl FnOnce(&sled::Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &*self.files() {
            Files::Open(opened) => read(&opened.db),
            Files::Failed(failure) => Err(failure.clone().into()),
            Files::Closed => Err(StoreError::Closed),
        }
    }

    /// The same with what is known of ids.
    pub fn read_known<T>(
        &self,
        read: impl FnOnce(&sled::Db, &mut KnownIds) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(|db| read(db, &mut self.known_ids()))
    }

    /// What a reader that panicked has left unfinished is not known.
    fn known_ids(&self) -> MutexGuard<'_, KnownIds> {
        self.known_ids.lock().unwrap_or_else(|poisoned| {
            self.known_ids.clear_poison();
            let mut known = poisoned.into_inner();
            known.clear();
            known
        })
    }

    /// Writes a group of commits; no reader is at work meanwhile. Backups that are being made hear of it.
    pub fn write(&self, opened: &Opened, changes: Changes) -> Result<(), EngineFailure> {
        let mut batch = sled::Batch::default();
        for (key, change) in &changes {
            match change {
                Some(value) => batch.insert(key.clone(), value.clone()),
                None => batch.remove(key.clone()),
            }
        }
        let _alone = self.files.write().unwrap_or_else(PoisonError::into_inner);
        opened.db.apply_batch(batch).map_err(EngineFailure::writing)?;
        let mut known_ids = self.known_ids();
        if known_ids.note(&changes).is_err() {
            known_ids.clear(); // whoever asks reads it again, and is told
        }
        drop(known_ids);
        let mut backups = self.backups.lock().unwrap_or_else(PoisonError::into_inner);
        if !backups.is_empty() {
            let changes = Arc::new(changes);
            backups.retain(|behind| behind.upgrade().map(|behind| held(&behind).push(&changes)).is_some());
        }
        Ok(())
    }

    /// What groups of commits change from now on, for a backup.
    pub fn watch_changes(&self) -> Arc<Mutex<Behind>> {
        let _between = self.files();
        let behind = Arc::default();
        self.backups.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&behind));
        behind
    }

    /// What is open now. The writer's, who alone replaces it.
    pub fn opened(&self) -> Result<Arc<Opened>, StoreError> {
        match &*self.files() {
            Files::Open(opened) => Ok(opened.clone()),
            Files::Failed(failure) if failure.is_full() => Err(self.full_now()),
            Files::Failed(failure) => Err(failure.clone().into()),
            Files::Closed => Err(StoreError::Closed),
        }
    }

    /// Replaces the files, once no reader is at work with them.
    pub fn replace(&self, files: Files) -> Files {
        let mut current = self.files.write().unwrap_or_else(PoisonError::into_inner);
        self.known_ids().clear();
        for behind in self.backups.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(behind) = behind.upgrade() {
                held(&behind).lose(Lost::Reopened);
            }
        }
        std::mem::replace(&mut *current, files)
    }

    pub fn set_stored_bytes(&self, bytes: u64) {
        self.stored_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Events and alerts up to these are on the disk.
    pub fn set_ends(&self, ends: Ends) {
        move_on(&self.log_end, ends.position);
        move_on(&self.alerts_end, ends.alert);
    }

    pub fn alerts_end(&self) -> watch::Receiver<AlertNumber> {
        self.alerts_end.subscribe()
    }

    pub fn log_end(&self) -> watch::Receiver<Position> {
        self.log_end.subscribe()
    }

    pub fn synced_position(&self) -> Position {
        *self.log_end.borrow()
    }

    pub fn room(&self) -> std::io::Result<Room> {
        let stored_bytes = self.stored_bytes.load(Ordering::Relaxed);
        match &*self.files() {
            Files::Open(opened) => self.space.room(Some(&opened.log), stored_bytes),
            Files::Failed(_) | Files::Closed => self.space.room(None, stored_bytes),
        }
    }

    /// The refusal of a disk that was found full by writing to it.
    pub fn full_now(&self) -> StoreError {
        let free_bytes = match self.space.room(None, 0) {
            Ok(Room::Scarce { free_bytes } | Room::None { free_bytes }) => free_bytes,
            Ok(Room::Enough) | Err(_) => 0,
        };
        self.space.full(free_bytes)
    }
}
