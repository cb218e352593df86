//! The initial sync of a map, as its task sees it: executions are begun, go on after a restart, run again, cancelled and
//! left. What one does is `engine::initial_sync`'s.

use super::task::MapTask;
use super::transition::Step;
use super::{Circle, TransitionRequest};
use crate::engine::error::EngineError;
use crate::engine::initial_sync::{self, CopyEnd};
use crate::model::activity::{Event, EventKind, Severity};
use crate::model::deferred::deferred;
use crate::model::execution::{Execution, ExecutionState, Progress, Project, Rerun};
use crate::model::ids::ExecutionNumber;
use crate::model::job::JobKind;
use crate::model::mapping::Plan;
use crate::model::state::{Action, MapState};
use crate::model::table_map::{Side, TableMap};
use crate::store::Operation;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The initial sync that runs.
pub(super) struct Copier {
    token: CancellationToken,
    task: JoinHandle<()>,
}

impl Copier {
    /// Ends it; its position is in the store.
    pub async fn stop(self) {
        self.token.cancel();
        let _ = self.task.await;
    }
}

impl MapTask {
    pub fn latest_execution(&self) -> Result<Option<Execution>, EngineError> {
        let Some(number) = self.map.execution else { return Ok(None) };
        Ok(self.context.store.execution(&self.map.id, number)?)
    }

    /// An execution of a map as it is about to be; nobody is named as having started it.
    pub fn new_execution(&self, map: &TableMap, number: ExecutionNumber, master: Side, circle: &Circle) -> Execution {
        let definition = &map.definition;
        let deferred = |source: Side| {
            let schemas = map.schemas.as_deref();
            let plan = schemas.and_then(|schemas| Plan::new(map, schemas)).zip(schemas);
            plan.map(|(plan, schemas)| {
                let destination = source.other();
                deferred(&plan, source, schemas.table(destination), circle.tables(destination))
            })
        };
        let project = |source: Side, only_missing: bool| Project {
            source,
            only_missing,
            deferred: deferred(source).unwrap_or_default(),
            progress: Progress::NotStarted,
            total: None,
            written: 0,
            skipped: 0,
            failed: 0,
            start_time: None,
            end_time: None,
            source_rows: None,
            destination_rows: None,
        };
        let both = Side::BOTH.iter().all(|side| definition.carries(*side));
        let projects = if both {
            vec![project(master, false), project(master.other(), true)]
        } else {
            Side::BOTH.into_iter().filter(|side| definition.carries(*side)).map(|side| project(side, false)).collect()
        };
        Execution {
            number,
            state: ExecutionState::Running,
            master,
            map_version: map.version,
            fingerprint: map.definition.copy_fingerprint(),
            after: Vec::new(),
            circle: Vec::new(),
            begun_after: self.last_queued,
            projects,
            rerun: None,
            actor: String::new(),
            start_time: self.context.clock.now(),
            end_time: None,
            reason: String::new(),
        }
    }

    /// Gives a new execution the position of the one that a stop ended, when it copies the same in the same order. One in which
    /// rows failed, or were written without their references, is not gone on with: they would be forgotten.
    pub fn goes_on_from_stopped(&self, execution: &mut Execution) -> Result<bool, EngineError> {
        let Some(number) = self.map.stopped_execution else { return Ok(false) };
        let stopped = self.context.store.execution(&self.map.id, number)?.filter(|stopped| {
            stopped.fingerprint == execution.fingerprint
                && stopped.master == execution.master
                && stopped.rerun.is_none()
                && stopped.failed() == 0
                && stopped.projects.iter().all(|project| project.deferred.is_empty())
        });
        let Some(stopped) = stopped else { return Ok(false) };
        for (project, before) in execution.projects.iter_mut().zip(stopped.projects) {
            project.progress = before.progress;
            project.total = before.total;
            project.start_time = before.start_time;
            project.end_time = before.end_time;
        }
        Ok(true)
    }

    /// Starts the copy of an INITIALIZING map where the store says it is; nothing for a map in another state.
    pub fn continue_initial_sync(&mut self) -> Result<(), EngineError> {
        let (MapState::Initializing, Some(number)) = (self.map.state, self.map.execution) else { return Ok(()) };
        let Some(execution) = self.context.store.execution(&self.map.id, number)? else {
            return Err(EngineError::ExecutionNotFound { map: self.map.id.clone(), number: number.0 });
        };
        self.shown.execution(&execution);
        for project in &execution.projects {
            *self.drain.copied_to.get_mut(project.source.other()) = true;
        }
        match execution.state {
            ExecutionState::Running => {}
            ExecutionState::Completed if execution.goes_live_by_itself() => {
                self.copied = true;
                self.drain_from_front();
                return Ok(());
            }
            ExecutionState::Completed => return Ok(()), // someone runs the map
            // Someone decides; until then changes are queued.
            ExecutionState::CompletedWithErrors | ExecutionState::Cancelled | ExecutionState::Failed => return Ok(()),
        }
        let Some(running) = &self.running else { return Ok(()) };
        let token = self.context.tasks.token().child_token();
        let copy = initial_sync::Copy::new(&self.context, &self.map, running, execution, &self.shown, token.clone());
        let ends = self.copy_ends_sender.clone();
        let task = self.context.tasks.spawn(async move {
            if let Some(end) = copy.run().await {
                let _ = ends.send(end).await;
            }
        });
        self.copier = Some(Copier { token, task });
        Ok(())
    }

