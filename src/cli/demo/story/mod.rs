//! The story that the demo tells, in nine steps. Each file has the steps that belong together.

mod begin;
mod live;
mod log;
mod outage;
mod pause;
mod reckoning;

use super::application::Application;
use super::client::Service;
use super::compare::Comparison;
use super::dataset::{Generator, Tables};
use super::error::DemoError;
use super::hook::{self, Told};
use super::tell::{Tell, count};
use std::time::{Duration, Instant};

/// Everybody who takes part.
pub struct Story {
    pub tell: Tell,
    pub finance: Application,
    pub sales: Application,
    pub service: Service,
    pub generator: Generator,
    /// What the two applications have before they meet.
    pub beginning: (Tables, Tables),
    pub start: Instant,
    /// Whether all was so far as it should be; the story goes on when it was not.
    pub good: bool,
}

impl Story {
    /// Tells it from the beginning to the end; the answer is whether all was as it should be.
    pub async fn tell(&mut self) -> Result<bool, DemoError> {
        self.introduce().await?;
        self.create_maps().await?;
        self.run_maps().await?;
        self.live_sync().await?;
        self.outage().await?;
        self.come_back().await?;
        self.planned_pause().await?;
        let rows = self.reckoning().await?;
        self.log().await?;
        self.last_line(rows);
        Ok(self.good)
    }

    /// Notes whether something is as it should be, and says so.
    fn check(&mut self, is_so: bool, text: String) {
        if is_so {
            self.tell.good(text);
        } else {
            self.good = false;
            self.tell.bad(text);
        }
    }

    /// Lets the hooks of both applications tell what they saw, until neither has anything left to tell.
    async fn hooks(&mut self) -> Result<(Told, Told), DemoError> {
        let finance = hook::tell_changes(&self.finance, &mut self.service).await?;
        let sales = hook::tell_changes(&self.sales, &mut self.service).await?;
        Ok((finance, sales))
    }

    /// What Tandem wrote was seen by the hooks too; they tell it, and nothing is written for it. `earlier` were answered so
    /// while the writing was still going on.
    async fn hooks_see_echoes(&mut self, expected: usize, earlier: usize) -> Result<(), DemoError> {
        let (finance, sales) = self.hooks().await?;
        let (echoes, taken) = (earlier + finance.echoes + sales.echoes, finance.taken() + sales.taken());
        let text = format!(
            "echoes: the hooks told {} of Tandem's own writes back to it; all SKIPPED (ECHO), {} written",
            count(echoes),
            count(taken)
        );
        self.check(echoes == expected && taken == 0, text);
        Ok(())
    }

    /// A text without the folder that the data is in, which says nothing to anybody.
    fn without_folder(&self, text: &str) -> String {
        let file = self.sales.file();
        match file.ancestors().nth(2) {
            Some(data) => text.replace(&format!("{}/", data.display()), ""),
            None => text.to_owned(),
        }
    }

    fn say_comparison(&mut self, comparisons: &[Comparison]) {
        let rows: usize = comparisons.iter().map(|found| found.equal + found.differences.len()).sum();
        let equal: usize = comparisons.iter().map(|found| found.equal).sum();
        let text = format!("compared row by row: {} of {} rows equal", count(equal), count(rows));
        self.check(equal == rows, text);
    }
}

/// `0.4 s`, for people.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
