//! Reading: what is needed is collected between two groups of commits, and decoded after.

use super::SledStore;
use super::edit::diverted_through;
use super::failure::EngineFailure;
use super::keys::{self, shelf};
use super::view::decode;
use super::{packed, segment};
use crate::model::activity::LoggedEvent;
use crate::model::change::QueuedRecord;
use crate::model::ids::{EventSequence, MapId, Position, QueueSequence};
use crate::model::key::Key;
use crate::model::table_map::Side;
use crate::model::written::WrittenSince;
use crate::store::codec::{Unreadable, decode_queued, side_number};
use crate::store::message::{self, MapHead, SegmentNote};
use crate::store::{Head, StoreError};
use prost::Message;
use sled::{Db, IVec};
use std::borrow::Cow;

/// How many segments are collected at a time; a writer waits no longer than that takes.
const SEGMENTS_AT_ONCE: usize = 16;

/// The map's numbers; all zero for one that never was.
pub(super) fn head(db: &Db, map: &MapId) -> Result<MapHead, StoreError> {
    let bytes = db.get(keys::head(map.as_str())).map_err(EngineFailure::reading)?;
    Ok(bytes.map(|bytes| decode(&bytes, "a map's numbers")).transpose()?.unwrap_or_default())
}

/// The first entries between two keys, in order.
pub(super) fn scan(db: &Db, from: &[u8], end: &[u8], limit: usize) -> Result<Vec<(IVec, IVec)>, StoreError> {
    let entries = db.range(from..end).take(limit);
    entries.map(|entry| entry.map_err(|error| EngineFailure::reading(error).into())).collect()
}

pub(super) fn get(db: &Db, key: &[u8]) -> Result<Option<IVec>, StoreError> {
    Ok(db.get(key).map_err(EngineFailure::reading)?)
}

/// A stored message in the model's terms.
pub(super) fn read<M, T>(bytes: &[u8], what: &'static str) -> Result<T, StoreError>
where
    M: Message + Default,
    T: TryFrom<M, Error = Unreadable>,
{
    Ok(decode::<M>(bytes, what)?.try_into()?)
}

/// One segment of the queue with its note, as they were at one moment.
pub(super) struct Collected {
    first: u64,
    segment: IVec,
    note: Option<IVec>,
}

impl Collected {
    /// The sequence of its first record.
    pub fn first(&self) -> u64 {
        self.first
    }

    fn records(&self) -> Result<Cow<'_, [u8]>, StoreError> {
        Ok(packed::unpacked(&self.segment)?)
    }
}

impl SledStore {
    pub(super) fn read_head(&self, map: &MapId) -> Result<Head, StoreError> {
        self.shared.read(|db| head(db, map)).map(|head| Head::from(&head))
    }

