//! The databases that tests are given (`support::databases`): they start, keep what was committed, and end.

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::databases::{Kind, MariaDb, Postgres, Server, Sqlite, sql};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn postgres_keeps_what_was_committed_through_stop_and_kill() {
    keeps_what_was_committed_through_stop_and_kill(Postgres::start().await).await;
}

#[tokio::test]
async fn mariadb_keeps_what_was_committed_through_stop_and_kill() {
    keeps_what_was_committed_through_stop_and_kill(MariaDb::start().await).await;
}

async fn keeps_what_was_committed_through_stop_and_kill<K: Kind>(server: Server<K>) {
    let url = server.create_database().await;
    execute(&url, "CREATE TABLE t (id INT PRIMARY KEY)").await;
    execute(&url, "INSERT INTO t VALUES (1)").await;

    server.stop().await;
    assert!(try_count(&url).await.is_err(), "a stopped server answers nothing");
    server.start_again().await;
    assert_eq!(count(&url).await, 1);

    execute(&url, "INSERT INTO t VALUES (2)").await;
    server.kill().await;
    assert!(try_count(&url).await.is_err(), "a killed server answers nothing");
    server.start_again().await;
    assert_eq!(count(&url).await, 2);
}

#[tokio::test]
async fn postgres_answers_nothing_while_it_is_frozen() {
    answers_nothing_while_it_is_frozen(Postgres::start().await).await;
}

#[tokio::test]
async fn mariadb_answers_nothing_while_it_is_frozen() {
    answers_nothing_while_it_is_frozen(MariaDb::start().await).await;
}

async fn answers_nothing_while_it_is_frozen<K: Kind>(server: Server<K>) {
    let url = server.create_database().await;
    execute(&url, "CREATE TABLE t (id INT PRIMARY KEY)").await;
    server.freeze().await;
    assert!(timeout(Duration::from_millis(200), try_count(&url)).await.is_err(), "no answer, and no error either");
    server.thaw().await;
    assert_eq!(count(&url).await, 0);

    // Dropping a frozen server ends it like any other.
    server.freeze().await;
    let (process_id, folder) = (server.process_id(), server.folder().to_owned());
    drop(server);
    assert!(is_gone(process_id, &folder));
}

#[tokio::test]
async fn databases_of_a_shared_server_are_apart() {
    let postgres = [Postgres::shared().await.create_database().await, Postgres::shared().await.create_database().await];
    let mariadb = [MariaDb::shared().await.create_database().await, MariaDb::shared().await.create_database().await];
    let (first, second) = (Sqlite::create(), Sqlite::create());
    for url in [postgres, mariadb, [first.url(), second.url()]].as_flattened() {
        execute(url, "CREATE TABLE t (id INT PRIMARY KEY)").await; // fails where it exists
        assert_eq!(count(url).await, 0);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    for url in [
        Postgres::shared().await.url_as("tandem", "wrong", "postgres"),
        MariaDb::shared().await.url_as("tandem", "wrong", "mysql"),
    ] {
        let refusal = sql::execute(&url, "SELECT 1").await.expect_err("the password is wrong");
        assert!(refusal.as_database_error().is_some(), "{refusal}");
    }
}

#[tokio::test]
async fn no_server_outlives_a_test_process_that_is_killed() {
    const NAME: &str = "no_server_outlives_a_test_process_that_is_killed";
    const IS_CHILD: &str = "TANDEM_TEST_IS_CHILD";
    if std::env::var_os(IS_CHILD).is_some() {
        let (own, killed, shared) = tokio::join!(Postgres::start(), Postgres::start(), MariaDb::shared());
        killed.kill().await;
        println!("server {} {}", own.process_id(), own.folder().display());
        println!("server {} {}", killed.process_id(), killed.folder().display());
        println!("server {} {}", shared.process_id(), shared.folder().display());
        return std::future::pending().await; // until it is killed
    }
    let this = std::env::current_exe().expect("the test's own binary");
    let mut child = Command::new(this)
        .args([NAME, "--exact", "--nocapture"])
        .env(IS_CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test's own binary starts");
    let lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
    let servers: Vec<(u32, PathBuf)> = lines
        .map_while(Result::ok)
        .filter_map(|line| {
            let (process_id, folder) = line.split_once("server ")?.1.split_once(' ')?;
            Some((process_id.parse().ok()?, folder.into()))
        })
        .take(3)
        .collect();
    assert_eq!(servers.len(), 3, "the child has started its servers");
    assert!(!is_gone(servers[0].0, &servers[0].1));

    child.kill().expect("the child can be killed"); // SIGKILL: it has no chance to clean up
    child.wait().expect("the child has ended");

    let deadline = Instant::now() + Duration::from_secs(30);
    for (process_id, folder) in servers {
        while !is_gone(process_id, &folder) {
            assert!(Instant::now() < deadline, "server {process_id} in {} has outlived its test", folder.display());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn is_gone(process_id: u32, folder: &Path) -> bool {
    let answer = Command::new("kill").args(["-0", &process_id.to_string()]).stderr(Stdio::null()).status();
    !answer.expect("`kill` can be run").success() && !folder.exists()
}

async fn execute(url: &str, sql: &str) {
    sql::execute(url, sql).await.expect("the statement is carried out");
}

async fn count(url: &str) -> i64 {
    try_count(url).await.expect("the database answers")
}

async fn try_count(url: &str) -> Result<i64, sqlx::Error> {
    sql::ask(url, "SELECT count(*) FROM t").await.map(|rows| rows[0])
}
