//! What alerts cost where records fail: how fast a queue of records drains that are all refused, with settings in effect that count every
//! error, against none. Rounds of both take turns in the same run; ratios travel between machines, numbers do not.
//!
//! `cargo bench --bench alerts` fails where the limit is passed.

#[path = "../tests/support/mod.rs"]
mod support;

use futures::{StreamExt, stream};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::world::{World, asynchronous, change, int, name, orders_map, record};
use tandem::services::proto::*;

/// Records of one round, all of them refused.
const RECORDS: i64 = 20_000;
/// Each measures both, one after the other; what is told is the median.
const ROUNDS: usize = 9;
/// Settings in effect, each with a window that it fills and never fires from.
const SETTINGS: usize = 10;
/// Against the rate without any.
const RATIO_MIN: f64 = 0.95;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> ExitCode {
    let mut ratios = Vec::new();
    for number in 1..=ROUNDS {
        // The one that comes first changes, so that nothing that comes with time counts for one of them.
        let (with, without) = if number.is_multiple_of(2) {
            let with = refused(SETTINGS).await;
            (with, refused(0).await)
        } else {
            let without = refused(0).await;
            (refused(SETTINGS).await, without)
        };
        println!("round {number}: {with:.0} errors/s with {SETTINGS} settings, {without:.0} with none");
        ratios.push(with / without);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ROUNDS / 2];
    println!("errors with alerts that count them, against none {ratio:>8.2}     at least {RATIO_MIN}");
    if ratio >= RATIO_MIN { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The rate at which records become errors.
async fn refused(settings: usize) -> f64 {
    let world = World::start().await;
    for number in 0..settings {
        // Armed until the last one, so that every error is looked at.
        let window = Some(prost_types::Duration { seconds: 15 * 60, nanos: 0 });
        let setting = AlertSetting {
            threshold: Some(AlertThreshold { count: 10_000, window }),
            error_types: if number % 2 == 0 { vec![ErrorType::Application.into()] } else { Vec::new() },
            ..Default::default()
        };
        let request = CreateAlertSettingRequest {
            alert_setting_id: format!("setting-{number}"),
            alert_setting: Some(setting),
            ..Default::default()
        };
        world.alerts().create_alert_setting(request).await.unwrap();
    }
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    let changes = stream::iter(1..=RECORDS).map(|id| {
        let bad = record([("id", int(id)), ("amount", int(-1))]);
        let change = WriteRecordRequest { change_id: id.to_string(), ..change("orders", bad) };
        WriteRecordsRequest { change: Some(change) }
    });
    let mut answers = world.sync().write_records(changes).await.unwrap().into_inner();
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    let begin = Instant::now();
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    while world.stats("orders").await.figures[0].in_error < RECORDS {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let took = begin.elapsed();
    let listed = world.alerts().list_alert_events(ListAlertEventsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.alert_events.len(), settings, "each fired once for {}", name("orders"));
    RECORDS as f64 / took.as_secs_f64()
}
