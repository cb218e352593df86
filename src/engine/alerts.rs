//! Settings of alerts, what they raised, and following it.

use super::Engine;
use super::error::{EngineError, LogPlace};
use super::map::Command;
use super::tail::Start;
use crate::model::alert::message::test_message;
use crate::model::alert::notification::{Attempt, Notification, NotificationKind, NotificationState};
use crate::model::alert::recipients::Recipient;
use crate::model::alert::{Acknowledgement, AlertEvent, AlertSetting, MapAlerts};
use crate::model::ids::{AlertId, AlertNumber, MapId, NotificationNumber};
use crate::model::mapping::Violation;
use crate::model::request::RequestTag;
use crate::store::{Commit, Operation, Store};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Alerts, and notifications, of one read, and those that one page looks through at most.
const READ_MAX: usize = 256;
const LOOKED_THROUGH_MAX: usize = 10_000;
/// Bytes of all settings, about: some hundreds of them with a few recipients each.
const SETTINGS_BYTES_MAX: usize = 128 * 1024;
/// Test mails that are under way at once.
const TESTS_AT_ONCE: usize = 4;
/// After how long without an alert a tail says so.
const IDLE: Duration = Duration::from_secs(10);

/// Picks alerts; empty picks all.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    pub maps: BTreeSet<MapId>,
    pub settings: BTreeSet<AlertId>,
    pub unacknowledged: bool,
    pub start_time: Option<DateTime<Utc>>,
    pub end_time: Option<DateTime<Utc>>,
}

impl AlertFilter {
    pub fn picks(&self, alert: &AlertEvent) -> bool {
        (self.maps.is_empty() || self.maps.contains(&alert.map))
            && (self.settings.is_empty() || self.settings.contains(&alert.setting))
            && !(self.unacknowledged && alert.acknowledgement.is_some())
            && self.start_time.is_none_or(|start| alert.time >= start)
            && self.end_time.is_none_or(|end| alert.time < end)
    }
}

/// Picks notifications; none picks all.
#[derive(Debug, Clone, Default)]
pub struct NotificationFilter {
    pub state: Option<NotificationState>,
    pub alert: Option<AlertNumber>,
    pub setting: Option<AlertId>,
}

impl NotificationFilter {
    pub fn picks(&self, notification: &Notification) -> bool {
        self.state.is_none_or(|state| state == notification.state)
            && self.alert.is_none_or(|alert| alert == notification.alert)
            && self.setting.as_ref().is_none_or(|setting| *setting == notification.setting)
    }
}

/// A page of a list, newest first, and where the next one begins.
#[derive(Debug)]
pub struct Newest<T> {
    pub items: Vec<T>,
    pub next: Option<u64>,
}

impl Engine {
    pub fn alert_setting(&self, id: &AlertId) -> Result<AlertSetting, EngineError> {
        let settings = self.context.alert_settings.all();
        settings.get(id).cloned().ok_or_else(|| EngineError::AlertSettingNotFound(id.clone()))
    }

    /// All settings, by id, with the maps where each of them waits for a run or a resume.
    pub fn alert_settings(&self) -> Result<Vec<(AlertSetting, Vec<MapId>)>, EngineError> {
        let settings: Vec<AlertSetting> = self.context.alert_settings.all().values().cloned().collect();
        let in_effect = self.in_effect()?;
        Ok(settings.into_iter().map(|setting| pending(setting, &in_effect)).collect())
    }

    /// A setting with the maps where it waits.
    pub fn with_pending(&self, setting: AlertSetting) -> Result<(AlertSetting, Vec<MapId>), EngineError> {
        Ok(pending(setting, &self.in_effect()?))
    }

    fn in_effect(&self) -> Result<Vec<(MapId, MapAlerts)>, EngineError> {
        let with_alerts = |map: MapId| Ok((map.clone(), self.context.store.map_alerts(&map)?));
        self.maps().into_iter().map(|view| with_alerts(view.map.id.clone())).collect()
    }

