//! How fast the initial sync is: a copy from one table to another of the same PostgreSQL through the service, against
//! `INSERT … SELECT … ON CONFLICT DO UPDATE` inside the database in the same run. Ratios travel between machines, numbers do not.
//!
//! `cargo bench --bench initial_sync` copies a million rows in each round; with `TANDEM_BENCH_ROWS=5000000` it shows that the
//! memory does not grow with the table. It fails where a limit is passed.

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::databases::{Postgres, sql};
use support::server::Server;
use support::world::name;
use tandem::services::proto::*;

const ROWS_VARIABLE: &str = "TANDEM_BENCH_ROWS";
const ROWS_DEFAULT: u64 = 1_000_000;
/// Each round measures the database, then the service; what is told is the median.
const ROUNDS: usize = 3;
/// How many times as long as the database's own copy the service may take.
const RATIO_MAX: f64 = 2.0;
/// Memory of the service, above what it has when it is idle.
const MEMORY_MB_MAX: f64 = 150.0;
/// What PostgreSQL is installed with, where tests ask for something quicker to start and less durable.
const AS_INSTALLED: [&str; 8] =
    ["-c", "fsync=on", "-c", "shared_buffers=128MB", "-c", "max_wal_size=1GB", "-c", "wal_level=replica"];

/// Columns of about 120 bytes a row.
const COLUMNS: &str = "(id bigint PRIMARY KEY, status text NOT NULL, note text)";

struct Round {
    database: Duration,
    service: Duration,
    /// Of the service at its peak, above idle.
    memory_mb: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let rows: u64 = std::env::var(ROWS_VARIABLE).map_or(ROWS_DEFAULT, |rows| rows.parse().unwrap());
    let postgres = Postgres::start_with(&AS_INSTALLED).await;
    let url = postgres.create_database().await;
    fill(&url, rows).await;

    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        let database = inside_the_database(&url).await;
        let (service, memory_mb) = through_the_service(&url, rows).await;
        println!(
            "round {number}: {:.2} s inside the database, {:.2} s through the service, {memory_mb:.0} MB above idle",
            database.as_secs_f64(),
            service.as_secs_f64()
        );
        rounds.push(Round { database, service, memory_mb });
    }
    report(rows, &rounds)
}

async fn fill(url: &str, rows: u64) {
    let fill = format!(
        "CREATE TABLE source {COLUMNS};
         INSERT INTO source SELECT i, 'status ' || i % 7, repeat(md5(i::text), 3) FROM generate_series(1, {rows}) AS i"
    );
    sql::execute(url, &fill).await.unwrap();
    sql::execute(url, "VACUUM ANALYZE source").await.unwrap();
}

/// An empty destination, and nothing left to be written from before.
async fn empty_destination(url: &str) {
    let empty = format!("DROP TABLE IF EXISTS destination; CREATE TABLE destination {COLUMNS}");
    sql::execute(url, &empty).await.unwrap();
    sql::execute(url, "CHECKPOINT").await.unwrap();
}

async fn inside_the_database(url: &str) -> Duration {
    empty_destination(url).await;
    let begin = Instant::now();
    let copy = "INSERT INTO destination SELECT * FROM source
                ON CONFLICT (id) DO UPDATE SET status = excluded.status, note = excluded.note";
    sql::execute(url, copy).await.unwrap();
    begin.elapsed()
}

/// From the call that runs the map to the end of its execution; with the memory it took.
async fn through_the_service(url: &str, rows: u64) -> (Duration, f64) {
    empty_destination(url).await;
    let server = Server::start(&[("sales", url), ("finance", url)]).await;
    server.create_map("rows", map()).await.unwrap();
    let idle = server.memory_mb("VmRSS");
    let begin = Instant::now();
    server.run("rows").await.unwrap();
    let execution = ended(&server).await;
    let took = begin.elapsed();
    assert_eq!(execution.state(), ExecutionState::Completed, "{execution:?}");
    let there = sql::ask::<i64>(url, "SELECT count(*) FROM source NATURAL JOIN destination").await.unwrap();
    assert_eq!(there, [i64::try_from(rows).unwrap()], "every row is there as it is");
    (took, server.memory_mb("VmHWM") - idle)
}

fn map() -> TableMap {
    let table = |application: &str, table: &str| TableRef {
        application: application.to_owned(),
        table: table.to_owned(),
        ..Default::default()
    };
    let column = |column: &str| ColumnMapping {
        left_column: column.to_owned(),
        right_column: column.to_owned(),
        direction: Direction::LeftToRight.into(),
        ..Default::default()
    };
    TableMap {
        left: Some(table("sales", "source")),
        right: Some(table("finance", "destination")),
        integration_key: vec!["id".to_owned()],
        column_mappings: ["id", "status", "note"].map(column).into(),
        ..Default::default()
    }
}

async fn ended(server: &Server) -> Execution {
    let request = WatchExecutionRequest { name: format!("{}/executions/1", name("rows")) };
    let mut watching = server.sync().watch_execution(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(message) = watching.message().await.unwrap() {
        last = message.execution;
    }
    last.unwrap()
}

fn report(rows: u64, rounds: &[Round]) -> ExitCode {
    let median = |figure: fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let ratio = median(|round| round.service.as_secs_f64() / round.database.as_secs_f64());
    let memory_mb = median(|round| round.memory_mb);
    println!("{rows} rows, medians of {ROUNDS} rounds:");
    println!("  inside the database        {:>8.2} s", median(|round| round.database.as_secs_f64()));
    println!("  through the service        {:>8.2} s", median(|round| round.service.as_secs_f64()));
    println!("  ratio                      {ratio:>8.2}     limit {RATIO_MAX}");
    println!("  memory above idle          {memory_mb:>8.0} MB  limit {MEMORY_MB_MAX}");
    if ratio > RATIO_MAX || memory_mb > MEMORY_MB_MAX { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
