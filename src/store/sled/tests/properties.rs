//! The engine against the model, and against itself: random commits, valid and not.

use super::alerts;
use super::fixtures::*;
use super::model::{MapModel, Model, Refusal};
use crate::model::change::{Ending, ErrorRecord};
use crate::model::error_group::ErrorGroup;
use crate::model::execution::{DeferredRows, Execution, ExecutionError, ExecutionState};
use crate::model::figures::Figures;
use crate::model::ids::{EventSequence, ExecutionNumber, JobNumber, MapId, Position, QueueSequence, Revision};
use crate::model::key::Key;
use crate::model::row::Row;
use crate::model::table_map::Side;
use crate::model::value::Value;
use crate::model::written::Written;
use crate::store::sled::SledStore;
use crate::store::sled::apply::apply;
use crate::store::sled::check::look_through;
use crate::store::sled::keys::shelf;
use crate::store::sled::open as opening;
use crate::store::sled::view::{Numbers, View};
use crate::store::{Commit, DivertTo, Operation, Retried, RetryResult, Store, StoreError, message};
use proptest::prelude::*;
use prost::Message;
use std::path::Path;
use tempfile::TempDir;

/// Kinds of operations that are not about alerts.
const OTHER_KINDS: u8 = 30;

/// A commit in the making: what it becomes depends on what is stored, so that most of them fit.
#[derive(Debug, Clone)]
struct Seed {
    map: u8,
    expect: Option<bool>,
    operations: Vec<(u8, u16, u16)>,
}

fn seeds(max: usize) -> impl Strategy<Value = Vec<Seed>> {
    let operation = (0..OTHER_KINDS + alerts::KINDS, any::<u16>(), any::<u16>());
    let seed = (
        0_u8..2,
        proptest::option::weighted(0.2, proptest::bool::weighted(0.8)),
        proptest::collection::vec(operation, 1..5),
    );
    let seed = seed.prop_map(|(map, expect, operations)| Seed { map, expect, operations });
    proptest::collection::vec(seed, 1..max)
}

const NAMES: [&str; 2] = ["orders", "orders-2"];

fn commit_from(seed: &Seed, model: &Model) -> Commit {
    let map = id(NAMES[usize::from(seed.map)]);
    let known = model.maps.get(&map).cloned().unwrap_or_default();
    let mut next = known.last_queued + 1;
    let operation = |seed: &(u8, u16, u16)| match (seed.0.checked_sub(OTHER_KINDS), *seed) {
        (Some(kind), (_, a, b)) => alerts::operation_from(kind, a, b, &map, model, &known),
        (None, seed) => operation_from(seed, &map, &known, &mut next),
    };
    let operations = seed.operations.iter().map(operation).collect();
    let expected = seed.expect.map(|right| Revision(known.revision().0 + u64::from(!right)));
    Commit { map, expected, operations }
}

/// A sequence that is queued, or now and then one that is not.
fn some_queued(known: &MapModel, choice: u16) -> QueueSequence {
    let queued: Vec<u64> = known.queue.keys().copied().collect();
    let wrong = choice % 23 == 22 || queued.is_empty();
    QueueSequence(if wrong { known.last_queued / 2 } else { queued[usize::from(choice) % queued.len()] })
}

/// Rule 4: what is not forgotten is remembered; what is forgotten may be for a while.
fn remembered_as_known(store: &SledStore, id: &MapId, known: &MapModel) {
    let change_ids: Vec<String> = (0..17).map(|n| format!("id-{n}")).collect();
    let asked: Vec<&str> = change_ids.iter().map(String::as_str).collect();
    let found = store.remembered(id, &asked).unwrap();
    for (change_id, found) in change_ids.into_iter().zip(found) {
        match (known.remembered.get(&change_id), found) {
            (None, None) => {}
            (None, Some(found)) => {
                assert!(known.forgotten.is_some() && known.told.contains(&(change_id, found)));
            }
            (expected, found) => assert_eq!(found.as_ref(), expected, "{change_id} of {id}"),
        }
    }
}

fn errors_found_by_keys(store: &SledStore, id: &MapId, errors: &[ErrorRecord]) {
    let middle = errors.get(errors.len() / 2).map_or(0, |error| error.record.sequence.0);
    let one = Key::new(vec![Value::Int(middle as i64)]).encode();
    for prefix in [&one, &one[..one.len() - 1], &one[..0]] {
        let of = |error: &ErrorRecord| error.record.change.key.encode();
        let mut expected: Vec<_> = errors.iter().filter(|error| of(error).starts_with(prefix)).collect();
        expected.sort_by_key(|error| (of(error), error.record.sequence));
        let (mut found, mut after) = (Vec::new(), Some(Vec::new()));
        while let Some(place) = after {
            let page = store.errors_by_key(id, prefix, &place, 7).unwrap();
            found.extend(page.errors.into_iter().map(|(_, error)| error));
            after = page.next;
        }
        assert!(found.iter().eq(expected), "the errors of {id} under {prefix:?}");
    }
}

