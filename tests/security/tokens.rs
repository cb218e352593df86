//! Bearer tokens: shown, known, rotated and taken away.

use super::support::access::*;
use super::support::server::{PATIENCE, Server};
use super::support::world::*;
use std::process::{Command, Stdio};
use std::time::Duration;
use tandem::model::token::TokenHash;
use tandem::services::proto::*;
use tokio::time::timeout;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

fn list() -> ListTableMapsRequest {
    ListTableMapsRequest::default()
}

#[tokio::test]
async fn a_call_without_a_known_token_is_refused() {
    let server = Server::start_with(&[], &client("erp", "viewer", "\"*\"")).await;
    let refused = server.maps().list_table_maps(list()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    for wrong in ["", "tandem_", &token("erp")[1..], &format!("{}x", token("erp")), "Bearer"] {
        let refused = server.maps().list_table_maps(shown(wrong, list())).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::Unauthenticated, "CREDENTIALS_INVALID"),
            "{wrong}"
        );
    }
    let mut basic = Request::new(list());
    basic.metadata_mut().insert("authorization", format!("Basic {}", token("erp")).parse().unwrap());
    assert_eq!(server.maps().list_table_maps(basic).await.unwrap_err().code(), Code::Unauthenticated);
    server.maps().list_table_maps(of("erp", list())).await.unwrap();
}

#[tokio::test]
async fn health_is_everybodys_and_reflection_is_not() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    let server = Server::start_with(&[], &client("erp", "viewer", "[\"orders\"]")).await;
    let mut health = HealthClient::new(server.channel());
    health.check(HealthCheckRequest::default()).await.unwrap();

    let ask = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request }])
    };
    let mut reflection = ServerReflectionClient::new(server.channel());
    let refused = reflection.server_reflection_info(ask()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut answers = reflection.server_reflection_info(of("erp", ask())).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}

#[tokio::test]
async fn the_log_says_which_client_it_was_and_for_whom() {
    let world = World::start_with(&client("console", "admin", "\"*\"")).await;
    let request = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(orders_map()),
        ..Default::default()
    };
    let mut request = of("console", request);
    request.metadata_mut().insert("tandem-actor", "ada@example.com".parse().unwrap());
    world.maps().create_table_map(request).await.unwrap();
    let run =
        RunTableMapRequest { name: name("orders"), initial_sync: InitialSyncMode::Skip.into(), ..Default::default() };
    world.maps().run_table_map(of("console", run)).await.unwrap();
    let request = ListActivityRequest { parent: name("orders"), ..Default::default() };
    let listed = world.maps().list_activity(of("console", request)).await.unwrap().into_inner();
    let actor = |kind: ActivityKind| {
        let event = listed.events.iter().find(|event| event.kind() == kind).expect("it was told");
        event.actor.clone()
    };
    assert_eq!(actor(ActivityKind::Created), "console/ada@example.com");
    assert_eq!(actor(ActivityKind::Run), "console");
}

