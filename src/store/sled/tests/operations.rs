//! What each operation does and what it refuses.

use super::fixtures::*;
use crate::model::change::Ending;
use crate::model::execution::{Execution, ExecutionError, ExecutionState, Progress, Project};
use crate::model::figures::Figures;
use crate::model::ids::{EventSequence, ExecutionNumber, JobNumber, MapId, Position, QueueSequence, Revision};
use crate::model::key::Key;
use crate::model::retry::RetryStatus;
use crate::model::row::Row;
use crate::model::table_map::Side;
use crate::model::value::Value;
use crate::model::written::{Written, WrittenSince};
use crate::store::sled::SledStore;
use crate::store::sled::keys::shelf;
use crate::store::{Commit, DivertTo, Durability, Operation, Retried, RetryResult, Store, StoreError};
use std::collections::BTreeSet;

const MANY: usize = 1_000_000;

fn queued_sequences(store: &SledStore, map: &MapId) -> Vec<u64> {
    let records = store.queued(map, QueueSequence(0), MANY, MANY).unwrap();
    records.iter().map(|record| record.sequence.0).collect()
}

fn error_sequences(store: &SledStore, map: &MapId) -> Vec<u64> {
    store.errors(map, QueueSequence(0), MANY).unwrap().iter().map(|error| error.record.sequence.0).collect()
}

#[tokio::test]
async fn a_map_is_written_compared_and_set_and_deleted() {
    let (_folder, store, orders) = store().await;
    let found = store.map(&orders).unwrap().unwrap();
    assert_eq!(found, crate::model::table_map::TableMap { revision: Revision(1), ..map(&orders, 1) });
    assert_eq!(store.head(&orders).unwrap().revision, Revision(1));

    let put = |expected, version| Commit {
        map: orders.clone(),
        expected: Some(Revision(expected)),
        operations: vec![Operation::PutMap(Box::new(map(&orders, version))), Operation::Log(event("updated"))],
    };
    assert_eq!(store.commit(put(1, 2)).await.unwrap().revision, Revision(2));
    let refused = store.commit(put(1, 3)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { expected: Revision(1), found: Revision(2), .. })));
    assert_eq!(store.map(&orders).unwrap().unwrap().version, 2);
    assert_eq!(store.head(&orders).unwrap().last_event, EventSequence(1));

    let gone = commit(&store, &orders, vec![Operation::DeleteMap, Operation::Log(event("deleted"))]).await.unwrap();
    assert_eq!((gone.revision, gone.last_event), (Revision(0), EventSequence(2)));
    assert_eq!(store.map(&orders).unwrap(), None);
    assert_misfit(commit(&store, &orders, vec![Operation::DeleteMap]).await, "no such map");
    // Its numbers go on, so that no number ever means two things.
    assert_eq!(store.commit(put(0, 1)).await.unwrap().revision, Revision(3));
    assert_eq!(store.events(&orders, EventSequence(0), 10).unwrap().len(), 3);
    let other = id("other");
    let wrong = commit(&store, &other, vec![Operation::PutMap(Box::new(map(&orders, 1)))]).await;
    assert_misfit(wrong, "record of orders");
}

#[tokio::test]
async fn maps_are_listed_in_the_order_of_their_ids() {
    let (_folder, store, _) = store().await;
    for name in ["b", "a-b", "a", "a0"] {
        with_map(&store, name).await;
    }
    let names = |after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(id);
        store.maps(after.as_ref(), limit).unwrap().iter().map(|map| map.id.to_string()).collect()
    };
    assert_eq!(names(None, 10), ["a", "a-b", "a0", "b", "orders"]);
    assert_eq!(names(Some("a"), 2), ["a-b", "a0"]);
    assert_eq!(names(Some("aa"), 1), ["b"]);
    assert_eq!(names(Some("orders"), 1), [] as [&str; 0]);
}

