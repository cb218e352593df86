//! The connection to PostgreSQL.

use super::errors;
use crate::connectors::sql::cell::{Cell, Statement, Wire};
use crate::connectors::sql::config::SqlConfig;
use crate::connectors::sql::session::Driver;
use crate::model::failure::Failure;
use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use std::str::FromStr;

/// Far from the database's own end, and it keeps both sides' memory small.
const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// The database's own end.
const ROW_BYTES_MAX: usize = 1 << 30;

pub struct Client {
    options: PgConnectOptions,
}

/// The driver, and where it connects to.
pub fn connect(config: &SqlConfig) -> Result<(Client, String), sqlx::Error> {
    let options = PgConnectOptions::from_str(config.url.reveal())?
        .application_name("tandem")
        .options([
            ("statement_timeout", config.statement_timeout.as_millis().to_string()),
            ("lock_timeout", config.lock_timeout.as_millis().to_string()),
            // Ours are over in a moment; one that is not belongs to a process that hangs.
            ("idle_in_transaction_session_timeout", (2 * config.statement_timeout).as_millis().to_string()),
        ])
        .disable_statement_logging();
    let database = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
    let address = match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    };
    Ok((Client { options }, address))
}

#[async_trait]
impl Driver for Client {
    type Connection = PgConnection;
    const BEGIN: &'static str = "BEGIN";

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    async fn ping(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        connection.ping().await
    }

    async fn close(&self, connection: PgConnection) {
        let _ = connection.close().await;
    }

    async fn run(&self, connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        connection.execute(sql).await.map(drop)
    }

    async fn execute(&self, connection: &mut PgConnection, statement: Statement) -> Result<u64, sqlx::Error> {
        let arguments = bind(statement.params)?;
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), arguments);
        query.execute(connection).await.map(|done| done.rows_affected())
    }

    async fn fetch(&self, connection: &mut PgConnection, statement: Statement) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
        let arguments = bind(statement.params)?;
        let rows = sqlx::query_with(AssertSqlSafe(statement.sql), arguments).fetch_all(connection).await?;
        rows.iter().map(|row| read(row, &statement.reads)).collect()
    }

    fn classify(&self, error: &dyn sqlx::error::DatabaseError) -> Failure {
        errors::classify(error)
    }

    fn statement_bytes_max(&self) -> usize {
        STATEMENT_BYTES_MAX
    }

    fn row_bytes_max(&self) -> usize {
        ROW_BYTES_MAX
    }
}

fn bind(params: Vec<Cell>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for param in params {
        let added = match param {
            Cell::Null => arguments.add(None::<String>),
            Cell::Bool(truth) => arguments.add(truth),
            Cell::Int(number) => arguments.add(number),
            Cell::Double(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(&*text),
            Cell::Bytes(bytes) => arguments.add(&*bytes),
            Cell::List(wire, cells) => bind_list(&mut arguments, wire, &cells),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// One array for each form; a cell of another form than the column's is a null, which no encoder makes.
fn bind_list(arguments: &mut PgArguments, wire: Wire, cells: &[Cell]) -> Result<(), sqlx::error::BoxDynError> {
    macro_rules! list {
        ($form:pat => $value:expr) => {
            arguments
                .add(cells.iter().map(|cell| if let $form = cell { Some($value) } else { None }).collect::<Vec<_>>())
        };
    }
    match wire {
        Wire::Bool => list!(Cell::Bool(truth) => *truth),
        Wire::Int => list!(Cell::Int(number) => *number),
        Wire::Double => list!(Cell::Double(number) => *number),
        Wire::Text => list!(Cell::Text(text) => &**text),
        Wire::Bytes => list!(Cell::Bytes(bytes) => &**bytes),
    }
}

fn read(row: &PgRow, wires: &[Wire]) -> Result<Vec<Cell>, sqlx::Error> {
    let cell = |(index, wire): (usize, &Wire)| {
        Ok(match wire {
            Wire::Bool => row.try_get::<Option<bool>, _>(index)?.map_or(Cell::Null, Cell::Bool),
            Wire::Int => row.try_get::<Option<i64>, _>(index)?.map_or(Cell::Null, Cell::Int),
            Wire::Double => row.try_get::<Option<f64>, _>(index)?.map_or(Cell::Null, Cell::Double),
            Wire::Text => row.try_get::<Option<&str>, _>(index)?.map_or(Cell::Null, Cell::text),
            Wire::Bytes => row.try_get::<Option<&[u8]>, _>(index)?.map_or(Cell::Null, Cell::bytes),
        })
    };
    wires.iter().enumerate().map(cell).collect()
}
