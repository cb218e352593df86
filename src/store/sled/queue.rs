//! What commits do to a map's queue. Each function moves the figures together with the records (rule 11).

use super::edit::Edit;
use super::errors;
use super::keys::shelf;
use super::packed::Tail;
use super::segment;
use super::subject::Subject;
use super::taken;
use super::view::View;
use crate::store::StoreError;
use crate::store::message::{
    Disposition, Diversion, Divert, ErrorRecord, Fail, Figures, Leave, NewRecord, QueuedOutline, Remembered, Taken,
    Yield,
};

/// How many diversions may wait behind one another.
const DIVERSIONS_MAX: usize = 64;
/// About how many bytes of records one `ContinueDivert` moves at most, whatever it was asked for.
const DIVERT_BYTES_MAX: usize = 512 * 1024;

/// Rule 2: records are packed in the order of their sequences, which follow one another.
pub(super) fn enqueue(view: &mut View<'_>, subject: &mut Subject, records: Vec<NewRecord>) -> Result<(), StoreError> {
    let mut tail = Tail::open(view, subject, shelf::QUEUE, subject.head.open_segment, segment::outlined)?;
    let mut taken = Vec::with_capacity(records.len());
    for new in records {
        let next = subject.head.last_queued + 1;
        if new.sequence != next {
            return Err(subject.misfit(format!("record {} is to be queued, {next} is the next", new.sequence)));
        }
        subject.head.last_queued = next;
        subject.head.queued_bytes += u64::from(new.size);
        let figures = subject.figures(new.source)?;
        figures.accepted += 1;
        figures.queued += 1;
        tail.append(view, subject, &new.record, next)?;
        subject.head.last_accepted = new.accept_time.or(subject.head.last_accepted);
        taken.push(taken_of(new));
    }
    subject.head.open_segment = tail.close(view, subject)?;
    taken::take_in(view, subject, taken)
}

/// Rule 4: the answer to a change with an id is kept.
fn taken_of(new: NewRecord) -> Taken {
    let NewRecord { sequence, accept_time: time, change_id, fingerprint, reason, key, .. } = new;
    let remembered = if change_id.is_empty() {
        Remembered { sequence, time, ..Remembered::default() }
    } else {
        Remembered { fingerprint, disposition: Disposition::Queued.into(), sequence, reason, time }
    };
    Taken { id_hash: taken::id_hash(&change_id), change_id, remembered: Some(remembered), key }
}

pub(super) fn leave(view: &mut View<'_>, subject: &mut Subject, leave: Leave) -> Result<(), StoreError> {
    let grow = subject.figure_of(leave.ending)?;
    let mut sequences = leave.sequences;
    sequences.sort_unstable(); // so that each segment is opened once
    let mut open: Option<Edit> = None;
    for sequence in sequences {
        if let Some(segment) = open.take_if(|segment| !segment.spans(sequence)) {
            segment.save(view, subject)?;
        }
        let segment = match &mut open {
            Some(segment) => segment,
            None => open.insert(Edit::of(view, subject, sequence)?),
        };
        let outline = segment.take_out(subject, sequence)?;
        let figures = unqueue(subject, &outline)?;
        *grow(figures) += 1;
    }
    open.map_or(Ok(()), |segment| segment.save(view, subject))
}

pub(super) fn fail(view: &mut View<'_>, subject: &mut Subject, fail: Fail) -> Result<(), StoreError> {
    let mut segment = Edit::of(view, subject, fail.sequence)?;
    let outline = segment.take_out(subject, fail.sequence)?;
    unqueue(subject, &outline)?.in_error += 1;
    subject.head.failures += 1;
    let error = ErrorRecord {
        record: Some(segment.record(fail.sequence)?),
        failure: fail.failure,
        fail_time: fail.time,
        attempts: fail.attempts,
        number: subject.head.failures,
        retry: None,
        original: None,
    };
    errors::put_error(view, subject, &error)?;
    segment.save(view, subject)
}

