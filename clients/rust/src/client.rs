//! A connection to a server, and the four services behind it.

use crate::calls::Calls;
use crate::error::Error;
use crate::list::{List, list};
use crate::options::{ConnectError, Options};
use crate::tail::{Follow, tail};
use crate::v1::alert_service_client::AlertServiceClient;
use crate::v1::queue_service_client::QueueServiceClient;
use crate::v1::sync_service_client::SyncServiceClient;
use crate::v1::table_map_service_client::TableMapServiceClient;
use crate::v1::{ActivityEvent, AlertEvent, TailActivityRequest, WatchAlertEventsRequest};
use crate::writer::{Writer, WriterOptions};
use futures::Stream;

/// The services, as the stubs that tonic generates. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Client(Calls);

impl Client {
    /// Prepares a connection; it comes about with the first call, and again after a break. To be called within a runtime.
    pub fn connect(options: Options) -> Result<Client, ConnectError> {
        Ok(Client(Calls::new(options.channel()?, options.shown()?)))
    }

    /// The same for who wants to know at once whether the server is there.
    pub async fn connect_now(options: Options) -> Result<Client, ConnectError> {
        Ok(Client(Calls::new(options.connected().await?, options.shown()?)))
    }

    pub fn table_maps(&self) -> TableMapServiceClient<Calls> {
        TableMapServiceClient::new(self.0.clone())
    }

    pub fn sync(&self) -> SyncServiceClient<Calls> {
        SyncServiceClient::new(self.0.clone())
    }

    pub fn queue(&self) -> QueueServiceClient<Calls> {
        QueueServiceClient::new(self.0.clone())
    }

    pub fn alerts(&self) -> AlertServiceClient<Calls> {
        AlertServiceClient::new(self.0.clone())
    }

    /// What the services call over, for stubs of other services.
    pub fn calls(&self) -> Calls {
        self.0.clone()
    }

    /// Every item of a list, page after page, as they are asked for. The request's `page_size` is the size of a page. It
    /// ends with the first error.
    pub fn list<L: List>(&self, request: L) -> impl Stream<Item = Result<L::Item, Error>> + Send + use<L> {
        list(self.clone(), request)
    }

    /// Follows the activity log of one map or of all, also through breaks: no event is lost, none comes twice. An error that
    /// does not pass by itself ends it: LOG_TRIMMED when retention was faster. To go on in another process, keep the number
    /// of the last event that was dealt with and begin with the next.
    pub fn tail_activity(
        &self,
        request: TailActivityRequest,
    ) -> impl Stream<Item = Result<ActivityEvent, Error>> + Send + use<> {
        self.follow(request)
    }

    /// Follows the alert events in the same way.
    pub fn watch_alert_events(
        &self,
        request: WatchAlertEventsRequest,
    ) -> impl Stream<Item = Result<AlertEvent, Error>> + Send + use<> {
        self.follow(request)
    }

    fn follow<F: Follow>(&self, request: F) -> impl Stream<Item = Result<F::Event, Error>> + Send + use<F> {
        tail(self.clone(), request)
    }

    /// Writes many changes over one stream. To be called within a runtime.
    pub fn writer(&self, options: WriterOptions) -> Writer {
        Writer::start(self.sync(), options)
    }
}
