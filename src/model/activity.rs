//! Events of the activity log.

use super::failure::ErrorType;
use super::ids::{EventSequence, MapId, Position};
use super::row::Row;
use super::side::Side;
use super::state::MapState;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// The kinds of domain.md, "Activity log".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    Created,
    Updated,
    VersionRestored,
    Deleted,
    Run,
    InitialSyncStarted,
    InitialSyncProgressed,
    InitialSyncCompleted,
    InitialSyncFailed,
    StateChanged,
    PausedByAlert,
    RecordError,
    CatchUpStarted,
    CatchUpCompleted,
    Retried,
    DeletedFromQueue,
    Purged,
    LimitReached,
    LimitNear,
    PurgeSoon,
    RecordCorrected,
    AlertRaised,
    Conflict,
    DestinationDown,
    DestinationUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// What happened, before the store gives it its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub time: DateTime<Utc>,
    pub kind: EventKind,
    pub severity: Severity,
    /// Who did it: a caller, an alert setting, or `tandem` itself.
    pub actor: String,
    pub state_before: Option<MapState>,
    pub state_after: Option<MapState>,
    /// One sentence for people.
    pub summary: String,
    /// Numbers that belong to it, by name: `queued`, `written`, `folded`.
    pub counts: BTreeMap<String, i64>,
    pub error: Option<EventError>,
    pub conflict: Option<ConflictRows>,
}

/// The error that an event tells of; of a folded burst, the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError {
    pub kind: ErrorType,
    pub code: String,
    pub message: String,
    /// The key's columns, by their left names; empty when no record is concerned.
    pub key: Row,
    pub correlation_id: String,
}

/// Two changes that crossed (rule 9): what each side wanted, in its own columns, and who won what both touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictRows {
    /// The key's columns, by their left names.
    pub key: Row,
    pub left: Row,
    pub right: Row,
    pub winner: Side,
    /// The columns of the other side whose values were not written.
    pub lost_columns: Vec<String>,
}

/// An event with its places: in its map's log without gaps, and in the whole log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    pub map: MapId,
    pub sequence: EventSequence,
    pub position: Position,
    pub event: Event,
}
