//! The store as anyone would write it who had memory without end and no crashes: what the engine is compared with.

use crate::model::activity::LoggedEvent;
use crate::model::alert::notification::Notification;
use crate::model::alert::{AlertEvent, AlertSetting, MapAlerts, Noted};
use crate::model::change::{Answer, Disposition, Ending, ErrorRecord, QueuedRecord, Remembered};
use crate::model::error_group::ErrorGroup;
use crate::model::execution::{DeferredRows, Execution, ExecutionError};
use crate::model::failure::{ErrorType, Failure};
use crate::model::figures::{Figures, MapFigures};
use crate::model::ids::{AlertId, EventSequence, ExecutionNumber, MapId, Position, QueueSequence, Revision};
use crate::model::job::QueueJob;
use crate::model::key::Key;
use crate::model::retry::{Retry, RetryStatus};
use crate::model::table_map::{Side, TableMap};
use crate::model::written::{Written, WrittenSince};
use crate::store::message;
use crate::store::{Commit, DivertTo, Head, NewRecord, Operation, Receipt, Retried, RetryResult};
use chrono::{DateTime, Utc};
use prost::Message;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub maps: BTreeMap<MapId, MapModel>,
    pub log: Vec<LoggedEvent>,
    pub settings: BTreeMap<AlertId, AlertSetting>,
    pub alerts: Vec<AlertEvent>,
    pub notifications: Vec<Notification>,
}

#[derive(Debug, Clone, Default)]
pub struct MapModel {
    pub record: Option<TableMap>,
    pub writes: u64,
    pub last_event: u64,
    pub last_queued: u64,
    pub last_accepted: Option<DateTime<Utc>>,
    pub queue: BTreeMap<u64, QueuedRecord>,
    pub errors: BTreeMap<u64, ErrorRecord>,
    /// Diverted to the errors, and not moved yet.
    pub diverted: BTreeMap<u64, ErrorRecord>,
    pub figures: MapFigures,
    pub remembered: BTreeMap<String, Remembered>,
    /// All that ever was, and until when it is forgotten: the store forgets in steps, and what stands alone.
    pub told: Vec<(String, Remembered)>,
    pub forgotten: Option<DateTime<Utc>>,
    pub executions: BTreeMap<u64, Execution>,
    /// By execution and number.
    pub execution_errors: BTreeMap<(u64, u64), ExecutionError>,
    /// Records that a retry took out of the errors.
    pub retried: BTreeMap<u64, ErrorRecord>,
    pub failures: u64,
    pub deferred: BTreeMap<(u64, u64), DeferredRows>,
    pub jobs: BTreeMap<u64, QueueJob>,
    /// At least: while records are diverted the store notes more.
    pub written: Vec<(Side, Key, WrittenSince)>,
    pub alerts: Option<MapAlerts>,
    /// By type and number.
    pub notes: BTreeMap<(ErrorType, u64), Vec<Noted>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Conflict,
    Misfit,
}

impl Model {
    /// Applies a commit to a copy, which then counts: whole or not at all.
    pub fn apply(&mut self, commit: &Commit) -> Result<Receipt, Refusal> {
        let mut next = self.clone();
        let mut map = next.maps.remove(&commit.map).unwrap_or_default();
        if commit.expected.is_some_and(|expected| expected != map.revision()) {
            return Err(Refusal::Conflict);
        }
        for operation in &commit.operations {
            next.operate(&commit.map, &mut map, operation)?;
        }
        let receipt = Receipt {
            revision: map.revision(),
            last_event: EventSequence(map.last_event),
            position: Position(next.log.len() as u64),
        };
        next.maps.insert(commit.map.clone(), map);
        *self = next;
        Ok(receipt)
    }