    /// Maps that are named and are not there.
    pub fn unknown_maps(&self, maps: &BTreeSet<MapId>) -> Vec<MapId> {
        maps.iter().filter(|map| self.map(map).is_err()).cloned().collect()
    }

    /// Saves a new setting.
    pub async fn create_alert_setting(
        &self,
        new: AlertSetting,
        tag: Option<RequestTag>,
        validate_only: bool,
    ) -> Result<AlertSetting, EngineError> {
        let _one_at_a_time = self.creating.lock().await;
        if let Some(existing) = self.context.alert_settings.all().get(&new.id) {
            let again = existing.was_asked(tag.as_ref())?;
            return if again { Ok(existing.clone()) } else { Err(EngineError::AlertSettingExists(new.id)) };
        }
        self.must_fit(&new)?;
        let request = tag.map(|tag| tag.to_string());
        let now = self.now();
        let setting = AlertSetting { revision: 1, effect: 1, create_time: now, update_time: now, request, ..new };
        if !validate_only {
            tracing::info!(alert = %setting.id, author = setting.author, "an alert setting is created");
            self.keep(Operation::PutAlertSetting(Box::new(setting.clone()))).await?;
            self.context.alert_settings.put(setting.clone());
        }
        Ok(setting)
    }

    /// Saves what a setting says now.
    pub async fn update_alert_setting(
        &self,
        new: AlertSetting,
        etag: &str,
        validate_only: bool,
    ) -> Result<AlertSetting, EngineError> {
        let _one_at_a_time = self.creating.lock().await;
        let current = self.unchanged_setting(&new.id, etag)?;
        self.must_fit(&new)?;
        let setting = current.changed(&AlertSetting { update_time: self.now(), ..new });
        if !validate_only && setting != current {
            tracing::info!(alert = %setting.id, author = setting.author, "an alert setting is changed");
            self.keep(Operation::PutAlertSetting(Box::new(setting.clone()))).await?;
            self.context.alert_settings.put(setting.clone());
        }
        Ok(setting)
    }

    pub async fn delete_alert_setting(&self, id: &AlertId, etag: &str, actor: &str) -> Result<(), EngineError> {
        let _one_at_a_time = self.creating.lock().await;
        self.unchanged_setting(id, etag)?;
        tracing::info!(alert = %id, actor, "an alert setting is deleted");
        self.keep(Operation::DeleteAlertSetting(id.clone())).await?;
        self.context.alert_settings.remove(id);
        Ok(())
    }

    /// All settings that may be in effect for one map are kept with it, in one commit.
    fn must_fit(&self, new: &AlertSetting) -> Result<(), EngineError> {
        let settings = self.context.alert_settings.all();
        let others = settings.values().filter(|setting| setting.id != new.id);
        let bytes = others.map(AlertSetting::size).sum::<usize>() + new.size();
        if bytes <= SETTINGS_BYTES_MAX {
            return Ok(());
        }
        Err(EngineError::AlertSettingsFull { bytes, bytes_max: SETTINGS_BYTES_MAX })
    }

    /// The setting, as its caller has seen it.
    fn unchanged_setting(&self, id: &AlertId, etag: &str) -> Result<AlertSetting, EngineError> {
        let current = self.alert_setting(id)?;
        let found = current.etag();
        if etag.is_empty() || etag == found {
            return Ok(current);
        }
        Err(EngineError::AlertEtagMismatch { setting: id.clone(), given: etag.to_owned(), found })
    }

    /// Makes a setting take effect now for these maps; for all where none is named.
    pub async fn apply_alert_setting(
        &self,
        id: &AlertId,
        maps: BTreeSet<MapId>,
        etag: &str,
    ) -> Result<AlertSetting, EngineError> {
        let setting = self.unchanged_setting(id, etag)?;
        let unknown = self.unknown_maps(&maps);
        if !unknown.is_empty() {
            let told = unknown.iter().map(|map| Violation::new("table_maps", format!("there is no map {map}")));
            return Err(EngineError::Invalid(told.collect()));
        }
        let all = self.maps();
        let named = all.iter().map(|view| &view.map.id).filter(|map| maps.is_empty() || maps.contains(map));
        for map in named {
            let handle = match self.handle(map) {
                Ok(handle) => handle,
                Err(_) => continue, // it was deleted meanwhile
            };
            handle.ask(|reply| Command::ApplyAlert { setting: id.clone(), reply }).await?;
        }
        Ok(setting)
    }

