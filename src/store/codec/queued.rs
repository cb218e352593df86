//! Records on their way into the queue and out of it: encoded from the model and decoded to it, without messages between. What is
//! encoded is what the messages would give, byte for byte, and what is decoded is what they would say (tests compare both). Every
//! change comes this way.

use super::{Numbered, Unreadable, required};
use crate::model::change::{Cause, Change, Operation, QueuedRecord};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::row::{Name, Row};
use crate::model::side::Side;
use crate::model::value::{Decimal, Value};
use crate::store::message;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use prost::Message;
use prost::bytes::BytesMut;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::encoding::{bool, double, int32, message as nested, sint32, sint64, uint32, uint64};
use prost::encoding::{encode_key, encode_varint, encoded_len_varint};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// A record as the queue keeps it: without what it has yielded, which stands beside it.
pub fn encode_queued(record: &QueuedRecord, to: &mut BytesMut) {
    let QueuedRecord { sequence, accept_time, change, previous, yielded: _ } = record;
    if sequence.0 != 0 {
        uint64::encode(1, &sequence.0, to);
    }
    int32::encode(2, &change.source.number(), to);
    uint32::encode(3, &u32::try_from(change.size()).unwrap_or(u32::MAX), to);
    nested::encode(4, &message::Time::from(accept_time), to);
    framed(5, to, |to| encode_change(change, to));
    if let Some(previous) = previous {
        uint64::encode(6, &previous.0, to);
    }
}

fn encode_change(change: &Change, to: &mut BytesMut) {
    int32::encode(1, &change.source.number(), to);
    int32::encode(2, &change.operation.number(), to);
    framed(3, to, |to| encode_key_values(&change.key, to));
    if let Some(previous_key) = &change.previous_key {
        framed(4, to, |to| encode_key_values(previous_key, to));
    }
    if !change.row.is_empty() {
        framed(5, to, |to| encode_row(&change.row, to));
    }
    if let Some(source_time) = &change.source_time {
        nested::encode(6, &message::Time::from(source_time), to);
    }
    for (tag, id) in [(7, &change.change_id), (8, &change.correlation_id)] {
        if !id.is_empty() {
            slice(tag, id.as_bytes(), to);
        }
    }
    int32::encode(9, &change.cause.number(), to);
    if let Some(over) = &change.over {
        nested::encode(10, &message::Over::from(over), to);
    }
}

fn encode_key_values(key: &Key, to: &mut BytesMut) {
    for value in key.values() {
        framed(1, to, |to| encode_value(value, to));
    }
}

fn encode_row(row: &Row, to: &mut BytesMut) {
    for (column, value) in row.iter() {
        framed(1, to, |to| {
            if !column.is_empty() {
                slice(1, column.as_bytes(), to);
            }
            framed(2, to, |to| encode_value(value, to));
        });
    }
}

/// A kind is told also where it has the value that a field has by itself.
fn encode_value(value: &Value, to: &mut BytesMut) {
    match value {
        Value::Null => bool::encode(1, &true, to),
        Value::Bool(v) => bool::encode(2, v, to),
        Value::Int(v) => sint64::encode(3, v, to),
        Value::Double(v) => double::encode(4, v, to),
        Value::String(v) => slice(5, v.as_bytes(), to),
        Value::Bytes(v) => slice(6, v, to),
        Value::Timestamp(v) => nested::encode(7, &message::Time::from(v), to),
        Value::Date(v) => sint32::encode(8, &v.num_days_from_ce(), to),
        Value::Decimal(v) => slice(9, v.as_str().as_bytes(), to),
        Value::Uuid(v) => slice(10, v.as_bytes(), to),
        Value::Json(v) => slice(11, v.as_bytes(), to),
    }
}

