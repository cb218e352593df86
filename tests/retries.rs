//! Errors that are put right: jobs that try them again, what they leave out, and what becomes of their records.

mod support;

use std::time::Duration;
use support::databases::sql;
use support::world::*;
use tandem::services::proto::*;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use Disposition::{Applied, Queued};
use TableMapState::{Initializing, NotRunning, Paused, Running};

/// The right side refuses the orders that `refused` names, until they are taken out of it.
const REFUSING: &str = "CREATE TABLE refused (id INTEGER PRIMARY KEY); \
    CREATE TRIGGER no_insert BEFORE INSERT ON orders WHEN new.id IN (SELECT id FROM refused) \
      BEGIN SELECT RAISE(ABORT, 'this order is refused'); END; \
    CREATE TRIGGER no_update BEFORE UPDATE ON orders WHEN new.id IN (SELECT id FROM refused) \
      BEGIN SELECT RAISE(ABORT, 'this order is refused'); END";

async fn refusing(map: TableMap, config: &str) -> World {
    let world = World::start_with(config).await;
    sql::execute(&world.right.url(), REFUSING).await.unwrap();
    world.running_map("orders", map).await;
    world
}

async fn refuse(world: &World, ids: std::ops::RangeInclusive<i64>) {
    let ids: Vec<String> = ids.map(|id| format!("({id})")).collect();
    sql::execute(&world.right.url(), &format!("INSERT INTO refused VALUES {}", ids.join(", "))).await.unwrap();
}

async fn refuse_no_more(world: &World, condition: &str) {
    sql::execute(&world.right.url(), &format!("DELETE FROM refused WHERE {condition}")).await.unwrap();
}

fn retry_all() -> RetryCatchUpErrorsRequest {
    RetryCatchUpErrorsRequest { parent: name("orders"), all: true, ..Default::default() }
}

async fn retry(world: &World, request: RetryCatchUpErrorsRequest) -> Result<QueueJob, Status> {
    world.queue().retry_catch_up_errors(request).await.map(tonic::Response::into_inner)
}

/// Watches a job until it has ended.
async fn ended(world: &World, job: &QueueJob) -> QueueJob {
    let request = WatchQueueJobRequest { name: job.name.clone() };
    let mut watching = world.queue().watch_queue_job(request).await.unwrap().into_inner();
    let mut last = None;
    let watched = async {
        while let Some(message) = watching.message().await.unwrap() {
            last = message.queue_job;
        }
    };
    tokio::time::timeout(support::server::PATIENCE, watched).await.expect("the job ends");
    last.expect("one message at least")
}

async fn job(world: &World, name: &str) -> QueueJob {
    world.queue().get_queue_job(GetQueueJobRequest { name: name.to_owned() }).await.unwrap().into_inner()
}

fn outcome(job: &QueueJob) -> (QueueJobState, [i64; 5]) {
    (job.state(), [job.total, job.done, job.failed, job.superseded, job.skipped])
}

async fn in_error(world: &World, count: i64) {
    eventually("so many are in error", || async { world.figures("orders").await.in_error == count }).await;
}

async fn record_of(world: &World, sequence: i64) -> QueuedRecord {
    let name = format!("tableMaps/orders/queuedRecords/{sequence}");
    world.queue().get_queued_record(GetQueuedRecordRequest { name }).await.unwrap().into_inner()
}

