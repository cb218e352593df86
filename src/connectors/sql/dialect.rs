//! What differs between the databases, so that reading and writing are written once.

use super::cell::{Cell, Statement, Wire};
use super::names::TableName;
use super::session::Session;
use crate::model::failure::Failure;
use crate::model::fit::Misfit;
use crate::model::schema::{Column, TableSchema};
use crate::model::value::Value;
use async_trait::async_trait;

/// Rows of cells for some columns of a table.
#[derive(Debug, Clone, Default)]
pub struct Rows<'a> {
    pub columns: Vec<&'a Column>,
    /// One slice for each row, in the columns' order.
    pub cells: Vec<&'a [Cell]>,
}

/// What an insert does where the key is already.
#[derive(Debug, Clone)]
pub enum Existing<'a> {
    /// The database refuses the row.
    Refuse,
    /// The row that has this key, and no other, gets `set` from the new one. Where the row that is met has another key,
    /// the same under its collation or none of its own, the statement fails or counts fewer rows than it was given.
    Update { key: Vec<&'a Column>, set: Vec<&'a Column> },
}

/// Which rows have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// Those whose text is the same, letter by letter. `a` and `A` may be one key to a database; they are two records.
    Exact,
    /// Those that the database itself takes for the same, under the columns' collations.
    Collated,
}

/// A page of rows in the order of a key.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    pub columns: Vec<&'a Column>,
    pub key: Vec<&'a Column>,
    pub after: Option<Vec<Cell>>,
    pub limit: usize,
}

/// A refusal whose cause can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    Unique,
    ForeignKey,
}

/// One database's SQL. Statements touch what their name says and no other row: keys match exactly, though an index may
/// find more that are the same under a column's collation.
#[async_trait]
pub trait Dialect: Send + Sync + 'static {
    fn quote(&self, name: &str) -> String;

    fn table(&self, table: &str) -> String {
        TableName::parse(table).sql(|name| self.quote(name))
    }

    /// The cell that a value is sent as, or why the column would not give it back as it is.
    fn encode(&self, column: &Column, value: &Value) -> Result<Cell, Misfit>;
    fn decode(&self, column: &Column, cell: Cell) -> Result<Value, Misfit>;
    /// Whether a key's value finds this row again: where values are compared as text there is but one way to write them.
    fn check_key(&self, _column: &Column, _stored: &Cell, _value: &Value) -> Result<(), Misfit> {
        Ok(())
    }

    /// How many of so many rows, with so many values each, go into the next statement: at least one. Databases whose
    /// text grows with the rows get few different numbers, so that their statements are prepared once.
    fn chunk(&self, rows: usize, values: usize) -> usize;

    /// Whether sessions that write wait for each other, whatever they write. Then they do so here, where the one that comes next goes on
    /// at once; a database that is asked again and again would tell it later.
    fn writes_one_by_one(&self) -> bool {
        false
    }

    /// See [`crate::connectors::Application::batches_at_once`]. One where sessions that write wait for each other's rows.
    fn batches_at_once(&self) -> usize {
        1
    }

    /// Whether an insert with [`Existing::Update`] can be kept to this key.
    fn can_upsert(&self, table: &TableSchema, key: &[&Column]) -> bool;
    /// Whether such an insert is refused, without saying why, when it meets another row by another unique key.
    fn upsert_hides_causes(&self) -> bool;

    fn insert(&self, table: &str, rows: Rows, existing: Existing) -> Statement;
    /// The first `key` columns of the rows say where, the others what; at least one other. A key column may be among
    /// both when there is but one row: that gives it a new key.
    fn update(&self, table: &str, key: usize, rows: Rows) -> Statement;
    fn delete(&self, table: &str, keys: Rows) -> Statement;
    fn select(&self, table: &str, columns: &[&Column], keys: Rows, matching: Matching) -> Statement;
    /// What a select ends with to keep others from changing its rows until the transaction ends; empty where beginning one that
    /// writes does that already.
    fn locking(&self) -> &'static str;
    fn page(&self, table: &str, page: Page) -> Statement;

    /// Asks about how many rows a table has, without counting them; none where the database does not keep it.
    fn estimate(&self, table: &str) -> Option<Statement>;

    fn violation(&self, failure: &Failure) -> Option<Violation>;

    async fn list_tables(&self, session: &mut dyn Session) -> Result<Vec<String>, Failure>;
    async fn describe(&self, session: &mut dyn Session, table: &str) -> Result<TableSchema, Failure>;
    /// Whether the database takes writes, to this table when one is named.
    async fn check_writable(&self, session: &mut dyn Session, table: Option<&str>) -> Result<(), Failure>;
}

/// A read's columns as SQL, and their forms.
pub fn reads(columns: &[&Column], read: impl Fn(&Column) -> (String, Wire)) -> (String, Vec<Wire>) {
    let (texts, wires): (Vec<String>, Vec<Wire>) = columns.iter().map(|column| read(column)).unzip();
    (texts.join(", "), wires)
}

/// `f` of each of so many, joined.
pub fn join(separator: &str, items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(separator)
}

/// The largest power of two that is not more; at least one.
pub fn power_of_two_within(max: usize) -> usize {
    1 << max.max(1).ilog2()
}
