//! Executions of the initial sync, and the rows that they could not write.

use super::Services;
use super::input::Input;
use super::paging::Page;
use super::proto;
use super::queued_records::{key_record, under_source_names};
use super::records::{count, direction_from, record, total};
use super::status::CallError;
use super::{names, times};
use crate::model::execution::{Execution, ExecutionError, ExecutionState, Progress, Project};
use crate::model::ids::{ExecutionNumber, MapId};
use crate::model::table_map::Definition;

/// Executions that one page looks through at most; one that found less goes on with the next.
const LOOKED_THROUGH_MAX: usize = 10_000;
/// Rows of one read, and bytes of one page.
const ROWS_AT_ONCE: usize = 50;
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;

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
        // Not kept yet: who started it, which version it copies, what it runs again.
        ..Default::default()
    }
}

fn project(execution: ExecutionState, project: &Project) -> proto::ExecutionProject {
    let state = match &project.progress {
        Progress::NotStarted => proto::ExecutionState::Pending,
        Progress::Copying { .. } => execution.into(),
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
        source_row_count: None,
        destination_row_count: None,
    }
}

fn failed_row(
    map: &MapId,
    execution: ExecutionNumber,
    definition: &Definition,
    (sequence, error): (u64, ExecutionError),
) -> proto::ExecutionError {
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
        retry_status: proto::RetryStatus::None.into(),
        fail_time: Some(times::timestamp(error.time)),
        purge_time: None, // failed rows are not purged yet
        queue_job: String::new(),
    }
}

impl Services {
    pub(super) fn get_execution(&self, request: &proto::GetExecutionRequest) -> Result<proto::Execution, CallError> {
        let mut input = Input::default();
        let named = input.execution("name", &request.name);
        let (map, number) = input.with(named)?;
        Ok(shown(&map, &self.engine.execution(&map, number)?))
    }

    pub(super) fn list_executions(
        &self,
        request: &proto::ListExecutionsRequest,
    ) -> Result<proto::ListExecutionsResponse, CallError> {
        let mut input = Input::default();
        let page = Page::of(&mut input, "ListExecutions", request)?;
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
        let page = Page::of(&mut input, "ListExecutionErrors", request)?;
        let named = input.execution("parent", &request.parent);
        let (map, number) = input.with(named)?;
        if request.filter.as_ref().is_some_and(|filter| *filter != proto::RecordFilter::default()) {
            return Err(CallError::NotOffered { what: "ListExecutionErrorsRequest.filter" });
        }
        let execution = self.engine.execution(&map, number)?;
        let view = self.engine.map(&map)?;
        let failed = execution.projects.iter().map(|project| project.failed).sum();
        let read = |after, limit| self.engine.execution_errors(&map, number, after, limit);
        let (rows, next_page_token) = filled(&page, read, |(sequence, _)| *sequence, |(_, error)| error.row.size())?;
        let definition = &view.map.definition;
        let errors = rows.into_iter().map(|row| failed_row(&map, number, definition, row)).collect();
        Ok(proto::ListExecutionErrorsResponse { errors, next_page_token, total_size: total(failed) })
    }
}

/// A page of things that are numbered upwards, as far as they fit into a message; and the token of the next.
pub fn filled<T, E>(
    page: &Page,
    read: impl Fn(u64, usize) -> Result<Vec<T>, E>,
    number: impl Fn(&T) -> u64,
    size: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, String), CallError>
where
    CallError: From<E>,
{
    let mut after = page.number()?.unwrap_or(0);
    let mut things = Vec::new();
    let mut bytes = 0;
    loop {
        // One more than asked tells whether there is a next page.
        let read = read(after, ROWS_AT_ONCE.min(page.size + 1 - things.len()))?;
        if read.is_empty() {
            return Ok((things, String::new()));
        }
        for thing in read {
            bytes += size(&thing);
            if things.len() == page.size || (bytes > PAGE_BYTES_MAX && !things.is_empty()) {
                return Ok((things, page.token(after)));
            }
            after = number(&thing);
            things.push(thing);
        }
    }
}
