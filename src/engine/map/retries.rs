//! Retries of errors. What a job takes goes through the lanes of its keys as changes do, in the order of acceptance; what newer
//! changes have written is left out of it (rule 3). A job and what became of its errors move in the same commits, so that it
//! goes on after a crash where it was.

use super::entry::{Entry, Source};
use super::jobs::Worked;
use super::task::MapTask;
use crate::engine::delivery::Outcome;
use crate::engine::error::EngineError;
use crate::model::change::{Cause, Change, Operation as ChangeOperation};
use crate::model::execution::{Execution, ExecutionError, ExecutionState};
use crate::model::failure::{ErrorType, Failure};
use crate::model::filter::Candidate;
use crate::model::ids::{ExecutionNumber, JobNumber, MapId, QueueSequence};
use crate::model::job::{JobKind, JobOutcome, QueueJob, Selection, reason_of};
use crate::model::lanes::Ticket;
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::model::table_map::Side;
use crate::model::written::overtaken;
use crate::store::{Operation, Retried, RetryResult, Store};
use std::collections::BTreeSet;

/// Errors that are in the lanes at one time, so that changes are not held up behind many.
const UNDER_WAY_MAX: usize = 512;
/// Errors that are read at one time.
const READ_AT_ONCE: usize = 256;

/// Of an example's message and key; a job keeps a hundred of them.
const EXAMPLE_CHARS_MAX: usize = 1_000;

/// An error on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    pub job: JobNumber,
    /// Of a catch-up error its sequence, of a row its number.
    pub number: u64,
    /// Set for a row: the execution that could not write it.
    pub execution: Option<ExecutionNumber>,
    /// Changes with a greater sequence are newer than it.
    pub sequence: QueueSequence,
}

impl Retry {
    /// Errors before this sequence are older than it. A row was read when its execution had begun, after the last change that was
    /// queued then.
    fn before(&self) -> QueueSequence {
        if self.execution.is_some() { self.sequence.next() } else { self.sequence }
    }
}

/// An error that a job may take.
struct Found {
    number: u64,
    change: Change,
    yielded: BTreeSet<String>,
    sequence: QueueSequence,
    taken: bool,
    /// Why it cannot be tried.
    hopeless: Option<&'static str>,
}

impl MapTask {
    /// Whether errors of this kind are written now.
    pub fn may_retry(&self, kind: JobKind) -> bool {
        let live = matches!(self.map.state, MapState::Running | MapState::Resuming);
        let decides = self.map.state == MapState::Initializing && self.copier.is_none();
        self.running.is_some() && (live || (decides && matches!(kind, JobKind::RetryExecutionErrors(_))))
    }

    /// Takes the next errors of the job into the lanes; true when it has to look further at once.
    pub fn take_errors(&mut self) -> Result<bool, EngineError> {
        let Some(worked) = &self.jobs.worked else { return Ok(false) };
        // What is diverted is to be found where errors are.
        if !self.may_retry(worked.job.kind) || self.diverting {
            return Ok(false);
        }
        if worked.read_all {
            let ended = worked.under_way.is_empty();
            if ended {
                self.complete_job()?;
            }
            return Ok(ended);
        }
        // What it or the job before it has just tried may still be shown as it was.
        if worked.taken_to == worked.job.position && worked.under_way.is_empty() && !self.jobs.settling.is_empty() {
            return Ok(false);
        }
        if worked.under_way.len() >= UNDER_WAY_MAX || !self.drain.has_room() {
            return Ok(false);
        }
        let found = find(&*self.context.store, &self.map.id, worked, self.jobs.execution.as_ref())?;
        let Some(last) = found.last().map(|found| found.number) else {
            if let Some(worked) = &mut self.jobs.worked {
                worked.read_all = true;
            }
            return Ok(true);
        };
        for found in found.into_iter().filter(|found| found.taken) {
            self.take_error(found);
        }
        if let Some(worked) = &mut self.jobs.worked {
            worked.taken_to = last;
        }
        Ok(true)
    }

