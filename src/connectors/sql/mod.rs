//! SQL databases: PostgreSQL, MariaDB, MySQL and SQLite, over sqlx.
//!
//! What is the same for all is written once (`read`, `write`, `values`, `session`); what differs is behind
//! [`dialect::Dialect`] and [`session::Driver`], one folder for each database.
mod cell;
mod config;
mod dialect;
mod failures;
mod mysql;
mod names;
mod postgres;
mod read;
mod schema;
mod session;
mod sqlite;
mod standard;
mod values;
mod write;

pub use config::{CONNECT_TIMEOUT, LOCK_TIMEOUT, POOL_MAX, STATEMENT_TIMEOUT, SecretUrl, SqlConfig};

use super::{Application, KeyRead, PageRead, Write, WriteOutcome};
use crate::model::failure::{ErrorType, Failure};
use crate::model::ids::AppId;
use crate::model::row::Row;
use crate::model::schema::TableSchema;
use async_trait::async_trait;
use dialect::Dialect;
use failures::{Scrubber, from_driver};
use session::{Database, Driver, Pool, Session, Times};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A connector to the database of the URL: `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`.
/// Nothing is connected yet; a database that is down shows in the first call. A URL that is wrong is `CONFIGURATION`.
pub fn connect(config: SqlConfig) -> Result<Arc<dyn Application>, Failure> {
    let scrubber = Scrubber::new(&config.url);
    let wrong = |error: sqlx::Error| {
        let failure = from_driver(&error).map_or_else(|| error.to_string(), |failure| failure.message);
        scrubber.failure(Failure::new(ErrorType::Configuration, "", failure))
    };
    let (dialect, database, address, kind): (Box<dyn Dialect>, Box<dyn Database>, String, Kind) =
        match config.url.scheme().as_str() {
            "postgres" | "postgresql" => {
                let (driver, address) = postgres::connect(&config).map_err(wrong)?;
                (Box::new(postgres::Postgres), pool(driver, &config), address, Kind::Named("PostgreSQL"))
            }
            "mysql" | "mariadb" => {
                let (driver, address, server) = mysql::connect(&config).map_err(wrong)?;
                let dialect = mysql::MySql { server: Arc::clone(&server) };
                (Box::new(dialect), pool(driver, &config), address, Kind::Asked(server))
            }
            "sqlite" => {
                let (driver, address) = sqlite::connect(&config).map_err(wrong)?;
                (Box::new(sqlite::Sqlite), pool(driver, &config), address, Kind::Named("SQLite"))
            }
            other => {
                let message = format!("no database has the scheme \"{other}\": postgres, mysql, mariadb or sqlite");
                return Err(scrubber.failure(Failure::new(ErrorType::Configuration, "", message)));
            }
        };
    let address = scrubber.scrub(&address);
    let turn = dialect.writes_one_by_one().then(|| Semaphore::new(1));
    Ok(Arc::new(SqlApplication { id: config.id, address, kind, dialect, database, turn }))
}

fn pool<D: Driver>(driver: D, config: &SqlConfig) -> Box<dyn Database> {
    let times = Times { connect: config.connect_timeout, statement: config.statement_timeout };
    Box::new(Pool::new(driver, Scrubber::new(&config.url), times, config.pool_max))
}

struct SqlApplication {
    id: AppId,
    address: String,
    kind: Kind,
    dialect: Box<dyn Dialect>,
    database: Box<dyn Database>,
    /// Who holds it writes, where one has to wait for the other.
    turn: Option<Semaphore>,
}

/// Which product it is: by the scheme, or as the server told with the last connection.
enum Kind {
    Named(&'static str),
    Asked(Arc<mysql::Server>),
}

impl SqlApplication {
    async fn session(&self) -> Result<Box<dyn Session>, Failure> {
        self.database.session().await
    }
}

#[async_trait]
impl Application for SqlApplication {
    fn id(&self) -> &AppId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Named(name) => name,
            Kind::Asked(server) if server.is_mariadb() => "MariaDB",
            Kind::Asked(_) => "MySQL",
        }
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn check(&self, table: Option<&str>) -> Result<(), Failure> {
        let mut session = self.session().await?;
        self.dialect.check_writable(&mut *session, table).await?;
        session.finish().await
    }

    async fn list_tables(&self) -> Result<Vec<String>, Failure> {
        let mut session = self.session().await?;
        let tables = self.dialect.list_tables(&mut *session).await?;
        session.finish().await?;
        Ok(tables)
    }

    async fn describe(&self, table: &str) -> Result<TableSchema, Failure> {
        let mut session = self.session().await?;
        let schema = self.dialect.describe(&mut *session, table).await?;
        session.finish().await?;
        Ok(schema)
    }

    async fn read_page(&self, read: &PageRead<'_>) -> Result<Vec<Row>, Failure> {
        let mut session = self.session().await?;
        let rows = read::page(&*self.dialect, &mut *session, read).await?;
        session.finish().await?;
        Ok(rows)
    }

    async fn count(&self, table: &TableSchema, exact: bool) -> Result<u64, Failure> {
        let mut session = self.session().await?;
        let rows = read::count(&*self.dialect, &mut *session, table, exact).await?;
        session.finish().await?;
        Ok(rows)
    }

    async fn read_keys(&self, read: &KeyRead<'_>) -> Result<Vec<Row>, Failure> {
        let mut session = self.session().await?;
        if read.wait_for_changes {
            session.begin().await?;
        }
        let rows = read::keys(&*self.dialect, &mut *session, read).await?;
        if read.wait_for_changes {
            session.rollback().await?;
        }
        session.finish().await?;
        Ok(rows)
    }

    async fn write(&self, table: &TableSchema, batch: &[Write]) -> Result<Vec<WriteOutcome>, Failure> {
        write::write(&*self.dialect, &*self.database, self.turn.as_ref(), table, batch).await
    }

    fn batches_at_once(&self) -> usize {
        self.dialect.batches_at_once()
    }

    async fn close(&self) {
        self.database.close().await;
    }
}
