//! `SyncService`.

use super::access::{self, admit};
use super::proto::sync_service_server::SyncService;
use super::proto::*;
use super::status::CallError;
use super::{Answers, Services};
use tonic::{Request, Response, Status, Streaming};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SyncService for Services {
    type WriteRecordsStream = Answers<WriteRecordsResponse>;
    type WatchExecutionStream = Answers<WatchExecutionResponse>;

    async fn write_record(&self, request: Request<WriteRecordRequest>) -> Answer<WriteRecordResponse> {
        let pending = self.hand_over(admit(request)?.1).await?;
        let answer = pending.await.map_err(CallError::from)?;
        Ok(Response::new(answer.into()))
    }

    async fn write_records(
        &self,
        request: Request<Streaming<WriteRecordsRequest>>,
    ) -> Answer<Self::WriteRecordsStream> {
        Ok(Response::new(self.write_stream(access::caller(&request)?, access::budget(&request), request.into_inner())))
    }

    async fn get_execution(&self, request: Request<GetExecutionRequest>) -> Answer<Execution> {
        Ok(Response::new(self.get_execution(&admit(request)?.1)?))
    }

    async fn list_executions(&self, request: Request<ListExecutionsRequest>) -> Answer<ListExecutionsResponse> {
        Ok(Response::new(self.list_executions(&admit(request)?.1)?))
    }

    async fn list_execution_errors(
        &self,
        request: Request<ListExecutionErrorsRequest>,
    ) -> Answer<ListExecutionErrorsResponse> {
        Ok(Response::new(self.list_execution_errors(&admit(request)?.1)?))
    }

    async fn skip_initial_sync(&self, request: Request<SkipInitialSyncRequest>) -> Answer<Execution> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.skip_initial_sync(caller.actor, request).await?))
    }

    async fn watch_execution(&self, request: Request<WatchExecutionRequest>) -> Answer<Self::WatchExecutionStream> {
        Ok(Response::new(self.watch_execution(&admit(request)?.1)?))
    }

    async fn rerun_execution(&self, request: Request<RerunExecutionRequest>) -> Answer<Execution> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.rerun_execution(caller.actor, request).await?))
    }

    async fn cancel_execution(&self, request: Request<CancelExecutionRequest>) -> Answer<Execution> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.cancel_execution(caller.actor, request).await?))
    }

    async fn retry_execution_errors(&self, request: Request<RetryExecutionErrorsRequest>) -> Answer<QueueJob> {
        let (caller, request) = admit(request)?;
        Ok(Response::new(self.retry_execution_errors(request, caller.actor).await?))
    }
}
