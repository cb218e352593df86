//! Opening: one process at a time, whatever the last one left behind.

use super::failure::{EngineFailure, guarded};
use super::incoming;
use super::keys::{self, FENCE_POSTS};
use crate::store::StoreError;
use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tracing::warn;

/// What this program writes. A store with a higher version is not touched; one with a lower one is migrated here.
pub(super) const SCHEMA_VERSION: u32 = 1;
const LOCK_FILE: &str = "lock";
/// sled's log, all of its data.
pub(super) const LOG_FILE: &str = "db";
/// Where sled puts what is too large for its log.
pub(super) const BLOBS_FOLDER: &str = "blobs";
/// sled's own settings, written once.
pub(super) const SETTINGS_FILE: &str = "conf";
/// sled's snapshots: a cache of where the pages are in its log. Without one it reads the whole log.
pub(super) const SNAPSHOT_PREFIX: &str = "snap.";
/// How sled calls a snapshot that it has not finished.
const UNFINISHED_SUFFIX: &str = ".generating";
/// What a snapshot that cannot be read is renamed to.
const ASIDE_PREFIX: &str = "aside.";
/// A segment of sled's log. A leaf over a quarter of it becomes a file of its own, which sled does not sync; our largest common leaf
/// (20 queue segments) stays below that.
const LOG_SEGMENT_BYTES: usize = 2 * 1024 * 1024;
/// How often, and how long at most, the log is waited for.
const LOG_WAIT: Duration = Duration::from_millis(2);
const LOG_WAIT_MAX: Duration = Duration::from_secs(5);

/// Takes the store in `path` for this process; it is another's turn when the file is dropped.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let opening = |error: io::Error| StoreError::from(EngineFailure::opening(error));
    fs::create_dir_all(path).map_err(opening)?;
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE)).map_err(opening)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(opening(error)),
    }
}

/// An open sled with the files that it keeps.
#[derive(Debug)]
pub(super) struct Opened {
    pub db: sled::Db,
    pub log: File,
    pub blobs: PathBuf,
}

/// Opens the store; the lock is held. Nothing is ever deleted but what sled had not finished.
pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Opened, StoreError> {
    let opening = |error: io::Error| StoreError::from(EngineFailure::opening(error));
    wait_for_log(path)?;
    incoming::finish(path).map_err(opening)?;
    remove_unfinished(path).map_err(opening)?;
    let db = match open_sled(path, cache_bytes) {
        Ok(db) => db,
        Err(failure) if failure.is_about_content() && set_snapshots_aside(path).map_err(opening)? => {
            warn!(
                error = %failure.source,
                path = %path.display(),
                "the store did not open; its snapshots were set aside, to read the whole log"
            );
            open_sled(path, cache_bytes)?
        }
        Err(failure) => return Err(failure.into()),
    };
    check_schema(&db)?;
    let log = OpenOptions::new().read(true).write(true).open(path.join(LOG_FILE)).map_err(opening)?;
    // That the files are there must be on disk before what is in them counts.
    for folder in [Some(path), path.parent()].into_iter().flatten().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(opening)?;
    }
    Ok(Opened { db, log, blobs: path.join(BLOBS_FOLDER) })
}

/// sled's own threads may hold its log a little longer than the store that was dropped, in this process or in one that ends. The folder is
/// ours, so they will let go. Opening blocks anyway.
#[allow(clippy::disallowed_methods)]
fn wait_for_log(path: &Path) -> Result<(), StoreError> {
    let opening = |error: io::Error| StoreError::from(EngineFailure::opening(error));
    let give_up_at = Instant::now() + LOG_WAIT_MAX;
    loop {
        let log = match OpenOptions::new().write(true).open(path.join(LOG_FILE)) {
            Ok(log) => log,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // a new store
            Err(error) => return Err(opening(error)),
        };
        match log.try_lock() {
            Ok(()) => return Ok(()), // and lets go of it
            Err(TryLockError::WouldBlock) if Instant::now() < give_up_at => std::thread::sleep(LOG_WAIT),
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(opening(error)),
        }
    }
}

