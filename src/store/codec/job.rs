//! Bulk actions on errors, what they pick, what became of it, and what newer changes have written.

use super::{Numbered, Unreadable, numbered, read_time, required};
use crate::model::failure::ErrorType;
use crate::model::filter::RecordFilter;
use crate::model::ids::{ExecutionNumber, JobNumber, QueueSequence};
use crate::model::job::{Deletes, JobKind, JobOutcome, JobReason, JobState, QueueJob, Selection};
use crate::model::retry::{Retry, RetryStatus};
use crate::model::table_map::Side;
use crate::model::written::{Written, WrittenSince};
use crate::store::message::{self, selection};
use crate::store::{Retried, RetryResult};

numbered!(JobState, message::QueueJobState, "the state of a job", [Running, Completed, Cancelled]);
numbered!(JobOutcome, message::QueueJobOutcome, "the outcome of a job", [Done, Failed, Superseded, Skipped]);
numbered!(
    RetryStatus,
    message::RetryStatus,
    "the status of a retry",
    [None, Pending, InProgress, Completed, Failed, Superseded]
);

impl From<&QueueJob> for message::QueueJob {
    fn from(job: &QueueJob) -> Self {
        let (kind, execution) = match job.kind {
            JobKind::RetryCatchUpErrors => (message::QueueJobKind::RetryCatchUpErrors, 0),
            JobKind::RetryExecutionErrors(execution) => (message::QueueJobKind::RetryExecutionErrors, execution.0),
            JobKind::DeleteQueuedRecords(Deletes::Queued) => (message::QueueJobKind::DeleteQueued, 0),
            JobKind::DeleteQueuedRecords(Deletes::Errors) => (message::QueueJobKind::DeleteErrors, 0),
            JobKind::DeleteQueuedRecords(Deletes::Both) => (message::QueueJobKind::DeleteBoth, 0),
        };
        Self {
            number: job.number.0,
            kind: kind.into(),
            execution,
            state: job.state.number(),
            actor: job.actor.clone(),
            create_time: Some((&job.create_time).into()),
            end_time: job.end_time.as_ref().map(Into::into),
            selection: Some((&job.selection).into()),
            correction: (!job.correction.is_empty()).then(|| (&job.correction).into()),
            through: job.through,
            last_sequence: job.last_sequence,
            total: job.total,
            done: job.done,
            failed: job.failed,
            superseded: job.superseded,
            skipped: job.skipped,
            reasons: job.reasons.iter().map(Into::into).collect(),
            position: job.position,
            request: job.request.clone(),
        }
    }
}

impl TryFrom<message::QueueJob> for QueueJob {
    type Error = Unreadable;

    fn try_from(job: message::QueueJob) -> Result<Self, Unreadable> {
        let kind = match message::QueueJobKind::try_from(job.kind) {
            Ok(message::QueueJobKind::RetryCatchUpErrors) => JobKind::RetryCatchUpErrors,
            Ok(message::QueueJobKind::RetryExecutionErrors) => {
                JobKind::RetryExecutionErrors(ExecutionNumber(job.execution))
            }
            Ok(message::QueueJobKind::DeleteQueued) => JobKind::DeleteQueuedRecords(Deletes::Queued),
            Ok(message::QueueJobKind::DeleteErrors) => JobKind::DeleteQueuedRecords(Deletes::Errors),
            Ok(message::QueueJobKind::DeleteBoth) => JobKind::DeleteQueuedRecords(Deletes::Both),
            Ok(message::QueueJobKind::Unspecified) | Err(_) => return Err(Unreadable("the kind of a job")),
        };
        Ok(Self {
            number: JobNumber(job.number),
            kind,
            state: JobState::from_number(job.state)?,
            actor: job.actor,
            create_time: read_time(job.create_time, "a job without its time")?,
            end_time: job.end_time.map(TryInto::try_into).transpose()?,
            selection: required(job.selection, "a job that takes nothing")?.try_into()?,
            correction: job.correction.unwrap_or_default().try_into()?,
            through: job.through,
            last_sequence: job.last_sequence,
            total: job.total,
            done: job.done,
            failed: job.failed,
            superseded: job.superseded,
            skipped: job.skipped,
            reasons: job.reasons.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            position: job.position,
            request: job.request,
        })
    }
}

impl From<&JobReason> for message::QueueJobReason {
    fn from(reason: &JobReason) -> Self {
        let JobReason { outcome, message, count, example } = reason;
        let (failure, key) = example.as_ref().map(|(failure, key)| (failure.into(), key.into())).unzip();
        Self { outcome: outcome.number(), message: message.clone(), count: *count, failure, key }
    }
}

impl TryFrom<message::QueueJobReason> for JobReason {
    type Error = Unreadable;