    fn operate(&mut self, id: &MapId, map: &mut MapModel, operation: &Operation) -> Result<(), Refusal> {
        match operation {
            Operation::PutMap(record) => {
                if record.id != *id {
                    return Err(Refusal::Misfit);
                }
                map.writes += 1;
                map.record = Some(TableMap { revision: Revision(map.writes), ..record.as_ref().clone() });
            }
            Operation::DeleteMap => map.delete()?,
            Operation::Log(event) => {
                map.last_event += 1;
                self.log.push(LoggedEvent {
                    map: id.clone(),
                    sequence: EventSequence(map.last_event),
                    position: Position(self.log.len() as u64 + 1),
                    event: event.clone(),
                });
            }
            Operation::Enqueue(records) => {
                map.must_exist()?;
                records.iter().try_for_each(|record| map.enqueue(record))?;
            }
            Operation::Leave { sequences, ending } => {
                for sequence in sequences {
                    let record = map.queue.remove(&sequence.0).ok_or(Refusal::Misfit)?;
                    let figures = map.unqueue(&record);
                    match ending {
                        Ending::Applied => figures.applied += 1,
                        Ending::Skipped => figures.skipped += 1,
                        Ending::Superseded => figures.superseded += 1,
                        Ending::Deleted => figures.deleted += 1,
                        Ending::Purged => figures.purged += 1,
                    }
                }
            }
            Operation::RemoveErrors { sequences, ending } => {
                for sequence in sequences {
                    map.retried.remove(&sequence.0);
                    let Some(error) = map.errors.remove(&sequence.0) else { continue };
                    let figures = map.figures.side_mut(error.record.change.source);
                    figures.in_error -= 1;
                    *(if *ending == Ending::Purged { &mut figures.purged } else { &mut figures.deleted }) += 1;
                }
            }
            Operation::RemoveRows { execution, numbers } => {
                map.execution_errors.retain(|(of, number), _| *of != execution.0 || !numbers.contains(number));
            }
            Operation::CorrectError { sequence, row } => {
                let error = map.errors.get_mut(&sequence.0).ok_or(Refusal::Misfit)?;
                let before = std::mem::replace(&mut error.record.change.row, row.clone());
                error.original.get_or_insert(before);
            }
            Operation::Fail { sequence, failure, time, attempts } => {
                let record = map.queue.remove(&sequence.0).ok_or(Refusal::Misfit)?;
                map.unqueue(&record).in_error += 1;
                map.failures += 1;
                map.errors.insert(sequence.0, error_of(record, failure, *time, *attempts, map.failures));
            }
            Operation::Yield { sequence, columns } => {
                let record = map.queue.get_mut(&sequence.0).ok_or(Refusal::Misfit)?;
                record.yielded.extend(columns.iter().cloned());
            }
            Operation::Count { source, figures } => map.count(*source, figures)?,
            Operation::Remember { change_id, remembered } => {
                map.must_exist()?;
                if change_id.is_empty() {
                    return Err(Refusal::Misfit);
                }
                map.remember(change_id, remembered.clone());
            }
            Operation::Forget { until } => {
                map.remembered.retain(|_, known| known.time > *until);
                map.forgotten = map.forgotten.max(Some(*until));
            }
            Operation::Divert { to, time } => {
                map.failures += u64::from(!map.queue.is_empty());
                for (sequence, record) in std::mem::take(&mut map.queue) {
                    let figures = map.unqueue(&record);
                    match to {
                        DivertTo::Nowhere => figures.deleted += 1,
                        DivertTo::Errors(failure) => {
                            figures.in_error += 1;
                            let number = map.failures;
                            map.diverted.insert(sequence, error_of(record, failure, *time, 0, number));
                        }
                    }
                }
            }
            // How far it comes in one step is the engine's own affair; see `finish_diversions`.
            Operation::ContinueDivert { .. } => {}
            Operation::PutExecution(execution) => {
                map.must_exist()?;
                map.executions.insert(execution.number.0, execution.as_ref().clone());
            }
            Operation::AddExecutionErrors { execution, errors } => {
                map.must_exist()?;
                if !map.executions.contains_key(&execution.0) {
                    return Err(Refusal::Misfit);
                }
                let last = map.execution_errors.range((execution.0, 0)..=(execution.0, u64::MAX)).next_back();
                let last = last.map_or(0, |((_, number), _)| *number);
                for (error, number) in errors.iter().zip(last + 1..) {
                    map.execution_errors.insert((execution.0, number), error.clone());
                }
            }
            Operation::DeferRows { execution, rows } => {
                map.must_exist()?;
                let last = map.deferred.range((execution.0, 0)..=(execution.0, u64::MAX)).next_back();
                let last = last.map_or(0, |((_, number), _)| *number);
                map.deferred.insert((execution.0, last + 1), rows.clone());
            }
            Operation::RowsReferred { execution, number } => drop(map.deferred.remove(&(execution.0, *number))),
            Operation::NoteWritten { written, always } => {
                map.must_exist()?;
                for written in written {
                    if *always || map.has_error(&written.key) {
                        map.note(written);
                    }
                }
            }
            Operation::DropWritten => map.written.clear(),
            Operation::PutJob(job) => {
                map.must_exist()?;
                map.jobs.insert(job.number.0, job.as_ref().clone());
            }
            Operation::Retried(retried) => map.retry(retried)?,
            Operation::PutAlertSetting(_)
            | Operation::DeleteAlertSetting(_)
            | Operation::PutMapAlerts(_)
            | Operation::NoteErrors { .. }
            | Operation::RaiseAlert { .. }
            | Operation::RearmAlert { .. }
            | Operation::AcknowledgeAlert { .. }
            | Operation::Notify(_)
            | Operation::PutNotification(_) => self.operate_on_alerts(map, operation)?,
            Operation::RetriedRow { execution, retried } => {
                let place = (execution.0, retried.sequence);
                let error = map.execution_errors.get_mut(&place).ok_or(Refusal::Misfit)?;
                if let Some(corrected) = &retried.corrected {
                    let before = std::mem::replace(&mut error.row, corrected.clone());
                    error.original.get_or_insert(before);
                }
                match &retried.result {
                    RetryResult::Refused(failure, _) => {
                        error.failure = failure.clone();
                        error.retry = Some(retry_of(retried));
                    }
                    RetryResult::Applied | RetryResult::Superseded => drop(map.execution_errors.remove(&place)),
                }
            }
        }
        Ok(())
    }
}

