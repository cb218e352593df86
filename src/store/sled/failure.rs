//! What sled answers when it fails, in the store's terms.

use crate::store::StoreError;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A failure of sled or of its files. Can be told to everyone who waited for the same step.
#[derive(Debug, Clone)]
pub(super) struct EngineFailure {
    pub doing: &'static str,
    pub source: sled::Error,
}

impl EngineFailure {
    pub fn reading(source: sled::Error) -> Self {
        Self { doing: "reading", source }
    }

    pub fn writing(source: sled::Error) -> Self {
        Self { doing: "writing a group of commits", source }
    }

    pub fn syncing(source: impl Into<sled::Error>) -> Self {
        Self { doing: "syncing", source: source.into() }
    }

    pub fn opening(source: impl Into<sled::Error>) -> Self {
        Self { doing: "opening", source: source.into() }
    }

    /// Whether it may come from what is stored, and not from the disk or from who we are.
    pub fn is_about_content(&self) -> bool {
        match &self.source {
            sled::Error::Io(error) => !matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::NotFound
            ),
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. } => true,
        }
    }

    /// Whether the disk had no room.
    pub fn is_full(&self) -> bool {
        match &self.source {
            sled::Error::Io(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. } => false,
        }
    }
}

impl From<EngineFailure> for StoreError {
    fn from(failure: EngineFailure) -> Self {
        StoreError::Engine { doing: failure.doing, source: Box::new(failure.source) }
    }
}

/// A panic inside sled is a failure of sled: whoever calls must outlive it.
pub(super) fn guarded<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, EngineFailure>,
) -> Result<T, EngineFailure> {
    // What was half done is thrown away by whoever calls: numbers, view and files.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        Err(EngineFailure { doing, source: sled::Error::ReportableBug(said.to_owned()) })
    })
}
