//! Step 4: both sides work, and each gets what the other does.

use super::{Story, seconds};
use crate::cli::demo::changes::{self, Work};
use crate::cli::demo::error::DemoError;
use crate::cli::demo::hook;
use crate::cli::demo::tables::LIVE;
use crate::cli::demo::tell::count;
use tokio::time::Instant;

const FINANCE_WORK: Work = Work { orders_made: 80, orders_moved_on: 300, orders_deleted: 12, customers_changed: 108 };
const SALES_WORK: Work = Work { orders_made: 120, orders_moved_on: 90, orders_deleted: 5, customers_changed: 185 };

impl Story {
    pub(super) async fn live_sync(&mut self) -> Result<(), DemoError> {
        self.tell.step(4, "Live: both applications change their own data, and their hooks tell Tandem");
        let known = self.finance.known().await?;
        let finance = changes::work(&mut self.generator, self.finance.side, &known, 0, FINANCE_WORK);
        let sales = changes::work(&mut self.generator, self.sales.side, &known, 1, SALES_WORK);
        let applied_before = self.applied().await?;
        self.finance.apply(&finance).await?;
        self.sales.apply(&sales).await?;
        let start = Instant::now();
        let by_finance = hook::tell_changes(&self.finance, &mut self.service).await?;
        let by_sales = hook::tell_changes(&self.sales, &mut self.service).await?;
        for pair in LIVE {
            self.service.until_drained(pair).await?;
        }
        let time = start.elapsed();
        for (name, work) in [("finance", FINANCE_WORK), ("sales", SALES_WORK)] {
            self.tell.say(format!(
                "{name} makes {} orders, moves {} on, deletes {}, and edits {} customers: {} changes",
                work.orders_made,
                work.orders_moved_on,
                work.orders_deleted,
                work.customers_changed,
                count(work.total())
            ));
        }
        let written = self.applied().await? - applied_before;
        let made = finance.len() + sales.len();
        let told = by_finance.taken() + by_sales.taken();
        let text = format!(
            "{} changes made, {} told, {} written at the other side, in {}",
            count(made),
            count(told),
            count(written),
            seconds(time)
        );
        self.check(told == made && written == made, text);
        self.hooks_see_echoes(made, by_finance.echoes + by_sales.echoes).await
    }

    /// Changes that have reached the other side, of both live maps and directions.
    pub(super) async fn applied(&mut self) -> Result<usize, DemoError> {
        let mut applied = 0;
        for pair in LIVE {
            applied += self.service.stats(pair).await?.figures.iter().map(|figures| figures.applied).sum::<i64>();
        }
        Ok(usize::try_from(applied).unwrap_or_default())
    }
}
