//! The worker in front of one destination table: gathers, writes, sorts outcomes, waits while the destination is down.

use super::batch::{Batch, Waiting, next_batch, put_back, sort_out};
use super::{Down, INBOX_ITEMS_MAX, Item, Outcome};
use crate::connectors::Application;
use crate::engine::clock::Clock;
use crate::model::backoff::Backoff;
use crate::model::failure::{ErrorType, Failure, Reach};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Tries of a batch that met a passing failure (a deadlock, a lock's time-out) before the destination counts as busy.
const TRIES_MAX: u32 = 6;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_millis(500);
const PROBE_FIRST: Duration = Duration::from_millis(250);
const PROBE_LONGEST: Duration = Duration::from_secs(15);
/// How long a probe may take that a connector does not end by itself.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The inboxes as the worker reads them: taken from whenever it looks, into queues of its own that are as bounded.
struct Inbox {
    receiver: mpsc::Receiver<Item>,
    waiting: VecDeque<Waiting>,
    closed: bool,
}

impl Inbox {
    fn new(receiver: mpsc::Receiver<Item>) -> Self {
        Self { receiver, waiting: VecDeque::new(), closed: false }
    }

    fn take_all(&mut self) {
        while self.waiting.len() < INBOX_ITEMS_MAX {
            match self.receiver.try_recv() {
                Ok(item) => self.put(item),
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn put(&mut self, item: Item) {
        self.waiting.push_back(item.into());
    }

    /// Waits for one more item; for ever when it is full or closed.
    async fn arrival(&mut self) {
        if self.closed || self.waiting.len() >= INBOX_ITEMS_MAX {
            return std::future::pending().await;
        }
        match self.receiver.recv().await {
            Some(item) => self.put(item),
            None => self.closed = true,
        }
    }
}

pub(super) struct Worker {
    application: Arc<dyn Application>,
    table: String,
    clock: Arc<dyn Clock>,
    token: CancellationToken,
    status: watch::Sender<Option<Down>>,
    probes: Arc<Semaphore>,
    /// Wakes it to look at the passes of what waits.
    sweep: Arc<Notify>,
    backoff: Backoff,
}

impl Worker {
    pub(super) fn new(
        application: Arc<dyn Application>,
        table: String,
        clock: Arc<dyn Clock>,
        token: CancellationToken,
        status: watch::Sender<Option<Down>>,
        probes: Arc<Semaphore>,
        sweep: Arc<Notify>,
    ) -> Self {
        let backoff = Backoff::new(PROBE_FIRST, PROBE_LONGEST);
        Self { application, table, clock, token, status, probes, sweep, backoff }
    }

    /// Runs until the service shuts down or nobody is left who could send.
    pub(super) async fn run(mut self, changes: mpsc::Receiver<Item>, copies: mpsc::Receiver<Item>) {
        let mut changes = Inbox::new(changes);
        let mut copies = Inbox::new(copies);
        let mut probe_at: Option<Instant> = None;
        loop {
            changes.take_all();
            copies.take_all();
            for inbox in [&mut changes, &mut copies] {
                give_back_withdrawn(&mut inbox.waiting);
            }
            let down = self.status.borrow().as_ref().map(|down| down.failure.clone());
            if let Some(failure) = down {
                answer_waiting_callers(&mut changes.waiting, &failure);
            } else if !(changes.waiting.is_empty() && copies.waiting.is_empty()) {
                let inbox = if changes.waiting.is_empty() { &mut copies } else { &mut changes };
                if let Err(failure) = self.write_next(&mut inbox.waiting).await {
                    probe_at = Some(self.goes_down(failure));
                }
                if self.token.is_cancelled() {
                    return;
                }
                continue;
            } else if changes.closed && copies.closed {
                return;
            }
            tokio::select! {
                () = changes.arrival() => {}
                () = copies.arrival() => {}
                () = self.sweep.notified() => {}
                () = sleep_until(probe_at) => probe_at = self.probe().await,
                () = self.token.cancelled() => return,
            }
        }
    }

    /// Writes the next batch. `Err` is a failure of the destination; what can wait is back in its place by then.
    async fn write_next(&mut self, waiting: &mut VecDeque<Waiting>) -> Result<(), Failure> {
        let mut batch = next_batch(waiting);
        let mut retry = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
        loop {
            for owner in &mut batch.owners {
                owner.attempts += 1;
            }
            let table = batch.owners[0].table.clone(); // a batch is never empty
            let stop = match self.application.write(&table, &batch.writes).await {
                Ok(outcomes) => {
                    let (again, stop) = sort_out(batch, outcomes);
                    batch = again;
                    if batch.writes.is_empty() {
                        self.backoff.reset();
                        return Ok(());
                    }
                    stop
                }
                Err(failure) if failure.kind.reach() == Reach::Again => None,
                Err(failure) => Some(failure),
            };
            if let Some(failure) = stop {
                put_back(waiting, batch.into_waiting());
                return Err(failure);
            }
            if batch.owners.iter().any(|owner| owner.attempts >= TRIES_MAX) {
                return self.write_one_by_one(batch, waiting).await;
            }
            tokio::select! {
                () = tokio::time::sleep(retry.next(rand::random())) => {}
                () = self.token.cancelled() => return Ok(()), // what was queued is on disk, callers hear of the shutdown
            }
        }
    }

    /// Passing failures did not pass. Each record is tried alone once more: what fails by our own fault becomes an error
    /// and says so; a destination that is too busy even for one record counts as throttled.
    async fn write_one_by_one(&self, batch: Batch, waiting: &mut VecDeque<Waiting>) -> Result<(), Failure> {
        let mut left = batch.into_waiting();
        while let Some(mut entry) = left.next() {
            entry.owner.attempts += 1;
            let table = entry.owner.table.clone();
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
                    entry.owner.refused(failure);
                }
                Err(mut failure) => {
                    if failure.kind == ErrorType::Transient {
                        failure.kind = ErrorType::Throttled;
                    }
                    put_back(waiting, std::iter::once(entry).chain(left));
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// Rule 8: an outage makes no errors. Nothing is written until a probe succeeds.
    fn goes_down(&mut self, failure: Failure) -> Instant {
        let wait = self.backoff.next(rand::random());
        let now = self.clock.now();
        tracing::warn!(application = %self.application.id(), table = self.table, %failure, "the destination is down");
        self.status.send_modify(|status| {
            let since = status.as_ref().map_or(now, |down| down.since);
            *status = Some(Down { failure, since, next_probe: now + wait });
        });
        Instant::now() + wait
    }

    /// Asks whether the destination is there again; answers when to ask next, or never when it is.
    async fn probe(&mut self) -> Option<Instant> {
        let permit = tokio::select! {
            permit = self.probes.acquire() => permit.ok(),
            () = self.token.cancelled() => return None,
        };
        let check = tokio::time::timeout(PROBE_TIMEOUT, self.application.check(Some(&self.table)));
        let result = check.await.unwrap_or_else(|_| {
            Err(Failure::new(ErrorType::Network, "", format!("no answer to a probe in {PROBE_TIMEOUT:?}")))
        });
        drop(permit);
        match result {
            Ok(()) => {
                tracing::info!(application = %self.application.id(), table = self.table, "the destination is back");
                self.status.send_replace(None);
                None
            }
            Err(failure) => Some(self.goes_down(failure)),
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn give_back_withdrawn(waiting: &mut VecDeque<Waiting>) {
    if waiting.iter().all(|entry| entry.owner.pass.is_open()) {
        return;
    }
    for entry in std::mem::take(waiting) {
        if entry.owner.pass.is_open() { waiting.push_back(entry) } else { entry.owner.answer(Outcome::Withdrawn) }
    }
}

/// While the destination is down a caller that waits is answered at once.
fn answer_waiting_callers(waiting: &mut VecDeque<Waiting>, failure: &Failure) {
    for entry in std::mem::take(waiting) {
        if entry.owner.caller_waits {
            entry.owner.answer(Outcome::Down(failure.clone()));
        } else {
            waiting.push_back(entry);
        }
    }
}

/// What a connector that breaks its contract makes of a record.
fn unanswered() -> Failure {
    Failure::new(ErrorType::Internal, "", "the connector did not say what became of the record")
}