fn slice(tag: u32, bytes: &[u8], to: &mut BytesMut) {
    encode_key(tag, WireType::LengthDelimited, to);
    encode_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

/// A message within another: its length is known when it is there, and put before it then. Nearly all are short enough for
/// the byte that is left for that.
fn framed(tag: u32, to: &mut BytesMut, encode: impl FnOnce(&mut BytesMut)) {
    encode_key(tag, WireType::LengthDelimited, to);
    let begin = to.len() + 1;
    to.extend_from_slice(&[0]);
    encode(to);
    let end = to.len();
    let len = (end - begin) as u64;
    let more = encoded_len_varint(len) - 1;
    if more > 0 {
        to.resize(end + more, 0);
        to.copy_within(begin..end, begin + more);
    }
    encode_varint(len, &mut &mut to[begin - 1..begin + more]);
}

/// A record as the queue keeps it.
pub fn decode_queued(record: &[u8]) -> Result<QueuedRecord, Unreadable> {
    let (mut sequence, mut accept_time, mut change, mut previous) = (0, None, None, None);
    let mut yielded = BTreeSet::new();
    for field in Fields(record) {
        match field? {
            (1, Content::Number(number)) => sequence = number,
            (4, Content::Bytes(time)) => accept_time = Some(decode_time(time)?),
            (5, Content::Bytes(bytes)) => change = Some(decode_change(bytes)?),
            (6, Content::Number(number)) => previous = Some(QueueSequence(number)),
            (7, Content::Bytes(column)) => drop(yielded.insert(text(column)?.to_owned())),
            _ => {}
        }
    }
    Ok(QueuedRecord {
        sequence: QueueSequence(sequence),
        accept_time: required(accept_time, "a queued record without its time")?,
        change: required(change, "a queued record without its change")?,
        previous,
        yielded,
    })
}

fn decode_change(change: &[u8]) -> Result<Change, Unreadable> {
    let (mut source, mut operation, mut cause, mut key, mut previous_key) = (0, 0, 0, None, None);
    let (mut row, mut source_time, mut over) = (Row::new(), None, None);
    let (mut change_id, mut correlation_id) = <(Arc<str>, Arc<str>)>::default();
    for field in Fields(change) {
        match field? {
            (1, Content::Number(number)) => source = enum_number(number),
            (2, Content::Number(number)) => operation = enum_number(number),
            (3, Content::Bytes(bytes)) => key = Some(decode_key_values(bytes)?),
            (4, Content::Bytes(bytes)) => previous_key = Some(decode_key_values(bytes)?),
            (5, Content::Bytes(bytes)) => row = decode_row(bytes)?,
            (6, Content::Bytes(time)) => source_time = Some(decode_time(time)?),
            (7, Content::Bytes(id)) => change_id = text(id)?.into(),
            // Where the caller says no other, it is the same.
            (8, Content::Bytes(id)) if id == change_id.as_bytes() => correlation_id = change_id.clone(),
            (8, Content::Bytes(id)) => correlation_id = text(id)?.into(),
            (9, Content::Number(number)) => cause = enum_number(number),
            (10, Content::Bytes(bytes)) => over = Some(message::Over::decode(bytes).map_err(|_| CANNOT_READ)?.into()),
            _ => {}
        }
    }
    Ok(Change {
        source: Side::from_number(source)?,
        operation: Operation::from_number(operation)?,
        key: required(key, "a change without a key")?,
        previous_key,
        row,
        source_time,
        change_id,
        correlation_id,
        cause: Cause::from_number(cause)?,
        over,
    })
}

fn decode_key_values(key: &[u8]) -> Result<Key, Unreadable> {
    let mut values = Vec::with_capacity(1);
    for field in Fields(key) {
        if let (1, Content::Bytes(value)) = field? {
            values.push(decode_value(value)?);
        }
    }
    Ok(Key::new(values))
}

fn decode_row(row: &[u8]) -> Result<Row, Unreadable> {
    let mut columns = Vec::with_capacity(Fields(row).count());
    for field in Fields(row) {
        if let (1, Content::Bytes(column)) = field? {
            columns.push(decode_column(column)?);
        }
    }
    Ok(columns.into_iter().collect())
}

fn decode_column(column: &[u8]) -> Result<(Name, Value), Unreadable> {
    let (mut name, mut value) = (&[][..], None);
    for field in Fields(column) {
        match field? {
            (1, Content::Bytes(bytes)) => name = bytes,
            (2, Content::Bytes(bytes)) => value = Some(decode_value(bytes)?),
            _ => {}
        }
    }
    Ok((Name::new(text(name)?), required(value, "a column without a value")?))
}

fn decode_value(value: &[u8]) -> Result<Value, Unreadable> {
    let mut read = None;
    for field in Fields(value) {
        read = Some(match field? {
            (1, Content::Number(_)) => Value::Null,
            (2, Content::Number(number)) => Value::Bool(number != 0),
            (3, Content::Number(number)) => Value::Int(zigzag(number)),
            (4, Content::Fixed(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Content::Bytes(bytes)) => Value::text(text(bytes)?),
            (6, Content::Bytes(bytes)) => Value::bytes(bytes),
            (7, Content::Bytes(time)) => Value::Timestamp(decode_time(time)?),
            (8, Content::Number(number)) => {
                let days = i32::try_from(zigzag(number)).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
                Value::Date(days.ok_or(Unreadable("a date"))?)
            }
            (9, Content::Bytes(bytes)) => {
                Value::Decimal(Decimal::parse(text(bytes)?).map_err(|_| Unreadable("a decimal"))?)
            }
            (10, Content::Bytes(bytes)) => Value::Uuid(Uuid::from_slice(bytes).map_err(|_| Unreadable("a uuid"))?),
            (11, Content::Bytes(bytes)) => Value::json(text(bytes)?),
            _ => continue,
        });
    }
    required(read, "a value without a kind")
}

fn decode_time(time: &[u8]) -> Result<DateTime<Utc>, Unreadable> {
    message::Time::decode(time).map_err(|_| CANNOT_READ)?.try_into()
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| CANNOT_READ)
}

/// As the proto rules cut it.
fn enum_number(number: u64) -> i32 {
    number as i32
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

const CANNOT_READ: Unreadable = Unreadable("a queued record");

/// What a field has.
enum Content<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of an encoded message, with their numbers.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Content<'a>), Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(CANNOT_READ))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u32, Content<'a>)> {
        let rest = &mut self.0;
        let (tag, wire) = decode_key(rest).ok()?;
        let content = match wire {
            WireType::Varint => Content::Number(decode_varint(rest).ok()?),
            WireType::SixtyFourBit => {
                let (bits, behind) = rest.split_first_chunk()?;
                *rest = behind;
                Content::Fixed(u64::from_le_bytes(*bits))
            }
            WireType::LengthDelimited => {
                let len = usize::try_from(decode_varint(rest).ok()?).ok()?;
                let (bytes, behind) = rest.split_at_checked(len)?;
                *rest = behind;
                Content::Bytes(bytes)
            }
            WireType::StartGroup | WireType::EndGroup | WireType::ThirtyTwoBit => {
                skip_field(wire, tag, rest, DecodeContext::default()).ok()?;
                Content::Other
            }
        };
        Some((tag, content))
    }
}
