//! Executions of the initial sync.

use super::{Numbered, Unreadable, numbered, read_map_id, read_time, required};
use crate::model::execution::{DeferredRows, Execution, ExecutionError, ExecutionState, Progress, Project, Rerun};
use crate::model::ids::{ExecutionNumber, MapId, QueueSequence};
use crate::model::table_map::Side;
use crate::store::message::{self, progress::State};

numbered!(
    ExecutionState,
    message::ExecutionState,
    "the state of an execution",
    [Running, Completed, CompletedWithErrors, Cancelled, Failed]
);

impl From<&Execution> for message::Execution {
    fn from(execution: &Execution) -> Self {
        Self {
            number: execution.number.0,
            state: execution.state.number(),
            master: execution.master.number(),
            projects: execution.projects.iter().map(Into::into).collect(),
            start_time: Some((&execution.start_time).into()),
            end_time: execution.end_time.as_ref().map(Into::into),
            reason: execution.reason.clone(),
            map_version: execution.map_version,
            rerun: execution.rerun.map(|Rerun { of, retry_errors }| message::Rerun { of: of.0, retry_errors }),
            actor: execution.actor.clone(),
            fingerprint: execution.fingerprint,
            after: execution.after.iter().map(MapId::to_string).collect(),
            begun_after: execution.begun_after.0,
            circle: execution.circle.iter().map(MapId::to_string).collect(),
        }
    }
}

impl TryFrom<message::Execution> for Execution {
    type Error = Unreadable;

    fn try_from(execution: message::Execution) -> Result<Self, Unreadable> {
        Ok(Self {
            number: ExecutionNumber(execution.number),
            state: ExecutionState::from_number(execution.state)?,
            master: Side::from_number(execution.master)?,
            projects: execution.projects.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            start_time: read_time(execution.start_time, "an execution without its start")?,
            end_time: execution.end_time.map(TryInto::try_into).transpose()?,
            reason: execution.reason,
            map_version: execution.map_version,
            rerun: execution
                .rerun
                .map(|message::Rerun { of, retry_errors }| Rerun { of: ExecutionNumber(of), retry_errors }),
            actor: execution.actor,
            fingerprint: execution.fingerprint,
            after: execution.after.iter().map(|id| read_map_id(id)).collect::<Result<_, _>>()?,
            begun_after: QueueSequence(execution.begun_after),
            circle: execution.circle.iter().map(|id| read_map_id(id)).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Project> for message::Project {
    fn from(project: &Project) -> Self {
        Self {
            source: project.source.number(),
            only_missing: project.only_missing,
            progress: Some((&project.progress).into()),
            total: project.total,
            written: project.written,
            skipped: project.skipped,
            failed: project.failed,
            start_time: project.start_time.as_ref().map(Into::into),
            end_time: project.end_time.as_ref().map(Into::into),
            source_rows: project.source_rows,
            destination_rows: project.destination_rows,
            deferred: project.deferred.iter().cloned().collect(),
        }
    }
}

impl TryFrom<message::Project> for Project {
    type Error = Unreadable;

    fn try_from(project: message::Project) -> Result<Self, Unreadable> {
        Ok(Self {
            source: Side::from_number(project.source)?,
            only_missing: project.only_missing,
            progress: required(project.progress, "a project without its progress")?.try_into()?,
            total: project.total,
            written: project.written,
            skipped: project.skipped,
            failed: project.failed,
            start_time: project.start_time.map(TryInto::try_into).transpose()?,
            end_time: project.end_time.map(TryInto::try_into).transpose()?,
            source_rows: project.source_rows,
            destination_rows: project.destination_rows,
            deferred: project.deferred.into_iter().collect(),
        })
    }
}

impl From<&Progress> for message::Progress {
    fn from(progress: &Progress) -> Self {
        let (state, after) = match progress {
            Progress::NotStarted => (State::NotStarted, None),
            Progress::Copying { after } => (State::Copying, after.as_ref().map(Into::into)),
            Progress::Referring => (State::Referring, None),
            Progress::Ended => (State::Ended, None),
        };
        Self { state: state.into(), after }
    }
}

impl TryFrom<message::Progress> for Progress {
    type Error = Unreadable;

    fn try_from(progress: message::Progress) -> Result<Self, Unreadable> {
        match State::try_from(progress.state) {
            Ok(State::NotStarted) => Ok(Progress::NotStarted),
            Ok(State::Copying) => Ok(Progress::Copying { after: progress.after.map(TryInto::try_into).transpose()? }),
            Ok(State::Referring) => Ok(Progress::Referring),
            Ok(State::Ended) => Ok(Progress::Ended),
            Ok(State::Unspecified) | Err(_) => Err(Unreadable("the progress of a project")),
        }
    }
}

impl From<&DeferredRows> for message::DeferredRows {
    fn from(rows: &DeferredRows) -> Self {
        Self { source: rows.source.number(), keys: rows.keys.iter().map(Into::into).collect() }
    }
}

impl TryFrom<message::DeferredRows> for DeferredRows {
    type Error = Unreadable;

    fn try_from(rows: message::DeferredRows) -> Result<Self, Unreadable> {
        let keys = rows.keys.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Self { source: Side::from_number(rows.source)?, keys })
    }
}

impl From<&ExecutionError> for message::ExecutionError {
    fn from(error: &ExecutionError) -> Self {
        Self {
            source: error.source.number(),
            key: Some((&error.key).into()),
            row: Some((&error.row).into()),
            failure: Some((&error.failure).into()),
            time: Some((&error.time).into()),
            retry: error.retry.as_ref().map(Into::into),
            original: error.original.as_ref().map(Into::into),
            unkept_bytes: error.unkept_bytes,
        }
    }
}

impl TryFrom<message::ExecutionError> for ExecutionError {
    type Error = Unreadable;

    fn try_from(error: message::ExecutionError) -> Result<Self, Unreadable> {
        Ok(Self {
            source: Side::from_number(error.source)?,
            key: required(error.key, "an execution's error without its key")?.try_into()?,
            row: error.row.unwrap_or_default().try_into()?,
            failure: required(error.failure, "an execution's error without its failure")?.try_into()?,
            time: read_time(error.time, "an execution's error without its time")?,
            retry: error.retry.map(TryInto::try_into).transpose()?,
            original: error.original.map(TryInto::try_into).transpose()?,
            unkept_bytes: error.unkept_bytes,
        })
    }
}
