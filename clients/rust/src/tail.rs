//! Streams of events that go on after a break.

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::Error;
use crate::v1::*;
use futures::future::BoxFuture;
use futures::{Stream, stream};
use tonic::{Status, Streaming};

/// All maps: their events are numbered by position.
const ALL_MAPS: &str = "tableMaps/-";

/// Where an answer is in the stream.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub sequence: i64,
    pub position: i64,
}

/// The request of a stream of events.
pub trait Follow: Clone + Send + 'static {
    type Answer: Send + 'static;
    type Event: Send + 'static;

    fn open(&self, client: Client) -> BoxFuture<'static, Result<Streaming<Self::Answer>, Status>>;

    /// The event, if it is one, and up to where the stream was told with it; None of what is newer than this client.
    fn take(answer: Self::Answer) -> Option<(Option<Self::Event>, Number)>;

    /// Asks for what comes behind.
    fn go_on_after(&mut self, last: Number);
}

fn told(heartbeat: &Heartbeat) -> Number {
    Number { sequence: heartbeat.latest_sequence, position: heartbeat.latest_position }
}

impl Follow for TailActivityRequest {
    type Answer = TailActivityResponse;
    type Event = ActivityEvent;

    fn open(&self, client: Client) -> BoxFuture<'static, Result<Streaming<TailActivityResponse>, Status>> {
        let request = self.clone();
        Box::pin(async move { Ok(client.table_maps().tail_activity(request).await?.into_inner()) })
    }

    fn take(answer: TailActivityResponse) -> Option<(Option<ActivityEvent>, Number)> {
        match answer.item? {
            tail_activity_response::Item::Event(event) => {
                let number = Number { sequence: event.sequence, position: event.position };
                Some((Some(event), number))
            }
            tail_activity_response::Item::Heartbeat(heartbeat) => Some((None, told(&heartbeat))),
        }
    }

    fn go_on_after(&mut self, last: Number) {
        use tail_activity_request::Start;
        self.start = Some(match self.parent == ALL_MAPS {
            true => Start::StartPosition(last.position + 1),
            false => Start::StartSequence(last.sequence + 1),
        });
    }
}

impl Follow for WatchAlertEventsRequest {
    type Answer = WatchAlertEventsResponse;
    type Event = AlertEvent;

    fn open(&self, client: Client) -> BoxFuture<'static, Result<Streaming<WatchAlertEventsResponse>, Status>> {
        let request = self.clone();
        Box::pin(async move { Ok(client.alerts().watch_alert_events(request).await?.into_inner()) })
    }

    fn take(answer: WatchAlertEventsResponse) -> Option<(Option<AlertEvent>, Number)> {
        match answer.item? {
            watch_alert_events_response::Item::AlertEvent(event) => {
                let number = Number { sequence: event.sequence, position: 0 };
                Some((Some(event), number))
            }
            watch_alert_events_response::Item::Heartbeat(heartbeat) => Some((None, told(&heartbeat))),
        }
    }

    fn go_on_after(&mut self, last: Number) {
        self.start = Some(watch_alert_events_request::Start::StartSequence(last.sequence + 1));
    }
}

struct Tail<F: Follow> {
    client: Client,
    request: F,
    stream: Option<Streaming<F::Answer>>,
    backoff: Backoff,
}

impl<F: Follow> Tail<F> {
    /// The next event, after as many breaks as it takes.
    async fn next(&mut self) -> Result<F::Event, Error> {
        loop {
            match self.answer().await {
                Ok(Some(answer)) => {
                    self.backoff.reset();
                    if let Some((event, number)) = F::take(answer) {
                        self.request.go_on_after(number);
                        if let Some(event) = event {
                            return Ok(event);
                        }
                    }
                }
                Err(error) if !error.is_transient() => return Err(error),
                Ok(None) | Err(_) => {
                    self.stream = None;
                    self.backoff.wait().await;
                }
            }
        }
    }

    async fn answer(&mut self) -> Result<Option<F::Answer>, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.request.open(self.client.clone()).await?),
        };
        Ok(stream.message().await?)
    }
}

pub(crate) fn tail<F: Follow>(client: Client, request: F) -> impl Stream<Item = Result<F::Event, Error>> + Send {
    let tail = Tail { client, request, stream: None, backoff: Backoff::default() };
    stream::unfold(Some(tail), |tail| async {
        let mut tail = tail?;
        let event = tail.next().await;
        let further = event.is_ok().then_some(tail);
        Some((event, further))
    })
}
