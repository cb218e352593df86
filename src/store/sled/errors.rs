//! What commits do to errors: which keys have some, what newer changes have written of those, and what retries made of them.
//! Figures move together with the records (rule 11).

use super::index::{Entries, known};
use super::keys::{self, shelf};
use super::subject::Subject;
use super::view::{View, decode};
use crate::store::StoreError;
use crate::store::message::{
    CorrectError, ErrorRecord, ExecutionError, Figures, NoteWritten, QueuedRecord, RemoveErrors, RemoveRows, Retried,
    Retry, RetryStatus, Row, WrittenSince,
};
use prost::Message;

/// A record becomes an error.
pub(super) fn put_error(view: &mut View<'_>, subject: &Subject, error: &ErrorRecord) -> Result<usize, StoreError> {
    let record = error.record.as_ref().ok_or_else(|| subject.misfit("an error without its record"))?;
    entries_of_error(subject, error)?.enter(view)?;
    let bytes = error.encode_to_vec();
    let len = bytes.len();
    view.put_new(subject.key(shelf::ERRORS, record.sequence), bytes);
    Ok(len)
}

/// A row is in error.
pub(super) fn put_row(
    view: &mut View<'_>,
    subject: &Subject,
    execution: u64,
    number: u64,
    error: &ExecutionError,
) -> Result<(), StoreError> {
    entries_of_row(subject, execution, number, error)?.enter(view)?;
    view.put_new(place_of_row(subject, execution, number), error.encode_to_vec());
    Ok(())
}

fn entries_of_error(subject: &Subject, error: &ErrorRecord) -> Result<Entries, StoreError> {
    Entries::of_error(subject.map(), subject.head.incarnation, error)
}

fn entries_of_row(
    subject: &Subject,
    execution: u64,
    number: u64,
    error: &ExecutionError,
) -> Result<Entries, StoreError> {
    Entries::of_row(subject.map(), subject.head.incarnation, execution, number, error)
}

fn entries_of_put_right(subject: &Subject, error: &ErrorRecord) -> Entries {
    Entries::of_put_right(subject.map(), subject.head.incarnation, error)
}

fn place_of_row(subject: &Subject, execution: u64, number: u64) -> keys::Key {
    keys::execution_error(subject.map(), subject.head.incarnation, execution, number)
}

/// Notes what was written of keys that have errors; of others it is nobody's business, unless there may be errors of them that
/// are still to be moved or to be found.
pub(super) fn note_written(view: &mut View<'_>, subject: &mut Subject, notes: NoteWritten) -> Result<(), StoreError> {
    let always = notes.always || !subject.head.diversions.is_empty();
    for written in notes.written {
        let key = written.key.ok_or_else(|| subject.misfit("something written without its key"))?;
        if !always {
            let entries = keys::key_in_error(subject.map(), subject.head.incarnation, &known(&key)?);
            if view.next(&entries, &keys::behind(&entries))?.is_none() {
                continue;
            }
        }
        let (incarnation, epoch) = (subject.head.incarnation, subject.head.written_epoch);
        let place = keys::written(subject.map(), incarnation, epoch, written.side, &key.encode_to_vec());
        let known = view.get(&place)?;
        let mut since: WrittenSince =
            known.map(|bytes| decode(&bytes, "what was written of a key")).transpose()?.unwrap_or_default();
        if written.all {
            since.all = since.all.max(written.before);
        } else {
            since.record = since.record.max(written.before);
            for column in written.columns {
                let before = since.columns.entry(column).or_default();
                *before = written.before.max(*before);
            }
        }
        view.put(place, since.encode_to_vec())?;
        subject.head.has_written = true;
    }
    Ok(())
}

/// What was noted stands under an epoch that no reader looks at any more.
pub(super) fn drop_written(subject: &mut Subject) {
    if std::mem::take(&mut subject.head.has_written) {
        subject.head.written_epoch += 1;
    }
}

pub(super) fn retried(view: &mut View<'_>, subject: &mut Subject, retried: Retried) -> Result<(), StoreError> {
    let sequence = retried.sequence;
    let place = subject.key(shelf::ERRORS, sequence);
    let bytes = view.get(&place)?.ok_or_else(|| subject.misfit(format!("record {sequence} is not in error")))?;
    let mut error: ErrorRecord = decode(&bytes, "an error")?;
    entries_of_error(subject, &error)?.leave(view)?;
    if let Some(change) = error.record.as_mut().and_then(|record| record.change.as_mut()) {
        correct(&mut change.row, &mut error.original, retried.corrected);
    }
    let status = status_of(subject, retried.status)?;
    error.retry = Some(Retry { job: retried.job, status: retried.status, time: retried.time });
    if status == RetryStatus::Failed {
        error.failure = retried.failure.or(error.failure);
        error.attempts = error.attempts.saturating_add(retried.attempts);
        entries_of_error(subject, &error)?.enter(view)?;
        return view.put(place, error.encode_to_vec());
    }
    let record =
        error.record.as_ref().ok_or_else(|| StoreError::Corrupt { what: "an error without its record".into() })?;
    let figures = leaves(subject, record)?;
    let ending = if status == RetryStatus::Completed { &mut figures.applied } else { &mut figures.superseded };
    *ending += 1;
    view.remove(place)?;
    entries_of_put_right(subject, &error).enter(view)?;
    view.put_new(subject.key(shelf::RETRIED, sequence), error.encode_to_vec());
    Ok(())
}

