//! Table maps and their definitions.

use super::{Numbered, Unreadable, numbered, read_map_id, read_time, required};
use crate::model::ids::{AppId, ExecutionNumber, MapId, Revision};
use crate::model::state::MapState;
use crate::model::table_map::{
    ColumnMapping, ConflictPolicy, Definition, Direction, QueueLimits, Schemas, Side, SyncMode, TableMap, TableRef,
    Transform,
};
use crate::store::message::{self, transform::Kind};
use std::time::Duration;

numbered!(MapState, message::MapState, "the state of a map", [NotRunning, Initializing, Running, Paused, Resuming]);
numbered!(SyncMode, message::SyncMode, "the mode of a map", [Synchronous, Asynchronous]);
numbered!(ConflictPolicy, message::ConflictPolicy, "a conflict policy", [MasterWins, NewerWins, Manual]);
numbered!(Direction, message::Direction, "the direction of a column", [Bidirectional, LeftToRight, RightToLeft]);

impl From<&TableMap> for message::TableMap {
    fn from(map: &TableMap) -> Self {
        Self {
            id: map.id.to_string(),
            definition: Some((&map.definition).into()),
            version: map.version,
            author: map.author.clone(),
            create_time: Some((&map.create_time).into()),
            update_time: Some((&map.update_time).into()),
            state: map.state.number(),
            state_time: Some((&map.state_time).into()),
            held_back_since: map.held_back_since.as_ref().map(Into::into),
            left_schema: map.schemas.as_ref().map(|schemas| (&schemas.left).into()),
            right_schema: map.schemas.as_ref().map(|schemas| (&schemas.right).into()),
            execution: map.execution.map(|number| number.0),
            stopped_execution: map.stopped_execution.map(|number| number.0),
            recent_requests: map.recent_requests.clone(),
            revision: map.revision.0,
        }
    }
}

impl TryFrom<message::TableMap> for TableMap {
    type Error = Unreadable;

    fn try_from(map: message::TableMap) -> Result<Self, Unreadable> {
        let schemas = match (map.left_schema, map.right_schema) {
            (Some(left), Some(right)) => Some(Box::new(Schemas { left: left.try_into()?, right: right.try_into()? })),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(Unreadable("a map with the schema of one side")),
        };
        Ok(Self {
            id: read_map_id(&map.id)?,
            definition: required(map.definition, "a map without its definition")?.try_into()?,
            version: map.version,
            author: map.author,
            create_time: read_time(map.create_time, "a map without its times")?,
            update_time: read_time(map.update_time, "a map without its times")?,
            state: MapState::from_number(map.state)?,
            state_time: read_time(map.state_time, "a map without its times")?,
            held_back_since: map.held_back_since.map(TryInto::try_into).transpose()?,
            schemas,
            execution: map.execution.map(ExecutionNumber),
            stopped_execution: map.stopped_execution.map(ExecutionNumber),
            recent_requests: map.recent_requests,
            revision: Revision(map.revision),
        })
    }
}

/// Whole milliseconds; what does not fit is as good as for ever.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&Definition> for message::Definition {
    fn from(definition: &Definition) -> Self {
        Self {
            display_name: definition.display_name.clone(),
            left: Some((&definition.left).into()),
            right: Some((&definition.right).into()),
            integration_key: definition.integration_key.clone(),
            columns: definition.columns.iter().map(Into::into).collect(),
            sync_mode: definition.sync_mode.number(),
            master: definition.master.number(),
            related: definition.related.iter().map(MapId::to_string).collect(),
            max_pause_ms: milliseconds(definition.queue_limits.max_pause),
            queue_bytes_max: definition.queue_limits.max_bytes,
            error_retention_ms: milliseconds(definition.error_retention),
            conflict_policy: definition.conflict_policy.number(),
        }
    }
}

impl TryFrom<message::Definition> for Definition {
    type Error = Unreadable;

    fn try_from(definition: message::Definition) -> Result<Self, Unreadable> {
        Ok(Self {
            display_name: definition.display_name,
            left: required(definition.left, "a definition without its tables")?.try_into()?,
            right: required(definition.right, "a definition without its tables")?.try_into()?,
            integration_key: definition.integration_key,
            columns: definition.columns.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            sync_mode: SyncMode::from_number(definition.sync_mode)?,
            master: Side::from_number(definition.master)?,
            related: definition.related.iter().map(|id| read_map_id(id)).collect::<Result<_, _>>()?,
            queue_limits: QueueLimits {
                max_pause: Duration::from_millis(definition.max_pause_ms),
                max_bytes: definition.queue_bytes_max,
            },
            error_retention: Duration::from_millis(definition.error_retention_ms),
            conflict_policy: ConflictPolicy::from_number(definition.conflict_policy)?,
        })
    }
}

impl From<&TableRef> for message::TableRef {
    fn from(table: &TableRef) -> Self {
        Self { application: table.application.to_string(), table: table.table.clone(), filter: table.filter.clone() }
    }
}

impl TryFrom<message::TableRef> for TableRef {
    type Error = Unreadable;

    fn try_from(table: message::TableRef) -> Result<Self, Unreadable> {
        let application = AppId::parse(&table.application).map_err(|_| Unreadable("the id of an application"))?;
        Ok(Self { application, table: table.table, filter: table.filter })
    }
}

impl From<&ColumnMapping> for message::ColumnMapping {
    fn from(mapping: &ColumnMapping) -> Self {
        Self {
            left_column: mapping.left_column.clone(),
            right_column: mapping.right_column.clone(),
            direction: mapping.direction.number(),
            left_to_right: mapping.left_to_right.iter().map(Into::into).collect(),
            right_to_left: mapping.right_to_left.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<message::ColumnMapping> for ColumnMapping {
    type Error = Unreadable;

    fn try_from(mapping: message::ColumnMapping) -> Result<Self, Unreadable> {
        let transforms = |transforms: Vec<message::Transform>| -> Result<Vec<Transform>, Unreadable> {
            transforms.into_iter().map(TryInto::try_into).collect()
        };
        Ok(Self {
            left_column: mapping.left_column,
            right_column: mapping.right_column,
            direction: Direction::from_number(mapping.direction)?,
            left_to_right: transforms(mapping.left_to_right)?,
            right_to_left: transforms(mapping.right_to_left)?,
        })
    }
}

impl From<&Transform> for message::Transform {
    fn from(transform: &Transform) -> Self {
        let pair = |(from, to): &(String, String)| message::ValuePair { from: from.clone(), to: to.clone() };
        let kind = match transform {
            Transform::Default(value) => Kind::Default(value.into()),
            Transform::ValueMap(pairs) => Kind::ValueMap(message::ValueMap { pairs: pairs.iter().map(pair).collect() }),
            Transform::Constant(value) => Kind::Constant(value.into()),
            Transform::Expression(expression) => Kind::Expression(expression.clone()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<message::Transform> for Transform {
    type Error = Unreadable;

    fn try_from(transform: message::Transform) -> Result<Self, Unreadable> {
        Ok(match required(transform.kind, "a transform without a kind")? {
            Kind::Default(value) => Transform::Default(value.try_into()?),
            Kind::ValueMap(map) => {
                Transform::ValueMap(map.pairs.into_iter().map(|pair| (pair.from, pair.to)).collect())
            }
            Kind::Constant(value) => Transform::Constant(value.try_into()?),
            Kind::Expression(expression) => Transform::Expression(expression),
        })
    }
}
