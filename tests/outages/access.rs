//! A destination that lets us in no more, or has lost its table: the lanes stop, nothing becomes an error, and what waits
//! goes on when it is put right.

use crate::pair::{Pair, execute, put, to_the_right};
use crate::support::databases::{Postgres, sql};
use crate::support::world::{asynchronous, eventually, int, orders_map, reason, record};
use tandem::services::proto::ConditionType::Waiting;
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::Side::{Left, Right};
use tandem::services::proto::TableMapState::Running;
use tandem::services::proto::*;
use tonic::Code;

#[tokio::test]
async fn pain_3_a_changed_password_stops_the_lanes_until_it_is_right_again() {
    let shared = Postgres::shared().await;
    let (left, admin) = (shared.create_database().await, shared.create_database().await);
    let database = admin.rsplit('/').next().unwrap();
    execute(&admin, &format!("CREATE ROLE clerk LOGIN PASSWORD 'first-secret'; GRANT ALL ON DATABASE {database} TO clerk; GRANT ALL ON SCHEMA public TO clerk")).await;
    let right = shared.url_as("clerk", "first-secret", database);
    let pair = Pair::start(&left, &right).await;
    pair.running_map("orders", to_the_right()).await;
    pair.set(Left, 1..=5, 1, Queued).await;
    eventually("live changes arrive", || async { pair.figures("orders").await.applied == 5 }).await;

    execute(&admin, "ALTER ROLE clerk PASSWORD 'second-secret'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'").await;
    pair.set(Left, 1..=10, 2, Queued).await;
    stopped_by(&pair, ErrorType::Authentication).await;
    pair.set(Left, 5..=15, 3, Queued).await;
    assert!(!pair.server.log().contains("first-secret"), "pain 56: no password in any text");

    execute(&admin, "ALTER ROLE clerk PASSWORD 'first-secret'").await;
    eventually("all is written", || async { pair.figures("orders").await.queued == 0 }).await;
    pair.assert_equal().await;
    pair.event(ActivityKind::DestinationUp).await;
    pair.assert_all_applied(26).await;
}

#[tokio::test]
async fn pain_7_a_dropped_table_stops_the_lanes_until_it_is_there_again() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    let pair = Pair::start(&left, &right).await;
    for url in [&left, &right] {
        put(url, 1..=5, 0).await;
    }
    pair.running_map("orders", asynchronous(orders_map())).await;
    pair.set(Left, 1..=3, 1, Queued).await;
    eventually("live changes arrive", || async { pair.figures("orders").await.applied == 3 }).await;

    let backup =
        "CREATE TABLE backup (LIKE orders INCLUDING ALL); INSERT INTO backup SELECT * FROM orders; DROP TABLE orders";
    execute(&right, backup).await;
    pair.set(Left, 1..=10, 2, Queued).await;
    stopped_by(&pair, ErrorType::Configuration).await;
    execute(&right, "ALTER TABLE backup RENAME TO orders").await;
    eventually("all is written", || async { pair.figures("orders").await.queued == 0 }).await;
    pair.assert_equal().await;
    pair.event(ActivityKind::DestinationUp).await;
    pair.assert_all_applied(13).await;
}

#[tokio::test]
async fn a_synchronous_write_to_a_dropped_table_says_that_the_mapping_is_broken() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    let pair = Pair::start(&left, &right).await;
    pair.running_map("orders", orders_map()).await;
    execute(&right, "DROP TABLE orders").await;
    let change = || crate::pair::order(record([("id", int(1)), ("amount", int(1))]));
    let refusal = pair.write(change()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "MAPPING_BROKEN"));
    assert_eq!(pair.state("orders").await, Running);
    execute(&right, crate::pair::ORDERS).await;
    eventually("it is written again", || async { pair.write(change()).await.is_ok() }).await;
}

/// The same for what lost to a change that crossed it while it stood on that page.
#[tokio::test]
async fn rule_9_what_yielded_is_not_written_from_a_page_that_was_read_before() {
    let pair = &into_the_left_alone(TableMap { master: Right.into(), ..orders_map() }).await;
    pair.pause("orders").await.unwrap();
    pair.set(Left, 1..=12_000, 1, Queued).await;
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    pair.event(ActivityKind::DestinationDown).await;
    pair.set(Right, 10_500..=10_509, 2, Queued).await;
    all_arrives(pair).await;
    let figures = pair.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.superseded), (12_010, 12_000, 10), "{figures:?}");
    assert_eq!(pair.catch_up_errors("orders").await, [], "rule 8: an outage makes no errors");
    assert_eq!(pair.conditions().await, [], "nothing is wrong any more");
}

