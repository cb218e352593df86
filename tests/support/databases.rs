//! Real databases for tests: PostgreSQL and MariaDB servers of the test's own, and SQLite files.
//!
//! A server runs in a temporary folder, on a free port of 127.0.0.1, with settings that start fast and keep what was
//! committed when the server is killed. It ends with the test, however the test ends: returned, panicked or killed.
//!
//! ```ignore
//! let url = Postgres::shared().await.create_database().await; // enough for most tests: one server a test process
//!
//! let right = MariaDb::start().await; // for a test that takes its database away
//! let url = right.create_database().await;
//! right.kill().await; // or stop, or freeze
//! right.start_again().await; // same port, same data
//! ```

mod mariadb;
mod postgres;
mod server;
pub mod sql;
mod sqlite;
mod supervisor;
mod template;

pub use mariadb::MariaDb;
pub use postgres::Postgres;
pub use server::{Kind, PASSWORD, Server, USER};
pub use sqlite::Sqlite;
