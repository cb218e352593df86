//! The copy of what was there before a map was run: reads a side in key order, page by page, and hands the rows to
//! delivery. Where it stands is durable, so that it goes on from there after a crash; a copy only upserts.
//!
//! `flow` moves the pages, `tables` reads them, `kept` is the execution as the store has it.

mod flow;
mod kept;
mod tables;

use super::delivery::Gate;
use super::error::EngineError;
use super::map::{Context, Running, Shown};
use crate::model::deferred::refers_by;
use crate::model::execution::{DeferredRows, ErrorLimits, Execution, ExecutionState, Progress, Rerun};
use crate::model::ids::{ExecutionNumber, MapId};
use crate::model::key::Key;
use crate::model::state::MapState;
use crate::model::table_map::{Side, TableMap};
use flow::Flow;
use kept::Kept;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tables::Tables;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

/// Errors of an execution that are read at one time.
const ERRORS_AT_ONCE: usize = 1_000;
/// How often it is looked how far other maps' copies are, when nothing is told of them.
const OTHERS_LOOK: Duration = Duration::from_millis(200);

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

/// The initial sync of one map, as it runs.
pub struct Copy {
    tables: Tables,
    kept: Kept,
    /// Hashes of the keys, with their side, that failed in the executions that this one runs again without them.
    passed_over: HashSet<u64>,
    limits: ErrorLimits,
    /// Maps that a call is about to run.
    coming: Arc<watch::Sender<BTreeSet<MapId>>>,
    gate: Gate,
    token: CancellationToken,
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
        Copy {
            tables: Tables::new(context, map, running),
            kept: Kept {
                store: context.store.clone(),
                clock: context.clock.clone(),
                map: map.id.clone(),
                plan: running.plan.clone(),
                execution,
                shown: shown.clone(),
                pages: 0,
            },
            passed_over: HashSet::new(),
            limits: context.error_limits,
            coming: context.coming.clone(),
            gate: Gate::default(),
            token,
        }
    }

    /// Runs to its end; none when it was stopped, its position kept.
    pub async fn run(mut self) -> Option<CopyEnd> {
        let token = self.token.clone();
        let result = token.run_until_cancelled(self.copy_all()).await;
        self.gate.close();
        self.tables.sweep();
        result.map(|result| result.unwrap_or_else(CopyEnd::Fault))
    }

    async fn copy_all(&mut self) -> Result<CopyEnd, EngineError> {
        match self.copy_in_passes().await {
            Ok(()) => {}
            Err(Stop::CannotGoOn(reason)) => return self.kept.end(ExecutionState::Failed, reason).await,
            Err(Stop::Fault(error)) => return Err(error),
        }
        let failed = self.kept.execution.failed();
        if failed == 0 {
            return self.kept.end(ExecutionState::Completed, String::new()).await;
        }
        let reason = format!("{failed} rows could not be written");
        self.kept.end(ExecutionState::CompletedWithErrors, reason).await
    }

    /// First every row, then the references that were left out: nobody waits in a first pass for what a second one writes.
    async fn copy_in_passes(&mut self) -> Result<(), Stop> {
        // Two that wait for each other, since they were run by different calls, go on.
        let map = self.kept.map.clone();
        self.wait_for(&self.kept.execution.after, |other| !other.after.contains(&map)).await?;
        self.passed_over = self.keys_left()?;
        for index in 0..self.kept.execution.projects.len() {
            if matches!(self.kept.project(index).progress, Progress::NotStarted | Progress::Copying { .. }) {
                self.copy_project(index).await?;
            }
        }
        if self.kept.execution.projects.iter().all(|project| project.progress == Progress::Ended) {
            return Ok(());
        }
        self.wait_for(&self.kept.execution.circle, |_| true).await?;
        self.write_references().await?;
        for index in 0..self.kept.execution.projects.len() {
            if self.kept.project(index).progress == Progress::Referring {
                self.end_project(index).await?;
            }
        }
        Ok(())
    }

    /// Waits until all rows of other maps' copies are there, or they have ended without. Those that the same call is about to
    /// run are waited for.
    async fn wait_for(&self, others: &[MapId], counts: impl Fn(&Execution) -> bool) -> Result<(), EngineError> {
        let Kept { store, .. } = &self.kept;
        let (mut end, mut coming) = (store.log_end(), self.coming.subscribe());
        loop {
            end.mark_unchanged();
            let mut waits = others.iter().any(|other| coming.borrow_and_update().contains(other));
            for other in others {
                let copying = store.map(other)?.filter(|map| map.state == MapState::Initializing);
                let Some(number) = copying.and_then(|map| map.execution) else { continue };
                waits |= store.execution(other, number)?.is_some_and(|execution| {
                    execution.state == ExecutionState::Running && !execution.rows_are_there() && counts(&execution)
                });
            }
            if !waits {
                return Ok(());
            }
            // An execution that comes further without an event is looked at again.
            let _ = tokio::time::timeout(OTHERS_LOOK, async {
                tokio::select! {
                    _ = end.changed() => {}
                    _ = coming.changed() => {}
                }
            })
            .await;
        }
    }

    /// Writes the rows whole that were written without their references, as their source has them now. Executions that this one runs
    /// again, without what they could not do, may have left some.
    async fn write_references(&mut self) -> Result<(), Stop> {
        for number in self.runs_again()? {
            while let Some((rows, deferred)) = self.kept.deferred_rows(number)? {
                self.write_deferred(number, rows, deferred).await?;
            }
        }
        Ok(())
    }

    async fn write_deferred(
        &mut self,
        of: ExecutionNumber,
        number: u64,
        DeferredRows { source, keys }: DeferredRows,
    ) -> Result<(), Stop> {
        let nothing = (BTreeSet::new(), HashSet::new());
        let Some(index) = self.kept.execution.projects.iter().position(|project| project.source == source) else {
            return Err(Stop::Fault(EngineError::NotReady)); // only projects defer rows
        };
        let columns = self.kept.project(index).deferred.clone();
        let mut rows = self.tables.rows_at(source, &keys).await?;
        rows.retain(|row| !refers_by(&row.row, &columns).is_empty());
        let (tables, gate) = (&self.tables, &self.gate);
        let flow = Flow { tables, source, only_missing: false, deferred: &nothing.0, passed_over: &nothing.1, gate };
        let done = flow.write(rows).await?;
        self.kept.rows_referred(index, of, number, done).await?;
        match self.limits.exceeded(self.kept.project(index)) {
            Some(reason) => Err(Stop::CannotGoOn(reason)),
            None => Ok(()),
        }
    }

    /// What a re-run without errors leaves: what failed in the executions that it runs again.
    fn keys_left(&self) -> Result<HashSet<u64>, EngineError> {
        let Kept { store, execution, map, .. } = &self.kept;
        let mut left = HashSet::new();
        for of in self.runs_again()?.into_iter().filter(|of| *of != execution.number) {
            let mut after = 0;
            loop {
                let page = store.execution_errors(map, of, after, ERRORS_AT_ONCE)?;
                let Some((last, _)) = page.last() else { break };
                after = *last;
                left.extend(page.iter().map(|(_, error)| hash(error.source, &error.key)));
            }
        }
        Ok(left)
    }

    /// This execution, the one that it runs again without what failed in it, the one that that one did, and so on.
    fn runs_again(&self) -> Result<Vec<ExecutionNumber>, EngineError> {
        let Kept { store, execution, map, .. } = &self.kept;
        let mut numbers = vec![execution.number];
        let mut rerun = execution.rerun;
        while let Some(Rerun { of, retry_errors: false }) = rerun {
            numbers.push(of);
            rerun = store.execution(map, of)?.and_then(|before| before.rerun);
        }
        Ok(numbers)
    }

    /// Copies one direction.
    async fn copy_project(&mut self, index: usize) -> Result<(), Stop> {
        let project = &self.kept.execution.projects[index];
        let (source, only_missing, deferred) = (project.source, project.only_missing, project.deferred.clone());
        let after = match &project.progress {
            Progress::Copying { after } => after.clone(),
            Progress::NotStarted | Progress::Referring | Progress::Ended => None,
        };
        if project.progress == Progress::NotStarted {
            let total = self.tables.count(source, false).await;
            self.kept.project_started(index, total).await?;
        }
        let Copy { tables, kept, passed_over, limits, gate, .. } = self;
        let flow = Flow { tables, source, only_missing, deferred: &deferred, passed_over, gate };
        flow.run(after, kept, index, limits).await?;
        if !deferred.is_empty() {
            return Ok(self.kept.rows_are_there(index).await?);
        }
        Ok(self.end_project(index).await?)
    }

    async fn end_project(&mut self, index: usize) -> Result<(), EngineError> {
        let source = self.kept.project(index).source;
        let (source_rows, destination_rows) =
            tokio::join!(self.tables.count(source, true), self.tables.count(source.other(), true));
        self.kept.project_ended(index, source_rows, destination_rows).await
    }
}

fn hash(source: Side, key: &Key) -> u64 {
    let mut bytes = key.encode();
    bytes.push(source as u8);
    xxh3_64(&bytes)
}
