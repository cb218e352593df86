//! Changes that cannot be written now: what pauses, outages, limits and stops make of them.

mod support;

use support::databases::sql;
use support::world::*;
use tandem::services::proto::*;
use tonic::Code;
use tonic_types::StatusExt;

use Disposition::Queued;
use TableMapState::{Paused, Resuming, Running};

#[tokio::test]
async fn rule_2_what_was_queued_arrives_in_order() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let trace = "CREATE TABLE trace (n INTEGER PRIMARY KEY, id INTEGER, status TEXT); \
                 CREATE TRIGGER i AFTER INSERT ON orders BEGIN \
                   INSERT INTO trace (id, status) VALUES (new.id, new.status); END; \
                 CREATE TRIGGER u AFTER UPDATE ON orders BEGIN \
                   INSERT INTO trace (id, status) VALUES (new.id, new.status); END";
    sql::execute(&world.right.url(), trace).await.unwrap();
    assert_eq!(world.pause("orders").await.unwrap(), Paused);
    for round in 0..5 {
        for id in 0..20 {
            assert_eq!(world.written(order(id, &format!("{round}"))).await, told(Queued, "MAP_PAUSED"));
        }
    }
    let stats = world.stats("orders").await;
    assert_eq!(stats.queued_count, 100);
    assert!(stats.bytes > 0 && stats.oldest_accept_time.is_some() && stats.queueing_since.is_some());
    let request = ListQueuedRecordsRequest {
        parent: name("orders"),
        page_size: 30,
        state: QueuedRecordState::Queued.into(),
        ..Default::default()
    };
    let mut listed = Vec::new();
    let mut next = request.clone();
    loop {
        let page = world.queue().list_queued_records(next.clone()).await.unwrap().into_inner();
        listed.extend(page.queued_records.iter().map(|record| record.sequence));
        if page.next_page_token.is_empty() {
            break;
        }
        next.page_token = page.next_page_token;
    }
    assert_eq!(listed, (1..=100).collect::<Vec<i64>>(), "each once, in the order of acceptance");
    let get = GetQueuedRecordRequest { name: "tableMaps/orders/queuedRecords/100".to_owned() };
    let last = world.queue().get_queued_record(get.clone()).await.unwrap().into_inner();
    assert_eq!(last.record, Some(record([("id", int(19)), ("status", text("4"))])));
    assert_eq!(last.integration_key, Some(record([("id", int(19))])));

    assert_eq!(world.resume("orders", ResumeOption::CatchUp).await.unwrap(), Resuming);
    world.wait_for_state("orders", Running).await;
    for id in 0..20 {
        let query = format!("SELECT status FROM trace WHERE id = {id} ORDER BY n");
        let seen = sql::ask::<String>(&world.right.url(), &query).await.unwrap();
        assert_eq!(seen, ["0", "1", "2", "3", "4"], "order {id}");
    }
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.queued), (100, 100, 0));
    assert_eq!(world.queue().get_queued_record(get).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn rule_8_an_outage_makes_no_errors() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let away = world.right.path().with_extension("away");
    std::fs::rename(world.right.path(), &away).unwrap();
    for id in 0..30 {
        assert_eq!(world.written(order(id, "new")).await, told(Queued, "ASYNCHRONOUS"));
    }
    eventually("the map says what it waits for", || async {
        let conditions = world.map("orders").await.conditions;
        conditions.iter().any(|condition| condition.r#type() == ConditionType::Waiting)
    })
    .await;
    let figures = world.figures("orders").await;
    assert_eq!((figures.queued, figures.in_error), (30, 0));
    assert_eq!(world.state("orders").await, Running);
    std::fs::rename(&away, world.right.path()).unwrap();
    eventually("everything goes on by itself", || async { world.figures("orders").await.applied == 30 }).await;
    let figures = world.figures("orders").await;
    assert_eq!((figures.queued, figures.in_error), (0, 0));
    assert!(world.map("orders").await.conditions.is_empty());
    eventually("the log tells of it", || async {
        let kinds: Vec<ActivityKind> = world.events("orders").await.iter().map(ActivityEvent::kind).collect();
        kinds.ends_with(&[ActivityKind::DestinationDown, ActivityKind::DestinationUp])
    })
    .await;
}

#[tokio::test]
async fn a_synchronous_write_tells_of_an_outage_and_when_to_come_again() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let away = world.right.path().with_extension("away");
    std::fs::rename(world.right.path(), &away).unwrap();
    let refused = world.write(order(7, "new")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(reason(&refused).starts_with("APPLICATION_"), "{refused:?}");
    assert!(refused.get_details_retry_info().is_some());
    std::fs::rename(&away, world.right.path()).unwrap();
    eventually("it is taken again", || async { world.write(order(7, "new")).await.is_ok() }).await;
}

#[tokio::test]
async fn rule_6_a_full_queue_refuses_and_drops_nothing() {
    let world = World::start().await;
    let limits = QueueLimits { max_bytes: 2_000, ..Default::default() };
    world.running_map("orders", TableMap { queue_limits: Some(limits), ..orders_map() }).await;
    world.pause("orders").await.unwrap();
    let mut taken = 0;
    let refused = loop {
        match world.write(order(taken, &"x".repeat(100))).await {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
        assert!(taken < 100, "no limit is kept");
    };
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "QUEUE_BYTES_LIMIT"));
    let metadata = refused.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["bytes_max"], "2000");
    let stats = world.stats("orders").await;
    assert!(stats.bytes_ratio >= 1.0 && stats.queued_count == taken, "{stats:?}");
    let conditions = world.map("orders").await.conditions;
    assert!(conditions.iter().any(|condition| condition.r#type() == ConditionType::QueueNearLimit), "{conditions:?}");
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    assert_eq!(world.figures("orders").await.applied, taken);
    let kinds: Vec<ActivityKind> = world.events("orders").await.iter().map(ActivityEvent::kind).collect();
    let limits = kinds.iter().filter(|kind| matches!(kind, ActivityKind::LimitNear | ActivityKind::LimitReached));
    assert_eq!(limits.count(), 2, "each is told once: {kinds:?}");
}

#[tokio::test]
async fn what_is_skipped_by_a_resume_is_kept_or_discarded_as_asked() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    for (option, expected) in [(ResumeOption::SkipAndKeep, (3, 0)), (ResumeOption::SkipAndDiscard, (3, 3))] {
        world.pause("orders").await.unwrap();
        for id in 0..3 {
            world.write(order(id, "queued")).await.unwrap();
        }
        assert_eq!(world.resume("orders", option).await.unwrap(), Running);
        let figures = world.figures("orders").await;
        assert_eq!((figures.in_error, figures.deleted), expected, "{option:?}");
        assert_eq!((figures.queued, figures.applied), (0, 0));
    }
    eventually("the errors can be listed", || async { world.catch_up_errors("orders").await.len() == 3 }).await;
    let kept = &world.catch_up_errors("orders").await[0];
    assert_eq!((kept.state(), kept.error.clone(), kept.attempts), (QueuedRecordState::Error, None, 0));
    assert_eq!(world.stats("orders").await.error_counts, [ErrorTypeCount { error_type: 0, count: 3 }]);
}

