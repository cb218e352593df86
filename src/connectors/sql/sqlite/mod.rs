//! SQLite, one file. A column's declared type says what it holds; SQLite itself keeps only an affinity of it.

mod driver;
mod errors;
mod schema;
mod types;

pub use driver::connect;

use super::cell::{Cell, Statement, Wire};
use super::dialect::{Dialect, Existing, Matching, Page, Rows, Violation, join};
use super::session::Session;
use super::standard::{self, Standard};
use crate::model::failure::Failure;
use crate::model::fit::Misfit;
use crate::model::schema::{Column, TableSchema};
use crate::model::value::Value;
use async_trait::async_trait;

pub struct Sqlite;

#[async_trait]
impl Dialect for Sqlite {
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn encode(&self, column: &Column, value: &Value) -> Result<Cell, Misfit> {
        types::encode(column, value)
    }

    fn decode(&self, column: &Column, cell: Cell) -> Result<Value, Misfit> {
        types::decode(column, cell)
    }

    fn check_key(&self, column: &Column, stored: &Cell, value: &Value) -> Result<(), Misfit> {
        types::check_key(column, stored, value)
    }

    fn writes_one_by_one(&self) -> bool {
        true // a file has one writer
    }

    /// While one is written, the next is made ready.
    fn batches_at_once(&self) -> usize {
        2
    }

    /// A power of two, so that there are few different statements. SQLite takes 32,766 values.
    fn chunk(&self, rows: usize, values: usize) -> usize {
        const VALUES_MAX: usize = 32_766;
        const ROWS_MAX: usize = 1_024;
        super::dialect::power_of_two_within(rows.min(ROWS_MAX).min(VALUES_MAX / values.max(1)))
    }

    fn can_upsert(&self, table: &TableSchema, key: &[&Column]) -> bool {
        table.is_unique(&key.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
    }

    fn upsert_hides_causes(&self) -> bool {
        false // ON CONFLICT names the key's columns
    }

    fn insert(&self, table: &str, rows: Rows, existing: Existing) -> Statement {
        standard::insert(self, table, rows, &existing)
    }

    fn update(&self, table: &str, key: usize, rows: Rows) -> Statement {
        standard::update(self, table, key, rows)
    }

    fn delete(&self, table: &str, keys: Rows) -> Statement {
        standard::delete(self, table, keys)
    }

    fn select(&self, table: &str, columns: &[&Column], keys: Rows, matching: Matching) -> Statement {
        standard::select(self, table, columns, keys, matching)
    }

    fn locking(&self) -> &'static str {
        ""
    }

    fn page(&self, table: &str, page: Page) -> Statement {
        standard::page(self, table, page)
    }

    fn estimate(&self, _: &str) -> Option<Statement> {
        None
    }

    fn violation(&self, failure: &Failure) -> Option<Violation> {
        errors::violation(&failure.code)
    }

    async fn list_tables(&self, session: &mut dyn Session) -> Result<Vec<String>, Failure> {
        schema::list_tables(session).await
    }

    async fn describe(&self, session: &mut dyn Session, table: &str) -> Result<TableSchema, Failure> {
        schema::describe(session, table).await
    }

    async fn check_writable(&self, session: &mut dyn Session, table: Option<&str>) -> Result<(), Failure> {
        session.begin().await?; // takes the lock for writing
        let checked = match table {
            Some(table) => {
                schema::find(session, table).await?;
                // Touches no row, and is refused where nothing may be written.
                let nothing = format!("DELETE FROM {} WHERE false", self.table(table));
                session.execute(Statement::new(nothing, Vec::new())).await.map(drop)
            }
            None => Ok(()),
        };
        session.rollback().await?;
        checked
    }
}

impl Standard for Sqlite {
    fn quoted(&self, name: &str) -> String {
        self.quote(name)
    }

    fn source(&self, rows: Rows) -> (String, Vec<Cell>) {
        let row = format!("({})", join(",", rows.columns.iter().map(|_| "?".to_owned())));
        let values = vec![row.as_str(); rows.cells.len()].join(",");
        (format!("VALUES {values}"), rows.cells.concat())
    }

    /// The storage class of what is found decides the form, so the wire is only a placeholder.
    fn read(&self, column: &Column) -> (String, Wire) {
        (format!("t.{}", self.quote(&column.name)), Wire::Text)
    }

    /// SQLite gives the value the column's affinity when it compares the two.
    fn placeholder(&self, _n: usize, _column: &Column) -> String {
        "?".to_owned()
    }

    fn exact(&self, expression: &str) -> String {
        format!("{expression} COLLATE BINARY")
    }

    fn insert_option(&self) -> &'static str {
        ""
    }
}
