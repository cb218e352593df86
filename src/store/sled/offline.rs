//! What is done to a store that no server has open: restoring a backup, and giving disk space back.

use super::backup::MAGIC;
use super::failure::EngineFailure;
use super::incoming;
use super::open::{self, LOG_FILE, SCHEMA_VERSION};
use crate::store::StoreError;
use crate::store::message::{BackupFrame, backup_frame::Kind};
use chrono::{DateTime, Utc};
use prost::Message;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Memory for pages while files are made.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// The largest frame of a backup: a group of commits with all that it touches is far smaller.
const FRAME_BYTES_MAX: u32 = 256 * 1024 * 1024;
/// Entries of one batch.
const BATCH_ENTRIES: usize = 1_000;

/// Why it was not done. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{doing} {}", .path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    /// A restore never writes over what is there.
    #[error("{} holds a store; move it away, or restore into another folder", .path.display())]
    NotEmpty { path: PathBuf },
    #[error("this is no whole backup: {why}")]
    Broken { why: String },
}

impl From<EngineFailure> for OfflineError {
    fn from(failure: EngineFailure) -> Self {
        Self::Store(failure.into())
    }
}

/// What was restored.
#[derive(Debug, Clone, Copy)]
pub struct Restored {
    /// When the backup was begun.
    pub time: Option<DateTime<Utc>>,
    pub bytes: u64,
}

/// How large the store's files were, and are.
#[derive(Debug, Clone, Copy)]
pub struct Compacted {
    pub bytes_before: u64,
    pub bytes_after: u64,
}

/// Makes the store of a backup in a folder that has none. Killed on the way, the folder has none still.
pub fn restore(path: &Path, backup: impl Read) -> Result<Restored, OfflineError> {
    let _lock = open::lock(path)?;
    let in_folder = |source| OfflineError::File { doing: "writing in", path: path.to_owned(), source };
    incoming::finish(path).map_err(in_folder)?;
    if path.join(LOG_FILE).exists() {
        return Err(OfflineError::NotEmpty { path: path.to_owned() });
    }
    let folder = incoming::begin(path).map_err(in_folder)?;
    let opened = open::open(&folder, CACHE_BYTES)?;
    let mut frames = Frames { source: backup, bytes: 0 };
    let time = frames.begin()?;
    let mut count = 0;
    loop {
        match frames.next()? {
            Kind::Begin(_) => return Err(broken("it begins twice")),
            Kind::Entries(entries) => {
                count += 1;
                for entries in entries.entries.chunks(BATCH_ENTRIES) {
                    let mut batch = sled::Batch::default();
                    for entry in entries {
                        match &entry.value {
                            Some(value) => batch.insert(entry.key.as_slice(), value.as_slice()),
                            None => batch.remove(entry.key.as_slice()),
                        }
                    }
                    opened.db.apply_batch(batch).map_err(EngineFailure::writing)?;
                }
            }
            Kind::End(end) if end.frames == count => break,
            Kind::End(end) => return Err(broken(format!("it has {count} of {} parts", end.frames))),
        }
    }
    opened.sync()?;
    drop(opened);
    incoming::commit(path).map_err(in_folder)?;
    drop(open::open(path, CACHE_BYTES)?);
    Ok(Restored { time, bytes: frames.bytes })
}

/// Writes the store's files anew, as small as what they hold. Killed on the way, the store has the old ones or the new ones.
pub fn compact(path: &Path) -> Result<Compacted, OfflineError> {
    let in_folder = |source| OfflineError::File { doing: "writing in", path: path.to_owned(), source };
    must_be_there(path)?;
    let _lock = open::lock(path)?;
    let old = open::open(path, CACHE_BYTES)?;
    let bytes_before = folder_bytes(path).map_err(in_folder)?;
    let folder = incoming::begin(path).map_err(in_folder)?;
    let new = open::open(&folder, CACHE_BYTES)?;
    let mut batch = sled::Batch::default();
    let mut entries = 0;
    for entry in old.db.iter() {
        let (key, value) = entry.map_err(EngineFailure::reading)?;
        batch.insert(key, value);
        entries += 1;
        if entries % BATCH_ENTRIES == 0 {
            new.db.apply_batch(std::mem::take(&mut batch)).map_err(EngineFailure::writing)?;
        }
    }
    new.db.apply_batch(batch).map_err(EngineFailure::writing)?;
    new.sync()?;
    if new.db.len() != entries {
        return Err(broken(format!("{} of {entries} entries were copied", new.db.len())));
    }
    drop((old, new));
    incoming::commit(path).map_err(in_folder)?;
    drop(open::open(path, CACHE_BYTES)?);
    Ok(Compacted { bytes_before, bytes_after: folder_bytes(path).map_err(in_folder)? })
}

/// Nobody makes a store by looking for one.
pub(super) fn must_be_there(path: &Path) -> Result<(), OfflineError> {
    match fs::metadata(incoming::log_of(path)) {
        Ok(_) => Ok(()),
        Err(source) => Err(OfflineError::File { doing: "looking for the store in", path: path.to_owned(), source }),
    }
}

fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

fn broken(why: impl Into<String>) -> OfflineError {
    OfflineError::Broken { why: why.into() }
}

/// Reads a backup to its end, or as far as it is one.
#[cfg(fuzzing)]
pub(super) fn read_all(backup: &[u8]) {
    let mut frames = Frames { source: backup, bytes: 0 };
    if frames.begin().is_ok() {
        while let Ok(Kind::Begin(_) | Kind::Entries(_)) = frames.next() {}
    }
}

/// The frames of a backup, each checked.
struct Frames<R> {
    source: R,
    bytes: u64,
}

impl<R: Read> Frames<R> {
    fn begin(&mut self) -> Result<Option<DateTime<Utc>>, OfflineError> {
        if self.take::<8>()? != *MAGIC {
            return Err(broken("it does not begin as one"));
        }
        match self.next()? {
            Kind::Begin(begin) if begin.schema_version > SCHEMA_VERSION => {
                Err(StoreError::TooNew { found: begin.schema_version, known: SCHEMA_VERSION }.into())
            }
            Kind::Begin(begin) => Ok(begin.time.and_then(|time| time.try_into().ok())),
            Kind::Entries(_) | Kind::End(_) => Err(broken("it does not begin as one")),
        }
    }

    fn next(&mut self) -> Result<Kind, OfflineError> {
        let len = u32::from_be_bytes(self.take()?);
        let hash = u64::from_be_bytes(self.take()?);
        if len > FRAME_BYTES_MAX {
            return Err(broken(format!("a part of it says that it has {len} bytes")));
        }
        // No more is set aside than is there, whatever a broken file says.
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(len.into()).read_to_end(&mut bytes);
        self.bytes += bytes.len() as u64;
        match read {
            Ok(_) if bytes.len() == len as usize => {}
            Ok(_) => return Err(broken(format!("it ends at byte {}", self.bytes))),
            Err(error) => return Err(broken(format!("it cannot be read behind byte {}: {error}", self.bytes))),
        }
        // Who fuzzes the decoder behind it finds no way through a hash.
        if xxh3_64(&bytes) != hash && !cfg!(fuzzing) {
            return Err(broken(format!("it was changed before byte {}", self.bytes)));
        }
        let frame = BackupFrame::decode(bytes.as_slice()).map_err(|error| broken(error.to_string()))?;
        frame.kind.ok_or_else(|| broken("a part of it says nothing"))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], OfflineError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), OfflineError> {
        self.source.read_exact(bytes).map_err(|error| broken(format!("it ends at byte {}: {error}", self.bytes)))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
