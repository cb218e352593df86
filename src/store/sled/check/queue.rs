//! The queue of a map: its segments, their notes, and what is left in them.

use super::taken::KeyWalk;
use super::{Check, Life};
use crate::store::codec::decode_queued;
use crate::store::message::{self, SegmentNote};
use crate::store::sled::edit::diverted_through;
use crate::store::sled::keys::{self, shelf};
use crate::store::sled::offline::OfflineError;
use crate::store::sled::view::decode;
use crate::store::sled::{packed, segment};
use sled::IVec;
use std::collections::BTreeMap;

/// What is there, by the number of the side.
#[derive(Default)]
pub(super) struct Counted {
    pub queued: BTreeMap<i32, u64>,
    pub queued_bytes: u64,
    /// Diverted records that are still to be moved included.
    pub in_error: BTreeMap<i32, u64>,
    pub first_segment: Option<u64>,
    pub last_sequence: u64,
    /// The greatest number of a failure.
    pub failures: u64,
    pub on_pages: u64,
    pub last_page: u64,
    pub last_run: u64,
}

impl Check<'_> {
    pub(super) fn queue(&mut self, life: &Life<'_>, counted: &mut Counted) -> Result<(), OfflineError> {
        let mut keys = KeyWalk::begin(self, life)?;
        let mut segments = 0;
        for entry in self.entries(&life.prefix(shelf::QUEUE)) {
            let (key, bytes) = entry?;
            let first = keys::last_number(&key).unwrap_or(0);
            counted.first_segment.get_or_insert(first);
            if first <= counted.last_sequence {
                self.wrong(Some(life.map), format!("segment {first} of its queue begins inside another"));
            }
            let note = self.get(&life.key(shelf::NOTES, first))?;
            let note = note.map(|note| decode::<SegmentNote>(&note, "a segment's note")).transpose();
            let Some(note) = self.readable(life.map, "the note of a segment", note) else { continue };
            segments += u64::from(note.is_some());
            self.segment(life, first, &bytes, &note.unwrap_or_default(), counted, &mut keys)?;
        }
        keys.end(self, life, counted)?;
        let notes = self.entries(&life.prefix(shelf::NOTES)).count() as u64;
        if notes != segments {
            self.wrong(Some(life.map), format!("{} notes of its queue are of no segment", notes.abs_diff(segments)));
        }
        for diversion in &life.head.diversions {
            counted.failures = counted.failures.max(diversion.number);
        }
        Ok(())
    }

    fn segment(
        &mut self,
        life: &Life<'_>,
        first: u64,
        bytes: &IVec,
        note: &SegmentNote,
        counted: &mut Counted,
        keys: &mut KeyWalk,
    ) -> Result<(), OfflineError> {
        let mut left = 0;
        let records = packed::unpacked(bytes).map_err(Into::into);
        let Some(records) = self.readable(life.map, "a segment of its queue", records) else { return Ok(()) };
        let beside = packed::outlines(bytes).unwrap_or_default();
        if !beside.is_empty()
            && let Ok(outlined) = segment::outlined(&records)
            && outlined != beside
        {
            let what = format!("segment {first} of its queue tells of other records than it has");
            let right = packed::compressed(records.to_vec(), outlined);
            self.says_wrongly(Some(life.map), what, [(life.key(shelf::QUEUE, first), Some(right))])?;
        }
        for (index, record) in segment::records(&records).enumerate() {
            let sequence = first + index as u64;
            counted.last_sequence = counted.last_sequence.max(sequence);
            let Some(record) = self.readable(life.map, "a segment of its queue", record.map_err(Into::into)) else {
                return Ok(());
            };
            if segment::is_gone(note, index) {
                continue;
            }
            left += 1;
            let Some(outline) =
                self.readable(life.map, "a queued record", decode::<message::QueuedOutline>(record, "its outline"))
            else {
                continue;
            };
            let whole = decode_queued(record).map_err(Into::into);
            let whole = self.readable(life.map, "a queued record", whole);
            if let Some(whole) = &whole {
                keys.next(self, life, sequence, keys::first_bytes(&whole.change.key.encode()))?;
            }
            if whole.is_some_and(|whole| whole.sequence.0 != sequence) || outline.sequence != sequence {
                self.wrong(Some(life.map), format!("record {sequence} of its queue says that it is another"));
            }
            if sequence > diverted_through(life.head) {
                *counted.queued.entry(outline.source).or_insert(0) += 1;
                counted.queued_bytes += u64::from(outline.size);
            } else if life
                .head
                .diversions
                .iter()
                .find(|of| of.through >= sequence)
                .is_some_and(|of| of.failure.is_some())
            {
                *counted.in_error.entry(outline.source).or_insert(0) += 1;
            }
        }
        if left == 0 {
            self.wrong(Some(life.map), format!("segment {first} of its queue has no records left"));
        }
        Ok(())
    }
}