#[tokio::test]
async fn a_refused_commit_leaves_no_trace_and_does_not_hurt_its_group() {
    let (_folder, store, orders) = store().await;
    // Handed over together, so that they make one group or two.
    let mut pending = Vec::new();
    for operations in [
        vec![enqueue(1..=2, 10), Operation::Log(event("first"))],
        vec![enqueue(3..=4, 10), Operation::Log(event("refused")), leave([99], Ending::Applied)],
        vec![enqueue(3..=3, 10), Operation::Log(event("second"))],
    ] {
        pending.push(store.submit(commit_of(&orders, operations), Durability::Lazy).await.unwrap());
    }
    let mut answers = Vec::new();
    for pending in pending {
        answers.push(pending.await);
    }
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_misfit(answers.remove(1), "record 99 is not queued");
    commit(&store, &orders, vec![]).await.unwrap(); // syncs
    assert_eq!(queued_sequences(&store, &orders), [1, 2, 3]);
    let events = store.all_events(Position(1), 10).unwrap();
    assert_eq!(events.iter().map(|event| event.event.summary.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn the_queue_keeps_order_through_segments_of_all_sizes() {
    let (_folder, store, orders) = store().await;
    commit(&store, &orders, vec![enqueue(1..=1, 10)]).await.unwrap();
    commit(&store, &orders, vec![enqueue(2..=300, 300)]).await.unwrap(); // several segments
    commit(&store, &orders, vec![enqueue(301..=303, 100_000)]).await.unwrap(); // larger than a segment each
    for sequence in 304..=320 {
        commit(&store, &orders, vec![enqueue(sequence..=sequence, 1_000)]).await.unwrap(); // appended
    }
    assert_eq!(queued_sequences(&store, &orders), (1..=320).collect::<Vec<_>>());
    assert_misfit(commit(&store, &orders, vec![enqueue(320..=320, 1)]).await, "321 is the next");
    assert_misfit(commit(&store, &orders, vec![enqueue(322..=322, 1)]).await, "321 is the next");

    let at = |after, records_max, bytes_max| -> Vec<u64> {
        let records = store.queued(&orders, QueueSequence(after), records_max, bytes_max).unwrap();
        records.iter().map(|record| record.sequence.0).collect()
    };
    assert_eq!(at(7, 3, MANY), [8, 9, 10]);
    assert_eq!(at(300, 10, 1), [301]); // at least one
    assert_eq!(at(300, 10, 150_000), [301]); // 302 would go past it
    assert_eq!(at(300, 10, 210_000), [301, 302]);
    assert_eq!(at(319, 10, MANY), [320]);
    assert_eq!(at(320, 10, MANY), [] as [u64; 0]);
    assert_eq!(at(u64::MAX, 10, MANY), [] as [u64; 0]);
    let record = store.queued_record(&orders, QueueSequence(302)).unwrap().unwrap();
    assert_eq!((record.sequence.0, record.previous), (302, Some(QueueSequence(295))));
    assert_eq!(record.change, change(Side::Left, 302, 100_000));
    assert_eq!(store.queued_record(&orders, QueueSequence(0)).unwrap(), None);
    assert_eq!(store.queued_record(&orders, QueueSequence(321)).unwrap(), None);
}

#[tokio::test]
async fn records_leave_once_and_the_figures_move_with_them() {
    let (_folder, store, orders) = store().await;
    commit(&store, &orders, vec![enqueue(1..=100, 500)]).await.unwrap(); // of three, two from the left
    commit(&store, &orders, vec![leave([3, 1, 2], Ending::Applied), leave([50], Ending::Skipped)]).await.unwrap();
    commit(&store, &orders, vec![leave(60..=62, Ending::Superseded), fail(10)]).await.unwrap();
    for gone in [1, 50, 60, 10, 0, 101] {
        assert_misfit(commit(&store, &orders, vec![leave([gone], Ending::Applied)]).await, "is not queued");
    }
    assert_misfit(commit(&store, &orders, vec![leave([4, 4], Ending::Applied)]).await, "record 4 is not queued");
    let figures = store.head(&orders).unwrap().figures;
    assert!(figures.left.add_up() && figures.right.add_up());
    let left =
        Figures { accepted: 67, applied: 2, queued: 61, in_error: 1, skipped: 1, superseded: 2, ..Figures::default() };
    assert_eq!(figures.left, left);
    assert_eq!((figures.right.accepted, figures.right.applied, figures.right.superseded), (33, 1, 1));
    let expected: Vec<u64> = (4..=100).filter(|sequence| ![10, 50, 60, 61, 62].contains(sequence)).collect();
    assert_eq!(queued_sequences(&store, &orders), expected);
    let bytes: usize = expected.iter().map(|sequence| change(Side::Left, *sequence as i64, 500).size()).sum();
    assert_eq!(figures.queued_bytes, bytes as u64);

    let error = store.error(&orders, QueueSequence(10)).unwrap().unwrap();
    assert_eq!((error.attempts, error.failure, error.fail_time), (2, failure("duplicate"), time(9)));
    assert_eq!(error.record.change, change(Side::Left, 10, 500));
    assert_eq!(store.error(&orders, QueueSequence(11)).unwrap(), None);
    // Emptied, it begins again behind the last.
    commit(&store, &orders, vec![leave(expected, Ending::Applied)]).await.unwrap();
    assert_eq!(queued_sequences(&store, &orders), [] as [u64; 0]);
    commit(&store, &orders, vec![enqueue(101..=101, 5)]).await.unwrap();
    assert_eq!(queued_sequences(&store, &orders), [101]);
}

#[tokio::test]
async fn yielded_columns_add_up_and_go_along_into_the_errors() {
    let (_folder, store, orders) = store().await;
    commit(&store, &orders, vec![enqueue(1..=3, 5)]).await.unwrap();
    let yields = |sequence, columns: &[&str]| Operation::Yield {
        sequence: QueueSequence(sequence),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    commit(&store, &orders, vec![yields(2, &["b"]), yields(2, &["a", "b"])]).await.unwrap();
    let expected: BTreeSet<String> = ["a".to_owned(), "b".to_owned()].into();
    assert_eq!(store.queued_record(&orders, QueueSequence(2)).unwrap().unwrap().yielded, expected);
    assert_eq!(store.queued(&orders, QueueSequence(1), 1, MANY).unwrap()[0].yielded, expected);
    assert!(store.queued_record(&orders, QueueSequence(1)).unwrap().unwrap().yielded.is_empty());
    commit(&store, &orders, vec![fail(2)]).await.unwrap();
    assert_eq!(store.error(&orders, QueueSequence(2)).unwrap().unwrap().record.yielded, expected);
    assert_misfit(commit(&store, &orders, vec![yields(2, &["c"])]).await, "is not queued");
}

#[tokio::test]
async fn a_diversion_shows_at_once_and_moves_in_steps() {
    let (_folder, store, orders) = store().await;
    commit(&store, &orders, vec![enqueue(1..=100, 400), leave([5], Ending::Applied)]).await.unwrap();
    let divert = |to| Operation::Divert { to, time: time(50) };
    commit(&store, &orders, vec![divert(DivertTo::Errors(failure("skipped")))]).await.unwrap();
    commit(&store, &orders, vec![enqueue(101..=110, 400)]).await.unwrap();
    commit(&store, &orders, vec![divert(DivertTo::Nowhere), enqueue(111..=112, 400)]).await.unwrap();
    let head = store.head(&orders).unwrap();
    assert!(head.diverting);
    assert_eq!(queued_sequences(&store, &orders), [111, 112]);
    assert_eq!((head.figures.queued(), head.figures.in_error()), (2, 99));
    assert_eq!(head.figures.left.deleted + head.figures.right.deleted, 10);
    assert_misfit(commit(&store, &orders, vec![leave([7], Ending::Applied)]).await, "is not queued");
    assert_eq!(store.queued_record(&orders, QueueSequence(7)).unwrap(), None);

    commit(&store, &orders, vec![Operation::ContinueDivert { records_max: 10 }]).await.unwrap();
    assert_eq!(error_sequences(&store, &orders), [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    assert_eq!(queued_sequences(&store, &orders), [111, 112]);
    let mut steps = 0;
    while store.head(&orders).unwrap().diverting {
        commit(&store, &orders, vec![Operation::ContinueDivert { records_max: 10 }]).await.unwrap();
        steps += 1;
        assert!(steps < 20);
    }
    assert_eq!(error_sequences(&store, &orders), (1..=100).filter(|s| *s != 5).collect::<Vec<_>>());
    assert_eq!(queued_sequences(&store, &orders), [111, 112]);
    let error = store.error(&orders, QueueSequence(9)).unwrap().unwrap();
    assert_eq!((error.attempts, error.failure, error.fail_time), (0, failure("skipped"), time(50)));
    let figures = store.head(&orders).unwrap().figures;
    assert!(figures.left.add_up() && figures.right.add_up());
    // Nothing queued: nothing to be moved.
    commit(&store, &orders, vec![leave([111, 112], Ending::Applied), divert(DivertTo::Nowhere)]).await.unwrap();
    assert!(!store.head(&orders).unwrap().diverting);
}

#[tokio::test]
async fn what_is_counted_must_add_up() {
    let (_folder, store, orders) = store().await;
    let count = |figures| Operation::Count { source: Side::Right, figures };
    commit(&store, &orders, vec![count(applied(3)), count(applied(4))]).await.unwrap();
    assert_eq!(store.head(&orders).unwrap().figures.right, applied(7));
    assert_eq!(store.head(&orders).unwrap().figures.left, Figures::default());
    let short = Figures { accepted: 2, applied: 1, ..Figures::default() };
    let queued = Figures { accepted: 1, queued: 1, ..Figures::default() };
    for wrong in [short, queued] {
        assert_misfit(commit(&store, &orders, vec![count(wrong)]).await, "do not add up");
    }
}

fn execution(number: u64) -> Execution {
    Execution {
        number: ExecutionNumber(number),
        state: ExecutionState::Running,
        master: Side::Right,
        projects: vec![Project {
            source: Side::Right,
            only_missing: false,
            deferred: Default::default(),
            progress: Progress::Copying { after: Some(Key::new(vec![Value::Int(4)])) },
            total: Some(10),
            written: 4,
            skipped: 0,
            failed: 1,
            start_time: Some(time(1)),
            end_time: None,
            source_rows: None,
            destination_rows: None,
        }],
        start_time: time(1),
        end_time: None,
        reason: String::new(),
        map_version: 1,
        fingerprint: 9,
        after: Vec::new(),
        begun_after: QueueSequence(3),
        circle: Vec::new(),
        rerun: None,
        actor: String::new(),
    }
}

#[tokio::test]
async fn executions_and_their_errors_are_kept_in_order() {
    let (_folder, store, orders) = store().await;
    let error =
        |key: i64| ExecutionError::new(Side::Left, Key::new(vec![Value::Int(key)]), Row::new(), failure("no"), time(4));
    let add = |number, errors: Vec<ExecutionError>| Operation::AddExecutionErrors {
        execution: ExecutionNumber(number),
        errors,
    };
    let put = |number| Operation::PutExecution(Box::new(execution(number)));
    commit(&store, &orders, vec![put(1), put(2), put(3), add(2, vec![error(1), error(2)])]).await.unwrap();
    commit(&store, &orders, vec![add(2, vec![error(3)]), add(3, vec![error(4)])]).await.unwrap();
    assert_misfit(commit(&store, &orders, vec![add(4, vec![error(1)])]).await, "no execution 4");
    assert_eq!(store.execution(&orders, ExecutionNumber(2)).unwrap(), Some(execution(2)));
    let numbers = |before: Option<u64>, limit| -> Vec<u64> {
        let before = before.map(ExecutionNumber);
        store.executions(&orders, before, limit).unwrap().iter().map(|execution| execution.number.0).collect()
    };
    assert_eq!(numbers(None, 2), [3, 2]);
    assert_eq!(numbers(Some(2), 2), [1]);
    let errors = store.execution_errors(&orders, ExecutionNumber(2), 1, 10).unwrap();
    assert_eq!(errors, [(2, error(2)), (3, error(3))]);
    commit(&store, &orders, vec![Operation::DeleteMap]).await.unwrap();
    assert_eq!(store.execution_errors(&orders, ExecutionNumber(2), 0, 10).unwrap(), []);
    assert_eq!(store.executions(&orders, None, 10).unwrap(), []);
}

#[tokio::test]
async fn a_deleted_map_takes_everything_along_and_a_large_one_in_steps() {
    let (folder, store, orders) = store().await;
    commit(&store, &orders, vec![enqueue(1..=1_500, 1)]).await.unwrap();
    for from in [1, 501, 1_001] {
        commit(&store, &orders, (from..from + 500).map(fail).collect()).await.unwrap();
    }
    commit(&store, &orders, vec![enqueue(1_501..=1_600, 400), Operation::DeleteMap]).await.unwrap();
    commit(&store, &orders, vec![Operation::PutMap(Box::new(map(&orders, 1))), enqueue(1_601..=1_602, 1)])
        .await
        .unwrap();
    let head = store.head(&orders).unwrap();
    assert!(head.diverting && head.figures.left.add_up() && head.figures.right.add_up());
    assert_eq!(head.figures.left.deleted + head.figures.right.deleted, 1_600);
    assert_eq!((error_sequences(&store, &orders), queued_sequences(&store, &orders)), (vec![], vec![1_601, 1_602]));
    let mut steps = 0;
    while store.head(&orders).unwrap().diverting {
        commit(&store, &orders, vec![Operation::ContinueDivert { records_max: 100 }]).await.unwrap();
        steps += 1;
    }
    assert!((2..40).contains(&steps), "{steps} steps");
    assert_eq!(queued_sequences(&store, &orders), [1_601, 1_602]);
    commit(&store, &orders, vec![Operation::DeleteMap]).await.unwrap();
    drop(store);
    let left = dump(folder.path()).iter().filter(|(key, _)| key[0] != shelf::FENCE).count();
    assert_eq!(left, 3, "the schema, the store's numbers and the map's");
}

#[tokio::test]
async fn events_are_told_once_they_are_synced() {
    let (_folder, store, orders) = store().await;
    let mut end = store.log_end();
    assert_eq!(*end.borrow_and_update(), Position(0));
    let lazy = store.submit(commit_of(&orders, vec![Operation::Log(event("lazy"))]), Durability::Lazy).await.unwrap();
    assert_eq!(lazy.await.unwrap().position, Position(1));
    let told = store.all_events(Position(0), 10).unwrap().len();
    assert!(told as u64 <= end.borrow().0, "an event was told before it was synced");
    end.changed().await.unwrap(); // by itself, a little later
    assert_eq!(*end.borrow_and_update(), Position(1));
    let other = with_map(&store, "other").await;
    commit(&store, &other, vec![Operation::Log(event("1")), Operation::Log(event("2"))]).await.unwrap();
    assert_eq!(*end.borrow_and_update(), Position(3));
    let all = store.all_events(Position(2), 10).unwrap();
    assert_eq!(
        all.iter().map(|event| (event.map.as_str(), event.sequence.0)).collect::<Vec<_>>(),
        [("other", 1), ("other", 2)]
    );
    assert_eq!(all[0].event, event("1"));
    assert_eq!(store.events(&other, EventSequence(2), 10).unwrap(), all[1..]);
    assert_eq!(store.all_events(Position(0), 2).unwrap().len(), 2);
}

#[tokio::test]
async fn a_commit_that_is_too_large_is_refused() {
    let (_folder, store, orders) = store().await;
    assert_misfit(commit(&store, &orders, vec![enqueue(1..=1, 600_000)]).await, "524288 are allowed");
    commit(&store, &orders, vec![enqueue(1..=1, 500_000)]).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (folder, store, orders) = store().await;
    let lazy = store.submit(commit_of(&orders, vec![enqueue(1..=1, 1)]), Durability::Lazy).await.unwrap();
    store.close().await;
    store.close().await;
    assert!(lazy.await.is_ok());
    assert!(matches!(commit(&store, &orders, vec![]).await, Err(StoreError::Closed)));
    assert!(matches!(store.map(&orders), Err(StoreError::Closed)));
    drop(store);
    assert_eq!(queued_sequences(&open(folder.path()), &orders), [1]);
}

fn written(key: i64, before: u64, column: Option<&str>) -> Operation {
    let written = Written {
        side: Side::Right,
        key: Key::new(vec![Value::Int(key)]),
        before: QueueSequence(before),
        columns: column.map(|column| [column.to_owned()].into()),
    };
    Operation::NoteWritten { written: vec![written], always: false }
}

#[tokio::test]
async fn what_is_written_of_keys_in_error_is_noted_until_it_is_dropped() {
    let (_folder, store, orders) = store().await;
    let since = |key: i64| store.written_since(&orders, Side::Right, &Key::new(vec![Value::Int(key)])).unwrap();
    commit(&store, &orders, vec![enqueue(1..=3, 10), fail(1)]).await.unwrap();
    let notes =
        vec![written(1, 4, Some("text")), written(1, 2, Some("text")), written(1, 3, None), written(2, 4, None)];
    commit(&store, &orders, notes).await.unwrap();
    let known = since(1);
    assert_eq!((known.all, known.record), (QueueSequence(3), QueueSequence(4)));
    assert_eq!(known.columns, [("text".to_owned(), QueueSequence(4))].into());
    assert_eq!(since(2), WrittenSince::default(), "it has no error");
    // What is diverted is to be an error, whether it was moved already or not.
    let failure = failure("left behind");
    let divert = Operation::Divert { to: DivertTo::Errors(failure), time: time(9) };
    commit(&store, &orders, vec![divert, written(3, 5, None)]).await.unwrap();
    assert_eq!(since(3).all, QueueSequence(5));
    commit(&store, &orders, vec![Operation::ContinueDivert { records_max: 10 }]).await.unwrap();
    assert!(store.head(&orders).unwrap().has_written);
    commit(&store, &orders, vec![Operation::DropWritten]).await.unwrap();
    assert_eq!((since(1), since(3)), (WrittenSince::default(), WrittenSince::default()));
    assert!(!store.head(&orders).unwrap().has_written);
    commit(&store, &orders, vec![Operation::ContinueDivert { records_max: 10 }]).await.unwrap();
    assert!(!store.head(&orders).unwrap().diverting);
}

#[tokio::test]
async fn a_retried_record_leaves_the_errors_unless_it_failed() {
    let (_folder, store, orders) = store().await;
    commit(&store, &orders, vec![enqueue(1..=3, 10), fail(1), fail(2), fail(3)]).await.unwrap();
    let retried = |sequence, result, corrected| {
        let job = JobNumber(1);
        Operation::Retried(Retried { sequence, job, time: time(20), result, corrected })
    };
    let corrected = Row::from_iter([("text".to_owned(), Value::text("y"))]);
    let operations = vec![
        retried(1, RetryResult::Applied, None),
        retried(2, RetryResult::Superseded, None),
        retried(3, RetryResult::Refused(failure("again"), 2), Some(corrected.clone())),
    ];
    commit(&store, &orders, operations).await.unwrap();
    assert_eq!(error_sequences(&store, &orders), [3]);
    let error = store.error(&orders, QueueSequence(3)).unwrap().unwrap();
    assert_eq!((error.attempts, error.failure.message.as_str(), error.number), (4, "again", 3));
    assert_eq!((&error.record.change.row, error.original), (&corrected, Some(change(Side::Left, 3, 10).row)));
    assert_eq!(error.retry.map(|retry| retry.status), Some(RetryStatus::Failed));
    let done = store.retried(&orders, QueueSequence(0), MANY).unwrap();
    let done: Vec<_> = done.iter().map(|e| (e.record.sequence.0, e.retry.map(|retry| retry.status))).collect();
    assert_eq!(done, [(1, Some(RetryStatus::Completed)), (2, Some(RetryStatus::Superseded))]);
    let figures = store.head(&orders).unwrap().figures;
    assert!(figures.left.add_up() && figures.right.add_up());
    assert_eq!((figures.in_error(), figures.left.applied, figures.left.superseded), (1, 1, 1));
    assert_eq!(store.last_error(&orders).unwrap(), QueueSequence(3));
    let again = retried(1, RetryResult::Applied, None);
    assert_misfit(commit(&store, &orders, vec![again]).await, "record 1 is not in error");
}
