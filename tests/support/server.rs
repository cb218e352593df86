//! The real binary in a folder of its own, and clients to it.
//!
//! ```ignore
//! let mut server = Server::start(&[("sales", &left.url()), ("finance", &right.url())]).await;
//! server.maps().list_table_maps(ListTableMapsRequest::default()).await?;
//! server.kill();                                   // as a crash does
//! server.start_again().await;                      // the same store, another port
//! assert!(server.terminate().await.success());     // SIGTERM, and its exit status
//! ```

use chrono::{DateTime, Utc};
use std::fmt::Write as _;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tandem::engine::clock::{Clock, SystemClock};
use tandem::engine::tasks::Tasks;
use tandem::server::config::{Config, Input};
use tandem::server::run::{ServeError, run_until};
use tandem::services::proto::alert_service_client::AlertServiceClient;
use tandem::services::proto::queue_service_client::QueueServiceClient;
use tandem::services::proto::sync_service_client::SyncServiceClient;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

/// How long anything may take before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A server that is killed when it is dropped.
pub struct Server {
    folder: TempDir,
    running: Running,
    port: u16,
    channel: Channel,
}

/// Where it runs.
enum Running {
    Process(Child),
    /// In this process, until it is stopped.
    Within(TestClock, CancellationToken, JoinHandle<Result<(), ServeError>>),
}

/// A time of day that stands still until it is set further.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    pub fn starting_now() -> TestClock {
        TestClock(Arc::new(Mutex::new(SystemClock.now())))
    }

    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

impl Server {
    /// Starts a server that knows these applications, by id and URL.
    pub async fn start(applications: &[(&str, &str)]) -> Server {
        Server::start_with(applications, "").await
    }

    /// A server in this process, by a clock that the test sets. It cannot be killed, only started again.
    pub async fn start_by(clock: &TestClock, applications: &[(&str, &str)]) -> Server {
        let folder = configured(applications, "");
        let (running, port) = within(folder.path(), clock.clone()).await;
        Server { channel: connect(port), folder, running, port }
    }

    /// The same, with more lines of configuration (sections; for keys of `[server]` and `[store]` begin with that).
    pub async fn start_with(applications: &[(&str, &str)], more: &str) -> Server {
        let folder = configured(applications, more);
        let (child, port) = launch(folder.path(), 0).await;
        Server { channel: connect(port), folder, running: Running::Process(child), port }
    }

    pub fn maps(&self) -> TableMapServiceClient<Channel> {
        TableMapServiceClient::new(self.channel.clone())
    }

