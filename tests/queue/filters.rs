//! Lists by key, by the beginning of keys, by error and by time, in a queue so long that its index has runs besides its newest pages.

use crate::support::databases::sql;
use crate::support::server::TestClock;
use crate::support::world::*;
use futures::StreamExt;
use std::time::Duration;
use tandem::engine::clock::Clock;
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;

const HOUR: Duration = Duration::from_secs(3_600);
/// More than the newest pages hold; each hundredth is refused.
const MANY: i64 = 17_000;
const LATE: i64 = 200;

const CUSTOMERS: &str = "CREATE TABLE customers (id TEXT PRIMARY KEY NOT NULL, amount INTEGER CHECK (amount >= 0))";

fn key(number: i64) -> String {
    format!("c-{number:05}")
}

async fn write(world: &World, keys: impl IntoIterator<Item = (String, i64)>) {
    let changes: Vec<_> = keys
        .into_iter()
        .map(|(key, amount)| {
            let written = change("customers", record([("id", text(&key)), ("amount", int(amount))]));
            let change_id = format!("{key} {amount}");
            WriteRecordsRequest { change: Some(WriteRecordRequest { change_id, ..written }) }
        })
        .collect();
    let count = changes.len();
    let answers = world.sync().write_records(futures::stream::iter(changes)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers.len(), count);
    for answer in answers {
        let told = answer.unwrap().result;
        assert!(matches!(&told, Some(Told::Written(told)) if told.disposition() == Disposition::Queued), "{told:?}");
    }
}

