//! What the fuzzed programs of `fuzz/` reach here; part of no other build.

use super::{keys, offline, packed, segment, taken};
use crate::store::message::SegmentNote;
use prost::Message;

/// Packed values, keys and backups.
pub fn stored(kind: u8, bytes: &[u8]) {
    match kind {
        16 => packed::items(bytes).for_each(|item| assert!(item.is_err() || bytes.len() > 1)),
        17 => drop((packed::unpacked(bytes), segment::outlines_of(bytes, 1))),
        18 => {
            let (cut, rest) = bytes.split_first().unwrap_or((&0, &[]));
            let (note, records) = rest.split_at(rest.len().min((*cut).into()));
            if let Ok(mut note) = SegmentNote::decode(note) {
                let _ = segment::record(records, &note, usize::from(*cut) % 8);
                let _ = (segment::is_gone(&note, usize::from(*cut)), segment::gone_count(&note));
                segment::set_gone(&mut note, usize::from(*cut));
                assert!(segment::is_gone(&note, usize::from(*cut)));
            }
        }
        19 => drop(taken::read_page(bytes)),
        20 => {
            let _ = (keys::time_of(bytes), keys::execution_at_time(bytes), keys::life_of(bytes), keys::group_of(bytes));
            let _ = (keys::run_of("orders", bytes), keys::last_number(bytes), keys::first_bytes(bytes));
        }
        _ => offline::read_all(bytes),
    }
}
