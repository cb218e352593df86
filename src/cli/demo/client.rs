//! The demo as a client of the server: what it asks, over gRPC and in no other way.

use super::error::DemoError;
use super::tables::Pair;
use super::wire;
use crate::services::proto as pb;
use pb::queue_service_client::QueueServiceClient;
use pb::sync_service_client::SyncServiceClient;
use pb::table_map_service_client::TableMapServiceClient;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How long the demo waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A channel on which every call says who makes it, for the activity log.
type Named = InterceptedService<Channel, fn(Request<()>) -> Result<Request<()>, Status>>;

/// The server, as its clients see it.
#[derive(Clone)]
pub struct Service {
    maps: TableMapServiceClient<Named>,
    sync: SyncServiceClient<Named>,
    queue: QueueServiceClient<Named>,
}

impl Service {
    pub async fn connect(address: SocketAddr) -> Result<Self, DemoError> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        let channel: Named = InterceptedService::new(channel, named);
        Ok(Self {
            maps: TableMapServiceClient::new(channel.clone()),
            sync: SyncServiceClient::new(channel.clone()),
            queue: QueueServiceClient::new(channel),
        })
    }

    pub async fn validate(&mut self, table_map: pb::TableMap) -> Result<Vec<pb::Finding>, DemoError> {
        let target = Some(pb::validate_table_map_request::Target::TableMap(table_map));
        let answer = self.maps.validate_table_map(pb::ValidateTableMapRequest { target }).await;
        Ok(answer.map_err(DemoError::refused("validating a map"))?.into_inner().findings)
    }

    pub async fn create(&mut self, pair: &Pair) -> Result<pb::TableMap, DemoError> {
        let table_map = Some(wire::table_map(pair));
        let request = pb::CreateTableMapRequest { table_map_id: pair.map.to_owned(), table_map, ..Default::default() };
        let answer = self.maps.create_table_map(request).await;
        Ok(answer.map_err(DemoError::refused(format!("creating {}", pair.map)))?.into_inner())
    }

    pub async fn run(&mut self, pair: &Pair) -> Result<(), DemoError> {
        let request = pb::RunTableMapRequest { name: pair.name(), ..Default::default() };
        self.maps.run_table_map(request).await.map_err(DemoError::refused(format!("running {}", pair.map)))?;
        Ok(())
    }

    pub async fn pause(&mut self, pair: &Pair, reason: &str) -> Result<(), DemoError> {
        let request = pb::PauseTableMapRequest { name: pair.name(), reason: reason.to_owned(), ..Default::default() };
        self.maps.pause_table_map(request).await.map_err(DemoError::refused(format!("pausing {}", pair.map)))?;
        Ok(())
    }

    pub async fn resume(&mut self, pair: &Pair) -> Result<(), DemoError> {
        let option = pb::ResumeOption::CatchUp.into();
        let request = pb::ResumeTableMapRequest { name: pair.name(), option, ..Default::default() };
        self.maps.resume_table_map(request).await.map_err(DemoError::refused(format!("resuming {}", pair.map)))?;
        Ok(())
    }

    pub async fn map(&mut self, pair: &Pair) -> Result<pb::TableMap, DemoError> {
        let answer = self.maps.get_table_map(pb::GetTableMapRequest { name: pair.name() }).await;
        Ok(answer.map_err(DemoError::refused(format!("looking at {}", pair.map)))?.into_inner())
    }

    /// The map as soon as it is what is waited for.
    pub async fn until(
        &mut self,
        pair: &Pair,
        what: &str,
        is_so: impl Fn(&pb::TableMap) -> bool,
    ) -> Result<pb::TableMap, DemoError> {
        let start = Instant::now();
        loop {
            let map = self.map(pair).await?;
            if is_so(&map) {
                return Ok(map);
            }
            pause_for(start, || format!("{}: {what}", pair.map)).await?;
        }
    }

    pub async fn until_running(&mut self, pair: &Pair) -> Result<(), DemoError> {
        self.until(pair, "RUNNING", |map| map.state() == pb::TableMapState::Running).await.map(drop)
    }

    /// Waits until nothing of the map is queued or on its way; answers its figures then.
    pub async fn until_drained(&mut self, pair: &Pair) -> Result<pb::QueueStats, DemoError> {
        let start = Instant::now();
        loop {
            let stats = self.stats(pair).await?;
            if stats.queued_count == 0 && stats.in_progress_count == 0 {
                return Ok(stats);
            }
            pause_for(start, || format!("{}: an empty queue", pair.map)).await?;
        }
    }

    pub async fn stats(&mut self, pair: &Pair) -> Result<pb::QueueStats, DemoError> {
        let answer = self.queue.get_queue_stats(pb::GetQueueStatsRequest { name: pair.name() }).await;
        Ok(answer.map_err(DemoError::refused(format!("the figures of {}", pair.map)))?.into_inner())
    }

    /// The latest execution of the map's initial sync.
    pub async fn execution(&mut self, pair: &Pair) -> Result<pb::Execution, DemoError> {
        let request = pb::ListExecutionsRequest { parent: pair.name(), page_size: 1, ..Default::default() };
        let answer = self.sync.list_executions(request).await;
        let answer = answer.map_err(DemoError::refused(format!("the executions of {}", pair.map)))?;
        Ok(answer.into_inner().executions.into_iter().next().unwrap_or_default())
    }

    /// The catch-up errors of a map; there are few.
    pub async fn errors(&mut self, pair: &Pair) -> Result<Vec<pb::QueuedRecord>, DemoError> {
        let request = pb::ListCatchUpErrorsRequest { parent: pair.name(), ..Default::default() };
        let answer = self.queue.list_catch_up_errors(request).await;
        Ok(answer.map_err(DemoError::refused(format!("the errors of {}", pair.map)))?.into_inner().errors)
    }

    /// The activity log of a map, oldest first.
    pub async fn log(&mut self, pair: &Pair) -> Result<Vec<pb::ActivityEvent>, DemoError> {
        let request = pb::ListActivityRequest { parent: pair.name(), page_size: 1_000, ..Default::default() };
        let answer = self.maps.list_activity(request).await;
        Ok(answer.map_err(DemoError::refused(format!("the activity log of {}", pair.map)))?.into_inner().events)
    }

    /// One write, with its status as it is: a refusal may be what is shown.
    pub async fn write(&mut self, change: pb::WriteRecordRequest) -> Result<pb::WriteRecordResponse, Status> {
        self.sync.write_record(change).await.map(tonic::Response::into_inner)
    }

    /// Many writes over one stream; the answers, in the order of the changes.
    pub async fn write_all(
        &mut self,
        changes: Vec<pb::WriteRecordRequest>,
    ) -> Result<Vec<pb::WriteRecordsResponse>, DemoError> {
        let requests = changes.into_iter().map(|change| pb::WriteRecordsRequest { change: Some(change) });
        let refused = || DemoError::refused("writing records");
        let answers = self.sync.write_records(Request::new(tokio_stream::iter(requests))).await;
        let mut answers = answers.map_err(refused())?.into_inner();
        let mut all = Vec::new();
        while let Some(answer) = answers.message().await.map_err(refused())? {
            all.push(answer);
        }
        Ok(all)
    }
}

fn named(mut request: Request<()>) -> Result<Request<()>, Status> {
    request.metadata_mut().insert("tandem-actor", MetadataValue::from_static("demo"));
    Ok(request)
}

/// Waits a moment before the next look, unless it was long enough.
async fn pause_for(start: Instant, what: impl Fn() -> String) -> Result<(), DemoError> {
    if start.elapsed() > PATIENCE {
        return Err(DemoError::Late { what: what(), waited: PATIENCE });
    }
    sleep(LOOK_EVERY).await;
    Ok(())
}
