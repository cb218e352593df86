//! Events of the activity log, and states, as the wire tells them.

use super::proto;
use super::records::{count, record};
use super::{names, times};
use crate::model::activity::{ConflictRows, EventKind, LoggedEvent, Severity};
use crate::model::state::MapState;

impl From<MapState> for proto::TableMapState {
    fn from(state: MapState) -> Self {
        match state {
            MapState::NotRunning => proto::TableMapState::NotRunning,
            MapState::Initializing => proto::TableMapState::Initializing,
            MapState::Running => proto::TableMapState::Running,
            MapState::Paused => proto::TableMapState::Paused,
            MapState::Resuming => proto::TableMapState::Resuming,
        }
    }
}

/// Every kind with its place on the wire; read in both directions.
const KINDS: [(EventKind, proto::ActivityKind); 25] = [
    (EventKind::Created, proto::ActivityKind::Created),
    (EventKind::Updated, proto::ActivityKind::Updated),
    (EventKind::VersionRestored, proto::ActivityKind::VersionRestored),
    (EventKind::Deleted, proto::ActivityKind::Deleted),
    (EventKind::Run, proto::ActivityKind::Run),
    (EventKind::InitialSyncStarted, proto::ActivityKind::InitialSyncStarted),
    (EventKind::InitialSyncProgressed, proto::ActivityKind::InitialSyncProgressed),
    (EventKind::InitialSyncCompleted, proto::ActivityKind::InitialSyncCompleted),
    (EventKind::InitialSyncFailed, proto::ActivityKind::InitialSyncFailed),
    (EventKind::StateChanged, proto::ActivityKind::StateChanged),
    (EventKind::PausedByAlert, proto::ActivityKind::PausedByAlert),
    (EventKind::RecordError, proto::ActivityKind::RecordError),
    (EventKind::CatchUpStarted, proto::ActivityKind::CatchUpStarted),
    (EventKind::CatchUpCompleted, proto::ActivityKind::CatchUpCompleted),
    (EventKind::Retried, proto::ActivityKind::Retried),
    (EventKind::DeletedFromQueue, proto::ActivityKind::DeletedFromQueue),
    (EventKind::Purged, proto::ActivityKind::Purged),
    (EventKind::LimitReached, proto::ActivityKind::LimitReached),
    (EventKind::LimitNear, proto::ActivityKind::LimitNear),
    (EventKind::PurgeSoon, proto::ActivityKind::PurgeSoon),
    (EventKind::RecordCorrected, proto::ActivityKind::RecordCorrected),
    (EventKind::AlertRaised, proto::ActivityKind::AlertRaised),
    (EventKind::Conflict, proto::ActivityKind::Conflict),
    (EventKind::DestinationDown, proto::ActivityKind::DestinationDown),
    (EventKind::DestinationUp, proto::ActivityKind::DestinationUp),
];

impl From<EventKind> for proto::ActivityKind {
    fn from(kind: EventKind) -> Self {
        let found = KINDS.iter().find(|(known, _)| *known == kind);
        found.map_or(proto::ActivityKind::Unspecified, |(_, wire)| *wire)
    }
}

/// The kind that a filter asks for; none for UNSPECIFIED.
pub fn kind(wire: proto::ActivityKind) -> Option<EventKind> {
    KINDS.iter().find(|(_, known)| *known == wire).map(|(kind, _)| *kind)
}

impl From<Severity> for proto::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => proto::Severity::Info,
            Severity::Warning => proto::Severity::Warning,
            Severity::Error => proto::Severity::Error,
        }
    }
}

/// The severity that a filter asks for; none for UNSPECIFIED.
pub fn severity(wire: proto::Severity) -> Option<Severity> {
    match wire {
        proto::Severity::Unspecified => None,
        proto::Severity::Info => Some(Severity::Info),
        proto::Severity::Warning => Some(Severity::Warning),
        proto::Severity::Error => Some(Severity::Error),
    }
}

fn state(state: Option<MapState>) -> i32 {
    state.map_or(proto::TableMapState::Unspecified, Into::into).into()
}

impl From<LoggedEvent> for proto::ActivityEvent {
    fn from(logged: LoggedEvent) -> Self {
        let event = logged.event;
        Self {
            sequence: count(logged.sequence.0),
            position: count(logged.position.0),
            table_map: names::table_map(&logged.map),
            time: Some(times::timestamp(event.time)),
            kind: proto::ActivityKind::from(event.kind).into(),
            severity: proto::Severity::from(event.severity).into(),
            actor: event.actor,
            state_before: state(event.state_before),
            state_after: state(event.state_after),
            summary: event.summary,
            counts: event.counts.into_iter().collect(),
            error: event.error.map(Into::into),
            conflict: event.conflict.map(Into::into),
        }
    }
}

impl From<ConflictRows> for proto::Conflict {
    fn from(conflict: ConflictRows) -> Self {
        Self {
            integration_key: Some(record(conflict.key)),
            left: Some(record(conflict.left)),
            right: Some(record(conflict.right)),
            winner: proto::Side::from(conflict.winner).into(),
            lost_columns: conflict.lost_columns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of the contract can be asked for and comes back as itself; a new one does not pass unseen.
    #[test]
    fn every_kind_of_the_contract_has_its_place() {
        for number in 1..=25 {
            let wire = proto::ActivityKind::try_from(number).unwrap();
            let kind = kind(wire).unwrap_or_else(|| panic!("{wire:?} has no kind"));
            assert_eq!(proto::ActivityKind::from(kind), wire);
        }
        assert!(proto::ActivityKind::try_from(26).is_err(), "a kind was added to the contract and not here");
    }
}
