//! Bulk actions on errors, as callers ask for them: what one would take is looked at first, outside the map's task.

use super::Engine;
use super::error::EngineError;
use super::map::{CHANGE_BYTES_MAX, Command, Correction, NewJob};
use super::reading::Held;
use crate::model::change::{Change, ErrorRecord, Operation};
use crate::model::filter::Candidate;
use crate::model::ids::{JobNumber, MapId, QueueSequence};
use crate::model::job::{Deletes, JobKind, QueueJob, RECENT_JOBS, Selection, job_of_request};
use crate::model::mapping::Violation;
use crate::model::request::RequestTag;
use crate::model::row::Row;
use crate::model::side::Side;
use crate::model::state::MapState;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;

/// Errors that are read at one time.
const READ_AT_ONCE: usize = 500;
const READ_BYTES: usize = 2 * 1024 * 1024;
/// Errors that a job which is only tried out shows.
pub const EXAMPLES_MAX: usize = 10;
/// The largest correction that is set in many records.
const CORRECTION_BYTES_MAX: usize = 64 * 1024;
/// How long it is waited for errors that are still being moved to where they are read.
const MOVING_LOOK: Duration = Duration::from_millis(20);

/// A bulk action that someone asks for.
#[derive(Debug, Clone)]
pub struct JobRequest {
    pub kind: JobKind,
    pub selection: Selection,
    pub correction: Row,
    pub actor: String,
    pub tag: Option<RequestTag>,
    /// It must take so many, unless it takes one; none asks nothing.
    pub confirm: Option<u64>,
}

/// Another row for an error, as someone asks for it.
#[derive(Debug, Clone)]
pub struct Corrected {
    pub record: Row,
    pub etag: String,
    pub actor: String,
    pub validate_only: bool,
}

/// What a job would take.
#[derive(Debug, Clone, Default)]
pub struct Picked {
    pub total: u64,
    pub last_sequence: u64,
    /// The sequences, or numbers, of the first ones.
    pub examples: BTreeSet<u64>,
    /// The last failure that was looked at.
    through: u64,
    /// Sides that they come from, and one key of them.
    sources: BTreeSet<Side>,
    key: Option<Change>,
}

impl Picked {
    fn add(&mut self, number: u64, change: impl FnOnce() -> Change, source: Side) {
        self.total += 1;
        self.last_sequence = self.last_sequence.max(number);
        self.examples.insert(number);
        if self.examples.len() > EXAMPLES_MAX {
            self.examples.pop_last();
        }
        if self.sources.insert(source) {
            self.key.get_or_insert_with(change);
        }
    }
}

impl Engine {
    /// What a job would take, and what is wrong with it.
    pub async fn pick(&self, map: &MapId, request: &JobRequest) -> Result<Picked, EngineError> {
        let view = self.map(map)?;
        let deletes = matches!(request.kind, JobKind::DeleteQueuedRecords(_));
        if view.map.state == MapState::NotRunning && !deletes {
            return Err(EngineError::MapNotRunning { map: map.clone() });
        }
        while self.context.store.head(map)?.diverting && request.kind.execution().is_none() {
            tokio::time::sleep(MOVING_LOOK).await;
        }
        let picked = match (&request.selection, request.kind) {
            (Selection::Sequences(sequences), _) => self.pick_named(map, request.kind, sequences)?,
            (Selection::All | Selection::Filter(_), JobKind::RetryCatchUpErrors) => {
                self.pick_records(map, Deletes::Errors, &request.selection).await?
            }
            (Selection::All | Selection::Filter(_), JobKind::DeleteQueuedRecords(deletes)) => {
                self.pick_records(map, deletes, &request.selection).await?
            }
            (Selection::All | Selection::Filter(_), JobKind::RetryExecutionErrors(_)) => {
                self.pick_rows(map, request).await?
            }
        };
        self.check_correction(map, &request.correction, &picked)?;
        Ok(picked)
    }

