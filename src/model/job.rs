//! Bulk actions on errors: what one takes, how far it is, and what became of what it took.

use super::failure::Failure;
use super::filter::{Candidate, RecordFilter};
use super::ids::{ExecutionNumber, JobNumber};
use super::key::Key;
use super::request::{RequestIdReused, RequestTag};
use super::row::Row;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Reasons that a job keeps; what is over them counts with the last one.
pub const REASONS_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    RetryCatchUpErrors,
    /// Rows that this execution could not write.
    RetryExecutionErrors(ExecutionNumber),
    /// Records that wait, records in error, or both.
    DeleteQueuedRecords(Deletes),
}

impl JobKind {
    /// The execution whose rows it takes, if it takes rows.
    pub fn execution(self) -> Option<ExecutionNumber> {
        match self {
            JobKind::RetryExecutionErrors(execution) => Some(execution),
            JobKind::RetryCatchUpErrors | JobKind::DeleteQueuedRecords(_) => None,
        }
    }
}

/// Which records a deletion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deletes {
    Queued,
    Errors,
    Both,
}

impl Deletes {
    pub fn queued(self) -> bool {
        matches!(self, Deletes::Queued | Deletes::Both)
    }

    pub fn errors(self) -> bool {
        matches!(self, Deletes::Errors | Deletes::Both)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    Running,
    Completed,
    Cancelled,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobOutcome {
    Done,
    Failed,
    Superseded,
    /// It was left as it is.
    Skipped,
}

/// Which errors a job takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Sequences of records, or numbers of rows.
    Sequences(BTreeSet<u64>),
    All,
    Filter(Box<RecordFilter>),
}

impl Selection {
    /// The key that all it picks have, if it says one.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Selection::Filter(filter) => filter.key.as_ref(),
            Selection::All | Selection::Sequences(_) => None,
        }
    }

    pub fn picks(&self, sequence: u64, candidate: &Candidate<'_>) -> bool {
        match self {
            Selection::Sequences(sequences) => sequences.contains(&sequence),
            Selection::All => true,
            Selection::Filter(filter) => filter.picks(candidate),
        }
    }
}

/// Records of a job that had one outcome for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReason {
    /// Never `Done`.
    pub outcome: JobOutcome,
    pub message: String,
    pub count: u64,
    /// The failure of one of them, and its key under the left side's names.
    pub example: Option<(Failure, Row)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct QueueJob {
    pub number: JobNumber,
    pub kind: JobKind,
    pub state: JobState,
    /// Who asked for it.
    pub actor: String,
    pub create_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
    pub selection: Selection,
    /// Columns that it sets in every record, as its source calls them; empty corrects nothing.
    pub correction: Row,
    /// It takes no failure with a greater number: those are newer than the job. Of rows the same as `last_sequence`.
    pub through: u64,
    /// The greatest sequence of what it takes; 0 when it takes nothing.
    pub last_sequence: u64,
    pub total: u64,
    pub done: u64,
    pub failed: u64,
    pub superseded: u64,
    pub skipped: u64,
    pub reasons: Vec<JobReason>,
    /// All that it takes up to this sequence has been dealt with.
    pub position: u64,
    /// The request that asked for it, as maps remember them; empty when it had no id.
    pub request: String,
}

impl QueueJob {
    /// One more record has been dealt with.
    pub fn count(&mut self, outcome: JobOutcome) {
        *self.counter(outcome) += 1;
    }

    fn counter(&mut self, outcome: JobOutcome) -> &mut u64 {
        match outcome {
            JobOutcome::Done => &mut self.done,
            JobOutcome::Failed => &mut self.failed,
            JobOutcome::Superseded => &mut self.superseded,
            JobOutcome::Skipped => &mut self.skipped,
        }
    }

    /// Whether it writes at a destination, and so needs its map to be live.
    pub fn retries(&self) -> bool {
        !matches!(self.kind, JobKind::DeleteQueuedRecords(_))
    }

    /// So many more had this outcome, for this reason.
    pub fn count_with_reason(
        &mut self,
        outcome: JobOutcome,
        message: String,
        count: u64,
        example: Option<(Failure, Row)>,
    ) {
        *self.counter(outcome) += count;
        let known = self.reasons.iter().position(|reason| reason.outcome == outcome && reason.message == message);
        let full = self.reasons.len() >= REASONS_MAX;
        match known.or(full.then(|| self.reasons.len() - 1)) {
            Some(place) => self.reasons[place].count += count,
            None => self.reasons.push(JobReason { outcome, message, count, example }),
        }
        self.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    }

