//! What fits: a value into a column ([`ColumnType::accepts`]), and a column's values into another column ([`ColumnType::fits`]).
//!
//! Databases round, cut and pad without a word. So every value is looked at before it is sent, and nothing that would
//! come back changed is sent at all.

use super::schema::{ColumnType, DecimalDigits};
use super::value::{Decimal, Value};
use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// The years that every database and the wire's timestamp hold alike.
pub const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// What a decimal column without bounds holds, taken from PostgreSQL's numeric; past it digits would be cut.
const WHOLE_DIGITS_MAX: usize = 131_072;
const FRACTION_DIGITS_MAX: usize = 16_383;

/// Why a column cannot hold a value as it is. A record that has one is refused with BAD_REQUEST before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("a {found} was given, the column holds {expected}")]
    Kind { expected: &'static str, found: &'static str },
    #[error("{value} is not between {min} and {max}")]
    IntRange { value: i64, min: i64, max: i64 },
    #[error("{value} has no exact place in 32 bits")]
    NotExact { value: String },
    #[error("{found} {unit} are more than {max}")]
    TooLong { found: usize, max: u32, unit: &'static str },
    #[error("{value} needs more than {} digits, {} of them behind the point", .digits.precision, .digits.scale)]
    Digits { value: String, digits: DecimalDigits },
    #[error("{value} has digits behind the second that the column does not keep ({digits} of them)")]
    TooFine { value: String, digits: u8 },
    #[error("{value} is not in the years 1 to 9999")]
    Year { value: String },
    #[error("it is not JSON: {why}")]
    NotJson { why: String },
    #[error("the column's type has no exact value: {why}")]
    Unsupported { why: String },
    /// What only one kind of database cannot hold.
    #[error("{why}")]
    Database { why: String },
}

impl ColumnType {
    /// What a value of this type is called: the proto's oneof without `_value`.
    pub fn kind(&self) -> &'static str {
        match self {
            ColumnType::Bool => "bool",
            ColumnType::Int { .. } => "int64",
            ColumnType::Float | ColumnType::Double => "double",
            ColumnType::String { .. } => "string",
            ColumnType::Bytes { .. } => "bytes",
            ColumnType::Timestamp { .. } => "timestamp",
            ColumnType::Date => "date",
            ColumnType::Decimal { .. } => "decimal",
            ColumnType::Uuid => "uuid",
            ColumnType::Json => "json",
            ColumnType::Unsupported { .. } => "unsupported",
        }
    }

    /// Whether the value comes back from a column of this type as it went in. Null always does: whether the column
    /// takes it is the column's matter.
    pub fn accepts(&self, value: &Value) -> Result<(), Misfit> {
        if let ColumnType::Unsupported { why } = self {
            return Err(Misfit::Unsupported { why: why.clone() });
        }
        match (self, value) {
            (_, Value::Null) | (ColumnType::Bool, Value::Bool(_)) | (ColumnType::Double, Value::Double(_)) => Ok(()),
            (ColumnType::Uuid, Value::Uuid(_)) => Ok(()),
            (&ColumnType::Int { min, max }, &Value::Int(value)) if value < min || value > max => {
                Err(Misfit::IntRange { value, min, max })
            }
            (ColumnType::Int { .. }, Value::Int(_)) => Ok(()),
            (ColumnType::Float, Value::Double(value)) => accepts_in_32_bits(*value),
            (ColumnType::String { chars_max }, Value::String(text)) => {
                within(*chars_max, text.len(), || text.chars().count(), "characters")
            }
            (ColumnType::Bytes { bytes_max }, Value::Bytes(bytes)) => {
                within(*bytes_max, bytes.len(), || bytes.len(), "bytes")
            }
            (ColumnType::Timestamp { fraction_digits }, Value::Timestamp(instant)) => {
                accepts_instant(*fraction_digits, instant)
            }
            (ColumnType::Date, Value::Date(date)) => accepts_year(*date, || date.to_string()),
            (ColumnType::Decimal { digits }, Value::Decimal(decimal)) => accepts_digits(*digits, decimal),
            (ColumnType::Json, Value::Json(text)) => serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map(|_| ())
                .map_err(|error| Misfit::NotJson { why: error.to_string() }),
            (expected, found) => Err(Misfit::Kind { expected: expected.kind(), found: found.kind() }),
        }
    }

    /// Whether a column of this type finds an exact home in `destination`.
    ///
    /// `Ok(None)`: every value does. `Ok(Some(warning))`: a value may be refused, with its record, and nothing else is lost:
    /// lengths, ranges, whole digits. `Err(why)`: it is no home: another kind, a type without exact values, or
    /// fewer digits behind the point or the second, where nearly every record would be refused.
    pub fn fits(&self, destination: &ColumnType) -> Result<Option<String>, String> {
        for side in [self, destination] {
            if let ColumnType::Unsupported { why } = side {
                return Err(why.clone());
            }
        }
        match (self, destination) {
            (ColumnType::Bool, ColumnType::Bool)
            | (ColumnType::Float, ColumnType::Float | ColumnType::Double)
            | (ColumnType::Double, ColumnType::Double)
            | (ColumnType::Date, ColumnType::Date)
            | (ColumnType::Uuid, ColumnType::Uuid)
            | (ColumnType::Json, ColumnType::Json) => Ok(None),
            (ColumnType::Double, ColumnType::Float) => Err("64-bit numbers have no exact place in 32 bits".into()),
            (ColumnType::Int { min, max }, ColumnType::Int { min: to_min, max: to_max }) => {
                let narrower = to_min > min || to_max < max;
                Ok(narrower.then(|| format!("numbers outside {to_min} to {to_max} will be refused")))
            }
            (ColumnType::String { chars_max: from }, ColumnType::String { chars_max: to }) => {
                Ok(shorter(*from, *to, "characters"))
            }
            (ColumnType::Bytes { bytes_max: from }, ColumnType::Bytes { bytes_max: to }) => {
                Ok(shorter(*from, *to, "bytes"))
            }
            (ColumnType::Timestamp { fraction_digits: from }, ColumnType::Timestamp { fraction_digits: to }) => {
                if from <= to { Ok(None) } else { Err(format!("{from} digits behind the second do not fit into {to}")) }
            }
            (ColumnType::Decimal { digits: from }, ColumnType::Decimal { digits: to }) => decimal_fits(*from, *to),
            (from, to) => Err(format!("a {} is not a {}", from.kind(), to.kind())),
        }
    }
}

