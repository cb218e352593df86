//! What the child commits: each commit follows from its number alone, and so does what all of them up to a number give.

use crate::table_map::table_map;
use chrono::DateTime;
use std::collections::BTreeSet;
use tandem::model::activity::{Event, EventKind, Severity};
use tandem::model::change::{Cause, Change, Ending, Operation as ChangeOperation, QueuedBecause, QueuedRecord};
use tandem::model::failure::{ErrorType, Failure};
use tandem::model::figures::MapFigures;
use tandem::model::ids::{MapId, QueueSequence};
use tandem::model::key::Key;
use tandem::model::row::Row;
use tandem::model::state::MapState;
use tandem::model::table_map::Side;
use tandem::model::value::Value;
use tandem::store::{Commit, DivertTo, NewRecords, Operation};

/// What is queued now and then leaves behind the commits that queued it by so many.
const LEAVES_AFTER: u64 = 6;
/// Every so many commits everything that is queued is diverted to the errors.
const DIVERTS_EVERY: u64 = 70;

/// How many records a commit queues.
fn records_of(number: u64) -> u64 {
    match number % 11 {
        10 => 90,
        few => few % 4,
    }
}

pub fn has_id(sequence: u64) -> bool {
    sequence.is_multiple_of(5)
}

/// The change with this sequence. Now and then a large one, which makes sled write a file of its own.
pub fn change(sequence: u64) -> Change {
    let bytes = match sequence % 200 {
        199 => 150_000,
        _ => 20 + sequence * 37 % 400,
    };
    Change {
        source: if sequence.is_multiple_of(3) { Side::Right } else { Side::Left },
        operation: ChangeOperation::Upsert,
        key: Key::new(vec![Value::Int(sequence as i64 % 50)]),
        previous_key: None,
        row: Row::from_iter([("text".to_owned(), Value::text("y".repeat(bytes as usize)))]),
        source_time: None,
        change_id: if has_id(sequence) { format!("id-{sequence}").into() } else { Default::default() },
        correlation_id: Default::default(),
        cause: Cause::Caller,
        over: None,
    }
}

/// The commits of one map, one after another.
pub struct Script {
    map: MapId,
    expected: Expected,
    done: u64,
}

/// What the commits up to some number give.
#[derive(Default)]
pub struct Expected {
    pub version: Option<u64>,
    pub last_queued: u64,
    pub queued: BTreeSet<u64>,
    pub errors: BTreeSet<u64>,
    pub figures: MapFigures,
    /// The last sequence after each commit.
    ends: Vec<u64>,
}

impl Expected {
    pub fn after(map: &MapId, number: u64) -> Self {
        Script::new(map.clone(), number).expected
    }
}

impl Script {
    pub fn new(map: MapId, done: u64) -> Self {
        let mut script = Self { map, expected: Expected { ends: vec![0], ..Expected::default() }, done: 0 };
        while script.done < done {
            script.next_commit();
        }
        script
    }

    pub fn next_commit(&mut self) -> (u64, Commit) {
        self.done += 1;
        let number = self.done;
        let mut operations = Vec::new();
        if number % 20 == 1 {
            operations.push(self.put_map(number));
        }
        operations.push(Operation::Log(event(number)));
        operations.extend(self.enqueue(number));
        operations.extend(self.leave(number));
        if number.is_multiple_of(DIVERTS_EVERY) {
            operations.push(self.divert(number));
        }
        operations.push(Operation::ContinueDivert { records_max: 25 });
        (number, Commit { map: self.map.clone(), expected: None, operations })
    }

    fn put_map(&mut self, number: u64) -> Operation {
        self.expected.version = Some(number);
        Operation::PutMap(Box::new(table_map(&self.map, number)))
    }

    fn enqueue(&mut self, number: u64) -> Option<Operation> {
        let expected = &mut self.expected;
        let mut records = NewRecords::default();
        for _ in 0..records_of(number) {
            expected.last_queued += 1;
            let sequence = expected.last_queued;
            let change = change(sequence);
            expected.queued.insert(sequence);
            expected.figures.queued_bytes += change.size() as u64;
            let figures = expected.figures.side_mut(change.source);
            figures.accepted += 1;
            figures.queued += 1;
            let record = QueuedRecord {
                sequence: QueueSequence(sequence),
                accept_time: DateTime::from_timestamp(sequence as i64, 0).unwrap(),
                change,
                previous: None,
                yielded: BTreeSet::new(),
            };
            records.push(&record, sequence, QueuedBecause::Paused);
        }
        expected.ends.push(expected.last_queued);
        (!records.is_empty()).then(|| records.into_operation())
    }

    /// Of what an earlier commit has queued, one record fails, one in eight stays, the others are applied.
    fn leave(&mut self, number: u64) -> Vec<Operation> {
        let expected = &mut self.expected;
        let Some(earlier) = number.checked_sub(LEAVES_AFTER).filter(|earlier| *earlier > 0) else { return Vec::new() };
        let (from, to) = (expected.ends[earlier as usize - 1] + 1, expected.ends[earlier as usize]);
        let mut operations = Vec::new();
        let mut applied = Vec::new();
        for sequence in from..=to {
            if sequence.is_multiple_of(8) || !expected.queued.remove(&sequence) {
                continue;
            }
            let change = change(sequence);
            expected.figures.queued_bytes -= change.size() as u64;
            let figures = expected.figures.side_mut(change.source);
            figures.queued -= 1;
            if sequence == from {
                figures.in_error += 1;
                expected.errors.insert(sequence);
                operations.push(Operation::Fail {
                    sequence: QueueSequence(sequence),
                    failure: failure(),
                    time: DateTime::from_timestamp(number as i64, 0).unwrap(),
                    attempts: 1,
                });
            } else {
                figures.applied += 1;
                applied.push(QueueSequence(sequence));
            }
        }
        if !applied.is_empty() {
            operations.push(Operation::Leave { sequences: applied, ending: Ending::Applied });
        }
        operations
    }

    fn divert(&mut self, number: u64) -> Operation {
        let expected = &mut self.expected;
        for side in Side::BOTH {
            let figures = expected.figures.side_mut(side);
            figures.in_error += figures.queued;
            figures.queued = 0;
        }
        expected.figures.queued_bytes = 0;
        expected.errors.append(&mut expected.queued);
        Operation::Divert { to: DivertTo::Errors(failure()), time: DateTime::from_timestamp(number as i64, 0).unwrap() }
    }
}

fn failure() -> Failure {
    Failure::new(ErrorType::Application, "23505", "duplicate key")
}

fn event(number: u64) -> Event {
    Event {
        time: DateTime::from_timestamp(number as i64, 0).unwrap(),
        kind: EventKind::StateChanged,
        severity: Severity::Info,
        actor: "torture".to_owned(),
        state_before: None,
        state_after: Some(MapState::Running),
        summary: format!("commit {number}"),
        counts: [("number".to_owned(), number as i64)].into(),
        error: None,
        conflict: None,
    }
}
