//! `QueueService`.

use super::access::admit;
use super::proto::queue_service_server::QueueService;
use super::proto::*;
use super::{Answers, Services};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl QueueService for Services {
    type WatchQueueStatsStream = Answers<WatchQueueStatsResponse>;
    type WatchQueueJobStream = Answers<WatchQueueJobResponse>;

    async fn get_queue_stats(&self, request: Request<GetQueueStatsRequest>) -> Answer<QueueStats> {
        Ok(Response::new(self.get_queue_stats(&admit(request)?.1)?))
    }

    async fn list_queued_records(
        &self,
        request: Request<ListQueuedRecordsRequest>,
    ) -> Answer<ListQueuedRecordsResponse> {
        Ok(Response::new(self.list_queued_records(&admit(request)?.1)?))
    }

    async fn get_queued_record(&self, request: Request<GetQueuedRecordRequest>) -> Answer<QueuedRecord> {
        Ok(Response::new(self.get_queued_record(&admit(request)?.1)?))
    }

    async fn list_catch_up_errors(
        &self,
        request: Request<ListCatchUpErrorsRequest>,
    ) -> Answer<ListCatchUpErrorsResponse> {
        Ok(Response::new(self.list_catch_up_errors(&admit(request)?.1)?))
    }

    async fn watch_queue_stats(&self, request: Request<WatchQueueStatsRequest>) -> Answer<Self::WatchQueueStatsStream> {
        Ok(Response::new(self.watch_queue_stats(&admit(request)?.1)?))
    }

    async fn retry_catch_up_errors(&self, request: Request<RetryCatchUpErrorsRequest>) -> Answer<QueueJob> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.retry_catch_up_errors(request, caller.actor).await?))
    }

    async fn get_queue_job(&self, request: Request<GetQueueJobRequest>) -> Answer<QueueJob> {
        Ok(Response::new(self.get_queue_job(&admit(request)?.1)?))
    }

    async fn list_queue_jobs(&self, request: Request<ListQueueJobsRequest>) -> Answer<ListQueueJobsResponse> {
        Ok(Response::new(self.list_queue_jobs(&admit(request)?.1)?))
    }

    async fn watch_queue_job(&self, request: Request<WatchQueueJobRequest>) -> Answer<Self::WatchQueueJobStream> {
        Ok(Response::new(self.watch_queue_job(&admit(request)?.1)?))
    }

    async fn cancel_queue_job(&self, request: Request<CancelQueueJobRequest>) -> Answer<QueueJob> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.cancel_queue_job(&request, caller.actor).await?))
    }

    async fn update_queued_record(&self, request: Request<UpdateQueuedRecordRequest>) -> Answer<QueuedRecord> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.update_queued_record(request, caller.actor).await?))
    }

    async fn delete_queued_records(&self, request: Request<DeleteQueuedRecordsRequest>) -> Answer<QueueJob> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.delete_queued_records(request, caller.actor).await?))
    }

    async fn list_error_groups(&self, request: Request<ListErrorGroupsRequest>) -> Answer<ListErrorGroupsResponse> {
        Ok(Response::new(self.list_error_groups(&admit(request)?.1).await?))
    }
}
