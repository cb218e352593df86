//! What happens to maps while databases are away, hang, are killed, refuse and come back: through the wire, with real
//! PostgreSQL, MariaDB and SQLite.

#[path = "outages/access.rs"]
mod access;
#[path = "outages/catch_up.rs"]
mod catch_up;
#[path = "outages/copies.rs"]
mod copies;
#[path = "outages/initial_sync.rs"]
mod initial_sync;
#[path = "outages/locks.rs"]
mod locks;
#[path = "outages/pair.rs"]
mod pair;
#[path = "outages/references.rs"]
mod references;
#[path = "outages/refusals.rs"]
mod refusals;
#[path = "outages/start.rs"]
mod start;
mod support;
#[path = "outages/synchronous.rs"]
mod synchronous;
