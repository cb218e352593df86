//! Tables and applications as the wire tells them.

use super::names;
use super::proto;
use crate::connectors::Application;
use crate::model::ids::AppId;
use crate::model::schema::{Column, ColumnType, TableSchema};

pub fn application(application: &dyn Application) -> proto::Application {
    proto::Application {
        name: names::application(application.id()),
        kind: application.kind().to_owned(),
        address: application.address().to_owned(),
    }
}

/// A table as lists have it: its name alone.
pub fn name_only(application: &AppId, table: String) -> proto::Table {
    proto::Table { name: names::table(application, &table), table, ..Default::default() }
}

pub fn table(application: &AppId, schema: TableSchema) -> proto::Table {
    let columns = schema.columns.iter().map(|column| self::column(column, &schema.primary_key)).collect();
    let foreign_keys = schema.foreign_keys.into_iter().map(|key| proto::ForeignKey {
        columns: key.columns,
        referred_table: key.referred_table,
        referred_columns: key.referred_columns,
    });
    proto::Table {
        name: names::table(application, &schema.table),
        table: schema.table,
        columns,
        foreign_keys: foreign_keys.collect(),
        primary_key: schema.primary_key,
        unique_keys: schema.unique_keys.into_iter().map(|columns| proto::UniqueKey { columns }).collect(),
    }
}

fn column(column: &Column, primary_key: &[String]) -> proto::Column {
    let place = primary_key.iter().position(|name| *name == column.name).map_or(0, |index| index + 1);
    let unsupported_reason = match &column.kind {
        ColumnType::Unsupported { why } => why.clone(),
        _ => String::new(),
    };
    proto::Column {
        name: column.name.clone(),
        r#type: proto::ColumnType::from(&column.kind).into(),
        database_type: column.database_type.clone(),
        nullable: column.nullable,
        has_default: column.has_default,
        read_only: column.read_only,
        key_position: i32::try_from(place).unwrap_or(i32::MAX),
        unsupported_reason,
    }
}

impl From<&ColumnType> for proto::ColumnType {
    fn from(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Bool => proto::ColumnType::Bool,
            ColumnType::Int { .. } => proto::ColumnType::Int64,
            ColumnType::Float | ColumnType::Double => proto::ColumnType::Double,
            ColumnType::String { .. } => proto::ColumnType::String,
            ColumnType::Bytes { .. } => proto::ColumnType::Bytes,
            ColumnType::Timestamp { .. } => proto::ColumnType::Timestamp,
            ColumnType::Date => proto::ColumnType::Date,
            ColumnType::Decimal { .. } => proto::ColumnType::Decimal,
            ColumnType::Uuid => proto::ColumnType::Uuid,
            ColumnType::Json => proto::ColumnType::Json,
            ColumnType::Unsupported { .. } => proto::ColumnType::Unsupported,
        }
    }
}
