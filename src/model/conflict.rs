//! Rule 9: both sides end equal. What becomes of two changes of one key from both sides that cross.
//!
//! Two changes of columns are decided column by column. When one of them is about the record itself (it deletes it or
//! changes its key) the other has no place to go to: one of them wins as a whole.
//!
//! Where a change that gives way is under way already, nobody knows whether it arrives before or after the other at that
//! side: what it may come over is brought back after it, unless something newer is there by then. Where the one that wins
//! is under way, what its side has told last is said again after both.

use super::change::{Cause, Change, Operation, YIELDS_ALL};
use super::key::Key;
use super::mapping::Plan;
use super::print::{Over, Print};
use super::row::Row;
use super::side::Side;
use super::told::{Again, Standing};
use std::collections::BTreeSet;

/// A change that was accepted before the incoming one and has not ended.
#[derive(Debug)]
pub struct Earlier<'a> {
    pub change: &'a Change,
    /// What it gave up before.
    pub yielded: &'a BTreeSet<String>,
    /// It may have arrived already, or arrive at any moment.
    pub under_way: bool,
}

/// What a crossing comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// The side whose change wins.
    pub winner: Side,
    /// Columns of the other change that are lost by it, as its side calls them.
    pub lost: BTreeSet<String>,
    /// What the earlier change no longer writes; also when it wins, where `again` does it instead. Nothing of one that is
    /// under way: it may be written as it is.
    pub earlier_yields: BTreeSet<String>,
    /// The earlier change is under way, and whatever becomes of it is put right by what follows: so a refusal is no error.
    pub earlier_settled: bool,
    /// The same of the incoming one.
    pub incoming_yields: BTreeSet<String>,
    /// What goes into the lane before the incoming change.
    pub before: Vec<Change>,
    /// What goes into the lane after it.
    pub after: Vec<Change>,
    /// What the winner's side has told is said again, after all of this.
    pub again: Again,
}

impl Crossing {
    fn won_by(winner: Side) -> Self {
        Self {
            winner,
            lost: BTreeSet::new(),
            earlier_yields: BTreeSet::new(),
            earlier_settled: false,
            incoming_yields: BTreeSet::new(),
            before: Vec::new(),
            after: Vec::new(),
            again: Again::default(),
        }
    }
}

/// Decides a crossing under MASTER_WINS: the master's change is written; columns of the other that the master's did not
/// touch are written too; the rest of it is recorded as a conflict. None when they touch nothing in common.
pub fn cross(plan: &Plan, earlier: &Earlier, incoming: &Change) -> Option<Crossing> {
    if earlier.change.is_yielded(earlier.yielded) {
        return None;
    }
    if earlier.change.operation == Operation::Delete && incoming.operation == Operation::Delete {
        return None;
    }
    // What only brings a side its own values back, or what nobody told, never wins against a newer change from there.
    let told = earlier.change.cause != Cause::Settlement && !reads_all(earlier.change);
    let incoming_wins = plan.master() == incoming.source || !told;
    if earlier.change.is_about_the_record() || incoming.is_about_the_record() {
        return Some(cross_records(plan, earlier, incoming, incoming_wins));
    }
    cross_columns(plan, earlier, incoming, incoming_wins)
}

/// Whether a change has all columns as they are read when it goes out.
pub fn reads_all(change: &Change) -> bool {
    change.cause == Cause::Reread && change.row.is_empty()
}

fn cross_columns(plan: &Plan, earlier: &Earlier, incoming: &Change, incoming_wins: bool) -> Option<Crossing> {
    let Earlier { change, yielded, under_way } = earlier;
    if change.over == Some(Over::Gone) && !*under_way {
        // It would make the record again without what has changed since: one that has both does it instead.
        let mut crossing = Crossing::won_by(incoming.source);
        crossing.earlier_yields.insert(YIELDS_ALL.to_owned());
        let mut back = Change { row: change.row.clone(), ..brought_back(plan, incoming, None, Over::Gone) };
        back.row.extend(mirrored_row(plan, incoming.source, &incoming.row));
        crossing.after.push(back);
        return Some(crossing);
    }
    let both = incoming.row.columns().filter_map(|theirs| {
        let ours = plan.counterpart(incoming.source, theirs)?;
        let touches = (change.row.contains(ours) || reads_all(change)) && !yielded.contains(ours);
        touches.then(|| (ours.to_owned(), theirs.to_owned()))
    });
    let (ours, theirs): (BTreeSet<String>, BTreeSet<String>) = both.unzip();
    if ours.is_empty() {
        return None;
    }
    if incoming_wins {
        let mut crossing = Crossing::won_by(incoming.source);
        crossing.lost.clone_from(&ours);
        if *under_way {
            let over = Over::Columns(prints_over(plan, change, &theirs));
            crossing.after.push(brought_back(plan, incoming, Some(&theirs), over));
        } else {
            crossing.earlier_yields = ours;
        }
        return Some(crossing);
    }
    let mut crossing = Crossing::won_by(change.source);
    crossing.lost.clone_from(&theirs);
    crossing.incoming_yields = theirs;
    if *under_way {
        // It may have come before the incoming change was made at that side.
        crossing.again.columns = ours;
    }
    Some(crossing)
}

