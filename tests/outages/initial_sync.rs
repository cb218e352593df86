//! An initial sync while databases and the server go away in the middle of it: it waits, and goes on where it was.

use crate::pair::{ORDERS, PATIENT, Pair, assert_in_order, count, execute, keep_history, put, to_the_right};
use crate::support::databases::Postgres;
use crate::support::world::eventually;
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::Side::Left;
use tandem::services::proto::TableMapState::{Initializing, Running};
use tandem::services::proto::*;

/// Six pages.
const ROWS: i64 = 5_500;

async fn written(pair: &Pair) -> i64 {
    pair.execution().await.projects.iter().map(|project| project.written).sum()
}

/// Waits until so many rows are recorded as written; the copy is still under way then.
async fn until_written(pair: &Pair, rows: i64) {
    eventually("the copy comes further", || async { written(pair).await >= rows }).await;
    assert_eq!(pair.state("orders").await, Initializing, "it is in the middle");
    assert!(written(pair).await < ROWS, "it is in the middle");
}

#[tokio::test]
async fn an_initial_sync_goes_on_after_outages_of_both_sides_and_of_the_server() {
    let (sales, finance) = (Postgres::start().await, Postgres::start().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    for url in [&left, &right] {
        execute(url, ORDERS).await;
    }
    put(&left, 1..=ROWS, 0).await;
    keep_history(&right, 0.3).await;
    let mut pair = Pair::over(&left, &right, PATIENT).await;
    pair.create_map("orders", to_the_right()).await.unwrap();
    assert_eq!(pair.run("orders").await.unwrap(), Initializing);

    until_written(&pair, 1_000).await;
    pair.set(Left, 1..=10, 1, Queued).await; // copied already
    pair.set(Left, ROWS - 10..=ROWS + 10, 1, Queued).await; // not yet, and new ones
    sales.stop().await;
    sales.start_again().await;

    until_written(&pair, 2_000).await;
    finance.kill().await;
    pair.event(ActivityKind::DestinationDown).await;
    let stats = pair.stats("orders").await;
    assert_eq!((stats.queued_count, stats.error_count), (31, 0), "changes wait for the end of the copy");
    finance.start_again().await;

    until_written(&pair, 3_000).await;
    pair.server.kill();
    let there = count(&right).await;
    pair.server.start_again().await;
    assert_eq!(pair.state("orders").await, Initializing, "rule 1: it is what it was");
    // The last page may have been seen before it was on the disk; no more than that is copied again.
    assert!(written(&pair).await >= 2_000, "it goes on from its position, not from the beginning");
    pair.set(Left, 5..=15, 2, Queued).await;

    pair.wait_for_state("orders", Running).await;
    let execution = pair.execution().await;
    assert_eq!(execution.state(), ExecutionState::Completed);
    let [project] = execution.projects.as_slice() else { panic!("one direction, one project: {execution:?}") };
    assert_eq!(project.failed, 0);
    assert!((ROWS..=ROWS + 10).contains(&project.written), "each row counts once: {project:?}, {there} were there");
    pair.assert_equal().await;
    assert_in_order(&right).await;
    pair.assert_all_applied(42).await;
}

/// PostgreSQL is given two batches at once; each row refers to the one before it, which may be in the other batch, by a column
/// that cannot be left out at first.
#[tokio::test]
async fn rule_5_a_row_that_refers_to_one_of_another_batch_is_no_error() {
    let (sales, finance) = (Postgres::shared().await, Postgres::shared().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    execute(&left, ORDERS).await;
    let rows = format!("INSERT INTO orders SELECT id, 'new', '', id - 1 FROM generate_series(1, {ROWS}) AS id");
    let roots = "UPDATE orders SET amount = id WHERE id % 50 = 25 OR id = 1";
    let nobody = "UPDATE orders SET amount = 99999 WHERE id = 2524"; // the next row is a root, so no other fails
    for statement in [rows.as_str(), roots, nobody] {
        execute(&left, statement).await;
    }
    execute(&right, &ORDERS.replace("amount BIGINT", "amount BIGINT NOT NULL REFERENCES orders (id)")).await;
    keep_history(&right, 0.1).await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    pair.create_map("orders", to_the_right()).await.unwrap();
    pair.run("orders").await.unwrap();
    eventually("the copy ends", || async { pair.execution().await.state() != ExecutionState::Running }).await;
    let execution = pair.execution().await;
    let [project] = execution.projects.as_slice() else { panic!("one direction, one project: {execution:?}") };
    assert_eq!((project.written, project.failed), (ROWS - 1, 1), "the one that refers to nothing");
    assert_eq!(count(&right).await, ROWS - 1);
}
