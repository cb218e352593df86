//! Windows: they slide exactly, fire once, are armed again, and survive a restart.

use crate::given::*;
use crate::support::server::TestClock;
use crate::support::world::*;
use std::time::Duration;
use tandem::services::proto::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_window_slides_fires_once_and_is_armed_again_when_it_has_emptied() {
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    let threshold = Some(AlertThreshold { count: 3, window: seconds(60) });
    world.create_alert("three", AlertSetting { threshold, ..setting(3, AlertAction::None) }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    let mut id = 0;
    let mut refused = async |seconds: u64| {
        clock.advance(Duration::from_secs(seconds));
        id += 1;
        world.bad_order(id).await.unwrap();
        eventually("it is refused", || async { world.figures("orders").await.in_error == id }).await;
    };
    // Never three within a minute.
    for _ in 0..6 {
        refused(30).await;
    }
    a_while().await;
    assert!(world.raised().await.is_empty());
    refused(20).await;
    eventually("it fires", || async { world.raised().await.len() == 1 }).await;
    let alert = world.raised().await.remove(0);
    assert_eq!(alert.error_counts.iter().map(|count| count.count).sum::<i64>(), 3);
    assert_eq!(alert.last_errors.len(), 7);
    assert!(alert.rearm_time.is_none());
    for _ in 0..5 {
        refused(1).await;
    }
    a_while().await;
    assert_eq!(world.raised().await.len(), 1, "once, as long as the window is full");
    clock.advance(Duration::from_secs(60));
    eventually("it is armed again", || async { world.raised().await[0].rearm_time.is_some() }).await;
    for _ in 0..3 {
        refused(1).await;
    }
    eventually("it fires again", || async { world.raised().await.len() == 2 }).await;
}

#[tokio::test]
async fn a_window_survives_a_kill_and_types_that_do_not_count_are_passed_over() {
    let mut world = World::start().await;
    let network = AlertSetting { error_types: vec![ErrorType::Network.into()], ..setting(1, AlertAction::None) };
    world.create_alert("network", network).await.unwrap();
    let application =
        AlertSetting { error_types: vec![ErrorType::Application.into()], ..setting(5, AlertAction::None) };
    world.create_alert("five", application).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=4 {
        world.bad_order(id).await.unwrap();
    }
    eventually("they are refused", || async { world.figures("orders").await.in_error == 4 }).await;
    world.server.restart().await;
    eventually("the map works", || async { world.state("orders").await == TableMapState::Running }).await;
    a_while().await;
    assert!(world.raised().await.is_empty());
    world.bad_order(5).await.unwrap();
    eventually("it fires", || async { world.raised().await.len() == 1 }).await;
    let alert = world.raised().await.remove(0);
    assert_eq!((alert.alert_setting.as_str(), alert.error_counts[0].count), ("alertSettings/five", 5));
    assert_eq!(alert.error_counts[0].error_type(), ErrorType::Application);
    world.server.restart().await;
    a_while().await;
    assert_eq!(world.raised().await, [alert], "a restart does not fire it again");
}

/// A resume arms it again, with an empty window.
#[tokio::test]
async fn a_resume_begins_with_an_empty_window() {
    let world = World::start().await;
    world.create_alert("two", setting(2, AlertAction::Pause)).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for round in 1..=3 {
        for id in 0..2 {
            world.bad_order(round * 10 + id).await.unwrap();
        }
        world.wait_for_state("orders", TableMapState::Paused).await;
        let raised = world.raised().await;
        assert_eq!(raised.len(), usize::try_from(round).unwrap());
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
        world.wait_for_state("orders", TableMapState::Running).await;
        assert!(world.raised().await.last().unwrap().rearm_time.is_some());
        assert!(world.raised().await.iter().map(|alert| alert.sequence).eq(1..=round));
    }
}
