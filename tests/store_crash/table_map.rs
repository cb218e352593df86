//! A map for tests and benches that look at the store alone: nothing reads its definition.

use chrono::DateTime;
use tandem::model::ids::{AppId, MapId, Revision};
use tandem::model::state::MapState;
use tandem::model::table_map::{ConflictPolicy, Definition, QueueLimits, Side, SyncMode, TableMap, TableRef};

pub fn table_map(id: &MapId, version: u64) -> TableMap {
    let table = |table: &str| TableRef {
        application: AppId::parse("shop").unwrap(),
        table: table.to_owned(),
        filter: String::new(),
    };
    let time = DateTime::from_timestamp(version as i64, 0).unwrap();
    TableMap {
        id: id.clone(),
        definition: Definition {
            display_name: id.to_string(),
            left: table("a"),
            right: table("b"),
            integration_key: vec!["id".to_owned()],
            columns: Vec::new(),
            sync_mode: SyncMode::Asynchronous,
            master: Side::Right,
            related: Vec::new(),
            queue_limits: QueueLimits::default(),
            error_retention: std::time::Duration::ZERO,
            conflict_policy: ConflictPolicy::MasterWins,
        },
        version,
        author: "torture".to_owned(),
        create_time: time,
        update_time: time,
        state: MapState::Running,
        state_time: time,
        held_back_since: None,
        schemas: None,
        execution: None,
        stopped_execution: None,
        recent_requests: Vec::new(),
        revision: Revision(0),
    }
}