    /// The copy has ended; the execution that says so is in the store already.
    pub async fn copy_ended(&mut self, end: CopyEnd) -> Result<(), EngineError> {
        if self.copier.take().is_none() || self.map.state != MapState::Initializing {
            return Ok(()); // stopped meanwhile
        }
        match end {
            CopyEnd::Clean => {
                self.copied = true;
                self.drain_from_front();
                Ok(())
            }
            CopyEnd::Waits => Ok(()),
            CopyEnd::Fault(error) => Err(error),
        }
    }

    /// No row of an execution is in error any more. A map that waited for that goes on.
    pub fn rows_are_written(&mut self, execution: &Execution) {
        let summary =
            format!("execution {} of the initial sync is complete: no row is in error any more", execution.number);
        let event = self.event(EventKind::InitialSyncCompleted, Severity::Info, summary);
        self.later(Operation::Log(event));
        let waits = self.map.state == MapState::Initializing && self.map.execution == Some(execution.number);
        if waits && execution.goes_live_by_itself() {
            self.copied = true;
            self.drain_from_front();
        }
    }

    /// Live at once: what the initial sync has not copied stays uncopied.
    pub async fn leave_initial_sync(
        &mut self,
        event: Event,
        request: &TransitionRequest,
    ) -> Result<TableMap, EngineError> {
        self.allowed_from(Action::RunLive, MapState::Initializing)?;
        let operations = self.cancel_copy("the initial sync was skipped").await?;
        self.step(Step { action: Action::RunLive, event, operations, map: self.map.clone() }, request).await?;
        self.rows_failed = self.latest_execution()?.map_or(0, |execution| execution.failed());
        self.drain_from_front();
        Ok(self.map.clone())
    }

    /// Runs the latest execution again, as one of its own. The map stays INITIALIZING.
    pub async fn rerun(
        &mut self,
        number: ExecutionNumber,
        retry_errors: bool,
        request: &TransitionRequest,
    ) -> Result<TableMap, EngineError> {
        let latest = self.latest_execution()?.filter(|latest| latest.number == number);
        let ended = latest.filter(|latest| latest.state != ExecutionState::Running);
        let (MapState::Initializing, Some(before), false) = (self.map.state, ended, self.copied) else {
            return Err(EngineError::ExecutionNotEnded {
                map: self.map.id.clone(),
                number: number.0,
                state: self.map.state,
            });
        };
        let mut execution = self.new_execution(&self.map, number.next(), before.master, &Circle::default());
        execution.actor.clone_from(&request.actor);
        execution.circle = before.circle;
        for project in &mut execution.projects {
            let same = before.projects.iter().find(|before| before.source == project.source);
            project.deferred.extend(same.into_iter().flat_map(|before| before.deferred.iter().cloned()));
        }
        execution.rerun = Some(Rerun { of: number, retry_errors });
        if !retry_errors {
            execution.projects.iter_mut().for_each(|project| project.only_missing = true);
        }
        let what = if retry_errors { "failed rows included" } else { "rows that failed are left" };
        let mut event = self.event(
            EventKind::InitialSyncStarted,
            Severity::Info,
            format!("execution {number} of the initial sync is run again, {what}"),
        );
        event.actor.clone_from(&request.actor);
        let mut map = self.map.clone();
        map.execution = Some(execution.number);
        map.remember(request.tag.as_ref());
        let mut operations = self.end_jobs(|job| job.kind == JobKind::RetryExecutionErrors(number));
        operations.extend([Operation::PutExecution(Box::new(execution)), Operation::Log(event)]);
        self.put(map, operations).await?;
        self.shown.jobs_further();
        self.continue_initial_sync()?;
        Ok(self.map.clone())
    }

    /// Ends the execution where it is; one that has ended stays as it is. The map stays INITIALIZING until someone decides.
    pub async fn cancel_execution(
        &mut self,
        number: ExecutionNumber,
        request: &TransitionRequest,
    ) -> Result<TableMap, EngineError> {
        let latest = self.latest_execution()?.filter(|latest| latest.number == number);
        if latest.is_none_or(|latest| latest.state != ExecutionState::Running) {
            return Ok(self.map.clone());
        }
        let reason = if request.reason.is_empty() { "it was cancelled" } else { &request.reason };
        let mut operations = self.cancel_copy(reason).await?;
        let summary = format!("execution {number} of the initial sync was cancelled");
        let mut event = self.event(EventKind::InitialSyncFailed, Severity::Warning, summary);
        event.actor.clone_from(&request.actor);
        if !request.reason.is_empty() {
            event.summary = format!("{}: {}", event.summary, request.reason);
        }
        operations.push(Operation::Log(event));
        self.put(self.map.clone(), operations).await?;
        Ok(self.map.clone())
    }

    /// Ends the copy, when one runs; its execution becomes CANCELLED and keeps its position.
    pub async fn cancel_copy(&mut self, reason: &str) -> Result<Vec<Operation>, EngineError> {
        if let Some(copier) = self.copier.take() {
            copier.stop().await;
        }
        self.forget_copy_end();
        let (MapState::Initializing, Some(number)) = (self.map.state, self.map.execution) else {
            return Ok(Vec::new());
        };
        let execution = self.context.store.execution(&self.map.id, number)?;
        let Some(mut execution) = execution.filter(|execution| execution.state == ExecutionState::Running) else {
            return Ok(Vec::new());
        };
        execution.state = ExecutionState::Cancelled;
        execution.end_time = Some(self.context.clock.now());
        execution.reason = reason.to_owned();
        self.shown.execution(&execution);
        Ok(vec![Operation::PutExecution(Box::new(execution))])
    }
}
