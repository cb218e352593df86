//! Where things stand. One tree, one byte for each shelf in front, then the map's id and a zero (which no id holds and which
//! sorts before all that an id holds), then numbers as eight bytes, big-endian: every list is one scan in key order.
//!
//! | shelf | rest of the key | value |
//! | --- | --- | --- |
//! | `STORE` | `schema` / `head` | 4 bytes / `StoreHead` |
//! | `HEADS` | map | `MapHead` |
//! | `NOTES` | map, incarnation, first sequence of the segment | `SegmentNote` |
//! | `RUNS` | map, incarnation, number | `Run` |
//! | `LOG_BY_POSITION` | position | `LoggedEvent` |
//! | `LOG_BY_MAP` | map, sequence | `LoggedEvent` |
//! | `EXECUTIONS` | map, incarnation, number | `Execution` |
//! | `EXECUTION_ERRORS` | map, incarnation, number of the execution, number of the error | `ExecutionError` |
//! | `MAPS` | map | `TableMap` |
//! | `ERRORS` | map, incarnation, sequence | `ErrorRecord` |
//! | `RETRIED` | map, incarnation, sequence | `ErrorRecord` that a retry took out of the errors |
//! | `KEYS_IN_ERROR` | map, incarnation, first bytes of the key, hash of the key, 0, sequence / 1, number of the execution, number of the error | nothing |
//! | `WRITTEN` | map, incarnation, epoch, side, key | `WrittenSince` |
//! | `JOBS` | map, incarnation, number | `QueueJob` |
//! | `ERROR_GROUPS` | map, incarnation, number of the execution (0: catch-up), hash of the group | `ErrorGroup` |
//! | `BY_TIME` | map, incarnation, 0, number of the execution, hash of the group, time, number / 1, time, sequence of what a retry put right | nothing |
//! | `DEFERRED` | map, incarnation, number of the execution, number of the rows | `DeferredRows` |
//! | `ALERT_SETTINGS` | id of the setting | `AlertSetting` |
//! | `MAP_ALERTS` | map, incarnation, 0 | `MapAlerts` |
//! | `ERROR_NOTES` | map, incarnation, type of the errors, number | `ErrorNote` |
//! | `ALERTS` | number | `AlertEvent` |
//! | `NOTIFICATIONS` | number | `Notification` |
//! | `OUTBOX` | number of a notification that is to be delivered | nothing |
//! | `FENCE` | 0 to 23 | nothing |
//! | `QUEUE` | map, incarnation, sequence of the first record | `Segment` |
//! | `PAGES` | map, incarnation, number | `TakenPage` |
//! | `IDS` | map, incarnation, number of the run, hash of the first id | `TakenPage` |
//! | `ID_HASHES` | map, incarnation, number of the run, number of the block | `IdHashes` |
//! | `QUEUED_KEYS` | map, incarnation, number of the run, first bytes of the first key, its sequence | `QueuedKeys` |
//!
//! The order is by heat: sled keeps up to 16 neighbours in one leaf and writes the leaf anew after every tenth change to one
//! of them. A head changes with every commit and a segment is large, so neither may ever share a leaf with the other; the
//! fence, wider than a leaf, stands between.

use crate::model;
use crate::store::message::{QueuedKey, Time};
use xxhash_rust::xxh3::xxh3_64;

pub(super) mod shelf {
    pub const STORE: u8 = 0x01;
    pub const HEADS: u8 = 0x02;
    pub const NOTES: u8 = 0x03;
    pub const RUNS: u8 = 0x04;
    pub const LOG_BY_POSITION: u8 = 0x05;
    pub const LOG_BY_MAP: u8 = 0x06;
    pub const EXECUTIONS: u8 = 0x07;
    pub const EXECUTION_ERRORS: u8 = 0x08;
    pub const MAPS: u8 = 0x09;
    pub const ERRORS: u8 = 0x0A;
    pub const RETRIED: u8 = 0x0B;
    pub const KEYS_IN_ERROR: u8 = 0x0C;
    pub const WRITTEN: u8 = 0x0D;
    pub const JOBS: u8 = 0x0E;
    pub const DEFERRED: u8 = 0x0F;
    pub const ERROR_GROUPS: u8 = 0x10;
    pub const BY_TIME: u8 = 0x11;
    pub const ALERT_SETTINGS: u8 = 0x12;
    pub const MAP_ALERTS: u8 = 0x13;
    pub const ERROR_NOTES: u8 = 0x14;
    pub const ALERTS: u8 = 0x15;
    pub const NOTIFICATIONS: u8 = 0x16;
    pub const OUTBOX: u8 = 0x17;
    pub const FENCE: u8 = 0x20;
    pub const QUEUE: u8 = 0x21;
    pub const PAGES: u8 = 0x22;
    pub const IDS: u8 = 0x23;
    pub const QUEUED_KEYS: u8 = 0x24;
    pub const ID_HASHES: u8 = 0x25;

