//! Errors by cause: what an operator looks at first, and picks by.

use crate::support::databases::sql;
use crate::support::world::*;
use tandem::services::proto::*;
use tonic::Code;

async fn groups(world: &World, request: ListErrorGroupsRequest) -> ListErrorGroupsResponse {
    let request = ListErrorGroupsRequest { parent: name("orders"), ..request };
    world.queue().list_error_groups(request).await.unwrap().into_inner()
}

/// Of 30 orders each third is refused for its amount, each fifth for its status; the first cause counts.
async fn with_errors() -> World {
    let world = World::start().await;
    let no_status = "CREATE TRIGGER no_status BEFORE INSERT ON orders WHEN NEW.status = 'no' \
                     BEGIN SELECT RAISE(ABORT, 'no such status'); END";
    sql::execute(&world.right.url(), no_status).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=30 {
        let amount = if id % 3 == 0 { -id } else { id };
        let status = if id % 5 == 0 && id % 3 != 0 { "no" } else { "yes" };
        world
            .write(change("orders", record([("id", int(id)), ("amount", int(amount)), ("status", text(status))])))
            .await
            .unwrap();
    }
    eventually("14 are in error", || async {
        let figures = world.figures("orders").await;
        (figures.in_error, figures.queued) == (14, 0)
    })
    .await;
    world
}

