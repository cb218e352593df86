//! What is being done to records now, as far as it shows.

use super::filter::Candidate;
use super::ids::{ExecutionNumber, QueueSequence};
use super::job::{JobKind, QueueJob};
use super::retry::RetryStatus;
use std::collections::BTreeSet;
use std::ops::Bound;

/// What is on its way to its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    Queued(QueueSequence),
    /// A catch-up error that is tried again.
    Error(QueueSequence),
    /// A row that an execution could not write, by its number.
    Row(ExecutionNumber, u64),
}

impl Sent {
    fn retried(kind: JobKind, number: u64) -> Sent {
        match kind.execution() {
            Some(execution) => Sent::Row(execution, number),
            None => Sent::Error(QueueSequence(number)),
        }
    }
}

/// Jobs of a map that run, and what is on its way.
#[derive(Debug, Clone, Default)]
pub struct UnderWay {
    pub jobs: Vec<QueueJob>,
    pub sent: BTreeSet<Sent>,
}

impl UnderWay {
    /// Whether a queued record is on its way.
    pub fn has(&self, sequence: QueueSequence) -> bool {
        self.sent.contains(&Sent::Queued(sequence))
    }

    /// How many queued records are.
    pub fn queued(&self) -> u64 {
        self.queued_after(QueueSequence(0)).count() as u64
    }

    /// Those with a greater sequence, in order.
    pub fn queued_after(&self, after: QueueSequence) -> impl Iterator<Item = QueueSequence> {
        let behind = self.sent.range((Bound::Excluded(Sent::Queued(after)), Bound::Unbounded));
        behind.map_while(|sent| match sent {
            Sent::Queued(sequence) => Some(*sequence),
            Sent::Error(_) | Sent::Row(..) => None, // they come behind all that is queued
        })
    }

    /// An error as a filter looks at it, with what jobs do to it now.
    pub fn as_it_stands<'a>(&self, kind: JobKind, number: u64, candidate: Candidate<'a>) -> Candidate<'a> {
        Candidate { retry_status: self.retry_status(kind, number, &candidate), ..candidate }
    }

    /// How retries of an error stand: what has ended, unless a job that runs is still to take it.
    pub fn retry_status(&self, kind: JobKind, number: u64, candidate: &Candidate<'_>) -> RetryStatus {
        if self.sent.contains(&Sent::retried(kind, number)) {
            return RetryStatus::InProgress;
        }
        let to_come = |job: &QueueJob| {
            job.kind == kind
                && (job.position + 1..=job.last_sequence).contains(&number)
                && candidate.job != Some(job.number)
                && job.selection.picks(number, candidate)
        };
        if self.jobs.iter().any(to_come) { RetryStatus::Pending } else { candidate.retry_status }
    }
}
