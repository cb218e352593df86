//! The contract of errors: every one has a reason of the contract, and what the reason promises.

use super::*;
use crate::model::ids::{AlertId, AlertNumber, AppId, EventSequence, MapId, Position, Revision};
use crate::model::request::RequestIdReused;
use crate::model::state::{Action, MapState, Refused};
use crate::model::validation::{Finding, FindingCode};
use crate::services::answers::as_message;
use std::collections::HashSet;

fn map() -> MapId {
    MapId::parse("orders").unwrap()
}

fn app() -> AppId {
    AppId::parse("finance").unwrap()
}

/// One of every error that a call can meet. A variant that is missing here is found by `engine`, which has no `_`, and by the
/// count below.
fn every_error() -> Vec<CallError> {
    let map = map();
    let of_type = |kind| Failure::new(kind, "23505", "refused");
    let mut errors = vec![
        CallError::Fields(vec![Violation::new("name", "is required")]),
        CallError::PageToken,
        CallError::NotOffered { what: "PreviewTableMap" },
        CallError::Panicked,
        CallError::DeadlinePassed,
    ];
    let mut engine = vec![
        EngineError::MapNotFound(map.clone()),
        EngineError::MapExists(map.clone()),
        EngineError::ApplicationNotFound("finance".to_owned()),
        EngineError::TableNotFound { application: app(), table: "orders".to_owned() },
        EngineError::RecordNotFound { map: map.clone(), sequence: 7 },
        EngineError::ExecutionNotFound { map: map.clone(), number: 7 },
        EngineError::JobNotFound { map: map.clone(), number: 7 },
        EngineError::RowNotFound { map: map.clone(), execution: 7, number: 8 },
        EngineError::RecordNotInError { map: map.clone(), sequence: 7 },
        EngineError::ConfirmCountMismatch { map: map.clone(), given: 1, found: 2 },
        EngineError::TooManyJobs { map: map.clone(), max: 64 },
        EngineError::ExecutionNotEnded { map: map.clone(), number: 7, state: MapState::Running },
        EngineError::RelatedCycle { map: map.clone(), cycles: vec![vec![map.clone()]] },
        EngineError::Invalid(vec![Violation::new("record", "is required")]),
        EngineError::Transition {
            map: map.clone(),
            refused: Refused { state: MapState::Paused, action: Action::Pause },
        },
        EngineError::MapRunning { map: map.clone(), state: MapState::Paused, verb: "change" },
        EngineError::MapNotRunning { map: map.clone() },
        EngineError::EtagMismatch { map: map.clone(), given: "1".to_owned(), found: "2".to_owned() },
        EngineError::ChangedMeanwhile { map: map.clone() },
        EngineError::QueueNotEmpty { map: map.clone(), queued: 1, in_error: 2 },
        EngineError::ErrorsRemain { map: map.clone(), in_error: 2 },
        EngineError::KeyBusy { map: map.clone(), key: "7".to_owned() },
        EngineError::ChangeIdReused { map: map.clone(), change_id: "a".to_owned() },
        EngineError::RequestIdReused(RequestIdReused { request_id: "a".to_owned() }),
        EngineError::QueueLimit { map: map.clone(), limit: Limit::Bytes { used: 1, max: 1 } },
        EngineError::QueueLimit { map: map.clone(), limit: Limit::Pause { seconds: 1, max_seconds: 1 } },
        EngineError::ChangeTooLarge { map: map.clone(), key: "7".to_owned(), bytes: 2, bytes_max: 1 },
        EngineError::TimedOut { map: map.clone(), state: MapState::Paused },
        EngineError::NotReady,
        EngineError::ShuttingDown,
        EngineError::AlertSettingNotFound(AlertId::parse("many").unwrap()),
        EngineError::AlertSettingExists(AlertId::parse("many").unwrap()),
        EngineError::AlertNotFound { number: 7 },
        EngineError::AlertEtagMismatch {
            setting: AlertId::parse("many").unwrap(),
            given: "1".to_owned(),
            found: "2".to_owned(),
        },
        EngineError::AlertSettingsFull { bytes: 9, bytes_max: 8 },
        EngineError::MailNotConfigured,
        EngineError::LogNotReached { given: 9, latest: LogPlace::OfAlerts(AlertNumber(7)) },
        EngineError::LogTrimmed { oldest: LogPlace::OfMap(EventSequence(7)) },
        EngineError::LogTrimmed { oldest: LogPlace::OfAll(Position(7)) },
        EngineError::LogNotReached { given: 9, latest: LogPlace::OfMap(EventSequence(7)) },
        EngineError::LogNotReached { given: 9, latest: LogPlace::OfAll(Position(7)) },
    ];
    for purpose in [Purpose::Save, Purpose::Run] {
        let findings = vec![Finding::error(FindingCode::TableMissing, "left.table", "is missing")];
        engine.push(EngineError::Findings { map: map.clone(), purpose, findings });
    }
    for kind in ErrorType::ALL {
        let (application, failure) = (app(), of_type(kind));
        engine.push(EngineError::RecordRefused { map: map.clone(), key: "7".to_owned(), application, failure });
        let retry_after = Duration::from_secs(2);
        engine.push(EngineError::ApplicationDown { application: app(), failure: of_type(kind), retry_after });
    }
    let stores = [
        StoreError::Conflict { map: map.clone(), expected: Revision(1), found: Revision(2) },
        StoreError::Full { free_bytes: 1, reserve_bytes: 2 },
        StoreError::Misfit { map, why: "a sequence that does not follow".to_owned() },
        StoreError::InUse { path: "tandem-data".to_owned() },
        StoreError::TooNew { found: 2, known: 1 },
        StoreError::BackupTooSlow,
        StoreError::Corrupt { what: "an event".to_owned() },
        StoreError::Engine { doing: "writing", source: "broken".into() },
        StoreError::Closed,
    ];
    engine.extend(stores.map(EngineError::Store));
    errors.extend(engine.into_iter().map(CallError::from));
    errors
}

