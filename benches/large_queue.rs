//! What a large queue costs: how fast changes are accepted while 5,000,000 wait, against an empty queue; how long a server takes
//! to start with them, in how much memory; and what a page of a list costs with them, by each filter, against a queue of 5,000.
//!
//! `cargo bench --bench large_queue` takes some minutes and 5 GB of disk; `TANDEM_BENCH_RECORDS` asks for another number. It
//! fails where a limit is passed.

#[path = "../tests/support/mod.rs"]
mod support;

use futures::{StreamExt, stream};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::databases::{Sqlite, sql};
use support::server::Server;
use support::world::{self, name, one_way, record, text};
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;

const RECORDS_VARIABLE: &str = "TANDEM_BENCH_RECORDS";
const RECORDS_DEFAULT: u64 = 5_000_000;
/// The queue that a large one is measured against, and the changes whose rate is measured at its begin and at its end.
const SMALL: u64 = 5_000;
const MEASURED: u64 = 200_000;
/// Pages of one measurement; what is told is the median.
const PAGES: usize = 100;
const PAGE_SIZE: i32 = 100;

/// Rate with the large queue against that of the empty one.
const RATE_RATIO_MIN: f64 = 0.8;
const OPENING_SECONDS_MAX: f64 = 3.0;
const MEMORY_MB_MAX: f64 = 400.0;
/// How many times what it costs with the small queue a page may cost with the large one.
const PAGE_RATIO_MAX: f64 = 2.0;
/// A page that costs less than this is as good as free.
const PAGE_FLOOR: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> ExitCode {
    let records: u64 = std::env::var(RECORDS_VARIABLE).map_or(RECORDS_DEFAULT, |records| records.parse().unwrap());
    let (left, right) = (Sqlite::create(), Sqlite::create());
    for url in [left.url(), right.url()] {
        sql::execute(&url, "CREATE TABLE orders (id TEXT PRIMARY KEY NOT NULL, note TEXT)").await.unwrap();
    }
    let mut server = Server::start(&[("sales", &left.url()), ("finance", &right.url())]).await;
    server.create_map("orders", map()).await.unwrap();
    server.run_live("orders").await.unwrap();
    server.pause("orders").await.unwrap();

    let mut report = Report::default();
    write(&server, 1, SMALL).await;
    let small = pages(&server, SMALL).await;
    let empty_rate = write(&server, SMALL + 1, MEASURED).await;
    println!("{empty_rate:.0} changes a second into a queue that is nearly empty");
    let step = 500_000;
    for from in (SMALL + MEASURED + 1..=records - MEASURED).step_by(step) {
        let rate = write(&server, from, (step as u64).min(records - MEASURED + 1 - from)).await;
        println!("{rate:.0} changes a second, {} MB", server.memory_mb("VmRSS"));
    }
    let full_rate = write(&server, records - MEASURED + 1, MEASURED).await;
    assert_eq!(server.stats("orders").await.queued_count, records.cast_signed(), "all of it is queued");
    report.at_least("accepting with the large queue, against the empty one", full_rate / empty_rate, RATE_RATIO_MIN);
    report.at_most("memory at its peak, MB", server.memory_mb("VmHWM"), MEMORY_MB_MAX);

    assert!(server.terminate().await.success());
    let begin = Instant::now();
    server.start_again().await;
    assert_eq!(server.stats("orders").await.queued_count, records.cast_signed());
    write(&server, records + 1, 1).await;
    report.at_most(
        "starting with the large queue, to the first change, s",
        begin.elapsed().as_secs_f64(),
        OPENING_SECONDS_MAX,
    );
    let large = pages(&server, records).await;
    for (small, large) in small.into_iter().zip(large) {
        let ratio = large.took.as_secs_f64() / small.took.max(PAGE_FLOOR).as_secs_f64();
        let what = format!("a page {}, {:.1} ms and {:.1} ms", small.what, ms(small.took), ms(large.took));
        report.at_most(&what, ratio, PAGE_RATIO_MAX);
    }
    report.at_most("memory after starting and pages, MB", server.memory_mb("VmHWM"), MEMORY_MB_MAX);
    let rate = write(&server, records + 2, MEASURED).await;
    report.at_least("accepting after starting, against the empty queue", rate / empty_rate, RATE_RATIO_MIN);
    report.told()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

fn map() -> TableMap {
    let queue_limits = Some(QueueLimits { max_bytes: 10_000_000_000, ..Default::default() });
    TableMap { queue_limits, ..one_way("orders", &["id", "note"]) }
}

/// Numbers whose order is not that in which they are written.
fn key(number: u64) -> String {
    format!("order-{:020}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn change(number: u64) -> WriteRecordRequest {
    let change_id = format!("{:032x}", u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let columns = [("id", text(&key(number))), ("note", text(&"n".repeat(320)))];
    WriteRecordRequest { change_id, ..world::change("orders", record(columns)) }
}

/// Writes so many changes through a stream; gives how many a second.
async fn write(server: &Server, from: u64, count: u64) -> f64 {
    let begin = Instant::now();
    let changes = stream::iter(from..from + count).map(|number| WriteRecordsRequest { change: Some(change(number)) });
    let mut answers = server.sync().write_records(changes).await.unwrap().into_inner();
    let mut answered = 0;
    while let Some(answer) = answers.next().await {
        let told = answer.unwrap().result;
        assert!(matches!(&told, Some(Told::Written(told)) if told.disposition() == Disposition::Queued), "{told:?}");
        answered += 1;
    }
    assert_eq!(answered, count);
    count as f64 / begin.elapsed().as_secs_f64()
}

struct Cost {
    what: &'static str,
    took: Duration,
}

/// What pages cost in a queue of so many.
async fn pages(server: &Server, records: u64) -> Vec<Cost> {
    let middle = GetQueuedRecordRequest { name: format!("{}/queuedRecords/{}", name("orders"), records / 2) };
    let middle = server.queue().get_queued_record(middle).await.unwrap().into_inner().accept_time;
    let keyed = |key: &str| Some(record([("id", text(key))]));
    let filters: [(&str, RecordFilter, Option<usize>); 5] = [
        ("without a filter", RecordFilter::default(), Some(PAGE_SIZE as usize)),
        ("by a key", RecordFilter { integration_key: keyed(&key(records - 7)), ..Default::default() }, Some(1)),
        ("by a key that is not there", RecordFilter { integration_key: keyed("none"), ..Default::default() }, Some(0)),
        (
            "by the beginning of a key",
            RecordFilter { integration_key_prefix: keyed(&key(records - 7)[..24]), ..Default::default() },
            None,
        ),
        ("by time", RecordFilter { start_time: middle, ..Default::default() }, Some(PAGE_SIZE as usize)),
    ];
    let mut costs = Vec::new();
    for (what, filter, expected) in filters {
        let request = ListQueuedRecordsRequest {
            parent: name("orders"),
            page_size: PAGE_SIZE,
            filter: Some(filter),
            ..Default::default()
        };
        let mut took = Vec::new();
        for _ in 0..PAGES {
            let begin = Instant::now();
            let page = server.queue().list_queued_records(request.clone()).await.unwrap().into_inner();
            took.push(begin.elapsed());
            let found = page.queued_records.len();
            assert!(found > 0 || expected == Some(0), "{what}: the first page has what is asked for");
            if let Some(expected) = expected {
                assert_eq!(found, expected, "{what}");
            }
        }
        took.sort();
        costs.push(Cost { what, took: took[PAGES / 2] });
    }
    costs
}

/// What was measured, and whether all limits are kept.
#[derive(Default)]
struct Report {
    lines: String,
    failed: bool,
}

impl Report {
    fn at_most(&mut self, what: &str, figure: f64, max: f64) {
        let _ = writeln!(self.lines, "{what:<64} {figure:>8.2}     at most {max}");
        self.failed |= figure > max;
    }

    fn at_least(&mut self, what: &str, figure: f64, min: f64) {
        let _ = writeln!(self.lines, "{what:<64} {figure:>8.2}     at least {min}");
        self.failed |= figure < min;
    }

    fn told(self) -> ExitCode {
        print!("{}", self.lines);
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
