//! What holds for the whole contract, whatever a method does: reflection, health, compression, gRPC-Web, what is not
//! offered, deadlines and the end.

mod support;

use prost::Message;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};
use support::server::Server;
use support::world::*;
use tandem::services::methods::OFFERED;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::*;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

const SERVICES: [&str; 4] =
    ["tandem.v1.AlertService", "tandem.v1.QueueService", "tandem.v1.SyncService", "tandem.v1.TableMapService"];

/// Every method of the contract, as `service/method`, from the descriptors that reflection serves.
fn methods() -> BTreeSet<String> {
    let set = prost_types::FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    let files = set.file.iter().filter(|file| file.package() == "tandem.v1");
    let services = files.flat_map(|file| &file.service);
    services
        .flat_map(|service| {
            service.method.iter().map(|method| format!("tandem.v1.{}/{}", service.name(), method.name()))
        })
        .collect()
}

use tandem::services::proto;

fn offered() -> BTreeSet<String> {
    let methods = OFFERED.iter().flat_map(|(service, methods)| methods.iter().map(move |m| format!("{service}/{m}")));
    methods.collect()
}

/// Calls a method with an empty message and gives the status it ends with, if it is an error.
async fn call_empty(server: &Server, path: &str) -> Option<tonic::Status> {
    let mut client = tonic::client::Grpc::new(server.channel());
    client.ready().await.unwrap();
    let path = format!("/{path}").parse().unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let sent = tokio_stream::iter([()]);
    match client.streaming(Request::new(sent), path, codec).await {
        Err(status) => Some(status),
        Ok(answer) => answer.into_inner().message().await.err(),
    }
}

#[tokio::test]
async fn what_is_offered_answers_and_the_rest_says_that_it_is_not() {
    let server = Server::start(&[]).await;
    let offered = offered();
    for known in &offered {
        assert!(methods().contains(known), "{known} is no method of the contract");
    }
    for method in methods() {
        let status = call_empty(&server, &method).await;
        let told = status.as_ref().map(|status| (status.code(), reason(status)));
        if offered.contains(&method) {
            assert_ne!(told.map(|(code, _)| code), Some(Code::Unimplemented), "{method}");
        } else {
            assert_eq!(told, Some((Code::Unimplemented, "NOT_IMPLEMENTED".to_owned())), "{method}");
            let named = status.unwrap().get_details_error_info().unwrap().metadata["method"].clone();
            assert!(method.ends_with(&format!("/{named}")), "{method} calls itself {named}");
        }
    }
}

/// README's table of methods marks what is offered with a tick; it and the server agree.
#[test]
fn the_readme_lists_what_is_offered() {
    let readme = std::fs::read_to_string("README.md").unwrap_or_default();
    let Some((_, table)) = readme.split_once("<!-- methods -->") else {
        eprintln!("README.md has no table of methods yet");
        return;
    };
    let table = table.split("<!-- /methods -->").next().unwrap_or_default();
    for method in methods() {
        let name = method.split('/').next_back().unwrap();
        let marked = table.lines().any(|line| line.contains(&format!("`{name}`")) && line.contains('✓'));
        assert_eq!(marked, offered().contains(&method), "{method}");
    }
}

