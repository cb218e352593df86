//! Executions of the initial sync: what is left, run again, given up, cancelled and watched.

mod support;

use std::time::Duration;
use support::databases::sql;
use support::world::*;
use tandem::services::proto::*;
use tonic::Code;

use TableMapState::{Initializing, NotRunning, Running};

/// A world whose left side has so many orders, some of which the right side refuses.
async fn world_with(orders: i64, refused: impl Fn(i64) -> bool, config: &str) -> World {
    let world = World::start_with(config).await;
    // The left side takes what the right one does not.
    sql::execute(&world.left.url(), "DROP TABLE orders").await.unwrap();
    let free = "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT, amount INTEGER)";
    sql::execute(&world.left.url(), free).await.unwrap();
    for from in (1..=orders).step_by(5_000) {
        let row = |id: i64| format!("({id}, 'new', '', {})", if refused(id) { -1 } else { id });
        let rows: Vec<_> = (from..(from + 5_000).min(orders + 1)).map(row).collect();
        sql::execute(&world.left.url(), &format!("INSERT INTO orders VALUES {}", rows.join(", "))).await.unwrap();
    }
    let mut map = orders_map();
    for column in &mut map.column_mappings {
        column.direction = Direction::LeftToRight.into();
    }
    world.create_map("orders", map).await.unwrap();
    world
}

fn execution_name(number: u64) -> String {
    format!("tableMaps/orders/executions/{number}")
}

async fn execution(world: &World, number: u64) -> Execution {
    world.sync().get_execution(GetExecutionRequest { name: execution_name(number) }).await.unwrap().into_inner()
}

/// Waits for its end.
async fn ended(world: &World, number: u64) -> Execution {
    let request = WatchExecutionRequest { name: execution_name(number) };
    let mut watching = world.sync().watch_execution(request).await.unwrap().into_inner();
    let mut last = None;
    let watched = async {
        while let Some(message) = watching.message().await.unwrap() {
            last = message.execution;
        }
    };
    tokio::time::timeout(support::server::PATIENCE, watched).await.expect("the execution ends");
    last.expect("one message at least")
}

async fn rerun(world: &World, number: u64, retry_errors: bool) -> Result<Execution, tonic::Status> {
    let request = RerunExecutionRequest { name: execution_name(number), retry_errors, ..Default::default() };
    world.sync().rerun_execution(request).await.map(tonic::Response::into_inner)
}

async fn rows(world: &World) -> i64 {
    sql::ask::<i64>(&world.right.url(), "SELECT count(*) FROM orders").await.unwrap()[0]
}

fn counts(execution: &Execution) -> Vec<(i64, i64, i64)> {
    execution.projects.iter().map(|project| (project.written, project.skipped, project.failed)).collect()
}

