//! Writes that look first at what is there, with the row locked: a value is brought back where a write of ours came over
//! it, and nothing newer is touched (rules 3 and 9).

use super::Target;
use super::record::Record;
use crate::connectors::sql::cell::Cell;
use crate::connectors::sql::dialect::{Matching, Rows};
use crate::connectors::sql::session::Session;
use crate::model::failure::Failure;
use crate::model::print::{Over, Print};
use crate::model::schema::Column;
use crate::model::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What of the record is still to be written, as the row is now; none when nothing is. To be asked within the transaction
/// that writes it.
pub async fn still_to_write<'r>(
    target: &Target<'_>,
    session: &mut dyn Session,
    record: &Record<'r>,
    over: &Over,
) -> Result<Option<Record<'r>>, Failure> {
    let whole = || Some(record.clone());
    let key = Keyed { columns: record.form.key_columns(), cells: record.key() };
    if record.is_delete() {
        let columns: Vec<&Column> = target.schema.columns.iter().collect();
        let there = prints(target, session, key, &columns).await?;
        return Ok(match (over, there) {
            (Over::Columns(ours), Some(there)) if ours.is_subset(&there) => whole(),
            (Over::Columns(_) | Over::Gone, _) => None,
        });
    }
    if let Some(previous) = &record.previous_key {
        let moved = prints(target, session, Keyed { cells: previous, ..key }, &[]).await?.is_some();
        let free = prints(target, session, key, &[]).await?.is_none();
        return Ok(if moved && free { whole() } else { None });
    }
    let there = prints(target, session, key, record.form.set_columns()).await?;
    Ok(match (over, there) {
        (Over::Gone, None) => whole(),
        (Over::Columns(ours), Some(there)) => {
            let is_ours = |column: &Column| {
                let any = Print::of(&column.name, &Value::Null);
                ours.intersection(&there).any(|print| print.is_of_the_same_column(any))
            };
            let form = record.form.setting(is_ours);
            if form.set_columns().is_empty() {
                return Ok(None);
            }
            let set = record.form.set_columns().iter().zip(record.set());
            let set: Vec<Cell> = set.filter(|(column, _)| is_ours(column)).map(|(_, cell)| cell.clone()).collect();
            let cells = [record.key(), &set, record.insert()].concat();
            Some(Record { form: Arc::new(form), cells, ..record.clone() })
        }
        (Over::Gone, Some(_)) | (Over::Columns(_), None) => None,
    })
}

/// What a row is found by.
#[derive(Clone, Copy)]
struct Keyed<'r> {
    columns: &'r [&'r Column],
    cells: &'r [Cell],
}

/// Prints of some columns of the row with this key, which nobody else changes until the transaction ends; none when there is
/// no such row. A value that cannot be read is none that we wrote.
async fn prints(
    target: &Target<'_>,
    session: &mut dyn Session,
    key: Keyed<'_>,
    columns: &[&Column],
) -> Result<Option<BTreeSet<Print>>, Failure> {
    let selected: Vec<&Column> = key.columns.iter().chain(columns).copied().collect();
    let keys = Rows { columns: key.columns.to_vec(), cells: vec![key.cells] };
    let mut select = target.dialect.select(&target.table, &selected, keys, Matching::Exact);
    select.sql.push_str(target.dialect.locking());
    let rows: Vec<Vec<Cell>> = session.fetch(select).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let values = selected.into_iter().zip(row).skip(key.columns.len());
    let print = |(column, cell): (&Column, Cell)| {
        target.dialect.decode(column, cell).ok().map(|value| Print::of(&column.name, &value))
    };
    Ok(Some(values.filter_map(print).collect()))
}
