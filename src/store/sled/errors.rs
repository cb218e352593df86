//! What commits do to errors: which keys have some, what newer changes have written of those, and what retries made of them.
//! Figures move together with the records (rule 11).

use super::groups::{self, Place};
use super::keys::{self, shelf};
use super::subject::Subject;
use super::view::{View, decode};
use crate::store::StoreError;
use crate::store::message::{
    Change, CorrectError, ErrorRecord, ExecutionError, Figures, Key, NoteWritten, QueuedRecord, RemoveErrors,
    RemoveRows, Retried, Retry, RetryStatus, Row, WrittenSince,
};
use prost::Message;

/// A record becomes an error.
pub(super) fn put_error(view: &mut View<'_>, subject: &Subject, error: &ErrorRecord) -> Result<usize, StoreError> {
    let record = error.record.as_ref().ok_or_else(|| subject.misfit("an error without its record"))?;
    for entry in entries_of_record(subject, record.change.as_ref(), record.sequence)? {
        view.put(entry, Vec::new())?;
    }
    Place::of_error(error).enter(view, subject)?;
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
    if let Some(key) = &error.key {
        view.put(entry_of_row(subject, key, execution, number)?, Vec::new())?;
    }
    Place::of_row(execution, number, error).enter(view, subject)?;
    view.put_new(place_of_row(subject, execution, number), error.encode_to_vec());
    Ok(())
}

/// A row is no longer in error.
fn remove_row(
    view: &mut View<'_>,
    subject: &Subject,
    execution: u64,
    number: u64,
    error: &ExecutionError,
) -> Result<(), StoreError> {
    if let Some(key) = &error.key {
        view.remove(entry_of_row(subject, key, execution, number)?)?;
    }
    view.remove(place_of_row(subject, execution, number)).map(drop)
}

fn place_of_row(subject: &Subject, execution: u64, number: u64) -> keys::Key {
    keys::execution_error(subject.map(), subject.head.incarnation, execution, number)
}

fn entries_of_record(subject: &Subject, change: Option<&Change>, sequence: u64) -> Result<Vec<keys::Key>, StoreError> {
    let keys = change.into_iter().flat_map(|change| [change.key.as_ref(), change.previous_key.as_ref()]).flatten();
    let entry = |key: &Key| {
        let mut entry = keys::records_in_error(subject.map(), subject.head.incarnation, &known(key)?);
        entry.extend(sequence.to_be_bytes());
        Ok(entry)
    };
    keys.map(entry).collect()
}

fn entry_of_row(subject: &Subject, key: &Key, execution: u64, number: u64) -> Result<keys::Key, StoreError> {
    let mut entry = keys::rows_in_error(subject.map(), subject.head.incarnation, &known(key)?);
    entry.extend(execution.to_be_bytes());
    entry.extend(number.to_be_bytes());
    Ok(entry)
}

/// The key in the model's terms, in whose order keys in error stand.
fn known(key: &Key) -> Result<crate::model::key::Key, StoreError> {
    Ok(key.clone().try_into()?)
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
    Place::of_error(&error).leave(view, subject)?;
    if let Some(change) = error.record.as_mut().and_then(|record| record.change.as_mut()) {
        correct(&mut change.row, &mut error.original, retried.corrected);
    }
    let status = status_of(subject, retried.status)?;
    error.retry = Some(Retry { job: retried.job, status: retried.status, time: retried.time });
    if status == RetryStatus::Failed {
        error.failure = retried.failure.or(error.failure);
        error.attempts = error.attempts.saturating_add(retried.attempts);
        Place::of_error(&error).enter(view, subject)?;
        return view.put(place, error.encode_to_vec());
    }
    let record =
        error.record.as_ref().ok_or_else(|| StoreError::Corrupt { what: "an error without its record".into() })?;
    let figures = leaves(view, subject, record)?;
    let ending = if status == RetryStatus::Completed { &mut figures.applied } else { &mut figures.superseded };
    *ending += 1;
    view.remove(place)?;
    groups::put_right(view, subject, &error)?;
    view.put_new(subject.key(shelf::RETRIED, sequence), error.encode_to_vec());
    Ok(())
}

/// A record is no error any more; gives the figures that say what became of it.
fn leaves<'a>(
    view: &mut View<'_>,
    subject: &'a mut Subject,
    record: &QueuedRecord,
) -> Result<&'a mut Figures, StoreError> {
    for entry in entries_of_record(subject, record.change.as_ref(), record.sequence)? {
        view.remove(entry)?;
    }
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
        Place::of_error(&error).leave(view, subject)?;
        let record =
            error.record.as_ref().ok_or_else(|| StoreError::Corrupt { what: "an error without its record".into() })?;
        *grow(leaves(view, subject, record)?) += 1;
        view.remove(place)?;
    }
    Ok(())
}

fn forget_retried(view: &mut View<'_>, subject: &Subject, sequence: u64) -> Result<(), StoreError> {
    let place = subject.key(shelf::RETRIED, sequence);
    let Some(bytes) = view.get(&place)? else { return Ok(()) };
    groups::forget_put_right(view, subject, &decode(&bytes, "a retried record")?)?;
    view.remove(place).map(drop)
}

/// Rows that an execution could not write are kept no longer; what is none is passed over.
pub(super) fn remove_rows(view: &mut View<'_>, subject: &Subject, removed: RemoveRows) -> Result<(), StoreError> {
    let execution = removed.execution;
    for number in removed.numbers {
        let Some(bytes) = view.get(&place_of_row(subject, execution, number))? else { continue };
        let error: ExecutionError = decode(&bytes, "an execution's error")?;
        Place::of_row(execution, number, &error).leave(view, subject)?;
        remove_row(view, subject, execution, number, &error)?;
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
    Place::of_row(execution, number, &error).leave(view, subject)?;
    correct(&mut error.row, &mut error.original, retried.corrected);
    if status_of(subject, retried.status)? == RetryStatus::Failed {
        error.failure = retried.failure.or(error.failure);
        error.retry = Some(Retry { job: retried.job, status: retried.status, time: retried.time });
        Place::of_row(execution, number, &error).enter(view, subject)?;
        return view.put(place, error.encode_to_vec());
    }
    remove_row(view, subject, execution, number, &error)
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
