//! Every method of the contract, through the wire to the engine: the first byte says which, the others are its request.
//!
//! Nothing may panic, and no answer may be INTERNAL, which is what a fault of the service is told as.

#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::bytes::{Buf, BufMut, Bytes};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tandem::engine::clock::SystemClock;
use tandem::server::config::{Config, Input};
use tandem::server::run::run_until;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::{
    ColumnMapping, CreateTableMapRequest, DESCRIPTORS, InitialSyncMode, RunTableMapRequest, TableMap, TableRef,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// How long a call may take: most answer at once, and streams have no end.
const PATIENCE: Duration = Duration::from_millis(20);
/// After so many inputs a map is made again that one of them may have stopped or deleted.
const MAP_EVERY: u64 = 512;

struct World {
    runtime: Runtime,
    channel: Channel,
    methods: Vec<MethodDescriptor>,
    calls: std::sync::atomic::AtomicU64,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let mut config = format!("[store]\npath = \"{}\"\nreserve_bytes = 0\n", folder.join("data").display());
        for id in ["sales", "finance"] {
            let file = folder.join(format!("{id}.db"));
            config += &format!("[[applications]]\nid = \"{id}\"\nurl = \"sqlite:{}?mode=rwc\"\n", file.display());
            runtime.block_on(table(&format!("sqlite:{}?mode=rwc", file.display())));
        }
        let path = folder.join("tandem.toml");
        std::fs::write(&path, config).expect("a configuration");
        let mut config = Config::load(&Input { file: Some(path), ..Input::default() }).expect("a configuration");
        config.server.listen = ([127, 0, 0, 1], 0).into();
        let (ready, address) = tokio::sync::oneshot::channel();
        let tell = move |address| {
            let _ = ready.send(address);
            Ok(())
        };
        runtime.spawn(run_until(config, Arc::new(SystemClock), tell, CancellationToken::new()));
        let channel = runtime.block_on(async {
            let address = address.await.expect("the server starts");
            Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect().await.expect("a connection")
        });
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
        let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
        World { runtime, channel, methods, calls: Default::default() }
    })
}

async fn table(url: &str) {
    use sqlx::{Connection, SqliteConnection};
    let mut connection = SqliteConnection::connect(url).await.expect("a database");
    let orders = "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, note TEXT DEFAULT '')";
    sqlx::query(orders).execute(&mut connection).await.expect("a table");
    connection.close().await.expect("it closes");
}

/// The map `orders`, running; it may be there already, in any state.
async fn map(channel: Channel) {
    let mut maps = TableMapServiceClient::new(channel);
    let table = |application: &str| TableRef {
        application: application.to_owned(),
        table: "orders".to_owned(),
        ..Default::default()
    };
    let column = |name: &str| ColumnMapping {
        left_column: name.to_owned(),
        right_column: name.to_owned(),
        ..Default::default()
    };
    let table_map = TableMap {
        left: Some(table("sales")),
        right: Some(table("finance")),
        integration_key: vec!["id".to_owned()],
        column_mappings: ["id", "note"].map(column).into(),
        ..Default::default()
    };
    let create =
        CreateTableMapRequest { table_map_id: "orders".to_owned(), table_map: Some(table_map), ..Default::default() };
    let _ = maps.create_table_map(create).await;
    let run = RunTableMapRequest {
        name: "tableMaps/orders".to_owned(),
        initial_sync: InitialSyncMode::Skip.into(),
        ..Default::default()
    };
    let _ = maps.run_table_map(run).await;
}

async fn call(channel: Channel, method: &MethodDescriptor, bytes: Bytes) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut request = Request::new(tokio_stream::iter([bytes]));
    request.set_timeout(PATIENCE);
    let mut answers = client.streaming(request, path.parse().expect("a path"), Raw).await?.into_inner();
    while answers.message().await?.is_some() {}
    Ok(())
}

/// Messages as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, request)) = bytes.split_first() else { return };
    let world = world();
    let method = &world.methods[usize::from(*which) % world.methods.len()];
    let calls = world.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let called = world.runtime.block_on(async {
        if calls.is_multiple_of(MAP_EVERY) {
            map(world.channel.clone()).await;
        }
        call(world.channel.clone(), method, Bytes::copy_from_slice(request)).await
    });
    if let Err(status) = called {
        // What is no message of protobuf is told as INTERNAL by tonic's own decoder.
        let ours = !status.message().starts_with("failed to decode Protobuf message");
        assert!(status.code() != Code::Internal || !ours, "{}: {status:?}", method.full_name());
    }
});
