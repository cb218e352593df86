//! How the pages of one direction flow: one is read while others wait to be handed over, are written, or are recorded as
//! done. They are handed over and recorded in the order of their keys, so that the position never passes a row that is not
//! done, and a row that refers to one before it finds it.

use super::kept::{Kept, PageDone};
use super::tables::{CopyRow, Page, Tables};
use super::{Stop, hash};
use crate::engine::delivery::{Gate, Item, Origin, Outcome, Outcomes, Priority};
use crate::engine::error::EngineError;
use crate::engine::map::write_of;
use crate::model::deferred::refers_by;
use crate::model::execution::{ErrorLimits, ExecutionError};
use crate::model::key::Key;
use crate::model::lanes::Keys;
use crate::model::table_map::Side;
use std::collections::{BTreeSet, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Pages that are read and wait to be handed over: enough that neither side waits for the other's hiccups.
const PAGES_READ_AHEAD: usize = 2;
/// Pages that are handed over and not recorded as done: one that is being written, and those that wait behind it.
const PAGES_UNDER_WAY: usize = 3;

/// Rows that are handed over together.
const ROWS_AT_ONCE: usize = 250;

/// One direction of a copy.
pub struct Flow<'a> {
    pub tables: &'a Tables,
    pub source: Side,
    /// Only rows that the other side lacks are written.
    pub only_missing: bool,
    /// Columns by which rows refer to each other: they are left out, and the rows that have some are told.
    pub deferred: &'a BTreeSet<String>,
    /// Hashes of keys that are left.
    pub passed_over: &'a HashSet<u64>,
    pub gate: &'a Gate,
}

/// A page that was handed over to delivery.
struct UnderWay {
    rows: Vec<CopyRow>,
    skipped: u64,
    errors: Vec<ExecutionError>,
    upto: Option<Key>,
    is_last: bool,
    outcomes: mpsc::Receiver<Outcomes>,
}