fn found_by_keys_and_times(store: &SledStore, id: &MapId, known: &MapModel) {
    let middle = known.last_queued / 2;
    let one = Key::new(vec![Value::Int(middle as i64)]).encode();
    let many = &one[..one.len() - 1];
    for prefix in [&one, many, &one[..1], b"nothing"] {
        let expected = known.queue.values().filter(|record| record.change.key.encode().starts_with(prefix));
        let found = store.queued_by_key(id, prefix, QueueSequence(0), ALL).unwrap();
        assert!(found.iter().eq(expected.clone()), "the records of {id} under {prefix:?}");
        let behind: Vec<_> = expected.filter(|record| record.sequence.0 > middle).take(3).cloned().collect();
        assert_eq!(store.queued_by_key(id, prefix, QueueSequence(middle), 3).unwrap(), behind);
    }
    for time in [time(0), time(middle as i64), time(known.last_queued as i64 + 1)] {
        let before = store.accepted_before(id, time).unwrap();
        assert!(known.queue.range(..=before.0).all(|(_, record)| record.accept_time < time));
        let first = known.queue.range(before.0 + 1..).position(|(_, record)| record.accept_time >= time);
        assert!(first.unwrap_or(0) <= 400, "it is close to the first one: {first:?}");
    }
}

/// The sequence of an error that was moved to the errors already, as far as the model knows.
fn some_error(known: &MapModel, choice: u16) -> u64 {
    known.errors.keys().nth(usize::from(choice) % known.errors.len().max(1)).copied().unwrap_or(0)
}

fn retried(sequence: u64, seed: u16) -> Retried {
    let result = match seed % 3 {
        0 => RetryResult::Applied,
        1 => RetryResult::Superseded,
        _ => RetryResult::Refused(failure("again"), 1),
    };
    let corrected = (seed.is_multiple_of(2)).then(|| Row::from_iter([("c".to_owned(), Value::Int(seed.into()))]));
    Retried { sequence, job: JobNumber(1), time: time(seed.into()), result, corrected }
}

