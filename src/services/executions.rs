//! Executions of the initial sync, and the rows that they could not write.

use super::Services;
use super::input::Input;
use super::paging::Page;
use super::proto;
use super::queued_records::{key_record, under_source_names};
use super::records::{count, direction_from, record, total};
use super::status::CallError;
use super::watching::{Looked, watched};
use super::{Answers, names, times};
use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::map::{Transition, TransitionRequest};
use crate::model::execution::{Execution, ExecutionError, ExecutionState, Progress, Project};
use crate::model::filter::{Candidate, RecordFilter};
use crate::model::ids::{ExecutionNumber, MapId};
use crate::model::job::JobKind;
use crate::model::retention::Retention;
use crate::model::table_map::Definition;
use crate::model::under_way::UnderWay;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// Executions that one page looks through at most; one that found less goes on with the next.
const LOOKED_THROUGH_MAX: usize = 10_000;
/// Rows of one read, and bytes of one page.
const ROWS_AT_ONCE: usize = 50;
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// How long a decision about an execution may take: a commit, and for a cancellation the end of what is being written.
const DECISION_WAIT: Duration = Duration::from_secs(30);
/// How much the last look counts in the rate.
const SMOOTHING: f64 = 0.3;

impl From<ExecutionState> for proto::ExecutionState {
    fn from(state: ExecutionState) -> Self {
        match state {
            ExecutionState::Running => proto::ExecutionState::Running,
            ExecutionState::Completed => proto::ExecutionState::Completed,
            ExecutionState::CompletedWithErrors => proto::ExecutionState::CompletedWithErrors,
            ExecutionState::Cancelled => proto::ExecutionState::Cancelled,
            ExecutionState::Failed => proto::ExecutionState::Failed,
        }
    }
}

/// An execution as the wire has it.
pub fn shown(map: &MapId, execution: &Execution) -> proto::Execution {
    let failed = execution.state == ExecutionState::Failed;
    proto::Execution {
        name: names::execution(map, execution.number),
        state: proto::ExecutionState::from(execution.state).into(),
        master: proto::Side::from(execution.master).into(),
        projects: execution.projects.iter().map(|project| self::project(execution.state, project)).collect(),
        start_time: Some(times::timestamp(execution.start_time)),
        end_time: execution.end_time.map(times::timestamp),
        error: failed.then(|| proto::RecordError { message: execution.reason.clone(), ..Default::default() }),
        table_map_version: count(execution.map_version),
        rerun_of: execution.rerun.map(|rerun| names::execution(map, rerun.of)).unwrap_or_default(),
        retry_errors: execution.rerun.is_some_and(|rerun| rerun.retry_errors),
        actor: execution.actor.clone(),
    }
}

fn project(execution: ExecutionState, project: &Project) -> proto::ExecutionProject {
    let state = match &project.progress {
        Progress::NotStarted if execution == ExecutionState::Running => proto::ExecutionState::Pending,
        Progress::NotStarted => execution.into(),
        Progress::Copying { .. } | Progress::Referring => execution.into(),
        Progress::Ended if project.failed > 0 => proto::ExecutionState::CompletedWithErrors,
        Progress::Ended => proto::ExecutionState::Completed,
    };
    proto::ExecutionProject {
        direction: direction_from(project.source).into(),
        state: state.into(),
        total: count(project.total.unwrap_or(0)),
        written: count(project.written),
        skipped: count(project.skipped),
        failed: count(project.failed),
        start_time: project.start_time.map(times::timestamp),
        end_time: project.end_time.map(times::timestamp),
        source_row_count: project.source_rows.map(count),
        destination_row_count: project.destination_rows.map(count),
    }
}

pub fn failed_row(
    map: &MapId,
    execution: ExecutionNumber,
    definition: &Definition,
    under_way: &UnderWay,
    (sequence, error): (u64, ExecutionError),
) -> proto::ExecutionError {
    let candidate = Candidate::from(&error);
    let status = under_way.retry_status(JobKind::RetryExecutionErrors(execution), sequence, &candidate);
    let purge_time = Retention(definition.error_retention).purge_time(error.failed_last());
    let mut row = error.row;
    for (column, value) in under_source_names(definition, error.source, &error.key) {
        row.set(column, value);
    }
    proto::ExecutionError {
        name: names::execution_error(map, execution, sequence),
        sequence: count(sequence),
        direction: direction_from(error.source).into(),
        integration_key: Some(key_record(definition, &error.key)),
        record: Some(record(row)),
        error: Some(error.failure.into()),
        attempts: 1,
        retry_status: proto::RetryStatus::from(status).into(),
        fail_time: Some(times::timestamp(error.time)),
        purge_time: purge_time.map(times::timestamp),
        queue_job: error.retry.map(|retry| names::queue_job(map, retry.job)).unwrap_or_default(),
    }
}

