//! Which records in error are meant: what lists, retries and deletions pick by.

use super::failure::{ErrorType, Failure};
use super::key::Key;
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
    pub error_type: Option<ErrorType>,
    /// These three: empty picks those that have none.
    pub code: Option<String>,
    pub constraint: Option<String>,
    pub column: Option<String>,
    /// Failed then or later.
    pub from: Option<DateTime<Utc>>,
    /// Failed before.
    pub until: Option<DateTime<Utc>>,
}

impl RecordFilter {
    pub fn picks(&self, source: Side, key: &Key, failure: &Failure, time: DateTime<Utc>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_deref().is_none_or(|wanted| wanted == found.map_or("", String::as_str))
        };
        self.source.is_none_or(|wanted| wanted == source)
            && self.key.as_ref().is_none_or(|wanted| wanted == key)
            && begins_with(key, &self.key_prefix)
            && self.error_type.is_none_or(|wanted| wanted == failure.kind)
            && is(&self.code, Some(&failure.code))
            && is(&self.constraint, failure.constraint.as_ref())
            && is(&self.column, failure.column.as_ref())
            && self.from.is_none_or(|from| time >= from)
            && self.until.is_none_or(|until| time < until)
    }
}

fn begins_with(key: &Key, prefix: &[Value]) -> bool {
    let Some((last, before)) = prefix.split_last() else { return true };
    let values = key.values();
    values.len() > before.len()
        && values[..before.len()] == *before
        && match (&values[before.len()], last) {
            (Value::String(found), Value::String(wanted)) => found.starts_with(wanted.as_str()),
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
        let picks = |filter: RecordFilter| filter.picks(Side::Left, &key, &failure, time(0));
        let filter = RecordFilter::default;
        assert!(picks(filter()));
        let whole = RecordFilter {
            source: Some(Side::Left),
            key: Some(key.clone()),
            key_prefix: vec![Value::Int(7), Value::String("north".into())],
            error_type: Some(ErrorType::Application),
            code: Some("23514".into()),
            constraint: Some(String::new()),
            column: Some("total".into()),
            from: Some(time(0)),
            until: Some(time(1)),
        };
        assert!(picks(whole));
        let misses = [
            RecordFilter { source: Some(Side::Right), ..filter() },
            RecordFilter { key: Some(Key::new(vec![Value::Int(7)])), ..filter() },
            RecordFilter { key_prefix: vec![Value::Int(8)], ..filter() },
            RecordFilter { key_prefix: vec![Value::Int(7), Value::String("east".into())], ..filter() },
            RecordFilter { error_type: Some(ErrorType::BadRequest), ..filter() },
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
    }
}