    /// Begins a job; a request that was made before is answered with the job that it began.
    pub async fn begin_job(
        &self,
        map: &MapId,
        request: JobRequest,
        deadline: Duration,
    ) -> Result<QueueJob, EngineError> {
        let handle = self.handle(map)?;
        // What it took may be gone by now. The map's task looks once more.
        let recent = self.context.store.jobs(map, None, RECENT_JOBS)?;
        if let Some(known) = job_of_request(&recent, request.tag.as_ref())? {
            return Ok(known.clone());
        }
        // Of all errors the map's task knows how many there are, without reading them.
        let needs_look = request.selection != Selection::All || !request.correction.is_empty();
        let picked = if needs_look { self.pick(map, &request).await? } else { Picked::default() };
        let JobRequest { kind, selection, correction, actor, tag, confirm } = request;
        let (total, last_sequence) = (picked.total, picked.last_sequence);
        let through = matches!(selection, Selection::Filter(_)).then_some(picked.through);
        let job = Box::new(NewJob { kind, selection, correction, actor, tag, total, last_sequence, through, confirm });
        let work = async move { handle.ask(|reply| Command::BeginJob { job, reply }).await };
        self.in_time(map, deadline, work).await
    }

    /// Corrects the row of an error. `record` has all of its columns; the key must be the one that it has.
    pub async fn correct(
        &self,
        map: &MapId,
        sequence: QueueSequence,
        corrected: Corrected,
        deadline: Duration,
    ) -> Result<ErrorRecord, EngineError> {
        let handle = self.handle(map)?;
        let row = self.corrected_row(map, sequence, corrected.record)?;
        let Corrected { etag, actor, validate_only, .. } = corrected;
        if validate_only {
            let Held::Error(mut error) = self.record(map, sequence)? else {
                return Err(EngineError::RecordNotInError { map: map.clone(), sequence: sequence.0 });
            };
            let before = std::mem::replace(&mut error.record.change.row, row);
            error.original.get_or_insert(before);
            return Ok(error);
        }
        let correction = Box::new(Correction { sequence, row, etag, actor });
        let work = async move { handle.ask(|reply| Command::Correct { correction, reply }).await };
        self.in_time(map, deadline, work).await
    }

    /// The columns of a corrected record that are not its key's, checked against the map.
    fn corrected_row(&self, map: &MapId, sequence: QueueSequence, record: Row) -> Result<Row, EngineError> {
        let view = self.map(map)?;
        let held = self.record(map, sequence)?;
        let change = &held.record().change;
        let Some(plan) = &view.plan else { return Err(EngineError::MapNotRunning { map: map.clone() }) };
        let checked = plan.check(change.source, change.operation, record, None);
        let in_field =
            |violation: Violation| Violation::new(format!("queued_record.{}", violation.field), violation.description);
        let checked = checked.map_err(|found| EngineError::Invalid(found.into_iter().map(in_field).collect()))?;
        if checked.key != change.key {
            let message = "its integration key is another one; a correction keeps the key";
            return Err(EngineError::Invalid(vec![Violation::new("queued_record.record", message)]));
        }
        let bytes = checked.row.size();
        if bytes > CHANGE_BYTES_MAX {
            let (map, key) = (map.clone(), change.key.to_string());
            return Err(EngineError::ChangeTooLarge { map, key, bytes, bytes_max: CHANGE_BYTES_MAX });
        }
        Ok(checked.row)
    }

    pub async fn cancel_job(
        &self,
        map: &MapId,
        number: JobNumber,
        actor: String,
        deadline: Duration,
    ) -> Result<QueueJob, EngineError> {
        let handle = self.handle(map)?;
        let work = async move { handle.ask(|reply| Command::CancelJob { number, actor, reply }).await };
        self.in_time(map, deadline, work).await
    }

    pub fn job(&self, map: &MapId, number: JobNumber) -> Result<QueueJob, EngineError> {
        self.handle(map)?;
        let job = self.context.store.job(map, number)?;
        job.ok_or_else(|| EngineError::JobNotFound { map: map.clone(), number: number.0 })
    }

    /// Jobs, newest first, before `before` when given.
    pub fn jobs(&self, map: &MapId, before: Option<JobNumber>, limit: usize) -> Result<Vec<QueueJob>, EngineError> {
        self.handle(map)?;
        Ok(self.context.store.jobs(map, before, limit)?)
    }

    /// Wakes whenever a job of the map has come further.
    pub fn jobs_further(&self, map: &MapId) -> Result<watch::Receiver<()>, EngineError> {
        Ok(self.handle(map)?.jobs())
    }

