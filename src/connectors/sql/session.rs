//! Connections and what is done over them: one driver for each kind of database behind one small trait, and a pool of
//! our own.
//!
//! Why not sqlx's pool: it tries a refused connection until its time is over and hides the cause (refused, starting up
//! and too many connections look alike), asks the server once more after every use, and cannot ask whether the file
//! behind a SQLite connection is still the one at its path.

use super::cell::{Cell, Statement};
use super::failures::{Scrubber, from_driver};
use crate::model::failure::{ErrorType, Failure};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// An idle connection younger than this is used without asking whether it still lives.
const FRESH: Duration = Duration::from_secs(1);
/// An idle connection older than this is closed when somebody comes by.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// What is added to the database's own time-outs, so that its answer comes before our giving up.
const GRACE: Duration = Duration::from_secs(1);
/// How long closing a connection in good manners may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// One kind of database, as its driver is used here. No call needs to end in time: who calls sees to that.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    type Connection: Send + 'static;
    /// What begins a transaction that will write.
    const BEGIN: &'static str;

    /// Connects and sets what the session needs.
    async fn connect(&self) -> Result<Self::Connection, sqlx::Error>;
    async fn ping(&self, connection: &mut Self::Connection) -> Result<(), sqlx::Error>;
    async fn close(&self, connection: Self::Connection);
    /// Runs text as it is, without values.
    async fn run(&self, connection: &mut Self::Connection, sql: &'static str) -> Result<(), sqlx::Error>;
    /// How many rows it has touched.
    async fn execute(&self, connection: &mut Self::Connection, statement: Statement) -> Result<u64, sqlx::Error>;
    async fn fetch(
        &self,
        connection: &mut Self::Connection,
        statement: Statement,
    ) -> Result<Vec<Vec<Cell>>, sqlx::Error>;
    /// What an error that the database sent means.
    fn classify(&self, error: &dyn sqlx::error::DatabaseError) -> Failure;
    /// Which database a new connection would reach now; a connection to another is not used again. Servers have but
    /// one answer.
    fn place(&self) -> Result<u128, Failure> {
        Ok(0)
    }
    /// Bytes of a statement with its values that are sent at once, as long as it has several rows.
    fn statement_bytes_max(&self) -> usize;
    /// Bytes of a single row, past which the database breaks the connection off instead of saying no.
    fn row_bytes_max(&self) -> usize;
}

/// Connections to one database. All ways of failing are [`Failure`]s without credentials.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    async fn session(&self) -> Result<Box<dyn Session>, Failure>;
    /// Closes idle connections, and those in use when they are given back.
    async fn close(&self);
}

/// A connection in one hand. Dropped without [`Session::finish`] it is closed, and the database takes back what was
/// not committed: so a caller that gives up in the middle leaves nothing half done.
#[async_trait]
pub trait Session: Send {
    async fn begin(&mut self) -> Result<(), Failure>;
    async fn commit(&mut self) -> Result<(), Failure>;
    async fn rollback(&mut self) -> Result<(), Failure>;
    async fn execute(&mut self, statement: Statement) -> Result<u64, Failure>;
    async fn fetch(&mut self, statement: Statement) -> Result<Vec<Vec<Cell>>, Failure>;
    /// Gives the connection back, after a last look whether what was written went where it should.
    async fn finish(self: Box<Self>) -> Result<(), Failure>;
    fn statement_bytes_max(&self) -> usize;
    fn row_bytes_max(&self) -> usize;
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub connect: Duration,
    pub statement: Duration,
}

/// A bounded number of connections.
pub struct Pool<D: Driver> {
    shared: Arc<Shared<D>>,
}

struct Shared<D: Driver> {
    driver: D,
    scrubber: Scrubber,
    times: Times,
    permits: Arc<Semaphore>,
    /// Last in, first out: what is used least grows old and goes. Never more than there are permits.
    idle: Mutex<Vec<Idle<D::Connection>>>,
    /// Set by `close`, for good.
    closed: AtomicBool,
}

struct Idle<C> {
    connection: C,
    place: u128,
    since: Instant,
}

impl<D: Driver> Pool<D> {
    pub fn new(driver: D, scrubber: Scrubber, times: Times, connections_max: u32) -> Self {
        let permits = Arc::new(Semaphore::new(connections_max.max(1) as usize));
        let (idle, closed) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { driver, scrubber, times, permits, idle, closed }) }
    }
}

