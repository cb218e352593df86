//! How fast changes are accepted durably, over the wire: through one stream against a bare sled that is fed through the same
//! stream (one key for each record, one flush for each 1,024) and against Redis XADD with `appendfsync always`; one change a call
//! with 64 callers against a call that stores nothing. All in the same run on the same disk: ratios travel between machines,
//! numbers do not. A bare sled that packs what it flushes into few values, finds nothing again and knows no id tells how much there
//! is to win.
//!
//! `cargo bench --features jemalloc --bench accept` fails where a limit is passed. It needs `redis-server` and `redis-benchmark` (package
//! `redis-server` of Debian); with `TANDEM_BENCH_REDIS=no` it goes without.

#[path = "../tests/support/mod.rs"]
mod support;

use bytes::{Buf, BufMut, Bytes};
use futures::{StreamExt, stream};
use prost::Message;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use support::world::{self, World, int, one_way, record, text};
use tandem::services::proto::sync_service_client::SyncServiceClient;
use tandem::services::proto::sync_service_server::{SyncService, SyncServiceServer};
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;
use tempfile::TempDir;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// Changes of one round through a stream, and by single calls.
const STREAMED: u64 = 300_000;
const CALLED: u64 = 60_000;
const CALLERS: usize = 64;
/// Each round measures all; what is told is the median.
const ROUNDS: usize = 3;
/// Records of one flush of the bare sled.
const FLUSHED_AT_ONCE: usize = 1_024;

/// How many times as fast as the bare sled, and as Redis, the stream is at least.
const BARE_RATIO_MIN: f64 = 3.0;
const REDIS_RATIO_MIN: f64 = 1.0;
/// Single calls against those that store nothing.
const UNARY_RATIO_MIN: f64 = 0.6;

const REDIS_VARIABLE: &str = "TANDEM_BENCH_REDIS";
const REDIS_PIPELINE: &str = "256";
/// What this program is told when it is to be a server that others are measured against.
const BARE_SERVER: &str = "bare-server";
const PACKING_SERVER: &str = "packing-server";
/// A value of the one that packs.
const PACKED_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let packs = match std::env::args().nth(1).as_deref() {
        Some(BARE_SERVER) => false,
        Some(PACKING_SERVER) => true,
        _ => return runtime.block_on(measure()),
    };
    runtime.block_on(serve_bare(packs));
    ExitCode::SUCCESS
}

/// Rates of one round, in records a second.
struct Round {
    streamed: f64,
    bare: f64,
    packing: f64,
    called: f64,
    nothing: f64,
    redis: Option<f64>,
}

async fn measure() -> ExitCode {
    let redis = std::env::var(REDIS_VARIABLE).map_or(true, |asked| asked != "no");
    let mut rounds = Vec::new();
    let encoded: Vec<Bytes> = (1..=STREAMED).map(|id| encoded(change(id))).collect();
    for number in 1..=ROUNDS {
        let world = World::start().await;
        world.running_map("orders", one_way("orders", &["id", "status", "note", "amount"])).await;
        world.pause("orders").await.unwrap();
        let (bare, packing) = (Bare::start(BARE_SERVER), Bare::start(PACKING_SERVER));
        let round = Round {
            bare: streamed(bare.channel(), &encoded).await,
            packing: streamed(packing.channel(), &encoded).await,
            streamed: streamed(world.channel(), &encoded).await,
            nothing: called(&bare.channel()).await,
            called: called(&world.channel()).await,
            redis: redis.then(xadd),
        };
        let stats = world.stats("orders").await;
        assert_eq!(stats.queued_count, i64::try_from(STREAMED + CALLED).unwrap(), "all of it is queued");
        println!(
            "round {number}: stream {:.0}/s, bare sled {:.0}/s, packing {:.0}/s, Redis {:.0}/s; calls {:.0}/s, storing nothing {:.0}/s",
            round.streamed,
            round.bare,
            round.packing,
            round.redis.unwrap_or_default(),
            round.called,
            round.nothing,
        );
        rounds.push(round);
    }
    report(&rounds)
}

/// Texts as people write them: words that come again, in no order.
static NOTES: LazyLock<Vec<String>> = LazyLock::new(|| {
    const WORDS: [&str; 16] = [
        "customer", "asks", "for", "delivery", "before", "noon", "invoice", "to", "the", "second", "address", "pallet",
        "broken", "returned", "on", "Friday",
    ];
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut note = || {
        let mut note = String::new();
        while note.len() < 320 {
            note.push_str(WORDS.choose(&mut random).unwrap());
            note.push(' ');
        }
        note.truncate(320);
        note
    };
    (0..1_021).map(|_| note()).collect()
});