/// A record is no error any more; gives the figures that say what became of it.
fn leaves<'a>(subject: &'a mut Subject, record: &QueuedRecord) -> Result<&'a mut Figures, StoreError> {
    let figures = subject.figures(record.source)?;
    figures.in_error = figures
        .in_error
        .checked_sub(1)
        .ok_or_else(|| StoreError::Corrupt { what: "figures that do not add up".to_owned() })?;
    Ok(figures)
}

pub(super) fn remove(view: &mut View<'_>, subject: &mut Subject, removed: RemoveErrors) -> Result<(), StoreError> {
    let grow = subject.figure_of(removed.ending)?;
    for sequence in removed.sequences {
        let place = subject.key(shelf::ERRORS, sequence);
        let Some(bytes) = view.get(&place)? else {
            forget_retried(view, subject, sequence)?;
            continue;
        };
        let error: ErrorRecord = decode(&bytes, "an error")?;
        entries_of_error(subject, &error)?.leave(view)?;
        let record =
            error.record.as_ref().ok_or_else(|| StoreError::Corrupt { what: "an error without its record".into() })?;
        *grow(leaves(subject, record)?) += 1;
        view.remove(place)?;
    }
    Ok(())
}

fn forget_retried(view: &mut View<'_>, subject: &Subject, sequence: u64) -> Result<(), StoreError> {
    let place = subject.key(shelf::RETRIED, sequence);
    let Some(bytes) = view.get(&place)? else { return Ok(()) };
    entries_of_put_right(subject, &decode(&bytes, "a retried record")?).leave(view)?;
    view.remove(place).map(drop)
}

/// Rows that an execution could not write are kept no longer; what is none is passed over.
pub(super) fn remove_rows(view: &mut View<'_>, subject: &Subject, removed: RemoveRows) -> Result<(), StoreError> {
    let execution = removed.execution;
    for number in removed.numbers {
        let Some(bytes) = view.get(&place_of_row(subject, execution, number))? else { continue };
        let error: ExecutionError = decode(&bytes, "an execution's error")?;
        entries_of_row(subject, execution, number, &error)?.leave(view)?;
        view.remove(place_of_row(subject, execution, number))?;
    }
    Ok(())
}

pub(super) fn correct_error(view: &mut View<'_>, subject: &Subject, corrected: CorrectError) -> Result<(), StoreError> {
    let sequence = corrected.sequence;
    let place = subject.key(shelf::ERRORS, sequence);
    let bytes = view.get(&place)?.ok_or_else(|| subject.misfit(format!("record {sequence} is not in error")))?;
    let mut error: ErrorRecord = decode(&bytes, "an error")?;
    if let Some(change) = error.record.as_mut().and_then(|record| record.change.as_mut()) {
        correct(&mut change.row, &mut error.original, corrected.row);
    }
    view.put(place, error.encode_to_vec())
}

pub(super) fn retried_row(
    view: &mut View<'_>,
    subject: &Subject,
    execution: u64,
    retried: Retried,
) -> Result<(), StoreError> {
    let number = retried.sequence;
    let place = place_of_row(subject, execution, number);
    let bytes = view.get(&place)?.ok_or_else(|| subject.misfit(format!("row {number} is not in error")))?;
    let mut error: ExecutionError = decode(&bytes, "an execution's error")?;
    entries_of_row(subject, execution, number, &error)?.leave(view)?;
    correct(&mut error.row, &mut error.original, retried.corrected);
    if status_of(subject, retried.status)? == RetryStatus::Failed {
        error.failure = retried.failure.or(error.failure);
        error.retry = Some(Retry { job: retried.job, status: retried.status, time: retried.time });
        entries_of_row(subject, execution, number, &error)?.enter(view)?;
        return view.put(place, error.encode_to_vec());
    }
    view.remove(place).map(drop)
}

/// The row is another one from now on; the first one is kept.
fn correct(row: &mut Option<Row>, original: &mut Option<Row>, corrected: Option<Row>) {
    if let Some(corrected) = corrected {
        let before = row.replace(corrected).unwrap_or_default();
        original.get_or_insert(before);
    }
}

fn status_of(subject: &Subject, status: i32) -> Result<RetryStatus, StoreError> {
    match RetryStatus::try_from(status) {
        Ok(status @ (RetryStatus::Completed | RetryStatus::Failed | RetryStatus::Superseded)) => Ok(status),
        Ok(RetryStatus::Unspecified | RetryStatus::None | RetryStatus::Pending | RetryStatus::InProgress) | Err(_) => {
            Err(subject.misfit("a retry that has not ended"))
        }
    }
}
