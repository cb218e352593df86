//! What can be looked at beside the maps themselves: queues, errors, executions and figures.

use super::Engine;
use super::error::EngineError;
use crate::model::change::{ErrorRecord, QueuedRecord};
use crate::model::error_group::ErrorGroup;
use crate::model::execution::{Execution, ExecutionError};
use crate::model::failure::ErrorType;
use crate::model::filter::Candidate;
use crate::model::ids::{ExecutionNumber, MapId, QueueSequence};
use crate::model::job::JobState;
use crate::model::side::Side;
use crate::model::throughput::Rates;
use crate::model::under_way::UnderWay;
use crate::store::Head;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes of queued records that one list reads.
const LIST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A queue at one moment.
#[derive(Debug, Clone)]
pub struct QueueStats {
    pub read_time: DateTime<Utc>,
    pub head: Head,
    /// Errors by type, none being those that were kept aside unsent.
    pub errors: BTreeMap<Option<ErrorType>, u64>,
    pub oldest_accept_time: Option<DateTime<Utc>>,
    /// Queued records that are on their way.
    pub in_progress: u64,
    pub rates: Rates,
}

/// A change that is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    Queued(QueuedRecord),
    Error(ErrorRecord),
    /// It was an error until a retry wrote it or found nothing left to write.
    Retried(ErrorRecord),
}

impl Held {
    pub fn record(&self) -> &QueuedRecord {
        match self {
            Held::Queued(record) => record,
            Held::Error(error) | Held::Retried(error) => &error.record,
        }
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let message = match self {
            Held::Queued(_) => 0,
            Held::Error(error) | Held::Retried(error) => error.failure.message.len(),
        };
        self.record().change.size() + message
    }
}

impl<'a> From<&'a Held> for Candidate<'a> {
    fn from(held: &'a Held) -> Self {
        match held {
            Held::Queued(record) => record.into(),
            Held::Error(error) | Held::Retried(error) => error.into(),
        }
    }
}

impl Engine {
    /// Where the numbers of a map stand.
    pub fn head(&self, map: &MapId) -> Result<Head, EngineError> {
        self.handle(map)?;
        Ok(self.context.store.head(map)?)
    }

    pub fn queue_stats(&self, map: &MapId) -> Result<QueueStats, EngineError> {
        let head = self.head(map)?;
        let read_time = self.context.clock.now();
        let oldest = self.context.store.queued(map, QueueSequence(0), 1, 1)?;
        let oldest_accept_time = oldest.first().map(|record| record.accept_time);
        let groups = self.context.store.error_groups(map)?;
        let mut errors = by_type(groups.iter().filter(|group| group.execution.is_none()));
        // Those that are still to be moved to where errors are were kept aside, all of them.
        let moved: u64 = errors.values().sum();
        let to_be_moved = head.figures.in_error().saturating_sub(moved);
        if to_be_moved > 0 {
            *errors.entry(None).or_insert(0) += to_be_moved;
        }
        // What is on its way may have left the queue since the head was read.
        let in_progress = self.under_way(map)?.queued().min(head.figures.queued());
        let rates = self.handle(map)?.rates();
        Ok(QueueStats { read_time, head, errors, oldest_accept_time, in_progress, rates })
    }

    /// Jobs of the map that run, and what is on its way to a destination that answers. What waits for one that does not is not on
    /// its way.
    pub fn under_way(&self, map: &MapId) -> Result<UnderWay, EngineError> {
        /// Jobs run in the order of their numbers, so that those which run are among the last.
        const RUNNING_MAX: usize = 100;
        let handle = self.handle(map)?;
        let jobs = self.context.store.jobs(map, None, RUNNING_MAX)?;
        let view = handle.view();
        let answers = |side: Side| {
            let table = view.map.definition.table(side);
            let destination = self.context.deliveries.to(&table.application, &table.table);
            destination.is_ok_and(|destination| destination.status().borrow().is_none())
        };
        let (to_left, to_right) = (answers(Side::Left), answers(Side::Right));
        let sent = handle.sent(|source| match source {
            Side::Left => to_right,
            Side::Right => to_left,
        });
        Ok(UnderWay {
            jobs: jobs.into_iter().filter(|job| job.state == JobState::Running).collect(),
            sent: sent.collect(),
        })
    }

