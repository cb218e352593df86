//! What is written is read again unchanged, whatever it is.

use crate::model::activity::{ConflictRows, Event, EventError, EventKind, LoggedEvent, Severity};
use crate::model::change::{
    Answer, Cause, Change, Disposition, ErrorRecord, Operation, QueuedBecause, QueuedRecord, Remembered,
};
use crate::model::execution::{DeferredRows, Execution, ExecutionError, ExecutionState, Progress, Project, Rerun};
use crate::model::failure::{ErrorType, Failure};
use crate::model::filter::RecordFilter;
use crate::model::ids::{AppId, EventSequence, ExecutionNumber, JobNumber, MapId, Position, QueueSequence, Revision};
use crate::model::job::{JobKind, JobOutcome, JobReason, JobState, QueueJob, Selection};
use crate::model::key::Key;
use crate::model::print::{Over, Print};
use crate::model::retry::{Retry, RetryStatus};
use crate::model::row::Row;
use crate::model::schema::{Column, ColumnType, DecimalDigits, ForeignKey, TableSchema};
use crate::model::state::MapState;
use crate::model::table_map::{
    ColumnMapping, ConflictPolicy, Definition, Direction, QueueLimits, Schemas, Side, SyncMode, TableMap, TableRef,
    Transform,
};
use crate::model::value::{Decimal, Value};
use crate::store::codec::Unreadable;
use crate::store::message;
use crate::store::{NewRecord, NewRecords};
use bytes::BytesMut;
use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use prost::Message;
use std::fmt::Debug;
use std::time::Duration;
use uuid::Uuid;

/// There and back through bytes.
fn again<M, T>(message: M) -> T
where
    M: Message + Default,
    T: TryFrom<M, Error = Unreadable>,
{
    T::try_from(M::decode(message.encode_to_vec().as_slice()).unwrap()).unwrap()
}

fn assert_again<M, T>(given: &T)
where
    M: Message + Default + for<'a> From<&'a T>,
    T: TryFrom<M, Error = Unreadable> + PartialEq + Debug,
{
    assert_eq!(again::<M, T>(given.into()), *given);
}

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_735_689_599, 1_999_999_999).unwrap() // within a leap second
}

