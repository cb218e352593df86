//! Both tables of a copy: how its source is read, and what the other side has. A table that is away is waited for (rule 8).

use super::Stop;
use crate::connectors::{Application, KeyRead, PageRead};
use crate::engine::clock::Clock;
use crate::engine::delivery::Destination;
use crate::engine::error::EngineError;
use crate::engine::map::{Context, Running};
use crate::model::backoff::Backoff;
use crate::model::echo::EchoMemory;
use crate::model::execution::ExecutionError;
use crate::model::failure::{ErrorType, Failure, Reach};
use crate::model::ids::MapId;
use crate::model::key::Key;
use crate::model::mapping::Plan;
use crate::model::row::Row;
use crate::model::schema::TableSchema;
use crate::model::table_map::{Side, TableMap};
use crate::model::value::Value;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Rows of one page: read, written and recorded as done together.
const PAGE_ROWS: usize = 1_000;
/// About how many bytes a page has, where a single row has not more: what bounds the memory of a copy.
const PAGE_BYTES: usize = 1024 * 1024;
/// Rows that are looked at to learn how large they are, before the first page is read.
const SAMPLE_ROWS: usize = 10;
const READ_RETRY_FIRST: Duration = Duration::from_millis(250);
const READ_RETRY_LONGEST: Duration = Duration::from_secs(15);

pub struct CopySide {
    application: Arc<dyn Application>,
    pub destination: Destination,
    pub table: Arc<TableSchema>,
    echo: Option<Arc<Mutex<EchoMemory>>>,
}

