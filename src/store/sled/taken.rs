//! What was taken in: the answers to changes with ids (rule 4), and where in the queue the records of a key stand. The newest are on
//! pages, as they came. When there are enough, they are sorted into a run: blocks in the order of ids, and blocks in the order of keys. So a
//! change costs no key of its own, ids in no order spoil no pages, and whoever looks for one looks at one place in each run.

use super::keys::{self, shelf};
use super::packed::{self, Item, Tail};
use super::subject::Subject;
use super::view::{View, decode};
use crate::store::StoreError;
use crate::store::codec::Unreadable;
use crate::store::message::{IdHashes, MapHead, QueuedKey, Remembered, RememberedOutline, Run, Taken, Time};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use xxhash_rust::xxh3::xxh3_64;

/// How many changes on pages become a run. Whoever looks for a key reads them all; who looks for an id knows its page.
const ON_PAGES_MAX: u64 = if cfg!(test) { 24 } else { 16 * 1024 };
/// A block of a run is cut at this: who looks for one entry reads a leaf of sled, which holds up to 16 of them.
const BLOCK_BYTES: usize = if cfg!(test) { 256 } else { 2 * 1024 };
/// The same for answers, which are longer and are looked for only where a change is sent again.
const ANSWERS_BYTES: usize = 4 * BLOCK_BYTES;
/// How many entries one `Forget` removes, about.
const FORGET_ENTRIES: usize = 1_000;

/// 0 is for none.
pub(super) fn id_hash(change_id: &str) -> u64 {
    if change_id.is_empty() { 0 } else { xxh3_64(change_id.as_bytes()).max(1) }
}

/// The hash of an encoded `Taken`, which is its first field; 0 where it has none.
pub(super) fn id_hash_of(item: &[u8]) -> u64 {
    const FIELD: u8 = 1 << 3 | WireType::SixtyFourBit as u8;
    match item.split_first_chunk::<9>() {
        Some(([FIELD, hash @ ..], _)) => u64::from_le_bytes(*hash),
        _ => 0,
    }
}

/// Changes were taken in, in this order.
pub(super) fn take_in(view: &mut View<'_>, subject: &mut Subject, taken: Vec<Taken>) -> Result<(), StoreError> {
    let mut tail = Tail::open(view, subject, shelf::PAGES, subject.head.open_page, |_| Ok(Vec::new()))?;
    let mut item = Vec::new();
    for taken in &taken {
        item.clear();
        taken.encode_raw(&mut item);
        if tail.append(view, subject, &item, subject.head.last_page + 1)? {
            subject.head.last_page += 1;
        }
    }
    subject.head.open_page = tail.close(view, subject)?;
    subject.head.on_pages += taken.len() as u64;
    if subject.head.on_pages >= ON_PAGES_MAX { end_run(view, subject) } else { Ok(()) }
}

/// What is on pages becomes a run.
fn end_run(view: &mut View<'_>, subject: &mut Subject) -> Result<(), StoreError> {
    let mut unpacked = Vec::new();
    let (mut from, end) = pages(subject);
    while let Some((key, page)) = view.next(&from, &end)? {
        unpacked.extend_from_slice(&packed::unpacked(&page)?); // one page behind the other is a page
        from = key.to_vec();
        view.remove(key.to_vec())?;
    }
    let taken = packed::items(&unpacked).map(|item| Entry::of(item?)).collect::<Result<Vec<_>, Unreadable>>()?;
    subject.head.last_run += 1;
    subject.head.on_pages = 0;
    subject.head.open_page = 0;
    let number = subject.head.last_run;
    let first_segment = subject.head.first_segment;
    let queued = taken.iter().filter(|taken| !taken.key.is_empty() && taken.sequence >= first_segment);
    let keys: Vec<QueuedKey> =
        queued.map(|taken| QueuedKey { key: taken.key.to_vec(), sequence: taken.sequence }).collect();
    let ids = with_ids(taken);
    let run = Run {
        last_time: ids.iter().filter_map(|taken| taken.time).max_by_key(|time| order_of(*time)),
        last_sequence: keys.iter().map(|key| key.sequence).max().unwrap_or(0),
    };
    write_ids(view, subject, number, &ids)?;
    let hashes: Vec<u64> = ids.iter().map(|taken| taken.id_hash).collect();
    for (place, block) in hash_blocks(subject.map(), subject.head.incarnation, number, &hashes) {
        view.put(place, block)?;
    }
    write_keys(view, subject, number, keys)?;
    put_run(view, subject, number, run)?;
    drop_keys(view, subject)
}

/// An encoded `Taken` of a page, read as far as a run needs it.
struct Entry<'a> {
    id_hash: u64,
    change_id: &'a [u8],
    sequence: u64,
    time: Option<Time>,
    key: &'a [u8],
    /// All of it but the key, which is its last field.
    without_key: &'a [u8],
}

