//! Every task of the service belongs to one owner here and hears its token, so that shutdown can wait for all of them.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::{JoinError, JoinHandle};
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
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.tracker.spawn(task)
    }

    /// Does what waits for a disk, or computes for long, beside the tasks.
    pub fn spawn_blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.0.tracker.spawn_blocking(work)
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

/// What a task that nobody aborts came to; where it panicked, so does whoever waited for it.
pub fn result_of<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Lets a task that this one has woken begin beside it. Until this one waits for something the runtime keeps the other for the same
/// thread, also where others are idle; so whoever works for long after it has woken somebody comes by here.
pub async fn step_aside() {
    let mut is_back = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_back, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