impl Flow<'_> {
    /// Copies what comes after a key, until all of it is recorded as done in the execution.
    pub async fn run(
        &self,
        after: Option<Key>,
        kept: &mut Kept,
        index: usize,
        limits: &ErrorLimits,
    ) -> Result<(), Stop> {
        let (read, pages) = mpsc::channel(PAGES_READ_AHEAD);
        let (handed_over, under_way) = mpsc::channel(PAGES_UNDER_WAY);
        let feed = async {
            tokio::join!(self.read(after, read), self.hand_over(pages, handed_over));
            std::future::pending::<Infallible>().await // the last page is still to be recorded
        };
        tokio::select! {
            end = self.record(under_way, kept, index, limits) => end,
            never = feed => match never {},
        }
    }

    /// Writes rows that belong to no page, and says what became of them.
    pub async fn write(&self, rows: Vec<CopyRow>) -> Result<PageDone, Stop> {
        let page = Page { rows, errors: Vec::new(), upto: None, is_last: true };
        Ok(self.done(self.send(page).await?).await?)
    }

    /// Reads page after page until the last one, or until it cannot go on; ends as well when nobody takes them.
    async fn read(&self, after: Option<Key>, pages: mpsc::Sender<Result<Page, Stop>>) {
        let mut read = self.tables.first_page(self.source, after).await;
        loop {
            let (page, next) = match read {
                Ok((page, next)) => (Ok(page), next),
                Err(stop) => (Err(stop), None),
            };
            if pages.send(page).await.is_err() {
                return;
            }
            let Some(next) = next else { return };
            read = self.tables.page(self.source, &next).await;
        }
    }

    /// Hands the pages over to delivery. Why there are no more comes behind them, so that what was read before is done.
    async fn hand_over(
        &self,
        mut pages: mpsc::Receiver<Result<Page, Stop>>,
        handed_over: mpsc::Sender<Result<UnderWay, Stop>>,
    ) {
        while let Some(page) = pages.recv().await {
            let under_way = match page {
                Ok(page) => self.send(page).await,
                Err(stop) => Err(stop),
            };
            if handed_over.send(under_way).await.is_err() {
                return;
            }
        }
    }

    async fn send(&self, page: Page) -> Result<UnderWay, Stop> {
        let Page { mut rows, errors, upto, is_last } = page;
        let all = rows.len();
        if !self.passed_over.is_empty() {
            rows.retain(|row| !self.passed_over.contains(&hash(self.source, &row.key)));
        }
        if self.only_missing {
            let there = self.tables.keys_at(self.source.other(), &rows).await?;
            rows.retain(|row| !there.contains(&row.key));
        }
        let skipped = (all - rows.len()) as u64;
        let target = self.tables.side(self.source.other())?;
        let (outcomes_sender, outcomes) = mpsc::channel(rows.len().max(1));
        let (table, pass) = (target.table.clone(), self.gate.pass());
        let origin = Arc::new(Origin { table, pass, outcomes: outcomes_sender });
        let mut tickets = 0..;
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let places = target.destination.places(Priority::Copy, rows.len()).await?;
            for ((row, place), ticket) in rows.iter().zip(places).zip(&mut tickets) {
                let left_out = refers_by(&row.row, self.deferred);
                let mapped = self.tables.plan.map_deferred(self.source, &row.key, &row.row, &left_out);
                if let Some(mut echo) = target.echo() {
                    echo.sent(&row.key, mapped.written());
                }
                let (keys, write) = (Keys::new(row.key.hashed(), None), write_of(mapped));
                place.put(Item { ticket, keys, write, caller_waits: false, origin: origin.clone() });
            }
        }
        Ok(UnderWay { rows, skipped, errors, upto, is_last, outcomes })
    }

    /// Records page after page as done, up to the last one.
    async fn record(
        &self,
        mut under_way: mpsc::Receiver<Result<UnderWay, Stop>>,
        kept: &mut Kept,
        index: usize,
        limits: &ErrorLimits,
    ) -> Result<(), Stop> {
        while let Some(page) = under_way.recv().await {
            let page = page?;
            let is_last = page.is_last;
            let done = self.done(page).await?;
            kept.page_done(index, done).await?;
            if is_last {
                return Ok(());
            }
            if let Some(reason) = limits.exceeded(kept.project(index)) {
                return Err(Stop::CannotGoOn(reason));
            }
        }
        Err(Stop::Fault(EngineError::NotReady)) // only the last page says that all is done
    }

    /// Waits until every row of a page has its outcome.
    async fn done(&self, page: UnderWay) -> Result<PageDone, EngineError> {
        let UnderWay { rows, skipped, errors, upto, mut outcomes, .. } = page;
        let target = self.tables.side(self.source.other())?;
        let mut done = PageDone { skipped, errors, upto, ..PageDone::default() };
        let mut open = rows.len();
        while open > 0 {
            let Some(Outcomes { tickets, outcome }) = outcomes.recv().await else { return Err(EngineError::NotReady) };
            open = open.saturating_sub(tickets.len());
            let arrived = outcome == Outcome::Written;
            let now = self.tables.clock.now();
            for row in tickets.into_iter().filter_map(|ticket| rows.get(usize::try_from(ticket).ok()?)) {
                if let Some(mut echo) = target.echo() {
                    echo.settled(&row.key, arrived, now);
                }
                match &outcome {
                    Outcome::Written => {
                        done.keys.push(row.key.clone());
                        if !refers_by(&row.row, self.deferred).is_empty() {
                            done.deferred.push(row.key.clone());
                        }
                    }
                    Outcome::Refused(failure, _) => {
                        let (key, row) = (row.key.clone(), row.row.clone());
                        done.errors.push(ExecutionError::new(self.source, key, row, failure.clone(), now));
                    }
                    // Only a stopped copy is given its rows back; it goes on from its position.
                    Outcome::Withdrawn | Outcome::Down(_) => return Err(EngineError::NotReady),
                }
            }
        }
        Ok(done)
    }
}