impl CopySide {
    pub fn echo(&self) -> Option<MutexGuard<'_, EchoMemory>> {
        self.echo.as_deref().map(|echo| echo.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub struct Tables {
    map: MapId,
    pub clock: Arc<dyn Clock>,
    pub plan: Arc<Plan>,
    left: Option<CopySide>,
    right: Option<CopySide>,
}

/// A row of a page, ready to be written.
pub struct CopyRow {
    pub key: Key,
    pub row: Row,
}

/// Rows that follow each other in key order.
pub struct Page {
    pub rows: Vec<CopyRow>,
    /// Rows without a key.
    pub errors: Vec<ExecutionError>,
    /// The key of its last row; none when no row has one.
    pub upto: Option<Key>,
    pub is_last: bool,
}

/// Where the next page begins, and how many rows it is to have, going by the size of those that were read.
pub struct NextPage {
    pub after: Option<Key>,
    pub rows: usize,
}

/// A page, and the one that follows it; none after the last.
pub type Read = Result<(Page, Option<NextPage>), Stop>;

impl Tables {
    pub fn new(context: &Context, map: &TableMap, running: &Running) -> Tables {
        let side = |side: Side| {
            let application = context.applications.get(&map.definition.table(side).application).ok()?.clone();
            let target = running.sides.get(side);
            Some(CopySide {
                application,
                destination: target.destination.clone(),
                table: target.table.clone(),
                echo: target.echo.clone(),
            })
        };
        Tables {
            map: map.id.clone(),
            clock: context.clock.clone(),
            plan: running.plan.clone(),
            left: side(Side::Left),
            right: side(Side::Right),
        }
    }

    pub fn side(&self, side: Side) -> Result<&CopySide, EngineError> {
        let found = match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        found.as_ref().ok_or(EngineError::NotReady)
    }

    /// Has rows whose gate was closed given back.
    pub fn sweep(&self) {
        for side in [&self.left, &self.right].into_iter().flatten() {
            side.destination.sweep();
        }
    }

    /// Rows of one side, where its database tells; an execution does not wait for it.
    pub async fn count(&self, side: Side, exact: bool) -> Option<u64> {
        let side = self.side(side).ok()?;
        match side.application.count(&side.table, exact).await {
            Ok(rows) => Some(rows),
            Err(failure) => {
                tracing::info!(map = %self.map, application = %side.application.id(), %failure, "rows were not counted");
                None
            }
        }
    }

    /// Reads the first page after a key; a few of its rows before, to learn how large they are.
    pub async fn first_page(&self, source: Side, after: Option<Key>) -> Read {
        let sample = self.read_page(source, after.as_ref(), SAMPLE_ROWS).await?;
        self.page(source, &NextPage { after, rows: rows_of_a_page(&sample) }).await
    }

    pub async fn page(&self, source: Side, NextPage { after, rows }: &NextPage) -> Read {
        let read = self.read_page(source, after.as_ref(), *rows).await?;
        let is_last = read.len() < *rows;
        let next_rows = rows_of_a_page(&read);
        let (rows, errors) = self.split_page(source, read);
        let upto = rows.last().map(|row| row.key.clone());
        if upto.is_none() && !is_last {
            let reason = "a whole page of rows has no integration key; the copy cannot find its way";
            return Err(Stop::CannotGoOn(reason.to_owned()));
        }
        let next = (!is_last).then(|| NextPage { after: upto.clone(), rows: next_rows });
        Ok((Page { rows, errors, upto, is_last }, next))
    }

    /// A source that is away is asked again until it answers (rule 8).
    async fn read_page(&self, source: Side, after: Option<&Key>, limit: usize) -> Result<Vec<Row>, Stop> {
        let side = self.side(source)?;
        let columns = self.plan.source_columns(source);
        let key = self.plan.key_columns(source);
        let after: Option<&[Value]> = after.map(Key::values);
        let read = PageRead { table: &side.table, columns: &columns, key: &key, after, limit };
        let mut backoff = Backoff::new(READ_RETRY_FIRST, READ_RETRY_LONGEST);
        loop {
            match side.application.read_page(&read).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => self.wait_after(source, failure, &mut backoff).await?,
            }
        }
    }

    /// A table that is away is asked again a little later; of one that cannot be read as it is nothing more comes.
    async fn wait_after(&self, side: Side, failure: Failure, backoff: &mut Backoff) -> Result<(), Stop> {
        if failure.kind.reach() == Reach::Record {
            return Err(Stop::CannotGoOn(format!("the {} side cannot be read: {failure}", side.as_str())));
        }
        let application = self.side(side)?.application.id();
        tracing::warn!(map = %self.map, %application, %failure, "the initial sync waits");
        tokio::time::sleep(backoff.next(rand::random())).await;
        Ok(())
    }

    /// Rows with their keys; those without one are errors.
    fn split_page(&self, source: Side, page: Vec<Row>) -> (Vec<CopyRow>, Vec<ExecutionError>) {
        let mut rows = Vec::with_capacity(page.len());
        let mut errors = Vec::new();
        for row in page {
            match self.plan.split(source, row) {
                Ok((key, row)) => rows.push(CopyRow { key, row }),
                Err(row) => {
                    let failure = Failure::new(ErrorType::BadRequest, "", "a column of the integration key is null");
                    errors.push(ExecutionError::new(source, Key::new(Vec::new()), row, failure, self.clock.now()));
                }
            }
        }
        (rows, errors)
    }

    /// Which of these rows' keys a side has.
    pub async fn keys_at(&self, side: Side, rows: &[CopyRow]) -> Result<HashSet<Key>, Stop> {
        let keys = rows.iter().map(|row| row.key.values().to_vec()).collect();
        let found = self.read_keys(side, &self.plan.key_columns(side), keys).await?;
        Ok(found.into_iter().map(|row| row.key).collect())
    }

    /// The rows with these keys that a side has now.
    pub async fn rows_at(&self, side: Side, keys: &[Key]) -> Result<Vec<CopyRow>, Stop> {
        let keys = keys.iter().map(|key| key.values().to_vec()).collect();
        self.read_keys(side, &self.plan.source_columns(side), keys).await
    }

    async fn read_keys(&self, side: Side, columns: &[String], keys: Vec<Vec<Value>>) -> Result<Vec<CopyRow>, Stop> {
        let at = self.side(side)?;
        let key = self.plan.key_columns(side);
        let read = KeyRead { table: &at.table, columns, key: &key, keys: &keys, wait_for_changes: false };
        let mut backoff = Backoff::new(READ_RETRY_FIRST, READ_RETRY_LONGEST);
        loop {
            match at.application.read_keys(&read).await {
                Ok(found) => {
                    let keyed = found.into_iter().filter_map(|row| self.plan.split(side, row).ok());
                    return Ok(keyed.map(|(key, row)| CopyRow { key, row }).collect());
                }
                Err(failure) => self.wait_after(side, failure, &mut backoff).await?,
            }
        }
    }
}

/// How many rows like these make a page.
fn rows_of_a_page(rows: &[Row]) -> usize {
    let bytes: usize = rows.iter().map(Row::size).sum();
    let row_bytes = bytes / rows.len().max(1);
    (PAGE_BYTES / row_bytes.max(1)).clamp(1, PAGE_ROWS)
}
