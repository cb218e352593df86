//! Changes of state, of the definition, and the end of a map: each is one durable step, answered when it is on disk.

use super::task::{MapTask, SELF};
use super::{Circle, Deletion, LeftOver, Transition, TransitionRequest, Update};
use crate::engine::error::EngineError;
use crate::model::activity::{Event, EventKind, Severity};
use crate::model::execution::ExecutionState;
use crate::model::failure::{ErrorType, Failure};
use crate::model::ids::MapId;
use crate::model::job::QueueJob;
use crate::model::state::{Action, MapState, ResumeOption, next};
use crate::model::table_map::{Side, TableMap};
use crate::store::{Commit, DivertTo, Operation, StoreError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a transition waits for what is being written at that moment. A destination that hangs does not hold it: what
/// comes of it is taken in whenever it comes.
const UNDER_WAY_MAX: Duration = Duration::from_secs(2);

/// What a transition does beside the state.
pub(super) struct Step {
    pub action: Action,
    pub event: Event,
    pub operations: Vec<Operation>,
    pub map: TableMap,
}

/// How a run copies.
struct Copied {
    master: Side,
    after: Vec<MapId>,
    circle: Circle,
}

impl MapTask {
    pub async fn transition(&mut self, request: TransitionRequest) -> Result<TableMap, EngineError> {
        let result = self.carry_out(request).await;
        if let Err(EngineError::Store(StoreError::Full { .. })) = result {
            // The map stays as it was, so what was stopped for the step goes on.
            self.drain_from_front();
            self.load_jobs()?;
            if self.copier.is_none() {
                self.continue_initial_sync()?;
            }
        }
        result
    }

    async fn carry_out(&mut self, request: TransitionRequest) -> Result<TableMap, EngineError> {
        if self.map.was_asked(request.tag.as_ref())? {
            return Ok(self.map.clone());
        }
        match request.transition.clone() {
            Transition::Run { schemas, version, initial_sync, master, after, circle } => {
                if version != self.map.version {
                    return Err(EngineError::ChangedMeanwhile { map: self.map.id.clone() });
                }
                let action = if initial_sync { Action::Run } else { Action::RunLive };
                self.allowed_from(action, MapState::NotRunning)?;
                let mut map = self.map.clone();
                map.schemas = Some(schemas);
                self.run_map(action, map, Copied { master, after, circle }, &request).await
            }
            Transition::Pause => self.pause(EventKind::StateChanged, &request).await,
            Transition::PauseByAlert => self.pause(EventKind::PausedByAlert, &request).await,
            Transition::Resume(option) => self.resume(option, &request).await,
            Transition::SkipToLive(left_over) => {
                self.allowed(Action::SkipToLive)?;
                self.withdraw_all().await;
                self.go_live(Action::SkipToLive, left_over, &request).await
            }
            Transition::SkipInitialSync => {
                let event =
                    self.event(EventKind::StateChanged, Severity::Warning, "the initial sync was skipped".to_owned());
                self.leave_initial_sync(event, &request).await
            }
            Transition::RunAfterInitialSync => {
                let left = self.latest_execution()?.filter(|execution| {
                    execution.state == ExecutionState::Completed && !execution.goes_live_by_itself()
                });
                if left.is_none() {
                    return Err(self.not_allowed(Action::Run));
                }
                let event =
                    self.event(EventKind::Run, Severity::Info, "the map was run after its initial sync".to_owned());
                self.leave_initial_sync(event, &request).await
            }
            Transition::Rerun { execution, retry_errors } => self.rerun(execution, retry_errors, &request).await,
            Transition::CancelExecution { execution } => self.cancel_execution(execution, &request).await,
            Transition::Stop(left_over) => self.stop(left_over, &request).await,
        }
    }

    fn allowed(&self, action: Action) -> Result<MapState, EngineError> {
        next(self.map.state, action).map_err(|refused| EngineError::Transition { map: self.map.id.clone(), refused })
    }

    /// Some actions mean another thing in another state.
    pub fn allowed_from(&self, action: Action, state: MapState) -> Result<MapState, EngineError> {
        if self.map.state == state { self.allowed(action) } else { Err(self.not_allowed(action)) }
    }

    fn not_allowed(&self, action: Action) -> EngineError {
        let refused = crate::model::state::Refused { state: self.map.state, action };
        EngineError::Transition { map: self.map.id.clone(), refused }
    }

    async fn run_map(
        &mut self,
        action: Action,
        mut map: TableMap,
        copied: Copied,
        request: &TransitionRequest,
    ) -> Result<TableMap, EngineError> {
        let mut operations = Vec::new();
        let mut event = self.event(EventKind::Run, Severity::Info, "the map was run".to_owned());
        if action == Action::Run {
            let number = map.execution.unwrap_or_default().next();
            let Copied { master, after, circle } = copied;
            let mut execution = self.new_execution(&map, number, master, &circle);
            (execution.after, execution.circle) = (after, circle.maps);
            execution.actor.clone_from(&request.actor);
            let goes_on = self.goes_on_from_stopped(&mut execution)?;
            event.summary.push_str(if goes_on { "; its initial sync goes on where it was stopped" } else { "" });
            operations.push(Operation::PutExecution(Box::new(execution)));
            map.execution = Some(number);
        }
        map.stopped_execution = None;
        if action == Action::RunLive {
            event.summary.push_str(" without an initial sync");
        }
        self.step(Step { action, event, operations, map }, request).await?;
        self.copied = false;
        self.prepare()?;
        self.rebuild_pending()?;
        self.drain_from_front();
        self.continue_initial_sync()?;
        Ok(self.map.clone())
    }

    /// RESUMING and INITIALIZING end by themselves when nothing is queued any more.
    pub async fn end_what_is_done(&mut self) -> Result<(), EngineError> {
        let quiet = self.queued == 0
            && self.arriving.is_empty()
            && self.enqueueing.is_none()
            && self.drain.queued_in_lanes() == 0;
        if !quiet || self.diverting {
            return Ok(());
        }
        let (action, kind, summary) = match self.map.state {
            MapState::Resuming => {
                (Action::CaughtUp, EventKind::CatchUpCompleted, "the queue is empty; the map is live")
            }
            MapState::Initializing if self.copied => (
                Action::InitialSyncEnded,
                EventKind::StateChanged,
                "the initial sync is complete and what was queued meanwhile is written; the map is live",
            ),
            _ => return Ok(()),
        };
        let event = self.event(kind, Severity::Info, summary.to_owned());
        let step = Step { action, event, operations: Vec::new(), map: self.map.clone() };
        self.step(step, &own(SELF)).await?;
        self.rows_failed = self.latest_execution()?.map_or(0, |execution| execution.failed());
        self.drop_needless_notes()
    }

    async fn pause(&mut self, kind: EventKind, request: &TransitionRequest) -> Result<TableMap, EngineError> {
        self.allowed(Action::Pause)?;
        let severity = if kind == EventKind::PausedByAlert { Severity::Warning } else { Severity::Info };
        let event = self.event(kind, severity, "the map was paused".to_owned());
        let step = Step { action: Action::Pause, event, operations: Vec::new(), map: self.map.clone() };
        self.step(step, request).await?;
        self.withdraw_all().await;
        self.dispatch()?; // into the queue, before anything that comes now
        Ok(self.map.clone())
    }

    async fn resume(&mut self, option: ResumeOption, request: &TransitionRequest) -> Result<TableMap, EngineError> {
        let action = Action::Resume(option);
        self.allowed(action)?;
        match option {
            ResumeOption::CatchUp => {
                let mut event = self.event(
                    EventKind::CatchUpStarted,
                    Severity::Info,
                    format!("the map was resumed; {} queued records are written first", self.queued),
                );
                event.counts.insert("queued".to_owned(), as_count(self.queued));
                let step = Step { action, event, operations: Vec::new(), map: self.map.clone() };
                self.step(step, request).await?;
                self.drain_from_front();
                Ok(self.map.clone())
            }
            ResumeOption::SkipAndKeep => self.go_live(action, LeftOver::Keep, request).await,
            ResumeOption::SkipAndDiscard => self.go_live(action, LeftOver::Discard, request).await,
        }
    }

    /// Live at once, whatever is queued.
    async fn go_live(
        &mut self,
        action: Action,
        left_over: LeftOver,
        request: &TransitionRequest,
    ) -> Result<TableMap, EngineError> {
        self.finish_enqueueing().await?;
        let event = self.event(EventKind::StateChanged, Severity::Info, "the map went live".to_owned());
        let (event, operations) = self.divert(left_over, event);
        self.step(Step { action, event, operations, map: self.map.clone() }, request).await?;
        self.diverted(left_over);
        Ok(self.map.clone())
    }

    /// What a transition does with all that is queued: the figures move with the state, the records after it.
    fn divert(&self, left_over: LeftOver, mut event: Event) -> (Event, Vec<Operation>) {
        let queued = self.queued + self.arriving.len() as u64;
        if self.queued == 0 {
            return (event, Vec::new());
        }
        let to = match left_over {
            LeftOver::Keep => {
                event.counts.insert("kept".to_owned(), as_count(queued));
                event.summary.push_str(&format!("; {queued} queued records were kept as catch-up errors"));
                DivertTo::Errors(Failure::new(
                    ErrorType::Application,
                    "NOT_SENT",
                    "was left in the queue when the map went on without it; retry it to send it",
                ))
            }
            LeftOver::Discard => {
                event.counts.insert("discarded".to_owned(), as_count(queued));
                event.summary.push_str(&format!("; {queued} queued records were discarded"));
                event.severity = Severity::Warning;
                DivertTo::Nowhere
            }
        };
        (event, vec![Operation::Divert { to, time: self.context.clock.now() }])
    }

    /// The store has diverted the queue: nothing of it is written any more.
    fn diverted(&mut self, left_over: LeftOver) {
        let kept = left_over == LeftOver::Keep;
        self.unload();
        // What hangs at a destination keeps its lane until it ends; its record is no longer in the queue.
        let hanging: Vec<_> = self.drain.held.drain().map(|(_, ticket)| ticket).collect();
        self.drain.holds_none();
        for ticket in hanging {
            self.drain.forget_record(ticket);
        }
        self.applied.clear();
        if kept {
            self.in_error += self.queued;
        }
        self.queued = 0;
        self.queued_bytes = 0;
        self.pending.clear();
        self.diverting = true;
        self.drain.read_to = self.last_queued;
    }

    async fn stop(
        &mut self,
        left_over: Option<LeftOver>,
        request: &TransitionRequest,
    ) -> Result<TableMap, EngineError> {
        self.allowed(Action::Stop)?;
        self.finish_enqueueing().await?;
        let queued = self.queued + self.arriving.len() as u64;
        let nothing_under_way = self.drain.queued_in_lanes() == 0;
        if left_over.is_none() && queued > 0 && nothing_under_way {
            return Err(self.queue_not_empty(queued)?);
        }
        self.withdraw_all().await;
        self.finish_enqueueing().await?;
        if left_over.is_none() && self.queued > 0 {
            self.finish_lazy().await?;
            self.drain_from_front();
            return Err(self.queue_not_empty(self.queued)?);
        }
        let cancelled = self.cancel_copy("the map was stopped").await?;
        let event = self.event(EventKind::StateChanged, Severity::Info, "the map was stopped".to_owned());
        let left_over = left_over.unwrap_or(LeftOver::Keep);
        let (event, mut operations) = self.divert(left_over, event);
        let mut map = self.map.clone();
        map.stopped_execution = map.execution.filter(|_| !cancelled.is_empty());
        operations.extend(cancelled);
        operations.extend(self.end_jobs(QueueJob::retries));
        self.step(Step { action: Action::Stop, event, operations, map }, request).await?;
        self.shown.jobs_further();
        if self.queued > 0 {
            self.diverted(left_over);
        }
        self.unload();
        self.copied = false;
        Ok(self.map.clone())
    }

    fn queue_not_empty(&self, queued: u64) -> Result<EngineError, EngineError> {
        let in_error = self.context.store.head(&self.map.id)?.figures.in_error();
        Ok(EngineError::QueueNotEmpty { map: self.map.id.clone(), queued, in_error })
    }

    /// Takes back what waits at destinations, and lets what is being written there end, for a short while.
    async fn withdraw_all(&mut self) {
        self.pass_gate.close();
        self.unload();
        self.sweep();
        let deadline = Instant::now() + UNDER_WAY_MAX;
        while self.drain.under_way() > 0 {
            if tokio::time::timeout_at(deadline, self.next_outcomes()).await.is_err() {
                tracing::warn!(map = %self.map.id, "a destination hangs; the transition does not wait for it");
                return;
            }
        }
    }

    /// Lets the commit that enqueues end, so that the queue's length is known.
    async fn finish_enqueueing(&mut self) -> Result<(), EngineError> {
        loop {
            self.enqueue().await?;
            let Some(enqueueing) = &mut self.enqueueing else { return Ok(()) };
            let result = (&mut enqueueing.commit).await;
            self.enqueued(result)?;
        }
    }

    /// One durable step: the new state, its event and what else changes, after what waited to be written before it.
    pub async fn step(&mut self, step: Step, request: &TransitionRequest) -> Result<(), EngineError> {
        let Step { action, mut event, operations: more, mut map } = step;
        let state = self.allowed(action)?;
        // What rides along goes by itself, so that it is not lost with a step that is refused for want of room.
        self.submit_lazy().await?;
        let mut operations = std::mem::take(&mut self.alerts.with_step);
        let by_alert = !operations.is_empty();
        operations.extend(more);
        operations.extend(self.alerts_with(action, by_alert));
        let now = self.context.clock.now();
        event.state_before = Some(self.map.state);
        event.state_after = Some(state);
        event.actor.clone_from(&request.actor);
        if !request.reason.is_empty() {
            event.summary = format!("{}: {}", event.summary, request.reason);
        }
        map.held_back_since = if state.holds_back() { self.map.held_back_since.or(Some(now)) } else { None };
        map.state = state;
        map.state_time = now;
        map.remember(request.tag.as_ref());
        operations.push(Operation::Log(event));
        self.put(map, operations).await?;
        if by_alert {
            self.context.outbox.notify_one();
        }
        self.load_alerts()
    }

    /// Writes the map's record with what belongs to it; the map is as it was when the store refuses.
    pub async fn put(&mut self, mut map: TableMap, mut operations: Vec<Operation>) -> Result<(), EngineError> {
        // What rides along goes by itself, so that it is not lost with a step that is refused for want of room.
        self.submit_lazy().await?;
        operations.insert(0, Operation::PutMap(Box::new(map.clone())));
        let commit = Commit { map: map.id.clone(), expected: Some(self.map.revision), operations };
        let receipt = self.context.store.commit(commit).await?;
        map.revision = receipt.revision;
        self.map = map;
        self.publish();
        Ok(())
    }

    pub async fn update(&mut self, update: Update) -> Result<TableMap, EngineError> {
        if self.map.was_asked(update.tag.as_ref())? {
            return Ok(self.map.clone());
        }
        editable(&self.map, &update.etag, "change")?;
        let Update { definition, author, tag, .. } = update;
        if definition == self.map.definition {
            return Ok(self.map.clone()); // nothing changes, so there is no new version
        }
        let mut map = self.map.clone();
        map.remember(tag.as_ref());
        map.definition = definition;
        map.version += 1;
        map.author.clone_from(&author);
        map.update_time = self.context.clock.now();
        // The schemas belong to the definition that was checked against them; the next run brings new ones.
        map.schemas = None;
        let summary = format!("version {} was saved", map.version);
        let mut event = self.event(EventKind::Updated, Severity::Info, summary);
        event.actor = author;
        self.put(map, vec![Operation::Log(event)]).await?;
        self.prepare()?;
        Ok(self.map.clone())
    }

    pub async fn delete(&mut self, deletion: Deletion) -> Result<(), EngineError> {
        let Deletion { etag, actor, with_errors } = deletion;
        editable(&self.map, &etag, "delete")?;
        let errors = self.errors_left()?;
        if errors > 0 && !with_errors {
            return Err(EngineError::ErrorsRemain { map: self.map.id.clone(), in_error: errors });
        }
        let mut event = self.event(EventKind::Deleted, Severity::Info, "the map was deleted".to_owned());
        event.actor = actor;
        event.state_after = None;
        event.counts.insert("errors".to_owned(), as_count(errors));
        self.submit_lazy().await?;
        let mut operations = self.rearmed(|_| true);
        operations.extend([Operation::Log(event), Operation::DeleteMap]);
        let commit = Commit { map: self.map.id.clone(), expected: Some(self.map.revision), operations };
        self.context.store.commit(commit).await?;
        Ok(())
    }

    /// Records in error, and failed rows of the last initial sync.
    fn errors_left(&self) -> Result<u64, EngineError> {
        let records = self.context.store.head(&self.map.id)?.figures.in_error();
        let Some(number) = self.map.execution else { return Ok(records) };
        let execution = self.context.store.execution(&self.map.id, number)?;
        let rows = execution.iter().flat_map(|execution| &execution.projects).map(|project| project.failed);
        Ok(records + rows.sum::<u64>())
    }
}

/// Whether a map may be changed or deleted now, by someone who has seen it under this etag.
pub(crate) fn editable(map: &TableMap, etag: &str, verb: &'static str) -> Result<(), EngineError> {
    let found = map.etag();
    if !etag.is_empty() && etag != found {
        return Err(EngineError::EtagMismatch { map: map.id.clone(), given: etag.to_owned(), found });
    }
    if map.state != MapState::NotRunning {
        return Err(EngineError::MapRunning { map: map.id.clone(), state: map.state, verb });
    }
    Ok(())
}

fn own(actor: &str) -> TransitionRequest {
    TransitionRequest {
        transition: Transition::Pause, // not looked at: the step is made already
        actor: actor.to_owned(),
        reason: String::new(),
        tag: None,
    }
}

fn as_count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
