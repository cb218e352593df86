//! The connection to a SQLite file. It is never created, and never written to once it is not the file at its path any more.

use super::errors;
use crate::connectors::sql::cell::{Cell, Statement};
use crate::connectors::sql::config::SqlConfig;
use crate::connectors::sql::session::Driver;
use crate::model::failure::{ErrorType, Failure};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, Row, TypeInfo, ValueRef};
use std::path::PathBuf;
use std::str::FromStr;

/// Far from the database's own end, and it keeps both sides' memory small.
const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// The database's own end.
const ROW_BYTES_MAX: usize = 1_000_000_000;

pub struct File {
    options: SqliteConnectOptions,
    path: PathBuf,
}

/// The driver, and the file's path.
pub fn connect(config: &SqlConfig) -> Result<(File, String), sqlx::Error> {
    let url = config.url.reveal();
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(sqlx::Error::Configuration(
            "a SQLite database is a file here, since it has several connections".into(),
        ));
    }
    let mut options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(config.lock_timeout)
        .disable_statement_logging();
    if !url.contains("mode=ro") {
        options = options.journal_mode(SqliteJournalMode::Wal);
    }
    let path = options.get_filename().to_owned();
    if path.as_os_str().is_empty() {
        return Err(sqlx::Error::Configuration("the URL names no file".into()));
    }
    let address = path.display().to_string();
    Ok((File { options, path }, address))
}

#[async_trait]
impl Driver for File {
    type Connection = SqliteConnection;
    /// A transaction that begins by reading could not always go on to write.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options.connect().await
    }

    async fn ping(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        connection.ping().await
    }

    async fn close(&self, connection: SqliteConnection) {
        let _ = connection.close().await;
    }

    async fn run(&self, connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        connection.execute(sql).await.map(drop)
    }

    async fn execute(&self, connection: &mut SqliteConnection, statement: Statement) -> Result<u64, sqlx::Error> {
        let arguments = bind(statement.params)?;
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), arguments);
        query.execute(connection).await.map(|done| done.rows_affected())
    }

    async fn fetch(
        &self,
        connection: &mut SqliteConnection,
        statement: Statement,
    ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
        let arguments = bind(statement.params)?;
        let rows = sqlx::query_with(AssertSqlSafe(statement.sql), arguments).fetch_all(connection).await?;
        rows.iter().map(|row| (0..statement.reads.len()).map(|index| read(row, index)).collect()).collect()
    }

    fn classify(&self, error: &dyn sqlx::error::DatabaseError) -> Failure {
        errors::classify(error)
    }

    /// Device and number of the file at the path. A connection to a file that was moved away, or replaced, has another
    /// place and is closed: what is written to a file without a name is lost. Looked at before a batch and once more
    /// after its commit; only then it is said to be written.
    fn place(&self) -> Result<u128, Failure> {
        let failure = |kind, error: &std::io::Error| {
            Failure::new(kind, "14", format!("{} cannot be opened: {error}", self.path.display()))
        };
        let found = std::fs::metadata(&self.path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => failure(ErrorType::Network, &error),
            std::io::ErrorKind::PermissionDenied => failure(ErrorType::Authentication, &error),
            _ => failure(ErrorType::Unavailable, &error),
        })?;
        Ok(place_of(&found))
    }

    fn statement_bytes_max(&self) -> usize {
        STATEMENT_BYTES_MAX
    }

    fn row_bytes_max(&self) -> usize {
        ROW_BYTES_MAX
    }
}

#[cfg(unix)]
fn place_of(file: &std::fs::Metadata) -> u128 {
    use std::os::unix::fs::MetadataExt;
    u128::from(file.dev()) << 64 | u128::from(file.ino())
}

/// Elsewhere an open file can be neither moved nor replaced.
#[cfg(not(unix))]
fn place_of(_file: &std::fs::Metadata) -> u128 {
    0
}

fn bind(params: Vec<Cell>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(params.len(), 0);
    for param in params {
        let added = match param {
            Cell::Null | Cell::List(..) => arguments.add(None::<String>),
            Cell::Bool(truth) => arguments.add(truth),
            Cell::Int(number) => arguments.add(number),
            Cell::Double(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(text),
            Cell::Bytes(bytes) => arguments.add(&*bytes),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// What is there, in its own storage class, whatever the column is declared as.
fn read(row: &SqliteRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    Ok(match value.type_info().name() {
        "INTEGER" => Cell::Int(row.try_get_unchecked(index)?),
        "REAL" => Cell::Double(row.try_get_unchecked(index)?),
        "BLOB" => Cell::bytes(row.try_get_unchecked::<&[u8], _>(index)?),
        _ => Cell::text(row.try_get_unchecked::<&str, _>(index)?),
    })
}
