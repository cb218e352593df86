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

/// The lanes of one map: each key's tickets in the order in which they came. A ticket is ready when it is the first of
/// all its keys' lanes.
#[derive(Debug, Default)]
pub struct Lanes {
    /// By the hash of the key; no lane is kept empty.
    lanes: HashMap<u64, Lane>,
    /// The hashes of each ticket's keys: one, or another when the change changes the key.
    keys: HashMap<Ticket, (u64, Option<u64>)>,
}

/// Tickets of one lane. Nearly all have one, and those behind it cost nothing where there are none.
#[derive(Debug)]
struct Lane {
    first: Ticket,
    /// First in, first out.
    waiting: VecDeque<Ticket>,
}

impl Lanes {
    /// Puts a ticket at the end of its keys' lanes; true when it is ready at once.
    pub fn push(&mut self, ticket: Ticket, key: u64, previous_key: Option<u64>) -> bool {
        let previous_key = previous_key.filter(|previous| *previous != key);
        let mut is_ready = true;
        for key in std::iter::once(key).chain(previous_key) {
            match self.lanes.entry(key) {
                Entry::Occupied(mut lane) => {
                    lane.get_mut().waiting.push_back(ticket);
                    is_ready = false;
                }
                Entry::Vacant(none) => drop(none.insert(Lane { first: ticket, waiting: VecDeque::new() })),
            }
        }
        self.keys.insert(ticket, (key, previous_key));
        is_ready
    }

    /// Takes a ticket out, wherever in its lanes it stands; answers with those that became ready by it.
    pub fn remove(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let mut ready = Vec::new();
        let Some((key, previous_key)) = self.keys.remove(&ticket) else { return ready };
        for key in std::iter::once(key).chain(previous_key) {
            let Entry::Occupied(mut lane) = self.lanes.entry(key) else { continue };
            if lane.get().first != ticket {
                lane.get_mut().waiting.retain(|other| *other != ticket);
                continue;
            }
            let Some(next) = lane.get_mut().waiting.pop_front() else {
                lane.remove();
                continue;
            };
            lane.get_mut().first = next;
            // Rule 2: order per key; the next one goes only now.
            if self.is_ready(next) && !ready.contains(&next) {
                ready.push(next);
            }
        }
        ready
    }

    fn is_ready(&self, ticket: Ticket) -> bool {
        let is_first = |key: &u64| self.lanes.get(key).is_some_and(|lane| lane.first == ticket);
        self.keys.get(&ticket).is_some_and(|(key, previous_key)| is_first(key) && previous_key.iter().all(is_first))
    }

    /// The tickets of a key, first to last, and of those that share its hash.
    pub fn of(&self, key: u64) -> impl Iterator<Item = Ticket> + '_ {
        let tickets =
            |lane: &'_ Lane| std::iter::once(lane.first).chain(lane.waiting.iter().copied()).collect::<Vec<_>>();
        self.lanes.get(&key).map(tickets).unwrap_or_default().into_iter()
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
        let (a, b) = (1, 2);
        assert!(lanes.push(Ticket(1), a, None));
        assert!(!lanes.push(Ticket(2), b, Some(a)), "a key change waits for both lanes");
        assert!(!lanes.push(Ticket(3), b, Some(b)));
        assert_eq!(lanes.of(b).collect::<Vec<_>>(), [Ticket(2), Ticket(3)]);
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
            let keys = |index: usize| -> Vec<u8> {
                let (key, previous) = changes[index];
                std::iter::once(key).chain(previous).collect()
            };
            let mut ready: Vec<usize> = Vec::new();
            for (index, &(key, previous)) in changes.iter().enumerate() {
                if lanes.push(Ticket(index as u64), key.into(), previous.map(u64::from)) {
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
