//! What holds for every call: it shows the token, and is repeated as the service config says.

use crate::config::{RetryPolicy, retry_policy};
use crate::v1::WriteRecordRequest;
use bytes::{BufMut, Bytes, BytesMut};
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use prost::Message;
use std::error::Error;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Status, TimeoutExpired};
use tower::Service;

const WRITE_RECORD: &str = "/tandem.v1.SyncService/WriteRecord";
const TIMEOUT: &str = "grpc-timeout";
const STATUS: &str = "grpc-status";
/// Before each message of gRPC: whether it is compressed, and its length.
const PREFIX_LEN: usize = 5;

type Answered = Result<Response<Body>, Status>;

/// A connection for stubs. Clones share it.
#[derive(Debug, Clone)]
pub struct Calls {
    channel: Channel,
    shown: Option<MetadataValue<Ascii>>,
}

impl Calls {
    pub(crate) fn new(channel: Channel, shown: Option<MetadataValue<Ascii>>) -> Calls {
        Calls { channel, shown }
    }
}

impl Service<Request<Body>> for Calls {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Answered>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(())) // each attempt waits for the connection itself
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(shown) = self.shown.as_ref().and_then(|shown| shown.to_str().ok()?.parse().ok()) {
            let mut shown: http::HeaderValue = shown;
            shown.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, shown);
        }
        let channel = self.channel.clone();
        match retry_policy(request.uri().path()) {
            None => Box::pin(attempt(channel, request)),
            Some(policy) => Box::pin(repeat(channel, request, policy)),
        }
    }
}

async fn attempt(mut channel: Channel, request: Request<Body>) -> Answered {
    poll_fn(|context| channel.poll_ready(context)).await.map_err(broken)?;
    channel.call(request).await.map_err(broken)
}

/// What a call ends with that the transport has ended. A connection that breaks just as a call is sent is cancelled, or unknown,
/// to the layers below, and UNAVAILABLE to everybody else.
fn broken(error: tonic::transport::Error) -> Status {
    let mut told = error.to_string();
    let mut layer = error.source();
    while let Some(below) = layer {
        if below.is::<TimeoutExpired>() {
            return Status::deadline_exceeded("the call's time is over");
        }
        told = format!("{told}: {below}");
        layer = below.source();
    }
    let status = Status::from_error(Box::new(error));
    match status.code() {
        Code::Cancelled | Code::Unknown | Code::Internal => Status::unavailable(told),
        _ => status,
    }
}

async fn repeat(channel: Channel, request: Request<Body>, policy: &RetryPolicy) -> Answered {
    let (mut head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(status) => return Ok(status.into_http()),
    };
    // A repeat is the same change: the server knows it by its id.
    let body = if head.uri.path() == WRITE_RECORD { named(body) } else { body };
    let deadline = timeout(&head.headers).map(|timeout| Instant::now() + timeout);
    let mut attempts = 0;
    loop {
        if let Some(left) = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            let left = format!("{}m", left.as_millis().max(1));
            head.headers.insert(TIMEOUT, left.parse().expect("digits and a letter"));
        }
        let again = Request::from_parts(head.clone(), Body::new(Full::new(body.clone())));
        let answered = attempt(channel.clone(), again).await;
        attempts += 1;
        let code = match &answered {
            Ok(response) => code(response.headers()),
            Err(status) => status.code(),
        };
        let wait = policy.backoff(attempts);
        let in_time = deadline.is_none_or(|deadline| Instant::now() + wait < deadline);
        if !policy.repeats(code) || attempts == policy.max_attempts || !in_time {
            return answered;
        }
        tokio::time::sleep(wait).await;
    }
}

/// How a call ended that has no answer; a call that has one tells it at its end.
fn code(headers: &HeaderMap) -> Code {
    headers.get(STATUS).map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let (number, unit) =
        headers.get(TIMEOUT)?.to_str().ok().map(|given| given.split_at(given.len().saturating_sub(1)))?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number.saturating_mul(3_600))),
        "M" => Some(Duration::from_secs(number.saturating_mul(60))),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// The change, with an id if it has none; what is compressed or no change is left as it is.
fn named(body: Bytes) -> Bytes {
    let plain = body.first() == Some(&0) && body.len() >= PREFIX_LEN;
    let change = plain.then(|| WriteRecordRequest::decode(&body[PREFIX_LEN..]).ok()).flatten();
    let Some(mut change) = change.filter(|change| change.change_id.is_empty()) else { return body };
    change.change_id = uuid::Uuid::new_v4().to_string();
    let mut named = BytesMut::with_capacity(PREFIX_LEN + change.encoded_len());
    named.put_u8(0);
    named.put_u32(u32::try_from(change.encoded_len()).unwrap_or(u32::MAX));
    change.encode(&mut named).expect("there is room, it grows");
    named.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(change: &WriteRecordRequest) -> Bytes {
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(change.encoded_len() as u32);
        change.encode(&mut body).unwrap();
        body.freeze()
    }

    #[test]
    fn a_change_gets_an_id_once() {
        let without = framed(&WriteRecordRequest { table_map: "tableMaps/orders".to_owned(), ..Default::default() });
        let named_once = named(without.clone());
        let change = WriteRecordRequest::decode(&named_once[PREFIX_LEN..]).unwrap();
        assert_eq!((change.table_map.as_str(), change.change_id.len()), ("tableMaps/orders", 36));
        assert_eq!(named_once, framed(&change));
        assert_eq!(named(named_once.clone()), named_once);
        assert_eq!(named(Bytes::from_static(b"\x01not plain")), "\x01not plain");
        assert_eq!(named(Bytes::new()), "");
    }

    /// A server that is there and says nothing.
    #[tokio::test]
    async fn a_call_ends_when_its_time_is_over() {
        let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Some(format!("http://{}", mute.local_addr().unwrap()));
        let client = crate::Client::connect(crate::Options { server, ..Default::default() }).unwrap();
        let mut request = tonic::Request::new(crate::v1::ListTableMapsRequest::default());
        request.set_timeout(Duration::from_millis(100));
        let error = crate::Error::from(client.table_maps().list_table_maps(request).await.unwrap_err());
        assert_eq!((error.code, error.is_transient()), (Code::DeadlineExceeded, false), "{error}");
    }

    /// None is there any more.
    #[tokio::test]
    async fn a_server_that_is_not_reached_is_unavailable() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Some(format!("http://{gone}"));
        let client = crate::Client::connect(crate::Options { server, ..Default::default() }).unwrap();
        let request = crate::v1::PauseTableMapRequest::default();
        let error = crate::Error::from(client.table_maps().pause_table_map(request).await.unwrap_err());
        assert_eq!((error.code, error.is_transient()), (Code::Unavailable, true), "{error}");
    }
}
