//! `TableMapService`: each method checks in a file of its own, calls the engine, and answers.

use super::access::admit;
use super::methods::not_offered;
use super::proto::table_map_service_server::TableMapService;
use super::proto::*;
use super::{Answers, Services};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TableMapService for Services {
    type TailActivityStream = Answers<TailActivityResponse>;
    type DownloadActivityStream = Answers<DownloadActivityResponse>;

    async fn create_table_map(&self, request: Request<CreateTableMapRequest>) -> Answer<TableMap> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.create(caller.actor, request).await?))
    }

    async fn get_table_map(&self, request: Request<GetTableMapRequest>) -> Answer<TableMap> {
        Ok(Response::new(self.get(&admit(request)?.1)?))
    }

    async fn list_table_maps(&self, request: Request<ListTableMapsRequest>) -> Answer<ListTableMapsResponse> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.list(&caller, &request)?))
    }

    async fn update_table_map(&self, request: Request<UpdateTableMapRequest>) -> Answer<TableMap> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.update(caller.actor, request).await?))
    }

    async fn delete_table_map(&self, request: Request<DeleteTableMapRequest>) -> Answer<()> {
        let (caller, request) = admit(request)?;
        self.delete(caller.actor, request).await?;
        Ok(Response::new(()))
    }

    async fn validate_table_map(&self, request: Request<ValidateTableMapRequest>) -> Answer<ValidateTableMapResponse> {
        Ok(Response::new(self.validate(admit(request)?.1).await?))
    }

    async fn run_table_map(&self, request: Request<RunTableMapRequest>) -> Answer<TransitionResponse> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.run(caller, request).await?))
    }

    async fn pause_table_map(&self, request: Request<PauseTableMapRequest>) -> Answer<TransitionResponse> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.pause(caller, request).await?))
    }

    async fn resume_table_map(&self, request: Request<ResumeTableMapRequest>) -> Answer<TransitionResponse> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.resume(caller, request).await?))
    }

    async fn skip_to_live(&self, request: Request<SkipToLiveRequest>) -> Answer<TransitionResponse> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.skip_to_live(caller, request).await?))
    }

    async fn stop_table_map(&self, request: Request<StopTableMapRequest>) -> Answer<TransitionResponse> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.stop(caller, request).await?))
    }

    async fn get_table_map_overview(&self, request: Request<GetTableMapOverviewRequest>) -> Answer<TableMapOverview> {
        Ok(Response::new(self.overview(&admit(request)?.1)?))
    }

    async fn list_activity(&self, request: Request<ListActivityRequest>) -> Answer<ListActivityResponse> {
        Ok(Response::new(self.list_activity(&admit(request)?.1)?))
    }

    async fn tail_activity(&self, request: Request<TailActivityRequest>) -> Answer<Self::TailActivityStream> {
        Ok(Response::new(self.tail_activity(admit(request)?.1)?))
    }

    async fn list_applications(&self, request: Request<ListApplicationsRequest>) -> Answer<ListApplicationsResponse> {
        Ok(Response::new(self.list_applications(&admit(request)?.1)?))
    }

    async fn check_application(&self, request: Request<CheckApplicationRequest>) -> Answer<CheckApplicationResponse> {
        Ok(Response::new(self.check_application(admit(request)?.1).await?))
    }

    async fn list_tables(&self, request: Request<ListTablesRequest>) -> Answer<ListTablesResponse> {
        Ok(Response::new(self.list_tables(&admit(request)?.1).await?))
    }

    async fn get_table(&self, request: Request<GetTableRequest>) -> Answer<Table> {
        Ok(Response::new(self.get_table(&admit(request)?.1).await?))
    }

    async fn preview_table_map(&self, request: Request<PreviewTableMapRequest>) -> Answer<PreviewTableMapResponse> {
        admit(request)?;
        not_offered("PreviewTableMap")
    }

    async fn suggest_table_map(&self, request: Request<SuggestTableMapRequest>) -> Answer<SuggestTableMapResponse> {
        admit(request)?;
        not_offered("SuggestTableMap")
    }

    async fn list_table_map_versions(
        &self,
        request: Request<ListTableMapVersionsRequest>,
    ) -> Answer<ListTableMapVersionsResponse> {
        admit(request)?;
        not_offered("ListTableMapVersions")
    }

    async fn get_table_map_version(&self, request: Request<GetTableMapVersionRequest>) -> Answer<TableMapVersion> {
        admit(request)?;
        not_offered("GetTableMapVersion")
    }

    async fn restore_table_map_version(&self, request: Request<RestoreTableMapVersionRequest>) -> Answer<TableMap> {
        admit(request)?;
        not_offered("RestoreTableMapVersion")
    }

    async fn export_table_maps(&self, request: Request<ExportTableMapsRequest>) -> Answer<ExportTableMapsResponse> {
        admit(request)?;
        not_offered("ExportTableMaps")
    }

    async fn import_table_maps(&self, request: Request<ImportTableMapsRequest>) -> Answer<ImportTableMapsResponse> {
        admit(request)?;
        not_offered("ImportTableMaps")
    }

    async fn list_related_table_maps(
        &self,
        request: Request<ListRelatedTableMapsRequest>,
    ) -> Answer<ListRelatedTableMapsResponse> {
        Ok(Response::new(self.list_related(&admit(request)?.1).await?))
    }

    async fn download_activity(
        &self,
        request: Request<DownloadActivityRequest>,
    ) -> Answer<Self::DownloadActivityStream> {
        Ok(Response::new(self.download_activity(&admit(request)?.1)?))
    }
}
