//! Two SQLite databases with a table of orders each, and a server between them: what most stories begin with.

use super::databases::{Sqlite, sql};
use super::server::{PATIENCE, Server, TestClock};
use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::Xoshiro256PlusPlus;
use std::future::Future;
use std::ops::Deref;
use std::time::Duration;
use tandem::services::proto::tail_activity_request::Start;
use tandem::services::proto::tail_activity_response::Item;
use tandem::services::proto::value::Kind;
use tandem::services::proto::*;
use tokio::time::{sleep, timeout};
use tonic::{Request, Status};
use tonic_types::StatusExt;

/// Columns have defaults, so that a record with some of them can be inserted.
const ORDERS: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, status TEXT DEFAULT '', \
                      note TEXT DEFAULT '', amount INTEGER DEFAULT 0 CHECK (amount >= 0))";
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOK_SOON: Duration = Duration::from_millis(200);

/// `sales` on the left, `finance` on the right.
pub struct World {
    pub server: Server,
    pub left: Sqlite,
    pub right: Sqlite,
}

impl Deref for World {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl World {
    pub async fn start() -> World {
        World::start_with("").await
    }

    pub async fn start_with(config: &str) -> World {
        let (left, right) = tables().await;
        let (sales, finance) = (left.url(), right.url());
        let server = Server::start_with(&[("sales", &sales), ("finance", &finance)], config).await;
        World { server, left, right }
    }

    /// By a clock that the test sets.
    pub async fn start_by(clock: &TestClock) -> World {
        let (left, right) = tables().await;
        let (sales, finance) = (left.url(), right.url());
        let server = Server::start_by(clock, &[("sales", &sales), ("finance", &finance)]).await;
        World { server, left, right }
    }

    /// The value of one column of one order on the right.
    pub async fn right_has(&self, id: i64, column: &str) -> Option<String> {
        one(&self.right.url(), id, column).await
    }

