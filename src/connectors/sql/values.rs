//! Our values in the forms of the wire and back, as far as all databases agree. What only one of them does
//! differently is in its own folder.

use super::cell::Cell;
use crate::model::fit::Misfit;
use crate::model::schema::{Column, ColumnType};
use crate::model::value::{Decimal, Value};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use uuid::Uuid;

/// The cell that a value is sent as, once it is known to come back as it is.
pub fn encode(column: &Column, value: &Value) -> Result<Cell, Misfit> {
    column.kind.accepts(value)?;
    Ok(match value {
        Value::Null => Cell::Null,
        Value::Bool(truth) => Cell::Bool(*truth),
        Value::Int(number) => Cell::Int(*number),
        Value::Double(number) => Cell::Double(*number),
        Value::String(text) | Value::Json(text) => Cell::Text(text.clone()),
        Value::Bytes(bytes) => Cell::Bytes(bytes.clone()),
        Value::Timestamp(instant) => Cell::text(instant_text(instant)),
        Value::Date(date) => Cell::text(date.format("%Y-%m-%d").to_string()),
        Value::Decimal(decimal) => Cell::text(decimal.as_str()),
        Value::Uuid(uuid) => Cell::text(uuid.to_string()),
    })
}

/// `2024-01-02 03:04:05.000006`, UTC. Without a fraction when there is none, as the databases write it themselves.
fn instant_text(instant: &DateTime<Utc>) -> String {
    let format = if instant.timestamp_subsec_nanos() == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.6f" };
    instant.format(format).to_string()
}

/// The value that a cell is in a column of this type.
pub fn decode(column: &Column, cell: Cell) -> Result<Value, Misfit> {
    let unlike = |found: &Cell| Misfit::Kind { expected: column.kind.kind(), found: form(found) };
    let value = match (&column.kind, cell) {
        (_, Cell::Null) => Value::Null,
        (ColumnType::Bool, Cell::Bool(truth)) => Value::Bool(truth),
        (ColumnType::Bool, Cell::Int(number @ (0 | 1))) => Value::Bool(number == 1),
        (ColumnType::Bool, Cell::Int(value)) => return Err(Misfit::IntRange { value, min: 0, max: 1 }),
        (ColumnType::Int { .. }, Cell::Int(number)) => Value::Int(number),
        (ColumnType::Float | ColumnType::Double, Cell::Double(number)) => Value::Double(number),
        (ColumnType::String { .. }, Cell::Text(text)) => Value::String(text),
        (ColumnType::Bytes { .. }, Cell::Bytes(bytes)) => Value::Bytes(bytes),
        (ColumnType::Timestamp { .. }, Cell::Text(text)) => Value::Timestamp(instant(&text)?),
        (ColumnType::Date, Cell::Text(text)) => Value::Date(date(&text)?),
        (ColumnType::Decimal { .. }, Cell::Text(text)) => {
            Value::Decimal(Decimal::parse(&text).map_err(|error| database(error.to_string()))?)
        }
        (ColumnType::Uuid, Cell::Text(text)) => {
            Value::Uuid(Uuid::try_parse(&text).map_err(|_| database(format!("{text:.80?} is no UUID")))?)
        }
        (ColumnType::Json, Cell::Text(text)) => Value::Json(text),
        (ColumnType::Unsupported { why }, _) => return Err(Misfit::Unsupported { why: why.clone() }),
        (_, cell) => return Err(unlike(&cell)),
    };
    match value {
        // What the wire's timestamp does not hold. All else that is stored fits, or the database would not have it.
        Value::Timestamp(_) | Value::Date(_) => column.kind.accepts(&value).or_else(finer_is_read)?,
        _ => {}
    }
    Ok(value)
}

/// SQLite holds finer instants than are declared; reading them loses nothing.
fn finer_is_read(misfit: Misfit) -> Result<(), Misfit> {
    if matches!(misfit, Misfit::TooFine { .. }) { Ok(()) } else { Err(misfit) }
}

pub fn database(why: String) -> Misfit {
    Misfit::Database { why }
}

/// What a cell is, for messages.
pub fn form(cell: &Cell) -> &'static str {
    match cell {
        Cell::Null => "null",
        Cell::Bool(_) => "truth value",
        Cell::Int(_) => "whole number",
        Cell::Double(_) => "double",
        Cell::Text(_) => "text",
        Cell::Bytes(_) => "row of bytes",
        Cell::List(..) => "list",
    }
}

/// Takes `2024-01-02 03:04:05`, with a `T`, a fraction, `Z` or an offset. Without an offset it is UTC.
pub fn instant(text: &str) -> Result<DateTime<Utc>, Misfit> {
    let plain = text.replacen('T', " ", 1);
    let local = plain.strip_suffix(['Z', 'z']).unwrap_or(&plain);
    NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M:%S%.f")
        .map(|instant| instant.and_utc())
        .or_else(|_| DateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M:%S%.f%#z").map(|instant| instant.to_utc()))
        .map_err(|_| database(format!("{text:.80?} is no instant of the years 1 to 9999")))
}

fn date(text: &str) -> Result<NaiveDate, Misfit> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_| database(format!("{text:.80?} is no date of the years 1 to 9999")))
}

/// Refuses text that a column of fixed length would give back without its last spaces (`CHAR(n)`).
pub fn no_trailing_space(value: &Value) -> Result<(), Misfit> {
    match value {
        Value::String(text) if text.ends_with(' ') => {
            Err(database("a column of fixed length gives text back without its last spaces".into()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_way_that_databases_write_them() {
        let expected = DateTime::from_timestamp(1_704_164_645, 500_000_000).unwrap();
        for text in [
            "2024-01-02 03:04:05.5",
            "2024-01-02T03:04:05.500",
            "2024-01-02T03:04:05.500000Z",
            "2024-01-02 03:04:05.5+00",
            "2024-01-02 05:04:05.5+02:00",
        ] {
            assert_eq!(instant(text), Ok(expected), "{text}");
        }
        for text in ["infinity", "0044-03-15 00:00:00 BC", "2024-01-02", "1704164645", ""] {
            assert!(instant(text).is_err(), "{text} was taken");
        }
    }
}
