//! MariaDB's and MySQL's types: which of ours each one is, and how its values are sent, read, compared and ordered.

use super::sql::quote;
use crate::connectors::sql::cell::Wire;
use crate::connectors::sql::values::{database, no_trailing_space};
use crate::model::fit::Misfit;
use crate::model::schema::{Column, ColumnType, DecimalDigits};
use crate::model::value::{Decimal, Value};

/// A column as `information_schema` tells it.
pub struct Catalogued<'a> {
    /// `decimal`
    pub data_type: &'a str,
    /// `decimal(10,2) unsigned`
    pub column_type: &'a str,
    pub chars_max: i64,
    pub precision: i64,
    pub scale: i64,
    pub fraction_digits: i64,
    /// MariaDB's JSON is text with a check.
    pub checked_as_json: bool,
}

pub fn column_type(found: &Catalogued) -> ColumnType {
    let unsigned = found.column_type.contains("unsigned");
    let int = |bits: u32| {
        let (min, max) = if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) };
        ColumnType::Int { min, max }
    };
    let bound = u32::try_from(found.chars_max).ok();
    let unsupported = |why: &str| ColumnType::Unsupported { why: why.to_owned() };
    let rounds = found.column_type.contains(',');
    match found.data_type {
        "tinyint" if found.column_type == "tinyint(1)" => ColumnType::Bool,
        "bit" if found.column_type == "bit(1)" => ColumnType::Bool,
        "tinyint" => int(8),
        "smallint" => int(16),
        "mediumint" => int(24),
        "int" => int(32),
        "bigint" if unsigned => ColumnType::Decimal { digits: Some(DecimalDigits { precision: 20, scale: 0 }) },
        "bigint" => ColumnType::Int { min: i64::MIN, max: i64::MAX },
        "year" => ColumnType::Int { min: 1901, max: 2155 },
        "float" | "double" if rounds => unsupported("it rounds to the digits that it is declared with"),
        "float" => ColumnType::Float,
        "double" => ColumnType::Double,
        "decimal" => match (u32::try_from(found.precision), u32::try_from(found.scale)) {
            (Ok(precision), Ok(scale)) => ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) },
            _ => unsupported("its digits are not known"),
        },
        _ if found.checked_as_json => ColumnType::Json,
        "json" => ColumnType::Json,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => ColumnType::String { chars_max: bound },
        "enum" | "set" => ColumnType::String { chars_max: None },
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            ColumnType::Bytes { bytes_max: bound }
        }
        "datetime" | "timestamp" => {
            ColumnType::Timestamp { fraction_digits: u8::try_from(found.fraction_digits).unwrap_or(0) }
        }
        "date" => ColumnType::Date,
        "uuid" => ColumnType::Uuid,
        "bit" => unsupported("a row of bits has no value of the same meaning"),
        "time" => unsupported("a time without a date has no value of the same meaning"),
        other => unsupported(&format!("{other} has no value of the same meaning")),
    }
}

/// How a column is selected, and the form in which it comes.
pub fn read(column: &Column) -> (String, Wire) {
    let name = quote(&column.name);
    match column.kind {
        ColumnType::Bool | ColumnType::Int { .. } => (format!("CAST({name} AS SIGNED)"), Wire::Int),
        ColumnType::Float | ColumnType::Double => (name, Wire::Double),
        ColumnType::Bytes { .. } => (name, Wire::Bytes),
        ColumnType::String { .. } => (name, Wire::Text),
        ColumnType::Timestamp { .. }
        | ColumnType::Date
        | ColumnType::Decimal { .. }
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Unsupported { .. } => (format!("CAST({name} AS CHAR)"), Wire::Text),
    }
}

/// One value to compare the column with. Text is made what the column is, or both would be compared as doubles.
pub fn placeholder(column: &Column) -> String {
    match column.kind {
        ColumnType::Decimal { .. } if column.database_type.starts_with("bigint") => "CAST(? AS UNSIGNED)".to_owned(),
        ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) } => {
            format!("CAST(? AS DECIMAL({precision},{scale}))")
        }
        ColumnType::Timestamp { .. } => "CAST(? AS DATETIME(6))".to_owned(),
        ColumnType::Date => "CAST(? AS DATE)".to_owned(),
        ColumnType::String { .. } => in_charset(column),
        ColumnType::Bool
        | ColumnType::Int { .. }
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Bytes { .. }
        | ColumnType::Decimal { digits: None }
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Unsupported { .. } => "?".to_owned(),
    }
}

