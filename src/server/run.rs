//! A server from its start to its end.

use super::audit::Audit;
use super::calls::Calls;
use super::clients::Clients;
use super::config::{ApplicationConfig, ApplicationKind, Config, StoreKind};
use super::listener::{Listener, raise_file_limit};
use super::notify;
use super::port_file;
use super::reload::{Reloading, Source};
use super::routes::{cors, routes, tell_health};
use super::tls::{Certificates, TlsError};
use crate::connectors::{Application, sql};
use crate::engine::applications::Applications;
use crate::engine::clock::{Clock, SystemClock};
use crate::engine::error::EngineError;
use crate::engine::tasks::Tasks;
use crate::engine::{Engine, Notifying};
use crate::model::execution::ErrorLimits;
use crate::model::failure::Failure;
use crate::model::ids::AppId;
use crate::services::{Limits, Services};
use crate::store::sled::{Options, SledStore};
use crate::store::{Store, StoreError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tracing::{info, warn};

/// Files that a server has open beside its connections: the store's, and those of connections to applications.
const OTHER_FILES: usize = 512;

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
    #[error("connections cannot be encrypted")]
    Tls(#[from] TlsError),
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
}

/// Serves until it is told to end (SIGTERM or SIGINT), then ends what was begun within the configured grace. A second
/// signal ends at once. SIGHUP reads the configuration again from its source.
pub async fn run(config: Config, source: Source, port_file: Option<PathBuf>) -> Result<(), ServeError> {
    let ready = |address: SocketAddr| match port_file {
        None => Ok(()),
        Some(path) => port_file::write(&path, address.port()).map_err(|source| ServeError::PortFile { path, source }),
    };
    serve(config, Some(source), Arc::new(SystemClock), ready, CancellationToken::new()).await
}

/// The same for a server inside another program, by whose clock it goes: `ready` hears the address as soon as it is served, and `stop` ends it as
/// the first signal does.
pub async fn run_until(
    config: Config,
    clock: Arc<dyn Clock>,
    ready: impl FnOnce(SocketAddr) -> Result<(), ServeError>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    serve(config, None, clock, ready, stop).await
}

async fn serve(
    config: Config,
    source: Option<Source>,
    clock: Arc<dyn Clock>,
    ready: impl FnOnce(SocketAddr) -> Result<(), ServeError>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let mut signals = Signals::hear().map_err(ServeError::Signals)?;
    // Where there is nothing to read again, it ends the process as it always does.
    let mut hangup = source.is_some().then(|| signal(SignalKind::hangup())).transpose().map_err(ServeError::Signals)?;
    let certificates = config.tls.as_ref().map(Certificates::load).transpose()?;
    raise_file_limit(config.limits.connections_max + OTHER_FILES);
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
    let limits = Arc::new(config.limits.clone());
    let asked = Limits {
        page_size_max: limits.page_size_max,
        record_fields_max: limits.record_fields_max,
        backups_max: limits.backups_max,
    };
    let services = Services::new(engine, closing.clone(), asked);
    let (clients, audit) = (Clients::new(config.clients.clone()), Audit::default());
    let calls = Calls::new(closing.clone(), clients.clone(), limits.clone(), audit.clone());
    let (router, health) = routes(services, config.server.message_bytes_max, calls.clone())?;
    let encrypted = certificates.is_some();
    let reloading = Reloading::new(config.clone(), source, clients, certificates.clone());
    tasks.spawn(reloading.clone().watch_certificates(closing.clone()));
    tasks.spawn(audit.clone().run(closing.clone()));
    let now = CancellationToken::new();
    let _unserved = now.clone().drop_guard();
    let cors = cors(&config.server.web_origins);
    let listening = Listener { limits, certificates, audit, router, cors };
    let mut serving = pin!(listening.serve(listener, closing.clone(), now.clone()));
    tell_health(&health, ServingStatus::Serving).await;
    ready(address)?;
    info!(%address, tls = encrypted, clients = config.clients.len(), "tandem listens");

    loop {
        tokio::select! {
            () = &mut serving => break,
            () = signals.end() => break,
            () = stop.cancelled() => break,
            () = next(&mut hangup) => reloading.reload(),
        }
    }
    let grace = Instant::now() + config.server.grace;
    info!("shutting down: calls under way are finished, nothing new is taken");
    tell_health(&health, ServingStatus::NotServing).await;
    closing.cancel();
    let in_time = async {
        tokio::select! {
            () = serving => {}
            () = calls.answered() => {}
        }
        tasks.shut_down().await;
    };
    tokio::select! {
        () = in_time => info!("all acknowledged work is finished"),
        () = tokio::time::sleep_until(grace) => warn!(left = tasks.left(), "the grace period is over"),
        () = signals.end() => warn!(left = tasks.left(), "second signal, ending now"),
    }
    // What is still under way stops taking in anything; the store writes what it was given.
    now.cancel();
    tasks.token().cancel();
    store.close().await;
    let _ = tokio::time::timeout(config.server.grace, applications.close()).await;
    Ok(())
}

/// Waits for a signal, for ever where there is none to hear.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
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

    /// Waits for one that ends the server.
    async fn end(&mut self) {
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