fn accepts_in_32_bits(value: f64) -> Result<(), Misfit> {
    let back = f64::from(value as f32);
    if value.is_nan() || back.to_bits() == value.to_bits() {
        Ok(())
    } else {
        Err(Misfit::NotExact { value: value.to_string() })
    }
}

/// `bytes` is never less than what is counted, so most values need no count.
fn within(max: Option<u32>, bytes: usize, count: impl Fn() -> usize, unit: &'static str) -> Result<(), Misfit> {
    match max {
        Some(max) if bytes > max as usize && count() > max as usize => {
            Err(Misfit::TooLong { found: count(), max, unit })
        }
        Some(_) | None => Ok(()),
    }
}

fn accepts_instant(digits: u8, instant: &DateTime<Utc>) -> Result<(), Misfit> {
    let text = || Value::Timestamp(*instant).to_string();
    let nanos = instant.timestamp_subsec_nanos(); // a leap second has more than 999,999,999
    let step = 10_u32.pow(9 - u32::from(digits.min(9)));
    if !nanos.is_multiple_of(step) || nanos > 999_999_999 {
        return Err(Misfit::TooFine { value: text(), digits });
    }
    accepts_year(instant.date_naive(), text)
}

fn accepts_year(date: NaiveDate, text: impl Fn() -> String) -> Result<(), Misfit> {
    if YEARS.contains(&date.year()) { Ok(()) } else { Err(Misfit::Year { value: text() }) }
}

fn accepts_digits(digits: Option<DecimalDigits>, decimal: &Decimal) -> Result<(), Misfit> {
    let (whole, fraction) = decimal.digits();
    let (whole_max, fraction_max) = match digits {
        Some(digits) => (digits.precision.saturating_sub(digits.scale) as usize, digits.scale as usize),
        None => (WHOLE_DIGITS_MAX, FRACTION_DIGITS_MAX),
    };
    if whole <= whole_max && fraction <= fraction_max {
        return Ok(());
    }
    let digits = digits.unwrap_or(DecimalDigits { precision: 147_455, scale: 16_383 });
    Err(Misfit::Digits { value: Value::text(decimal.to_string()).to_string(), digits })
}

fn shorter(from: Option<u32>, to: Option<u32>, unit: &str) -> Option<String> {
    let max = to?;
    let may_be_longer = from.is_none_or(|from| from > max);
    may_be_longer.then(|| format!("more than {max} {unit} will be refused"))
}

