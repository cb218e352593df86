//! Why a record was refused, told more exactly than the database tells it: which row holds a value that must be unique
//! (pain 41), which has a key that only looks the same, and which row a reference looks for.

use super::Target;
use super::record::Record;
use crate::connectors::sql::cell::Cell;
use crate::connectors::sql::dialect::{Matching, Rows, Violation};
use crate::connectors::sql::session::Session;
use crate::model::failure::{ErrorType, Failure, Reach};
use crate::model::key::Key;
use crate::model::schema::Column;
use crate::model::value::Value;

/// The refusal with what could be found out. Only a broken connection makes this fail.
pub async fn explained(
    target: &Target<'_>,
    session: &mut dyn Session,
    record: &Record<'_>,
    refusal: Failure,
) -> Result<Failure, Failure> {
    match target.dialect.violation(&refusal) {
        Some(Violation::Unique) => holder(target, session, record, refusal).await,
        Some(Violation::ForeignKey) => Ok(reference(target, record, refusal)),
        // Our own word: fewer rows were written than were sent.
        None if refusal.kind == ErrorType::Application && refusal.code.is_empty() && refusal.column.is_none() => {
            alike(target, session, record, refusal).await
        }
        None => Ok(refusal),
    }
}

/// What the record gives for these columns; `None` when one is missing or null.
fn given<'r>(record: &'r Record, names: &[String]) -> Option<Vec<(&'r Cell, &'r Column)>> {
    if record.is_delete() {
        return None;
    }
    let find = |name: &String| {
        let mut pairs = record.cells.iter().zip(record.form.columns().iter().copied());
        pairs.find(|(cell, column)| column.name == *name && **cell != Cell::Null)
    };
    names.iter().map(find).collect()
}

/// The first unique key whose values another row has, this record's own key first.
async fn holder(
    target: &Target<'_>,
    session: &mut dyn Session,
    record: &Record<'_>,
    refusal: Failure,
) -> Result<Failure, Failure> {
    let refusal = alike(target, session, record, refusal).await?;
    for unique in &target.schema.unique_keys {
        let Some(pairs) = given(record, unique) else { continue };
        let (cells, searched): (Vec<Cell>, Vec<&Column>) =
            pairs.into_iter().map(|(cell, column)| (cell.clone(), column)).unzip();
        let key = record.form.key_columns();
        let is_own = unique.len() == key.len() && key.iter().all(|column| unique.contains(&column.name));
        let Some(key) = (if is_own { None } else { other_row(target, session, record, searched, &cells).await? })
        else {
            continue;
        };
        let names = unique.join(", ");
        let message = format!("{} (the row with the key {key} has the same {names})", refusal.message);
        let column = refusal.column.or_else(|| unique.first().filter(|_| unique.len() == 1).cloned());
        return Ok(Failure { message, column, ..refusal });
    }
    Ok(refusal)
}

/// Says so when there is a row whose key is the same under its column's collation, and is not the same.
async fn alike(
    target: &Target<'_>,
    session: &mut dyn Session,
    record: &Record<'_>,
    refusal: Failure,
) -> Result<Failure, Failure> {
    Ok(match other_row(target, session, record, record.form.key_columns().to_vec(), record.key()).await? {
        Some(key) => {
            let message = format!(
                "the row with the key {key} has the same key under the column's collation, and is another record: {}",
                refusal.message
            );
            Failure { message, ..refusal }
        }
        None => refusal,
    })
}

/// The key of a row that has these values, to the database, and another key than the record.
async fn other_row(
    target: &Target<'_>,
    session: &mut dyn Session,
    record: &Record<'_>,
    columns: Vec<&Column>,
    cells: &[Cell],
) -> Result<Option<Key>, Failure> {
    let rows = Rows { columns, cells: vec![cells] };
    let select = target.dialect.select(&target.table, record.form.key_columns(), rows, Matching::Collated);
    let found = match session.fetch(select).await {
        Ok(found) => found,
        Err(failure) if failure.kind.reach() == Reach::Record => return Ok(None), // the refusal stands without this
        Err(failure) => return Err(failure),
    };
    for found in found {
        let values =
            record.form.key_columns().iter().zip(found).map(|(column, cell)| target.dialect.decode(column, cell));
        let Ok(values) = values.collect::<Result<Vec<Value>, _>>() else { continue };
        if !values.iter().eq(record.write.key.iter().map(|(_, value)| value)) {
            return Ok(Some(Key::new(values)));
        }
    }
    Ok(None)
}

/// The reference that was refused: the one that the database names, or the only one that the record has.
fn reference(target: &Target<'_>, record: &Record<'_>, refusal: Failure) -> Failure {
    let foreign_keys = target.schema.foreign_keys.iter();
    let named = |columns: &[String]| refusal.column.as_ref().is_none_or(|column| columns.contains(column));
    let mut possible = foreign_keys
        .filter(|foreign| named(&foreign.columns))
        .filter_map(|foreign| given(record, &foreign.columns).map(|values| (foreign, values)));
    let (Some((foreign, _)), None) = (possible.next(), possible.next()) else { return refusal };
    let values = foreign.columns.iter().filter_map(|name| value(record, name));
    let key = values.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let column = refusal.column.or_else(|| foreign.columns.first().cloned());
    let referred_key = refusal.referred_key.or(Some(key));
    let message = match &referred_key {
        Some(key) if !refusal.message.contains(&foreign.referred_table) => {
            format!("{} ({} has no row {key})", refusal.message, foreign.referred_table)
        }
        _ => refusal.message,
    };
    Failure { message, column, referred_key, ..refusal }
}

fn value<'r>(record: &'r Record, name: &str) -> Option<&'r Value> {
    let key = record.write.key.iter().find(|(column, _)| **column == *name).map(|(_, value)| value);
    match &record.write.operation {
        crate::connectors::WriteOperation::Upsert { values, insert_values, .. } => {
            key.or_else(|| values.get(name)).or_else(|| insert_values.get(name))
        }
        crate::connectors::WriteOperation::Delete => key,
    }
}
