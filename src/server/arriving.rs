//! A request that arrives: in its time, and in no more memory than its client may take.

use super::config::Limits;
use super::quotas::Held;
use crate::services::status::CallError;
use axum::body::{Body, Bytes};
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

/// What every request may take without being counted: whoever has much under way can still ask how it is.
const FREE_BYTES: usize = 4 * 1024;

/// The body of a request that is no stream. While there is no room for a piece of it nothing more is read, which holds the
/// sender back; a request that is late ends with a status that says so.
pub fn arriving(inner: Body, held: Arc<Held>, limits: &Limits) -> Body {
    let timeout = limits.request_timeout;
    let late = Instant::now() + timeout;
    let pieces = stream::unfold(Some((inner, FREE_BYTES)), move |arriving| {
        let held = held.clone();
        async move {
            let (mut inner, free) = arriving?;
            let next = async {
                let frame = inner.frame().await;
                let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
                let counted = bytes.saturating_sub(free);
                if counted > 0 {
                    held.take(counted).await;
                }
                (frame, free.saturating_sub(bytes))
            };
            match timeout_at(late, next).await {
                Ok((frame, free)) => Some((frame?, Some((inner, free)))),
                Err(_) => {
                    let late = Status::from(CallError::RequestTooSlow { timeout });
                    Some((Err(axum::Error::new(late)), None))
                }
            }
        }
    });
    Body::new(StreamBody::new(pieces))
}
