//! What alerts raised: its pages, following it, taking note of it, and the outbox.

use super::following::{Followed, followed};
use super::input::Input;
use super::proto;
use super::proto::watch_alert_events_request::Start as StartField;
use super::proto::watch_alert_events_response::Item;
use super::records::count;
use super::status::CallError;
use super::{Answers, Services, failures, names, times};
use crate::engine::Engine;
use crate::engine::alerts::{AlertFilter, AlertTail, AlertTailed, NotificationFilter};
use crate::engine::error::EngineError;
use crate::engine::tail::Start;
use crate::model::alert::notification::{Notification, NotificationState};
use crate::model::alert::{AlertEvent, AlertReason};
use crate::model::ids::AlertNumber;
use std::collections::BTreeSet;
use std::sync::Arc;

const NOTE_CHARS_MAX: usize = 1_000;

impl From<AlertReason> for proto::AlertReason {
    fn from(reason: AlertReason) -> Self {
        match reason {
            AlertReason::Errors => proto::AlertReason::Errors,
            AlertReason::QueuedRecords => proto::AlertReason::QueuedRecords,
            AlertReason::QueuedAge => proto::AlertReason::QueuedAge,
            AlertReason::NearLimit => proto::AlertReason::NearLimit,
            AlertReason::InitialSyncErrors => proto::AlertReason::InitialSyncErrors,
            AlertReason::InitialSyncStalled => proto::AlertReason::InitialSyncStalled,
            AlertReason::ApplicationDown => proto::AlertReason::ApplicationDown,
        }
    }
}

impl From<AlertEvent> for proto::AlertEvent {
    fn from(alert: AlertEvent) -> Self {
        let action_error = alert.action_error.map(|message| tonic_types::Status {
            code: tonic::Code::FailedPrecondition.into(),
            message,
            details: Vec::new(),
        });
        let taken = alert.acknowledgement;
        Self {
            name: names::alert_event(alert.number),
            sequence: count(alert.number.0),
            alert_setting: names::alert_setting(&alert.setting),
            table_map: names::table_map(&alert.map),
            time: Some(times::timestamp(alert.time)),
            threshold: alert.threshold.as_ref().map(Into::into),
            reason: proto::AlertReason::from(alert.reason).into(),
            summary: alert.summary,
            error_counts: failures::error_counts(alert.counts.into_iter().map(|(k, n)| (Some(k), n)).collect()),
            last_errors: alert.last_errors.into_iter().map(Into::into).collect(),
            action: proto::AlertAction::from(alert.action).into(),
            action_error,
            activity_sequence: count(alert.activity.0),
            rearm_time: alert.rearm_time.map(times::timestamp),
            acknowledge_time: taken.as_ref().map(|taken| times::timestamp(taken.time)),
            acknowledge_actor: taken.as_ref().map(|taken| taken.actor.clone()).unwrap_or_default(),
            acknowledge_note: taken.map(|taken| taken.note).unwrap_or_default(),
        }
    }
}

impl From<NotificationState> for proto::NotificationState {
    fn from(state: NotificationState) -> Self {
        match state {
            NotificationState::Pending => proto::NotificationState::Pending,
            NotificationState::Delivered => proto::NotificationState::Delivered,
            NotificationState::GivenUp => proto::NotificationState::GivenUp,
        }
    }
}

impl From<Notification> for proto::Notification {
    fn from(told: Notification) -> Self {
        // A test has no number and tells of no alert.
        let kept = told.number.0 > 0;
        Self {
            name: if kept { names::notification(told.number) } else { String::new() },
            alert_event: if kept { names::alert_event(told.alert) } else { String::new() },
            alert_setting: names::alert_setting(&told.setting),
            recipient: told.recipient,
            subject: told.subject,
            state: proto::NotificationState::from(told.state).into(),
            attempts: i32::try_from(told.attempts).unwrap_or(i32::MAX),
            last_response: told.last_response,
            create_time: Some(times::timestamp(told.create_time)),
            next_attempt_time: told.next_attempt.map(times::timestamp),
            end_time: told.end_time.map(times::timestamp),
        }
    }
}

