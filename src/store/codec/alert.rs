//! Alerts: settings, what is in effect, what fired, and mails.

use super::{Numbered, Unreadable, numbered, read_map_id, read_time, required};
use crate::model::alert::notification::{Notification, NotificationKind, NotificationState};
use crate::model::alert::{
    Acknowledgement, AlertAction, AlertEvent, AlertReason, AlertSetting, MapAlerts, Noted, SettingInEffect, Threshold,
    Watch,
};
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber, EventSequence, NotificationNumber};
use crate::model::state::MapState;
use crate::store::message;
use chrono::{DateTime, Utc};
use std::time::Duration;

numbered!(
    AlertReason,
    message::AlertReason,
    "the reason of an alert",
    [Errors, QueuedRecords, QueuedAge, NearLimit, InitialSyncErrors, InitialSyncStalled, ApplicationDown]
);
numbered!(AlertAction, message::AlertAction, "the action of an alert", [None, Pause, Stop]);
numbered!(NotificationKind, message::NotificationKind, "what a notification tells", [Raised, Recovered]);
numbered!(NotificationState, message::NotificationState, "the state of a notification", [Pending, Delivered, GivenUp]);

fn read_alert_id(id: &str) -> Result<AlertId, Unreadable> {
    AlertId::parse(id).map_err(|_| Unreadable("the id of an alert setting"))
}

fn read_optional(time: Option<message::Time>) -> Result<Option<DateTime<Utc>>, Unreadable> {
    time.map(TryInto::try_into).transpose()
}

