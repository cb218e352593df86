//! What becomes of a change when its destination has answered.

use super::entry::{Entry, Source};
use super::task::MapTask;
use crate::engine::delivery::{Outcome, Outcomes};
use crate::engine::error::EngineError;
use crate::model::activity::{Event, EventError, EventKind, Severity};
use crate::model::change::{Answer, Change, Disposition, Ending};
use crate::model::failure::Failure;
use crate::model::figures::Figures;
use crate::model::ids::QueueSequence;
use crate::model::lanes::Ticket;
use crate::model::table_map::Side;
use crate::store::Operation;
use std::time::Duration;
use tokio::time::Instant;

/// Errors within this time are told in one event.
const FOLD: Duration = Duration::from_secs(1);

/// Errors that happened since the last event that told of errors.
pub(super) struct FoldedErrors {
    ends: Instant,
    /// The first of them, and how many; none yet when only the time runs.
    first: Option<Event>,
    count: i64,
}

/// Ends when the burst is to be told.
pub(super) async fn fold_ends(folded: &Option<FoldedErrors>) {
    match folded {
        Some(folded) => tokio::time::sleep_until(folded.ends).await,
        None => std::future::pending().await,
    }
}

impl MapTask {
    /// Takes in what became of some entries.
    pub fn settle(&mut self, Outcomes { tickets, outcome }: Outcomes) {
        for ticket in tickets {
            self.settle_one(Ticket(ticket), outcome.clone());
        }
    }

    fn settle_one(&mut self, ticket: Ticket, outcome: Outcome) {
        let Some(entry) = self.drain.entries.get(ticket) else { return };
        let gone = matches!(entry.source, Source::Gone);
        let retry = matches!(entry.source, Source::Retry { .. });
        tracing::trace!(map = %self.map.id, key = %entry.change.key, ?outcome, "has ended");
        let destination = entry.change.source.other();
        if let Some(mut echo) = self.running.as_ref().and_then(|running| running.sides.get(destination).echo()) {
            let (arrived, now) = (outcome == Outcome::Written, self.context.clock.now());
            echo.settled(&entry.change.key, arrived, now);
        }
        match outcome {
            _ if gone => drop(self.remove_entry(ticket)),
            outcome if retry => self.retry_settled(ticket, outcome),
            Outcome::Written => self.written(ticket),
            Outcome::Refused(failure, attempts) => self.refused(ticket, failure, attempts),
            Outcome::Down(failure) => self.met_an_outage(ticket, failure),
            Outcome::Withdrawn => self.withdrawn(ticket),
        }
    }

    fn written(&mut self, ticket: Ticket) {
        if let Some(Entry { source: Source::Queued { record }, change, yielded, .. }) = self.entry(ticket) {
            let sequence = record.sequence;
            if self.keeps_errors() {
                let (change, yielded) = (change.clone(), yielded.clone());
                self.note_written(&change, &yielded, change.source.other(), sequence);
            }
            self.applied.push(sequence);
            return self.leave(ticket);
        }
        let removed = self.remove_entry(ticket).map(|entry| *entry);
        let Some(Entry { source: Source::Direct { reply, before, .. }, change, yielded, .. }) = removed else { return };
        let answer = Answer { disposition: Disposition::Applied, sequence: QueueSequence(0), reason: String::new() };
        let figures = Figures { accepted: 1, applied: 1, ..Figures::default() };
        self.later(Operation::Count { source: change.source, figures });
        self.remember(&change, &answer);
        if self.keeps_errors() {
            // Rule 3: no older error of its key is written over it, also when the service dies right after the answer.
            for side in Side::BOTH {
                self.note_written(&change, &yielded, side, before);
            }
            return self.ends_next.replies.push((reply, answer));
        }
        // Rule 1: APPLIED is in the destination.
        let _ = reply.send(Ok(answer));
    }