fn cross_records(plan: &Plan, earlier: &Earlier, incoming: &Change, incoming_wins: bool) -> Crossing {
    let (winner, loser) = if incoming_wins { (incoming, earlier.change) } else { (earlier.change, incoming) };
    let mut crossing = Crossing::won_by(winner.source);
    crossing.lost = loser.row.columns().map(str::to_owned).collect();
    let all = || BTreeSet::from([YIELDS_ALL.to_owned()]);
    if !incoming_wins {
        crossing.incoming_yields = all();
    } else if earlier.under_way {
        undo_landing(plan, winner, loser, &mut crossing);
    } else {
        crossing.earlier_yields = all();
    }
    crossing.earlier_settled = earlier.under_way;
    if let Some(previous) = loser.previous_key.as_ref().filter(|_| loser.cause != Cause::Settlement) {
        crossing.before.push(renamed_back(winner.source, &loser.key, previous));
        if winner.keys().all(|key| key != previous) {
            // The winner's side may never have had the record that has its key again.
            crossing.after.push(Change { cause: Cause::Refresh, ..Change::added(loser.source, previous) });
        }
    }
    if winner.operation == Operation::Delete && loser.previous_key.is_none() {
        // A delete goes out as it is. One that is under way may have come before the record was made again over there.
        if !incoming_wins && earlier.under_way {
            crossing.again.records.push((winner.key.clone(), Standing::Plain));
        }
        return crossing;
    }
    // The other side may lack the record, or parts of it: it gets all of it, in place of the winner.
    if incoming_wins {
        crossing.incoming_yields = all();
    } else if !earlier.under_way {
        crossing.earlier_yields = all();
    }
    for key in loser.keys().chain(winner.keys()) {
        let standing = match &loser.previous_key {
            Some(previous) if previous == key => Standing::Doubtful,
            Some(_) if loser.key == *key && winner.key != *key => Standing::Taken,
            // The winner may have made the record again with no more than it says.
            Some(_) | None if !incoming_wins && earlier.under_way => Standing::Doubtful,
            Some(_) | None => Standing::Plain,
        };
        crossing.again.extend(Again { columns: BTreeSet::new(), records: vec![(key.clone(), standing)] });
    }
    crossing
}

/// The loser is under way to the winner's side and may come over the winner there.
fn undo_landing(plan: &Plan, winner: &Change, loser: &Change, crossing: &mut Crossing) {
    let written = || Over::Columns(prints_over(plan, loser, &loser_columns(plan, loser)));
    if let Some(previous) = &loser.previous_key {
        crossing.before.push(renamed_back(loser.source, &loser.key, previous));
    }
    if let Some(previous) = winner.previous_key.as_ref().filter(|_| loser.operation == Operation::Upsert) {
        // The loser may have made the record again under the key that it no longer has.
        let gone =
            Change { operation: Operation::Delete, over: Some(written()), ..Change::added(loser.source, previous) };
        crossing.after.push(gone);
    }
    match (winner.operation, loser.operation) {
        (Operation::Upsert, Operation::Delete) => crossing.after.push(brought_back(plan, winner, None, Over::Gone)),
        (Operation::Upsert, Operation::Upsert) => {
            if !winner.row.is_empty() && !loser.row.is_empty() {
                crossing.after.push(brought_back(plan, winner, None, written()));
            }
        }
        (Operation::Delete, _) => crossing.after.push(brought_back(plan, winner, None, written())),
    }
}

fn loser_columns(plan: &Plan, loser: &Change) -> BTreeSet<String> {
    loser.row.columns().filter_map(|column| plan.counterpart(loser.source, column)).map(str::to_owned).collect()
}