    fn dealt_with(&self) -> u64 {
        self.done + self.failed + self.superseded + self.skipped
    }

    /// It has come to its end: what it took and did not find any more was left as it is.
    pub fn complete(&mut self, now: DateTime<Utc>) {
        let gone = self.total.saturating_sub(self.dealt_with());
        if gone > 0 {
            let message = match self.kind {
                JobKind::RetryCatchUpErrors | JobKind::RetryExecutionErrors(_) => {
                    "it was no error any more when its turn came"
                }
                JobKind::DeleteQueuedRecords(_) => "it was written, or gone, before its turn came",
            };
            let message = message.to_owned();
            self.count_with_reason(JobOutcome::Skipped, message, gone, None);
        }
        self.end(JobState::Completed, now);
    }

    pub fn end(&mut self, state: JobState, now: DateTime<Utc>) {
        self.state = state;
        self.end_time = Some(now);
    }
}

/// Jobs that are looked through for one that a repeated request has begun.
pub const RECENT_JOBS: usize = 100;

/// The job that this request has begun before.
pub fn job_of_request<'a>(
    recent: &'a [QueueJob],
    request: Option<&RequestTag>,
) -> Result<Option<&'a QueueJob>, RequestIdReused> {
    let Some(request) = request else { return Ok(None) };
    match recent.iter().find(|job| request.has_id_of(&job.request)) {
        Some(known) if known.request == request.to_string() => Ok(Some(known)),
        Some(_) => Err(RequestIdReused { request_id: request.id.clone() }),
        None => Ok(None),
    }
}

/// Why a record failed again, for a reason that many may share: what its database calls it, without the record's own values.
pub fn reason_of(failure: &Failure) -> String {
    let mut message = failure.kind.to_string();
    let parts = [
        ("code", Some(&failure.code)),
        ("constraint", failure.constraint.as_ref()),
        ("column", failure.column.as_ref()),
    ];
    for (name, part) in parts {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            message.push_str(&format!(", {name} {part}"));
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::ErrorType;

    fn job(total: u64) -> QueueJob {
        QueueJob {
            number: JobNumber(1),
            kind: JobKind::RetryCatchUpErrors,
            state: JobState::Running,
            actor: String::new(),
            create_time: DateTime::UNIX_EPOCH,
            end_time: None,
            selection: Selection::All,
            correction: Row::new(),
            through: 1,
            last_sequence: total,
            total,
            done: 0,
            failed: 0,
            superseded: 0,
            skipped: 0,
            reasons: Vec::new(),
            position: 0,
            request: String::new(),
        }
    }

    #[test]
    fn a_job_accounts_for_all_that_it_took() {
        let mut job = job(10);
        (0..6).for_each(|_| job.count(JobOutcome::Done));
        job.count_with_reason(JobOutcome::Failed, "a".into(), 1, None);
        job.complete(DateTime::UNIX_EPOCH);
        assert_eq!((job.done, job.failed, job.skipped, job.state), (6, 1, 3, JobState::Completed));
        assert_eq!(
            job.reasons.iter().map(|reason| reason.count).collect::<Vec<_>>(),
            [3, 1],
            "the most frequent first"
        );
    }

    #[test]
    fn a_job_keeps_so_many_reasons_and_counts_all() {
        let mut job = job(1_000);
        for number in 0..3 * REASONS_MAX {
            job.count_with_reason(JobOutcome::Failed, number.to_string(), 1, None);
        }
        assert_eq!((job.failed, job.reasons.len()), (3 * REASONS_MAX as u64, REASONS_MAX));
        assert_eq!(job.reasons.iter().map(|reason| reason.count).sum::<u64>(), job.failed);
    }

    #[test]
    fn a_reason_names_the_cause_and_no_value() {
        let mut failure = Failure::new(ErrorType::Application, "23505", "key 7 is there already");
        failure.constraint = Some("orders_key".into());
        assert_eq!(reason_of(&failure), "APPLICATION, code 23505, constraint orders_key");
    }
}