/// A change of about 400 bytes.
fn change(id: u64) -> WriteRecordRequest {
    let columns = [
        ("id", int(i64::try_from(id).unwrap())),
        ("status", text("packed")),
        ("note", text(&NOTES[id as usize % NOTES.len()])),
        ("amount", int(7)),
    ];
    let change_id = format!("{:032x}", u128::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    WriteRecordRequest { change_id, ..world::change("orders", record(columns)) }
}

fn encoded(change: WriteRecordRequest) -> Bytes {
    WriteRecordsRequest { change: Some(change) }.encode_to_vec().into()
}

/// Sends all through one stream and waits for all answers. They are made before and looked at behind it: what is measured is the server,
/// which shares its cores with whoever asks.
async fn streamed(channel: Channel, encoded: &[Bytes]) -> f64 {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = "/tandem.v1.SyncService/WriteRecords".parse().unwrap();
    let changes = encoded.to_vec();
    let begin = Instant::now();
    let answers = client.streaming(Request::new(stream::iter(changes)), path, AsTheyAre).await.unwrap();
    let answers: Vec<Bytes> = answers.into_inner().map(Result::unwrap).collect().await;
    let took = begin.elapsed();
    assert_eq!(answers.len(), encoded.len());
    for answer in answers {
        let told = WriteRecordsResponse::decode(answer).unwrap().result;
        assert!(
            matches!(&told, Some(Told::Written(written)) if written.disposition() == Disposition::Queued),
            "{told:?}"
        );
    }
    rate(encoded.len() as u64, took)
}

/// Messages that are encoded already, and stay so.
#[derive(Debug, Clone, Copy, Default)]
struct AsTheyAre;

impl Codec for AsTheyAre {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Many callers, each with one change a call, one after another.
async fn called(channel: &Channel) -> f64 {
    let next = Arc::new(AtomicU64::new(STREAMED + 1));
    let begin = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let (mut client, next) = (SyncServiceClient::new(channel.clone()), next.clone());
        tokio::spawn(async move {
            loop {
                let id = next.fetch_add(1, Ordering::Relaxed);
                if id > STREAMED + CALLED {
                    return;
                }
                client.write_record(change(id)).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    rate(CALLED, begin.elapsed())
}

fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// A server of its own process that is measured against.
struct Bare {
    process: Child,
    port: u16,
}

impl Bare {
    fn start(which: &str) -> Bare {
        let program = std::env::current_exe().unwrap();
        let mut process = Command::new(program).arg(which).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Bare { process, port: line.trim().parse().unwrap() }
    }

    fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port)).unwrap().connect_lazy()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn serve_bare(packs: bool) {
    let folder = TempDir::new().unwrap();
    let db = sled::Config::new().path(folder.path()).flush_every_ms(None).cache_capacity(64 << 20).open().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let service = SyncServiceServer::new(BareService { db, packs });
    Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
}

/// Streams go into a bare sled, single calls nowhere.
struct BareService {
    db: sled::Db,
    /// Records go into values of many, and not each under a key of its own.
    packs: bool,
}

fn queued(sequence: u64) -> WriteRecordResponse {
    WriteRecordResponse {
        disposition: Disposition::Queued.into(),
        sequence: sequence.cast_signed(),
        ..Default::default()
    }
}

fn not_measured<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not measured"))
}

#[tonic::async_trait]
impl SyncService for BareService {
    type WriteRecordsStream = stream::BoxStream<'static, Result<WriteRecordsResponse, Status>>;
    type WatchExecutionStream = stream::BoxStream<'static, Result<WatchExecutionResponse, Status>>;

    async fn write_record(&self, _: Request<WriteRecordRequest>) -> Result<Response<WriteRecordResponse>, Status> {
        Ok(Response::new(queued(1)))
    }

    async fn write_records(
        &self,
        requests: Request<Streaming<WriteRecordsRequest>>,
    ) -> Result<Response<Self::WriteRecordsStream>, Status> {
        let (db, packs) = (self.db.clone(), self.packs);
        let batches = requests.into_inner().ready_chunks(FLUSHED_AT_ONCE);
        let mut sequence = 0_u64;
        let answers = batches.flat_map(move |changes| {
            let mut batch = sled::Batch::default();
            let mut answers = Vec::with_capacity(changes.len());
            let mut value = Vec::with_capacity(PACKED_BYTES);
            let last = changes.len() - 1;
            for (index, change) in changes.into_iter().enumerate() {
                let change = change.unwrap().change.unwrap();
                sequence += 1;
                change.encode_length_delimited(&mut value).unwrap();
                if !packs || value.len() >= PACKED_BYTES || index == last {
                    batch.insert(&sequence.to_be_bytes(), value.as_slice());
                    value.clear();
                }
                let result = Some(Told::Written(queued(sequence)));
                answers.push(Ok(WriteRecordsResponse { change_id: change.change_id, result }));
            }
            db.apply_batch(batch).unwrap();
            db.flush().unwrap();
            stream::iter(answers)
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn watch_execution(
        &self,
        _: Request<WatchExecutionRequest>,
    ) -> Result<Response<Self::WatchExecutionStream>, Status> {
        not_measured()
    }

    async fn get_execution(&self, _: Request<GetExecutionRequest>) -> Result<Response<Execution>, Status> {
        not_measured()
    }

    async fn list_executions(
        &self,
        _: Request<ListExecutionsRequest>,
    ) -> Result<Response<ListExecutionsResponse>, Status> {
        not_measured()
    }

    async fn list_execution_errors(
        &self,
        _: Request<ListExecutionErrorsRequest>,
    ) -> Result<Response<ListExecutionErrorsResponse>, Status> {
        not_measured()
    }

    async fn rerun_execution(&self, _: Request<RerunExecutionRequest>) -> Result<Response<Execution>, Status> {
        not_measured()
    }

    async fn retry_execution_errors(
        &self,
        _: Request<RetryExecutionErrorsRequest>,
    ) -> Result<Response<QueueJob>, Status> {
        not_measured()
    }

    async fn skip_initial_sync(&self, _: Request<SkipInitialSyncRequest>) -> Result<Response<Execution>, Status> {
        not_measured()
    }

    async fn cancel_execution(&self, _: Request<CancelExecutionRequest>) -> Result<Response<Execution>, Status> {
        not_measured()
    }
}

/// The rate of Redis with a stream that is synced for each pipeline.
fn xadd() -> f64 {
    const PORT: &str = "16379";
    let folder = TempDir::new().unwrap();
    let server = Command::new("redis-server")
        .args(["--port", PORT, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("redis-server: {error}; install it, or set {REDIS_VARIABLE}=no"));
    let server = Ends(server);
    while std::net::TcpStream::connect(format!("127.0.0.1:{PORT}")).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = Command::new("redis-benchmark")
        .args(["-p", PORT, "-c", "1", "-P", REDIS_PIPELINE, "-n", &STREAMED.to_string(), "--csv"])
        .args(["XADD", "orders", "*", "change", &"n".repeat(400)])
        .output()
        .unwrap();
    drop(server);
    let told = String::from_utf8(told.stdout).unwrap();
    // "the command","requests a second",…
    let figure = told.lines().last().and_then(|line| line.split("\",\"").nth(1));
    figure.unwrap_or_else(|| panic!("redis-benchmark tells no rate: {told}")).parse().unwrap()
}

/// A process that ends with this.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn report(rounds: &[Round]) -> ExitCode {
    let median = |figure: &dyn Fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let mut kept = true;
    let mut told = |what: &str, ratio: f64, min: f64| {
        println!("{what:<56} {ratio:>6.2}     at least {min}");
        kept &= ratio >= min;
    };
    println!("medians of {ROUNDS} rounds:");
    told("a stream against a bare sled", median(&|round| round.streamed / round.bare), BARE_RATIO_MIN);
    if rounds.iter().all(|round| round.redis.is_some()) {
        let against = median(&|round| round.streamed / round.redis.unwrap_or(f64::INFINITY));
        told("a stream against Redis XADD", against, REDIS_RATIO_MIN);
    }
    let to_win = median(&|round| round.packing / round.bare);
    println!("{:<56} {to_win:>6.2}     no limit", "a bare sled that packs, against one that does not");
    told(
        "single calls against those that store nothing",
        median(&|round| round.called / round.nothing),
        UNARY_RATIO_MIN,
    );
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
