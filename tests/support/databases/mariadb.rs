//! A MariaDB server for tests.

use super::server::{Kind, PASSWORD, Place, Server, USER, find_program};
use super::template::{self, run};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::sync::OnceCell;

pub type MariaDb = Server<Maria>;

pub enum Maria {}

/// A server keeps what was committed when its process is killed, though not when the machine fails: a commit has been
/// handed to the system, which nobody asks to put it on the disk.
const SETTINGS: [&str; 14] = [
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--innodb-use-native-aio=0",
    "--innodb-log-file-size=16M",
    "--innodb-buffer-pool-size=32M",
    "--innodb-buffer-pool-dump-at-shutdown=0",
    "--innodb-buffer-pool-load-at-startup=0",
    "--performance-schema=0",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--max-connections=200",
    // As Debian's configuration has it.
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--default-time-zone=+00:00",
];

impl Kind for Maria {
    const NAME: &'static str = "MariaDB";
    const SCHEME: &'static str = "mysql";
    const ADMIN_DATABASE: &'static str = "mysql";
    const STOP_SIGNAL: &'static str = "TERM";
    const END_SIGNAL: &'static str = "KILL"; // it leaves nothing outside its folder
    const SYSTEM_USER: Option<&'static str> = None; // it runs as whoever runs the tests, root included
    const DATA_FOLDER: &'static str = "SELECT @@datadir";
    const PORT_TAKEN: &'static str = "Bind on TCP/IP port";

    fn check_installed() {
        find("mariadbd");
        find("mariadb-install-db");
    }

    fn prepare(place: &Place) -> Vec<OsString> {
        let server = find("mariadbd");
        let version = run(Command::new(&server).args(["--no-defaults", "--version"]));
        template::lay_out(&place.template_key(&version, 1), &place.data(), |data| install(place, data));

        let accounts = place.folder().join("accounts.sql");
        std::fs::write(&accounts, account()).expect("the accounts can be written");
        let folder = place.folder().display().to_string();
        let mut command = vec![server.into(), "--no-defaults".into()];
        command.extend(SETTINGS.map(OsString::from));
        command.extend([
            format!("--user={}", place.owner_name()).into(),
            format!("--datadir={folder}/data").into(),
            format!("--tmpdir={folder}").into(),
            format!("--socket={folder}/socket").into(),
            format!("--pid-file={folder}/pid").into(),
            format!("--init-file={folder}/accounts.sql").into(),
        ]);
        command
    }

    fn shared_cell() -> &'static OnceCell<MariaDb> {
        static SHARED: OnceCell<MariaDb> = OnceCell::const_new();
        &SHARED
    }
}

fn find(program: &str) -> PathBuf {
    find_program(program, &["/usr/sbin", "/usr/local/sbin"]).unwrap_or_else(|| {
        panic!(
            "MariaDB's server is not installed: there is no `{program}` on PATH or in /usr/sbin. \
             It comes with Debian's packages `mariadb-server-core` and `mariadb-client-core`; `make test` installs them."
        )
    })
}

fn install(place: &Place, data: &Path) {
    run(Command::new(find("mariadb-install-db"))
        .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal"])
        .args(SETTINGS.iter().filter(|setting| setting.starts_with("--innodb")))
        .arg(format!("--user={}", place.owner_name()))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", place.folder().display()))
        .current_dir("/"));
}

/// Run by the server each time before it takes connections.
fn account() -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    )
}
