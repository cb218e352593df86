//! What one client may take, each by the name of its setting.

use super::support::access::*;
use super::support::server::{PATIENCE, Server};
use super::support::world::*;
use sqlx::{Connection, SqliteConnection};
use std::time::{Duration, Instant};
use tandem::services::proto::admin::DownloadBackupRequest;
use tandem::services::proto::admin::admin_service_client::AdminServiceClient;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;

fn limits(keys: &str) -> String {
    format!("[limits]\n{keys}\n")
}

fn assert_over(refused: &Status, setting: &str) {
    assert_eq!(
        (refused.code(), reason(refused).as_str()),
        (Code::ResourceExhausted, "TOO_MANY_REQUESTS"),
        "{refused:?}"
    );
    assert_eq!(refused.get_details_error_info().unwrap().metadata["setting"], format!("limits.{setting}"));
    assert!(refused.get_details_retry_info().is_some());
}

/// Nobody else writes to this SQLite database until the connection is closed.
pub async fn hold(url: &str) -> SqliteConnection {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.unwrap();
    connection
}

fn tail() -> TailActivityRequest {
    TailActivityRequest { parent: "tableMaps/-".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_client_has_so_many_streams_and_another_its_own() {
    let config = limits("streams_per_client_max = 3\nstreams_max = 5")
        + &client("a", "viewer", "\"*\"")
        + &client("b", "viewer", "\"*\"");
    let server = Server::start_with(&[], &config).await;
    let open = |client: &'static str| {
        let mut maps = server.maps();
        async move { maps.tail_activity(of(client, tail())).await.map(tonic::Response::into_inner) }
    };
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(open("a").await.unwrap());
    }
    assert_over(&open("a").await.unwrap_err(), "streams_per_client_max");
    streams.push(open("b").await.unwrap());
    streams.push(open("b").await.unwrap());
    assert_over(&open("b").await.unwrap_err(), "streams_max");
    // Calls that are no streams go on, and who lets go of one may have another.
    server.maps().list_table_maps(of("a", ListTableMapsRequest::default())).await.unwrap();
    drop(streams.remove(0));
    eventually("its place is free", || async { open("a").await.is_ok() }).await;
}

#[tokio::test]
async fn a_client_has_so_many_calls_at_once() {
    let world = World::start_with(&limits("calls_per_client_max = 2")).await;
    world.running_map("orders", orders_map()).await;
    let locked = hold(&world.right.url()).await;
    let write = |id: i64| {
        let mut sync = world.sync();
        tokio::spawn(async move { sync.write_record(change("orders", record([("id", int(id))]))).await })
    };
    let (first, second) = (write(1), write(2));
    // Who asks whether both are under way must not take the place of one.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let request = GetTableMapRequest { name: name("orders") };
    assert_over(&world.maps().get_table_map(request).await.unwrap_err(), "calls_per_client_max");
    locked.close().await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    world.write(change("orders", record([("id", int(4))]))).await.unwrap();
}

#[tokio::test]
async fn a_record_has_so_many_fields_and_a_page_so_many_entries() {
    let world = World::start_with(&limits("record_fields_max = 3\npage_size_max = 2")).await;
    world.running_map("orders", orders_map()).await;
    let four = record([("id", int(1)), ("status", text("")), ("note", text("")), ("amount", int(1))]);
    let refused = world.write(change("orders", four)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("record.fields has 4 fields, at most 3 are taken"), "{}", refused.message());
    world.write(change("orders", record([("id", int(1)), ("note", text("")), ("amount", int(1))]))).await.unwrap();
    world.pause("orders").await.unwrap();
    let request = ListActivityRequest { parent: name("orders"), page_size: 1_000, ..Default::default() };
    let page = world.maps().list_activity(request).await.unwrap().into_inner();
    assert_eq!(page.events.len(), 2);
    assert!(!page.next_page_token.is_empty());
}

#[tokio::test]
async fn there_is_one_backup_at_a_time() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    // More than is sent to a reader who does not read.
    for id in 0..50 {
        let note = letters_in_no_order(id, 100_000);
        world.write(change("orders", record([("id", int(id)), ("note", text(&note))]))).await.unwrap();
    }
    let download = || {
        let mut admin = AdminServiceClient::new(world.channel());
        async move { admin.download_backup(DownloadBackupRequest {}).await.map(tonic::Response::into_inner) }
    };
    let first = download().await.unwrap();
    assert_over(&download().await.unwrap_err(), "backups_max");
    drop(first);
    eventually("another may be made", || async { download().await.is_ok() }).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let server = Server::start_with(&[], &limits("connections_per_address_max = 3")).await;
    server.maps().list_table_maps(ListTableMapsRequest::default()).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(server.address()).await.unwrap());
    }
    let mut over = TcpStream::connect(server.address()).await.unwrap();
    let closed = timeout(PATIENCE, over.read(&mut [0; 1])).await.expect("it is closed at once");
    assert!(matches!(closed, Ok(0) | Err(_)));
    server.maps().list_table_maps(ListTableMapsRequest::default()).await.unwrap();
    assert!(server.log().contains("TOO_MANY_CONNECTIONS_OF_ADDRESS"));
    held.clear();
    let mut maps = TableMapServiceClient::new(server.connect().await);
    eventually("there is room again", || {
        let mut maps = maps.clone();
        async move { maps.list_table_maps(ListTableMapsRequest::default()).await.is_ok() }
    })
    .await;
    maps.list_table_maps(ListTableMapsRequest::default()).await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_with_a_stream_is_not() {
    let server = Server::start_with(&[], &limits("idle_timeout = \"1s\"")).await;
    let mut silent = TcpStream::connect(server.address()).await.unwrap();
    let begun = Instant::now();
    let mut watched = server.maps().tail_activity(tail()).await.unwrap().into_inner();
    let closed = timeout(PATIENCE, silent.read(&mut [0; 64])).await.expect("it is closed");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    // Longer than an idle connection could last.
    let still = timeout(Duration::from_secs(3), async {
        loop {
            watched.message().await.expect("the stream goes on");
        }
    });
    assert!(still.await.is_err(), "a stream has no end");
    // A client that was idle connects again by itself.
    server.maps().list_table_maps(ListTableMapsRequest::default()).await.unwrap();
}

#[tokio::test]
async fn who_begins_and_does_not_go_on_is_let_go() {
    let authority = super::support::certificates::Authority::new("ours");
    let files = tempfile::tempdir().unwrap();
    let (cert, key) = (files.path().join("tls.crt"), files.path().join("tls.key"));
    authority.server().write(&cert, &key);
    let tls = format!("[tls]\ncert_file = \"{}\"\nkey_file = \"{}\"\n", cert.display(), key.display());
    for (config, begun) in [(tls, &[0x16, 3, 1][..]), (String::new(), &b"POST /tandem.v1.Tab"[..])] {
        let server = Server::start_with(&[], &(limits("handshake_timeout = \"500ms\"") + &config)).await;
        let mut slow = TcpStream::connect(server.address()).await.unwrap();
        slow.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        let closed = timeout(PATIENCE, slow.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "it is closed");
    }
}

#[tokio::test]
async fn a_call_has_its_time_whatever_its_caller_says() {
    let world = World::start_with(&limits("call_timeout = \"500ms\"")).await;
    world.running_map("orders", orders_map()).await;
    let locked = hold(&world.right.url()).await;
    let begun = Instant::now();
    let late = world.write(change("orders", record([("id", int(1))]))).await.unwrap_err();
    assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "WAIT_TIMEOUT"));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    locked.close().await.unwrap();
}
