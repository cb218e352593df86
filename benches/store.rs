//! How fast the store is, against a bare sled in the same run on the same disk: ratios travel between machines, numbers do not.
//!
//! `cargo bench --bench store` takes a minute; with `TANDEM_BENCH_RECORDS=5000000` it fills the queue so far, which is what the limits
//! on opening (3 s), memory (400 MB) and throughput (0.8 of the empty queue's) are about.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tandem::model::change::{Cause, Change, Ending, Operation as ChangeOperation, QueuedBecause, QueuedRecord};
use tandem::model::ids::{MapId, QueueSequence};
use tandem::model::key::Key;
use tandem::model::row::Row;
use tandem::model::table_map::Side;
use tandem::model::value::Value;
use tandem::store::sled::{Options, SledStore};
use tandem::store::{Commit, Durability, NewRecords, Operation, Store};
use tempfile::TempDir;

const RECORDS_VARIABLE: &str = "TANDEM_BENCH_RECORDS";
const RECORDS_DEFAULT: u64 = 300_000;
/// Records of one commit, and of one flush of the bare sled.
const BATCH: u64 = 1_024;
const UNDER_WAY: usize = 4;
const DRAIN: usize = 512;

#[path = "../tests/store_crash/table_map.rs"]
mod table_map;

fn change(key: u64) -> Change {
    Change {
        source: Side::Left,
        operation: ChangeOperation::Upsert,
        key: Key::new(vec![Value::Int(key as i64)]),
        previous_key: None,
        row: Row::from_iter([
            ("customer".to_owned(), Value::Int(key as i64 * 7)),
            ("status".to_owned(), Value::text("packed")),
            ("note".to_owned(), Value::text("n".repeat(290))),
        ]),
        source_time: None,
        change_id: format!("{:032x}", u128::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).into(),
        correlation_id: Default::default(),
        cause: Cause::Caller,
        over: None,
    }
}

fn enqueued(sequences: Range<u64>) -> Operation {
    let mut records = NewRecords::default();
    for sequence in sequences {
        let record = QueuedRecord {
            sequence: QueueSequence(sequence),
            accept_time: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            change: change(sequence),
            previous: None,
            yielded: BTreeSet::new(),
        };
        records.push(&record, sequence, QueuedBecause::Asynchronous);
    }
    records.into_operation()
}

fn commit_of(map: &MapId, operations: Vec<Operation>) -> Commit {
    Commit { map: map.clone(), expected: None, operations }
}

fn open(folder: &Path) -> Arc<SledStore> {
    Arc::new(SledStore::open(Options::new(folder)).unwrap())
}

fn id(name: &str) -> MapId {
    MapId::parse(name).unwrap()
}

async fn with_map(store: &SledStore, name: &str) -> MapId {
    let map = id(name);
    let put = Operation::PutMap(Box::new(table_map::table_map(&map, 1)));
    store.commit(commit_of(&map, vec![put])).await.unwrap();
    map
}

fn told(what: &str, count: u64, took: Duration) -> f64 {
    let rate = count as f64 / took.as_secs_f64();
    println!("{what:<62} {rate:>10.0} /s");
    rate
}

/// One key for each record, one flush for each batch; `fdatasync` too, or only what sled calls a flush.
fn bare_sled(count: u64, synced: bool) -> Duration {
    let folder = TempDir::new().unwrap();
    let db = sled::Config::new().path(folder.path()).flush_every_ms(None).cache_capacity(64 << 20).open().unwrap();
    let log = std::fs::File::open(folder.path().join("db")).unwrap();
    let value = vec![b'n'; 400];
    let begin = Instant::now();
    for first in (0..count).step_by(BATCH as usize) {
        let mut batch = sled::Batch::default();
        for key in first..first + BATCH {
            batch.insert(&key.to_be_bytes(), value.as_slice());
        }
        db.apply_batch(batch).unwrap();
        db.flush().unwrap();
        if synced {
            log.sync_data().unwrap();
        }
    }
    begin.elapsed()
}

/// Commits of a batch each, a few under way.
async fn enqueue(store: &SledStore, map: &MapId, from: u64, to: u64) -> Duration {
    let begin = Instant::now();
    let mut under_way = std::collections::VecDeque::new();
    for first in (from..=to).step_by(BATCH as usize) {
        let commit = commit_of(map, vec![enqueued(first..(first + BATCH).min(to + 1))]);
        under_way.push_back(store.submit(commit, Durability::Synced).await.unwrap());
        if under_way.len() >= UNDER_WAY {
            under_way.pop_front().unwrap().await.unwrap();
        }
    }
    for pending in under_way {
        pending.await.unwrap();
    }
    begin.elapsed()
}

