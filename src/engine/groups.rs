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

/// Errors that are read at one time where they have to be looked at one by one.
const READ_AT_ONCE: usize = 1_000;

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
