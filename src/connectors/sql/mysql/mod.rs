//! MariaDB (from 10.4 on) and MySQL (from 8.0 on), which share a protocol and most of their SQL.

mod driver;
mod errors;
mod schema;
mod sql;
mod types;

pub use driver::{Server, connect};

use super::cell::{Cell, Statement};
use super::dialect::{Dialect, Existing, Matching, Page, Rows, Violation};
use super::session::Session;
use crate::model::failure::Failure;
use crate::model::fit::Misfit;
use crate::model::schema::{Column, TableSchema};
use crate::model::value::Value;
use async_trait::async_trait;
use std::sync::Arc;

pub struct MySql {
    pub server: Arc<Server>,
}

#[async_trait]
impl Dialect for MySql {
    fn quote(&self, name: &str) -> String {
        sql::quote(name)
    }

    fn encode(&self, column: &Column, value: &Value) -> Result<Cell, Misfit> {
        types::check(column, value)?;
        super::values::encode(column, value)
    }

    fn decode(&self, column: &Column, cell: Cell) -> Result<Value, Misfit> {
        super::values::decode(column, cell)
    }

    /// A power of two, so that there are few different statements. The protocol counts values with 16 bits; an update
    /// needs each key once for every column that it sets.
    fn chunk(&self, rows: usize, values: usize) -> usize {
        const VALUES_MAX: usize = 32_768;
        const ROWS_MAX: usize = 512;
        super::dialect::power_of_two_within(rows.min(ROWS_MAX).min(VALUES_MAX / values.max(1)))
    }

    fn can_upsert(&self, table: &TableSchema, key: &[&Column]) -> bool {
        table.is_unique(&key.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
            && key.iter().any(|column| sql::can_guard(column))
    }

    fn upsert_hides_causes(&self) -> bool {
        true // see `sql::insert`
    }

    fn insert(&self, table: &str, rows: Rows, existing: Existing) -> Statement {
        sql::insert(table, rows, &existing)
    }

    fn update(&self, table: &str, key: usize, rows: Rows) -> Statement {
        sql::update(table, key, rows)
    }

    fn delete(&self, table: &str, keys: Rows) -> Statement {
        sql::delete(table, keys)
    }

    fn select(&self, table: &str, columns: &[&Column], keys: Rows, matching: Matching) -> Statement {
        sql::select(table, columns, keys, matching)
    }

    fn locking(&self) -> &'static str {
        " FOR UPDATE"
    }

    fn page(&self, table: &str, page: Page) -> Statement {
        sql::page(table, page)
    }

    fn estimate(&self, table: &str) -> Option<Statement> {
        Some(schema::estimate(table))
    }

    fn violation(&self, failure: &Failure) -> Option<Violation> {
        errors::violation(&failure.code)
    }

    async fn list_tables(&self, session: &mut dyn Session) -> Result<Vec<String>, Failure> {
        schema::list_tables(session).await
    }

    async fn describe(&self, session: &mut dyn Session, table: &str) -> Result<TableSchema, Failure> {
        schema::describe(session, self.server.is_mariadb(), table).await
    }

    async fn check_writable(&self, session: &mut dyn Session, table: Option<&str>) -> Result<(), Failure> {
        // Refused when the server is read-only for this account.
        session.begin().await?;
        session.rollback().await?;
        match table {
            Some(table) => schema::check_privileges(session, table, &self.table(table)).await,
            None => Ok(()),
        }
    }
}
