//! Why the engine did not do what it was asked to. Nothing was changed unless a variant says otherwise.

use crate::model::failure::Failure;
use crate::model::ids::{AlertId, AlertNumber, AppId, EventSequence, MapId, Position};
use crate::model::limits::Limit;
use crate::model::mapping::Violation;
use crate::model::request::RequestIdReused;
use crate::model::state::{MapState, Refused};
use crate::model::validation::Finding;
use crate::store::StoreError;
use std::fmt;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("there is no table map {0}")]
    MapNotFound(MapId),
    #[error("there is a table map {0} already")]
    MapExists(MapId),
    #[error("there is no application {0}")]
    ApplicationNotFound(String),
    #[error("{application} has no table {table}")]
    TableNotFound { application: AppId, table: String },
    #[error("map {map}, queued record {sequence}: there is no such record; it may have been written or removed since")]
    RecordNotFound { map: MapId, sequence: u64 },
    #[error("map {map} has no execution {number}")]
    ExecutionNotFound { map: MapId, number: u64 },
    /// Only the latest execution can be run again, once it has ended and while its map is INITIALIZING.
    #[error(
        "map {map} is {state}: execution {number} cannot be run again unless the map is INITIALIZING, and it is the latest and has ended"
    )]
    ExecutionNotEnded { map: MapId, number: u64, state: MapState },
    /// Maps that depend on each other have no order of their own.
    #[error("map {map} depends on maps that refer to each other: {}; name them in the order that they are to have", show_cycles(.cycles))]
    RelatedCycle { map: MapId, cycles: Vec<Vec<MapId>> },
    /// The request is malformed: every violation at once.
    #[error("{}", describe_violations(.0))]
    Invalid(Vec<Violation>),
    /// The definition cannot be saved or run: every finding at once.
    #[error("map {map} cannot be {purpose}: {}", describe_findings(.findings))]
    Findings { map: MapId, purpose: Purpose, findings: Vec<Finding> },
    /// The action does not fit the map's state.
    #[error("map {map}: {refused}")]
    Transition { map: MapId, refused: Refused },
    /// Maps are changed and deleted only while they do not run.
    #[error("map {map} is {state}; stop it first, then {verb} it")]
    MapRunning { map: MapId, state: MapState, verb: &'static str },
    /// A change for a map that does not run.
    #[error("map {map} is not running, so the change was not taken; run the map, then send it again")]
    MapNotRunning { map: MapId },
    /// Someone else saved the map in between.
    #[error("map {map} was changed since you read it (etag {found}, yours is {given}); read it again")]
    EtagMismatch { map: MapId, given: String, found: String },
    /// Someone saved the map while this was being checked.
    #[error("map {map} was changed at the same moment; try again")]
    ChangedMeanwhile { map: MapId },
    /// Records would be left behind without anyone having said what becomes of them.
    #[error("map {map} has {queued} queued records; say whether to keep them as catch-up errors or to discard them")]
    QueueNotEmpty { map: MapId, queued: u64, in_error: u64 },
    #[error("map {map} has no job {number}")]
    JobNotFound { map: MapId, number: u64 },
    #[error("execution {execution} of map {map} has no row {number} in error")]
    RowNotFound { map: MapId, execution: u64, number: u64 },
    #[error("record {sequence} of map {map} is not in error, or is being retried; only an error can be corrected")]
    RecordNotInError { map: MapId, sequence: u64 },
    /// What was confirmed is not what would be deleted. Nothing was deleted.
    #[error(
        "map {map}: {found} records would be deleted, not {given}; look again with validate_only, and confirm that number"
    )]
    ConfirmCountMismatch { map: MapId, given: u64, found: u64 },
    /// Too many jobs wait for one another.
    #[error("map {map} has {max} jobs that have not begun; wait for them, or cancel some")]
    TooManyJobs { map: MapId, max: usize },
    /// The map has errors that would be deleted with it.
    #[error(
        "map {map} has {in_error} records in error, which would be deleted with it; retry them, or force the deletion"
    )]
    ErrorsRemain { map: MapId, in_error: u64 },
    /// A synchronous write met a write of the other side on its key (rule 9), or hung while a later change of the key was queued (rule 2).
    #[error("map {map}, key {key}: another write of it is on its way; try again when it has arrived")]
    KeyBusy { map: MapId, key: String },
    /// Rule 4: the same change id with another content.
    #[error("map {map}: change_id \"{change_id}\" was used for another change within a day; use a new one")]
    ChangeIdReused { map: MapId, change_id: String },
    #[error(transparent)]
    RequestIdReused(#[from] RequestIdReused),
    /// Rule 6.
    #[error(
        "map {map} takes no more changes: {limit}. Nothing was dropped; resume the map so that the queue drains, or raise \
         queue_limits"
    )]
    QueueLimit { map: MapId, limit: Limit },
    /// A record that no batch and no commit can hold.
    #[error("map {map}, key {key}: the change has {bytes} bytes, at most {bytes_max} can be taken")]
    ChangeTooLarge { map: MapId, key: String, bytes: usize, bytes_max: usize },
    /// A synchronous write that the destination has seen and refused.
    #[error("map {map}, key {key}: {application} refused the record: {failure}")]
    RecordRefused { map: MapId, key: String, application: AppId, failure: Failure },
    /// An application as a whole cannot be used now.
    #[error("{application} cannot be reached or used now: {failure}; try again")]
    ApplicationDown { application: AppId, failure: Failure, retry_after: Duration },
    /// The time that the caller gave has passed. What was begun goes on.
    #[error("map {map} is {state} still: the transition was not done in time; it goes on")]
    TimedOut { map: MapId, state: MapState },
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The map's work is being started again after a fault of the store. What was not acknowledged may be lost.
    #[error("the service is not ready; try again")]
    NotReady,
    /// The service ends and takes nothing new.
    #[error("the service is shutting down; try again when it is back")]
    ShuttingDown,
    #[error("there is no alert setting {0}")]
    AlertSettingNotFound(AlertId),
    #[error("there is an alert setting {0} already")]
    AlertSettingExists(AlertId),
    #[error("there is no alert event {number}")]
    AlertNotFound { number: u64 },
    /// Someone else saved the setting in between.
    #[error("alert setting {setting} was changed since you read it (etag {found}, yours is {given}); read it again")]
    AlertEtagMismatch { setting: AlertId, given: String, found: String },
    /// There are too many, or they have too many recipients.
    #[error(
        "all alert settings together would have {bytes} bytes, at most {bytes_max} can be kept; delete some, or tell groups by one address"
    )]
    AlertSettingsFull { bytes: usize, bytes_max: usize },
    #[error("this server has no mail server; write [smtp] into its configuration and start it again")]
    MailNotConfigured,
    /// The events asked for were removed by retention.
    #[error("the log begins at {}; what was before is no longer kept", .oldest.place())]
    LogTrimmed { oldest: LogPlace },
    /// The start asked for is further than one past the newest event.
    #[error("the log ends at {}; {given} is more than one past it and was learnt from another log", .latest.place())]
    LogNotReached { given: u64, latest: LogPlace },
}

