//! Which records in error are meant: what lists, retries and deletions pick by.

use super::change::{ErrorRecord, QueuedRecord};
use super::execution::ExecutionError;
use super::failure::{ErrorType, Failure};
use super::ids::JobNumber;
use super::key::Key;
use super::retry::{Retry, RetryStatus};
use super::side::Side;
use super::value::Value;
use chrono::{DateTime, Utc};

/// Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordFilter {
    /// The side where the record comes from.
    pub source: Option<Side>,
    pub key: Option<Key>,
    /// Values of the first columns of the key: all equal, and the last, if it is text, at least the beginning.
    pub key_prefix: Vec<Value>,
    /// Inner none: those that were kept aside unsent.
    pub error_type: Option<Option<ErrorType>>,
    /// These three: empty picks those that have none.
    pub code: Option<String>,
    pub constraint: Option<String>,
    pub column: Option<String>,
    /// Failed last then or later.
    pub from: Option<DateTime<Utc>>,
    /// Failed last before.
    pub until: Option<DateTime<Utc>>,
    pub retry_status: Option<RetryStatus>,
    /// The job that took it last.
    pub job: Option<JobNumber>,
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub source: Side,
    pub key: &'a Key,
    /// It is in error, or was; else it waits.
    pub is_error: bool,
    /// None of what was not sent.
    pub failure: Option<&'a Failure>,
    /// When it failed last; of what has not failed when it was accepted.
    pub time: DateTime<Utc>,
    pub retry_status: RetryStatus,
    pub job: Option<JobNumber>,
}

fn status_of(retry: Option<&Retry>) -> RetryStatus {
    retry.map_or(RetryStatus::None, |retry| retry.status)
}

impl<'a> From<&'a QueuedRecord> for Candidate<'a> {
    fn from(record: &'a QueuedRecord) -> Self {
        let (source, key, time) = (record.change.source, &record.change.key, record.accept_time);
        Self { source, key, is_error: false, failure: None, time, retry_status: RetryStatus::None, job: None }
    }
}

impl<'a> From<&'a ErrorRecord> for Candidate<'a> {
    fn from(error: &'a ErrorRecord) -> Self {
        Self {
            is_error: true,
            failure: error.sent().then_some(&error.failure),
            time: error.failed_last(),
            retry_status: status_of(error.retry.as_ref()),
            job: error.retry.map(|retry| retry.job),
            ..Self::from(&error.record)
        }
    }
}

impl<'a> From<&'a ExecutionError> for Candidate<'a> {
    fn from(error: &'a ExecutionError) -> Self {
        Self {
            source: error.source,
            key: &error.key,
            is_error: true,
            failure: Some(&error.failure),
            time: error.failed_last(),
            retry_status: status_of(error.retry.as_ref()),
            job: error.retry.map(|retry| retry.job),
        }
    }
}

impl RecordFilter {
    /// Whether it asks for nothing but what errors of one cause have in common.
    pub fn is_of_groups(&self) -> bool {
        let Self { source, error_type, code, constraint, column, .. } = self.clone();
        *self == Self { source, error_type, code, constraint, column, ..Self::default() }
    }

    /// Whether it asks for what only errors have.
    pub fn asks_for_errors(&self) -> bool {
        self.error_type.is_some() || self.code.is_some() || self.constraint.is_some() || self.column.is_some()
    }

    /// What the bytes of the keys that are asked for begin with; none when any key is.
    pub fn key_beginning(&self) -> Option<Vec<u8>> {
        match &self.key {
            Some(key) => Some(key.encode()),
            None if self.key_prefix.is_empty() => None,
            None => Some(Key::encode_beginning(&self.key_prefix)),
        }
    }

    /// Whether there is an index that finds what it asks for.
    pub fn is_indexed(&self) -> bool {
        self.key_beginning().is_some() || self.asks_for_errors() || self.from.is_some() || self.until.is_some()
    }