    /// Sends a message to each recipient of a setting, once, and gives what became of each.
    pub async fn test_alert_setting(&self, id: &AlertId) -> Result<Vec<Notification>, EngineError> {
        let setting = self.alert_setting(id)?;
        let recipients = setting.addresses();
        let by_mail = recipients.iter().any(|recipient| Recipient::of(recipient) == Recipient::Mail);
        if by_mail && self.context.notifiers.mail.is_none() {
            return Err(EngineError::MailNotConfigured);
        }
        let now = self.now();
        let send = |(index, recipient): (usize, String)| {
            let (notifiers, setting) = (self.context.notifiers.clone(), setting.clone());
            async move {
                let unique = format!("tandem.test.{}.{:x}.{index}", setting.id, now.timestamp_micros());
                let message = test_message(&setting.id, &setting.display_name, &recipient, unique, now);
                let attempt = match notifiers.send(&recipient, &message, now).await {
                    Ok(said) => Attempt::Accepted(said),
                    // It is not repeated, so nothing of it waits.
                    Err(error) => Attempt::Refused(error.into_text()),
                };
                let pending = Notification {
                    number: NotificationNumber(0),
                    alert: AlertNumber(0),
                    setting: setting.id.clone(),
                    recipient,
                    kind: NotificationKind::Raised,
                    subject: message.subject,
                    state: NotificationState::Pending,
                    attempts: 0,
                    last_response: String::new(),
                    create_time: now,
                    next_attempt: None,
                    end_time: None,
                };
                pending.attempted(attempt, self.now(), 0.0)
            }
        };
        let recipients = recipients.into_iter().enumerate();
        Ok(futures::stream::iter(recipients.map(send)).buffered(TESTS_AT_ONCE).collect().await)
    }

    /// What belongs to no map is written as one durable step.
    async fn keep(&self, operation: Operation) -> Result<(), EngineError> {
        let commit = Commit { map: MapId::none(), expected: None, operations: vec![operation] };
        self.context.store.commit(commit).await?;
        Ok(())
    }

    pub fn alert(&self, number: AlertNumber) -> Result<AlertEvent, EngineError> {
        let found = self.context.store.alerts(number, 1)?.into_iter().next();
        found.filter(|alert| alert.number == number).ok_or(EngineError::AlertNotFound { number: number.0 })
    }

    /// Says that someone has taken note; the first one stays.
    pub async fn acknowledge_alert(
        &self,
        number: AlertNumber,
        actor: String,
        note: String,
    ) -> Result<AlertEvent, EngineError> {
        self.alert(number)?;
        let acknowledgement = Acknowledgement { time: self.now(), actor, note };
        self.keep(Operation::AcknowledgeAlert { alert: number, acknowledgement }).await?;
        self.alert(number)
    }

    /// Alerts of a map that have not been armed again.
    pub fn active_alerts(&self, map: &MapId) -> Result<Vec<AlertEvent>, EngineError> {
        let raised = self.context.store.map_alerts(map)?.settings.into_iter().filter_map(|in_effect| in_effect.raised);
        let mut alerts = Vec::new();
        for number in raised {
            // One that is not synced yet is none so far.
            alerts.extend(self.context.store.alerts(number, 1)?.into_iter().filter(|alert| alert.number == number));
        }
        Ok(alerts)
    }

    pub fn list_alerts(
        &self,
        filter: &AlertFilter,
        start: Option<u64>,
        limit: usize,
    ) -> Result<Newest<AlertEvent>, EngineError> {
        let last = self.context.store.alerts_end().borrow().0;
        let read = |from| Ok(self.context.store.alerts(AlertNumber(from), READ_MAX)?);
        newest(last, start, limit, read, |alert| alert.number.0, |alert| filter.picks(alert))
    }

