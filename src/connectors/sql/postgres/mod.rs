//! PostgreSQL, from version 13 on.

mod driver;
mod errors;
mod schema;
mod types;

pub use driver::connect;

use super::cell::{Cell, Statement, Wire};
use super::dialect::{Dialect, Existing, Matching, Page, Rows, Violation, join};
use super::session::Session;
use super::standard::{self, Standard};
use super::values;
use crate::model::failure::Failure;
use crate::model::fit::Misfit;
use crate::model::schema::{Column, TableSchema};
use crate::model::value::Value;
use async_trait::async_trait;

pub struct Postgres;

#[async_trait]
impl Dialect for Postgres {
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn encode(&self, column: &Column, value: &Value) -> Result<Cell, Misfit> {
        types::check(column, value)?;
        values::encode(column, value)
    }

    fn decode(&self, column: &Column, cell: Cell) -> Result<Value, Misfit> {
        values::decode(column, cell)
    }

    /// Rows travel as one array for each column, so the text and the number of parameters are always the same.
    fn chunk(&self, rows: usize, _values: usize) -> usize {
        const ROWS_MAX: usize = 2_000;
        rows.min(ROWS_MAX)
    }

    /// While one is synced and answered, the next is on its way. More would only share the database's time.
    fn batches_at_once(&self) -> usize {
        2
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
        " FOR UPDATE OF t"
    }

    fn page(&self, table: &str, page: Page) -> Statement {
        standard::page(self, table, page)
    }

    fn estimate(&self, table: &str) -> Option<Statement> {
        let sql = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1::text)";
        Some(Statement::new(sql, vec![Cell::text(self.table(table))]).reading(vec![Wire::Int]))
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
        schema::check_writable(session, table.map(|table| self.table(table))).await
    }
}

impl Standard for Postgres {
    fn quoted(&self, name: &str) -> String {
        self.quote(name)
    }

    fn source(&self, rows: Rows) -> (String, Vec<Cell>) {
        let selected =
            join(", ", rows.columns.iter().enumerate().map(|(i, column)| types::cast(&format!("r{i}"), column)));
        let arrays = rows.columns.iter().enumerate();
        let arrays =
            join(", ", arrays.map(|(i, column)| format!("${}::{}[]", i + 1, types::name(types::wire(column)))));
        let names = join(", ", (0..rows.columns.len()).map(|i| format!("r{i}")));
        let wires: Vec<Wire> = rows.columns.iter().map(|column| types::wire(column)).collect();
        let mut lists: Vec<Vec<Cell>> = wires.iter().map(|_| Vec::with_capacity(rows.cells.len())).collect();
        for row in rows.cells {
            for (list, cell) in lists.iter_mut().zip(row) {
                list.push(cell.clone());
            }
        }
        let params = wires.into_iter().zip(lists).map(|(wire, list)| Cell::List(wire, list)).collect();
        (format!("SELECT {selected} FROM UNNEST({arrays}) AS r({names})"), params)
    }

    fn read(&self, column: &Column) -> (String, Wire) {
        let name = self.quote(&column.name);
        let wire = types::wire(column);
        (format!("t.{name}::{}", types::name(wire)), wire)
    }

    fn placeholder(&self, n: usize, column: &Column) -> String {
        types::cast(&format!("${n}::{}", types::name(types::wire(column))), column)
    }

    fn exact(&self, expression: &str) -> String {
        format!("{expression}::text COLLATE \"C\"")
    }

    /// A key that is an identity GENERATED ALWAYS is ours to write all the same.
    fn insert_option(&self) -> &'static str {
        " OVERRIDING SYSTEM VALUE"
    }
}
