//! The disk of the store is full: changes are refused, what was acknowledged is kept, an operator can still decide, and
//! with room again it all goes on without a restart.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::databases::{PASSWORD, sql};
use support::world::*;
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::*;
use tonic::Code;

use TableMapState::{Paused, Running};

const MIB: u64 = 1024 * 1024;
const DISK_BYTES: u64 = 112 * MIB;
/// Under it changes are refused; under half of it everything that is written.
const RESERVE_BYTES: u64 = 16 * MIB;

/// A small file system of its own over a folder, gone when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this may not be done, with a word about it.
    fn over(folder: &Path) -> Option<SmallDisk> {
        let size = format!("size={DISK_BYTES}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(SmallDisk(folder.to_owned())),
            refused => {
                eprintln!("NOT TESTED: a full disk needs a small file system, and mount was refused: {refused:?}");
                None
            }
        }
    }

    fn ballast(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn free_bytes(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.0).expect("a file system");
        disk.f_bavail * disk.f_frsize
    }

    /// Fills it with something else until so much is free.
    fn fill(&self, name: &str, free_bytes: u64) {
        let bytes = self.free_bytes().saturating_sub(free_bytes);
        std::fs::write(self.ballast(name), vec![1u8; usize::try_from(bytes).expect("a small disk")]).expect("room");
    }

    fn make_room(&self, name: &str) {
        std::fs::remove_file(self.ballast(name)).expect("a file that can be removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server may still hold it for a moment.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn long_note(id: i64) -> WriteRecordRequest {
    let note = letters_in_no_order(id, 100_000);
    let fields = record([("id", int(id)), ("note", text(&note)), ("amount", int(id))]);
    WriteRecordRequest { change_id: format!("change-{id}"), ..change("orders", fields) }
}

#[tokio::test]
async fn a_full_disk_refuses_changes_keeps_what_was_acknowledged_and_goes_on_with_room() {
    let config = format!("[store]\nreserve_bytes = {RESERVE_BYTES}\n");
    let mut world = World::start_with(&config).await;
    assert!(world.server.terminate().await.success());
    let data = world.data();
    std::fs::remove_dir_all(&data).expect("the store that is not wanted");
    std::fs::create_dir(&data).expect("a folder for the disk");
    let Some(disk) = SmallDisk::over(&data) else { return };
    world.server.start_again().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.running_map("invoices", invoices(&world).await).await;
    world.pause("orders").await.unwrap();
    disk.fill("ballast", 60 * MIB);

    // Callers write until it is full.
    let mut acknowledged = 0;
    let refusal = loop {
        match world.write(long_note(acknowledged + 1)).await {
            Ok(answer) => assert_eq!(answer.disposition(), Queued),
            Err(refusal) => break refusal,
        }
        acknowledged += 1;
        assert!(acknowledged < 2_000, "the disk is never full");
    };
    assert_eq!(refusal.code(), Code::ResourceExhausted, "{refusal:?}");
    assert_eq!(reason(&refusal), "STORE_FULL");
    assert!(acknowledged > 0);
    assert_eq!(world.write(long_note(acknowledged + 1)).await.unwrap_err().code(), Code::ResourceExhausted);
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.queued), (acknowledged, acknowledged), "what was acknowledged is kept");

    // A synchronous write needs no queue, but its answer is to be remembered.
    let invoice = record([("id", int(1)), ("status", text("sent")), ("note", null()), ("amount", int(1))]);
    let invoice = WriteRecordRequest { change_id: "invoice-1".to_owned(), ..change("invoices", invoice) };
    assert_eq!(reason(&world.write(invoice.clone()).await.unwrap_err()), "STORE_FULL");
    let at_the_destination = sql::ask::<i64>(&world.right.url(), "SELECT id FROM invoices").await.unwrap();
    assert!(at_the_destination.is_empty(), "what was refused was not written");

    // Operators decide all the same.
    assert_eq!(world.pause("invoices").await.unwrap(), Paused);
    assert_eq!(world.resume("invoices", ResumeOption::CatchUp).await.unwrap(), TableMapState::Resuming);
    world.wait_for_state("invoices", Running).await;
    assert_eq!(world.events("invoices").await.last().unwrap().state_after(), Running);

    // Even when nothing is left at all, it answers, and ends nothing.
    disk.fill("more", 0);
    assert_eq!(world.write(long_note(acknowledged + 1)).await.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(world.pause("invoices").await.unwrap_err().code(), Code::ResourceExhausted, "it cannot be kept");
    assert_eq!(world.state("invoices").await, Running, "so it was not done");
    assert_eq!(world.figures("orders").await.queued, acknowledged);

    // Room is made. Nobody restarts anything.
    disk.make_room("more");
    disk.make_room("ballast");
    eventually("changes are taken again", || async { world.write(long_note(acknowledged + 1)).await.is_ok() }).await;
    acknowledged += 1;
    assert_eq!(world.written(invoice).await.0, Disposition::Applied);
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    let arrived = sql::ask::<i64>(&world.right.url(), "SELECT id FROM orders ORDER BY id").await.unwrap();
    assert_eq!(arrived, (1..=acknowledged).collect::<Vec<_>>(), "rule 1: everything acknowledged arrives, and no more");
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied), (acknowledged, acknowledged));
    assert!(!world.log().contains("panicked"), "nothing broke down");
    assert!(!world.log().contains(PASSWORD));
    world.server.kill(); // before its disk goes
    drop(disk);
}

