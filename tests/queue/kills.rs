//! A server that is killed again and again while changes are queued and drained and errors are retried, deleted and purged: nothing
//! that was acknowledged is lost, and afterwards every figure and index says what is there.
//!
//! What it does not show: that nothing is lost by a power failure, which takes what the system had not yet written to the disk.

use crate::support::server::PATIENCE;
use crate::support::world::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;
use tandem::services::proto::*;
use tokio::time::{Instant, timeout};

/// Kills in `make test`; `TANDEM_QUEUE_KILLS` asks for more.
const KILLS: u64 = 50;
/// Orders that are written again and again.
const GOOD: i64 = 20;

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
            13 => drop(world.resume("orders", ResumeOption::SkipAndKeep).await),
            14 => {
                let correction = random.random_bool(0.5).then(|| record([("amount", int(1))]));
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
async fn kills_lose_nothing_of_a_queue_and_its_errors() {
    let kills = std::env::var("TANDEM_QUEUE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("TANDEM_QUEUE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("TANDEM_QUEUE_SEED={seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut world = World::start().await;
    let error_retention = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    world.running_map("orders", TableMap { error_retention, ..asynchronous(orders_map()) }).await;
    let mut known = Known::default();
    let mut amount = 0;
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
        world.server.restart().await;
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
    for (id, acknowledged) in &known.acknowledged {
        // What was kept aside with an older amount, and purged, is the only way not to be there: it shows in the figures.
        let has = world.right_has(*id, "amount").await.and_then(|has| has.parse::<i64>().ok());
        let figures = world.figures("orders").await;
        let whole = figures.purged + figures.deleted == 0;
        let (has, sent) = (has.unwrap_or(0), known.sent[id]);
        assert!(has <= sent && (!whole || has >= *acknowledged), "order {id} has {has} of {acknowledged} to {sent}");
    }
    assert!(world.server.terminate().await.success());
    let data = world.data();
    let checked =
        Command::new(env!("CARGO_BIN_EXE_tandem")).args(["store", "check", "--data"]).arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && said.contains("nothing is wrong"), "{said}");
}
