//! Synchronous maps while databases are stopped or hang: callers are told, and operators are not held up.

use crate::pair::{ORDERS, Pair, execute, order, to_the_right};
use crate::support::databases::{Postgres, sql};
use crate::support::world::{eventually, int, name, orders_map, reason, record};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use std::time::{Duration, Instant};
use tandem::services::proto::Disposition::{Applied, Queued};
use tandem::services::proto::Side::Left;
use tandem::services::proto::TableMapState::{NotRunning, Paused, Resuming, Running};
use tandem::services::proto::*;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What a caller waits at most: the connector's time-outs (see `IMPATIENT`) and a busy machine.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
/// A decision of an operator waits two seconds at most for what is being written.
const DECIDED_WITHIN: Duration = Duration::from_secs(5);

fn amount(id: i64, amount: i64) -> WriteRecordRequest {
    order(record([("id", int(id)), ("amount", int(amount))]))
}

fn assert_unreachable(refusal: &Status) {
    assert_eq!(refusal.code(), Code::Unavailable, "{refusal:?}");
    // A server that is being stopped says so on the connections that it cuts.
    assert!(["APPLICATION_UNREACHABLE", "APPLICATION_UNAVAILABLE"].contains(&reason(refusal).as_str()), "{refusal:?}");
    let retry = refusal.get_details_retry_info().expect("it says when to come again");
    assert!(retry.retry_delay.is_some_and(|delay| !delay.is_zero()));
}

#[tokio::test]
async fn a_synchronous_write_is_refused_while_its_destination_is_down_and_the_map_goes_on() {
    let finance = Postgres::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let pair = Pair::start(&left, &right).await;
    pair.running_map("orders", orders_map()).await;
    pair.set(Left, 1..=10, 1, Applied).await;

    finance.stop().await;
    for attempt in 1..=3 {
        let begun = Instant::now();
        let refusal = pair.write(amount(1, 2)).await.unwrap_err();
        assert_unreachable(&refusal);
        assert!(begun.elapsed() < TOLD_WITHIN, "attempt {attempt} took {:?}", begun.elapsed());
    }
    assert_eq!(pair.state("orders").await, Running, "an outage changes no state");
    assert!(pair.conditions().await.contains(&ConditionType::DestinationDown));
    let figures = pair.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.queued), (10, 10, 0), "what was refused is not kept");

    assert_eq!(pair.pause("orders").await.unwrap(), Paused);
    pair.set(Left, 1..=5, 3, Queued).await;
    assert_eq!(pair.resume("orders", ResumeOption::CatchUp).await.unwrap(), Resuming);
    finance.start_again().await;
    pair.wait_for_state("orders", Running).await;
    pair.set(Left, 6..=10, 4, Applied).await;
    pair.assert_equal().await;
    pair.assert_all_applied(20).await;

    finance.stop().await;
    pair.pause("orders").await.unwrap();
    pair.set(Left, 1..=5, 5, Queued).await;
    let stopped = pair.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap();
    assert_eq!(stopped, NotRunning, "stop works whatever the applications do");
    let kept = || async { pair.catch_up_errors("orders").await.len() == 5 };
    eventually("what was queued is kept as errors", kept).await;
    let figures = pair.figures("orders").await;
    assert_eq!((figures.accepted, figures.in_error, figures.queued), (25, 5, 0));
}

