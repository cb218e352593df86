//! Table maps of the wire and definitions of the model.

use super::input::Input;
use super::proto;
use super::proto::transform::Kind;
use super::records::value;
use super::{names, times};
use crate::model::condition::{Condition, ConditionKind};
use crate::model::table_map::{
    ColumnMapping, ConflictPolicy, Definition, Direction, ERROR_RETENTION_DEFAULT, QueueLimits, Side, SyncMode,
    TableMap, TableRef, Transform,
};
use std::time::Duration;

const DISPLAY_NAME_CHARS_MAX: usize = 200;
const KEY_COLUMNS_MAX: usize = 16;
const COLUMN_MAPPINGS_MAX: usize = 1_000;
const TRANSFORMS_MAX: usize = 10;
/// A name of a table or a column, and a filter: far above what databases have.
const NAME_CHARS_MAX: usize = 512;
const EXPRESSION_CHARS_MAX: usize = 10_000;
const RELATED_MAX: usize = 1_000;

impl Input {
    /// The definition that a map of the wire stands for; its output only fields are passed over. What is malformed is
    /// named; what validation would find is not looked at here.
    pub fn definition(&mut self, map: &proto::TableMap) -> Option<Definition> {
        self.text("table_map.display_name", &map.display_name, DISPLAY_NAME_CHARS_MAX);
        let left = self.table_ref("table_map.left", map.left.as_ref());
        let right = self.table_ref("table_map.right", map.right.as_ref());
        self.at_most("table_map.integration_key", map.integration_key.len(), KEY_COLUMNS_MAX);
        self.at_most("table_map.column_mappings", map.column_mappings.len(), COLUMN_MAPPINGS_MAX);
        let columns: Vec<_> = map.column_mappings.iter().enumerate().map(|(i, m)| self.column_mapping(i, m)).collect();
        let sync_mode = self.known("table_map.sync_mode", map.sync_mode).map(sync_mode);
        let master = self.side_if_given("table_map.master", map.master);
        let related = self.related("table_map.related_table_maps", &map.related_table_maps);
        let queue_limits = self.queue_limits("table_map.queue_limits", map.queue_limits.as_ref());
        let error_retention = self.span("table_map.error_retention", map.error_retention);
        let policy = self.known("table_map.conflict_policy", map.conflict_policy).map(conflict_policy);
        Some(Definition {
            display_name: map.display_name.clone(),
            left: left?,
            right: right?,
            integration_key: map.integration_key.clone(),
            columns: columns.into_iter().collect::<Option<_>>()?,
            sync_mode: sync_mode?,
            master: master?.unwrap_or(Side::Right),
            related,
            queue_limits: queue_limits?,
            error_retention: error_retention.unwrap_or(ERROR_RETENTION_DEFAULT),
            conflict_policy: policy?,
        })
    }

    fn at_most(&mut self, field: &str, found: usize, max: usize) {
        if found > max {
            self.wrong(field, format!("has {found} entries, at most {max} are taken"));
        }
    }

    fn table_ref(&mut self, field: &str, table: Option<&proto::TableRef>) -> Option<TableRef> {
        let Some(table) = table else {
            self.wrong(field, "is required");
            return None;
        };
        let application = self.application_or_id(&format!("{field}.application"), &table.application);
        if table.table.is_empty() {
            self.wrong(format!("{field}.table"), "is required");
        }
        self.text(&format!("{field}.table"), &table.table, NAME_CHARS_MAX);
        self.text(&format!("{field}.filter"), &table.filter, EXPRESSION_CHARS_MAX);
        Some(TableRef { application: application?, table: table.table.clone(), filter: table.filter.clone() })
    }