/// Whatever a client does to a map, its log says that it was that client.
#[tokio::test]
async fn every_action_in_the_log_has_its_actor() {
    let config = ["admin", "operator", "writer"].map(|role| client(role, role, "\"*\"")).concat();
    let world = World::start_with(&config).await;
    let (mut maps, mut queue) = (world.maps(), world.queue());
    let name = name("orders");
    let create = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(asynchronous(orders_map())),
        ..Default::default()
    };
    let created = maps.create_table_map(of("admin", create)).await.unwrap().into_inner();
    let table_map = Some(TableMap {
        display_name: "Orders".to_owned(),
        etag: created.etag,
        name: name.clone(),
        ..Default::default()
    });
    let update_mask = Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] });
    maps.update_table_map(of("admin", UpdateTableMapRequest { table_map, update_mask, ..Default::default() }))
        .await
        .unwrap();
    let run =
        RunTableMapRequest { name: name.clone(), initial_sync: InitialSyncMode::Skip.into(), ..Default::default() };
    maps.run_table_map(of("operator", run)).await.unwrap();
    let bad = change("orders", record([("id", int(1)), ("amount", int(-1))]));
    world.sync().write_record(of("writer", bad)).await.unwrap();
    let errors = || {
        let mut queue = world.queue();
        let request = ListCatchUpErrorsRequest { parent: "tableMaps/orders".to_owned(), ..Default::default() };
        async move { queue.list_catch_up_errors(of("operator", request)).await.unwrap().into_inner().errors }
    };
    eventually("it is in error", || async { errors().await.len() == 1 }).await;
    let retry = RetryCatchUpErrorsRequest { parent: name.clone(), all: true, ..Default::default() };
    queue.retry_catch_up_errors(of("operator", retry)).await.unwrap();
    eventually("the retry has ended", || async {
        let errors = errors().await;
        errors.first().is_some_and(|error| error.attempts > 1)
    })
    .await;
    let record_name = errors().await.remove(0).name;
    let delete = DeleteQueuedRecordsRequest {
        parent: name.clone(),
        names: vec![record_name],
        confirm_count: 1,
        ..Default::default()
    };
    queue.delete_queued_records(of("operator", delete)).await.unwrap();
    maps.pause_table_map(of("operator", PauseTableMapRequest { name: name.clone(), ..Default::default() }))
        .await
        .unwrap();
    maps.resume_table_map(of("operator", ResumeTableMapRequest { name: name.clone(), ..Default::default() }))
        .await
        .unwrap();
    let stop = StopTableMapRequest {
        name: name.clone(),
        queued_records: QueuedRecordsDisposition::Discard.into(),
        ..Default::default()
    };
    maps.stop_table_map(of("operator", stop)).await.unwrap();
    let request = ListActivityRequest { parent: name, page_size: 1_000, ..Default::default() };
    let events = maps.list_activity(of("admin", request)).await.unwrap().into_inner().events;
    let told: Vec<_> = events.iter().map(|event| (event.kind(), event.actor.as_str())).collect();
    let expected = [
        (ActivityKind::Created, "admin"),
        (ActivityKind::Updated, "admin"),
        (ActivityKind::Run, "operator"),
        (ActivityKind::RecordError, "tandem"),
        (ActivityKind::Retried, "operator"),
        (ActivityKind::Retried, "tandem"),
        (ActivityKind::DeletedFromQueue, "operator"),
        (ActivityKind::DeletedFromQueue, "operator"),
        (ActivityKind::StateChanged, "operator"),
        (ActivityKind::CatchUpStarted, "operator"),
        (ActivityKind::CatchUpCompleted, "tandem"),
        (ActivityKind::StateChanged, "operator"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_token_is_rotated_without_a_restart_and_one_that_is_taken_away_ends_its_streams() {
    let world = World::start_with(&client("erp", "admin", "\"*\"")).await;
    let request = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(orders_map()),
        ..Default::default()
    };
    world.maps().create_table_map(of("erp", request)).await.unwrap();
    let tail = |token: &str| {
        let request = shown(token, TailActivityRequest { parent: name("orders"), ..Default::default() });
        let mut maps = world.maps();
        async move { maps.tail_activity(request).await.unwrap().into_inner() }
    };
    let (old, new) = (TokenHash::of(&token("erp")).to_string(), TokenHash::of(&token("next")).to_string());
    let mut by_old = tail(&token("erp")).await;
    by_old.message().await.unwrap();

    world.configure(|config| config.replace(&format!("\"{old}\""), &format!("\"{old}\", \"{new}\"")));
    world.reload().await;
    for shown_token in ["erp", "next"] {
        world.maps().list_table_maps(of(shown_token, list())).await.unwrap();
    }
    let mut by_new = tail(&token("next")).await;
    by_new.message().await.unwrap();

    world.configure(|config| config.replace(&format!("\"{old}\", "), ""));
    world.reload().await;
    let refused = world.maps().list_table_maps(of("erp", list())).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIALS_INVALID");
    let ended = timeout(PATIENCE, async {
        loop {
            if let Err(ended) = by_old.message().await {
                return ended;
            }
        }
    });
    let ended = ended.await.expect("the stream of the old token ends");
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));

    // The stream of the new token goes on: it tells of what is done now.
    let request =
        RunTableMapRequest { name: name("orders"), initial_sync: InitialSyncMode::Skip.into(), ..Default::default() };
    world.maps().run_table_map(of("next", request)).await.unwrap();
    let told = timeout(PATIENCE, async {
        loop {
            match by_new.message().await.unwrap().and_then(|answer| answer.item) {
                Some(tail_activity_response::Item::Event(event)) if event.kind() == ActivityKind::Run => return,
                _ => {}
            }
        }
    });
    told.await.expect("the stream of the new token goes on");
}

