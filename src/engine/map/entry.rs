//! A change in the lanes of a map: where it came from, and how far it is.

use super::Reply;
use super::refresh::Fetched;
use super::retries::Retry;
use super::shown::OnItsWay;
use crate::model::change::{Answer, Change, QueuedRecord};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::lanes::Keys;
use crate::model::under_way::Sent;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Where a change in the lanes came from, and what is done when it ends.
pub(super) enum Source {
    Queued {
        record: Loaded,
    },
    /// A synchronous write; its caller waits.
    Direct {
        reply: Reply<Answer>,
        /// Errors before this sequence are older than it.
        before: QueueSequence,
        /// A later change of its key was queued while it waited.
        overtaken: bool,
    },
    /// An error that a job tries again.
    Retry {
        retry: Retry,
    },
    /// A record that left the queue by a decision while it was under way; it only keeps its lane until it ends.
    Gone,
}

impl Source {
    /// How it shows while it is on its way; nobody sees what is not kept.
    pub fn shown_as(&self) -> Option<Sent> {
        match self {
            Source::Queued { record } => Some(Sent::Queued(record.sequence)),
            Source::Retry { retry } => Some(match retry.execution {
                Some(execution) => Sent::Row(execution, retry.number),
                None => Sent::Error(QueueSequence(retry.number)),
            }),
            Source::Direct { .. } | Source::Gone => None,
        }
    }
}

/// What is kept of a queued record beside its change.
pub(super) struct Loaded {
    pub sequence: QueueSequence,
    pub accept_time: DateTime<Utc>,
    pub previous: Option<QueueSequence>,
    /// Of its change.
    pub bytes: usize,
}

/// A change in the lanes.
pub(super) struct Entry {
    pub source: Source,
    pub change: Change,
    /// Of the change.
    pub keys: Keys,
    pub yielded: BTreeSet<String>,
    /// It is at its destination.
    pub dispatched: bool,
    /// Set while it is, for what is kept.
    pub on_its_way: Option<OnItsWay>,
    /// A change crossed it while it was there, and what follows puts right whatever becomes of it (rule 9).
    pub settled: bool,
    pub fetched: Fetched,
}

impl Entry {
    pub fn new(source: Source, change: Change, yielded: BTreeSet<String>) -> Box<Entry> {
        let keys = Keys::new(change.key.hashed(), change.previous_key.as_ref().map(Key::hashed));
        let fetched = Fetched::Not;
        Box::new(Entry { source, change, keys, yielded, dispatched: false, on_its_way: None, settled: false, fetched })
    }

    pub fn queued(record: QueuedRecord) -> Box<Entry> {
        let QueuedRecord { sequence, accept_time, change, previous, yielded } = record;
        let record = Loaded { sequence, accept_time, previous, bytes: change.size() };
        Entry::new(Source::Queued { record }, change, yielded)
    }

    /// Its place in the queue, if it has one.
    pub fn sequence(&self) -> Option<QueueSequence> {
        match &self.source {
            Source::Queued { record } => Some(record.sequence),
            Source::Direct { .. } | Source::Retry { .. } | Source::Gone => None,
        }
    }
}
