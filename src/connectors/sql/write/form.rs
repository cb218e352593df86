//! What records of the same columns have in common: looked up in the table once, not for each of them.

use crate::connectors::sql::read::columns;
use crate::connectors::{Write, WriteOperation};
use crate::model::failure::Failure;
use crate::model::schema::{Column, TableSchema};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Form<'a> {
    /// The first write that has it.
    like: &'a Write,
    /// The key's columns, those that are set, and those that only an insert has.
    columns: Vec<&'a Column>,
    key: usize,
    set: usize,
    pub inserting: Inserting<'a>,
}

/// What an insert of a record would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserting<'a> {
    /// It has all that the table asks for.
    Complete,
    /// A column that no mapping fills has no default. A trigger may fill it; the database knows.
    Doubtful,
    /// A mapped column is absent and has no default: never a silent null.
    Refused { absent: &'a [String] },
}

impl<'a> Form<'a> {
    fn new(table: &'a TableSchema, like: &'a Write) -> Result<Self, Failure> {
        let key = like.key.iter().map(|(name, _)| &**name);
        let (set, insert, absent): (Vec<&str>, Vec<&str>, &[String]) = match &like.operation {
            WriteOperation::Upsert { values, insert_values, absent, .. } => {
                (values.columns().collect(), insert_values.columns().collect(), absent)
            }
            WriteOperation::Delete => (Vec::new(), Vec::new(), &[]),
        };
        let set_count = set.len();
        let columns = columns(table, key.chain(set).chain(insert))?;
        let inserting = inserting(table, &columns, absent);
        Ok(Self { like, columns, key: like.key.len(), set: set_count, inserting })
    }

    fn fits(&self, write: &Write) -> bool {
        if !self.like.key.iter().map(|(name, _)| name).eq(write.key.iter().map(|(name, _)| name)) {
            return false;
        }
        match (&self.like.operation, &write.operation) {
            (
                WriteOperation::Upsert { values, insert_values, absent, .. },
                WriteOperation::Upsert { values: set, insert_values: insert, absent: without, .. },
            ) => {
                values.columns().eq(set.columns()) && insert_values.columns().eq(insert.columns()) && absent == without
            }
            (WriteOperation::Delete, WriteOperation::Delete) => true,
            (WriteOperation::Upsert { .. }, WriteOperation::Delete)
            | (WriteOperation::Delete, WriteOperation::Upsert { .. }) => false,
        }
    }

    /// The same with some of the columns that are set.
    pub fn setting(&self, keep: impl Fn(&Column) -> bool) -> Self {
        let set: Vec<&Column> = self.set_columns().iter().copied().filter(|column| keep(column)).collect();
        let insert = &self.columns[self.key + self.set..];
        Self { set: set.len(), columns: [self.key_columns(), &set, insert].concat(), ..self.clone() }
    }

    pub fn key_columns(&self) -> &[&'a Column] {
        &self.columns[..self.key]
    }

    pub fn set_columns(&self) -> &[&'a Column] {
        &self.columns[self.key..self.key + self.set]
    }

    /// What an update names: the key, and what is set.
    pub fn update_columns(&self) -> &[&'a Column] {
        &self.columns[..self.key + self.set]
    }

    /// What an insert has: the key, what is set, and the rest.
    pub fn columns(&self) -> &[&'a Column] {
        &self.columns
    }
}

fn inserting<'a>(table: &TableSchema, given: &[&Column], absent: &'a [String]) -> Inserting<'a> {
    let has_default = |name: &String| table.column(name).is_some_and(|column| column.has_default);
    if !absent.iter().all(has_default) {
        return Inserting::Refused { absent };
    }
    let is_given = |column: &Column| given.iter().any(|given| given.name == column.name);
    let is_asked_for = |column: &&Column| !(column.nullable || column.has_default || column.read_only);
    let complete = table.columns.iter().filter(is_asked_for).all(is_given);
    if complete { Inserting::Complete } else { Inserting::Doubtful }
}

/// The forms of a batch; most batches have one.
pub struct Forms<'a> {
    table: &'a TableSchema,
    known: Vec<Arc<Form<'a>>>,
}

impl<'a> Forms<'a> {
    pub fn new(table: &'a TableSchema) -> Self {
        Self { table, known: Vec::new() }
    }

    /// The form of a write; a failure when the table has not its columns.
    pub fn of(&mut self, write: &'a Write) -> Result<Arc<Form<'a>>, Failure> {
        if let Some(known) = self.known.iter().rev().find(|form| form.fits(write)) {
            return Ok(known.clone());
        }
        let form = Arc::new(Form::new(self.table, write)?);
        self.known.push(form.clone());
        Ok(form)
    }
}
