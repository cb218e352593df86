//! What was taken in: pages and runs can be read, are in order and counted, and every queued record stands under its key.

use super::queue::Counted;
use super::{Check, Life};
use crate::model;
use crate::store::message::{self, QueuedKey, Run, Taken};
use crate::store::sled::keys::{self, Key, shelf};
use crate::store::sled::offline::OfflineError;
use crate::store::sled::taken::{hash_blocks, key_blocks, order_of, read_page, sequence_of};
use crate::store::sled::view::decode;
use crate::store::sled::{failure::EngineFailure, packed};
use prost::Message;
use std::collections::{BTreeMap, VecDeque};

impl Check<'_> {
    pub(super) fn taken(&mut self, life: &Life<'_>, counted: &mut Counted) -> Result<(), OfflineError> {
        for entry in self.entries(&life.prefix(shelf::PAGES)) {
            let (key, page) = entry?;
            counted.last_page = counted.last_page.max(keys::last_number(&key).unwrap_or(0));
            if let Some(taken) = self.readable(life.map, "a page of changes", read_page(&page)) {
                counted.on_pages += taken.len() as u64;
                self.answers(life, taken);
            }
        }
        let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
        let (mut number, mut hashes) = (0, Vec::new());
        for entry in self.entries(&life.prefix(shelf::IDS)) {
            let (key, block) = entry?;
            let Some(taken) = self.readable(life.map, "a block of ids", read_page(&block)) else { continue };
            let of = keys::run_of(life.map, &key).unwrap_or(0);
            if of != number {
                self.hashes(life, number, &std::mem::take(&mut hashes))?;
                number = of;
            }
            hashes.extend(taken.iter().map(|taken| taken.id_hash));
            let run = runs.entry(of).or_default();
            let times = taken.iter().filter_map(|taken| taken.remembered.as_ref()?.time);
            run.last_time = times.chain(run.last_time).max_by_key(|time| order_of(*time));
            let first = taken.first().map(|taken| taken.id_hash);
            if !taken.is_sorted_by_key(|taken| taken.id_hash) || first != keys::last_number(&key) {
                self.wrong(Some(life.map), "a block of ids is not in their order");
            }
            self.answers(life, taken);
        }
        self.hashes(life, number, &hashes)?;
        for entry in self.entries(&life.prefix(shelf::QUEUED_KEYS)) {
            let (key, block) = entry?;
            let run = runs.entry(keys::run_of(life.map, &key).unwrap_or(0)).or_default();
            for (sequence, _) in self.keys_of(life, &block) {
                run.last_sequence = run.last_sequence.max(sequence);
            }
        }
        self.runs(life, runs, counted)
    }

    /// The hashes of a run are those of its ids.
    fn hashes(&mut self, life: &Life<'_>, run: u64, hashes: &[u64]) -> Result<(), OfflineError> {
        let mut changes = BTreeMap::new();
        for entry in self.entries(&life.key(shelf::ID_HASHES, run)) {
            let (key, block) = entry?;
            changes.insert(key.to_vec(), (Some(block.to_vec()), None));
        }
        for (key, block) in hash_blocks(life.map, life.head.incarnation, run, hashes) {
            changes.entry(key).or_insert((None, None)).1 = Some(block);
        }
        changes.retain(|_, (is, must)| is != must);
        if changes.is_empty() {
            return Ok(());
        }
        let changes = changes.into_iter().map(|(key, (_, must))| (key, must));
        self.says_wrongly(Some(life.map), format!("the hashes of run {run} are not those of its ids"), changes)
    }

    fn answers(&mut self, life: &Life<'_>, taken: Vec<Taken>) {
        for taken in taken.into_iter().filter(|taken| taken.id_hash != 0) {
            let remembered = taken.remembered.unwrap_or_default();
            let read = model::change::Remembered::try_from(remembered).map_err(Into::into);
            self.readable(life.map, "a remembered change", read);
        }
    }

    fn keys_of(&mut self, life: &Life<'_>, block: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let keys = packed::items(block).map(|item| decode::<QueuedKey>(item?, "a queued key"));
        let keys = keys.map(|key| key.map(|key| (key.sequence, key.key))).collect();
        self.readable(life.map, "a block of keys", keys).unwrap_or_default()
    }

    fn runs(
        &mut self,
        life: &Life<'_>,
        mut found: BTreeMap<u64, Run>,
        counted: &mut Counted,
    ) -> Result<(), OfflineError> {
        for entry in self.entries(&life.prefix(shelf::RUNS)) {
            let (key, bytes) = entry?;
            let number = keys::last_number(&key).unwrap_or(0);
            counted.last_run = counted.last_run.max(number);
            let says = decode::<Run>(&bytes, "a run").unwrap_or_default();
            let is = found.remove(&number).unwrap_or_default();
            if says != is {
                let change = (life.key(shelf::RUNS, number), (is != Run::default()).then(|| is.encode_to_vec()));
                self.says_wrongly(Some(life.map), format!("run {number} says of itself what is not so"), [change])?;
            }
        }
        for (number, run) in found {
            counted.last_run = counted.last_run.max(number);
            let change = (life.key(shelf::RUNS, number), Some(run.encode_to_vec()));
            self.says_wrongly(Some(life.map), format!("run {number} is not listed"), [change])?;
        }
        Ok(())
    }
}