impl Services {
    pub(super) fn get_execution(&self, request: &proto::GetExecutionRequest) -> Result<proto::Execution, CallError> {
        let mut input = Input::default();
        let named = input.execution("name", &request.name);
        let (map, number) = input.with(named)?;
        Ok(shown(&map, &self.engine.execution(&map, number)?))
    }

    /// Runs the latest execution again; answers the new one.
    pub(super) async fn rerun_execution(
        &self,
        actor: String,
        request: proto::RerunExecutionRequest,
    ) -> Result<proto::Execution, CallError> {
        let mut input = Input::default();
        let tag = input.tag(&request.request_id, &request);
        let named = input.execution("name", &request.name);
        let (map, number) = input.with(named)?;
        self.engine.execution(&map, number)?;
        let transition = Transition::Rerun { execution: number, retry_errors: request.retry_errors };
        let asked = TransitionRequest { transition, actor, reason: String::new(), tag };
        let after = self.engine.transition(&map, asked, DECISION_WAIT).await?;
        // A repeat is answered with the execution that the first call started.
        let started = after.execution.filter(|latest| *latest > number).unwrap_or_else(|| number.next());
        Ok(shown(&map, &self.engine.execution(&map, started)?))
    }

    /// Ends an execution where it is.
    pub(super) async fn cancel_execution(
        &self,
        actor: String,
        request: proto::CancelExecutionRequest,
    ) -> Result<proto::Execution, CallError> {
        let mut input = Input::default();
        input.reason(&request.reason);
        let named = input.execution("name", &request.name);
        let (map, number) = input.with(named)?;
        self.engine.execution(&map, number)?;
        let transition = Transition::CancelExecution { execution: number };
        let asked = TransitionRequest { transition, actor, reason: request.reason, tag: None };
        self.engine.transition(&map, asked, DECISION_WAIT).await?;
        Ok(shown(&map, &self.engine.execution(&map, number)?))
    }

    /// The execution whenever it has come further, until it has ended.
    pub(super) fn watch_execution(
        &self,
        request: &proto::WatchExecutionRequest,
    ) -> Result<Answers<proto::WatchExecutionResponse>, CallError> {
        let mut input = Input::default();
        let named = input.execution("name", &request.name);
        let (map, number) = input.with(named)?;
        self.engine.execution(&map, number)?;
        let further = self.engine.executions_further(&map)?;
        let watching = Watching { engine: self.engine.clone(), map, number, pace: Pace::default() };
        Ok(watched(watching, further, self.closing.clone()))
    }

