//! Two hundred followers of the activity log: quick ones, slow ones, some that break off and come again, one that does
//! not read at all. Each sees the whole log, no event left out and none twice, and costs the server no memory.
//!
//! It does not show what a network between them does, nor a log that retention trims under a slow reader.

mod support;

use futures::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;
use support::databases::sql;
use support::server::{PATIENCE, Server};
use support::world::*;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::tail_activity_request::Start;
use tandem::services::proto::tail_activity_response::Item;
use tandem::services::proto::*;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

const WATCHERS: usize = 200;
const MAPS: [&str; 4] = ["orders", "m1", "m2", "m3"];
/// Pauses and resumes of each map: three events each.
const CYCLES: usize = 75;
/// What an event weighs beside its numbers: the longest reason that there may be.
const REASON_BYTES: usize = 1_000;
/// How much the server may grow while 200 follow. Events kept for each of the 100 that are slow, or break off, would be
/// 100 MB and more.
const GROWTH_BYTES_MAX: u64 = 32 << 20;
/// What a slow one takes at a time: an event or two.
const SMALL_WINDOW: u32 = 2_048;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    Quick,
    /// Rests after each event, and lets the server send no more than it reads.
    Slow,
    /// Breaks off after some events and begins again behind the last one it saw.
    ComesAgain,
    /// Reads nothing before the log has come to its end.
    Stalled,
}

/// The end of the log: its last position, and the last sequence of each map.
#[derive(Debug, Clone, Default)]
struct End {
    position: i64,
    sequences: BTreeMap<String, i64>,
}

/// One that follows the log, and what it has seen.
struct Watcher {
    parent: String,
    manner: Manner,
    channel: Channel,
    /// xorshift, seeded with its number.
    dice: u64,
    position: i64,
    sequences: BTreeMap<String, i64>,
}

impl Watcher {
    fn new(number: usize, address: &str, shared: &Channel) -> Watcher {
        let manner = match number % 10 {
            0..=4 => Manner::Quick,
            5..=6 => Manner::Slow,
            7..=8 => Manner::ComesAgain,
            _ => Manner::Stalled,
        };
        let own = manner == Manner::Slow || manner == Manner::Stalled;
        Watcher {
            parent: name(if number.is_multiple_of(2) { "-" } else { MAPS[0] }),
            manner,
            channel: if own { narrow(address) } else { shared.clone() },
            dice: number as u64 * 0x9E37_79B9 + 1,
            position: 0,
            sequences: BTreeMap::new(),
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) % end
    }

    async fn begin(&self) -> Streaming<TailActivityResponse> {
        let start = match self.parent.strip_prefix("tableMaps/-") {
            Some(_) => Start::StartPosition(self.position + 1),
            None => Start::StartSequence(self.sequences.get(&self.parent).unwrap_or(&0) + 1),
        };
        tail(&self.channel, &self.parent, Some(start)).await.expect("a tail")
    }

    /// Follows to the end of the log, once it is known.
    async fn follow(mut self, mut end: watch::Receiver<Option<End>>) {
        let mut tail = self.begin().await;
        if self.manner == Manner::Stalled {
            end.wait_for(Option::is_some).await.expect("the log has an end");
        }
        let mut break_off_after = 1 + self.below(60);
        while !self.is_at(&end.borrow()) {
            let message = tokio::select! {
                message = tail.message() => message.expect("the tail goes on").expect("the tail has no end"),
                Ok(()) = end.changed() => continue,
            };
            match message.item.expect("an event or a heartbeat") {
                Item::Event(event) => self.take(&event),
                Item::Heartbeat(heartbeat) => self.compare(&heartbeat),
            }
            match self.manner {
                Manner::Slow => sleep(Duration::from_millis(self.below(8))).await,
                Manner::ComesAgain if break_off_after == 0 => {
                    drop(tail);
                    sleep(Duration::from_millis(self.below(30))).await;
                    tail = self.begin().await;
                    break_off_after = 1 + self.below(60);
                }
                _ => break_off_after = break_off_after.saturating_sub(1),
            }
        }
    }

