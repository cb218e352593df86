//! The SQL connector against real PostgreSQL, MariaDB and SQLite: one suite for all three, and what only one of them
//! can do wrong.

#[path = "connectors/errors.rs"]
mod errors;
#[path = "connectors/files.rs"]
mod files;
#[path = "connectors/outages.rs"]
mod outages;
#[path = "connectors/reading.rs"]
mod reading;
#[path = "connectors/round_trip.rs"]
mod round_trip;
#[path = "connectors/schemas.rs"]
mod schemas;
#[path = "connectors/side.rs"]
mod side;
mod support;
#[path = "connectors/writing.rs"]
mod writing;
