//! Which ids a map knows, as far as memory can say: where those on pages are, and a filter over those in runs that says for nearly all others
//! that they are in none. Made when a map's ids are first asked for, kept with what is written since; never more than a shortcut.

use super::backup::Changes;
use super::failure::EngineFailure;
use super::keys::{self, shelf};
use super::taken;
use super::view::decode;
use super::{packed, read};
use crate::store::StoreError;
use crate::store::message::{IdHashes, Remembered};
use fastbloom::BloomFilter;
use foldhash::{HashMap, HashMapExt, HashSet};
use lru::LruCache;
use sled::Db;

/// Ids on pages that are known at once, of all maps together; about 34 bytes each. Where there are more, the maps that took in nothing for
/// longest are read again when they take in something.
const ON_PAGES_MAX: usize = 2 * 1024 * 1024;
/// Ids that one filter is for: four times as many as the one before it, up to the last.
const FIRST_FILTER_IDS: usize = 64 * 1024;
const FILTER_IDS_MAX: usize = 1024 * 1024;
/// One id in a hundred thousand that is in none of a filter's runs is looked for there all the same, in each of them.
const BITS_PER_ID: usize = 24;
/// The same filter for the same ids in every process.
const SEED: u128 = 0;

#[derive(Debug)]
pub(super) struct KnownIds {
    maps: LruCache<String, OfMap>,
}

impl Default for KnownIds {
    fn default() -> Self {
        Self { maps: LruCache::unbounded() }
    }
}

/// The ids of one life of a map.
#[derive(Debug)]
struct OfMap {
    incarnation: u32,
    /// By hash the last page that has it.
    on_pages: HashMap<u64, u64>,
    /// The oldest first.
    filters: Vec<Filter>,
}

/// Over runs that follow one another.
#[derive(Debug)]
struct Filter {
    runs: Vec<u64>,
    ids: usize,
    ids_max: usize,
    bits: BloomFilter,
}

impl KnownIds {
    /// What is remembered of each of these ids.
    pub fn remembered(
        &mut self,
        db: &Db,
        map: &str,
        incarnation: u32,
        change_ids: &[&str],
    ) -> Result<Vec<Option<Remembered>>, StoreError> {
        if self.maps.peek(map).is_none_or(|known| known.incarnation != incarnation) {
            self.maps.push(map.to_owned(), OfMap::load(db, map, incarnation)?);
            self.forget_unused();
        }
        let Some(known) = self.maps.get(map) else { return Ok(vec![None; change_ids.len()]) };
        change_ids.iter().map(|change_id| known.find(db, map, change_id)).collect()
    }

    fn forget_unused(&mut self) {
        let mut on_pages: usize = self.maps.iter().map(|(_, known)| known.on_pages.len()).sum();
        while on_pages > ON_PAGES_MAX
            && self.maps.len() > 1
            && let Some((_, known)) = self.maps.pop_lru()
        {
            on_pages -= known.on_pages.len();
        }
    }

    /// A group of commits was written.
    pub fn note(&mut self, changes: &Changes) -> Result<(), StoreError> {
        if self.maps.is_empty() {
            return Ok(());
        }
        let mut gone_pages: HashMap<&[u8], HashSet<u64>> = HashMap::new();
        for (key, change) in changes {
            let known_by = [shelf::PAGES, shelf::ID_HASHES];
            let Some(&of) = key.first().filter(|shelf| known_by.contains(shelf)) else { continue };
            let Some((map, known)) = self.of(key) else { continue };
            match (of, change) {
                (shelf::PAGES, Some(page)) => known.note_page(keys::last_number(key).unwrap_or(0), page)?,
                (shelf::PAGES, None) => {
                    gone_pages.entry(map).or_default().extend(keys::last_number(key));
                }
                (_, Some(block)) => known.note_block(run_of(map, key), block)?,
                (_, None) => known.forget_run(run_of(map, key)),
            }
        }
        for (map, pages) in gone_pages {
            if let Some(known) = std::str::from_utf8(map).ok().and_then(|map| self.maps.peek_mut(map)) {
                known.on_pages.retain(|_, page| !pages.contains(page));
            }
        }
        Ok(())
    }

