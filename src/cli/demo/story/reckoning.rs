//! Step 8: what there is in the end, read from both databases, and the account of every change.

use super::{Story, seconds};
use crate::cli::demo::compare::compare_all;
use crate::cli::demo::error::DemoError;
use crate::cli::demo::tables::{PAIRS, Pair};
use crate::cli::demo::tell::{count, padded};
use crate::cli::demo::wire;
use crate::services::proto as pb;
use std::collections::BTreeSet;

/// What the comparison came to.
pub(super) struct Rows {
    pub compared: usize,
    /// Records that differ, all of them in error at the service.
    pub in_error: Vec<String>,
    /// Records that differ and should not.
    pub wrong: usize,
}

impl Story {
    pub(super) async fn reckoning(&mut self) -> Result<Rows, DemoError> {
        self.tell.step(8, "Both databases are read directly and compared, row by row, column by column");
        let mut rows = Rows { compared: 0, in_error: Vec::new(), wrong: 0 };
        for found in compare_all(&self.finance, &self.sales).await? {
            let in_error = self.keys_in_error(found.pair).await?;
            rows.compared += found.equal + found.differences.len();
            let good = found.differences.iter().all(|difference| in_error.contains(&difference.key));
            let text = format!(
                "{} {} rows in finance, {} in sales, {} equal",
                padded(found.pair.map, 10),
                count(found.left_rows),
                count(found.right_rows),
                count(found.equal)
            );
            self.check(good, text);
            for difference in found.differences.iter().take(10) {
                let expected = in_error.contains(&difference.key);
                let why = if expected { ": its change is in error, as told in step 7" } else { "" };
                self.tell.below(format!("{} {}{why}", difference.key, difference.how));
            }
            for difference in found.differences {
                if in_error.contains(&difference.key) {
                    rows.in_error.push(difference.key);
                } else {
                    rows.wrong += 1;
                }
            }
        }
        self.figures().await?;
        Ok(rows)
    }

    async fn keys_in_error(&mut self, pair: &Pair) -> Result<BTreeSet<String>, DemoError> {
        let errors = self.service.errors(pair).await?;
        Ok(errors.iter().map(|record| wire::text(record.integration_key.as_ref())).collect())
    }

    /// Rule 11: the figures add up.
    async fn figures(&mut self) -> Result<(), DemoError> {
        self.tell.say("Every change that was ever accepted is accounted for:");
        let head = ["applied", "queued", "in error", "skipped", "superseded", "deleted", "purged"].map(str::to_owned);
        self.tell.aside(sum_line(&padded("    map", 17), "accepted", &head));
        for pair in PAIRS {
            for figures in self.service.stats(pair).await?.figures {
                if figures.accepted == 0 {
                    continue;
                }
                let rest = [
                    figures.applied,
                    figures.queued,
                    figures.in_error,
                    figures.skipped,
                    figures.superseded,
                    figures.deleted,
                    figures.purged,
                ];
                let arrow = if figures.direction() == pb::Direction::LeftToRight { "->" } else { "<-" };
                let name = format!("{} {arrow}", padded(pair.map, 10));
                let text = sum_line(&name, &count(figures.accepted), &rest.map(count));
                self.check(figures.accepted == rest.iter().sum::<i64>(), text);
            }
        }
        Ok(())
    }

    pub(super) fn last_line(&mut self, rows: Rows) {
        let time = seconds(self.start.elapsed());
        if rows.wrong > 0 {
            self.good = false;
            let text = format!("{} of {} rows differ ({time})", count(rows.wrong), count(rows.compared));
            self.tell.end(false, text);
            return;
        }
        let in_error = rows.in_error.len();
        let mut text = format!("all {} rows equal", count(rows.compared - in_error));
        if in_error > 0 {
            text = format!("{text}, {} in error as it should be: {}", count(in_error), rows.in_error.join(", "));
        }
        let before = if self.good { "" } else { "not all was as it should be, see above; " };
        self.tell.end(self.good, format!("{before}{text} ({time})"));
    }
}

/// A line of the account, its numbers below each other.
fn sum_line(name: &str, accepted: &str, rest: &[String; 7]) -> String {
    const WIDTHS: [usize; 7] = [7, 6, 8, 7, 10, 7, 6];
    let rest: Vec<String> = rest.iter().zip(WIDTHS).map(|(text, width)| format!("{text:>width$}")).collect();
    format!("{name} {accepted:>8} = {}", rest.join(" + "))
}
