//! The writer: one thread that owns all writes. It takes all that waits, applies it as one batch, syncs once and answers all
//! of it. That is what makes durable writes cheap: a sync costs about the same whatever it carries.

use super::apply::apply;
use super::failure::{EngineFailure, guarded};
use super::open;
use super::shared::{Ends, Files, Shared};
use super::space::Room;
use super::view::{Numbers, View};
use crate::store::message;
use crate::store::{Durability, Receipt, StoreError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::{error, info, warn};

/// What one group carries at most: enough that the sync no longer counts; little enough that readers, who wait while it is
/// written, do not notice, and that a quarter of the smallest reserve holds it with all that sled writes besides.
const GROUP_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long a commit that did not ask for a sync may wait for one.
const LAZY_SYNC_DELAY: Duration = Duration::from_millis(50);
/// The waits between attempts to open the store again after a failure: doubled from the first to the last.
const REOPEN_DELAY_MIN: Duration = Duration::from_millis(20);
const REOPEN_DELAY_MAX: Duration = Duration::from_secs(2);

type Answer = oneshot::Sender<Result<Receipt, StoreError>>;

/// A commit in the channel.
pub(super) struct Request {
    pub commit: message::Commit,
    pub bytes: usize,
    pub durability: Durability,
    pub answer: Answer,
    /// Its share of what may wait; given back when the group that takes it is made up.
    pub permit: OwnedSemaphorePermit,
}

pub(super) enum Order {
    Commit(Box<Request>),
    /// Answer all before, sync, close the files and end.
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    cache_bytes: u64,
    /// `None` while the files are not open.
    numbers: Option<Numbers>,
    /// When the oldest commit that was applied and not synced is to be.
    sync_at: Option<Instant>,
    /// When the files are to be opened again, and how long to wait if that fails too.
    reopen_at: Instant,
    reopen_delay: Duration,
}

/// A commit that was applied and waits for its group.
struct Accepted {
    answer: Answer,
    receipt: Receipt,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, orders: Receiver<Order>, cache_bytes: u64, numbers: Numbers) -> Self {
        Self {
            shared,
            orders,
            cache_bytes,
            numbers: Some(numbers),
            sync_at: None,
            reopen_at: Instant::now(),
            reopen_delay: REOPEN_DELAY_MIN,
        }
    }

    /// Ends with `Close`, or when the store is dropped.
    pub fn run(mut self) {
        let mut closing = None;
        while closing.is_none() {
            match self.next_order() {
                Ok(Order::Commit(first)) => {
                    let mut group = vec![*first];
                    closing = self.gather(&mut group);
                    self.commit(group);
                }
                Ok(Order::Close(done)) => closing = Some(done),
                Err(RecvTimeoutError::Timeout) => self.do_what_is_due(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.sync_lazy();
        self.numbers = None;
        self.drop_files(Files::Closed);
        if let Some(done) = closing {
            let _ = done.send(()); // whoever asked may be gone
        }
    }

    /// Waits for an order; no longer than until something is due.
    fn next_order(&self) -> Result<Order, RecvTimeoutError> {
        let due = if self.numbers.is_none() { Some(self.reopen_at) } else { self.sync_at };
        match due {
            Some(due) => self.orders.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Takes what waits, as much as a group may carry and in its order; `Close` ends it.
    fn gather(&self, group: &mut Vec<Request>) -> Option<oneshot::Sender<()>> {
        let mut bytes: usize = group.iter().map(|request| request.bytes).sum();
        while bytes < GROUP_BYTES_MAX {
            match self.orders.try_recv() {
                Ok(Order::Commit(request)) => {
                    bytes += request.bytes;
                    group.push(*request);
                }
                Ok(Order::Close(done)) => return Some(done),
                Err(_) => break, // nothing waits
            }
        }
        None
    }

    fn do_what_is_due(&mut self) {
        if self.numbers.is_none() {
            self.reopen();
        } else {
            self.sync_lazy();
        }
    }

    /// Applies a group, syncs if one of it asks for that, and answers.
    fn commit(&mut self, group: Vec<Request>) {
        if self.numbers.is_none() && Instant::now() >= self.reopen_at {
            self.reopen();
        }
        let mut accepted = Vec::with_capacity(group.len());
        let Some(numbers) = &mut self.numbers else {
            for request in group {
                let why = self.shared.opened().err().unwrap_or(StoreError::Closed);
                let _ = request.answer.send(Err(why)); // whoever asked may be gone
            }
            return;
        };
        let shared = &self.shared;
        let written = guarded("applying a group of commits", || write_group(shared, numbers, group, &mut accepted));
        match written {
            Ok(Written { synced, ends }) => {
                self.note_written(synced, ends);
                for Accepted { answer, receipt } in accepted {
                    let _ = answer.send(Ok(receipt)); // whoever asked may be gone; it is written all the same
                }
            }
            Err(failure) => {
                for Accepted { answer, .. } in accepted {
                    let why = if failure.is_full() { self.shared.full_now() } else { failure.clone().into() };
                    let _ = answer.send(Err(why)); // whoever asked may be gone
                }
                self.fail(failure);
            }
        }
    }

    fn note_written(&mut self, synced: bool, ends: Ends) {
        if synced {
            self.sync_at = None;
            self.reopen_delay = REOPEN_DELAY_MIN;
            self.shared.set_ends(ends);
        } else {
            self.sync_at.get_or_insert_with(|| Instant::now() + LAZY_SYNC_DELAY);
        }
    }

    fn sync_lazy(&mut self) {
        let Some(numbers) = &self.numbers else { return };
        if self.sync_at.is_none() {
            return;
        }
        let ends = Ends::from(&numbers.store);
        let shared = &self.shared;
        match guarded("syncing", || sync(shared)) {
            Ok(()) => self.note_written(true, ends),
            Err(failure) => self.fail(failure),
        }
    }

    /// sled does not go on after a failed write. What was acknowledged as synced is on the disk, so the files are opened again
    /// from there, as often as it takes.
    fn fail(&mut self, failure: EngineFailure) {
        error!(doing = failure.doing, error = %failure.source, "the store failed; it is opened again");
        self.numbers = None;
        self.sync_at = None;
        self.drop_files(Files::Failed(failure));
        self.reopen_at = Instant::now() + self.reopen_delay;
    }

    fn reopen(&mut self) {
        let (shared, cache_bytes) = (&self.shared, self.cache_bytes);
        let reopened = guarded("opening again after a failure", || {
            let opened = open::open(&shared.space.folder, cache_bytes);
            Ok(opened.and_then(|opened| Numbers::load(&opened.db).map(|numbers| (opened, numbers))))
        });
        match reopened.map_err(StoreError::from).and_then(|reopened| reopened) {
            Ok((opened, numbers)) => {
                info!("the store is open again");
                self.shared.set_stored_bytes(numbers.store.stored_bytes);
                self.shared.set_ends((&numbers.store).into());
                self.shared.replace(Files::Open(Arc::new(opened)));
                self.numbers = Some(numbers);
            }
            Err(why) => {
                warn!(error = %why, source = ?std::error::Error::source(&why), "the store did not open again");
                self.reopen_at = Instant::now() + self.reopen_delay;
            }
        }
        // Halved by nothing but a group that was synced: a store that opens and fails at once is not opened in a busy loop.
        self.reopen_delay = (self.reopen_delay * 2).min(REOPEN_DELAY_MAX);
    }

    /// Closes the files. sled panics when its last sync fails, which changes nothing for us.
    fn drop_files(&self, instead: Files) {
        let shared = &self.shared;
        let dropped = guarded("closing", || {
            drop(shared.replace(instead));
            Ok(())
        });
        if let Err(failure) = dropped {
            warn!(error = %failure.source, "the store did not close cleanly");
        }
    }
}

struct Written {
    synced: bool,
    /// Where the numbers stand with this group.
    ends: Ends,
}

/// Applies what fits, refuses the rest at once, writes and syncs. Who was accepted is answered by the caller.
fn write_group(
    shared: &Shared,
    numbers: &mut Numbers,
    group: Vec<Request>,
    accepted: &mut Vec<Accepted>,
) -> Result<Written, EngineFailure> {
    let Ok(opened) = shared.opened() else {
        return Err(EngineFailure::writing(sled::Error::Unsupported("its files are closed".to_owned())));
    };
    let room = shared.room().unwrap_or_else(|error| {
        warn!(%error, "the free space of the store's disk cannot be told");
        Room::Enough
    });
    let mut synced = false;
    let mut view = View::new(&opened.db, numbers);
    for request in group {
        let Request { commit, durability, answer, permit, bytes: _ } = request;
        drop(permit);
        view.begin();
        match shared.space.admit(room, &commit).and_then(|()| apply(&mut view, commit)) {
            Ok(receipt) => {
                synced |= durability == Durability::Synced;
                accepted.push(Accepted { answer, receipt });
            }
            Err(refusal) => {
                view.roll_back();
                let _ = answer.send(Err(refusal)); // whoever asked may be gone
            }
        }
    }
    if let Some(changes) = view.into_changes() {
        shared.write(&opened, changes)?;
    }
    shared.set_stored_bytes(numbers.store.stored_bytes);
    if synced {
        opened.sync()?;
    }
    Ok(Written { synced, ends: Ends::from(&numbers.store) })
}

fn sync(shared: &Shared) -> Result<(), EngineFailure> {
    match shared.opened() {
        Ok(opened) => opened.sync(),
        Err(_) => Ok(()), // nothing is open, nothing is to be synced
    }
}
