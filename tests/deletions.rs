//! What an operator gives up or corrects: queued records and errors are deleted by jobs, and rows of errors get other values.

mod support;

use support::databases::sql;
use support::world::*;
use tandem::services::proto::*;
use tonic::{Code, Status};

use Disposition::Queued;
use TableMapState::{NotRunning, Paused, Running};

async fn delete(world: &World, request: DeleteQueuedRecordsRequest) -> Result<QueueJob, Status> {
    world.queue().delete_queued_records(request).await.map(tonic::Response::into_inner)
}

fn delete_all(state: QueuedRecordState, confirm_count: i64) -> DeleteQueuedRecordsRequest {
    DeleteQueuedRecordsRequest {
        parent: name("orders"),
        all: true,
        state: state.into(),
        confirm_count,
        ..Default::default()
    }
}

async fn ended(world: &World, job: &QueueJob) -> (QueueJobState, [i64; 3]) {
    let request = WatchQueueJobRequest { name: job.name.clone() };
    let mut watching = world.queue().watch_queue_job(request).await.unwrap().into_inner();
    let mut last = QueueJob::default();
    let watched = async {
        while let Some(message) = watching.message().await.unwrap() {
            last = message.queue_job.unwrap();
        }
    };
    tokio::time::timeout(support::server::PATIENCE, watched).await.expect("the job ends");
    (last.state(), [last.total, last.done, last.skipped])
}

/// Of the orders 1 to 10, the even ones become errors, and the orders 11 to 20 are queued.
async fn with_errors_and_queue() -> World {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=10 {
        let amount = if id % 2 == 0 { -id } else { id };
        world.write(change("orders", record([("id", int(id)), ("amount", int(amount))]))).await.unwrap();
    }
    eventually("five are in error", || async {
        let figures = world.figures("orders").await;
        (figures.in_error, figures.queued) == (5, 0)
    })
    .await;
    assert_eq!(world.pause("orders").await.unwrap(), Paused);
    for id in 11..=20 {
        assert_eq!(world.written(order(id, "new")).await, told(Queued, "MAP_PAUSED"));
    }
    world
}

#[tokio::test]
async fn a_deletion_is_confirmed_counted_and_told() {
    let world = with_errors_and_queue().await;
    for state in [QueuedRecordState::Unspecified, QueuedRecordState::Queued, QueuedRecordState::Error] {
        for wrong in [0, 3] {
            let status = delete(&world, delete_all(state, wrong)).await.unwrap_err();
            let expected = (Code::FailedPrecondition, "CONFIRM_COUNT_MISMATCH".to_owned());
            assert_eq!((status.code(), reason(&status)), expected, "{status:?}");
        }
    }
    let tried = DeleteQueuedRecordsRequest { validate_only: true, ..delete_all(QueuedRecordState::Unspecified, 0) };
    let tried = delete(&world, tried).await.unwrap();
    assert_eq!((tried.total, tried.last_sequence, tried.examples.len()), (15, 20, 10));
    let sequences: Vec<&str> = tried.examples.iter().map(|example| example.name.as_str()).collect();
    assert!(sequences[0].ends_with("/2") && sequences[5].ends_with("/11"), "{sequences:?}");
    let figures = world.figures("orders").await;
    assert_eq!((figures.queued, figures.in_error, figures.deleted), (10, 5, 0), "nothing was deleted");

    let job = delete(&world, delete_all(QueuedRecordState::Error, 5)).await.unwrap();
    assert_eq!(ended(&world, &job).await, (QueueJobState::Completed, [5, 5, 0]));
    let of_one = RecordFilter { integration_key: Some(record([("id", int(11))])), ..Default::default() };
    let one =
        DeleteQueuedRecordsRequest { all: false, filter: Some(of_one), ..delete_all(QueuedRecordState::Queued, 0) };
    let job = delete(&world, one).await.unwrap();
    assert_eq!(ended(&world, &job).await, (QueueJobState::Completed, [1, 1, 0]));
    let names = [12, 13, 2].map(|sequence| format!("tableMaps/orders/queuedRecords/{sequence}")).to_vec();
    let named =
        |names| DeleteQueuedRecordsRequest { all: false, names, ..delete_all(QueuedRecordState::Unspecified, 2) };
    let status = delete(&world, named(names.clone())).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "2 is gone: {status:?}");
    let tagged = DeleteQueuedRecordsRequest { request_id: "r1".to_owned(), ..named(names[..2].to_vec()) };
    let job = delete(&world, tagged.clone()).await.unwrap();
    assert_eq!(ended(&world, &job).await, (QueueJobState::Completed, [2, 2, 0]));
    assert_eq!(
        delete(&world, tagged).await.unwrap().name,
        job.name,
        "a repeat is the same job, whatever is gone by then"
    );
    let kept_aside = RecordFilter { error_type: Some(ErrorType::Unspecified.into()), ..Default::default() };
    let kept_aside = DeleteQueuedRecordsRequest {
        all: false,
        filter: Some(kept_aside),
        validate_only: true,
        ..delete_all(QueuedRecordState::Unspecified, 0)
    };
    assert_eq!(delete(&world, kept_aside).await.unwrap().total, 0, "what waits was not kept aside");

    let figures = world.figures("orders").await;
    assert_eq!((figures.queued, figures.in_error, figures.deleted), (7, 0, 8));
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    let rows = sql::ask::<i64>(&world.right.url(), "SELECT id FROM orders ORDER BY id").await.unwrap();
    assert_eq!(rows, [1, 3, 5, 7, 9, 14, 15, 16, 17, 18, 19, 20], "what was deleted is not written");
    let told = || async {
        let events = world.events("orders").await;
        events.into_iter().filter(|event| event.kind() == ActivityKind::DeletedFromQueue).collect::<Vec<_>>()
    };
    eventually("three deletions were begun and have ended", || async { told().await.len() == 6 }).await;
    assert_eq!(told().await[1].counts["deleted"], 5);
    let figures = world.figures("orders").await;
    assert_eq!((figures.applied, figures.queued, figures.deleted), (12, 0, 8));
}

