//! Two databases with a table of orders each and a server between them: what these stories begin with, and what they end
//! by looking at. The left one is PostgreSQL always.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use crate::support::databases::sql;
use crate::support::server::{PATIENCE, Server};
use crate::support::world::{asynchronous, int, name, next_event, orders_map, record, text};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::{Deref, DerefMut, RangeInclusive};
use tandem::services::proto::tail_activity_request::Start;
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;
use tokio::time::timeout;

/// Both tables. With defaults, so that a change may leave a column out and still insert.
pub const ORDERS: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, status VARCHAR(40) DEFAULT '-', \
                          note VARCHAR(200) DEFAULT '-', amount BIGINT)";
/// A database that does not answer is given up soon.
pub const IMPATIENT: &str = "connect_timeout = \"1s\"\nstatement_timeout = \"2s\"\nlock_timeout = \"500ms\"\n";
/// One that is slow on purpose is waited for.
pub const PATIENT: &str = "connect_timeout = \"2s\"\nstatement_timeout = \"30s\"\n";

/// `sales` on the left, `finance` on the right.
pub struct Pair {
    pub server: Server,
    pub left: String,
    pub right: String,
}

impl Deref for Pair {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Pair {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl Pair {
    /// Makes a table of orders in both databases and starts a server.
    pub async fn start(left: &str, right: &str) -> Pair {
        for url in [left, right] {
            execute(url, ORDERS).await;
        }
        Pair::over(left, right, IMPATIENT).await
    }

    /// The same for tables that are there, or not yet; with the time-outs of both applications.
    pub async fn over(left: &str, right: &str, times: &str) -> Pair {
        let mut config = String::new();
        for (id, url) in [("sales", left), ("finance", right)] {
            let _ = write!(config, "\n[[applications]]\nid = \"{id}\"\nurl = \"{url}\"\n{times}");
        }
        Pair { server: Server::start_with(&[], &config).await, left: left.to_owned(), right: right.to_owned() }
    }

    fn url(&self, side: Side) -> &str {
        if side == Side::Right { &self.right } else { &self.left }
    }

    /// Sets these orders in a side's own table, as its application does (PostgreSQL only), and hands the changes to the
    /// service. All must be answered with this disposition.
    pub async fn set(&self, side: Side, ids: RangeInclusive<i64>, amount: i64, expected: Disposition) {
        put(self.url(side), ids.clone(), amount).await;
        let changes = ids.map(|id| {
            let fields = [("id", int(id)), ("status", text(&status(amount))), ("amount", int(amount))];
            WriteRecordRequest {
                change_id: format!("{side:?}-{id}-{amount}"),
                source: side.into(),
                ..order(record(fields))
            }
        });
        self.all_answered(changes.collect(), expected).await;
    }

    /// The same for the removal of orders.
    pub async fn remove(&self, side: Side, ids: RangeInclusive<i64>, expected: Disposition) {
        let (first, last) = (ids.start(), ids.end());
        execute(self.url(side), &format!("DELETE FROM orders WHERE id BETWEEN {first} AND {last}")).await;
        let changes = ids.map(|id| WriteRecordRequest {
            change_id: format!("{side:?}-{id}-removed"),
            source: side.into(),
            operation: Operation::Delete.into(),
            ..order(record([("id", int(id))]))
        });
        self.all_answered(changes.collect(), expected).await;
    }

    async fn all_answered(&self, changes: Vec<WriteRecordRequest>, expected: Disposition) {
        let sent = changes.len();
        let answers = self.write_all(changes).await;
        assert_eq!(answers.len(), sent, "every change has its answer");
        for answer in answers {
            let Some(Told::Written(written)) = &answer.result else { panic!("a change was refused: {answer:?}") };
            assert_eq!(written.disposition(), expected, "{answer:?}");
        }
    }

    /// Sends changes over one stream and gives their answers, in order.
    pub async fn write_all(&self, changes: Vec<WriteRecordRequest>) -> Vec<WriteRecordsResponse> {
        let requests = changes.into_iter().map(|change| WriteRecordsRequest { change: Some(change) });
        let mut sync = self.sync();
        let stream = sync.write_records(tokio_stream::iter(requests.collect::<Vec<_>>()));
        let mut stream = stream.await.expect("the stream is taken").into_inner();
        let mut answers = Vec::new();
        let all = async {
            while let Some(answer) = stream.message().await.expect("the stream goes on") {
                answers.push(answer);
            }
        };
        timeout(PATIENCE, all).await.expect("the stream ends");
        answers
    }

    /// Waits for the first event of a kind after a place in the log of `orders`.
    pub async fn event_after(&self, sequence: i64, kind: ActivityKind) -> ActivityEvent {
        let start = Some(Start::StartSequence(sequence + 1));
        let request = TailActivityRequest { parent: name("orders"), start, filter: None };
        let mut tail = self.maps().tail_activity(request).await.expect("a tail").into_inner();
        loop {
            let event = next_event(&mut tail).await;
            if event.kind() == kind {
                return event;
            }
        }
    }

