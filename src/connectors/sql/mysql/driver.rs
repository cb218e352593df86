//! The connection to MariaDB or MySQL.

use super::errors;
use crate::connectors::sql::cell::{Cell, Statement, Wire};
use crate::connectors::sql::config::SqlConfig;
use crate::connectors::sql::session::Driver;
use crate::model::failure::Failure;
use async_trait::async_trait;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of a statement at most, where the server would take more: it keeps both sides' memory small.
const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// What a packet has beside the values: the statement's text.
const PACKET_OVERHEAD: usize = 16 << 10;

/// What the server says of itself, set with each connection.
#[derive(Debug)]
pub struct Server {
    is_mariadb: AtomicBool,
    packet_bytes_max: AtomicUsize,
}

impl Server {
    pub fn is_mariadb(&self) -> bool {
        self.is_mariadb.load(Ordering::Relaxed)
    }
}

pub struct Client {
    options: MySqlConnectOptions,
    settings: String,
    server: Arc<Server>,
}

/// The driver, where it connects to, and what is known of the server.
pub fn connect(config: &SqlConfig) -> Result<(Client, String, Arc<Server>), sqlx::Error> {
    let options = MySqlConnectOptions::from_str(config.url.reveal())?.disable_statement_logging();
    let database = options.get_database().unwrap_or_default();
    let address = match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    };
    if database.is_empty() {
        return Err(sqlx::Error::Configuration("the URL names no database".into()));
    }
    let server = Arc::new(Server {
        is_mariadb: AtomicBool::new(config.url.scheme() == "mariadb"),
        packet_bytes_max: AtomicUsize::new(STATEMENT_BYTES_MAX),
    });
    let client = Client { options, settings: settings(config), server: Arc::clone(&server) };
    Ok((client, address, server))
}

/// Strict, so that nothing is cut or zeroed; 0 is a number and not the next one; long keys are ordered to their end.
/// What stands in `/*M! */` only MariaDB reads.
fn settings(config: &SqlConfig) -> String {
    let seconds = config.lock_timeout.as_secs().max(1);
    let statement = config.statement_timeout.as_secs_f64();
    format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,\
         NO_ZERO_IN_DATE,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, \
         innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, max_sort_length = 8192 \
         /*M!100101 , max_statement_time = {statement} */"
    )
}

#[async_trait]
impl Driver for Client {
    type Connection = MySqlConnection;
    const BEGIN: &'static str = "START TRANSACTION READ WRITE";

    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        connection.execute(AssertSqlSafe(self.settings.as_str())).await?;
        let row = connection.fetch_one("SELECT VERSION(), CAST(@@max_allowed_packet AS SIGNED)").await?;
        let version: String = row.try_get_unchecked(0)?;
        let packet: i64 = row.try_get_unchecked(1)?;
        self.server.is_mariadb.store(version.contains("MariaDB"), Ordering::Relaxed);
        let bytes = usize::try_from(packet).unwrap_or(STATEMENT_BYTES_MAX).saturating_sub(PACKET_OVERHEAD);
        self.server.packet_bytes_max.store(bytes, Ordering::Relaxed);
        Ok(connection)
    }

    async fn ping(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        connection.ping().await
    }

    async fn close(&self, connection: MySqlConnection) {
        let _ = connection.close().await;
    }

    async fn run(&self, connection: &mut MySqlConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        connection.execute(sql).await.map(drop)
    }

    async fn execute(&self, connection: &mut MySqlConnection, statement: Statement) -> Result<u64, sqlx::Error> {
        let arguments = bind(statement.params)?;
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), arguments);
        query.execute(connection).await.map(|done| done.rows_affected())
    }

    async fn fetch(
        &self,
        connection: &mut MySqlConnection,
        statement: Statement,
    ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
        let arguments = bind(statement.params)?;
        let rows = sqlx::query_with(AssertSqlSafe(statement.sql), arguments).fetch_all(connection).await?;
        rows.iter().map(|row| read(row, &statement.reads)).collect()
    }

    fn classify(&self, error: &dyn sqlx::error::DatabaseError) -> Failure {
        errors::classify(error)
    }

    fn statement_bytes_max(&self) -> usize {
        self.row_bytes_max().min(STATEMENT_BYTES_MAX)
    }

    fn row_bytes_max(&self) -> usize {
        self.server.packet_bytes_max.load(Ordering::Relaxed)
    }
}

fn bind(params: Vec<Cell>) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for param in params {
        let added = match param {
            Cell::Null | Cell::List(..) => arguments.add(None::<String>),
            Cell::Bool(truth) => arguments.add(i64::from(truth)),
            Cell::Int(number) => arguments.add(number),
            Cell::Double(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(&*text),
            Cell::Bytes(bytes) => arguments.add(&*bytes),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Unchecked, since the statement says what it selects: the driver knows fewer types than the server.
fn read(row: &MySqlRow, wires: &[Wire]) -> Result<Vec<Cell>, sqlx::Error> {
    let cell = |(index, wire): (usize, &Wire)| {
        Ok(match wire {
            Wire::Bool | Wire::Int => row.try_get_unchecked::<Option<i64>, _>(index)?.map_or(Cell::Null, Cell::Int),
            Wire::Double => row.try_get_unchecked::<Option<f64>, _>(index)?.map_or(Cell::Null, Cell::Double),
            Wire::Text => row.try_get_unchecked::<Option<&str>, _>(index)?.map_or(Cell::Null, Cell::text),
            Wire::Bytes => row.try_get_unchecked::<Option<&[u8]>, _>(index)?.map_or(Cell::Null, Cell::bytes),
        })
    };
    wires.iter().enumerate().map(cell).collect()
}