    pub(super) fn list_executions(
        &self,
        request: &proto::ListExecutionsRequest,
    ) -> Result<proto::ListExecutionsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListExecutions", request)?;
        let map = input.table_map("parent", &request.parent);
        let state = input.known::<proto::ExecutionState>("state", request.state);
        let (map, state) = input.with(map.zip(state))?;
        let mut before = page.number()?.map(ExecutionNumber);
        let mut executions = Vec::new();
        let mut looked_through = 0;
        let next_page_token = loop {
            let read = self.engine.executions(&map, before, page.size)?;
            let Some(last) = read.last() else { break String::new() };
            looked_through += read.len();
            let mut at = last.number;
            for execution in read {
                if executions.len() == page.size {
                    break;
                }
                at = execution.number;
                if state == proto::ExecutionState::Unspecified || state == execution.state.into() {
                    executions.push(shown(&map, &execution));
                }
            }
            before = Some(at);
            if at.0 <= 1 {
                break String::new();
            }
            if executions.len() == page.size || looked_through >= LOOKED_THROUGH_MAX {
                break page.token(at);
            }
        };
        Ok(proto::ListExecutionsResponse { executions, next_page_token })
    }

    pub(super) fn list_execution_errors(
        &self,
        request: &proto::ListExecutionErrorsRequest,
    ) -> Result<proto::ListExecutionErrorsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListExecutionErrors", request)?;
        let named = input.execution("parent", &request.parent);
        let (map, number) = input.with(named)?;
        self.engine.execution(&map, number)?;
        let view = self.engine.map(&map)?;
        let definition = &view.map.definition;
        let mut input = Input::default();
        let filter = input.record_filter(request.filter.clone(), &map, definition);
        input.done()?;
        let under_way = self.engine.under_way(&map)?;
        let kind = JobKind::RetryExecutionErrors(number);
        let picks =
            |(row, error): &(u64, ExecutionError)| filter.picks(&under_way.as_it_stands(kind, *row, error.into()));
        let (rows, next_page_token) = self.picked_errors(&page, &map, number, picks)?;
        let errors = rows.into_iter().map(|row| failed_row(&map, number, definition, &under_way, row)).collect();
        let total_size =
            if filter == RecordFilter::default() { total(self.engine.failed_rows(&map, number)?) } else { None };
        Ok(proto::ListExecutionErrorsResponse { errors, next_page_token, total_size })
    }

    /// A page of failed rows that are picked. One that has looked through many rows ends early, with a token.
    #[allow(clippy::type_complexity)]
    fn picked_errors(
        &self,
        page: &Page,
        map: &MapId,
        number: ExecutionNumber,
        picks: impl Fn(&(u64, ExecutionError)) -> bool,
    ) -> Result<(Vec<(u64, ExecutionError)>, String), CallError> {
        let mut after = page.number()?.unwrap_or(0);
        let (mut found, mut bytes, mut looked_through) = (Vec::new(), 0, 0);
        loop {
            let read = self.engine.execution_errors(map, number, after, ROWS_AT_ONCE)?;
            if read.is_empty() {
                return Ok((found, String::new()));
            }
            for row in read {
                let picked = picks(&row);
                if picked {
                    bytes += row.1.row.size();
                    if found.len() == page.size || (bytes > PAGE_BYTES_MAX && !found.is_empty()) {
                        return Ok((found, page.token(after)));
                    }
                }
                after = row.0;
                looked_through += 1;
                if picked {
                    found.push(row);
                }
            }
            if looked_through >= LOOKED_THROUGH_MAX {
                return Ok((found, page.token(after)));
            }
        }
    }
}

/// Someone who watches an execution.
struct Watching {
    engine: Arc<Engine>,
    map: MapId,
    number: ExecutionNumber,
    pace: Pace,
}

impl Looked for Watching {
    type Message = proto::WatchExecutionResponse;

    fn look(&mut self) -> Result<(Self::Message, bool), EngineError> {
        let execution = self.engine.execution(&self.map, self.number)?;
        let ended = execution.state != ExecutionState::Running;
        let (rows_per_second, left) = self.pace.told(&execution, self.engine.now());
        let message = proto::WatchExecutionResponse {
            execution: Some(shown(&self.map, &execution)),
            rows_per_second,
            time_left: left.filter(|_| !ended).and_then(|left| left.try_into().ok()),
        };
        Ok((message, ended))
    }
}

/// How fast an execution goes, from one look to the next.
#[derive(Default)]
struct Pace {
    last: Option<(DateTime<Utc>, u64)>,
    rows_per_second: f64,
}

impl Pace {
    /// Rows a second, and how long the project that runs still takes.
    fn told(&mut self, execution: &Execution, now: DateTime<Utc>) -> (f64, Option<Duration>) {
        let done = |project: &Project| project.written + project.skipped + project.failed;
        let all: u64 = execution.projects.iter().map(done).sum();
        if let Some((then, before)) = self.last {
            let seconds = (now - then).as_seconds_f64();
            if seconds > 0.0 && all >= before {
                let lately = (all - before) as f64 / seconds;
                let known = self.rows_per_second > 0.0;
                self.rows_per_second =
                    if known { SMOOTHING.mul_add(lately - self.rows_per_second, self.rows_per_second) } else { lately };
            }
        }
        self.last = Some((now, all));
        let running = execution.projects.iter().find(|project| matches!(project.progress, Progress::Copying { .. }));
        let left = running.and_then(|project| Some(project.total?.saturating_sub(done(project))));
        let left = left.filter(|_| self.rows_per_second > 0.0).map(|rows| rows as f64 / self.rows_per_second);
        (self.rows_per_second, left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }
}
