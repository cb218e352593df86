//! Tandem keeps tables of two applications in step. See ARCHITECTURE.md for the rooms and what holds in each.

pub mod cli;
pub mod connectors;
pub mod engine;
pub mod model;
pub mod server;
pub mod services;
pub mod store;
