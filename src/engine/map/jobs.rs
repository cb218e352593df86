//! Jobs of a map: begun, worked on one after another, cancelled, and ended. What they do to errors is `retries`'.

use super::NewJob;
use super::retries::Retry;
use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::model::activity::{EventKind, Severity};
use crate::model::execution::{Execution, ExecutionState};
use crate::model::ids::{ExecutionNumber, JobNumber};
use crate::model::job::{Deletes, JobKind, JobState, QueueJob, RECENT_JOBS, Selection, job_of_request};
use crate::model::state::MapState;
use crate::store::{Commit, Operation};
use std::collections::{BTreeSet, HashSet, VecDeque};

/// Jobs of a map that may wait for one another.
const WAITING_MAX: usize = 64;

/// The job that is worked on.
pub(super) struct Worked {
    pub job: QueueJob,
    /// Errors up to this one are in the lanes or were.
    pub taken_to: u64,
    pub under_way: BTreeSet<u64>,
    pub read_all: bool,
    /// The next commit keeps how far it is.
    pub changed: bool,
}

/// Jobs that run: of retries one is worked on, others wait for it; and so for deletions, which wait for no destination.
#[derive(Default)]
pub(super) struct Jobs {
    pub worked: Option<Worked>,
    waiting: VecDeque<QueueJob>,
    pub deletions: VecDeque<QueueJob>,
    /// The execution whose rows were tried again last, with what became of them. Nothing else changes one that has ended.
    pub execution: Option<Execution>,
    /// The next commit keeps it.
    pub execution_changed: bool,
    /// Errors that have been tried again or deleted, and the store does not know yet.
    pub settling: HashSet<ErrorName>,
}

/// Of a row its execution, and the number of the row; of a catch-up error its sequence.
pub(super) type ErrorName = (Option<ExecutionNumber>, u64);

impl Jobs {
    /// What was taken and is not under way any more is taken again.
    pub fn rewind(&mut self) {
        if let Some(worked) = &mut self.worked {
            worked.taken_to = worked.job.position;
            worked.read_all = false;
        }
    }

    /// Whether an error is being tried again now.
    pub fn is_under_way(&self, (execution, number): &ErrorName) -> bool {
        self.worked
            .as_ref()
            .is_some_and(|worked| worked.job.kind.execution() == *execution && worked.under_way.contains(number))
    }

    pub fn is_no_more_under_way(&mut self, retry: &Retry) {
        if let Some(worked) = self.worked.as_mut().filter(|worked| worked.job.number == retry.job) {
            worked.under_way.remove(&retry.number);
        }
    }

    /// Where a job waits for its turn.
    fn queue_of(&mut self, job: &QueueJob) -> &mut VecDeque<QueueJob> {
        if job.retries() { &mut self.waiting } else { &mut self.deletions }
    }

    /// The store knows what became of these.
    pub fn kept(&mut self, names: &[ErrorName]) {
        for name in names {
            self.settling.remove(name);
        }
    }
}

impl MapTask {
    /// Takes up the jobs that run as the store has them, oldest first.
    pub fn load_jobs(&mut self) -> Result<(), EngineError> {
        (self.jobs.worked, self.jobs.waiting, self.jobs.deletions) = Default::default();
        let mut before = None;
        loop {
            let jobs = self.context.store.jobs(&self.map.id, before, RECENT_JOBS)?;
            let Some(last) = jobs.last().map(|job| job.number) else { break };
            before = Some(last);
            let running = jobs.into_iter().filter(|job| job.state == JobState::Running);
            for job in running {
                self.jobs.queue_of(&job).push_front(job);
            }
        }
        self.next_job()
    }

    fn next_job(&mut self) -> Result<(), EngineError> {
        if self.jobs.worked.is_some() {
            return Ok(());
        }
        let Some(job) = self.jobs.waiting.pop_front() else { return Ok(()) };
        if let Some(number) = job.kind.execution()
            && self.jobs.execution.as_ref().is_none_or(|known| known.number != number)
        {
            self.jobs.execution = self.context.store.execution(&self.map.id, number)?;
        }
        self.jobs.worked =
            Some(Worked { taken_to: job.position, job, under_way: BTreeSet::new(), read_all: false, changed: false });
        Ok(())
    }

