//! Errors by what they have in common.

use super::Engine;
use super::error::EngineError;
use crate::model::change::ErrorRecord;
use crate::model::error_group::{ErrorGroup, Origin};
use crate::model::failure::Failure;
use crate::model::filter::RecordFilter;
use crate::model::ids::{ExecutionNumber, MapId, QueueSequence};
use crate::model::job::JobKind;
use crate::model::key::Key;
use crate::store::FailedAt;
use chrono::{DateTime, TimeDelta, Utc};

/// Errors that are read at one time where they have to be looked at one by one.
const READ_AT_ONCE: usize = 1_000;

/// Errors of one group that are read at one time, at least.
const FROM_A_GROUP_MIN: usize = 4;

/// Where an error stands in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorPlace {
    /// Before all.
    Begin,
    /// In the order of keys.
    Key(Vec<u8>),
    /// In the order of the latest failures.
    Failed(DateTime<Utc>, u64),
}

/// Errors with their places.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorsWhere {
    pub errors: Vec<(ErrorPlace, ErrorRecord)>,
    /// Where it goes on; none at the end.
    pub next: Option<ErrorPlace>,
}

impl Engine {
    /// The groups of the catch-up errors of a map and of the failed rows of its latest execution, the largest first; those with as many
    /// errors by the last of them, the newest first. A filter by more than what makes a group looks at every error.
    pub async fn error_groups(
        &self,
        map: &MapId,
        origin: Option<Origin>,
        filter: &RecordFilter,
    ) -> Result<Vec<ErrorGroup>, EngineError> {
        let latest = self.map(map)?.map.execution;
        let mut groups = if filter.is_of_groups() {
            self.context.store.error_groups(map)?
        } else {
            self.look_through(map, origin, latest, filter).await?
        };
        groups.retain(|group| {
            let shown = group.execution.is_none() || group.execution == latest;
            shown && origin.is_none_or(|origin| origin == group.origin()) && group.is_picked(filter)
        });
        groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.last_time)));
        Ok(groups)
    }

    async fn look_through(
        &self,
        map: &MapId,
        origin: Option<Origin>,
        latest: Option<ExecutionNumber>,
        filter: &RecordFilter,
    ) -> Result<Vec<ErrorGroup>, EngineError> {
        let under_way = self.under_way(map)?;
        let mut groups = Vec::new();
        let mut after = QueueSequence(0);
        while origin != Some(Origin::InitialSync) {
            let page = self.errors_by(map, filter.key.as_ref(), after, READ_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            after = last.record.sequence;
            for error in &page {
                let number = error.record.sequence.0;
                let candidate = under_way.as_it_stands(JobKind::RetryCatchUpErrors, number, error.into());
                if filter.picks(&candidate) {
                    ErrorGroup::join(&mut groups, None, &candidate, error.failed_last(), number);
                }
            }
            tokio::task::yield_now().await;
        }
        let mut after = 0;
        while let Some(execution) = latest.filter(|_| origin != Some(Origin::CatchUp)) {
            let page = self.context.store.execution_errors(map, execution, after, READ_AT_ONCE)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (number, error) in &page {
                let kind = JobKind::RetryExecutionErrors(execution);
                let candidate = under_way.as_it_stands(kind, *number, error.into());
                if filter.picks(&candidate) {
                    ErrorGroup::join(&mut groups, Some(execution), &candidate, error.failed_last(), *number);
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(groups)
    }

    /// Catch-up errors in the order of acceptance, after `after`; where a key is given only those that have it, and others cost nothing.
    pub fn errors_by(
        &self,
        map: &MapId,
        key: Option<&Key>,
        after: QueueSequence,
        limit: usize,
    ) -> Result<Vec<ErrorRecord>, EngineError> {
        self.handle(map)?;
        Ok(match key {
            Some(key) => self.context.store.errors_of_key(map, key, after, limit)?,
            None => self.context.store.errors(map, after, limit)?,
        })
    }

    /// Catch-up errors among which are all that a filter picks, found by an index: by the key in the order of keys, else by what makes a group
    /// and by time, in the order of their latest failure. Behind the place `after`, with the place of each.
    pub fn errors_where(
        &self,
        map: &MapId,
        filter: &RecordFilter,
        after: &ErrorPlace,
        limit: usize,
    ) -> Result<ErrorsWhere, EngineError> {
        self.handle(map)?;
        let Some(beginning) = filter.key_beginning() else { return self.errors_by_time(map, filter, after, limit) };
        let key = match after {
            ErrorPlace::Key(key) => key.as_slice(),
            ErrorPlace::Begin | ErrorPlace::Failed(..) => &[],
        };
        let found = self.context.store.errors_by_key(map, &beginning, key, limit)?;
        let errors = found.errors.into_iter().map(|(place, error)| (ErrorPlace::Key(place), error));
        Ok(ErrorsWhere { errors: errors.collect(), next: found.next.map(ErrorPlace::Key) })
    }

    /// Groups are walked beside each other.
    fn errors_by_time(
        &self,
        map: &MapId,
        filter: &RecordFilter,
        after: &ErrorPlace,
        limit: usize,
    ) -> Result<ErrorsWhere, EngineError> {
        let store = &self.context.store;
        let after = match after {
            ErrorPlace::Failed(time, number) => Some((*time, *number)),
            // Behind all that failed before; times have nanoseconds.
            ErrorPlace::Begin | ErrorPlace::Key(_) => {
                filter.from.map(|from| (from - TimeDelta::nanoseconds(1), u64::MAX))
            }
        };
        let mut groups = store.error_groups(map)?;
        groups.retain(|group| group.execution.is_none() && group.is_picked(filter));
        // As many of each that all of them together are enough, and none is read for nothing where there are many.
        let of_each = (2 * limit / groups.len().max(1)).max(FROM_A_GROUP_MIN);
        let mut failed: Vec<FailedAt> = Vec::new();
        // Of a group of which there is more the rest comes behind this.
        let mut whole_until: Option<FailedAt> = None;
        for group in &groups {
            let of_group = store.errors_failed(map, group, after, filter.until, of_each)?;
            if of_group.len() == of_each {
                let last = of_group.last().copied();
                whole_until = whole_until.map_or(last, |until| last.map(|last| last.min(until)));
            }
            failed.extend(of_group);
        }
        failed.sort_unstable();
        failed.retain(|at| whole_until.is_none_or(|until| *at <= until));
        let more = whole_until.is_some() || failed.len() > limit;
        failed.truncate(limit);
        let next = failed.last().filter(|_| more).map(|(time, number)| ErrorPlace::Failed(*time, *number));
        let mut errors = Vec::with_capacity(failed.len());
        for (time, number) in failed {
            let error = store.error(map, QueueSequence(number))?;
            errors.extend(error.map(|error| (ErrorPlace::Failed(time, number), error)));
        }
        Ok(ErrorsWhere { errors, next })
    }

    /// The last error of a group, if it is there still: its key, and why it failed unless it was never sent.
    pub fn example(&self, map: &MapId, group: &ErrorGroup) -> Result<Option<(Key, Option<Failure>)>, EngineError> {
        let store = &self.context.store;
        Ok(match group.execution {
            None => store.error(map, QueueSequence(group.last))?.map(|error| {
                let failure = error.sent().then_some(error.failure);
                (error.record.change.key, failure)
            }),
            Some(execution) => {
                store.execution_error(map, execution, group.last)?.map(|error| (error.key, Some(error.failure)))
            }
        })
    }

    /// How many failed rows of an execution are kept.
    pub fn failed_rows(&self, map: &MapId, execution: ExecutionNumber) -> Result<u64, EngineError> {
        let groups = self.context.store.error_groups(map)?;
        Ok(groups.iter().filter(|group| group.execution == Some(execution)).map(|group| group.count).sum())
    }
}
