//! A server that is killed again and again while changes are queued and drained and errors are retried, deleted and purged: nothing
//! that was acknowledged is lost, none of it is applied out of order, and afterwards every figure and index says what is there.
//!
//! What it does not show: that nothing is lost by a power failure, which takes what the system had not yet written to the disk.

use crate::support::databases::sql;
use crate::support::server::PATIENCE;
use crate::support::world::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;
use tandem::services::proto::*;
use tokio::time::{Instant, timeout};

/// Kills of each test in `make test`; `TANDEM_QUEUE_KILLS` asks for more.
const KILLS: u64 = 25;
/// Orders that are written again and again.
const GOOD: i64 = 20;
/// What a correction sets; no change has it.
const CORRECTED: i64 = 0;

/// Every amount that an order of the right has had, in their order.
const HISTORY: [&str; 3] = [
    "CREATE TABLE history (at INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER, amount INTEGER)",
    "CREATE TRIGGER inserted AFTER INSERT ON orders BEGIN INSERT INTO history (id, amount) VALUES (new.id, new.amount); END",
    "CREATE TRIGGER updated AFTER UPDATE ON orders BEGIN INSERT INTO history (id, amount) VALUES (new.id, new.amount); END",
];

/// What a caller knows.
#[derive(Default)]
struct Known {
    /// The last amount of each good order that was acknowledged.
    acknowledged: BTreeMap<i64, i64>,
    /// And that was sent, whatever came of it.
    sent: BTreeMap<i64, i64>,
    answered: i64,
    unanswered: i64,
    next_bad: i64,
    /// Good orders are kept aside as errors too, tried again with a correction, deleted and purged.
    keeps_aside: bool,
}

impl Known {
    async fn write(&mut self, world: &World, id: i64, amount: i64) {
        let change = change("orders", record([("id", int(id)), ("amount", int(amount))]));
        match timeout(Duration::from_secs(5), world.write(change)).await {
            Ok(Ok(_)) => {
                self.answered += 1;
                if amount > 0 {
                    self.acknowledged.insert(id, amount);
                }
            }
            Ok(Err(_)) | Err(_) => self.unanswered += 1,
        }
    }

    /// One thing that a caller or an operator does. Whether it is taken depends on the moment.
    async fn act(&mut self, world: &World, random: &mut SmallRng, amount: i64) {
        match random.random_range(0..16) {
            0..=7 => {
                let id = random.random_range(1..=GOOD);
                self.sent.insert(id, amount);
                self.write(world, id, amount).await;
            }
            8..=10 => {
                self.next_bad += 1;
                self.write(world, 1_000 + self.next_bad, -amount).await;
            }
            11 => drop(world.pause("orders").await),
            12 => drop(world.resume("orders", ResumeOption::CatchUp).await),
            13 if self.keeps_aside => drop(world.resume("orders", ResumeOption::SkipAndKeep).await),
            13 => drop(world.resume("orders", ResumeOption::CatchUp).await),
            14 => {
                let correction = random.random_bool(0.5).then(|| record([("amount", int(CORRECTED))]));
                let retry =
                    RetryCatchUpErrorsRequest { parent: name("orders"), all: true, correction, ..Default::default() };
                let _ = world.queue().retry_catch_up_errors(retry).await;
            }
            _ => {
                let state = QueuedRecordState::Error.into();
                let all = DeleteQueuedRecordsRequest { parent: name("orders"), all: true, state, ..Default::default() };
                let tried = DeleteQueuedRecordsRequest { validate_only: true, ..all.clone() };
                if let Ok(tried) = world.queue().delete_queued_records(tried).await {
                    let confirm_count = tried.into_inner().total;
                    let _ =
                        world.queue().delete_queued_records(DeleteQueuedRecordsRequest { confirm_count, ..all }).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn rules_1_and_2_kills_lose_nothing_of_a_queue_and_keep_its_order() {
    kills(Known::default()).await;
}

#[tokio::test]
async fn rules_2_and_11_kills_keep_the_order_of_what_was_kept_aside_and_the_figures() {
    kills(Known { keeps_aside: true, ..Default::default() }).await;
}

async fn kills(mut known: Known) {
    let kills = std::env::var("TANDEM_QUEUE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("TANDEM_QUEUE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("TANDEM_QUEUE_SEED={seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut world = World::start().await;
    for statement in HISTORY {
        sql::execute(&world.right.url(), statement).await.expect("a history");
    }
    let error_retention = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    world.running_map("orders", TableMap { error_retention, ..asynchronous(orders_map()) }).await;
    let mut amount = 0;
    let mut seen = 0;
    for _ in 0..kills {
        let until = Instant::now() + Duration::from_millis(random.random_range(20..400));
        while Instant::now() < until {
            amount += 1;
            let acts = known.act(&world, &mut random, amount);
            timeout(PATIENCE, acts).await.expect("every call is answered");
        }
        // What is under way at this moment is cut off.
        let last = order(GOOD + 1, "cut");
        let cut = async { drop(world.write(last).await) };
        let _ = timeout(Duration::from_micros(random.random_range(0..2_000)), cut).await;
        known.unanswered += 1;
        world.server.kill();
        seen = written_in_order(&world, seen).await;
        world.server.start_again().await;
        let figures = world.figures("orders").await; // rule 11
        let most = known.answered + known.unanswered;
        assert!((known.answered..=most).contains(&figures.accepted), "{} to {most}: {figures:?}", known.answered);
    }
    let _ = world.resume("orders", ResumeOption::CatchUp).await;
    world.wait_for_state("orders", TableMapState::Running).await;
    eventually("all is written, and what failed is purged", || async {
        let figures = world.figures("orders").await;
        (figures.queued, figures.in_error) == (0, 0)
    })
    .await;
    written_in_order(&world, seen).await;
    for (id, sent) in &known.sent {
        let has = world.right_has(*id, "amount").await.and_then(|has| has.parse::<i64>().ok()).unwrap_or(0);
        // Of what was kept aside the last amount may have been deleted or purged.
        let least = if known.keeps_aside { 0 } else { known.acknowledged.get(id).copied().unwrap_or(0) };
        assert!((least..=*sent).contains(&has), "order {id} has {has}, not {least} to {sent}");
    }
    assert!(world.server.terminate().await.success());
    let data = world.data();
    let checked =
        Command::new(env!("CARGO_BIN_EXE_tandem")).args(["store", "check", "--data"]).arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && said.contains("nothing is wrong"), "{said}");
}

/// Rule 2: the amounts of an order grew with every write since the last look, between two starts of the server. After a
/// start the last of them may come once more (rule 4), in their order as well. Gives how far it has looked.
async fn written_in_order(world: &World, seen: i64) -> i64 {
    let url = world.right.url();
    let last = sql::ask::<i64>(&url, "SELECT COALESCE(MAX(at), 0) FROM history").await.expect("a query")[0];
    let found = format!(
        "SELECT id || ' had ' || before || ' and then ' || amount FROM (SELECT id, amount, LAG(amount) OVER \
         (PARTITION BY id ORDER BY at) AS before FROM history WHERE at > {seen} AND amount <> {CORRECTED} AND id <= {GOOD}) \
         WHERE before > amount"
    );
    let found = sql::ask::<String>(&url, &found).await.expect("a query");
    assert!(found.is_empty(), "rule 2: not in order: {found:?}");
    last
}