    /// Keeps a new job; its work begins after the answer.
    pub async fn begin_job(&mut self, new: NewJob) -> Result<QueueJob, EngineError> {
        let recent = self.context.store.jobs(&self.map.id, None, RECENT_JOBS)?;
        if let Some(known) = job_of_request(&recent, new.tag.as_ref())? {
            return Ok(known.clone());
        }
        let retries = !matches!(new.kind, JobKind::DeleteQueuedRecords(_));
        if retries && self.map.state == MapState::NotRunning {
            return Err(EngineError::MapNotRunning { map: self.map.id.clone() });
        }
        if self.jobs.waiting.len() + self.jobs.deletions.len() >= WAITING_MAX {
            return Err(EngineError::TooManyJobs { map: self.map.id.clone(), max: WAITING_MAX });
        }
        // What is on its way to the store belongs to what there is.
        self.finish_lazy().await?;
        let store = &self.context.store;
        let head = store.head(&self.map.id)?;
        let (all, last, through) = match new.kind {
            JobKind::RetryCatchUpErrors => (head.figures.in_error(), store.last_error(&self.map.id)?.0, head.failures),
            JobKind::RetryExecutionErrors(number) => {
                let latest = self.latest_execution()?.filter(|latest| latest.number == number);
                let ended = latest.filter(|latest| latest.state != ExecutionState::Running);
                let Some(execution) = ended else {
                    let (map, state) = (self.map.id.clone(), self.map.state);
                    return Err(EngineError::ExecutionNotEnded { map, number: number.0, state });
                };
                let last = store.last_execution_error(&self.map.id, number)?;
                let groups = store.error_groups(&self.map.id)?;
                let rows = groups.iter().filter(|group| group.execution == Some(execution.number));
                (rows.map(|group| group.count).sum(), last, last)
            }
            JobKind::DeleteQueuedRecords(deletes) => {
                let (queued, last_queued) =
                    if deletes.queued() { (self.queued, self.last_queued) } else { Default::default() };
                let (errors, last_error) = match deletes.errors() {
                    true => (head.figures.in_error(), store.last_error(&self.map.id)?),
                    false => Default::default(),
                };
                (queued + errors, last_queued.max(last_error).0, head.failures)
            }
        };
        let (total, last_sequence, through) = match &new.selection {
            Selection::All => (all, last, through),
            Selection::Sequences(_) | Selection::Filter(_) => {
                (new.total, new.last_sequence, new.through.unwrap_or(through))
            }
        };
        if total > 1 && new.confirm.is_some_and(|confirm| confirm != total) {
            let (map, given) = (self.map.id.clone(), new.confirm.unwrap_or_default());
            return Err(EngineError::ConfirmCountMismatch { map, given, found: total });
        }
        let job = QueueJob {
            number: recent.first().map_or(JobNumber(1), |job| job.number.next()),
            kind: new.kind,
            state: JobState::Running,
            actor: new.actor,
            create_time: self.context.clock.now(),
            end_time: None,
            selection: new.selection,
            correction: new.correction,
            through,
            last_sequence,
            total,
            done: 0,
            failed: 0,
            superseded: 0,
            skipped: 0,
            reasons: Vec::new(),
            position: 0,
            request: new.tag.map(|tag| tag.to_string()).unwrap_or_default(),
        };
        let summary = format!("{}: job {} takes {total} of them", what(job.kind), job.number);
        let mut event = self.event(told_as(job.kind), Severity::Info, summary);
        event.actor.clone_from(&job.actor);
        event.counts.insert("total".to_owned(), i64::try_from(total).unwrap_or(i64::MAX));
        self.keep_with(vec![Operation::PutJob(Box::new(job.clone())), Operation::Log(event)]).await?;
        self.jobs.queue_of(&job).push_back(job.clone());
        self.next_job()?;
        Ok(job)
    }

    /// Commits, and waits until it is on disk.
    pub async fn keep_with(&mut self, operations: Vec<Operation>) -> Result<(), EngineError> {
        self.submit_lazy().await?;
        let commit = Commit { map: self.map.id.clone(), expected: None, operations };
        self.context.store.commit(commit).await?;
        self.shown.jobs_further();
        self.shown.queue_further();
        Ok(())
    }

