//! What waits in front of a destination, as its worker reads it.

use super::batch::{Batch, Waiting, next_batch};
use super::{INBOX_ITEMS_MAX, Item, Outcome};
use crate::model::failure::Failure;
use futures::FutureExt;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Taken from whenever the worker looks, into a queue of its own that is as bounded.
pub(super) struct Inbox {
    receiver: mpsc::Receiver<Item>,
    waiting: VecDeque<Waiting>,
    /// How many came so far.
    places: u64,
    is_closed: bool,
}

impl Inbox {
    pub fn new(receiver: mpsc::Receiver<Item>) -> Self {
        Self { receiver, waiting: VecDeque::new(), places: 0, is_closed: false }
    }

    pub fn take_all(&mut self) {
        let _ = self.arrivals().now_or_never(); // nothing is there
    }

    /// Waits for more and takes what is there, as much as has a place; for ever when it is full or closed.
    pub async fn arrivals(&mut self) {
        let room = INBOX_ITEMS_MAX.saturating_sub(self.waiting.len());
        if self.is_closed || room == 0 {
            return std::future::pending().await;
        }
        let mut items = Vec::with_capacity(room.min(self.receiver.len()));
        if self.receiver.recv_many(&mut items, room).await == 0 {
            self.is_closed = true;
        }
        for item in items {
            self.put(item);
        }
    }

    fn put(&mut self, item: Item) {
        let entry = Waiting::new(item, self.places);
        self.places += 1;
        if entry.owner.may_go() {
            self.waiting.push_back(entry);
        } else {
            entry.owner.answer(Outcome::Withdrawn);
        }
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Nothing waits, and nothing will.
    pub fn has_ended(&self) -> bool {
        self.is_closed && self.waiting.is_empty()
    }

    /// Whether what is at the front must not be written beside anything else.
    pub fn goes_alone(&self) -> bool {
        self.waiting.front().is_some_and(|entry| entry.owner.goes_alone)
    }

    pub fn next_batch(&mut self, is_busy: impl Fn(u64) -> bool) -> Batch {
        next_batch(&mut self.waiting, is_busy)
    }

    /// Those whose pass has ended meanwhile. They are met as well when their turn comes; this is for those whose turn does not.
    pub fn give_back_withdrawn(&mut self) {
        if self.waiting.iter().all(|entry| entry.owner.may_go()) {
            return;
        }
        for entry in std::mem::take(&mut self.waiting) {
            if entry.owner.may_go() {
                self.waiting.push_back(entry);
            } else {
                entry.owner.answer(Outcome::Withdrawn);
            }
        }
    }

    /// While the destination is down a caller that waits is answered at once.
    pub fn answer_waiting_callers(&mut self, failure: &Failure) {
        for entry in std::mem::take(&mut self.waiting) {
            if entry.owner.caller_waits {
                entry.owner.answer(Outcome::Down(failure.clone()));
            } else {
                self.waiting.push_back(entry);
            }
        }
    }

    /// Takes back what was not written, to where it came.
    pub fn put_back(&mut self, entries: Vec<Waiting>) {
        if entries.is_empty() {
            return;
        }
        self.waiting.extend(entries);
        self.waiting.make_contiguous().sort_by_key(|entry| entry.owner.place);
        self.give_back_withdrawn();
    }
}