#[async_trait]
impl<D: Driver> Database for Pool<D> {
    async fn session(&self) -> Result<Box<dyn Session>, Failure> {
        let shared = &self.shared;
        let permit = timeout(shared.times.connect, Arc::clone(&shared.permits).acquire_owned())
            .await
            .map_err(|_| shared.late("a free connection", shared.times.connect))?
            .map_err(|_| Failure::new(ErrorType::Internal, "", "the connections are closed"))?;
        let place = shared.driver.place()?;
        let connection = match shared.usable_idle(place).await {
            Some(connection) => connection,
            None => shared.connect().await?,
        };
        let shared = Arc::clone(shared);
        Ok(Box::new(Held { shared, connection: Some(connection), place, _permit: permit }))
    }

    async fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        let idle = std::mem::take(&mut *self.shared.idle());
        for Idle { connection, .. } in idle {
            // A server that does not answer any more keeps nobody from going.
            let _ = timeout(CLOSE_TIMEOUT, self.shared.driver.close(connection)).await;
        }
    }
}

impl<D: Driver> Shared<D> {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle<D::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner) // a list of connections is never half changed
    }

    fn late(&self, what: &str, waited: Duration) -> Failure {
        let message = format!("{what} did not come within {} ms", waited.as_millis());
        Failure::new(ErrorType::Network, "", message)
    }

    fn failure(&self, error: &sqlx::Error) -> Failure {
        let failure = match error {
            sqlx::Error::Database(sent) => self.driver.classify(&**sent),
            other => {
                from_driver(other).unwrap_or_else(|| Failure::new(ErrorType::Internal, "", "an error of no known kind"))
            }
        };
        self.scrubber.failure(failure)
    }

    async fn usable_idle(&self, place: u128) -> Option<D::Connection> {
        loop {
            let mut idle = self.idle().pop()?;
            let age = idle.since.elapsed();
            if idle.place != place || age > IDLE_MAX {
                continue; // dropped, that is closed
            }
            if age < FRESH {
                return Some(idle.connection);
            }
            let answer = timeout(self.times.connect, self.driver.ping(&mut idle.connection)).await;
            if matches!(answer, Ok(Ok(()))) {
                return Some(idle.connection);
            }
        }
    }

    async fn connect(&self) -> Result<D::Connection, Failure> {
        match timeout(self.times.connect, self.driver.connect()).await {
            Ok(connected) => connected.map_err(|error| self.failure(&error)),
            Err(_) => Err(self.late("a connection", self.times.connect)),
        }
    }

    /// What becomes of a call: in time, late, refused.
    async fn ended<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Failure> {
        let time = self.times.statement + GRACE;
        match timeout(time, call).await {
            Ok(answer) => answer.map_err(|error| self.failure(&error)),
            Err(_) => Err(self.late("an answer", time)),
        }
    }
}

/// One connection while somebody uses it.
struct Held<D: Driver> {
    shared: Arc<Shared<D>>,
    /// `None` only after `finish`.
    connection: Option<D::Connection>,
    place: u128,
    /// Given back when this is dropped, after the connection.
    _permit: OwnedSemaphorePermit,
}

impl<D: Driver> Held<D> {
    async fn run(&mut self, sql: &'static str) -> Result<(), Failure> {
        let Self { shared, connection: Some(connection), .. } = self else { return Err(finished()) };
        shared.ended(shared.driver.run(connection, sql)).await
    }
}

fn finished() -> Failure {
    Failure::new(ErrorType::Internal, "", "the session was used after its end")
}

#[async_trait]
impl<D: Driver> Session for Held<D> {
    async fn begin(&mut self) -> Result<(), Failure> {
        self.run(D::BEGIN).await
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        self.run("COMMIT").await
    }

    async fn rollback(&mut self) -> Result<(), Failure> {
        self.run("ROLLBACK").await
    }

    async fn execute(&mut self, statement: Statement) -> Result<u64, Failure> {
        let Self { shared, connection: Some(connection), .. } = self else { return Err(finished()) };
        shared.ended(shared.driver.execute(connection, statement)).await
    }

    async fn fetch(&mut self, statement: Statement) -> Result<Vec<Vec<Cell>>, Failure> {
        let Self { shared, connection: Some(connection), .. } = self else { return Err(finished()) };
        shared.ended(shared.driver.fetch(connection, statement)).await
    }

    async fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        if self.shared.driver.place()? != self.place {
            let message = "the database was replaced by another while it was written to";
            return Err(Failure::new(ErrorType::Network, "", message));
        }
        let Some(connection) = self.connection.take() else { return Err(finished()) };
        if self.shared.closed.load(Ordering::Acquire) {
            let _ = timeout(CLOSE_TIMEOUT, self.shared.driver.close(connection)).await;
        } else {
            let (place, since) = (self.place, Instant::now());
            self.shared.idle().push(Idle { connection, place, since });
        }
        Ok(())
    }

    fn statement_bytes_max(&self) -> usize {
        self.shared.driver.statement_bytes_max()
    }

    fn row_bytes_max(&self) -> usize {
        self.shared.driver.row_bytes_max()
    }
}