/// 0 is none.
fn millis(time: Option<Duration>) -> u64 {
    time.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn read_millis(millis: u64) -> Option<Duration> {
    (millis > 0).then(|| Duration::from_millis(millis))
}

impl From<&Watch> for message::AlertWatch {
    fn from(watch: &Watch) -> Self {
        Self {
            queued_records: watch.queued_records.unwrap_or(0),
            queued_age_millis: millis(watch.queued_age),
            near_limit: watch.near_limit,
            initial_sync_errors: watch.initial_sync_errors,
            initial_sync_stalled_millis: millis(watch.initial_sync_stalled),
            application_down_millis: millis(watch.application_down),
        }
    }
}

impl From<message::AlertWatch> for Watch {
    fn from(watch: message::AlertWatch) -> Self {
        Self {
            queued_records: Some(watch.queued_records).filter(|count| *count > 0),
            queued_age: read_millis(watch.queued_age_millis),
            near_limit: watch.near_limit,
            initial_sync_errors: watch.initial_sync_errors,
            initial_sync_stalled: read_millis(watch.initial_sync_stalled_millis),
            application_down: read_millis(watch.application_down_millis),
        }
    }
}

impl From<&Threshold> for message::AlertThreshold {
    fn from(threshold: &Threshold) -> Self {
        let window_millis = u64::try_from(threshold.window.as_millis()).unwrap_or(u64::MAX);
        Self { count: threshold.count, window_millis }
    }
}

impl From<message::AlertThreshold> for Threshold {
    fn from(threshold: message::AlertThreshold) -> Self {
        Self { count: threshold.count, window: Duration::from_millis(threshold.window_millis) }
    }
}

impl From<&AlertSetting> for message::AlertSetting {
    fn from(setting: &AlertSetting) -> Self {
        Self {
            id: setting.id.to_string(),
            display_name: setting.display_name.clone(),
            maps: setting.maps.iter().map(ToString::to_string).collect(),
            error_types: setting.error_types.iter().map(|kind| kind.number()).collect(),
            threshold: setting.threshold.as_ref().map(Into::into),
            watch: (!setting.watch.is_empty()).then(|| (&setting.watch).into()),
            resume_after_millis: millis(setting.resume_after),
            recipients: setting.recipients.clone(),
            show_recipients: setting.show_recipients,
            action: setting.action.number(),
            enabled: setting.enabled,
            revision: setting.revision,
            effect: setting.effect,
            create_time: Some((&setting.create_time).into()),
            author: setting.author.clone(),
            update_time: Some((&setting.update_time).into()),
            request: setting.request.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<message::AlertSetting> for AlertSetting {
    type Error = Unreadable;

    fn try_from(setting: message::AlertSetting) -> Result<Self, Unreadable> {
        Ok(Self {
            id: read_alert_id(&setting.id)?,
            display_name: setting.display_name,
            maps: setting.maps.iter().map(|id| read_map_id(id)).collect::<Result<_, _>>()?,
            error_types: setting.error_types.into_iter().map(ErrorType::from_number).collect::<Result<_, _>>()?,
            threshold: setting.threshold.map(Into::into),
            watch: setting.watch.map(Into::into).unwrap_or_default(),
            resume_after: read_millis(setting.resume_after_millis),
            recipients: setting.recipients,
            show_recipients: setting.show_recipients,
            action: AlertAction::from_number(setting.action)?,
            enabled: setting.enabled,
            revision: setting.revision,
            effect: setting.effect,
            create_time: read_time(setting.create_time, "an alert setting without its time")?,
            author: setting.author,
            update_time: read_time(setting.update_time, "an alert setting without its time")?,
            request: Some(setting.request).filter(|request| !request.is_empty()),
        })
    }
}

impl From<&MapAlerts> for message::MapAlerts {
    fn from(alerts: &MapAlerts) -> Self {
        let settings = alerts.settings.iter().map(|in_effect| message::SettingInEffect {
            setting: Some((&in_effect.setting).into()),
            counts_after: in_effect.counts_after,
            raised: in_effect.raised.map(|number| number.0),
        });
        Self {
            settings: settings.collect(),
            untold: alerts.untold.iter().map(|number| number.0).collect(),
            resume_after_millis: millis(alerts.resumes.as_ref().map(|(_, after)| *after)),
            resumed_by: alerts.resumes.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default(),
        }
    }
}

impl TryFrom<message::MapAlerts> for MapAlerts {
    type Error = Unreadable;

    fn try_from(alerts: message::MapAlerts) -> Result<Self, Unreadable> {
        let in_effect = |in_effect: message::SettingInEffect| {
            Ok(SettingInEffect {
                setting: required(in_effect.setting, "a setting in effect that says nothing")?.try_into()?,
                counts_after: in_effect.counts_after,
                raised: in_effect.raised.map(AlertNumber),
            })
        };
        Ok(Self {
            settings: alerts.settings.into_iter().map(in_effect).collect::<Result<_, _>>()?,
            untold: alerts.untold.into_iter().map(AlertNumber).collect(),
            resumes: match read_millis(alerts.resume_after_millis) {
                Some(after) => Some((read_alert_id(&alerts.resumed_by)?, after)),
                None => None,
            },
        })
    }
}

/// The runs of a note, which are all of its type.
pub fn error_note(runs: &[Noted]) -> message::ErrorNote {
    message::ErrorNote {
        runs: runs.iter().map(|noted| message::ErrorRun { time: noted.time, count: noted.count }).collect(),
    }
}

/// What a note of errors of this type says.
pub fn noted(kind: i32, note: message::ErrorNote) -> Result<Vec<Noted>, Unreadable> {
    let kind = ErrorType::from_number(kind)?;
    Ok(note.runs.into_iter().map(|run| Noted { time: run.time, kind, count: run.count }).collect())
}

impl From<&Acknowledgement> for message::Acknowledgement {
    fn from(taken: &Acknowledgement) -> Self {
        Self { time: Some((&taken.time).into()), actor: taken.actor.clone(), note: taken.note.clone() }
    }
}

impl TryFrom<message::Acknowledgement> for Acknowledgement {
    type Error = Unreadable;

    fn try_from(taken: message::Acknowledgement) -> Result<Self, Unreadable> {
        let time = read_time(taken.time, "an acknowledgement without its time")?;
        Ok(Self { time, actor: taken.actor, note: taken.note })
    }
}

impl From<&AlertEvent> for message::AlertEvent {
    fn from(alert: &AlertEvent) -> Self {
        let count = |(kind, count): (&ErrorType, &u64)| message::AlertCount { r#type: kind.number(), count: *count };
        Self {
            number: alert.number.0,
            setting: alert.setting.to_string(),
            display_name: alert.display_name.clone(),
            map: alert.map.to_string(),
            time: Some((&alert.time).into()),
            threshold: alert.threshold.as_ref().map(Into::into),
            reason: alert.reason.number(),
            summary: alert.summary.clone(),
            resume_after_millis: millis(alert.resume_after),
            counts: alert.counts.iter().map(count).collect(),
            last_errors: alert.last_errors.iter().map(Into::into).collect(),
            action: alert.action.number(),
            action_error: alert.action_error.clone(),
            activity: alert.activity.0,
            rearm_time: alert.rearm_time.as_ref().map(Into::into),
            acknowledgement: alert.acknowledgement.as_ref().map(Into::into),
            recipients: alert.recipients.clone(),
            show_recipients: alert.show_recipients,
            state: alert.state.number(),
        }
    }
}

impl TryFrom<message::AlertEvent> for AlertEvent {
    type Error = Unreadable;

    fn try_from(alert: message::AlertEvent) -> Result<Self, Unreadable> {
        let count = |count: message::AlertCount| Ok((ErrorType::from_number(count.r#type)?, count.count));
        Ok(Self {
            number: AlertNumber(alert.number),
            setting: read_alert_id(&alert.setting)?,
            display_name: alert.display_name,
            map: read_map_id(&alert.map)?,
            time: read_time(alert.time, "an alert without its time")?,
            threshold: alert.threshold.map(Into::into),
            reason: AlertReason::from_number(alert.reason)?,
            summary: alert.summary,
            resume_after: read_millis(alert.resume_after_millis),
            counts: alert.counts.into_iter().map(count).collect::<Result<_, Unreadable>>()?,
            last_errors: alert.last_errors.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            action: AlertAction::from_number(alert.action)?,
            action_error: alert.action_error,
            activity: EventSequence(alert.activity),
            rearm_time: read_optional(alert.rearm_time)?,
            acknowledgement: alert.acknowledgement.map(TryInto::try_into).transpose()?,
            recipients: alert.recipients,
            show_recipients: alert.show_recipients,
            state: MapState::from_number(alert.state)?,
        })
    }
}

impl From<&Notification> for message::Notification {
    fn from(notification: &Notification) -> Self {
        Self {
            number: notification.number.0,
            alert: notification.alert.0,
            setting: notification.setting.to_string(),
            recipient: notification.recipient.clone(),
            kind: notification.kind.number(),
            subject: notification.subject.clone(),
            state: notification.state.number(),
            attempts: notification.attempts,
            last_response: notification.last_response.clone(),
            create_time: Some((&notification.create_time).into()),
            next_attempt_time: notification.next_attempt.as_ref().map(Into::into),
            end_time: notification.end_time.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<message::Notification> for Notification {
    type Error = Unreadable;

    fn try_from(notification: message::Notification) -> Result<Self, Unreadable> {
        Ok(Self {
            number: NotificationNumber(notification.number),
            alert: AlertNumber(notification.alert),
            setting: read_alert_id(&notification.setting)?,
            recipient: notification.recipient,
            kind: NotificationKind::from_number(notification.kind)?,
            subject: notification.subject,
            state: NotificationState::from_number(notification.state)?,
            attempts: notification.attempts,
            last_response: notification.last_response,
            create_time: read_time(notification.create_time, "a notification without its time")?,
            next_attempt: read_optional(notification.next_attempt_time)?,
            end_time: read_optional(notification.end_time)?,
        })
    }
}
