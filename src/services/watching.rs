//! Streams that show one thing as it goes on: at once, then at most once a second when it has come further, at least every ten
//! seconds, and at once when it has ended, which ends the stream.

use super::answers::{self, Answers};
use super::status::CallError;
use crate::engine::error::EngineError;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two messages, at least.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked within that time whether it has ended.
const LOOK: Duration = Duration::from_millis(100);
/// After which there is a message in any case.
const QUIET_MAX: Duration = Duration::from_secs(10);

/// What is watched.
pub(super) trait Looked: Send + 'static {
    type Message: Send;

    /// It as it is now, and whether it has ended.
    fn look(&mut self) -> Result<(Self::Message, bool), EngineError>;
}

struct Watching<L, T> {
    looked: L,
    further: watch::Receiver<T>,
    closing: CancellationToken,
    /// None before the first message.
    told: Option<Instant>,
}

pub(super) fn watched<L: Looked, T: Send + Sync + 'static>(
    looked: L,
    further: watch::Receiver<T>,
    closing: CancellationToken,
) -> Answers<L::Message> {
    let watching = Watching { looked, further, closing, told: None };
    let answers = futures::stream::unfold(Some(watching), |watching| async move {
        let mut watching = watching?;
        match watching.next().await {
            Ok((message, ended)) => Some((Ok(message), (!ended).then_some(watching))),
            Err(error) => Some((Err(CallError::from(error).into()), None)),
        }
    });
    answers::guarded(answers)
}

impl<L: Looked, T: Send + Sync + 'static> Watching<L, T> {
    async fn next(&mut self) -> Result<(L::Message, bool), EngineError> {
        let closing = self.closing.clone();
        let next = closing.run_until_cancelled(self.further()).await;
        next.unwrap_or(Err(EngineError::ShuttingDown))
    }

    async fn further(&mut self) -> Result<(L::Message, bool), EngineError> {
        if let Some(told) = self.told {
            // An ended sender is a map that was deleted or is started again: the look says which.
            let _ = tokio::time::timeout_at(told + QUIET_MAX, self.further.changed()).await;
        }
        loop {
            self.further.mark_unchanged();
            let (message, ended) = self.looked.look()?;
            let left = self.told.map(|told| (told + INTERVAL).saturating_duration_since(Instant::now()));
            match left.filter(|left| !ended && !left.is_zero()) {
                Some(left) => tokio::time::sleep(left.min(LOOK)).await,
                None => {
                    self.told = Some(Instant::now());
                    return Ok((message, ended));
                }
            }
        }
    }
}