/// What the type of a column is followed by when its text is not Unicode.
pub const COLLATE: &str = " collate ";

/// A column that is not Unicode is asked for text of its own, or nothing could be compared with it. Characters that it
/// lacks become question marks, so who uses this compares exactly as well.
fn in_charset(column: &Column) -> String {
    match column.database_type.split_once(COLLATE) {
        Some((_, collation)) => {
            let charset = collation.split('_').next().unwrap_or(collation);
            format!("CONVERT(? USING {charset}) COLLATE {collation}")
        }
        None => "?".to_owned(),
    }
}

pub fn is_text(column: &Column) -> bool {
    matches!(column.kind, ColumnType::String { .. })
}

/// A key's text as its bytes in UTF-8: only the same text is equal, in case, accents and spaces at the end.
pub fn exact(column: &Column, expression: &str) -> String {
    if is_text(column) { format!("CAST(CONVERT({expression} USING utf8mb4) AS BINARY)") } else { expression.to_owned() }
}

pub fn exact_placeholder(column: &Column) -> String {
    if is_text(column) { "CAST(? AS BINARY)".to_owned() } else { placeholder(column) }
}

fn is_enum(column: &Column) -> bool {
    column.database_type.starts_with("enum(") || column.database_type.starts_with("set(")
}

/// What pages are ordered by. An ENUM is ordered by its number but compared as text, so it is made text for both.
pub fn order(column: &Column) -> String {
    let name = quote(&column.name);
    if is_enum(column) { format!("CAST({name} AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin") } else { name }
}

pub fn order_placeholder(column: &Column) -> String {
    if is_enum(column) {
        "CAST(? AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin".to_owned()
    } else {
        placeholder(column)
    }
}

/// What MariaDB or MySQL would not give back as it is, beside what no database would.
pub fn check(column: &Column, value: &Value) -> Result<(), Misfit> {
    let declared = column.database_type.as_str();
    match value {
        Value::Double(number) if !number.is_finite() => Err(database("it holds neither NaN nor infinity".into())),
        Value::String(_) if declared.starts_with("char(") => no_trailing_space(value),
        Value::String(text) if is_enum(column) => check_member(declared, text),
        Value::Bytes(bytes) if declared.starts_with("binary(") => {
            let length = declared.trim_start_matches("binary(").trim_end_matches(')');
            if bytes.len().to_string() == length {
                Ok(())
            } else {
                Err(database(format!("a column of {length} bytes would fill {} bytes up with zeros", bytes.len())))
            }
        }
        Value::Json(text) if declared == "json" => check_json_numbers(text),
        Value::Uuid(uuid) if !is_uuid_of_mariadb(uuid.as_bytes()) => Err(database(format!(
            "MariaDB takes no UUID such as {uuid}, of a version from 8 on and none of its variants"
        ))),
        _ => Ok(()),
    }
}

/// A member of an ENUM as it is declared: another case becomes the member, and text that is a number becomes the member
/// of that number. Members of a SET come back in their order, once each.
fn check_member(declared: &str, text: &str) -> Result<(), Misfit> {
    let members = members(declared);
    let no_member = || Err(database(format!("{text:.80?} is none of the column's members, as they are spelled")));
    if declared.starts_with("enum(") {
        return if members.iter().any(|member| member == text) { Ok(()) } else { no_member() };
    }
    let mut rest = members.iter();
    let in_order = |given: &str| rest.by_ref().any(|member| member == given);
    if text.is_empty() || text.split(',').all(in_order) { Ok(()) } else { no_member() }
}

