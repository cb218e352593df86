//! Rule 9: both sides end equal. What becomes of two changes of one key from both sides that cross.

use super::change::{Cause, Change, Operation};
use super::mapping::Plan;
use super::row::Row;
use super::side::Side;
use std::collections::BTreeSet;

/// What a crossing comes to, for one change that was accepted before and has not reached its side.
#[derive(Debug, Clone, PartialEq)]
pub enum Crossing {
    /// They touch nothing in common: both are written.
    None,
    /// The earlier change gives way: it no longer writes these columns of its own side.
    EarlierYields(BTreeSet<String>),
    /// The incoming change gives way: it no longer writes these columns of its own side.
    IncomingYields(BTreeSet<String>),
    /// The earlier change is not written at all.
    EarlierYieldsAll,
    /// The incoming change is not written at all.
    IncomingYieldsAll,
}

/// Decides a crossing under MASTER_WINS: the master's change is written; columns of the other that the master's did not
/// touch are written too; the rest of it is recorded as a conflict. `yielded` are columns the earlier one gave up before.
pub fn cross(plan: &Plan, earlier: &Change, yielded: &BTreeSet<String>, incoming: &Change) -> Crossing {
    // A settlement only brings its destination's own values back: against a newer change from there it never wins.
    let earlier_wins = plan.master() == earlier.source && earlier.cause == Cause::Caller;
    let about_the_record = |change: &Change| change.operation == Operation::Delete || change.previous_key.is_some();
    if earlier.is_yielded(yielded) {
        return Crossing::None;
    }
    if earlier.operation == Operation::Delete && incoming.operation == Operation::Delete {
        return Crossing::None;
    }
    // Whether the record is there at all, or under which key, is no column: the other change has no place to go to.
    if about_the_record(earlier) || about_the_record(incoming) {
        return if earlier_wins { Crossing::IncomingYieldsAll } else { Crossing::EarlierYieldsAll };
    }
    let both: Vec<(&str, &str)> = earlier
        .row
        .columns()
        .filter(|column| !yielded.contains(*column))
        .filter_map(|column| Some((column, plan.counterpart(earlier.source, column)?)))
        .filter(|(_, counterpart)| incoming.row.contains(counterpart))
        .collect();
    if both.is_empty() {
        Crossing::None
    } else if earlier_wins {
        Crossing::IncomingYields(both.into_iter().map(|(_, theirs)| theirs.to_owned()).collect())
    } else {
        Crossing::EarlierYields(both.into_iter().map(|(ours, _)| ours.to_owned()).collect())
    }
}

/// Rows as the other side calls their columns: what a settlement writes. Columns that go only one way are left out,
/// since nothing but their own side ever wrote them.
pub fn mirrored(plan: &Plan, source: Side, row: &Row) -> Row {
    row.iter()
        .filter_map(|(column, value)| Some((plan.counterpart(source, column)?.to_owned(), value.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::change::YIELDS_ALL;
    use super::super::fixtures::{definition, plan};
    use super::super::key::Key;
    use super::super::value::Value;
    use super::*;

    fn change(source: Side, columns: &[&str]) -> Change {
        Change {
            source,
            operation: Operation::Upsert,
            key: Key::new(vec![Value::Int(7)]),
            previous_key: None,
            row: columns.iter().map(|column| ((*column).to_owned(), Value::Int(1))).collect(),
            source_time: None,
            change_id: String::new(),
            correlation_id: String::new(),
            cause: Cause::Caller,
        }
    }

    fn delete(source: Side) -> Change {
        Change { operation: Operation::Delete, row: Row::new(), ..change(source, &[]) }
    }

    fn set(columns: &[&str]) -> BTreeSet<String> {
        columns.iter().map(|column| (*column).to_owned()).collect()
    }

    /// The right side is the master of these maps.
    #[test]
    fn rule_9_the_master_wins_what_both_touched() {
        let plan = plan(definition());
        let none = BTreeSet::new();
        let left = change(Side::Left, &["status", "note"]);
        let right = change(Side::Right, &["r_status"]);
        assert_eq!(cross(&plan, &left, &none, &right), Crossing::EarlierYields(set(&["status"])));
        assert_eq!(cross(&plan, &right, &none, &left), Crossing::IncomingYields(set(&["status"])));
        let apart = change(Side::Right, &["r_note"]);
        assert_eq!(cross(&plan, &change(Side::Left, &["status"]), &none, &apart), Crossing::None);
        assert_eq!(cross(&plan, &left, &set(&["status"]), &right), Crossing::None, "it gave the column up before");
    }

    #[test]
    fn rule_9_a_delete_meets_a_change_as_a_whole() {
        let plan = plan(definition());
        let none = BTreeSet::new();
        let upsert = |side| change(side, &[]);
        assert_eq!(cross(&plan, &delete(Side::Left), &none, &upsert(Side::Right)), Crossing::EarlierYieldsAll);
        assert_eq!(cross(&plan, &delete(Side::Right), &none, &upsert(Side::Left)), Crossing::IncomingYieldsAll);
        assert_eq!(cross(&plan, &upsert(Side::Left), &none, &delete(Side::Right)), Crossing::EarlierYieldsAll);
        assert_eq!(cross(&plan, &delete(Side::Left), &none, &delete(Side::Right)), Crossing::None);
        assert_eq!(cross(&plan, &delete(Side::Left), &set(&[YIELDS_ALL]), &upsert(Side::Right)), Crossing::None);
    }

    #[test]
    fn rule_9_a_settlement_never_wins_against_a_newer_change() {
        let plan = plan(definition());
        let mut settlement = change(Side::Right, &["r_status"]);
        settlement.cause = Cause::Settlement;
        let newer = change(Side::Left, &["status"]);
        let crossing = cross(&plan, &settlement, &BTreeSet::new(), &newer);
        assert_eq!(crossing, Crossing::EarlierYields(set(&["r_status"])));
    }
}