#[tokio::test]
async fn a_role_that_becomes_too_small_ends_a_stream() {
    let world = World::start_with(&(client("boss", "admin", "\"*\"") + &client("erp", "writer", "\"*\""))).await;
    let request = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(orders_map()),
        ..Default::default()
    };
    world.maps().create_table_map(of("boss", request)).await.unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let changes = of("erp", tokio_stream::wrappers::ReceiverStream::new(receiver));
    let mut answers = world.sync().write_records(changes).await.unwrap().into_inner();
    let change = || {
        let change = WriteRecordRequest { change_id: "1".to_owned(), ..change("orders", record([("id", int(1))])) };
        WriteRecordsRequest { change: Some(change) }
    };
    sender.send(change()).await.unwrap();
    assert!(answers.message().await.unwrap().is_some());
    world.configure(|config| config.replace("role = \"writer\"", "role = \"viewer\""));
    world.reload().await;
    let ended = timeout(Duration::from_secs(10), answers.message()).await.expect("it ends").unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
}

/// What docs/security.md shows: a token, its hash, a configuration.
#[tokio::test]
async fn a_token_that_the_command_makes_is_known_by_the_hash_that_it_prints() {
    let made = Command::new(env!("CARGO_BIN_EXE_tandem")).args(["token", "new"]).output().unwrap();
    assert!(made.status.success());
    let (made_token, hash) = (String::from_utf8(made.stdout).unwrap(), String::from_utf8(made.stderr).unwrap());
    let (made_token, hash) = (made_token.trim(), hash.trim());
    assert!(made_token.starts_with("tandem_") && made_token.len() == 71, "{made_token}");
    assert_eq!(hash_of(made_token), (true, format!("{hash}\n")));
    let another = Command::new(env!("CARGO_BIN_EXE_tandem")).args(["token", "new"]).output().unwrap();
    assert_ne!(String::from_utf8(another.stdout).unwrap().trim(), made_token);

    let config = format!("[[clients]]\nid = \"erp\"\nrole = \"viewer\"\ntoken_hashes = [\"{hash}\"]\n");
    let server = Server::start_with(&[], &config).await;
    server.maps().list_table_maps(shown(made_token, list())).await.unwrap();
    assert!(!hash_of("hunter2").0, "a word is no token");
}

/// `tandem token hash`: whether it succeeded, and what it printed.
fn hash_of(token: &str) -> (bool, String) {
    use std::io::Write;
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    let mut child = command.args(["token", "hash"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn refused_calls_are_audited_and_not_each_of_them() {
    let server = Server::start_with(&[], &(client("erp", "viewer", "[\"orders\"]"))).await;
    for _ in 0..300 {
        server.maps().list_table_maps(list()).await.unwrap_err();
        server.maps().get_table_map(of("erp", GetTableMapRequest { name: name("products") })).await.unwrap_err();
        server
            .maps()
            .delete_table_map(of("erp", DeleteTableMapRequest { name: name("orders"), ..Default::default() }))
            .await
            .unwrap_err();
    }
    let log = server.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("tandem::audit")).collect();
    let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert!(of("UNAUTHENTICATED") >= 1 && of("UNAUTHENTICATED") <= 4, "{lines:#?}");
    assert!(of("PERMISSION_DENIED") >= 1 && of("PERMISSION_DENIED") <= 4, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("ListTableMaps") && line.contains("127.0.0.1")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("erp") && line.contains("GetTableMap")), "{lines:#?}");
    eventually("the rest is counted", || async { server.log().contains("refused that often again") }).await;
}