fn every_value() -> Vec<Value> {
    vec![
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Int(0),
        Value::Double(f64::NAN),
        Value::Double(-0.0),
        Value::Double(f64::MIN_POSITIVE),
        Value::text("a\0 ä 漢 \u{1F600}"),
        Value::text(String::new()),
        Value::bytes([0, 255, 0]),
        Value::Timestamp(time()),
        Value::Timestamp(DateTime::<Utc>::MIN_UTC),
        Value::Timestamp(DateTime::<Utc>::MAX_UTC),
        Value::Date(NaiveDate::MIN),
        Value::Date(NaiveDate::MAX),
        Value::Date(NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()),
        Value::Decimal(Decimal::parse("-007.2500").unwrap()),
        Value::Uuid(Uuid::from_u128(7)),
        Value::json(r#"{ "b": [1,  2] }"#),
    ]
}

fn row() -> Row {
    every_value().into_iter().enumerate().map(|(index, value)| (format!("c{index}"), value)).collect()
}

fn failure(kind: ErrorType) -> Failure {
    Failure {
        kind,
        code: "1062".to_owned(),
        message: "no".to_owned(),
        constraint: Some(String::new()),
        column: None,
        referred_key: Some("7".to_owned()),
    }
}

#[test]
fn values_keep_their_writing() {
    let read: Row = again(message::Row::from(&row()));
    // Equality would let -0.0 be 0.0 and 1.50 be 1.5.
    assert_eq!(format!("{read:?}"), format!("{:?}", row()));
}

/// A change as the queue keeps it, encoded without its message.
fn assert_encoded_as_its_message(change: Change) {
    for previous in [None, Some(QueueSequence(300))] {
        let (sequence, accept_time, change) = (QueueSequence(1), time(), change.clone());
        let record = QueuedRecord { sequence, accept_time, change, previous, yielded: ["a".to_owned()].into() };
        let message = message::QueuedRecord { yielded: Vec::new(), ..(&record).into() };
        let mut encoded = BytesMut::from(&b"before"[..]);
        super::encode_queued(&record, &mut encoded);
        assert_eq!(encoded[6..], message.encode_to_vec(), "{record:?}");
        let decoded = super::decode_queued(&encoded[6..]).unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{:?}", QueuedRecord::try_from(message).unwrap()));
        assert_eq!(QueuedRecord { yielded: record.yielded.clone(), ..decoded }, record);
        let mut new = NewRecords::default();
        new.push(&record, u64::MAX, QueuedBecause::Asynchronous);
        let enqueued = message::Operation::from(&new.into_operation()).encoded_len();
        let bytes_max = NewRecord::bytes_max(&record.change);
        assert!(enqueued <= bytes_max && bytes_max < 2 * enqueued + 256, "{enqueued} of {bytes_max}");
    }
}

#[test]
fn a_change_is_encoded_as_its_message_whatever_its_length() {
    for len in (0..400).chain([16_000, 16_383, 16_384, 300_000]) {
        let change = Change {
            source: Side::Right,
            operation: Operation::Delete,
            key: Key::new(vec![Value::text("k".repeat(len / 2))]),
            previous_key: None,
            row: Row::from_iter([(String::new(), Value::bytes(vec![0; len])), ("n".repeat(len), Value::Null)]),
            source_time: None,
            change_id: Default::default(),
            correlation_id: "c".repeat(len).into(),
            cause: Cause::Caller,
            over: None,
        };
        assert_encoded_as_its_message(change);
    }
}

#[test]
fn changes_and_what_becomes_of_them() {
    for (operation, cause, source, over) in [
        (Operation::Upsert, Cause::Caller, Side::Left, None),
        (Operation::Delete, Cause::Settlement, Side::Right, Some(Over::Gone)),
        (Operation::Upsert, Cause::Refresh, Side::Left, Some(Over::Columns([Print(1), Print(u64::MAX)].into()))),
        (Operation::Upsert, Cause::Again, Side::Left, None),
        (Operation::Upsert, Cause::Reread, Side::Left, None),
    ] {
        let change = Change {
            source,
            operation,
            key: Key::new(every_value()),
            previous_key: Some(Key::new(vec![])),
            row: row(),
            source_time: Some(time()),
            change_id: "id".into(),
            correlation_id: "c".into(),
            cause,
            over,
        };
        assert_again::<message::Change, _>(&change);
        assert_encoded_as_its_message(change.clone());
        let record = QueuedRecord {
            sequence: QueueSequence(u64::MAX),
            accept_time: time(),
            change: Change { previous_key: None, row: Row::new(), ..change },
            previous: Some(QueueSequence(0)),
            yielded: ["a".to_owned(), "b".to_owned()].into(),
        };
        assert_again::<message::QueuedRecord, _>(&record);
        assert_encoded_as_its_message(record.change.clone());
        for kind in ErrorType::ALL {
            let retry = Retry { job: JobNumber(4), status: RetryStatus::Failed, time: time() };
            let error = ErrorRecord {
                record: record.clone(),
                failure: failure(kind),
                fail_time: time(),
                attempts: 3,
                number: 8,
                retry: Some(retry),
                original: Some(Row::new()),
            };
            let written = message::ErrorRecord {
                record: Some((&error.record).into()),
                failure: Some((&error.failure).into()),
                fail_time: Some((&error.fail_time).into()),
                attempts: 3,
                number: 8,
                retry: Some((&retry).into()),
                original: Some((&Row::new()).into()),
            };
            assert_eq!(again::<_, ErrorRecord>(written), error);
        }
    }
    for disposition in [Disposition::Applied, Disposition::Queued, Disposition::Skipped] {
        let answer = Answer { disposition, sequence: QueueSequence(4), reason: "ECHO".to_owned() };
        assert_again::<message::Remembered, _>(&Remembered { fingerprint: u64::MAX, answer, time: time() });
    }
}

fn schema() -> TableSchema {
    let types = [
        ColumnType::Bool,
        ColumnType::Int { min: i64::MIN, max: i64::MAX },
        ColumnType::Float,
        ColumnType::Double,
        ColumnType::String { chars_max: None },
        ColumnType::String { chars_max: Some(0) },
        ColumnType::Bytes { bytes_max: Some(9) },
        ColumnType::Bytes { bytes_max: None },
        ColumnType::Timestamp { fraction_digits: 0 },
        ColumnType::Timestamp { fraction_digits: 6 },
        ColumnType::Date,
        ColumnType::Decimal { digits: None },
        ColumnType::Decimal { digits: Some(DecimalDigits { precision: 10, scale: 2 }) },
        ColumnType::Uuid,
        ColumnType::Json,
        ColumnType::Unsupported { why: "point".to_owned() },
    ];
    let column = |(index, kind): (usize, ColumnType)| Column {
        name: format!("c{index}"),
        kind,
        database_type: "x".to_owned(),
        nullable: index % 2 == 0,
        has_default: index % 3 == 0,
        read_only: index % 5 == 0,
    };
    TableSchema {
        table: "s.t".to_owned(),
        columns: types.into_iter().enumerate().map(column).collect(),
        primary_key: vec!["c0".to_owned()],
        unique_keys: vec![vec!["c0".to_owned()], vec![]],
        foreign_keys: vec![ForeignKey {
            columns: vec!["c1".to_owned()],
            referred_table: "u".to_owned(),
            referred_columns: vec!["d".to_owned()],
        }],
    }
}

#[test]
fn maps_in_every_state_and_mode() {
    let table = |application: &str, filter: &str| TableRef {
        application: AppId::parse(application).unwrap(),
        table: "t".to_owned(),
        filter: filter.to_owned(),
    };
    let mapping = |direction| ColumnMapping {
        left_column: "a".to_owned(),
        right_column: "b".to_owned(),
        direction,
        left_to_right: vec![
            Transform::Default(Value::Null),
            Transform::ValueMap(vec![("x".to_owned(), "y".to_owned())]),
            Transform::Constant(Value::Int(4)),
            Transform::Expression("row.a + 1".to_owned()),
        ],
        right_to_left: vec![],
    };
    let policies = [ConflictPolicy::MasterWins, ConflictPolicy::NewerWins, ConflictPolicy::Manual];
    for (index, state) in MapState::ALL.into_iter().enumerate() {
        let odd = index % 2 == 1;
        assert_again::<message::TableMap, _>(&TableMap {
            id: MapId::parse("orders").unwrap(),
            definition: Definition {
                display_name: "Orders".to_owned(),
                left: table("a", ""),
                right: table("b", "x > 1"),
                integration_key: vec!["a".to_owned(), "c".to_owned()],
                columns: [Direction::Bidirectional, Direction::LeftToRight, Direction::RightToLeft].map(mapping).into(),
                sync_mode: if odd { SyncMode::Synchronous } else { SyncMode::Asynchronous },
                master: if odd { Side::Left } else { Side::Right },
                related: vec![MapId::parse("customers").unwrap()],
                queue_limits: QueueLimits { max_pause: Duration::from_millis(5), max_bytes: u64::MAX },
                error_retention: Duration::ZERO,
                conflict_policy: policies[index % 3],
            },
            version: 3,
            author: "ada".to_owned(),
            create_time: time(),
            update_time: time(),
            state,
            state_time: time(),
            held_back_since: odd.then(time),
            schemas: odd.then(|| Box::new(Schemas { left: schema(), right: schema() })),
            execution: odd.then_some(ExecutionNumber(0)),
            stopped_execution: Some(ExecutionNumber(3)),
            recent_requests: vec![String::new(), "r".to_owned()],
            revision: Revision(9),
        });
    }
}

#[test]
fn events_of_every_kind() {
    let kinds = [
        EventKind::Created,
        EventKind::Updated,
        EventKind::VersionRestored,
        EventKind::Deleted,
        EventKind::Run,
        EventKind::InitialSyncStarted,
        EventKind::InitialSyncProgressed,
        EventKind::InitialSyncCompleted,
        EventKind::InitialSyncFailed,
        EventKind::StateChanged,
        EventKind::PausedByAlert,
        EventKind::RecordError,
        EventKind::CatchUpStarted,
        EventKind::CatchUpCompleted,
        EventKind::Retried,
        EventKind::DeletedFromQueue,
        EventKind::Purged,
        EventKind::LimitReached,
        EventKind::AlertRaised,
        EventKind::Conflict,
        EventKind::DestinationDown,
        EventKind::DestinationUp,
        EventKind::LimitNear,
        EventKind::PurgeSoon,
        EventKind::RecordCorrected,
    ];
    for (index, kind) in kinds.into_iter().enumerate() {
        let event = Event {
            time: time(),
            kind,
            severity: [Severity::Info, Severity::Warning, Severity::Error][index % 3],
            actor: "a".to_owned(),
            state_before: (index % 2 == 0).then_some(MapState::NotRunning),
            state_after: (index % 3 == 0).then_some(MapState::Resuming),
            summary: "s".to_owned(),
            counts: [("b".to_owned(), i64::MIN), ("a".to_owned(), 0)].into(),
            error: (index % 4 == 0).then(|| EventError {
                kind: ErrorType::Network,
                code: String::new(),
                message: "m".to_owned(),
                key: row(),
                correlation_id: String::new(),
            }),
            conflict: (index % 5 == 0).then(|| ConflictRows {
                left: row(),
                right: Row::new(),
                winner: Side::Left,
                key: row(),
                lost_columns: vec!["a".to_owned()],
            }),
        };
        assert_again::<message::Event, _>(&event);
        let written =
            message::LoggedEvent { map: "orders".to_owned(), sequence: 1, position: 2, event: Some((&event).into()) };
        let map = MapId::parse("orders").unwrap();
        let logged = LoggedEvent { map, sequence: EventSequence(1), position: Position(2), event };
        assert_eq!(again::<_, LoggedEvent>(written), logged);
    }
}

#[test]
fn executions_in_every_state() {
    let states = [
        ExecutionState::Running,
        ExecutionState::Completed,
        ExecutionState::CompletedWithErrors,
        ExecutionState::Cancelled,
        ExecutionState::Failed,
    ];
    let project = |progress: Progress| Project {
        source: Side::Right,
        only_missing: progress == Progress::Ended,
        deferred: if progress == Progress::Referring { ["boss".to_owned()].into() } else { Default::default() },
        progress,
        total: Some(0),
        written: 1,
        skipped: 2,
        failed: 3,
        start_time: Some(time()),
        end_time: None,
        source_rows: Some(0),
        destination_rows: None,
    };
    let progresses = [
        Progress::NotStarted,
        Progress::Copying { after: None },
        Progress::Copying { after: Some(Key::new(every_value())) },
        Progress::Referring,
        Progress::Ended,
    ];
    for state in states {
        assert_again::<message::Execution, _>(&Execution {
            number: ExecutionNumber(7),
            state,
            master: Side::Left,
            projects: progresses.clone().map(project).into(),
            start_time: time(),
            end_time: Some(time()),
            reason: "r".to_owned(),
            map_version: 3,
            fingerprint: 9,
            after: vec![MapId::parse("customers").unwrap()],
            begun_after: QueueSequence(5),
            circle: vec![MapId::parse("lines").unwrap()],
            rerun: (state == ExecutionState::Running).then_some(Rerun { of: ExecutionNumber(6), retry_errors: true }),
            actor: "a".to_owned(),
        });
    }
    let rows = DeferredRows { source: Side::Right, keys: vec![Key::new(every_value()), Key::new(vec![])] };
    assert_again::<message::DeferredRows, _>(&rows);
    for (retry, original) in [(None, None), (Some(RetryStatus::Failed), Some(row()))] {
        assert_again::<message::ExecutionError, _>(&ExecutionError {
            source: Side::Left,
            key: Key::new(every_value()),
            row: row(),
            failure: failure(ErrorType::BadRequest),
            time: time(),
            retry: retry.map(|status| Retry { job: JobNumber(1), status, time: time() }),
            original,
            unkept_bytes: 5,
        });
    }
}

#[test]
fn jobs_of_every_kind() {
    let filter = RecordFilter {
        source: Some(Side::Right),
        key: Some(Key::new(every_value())),
        key_prefix: every_value(),
        error_type: Some(Some(ErrorType::Application)),
        code: Some(String::new()),
        constraint: Some("c".to_owned()),
        column: None,
        from: Some(time()),
        until: None,
        retry_status: Some(RetryStatus::Pending),
        job: Some(JobNumber(2)),
    };
    let kept_aside = RecordFilter { error_type: Some(None), ..RecordFilter::default() };
    let selections = [
        Selection::All,
        Selection::Sequences([1, u64::MAX].into()),
        Selection::Filter(Box::default()),
        Selection::Filter(Box::new(filter)),
        Selection::Filter(Box::new(kept_aside)),
    ];
    let kinds = [JobKind::RetryCatchUpErrors, JobKind::RetryExecutionErrors(ExecutionNumber(3))];
    let states = [JobState::Running, JobState::Completed, JobState::Cancelled];
    for (place, selection) in selections.into_iter().enumerate() {
        assert_again::<message::QueueJob, _>(&QueueJob {
            number: JobNumber(7),
            kind: kinds[place % 2],
            state: states[place % 3],
            actor: "ada".to_owned(),
            create_time: time(),
            end_time: (place % 2 == 0).then(time),
            selection,
            correction: if place == 0 { Row::new() } else { row() },
            through: 1,
            last_sequence: 2,
            total: 3,
            done: 4,
            failed: 5,
            superseded: 6,
            skipped: 7,
            reasons: [JobOutcome::Failed, JobOutcome::Superseded, JobOutcome::Skipped]
                .map(|outcome| JobReason {
                    outcome,
                    message: "m".to_owned(),
                    count: 8,
                    example: (outcome == JobOutcome::Failed).then(|| (failure(ErrorType::Internal), row())),
                })
                .into(),
            position: 9,
            request: "r".to_owned(),
        });
    }
}

#[test]
fn an_absent_progress_is_not_read_as_done() {
    let nothing = message::Project { source: 1, ..message::Project::default() };
    assert!(Project::try_from(nothing).is_err());
    assert!(Progress::try_from(message::Progress::default()).is_err());
}

proptest! {
    /// Whatever is on the disk, reading it ends with a value or an error.
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fn read<M: Message + Default, T: TryFrom<M, Error = Unreadable>>(bytes: &[u8]) {
            if let Ok(message) = M::decode(bytes) {
                let _ = T::try_from(message);
            }
        }
        read::<message::TableMap, TableMap>(&bytes);
        let decoded = super::decode_queued(&bytes).ok();
        let message = message::QueuedRecord::decode(bytes.as_slice()).ok();
        let said = message.and_then(|message| QueuedRecord::try_from(message).ok());
        assert!(said.is_none() || decoded == said);
        read::<message::ErrorRecord, ErrorRecord>(&bytes);
        read::<message::Remembered, Remembered>(&bytes);
        read::<message::LoggedEvent, LoggedEvent>(&bytes);
        read::<message::Execution, Execution>(&bytes);
        read::<message::ExecutionError, ExecutionError>(&bytes);
        read::<message::QueueJob, QueueJob>(&bytes);
    }

    #[test]
    fn rows_of_any_values(texts in proptest::collection::btree_map(".*", any::<(i64, f64, Vec<u8>, i64)>(), 0..6)) {
        let row: Row = texts.into_iter().map(|(name, (int, double, bytes, seconds))| {
            let time = DateTime::from_timestamp(seconds % 8_000_000_000_000, 5);
            let value = match int % 4 {
                0 => Value::Double(double),
                1 => Value::bytes(bytes),
                2 => time.map_or(Value::Null, Value::Timestamp),
                _ => Value::Int(int),
            };
            (name, value)
        }).collect();
        prop_assert_eq!(again::<message::Row, Row>((&row).into()), row);
    }
}
