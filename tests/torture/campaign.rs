//! Kill after kill, and what is looked at after each; a new store after some of them, once all is reckoned up.

use super::applications::*;
use super::crossing::Crosser;
use super::findings::{Dice, Findings, Promise};
use super::log::Watcher;
use super::operator::{self, Operator};
use super::reckoning::Arrivals;
use super::support::databases::sql;
use super::support::server::{PATIENCE, Server};
use super::support::world::name;
use super::writer::Writer;
use futures::future::{BoxFuture, FutureExt, join_all};
use std::sync::Arc;
use std::time::Duration;
use tandem::services::proto::*;
use tokio::time::{Instant, sleep, timeout};

/// After so many kills all is reckoned up, and a new store begun.
const KILLS_OF_A_STORE: usize = 40;
const SEED_VARIABLE: &str = "TANDEM_TORTURE_SEED";

pub fn run(kills: usize) -> Findings {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970");
        now.as_nanos() as u64
    });
    println!("the moments of the kills come from seed {seed}");
    let findings = Arc::new(Findings::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut dice = Dice::new(seed);
    let mut left = kills;
    while left > 0 && !findings.any() {
        let of_this_store = left.min(KILLS_OF_A_STORE);
        runtime.block_on(async { Chapter::begin(dice.more(), findings.clone()).await.tell(of_this_store).await });
        left -= of_this_store;
        println!("{} of {kills} kills", kills - left);
    }
    drop(runtime);
    Arc::into_inner(findings).expect("everything has ended")
}

/// One store, from its first commit to the reckoning.
struct Chapter {
    applications: Applications,
    server: Server,
    writers: Vec<Writer>,
    operators: Vec<Operator>,
    crosser: Crosser,
    watcher: Watcher,
    arrivals: Arrivals,
    dice: Dice,
    findings: Arc<Findings>,
}

impl Chapter {
    async fn begin(mut dice: Dice, findings: Arc<Findings>) -> Chapter {
        let applications = Applications::create().await;
        let server = applications.serve().await;
        let mut writers = Vec::new();
        for (map, source) in [(ITEMS, Side::Left), (ITEMS, Side::Right), (NOTES, Side::Left), (NOTES, Side::Right)] {
            writers.push(Writer::new(map, source, 1, dice.more(), findings.clone()));
            writers.push(Writer::new(map, source, 2, dice.more(), findings.clone()));
        }
        let copies = Writer::new(COPIES, Side::Left, 1, dice.more(), findings.clone());
        writers.push(copies.with_own_rows(applications.left.url()));
        let urls = [applications.both_left.url(), applications.both_right.url()];
        Chapter {
            operators: MAPS.map(|map| Operator::new(map, dice.more(), findings.clone())).into(),
            crosser: Crosser::new(urls, dice.more(), findings.clone()),
            watcher: Watcher::new(findings.clone()),
            arrivals: Arrivals::new(findings.clone()),
            applications,
            server,
            writers,
            dice,
            findings,
        }
    }

    async fn tell(mut self, kills: usize) {
        for run in 0..kills {
            // One in four soon after the server has begun, when it goes on with what the last one left.
            let latest = if self.dice.one_in(4) { 150 } else { 1_100 };
            let moment = self.dice.below(latest);
            self.work(Some(Duration::from_millis(moment))).await;
            self.arrivals.take(run, self.applications.take_written().await);
            self.writers.iter().for_each(|writer| self.arrivals.check_applied(writer));
            self.server.start_again().await;
            self.look_around().await;
            if self.findings.any() {
                println!("--- what the server logged:\n{}---", self.server.log());
                return;
            }
        }
        self.work(None).await;
        self.settle().await;
        self.arrivals.take(kills, self.applications.take_written().await);
        self.reckon_up().await;
        if self.findings.any() {
            println!("--- what the server logged:\n{}---", self.server.log());
        }
    }

    /// Everyone works until the server is killed after this time, or for a while and to a good end.
    async fn work(&mut self, kill_after: Option<Duration>) {
        let channel = self.server.channel();
        let now = Instant::now();
        let until = now + if kill_after.is_some() { PATIENCE } else { Duration::from_millis(300) };
        let mut everyone: Vec<BoxFuture<()>> = Vec::new();
        for writer in &mut self.writers {
            let streams = writer.map != NOTES;
            let channel = &channel;
            everyone.push(
                async move {
                    if streams { writer.stream(channel, until).await } else { writer.calls(channel, until).await }
                }
                .boxed(),
            );
        }
        everyone.extend(self.operators.iter_mut().map(|operator| operator.act(&channel, until).boxed()));
        everyone.push(self.crosser.change(&channel, until).boxed());
        everyone.push(self.watcher.follow(&channel, until).boxed());
        let server = &mut self.server;
        if let Some(after) = kill_after {
            let kill = async move {
                sleep(after).await;
                server.kill();
            };
            everyone.push(kill.boxed());
        }
        let ended = timeout(PATIENCE * 2, join_all(everyone)).await;
        assert!(ended.is_ok(), "someone waits for ever:\n{}", self.server.log());
    }

