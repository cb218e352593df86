//! Backups of a store that works, files that take the place of others, and the check.

use super::fixtures::*;
use crate::model::change::Ending;
use crate::model::ids::QueueSequence;
use crate::model::table_map::Side;
use crate::store::sled::SledStore;
use crate::store::sled::check::{check, look_through};
use crate::store::sled::keys::{self, shelf};
use crate::store::sled::offline::{OfflineError, compact, restore};
use crate::store::sled::open as opening;
use crate::store::{Operation, Store, StoreError};
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

type Content = BTreeMap<Vec<u8>, Vec<u8>>;

fn content(path: &Path) -> Content {
    let opened = opening::open(path, 16 << 20).unwrap();
    opened.db.iter().map(|entry| entry.unwrap()).map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

async fn enqueue(store: &SledStore, name: &str, from: u64, count: u64) {
    let records = (from..from + count).map(|n| new_record(n, change(Side::Left, n as i64, 300))).collect();
    store.commit(commit_of(&id(name), vec![Operation::Enqueue(records)])).await.unwrap();
}

async fn with_records(path: &Path, count: u64) -> SledStore {
    let store = open(path);
    store.commit(commit_of(&id("orders"), vec![Operation::PutMap(Box::new(map(&id("orders"), 1)))])).await.unwrap();
    for from in (1..=count).step_by(100) {
        enqueue(&store, "orders", from, 100).await;
    }
    store
}

#[tokio::test]
async fn a_backup_is_the_store_at_one_moment_whatever_is_written_meanwhile() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = with_records(from.path(), 4_000).await;
    let mut file = Vec::new();
    let (mut next, mut step) = (4_001, 0);
    // Between any two parts records come and go, at both ends of the queue, fail, and are removed with their map's log growing.
    for part in store.backup(time(7)) {
        file.extend(part.unwrap());
        step += 1;
        if step < 40 {
            enqueue(&store, "orders", next, 50).await;
            let gone = step * 20 + 1..step * 20 + 11;
            let operations = vec![
                leave(gone, Ending::Applied),
                Operation::Fail { sequence: QueueSequence(next), failure: failure("no"), time: time(1), attempts: 1 },
                Operation::Log(event("something")),
            ];
            store.commit(commit_of(&id("orders"), operations)).await.unwrap();
            next += 50;
        }
    }
    store.close().await;
    drop(store);
    let restored = restore(to.path(), file.as_slice()).unwrap();
    assert_eq!((restored.time, restored.bytes), (Some(time(7)), file.len() as u64));
    assert!(content(to.path()) == content(from.path()), "nothing was written after the last part");
    assert!(step > 3, "it came in parts");
    assert_eq!(check(to.path(), false).unwrap().findings, []);
}

#[tokio::test]
async fn a_backup_is_restored_whole_or_not_at_all() {
    let from = TempDir::new().unwrap();
    let store = with_records(from.path(), 3_000).await;
    let file: Vec<u8> = store.backup(time(1)).flat_map(|part| part.unwrap()).collect();
    drop(store);
    let mut changed = file.clone();
    changed[file.len() / 2] ^= 1;
    let wrong = [&file[..0], &file[..7], &file[..100], &file[..file.len() / 2], &file[..file.len() - 1], &changed];
    for wrong in wrong {
        let to = TempDir::new().unwrap();
        let refused = restore(to.path(), wrong).unwrap_err();
        assert!(matches!(refused, OfflineError::Broken { .. }), "{refused:?}");
        assert!(check(to.path(), false).is_err(), "there is no store");
        restore(to.path(), file.as_slice()).unwrap(); // what was begun is not in the way
        assert!(content(to.path()) == content(from.path()));
    }
    let refused = restore(from.path(), file.as_slice()).unwrap_err();
    assert!(matches!(refused, OfflineError::NotEmpty { .. }), "{refused:?}");
    let held = open(from.path());
    assert!(matches!(compact(from.path()).unwrap_err(), OfflineError::Store(StoreError::InUse { .. })));
    drop(held);
}

