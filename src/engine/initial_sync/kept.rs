//! The execution as the store has it: how far each project is, what failed, and what the log says of it.

use super::CopyEnd;
use crate::engine::clock::Clock;
use crate::engine::error::EngineError;
use crate::engine::map::{SELF, Shown};
use crate::model::activity::{Event, EventError, EventKind, Severity};
use crate::model::execution::{DeferredRows, Execution, ExecutionError, ExecutionState, Progress, Project};
use crate::model::ids::{ExecutionNumber, MapId};
use crate::model::key::Key;
use crate::model::mapping::Plan;
use crate::model::side::Side;
use crate::model::state::MapState;
use crate::model::written::Written;
use crate::store::{Commit, Durability, Operation, Store, in_commits};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A failed row with more bytes is told of without its values.
const ROW_BYTES_MAX: usize = 256 * 1024;
/// Keys of deferred rows that are kept together, and notes: so that they fit into a commit.
const DEFERRED_AT_ONCE: usize = 100;
const NOTES_AT_ONCE: usize = 100;
/// Pages between two events that tell of progress.
const PAGES_PER_EVENT: u64 = 50;

pub struct Kept {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub map: MapId,
    pub plan: Arc<Plan>,
    pub execution: Execution,
    pub shown: Shown,
    /// Pages that are done, since the copy was begun or went on after a restart.
    pub pages: u64,
}

/// What became of the rows of a page.
#[derive(Default)]
pub struct PageDone {
    pub skipped: u64,
    pub errors: Vec<ExecutionError>,
    /// Keys of rows that were written.
    pub keys: Vec<Key>,
    /// Keys of those that were written without their references.
    pub deferred: Vec<Key>,
    /// Every row up to and with this key is done; none when the page has no key.
    pub upto: Option<Key>,
}

impl Kept {
    pub fn project(&self, index: usize) -> &Project {
        &self.execution.projects[index]
    }

    pub async fn project_started(&mut self, index: usize, total: Option<u64>) -> Result<(), EngineError> {
        let now = self.clock.now();
        let project = &mut self.execution.projects[index];
        project.progress = Progress::Copying { after: None };
        project.start_time = Some(now);
        project.total = total;
        let summary = format!("the initial sync copies from the {} side", project.source.as_str());
        let event = self.event(EventKind::InitialSyncStarted, Severity::Info, summary);
        self.keep(vec![Operation::Log(event)], Durability::Synced).await
    }

    /// A page is done, and all before it. This is synced a little later: a crash that loses it copies the page again, which
    /// changes nothing (rule 4).
    pub async fn page_done(&mut self, index: usize, page: PageDone) -> Result<(), EngineError> {
        let project = &mut self.execution.projects[index];
        project.written += page.keys.len() as u64;
        project.skipped += page.skipped;
        project.failed += page.errors.len() as u64;
        if page.upto.is_some() {
            project.progress = Progress::Copying { after: page.upto };
        }
        self.pages += 1;
        let (source, written) = (project.source, project.written);
        let mut operations = Vec::new();
        if self.pages.is_multiple_of(PAGES_PER_EVENT) {
            let summary = format!("{written} rows of the {} side are written", source.as_str());
            let mut event = self.event(EventKind::InitialSyncProgressed, Severity::Info, summary);
            event.counts = self.counts(index);
            operations.push(Operation::Log(event));
        }
        for keys in page.deferred.chunks(DEFERRED_AT_ONCE) {
            let rows = DeferredRows { source, keys: keys.to_vec() };
            operations.push(Operation::DeferRows { execution: self.execution.number, rows });
        }
        let notes = self.notes(source, page.keys)?;
        self.keep_with_errors(operations, page.errors, notes).await
    }

