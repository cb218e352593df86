//! Alerts of the map: errors are counted in the windows of the settings that are in effect, kept so that a restart goes on with them,
//! and what fires is one durable step with what it does to the map.

use super::task::MapTask;
use super::{LeftOver, Transition, TransitionRequest};
use crate::engine::delivery::Down;
use crate::engine::error::EngineError;
use crate::model::activity::{EventError, EventKind, Severity};
use crate::model::alert::mail::subject;
use crate::model::alert::notification::{Notification, NotificationKind, NotificationState};
use crate::model::alert::{AlertAction, AlertEvent, LAST_ERRORS, MapAlerts, Noted, SettingInEffect, Window};
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber, EventSequence, NotificationNumber};
use crate::model::state::{Action, MapState, next};
use crate::store::{Commit, Operation};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Texts and keys of an error that is told of with an alert have no more bytes, about.
const ERROR_CHARS_MAX: usize = 1_000;
const KEY_BYTES_MAX: usize = 1_024;

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
    /// Some window has reached its threshold.
    fires: bool,
    /// What has fired, and goes with the step that it leads to.
    pub with_step: Vec<Operation>,
}

struct NoteKept {
    number: u64,
    last: i64,
    count: u64,
}

/// A setting that is in effect.
struct Watched {
    in_effect: SettingInEffect,
    window: Window,
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
}

