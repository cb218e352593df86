//! What tests store.

use crate::model::activity::{Event, EventKind, Severity};
use crate::model::change::{
    Answer, Cause, Change, Disposition, Operation as ChangeOperation, QueuedBecause, QueuedRecord, Remembered,
};
use crate::model::failure::{ErrorType, Failure};
use crate::model::figures::Figures;
use crate::model::ids::{AppId, JobNumber, MapId, QueueSequence, Revision};
use crate::model::job::{JobKind, JobOutcome, JobReason, JobState, QueueJob, Selection};
use crate::model::key::Key;
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::model::table_map::{
    ColumnMapping, ConflictPolicy, Definition, Direction, QueueLimits, Side, SyncMode, TableMap, TableRef,
};
use crate::model::value::Value;
use crate::store::sled::{Options, SledStore};
use crate::store::{Commit, NewRecord, NewRecords, Operation, Receipt, Store, StoreError};
use chrono::{DateTime, Utc};
use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

pub fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 123_000).unwrap()
}

pub fn id(map: &str) -> MapId {
    MapId::parse(map).unwrap()
}

pub fn map(id: &MapId, version: u64) -> TableMap {
    let table = |table: &str| TableRef {
        application: AppId::parse("shop").unwrap(),
        table: table.to_owned(),
        filter: String::new(),
    };
    TableMap {
        id: id.clone(),
        definition: Definition {
            display_name: "Orders".to_owned(),
            left: table("orders"),
            right: table("orders_copy"),
            integration_key: vec!["id".to_owned()],
            columns: vec![ColumnMapping {
                left_column: "id".to_owned(),
                right_column: "order_id".to_owned(),
                direction: Direction::Bidirectional,
                left_to_right: Vec::new(),
                right_to_left: Vec::new(),
            }],
            sync_mode: SyncMode::Asynchronous,
            master: Side::Right,
            related: Vec::new(),
            queue_limits: QueueLimits::default(),
            error_retention: Duration::from_secs(86_400),
            conflict_policy: ConflictPolicy::MasterWins,
        },
        version,
        author: "ada".to_owned(),
        create_time: time(0),
        update_time: time(1),
        state: MapState::Paused,
        state_time: time(2),
        held_back_since: Some(time(2)),
        schemas: None,
        execution: None,
        stopped_execution: None,
        recent_requests: vec!["r1".to_owned()],
        revision: Revision(0),
    }
}

pub fn event(summary: &str) -> Event {
    Event {
        time: time(5),
        kind: EventKind::StateChanged,
        severity: Severity::Info,
        actor: "ada".to_owned(),
        state_before: Some(MapState::Running),
        state_after: None,
        summary: summary.to_owned(),
        counts: BTreeMap::from([("queued".to_owned(), 7)]),
        error: None,
        conflict: None,
    }
}

/// A change of one key with a text of so many bytes, that no compression makes much shorter.
pub fn change(source: Side, key: i64, text_bytes: usize) -> Change {
    let text = Alphanumeric.sample_string(&mut Xoshiro256PlusPlus::seed_from_u64(key.cast_unsigned()), text_bytes);
    Change {
        source,
        operation: ChangeOperation::Upsert,
        key: Key::new(vec![Value::Int(key)]),
        previous_key: None,
        row: Row::from_iter([("text".to_owned(), Value::text(text))]),
        source_time: None,
        change_id: Default::default(),
        correlation_id: "c".into(),
        cause: Cause::Caller,
        over: None,
    }
}

pub fn new_record(sequence: u64, change: Change) -> NewRecord {
    let record = QueuedRecord {
        sequence: QueueSequence(sequence),
        accept_time: time(sequence as i64),
        change,
        previous: sequence.checked_sub(7).map(QueueSequence),
        yielded: Default::default(),
    };
    let mut records = NewRecords::default();
    records.push(&record, sequence * 31, QueuedBecause::Paused);
    let Operation::Enqueue(mut records) = records.into_operation() else { unreachable!() };
    records.remove(0)
}

