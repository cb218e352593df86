//! Whether a store is sound: everything that is kept can be read, and counters and indexes say what is there. What they say wrongly can
//! be set right from the records themselves; it is done as it is found, so that it takes no memory.

mod alerts;
mod errors;
mod log;
mod queue;
mod taken;

use super::failure::EngineFailure;
use super::keys::{self, Key, shelf};
use super::offline::{OfflineError, must_be_there};
use super::open::{self, Opened};
use super::read::read;
use super::view::decode;
use crate::model;
use crate::store::StoreError;
use crate::store::codec::Unreadable;
use crate::store::message::{self, Figures, MapHead, StoreHead};
use prost::Message;
use sled::{Db, IVec};
use std::collections::BTreeMap;
use std::path::Path;

const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// What is wrong is told so often; the rest is counted.
const FINDINGS_MAX: usize = 200;
/// Changes of one repairing batch.
const BATCH: usize = 1_000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub entries: u64,
    pub maps: u64,
    /// In the order in which they were found; no more than 200.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub found: u64,
    /// How many of them are about what is kept itself, which nothing can set right.
    pub beyond_repair: u64,
    /// Whether the others were set right.
    pub repaired: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The map that it is about; none for the whole store.
    pub map: Option<String>,
    pub what: String,
    /// A counter or an index, which a repair sets right; else what is kept itself.
    pub can_be_repaired: bool,
}

/// Looks through a store that nobody has open; with `repair` sets right what can be.
pub fn check(path: &Path, repair: bool) -> Result<Report, OfflineError> {
    must_be_there(path)?;
    let _lock = open::lock(path)?;
    let opened = open::open(path, CACHE_BYTES)?;
    look_through(&opened, repair)
}

pub(super) fn look_through(opened: &Opened, repair: bool) -> Result<Report, OfflineError> {
    let mut check = Check { db: &opened.db, report: Report::default(), repair, changes: Vec::new() };
    check.store()?;
    let mut report = check.report;
    report.repaired = repair && report.found > report.beyond_repair;
    opened.sync()?;
    Ok(report)
}

/// A check that is under way.
struct Check<'a> {
    db: &'a Db,
    report: Report,
    repair: bool,
    /// What sets right what was found, until there is a batch of it.
    changes: Vec<(Key, Option<Vec<u8>>)>,
}

/// The life of a map that is looked at.
struct Life<'a> {
    map: &'a str,
    head: &'a MapHead,
}

impl Life<'_> {
    fn prefix(&self, shelf: u8) -> Key {
        keys::of_incarnation(shelf, self.map, self.head.incarnation)
    }

    fn key(&self, shelf: u8, number: u64) -> Key {
        keys::numbered(shelf, self.map, self.head.incarnation, number)
    }
}

type Entry = Result<(IVec, IVec), OfflineError>;

impl<'a> Check<'a> {
    /// Something that is kept is not as it must be.
    fn wrong(&mut self, map: Option<&str>, what: impl Into<String>) {
        self.report.beyond_repair += 1;
        self.find(map, what.into(), false);
    }

    /// A counter or an index says what is not so; these entries set it right.
    fn says_wrongly(
        &mut self,
        map: Option<&str>,
        what: impl Into<String>,
        changes: impl IntoIterator<Item = (Key, Option<Vec<u8>>)>,
    ) -> Result<(), OfflineError> {
        self.find(map, what.into(), true);
        self.changes.extend(changes);
        if self.changes.len() >= BATCH { self.apply_changes() } else { Ok(()) }
    }

