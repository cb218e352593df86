//! One record of a batch, checked against the table and in the forms of the wire. What would not come back as it is
//! goes no further than here.

use crate::connectors::sql::cell::Cell;
use crate::connectors::sql::dialect::Dialect;
use crate::connectors::sql::failures;
use crate::connectors::sql::read::columns;
use crate::connectors::{Write, WriteOperation};
use crate::model::failure::{ErrorType, Failure};
use crate::model::fit::Misfit;
use crate::model::row::Row;
use crate::model::schema::{Column, TableSchema};
use crate::model::value::Value;

/// Some columns and their cells, in the same order.
#[derive(Debug, Clone, Default)]
pub struct Cells<'a> {
    pub columns: Vec<&'a Column>,
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Where it is in the batch.
    pub place: usize,
    pub write: &'a Write,
    pub key: Cells<'a>,
    pub action: Action<'a>,
}

impl Record<'_> {
    /// About how many bytes a statement with it alone has.
    pub fn size(&self) -> usize {
        let cells = |cells: &[Cell]| cells.iter().map(Cell::size).sum::<usize>();
        let own = match &self.action {
            Action::Upsert(upsert) => cells(&upsert.set.cells) + cells(&upsert.insert.cells),
            Action::Delete => 0,
        };
        own + 2 * cells(&self.key.cells) // a new key stands beside the old one
    }

    /// Pain 59: with its size and the limit.
    pub fn too_large(&self, bytes_max: usize) -> Failure {
        let message = format!("the record has {} bytes, the database takes {bytes_max}", self.size());
        Failure::new(ErrorType::BadRequest, "", message)
    }
}

#[derive(Debug, Clone)]
pub enum Action<'a> {
    Upsert(Upsert<'a>),
    Delete,
}

#[derive(Debug, Clone)]
pub struct Upsert<'a> {
    pub set: Cells<'a>,
    /// What an insert has beside the key and `set`.
    pub insert: Cells<'a>,
    pub inserting: Inserting<'a>,
    pub previous_key: Option<Vec<Cell>>,
}

/// What an insert of the record would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserting<'a> {
    /// It has all that the table asks for.
    Complete,
    /// A column that no mapping fills has no default. A trigger may fill it; the database knows.
    Doubtful,
    /// A mapped column is absent and has no default: never a silent null.
    Refused { absent: &'a [String] },
}

/// The outer failure concerns the table, the inner one this record.
pub fn prepare<'a>(
    dialect: &dyn Dialect,
    table: &'a TableSchema,
    place: usize,
    write: &'a Write,
) -> Result<Result<Record<'a>, Failure>, Failure> {
    let key_columns = columns(table, write.key.iter().map(|(name, _)| name.as_str()))?;
    let key = match cells(dialect, key_columns, write.key.iter().map(|(_, value)| value)) {
        Ok(key) => key,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let action = match &write.operation {
        WriteOperation::Delete => Action::Delete,
        WriteOperation::Upsert { values, insert_values, absent, previous_key } => {
            let set_columns = columns(table, values.columns())?;
            let insert_columns = columns(table, insert_values.columns())?;
            let upsert = || {
                let (set, insert) =
                    (row_cells(dialect, set_columns, values)?, row_cells(dialect, insert_columns, insert_values)?);
                let previous = previous_key.as_ref().map(|key_values| cells(dialect, key.columns.clone(), key_values));
                let previous_key = previous.transpose()?.map(|previous| previous.cells);
                let inserting = inserting(table, [&key, &set, &insert], absent);
                Ok(Upsert { set, insert, inserting, previous_key })
            };
            match upsert() {
                Ok(upsert) => Action::Upsert(upsert),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    };
    Ok(Ok(Record { place, write, key, action }))
}

fn inserting<'a>(table: &TableSchema, given: [&Cells; 3], absent: &'a [String]) -> Inserting<'a> {
    let has_default = |name: &String| table.column(name).is_some_and(|column| column.has_default);
    if !absent.iter().all(has_default) {
        return Inserting::Refused { absent };
    }
    let is_given = |column: &Column| given.iter().any(|cells| cells.columns.iter().any(|c| c.name == column.name));
    let is_asked_for = |column: &&Column| !(column.nullable || column.has_default || column.read_only);
    let complete = table.columns.iter().filter(is_asked_for).all(is_given);
    if complete { Inserting::Complete } else { Inserting::Doubtful }
}

fn row_cells<'a>(dialect: &dyn Dialect, columns: Vec<&'a Column>, row: &Row) -> Result<Cells<'a>, Failure> {
    cells(dialect, columns, row.iter().map(|(_, value)| value)) // a row gives names and values in one order
}

fn cells<'a, 'v>(
    dialect: &dyn Dialect,
    columns: Vec<&'a Column>,
    values: impl IntoIterator<Item = &'v Value>,
) -> Result<Cells<'a>, Failure> {
    let cells = columns.iter().zip(values).map(|(column, value)| {
        if value.is_null() && !column.nullable {
            return Err(null_refused(column));
        }
        dialect.encode(column, value).map_err(|misfit| failures::misfit(column, &misfit))
    });
    let cells = cells.collect::<Result<Vec<_>, _>>()?;
    Ok(Cells { columns, cells })
}

/// As the database would say it; but some fill a number or the present time in without a word.
fn null_refused(column: &Column) -> Failure {
    let why = Misfit::Database { why: "it may not be null".into() };
    Failure { kind: ErrorType::Application, ..failures::misfit(column, &why) }
}
