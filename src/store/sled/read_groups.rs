//! Reading errors by what they have in common, by time and by key.

use super::SledStore;
use super::keys::{self, shelf};
use super::read::{get, head, read, scan};
use super::view::decode;
use crate::model::change::ErrorRecord;
use crate::model::error_group::ErrorGroup;
use crate::model::ids::{ExecutionNumber, MapId, QueueSequence};
use crate::model::key::Key;
use crate::store::codec::error_group;
use crate::store::message::{self, Time};
use crate::store::{ErrorsByKey, FailedAt, StoreError};
use chrono::{DateTime, Utc};
use sled::{Db, IVec};

/// Entries of one read of the keys in error.
const ENTRIES_AT_ONCE: usize = 1_000;
/// Behind every key of its time.
const LAST_OF_TIME: u64 = u64::MAX;

impl SledStore {
    pub(super) fn read_error_groups(&self, map: &MapId) -> Result<Vec<ErrorGroup>, StoreError> {
        let read = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let prefix = keys::of_incarnation(shelf::ERROR_GROUPS, map.as_str(), incarnation);
            let groups = scan(db, &prefix, &keys::behind(&prefix), usize::MAX)?;
            let with_ends = groups.into_iter().map(|(key, bytes)| {
                let (execution, hash) = keys::group_of(&key).unwrap_or_default();
                let errors = keys::of_error_group(map.as_str(), incarnation, execution, hash);
                let ends = ends(db, &errors)?;
                Ok((execution, hash, bytes, ends))
            });
            with_ends.collect::<Result<Vec<_>, StoreError>>()
        })?;
        let group = |(execution, hash, bytes, ends): (u64, u64, IVec, Option<(IVec, IVec)>)| {
            let (first, last) =
                ends.ok_or_else(|| StoreError::Corrupt { what: "a group without errors".to_owned() })?;
            let time = |key: &[u8]| keys::time_of(key).unwrap_or_default();
            let of = (execution > 0).then_some(ExecutionNumber(execution));
            let group: message::ErrorGroup = decode(&bytes, "a group of errors")?;
            let number = keys::last_number(&last).unwrap_or(0);
            Ok(error_group(group, of, hash, [time(&first), time(&last)], number)?)
        };
        read.into_iter().map(group).collect()
    }

    pub(super) fn read_errors_failed(
        &self,
        map: &MapId,
        group: &ErrorGroup,
        after: Option<FailedAt>,
        until: Option<DateTime<Utc>>,
        limit: usize,
    ) -> Result<Vec<FailedAt>, StoreError> {
        self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let execution = group.execution.map_or(0, |execution| execution.0);
            let prefix = keys::of_error_group(map.as_str(), incarnation, execution, group.hash);
            numbers(db, prefix, after, until, limit)
        })
    }

    pub(super) fn read_put_right_until(
        &self,
        map: &MapId,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<QueueSequence>, StoreError> {
        let numbers = self.shared.read(|db| {
            let prefix = keys::put_right(map.as_str(), head(db, map)?.incarnation);
            numbers(db, prefix, None, Some(until), limit)
        })?;
        Ok(numbers.into_iter().map(|(_, number)| QueueSequence(number)).collect())
    }

    pub(super) fn read_errors_by_key(
        &self,
        map: &MapId,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<ErrorsByKey, StoreError> {
        self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let shelf = keys::of_incarnation(shelf::KEYS_IN_ERROR, map.as_str(), incarnation);
            let wanted = [shelf.as_slice(), keys::first_bytes(prefix)].concat();
            let from = match after {
                [] => wanted.clone(),
                _ => [shelf.as_slice(), after, &[0]].concat(), // the first key behind it
            };
            let end = keys::behind(&wanted);
            let entries = if from < end { scan(db, &from, &end, ENTRIES_AT_ONCE)? } else { Vec::new() };
            let mut found = ErrorsByKey::default();
            let place = |key: &IVec| key[shelf.len()..].to_vec(); // every key of the scan begins with it
            for (index, (key, _)) in entries.iter().enumerate() {
                if found.errors.len() == limit {
                    found.next = index.checked_sub(1).map(|before| place(&entries[before].0));
                    return Ok(found);
                }
                let number = keys::last_number(key).unwrap_or(0);
                let bytes = get(db, &keys::numbered(shelf::ERRORS, map.as_str(), incarnation, number))?;
                let error = bytes.map(|bytes| read::<message::ErrorRecord, ErrorRecord>(&bytes, "an error"));
                // Failed rows, whose numbers are others, and keys that records had before, stand between them.
                let entry = |of: &Key| {
                    [keys::records_in_error(map.as_str(), incarnation, of).as_slice(), &number.to_be_bytes()].concat()
                };
                let error = error.transpose()?.filter(|error| *key == entry(&error.record.change.key));
                found.errors.extend(error.map(|error| (place(key), error)));
            }
            found.next = entries.last().filter(|_| entries.len() == ENTRIES_AT_ONCE).map(|(key, _)| place(key));
            Ok(found)
        })
    }

    /// Found by the keys in error, so that others cost nothing.
    pub(super) fn read_errors_of_key(
        &self,
        map: &MapId,
        key: &Key,
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<ErrorRecord>, StoreError> {
        let entries = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let records = keys::records_in_error(map.as_str(), incarnation, key);
            let from = [records.as_slice(), &after.0.saturating_add(1).to_be_bytes()].concat();
            let found = scan(db, &from, &keys::behind(&records), limit)?;
            let numbers = found.iter().filter_map(|(key, _)| keys::last_number(key));
            let error = |number| get(db, &keys::numbered(shelf::ERRORS, map.as_str(), incarnation, number));
            numbers.map(error).collect::<Result<Vec<_>, StoreError>>()
        })?;
        entries.iter().flatten().map(|bytes| read::<message::ErrorRecord, _>(bytes, "an error")).collect()
    }
}

/// The first and the last key with this prefix.
fn ends(db: &Db, prefix: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
    let first = scan(db, prefix, &keys::behind(prefix), 1)?.pop();
    let last = db.range(prefix.to_vec()..keys::behind(prefix)).keys().next_back();
    let last = last.transpose().map_err(super::failure::EngineFailure::reading)?;
    Ok(first.map(|(key, _)| key).zip(last))
}

/// The entries of an index by time.
fn numbers(
    db: &Db,
    prefix: keys::Key,
    after: Option<FailedAt>,
    until: Option<DateTime<Utc>>,
    limit: usize,
) -> Result<Vec<FailedAt>, StoreError> {
    let behind = |(time, number): FailedAt| keys::behind(&keys::at_time(prefix.clone(), Time::from(&time), number));
    let from = after.map_or_else(|| prefix.clone(), behind);
    let end = until.map_or_else(|| keys::behind(&prefix), |until| behind((until, LAST_OF_TIME)));
    if from >= end {
        return Ok(Vec::new());
    }
    let failed_at = |(key, _): (IVec, IVec)| {
        let time = keys::time_of(&key).unwrap_or_default().try_into().map_err(StoreError::from)?;
        Ok((time, keys::last_number(&key).unwrap_or(0)))
    };
    scan(db, &from, &end, limit)?.into_iter().map(failed_at).collect()
}