/// What must follow a change that an application told of after a write of ours had arrived there, and that it may have made
/// before that write: `over` is what the write left there, and `over_previous` what it left under the previous key.
pub fn told_late(plan: &Plan, change: &Change, over: Option<Over>, over_previous: Option<Over>) -> Vec<Change> {
    let mut follow = Vec::new();
    if let (Some(previous), Some(over)) = (&change.previous_key, over_previous) {
        let (operation, over) = (Operation::Delete, Some(over));
        follow.push(Change { operation, over, ..Change::added(change.source.other(), previous) });
    }
    if let Some(over) = over {
        let lost_the_rest = over == Over::Gone;
        follow.push(brought_back(plan, change, None, over));
        if lost_the_rest {
            // The other side has no more of it than the change says, which made it again there.
            follow.push(Change { cause: Cause::Reread, ..Change::added(change.source, &change.key) });
        }
    }
    follow
}

/// What this service adds for one change, in the order in which it goes out: what is brought back first, so that what is read
/// finds it; and the same not twice.
pub fn in_order(added: Vec<Change>) -> Vec<Change> {
    let (read, brought_back): (Vec<_>, Vec<_>) =
        added.into_iter().partition(|change| matches!(change.cause, Cause::Refresh | Cause::Reread));
    let mut distinct: Vec<Change> = Vec::new();
    for change in brought_back.into_iter().chain(read) {
        if !distinct.iter_mut().any(|other| merge(other, &change)) {
            distinct.push(change);
        }
    }
    distinct
}

/// Makes of two that this service adds one after the other, with nothing but others of its own between them, a single one
/// where that says the same.
fn merge(into: &mut Change, other: &Change) -> bool {
    if into == other {
        return true;
    }
    let place = |change: &Change| (change.source, change.key.clone(), change.operation, change.cause);
    let mergeable = into.operation == Operation::Upsert
        && place(into) == place(other)
        && into.previous_key.is_none()
        && other.previous_key.is_none();
    match (&mut into.over, &other.over) {
        (Some(Over::Columns(prints)), Some(Over::Columns(more))) if mergeable => prints.extend(more),
        (Some(Over::Gone), Some(Over::Gone)) if mergeable => {}
        _ => return false,
    }
    into.row.extend(other.row.clone());
    true
}

/// In place of a change that is perhaps an echo: the other side gets what its side has by then, so either is right.
pub fn in_place_of(change: &Change) -> Change {
    let (operation, row) = (change.operation, change.row.clone());
    Change { operation, row, cause: Cause::Reread, ..Change::added(change.source, &change.key) }
}

/// A change as its own side must have it, whatever it has: a copy may have put an older row over it.
pub fn mirrored(plan: &Plan, change: &Change) -> Vec<Change> {
    let (operation, row) = (change.operation, mirrored_row(plan, change.source, &change.row));
    let left = |key: &Key| Change { operation: Operation::Delete, ..Change::added(change.source.other(), key) };
    let written = Change { operation, row, ..Change::added(change.source.other(), &change.key) };
    change.previous_key.as_ref().map(left).into_iter().chain([written]).collect()
}

/// A change, or these columns of it, to its own side, where it finds what came over it.
fn brought_back(plan: &Plan, change: &Change, columns: Option<&BTreeSet<String>>, over: Over) -> Change {
    let kept: Row = change
        .row
        .iter()
        .filter(|(column, _)| columns.is_none_or(|columns| columns.contains(*column)))
        .map(|(column, value)| (column, value.clone()))
        .collect();
    let row = mirrored_row(plan, change.source, &kept);
    Change { operation: change.operation, row, over: Some(over), ..Change::added(change.source.other(), &change.key) }
}

/// The record back under the key that it had, where it still has the other and nothing else has that one.
fn renamed_back(source: Side, from: &Key, to: &Key) -> Change {
    let over = Some(Over::Columns(BTreeSet::new()));
    Change { previous_key: Some(from.clone()), over, ..Change::added(source, to) }
}

/// Prints of what a change writes to these columns of its destination.
fn prints_over(plan: &Plan, change: &Change, columns: &BTreeSet<String>) -> BTreeSet<Print> {
    let written = change.row.iter().filter_map(|(column, value)| {
        let counterpart = plan.counterpart(change.source, column)?;
        columns.contains(counterpart).then(|| Print::of(counterpart, value))
    });
    written.collect()
}

