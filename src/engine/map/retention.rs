//! Rule 7: errors are purged when their time is over, and so is what retries have put right and what is remembered of changes. It
//! is looked for now and then, and goes in steps that writes do not feel.

use super::accept::CHANGE_ID_DAYS;
use super::jobs::ErrorName;
use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::model::activity::{EventKind, Severity};
use crate::model::change::Ending;
use crate::model::error_group::ErrorGroup;
use crate::model::ids::{ExecutionNumber, QueueSequence};
use crate::model::retention::Retention;
use crate::store::Operation;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// What goes in one step.
const STEP: usize = 500;
/// A purge that takes longer is told in parts.
const TOLD_AFTER: Duration = Duration::from_secs(1);
/// How long it is waited after no change was old enough to be forgotten.
const FORGET_PAUSE: Duration = Duration::from_secs(60);

/// How far the purging of a map is.
pub(super) struct Purging {
    look_at: Instant,
    /// There may be more that is old enough.
    looking: bool,
    /// Since when it purges what it has not told of, and how much that is: errors, and failed rows.
    untold: Option<Untold>,
    /// What fails before this is warned of.
    warned_until: Option<DateTime<Utc>>,
    /// When it is looked next for changes to be forgotten.
    forget_at: DateTime<Utc>,
}

struct Untold {
    since: Instant,
    errors: u64,
    rows: u64,
}

impl Default for Purging {
    fn default() -> Self {
        Self {
            look_at: Instant::now(),
            looking: false,
            untold: None,
            warned_until: None,
            forget_at: DateTime::UNIX_EPOCH,
        }
    }
}

impl Purging {
    /// Ends when it is to be looked again.
    pub async fn wait(&self) {
        match self.looking {
            true => std::future::pending().await, // the step that is due waits for something else
            false => tokio::time::sleep_until(self.look_at).await,
        }
    }

    pub fn look(&mut self) {
        self.looking = true;
    }
}

/// What is old enough to go.
#[derive(Default)]
struct Old {
    errors: Vec<QueueSequence>,
    rows: BTreeMap<ExecutionNumber, Vec<u64>>,
    rows_count: u64,
    put_right: Vec<QueueSequence>,
}

impl MapTask {
    /// Goes one step further with the purge; true when there is more to do.
    pub fn purge_some(&mut self) -> Result<bool, EngineError> {
        // What is diverted is to be found where errors are.
        if !self.purging.looking || self.diverting || !self.has_room_for_lazy() {
            return Ok(false);
        }
        let now = self.context.clock.now();
        let groups = self.context.store.error_groups(&self.map.id)?;
        let old = self.find_old(&groups, now)?;
        self.forget_some(now)?;
        let purged = self.purge(old);
        if !purged {
            self.tell_of_purge();
            self.warn_of_purge(&groups, now)?;
            self.drop_needless_notes()?;
        }
        if purged {
            return Ok(true);
        }
        self.purging.looking = false;
        self.purging.look_at = Instant::now() + LOOK;
        Ok(false)
    }

    fn find_old(&self, groups: &[ErrorGroup], now: DateTime<Utc>) -> Result<Old, EngineError> {
        let (store, map) = (&self.context.store, &self.map.id);
        let retention = Retention(self.map.definition.error_retention);
        // What goes with commits that are under way is found again.
        let limit = STEP + self.jobs.settling.len();
        let goes = |name: &ErrorName| !self.jobs.settling.contains(name) && !self.jobs.is_under_way(name);
        let mut old = Old::default();
        let mut left = STEP;
        let until = retention.failed_until(now);
        let with_old =
            groups.iter().filter_map(|group| Some((group, until.filter(|until| group.first_time <= *until)?)));
        for (group, until) in with_old {
            let names = store
                .errors_failed(map, group, None, Some(until), limit)?
                .into_iter()
                .map(|(_, number)| (group.execution, number));
            for (execution, number) in names.filter(goes).take(left) {
                left -= 1;
                match execution {
                    Some(execution) => {
                        old.rows.entry(execution).or_default().push(number);
                        old.rows_count += 1;
                    }
                    None => old.errors.push(QueueSequence(number)),
                }
            }
        }
        let put_right = store.put_right_until(map, retention.put_right_until(now), limit)?;
        old.put_right = put_right.into_iter().filter(|sequence| goes(&(None, sequence.0))).take(left).collect();
        Ok(old)
    }

