//! The wiring: configuration, logs, and what a server is put together from.

mod calls;
pub mod config;
mod notify;
mod port_file;
mod routes;
pub mod run;
pub mod telemetry;
