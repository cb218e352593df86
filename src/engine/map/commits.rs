//! Commits that nobody waits for: what became of records gathers into the next one. A crash may lose it; then the records are
//! written again, which changes nothing.

use super::Reply;
use super::jobs::ErrorName;
use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::model::change::{Answer, Ending};
use crate::model::ids::QueueSequence;
use crate::model::throughput::Flow;
use crate::model::written::Written;
use crate::store::{Commit, Durability, Operation, Pending, Receipt, RetryResult, StoreError, in_commits};
use futures::StreamExt;
use std::sync::Arc;

/// Lazy commits that may be under way; more gather in the next one.
const LAZY_COMMITS_MAX: usize = 4;

/// What is known only here until a commit is done.
#[derive(Default)]
pub(super) struct Ends {
    /// Ids whose answers it remembers.
    pub change_ids: Vec<Arc<str>>,
    /// Records that leave the queue with it.
    pub left: Vec<QueueSequence>,
    /// Errors that were tried again or deleted.
    pub settled: Vec<ErrorName>,
    /// What it notes as written.
    pub written: Vec<Written>,
    /// A job has come further.
    pub jobs: bool,
    /// What it drops goes in steps, which only the store that has it tells of.
    pub leaves_steps: bool,
    /// Callers who are answered when it is synced.
    pub replies: Vec<(Reply<Answer>, Answer)>,
}

impl MapTask {
    /// Adds to what the next commit does.
    pub fn later(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    /// Takes what waits for the next commit, in the order in which it happened.
    fn take_operations(&mut self) -> Vec<Operation> {
        if !self.applied.is_empty() {
            let sequences = std::mem::take(&mut self.applied);
            self.operations.push(Operation::Leave { sequences, ending: Ending::Applied });
        }
        let mut operations = std::mem::take(&mut self.operations);
        self.keep_notes(&mut operations);
        self.note_errors(&mut operations);
        self.keep_job(&mut operations);
        operations
    }

    /// Hands over what nobody waits for. A crash may lose it: the records are then written again, which changes nothing
    /// (rule 4), and accepted and applied move together (rule 11).
    pub async fn submit_lazy(&mut self) -> Result<(), EngineError> {
        let mut commits = in_commits(self.take_operations());
        let Some(last) = commits.pop() else { return Ok(()) };
        for operations in commits {
            self.hand_over(operations, Ends::default()).await?;
        }
        let ends = std::mem::take(&mut self.ends_next);
        self.hand_over(last, ends).await
    }

    async fn hand_over(&mut self, operations: Vec<Operation>, ends: Ends) -> Result<(), EngineError> {
        self.shown.count(flow_of(&operations));
        let commit = Commit { map: self.map.id.clone(), expected: None, operations };
        let durability = if ends.replies.is_empty() { Durability::Lazy } else { Durability::Synced };
        let pending: Pending = self.context.store.submit(commit, durability).await?;
        self.lazy.push(Box::pin(async move { (pending.await, ends) }));
        Ok(())
    }

    /// Whether the store keeps up with what nobody waits for.
    pub fn has_room_for_lazy(&self) -> bool {
        self.lazy.len() < LAZY_COMMITS_MAX
    }

    /// Waits until all that was handed over is done.
    pub async fn finish_lazy(&mut self) -> Result<(), EngineError> {
        self.submit_lazy().await?;
        while let Some((result, ends)) = self.lazy.next().await {
            self.lazily_done(result, ends)?;
        }
        Ok(())
    }

    pub fn lazily_done(&mut self, result: Result<Receipt, StoreError>, ends: Ends) -> Result<(), EngineError> {
        result?;
        self.diverting |= ends.leaves_steps;
        self.ended(ends);
        self.shown.queue_further();
        if self.diverting {
            self.diverting = self.context.store.head(&self.map.id)?.diverting;
        }
        Ok(())
    }

    /// The store knows it now.
    pub fn ended(&mut self, ends: Ends) {
        for id in &ends.change_ids {
            self.unanswered.remove(id);
        }
        for sequence in &ends.left {
            self.leaving.remove(sequence);
            if *sequence > self.drain.read_to {
                self.drain.next_page.forget(); // it may have it still
            }
        }
        self.notes.done(&ends.written);
        self.jobs.kept(&ends.settled);
        if ends.jobs {
            self.shown.jobs_further();
        }
        for (reply, answer) in ends.replies {
            let _ = reply.send(Ok(answer));
        }
    }

    pub fn continue_divert(&mut self) -> Result<(), EngineError> {
        /// Diverted records moved in one step: few enough not to be felt by writes.
        const DIVERT_STEP: u32 = 500;
        self.diverting = self.context.store.head(&self.map.id)?.diverting;
        if self.diverting {
            self.later(Operation::ContinueDivert { records_max: DIVERT_STEP });
        }
        Ok(())
    }
}

/// What moves with these operations; a decision about many at once (`Divert`) says nothing about how fast it goes.
pub(super) fn flow_of(operations: &[Operation]) -> Flow {
    let mut flow = Flow::default();
    for operation in operations {
        match operation {
            Operation::Enqueue(records) => {
                flow.add(Flow { accepted: records.len() as u64, queued: records.len() as u64, ..Flow::default() });
            }
            Operation::Leave { sequences, ending } => {
                let left = sequences.len() as u64;
                let applied = if *ending == Ending::Applied { left } else { 0 };
                flow.add(Flow { left, applied, ..Flow::default() });
            }
            Operation::Fail { .. } => flow.left += 1,
            Operation::Count { figures, .. } => {
                flow.add(Flow { accepted: figures.accepted, applied: figures.applied, ..Flow::default() });
            }
            Operation::Retried(retried) => flow.applied += u64::from(retried.result == RetryResult::Applied),
            _ => {} // moves no change
        }
    }
    flow
}
