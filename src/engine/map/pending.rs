//! Which keys have queued records, for maps that go both ways: what finds the changes that an incoming one may cross.

use crate::model::change::Change;
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use foldhash::HashMap;

/// The last queued record of each key. Records are linked backwards by `QueuedRecord::previous`, so this is all that is
/// kept in memory: 16 bytes a key, bounded by the queue's own limit. Keys are hashed; who follows a link compares the
/// key, so that two keys with one hash cost a look and nothing else.
#[derive(Debug, Default)]
pub struct PendingKeys(HashMap<u64, QueueSequence>);

/// What a change replaced, to take it back when the change was not accepted after all.
#[derive(Debug)]
pub struct Replaced(Vec<(u64, Option<QueueSequence>)>);

impl PendingKeys {
    /// Enters a record; answers with the last one of its keys before it.
    pub fn enter(&mut self, change: &Change, sequence: QueueSequence) -> (Option<QueueSequence>, Replaced) {
        let replaced: Vec<_> = change.keys().map(Key::hashed).map(|key| (key, self.0.insert(key, sequence))).collect();
        let previous = replaced.iter().filter_map(|(_, before)| *before).filter(|before| *before != sequence).max();
        (previous, Replaced(replaced))
    }

    pub fn take_back(&mut self, replaced: Replaced) {
        for (key, before) in replaced.0.into_iter().rev() {
            match before {
                Some(sequence) => self.0.insert(key, sequence),
                None => self.0.remove(&key),
            };
        }
    }

    /// A record left the queue. What came before it under its keys has left as well (rule 2).
    pub fn left(&mut self, change: &Change, sequence: QueueSequence) {
        if self.0.is_empty() {
            return; // of a map that goes one way
        }
        for key in change.keys().map(Key::hashed) {
            if self.0.get(&key) == Some(&sequence) {
                self.0.remove(&key);
            }
        }
    }

    /// The last queued records of these keys.
    pub fn last_of<'a>(&'a self, keys: &'a [Key]) -> impl Iterator<Item = QueueSequence> + 'a {
        keys.iter().filter_map(|key| self.0.get(&key.hashed()).copied())
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