    fn find(&mut self, map: Option<&str>, what: String, can_be_repaired: bool) {
        self.report.found += 1;
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding { map: map.map(str::to_owned), what, can_be_repaired });
        }
    }

    fn apply_changes(&mut self) -> Result<(), OfflineError> {
        let changes = std::mem::take(&mut self.changes);
        if !self.repair {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        for (key, change) in changes {
            match change {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        Ok(self.db.apply_batch(batch).map_err(EngineFailure::writing)?)
    }

    /// The entries with this prefix, one after the other.
    fn entries(&self, prefix: &[u8]) -> impl Iterator<Item = Entry> + use<'a> {
        self.db.range(prefix.to_vec()..keys::behind(prefix)).map(|entry| Ok(entry.map_err(EngineFailure::reading)?))
    }

    fn get(&self, key: &[u8]) -> Result<Option<IVec>, OfflineError> {
        Ok(self.db.get(key).map_err(EngineFailure::reading)?)
    }

    /// A message that is kept, in the model's terms; none where it cannot be read, which is told.
    fn read<M, T>(&mut self, map: &str, bytes: &[u8], what: &'static str) -> Option<T>
    where
        M: Message + Default,
        T: TryFrom<M, Error = Unreadable>,
    {
        self.readable(map, what, read::<M, T>(bytes, what))
    }

    fn readable<T>(&mut self, map: &str, what: &str, read: Result<T, StoreError>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(error) => {
                self.wrong(Some(map), format!("{what}: {error}"));
                None
            }
        }
    }

    fn store(&mut self) -> Result<(), OfflineError> {
        let (bytes, stored) = self.size()?;
        if stored.stored_bytes != bytes {
            let what = format!("{bytes} bytes are stored, {} are counted", stored.stored_bytes);
            self.says_wrongly(None, what, [])?; // the count is set at the end
        }
        let heads = self.heads()?;
        for (map, head) in &heads {
            self.report.maps += u64::from(head.exists);
            self.map(&Life { map, head })?;
        }
        let position = self.log(&heads)?;
        let head = self.alerts(StoreHead { position, ..stored })?;
        self.strangers(&heads)?;
        self.apply_changes()?;
        let (stored_bytes, stored) = self.size()?;
        let head = StoreHead { stored_bytes, ..head };
        if self.repair && stored != head {
            self.changes.push((keys::store_head(), Some(head.encode_to_vec())));
            self.apply_changes()?;
        }
        Ok(())
    }

    fn heads(&mut self) -> Result<Vec<(String, MapHead)>, OfflineError> {
        let mut heads = Vec::new();
        for entry in self.entries(&[shelf::HEADS]) {
            let (key, bytes) = entry?;
            let map = String::from_utf8_lossy(&key[1..key.len().saturating_sub(1)]).into_owned();
            let head = decode::<MapHead>(&bytes, "a map's numbers");
            if let Some(head) = self.readable(&map, "its numbers", head) {
                heads.push((map, head));
            }
        }
        Ok(heads)
    }

    /// One map: what is kept of it, then what is said about that.
    fn map(&mut self, life: &Life<'_>) -> Result<(), OfflineError> {
        self.record(life)?;
        let mut counted = queue::Counted::default();
        self.taken(life, &mut counted)?;
        self.queue(life, &mut counted)?;
        self.errors(life, &mut counted)?;
        self.index(life)?;
        self.rest(life)?;
        self.alerts_of_map(life)?;
        self.figures(life, counted)
    }

    fn record(&mut self, life: &Life<'_>) -> Result<(), OfflineError> {
        let bytes = self.get(&keys::of_map(shelf::MAPS, life.map))?;
        let Some(bytes) = bytes else {
            if life.head.exists {
                self.wrong(Some(life.map), "its record is missing");
            }
            return Ok(());
        };
        let record = self.read::<message::TableMap, model::table_map::TableMap>(life.map, &bytes, "its record");
        let fits = |map: &model::table_map::TableMap| life.head.exists && map.revision.0 == life.head.revision;
        if record.is_some_and(|map| !fits(&map)) {
            self.wrong(Some(life.map), "its record and its numbers are of different moments");
        }
        Ok(())
    }

    /// What nothing else counts must at least be readable.
    fn rest(&mut self, life: &Life<'_>) -> Result<(), OfflineError> {
        for entry in self.entries(&life.prefix(shelf::EXECUTIONS)) {
            self.read::<message::Execution, model::execution::Execution>(life.map, &entry?.1, "an execution");
        }
        for entry in self.entries(&life.prefix(shelf::DEFERRED)) {
            self.read::<message::DeferredRows, model::execution::DeferredRows>(life.map, &entry?.1, "deferred rows");
        }
        for entry in self.entries(&life.prefix(shelf::JOBS)) {
            self.read::<message::QueueJob, model::job::QueueJob>(life.map, &entry?.1, "a job");
        }
        for entry in self.entries(&life.prefix(shelf::WRITTEN)) {
            let note = decode::<message::WrittenSince>(&entry?.1, "a note");
            self.readable(life.map, "what was written of a key", note);
        }
        Ok(())
    }

    /// Rule 11: the figures say what is there, and add up.
    fn figures(&mut self, life: &Life<'_>, counted: queue::Counted) -> Result<(), OfflineError> {
        let mut head = life.head.clone();
        let mut wrong = Vec::new();
        let mut set = |name: &str, figure: &mut u64, found: u64| {
            if *figure != found {
                wrong.push(format!("{name} is {found}, not {figure}"));
                *figure = found;
            }
        };
        for (side, name, kept) in
            [(message::Side::Left, "left", &mut head.left), (message::Side::Right, "right", &mut head.right)]
        {
            let before = kept.unwrap_or_default();
            let mut figures = before;
            let of_side = |counts: &BTreeMap<i32, u64>| counts.get(&side.into()).copied().unwrap_or(0);
            set(&format!("{name} queued"), &mut figures.queued, of_side(&counted.queued));
            set(&format!("{name} in error"), &mut figures.in_error, of_side(&counted.in_error));
            let Figures { applied, queued, in_error, skipped, superseded, deleted, purged, .. } = figures;
            let sum = applied + queued + in_error + skipped + superseded + deleted + purged;
            set(&format!("{name} accepted"), &mut figures.accepted, sum);
            if figures != before {
                *kept = Some(figures);
            }
        }
        set("the queue's size in bytes", &mut head.queued_bytes, counted.queued_bytes);
        let first_segment = head.first_segment.min(counted.first_segment.unwrap_or(head.first_segment));
        set("the first segment of the queue", &mut head.first_segment, first_segment);
        let last_queued = head.last_queued.max(counted.last_sequence);
        set("the last sequence", &mut head.last_queued, last_queued);
        let last_event = self.last_event(life.map)?.max(head.last_event);
        set("the last event", &mut head.last_event, last_event);
        set("the changes on pages", &mut head.on_pages, counted.on_pages);
        let last_page = head.last_page.max(counted.last_page);
        set("the last page", &mut head.last_page, last_page);
        let last_run = head.last_run.max(counted.last_run);
        set("the last run", &mut head.last_run, last_run);
        let failures = head.failures.max(counted.failures);
        set("the number of failures", &mut head.failures, failures);
        if wrong.is_empty() {
            return Ok(());
        }
        let change = (keys::head(life.map), Some(head.encode_to_vec()));
        self.says_wrongly(Some(life.map), format!("its figures: {}", wrong.join(", ")), [change])
    }

    /// Entries that belong to nobody: of maps without numbers, or of lives that have been removed.
    fn strangers(&mut self, heads: &[(String, MapHead)]) -> Result<(), OfflineError> {
        for shelf in shelf::OF_AN_INCARNATION {
            let (mut strange, mut left) = (0_u64, 0_u64);
            for entry in self.entries(&[shelf]) {
                let (key, _) = entry?;
                let life = keys::life_of(&key);
                let head = life.and_then(|(map, _)| heads.iter().find(|(id, _)| id.as_bytes() == map));
                match (head, life) {
                    (Some((_, head)), Some((_, incarnation)))
                        if (head.swept..=head.incarnation).contains(&incarnation) => {}
                    (Some(_), Some(_)) => left += 1,
                    _ => strange += 1,
                }
            }
            for (count, of) in [(strange, "no map"), (left, "lives of maps that were removed")] {
                if count > 0 {
                    self.wrong(None, format!("{count} entries on shelf {shelf:#04x} are of {of}"));
                }
            }
        }
        Ok(())
    }

    /// Counts all entries, and the bytes of those that are counted, beside what is said of them.
    fn size(&mut self) -> Result<(u64, StoreHead), OfflineError> {
        let (mut entries, mut bytes) = (0, 0);
        for entry in self.db.iter() {
            let (key, value) = entry.map_err(EngineFailure::reading)?;
            entries += 1;
            if key.first().is_some_and(|shelf| ![shelf::STORE, shelf::HEADS, shelf::FENCE].contains(shelf)) {
                bytes += (key.len() + value.len()) as u64;
            }
        }
        self.report.entries = entries;
        let known = self.get(&keys::store_head())?;
        let head = known.map(|bytes| decode(&bytes, "the store's numbers")).transpose()?;
        Ok((bytes, head.unwrap_or_default()))
    }
}