/// So many callers, each with one record a commit, one after another, all into one map in the order of its queue.
async fn unary(store: &Arc<SledStore>, map: &MapId, callers: usize, count: u64) -> Duration {
    let next = Arc::new(tokio::sync::Mutex::new(store.head(map).unwrap().last_queued.0 + 1));
    let left = Arc::new(AtomicU64::new(count));
    let begin = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let (store, map, next, left) = (store.clone(), map.clone(), next.clone(), left.clone());
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    let pending = {
                        let mut next = next.lock().await; // the order of the queue is the order of the calls
                        let commit = commit_of(&map, vec![enqueued(*next..*next + 1)]);
                        *next += 1;
                        store.submit(commit, Durability::Synced).await.unwrap()
                    };
                    pending.await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    begin.elapsed()
}

/// Reads from the front and lets it leave, the next read while the last is written.
async fn drain(store: &SledStore, map: &MapId, count: u64) -> (u64, Duration) {
    let begin = Instant::now();
    let mut after = QueueSequence(0);
    let mut drained = 0;
    let mut under_way: Option<tandem::store::Pending> = None;
    while drained < count {
        let records = store.queued(map, after, DRAIN, 1 << 20).unwrap();
        let Some(last) = records.last() else { break };
        after = last.sequence;
        drained += records.len() as u64;
        let sequences = records.iter().map(|record| record.sequence).collect();
        let leave = commit_of(map, vec![Operation::Leave { sequences, ending: Ending::Applied }]);
        let pending = store.submit(leave, Durability::Synced).await.unwrap();
        if let Some(before) = under_way.replace(pending) {
            before.await.unwrap();
        }
    }
    if let Some(last) = under_way {
        last.await.unwrap();
    }
    (drained, begin.elapsed())
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let records: u64 = std::env::var(RECORDS_VARIABLE).map_or(RECORDS_DEFAULT, |records| records.parse().unwrap());
    println!("records of about {} bytes", change(1).size());
    let flushed = told("bare sled, a key a record, 1,024 a flush", 100 * BATCH, bare_sled(100 * BATCH, false));
    let synced = told("the same with fdatasync", 100 * BATCH, bare_sled(100 * BATCH, true));

    runtime.block_on(async {
        let folder = TempDir::new().unwrap();
        let store = open(folder.path());
        let one = with_map(&store, "one").await;
        told("commits of one record, 1 caller", 500, unary(&store, &one, 1, 500).await);
        told("commits of one record, 64 callers", 20_000, unary(&store, &one, 64, 20_000).await);
        told("commits of one record, 512 callers", 40_000, unary(&store, &one, 512, 40_000).await);
    });

    let folder = TempDir::new().unwrap();
    let map = id("orders");
    let first = runtime.block_on(async {
        let store = open(folder.path());
        with_map(&store, "orders").await;
        let step = (records / 5).max(BATCH);
        let mut first = 0.0;
        for from in (1..=records).step_by(step as usize) {
            let to = (from + step - 1).min(records);
            let took = enqueue(&store, &map, from, to).await;
            let rate = told(&format!("commits of 1,024 records, up to {to} queued"), to - from + 1, took);
            if from == 1 {
                first = rate;
                println!("{:<62} {:>10.2}", "  against the bare sled, as it flushes / with fdatasync", rate / flushed);
                println!("{:<62} {:>10.2}", "", rate / synced);
            }
            println!("{:<62} {:>10.2}   {} MB resident", "  against the first", rate / first, resident_mb());
        }
        store.close().await;
        first
    });
    let _ = first;
    println!("{:<62} {:>10} MB", "log of sled", std::fs::metadata(folder.path().join("db")).unwrap().len() >> 20);

    let begin = Instant::now();
    let store = open(folder.path());
    println!("{:<62} {:>10.2} s   {} MB resident", "opening", begin.elapsed().as_secs_f64(), resident_mb());
    runtime.block_on(async {
        let (drained, took) = drain(&store, &map, records / 5).await;
        told("draining the first fifth, 512 at a time", drained, took);
        let from = store.head(&map).unwrap().last_queued.0 + 1;
        let took = enqueue(&store, &map, from, from + 100 * BATCH - 1).await;
        told("commits of 1,024 records, with that", 100 * BATCH, took);
        let begin = Instant::now();
        let middle = QueueSequence(records / 2);
        for _ in 0..100 {
            assert!(!store.queued(&map, middle, 100, 1 << 20).unwrap().is_empty());
        }
        told("pages of 100 from the middle", 100, begin.elapsed());
        let begin = Instant::now();
        let (drained, took) = drain(&store, &map, u64::MAX).await;
        told("draining the rest", drained, took);
        println!("{:<62} {:>10.1} s   {} MB resident", "  took", begin.elapsed().as_secs_f64(), resident_mb());
        let begin = Instant::now();
        assert!(store.queued(&map, QueueSequence(0), 100, 1 << 20).unwrap().is_empty());
        println!("{:<62} {:>10.2} ms", "reading the emptied queue", begin.elapsed().as_secs_f64() * 1_000.0);
    });
    drop(store);
    println!("{:<62} {:>10} MB", "log of sled", std::fs::metadata(folder.path().join("db")).unwrap().len() >> 20);
    let begin = Instant::now();
    let _store = open(folder.path());
    println!("{:<62} {:>10.2} s", "opening, emptied", begin.elapsed().as_secs_f64());
}