    pub fn list_notifications(
        &self,
        filter: &NotificationFilter,
        start: Option<u64>,
        limit: usize,
    ) -> Result<Newest<Notification>, EngineError> {
        let last = self.context.store.last_notification()?.0;
        let read = |from| Ok(self.context.store.notifications(NotificationNumber(from), READ_MAX)?);
        newest(last, start, limit, read, |told| told.number.0, |told| filter.picks(told))
    }

    /// Follows the alerts.
    pub fn tail_alerts(&self, start: Start<AlertNumber>, filter: AlertFilter) -> Result<AlertTail, EngineError> {
        let end = self.context.store.alerts_end();
        let last = *end.borrow();
        let from = match start {
            Start::Now => last.next(),
            Start::At(from) if from.0 > last.0 + 1 => {
                return Err(EngineError::LogNotReached { given: from.0, latest: LogPlace::OfAlerts(last) });
            }
            Start::At(from) => from,
        };
        let store = self.context.store.clone();
        Ok(AlertTail { store, from, filter, end, idle_at: Instant::now() })
    }
}

/// A setting with the maps where it waits.
fn pending(setting: AlertSetting, in_effect: &[(MapId, MapAlerts)]) -> (AlertSetting, Vec<MapId>) {
    let waits = in_effect.iter().filter(|(map, alerts)| alerts.waits_for(map, &setting));
    let waits = waits.map(|(map, _)| map.clone()).collect();
    (setting, waits)
}

/// What is numbered from 1 to `last`, newest first, from `start` on.
fn newest<T>(
    last: u64,
    start: Option<u64>,
    limit: usize,
    read: impl Fn(u64) -> Result<Vec<T>, EngineError>,
    number: impl Fn(&T) -> u64,
    picks: impl Fn(&T) -> bool,
) -> Result<Newest<T>, EngineError> {
    let mut items = Vec::new();
    let mut at = start.unwrap_or(last).min(last);
    let mut looked_through = 0;
    while at > 0 && items.len() < limit && looked_through < LOOKED_THROUGH_MAX {
        let from = (at + 1).saturating_sub(READ_MAX as u64).max(1);
        let window = read(from)?;
        looked_through += READ_MAX;
        let mut beyond = from - 1;
        for item in window.into_iter().rev().filter(|item| number(item) <= at && picks(item)) {
            if items.len() == limit {
                beyond = number(&item);
                break;
            }
            items.push(item);
        }
        at = beyond;
    }
    Ok(Newest { items, next: (at > 0).then_some(at) })
}

/// Alerts as they are raised. It reads what is kept from where it stands, so a slow watcher costs nothing and misses none.
pub struct AlertTail {
    store: Arc<dyn Store>,
    from: AlertNumber,
    filter: AlertFilter,
    end: watch::Receiver<AlertNumber>,
    /// When to say that nothing was given; at once at the first end.
    idle_at: Instant,
}

/// What a tail of alerts gives next.
#[derive(Debug)]
pub enum AlertTailed {
    Alerts(Vec<AlertEvent>),
    /// Every alert up to here that passes the filter was given.
    Idle {
        last: AlertNumber,
    },
}

impl AlertTail {
    /// Waits for what comes next; ended by dropping it.
    pub async fn next(&mut self) -> Result<AlertTailed, EngineError> {
        loop {
            let last = *self.end.borrow_and_update();
            let mut alerts = self.store.alerts(self.from, READ_MAX)?;
            if let Some(newest) = alerts.last() {
                self.from = newest.number.next();
                alerts.retain(|alert| self.filter.picks(alert));
                if !alerts.is_empty() {
                    self.idle_at = Instant::now() + IDLE;
                    return Ok(AlertTailed::Alerts(alerts));
                }
                continue;
            }
            match tokio::time::timeout_at(self.idle_at, self.end.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(EngineError::NotReady),
                Err(_) => {
                    self.idle_at = Instant::now() + IDLE;
                    return Ok(AlertTailed::Idle { last });
                }
            }
        }
    }
}
