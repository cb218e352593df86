//! What a map's task shows of itself to those who look at the map.

use super::MapView;
use crate::model::activity::EventError;
use crate::model::execution::Execution;
use crate::model::failure::ErrorType;
use crate::model::side::Side;
use crate::model::throughput::{Flow, Rates, Throughput};
use crate::model::under_way::Sent;
use slab::Slab;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;

/// The task's end. Clones share it.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(super) view: watch::Sender<Arc<MapView>>,
    /// The latest execution, whenever it has come further.
    execution: watch::Sender<Option<Arc<Execution>>>,
    /// Wakes whenever a job has come further.
    jobs: watch::Sender<()>,
    /// Wakes whenever the queue is another one.
    queue: watch::Sender<()>,
    moving: Arc<Moving>,
}

/// The other end.
#[derive(Debug)]
pub(super) struct Looking {
    pub view: watch::Receiver<Arc<MapView>>,
    pub execution: watch::Receiver<Option<Arc<Execution>>>,
    pub jobs: watch::Receiver<()>,
    pub queue: watch::Receiver<()>,
    pub moving: Arc<Moving>,
}

/// What moves between the queue and the destinations. Its locks are held for a moment only.
#[derive(Debug)]
pub(super) struct Moving {
    /// When it was begun to count.
    begun: Instant,
    throughput: Mutex<Throughput>,
    /// What is on its way, and the side where it comes from. At most what the lanes hold.
    sent: Mutex<Slab<(Sent, Side)>>,
    /// Rows of an initial sync that were refused since the task last asked: one of each type, and how many.
    refused: Mutex<BTreeMap<ErrorType, (EventError, u32)>>,
}

/// As long as it is kept, a record shows as on its way.
pub(super) struct OnItsWay {
    moving: Arc<Moving>,
    place: usize,
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        held(&self.moving.sent).remove(self.place);
    }
}

/// Whoever panicked under such a lock left a number at most.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Moving {
    fn second(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }

    pub fn rates(&self) -> Rates {
        held(&self.throughput).rates(self.second())
    }

    /// What is on its way, from sides that `counts` picks.
    pub fn sent(&self, counts: impl Fn(Side) -> bool) -> impl Iterator<Item = Sent> {
        let sent: Vec<Sent> =
            held(&self.sent).iter().filter(|(_, (_, source))| counts(*source)).map(|(_, (sent, _))| *sent).collect();
        sent.into_iter()
    }
}

pub(super) fn shown(view: MapView) -> (Shown, Looking) {
    let (view, see_view) = watch::channel(Arc::new(view));
    let (execution, see_execution) = watch::channel(None);
    let (jobs, see_jobs) = watch::channel(());
    let (queue, see_queue) = watch::channel(());
    let moving = Arc::new(Moving {
        begun: Instant::now(),
        throughput: Mutex::default(),
        sent: Mutex::default(),
        refused: Mutex::default(),
    });
    let looking =
        Looking { view: see_view, execution: see_execution, jobs: see_jobs, queue: see_queue, moving: moving.clone() };
    (Shown { view, execution, jobs, queue, moving }, looking)
}

impl Shown {
    pub fn view(&self, view: MapView) {
        self.view.send_replace(Arc::new(view));
        self.queue_further();
    }

    pub fn execution(&self, execution: &Execution) {
        self.execution.send_replace(Some(Arc::new(execution.clone())));
    }

    pub fn jobs_further(&self) {
        self.jobs.send_replace(());
    }

    pub fn queue_further(&self) {
        self.queue.send_replace(());
    }

    pub fn count(&self, flow: Flow) {
        if flow != Flow::default() {
            held(&self.moving.throughput).count(self.moving.second(), flow);
        }
    }

    /// An initial sync could not write a row.
    pub fn row_refused(&self, error: EventError) {
        let mut refused = held(&self.moving.refused);
        let (_, count) = refused.entry(error.kind).or_insert((error, 0));
        *count = count.saturating_add(1);
    }

    pub(super) fn take_refused(&self) -> BTreeMap<ErrorType, (EventError, u32)> {
        std::mem::take(&mut *held(&self.moving.refused))
    }

    pub(super) fn sent(&self, sent: Sent, source: Side) -> OnItsWay {
        let place = held(&self.moving.sent).insert((sent, source));
        OnItsWay { moving: self.moving.clone(), place }
    }
}
