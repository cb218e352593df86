//! Lists of any length.

use crate::client::Client;
use crate::error::Error;
use crate::v1::*;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt, TryStreamExt, stream};

/// The items of a page, and the token of the next; empty on the last one.
pub type Page<T> = Result<(Vec<T>, String), Error>;

/// The request of a method that answers in pages.
pub trait List: Clone + Send + 'static {
    type Item: Send + 'static;

    /// One page.
    fn page(&self, client: Client) -> BoxFuture<'static, Page<Self::Item>>;

    /// Asks for the page of this token.
    fn go_on(&mut self, page_token: String);
}

macro_rules! lists {
    ($($request:ty, $service:ident.$method:ident -> $items:ident: $item:ty;)*) => {$(
        impl List for $request {
            type Item = $item;

            fn page(&self, client: Client) -> BoxFuture<'static, Page<$item>> {
                let request = self.clone();
                Box::pin(async move {
                    let page = client.$service().$method(request).await?.into_inner();
                    Ok((page.$items, page.next_page_token))
                })
            }

            fn go_on(&mut self, page_token: String) {
                self.page_token = page_token;
            }
        }
    )*};
}

lists! {
    ListTableMapsRequest, table_maps.list_table_maps -> table_maps: TableMap;
    ListTableMapVersionsRequest, table_maps.list_table_map_versions -> versions: TableMapVersion;
    ListActivityRequest, table_maps.list_activity -> events: ActivityEvent;
    ListApplicationsRequest, table_maps.list_applications -> applications: Application;
    ListTablesRequest, table_maps.list_tables -> tables: Table;
    ListExecutionsRequest, sync.list_executions -> executions: Execution;
    ListExecutionErrorsRequest, sync.list_execution_errors -> errors: ExecutionError;
    ListQueuedRecordsRequest, queue.list_queued_records -> queued_records: QueuedRecord;
    ListCatchUpErrorsRequest, queue.list_catch_up_errors -> errors: QueuedRecord;
    ListQueueJobsRequest, queue.list_queue_jobs -> queue_jobs: QueueJob;
    ListErrorGroupsRequest, queue.list_error_groups -> error_groups: ErrorGroup;
    ListAlertSettingsRequest, alerts.list_alert_settings -> alert_settings: AlertSetting;
    ListAlertEventsRequest, alerts.list_alert_events -> alert_events: AlertEvent;
    ListNotificationsRequest, alerts.list_notifications -> notifications: Notification;
}

pub(crate) fn list<L: List>(client: Client, request: L) -> impl Stream<Item = Result<L::Item, Error>> + Send {
    let pages = stream::try_unfold(Some((client, request)), |state| async move {
        let Some((client, mut request)) = state else { return Ok(None) };
        let (items, next) = request.page(client.clone()).await?;
        let further = (!next.is_empty()).then(|| {
            request.go_on(next);
            (client, request)
        });
        Ok::<_, Error>(Some((stream::iter(items).map(Ok), further)))
    });
    pages.try_flatten()
}
