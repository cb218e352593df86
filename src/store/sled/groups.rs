//! Errors by what they have in common, and in each group by the time of their latest failure; and what retries put right by the
//! time of that. Kept with every error that comes and goes, so that a group's size, its first and its last error, and what is old
//! enough to be purged, cost one look each.

use super::keys;
use super::subject::Subject;
use super::view::{View, decode};
use crate::store::StoreError;
use crate::store::message::{ErrorGroup, ErrorRecord, ExecutionError, Failure, Retry, RetryStatus, Time};
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

/// Where an error stands among the others.
pub(super) struct Place {
    /// Of a row its execution; 0 of a catch-up error.
    execution: u64,
    /// Without its count.
    group: ErrorGroup,
    time: Time,
    /// Of a catch-up error its sequence, of a row its number.
    number: u64,
}

impl Place {
    pub fn of_error(error: &ErrorRecord) -> Self {
        let (source, number) = error.record.as_ref().map_or((0, 0), |record| (record.source, record.sequence));
        let failure = error.failure.as_ref().filter(|_| error.attempts > 0);
        let time = failed_last(error.fail_time, error.retry.as_ref());
        Self { execution: 0, group: group_of(source, failure), time, number }
    }

    pub fn of_row(execution: u64, number: u64, error: &ExecutionError) -> Self {
        let time = failed_last(error.time, error.retry.as_ref());
        Self { execution, group: group_of(error.source, error.failure.as_ref()), time, number }
    }

    fn hash(&self) -> u64 {
        xxh3_64(&self.group.encode_to_vec())
    }

    fn group_key(&self, subject: &Subject) -> keys::Key {
        keys::error_group(subject.map(), subject.head.incarnation, self.execution, self.hash())
    }

    fn key(&self, subject: &Subject) -> keys::Key {
        let group = keys::of_error_group(subject.map(), subject.head.incarnation, self.execution, self.hash());
        keys::at_time(group, self.time, self.number)
    }

    /// The error is there from now on.
    pub fn enter(&self, view: &mut View<'_>, subject: &Subject) -> Result<(), StoreError> {
        let place = self.group_key(subject);
        let count = count_of(view, &place)?;
        view.put(place, ErrorGroup { count: count + 1, ..self.group.clone() }.encode_to_vec())?;
        view.put(self.key(subject), Vec::new())
    }

    /// The error is there no more.
    pub fn leave(&self, view: &mut View<'_>, subject: &Subject) -> Result<(), StoreError> {
        if !view.remove(self.key(subject))? {
            return Ok(());
        }
        let place = self.group_key(subject);
        match count_of(view, &place)?.saturating_sub(1) {
            0 => view.remove(place).map(drop),
            count => view.put(place, ErrorGroup { count, ..self.group.clone() }.encode_to_vec()),
        }
    }
}

/// A retry has put a record right.
pub(super) fn put_right(view: &mut View<'_>, subject: &Subject, error: &ErrorRecord) -> Result<(), StoreError> {
    view.put(put_right_key(subject, error), Vec::new())
}

/// What was put right is seen no more.
pub(super) fn forget_put_right(view: &mut View<'_>, subject: &Subject, error: &ErrorRecord) -> Result<(), StoreError> {
    view.remove(put_right_key(subject, error)).map(drop)
}

fn put_right_key(subject: &Subject, error: &ErrorRecord) -> keys::Key {
    let sequence = error.record.as_ref().map_or(0, |record| record.sequence);
    let time = error.retry.as_ref().and_then(|retry| retry.time).unwrap_or_default();
    keys::at_time(keys::put_right(subject.map(), subject.head.incarnation), time, sequence)
}

fn count_of(view: &View<'_>, place: &[u8]) -> Result<u64, StoreError> {
    let known: Option<ErrorGroup> = view.get(place)?.map(|bytes| decode(&bytes, "a group of errors")).transpose()?;
    Ok(known.map_or(0, |group| group.count))
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
