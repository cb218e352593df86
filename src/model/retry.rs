//! What became of an error that was tried again.

use super::ids::JobNumber;
use chrono::{DateTime, Utc};

/// How a retry of an error stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryStatus {
    None,
    Pending,
    InProgress,
    Completed,
    Failed,
    Superseded,
}

/// The latest retry of an error that has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub job: JobNumber,
    /// Completed, failed or superseded.
    pub status: RetryStatus,
    pub time: DateTime<Utc>,
}

/// When something failed for the last time that failed first then.
pub fn failed_last(first: DateTime<Utc>, retry: Option<Retry>) -> DateTime<Utc> {
    retry.filter(|retry| retry.status == RetryStatus::Failed).map_or(first, |retry| retry.time)
}
