//! A server from its start to its end.

use super::calls::Calls;
use super::config::{ApplicationConfig, ApplicationKind, Config, StoreKind};
use super::notify;
use super::port_file;
use super::routes::{routes, tell_health};
use crate::connectors::{Application, sql};
use crate::engine::applications::Applications;
use crate::engine::clock::{Clock, SystemClock};
use crate::engine::error::EngineError;
use crate::engine::tasks::Tasks;
use crate::engine::{Engine, Notifying};
use crate::model::execution::ErrorLimits;
use crate::model::failure::Failure;
use crate::model::ids::AppId;
use crate::services::Services;
use crate::store::sled::{Options, SledStore};
use crate::store::{Store, StoreError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_web::GrpcWebLayer;
use tracing::{info, warn};

/// How often a connection that says nothing is asked whether its caller is still there, and how long it may take to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Calls that one connection may have under way.
const STREAMS_MAX: u32 = 1_024;

/// Why a server did not start, or ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the store cannot be opened")]
    Store(#[source] StoreError),
    /// An application's URL is none that its connector takes.
    #[error("application {id} cannot be used: {failure}")]
    Application { id: AppId, failure: Failure },
    #[error("nobody can be told of alerts: {0}")]
    Notify(String),
    /// The address is taken, or is none of this machine.
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the port file {} cannot be written", .path.display())]
    PortFile { path: PathBuf, source: io::Error },
    #[error("signals cannot be heard")]
    Signals(#[source] io::Error),
    #[error("the maps cannot be read from the store")]
    Engine(#[source] EngineError),
    #[error("the descriptors of the contract are broken")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("serving ended")]
    Serving(#[from] tonic::transport::Error),
}

/// Serves until it is told to end (SIGTERM or SIGINT), then ends what was begun within the configured grace. A second
/// signal ends at once.
pub async fn run(config: Config, port_file: Option<PathBuf>) -> Result<(), ServeError> {
    let ready = |address: SocketAddr| match port_file {
        None => Ok(()),
        Some(path) => port_file::write(&path, address.port()).map_err(|source| ServeError::PortFile { path, source }),
    };
    run_until(config, Arc::new(SystemClock), ready, CancellationToken::new()).await
}

/// The same for a server inside another program, by whose clock it goes: `ready` hears the address as soon as it is served, and `stop` ends it as
/// the first signal does.
pub async fn run_until(
    config: Config,
    clock: Arc<dyn Clock>,
    ready: impl FnOnce(SocketAddr) -> Result<(), ServeError>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let mut signals = Signals::hear().map_err(ServeError::Signals)?;
    let applications = applications(&config.applications)?;
    let notifiers = notify::notifiers(&config).map_err(ServeError::Notify)?;
    let store = open_store(&config).await.map_err(ServeError::Store)?;
    let listen = |source| ServeError::Listen { address: config.server.listen, source };
    let listener = TcpListener::bind(config.server.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;

    let tasks = Tasks::default();
    let error_limits = ErrorLimits {
        errors_max: config.initial_sync.errors_max.into(),
        errors_percent_max: config.initial_sync.errors_percent_max.into(),
    };
    let notifying = Notifying { notifiers, address: address.to_string() };
    let engine = Engine::start(store.clone(), clock, applications.clone(), tasks.clone(), error_limits, notifying);
    let engine = engine.map_err(ServeError::Engine)?;
    let closing = CancellationToken::new();
    let services = Services::new(engine, closing.clone());
    let calls = Calls::new(closing.clone());
    let (routes, health) = routes(services, config.server.message_bytes_max, calls.clone())?;
    let mut serving = pin!(
        tonic::transport::Server::builder()
            .accept_http1(true) // gRPC-Web comes so
            .max_concurrent_streams(Some(STREAMS_MAX))
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .layer(GrpcWebLayer::new())
            .add_routes(routes)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                closing.clone().cancelled_owned(),
            )
    );
    tell_health(&health, ServingStatus::Serving).await;
    ready(address)?;
    info!(%address, "tandem listens");

    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = signals.next() => None,
        () = stop.cancelled() => None,
    };
    let grace = Instant::now() + config.server.grace;
    info!("shutting down: calls under way are finished, nothing new is taken");
    tell_health(&health, ServingStatus::NotServing).await;
    closing.cancel();
    let in_time = async {
        let ended = match ended {
            Some(ended) => ended,
            None => tokio::select! {
                ended = serving => ended,
                () = calls.answered() => Ok(()),
            },
        };
        tasks.shut_down().await;
        ended
    };
    let ended = tokio::select! {
        ended = in_time => { info!("all acknowledged work is finished"); ended }
        () = tokio::time::sleep_until(grace) => { warn!(left = tasks.left(), "the grace period is over"); Ok(()) }
        () = signals.next() => { warn!(left = tasks.left(), "second signal, ending now"); Ok(()) }
    };
    // What is still under way stops taking in anything; the store writes what it was given.
    tasks.token().cancel();
    store.close().await;
    let _ = tokio::time::timeout(config.server.grace, applications.close()).await;
    Ok(ended?)
}

/// The signals that end a server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn hear() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let store = config.store.clone();
    let open = move || match store.kind {
        StoreKind::Sled => SledStore::open(Options {
            path: store.path,
            cache_bytes: store.cache_bytes,
            reserve_bytes: store.reserve_bytes,
        }),
    };
    let opened = tokio::task::spawn_blocking(open).await.map_err(|_| StoreError::Closed)?;
    Ok(Arc::new(opened?))
}

/// Connectors to all applications; none of them is asked anything yet.
fn applications(configured: &[ApplicationConfig]) -> Result<Applications, ServeError> {
    let connectors: Result<Vec<Arc<dyn Application>>, _> = configured
        .iter()
        .map(|application| {
            let connected = match application.kind {
                ApplicationKind::Sql => sql::connect(sql::SqlConfig {
                    id: application.id.clone(),
                    url: application.url.expose().into(),
                    pool_max: application.pool_max,
                    connect_timeout: application.connect_timeout,
                    statement_timeout: application.statement_timeout,
                    lock_timeout: application.lock_timeout,
                }),
            };
            connected.map_err(|failure| ServeError::Application { id: application.id.clone(), failure })
        })
        .collect();
    Ok(Applications::new(connectors?))
}