/// A second map, of tables of its own.
async fn invoices(world: &World) -> TableMap {
    for url in [world.left.url(), world.right.url()] {
        let invoices =
            "CREATE TABLE invoices (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT, amount INTEGER)";
        sql::execute(&url, invoices).await.expect("a table of invoices");
    }
    let mut map = orders_map();
    for table in [&mut map.left, &mut map.right] {
        table.as_mut().expect("both are named").table = "invoices".to_owned();
    }
    map
}

/// An alert that has no room to be kept waits for it, and its map does not start again and again meanwhile.
#[tokio::test]
async fn an_alert_that_has_no_room_fires_when_there_is_some() {
    let config = format!("[store]\nreserve_bytes = {RESERVE_BYTES}\n");
    let mut world = World::start_with(&config).await;
    assert!(world.server.terminate().await.success());
    let data = world.data();
    std::fs::remove_dir_all(&data).expect("the store that is not wanted");
    std::fs::create_dir(&data).expect("a folder for the disk");
    let Some(disk) = SmallDisk::over(&data) else { return };
    world.server.start_again().await;
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let watch = Some(AlertWatch { queued_age: seconds(3), ..Default::default() });
    let setting = AlertSetting { watch, ..Default::default() };
    let request = CreateAlertSettingRequest {
        alert_setting_id: "old".to_owned(),
        alert_setting: Some(setting),
        ..Default::default()
    };
    world.alerts().create_alert_setting(request).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    world.write(order(1, "queued")).await.unwrap();
    disk.fill("ballast", RESERVE_BYTES / 4);
    assert_eq!(reason(&world.write(order(2, "refused")).await.unwrap_err()), "STORE_FULL");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await; // it is due since three of them
    let raised = async || {
        let listed = world.alerts().list_alert_events(ListAlertEventsRequest::default()).await.expect("a list");
        listed.into_inner().alert_events.len()
    };
    assert_eq!(raised().await, 0);
    assert_eq!(reason(&world.write(order(2, "refused")).await.unwrap_err()), "STORE_FULL", "its map works on");
    assert!(!world.server.log().contains("is started again"), "{}", world.server.log());
    disk.make_room("ballast");
    eventually("it fires", || async { raised().await == 1 }).await;
    assert_eq!(world.written(order(2, "taken")).await.0, Queued);
}
