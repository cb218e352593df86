//! The demo's records as the contract has them, and its table maps.

use super::tables::{Columns, Pair, Record};
use crate::model::table_map::Side;
use crate::model::value::Value;
use crate::services::proto as pb;
use std::collections::BTreeMap;

/// A whole record under one side's column names.
pub fn record(pair: &Pair, side: Side, values: &Record) -> pb::Record {
    let fields = pair.columns.iter().zip(values);
    pb::Record { fields: fields.map(|(columns, value)| (columns.of(side).to_owned(), self::value(value))).collect() }
}

/// The key alone.
pub fn key(pair: &Pair, side: Side, key: &str) -> pb::Record {
    let value = value(&Value::text(key));
    pb::Record { fields: BTreeMap::from([(pair.key_column(side).to_owned(), value)]) }
}

fn value(value: &Value) -> pb::Value {
    use pb::value::Kind;
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(*truth),
        Value::Int(number) => Kind::Int64Value(*number),
        Value::Double(number) => Kind::DoubleValue(*number),
        Value::String(text) => Kind::StringValue(text.as_ref().to_owned()),
        Value::Bytes(bytes) => Kind::BytesValue(bytes.to_vec()),
        Value::Timestamp(instant) => Kind::TimestampValue(prost_types::Timestamp {
            seconds: instant.timestamp(),
            nanos: i32::try_from(instant.timestamp_subsec_nanos()).unwrap_or_default(),
        }),
        Value::Date(date) => Kind::DateValue(date.to_string()),
        Value::Decimal(decimal) => Kind::DecimalValue(decimal.to_string()),
        Value::Uuid(uuid) => Kind::UuidValue(uuid.to_string()),
        Value::Json(text) => Kind::JsonValue(text.as_ref().to_owned()),
    };
    pb::Value { kind: Some(kind) }
}

/// The text of a value, for people: the key of a record in an error.
pub fn text(record: Option<&pb::Record>) -> String {
    use pb::value::Kind;
    let values = record.into_iter().flat_map(|record| record.fields.values());
    let texts = values.filter_map(|value| match &value.kind {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}

pub fn side(side: Side) -> i32 {
    match side {
        Side::Left => pb::Side::Left.into(),
        Side::Right => pb::Side::Right.into(),
    }
}

/// The map of a pair of tables.
pub fn table_map(pair: &Pair) -> pb::TableMap {
    let table = |side: Side, application: &str| pb::TableRef {
        application: format!("applications/{application}"),
        table: pair.table(side).to_owned(),
        ..Default::default()
    };
    let direction = if pair.is_reference { pb::Direction::LeftToRight } else { pb::Direction::Bidirectional };
    let mode = if pair.is_reference { pb::SyncMode::Synchronous } else { pb::SyncMode::Asynchronous };
    let mapping = |columns: &Columns| pb::ColumnMapping {
        left_column: columns.left.to_owned(),
        right_column: columns.right.to_owned(),
        direction: direction.into(),
        ..Default::default()
    };
    pb::TableMap {
        left: Some(table(Side::Left, "finance")),
        right: Some(table(Side::Right, "sales")),
        integration_key: vec![pair.key_column(Side::Left).to_owned()],
        column_mappings: pair.columns.iter().map(mapping).collect(),
        sync_mode: mode.into(),
        master: side(pair.master),
        ..Default::default()
    }
}