/// Records with these sequences, from both sides in turn.
pub fn enqueue(sequences: std::ops::RangeInclusive<u64>, text_bytes: usize) -> Operation {
    Operation::Enqueue(
        sequences
            .map(|sequence| {
                let source = if sequence % 3 == 0 { Side::Right } else { Side::Left };
                new_record(sequence, change(source, sequence as i64, text_bytes))
            })
            .collect(),
    )
}

pub fn leave(sequences: impl IntoIterator<Item = u64>, ending: crate::model::change::Ending) -> Operation {
    Operation::Leave { sequences: sequences.into_iter().map(QueueSequence).collect(), ending }
}

pub fn failure(message: &str) -> Failure {
    let mut failure = Failure::new(ErrorType::Application, "23505", message);
    failure.constraint = Some("orders_pkey".to_owned());
    failure
}

pub fn fail(sequence: u64) -> Operation {
    Operation::Fail { sequence: QueueSequence(sequence), failure: failure("duplicate"), time: time(9), attempts: 2 }
}

pub fn job(number: u64, seed: u16) -> QueueJob {
    let reason = JobReason {
        outcome: JobOutcome::Failed,
        message: "refused".to_owned(),
        count: 1,
        example: Some((failure("no"), Row::from_iter([("id".to_owned(), Value::Int(7))]))),
    };
    QueueJob {
        number: JobNumber(number),
        kind: JobKind::RetryCatchUpErrors,
        state: JobState::Running,
        actor: "ada".to_owned(),
        create_time: time(1),
        end_time: None,
        selection: Selection::Sequences([1, 2, u64::from(seed)].into()),
        correction: Row::new(),
        through: 9,
        last_sequence: 9,
        total: 3,
        done: 1,
        failed: 1,
        superseded: 0,
        skipped: 0,
        reasons: vec![reason],
        position: u64::from(seed),
        request: "r".to_owned(),
    }
}

pub fn remembered(fingerprint: u64) -> Remembered {
    Remembered {
        fingerprint,
        answer: Answer { disposition: Disposition::Skipped, sequence: QueueSequence(0), reason: "ECHO".to_owned() },
        time: time(3),
    }
}

pub fn applied(count: u64) -> Figures {
    Figures { accepted: count, applied: count, ..Figures::default() }
}

pub fn commit_of(map: &MapId, operations: Vec<Operation>) -> Commit {
    Commit { map: map.clone(), expected: None, operations }
}

pub fn open(path: &Path) -> SledStore {
    SledStore::open(Options { cache_bytes: 16 * 1024 * 1024, ..Options::new(path) }).unwrap()
}

/// Commits and waits.
pub async fn commit(store: &SledStore, map: &MapId, operations: Vec<Operation>) -> Result<Receipt, StoreError> {
    store.commit(commit_of(map, operations)).await
}

pub async fn with_map(store: &SledStore, map_id: &str) -> MapId {
    let id = id(map_id);
    commit(store, &id, vec![Operation::PutMap(Box::new(map(&id, 1)))]).await.unwrap();
    id
}

/// Every key and value of the store in a folder that nobody has open.
pub fn dump(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let opened = crate::store::sled::open::open(path, 16 * 1024 * 1024).unwrap();
    opened.db.iter().map(|entry| entry.unwrap()).map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

/// A new store with a map.
pub async fn store() -> (TempDir, SledStore, MapId) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let map = with_map(&store, "orders").await;
    (folder, store, map)
}

pub fn assert_misfit(result: Result<Receipt, StoreError>, part: &str) {
    match result {
        Err(StoreError::Misfit { why, .. }) => assert!(why.contains(part), "{why:?} does not say {part:?}"),
        other => panic!("{other:?} is not the misfit {part:?}"),
    }
}