/// The keys of queued records as the index has them, a run after the other and then those on pages; each in the order of the queue.
pub(super) struct KeyWalk {
    runs: VecDeque<u64>,
    /// The run that is walked; none at the pages.
    run: Option<u64>,
    keys: Vec<(u64, Vec<u8>)>,
    at: usize,
    /// Records of the queue that it should have.
    missing: Vec<(u64, Vec<u8>)>,
    all: bool,
}

impl KeyWalk {
    pub fn begin(check: &Check<'_>, life: &Life<'_>) -> Result<Self, OfflineError> {
        let mut runs = VecDeque::new();
        let mut from = life.prefix(shelf::QUEUED_KEYS);
        let end = keys::behind(&from);
        loop {
            let next = check.db.range(from..end.clone()).keys().next().transpose().map_err(EngineFailure::reading)?;
            let Some(run) = next.and_then(|key| keys::run_of(life.map, &key)) else { break };
            runs.push_back(run);
            from = life.key(shelf::QUEUED_KEYS, run + 1);
        }
        Ok(Self { runs, run: None, keys: Vec::new(), at: 0, missing: Vec::new(), all: false })
    }

    /// The next record of the queue, and the first bytes of its key.
    pub fn next(
        &mut self,
        check: &mut Check<'_>,
        life: &Life<'_>,
        sequence: u64,
        key: &[u8],
    ) -> Result<(), OfflineError> {
        loop {
            while self.keys.get(self.at).is_some_and(|(at, known)| *at < sequence || (*at == sequence && known != key))
            {
                self.at += 1;
            }
            match self.keys.get(self.at) {
                Some((at, _)) if *at == sequence => return Ok(()),
                None if !self.all => self.further(check, life)?,
                Some(_) | None => {
                    self.missing.push((sequence, key.to_vec()));
                    return Ok(());
                }
            }
        }
    }

    /// To the next run, or to the pages.
    fn further(&mut self, check: &mut Check<'_>, life: &Life<'_>) -> Result<(), OfflineError> {
        self.repair(check, life)?;
        self.run = self.runs.pop_front();
        self.at = 0;
        self.keys = match self.run {
            Some(run) => {
                let blocks: Vec<_> =
                    check.entries(&life.key(shelf::QUEUED_KEYS, run)).collect::<Result<_, OfflineError>>()?;
                blocks.iter().flat_map(|(_, block)| check.keys_of(life, block)).collect()
            }
            None => {
                self.all = true;
                let pages: Vec<_> = check.entries(&life.prefix(shelf::PAGES)).collect::<Result<_, OfflineError>>()?;
                let taken = pages.iter().filter_map(|(_, page)| read_page(page).ok()).flatten();
                taken.filter(|taken| !taken.key.is_empty()).map(|taken| (sequence_of(&taken), taken.key)).collect()
            }
        };
        self.keys.sort();
        Ok(())
    }

    /// Adds what was missing.
    fn repair(&mut self, check: &mut Check<'_>, life: &Life<'_>) -> Result<(), OfflineError> {
        let Some(run) = self.run.filter(|_| !self.missing.is_empty()) else { return Ok(()) };
        let missing = std::mem::take(&mut self.missing);
        let what = format!("{} queued records are not found by their keys", missing.len());
        let keys = self.keys.drain(..).chain(missing).map(|(sequence, key)| QueuedKey { key, sequence });
        let keys: Vec<QueuedKey> = keys.collect();
        check.apply_changes()?; // what the run says of itself may be among them
        let says = check.get(&life.key(shelf::RUNS, run))?;
        let says: Run = says.and_then(|says| decode(&says, "a run").ok()).unwrap_or_default();
        let last_sequence = keys.iter().map(|key| key.sequence).max().unwrap_or(0);
        let is = Run { last_sequence, ..says };
        let mut changes: Vec<(Key, Option<Vec<u8>>)> = vec![(life.key(shelf::RUNS, run), Some(is.encode_to_vec()))];
        for entry in check.entries(&life.key(shelf::QUEUED_KEYS, run)) {
            changes.push((entry?.0.to_vec(), None));
        }
        let blocks = key_blocks(life.map, life.head.incarnation, run, keys);
        changes.extend(blocks.map(|(place, block)| (place, Some(block))));
        check.says_wrongly(Some(life.map), what, changes)
    }

    pub fn end(mut self, check: &mut Check<'_>, life: &Life<'_>, counted: &mut Counted) -> Result<(), OfflineError> {
        if !self.all {
            return self.repair(check, life);
        }
        // Those that no run may have go to a page of their own.
        let missing = std::mem::take(&mut self.missing);
        for part in missing.chunks(PAGE_KEYS) {
            let taken = part.iter().map(|(sequence, key)| Taken {
                remembered: Some(message::Remembered { sequence: *sequence, ..Default::default() }),
                key: key.clone(),
                ..Taken::default()
            });
            counted.last_page = counted.last_page.max(life.head.last_page) + 1;
            let page = message::TakenPage { taken: taken.collect() }.encode_to_vec();
            let what = format!("{} queued records are not found by their keys", part.len());
            let change = (life.key(shelf::PAGES, counted.last_page), Some(page));
            counted.on_pages += if check.repair { part.len() as u64 } else { 0 };
            check.says_wrongly(Some(life.map), what, [change])?;
        }
        Ok(())
    }
}

/// Keys on a page that a repair writes.
const PAGE_KEYS: usize = 100;