#[tokio::test]
async fn errors_are_grouped_by_cause_and_a_groups_filter_picks_them() {
    let world = with_errors().await;
    let listed = groups(&world, ListErrorGroupsRequest::default()).await;
    let counts: Vec<_> = listed.error_groups.iter().map(|group| (group.count, group.origin())).collect();
    assert_eq!(counts, [(10, ErrorOrigin::CatchUp), (4, ErrorOrigin::CatchUp)], "the largest first");
    assert_eq!((listed.total_size, listed.next_page_token.as_str()), (Some(2), ""));
    let of_amount = &listed.error_groups[0];
    assert_eq!((of_amount.direction(), of_amount.error_type()), (Direction::LeftToRight, ErrorType::Application));
    let example = of_amount.example.clone().unwrap();
    assert_eq!(example.integration_key, Some(record([("id", int(30))])), "the last that failed");
    assert!(example.message.contains("CHECK"), "{example:?}");
    assert!(of_amount.first_fail_time.unwrap().seconds <= of_amount.last_fail_time.unwrap().seconds);
    let other = listed.error_groups[1].example.clone().unwrap();
    assert!(other.message.contains("no such status"), "{other:?}");

    let request =
        ListCatchUpErrorsRequest { parent: name("orders"), filter: of_amount.filter.clone(), ..Default::default() };
    let picked = world.queue().list_catch_up_errors(request).await.unwrap().into_inner().errors;
    assert!(picked.len() == 10 && picked.iter().all(|error| error.sequence % 3 == 0), "{picked:?}");

    // Also by what single errors have: here the key of one.
    let of_one = RecordFilter { integration_key: Some(record([("id", int(10))])), ..Default::default() };
    let one = groups(&world, ListErrorGroupsRequest { filter: Some(of_one.clone()), ..Default::default() }).await;
    let counts: Vec<_> = one.error_groups.iter().map(|group| (group.count, group.code.clone())).collect();
    assert_eq!(counts, [(1, listed.error_groups[1].code.clone())]);
    let request = ListCatchUpErrorsRequest { parent: name("orders"), filter: Some(of_one), ..Default::default() };
    let found = world.queue().list_catch_up_errors(request).await.unwrap().into_inner();
    assert_eq!(found.errors.iter().map(|error| error.sequence).collect::<Vec<_>>(), [10]);
    assert_eq!(found.next_page_token, "", "it was found at once");

    // A group is put right: its filter with a correction on the way.
    let correction = Some(record([("amount", int(1))]));
    let retry = RetryCatchUpErrorsRequest {
        parent: name("orders"),
        filter: of_amount.filter.clone(),
        correction,
        ..Default::default()
    };
    let job = world.queue().retry_catch_up_errors(retry).await.unwrap().into_inner();
    assert_eq!(job.total, 10);
    eventually("they are written", || async { world.figures("orders").await.applied == 26 }).await;
    let left = groups(&world, ListErrorGroupsRequest::default()).await;
    assert_eq!(left.error_groups.iter().map(|group| group.count).collect::<Vec<_>>(), [4]);

    // Kept aside: a group of its own, without an error.
    world.pause("orders").await.unwrap();
    for id in 41..=45 {
        world.write(order(id, "yes")).await.unwrap();
    }
    world.resume("orders", ResumeOption::SkipAndKeep).await.unwrap();
    eventually("they were moved", || async {
        groups(&world, ListErrorGroupsRequest::default()).await.total_size == Some(2)
    })
    .await;
    let aside = groups(&world, ListErrorGroupsRequest::default()).await.error_groups.remove(0);
    assert_eq!((aside.count, aside.error_type()), (5, ErrorType::Unspecified));
    let example = aside.example.unwrap();
    assert_eq!((example.r#type(), example.message.as_str()), (ErrorType::Unspecified, ""));
    assert!(example.integration_key.is_some());
    let confirm_count = aside.count;
    let delete = DeleteQueuedRecordsRequest {
        parent: name("orders"),
        filter: aside.filter,
        confirm_count,
        ..Default::default()
    };
    assert_eq!(world.queue().delete_queued_records(delete).await.unwrap().into_inner().total, 5);
}

#[tokio::test]
async fn pages_of_one_list_of_groups_fit_each_other() {
    let world = with_errors().await;
    let page = |page_token: String| groups_page(&world, page_token);
    let first = page(String::new()).await.unwrap();
    assert_eq!((first.error_groups[0].count, first.total_size), (10, Some(2)));
    // What happens meanwhile changes nothing about the list.
    for id in 51..=60 {
        let bad = change("orders", record([("id", int(id)), ("status", text("no"))]));
        world.write(bad).await.unwrap();
    }
    eventually("more are in error", || async { world.figures("orders").await.in_error == 24 }).await;
    let second = page(first.next_page_token.clone()).await.unwrap();
    assert_eq!((second.error_groups[0].count, second.next_page_token.as_str()), (4, ""));
    assert_eq!(page(String::new()).await.unwrap().error_groups[0].count, 14, "another list");
    let wrong = page(format!("{}0", first.next_page_token)).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
}

async fn groups_page(world: &World, page_token: String) -> Result<ListErrorGroupsResponse, tonic::Status> {
    let request = ListErrorGroupsRequest { parent: name("orders"), page_size: 1, page_token, ..Default::default() };
    world.queue().list_error_groups(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn failed_rows_of_the_latest_initial_sync_are_grouped_too() {
    let world = World::start().await;
    let rows = "PRAGMA ignore_check_constraints = 1; INSERT INTO orders (id, amount) VALUES (1, 1), (2, -1), (3, -3)";
    sql::execute(&world.left.url(), rows).await.unwrap();
    world.create_map("orders", TableMap { master: Side::Left.into(), ..asynchronous(orders_map()) }).await.unwrap();
    world.run("orders").await.unwrap();
    let of_sync =
        || groups(&world, ListErrorGroupsRequest { origin: ErrorOrigin::InitialSync.into(), ..Default::default() });
    eventually("two rows failed", || async {
        of_sync().await.error_groups.iter().map(|group| group.count).sum::<i64>() == 2
    })
    .await;
    let group = of_sync().await.error_groups.remove(0);
    assert_eq!((group.origin(), group.execution.as_str()), (ErrorOrigin::InitialSync, "tableMaps/orders/executions/1"));
    let none =
        groups(&world, ListErrorGroupsRequest { origin: ErrorOrigin::CatchUp.into(), ..Default::default() }).await;
    assert_eq!(none.error_groups, []);
    eventually("it waits for a decision", || async { world.map("orders").await.conditions.len() == 1 }).await;
    let correction = Some(record([("amount", int(3))]));
    let retry =
        RetryExecutionErrorsRequest { parent: group.execution, filter: group.filter, correction, ..Default::default() };
    assert_eq!(world.sync().retry_execution_errors(retry).await.unwrap().into_inner().total, 2);
    world.wait_for_state("orders", TableMapState::Running).await;
    assert_eq!(of_sync().await.error_groups, []);
    assert_eq!(world.right_has(2, "amount").await.as_deref(), Some("3"));
}
