//! Bulk actions on errors: asked for, tried out, looked at, watched and cancelled.

use super::executions::failed_row;
use super::input::Input;
use super::proto;
use super::records::{count, record};
use super::status::CallError;
use super::watching::{Looked, watched};
use super::{Answers, Services, names, queued_records, times};
use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::jobs::{Corrected, JobRequest, Picked};
use crate::engine::reading::Held;
use crate::model::filter::RecordFilter;
use crate::model::ids::{JobNumber, MapId, QueueSequence};
use crate::model::job::{Deletes, JobKind, JobOutcome, JobReason, JobState, QueueJob, Selection};
use crate::model::row::Row;
use crate::model::table_map::Definition;
use crate::model::under_way::UnderWay;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Records that one request may name.
const NAMES_MAX: usize = 1_000;
/// How long a job may take to be begun or cancelled.
const DECISION_WAIT: Duration = Duration::from_secs(30);
/// Jobs that one page looks through at most; one that found less goes on with the next.
const LOOKED_THROUGH_MAX: usize = 10_000;

impl From<JobState> for proto::QueueJobState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Running => proto::QueueJobState::Running,
            JobState::Completed => proto::QueueJobState::Completed,
            JobState::Cancelled => proto::QueueJobState::Cancelled,
        }
    }
}

impl From<JobKind> for proto::QueueJobKind {
    fn from(kind: JobKind) -> Self {
        match kind {
            JobKind::RetryCatchUpErrors => proto::QueueJobKind::RetryCatchUpErrors,
            JobKind::RetryExecutionErrors(_) => proto::QueueJobKind::RetryExecutionErrors,
            JobKind::DeleteQueuedRecords(_) => proto::QueueJobKind::DeleteQueuedRecords,
        }
    }
}

/// A job as the wire has it.
fn shown(map: &MapId, job: QueueJob) -> proto::QueueJob {
    proto::QueueJob {
        name: names::queue_job(map, job.number),
        kind: proto::QueueJobKind::from(job.kind).into(),
        state: proto::QueueJobState::from(job.state).into(),
        actor: job.actor,
        create_time: Some(times::timestamp(job.create_time)),
        end_time: job.end_time.map(times::timestamp),
        last_sequence: count(job.last_sequence),
        total: count(job.total),
        done: count(job.done),
        failed: count(job.failed),
        superseded: count(job.superseded),
        skipped: count(job.skipped),
        reasons: job.reasons.into_iter().map(reason).collect(),
        examples: Vec::new(),
    }
}

fn reason(reason: JobReason) -> proto::QueueJobReason {
    let outcome = match reason.outcome {
        JobOutcome::Done => proto::QueueJobOutcome::Done,
        JobOutcome::Failed => proto::QueueJobOutcome::Failed,
        JobOutcome::Superseded => proto::QueueJobOutcome::Superseded,
        JobOutcome::Skipped => proto::QueueJobOutcome::Skipped,
    };
    let example = reason.example.map(|(failure, key)| {
        let mut error = proto::RecordError::from(failure);
        error.integration_key = Some(record(key));
        error
    });
    proto::QueueJobReason { outcome: outcome.into(), message: reason.message, count: count(reason.count), example }
}

/// What a request says about which errors it means.
struct Meant<'a> {
    names: &'a [String],
    all: bool,
    filter: Option<&'a proto::RecordFilter>,
}

