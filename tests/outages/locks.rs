//! Rows that another session holds, and deadlocks with it: the same again, a few times, and no error.

use crate::pair::{PATIENT, Pair, execute, order, put, to_the_right};
use crate::support::databases::{Postgres, sql};
use crate::support::world::{asynchronous, eventually, int, orders_map, record};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::Side::Left;
use tandem::services::proto::*;

/// Somebody else's session with a transaction under way.
async fn session(url: &str, statements: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    run(&mut connection, &format!("BEGIN; {statements}")).await;
    connection
}

async fn run(connection: &mut PgConnection, statements: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await.expect(statements);
}

/// Whether a session of ours waits for a lock in this database.
async fn waits(url: &str) -> bool {
    let query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
                 AND application_name = 'tandem'";
    sql::ask::<i64>(url, query).await.expect("an answer") == [1]
}

#[tokio::test]
async fn a_row_that_another_session_holds_is_waited_for_and_is_no_error() {
    let finance = Postgres::start().await; // its log is read
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let pair = Pair::start(&left, &right).await;
    for url in [&left, &right] {
        put(url, 1..=20, 0).await;
    }
    pair.running_map("orders", to_the_right()).await;

    let mut holder = session(&right, "SELECT * FROM orders WHERE id = 7 FOR UPDATE").await;
    pair.set(Left, 1..=20, 1, Queued).await;
    let given_up = || async { finance.log().matches("canceling statement due to lock timeout").count() >= 2 };
    eventually("it is tried again", given_up).await;
    assert_eq!(pair.figures("orders").await.in_error, 0);
    run(&mut holder, "COMMIT").await;
    eventually("all is written", || async { pair.figures("orders").await.applied == 20 }).await;
    pair.assert_equal().await;
    pair.assert_all_applied(20).await;

    // Held for longer than a few tries: the destination counts as busy, and is asked again.
    run(&mut holder, "BEGIN; SELECT * FROM orders WHERE id = 7 FOR UPDATE").await;
    let before = pair.events("orders").await.last().unwrap().sequence;
    pair.set(Left, 1..=20, 2, Queued).await;
    let busy = pair.event_after(before, ActivityKind::DestinationDown).await;
    assert_eq!(busy.error.unwrap().r#type(), ErrorType::Throttled);
    run(&mut holder, "COMMIT").await;
    eventually("all is written", || async { pair.figures("orders").await.applied == 40 }).await;
    pair.assert_equal().await;
    pair.event_after(busy.sequence, ActivityKind::DestinationUp).await;
    pair.assert_all_applied(40).await;
}

#[tokio::test]
async fn a_deadlock_with_another_session_is_tried_again_and_is_no_error() {
    let finance = Postgres::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    for url in [&left, &right] {
        execute(url, crate::pair::ORDERS).await;
        put(url, 1..=2, 0).await;
    }
    // Who waits this long looks for a deadlock, and gives way when there is one: us, not the other.
    let database = right.rsplit('/').next().unwrap();
    execute(&right, &format!("ALTER DATABASE {database} SET deadlock_timeout = '2s'")).await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    pair.running_map("orders", asynchronous(orders_map())).await;

    let patient = "SET deadlock_timeout = '1h'; UPDATE orders SET note = 'theirs' WHERE id = 2";
    let mut other = session(&right, patient).await;
    // Paused first, so that both rows go in one statement, the first of them first.
    pair.pause("orders").await.unwrap();
    let both: Vec<WriteRecordRequest> = (1..=2)
        .map(|id| WriteRecordRequest {
            change_id: id.to_string(),
            ..order(record([("id", int(id)), ("amount", int(5))]))
        })
        .collect();
    pair.write_all(both).await;
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    eventually("we wait for their row", || async { waits(&right).await }).await;
    run(&mut other, "UPDATE orders SET note = 'theirs' WHERE id = 1").await; // waits for ours until we give way
    assert!(finance.log().contains("deadlock detected"), "there was a deadlock:\n{}", finance.log());
    run(&mut other, "COMMIT").await;
    pair.wait_for_state("orders", TableMapState::Running).await;
    let amounts = sql::ask::<i64>(&right, "SELECT amount FROM orders WHERE note = 'theirs' ORDER BY id").await;
    assert_eq!(amounts.unwrap(), [5, 5], "both wrote, one after the other");
    pair.assert_all_applied(2).await;
}
