//! A server that is killed, hangs, or has no room: every call ends, and goes on by itself when the server is back.

use crate::side::{self, int, upsert};
use crate::support::databases::{Kind, MariaDb, Postgres, Server};
use sqlx::{Connection, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tandem::connectors::Application;
use tandem::connectors::sql::{SqlConfig, connect};
use tandem::model::failure::ErrorType;

const SECOND: Duration = Duration::from_secs(1);

fn impatient(url: &str) -> Arc<dyn Application> {
    let config = SqlConfig { connect_timeout: 2 * SECOND, statement_timeout: 2 * SECOND, ..side::config(url) };
    connect(config).expect("the URL is right")
}

async fn goes_down_and_comes_back<K: Kind>(server: Server<K>) {
    let url = server.create_database().await;
    let application = impatient(&url);
    let table = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)";
    crate::support::databases::sql::execute(&url, table).await.expect("a table");
    let schema = application.describe("t").await.expect("the table is there");
    let write = |id| [upsert(&[("id", int(id))], &[])];
    assert_eq!(application.write(&schema, &write(1)).await, Ok(vec![Ok(())]));

    server.freeze().await;
    let begun = Instant::now();
    let failure = application.write(&schema, &write(2)).await.expect_err("it hangs");
    assert_eq!(failure.kind, ErrorType::Network, "{failure}");
    let failure = application.check(Some("t")).await.expect_err("it hangs");
    assert_eq!(failure.kind, ErrorType::Network, "{failure}");
    assert!(begun.elapsed() < 12 * SECOND, "it took {:?}", begun.elapsed());
    server.thaw().await;
    assert_eq!(application.write(&schema, &write(3)).await, Ok(vec![Ok(())]), "after it hung");
    tokio::time::sleep(SECOND / 2).await; // what the server had still to run, it has run
    let ids = crate::support::databases::sql::ask::<i64>(&url, "SELECT id FROM t ORDER BY id").await;
    assert_eq!(ids.expect("a read"), [1, 3], "what was given up is not written later, over something newer");

    server.kill().await;
    let begun = Instant::now();
    for _ in 0..2 {
        let failure = application.write(&schema, &write(4)).await.expect_err("it is gone");
        assert_eq!(failure.kind, ErrorType::Network, "{failure}");
    }
    assert!(begun.elapsed() < 2 * SECOND, "a refused connection is told at once, not after {:?}", begun.elapsed());
    server.start_again().await;
    assert_eq!(application.write(&schema, &write(5)).await, Ok(vec![Ok(())]), "after it was killed");
    application.close().await;
}

#[tokio::test]
async fn postgres_goes_down_and_comes_back() {
    goes_down_and_comes_back(Postgres::start().await).await;
}

#[tokio::test]
async fn mariadb_goes_down_and_comes_back() {
    goes_down_and_comes_back(MariaDb::start().await).await;
}

/// A write that is given up while it waits for the file's lock is not made when the lock is free, over something newer.
#[tokio::test]
async fn a_write_that_was_given_up_is_not_made_later() {
    let side = side::sqlite();
    side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
    let schema = side.describe("t").await;
    let mut holder = sqlx::SqliteConnection::connect(&side.url).await.expect("a connection");
    holder.execute("BEGIN IMMEDIATE").await.expect("the lock");
    // The database waits longer for the lock than we do for its answer.
    let config = SqlConfig { statement_timeout: SECOND / 10, lock_timeout: 60 * SECOND, ..side::config(&side.url) };
    let application = connect(config).expect("the URL is right");
    let failure = application.write(&schema, &[upsert(&[("id", int(1))], &[])]).await.expect_err("it is locked");
    assert_eq!(failure.kind, ErrorType::Network, "{failure}");
    holder.execute("ROLLBACK").await.expect("no lock");
    tokio::time::sleep(SECOND / 2).await; // SQLite looks for the lock every 100 ms
    assert_eq!(side.ask::<i64>("SELECT id FROM t").await, Vec::<i64>::new());
    application.close().await;
}

/// A connection that was cut while idle does not fail the next call that comes later.
#[tokio::test]
async fn connections_that_died_while_idle_are_replaced() {
    let postgres = side::postgres().await;
    assert_eq!(postgres.application.check(None).await, Ok(()));
    tokio::time::sleep(SECOND + SECOND / 10).await; // idle connections are asked whether they live after a second
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tandem' AND datname = current_database()").await;
    assert_eq!(postgres.application.check(None).await, Ok(()));
}

/// A caller that gives up in the middle leaves no transaction and no lock behind.
#[tokio::test]
async fn a_call_that_is_given_up_leaves_nothing_behind() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
        let schema = side.describe("t").await;
        let batch: Vec<_> = (0..5_000).map(|id| upsert(&[("id", int(id))], &[("n", int(id))])).collect();
        for micros in [50, 500, 2_000, 5_000] {
            let _ = tokio::time::timeout(Duration::from_micros(micros), side.application.write(&schema, &batch)).await;
        }
        let written = side.application.write(&schema, &batch).await.expect("nothing is in its way");
        assert!(written.iter().all(Result::is_ok), "{:?}", side.product);
    }
}

#[tokio::test]
async fn all_connections_in_use_are_waited_for_no_longer_than_was_said() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
        let config = SqlConfig { pool_max: 2, ..side::config(&side.url) };
        let application = connect(config).expect("the URL is right");
        let schema = application.describe("t").await.expect("the table is there");
        let write = |id| {
            let (application, schema) = (Arc::clone(&application), schema.clone());
            tokio::spawn(async move { application.write(&schema, &[upsert(&[("id", int(id))], &[])]).await })
        };
        for written in (0..40).map(write).collect::<Vec<_>>() {
            assert_eq!(written.await.expect("no panic"), Ok(vec![Ok(())]), "{:?}", side.product);
        }
        assert_eq!(side.ask::<i64>("SELECT COUNT(*) FROM t").await, [40]);
    }
}