#[tokio::test]
async fn an_execution_with_errors_is_run_again_whole_once_their_cause_is_gone() {
    let world = world_with(1_200, |id| id % 400 == 0, "").await;
    assert_eq!(world.run("orders").await.unwrap(), Initializing);
    let first = ended(&world, 1).await;
    assert_eq!((first.state(), counts(&first)), (ExecutionState::CompletedWithErrors, vec![(1_197, 0, 3)]));
    let project = &first.projects[0];
    assert_eq!(
        (project.total, project.source_row_count, project.destination_row_count),
        (1_200, Some(1_200), Some(1_197))
    );
    assert_eq!(world.state("orders").await, Initializing, "someone decides");
    let status = rerun(&world, 2, true).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    sql::execute(&world.left.url(), "UPDATE orders SET amount = 0 WHERE amount < 0").await.unwrap();
    let second = rerun(&world, 1, true).await.unwrap();
    assert_eq!((second.name.as_str(), second.rerun_of.as_str()), (&*execution_name(2), &*execution_name(1)));
    assert!(second.retry_errors);
    let second = ended(&world, 2).await;
    assert_eq!((second.state(), counts(&second)), (ExecutionState::Completed, vec![(1_200, 0, 0)]));
    world.wait_for_state("orders", Running).await;
    assert_eq!(rows(&world).await, 1_200);

    // What failed is still to be seen, whole and picked.
    let list = async |filter: RecordFilter, page_size: i32, page_token: String| {
        let (parent, filter) = (execution_name(1), Some(filter));
        let request = ListExecutionErrorsRequest { parent, page_size, page_token, filter };
        world.sync().list_execution_errors(request).await.map(tonic::Response::into_inner)
    };
    let ids = |page: &ListExecutionErrorsResponse| -> Vec<Record> {
        page.errors.iter().filter_map(|error| error.integration_key.clone()).collect()
    };
    let page = list(RecordFilter::default(), 2, String::new()).await.unwrap();
    assert_eq!((ids(&page), page.total_size), (vec![record([("id", int(400))]), record([("id", int(800))])], Some(3)));
    let rest = list(RecordFilter::default(), 2, page.next_page_token).await.unwrap();
    assert_eq!((ids(&rest), rest.next_page_token.as_str()), (vec![record([("id", int(1_200))])], ""));
    let of_key = RecordFilter { integration_key: Some(record([("id", int(800))])), ..Default::default() };
    let page = list(of_key, 10, String::new()).await.unwrap();
    assert_eq!((ids(&page), page.total_size), (vec![record([("id", int(800))])], None));
    let of_type = |kind: ErrorType| RecordFilter { error_type: Some(kind.into()), ..Default::default() };
    assert_eq!(list(of_type(ErrorType::Application), 10, String::new()).await.unwrap().errors.len(), 3);
    assert!(list(of_type(ErrorType::BadRequest), 10, String::new()).await.unwrap().errors.is_empty());
    let wrong = RecordFilter { integration_key: Some(record([("colour", int(1))])), ..Default::default() };
    let status = list(wrong, 10, String::new()).await.unwrap_err();
    assert_eq!(fields(&status), [r#"filter.integration_key.fields["colour"]"#, "filter.integration_key"]);

    // Each left an execution of its own, with its errors.
    assert_eq!(execution(&world, 1).await, first);
    let status = rerun(&world, 2, true).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "WRONG_STATE"), "{status:?}");
}

#[tokio::test]
async fn a_run_again_without_errors_takes_only_what_is_new_and_waits_for_the_run() {
    let mut world = world_with(1_200, |id| id % 400 == 0, "").await;
    world.run("orders").await.unwrap();
    ended(&world, 1).await;
    let status = world.run("orders").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "WRONG_STATE"), "{status:?}");
    // New rows, one of which is refused as well; and one that failed before could be written by now.
    let rows_since = "INSERT INTO orders VALUES (2000, 'new', '', 1), (2001, 'new', '', -1);
        UPDATE orders SET amount = 4 WHERE id = 400";
    sql::execute(&world.left.url(), rows_since).await.unwrap();
    assert_eq!(rerun(&world, 1, false).await.unwrap().name, execution_name(2));
    let second = ended(&world, 2).await;
    assert_eq!((second.state(), counts(&second)), (ExecutionState::CompletedWithErrors, vec![(1, 1_200, 1)]));
    assert_eq!(rows(&world).await, 1_198);

    rerun(&world, 2, false).await.unwrap();
    let third = ended(&world, 3).await;
    assert_eq!((third.state(), counts(&third)), (ExecutionState::Completed, vec![(0, 1_202, 0)]), "four are left");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.state("orders").await, Initializing, "until someone runs the map");
    // Written while it waited: it goes out when the map is live.
    assert_eq!(world.written(order(5, "packed")).await.0, Disposition::Queued);
    world.server.restart().await;
    assert_eq!(world.state("orders").await, Initializing, "also after a crash");
    assert_eq!(world.run("orders").await.unwrap(), Running);
    eventually("the change is written", || async { world.right_has(5, "status").await.as_deref() == Some("packed") })
        .await;
    assert_eq!(rows(&world).await, 1_198);
}