impl MapTask {
    /// From what the store holds. The last errors are told by the log; here they begin anew.
    pub fn load_alerts(&mut self) -> Result<(), EngineError> {
        let MapAlerts { settings, untold } = self.context.store.map_alerts(&self.map.id)?;
        let before = std::mem::take(&mut self.alerts);
        let mut alerts = Alerts { untold, last_note: before.last_note, fresh: before.fresh, ..Alerts::default() };
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
            let mut window = Window::new(in_effect.setting.threshold);
            for (number, run) in &all {
                if *number > in_effect.counts_after && in_effect.setting.counts(run.kind) {
                    window.count(*run);
                }
            }
            window.slide(now);
            let same = |known: &&Watched| {
                known.in_effect.setting == in_effect.setting && known.in_effect.counts_after == in_effect.counts_after
            };
            let last_errors = before.watched.iter().find(same).map(|known| known.last_errors.clone());
            alerts.fires |= in_effect.raised.is_none() && window.is_reached();
            alerts.watched.push(Watched { in_effect, window, last_errors: last_errors.unwrap_or_default() });
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
            watched.window.count(noted);
            watched.window.slide(now);
            self.alerts.fires |= watched.in_effect.raised.is_none() && watched.window.is_reached();
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

    /// Rows that the initial sync could not write since it was last looked.
    pub fn count_rows(&mut self) {
        for (error, count) in self.shown.take_refused().into_values() {
            self.count_error(&error, count);
        }
    }

    /// What was counted since goes with the next commit, so that a window survives a restart. No more is kept than the greatest
    /// threshold asks for.
    pub fn note_errors(&mut self, operations: &mut Vec<Operation>) {
        for (kind, runs) in std::mem::take(&mut self.alerts.fresh) {
            let counting = self.alerts.watched.iter().filter(|watched| watched.in_effect.setting.counts(kind));
            let thresholds = counting.map(|watched| watched.in_effect.setting.threshold);
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

    /// What has reached its threshold fires: the alert, its mails, and what it does to the map are one step. Of several that fire
    /// together the strongest action is taken, and all of them are told.
    pub async fn fire_alerts(&mut self) -> Result<(), EngineError> {
        if !std::mem::take(&mut self.alerts.fires) {
            return Ok(());
        }
        let settings = self.context.alert_settings.clone();
        let fired =
            |watched: &&Watched| watched.is_armed() && watched.window.is_reached() && settings.is_on(watched.id());
        let fired: Vec<&Watched> = self.alerts.watched.iter().filter(fired).collect();
        let Some(leading) = fired.iter().rev().max_by_key(|watched| watched.in_effect.setting.action) else {
            return Ok(());
        };
        let wanted = match leading.in_effect.setting.action {
            AlertAction::None => None,
            AlertAction::Pause => Some(Action::Pause),
            AlertAction::Stop => Some(Action::Stop),
        };
        let led_to = wanted.map(|action| next(self.map.state, action));
        let state = led_to.and_then(Result::ok).unwrap_or(self.map.state);
        let refused = led_to.and_then(Result::err).map(|refused| refused.to_string());
        let (leader, taken) = (leading.in_effect.setting.clone(), leading.in_effect.setting.action);
        let operations: Vec<Operation> = fired
            .iter()
            .flat_map(|watched| {
                let setting = &watched.in_effect.setting;
                let action_error = match setting.action {
                    AlertAction::None => None,
                    action if action < taken => Some(format!("{} fired with it and asks for more", actor(&leader.id))),
                    _ => refused.clone(),
                };
                self.raise(watched, action_error, state)
            })
            .collect();
        let reason = format!("{} ({})", leader.threshold, actor(&leader.id));
        let transition = match wanted.filter(|_| refused.is_none()) {
            Some(Action::Pause) => Transition::PauseByAlert,
            Some(_) => Transition::Stop(Some(LeftOver::Keep)),
            None => {
                self.submit_lazy().await?;
                let commit = Commit { map: self.map.id.clone(), expected: None, operations };
                self.context.store.commit(commit).await?;
                self.load_alerts()?;
                self.context.outbox.notify_one();
                return Ok(());
            }
        };
        tracing::warn!(map = %self.map.id, alert = %leader.id, reason, "an alert acts on the map");
        self.alerts.with_step = operations;
        let request = TransitionRequest { transition, actor: actor(&leader.id), reason, tag: None };
        let result = self.transition(request).await;
        if !std::mem::take(&mut self.alerts.with_step).is_empty() {
            self.alerts.fires = true; // the step was not made; it fires again
        }
        match result {
            Ok(_) => Ok(()),
            Err(error @ EngineError::Store(_)) => Err(error),
            Err(error) => {
                tracing::error!(map = %self.map.id, %error, "the action of an alert was not taken");
                Ok(())
            }
        }
    }

    /// One alert: its event in the log, and itself with its mails.
    fn raise(&self, watched: &Watched, action_error: Option<String>, state: MapState) -> [Operation; 2] {
        let setting = &watched.in_effect.setting;
        let alert = AlertEvent {
            number: AlertNumber(0),
            setting: setting.id.clone(),
            display_name: setting.display_name.clone(),
            map: self.map.id.clone(),
            time: self.context.clock.now(),
            threshold: setting.threshold,
            counts: watched.window.counts(),
            last_errors: watched.last_errors.iter().map(|error| (**error).clone()).collect(),
            action: setting.action,
            action_error,
            activity: EventSequence(0),
            rearm_time: None,
            acknowledgement: None,
            recipients: setting.addresses(),
            state,
        };
        let summary = format!("the alert \"{}\" fired: {}; {}", alert.called(), alert.threshold, alert.done());
        let mut event = self.event(EventKind::AlertRaised, Severity::Error, summary);
        event.actor = actor(&setting.id);
        event.counts.insert("errors".to_owned(), i64::try_from(alert.total()).unwrap_or(i64::MAX));
        let notifications = self.mails(&alert, NotificationKind::Raised);
        [Operation::Log(event), Operation::RaiseAlert { alert: Box::new(alert), notifications }]
    }

    fn mails(&self, alert: &AlertEvent, kind: NotificationKind) -> Vec<Notification> {
        let now = self.context.clock.now();
        let mail = |recipient: &String| Notification {
            number: NotificationNumber(0),
            alert: alert.number,
            setting: alert.setting.clone(),
            recipient: recipient.clone(),
            kind,
            subject: subject(alert, kind),
            state: NotificationState::Pending,
            attempts: 0,
            last_response: String::new(),
            create_time: now,
            next_attempt: Some(now),
            end_time: None,
        };
        alert.recipients.iter().map(mail).collect()
    }

    /// What a change of state brings with it: settings take effect when the map is run or resumed, and whoever was told that it was
    /// paused or stopped is told when it runs again.
    pub fn alerts_with(&self, action: Action, state: MapState) -> Result<Vec<Operation>, EngineError> {
        let begins = match action {
            Action::Run | Action::Resume(_) => true,
            Action::RunLive => self.map.state == MapState::NotRunning,
            Action::Pause | Action::SkipToLive | Action::Stop | Action::InitialSyncEnded | Action::CaughtUp => false,
        };
        let mut operations = Vec::new();
        let mut in_effect = self.in_effect();
        if begins {
            let time = self.context.clock.now();
            let raised = self.alerts.watched.iter().filter_map(|watched| watched.in_effect.raised);
            operations.extend(raised.map(|alert| Operation::RearmAlert { alert, time }));
            let counts_after = self.alerts.last_note; // windows begin empty
            let covering = self.context.alert_settings.covering(&self.map.id);
            let fresh = |setting| SettingInEffect { setting, counts_after, raised: None };
            in_effect.settings = covering.into_iter().map(fresh).collect();
        }
        if state == MapState::Running {
            for number in std::mem::take(&mut in_effect.untold) {
                let found = self.context.store.alerts(number, 1)?.into_iter().next();
                let mails = found.filter(|alert| alert.number == number);
                operations
                    .extend(mails.map(|alert| Operation::Notify(self.mails(&alert, NotificationKind::Recovered))));
            }
        }
        if in_effect != self.in_effect() {
            operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        }
        Ok(operations)
    }

    fn in_effect(&self) -> MapAlerts {
        let settings = self.alerts.watched.iter().map(|watched| watched.in_effect.clone()).collect();
        MapAlerts { settings, untold: self.alerts.untold.clone() }
    }

    /// A setting takes effect now, as it reads; its window begins empty.
    pub async fn apply_alert(&mut self, id: &AlertId) -> Result<(), EngineError> {
        self.submit_lazy().await?;
        let covering = self.context.alert_settings.covering(&self.map.id).into_iter().find(|setting| setting.id == *id);
        let mut in_effect = self.in_effect();
        let (known, others) = in_effect.settings.into_iter().partition::<Vec<_>, _>(|known| known.setting.id == *id);
        let time = self.context.clock.now();
        let raised = known.iter().filter_map(|known| known.raised);
        let mut operations: Vec<Operation> = raised.map(|alert| Operation::RearmAlert { alert, time }).collect();
        in_effect.settings = others;
        let counts_after = self.alerts.last_note;
        in_effect.settings.extend(covering.map(|setting| SettingInEffect { setting, counts_after, raised: None }));
        in_effect.settings.sort_by(|one, other| one.setting.id.cmp(&other.setting.id));
        operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        self.keep_alerts(operations).await
    }

    /// An alert is armed again when its window has emptied below the threshold.
    pub async fn rearm_alerts(&mut self) -> Result<(), EngineError> {
        let time = self.context.clock.now();
        let mut operations = Vec::new();
        for watched in &mut self.alerts.watched {
            watched.window.slide(time);
            if let Some(alert) = watched.in_effect.raised
                && !watched.window.is_reached()
            {
                operations.push(Operation::RearmAlert { alert, time });
            }
        }
        if operations.is_empty() { Ok(()) } else { self.keep_alerts(operations).await }
    }

    async fn keep_alerts(&mut self, operations: Vec<Operation>) -> Result<(), EngineError> {
        self.submit_lazy().await?;
        let commit = Commit { map: self.map.id.clone(), expected: None, operations };
        self.context.store.commit(commit).await?;
        self.load_alerts()
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