#[tokio::test]
async fn a_large_deletion_survives_a_kill() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    for id in 1..=3_000 {
        world.write(order(id, "new")).await.unwrap();
    }
    let job = delete(&world, delete_all(QueuedRecordState::Queued, 3_000)).await.unwrap();
    world.server.restart().await;
    // Newer ones are none of its business.
    for id in 1..=5 {
        world.write(order(id, "newer")).await.unwrap();
    }
    assert_eq!(ended(&world, &job).await, (QueueJobState::Completed, [3_000, 3_000, 0]));
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.queued, figures.deleted), (3_005, 5, 3_000));
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    let rows = sql::ask::<i64>(&world.right.url(), "SELECT count(*) FROM orders WHERE status = 'newer'").await.unwrap();
    assert_eq!(rows, [5]);
}

#[tokio::test]
async fn errors_of_a_stopped_map_can_be_deleted() {
    let world = with_errors_and_queue().await;
    assert_eq!(world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap(), NotRunning);
    eventually("all were moved", || async { world.catch_up_errors("orders").await.len() == 15 }).await;
    let kept_aside = RecordFilter { error_type: Some(ErrorType::Unspecified.into()), ..Default::default() };
    let unsent =
        DeleteQueuedRecordsRequest { all: false, filter: Some(kept_aside), ..delete_all(QueuedRecordState::Error, 10) };
    let job = delete(&world, unsent).await.unwrap();
    assert_eq!(ended(&world, &job).await, (QueueJobState::Completed, [10, 10, 0]));
    let errors = world.catch_up_errors("orders").await;
    assert_eq!(errors.iter().map(|error| error.sequence).collect::<Vec<_>>(), [2, 4, 6, 8, 10]);
}

#[tokio::test]
async fn an_error_is_corrected_and_then_retried() {
    let world = with_errors_and_queue().await;
    let get = || async {
        let name = "tableMaps/orders/queuedRecords/2".to_owned();
        world.queue().get_queued_record(GetQueuedRecordRequest { name }).await.unwrap().into_inner()
    };
    let before = get().await;
    let update = |record: Record, etag: &str| UpdateQueuedRecordRequest {
        queued_record: Some(QueuedRecord {
            name: before.name.clone(),
            record: Some(record),
            etag: etag.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let right = record([("id", int(2)), ("amount", int(2)), ("note", text("corrected"))]);
    let correct = |request| async { world.queue().update_queued_record(as_actor("ada", request)).await };
    let tried = UpdateQueuedRecordRequest { validate_only: true, ..update(right.clone(), "") };
    let shown = correct(tried).await.unwrap().into_inner();
    assert_eq!((shown.record, shown.original_record), (Some(right.clone()), before.record.clone()));
    assert_eq!(get().await, before);

    let wrong = [
        (record([("id", int(3)), ("amount", int(2))]), "queued_record.record"),
        (record([("id", int(2)), ("amount", text("many"))]), "queued_record.record.fields[\"amount\"]"),
        (record([("id", int(2)), ("nothing", int(2))]), "queued_record.record.fields[\"nothing\"]"),
    ];
    for (record, field) in wrong {
        let status = correct(update(record, "")).await.unwrap_err();
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec![field.to_owned()]), "{status:?}");
    }
    let status = correct(update(right.clone(), "other")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let corrected = correct(update(right.clone(), &before.etag)).await.unwrap().into_inner();
    assert_eq!((corrected.record, corrected.original_record), (Some(right), before.record));
    assert_ne!(corrected.etag, before.etag);
    let waiting = QueuedRecord { name: "tableMaps/orders/queuedRecords/11".to_owned(), ..Default::default() };
    let waiting = QueuedRecord { record: Some(record([("id", int(11)), ("status", text("x"))])), ..waiting };
    let request = UpdateQueuedRecordRequest { queued_record: Some(waiting), ..Default::default() };
    let status = correct(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "WRONG_STATE"));

    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    let retry = RetryCatchUpErrorsRequest { parent: name("orders"), names: vec![before.name], ..Default::default() };
    let job = world.queue().retry_catch_up_errors(retry).await.unwrap().into_inner();
    assert_eq!(ended(&world, &job).await, (QueueJobState::Completed, [1, 1, 0]));
    assert_eq!(world.right_has(2, "note").await.as_deref(), Some("corrected"));
    let events = world.events("orders").await;
    let told = events.iter().find(|event| event.kind() == ActivityKind::RecordCorrected).expect("the log tells of it");
    assert_eq!(told.actor, "ada");
    assert!(told.summary.contains("amount") && told.summary.contains("note"), "{}", told.summary);
}
