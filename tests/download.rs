//! The activity log as a file.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use support::databases::sql;
use support::world::*;
use tandem::services::proto::*;
use tonic::{Code, Status};

async fn chunks(world: &World, request: DownloadActivityRequest) -> Result<Vec<Vec<u8>>, Status> {
    let mut stream = world.maps().download_activity(request).await?.into_inner();
    let mut chunks = Vec::new();
    while let Some(message) = stream.message().await? {
        chunks.push(message.chunk);
    }
    Ok(chunks)
}

async fn file(world: &World, request: DownloadActivityRequest) -> String {
    String::from_utf8(chunks(world, request).await.unwrap().concat()).unwrap()
}

fn json(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn csv(file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn of_orders() -> DownloadActivityRequest {
    DownloadActivityRequest { parent: name("orders"), ..Default::default() }
}

/// A map whose log has some events, and errors of both kinds.
async fn with_errors() -> World {
    let world = World::start().await;
    sql::execute(&world.left.url(), "DROP TABLE orders").await.unwrap();
    let free = "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT, amount INTEGER)";
    sql::execute(&world.left.url(), free).await.unwrap();
    let rows = "INSERT INTO orders VALUES (1, 'a', 'with, \"quotes\"', -1), (2, 'b', '', 2), (3, 'c', '', -3)";
    sql::execute(&world.left.url(), rows).await.unwrap();
    let mut map = asynchronous(orders_map());
    for column in &mut map.column_mappings {
        column.direction = Direction::LeftToRight.into();
    }
    world.create_map("orders", map).await.unwrap();
    world.run("orders").await.unwrap();
    let failed = || async {
        let parent = "tableMaps/orders/executions/1".to_owned();
        let request = ListExecutionErrorsRequest { parent, ..Default::default() };
        world.sync().list_execution_errors(request).await.is_ok_and(|answer| answer.into_inner().errors.len() == 2)
    };
    eventually("two rows failed", failed).await;
    world
        .sync()
        .skip_initial_sync(SkipInitialSyncRequest { name: name("orders"), ..Default::default() })
        .await
        .unwrap();
    world.write(change("orders", record([("id", int(9)), ("amount", int(-9))]))).await.unwrap();
    eventually("one is in error", || async { world.figures("orders").await.in_error == 1 }).await;
    eventually("the log tells of it", || async {
        world.events("orders").await.iter().any(|event| event.kind() == ActivityKind::RecordError)
    })
    .await;
    world
}

#[tokio::test]
async fn a_file_has_every_event_as_the_list_has_it() {
    let world = with_errors().await;
    let events = world.events("orders").await;
    let lines = json(&file(&world, of_orders()).await);
    assert_eq!(lines.len(), events.len());
    let rows = csv(&file(&world, DownloadActivityRequest { format: ActivityFormat::Csv.into(), ..of_orders() }).await);
    assert_eq!(rows.len(), events.len());
    for ((event, line), row) in events.iter().zip(&lines).zip(&rows) {
        assert_eq!(line["sequence"], event.sequence.to_string());
        assert_eq!(line["kind"], event.kind().as_str_name());
        assert_eq!(line["summary"], event.summary);
        assert_eq!(line["tableMap"], "tableMaps/orders");
        assert_eq!((&row["sequence"], &row["summary"]), (&event.sequence.to_string(), &event.summary));
        assert_eq!(row["time"], line["time"].as_str().unwrap());
        assert_eq!(row.get("type"), None, "only events");
        if !event.counts.is_empty() {
            let counts: Value = serde_json::from_str(&row["counts"]).unwrap();
            assert_eq!(counts, line["counts"]);
        }
    }
    let error = lines.iter().find(|line| line["kind"] == "ACTIVITY_KIND_RECORD_ERROR").expect("an error is told");
    assert_eq!(error["error"]["integrationKey"]["fields"]["id"]["int64Value"], "9");

    let filter = ActivityFilter { kinds: vec![ActivityKind::Run.into()], ..Default::default() };
    let runs = json(&file(&world, DownloadActivityRequest { filter: Some(filter), ..of_orders() }).await);
    assert_eq!(runs.len(), 1);
    let (third, last) = (events[2].time, events.last().unwrap().time);
    let within = DownloadActivityRequest { start_time: third, end_time: last, ..of_orders() };
    let expected: Vec<String> = events
        .iter()
        .filter(|event| {
            let time = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
            time(event.time) >= time(third) && time(event.time) < time(last)
        })
        .map(|event| event.sequence.to_string())
        .collect();
    let found: Vec<String> =
        json(&file(&world, within).await).iter().map(|line| line["sequence"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn errors_come_with_their_rows_on_request() {
    let world = with_errors().await;
    let events = world.events("orders").await.len();
    let with_errors = DownloadActivityRequest { include_errors: true, ..of_orders() };
    for parent in [name("orders"), "tableMaps/-".to_owned()] {
        let lines = json(&file(&world, DownloadActivityRequest { parent, ..with_errors.clone() }).await);
        let of = |kind: &str| lines.iter().filter_map(|line| line.get(kind).cloned()).collect::<Vec<Value>>();
        assert_eq!((of("event").len(), of("queuedRecord").len(), of("executionError").len()), (events, 1, 2));
        let record = &of("queuedRecord")[0];
        assert_eq!(record["record"]["fields"]["amount"]["int64Value"], "-9");
        assert_eq!(record["error"]["type"], "ERROR_TYPE_APPLICATION");
        let row = &of("executionError")[0];
        assert_eq!(row["record"]["fields"]["note"]["stringValue"], "with, \"quotes\"");
    }
    let rows = csv(&file(&world, DownloadActivityRequest { format: ActivityFormat::Csv.into(), ..with_errors }).await);
    let types = |kind: &str| rows.iter().filter(|row| row["type"] == kind).count();
    assert_eq!((types("event"), types("queuedRecord"), types("executionError")), (events, 1, 2));
    let row = rows.iter().find(|row| row["type"] == "executionError").unwrap();
    assert_eq!(row["name"], "tableMaps/orders/executions/1/errors/1");
    let record: Value = serde_json::from_str(&row["record"]).unwrap();
    assert_eq!(record["fields"]["note"]["stringValue"], "with, \"quotes\"");
    // Nothing failed before the beginning of time.
    let before = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    let nothing = DownloadActivityRequest { end_time: before, include_errors: true, ..of_orders() };
    assert_eq!(file(&world, nothing).await, "");
}

#[tokio::test]
async fn a_long_log_comes_in_chunks() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    for _ in 0..300 {
        let pause = PauseTableMapRequest { name: name("orders"), reason: "r".repeat(500), ..Default::default() };
        world.maps().pause_table_map(pause).await.unwrap();
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    }
    let chunks = chunks(&world, of_orders()).await.unwrap();
    assert!(chunks.len() > 3 && chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= 64 * 1024));
    let lines = json(&String::from_utf8(chunks.concat()).unwrap());
    let sequences: Vec<i64> = lines.iter().map(|line| line["sequence"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>(), "each once, oldest first");
    assert!(sequences.len() > 600);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_and_a_deleted_maps_log_can_be_had() {
    let world = World::start().await;
    let wrong = DownloadActivityRequest { parent: "orders".to_owned(), format: 9, ..Default::default() };
    let status = chunks(&world, wrong).await.unwrap_err();
    assert_eq!(
        (status.code(), fields(&status)),
        (Code::InvalidArgument, vec!["parent".to_owned(), "format".to_owned()])
    );
    let status = chunks(&world, of_orders()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    world.create_map("orders", orders_map()).await.unwrap();
    world.maps().delete_table_map(DeleteTableMapRequest { name: name("orders"), ..Default::default() }).await.unwrap();
    let with_errors = DownloadActivityRequest { include_errors: true, ..of_orders() };
    let kinds: Vec<Value> =
        json(&file(&world, with_errors).await).iter().map(|line| line["event"]["kind"].clone()).collect();
    assert_eq!(kinds, ["ACTIVITY_KIND_CREATED", "ACTIVITY_KIND_DELETED"]);
}