    /// False when nothing is old enough.
    fn purge(&mut self, old: Old) -> bool {
        let Old { errors, rows, rows_count, put_right } = old;
        if errors.is_empty() && rows.is_empty() && put_right.is_empty() {
            return false;
        }
        let names = errors.iter().chain(&put_right).map(|sequence| (None, sequence.0));
        let of_rows =
            rows.iter().flat_map(|(execution, numbers)| numbers.iter().map(|number| (Some(*execution), *number)));
        for name in names.chain(of_rows) {
            self.jobs.settling.insert(name);
            self.ends_next.settled.push(name);
        }
        if rows_count > 0 || !errors.is_empty() {
            let untold = Untold { since: Instant::now(), errors: 0, rows: 0 };
            let untold = self.purging.untold.get_or_insert(untold);
            untold.errors += errors.len() as u64;
            untold.rows += rows_count;
        }
        self.in_error = self.in_error.saturating_sub(errors.len() as u64);
        // Rule 7: gone when their time is over, and counted.
        if !errors.is_empty() {
            self.later(Operation::RemoveErrors { sequences: errors, ending: Ending::Purged });
        }
        for (execution, numbers) in rows {
            self.later(Operation::RemoveRows { execution, numbers });
        }
        if !put_right.is_empty() {
            self.later(Operation::RemoveErrors { sequences: put_right, ending: Ending::Purged });
        }
        if self.purging.untold.as_ref().is_some_and(|untold| untold.since.elapsed() >= TOLD_AFTER) {
            self.tell_of_purge();
        }
        true
    }

    fn tell_of_purge(&mut self) {
        let Some(Untold { errors, rows, .. }) = self.purging.untold.take() else { return };
        let parts = [(errors, "catch-up errors"), (rows, "failed rows of initial syncs")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let summary = format!("{} were purged: their time was over", parts.join(" and "));
        let mut event = self.event(EventKind::Purged, Severity::Warning, summary);
        for (name, count) in [("purged", errors + rows), ("rows", rows)] {
            event.counts.insert(name.to_owned(), i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.later(Operation::Log(event));
    }

    /// Rule 7: the log warns before. One warning is for all that is purged until twice its time, so that there are not many.
    fn warn_of_purge(&mut self, groups: &[ErrorGroup], now: DateTime<Utc>) -> Result<(), EngineError> {
        let retention = Retention(self.map.definition.error_retention);
        let soon = |group: &ErrorGroup| retention.soon_since(group.first_time, now).is_some();
        let Some(until) = retention.failed_until(now + retention.warning()) else { return Ok(()) };
        let (store, map) = (&self.context.store, &self.map.id);
        let warned = self.purging.warned_until.map(|until| (until, u64::MAX));
        let mut any = false;
        for group in groups.iter().filter(|group| soon(group)) {
            any |= !store.errors_failed(map, group, warned, Some(until), 1)?.is_empty();
        }
        if !any {
            return Ok(());
        }
        self.purging.warned_until = retention.failed_until(now + 2 * retention.warning());
        let first = groups.iter().map(|group| group.first_time).min().and_then(|first| retention.purge_time(first));
        let in_error: u64 = groups.iter().map(|group| group.count).sum();
        let from = first.map(|first| first.format("%F %T UTC").to_string()).unwrap_or_default();
        let summary = format!("errors are purged from {from} on; {in_error} are kept now, the oldest go first");
        let mut event = self.event(EventKind::PurgeSoon, Severity::Warning, summary);
        event.counts.insert("in_error".to_owned(), i64::try_from(in_error).unwrap_or(i64::MAX));
        self.later(Operation::Log(event));
        Ok(())
    }

    /// Forgets changes whose time is over (rule 4), a step of them.
    fn forget_some(&mut self, now: DateTime<Utc>) -> Result<(), EngineError> {
        // A clock that was set back is not waited for.
        if (now..now + FORGET_PAUSE).contains(&self.purging.forget_at) && now < self.purging.forget_at {
            return Ok(());
        }
        let until = now - chrono::Duration::days(CHANGE_ID_DAYS);
        let forgets = self.context.store.forgets(&self.map.id, until)?;
        if forgets {
            self.later(Operation::Forget { until });
        }
        self.purging.forget_at = now + if forgets { LOOK } else { FORGET_PAUSE };
        Ok(())
    }
}
