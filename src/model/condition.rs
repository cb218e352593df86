//! What is wrong with a map beside its state.

use super::failure::ErrorType;
use super::side::Side;
use chrono::{DateTime, Utc};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionKind {
    Waiting,
    DestinationDown,
    Stalled,
    Errors,
    QueueNearLimit,
    PurgeSoon,
    SchemaDrift,
    Conflicts,
}

/// One condition, with since when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub kind: ConditionKind,
    /// The side whose changes are concerned; none when both are.
    pub source: Option<Side>,
    pub since: DateTime<Utc>,
    pub message: String,
    pub error_type: Option<ErrorType>,
    pub next_probe_time: Option<DateTime<Utc>>,
}
