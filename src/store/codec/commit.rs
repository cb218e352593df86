//! Commits on their way in, heads on their way out.

use super::Numbered;
use super::alert::error_note;
use crate::model::figures::{Figures, MapFigures};
use crate::model::ids::{EventSequence, QueueSequence, Revision};
use crate::store::message::{self, operation::Kind};
use crate::store::{Commit, DivertTo, Head, NewRecord, Operation};
use prost::Message;

impl From<&Commit> for message::Commit {
    fn from(commit: &Commit) -> Self {
        Self {
            map: commit.map.to_string(),
            expected: commit.expected.map(|revision| revision.0),
            operations: commit.operations.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Operation> for message::Operation {
    fn from(operation: &Operation) -> Self {
        let kind = match operation {
            Operation::PutMap(map) => Kind::PutMap(map.as_ref().into()),
            Operation::DeleteMap => Kind::DeleteMap(message::DeleteMap {}),
            Operation::Log(event) => Kind::Log(event.into()),
            Operation::Enqueue(records) => {
                Kind::Enqueue(message::Enqueue { records: records.iter().map(Into::into).collect() })
            }
            Operation::Leave { sequences, ending } => Kind::Leave(message::Leave {
                sequences: sequences.iter().map(|sequence| sequence.0).collect(),
                ending: ending.number(),
            }),
            Operation::Fail { sequence, failure, time, attempts } => Kind::Fail(message::Fail {
                sequence: sequence.0,
                failure: Some(failure.into()),
                time: Some(time.into()),
                attempts: *attempts,
            }),
            Operation::Yield { sequence, columns } => {
                Kind::Yield(message::Yield { sequence: sequence.0, columns: columns.iter().cloned().collect() })
            }
            Operation::Count { source, figures } => {
                Kind::Count(message::Count { source: source.number(), figures: Some(figures.into()) })
            }
            Operation::Remember { change_id, remembered } => Kind::Remember(message::Remember {
                change_id: change_id.to_string(),
                remembered: Some(remembered.into()),
            }),
            Operation::Forget { until } => Kind::Forget(message::Forget { until: Some(until.into()) }),
            Operation::Divert { to, time } => {
                let failure = match to {
                    DivertTo::Errors(failure) => Some(failure.into()),
                    DivertTo::Nowhere => None,
                };
                Kind::Divert(message::Divert { failure, time: Some(time.into()) })
            }
            Operation::ContinueDivert { records_max } => {
                Kind::ContinueDivert(message::ContinueDivert { records_max: *records_max })
            }
            Operation::PutExecution(execution) => Kind::PutExecution(execution.as_ref().into()),
            Operation::AddExecutionErrors { execution, errors } => {
                Kind::AddExecutionErrors(message::AddExecutionErrors {
                    execution: execution.0,
                    errors: errors.iter().map(Into::into).collect(),
                })
            }
            Operation::DeferRows { execution, rows } => {
                Kind::DeferRows(message::DeferRows { execution: execution.0, rows: Some(rows.into()) })
            }
            Operation::RowsReferred { execution, number } => {
                Kind::RowsReferred(message::RowsReferred { execution: execution.0, number: *number })
            }
            Operation::NoteWritten { written, always } => Kind::NoteWritten(message::NoteWritten {
                written: written.iter().map(Into::into).collect(),
                always: *always,
            }),
            Operation::DropWritten => Kind::DropWritten(message::DropWritten {}),
            Operation::PutJob(job) => Kind::PutJob(job.as_ref().into()),
            Operation::Retried(retried) => Kind::Retried(retried.into()),
            Operation::RemoveErrors { sequences, ending } => Kind::RemoveErrors(message::RemoveErrors {
                sequences: sequences.iter().map(|sequence| sequence.0).collect(),
                ending: ending.number(),
            }),
            Operation::RemoveRows { execution, numbers } => {
                Kind::RemoveRows(message::RemoveRows { execution: execution.0, numbers: numbers.clone() })
            }
            Operation::CorrectError { sequence, row } => {
                Kind::CorrectError(message::CorrectError { sequence: sequence.0, row: Some(row.into()) })
            }
            Operation::PutAlertSetting(setting) => Kind::PutAlertSetting(setting.as_ref().into()),
            Operation::DeleteAlertSetting(id) => {
                Kind::DeleteAlertSetting(message::DeleteAlertSetting { id: id.to_string() })
            }
            Operation::PutMapAlerts(alerts) => Kind::PutMapAlerts(alerts.as_ref().into()),
            Operation::NoteErrors { kind, number, runs, forget } => Kind::NoteErrors(message::NoteErrors {
                r#type: kind.number(),
                number: *number,
                note: Some(error_note(runs)),
                forget: forget.clone(),
            }),
            Operation::RaiseAlert { alert, notifications } => Kind::RaiseAlert(message::RaiseAlert {
                alert: Some(alert.as_ref().into()),
                notifications: notifications.iter().map(Into::into).collect(),
            }),
            Operation::RearmAlert { alert, time } => {
                Kind::RearmAlert(message::RearmAlert { alert: alert.0, time: Some(time.into()) })
            }
            Operation::AcknowledgeAlert { alert, acknowledgement } => {
                let acknowledgement = Some(acknowledgement.into());
                Kind::AcknowledgeAlert(message::AcknowledgeAlert { alert: alert.0, acknowledgement })
            }
            Operation::Notify(notifications) => {
                Kind::Notify(message::Notify { notifications: notifications.iter().map(Into::into).collect() })
            }
            Operation::PutNotification(notification) => Kind::PutNotification(notification.as_ref().into()),
            Operation::RetriedRow { execution, retried } => {
                Kind::RetriedRow(message::RetriedRow { execution: execution.0, retried: Some(retried.into()) })
            }
        };
        Self { kind: Some(kind) }
    }
}

impl Operation {
    /// How many bytes of a commit it takes.
    pub fn size(&self) -> usize {
        /// What says that it is an operation, and how long it is.
        const FRAMING: usize = 8;
        message::Operation::from(self).encoded_len() + FRAMING
    }
}

impl From<&NewRecord> for message::NewRecord {
    fn from(record: &NewRecord) -> Self {
        let NewRecord { sequence, accept_time, source, size, change_id, key, fingerprint, because, encoded } = record;
        let reason = if change_id.is_empty() { "" } else { because.as_str() };
        Self {
            record: encoded.clone(),
            sequence: sequence.0,
            source: source.number(),
            size: *size,
            accept_time: Some(accept_time.into()),
            change_id: change_id.to_string(),
            fingerprint: *fingerprint,
            reason: reason.to_owned(),
            key: key.clone(),
        }
    }
}

impl From<&Figures> for message::Figures {
    fn from(figures: &Figures) -> Self {
        let Figures { accepted, applied, queued, in_error, skipped, superseded, deleted, purged } = *figures;
        Self { accepted, applied, queued, in_error, skipped, superseded, deleted, purged }
    }
}

impl From<message::Figures> for Figures {
    fn from(figures: message::Figures) -> Self {
        let message::Figures { accepted, applied, queued, in_error, skipped, superseded, deleted, purged } = figures;
        Self { accepted, applied, queued, in_error, skipped, superseded, deleted, purged }
    }
}

impl From<&message::MapHead> for Head {
    fn from(head: &message::MapHead) -> Self {
        Self {
            revision: Revision(if head.exists { head.revision } else { 0 }),
            last_event: EventSequence(head.last_event),
            last_queued: QueueSequence(head.last_queued),
            last_accepted: head.last_accepted.and_then(|time| time.try_into().ok()),
            figures: MapFigures {
                left: head.left.unwrap_or_default().into(),
                right: head.right.unwrap_or_default().into(),
                queued_bytes: head.queued_bytes,
            },
            failures: head.failures,
            has_written: head.has_written,
            diverting: !head.diversions.is_empty()
                || head.swept < head.incarnation
                || head.written_swept < head.written_epoch,
        }
    }
}