    fn try_from(reason: message::QueueJobReason) -> Result<Self, Unreadable> {
        let message::QueueJobReason { outcome, message, count, failure, key } = reason;
        let example = match failure {
            Some(failure) => Some((failure.try_into()?, key.unwrap_or_default().try_into()?)),
            None => None,
        };
        Ok(Self { outcome: JobOutcome::from_number(outcome)?, message, count, example })
    }
}

impl From<&Selection> for message::Selection {
    fn from(selection: &Selection) -> Self {
        let kind = match selection {
            Selection::Sequences(sequences) => {
                let sequences = sequences.iter().copied().collect();
                selection::Kind::Sequences(selection::Sequences { sequences })
            }
            Selection::All => selection::Kind::All(selection::All {}),
            Selection::Filter(filter) => selection::Kind::Filter(filter.as_ref().into()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<message::Selection> for Selection {
    type Error = Unreadable;

    fn try_from(selection: message::Selection) -> Result<Self, Unreadable> {
        Ok(match required(selection.kind, "a job that takes nothing")? {
            selection::Kind::Sequences(sequences) => Selection::Sequences(sequences.sequences.into_iter().collect()),
            selection::Kind::All(selection::All {}) => Selection::All,
            selection::Kind::Filter(filter) => Selection::Filter(Box::new(filter.try_into()?)),
        })
    }
}

impl From<&RecordFilter> for message::RecordFilter {
    fn from(filter: &RecordFilter) -> Self {
        Self {
            source: filter.source.map_or(message::Side::Unspecified.into(), Numbered::number),
            key: filter.key.as_ref().map(Into::into),
            key_prefix: filter.key_prefix.iter().map(Into::into).collect(),
            error_type: filter.error_type.map(|kind| kind.map_or(0, Numbered::number)),
            code: filter.code.clone(),
            constraint: filter.constraint.clone(),
            column: filter.column.clone(),
            from: filter.from.as_ref().map(Into::into),
            until: filter.until.as_ref().map(Into::into),
            retry_status: filter.retry_status.map_or(0, Numbered::number),
            job: filter.job.map_or(0, |job| job.0),
        }
    }
}

impl TryFrom<message::RecordFilter> for RecordFilter {
    type Error = Unreadable;

    fn try_from(filter: message::RecordFilter) -> Result<Self, Unreadable> {
        fn if_set<T: Numbered>(number: i32) -> Result<Option<T>, Unreadable> {
            if number == 0 { Ok(None) } else { T::from_number(number).map(Some) }
        }
        Ok(Self {
            source: if_set::<Side>(filter.source)?,
            key: filter.key.map(TryInto::try_into).transpose()?,
            key_prefix: filter.key_prefix.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            error_type: filter.error_type.map(if_set::<ErrorType>).transpose()?,
            code: filter.code,
            constraint: filter.constraint,
            column: filter.column,
            from: filter.from.map(TryInto::try_into).transpose()?,
            until: filter.until.map(TryInto::try_into).transpose()?,
            retry_status: if_set(filter.retry_status)?,
            job: (filter.job > 0).then_some(JobNumber(filter.job)),
        })
    }
}

impl From<&Retry> for message::Retry {
    fn from(retry: &Retry) -> Self {
        Self { job: retry.job.0, status: retry.status.number(), time: Some((&retry.time).into()) }
    }
}

impl TryFrom<message::Retry> for Retry {
    type Error = Unreadable;

    fn try_from(retry: message::Retry) -> Result<Self, Unreadable> {
        Ok(Self {
            job: JobNumber(retry.job),
            status: RetryStatus::from_number(retry.status)?,
            time: read_time(retry.time, "a retry without its time")?,
        })
    }
}

impl From<&Retried> for message::Retried {
    fn from(retried: &Retried) -> Self {
        let Retried { sequence, job, time, result, corrected } = retried;
        let (status, failure, attempts) = match result {
            RetryResult::Applied => (RetryStatus::Completed, None, 0),
            RetryResult::Superseded => (RetryStatus::Superseded, None, 0),
            RetryResult::Refused(failure, attempts) => (RetryStatus::Failed, Some(failure.into()), *attempts),
        };
        Self {
            sequence: *sequence,
            job: job.0,
            time: Some(time.into()),
            status: status.number(),
            failure,
            attempts,
            corrected: corrected.as_ref().map(Into::into),
        }
    }
}

impl From<&Written> for message::Written {
    fn from(written: &Written) -> Self {
        let Written { side, key, before, columns } = written;
        Self {
            side: side.number(),
            key: Some(key.into()),
            before: before.0,
            all: columns.is_none(),
            columns: columns.iter().flatten().cloned().collect(),
        }
    }
}

impl From<message::WrittenSince> for WrittenSince {
    fn from(since: message::WrittenSince) -> Self {
        Self {
            all: QueueSequence(since.all),
            record: QueueSequence(since.record),
            columns: since.columns.into_iter().map(|(column, before)| (column, QueueSequence(before))).collect(),
        }
    }
}
