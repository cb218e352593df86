//! SQLite's types: a declared name gives an affinity by SQLite's rules (its documentation, "Datatypes", 3.1), and some
//! names give it a meaning. A value that its column's affinity would spoil is refused.

use crate::connectors::sql::cell::Cell;
use crate::connectors::sql::values::{self, database};
use crate::model::fit::Misfit;
use crate::model::schema::{Column, ColumnType, DecimalDigits};
use crate::model::value::{Decimal, Value};

/// Up to so many digits a decimal survives as the 64-bit number that NUMERIC affinity makes of it.
const NUMERIC_DIGITS_MAX: u32 = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

/// In the order of SQLite's rules: the first that matches holds. (`FLOATING POINT` is an INTEGER, by its last three letters.)
fn affinity(name: &str) -> Affinity {
    let has = |part: &str| name.contains(part);
    if has("INT") {
        Affinity::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Affinity::Text
    } else if has("BLOB") || name.is_empty() {
        Affinity::Blob
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// `varchar (20)` is `VARCHAR` and 20.
fn declared(text: &str) -> (String, Vec<u32>) {
    let (name, arguments) = text.split_once('(').unwrap_or((text, ""));
    let arguments = arguments.trim_end_matches([')', ' ']).split(',').filter_map(|n| n.trim().parse().ok()).collect();
    (name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase(), arguments)
}

pub fn column_type(database_type: &str) -> ColumnType {
    let (name, arguments) = declared(database_type);
    let first = arguments.first().copied();
    let unsupported = |why: &str| ColumnType::Unsupported { why: why.to_owned() };
    match name.as_str() {
        "" | "ANY" => unsupported("a column without a type may hold anything"),
        "BOOLEAN" | "BOOL" => ColumnType::Bool,
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" => ColumnType::Timestamp { fraction_digits: first.map_or(6, |n| n.min(6) as u8) },
        "UUID" => ColumnType::Uuid,
        "JSON" | "JSON_TEXT" => ColumnType::Json,
        "DECIMAL_TEXT" | "NUMERIC_TEXT" => match digits(&arguments) {
            Ok(digits) => ColumnType::Decimal { digits },
            Err(why) => unsupported(why),
        },
        "DECIMAL" | "NUMERIC" => match digits(&arguments) {
            Ok(Some(digits)) if digits.precision <= NUMERIC_DIGITS_MAX => ColumnType::Decimal { digits: Some(digits) },
            Ok(_) => unsupported("SQLite keeps 15 digits of it; declare DECIMAL(p,s) with p up to 15, or DECIMAL_TEXT"),
            Err(why) => unsupported(why),
        },
        other => match affinity(other) {
            Affinity::Integer => ColumnType::Int { min: i64::MIN, max: i64::MAX },
            Affinity::Text => ColumnType::String { chars_max: first },
            Affinity::Blob => ColumnType::Bytes { bytes_max: first },
            Affinity::Real => ColumnType::Double,
            Affinity::Numeric => unsupported("SQLite would turn text that looks like a number into one"),
        },
    }
}

fn digits(arguments: &[u32]) -> Result<Option<DecimalDigits>, &'static str> {
    match *arguments {
        [] => Ok(None),
        [precision] => Ok(Some(DecimalDigits { precision, scale: 0 })),
        [precision, scale] if scale <= precision => Ok(Some(DecimalDigits { precision, scale })),
        _ => Err("it has more digits behind the point than in all"),
    }
}

pub fn encode(column: &Column, value: &Value) -> Result<Cell, Misfit> {
    let is_text = || affinity(&declared(&column.database_type).0) == Affinity::Text;
    match value {
        Value::Double(number) if number.is_nan() => Err(database("SQLite stores NaN as null".into())),
        Value::Json(text) if is_number(text) && !is_text() => {
            let (name, _) = declared(&column.database_type);
            Err(database(format!("a column of type {name} turns a bare number into SQLite's; JSON_TEXT keeps it")))
        }
        Value::Decimal(decimal) => {
            column.kind.accepts(value)?;
            Ok(Cell::text(if is_text() { one_writing(column, decimal) } else { decimal.canonical() }))
        }
        _ => values::encode(column, value),
    }
}

fn is_number(json: &str) -> bool {
    json.trim_start().starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Text is compared as text, so a decimal has one writing: with the column's digits behind the point, or with as many
/// as it needs where the column sets none.
fn one_writing(column: &Column, decimal: &Decimal) -> String {
    let mut text = decimal.canonical();
    if let ColumnType::Decimal { digits: Some(DecimalDigits { scale, .. }) } = column.kind {
        let has = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if has == 0 && scale > 0 {
            text.push('.');
        }
        text.extend(std::iter::repeat_n('0', (scale as usize).saturating_sub(has)));
    }
    text
}

pub fn decode(column: &Column, cell: Cell) -> Result<Value, Misfit> {
    let number = |text: String| Decimal::parse(&text).map(Value::Decimal).map_err(|error| database(error.to_string()));
    let value = match (&column.kind, cell) {
        #[allow(clippy::cast_precision_loss, reason = "the range is checked")]
        (ColumnType::Double, Cell::Int(whole)) if whole.unsigned_abs() <= 1 << 53 => Value::Double(whole as f64),
        (ColumnType::Decimal { .. }, Cell::Int(whole)) => number(whole.to_string())?,
        (ColumnType::Decimal { .. }, Cell::Double(real)) => number(real.to_string())?,
        (ColumnType::Json, Cell::Int(whole)) => Value::json(whole.to_string()),
        (_, cell) => values::decode(column, cell)?,
    };
    if matches!(value, Value::Decimal(_)) {
        column.kind.accepts(&value)?; // SQLite does not mind what is declared
    }
    Ok(value)
}

pub fn check_key(column: &Column, stored: &Cell, value: &Value) -> Result<(), Misfit> {
    match stored {
        Cell::Text(text) if encode(column, value)? != *stored => {
            Err(database(format!("{text:.80?} is another writing of {value}; a key must have one")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_have_sqlites_affinities() {
        for (name, expected) in [
            ("TINYINT", Affinity::Integer),
            ("FLOATING POINT", Affinity::Integer),
            ("NATIVE CHARACTER", Affinity::Text),
            ("DECIMAL_TEXT", Affinity::Text),
            ("JSON_TEXT", Affinity::Text),
            ("BLOB", Affinity::Blob),
            ("DOUBLE PRECISION", Affinity::Real),
            ("FLOAT", Affinity::Real),
            ("DECIMAL", Affinity::Numeric),
            ("UUID", Affinity::Numeric),
            ("TIMESTAMP", Affinity::Numeric),
        ] {
            assert_eq!(affinity(name), expected, "{name}");
        }
    }

    #[test]
    fn declared_types_have_meanings() {
        let digits = |precision, scale| ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) };
        assert_eq!(column_type("varchar (20)"), ColumnType::String { chars_max: Some(20) });
        assert_eq!(column_type("DECIMAL(15, 4)"), digits(15, 4));
        assert_eq!(column_type("decimal_text(30,10)"), digits(30, 10));
        assert_eq!(column_type("DECIMAL_TEXT"), ColumnType::Decimal { digits: None });
        for inexact in ["DECIMAL(16,4)", "NUMERIC", "MONEY", "", "ANY", "DECIMAL(2,5)"] {
            assert!(matches!(column_type(inexact), ColumnType::Unsupported { .. }), "{inexact}");
        }
    }

    #[test]
    fn decimals_as_text_have_one_writing() {
        let column = |database_type: &str| Column {
            name: "c".into(),
            kind: column_type(database_type),
            database_type: database_type.into(),
            nullable: true,
            has_default: false,
            read_only: false,
        };
        let written = |database_type: &str, text: &str| {
            encode(&column(database_type), &Value::Decimal(Decimal::parse(text).unwrap()))
        };
        assert_eq!(written("DECIMAL_TEXT(10,2)", "1.5"), Ok(Cell::text("1.50")));
        assert_eq!(written("DECIMAL_TEXT(10,2)", "-0"), Ok(Cell::text("0.00")));
        assert_eq!(written("DECIMAL_TEXT(10,0)", "07"), Ok(Cell::text("7")));
        assert_eq!(written("DECIMAL_TEXT", "1.500"), Ok(Cell::text("1.5")));
        assert!(written("DECIMAL_TEXT(10,2)", "1.555").is_err());
        let json = |text: &str| encode(&column("JSON"), &Value::Json(text.into()));
        assert!(json(" -1").is_err() && json("[1]").is_ok());
    }
}
