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

/// What one side does to a record while the map is paused.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Status,
    Note,
    Delete,
    /// Removes it and makes it again with other values.
    Remake,
    /// Gives it a key of its own choice, or the one that the other side chooses too.
    Rekey,
    RekeyAlike,
}

const DEEDS: [Deed; 6] = [Deed::Status, Deed::Note, Deed::Delete, Deed::Remake, Deed::Rekey, Deed::RekeyAlike];

/// The statements of a deed, each with the change that tells of it.
fn done(deed: Deed, side: Side, id: i64) -> Vec<(String, WriteRecordRequest)> {
    let who = if side == Side::Left { "left" } else { "right" };
    let tell = |operation: Operation, fields: Record| WriteRecordRequest {
        source: side.into(),
        operation: operation.into(),
        ..change("orders", fields)
    };
    let whole = |id: i64, status: &str| {
        record([("id", int(id)), ("status", text(status)), ("note", text("")), ("amount", int(0))])
    };
    let set = |column: &str| {
        let told = tell(Operation::Upsert, record([("id", int(id)), (column, text(who))]));
        (format!("UPDATE orders SET {column} = '{who}' WHERE id = {id}"), told)
    };
    let delete = || (format!("DELETE FROM orders WHERE id = {id}"), tell(Operation::Delete, record([("id", int(id))])));
    let rekey = |to: i64| {
        let mut told = tell(Operation::Upsert, whole(to, "new"));
        told.previous_key = Some(record([("id", int(id))]));
        (format!("UPDATE orders SET id = {to} WHERE id = {id}"), told)
    };
    match deed {
        Deed::Status => vec![set("status")],
        Deed::Note => vec![set("note")],
        Deed::Delete => vec![delete()],
        Deed::Remake => {
            let again = format!("again on the {who}");
            let made = format!("INSERT INTO orders (id, status) VALUES ({id}, '{again}')");
            vec![delete(), (made, tell(Operation::Upsert, whole(id, &again)))]
        }
        Deed::Rekey => vec![rekey(id + if side == Side::Left { 1 } else { 2 })],
        Deed::RekeyAlike => vec![rekey(id + 3)],
    }
}

/// Every deed of the one side with every deed of the other, told in either order, under either master.
#[tokio::test]
async fn rule_9_whatever_both_sides_did_while_a_map_was_paused_they_end_equal() {
    for master in [Side::Left, Side::Right] {
        let world = World::start().await;
        let map = TableMap { master: master.into(), ..asynchronous(orders_map()) };
        world.running_map("orders", map).await;
        world.pause("orders").await.unwrap();
        let mut id = 0;
        for (left, right) in DEEDS.into_iter().flat_map(|left| DEEDS.map(|right| (left, right))) {
            for first in [Side::Left, Side::Right] {
                id += 10;
                for url in [world.left.url(), world.right.url()] {
                    let row = format!("INSERT INTO orders (id, status) VALUES ({id}, 'new')");
                    sql::execute(&url, &row).await.unwrap();
                }
                let second = if first == Side::Left { Side::Right } else { Side::Left };
                for side in [first, second] {
                    let (deed, url) =
                        if side == Side::Left { (left, world.left.url()) } else { (right, world.right.url()) };
                    for (statement, told) in done(deed, side, id) {
                        sql::execute(&url, &statement).await.unwrap();
                        world.write(told).await.unwrap();
                    }
                }
            }
        }
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
        world.wait_for_state("orders", Running).await;
        eventually("nothing is queued", || async { world.figures("orders").await.queued == 0 }).await;
        let errors = world.catch_up_errors("orders").await;
        assert!(errors.is_empty(), "{master:?}: {errors:?}");
        let rows = async |url: String| {
            let query = "SELECT id || ': ' || status || ', ' || note || ', ' || amount FROM orders ORDER BY id";
            sql::ask::<String>(&url, query).await.unwrap()
        };
        let (left, right) = (rows(world.left.url()).await, rows(world.right.url()).await);
        let differ: Vec<_> = left
            .iter()
            .filter(|row| !right.contains(row))
            .chain(right.iter().filter(|row| !left.contains(row)))
            .collect();
        assert!(differ.is_empty(), "master {master:?}: {differ:?}\n{left:?}\n{right:?}");
        assert!(left.len() > 30, "most records are still there: {left:?}");
    }
}

/// What follows from a crossing is in one commit with the change. Where that would be too much the change is refused, and
/// nothing of it is done.
#[tokio::test]
async fn a_change_that_crosses_more_than_one_commit_holds_is_refused_and_holds_up_nothing() {
    let world = World::start().await;
    let map = TableMap { master: Side::Left.into(), ..asynchronous(orders_map()) };
    world.running_map("orders", map).await;
    world.pause("orders").await.unwrap();
    let large = "x".repeat(120 * 1024);
    for id in [1, 2] {
        for column in ["status", "note"] {
            world.write(change("orders", record([("id", int(id)), (column, text(&large))]))).await.unwrap();
        }
    }
    // The right side gives the one record the other's key. It loses to both, and would have to be told all of both again.
    let mut rekey = from_right(order(2, "renamed"));
    rekey.previous_key = Some(record([("id", int(1))]));
    let before = world.figures("orders").await;
    let status = world.write(rekey).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "RECORD_TOO_LARGE"), "{status:?}");
    assert_eq!(world.figures("orders").await, before, "nothing was done");

    world.write(order(3, "goes on")).await.unwrap();
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    for id in [1, 2] {
        assert_eq!(world.right_has(id, "note").await.map(|note| note.len()), Some(large.len()));
    }
    assert_eq!(world.right_has(3, "status").await.as_deref(), Some("goes on"));
}
