//! One segment of the queue while a commit changes what is left of it.

use super::keys::{self, shelf};
use super::subject::Subject;
use super::view::{View, decode};
use super::{packed, segment};
use crate::store::StoreError;
use crate::store::message::{MapHead, QueuedOutline, QueuedRecord, SegmentNote};
use prost::Message;
use sled::IVec;

/// A segment with its note, to be changed and saved.
pub(super) struct Edit {
    key: IVec,
    pub first: u64,
    value: IVec,
    /// The value's records, once one of them was asked for.
    records: Option<Vec<u8>>,
    outlines: Vec<QueuedOutline>,
    note: SegmentNote,
}

impl Edit {
    /// The segment that holds, or held, the record with this sequence.
    pub fn of(view: &View<'_>, subject: &Subject, sequence: u64) -> Result<Self, StoreError> {
        let start = subject.key(shelf::QUEUE, subject.head.first_segment);
        let to = subject.key(shelf::QUEUE, sequence);
        let found = if start <= to { view.previous(&start, &to)? } else { None };
        let Some((key, value)) = found else {
            return Err(not_queued(subject, sequence));
        };
        Self::read(view, &key, value)
    }

    pub fn read(view: &View<'_>, key: &IVec, value: IVec) -> Result<Self, StoreError> {
        let mut note_key = key.to_vec();
        note_key[0] = shelf::NOTES; // a key begins with its shelf
        let note = view.get(&note_key)?;
        let first = keys::last_number(key).unwrap_or(0);
        Ok(Self {
            key: key.clone(),
            first,
            outlines: segment::outlines_of(&value, first)?,
            value,
            records: None,
            note: note.map(|note| decode(&note, "a segment's note")).transpose()?.unwrap_or_default(),
        })
    }

    pub fn last(&self) -> u64 {
        self.first + self.outlines.len() as u64 - 1 // no segment is empty
    }

    pub fn spans(&self, sequence: u64) -> bool {
        (self.first..=self.last()).contains(&sequence)
    }

    pub fn is_gone(&self, sequence: u64) -> bool {
        segment::is_gone(&self.note, (sequence - self.first) as usize)
    }

    /// Where the record is, if it is queued.
    fn index(&self, subject: &Subject, sequence: u64) -> Result<usize, StoreError> {
        let queued = self.spans(sequence) && !self.is_gone(sequence) && sequence > diverted_through(&subject.head);
        if queued { Ok((sequence - self.first) as usize) } else { Err(not_queued(subject, sequence)) }
    }

    /// Notes that a queued record is gone.
    pub fn take_out(&mut self, subject: &Subject, sequence: u64) -> Result<QueuedOutline, StoreError> {
        let index = self.index(subject, sequence)?;
        segment::set_gone(&mut self.note, index);
        Ok(self.outlines[index]) // it spans the sequence
    }

    /// A queued record no longer writes these columns.
    pub fn add_yielded(&mut self, subject: &Subject, sequence: u64, columns: &[String]) -> Result<(), StoreError> {
        let index = self.index(subject, sequence)?;
        segment::add_yielded(&mut self.note, index, columns);
        Ok(())
    }

    /// Notes that a record is gone, queued or diverted.
    pub fn mark(&mut self, sequence: u64) {
        segment::set_gone(&mut self.note, (sequence - self.first) as usize);
    }

    pub fn record(&mut self, sequence: u64) -> Result<QueuedRecord, StoreError> {
        let records = match &self.records {
            Some(records) => records,
            None => self.records.insert(packed::unpacked(&self.value)?.into_owned()),
        };
        Ok(segment::record(records, &self.note, (sequence - self.first) as usize)?)
    }

    /// Writes the note; or, when all records are gone, removes the segment with it.
    pub fn save(self, view: &mut View<'_>, subject: &mut Subject) -> Result<(), StoreError> {
        let mut note_key = self.key.to_vec();
        note_key[0] = shelf::NOTES; // a key begins with its shelf
        if segment::gone_count(&self.note) < self.outlines.len() {
            return if self.note == SegmentNote::default() {
                Ok(())
            } else {
                view.put(note_key, self.note.encode_to_vec())
            };
        }
        view.remove(note_key)?;
        view.remove(self.key.to_vec())?;
        let head = &mut subject.head;
        if head.open_segment == self.first {
            head.open_segment = 0;
        }
        if head.first_segment <= self.first && is_first(view, subject, self.first)? {
            subject.head.first_segment = self.first + self.outlines.len() as u64;
        }
        Ok(())
    }
}

/// Whether no segment stands before this one, which was removed.
fn is_first(view: &View<'_>, subject: &Subject, first: u64) -> Result<bool, StoreError> {
    let from = subject.key(shelf::QUEUE, subject.head.first_segment);
    Ok(view.next(&from, &subject.key(shelf::QUEUE, first))?.is_none())
}

fn not_queued(subject: &Subject, sequence: u64) -> StoreError {
    subject.misfit(format!("record {sequence} is not queued"))
}

/// The last sequence that is diverted, moved already or not.
pub(super) fn diverted_through(head: &MapHead) -> u64 {
    head.diversions.last().map_or(0, |diversion| diversion.through)
}
