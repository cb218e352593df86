//! One try to write some records: all of them, or none. Records that look alike share statements; the order in which
//! different ones go does not matter, since their keys differ, except around a change of a key.

use super::Target;
use super::form::Inserting;
use super::record::Record;
use super::restore::still_to_write;
use crate::connectors::sql::cell::Cell;
use crate::connectors::sql::dialect::{Existing, Matching, Rows, Violation};
use crate::connectors::sql::read::chunks;
use crate::connectors::sql::session::Session;
use crate::model::failure::{ErrorType, Failure, Reach};
use crate::model::schema::Column;
use std::sync::Arc;

/// What records have in common when they share statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    Delete,
    /// Insert, or update where the key is.
    Upsert,
    /// Update first, then insert what was not there: when an insert is not complete, or cannot be kept to the key.
    UpdateThenInsert,
    Rekey,
    /// Only over what a write of ours left.
    Restore,
}

/// How a record is written, once it is to be written whatever is there.
fn plain_shape(target: &Target, record: &Record) -> Shape {
    if record.is_delete() {
        return Shape::Delete;
    }
    if record.previous_key.is_some() {
        return Shape::Rekey;
    }
    let whole = record.form.inserting == Inserting::Complete;
    let direct = whole && target.dialect.can_upsert(target.schema, record.form.key_columns());
    if direct { Shape::Upsert } else { Shape::UpdateThenInsert }
}

fn shape(target: &Target, record: &Record) -> Shape {
    if record.write.over.is_some() { Shape::Restore } else { plain_shape(target, record) }
}

/// Records of one shape and the same form, in the batch's order.
struct Group<'r> {
    shape: Shape,
    records: Vec<&'r Record<'r>>,
}

impl<'r> Group<'r> {
    fn alone(shape: Shape, record: &'r Record<'r>) -> Self {
        Self { shape, records: vec![record] }
    }

    fn takes(&self, shape: Shape, record: &Record) -> bool {
        self.shape == shape && self.records.first().is_some_and(|first| Arc::ptr_eq(&first.form, &record.form))
    }
}

fn grouped<'r>(target: &Target, records: &[&'r Record<'r>]) -> Vec<Group<'r>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open = 0; // groups before it take no more
    for &record in records {
        let shape = shape(target, record);
        match shape {
            Shape::Rekey => {
                groups.push(Group::alone(shape, record));
                open = groups.len(); // what comes before stays before, what comes after stays after: it has two keys
            }
            Shape::Restore => groups.push(Group::alone(shape, record)),
            Shape::Delete | Shape::Upsert | Shape::UpdateThenInsert => {
                match groups[open..].iter_mut().rev().find(|group| group.takes(shape, record)) {
                    Some(group) => group.records.push(record),
                    None => groups.push(Group::alone(shape, record)),
                }
            }
        }
    }
    groups
}

/// All of the records, or a failure and none of them.
pub async fn attempt(target: &Target<'_>, session: &mut dyn Session, records: &[&Record<'_>]) -> Result<(), Failure> {
    let groups = grouped(target, records);
    let tried = transaction(target, session, &groups).await;
    let [only] = records else { return tried };
    match tried {
        // Why it was refused is told by the two plain statements.
        // Somebody made the row after it was found missing: so there is something newer.
        Err(failure) if only.write.over.is_some() && target.dialect.violation(&failure) == Some(Violation::Unique) => {
            transaction(target, session, &groups).await
        }
        Err(failure) if target.dialect.upsert_hides_causes() && failure.kind.reach() == Reach::Record => {
            let hides = groups.iter().any(|group| matches!(group.shape, Shape::Upsert | Shape::Rekey));
            if hides { update_then_insert_alone(target, session, only).await } else { Err(failure) }
        }
        other => other,
    }
}

/// Always one that is begun and committed, also around a single statement: a call that is given up while the database
/// hangs may still be run later. Then nobody commits it; by itself it would be written, over what came after it.
async fn transaction(target: &Target<'_>, session: &mut dyn Session, groups: &[Group<'_>]) -> Result<(), Failure> {
    session.begin().await?;
    let ran = match run(target, session, groups).await {
        Ok(()) => session.commit().await, // a deferred constraint may refuse here
        refused => refused,
    };
    if let Err(failure) = ran {
        // The session is of no use when even this fails; then that is the news.
        if failure.kind.reach() == Reach::Record {
            session.rollback().await?;
        }
        return Err(failure);
    }
    Ok(())
}