    /// Wakes whenever the queue of the map is another one.
    pub fn queue_further(&self, map: &MapId) -> Result<watch::Receiver<()>, EngineError> {
        Ok(self.handle(map)?.queue())
    }

    /// The failed rows of an execution by type.
    pub fn execution_errors_by_type(
        &self,
        map: &MapId,
        number: ExecutionNumber,
    ) -> Result<BTreeMap<Option<ErrorType>, u64>, EngineError> {
        let groups = self.context.store.error_groups(map)?;
        Ok(by_type(groups.iter().filter(|group| group.execution == Some(number))))
    }

    /// Records that are queued, in the order of acceptance, after `after`.
    pub fn queued(&self, map: &MapId, after: QueueSequence, limit: usize) -> Result<Vec<QueuedRecord>, EngineError> {
        self.handle(map)?;
        Ok(self.context.store.queued(map, after, limit, LIST_BYTES_MAX)?)
    }

    /// Queued records whose keys begin so, and perhaps others, likewise.
    pub fn queued_by_key(
        &self,
        map: &MapId,
        beginning: &[u8],
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<QueuedRecord>, EngineError> {
        self.handle(map)?;
        Ok(self.context.store.queued_by_key(map, beginning, after, limit)?)
    }

    /// A sequence up to which no queued record was accepted at `time` or later; close to the first one that was.
    pub fn accepted_before(&self, map: &MapId, time: DateTime<Utc>) -> Result<QueueSequence, EngineError> {
        Ok(self.context.store.accepted_before(map, time)?)
    }

    /// The record with this sequence, if it is queued still.
    pub fn queued_record(&self, map: &MapId, sequence: QueueSequence) -> Result<Option<QueuedRecord>, EngineError> {
        Ok(self.context.store.queued_record(map, sequence)?)
    }

    /// Records that retries took out of the errors and that are still kept, likewise.
    pub fn retried(&self, map: &MapId, after: QueueSequence, limit: usize) -> Result<Vec<ErrorRecord>, EngineError> {
        self.handle(map)?;
        Ok(self.context.store.retried(map, after, limit)?)
    }

    /// A record that waits, is in error, or was.
    pub fn record(&self, map: &MapId, sequence: QueueSequence) -> Result<Held, EngineError> {
        self.handle(map)?;
        let store = &self.context.store;
        if let Some(record) = store.queued_record(map, sequence)? {
            return Ok(Held::Queued(record));
        }
        if let Some(error) = store.error(map, sequence)? {
            return Ok(Held::Error(error));
        }
        let retried = store.retried_record(map, sequence)?;
        retried.map(Held::Retried).ok_or_else(|| EngineError::RecordNotFound { map: map.clone(), sequence: sequence.0 })
    }

    pub fn execution(&self, map: &MapId, number: ExecutionNumber) -> Result<Execution, EngineError> {
        self.handle(map)?;
        let execution = self.context.store.execution(map, number)?;
        execution.ok_or_else(|| EngineError::ExecutionNotFound { map: map.clone(), number: number.0 })
    }

    /// Wakes whenever an execution of the map has come further.
    pub fn executions_further(&self, map: &MapId) -> Result<watch::Receiver<Option<Arc<Execution>>>, EngineError> {
        Ok(self.handle(map)?.execution())
    }

    /// Executions, newest first, before `before` when given.
    pub fn executions(
        &self,
        map: &MapId,
        before: Option<ExecutionNumber>,
        limit: usize,
    ) -> Result<Vec<Execution>, EngineError> {
        self.handle(map)?;
        Ok(self.context.store.executions(map, before, limit)?)
    }

    pub fn execution_errors(
        &self,
        map: &MapId,
        number: ExecutionNumber,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ExecutionError)>, EngineError> {
        self.execution(map, number)?;
        Ok(self.context.store.execution_errors(map, number, after, limit)?)
    }
}

fn by_type<'a>(groups: impl Iterator<Item = &'a ErrorGroup>) -> BTreeMap<Option<ErrorType>, u64> {
    let mut counts = BTreeMap::new();
    for group in groups {
        *counts.entry(group.kind).or_insert(0) += group.count;
    }
    counts
}
