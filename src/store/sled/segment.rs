//! Packed segments of the queue: some records in one value, and beside it a note of what became of them.
//!
//! A record that leaves is only noted; the segment goes when all its records are gone. A segment is never written again for that.

use super::packed;
use crate::store::codec::Unreadable;
use crate::store::message::{QueuedOutline, QueuedRecord, SegmentNote, Yielded};
use prost::Message;
use std::collections::BTreeSet;

const CANNOT_READ: Unreadable = Unreadable("a segment of a queue");

/// The encoded records of an encoded `Segment`, in order.
pub(super) fn records(segment: &[u8]) -> impl Iterator<Item = Result<&[u8], Unreadable>> {
    packed::items(segment).map(|record| record.map_err(|_| CANNOT_READ))
}

/// The outlines of all records of an encoded `Segment`, in order.
pub(super) fn outlines(segment: &[u8]) -> Result<Vec<QueuedOutline>, Unreadable> {
    records(segment).map(|record| QueuedOutline::decode(record?).map_err(|_| CANNOT_READ)).collect()
}

/// The same as they stand beside a segment that is compressed.
pub(super) fn outlined(segment: &[u8]) -> Result<Vec<u64>, Unreadable> {
    Ok(outlines(segment)?.iter().map(|outline| u64::from(outline.size) << 2 | outline.source as u64).collect())
}

/// The outlines of the records of a segment as it was written, the first of which has this sequence. What is compressed is
/// unpacked only where nothing stands beside it.
pub(super) fn outlines_of(value: &[u8], first: u64) -> Result<Vec<QueuedOutline>, Unreadable> {
    let beside = packed::outlines(value)?;
    if beside.is_empty() {
        return outlines(&packed::unpacked(value)?);
    }
    let outline = |(sequence, number): (u64, u64)| {
        let size = u32::try_from(number >> 2).map_err(|_| CANNOT_READ)?;
        Ok(QueuedOutline { sequence, source: (number & 0b11) as i32, size })
    };
    (first..).zip(beside).map(outline).collect()
}

/// The record at `index` of an encoded `Segment`, with what its note says it has yielded.
pub(super) fn record(segment: &[u8], note: &SegmentNote, index: usize) -> Result<QueuedRecord, Unreadable> {
    let bytes = records(segment).nth(index).ok_or(CANNOT_READ)??;
    let mut record = QueuedRecord::decode(bytes).map_err(|_| CANNOT_READ)?;
    record.yielded = yielded(note, index).to_vec();
    Ok(record)
}

pub(super) fn is_gone(note: &SegmentNote, index: usize) -> bool {
    note.gone.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}

pub(super) fn set_gone(note: &mut SegmentNote, index: usize) {
    let place = index / 8;
    if note.gone.len() <= place {
        note.gone.resize(place + 1, 0);
    }
    note.gone[place] |= 1 << (index % 8); // the line above made the place
}

pub(super) fn gone_count(note: &SegmentNote) -> usize {
    note.gone.iter().map(|byte| byte.count_ones() as usize).sum()
}

/// The columns that the record at `index` has yielded.
pub(super) fn yielded(note: &SegmentNote, index: usize) -> &[String] {
    match note.yielded.binary_search_by_key(&index, |yielded| yielded.index as usize) {
        Ok(place) => &note.yielded[place].columns, // found there
        Err(_) => &[],
    }
}

pub(super) fn add_yielded(note: &mut SegmentNote, index: usize, columns: &[String]) {
    let all: BTreeSet<String> = yielded(note, index).iter().chain(columns).cloned().collect();
    let entry = Yielded { index: u32::try_from(index).unwrap_or(u32::MAX), columns: all.into_iter().collect() };
    match note.yielded.binary_search_by_key(&index, |yielded| yielded.index as usize) {
        Ok(place) => note.yielded[place] = entry, // found there
        Err(place) => note.yielded.insert(place, entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::message::{Change, Segment};

    fn record_of(sequence: u64) -> QueuedRecord {
        QueuedRecord { sequence, source: 1, size: 40 + sequence as u32, ..QueuedRecord::default() }
    }

    #[test]
    fn an_appended_segment_is_the_message_that_the_proto_says() {
        let mut bytes = Vec::new();
        for sequence in 1..=300 {
            let before = bytes.len();
            packed::append(&mut bytes, &record_of(sequence));
            assert_eq!(bytes.len() - before, packed::appended_len(&record_of(sequence)));
        }
        let whole = Segment { records: (1..=300).map(record_of).collect() };
        assert_eq!(bytes, whole.encode_to_vec());
        let outlines = outlines(&bytes).unwrap();
        assert_eq!(outlines.len(), 300);
        assert_eq!((outlines[299].sequence, outlines[299].size), (300, 340));
        assert_eq!(record(&bytes, &SegmentNote::default(), 7).unwrap(), record_of(8));
        assert!(record(&bytes, &SegmentNote::default(), 300).is_err());
        assert!(super::outlines(&bytes[..bytes.len() - 1]).is_err());
        assert!(super::outlines(&[0x12, 0]).is_err());
    }

    #[test]
    fn what_stands_beside_a_compressed_segment_is_what_its_records_say() {
        let mut records = Vec::new();
        for sequence in 7..=40 {
            let source = 1 + (sequence % 2) as i32;
            let change = Some(Change { change_id: "long and always the same".to_owned(), ..Change::default() });
            packed::append(&mut records, &QueuedRecord { source, change, ..record_of(sequence) });
        }
        let said = outlines(&records).unwrap();
        let compressed = packed::compressed(records.clone(), outlined(&records).unwrap());
        assert_eq!(packed::outlines(&compressed).unwrap().len(), said.len());
        assert_eq!(packed::unpacked(&compressed).unwrap(), records);
        let as_before = packed::compressed(records.clone(), Vec::new());
        for written in [&compressed, &as_before, &records] {
            assert_eq!(outlines_of(written, 7).unwrap(), said);
        }
        assert!(outlines_of(&compressed[..compressed.len() - 1], 7).is_err());
    }

    #[test]
    fn a_note_keeps_what_is_gone_and_what_is_yielded() {
        let mut note = SegmentNote::default();
        for index in [9, 0, 9] {
            set_gone(&mut note, index);
        }
        assert_eq!((gone_count(&note), note.gone.len()), (2, 2));
        assert!(is_gone(&note, 0) && is_gone(&note, 9) && !is_gone(&note, 1) && !is_gone(&note, 900));
        add_yielded(&mut note, 5, &["b".to_owned()]);
        add_yielded(&mut note, 2, &["x".to_owned()]);
        add_yielded(&mut note, 5, &["a".to_owned(), "b".to_owned()]);
        assert_eq!(yielded(&note, 5), ["a", "b"]);
        assert_eq!(yielded(&note, 3), [] as [&str; 0]);
        assert!(note.yielded.is_sorted_by_key(|yielded| yielded.index));
    }
}