async fn run(target: &Target<'_>, session: &mut dyn Session, groups: &[Group<'_>]) -> Result<(), Failure> {
    for group in groups {
        match group.shape {
            Shape::Delete => delete(target, session, group).await?,
            Shape::Upsert => upsert(target, session, group).await?,
            Shape::UpdateThenInsert => update_then_insert(target, session, group).await?,
            Shape::Rekey => rekey(target, session, group).await?,
            Shape::Restore => restore(target, session, group).await?,
        }
    }
    Ok(())
}

async fn restore(target: &Target<'_>, session: &mut dyn Session, group: &Group<'_>) -> Result<(), Failure> {
    for record in &group.records {
        let Some(over) = &record.write.over else { continue };
        let Some(rest) = still_to_write(target, session, record, over).await? else { continue };
        let group = Group::alone(plain_shape(target, &rest), &rest);
        match group.shape {
            Shape::Delete => delete(target, session, &group).await?,
            Shape::Rekey => rekey(target, session, &group).await?,
            Shape::Upsert | Shape::UpdateThenInsert | Shape::Restore => {
                update_then_insert(target, session, &group).await?
            }
        }
    }
    Ok(())
}

/// The rows that a group's statements carry.
fn rows<'r>(group: &Group<'r>) -> Rows<'r> {
    let Some(first) = group.records.first() else { return Rows::default() };
    let form = &first.form;
    let columns = match group.shape {
        Shape::Upsert => form.columns(),
        Shape::UpdateThenInsert => form.update_columns(),
        Shape::Delete | Shape::Rekey | Shape::Restore => form.key_columns(),
    };
    let cells = group.records.iter().map(|record| &record.cells[..columns.len()]);
    Rows { columns: columns.to_vec(), cells: cells.collect() }
}

fn pieces<'a, 'c>(target: &Target, session: &dyn Session, rows: &'a Rows<'c>) -> Vec<&'a [&'c [Cell]]> {
    chunks(target.dialect, session.statement_bytes_max(), rows.columns.len(), &rows.cells)
}

fn refused(message: String) -> Failure {
    Failure::new(ErrorType::Application, "", message)
}

/// How many of these keys there are.
async fn count(
    target: &Target<'_>,
    session: &mut dyn Session,
    key: &[&Column],
    cells: &[&[Cell]],
) -> Result<usize, Failure> {
    let keys = Rows { columns: key.to_vec(), cells: cells.iter().map(|row| &row[..key.len()]).collect() };
    Ok(session.fetch(target.dialect.select(&target.table, key, keys, Matching::Exact)).await?.len())
}

async fn delete(target: &Target<'_>, session: &mut dyn Session, group: &Group<'_>) -> Result<(), Failure> {
    let rows = rows(group);
    for piece in pieces(target, session, &rows) {
        let keys = Rows { columns: rows.columns.clone(), cells: piece.to_vec() };
        let gone = session.execute(target.dialect.delete(&target.table, keys)).await?;
        // Pain 15: what is fewer than was sent is looked at. Most were not there; one that stays was kept by a trigger.
        if gone < piece.len() as u64 && count(target, session, &rows.columns, piece).await? > 0 {
            return Err(refused("the database kept the row; a trigger may have".into()));
        }
    }
    Ok(())
}

async fn upsert(target: &Target<'_>, session: &mut dyn Session, group: &Group<'_>) -> Result<(), Failure> {
    let Some(first) = group.records.first() else { return Ok(()) };
    let (key, set) = (first.form.key_columns(), first.form.set_columns());
    let rows = rows(group);
    for piece in pieces(target, session, &rows) {
        let sent = Rows { columns: rows.columns.clone(), cells: piece.to_vec() };
        let existing = Existing::Update { key: key.to_vec(), set: set.to_vec() };
        let written = session.execute(target.dialect.insert(&target.table, sent, existing)).await?;
        // Pain 15. Rows with nothing to set are left as they are, and not counted by all databases.
        let missed = written < piece.len() as u64
            && (!set.is_empty() || count(target, session, key, piece).await? < piece.len());
        if missed {
            let message =
                format!("the database wrote {written} of {} rows; a trigger may have left some out", piece.len());
            return Err(refused(message));
        }
    }
    Ok(())
}

