//! SIGTERM under load loses nothing and ends in time; SIGHUP reads again what can be, and says what cannot.

use super::support::access::*;
use super::support::server::Server;
use super::support::world::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tandem::services::proto::*;

#[tokio::test]
async fn a_shutdown_under_load_loses_nothing_and_ends_in_time() {
    let mut world = World::start_with("[server]\ngrace = \"10s\"\n").await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    // Everyone writes until they are refused; what was acknowledged is counted.
    let acknowledged = Arc::new(AtomicI64::new(0));
    let writers: Vec<_> = (0..32)
        .map(|writer: i64| {
            let (mut sync, acknowledged) = (world.sync(), acknowledged.clone());
            tokio::spawn(async move {
                let mut own = Vec::new();
                for id in (0..).map(|count| writer * 1_000_000 + count) {
                    match sync.write_record(change("orders", record([("id", int(id))]))).await {
                        Ok(_) => own.push(id),
                        Err(_) => return own,
                    }
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                own
            })
        })
        .collect();
    eventually("there is load", || async { acknowledged.load(Ordering::Relaxed) > 2_000 }).await;
    let begun = Instant::now();
    let ended = world.server.terminate().await;
    assert!(ended.success(), "{ended}");
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap().len();
    }
    world.server.start_again().await;
    let queued = usize::try_from(world.figures("orders").await.queued).unwrap();
    assert!(queued >= written, "{written} were acknowledged, {queued} are there");
    assert!(queued <= written + 32, "no more than one of each writer was taken and not answered");
}

#[tokio::test]
async fn a_reload_takes_what_it_can_and_names_what_waits_for_a_restart() {
    let server = Server::start_with(&[], &(client("erp", "viewer", "\"*\"") + "[log]\nlevel = \"info\"\n")).await;
    server.configure(|config| {
        config.replace("\"info\"", "\"debug\"") + "[server]\ngrace = \"3s\"\n[limits]\nstreams_max = 7\n"
    });
    server.reload().await;
    let log = server.log();
    assert!(log.contains("the configuration was reloaded") && log.contains("log.level"), "{log}");
    assert!(log.contains("server, limits") && log.contains("only after a restart"), "{log}");
    server.maps().list_table_maps(of("erp", ListTableMapsRequest::default())).await.unwrap();

    // TLS is not taken on while it runs, however often it is asked for.
    for times in 1..=2 {
        server.configure(
            |config| if times == 1 { config + "[tls]\ncert_file = \"c\"\nkey_file = \"k\"\n" } else { config },
        );
        server.reload().await;
        assert_eq!(server.log().matches("server, tls, limits").count(), times, "{}", server.log());
    }

    // A mistake changes nothing, not even what is right beside it.
    server.configure(|config| config.replace("role = \"viewer\"", "role = \"root\""));
    server.reload().await;
    let log = server.log();
    assert!(log.contains("was not reloaded") && log.contains("clients[0].role"), "{log}");
    server.maps().list_table_maps(of("erp", ListTableMapsRequest::default())).await.unwrap();
}
