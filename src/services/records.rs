//! Values and records of the wire, and rows of the model.

use super::Services;
use super::input::Input;
use super::proto;
use super::proto::value::Kind;
use super::times;
use crate::model::row::Row;
use crate::model::table_map::Side;
use crate::model::value::{Decimal, Value};
use chrono::NaiveDate;
use uuid::Uuid;

impl From<Value> for proto::Value {
    fn from(value: Value) -> Self {
        let kind = match value {
            Value::Null => Kind::NullValue(prost_types::NullValue::NullValue as i32),
            Value::Bool(value) => Kind::BoolValue(value),
            Value::Int(value) => Kind::Int64Value(value),
            Value::Double(value) => Kind::DoubleValue(value),
            Value::String(value) => Kind::StringValue(value.as_ref().to_owned()),
            Value::Bytes(value) => Kind::BytesValue(value.to_vec()),
            Value::Timestamp(value) => Kind::TimestampValue(times::timestamp(value)),
            Value::Date(value) => Kind::DateValue(value.to_string()),
            Value::Decimal(value) => Kind::DecimalValue(value.as_str().to_owned()),
            Value::Uuid(value) => Kind::UuidValue(value.to_string()),
            Value::Json(value) => Kind::JsonValue(value.as_ref().to_owned()),
        };
        Self { kind: Some(kind) }
    }
}

/// A value, or why it is none.
pub fn value(value: proto::Value) -> Result<Value, String> {
    Ok(match value.kind.ok_or("has no value; null is null_value")? {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(value) => Value::Bool(value),
        Kind::Int64Value(value) => Value::Int(value),
        Kind::DoubleValue(value) => Value::Double(value),
        Kind::StringValue(value) => Value::text(value),
        Kind::BytesValue(value) => Value::bytes(value),
        Kind::TimestampValue(value) => Value::Timestamp(times::instant(value)?),
        Kind::DateValue(value) => Value::Date(date(&value)?),
        Kind::DecimalValue(value) => Value::Decimal(Decimal::parse(&value).map_err(|error| error.to_string())?),
        Kind::UuidValue(value) => Value::Uuid(uuid(&value)?),
        Kind::JsonValue(value) => Value::json(value),
    })
}

fn date(text: &str) -> Result<NaiveDate, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // The parser is generous about digits; what is written back must be what came.
    date.filter(|date| date.to_string() == text).ok_or_else(|| "is no day such as 2026-02-28".to_owned())
}

fn uuid(text: &str) -> Result<Uuid, String> {
    const HYPHENATED: usize = 36;
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == HYPHENATED);
    uuid.ok_or_else(|| "is no UUID of 8-4-4-4-12 hexadecimal digits".to_owned())
}

/// A row as a record.
pub fn record(row: Row) -> proto::Record {
    proto::Record { fields: row.into_iter().map(|(column, value)| (column.to_string(), value.into())).collect() }
}

impl Services {
    /// A record as a row, of no more fields than the server takes.
    pub(super) fn row(&self, input: &mut Input, field: &str, record: proto::Record) -> Row {
        let (fields, fields_max) = (record.fields.len(), self.limits.record_fields_max);
        if fields > fields_max {
            input.wrong(format!("{field}.fields"), format!("has {fields} fields, at most {fields_max} are taken"));
            return Row::new();
        }
        input.row(field, record)
    }
}

impl Input {
    /// A record as a row. A value that is none is named, and null stands in for it so that the rest can be checked.
    pub fn row(&mut self, field: &str, record: proto::Record) -> Row {
        let value_of = |(column, given): (String, proto::Value)| {
            let value = value(given).unwrap_or_else(|why| {
                self.wrong(format!("{field}.fields[{column:?}]"), why);
                Value::Null
            });
            (column, value)
        };
        record.fields.into_iter().map(value_of).collect()
    }
}

impl From<Side> for proto::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => proto::Side::Left,
            Side::Right => proto::Side::Right,
        }
    }
}

/// The way that changes of this side go.
pub fn direction_from(source: Side) -> proto::Direction {
    match source {
        Side::Left => proto::Direction::LeftToRight,
        Side::Right => proto::Direction::RightToLeft,
    }
}

/// A count as the wire has it.
pub fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A total as lists have it.
pub fn total(number: u64) -> Option<i32> {
    Some(i32::try_from(number).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn values_come_back_as_they_went() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Double(-0.5),
            Value::String("ä\0".into()),
            Value::bytes([0, 255]),
            Value::Timestamp(DateTime::from_timestamp(-62_135_596_800, 1).unwrap()),
            Value::Date(NaiveDate::from_ymd_opt(2026, 2, 28).unwrap()),
            Value::Decimal(Decimal::parse("-12.50").unwrap()),
            Value::Uuid(Uuid::from_u128(7)),
            Value::Json("{\"a\": 1}".into()),
        ];
        for expected in values {
            assert_eq!(value(expected.clone().into()), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_value_is_told_for_every_column() {
        let wrong = [
            ("date", Kind::DateValue("2026-2-28".into())),
            ("decimal", Kind::DecimalValue("1e5".into())),
            ("timestamp", Kind::TimestampValue(prost_types::Timestamp { seconds: 0, nanos: -1 })),
            ("uuid", Kind::UuidValue("0".repeat(32))),
        ];
        let fields = wrong.into_iter().map(|(column, kind)| (column.to_owned(), proto::Value { kind: Some(kind) }));
        let fields = fields.chain([("nothing".to_owned(), proto::Value { kind: None })]).collect();
        let mut input = Input::default();
        let row = input.row("record", proto::Record { fields });
        assert_eq!(row.len(), 5);
        let named: Vec<String> = input.violations().into_iter().map(|violation| violation.field).collect();
        let expected = ["date", "decimal", "nothing", "timestamp", "uuid"];
        assert_eq!(named, expected.map(|column| format!("record.fields[{column:?}]")));
    }
}