#[tokio::test]
async fn errors_whose_cause_is_gone_are_written_and_the_others_stay() {
    let world = refusing(asynchronous(orders_map()), "").await;
    refuse(&world, 1..=10).await;
    for id in 1..=12 {
        world.write(order(id, "new")).await.unwrap();
    }
    in_error(&world, 10).await;
    refuse_no_more(&world, "id <= 7").await;
    let begun = world.queue().retry_catch_up_errors(as_actor("ada", retry_all())).await.unwrap().into_inner();
    assert_eq!((begun.total, begun.last_sequence, begun.actor.as_str()), (10, 10, "ada"));
    assert_eq!((begun.kind(), begun.name.as_str()), (QueueJobKind::RetryCatchUpErrors, "tableMaps/orders/queueJobs/1"));
    let first = ended(&world, &begun).await;
    assert_eq!(outcome(&first), (QueueJobState::Completed, [10, 7, 3, 0, 0]));
    let reason = &first.reasons[0];
    assert_eq!((reason.outcome(), reason.count), (QueueJobOutcome::Failed, 3));
    let example = reason.example.clone().unwrap();
    assert!(example.message.contains("refused") && example.integration_key.is_some(), "{example:?}");
    for id in 1..=7 {
        assert_eq!(world.right_has(id, "status").await.as_deref(), Some("new"));
    }
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.in_error), (12, 9, 3));

    let done = record_of(&world, 1).await;
    assert_eq!((done.state(), done.retry_status()), (QueuedRecordState::Completed, RetryStatus::Completed));
    assert_eq!(done.queue_job, begun.name);
    let failed = record_of(&world, 8).await;
    assert_eq!(
        (failed.state(), failed.retry_status(), failed.attempts),
        (QueuedRecordState::Error, RetryStatus::Failed, 2)
    );
    let of_job = RecordFilter { queue_job: begun.name.clone(), ..Default::default() };
    let list = |state: QueuedRecordState| ListQueuedRecordsRequest {
        parent: name("orders"),
        state: state.into(),
        filter: Some(of_job.clone()),
        ..Default::default()
    };
    for (state, expected) in [(QueuedRecordState::Unspecified, 1..=10), (QueuedRecordState::Error, 8..=10)] {
        let found = world.queue().list_queued_records(list(state)).await.unwrap().into_inner().queued_records;
        assert_eq!(found.iter().map(|record| record.sequence).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
    // What has been put right can be retried no more; what failed can.
    refuse_no_more(&world, "id <= 8").await;
    let request = RetryCatchUpErrorsRequest {
        names: [1, 8].map(|sequence| format!("tableMaps/orders/queuedRecords/{sequence}")).into(),
        all: false,
        ..retry_all()
    };
    let second = retry(&world, request).await.unwrap();
    let second = ended(&world, &second).await;
    assert_eq!(outcome(&second), (QueueJobState::Completed, [2, 1, 0, 0, 1]));
    let jobs = ListQueueJobsRequest { parent: name("orders"), page_size: 1, ..Default::default() };
    let page = world.queue().list_queue_jobs(jobs.clone()).await.unwrap().into_inner();
    assert_eq!(page.queue_jobs, [second]);
    let next = ListQueueJobsRequest { page_token: page.next_page_token, ..jobs };
    assert_eq!(world.queue().list_queue_jobs(next).await.unwrap().into_inner().queue_jobs, [first]);
    let events = || async {
        let events = world.events("orders").await;
        events.into_iter().filter(|event| event.kind() == ActivityKind::Retried).collect::<Vec<_>>()
    };
    eventually("the log says that two jobs were begun and have ended", || async { events().await.len() == 4 }).await;
    assert_eq!(events().await[0].actor, "ada");
}

#[tokio::test]
async fn rule_3_a_retry_writes_nothing_over_what_is_newer() {
    let world = refusing(asynchronous(orders_map()), "").await;
    refuse(&world, 1..=4).await;
    let both = |id: i64, status: &str, note: &str| {
        change("orders", record([("id", int(id)), ("status", text(status)), ("note", text(note))]))
    };
    for id in 1..=4 {
        world.write(both(id, "old", "old")).await.unwrap();
    }
    in_error(&world, 4).await;
    refuse_no_more(&world, "id <= 4").await;
    // 1: one of its columns is written; 2: all of them; 3: removed and made again; 4: nothing newer.
    world.write(order(1, "newer")).await.unwrap();
    world.write(both(2, "newer", "newer")).await.unwrap();
    world
        .write(WriteRecordRequest { operation: Operation::Delete.into(), ..change("orders", record([("id", int(3))])) })
        .await
        .unwrap();
    world.write(order(3, "again")).await.unwrap();
    eventually("all is written", || async { world.figures("orders").await.queued == 0 }).await;
    let job = retry(&world, retry_all()).await.unwrap();
    assert_eq!(outcome(&ended(&world, &job).await), (QueueJobState::Completed, [4, 2, 0, 2, 0]));
    let mut rows = Vec::new();
    for id in 1..=4 {
        rows.push((world.right_has(id, "status").await.unwrap(), world.right_has(id, "note").await.unwrap()));
    }
    let expected = [("newer", "old"), ("newer", "newer"), ("again", ""), ("old", "old")];
    assert_eq!(rows, expected.map(|(status, note)| (status.to_owned(), note.to_owned())));
    assert_eq!(record_of(&world, 2).await.retry_status(), RetryStatus::Superseded);
    let figures = world.figures("orders").await;
    assert_eq!((figures.in_error, figures.superseded, figures.applied), (0, 2, 6));
}

/// The answer to a synchronous write is given when what it wrote is known for good.
#[tokio::test]
async fn rule_3_holds_for_synchronous_writes_and_through_a_kill() {
    let mut world = refusing(orders_map(), "").await;
    refuse(&world, 1..=1).await;
    world.pause("orders").await.unwrap();
    assert_eq!(world.written(order(1, "old")).await, told(Queued, "MAP_PAUSED"));
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    in_error(&world, 1).await;
    world.wait_for_state("orders", Running).await;
    refuse_no_more(&world, "id = 1").await;
    assert_eq!(world.written(order(1, "newer")).await, told(Applied, ""));
    world.server.restart().await;
    let job = retry(&world, retry_all()).await.unwrap();
    assert_eq!(outcome(&ended(&world, &job).await), (QueueJobState::Completed, [1, 0, 0, 1, 0]));
    assert_eq!(world.right_has(1, "status").await.as_deref(), Some("newer"));
}

/// What the destination's own application has changed since is newer too.
#[tokio::test]
async fn rule_9_a_retry_writes_nothing_over_what_its_destination_changed_itself() {
    let world = refusing(asynchronous(orders_map()), "").await;
    refuse(&world, 1..=2).await;
    for id in 1..=2 {
        let given = record([("id", int(id)), ("status", text("left")), ("note", text("left"))]);
        sql::execute(
            &world.left.url(),
            &format!("INSERT INTO orders (id, status, note) VALUES ({id}, 'left', 'left')"),
        )
        .await
        .unwrap();
        world.write(change("orders", given)).await.unwrap();
    }
    in_error(&world, 2).await;
    refuse_no_more(&world, "id <= 2").await;
    sql::execute(&world.right.url(), "INSERT INTO orders (id, status) VALUES (1, 'right')").await.unwrap();
    world.write(from_right(order(1, "right"))).await.unwrap();
    eventually("it arrives", || async { world.left_has(1, "status").await.as_deref() == Some("right") }).await;
    let job = retry(&world, retry_all()).await.unwrap();
    assert_eq!(outcome(&ended(&world, &job).await), (QueueJobState::Completed, [2, 2, 0, 0, 0]));
    for column in ["status", "note"] {
        assert_eq!(world.left_has(1, column).await, world.right_has(1, column).await, "{column} is equal");
    }
    assert_eq!(world.right_has(1, "status").await.as_deref(), Some("right"));
    assert_eq!(world.right_has(1, "note").await.as_deref(), Some("left"));
}

#[tokio::test]
async fn rule_2_errors_of_a_key_are_retried_in_the_order_of_acceptance() {
    let world = refusing(asynchronous(orders_map()), "").await;
    let trace = "CREATE TABLE trace (n INTEGER PRIMARY KEY, id INTEGER, note TEXT); \
                 CREATE TRIGGER i AFTER INSERT ON orders BEGIN \
                   INSERT INTO trace (id, note) VALUES (new.id, new.note); END; \
                 CREATE TRIGGER u AFTER UPDATE ON orders BEGIN \
                   INSERT INTO trace (id, note) VALUES (new.id, new.note); END";
    sql::execute(&world.right.url(), trace).await.unwrap();
    refuse(&world, 1..=20).await;
    for round in 0..5 {
        for id in 1..=20 {
            let given = record([("id", int(id)), ("note", text(&format!("{round}")))]);
            world.write(change("orders", given)).await.unwrap();
        }
    }
    in_error(&world, 100).await;
    refuse_no_more(&world, "true").await;
    let job = retry(&world, retry_all()).await.unwrap();
    assert_eq!(outcome(&ended(&world, &job).await), (QueueJobState::Completed, [100, 100, 0, 0, 0]));
    for id in 1..=20 {
        let query = format!("SELECT note FROM trace WHERE id = {id} ORDER BY n");
        assert_eq!(sql::ask::<String>(&world.right.url(), &query).await.unwrap(), ["0", "1", "2", "3", "4"]);
    }
}

#[tokio::test]
async fn a_job_waits_for_its_map_survives_a_kill_and_takes_nothing_newer() {
    let mut world = refusing(asynchronous(orders_map()), "").await;
    refuse(&world, 1..=3_000).await;
    world.pause("orders").await.unwrap();
    for id in 1..=2_000 {
        world.write(order(id, "new")).await.unwrap();
    }
    world.resume("orders", ResumeOption::SkipAndKeep).await.unwrap();
    assert_eq!(world.pause("orders").await.unwrap(), Paused);
    refuse_no_more(&world, "id <= 1990").await;
    let begun = retry(&world, retry_all()).await.unwrap();
    assert_eq!((begun.total, begun.state()), (2_000, QueueJobState::Running));
    assert_eq!(record_of_soon(&world, 5).await.retry_status(), RetryStatus::Pending);
    world.server.restart().await;
    assert_eq!(outcome(&job(&world, &begun.name).await), (QueueJobState::Running, [2_000, 0, 0, 0, 0]));
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    // While it works, errors come about that it does not take.
    for id in 2_001..=2_010 {
        world.write(order(id, "new")).await.unwrap();
    }
    world.server.restart().await;
    assert_eq!(outcome(&ended(&world, &begun).await), (QueueJobState::Completed, [2_000, 1_990, 10, 0, 0]));
    in_error(&world, 20).await;
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.queued), (2_010, 1_990, 0));
    let rows = sql::ask::<i64>(&world.right.url(), "SELECT count(*) FROM orders").await.unwrap();
    assert_eq!(rows, [1_990]);
}