    pub fn sync(&self) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(self.channel.clone())
    }

    pub fn queue(&self) -> QueueServiceClient<Channel> {
        QueueServiceClient::new(self.channel.clone())
    }

    pub fn alerts(&self) -> AlertServiceClient<Channel> {
        AlertServiceClient::new(self.channel.clone())
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Another connection of its own, with these certificates.
    pub async fn connect_tls(&self, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{}", self.port)).expect("a URL");
        endpoint.tls_config(tls)?.connect().await
    }

    /// Another connection of its own.
    pub async fn connect(&self) -> Channel {
        Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port))
            .expect("a URL")
            .connect()
            .await
            .expect("a connection")
    }

    /// Rewrites its configuration, to hold when it reads it again.
    pub fn configure(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join("tandem.toml");
        let config = std::fs::read_to_string(&path).expect("a configuration file");
        std::fs::write(path, change(config)).expect("a configuration file");
    }

    /// Where it was started.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn process_id(&self) -> u32 {
        self.child().id()
    }

    /// A figure of the kernel's about its memory.
    pub fn memory_mb(&self, figure: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id())).expect("a process has one");
        let line = status.lines().find(|line| line.starts_with(figure)).expect("the kernel tells it");
        let kb = line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok());
        kb.expect("it is a number") / 1024.0
    }

    fn child(&self) -> &Child {
        match &self.running {
            Running::Process(child) => child,
            Running::Within(..) => panic!("the server runs in the test's own process"),
        }
    }

    /// The folder of the store.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Asks it to end as an operator does.
    pub fn signal_terminate(&self) {
        self.signal("-TERM");
    }

    /// Asks it to read its configuration again, and waits until it says that it has, or has not.
    pub async fn reload(&self) {
        let told =
            |log: String| log.matches("configuration was reloaded").count() + log.matches("was not reloaded").count();
        let before = told(self.log());
        self.signal("-HUP");
        let again = async {
            while told(self.log()) == before {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(PATIENCE, again).await.expect("the server says what it made of it");
    }

    fn signal(&self, signal: &str) {
        let id = self.process_id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill can be run");
        assert!(sent.success(), "{signal} could not be sent");
    }

    /// It stays as it is and does nothing more, as when a machine hangs, until it is thawed.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// SIGTERM, and how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal_terminate();
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                let Running::Process(child) = &mut self.running else { panic!("it is no process of its own") };
                if let Some(status) = child.try_wait().expect("a child can be waited for") {
                    return status;
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("the server ends")
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub fn kill(&mut self) {
        match &mut self.running {
            Running::Process(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Running::Within(_, stop, _) => stop.cancel(),
        }
    }

    /// Starts it again after it has ended, with the same store and configuration.
    pub async fn start_again(&mut self) {
        self.start_again_at(0).await;
    }

    /// The same, where it was before: for clients that come back to it.
    pub async fn start_again_where_it_was(&mut self) {
        self.start_again_at(self.port).await;
    }

    async fn start_again_at(&mut self, port: u16) {
        let (running, port) = match &mut self.running {
            Running::Process(_) => {
                let (child, port) = launch(self.folder.path(), port).await;
                (Running::Process(child), port)
            }
            Running::Within(clock, _, ended) => {
                let ended = timeout(PATIENCE, ended).await.expect("the server ends");
                ended.expect("it does not panic").expect("it ends well");
                within(self.folder.path(), clock.clone()).await
            }
        };
        (self.running, self.port, self.channel) = (running, port, connect(port));
    }

    /// Kills it and starts it again.
    pub async fn restart(&mut self) {
        self.kill();
        self.start_again().await;
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- what the server logged:\n{}---", self.log());
        }
    }
}

/// A folder with a configuration.
fn configured(applications: &[(&str, &str)], more: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix("tandem-server-").tempdir().expect("a temporary folder");
    let mut config = more.to_owned();
    for (id, url) in applications {
        let _ = write!(config, "\n[[applications]]\nid = \"{id}\"\nurl = \"{url}\"\nconnect_timeout = \"2s\"\n");
    }
    std::fs::write(folder.path().join("tandem.toml"), config).expect("a configuration file");
    folder
}

async fn within(folder: &Path, clock: TestClock) -> (Running, u16) {
    let mut config =
        Config::load(&Input { file: Some(folder.join("tandem.toml")), ..Input::default() }).expect("a configuration");
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.store.path = folder.join("data");
    let (ready, address) = oneshot::channel();
    let tell = move |address: SocketAddr| {
        let _ = ready.send(address);
        Ok(())
    };
    let stop = CancellationToken::new();
    let ended = Tasks::default().spawn(run_until(config, Arc::new(clock.clone()), tell, stop.clone()));
    let address = timeout(PATIENCE, address).await.expect("the server gets ready").expect("it does not end before");
    (Running::Within(clock, stop, ended), address.port())
}

/// Starts one; with port 0 where there is room.
async fn launch(folder: &Path, port: u16) -> (Child, u16) {
    let port_file = folder.join("port");
    let _ = std::fs::remove_file(&port_file);
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("a log file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .args(["--data", "data", "--config", "tandem.toml", "--port-file", "port"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    let ready = async {
        loop {
            if let Ok(port) = std::fs::read_to_string(&port_file) {
                return port.trim().parse().expect("the port file has a port");
            }
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                panic!("the server ended with {status} before it was ready:\n{log}");
            }
            sleep(LOOK_AGAIN).await;
        }
    };
    let port = timeout(PATIENCE, ready).await.expect("the server gets ready");
    (child, port)
}

/// Connects when the first call is made, and again after a break.
fn connect(port: u16) -> Channel {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("a URL").connect_lazy()
}
