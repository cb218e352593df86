//! Alerts of the map: errors are counted in the windows of the settings that are in effect, kept so that a restart goes on with them,
//! and what fires is one durable step with what it does to the map.

mod fire;
mod look;

use super::task::MapTask;
use super::{Transition, TransitionRequest};
use crate::engine::delivery::Down;
use crate::engine::error::EngineError;
use crate::model::activity::EventError;
use crate::model::alert::{AlertReason, Fact, LAST_ERRORS, MapAlerts, Noted, SettingInEffect, Window};
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber};
use crate::model::state::{Action, MapState};
use crate::store::{Commit, Operation, StoreError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Texts and keys of an error that is told of with an alert have no more bytes, about.
const ERROR_CHARS_MAX: usize = 500;
const KEY_BYTES_MAX: usize = 1_024;
/// What is told in one commit, beside the map's record or the settings that are in effect.
const TOLD_BYTES_MAX: usize = 192 * 1024;

#[derive(Default)]
pub(super) struct Alerts {
    watched: Vec<Watched>,
    /// Alerts that did something to the map; it is told when it runs again.
    untold: Vec<AlertNumber>,
    /// The number of the last note.
    last_note: u64,
    /// Counted since the last note.
    fresh: BTreeMap<ErrorType, Vec<Noted>>,
    /// Notes that windows may need after a restart, oldest first.
    noted: BTreeMap<ErrorType, VecDeque<NoteKept>>,
    /// Something may have to fire.
    fires: bool,
    /// When it is looked at what is not counted.
    look_at: Option<Instant>,
    /// The map was paused by this setting, which resumes it when its destinations have answered for so long.
    resumes: Option<(AlertId, Duration)>,
    probing: Probing,
    /// How far the initial sync was, and since when.
    copied: Option<(u64, Instant)>,
    /// What has fired, and goes with the step that it leads to.
    pub with_step: Vec<Operation>,
}

impl Alerts {
    /// Ends when it is to be looked again.
    pub async fn wait(&self) {
        if let Some(at) = self.look_at {
            tokio::time::sleep_until(at).await;
        }
    }
}

struct NoteKept {
    number: u64,
    last: i64,
    count: u64,
}

/// Whether the destinations of a paused map answer again.
#[derive(Default)]
struct Probing {
    /// Every probe since has succeeded.
    well_since: Option<Instant>,
    next: Option<Instant>,
    under_way: Option<JoinHandle<bool>>,
}

/// A setting that is in effect.
struct Watched {
    in_effect: SettingInEffect,
    /// None where it counts no errors.
    window: Option<Window>,
    /// What else it watches and that is so.
    fact: Option<Fact>,
    /// Newest first.
    last_errors: VecDeque<Arc<EventError>>,
}

impl Watched {
    fn id(&self) -> &AlertId {
        &self.in_effect.setting.id
    }

    fn is_armed(&self) -> bool {
        self.in_effect.raised.is_none()
    }

    fn is_reached(&self) -> bool {
        self.window.as_ref().is_some_and(Window::is_reached)
    }

    /// Why it would fire now.
    fn reason(&self) -> Option<Fact> {
        let threshold = self.in_effect.setting.threshold.filter(|_| self.is_reached());
        let errors = threshold.map(|threshold| Fact { reason: AlertReason::Errors, summary: threshold.to_string() });
        errors.or_else(|| self.fact.clone())
    }
}

impl MapTask {
    /// From what the store holds. The last errors are told by the log; here they begin anew.
    pub fn load_alerts(&mut self) -> Result<(), EngineError> {
        let MapAlerts { settings, untold, resumes } = self.context.store.map_alerts(&self.map.id)?;
        let before = std::mem::take(&mut self.alerts);
        let probing = if before.resumes == resumes { before.probing } else { Probing::default() };
        let mut alerts = Alerts {
            untold,
            resumes,
            probing,
            last_note: before.last_note,
            fresh: before.fresh,
            copied: before.copied,
            look_at: before.look_at,
            ..Alerts::default()
        };
        let notes = self.context.store.error_notes(&self.map.id)?;
        let mut all: Vec<(u64, Noted)> = Vec::new();
        for note in notes {
            alerts.last_note = alerts.last_note.max(note.number);
            let kept = NoteKept {
                number: note.number,
                last: note.runs.last().map_or(i64::MIN, |last| last.time),
                count: note.runs.iter().map(|run| u64::from(run.count)).sum(),
            };
            alerts.noted.entry(note.kind).or_default().push_back(kept);
            all.extend(note.runs.into_iter().map(|run| (note.number, run)));
        }
        all.sort_by_key(|(_, run)| run.time);
        let now = self.context.clock.now();
        for in_effect in settings {
            let mut window = in_effect.setting.threshold.map(Window::new);
            if let Some(window) = &mut window {
                let counted = all.iter().filter(|(number, _)| *number > in_effect.counts_after);
                counted.filter(|(_, run)| in_effect.setting.counts(run.kind)).for_each(|(_, run)| window.count(*run));
                window.slide(now);
            }
            let same = |known: &&Watched| {
                known.in_effect.setting == in_effect.setting && known.in_effect.counts_after == in_effect.counts_after
            };
            let last_errors = before.watched.iter().find(same).map(|known| known.last_errors.clone());
            alerts.fires |= in_effect.raised.is_none() && window.as_ref().is_some_and(Window::is_reached);
            let last_errors = last_errors.unwrap_or_default();
            alerts.watched.push(Watched { in_effect, window, fact: None, last_errors });
        }
        self.alerts = alerts;
        Ok(())
    }

    /// So many errors of one kind, of which this is the first.
    pub fn count_error(&mut self, error: &EventError, count: u32) {
        if self.alerts.watched.is_empty() {
            return;
        }
        let now = self.context.clock.now();
        let noted = Noted::at(now, error.kind, count);
        let mut told: Option<Arc<EventError>> = None;
        for watched in &mut self.alerts.watched {
            let setting = &watched.in_effect.setting;
            if !setting.counts(error.kind) || !self.context.alert_settings.is_on(&setting.id) {
                continue;
            }
            if let Some(window) = &mut watched.window {
                window.count(noted);
                window.slide(now);
            }
            self.alerts.fires |= watched.is_armed() && watched.is_reached();
            watched.last_errors.push_front(told.get_or_insert_with(|| Arc::new(shortened(error))).clone());
            watched.last_errors.truncate(LAST_ERRORS);
        }
        if told.is_some() {
            let fresh = self.alerts.fresh.entry(error.kind).or_default();
            match fresh.last_mut() {
                Some(last) if last.time == noted.time => last.count = last.count.saturating_add(count),
                Some(_) | None => fresh.push(noted),
            }
        }
    }

    /// A destination is down: changes that met it at their first attempt count, and so do failed probes.
    pub fn count_outage(&mut self, down: Option<&Down>, probes: u64) {
        let met = self.pass_gate.take_met();
        let probed =
            down.filter(|_| probes > 0).map(|down| (down.failure.kind, u32::try_from(probes).unwrap_or(u32::MAX)));
        for (kind, count) in met.into_iter().chain(probed) {
            let failure = down.map(|down| &down.failure).filter(|failure| failure.kind == kind);
            let error = EventError {
                kind,
                code: failure.map(|failure| failure.code.clone()).unwrap_or_default(),
                message: failure
                    .map_or_else(|| "the destination was down".to_owned(), |failure| failure.message.clone()),
                key: Default::default(),
                correlation_id: String::new(),
            };
            self.count_error(&error, count);
        }
    }

    /// What was counted since goes with the next commit, so that a window survives a restart. No more is kept than the greatest
    /// threshold asks for.
    pub fn note_errors(&mut self, operations: &mut Vec<Operation>) {
        for (kind, runs) in std::mem::take(&mut self.alerts.fresh) {
            let counting = self.alerts.watched.iter().filter(|watched| watched.in_effect.setting.counts(kind));
            let thresholds = counting.filter_map(|watched| watched.in_effect.setting.threshold);
            let count_max = thresholds.clone().map(|threshold| u64::from(threshold.count)).max().unwrap_or(0);
            let window_max = thresholds.map(|threshold| threshold.window_millis()).max().unwrap_or(0);
            if count_max == 0 {
                continue;
            }
            let runs = last_of(runs, count_max);
            let noted = self.alerts.noted.entry(kind).or_default();
            self.alerts.last_note += 1;
            let number = self.alerts.last_note;
            let last = runs.last().map_or(i64::MIN, |last| last.time);
            noted.push_back(NoteKept { number, last, count: runs.iter().map(|run| u64::from(run.count)).sum() });
            let mut total: u64 = noted.iter().map(|note| note.count).sum();
            let mut forget = Vec::new();
            while let Some(first) = noted.front()
                && (total - first.count >= count_max || first.last < last.saturating_sub(window_max))
            {
                total -= first.count;
                forget.push(first.number);
                noted.pop_front();
            }
            operations.push(Operation::NoteErrors { kind, number, runs, forget });
        }
    }

    /// Ends what settings have raised, of those that `ends` picks.
    pub fn rearmed(&self, ends: impl Fn(&AlertId) -> bool) -> Vec<Operation> {
        let time = self.context.clock.now();
        let ended = self.alerts.watched.iter().filter(|watched| ends(watched.id()));
        ended
            .filter_map(|watched| watched.in_effect.raised)
            .map(|alert| Operation::RearmAlert { alert, time })
            .collect()
    }

    /// What a change of state brings with it: settings take effect when the map is run or resumed.
    pub fn alerts_with(&self, action: Action, by_alert: bool) -> Vec<Operation> {
        let begins = match action {
            Action::Run | Action::Resume(_) => true,
            Action::RunLive => self.map.state == MapState::NotRunning,
            Action::Pause | Action::SkipToLive | Action::Stop | Action::InitialSyncEnded | Action::CaughtUp => false,
        };
        let mut operations = Vec::new();
        let mut in_effect = self.in_effect();
        if !by_alert {
            in_effect.resumes = None; // someone else decides now
        }
        if begins {
            operations.extend(self.rearmed(|_| true));
            let counts_after = self.alerts.last_note; // windows begin empty
            let covering = self.context.alert_settings.covering(&self.map.id);
            in_effect.settings =
                covering.into_iter().map(|setting| SettingInEffect::new(setting, counts_after)).collect();
        }
        if in_effect != self.in_effect() {
            operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        }
        operations
    }

    fn in_effect(&self) -> MapAlerts {
        let settings = self.alerts.watched.iter().map(|watched| watched.in_effect.clone()).collect();
        MapAlerts { settings, untold: self.alerts.untold.clone(), resumes: self.alerts.resumes.clone() }
    }

    /// A setting takes effect now, as it reads; its window begins empty.
    pub async fn apply_alert(&mut self, id: &AlertId) -> Result<(), EngineError> {
        self.submit_lazy().await?;
        let covering = self.context.alert_settings.covering(&self.map.id).into_iter().find(|setting| setting.id == *id);
        let mut operations = self.rearmed(|known| known == id);
        let mut in_effect = self.in_effect();
        in_effect.settings.retain(|known| known.setting.id != *id);
        let counts_after = self.alerts.last_note;
        in_effect.settings.extend(covering.map(|setting| SettingInEffect::new(setting, counts_after)));
        in_effect.settings.sort_by(|one, other| one.setting.id.cmp(&other.setting.id));
        operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        self.keep_alerts(operations).await
    }

    async fn keep_alerts(&mut self, operations: Vec<Operation>) -> Result<(), EngineError> {
        self.submit_lazy().await?;
        let commit = Commit { map: self.map.id.clone(), expected: None, operations };
        self.context.store.commit(commit).await?;
        self.context.outbox.notify_one();
        self.load_alerts()
    }

    /// Carries out what a setting asks for. A full disk lets it wait: it is looked at again.
    async fn act(&mut self, transition: Transition, setting: &AlertId, reason: String) -> Result<(), EngineError> {
        tracing::warn!(map = %self.map.id, alert = %setting, reason, "an alert acts on the map");
        let request = TransitionRequest { transition, actor: actor(setting), reason, tag: None };
        match self.transition(request).await.map(drop) {
            Err(error @ EngineError::Store(_)) => unless_full(Err(error)),
            Err(error) => {
                tracing::error!(map = %self.map.id, %error, "an alert did not act on the map");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// What a full disk has no room for is looked at again.
fn unless_full(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(EngineError::Store(StoreError::Full { .. })) => Ok(()),
        result => result,
    }
}

/// A setting as the actor of what it does.
fn actor(setting: &AlertId) -> String {
    format!("alertSettings/{setting}")
}

fn shortened(error: &EventError) -> EventError {
    EventError {
        message: error.message.chars().take(ERROR_CHARS_MAX).collect(),
        key: error.key.clone().shortened(KEY_BYTES_MAX),
        ..error.clone()
    }
}

/// The last so many errors of these.
fn last_of(runs: Vec<Noted>, count_max: u64) -> Vec<Noted> {
    let mut total = 0;
    let from = runs.iter().rposition(|run| {
        total += u64::from(run.count);
        total >= count_max
    });
    runs.into_iter().skip(from.unwrap_or(0)).collect()
}
