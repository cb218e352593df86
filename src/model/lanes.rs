//! Lanes: the order of one key of one map, for changes of both sides together (rule 2). Only order is decided here;
//! what is in a lane, and what is done with it, is its owner's.
//!
//! Keys are hashed. Two keys with one hash share a lane, so that the one waits for the other without need; who asks for the changes of a
//! key compares it.

use foldhash::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;

/// One change in the lanes, named by its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The hashes of a change's keys: one, or another when it changes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    key: u64,
    previous: Option<u64>,
}

impl Keys {
    pub fn new(key: u64, previous: Option<u64>) -> Self {
        Self { key, previous: previous.filter(|previous| *previous != key) }
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        std::iter::once(self.key).chain(self.previous)
    }
}

/// The lanes of one map: each key's tickets in the order in which they came. A ticket is ready when it is the first of
/// all its keys' lanes.
#[derive(Debug, Default)]
pub struct Lanes {
    /// The first ticket of each lane, by the hash of the key. Nearly all lanes have one.
    firsts: HashMap<u64, Ticket>,
    /// What waits behind it, where something does: first in, first out, each with the keys that it has.
    behind: HashMap<u64, VecDeque<(Ticket, Keys)>>,
}

impl Lanes {
    /// Puts a ticket at the end of its keys' lanes; true when it is ready at once.
    pub fn push(&mut self, ticket: Ticket, keys: Keys) -> bool {
        let mut is_ready = true;
        for key in keys.iter() {
            match self.firsts.entry(key) {
                Entry::Occupied(_) => {
                    self.behind.entry(key).or_default().push_back((ticket, keys));
                    is_ready = false;
                }
                Entry::Vacant(none) => drop(none.insert(ticket)),
            }
        }
        is_ready
    }

    /// Takes a ticket out of the lanes of its keys, wherever in them it stands; answers with those that became ready by it.
    pub fn remove(&mut self, ticket: Ticket, keys: Keys) -> Vec<Ticket> {
        let mut ready = Vec::new();
        for key in keys.iter() {
            if self.firsts.get(&key) != Some(&ticket) {
                self.with_waiting(key, |waiting| waiting.retain(|(other, _)| *other != ticket));
                continue;
            }
            let Some((next, keys_of_next)) = self.with_waiting(key, VecDeque::pop_front).flatten() else {
                self.firsts.remove(&key);
                continue;
            };
            self.firsts.insert(key, next);
            // Rule 2: order per key; the next one goes only now.
            if self.is_ready(next, keys_of_next) && !ready.contains(&next) {
                ready.push(next);
            }
        }
        ready
    }

    /// Works on what waits in a lane, if something does; where nothing does any more, nothing is kept.
    fn with_waiting<T>(&mut self, key: u64, work: impl FnOnce(&mut VecDeque<(Ticket, Keys)>) -> T) -> Option<T> {
        let waiting = self.behind.get_mut(&key)?;
        let worked = work(waiting);
        if waiting.is_empty() {
            self.behind.remove(&key);
        }
        Some(worked)
    }

    fn is_ready(&self, ticket: Ticket, keys: Keys) -> bool {
        keys.iter().all(|key| self.firsts.get(&key) == Some(&ticket))
    }

    /// The tickets of a key, first to last, and of those that share its hash.
    pub fn of(&self, key: u64) -> impl Iterator<Item = Ticket> + '_ {
        let behind = self.behind.get(&key).into_iter().flatten().map(|(ticket, _)| *ticket);
        self.firsts.get(&key).copied().into_iter().chain(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rule_2_one_change_of_a_key_at_a_time_in_order() {
        let mut lanes = Lanes::default();
        let (a, b) = (1, 2);
        let (of_a, from_a_to_b, of_b) = (Keys::new(a, None), Keys::new(b, Some(a)), Keys::new(b, Some(b)));
        assert!(lanes.push(Ticket(1), of_a));
        assert!(!lanes.push(Ticket(2), from_a_to_b), "a key change waits for both lanes");
        assert!(!lanes.push(Ticket(3), of_b));
        assert_eq!(lanes.of(b).collect::<Vec<_>>(), [Ticket(2), Ticket(3)]);
        assert_eq!(lanes.remove(Ticket(1), of_a), vec![Ticket(2)]);
        assert_eq!(lanes.remove(Ticket(2), from_a_to_b), vec![Ticket(3)]);
        assert_eq!(lanes.remove(Ticket(3), of_b), vec![]);
        assert!(lanes.firsts.is_empty() && lanes.behind.is_empty());
    }

    proptest! {
        /// Whatever comes and ends in whatever order, every ticket gets ready exactly once, and tickets that share a key
        /// in the order in which they came.
        #[test]
        fn rule_2_holds_for_any_changes(
            changes in prop::collection::vec((0u8..5, prop::option::of(0u8..5)), 1..60),
            picks in prop::collection::vec(0usize..100, 60),
        ) {
            let mut lanes = Lanes::default();
            let keys: Vec<Keys> =
                changes.iter().map(|&(key, previous)| Keys::new(key.into(), previous.map(u64::from))).collect();
            let mut ready: Vec<usize> = Vec::new();
            for (index, keys) in keys.iter().enumerate() {
                if lanes.push(Ticket(index as u64), *keys) {
                    ready.push(index);
                }
            }
            let mut done: Vec<usize> = Vec::new();
            let mut picks = picks.iter().cycle();
            while !ready.is_empty() {
                let index = ready.remove(picks.next().unwrap() % ready.len());
                ready.extend(lanes.remove(Ticket(index as u64), keys[index]).iter().map(|t| t.0 as usize));
                done.push(index);
            }
            prop_assert_eq!(done.len(), changes.len());
            for (place, later) in done.iter().enumerate() {
                for earlier in &done[place + 1..] {
                    if earlier < later {
                        prop_assert!(keys[*earlier].iter().all(|key| keys[*later].iter().all(|other| other != key)));
                    }
                }
            }
        }
    }
}
