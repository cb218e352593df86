//! The activity log: its pages, and following it without a gap.

mod support;

use support::world::*;
use tandem::services::proto::tail_activity_request::Start;
use tandem::services::proto::tail_activity_response::Item;
use tandem::services::proto::*;
use tonic::Code;
use tonic_types::StatusExt;

async fn tail(
    world: &World,
    parent: &str,
    start: Option<Start>,
) -> Result<tonic::Streaming<TailActivityResponse>, tonic::Status> {
    let request = TailActivityRequest { parent: parent.to_owned(), start, filter: None };
    world.maps().tail_activity(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_tail_goes_on_where_the_last_one_ended_also_through_a_crash() {
    let mut world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let mut following = tail(&world, "tableMaps/orders", None).await.unwrap();
    let mut seen = vec![next_event(&mut following).await.sequence];
    world.pause("orders").await.unwrap();
    seen.push(next_event(&mut following).await.sequence);
    drop(following);
    world.server.restart().await;
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    let from = Some(Start::StartSequence(seen.last().unwrap() + 1));
    let mut following = tail(&world, "tableMaps/orders", from).await.unwrap();
    let last = world.events("orders").await.last().unwrap().sequence;
    while seen.last() != Some(&last) {
        seen.push(next_event(&mut following).await.sequence);
    }
    assert_eq!(seen, (1..=last).collect::<Vec<i64>>(), "no gap, and none twice");
}

#[tokio::test]
async fn a_tail_says_at_once_where_the_log_ends() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    let mut following = tail(&world, "tableMaps/-", Some(Start::FromNow(true))).await.unwrap();
    let first = following.message().await.unwrap().unwrap().item.unwrap();
    let Item::Heartbeat(heartbeat) = first else { panic!("{first:?}") };
    assert_eq!((heartbeat.latest_sequence, heartbeat.latest_position), (0, 1));
    world.run_live("orders").await.unwrap();
    let event = next_event(&mut following).await;
    assert_eq!((event.kind(), event.position), (ActivityKind::Run, 2));

    let mut of_one = tail(&world, "tableMaps/orders", Some(Start::StartSequence(3))).await.unwrap();
    let first = of_one.message().await.unwrap().unwrap().item.unwrap();
    let Item::Heartbeat(heartbeat) = first else { panic!("{first:?}") };
    assert_eq!(heartbeat.latest_sequence, 2, "one past the newest waits for the next");
}

#[tokio::test]
async fn a_start_that_is_none_is_refused() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    let too_far = tail(&world, "tableMaps/orders", Some(Start::StartSequence(3))).await.unwrap_err();
    assert_eq!((too_far.code(), reason(&too_far).as_str()), (Code::OutOfRange, "LOG_NOT_REACHED"));
    assert_eq!(too_far.get_details_error_info().unwrap().metadata["latest_sequence"], "1");
    let of_all = tail(&world, "tableMaps/-", Some(Start::StartPosition(9))).await.unwrap_err();
    assert_eq!(of_all.get_details_error_info().unwrap().metadata["latest_position"], "1");
    for (parent, start) in [
        ("tableMaps/-", Start::StartSequence(1)),
        ("tableMaps/orders", Start::StartPosition(1)),
        ("tableMaps/orders", Start::StartSequence(-1)),
        ("orders", Start::FromNow(true)),
    ] {
        assert_eq!(tail(&world, parent, Some(start)).await.unwrap_err().code(), Code::InvalidArgument, "{parent}");
    }
    let unknown = tail(&world, "tableMaps/nothing", None).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

#[tokio::test]
async fn the_log_is_listed_from_either_end_and_filtered() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    for _ in 0..5 {
        world.pause("orders").await.unwrap();
        world.resume("orders", ResumeOption::SkipAndKeep).await.unwrap();
    }
    let all: Vec<i64> = world.events("orders").await.iter().map(|event| event.sequence).collect();
    assert_eq!(all, (1..=12).collect::<Vec<i64>>());
    for (parent, order_by) in [
        ("tableMaps/orders", ""),
        ("tableMaps/orders", "time desc"),
        ("tableMaps/-", "time"),
        ("tableMaps/-", "time desc"),
    ] {
        let mut request = ListActivityRequest {
            parent: parent.to_owned(),
            page_size: 5,
            order_by: order_by.to_owned(),
            ..Default::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = world.maps().list_activity(request.clone()).await.unwrap().into_inner();
            seen.extend(page.events.iter().map(|event| event.sequence));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let expected: Vec<i64> = if order_by.ends_with("desc") { (1..=12).rev().collect() } else { (1..=12).collect() };
        assert_eq!(seen, expected, "{parent} by {order_by:?}");
    }
    let runs = ActivityFilter { kinds: vec![ActivityKind::Run.into()], severities: vec![Severity::Info.into()] };
    let request = ListActivityRequest { parent: name("orders"), filter: Some(runs.clone()), ..Default::default() };
    let listed = world.maps().list_activity(request).await.unwrap().into_inner();
    assert_eq!(listed.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2]);
    assert_eq!((listed.oldest_sequence, listed.oldest_position), (1, 1));

    let request = TailActivityRequest { parent: name("orders"), start: None, filter: Some(runs) };
    let mut following = world.maps().tail_activity(request).await.unwrap().into_inner();
    let first = following.message().await.unwrap().unwrap().item.unwrap();
    assert!(matches!(first, Item::Event(event) if event.sequence == 2));
    let second = following.message().await.unwrap().unwrap().item.unwrap();
    let Item::Heartbeat(heartbeat) = second else { panic!("{second:?}") };
    assert_eq!(heartbeat.latest_sequence, 12, "it tells how far the log was looked through");

    let wrong = ListActivityRequest {
        parent: "nothing".to_owned(),
        order_by: "kind".to_owned(),
        filter: Some(ActivityFilter { kinds: vec![0, 99], severities: vec![9] }),
        ..Default::default()
    };
    let refused = world.maps().list_activity(wrong).await.unwrap_err();
    let expected = ["parent", "filter.kinds[0]", "filter.kinds[1]", "filter.severities[0]", "order_by"];
    assert_eq!(fields(&refused), expected);
}

#[tokio::test]
async fn a_deleted_map_keeps_its_log_and_a_tail_of_it_goes_on() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    let mut following = tail(&world, "tableMaps/orders", None).await.unwrap();
    assert_eq!(next_event(&mut following).await.kind(), ActivityKind::Created);
    world.maps().delete_table_map(DeleteTableMapRequest { name: name("orders"), ..Default::default() }).await.unwrap();
    let deleted = next_event(&mut following).await;
    assert_eq!((deleted.kind(), deleted.state_after()), (ActivityKind::Deleted, TableMapState::Unspecified));
    world.create_map("orders", orders_map()).await.unwrap();
    assert_eq!(next_event(&mut following).await.sequence, 3);
}
