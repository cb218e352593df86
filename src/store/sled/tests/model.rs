//! The store as anyone would write it who had memory without end and no crashes: what the engine is compared with.

use crate::model::activity::LoggedEvent;
use crate::model::change::{Answer, Disposition, Ending, ErrorRecord, QueuedRecord, Remembered};
use crate::model::execution::{Execution, ExecutionError};
use crate::model::figures::{Figures, MapFigures};
use crate::model::ids::{EventSequence, MapId, Position, QueueSequence, Revision};
use crate::model::table_map::{Side, TableMap};
use crate::store::{Commit, DivertTo, Head, NewRecord, Operation, Receipt};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub maps: BTreeMap<MapId, MapModel>,
    pub log: Vec<LoggedEvent>,
}

#[derive(Debug, Clone, Default)]
pub struct MapModel {
    pub record: Option<TableMap>,
    pub writes: u64,
    pub last_event: u64,
    pub last_queued: u64,
    pub queue: BTreeMap<u64, QueuedRecord>,
    pub errors: BTreeMap<u64, ErrorRecord>,
    /// Diverted to the errors, and not moved yet.
    pub diverted: BTreeMap<u64, ErrorRecord>,
    pub figures: MapFigures,
    pub remembered: BTreeMap<String, Remembered>,
    pub executions: BTreeMap<u64, Execution>,
    pub execution_errors: BTreeMap<u64, Vec<ExecutionError>>,
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
                    }
                }
            }
            Operation::Fail { sequence, failure, time, attempts } => {
                let record = map.queue.remove(&sequence.0).ok_or(Refusal::Misfit)?;
                map.unqueue(&record).in_error += 1;
                let error = ErrorRecord { record, failure: failure.clone(), fail_time: *time, attempts: *attempts };
                map.errors.insert(sequence.0, error);
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
                map.remembered.insert(change_id.clone(), remembered.clone());
            }
            Operation::Forget { change_ids } => map.remembered.retain(|change_id, _| !change_ids.contains(change_id)),
            Operation::Divert { to, time } => {
                for (sequence, record) in std::mem::take(&mut map.queue) {
                    let figures = map.unqueue(&record);
                    match to {
                        DivertTo::Nowhere => figures.deleted += 1,
                        DivertTo::Errors(failure) => {
                            figures.in_error += 1;
                            let failure = failure.clone();
                            map.diverted
                                .insert(sequence, ErrorRecord { record, failure, fail_time: *time, attempts: 0 });
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
                map.execution_errors.entry(execution.0).or_default().extend(errors.iter().cloned());
            }
        }
        Ok(())
    }
}

impl MapModel {
    fn must_exist(&self) -> Result<(), Refusal> {
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
            figures: self.figures,
            ..Self::default()
        };
        Ok(())
    }

    fn enqueue(&mut self, new: &NewRecord) -> Result<(), Refusal> {
        if new.sequence.0 != self.last_queued + 1 {
            return Err(Refusal::Misfit);
        }
        self.last_queued += 1;
        self.figures.queued_bytes += new.change.size() as u64;
        let figures = self.figures.side_mut(new.change.source);
        figures.accepted += 1;
        figures.queued += 1;
        if !new.change.change_id.is_empty() {
            let reason = new.because.as_str().to_owned();
            let answer = Answer { disposition: Disposition::Queued, sequence: new.sequence, reason };
            let remembered = Remembered { fingerprint: new.fingerprint, answer, time: new.accept_time };
            self.remembered.insert(new.change.change_id.clone(), remembered);
        }
        let record = QueuedRecord {
            sequence: new.sequence,
            accept_time: new.accept_time,
            change: new.change.clone(),
            previous: new.previous,
            yielded: Default::default(),
        };
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
            figures: self.figures,
            diverting: false,
        }
    }
}