fn operation_from((kind, a, b): (u8, u16, u16), map_id: &MapId, known: &MapModel, next: &mut u64) -> Operation {
    let execution = ExecutionNumber(1 + u64::from(a % 3));
    match kind {
        0 | 1 => Operation::PutMap(Box::new(map(map_id, u64::from(a)))),
        2 => Operation::Log(event(&a.to_string())),
        3..=7 => {
            let first = *next + u64::from(a % 29 == 28);
            let count = if a % 4 == 0 { 60 } else { 1 + a % 5 };
            let records = (first..first + u64::from(count)).map(|sequence| {
                let source = if (sequence + u64::from(b)).is_multiple_of(2) { Side::Left } else { Side::Right };
                let mut change = change(source, sequence as i64, usize::from(b) % 1_500);
                if b % 5 == 0 {
                    change.change_id = format!("id-{}", sequence % 16).into();
                }
                new_record(sequence, change)
            });
            let records = records.collect();
            *next = first + u64::from(count);
            Operation::Enqueue(records)
        }
        8..=10 => {
            let ending = [Ending::Applied, Ending::Skipped, Ending::Superseded, Ending::Deleted][usize::from(a % 4)];
            let first = some_queued(known, a);
            let sequences = known.queue.range(first.0..).map(|(sequence, _)| *sequence).take(1 + usize::from(b % 50));
            leave(sequences.chain((b % 31 == 30).then_some(first.0)), ending)
        }
        11 => Operation::Fail { sequence: some_queued(known, a), failure: failure("no"), time: time(1), attempts: 3 },
        12 => Operation::Yield { sequence: some_queued(known, a), columns: [format!("c{}", b % 4)].into() },
        13 => {
            let unsound = u64::from(b % 20 == 19);
            let figures = Figures { accepted: 2 + unsound, applied: 1, purged: 1, ..Figures::default() };
            Operation::Count { source: if a % 2 == 0 { Side::Left } else { Side::Right }, figures }
        }
        14 => Operation::Remember { change_id: format!("id-{}", a % 16).into(), remembered: remembered(u64::from(b)) },
        15 => Operation::Forget { until: time(i64::from(b % 400)) },
        16 => {
            let to = if a % 2 == 0 { DivertTo::Nowhere } else { DivertTo::Errors(failure("left behind")) };
            if b % 3 == 0 {
                Operation::Divert { to, time: time(i64::from(b)) }
            } else {
                Operation::ContinueDivert { records_max: u32::from(b) % 40 }
            }
        }
        17 => Operation::ContinueDivert { records_max: u32::from(b) % 200 },
        18 => {
            if a % 6 == 0 {
                Operation::DeleteMap
            } else {
                Operation::PutExecution(Box::new(execution_of(execution, b)))
            }
        }
        19 => {
            let error = |n: u16| {
                let key = Key::new(vec![Value::Int(n.into())]);
                ExecutionError::new(Side::Left, key, Row::new(), failure("no"), time(2))
            };
            Operation::AddExecutionErrors { execution, errors: (0..b % 4).map(error).collect() }
        }
        20 | 21 => {
            let written = |n: u16| Written {
                side: if n.is_multiple_of(2) { Side::Left } else { Side::Right },
                key: Key::new(vec![Value::Int(i64::from((a + n) % 40))]),
                before: QueueSequence(u64::from(b % 50)),
                columns: (b % 5 > 0).then(|| [format!("c{}", b % 3)].into()),
            };
            Operation::NoteWritten { written: (0..a % 5).map(written).collect(), always: b % 9 == 0 }
        }
        22 if b % 4 == 0 => Operation::DropWritten,
        22 => Operation::PutJob(Box::new(job(u64::from(a % 4), b))),
        24 => {
            let errors = known.errors.keys().chain(known.retried.keys()).skip(usize::from(a % 5));
            let sequences = errors.take(usize::from(b % 6)).map(|sequence| QueueSequence(*sequence)).collect();
            Operation::RemoveErrors { sequences, ending: if b % 2 == 0 { Ending::Deleted } else { Ending::Purged } }
        }
        26 => {
            let keys = (0..b % 4).map(|n| Key::new(vec![Value::Int(n.into())])).collect();
            Operation::DeferRows { execution, rows: DeferredRows { source: Side::Left, keys } }
        }
        27 => Operation::RowsReferred { execution, number: 1 + u64::from(b % 4) },
        25 => {
            let row = Row::from_iter([("c".to_owned(), Value::Int(b.into()))]);
            Operation::CorrectError { sequence: QueueSequence(some_error(known, a)), row }
        }
        28 => {
            let row = known.execution_errors.keys().nth(usize::from(a) % known.execution_errors.len().max(1));
            let (execution, number) = row.copied().unwrap_or((1, 1));
            let numbers = (number..number + u64::from(b % 4)).collect();
            Operation::RemoveRows { execution: ExecutionNumber(execution), numbers }
        }
        23 => Operation::Retried(retried(some_error(known, a), b)),
        _ => {
            let row = known.execution_errors.keys().nth(usize::from(a) % known.execution_errors.len().max(1));
            let (execution, number) = row.copied().unwrap_or((1, 1));
            Operation::RetriedRow { execution: ExecutionNumber(execution), retried: retried(number, b) }
        }
    }
}

fn execution_of(number: ExecutionNumber, seed: u16) -> Execution {
    Execution {
        number,
        state: ExecutionState::Completed,
        master: Side::Left,
        projects: Vec::new(),
        start_time: time(0),
        end_time: Some(time(i64::from(seed))),
        reason: String::new(),
        map_version: 1,
        fingerprint: 9,
        after: Vec::new(),
        begun_after: QueueSequence(0),
        circle: Vec::new(),
        rerun: None,
        actor: String::new(),
    }
}

const ALL: usize = 1 << 30;

