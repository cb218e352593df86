//! How errors are found: by the keys of their records, by what they have in common, and in each such group by the time of their latest
//! failure; and what retries put right by the time of that. Kept with every error that comes and goes, so that a group's size, its
//! first and its last error, and what is old enough to be purged, cost one look each.

use super::keys::{self, Key};
use super::view::{View, decode};
use crate::model;
use crate::store::StoreError;
use crate::store::message::{self, ErrorGroup, ErrorRecord, ExecutionError, Failure, Retry, RetryStatus, Time};
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

/// The entries of the indexes for one error, or for one record that a retry put right.
pub(super) struct Entries {
    /// These have no value.
    pub keys: Vec<Key>,
    /// The group that it is counted in, without the count.
    pub group: Option<(Key, ErrorGroup)>,
}

impl Entries {
    pub fn of_error(map: &str, incarnation: u32, error: &ErrorRecord) -> Result<Self, StoreError> {
        let record = error.record.as_ref();
        let sequence = record.map_or(0, |record| record.sequence);
        let change = record.and_then(|record| record.change.as_ref());
        let of_record = change.into_iter().flat_map(|change| [change.key.as_ref(), change.previous_key.as_ref()]);
        let mut keys = Vec::new();
        for key in of_record.flatten() {
            let mut entry = keys::records_in_error(map, incarnation, &known(key)?);
            entry.extend(sequence.to_be_bytes());
            keys.push(entry);
        }
        let failure = error.failure.as_ref().filter(|_| error.attempts > 0);
        let group = group_of(record.map_or(0, |record| record.source), failure);
        let time = failed_last(error.fail_time, error.retry.as_ref());
        Ok(Self::in_group(map, incarnation, 0, group, time, sequence, keys))
    }

    pub fn of_row(
        map: &str,
        incarnation: u32,
        execution: u64,
        number: u64,
        error: &ExecutionError,
    ) -> Result<Self, StoreError> {
        let mut keys = Vec::new();
        if let Some(key) = &error.key {
            let mut entry = keys::rows_in_error(map, incarnation, &known(key)?);
            entry.extend(execution.to_be_bytes());
            entry.extend(number.to_be_bytes());
            keys.push(entry);
        }
        let group = group_of(error.source, error.failure.as_ref());
        let time = failed_last(error.time, error.retry.as_ref());
        Ok(Self::in_group(map, incarnation, execution, group, time, number, keys))
    }

    fn in_group(
        map: &str,
        incarnation: u32,
        execution: u64,
        group: ErrorGroup,
        time: Time,
        number: u64,
        mut keys: Vec<Key>,
    ) -> Self {
        let hash = xxh3_64(&group.encode_to_vec());
        keys.push(keys::at_time(keys::of_error_group(map, incarnation, execution, hash), time, number));
        Self { keys, group: Some((keys::error_group(map, incarnation, execution, hash), group)) }
    }

    pub fn of_put_right(map: &str, incarnation: u32, error: &ErrorRecord) -> Self {
        let sequence = error.record.as_ref().map_or(0, |record| record.sequence);
        let time = error.retry.as_ref().and_then(|retry| retry.time).unwrap_or_default();
        Self { keys: vec![keys::at_time(keys::put_right(map, incarnation), time, sequence)], group: None }
    }

    /// It is there from now on.
    pub fn enter(self, view: &mut View<'_>) -> Result<(), StoreError> {
        for key in self.keys {
            view.put(key, Vec::new())?;
        }
        let Some((place, group)) = self.group else { return Ok(()) };
        let count = count_of(view, &place)? + 1;
        view.put(place, ErrorGroup { count, ..group }.encode_to_vec())
    }

    /// It is there no more.
    pub fn leave(self, view: &mut View<'_>) -> Result<(), StoreError> {
        for key in self.keys {
            view.remove(key)?;
        }
        let Some((place, group)) = self.group else { return Ok(()) };
        match count_of(view, &place)?.saturating_sub(1) {
            0 => view.remove(place).map(drop),
            count => view.put(place, ErrorGroup { count, ..group }.encode_to_vec()),
        }
    }
}

fn count_of(view: &View<'_>, place: &[u8]) -> Result<u64, StoreError> {
    let known: Option<ErrorGroup> = view.get(place)?.map(|bytes| decode(&bytes, "a group of errors")).transpose()?;
    Ok(known.map_or(0, |group| group.count))
}

/// The key in the model's terms, in whose order keys in error stand.
pub(super) fn known(key: &message::Key) -> Result<model::key::Key, StoreError> {
    Ok(key.clone().try_into()?)
}

fn group_of(source: i32, failure: Option<&Failure>) -> ErrorGroup {
    let cause = failure.cloned().unwrap_or_default();
    ErrorGroup {
        source,
        r#type: cause.r#type,
        code: cause.code,
        constraint: cause.constraint.unwrap_or_default(),
        column: cause.column.unwrap_or_default(),
        count: 0,
    }
}

/// A retry that failed is a failure as well.
fn failed_last(first: Option<Time>, retry: Option<&Retry>) -> Time {
    let again = retry.filter(|retry| retry.status == i32::from(RetryStatus::Failed)).and_then(|retry| retry.time);
    again.or(first).unwrap_or_default()
}
