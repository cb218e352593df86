//! The copy of what was there before a map was run: reads a side in key order, page by page, and hands the rows to
//! delivery. Where it stands is durable after each page, so that it goes on from there after a crash; a copy only upserts.

use super::clock::Clock;
use super::delivery::{Destination, Gate, Item, Outcome, Priority};
use super::error::EngineError;
use super::map::{Context, Running, SELF, Shown, write_of};
use crate::connectors::{Application, KeyRead, PageRead};
use crate::model::activity::{Event, EventKind, Severity};
use crate::model::backoff::Backoff;
use crate::model::change::{Cause, Change, Operation as ChangeOperation};
use crate::model::echo::EchoMemory;
use crate::model::execution::{ErrorLimits, Execution, ExecutionError, ExecutionState, Progress, Rerun};
use crate::model::failure::{ErrorType, Failure, Reach};
use crate::model::ids::MapId;
use crate::model::key::Key;
use crate::model::mapping::Plan;
use crate::model::row::Row;
use crate::model::schema::TableSchema;
use crate::model::state::MapState;
use crate::model::table_map::{Side, TableMap};
use crate::model::value::Value;
use crate::store::{Commit, Operation, Store};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

/// Rows of one page: read, written and recorded as done together.
const PAGE_ROWS: usize = 1_000;
/// Bytes of failed rows in one commit.
const ERROR_BYTES_MAX: usize = 256 * 1024;
const READ_RETRY_FIRST: Duration = Duration::from_millis(250);
const READ_RETRY_LONGEST: Duration = Duration::from_secs(15);
/// Pages between two events that tell of progress.
const PAGES_PER_EVENT: u64 = 50;

/// How a copy ended; the execution in the store says so already.
#[derive(Debug)]
pub enum CopyEnd {
    Clean,
    /// Rows failed or were left, or it could not go on: someone decides.
    Waits,
    /// The store failed.
    Fault(EngineError),
}

/// Why a copy does not go on. An outage is no reason: it waits.
enum Stop {
    /// For people; the execution becomes FAILED.
    CannotGoOn(String),
    Fault(EngineError),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Stop::Fault(error)
    }
}

struct CopySide {
    application: Arc<dyn Application>,
    destination: Destination,
    table: Arc<TableSchema>,
    echo: Option<Arc<Mutex<EchoMemory>>>,
}