    /// Queued records in order. Starts at the segment that holds the first one asked for, found by its key; what was there
    /// before it costs nothing.
    pub(super) fn read_queued(
        &self,
        map: &MapId,
        after: QueueSequence,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<QueuedRecord>, StoreError> {
        let mut found = Vec::new();
        let (mut after, mut bytes) = (after.0, 0);
        loop {
            let (segments, queued_after) = self.shared.read(|db| collect_segments(db, map, after))?;
            let mut last = 0;
            for collected in &segments {
                let records = collected.records()?;
                last = collected.first + segment::records(&records).count() as u64 - 1; // no segment is empty
                for record in queued_of(collected, &records, queued_after)? {
                    let record = record?;
                    bytes += record.change.size();
                    if found.len() == records_max || (bytes > bytes_max && !found.is_empty()) {
                        return Ok(found);
                    }
                    found.push(record);
                }
            }
            // The last segment is found again and again while none follows it.
            if last <= after {
                return Ok(found);
            }
            after = last;
        }
    }

    pub(super) fn read_queued_record(
        &self,
        map: &MapId,
        sequence: QueueSequence,
    ) -> Result<Option<QueuedRecord>, StoreError> {
        let Some(before) = sequence.0.checked_sub(1) else { return Ok(None) };
        let collected = self.shared.read(|db| {
            let head = head(db, map)?;
            if sequence.0 <= diverted_through(&head) {
                return Ok(None);
            }
            segment_with(db, map, &head, before + 1)
        })?;
        let Some(collected) = collected else { return Ok(None) };
        let records = collected.records()?;
        match queued_of(&collected, &records, before)?.next() {
            Some(record) => Ok(Some(record?).filter(|record| record.sequence == sequence)),
            None => Ok(None),
        }
    }

    /// The entry of a numbered shelf with this number.
    pub(super) fn read_one<M, T>(
        &self,
        shelf: u8,
        map: &MapId,
        number: u64,
        what: &'static str,
    ) -> Result<Option<T>, StoreError>
    where
        M: Message + Default,
        T: TryFrom<M, Error = Unreadable>,
    {
        let key = |head: &MapHead| keys::numbered(shelf, map.as_str(), head.incarnation, number);
        let bytes = self.shared.read(|db| get(db, &key(&head(db, map)?)))?;
        bytes.map(|bytes| read::<M, T>(&bytes, what)).transpose()
    }

    /// Entries of a numbered shelf in their order, after `after`.
    pub(super) fn read_numbered<M, T>(
        &self,
        shelf: u8,
        map: &MapId,
        after: u64,
        limit: usize,
        what: &'static str,
    ) -> Result<Vec<T>, StoreError>
    where
        M: Message + Default,
        T: TryFrom<M, Error = Unreadable>,
    {
        let entries = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let from = keys::numbered(shelf, map.as_str(), incarnation, after.saturating_add(1));
            scan(db, &from, &keys::behind(&keys::of_incarnation(shelf, map.as_str(), incarnation)), limit)
        })?;
        entries.iter().map(|(_, bytes)| read::<M, T>(bytes, what)).collect()
    }

    /// Entries of a numbered shelf, the last one first, before `before` when given.
    pub(super) fn read_newest_first<M, T>(
        &self,
        shelf: u8,
        map: &MapId,
        before: Option<u64>,
        limit: usize,
        what: &'static str,
    ) -> Result<Vec<T>, StoreError>
    where
        M: Message + Default,
        T: TryFrom<M, Error = Unreadable>,
    {
        let entries: Vec<IVec> = self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let prefix = keys::of_incarnation(shelf, map.as_str(), incarnation);
            let end = match before {
                Some(before) => keys::numbered(shelf, map.as_str(), incarnation, before),
                None => keys::behind(&prefix),
            };
            let newest_first = db.range(prefix..end).values().rev().take(limit);
            newest_first.map(|entry| entry.map_err(|error| EngineFailure::reading(error).into())).collect()
        })?;
        entries.iter().map(|bytes| read::<M, T>(bytes, what)).collect()
    }

    pub(super) fn read_last_error(&self, map: &MapId) -> Result<QueueSequence, StoreError> {
        self.shared.read(|db| {
            let head = head(db, map)?;
            let prefix = keys::of_incarnation(shelf::ERRORS, map.as_str(), head.incarnation);
            let end = keys::behind(&prefix);
            let last = db.range(prefix..end).keys().next_back().transpose().map_err(EngineFailure::reading)?;
            let moved = last.and_then(|key| keys::last_number(&key)).unwrap_or(0);
            let kept = head.diversions.iter().filter(|diversion| diversion.failure.is_some());
            Ok(QueueSequence(kept.map(|diversion| diversion.through).chain([moved]).max().unwrap_or(0)))
        })
    }

    pub(super) fn read_last_execution_error(&self, map: &MapId, execution: u64) -> Result<u64, StoreError> {
        self.shared.read(|db| {
            let incarnation = head(db, map)?.incarnation;
            let key = |number| keys::execution_error(map.as_str(), incarnation, execution, number);
            let last = db.range(key(0)..=key(u64::MAX)).keys().next_back();
            let last = last.transpose().map_err(EngineFailure::reading)?;
            Ok(last.and_then(|key| keys::last_number(&key)).unwrap_or(0))
        })
    }

    pub(super) fn read_written_since(&self, map: &MapId, side: Side, key: &Key) -> Result<WrittenSince, StoreError> {
        let bytes = self.shared.read(|db| {
            let head = head(db, map)?;
            let key = message::Key::from(key).encode_to_vec();
            let (incarnation, epoch) = (head.incarnation, head.written_epoch);
            get(db, &keys::written(map.as_str(), incarnation, epoch, side_number(side), &key))
        })?;
        let since =
            bytes.map(|bytes| decode::<message::WrittenSince>(&bytes, "what was written of a key")).transpose()?;
        Ok(since.unwrap_or_default().into())
    }

    /// Events between two keys up to what is synced: a tail never tells of what a crash could take back.
    pub(super) fn read_events(&self, from: &[u8], end: &[u8], limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let synced = self.shared.synced_position();
        let entries = self.shared.read(|db| scan(db, from, end, limit))?;
        let mut events = Vec::with_capacity(entries.len());
        for (_, value) in entries {
            let logged: message::LoggedEvent = decode(&value, "an event")?;
            if Position(logged.position) > synced {
                break;
            }
            events.push(logged.try_into()?);
        }
        Ok(events)
    }

    pub(super) fn read_map_events(
        &self,
        map: &MapId,
        from: EventSequence,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let end = keys::behind(&keys::of_map(shelf::LOG_BY_MAP, map.as_str()));
        self.read_events(&keys::event(map.as_str(), from.0), &end, limit)
    }
}

