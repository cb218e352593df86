//! How fast a queue drains into a destination, against a program that writes the same rows itself by upserts of many rows; into
//! SQLite and into PostgreSQL, in the same run on the same disk. Ratios travel between machines, numbers do not.
//!
//! `cargo bench --features jemalloc --bench drain` drains a million records in each round; `TANDEM_BENCH_RECORDS` asks for another
//! number. It fails where a limit is passed.

#[path = "../tests/support/mod.rs"]
mod support;

use futures::{StreamExt, stream};
use sqlx::{Connection, PgConnection, Postgres as PostgresDatabase, QueryBuilder, Sqlite as SqliteDatabase};
use sqlx::{Executor, SqliteConnection};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::databases::{Postgres, Sqlite, sql};
use support::server::Server;
use support::world::{self, int, one_way, record, text};
use tandem::services::proto::*;

const RECORDS_VARIABLE: &str = "TANDEM_BENCH_RECORDS";
const RECORDS_DEFAULT: u64 = 1_000_000;
/// Each round measures both destinations; what is told is the median.
const ROUNDS: usize = 3;
/// Rows of one statement of the program that writes itself.
const ROWS_AT_ONCE: u64 = 1_000;
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Against the rate of that program.
const RATIO_MIN: f64 = 0.5;
/// What PostgreSQL is installed with, where tests ask for something quicker to start and less durable.
const AS_INSTALLED: [&str; 8] =
    ["-c", "fsync=on", "-c", "shared_buffers=128MB", "-c", "max_wal_size=1GB", "-c", "wal_level=replica"];

const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY NOT NULL, status text NOT NULL, note text)";
const INTO: &str = "INSERT INTO orders (id, status, note) ";
const UPSERT: &str = " ON CONFLICT (id) DO UPDATE SET status = excluded.status, note = excluded.note";

fn status(id: u64) -> String {
    format!("status {}", id % 7)
}

fn note(id: u64) -> String {
    format!("{id:010}").repeat(10)
}

#[tokio::main]
async fn main() -> ExitCode {
    let records: u64 = std::env::var(RECORDS_VARIABLE).map_or(RECORDS_DEFAULT, |records| records.parse().unwrap());
    let postgres = Postgres::start_with(&AS_INSTALLED).await;
    let mut ratios = [Vec::new(), Vec::new()];
    for number in 1..=ROUNDS {
        let (sqlite, itself) = (Sqlite::create(), Sqlite::create());
        for url in [sqlite.url(), itself.url()] {
            sql::execute(&url, "PRAGMA journal_mode = WAL").await.unwrap();
        }
        let by_itself = into_sqlite(&itself.url(), records).await;
        let draining = drained(&sqlite.url(), records).await;
        println!("round {number}: SQLite {draining:.0} records/s, by itself {by_itself:.0}");
        ratios[0].push(draining / by_itself);
        let (url, itself) = (postgres.create_database().await, postgres.create_database().await);
        let by_itself = into_postgres(&itself, records).await;
        sql::execute(&url, "CHECKPOINT").await.unwrap();
        let draining = drained(&url, records).await;
        println!("round {number}: PostgreSQL {draining:.0} records/s, by itself {by_itself:.0}");
        ratios[1].push(draining / by_itself);
    }
    let mut kept = true;
    for (destination, mut ratios) in ["SQLite", "PostgreSQL"].into_iter().zip(ratios) {
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ROUNDS / 2];
        println!(
            "draining into {destination}, against a program that writes itself {ratio:>8.2}     at least {RATIO_MIN}"
        );
        kept &= ratio >= RATIO_MIN;
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The rate at which a map drains what it has queued.
async fn drained(destination: &str, records: u64) -> f64 {
    let left = Sqlite::create();
    sql::execute(&left.url(), TABLE).await.unwrap();
    sql::execute(destination, TABLE).await.unwrap();
    let server = Server::start(&[("sales", &left.url()), ("finance", destination)]).await;
    server.create_map("orders", one_way("orders", &["id", "status", "note"])).await.unwrap();
    server.run_live("orders").await.unwrap();
    server.pause("orders").await.unwrap();
    let changes = stream::iter(1..=records).map(|id| WriteRecordsRequest { change: Some(change(id)) });
    let mut answers = server.sync().write_records(changes).await.unwrap().into_inner();
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    assert_eq!(server.stats("orders").await.queued_count, records.cast_signed(), "all of it is queued");
    let begin = Instant::now();
    server.resume("orders", ResumeOption::CatchUp).await.unwrap();
    while server.stats("orders").await.figures[0].applied < records.cast_signed() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let took = begin.elapsed();
    let there = sql::ask::<i64>(destination, "SELECT count(*) FROM orders").await.unwrap();
    assert_eq!(there, [records.cast_signed()], "every record is there");
    records as f64 / took.as_secs_f64()
}

fn change(id: u64) -> WriteRecordRequest {
    let columns = [("id", int(id.cast_signed())), ("status", text(&status(id))), ("note", text(&note(id)))];
    WriteRecordRequest { change_id: format!("{id:032x}"), ..world::change("orders", record(columns)) }
}

async fn into_sqlite(url: &str, records: u64) -> f64 {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    connection.execute(TABLE).await.unwrap();
    let begin = Instant::now();
    for first in (1..=records).step_by(ROWS_AT_ONCE as usize) {
        let mut upsert = QueryBuilder::<SqliteDatabase>::new(INTO);
        upsert.push_values(first..first + ROWS_AT_ONCE, |mut row, id| {
            row.push_bind(id.cast_signed()).push_bind(status(id)).push_bind(note(id));
        });
        upsert.push(UPSERT).build().execute(&mut connection).await.unwrap();
    }
    records as f64 / begin.elapsed().as_secs_f64()
}

async fn into_postgres(url: &str, records: u64) -> f64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(TABLE).await.unwrap();
    connection.execute("CHECKPOINT").await.unwrap();
    let begin = Instant::now();
    for first in (1..=records).step_by(ROWS_AT_ONCE as usize) {
        let mut upsert = QueryBuilder::<PostgresDatabase>::new(INTO);
        upsert.push_values(first..first + ROWS_AT_ONCE, |mut row, id| {
            row.push_bind(id.cast_signed()).push_bind(status(id)).push_bind(note(id));
        });
        upsert.push(UPSERT).build().execute(&mut connection).await.unwrap();
    }
    records as f64 / begin.elapsed().as_secs_f64()
}
