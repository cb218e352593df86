//! What a side has told and is to be told again (rule 9): where it may have come too early, all that is still to be written of
//! it is folded into one, so that no older value comes behind a newer one.

use super::change::{Cause, Change, Operation};
use super::key::Key;
use super::row::Row;
use super::side::Side;
use std::collections::BTreeSet;

/// What is said again of what a side has told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Again {
    /// Columns, as that side calls them.
    pub columns: BTreeSet<String>,
    /// Whole records.
    pub records: Vec<(Key, Standing)>,
}

/// What is known of a key beside what was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Plain,
    /// The other side took it for a record that had another key here; it is gone there unless this side has it.
    Taken,
    /// The other side may have the record with other columns: it has its key again, or was made again by parts of it.
    Doubtful,
}

impl Again {
    pub fn extend(&mut self, more: Again) {
        self.columns.extend(more.columns);
        for record in more.records {
            if !self.records.contains(&record) {
                self.records.push(record);
            }
        }
    }

    /// Records of which the other side may have parts by then.
    pub fn doubt(&mut self, in_parts: impl Fn(&Key) -> bool) {
        for (key, standing) in &mut self.records {
            if *standing == Standing::Plain && in_parts(key) {
                *standing = Standing::Doubtful;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.records.is_empty()
    }
}

/// What a side has told of a key, by changes that are still to be written.
enum Told {
    Nothing,
    Row(Row),
    Gone,
    /// Gone, unless its side has it.
    GoneUnlessThere,
}

/// Of changes in the order in which they were accepted, and without what they have yielded. What brings the other side its own
/// values back was not told by this one, and what may be an echo says nothing: it is read again (`unclear`).
fn told(key: &Key, changes: &[(&Change, &BTreeSet<String>)]) -> Told {
    let mut told = Told::Nothing;
    for (change, yielded) in changes.iter().filter(|(change, yielded)| !change.is_yielded(yielded)) {
        if matches!(change.cause, Cause::Settlement | Cause::Reread) {
            continue;
        }
        if change.key == *key && change.operation == Operation::Delete && change.cause == Cause::Refresh {
            told = Told::GoneUnlessThere;
        } else if change.previous_key.as_ref() == Some(key)
            || (change.key == *key && change.operation == Operation::Delete)
        {
            told = Told::Gone;
        } else if change.key == *key {
            let mut row = if let Told::Row(row) = told { row } else { Row::new() };
            for (column, value) in change.row.iter().filter(|(column, _)| !yielded.contains(*column)) {
                row.set(column, value.clone());
            }
            told = Told::Row(row);
        }
    }
    told
}

/// What is to be read again of a key, since it was not clear whether a change of it was an echo: whether it would be gone.
fn unclear(key: &Key, changes: &[(&Change, &BTreeSet<String>)]) -> Option<Operation> {
    let of_key = changes.iter().filter(|(change, _)| change.cause == Cause::Reread && change.key == *key);
    of_key.filter(|(change, yielded)| !change.is_yielded(yielded)).map(|(change, _)| change.operation).next_back()
}

/// What a side has told, said again to the other one. `changes` are all of it that are still to be written, in the order in
/// which they were accepted, each with what it had yielded before; `key` is the one whose columns are said again.
pub fn said_again(source: Side, key: &Key, again: &Again, changes: &[(&Change, &BTreeSet<String>)]) -> Vec<Change> {
    if again.is_empty() {
        return Vec::new();
    }
    let delete = |key: &Key, cause: Cause| Change { operation: Operation::Delete, cause, ..Change::added(source, key) };
    let read_again = |key: &Key, operation| Change { operation, cause: Cause::Reread, ..Change::added(source, key) };
    let mut said = Vec::new();
    for (key, standing) in &again.records {
        let doubtful = (*standing == Standing::Doubtful).then_some(Operation::Upsert);
        let read = unclear(key, changes).or(doubtful);
        said.extend(read.map(|operation| read_again(key, operation)));
        said.push(match told(key, changes) {
            Told::Gone => delete(key, Cause::Again),
            Told::GoneUnlessThere => delete(key, Cause::Refresh),
            Told::Row(row) => Change { row, cause: Cause::Refresh, ..Change::added(source, key) },
            Told::Nothing if read.is_some() => continue,
            Told::Nothing if *standing == Standing::Taken => delete(key, Cause::Refresh),
            Told::Nothing => Change { cause: Cause::Refresh, ..Change::added(source, key) },
        });
    }
    // A record that is said again whole has its columns with it.
    if !again.columns.is_empty() && !again.records.iter().any(|(of, _)| of == key) {
        said.extend(unclear(key, changes).map(|operation| read_again(key, operation)));
        match told(key, changes) {
            Told::Gone => said.push(delete(key, Cause::Again)),
            Told::GoneUnlessThere => said.push(delete(key, Cause::Refresh)),
            Told::Row(mut row) => {
                row.retain(|column| again.columns.contains(column));
                said.push(Change { row, cause: Cause::Again, ..Change::added(source, key) });
            }
            Told::Nothing => {}
        }
    }
    said
}
