//! What settings watch beside errors.

use crate::given::*;
use crate::support::databases::sql;
use crate::support::server::TestClock;
use crate::support::world::*;
use sqlx::{Connection, Executor};
use std::time::Duration;
use tandem::services::proto::*;

fn watching(watch: AlertWatch) -> AlertSetting {
    AlertSetting { watch: Some(watch), ..Default::default() }
}

/// The only alert there is, once there is one.
async fn first_alert(world: &World) -> AlertEvent {
    eventually("it fires", || async { !world.raised().await.is_empty() }).await;
    let mut raised = world.raised().await;
    assert_eq!(raised.len(), 1, "{raised:?}");
    raised.remove(0)
}

async fn rearmed(world: &World) {
    eventually("it is armed again", || async { world.raised().await[0].rearm_time.is_some() }).await;
}

#[tokio::test]
async fn a_queue_that_grows_fires_once_until_it_is_short_again() {
    let world = World::start().await;
    world.create_alert("long", watching(AlertWatch { queued_records: 5, ..Default::default() })).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    for id in 1..=4 {
        world.write(order(id, "queued")).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(world.raised().await.is_empty());
    for id in 5..=8 {
        world.write(order(id, "queued")).await.unwrap();
    }
    let alert = first_alert(&world).await;
    assert_eq!((alert.reason(), alert.threshold), (AlertReason::QueuedRecords, None));
    assert!(alert.summary.ends_with("records are queued") && alert.error_counts.is_empty(), "{alert:?}");
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    rearmed(&world).await;
    assert_eq!(world.raised().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_queued_record_and_a_limit_that_is_near_are_watched() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    let old = AlertWatch { queued_age: seconds(600), ..Default::default() };
    world.create_alert("old", watching(old)).await.unwrap();
    world.create_alert("near", watching(AlertWatch { near_limit: true, ..Default::default() })).await.unwrap();
    let queue_limits = Some(QueueLimits { max_pause: seconds(10_000), max_bytes: 1 << 20 });
    world.running_map("orders", TableMap { queue_limits, ..asynchronous(orders_map()) }).await;
    world.pause("orders").await.unwrap();
    world.write(order(1, "queued")).await.unwrap();
    clock.advance(Duration::from_secs(599));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(world.raised().await.is_empty());
    clock.advance(Duration::from_secs(1));
    let alert = first_alert(&world).await;
    assert_eq!(
        (alert.reason(), alert.summary.as_str()),
        (AlertReason::QueuedAge, "the oldest queued record waits for 10m")
    );
    clock.advance(Duration::from_secs(7_500));
    eventually("the pause is near its end", || async { world.raised().await.len() == 2 }).await;
    assert_eq!(world.raised().await[1].reason(), AlertReason::NearLimit);
}

#[tokio::test]
async fn an_initial_sync_that_ends_with_errors_is_watched() {
    let world = World::start().await;
    let url = world.left.url();
    sql::execute(&url, "DROP TABLE orders").await.unwrap();
    let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT, amount INTEGER)";
    sql::execute(&url, table).await.unwrap();
    sql::execute(&url, "INSERT INTO orders VALUES (1, '', '', -1), (2, '', '', 2)").await.unwrap();
    let watch = AlertWatch { initial_sync_errors: true, ..Default::default() };
    world.create_alert("errors", watching(watch)).await.unwrap();
    let map = TableMap { master: Side::Left.into(), ..asynchronous(orders_map()) };
    world.create_map("orders", map).await.unwrap();
    world.run("orders").await.unwrap();
    let alert = first_alert(&world).await;
    assert_eq!(alert.reason(), AlertReason::InitialSyncErrors);
    assert!(alert.summary.starts_with("the initial sync waits for a decision"), "{}", alert.summary);
    let skip = SkipInitialSyncRequest { name: format!("{}/executions/1", name("orders")), ..Default::default() };
    world.sync().skip_initial_sync(skip).await.unwrap();
    rearmed(&world).await;
}

#[tokio::test]
async fn an_initial_sync_that_stands_still_is_watched() {
    let world = World::start().await;
    sql::execute(&world.left.url(), "INSERT INTO orders (id) VALUES (1), (2)").await.unwrap();
    let watch = AlertWatch { initial_sync_stalled: seconds(2), ..Default::default() };
    world.create_alert("still", watching(watch)).await.unwrap();
    let map = TableMap { master: Side::Left.into(), ..asynchronous(orders_map()) };
    world.create_map("orders", map).await.unwrap();
    let mut holder = sqlx::SqliteConnection::connect(&world.right.url()).await.unwrap();
    holder.execute("BEGIN IMMEDIATE").await.unwrap();
    world.run("orders").await.unwrap();
    let alert = first_alert(&world).await;
    assert_eq!(alert.reason(), AlertReason::InitialSyncStalled);
    holder.execute("ROLLBACK").await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    rearmed(&world).await;
}

#[tokio::test]
async fn what_a_setting_watches_and_resumes_is_checked() {
    let world = World::start().await;
    let watch = AlertWatch { queued_records: -1, queued_age: seconds(0), ..Default::default() };
    let wrong = AlertSetting { resume_after: seconds(5), ..watching(watch) };
    let refused = world.create_alert("wrong", wrong).await.unwrap_err();
    let mut named = fields(&refused);
    named.sort();
    assert_eq!(
        named,
        ["alert_setting.resume_after", "alert_setting.watch.queued_age", "alert_setting.watch.queued_records"]
    );
    let watch = AlertWatch { application_down: seconds(60), near_limit: true, ..Default::default() };
    let right = AlertSetting { resume_after: seconds(5), action: AlertAction::Pause.into(), ..watching(watch) };
    let created = world.create_alert("right", right.clone()).await.unwrap();
    assert_eq!((created.watch, created.resume_after, created.threshold), (right.watch, right.resume_after, None));
}
