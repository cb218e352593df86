//! docs/quick-start-*.md: every block of commands works as it stands, one after the other, and prints what the page says.

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use support::databases::{MariaDb, Postgres};
use support::databases::{PASSWORD, USER};

const END_OF_BLOCK: &str = "=== end of block ";

/// The blocks of a page, each with what it has to print.
fn blocks(page: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks: Vec<(String, Vec<String>)> = Vec::new();
    let mut kind = None;
    for line in page.lines() {
        match (kind, line) {
            (None, "```sh") => {
                blocks.push(Default::default());
                kind = Some("sh");
            }
            (None, "```text") => kind = Some("text"),
            (Some(_), "```") => kind = None,
            (Some("sh"), line) => blocks.last_mut().unwrap().0 += &format!("{line}\n"),
            (Some("text"), line) => blocks.last_mut().unwrap().1.push(line.to_owned()),
            _ => {}
        }
    }
    blocks
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a page in a shell, with these variables.
fn follow(page: &str, folder: &Path, variables: &[(&str, &str)]) {
    let programs = Path::new(env!("CARGO_BIN_EXE_tandem")).parent().unwrap().display();
    let listen = format!("127.0.0.1:{}", free_port());
    let blocks = blocks(page);
    assert!(blocks.len() >= 9, "{}", blocks.len());
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    for (number, (block, _)) in blocks.iter().enumerate() {
        script += &format!("{block}echo '{END_OF_BLOCK}{number}'\n");
    }
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder).stdin(Stdio::null());
    shell.env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap())).env("HOME", folder);
    shell.env("TANDEM_SERVER__LISTEN", &listen).env("TANDEM_SERVER", format!("http://{listen}"));
    let output = shell.envs(variables.iter().copied()).output().expect("bash can be run");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(folder.join("tandem.log")).unwrap_or_default();
    let all = format!("{told}\n--- errors\n{errors}\n--- the server's log\n{log}");
    assert!(output.status.success(), "{}\n{all}", output.status);
    let mut rest = told.as_ref();
    for (number, (block, expected)) in blocks.iter().enumerate() {
        let (printed, after) = rest.split_once(&format!("{END_OF_BLOCK}{number}\n")).unwrap();
        let expected = expected.join("\n");
        assert!(printed.contains(&expected), "{block}\nprints\n{printed}\nand not\n{expected}\n{all}");
        rest = after;
    }
    for failed in [" ERROR ", "panicked"] {
        assert!(!log.contains(failed), "{log}");
    }
}

#[tokio::test]
async fn the_quick_start_with_postgresql_works_as_it_stands() {
    let server = Postgres::start().await;
    let folder = tempfile::tempdir().unwrap();
    let port = server.port().to_string();
    let page =
        include_str!("../docs/quick-start-postgresql.md").replace("localhost:5432", &format!("127.0.0.1:{port}"));
    let variables = [("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGUSER", USER), ("PGPASSWORD", PASSWORD)];
    follow(&page, folder.path(), &variables);
}

#[tokio::test]
async fn the_quick_start_with_mariadb_works_as_it_stands() {
    let server = MariaDb::start().await;
    let folder = tempfile::tempdir().unwrap();
    let port = server.port();
    let page = include_str!("../docs/quick-start-mariadb.md").replace("localhost:3306", &format!("127.0.0.1:{port}"));
    let client = format!("[client]\nhost = 127.0.0.1\nport = {port}\nuser = {USER}\npassword = {PASSWORD}\n");
    std::fs::write(folder.path().join(".my.cnf"), client).unwrap();
    follow(&page, folder.path(), &[]);
}