impl<'a> Entry<'a> {
    fn of(item: &'a [u8]) -> Result<Self, Unreadable> {
        const CANNOT_READ: Unreadable = Unreadable("a change that was taken in");
        let mut entry =
            Self { id_hash: id_hash_of(item), change_id: &[], sequence: 0, time: None, key: &[], without_key: item };
        let mut rest = item;
        while !rest.is_empty() {
            let before = item.len() - rest.len();
            let (tag, wire) = decode_key(&mut rest).map_err(|_| CANNOT_READ)?;
            match (tag, wire) {
                (2, WireType::LengthDelimited) => entry.change_id = packed::split_content(&mut rest)?,
                (3, WireType::LengthDelimited) => {
                    let outline = RememberedOutline::decode(packed::split_content(&mut rest)?);
                    let outline = outline.map_err(|_| CANNOT_READ)?;
                    (entry.sequence, entry.time) = (outline.sequence, outline.time);
                }
                (4, WireType::LengthDelimited) => {
                    entry.key = packed::split_content(&mut rest)?;
                    entry.without_key = &item[..before];
                }
                _ => skip_field(wire, tag, &mut rest, DecodeContext::default()).map_err(|_| CANNOT_READ)?,
            }
        }
        Ok(entry)
    }
}

impl Item for Entry<'_> {
    fn item_len(&self) -> usize {
        self.without_key.len()
    }

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.without_key);
    }
}

/// Those with ids in the order of their hashes; of those with one id the last.
fn with_ids(mut taken: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    taken.retain(|taken| taken.id_hash != 0);
    taken.reverse();
    taken.sort_by(|one, other| (one.id_hash, one.change_id).cmp(&(other.id_hash, other.change_id))); // keeps the last one first
    taken.dedup_by(|later, first| later.change_id == first.change_id);
    taken
}

fn write_ids(view: &mut View<'_>, subject: &Subject, run: u64, ids: &[Entry<'_>]) -> Result<(), StoreError> {
    // Equal hashes stay together, so that one block has all that may be meant.
    for block in blocks(ids, ANSWERS_BYTES, |one, other| one.id_hash == other.id_hash) {
        let Some(first) = block.first() else { continue };
        let place = keys::ids(subject.map(), subject.head.incarnation, run, first.id_hash);
        view.put(place, packed::compressed(packed_of(block), Vec::new()))?;
    }
    Ok(())
}

/// The blocks of hashes of a run with these ids.
pub(super) fn hash_blocks(
    map: &str,
    incarnation: u32,
    run: u64,
    hashes: &[u64],
) -> impl Iterator<Item = (keys::Key, Vec<u8>)> {
    let blocks = hashes.chunks(BLOCK_BYTES / size_of::<u64>()).zip(1..);
    blocks.map(move |(hashes, number)| {
        let block = IdHashes { hashes: hashes.to_vec() };
        (keys::id_hashes(map, incarnation, run, number), block.encode_to_vec())
    })
}

fn write_keys(view: &mut View<'_>, subject: &Subject, run: u64, keys: Vec<QueuedKey>) -> Result<(), StoreError> {
    for (place, block) in key_blocks(subject.map(), subject.head.incarnation, run, keys) {
        view.put(place, block)?;
    }
    Ok(())
}

/// The blocks of a run for these keys. Those that have only their first bytes in common are told apart by their records.
pub(super) fn key_blocks(
    map: &str,
    incarnation: u32,
    run: u64,
    mut keys: Vec<QueuedKey>,
) -> impl Iterator<Item = (keys::Key, Vec<u8>)> {
    keys.sort_unstable_by(|one, other| (&one.key, one.sequence).cmp(&(&other.key, other.sequence)));
    let blocks = blocks(&keys, BLOCK_BYTES, |_, _| false);
    let packed = |block: &[QueuedKey]| {
        block.first().map(|first| (keys::queued_keys(map, incarnation, run, first), packed_of(block)))
    };
    blocks.into_iter().filter_map(packed).collect::<Vec<_>>().into_iter()
}

