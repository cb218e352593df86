//! Messages as protobuf's JSON, errors as JSON, and what fits what.

use super::Outcome;
use bytes::Buf;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};
use std::sync::LazyLock;
use tandem_client::{DESCRIPTORS, Error};
use tonic::Code;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("descriptors"));

/// A method, by `Service/Method`.
pub fn method(name: &str) -> Result<MethodDescriptor, String> {
    let (service, method) = name.split_once('/').ok_or_else(|| format!("{name} is no method"))?;
    let service = POOL.get_service_by_name(&format!("tandem.v1.{service}"));
    let found = service.and_then(|service| service.methods().find(|found| found.name() == method));
    found.ok_or_else(|| format!("there is no {name}"))
}

pub fn parsed(descriptor: MessageDescriptor, given: &Value) -> Result<DynamicMessage, String> {
    let given = if given.is_null() { &json!({}) } else { given };
    DynamicMessage::deserialize(descriptor, given).map_err(|error| error.to_string())
}

/// A message of a type, by its name in the contract.
pub fn read<M: Message + Default>(name: &str, given: &Value) -> Result<M, String> {
    let descriptor =
        POOL.get_message_by_name(&format!("tandem.v1.{name}")).ok_or_else(|| format!("there is no {name}"))?;
    parsed(descriptor, given)?.transcode_to().map_err(|error| error.to_string())
}

pub fn as_json<M: Message>(name: &str, message: &M) -> Value {
    let descriptor = POOL.get_message_by_name(&format!("tandem.v1.{name}")).expect("a message of the contract");
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).expect("the same message");
    serde_json::to_value(dynamic).expect("JSON")
}

pub fn error_as_json(error: &Error) -> Value {
    json!({
        "code": code_name(error.code),
        "reason": error.reason,
        "metadata": error.metadata,
        "fields": error.violations.iter().map(|violation| &violation.field).collect::<Vec<_>>(),
        "resource": error.resource.as_ref().map(|resource| &resource.name),
        "transient": error.is_transient(),
        "retryDelay": error.retry_delay.is_some(),
    })
}

/// `InvalidArgument` as gRPC's specification has it: `INVALID_ARGUMENT`.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

pub fn expect(expected: &Value, found: &Value) -> Outcome {
    if fits(expected, found) { Ok(()) } else { Err(format!("expected {expected}\nfound    {found}")) }
}

/// Whether what was found has everything that is expected; objects may have more.
fn fits(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| fits(value, found)))
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| fits(expected, found))
        }
        _ => expected == found,
    }
}

/// The codec of messages that descriptors tell.
#[derive(Clone)]
pub struct Dynamic(pub MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = tonic::Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        message.encode(buffer).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, tonic::Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let decoded = DynamicMessage::decode(self.0.clone(), bytes);
        decoded.map(Some).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}