#[tokio::test]
async fn too_many_errors_end_an_execution_early_and_say_so() {
    let world = world_with(4_000, |id| id > 1_000 && id % 2 == 0, "[initial_sync]\nerrors_max = 700\n").await;
    world.run("orders").await.unwrap();
    let failed = ended(&world, 1).await;
    assert_eq!(failed.state(), ExecutionState::Failed);
    let message = failed.error.clone().expect("the reason").message;
    assert!(message.contains("1000 rows could not be written") && message.contains("700"), "{message}");
    assert_eq!(counts(&failed), [(2_000, 0, 1_000)], "it did not go on");
    assert_eq!(world.state("orders").await, Initializing);
    let request = ListExecutionErrorsRequest { parent: execution_name(1), page_size: 1, ..Default::default() };
    let errors = world.sync().list_execution_errors(request).await.unwrap().into_inner();
    assert_eq!(errors.total_size, Some(1_000));
    let told = || async {
        world.events("orders").await.into_iter().any(|event| event.summary.contains("at most 700 may fail"))
    };
    eventually("the log says so", told).await;
    assert_eq!(world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap(), NotRunning);
}

#[tokio::test]
async fn an_execution_is_watched_cancelled_and_run_again() {
    const ROWS: i64 = 200_000;
    let world = world_with(ROWS, |_| false, "").await;
    world.run("orders").await.unwrap();
    let request = WatchExecutionRequest { name: execution_name(1) };
    let mut watching = world.sync().watch_execution(request).await.unwrap().into_inner();
    let (mut written, mut paced) = (-1, false);
    while written < 1_000 {
        let message = watching.message().await.unwrap().expect("it has not ended");
        let now = message.execution.unwrap();
        let project = &now.projects[0];
        assert!(project.written >= written, "it never goes back");
        written = project.written;
        paced |= message.rows_per_second > 0.0 && message.time_left.is_some();
    }
    let request = CancelExecutionRequest { name: execution_name(1), reason: "the wrong table".to_owned() };
    let cancelled = world.sync().cancel_execution(request.clone()).await.unwrap().into_inner();
    assert_eq!(cancelled.state(), ExecutionState::Cancelled);
    let mut last = None;
    while let Some(message) = watching.message().await.unwrap() {
        paced |= message.rows_per_second > 0.0;
        last = message.execution;
    }
    assert_eq!(last.unwrap(), cancelled, "whoever watched it saw its end");
    assert!(paced, "and how fast it went");
    assert_eq!(world.sync().cancel_execution(request).await.unwrap().into_inner(), cancelled, "it is once");
    // What was being written at that moment may end.
    let stands_still = || async {
        let before = rows(&world).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        rows(&world).await == before
    };
    eventually("nothing goes on", stands_still).await;
    assert!(rows(&world).await < ROWS, "it was cancelled before its end");
    assert_eq!(world.state("orders").await, Initializing);

    rerun(&world, 1, true).await.unwrap();
    assert_eq!(ended(&world, 2).await.state(), ExecutionState::Completed);
    world.wait_for_state("orders", Running).await;
    assert_eq!(rows(&world).await, ROWS);
}