    fn pick_named(&self, map: &MapId, kind: JobKind, numbers: &BTreeSet<u64>) -> Result<Picked, EngineError> {
        let store = &self.context.store;
        let mut picked = Picked::default();
        for &number in numbers {
            match kind {
                JobKind::RetryCatchUpErrors | JobKind::DeleteQueuedRecords(_) => {
                    let sequence = QueueSequence(number);
                    let record = match store.error(map, sequence)? {
                        Some(error) => error.record,
                        // What is no error any more is skipped by the job.
                        None => match store.retried_record(map, sequence)? {
                            Some(error) => error.record,
                            None => store
                                .queued_record(map, sequence)?
                                .ok_or_else(|| EngineError::RecordNotFound { map: map.clone(), sequence: number })?,
                        },
                    };
                    let source = record.change.source;
                    picked.add(number, || record.change, source);
                }
                JobKind::RetryExecutionErrors(execution) => {
                    let error = store.execution_error(map, execution, number)?;
                    let unknown = || EngineError::RowNotFound { map: map.clone(), execution: execution.0, number };
                    let error = error.ok_or_else(unknown)?;
                    picked.add(number, || Change::added(error.source, &error.key), error.source);
                }
            }
        }
        Ok(picked)
    }

    async fn pick_records(&self, map: &MapId, of: Deletes, selection: &Selection) -> Result<Picked, EngineError> {
        let store = &self.context.store;
        let mut picked = Picked { through: store.head(map)?.failures, ..Picked::default() };
        let mut after = QueueSequence(0);
        while of.queued() {
            let page = store.queued(map, after, READ_AT_ONCE, READ_BYTES)?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            for record in page {
                if selection.picks(record.sequence.0, &Candidate::from(&record)) {
                    let source = record.change.source;
                    picked.add(record.sequence.0, || record.change, source);
                }
            }
            tokio::task::yield_now().await;
        }
        after = QueueSequence(0);
        while of.errors() {
            let page = self.errors_by(map, selection.key(), after, READ_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            after = last.record.sequence;
            for error in page {
                let sequence = error.record.sequence.0;
                if error.number <= picked.through && selection.picks(sequence, &Candidate::from(&error)) {
                    let source = error.record.change.source;
                    picked.add(sequence, || error.record.change, source);
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(picked)
    }

    async fn pick_rows(&self, map: &MapId, request: &JobRequest) -> Result<Picked, EngineError> {
        let JobKind::RetryExecutionErrors(execution) = request.kind else { return Ok(Picked::default()) };
        self.execution(map, execution)?;
        let through = self.context.store.last_execution_error(map, execution)?;
        let mut picked = Picked { through, ..Picked::default() };
        let mut after = 0;
        loop {
            let page = self.context.store.execution_errors(map, execution, after, READ_AT_ONCE)?;
            let Some((last, _)) = page.last() else { return Ok(picked) };
            after = *last;
            for (number, error) in page {
                if number <= through && request.selection.picks(number, &Candidate::from(&error)) {
                    picked.add(number, || Change::added(error.source, &error.key), error.source);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// A correction must fit the columns of the one side that all of the errors come from.
    fn check_correction(&self, map: &MapId, correction: &Row, picked: &Picked) -> Result<(), EngineError> {
        let bytes = correction.size();
        if bytes > CORRECTION_BYTES_MAX {
            let message = format!("has {bytes} bytes, at most {CORRECTION_BYTES_MAX} are taken");
            return Err(EngineError::Invalid(vec![Violation::new("correction", message)]));
        }
        let view = self.map(map)?;
        let (Some(plan), Some(example)) = (&view.plan, &picked.key) else { return Ok(()) };
        if correction.is_empty() {
            return Ok(());
        }
        if picked.sources.len() > 1 {
            let message = "the errors come from both sides; pick those of one direction with filter.direction";
            return Err(EngineError::Invalid(vec![Violation::new("correction", message)]));
        }
        let source = example.source;
        let key = plan.key_columns(source);
        let mut violations: Vec<Violation> = Vec::new();
        for column in correction.columns().filter(|column| key.iter().any(|of_key| of_key == column)) {
            let field = format!("correction.fields[{column:?}]");
            violations.push(Violation::new(field, "is part of the integration key, which stays as it is"));
        }
        let mut whole = plan.key_row(source, &example.key);
        whole.extend(correction.clone());
        let found = plan.check(source, Operation::Upsert, whole, None).err().unwrap_or_default();
        violations.extend(found.into_iter().map(|violation| {
            let field = violation.field.replacen("record", "correction", 1);
            Violation::new(field, violation.description)
        }));
        if violations.is_empty() { Ok(()) } else { Err(EngineError::Invalid(violations)) }
    }
}
