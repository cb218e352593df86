//! An application of the demo: a SQLite file, opened as the application itself would, without Tandem.

use super::changes::{Change, Known};
use super::dataset::Tables;
use super::error::DemoError;
use super::tables::{CUSTOMERS, Kind, ORDERS, Pair, Record, key_of, pair_of};
use crate::model::table_map::Side;
use crate::model::value::{Decimal, Value};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, Row, TypeInfo, ValueRef};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FINANCE: &str = include_str!("data/finance.sql");
const SALES: &str = include_str!("data/sales.sql");
/// Tandem may be writing at the same moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One of the two applications. A connection lives no longer than what it is opened for.
#[derive(Debug, Clone)]
pub struct Application {
    pub side: Side,
    /// Holds the database and nothing else; moved away for the outage.
    folder: PathBuf,
}

/// An entry of the outbox: a record that changed, and its columns now, or none when it is gone.
pub struct Pending {
    pub seq: i64,
    pub pair: &'static Pair,
    pub key: String,
    pub record: Option<Record>,
}

impl Application {
    pub fn new(side: Side, data: &Path) -> Self {
        Self { side, folder: data.join(name(side)) }
    }

    /// Its id at Tandem.
    pub fn name(&self) -> &'static str {
        name(self.side)
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.db", self.name()))
    }

    /// Creates the database with its first data.
    pub async fn create(&self, tables: &Tables) -> Result<(), DemoError> {
        std::fs::create_dir_all(&self.folder).map_err(|source| DemoError::folder(&self.folder, source))?;
        let mut connection = self.options().create_if_missing(true).connect().await?;
        let script = match self.side {
            Side::Left => FINANCE,
            Side::Right => SALES,
        };
        sqlx::raw_sql(script).execute(&mut connection).await?;
        let mut transaction = connection.begin().await?;
        for (pair, records) in tables {
            for record in records {
                self.put(&mut transaction, pair, record).await?;
            }
        }
        // What was there before the hooks were is for the initial sync.
        sqlx::query("DELETE FROM outbox").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(connection.close().await?)
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.file())
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging()
    }

    pub async fn open(&self) -> Result<SqliteConnection, DemoError> {
        Ok(self.options().connect().await?)
    }

    /// Does all of this, in one transaction.
    pub async fn apply(&self, changes: &[Change]) -> Result<(), DemoError> {
        let mut connection = self.open().await?;
        let mut transaction = connection.begin().await?;
        for change in changes {
            match change {
                Change::Put(pair, record) => self.put(&mut transaction, pair, record).await?,
                Change::Delete(pair, key) => {
                    let (table, column) = (pair.table(self.side), pair.key_column(self.side));
                    let sql = format!("DELETE FROM {table} WHERE {column} = ?");
                    sqlx::query(AssertSqlSafe(sql)).bind(key).execute(&mut *transaction).await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(connection.close().await?)
    }

    /// Writes a record, as an application with one form for "new" and "edit" does.
    pub async fn put(&self, to: &mut SqliteConnection, pair: &Pair, record: &Record) -> Result<(), DemoError> {
        let columns: Vec<&str> = pair.columns.iter().map(|column| column.of(self.side)).collect();
        let set: Vec<String> = columns[1..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            pair.table(self.side),
            columns.join(", "),
            vec!["?"; columns.len()].join(", "),
            columns[0],
            set.join(", ")
        );
        sqlx::query_with(AssertSqlSafe(sql), bind(record)?).execute(to).await?;
        Ok(())
    }

    /// All rows of a table, by key.
    pub async fn records(&self, pair: &Pair) -> Result<BTreeMap<String, Record>, DemoError> {
        let mut connection = self.open().await?;
        let records = self.select(&mut connection, pair, None).await?;
        connection.close().await?;
        Ok(records.into_iter().map(|record| (key_of(&record).to_owned(), record)).collect())
    }

    pub async fn known(&self) -> Result<Known, DemoError> {
        Ok(Known { customers: self.records(&CUSTOMERS).await?, orders: self.records(&ORDERS).await? })
    }

    async fn select(
        &self,
        connection: &mut SqliteConnection,
        pair: &Pair,
        key: Option<&str>,
    ) -> Result<Vec<Record>, DemoError> {
        let columns: Vec<&str> = pair.columns.iter().map(|column| column.of(self.side)).collect();
        let all = format!("SELECT {} FROM {}", columns.join(", "), pair.table(self.side));
        let rows = match key {
            None => sqlx::query(AssertSqlSafe(all)).fetch_all(connection).await?,
            Some(key) => {
                let sql = format!("{all} WHERE {} = ?", columns[0]);
                sqlx::query(AssertSqlSafe(sql)).bind(key).fetch_all(connection).await?
            }
        };
        rows.iter().map(|row| pair.columns.iter().enumerate().map(|(at, c)| read(row, at, c.kind)).collect()).collect()
    }

    /// What the triggers left in the outbox, in the order of the last change of each record.
    pub async fn pending(&self) -> Result<Vec<Pending>, DemoError> {
        let mut connection = self.open().await?;
        let sql = "SELECT max(seq), table_name, record_key FROM outbox GROUP BY table_name, record_key ORDER BY 1";
        let entries: Vec<(i64, String, String)> = sqlx::query_as(sql).fetch_all(&mut connection).await?;
        let mut pending = Vec::with_capacity(entries.len());
        for (seq, table, key) in entries {
            let Some(pair) = pair_of(self.side, &table) else { continue };
            let record = self.select(&mut connection, pair, Some(&key)).await?.pop();
            pending.push(Pending { seq, pair, key, record });
        }
        connection.close().await?;
        Ok(pending)
    }

    /// These entries, and those of the same records before them, were taken by Tandem.
    pub async fn sent(&self, taken: &[Pending]) -> Result<(), DemoError> {
        let mut connection = self.open().await?;
        let mut transaction = connection.begin().await?;
        for entry in taken {
            sqlx::query("DELETE FROM outbox WHERE table_name = ? AND record_key = ? AND seq <= ?")
                .bind(entry.pair.table(self.side))
                .bind(&entry.key)
                .bind(entry.seq)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(connection.close().await?)
    }

    /// The outage: the database is where nobody finds it.
    pub fn take_away(&self) -> Result<(), DemoError> {
        std::fs::rename(&self.folder, self.away()).map_err(|source| DemoError::folder(&self.folder, source))
    }

    pub fn bring_back(&self) -> Result<(), DemoError> {
        std::fs::rename(self.away(), &self.folder).map_err(|source| DemoError::folder(&self.folder, source))
    }

    fn away(&self) -> PathBuf {
        self.folder.with_extension("away")
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Left => "finance",
        Side::Right => "sales",
    }
}

fn bind(record: &Record) -> Result<SqliteArguments, DemoError> {
    let mut arguments = SqliteArguments::default();
    for value in record {
        let added = match value {
            Value::Null => arguments.add(None::<String>),
            Value::Bool(truth) => arguments.add(*truth),
            Value::Int(number) => arguments.add(*number),
            Value::String(text) => arguments.add(text.clone()),
            Value::Timestamp(instant) => arguments.add(instant.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
            other => arguments.add(other.to_string()), // dates as 2026-02-28, decimals as 12.50
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// What stands in a column, whoever wrote it and in whichever of SQLite's ways.
fn read(row: &SqliteRow, at: usize, kind: Kind) -> Result<Value, DemoError> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let text = match raw.type_info().name() {
        "INTEGER" => row.try_get_unchecked::<i64, _>(at)?.to_string(),
        "REAL" => row.try_get_unchecked::<f64, _>(at)?.to_string(),
        _ => row.try_get_unchecked::<String, _>(at)?,
    };
    value_of(kind, &text).ok_or(DemoError::Value { found: text, kind })
}

fn value_of(kind: Kind, text: &str) -> Option<Value> {
    Some(match kind {
        Kind::Text => Value::text(text),
        Kind::Int => Value::Int(text.parse().ok()?),
        Kind::Bool => Value::Bool(text != "0"),
        Kind::Date => Value::Date(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?),
        Kind::Decimal => Value::Decimal(Decimal::parse(text).ok()?),
        Kind::Time => {
            let with_zone = DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc());
            let instant = with_zone.or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|instant| instant.and_utc())
            });
            Value::Timestamp(instant.ok()?)
        }
    })
}