async fn update_then_insert(target: &Target<'_>, session: &mut dyn Session, group: &Group<'_>) -> Result<(), Failure> {
    let Some(first) = group.records.first() else { return Ok(()) };
    let key = first.form.key_columns().len();
    let rows = rows(group);
    let values = rows.columns.len() * (key + 1);
    let bytes_max = session.statement_bytes_max() / (key + 1);
    let mut place = 0;
    for piece in chunks(target.dialect, bytes_max, values, &rows.cells) {
        let records = &group.records[place..place + piece.len()];
        place += piece.len();
        let there = if rows.columns.len() == key {
            count(target, session, &rows.columns, piece).await?
        } else {
            let sent = Rows { columns: rows.columns.clone(), cells: piece.to_vec() };
            usize::try_from(session.execute(target.dialect.update(&target.table, key, sent)).await?).unwrap_or(0)
        };
        if there < piece.len() {
            one_by_one(target, session, records).await?;
        }
    }
    Ok(())
}

/// Some of the records are not there, and no count says which.
async fn one_by_one(target: &Target<'_>, session: &mut dyn Session, records: &[&Record<'_>]) -> Result<(), Failure> {
    for record in records {
        if !update(target, session, record).await? {
            insert(target, session, record).await?;
        }
    }
    Ok(())
}

/// Whether the row was there.
async fn update(target: &Target<'_>, session: &mut dyn Session, record: &Record<'_>) -> Result<bool, Failure> {
    let key = record.form.key_columns();
    if record.form.set_columns().is_empty() {
        return Ok(count(target, session, key, &[record.key()]).await? > 0);
    }
    let sent = Rows { columns: record.form.update_columns().to_vec(), cells: vec![record.update()] };
    Ok(session.execute(target.dialect.update(&target.table, key.len(), sent)).await? > 0)
}

async fn insert(target: &Target<'_>, session: &mut dyn Session, record: &Record<'_>) -> Result<(), Failure> {
    if let Inserting::Refused { absent } = record.form.inserting {
        let without: Vec<&str> = absent
            .iter()
            .filter(|name| !target.schema.column(name).is_some_and(|column| column.has_default))
            .map(String::as_str)
            .collect();
        let message = format!("the row is not there, and cannot be inserted without {}", without.join(", "));
        let column = without.first().map(|name| (*name).to_owned());
        return Err(Failure { column, ..Failure::new(ErrorType::BadRequest, "", message) });
    }
    let sent = Rows { columns: record.form.columns().to_vec(), cells: vec![&record.cells] };
    match session.execute(target.dialect.insert(&target.table, sent, Existing::Refuse)).await? {
        0 => Err(refused("the database wrote 0 of 1 rows; a trigger may have left it out".into())),
        _ => Ok(()),
    }
}

/// The row under the previous key becomes the new one; when there is none this is an upsert of the new one, so that a
/// replay changes nothing.
async fn rekey(target: &Target<'_>, session: &mut dyn Session, group: &Group<'_>) -> Result<(), Failure> {
    for record in &group.records {
        let Some(previous) = &record.previous_key else { continue };
        let columns = [record.form.key_columns(), record.form.update_columns()].concat();
        let cells = [previous, record.update()].concat();
        let sent = Rows { columns, cells: vec![&cells] };
        let moved = session.execute(target.dialect.update(&target.table, previous.len(), sent)).await?;
        if moved == 0 {
            one_by_one(target, session, &[record]).await?;
        }
    }
    Ok(())
}

/// One record in a transaction of its own. Another may insert the row between the update that does not find it and the
/// insert; then the update finds it the second time.
async fn update_then_insert_alone(
    target: &Target<'_>,
    session: &mut dyn Session,
    record: &Record<'_>,
) -> Result<(), Failure> {
    let shape = if record.previous_key.is_some() { Shape::Rekey } else { Shape::UpdateThenInsert };
    let group = || [Group::alone(shape, record)];
    match transaction(target, session, &group()).await {
        Err(failure) if target.dialect.violation(&failure) == Some(Violation::Unique) => {
            transaction(target, session, &group()).await
        }
        other => other,
    }
}