/// Segments that hold records after `after`, and after which sequence records are queued at all.
fn collect_segments(db: &Db, map: &MapId, after: u64) -> Result<(Vec<Collected>, u64), StoreError> {
    let head = head(db, map)?;
    let after = after.max(diverted_through(&head));
    let key = |sequence| keys::numbered(shelf::QUEUE, map.as_str(), head.incarnation, sequence);
    let from = match segment_key_with(db, map, &head, after.saturating_add(1))? {
        Some(key) => key.to_vec(),
        None => key(head.first_segment.max(after.saturating_add(1))),
    };
    let end = keys::behind(&keys::of_incarnation(shelf::QUEUE, map.as_str(), head.incarnation));
    let mut segments = Vec::new();
    for entry in db.range(from..end).take(SEGMENTS_AT_ONCE) {
        let (key, segment) = entry.map_err(EngineFailure::reading)?;
        segments.push(collected(db, &key, segment)?);
    }
    Ok((segments, after))
}

/// The segment that holds, or held, the record with this sequence.
pub(super) fn segment_with(
    db: &Db,
    map: &MapId,
    head: &MapHead,
    sequence: u64,
) -> Result<Option<Collected>, StoreError> {
    let Some(key) = segment_key_with(db, map, head, sequence)? else { return Ok(None) };
    let segment = db.get(&key).map_err(EngineFailure::reading)?;
    segment.map(|segment| collected(db, &key, segment)).transpose()
}

fn segment_key_with(db: &Db, map: &MapId, head: &MapHead, sequence: u64) -> Result<Option<IVec>, StoreError> {
    let key = |sequence| keys::numbered(shelf::QUEUE, map.as_str(), head.incarnation, sequence);
    if sequence < head.first_segment {
        return Ok(None);
    }
    let mut before = db.range(key(head.first_segment)..=key(sequence)).keys().rev();
    Ok(before.next().transpose().map_err(EngineFailure::reading)?)
}

fn collected(db: &Db, key: &IVec, segment: IVec) -> Result<Collected, StoreError> {
    let mut note_key = key.to_vec();
    note_key[0] = shelf::NOTES; // a key begins with its shelf
    let note = db.get(note_key).map_err(EngineFailure::reading)?;
    Ok(Collected { first: keys::last_number(key).unwrap_or(0), segment, note })
}

/// When the first record of a segment was accepted, queued still or not.
pub(super) fn first_time(collected: &Collected) -> Result<Option<message::Time>, StoreError> {
    let records = collected.records()?;
    let first = segment::records(&records).next().transpose()?;
    let first = first.map(decode_queued).transpose()?;
    Ok(first.map(|first| (&first.accept_time).into()))
}

/// The records of a segment that are queued and come after `after`, with what they have yielded.
fn queued_of<'r>(
    collected: &Collected,
    records: &'r [u8],
    after: u64,
) -> Result<impl Iterator<Item = Result<QueuedRecord, StoreError>> + use<'r>, StoreError> {
    let note: SegmentNote = match &collected.note {
        Some(note) => decode(note, "a segment's note")?,
        None => SegmentNote::default(),
    };
    let first = collected.first;
    let records = segment::records(records).enumerate().filter_map(move |(index, bytes)| {
        if first + index as u64 <= after || segment::is_gone(&note, index) {
            return None;
        }
        Some(bytes.map_err(StoreError::from).and_then(|bytes| {
            let mut record = decode_queued(bytes)?;
            record.yielded = segment::yielded(&note, index).iter().cloned().collect();
            Ok(record)
        }))
    });
    Ok(records)
}