    /// Rule 3: a copied row is newer than what errors of its key say that are older than the copy, whichever way they go.
    fn notes(&self, source: Side, keys: Vec<Key>) -> Result<Vec<Operation>, EngineError> {
        let head = self.store.head(&self.map)?;
        if head.figures.in_error() == 0 && !head.diverting {
            return Ok(Vec::new());
        }
        let before = self.execution.begun_after.next();
        let carried = self.plan.source_columns(source);
        let columns: BTreeSet<String> =
            carried.iter().filter_map(|column| self.plan.left_name(source, column)).map(str::to_owned).collect();
        let at_both = |key: Key| {
            Side::BOTH.map(|side| Written { side, key: key.clone(), before, columns: Some(columns.clone()) })
        };
        let notes: Vec<Written> = keys.into_iter().flat_map(at_both).collect();
        let in_parts = notes.chunks(NOTES_AT_ONCE).map(<[Written]>::to_vec);
        Ok(in_parts.map(|written| Operation::NoteWritten { written, always: false }).collect())
    }

    /// Rows that an execution deferred have been written whole. Those that were refused are there without their references, and count
    /// as failed; in this execution as written no more.
    pub async fn rows_referred(
        &mut self,
        index: usize,
        of: ExecutionNumber,
        number: u64,
        done: PageDone,
    ) -> Result<(), EngineError> {
        let project = &mut self.execution.projects[index];
        let failed = done.errors.len() as u64;
        if of == self.execution.number {
            project.written = project.written.saturating_sub(failed);
        }
        project.failed += failed;
        let referred = Operation::RowsReferred { execution: of, number };
        self.keep_with_errors(vec![referred], done.errors, Vec::new()).await
    }

    /// The first rows that an execution has deferred and nobody has dealt with.
    pub fn deferred_rows(&self, of: ExecutionNumber) -> Result<Option<(u64, DeferredRows)>, EngineError> {
        Ok(self.store.deferred_rows(&self.map, of)?)
    }

    /// Every row of a project is there; it ends after its second pass, when it has one.
    pub async fn rows_are_there(&mut self, index: usize) -> Result<(), EngineError> {
        self.execution.projects[index].progress = Progress::Referring;
        self.keep(Vec::new(), Durability::Synced).await
    }

    pub async fn project_ended(
        &mut self,
        index: usize,
        source_rows: Option<u64>,
        destination_rows: Option<u64>,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let project = &mut self.execution.projects[index];
        project.progress = Progress::Ended;
        project.end_time = Some(now);
        (project.source_rows, project.destination_rows) = (source_rows, destination_rows);
        self.keep(Vec::new(), Durability::Synced).await
    }

    pub async fn end(&mut self, state: ExecutionState, reason: String) -> Result<CopyEnd, EngineError> {
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
        self.keep(vec![Operation::Log(event)], Durability::Synced).await?;
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
    async fn keep(&self, mut operations: Vec<Operation>, durability: Durability) -> Result<(), EngineError> {
        operations.push(Operation::PutExecution(Box::new(self.execution.clone())));
        for operations in in_commits(operations) {
            let commit = Commit { map: self.map.clone(), expected: None, operations };
            self.store.submit(commit, durability).await?.await?;
        }
        self.shown.execution(&self.execution);
        Ok(())
    }

    /// Errors are kept with what counts them, unless they are too many for one commit.
    async fn keep_with_errors(
        &self,
        mut operations: Vec<Operation>,
        errors: Vec<ExecutionError>,
        notes: Vec<Operation>,
    ) -> Result<(), EngineError> {
        let durability = if errors.is_empty() { Durability::Lazy } else { Durability::Synced };
        let execution = self.execution.number;
        for error in &errors {
            self.shown.row_refused(EventError {
                kind: error.failure.kind,
                code: error.failure.code.clone(),
                message: error.failure.message.clone(),
                key: self.plan.key_row(Side::Left, &error.key),
                correlation_id: String::new(),
            });
        }
        operations.extend(errors.into_iter().map(|error| {
            let errors = vec![error.fitting(ROW_BYTES_MAX)];
            Operation::AddExecutionErrors { execution, errors }
        }));
        operations.extend(notes);
        self.keep(operations, durability).await
    }
}
