//! Changes of one key from both sides that meet (rules 9 and 10).

mod support;

use sqlx::{Connection, SqliteConnection};
use std::time::{Duration, Instant};
use support::databases::sql;
use support::world::*;
use tandem::services::proto::*;
use tonic::Code;

use Disposition::{Applied, Skipped};
use TableMapState::Running;

/// Holds the right database, as a transaction of its application does, until it is dropped.
async fn held(world: &World) -> SqliteConnection {
    let mut connection = SqliteConnection::connect(&world.right.url()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn rule_9_a_synchronous_write_never_waits_for_the_other_sides() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let holding = held(&world).await;
    let server = &world.server;
    // A probe of the other side may have been there first: then this one is refused, and comes again.
    let under_way = async {
        loop {
            match server.write(order(7, "left")).await {
                Err(status) if reason(&status) == "KEY_BUSY" => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    let meeting = async {
        // The write of the left side is on its way to a database that the right side's transaction holds.
        let mut refused = None;
        eventually("the other write is met", || async {
            let probe = WriteRecordRequest { change_id: String::new(), ..from_right(order(7, "right")) };
            let begun = Instant::now();
            let answer = tokio::time::timeout(Duration::from_secs(2), server.write(probe)).await;
            assert!(begun.elapsed() < Duration::from_secs(2), "it waited");
            matches!(answer, Ok(Err(status)) if reason(&status) == "KEY_BUSY")
        })
        .await;
        let status = server.write(from_right(order(7, "right"))).await.unwrap_err();
        refused.replace(status);
        // Rule 10: the hook of the destination calls before its commit with what we are writing.
        let echo = server.written(from_right(order(7, "left"))).await;
        holding.close().await.unwrap();
        (refused.unwrap(), echo)
    };
    let (written, (refused, echo)) = tokio::join!(under_way, meeting);
    assert_eq!(refused.code(), Code::Aborted);
    assert_eq!(echo, told(Skipped, "ECHO"));
    assert_eq!(written.unwrap().disposition(), Applied);
    assert_eq!(world.right_has(7, "status").await.as_deref(), Some("left"));
    assert_eq!(world.written(from_right(order(7, "right"))).await, told(Applied, ""), "and then it goes through");
}

#[tokio::test]
async fn rule_9_changes_that_cross_end_equal() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    world.pause("orders").await.unwrap();
    let of = |status: &str, note: &str, id: i64| {
        let mut fields = record([("id", int(id)), ("status", text(status))]);
        if !note.is_empty() {
            fields.fields.insert("note".to_owned(), text(note));
        }
        change("orders", fields)
    };
    // As two applications that each wrote their own before they told.
    let rows = "INSERT INTO orders (id, status, note) VALUES (1, 'left', 'from the left')";
    sql::execute(&world.left.url(), rows).await.unwrap();
    sql::execute(&world.right.url(), "INSERT INTO orders (id, status) VALUES (1, 'right')").await.unwrap();
    world.write(of("left", "from the left", 1)).await.unwrap();
    world.write(from_right(of("right", "", 1))).await.unwrap();
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    for side in ["left", "right"] {
        let has = async |column: &str| match side {
            "left" => world.left_has(1, column).await,
            _ => world.right_has(1, column).await,
        };
        assert_eq!(has("status").await.as_deref(), Some("right"), "{side}: the master is right");
        assert_eq!(
            has("note").await.as_deref(),
            Some("from the left"),
            "{side}: what only the other touched is written"
        );
    }
    let events = world.events("orders").await;
    let conflict = events.iter().find_map(|event| event.conflict.as_ref()).expect("the conflict is told");
    assert_eq!((conflict.winner(), conflict.lost_columns.as_slice()), (Side::Right, ["status".to_owned()].as_slice()));
    assert_eq!(conflict.integration_key, Some(record([("id", int(1))])));
}