fn open_sled(path: &Path, cache_bytes: u64) -> Result<sled::Db, EngineFailure> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .segment_size(LOG_SEGMENT_BYTES)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(None); // the writer syncs, and knows what
    guarded("opening", || config.open().map_err(EngineFailure::opening))
}

/// Removes snapshots that a killed process was writing: sled would take one for a finished one and fail. Settings that were cut short go
/// too while there is no log yet, for sled would not open with them.
fn remove_unfinished(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(SNAPSHOT_PREFIX) && name.ends_with(UNFINISHED_SUFFIX) {
            warn!(file = %entry.path().display(), "a snapshot that was not finished is removed");
            fs::remove_file(entry.path())?;
        }
    }
    let log_bytes = fs::metadata(path.join(LOG_FILE)).map_or(0, |log| log.len());
    let settings = path.join(SETTINGS_FILE);
    if log_bytes == 0 && settings.exists() {
        fs::remove_file(settings)?;
    }
    Ok(())
}

/// Renames all snapshots; says whether there was one.
fn set_snapshots_aside(path: &Path) -> io::Result<bool> {
    let mut any = false;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(SNAPSHOT_PREFIX) {
            let aside = (0_u32..).map(|count| path.join(format!("{ASIDE_PREFIX}{count}.{name}")));
            let free = aside.into_iter().find(|aside| !aside.exists());
            if let Some(free) = free {
                fs::rename(entry.path(), free)?;
                any = true;
            }
        }
    }
    Ok(any)
}

/// Marks a new store, refuses one from the future.
fn check_schema(db: &sled::Db) -> Result<(), StoreError> {
    let key = keys::schema();
    let Some(bytes) = db.get(&key).map_err(EngineFailure::reading)? else {
        if db.iter().next().is_some() {
            return Err(StoreError::Corrupt { what: "no schema version".to_owned() });
        }
        let mut batch = sled::Batch::default();
        batch.insert(key, SCHEMA_VERSION.to_be_bytes().as_slice());
        for post in 0..FENCE_POSTS {
            batch.insert(keys::fence(post), [].as_slice());
        }
        db.apply_batch(batch).map_err(EngineFailure::writing)?;
        db.flush().map_err(EngineFailure::syncing)?;
        return Ok(());
    };
    let unreadable = || StoreError::Corrupt { what: "a schema version".to_owned() };
    let found = bytes.as_ref().try_into().map(u32::from_be_bytes).map_err(|_| unreadable())?;
    match found.cmp(&SCHEMA_VERSION) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::TooNew { found, known: SCHEMA_VERSION }),
        Ordering::Less => Err(unreadable()), // none was before the first; migrations come here
    }
}

impl Opened {
    /// All that was applied is on the disk when this returns.
    ///
    /// sled alone does not give that: on Linux its flush is `sync_file_range`, which reaches neither the file's new length nor the
    /// drive's cache, and its blobs are not synced at all. A killed process loses nothing by that, a power failure would.
    pub fn sync(&self) -> Result<(), EngineFailure> {
        self.sync_blobs().map_err(EngineFailure::syncing)?;
        self.db.flush().map_err(EngineFailure::syncing)?;
        self.log.sync_data().map_err(EngineFailure::syncing)
    }

    /// There are none unless rows are very large.
    fn sync_blobs(&self) -> io::Result<()> {
        let mut any = false;
        for entry in fs::read_dir(&self.blobs)? {
            match File::open(entry?.path()) {
                Ok(blob) => blob.sync_data()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // sled removed it meanwhile
                Err(error) => return Err(error),
            }
            any = true;
        }
        if any { File::open(&self.blobs)?.sync_all() } else { Ok(()) }
    }
}
