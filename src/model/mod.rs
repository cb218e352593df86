//! The domain itself: what a table map is, what may happen to it, and every rule that decides.
//! Pure: no I/O, no clock, no async, nothing of the wire or of the store. Time and ids come in as values.

pub mod access;
pub mod activity;
pub mod alert;
pub mod backoff;
pub mod change;
pub mod condition;
pub mod conflict;
pub mod deferred;
pub mod echo;
pub mod error_group;
pub mod execution;
pub mod failure;
pub mod figures;
pub mod filter;
pub mod fit;
#[cfg(test)]
pub mod fixtures;
pub mod ids;
pub mod job;
pub mod key;
pub mod lanes;
pub mod limits;
pub mod mapping;
pub mod print;
pub mod related;
pub mod request;
pub mod retention;
pub mod retry;
pub mod row;
pub mod schema;
pub mod side;
pub mod state;
pub mod table_map;
pub mod throughput;
pub mod token;
pub mod told;
pub mod under_way;
pub mod validation;
pub mod value;
pub mod written;
