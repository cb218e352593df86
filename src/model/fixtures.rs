//! Maps for the tests of this floor.

use super::ids::{AppId, MapId, Revision};
use super::mapping::Plan;
use super::schema::{Column, ColumnType, TableSchema};
use super::state::MapState;
use super::table_map::{
    ColumnMapping, ConflictPolicy, Definition, Direction, ERROR_RETENTION_DEFAULT, QueueLimits, Schemas, Side,
    SyncMode, TableMap, TableRef,
};
use chrono::DateTime;

pub fn column(name: &str, kind: ColumnType) -> Column {
    Column {
        name: name.into(),
        kind,
        database_type: "test".into(),
        nullable: true,
        has_default: false,
        read_only: false,
    }
}

fn table(name: &str, prefix: &str) -> TableSchema {
    let text = || ColumnType::String { chars_max: None };
    let mut id = column(&format!("{prefix}id"), ColumnType::Int { min: i64::MIN, max: i64::MAX });
    id.nullable = false;
    TableSchema {
        table: name.into(),
        columns: vec![
            id,
            column(&format!("{prefix}status"), text()),
            column(&format!("{prefix}note"), text()),
            column(&format!("{prefix}extra"), text()),
        ],
        primary_key: vec![format!("{prefix}id")],
        unique_keys: vec![vec![format!("{prefix}id")]],
        foreign_keys: Vec::new(),
    }
}

pub fn schemas() -> Schemas {
    Schemas { left: table("orders", ""), right: table("sales_orders", "r_") }
}

fn mapping(name: &str, direction: Direction) -> ColumnMapping {
    ColumnMapping {
        left_column: name.into(),
        right_column: format!("r_{name}"),
        direction,
        left_to_right: Vec::new(),
        right_to_left: Vec::new(),
    }
}

/// `orders` (id, status, note) both ways to `sales_orders` (r_id, r_status, r_note); `extra` is not mapped.
pub fn definition() -> Definition {
    let table = |application: &str, table: &str| TableRef {
        application: AppId::parse(application).unwrap(),
        table: table.into(),
        filter: String::new(),
    };
    Definition {
        display_name: String::new(),
        left: table("finance", "orders"),
        right: table("sales", "sales_orders"),
        integration_key: vec!["id".into()],
        columns: ["id", "status", "note"].map(|name| mapping(name, Direction::Bidirectional)).into(),
        sync_mode: SyncMode::Synchronous,
        master: Side::Right,
        related: Vec::new(),
        queue_limits: QueueLimits::default(),
        error_retention: ERROR_RETENTION_DEFAULT,
        conflict_policy: ConflictPolicy::MasterWins,
    }
}

pub fn map(definition: Definition) -> TableMap {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    TableMap {
        id: MapId::parse("orders").unwrap(),
        definition,
        version: 1,
        author: "test".into(),
        create_time: now,
        update_time: now,
        state: MapState::NotRunning,
        state_time: now,
        held_back_since: None,
        schemas: None,
        execution: None,
        stopped_execution: None,
        recent_requests: Vec::new(),
        revision: Revision(1),
    }
}

pub fn plan(definition: Definition) -> Plan {
    Plan::new(&map(definition), &schemas()).unwrap()
}
