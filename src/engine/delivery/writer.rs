//! Writes one batch: tries it again while failures pass, and takes it apart when they do not.

use super::Outcome;
use super::batch::{Batch, Owner, Waiting};
use crate::connectors::{Application, WriteOutcome};
use crate::model::backoff::Backoff;
use crate::model::failure::{ErrorType, Failure, Reach};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Tries of a batch that met a passing failure (a deadlock, a lock's time-out) before the destination counts as busy.
const TRIES_MAX: u32 = 6;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_millis(500);

/// What writes to one table.
#[derive(Clone)]
pub(super) struct Writer {
    pub application: Arc<dyn Application>,
    pub table: String,
    pub token: CancellationToken,
}

/// What is left of a batch; what was written has its answer.
#[derive(Default)]
pub(super) struct Written {
    /// Records that the destination has seen and refused, each with why.
    pub refused: Vec<(Waiting, Failure)>,
    /// Records that wait until the destination is there again, and what is wrong with it.
    pub left: Vec<Waiting>,
    pub stop: Option<Failure>,
}

impl Writer {
    pub async fn write(&self, mut batch: Batch) -> Written {
        let mut written = Written::default();
        let mut retry = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
        loop {
            for owner in &mut batch.owners {
                owner.attempts += 1;
            }
            let table = batch.owners[0].table().clone(); // a batch is never empty
            let stop = match self.application.write(&table, &batch.writes).await {
                Ok(outcomes) => {
                    let stop;
                    (batch, stop) = written.sort_out(batch, outcomes);
                    if batch.writes.is_empty() {
                        return written;
                    }
                    stop
                }
                Err(failure) if failure.kind.reach() == Reach::Again => None,
                Err(failure) => Some(failure),
            };
            if let Some(failure) = stop {
                written.stopped(batch.into_waiting(), failure);
                return written;
            }
            if batch.owners.iter().any(|owner| owner.attempts >= TRIES_MAX) {
                self.write_one_by_one(batch, &mut written).await;
                return written;
            }
            tokio::select! {
                () = tokio::time::sleep(retry.next(rand::random())) => {}
                () = self.token.cancelled() => return written, // what was queued is on disk, callers hear of the shutdown
            }
        }
    }

    /// Passing failures did not pass. Each record is tried alone once more: what fails by our own fault becomes an error
    /// and says so; a destination that is too busy even for one record counts as throttled.
    async fn write_one_by_one(&self, batch: Batch, written: &mut Written) {
        let mut left = batch.into_waiting();
        while let Some(mut entry) = left.next() {
            entry.owner.attempts += 1;
            let table = entry.owner.table().clone();
            let result = match self.application.write(&table, std::slice::from_ref(&entry.write)).await {
                Ok(outcomes) => outcomes.into_iter().next().unwrap_or_else(|| Err(unanswered())),
                Err(failure) => Err(failure),
            };
            match result {
                Ok(()) => entry.owner.answer(Outcome::Written),
                Err(failure) if failure.kind == ErrorType::Internal || failure.kind.reach() == Reach::Record => {
                    if failure.kind == ErrorType::Internal {
                        tracing::error!(table = self.table, %failure, "a record could not be written by our own fault");
                    }
                    written.refused.push((entry, failure));
                }
                Err(mut failure) => {
                    if failure.kind == ErrorType::Transient {
                        failure.kind = ErrorType::Throttled;
                    }
                    written.stopped(std::iter::once(entry).chain(left), failure);
                    return;
                }
            }
        }
    }
}

impl Written {
    /// Answers what was written; gives back what must be tried again, and the failure of the destination if one was among
    /// the outcomes.
    fn sort_out(&mut self, batch: Batch, outcomes: Vec<WriteOutcome>) -> (Batch, Option<Failure>) {
        let mut again = Batch::default();
        let mut stop = None;
        let mut there = Vec::with_capacity(outcomes.len());
        let mut outcomes = outcomes.into_iter();
        for entry in batch.into_waiting() {
            match outcomes.next() {
                Some(Ok(())) => there.push(entry.owner),
                Some(Err(failure)) => match failure.kind.reach() {
                    // Rule 5: one bad record never blocks the rest.
                    Reach::Record => self.refused.push((entry, failure)),
                    Reach::Destination => {
                        again.push(entry);
                        stop = Some(failure);
                    }
                    Reach::Again => again.push(entry),
                },
                // A connector that says nothing about a record has not written it.
                None => again.push(entry),
            }
        }
        Owner::written(there);
        (again, stop)
    }

    /// The destination as a whole failed. An attempt that it did not see does not count.
    fn stopped(&mut self, entries: impl Iterator<Item = Waiting>, failure: Failure) {
        for mut entry in entries {
            entry.owner.attempts -= 1;
            entry.owner.met_outage(failure.kind);
            self.left.push(entry);
        }
        self.stop = Some(failure);
    }
}

/// What a connector that breaks its contract makes of a record.
fn unanswered() -> Failure {
    Failure::new(ErrorType::Internal, "", "the connector did not say what became of the record")
}
