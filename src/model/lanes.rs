//! Lanes: the order of one key of one map, for changes of both sides together (rule 2). Only order is decided here;
//! what is in a lane, and what is done with it, is its owner's.

use foldhash::HashMap;
use std::collections::VecDeque;

/// One change in the lanes, named by its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The lanes of one map: each key's tickets in the order in which they came. A ticket is ready when it is the first of
/// all its keys' lanes.
#[derive(Debug, Default)]
pub struct Lanes {
    /// Tickets by encoded key, first in first out; no lane is kept empty.
    lanes: HashMap<Vec<u8>, VecDeque<Ticket>>,
    /// The keys of each ticket: one, or two when the change changes the key.
    keys: HashMap<Ticket, Vec<Vec<u8>>>,
}

impl Lanes {
    /// Puts a ticket at the end of its keys' lanes; true when it is ready at once.
    pub fn push(&mut self, ticket: Ticket, mut keys: Vec<Vec<u8>>) -> bool {
        keys.dedup();
        for key in &keys {
            self.lanes.entry(key.clone()).or_default().push_back(ticket);
        }
        self.keys.insert(ticket, keys);
        self.is_ready(ticket)
    }

    /// Takes a ticket out, wherever in its lanes it stands; answers with those that became ready by it.
    pub fn remove(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let mut ready = Vec::new();
        let Some(keys) = self.keys.remove(&ticket) else { return ready };
        for key in keys {
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            let was_first = lane.front() == Some(&ticket);
            lane.retain(|other| *other != ticket);
            match lane.front().copied() {
                None => drop(self.lanes.remove(&key)),
                // Rule 2: order per key; the next one goes only now.
                Some(next) if was_first && self.is_ready(next) && !ready.contains(&next) => ready.push(next),
                Some(_) => {}
            }
        }
        ready
    }

    fn is_ready(&self, ticket: Ticket) -> bool {
        self.keys
            .get(&ticket)
            .is_some_and(|keys| keys.iter().all(|key| self.lanes.get(key).and_then(VecDeque::front) == Some(&ticket)))
    }

    /// The tickets of a key, first to last.
    pub fn of(&self, key: &[u8]) -> impl Iterator<Item = Ticket> + '_ {
        self.lanes.get(key).into_iter().flatten().copied()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rule_2_one_change_of_a_key_at_a_time_in_order() {
        let mut lanes = Lanes::default();
        let key = |name: &str| name.as_bytes().to_vec();
        assert!(lanes.push(Ticket(1), vec![key("a")]));
        assert!(!lanes.push(Ticket(2), vec![key("b"), key("a")]), "a key change waits for both lanes");
        assert!(!lanes.push(Ticket(3), vec![key("b")]));
        assert_eq!(lanes.remove(Ticket(1)), vec![Ticket(2)]);
        assert_eq!(lanes.remove(Ticket(2)), vec![Ticket(3)]);
        assert_eq!(lanes.remove(Ticket(3)), vec![]);
        assert!(lanes.is_empty());
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
            let keys = |index: usize| -> Vec<Vec<u8>> {
                let (key, previous) = changes[index];
                std::iter::once(key).chain(previous).map(|k| vec![k]).collect()
            };
            let mut ready: Vec<usize> = Vec::new();
            for index in 0..changes.len() {
                if lanes.push(Ticket(index as u64), keys(index)) {
                    ready.push(index);
                }
            }
            let mut done: Vec<usize> = Vec::new();
            let mut picks = picks.iter().cycle();
            while !ready.is_empty() {
                let index = ready.remove(picks.next().unwrap() % ready.len());
                ready.extend(lanes.remove(Ticket(index as u64)).iter().map(|t| t.0 as usize));
                done.push(index);
            }
            prop_assert_eq!(done.len(), changes.len());
            for (place, later) in done.iter().enumerate() {
                for earlier in &done[place + 1..] {
                    if earlier < later {
                        prop_assert!(keys(*earlier).iter().all(|k| !keys(*later).contains(k)));
                    }
                }
            }
        }
    }
}
