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
use crate::model::execution::{ErrorLimits, Execution, ExecutionState, Progress, Rerun};
use crate::model::key::Key;
use crate::model::state::MapState;
use crate::model::table_map::{Side, TableMap};
use flow::Flow;
use kept::Kept;
use std::collections::HashSet;
use tables::Tables;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

/// Errors of an execution that are read at one time.
const ERRORS_AT_ONCE: usize = 1_000;

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
                execution,
                shown: shown.clone(),
                pages: 0,
            },
            passed_over: HashSet::new(),
            limits: context.error_limits,
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
        self.wait_for_others().await?;
        self.passed_over = self.keys_left()?;
        for index in 0..self.kept.execution.projects.len() {
            if self.kept.execution.projects[index].progress == Progress::Ended {
                continue;
            }
            match self.copy_project(index).await {
                Ok(()) => {}
                Err(Stop::CannotGoOn(reason)) => return self.kept.end(ExecutionState::Failed, reason).await,
                Err(Stop::Fault(error)) => return Err(error),
            }
        }
        let failed = self.kept.execution.failed();
        if failed == 0 {
            return self.kept.end(ExecutionState::Completed, String::new()).await;
        }
        let reason = format!("{failed} rows could not be written");
        self.kept.end(ExecutionState::CompletedWithErrors, reason).await
    }

    /// Waits until the copies that have to be there first have ended, however they did. Two that wait for each other, since
    /// they were run by different calls, go on.
    async fn wait_for_others(&self) -> Result<(), EngineError> {
        let Kept { store, execution, map, .. } = &self.kept;
        let mut end = store.log_end();
        loop {
            end.mark_unchanged();
            let mut waits = false;
            for other in &execution.after {
                let Some(other_map) = store.map(other)?.filter(|map| map.state == MapState::Initializing) else {
                    continue;
                };
                let number = other_map.execution.unwrap_or_default();
                let copies = store.execution(other, number)?.is_some_and(|execution| {
                    execution.state == ExecutionState::Running && !execution.after.contains(map)
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
        let Kept { store, execution, map, .. } = &self.kept;
        let mut left = HashSet::new();
        let mut rerun = execution.rerun;
        while let Some(Rerun { of, retry_errors: false }) = rerun {
            let mut after = 0;
            loop {
                let page = store.execution_errors(map, of, after, ERRORS_AT_ONCE)?;
                let Some((last, _)) = page.last() else { break };
                after = *last;
                left.extend(page.iter().map(|(_, error)| hash(error.source, &error.key)));
            }
            rerun = store.execution(map, of)?.and_then(|before| before.rerun);
        }
        Ok(left)
    }

    /// Copies one direction.
    async fn copy_project(&mut self, index: usize) -> Result<(), Stop> {
        let project = &self.kept.execution.projects[index];
        let (source, only_missing) = (project.source, project.only_missing);
        let after = match &project.progress {
            Progress::Copying { after } => after.clone(),
            Progress::NotStarted | Progress::Ended => None,
        };
        if project.progress == Progress::NotStarted {
            let total = self.tables.count(source, false).await;
            self.kept.project_started(index, total).await?;
        }
        let Copy { tables, kept, passed_over, limits, gate, .. } = self;
        let flow = Flow { tables, source, only_missing, passed_over, gate };
        flow.run(after, kept, index, limits).await?;
        let (source_rows, destination_rows) =
            tokio::join!(self.tables.count(source, true), self.tables.count(source.other(), true));
        Ok(self.kept.project_ended(index, source_rows, destination_rows).await?)
    }
}

fn hash(source: Side, key: &Key) -> u64 {
    let mut bytes = key.encode();
    bytes.push(source as u8);
    xxh3_64(&bytes)
}
