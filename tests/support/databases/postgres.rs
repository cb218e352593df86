//! A PostgreSQL server for tests.

use super::server::{Kind, PASSWORD, Place, Server, USER, find_program};
use super::template::{self, run};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::sync::OnceCell;

pub type Postgres = Server<PostgreSql>;

pub enum PostgreSql {}

/// A server keeps what was committed when its process is killed, though not when the machine fails: a commit has been
/// handed to the system, which nobody asks to put it on the disk.
const SETTINGS: [&str; 13] = [
    "fsync=off",
    // Quick to check: scram takes 70 ms for each connection in an unoptimised build.
    "password_encryption=md5",
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "shared_buffers=16MB",
    "max_wal_size=64MB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "wal_level=logical",
    // In files of the data folder, so that they go with it when the server is killed.
    "dynamic_shared_memory_type=mmap",
    "restart_after_crash=off",
];

impl Kind for PostgreSql {
    const NAME: &'static str = "PostgreSQL";
    const SCHEME: &'static str = "postgres";
    const ADMIN_DATABASE: &'static str = "postgres";
    const STOP_SIGNAL: &'static str = "INT"; // "fast": connections are cut, what was committed is written
    const END_SIGNAL: &'static str = "QUIT"; // "immediate": as a crash, but shared memory is given back
    const SYSTEM_USER: Option<&'static str> = Some("postgres"); // it refuses to run as root
    const DATA_FOLDER: &'static str = "SHOW data_directory";
    const PORT_TAKEN: &'static str = "could not bind";

    fn check_installed() {
        programs();
    }

    fn prepare(place: &Place) -> Vec<OsString> {
        let programs = programs();
        let server = programs.join("postgres");
        let version = run(Command::new(&server).arg("--version"));
        template::lay_out(&place.template_key(&version, 1), &place.data(), |data| init(place, &programs, data));

        let mut command = place.as_owner();
        command.extend([server.into(), "-D".into(), place.data().into()]);
        let sockets = format!("unix_socket_directories={}", place.folder().display());
        for setting in SETTINGS.into_iter().chain([sockets.as_str()]) {
            command.extend(["-c".into(), setting.into()]);
        }
        command
    }

    fn shared_cell() -> &'static OnceCell<Postgres> {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        &SHARED
    }
}

/// Where `initdb` and `postgres` are: Debian keeps them out of `PATH`, in a folder for each version.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").exists())
        .max();
    match newest {
        Some((_, programs)) => programs,
        None => find_program("initdb", &[]).and_then(|initdb| Some(initdb.parent()?.to_owned())).expect(
            "PostgreSQL is not installed: there is no `initdb` in /usr/lib/postgresql/*/bin or on PATH. \
             It comes with Debian's package `postgresql`; `make test` installs it.",
        ),
    }
}

fn init(place: &Place, programs: &Path, data: &Path) {
    let password_file = place.folder().join("password");
    std::fs::write(&password_file, PASSWORD).expect("the password can be written");
    let mut command = place.as_owner();
    command.extend([programs.join("initdb").into(), "-D".into(), data.into(), "--pwfile".into(), password_file.into()]);
    run(Command::new(&command[0])
        .args(&command[1..])
        .args(["--username", USER, "--auth", "md5", "--encoding", "UTF8", "--locale", "C.UTF-8"])
        .args(["--wal-segsize", "1", "--no-sync", "--no-instructions"])
        .current_dir("/"));
}