    pub async fn event(&self, kind: ActivityKind) -> ActivityEvent {
        self.event_after(0, kind).await
    }

    /// The types of the conditions of `orders`.
    pub async fn conditions(&self) -> Vec<ConditionType> {
        self.map("orders").await.conditions.iter().map(Condition::r#type).collect()
    }

    /// The latest execution of `orders`.
    pub async fn execution(&self) -> Execution {
        let request = ListExecutionsRequest { parent: name("orders"), ..Default::default() };
        let executions = self.sync().list_executions(request).await.expect("a list").into_inner().executions;
        executions.into_iter().next().expect("there is an execution")
    }

    pub async fn assert_equal(&self) {
        let (left, right) = (rows(&self.left).await, rows(&self.right).await);
        assert!(!left.is_empty());
        let differs = |(left, right): &(&String, &String)| left != right;
        assert_eq!(left.iter().zip(&right).find(differs), None, "both tables are equal");
        assert_eq!(left.len(), right.len(), "both tables are equal");
    }

    /// Everything that was accepted has reached its side, and nothing became an error.
    pub async fn assert_all_applied(&self, accepted: i64) {
        let figures = self.figures("orders").await;
        let expected = Figures { accepted, applied: accepted, ..Default::default() };
        assert_eq!(figures, expected, "rule 11: all that was accepted was applied");
        assert_eq!(self.catch_up_errors("orders").await, [], "rule 8: an outage makes no errors");
        assert_eq!(self.conditions().await, [], "nothing is wrong any more");
    }
}

/// The map of both tables of orders, from left to right only, asynchronous.
pub fn to_the_right() -> TableMap {
    let mut map = asynchronous(orders_map());
    for column in &mut map.column_mappings {
        column.set_direction(Direction::LeftToRight);
    }
    map
}

/// A change of the left's order.
pub fn order(record: Record) -> WriteRecordRequest {
    crate::support::world::change("orders", record)
}

fn status(amount: i64) -> String {
    format!("state {amount}")
}

/// Sets orders in a PostgreSQL database.
pub async fn put(url: &str, ids: RangeInclusive<i64>, amount: i64) {
    let (first, last, status) = (ids.start(), ids.end(), status(amount));
    let statement = format!(
        "INSERT INTO orders (id, status, amount) SELECT id, '{status}', {amount} FROM generate_series({first}, {last}) id \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, amount = excluded.amount"
    );
    execute(url, &statement).await;
}

pub async fn execute(url: &str, statement: &str) {
    sql::execute(url, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// All orders as text, by key.
pub async fn rows(url: &str) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' | ', id, COALESCE(status, '-'), COALESCE(note, '-'), COALESCE(amount, -1)) \
                 FROM orders ORDER BY id";
    sql::ask::<String>(url, query).await.expect("a table of orders")
}

pub async fn count(url: &str) -> i64 {
    sql::ask::<i64>(url, "SELECT COUNT(*) FROM orders").await.expect("a table of orders")[0]
}

/// Has the database keep every amount that an order ever had, in order. `pace` is what it waits for each row, in
/// milliseconds, so that something can happen meanwhile.
pub async fn keep_history(url: &str, pace: f64) {
    let insert = "INSERT INTO history (id, amount) VALUES (NEW.id, NEW.amount)";
    let seconds = pace / 1_000.0;
    if url.starts_with("mysql") {
        execute(url, "CREATE TABLE history (n BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT, amount BIGINT)").await;
        let slow = if pace > 0.0 { format!("DO SLEEP({seconds});") } else { String::new() };
        for event in ["INSERT", "UPDATE"] {
            let trigger = format!("on_{event} AFTER {event} ON orders FOR EACH ROW BEGIN {slow} {insert}; END");
            execute(url, &format!("CREATE TRIGGER {trigger}")).await;
        }
        return;
    }
    let slow = if pace > 0.0 { format!("PERFORM pg_sleep({seconds});") } else { String::new() };
    let statements = format!(
        "CREATE TABLE history (n BIGSERIAL PRIMARY KEY, id BIGINT, amount BIGINT);
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {slow} {insert}; RETURN NULL; END$$;
         CREATE TRIGGER keep AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep();"
    );
    execute(url, &statements).await;
}

/// Rule 2: no order ever went back to an amount that it had before a greater one.
pub async fn assert_in_order(url: &str) {
    let history = sql::ask::<String>(url, "SELECT CONCAT_WS(' ', id, amount) FROM history ORDER BY n").await;
    let mut last: HashMap<String, i64> = HashMap::new();
    for entry in history.expect("a history") {
        let (id, amount) = entry.split_once(' ').expect("two numbers");
        let amount: i64 = amount.parse().expect("an amount");
        let before = last.insert(id.to_owned(), amount).unwrap_or(i64::MIN);
        assert!(before <= amount, "rule 2: order {id} went from {before} back to {amount}");
    }
    assert!(!last.is_empty(), "something was written");
}
