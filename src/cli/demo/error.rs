//! Why the demo could not go on.

use super::tables::Kind;
use crate::cli::Exit;
use crate::server::config::LoadError;
use crate::server::run::ServeError;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Occurs when a folder of the demo cannot be made, moved or removed.
    #[error("{}", .path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    /// Occurs when another demo that was kept is still running on the folder, or it holds something that no demo made.
    #[error("{}: {why}", .path.display())]
    InUse { path: PathBuf, why: &'static str },
    /// Occurs when an application's own database refuses what the demo does there.
    #[error("a database of the demo")]
    Database(#[from] sqlx::Error),
    /// Occurs when a column has a value that neither the demo nor Tandem writes.
    #[error("{found:?} is no {kind:?}")]
    Value { found: String, kind: Kind },
    /// Occurs when the server refuses what the demo asks, which it should not.
    #[error("{what}: {}: {} ({})", .status.code(), .status.message(), reason(.status))]
    Refused { what: String, status: Box<tonic::Status> },
    #[error("the server cannot be reached")]
    Connection(#[from] tonic::transport::Error),
    /// Occurs when something that must come has not.
    #[error("{what} did not come within {} s", .waited.as_secs())]
    Late { what: String, waited: Duration },
    /// Occurs when the server does not start; it may have ended without saying why.
    #[error("the server did not start")]
    Server(#[source] Option<ServeError>),
    #[error("the server's defaults are no configuration")]
    Config(#[source] LoadError),
    #[error("signals cannot be heard")]
    Signals(#[source] std::io::Error),
    #[error("it was interrupted")]
    Interrupted,
}

impl DemoError {
    pub fn folder(path: &Path, source: std::io::Error) -> Self {
        Self::Folder { path: path.to_owned(), source }
    }

    /// The status that the demo ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Value { .. } | Self::Refused { .. } | Self::Late { .. } | Self::Interrupted => Exit::Failed,
            Self::Folder { .. }
            | Self::InUse { .. }
            | Self::Database(_)
            | Self::Connection(_)
            | Self::Server(_)
            | Self::Config(_)
            | Self::Signals(_) => Exit::Environment,
        }
    }

    /// Makes an error of a status: `refused("pausing orders")`.
    pub fn refused(what: impl Into<String>) -> impl FnOnce(tonic::Status) -> Self {
        let what = what.into();
        move |status| Self::Refused { what, status: Box::new(status) }
    }
}

/// The reason that came with a status, upper snake case.
pub fn reason(status: &tonic::Status) -> String {
    use tonic_types::StatusExt;
    status.get_details_error_info().map_or_else(|| "no reason".to_owned(), |info| info.reason)
}
