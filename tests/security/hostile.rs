//! Callers who mean harm, or do harm: the others go on, and what they take is bounded.

use super::support::access::*;
use super::support::server::{PATIENCE, Server};
use super::support::world::*;
use futures::future::select_all;
use h2::client::SendRequest;
use http::Request;
use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use sqlx::Connection;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tandem::services::proto::*;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic::codec::CompressionEncoding;

fn list() -> ListTableMapsRequest {
    ListTableMapsRequest::default()
}

/// Somebody who does what they should, at the same time.
async fn a_good_client_is_answered(server: &Server) {
    let begun = Instant::now();
    let mut maps = table_map_service_client::TableMapServiceClient::new(server.connect().await);
    timeout(PATIENCE, maps.list_table_maps(list())).await.expect("it is answered").expect("well");
    assert!(begun.elapsed() < Duration::from_secs(10), "a good client waited {:?}", begun.elapsed());
}

use tandem::services::proto::table_map_service_client;

/// A connection of HTTP/2 on which a test does what no client library does.
async fn raw(server: &Server, window: u32) -> (SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window).initial_max_send_streams(100_000);
    let (client, connection) = builder.handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

fn head(server: &Server, method: &str) -> Request<()> {
    Request::post(format!("http://{}/tandem.v1.{method}", server.address()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    frame.freeze()
}

fn grpc_status(headers: &http::HeaderMap) -> Option<i32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

#[tokio::test]
async fn a_request_that_never_ends_is_ended() {
    let server = Server::start_with(&[], "[limits]\nrequest_timeout = \"1s\"\n").await;
    let (mut client, _connection) = raw(&server, 65_535).await;
    let begun = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..200 {
        client = client.ready().await.unwrap();
        let (answer, mut body) = client.send_request(head(&server, "TableMapService/ListTableMaps"), false).unwrap();
        body.send_data(Bytes::from_static(&[0, 0, 0]), false).unwrap();
        slow.push((answer, body));
    }
    a_good_client_is_answered(&server).await;
    for (answer, _body) in slow {
        let answer = timeout(PATIENCE, answer).await.expect("it is ended").unwrap();
        assert_eq!(grpc_status(answer.headers()), Some(Code::DeadlineExceeded as i32), "{answer:?}");
    }
    assert!(begun.elapsed() >= Duration::from_secs(1));
    a_good_client_is_answered(&server).await;
}

/// 4 MiB each is taken; 500 that never become whole would be 2 GB.
#[tokio::test]
async fn requests_that_stop_half_way_take_no_more_than_their_part() {
    let server = Server::start_with(&[], "[limits]\nrequest_timeout = \"3s\"\n").await;
    server.maps().list_table_maps(list()).await.unwrap();
    let before = server.memory_mb("VmHWM");
    let mut most = vec![0; 3_900_000];
    most[1..5].copy_from_slice(&4_000_000_u32.to_be_bytes());
    let most = Bytes::from(most);
    let mut held = Vec::new();
    for _ in 0..10 {
        let (mut client, connection) = raw(&server, 65_535).await;
        for _ in 0..50 {
            client = client.ready().await.unwrap();
            let (answer, mut body) = client.send_request(head(&server, "SyncService/WriteRecord"), false).unwrap();
            body.send_data(most.clone(), false).unwrap();
            held.push((answer, body));
        }
        std::mem::forget(connection);
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        a_good_client_is_answered(&server).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (answer, _body) in held {
        let answer = timeout(PATIENCE, answer).await.expect("it is ended").unwrap();
        assert_eq!(grpc_status(answer.headers()), Some(Code::DeadlineExceeded as i32), "{answer:?}");
    }
    let grown = server.memory_mb("VmHWM") - before;
    assert!(grown < 250.0, "requests that are not whole took {grown} MB");
    // A message of that size is taken all the same, and looked at.
    let large = change("orders", record([("note", text(&"x".repeat(3_500_000)))]));
    assert_eq!(server.write(large).await.unwrap_err().code(), Code::NotFound, "there is no such map");
}

/// What nobody can write now stays with whoever sends it.
#[tokio::test]
async fn changes_of_streams_that_wait_take_no_more_than_their_part() {
    const CHANGES: i64 = 500;
    const STREAMS: i64 = 8;
    let world = World::start_with("[limits]\nrequest_bytes_per_client_max = \"16MiB\"\n").await;
    world.running_map("orders", orders_map()).await;
    let before = world.memory_mb("VmHWM");
    let locked = super::limits::hold(&world.right.url()).await;
    let note = "x".repeat(100_000);
    let mut answered = Vec::new();
    for stream in 0..STREAMS {
        let note = note.clone();
        let changes = tokio_stream::iter(0..CHANGES).map(move |count| {
            let id = stream * CHANGES + count;
            let change = change("orders", record([("id", int(id)), ("note", text(&note))]));
            WriteRecordsRequest { change: Some(WriteRecordRequest { change_id: id.to_string(), ..change }) }
        });
        let mut sync = world.sync();
        answered.push(tokio::spawn(async move {
            let mut answers = sync.write_records(changes).await.unwrap().into_inner();
            let mut count = 0;
            while let Some(answer) = answers.message().await.unwrap() {
                assert!(answer.result.is_some());
                count += 1;
            }
            count
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = world.memory_mb("VmHWM") - before;
    assert!(grown < 150.0, "changes that wait took {grown} MB of the 400 MB that there are");
    a_good_client_is_answered(&world.server).await;
    locked.close().await.unwrap();
    for stream in answered {
        assert_eq!(timeout(PATIENCE, stream).await.expect("it is answered").unwrap(), CHANGES);
    }
}

/// Answers of megabytes that nobody takes, many times as many as would fit in the memory that is allowed here.
#[tokio::test]
async fn answers_that_nobody_reads_take_no_more_than_their_part() {
    let world = World::start_with(&(client("slow", "admin", "\"*\"") + &client("good", "admin", "\"*\""))).await;
    let map = asynchronous(orders_map());
    let create =
        CreateTableMapRequest { table_map_id: "orders".to_owned(), table_map: Some(map), ..Default::default() };
    world.maps().create_table_map(of("good", create)).await.unwrap();
    let run =
        RunTableMapRequest { name: name("orders"), initial_sync: InitialSyncMode::Skip.into(), ..Default::default() };
    world.maps().run_table_map(of("good", run)).await.unwrap();
    let pause = PauseTableMapRequest { name: name("orders"), ..Default::default() };
    world.maps().pause_table_map(of("good", pause)).await.unwrap();
    let note = "x".repeat(30_000);
    for id in 0..100 {
        let change = change("orders", record([("id", int(id)), ("note", text(&note))]));
        world.sync().write_record(of("good", change)).await.unwrap();
    }
    let before = world.memory_mb("VmHWM");
    let request = framed(&ListQueuedRecordsRequest { parent: name("orders"), page_size: 1_000, ..Default::default() });
    let (mut client, _connection) = raw(&world.server, 0).await;
    let mut unread = Vec::new();
    for _ in 0..1_000 {
        client = client.ready().await.unwrap();
        let mut head = head(&world.server, "QueueService/ListQueuedRecords");
        head.headers_mut().insert("authorization", format!("Bearer {}", token("slow")).parse().unwrap());
        let (answer, mut body) = client.send_request(head, false).unwrap();
        body.send_data(request.clone(), true).unwrap();
        unread.push(answer);
    }
    // Which of them is answered first is the server's choice; whoever waits behind them waits for as long as nobody reads.
    let (answer, _, unread) = timeout(PATIENCE, select_all(unread)).await.expect("one is answered");
    let _unread = (answer.unwrap(), unread);
    for _ in 0..20 {
        let page = ListQueuedRecordsRequest { parent: name("orders"), page_size: 10, ..Default::default() };
        let page =
            timeout(PATIENCE, world.queue().list_queued_records(of("good", page))).await.expect("in time").unwrap();
        assert_eq!(page.into_inner().queued_records.len(), 10);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = world.memory_mb("VmHWM") - before;
    // 1,000 of 3 MB would be 3 GB; 32 are 100 MB, made of as much again while they are.
    assert!(grown < 400.0, "answers that nobody reads took {grown} MB");
}

#[tokio::test]
async fn ten_thousand_connections_keep_nobody_out() {
    const HOSTILE: usize = 10_000;
    raise_file_limit();
    let server =
        Server::start_with(&[], "[limits]\nconnections_max = 2000\nconnections_per_address_max = 1000\n").await;
    let hostile = SocketAddr::from((Ipv4Addr::new(127, 66, 0, 1), 0));
    let target: SocketAddr = server.address().parse().unwrap();
    let before = server.memory_mb("VmRSS");
    let mut held = Vec::new();
    for count in 0..HOSTILE {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(hostile).unwrap();
        held.extend(timeout(PATIENCE, socket.connect(target)).await.expect("it is taken or refused").ok());
        if count % 1_000 == 0 {
            a_good_client_is_answered(&server).await;
        }
    }
    assert!(held.len() > HOSTILE / 2, "only {} connections came about", held.len());
    a_good_client_is_answered(&server).await;
    let grown = server.memory_mb("VmRSS") - before;
    assert!(grown < 200.0, "they took {grown} MB");
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.process_id())).unwrap().count();
    assert!(open < 1_500, "{open} files are open");
    drop(held);
    a_good_client_is_answered(&server).await;
}

/// This process holds the other ends.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    const NEEDED: u64 = 12_000;
    let mut limit = getrlimit(Resource::Nofile);
    limit.maximum = limit.maximum.map(|files| files.max(NEEDED)); // root may have more than it was given
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("this test needs 12,000 files (ulimit -Hn)");
}

/// CVE-2023-44487: streams that are begun and reset at once.
#[tokio::test]
async fn streams_that_are_reset_at_once_end_their_connection() {
    let server = Server::start(&[]).await;
    let (mut client, connection) = raw(&server, 65_535).await;
    let attack = async {
        for _ in 0..100_000 {
            client = match client.ready().await {
                Ok(client) => client,
                Err(_) => return true,
            };
            match client.send_request(head(&server, "TableMapService/ListTableMaps"), false) {
                Ok((_, mut body)) => body.send_reset(h2::Reason::CANCEL),
                Err(_) => return true,
            }
            tokio::task::yield_now().await;
        }
        false
    };
    assert!(timeout(PATIENCE, attack).await.expect("it comes to an end"), "100,000 resets were taken");
    assert!(connection.await.unwrap().is_err());
    a_good_client_is_answered(&server).await;
}

#[tokio::test]
async fn huge_headers_are_refused() {
    let server = Server::start(&[]).await;
    for bytes in [20_000, 1_000_000] {
        let (client, _connection) = raw(&server, 65_535).await;
        let mut client = client.ready().await.unwrap();
        let mut head = head(&server, "TableMapService/ListTableMaps");
        for part in 0..bytes / 5_000 {
            let name = http::HeaderName::from_bytes(format!("x-huge-{part}").as_bytes()).unwrap();
            head.headers_mut().insert(name, "h".repeat(5_000).parse().unwrap());
        }
        if let Ok((answer, mut body)) = client.send_request(head, false) {
            let _ = body.send_data(framed(&list()), true);
            match timeout(PATIENCE, answer).await.expect("it is refused") {
                Ok(answer) => assert_eq!(answer.status(), 431, "{answer:?}"),
                Err(error) => assert!(error.is_remote() || error.is_io() || error.is_go_away(), "{error:?}"),
            }
        }
        a_good_client_is_answered(&server).await;
    }
}

/// Small when it comes, and large when it is unpacked.
#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let server = Server::start(&[]).await;
    server.maps().list_table_maps(list()).await.unwrap();
    let before = server.memory_mb("VmHWM");
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let bomb = change("orders", record([("note", text(&"\0".repeat(200 << 20)))]));
        let refused = server.sync().send_compressed(encoding).write_record(bomb).await.unwrap_err();
        assert!(!matches!(refused.code(), Code::Ok | Code::NotFound | Code::Unavailable), "{refused:?}");
    }
    let grown = server.memory_mb("VmHWM") - before;
    assert!(grown < 64.0, "two bombs of 200 MiB took {grown} MB");
    a_good_client_is_answered(&server).await;
}

/// A machine that was switched off answers nothing, and closes nothing.
#[tokio::test]
async fn who_does_not_answer_when_asked_is_let_go() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let keepalive = "[limits]\nkeepalive_interval = \"1s\"\nkeepalive_timeout = \"1s\"\nidle_timeout = \"1h\"\n";
    let server = Server::start_with(&[], keepalive).await;
    let mut dead = TcpStream::connect(server.address()).await.unwrap();
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut rest = Vec::new();
    let closed = timeout(Duration::from_secs(20), dead.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "it is closed");
    // Who does answer stays: this connection is older than an interval and its time-out.
    let request = TailActivityRequest { parent: "tableMaps/-".to_owned(), ..Default::default() };
    let mut tail = server.maps().tail_activity(request).await.unwrap().into_inner();
    let still = timeout(Duration::from_secs(4), async {
        loop {
            tail.message().await.expect("the stream goes on");
        }
    });
    assert!(still.await.is_err());
}

#[tokio::test]
async fn what_is_no_request_breaks_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start(&[]).await;
    let garbage: [&[u8]; 6] = [
        b"\0\0\0\0\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"POST /tandem.v1.TableMapService/ListTableMaps HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 5\r\n\r\n\x02\xff\xff\xff\xff",
        b"POST /tandem.v1.TableMapService/ListTableMaps HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        &[0xff; 4_096],
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = timeout(Duration::from_millis(200), stream.read(&mut [0; 256])).await;
        a_good_client_is_answered(&server).await;
    }
}