    pub async fn left_has(&self, id: i64, column: &str) -> Option<String> {
        one(&self.left.url(), id, column).await
    }
}

async fn tables() -> (Sqlite, Sqlite) {
    let (left, right) = (Sqlite::create(), Sqlite::create());
    for url in [left.url(), right.url()] {
        sql::execute(&url, ORDERS).await.expect("a table of orders");
    }
    (left, right)
}

/// The value as text; none where there is no such order, or null.
async fn one(url: &str, id: i64, column: &str) -> Option<String> {
    let query = format!("SELECT CAST({column} AS TEXT) FROM orders WHERE id = {id}");
    sql::ask::<Option<String>>(url, &query).await.expect("a query").into_iter().next().flatten()
}

/// A map of both tables of orders, all columns both ways, synchronous.
pub fn orders_map() -> TableMap {
    let column = |name: &str| ColumnMapping {
        left_column: name.to_owned(),
        right_column: name.to_owned(),
        ..Default::default()
    };
    let table = |application: &str| TableRef {
        application: application.to_owned(),
        table: "orders".to_owned(),
        ..Default::default()
    };
    TableMap {
        left: Some(table("sales")),
        right: Some(table("finance")),
        integration_key: vec!["id".to_owned()],
        column_mappings: ["id", "status", "note", "amount"].map(column).into(),
        ..Default::default()
    }
}

/// An asynchronous map from a table on the left to one on the right that are called the same, as these columns are; the first is the key.
pub fn one_way(table: &str, columns: &[&str]) -> TableMap {
    let of = |application: &str| TableRef {
        application: application.to_owned(),
        table: table.to_owned(),
        ..Default::default()
    };
    let column = |column: &&str| ColumnMapping {
        left_column: (*column).to_owned(),
        right_column: (*column).to_owned(),
        direction: Direction::LeftToRight.into(),
        ..Default::default()
    };
    asynchronous(TableMap {
        left: Some(of("sales")),
        right: Some(of("finance")),
        integration_key: vec![columns[0].to_owned()],
        column_mappings: columns.iter().map(column).collect(),
        ..Default::default()
    })
}

pub fn asynchronous(map: TableMap) -> TableMap {
    TableMap { sync_mode: SyncMode::Asynchronous.into(), ..map }
}

pub fn name(map: &str) -> String {
    format!("tableMaps/{map}")
}

pub fn int(number: i64) -> Value {
    Value { kind: Some(Kind::Int64Value(number)) }
}

pub fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

/// Always the same for a seed. What the store keeps is compressed, and this hardly.
pub fn letters_in_no_order(seed: i64, len: usize) -> String {
    Alphanumeric.sample_string(&mut Xoshiro256PlusPlus::seed_from_u64(seed.cast_unsigned()), len)
}

pub fn null() -> Value {
    Value { kind: Some(Kind::NullValue(0)) }
}

pub fn record<const N: usize>(fields: [(&str, Value); N]) -> Record {
    Record { fields: fields.into_iter().map(|(column, value)| (column.to_owned(), value)).collect() }
}

/// A change of the left side's order, to be sent as it is or changed first.
pub fn change(map: &str, record: Record) -> WriteRecordRequest {
    WriteRecordRequest {
        table_map: name(map),
        source: Side::Left.into(),
        operation: Operation::Upsert.into(),
        record: Some(record),
        ..Default::default()
    }
}

/// A change of an order of the map `orders`.
pub fn order(id: i64, status: &str) -> WriteRecordRequest {
    change("orders", record([("id", int(id)), ("status", text(status))]))
}

/// What `Server::written` gives.
pub fn told(disposition: Disposition, reason: &str) -> (Disposition, String) {
    (disposition, reason.to_owned())
}

pub fn from_right(change: WriteRecordRequest) -> WriteRecordRequest {
    WriteRecordRequest { source: Side::Right.into(), ..change }
}

/// The reason of an error.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The fields that an error names.
pub fn fields(status: &Status) -> Vec<String> {
    let named = status.get_details_bad_request().map(|named| named.field_violations).unwrap_or_default();
    named.into_iter().map(|violation| violation.field).collect()
}

/// Looks again until it is so, for what nothing tells of.
pub async fn eventually<F: Future<Output = bool>>(what: &str, so: impl Fn() -> F) {
    let looking = async {
        while !so().await {
            sleep(LOOK_AGAIN).await;
        }
    };
    assert!(timeout(PATIENCE, looking).await.is_ok(), "it never came to be that {what}");
}

impl Server {
    pub async fn create_map(&self, id: &str, map: TableMap) -> Result<TableMap, Status> {
        let request = CreateTableMapRequest { table_map_id: id.to_owned(), table_map: Some(map), ..Default::default() };
        self.maps().create_table_map(request).await.map(|answer| answer.into_inner())
    }

    /// Creates a map and has it RUNNING without an initial sync.
    pub async fn running_map(&self, id: &str, map: TableMap) {
        self.create_map(id, map).await.expect("the map can be created");
        self.run_live(id).await.expect("the map can be run");
    }

    pub async fn run_live(&self, id: &str) -> Result<TableMapState, Status> {
        let initial_sync = InitialSyncMode::Skip.into();
        let request = RunTableMapRequest { name: name(id), initial_sync, ..Default::default() };
        self.maps().run_table_map(request).await.map(state_reached)
    }

    /// Runs it with an initial sync, whose end is not waited for.
    pub async fn run(&self, id: &str) -> Result<TableMapState, Status> {
        let request = RunTableMapRequest { name: name(id), ..Default::default() };
        self.maps().run_table_map(request).await.map(state_reached)
    }

    pub async fn pause(&self, id: &str) -> Result<TableMapState, Status> {
        let request = PauseTableMapRequest { name: name(id), ..Default::default() };
        self.maps().pause_table_map(request).await.map(state_reached)
    }

    pub async fn resume(&self, id: &str, option: ResumeOption) -> Result<TableMapState, Status> {
        let request = ResumeTableMapRequest { name: name(id), option: option.into(), ..Default::default() };
        self.maps().resume_table_map(request).await.map(state_reached)
    }

    pub async fn skip_to_live(&self, id: &str) -> Result<TableMapState, Status> {
        let request = SkipToLiveRequest { name: name(id), ..Default::default() };
        self.maps().skip_to_live(request).await.map(state_reached)
    }

