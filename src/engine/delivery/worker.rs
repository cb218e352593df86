//! The worker in front of one destination table: gathers, writes, sorts outcomes, waits while the destination is down.

use super::{Down, INBOX_ITEMS_MAX, Item, Outcome};
use crate::connectors::Application;
use crate::connectors::{Write, WriteOperation};
use crate::engine::clock::Clock;
use crate::model::backoff::Backoff;
use crate::model::failure::{ErrorType, Failure, Reach};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Records and bytes of one batch: large enough that a round trip does not count, small enough for one statement.
const BATCH_RECORDS_MAX: usize = 1_000;
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Tries of a batch that met a passing failure (a deadlock, a lock's time-out) before the destination counts as busy.
const TRIES_MAX: u32 = 6;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_millis(500);
const PROBE_FIRST: Duration = Duration::from_millis(250);
const PROBE_LONGEST: Duration = Duration::from_secs(15);
/// How long a probe may take that a connector does not end by itself.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// An item and how often the destination was tried with it.
struct Waiting {
    item: Box<Item>,
    attempts: u32,
}

/// The inboxes as the worker reads them: taken from whenever it looks, into queues of its own that are as bounded.
struct Inbox {
    receiver: mpsc::Receiver<Box<Item>>,
    waiting: VecDeque<Waiting>,
    closed: bool,
}

impl Inbox {
    fn new(receiver: mpsc::Receiver<Box<Item>>) -> Self {
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

    fn put(&mut self, item: Box<Item>) {
        self.waiting.push_back(Waiting { item, attempts: 0 });
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
    pub(super) async fn run(mut self, changes: mpsc::Receiver<Box<Item>>, copies: mpsc::Receiver<Box<Item>>) {
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
            for entry in &mut batch {
                entry.attempts += 1;
            }
            let writes: Vec<Write> = batch.iter().map(|entry| entry.item.write.clone()).collect();
            let table = batch[0].item.table.clone(); // a batch is never empty
            let stop = match self.application.write(&table, &writes).await {
                Ok(outcomes) => {
                    let (again, stop) = sort_out(batch, outcomes);
                    batch = again;
                    if batch.is_empty() {
                        self.backoff.reset();
                        return Ok(());
                    }
                    stop
                }
                Err(failure) if failure.kind.reach() == Reach::Again => None,
                Err(failure) => Some(failure),
            };
            if let Some(failure) = stop {
                put_back(waiting, batch);
                return Err(failure);
            }
            if batch.iter().any(|entry| entry.attempts >= TRIES_MAX) {
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
    async fn write_one_by_one(&self, batch: Vec<Waiting>, waiting: &mut VecDeque<Waiting>) -> Result<(), Failure> {
        let mut left = VecDeque::from(batch);
        while let Some(mut entry) = left.pop_front() {
            entry.attempts += 1;
            let table = entry.item.table.clone();
            let result = match self.application.write(&table, std::slice::from_ref(&entry.item.write)).await {
                Ok(outcomes) => outcomes.into_iter().next().unwrap_or_else(|| Err(unanswered())),
                Err(failure) => Err(failure),
            };
            match result {
                Ok(()) => entry.answer(Outcome::Written),
                Err(failure) if failure.kind == ErrorType::Internal || failure.kind.reach() == Reach::Record => {
                    if failure.kind == ErrorType::Internal {
                        tracing::error!(table = self.table, %failure, "a record could not be written by our own fault");
                    }
                    let attempts = entry.attempts;
                    entry.answer(Outcome::Refused(failure, attempts));
                }
                Err(mut failure) => {
                    if failure.kind == ErrorType::Transient {
                        failure.kind = ErrorType::Throttled;
                    }
                    left.push_front(entry);
                    put_back(waiting, left.into());
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

impl Waiting {
    /// The channel has room for all that its owner has under way, so this never waits; an owner that has gone needs no
    /// answer.
    fn answer(self, outcome: Outcome) {
        let _ = self.item.outcomes.try_send((self.item.ticket, outcome));
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn give_back_withdrawn(waiting: &mut VecDeque<Waiting>) {
    if waiting.iter().all(|entry| entry.item.pass.is_open()) {
        return;
    }
    for entry in std::mem::take(waiting) {
        if entry.item.pass.is_open() { waiting.push_back(entry) } else { entry.answer(Outcome::Withdrawn) }
    }
}

/// While the destination is down a caller that waits is answered at once.
fn answer_waiting_callers(waiting: &mut VecDeque<Waiting>, failure: &Failure) {
    for entry in std::mem::take(waiting) {
        if entry.item.caller_waits { entry.answer(Outcome::Down(failure.clone())) } else { waiting.push_back(entry) }
    }
}

/// The records from the front that fit into one batch: for one form of the table, no key twice (rule 2).
fn next_batch(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut batch: Vec<Waiting> = Vec::new();
    let mut keys = HashSet::new();
    let mut bytes = 0;
    while let Some(entry) = waiting.front() {
        let same_table = batch.first().is_none_or(|first| {
            Arc::ptr_eq(&first.item.table, &entry.item.table) || first.item.table == entry.item.table
        });
        bytes += size(&entry.item.write);
        let full = !batch.is_empty() && (batch.len() >= BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX);
        let entry_keys = keys_of(&entry.item.write);
        if full || !same_table || entry_keys.iter().any(|key| keys.contains(key)) {
            break;
        }
        keys.extend(entry_keys);
        batch.extend(waiting.pop_front());
    }
    batch
}

fn keys_of(write: &Write) -> Vec<Vec<u8>> {
    let encode = |values: Vec<crate::model::value::Value>| crate::model::key::Key::new(values).encode();
    let mut keys = vec![encode(write.key.iter().map(|(_, value)| value.clone()).collect())];
    if let WriteOperation::Upsert { previous_key: Some(previous), .. } = &write.operation {
        keys.push(encode(previous.clone()));
    }
    keys
}

fn size(write: &Write) -> usize {
    let key: usize = write.key.iter().map(|(_, value)| value.size()).sum();
    match &write.operation {
        WriteOperation::Upsert { values, insert_values, .. } => key + values.size() + insert_values.size(),
        WriteOperation::Delete => key,
    }
}

/// Answers what is decided; gives back what must be tried again, and the failure of the destination if one was among
/// the outcomes.
fn sort_out(batch: Vec<Waiting>, outcomes: Vec<Result<(), Failure>>) -> (Vec<Waiting>, Option<Failure>) {
    let mut again = Vec::new();
    let mut stop = None;
    let mut outcomes = outcomes.into_iter();
    for entry in batch {
        match outcomes.next() {
            Some(Ok(())) => entry.answer(Outcome::Written),
            Some(Err(failure)) => match failure.kind.reach() {
                // Rule 5: one bad record never blocks the rest.
                Reach::Record => {
                    let attempts = entry.attempts;
                    entry.answer(Outcome::Refused(failure, attempts));
                }
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
    (again, stop)
}

/// What a connector that breaks its contract makes of a record.
fn unanswered() -> Failure {
    Failure::new(ErrorType::Internal, "", "the connector did not say what became of the record")
}

/// Puts a batch back to the front, in its order, for when the destination is there again. An attempt that it did not see
/// does not count.
fn put_back(waiting: &mut VecDeque<Waiting>, batch: Vec<Waiting>) {
    for mut entry in batch.into_iter().rev() {
        entry.attempts -= 1;
        waiting.push_front(entry);
    }
}
