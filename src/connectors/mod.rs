//! The applications: one trait that says what a connected system can do, and one folder for each kind of system.
//!
//! A connector knows its system's dialect, pools, time-outs and error codes, and nothing of maps, queues or states.
//! Every text that leaves it is scrubbed of credentials. Every call ends: with its answer, with a failure, or with a
//! failure of type NETWORK when its time-out has passed.

pub mod notify;
pub mod sql;

use crate::model::failure::Failure;
use crate::model::ids::AppId;
use crate::model::print::Over;
use crate::model::row::{Name, Row};
use crate::model::schema::TableSchema;
use crate::model::value::Value;
use async_trait::async_trait;

/// One connected system that owns tables. Shared by all that read from it or write to it.
#[async_trait]
pub trait Application: Send + Sync + 'static {
    fn id(&self) -> &AppId;

    /// What kind of database it is, for people: `PostgreSQL`, `MariaDB`, `MySQL`, `SQLite`.
    fn kind(&self) -> &'static str;

    /// Where it is, without any credential, for people.
    fn address(&self) -> &str;

    /// Whether it answers; a cheap round trip over a connection. With a table, whether that table can be written to at all
    /// as far as can be told without writing (it is there, the database is not read-only). What a probe asks.
    async fn check(&self, table: Option<&str>) -> Result<(), Failure>;

    /// The tables (not the views) that can be mapped, sorted by name. `schema.table` where it is not the default schema.
    async fn list_tables(&self) -> Result<Vec<String>, Failure>;

    /// The table's columns, keys and references. `CONFIGURATION` when there is no such table.
    async fn describe(&self, table: &str) -> Result<TableSchema, Failure>;

    /// How many rows the table has. Where an exact count would be dear and is not asked for, the database's own estimate.
    async fn count(&self, table: &TableSchema, exact: bool) -> Result<u64, Failure>;

    /// At most `limit` rows with `columns`, in the order of `key`, after the row whose key is `after`. A page shorter than
    /// `limit` is the last one. The order is one that the database itself keeps from page to page.
    async fn read_page(&self, read: &PageRead<'_>) -> Result<Vec<Row>, Failure>;

    /// The rows with these keys that exist, with `columns` (the key's among them or not), in any order.
    async fn read_keys(&self, read: &KeyRead<'_>) -> Result<Vec<Row>, Failure>;

    /// Writes a batch to one table and says for each record, in the batch's order, what became of it.
    ///
    /// `Err` means that the destination as a whole failed and that it is not known which of the batch it has; writing
    /// it all again is harmless, since everything goes by key. `Ok` has one outcome for each record: a record that the
    /// database refused is alone in its refusal, and all others are committed (rule 5). The keys in a batch differ.
    async fn write(&self, table: &TableSchema, batch: &[Write]) -> Result<Vec<WriteOutcome>, Failure>;

    /// How many batches for one table it is given at the same time, because it is the faster for it; their keys differ.
    fn batches_at_once(&self) -> usize {
        1
    }

    /// Ends connections that are idle; called at shutdown.
    async fn close(&self);
}

/// What a page is read with. Names are columns of `table`.
#[derive(Debug)]
pub struct PageRead<'a> {
    pub table: &'a TableSchema,
    pub columns: &'a [String],
    pub key: &'a [String],
    /// Values for `key`, in its order; none begins at the beginning.
    pub after: Option<&'a [Value]>,
    pub limit: usize,
}

/// What rows are looked up with.
#[derive(Debug)]
pub struct KeyRead<'a> {
    pub table: &'a TableSchema,
    pub columns: &'a [String],
    pub key: &'a [String],
    /// Each has values for `key`, in its order.
    pub keys: &'a [Vec<Value>],
    /// Waits for transactions that are changing these rows, as long as a lock may be waited for: what is read is what they
    /// leave. Rows that they insert are not waited for by all databases.
    pub wait_for_changes: bool,
}

/// One record of a batch, in the destination's columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The integration key's columns and values, in the map's order. The table keeps them unique.
    pub key: Vec<(Name, Value)>,
    pub operation: WriteOperation,
    /// What must be at the destination for it to be written, looked at and written in one transaction; none writes whatever
    /// is there. What is something else stays as it is, and counts as written. A new key is given only where nothing has it.
    pub over: Option<Over>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum WriteOperation {
    /// Sets `values` (no key columns among them; may be empty) where the key is; inserts key, `values` and `insert_values`
    /// where it is not.
    ///
    /// `absent` names mapped columns that neither `values` nor `insert_values` has. An insert leaves them to the database
    /// when every one of them has a default there; else the record is refused with BAD_REQUEST, never filled with a silent null.
    /// An update of a row that is there never minds what is absent.
    ///
    /// With `previous_key` (same columns as the key) the row with that key gets the new key and `values` in one
    /// statement; when no row has it, it is an upsert under the new key, so that a replay changes nothing.
    Upsert { values: Row, insert_values: Row, absent: Vec<String>, previous_key: Option<Vec<Value>> },
    /// Removes the row with the key. One that is not there is gone already: applied.
    // Rule 12: nothing else removes a row at an application.
    Delete,
}

/// What became of one record of a batch.
pub type WriteOutcome = Result<(), Failure>;
