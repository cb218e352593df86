//! `AlertService`. Nothing of it is offered yet.

use super::methods::not_offered;
use super::proto::alert_service_server::AlertService;
use super::proto::*;
use super::{Answers, Services};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AlertService for Services {
    type WatchAlertEventsStream = Answers<WatchAlertEventsResponse>;

    async fn create_alert_setting(&self, _: Request<CreateAlertSettingRequest>) -> Answer<AlertSetting> {
        not_offered("CreateAlertSetting")
    }

    async fn get_alert_setting(&self, _: Request<GetAlertSettingRequest>) -> Answer<AlertSetting> {
        not_offered("GetAlertSetting")
    }

    async fn list_alert_settings(&self, _: Request<ListAlertSettingsRequest>) -> Answer<ListAlertSettingsResponse> {
        not_offered("ListAlertSettings")
    }

    async fn update_alert_setting(&self, _: Request<UpdateAlertSettingRequest>) -> Answer<AlertSetting> {
        not_offered("UpdateAlertSetting")
    }

    async fn delete_alert_setting(&self, _: Request<DeleteAlertSettingRequest>) -> Answer<()> {
        not_offered("DeleteAlertSetting")
    }

    async fn apply_alert_setting(&self, _: Request<ApplyAlertSettingRequest>) -> Answer<AlertSetting> {
        not_offered("ApplyAlertSetting")
    }

    async fn test_alert_setting(&self, _: Request<TestAlertSettingRequest>) -> Answer<TestAlertSettingResponse> {
        not_offered("TestAlertSetting")
    }

    async fn list_alert_events(&self, _: Request<ListAlertEventsRequest>) -> Answer<ListAlertEventsResponse> {
        not_offered("ListAlertEvents")
    }

    async fn get_alert_event(&self, _: Request<GetAlertEventRequest>) -> Answer<AlertEvent> {
        not_offered("GetAlertEvent")
    }

    async fn acknowledge_alert_event(&self, _: Request<AcknowledgeAlertEventRequest>) -> Answer<AlertEvent> {
        not_offered("AcknowledgeAlertEvent")
    }

    async fn watch_alert_events(&self, _: Request<WatchAlertEventsRequest>) -> Answer<Self::WatchAlertEventsStream> {
        not_offered("WatchAlertEvents")
    }

    async fn list_notifications(&self, _: Request<ListNotificationsRequest>) -> Answer<ListNotificationsResponse> {
        not_offered("ListNotifications")
    }
}