#[tokio::test]
async fn a_stopped_copy_goes_on_from_its_position_unless_the_map_was_changed() {
    let world = world_with(80_000, |_| false, "").await;
    let stop_in_the_middle = async |number: u64, at_least: i64| {
        let copied = || async { execution(&world, number).await.projects[0].written >= at_least };
        eventually("it comes so far", copied).await;
        assert_eq!(world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap(), NotRunning);
        let stopped = execution(&world, number).await;
        assert_eq!(stopped.state(), ExecutionState::Cancelled);
        stopped.projects[0].written
    };
    world.run("orders").await.unwrap();
    let before = stop_in_the_middle(1, 2_000).await;
    world.run("orders").await.unwrap();
    let second = ended(&world, 2).await;
    assert_eq!(second.state(), ExecutionState::Completed);
    let written = second.projects[0].written;
    assert!((80_000 - before - 1_000..=80_000 - before).contains(&written), "{before} before, {written} after");
    world.wait_for_state("orders", Running).await;
    assert_eq!(rows(&world).await, 80_000);

    // A run that was not stopped in its copy is followed by a whole one, and so is one of another mapping.
    world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap();
    world.run("orders").await.unwrap();
    stop_in_the_middle(3, 2_000).await;
    let mut map = world.map("orders").await;
    map.column_mappings.retain(|column| column.left_column != "note");
    let update_mask = Some(prost_types::FieldMask { paths: vec!["column_mappings".to_owned()] });
    let request = UpdateTableMapRequest { table_map: Some(map), update_mask, ..Default::default() };
    world.maps().update_table_map(request).await.unwrap();
    world.run("orders").await.unwrap();
    assert_eq!(counts(&ended(&world, 4).await), [(80_000, 0, 0)]);
}

/// Customers, orders that refer to them and lines that refer to orders, on both sides; and a map for each.
async fn shop() -> World {
    let world = World::start().await;
    let tables = "CREATE TABLE customers (id INTEGER PRIMARY KEY NOT NULL, name TEXT);
        CREATE TABLE bills (id INTEGER PRIMARY KEY NOT NULL, customer INTEGER REFERENCES customers (id));
        CREATE TABLE lines (id INTEGER PRIMARY KEY NOT NULL, bill INTEGER NOT NULL REFERENCES bills (id));";
    for url in [world.left.url(), world.right.url()] {
        sql::execute(&url, tables).await.unwrap();
    }
    let rows = "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < 3000)
        INSERT INTO customers SELECT id, 'c' FROM ids;
        INSERT INTO bills SELECT id, id FROM customers; INSERT INTO lines SELECT id, id FROM customers";
    sql::execute(&world.left.url(), rows).await.unwrap();
    for (id, column) in [("lines", "bill"), ("bills", "customer"), ("customers", "name")] {
        let mut map = orders_map();
        map.column_mappings.truncate(2);
        let [key, other] = &mut map.column_mappings[..] else { panic!("two columns") };
        (other.left_column, other.right_column) = (column.to_owned(), column.to_owned());
        for mapping in [key, other] {
            mapping.direction = Direction::LeftToRight.into();
        }
        for side in [&mut map.left, &mut map.right].into_iter().flatten() {
            side.table = id.to_owned();
        }
        world.create_map(id, map).await.unwrap();
    }
    world
}

fn names_of(response: &TransitionResponse) -> Vec<&str> {
    response.results.iter().map(|result| result.name.as_str()).collect()
}

#[tokio::test]
async fn related_maps_run_along_in_dependency_order() {
    let world = shop().await;
    let request = ListRelatedTableMapsRequest { name: name("lines") };
    let related = world.maps().list_related_table_maps(request).await.unwrap().into_inner();
    let order: Vec<&str> = related.table_maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(order, ["tableMaps/customers", "tableMaps/bills", "tableMaps/lines"]);
    assert!(related.cycles.is_empty());

    let request = RunTableMapRequest { name: name("lines"), include_related: true, ..Default::default() };
    let run = world.maps().run_table_map(request).await.unwrap().into_inner();
    assert_eq!(names_of(&run), ["tableMaps/lines", "tableMaps/customers", "tableMaps/bills"], "that asked for first");
    for id in ["lines", "bills", "customers"] {
        world.wait_for_state(id, Running).await;
        let execution = GetExecutionRequest { name: format!("tableMaps/{id}/executions/1") };
        let execution = world.sync().get_execution(execution).await.unwrap().into_inner();
        assert_eq!(counts(&execution), [(3_000, 0, 0)], "{id}: no row came before the one that it refers to");
    }
    let request = PauseTableMapRequest { name: name("bills"), include_related: true, ..Default::default() };
    let paused = world.maps().pause_table_map(request).await.unwrap().into_inner();
    assert_eq!(names_of(&paused), ["tableMaps/bills", "tableMaps/customers"]);
    assert_eq!(world.state("lines").await, Running, "it is not what bills depend on");
    let request = ResumeTableMapRequest { name: name("lines"), include_related: true, ..Default::default() };
    let status = world.maps().resume_table_map(request).await.unwrap_err();
    assert_eq!(reason(&status), "WRONG_STATE", "it runs: {status:?}");
    for id in ["customers", "bills"] {
        world.wait_for_state(id, Running).await; // they were taken along all the same
    }
}

