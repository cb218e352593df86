//! What the store will be once the commits of a group are written: what it is, and over it what they have changed so far.

use super::backup::Changes;
use super::failure::EngineFailure;
use super::keys::{self, Key};
use crate::store::StoreError;
use crate::store::codec::Unreadable;
use crate::store::message::{MapHead, StoreHead};
use prost::Message;
use sled::IVec;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

/// The numbers of the store and of its maps, as they are after every commit applied so far. The writer's alone.
pub(super) struct Numbers {
    pub store: StoreHead,
    /// One for each map that was touched since the opening.
    heads: HashMap<String, MapHead>,
}

impl Numbers {
    pub fn load(db: &sled::Db) -> Result<Self, StoreError> {
        let bytes = db.get(keys::store_head()).map_err(EngineFailure::reading)?;
        let store = bytes.map(|bytes| decode(&bytes, "the store's numbers")).transpose()?.unwrap_or_default();
        Ok(Self { store, heads: HashMap::new() })
    }
}

/// Reads a stored message.
pub(super) fn decode<M: Message + Default>(bytes: &[u8], what: &'static str) -> Result<M, StoreError> {
    M::decode(bytes).map_err(|_| Unreadable(what).into())
}

/// The changes of one group of commits, on their way to one batch. A commit that is refused half-way is undone.
pub(super) struct View<'a> {
    db: &'a sled::Db,
    numbers: &'a mut Numbers,
    /// What is written (`Some`) or removed.
    changes: BTreeMap<Key, Option<IVec>>,
    heads_changed: BTreeSet<String>,
    commit: Undo,
}

/// What takes back the commit that is being applied.
#[derive(Default)]
struct Undo {
    /// Keys with what `changes` had for them before, in the order of the writes.
    changes: Vec<(Key, Option<Option<IVec>>)>,
    store: StoreHead,
}

impl<'a> View<'a> {
    pub fn new(db: &'a sled::Db, numbers: &'a mut Numbers) -> Self {
        Self { db, numbers, changes: BTreeMap::new(), heads_changed: BTreeSet::new(), commit: Undo::default() }
    }

    /// A commit begins.
    pub fn begin(&mut self) {
        self.commit.changes.clear();
        self.commit.store = self.numbers.store;
    }

    /// Everything is as it was at `begin`. (A head is set last of all, by a commit that is not refused any more.)
    pub fn roll_back(&mut self) {
        while let Some((key, before)) = self.commit.changes.pop() {
            match before {
                Some(change) => self.changes.insert(key, change),
                None => self.changes.remove(&key),
            };
        }
        self.numbers.store = self.commit.store;
    }

    /// The changes to be written as one, heads included; none when nothing changed.
    pub fn into_changes(self) -> Option<Changes> {
        if self.heads_changed.is_empty() {
            return None;
        }
        let mut changes: Changes = self.changes.into_iter().map(|(key, change)| (key.into(), change)).collect();
        for map in &self.heads_changed {
            if let Some(head) = self.numbers.heads.get(map) {
                changes.push((keys::head(map).into(), Some(head.encode_to_vec().into())));
            }
        }
        changes.push((keys::store_head().into(), Some(self.numbers.store.encode_to_vec().into())));
        Some(changes)
    }

    pub fn store(&mut self) -> &mut StoreHead {
        &mut self.numbers.store
    }

    /// The map's numbers; all zero for one that never was.
    pub fn head(&self, map: &str) -> Result<MapHead, StoreError> {
        if let Some(head) = self.numbers.heads.get(map) {
            return Ok(head.clone());
        }
        let bytes = self.db.get(keys::head(map)).map_err(EngineFailure::reading)?;
        Ok(bytes.map(|bytes| decode(&bytes, "a map's numbers")).transpose()?.unwrap_or_default())
    }

    pub fn set_head(&mut self, map: &str, head: MapHead) {
        self.heads_changed.insert(map.to_owned());
        self.numbers.heads.insert(map.to_owned(), head);
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => Ok(self.db.get(key).map_err(EngineFailure::reading)?),
        }
    }

    /// Writes an entry where there is none.
    pub fn put_new(&mut self, key: Key, value: Vec<u8>) {
        self.numbers.store.stored_bytes += entry_bytes(&key, &value);
        self.change(key, Some(value.into()));
    }

    /// Writes an entry whether there is one or not.
    pub fn put(&mut self, key: Key, value: Vec<u8>) -> Result<(), StoreError> {
        if let Some(old) = self.get(&key)? {
            self.subtract(&key, &old);
        }
        self.put_new(key, value);
        Ok(())
    }

    /// Removes an entry; says whether there was one.
    pub fn remove(&mut self, key: Key) -> Result<bool, StoreError> {
        let Some(old) = self.get(&key)? else {
            return Ok(false);
        };
        self.subtract(&key, &old);
        self.change(key, None);
        Ok(true)
    }

    /// The first entry from `from` on, before `end`.
    pub fn next(&self, from: &[u8], end: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
        let changed = self.changes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(end))).find_map(present);
        for entry in self.db.range(from..end) {
            let (key, value) = entry.map_err(EngineFailure::reading)?;
            if !self.changes.contains_key(key.as_ref()) {
                return Ok(match changed {
                    Some((first, change)) if first.as_ref() < key.as_ref() => Some((first, change)),
                    Some(_) | None => Some((key, value)),
                });
            }
        }
        Ok(changed)
    }

    /// The last entry up to and with `to`, from `start` on.
    pub fn previous(&self, start: &[u8], to: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
        let changed =
            self.changes.range::<[u8], _>((Bound::Included(start), Bound::Included(to))).rev().find_map(present);
        for entry in self.db.range(start..=to).rev() {
            let (key, value) = entry.map_err(EngineFailure::reading)?;
            if !self.changes.contains_key(key.as_ref()) {
                return Ok(match changed {
                    Some((last, change)) if last.as_ref() > key.as_ref() => Some((last, change)),
                    Some(_) | None => Some((key, value)),
                });
            }
        }
        Ok(changed)
    }

    fn change(&mut self, key: Key, change: Option<IVec>) {
        let before = self.changes.insert(key.clone(), change);
        self.commit.changes.push((key, before));
    }

    fn subtract(&mut self, key: &[u8], value: &[u8]) {
        let stored = &mut self.numbers.store.stored_bytes;
        *stored = stored.saturating_sub(entry_bytes(key, value));
    }
}

fn entry_bytes(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

fn present((key, change): (&Key, &Option<IVec>)) -> Option<(IVec, IVec)> {
    change.as_ref().map(|value| (IVec::from(key.as_slice()), value.clone()))
}
