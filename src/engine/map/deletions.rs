//! Deletions: what an operator gives up, queued records and errors, goes in steps that are not felt by writes. They need no
//! destination, so they go on whatever the map's state is.

use super::Correction;
use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::engine::reading::Held;
use crate::model::activity::{EventKind, Severity};
use crate::model::change::{Ending, ErrorRecord, QueuedRecord};
use crate::model::filter::Candidate;
use crate::model::ids::QueueSequence;
use crate::model::job::{Deletes, JobKind, JobOutcome, QueueJob};
use crate::store::Operation;

/// Records that one step looks at.
const STEP_RECORDS: usize = 500;
const STEP_BYTES: usize = 1024 * 1024;

const UNDER_WAY: &str = "it is on its way to its destination";

impl MapTask {
    /// Goes one step further with the deletion whose turn it is; true when there is more to do.
    pub fn delete_some(&mut self) -> Result<bool, EngineError> {
        // What is diverted is to be found where errors are.
        if self.diverting || !self.has_room_for_lazy() {
            return Ok(false);
        }
        let Some(mut job) = self.jobs.deletions.pop_front() else { return Ok(false) };
        let JobKind::DeleteQueuedRecords(deletes) = job.kind else { return Ok(true) };
        let records = self.next_held(deletes, &job)?;
        let Some(last) = records.last().map(|held| held.record().sequence) else {
            self.deletion_ended(job);
            self.drop_needless_notes()?;
            return Ok(true);
        };
        let (mut queued, mut errors) = (Vec::new(), Vec::new());
        for held in records {
            let sequence = held.record().sequence;
            if !job.selection.picks(sequence.0, &Candidate::from(&held)) {
                continue;
            }
            let gives_up = match &held {
                Held::Queued(record) => self.give_up_queued(record, &mut queued),
                Held::Error(error) if error.number > job.through => continue, // it failed since
                Held::Error(_) => self.give_up_error(sequence, &mut errors),
                Held::Retried(_) => continue,
            };
            match gives_up {
                GivesUp::Yes => job.count(JobOutcome::Done),
                GivesUp::UnderWay => job.count_with_reason(JobOutcome::Skipped, UNDER_WAY.to_owned(), 1, None),
                GivesUp::Gone => {}
            }
        }
        job.position = last.0;
        if !queued.is_empty() {
            self.later(Operation::Leave { sequences: queued, ending: Ending::Deleted });
        }
        if !errors.is_empty() {
            self.later(Operation::RemoveErrors { sequences: errors, ending: Ending::Deleted });
        }
        self.later(Operation::PutJob(Box::new(job.clone())));
        self.ends_next.jobs = true;
        self.jobs.deletions.push_front(job);
        Ok(true)
    }

    /// What comes next of what the job may take, in the order of acceptance.
    fn next_held(&self, deletes: Deletes, job: &QueueJob) -> Result<Vec<Held>, EngineError> {
        let (store, map, after) = (&self.context.store, &self.map.id, QueueSequence(job.position));
        let mut held = Vec::new();
        if deletes.queued() {
            let queued = store.queued(map, after, STEP_RECORDS, STEP_BYTES)?;
            held.extend(queued.into_iter().map(Held::Queued));
        }
        // A page that ended by its bytes says nothing of what comes behind it.
        let to = held.last().map(|held| held.record().sequence);
        if deletes.errors() {
            held.extend(store.errors(map, after, STEP_RECORDS)?.into_iter().map(Held::Error));
            held.sort_by_key(|held| held.record().sequence);
            if let Some(to) = to {
                held.retain(|held| held.record().sequence <= to);
            }
        }
        held.truncate(STEP_RECORDS);
        held.retain(|held| held.record().sequence.0 <= job.last_sequence);
        Ok(held)
    }

    fn give_up_queued(&mut self, record: &QueuedRecord, queued: &mut Vec<QueueSequence>) -> GivesUp {
        if !self.is_queued(record.sequence) {
            return GivesUp::Gone;
        }
        match self.drain.held.get(&record.sequence).copied() {
            Some(ticket) if self.drain.is_bound(ticket) => return GivesUp::UnderWay,
            Some(ticket) => self.leave(ticket),
            None => self.count_left(&record.change, record.change.size(), record.sequence),
        }
        queued.push(record.sequence);
        GivesUp::Yes
    }

    fn give_up_error(&mut self, sequence: QueueSequence, errors: &mut Vec<QueueSequence>) -> GivesUp {
        let name = (None, sequence.0);
        if self.jobs.is_under_way(&name) {
            return GivesUp::UnderWay;
        }
        if !self.jobs.settling.insert(name) {
            return GivesUp::Gone;
        }
        self.in_error = self.in_error.saturating_sub(1);
        self.ends_next.settled.push(name);
        errors.push(sequence);
        GivesUp::Yes
    }

    fn deletion_ended(&mut self, mut job: QueueJob) {
        job.complete(self.context.clock.now());
        let QueueJob { number, done, skipped, .. } = job;
        let summary = format!("{done} records were deleted (job {number}), {skipped} were skipped");
        let mut event = self.event(EventKind::DeletedFromQueue, Severity::Warning, summary);
        event.actor.clone_from(&job.actor);
        event.counts = [("deleted", done), ("skipped", skipped)]
            .map(|(name, count)| (name.to_owned(), i64::try_from(count).unwrap_or(i64::MAX)))
            .into();
        self.later(Operation::Log(event));
        self.later(Operation::PutJob(Box::new(job)));
        self.ends_next.jobs = true;
    }
}

/// What came of giving a record up.
enum GivesUp {
    Yes,
    UnderWay,
    /// It has left since it was read.
    Gone,
}

impl MapTask {
    /// Corrects the row of an error, before it is tried again.
    pub async fn correct(&mut self, correction: Correction) -> Result<ErrorRecord, EngineError> {
        let Correction { sequence, row, etag, actor } = correction;
        self.finish_lazy().await?;
        let store = &self.context.store;
        let map = self.map.id.clone();
        let Some(error) = store.error(&map, sequence)? else {
            let queued = store.queued_record(&map, sequence)?.is_some();
            let known = queued || store.retried_record(&map, sequence)?.is_some();
            let sequence = sequence.0;
            let not_found = EngineError::RecordNotFound { map: map.clone(), sequence };
            return Err(if known { EngineError::RecordNotInError { map, sequence } } else { not_found });
        };
        let found = error.etag();
        if !etag.is_empty() && etag != found {
            return Err(EngineError::EtagMismatch { map, given: etag, found });
        }
        let name = (None, sequence.0);
        if self.jobs.is_under_way(&name) || self.jobs.settling.contains(&name) {
            return Err(EngineError::RecordNotInError { map, sequence: sequence.0 });
        }
        let before = &error.record.change.row;
        let all = before.columns().chain(row.columns());
        let mut changed: Vec<&str> = all.filter(|column| before.get(column) != row.get(column)).collect();
        changed.sort_unstable();
        changed.dedup();
        if changed.is_empty() {
            return Ok(error);
        }
        let summary = format!("record {sequence}, key {}: {} corrected", error.record.change.key, changed.join(", "));
        let mut event = self.event(EventKind::RecordCorrected, Severity::Info, summary);
        event.actor = actor;
        self.keep_with(vec![Operation::CorrectError { sequence, row }, Operation::Log(event)]).await?;
        let error = self.context.store.error(&self.map.id, sequence)?;
        error.ok_or_else(|| EngineError::RecordNotFound { map: self.map.id.clone(), sequence: sequence.0 })
    }
}