    /// What a deletion of the map removes, beside its record.
    pub const OF_AN_INCARNATION: [u8; 19] = [
        NOTES,
        RUNS,
        EXECUTIONS,
        EXECUTION_ERRORS,
        ERRORS,
        RETRIED,
        KEYS_IN_ERROR,
        WRITTEN,
        JOBS,
        DEFERRED,
        ERROR_GROUPS,
        BY_TIME,
        MAP_ALERTS,
        ERROR_NOTES,
        QUEUE,
        PAGES,
        IDS,
        QUEUED_KEYS,
        ID_HASHES,
    ];
}

/// Bytes of a record's key that stand in an index. Among the keys in error a hash tells longer ones apart, among the queued ones their
/// records.
pub(super) const KEY_BYTES_MAX: usize = crate::store::commit::KEY_BYTES_MAX;
/// What stands behind a record's key there.
const OF_A_RECORD: u8 = 0;
const OF_A_ROW: u8 = 1;

/// Behind every key.
pub(super) const END: [u8; 1] = [0xFF];

/// More than a leaf of sled holds, a merge with its neighbour included.
pub(super) const FENCE_POSTS: u8 = 24;

pub(super) type Key = Vec<u8>;

pub(super) fn schema() -> Key {
    [&[shelf::STORE], b"schema".as_slice()].concat()
}

pub(super) fn store_head() -> Key {
    [&[shelf::STORE], b"head".as_slice()].concat()
}

pub(super) fn fence(post: u8) -> Key {
    vec![shelf::FENCE, post]
}

/// A shelf with one entry for each map: `HEADS` and `MAPS`.
pub(super) fn of_map(shelf: u8, map: &str) -> Key {
    let mut key = Vec::with_capacity(map.len() + 2 + 4 + 16);
    key.push(shelf);
    key.extend(map.as_bytes());
    key.push(0);
    key
}

/// An entry that belongs to no map: of `ALERTS`, `NOTIFICATIONS` and `OUTBOX`.
pub(super) fn of_store(shelf: u8, number: u64) -> Key {
    let mut key = vec![shelf];
    key.extend(number.to_be_bytes());
    key
}

pub(super) fn head(map: &str) -> Key {
    of_map(shelf::HEADS, map)
}

/// What one life of the map, between its creation and its deletion, has on the shelf.
pub(super) fn of_incarnation(shelf: u8, map: &str, incarnation: u32) -> Key {
    let mut key = of_map(shelf, map);
    key.extend(incarnation.to_be_bytes());
    key
}

/// An entry with a number: of `NOTES`, `EXECUTIONS`, `ERRORS`, `RETRIED`, `JOBS` and `QUEUE`, and the front of some others.
pub(super) fn numbered(shelf: u8, map: &str, incarnation: u32, number: u64) -> Key {
    let mut key = of_incarnation(shelf, map, incarnation);
    key.extend(number.to_be_bytes());
    key
}

/// An entry with a number below another: of `EXECUTION_ERRORS` and `DEFERRED` below an execution, of `IDS` and `ID_HASHES` below a run.
pub(super) fn numbered_below(shelf: u8, map: &str, incarnation: u32, above: u64, number: u64) -> Key {
    let mut key = numbered(shelf, map, incarnation, above);
    key.extend(number.to_be_bytes());
    key
}

/// What stands of an encoded key in an index.
pub(super) fn first_bytes(encoded: &[u8]) -> &[u8] {
    &encoded[..encoded.len().min(KEY_BYTES_MAX)]
}

/// All that is in error under a record's key. They are in the order of those keys, as far as their first bytes say.
pub(super) fn key_in_error(map: &str, incarnation: u32, of: &model::key::Key) -> Key {
    let bytes = of.encode();
    let mut key = of_incarnation(shelf::KEYS_IN_ERROR, map, incarnation);
    key.extend(first_bytes(&bytes));
    key.extend(xxh3_64(&bytes).to_be_bytes());
    key
}

/// The catch-up errors among them; their sequences follow.
pub(super) fn records_in_error(map: &str, incarnation: u32, of: &model::key::Key) -> Key {
    let mut key = key_in_error(map, incarnation, of);
    key.push(OF_A_RECORD);
    key
}

/// The failed rows among them; the numbers of the execution and of the row follow.
pub(super) fn rows_in_error(map: &str, incarnation: u32, of: &model::key::Key) -> Key {
    let mut key = key_in_error(map, incarnation, of);
    key.push(OF_A_ROW);
    key
}

/// A group of errors.
pub(super) fn error_group(map: &str, incarnation: u32, execution: u64, hash: u64) -> Key {
    numbered_below(shelf::ERROR_GROUPS, map, incarnation, execution, hash)
}

/// The errors of a group, by time.
pub(super) fn of_error_group(map: &str, incarnation: u32, execution: u64, hash: u64) -> Key {
    let mut key = of_incarnation(shelf::BY_TIME, map, incarnation);
    key.push(0);
    key.extend(execution.to_be_bytes());
    key.extend(hash.to_be_bytes());
    key
}

/// What retries have put right, by time.
pub(super) fn put_right(map: &str, incarnation: u32) -> Key {
    let mut key = of_incarnation(shelf::BY_TIME, map, incarnation);
    key.push(1);
    key
}

