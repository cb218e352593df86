//! A database server of a test's own, whichever kind it is: where it lives, how it is reached, and how it ends.

use super::sql;
use super::supervisor::{Plan, Supervisor, has_ended};
use super::template::run;
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::marker::PhantomData;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

/// The account that `url` names. It may do everything.
pub const USER: &str = "tandem";
/// Its password: a word that is nowhere else, so that a test can look for it where no password may be.
pub const PASSWORD: &str = "hunter2-in-tests";

/// A server takes a tenth of this; a machine that builds something else at the same time takes longer.
const START_TIME_MAX: Duration = Duration::from_secs(60);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Somebody may take the port between the look for a free one and the server's start.
const PORT_ATTEMPTS_MAX: usize = 5;

/// A kind of server: what differs between PostgreSQL and MariaDB.
pub trait Kind: Sized + Send + Sync + 'static {
    const NAME: &'static str;
    const SCHEME: &'static str;
    /// A database that is always there.
    const ADMIN_DATABASE: &'static str;
    const STOP_SIGNAL: &'static str;
    const END_SIGNAL: &'static str;
    /// Who runs it when the tests are run by root and it refuses to be.
    const SYSTEM_USER: Option<&'static str>;
    /// The query for its data folder.
    const DATA_FOLDER: &'static str;
    /// What it logs when it ends because another process has its port.
    const PORT_TAKEN: &'static str;

    /// Panics with what is missing and what brings it.
    fn check_installed();

    /// Makes the data folder and gives the command that runs the server over it, but for the port. Blocks.
    fn prepare(place: &Place) -> Vec<OsString>;

    /// Where `Server::shared` keeps its server.
    fn shared_cell() -> &'static OnceCell<Server<Self>>;
}

/// A running (or stopped, or killed) server. Dropping it ends it and removes its folder.
pub struct Server<K: Kind> {
    place: Place,
    port: u16,
    /// Of the first process; set by every start.
    process_id: AtomicU32,
    /// How many databases were created; names them.
    databases: AtomicU32,
    /// Set by `shared`: other tests use it too, so none may take it away.
    is_shared: bool,
    supervisor: Arc<Mutex<Supervisor>>,
    kind: PhantomData<K>,
}

impl<K: Kind> Server<K> {
    /// Starts a server of the caller's own. Returns when it answers; panics with its log when it does not in time.
    pub async fn start() -> Server<K> {
        Server::start_with(&[]).await
    }

