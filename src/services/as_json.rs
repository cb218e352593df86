//! Messages of the contract as protobuf's JSON, for files that people and programs read.

use super::proto::DESCRIPTORS;
use crate::engine::error::EngineError;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};
use std::sync::LazyLock;

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// A kind of message, by its name in `tandem.v1`.
pub fn descriptor(name: &str) -> Result<MessageDescriptor, EngineError> {
    let found = POOL.as_ref().and_then(|pool| pool.get_message_by_name(&format!("tandem.v1.{name}")));
    found.ok_or(EngineError::NotReady) // the contract is compiled in
}

/// The names of a kind's fields as JSON has them, in the contract's order.
pub fn fields(kind: &MessageDescriptor) -> Vec<String> {
    let mut fields: Vec<_> = kind.fields().collect();
    fields.sort_by_key(prost_reflect::FieldDescriptor::number);
    fields.iter().map(|field| field.json_name().to_owned()).collect()
}

/// The fields of a message that are set.
pub fn object(kind: &MessageDescriptor, message: &impl Message) -> Result<Map<String, Value>, EngineError> {
    let again = DynamicMessage::decode(kind.clone(), message.encode_to_vec().as_slice());
    let value = again.ok().and_then(|message| serde_json::to_value(message).ok());
    match value {
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) | None => Err(EngineError::NotReady), // the message was made by this program
    }
}