    fn take_error(&mut self, found: Found) {
        let Found { number, mut change, yielded, sequence, hopeless, .. } = found;
        let Some(worked) = &mut self.jobs.worked else { return };
        let execution = worked.job.kind.execution();
        // One that it has tried is counted.
        if self.jobs.settling.contains(&(execution, number)) || !worked.under_way.insert(number) {
            return;
        }
        if change.operation == ChangeOperation::Upsert {
            change.row.extend(worked.job.correction.clone());
        }
        let retry = Retry { job: worked.job.number, number, execution, sequence };
        if let Some(why) = hopeless {
            let failure = Failure::new(ErrorType::BadRequest, "", why);
            return self.end_retry(retry, &change, RetryResult::Refused(failure, 0));
        }
        self.push_entry(Entry::new(Source::Retry { retry }, change, yielded));
    }

    /// Rule 3: leaves out what newer changes have written; true when nothing is left.
    pub fn is_overtaken(&mut self, ticket: Ticket) -> Result<bool, EngineError> {
        let Some(Entry { source: Source::Retry { retry }, change, .. }) = self.drain.entry(ticket) else {
            return Ok(false);
        };
        let (retry, change) = (*retry, change.clone());
        let side = change.source.other();
        let of_key = self.written_since(side, &change.key)?;
        let of_previous = match &change.previous_key {
            Some(key) => self.written_since(side, key)?,
            None => Default::default(),
        };
        let Some(running) = &self.running else { return Ok(false) };
        let columns = overtaken(&running.plan, &change, retry.sequence, &of_key, &of_previous);
        let Some(entry) = self.drain.entries.get_mut(ticket) else { return Ok(false) };
        entry.yielded.extend(columns);
        let superseded = entry.change.is_yielded(&entry.yielded);
        if superseded {
            self.retry_ends(ticket, RetryResult::Superseded);
        }
        Ok(superseded)
    }

    /// Takes in what became of an error that was tried again.
    pub fn retry_settled(&mut self, ticket: Ticket, outcome: Outcome) {
        let Some(settled) = self.entry(ticket).map(|entry| entry.settled) else { return };
        let result = match outcome {
            Outcome::Written => RetryResult::Applied,
            // What follows puts right whatever has become of it (rule 9).
            Outcome::Refused(..) if settled => RetryResult::Superseded,
            Outcome::Refused(failure, attempts) => RetryResult::Refused(failure, attempts),
            Outcome::Withdrawn | Outcome::Down(_) => {
                let kind = self.jobs.worked.as_ref().map(|worked| worked.job.kind);
                if kind.is_some_and(|kind| self.may_retry(kind)) {
                    return self.ready_again(ticket);
                }
                self.remove_entry(ticket);
                return self.jobs.rewind();
            }
        };
        self.retry_ends(ticket, result);
    }

    /// Takes an error that was tried again out of the lanes.
    pub fn retry_ends(&mut self, ticket: Ticket, result: RetryResult) {
        let removed = self.remove_entry(ticket).map(|entry| *entry);
        let Some(Entry { source: Source::Retry { retry }, change, yielded, .. }) = removed else {
            return;
        };
        if result == RetryResult::Applied {
            self.note_written(&change, &yielded, change.source.other(), retry.before());
        }
        if let RetryResult::Refused(failure, _) = &result {
            self.log_error(&change, failure);
        }
        self.end_retry(retry, &change, result);
    }

    /// The error, its job and what counts it change together.
    fn end_retry(&mut self, retry: Retry, change: &Change, result: RetryResult) {
        let Retry { job, number, execution, .. } = retry;
        let key = self.running.as_ref().map(|running| running.plan.key_row(Side::Left, &change.key));
        let mut corrected = None;
        if let Some(worked) = self.jobs.worked.as_mut().filter(|worked| worked.job.number == job) {
            worked.under_way.remove(&number);
            worked.changed = true;
            count(&mut worked.job, &result, key.unwrap_or_default());
            let corrects = !worked.job.correction.is_empty() && change.operation == ChangeOperation::Upsert;
            corrected = corrects.then(|| change.row.clone());
        }
        self.jobs.settling.insert((execution, number));
        self.ends_next.settled.push((execution, number));
        let stays = matches!(result, RetryResult::Refused(..));
        let retried = Retried { sequence: number, job, time: self.context.clock.now(), result, corrected };
        match execution {
            None => {
                self.in_error = self.in_error.saturating_sub(u64::from(!stays));
                self.later(Operation::Retried(retried));
            }
            Some(execution) => {
                let applied = retried.result == RetryResult::Applied;
                self.later(Operation::RetriedRow { execution, retried });
                if !stays {
                    self.row_left(execution, change.source, applied);
                }
            }
        }
    }

