//! `QueueService`.

use super::proto::queue_service_server::QueueService;
use super::proto::*;
use super::{Answers, Services, actor};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl QueueService for Services {
    type WatchQueueStatsStream = Answers<WatchQueueStatsResponse>;
    type WatchQueueJobStream = Answers<WatchQueueJobResponse>;

    async fn get_queue_stats(&self, request: Request<GetQueueStatsRequest>) -> Answer<QueueStats> {
        Ok(Response::new(self.get_queue_stats(request.get_ref())?))
    }

    async fn list_queued_records(
        &self,
        request: Request<ListQueuedRecordsRequest>,
    ) -> Answer<ListQueuedRecordsResponse> {
        Ok(Response::new(self.list_queued_records(request.get_ref())?))
    }

    async fn get_queued_record(&self, request: Request<GetQueuedRecordRequest>) -> Answer<QueuedRecord> {
        Ok(Response::new(self.get_queued_record(request.get_ref())?))
    }

    async fn list_catch_up_errors(
        &self,
        request: Request<ListCatchUpErrorsRequest>,
    ) -> Answer<ListCatchUpErrorsResponse> {
        Ok(Response::new(self.list_catch_up_errors(request.get_ref())?))
    }

    async fn watch_queue_stats(&self, request: Request<WatchQueueStatsRequest>) -> Answer<Self::WatchQueueStatsStream> {
        Ok(Response::new(self.watch_queue_stats(request.get_ref())?))
    }

    async fn retry_catch_up_errors(&self, request: Request<RetryCatchUpErrorsRequest>) -> Answer<QueueJob> {
        let actor = actor::of(&request);
        Ok(Response::new(self.retry_catch_up_errors(request.into_inner(), actor).await?))
    }

    async fn get_queue_job(&self, request: Request<GetQueueJobRequest>) -> Answer<QueueJob> {
        Ok(Response::new(self.get_queue_job(request.get_ref())?))
    }

    async fn list_queue_jobs(&self, request: Request<ListQueueJobsRequest>) -> Answer<ListQueueJobsResponse> {
        Ok(Response::new(self.list_queue_jobs(request.get_ref())?))
    }

    async fn watch_queue_job(&self, request: Request<WatchQueueJobRequest>) -> Answer<Self::WatchQueueJobStream> {
        Ok(Response::new(self.watch_queue_job(request.get_ref())?))
    }

    async fn cancel_queue_job(&self, request: Request<CancelQueueJobRequest>) -> Answer<QueueJob> {
        let actor = actor::of(&request);
        Ok(Response::new(self.cancel_queue_job(request.get_ref(), actor).await?))
    }

    async fn update_queued_record(&self, request: Request<UpdateQueuedRecordRequest>) -> Answer<QueuedRecord> {
        let actor = actor::of(&request);
        Ok(Response::new(self.update_queued_record(request.into_inner(), actor).await?))
    }

    async fn delete_queued_records(&self, request: Request<DeleteQueuedRecordsRequest>) -> Answer<QueueJob> {
        let actor = actor::of(&request);
        Ok(Response::new(self.delete_queued_records(request.into_inner(), actor).await?))
    }

    async fn list_error_groups(&self, request: Request<ListErrorGroupsRequest>) -> Answer<ListErrorGroupsResponse> {
        Ok(Response::new(self.list_error_groups(request.get_ref()).await?))
    }
}
