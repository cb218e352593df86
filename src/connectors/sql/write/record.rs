//! One record of a batch, checked against the table and in the forms of the wire. What would not come back as it is
//! goes no further than here.

use super::form::{Form, Forms};
use crate::connectors::sql::cell::Cell;
use crate::connectors::sql::dialect::Dialect;
use crate::connectors::sql::failures;
use crate::connectors::{Write, WriteOperation};
use crate::model::failure::{ErrorType, Failure};
use crate::model::fit::Misfit;
use crate::model::schema::Column;
use crate::model::value::Value;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Where it is in the batch.
    pub place: usize,
    pub write: &'a Write,
    pub form: Arc<Form<'a>>,
    /// In the order of the form's columns.
    pub cells: Vec<Cell>,
    pub previous_key: Option<Vec<Cell>>,
}

impl Record<'_> {
    pub fn is_delete(&self) -> bool {
        self.write.operation == WriteOperation::Delete
    }

    pub fn key(&self) -> &[Cell] {
        &self.cells[..self.form.key_columns().len()]
    }

    pub fn set(&self) -> &[Cell] {
        &self.cells[self.key().len()..self.update().len()]
    }

    /// What only an insert has.
    pub fn insert(&self) -> &[Cell] {
        &self.cells[self.update().len()..]
    }

    /// The key, and what is set.
    pub fn update(&self) -> &[Cell] {
        &self.cells[..self.form.update_columns().len()]
    }

    /// About how many bytes a statement with it alone has.
    pub fn size(&self) -> usize {
        let size = |cells: &[Cell]| cells.iter().map(Cell::size).sum::<usize>();
        size(&self.cells) + size(self.key()) // a new key stands beside the old one
    }

    /// Pain 59: with its size and the limit.
    pub fn too_large(&self, bytes_max: usize) -> Failure {
        let message = format!("the record has {} bytes, the database takes {bytes_max}", self.size());
        Failure::new(ErrorType::BadRequest, "", message)
    }
}

/// The outer failure concerns the table, the inner one this record.
pub fn prepare<'a>(
    dialect: &dyn Dialect,
    forms: &mut Forms<'a>,
    place: usize,
    write: &'a Write,
) -> Result<Result<Record<'a>, Failure>, Failure> {
    let form = forms.of(write)?;
    let mut encoded = Vec::with_capacity(form.columns().len());
    let key = write.key.iter().map(|(_, value)| value);
    let encode = || {
        let mut previous_key = None;
        match &write.operation {
            WriteOperation::Upsert { values, insert_values, previous_key: previous, .. } => {
                let values = key.chain(values.values()).chain(insert_values.values());
                cells(dialect, form.columns(), values, &mut encoded)?;
                if let Some(previous) = previous {
                    cells(dialect, form.key_columns(), previous, previous_key.insert(Vec::new()))?;
                }
            }
            WriteOperation::Delete => cells(dialect, form.columns(), key, &mut encoded)?,
        }
        Ok(previous_key)
    };
    Ok(encode().map(|previous_key| Record { place, write, form: form.clone(), cells: encoded, previous_key }))
}

fn cells<'v>(
    dialect: &dyn Dialect,
    columns: &[&Column],
    values: impl IntoIterator<Item = &'v Value>,
    encoded: &mut Vec<Cell>,
) -> Result<(), Failure> {
    for (column, value) in columns.iter().zip(values) {
        if value.is_null() && !column.nullable {
            return Err(null_refused(column));
        }
        encoded.push(dialect.encode(column, value).map_err(|misfit| failures::misfit(column, &misfit))?);
    }
    Ok(())
}

/// As the database would say it; but some fill a number or the present time in without a word.
fn null_refused(column: &Column) -> Failure {
    let why = Misfit::Database { why: "it may not be null".into() };
    Failure { kind: ErrorType::Application, ..failures::misfit(column, &why) }
}
