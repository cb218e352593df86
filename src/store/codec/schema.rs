//! Tables as their applications described them.

use super::{Unreadable, required};
use crate::model::schema::{Column, ColumnType, DecimalDigits, ForeignKey, TableSchema};
use crate::store::message::{
    self,
    column_type::{Kind, Plain},
};

impl From<&TableSchema> for message::TableSchema {
    fn from(schema: &TableSchema) -> Self {
        Self {
            table: schema.table.clone(),
            columns: schema.columns.iter().map(Into::into).collect(),
            primary_key: schema.primary_key.clone(),
            unique_keys: schema.unique_keys.iter().map(|key| message::UniqueKey { columns: key.clone() }).collect(),
            foreign_keys: schema.foreign_keys.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<message::TableSchema> for TableSchema {
    type Error = Unreadable;

    fn try_from(schema: message::TableSchema) -> Result<Self, Unreadable> {
        Ok(Self {
            table: schema.table,
            columns: schema.columns.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            primary_key: schema.primary_key,
            unique_keys: schema.unique_keys.into_iter().map(|key| key.columns).collect(),
            foreign_keys: schema.foreign_keys.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<&Column> for message::SchemaColumn {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            r#type: Some((&column.kind).into()),
            database_type: column.database_type.clone(),
            nullable: column.nullable,
            has_default: column.has_default,
            read_only: column.read_only,
        }
    }
}

impl TryFrom<message::SchemaColumn> for Column {
    type Error = Unreadable;

    fn try_from(column: message::SchemaColumn) -> Result<Self, Unreadable> {
        Ok(Self {
            name: column.name,
            kind: required(column.r#type, "a column without a type")?.try_into()?,
            database_type: column.database_type,
            nullable: column.nullable,
            has_default: column.has_default,
            read_only: column.read_only,
        })
    }
}

impl From<&ForeignKey> for message::ForeignKey {
    fn from(key: &ForeignKey) -> Self {
        Self {
            columns: key.columns.clone(),
            referred_table: key.referred_table.clone(),
            referred_columns: key.referred_columns.clone(),
        }
    }
}

impl From<message::ForeignKey> for ForeignKey {
    fn from(key: message::ForeignKey) -> Self {
        Self { columns: key.columns, referred_table: key.referred_table, referred_columns: key.referred_columns }
    }
}

impl From<&ColumnType> for message::ColumnType {
    fn from(kind: &ColumnType) -> Self {
        let kind = match kind {
            ColumnType::Bool => Kind::Plain(Plain::Bool.into()),
            ColumnType::Int { min, max } => Kind::Int(message::IntRange { min: *min, max: *max }),
            ColumnType::Float => Kind::Plain(Plain::Float.into()),
            ColumnType::Double => Kind::Plain(Plain::Double.into()),
            ColumnType::String { chars_max } => Kind::String(message::LengthLimit { max: *chars_max }),
            ColumnType::Bytes { bytes_max } => Kind::Bytes(message::LengthLimit { max: *bytes_max }),
            ColumnType::Timestamp { fraction_digits } => Kind::TimestampFractionDigits((*fraction_digits).into()),
            ColumnType::Date => Kind::Plain(Plain::Date.into()),
            ColumnType::Decimal { digits } => Kind::Decimal(message::DecimalLimit {
                digits: digits
                    .map(|digits| message::DecimalDigits { precision: digits.precision, scale: digits.scale }),
            }),
            ColumnType::Uuid => Kind::Plain(Plain::Uuid.into()),
            ColumnType::Json => Kind::Plain(Plain::Json.into()),
            ColumnType::Unsupported { why } => Kind::Unsupported(why.clone()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<message::ColumnType> for ColumnType {
    type Error = Unreadable;

    fn try_from(kind: message::ColumnType) -> Result<Self, Unreadable> {
        Ok(match required(kind.kind, "a type without a kind")? {
            Kind::Plain(number) => match Plain::try_from(number) {
                Ok(Plain::Bool) => ColumnType::Bool,
                Ok(Plain::Float) => ColumnType::Float,
                Ok(Plain::Double) => ColumnType::Double,
                Ok(Plain::Date) => ColumnType::Date,
                Ok(Plain::Uuid) => ColumnType::Uuid,
                Ok(Plain::Json) => ColumnType::Json,
                Ok(Plain::Unspecified) | Err(_) => return Err(Unreadable("the type of a column")),
            },
            Kind::Int(range) => ColumnType::Int { min: range.min, max: range.max },
            Kind::String(limit) => ColumnType::String { chars_max: limit.max },
            Kind::Bytes(limit) => ColumnType::Bytes { bytes_max: limit.max },
            Kind::TimestampFractionDigits(digits) => ColumnType::Timestamp {
                fraction_digits: u8::try_from(digits).map_err(|_| Unreadable("the digits of a timestamp"))?,
            },
            Kind::Decimal(limit) => ColumnType::Decimal {
                digits: limit.digits.map(|digits| DecimalDigits { precision: digits.precision, scale: digits.scale }),
            },
            Kind::Unsupported(why) => ColumnType::Unsupported { why },
        })
    }
}
