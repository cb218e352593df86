//! Delivery: the one place from which a destination table is written. Whoever has something to write (live changes,
//! catch-up, initial sync) hands it in as an `Item` and gets one `Outcome` back for each.
//!
//! What waits is put into one batch; while a batch is being written the next one gathers. When the destination as a
//! whole fails, everything that can wait waits here in its order, one probe at a time goes out with back-off, and it all
//! goes on by itself (rule 8).

mod batch;
mod inbox;
mod under_way;
mod worker;
mod writer;

use super::applications::Applications;
use super::clock::Clock;
use super::error::EngineError;
use super::tasks::Tasks;
use crate::connectors::Write;
use crate::model::failure::{ErrorType, Failure};
use crate::model::ids::AppId;
use crate::model::lanes::Keys;
use crate::model::schema::TableSchema;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

/// Items that wait in front of one destination table, for each priority; senders wait beyond it.
const INBOX_ITEMS_MAX: usize = 2_048;

/// Which goes first when both wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Changes of callers, live or queued.
    Change,
    /// Rows of an initial sync.
    Copy,
}

/// One record to be written.
#[derive(Debug)]
pub struct Item {
    /// The sender's name for it.
    pub ticket: u64,
    /// Of what is written.
    pub keys: Keys,
    pub write: Write,
    /// A caller waits for the answer: an outage is its answer, it does not wait here.
    pub caller_waits: bool,
    pub origin: Arc<Origin>,
}

/// What items that are handed in together have in common.
#[derive(Debug)]
pub struct Origin {
    pub table: Arc<TableSchema>,
    pub pass: Pass,
    /// Has room for the outcomes of all items that their owner has under way.
    pub outcomes: mpsc::Sender<Outcomes>,
}

/// Items of one origin that ended alike, by their senders' names for them. What was written together is told together.
#[derive(Debug)]
pub struct Outcomes {
    pub tickets: Vec<u64>,
    pub outcome: Outcome,
}

/// What became of an item. Every item gets exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has it.
    Written,
    /// The destination has seen it so many times and refused it.
    Refused(Failure, u32),
    /// The destination as a whole failed; only for items whose caller waits.
    Down(Failure),
    /// It was withdrawn before it was written.
    Withdrawn,
}

/// Says for many items at once whether they may still be written. Closing it withdraws those that are not being written
/// at that moment.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Passed>);

#[derive(Debug, Default)]
struct Passed {
    round: AtomicU64,
    /// Items whose first attempt met a failure of the destination as a whole, since it was last asked for.
    met: Mutex<BTreeMap<ErrorType, u32>>,
}

impl Gate {
    /// A pass for items that are handed in now.
    pub fn pass(&self) -> Pass {
        Pass { gate: self.clone(), round: self.0.round.load(Ordering::Acquire) }
    }

    /// Ends all passes given so far. Follow it with `Destination::sweep`.
    pub fn close(&self) {
        self.0.round.fetch_add(1, Ordering::AcqRel);
    }

    /// How many items have met an outage at their first attempt, and wait for its end, since this was last asked.
    pub fn take_met(&self) -> BTreeMap<ErrorType, u32> {
        std::mem::take(&mut *self.met())
    }

    /// A list of numbers is never half changed.
    fn met(&self) -> MutexGuard<'_, BTreeMap<ErrorType, u32>> {
        self.0.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone)]
pub struct Pass {
    gate: Gate,
    round: u64,
}

impl Pass {
    fn is_open(&self) -> bool {
        self.gate.0.round.load(Ordering::Acquire) == self.round
    }

    fn met(&self, kind: ErrorType) {
        *self.gate.met().entry(kind).or_default() += 1;
    }
}

/// That a destination table cannot be written now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    pub failure: Failure,
    pub since: DateTime<Utc>,
    pub next_probe: DateTime<Utc>,
    /// Probes that have failed since.
    pub probes: u64,
}

/// The way to one destination table. Clones lead to the same.
#[derive(Debug, Clone)]
pub struct Destination {
    application: AppId,
    changes: mpsc::Sender<Item>,
    copies: mpsc::Sender<Item>,
    /// Wakes the worker to give back items whose pass has ended.
    sweep: Arc<Notify>,
    status: watch::Receiver<Option<Down>>,
}

/// A place in a destination's inbox.
pub struct Place<'a>(mpsc::Permit<'a, Item>);

impl Place<'_> {
    pub fn put(self, item: Item) {
        self.0.send(item);
    }
}

impl Destination {
    pub fn application(&self) -> &AppId {
        &self.application
    }

    /// Waits for a place; `NotReady` when the service ends.
    pub async fn place(&self, priority: Priority) -> Result<Place<'_>, EngineError> {
        self.inbox(priority).reserve().await.map(Place).map_err(|_| EngineError::NotReady)
    }

    /// Waits for so many places at once, no more than an inbox has; whoever has many items wakes less often.
    pub async fn places(
        &self,
        priority: Priority,
        count: usize,
    ) -> Result<impl Iterator<Item = Place<'_>>, EngineError> {
        let permits = self.inbox(priority).reserve_many(count).await.map_err(|_| EngineError::NotReady)?;
        Ok(permits.map(Place))
    }

    /// As many places as there are now, no more than are asked for.
    pub fn try_places(&self, priority: Priority, count: usize) -> impl Iterator<Item = Place<'_>> {
        let inbox = self.inbox(priority);
        let permits = inbox.try_reserve_many(count.min(inbox.capacity()));
        permits.into_iter().flatten().map(Place)
    }

    fn inbox(&self, priority: Priority) -> &mpsc::Sender<Item> {
        match priority {
            Priority::Change => &self.changes,
            Priority::Copy => &self.copies,
        }
    }

    /// Has items whose gate was closed given back, those aside that are being written at this moment.
    pub fn sweep(&self) {
        self.sweep.notify_one();
    }

    /// Whether it is down, and changes of that.
    pub fn status(&self) -> watch::Receiver<Option<Down>> {
        self.status.clone()
    }
}

/// All destinations, made when they are first asked for.
pub struct Deliveries {
    applications: Applications,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    /// By application and table; as many as tables are mapped.
    destinations: Mutex<HashMap<(AppId, String), Destination>>,
    /// One probe at a time goes out to an application, whatever number of its tables wait.
    probes: Mutex<HashMap<AppId, Arc<Semaphore>>>,
}

impl Deliveries {
    pub fn new(applications: Applications, clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self { applications, clock, tasks, destinations: Mutex::default(), probes: Mutex::default() }
    }

    /// The one way to a table.
    pub fn to(&self, application: &AppId, table: &str) -> Result<Destination, EngineError> {
        let connector = self.applications.get(application)?;
        let mut destinations = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        let destination = destinations.entry((application.clone(), table.to_owned())).or_insert_with(|| {
            let (changes, changes_inbox) = mpsc::channel(INBOX_ITEMS_MAX);
            let (copies, copies_inbox) = mpsc::channel(INBOX_ITEMS_MAX);
            let (status_sender, status) = watch::channel(None);
            let probes = self
                .probes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(application.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(1)))
                .clone();
            let sweep = Arc::new(Notify::new());
            let writer = writer::Writer {
                application: connector.clone(),
                table: table.to_owned(),
                token: self.tasks.token().clone(),
            };
            let worker = worker::Worker::new(
                writer,
                self.tasks.clone(),
                self.clock.clone(),
                status_sender,
                probes,
                sweep.clone(),
            );
            self.tasks.spawn(worker.run(changes_inbox, copies_inbox));
            Destination { application: application.clone(), changes, copies, sweep, status }
        });
        Ok(destination.clone())
    }
}
