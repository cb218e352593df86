//! `AlertService`: each method checks in a file of its own, calls the engine, and answers.

use super::proto::alert_service_server::AlertService;
use super::proto::*;
use super::{Answers, Services, actor};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AlertService for Services {
    type WatchAlertEventsStream = Answers<WatchAlertEventsResponse>;

    async fn create_alert_setting(&self, request: Request<CreateAlertSettingRequest>) -> Answer<AlertSetting> {
        Ok(Response::new(self.create_alert_setting(actor::of(&request), request.into_inner()).await?))
    }

    async fn get_alert_setting(&self, request: Request<GetAlertSettingRequest>) -> Answer<AlertSetting> {
        Ok(Response::new(self.get_alert_setting(request.get_ref())?))
    }

    async fn list_alert_settings(
        &self,
        request: Request<ListAlertSettingsRequest>,
    ) -> Answer<ListAlertSettingsResponse> {
        Ok(Response::new(self.list_alert_settings(request.get_ref())?))
    }

    async fn update_alert_setting(&self, request: Request<UpdateAlertSettingRequest>) -> Answer<AlertSetting> {
        Ok(Response::new(self.update_alert_setting(actor::of(&request), request.into_inner()).await?))
    }

    async fn delete_alert_setting(&self, request: Request<DeleteAlertSettingRequest>) -> Answer<()> {
        Ok(Response::new(self.delete_alert_setting(&actor::of(&request), request.get_ref()).await?))
    }

    async fn apply_alert_setting(&self, request: Request<ApplyAlertSettingRequest>) -> Answer<AlertSetting> {
        Ok(Response::new(self.apply_alert_setting(request.get_ref()).await?))
    }

    async fn test_alert_setting(&self, request: Request<TestAlertSettingRequest>) -> Answer<TestAlertSettingResponse> {
        Ok(Response::new(self.test_alert_setting(request.get_ref()).await?))
    }

    async fn list_alert_events(&self, request: Request<ListAlertEventsRequest>) -> Answer<ListAlertEventsResponse> {
        Ok(Response::new(self.list_alert_events(request.get_ref())?))
    }

    async fn get_alert_event(&self, request: Request<GetAlertEventRequest>) -> Answer<AlertEvent> {
        Ok(Response::new(self.get_alert_event(request.get_ref())?))
    }

    async fn acknowledge_alert_event(&self, request: Request<AcknowledgeAlertEventRequest>) -> Answer<AlertEvent> {
        Ok(Response::new(self.acknowledge_alert_event(actor::of(&request), request.into_inner()).await?))
    }

    async fn watch_alert_events(
        &self,
        request: Request<WatchAlertEventsRequest>,
    ) -> Answer<Self::WatchAlertEventsStream> {
        Ok(Response::new(self.watch_alert_events(request.into_inner())?))
    }

    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Answer<ListNotificationsResponse> {
        Ok(Response::new(self.list_notifications(request.get_ref())?))
    }
}
