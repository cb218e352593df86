//! The worker in front of one destination table: gathers what is to be written, has it written, and waits while the
//! destination is down.

use super::batch::BATCH_RECORDS_MAX;
use super::inbox::Inbox;
use super::under_way::UnderWay;
use super::writer::Writer;
use super::{Down, Item, Priority};
use crate::engine::clock::Clock;
use crate::engine::tasks::Tasks;
use crate::model::backoff::Backoff;
use crate::model::failure::{ErrorType, Failure};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::Instant;

const PROBE_FIRST: Duration = Duration::from_millis(250);
const PROBE_LONGEST: Duration = Duration::from_secs(15);
/// How long a probe may take that a connector does not end by itself.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Worker {
    writer: Writer,
    tasks: Tasks,
    clock: Arc<dyn Clock>,
    status: watch::Sender<Option<Down>>,
    probes: Arc<Semaphore>,
    /// Wakes it to look at the passes of what waits.
    sweep: Arc<Notify>,
    backoff: Backoff,
}

impl Worker {
    pub(super) fn new(
        writer: Writer,
        tasks: Tasks,
        clock: Arc<dyn Clock>,
        status: watch::Sender<Option<Down>>,
        probes: Arc<Semaphore>,
        sweep: Arc<Notify>,
    ) -> Self {
        let backoff = Backoff::new(PROBE_FIRST, PROBE_LONGEST);
        Self { writer, tasks, clock, status, probes, sweep, backoff }
    }

    /// Runs until the service shuts down or nobody is left who could send.
    pub(super) async fn run(mut self, changes: mpsc::Receiver<Item>, copies: mpsc::Receiver<Item>) {
        let mut changes = Inbox::new(changes);
        let mut copies = Inbox::new(copies);
        let mut under_way = UnderWay::new(self.writer.clone(), self.tasks.clone());
        let token = self.writer.token.clone();
        let mut probe_at: Option<Instant> = None;
        while !token.is_cancelled() {
            for inbox in [&mut changes, &mut copies] {
                inbox.take_all();
            }
            let down = self.status.borrow().as_ref().map(|down| down.failure.clone());
            match down {
                Some(failure) => changes.answer_waiting_callers(&failure),
                None if changes.has_ended() && copies.has_ended() && under_way.is_empty() => return,
                None => begin_batches(&mut under_way, &mut changes, &mut copies),
            }
            tokio::select! {
                Some(rest) = under_way.ended() => {
                    let inbox = match rest.priority {
                        Priority::Change => &mut changes,
                        Priority::Copy => &mut copies,
                    };
                    inbox.put_back(rest.put_back);
                    match rest.stop {
                        Some(failure) => probe_at = Some(self.goes_down(failure)),
                        None => self.backoff.reset(),
                    }
                }
                () = changes.arrivals() => {}
                () = copies.arrivals() => {}
                () = self.sweep.notified() => {
                    changes.give_back_withdrawn();
                    copies.give_back_withdrawn();
                }
                () = sleep_until(probe_at) => probe_at = self.probe().await,
                () = token.cancelled() => {}
            }
        }
        while under_way.ended().await.is_some() {} // what is being written may end, and is answered
    }

    /// Rule 8: an outage makes no errors. Nothing is written until a probe succeeds.
    fn goes_down(&mut self, failure: Failure) -> Instant {
        let wait = self.backoff.next(rand::random());
        let now = self.clock.now();
        tracing::warn!(application = %self.writer.application.id(), table = self.writer.table, %failure, "the destination is down");
        self.status.send_modify(|status| {
            let since = status.as_ref().map_or(now, |down| down.since);
            // Only a probe fails while it is down.
            let probes = status.as_ref().map_or(0, |down| down.probes + 1);
            *status = Some(Down { failure, since, next_probe: now + wait, probes });
        });
        Instant::now() + wait
    }

    /// Asks whether the destination is there again; answers when to ask next, or never when it is.
    async fn probe(&mut self) -> Option<Instant> {
        let permit = tokio::select! {
            permit = self.probes.acquire() => permit.ok(),
            () = self.writer.token.cancelled() => return None,
        };
        let check = tokio::time::timeout(PROBE_TIMEOUT, self.writer.application.check(Some(&self.writer.table)));
        let result = check.await.unwrap_or_else(|_| {
            Err(Failure::new(ErrorType::Network, "", format!("no answer to a probe in {PROBE_TIMEOUT:?}")))
        });
        drop(permit);
        match result {
            Ok(()) => {
                tracing::info!(application = %self.writer.application.id(), table = self.writer.table, "the destination is back");
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

/// What waits becomes one batch while none is under way. Beside another one only a full batch begins, which gains nothing by
/// waiting.
fn begin_batches(under_way: &mut UnderWay, changes: &mut Inbox, copies: &mut Inbox) {
    loop {
        let (inbox, priority) =
            if changes.len() == 0 { (&mut *copies, Priority::Copy) } else { (&mut *changes, Priority::Change) };
        let beside = under_way.has_room() && !inbox.goes_alone() && inbox.len() >= BATCH_RECORDS_MAX;
        if !(under_way.is_empty() || beside) {
            return;
        }
        let batch = inbox.next_batch(|key| under_way.writes(key));
        if batch.writes.is_empty() {
            return;
        }
        under_way.begin(batch, priority);
    }
}
