//! The server of the demo: the real one, in this process, with a configuration made here.

use super::application::Application;
use super::error::DemoError;
use crate::engine::clock::SystemClock;
use crate::engine::tasks::Tasks;
use crate::model::ids::AppId;
use crate::server::config::{
    ApplicationConfig, ApplicationKind, Config, Input, Log, LogFormat, Secret, Server, StoreConfig, StoreKind,
};
use crate::server::run::{ServeError, run_until};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where a server that is kept listens, or on the next port that is free.
const PORT: u16 = 7070;
const PORTS_TRIED: u16 = 100;

/// The server while it runs.
pub struct Serving {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), ServeError>>,
}

impl Serving {
    /// Starts it, with its store in `data`. One that is kept has a port that people can type.
    pub async fn start(data: &Path, applications: [&Application; 2], keep: bool) -> Result<Self, DemoError> {
        let port = if keep { free_port() } else { 0 };
        let config = config(data, applications, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let (ready, address) = oneshot::channel();
        let stop = CancellationToken::new();
        let tell = move |address| {
            let _ = ready.send(address); // a demo that has gone needs no address
            Ok(())
        };
        let ended = Tasks::default().spawn(run_until(config, Arc::new(SystemClock), tell, stop.clone()));
        match address.await {
            Ok(address) => Ok(Self { address, stop, ended }),
            Err(_) => Err(DemoError::Server(ended.await.ok().and_then(Result::err))),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it as the operator's signal would, and waits for its end, which the configured grace bounds.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.ended.await; // the story is told
    }
}

/// The first port from 7070 on that nobody has; any that is free when all are taken.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (PORT..PORT + PORTS_TRIED).find(is_free).unwrap_or_default()
}

fn config(data: &Path, applications: [&Application; 2], listen: SocketAddr) -> Result<Config, DemoError> {
    let defaults = Config::load(&Input::default()).map_err(DemoError::Config)?;
    Ok(Config {
        server: Server { listen, grace: Duration::from_secs(5), ..defaults.server },
        store: StoreConfig {
            kind: StoreKind::Sled,
            path: data.join("tandem"),
            cache_bytes: 64 << 20,
            reserve_bytes: 16 << 20,
        },
        applications: applications.into_iter().filter_map(application).collect(),
        log: log(),
        ..defaults
    })
}

fn application(application: &Application) -> Option<ApplicationConfig> {
    // In a URL these two would not stand for themselves.
    let file = application.file().display().to_string().replace('%', "%25").replace('?', "%3f");
    Some(ApplicationConfig {
        id: AppId::parse(application.name()).ok()?,
        kind: ApplicationKind::Sql,
        url: Secret::new(format!("sqlite:{file}")),
        pool_max: 4,
        connect_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(10),
        lock_timeout: Duration::from_secs(5),
    })
}

/// The demo itself tells what happens; RUST_LOG shows more.
pub fn log() -> Log {
    Log { format: LogFormat::Text, level: "off".to_owned() }
}
