//! Why the store did not do what it was asked to.

use crate::model::ids::{MapId, Revision};

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