pub(super) fn at_time(mut prefix: Key, time: Time, number: u64) -> Key {
    prefix.extend((time.seconds.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    prefix.extend(time.nanos.to_be_bytes());
    prefix.extend(number.to_be_bytes());
    prefix
}

/// The time of such a key.
pub(super) fn time_of(key: &[u8]) -> Option<Time> {
    let (front, _) = key.split_last_chunk::<8>()?;
    let (front, nanos) = front.split_last_chunk::<4>()?;
    let seconds = u64::from_be_bytes(*front.last_chunk::<8>()?) ^ (1 << 63);
    Some(Time { seconds: seconds.cast_signed(), nanos: u32::from_be_bytes(*nanos) })
}

/// The execution of an entry in a group by time.
pub(super) fn execution_at_time(key: &[u8]) -> Option<u64> {
    const BEHIND: usize = 8 + 8 + 4 + 8; // the hash, the time, the number
    let front = key.get(..key.len().checked_sub(BEHIND)?)?;
    front.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The map and the incarnation of a key on a shelf of incarnations.
pub(super) fn life_of(key: &[u8]) -> Option<(&[u8], u32)> {
    let map_end = key.iter().position(|byte| *byte == 0)?;
    let map = key.get(1..map_end)?;
    let incarnation = key.get(map_end + 1..map_end + 5)?.first_chunk::<4>()?;
    Some((map, u32::from_be_bytes(*incarnation)))
}

/// The execution and the hash of a group's key; of a failed row's key the execution and the number.
pub(super) fn group_of(key: &[u8]) -> Option<(u64, u64)> {
    let (front, hash) = key.split_last_chunk::<8>()?;
    Some((u64::from_be_bytes(*front.last_chunk::<8>()?), u64::from_be_bytes(*hash)))
}

/// What was noted as written in an epoch.
pub(super) fn written_epoch(map: &str, incarnation: u32, epoch: u32) -> Key {
    let mut key = of_incarnation(shelf::WRITTEN, map, incarnation);
    key.extend(epoch.to_be_bytes());
    key
}

pub(super) fn written(map: &str, incarnation: u32, epoch: u32, side: i32, key_bytes: &[u8]) -> Key {
    let mut key = written_epoch(map, incarnation, epoch);
    key.push(side as u8); // one of two
    key.extend(key_bytes);
    key
}

pub(super) fn execution_error(map: &str, incarnation: u32, execution: u64, number: u64) -> Key {
    numbered_below(shelf::EXECUTION_ERRORS, map, incarnation, execution, number)
}

/// A block of a run's ids.
pub(super) fn ids(map: &str, incarnation: u32, run: u64, hash: u64) -> Key {
    numbered_below(shelf::IDS, map, incarnation, run, hash)
}

/// A block of a run's hashes.
pub(super) fn id_hashes(map: &str, incarnation: u32, run: u64, block: u64) -> Key {
    numbered_below(shelf::ID_HASHES, map, incarnation, run, block)
}

/// A block of a run's keys.
pub(super) fn queued_keys(map: &str, incarnation: u32, run: u64, first: &QueuedKey) -> Key {
    let mut key = numbered(shelf::QUEUED_KEYS, map, incarnation, run);
    key.extend(&first.key);
    key.extend(first.sequence.to_be_bytes());
    key
}

/// The run of a block.
pub(super) fn run_of(map: &str, key: &[u8]) -> Option<u64> {
    let front = of_map(shelf::RUNS, map).len() + size_of::<u32>();
    Some(u64::from_be_bytes(*key.get(front..)?.first_chunk()?))
}

pub(super) fn event(map: &str, sequence: u64) -> Key {
    let mut key = of_map(shelf::LOG_BY_MAP, map);
    key.extend(sequence.to_be_bytes());
    key
}

pub(super) fn position(position: u64) -> Key {
    let mut key = Vec::with_capacity(9);
    key.push(shelf::LOG_BY_POSITION);
    key.extend(position.to_be_bytes());
    key
}

/// The number at the end of a numbered key.
pub(super) fn last_number(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The first key behind all that begin with `prefix`. A prefix is never all 0xFF: it begins with a shelf.
pub(super) fn behind(prefix: &[u8]) -> Key {
    let mut key = prefix.to_vec();
    while let Some(last) = key.pop() {
        if last < u8::MAX {
            key.push(last + 1);
            break;
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_map_then_by_number() {
        let keys = [
            numbered(shelf::QUEUE, "a", 0, 1),
            numbered(shelf::QUEUE, "a", 0, 256),
            numbered(shelf::QUEUE, "a", 1, 2),
            numbered(shelf::QUEUE, "a-b", 0, 1),
            numbered(shelf::QUEUE, "a0", 0, 1),
            numbered(shelf::QUEUE, "aa", 0, 1),
        ];
        assert!(keys.is_sorted());
        assert_eq!(last_number(&keys[1]), Some(256));
        assert!(keys.iter().all(|key| *key < behind(&[shelf::QUEUE])));
        assert_eq!(behind(&[1, 0xFF, 0xFF]), [2]);
    }
}