fn error_of(
    record: QueuedRecord,
    failure: &Failure,
    fail_time: DateTime<Utc>,
    attempts: u32,
    number: u64,
) -> ErrorRecord {
    ErrorRecord { record, failure: failure.clone(), fail_time, attempts, number, retry: None, original: None }
}

fn retry_of(retried: &Retried) -> Retry {
    let status = match retried.result {
        RetryResult::Applied => RetryStatus::Completed,
        RetryResult::Superseded => RetryStatus::Superseded,
        RetryResult::Refused(..) => RetryStatus::Failed,
    };
    Retry { job: retried.job, status, time: retried.time }
}

/// The time and the number of each error of a group.
type Failures = Vec<(DateTime<Utc>, u64)>;

impl MapModel {
    fn has_error(&self, key: &Key) -> bool {
        let records = self.errors.values().chain(self.diverted.values()).flat_map(|error| error.record.change.keys());
        records.chain(self.execution_errors.values().map(|error| &error.key)).any(|known| known == key)
    }

    /// What the errors have in common, without where the store keeps it; with the time and the number of each of them, in that order.
    pub fn groups(&self) -> Vec<(ErrorGroup, Failures)> {
        let mut groups: Vec<(ErrorGroup, Failures)> = Vec::new();
        let latest = |first: DateTime<Utc>, retry: Option<Retry>| {
            retry.filter(|retry| retry.status == RetryStatus::Failed).map_or(first, |retry| retry.time)
        };
        let records = self.errors.values().map(|error| {
            let failure = (error.attempts > 0).then_some(&error.failure);
            (0, error.record.sequence.0, error.record.change.source, failure, latest(error.fail_time, error.retry))
        });
        let rows = self.execution_errors.iter().map(|((execution, number), error)| {
            (*execution, *number, error.source, Some(&error.failure), latest(error.time, error.retry))
        });
        for (execution, number, source, failure, time) in records.chain(rows) {
            let text = |text: Option<&String>| text.cloned().unwrap_or_default();
            let group = ErrorGroup {
                execution: (execution > 0).then_some(ExecutionNumber(execution)),
                source,
                kind: failure.map(|failure| failure.kind),
                code: text(failure.map(|failure| &failure.code)),
                constraint: text(failure.and_then(|failure| failure.constraint.as_ref())),
                column: text(failure.and_then(|failure| failure.column.as_ref())),
                count: 0,
                first_time: DateTime::UNIX_EPOCH,
                last_time: DateTime::UNIX_EPOCH,
                last: 0,
                hash: 0,
            };
            match groups.iter_mut().find(|(known, _)| *known == group) {
                Some((_, errors)) => errors.push((time, number)),
                None => groups.push((group, vec![(time, number)])),
            }
        }
        for (group, errors) in &mut groups {
            errors.sort_unstable();
            group.count = errors.len() as u64;
            (group.first_time, (group.last_time, group.last)) = (errors[0].0, errors[errors.len() - 1]);
        }
        groups
    }