fn decimal_fits(from: Option<DecimalDigits>, to: Option<DecimalDigits>) -> Result<Option<String>, String> {
    let Some(to) = to else { return Ok(None) };
    let Some(from) = from else {
        return Err(format!("any number of digits behind the point does not fit into {}", to.scale));
    };
    if from.scale > to.scale {
        return Err(format!("{} digits behind the point do not fit into {}", from.scale, to.scale));
    }
    let whole_max = to.precision.saturating_sub(to.scale);
    let narrower = from.precision.saturating_sub(from.scale) > whole_max;
    Ok(narrower.then(|| format!("more than {whole_max} digits before the point will be refused")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn decimal(text: &str) -> Value {
        Value::Decimal(Decimal::parse(text).unwrap())
    }

    fn digits(precision: u32, scale: u32) -> ColumnType {
        ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) }
    }

    fn instant(nanos: u32) -> Value {
        Value::Timestamp(Utc.timestamp_opt(1_700_000_000, nanos).unwrap())
    }

    #[test]
    fn what_comes_back_as_it_went_in_is_accepted() {
        let small = ColumnType::Int { min: -128, max: 127 };
        let text = |chars_max| ColumnType::String { chars_max };
        let at = |fraction_digits| ColumnType::Timestamp { fraction_digits };
        for (column, value) in [
            (small.clone(), Value::Int(127)),
            (small, Value::Null),
            (ColumnType::Float, Value::Double(0.5)),
            (ColumnType::Float, Value::Double(f64::NAN)),
            (ColumnType::Float, Value::Double(f64::INFINITY)),
            (ColumnType::Double, Value::Double(0.1)),
            (text(Some(2)), Value::String("😀é".into())),
            (text(None), Value::text("x".repeat(100_000))),
            (at(6), instant(123_456_000)),
            (at(0), instant(0)),
            (digits(5, 2), decimal("-123.450")),
            (digits(20, 0), decimal("18446744073709551615")),
            (ColumnType::Decimal { digits: None }, decimal(&"9".repeat(300))),
            (ColumnType::Json, Value::Json("[1,{}]".into())),
        ] {
            assert_eq!(column.accepts(&value), Ok(()), "{column:?} refused {value}");
        }
    }

    #[test]
    fn what_would_change_is_refused() {
        let at = |fraction_digits| ColumnType::Timestamp { fraction_digits };
        let early = NaiveDate::from_ymd_opt(0, 12, 31).unwrap();
        let late = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
        let leap = Utc.timestamp_opt(1_483_228_799, 1_000_000_000).unwrap();
        for (column, value) in [
            (ColumnType::Int { min: 0, max: 9 }, Value::Int(10)),
            (ColumnType::Int { min: 0, max: 9 }, decimal("1")),
            (ColumnType::Float, Value::Double(0.1)),
            (ColumnType::Float, Value::Double(1e300)),
            (ColumnType::String { chars_max: Some(2) }, Value::String("abc".into())),
            (ColumnType::Bytes { bytes_max: Some(2) }, Value::bytes([0; 3])),
            (at(3), instant(123_456_000)),
            (at(6), instant(123_456_789)),
            (at(6), Value::Timestamp(leap)),
            (ColumnType::Date, Value::Date(early)),
            (ColumnType::Date, Value::Date(late)),
            (digits(5, 2), decimal("1234.5")),
            (digits(5, 2), decimal("1.005")),
            (ColumnType::Json, Value::Json("{".into())),
            (ColumnType::Bool, Value::Int(1)),
            (ColumnType::Unsupported { why: "no".into() }, Value::Null),
        ] {
            assert!(column.accepts(&value).is_err(), "{column:?} took {value}");
        }
    }

    #[test]
    fn types_fit_when_nothing_can_be_lost_silently() {
        let int = |min, max| ColumnType::Int { min, max };
        let text = |chars_max| ColumnType::String { chars_max };
        let at = |fraction_digits| ColumnType::Timestamp { fraction_digits };
        let any = ColumnType::Decimal { digits: None };
        let exact = [
            (int(-5, 5), int(-9, 9)),
            (text(Some(20)), text(None)),
            (at(3), at(6)),
            (digits(10, 2), digits(12, 4)),
            (digits(10, 2), any.clone()),
            (ColumnType::Float, ColumnType::Double),
        ];
        for (from, to) in exact {
            assert_eq!(from.fits(&to), Ok(None), "{from:?} into {to:?}");
        }
        let warned = [(int(-9, 9), int(-5, 5)), (text(None), text(Some(20))), (digits(12, 2), digits(10, 2))];
        for (from, to) in warned {
            assert!(matches!(from.fits(&to), Ok(Some(_))), "{from:?} into {to:?}");
        }
        let refused = [
            (any, digits(10, 2)),
            (digits(10, 4), digits(20, 2)),
            (at(6), at(0)),
            (ColumnType::Double, ColumnType::Float),
            (ColumnType::Uuid, text(Some(36))),
            (int(0, 1), ColumnType::Bool),
            (text(None), ColumnType::Unsupported { why: "no".into() }),
        ];
        for (from, to) in refused {
            assert!(from.fits(&to).is_err(), "{from:?} into {to:?}");
        }
    }
}
