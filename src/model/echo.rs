//! Rule 10: a change that only brings back what this service wrote last to its side is no change. And, for the same key:
//! whether a write of ours may have come over a change that we are told of only now (rule 9).

use super::change::{Change, Operation};
use super::key::Key;
use super::print::{Over, Print};
use super::row::Row;
use chrono::{DateTime, Duration, Utc};
use lru::LruCache;
use std::num::NonZeroUsize;

/// How many keys are remembered for one side of one map. Forgetting costs one needless write, never a loop.
pub const ECHO_KEYS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
/// How long an application may take to tell of a change that it has made, when it does not tell within its transaction.
pub const UNTOLD_MAX: Duration = Duration::seconds(10);

/// What a write left at its side: a print of each column, or that the row is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Columns(Box<[Print]>),
    Gone,
}

impl Content {
    fn written(rows: [&Row; 2]) -> Self {
        let columns = rows.into_iter().flat_map(Row::iter);
        let mut prints: Vec<Print> = columns.map(|(column, value)| Print::of(column, value)).collect();
        prints.sort_unstable();
        Content::Columns(prints.into())
    }

    /// Whether a change brings nothing that this content does not have.
    fn covers(&self, change: &Change) -> bool {
        match (self, change.operation) {
            (Content::Gone, Operation::Delete) => true,
            (Content::Columns(prints), Operation::Upsert) => {
                change.row.iter().all(|(column, value)| prints.binary_search(&Print::of(column, value)).is_ok())
            }
            (Content::Gone, Operation::Upsert) | (Content::Columns(_), Operation::Delete) => false,
        }
    }

    /// With what was left before it, where this has not come over it.
    fn after(self, before: Content) -> Self {
        match (self, before) {
            (Content::Columns(prints), Content::Columns(before)) => {
                let newer = |print: &Print| prints.iter().any(|newer| newer.is_of_the_same_column(*print));
                let mut all: Vec<Print> = before.iter().filter(|print| !newer(print)).chain(&prints).copied().collect();
                all.sort_unstable();
                Content::Columns(all.into())
            }
            (after, _) => after,
        }
    }

    /// What of a change this content would be over, if it came later.
    fn over(&self, change: &Change) -> Option<Over> {
        match (self, change.operation) {
            (Content::Gone, Operation::Upsert) => Some(Over::Gone),
            (Content::Columns(prints), Operation::Delete) => Some(Over::Columns(prints.iter().copied().collect())),
            (Content::Columns(prints), Operation::Upsert) => {
                let own: Vec<Print> = change.row.iter().map(|(column, value)| Print::of(column, value)).collect();
                let differs =
                    |print: &&Print| own.iter().any(|own| own.is_of_the_same_column(**print) && own != *print);
                let over: std::collections::BTreeSet<Print> = prints.iter().filter(differs).copied().collect();
                (!over.is_empty()).then_some(Over::Columns(over))
            }
            (Content::Gone, Operation::Delete) => None,
        }
    }
}

/// A write that is on its way.
#[derive(Debug)]
struct Sent {
    content: Content,
    /// What of it is there for certain: what it has for an insert is not, where the row was there.
    certain: Content,
    /// No other change of the key came since, so it may excuse its echo.
    excuses: bool,
}

/// A write that reached its side.
#[derive(Debug)]
struct Arrived {
    content: Content,
    certain: Content,
    excuses: bool,
    at: DateTime<Utc>,
    /// What it and the writes shortly before it left.
    lately: Content,
}

impl Arrived {
    /// So lately that an application may tell only now of what it did before; also by a clock that was set back.
    fn is_recent(&self, now: DateTime<Utc>) -> bool {
        now - self.at < UNTOLD_MAX
    }
}

/// Our last writes to one key of one side, as long as its application has not told of them.
#[derive(Debug, Default)]
struct Writes {
    arrived: Option<Arrived>,
    /// The side's hook may call us before it commits.
    under_way: Option<Sent>,
}

