//! The next page of the queue, read beside the map's task while it works on what it has.

use super::entry::Entry;
use crate::engine::error::EngineError;
use crate::engine::tasks::result_of;
use crate::model::ids::QueueSequence;
use crate::store::StoreError;
use tokio::task::JoinHandle;

/// As they go into the lanes, which keep them boxed.
pub(super) type Records = Vec<Box<Entry>>;

/// A page shows the queue as it was when it was read. What has left it since, the task knows until the store knows as well; the page
/// must be forgotten when the task does no longer.
#[derive(Default)]
pub(super) enum NextPage {
    #[default]
    NotAsked,
    Asked {
        /// The last record that was queued when it was.
        to: QueueSequence,
        reading: JoinHandle<Result<Records, StoreError>>,
    },
    Read {
        to: QueueSequence,
        records: Records,
    },
}

impl NextPage {
    pub fn is_asked(&self) -> bool {
        !matches!(self, NextPage::NotAsked)
    }

    /// Ends when the page that was asked for is there; never where none was.
    pub async fn is_read(&mut self) -> Result<(), EngineError> {
        let NextPage::Asked { to, reading } = self else { return std::future::pending().await };
        let records = result_of(reading.await)?;
        *self = NextPage::Read { to: *to, records };
        Ok(())
    }

    /// The page, once it is there, and how far the queue went.
    pub fn take(&mut self) -> Option<(Records, QueueSequence)> {
        match std::mem::take(self) {
            NextPage::Read { to, records } => Some((records, to)),
            other => {
                *self = other;
                None
            }
        }
    }

    /// It is not what the store has any more, or not wanted.
    pub fn forget(&mut self) {
        *self = NextPage::NotAsked;
    }
}
