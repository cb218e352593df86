//! The store under SIGKILL. A child process commits, says which commits were acknowledged, and is killed at a moment that nobody chose;
//! then the store is opened and must be exactly what some number of its commits give, one after another, and no fewer than were
//! acknowledged.
//!
//! It proves nothing about a power failure: a killed process leaves the kernel's memory behind, a machine does not.

mod script;
mod table_map;

use script::{Expected, Script};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tandem::model::ids::{EventSequence, MapId, Position, QueueSequence};
use tandem::model::table_map::Side;
use tandem::store::sled::{Options, SledStore};
use tandem::store::{Durability, Store};
use tempfile::TempDir;

const FOLDER_VARIABLE: &str = "TANDEM_CRASH_FOLDER";
const KILLS_VARIABLE: &str = "TANDEM_TORTURE_KILLS";
const MAPS: [&str; 3] = ["customers", "orders", "prices"];
/// After so many kills a new store is begun, so that the first moments of a store are met often too.
const KILLS_OF_A_STORE: usize = 25;
/// Commits of one map that the child has under way at a time.
const UNDER_WAY_MAX: usize = 16;

fn open(folder: &Path) -> SledStore {
    SledStore::open(Options { cache_bytes: 16 << 20, ..Options::new(folder) }).unwrap()
}

#[test]
fn every_acknowledged_commit_is_there_after_40_kills() {
    kill_and_compare(40);
}

/// `make torture`.
#[test]
#[ignore = "takes minutes; run by `make torture`"]
fn every_acknowledged_commit_is_there_after_a_thousand_kills() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(1_000, |kills| kills.parse().unwrap());
    kill_and_compare(kills);
}

/// Not a test: what the others start, and kill.
#[test]
#[ignore = "started by the other tests"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = std::sync::Arc::new(open(Path::new(&folder)));
    let writers = MAPS.map(|map| runtime.spawn(write_for_ever(store.clone(), map)));
    for writer in writers {
        runtime.block_on(writer).unwrap();
    }
}

async fn write_for_ever(store: std::sync::Arc<SledStore>, name: &'static str) {
    let map = MapId::parse(name).unwrap();
    let done = store.head(&map).unwrap().last_event.0;
    let mut script = Script::new(map, done);
    let mut under_way = std::collections::VecDeque::new();
    loop {
        let (number, commit) = script.next_commit();
        let durability = if number.is_multiple_of(4) { Durability::Lazy } else { Durability::Synced };
        let pending = store.submit(commit, durability).await.unwrap();
        under_way.push_back((number, durability, pending));
        // Now one at a time, now many: groups of all sizes.
        let keep = if number / 50 % 2 == 0 { 0 } else { UNDER_WAY_MAX };
        while under_way.len() > keep {
            let (number, durability, pending) = under_way.pop_front().unwrap();
            assert_eq!(pending.await.unwrap().last_event, EventSequence(number));
            if durability == Durability::Synced {
                println!("\nacknowledged {name} {number}");
            }
        }
    }
}

fn kill_and_compare(kills: usize) {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("the moments of the kills come from seed {seed}");
    let mut moments = seed;
    let mut folder = TempDir::new().unwrap();
    let mut commits = 0;
    for kill in 0..kills {
        if kill % KILLS_OF_A_STORE == 0 {
            folder = TempDir::new().unwrap();
        }
        // xorshift: which moments does not matter, only that they are spread.
        moments ^= moments << 13;
        moments ^= moments >> 7;
        moments ^= moments << 17;
        let acknowledged = run_and_kill(folder.path(), Duration::from_micros(moments % 250_000));
        commits += acknowledged.iter().sum::<u64>();
        let store = open(folder.path());
        for (name, acknowledged) in MAPS.iter().zip(acknowledged) {
            compare(&store, name, acknowledged, kill);
        }
        compare_log(&store);
        if kill % 100 == 99 {
            println!("{} kills", kill + 1);
        }
    }
    println!("{kills} kills, {commits} last acknowledged commits in sum");
}

/// Starts the child, kills it after a while, and gives the last acknowledged commit of each map (0: none in this run).
fn run_and_kill(folder: &Path, after: Duration) -> [u64; 3] {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(FOLDER_VARIABLE, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut last = [0; 3];
        for line in output.lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            let ["acknowledged", name, number] = words[..] else { continue };
            let Some(place) = MAPS.iter().position(|map| *map == name) else { continue };
            if let Ok(number) = number.parse() {
                last[place] = number;
            }
        }
        last
    });
    std::thread::sleep(after);
    child.kill().unwrap(); // SIGKILL
    let status = child.wait().unwrap();
    assert!(!status.success() && status.code().is_none(), "the child ended by itself: {status}");
    reader.join().unwrap()
}

fn compare(store: &SledStore, name: &str, acknowledged: u64, kill: usize) {
    let map = MapId::parse(name).unwrap();
    let head = store.head(&map).unwrap();
    let done = head.last_event.0;
    assert!(done >= acknowledged, "kill {kill}: {name} has {done} commits, {acknowledged} were acknowledged");
    let expected = Expected::after(&map, done);
    for side in Side::BOTH {
        assert!(head.figures.side(side).add_up(), "kill {kill}, rule 11: {:?}", head.figures); // Rule 11
        assert_eq!(head.figures.side(side), expected.figures.side(side), "kill {kill}: {name} after {done} commits");
    }
    assert_eq!(head.figures.queued_bytes, expected.figures.queued_bytes);
    assert_eq!(head.last_queued.0, expected.last_queued);
    assert_eq!(store.map(&map).unwrap().map(|map| map.version), expected.version);

    let mut after = QueueSequence(0);
    let mut queued = Vec::new();
    loop {
        let records = store.queued(&map, after, 500, 1 << 22).unwrap();
        let Some(last) = records.last() else { break };
        after = last.sequence;
        for record in &records {
            assert_eq!(record.change, script::change(record.sequence.0), "kill {kill}: {name}");
        }
        queued.extend(records.iter().map(|record| record.sequence.0));
    }
    assert!(queued.iter().eq(&expected.queued), "kill {kill}: the queue of {name} after {done} commits"); // in order, none twice
    let errors = store.errors(&map, QueueSequence(0), usize::MAX).unwrap();
    if !head.diverting {
        assert!(errors.iter().map(|error| &error.record.sequence.0).eq(&expected.errors), "kill {kill}: {name}");
    }
    assert!(errors.iter().all(|error| error.record.change == script::change(error.record.sequence.0)));
    for sequence in expected.queued.iter().chain(&expected.errors).filter(|sequence| script::has_id(**sequence)) {
        let remembered = store.remembered(&map, &[&script::change(*sequence).change_id]).unwrap().remove(0).unwrap();
        assert_eq!(remembered.answer.sequence.0, *sequence);
    }
    let events = store.events(&map, EventSequence(1), usize::MAX).unwrap();
    assert!(events.iter().map(|event| event.sequence.0).eq(1..=done));
}

/// The whole log has no gap, and no event twice.
fn compare_log(store: &SledStore) {
    let all = store.all_events(Position(1), usize::MAX).unwrap();
    assert!(all.iter().zip(1..).all(|(event, position)| event.position.0 == position));
    let of_maps: u64 = MAPS.iter().map(|name| store.head(&MapId::parse(name).unwrap()).unwrap().last_event.0).sum();
    assert_eq!(all.len() as u64, of_maps);
}
