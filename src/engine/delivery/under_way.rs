//! The batches of one destination table that are being written. There is one, unless the destination gains from more.

use super::Priority;
use super::batch::{Batch, Waiting};
use super::writer::{Writer, Written};
use crate::model::failure::Failure;
use foldhash::HashSet;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

pub(super) struct UnderWay {
    writer: Writer,
    writing: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// Hashes of the keys that are being written: no other batch has them (rule 2).
    keys: HashSet<u64>,
    /// How many there may be.
    max: usize,
    /// More than one was under way since there was none.
    crowded: bool,
    /// The one that is under way has no other beside it.
    alone: bool,
}

struct Ended {
    priority: Priority,
    keys: HashSet<u64>,
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
    pub fn new(writer: Writer) -> Self {
        let max = writer.application.batches_at_once().max(1);
        Self { writer, writing: FuturesUnordered::new(), keys: HashSet::default(), max, crowded: false, alone: false }
    }

    pub fn is_empty(&self) -> bool {
        self.writing.is_empty()
    }

    /// Whether one more may begin beside those that are under way.
    pub fn has_room(&self) -> bool {
        self.writing.len() < self.max && !self.alone
    }

    pub fn keys(&self) -> &HashSet<u64> {
        &self.keys
    }

    /// Begins to write a batch that is not empty.
    pub fn begin(&mut self, mut batch: Batch, priority: Priority) {
        self.crowded |= !self.is_empty();
        self.alone |= batch.owners.iter().any(|owner| owner.goes_alone);
        let keys = std::mem::take(&mut batch.keys);
        self.keys.extend(&keys);
        let writer = self.writer.clone();
        self.writing.push(Box::pin(async move { Ended { priority, keys, written: writer.write(batch).await } }));
    }

    /// Waits for the end of a batch; none when none is under way.
    pub async fn ended(&mut self) -> Option<Rest> {
        let Ended { priority, keys, written } = self.writing.next().await?;
        for key in keys {
            self.keys.remove(&key);
        }
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