impl Meant<'_> {
    /// Exactly one of the three, and that one right. `number` reads a name below the parent.
    fn selection(
        self,
        input: &mut Input,
        map: &MapId,
        definition: &Definition,
        mut number: impl FnMut(&mut Input, &str, &str) -> Option<u64>,
    ) -> Option<Selection> {
        let given =
            [!self.names.is_empty(), self.all, self.filter.is_some()].into_iter().filter(|given| *given).count();
        if given != 1 {
            input.wrong("names", "give exactly one of names, all and filter");
            return None;
        }
        if self.all {
            return Some(Selection::All);
        }
        if let Some(filter) = self.filter {
            let filter = input.record_filter(Some(filter.clone()), map, definition);
            if filter == RecordFilter::default() {
                input.wrong("filter", "picks by nothing; say all to take all");
            }
            return Some(Selection::Filter(Box::new(filter)));
        }
        if self.names.len() > NAMES_MAX {
            input.wrong("names", format!("{} names are given, at most {NAMES_MAX} are taken", self.names.len()));
            return None;
        }
        let read = |(place, name): (usize, &String)| number(input, &format!("names[{place}]"), name);
        let numbers: Vec<Option<u64>> = self.names.iter().enumerate().map(read).collect();
        numbers.into_iter().collect::<Option<BTreeSet<u64>>>().map(Selection::Sequences)
    }
}

impl Input {
    /// The sequence of a record that a name means, which must be one of this map.
    fn record_of(&mut self, map: &MapId, field: &str, name: &str) -> Option<u64> {
        let (of, sequence) = self.queued_record(field, name)?;
        if of != *map {
            self.wrong(field, format!("is no record of {}", names::table_map(map)));
        }
        Some(sequence.0)
    }
}

impl Services {
    pub(super) async fn retry_catch_up_errors(
        &self,
        request: proto::RetryCatchUpErrorsRequest,
        actor: String,
    ) -> Result<proto::QueueJob, CallError> {
        let mut input = Input::default();
        let map = input.table_map("parent", &request.parent);
        let tag = input.tag(&request.request_id, &request);
        let correction =
            request.correction.clone().map(|given| self.row(&mut input, "correction", given)).unwrap_or_default();
        let Some(map) = map else { return Err(CallError::Fields(input.violations())) };
        let view = self.engine.map(&map)?;
        let meant = Meant { names: &request.names, all: request.all, filter: request.filter.as_ref() };
        let selection = meant
            .selection(&mut input, &map, &view.map.definition, |input, field, name| input.record_of(&map, field, name));
        let selection = input.with(selection)?;
        let kind = JobKind::RetryCatchUpErrors;
        let wanted = JobRequest { kind, selection, correction, actor, tag, confirm: None };
        self.begin_job(&map, wanted, request.validate_only, &view.map.definition).await
    }

    pub(super) async fn retry_execution_errors(
        &self,
        request: proto::RetryExecutionErrorsRequest,
        actor: String,
    ) -> Result<proto::QueueJob, CallError> {
        let mut input = Input::default();
        let parent = input.execution("parent", &request.parent);
        let tag = input.tag(&request.request_id, &request);
        let correction =
            request.correction.clone().map(|given| self.row(&mut input, "correction", given)).unwrap_or_default();
        let Some((map, execution)) = parent else { return Err(CallError::Fields(input.violations())) };
        let view = self.engine.map(&map)?;
        self.engine.execution(&map, execution)?;
        let meant = Meant { names: &request.names, all: request.all, filter: request.filter.as_ref() };
        let selection = meant.selection(&mut input, &map, &view.map.definition, |input, field, name| {
            let (of, of_execution, number) = input.execution_error(field, name)?;
            if (&of, of_execution) != (&map, execution) {
                input.wrong(field, format!("is no row of {}", request.parent));
            }
            Some(number)
        });
        let selection = input.with(selection)?;
        let kind = JobKind::RetryExecutionErrors(execution);
        let wanted = JobRequest { kind, selection, correction, actor, tag, confirm: None };
        self.begin_job(&map, wanted, request.validate_only, &view.map.definition).await
    }

