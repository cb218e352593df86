//! What is remembered of values that this service wrote: a print of each, small enough to be kept for many keys, and what
//! a later write asks of them.

use super::value::Value;
use std::collections::BTreeSet;
use xxhash_rust::xxh3::xxh3_64;

/// Bits of a print that tell the value; those above tell the column.
const VALUE_BITS: u32 = 48;

/// A hash of a column with its value. Two prints of one column are told from those of others; one table's columns share
/// that part by chance once in many thousand pairs, which costs a look and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Print(pub u64);

impl Print {
    pub fn of(column: &str, value: &Value) -> Self {
        let mut bytes = Vec::with_capacity(column.len() + 1 + value.size());
        bytes.extend(column.as_bytes());
        bytes.push(0);
        let column = xxh3_64(&bytes) << VALUE_BITS;
        match value {
            // Databases write JSON in their own way; what it says is what counts.
            Value::Json(text) => {
                let said = serde_json::from_str::<serde_json::Value>(text).map(|said| said.to_string());
                bytes.extend(said.as_deref().unwrap_or(text).as_bytes());
            }
            other => super::key::encode_value(other, &mut bytes),
        }
        Self(column | (xxh3_64(&bytes) >> (64 - VALUE_BITS)))
    }

    pub fn is_of_the_same_column(self, other: Self) -> bool {
        self.0 >> VALUE_BITS == other.0 >> VALUE_BITS
    }
}

/// What a write must find at its destination to be made: what this service itself left there. So values are brought back
/// where a write of ours came over them, and nothing newer is overwritten (rules 3 and 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The row is gone, since we removed it.
    Gone,
    /// Columns still have these values; of several, those that do are written. A delete needs all of them.
    Columns(BTreeSet<Print>),
}

impl Over {
    /// About how many bytes it takes, for the limits of rule 6.
    pub fn size(&self) -> usize {
        match self {
            Over::Gone => 1,
            Over::Columns(prints) => prints.len() * size_of::<Print>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_tell_values_and_columns_apart() {
        let a = Print::of("a", &Value::Int(1));
        assert_eq!(a, Print::of("a", &Value::Int(1)));
        assert_ne!(a, Print::of("a", &Value::Int(2)));
        assert!(a.is_of_the_same_column(Print::of("a", &Value::Null)));
        assert!(!a.is_of_the_same_column(Print::of("b", &Value::Int(1))));
        let json = |text: &str| Print::of("a", &Value::Json(text.into()));
        assert_eq!(json(r#"{"b": 1, "a": [1.10]}"#), json(r#"{"a":[1.10],"b":1}"#));
        assert_ne!(json("[1]"), json("[2]"));
    }
}