    fn is_at(&self, end: &Option<End>) -> bool {
        let Some(end) = end else { return false };
        match self.parent.as_str() {
            "tableMaps/-" => self.position == end.position && self.sequences == end.sequences,
            one => self.sequences.get(one) == end.sequences.get(one),
        }
    }

    /// The next event: one past the last of its map, behind the last of all.
    fn take(&mut self, event: &ActivityEvent) {
        let last = self.sequences.entry(event.table_map.clone()).or_default();
        assert_eq!(event.sequence, *last + 1, "no gap, and none twice: {:?} {event:?}", self.manner);
        assert!(event.position > self.position, "{event:?} after position {}", self.position);
        *last = event.sequence;
        self.position = event.position;
    }

    /// A heartbeat tells of what was sent before it and of nothing else.
    fn compare(&self, heartbeat: &Heartbeat) {
        match self.parent.as_str() {
            "tableMaps/-" => assert_eq!((heartbeat.latest_position, heartbeat.latest_sequence), (self.position, 0)),
            one => assert_eq!(Some(&heartbeat.latest_sequence), self.sequences.get(one)),
        }
    }
}

/// A connection of its own, over which little is under way.
fn narrow(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    endpoint.initial_stream_window_size(SMALL_WINDOW).connect_lazy()
}

async fn tail(
    channel: &Channel,
    parent: &str,
    start: Option<Start>,
) -> Result<Streaming<TailActivityResponse>, Status> {
    let request = TailActivityRequest { parent: parent.to_owned(), start, filter: None };
    TableMapServiceClient::new(channel.clone()).tail_activity(request).await.map(tonic::Response::into_inner)
}

/// Bytes of memory that the server has.
fn resident_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).expect("the server lives");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has memory");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") * 1024
}

/// A world with four maps, asynchronous and RUNNING.
async fn world() -> World {
    let world = World::start_with("[store]\ncache_bytes = \"4MiB\"\n").await;
    for (place, id) in MAPS.into_iter().enumerate() {
        let mut map = asynchronous(orders_map());
        if place > 0 {
            let table =
                format!("CREATE TABLE {id} (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT, amount INTEGER)");
            for url in [world.left.url(), world.right.url()] {
                sql::execute(&url, &table).await.expect("a table");
            }
            for side in [&mut map.left, &mut map.right].into_iter().flatten() {
                side.table = id.to_owned();
            }
        }
        world.running_map(id, map).await;
    }
    world
}

