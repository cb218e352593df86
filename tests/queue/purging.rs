//! Rule 7: what failed goes when its time is over, and not before; the log warns and counts. By a clock that the test sets.

use crate::support::databases::sql;
use crate::support::server::TestClock;
use crate::support::world::*;
use std::time::Duration;
use tandem::services::proto::Disposition::{Applied, Queued};
use tandem::services::proto::*;
use tonic::Code;

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// The right side's CHECK does not take it.
fn bad(id: i64) -> WriteRecordRequest {
    change("orders", record([("id", int(id)), ("amount", int(-id))]))
}

async fn told(world: &World, kind: ActivityKind) -> Vec<ActivityEvent> {
    world.events("orders").await.into_iter().filter(|event| event.kind() == kind).collect()
}

async fn conditions(world: &World) -> Vec<ConditionType> {
    world.map("orders").await.conditions.iter().map(Condition::r#type).collect()
}

async fn get(world: &World, sequence: i64) -> Result<QueuedRecord, tonic::Status> {
    let name = format!("tableMaps/orders/queuedRecords/{sequence}");
    world.queue().get_queued_record(GetQueuedRecordRequest { name }).await.map(tonic::Response::into_inner)
}

async fn in_error(world: &World, count: i64) {
    eventually("so many are in error", || async { world.figures("orders").await.in_error == count }).await;
}

#[tokio::test]
async fn rule_7_errors_are_purged_a_day_after_they_failed_and_warned_of_an_hour_before() {
    let clock = TestClock::starting_now();
    let mut world = World::start_by(&clock).await;
    world.running_map("orders", asynchronous(orders_map())).await;
    // More than one step takes.
    for id in 1..=1_200 {
        world.write(bad(id)).await.unwrap();
    }
    in_error(&world, 1_200).await;
    clock.advance(2 * HOUR);
    world.write(bad(2_001)).await.unwrap();
    in_error(&world, 1_201).await;
    let first = get(&world, 1).await.unwrap();
    let (failed, purged) = (first.fail_time.unwrap(), first.purge_time.unwrap());
    assert_eq!(purged.seconds - failed.seconds, 24 * 3_600);

    clock.advance(20 * HOUR + 59 * MINUTE);
    world.written(order(1_500, "new")).await;
    assert!(!conditions(&world).await.contains(&ConditionType::PurgeSoon));
    assert_eq!(told(&world, ActivityKind::PurgeSoon).await, [], "it is not time yet");
    clock.advance(2 * MINUTE);
    eventually("it warns", || async { told(&world, ActivityKind::PurgeSoon).await.len() == 1 }).await;
    assert_eq!(told(&world, ActivityKind::PurgeSoon).await[0].counts["in_error"], 1_201);
    assert!(conditions(&world).await.contains(&ConditionType::PurgeSoon));
    assert_eq!(world.figures("orders").await.in_error, 1_201, "nothing has gone");

    world.server.kill();
    world.server.start_again().await;
    clock.advance(HOUR);
    in_error(&world, 1).await;
    eventually("the log counts them", || async {
        let purged = told(&world, ActivityKind::Purged).await;
        purged.iter().map(|event| event.counts["purged"]).sum::<i64>() == 1_200
    })
    .await;
    let figures = world.figures("orders").await;
    assert_eq!((figures.purged, figures.applied), (1_200, 1));
    assert_eq!(get(&world, 1).await.unwrap_err().code(), Code::NotFound);
    let left: Vec<_> = world.catch_up_errors("orders").await.iter().map(|error| error.sequence).collect();
    assert_eq!(left, [1_201], "its time is not over");
    let types: Vec<_> = world.stats("orders").await.error_counts.iter().map(|count| count.count).collect();
    assert_eq!(types, [1]);

    // A map that does not run keeps nothing longer.
    world.stop("orders", QueuedRecordsDisposition::Unspecified).await.unwrap();
    clock.advance(2 * HOUR);
    in_error(&world, 0).await;
    assert_eq!(world.figures("orders").await.purged, 1_201);
    eventually("its conditions are gone", || async { conditions(&world).await.is_empty() }).await;
    assert_eq!(sql::ask::<i64>(&world.right.url(), "SELECT id FROM orders").await.unwrap(), [1_500]);
}

#[tokio::test]
async fn rule_7_a_retry_that_fails_keeps_an_error_for_another_day_and_what_is_put_right_is_shown_for_one() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=3 {
        world.write(bad(id)).await.unwrap();
    }
    in_error(&world, 3).await;
    clock.advance(20 * HOUR);
    let retry = |names: Vec<i64>, correction: Option<Record>| {
        let names = names.iter().map(|sequence| format!("tableMaps/orders/queuedRecords/{sequence}")).collect();
        RetryCatchUpErrorsRequest { parent: name("orders"), names, correction, ..Default::default() }
    };
    world.queue().retry_catch_up_errors(retry(vec![2], None)).await.unwrap();
    let right = record([("amount", int(5))]);
    world.queue().retry_catch_up_errors(retry(vec![3], Some(right))).await.unwrap();
    eventually("both were tried", || async {
        let (second, third) = (get(&world, 2).await.unwrap(), get(&world, 3).await.unwrap());
        (second.retry_status(), third.retry_status()) == (RetryStatus::Failed, RetryStatus::Completed)
    })
    .await;
    let seconds = |record: QueuedRecord| record.purge_time.unwrap().seconds - record.fail_time.unwrap().seconds;
    assert_eq!(seconds(get(&world, 1).await.unwrap()), 24 * 3_600);
    assert_eq!(seconds(get(&world, 2).await.unwrap()), 44 * 3_600);
    assert_eq!(seconds(get(&world, 3).await.unwrap()), 44 * 3_600);

    clock.advance(5 * HOUR);
    in_error(&world, 1).await;
    assert!(get(&world, 1).await.is_err());
    assert_eq!(get(&world, 3).await.unwrap().state(), QueuedRecordState::Completed);
    clock.advance(20 * HOUR);
    in_error(&world, 0).await;
    eventually("what was put right is shown no more", || async { get(&world, 3).await.is_err() }).await;
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.purged), (3, 1, 2));
}

