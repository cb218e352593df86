//! The wiring: configuration, logs, and what a server is put together from.

mod arriving;
mod audit;
mod calls;
mod clients;
pub mod config;
mod listener;
mod notify;
mod port_file;
mod quotas;
pub mod reload;
mod routes;
pub mod run;
pub mod telemetry;
mod tls;
