//! Streams that follow something that grows, until the caller goes or the server shuts down.

use super::answers::{self, Answers};
use super::status::CallError;
use crate::engine::error::EngineError;
use futures::StreamExt;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// What is followed.
pub(super) trait Followed: Send + 'static {
    type Message: Send + 'static;

    /// Waits for what comes next, in its order.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Self::Message>, EngineError>> + Send;
}

pub(super) fn followed<F: Followed>(followed: F, closing: CancellationToken) -> Answers<F::Message> {
    let read = futures::stream::unfold(Some((followed, closing)), |following| async move {
        let (mut followed, closing) = following?;
        let next = closing.run_until_cancelled(followed.next()).await.unwrap_or(Err(EngineError::ShuttingDown));
        match next {
            Ok(messages) => Some((Ok(messages), Some((followed, closing)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    let messages = read.flat_map(|next| {
        let messages: Vec<_> = match next {
            Ok(messages) => messages.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(CallError::from(error).into())],
        };
        futures::stream::iter(messages)
    });
    answers::guarded(messages)
}
