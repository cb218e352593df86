//! One value of one column. The set is closed: what a database holds either has an exact home here or is refused
//! beforehand, so that no value changes on its way (api.md, "Values").

use chrono::{DateTime, NaiveDate, Utc};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use uuid::Uuid;

/// A value. Two are equal when they mean the same: `1.50` and `1.5` as decimals, any two NaN as doubles. What is long is shared: a copy
/// of a value copies no text.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    /// An instant. Databases keep microseconds at most; finer ones are refused by the column's type, not rounded.
    Timestamp(DateTime<Utc>),
    Date(NaiveDate),
    Decimal(Decimal),
    Uuid(Uuid),
    /// JSON text as it was given.
    Json(Arc<str>),
}

impl Value {
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Value::String(text.into())
    }

    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Value::Bytes(bytes.into())
    }

    pub fn json(text: impl Into<Arc<str>>) -> Self {
        Value::Json(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The kind, for messages: what the proto's oneof calls it without `_value`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int64",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Date(_) => "date",
            Value::Decimal(_) => "decimal",
            Value::Uuid(_) => "uuid",
            Value::Json(_) => "json",
        }
    }

    /// About how many bytes it takes, for limits and batches.
    pub fn size(&self) -> usize {
        match self {
            Value::Null | Value::Bool(_) => 1,
            Value::Int(_) | Value::Double(_) | Value::Date(_) => 8,
            Value::Timestamp(_) => 12,
            Value::Uuid(_) => 16,
            Value::String(text) | Value::Json(text) => text.len() + 4,
            Value::Bytes(bytes) => bytes.len() + 4,
            Value::Decimal(decimal) => decimal.as_str().len() + 4,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Double(a), Value::Double(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Date(a), Value::Date(b)) => a == b,
            (Value::Decimal(a), Value::Decimal(b)) => a == b,
            (Value::Uuid(a), Value::Uuid(b)) => a == b,
            (Value::Json(a), Value::Json(b)) => a == b || says_the_same(a, b),
            _ => false,
        }
    }
}

impl Eq for Value {}

/// Databases write JSON in their own spacing and order, and its numbers in their own way; what it says counts.
fn says_the_same(a: &str, b: &str) -> bool {
    fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
        use serde_json::Value::{Array, Number, Object};
        match (a, b) {
            (Number(a), Number(b)) => worth(&a.to_string()) == worth(&b.to_string()),
            (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Object(a), Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
            }
            (a, b) => a == b,
        }
    }
    match (serde_json::from_str(a), serde_json::from_str(b)) {
        (Ok(a), Ok(b)) => same(&a, &b),
        _ => false,
    }
}

/// A JSON number as its sign, its digits without zeros at either end, and the power of ten of the last one: `-1.50e3`
/// is (true, "15", 2). Zero has no digits and no sign.
fn worth(number: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let shortened = digits.trim_end_matches('0');
    let significant = shortened.trim_start_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let moved = i64::try_from(digits.len() - shortened.len()).unwrap_or(i64::MAX)
        - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    (negative, significant.to_owned(), exponent.parse::<i64>().unwrap_or(i64::MAX).saturating_add(moved))
}

/// Agrees with equality: JSON hashes by its kind alone, since equal JSON may be written differently.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Value::Null | Value::Json(_) => {}
            Value::Bool(v) => v.hash(state),
            Value::Int(v) => v.hash(state),
            Value::Double(v) if v.is_nan() => f64::NAN.to_bits().hash(state),
            Value::Double(v) => (v + 0.0).to_bits().hash(state), // -0.0 + 0.0 is 0.0, and the two are equal
            Value::String(v) => v.hash(state),
            Value::Bytes(v) => v.hash(state),
            Value::Timestamp(v) => v.hash(state),
            Value::Date(v) => v.hash(state),
            Value::Decimal(v) => v.hash(state),
            Value::Uuid(v) => v.hash(state),
        }
    }
}

/// For logs and messages: short, and never a whole row of text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TEXT_CHARS_MAX: usize = 80;
        let short = |text: &str| -> String {
            if text.chars().count() > TEXT_CHARS_MAX {
                text.chars().take(TEXT_CHARS_MAX).chain(['…']).collect()
            } else {
                text.to_owned()
            }
        };
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(v) => v.fmt(f),
            Value::Int(v) => v.fmt(f),
            Value::Double(v) => v.fmt(f),
            Value::String(v) => write!(f, "{:?}", short(v)),
            Value::Bytes(v) => write!(f, "{} bytes", v.len()),
            Value::Timestamp(v) => f.write_str(&v.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            Value::Date(v) => v.fmt(f),
            Value::Decimal(v) => v.fmt(f),
            Value::Uuid(v) => v.fmt(f),
            Value::Json(v) => f.write_str(&short(v)),
        }
    }
}

/// A decimal number of any precision, kept as it was written (`1.50` keeps its scale) and compared by what it is worth.
#[derive(Debug, Clone)]
pub struct Decimal(String);

/// Text that is no decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{found}\" is not a decimal number such as -12.50 (digits, one point, no exponent)")]
pub struct BadDecimal {
    pub found: String,
}

impl Decimal {
    /// Takes `-12.50`: an optional sign, digits, optionally a point and digits. No exponent, no NaN, no infinity.
    pub fn parse(text: &str) -> Result<Self, BadDecimal> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if numeric(whole) && numeric(fraction) {
            Ok(Self(text.strip_prefix('+').unwrap_or(text).to_owned()))
        } else {
            Err(BadDecimal { found: text.chars().take(80).collect() })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sign, whole digits without leading zeros, fraction digits without trailing zeros. Minus zero is zero.
    fn parts(&self) -> (bool, &str, &str) {
        let (negative, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.0.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
    }

    /// How many digits stand before the point (leading zeros left out) and behind it (trailing zeros left out).
    pub fn digits(&self) -> (usize, usize) {
        let (_, whole, fraction) = self.parts();
        (whole.len(), fraction.len())
    }

    /// The one way of writing its worth: what keys and comparisons use.
    pub fn canonical(&self) -> String {
        let (negative, whole, fraction) = self.parts();
        let sign = if negative { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_worth_and_keep_their_writing() {
        let decimal = |text: &str| Decimal::parse(text).unwrap();
        assert_eq!(decimal("1.50"), decimal("+01.5"));
        assert_eq!(decimal("-0.00"), decimal("0"));
        assert_ne!(decimal("-1"), decimal("1"));
        assert_eq!(decimal("1.50").as_str(), "1.50");
        assert_eq!(decimal("-007.2500").canonical(), "-7.25");
        assert_eq!(decimal("-0.0").canonical(), "0");
        assert_eq!(decimal("0012.340").digits(), (2, 2));
        for bad in ["", ".", "1.", ".5", "1e5", "NaN", "--1", "1,5", "١"] {
            assert!(Decimal::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn equal_json_may_be_written_differently() {
        let json = |text: &str| Value::Json(text.into());
        assert_eq!(json(r#"{"a":1,"b":[2]}"#), json(r#"{ "b": [2], "a": 1 }"#));
        assert_ne!(json("1"), json("2"));
        assert_eq!(json("[-1.50e3, 0.0, 1E+2]"), json("[-1500, -0, 100]"));
        assert_ne!(json("[10]"), json("[1]"));
        assert_ne!(json("12345678901234567890123"), json("12345678901234567890124"));
    }
}