/// Rows as the other side calls their columns. Columns that go only one way are left out, since nothing but their own
/// side ever wrote them.
fn mirrored_row(plan: &Plan, source: Side, row: &Row) -> Row {
    row.iter()
        .filter_map(|(column, value)| Some((plan.counterpart(source, column)?.to_owned(), value.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{definition, plan};
    use super::super::told::said_again;
    use super::super::value::Value;
    use super::*;
    use Side::{Left, Right};

    fn key(id: i64) -> Key {
        Key::new(vec![Value::Int(id)])
    }

    fn row(columns: &[&str]) -> Row {
        columns.iter().map(|column| ((*column).to_owned(), Value::Int(1))).collect()
    }

    fn set_of(source: Side, columns: &[&str]) -> Change {
        Change { row: row(columns), cause: Cause::Caller, ..Change::added(source, &key(7)) }
    }

    fn delete(source: Side) -> Change {
        Change { operation: Operation::Delete, ..set_of(source, &[]) }
    }

    /// 7 becomes 8.
    fn rekey(source: Side) -> Change {
        Change { key: key(8), previous_key: Some(key(7)), ..set_of(source, &[]) }
    }

    fn names(columns: &[&str]) -> BTreeSet<String> {
        columns.iter().map(|column| (*column).to_owned()).collect()
    }

    fn all() -> BTreeSet<String> {
        names(&[YIELDS_ALL])
    }

    /// The right side is the master of these maps.
    fn crossed(earlier: &Change, under_way: bool, incoming: &Change) -> Option<Crossing> {
        cross(&plan(definition()), &Earlier { change: earlier, yielded: &BTreeSet::new(), under_way }, incoming)
    }

    #[test]
    fn rule_9_the_master_wins_what_both_touched() {
        let left = set_of(Left, &["status", "note"]);
        let right = set_of(Right, &["r_status"]);
        let won = Crossing::won_by(Right);
        let lost = names(&["status"]);
        let expected = Crossing { lost: lost.clone(), earlier_yields: lost.clone(), ..won.clone() };
        assert_eq!(crossed(&left, false, &right), Some(expected));
        let expected = Crossing { lost: lost.clone(), incoming_yields: lost.clone(), ..won };
        assert_eq!(crossed(&right, false, &left), Some(expected));
        assert_eq!(crossed(&set_of(Left, &["status"]), false, &set_of(Right, &["r_note"])), None);
        let gave_up = Earlier { change: &left, yielded: &lost, under_way: false };
        assert_eq!(cross(&plan(definition()), &gave_up, &right), None);
    }

    #[test]
    fn rule_9_what_is_under_way_is_settled_after_it() {
        let left = set_of(Left, &["status", "note"]);
        let right = set_of(Right, &["r_status"]);
        let crossing = crossed(&left, true, &right).unwrap();
        assert_eq!((crossing.earlier_yields, crossing.incoming_yields), (names(&[]), names(&[])));
        // The left change may come over the right one, at the right side: there it is brought back.
        let over = Over::Columns([Print::of("r_status", &Value::Int(1))].into());
        let back = Change { row: row(&["status"]), over: Some(over), ..Change::added(Left, &key(7)) };
        assert_eq!(crossing.after, [back]);

        let crossing = crossed(&right, true, &left).unwrap();
        assert_eq!(crossing.incoming_yields, names(&["status"]));
        assert_eq!(crossing.again.columns, names(&["r_status"]));
        // What was told last is said again, not what is under way.
        let mut newer = set_of(Right, &["r_note"]);
        newer.row.set("r_status", Value::Int(2));
        let changes = [(&right, &names(&[])), (&newer, &names(&[]))];
        let last = Row::from_iter([("r_status".to_owned(), Value::Int(2))]);
        assert_eq!(
            said_again(Right, &key(7), &crossing.again, &changes),
            [Change { row: last, cause: Cause::Again, ..Change::added(Right, &key(7)) }]
        );
        let changes = [(&right, &names(&[])), (&delete(Right), &names(&[]))];
        let gone = Change { operation: Operation::Delete, cause: Cause::Again, ..Change::added(Right, &key(7)) };
        assert_eq!(said_again(Right, &key(7), &crossing.again, &changes), [gone]);
    }

    #[test]
    fn rule_9_a_delete_wins_or_loses_as_a_whole() {
        let right = set_of(Right, &["r_status"]);
        // The master's delete goes out, the other change does not.
        let crossing = crossed(&set_of(Left, &["status"]), false, &delete(Right)).unwrap();
        assert_eq!((crossing.earlier_yields, crossing.again), (all(), Again::default()));
        let crossing = crossed(&delete(Right), false, &set_of(Left, &["status"])).unwrap();
        assert_eq!((crossing.earlier_yields, crossing.incoming_yields), (names(&[]), all()));
        assert_eq!(crossing.again, Again::default());
        // Where it loses the other side has lost all columns, not only those that the winner changed.
        for crossing in [crossed(&delete(Left), false, &right), crossed(&right, false, &delete(Left))] {
            let crossing = crossing.unwrap();
            assert_eq!((crossing.earlier_yields, crossing.incoming_yields), (all(), all()));
            let said = said_again(Right, &key(7), &crossing.again, &[(&right, &names(&[]))]);
            assert_eq!(
                said,
                [Change { row: row(&["r_status"]), cause: Cause::Refresh, ..Change::added(Right, &key(7)) }]
            );
        }
        // Under way, it may remove the winner at its own side.
        let crossing = crossed(&delete(Left), true, &right).unwrap();
        assert_eq!(
            crossing.after,
            [Change { row: row(&["status"]), over: Some(Over::Gone), ..Change::added(Left, &key(7)) }]
        );
        assert_eq!(crossing.again.records, [(key(7), Standing::Plain)]);
        assert_eq!(crossed(&delete(Left), false, &delete(Right)), None);
    }

    #[test]
    fn rule_9_a_change_of_the_key_that_loses_is_taken_back() {
        let right = set_of(Right, &["r_status"]);
        let crossing = crossed(&rekey(Left), false, &right).unwrap();
        assert_eq!(crossing.earlier_yields, all());
        assert_eq!(crossing.before, [renamed_back(Right, &key(8), &key(7))]);
        let unless_there =
            Change { operation: Operation::Delete, cause: Cause::Refresh, ..Change::added(Right, &key(8)) };
        let whole = Change { row: row(&["r_status"]), cause: Cause::Refresh, ..Change::added(Right, &key(7)) };
        let said = said_again(Right, &key(7), &crossing.again, &[(&right, &names(&[]))]);
        let as_it_is = Change { cause: Cause::Reread, ..Change::added(Right, &key(7)) };
        assert_eq!(said, [unless_there, as_it_is, whole]);

        let right = rekey(Right);
        let crossing = crossed(&set_of(Left, &["status"]), false, &right).unwrap();
        let gone = Change { operation: Operation::Delete, cause: Cause::Again, ..Change::added(Right, &key(7)) };
        let whole = Change { cause: Cause::Refresh, ..Change::added(Right, &key(8)) };
        assert_eq!(said_again(Right, &key(8), &crossing.again, &[(&right, &names(&[]))]), [gone, whole]);
    }

    #[test]
    fn rule_10_what_may_be_an_echo_is_read_again_and_not_said_again() {
        let right = set_of(Right, &["r_status"]);
        let unclear = Change { cause: Cause::Reread, ..right.clone() };
        let crossing = crossed(&unclear, false, &delete(Left)).unwrap();
        let said = said_again(Right, &key(7), &crossing.again, &[(&unclear, &names(&[]))]);
        let read = Change { cause: Cause::Reread, ..Change::added(Right, &key(7)) };
        assert_eq!(said, std::slice::from_ref(&read));
        let said = said_again(Right, &key(7), &crossing.again, &[(&unclear, &names(&[])), (&right, &names(&[]))]);
        assert_eq!(
            said,
            [
                read,
                Change { cause: Cause::Refresh, ..Change { row: row(&["r_status"]), ..Change::added(Right, &key(7)) } }
            ]
        );
    }

    #[test]
    fn rule_9_what_brings_a_side_its_own_values_back_never_wins_against_a_newer_change() {
        let newer = set_of(Left, &["status"]);
        let added = |cause| Change { row: row(&["r_status"]), cause, ..Change::added(Right, &key(7)) };
        let crossing = crossed(&added(Cause::Settlement), false, &newer).unwrap();
        assert_eq!(crossing.earlier_yields, names(&["r_status"]));
        for cause in [Cause::Again, Cause::Refresh, Cause::Reread] {
            // These stand for what the master has told.
            assert_eq!(crossed(&added(cause), false, &newer).unwrap().incoming_yields, names(&["status"]));
        }
    }
}