pub(super) fn yield_columns(view: &mut View<'_>, subject: &mut Subject, yielded: &Yield) -> Result<(), StoreError> {
    let mut segment = Edit::of(view, subject, yielded.sequence)?;
    segment.add_yielded(subject, yielded.sequence, &yielded.columns)?;
    segment.save(view, subject)
}

/// The record is on the queue no more; gives the figures that say where it went instead.
fn unqueue<'a>(subject: &'a mut Subject, outline: &QueuedOutline) -> Result<&'a mut Figures, StoreError> {
    let less = |figure: u64, by: u64| {
        figure.checked_sub(by).ok_or_else(|| StoreError::Corrupt { what: "figures that do not add up".to_owned() })
    };
    subject.head.queued_bytes = less(subject.head.queued_bytes, u64::from(outline.size))?;
    let figures = subject.figures(outline.source)?;
    figures.queued = less(figures.queued, 1)?;
    Ok(figures)
}

/// Moves the figures; the records follow with `continue_divert`.
pub(super) fn divert(subject: &mut Subject, divert: Divert) -> Result<(), StoreError> {
    let head = &mut subject.head;
    let mut queued = 0;
    for figures in [&mut head.left, &mut head.right].into_iter().flatten() {
        queued += figures.queued;
        let figure = if divert.failure.is_some() { &mut figures.in_error } else { &mut figures.deleted };
        *figure += figures.queued;
        figures.queued = 0;
    }
    head.queued_bytes = 0;
    if queued == 0 {
        return Ok(());
    }
    if head.diversions.len() >= DIVERSIONS_MAX {
        return Err(subject.misfit("too many diversions are under way"));
    }
    head.open_segment = 0;
    head.failures += 1;
    head.diversions.push(Diversion {
        through: head.last_queued,
        failure: divert.failure,
        time: divert.time,
        number: head.failures,
    });
    Ok(())
}

/// Moves at most so many diverted records; says how many.
pub(super) fn continue_divert(view: &mut View<'_>, subject: &mut Subject, records_max: u32) -> Result<u32, StoreError> {
    let (mut moved, mut bytes) = (0, 0);
    while let Some(diversion) = subject.head.diversions.first().cloned() {
        let from = subject.key(shelf::QUEUE, subject.head.first_segment);
        let end = subject.key(shelf::QUEUE, diversion.through + 1);
        let Some((key, value)) = view.next(&from, &end)? else {
            subject.head.diversions.remove(0);
            continue;
        };
        let mut segment = Edit::read(view, &key, value)?;
        let last = diversion.through.min(segment.last());
        for sequence in segment.first..=last {
            if segment.is_gone(sequence) {
                continue;
            }
            if moved >= records_max || bytes >= DIVERT_BYTES_MAX {
                segment.save(view, subject)?;
                return Ok(moved);
            }
            moved += 1;
            bytes += move_away(view, subject, &mut segment, sequence, &diversion)?;
        }
        let ends_here = segment.last() >= diversion.through;
        segment.save(view, subject)?;
        if ends_here {
            subject.head.diversions.remove(0);
        }
    }
    Ok(moved)
}

/// A diverted record becomes what the diversion says. Gives about how many bytes that took.
fn move_away(
    view: &mut View<'_>,
    subject: &Subject,
    segment: &mut Edit,
    sequence: u64,
    diversion: &Diversion,
) -> Result<usize, StoreError> {
    let mut bytes = 0;
    if diversion.failure.is_some() {
        let error = ErrorRecord {
            record: Some(segment.record(sequence)?),
            failure: diversion.failure.clone(),
            fail_time: diversion.time,
            attempts: 0,
            number: diversion.number,
            retry: None,
            original: None,
        };
        bytes = errors::put_error(view, subject, &error)?;
    }
    segment.mark(sequence);
    Ok(bytes)
}
