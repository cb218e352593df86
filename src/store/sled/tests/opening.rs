//! Opening what others have left.

use super::fixtures::*;
use crate::model::ids::QueueSequence;
use crate::store::sled::{Options, SledStore, open as opening};
use crate::store::{Operation, Store, StoreError};
use std::fs;
use tempfile::TempDir;

#[tokio::test]
async fn a_second_opener_is_told_who_is_in_the_way() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path());
    match SledStore::open(Options::new(folder.path())) {
        Err(StoreError::InUse { path }) => assert_eq!(path, folder.path().display().to_string()),
        other => panic!("{other:?}"),
    }
    first.close().await;
    drop(first);
    open(folder.path());
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let before = {
        let store = open(folder.path());
        let map = with_map(&store, "orders").await;
        commit(&store, &map, vec![enqueue(1..=50, 900), Operation::Log(event("x"))]).await.unwrap();
        (store.head(&map).unwrap(), store.queued(&map, QueueSequence(0), 100, 1 << 20).unwrap())
    };
    let store = open(folder.path());
    let map = id("orders");
    assert_eq!((store.head(&map).unwrap(), store.queued(&map, QueueSequence(0), 100, 1 << 20).unwrap()), before);
    assert_eq!(store.log_end().borrow().0, 1);
    commit(&store, &map, vec![enqueue(51..=51, 1)]).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_was_writing_is_removed() {
    let folder = TempDir::new().unwrap();
    with_map(&open(folder.path()), "orders").await;
    let unfinished = folder.path().join("snap.00000000FFFFFFFF.generating");
    fs::write(&unfinished, b"half").unwrap();
    assert!(open(folder.path()).map(&id("orders")).unwrap().is_some());
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_bad_snapshot_is_set_aside_and_nothing_is_lost() {
    let folder = TempDir::new().unwrap();
    with_map(&open(folder.path()), "orders").await;
    fs::write(folder.path().join("snap.00000000FFFFFFFF"), b"this is no snapshot of anything").unwrap();
    assert!(open(folder.path()).map(&id("orders")).unwrap().is_some());
    assert!(folder.path().join("aside.0.snap.00000000FFFFFFFF").exists());
}

#[test]
fn settings_cut_short_before_there_was_data_are_written_again() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("blobs")).unwrap();
    fs::write(folder.path().join("conf"), b"segment_size: 20").unwrap();
    open(folder.path());
}

#[tokio::test]
async fn a_store_from_the_future_or_from_elsewhere_is_refused() {
    let folder = TempDir::new().unwrap();
    with_map(&open(folder.path()), "orders").await;
    let key = crate::store::sled::keys::schema();
    {
        let opened = opening::open(folder.path(), 1 << 20).unwrap();
        opened.db.insert(&key, 7_u32.to_be_bytes().as_slice()).unwrap();
        opened.db.flush().unwrap();
    }
    assert!(matches!(SledStore::open(Options::new(folder.path())), Err(StoreError::TooNew { found: 7, known: 1 })));
    {
        let files = sled::Config::new().path(folder.path()).segment_size(2 * 1024 * 1024).open().unwrap();
        files.remove(&key).unwrap();
    }
    assert!(matches!(SledStore::open(Options::new(folder.path())), Err(StoreError::Corrupt { .. })));
}

/// sled's threads hold its files a little longer than the store that is dropped.
#[tokio::test]
async fn a_store_that_was_dropped_can_be_opened_at_once() {
    let folder = TempDir::new().unwrap();
    let map = with_map(&open(folder.path()), "orders").await;
    for round in 0..40 {
        let store = open(folder.path());
        let (first, last) = (round * 50 + 1, round * 50 + 50);
        commit(&store, &map, vec![enqueue(first..=last, 1_000)]).await.unwrap();
    }
    assert!(
        !fs::read_dir(folder.path())
            .unwrap()
            .any(|file| { file.unwrap().file_name().to_string_lossy().starts_with("aside.") })
    );
}
