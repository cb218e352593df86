//! The batches of one destination table that are being written. There is one, unless the destination gains from more.

use super::Priority;
use super::batch::{Batch, Waiting};
use super::writer::{Writer, Written};
use crate::engine::tasks::{Tasks, result_of};
use crate::model::failure::Failure;
use foldhash::HashSet;
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use tokio::task::JoinHandle;

pub(super) struct UnderWay {
    writer: Writer,
    tasks: Tasks,
    /// Each in a task of its own, so that what comes before and behind its statements is done while another one is written.
    writing: FuturesUnordered<JoinHandle<Ended>>,
    /// Hashes of the keys of each that is being written: no other batch has them (rule 2).
    keys: Vec<Arc<HashSet<u64>>>,
    /// How many there may be.
    max: usize,
    /// More than one was under way since there was none.
    crowded: bool,
    /// The one that is under way has no other beside it.
    alone: bool,
}

struct Ended {
    priority: Priority,
    keys: Arc<HashSet<u64>>,
    written: Written,
}

/// What a batch leaves to be done.
pub(super) struct Rest {
    pub priority: Priority,
    /// What is to be written again.
    pub put_back: Vec<Waiting>,
    /// The destination as a whole failed.
    pub stop: Option<Failure>,
}

impl UnderWay {
    pub fn new(writer: Writer, tasks: Tasks) -> Self {
        let max = writer.application.batches_at_once().max(1);
        Self { writer, tasks, writing: FuturesUnordered::new(), keys: Vec::new(), max, crowded: false, alone: false }
    }

    pub fn is_empty(&self) -> bool {
        self.writing.is_empty()
    }

    /// Whether one more may begin beside those that are under way.
    pub fn has_room(&self) -> bool {
        self.writing.len() < self.max && !self.alone
    }

    /// Whether a record with this hash of its key is being written.
    pub fn writes(&self, key: u64) -> bool {
        self.keys.iter().any(|keys| keys.contains(&key))
    }

    /// Begins to write a batch that is not empty.
    pub fn begin(&mut self, mut batch: Batch, priority: Priority) {
        self.crowded |= !self.is_empty();
        self.alone |= batch.owners.iter().any(|owner| owner.goes_alone);
        let keys = Arc::new(std::mem::take(&mut batch.keys));
        self.keys.push(keys.clone());
        let writer = self.writer.clone();
        let writing = async move { Ended { priority, keys, written: writer.write(batch).await } };
        self.writing.push(self.tasks.spawn(writing));
    }

    /// Waits for the end of a batch; none when none is under way.
    pub async fn ended(&mut self) -> Option<Rest> {
        let Ended { priority, keys, written } = result_of(self.writing.next().await?);
        self.keys.retain(|others| !Arc::ptr_eq(others, &keys));
        let Written { refused, left, stop } = written;
        let mut put_back = Vec::new();
        for (mut entry, failure) in refused {
            if self.crowded {
                // Two batches may be in each other's way (a row that refers to one of the other, a value that the other
                // gives up), and in their order they are not. So this is no refusal yet.
                entry.owner.goes_alone = true;
                put_back.push(entry);
            } else {
                entry.owner.refused(failure);
            }
        }
        put_back.extend(left);
        if self.is_empty() {
            (self.crowded, self.alone) = (false, false);
        }
        Some(Rest { priority, put_back, stop })
    }
}