#[tokio::test]
async fn a_backup_whose_receiver_is_too_slow_is_given_up_and_costs_no_memory() {
    let folder = TempDir::new().unwrap();
    let store = with_records(folder.path(), 100).await;
    let mut parts = store.backup(time(1));
    parts.next().unwrap().unwrap();
    let mut next = 101;
    for _ in 0..200 {
        let records = (next..next + 4).map(|n| new_record(n, change(Side::Left, n as i64, 100_000))).collect();
        store.commit(commit_of(&id("orders"), vec![Operation::Enqueue(records)])).await.unwrap();
        next += 4;
    }
    assert!(matches!(parts.next(), Some(Err(StoreError::BackupTooSlow))));
    assert!(parts.next().is_none());
    enqueue(&store, "orders", next, 10).await; // the store goes on
}

#[tokio::test]
async fn a_compaction_gives_space_back_and_keeps_all() {
    let folder = TempDir::new().unwrap();
    let store = with_records(folder.path(), 20_000).await;
    for from in (1..=19_000).step_by(500) {
        store.commit(commit_of(&id("orders"), vec![leave(from..from + 500, Ending::Applied)])).await.unwrap();
    }
    drop(store);
    let before = content(folder.path());
    let sizes = compact(folder.path()).unwrap();
    assert!(sizes.bytes_after < sizes.bytes_before / 2, "{sizes:?}");
    assert!(content(folder.path()) == before);
    assert_eq!(check(folder.path(), false).unwrap().findings, []);
}

/// A process that is killed while files take the place of others leaves any of these.
#[tokio::test]
async fn files_that_were_to_take_a_place_do_so_or_go() {
    let folder = TempDir::new().unwrap();
    drop(with_records(folder.path(), 500).await);
    let before = content(folder.path());
    let copy = |to: &Path, names: &[&str]| {
        for name in names {
            std::fs::copy(folder.path().join(name), to.join(name)).unwrap();
        }
    };
    // While they are made.
    let unfinished = folder.path().join("incoming.unfinished");
    std::fs::create_dir(&unfinished).unwrap();
    std::fs::write(unfinished.join("db"), b"half").unwrap();
    assert!(content(folder.path()) == before && !unfinished.exists());

    // After they are complete: another store's files, none of them moved.
    let other = TempDir::new().unwrap();
    drop(with_records(other.path(), 900).await);
    let expected = content(other.path());
    let names: Vec<String> = std::fs::read_dir(other.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file() && entry.file_name() != "lock")
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name == "db") && names.len() >= 2, "{names:?}");
    for moved in [&[][..], &["db"]] {
        let target = TempDir::new().unwrap();
        copy(target.path(), &["db", "conf"]);
        let incoming = target.path().join("incoming");
        std::fs::create_dir(&incoming).unwrap();
        for name in &names {
            std::fs::copy(other.path().join(name), incoming.join(name)).unwrap();
        }
        for name in moved {
            std::fs::rename(incoming.join(name), target.path().join(name)).unwrap();
            std::fs::remove_file(target.path().join("conf")).unwrap(); // went before the log moved
        }
        assert!(content(target.path()) == expected, "{moved:?}");
        assert!(!incoming.exists());
    }
}