    pub(super) async fn delete_queued_records(
        &self,
        request: proto::DeleteQueuedRecordsRequest,
        actor: String,
    ) -> Result<proto::QueueJob, CallError> {
        let mut input = Input::default();
        let map = input.table_map("parent", &request.parent);
        let tag = input.tag(&request.request_id, &request);
        let deletes = match input.known::<proto::QueuedRecordState>("state", request.state) {
            Some(proto::QueuedRecordState::Queued) => Deletes::Queued,
            Some(proto::QueuedRecordState::Error) => Deletes::Errors,
            Some(proto::QueuedRecordState::Unspecified) | None => Deletes::Both,
            Some(proto::QueuedRecordState::InProgress | proto::QueuedRecordState::Completed) => {
                input.wrong("state", "is QUEUED, ERROR, or left out for both");
                Deletes::Both
            }
        };
        let confirm = u64::try_from(request.confirm_count).ok();
        if confirm.is_none() {
            input.wrong("confirm_count", "is negative");
        }
        let Some(map) = map else { return Err(CallError::Fields(input.violations())) };
        let view = self.engine.map(&map)?;
        let meant = Meant { names: &request.names, all: request.all, filter: request.filter.as_ref() };
        let selection = meant
            .selection(&mut input, &map, &view.map.definition, |input, field, name| input.record_of(&map, field, name));
        let selection = input.with(selection)?;
        let kind = JobKind::DeleteQueuedRecords(deletes);
        let wanted = JobRequest { kind, selection, correction: Row::new(), actor, tag, confirm };
        self.begin_job(&map, wanted, request.validate_only, &view.map.definition).await
    }

    pub(super) async fn update_queued_record(
        &self,
        request: proto::UpdateQueuedRecordRequest,
        actor: String,
    ) -> Result<proto::QueuedRecord, CallError> {
        let mut input = Input::default();
        let given = request.queued_record.unwrap_or_default();
        let named = input.queued_record("queued_record.name", &given.name);
        for path in request.update_mask.iter().flat_map(|mask| &mask.paths) {
            if path != "record" && path != "*" {
                input.wrong("update_mask", format!("names \"{path}\"; only record can be corrected"));
            }
        }
        if given.record.is_none() {
            input.wrong("queued_record.record", "is required: all columns of the record");
        }
        let record = self.row(&mut input, "queued_record.record", given.record.unwrap_or_default());
        let (map, sequence) = input.with(named)?;
        let corrected = Corrected { record, etag: given.etag, actor, validate_only: request.validate_only };
        let error = self.engine.correct(&map, sequence, corrected, DECISION_WAIT).await?;
        let view = self.engine.map(&map)?;
        let under_way = self.engine.under_way(&map)?;
        Ok(queued_records::shown(&map, &view.map.definition, Held::Error(error), &under_way))
    }

    async fn begin_job(
        &self,
        map: &MapId,
        wanted: JobRequest,
        validate_only: bool,
        definition: &Definition,
    ) -> Result<proto::QueueJob, CallError> {
        if !validate_only {
            return Ok(shown(map, self.engine.begin_job(map, wanted, DECISION_WAIT).await?));
        }
        let picked = self.engine.pick(map, &wanted).await?;
        let JobRequest { kind, correction, actor, .. } = wanted;
        let examples = self.examples(map, kind, &picked, &correction, definition)?;
        Ok(proto::QueueJob {
            kind: proto::QueueJobKind::from(kind).into(),
            actor,
            last_sequence: count(picked.last_sequence),
            total: count(picked.total),
            examples,
            ..Default::default()
        })
    }

    fn examples(
        &self,
        map: &MapId,
        kind: JobKind,
        picked: &Picked,
        correction: &Row,
        definition: &Definition,
    ) -> Result<Vec<proto::QueueJobExample>, CallError> {
        let mut examples = Vec::new();
        for &number in &picked.examples {
            let (name, before, error) = match kind {
                JobKind::RetryCatchUpErrors | JobKind::DeleteQueuedRecords(_) => {
                    let Some(shown) = self.shown_record(map, definition, QueueSequence(number))? else { continue };
                    (shown.name, shown.record, shown.error)
                }
                JobKind::RetryExecutionErrors(execution) => {
                    let rows = self.engine.execution_errors(map, execution, number - 1, 1)?;
                    let Some(row) = rows.into_iter().find(|(found, _)| *found == number) else { continue };
                    let shown = failed_row(map, execution, definition, &UnderWay::default(), row);
                    (shown.name, shown.record, shown.error)
                }
            };
            let mut after = before.clone().unwrap_or_default();
            after.fields.extend(record(correction.clone()).fields);
            let record_before = before.filter(|_| !correction.is_empty());
            examples.push(proto::QueueJobExample { name, record: Some(after), record_before, error });
        }
        Ok(examples)
    }

