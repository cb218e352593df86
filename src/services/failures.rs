//! What went wrong at an application, as the wire tells it.

use super::proto;
use super::records::{count, record};
use crate::model::activity::EventError;
use crate::model::failure::{ErrorType, Failure};
use std::collections::BTreeMap;

impl From<ErrorType> for proto::ErrorType {
    fn from(kind: ErrorType) -> Self {
        match kind {
            ErrorType::Application => proto::ErrorType::Application,
            ErrorType::BadRequest => proto::ErrorType::BadRequest,
            ErrorType::Configuration => proto::ErrorType::Configuration,
            ErrorType::Authentication => proto::ErrorType::Authentication,
            ErrorType::Network => proto::ErrorType::Network,
            ErrorType::Unavailable => proto::ErrorType::Unavailable,
            // A transient one that is told of came back too often.
            ErrorType::Throttled | ErrorType::Transient => proto::ErrorType::Throttled,
            ErrorType::Internal => proto::ErrorType::Internal,
        }
    }
}

/// Stands beside its record, so it repeats neither key nor correlation id.
impl From<Failure> for proto::RecordError {
    fn from(failure: Failure) -> Self {
        Self {
            r#type: proto::ErrorType::from(failure.kind).into(),
            code: failure.code,
            message: failure.message,
            constraint: failure.constraint.unwrap_or_default(),
            column: failure.column.unwrap_or_default(),
            referred_key: failure.referred_key.unwrap_or_default(),
            integration_key: None,
            correlation_id: String::new(),
        }
    }
}

/// Stands alone, so it names its record.
impl From<EventError> for proto::RecordError {
    fn from(error: EventError) -> Self {
        Self {
            r#type: proto::ErrorType::from(error.kind).into(),
            code: error.code,
            message: error.message,
            integration_key: (!error.key.is_empty()).then(|| record(error.key)),
            correlation_id: error.correlation_id,
            ..Self::default()
        }
    }
}

/// Counts by type, the largest first; none is what was kept aside unsent.
pub fn error_counts(counts: BTreeMap<Option<ErrorType>, u64>) -> Vec<proto::ErrorTypeCount> {
    let mut by_type: BTreeMap<proto::ErrorType, u64> = BTreeMap::new();
    for (kind, number) in counts {
        *by_type.entry(kind.map_or(proto::ErrorType::Unspecified, Into::into)).or_insert(0) += number;
    }
    let mut counts: Vec<_> = by_type
        .into_iter()
        .map(|(kind, number)| proto::ErrorTypeCount { error_type: kind.into(), count: count(number) })
        .collect();
    counts.sort_by_key(|entry| std::cmp::Reverse(entry.count));
    counts
}