    fn note(&mut self, written: &Written) {
        let known = self.written.iter_mut().find(|(side, key, _)| *side == written.side && *key == written.key);
        match known {
            Some((_, _, since)) => since.add(written),
            None => {
                let mut since = WrittenSince::default();
                since.add(written);
                self.written.push((written.side, written.key.clone(), since));
            }
        }
    }

    fn retry(&mut self, retried: &Retried) -> Result<(), Refusal> {
        let mut error = self.errors.remove(&retried.sequence).ok_or(Refusal::Misfit)?;
        if let Some(corrected) = &retried.corrected {
            let before = std::mem::replace(&mut error.record.change.row, corrected.clone());
            error.original.get_or_insert(before);
        }
        error.retry = Some(retry_of(retried));
        let figures = self.figures.side_mut(error.record.change.source);
        match &retried.result {
            RetryResult::Refused(failure, attempts) => {
                error.failure = failure.clone();
                error.attempts += attempts;
                self.errors.insert(retried.sequence, error);
                return Ok(());
            }
            RetryResult::Applied => figures.applied += 1,
            RetryResult::Superseded => figures.superseded += 1,
        }
        figures.in_error -= 1;
        self.retried.insert(retried.sequence, error);
        Ok(())
    }

    pub fn must_exist(&self) -> Result<(), Refusal> {
        if self.record.is_some() { Ok(()) } else { Err(Refusal::Misfit) }
    }

    pub fn revision(&self) -> Revision {
        self.record.as_ref().map_or(Revision(0), |record| record.revision)
    }

    fn delete(&mut self) -> Result<(), Refusal> {
        self.must_exist()?;
        for side in Side::BOTH {
            let figures = self.figures.side_mut(side);
            figures.deleted += figures.queued + figures.in_error;
            (figures.queued, figures.in_error) = (0, 0);
        }
        self.figures.queued_bytes = 0;
        *self = Self {
            writes: self.writes,
            last_event: self.last_event,
            last_queued: self.last_queued,
            last_accepted: self.last_accepted,
            figures: self.figures,
            failures: self.failures,
            ..Self::default()
        };
        Ok(())
    }

    fn remember(&mut self, change_id: &str, remembered: Remembered) {
        self.told.push((change_id.to_owned(), remembered.clone()));
        self.remembered.insert(change_id.to_owned(), remembered);
    }

    fn enqueue(&mut self, new: &NewRecord) -> Result<(), Refusal> {
        if new.sequence.0 != self.last_queued + 1 {
            return Err(Refusal::Misfit);
        }
        self.last_queued += 1;
        self.last_accepted = Some(new.accept_time);
        let record = message::QueuedRecord::decode(new.encoded.clone()).unwrap();
        let record = QueuedRecord::try_from(record).unwrap();
        self.figures.queued_bytes += record.change.size() as u64;
        let figures = self.figures.side_mut(record.change.source);
        figures.accepted += 1;
        figures.queued += 1;
        if !record.change.change_id.is_empty() {
            let reason = new.because.as_str().to_owned();
            let answer = Answer { disposition: Disposition::Queued, sequence: new.sequence, reason };
            let remembered = Remembered { fingerprint: new.fingerprint, answer, time: new.accept_time };
            self.remember(&record.change.change_id, remembered);
        }
        self.queue.insert(new.sequence.0, record);
        Ok(())
    }

    fn unqueue(&mut self, record: &QueuedRecord) -> &mut Figures {
        self.figures.queued_bytes -= record.change.size() as u64;
        let figures = self.figures.side_mut(record.change.source);
        figures.queued -= 1;
        figures
    }

    fn count(&mut self, source: Side, added: &Figures) -> Result<(), Refusal> {
        if !added.add_up() || added.queued != 0 || added.in_error != 0 {
            return Err(Refusal::Misfit);
        }
        let figures = self.figures.side_mut(source);
        figures.accepted += added.accepted;
        figures.applied += added.applied;
        figures.skipped += added.skipped;
        figures.superseded += added.superseded;
        figures.deleted += added.deleted;
        figures.purged += added.purged;
        Ok(())
    }

    /// The engine says that nothing waits to be moved any more.
    pub fn finish_diversions(&mut self) {
        self.errors.append(&mut self.diverted);
    }

    pub fn head(&self) -> Head {
        Head {
            revision: self.revision(),
            last_event: EventSequence(self.last_event),
            last_queued: QueueSequence(self.last_queued),
            last_accepted: self.last_accepted,
            figures: self.figures,
            failures: self.failures,
            has_written: !self.written.is_empty(),
            diverting: false,
        }
    }
}