    fn shown_record(
        &self,
        map: &MapId,
        definition: &Definition,
        sequence: QueueSequence,
    ) -> Result<Option<proto::QueuedRecord>, CallError> {
        match self.engine.record(map, sequence) {
            Ok(found) => Ok(Some(queued_records::shown(map, definition, found, &UnderWay::default()))),
            Err(EngineError::RecordNotFound { .. }) => Ok(None), // it has gone since
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn get_queue_job(&self, request: &proto::GetQueueJobRequest) -> Result<proto::QueueJob, CallError> {
        let mut input = Input::default();
        let named = input.queue_job("name", &request.name);
        let (map, number) = input.with(named)?;
        Ok(shown(&map, self.engine.job(&map, number)?))
    }

    pub(super) async fn cancel_queue_job(
        &self,
        request: &proto::CancelQueueJobRequest,
        actor: String,
    ) -> Result<proto::QueueJob, CallError> {
        let mut input = Input::default();
        let named = input.queue_job("name", &request.name);
        let (map, number) = input.with(named)?;
        Ok(shown(&map, self.engine.cancel_job(&map, number, actor, DECISION_WAIT).await?))
    }

    pub(super) fn watch_queue_job(
        &self,
        request: &proto::WatchQueueJobRequest,
    ) -> Result<Answers<proto::WatchQueueJobResponse>, CallError> {
        let mut input = Input::default();
        let named = input.queue_job("name", &request.name);
        let (map, number) = input.with(named)?;
        self.engine.job(&map, number)?;
        let further = self.engine.jobs_further(&map)?;
        Ok(watched(Watched { engine: self.engine.clone(), map, number }, further, self.closing.clone()))
    }

    pub(super) fn list_queue_jobs(
        &self,
        request: &proto::ListQueueJobsRequest,
    ) -> Result<proto::ListQueueJobsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListQueueJobs", request)?;
        let map = input.table_map("parent", &request.parent);
        let state = input.known::<proto::QueueJobState>("state", request.state);
        let (map, state) = input.with(map.zip(state))?;
        let mut before = page.number()?.map(JobNumber);
        let mut queue_jobs = Vec::new();
        let mut looked_through = 0;
        let next_page_token = loop {
            let read = self.engine.jobs(&map, before, page.size)?;
            let Some(last) = read.last() else { break String::new() };
            looked_through += read.len();
            let mut at = last.number;
            for job in read {
                if queue_jobs.len() == page.size {
                    break;
                }
                at = job.number;
                if state == proto::QueueJobState::Unspecified || state == job.state.into() {
                    queue_jobs.push(shown(&map, job));
                }
            }
            before = Some(at);
            if at.0 <= 1 {
                break String::new();
            }
            if queue_jobs.len() == page.size || looked_through >= LOOKED_THROUGH_MAX {
                break page.token(at);
            }
        };
        Ok(proto::ListQueueJobsResponse { queue_jobs, next_page_token })
    }
}

/// Someone who watches a job.
struct Watched {
    engine: Arc<Engine>,
    map: MapId,
    number: JobNumber,
}

impl Looked for Watched {
    type Message = proto::WatchQueueJobResponse;

    fn look(&mut self) -> Result<(Self::Message, bool), EngineError> {
        let job = self.engine.job(&self.map, self.number)?;
        let ended = job.state != JobState::Running;
        Ok((proto::WatchQueueJobResponse { queue_job: Some(shown(&self.map, job)) }, ended))
    }
}