/// Everything that can be read is what the model says.
fn compare(store: &SledStore, model: &mut Model) {
    alerts::compare(store, model, ALL);
    for (id, known) in &mut model.maps {
        let mut head = store.head(id).unwrap();
        for side in Side::BOTH {
            assert!(head.figures.side(side).add_up(), "rule 11: {:?}", head.figures); // Rule 11
        }
        let errors = store.errors(id, QueueSequence(0), ALL).unwrap();
        if head.diverting {
            let expected = |sequence: &u64| known.errors.get(sequence).or_else(|| known.diverted.get(sequence));
            assert!(errors.iter().all(|error| expected(&error.record.sequence.0) == Some(error)));
            assert!(errors.len() >= known.errors.len());
            head.diverting = false;
        } else {
            known.finish_diversions();
            assert!(errors.iter().eq(known.errors.values()));
            compare_groups(store, id, known);
        }
        for error in known.errors.values() {
            let key = &error.record.change.key;
            let of_key: Vec<_> = errors.iter().filter(|error| error.record.change.keys().any(|of| of == key)).collect();
            assert!(store.errors_of_key(id, key, QueueSequence(0), ALL).unwrap().iter().eq(of_key));
        }
        let put_right: Vec<_> = known.retried.values().filter_map(|error| Some((error.retry?.time, error))).collect();
        let until = put_right.iter().map(|(time, _)| *time).nth(put_right.len() / 2).unwrap_or_default();
        let mut expected: Vec<_> = put_right
            .iter()
            .filter(|(time, _)| *time <= until)
            .map(|(time, error)| (*time, error.record.sequence))
            .collect();
        expected.sort_unstable();
        let found = store.put_right_until(id, until, ALL).unwrap();
        assert!(found.iter().eq(expected.iter().map(|(_, sequence)| sequence)));
        assert!(head.has_written || known.written.is_empty());
        head.has_written = known.head().has_written;
        assert_eq!(head, known.head());
        assert_eq!(store.map(id).unwrap(), known.record);
        let queued = store.queued(id, QueueSequence(0), ALL, ALL).unwrap();
        assert!(queued.iter().eq(known.queue.values()), "the queue of {id}");
        let middle = QueueSequence(known.last_queued / 2);
        let behind: Vec<_> = known.queue.range(middle.0 + 1..).take(3).map(|(_, record)| record.clone()).collect();
        assert_eq!(store.queued(id, middle, 3, ALL).unwrap(), behind);
        assert_eq!(store.queued_record(id, middle).unwrap().as_ref(), known.queue.get(&middle.0));
        remembered_as_known(store, id, known);
        found_by_keys_and_times(store, id, known);
        errors_found_by_keys(store, id, &errors);
        let executions: Vec<_> = known.executions.values().rev().cloned().collect();
        assert_eq!(store.executions(id, None, ALL).unwrap(), executions);
        for execution in 1..=3 {
            let range = known.execution_errors.range((execution, 0)..=(execution, u64::MAX));
            let errors: Vec<_> = range.map(|((_, number), error)| (*number, error.clone())).collect();
            assert_eq!(store.execution_errors(id, ExecutionNumber(execution), 0, ALL).unwrap(), errors);
        }
        for execution in 1..=3 {
            let first = known.deferred.range((execution, 0)..=(execution, u64::MAX)).next();
            let first = first.map(|((_, number), rows)| (*number, rows.clone()));
            assert_eq!(store.deferred_rows(id, ExecutionNumber(execution)).unwrap(), first);
        }
        assert!(store.retried(id, QueueSequence(0), ALL).unwrap().iter().eq(known.retried.values()));
        assert!(store.jobs(id, None, ALL).unwrap().iter().eq(known.jobs.values().rev()));
        for (side, key, since) in &known.written {
            let mut kept = store.written_since(id, *side, key).unwrap();
            let before = kept.clone();
            kept.add_all(since);
            assert_eq!(kept, before, "{key} at {side:?}");
        }
        let events: Vec<_> = model.log.iter().filter(|event| event.map == *id).cloned().collect();
        assert_eq!(store.events(id, EventSequence(0), ALL).unwrap(), events);
    }
    assert_eq!(store.all_events(Position(0), ALL).unwrap(), model.log);
    let maps: Vec<_> = model.maps.values().filter_map(|known| known.record.clone()).collect();
    assert_eq!(store.maps(None, ALL).unwrap(), maps);
}

fn compare_groups(store: &SledStore, id: &MapId, known: &MapModel) {
    let mut expected = known.groups();
    for found in store.error_groups(id).unwrap() {
        let same = ErrorGroup { hash: 0, ..found.clone() };
        let place = expected.iter().position(|(group, _)| *group == same);
        let (_, errors) = expected.swap_remove(place.unwrap_or_else(|| panic!("{found:?} in {expected:?}")));
        assert_eq!(store.errors_failed(id, &found, None, None, ALL).unwrap(), errors);
        let middle = errors[errors.len() / 2];
        let old: Vec<_> = errors.iter().filter(|(time, _)| *time <= middle.0).copied().collect();
        assert_eq!(store.errors_failed(id, &found, None, Some(middle.0), ALL).unwrap(), old);
        assert_eq!(store.errors_failed(id, &found, None, Some(middle.0), 1).unwrap(), [errors[0]]);
        let since: Vec<_> = errors.iter().filter(|error| **error > middle).copied().collect();
        assert_eq!(store.errors_failed(id, &found, Some(middle), None, ALL).unwrap(), since);
    }
    assert_eq!(expected, []);
}