/// What was kept aside is moved to the errors in steps.
async fn record_of_soon(world: &World, sequence: i64) -> QueuedRecord {
    let name = format!("tableMaps/orders/queuedRecords/{sequence}");
    let moved = || async {
        let request = GetQueuedRecordRequest { name: name.clone() };
        world.queue().get_queued_record(request).await.is_ok()
    };
    eventually("it is moved", moved).await;
    record_of(world, sequence).await
}

#[tokio::test]
async fn a_cancelled_job_leaves_the_rest_and_a_stop_cancels() {
    let world = refusing(asynchronous(orders_map()), "").await;
    refuse(&world, 1..=5).await;
    for id in 1..=5 {
        world.write(order(id, "new")).await.unwrap();
    }
    in_error(&world, 5).await;
    world.pause("orders").await.unwrap();
    let (first, second) = (retry(&world, retry_all()).await.unwrap(), retry(&world, retry_all()).await.unwrap());
    let cancel = || CancelQueueJobRequest { name: first.name.clone() };
    for _ in 0..2 {
        let cancelled = world.queue().cancel_queue_job(cancel()).await.unwrap().into_inner();
        assert_eq!(outcome(&cancelled), (QueueJobState::Cancelled, [5, 0, 0, 0, 0]));
        assert!(cancelled.end_time.is_some());
    }
    assert_eq!(record_of(&world, 1).await.retry_status(), RetryStatus::Pending, "the second is to take it");
    assert_eq!(world.stop("orders", QueuedRecordsDisposition::Unspecified).await.unwrap(), NotRunning);
    assert_eq!(job(&world, &second.name).await.state(), QueueJobState::Cancelled);
    assert_eq!(record_of(&world, 1).await.retry_status(), RetryStatus::None);
    let status = retry(&world, retry_all()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "MAP_NOT_RUNNING"));
    let name = "tableMaps/orders/queueJobs/9".to_owned();
    let status = world.queue().get_queue_job(GetQueueJobRequest { name }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

#[tokio::test]
async fn what_a_job_would_take_is_told_and_a_correction_is_written_and_kept() {
    let world = refusing(asynchronous(orders_map()), "").await;
    for id in 1..=30 {
        let given =
            record([("id", int(id)), ("status", text("new")), ("amount", int(if id % 2 == 0 { id } else { -id }))]);
        world.write(change("orders", given)).await.unwrap();
    }
    in_error(&world, 15).await;
    let filter = RecordFilter { integration_key_prefix: Some(record([("id", int(7))])), ..Default::default() };
    let correction = Some(record([("amount", int(0))]));
    let try_out = RetryCatchUpErrorsRequest { correction: correction.clone(), validate_only: true, ..retry_all() };
    let tried = retry(&world, try_out.clone()).await.unwrap();
    assert_eq!((tried.name.as_str(), tried.total, tried.last_sequence), ("", 15, 29));
    assert_eq!(tried.examples.len(), 10);
    let example = &tried.examples[0];
    assert_eq!(example.record.as_ref().unwrap().fields["amount"], int(0));
    assert_eq!(example.record_before.as_ref().unwrap().fields["amount"], int(-1));
    assert!(example.error.is_some() && example.name == "tableMaps/orders/queuedRecords/1");
    in_error(&world, 15).await;
    let one = RetryCatchUpErrorsRequest { all: false, filter: Some(filter), ..try_out.clone() };
    assert_eq!(retry(&world, one.clone()).await.unwrap().total, 1);

    let of_one = retry(&world, RetryCatchUpErrorsRequest { validate_only: false, ..one }).await.unwrap();
    assert_eq!(outcome(&ended(&world, &of_one).await), (QueueJobState::Completed, [1, 1, 0, 0, 0]));
    assert_eq!(world.right_has(7, "amount").await.as_deref(), Some("0"));
    let corrected = record_of(&world, 7).await;
    assert_eq!(corrected.record.unwrap().fields["amount"], int(0));
    assert_eq!(corrected.original_record.unwrap().fields["amount"], int(-7));

    // The same request once more is the same job.
    let tagged = RetryCatchUpErrorsRequest { request_id: "r1".to_owned(), correction, ..retry_all() };
    let first = retry(&world, tagged.clone()).await.unwrap();
    assert_eq!(retry(&world, tagged.clone()).await.unwrap().name, first.name);
    let status = retry(&world, RetryCatchUpErrorsRequest { correction: None, ..tagged }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
    assert_eq!(outcome(&ended(&world, &first).await), (QueueJobState::Completed, [14, 14, 0, 0, 0]));
    let amounts = "SELECT count(*) FROM orders WHERE amount = 0";
    assert_eq!(sql::ask::<i64>(&world.right.url(), amounts).await.unwrap(), [15]);
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_told_at_once_and_nothing_is_done() {
    let world = refusing(asynchronous(orders_map()), "").await;
    world.write(change("orders", record([("id", int(1)), ("amount", int(-1))]))).await.unwrap();
    in_error(&world, 1).await;
    let none = RetryCatchUpErrorsRequest { all: false, ..retry_all() };
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let filter = |filter| RetryCatchUpErrorsRequest { filter: Some(filter), ..none.clone() };
    let wrong = [
        (none.clone(), vec!["names"]),
        (RetryCatchUpErrorsRequest { names: named(&["x"]), ..retry_all() }, vec!["names"]),
        (filter(RecordFilter::default()), vec!["filter"]),
        (
            filter(RecordFilter {
                integration_key: Some(record([("id", int(1)), ("status", text("x"))])),
                queue_job: "tableMaps/other/queueJobs/1".to_owned(),
                direction: 9,
                ..Default::default()
            }),
            vec!["filter.direction", "filter.integration_key.fields[\"status\"]", "filter.queue_job"],
        ),
        (
            RetryCatchUpErrorsRequest {
                names: named(&["tableMaps/orders/queuedRecords/0", "tableMaps/other/queuedRecords/1"]),
                request_id: "r".repeat(129),
                ..none.clone()
            },
            vec!["request_id", "names[0]", "names[1]"],
        ),
        (
            RetryCatchUpErrorsRequest {
                correction: Some(record([("id", int(7)), ("nothing", int(1)), ("status", int(1))])),
                ..retry_all()
            },
            vec!["correction.fields[\"id\"]", "correction.fields[\"nothing\"]", "correction.fields[\"status\"]"],
        ),
    ];
    for (request, expected) in wrong {
        let status = retry(&world, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let mut found = fields(&status);
        found.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
    let unknown = RetryCatchUpErrorsRequest { names: named(&["tableMaps/orders/queuedRecords/99"]), ..none };
    let status = retry(&world, unknown).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    let named = status.get_details_resource_info().unwrap().resource_name;
    assert_eq!(named, "tableMaps/orders/queuedRecords/99");
    let jobs = ListQueueJobsRequest { parent: name("orders"), ..Default::default() };
    assert!(world.queue().list_queue_jobs(jobs).await.unwrap().into_inner().queue_jobs.is_empty());
}

#[tokio::test]
async fn failed_rows_of_an_initial_sync_are_written_and_the_map_goes_live_when_none_is_left() {
    let world = World::start().await;
    sql::execute(&world.right.url(), REFUSING).await.unwrap();
    refuse(&world, 1..=5).await;
    for id in 1..=8 {
        sql::execute(&world.left.url(), &format!("INSERT INTO orders (id, status) VALUES ({id}, 'copied')"))
            .await
            .unwrap();
    }
    let mut map = orders_map();
    map.master = Side::Left.into();
    world.create_map("orders", map).await.unwrap();
    assert_eq!(world.run("orders").await.unwrap(), Initializing);
    let execution = || async {
        let name = "tableMaps/orders/executions/1".to_owned();
        world.sync().get_execution(GetExecutionRequest { name }).await.unwrap().into_inner()
    };
    eventually("it ends with errors", || async { execution().await.state() == ExecutionState::CompletedWithErrors })
        .await;
    // Changed since it was read: what is written now is not what was copied.
    assert_eq!(world.written(order(2, "changed")).await, told(Queued, "MAP_INITIALIZING"));
    refuse_no_more(&world, "id <= 3").await;
    let request = RetryExecutionErrorsRequest {
        parent: "tableMaps/orders/executions/1".to_owned(),
        all: true,
        ..Default::default()
    };
    let retry = |request: RetryExecutionErrorsRequest| async {
        world.sync().retry_execution_errors(request).await.map(tonic::Response::into_inner)
    };
    let first = retry(request.clone()).await.unwrap();
    assert_eq!(outcome(&ended(&world, &first).await), (QueueJobState::Completed, [5, 3, 2, 0, 0]));
    assert_eq!(world.right_has(1, "status").await.as_deref(), Some("copied"));
    let after = execution().await;
    assert_eq!(
        (after.state(), after.projects[0].failed, after.projects[0].written),
        (ExecutionState::CompletedWithErrors, 2, 6)
    );
    assert_eq!(world.state("orders").await, Initializing);
    let errors = ListExecutionErrorsRequest { parent: request.parent.clone(), ..Default::default() };
    let left = world.sync().list_execution_errors(errors).await.unwrap().into_inner().errors;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|row| row.retry_status() == RetryStatus::Failed && row.queue_job == first.name));

    refuse_no_more(&world, "true").await;
    let names = left.iter().map(|row| row.name.clone()).collect();
    let second = retry(RetryExecutionErrorsRequest { all: false, names, ..request.clone() }).await.unwrap();
    assert_eq!(outcome(&ended(&world, &second).await), (QueueJobState::Completed, [2, 2, 0, 0, 0]));
    world.wait_for_state("orders", Running).await;
    let after = execution().await;
    assert_eq!((after.state(), after.projects[0].failed, after.projects[0].written), (ExecutionState::Completed, 0, 8));
    let rows = "SELECT count(*) FROM orders WHERE status = 'copied'";
    assert_eq!(sql::ask::<i64>(&world.right.url(), rows).await.unwrap(), [7]);
    assert_eq!(world.right_has(2, "status").await.as_deref(), Some("changed"));
    let gone = RetryExecutionErrorsRequest { all: false, names: vec![left[0].name.clone()], ..request };
    assert_eq!(retry(gone).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn rule_3_a_failed_row_is_not_written_over_what_changed_since_it_was_read() {
    let world = World::start().await;
    sql::execute(&world.right.url(), REFUSING).await.unwrap();
    refuse(&world, 1..=3).await;
    for id in 1..=3 {
        let row = format!("INSERT INTO orders (id, status, note) VALUES ({id}, 'copied', 'copied')");
        sql::execute(&world.left.url(), &row).await.unwrap();
    }
    let mut map = orders_map();
    map.master = Side::Left.into();
    world.create_map("orders", map).await.unwrap();
    world.run("orders").await.unwrap();
    let parent = "tableMaps/orders/executions/1".to_owned();
    let failed = || async {
        let errors = ListExecutionErrorsRequest { parent: parent.clone(), ..Default::default() };
        world.sync().list_execution_errors(errors).await.unwrap().into_inner().errors.len()
    };
    eventually("they failed", || async { failed().await == 3 }).await;
    refuse_no_more(&world, "true").await;
    // Both before the map is live, and after it.
    assert_eq!(world.written(order(1, "changed")).await, told(Queued, "MAP_INITIALIZING"));
    let skip = SkipInitialSyncRequest { name: name("orders"), ..Default::default() };
    world.sync().skip_initial_sync(skip).await.unwrap();
    eventually("it is written", || async { world.right_has(1, "status").await.as_deref() == Some("changed") }).await;
    eventually("nothing is queued", || async { world.figures("orders").await.queued == 0 }).await;
    assert_eq!(world.written(order(2, "changed")).await, told(Applied, ""));
    let request = RetryExecutionErrorsRequest { parent: parent.clone(), all: true, ..Default::default() };
    let job = world.sync().retry_execution_errors(request).await.unwrap().into_inner();
    assert_eq!(outcome(&ended(&world, &job).await), (QueueJobState::Completed, [3, 3, 0, 0, 0]));
    for (id, status) in [(1, "changed"), (2, "changed"), (3, "copied")] {
        assert_eq!(world.right_has(id, "status").await.as_deref(), Some(status), "order {id}");
        assert_eq!(world.right_has(id, "note").await.as_deref(), Some("copied"), "order {id}");
    }
    assert_eq!(failed().await, 0);
}

/// An outage while a job works makes no failures of it.
#[tokio::test]
async fn rule_8_an_outage_lets_a_job_wait() {
    let world = refusing(asynchronous(orders_map()), "").await;
    refuse(&world, 1..=5).await;
    for id in 1..=5 {
        world.write(order(id, "new")).await.unwrap();
    }
    in_error(&world, 5).await;
    refuse_no_more(&world, "true").await;
    sql::execute(&world.right.url(), "ALTER TABLE orders RENAME TO hidden").await.unwrap();
    let begun = retry(&world, retry_all()).await.unwrap();
    let conditions = || async { world.map("orders").await.conditions };
    eventually("the map waits", || async {
        conditions().await.iter().any(|condition| condition.r#type() == ConditionType::Waiting)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await; // a wrong failure would show
    assert_eq!(outcome(&job(&world, &begun.name).await), (QueueJobState::Running, [5, 0, 0, 0, 0]));
    sql::execute(&world.right.url(), "ALTER TABLE hidden RENAME TO orders").await.unwrap();
    assert_eq!(outcome(&ended(&world, &begun).await), (QueueJobState::Completed, [5, 5, 0, 0, 0]));
}

/// What a copy has brought since is newer than an error that was kept from before it.
#[tokio::test]
async fn rule_3_a_retry_writes_nothing_over_what_a_copy_has_brought_since() {
    let world = World::start().await;
    sql::execute(&world.right.url(), REFUSING).await.unwrap();
    let left = async |row: String| sql::execute(&world.left.url(), &row).await.unwrap();
    let mut map = asynchronous(orders_map());
    map.master = Side::Left.into();
    world.running_map("orders", map).await;
    refuse(&world, 1..=3).await;
    for id in 1..=3 {
        left(format!("INSERT INTO orders (id, status, note) VALUES ({id}, 'old', 'old')")).await;
        let told = record([("id", int(id)), ("status", text("old")), ("note", text("old"))]);
        world.write(change("orders", told)).await.unwrap();
    }
    // Of 2 the right side wants to tell the left one what it has, which is refused as well; 3 is to be removed.
    let gone = change("orders", record([("id", int(3))]));
    let gone = WriteRecordRequest { operation: Operation::Delete.into(), ..gone };
    in_error(&world, 3).await;
    sql::execute(&world.left.url(), REFUSING).await.unwrap();
    sql::execute(&world.left.url(), "INSERT INTO refused VALUES (2)").await.unwrap();
    world.write(from_right(order(2, "right"))).await.unwrap();
    in_error(&world, 4).await;
    world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap();
    refuse_no_more(&world, "true").await;
    sql::execute(&world.left.url(), "DELETE FROM refused").await.unwrap();
    left("UPDATE orders SET status = 'new', note = 'new'".to_owned()).await;
    world.run("orders").await.unwrap();
    world.wait_for_state("orders", Running).await;
    assert_eq!(world.written(gone).await.0, Queued);
    eventually("it is removed", || async { world.right_has(3, "status").await.is_none() }).await;
    left("DELETE FROM orders WHERE id = 3".to_owned()).await;

    let job = retry(&world, retry_all()).await.unwrap();
    assert_eq!(outcome(&ended(&world, &job).await), (QueueJobState::Completed, [4, 0, 0, 4, 0]));
    for column in ["status", "note"] {
        for id in 1..=2 {
            assert_eq!(world.left_has(id, column).await.as_deref(), Some("new"), "order {id}");
            assert_eq!(world.right_has(id, column).await.as_deref(), Some("new"), "order {id}");
        }
    }
    assert_eq!((world.right_has(3, "status").await, world.left_has(3, "status").await), (None, None));
}
