//! Records on their way into the queue, encoded from the model as they are: what the messages would give, byte for byte (a test
//! compares them), without making the messages first. Every change comes this way.

use super::Numbered;
use crate::model::change::{Change, QueuedRecord};
use crate::model::key::Key;
use crate::model::row::Row;
use crate::model::value::Value;
use crate::store::message;
use chrono::Datelike;
use prost::bytes::BytesMut;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use prost::encoding::{bool, bytes, double, int32, message as nested, sint32, sint64, string, uint32, uint64};

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
            string::encode(tag, id, to);
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
        Value::String(v) => string::encode(5, v, to),
        Value::Bytes(v) => bytes::encode(6, v, to),
        Value::Timestamp(v) => nested::encode(7, &message::Time::from(v), to),
        Value::Date(v) => sint32::encode(8, &v.num_days_from_ce(), to),
        Value::Decimal(v) => slice(9, v.as_str().as_bytes(), to),
        Value::Uuid(v) => slice(10, v.as_bytes(), to),
        Value::Json(v) => string::encode(11, v, to),
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