impl Services {
    pub(super) fn list_alert_events(
        &self,
        request: &proto::ListAlertEventsRequest,
    ) -> Result<proto::ListAlertEventsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListAlertEvents", request)?;
        let mut filter = AlertFilter { unacknowledged: request.unacknowledged, ..AlertFilter::default() };
        if !request.table_map.is_empty() {
            filter.maps.extend(input.table_map("table_map", &request.table_map));
        }
        if !request.alert_setting.is_empty() {
            filter.settings.extend(input.alert_setting("alert_setting", &request.alert_setting));
        }
        filter.start_time = input.time("start_time", request.start_time);
        filter.end_time = input.time("end_time", request.end_time);
        input.done()?;
        let listed = self.engine.list_alerts(&filter, page.number()?, page.size)?;
        Ok(proto::ListAlertEventsResponse {
            alert_events: listed.items.into_iter().map(Into::into).collect(),
            next_page_token: listed.next.map(|next| page.token(next)).unwrap_or_default(),
        })
    }

    pub(super) fn get_alert_event(
        &self,
        request: &proto::GetAlertEventRequest,
    ) -> Result<proto::AlertEvent, CallError> {
        let mut input = Input::default();
        let number = input.alert_event("name", &request.name);
        Ok(self.engine.alert(input.with(number)?)?.into())
    }

    pub(super) async fn acknowledge_alert_event(
        &self,
        actor: String,
        request: proto::AcknowledgeAlertEventRequest,
    ) -> Result<proto::AlertEvent, CallError> {
        let mut input = Input::default();
        let number = input.alert_event("name", &request.name);
        input.text("note", &request.note, NOTE_CHARS_MAX);
        Ok(self.engine.acknowledge_alert(input.with(number)?, actor, request.note).await?.into())
    }

    pub(super) fn list_notifications(
        &self,
        request: &proto::ListNotificationsRequest,
    ) -> Result<proto::ListNotificationsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListNotifications", request)?;
        let mut filter = NotificationFilter::default();
        let state = input.known::<proto::NotificationState>("state", request.state);
        filter.state = state.and_then(|state| match state {
            proto::NotificationState::Unspecified => None,
            proto::NotificationState::Pending => Some(NotificationState::Pending),
            proto::NotificationState::Delivered => Some(NotificationState::Delivered),
            proto::NotificationState::GivenUp => Some(NotificationState::GivenUp),
        });
        if !request.alert_event.is_empty() {
            filter.alert = input.alert_event("alert_event", &request.alert_event);
        }
        if !request.alert_setting.is_empty() {
            filter.setting = input.alert_setting("alert_setting", &request.alert_setting);
        }
        input.done()?;
        let listed = self.engine.list_notifications(&filter, page.number()?, page.size)?;
        Ok(proto::ListNotificationsResponse {
            notifications: listed.items.into_iter().map(Into::into).collect(),
            next_page_token: listed.next.map(|next| page.token(next)).unwrap_or_default(),
        })
    }

    pub(super) fn watch_alert_events(
        &self,
        request: proto::WatchAlertEventsRequest,
    ) -> Result<Answers<proto::WatchAlertEventsResponse>, CallError> {
        let mut input = Input::default();
        let start = match request.start {
            None | Some(StartField::FromNow(false)) => Start::At(AlertNumber(0)),
            Some(StartField::FromNow(true)) => Start::Now,
            Some(StartField::StartSequence(number)) => {
                if number < 0 {
                    input.wrong("start_sequence", "is negative");
                }
                Start::At(AlertNumber(number.unsigned_abs()))
            }
        };
        let maps = input.table_maps("table_maps", &request.table_maps);
        let settings: BTreeSet<_> = (request.alert_settings.iter().enumerate())
            .filter_map(|(index, name)| input.alert_setting(&format!("alert_settings[{index}]"), name))
            .collect();
        input.done()?;
        let filter = AlertFilter { maps, settings, ..AlertFilter::default() };
        let tail = self.engine.tail_alerts(start, filter)?;
        Ok(followed(FollowedAlerts { tail, engine: self.engine.clone() }, self.closing.clone()))
    }
}

struct FollowedAlerts {
    tail: AlertTail,
    engine: Arc<Engine>,
}

impl Followed for FollowedAlerts {
    type Message = proto::WatchAlertEventsResponse;

    async fn next(&mut self) -> Result<Vec<Self::Message>, EngineError> {
        let items: Vec<Item> = match self.tail.next().await? {
            AlertTailed::Alerts(alerts) => alerts.into_iter().map(|alert| Item::AlertEvent(alert.into())).collect(),
            AlertTailed::Idle { last } => vec![Item::Heartbeat(proto::Heartbeat {
                latest_sequence: count(last.0),
                latest_position: 0,
                time: Some(times::timestamp(self.engine.now())),
            })],
        };
        Ok(items.into_iter().map(|item| proto::WatchAlertEventsResponse { item: Some(item) }).collect())
    }
}
