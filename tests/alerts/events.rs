//! What was raised: listed, followed, and taken note of.

use crate::given::*;
use crate::support::world::*;
use tandem::services::proto::watch_alert_events_request::Start;
use tandem::services::proto::*;
use tonic::Code;

#[tokio::test]
async fn alerts_are_followed_from_any_sequence_through_a_kill() {
    let mut world = World::start().await;
    world.create_alert("each", setting(1, AlertAction::Pause)).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    let raise = async |world: &World, id: i64| {
        world.bad_order(id).await.unwrap();
        world.wait_for_state("orders", TableMapState::Paused).await;
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
        world.wait_for_state("orders", TableMapState::Running).await;
    };
    let watch = |start| WatchAlertEventsRequest { start: Some(start), ..Default::default() };
    let mut now = world.alerts().watch_alert_events(watch(Start::FromNow(true))).await.unwrap().into_inner();
    for id in 1..=3 {
        raise(&world, id).await;
    }
    for sequence in 1..=3 {
        assert_eq!(next_alert(&mut now).await.sequence, sequence);
    }
    world.server.restart().await;
    raise(&world, 4).await;
    let request = watch(Start::StartSequence(3));
    let mut from_third = world.alerts().watch_alert_events(request).await.unwrap().into_inner();
    let seen = [next_alert(&mut from_third).await, next_alert(&mut from_third).await];
    assert_eq!(seen.map(|alert| alert.sequence), [3, 4]);
    let heartbeat = from_third.message().await.unwrap().unwrap().item;
    let Some(watch_alert_events_response::Item::Heartbeat(heartbeat)) = heartbeat else { panic!("{heartbeat:?}") };
    assert_eq!(heartbeat.latest_sequence, 4);
    let too_far = world.alerts().watch_alert_events(watch(Start::StartSequence(6))).await.unwrap_err();
    assert_eq!((too_far.code(), reason(&too_far).as_str()), (Code::OutOfRange, "LOG_NOT_REACHED"));
    let of_another =
        WatchAlertEventsRequest { alert_settings: vec![alert_name("another")], ..watch(Start::StartSequence(1)) };
    let mut nothing = world.alerts().watch_alert_events(of_another).await.unwrap().into_inner();
    let first = nothing.message().await.unwrap().unwrap().item;
    assert!(matches!(first, Some(watch_alert_events_response::Item::Heartbeat(_))), "{first:?}");
}

#[tokio::test]
async fn alerts_are_listed_and_taken_note_of() {
    let world = World::start().await;
    world.create_alert("each", setting(1, AlertAction::None)).await.unwrap();
    world.create_alert("two", setting(2, AlertAction::None)).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=2 {
        world.bad_order(id).await.unwrap();
    }
    eventually("both fire", || async { world.raised().await.len() == 2 }).await;
    let list = |request: ListAlertEventsRequest| {
        let mut alerts = world.alerts();
        async move {
            let listed = alerts.list_alert_events(request).await.unwrap().into_inner();
            (listed.alert_events.into_iter().map(|alert| alert.sequence).collect::<Vec<_>>(), listed.next_page_token)
        }
    };
    let first = ListAlertEventsRequest { page_size: 1, ..Default::default() };
    let (page, token) = list(first.clone()).await;
    assert_eq!(page, [2], "newest first");
    let (page, token) = list(ListAlertEventsRequest { page_token: token, ..first }).await;
    assert_eq!((page, token.as_str()), (vec![1], ""));
    let of_two = ListAlertEventsRequest { alert_setting: alert_name("two"), ..Default::default() };
    assert_eq!(list(of_two).await.0, [2]);
    let of_nothing = ListAlertEventsRequest { table_map: name("parts"), ..Default::default() };
    assert!(list(of_nothing).await.0.is_empty());

    let acknowledge = |note: &str| AcknowledgeAlertEventRequest { name: "alertEvents/1".into(), note: note.into() };
    let taken = as_actor("ada", acknowledge("the importer again"));
    let taken = world.alerts().acknowledge_alert_event(taken).await.unwrap().into_inner();
    assert_eq!((taken.acknowledge_actor.as_str(), taken.acknowledge_note.as_str()), ("ada", "the importer again"));
    let again = world.alerts().acknowledge_alert_event(as_actor("grace", acknowledge("mine"))).await.unwrap();
    assert_eq!(again.into_inner(), taken, "the first one stays");
    let open = ListAlertEventsRequest { unacknowledged: true, ..Default::default() };
    assert_eq!(list(open).await.0, [2]);
    let get = GetAlertEventRequest { name: "alertEvents/1".into() };
    assert_eq!(world.alerts().get_alert_event(get).await.unwrap().into_inner(), taken);
    let missing = GetAlertEventRequest { name: "alertEvents/7".into() };
    assert_eq!(world.alerts().get_alert_event(missing).await.unwrap_err().code(), Code::NotFound);
}
