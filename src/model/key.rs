//! The integration key of a record: its values in the order in which the map names the key's columns.

use super::value::Value;
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// The values of an integration key. No value of a key is null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Vec<Value>);

impl Key {
    pub fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// The key as bytes: equal keys give equal bytes, different keys different ones, and a key that begins with
    /// another's values begins with its bytes. What lanes, indexes and prefix filters use.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 12);
        self.encode_into(&mut bytes);
        bytes
    }

    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) {
        for value in &self.0 {
            encode_value(value, bytes);
        }
    }

    /// What the bytes of every key begin with that has these values in front, the last of them, where it is text, perhaps longer.
    pub fn encode_beginning(values: &[Value]) -> Vec<u8> {
        let mut bytes = Key(values.to_vec()).encode();
        if let Some(Value::String(_)) = values.last() {
            bytes.truncate(bytes.len() - TERMINATOR.len());
        }
        bytes
    }

    /// Equal keys have the same; others nearly never.
    pub fn hashed(&self) -> u64 {
        let mut bytes = Vec::with_capacity(32);
        self.encode_into(&mut bytes);
        xxh3_64(&bytes)
    }

    /// About how many bytes it takes, for limits.
    pub fn size(&self) -> usize {
        self.0.iter().map(Value::size).sum()
    }
}

const TERMINATOR: [u8; 2] = [0, 0];

/// One tag, then the value so that bytes order as values do within a kind; text and bytes end with a terminator
/// (`00` is written `00 FF`, the end `00 00`).
pub(super) fn encode_value(value: &Value, bytes: &mut Vec<u8>) {
    let terminated = |tag: u8, content: &[u8], bytes: &mut Vec<u8>| {
        bytes.push(tag);
        for (index, part) in content.split(|byte| *byte == 0).enumerate() {
            if index > 0 {
                bytes.extend([0, 0xFF]);
            }
            bytes.extend_from_slice(part);
        }
        bytes.extend(TERMINATOR);
    };
    match value {
        Value::Null => bytes.push(0),
        Value::Bool(v) => bytes.extend([1, u8::from(*v)]),
        Value::Int(v) => {
            bytes.push(2);
            bytes.extend((v.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        }
        Value::Double(v) => {
            let bits = if v.is_nan() { f64::NAN } else { v + 0.0 }.to_bits();
            let ordered = if bits >> 63 == 1 { !bits } else { bits ^ (1 << 63) };
            bytes.push(3);
            bytes.extend(ordered.to_be_bytes());
        }
        Value::String(v) => terminated(4, v.as_bytes(), bytes),
        Value::Bytes(v) => terminated(5, v, bytes),
        Value::Timestamp(v) => {
            bytes.push(6);
            bytes.extend((v.timestamp().cast_unsigned() ^ (1 << 63)).to_be_bytes());
            bytes.extend(v.timestamp_subsec_nanos().to_be_bytes());
        }
        Value::Date(v) => terminated(7, v.to_string().as_bytes(), bytes),
        Value::Decimal(v) => terminated(8, v.canonical().as_bytes(), bytes),
        Value::Uuid(v) => {
            bytes.push(9);
            bytes.extend(v.as_bytes());
        }
        Value::Json(v) => terminated(10, v.as_bytes(), bytes),
    }
}

/// `7`, or `(7, "a")` when there are several columns.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            values => {
                f.write_str("(")?;
                for (index, value) in values.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{value}")?;
                }
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_order_as_values_do_and_tell_keys_apart() {
        let ordered = [i64::MIN, -5, -1, 0, 1, 300, i64::MAX].map(|v| Key::new(vec![Value::Int(v)]).encode());
        assert!(ordered.is_sorted());
        let text = |a: &str, b: &str| Key::new(vec![Value::String(a.into()), Value::String(b.into())]).encode();
        assert_ne!(text("a\0", "b"), text("a", "\0b"));
        assert!(text("a", "z") < text("aa", "a"));
        let beginning = |values: &[Value]| Key::encode_beginning(values);
        assert!(text("aa", "a").starts_with(&beginning(&[Value::String("a".into())])));
        assert!(text("a", "bc").starts_with(&beginning(&[Value::String("a".into()), Value::String("b".into())])));
        assert!(!text("aa", "bc").starts_with(&beginning(&[Value::String("a".into()), Value::String("b".into())])));
        assert_eq!(beginning(&[]), [] as [u8; 0]);
        let decimal =
            |v: &str| Key::new(vec![Value::Decimal(crate::model::value::Decimal::parse(v).unwrap())]).encode();
        assert_eq!(decimal("1.50"), decimal("1.5"));
    }
}