#[test]
fn every_error_has_a_reason_of_the_contract() {
    let known: HashSet<String> = (1..=41).map(|n| reason_text(ErrorReason::try_from(n).unwrap()).to_owned()).collect();
    let mut given = HashSet::new();
    for error in every_error() {
        let what = format!("{error:?}");
        let status = Status::from(error);
        let info = status.get_details_error_info().unwrap_or_else(|| panic!("{what} has no ErrorInfo"));
        assert_eq!(info.domain, DOMAIN);
        assert!(known.contains(&info.reason), "{what} has the reason {:?}", info.reason);
        assert!(!status.message().is_empty(), "{what} says nothing");
        given.insert(info.reason);
    }
    // Those that only methods give which this version does not offer.
    let later = [
        "RELATED_MAPS_CYCLE",
        "MAIL_NOT_CONFIGURED",
        "CREDENTIALS_MISSING",
        "CREDENTIALS_INVALID",
        "PERMISSION_MISSING",
    ];
    let never: Vec<&String> = known.iter().filter(|r| !given.contains(*r) && !later.contains(&r.as_str())).collect();
    assert!(never.is_empty(), "nothing has these reasons: {never:?}");
}

/// A reason has one code, unless the contract says that it has two.
#[test]
fn a_reason_has_one_code() {
    let mut codes: HashMap<String, Code> = HashMap::new();
    for error in every_error() {
        let status = Status::from(error);
        let reason = status.get_details_error_info().unwrap().reason;
        if reason == "INVALID_TABLE_MAP" {
            continue; // INVALID_ARGUMENT when saved, FAILED_PRECONDITION when run
        }
        let known = *codes.entry(reason.clone()).or_insert(status.code());
        assert_eq!(known, status.code(), "{reason}");
    }
}

#[test]
fn codes_carry_the_details_that_belong_to_them() {
    for error in every_error() {
        let what = format!("{error:?}");
        let status = Status::from(error);
        let details = status.get_error_details();
        match status.code() {
            Code::InvalidArgument if !what.contains("RecordRefused") => {
                assert!(details.bad_request().is_some(), "{what} names no field");
            }
            Code::NotFound | Code::AlreadyExists => assert!(details.resource_info().is_some(), "{what}"),
            Code::Unavailable => assert!(details.retry_info().is_some(), "{what} does not say when to come again"),
            Code::ResourceExhausted => assert!(details.quota_failure().is_some(), "{what}"),
            _ => {}
        }
    }
}

#[test]
fn a_status_fits_into_trailers_however_much_is_wrong() {
    let violations =
        (0..1_000).map(|n| Violation::new(format!("record.fields[\"column_{n}\"]"), "is no column")).collect();
    let status = Status::from(CallError::Fields(violations));
    // Details are sent in base64, the message in the clear beside them.
    assert!(status.details().len() * 4 / 3 + status.message().len() < 7_500);
    let named = status.get_details_bad_request().unwrap().field_violations;
    assert!(named.len() > 40 && named.last().unwrap().description.contains("more fields are wrong"));
}

#[test]
fn a_status_inside_a_message_says_the_same() {
    let status = Status::from(CallError::NotOffered { what: "PreviewTableMap" });
    let message = as_message(&status);
    assert_eq!(message.code, i32::from(Code::Unimplemented));
    assert_eq!(message.message, status.message());
    assert_eq!(message.details.len(), 1);
}
