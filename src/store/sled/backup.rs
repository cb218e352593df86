//! A copy of the whole store while it works. The entries are read a piece at a time between two groups of commits; what groups have
//! changed since the piece before goes out before the next one, so that the file, applied in its order, is the store as it is at the
//! last piece. The file says how it is made: `proto/tandem/store/v1/backup.proto`.

use super::keys::{self, Key};
use super::open::SCHEMA_VERSION;
use super::read::scan;
use super::shared::Shared;
use crate::store::StoreError;
use crate::store::message::{BackupBegin, BackupEnd, BackupEntries, BackupEntry, BackupFrame, backup_frame::Kind};
use prost::Message;
use sled::IVec;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// What the file begins with.
pub(super) const MAGIC: &[u8] = b"TANDEMB1";
/// About how many bytes of entries are read at one time; a writer waits no longer than that takes.
const PIECE_BYTES: usize = 512 * 1024;
/// What may be changed meanwhile and not yet taken by the receiver.
const BEHIND_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a group of commits has written (`Some`) and removed.
pub(super) type Changes = Vec<(IVec, Option<IVec>)>;

/// What the writer has done since a backup has read last.
#[derive(Debug, Default)]
pub(super) struct Behind {
    groups: Vec<Arc<Changes>>,
    bytes: usize,
    /// It can no longer be made.
    lost: Option<Lost>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    TooSlow,
    /// The files were opened again, and what was not synced may be gone.
    Reopened,
}

impl Behind {
    /// A group of commits was written.
    pub fn push(&mut self, changes: &Arc<Changes>) {
        if self.lost.is_some() {
            return;
        }
        self.bytes +=
            changes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, |v| v.len())).sum::<usize>();
        if self.bytes > BEHIND_BYTES_MAX {
            return self.lose(Lost::TooSlow);
        }
        self.groups.push(changes.clone());
    }

    pub fn lose(&mut self, lost: Lost) {
        self.lost = Some(lost);
        self.groups.clear();
    }
}

pub(super) fn held(behind: &Mutex<Behind>) -> MutexGuard<'_, Behind> {
    behind.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Stage {
    Begin,
    /// Entries from this key on.
    Copying(Key),
    Ended,
}

/// A backup in the making: the parts of its file, in order. It blocks while it reads.
pub(super) struct Backup {
    shared: Arc<Shared>,
    behind: Arc<Mutex<Behind>>,
    stage: Stage,
    time: chrono::DateTime<chrono::Utc>,
    frames: u64,
    ready: VecDeque<Vec<u8>>,
}

impl Backup {
    pub fn begin(shared: Arc<Shared>, time: chrono::DateTime<chrono::Utc>) -> Self {
        let behind = shared.watch_changes();
        Self { shared, behind, stage: Stage::Begin, time, frames: 0, ready: VecDeque::new() }
    }

    fn read_on(&mut self) -> Result<(), StoreError> {
        let from = match &self.stage {
            Stage::Begin => {
                let begin = BackupBegin { schema_version: SCHEMA_VERSION, time: Some((&self.time).into()) };
                self.ready.push_back([MAGIC, &framed(Kind::Begin(begin))].concat());
                self.stage = Stage::Copying(Vec::new());
                return Ok(());
            }
            Stage::Copying(from) => from.clone(),
            Stage::Ended => return Ok(()),
        };
        // Between two groups: all that was changed before this piece is in `groups`.
        let (groups, piece) = self.shared.read(|db| {
            let groups = {
                let mut behind = held(&self.behind);
                match behind.lost {
                    Some(Lost::TooSlow) => return Err(StoreError::BackupTooSlow),
                    Some(Lost::Reopened) => return Err(StoreError::Closed),
                    None => {}
                }
                behind.bytes = 0;
                std::mem::take(&mut behind.groups)
            };
            Ok((groups, piece(db, &from)?))
        })?;
        for changes in groups {
            self.add(changes.iter().map(|(key, value)| entry(key, value.as_ref())).collect());
        }
        match piece.last() {
            Some((last, _)) => {
                self.stage = Stage::Copying(after(last));
                self.add(piece.iter().map(|(key, value)| entry(key, Some(value))).collect());
            }
            None => {
                self.stage = Stage::Ended;
                self.ready.push_back(framed(Kind::End(BackupEnd { frames: self.frames })));
            }
        }
        Ok(())
    }

    fn add(&mut self, entries: Vec<BackupEntry>) {
        self.frames += 1;
        self.ready.push_back(framed(Kind::Entries(BackupEntries { entries })));
    }
}

impl Iterator for Backup {
    type Item = Result<Vec<u8>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !matches!(self.stage, Stage::Ended) {
            if let Err(error) = self.read_on() {
                self.stage = Stage::Ended;
                self.ready.clear();
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

fn piece(db: &sled::Db, from: &[u8]) -> Result<Vec<(IVec, IVec)>, StoreError> {
    let mut piece = Vec::new();
    let (mut bytes, mut from) = (0, from.to_vec());
    while bytes < PIECE_BYTES {
        let entries = scan(db, &from, &keys::END, 64)?;
        let Some((last, _)) = entries.last() else { break };
        from = after(last);
        bytes += entries.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        piece.extend(entries);
    }
    Ok(piece)
}

/// The first key behind this one.
fn after(key: &[u8]) -> Key {
    [key, &[0]].concat()
}

fn entry(key: &[u8], value: Option<&IVec>) -> BackupEntry {
    BackupEntry { key: key.to_vec(), value: value.map(|value| value.to_vec()) }
}

fn framed(kind: Kind) -> Vec<u8> {
    let bytes = BackupFrame { kind: Some(kind) }.encode_to_vec();
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX); // a group of commits is far smaller
    [len.to_be_bytes().as_slice(), &xxh3_64(&bytes).to_be_bytes(), &bytes].concat()
}
