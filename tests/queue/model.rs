//! The engine against a model of it that fits on a page: random changes, transitions, retries, corrections and deletions, a destination
//! that is locked and rules of it that change, time that goes on, and restarts. After every step both agree about the state, each
//! figure, each error and each row of the destination.
//!
//! One direction; `both_sides` has both, `kills` what happens between two steps.

use crate::support::databases::sql;
use crate::support::server::{PATIENCE, TestClock};
use crate::support::world::{self, *};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::{Connection, Executor, SqliteConnection};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tandem::services::proto::*;
use tokio::time::{Instant, sleep};

const KEYS: i64 = 3;
/// Stories that are told; `TANDEM_MODEL_CASES` takes another number, as `make torture` does.
const CASES: u32 = 12;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a INTEGER DEFAULT 0, b INTEGER DEFAULT 0)";
/// What is refused may be allowed later.
const RULES: &str = "CREATE TABLE rules (floor INTEGER); INSERT INTO rules VALUES (0);
    CREATE TRIGGER added BEFORE INSERT ON items WHEN NEW.a < (SELECT floor FROM rules)
        BEGIN SELECT RAISE(ABORT, 'too low'); END;
    CREATE TRIGGER changed BEFORE UPDATE ON items WHEN NEW.a < (SELECT floor FROM rules)
        BEGIN SELECT RAISE(ABORT, 'too low'); END";
const NO_FLOOR: i64 = -100;

