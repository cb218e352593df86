//! Rule 10: a change that only brings back what this service wrote last to its side is no change.

use super::change::{Change, Operation};
use super::key::Key;
use super::row::Row;
use lru::LruCache;
use std::num::NonZeroUsize;
use xxhash_rust::xxh3::xxh3_64;

/// How many keys are remembered for one side of one map. Forgetting costs one needless write, never a loop.
pub const ECHO_KEYS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// What a write left at its side: a hash for each column, or that the row is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Columns(Box<[u64]>),
    Gone,
}

impl Content {
    fn written(row: &Row) -> Self {
        let mut hashes: Vec<u64> = row.iter().map(|(column, value)| column_hash(column, value)).collect();
        hashes.sort_unstable();
        Content::Columns(hashes.into())
    }

    /// Whether a change brings nothing that this content does not have.
    fn covers(&self, change: &Change) -> bool {
        match (self, change.operation) {
            (Content::Gone, Operation::Delete) => true,
            (Content::Columns(hashes), Operation::Upsert) => {
                change.row.iter().all(|(column, value)| hashes.binary_search(&column_hash(column, value)).is_ok())
            }
            (Content::Gone, Operation::Upsert) | (Content::Columns(_), Operation::Delete) => false,
        }
    }
}

fn column_hash(column: &str, value: &super::value::Value) -> u64 {
    let mut bytes = Vec::with_capacity(column.len() + 1 + value.size());
    bytes.extend(column.as_bytes());
    bytes.push(0);
    super::key::encode_value(value, &mut bytes);
    xxh3_64(&bytes)
}

/// Our last writes to one key of one side.
#[derive(Debug, Default)]
struct Writes {
    /// Reached the side and has excused no echo yet.
    arrived: Option<Content>,
    /// On its way: the side's hook may call us before it commits.
    under_way: Option<Content>,
}

/// What this service wrote last to one side of a map, by key.
#[derive(Debug)]
pub struct EchoMemory {
    writes: LruCache<Vec<u8>, Writes>,
}

impl Default for EchoMemory {
    fn default() -> Self {
        Self { writes: LruCache::new(ECHO_KEYS_MAX) }
    }
}

impl EchoMemory {
    /// A write of `row` (the side's own columns, without the key) is about to go out; `None` is a delete.
    pub fn sent(&mut self, key: &Key, row: Option<&Row>) {
        let content = row.map_or(Content::Gone, Content::written);
        self.writes.get_or_insert_mut(key.encode(), Writes::default).under_way = Some(content);
    }

    /// What was sent to the key has arrived, or was refused. Nothing happens when its echo came first.
    pub fn settled(&mut self, key: &Key, arrived: bool) {
        let key = key.encode();
        let Some(writes) = self.writes.get_mut(&key) else { return };
        match writes.under_way.take() {
            Some(content) if arrived => writes.arrived = Some(content),
            Some(_) => {}
            None => {}
        }
        if writes.arrived.is_none() {
            self.writes.pop(&key);
        }
    }

    /// Whether the change is the echo of our own write; each write excuses one.
    pub fn excuses(&mut self, change: &Change) -> bool {
        let key = change.key.encode();
        let Some(writes) = self.writes.get_mut(&key) else { return false };
        if writes.under_way.as_ref().is_some_and(|content| content.covers(change)) {
            writes.under_way = None;
        } else if writes.arrived.as_ref().is_some_and(|content| content.covers(change)) {
            writes.arrived = None;
        } else {
            return false;
        }
        if writes.under_way.is_none() && writes.arrived.is_none() {
            self.writes.pop(&key);
        }
        true
    }

    /// A change of this side was taken that is no echo: it ends what our writes before it excuse, so that setting a value
    /// back to what we wrote is a change. One that was refused changed nothing and ends nothing.
    pub fn ended_by(&mut self, change: &Change) {
        self.writes.pop(&change.key.encode());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Cause;
    use crate::model::table_map::Side;
    use crate::model::value::Value;

    fn key() -> Key {
        Key::new(vec![Value::Int(7)])
    }

    fn row(status: &str) -> Row {
        [("status".to_owned(), Value::String(status.into()))].into_iter().collect()
    }

    fn change(operation: Operation, row: Row) -> Change {
        Change {
            source: Side::Right,
            operation,
            key: key(),
            previous_key: None,
            row,
            source_time: None,
            change_id: String::new(),
            correlation_id: String::new(),
            cause: Cause::Caller,
        }
    }

    fn upsert(status: &str) -> Change {
        change(Operation::Upsert, row(status))
    }

    #[test]
    fn rule_10_each_write_excuses_one_echo() {
        let mut memory = EchoMemory::default();
        assert!(!memory.excuses(&upsert("packed")), "nothing was written yet");
        memory.sent(&key(), Some(&row("packed")));
        memory.settled(&key(), true);
        assert!(memory.excuses(&upsert("packed")));
        assert!(!memory.excuses(&upsert("packed")), "the second time it is a change");
    }

    #[test]
    fn rule_10_an_echo_is_known_before_its_write_has_arrived() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some(&row("packed")));
        assert!(memory.excuses(&upsert("packed")));
        memory.settled(&key(), true);
        assert!(!memory.excuses(&upsert("packed")));
    }

    #[test]
    fn rule_10_another_change_ends_the_excuse() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some(&row("packed")));
        memory.settled(&key(), true);
        assert!(!memory.excuses(&upsert("refused")), "another change is no echo");
        assert!(!memory.excuses(&upsert("lost")));
        memory.ended_by(&upsert("lost"));
        assert!(!memory.excuses(&upsert("packed")), "setting it back to what we wrote is a change");

        memory.sent(&key(), Some(&row("packed")));
        memory.ended_by(&upsert("lost"));
        memory.settled(&key(), true);
        assert!(!memory.excuses(&upsert("packed")), "a change was taken while it was on its way");
    }

    #[test]
    fn rule_10_a_refused_change_ends_no_excuse() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some(&row("packed")));
        assert!(!memory.excuses(&upsert("lost")), "and is refused: the key is busy");
        assert!(memory.excuses(&upsert("packed")));
    }

    #[test]
    fn rule_10_content_decides_also_for_deletes_refusals_and_partial_rows() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), None);
        memory.settled(&key(), true);
        assert!(memory.excuses(&change(Operation::Delete, Row::new())));

        memory.sent(&key(), Some(&row("packed")));
        memory.settled(&key(), false);
        assert!(!memory.excuses(&upsert("packed")), "what was refused is not there to be echoed");

        memory.sent(&key(), Some(&row("packed")));
        memory.settled(&key(), true);
        let mut more = upsert("packed");
        more.row.set("note", Value::Null);
        assert!(!memory.excuses(&more), "it brings a column that we did not write");
    }
}
