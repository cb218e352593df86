//! `AlertService`: each method checks in a file of its own, calls the engine, and answers.

use super::access::admit;
use super::proto::alert_service_server::AlertService;
use super::proto::*;
use super::{Answers, Services};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AlertService for Services {
    type WatchAlertEventsStream = Answers<WatchAlertEventsResponse>;

    async fn create_alert_setting(&self, request: Request<CreateAlertSettingRequest>) -> Answer<AlertSetting> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.create_alert_setting(caller.actor, request).await?))
    }

    async fn get_alert_setting(&self, request: Request<GetAlertSettingRequest>) -> Answer<AlertSetting> {
        Ok(Response::new(self.get_alert_setting(&admit(request)?.1)?))
    }

    async fn list_alert_settings(
        &self,
        request: Request<ListAlertSettingsRequest>,
    ) -> Answer<ListAlertSettingsResponse> {
        Ok(Response::new(self.list_alert_settings(&admit(request)?.1)?))
    }

    async fn update_alert_setting(&self, request: Request<UpdateAlertSettingRequest>) -> Answer<AlertSetting> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.update_alert_setting(caller.actor, request).await?))
    }

    async fn delete_alert_setting(&self, request: Request<DeleteAlertSettingRequest>) -> Answer<()> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.delete_alert_setting(&caller.actor, &request).await?))
    }

    async fn apply_alert_setting(&self, request: Request<ApplyAlertSettingRequest>) -> Answer<AlertSetting> {
        Ok(Response::new(self.apply_alert_setting(&admit(request)?.1).await?))
    }

    async fn test_alert_setting(&self, request: Request<TestAlertSettingRequest>) -> Answer<TestAlertSettingResponse> {
        Ok(Response::new(self.test_alert_setting(&admit(request)?.1).await?))
    }

    async fn list_alert_events(&self, request: Request<ListAlertEventsRequest>) -> Answer<ListAlertEventsResponse> {
        Ok(Response::new(self.list_alert_events(&admit(request)?.1)?))
    }

    async fn get_alert_event(&self, request: Request<GetAlertEventRequest>) -> Answer<AlertEvent> {
        Ok(Response::new(self.get_alert_event(&admit(request)?.1)?))
    }

    async fn acknowledge_alert_event(&self, request: Request<AcknowledgeAlertEventRequest>) -> Answer<AlertEvent> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.acknowledge_alert_event(caller.actor, request).await?))
    }

    async fn watch_alert_events(
        &self,
        request: Request<WatchAlertEventsRequest>,
    ) -> Answer<Self::WatchAlertEventsStream> {
        Ok(Response::new(self.watch_alert_events(admit(request)?.1)?))
    }

    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Answer<ListNotificationsResponse> {
        Ok(Response::new(self.list_notifications(&admit(request)?.1)?))
    }
}
