//! A destination goes away while changes wait for it, and comes back.

use crate::pair::{Pair, assert_in_order, execute, keep_history, put, rows, to_the_right};
use crate::support::databases::{Kind, MariaDb, Postgres, Server, sql};
use crate::support::world::{asynchronous, eventually, int, orders_map, record, text};
use tandem::services::proto::ConditionType::{DestinationDown, Waiting};
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::Side::{Left, Right};
use tandem::services::proto::TableMapState::{Paused, Resuming, Running};
use tandem::services::proto::*;

const BOTH: [ConditionType; 2] = [DestinationDown, Waiting];

#[tokio::test]
async fn rule_8_what_was_changed_while_paused_and_during_an_outage_arrives_in_order_mariadb() {
    goes_away_and_comes_back(MariaDb::start().await).await;
}

async fn goes_away_and_comes_back<K: Kind>(finance: Server<K>) {
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let pair = Pair::start(&left, &right).await;
    keep_history(&right, 0.0).await;
    put(&left, 1..=300, 0).await;
    pair.create_map("orders", to_the_right()).await.unwrap();
    pair.run("orders").await.unwrap();
    pair.wait_for_state("orders", Running).await;
    pair.assert_equal().await;
    pair.set(Left, 1..=100, 1, Queued).await;
    eventually("live changes arrive", || async { pair.figures("orders").await.applied == 100 }).await;
    pair.assert_equal().await;

    assert_eq!(pair.pause("orders").await.unwrap(), Paused);
    pair.set(Left, 50..=150, 2, Queued).await;
    finance.stop().await;
    pair.set(Left, 100..=350, 3, Queued).await;
    pair.remove(Left, 10..=20, Queued).await;

    let resumed = pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    assert_eq!(resumed, Resuming);
    let down = pair.event(ActivityKind::DestinationDown).await;
    assert_eq!(down.error.unwrap().r#type(), ErrorType::Network);
    assert_eq!(pair.state("orders").await, Resuming, "rule 8: it waits");
    let conditions = pair.map("orders").await.conditions;
    assert_eq!(conditions.iter().map(Condition::r#type).collect::<Vec<_>>(), BOTH);
    for condition in conditions {
        assert_eq!((condition.direction(), condition.error_type()), (Direction::LeftToRight, ErrorType::Network));
        assert!(condition.since.is_some() && condition.next_probe_time.is_some() && !condition.message.is_empty());
    }
    pair.set(Left, 1..=50, 4, Queued).await;
    assert_eq!(pair.figures("orders").await.queued, 101 + 251 + 11 + 50);

    finance.start_again().await;
    pair.wait_for_state("orders", Running).await;
    pair.set(Left, 1..=10, 5, Queued).await;
    eventually("all is written", || async { pair.figures("orders").await.queued == 0 }).await;
    pair.assert_equal().await;
    assert_in_order(&right).await;
    pair.assert_all_applied(100 + 101 + 251 + 11 + 50 + 10).await;
    let up = pair.event(ActivityKind::DestinationUp).await;
    let caught_up = pair.event(ActivityKind::CatchUpCompleted).await;
    assert!(down.sequence < up.sequence && up.sequence < caught_up.sequence, "the log tells it in order");
}

#[tokio::test]
async fn rule_9_both_sides_end_equal_after_an_outage_of_one() {
    let finance = Postgres::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let pair = Pair::start(&left, &right).await;
    put(&left, 1..=200, 0).await;
    put(&right, 150..=250, 1).await; // the master's, so 1 stays
    pair.create_map("orders", asynchronous(orders_map())).await.unwrap();
    pair.run("orders").await.unwrap();
    pair.wait_for_state("orders", Running).await;
    pair.assert_equal().await;
    assert_eq!(rows(&left).await.len(), 250);

    pair.pause("orders").await.unwrap();
    pair.set(Right, 1..=40, 2, Queued).await;
    pair.set(Left, 41..=80, 3, Queued).await;
    // Both touch the same orders: the master (right) wins what both wrote, and what only the left wrote goes along.
    let note = |id| {
        let fields = record([("id", int(id)), ("note", text("from the left")), ("amount", int(9))]);
        WriteRecordRequest { change_id: format!("note-{id}"), ..crate::pair::order(fields) }
    };
    execute(&left, "UPDATE orders SET note = 'from the left', amount = 9 WHERE id BETWEEN 31 AND 40").await;
    pair.write_all((31..=40).map(note).collect()).await;
    finance.stop().await;
    pair.set(Left, 100..=120, 4, Queued).await;
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    pair.event(ActivityKind::DestinationDown).await;
    eventually("what goes the other way is not held up", || async {
        sql::ask::<i64>(&left, "SELECT COUNT(*) FROM orders WHERE amount = 2 AND id <= 30").await.unwrap() == [30]
    })
    .await;
    assert_eq!(pair.state("orders").await, Resuming);

    finance.start_again().await;
    pair.wait_for_state("orders", Running).await;
    pair.assert_equal().await;
    let crossed = rows(&right).await[30..40].to_vec();
    for (row, id) in crossed.iter().zip(31..) {
        assert_eq!(*row, format!("{id} | state 2 | from the left | 2"));
    }
    pair.figures("orders").await; // they add up
    assert_eq!(pair.catch_up_errors("orders").await, []);
}

#[tokio::test]
async fn rule_2_a_destination_killed_in_the_middle_of_a_drain_gets_the_rest_in_order() {
    let finance = Postgres::start().await;
    killed_in_the_middle_of_a_drain(finance).await;
}

#[tokio::test]
async fn rule_2_a_destination_killed_in_the_middle_of_a_drain_gets_the_rest_in_order_mariadb() {
    killed_in_the_middle_of_a_drain(MariaDb::start().await).await;
}

async fn killed_in_the_middle_of_a_drain<K: Kind>(finance: Server<K>) {
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    for url in [&left, &right] {
        execute(url, crate::pair::ORDERS).await;
    }
    let pair = Pair::over(&left, &right, crate::pair::PATIENT).await;
    keep_history(&right, 0.5).await;
    pair.running_map("orders", to_the_right()).await;
    pair.pause("orders").await.unwrap();
    for amount in 1..=20 {
        pair.set(Left, 1..=100, amount, Queued).await;
    }
    pair.resume("orders", ResumeOption::CatchUp).await.unwrap();
    for written in [200, 900] {
        eventually("some are written", || async { pair.figures("orders").await.applied >= written }).await;
        assert_eq!(pair.state("orders").await, Resuming, "it is in the middle");
        finance.kill().await;
        finance.start_again().await;
    }
    pair.wait_for_state("orders", Running).await;
    pair.assert_equal().await;
    assert_in_order(&right).await;
    pair.assert_all_applied(2_000).await;
}
