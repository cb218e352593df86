//! Changes, queued records, errors and remembered changes.

use super::{Numbered, Unreadable, numbered, read_time, required};
use crate::model::change::{
    Answer, Cause, Change, Disposition, Ending, ErrorRecord, Operation, QueuedRecord, Remembered,
};
use crate::model::ids::QueueSequence;
use crate::model::print::{Over, Print};
use crate::model::table_map::Side;
use crate::store::message;

numbered!(Operation, message::ChangeOperation, "the operation of a change", [Upsert, Delete]);
numbered!(Cause, message::Cause, "the cause of a change", [Caller, Settlement, Again, Refresh, Reread]);
numbered!(Ending, message::Ending, "the ending of a record", [Applied, Skipped, Superseded, Deleted, Purged]);
numbered!(Disposition, message::Disposition, "the disposition of a change", [Applied, Queued, Skipped]);

impl From<&Change> for message::Change {
    fn from(change: &Change) -> Self {
        Self {
            source: change.source.number(),
            operation: change.operation.number(),
            key: Some((&change.key).into()),
            previous_key: change.previous_key.as_ref().map(Into::into),
            row: if change.row.is_empty() { None } else { Some((&change.row).into()) },
            source_time: change.source_time.as_ref().map(Into::into),
            change_id: change.change_id.to_string(),
            correlation_id: change.correlation_id.to_string(),
            cause: change.cause.number(),
            over: change.over.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<message::Change> for Change {
    type Error = Unreadable;

    fn try_from(change: message::Change) -> Result<Self, Unreadable> {
        Ok(Self {
            source: Side::from_number(change.source)?,
            operation: Operation::from_number(change.operation)?,
            key: required(change.key, "a change without a key")?.try_into()?,
            previous_key: change.previous_key.map(TryInto::try_into).transpose()?,
            row: change.row.unwrap_or_default().try_into()?,
            source_time: change.source_time.map(TryInto::try_into).transpose()?,
            change_id: change.change_id.into(),
            correlation_id: change.correlation_id.into(),
            cause: Cause::from_number(change.cause)?,
            over: change.over.map(Into::into),
        })
    }
}

impl From<&Over> for message::Over {
    fn from(over: &Over) -> Self {
        match over {
            Over::Gone => Self { gone: true, prints: Vec::new() },
            Over::Columns(prints) => Self { gone: false, prints: prints.iter().map(|print| print.0).collect() },
        }
    }
}

impl From<message::Over> for Over {
    fn from(over: message::Over) -> Self {
        if over.gone { Over::Gone } else { Over::Columns(over.prints.into_iter().map(Print).collect()) }
    }
}

impl From<&QueuedRecord> for message::QueuedRecord {
    fn from(record: &QueuedRecord) -> Self {
        Self {
            sequence: record.sequence.0,
            source: record.change.source.number(),
            size: u32::try_from(record.change.size()).unwrap_or(u32::MAX),
            accept_time: Some((&record.accept_time).into()),
            change: Some((&record.change).into()),
            previous: record.previous.map(|sequence| sequence.0),
            yielded: record.yielded.iter().cloned().collect(),
        }
    }
}

impl TryFrom<message::QueuedRecord> for QueuedRecord {
    type Error = Unreadable;

    fn try_from(record: message::QueuedRecord) -> Result<Self, Unreadable> {
        Ok(Self {
            sequence: QueueSequence(record.sequence),
            accept_time: read_time(record.accept_time, "a queued record without its time")?,
            change: required(record.change, "a queued record without its change")?.try_into()?,
            previous: record.previous.map(QueueSequence),
            yielded: record.yielded.into_iter().collect(),
        })
    }
}

impl TryFrom<message::ErrorRecord> for ErrorRecord {
    type Error = Unreadable;

    fn try_from(error: message::ErrorRecord) -> Result<Self, Unreadable> {
        Ok(Self {
            record: required(error.record, "an error without its record")?.try_into()?,
            failure: required(error.failure, "an error without its failure")?.try_into()?,
            fail_time: read_time(error.fail_time, "an error without its time")?,
            attempts: error.attempts,
            number: error.number,
            retry: error.retry.map(TryInto::try_into).transpose()?,
            original: error.original.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<&Remembered> for message::Remembered {
    fn from(remembered: &Remembered) -> Self {
        Self {
            fingerprint: remembered.fingerprint,
            disposition: remembered.answer.disposition.number(),
            sequence: remembered.answer.sequence.0,
            reason: remembered.answer.reason.clone(),
            time: Some((&remembered.time).into()),
        }
    }
}

impl TryFrom<message::Remembered> for Remembered {
    type Error = Unreadable;

    fn try_from(remembered: message::Remembered) -> Result<Self, Unreadable> {
        Ok(Self {
            fingerprint: remembered.fingerprint,
            answer: Answer {
                disposition: Disposition::from_number(remembered.disposition)?,
                sequence: QueueSequence(remembered.sequence),
                reason: remembered.reason,
            },
            time: read_time(remembered.time, "a remembered change without its time")?,
        })
    }
}
