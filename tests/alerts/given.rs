//! What the tests of alerts begin with.

use crate::support::server::{PATIENCE, Server};
use crate::support::world::*;
use std::time::Duration;
use tandem::services::proto::*;
use tokio::time::timeout;
use tonic::Status;

pub fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// So many errors of any type within 15 minutes.
pub fn setting(count: i32, action: AlertAction) -> AlertSetting {
    let threshold = Some(AlertThreshold { count, window: seconds(15 * 60) });
    AlertSetting { threshold, action: action.into(), ..Default::default() }
}

pub fn alert_name(id: &str) -> String {
    format!("alertSettings/{id}")
}

impl Server {
    pub async fn create_alert(&self, id: &str, setting: AlertSetting) -> Result<AlertSetting, Status> {
        let request = CreateAlertSettingRequest {
            alert_setting_id: id.to_owned(),
            alert_setting: Some(setting),
            ..Default::default()
        };
        self.alerts().create_alert_setting(request).await.map(tonic::Response::into_inner)
    }

    pub async fn alert_setting(&self, id: &str) -> AlertSetting {
        let request = GetAlertSettingRequest { name: alert_name(id) };
        self.alerts().get_alert_setting(request).await.expect("the setting is there").into_inner()
    }

    /// All that was raised, oldest first.
    pub async fn raised(&self) -> Vec<AlertEvent> {
        let listed = self.alerts().list_alert_events(ListAlertEventsRequest::default()).await.expect("a list");
        listed.into_inner().alert_events.into_iter().rev().collect()
    }

    pub async fn notifications(&self) -> Vec<Notification> {
        let listed = self.alerts().list_notifications(ListNotificationsRequest::default()).await.expect("a list");
        listed.into_inner().notifications.into_iter().rev().collect()
    }

    /// Writes an order that the right side refuses, since its amount is negative.
    pub async fn bad_order(&self, id: i64) -> Result<WriteRecordResponse, Status> {
        self.write(change("orders", record([("id", int(id)), ("amount", int(-1))]))).await
    }
}

/// The next alert that is followed.
pub async fn next_alert(tail: &mut tonic::Streaming<WatchAlertEventsResponse>) -> AlertEvent {
    let next = async {
        loop {
            let message = tail.message().await.expect("it goes on").expect("it has no end");
            if let Some(watch_alert_events_response::Item::AlertEvent(alert)) = message.item {
                return alert;
            }
        }
    };
    timeout(PATIENCE, next).await.expect("an alert comes")
}

/// Long enough for what must not happen to have happened.
pub async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}