    /// Ends a job where it is; one that has ended stays as it is.
    pub async fn cancel_job(&mut self, number: JobNumber, actor: String) -> Result<QueueJob, EngineError> {
        self.finish_lazy().await?;
        let job = self.context.store.job(&self.map.id, number)?;
        let not_found = || EngineError::JobNotFound { map: self.map.id.clone(), number: number.0 };
        let job = job.ok_or_else(not_found)?;
        if job.state != JobState::Running {
            return Ok(job);
        }
        let summary = format!("{}: job {number} was cancelled", what(job.kind));
        let mut event = self.event(told_as(job.kind), Severity::Warning, summary);
        event.actor = actor;
        let mut operations = self.end_jobs(|job| job.number == number);
        operations.push(Operation::Log(event));
        if let Err(error) = self.keep_with(operations).await {
            self.load_jobs()?; // it runs on
            return Err(error);
        }
        self.next_job()?;
        let job = self.context.store.job(&self.map.id, number)?;
        job.ok_or_else(|| EngineError::JobNotFound { map: self.map.id.clone(), number: number.0 })
    }

    /// Cancels the jobs that run and are meant; what is at its destination ends by itself, the rest stays as it is.
    pub fn end_jobs(&mut self, meant: impl Fn(&QueueJob) -> bool) -> Vec<Operation> {
        let now = self.context.clock.now();
        let mut operations = Vec::new();
        let mut end = |mut job: QueueJob| {
            job.end(JobState::Cancelled, now);
            operations.push(Operation::PutJob(Box::new(job)));
        };
        if let Some(worked) = self.jobs.worked.take_if(|worked| meant(&worked.job)) {
            self.drop_retries(worked.job.number);
            end(worked.job);
        }
        for jobs in [&mut self.jobs.waiting, &mut self.jobs.deletions] {
            let (ended, others): (VecDeque<_>, _) = std::mem::take(jobs).into_iter().partition(|job| meant(job));
            *jobs = others;
            ended.into_iter().for_each(&mut end);
        }
        operations
    }

    /// All that it took has been dealt with.
    pub fn complete_job(&mut self) -> Result<(), EngineError> {
        let now = self.context.clock.now();
        let Some(Worked { mut job, .. }) = self.jobs.worked.take() else { return Ok(()) };
        job.complete(now);
        let QueueJob { done, failed, superseded, skipped, .. } = job;
        let severity = if failed > 0 { Severity::Warning } else { Severity::Info };
        let summary = format!(
            "{}: job {} has ended: {done} done, {failed} failed, {superseded} superseded, {skipped} skipped",
            what(job.kind),
            job.number
        );
        let mut event = self.event(EventKind::Retried, severity, summary);
        let counts = [("done", done), ("failed", failed), ("superseded", superseded), ("skipped", skipped)];
        event.counts = counts.map(|(name, count)| (name.to_owned(), i64::try_from(count).unwrap_or(i64::MAX))).into();
        self.later(Operation::PutJob(Box::new(job)));
        self.later(Operation::Log(event));
        self.ends_next.jobs = true;
        self.drop_needless_notes()?;
        self.next_job()
    }

    /// How far the job is goes into the commit that says what became of its errors.
    pub fn keep_job(&mut self, operations: &mut Vec<Operation>) {
        if std::mem::take(&mut self.jobs.execution_changed)
            && let Some(execution) = &self.jobs.execution
        {
            operations.push(Operation::PutExecution(Box::new(execution.clone())));
        }
        let Some(worked) = self.jobs.worked.as_mut().filter(|worked| worked.changed) else { return };
        worked.changed = false;
        worked.job.position = worked.under_way.first().map_or(worked.taken_to, |first| first - 1);
        operations.push(Operation::PutJob(Box::new(worked.job.clone())));
        self.ends_next.jobs = true;
    }
}

fn what(kind: JobKind) -> String {
    match kind {
        JobKind::RetryCatchUpErrors => "retry of catch-up errors".to_owned(),
        JobKind::RetryExecutionErrors(number) => format!("retry of failed rows of execution {number}"),
        JobKind::DeleteQueuedRecords(Deletes::Queued) => "deletion of queued records".to_owned(),
        JobKind::DeleteQueuedRecords(Deletes::Errors) => "deletion of catch-up errors".to_owned(),
        JobKind::DeleteQueuedRecords(Deletes::Both) => "deletion of queued records and catch-up errors".to_owned(),
    }
}

/// The kind of event that tells of a job.
fn told_as(kind: JobKind) -> EventKind {
    match kind {
        JobKind::RetryCatchUpErrors | JobKind::RetryExecutionErrors(_) => EventKind::Retried,
        JobKind::DeleteQueuedRecords(_) => EventKind::DeletedFromQueue,
    }
}
