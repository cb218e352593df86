//! Executions of the initial sync and their projects.

use super::failure::Failure;
use super::ids::ExecutionNumber;
use super::key::Key;
use super::row::Row;
use super::side::Side;
use chrono::{DateTime, Utc};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    Running,
    Completed,
    CompletedWithErrors,
    Cancelled,
    Failed,
}

/// One attempt at the initial sync of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    pub number: ExecutionNumber,
    pub state: ExecutionState,
    /// Wins where both sides have the key.
    pub master: Side,
    /// In the order in which they run: from the master, then what only the other side has.
    pub projects: Vec<Project>,
    pub start_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
    /// Why it ended as it did, for people; empty while it runs and when it completed.
    pub reason: String,
}

/// The copy in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The side that is read.
    pub source: Side,
    /// Writes only rows whose key the other side lacks (the second project of a bidirectional map).
    pub only_missing: bool,
    pub progress: Progress,
    /// Rows of the source when the project started, where that could be told.
    pub total: Option<u64>,
    pub written: u64,
    pub skipped: u64,
    pub failed: u64,
    pub start_time: Option<DateTime<Utc>>,
    pub end_time: Option<DateTime<Utc>>,
}

/// How far a project is. What is not known to be done has not been done: there is no default that says done.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    NotStarted,
    /// Every row up to and with this key has been written, skipped or recorded as failed; `None` before the first page.
    Copying {
        after: Option<Key>,
    },
    Ended,
}

/// A row that an initial sync could not write.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionError {
    pub source: Side,
    pub key: Key,
    /// The row in the source's columns, key not among them.
    pub row: Row,
    pub failure: Failure,
    pub time: DateTime<Utc>,
}