impl CopySide {
    fn echo(&self) -> Option<std::sync::MutexGuard<'_, EchoMemory>> {
        self.echo.as_deref().map(|echo| echo.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The initial sync of one map, as it runs.
pub struct Copy {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    map: MapId,
    plan: Arc<Plan>,
    left: Option<CopySide>,
    right: Option<CopySide>,
    execution: Execution,
    /// Hashes of the keys, with their side, that failed in the executions that this one runs again without them.
    passed_over: HashSet<u64>,
    limits: ErrorLimits,
    shown: Shown,
    gate: Gate,
    token: CancellationToken,
}

/// A row of a page, ready to be written.
struct CopyRow {
    key: Key,
    row: Row,
}

impl Copy {
    pub(super) fn new(
        context: &Context,
        map: &TableMap,
        running: &Running,
        execution: Execution,
        shown: &Shown,
        token: CancellationToken,
    ) -> Copy {
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
        Copy {
            store: context.store.clone(),
            clock: context.clock.clone(),
            map: map.id.clone(),
            plan: running.plan.clone(),
            left: side(Side::Left),
            right: side(Side::Right),
            execution,
            passed_over: HashSet::new(),
            limits: context.error_limits,
            shown: shown.clone(),
            gate: Gate::default(),
            token,
        }
    }

    fn side(&self, side: Side) -> Result<&CopySide, EngineError> {
        let found = match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        found.as_ref().ok_or(EngineError::NotReady)
    }

    /// Runs to its end; none when it was stopped, its position kept.
    pub async fn run(mut self) -> Option<CopyEnd> {
        let token = self.token.clone();
        let result = token.run_until_cancelled(self.copy_all()).await;
        self.gate.close();
        for side in [&self.left, &self.right].into_iter().flatten() {
            side.destination.sweep();
        }
        result.map(|result| result.unwrap_or_else(CopyEnd::Fault))
    }

    async fn copy_all(&mut self) -> Result<CopyEnd, EngineError> {
        self.wait_for_others().await?;
        self.passed_over = self.keys_left()?;
        for index in 0..self.execution.projects.len() {
            if self.execution.projects[index].progress == Progress::Ended {
                continue;
            }
            match self.copy_project(index).await {
                Ok(()) => {}
                Err(Stop::CannotGoOn(reason)) => return self.end(ExecutionState::Failed, reason).await,
                Err(Stop::Fault(error)) => return Err(error),
            }
        }
        let failed = self.execution.failed();
        if failed == 0 {
            return self.end(ExecutionState::Completed, String::new()).await;
        }
        let reason = format!("{failed} rows could not be written");
        self.end(ExecutionState::CompletedWithErrors, reason).await
    }

    /// Waits until the copies that have to be there first have ended, however they did. Two that wait for each other, since
    /// they were run by different calls, go on.
    async fn wait_for_others(&self) -> Result<(), EngineError> {
        let mut end = self.store.log_end();
        loop {
            end.mark_unchanged();
            let mut waits = false;
            for other in &self.execution.after {
                let Some(map) = self.store.map(other)?.filter(|map| map.state == MapState::Initializing) else {
                    continue;
                };
                let number = map.execution.unwrap_or_default();
                let copies = self.store.execution(other, number)?.is_some_and(|execution| {
                    execution.state == ExecutionState::Running && !execution.after.contains(&self.map)
                });
                waits |= copies;
            }
            if !waits || end.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// What a re-run without errors leaves: what failed in the execution before it, and in those which that one left.
    fn keys_left(&self) -> Result<HashSet<u64>, EngineError> {
        let mut left = HashSet::new();
        let mut rerun = self.execution.rerun;
        while let Some(Rerun { of, retry_errors: false }) = rerun {
            let mut after = 0;
            loop {
                let page = self.store.execution_errors(&self.map, of, after, PAGE_ROWS)?;
                let Some((last, _)) = page.last() else { break };
                after = *last;
                left.extend(page.iter().map(|(_, error)| hash(error.source, &error.key)));
            }
            rerun = self.store.execution(&self.map, of)?.and_then(|before| before.rerun);
        }
        Ok(left)
    }

    /// Copies one direction.
    async fn copy_project(&mut self, index: usize) -> Result<(), Stop> {
        let source = self.execution.projects[index].source;
        let mut after = match &self.execution.projects[index].progress {
            Progress::Copying { after } => after.clone(),
            Progress::NotStarted | Progress::Ended => None,
        };
        if self.execution.projects[index].progress == Progress::NotStarted {
            let total = self.count(source, false).await;
            let project = &mut self.execution.projects[index];
            project.progress = Progress::Copying { after: None };
            project.start_time = Some(self.clock.now());
            project.total = total;
            let summary = format!("the initial sync copies from the {} side", source.as_str());
            let event = self.event(EventKind::InitialSyncStarted, Severity::Info, summary);
            self.keep(vec![Operation::Log(event)]).await?;
        }
        let mut page = self.read_page(source, after.as_ref()).await?;
        let mut pages = 0u64;
        loop {
            let last_page = page.len() < PAGE_ROWS;
            let (rows, mut errors) = self.split_page(source, page);
            let Some(last_key) = rows.last().map(|row| row.key.clone()).or(after.clone().filter(|_| last_page)) else {
                if last_page {
                    return Ok(self.end_project(index, errors).await?);
                }
                let reason = "a whole page of rows has no integration key; the copy cannot find its way";
                return Err(Stop::CannotGoOn(reason.to_owned()));
            };
            after = Some(last_key);
            // The next page is read while this one is written.
            let next_page =
                async { if last_page { Ok(Vec::new()) } else { self.read_page(source, after.as_ref()).await } };
            let (written, next_page) = tokio::join!(self.write_page(index, source, rows), next_page);
            let (written, skipped, more_errors) = written?;
            page = next_page?;
            errors.extend(more_errors);
            let project = &mut self.execution.projects[index];
            project.written += written;
            project.skipped += skipped;
            if last_page {
                return Ok(self.end_project(index, errors).await?);
            }
            project.failed += errors.len() as u64;
            project.progress = Progress::Copying { after: after.clone() };
            pages += 1;
            let mut operations = Vec::new();
            if pages.is_multiple_of(PAGES_PER_EVENT) {
                let summary = format!("{} rows of the {} side are written", project.written, source.as_str());
                let mut event = self.event(EventKind::InitialSyncProgressed, Severity::Info, summary);
                event.counts = self.counts(index);
                operations.push(Operation::Log(event));
            }
            self.keep_errors(errors).await?;
            self.keep(operations).await?;
            if let Some(reason) = self.limits.exceeded(&self.execution.projects[index]) {
                return Err(Stop::CannotGoOn(reason));
            }
        }
    }

    /// Rows of one side, where its database tells; an execution does not wait for it.
    async fn count(&self, side: Side, exact: bool) -> Option<u64> {
        let side = self.side(side).ok()?;
        match side.application.count(&side.table, exact).await {
            Ok(rows) => Some(rows),
            Err(failure) => {
                tracing::info!(map = %self.map, application = %side.application.id(), %failure, "rows were not counted");
                None
            }
        }
    }

    async fn end_project(&mut self, index: usize, errors: Vec<ExecutionError>) -> Result<(), EngineError> {
        let source = self.execution.projects[index].source;
        let (source_rows, destination_rows) = tokio::join!(self.count(source, true), self.count(source.other(), true));
        let now = self.clock.now();
        let project = &mut self.execution.projects[index];
        project.failed += errors.len() as u64;
        project.progress = Progress::Ended;
        project.end_time = Some(now);
        (project.source_rows, project.destination_rows) = (source_rows, destination_rows);
        self.keep_errors(errors).await?;
        self.keep(Vec::new()).await
    }

    async fn end(&mut self, state: ExecutionState, reason: String) -> Result<CopyEnd, EngineError> {
        self.execution.state = state;
        self.execution.end_time = Some(self.clock.now());
        self.execution.reason.clone_from(&reason);
        let clean = state == ExecutionState::Completed;
        let goes_live = clean && self.execution.goes_live_by_itself();
        let (kind, severity) = if clean {
            (EventKind::InitialSyncCompleted, Severity::Info)
        } else {
            (EventKind::InitialSyncFailed, Severity::Error)
        };
        let counts = (0..self.execution.projects.len()).fold(BTreeMap::new(), |mut sum, index| {
            for (name, count) in self.counts(index) {
                *sum.entry(name).or_insert(0) += count;
            }
            sum
        });
        let written = counts.get("written").copied().unwrap_or(0);
        let summary = if goes_live {
            format!("the initial sync is complete; {written} rows were written")
        } else if clean {
            format!(
                "the initial sync is complete but for rows that were left; {written} rows were written; run the map"
            )
        } else {
            format!("the initial sync ended with errors: {reason}; {written} rows were written")
        };
        let mut event = self.event(kind, severity, summary);
        event.counts = counts;
        self.keep(vec![Operation::Log(event)]).await?;
        Ok(if goes_live { CopyEnd::Clean } else { CopyEnd::Waits })
    }

    fn counts(&self, index: usize) -> BTreeMap<String, i64> {
        let project = &self.execution.projects[index];
        [("written", project.written), ("skipped", project.skipped), ("failed", project.failed)]
            .map(|(name, count)| (name.to_owned(), i64::try_from(count).unwrap_or(i64::MAX)))
            .into()
    }

    fn event(&self, kind: EventKind, severity: Severity, summary: String) -> Event {
        Event {
            time: self.clock.now(),
            kind,
            severity,
            actor: SELF.to_owned(),
            state_before: Some(MapState::Initializing),
            state_after: Some(MapState::Initializing),
            summary,
            counts: BTreeMap::new(),
            error: None,
            conflict: None,
        }
    }

    /// Keeps where the execution stands, with what belongs to it.
    async fn keep(&self, mut operations: Vec<Operation>) -> Result<(), EngineError> {
        operations.push(Operation::PutExecution(Box::new(self.execution.clone())));
        let commit = Commit { map: self.map.clone(), expected: None, operations };
        self.store.commit(commit).await?;
        self.shown.execution(&self.execution);
        Ok(())
    }

    async fn keep_errors(&self, errors: Vec<ExecutionError>) -> Result<(), EngineError> {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        for error in errors {
            bytes += error.row.size() + error.key.size() + error.failure.message.len();
            chunk.push(error);
            if bytes > ERROR_BYTES_MAX {
                self.keep_error_chunk(std::mem::take(&mut chunk)).await?;
                bytes = 0;
            }
        }
        if chunk.is_empty() { Ok(()) } else { self.keep_error_chunk(chunk).await }
    }

    async fn keep_error_chunk(&self, errors: Vec<ExecutionError>) -> Result<(), EngineError> {
        let operations = vec![Operation::AddExecutionErrors { execution: self.execution.number, errors }];
        self.store.commit(Commit { map: self.map.clone(), expected: None, operations }).await?;
        Ok(())
    }

    /// Reads a page; a source that is away is asked again until it answers (rule 8).
    async fn read_page(&self, source: Side, after: Option<&Key>) -> Result<Vec<Row>, Stop> {
        let side = self.side(source)?;
        let columns = self.plan.source_columns(source);
        let key = self.plan.key_columns(source);
        let after: Option<&[Value]> = after.map(Key::values);
        let read = PageRead { table: &side.table, columns: &columns, key: &key, after, limit: PAGE_ROWS };
        let mut backoff = Backoff::new(READ_RETRY_FIRST, READ_RETRY_LONGEST);
        loop {
            match side.application.read_page(&read).await {
                Ok(rows) => return Ok(rows),
                Err(failure) if failure.kind.reach() == Reach::Record => {
                    let reason = format!("the {} side cannot be read: {failure}", source.as_str());
                    return Err(Stop::CannotGoOn(reason));
                }
                Err(failure) => self.wait_for_source(side, &failure, &mut backoff).await,
            }
        }
    }

    async fn wait_for_source(&self, side: &CopySide, failure: &Failure, backoff: &mut Backoff) {
        tracing::warn!(map = %self.map, application = %side.application.id(), %failure, "the initial sync waits");
        tokio::time::sleep(backoff.next(rand::random())).await;
    }

    /// Rows with their keys; those without one are errors.
    fn split_page(&self, source: Side, page: Vec<Row>) -> (Vec<CopyRow>, Vec<ExecutionError>) {
        let mut rows = Vec::with_capacity(page.len());
        let mut errors = Vec::new();
        for row in page {
            match self.plan.split(source, row.clone()) {
                Some((key, row)) => rows.push(CopyRow { key, row }),
                None => {
                    let failure = Failure::new(ErrorType::BadRequest, "", "a column of the integration key is null");
                    errors.push(ExecutionError::new(source, Key::new(Vec::new()), row, failure, self.clock.now()));
                }
            }
        }
        (rows, errors)
    }

    /// Writes the rows of a page; answers how many were written and skipped, and which failed.
    async fn write_page(
        &self,
        index: usize,
        source: Side,
        mut rows: Vec<CopyRow>,
    ) -> Result<(u64, u64, Vec<ExecutionError>), EngineError> {
        let all = rows.len();
        if !self.passed_over.is_empty() {
            rows.retain(|row| !self.passed_over.contains(&hash(source, &row.key)));
        }
        if self.execution.projects[index].only_missing {
            let there = self.keys_at(source.other(), &rows).await?;
            rows.retain(|row| !there.contains(&row.key));
        }
        let skipped = (all - rows.len()) as u64;
        let target = self.side(source.other())?;
        let (outcomes_sender, mut outcomes) = mpsc::channel(rows.len().max(1));
        for (ticket, row) in rows.iter().enumerate() {
            let mapped = self.plan.map(&as_change(source, row), &BTreeSet::new());
            if let Some(mut echo) = target.echo() {
                echo.sent(&row.key, mapped.written());
            }
            let place = target.destination.place(Priority::Copy).await?;
            place.put(Item {
                ticket: ticket as u64,
                table: target.table.clone(),
                write: write_of(mapped),
                caller_waits: false,
                pass: self.gate.pass(),
                outcomes: outcomes_sender.clone(),
            });
        }
        let (mut written, mut errors) = (0, Vec::new());
        for _ in 0..rows.len() {
            let Some((ticket, outcome)) = outcomes.recv().await else { return Err(EngineError::NotReady) };
            let Some(row) = usize::try_from(ticket).ok().and_then(|ticket| rows.get(ticket)) else { continue };
            let arrived = outcome == Outcome::Written;
            if let Some(mut echo) = target.echo() {
                echo.settled(&row.key, arrived, self.clock.now());
            }
            match outcome {
                Outcome::Written => written += 1,
                Outcome::Refused(failure, _) => {
                    let (key, row) = (row.key.clone(), row.row.clone());
                    errors.push(ExecutionError::new(source, key, row, failure, self.clock.now()));
                }
                // Only a stopped copy is given its rows back; it goes on from its position.
                Outcome::Withdrawn | Outcome::Down(_) => return Err(EngineError::NotReady),
            }
        }
        Ok((written, skipped, errors))
    }

    /// Which of these rows' keys the other side has.
    async fn keys_at(&self, side: Side, rows: &[CopyRow]) -> Result<HashSet<Key>, EngineError> {
        let at = self.side(side)?;
        let columns = self.plan.key_columns(side);
        let keys: Vec<Vec<Value>> = rows.iter().map(|row| row.key.values().to_vec()).collect();
        let read = KeyRead { table: &at.table, columns: &columns, key: &columns, keys: &keys, wait_for_changes: false };
        let mut backoff = Backoff::new(READ_RETRY_FIRST, READ_RETRY_LONGEST);
        loop {
            match at.application.read_keys(&read).await {
                Ok(found) => {
                    return Ok(found
                        .into_iter()
                        .filter_map(|row| self.plan.split(side, row))
                        .map(|(key, _)| key)
                        .collect());
                }
                Err(failure) => self.wait_for_source(at, &failure, &mut backoff).await,
            }
        }
    }
}

fn as_change(source: Side, row: &CopyRow) -> Change {
    Change {
        source,
        operation: ChangeOperation::Upsert,
        key: row.key.clone(),
        previous_key: None,
        row: row.row.clone(),
        source_time: None,
        change_id: String::new(),
        correlation_id: String::new(),
        cause: Cause::Caller,
        over: None,
    }
}

fn hash(source: Side, key: &Key) -> u64 {
    let mut bytes = key.encode();
    bytes.push(source as u8);
    xxh3_64(&bytes)
}
