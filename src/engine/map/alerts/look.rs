//! What is looked at now and then: how the map is, beside its errors, and whether one that an alert has paused may go on.

use super::unless_full;
use crate::engine::error::EngineError;
use crate::engine::map::Transition;
use crate::engine::map::task::MapTask;
use crate::model::alert::{Facts, Watch};
use crate::model::execution::ExecutionState;
use crate::model::ids::QueueSequence;
use crate::model::limits;
use crate::model::side::Side;
use crate::model::state::{MapState, ResumeOption};
use crate::store::Operation;
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often.
const LOOK: Duration = Duration::from_secs(1);
/// Between two probes of the destinations of a map that is to resume by itself, and how long one may take.
const PROBE_PAUSE: Duration = Duration::from_secs(2);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

impl MapTask {
    /// What is looked at once a second: what settings watch beside errors, which alerts are armed again, who is to be told that the map
    /// runs again, and whether a map that an alert has paused is resumed.
    pub async fn look_at_alerts(&mut self) -> Result<(), EngineError> {
        self.alerts.look_at = Some(Instant::now() + LOOK);
        self.count_rows();
        let time = self.context.clock.now();
        let facts = if self.alerts.watched.is_empty() { Facts::default() } else { self.facts(time)? };
        let mut operations = Vec::new();
        for watched in &mut self.alerts.watched {
            watched.window.iter_mut().for_each(|window| window.slide(time));
            watched.fact = watched.in_effect.setting.watch.finds(&facts);
            match watched.in_effect.raised {
                Some(alert) if watched.reason().is_none() => operations.push(Operation::RearmAlert { alert, time }),
                Some(_) => {}
                None => self.alerts.fires |= watched.reason().is_some(),
            }
        }
        if !operations.is_empty() {
            unless_full(self.keep_alerts(operations).await)?;
        }
        unless_full(self.tell_of_recovery().await)?;
        self.resume_by_itself().await
    }

    /// How the map is, as far as a setting asks.
    fn facts(&mut self, now: DateTime<Utc>) -> Result<Facts, EngineError> {
        let watches = self.alerts.watched.iter().map(|watched| watched.in_effect.setting.watch);
        let asked = |what: fn(&Watch) -> bool| watches.clone().any(|watch| what(&watch));
        let (queue, limit) = (asked(|watch| watch.queued_age.is_some()), asked(|watch| watch.near_limit));
        let copy = asked(|watch| watch.initial_sync_errors || watch.initial_sync_stalled.is_some());
        let since = |then: DateTime<Utc>| (now - then).to_std().unwrap_or_default();
        let mut facts = Facts { queued_records: self.queued + self.arriving.len() as u64, ..Facts::default() };
        if queue && self.queued > 0 {
            let oldest = self.context.store.queued(&self.map.id, QueueSequence(0), 1, 1)?;
            facts.queued_age = oldest.first().map(|oldest| since(oldest.accept_time));
        }
        if limit {
            let limits = &self.map.definition.queue_limits;
            let nearest = limits::nearest(limits, self.queued_bytes, self.map.held_back_since, now);
            facts.limit = Some((nearest.ratio(), nearest.to_string()));
        }
        let copying = copy && self.map.state == MapState::Initializing;
        let execution = if copying { self.latest_execution()? } else { None };
        match execution {
            Some(execution) if execution.state == ExecutionState::Running => {
                let done =
                    execution.projects.iter().map(|project| project.written + project.skipped + project.failed).sum();
                let still = self.alerts.copied.filter(|(known, _)| *known == done).unwrap_or((done, Instant::now()));
                self.alerts.copied = Some(still);
                facts.initial_sync_still = Some(still.1.elapsed());
            }
            Some(execution) => {
                let ended = !matches!(execution.state, ExecutionState::Completed | ExecutionState::Cancelled);
                facts.initial_sync_waits = ended.then_some(execution.reason);
            }
            None => self.alerts.copied = None,
        }
        let running = self.running.as_ref().filter(|_| self.map.state != MapState::NotRunning);
        let sides = running.into_iter().flat_map(|running| [&running.sides.left, &running.sides.right]);
        let down = sides.filter_map(|side| {
            let down = side.destination.status().borrow().clone()?;
            Some((side.destination.application().to_string(), since(down.since), down.failure.to_string()))
        });
        facts.down = down.max_by_key(|(_, since, _)| *since);
        Ok(facts)
    }

    /// A map that an alert has paused goes on when its destinations have answered every probe for as long as the setting says.
    async fn resume_by_itself(&mut self) -> Result<(), EngineError> {
        let Some((setting, after)) = self.alerts.resumes.clone() else { return Ok(()) };
        if self.map.state != MapState::Paused || !self.context.alert_settings.is_on(&setting) {
            return Ok(());
        }
        if self.alerts.probing.under_way.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(probe) = self.alerts.probing.under_way.take()
        {
            let well = probe.await.unwrap_or(false);
            let (probing, now) = (&mut self.alerts.probing, Instant::now());
            probing.well_since = well.then(|| probing.well_since.unwrap_or(now));
            probing.next = Some(now + PROBE_PAUSE);
        }
        if self.alerts.probing.well_since.is_some_and(|since| since.elapsed() >= after) {
            let reason = format!("its destinations have answered for {} s", after.as_secs());
            return self.act(Transition::Resume(ResumeOption::CatchUp), &setting, reason).await;
        }
        let is_due = self.alerts.probing.next.is_none_or(|next| next <= Instant::now());
        if self.alerts.probing.under_way.is_none() && is_due {
            self.alerts.probing.under_way = Some(self.probe());
        }
        Ok(())
    }

    /// Asks every application that the map writes to.
    fn probe(&self) -> JoinHandle<bool> {
        let definition = &self.map.definition;
        let written = Side::BOTH.into_iter().filter(|side| definition.carries(side.other()));
        let tables: Vec<_> = written.map(|side| definition.table(side).clone()).collect();
        let applications = self.context.applications.clone();
        self.context.tasks.spawn(async move {
            for table in tables {
                let Ok(application) = applications.get(&table.application) else { return false };
                let check = tokio::time::timeout(PROBE_TIMEOUT, application.check(Some(&table.table)));
                if !matches!(check.await, Ok(Ok(()))) {
                    return false;
                }
            }
            true
        })
    }

    /// Rows that the initial sync could not write since it was last looked.
    fn count_rows(&mut self) {
        for (error, count) in self.shown.take_refused().into_values() {
            self.count_error(&error, count);
        }
    }
}