    pub async fn stop(&self, id: &str, queued: QueuedRecordsDisposition) -> Result<TableMapState, Status> {
        let request = StopTableMapRequest { name: name(id), queued_records: queued.into(), ..Default::default() };
        self.maps().stop_table_map(request).await.map(state_reached)
    }

    pub async fn map(&self, id: &str) -> TableMap {
        let request = GetTableMapRequest { name: name(id) };
        self.maps().get_table_map(request).await.expect("the map is there").into_inner()
    }

    pub async fn state(&self, id: &str) -> TableMapState {
        self.map(id).await.state()
    }

    /// Follows the activity log until the map is in this state.
    pub async fn wait_for_state(&self, id: &str, state: TableMapState) {
        let following = async {
            let request = TailActivityRequest { parent: name(id), start: Some(Start::FromNow(true)), filter: None };
            let mut tail = self.maps().tail_activity(request).await.expect("a tail").into_inner();
            while self.state(id).await != state {
                // The event may be told a moment before the map shows its state.
                if let Ok(message) = timeout(LOOK_SOON, tail.message()).await {
                    message.expect("the tail goes on").expect("the tail has no end");
                }
            }
        };
        let reached = timeout(PATIENCE, following).await;
        assert!(reached.is_ok(), "{id} never became {state:?}: it is {:?}", self.state(id).await);
    }

    pub async fn write(&self, change: WriteRecordRequest) -> Result<WriteRecordResponse, Status> {
        self.sync().write_record(change).await.map(|answer| answer.into_inner())
    }

    /// Writes and gives disposition and reason.
    pub async fn written(&self, change: WriteRecordRequest) -> (Disposition, String) {
        let answer = self.write(change).await.expect("the change is taken");
        (answer.disposition(), answer.reason)
    }

    pub async fn stats(&self, id: &str) -> QueueStats {
        let request = GetQueueStatsRequest { name: name(id) };
        self.queue().get_queue_stats(request).await.expect("the figures").into_inner()
    }

    /// The figures of both directions together; each of them adds up (rule 11).
    pub async fn figures(&self, id: &str) -> Figures {
        let mut sum = Figures::default();
        for of in self.stats(id).await.figures {
            let parts = of.applied + of.queued + of.in_error + of.skipped + of.superseded + of.deleted + of.purged;
            assert_eq!(of.accepted, parts, "rule 11: the figures add up: {of:?}");
            sum.accepted += of.accepted;
            sum.applied += of.applied;
            sum.queued += of.queued;
            sum.in_error += of.in_error;
            sum.skipped += of.skipped;
            sum.superseded += of.superseded;
            sum.deleted += of.deleted;
            sum.purged += of.purged;
        }
        sum
    }

    /// The catch-up errors of a map, on one page.
    pub async fn catch_up_errors(&self, id: &str) -> Vec<QueuedRecord> {
        let request = ListCatchUpErrorsRequest { parent: name(id), page_size: 1_000, ..Default::default() };
        self.queue().list_catch_up_errors(request).await.expect("a list").into_inner().errors
    }

    /// All events of a map that are kept.
    pub async fn events(&self, id: &str) -> Vec<ActivityEvent> {
        let request = ListActivityRequest { parent: name(id), page_size: 1_000, ..Default::default() };
        self.maps().list_activity(request).await.expect("a list").into_inner().events
    }
}

fn state_reached(answer: tonic::Response<TransitionResponse>) -> TableMapState {
    use transition_result::Outcome;
    match answer.into_inner().results.into_iter().next().and_then(|result| result.outcome) {
        Some(Outcome::TableMap(map)) => map.state(),
        other => panic!("a single transition answers with its map, not with {other:?}"),
    }
}

/// A request with the actor's own name.
pub fn as_actor<T>(actor: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("tandem-actor", actor.parse().expect("a header"));
    request
}

/// The next event of a tail, passing over heartbeats.
pub async fn next_event(tail: &mut tonic::Streaming<TailActivityResponse>) -> ActivityEvent {
    let next = async {
        loop {
            let message = tail.message().await.expect("the tail goes on").expect("the tail has no end");
            if let Some(Item::Event(event)) = message.item {
                return event;
            }
        }
    };
    timeout(PATIENCE, next).await.expect("an event comes")
}
