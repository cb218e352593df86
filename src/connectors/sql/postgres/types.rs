//! PostgreSQL's types: which of ours each one is, and how its values are sent and read.

use crate::connectors::sql::cell::Wire;
use crate::connectors::sql::values::{database, no_trailing_space};
use crate::model::fit::Misfit;
use crate::model::schema::{Column, ColumnType, DecimalDigits};
use crate::model::value::Value;

/// A type as the catalog tells it, domains resolved.
pub struct Catalogued<'a> {
    pub name: &'a str,
    /// `e` is an enum, `b` a base type; the rest have no values of ours.
    pub typtype: &'a str,
    /// -1 when the type is not bounded.
    pub modifier: i64,
}

pub fn column_type(found: &Catalogued) -> ColumnType {
    let int = |min, max| ColumnType::Int { min, max };
    let bound = |extra: i64| u32::try_from(found.modifier - extra).ok();
    match (found.typtype, found.name) {
        ("e", _) => ColumnType::String { chars_max: None },
        ("b", "bool") => ColumnType::Bool,
        ("b", "int2") => int(i16::MIN.into(), i16::MAX.into()),
        ("b", "int4") => int(i32::MIN.into(), i32::MAX.into()),
        ("b", "int8") => int(i64::MIN, i64::MAX),
        ("b", "float4") => ColumnType::Float,
        ("b", "float8") => ColumnType::Double,
        ("b", "text" | "citext") => ColumnType::String { chars_max: None },
        ("b", "varchar" | "bpchar") => ColumnType::String { chars_max: bound(4) },
        ("b", "bytea") => ColumnType::Bytes { bytes_max: None },
        ("b", "timestamp" | "timestamptz") => {
            ColumnType::Timestamp { fraction_digits: u8::try_from(found.modifier).unwrap_or(6) }
        }
        ("b", "date") => ColumnType::Date,
        ("b", "numeric") => numeric(found.modifier),
        ("b", "uuid") => ColumnType::Uuid,
        ("b", "json" | "jsonb") => ColumnType::Json,
        ("b", name) if name.starts_with('_') => unsupported("arrays have no value"),
        (_, name) => unsupported(&format!("{name} has no value of the same meaning")),
    }
}

fn unsupported(why: &str) -> ColumnType {
    ColumnType::Unsupported { why: why.to_owned() }
}

/// The modifier holds precision and scale; the scale has eleven bits and a sign.
fn numeric(modifier: i64) -> ColumnType {
    if modifier < 4 {
        return ColumnType::Decimal { digits: None };
    }
    let packed = modifier - 4;
    let scale = ((packed & 0x7FF) ^ 0x400) - 0x400;
    let precision = (packed >> 16) & 0xFFFF;
    match (u32::try_from(precision), u32::try_from(scale)) {
        (Ok(precision), Ok(scale)) if scale <= precision => {
            ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) }
        }
        _ => unsupported("it rounds before the point, or has more digits behind it than in all"),
    }
}

/// How values of a column travel.
pub fn wire(column: &Column) -> Wire {
    match column.kind {
        ColumnType::Bool => Wire::Bool,
        ColumnType::Int { .. } => Wire::Int,
        ColumnType::Float | ColumnType::Double => Wire::Double,
        ColumnType::Bytes { .. } => Wire::Bytes,
        ColumnType::String { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Date
        | ColumnType::Decimal { .. }
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Unsupported { .. } => Wire::Text,
    }
}

pub fn name(wire: Wire) -> &'static str {
    match wire {
        Wire::Bool => "bool",
        Wire::Int => "int8",
        Wire::Double => "float8",
        Wire::Text => "text",
        Wire::Bytes => "bytea",
    }
}

/// `expression`, which is of the wire's type, as what the column is compared with and assigned from. Never with the
/// column's bounds: such a cast cuts and rounds, an assignment refuses.
pub fn cast(expression: &str, column: &Column) -> String {
    if wire(column) != Wire::Text {
        return expression.to_owned();
    }
    let base = unbounded(&column.database_type);
    match base.as_str() {
        "text" | "character varying" => expression.to_owned(),
        "character" => format!("{expression}::bpchar"),
        other => format!("{expression}::{other}"),
    }
}

/// `numeric(10,2)` without its bounds; names in quotes are left alone.
fn unbounded(database_type: &str) -> String {
    match (database_type.find('('), database_type.find(')')) {
        (Some(open), Some(close)) if open < close && !database_type.contains('"') => {
            format!("{}{}", &database_type[..open], &database_type[close + 1..])
        }
        _ => database_type.to_owned(),
    }
}

/// What PostgreSQL would not give back as it is, beside what no database would.
pub fn check(column: &Column, value: &Value) -> Result<(), Misfit> {
    match value {
        Value::String(text) | Value::Json(text) if text.contains('\0') => {
            Err(database("PostgreSQL holds no text with the character NUL".into()))
        }
        Value::String(_) if column.database_type.starts_with("character(") => no_trailing_space(value),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, modifier: i64) -> ColumnType {
        column_type(&Catalogued { name, typtype: "b", modifier })
    }

    #[test]
    fn bounds_are_read_from_the_catalog() {
        assert_eq!(of("varchar", 24), ColumnType::String { chars_max: Some(20) });
        assert_eq!(of("varchar", -1), ColumnType::String { chars_max: None });
        let digits = Some(DecimalDigits { precision: 10, scale: 2 });
        assert_eq!(of("numeric", (10 << 16 | 2) + 4), ColumnType::Decimal { digits });
        assert_eq!(of("numeric", -1), ColumnType::Decimal { digits: None });
        assert!(matches!(of("numeric", (3 << 16 | (0x800 - 2)) + 4), ColumnType::Unsupported { .. }));
        assert_eq!(of("timestamptz", 3), ColumnType::Timestamp { fraction_digits: 3 });
        assert!(matches!(of("_int4", -1), ColumnType::Unsupported { .. }));
        assert!(matches!(of("interval", -1), ColumnType::Unsupported { .. }));
    }

    #[test]
    fn casts_never_carry_bounds() {
        assert_eq!(unbounded("numeric(10,2)"), "numeric");
        assert_eq!(unbounded("timestamp(3) with time zone"), "timestamp with time zone");
        assert_eq!(unbounded("sales.\"odd(1)\""), "sales.\"odd(1)\"");
    }
}
