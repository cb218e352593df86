//! Room on the disk. sled must never meet a full one (a write that fails poisons it), so the writer stops before: first with
//! what makes the store grow, later with everything.

use crate::store::StoreError;
use crate::store::message::{Commit, operation::Kind};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// sled writes its log anew where less than half of a part of it is still needed: so much of it is taken for each byte that is stored. The
/// rest is used again before the file grows.
const LOG_BYTES_PER_STORED_BYTE: u64 = 2;
/// Parts of the log that are in use or waiting whatever is stored.
const LOG_SLACK_BYTES: u64 = 16 * 1024 * 1024;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// Less than the reserve: only for what shrinks the queue, moves it or decides about it.
    Scarce {
        free_bytes: u64,
    },
    /// Less than half of the reserve: for nothing.
    None {
        free_bytes: u64,
    },
}

#[derive(Debug)]
pub(super) struct Space {
    pub folder: PathBuf,
    pub reserve_bytes: u64,
}

impl Space {
    /// `log` is sled's log, where what became free inside counts as free: a queue that was drained is room again, though the file does not
    /// shrink. That is an estimate, so the disk itself must have half of what is asked for as well.
    pub fn room(&self, log: Option<&File>, stored_bytes: u64) -> io::Result<Room> {
        let disk = rustix::fs::statvfs(&self.folder)?;
        let disk_bytes = disk.f_bavail * disk.f_frsize;
        let log_bytes = log.map_or(Ok(0), |log| log.metadata().map(|log| log.len()))?;
        let reusable_bytes = log_bytes.saturating_sub(stored_bytes * LOG_BYTES_PER_STORED_BYTE + LOG_SLACK_BYTES);
        let free_bytes = disk_bytes + reusable_bytes;
        let has = |asked: u64| free_bytes >= asked && disk_bytes >= asked / 2;
        Ok(if has(self.reserve_bytes) {
            Room::Enough
        } else if has(self.reserve_bytes / 2) {
            Room::Scarce { free_bytes }
        } else {
            Room::None { free_bytes }
        })
    }

    pub fn full(&self, free_bytes: u64) -> StoreError {
        StoreError::Full { free_bytes, reserve_bytes: self.reserve_bytes }
    }

    /// Whether a commit may be applied with so much room.
    pub fn admit(&self, room: Room, commit: &Commit) -> Result<(), StoreError> {
        match room {
            Room::Enough => Ok(()),
            Room::Scarce { free_bytes } if grows(commit) => Err(self.full(free_bytes)),
            Room::Scarce { .. } => Ok(()),
            Room::None { free_bytes } => Err(self.full(free_bytes)),
        }
    }
}

/// Whether a commit takes in what callers or tables send, which has no end.
fn grows(commit: &Commit) -> bool {
    commit.operations.iter().filter_map(|operation| operation.kind.as_ref()).any(|kind| match kind {
        Kind::Enqueue(_) | Kind::AddExecutionErrors(_) | Kind::DeferRows(_) | Kind::Remember(_) => true,
        Kind::PutMap(_)
        | Kind::DeleteMap(_)
        | Kind::Log(_)
        | Kind::Leave(_)
        | Kind::Fail(_)
        | Kind::Yield(_)
        | Kind::Count(_)
        | Kind::Forget(_)
        | Kind::Divert(_)
        | Kind::ContinueDivert(_)
        | Kind::PutExecution(_)
        | Kind::NoteWritten(_)
        | Kind::DropWritten(_)
        | Kind::PutJob(_)
        | Kind::Retried(_)
        | Kind::RetriedRow(_)
        | Kind::RemoveErrors(_)
        | Kind::RemoveRows(_)
        | Kind::CorrectError(_)
        | Kind::RowsReferred(_)
        // Someone is told, also of a full disk; how much there is of it is bounded by the settings.
        | Kind::PutAlertSetting(_)
        | Kind::DeleteAlertSetting(_)
        | Kind::PutMapAlerts(_)
        | Kind::NoteErrors(_)
        | Kind::RaiseAlert(_)
        | Kind::RearmAlert(_)
        | Kind::AcknowledgeAlert(_)
        | Kind::Notify(_)
        | Kind::PutNotification(_) => false,
    })
}
