//! The one place where an error becomes a gRPC status: a code, a reason of the contract with its metadata, and the details
//! that clients can act on.

use super::names;
use super::proto::ErrorReason;
use crate::engine::error::{EngineError, LogPlace, Purpose};
use crate::model::access::{MapScope, Role};
use crate::model::failure::{ErrorType, Failure};
use crate::model::limits::Limit;
use crate::model::mapping::Violation;
use crate::store::StoreError;
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};
use uuid::Uuid;

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "tandem.v1";
/// After how long a call may be tried again that this server itself could not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Text of violations in one status. Statuses travel in trailers, which common clients bound at 8 KiB; what is left out is
/// counted.
const VIOLATION_BYTES_MAX: usize = 3_500;
const MESSAGE_CHARS_MAX: usize = 500;

/// Why a call is not answered.
#[derive(Debug)]
pub enum CallError {
    /// Fields are malformed: every violation.
    Fields(Vec<Violation>),
    /// The token is not one of this list.
    PageToken,
    /// The server asks who calls, and was not told.
    CredentialsMissing,
    /// What was shown is not known here.
    CredentialsInvalid,
    /// The caller's role is too small.
    RoleTooSmall {
        actor: String,
        role: Role,
        needed: Role,
        method: String,
    },
    /// The caller's role holds for other maps.
    MapsOutside {
        actor: String,
        method: &'static str,
        scope: MapScope,
    },
    /// A limit of the server for one caller, or for all.
    TooManyCalls {
        who: String,
        what: &'static str,
        max: usize,
        setting: &'static str,
    },
    /// The request did not arrive whole in time.
    RequestTooSlow {
        timeout: Duration,
    },
    /// A method or an option that this version does not have.
    NotOffered {
        what: &'static str,
    },
    /// A handler broke down.
    Panicked,
    /// The caller's time is over.
    DeadlinePassed,
    Engine(EngineError),
}

impl CallError {
    /// Who was refused, where that is known.
    pub fn actor(&self) -> Option<&str> {
        match self {
            Self::RoleTooSmall { actor, .. }
            | Self::MapsOutside { actor, .. }
            | Self::TooManyCalls { who: actor, .. } => Some(actor),
            _ => None,
        }
    }
}

impl From<EngineError> for CallError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(violations) => CallError::Fields(violations),
            error => CallError::Engine(error),
        }
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        told(error).into_status()
    }
}

/// A status in the making.
struct Told {
    code: Code,
    reason: ErrorReason,
    message: String,
    metadata: HashMap<String, String>,
    details: ErrorDetails,
}

impl Told {
    fn new(code: Code, reason: ErrorReason, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), metadata: HashMap::new(), details: ErrorDetails::new() }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.metadata.insert(name.to_owned(), value.to_string());
        self
    }

    fn resource(mut self, kind: &str, name: String) -> Self {
        self.details.set_resource_info(format!("{DOMAIN}.{kind}"), name, "", self.message.clone());
        self
    }

    fn precondition(mut self, kind: &str, subject: String) -> Self {
        self.details.add_precondition_failure_violation(kind, subject, self.message.clone());
        self
    }

    fn quota(mut self, subject: String) -> Self {
        self.details.add_quota_failure_violation(subject, self.message.clone());
        self
    }

    fn retry(mut self, after: Duration) -> Self {
        self.details.set_retry_info(Some(after));
        self
    }

    /// Every violation, as far as a status can carry them.
    fn violations(mut self, violations: Vec<Violation>) -> Self {
        let mut bytes = 0;
        let fitting = violations.iter().take_while(|violation| {
            bytes += violation.field.len() + violation.description.len() + 8;
            bytes <= VIOLATION_BYTES_MAX
        });
        let fitting = fitting.count().max(1);
        let left_out = violations.len().saturating_sub(fitting);
        let mut fields: Vec<FieldViolation> =
            violations.into_iter().take(fitting).map(|v| FieldViolation::new(v.field, v.description)).collect();
        if left_out > 0 {
            fields.push(FieldViolation::new("", format!("{left_out} more fields are wrong; correct these first")));
        }
        self.details.set_bad_request(fields);
        self
    }

    fn into_status(mut self) -> Status {
        self.details.set_error_info(reason_text(self.reason), DOMAIN, self.metadata);
        let mut message: String = self.message.chars().take(MESSAGE_CHARS_MAX).collect();
        if message.len() < self.message.len() {
            message.push('…');
        }
        Status::with_error_details(self.code, message, self.details)
    }
}

