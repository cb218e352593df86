//! Applying what is about alerts, and reading it.

use super::SledStore;
use super::keys::{self, shelf};
use super::read::{get, head, read, scan};
use super::subject::Subject;
use super::view::{View, decode};
use crate::model::alert::notification::Notification;
use crate::model::alert::{AlertEvent, AlertSetting, MapAlerts};
use crate::model::ids::{AlertNumber, MapId, NotificationNumber};
use crate::store::codec::noted;
use crate::store::message::{self, AlertAction, NotificationState};
use crate::store::{ErrorNote, StoreError};
use prost::Message;

pub(super) fn setting_key(id: &str) -> keys::Key {
    [&[shelf::ALERT_SETTINGS], id.as_bytes()].concat()
}

pub(super) fn note_errors(
    view: &mut View<'_>,
    subject: &Subject,
    noted: message::NoteErrors,
) -> Result<(), StoreError> {
    let kind = u64::from(noted.r#type.unsigned_abs());
    let incarnation = subject.head.incarnation;
    let key = |number| keys::numbered_below(shelf::ERROR_NOTES, subject.map(), incarnation, kind, number);
    for number in noted.forget {
        view.remove(key(number))?;
    }
    let note = noted.note.unwrap_or_default();
    if note.runs.is_empty() { Ok(()) } else { view.put(key(noted.number), note.encode_to_vec()) }
}

/// The alert gets its number, and its setting is marked with it. What it has done to the map is to be told when the map runs again.
pub(super) fn raise(view: &mut View<'_>, subject: &Subject, raised: message::RaiseAlert) -> Result<(), StoreError> {
    let mut alert = raised.alert.ok_or_else(|| subject.misfit("an alert that says nothing"))?;
    view.store().last_alert += 1;
    alert.number = view.store().last_alert;
    alert.activity = subject.head.last_event;
    let acted = alert.action() != AlertAction::None && alert.action_error.is_none();
    change_in_effect(view, subject, |alerts| {
        for in_effect in &mut alerts.settings {
            if in_effect.setting.as_ref().is_some_and(|setting| setting.id == alert.setting) {
                in_effect.raised = Some(alert.number);
            }
        }
        if acted {
            alerts.untold.push(alert.number);
        }
        if acted && alert.action() == AlertAction::Pause && alert.resume_after_millis > 0 {
            alerts.resume_after_millis = alert.resume_after_millis;
            alerts.resumed_by.clone_from(&alert.setting);
        }
    })?;
    notify(view, raised.notifications.into_iter().map(|told| message::Notification { alert: alert.number, ..told }));
    view.put_new(keys::of_store(shelf::ALERTS, alert.number), alert.encode_to_vec());
    Ok(())
}

pub(super) fn rearm(view: &mut View<'_>, subject: &Subject, rearmed: &message::RearmAlert) -> Result<(), StoreError> {
    change_in_effect(view, subject, |alerts| {
        for in_effect in &mut alerts.settings {
            in_effect.raised = in_effect.raised.filter(|raised| *raised != rearmed.alert);
        }
    })?;
    change_alert(view, subject, rearmed.alert, |alert| {
        alert.rearm_time = alert.rearm_time.or(rearmed.time);
    })
}

pub(super) fn acknowledge(
    view: &mut View<'_>,
    subject: &Subject,
    taken: message::AcknowledgeAlert,
) -> Result<(), StoreError> {
    change_alert(view, subject, taken.alert, |alert| {
        alert.acknowledgement = alert.acknowledgement.take().or(taken.acknowledgement);
    })
}

fn change_alert(
    view: &mut View<'_>,
    subject: &Subject,
    number: u64,
    change: impl FnOnce(&mut message::AlertEvent),
) -> Result<(), StoreError> {
    let key = keys::of_store(shelf::ALERTS, number);
    let Some(bytes) = view.get(&key)? else { return Err(subject.misfit(format!("there is no alert {number}"))) };
    let mut alert = decode(&bytes, "an alert")?;
    change(&mut alert);
    view.put(key, alert.encode_to_vec())
}

fn change_in_effect(
    view: &mut View<'_>,
    subject: &Subject,
    change: impl FnOnce(&mut message::MapAlerts),
) -> Result<(), StoreError> {
    let key = subject.key(shelf::MAP_ALERTS, 0);
    let Some(bytes) = view.get(&key)? else { return Ok(()) };
    let mut alerts: message::MapAlerts = decode(&bytes, "the alerts of a map")?;
    change(&mut alerts);
    view.put(key, alerts.encode_to_vec())
}

/// Mails get their numbers and are put into the outbox.
pub(super) fn notify(view: &mut View<'_>, notifications: impl IntoIterator<Item = message::Notification>) {
    for mut notification in notifications {
        view.store().last_notification += 1;
        notification.number = view.store().last_notification;
        view.put_new(keys::of_store(shelf::OUTBOX, notification.number), Vec::new());
        view.put_new(keys::of_store(shelf::NOTIFICATIONS, notification.number), notification.encode_to_vec());
    }
}

pub(super) fn put_notification(
    view: &mut View<'_>,
    subject: &Subject,
    notification: &message::Notification,
) -> Result<(), StoreError> {
    let key = keys::of_store(shelf::NOTIFICATIONS, notification.number);
    if view.get(&key)?.is_none() {
        return Err(subject.misfit(format!("there is no notification {}", notification.number)));
    }
    let place = keys::of_store(shelf::OUTBOX, notification.number);
    match notification.state() {
        NotificationState::Pending => view.put(place, Vec::new())?,
        _ => drop(view.remove(place)?),
    }
    view.put(key, notification.encode_to_vec())
}

impl SledStore {
    pub(super) fn read_alert_settings(&self) -> Result<Vec<AlertSetting>, StoreError> {
        let prefix = [shelf::ALERT_SETTINGS];
        let entries = self.shared.read(|db| scan(db, &prefix, &keys::behind(&prefix), usize::MAX))?;
        entries.iter().map(|(_, bytes)| read::<message::AlertSetting, _>(bytes, "an alert setting")).collect()
    }

    pub(super) fn read_map_alerts(&self, map: &MapId) -> Result<MapAlerts, StoreError> {
        let bytes = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            get(db, &keys::numbered(shelf::MAP_ALERTS, map.as_str(), incarnation, 0))
        })?;
        let alerts = bytes.map(|bytes| read::<message::MapAlerts, _>(&bytes, "the alerts of a map")).transpose()?;
        Ok(alerts.unwrap_or_default())
    }

    pub(super) fn read_error_notes(&self, map: &MapId) -> Result<Vec<ErrorNote>, StoreError> {
        let (prefix, entries) = self.shared.read(|db| {
            let prefix = keys::of_incarnation(shelf::ERROR_NOTES, map.as_str(), head(db, map)?.incarnation);
            let entries = scan(db, &prefix, &keys::behind(&prefix), usize::MAX)?;
            Ok((prefix, entries))
        })?;
        let note = |(key, bytes): &(sled::IVec, sled::IVec)| {
            let number = keys::last_number(key).unwrap_or(0);
            let kind = key.get(..prefix.len() + 8).and_then(keys::last_number).unwrap_or(0);
            let kind = i32::try_from(kind).unwrap_or(0);
            let runs = noted(kind, decode(bytes, "a note of errors")?)?;
            Ok(runs.first().map(|first| ErrorNote { kind: first.kind, number, runs: runs.clone() }))
        };
        let notes: Result<Vec<Option<ErrorNote>>, StoreError> = entries.iter().map(note).collect();
        let mut notes: Vec<ErrorNote> = notes?.into_iter().flatten().collect();
        notes.sort_by_key(|note| note.number);
        Ok(notes)
    }

    pub(super) fn read_alerts(&self, from: AlertNumber, limit: usize) -> Result<Vec<AlertEvent>, StoreError> {
        let synced = *self.shared.alerts_end().borrow();
        let (from, end) = (keys::of_store(shelf::ALERTS, from.0), keys::of_store(shelf::ALERTS, synced.0 + 1));
        if from >= end {
            return Ok(Vec::new());
        }
        let entries = self.shared.read(|db| scan(db, &from, &end, limit))?;
        entries.iter().map(|(_, bytes)| read::<message::AlertEvent, _>(bytes, "an alert")).collect()
    }

    pub(super) fn read_notifications(
        &self,
        from: NotificationNumber,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        let end = keys::behind(&[shelf::NOTIFICATIONS]);
        let entries = self.shared.read(|db| scan(db, &keys::of_store(shelf::NOTIFICATIONS, from.0), &end, limit))?;
        entries.iter().map(|(_, bytes)| read::<message::Notification, _>(bytes, "a notification")).collect()
    }

    pub(super) fn read_last_notification(&self) -> Result<NotificationNumber, StoreError> {
        let last = self.shared.read(|db| {
            let all = db.range(vec![shelf::NOTIFICATIONS]..keys::behind(&[shelf::NOTIFICATIONS]));
            let last = all.keys().next_back();
            Ok(last.transpose().map_err(super::failure::EngineFailure::reading)?)
        })?;
        Ok(NotificationNumber(last.and_then(|key| keys::last_number(&key)).unwrap_or(0)))
    }

    pub(super) fn read_outbox(
        &self,
        after: NotificationNumber,
        limit: usize,
    ) -> Result<Vec<NotificationNumber>, StoreError> {
        let (from, end) = (keys::of_store(shelf::OUTBOX, after.0 + 1), keys::behind(&[shelf::OUTBOX]));
        let entries = self.shared.read(|db| scan(db, &from, &end, limit))?;
        Ok(entries.iter().filter_map(|(key, _)| keys::last_number(key)).map(NotificationNumber).collect())
    }
}
