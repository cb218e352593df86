//! Values, rows, keys and failures.

use super::{Numbered, Unreadable, numbered, required};
use crate::model::failure::{ErrorType, Failure};
use crate::model::key::Key;
use crate::model::row::Row;
use crate::model::table_map::Side;
use crate::model::value::{Decimal, Value};
use crate::store::message::{self, value::Kind};
use chrono::{Datelike, NaiveDate};
use uuid::Uuid;

numbered!(Side, message::Side, "a side", [Left, Right]);
numbered!(
    ErrorType,
    message::ErrorType,
    "the type of a failure",
    [Application, BadRequest, Configuration, Authentication, Network, Unavailable, Throttled, Transient, Internal]
);

impl From<&Value> for message::Value {
    fn from(value: &Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null(true),
            Value::Bool(v) => Kind::Bool(*v),
            Value::Int(v) => Kind::Int(*v),
            Value::Double(v) => Kind::Double(*v),
            Value::String(v) => Kind::String(v.as_ref().to_owned()),
            Value::Bytes(v) => Kind::Bytes(v.to_vec()),
            Value::Timestamp(v) => Kind::Timestamp(v.into()),
            Value::Date(v) => Kind::Date(v.num_days_from_ce()),
            Value::Decimal(v) => Kind::Decimal(v.as_str().to_owned()),
            Value::Uuid(v) => Kind::Uuid(v.as_bytes().to_vec()),
            Value::Json(v) => Kind::Json(v.as_ref().to_owned()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<message::Value> for Value {
    type Error = Unreadable;

    fn try_from(value: message::Value) -> Result<Self, Unreadable> {
        Ok(match required(value.kind, "a value without a kind")? {
            Kind::Null(_) => Value::Null,
            Kind::Bool(v) => Value::Bool(v),
            Kind::Int(v) => Value::Int(v),
            Kind::Double(v) => Value::Double(v),
            Kind::String(v) => Value::text(v),
            Kind::Bytes(v) => Value::bytes(v),
            Kind::Timestamp(v) => Value::Timestamp(v.try_into()?),
            Kind::Date(v) => Value::Date(NaiveDate::from_num_days_from_ce_opt(v).ok_or(Unreadable("a date"))?),
            Kind::Decimal(v) => Value::Decimal(Decimal::parse(&v).map_err(|_| Unreadable("a decimal"))?),
            Kind::Uuid(v) => Value::Uuid(Uuid::from_slice(&v).map_err(|_| Unreadable("a uuid"))?),
            Kind::Json(v) => Value::json(v),
        })
    }
}

impl From<&Row> for message::Row {
    fn from(row: &Row) -> Self {
        let column =
            |(name, value): (&str, &Value)| message::Column { name: name.to_owned(), value: Some(value.into()) };
        Self { columns: row.iter().map(column).collect() }
    }
}

impl TryFrom<message::Row> for Row {
    type Error = Unreadable;

    fn try_from(row: message::Row) -> Result<Self, Unreadable> {
        let column = |column: message::Column| {
            Ok((column.name, Value::try_from(required(column.value, "a column without a value")?)?))
        };
        row.columns.into_iter().map(column).collect()
    }
}

impl From<&Key> for message::Key {
    fn from(key: &Key) -> Self {
        Self { values: key.values().iter().map(Into::into).collect() }
    }
}

impl TryFrom<message::Key> for Key {
    type Error = Unreadable;

    fn try_from(key: message::Key) -> Result<Self, Unreadable> {
        let values: Result<Vec<Value>, Unreadable> = key.values.into_iter().map(TryInto::try_into).collect();
        values.map(Key::new)
    }
}

impl From<&Failure> for message::Failure {
    fn from(failure: &Failure) -> Self {
        Self {
            r#type: failure.kind.number(),
            code: failure.code.clone(),
            message: failure.message.clone(),
            constraint: failure.constraint.clone(),
            column: failure.column.clone(),
            referred_key: failure.referred_key.clone(),
        }
    }
}

impl TryFrom<message::Failure> for Failure {
    type Error = Unreadable;

    fn try_from(failure: message::Failure) -> Result<Self, Unreadable> {
        Ok(Self {
            kind: ErrorType::from_number(failure.r#type)?,
            code: failure.code,
            message: failure.message,
            constraint: failure.constraint,
            column: failure.column,
            referred_key: failure.referred_key,
        })
    }
}
