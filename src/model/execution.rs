//! Executions of the initial sync and their projects.

use super::failure::Failure;
use super::ids::{ExecutionNumber, MapId, QueueSequence};
use super::key::Key;
use super::retry::{Retry, failed_last};
use super::row::Row;
use super::side::Side;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

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
    /// The version of the map that it copies by.
    pub map_version: u64,
    /// `Definition::copy_fingerprint` when it was started.
    pub fingerprint: u64,
    /// Maps whose own initial sync has to end first.
    pub after: Vec<MapId>,
    /// Maps that refer to this one's table and are referred to by it, and were run together with it.
    pub circle: Vec<MapId>,
    /// The last change that the map had queued when it began: those accepted later are newer than its rows.
    pub begun_after: QueueSequence,
    /// In the order in which they run: from the master, then what only the other side has.
    pub projects: Vec<Project>,
    /// The execution that it runs again, and how.
    pub rerun: Option<Rerun>,
    /// Who started it.
    pub actor: String,
    pub start_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
    /// Why it ended as it did, for people; empty while it runs and when it completed.
    pub reason: String,
}

/// What a re-run takes of the execution before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rerun {
    pub of: ExecutionNumber,
    /// The whole of it, failed rows included; else only rows that are new since then, and those that failed are left.
    pub retry_errors: bool,
}

impl Execution {
    /// Whether its map goes live by itself when it has ended clean. A re-run that left rows waits for someone to run the map.
    pub fn goes_live_by_itself(&self) -> bool {
        self.rerun.is_none_or(|rerun| rerun.retry_errors)
    }

    /// Whether every row that could be written is there, with or without its references.
    pub fn rows_are_there(&self) -> bool {
        self.projects.iter().all(|project| matches!(project.progress, Progress::Referring | Progress::Ended))
    }

    pub fn failed(&self) -> u64 {
        self.projects.iter().map(|project| project.failed).sum()
    }
}

/// Why an execution ends before its end: more of its rows fail than are worth keeping one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLimits {
    /// Rows of one project that may fail.
    pub errors_max: u64,
    /// Of a hundred rows, how many may fail; looked at when a page's worth of rows is done.
    pub errors_percent_max: u64,
}

/// Before so many rows of a project are done no share of them is judged.
pub const SHARE_ROWS_MIN: u64 = 1_000;

impl ErrorLimits {
    /// The reason to stop, when there is one.
    pub fn exceeded(&self, project: &Project) -> Option<String> {
        let Project { failed, written, skipped, .. } = *project;
        let done = failed + written + skipped;
        if failed > self.errors_max {
            let max = self.errors_max;
            return Some(format!(
                "{failed} rows could not be written, and at most {max} may fail (initial_sync.errors_max)"
            ));
        }
        if done >= SHARE_ROWS_MIN && failed * 100 > done * self.errors_percent_max {
            let max = self.errors_percent_max;
            return Some(format!(
                "{failed} of {done} rows could not be written, and at most {max} % may fail (initial_sync.errors_percent_max)"
            ));
        }
        None
    }
}

/// The copy in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The side that is read.
    pub source: Side,
    /// Writes only rows whose key the other side lacks (the second project of a bidirectional map).
    pub only_missing: bool,
    /// Columns of the source, references of rows to each other, that are written in a second pass.
    pub deferred: BTreeSet<String>,
    pub progress: Progress,
    /// Rows of the source when the project started, where that could be told.
    pub total: Option<u64>,
    pub written: u64,
    pub skipped: u64,
    pub failed: u64,
    pub start_time: Option<DateTime<Utc>>,
    pub end_time: Option<DateTime<Utc>>,
    /// Rows of both tables as the databases counted them when the project ended, where they did.
    pub source_rows: Option<u64>,
    pub destination_rows: Option<u64>,
}

/// How far a project is. What is not known to be done has not been done: there is no default that says done.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    NotStarted,
    /// Every row up to and with this key has been written, skipped or recorded as failed; `None` before the first page.
    Copying {
        after: Option<Key>,
    },
    /// Every row is there, and rows whose references were left out wait for their second pass.
    Referring,
    Ended,
}

/// Rows of one page that were written without references.
#[derive(Debug, Clone, PartialEq)]
pub struct DeferredRows {
    pub source: Side,
    pub keys: Vec<Key>,
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
    /// Its latest retry that has ended.
    pub retry: Option<Retry>,
    /// The row as it was read, once it was corrected.
    pub original: Option<Row>,
    /// How many bytes the row had, when it had too many to be kept; it is empty then. 0 for all others.
    pub unkept_bytes: u64,
}

impl ExecutionError {
    pub fn new(source: Side, key: Key, row: Row, failure: Failure, time: DateTime<Utc>) -> Self {
        Self { source, key, row, failure, time, retry: None, original: None, unkept_bytes: 0 }
    }

    /// When it failed for the last time.
    pub fn failed_last(&self) -> DateTime<Utc> {
        failed_last(self.time, self.retry)
    }

    /// Without its row where that has more bytes than can be kept.
    pub fn fitting(mut self, bytes_max: usize) -> Self {
        let bytes = self.row.size();
        if bytes > bytes_max {
            (self.row, self.unkept_bytes) = (Row::new(), bytes as u64);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_errors_are_told_by_number_and_by_share() {
        let limits = ErrorLimits { errors_max: 2_000, errors_percent_max: 50 };
        let project = |failed, written| Project {
            source: Side::Left,
            only_missing: false,
            deferred: BTreeSet::new(),
            progress: Progress::NotStarted,
            total: None,
            written,
            skipped: 0,
            failed,
            start_time: None,
            end_time: None,
            source_rows: None,
            destination_rows: None,
        };
        assert_eq!(limits.exceeded(&project(999, 0)), None, "too few to judge a share");
        assert_eq!(limits.exceeded(&project(500, 500)), None);
        assert!(limits.exceeded(&project(501, 499)).is_some_and(|reason| reason.contains("501 of 1000")));
        assert!(limits.exceeded(&project(2_001, 100_000)).is_some_and(|reason| reason.contains("errors_max")));
    }
}
