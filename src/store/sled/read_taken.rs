//! Reading what was taken in: the answers to ids, and the queued records of keys.

use super::SledStore;
use super::failure::EngineFailure;
use super::keys::{self, shelf};
use super::packed;
use super::read::{first_time, head, segment_with};
use super::taken;
use super::view::decode;
use crate::model::change::{QueuedRecord, Remembered};
use crate::model::ids::{MapId, QueueSequence};
use crate::store::StoreError;
use crate::store::message::{MapHead, QueuedKey, Run, Time};
use chrono::{DateTime, Utc};
use sled::Db;

/// Runs that are looked at in one read, at most: writes wait that long.
const RUNS_AT_ONCE: usize = if cfg!(test) { 2 } else { 32 };

/// Where the queued records of some keys may stand, as far as one read has found.
#[derive(Default)]
struct Places {
    /// In the order of runs, which is that of the queue.
    sequences: Vec<u64>,
    /// The runs up to this one were looked at.
    run: u64,
    /// There is nothing behind it.
    all: bool,
}

impl SledStore {
    pub(super) fn read_remembered(
        &self,
        map: &MapId,
        change_ids: &[&str],
    ) -> Result<Vec<Option<Remembered>>, StoreError> {
        let found = self
            .shared
            .read_known(|db, known| known.remembered(db, map.as_str(), head(db, map)?.incarnation, change_ids))?;
        found.into_iter().map(|found| found.map(TryInto::try_into).transpose().map_err(StoreError::from)).collect()
    }

    /// Whether there is anything that `Forget` would remove.
    pub(super) fn read_forgets(&self, map: &MapId, until: DateTime<Utc>) -> Result<bool, StoreError> {
        let until = Time::from(&until);
        self.shared.read(|db| {
            let head = head(db, map)?;
            let of = |shelf| keys::of_incarnation(shelf, map.as_str(), head.incarnation);
            let first = |shelf| {
                let first = db.range(of(shelf)..keys::behind(&of(shelf))).next().transpose();
                first.map_err(|error| StoreError::from(EngineFailure::reading(error)))
            };
            for entry in db.range(of(shelf::RUNS)..keys::behind(&of(shelf::RUNS))) {
                let (_, bytes) = entry.map_err(EngineFailure::reading)?;
                let run: Run = decode(&bytes, "a run")?;
                if run.last_sequence != 0 && run.last_sequence < head.first_segment {
                    return Ok(true);
                }
                if let Some(last) = run.last_time {
                    return Ok(taken::order_of(last) <= taken::order_of(until));
                }
            }
            let Some((_, page)) = first(shelf::PAGES)? else { return Ok(false) };
            Ok(!taken::read_page(&page)?.iter().any(|taken| taken::is_kept(&head, taken, until)))
        })
    }

    pub(super) fn read_queued_by_key(
        &self,
        map: &MapId,
        prefix: &[u8],
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<QueuedRecord>, StoreError> {
        let prefix = keys::first_bytes(prefix);
        let mut found = Vec::new();
        let mut run = 0;
        while found.len() < limit {
            let mut places = self.shared.read(|db| places(db, map, prefix, after.0, run, limit - found.len()))?;
            places.sequences.sort_unstable();
            for sequence in places.sequences {
                if found.len() == limit {
                    return Ok(found);
                }
                found.extend(self.read_queued_record(map, QueueSequence(sequence))?);
            }
            if places.all {
                break;
            }
            run = places.run;
        }
        Ok(found)
    }

    /// A sequence before which no queued record was accepted at `time` or later; close to the first one that was.
    pub(super) fn read_accepted_before(&self, map: &MapId, time: DateTime<Utc>) -> Result<QueueSequence, StoreError> {
        let time = taken::order_of(Time::from(&time));
        self.shared.read(|db| {
            let head = head(db, map)?;
            let (mut before, mut not_before) = (head.first_segment, head.last_queued + 1);
            while before < not_before {
                let middle = before + (not_before - before) / 2;
                let earlier = match segment_with(db, map, &head, middle)? {
                    Some(segment) => first_time(&segment)?.is_some_and(|first| taken::order_of(first) < time),
                    None => true, // no record before it is queued
                };
                if earlier {
                    before = middle + 1;
                } else {
                    not_before = middle;
                }
            }
            // The segment of the one before may hold some that came later than its first.
            let segment = segment_with(db, map, &head, before.saturating_sub(1))?;
            Ok(QueueSequence(segment.map_or(before, |segment| segment.first()).saturating_sub(1)))
        })
    }
}

/// Looks at the runs behind `run` that may have queued records after `after`, until there are `enough`; behind the last one, at the
/// pages.
fn places(db: &Db, map: &MapId, prefix: &[u8], after: u64, run: u64, enough: usize) -> Result<Places, StoreError> {
    let head = head(db, map)?;
    let from = head.first_segment.max(after.saturating_add(1));
    let key = |shelf, number| keys::numbered(shelf, map.as_str(), head.incarnation, number);
    let mut places = Places { run, ..Places::default() };
    let mut left = RUNS_AT_ONCE;
    for entry in db.range(key(shelf::RUNS, run + 1)..key(shelf::RUNS, u64::MAX)) {
        if left == 0 || places.sequences.len() >= enough {
            return Ok(places);
        }
        let (place, bytes) = entry.map_err(EngineFailure::reading)?;
        if decode::<Run>(&bytes, "a run")?.last_sequence >= from {
            places.run = keys::last_number(&place).unwrap_or(u64::MAX);
            let sequences = in_run(db, map, &head, prefix, places.run)?;
            places.sequences.extend(sequences.into_iter().filter(|sequence| *sequence >= from));
            left -= 1;
        }
    }
    for entry in db.range(key(shelf::PAGES, 0)..key(shelf::PAGES, u64::MAX)) {
        let (_, page) = entry.map_err(EngineFailure::reading)?;
        let taken = taken::read_page(&page)?;
        let meant = taken.iter().filter(|taken| taken.key.starts_with(prefix)).map(taken::sequence_of);
        places.sequences.extend(meant.filter(|sequence| *sequence >= from));
    }
    Ok(Places { all: true, ..places })
}

/// The records of a run whose keys begin so.
fn in_run(db: &Db, map: &MapId, head: &MapHead, prefix: &[u8], run: u64) -> Result<Vec<u64>, StoreError> {
    let start = keys::numbered(shelf::QUEUED_KEYS, map.as_str(), head.incarnation, run);
    let wanted = [start.as_slice(), prefix].concat();
    // The block that begins before them may hold the first ones.
    let before = db.range(start..=wanted.clone()).keys().next_back().transpose().map_err(EngineFailure::reading)?;
    let from = before.map_or_else(|| wanted.clone(), |key| key.to_vec());
    let mut sequences = Vec::new();
    for entry in db.range(from..keys::behind(&wanted)) {
        let (_, block) = entry.map_err(EngineFailure::reading)?;
        for item in packed::items(&block) {
            let key: QueuedKey = decode(item?, "a queued key")?;
            if key.key.starts_with(prefix) {
                sequences.push(key.sequence);
            }
        }
    }
    Ok(sequences)
}