    pub fn picks(&self, candidate: &Candidate<'_>) -> bool {
        let Candidate { source, key, is_error, failure, time, retry_status, job } = *candidate;
        // What has no error has none of these either way.
        let is = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_deref().is_none_or(|wanted| wanted == found.map_or("", String::as_str))
        };
        self.source.is_none_or(|wanted| wanted == source)
            && self.key.as_ref().is_none_or(|wanted| wanted == key)
            && begins_with(key, &self.key_prefix)
            && (is_error || !self.asks_for_errors())
            && self.error_type.is_none_or(|wanted| wanted == failure.map(|failure| failure.kind))
            && is(&self.code, failure.map(|failure| &failure.code))
            && is(&self.constraint, failure.and_then(|failure| failure.constraint.as_ref()))
            && is(&self.column, failure.and_then(|failure| failure.column.as_ref()))
            && self.from.is_none_or(|from| time >= from)
            && self.until.is_none_or(|until| time < until)
            && self.retry_status.is_none_or(|wanted| wanted == retry_status)
            && self.job.is_none_or(|wanted| Some(wanted) == job)
    }
}

fn begins_with(key: &Key, prefix: &[Value]) -> bool {
    let Some((last, before)) = prefix.split_last() else { return true };
    let values = key.values();
    values.len() > before.len()
        && values[..before.len()] == *before
        && match (&values[before.len()], last) {
            (Value::String(found), Value::String(wanted)) => found.starts_with(&**wanted),
            (found, wanted) => found == wanted,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_set_must_hold() {
        let time = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let key = Key::new(vec![Value::Int(7), Value::String("north-east".into())]);
        let failure = Failure { column: Some("total".into()), ..Failure::new(ErrorType::Application, "23514", "no") };
        let candidate = Candidate {
            source: Side::Left,
            key: &key,
            is_error: true,
            failure: Some(&failure),
            time: time(0),
            retry_status: RetryStatus::Failed,
            job: Some(JobNumber(2)),
        };
        let picks = |filter: RecordFilter| filter.picks(&candidate);
        let filter = RecordFilter::default;
        assert!(picks(filter()));
        let whole = RecordFilter {
            source: Some(Side::Left),
            key: Some(key.clone()),
            key_prefix: vec![Value::Int(7), Value::String("north".into())],
            error_type: Some(Some(ErrorType::Application)),
            code: Some("23514".into()),
            constraint: Some(String::new()),
            column: Some("total".into()),
            from: Some(time(0)),
            until: Some(time(1)),
            retry_status: Some(RetryStatus::Failed),
            job: Some(JobNumber(2)),
        };
        assert!(picks(whole));
        let misses = [
            RecordFilter { source: Some(Side::Right), ..filter() },
            RecordFilter { key: Some(Key::new(vec![Value::Int(7)])), ..filter() },
            RecordFilter { key_prefix: vec![Value::Int(8)], ..filter() },
            RecordFilter { key_prefix: vec![Value::Int(7), Value::String("east".into())], ..filter() },
            RecordFilter { error_type: Some(Some(ErrorType::BadRequest)), ..filter() },
            RecordFilter { error_type: Some(None), ..filter() },
            RecordFilter { retry_status: Some(RetryStatus::None), ..filter() },
            RecordFilter { job: Some(JobNumber(1)), ..filter() },
            RecordFilter { code: Some(String::new()), ..filter() },
            RecordFilter { constraint: Some("total".into()), ..filter() },
            RecordFilter { column: Some(String::new()), ..filter() },
            RecordFilter { from: Some(time(1)), ..filter() },
            RecordFilter { until: Some(time(0)), ..filter() },
        ];
        for miss in misses {
            assert!(!picks(miss.clone()), "{miss:?}");
        }
        assert!(picks(RecordFilter { key_prefix: vec![Value::Int(7)], ..filter() }));
        let unsent = Candidate { failure: None, ..candidate };
        let waits = Candidate { is_error: false, ..unsent };
        for kept_aside in [
            RecordFilter { error_type: Some(None), ..filter() },
            RecordFilter { code: Some(String::new()), ..filter() },
        ] {
            assert!(kept_aside.picks(&unsent));
            assert!(!kept_aside.picks(&waits), "what waits was not kept aside");
        }
    }
}