/// Items cut into blocks of so many bytes; those that belong together are in one.
fn blocks<T: Item>(items: &[T], bytes_max: usize, together: impl Fn(&T, &T) -> bool) -> Vec<&[T]> {
    let (mut blocks, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (index, item) in items.iter().enumerate() {
        let len = packed::appended_len(item);
        if index > first && bytes + len > bytes_max && !together(&items[index - 1], item) {
            blocks.push(&items[first..index]);
            (first, bytes) = (index, 0);
        }
        bytes += len;
    }
    blocks.push(&items[first..]);
    blocks
}

fn packed_of(items: &[impl Item]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(items.iter().map(packed::appended_len).sum());
    for item in items {
        packed::append(&mut bytes, item);
    }
    bytes
}

/// Forgets what was taken in at `until` or before and is not queued any more; what is in runs and on pages with later ones stays for these.
pub(super) fn forget(view: &mut View<'_>, subject: &mut Subject, until: Time) -> Result<(), StoreError> {
    let mut left = FORGET_ENTRIES;
    drop_keys(view, subject)?;
    let end = keys::behind(&keys::of_incarnation(shelf::RUNS, subject.map(), subject.head.incarnation));
    let mut from = subject.key(shelf::RUNS, 0);
    while let Some((key, bytes)) = view.next(&from, &end)? {
        let number = keys::last_number(&key).unwrap_or(0);
        let run: Run = decode(&bytes, "a run")?;
        from = subject.key(shelf::RUNS, number + 1);
        let Some(last) = run.last_time else { continue };
        if left == 0 {
            return Ok(());
        }
        if order_of(last) > order_of(until) {
            break; // those behind it are younger, but for a clock that was set back: they wait for this one
        }
        for shelf in [shelf::IDS, shelf::ID_HASHES] {
            left = left.saturating_sub(remove_blocks(view, subject, shelf, number)?);
        }
        put_run(view, subject, number, Run { last_time: None, ..run })?;
    }
    let (mut from, end) = pages(subject);
    while let Some((key, bytes)) = view.next(&from, &end)? {
        let page = read_page(&bytes)?;
        if left == 0 || page.iter().any(|taken| is_kept(&subject.head, taken, until)) {
            break;
        }
        left -= 1;
        from = key.to_vec();
        view.remove(key.to_vec())?;
        subject.head.on_pages = subject.head.on_pages.saturating_sub(page.len() as u64);
        if keys::last_number(&key) == Some(subject.head.open_page) {
            subject.head.open_page = 0;
        }
    }
    Ok(())
}

/// Whether a change on a page is needed still.
pub(super) fn is_kept(head: &MapHead, taken: &Taken, until: Time) -> bool {
    let young = time_of(taken).is_some_and(|time| order_of(time) > order_of(until));
    young || sequence_of(taken) >= head.first_segment.max(1)
}

/// The keys of runs whose records have all left the queue, as far as one step goes.
fn drop_keys(view: &mut View<'_>, subject: &mut Subject) -> Result<(), StoreError> {
    let end = keys::behind(&keys::of_incarnation(shelf::QUEUED_KEYS, subject.map(), subject.head.incarnation));
    let mut from = subject.key(shelf::QUEUED_KEYS, 0);
    let mut removed = 0;
    while removed < FORGET_ENTRIES
        && let Some((key, _)) = view.next(&from, &end)?
    {
        let number = keys::run_of(subject.map(), &key).unwrap_or(0);
        let bytes = view.get(&subject.key(shelf::RUNS, number))?;
        let run: Run = bytes.map(|bytes| decode(&bytes, "a run")).transpose()?.unwrap_or_default();
        if run.last_sequence >= subject.head.first_segment {
            return Ok(()); // those behind it are later ones
        }
        removed += remove_blocks(view, subject, shelf::QUEUED_KEYS, number)?;
        put_run(view, subject, number, Run { last_sequence: 0, ..run })?;
        from = subject.key(shelf::QUEUED_KEYS, number + 1);
    }
    Ok(())
}

/// Gives how many there were.
fn remove_blocks(view: &mut View<'_>, subject: &Subject, shelf: u8, run: u64) -> Result<usize, StoreError> {
    let (mut from, end) = (subject.key(shelf, run), subject.key(shelf, run + 1));
    let mut removed = 0;
    while let Some((key, _)) = view.next(&from, &end)? {
        from = key.to_vec();
        view.remove(key.to_vec())?;
        removed += 1;
    }
    Ok(removed)
}

fn put_run(view: &mut View<'_>, subject: &Subject, number: u64, run: Run) -> Result<(), StoreError> {
    let place = subject.key(shelf::RUNS, number);
    if run == Run::default() { view.remove(place).map(drop) } else { view.put(place, run.encode_to_vec()) }
}

/// Between which keys all pages are.
fn pages(subject: &Subject) -> (keys::Key, keys::Key) {
    let prefix = keys::of_incarnation(shelf::PAGES, subject.map(), subject.head.incarnation);
    let end = keys::behind(&prefix);
    (prefix, end)
}

/// The changes on a page, or in a block of ids.
pub(super) fn read_page(page: &[u8]) -> Result<Vec<Taken>, StoreError> {
    packed::items(&packed::unpacked(page)?).map(|taken| decode(taken?, "a change that was taken in")).collect()
}

/// The last answer to a change with this id, whose hash it is, on a page or in a block of ids.
pub(super) fn find(page: &[u8], hash: u64, change_id: &str) -> Result<Option<Remembered>, StoreError> {
    let mut found = None;
    for item in packed::items(&packed::unpacked(page)?) {
        let item = item?;
        if id_hash_of(item) == hash {
            let taken: Taken = decode(item, "a change that was taken in")?;
            found = if taken.change_id == change_id { taken.remembered } else { found };
        }
    }
    Ok(found)
}

pub(super) fn sequence_of(taken: &Taken) -> u64 {
    taken.remembered.as_ref().map_or(0, |remembered| remembered.sequence)
}

fn time_of(taken: &Taken) -> Option<Time> {
    taken.remembered.as_ref().and_then(|remembered| remembered.time)
}

pub(super) fn order_of(time: Time) -> (i64, u32) {
    (time.seconds, time.nanos)
}
