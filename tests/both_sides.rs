//! Whatever happens to a map that goes both ways, in the end both tables are equal and the figures add up. Two real
//! SQLite databases play the applications: each change is made in its own database and handed to the engine, within its
//! transaction as a hook does, or a while after it was committed. Both change the same records at the same time. In
//! between the map is paused and resumed, databases are taken away, and the work is started again from the store.
//!
//! It does not play hooks that echo; the demo and `live_sync` do. Nor changes of a key, of which `crossing` has every pair;
//! nor applications that tell of a change only after a restart: what was written to them shortly before is not remembered.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tandem::connectors::sql::{SqlConfig, connect};
use tandem::engine::applications::Applications;
use tandem::engine::catalog::{NewMap, RunRequest};
use tandem::engine::clock::SystemClock;
use tandem::engine::map::{Transition, TransitionRequest};
use tandem::engine::tasks::Tasks;
use tandem::engine::{Engine, NewChange, Notifying};
use tandem::model::change::{Disposition, Operation};
use tandem::model::execution::ErrorLimits;
use tandem::model::ids::{AppId, MapId};
use tandem::model::row::Row;
use tandem::model::state::{MapState, ResumeOption};
use tandem::model::table_map::{
    ColumnMapping, ConflictPolicy, Definition, Direction, ERROR_RETENTION_DEFAULT, QueueLimits, Side, SyncMode,
    TableRef,
};
use tandem::model::value::Value;
use tandem::store::Store;
use tandem::store::sled::{Options, SledStore};

const DEADLINE: Duration = Duration::from_secs(20);
const KEYS: i64 = 4;
/// Stories that are told of each kind; `TANDEM_BOTH_SIDES_CASES` takes another number, as `make torture` does.
const CASES: u32 = 24;

/// A change that a side makes: columns of a record are set, or it is removed.
#[derive(Debug, Clone)]
enum Edit {
    Set { key: i64, a: Option<i64>, b: Option<i64> },
    Remove { key: i64 },
}

/// What happens, one after another.
#[derive(Debug, Clone)]
enum Step {
    One(Side, Edit),
    /// Both sides at the same time.
    Both(Edit, Edit),
    Pause,
    Resume,
    /// A side's database is moved away, or back.
    Away(Side),
    Back(Side),
    /// The service is ended and started again.
    Restart,
    /// Time for what is under way.
    Breathe,
}

/// When an application tells of its changes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Telling {
    BeforeCommit,
    /// So many milliseconds later at most.
    AfterCommit(u64),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let set = (0..KEYS, prop::option::of(0..5i64), prop::option::of(0..5i64));
    prop_oneof![
        12 => set.prop_map(|(key, a, b)| Edit::Set { key, a, b }),
        3 => (0..KEYS).prop_map(|key| Edit::Remove { key }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => (side(), edit()).prop_map(|(side, edit)| Step::One(side, edit)),
        6 => (edit(), edit()).prop_map(|(left, right)| Step::Both(left, right)),
        2 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => side().prop_map(Step::Away),
        1 => side().prop_map(Step::Back),
        1 => Just(Step::Restart),
        3 => Just(Step::Breathe),
    ]
}

/// Both databases and the engine between them.
struct World {
    folder: tempfile::TempDir,
    engine: Option<(Arc<Engine>, Tasks, Arc<SledStore>)>,
    map: MapId,
    telling: Telling,
    dice: std::sync::atomic::AtomicU64,
}

impl World {
    async fn new(mode: SyncMode, master: Side, telling: Telling) -> World {
        let folder = tempfile::tempdir().unwrap();
        for (index, side) in Side::BOTH.into_iter().enumerate() {
            let pool = open(&path(folder.path(), side)).await;
            let (id, a, b) = names(side);
            // Columns have defaults, so that an upsert of some of them can insert.
            let create = format!(
                "CREATE TABLE t ({id} INTEGER NOT NULL PRIMARY KEY, {a} INTEGER DEFAULT 0, {b} INTEGER DEFAULT 0)"
            );
            sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
            let row = format!("INSERT INTO t VALUES ({index}, {}, 1)", 10 + index);
            sqlx::query(sqlx::AssertSqlSafe(row)).execute(&pool).await.unwrap();
            pool.close().await;
        }
        let map = MapId::parse("t").unwrap();
        let mut world = World { folder, engine: None, map, telling, dice: Default::default() };
        world.start();
        let new = NewMap { definition: definition(mode, master), author: "test".into(), tag: None };
        world.engine().create_map(world.map.clone(), new, false).await.unwrap();
        let run = RunRequest {
            initial_sync: true,
            master: None,
            after: Vec::new(),
            circle: Vec::new(),
            validate_only: false,
            actor: "test".into(),
            reason: String::new(),
            tag: None,
        };
        world.engine().run_map(&world.map, run, DEADLINE).await.unwrap();
        world
    }