#[tokio::test]
async fn a_check_tells_what_is_wrong_and_a_repair_sets_counters_and_indexes_right() {
    let folder = TempDir::new().unwrap();
    let store = with_records(folder.path(), 300).await;
    let fail =
        |n| Operation::Fail { sequence: QueueSequence(n), failure: failure("no"), time: time(n as i64), attempts: 1 };
    store.commit(commit_of(&id("orders"), (1..=40).map(fail).collect())).await.unwrap();
    let remember =
        |n| Operation::Remember { change_id: format!("id-{n}").into(), remembered: super::fixtures::remembered(n) };
    store.commit(commit_of(&id("orders"), (1..=40).map(remember).collect())).await.unwrap();
    store.commit(commit_of(&id("orders"), vec![Operation::Log(event("a")), Operation::Log(event("b"))])).await.unwrap();
    drop(store);
    let sound = content(folder.path());
    assert_eq!(check(folder.path(), true).unwrap().found, 0);
    assert!(content(folder.path()) == sound, "a repair changes nothing that is right");

    let first = |shelf: u8| sound.keys().find(|key| key[0] == shelf).unwrap().clone();
    let last_but_one = |shelf: u8| sound.keys().rev().filter(|key| key[0] == shelf).nth(1).unwrap().clone();
    let head = keys::head("orders");
    type Harm = Box<dyn Fn(&sled::Db)>;
    let remove = |key: Vec<u8>| -> Harm { Box::new(move |db| drop(db.remove(&key).unwrap().unwrap())) };
    let add = |key: Vec<u8>| -> Harm { Box::new(move |db| drop(db.insert(&key, &[]).unwrap())) };
    let head_bytes = sound[&head].clone();
    let with_head = |change: fn(&mut crate::store::message::MapHead)| -> Harm {
        let (head, bytes) = (head.clone(), head_bytes.clone());
        Box::new(move |db| {
            let mut changed = crate::store::message::MapHead::decode(bytes.as_slice()).unwrap();
            change(&mut changed);
            db.insert(&head, changed.encode_to_vec()).unwrap();
        })
    };
    let segment = first(shelf::QUEUE);
    let mut other_sizes = crate::store::message::Compressed::decode(sound[&segment].as_slice()).unwrap();
    other_sizes.outlines[40] += 4;
    let mut strange = first(shelf::BY_TIME);
    *strange.last_mut().unwrap() = 99;
    let harms = [
        remove(first(shelf::KEYS_IN_ERROR)),
        remove(first(shelf::BY_TIME)),
        remove(first(shelf::ERROR_GROUPS)),
        remove(first(shelf::LOG_BY_POSITION)),
        remove(first(shelf::LOG_BY_MAP)),
        add(strange),
        with_head(|head| head.left.as_mut().unwrap().queued = 7),
        with_head(|head| head.left.as_mut().unwrap().in_error = 0),
        with_head(|head| head.left.as_mut().unwrap().accepted += 1),
        with_head(|head| head.queued_bytes = 0),
        with_head(|head| head.on_pages = 3),
        remove(first(shelf::RUNS)),
        remove(last_but_one(shelf::QUEUED_KEYS)),
        remove(first(shelf::ID_HASHES)),
        Box::new(move |db| drop(db.insert(&segment, other_sizes.encode_to_vec()).unwrap())),
    ];
    for (number, harm) in harms.iter().enumerate() {
        let opened = opening::open(folder.path(), 16 << 20).unwrap();
        harm(&opened.db);
        let found = look_through(&opened, false).unwrap();
        assert!(found.found > 0 && found.beyond_repair == 0 && !found.repaired, "harm {number}: {found:?}");
        let repaired = look_through(&opened, true).unwrap();
        assert_eq!((repaired.found, repaired.repaired), (found.found, true), "harm {number}: {repaired:?}");
        assert_eq!(look_through(&opened, false).unwrap().findings, [], "harm {number}");
        drop(opened);
        assert!(content(folder.path()) == sound, "harm {number} left something");
    }
    // What is kept itself comes back from nowhere.
    let opened = opening::open(folder.path(), 16 << 20).unwrap();
    opened.db.insert(first(shelf::ERRORS), b"\xFF\xFF").unwrap();
    opened.db.remove(keys::of_map(shelf::MAPS, "orders")).unwrap();
    let found = look_through(&opened, true).unwrap();
    assert!(found.beyond_repair >= 2, "{found:?}");
    assert!(look_through(&opened, false).unwrap().beyond_repair >= 2);
}