    fn column_mapping(&mut self, index: usize, mapping: &proto::ColumnMapping) -> Option<ColumnMapping> {
        let field = format!("table_map.column_mappings[{index}]");
        for (name, column) in [("left_column", &mapping.left_column), ("right_column", &mapping.right_column)] {
            self.text(&format!("{field}.{name}"), column, NAME_CHARS_MAX);
        }
        let direction = self.known(&format!("{field}.direction"), mapping.direction).map(direction);
        let left_to_right = self.transforms(&format!("{field}.left_to_right"), &mapping.left_to_right);
        let right_to_left = self.transforms(&format!("{field}.right_to_left"), &mapping.right_to_left);
        Some(ColumnMapping {
            left_column: mapping.left_column.clone(),
            right_column: mapping.right_column.clone(),
            direction: direction?,
            left_to_right,
            right_to_left,
        })
    }

    fn transforms(&mut self, field: &str, transforms: &[proto::Transform]) -> Vec<Transform> {
        self.at_most(field, transforms.len(), TRANSFORMS_MAX);
        let mut taken = Vec::with_capacity(transforms.len());
        for (index, transform) in transforms.iter().enumerate() {
            match self::transform(transform) {
                Ok(transform) => taken.push(transform),
                Err(why) => self.wrong(format!("{field}[{index}]"), why),
            }
        }
        taken
    }

    fn related(&mut self, field: &str, related: &[String]) -> Vec<crate::model::ids::MapId> {
        self.at_most(field, related.len(), RELATED_MAX);
        let maps = related.iter().enumerate();
        maps.filter_map(|(index, name)| self.table_map(&format!("{field}[{index}]"), name)).collect()
    }

    fn queue_limits(&mut self, field: &str, limits: Option<&proto::QueueLimits>) -> Option<QueueLimits> {
        let mut taken = QueueLimits::default();
        let Some(limits) = limits else { return Some(taken) };
        let max_pause = format!("{field}.max_pause");
        match self.span(&max_pause, limits.max_pause) {
            Some(Duration::ZERO) => self.wrong(max_pause, "must be greater than 0"),
            Some(given) => taken.max_pause = given,
            None => {}
        }
        match u64::try_from(limits.max_bytes) {
            Ok(0) => {} // stands for the default
            Ok(given) => taken.max_bytes = given,
            Err(_) => self.wrong(format!("{field}.max_bytes"), "is negative"),
        }
        Some(taken)
    }
}

