//! The gRPC faces: a request is checked, the engine called, its answer translated. No rule of the domain is decided here.
//!
//! A method that this version does not offer answers through `methods::not_offered`; `methods::OFFERED` lists the others.

pub mod access;
mod activity;
mod activity_log;
mod admin;
mod alert_events;
mod alert_settings;
mod alerts;
pub mod answers;
mod applications;
mod as_json;
mod catalog;
mod changes;
mod definition;
mod download;
mod error_groups;
mod executions;
mod failures;
mod filter;
mod findings;
mod following;
#[cfg(fuzzing)]
pub mod fuzzing;
mod held_records;
mod input;
mod jobs;
pub mod methods;
mod names;
mod paging;
pub mod proto;
mod queue;
mod queued_records;
mod records;
mod stats;
pub mod status;
mod sync;
mod table_maps;
mod tables;
mod times;
mod transitions;
mod update_mask;
mod watching;
mod write_stream;

use crate::engine::Engine;
use answers::Answers;
use error_groups::GroupLists;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// All services; clones share the engine.
#[derive(Clone)]
pub struct Services {
    engine: Arc<Engine>,
    /// Cancelled when the server begins to shut down: streams that have no end of their own end then.
    closing: CancellationToken,
    group_lists: Arc<GroupLists>,
    limits: Limits,
    backups: Arc<Semaphore>,
}

/// What a request may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub page_size_max: usize,
    pub record_fields_max: usize,
    pub backups_max: usize,
}

impl Services {
    pub fn new(engine: Arc<Engine>, closing: CancellationToken, limits: Limits) -> Self {
        let backups = Arc::new(Semaphore::new(limits.backups_max));
        Self { engine, closing, group_lists: Arc::default(), limits, backups }
    }
}
