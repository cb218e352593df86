//! What is wrong with a map beside its state: worked out from what is, never kept.

use super::Engine;
use super::error::EngineError;
use crate::model::condition::{Condition, ConditionKind};
use crate::model::execution::ExecutionState;
use crate::model::failure::ErrorType;
use crate::model::ids::QueueSequence;
use crate::model::limits::{self, WARN_RATIO};
use crate::model::retention::Retention;
use crate::model::state::MapState;
use crate::model::table_map::{Side, TableMap};
use crate::store::Head;
use chrono::{DateTime, Utc};

impl Engine {
    /// What is wrong with a map now, oldest first.
    pub fn conditions(&self, map: &TableMap) -> Result<Vec<Condition>, EngineError> {
        let head = self.context.store.head(&map.id)?;
        let mut conditions = self.stopped_lanes(map);
        conditions.extend(self.errors_that_wait(map, &head)?);
        conditions.extend(self.near_limit(map, &head));
        conditions.extend(self.purged_soon(map)?);
        conditions.sort_by_key(|condition| condition.since);
        Ok(conditions)
    }

    /// Destinations that cannot be written now, and the lanes that wait for them.
    fn stopped_lanes(&self, map: &TableMap) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if map.state == MapState::NotRunning {
            return conditions;
        }
        for side in Side::BOTH.into_iter().filter(|side| map.definition.carries(side.other())) {
            let table = map.definition.table(side);
            let Ok(destination) = self.context.deliveries.to(&table.application, &table.table) else { continue };
            let Some(down) = destination.status().borrow().clone() else { continue };
            let unreachable = matches!(down.failure.kind, ErrorType::Network | ErrorType::Unavailable);
            let kinds = [(ConditionKind::DestinationDown, unreachable), (ConditionKind::Waiting, true)];
            conditions.extend(kinds.into_iter().filter(|(_, holds)| *holds).map(|(kind, _)| Condition {
                kind,
                source: Some(side.other()),
                since: down.since,
                message: format!("{}: {}", table.application, down.failure),
                error_type: Some(down.failure.kind),
                next_probe_time: Some(down.next_probe),
            }));
        }
        conditions
    }

    fn errors_that_wait(&self, map: &TableMap, head: &Head) -> Result<Option<Condition>, EngineError> {
        let in_error = head.figures.in_error();
        if in_error > 0 {
            let first = self.context.store.errors(&map.id, QueueSequence(0), 1)?;
            let since = first.first().map_or(map.update_time, |error| error.fail_time);
            return Ok(Some(whole_map(ConditionKind::Errors, since, format!("{in_error} records are in error"))));
        }
        let (MapState::Initializing, Some(number)) = (map.state, map.execution) else { return Ok(None) };
        let execution = self.context.store.execution(&map.id, number)?;
        Ok(execution.and_then(|execution| match execution.state {
            ExecutionState::CompletedWithErrors | ExecutionState::Failed | ExecutionState::Cancelled => {
                let since = execution.end_time.unwrap_or(execution.start_time);
                let message = format!("the initial sync waits for a decision: {}", execution.reason);
                Some(whole_map(ConditionKind::Errors, since, message))
            }
            ExecutionState::Running | ExecutionState::Completed => None,
        }))
    }

    fn purged_soon(&self, map: &TableMap) -> Result<Option<Condition>, EngineError> {
        let groups = self.context.store.error_groups(&map.id)?;
        let Some(first) = groups.iter().map(|group| group.first_time).min() else { return Ok(None) };
        let retention = Retention(map.definition.error_retention);
        let since = retention.soon_since(first, self.context.clock.now());
        Ok(since.zip(retention.purge_time(first)).map(|(since, purge_time)| {
            let message = format!("errors are purged from {} on", purge_time.format("%F %T UTC"));
            whole_map(ConditionKind::PurgeSoon, since, message)
        }))
    }

    fn near_limit(&self, map: &TableMap, head: &Head) -> Option<Condition> {
        let limits = &map.definition.queue_limits;
        let now = self.context.clock.now();
        let nearest = limits::nearest(limits, head.figures.queued_bytes, map.held_back_since, now);
        (nearest.ratio() >= WARN_RATIO).then(|| {
            // The moment itself is in the log; the state that began it is near enough.
            whole_map(ConditionKind::QueueNearLimit, map.held_back_since.unwrap_or(map.state_time), nearest.to_string())
        })
    }
}

fn whole_map(kind: ConditionKind, since: DateTime<Utc>, message: String) -> Condition {
    Condition { kind, source: None, since, message, error_type: None, next_probe_time: None }
}
