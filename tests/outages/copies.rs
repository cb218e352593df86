//! Copies that are large, and copies of two tables that both have rows.

use crate::pair::{ORDERS, PATIENT, Pair, execute, put, rows, to_the_right};
use crate::support::databases::{MariaDb, Postgres, sql};
use crate::support::world::{asynchronous, eventually, int, orders_map, record, text};
use std::time::Duration;
use tandem::services::proto::Side::{Left, Right};
use tandem::services::proto::TableMapState::{Initializing, Running};
use tandem::services::proto::sync_service_client::SyncServiceClient;
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::transport::Channel;

const ROWS: i64 = 200_000;
/// Changes that the application makes and tells of at one time.
const CHUNK: i64 = 4_000;
/// How long the whole of it may take on a slow machine.
const VERY_PATIENT: Duration = Duration::from_secs(300);

/// Every second order of the left side is changed by its application, from the first to the last, while the copy runs.
async fn change_half(url: String, mut server: watch::Receiver<SyncServiceClient<Channel>>) {
    for first in (2..=ROWS).step_by(2 * CHUNK as usize) {
        let last = (first + 2 * CHUNK - 2).min(ROWS);
        let update = format!("UPDATE orders SET amount = 1 WHERE id BETWEEN {first} AND {last} AND id % 2 = 0");
        execute(&url, &update).await;
        loop {
            let mut sync = server.borrow_and_update().clone();
            if all_taken(&mut sync, first, last).await {
                break;
            }
            // It is down; what was not answered is told again, under the same ids.
            let _ = timeout(Duration::from_millis(500), server.changed()).await;
        }
    }
}

/// Whether all changes of a chunk are acknowledged.
async fn all_taken(sync: &mut SyncServiceClient<Channel>, first: i64, last: i64) -> bool {
    let change = |id: i64| WriteRecordsRequest {
        change: Some(WriteRecordRequest {
            change_id: format!("change-{id}"),
            source: Left.into(),
            ..crate::pair::order(record([("id", int(id)), ("amount", int(1))]))
        }),
    };
    let changes: Vec<_> = (first..=last).step_by(2).map(change).collect();
    let sent = changes.len();
    let Ok(stream) = sync.write_records(tokio_stream::iter(changes)).await else { return false };
    let mut stream = stream.into_inner();
    let mut taken = 0;
    while let Ok(Some(answer)) = stream.message().await {
        taken += usize::from(matches!(answer.result, Some(Told::Written(_))));
    }
    taken == sent
}

async fn written(pair: &Pair) -> i64 {
    pair.execution().await.projects.iter().map(|project| project.written).sum()
}

