//! What newer changes have written of keys that have errors, so that no retry writes over it (rule 3). Columns are named as the
//! left side calls them.

use super::change::{Change, Operation, YIELDS_ALL};
use super::ids::QueueSequence;
use super::key::Key;
use super::mapping::Plan;
use super::side::Side;
use std::collections::{BTreeMap, BTreeSet};

/// What one change has written at one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub side: Side,
    pub key: Key,
    /// Errors before this sequence are older.
    pub before: QueueSequence,
    /// None when the record was removed, or is another one since.
    pub columns: Option<BTreeSet<String>>,
}

impl Written {
    /// What a change that is at a side says about each of its keys; what it yielded it has not written.
    pub fn by(
        plan: &Plan,
        change: &Change,
        yielded: &BTreeSet<String>,
        side: Side,
        before: QueueSequence,
    ) -> Vec<Written> {
        let columns = change.row.columns().filter(|column| !yielded.contains(*column));
        let columns = columns.filter_map(|column| plan.left_name(change.source, column)).map(str::to_owned).collect();
        let columns = (!change.is_about_the_record()).then_some(columns);
        let mut written = vec![Written { side, key: change.key.clone(), before, columns }];
        let previous = change.previous_key.iter().filter(|previous| **previous != change.key);
        written.extend(previous.map(|key| Written { side, key: key.clone(), before, columns: None }));
        written
    }
}

/// All of that about one key at one side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenSince {
    /// Errors before this one have nothing left to say. 0 is none, as everywhere here.
    pub all: QueueSequence,
    /// The record was written by a change that is newer than errors before this one.
    pub record: QueueSequence,
    /// The same for each column.
    pub columns: BTreeMap<String, QueueSequence>,
}

impl WrittenSince {
    pub fn add(&mut self, written: &Written) {
        let before = written.before;
        match &written.columns {
            None => self.all = before.max(self.all),
            Some(columns) => {
                self.record = before.max(self.record);
                columns.iter().for_each(|column| self.add_column(column, before));
            }
        }
    }

    pub fn add_all(&mut self, other: &WrittenSince) {
        self.all = other.all.max(self.all);
        self.record = other.record.max(self.record);
        other.columns.iter().for_each(|(column, before)| self.add_column(column, *before));
    }

    fn add_column(&mut self, column: &str, before: QueueSequence) {
        let known = self.columns.entry(column.to_owned()).or_default();
        *known = before.max(*known);
    }
}

/// Rule 3: the columns of an error, as its source calls them, that newer changes have written at its destination: of its key,
/// and of the key that it had before.
pub fn overtaken(
    plan: &Plan,
    change: &Change,
    sequence: QueueSequence,
    of_key: &WrittenSince,
    of_previous: &WrittenSince,
) -> BTreeSet<String> {
    let newer = |before: QueueSequence| before > sequence;
    let gone = newer(of_key.all) || newer(of_previous.all);
    // Its record is there again, or another one has the key that it would take away.
    let again = (change.operation == Operation::Delete && newer(of_key.record)) || newer(of_previous.record);
    if gone || again {
        return [YIELDS_ALL.to_owned()].into();
    }
    let before = |column: &str| plan.left_name(change.source, column).and_then(|name| of_key.columns.get(name));
    let columns = change.row.columns().filter(|column| before(column).is_some_and(|before| newer(*before)));
    columns.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
    use crate::model::row::Row;
    use crate::model::value::Value;

    fn key(number: i64) -> Key {
        Key::new(vec![Value::Int(number)])
    }

    fn upsert(number: i64, columns: &[&str]) -> Change {
        let row: Row = columns.iter().map(|column| ((*column).to_owned(), Value::Int(1))).collect();
        Change { row, ..Change::added(Side::Left, &key(number)) }
    }

    fn delete(number: i64) -> Change {
        Change { operation: Operation::Delete, ..Change::added(Side::Left, &key(number)) }
    }

    fn moved(from: i64, to: i64) -> Change {
        Change { previous_key: Some(key(from)), ..upsert(to, &["status"]) }
    }

    /// What is left out of a retry of an error with sequence 5, after changes with these sequences.
    fn after(newer: &[(&Change, u64)], error: &Change) -> Vec<String> {
        let plan = fixtures::plan(fixtures::definition());
        let (mut of_key, mut of_previous) = (WrittenSince::default(), WrittenSince::default());
        for (change, sequence) in newer {
            for written in Written::by(&plan, change, &BTreeSet::new(), Side::Right, QueueSequence(*sequence)) {
                if written.key == error.key {
                    of_key.add(&written);
                }
                if error.previous_key.as_ref() == Some(&written.key) {
                    of_previous.add(&written);
                }
            }
        }
        overtaken(&plan, error, QueueSequence(5), &of_key, &of_previous).into_iter().collect()
    }

    #[test]
    fn rule_3_a_retry_leaves_out_what_newer_changes_have_written() {
        let error = upsert(1, &["status", "note"]);
        let status = upsert(1, &["status"]);
        let all = [YIELDS_ALL.to_owned()];
        assert_eq!(after(&[], &error), [""; 0]);
        assert_eq!(after(&[(&status, 5)], &error), [""; 0], "an older one is none of its business");
        assert_eq!(after(&[(&status, 6), (&status, 2)], &error), ["status"]);
        assert_eq!(after(&[(&upsert(2, &["status"]), 9)], &error), [""; 0], "another record");
        assert_eq!(after(&[(&delete(1), 6)], &error), all);
        assert_eq!(after(&[(&delete(1), 5)], &error), [""; 0]);
        assert_eq!(after(&[(&moved(1, 2), 7)], &error), all, "its record has another key");
        assert_eq!(after(&[(&moved(2, 1), 7)], &error), all, "its key has another record");
    }

    #[test]
    fn rule_3_a_retry_takes_no_record_away_that_is_newer() {
        let all = [YIELDS_ALL.to_owned()];
        assert_eq!(after(&[(&upsert(1, &[]), 6)], &delete(1)), all, "it was made again");
        assert_eq!(after(&[(&upsert(1, &["status"]), 6)], &moved(1, 2)), all, "another record has the key");
        assert_eq!(after(&[(&upsert(2, &["status"]), 6)], &moved(1, 2)), ["status"]);
        assert_eq!(after(&[(&delete(2), 6)], &moved(1, 2)), all);
    }
}