    fn engine(&self) -> &Arc<Engine> {
        &self.engine.as_ref().unwrap().0
    }

    fn start(&mut self) {
        let store = Arc::new(SledStore::open(Options::new(self.folder.path().join("store"))).unwrap());
        let applications = Side::BOTH.map(|side| {
            let url = format!("sqlite:{}", path(self.folder.path(), side).display());
            connect(SqlConfig::new(application(side), url)).unwrap()
        });
        let tasks = Tasks::default();
        let engine = Engine::start(
            store.clone(),
            Arc::new(SystemClock),
            Applications::new(applications),
            tasks.clone(),
            ErrorLimits { errors_max: 100, errors_percent_max: 50 },
            Notifying::default(),
        )
        .unwrap();
        self.engine = Some((engine, tasks, store));
    }

    async fn end(&mut self) {
        let (engine, tasks, store) = self.engine.take().unwrap();
        tasks.shut_down().await;
        engine.applications().close().await;
        store.close().await;
    }

    fn state(&self) -> MapState {
        self.engine().map(&self.map).unwrap().map.state
    }

    async fn transition(&self, transition: Transition) {
        let request = TransitionRequest { transition, actor: "test".into(), reason: String::new(), tag: None };
        // What does not fit the state is refused and changes nothing.
        let _ = self.engine().transition(&self.map, request, DEADLINE).await;
    }

    /// Makes a change in its own database and tells the engine. A change that touches nothing is none, and an insert tells
    /// all columns, since it gave them all a value.
    async fn change(&self, side: Side, edit: Edit) {
        let file = path(self.folder.path(), side);
        if !file.exists() {
            return; // an application that is away changes nothing
        }
        let pool = open(&file).await;
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let (id, a, b) = names(side);
        let record = |key: i64, columns: &[(&str, i64)]| -> Row {
            let columns = columns.iter().map(|(name, value)| ((*name).to_owned(), Value::Int(*value)));
            columns.chain([(id.to_owned(), Value::Int(key))]).collect()
        };
        let run = async |transaction: &mut sqlx::SqliteConnection, statement: String| {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(transaction).await.unwrap().rows_affected()
        };
        let there = async |transaction: &mut sqlx::SqliteConnection, key: i64| {
            let statement = format!("SELECT {a}, {b} FROM t WHERE {id} = {key}");
            let row = sqlx::query_as::<_, (i64, i64)>(sqlx::AssertSqlSafe(statement)).fetch_optional(transaction);
            row.await.unwrap()
        };
        let mut new = NewChange {
            source: side,
            operation: Operation::Upsert,
            record: Row::new(),
            previous_key: None,
            source_time: None,
            change_id: Default::default(),
            correlation_id: Default::default(),
        };
        match edit {
            Edit::Remove { key } => {
                run(&mut transaction, format!("DELETE FROM t WHERE {id} = {key}")).await;
                new.operation = Operation::Delete;
                new.record = record(key, &[]);
            }
            Edit::Set { key, a: set_a, b: set_b } => {
                if set_a.is_none() && set_b.is_none() {
                    return;
                }
                let columns: Vec<(&str, i64)> =
                    [(a, set_a), (b, set_b)].into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                let sets: Vec<String> = columns.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                if there(&mut transaction, key).await.is_some() {
                    run(&mut transaction, format!("UPDATE t SET {} WHERE {id} = {key}", sets.join(", "))).await;
                    new.record = record(key, &columns);
                } else {
                    let (set_a, set_b) = (set_a.unwrap_or(0), set_b.unwrap_or(0));
                    run(&mut transaction, format!("INSERT INTO t VALUES ({key}, {set_a}, {set_b})")).await;
                    new.record = record(key, &[(a, set_a), (b, set_b)]);
                }
            }
        }
        if let Telling::AfterCommit(late_max) = self.telling {
            transaction.commit().await.unwrap();
            let late = self.dice.fetch_add(7, std::sync::atomic::Ordering::Relaxed) % (late_max + 1);
            tokio::time::sleep(Duration::from_millis(late)).await;
            self.tell(side, new).await;
        } else {
            self.tell(side, new).await;
            transaction.commit().await.unwrap();
        }
        pool.close().await;
    }

    async fn tell(&self, side: Side, new: NewChange) {
        let told = format!("{side:?} {new:?}");
        let answer = self.engine().write(&self.map, new).await.unwrap().await;
        let answer = answer.unwrap_or_else(|error| panic!("{told}: {error}"));
        assert_ne!(answer.disposition, Disposition::Applied, "the map is asynchronous");
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::One(side, edit) => self.change(side, edit).await,
            Step::Both(left, right) => {
                tokio::join!(self.change(Side::Left, left), self.change(Side::Right, right));
            }
            Step::Pause => self.transition(Transition::Pause).await,
            Step::Resume => self.transition(Transition::Resume(ResumeOption::CatchUp)).await,
            Step::Away(side) => {
                let file = path(self.folder.path(), side);
                let _ = std::fs::rename(&file, file.with_extension("away"));
            }
            Step::Back(side) => self.bring_back(side),
            Step::Restart => {
                self.end().await;
                self.start();
            }
            Step::Breathe => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }

    fn bring_back(&self, side: Side) {
        let file = path(self.folder.path(), side);
        if !file.exists() {
            std::fs::rename(file.with_extension("away"), &file).unwrap();
        }
    }

    /// Lets everything come to rest: both databases there, the map live, nothing queued.
    async fn settle(&self) {
        for side in Side::BOTH {
            self.bring_back(side);
        }
        let waiting = async {
            loop {
                if self.state() == MapState::Paused {
                    self.transition(Transition::Resume(ResumeOption::CatchUp)).await;
                }
                let head = self.engine().head(&self.map).unwrap();
                if self.state() == MapState::Running && head.figures.queued() == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            let head = self.engine().head(&self.map).unwrap();
            panic!("it does not come to rest: {:?} {head:?}", self.state());
        }
    }

    async fn rows(&self, side: Side) -> Vec<(i64, Option<i64>, Option<i64>)> {
        let pool = open(&path(self.folder.path(), side)).await;
        let (id, a, b) = names(side);
        let select = format!("SELECT {id}, {a}, {b} FROM t ORDER BY 1");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(select)).fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows
    }
}

fn application(side: Side) -> AppId {
    AppId::parse(side.as_str()).unwrap()
}

fn path(folder: &Path, side: Side) -> PathBuf {
    folder.join(format!("{}.db", side.as_str()))
}

/// The key and the two columns, as each side calls them.
fn names(side: Side) -> (&'static str, &'static str, &'static str) {
    match side {
        Side::Left => ("id", "a", "b"),
        Side::Right => ("r_id", "r_a", "r_b"),
    }
}

async fn open(file: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal).busy_timeout(Duration::from_secs(10));
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

fn definition(sync_mode: SyncMode, master: Side) -> Definition {
    let table = |side| TableRef { application: application(side), table: "t".into(), filter: String::new() };
    let mapping = |left: &str, right: &str| ColumnMapping {
        left_column: left.into(),
        right_column: right.into(),
        direction: Direction::Bidirectional,
        left_to_right: Vec::new(),
        right_to_left: Vec::new(),
    };
    Definition {
        display_name: String::new(),
        left: table(Side::Left),
        right: table(Side::Right),
        integration_key: vec!["id".into()],
        columns: vec![mapping("id", "r_id"), mapping("a", "r_a"), mapping("b", "r_b")],
        sync_mode,
        master,
        related: Vec::new(),
        queue_limits: QueueLimits::default(),
        error_retention: ERROR_RETENTION_DEFAULT,
        conflict_policy: ConflictPolicy::MasterWins,
    }
}

/// What the engine tells of the story that is told now, and of the last one that failed.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STORY: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn log(of: &'static Mutex<Vec<u8>>) -> std::sync::MutexGuard<'static, Vec<u8>> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if std::str::from_utf8(bytes).is_ok_and(|line| line.contains("tandem::engine")) {
            log(&LOG).extend(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Rules 8, 9 and 11: outages make no errors, both sides end equal, the figures add up.
fn both_sides_end_equal(telling: Telling) {
    let _ =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(|| Log).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cases = std::env::var("TANDEM_BOTH_SIDES_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() });
    let stories = (prop::collection::vec(step(), 1..40), side());
    let result = runner.run(&stories, |(steps, master)| {
        runtime.block_on(async {
            log(&LOG).clear();
            let mut world = World::new(SyncMode::Asynchronous, master, telling).await;
            for step in steps {
                world.take(step).await;
            }
            world.settle().await;
            let (left, right) = (world.rows(Side::Left).await, world.rows(Side::Right).await);
            let figures = world.engine().head(&world.map).unwrap().figures;
            let errors = world.engine().errors_by(&world.map, None, Default::default(), 3).unwrap();
            world.end().await;
            if left != right || figures.in_error() > 0 {
                *log(&STORY) = std::mem::take(&mut log(&LOG));
            }
            prop_assert!(figures.left.add_up() && figures.right.add_up(), "rule 11: {figures:?}");
            prop_assert_eq!(figures.in_error(), 0, "rule 8: {:?}", errors);
            prop_assert_eq!(left, right, "rule 9");
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}\n--- what the engine did:\n{}---", String::from_utf8_lossy(&log(&STORY)));
    }
}

#[test]
fn rule_9_both_sides_end_equal_when_they_tell_before_they_commit() {
    both_sides_end_equal(Telling::BeforeCommit);
}

#[test]
fn rule_9_both_sides_end_equal_when_they_tell_after_they_have_committed() {
    both_sides_end_equal(Telling::AfterCommit(40));
}
