//! Step 7: a planned pause, with changes of both sides, one that crosses another, and one that nobody can write.

use super::{Story, seconds};
use crate::cli::demo::changes::{self, Change, Work};
use crate::cli::demo::error::DemoError;
use crate::cli::demo::tables::{CUSTOMERS, LIVE, ORDERS, customer, key_of};
use crate::cli::demo::tell::count;
use crate::cli::demo::wire;
use crate::model::value::Value;
use crate::services::proto as pb;
use tokio::time::Instant;

const FINANCE_WORK: Work = Work { orders_made: 20, orders_moved_on: 100, orders_deleted: 3, customers_changed: 40 };
const SALES_WORK: Work = Work { orders_made: 30, orders_moved_on: 60, orders_deleted: 2, customers_changed: 50 };

impl Story {
    pub(super) async fn planned_pause(&mut self) -> Result<(), DemoError> {
        self.tell.step(7, "A planned pause: customers and orders stand still, people go on working on both sides");
        for pair in LIVE {
            self.service.pause(pair, "maintenance of sales").await?;
        }
        let known = self.finance.known().await?;
        let mut finance = changes::work(&mut self.generator, self.finance.side, &known, 3, FINANCE_WORK);
        let mut sales = changes::work(&mut self.generator, self.sales.side, &known, 4, SALES_WORK);
        let bad = changes::credit_note(&mut self.generator, &known);
        let crossing = known.customers.values().nth(5).cloned().unwrap_or_default(); // of a share that nobody works on
        let mut moved = crossing.clone();
        for changes in [&mut finance, &mut sales] {
            // A town that is neither the one before nor the one that the other side says.
            let last = moved.clone();
            while [&last, &crossing].iter().any(|known| known[customer::CITY] == moved[customer::CITY]) {
                self.generator.move_away(&mut moved);
            }
            changes.push(Change::Put(&CUSTOMERS, moved.clone()));
        }
        finance.push(Change::Put(&ORDERS, bad.clone()));
        self.finance.apply(&finance).await?;
        self.sales.apply(&sales).await?;
        let (by_finance, by_sales) = self.hooks().await?;
        let (made, queued) = (finance.len() + sales.len(), by_finance.queued + by_sales.queued);
        let text = format!(
            "{} changes of finance and {} of sales: {} answered QUEUED",
            finance.len(),
            sales.len(),
            count(queued)
        );
        self.check(queued == made, text);
        self.tell.say(format!("Two of them cross: both sides give customer {} another town.", key_of(&crossing)));
        self.tell.say(format!(
            "One cannot be written: order {} is a credit note, and sales takes no total below zero.",
            key_of(&bad)
        ));
        let written = self.catch_up().await?;

        let errors = self.service.errors(&ORDERS).await?;
        let error = errors.first().and_then(|record| record.error.clone()).unwrap_or_default();
        let text = format!(
            "exactly one became a catch-up error and held up nothing: order {}, {} ({}), {}",
            errors.first().map(|record| wire::text(record.integration_key.as_ref())).unwrap_or_default(),
            error.r#type().as_str_name().trim_start_matches("ERROR_TYPE_"),
            error.code,
            error.message
        );
        let keys: Vec<String> = errors.iter().map(|record| wire::text(record.integration_key.as_ref())).collect();
        self.check(keys == [key_of(&bad)], text);
        self.crossing_was_decided(key_of(&crossing)).await?;
        self.hooks_see_echoes(written, 0).await
    }

    async fn catch_up(&mut self) -> Result<usize, DemoError> {
        let before = self.applied().await?;
        let start = Instant::now();
        for pair in LIVE {
            self.service.resume(pair).await?;
        }
        for pair in LIVE {
            self.service.until_running(pair).await?;
            self.service.until_drained(pair).await?;
        }
        let time = start.elapsed();
        let written = self.applied().await? - before;
        self.tell.say(format!("Resume: {} written in {}, the maps are RUNNING again.", count(written), seconds(time)));
        Ok(written)
    }

    /// The master of the customers is sales, so its town is on both sides, and the log has the conflict.
    async fn crossing_was_decided(&mut self, key: &str) -> Result<(), DemoError> {
        let town = |records: std::collections::BTreeMap<String, Vec<Value>>| {
            records.get(key).map(|record| record[customer::CITY].to_string()).unwrap_or_default()
        };
        let (left, right) =
            (town(self.finance.records(&CUSTOMERS).await?), town(self.sales.records(&CUSTOMERS).await?));
        let log = self.service.log(&CUSTOMERS).await?;
        let conflicts = log.iter().filter(|event| event.kind() == pb::ActivityKind::Conflict).count();
        let text = format!(
            "customer {key} lives in {left} on both sides: sales is the master; the log keeps both rows ({conflicts} conflict)"
        );
        self.check(left == right && conflicts == 1, text);
        Ok(())
    }
}