    /// The same with more arguments, which win over those that all servers have.
    pub async fn start_with(arguments: &'static [&'static str]) -> Server<K> {
        let (place, supervisor) = blocking(|| {
            K::check_installed();
            let folder = tempfile::Builder::new().prefix("tandem-").tempdir().expect("a temporary folder can be made");
            let place = Place::new::<K>(folder.path());
            let mut command = K::prepare(&place);
            command.extend(arguments.iter().map(OsString::from));
            let supervisor = Supervisor::new(Plan {
                folder: place.folder(),
                stop_signal: K::STOP_SIGNAL,
                end_signal: K::END_SIGNAL,
                command,
            });
            let _ = folder.keep(); // the supervisor removes it
            (place, supervisor)
        })
        .await;
        let mut server = Server {
            place,
            port: 0,
            process_id: AtomicU32::new(0),
            databases: AtomicU32::new(0),
            is_shared: false,
            supervisor: Arc::new(Mutex::new(supervisor)),
            kind: PhantomData,
        };
        for _ in 0..PORT_ATTEMPTS_MAX {
            server.port = free_port();
            if server.bring_up().await {
                return server;
            }
        }
        panic!("{} found {PORT_ATTEMPTS_MAX} free ports taken:\n{}", K::NAME, server.log());
    }

    /// The server that all tests of this process share, started by the first that asks and ended with the process.
    /// For tests that need a database and leave the server alone.
    pub async fn shared() -> &'static Server<K> {
        let start = || async { Server { is_shared: true, ..Server::start().await } };
        K::shared_cell().get_or_init(start).await
    }

    /// The URL of a database for `USER`. It need not exist.
    pub fn url(&self, database: &str) -> String {
        self.url_as(USER, PASSWORD, database)
    }

    /// The same for an account that the test has created, or for one that does not exist.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("{}://{user}:{password}@127.0.0.1:{}/{database}", K::SCHEME, self.port)
    }

    /// Creates an empty database with a name of its own and gives its URL.
    pub async fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Relaxed) + 1);
        let created = sql::execute(&self.url(K::ADMIN_DATABASE), &format!("CREATE DATABASE {name}")).await;
        created.unwrap_or_else(|error| panic!("{} does not create {name}: {error}\n{}", K::NAME, self.log()));
        self.url(&name)
    }

    /// Stops it in its fast, orderly way: connections are cut. Returns when it has ended.
    pub async fn stop(&self) {
        self.carry_out("stop").await;
    }

    /// Kills all of its processes at once. What was committed is there after `start_again`.
    pub async fn kill(&self) {
        self.carry_out("kill").await;
    }

    /// Holds all of its processes: connections stay open, new ones are taken, and nothing is answered, until `thaw`.
    pub async fn freeze(&self) {
        self.carry_out("freeze").await;
    }

    pub async fn thaw(&self) {
        self.carry_out("thaw").await;
    }

    /// Starts it on the same port and data after `stop` or `kill`. Returns when it answers.
    pub async fn start_again(&self) {
        assert!(self.bring_up().await, "{} found its port {} taken:\n{}", K::NAME, self.port, self.log());
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder, with `log` and `data`.
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Of the server's first process, as last started.
    pub fn process_id(&self) -> u32 {
        self.process_id.load(Relaxed)
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Starts the process and waits until it answers; false when its port is taken, a panic when it fails otherwise.
    async fn bring_up(&self) -> bool {
        let port = self.port;
        let process_id = self.with_supervisor(move |supervisor| supervisor.start(port)).await;
        self.process_id.store(process_id, Relaxed);

        let url = self.url(K::ADMIN_DATABASE);
        let deadline = Instant::now() + START_TIME_MAX;
        loop {
            let answer = timeout(CONNECT_TIME_MAX, sql::ask::<String>(&url, K::DATA_FOLDER)).await;
            // It is asked who it is, since a server of another test may have been faster at the port.
            if matches!(&answer, Ok(Ok(data)) if data.iter().any(|data| Path::new(data) == self.place.data())) {
                return true;
            }
            if has_ended(process_id) {
                assert!(self.log().contains(K::PORT_TAKEN), "{} did not start:\n{}", K::NAME, self.log());
                return false;
            }
            assert!(Instant::now() < deadline, "{} does not answer: {answer:?}\n{}", K::NAME, self.log());
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn carry_out(&self, order: &'static str) {
        assert!(!self.is_shared, "other tests use the shared server too; start one to {order}");
        self.with_supervisor(move |supervisor| supervisor.carry_out(order)).await;
    }

    async fn with_supervisor<T: Send + 'static>(&self, act: impl FnOnce(&mut Supervisor) -> T + Send + 'static) -> T {
        let supervisor = Arc::clone(&self.supervisor);
        blocking(move || act(&mut supervisor.lock().expect("no order has panicked"))).await
    }
}

/// A server's folder, in the system's folder for temporary files: a path in `target` may be too long for a socket, or
/// closed to the user that runs the server.
pub struct Place {
    folder: PathBuf,
    kind: &'static str,
    owner_id: u32,
    /// Set when the owner is not who runs the tests.
    system_user: Option<&'static str>,
}

impl Place {
    fn new<K: Kind>(folder: &Path) -> Place {
        let folder = folder.to_owned();
        let me = fs::metadata(&folder).expect("the folder was made").uid();
        let system_user = K::SYSTEM_USER.filter(|_| me == 0);
        let mut owner_id = me;
        if let Some(user) = system_user {
            let id = run(Command::new("id").args(["-u", user]));
            owner_id = id.trim().parse().expect("`id -u` prints a number");
            chown(&folder, Some(owner_id), None).expect("root can give a folder away");
        }
        Place { folder, kind: K::SCHEME, owner_id, system_user }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Whoever runs the server.
    pub fn owner_name(&self) -> String {
        run(Command::new("id").args(["-un", &self.owner_id.to_string()])).trim().to_owned()
    }

    /// The beginning of a command that is to be run by the owner; empty when that is who runs the tests.
    pub fn as_owner(&self) -> Vec<OsString> {
        let Some(user) = self.system_user else { return Vec::new() };
        let user = |option: &str| OsString::from(format!("--{option}={user}"));
        vec!["setpriv".into(), user("reuid"), user("regid"), "--init-groups".into()]
    }

    /// Names the data folder that a server of this version and owner begins with. `edition` is raised by whoever changes
    /// what is put into it.
    pub fn template_key(&self, version: &str, edition: u32) -> String {
        let version: String = version.split_whitespace().take(4).collect::<Vec<_>>().join("-");
        let version = version.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        format!("{}-{version}-owner-{}-edition-{edition}", self.kind, self.owner_id)
    }
}

/// The first of these that exists: the program on `PATH`, then in the folders.
pub fn find_program(program: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    on_path
        .into_iter()
        .chain(folders.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|p| p.is_file())
}

/// A port below those that the system gives to outgoing connections, so that it is still free when a stopped server
/// is started again.
fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let port = 20_000 + (random % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(act).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