    /// A row that an execution could not write is written, or needs to be no more.
    fn row_left(&mut self, number: ExecutionNumber, source: Side, applied: bool) {
        let now = self.context.clock.now();
        let Some(execution) = self.jobs.execution.as_mut().filter(|execution| execution.number == number) else {
            return;
        };
        self.jobs.execution_changed = true;
        if let Some(project) = execution.projects.iter_mut().find(|project| project.source == source) {
            project.failed = project.failed.saturating_sub(1);
            *(if applied { &mut project.written } else { &mut project.skipped }) += 1;
        }
        self.rows_failed = execution.failed();
        if execution.failed() == 0 && execution.state == ExecutionState::CompletedWithErrors {
            execution.state = ExecutionState::Completed;
            execution.end_time = Some(now);
            execution.reason.clear();
        }
        let execution = execution.clone();
        self.shown.execution(&execution);
        if execution.state == ExecutionState::Completed {
            self.rows_are_written(&execution);
        }
    }
}

fn count(job: &mut QueueJob, result: &RetryResult, key: Row) {
    match result {
        RetryResult::Applied => job.count(JobOutcome::Done),
        RetryResult::Superseded => {
            let message = "newer changes of the same key have written all of its columns".to_owned();
            job.count_with_reason(JobOutcome::Superseded, message, 1, None);
        }
        RetryResult::Refused(failure, _) => {
            let example = Some((failure.shortened(EXAMPLE_CHARS_MAX), key.shortened(EXAMPLE_CHARS_MAX)));
            job.count_with_reason(JobOutcome::Failed, reason_of(failure), 1, example);
        }
    }
}

/// Why a row that is kept is not enough to be written by.
fn hopeless(error: &ExecutionError) -> Option<&'static str> {
    if error.key.values().is_empty() {
        return Some("a column of the integration key is null; correct it at the source and run the execution again");
    }
    (error.unkept_bytes > 0).then_some("the row is too large to be kept here; run the execution again")
}

/// The next errors after those that were taken, and which of them the job takes.
fn find(
    store: &dyn Store,
    map: &MapId,
    worked: &Worked,
    execution: Option<&Execution>,
) -> Result<Vec<Found>, EngineError> {
    let Worked { job, taken_to, .. } = worked;
    let takes = |number: u64, candidate: &Candidate<'_>, failure: u64| {
        failure <= job.through && candidate.job != Some(job.number) && job.selection.picks(number, candidate)
    };
    let named = match &job.selection {
        Selection::Sequences(sequences) => Some(sequences.range(taken_to + 1..).take(READ_AT_ONCE).copied()),
        Selection::All | Selection::Filter(_) => None,
    };
    let mut found = Vec::new();
    match job.kind {
        JobKind::RetryCatchUpErrors => {
            let errors = match named {
                Some(named) => {
                    let read = named.map(|sequence| store.error(map, QueueSequence(sequence)));
                    read.filter_map(Result::transpose).collect::<Result<_, _>>()?
                }
                None => store.errors(map, QueueSequence(*taken_to), READ_AT_ONCE)?,
            };
            for error in errors {
                let sequence = error.record.sequence;
                let taken = takes(sequence.0, &Candidate::from(&error), error.number);
                let (change, yielded) = (error.record.change, error.record.yielded);
                found.push(Found { number: sequence.0, change, yielded, sequence, taken, hopeless: None });
            }
        }
        JobKind::DeleteQueuedRecords(_) => {}
        JobKind::RetryExecutionErrors(number) => {
            let rows = match named {
                Some(named) => {
                    let read = named.map(|row| Ok((row, store.execution_error(map, number, row)?)));
                    let read = read.collect::<Result<Vec<_>, EngineError>>()?;
                    read.into_iter().filter_map(|(row, error)| Some((row, error?))).collect()
                }
                None => store.execution_errors(map, number, *taken_to, READ_AT_ONCE)?,
            };
            let sequence = execution.map(|execution| execution.begun_after).unwrap_or_default();
            for (row, error) in rows {
                let taken = takes(row, &Candidate::from(&error), row);
                let hopeless = hopeless(&error);
                let change = Change { cause: Cause::Caller, row: error.row, ..Change::added(error.source, &error.key) };
                found.push(Found { number: row, change, yielded: BTreeSet::new(), sequence, taken, hopeless });
            }
        }
    }
    Ok(found)
}
