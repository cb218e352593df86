//! Alerts of the map: errors are counted in the windows of the settings that are in effect, kept so that a restart goes on with them,
//! and what fires is one durable step with what it does to the map.

use super::task::MapTask;
use super::{LeftOver, Transition, TransitionRequest};
use crate::engine::delivery::Down;
use crate::engine::error::EngineError;
use crate::model::activity::{EventError, EventKind, Severity};
use crate::model::alert::message::subject;
use crate::model::alert::notification::{Notification, NotificationKind, NotificationState};
use crate::model::alert::{
    AlertAction, AlertEvent, AlertReason, Fact, Facts, LAST_ERRORS, MapAlerts, Noted, SettingInEffect, Watch, Window,
};
use crate::model::execution::ExecutionState;
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber, EventSequence, NotificationNumber, QueueSequence};
use crate::model::limits;
use crate::model::side::Side;
use crate::model::state::{Action, MapState, ResumeOption, next};
use crate::store::{Commit, Operation};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Texts and keys of an error that is told of with an alert have no more bytes, about.
const ERROR_CHARS_MAX: usize = 500;
const KEY_BYTES_MAX: usize = 1_024;
/// What fires goes into one commit, beside the map's record.
const FIRED_BYTES_MAX: usize = 256 * 1024;
/// How often it is looked at what is not counted.
const LOOK: Duration = Duration::from_secs(1);
/// Between two probes of the destinations of a map that is to resume by itself, and how long one may take.
const PROBE_PAUSE: chrono::Duration = chrono::Duration::seconds(2);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

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
    copied: Option<(u64, DateTime<Utc>)>,
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
    well_since: Option<DateTime<Utc>>,
    next: DateTime<Utc>,
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

    /// What has reached its threshold fires: the alert, its mails, and what it does to the map are one step. Of several that fire
    /// together the strongest action is taken, and all of them are told.
    pub async fn fire_alerts(&mut self) -> Result<(), EngineError> {
        if !std::mem::take(&mut self.alerts.fires) {
            return Ok(());
        }
        let settings = self.context.alert_settings.clone();
        let armed = self.alerts.watched.iter().filter(|watched| watched.is_armed() && settings.is_on(watched.id()));
        let fired: Vec<(&Watched, Fact)> = armed.filter_map(|watched| Some((watched, watched.reason()?))).collect();
        let strongest = fired.iter().rev().max_by_key(|(watched, _)| watched.in_effect.setting.action);
        let Some((leading, led_by)) = strongest else { return Ok(()) };
        let wanted = match leading.in_effect.setting.action {
            AlertAction::None => None,
            AlertAction::Pause => Some(Action::Pause),
            AlertAction::Stop => Some(Action::Stop),
        };
        let led_to = wanted.map(|action| next(self.map.state, action));
        let state = led_to.and_then(Result::ok).unwrap_or(self.map.state);
        let refused = led_to.and_then(Result::err).map(|refused| refused.to_string());
        let (leader, taken) = (leading.in_effect.setting.clone(), leading.in_effect.setting.action);
        let raised: Vec<[Operation; 2]> = fired
            .iter()
            .map(|(watched, fact)| {
                let setting = &watched.in_effect.setting;
                let action_error = match setting.action {
                    AlertAction::None => None,
                    action if action < taken => Some(format!("{} fired with it and asks for more", actor(&leader.id))),
                    _ => refused.clone(),
                };
                self.raise(watched, fact, action_error, state)
            })
            .collect();
        // The one that leads goes with the step in any case, of the others as many as fit; the rest fires next.
        let size = |operations: &[Operation; 2]| operations.iter().map(Operation::size).sum::<usize>();
        let leads = |index: usize| fired[index].0.id() == &leader.id;
        let mut bytes: usize =
            raised.iter().enumerate().filter(|(index, _)| leads(*index)).map(|(_, own)| size(own)).sum();
        let (mut operations, mut more) = (Vec::new(), false);
        for (index, own) in raised.into_iter().enumerate() {
            let own_size = if leads(index) { 0 } else { size(&own) };
            if bytes + own_size > FIRED_BYTES_MAX {
                more = true;
                continue;
            }
            bytes += own_size;
            operations.extend(own);
        }
        let reason = format!("{} ({})", led_by.summary, actor(&leader.id));
        let transition = match wanted.filter(|_| refused.is_none()) {
            Some(Action::Pause) => Transition::PauseByAlert,
            Some(_) => Transition::Stop(Some(LeftOver::Keep)),
            None => {
                self.submit_lazy().await?;
                let commit = Commit { map: self.map.id.clone(), expected: None, operations };
                self.context.store.commit(commit).await?;
                self.load_alerts()?;
                self.alerts.fires |= more;
                self.context.outbox.notify_one();
                return Ok(());
            }
        };
        tracing::warn!(map = %self.map.id, alert = %leader.id, reason, "an alert acts on the map");
        self.alerts.with_step = operations;
        let request = TransitionRequest { transition, actor: actor(&leader.id), reason, tag: None };
        let result = self.transition(request).await;
        // What did not fit, and a step that was not made, fires again.
        self.alerts.fires |= more | !std::mem::take(&mut self.alerts.with_step).is_empty();
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
    fn raise(&self, watched: &Watched, fact: &Fact, action_error: Option<String>, state: MapState) -> [Operation; 2] {
        let setting = &watched.in_effect.setting;
        let alert = AlertEvent {
            number: AlertNumber(0),
            setting: setting.id.clone(),
            display_name: setting.display_name.clone(),
            map: self.map.id.clone(),
            time: self.context.clock.now(),
            reason: fact.reason,
            summary: fact.summary.clone(),
            threshold: setting.threshold,
            counts: watched.window.as_ref().map(Window::counts).unwrap_or_default(),
            last_errors: watched.last_errors.iter().map(|error| (**error).clone()).collect(),
            action: setting.action,
            action_error,
            activity: EventSequence(0),
            rearm_time: None,
            acknowledgement: None,
            recipients: setting.addresses(),
            state,
            resume_after: setting.resume_after.filter(|_| setting.action == AlertAction::Pause),
        };
        let summary = format!("the alert \"{}\" fired: {}; {}", alert.called(), alert.summary, alert.done());
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
            operations.extend(self.rearmed());
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

    /// Whoever was told that the map was paused or stopped is told that it runs again; as many as one commit holds.
    async fn tell_of_recovery(&mut self) -> Result<(), EngineError> {
        if self.map.state != MapState::Running || self.alerts.untold.is_empty() {
            return Ok(());
        }
        let mut in_effect = self.in_effect();
        let (mut operations, mut bytes) = (Vec::new(), 0);
        while let Some(number) = in_effect.untold.first().copied()
            && bytes < FIRED_BYTES_MAX
        {
            in_effect.untold.remove(0);
            let found = self.context.store.alerts(number, 1)?.into_iter().next();
            if let Some(alert) = found.filter(|alert| alert.number == number) {
                let told = Operation::Notify(self.mails(&alert, NotificationKind::Recovered));
                bytes += told.size();
                operations.push(told);
            }
        }
        operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        self.keep_alerts(operations).await?;
        self.context.outbox.notify_one();
        Ok(())
    }

    /// Ends what the map's alerts have raised.
    pub fn rearmed(&self) -> Vec<Operation> {
        let time = self.context.clock.now();
        let raised = self.alerts.watched.iter().filter_map(|watched| watched.in_effect.raised);
        raised.map(|alert| Operation::RearmAlert { alert, time }).collect()
    }

    fn in_effect(&self) -> MapAlerts {
        let settings = self.alerts.watched.iter().map(|watched| watched.in_effect.clone()).collect();
        MapAlerts { settings, untold: self.alerts.untold.clone(), resumes: self.alerts.resumes.clone() }
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
        in_effect.settings.extend(covering.map(|setting| SettingInEffect::new(setting, counts_after)));
        in_effect.settings.sort_by(|one, other| one.setting.id.cmp(&other.setting.id));
        operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        self.keep_alerts(operations).await
    }

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
                None => self.alerts.fires |= watched.fact.is_some(),
            }
        }
        if !operations.is_empty() {
            self.keep_alerts(operations).await?;
        }
        self.tell_of_recovery().await?;
        self.resume_by_itself(time).await
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
                let still = self.alerts.copied.filter(|(known, _)| *known == done).unwrap_or((done, now));
                self.alerts.copied = Some(still);
                facts.initial_sync_still = Some(since(still.1));
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
    async fn resume_by_itself(&mut self, now: DateTime<Utc>) -> Result<(), EngineError> {
        let Some((setting, after)) = self.alerts.resumes.clone() else { return Ok(()) };
        if self.map.state != MapState::Paused || !self.context.alert_settings.is_on(&setting) {
            return Ok(());
        }
        if self.alerts.probing.under_way.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(probe) = self.alerts.probing.under_way.take()
        {
            let well = probe.await.unwrap_or(false);
            let probing = &mut self.alerts.probing;
            probing.well_since = well.then(|| probing.well_since.unwrap_or(now));
            probing.next = now + PROBE_PAUSE;
        }
        let well_for = self.alerts.probing.well_since.map(|since| (now - since).to_std().unwrap_or_default());
        if well_for.is_some_and(|well_for| well_for >= after) {
            let reason = format!("its destinations have answered for {} s", after.as_secs());
            let transition = Transition::Resume(ResumeOption::CatchUp);
            let request = TransitionRequest { transition, actor: actor(&setting), reason, tag: None };
            return match self.transition(request).await {
                Ok(_) => Ok(()),
                Err(error @ EngineError::Store(_)) => Err(error),
                Err(error) => {
                    tracing::error!(map = %self.map.id, %error, "the map is not resumed by itself");
                    Ok(())
                }
            };
        }
        if self.alerts.probing.under_way.is_none() && now >= self.alerts.probing.next {
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
