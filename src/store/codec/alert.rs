//! Alerts: settings, what is in effect, what fired, and mails.

use super::{Numbered, Unreadable, numbered, read_map_id, read_time, required};
use crate::model::alert::notification::{Notification, NotificationKind, NotificationState};
use crate::model::alert::{
    Acknowledgement, AlertAction, AlertEvent, AlertSetting, MapAlerts, Noted, SettingInEffect, Threshold,
};
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber, EventSequence, NotificationNumber};
use crate::model::state::MapState;
use crate::store::message;
use chrono::{DateTime, Utc};
use std::time::Duration;

numbered!(AlertAction, message::AlertAction, "the action of an alert", [None, Pause, Stop]);
numbered!(NotificationKind, message::NotificationKind, "what a notification tells", [Raised, Recovered]);
numbered!(NotificationState, message::NotificationState, "the state of a notification", [Pending, Delivered, GivenUp]);

fn read_alert_id(id: &str) -> Result<AlertId, Unreadable> {
    AlertId::parse(id).map_err(|_| Unreadable("the id of an alert setting"))
}

fn read_optional(time: Option<message::Time>) -> Result<Option<DateTime<Utc>>, Unreadable> {
    time.map(TryInto::try_into).transpose()
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
            threshold: Some((&setting.threshold).into()),
            recipients: setting.recipients.clone(),
            action: setting.action.number(),
            enabled: setting.enabled,
            revision: setting.revision,
            effect: setting.effect,
            create_time: Some((&setting.create_time).into()),
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
            threshold: required(setting.threshold, "an alert setting without its threshold")?.into(),
            recipients: setting.recipients,
            action: AlertAction::from_number(setting.action)?,
            enabled: setting.enabled,
            revision: setting.revision,
            effect: setting.effect,
            create_time: read_time(setting.create_time, "an alert setting without its time")?,
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
        Self { settings: settings.collect(), untold: alerts.untold.iter().map(|number| number.0).collect() }
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
            threshold: Some((&alert.threshold).into()),
            counts: alert.counts.iter().map(count).collect(),
            last_errors: alert.last_errors.iter().map(Into::into).collect(),
            action: alert.action.number(),
            action_error: alert.action_error.clone(),
            activity: alert.activity.0,
            rearm_time: alert.rearm_time.as_ref().map(Into::into),
            acknowledgement: alert.acknowledgement.as_ref().map(Into::into),
            recipients: alert.recipients.clone(),
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
            threshold: required(alert.threshold, "an alert without its threshold")?.into(),
            counts: alert.counts.into_iter().map(count).collect::<Result<_, Unreadable>>()?,
            last_errors: alert.last_errors.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            action: AlertAction::from_number(alert.action)?,
            action_error: alert.action_error,
            activity: EventSequence(alert.activity),
            rearm_time: read_optional(alert.rearm_time)?,
            acknowledgement: alert.acknowledgement.map(TryInto::try_into).transpose()?,
            recipients: alert.recipients,
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