/// All pages of a list, as keys and sequences.
async fn list(world: &World, state: QueuedRecordState, filter: RecordFilter, page_size: i32) -> Vec<(String, i64)> {
    let mut request = ListQueuedRecordsRequest {
        parent: name("customers"),
        page_size,
        state: state.into(),
        filter: Some(filter),
        ..Default::default()
    };
    let mut found = Vec::new();
    loop {
        let page = world.queue().list_queued_records(request.clone()).await.unwrap().into_inner();
        assert!(page.queued_records.len() <= page_size as usize && page.total_size.is_none());
        found.extend(page.queued_records.into_iter().map(|listed| {
            let key = listed.integration_key.unwrap().fields.remove("id").unwrap();
            let Some(value::Kind::StringValue(key)) = key.kind else { panic!("the key is text") };
            (key, listed.sequence)
        }));
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

fn by_key(key: &str) -> RecordFilter {
    RecordFilter { integration_key: Some(record([("id", text(key))])), ..Default::default() }
}

fn by_beginning(beginning: &str) -> RecordFilter {
    RecordFilter { integration_key_prefix: Some(record([("id", text(beginning))])), ..Default::default() }
}

#[tokio::test]
async fn lists_go_by_keys_errors_and_times() {
    const ANY: QueuedRecordState = QueuedRecordState::Unspecified;
    const QUEUED: QueuedRecordState = QueuedRecordState::Queued;
    const ERROR: QueuedRecordState = QueuedRecordState::Error;
    let clock = TestClock::starting_now();
    let world = World::start_by(&clock).await;
    for url in [world.left.url(), world.right.url()] {
        sql::execute(&url, CUSTOMERS).await.unwrap();
    }
    world.running_map("customers", one_way("customers", &["id", "amount"])).await;
    world.pause("customers").await.unwrap();
    write(&world, (1..=MANY).map(|n| (key(n), if n % 100 == 0 { -1 } else { n }))).await;
    clock.advance(HOUR);
    let late = prost_types::Timestamp::from(std::time::SystemTime::from(clock.now()));
    write(&world, (1..=LATE).map(|n| (key(100 * n + 7), 7))).await;

    // Keys, in the runs and on the newest pages, in the order of acceptance.
    assert_eq!(list(&world, QUEUED, by_key(&key(42)), 50).await, [(key(42), 42)]);
    assert_eq!(list(&world, ANY, by_key(&key(107)), 1).await, [(key(107), 107), (key(107), MANY + 1)]);
    assert_eq!(list(&world, ANY, by_key("c-0010"), 50).await, []);
    let mut expected: Vec<_> = (1_200..=1_299).map(|n| (key(n), n)).collect();
    expected.push((key(1_207), MANY + 12));
    assert_eq!(list(&world, QUEUED, by_beginning("c-012"), 7).await, expected);
    assert_eq!(list(&world, ANY, by_beginning("c-012"), 1_000).await, expected);
    assert_eq!(list(&world, ANY, by_beginning("d"), 50).await, []);

    // Times, alone and with keys.
    let since = RecordFilter { start_time: Some(late), ..Default::default() };
    let found = list(&world, QUEUED, since.clone(), 60).await;
    assert!(found.iter().map(|(_, sequence)| *sequence).eq(MANY + 1..=MANY + LATE), "{found:?}");
    let both = RecordFilter { start_time: Some(late), ..by_beginning("c-012") };
    assert_eq!(list(&world, ANY, both, 50).await, [(key(1_207), MANY + 12)]);
    let before = RecordFilter { end_time: Some(late), ..by_key(&key(107)) };
    assert_eq!(list(&world, ANY, before, 50).await, [(key(107), 107)]);
    let before = RecordFilter { end_time: Some(late), ..Default::default() };
    assert_eq!(list(&world, ANY, before, 1_000).await.len() as i64, MANY);

    // Nothing that waits has an error, which costs no look at any of it.
    let of_type = RecordFilter { error_type: Some(ErrorType::Application.into()), ..Default::default() };
    for state in [ANY, QUEUED] {
        let request = ListQueuedRecordsRequest {
            parent: name("customers"),
            state: state.into(),
            filter: Some(of_type.clone()),
            ..Default::default()
        };
        let page = world.queue().list_queued_records(request).await.unwrap().into_inner();
        assert_eq!((page.queued_records, page.next_page_token.as_str()), (vec![], ""));
    }

    // The same of errors: by keys in their order, by cause and time in the order of their failures.
    world.resume("customers", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("customers", TableMapState::Running).await;
    let figures = world.figures("customers").await;
    let refused = MANY / 100;
    assert_eq!((figures.queued, figures.in_error), (0, refused));
    let all: Vec<_> = (1..=refused).map(|n| (key(100 * n), 100 * n)).collect();
    assert_eq!(list(&world, ANY, by_beginning("c-"), 33).await, all);
    assert_eq!(list(&world, ERROR, by_beginning("c-012"), 33).await, [(key(1_200), 1_200)]);
    assert_eq!(list(&world, QUEUED, by_beginning("c-012"), 33).await, []);
    assert_eq!(list(&world, ANY, of_type.clone(), 33).await, all);
    let other = RecordFilter { error_type: Some(ErrorType::Network.into()), ..Default::default() };
    assert_eq!(list(&world, ANY, other, 33).await, []);
    clock.advance(HOUR);
    write(&world, [("e-1".to_owned(), -5)]).await;
    eventually("it is refused", || async { world.figures("customers").await.in_error == refused + 1 }).await;
    let later = prost_types::Timestamp { seconds: late.seconds + 1, ..late };
    let since = RecordFilter { start_time: Some(later), ..of_type };
    assert_eq!(list(&world, ERROR, since, 33).await, [("e-1".to_owned(), MANY + LATE + 1)]);

    // What waits comes before what is in error.
    world.pause("customers").await.unwrap();
    write(&world, [(key(1_200), 1)]).await;
    let found = list(&world, ANY, by_beginning("c-012"), 1).await;
    assert_eq!(found, [(key(1_200), MANY + LATE + 2), (key(1_200), 1_200)]);
    // What is remembered of all of them went through the same pages and runs.
    write(&world, [(key(42), 42), (key(107), 7), (key(17_000), -1)]).await;
    assert_eq!(world.figures("customers").await.accepted, MANY + LATE + 2, "repeats are answered and not taken");
}
