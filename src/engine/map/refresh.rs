//! Reading at the source what is not known here, when the turn of a change in its lane has come: the columns of a record
//! that may not be at the other side (rule 9), and what is really there when an echo is unclear (rule 10). It waits for
//! transactions that are changing the record, since applications tell of changes before they commit. Few changes need it.

use super::entry::Source;
use super::task::MapTask;
use crate::connectors::{Application, KeyRead};
use crate::model::backoff::Backoff;
use crate::model::change::{Cause, Ending, Operation};
use crate::model::failure::{Failure, Reach};
use crate::model::lanes::Ticket;
use crate::model::row::Row;
use crate::model::table_map::Side;
use crate::store::{self, RetryResult};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::time::Duration;

/// Rows that a map reads at one time; more refreshes wait.
const READS_MAX: usize = 16;
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(15);

/// Reads that are under way. Each ends with the row, or none when its source has none; a source that is away is asked again
/// until it answers (rule 8).
pub(super) type Reads = FuturesUnordered<BoxFuture<'static, (Ticket, Result<Option<Row>, Failure>)>>;

/// How far a refresh is.
#[derive(Default)]
pub(super) enum Fetched {
    /// Not begun; what an entry that is no refresh always is.
    #[default]
    Not,
    /// It is being read. What crosses it meanwhile takes columns from it as before.
    Reading,
    /// The row as its source has it, or none.
    Row(Option<Row>),
}

/// Whether an entry has to be read before it can be written.
pub(super) enum Fetch {
    NotNeeded,
    Begun,
    /// So many are being read that it has to wait.
    Later,
}

impl MapTask {
    /// Begins to read what a refresh writes, if it is one and its row is not there yet.
    pub fn fetch(&mut self, side: Side, ticket: Ticket) -> Fetch {
        let (Some(running), Some(entry)) = (&self.running, self.drain.entries.get_mut(ticket)) else {
            return Fetch::NotNeeded;
        };
        if matches!(entry.change.cause, Cause::Caller | Cause::Settlement | Cause::Again)
            || matches!(entry.fetched, Fetched::Row(_))
        {
            return Fetch::NotNeeded;
        }
        if self.reads.len() >= READS_MAX {
            return Fetch::Later;
        }
        let Ok(application) = self.context.applications.get(&self.map.definition.table(side).application) else {
            return Fetch::Later; // it is not configured; the map waits for it
        };
        entry.fetched = Fetched::Reading;
        let application = application.clone();
        let key = entry.change.key.values().to_vec();
        let table = running.sides.get(side).table.clone();
        let (columns, key_columns) = (running.plan.source_columns(side), running.plan.key_columns(side));
        self.reads.push(Box::pin(async move {
            let read =
                KeyRead { table: &table, columns: &columns, key: &key_columns, keys: &[key], wait_for_changes: true };
            (ticket, read_one(&*application, &read).await)
        }));
        Fetch::Begun
    }

    /// A row was read: now it goes out.
    pub fn refreshed(&mut self, (ticket, read): (Ticket, Result<Option<Row>, Failure>)) {
        let Some(entry) = self.drain.entries.get_mut(ticket) else { return };
        match read {
            Err(failure) => self.refused(ticket, failure, 1),
            // Whoever removed it there has said so, or will. What was told of it may not be committed yet.
            Ok(None)
                if entry.change.operation == Operation::Upsert
                    && (entry.change.cause == Cause::Reread || entry.change.row.is_empty()) =>
            {
                self.leave_as(ticket, Ending::Superseded)
            }
            Ok(row) => {
                entry.fetched = Fetched::Row(row);
                self.ready_again(ticket);
            }
        }
    }

    /// Takes a queued record out of the lanes and of the queue, and an error out of the errors: nothing of it is to be written.
    pub fn leave_as(&mut self, ticket: Ticket, ending: Ending) {
        match self.entry(ticket).map(|entry| &entry.source) {
            Some(Source::Queued { record }) => {
                let sequences = vec![record.sequence];
                self.later(store::Operation::Leave { sequences, ending });
                self.leave(ticket);
            }
            Some(Source::Retry { .. }) => self.retry_ends(ticket, RetryResult::Superseded),
            Some(Source::Direct { .. } | Source::Gone) | None => self.leave(ticket),
        }
    }
}

/// Only a row that cannot be read is a failure.
async fn read_one(application: &dyn Application, read: &KeyRead<'_>) -> Result<Option<Row>, Failure> {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
    loop {
        match application.read_keys(read).await {
            Ok(rows) => return Ok(rows.into_iter().next()),
            Err(failure) if failure.kind.reach() == Reach::Record => return Err(failure),
            Err(failure) => {
                tracing::warn!(application = %application.id(), %failure, "a row that both sides changed waits to be read");
                tokio::time::sleep(backoff.next(rand::random())).await;
            }
        }
    }
}
