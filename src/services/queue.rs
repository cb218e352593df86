//! `QueueService`.

use super::executions::filled;
use super::input::Input;
use super::methods::not_offered;
use super::paging::Page;
use super::proto::queue_service_server::QueueService;
use super::proto::*;
use super::records::total;
use super::status::CallError;
use super::{Answers, Services, queued_records};
use crate::model::change::{ErrorRecord, QueuedRecord as Waiting};
use crate::model::ids::QueueSequence;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl QueueService for Services {
    type WatchQueueStatsStream = Answers<WatchQueueStatsResponse>;
    type WatchQueueJobStream = Answers<WatchQueueJobResponse>;

    async fn get_queue_stats(&self, request: Request<GetQueueStatsRequest>) -> Answer<QueueStats> {
        let mut input = Input::default();
        let id = input.table_map("name", &request.get_ref().name);
        Ok(Response::new(self.stats(&input.with(id)?)?))
    }

    async fn list_queued_records(
        &self,
        request: Request<ListQueuedRecordsRequest>,
    ) -> Answer<ListQueuedRecordsResponse> {
        Ok(Response::new(self.list_records(request.get_ref())?))
    }

    async fn get_queued_record(&self, request: Request<GetQueuedRecordRequest>) -> Answer<QueuedRecord> {
        Ok(Response::new(self.get_record(request.get_ref())?))
    }

    async fn list_catch_up_errors(
        &self,
        request: Request<ListCatchUpErrorsRequest>,
    ) -> Answer<ListCatchUpErrorsResponse> {
        Ok(Response::new(self.list_errors(request.get_ref())?))
    }

    async fn watch_queue_stats(&self, _: Request<WatchQueueStatsRequest>) -> Answer<Self::WatchQueueStatsStream> {
        not_offered("WatchQueueStats")
    }

    async fn retry_catch_up_errors(&self, _: Request<RetryCatchUpErrorsRequest>) -> Answer<QueueJob> {
        not_offered("RetryCatchUpErrors")
    }

    async fn get_queue_job(&self, _: Request<GetQueueJobRequest>) -> Answer<QueueJob> {
        not_offered("GetQueueJob")
    }

    async fn list_queue_jobs(&self, _: Request<ListQueueJobsRequest>) -> Answer<ListQueueJobsResponse> {
        not_offered("ListQueueJobs")
    }

    async fn watch_queue_job(&self, _: Request<WatchQueueJobRequest>) -> Answer<Self::WatchQueueJobStream> {
        not_offered("WatchQueueJob")
    }

    async fn cancel_queue_job(&self, _: Request<CancelQueueJobRequest>) -> Answer<QueueJob> {
        not_offered("CancelQueueJob")
    }

    async fn update_queued_record(&self, _: Request<UpdateQueuedRecordRequest>) -> Answer<QueuedRecord> {
        not_offered("UpdateQueuedRecord")
    }

    async fn delete_queued_records(&self, _: Request<DeleteQueuedRecordsRequest>) -> Answer<QueueJob> {
        not_offered("DeleteQueuedRecords")
    }

    async fn list_error_groups(&self, _: Request<ListErrorGroupsRequest>) -> Answer<ListErrorGroupsResponse> {
        not_offered("ListErrorGroups")
    }
}

impl Services {
    fn list_records(&self, request: &ListQueuedRecordsRequest) -> Result<ListQueuedRecordsResponse, CallError> {
        let mut input = Input::default();
        let page = Page::of(&mut input, "ListQueuedRecords", request)?;
        let id = input.table_map("parent", &request.parent);
        let state = input.known::<QueuedRecordState>("state", request.state);
        let (id, state) = input.with(id.zip(state))?;
        unfiltered(request.filter.as_ref())?;
        let view = self.engine.map(&id)?;
        let definition = &view.map.definition;
        let figures = self.engine.head(&id)?.figures;
        let (queued_records, next_page_token, total_size) = match state {
            QueuedRecordState::Queued => {
                let read = |after, limit| self.engine.queued(&id, QueueSequence(after), limit);
                let (records, token) = filled(&page, read, |r: &Waiting| r.sequence.0, |r| r.change.size())?;
                let records = records.into_iter().map(|record| queued_records::queued(&id, definition, record));
                (records.collect(), token, total(figures.queued()))
            }
            QueuedRecordState::Error => {
                let read = |after, limit| self.engine.errors(&id, QueueSequence(after), limit);
                let (errors, token) = filled(&page, read, |e: &ErrorRecord| e.record.sequence.0, error_size)?;
                let errors = errors.into_iter().map(|error| queued_records::error(&id, definition, error));
                (errors.collect(), token, total(figures.in_error()))
            }
            QueuedRecordState::Unspecified | QueuedRecordState::InProgress | QueuedRecordState::Completed => {
                let what = "ListQueuedRecordsRequest.state other than QUEUED and ERROR";
                return Err(CallError::NotOffered { what });
            }
        };
        Ok(ListQueuedRecordsResponse { queued_records, next_page_token, total_size })
    }

    fn list_errors(&self, request: &ListCatchUpErrorsRequest) -> Result<ListCatchUpErrorsResponse, CallError> {
        let mut input = Input::default();
        let page = Page::of(&mut input, "ListCatchUpErrors", request)?;
        let id = input.table_map("parent", &request.parent);
        let id = input.with(id)?;
        unfiltered(request.filter.as_ref())?;
        let view = self.engine.map(&id)?;
        let total_size = total(self.engine.head(&id)?.figures.in_error());
        let read = |after, limit| self.engine.errors(&id, QueueSequence(after), limit);
        let (errors, next_page_token) = filled(&page, read, |e: &ErrorRecord| e.record.sequence.0, error_size)?;
        let definition = &view.map.definition;
        let errors = errors.into_iter().map(|error| queued_records::error(&id, definition, error)).collect();
        Ok(ListCatchUpErrorsResponse { errors, next_page_token, total_size })
    }

    fn get_record(&self, request: &GetQueuedRecordRequest) -> Result<QueuedRecord, CallError> {
        let mut input = Input::default();
        let named = input.queued_record("name", &request.name);
        let (id, sequence) = input.with(named)?;
        let view = self.engine.map(&id)?;
        let definition = &view.map.definition;
        Ok(match self.engine.record(&id, sequence)? {
            Ok(record) => queued_records::queued(&id, definition, record),
            Err(error) => queued_records::error(&id, definition, error),
        })
    }
}

fn error_size(error: &ErrorRecord) -> usize {
    error.record.change.size() + error.failure.message.len()
}

fn unfiltered(filter: Option<&RecordFilter>) -> Result<(), CallError> {
    match filter {
        Some(filter) if *filter != RecordFilter::default() => Err(CallError::NotOffered { what: "RecordFilter" }),
        Some(_) | None => Ok(()),
    }
}