impl EngineError {
    /// What looks like a fault while the service ends is its end.
    pub fn at_shutdown(self, ended: bool) -> Self {
        match self {
            EngineError::NotReady | EngineError::Store(StoreError::Closed) if ended => EngineError::ShuttingDown,
            error => error,
        }
    }
}

/// What a definition was checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Save,
    Run,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Save => "saved",
            Purpose::Run => "run",
        })
    }
}

/// A place in the log of one map, in that of all, or among the alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPlace {
    OfMap(EventSequence),
    OfAll(Position),
    OfAlerts(AlertNumber),
}

impl LogPlace {
    pub fn place(self) -> u64 {
        match self {
            LogPlace::OfMap(sequence) => sequence.0,
            LogPlace::OfAll(position) => position.0,
            LogPlace::OfAlerts(number) => number.0,
        }
    }
}

fn describe_violations(violations: &[Violation]) -> String {
    violations.iter().map(|v| format!("{} {}", v.field, v.description)).collect::<Vec<_>>().join("; ")
}

fn describe_findings(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("{} {}", f.field, f.message)).collect::<Vec<_>>().join("; ")
}

/// `a -> b -> a`, each.
fn show_cycles(cycles: &[Vec<MapId>]) -> String {
    let show = |cycle: &Vec<MapId>| {
        let names = cycle.iter().chain(cycle.first()).map(MapId::to_string);
        names.collect::<Vec<_>>().join(" -> ")
    };
    cycles.iter().map(show).collect::<Vec<_>>().join(", ")
}