#[derive(Debug, Clone)]
enum Step {
    Set {
        key: i64,
        a: Option<i64>,
        b: Option<i64>,
    },
    Remove {
        key: i64,
    },
    /// The last change once more, under its id.
    Repeat,
    /// Negative values are refused, or not.
    Floor(bool),
    /// Someone holds the destination's lock, or lets it go.
    Lock,
    Unlock,
    Pause,
    Resume(ResumeOption),
    Stop(QueuedRecordsDisposition),
    Run,
    RetryAll,
    /// The first error of a key.
    Correct {
        key: i64,
        a: i64,
    },
    Delete {
        key: i64,
    },
    Hours(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let set = (0..KEYS, prop::option::of(-3..6i64), prop::option::of(0..6i64));
    let resume = prop_oneof![3 => Just(ResumeOption::CatchUp), 1 => Just(ResumeOption::SkipAndKeep), 1 => Just(ResumeOption::SkipAndDiscard)];
    let stop = prop_oneof![Just(QueuedRecordsDisposition::Keep), Just(QueuedRecordsDisposition::Discard)];
    prop_oneof![
        16 => set.prop_map(|(key, a, b)| Step::Set { key, a, b }),
        3 => (0..KEYS).prop_map(|key| Step::Remove { key }),
        2 => Just(Step::Repeat),
        2 => any::<bool>().prop_map(Step::Floor),
        2 => Just(Step::Lock),
        2 => Just(Step::Unlock),
        3 => Just(Step::Pause),
        4 => resume.prop_map(Step::Resume),
        1 => stop.prop_map(Step::Stop),
        2 => Just(Step::Run),
        4 => Just(Step::RetryAll),
        2 => (0..KEYS, -3..6i64).prop_map(|(key, a)| Step::Correct { key, a }),
        2 => (0..KEYS).prop_map(|key| Step::Delete { key }),
        1 => (1..20i64).prop_map(Step::Hours),
        1 => Just(Step::Restart),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Change {
    sequence: i64,
    key: i64,
    /// None removes the record.
    set: Option<(Option<i64>, Option<i64>)>,
}

#[derive(Debug, Clone)]
struct Failed {
    change: Change,
    minute: i64,
}

/// The newest change that has written each part of a record.
#[derive(Debug, Clone, Default)]
struct Written {
    a: i64,
    b: i64,
    record: i64,
    gone: i64,
}

/// What must be so.
#[derive(Debug, Clone)]
struct Model {
    minute: i64,
    state: TableMapState,
    floor: i64,
    locked: bool,
    last: i64,
    repeat: Option<(Change, i64)>,
    rows: BTreeMap<i64, (i64, i64)>,
    queue: VecDeque<Change>,
    errors: BTreeMap<i64, Failed>,
    written: BTreeMap<i64, Written>,
    figures: Figures,
}

/// What both are asked for.
#[derive(Debug, PartialEq)]
struct Seen {
    state: TableMapState,
    figures: Figures,
    /// Sequences, keys, and the columns that they set.
    errors: Vec<(i64, i64, Option<i64>, Option<i64>)>,
    rows: Vec<(i64, i64, i64)>,
}

impl Model {
    fn new() -> Model {
        Model {
            minute: 0,
            state: TableMapState::Running,
            floor: 0,
            locked: false,
            last: 0,
            repeat: None,
            rows: BTreeMap::new(),
            queue: VecDeque::new(),
            errors: BTreeMap::new(),
            written: BTreeMap::new(),
            figures: Figures::default(),
        }
    }

    fn takes(&self) -> bool {
        self.state != TableMapState::NotRunning
    }

    fn is_live(&self) -> bool {
        self.state == TableMapState::Running && !self.locked
    }

    fn is_draining(&self) -> bool {
        [TableMapState::Running, TableMapState::Resuming].contains(&self.state)
    }

    /// Whether the destination takes it.
    fn write(&mut self, change: &Change) -> bool {
        let Change { sequence, key, set } = change.clone();
        let written = self.written.entry(key).or_default();
        let Some((a, b)) = set else {
            self.rows.remove(&key);
            written.gone = written.gone.max(sequence);
            return true;
        };
        let before = self.rows.get(&key).copied().unwrap_or_default();
        let row = (a.unwrap_or(before.0), b.unwrap_or(before.1));
        if row.0 < self.floor {
            return false;
        }
        self.rows.insert(key, row);
        written.record = written.record.max(sequence);
        written.a = if a.is_some() { written.a.max(sequence) } else { written.a };
        written.b = if b.is_some() { written.b.max(sequence) } else { written.b };
        true
    }

    /// Rules 2 and 5: in order, and what is refused holds nothing up.
    fn drain(&mut self) {
        while self.is_draining()
            && !self.locked
            && let Some(change) = self.queue.pop_front()
        {
            self.figures.queued -= 1;
            if self.write(&change) {
                self.figures.applied += 1;
            } else {
                self.fails(change);
            }
        }
        if self.state == TableMapState::Resuming && self.queue.is_empty() {
            self.state = TableMapState::Running;
        }
    }

    fn fails(&mut self, change: Change) {
        self.figures.in_error += 1;
        self.errors.insert(change.sequence, Failed { change, minute: self.minute });
    }

    fn leave_behind(&mut self, keep: bool) {
        while let Some(change) = self.queue.pop_front() {
            self.figures.queued -= 1;
            if keep {
                self.fails(change);
            } else {
                self.figures.deleted += 1;
            }
        }
    }

    /// Rule 3: nothing is written over what is newer.
    fn retry_all(&mut self) {
        for (sequence, Failed { change, .. }) in self.errors.clone() {
            let since = self.written.get(&change.key).cloned().unwrap_or_default();
            let left = match change.set {
                _ if since.gone > sequence => None,
                None => (since.record <= sequence).then_some(None),
                Some((a, b)) => {
                    let left = (a.filter(|_| since.a <= sequence), b.filter(|_| since.b <= sequence));
                    (left != (None, None)).then_some(Some(left))
                }
            };
            let Some(set) = left else {
                self.errors.remove(&sequence);
                self.figures.in_error -= 1;
                self.figures.superseded += 1;
                continue;
            };
            if self.write(&Change { set, ..change }) {
                self.errors.remove(&sequence);
                self.figures.in_error -= 1;
                self.figures.applied += 1;
            } else if let Some(failed) = self.errors.get_mut(&sequence) {
                failed.minute = self.minute;
            }
        }
    }

    /// Rule 7: a day after they failed last.
    fn purge(&mut self) {
        let before = self.errors.len();
        self.errors.retain(|_, failed| self.minute - failed.minute < 24 * 60);
        let purged = (before - self.errors.len()) as i64;
        self.figures.in_error -= purged;
        self.figures.purged += purged;
    }

    fn first_error_of(&self, key: i64) -> Option<i64> {
        self.errors.values().map(|failed| &failed.change).find(|change| change.key == key).map(|change| change.sequence)
    }

    fn seen(&self) -> Seen {
        let set = |change: &Change| change.set.unwrap_or_default();
        Seen {
            state: self.state,
            figures: self.figures,
            errors: self
                .errors
                .values()
                .map(|Failed { change, .. }| (change.sequence, change.key, set(change).0, set(change).1))
                .collect(),
            rows: self.rows.iter().map(|(key, (a, b))| (*key, *a, *b)).collect(),
        }
    }
}

/// The real thing, and what must be so.
struct Story {
    world: World,
    clock: TestClock,
    lock: Option<SqliteConnection>,
    model: Model,
    told: Vec<Step>,
}

impl Story {
    async fn begin() -> Story {
        let clock = TestClock::starting_now();
        let world = World::start_by(&clock).await;
        for url in [world.left.url(), world.right.url()] {
            sql::execute(&url, ITEMS).await.unwrap();
        }
        sql::execute(&world.right.url(), RULES).await.unwrap();
        world.running_map("items", map()).await;
        Story { world, clock, lock: None, model: Model::new(), told: Vec::new() }
    }

    async fn take(&mut self, step: Step) {
        let (world, model) = (&self.world, &mut self.model);
        match step {
            Step::Set { key, a, b } => {
                let set = if (a, b) == (None, None) { (None, Some(0)) } else { (a, b) };
                self.change(Change { sequence: 0, key, set: Some(set) }).await;
            }
            Step::Remove { key } => self.change(Change { sequence: 0, key, set: None }).await,
            Step::Repeat => {
                // Rule 4.
                let Some((change, sequence)) = model.repeat.clone() else { return };
                let answer = world.write(request(&change, sequence)).await.unwrap();
                assert_eq!((answer.disposition(), answer.sequence), (Disposition::Queued, sequence));
            }
            Step::Floor(low) => {
                if model.locked {
                    return;
                }
                model.floor = if low { NO_FLOOR } else { 0 };
                let floor = format!("UPDATE rules SET floor = {}", model.floor);
                sql::execute(&world.right.url(), &floor).await.unwrap();
            }
            Step::Lock if !model.locked => {
                let mut lock = SqliteConnection::connect(&world.right.url()).await.unwrap();
                lock.execute("BEGIN IMMEDIATE").await.unwrap();
                self.lock = Some(lock);
                model.locked = true;
            }
            Step::Unlock => {
                if let Some(lock) = self.lock.take() {
                    lock.close().await.unwrap();
                    model.locked = false;
                }
            }
            // What is being written at that moment may end, so that nobody could say what must be.
            Step::Pause if model.is_draining() && (!model.locked || model.queue.is_empty()) => {
                world.pause("items").await.unwrap();
                model.state = TableMapState::Paused;
            }
            Step::Resume(option) if model.state == TableMapState::Paused => {
                world.resume("items", option).await.unwrap();
                model.state = TableMapState::Running;
                match option {
                    ResumeOption::SkipAndKeep => model.leave_behind(true),
                    ResumeOption::SkipAndDiscard => model.leave_behind(false),
                    ResumeOption::CatchUp | ResumeOption::Unspecified => model.state = TableMapState::Resuming,
                }
            }
            Step::Stop(queued) if model.takes() && !model.locked => {
                world.stop("items", queued).await.unwrap();
                model.state = TableMapState::NotRunning;
                model.leave_behind(queued == QueuedRecordsDisposition::Keep);
            }
            Step::Run if !model.takes() && !model.locked => {
                world.run_live("items").await.unwrap();
                model.state = TableMapState::Running;
            }
            Step::RetryAll if model.is_live() && !model.errors.is_empty() => {
                let retry = RetryCatchUpErrorsRequest { parent: name("items"), all: true, ..Default::default() };
                world.queue().retry_catch_up_errors(retry).await.unwrap();
                model.retry_all();
            }
            Step::Correct { key, a } => {
                let Some(sequence) = model.first_error_of(key).filter(|_| model.takes()) else { return };
                let Some(failed) = model.errors.get_mut(&sequence) else { return };
                let Some((before, b)) = failed.change.set else { return };
                let set = (before.map(|_| a), b);
                failed.change.set = Some(set);
                let request = request(&failed.change, sequence);
                let queued_record =
                    QueuedRecord { name: record_name(sequence), record: request.record, ..Default::default() };
                let update = UpdateQueuedRecordRequest { queued_record: Some(queued_record), ..Default::default() };
                world.queue().update_queued_record(update).await.unwrap();
            }
            Step::Delete { key } => {
                let Some(sequence) = model.first_error_of(key) else { return };
                let names = vec![record_name(sequence)];
                let delete = DeleteQueuedRecordsRequest { parent: name("items"), names, ..Default::default() };
                world.queue().delete_queued_records(delete).await.unwrap();
                model.errors.remove(&sequence);
                model.figures.in_error -= 1;
                model.figures.deleted += 1;
            }
            Step::Hours(hours) => {
                // Never a day to the minute.
                let minutes = hours * 60 + 7;
                self.clock.advance(Duration::from_secs(minutes.unsigned_abs() * 60));
                model.minute += minutes;
                model.repeat = None; // its day may be over
                model.purge();
            }
            Step::Restart if !model.locked => self.world.server.restart().await,
            Step::Lock | Step::Pause | Step::Resume(_) | Step::Stop(_) | Step::Run | Step::RetryAll | Step::Restart => {
            }
        }
        self.model.drain();
    }

    async fn change(&mut self, change: Change) {
        let model = &mut self.model;
        let sequence = model.last + 1;
        let change = Change { sequence, ..change };
        let answer = self.world.write(request(&change, sequence)).await;
        if !model.takes() {
            assert_eq!(world::reason(&answer.unwrap_err()), "MAP_NOT_RUNNING");
            return;
        }
        let answer = answer.unwrap();
        assert_eq!((answer.disposition(), answer.sequence), (Disposition::Queued, sequence));
        model.last = sequence;
        model.figures.accepted += 1;
        model.figures.queued += 1;
        model.repeat = Some((change.clone(), sequence));
        model.queue.push_back(change);
    }

    async fn seen(&self) -> Seen {
        let value = |listed: &QueuedRecord, column: &str| {
            let value = listed.record.as_ref()?.fields.get(column)?.kind.clone()?;
            let value::Kind::Int64Value(value) = value else { panic!("{column} is a number: {value:?}") };
            Some(value)
        };
        let errors = self.world.catch_up_errors("items").await.into_iter().map(|listed| {
            let key = listed.integration_key.as_ref().and_then(|key| key.fields.get("id")?.kind.clone());
            let Some(value::Kind::Int64Value(key)) = key else { panic!("its key is a number: {key:?}") };
            (listed.sequence, key, value(&listed, "a"), value(&listed, "b"))
        });
        let errors = errors.collect();
        let column = |column: &str| format!("SELECT {column} FROM items ORDER BY id");
        let url = self.world.right.url();
        let mut columns = Vec::new();
        for name in ["id", "a", "b"] {
            columns.push(sql::ask::<i64>(&url, &column(name)).await.unwrap());
        }
        let rows = (0..columns[0].len()).map(|at| (columns[0][at], columns[1][at], columns[2][at]));
        let rows =
            if columns.iter().all(|column| column.len() == columns[0].len()) { rows.collect() } else { Vec::new() };
        Seen { state: self.world.state("items").await, figures: self.world.figures("items").await, errors, rows }
    }

    /// What is under way comes to rest as the model says.
    async fn agrees(&self) {
        let (expected, begin) = (self.model.seen(), Instant::now());
        loop {
            let seen = self.seen().await;
            if seen == expected {
                return;
            }
            assert!(begin.elapsed() < PATIENCE / 6, "after {:?}:\n{seen:?}\nmust be\n{expected:?}", self.told);
            sleep(LOOK_AGAIN).await;
        }
    }
}

fn record_name(sequence: i64) -> String {
    format!("{}/queuedRecords/{sequence}", name("items"))
}

fn request(change: &Change, sequence: i64) -> WriteRecordRequest {
    let mut fields = vec![("id", int(change.key))];
    if let Some((a, b)) = change.set {
        fields.extend(a.map(|a| ("a", int(a))));
        fields.extend(b.map(|b| ("b", int(b))));
    }
    let record = Record { fields: fields.into_iter().map(|(column, value)| (column.to_owned(), value)).collect() };
    let operation = if change.set.is_some() { Operation::Upsert } else { Operation::Delete };
    WriteRecordRequest {
        operation: operation.into(),
        change_id: format!("change-{sequence}"),
        ..world::change("items", record)
    }
}

fn map() -> TableMap {
    // A pause longer than a day is no subject here.
    let a_year = prost_types::Duration { seconds: 365 * 24 * 3_600, nanos: 0 };
    let queue_limits = Some(QueueLimits { max_pause: Some(a_year), ..Default::default() });
    TableMap { queue_limits, ..one_way("items", &["id", "a", "b"]) }
}

/// Rules 2 to 5, 7 and 11, whatever happens in whatever order.
#[test]
fn the_engine_does_what_its_model_says() {
    let cases = std::env::var("TANDEM_MODEL_CASES").map_or(CASES, |cases| cases.parse().expect("a number"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { cases, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    let stories = prop::collection::vec(step(), 1..50);
    let result = TestRunner::new(config).run(&stories, |steps| {
        runtime.block_on(async {
            let mut story = Story::begin().await;
            for step in steps {
                story.told.push(step.clone());
                story.take(step).await;
                story.agrees().await;
            }
        });
        Ok(())
    });
    if let Err(failed) = result {
        panic!("{failed}");
    }
}