/// Pauses and resumes a map, again and again; now and then a record fails meanwhile.
async fn make_events(server: &Server, id: &str, cycles: usize) {
    let reason = "r".repeat(REASON_BYTES);
    for cycle in 0..cycles {
        let pause = PauseTableMapRequest { name: name(id), reason: reason.clone(), ..Default::default() };
        server.maps().pause_table_map(pause).await.expect("it is paused");
        if cycle % 5 == 0 {
            let refused = record([("id", int(cycle as i64)), ("amount", int(-1))]);
            server.write(change(id, refused)).await.expect("it is queued");
        }
        let resume = ResumeTableMapRequest { name: name(id), reason: reason.clone(), ..Default::default() };
        server.maps().resume_table_map(resume).await.expect("it is resumed");
        while server.state(id).await != TableMapState::Running {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The end of a log to which nothing is added any more.
async fn end_of_log(server: &Server) -> End {
    sleep(Duration::from_millis(1_100)).await; // errors of the last second are folded into one event
    let mut end = End::default();
    for id in MAPS.into_iter().chain(["late"]) {
        let request = ListActivityRequest {
            parent: name(id),
            page_size: 1,
            order_by: "time desc".to_owned(),
            ..Default::default()
        };
        let last = server.maps().list_activity(request).await.expect("a page").into_inner().events.remove(0);
        end.position = end.position.max(last.position);
        end.sequences.insert(name(id), last.sequence);
    }
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_watchers_see_the_whole_log_while_memory_stays_flat() {
    let world = world().await;
    let server = &world.server;
    let (tell_end, end) = watch::channel(None);
    let address = server.address();
    let shared: Vec<Channel> =
        (0..4).map(|_| Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()).collect();
    let watchers: Vec<JoinHandle<()>> = (0..WATCHERS)
        .map(|number| tokio::spawn(Watcher::new(number, &address, &shared[number % 4]).follow(end.clone())))
        .collect();
    // What the first events take is taken once: pages of the store, buffers of connections.
    join_all(MAPS.map(|id| make_events(server, id, CYCLES / 5))).await;
    let before = resident_bytes(server);

    let mut most = before;
    let making = async {
        join_all(MAPS.map(|id| make_events(server, id, CYCLES))).await;
        let mut late = orders_map();
        late.integration_key = vec!["id".to_owned()];
        late.left.as_mut().unwrap().table = "m1".to_owned();
        late.right.as_mut().unwrap().table = "m2".to_owned();
        server.create_map("late", late).await.expect("a map is created meanwhile");
    };
    let measuring = async {
        loop {
            sleep(Duration::from_millis(50)).await;
            most = most.max(resident_bytes(server));
        }
    };
    tokio::select! { () = making => {}, () = measuring => {} }
    let end = end_of_log(server).await;
    tell_end.send_replace(Some(end.clone()));
    let ended = timeout(PATIENCE, join_all(watchers)).await.expect("every watcher comes to the end");
    ended.into_iter().for_each(|watcher| watcher.expect("it saw the whole log"));
    most = most.max(resident_bytes(server));
    println!("{} events, {} MB before, {} MB at most", end.position, before >> 20, most >> 20);
    assert!(most - before < GROWTH_BYTES_MAX, "it grew from {before} to {most} bytes");

    // Whoever begins at the end is told at once where it is; beyond it is no place to begin.
    let last = end.sequences[&name("orders")];
    for (parent, start, expected) in [
        (name("-"), Start::StartPosition(end.position + 1), (0, end.position)),
        (name("orders"), Start::StartSequence(last + 1), (last, end.position)),
        (name("orders"), Start::StartSequence(last), (last, end.position)),
    ] {
        let mut tail = tail(&shared[0], &parent, Some(start)).await.unwrap();
        let heartbeat = async {
            loop {
                if let Some(Item::Heartbeat(heartbeat)) = tail.message().await.unwrap().unwrap().item {
                    return heartbeat;
                }
            }
        };
        let heartbeat = timeout(Duration::from_secs(5), heartbeat).await.expect("a heartbeat comes at once");
        assert_eq!((heartbeat.latest_sequence, heartbeat.latest_position), expected, "{parent}, {start:?}");
    }
    for (parent, start) in
        [(name("-"), Start::StartPosition(end.position + 2)), (name("orders"), Start::StartSequence(last + 2))]
    {
        let refused = tail(&shared[0], &parent, Some(start)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::OutOfRange, "LOG_NOT_REACHED"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_every_tail_also_of_those_who_do_not_read() {
    let mut world = world().await;
    let address = world.address();
    make_events(&world.server, "orders", 20).await;
    let mut reading = Vec::new();
    let mut stalled = Vec::new();
    for number in 0..60 {
        let channel = if number % 3 == 0 { narrow(&address) } else { world.channel() };
        let parent = name(if number % 2 == 0 { "-" } else { "orders" });
        let mut tail = tail(&channel, &parent, None).await.unwrap();
        if number % 3 == 0 {
            stalled.push(tail); // more waits for it than it lets come
        } else {
            reading.push(tokio::spawn(async move {
                loop {
                    match tail.message().await {
                        Ok(Some(_)) => {}
                        Ok(None) => panic!("a tail has no end of its own"),
                        Err(status) => return status,
                    }
                }
            }));
        }
    }
    sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    world.server.signal_terminate();
    for ended in join_all(reading).await {
        let ended = ended.unwrap();
        assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "SHUTTING_DOWN"), "{ended:?}");
    }
    println!("all who read were told after {:?}", begun.elapsed());
    let status = world.server.ended().await;
    println!("it ended after {:?}", begun.elapsed());
    assert!(status.success(), "{status}\n{}", world.server.log());
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}:\n{}", begun.elapsed(), world.server.log());
}