#[tokio::test]
async fn a_circle_of_maps_is_told_and_run_in_the_order_that_is_named() {
    let world = shop().await;
    let mut map = world.map("customers").await;
    map.related_table_maps = vec![name("lines")];
    let update_mask = Some(prost_types::FieldMask { paths: vec!["related_table_maps".to_owned()] });
    let request = UpdateTableMapRequest { table_map: Some(map), update_mask, ..Default::default() };
    world.maps().update_table_map(request).await.unwrap();

    let request = ListRelatedTableMapsRequest { name: name("bills") };
    let related = world.maps().list_related_table_maps(request).await.unwrap().into_inner();
    let circle = ["bills", "customers", "lines"].map(name);
    assert_eq!(related.cycles.iter().map(|cycle| cycle.table_maps.clone()).collect::<Vec<_>>(), [circle.to_vec()]);
    let request = RunTableMapRequest { name: name("bills"), include_related: true, ..Default::default() };
    let status = world.maps().run_table_map(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "RELATED_MAPS_CYCLE"));
    assert!(status.message().contains("bills -> customers -> lines -> bills"), "{}", status.message());
    assert_eq!(world.state("bills").await, NotRunning, "nothing was run");

    let names = ["customers", "bills", "lines"].map(name).to_vec();
    let run =
        world.maps().run_table_map(RunTableMapRequest { names, ..Default::default() }).await.unwrap().into_inner();
    assert_eq!(run.results.len(), 3);
    for id in ["customers", "bills", "lines"] {
        world.wait_for_state(id, Running).await;
    }
}

/// A row that no commit can hold is told of without its values, and holds up nothing.
#[tokio::test]
async fn a_failed_row_that_is_too_large_to_be_kept_is_told_of() {
    let world = world_with(10, |id| id == 5, "").await;
    let large = "UPDATE orders SET note = hex(zeroblob(400000)) WHERE id = 5";
    sql::execute(&world.left.url(), large).await.unwrap();
    world.run("orders").await.unwrap();
    let first = ended(&world, 1).await;
    assert_eq!((first.state(), counts(&first)), (ExecutionState::CompletedWithErrors, vec![(9, 0, 1)]));
    let request = ListExecutionErrorsRequest { parent: execution_name(1), ..Default::default() };
    let errors = world.sync().list_execution_errors(request).await.unwrap().into_inner().errors;
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].record, Some(record([("id", int(5))])), "its key, and nothing else");
    let all = RetryExecutionErrorsRequest { parent: execution_name(1), all: true, ..Default::default() };
    let job = world.sync().retry_execution_errors(all).await.unwrap().into_inner();
    let get = || async {
        let request = GetQueueJobRequest { name: job.name.clone() };
        world.queue().get_queue_job(request).await.unwrap().into_inner()
    };
    eventually("the job ends", || async { get().await.state() == QueueJobState::Completed }).await;
    let job = get().await;
    assert_eq!((job.failed, job.done), (1, 0));
    assert!(job.reasons[0].example.as_ref().unwrap().message.contains("too large"), "{:?}", job.reasons);
}