fn transform(transform: &proto::Transform) -> Result<Transform, String> {
    Ok(match transform.kind.clone().ok_or("is empty: one kind of transform must be set")? {
        Kind::DefaultValue(given) => Transform::Default(value(given)?),
        Kind::Constant(given) => Transform::Constant(value(given)?),
        Kind::Expression(expression) => Transform::Expression(expression),
        Kind::ValueMap(map) => {
            let text = |given: Option<proto::Value>| value(given.unwrap_or_default()).map(|value| value.to_string());
            let entry = |entry: proto::ValueMapEntry| Ok::<_, String>((text(entry.from)?, text(entry.to)?));
            Transform::ValueMap(map.entries.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}

fn sync_mode(mode: proto::SyncMode) -> SyncMode {
    match mode {
        proto::SyncMode::Unspecified | proto::SyncMode::Synchronous => SyncMode::Synchronous,
        proto::SyncMode::Asynchronous => SyncMode::Asynchronous,
    }
}

fn conflict_policy(policy: proto::ConflictPolicy) -> ConflictPolicy {
    match policy {
        proto::ConflictPolicy::Unspecified | proto::ConflictPolicy::MasterWins => ConflictPolicy::MasterWins,
        proto::ConflictPolicy::NewerWins => ConflictPolicy::NewerWins,
        proto::ConflictPolicy::Manual => ConflictPolicy::Manual,
    }
}

fn direction(direction: proto::Direction) -> Direction {
    match direction {
        proto::Direction::Unspecified | proto::Direction::Bidirectional => Direction::Bidirectional,
        proto::Direction::LeftToRight => Direction::LeftToRight,
        proto::Direction::RightToLeft => Direction::RightToLeft,
    }
}

/// A map as the wire has it, with what is wrong with it now.
pub fn table_map(map: &TableMap, conditions: Vec<Condition>) -> proto::TableMap {
    let definition = &map.definition;
    proto::TableMap {
        name: names::table_map(&map.id),
        display_name: definition.display_name.clone(),
        left: Some(table_ref(&definition.left)),
        right: Some(table_ref(&definition.right)),
        integration_key: definition.integration_key.clone(),
        column_mappings: definition.columns.iter().map(column_mapping).collect(),
        sync_mode: match definition.sync_mode {
            SyncMode::Synchronous => proto::SyncMode::Synchronous,
            SyncMode::Asynchronous => proto::SyncMode::Asynchronous,
        }
        .into(),
        master: proto::Side::from(definition.master).into(),
        related_table_maps: definition.related.iter().map(names::table_map).collect(),
        state: proto::TableMapState::from(map.state).into(),
        version: super::records::count(map.version),
        etag: map.etag(),
        author: map.author.clone(),
        create_time: Some(times::timestamp(map.create_time)),
        update_time: Some(times::timestamp(map.update_time)),
        queue_limits: Some(queue_limits(&definition.queue_limits)),
        error_retention: Some(times::duration(definition.error_retention)),
        conflict_policy: match definition.conflict_policy {
            ConflictPolicy::MasterWins => proto::ConflictPolicy::MasterWins,
            ConflictPolicy::NewerWins => proto::ConflictPolicy::NewerWins,
            ConflictPolicy::Manual => proto::ConflictPolicy::Manual,
        }
        .into(),
        conditions: conditions.into_iter().map(Into::into).collect(),
    }
}

fn table_ref(table: &TableRef) -> proto::TableRef {
    proto::TableRef {
        application: names::application(&table.application),
        table: table.table.clone(),
        filter: table.filter.clone(),
    }
}

/// Transforms are refused by validation, so no saved map has any to be shown.
fn column_mapping(mapping: &ColumnMapping) -> proto::ColumnMapping {
    let direction = match mapping.direction {
        Direction::Bidirectional => proto::Direction::Bidirectional,
        Direction::LeftToRight => proto::Direction::LeftToRight,
        Direction::RightToLeft => proto::Direction::RightToLeft,
    };
    proto::ColumnMapping {
        left_column: mapping.left_column.clone(),
        right_column: mapping.right_column.clone(),
        direction: direction.into(),
        left_to_right: Vec::new(),
        right_to_left: Vec::new(),
    }
}

pub fn queue_limits(limits: &QueueLimits) -> proto::QueueLimits {
    proto::QueueLimits {
        max_pause: Some(times::duration(limits.max_pause)),
        max_bytes: super::records::count(limits.max_bytes),
    }
}

impl From<Condition> for proto::Condition {
    fn from(condition: Condition) -> Self {
        let kind = match condition.kind {
            ConditionKind::Waiting => proto::ConditionType::Waiting,
            ConditionKind::DestinationDown => proto::ConditionType::DestinationDown,
            ConditionKind::Stalled => proto::ConditionType::Stalled,
            ConditionKind::Errors => proto::ConditionType::Errors,
            ConditionKind::QueueNearLimit => proto::ConditionType::QueueNearLimit,
            ConditionKind::PurgeSoon => proto::ConditionType::PurgeSoon,
            ConditionKind::SchemaDrift => proto::ConditionType::SchemaDrift,
            ConditionKind::Conflicts => proto::ConditionType::Conflicts,
        };
        let direction = condition.source.map_or(proto::Direction::Bidirectional, super::records::direction_from);
        let error_type = condition.error_type.map_or(proto::ErrorType::Unspecified, Into::into);
        Self {
            r#type: kind.into(),
            direction: direction.into(),
            since: Some(times::timestamp(condition.since)),
            message: condition.message,
            error_type: error_type.into(),
            next_probe_time: condition.next_probe_time.map(times::timestamp),
        }
    }
}
