//! The changes in the lanes of a map, each in a place of its own that its ticket names: they are looked for several times each, and a
//! place is found without a search. A ticket names one change, also when its place is another one's by now.

use super::entry::Entry;
use crate::model::lanes::Ticket;
use slotmap::{DefaultKey, Key, KeyData, SlotMap};

/// Boxed, since what finds them is looked at more often than they are.
#[derive(Default)]
pub(super) struct Entries(SlotMap<DefaultKey, Box<Entry>>);

impl Entries {
    pub fn insert(&mut self, entry: Box<Entry>) -> Ticket {
        ticket(self.0.insert(entry))
    }

    pub fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.0.get(place(ticket)).map(|entry| &**entry)
    }

    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.0.get_mut(place(ticket)).map(|entry| &mut **entry)
    }

    pub fn remove(&mut self, ticket: Ticket) -> Option<Box<Entry>> {
        self.0.remove(place(ticket))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The tickets of those that are meant.
    pub fn find(&self, is_meant: impl Fn(&Entry) -> bool) -> Vec<Ticket> {
        self.0.iter().filter(|(_, entry)| is_meant(entry)).map(|(place, _)| ticket(place)).collect()
    }
}

fn ticket(place: DefaultKey) -> Ticket {
    Ticket(place.data().as_ffi())
}

fn place(ticket: Ticket) -> DefaultKey {
    KeyData::from_ffi(ticket.0).into()
}