    /// A server has just started: states, figures and the log are what was acknowledged, or what it led to.
    async fn look_around(&mut self) {
        let channel = self.server.channel();
        for operator in &mut self.operators {
            operator.look(self.server.state(operator.map).await);
            let stats = operator::stats(&channel, operator.map).await.expect("the figures");
            operator::add_up(&self.findings, &stats);
            if operator.map == ITEMS || operator.map == COPIES {
                let accepted: i64 = stats.figures.iter().map(|figures| figures.accepted).sum();
                let writers = || self.writers.iter().filter(|writer| writer.map == operator.map);
                let answered: usize = writers().map(Writer::answered_count).sum();
                let open: usize = writers().map(Writer::unanswered).sum();
                let range = answered as i64..=(answered + open) as i64;
                let what = || format!("{}: {accepted} changes are accepted, not {range:?}", operator.map);
                self.findings.check(range.contains(&accepted), Promise::Kept, what);
            }
        }
        self.watcher.catch_up(&channel).await;
    }

    /// Every map is live and has nothing queued.
    async fn settle(&self) {
        for map in MAPS {
            let settling = async {
                loop {
                    match self.server.state(map).await {
                        TableMapState::Paused => drop(self.server.resume(map, ResumeOption::CatchUp).await),
                        TableMapState::NotRunning => drop(self.server.run_live(map).await),
                        TableMapState::Running if self.server.figures(map).await.queued == 0 => return,
                        _ => sleep(Duration::from_millis(10)).await,
                    }
                }
            };
            if timeout(PATIENCE, settling).await.is_err() {
                let stats = self.server.stats(map).await;
                panic!("{map} does not come to rest: {:?}\n{}", stats, self.server.log());
            }
        }
    }

    async fn reckon_up(&mut self) {
        let channel = self.server.channel();
        for map in [ITEMS, NOTES, COPIES] {
            let figures = self.server.figures(map).await;
            self.arrivals.check_queued(&channel, map, &self.writers, &figures).await;
        }
        self.writers.iter().for_each(|writer| self.arrivals.check_applied(writer));
        self.arrivals.check_order(&self.writers);
        self.arrivals.check_rows(&self.applications).await;
        self.check_both().await;
        self.check_copy().await;
        self.watcher.catch_up(&channel).await;
        self.watcher.compare(&channel, &self.operators).await;
        let sent: usize = self.writers.iter().map(|writer| writer.sent.len()).sum();
        let answered: usize = self.writers.iter().map(Writer::answered_count).sum();
        println!(
            "{sent} changes of one side's keys ({answered} taken, {} versions arrived, {} times some were written again \
             after a kill, at most {} back), {} of both sides', {} transitions, {} events",
            self.arrivals.count(),
            self.arrivals.replays,
            self.arrivals.replayed_max,
            self.crosser.changes,
            self.operators.iter().map(|operator| operator.asked.len()).sum::<usize>(),
            self.watcher.seen.values().map(Vec::len).sum::<usize>(),
        );
    }

    /// Rule 9.
    async fn check_both(&self) {
        let rows = async |url: String| {
            let query = "SELECT id || ': ' || coalesce(a, 'null') || ', ' || coalesce(b, 'null') FROM both ORDER BY id";
            sql::ask::<String>(&url, query).await.expect("rows")
        };
        let left = rows(self.applications.both_left.url()).await;
        let right = rows(self.applications.both_right.url()).await;
        let in_error = self.server.figures(BOTH).await.in_error;
        let equal = left == right && in_error == 0;
        let what = || format!("{left:?} on the left, {right:?} on the right, {in_error} errors");
        self.findings.check(equal, Promise::BothSides, what);
        if !equal {
            self.crosser.story.iter().for_each(|line| println!("{line}"));
            for url in [self.applications.both_left.url(), self.applications.both_right.url()] {
                let written = sql::ask::<String>(&url, "SELECT line FROM written ORDER BY n").await.expect("lines");
                println!("{url}\n{}", written.join("\n"));
            }
            self.watcher.seen[&name(BOTH)].iter().for_each(|event| println!("{event:?}"));
        }
    }

    /// A last copy brings what calls did not: rows whose changes were refused while the map did not run.
    async fn check_copy(&self) {
        self.server.stop(COPIES, QueuedRecordsDisposition::Keep).await.expect("it stops");
        self.server.run(COPIES).await.expect("it runs");
        self.server.wait_for_state(COPIES, TableMapState::Running).await;
        let left = self.applications.rows(&self.applications.left.url(), "copies").await;
        let right = self.applications.rows(&self.applications.right.url(), "copies").await;
        let differs = left.iter().zip(&right).find(|(left, right)| left != right);
        let what = || format!("{} rows on the left, {} on the right, {differs:?}", left.len(), right.len());
        self.findings.check(left == right, Promise::BothSides, what);
    }
}
