//! A request that arrives: in its time, and in no more memory than its client may take.

use super::config::Limits;
use super::quotas::Held;
use crate::services::status::CallError;
use axum::body::{Body, Bytes, HttpBody};
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::{Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::Status;

/// What every request may take without being counted: whoever has much under way can still ask how it is.
const FREE_BYTES: usize = 4 * 1024;

/// The body of a request that is no stream.
pub struct Arriving {
    inner: Body,
    held: Arc<Held>,
    /// What is left of the bytes that are not counted.
    free: usize,
    /// A piece that has arrived, and room for it, which has not come yet.
    waiting: Option<(Frame<Bytes>, BoxFuture<'static, ()>)>,
    timeout: Duration,
    late: Pin<Box<Sleep>>,
}

impl Arriving {
    pub fn new(inner: Body, held: Arc<Held>, limits: &Limits) -> Self {
        let timeout = limits.request_timeout;
        Self { inner, held, free: FREE_BYTES, waiting: None, timeout, late: Box::pin(tokio::time::sleep(timeout)) }
    }

    /// The next piece, when there is room for it. While there is none nothing is read, which holds the sender back.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.waiting.is_none() {
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let counted = bytes.saturating_sub(self.free);
            self.free = self.free.saturating_sub(bytes);
            if counted == 0 {
                return Poll::Ready(Some(Ok(frame)));
            }
            self.waiting = Some((frame, self.held.clone().take(counted).boxed()));
        }
        match self.waiting.as_mut() {
            Some((_, room)) => ready!(room.poll_unpin(context)),
            None => return Poll::Pending, // it was set above
        }
        Poll::Ready(self.waiting.take().map(|(frame, _)| Ok(frame)))
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let arrived = self.next(context);
        if arrived.is_pending() && self.late.as_mut().poll(context).is_ready() {
            let late = CallError::RequestTooSlow { timeout: self.timeout };
            return Poll::Ready(Some(Err(axum::Error::new(Status::from(late)))));
        }
        arrived
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