/// Two sides, and a service that may write the left one only until `all_arrives`.
async fn into_the_left_alone(map: TableMap) -> Pair {
    let shared = Postgres::shared().await;
    let (left, admin) = (shared.create_database().await, shared.create_database().await);
    let database = admin.rsplit('/').next().unwrap();
    for url in [&left, &admin] {
        execute(url, crate::pair::ORDERS).await;
    }
    let role = format!("reader_of_{database}");
    execute(&admin, &format!("CREATE ROLE {role} LOGIN PASSWORD 'reader-secret'; GRANT ALL ON orders TO {role}")).await;
    let right = shared.url_as(&role, "reader-secret", database);
    let mut pair = Pair::over(&left, &right, crate::pair::IMPATIENT).await;
    pair.running_map("orders", asynchronous(map)).await;
    execute(&admin, &format!("REVOKE INSERT, UPDATE, DELETE ON orders FROM {role}")).await;
    pair.right = admin; // its application may still do what it likes
    pair
}

async fn all_arrives(pair: &Pair) {
    let database = pair.right.rsplit('/').next().unwrap();
    execute(&pair.right, &format!("GRANT INSERT, UPDATE, DELETE ON orders TO reader_of_{database}")).await;
    eventually("all is written", || async { pair.figures("orders").await.queued == 0 }).await;
    pair.assert_equal().await;
}

async fn two_at_the_left(pair: &Pair) -> i64 {
    sql::ask::<i64>(&pair.left, "SELECT COUNT(*) FROM orders WHERE amount = 2").await.unwrap()[0]
}

/// Only the lanes to that side stop: its own changes go on to the other, however much waits for it.
#[tokio::test]
async fn rule_8_a_long_queue_to_one_side_does_not_hold_up_the_other_direction() {
    let pair = &into_the_left_alone(orders_map()).await;
    pair.set(Left, 1..=12_000, 1, Queued).await;
    stopped_by(pair, ErrorType::Authentication).await;

    pair.set(Right, 20_001..=20_010, 2, Queued).await;
    eventually("the other direction goes on", || async { two_at_the_left(pair).await == 10 }).await;
    all_arrives(pair).await;
    pair.assert_all_applied(12_010).await;
}

/// What waits for one side is more than the lanes take; what waits for the other stands on the page that is read ahead of them.
#[tokio::test]
async fn rule_2_what_went_out_of_turn_is_not_written_again_from_a_page_that_was_read_before() {
    let pair = &into_the_left_alone(orders_map()).await;
    pair.pause("orders").await.unwrap();
    pair.set(Left, 1..=10_500, 1, Queued).await;
    pair.set(Right, 20_001..=20_010, 2, Queued).await;
    pair.set(Left, 10_501..=12_000, 1, Queued).await;
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    eventually("the other direction goes on", || async { two_at_the_left(pair).await == 10 }).await;
    eventually("they have left the queue", || async { pair.figures("orders").await.queued == 12_000 }).await;
    for url in [&pair.left, &pair.right] {
        execute(url, "UPDATE orders SET amount = 3 WHERE amount = 2").await;
    }
    all_arrives(pair).await;
    pair.assert_all_applied(12_010).await;
}

/// The lanes wait for this reason and no other, and nothing became an error.
async fn stopped_by(pair: &Pair, kind: ErrorType) {
    // The first failure may be that connections were cut; the reason shows with the next probe.
    pair.event(ActivityKind::DestinationDown).await;
    let told = || async {
        let conditions = pair.map("orders").await.conditions;
        let [condition] = conditions.as_slice() else { return false };
        (condition.r#type(), condition.error_type()) == (Waiting, kind)
    };
    eventually("the condition says why", told).await;
    assert_eq!(pair.state("orders").await, Running, "an outage changes no state");
    assert_eq!(pair.figures("orders").await.in_error, 0);
}