/// Applies commits to files that nobody else has open, in groups that end where `ends` says.
fn write_in_groups(path: &Path, commits: &[Commit], ends: impl Fn(usize) -> bool, reopens: impl Fn(usize) -> bool) {
    let mut opened = opening::open(path, 16 << 20).unwrap();
    let mut numbers = Numbers::load(&opened.db).unwrap();
    let mut rest = commits;
    let mut done = 0;
    while !rest.is_empty() {
        let size = (1..rest.len()).find(|size| ends(done + size)).unwrap_or(rest.len());
        let (group, behind) = rest.split_at(size);
        let mut view = View::new(&opened.db, &mut numbers);
        for commit in group {
            view.begin();
            if apply(&mut view, message::Commit::from(commit)).is_err() {
                view.roll_back();
            }
        }
        if let Some(changes) = view.into_changes() {
            let mut batch = sled::Batch::default();
            for (key, change) in changes {
                match change {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            opened.db.apply_batch(batch).unwrap();
        }
        done += size;
        rest = behind;
        if reopens(done) {
            opened.sync().unwrap();
            drop(opened);
            opened = opening::open(path, 16 << 20).unwrap();
            numbers = Numbers::load(&opened.db).unwrap();
        }
    }
    opened.sync().unwrap();
}

/// Few cases, for each opens files many times; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::default() };
    if asked { config } else { ProptestConfig { cases: 24, ..config } }
}

proptest! {
    #![proptest_config(config())]

    /// After every commit, whether it fits or not, everything that can be read is what the model says.
    #[test]
    fn the_store_is_what_the_model_says(seeds in seeds(60), reopen_every in 5_usize..40) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path());
        let mut model = Model::default();
        for name in NAMES {
            let first = commit_of(&id(name), vec![Operation::PutMap(Box::new(map(&id(name), 1)))]);
            model.apply(&first).unwrap();
            runtime.block_on(store.commit(first)).unwrap();
        }
        for (step, seed) in seeds.iter().enumerate() {
            let commit = commit_from(seed, &model);
            let expected = model.apply(&commit);
            match (runtime.block_on(store.commit(commit.clone())), expected) {
                (Ok(receipt), Ok(expected)) => prop_assert_eq!(receipt, expected),
                (Err(StoreError::Conflict { .. }), Err(Refusal::Conflict)) => {}
                (Err(StoreError::Misfit { .. }), Err(Refusal::Misfit)) => {}
                (answer, expected) => prop_assert!(false, "{commit:?}: {answer:?}, not {expected:?}"),
            }
            if step % reopen_every == reopen_every - 1 {
                drop(store);
                store = open(folder.path());
            }
            compare(&store, &mut model);
        }
    }

    /// The same commits in the same order give the same store, byte for byte: one at a time, in groups of any size, and with
    /// the files closed and opened in between. And the store knows how large it is.
    #[test]
    fn the_same_commits_give_the_same_bytes_however_they_are_grouped(seeds in seeds(120), choices in any::<[u64; 2]>()) {
        let mut model = Model::default();
        let mut commits = Vec::new();
        for name in NAMES {
            commits.push(commit_of(&id(name), vec![Operation::PutMap(Box::new(map(&id(name), 1)))]));
            model.apply(&commits[commits.len() - 1]).unwrap();
        }
        for seed in &seeds {
            let commit = commit_from(seed, &model);
            let _ = model.apply(&commit); // refused ones must leave no trace either
            commits.push(commit);
        }
        let [ends, reopens] = choices;
        let (single, grouped) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        write_in_groups(single.path(), &commits, |_| true, |_| false);
        write_in_groups(grouped.path(), &commits, |at| ends >> (at % 64) & 1 == 1, |at| reopens >> (at % 64) & 7 == 7);
        let found = look_through(&opening::open(single.path(), 16 << 20).unwrap(), false).unwrap();
        prop_assert_eq!(found.findings, [], "a store that commits have made is sound");
        let (single, grouped) = (dump(single.path()), dump(grouped.path()));
        prop_assert!(single == grouped, "the bytes differ");

        let uncounted = [shelf::STORE, shelf::HEADS, shelf::FENCE];
        let counted = single.iter().filter(|(key, _)| !uncounted.contains(&key[0]));
        let bytes: u64 = counted.map(|(key, value)| (key.len() + value.len()) as u64).sum();
        let head = single.iter().find(|(key, _)| *key == crate::store::sled::keys::store_head()).unwrap();
        prop_assert_eq!(message::StoreHead::decode(head.1.as_slice()).unwrap().stored_bytes, bytes);
    }
}
