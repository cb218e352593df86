//! A table map: what people save, and what the service keeps beside it.

use super::ids::{AppId, ExecutionNumber, MapId, Revision};
use super::request::{RequestIdReused, RequestTag};
use super::schema::TableSchema;
pub use super::side::Side;
use super::state::MapState;
use chrono::{DateTime, Utc};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Which way values of a column mapping go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Bidirectional,
    LeftToRight,
    RightToLeft,
}

impl Direction {
    /// Whether a change from `source` is written to the other side.
    pub fn carries(self, source: Side) -> bool {
        match self {
            Direction::Bidirectional => true,
            Direction::LeftToRight => source == Side::Left,
            Direction::RightToLeft => source == Side::Right,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncMode {
    /// The answer comes when the destination has the row.
    Synchronous,
    /// The answer comes when the change is durable here.
    Asynchronous,
}

/// Who wins when changes of one key from both sides cross (rule 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictPolicy {
    MasterWins,
    /// Refused at validation until it is built.
    NewerWins,
    /// Refused at validation until it is built.
    Manual,
}

/// One side's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRef {
    pub application: AppId,
    pub table: String,
    /// An expression over the row; empty lets every row pass. Refused at validation until filters are built.
    pub filter: String,
}

impl TableRef {
    /// Whether both are one table, whatever passes their filters.
    pub fn is_same_table(&self, other: &TableRef) -> bool {
        self.application == other.application && self.table == other.table
    }
}

/// A pair of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    pub left_column: String,
    pub right_column: String,
    pub direction: Direction,
    /// What is done with values on their way; refused at validation until transforms are built.
    pub left_to_right: Vec<Transform>,
    pub right_to_left: Vec<Transform>,
}

impl ColumnMapping {
    pub fn column(&self, side: Side) -> &str {
        match side {
            Side::Left => &self.left_column,
            Side::Right => &self.right_column,
        }
    }
}

/// A transform, kept as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    Default(super::value::Value),
    ValueMap(Vec<(String, String)>),
    Constant(super::value::Value),
    Expression(String),
}

/// How long and how much a map may queue while it is held back (rule 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    pub max_pause: Duration,
    pub max_bytes: u64,
}

impl Default for QueueLimits {
    /// 1 day and 1 GB (rule 6).
    fn default() -> Self {
        Self { max_pause: Duration::from_secs(24 * 3600), max_bytes: 1_000_000_000 }
    }
}

/// How long errored records stay (rule 7); zero keeps them.
pub const ERROR_RETENTION_DEFAULT: Duration = Duration::from_secs(24 * 3600);

/// What people save: a version of this has an author and can be looked at later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub display_name: String,
    pub left: TableRef,
    pub right: TableRef,
    /// The columns that identify a record, by their left names.
    pub integration_key: Vec<String>,
    pub columns: Vec<ColumnMapping>,
    pub sync_mode: SyncMode,
    pub master: Side,
    pub related: Vec<MapId>,
    pub queue_limits: QueueLimits,
    /// Zero keeps errored records.
    pub error_retention: Duration,
    pub conflict_policy: ConflictPolicy,
}

impl Definition {
    pub fn table(&self, side: Side) -> &TableRef {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    /// A hash over what decides which rows a copy reads and writes, and in which order: a copy that was stopped goes on only
    /// while it is the same.
    pub fn copy_fingerprint(&self) -> u64 {
        xxh3_64(format!("{:?}", (&self.left, &self.right, &self.integration_key, &self.columns)).as_bytes())
    }

    /// Whether anything of a change from `source` goes to the other side.
    pub fn carries(&self, source: Side) -> bool {
        self.columns.iter().any(|mapping| mapping.direction.carries(source))
    }
}

/// A table map as the store keeps it: its definition and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TableMap {
    pub id: MapId,
    pub definition: Definition,
    /// Counts the definitions saved, from 1.
    pub version: u64,
    pub author: String,
    pub create_time: DateTime<Utc>,
    /// When the definition was last saved.
    pub update_time: DateTime<Utc>,
    pub state: MapState,
    /// When the state was entered.
    pub state_time: DateTime<Utc>,
    /// Since when changes are held back (INITIALIZING, PAUSED, RESUMING alike), for the limit on its duration; set by the
    /// transition that begins it, ended by the one to RUNNING or NOT_RUNNING.
    pub held_back_since: Option<DateTime<Utc>>,
    /// Both tables as they were when the map was last checked against them; set by run, so that changes can be checked
    /// while an application is away.
    pub schemas: Option<Box<Schemas>>,
    /// The execution of the initial sync that is current or was the last.
    pub execution: Option<ExecutionNumber>,
    /// The execution that a stop ended: the next run goes on from where it was. Ended by any run.
    pub stopped_execution: Option<ExecutionNumber>,
    /// The last requests that changed it, newest last, so that one that comes twice is carried out once.
    pub recent_requests: Vec<String>,
    /// Given by the store with each write.
    pub revision: Revision,
}

impl TableMap {
    /// What a caller shows to say which definition it has seen: changes with every save, and no two maps of one name share
    /// one.
    pub fn etag(&self) -> String {
        format!("{}-{:x}", self.version, self.create_time.timestamp_micros())
    }

    /// Remembers a request that this map was changed by.
    pub fn remember(&mut self, request: Option<&RequestTag>) {
        let Some(request) = request else { return };
        self.recent_requests.push(request.to_string());
        let surplus = self.recent_requests.len().saturating_sub(RECENT_REQUESTS_MAX);
        self.recent_requests.drain(..surplus);
    }

    /// Whether this request has changed the map before.
    pub fn was_asked(&self, request: Option<&RequestTag>) -> Result<bool, RequestIdReused> {
        let Some(request) = request else { return Ok(false) };
        match self.recent_requests.iter().rev().find(|known| request.has_id_of(known)) {
            Some(known) if *known == request.to_string() => Ok(true),
            Some(_) => Err(RequestIdReused { request_id: request.id.clone() }),
            None => Ok(false),
        }
    }
}

/// How many requests a map remembers.
pub const RECENT_REQUESTS_MAX: usize = 16;

/// Both tables of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schemas {
    pub left: TableSchema,
    pub right: TableSchema,
}

impl Schemas {
    pub fn table(&self, side: Side) -> &TableSchema {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}
