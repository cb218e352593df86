//! Rule 6: limits block, they do not drop. A queue that is full refuses, says so beforehand, and takes changes again.

#[path = "outages/pair.rs"]
mod pair;
mod support;

use pair::{ORDERS, PATIENT, Pair, assert_in_order, execute, keep_history, order, put, rows, to_the_right};
use std::time::Duration;
use support::databases::Postgres;
use support::world::*;
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::*;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use TableMapState::{Paused, Resuming, Running};

const MAX_BYTES: i64 = 40_000;

/// About a fiftieth of the limit, all of one key, so that each is written by itself.
fn long_note(amount: i64) -> WriteRecordRequest {
    let note = text(&"x".repeat(750));
    order(record([("id", int(1)), ("note", note), ("amount", int(amount))]))
}

fn assert_exhausted(refusal: &Status, expected: &str) {
    assert_eq!((refusal.code(), reason(refusal).as_str()), (Code::ResourceExhausted, expected), "{refusal:?}");
}

#[tokio::test]
async fn rule_6_a_full_queue_warns_refuses_and_takes_changes_again() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    execute(&left, ORDERS).await;
    execute(&right, &ORDERS.replace("VARCHAR(200)", "VARCHAR(2000)")).await;
    execute(&left, "ALTER TABLE orders ALTER note TYPE VARCHAR(2000)").await;
    keep_history(&right, 50.0).await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    let limits = Some(QueueLimits { max_bytes: MAX_BYTES, ..Default::default() });
    pair.running_map("orders", TableMap { queue_limits: limits, ..to_the_right() }).await;
    pair.pause("orders").await.unwrap();

    let mut accepted = 0;
    let refusal = loop {
        let before = pair.stats("orders").await;
        match pair.write(long_note(accepted + 1)).await {
            Ok(answer) => assert_eq!(answer.disposition(), Queued),
            Err(refusal) => break refusal,
        }
        assert!(before.bytes < MAX_BYTES, "{} bytes were queued and more was taken", before.bytes);
        assert!((before.bytes_ratio - before.bytes as f64 / MAX_BYTES as f64).abs() < 0.001);
        accepted += 1;
        let near = pair.conditions().await.contains(&ConditionType::QueueNearLimit);
        assert_eq!(near, pair.stats("orders").await.bytes_ratio >= 0.8, "the condition says how it is");
    };
    assert_exhausted(&refusal, "QUEUE_BYTES_LIMIT");
    let metadata = refusal.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["bytes_max"], MAX_BYTES.to_string());
    assert!((40..60).contains(&accepted), "{accepted} changes of about 800 bytes fitted");
    assert_exhausted(&pair.write(long_note(999)).await.unwrap_err(), "QUEUE_BYTES_LIMIT");
    let near = pair.event(ActivityKind::LimitNear).await;
    let reached = pair.event(ActivityKind::LimitReached).await;
    assert!(near.sequence < reached.sequence);
    for kind in [ActivityKind::LimitNear, ActivityKind::LimitReached] {
        let told = pair.events("orders").await.iter().filter(|event| event.kind() == kind).count();
        assert_eq!(told, 1, "{kind:?} is told once, not for every change");
    }

    // Drained bit by bit: refused down to 95 %, taken again below.
    let (mut refused, mut taken) = (0, 0);
    while taken == 0 {
        let before = pair.figures("orders").await.applied;
        assert_eq!(pair.resume("orders", ResumeOption::CatchUp).await.unwrap(), Resuming);
        eventually("one is written", || async { pair.figures("orders").await.applied > before }).await;
        assert_eq!(pair.pause("orders").await.unwrap(), Paused);
        let ratio = pair.stats("orders").await.bytes_ratio;
        match pair.write(long_note(accepted + 1)).await {
            Ok(_) => {
                assert!(ratio < 0.95, "rule 6: taken again at {ratio}");
                (taken, accepted) = (taken + 1, accepted + 1);
            }
            Err(refusal) => {
                assert!(ratio >= 0.95, "rule 6: still refused at {ratio}");
                assert_exhausted(&refusal, "QUEUE_BYTES_LIMIT");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "it did not flutter at the limit");
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    pair.wait_for_state("orders", Running).await;
    let expected = format!("1 | - | {} | {accepted}", "x".repeat(750));
    assert_eq!(rows(&right).await, [expected], "the last that was taken");
    assert_in_order(&right).await;
    pair.assert_all_applied(accepted).await;
}

#[tokio::test]
async fn rule_6_a_pause_that_takes_too_long_refuses_until_it_ends() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    let pair = Pair::start(&left, &right).await;
    let max_pause = Some(Duration::from_secs(3).try_into().unwrap());
    let limits = Some(QueueLimits { max_pause, ..Default::default() });
    pair.running_map("orders", TableMap { queue_limits: limits, ..to_the_right() }).await;
    pair.pause("orders").await.unwrap();
    let mut accepted = 0;
    let refusal = loop {
        let id = accepted + 1;
        match pair.write(order(record([("id", int(id)), ("amount", int(1))]))).await {
            Ok(answer) => assert_eq!(answer.disposition(), Queued),
            Err(refusal) => break refusal,
        }
        accepted += 1;
        tokio::time::sleep(Duration::from_millis(50)).await; // the pace of the callers
    };
    assert_exhausted(&refusal, "QUEUE_TIME_LIMIT");
    assert!(accepted > 5, "it took changes for three seconds, {accepted} of them");
    let near = pair.event(ActivityKind::LimitNear).await;
    assert!(near.sequence < pair.event(ActivityKind::LimitReached).await.sequence);
    assert!(pair.stats("orders").await.pause_ratio >= 1.0);
    assert!(pair.conditions().await.contains(&ConditionType::QueueNearLimit));

    assert_eq!(pair.resume("orders", ResumeOption::CatchUp).await.unwrap(), Resuming);
    pair.wait_for_state("orders", Running).await;
    assert_eq!(pair.write(order(record([("id", int(0)), ("amount", int(1))]))).await.unwrap().disposition(), Queued);
    eventually("all is written", || async { pair.figures("orders").await.queued == 0 }).await;
    put(&left, 0..=accepted, 1).await;
    let keys =
        |rows: Vec<String>| rows.into_iter().map(|row| row.split(' ').next().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(keys(rows(&right).await), keys(rows(&left).await), "nothing was dropped");
    pair.assert_all_applied(accepted + 1).await;
}