/// Waits until the copy has written so much, and is in the middle still.
async fn until_written(pair: &Pair, rows: i64) {
    let far = async {
        while written(pair).await < rows {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(VERY_PATIENT, far).await.expect("the copy comes further");
    let execution = pair.execution().await;
    assert_eq!((pair.state("orders").await, execution.state()), (Initializing, ExecutionState::Running));
    assert!(execution.projects[0].written < ROWS, "it is in the middle");
}

#[tokio::test]
async fn what_changes_during_a_large_copy_is_there_in_the_end_through_kills_and_an_outage() {
    let (sales, finance) = (Postgres::start().await, MariaDb::start().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    for url in [&left, &right] {
        execute(url, ORDERS).await;
    }
    put(&left, 1..=ROWS, 0).await;
    let mut pair = Pair::over(&left, &right, PATIENT).await;
    pair.create_map("orders", to_the_right()).await.unwrap();
    assert_eq!(pair.run("orders").await.unwrap(), Initializing);
    let (server, of_writer) = watch::channel(pair.sync());
    let writer = tokio::spawn(change_half(left.clone(), of_writer));

    for far in [ROWS / 10, ROWS / 3] {
        until_written(&pair, far).await;
        pair.server.kill();
        pair.server.start_again().await;
        server.send_replace(pair.sync());
        assert_eq!(pair.state("orders").await, Initializing, "rule 1: it is what it was");
        let at_least = far - 10_000; // what was on its way is copied again, and not much more
        assert!(written(&pair).await >= at_least, "it goes on from its position");
    }
    until_written(&pair, ROWS / 2).await;
    finance.kill().await;
    pair.event(ActivityKind::DestinationDown).await;
    finance.start_again().await;

    timeout(VERY_PATIENT, writer).await.expect("the application has told all").unwrap();
    let runs = async {
        while pair.state("orders").await != Running || pair.figures("orders").await.queued > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(VERY_PATIENT, runs).await.expect("the map becomes live");
    let execution = pair.execution().await;
    assert_eq!((execution.state(), execution.projects[0].failed), (ExecutionState::Completed, 0));
    let changed = sql::ask::<i64>(&right, "SELECT COUNT(*) FROM orders WHERE amount = 1").await.unwrap();
    assert_eq!(changed, [ROWS / 2]);
    pair.assert_equal().await;
    pair.assert_all_applied(ROWS / 2).await;
}

/// A row of both tables: key, what is mapped, and a column that is not.
async fn fill(url: &str, ids: std::ops::RangeInclusive<i64>, side: &str) {
    let rows: Vec<String> = ids.map(|id| format!("({id}, '{side}', '{side} {id}', {id})")).collect();
    execute(url, &format!("INSERT INTO orders (id, status, note, amount) VALUES {}", rows.join(", "))).await;
}

/// The master's rows win where both have a key, for what is mapped; then what only the other side has is copied back.
#[tokio::test]
async fn a_copy_in_both_directions_takes_the_masters_rows_and_leaves_what_is_not_mapped() {
    let (sales, finance) = (Postgres::shared().await, MariaDb::shared().await);
    for master in [Left, Right] {
        let (left, right) = (sales.create_database().await, finance.create_database().await);
        for url in [&left, &right] {
            execute(url, ORDERS).await;
        }
        // 1 to 2,000 are on both sides, more than a page; the others on one.
        fill(&left, 1..=2_500, "left").await;
        fill(&right, 1..=2_000, "right").await;
        fill(&right, 2_501..=4_000, "right").await;
        let pair = Pair::over(&left, &right, PATIENT).await;
        let mut map = asynchronous(orders_map());
        map.column_mappings.retain(|column| column.left_column != "note");
        map.master = master.into();
        pair.create_map("orders", map).await.unwrap();
        pair.run("orders").await.unwrap();
        pair.wait_for_state("orders", Running).await;
        let execution = pair.execution().await;
        let [first, second] = execution.projects.as_slice() else { panic!("two projects: {execution:?}") };
        // Written as the master, then as the other side: by then that has the master's rows too.
        let (of_left, of_right) = ((2_500, 500, 3_500), (3_500, 1_500, 2_500));
        let (of_master, of_other) = if master == Left { (of_left, of_right) } else { (of_right, of_left) };
        assert_eq!((first.written, first.skipped, first.failed), (of_master.0, 0, 0), "{master:?}");
        assert_eq!((second.written, second.skipped, second.failed), (of_other.1, of_other.2, 0), "{master:?}");

        let on_both = if master == Left { "left" } else { "right" };
        let mapped = |id: i64| match id {
            1..=2_000 => on_both,
            2_001..=2_500 => "left",
            _ => "right",
        };
        for (url, own) in [(&left, "left"), (&right, "right")] {
            // What came from the other side has the default where nothing is mapped.
            let note = |id: i64| match (id, own) {
                (1..=2_000, _) | (2_001..=2_500, "left") => format!("{own} {id}"),
                (2_501..=4_000, "right") => format!("{own} {id}"),
                _ => "-".to_owned(),
            };
            let expected = (1..=4_000).map(|id| format!("{id} | {} | {} | {id}", mapped(id), note(id)));
            let found = rows(url).await;
            let differs = found.iter().cloned().zip(expected).find(|(found, expected)| found != expected);
            assert_eq!(differs, None, "{own} with the master {master:?}");
            assert_eq!(found.len(), 4_000);
        }
    }
}

/// A change of the side that is written to by the copy is not lost under an older row.
#[tokio::test]
async fn rule_9_both_sides_end_equal_when_both_change_during_a_copy() {
    let (sales, finance) = (Postgres::shared().await, Postgres::shared().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    for url in [&left, &right] {
        execute(url, ORDERS).await;
    }
    fill(&left, 1..=5_000, "left").await;
    fill(&right, 4_000..=6_000, "right").await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    let mut map = asynchronous(orders_map());
    map.master = Left.into();
    pair.create_map("orders", map).await.unwrap();
    pair.run("orders").await.unwrap();
    for (side, url, ids) in [(Left, &left, 4_990..=5_010), (Right, &right, 4_980..=4_989)] {
        for id in ids {
            let row = format!(
                "INSERT INTO orders VALUES ({id}, 'changed', 'changed', 1) ON CONFLICT (id) DO UPDATE \
                 SET status = 'changed', note = 'changed', amount = 1"
            );
            execute(url, &row).await;
            let (status, note, amount) = (text("changed"), text("changed"), int(1));
            let told = [("id", int(id)), ("status", status), ("note", note), ("amount", amount)];
            let change = crate::pair::order(record(told));
            pair.write(WriteRecordRequest { source: side.into(), ..change }).await.unwrap();
        }
    }
    pair.wait_for_state("orders", Running).await;
    eventually("all is written", || async { pair.figures("orders").await.queued == 0 }).await;
    pair.assert_equal().await;
    let changed = sql::ask::<i64>(&right, "SELECT count(*) FROM orders WHERE status = 'changed'").await.unwrap();
    assert_eq!(changed, [31]);
}

/// Keys of several columns and of any type, whose order the database knows.
#[tokio::test]
async fn a_key_of_several_columns_is_copied_page_by_page() {
    let (sales, finance) = (Postgres::shared().await, MariaDb::shared().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    for url in [&left, &right] {
        execute(url, "CREATE TABLE stock (place VARCHAR(20) NOT NULL, day DATE NOT NULL, part BIGINT NOT NULL, n BIGINT, PRIMARY KEY (place, day, part))").await;
    }
    let fill = "INSERT INTO stock SELECT 'Ort ' || chr(97 + i % 7) || CASE WHEN i % 2 = 0 THEN 'Ä' ELSE 'z' END, \
                DATE '2026-01-01' + (i % 50), i - 2000, i FROM generate_series(1, 3500) i";
    execute(&left, fill).await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    let mut map = to_the_right();
    for of in [&mut map.left, &mut map.right].into_iter().flatten() {
        of.table = "stock".to_owned();
    }
    map.integration_key = ["place", "day", "part"].map(str::to_owned).into();
    let template = map.column_mappings[0].clone();
    let column = |name: &str| ColumnMapping { left_column: name.into(), right_column: name.into(), ..template.clone() };
    map.column_mappings = ["place", "day", "part", "n"].map(column).into();
    pair.create_map("orders", map).await.unwrap();
    pair.run("orders").await.unwrap();
    pair.wait_for_state("orders", Running).await;
    let execution = pair.execution().await;
    assert_eq!((execution.projects[0].written, execution.projects[0].failed), (3_500, 0));
    let rows = "SELECT CONCAT(place, ' ', day, ' ', part, ' ', n) FROM stock ORDER BY part";
    assert_eq!(sql::ask::<String>(&left, rows).await.unwrap(), sql::ask::<String>(&right, rows).await.unwrap());
}
