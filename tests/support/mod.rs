//! What the integration tests share. A test binary takes the part it needs, so the rest is unused in it.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of this")]

pub mod access;
pub mod certificates;
pub mod databases;
pub mod demo;
pub mod server;
pub mod smtp;
pub mod world;