#[tokio::test]
async fn a_stop_asks_what_becomes_of_the_queue() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    world.pause("orders").await.unwrap();
    world.write(order(7, "queued")).await.unwrap();
    let refused = world.stop("orders", QueuedRecordsDisposition::Unspecified).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "RECORDS_QUEUED"));
    assert_eq!(refused.get_details_error_info().unwrap().metadata["queued"], "1");
    assert_eq!(world.state("orders").await, Paused);
    world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap();
    assert_eq!(world.figures("orders").await.in_error, 1);
}

#[tokio::test]
async fn rule_11_the_figures_add_up_whatever_happens() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 0..40 {
        let amount = if id % 7 == 0 { -1 } else { id };
        let mut change = change("orders", record([("id", int(id % 10)), ("amount", int(amount))]));
        change.source = if id % 3 == 0 { Side::Right } else { Side::Left }.into();
        world.write(change).await.unwrap();
        world.figures("orders").await; // adds up at every moment
    }
    world.pause("orders").await.unwrap();
    world.figures("orders").await;
    world.server.restart().await;
    world.figures("orders").await;
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    let figures = world.figures("orders").await;
    // Settlements of conflicts are changes of their own.
    assert!(figures.accepted >= 40 && figures.queued == 0, "{figures:?}");
}
