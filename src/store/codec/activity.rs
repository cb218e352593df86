//! Events of the activity log.

use super::{Numbered, Unreadable, numbered, read_map_id, read_time, required};
use crate::model::activity::{ConflictRows, Event, EventError, EventKind, LoggedEvent, Severity};
use crate::model::failure::ErrorType;
use crate::model::ids::{EventSequence, Position};
use crate::model::state::MapState;
use crate::model::table_map::Side;
use crate::store::message;

numbered!(Severity, message::Severity, "the severity of an event", [Info, Warning, Error]);
numbered!(
    EventKind,
    message::EventKind,
    "the kind of an event",
    [
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
        AlertRaised,
        Conflict,
        DestinationDown,
        DestinationUp,
        LimitNear,
        PurgeSoon,
        RecordCorrected
    ]
);

/// A state that an event may have or not: 0 is none.
fn state_number(state: Option<MapState>) -> i32 {
    state.map_or(message::MapState::Unspecified.into(), Numbered::number)
}

fn read_state(number: i32) -> Result<Option<MapState>, Unreadable> {
    if number == i32::from(message::MapState::Unspecified) { Ok(None) } else { MapState::from_number(number).map(Some) }
}

impl From<&Event> for message::Event {
    fn from(event: &Event) -> Self {
        Self {
            time: Some((&event.time).into()),
            kind: event.kind.number(),
            severity: event.severity.number(),
            actor: event.actor.clone(),
            state_before: state_number(event.state_before),
            state_after: state_number(event.state_after),
            summary: event.summary.clone(),
            counts: event.counts.clone(),
            error: event.error.as_ref().map(Into::into),
            conflict: event.conflict.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<message::Event> for Event {
    type Error = Unreadable;

    fn try_from(event: message::Event) -> Result<Self, Unreadable> {
        Ok(Self {
            time: read_time(event.time, "an event without its time")?,
            kind: EventKind::from_number(event.kind)?,
            severity: Severity::from_number(event.severity)?,
            actor: event.actor,
            state_before: read_state(event.state_before)?,
            state_after: read_state(event.state_after)?,
            summary: event.summary,
            counts: event.counts,
            error: event.error.map(TryInto::try_into).transpose()?,
            conflict: event.conflict.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<message::LoggedEvent> for LoggedEvent {
    type Error = Unreadable;

    fn try_from(logged: message::LoggedEvent) -> Result<Self, Unreadable> {
        Ok(Self {
            map: read_map_id(&logged.map)?,
            sequence: EventSequence(logged.sequence),
            position: Position(logged.position),
            event: required(logged.event, "a place in the log without its event")?.try_into()?,
        })
    }
}

impl From<&EventError> for message::EventError {
    fn from(error: &EventError) -> Self {
        Self {
            r#type: error.kind.number(),
            code: error.code.clone(),
            message: error.message.clone(),
            key: Some((&error.key).into()),
            correlation_id: error.correlation_id.clone(),
        }
    }
}

impl TryFrom<message::EventError> for EventError {
    type Error = Unreadable;

    fn try_from(error: message::EventError) -> Result<Self, Unreadable> {
        Ok(Self {
            kind: ErrorType::from_number(error.r#type)?,
            code: error.code,
            message: error.message,
            key: error.key.unwrap_or_default().try_into()?,
            correlation_id: error.correlation_id,
        })
    }
}

impl From<&ConflictRows> for message::ConflictRows {
    fn from(rows: &ConflictRows) -> Self {
        Self {
            left: Some((&rows.left).into()),
            right: Some((&rows.right).into()),
            winner: rows.winner.number(),
            key: Some((&rows.key).into()),
            lost_columns: rows.lost_columns.clone(),
        }
    }
}

impl TryFrom<message::ConflictRows> for ConflictRows {
    type Error = Unreadable;

    fn try_from(rows: message::ConflictRows) -> Result<Self, Unreadable> {
        Ok(Self {
            left: rows.left.unwrap_or_default().try_into()?,
            right: rows.right.unwrap_or_default().try_into()?,
            winner: Side::from_number(rows.winner)?,
            key: rows.key.unwrap_or_default().try_into()?,
            lost_columns: rows.lost_columns,
        })
    }
}
