//! How fast a queue fills and drains, and what is on its way.

use crate::pair::{Pair, execute, keep_history, put, to_the_right};
use crate::support::databases::Postgres;
use crate::support::server::PATIENCE;
use crate::support::world::*;
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::Side::Left;
use tandem::services::proto::*;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

async fn watch(pair: &Pair) -> Streaming<WatchQueueStatsResponse> {
    let request = WatchQueueStatsRequest { name: name("orders") };
    pair.queue().watch_queue_stats(request).await.unwrap().into_inner()
}

async fn next(watching: &mut Streaming<WatchQueueStatsResponse>) -> Result<QueueStats, Status> {
    let message = timeout(PATIENCE, watching.message()).await.expect("there is a message every ten seconds")?;
    Ok(message.expect("a watch has no end").queue_stats.unwrap())
}

async fn in_state(pair: &Pair, state: QueuedRecordState) -> ListQueuedRecordsResponse {
    let request = ListQueuedRecordsRequest { parent: name("orders"), state: state.into(), ..Default::default() };
    pair.queue().list_queued_records(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_queue_shows_how_fast_it_fills_and_drains() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    execute(&left, crate::pair::ORDERS).await;
    execute(&right, crate::pair::ORDERS).await;
    keep_history(&right, 40.0).await;
    let pair = Pair::over(&left, &right, crate::pair::PATIENT).await;
    let limits = Some(QueueLimits { max_bytes: 1_000_000_000, ..Default::default() });
    pair.running_map("orders", TableMap { queue_limits: limits, ..to_the_right() }).await;
    let quiet = pair.stats("orders").await;
    assert_eq!((quiet.accepted_per_second, quiet.applied_per_second), (0.0, 0.0));
    assert_eq!((quiet.time_to_drain, quiet.time_until_limit), (None, None));

    pair.pause("orders").await.unwrap();
    let mut watching = watch(&pair).await;
    assert_eq!(next(&mut watching).await.unwrap().queued_count, 0);
    pair.set(Left, 1..=300, 1, Queued).await;
    let mut seen = QueueStats::default();
    while seen.queued_count < 300 {
        seen = next(&mut watching).await.unwrap();
    }
    // 300 in the seconds since the map began, which are a minute at most.
    assert!((5.0..=300.0).contains(&seen.accepted_per_second), "{seen:?}");
    assert_eq!((seen.applied_per_second, seen.time_to_drain), (0.0, None), "a pause drains nothing");
    let until_limit = seen.time_until_limit.expect("both limits come nearer").seconds;
    assert!((1..=24 * 3_600).contains(&until_limit), "the day of a pause is the nearer one: {until_limit}");

    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    let draining = loop {
        let seen = next(&mut watching).await.unwrap();
        assert_eq!(seen.queued_count + seen.in_progress_count + seen.figures[0].applied, 300, "{seen:?}");
        if seen.time_to_drain.is_some() || seen.figures[0].queued == 0 {
            break seen;
        }
    };
    assert!(draining.figures[0].queued == 0 || draining.applied_per_second > 0.0, "{draining:?}");
    pair.wait_for_state("orders", TableMapState::Running).await;
    let mut seen = draining;
    while seen.figures[0].queued > 0 || seen.queueing_since.is_some() {
        seen = next(&mut watching).await.unwrap();
    }
    assert!(seen.applied_per_second > 0.0);
    assert_eq!((seen.time_to_drain, seen.time_until_limit), (None, None));

    pair.stop("orders", QueuedRecordsDisposition::Unspecified).await.unwrap();
    pair.maps().delete_table_map(DeleteTableMapRequest { name: name("orders"), ..Default::default() }).await.unwrap();
    let gone = loop {
        if let Err(status) = next(&mut watching).await {
            break status;
        }
    };
    assert_eq!(gone.code(), Code::NotFound, "{gone:?}");
}

#[tokio::test]
async fn what_is_on_its_way_shows_as_in_progress_and_what_waits_for_a_destination_does_not() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    let pair = Pair::over(&left, &right, "lock_timeout = \"3s\"\n").await;
    for url in [&left, &right] {
        execute(url, crate::pair::ORDERS).await;
        put(url, 1..=3, 0).await;
    }
    execute(&right, "ALTER TABLE orders ADD CONSTRAINT small CHECK (amount < 100)").await;
    pair.running_map("orders", to_the_right()).await;
    pair.set(Left, 3..=3, 100, Queued).await;
    eventually("one is in error", || async { pair.figures("orders").await.in_error == 1 }).await;
    execute(&right, "ALTER TABLE orders DROP CONSTRAINT small").await;

    use sqlx::{Connection, Executor};
    let mut holder = sqlx::PgConnection::connect(&right).await.unwrap();
    holder.execute(sqlx::raw_sql("BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE")).await.unwrap();
    pair.set(Left, 1..=2, 1, Queued).await;
    let retry = RetryCatchUpErrorsRequest { parent: name("orders"), all: true, ..Default::default() };
    pair.queue().retry_catch_up_errors(retry).await.unwrap();
    eventually("all are on their way", || async {
        let stats = pair.stats("orders").await;
        let retried = pair.catch_up_errors("orders").await[0].retry_status();
        (stats.queued_count, stats.in_progress_count, retried) == (0, 2, RetryStatus::InProgress)
    })
    .await;
    let on_their_way = in_state(&pair, QueuedRecordState::InProgress).await;
    let states: Vec<_> = on_their_way.queued_records.iter().map(|record| (record.sequence, record.state())).collect();
    assert_eq!(states, [(2, QueuedRecordState::InProgress), (3, QueuedRecordState::InProgress)]);
    assert_eq!(on_their_way.total_size, Some(2));
    assert_eq!(in_state(&pair, QueuedRecordState::Queued).await.queued_records, []);

    // The destination is found busy, and now they wait for it.
    eventually("they wait", || async { pair.stats("orders").await.queued_count == 2 }).await;
    let waiting = in_state(&pair, QueuedRecordState::Queued).await;
    assert_eq!((waiting.queued_records.len(), waiting.total_size), (2, Some(2)));
    assert_eq!(in_state(&pair, QueuedRecordState::InProgress).await.queued_records, []);
    assert_eq!(pair.catch_up_errors("orders").await[0].retry_status(), RetryStatus::Pending);
    holder.execute("COMMIT").await.unwrap();
    eventually("all is written", || async { pair.figures("orders").await.applied == 3 }).await;
    assert_eq!(pair.stats("orders").await.in_progress_count, 0);
    pair.assert_equal().await;
}