/// MariaDB stores the parts of a UUID in another order, which it must tell from the bytes themselves; so it refuses
/// those of versions from 8 on whose variant byte is 01 to 80 (seen at 10.11). None of the standard's is among them but
/// a few of version 8.
fn is_uuid_of_mariadb(bytes: &[u8; 16]) -> bool {
    bytes[6] < 0x80 || bytes[8] == 0 || bytes[8] > 0x80
}

/// `enum('a','it''s')` has `a` and `it's`.
fn members(declared: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut rest = declared;
    while let Some(start) = rest.find('\'') {
        let mut member = String::new();
        rest = &rest[start + 1..];
        while let Some(end) = rest.find('\'') {
            member.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(after) => {
                    member.push('\'');
                    rest = after;
                }
                None => break,
            }
        }
        members.push(member);
    }
    members
}

/// MySQL's JSON (not MariaDB's, which is text) keeps whole numbers of 64 bits and makes doubles of all others.
fn check_json_numbers(text: &str) -> Result<(), Misfit> {
    fn worst(json: &serde_json::Value) -> Option<String> {
        match json {
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                let exact = number.is_i64() || number.is_u64() || is_double(&text);
                (!exact).then_some(text)
            }
            serde_json::Value::Array(items) => items.iter().find_map(worst),
            serde_json::Value::Object(fields) => fields.values().find_map(worst),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => None,
        }
    }
    let json = serde_json::from_str(text).map_err(|error| Misfit::NotJson { why: error.to_string() })?;
    match worst(&json) {
        Some(number) => Err(database(format!("the number {number:.80} has no exact place in MySQL's JSON"))),
        None => Ok(()),
    }
}

fn is_double(text: &str) -> bool {
    let back = text.parse::<f64>().ok().and_then(|number| Decimal::parse(&number.to_string()).ok());
    back.is_some() && back == Decimal::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data_type: &str, column: &str) -> ColumnType {
        column_type(&Catalogued {
            data_type,
            column_type: column,
            chars_max: 20,
            precision: 10,
            scale: 2,
            fraction_digits: 3,
            checked_as_json: false,
        })
    }

    #[test]
    fn declared_types_have_meanings() {
        let int = |min, max| ColumnType::Int { min, max };
        assert_eq!(of("tinyint", "tinyint(1)"), ColumnType::Bool);
        assert_eq!(of("tinyint", "tinyint(4)"), int(-128, 127));
        assert_eq!(of("int", "int(10) unsigned"), int(0, 4_294_967_295));
        assert_eq!(of("bigint", "bigint(20)"), int(i64::MIN, i64::MAX));
        let digits = |precision, scale| ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) };
        assert_eq!(of("bigint", "bigint(20) unsigned"), digits(20, 0));
        assert_eq!(of("decimal", "decimal(10,2)"), digits(10, 2));
        assert_eq!(of("datetime", "datetime(3)"), ColumnType::Timestamp { fraction_digits: 3 });
        for (data_type, column) in [("float", "float(7,4)"), ("bit", "bit(8)"), ("time", "time"), ("point", "point")] {
            assert!(matches!(of(data_type, column), ColumnType::Unsupported { .. }), "{column}");
        }
    }

    #[test]
    fn only_members_as_they_are_spelled_are_sent() {
        let is_member = |declared: &str, text: &str| check_member(declared, text).is_ok();
        assert!(is_member("enum('a','it''s')", "it's"));
        for other in ["A", "1", "", "it"] {
            assert!(!is_member("enum('a','it''s')", other), "{other}");
        }
        assert!(is_member("set('a','b','c')", "a,c") && is_member("set('a','b','c')", ""));
        assert!(!is_member("set('a','b','c')", "c,a") && !is_member("set('a','b','c')", "a,a"));
    }

    #[test]
    fn json_numbers_that_mysql_would_round_are_refused() {
        for exact in ["[0.5, 1, -9223372036854775808, 18446744073709551615, \"0.1\"]", "{\"a\": 0.1}"] {
            assert_eq!(check_json_numbers(exact), Ok(()), "{exact}");
        }
        for inexact in ["0.10000000000000000001", "[{\"a\": 18446744073709551617}]"] {
            assert!(check_json_numbers(inexact).is_err(), "{inexact}");
        }
    }
}