/// Whether a change is the echo of our own write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    No,
    Yes,
    /// It says what our write before the last one said, and the last one is on its way. So it is either the echo of that
    /// one, come late, or it sets the values back after the last one has arrived. Or it says what our write had for an insert,
    /// and the row may have been there.
    Unclear,
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
    /// A write of these columns (the side's own, without the key) is about to go out: what it sets, and what it has beside that
    /// for an insert. `None` is a delete.
    pub fn sent(&mut self, key: &Key, rows: Option<[&Row; 2]>) {
        let content = rows.map_or(Content::Gone, Content::written);
        let certain = rows.map_or(Content::Gone, |[values, _]| Content::written([values, &Row::new()]));
        let sent = Sent { content, certain, excuses: true };
        self.writes.get_or_insert_mut(key.encode(), Writes::default).under_way = Some(sent);
    }

    /// What was sent to the key has arrived, or was refused. Nothing happens when its echo came first.
    pub fn settled(&mut self, key: &Key, arrived: bool, now: DateTime<Utc>) {
        let key = key.encode();
        let Some(writes) = self.writes.get_mut(&key) else { return };
        if let Some(Sent { content, certain, excuses }) = writes.under_way.take().filter(|_| arrived) {
            let before = writes.arrived.take().filter(|before| before.is_recent(now));
            let lately = match before {
                Some(before) => content.clone().after(before.lately),
                None => content.clone(),
            };
            writes.arrived = Some(Arrived { content, certain, excuses, at: now, lately });
        }
        self.forget_if_empty(&key);
    }

    /// Whether the change is the echo of our own write; each write excuses one. Echoes come in the order of the writes, so
    /// one of the last write ends what those before it excuse.
    pub fn excuses(&mut self, change: &Change) -> Echo {
        let key = change.key.encode();
        let Some(writes) = self.writes.get_mut(&key) else { return Echo::No };
        let (under_way, arrived) = (&mut writes.under_way, &mut writes.arrived);
        let of_last = under_way.as_ref().filter(|sent| sent.excuses && sent.content.covers(change));
        let of_before = arrived.as_ref().filter(|arrived| arrived.excuses && arrived.content.covers(change));
        let echo = match (of_last, of_before) {
            (Some(sent), _) if sent.certain.covers(change) => {
                *under_way = None;
                *arrived = None;
                Echo::Yes
            }
            (None, Some(before)) if before.certain.covers(change) => {
                *arrived = None;
                if under_way.is_some() { Echo::Unclear } else { Echo::Yes }
            }
            // It is taken as a change, which ends what they excuse.
            (Some(_), _) | (None, Some(_)) => Echo::Unclear,
            (None, None) => Echo::No,
        };
        self.forget_if_empty(&key);
        echo
    }

    /// A change of this side was taken that is no echo: it ends what our writes before it excuse, so that setting a value
    /// back to what we wrote is a change. One that was refused changed nothing and ends nothing.
    pub fn ended_by(&mut self, change: &Change) {
        let Some(writes) = self.writes.get_mut(&change.key.encode()) else { return };
        for excuses in [
            writes.under_way.as_mut().map(|sent| &mut sent.excuses),
            writes.arrived.as_mut().map(|arrived| &mut arrived.excuses),
        ]
        .into_iter()
        .flatten()
        {
            *excuses = false;
        }
    }

    /// What our last write left of a change's key, if it arrived so lately that the change may have been made before it,
    /// and says something else.
    pub fn may_be_over(&self, change: &Change, now: DateTime<Utc>) -> Option<Over> {
        let arrived = self.writes.peek(&change.key.encode())?.arrived.as_ref()?;
        if !arrived.is_recent(now) {
            return None;
        }
        match change.operation {
            Operation::Upsert => arrived.lately.over(change),
            // The last write may have made again what was removed, with no more than it says.
            Operation::Delete => arrived.content.over(change),
        }
    }

    /// What our last write left of a key, if it arrived lately and made or changed the record.
    pub fn left_lately(&self, key: &Key, now: DateTime<Utc>) -> Option<Over> {
        let arrived = self.writes.peek(&key.encode())?.arrived.as_ref()?;
        match &arrived.lately {
            Content::Columns(prints) if arrived.is_recent(now) => Some(Over::Columns(prints.iter().copied().collect())),
            Content::Columns(_) | Content::Gone => None,
        }
    }

    fn forget_if_empty(&mut self, key: &[u8]) {
        if self.writes.peek(key).is_some_and(|writes| writes.under_way.is_none() && writes.arrived.is_none()) {
            self.writes.pop(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Cause;
    use crate::model::table_map::Side;
    use crate::model::value::Value;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

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
            change_id: Default::default(),
            correlation_id: Default::default(),
            cause: Cause::Caller,
            over: None,
        }
    }

    fn upsert(status: &str) -> Change {
        change(Operation::Upsert, row(status))
    }

    #[test]
    fn rule_10_each_write_excuses_one_echo() {
        let mut memory = EchoMemory::default();
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No, "nothing was written yet");
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.settled(&key(), true, now());
        assert_eq!(memory.excuses(&upsert("packed")), Echo::Yes);
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No, "the second time it is a change");
    }

    #[test]
    fn rule_10_an_echo_is_known_before_its_write_has_arrived() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        assert_eq!(memory.excuses(&upsert("packed")), Echo::Yes);
        memory.settled(&key(), true, now());
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No);
    }

    #[test]
    fn rule_10_another_change_ends_the_excuse() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.settled(&key(), true, now());
        assert_eq!(memory.excuses(&upsert("refused")), Echo::No, "another change is no echo");
        assert_eq!(memory.excuses(&upsert("lost")), Echo::No);
        memory.ended_by(&upsert("lost"));
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No, "setting it back to what we wrote is a change");

        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.ended_by(&upsert("lost"));
        memory.settled(&key(), true, now());
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No, "a change was taken while it was on its way");
    }

    #[test]
    fn rule_10_a_refused_change_ends_no_excuse() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        assert_eq!(memory.excuses(&upsert("lost")), Echo::No, "and is refused: the key is busy");
        assert_eq!(memory.excuses(&upsert("packed")), Echo::Yes);
    }

    #[test]
    fn rule_10_content_decides_also_for_deletes_refusals_and_partial_rows() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), None);
        memory.settled(&key(), true, now());
        assert_eq!(memory.excuses(&change(Operation::Delete, Row::new())), Echo::Yes);

        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.settled(&key(), false, now());
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No, "what was refused is not there to be echoed");

        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.settled(&key(), true, now());
        let mut more = upsert("packed");
        more.row.set("note", Value::Null);
        assert_eq!(memory.excuses(&more), Echo::No, "it brings a column that we did not write");
    }

    #[test]
    fn rule_10_the_echo_of_the_last_write_ends_what_those_before_it_excuse() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.settled(&key(), true, now());
        memory.sent(&key(), Some([&row("shipped"), &Row::new()]));
        assert_eq!(memory.excuses(&upsert("shipped")), Echo::Yes);
        memory.settled(&key(), true, now());
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No, "it was set back after both");
    }

    #[test]
    fn rule_10_a_late_echo_and_a_value_set_back_look_alike_while_the_next_write_is_on_its_way() {
        let mut memory = EchoMemory::default();
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        memory.settled(&key(), true, now());
        memory.sent(&key(), Some([&row("shipped"), &Row::new()]));
        assert_eq!(memory.excuses(&upsert("packed")), Echo::Unclear);
        assert_eq!(memory.excuses(&upsert("packed")), Echo::No);
        assert_eq!(memory.excuses(&upsert("shipped")), Echo::Yes);
    }

    #[test]
    fn rule_9_a_write_that_arrived_lately_may_be_over_a_change_that_says_something_else() {
        let mut memory = EchoMemory::default();
        let over = |status: &str| Some(Over::Columns([Print::of("status", &Value::String(status.into()))].into()));
        memory.sent(&key(), Some([&row("packed"), &Row::new()]));
        assert_eq!(memory.may_be_over(&upsert("lost"), now()), None, "it is on its way: they cross");
        memory.settled(&key(), true, now());
        memory.ended_by(&upsert("lost"));
        assert_eq!(memory.may_be_over(&upsert("lost"), now()), over("packed"));
        assert_eq!(memory.may_be_over(&change(Operation::Delete, Row::new()), now()), over("packed"));
        assert_eq!(memory.may_be_over(&upsert("packed"), now()), None, "the same is there either way");
        let other = [("note".to_owned(), Value::Null)].into_iter().collect();
        assert_eq!(memory.may_be_over(&change(Operation::Upsert, other), now()), None, "another column");
        assert_eq!(memory.may_be_over(&upsert("lost"), now() + UNTOLD_MAX), None, "long ago");

        memory.sent(&key(), None);
        memory.settled(&key(), true, now());
        assert_eq!(memory.may_be_over(&upsert("lost"), now()), Some(Over::Gone));
        assert_eq!(memory.excuses(&change(Operation::Delete, Row::new())), Echo::Yes);
        assert_eq!(memory.may_be_over(&upsert("lost"), now()), None, "its application told of it before");
    }

    #[test]
    fn rule_10_what_a_write_had_for_an_insert_is_no_clear_echo() {
        let row = |column: &str, value: i64| Row::from_iter([(column.to_owned(), Value::Int(value))]);
        let told = |row: Row| Change { row, cause: Cause::Caller, ..Change::added(Side::Left, &key()) };
        let sent = || {
            let mut memory = EchoMemory::default();
            memory.sent(&key(), Some([&row("a", 1), &row("b", 2)]));
            memory
        };
        assert_eq!(sent().excuses(&told(row("a", 1))), Echo::Yes);
        assert_eq!(sent().excuses(&told(row("b", 2))), Echo::Unclear, "while it is on its way");
        let mut arrived = sent();
        arrived.settled(&key(), true, now());
        assert_eq!(arrived.excuses(&told(row("b", 2))), Echo::Unclear, "the row may have been there with another one");
        assert_eq!(arrived.excuses(&told(row("b", 3))), Echo::No);
        assert_eq!(arrived.excuses(&told(row("a", 1))), Echo::Yes);
    }
}
