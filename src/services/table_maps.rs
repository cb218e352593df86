//! `TableMapService`: each method checks in a file of its own, calls the engine, and answers.

use super::methods::not_offered;
use super::proto::table_map_service_server::TableMapService;
use super::proto::*;
use super::{Answers, Services, actor};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TableMapService for Services {
    type TailActivityStream = Answers<TailActivityResponse>;
    type DownloadActivityStream = Answers<DownloadActivityResponse>;

    async fn create_table_map(&self, request: Request<CreateTableMapRequest>) -> Answer<TableMap> {
        Ok(Response::new(self.create(actor::of(&request), request.into_inner()).await?))
    }

    async fn get_table_map(&self, request: Request<GetTableMapRequest>) -> Answer<TableMap> {
        Ok(Response::new(self.get(request.get_ref())?))
    }

    async fn list_table_maps(&self, request: Request<ListTableMapsRequest>) -> Answer<ListTableMapsResponse> {
        Ok(Response::new(self.list(request.get_ref())?))
    }

    async fn update_table_map(&self, request: Request<UpdateTableMapRequest>) -> Answer<TableMap> {
        Ok(Response::new(self.update(actor::of(&request), request.into_inner()).await?))
    }

    async fn delete_table_map(&self, request: Request<DeleteTableMapRequest>) -> Answer<()> {
        self.delete(actor::of(&request), request.into_inner()).await?;
        Ok(Response::new(()))
    }

    async fn validate_table_map(&self, request: Request<ValidateTableMapRequest>) -> Answer<ValidateTableMapResponse> {
        Ok(Response::new(self.validate(request.into_inner()).await?))
    }

    async fn run_table_map(&self, request: Request<RunTableMapRequest>) -> Answer<TransitionResponse> {
        Ok(Response::new(self.run(actor::of(&request), request.into_inner()).await?))
    }

    async fn pause_table_map(&self, request: Request<PauseTableMapRequest>) -> Answer<TransitionResponse> {
        Ok(Response::new(self.pause(actor::of(&request), request.into_inner()).await?))
    }

    async fn resume_table_map(&self, request: Request<ResumeTableMapRequest>) -> Answer<TransitionResponse> {
        Ok(Response::new(self.resume(actor::of(&request), request.into_inner()).await?))
    }

    async fn skip_to_live(&self, request: Request<SkipToLiveRequest>) -> Answer<TransitionResponse> {
        Ok(Response::new(self.skip_to_live(actor::of(&request), request.into_inner()).await?))
    }

    async fn stop_table_map(&self, request: Request<StopTableMapRequest>) -> Answer<TransitionResponse> {
        Ok(Response::new(self.stop(actor::of(&request), request.into_inner()).await?))
    }

    async fn get_table_map_overview(&self, request: Request<GetTableMapOverviewRequest>) -> Answer<TableMapOverview> {
        Ok(Response::new(self.overview(request.get_ref())?))
    }

    async fn list_activity(&self, request: Request<ListActivityRequest>) -> Answer<ListActivityResponse> {
        Ok(Response::new(self.list_activity(request.get_ref())?))
    }

    async fn tail_activity(&self, request: Request<TailActivityRequest>) -> Answer<Self::TailActivityStream> {
        Ok(Response::new(self.tail_activity(request.into_inner())?))
    }

    async fn list_applications(&self, request: Request<ListApplicationsRequest>) -> Answer<ListApplicationsResponse> {
        Ok(Response::new(self.list_applications(request.get_ref())?))
    }

    async fn check_application(&self, request: Request<CheckApplicationRequest>) -> Answer<CheckApplicationResponse> {
        Ok(Response::new(self.check_application(request.into_inner()).await?))
    }

    async fn list_tables(&self, request: Request<ListTablesRequest>) -> Answer<ListTablesResponse> {
        Ok(Response::new(self.list_tables(request.get_ref()).await?))
    }

    async fn get_table(&self, request: Request<GetTableRequest>) -> Answer<Table> {
        Ok(Response::new(self.get_table(request.get_ref()).await?))
    }

    async fn preview_table_map(&self, _: Request<PreviewTableMapRequest>) -> Answer<PreviewTableMapResponse> {
        not_offered("PreviewTableMap")
    }

    async fn suggest_table_map(&self, _: Request<SuggestTableMapRequest>) -> Answer<SuggestTableMapResponse> {
        not_offered("SuggestTableMap")
    }

    async fn list_table_map_versions(
        &self,
        _: Request<ListTableMapVersionsRequest>,
    ) -> Answer<ListTableMapVersionsResponse> {
        not_offered("ListTableMapVersions")
    }

    async fn get_table_map_version(&self, _: Request<GetTableMapVersionRequest>) -> Answer<TableMapVersion> {
        not_offered("GetTableMapVersion")
    }

    async fn restore_table_map_version(&self, _: Request<RestoreTableMapVersionRequest>) -> Answer<TableMap> {
        not_offered("RestoreTableMapVersion")
    }

    async fn export_table_maps(&self, _: Request<ExportTableMapsRequest>) -> Answer<ExportTableMapsResponse> {
        not_offered("ExportTableMaps")
    }

    async fn import_table_maps(&self, _: Request<ImportTableMapsRequest>) -> Answer<ImportTableMapsResponse> {
        not_offered("ImportTableMaps")
    }

    async fn list_related_table_maps(
        &self,
        request: Request<ListRelatedTableMapsRequest>,
    ) -> Answer<ListRelatedTableMapsResponse> {
        Ok(Response::new(self.list_related(request.get_ref()).await?))
    }

    async fn download_activity(
        &self,
        request: Request<DownloadActivityRequest>,
    ) -> Answer<Self::DownloadActivityStream> {
        Ok(Response::new(self.download_activity(request.get_ref())?))
    }
}
