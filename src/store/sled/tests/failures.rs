//! A disk that is full, on a real small file system.

use super::fixtures::*;
use crate::model::change::Ending;
use crate::model::ids::{MapId, QueueSequence};
use crate::model::state::MapState;
use crate::store::sled::{Options, SledStore};
use crate::store::{Operation, Store, StoreError};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const MIB: u64 = 1024 * 1024;
const DISK_BYTES: u64 = 96 * MIB;

/// A file system of its own in a folder; gone with the value.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Needs the right to mount, which continuous integration has. Without it there is no way to see what a full disk does, and a test that
    /// says nothing would be worse than one that fails.
    fn mount() -> Self {
        let folder = TempDir::new().unwrap();
        let size = format!("size={DISK_BYTES}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output().unwrap();
        assert!(
            mount.status.success(),
            "this test needs the right to mount a tmpfs (run it as root, or in a user namespace): {}",
            String::from_utf8_lossy(&mount.stderr)
        );
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn open_with_reserve(disk: &Disk, reserve_bytes: u64) -> SledStore {
    let options = Options { cache_bytes: 8 * MIB, reserve_bytes, ..Options::new(disk.path().join("store")) };
    SledStore::open(options).unwrap()
}

/// Queues until the store refuses; gives how many records were acknowledged, and the refusal.
async fn fill(store: &SledStore, map: &MapId, mut last: u64) -> (u64, StoreError) {
    loop {
        match commit(store, map, vec![enqueue(last + 1..=last + 200, 1_000)]).await {
            Ok(_) => last += 200,
            Err(refusal) => return (last, refusal),
        }
    }
}

fn count_queued(store: &SledStore, map: &MapId) -> u64 {
    let (mut count, mut after) = (0, QueueSequence(0));
    loop {
        let records = store.queued(map, after, 1_000, 1 << 20).unwrap();
        let Some(last) = records.last() else { return count };
        assert!(records.iter().zip(after.0 + 1..).all(|(record, sequence)| record.sequence.0 == sequence));
        count += records.len() as u64;
        after = last.sequence;
    }
}

/// Issue 2: a full disk refuses changes, keeps what was acknowledged, and the service goes on when there is room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_and_leaves_room_to_decide_about_them() {
    let disk = Disk::mount();
    let store = open_with_reserve(&disk, 32 * MIB);
    let orders = with_map(&store, "orders").await;
    assert!(store.room().is_ok());
    let (last, refusal) = fill(&store, &orders, 0).await;
    assert!(matches!(refusal, StoreError::Full { reserve_bytes, .. } if reserve_bytes == 32 * MIB), "{refusal:?}");
    assert!(matches!(store.room(), Err(StoreError::Full { .. })));
    assert!(last > 2_000, "only {last} records fitted");
    assert_eq!(count_queued(&store, &orders), last);

    // What decides about the queue goes on: a pause, a drain.
    let mut paused = map(&orders, 2);
    paused.state = MapState::Paused;
    commit(&store, &orders, vec![Operation::PutMap(Box::new(paused)), Operation::Log(event("paused"))]).await.unwrap();
    for first in (1..=last).step_by(200) {
        commit(&store, &orders, vec![leave(first..first + 200, Ending::Applied)]).await.unwrap();
    }
    // And what became free inside the files is room again, though they do not shrink.
    assert!(store.room().is_ok(), "{:?}", store.room());
    let (again, refusal) = fill(&store, &orders, last).await;
    assert!(matches!(refusal, StoreError::Full { .. }), "{refusal:?}");
    assert!(again - last > last / 3, "{last} records fitted at first, then {}", again - last);
    let figures = store.head(&orders).unwrap().figures;
    assert_eq!((figures.queued(), figures.left.add_up() && figures.right.add_up()), (again - last, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_files_that_fill_the_disk_stop_changes_until_they_go() {
    let disk = Disk::mount();
    let store = open_with_reserve(&disk, 32 * MIB);
    let orders = with_map(&store, "orders").await;
    commit(&store, &orders, vec![enqueue(1..=10, 100)]).await.unwrap();
    let ballast = disk.path().join("ballast");
    let _ = std::fs::write(&ballast, vec![1; DISK_BYTES as usize]); // writes what fits
    assert!(matches!(commit(&store, &orders, vec![enqueue(11..=11, 100)]).await, Err(StoreError::Full { .. })));
    assert!(matches!(commit(&store, &orders, vec![leave([1], Ending::Applied)]).await, Err(StoreError::Full { .. })));
    std::fs::remove_file(&ballast).unwrap();
    commit(&store, &orders, vec![leave([1], Ending::Applied), enqueue(11..=11, 100)]).await.unwrap();
    assert_eq!(store.head(&orders).unwrap().figures.queued(), 10);
}

/// Without a reserve, sled meets the full disk, and does not survive that. The store does.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_opens_again_after_a_write_that_failed() {
    let disk = Disk::mount();
    let store = open_with_reserve(&disk, 0);
    let orders = with_map(&store, "orders").await;
    commit(&store, &orders, vec![enqueue(1..=100, 1_000)]).await.unwrap();
    let ballast = disk.path().join("ballast");
    let _ = std::fs::write(&ballast, vec![1; DISK_BYTES as usize]); // writes what fits
    let (last, refusal) = fill(&store, &orders, 100).await;
    assert!(matches!(refusal, StoreError::Full { .. } | StoreError::Engine { .. }), "{refusal:?}");
    // It keeps refusing while there is no room, and never answers what it has not done.
    for _ in 0..5 {
        assert!(commit(&store, &orders, vec![enqueue(last + 1..=last + 200, 1_000)]).await.is_err());
    }
    std::fs::remove_file(&ballast).unwrap();
    let mut tries = 0;
    let head = loop {
        tries += 1;
        assert!(tries < 200, "it did not open again");
        match commit(&store, &orders, vec![Operation::Log(event("alive"))]).await {
            Ok(_) => break store.head(&orders).unwrap(),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    };
    assert!(head.last_queued.0 >= last, "{last} records were acknowledged, {} are there", head.last_queued);
    assert_eq!(count_queued(&store, &orders), head.last_queued.0);
    let next = head.last_queued.0 + 1;
    commit(&store, &orders, vec![enqueue(next..=next, 1_000)]).await.unwrap();
    drop(store);
    assert_eq!(count_queued(&open_with_reserve(&disk, 0), &orders), next);
}