/// A reason as it stands on the wire.
fn reason_text(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

fn told(error: CallError) -> Told {
    match error {
        CallError::Fields(violations) => {
            Told::new(Code::InvalidArgument, ErrorReason::InvalidFields, summary(&violations)).violations(violations)
        }
        CallError::PageToken => {
            let message = "the page token is not one of this list, or other fields were changed; begin without a token";
            Told::new(Code::InvalidArgument, ErrorReason::InvalidPageToken, message)
                .violations(vec![Violation::new("page_token", message)])
        }
        CallError::CredentialsMissing => {
            let message = "this server asks who calls: send the header \"authorization: Bearer TOKEN\", or show a client \
                           certificate that it knows";
            Told::new(Code::Unauthenticated, ErrorReason::CredentialsMissing, message)
        }
        CallError::CredentialsInvalid => {
            let message = "the token or client certificate is not known here, or is no longer";
            Told::new(Code::Unauthenticated, ErrorReason::CredentialsInvalid, message)
        }
        CallError::RoleTooSmall { actor, role, needed, method } => {
            let message = format!("{actor} has the role {role}, and {method} takes the role {needed}");
            Told::new(Code::PermissionDenied, ErrorReason::PermissionMissing, message).with("permission", needed)
        }
        CallError::MapsOutside { actor, method, scope } => {
            let message = format!(
                "{actor} may call {method} for some table maps only, and the request names another one, or none: {scope}"
            );
            Told::new(Code::PermissionDenied, ErrorReason::PermissionMissing, message).with("permission", "table_maps")
        }
        CallError::TooManyCalls { who, what, max, setting } => {
            let message = format!("{who} has {max} {what} under way already, and no more are taken (limits.{setting})");
            Told::new(Code::ResourceExhausted, ErrorReason::TooManyRequests, message)
                .with("setting", format!("limits.{setting}"))
                .quota(who)
                .retry(RETRY_AFTER)
        }
        CallError::RequestTooSlow { timeout } => {
            let seconds = timeout.as_secs_f64();
            let message = format!("the request did not arrive whole within {seconds} s (limits.request_timeout)");
            Told::new(Code::DeadlineExceeded, ErrorReason::WaitTimeout, message)
        }
        CallError::NotOffered { what } => {
            let message = format!("{what} is not offered by this version");
            Told::new(Code::Unimplemented, ErrorReason::NotImplemented, message).with("method", what)
        }
        CallError::Panicked => fault("a handler broke down"),
        CallError::DeadlinePassed => {
            let message =
                "the time of the call has passed, the caller's or limits.call_timeout; what was accepted goes on";
            Told::new(Code::DeadlineExceeded, ErrorReason::WaitTimeout, message)
        }
        CallError::Engine(error) => engine(error),
    }
}

fn summary(violations: &[Violation]) -> String {
    let all: Vec<String> = violations.iter().map(|v| format!("{} {}", v.field, v.description)).collect();
    all.join("; ")
}

/// Every error of the engine; a new one does not compile until someone decides. One match, so it is long.
fn engine(error: EngineError) -> Told {
    let message = error.to_string();
    let of = |code, reason| Told::new(code, reason, message.clone());
    match error {
        EngineError::MapNotFound(map) => not_found(message, "TableMap", names::table_map(&map)),
        EngineError::MapExists(map) => {
            of(Code::AlreadyExists, ErrorReason::ResourceExists).resource("TableMap", names::table_map(&map))
        }
        EngineError::ApplicationNotFound(id) => not_found(message, "Application", format!("applications/{id}")),
        EngineError::TableNotFound { application, table } => {
            not_found(message, "Table", names::table(&application, &table))
        }
        EngineError::RecordNotFound { map, sequence } => {
            not_found(message, "QueuedRecord", names::queued_record(&map, crate::model::ids::QueueSequence(sequence)))
        }
        EngineError::JobNotFound { map, number } => {
            not_found(message, "QueueJob", names::queue_job(&map, crate::model::ids::JobNumber(number)))
        }
        EngineError::RowNotFound { map, execution, number } => {
            let execution = crate::model::ids::ExecutionNumber(execution);
            not_found(message, "ExecutionError", names::execution_error(&map, execution, number))
        }
        EngineError::RecordNotInError { map, sequence } => of(Code::FailedPrecondition, ErrorReason::WrongState)
            .precondition("RECORD", names::queued_record(&map, crate::model::ids::QueueSequence(sequence))),
        EngineError::ConfirmCountMismatch { map, given, found } => {
            of(Code::FailedPrecondition, ErrorReason::ConfirmCountMismatch)
                .with("confirm_count", given)
                .with("count", found)
                .precondition("COUNT", names::table_map(&map))
        }
        EngineError::TooManyJobs { map, .. } => {
            of(Code::ResourceExhausted, ErrorReason::TooManyRequests).quota(names::table_map(&map)).retry(RETRY_AFTER)
        }
        EngineError::ExecutionNotFound { map, number } => {
            not_found(message, "Execution", names::execution(&map, crate::model::ids::ExecutionNumber(number)))
        }
        EngineError::ExecutionNotEnded { map, number, state } => of(Code::FailedPrecondition, ErrorReason::WrongState)
            .with("state", state)
            .with("action", "run again")
            .precondition("EXECUTION", names::execution(&map, crate::model::ids::ExecutionNumber(number))),
        EngineError::RelatedCycle { map, cycles } => {
            let names: Vec<String> = cycles.iter().flatten().map(names::table_map).collect();
            of(Code::FailedPrecondition, ErrorReason::RelatedMapsCycle)
                .with("cycle", names.join(","))
                .precondition("RELATED", names::table_map(&map))
        }
        EngineError::Invalid(violations) => told(CallError::Fields(violations)),
        EngineError::Findings { purpose, findings, .. } => {
            let (code, path) = match purpose {
                Purpose::Save => (Code::InvalidArgument, "table_map."),
                Purpose::Run => (Code::FailedPrecondition, ""),
            };
            let named = findings.into_iter().map(|f| Violation::new(format!("{path}{}", f.field), f.message));
            of(code, ErrorReason::InvalidTableMap).violations(named.collect())
        }
        EngineError::Transition { map, refused } => of(Code::FailedPrecondition, ErrorReason::WrongState)
            .with("state", refused.state)
            .with("action", refused.action.verb())
            .precondition("STATE", names::table_map(&map)),
        EngineError::MapRunning { map, state, verb } => of(Code::FailedPrecondition, ErrorReason::WrongState)
            .with("state", state)
            .with("action", verb)
            .precondition("STATE", names::table_map(&map)),
        EngineError::MapNotRunning { map } => of(Code::FailedPrecondition, ErrorReason::MapNotRunning)
            .with("table_map", names::table_map(&map))
            .precondition("STATE", names::table_map(&map)),
        EngineError::EtagMismatch { map, .. } => {
            of(Code::Aborted, ErrorReason::EtagMismatch).resource("TableMap", names::table_map(&map))
        }
        EngineError::ChangedMeanwhile { map } => {
            of(Code::Aborted, ErrorReason::ConcurrentChange).resource("TableMap", names::table_map(&map))
        }
        EngineError::QueueNotEmpty { map, queued, in_error } => {
            of(Code::FailedPrecondition, ErrorReason::RecordsQueued)
                .with("queued", queued)
                .with("in_error", in_error)
                .precondition("QUEUE", names::table_map(&map))
        }
        EngineError::ErrorsRemain { map, in_error } => of(Code::FailedPrecondition, ErrorReason::RecordsQueued)
            .with("queued", 0)
            .with("in_error", in_error)
            .precondition("ERRORS", names::table_map(&map)),
        EngineError::KeyBusy { .. } => of(Code::Aborted, ErrorReason::KeyBusy).retry(RETRY_AFTER),
        EngineError::ChangeIdReused { .. } => of(Code::InvalidArgument, ErrorReason::ChangeIdReused)
            .violations(vec![Violation::new("change_id", "was used for another change within a day")]),
        EngineError::RequestIdReused(_) => of(Code::InvalidArgument, ErrorReason::RequestIdReused)
            .violations(vec![Violation::new("request_id", "was used for another request")]),
        EngineError::QueueLimit { map, limit: Limit::Bytes { used, max } } => {
            of(Code::ResourceExhausted, ErrorReason::QueueBytesLimit)
                .with("bytes", used)
                .with("bytes_max", max)
                .quota(names::table_map(&map))
        }
        EngineError::QueueLimit { map, limit: Limit::Pause { seconds, max_seconds } } => {
            of(Code::ResourceExhausted, ErrorReason::QueueTimeLimit)
                .with("seconds", seconds)
                .with("seconds_max", max_seconds)
                .quota(names::table_map(&map))
        }
        EngineError::ChangeTooLarge { bytes, bytes_max, .. } => of(Code::InvalidArgument, ErrorReason::RecordTooLarge)
            .with("bytes", bytes)
            .with("bytes_max", bytes_max)
            .violations(vec![Violation::new("record", format!("has {bytes} bytes, at most {bytes_max} are taken"))]),
        EngineError::RecordRefused { application, failure, .. } => refused(message, application.as_str(), failure),
        EngineError::ApplicationDown { application, failure, retry_after } => {
            down(message, application.as_str(), &failure, retry_after)
        }
        EngineError::TimedOut { state, .. } => {
            of(Code::DeadlineExceeded, ErrorReason::WaitTimeout).with("state", state)
        }
        EngineError::Store(error) => store(error),
        EngineError::NotReady => of(Code::Unavailable, ErrorReason::StoreFailed).retry(RETRY_AFTER),
        EngineError::ShuttingDown => of(Code::Unavailable, ErrorReason::ShuttingDown).retry(RETRY_AFTER),
        EngineError::AlertSettingNotFound(id) => not_found(message, "AlertSetting", names::alert_setting(&id)),
        EngineError::AlertSettingExists(id) => {
            of(Code::AlreadyExists, ErrorReason::ResourceExists).resource("AlertSetting", names::alert_setting(&id))
        }
        EngineError::AlertNotFound { number } => {
            not_found(message, "AlertEvent", names::alert_event(crate::model::ids::AlertNumber(number)))
        }
        EngineError::AlertEtagMismatch { setting, .. } => {
            of(Code::Aborted, ErrorReason::EtagMismatch).resource("AlertSetting", names::alert_setting(&setting))
        }
        EngineError::AlertSettingsFull { .. } => {
            of(Code::ResourceExhausted, ErrorReason::AlertSettingsFull).quota("alertSettings".to_owned())
        }
        EngineError::MailNotConfigured => of(Code::FailedPrecondition, ErrorReason::MailNotConfigured)
            .precondition("CONFIGURATION", "smtp".to_owned()),
        EngineError::LogTrimmed { oldest: LogPlace::OfAlerts(oldest) } => {
            of(Code::OutOfRange, ErrorReason::LogTrimmed).with("oldest_sequence", oldest)
        }
        EngineError::LogNotReached { latest: LogPlace::OfAlerts(latest), .. } => {
            of(Code::OutOfRange, ErrorReason::LogNotReached).with("latest_sequence", latest)
        }
        EngineError::LogTrimmed { oldest: LogPlace::OfMap(oldest) } => {
            of(Code::OutOfRange, ErrorReason::LogTrimmed).with("oldest_sequence", oldest)
        }
        EngineError::LogTrimmed { oldest: LogPlace::OfAll(oldest) } => {
            of(Code::OutOfRange, ErrorReason::LogTrimmed).with("oldest_sequence", 0).with("oldest_position", oldest)
        }
        EngineError::LogNotReached { latest: LogPlace::OfMap(latest), .. } => {
            of(Code::OutOfRange, ErrorReason::LogNotReached).with("latest_sequence", latest)
        }
        EngineError::LogNotReached { latest: LogPlace::OfAll(latest), .. } => {
            of(Code::OutOfRange, ErrorReason::LogNotReached).with("latest_sequence", 0).with("latest_position", latest)
        }
    }
}

fn not_found(message: String, kind: &str, name: String) -> Told {
    Told::new(Code::NotFound, ErrorReason::ResourceNotFound, message).resource(kind, name)
}

/// A record that its destination has seen and refused.
fn refused(message: String, application: &str, failure: Failure) -> Told {
    let of = |code, reason| {
        let mut told = Told::new(code, reason, message.clone())
            .with("application", application)
            .with("error_type", failure.kind)
            .with("code", &failure.code);
        for (name, value) in [("constraint", &failure.constraint), ("column", &failure.column)] {
            if let Some(value) = value {
                told = told.with(name, value);
            }
        }
        told
    };
    match failure.kind {
        ErrorType::Application => of(Code::FailedPrecondition, ErrorReason::RecordRefused),
        ErrorType::BadRequest => of(Code::InvalidArgument, ErrorReason::RecordMalformed),
        ErrorType::Configuration => of(Code::FailedPrecondition, ErrorReason::TransformFailed),
        ErrorType::Internal => fault(&message),
        ErrorType::Authentication
        | ErrorType::Network
        | ErrorType::Unavailable
        | ErrorType::Throttled
        | ErrorType::Transient => down(message, application, &failure, RETRY_AFTER),
    }
}

/// An application that as a whole cannot be used now.
fn down(message: String, application: &str, failure: &Failure, retry_after: Duration) -> Told {
    let of = |code, reason| {
        Told::new(code, reason, message.clone())
            .with("application", application)
            .with("error_type", failure.kind)
            .with("code", &failure.code)
    };
    let unavailable = |reason| of(Code::Unavailable, reason).retry(retry_after);
    match failure.kind {
        ErrorType::Network => unavailable(ErrorReason::ApplicationUnreachable),
        ErrorType::Authentication => unavailable(ErrorReason::ApplicationAccessRefused),
        ErrorType::Throttled | ErrorType::Transient => unavailable(ErrorReason::ApplicationThrottled),
        // What refuses a question that is about no record does not serve.
        ErrorType::Unavailable | ErrorType::Application | ErrorType::BadRequest => {
            unavailable(ErrorReason::ApplicationUnavailable)
        }
        ErrorType::Configuration => of(Code::FailedPrecondition, ErrorReason::MappingBroken),
        ErrorType::Internal => fault(&message),
    }
}

/// What goes wrong in the store is not the caller's business in its details; the log has them.
fn store(error: StoreError) -> Told {
    let failed = || {
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed a call");
        let message = "this server's store failed; nothing of the call was acknowledged, so it may be repeated";
        Told::new(Code::Unavailable, ErrorReason::StoreFailed, message).retry(RETRY_AFTER)
    };
    match &error {
        StoreError::Conflict { .. } => Told::new(Code::Aborted, ErrorReason::ConcurrentChange, error.to_string()),
        // Nothing is lost and callers may come again, but only an operator makes room.
        StoreError::Full { free_bytes, reserve_bytes } => {
            Told::new(Code::ResourceExhausted, ErrorReason::StoreFull, error.to_string())
                .with("free_bytes", free_bytes)
                .with("reserve_bytes", reserve_bytes)
                .quota("store".to_owned())
                .retry(RETRY_AFTER)
        }
        StoreError::Closed => {
            let message = EngineError::ShuttingDown.to_string();
            Told::new(Code::Unavailable, ErrorReason::ShuttingDown, message).retry(RETRY_AFTER)
        }
        StoreError::BackupTooSlow => {
            Told::new(Code::Aborted, ErrorReason::BackupTooSlow, error.to_string()).retry(RETRY_AFTER)
        }
        StoreError::Misfit { .. } => fault(&error.to_string()),
        StoreError::InUse { .. }
        | StoreError::TooNew { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Engine { .. } => failed(),
    }
}

/// A fault of ours: told neutrally, with an id that finds it in the log.
fn fault(what: &str) -> Told {
    let correlation_id = Uuid::new_v4().to_string();
    tracing::error!(correlation_id, what, "a fault of this service");
    let message = "a fault of this service; please report it with the correlation id";
    Told::new(Code::Internal, ErrorReason::InternalFault, message).with("correlation_id", correlation_id)
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
