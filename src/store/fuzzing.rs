//! What the fuzzed programs of `fuzz/` reach here; part of no other build.

use super::codec::{self, Unreadable};
use super::message;
use crate::model;
use prost::Message;
use std::fmt::Debug;

/// Reads bytes as a message and then as the model's type, as the store does with what it finds.
fn read<M: Message + Default, T: TryFrom<M, Error = Unreadable> + Debug>(bytes: &[u8]) {
    if let Ok(message) = M::decode(bytes) {
        let _ = T::try_from(message);
    }
}

/// Everything that the store reads, by a number.
pub fn stored(kind: u8, bytes: &[u8]) {
    use message as m;
    match kind % 26 {
        0 => read::<m::LoggedEvent, super::LoggedEvent>(bytes),
        1 => read::<m::AlertSetting, model::alert::AlertSetting>(bytes),
        2 => read::<m::AlertEvent, model::alert::AlertEvent>(bytes),
        3 => read::<m::Notification, model::alert::notification::Notification>(bytes),
        4 => read::<m::Change, model::change::Change>(bytes),
        5 => read::<m::Execution, model::execution::Execution>(bytes),
        6 => read::<m::ExecutionError, model::execution::ExecutionError>(bytes),
        7 => read::<m::QueueJob, model::job::QueueJob>(bytes),
        8 => read::<m::TableMap, model::table_map::TableMap>(bytes),
        9 => read::<m::Definition, model::table_map::Definition>(bytes),
        10 => read::<m::Value, model::value::Value>(bytes),
        11 => read::<m::Row, model::row::Row>(bytes),
        12 => read::<m::Key, model::key::Key>(bytes),
        13 => read::<m::Failure, model::failure::Failure>(bytes),
        14 => read::<m::TableSchema, model::schema::TableSchema>(bytes),
        15 => {
            let (kind, rest) = bytes.split_first().unwrap_or((&0, &[]));
            if let Ok(note) = m::ErrorNote::decode(rest) {
                let _ = codec::noted(i32::from(*kind), note);
            }
        }
        25 => drop(codec::decode_queued(bytes)),
        other => super::sled::fuzzing::stored(other, bytes),
    }
}
