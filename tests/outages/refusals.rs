//! Records that a destination has seen and refused: each stands alone as an error, and the rest is written.

use crate::pair::{IMPATIENT, Pair, execute, order, rows, to_the_right};
use crate::support::databases::{MariaDb, Postgres};
use crate::support::world::{eventually, int, null, record, text};
use std::collections::BTreeMap;
use tandem::services::proto::TableMapState::Running;
use tandem::services::proto::*;

const LOOSE: &str =
    "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, status VARCHAR(40), note VARCHAR(200), amount BIGINT)";
const STRICT: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, status VARCHAR(40), note VARCHAR(200) NOT NULL, \
     amount BIGINT, CONSTRAINT one_status UNIQUE (status), \
     CONSTRAINT known_amount FOREIGN KEY (amount) REFERENCES amounts (id))";

#[tokio::test]
async fn rule_5_of_m_records_with_n_bad_ones_exactly_n_become_errors_postgres() {
    let right = Postgres::shared().await.create_database().await;
    only_the_bad_become_errors(&right, ["", "23503", "23505"], "one_status").await;
}

#[tokio::test]
async fn rule_5_of_m_records_with_n_bad_ones_exactly_n_become_errors_mariadb() {
    let right = MariaDb::shared().await.create_database().await;
    only_the_bad_become_errors(&right, ["", "1452", "1062"], "one_status").await;
}

/// 200 records at once: those with a 3 at their end are null where nothing may be (that is seen without asking the
/// database, so it has no code), with a 5 refer to nothing, with a 7 are not unique.
async fn only_the_bad_become_errors(right: &str, [not_null, foreign, unique]: [&str; 3], constraint: &str) {
    let left = Postgres::shared().await.create_database().await;
    execute(&left, LOOSE).await;
    execute(right, "CREATE TABLE amounts (id BIGINT NOT NULL PRIMARY KEY)").await;
    execute(right, STRICT).await;
    execute(right, "INSERT INTO amounts VALUES (1)").await;
    execute(right, "INSERT INTO orders VALUES (1000, 'taken', 'there before', 1)").await;
    let pair = Pair::over(&left, right, IMPATIENT).await;
    pair.running_map("orders", to_the_right()).await;
    pair.pause("orders").await.unwrap();
    let changes = (1..=200).map(|id: i64| {
        let (last, nobody) = (id % 10, 77);
        let fields = [
            ("id", int(id)),
            ("status", text(&if last == 7 { "taken".to_owned() } else { format!("status {id}") })),
            ("note", if last == 3 { null() } else { text("a note") }),
            ("amount", int(if last == 5 { nobody } else { 1 })),
        ];
        let ids = (format!("change-{id}"), format!("correlation-{id}"));
        WriteRecordRequest { change_id: ids.0, correlation_id: ids.1, ..order(record(fields)) }
    });
    pair.write_all(changes.collect()).await;
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    pair.wait_for_state("orders", Running).await;

    let written = rows(right).await;
    assert_eq!(written.len(), 140 + 1, "rule 5: the rest is written");
    let errors = || async { pair.catch_up_errors("orders").await };
    eventually("the errors are listed", || async { errors().await.len() == 60 }).await;
    let mut by_code: BTreeMap<String, Vec<RecordError>> = BTreeMap::new();
    for record in errors().await {
        assert_eq!(record.attempts, 1, "a refusal is not repeated");
        assert_eq!(record.state(), QueuedRecordState::Error);
        let error = record.error.expect("it says why");
        let id = record.integration_key.expect("its key").fields["id"].clone();
        let expected = match id.kind {
            Some(value::Kind::Int64Value(id)) => format!("correlation-{id}"),
            other => panic!("a number, not {other:?}"),
        };
        assert_eq!((record.correlation_id.as_str(), error.r#type()), (expected.as_str(), ErrorType::Application));
        by_code.entry(error.code.clone()).or_default().push(error);
    }
    let counts: Vec<(&str, usize)> = by_code.iter().map(|(code, errors)| (code.as_str(), errors.len())).collect();
    let mut expected = [(not_null, 20), (foreign, 20), (unique, 20)];
    expected.sort_unstable();
    assert_eq!(counts, expected, "rule 5: exactly those, with the database's own codes");
    // Pain 11: what is wrong is said so that it can be put right.
    assert!(by_code[not_null].iter().all(|error| error.column == "note"), "{:?}", by_code[not_null][0]);
    assert!(by_code[unique].iter().all(|error| error.constraint == constraint), "{:?}", by_code[unique][0]);
    for error in &by_code[foreign] {
        assert_eq!((error.constraint.as_str(), error.column.as_str()), ("known_amount", "amount"), "{error:?}");
        assert_eq!(error.referred_key, "77", "{error:?}");
    }
    let figures = pair.figures("orders").await;
    let expected = Figures { accepted: 200, applied: 140, in_error: 60, ..Default::default() };
    assert_eq!(figures, expected);
    assert_eq!(pair.conditions().await, [ConditionType::Errors]);
    // A burst is folded, second by second.
    eventually("the log counts every one of them", || async {
        let events = pair.events("orders").await;
        let told = events.iter().filter(|event| event.kind() == ActivityKind::RecordError);
        told.map(|event| event.counts["errors"]).sum::<i64>() == 60
    })
    .await;
}