#[tokio::test]
async fn pause_and_stop_work_while_both_databases_hang() {
    let (sales, finance) = (Postgres::start().await, Postgres::start().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    let pair = Pair::start(&left, &right).await;
    for url in [&left, &right] {
        execute(url, &ORDERS.replace("orders", "invoices")).await;
    }
    let mut invoices = to_the_right();
    for table in [&mut invoices.left, &mut invoices.right] {
        table.as_mut().unwrap().table = "invoices".to_owned();
    }
    pair.running_map("orders", orders_map()).await;
    pair.running_map("invoices", invoices).await;
    pair.set(Left, 1..=10, 1, Applied).await;

    sales.freeze().await;
    finance.freeze().await;
    let asked = Instant::now();
    let mut sync = pair.sync();
    let hanging = tokio::spawn(async move { sync.write_record(amount(1, 2)).await });
    for id in 1..=50 {
        let change = WriteRecordRequest { table_map: name("invoices"), ..amount(id, 2) };
        assert_eq!(pair.written(change).await.0, Queued);
    }
    for map in ["orders", "invoices"] {
        let begun = Instant::now();
        assert_eq!(pair.pause(map).await.unwrap(), Paused);
        assert!(begun.elapsed() < DECIDED_WITHIN, "the pause of {map} took {:?}", begun.elapsed());
    }
    assert_eq!(pair.written(amount(2, 2)).await.0, Queued, "a paused map queues");
    // What hung is told what became of it, or is queued behind the pause.
    match hanging.await.unwrap() {
        Ok(answer) => assert_eq!(answer.into_inner().disposition(), Queued),
        Err(refusal) => assert_unreachable(&refusal),
    }
    assert!(asked.elapsed() < TOLD_WITHIN, "the write that hung took {:?}", asked.elapsed());
    for map in ["orders", "invoices"] {
        let begun = Instant::now();
        assert_eq!(pair.resume(map, ResumeOption::CatchUp).await.unwrap(), Resuming);
        assert!(begun.elapsed() < DECIDED_WITHIN, "the resume of {map} took {:?}", begun.elapsed());
        let begun = Instant::now();
        assert_eq!(pair.stop(map, QueuedRecordsDisposition::Keep).await.unwrap(), NotRunning);
        assert!(begun.elapsed() < DECIDED_WITHIN, "the stop of {map} took {:?}", begun.elapsed());
    }
    let figures = pair.figures("invoices").await;
    assert_eq!((figures.accepted, figures.queued), (50, 0));
    assert_eq!(figures.in_error + figures.applied, 50, "each is kept as an error, or was written");

    sales.thaw().await;
    finance.thaw().await;
    assert_eq!(pair.run_live("orders").await.unwrap(), Running);
    let taken = || async { pair.write(amount(3, 3)).await.is_ok() };
    eventually("it goes on after all", taken).await;
    pair.figures("orders").await; // they add up
}

#[tokio::test]
async fn rule_2_a_write_that_hung_is_not_queued_behind_a_later_one_of_its_key() {
    let (sales, finance) = (Postgres::shared().await, Postgres::start().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    for url in [&left, &right] {
        execute(url, ORDERS).await;
    }
    // So long for each try that the pause has ended long before the last of them.
    let pair = Pair::over(&left, &right, "statement_timeout = \"10s\"\nlock_timeout = \"1500ms\"\n").await;
    pair.running_map("orders", orders_map()).await;
    pair.set(Left, 7..=8, 1, Applied).await;

    // Its row is held for longer than a pause waits for it, and then longer than it is tried.
    let mut holder = PgConnection::connect(&right).await.unwrap();
    holder.execute("BEGIN").await.unwrap();
    holder.execute("SELECT * FROM orders WHERE id = 7 FOR UPDATE").await.unwrap();
    let mut sync = pair.sync();
    let hanging = tokio::spawn(async move { sync.write_record(amount(7, 2)).await });
    eventually("it waits for the row", || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND application_name = 'tandem'";
        sql::ask::<i64>(&right, waiting).await.unwrap() == [1]
    })
    .await;
    assert_eq!(pair.pause("orders").await.unwrap(), Paused);
    assert!(!hanging.is_finished(), "the pause did not wait for it");
    assert_eq!(pair.written(amount(7, 3)).await.0, Queued);
    let refusal = hanging.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Aborted, "KEY_BUSY"), "{refusal:?}");
    holder.execute("COMMIT").await.unwrap();
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    pair.wait_for_state("orders", Running).await;
    let amounts = sql::ask::<i64>(&right, "SELECT amount FROM orders ORDER BY id").await.unwrap();
    assert_eq!(amounts, [3, 1], "the later one is there");
    let figures = pair.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied), (3, 3), "what was refused is not kept");
}