#[tokio::test]
async fn health_tells_of_every_service() {
    let server = Server::start(&[]).await;
    let mut health = HealthClient::new(server.channel());
    for service in SERVICES.iter().chain([&""]) {
        let request = tonic_health::pb::HealthCheckRequest { service: (*service).to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = tonic_health::pb::HealthCheckRequest { service: "nobody".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let server = Server::start(&[]).await;
    {
        use tonic_reflection::pb::v1::ServerReflectionRequest;
        use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
        let message_request = Some(MessageRequest::ListServices(String::new()));
        let request = ServerReflectionRequest { host: String::new(), message_request };
        let mut client = ServerReflectionClient::new(server.channel());
        let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        let MessageResponse::ListServicesResponse(listed) = answer else { panic!("{answer:?}") };
        let names: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
        assert!(SERVICES.iter().all(|service| names.contains(service)), "{names:?}");
        assert!(
            !names.iter().any(|name| name.contains("store")),
            "what the store keeps is nobody's business: {names:?}"
        );
    }
    {
        use tonic_reflection::pb::v1alpha::ServerReflectionRequest;
        use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;
        let symbol = "tandem.v1.TableMapService".to_owned();
        let message_request = Some(MessageRequest::FileContainingSymbol(symbol));
        let request = ServerReflectionRequest { host: String::new(), message_request };
        let mut client = ServerReflectionClient::new(server.channel());
        let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn messages_may_be_compressed_both_ways() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let note = "a long note ".repeat(1_000);
    for (id, encoding) in [(1, CompressionEncoding::Gzip), (2, CompressionEncoding::Zstd)] {
        let mut client = world.sync().send_compressed(encoding).accept_compressed(encoding);
        let request = change("orders", record([("id", int(id)), ("note", text(&note))]));
        client.write_record(request).await.unwrap();
        assert_eq!(world.right_has(id, "note").await.as_deref(), Some(note.as_str()));
        let mut maps = TableMapServiceClient::new(world.channel()).accept_compressed(encoding);
        let answer = maps.get_table_map(GetTableMapRequest { name: name("orders") }).await.unwrap();
        assert!(answer.metadata().contains_key("grpc-encoding"), "the answer comes compressed");
    }
}

/// What a server answers to this over HTTP/1.1, in lower case.
async fn answered(server: &Server, method: &str, headers: &str, body: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "{method} /tandem.v1.TableMapService/ListTableMaps HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n",
        server.address(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).to_lowercase()
}

const WEB: &str = "Content-Type: application/grpc-web+proto\r\n";
/// An empty message, uncompressed.
const NOTHING: &[u8] = &[0, 0, 0, 0, 0];

#[tokio::test]
async fn a_browser_can_call_through_grpc_web() {
    let server = Server::start(&[]).await;
    let answer = answered(&server, "POST", WEB, NOTHING).await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("application/grpc-web"), "{answer}");
    assert!(answer.contains("grpc-status:0") || answer.contains("grpc-status: 0"), "{answer}");
}

/// Browsers ask before a page of another origin calls, and show it answers that name its origin alone.
#[tokio::test]
async fn pages_of_named_origins_may_call_and_others_may_not() {
    const PAGE: &str = "Origin: https://desk.example.com\r\n";
    const ANOTHER: &str = "Origin: https://evil.example.com\r\n";
    const ASKS: &str = "Access-Control-Request-Method: POST\r\n\
                        Access-Control-Request-Headers: authorization,content-type,grpc-timeout,x-grpc-web,x-user-agent\r\n";
    const ALLOWED: &str = "access-control-allow-origin: https://desk.example.com\r\n";
    // Whoever asks may be nobody yet: a token comes with the call itself.
    let clients = "[[clients]]\nid = \"desk\"\nrole = \"viewer\"\ntoken_hashes = [\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]\n";
    let config = format!("[server]\nweb_origins = [\"https://desk.example.com\"]\n{clients}");
    let server = Server::start_with(&[], &config).await;
    let asked = answered(&server, "OPTIONS", &format!("{PAGE}{ASKS}"), b"").await;
    assert!(asked.starts_with("http/1.1 200") && asked.contains(ALLOWED), "{asked}");
    for needed in ["authorization", "content-type", "grpc-timeout", "x-grpc-web", "x-user-agent"] {
        assert!(asked.contains(needed), "{needed}: {asked}");
    }
    let refused = answered(&server, "POST", &format!("{PAGE}{WEB}"), NOTHING).await;
    assert!(refused.contains(ALLOWED) && refused.contains("grpc-status: 16"), "{refused}");
    assert!(
        refused.contains("access-control-expose-headers") && refused.contains("grpc-status-details-bin"),
        "{refused}"
    );
    for headers in [format!("{ANOTHER}{ASKS}"), format!("{ANOTHER}{WEB}")] {
        let method = if headers.contains("Request-Method") { "OPTIONS" } else { "POST" };
        let answer = answered(&server, method, &headers, NOTHING).await;
        assert!(!answer.contains("access-control-allow-origin"), "{answer}");
    }
    // Where none is named, nothing is said of it, to nobody.
    let closed = Server::start(&[]).await;
    for (method, headers) in
        [("OPTIONS", format!("{PAGE}{ASKS}")), ("POST", format!("{PAGE}{WEB}")), ("POST", WEB.to_owned())]
    {
        let answer = answered(&closed, method, &headers, NOTHING).await;
        assert!(!answer.contains("access-control") && !answer.contains("vary:"), "{answer}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused() {
    let server = Server::start_with(&[], "[server]\nmessage_bytes_max = \"64KiB\"\n").await;
    let large = change("orders", record([("note", text(&"x".repeat(100_000)))]));
    assert_eq!(server.write(large).await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_callers_deadline_ends_its_call() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    let mut request = Request::new(TailActivityRequest { parent: name("orders"), ..Default::default() });
    request.set_timeout(Duration::from_millis(300));
    let begun = Instant::now();
    let ended = match world.maps().tail_activity(request).await {
        Err(status) => status,
        Ok(answer) => {
            let mut tail = answer.into_inner();
            loop {
                match tail.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a tail has no end of its own"),
                    Err(status) => break status,
                }
            }
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::DeadlineExceeded, "WAIT_TIMEOUT"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_shutdown_ends_streams_at_once_and_finishes_what_was_begun() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let request = TailActivityRequest { parent: "tableMaps/-".to_owned(), ..Default::default() };
    let mut tail = world.maps().tail_activity(request).await.unwrap().into_inner();
    let mut health = HealthClient::new(world.channel());
    let mut watch = health.watch(tonic_health::pb::HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    for id in 0..50 {
        world.write(change("orders", record([("id", int(id)), ("status", text("new"))]))).await.unwrap();
    }
    let begun = Instant::now();
    world.server.signal_terminate();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let ended = loop {
        match tail.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a tail has no end of its own"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    let status = world.server.ended().await;
    assert!(status.success(), "{status}\n{}", world.server.log());
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());

    world.server.start_again().await;
    eventually("all is written", || async { world.figures("orders").await.applied == 50 }).await;
}

#[tokio::test]
async fn a_server_says_what_is_in_its_way() {
    let server = Server::start(&[]).await;
    let serve = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tandem")).arg("serve").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let data = server.data().display().to_string();
    let (code, told) = serve(&["--listen", "127.0.0.1:0", "--data", &data]);
    assert!(code == Some(3) && told.contains("in use by another process"), "{code:?}: {told}");
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().join("data").display().to_string();
    let (code, told) = serve(&["--listen", &server.address(), "--data", &elsewhere]);
    assert!(code == Some(3) && told.contains("cannot listen on"), "{code:?}: {told}");
    let (code, told) = serve(&["--listen", "nowhere", "--data", &elsewhere]);
    assert!(code == Some(2) && told.contains("--listen"), "{code:?}: {told}");
}