    /// The map of a key, if the life that it belongs to is known.
    fn of<'k>(&mut self, key: &'k [u8]) -> Option<(&'k [u8], &mut OfMap)> {
        let (map, incarnation) = keys::life_of(key)?;
        let known = self.maps.peek_mut(std::str::from_utf8(map).ok()?)?;
        (known.incarnation == incarnation).then_some((map, known))
    }

    pub fn clear(&mut self) {
        self.maps.clear();
    }
}

fn run_of(map: &[u8], key: &[u8]) -> u64 {
    std::str::from_utf8(map).ok().and_then(|map| keys::run_of(map, key)).unwrap_or(0)
}

impl OfMap {
    fn load(db: &Db, map: &str, incarnation: u32) -> Result<Self, StoreError> {
        let mut known = Self { incarnation, on_pages: HashMap::default(), filters: Vec::new() };
        for shelf in [shelf::ID_HASHES, shelf::PAGES] {
            let prefix = keys::of_incarnation(shelf, map, incarnation);
            for entry in db.range(prefix.clone()..keys::behind(&prefix)) {
                let (key, bytes) = entry.map_err(EngineFailure::reading)?;
                if shelf == shelf::ID_HASHES {
                    known.note_block(run_of(map.as_bytes(), &key), &bytes)?;
                } else {
                    known.note_page(keys::last_number(&key).unwrap_or(0), &bytes)?;
                }
            }
        }
        Ok(known)
    }

    fn note_page(&mut self, number: u64, page: &[u8]) -> Result<(), StoreError> {
        for taken in packed::items(&packed::unpacked(page)?) {
            let id_hash = taken::id_hash_of(taken?);
            if id_hash != 0 {
                let last = self.on_pages.entry(id_hash).or_default();
                *last = number.max(*last);
            }
        }
        Ok(())
    }

    fn note_block(&mut self, run: u64, block: &[u8]) -> Result<(), StoreError> {
        let last = self.filters.last();
        let goes_on = last.is_some_and(|last| last.ids < last.ids_max || last.runs.last() == Some(&run));
        if !goes_on {
            let ids_max = last.map_or(FIRST_FILTER_IDS, |last| (last.ids_max * 4).min(FILTER_IDS_MAX));
            let bits = BloomFilter::with_num_bits(ids_max * BITS_PER_ID).seed(&SEED).expected_items(ids_max);
            self.filters.push(Filter { runs: Vec::new(), ids: 0, ids_max, bits });
        }
        let Some(filter) = self.filters.last_mut() else { return Ok(()) };
        if filter.runs.last() != Some(&run) {
            filter.runs.push(run);
        }
        let block: IdHashes = decode(block, "hashes of ids")?;
        filter.ids += block.hashes.len();
        for hash in block.hashes {
            filter.bits.insert_hash(hash);
        }
        Ok(())
    }

    fn forget_run(&mut self, run: u64) {
        for filter in &mut self.filters {
            filter.runs.retain(|of| *of != run);
        }
        self.filters.retain(|filter| !filter.runs.is_empty());
    }

    /// The newest answer: one whose time is over may have been told again.
    fn find(&self, db: &Db, map: &str, change_id: &str) -> Result<Option<Remembered>, StoreError> {
        let hash = taken::id_hash(change_id);
        if let Some(page) = self.on_pages.get(&hash) {
            let page = read::get(db, &keys::numbered(shelf::PAGES, map, self.incarnation, *page))?;
            if let Some(found) = page.map(|page| taken::find(&page, hash, change_id)).transpose()?.flatten() {
                return Ok(Some(found));
            }
        }
        for filter in self.filters.iter().rev().filter(|filter| filter.bits.contains_hash(hash)) {
            for run in filter.runs.iter().rev() {
                let place = |hash| keys::ids(map, self.incarnation, *run, hash);
                let block = db.range(place(0)..=place(hash)).next_back().transpose().map_err(EngineFailure::reading)?;
                if let Some(found) = block.map(|(_, block)| taken::find(&block, hash, change_id)).transpose()?.flatten()
                {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }
}