    pub fn refused(&mut self, ticket: Ticket, failure: Failure, attempts: u32) {
        let Some(entry) = self.entry(ticket) else { return };
        if entry.settled {
            return self.leave_as(ticket, Ending::Superseded);
        }
        let change = entry.change.clone();
        let queued = match &entry.source {
            Source::Queued { record } => Some(record.sequence),
            Source::Retry { .. } => return self.retry_settled(ticket, Outcome::Refused(failure, attempts)),
            Source::Direct { .. } | Source::Gone => None,
        };
        self.log_error(&change, &failure);
        if let Some(sequence) = queued {
            let time = self.context.clock.now();
            self.later(Operation::Fail { sequence, failure, time, attempts });
            self.in_error += 1;
            return self.leave(ticket);
        }
        let application = self.map.definition.table(change.source.other()).application.clone();
        let error =
            EngineError::RecordRefused { map: self.map.id.clone(), key: change.key.to_string(), application, failure };
        self.fail_direct(ticket, error);
    }

    /// The destination as a whole failed. A queued record waits at its destination and never comes here.
    fn met_an_outage(&mut self, ticket: Ticket, failure: Failure) {
        let Some(change) = self.entry(ticket).map(|entry| entry.change.clone()) else { return };
        self.log_error(&change, &failure);
        let application = self.map.definition.table(change.source.other()).application.clone();
        self.fail_direct(ticket, crate::engine::applications::down(&application, failure));
    }

    fn fail_direct(&mut self, ticket: Ticket, error: EngineError) {
        let removed = self.remove_entry(ticket).map(|entry| *entry);
        if let Some(Entry { source: Source::Direct { reply, .. }, change, .. }) = removed {
            self.forget_unanswered(&change.change_id);
            let _ = reply.send(Err(error));
        }
    }

    fn withdrawn(&mut self, ticket: Ticket) {
        match self.entry(ticket).map(|entry| &entry.source) {
            Some(Source::Queued { .. }) if !self.drains() => drop(self.remove_entry(ticket)),
            Some(Source::Queued { .. } | Source::Direct { .. }) => self.ready_again(ticket),
            Some(Source::Retry { .. } | Source::Gone) | None => {}
        }
    }

    /// A synchronous write that its map's pause withdrew is queued; a stop refuses it. So does a pause where a later change of
    /// its key was queued while it hung at its destination: behind that one it would come over it (rule 2).
    pub fn queue_instead(&mut self, entry: Entry) {
        let Entry { source: Source::Direct { reply, overtaken, .. }, change, .. } = entry else { return };
        let map = self.map.id.clone();
        let refusal = if !self.map.state.holds_back() {
            EngineError::MapNotRunning { map }
        } else if overtaken {
            EngineError::KeyBusy { map, key: change.key.to_string() }
        } else {
            return self.arrive(change, reply, false);
        };
        self.forget_unanswered(&change.change_id);
        let _ = reply.send(Err(refusal));
    }

    /// Tells of an error: the first at once, those of the second after it together.
    pub fn log_error(&mut self, change: &Change, failure: &Failure) {
        let key = match &self.running {
            Some(running) => running.plan.key_row(Side::Left, &change.key),
            None => Default::default(),
        };
        let application = &self.map.definition.table(change.source.other()).application;
        let summary = format!("key {}: {application} did not take the record: {failure}", change.key);
        let mut event = self.event(EventKind::RecordError, Severity::Error, summary);
        event.error = Some(EventError {
            kind: failure.kind,
            code: failure.code.clone(),
            message: failure.message.clone(),
            key,
            correlation_id: change.correlation_id.to_string(),
        });
        if let Some(error) = &event.error {
            self.count_error(error, 1);
        }
        match &mut self.folded {
            Some(folded) => {
                folded.count += 1;
                folded.first.get_or_insert(event);
            }
            None => {
                event.counts.insert("errors".to_owned(), 1);
                self.later(Operation::Log(event));
                self.folded = Some(FoldedErrors { ends: Instant::now() + FOLD, first: None, count: 0 });
            }
        }
    }

    /// The second is over: what happened in it is one event; a quiet one ends the burst.
    pub fn log_folded(&mut self) {
        let Some(FoldedErrors { first: Some(mut event), count, .. }) = self.folded.take() else { return };
        event.counts.insert("errors".to_owned(), count);
        if count > 1 {
            event.summary = format!("{count} records were not taken; the first: {}", event.summary);
        }
        self.later(Operation::Log(event));
        self.folded = Some(FoldedErrors { ends: Instant::now() + FOLD, first: None, count: 0 });
    }
}