#[tokio::test]
async fn rule_7_a_retention_of_zero_keeps_errors_without_end() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    let endless = Some(prost_types::Duration::default());
    world.running_map("orders", TableMap { error_retention: endless, ..asynchronous(orders_map()) }).await;
    world.write(bad(1)).await.unwrap();
    in_error(&world, 1).await;
    assert_eq!(get(&world, 1).await.unwrap().purge_time, None);
    clock.advance(1_000 * HOUR);
    world.write(bad(2)).await.unwrap();
    in_error(&world, 2).await;
    tokio::time::sleep(Duration::from_secs(3)).await; // it looks every second
    assert_eq!(world.figures("orders").await.in_error, 2);
    assert_eq!(told(&world, ActivityKind::PurgeSoon).await, []);
}

#[tokio::test]
async fn rule_7_failed_rows_of_an_initial_sync_are_purged_as_well() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    sql::execute(
        &world.left.url(),
        "PRAGMA ignore_check_constraints = 1; INSERT INTO orders (id, amount) VALUES (1, 1), (2, -1), (3, -3)",
    )
    .await
    .unwrap();
    let map = TableMap { master: Side::Left.into(), ..asynchronous(orders_map()) };
    world.create_map("orders", map).await.unwrap();
    world.run("orders").await.unwrap();
    let rows = || async {
        let parent = "tableMaps/orders/executions/1".to_owned();
        let request = ListExecutionErrorsRequest { parent, ..Default::default() };
        world.sync().list_execution_errors(request).await.unwrap().into_inner()
    };
    eventually("two rows failed", || async { rows().await.errors.len() == 2 }).await;
    let kept = rows().await;
    assert_eq!(kept.total_size, Some(2));
    let row = &kept.errors[0];
    assert_eq!(row.purge_time.unwrap().seconds - row.fail_time.unwrap().seconds, 24 * 3_600);
    clock.advance(23 * HOUR + MINUTE);
    eventually("it warns", || async { told(&world, ActivityKind::PurgeSoon).await.len() == 1 }).await;
    clock.advance(HOUR);
    eventually("they are gone", || async { rows().await.total_size == Some(0) }).await;
    assert_eq!(rows().await.errors, []);
    eventually("the log counts them", || async { told(&world, ActivityKind::Purged).await.len() == 1 }).await;
    assert_eq!(told(&world, ActivityKind::Purged).await[0].counts["rows"], 2);
    assert_eq!(world.state("orders").await, TableMapState::Initializing, "whoever decides still has to");
}

#[tokio::test]
async fn rule_4_a_change_id_is_remembered_for_a_day() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    world.running_map("orders", orders_map()).await;
    let write = |status: &str| WriteRecordRequest { change_id: "c-1".to_owned(), ..order(1, status) };
    assert_eq!(world.written(write("new")).await, told_applied());
    clock.advance(23 * HOUR);
    assert_eq!(world.written(write("new")).await, told_applied(), "a repeat is answered and not written");
    eventually("one is counted", || async { world.figures("orders").await.applied == 1 }).await;
    assert_eq!(reason(&world.write(write("other")).await.unwrap_err()), "CHANGE_ID_REUSED");
    clock.advance(2 * HOUR);
    assert_eq!(world.written(write("other")).await, told_applied(), "a day later it is another change");
    eventually("it is counted", || async { world.figures("orders").await.applied == 2 }).await;
}

fn told_applied() -> (Disposition, String) {
    crate::support::world::told(Applied, "")
}

#[tokio::test]
async fn rule_6_a_pause_of_a_day_is_the_limit() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    clock.advance(19 * HOUR);
    assert_eq!(world.write(order(1, "new")).await.unwrap().disposition(), Queued);
    assert_eq!(told(&world, ActivityKind::LimitNear).await.len(), 0);
    let until = world.stats("orders").await.time_until_limit.unwrap().seconds;
    assert_eq!(until, 5 * 3_600);
    clock.advance(HOUR);
    assert_eq!(world.write(order(2, "new")).await.unwrap().disposition(), Queued);
    eventually("it warns at 80 %", || async { told(&world, ActivityKind::LimitNear).await.len() == 1 }).await;
    clock.advance(4 * HOUR);
    let refused = world.write(order(3, "new")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "QUEUE_TIME_LIMIT"));
    assert_eq!(world.stats("orders").await.time_until_limit.unwrap().seconds, 0);
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    assert_eq!(world.figures("orders").await.applied, 2, "nothing was dropped");
    assert_eq!(world.write(order(3, "new")).await.unwrap().disposition(), Queued);
}
