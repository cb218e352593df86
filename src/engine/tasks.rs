//! Every task of the service belongs to one owner here and hears its token, so that shutdown can wait for all of them.

use std::future::Future;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The owner of all tasks. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Owned>);

#[derive(Debug, Default)]
struct Owned {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Tasks {
    /// Starts a task. It must end by itself soon after `token` is cancelled.
    #[allow(clippy::disallowed_methods)] // the one place
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.tracker.spawn(task)
    }

    /// Cancelled when the service shuts down.
    pub fn token(&self) -> &CancellationToken {
        &self.0.token
    }

    /// Tells all tasks to end; ends when the last one has.
    pub async fn shut_down(&self) {
        self.0.token.cancel();
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// How many have not ended.
    pub fn left(&self) -> usize {
        self.0.tracker.len()
    }
}
