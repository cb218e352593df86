//! Reading: what is needed is collected between two groups of commits, and decoded after.

use super::SledStore;
use super::edit::diverted_through;
use super::failure::EngineFailure;
use super::keys::{self, shelf};
use super::segment;
use super::view::decode;
use crate::model::activity::LoggedEvent;
use crate::model::change::QueuedRecord;
use crate::model::ids::{EventSequence, MapId, Position, QueueSequence};
use crate::store::codec::Unreadable;
use crate::store::message::{self, MapHead, SegmentNote};
use crate::store::{Head, StoreError};
use prost::Message;
use sled::{Db, IVec};

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

/// A stored message in the model's terms.
pub(super) fn read<M, T>(bytes: &[u8], what: &'static str) -> Result<T, StoreError>
where
    M: Message + Default,
    T: TryFrom<M, Error = Unreadable>,
{
    Ok(decode::<M>(bytes, what)?.try_into()?)
}

/// One segment of the queue with its note, as they were at one moment.
struct Collected {
    first: u64,
    segment: IVec,
    note: Option<IVec>,
}

impl Collected {
    /// The sequence of its last record; no segment is empty.
    fn last(&self) -> u64 {
        self.first + segment::records(&self.segment).count() as u64 - 1
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
            for collected in &segments {
                for record in queued_of(collected, queued_after)? {
                    let record = record?;
                    bytes += record.change.size();
                    if found.len() == records_max || (bytes > bytes_max && !found.is_empty()) {
                        return Ok(found);
                    }
                    found.push(record);
                }
            }
            // The last segment is found again and again while none follows it.
            match segments.last().map(Collected::last) {
                Some(last) if last > after => after = last,
                Some(_) | None => return Ok(found),
            }
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
        match queued_of(&collected, before)?.next() {
            Some(record) => Ok(Some(record?).filter(|record| record.sequence == sequence)),
            None => Ok(None),
        }
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
fn segment_with(db: &Db, map: &MapId, head: &MapHead, sequence: u64) -> Result<Option<Collected>, StoreError> {
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

/// The records of a segment that are queued and come after `after`, with what they have yielded.
fn queued_of(
    collected: &Collected,
    after: u64,
) -> Result<impl Iterator<Item = Result<QueuedRecord, StoreError>>, StoreError> {
    let note: SegmentNote = match &collected.note {
        Some(note) => decode(note, "a segment's note")?,
        None => SegmentNote::default(),
    };
    let first = collected.first;
    let records = segment::records(&collected.segment).enumerate().filter_map(move |(index, bytes)| {
        if first + index as u64 <= after || segment::is_gone(&note, index) {
            return None;
        }
        Some(bytes.map_err(StoreError::from).and_then(|bytes| {
            let mut record: message::QueuedRecord = decode(bytes, "a queued record")?;
            record.yielded = segment::yielded(&note, index).to_vec();
            Ok(record.try_into()?)
        }))
    });
    Ok(records)
}
