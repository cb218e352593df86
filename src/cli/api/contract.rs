//! The contract as this program has it: its methods, their fields, and what is said of them.

use crate::services::proto::DESCRIPTORS;
use prost::Message;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use std::sync::LazyLock;

/// The file of what statuses carry.
const ERROR_DETAILS: &str = "error_details.proto";

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::decode(DESCRIPTORS).unwrap_or_default();
    // What statuses carry, which no message of the contract names. A test looks one up.
    if let Ok(details) = prost_types::FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET) {
        // Beside it is a status of its own name, which the contract has already.
        let details = details.file.into_iter().filter(|file| file.name() == ERROR_DETAILS);
        let _ = pool.add_file_descriptor_protos(details);
    }
    pool
});

pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// A method of `tandem.v1`, which the table of verbs names.
#[allow(clippy::expect_used, reason = "a test looks every one of them up")]
pub fn method(name: &str) -> MethodDescriptor {
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    let service = pool().get_service_by_name(&format!("tandem.v1.{service}"));
    service
        .and_then(|service| service.methods().find(|found| found.name() == method))
        .expect("a method of the contract")
}

/// The fields of a message in the contract's order.
pub fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    fields
}

/// Of an answer that is a list: the field that has the entries, and what they are. A page of one, or the results of a call.
pub fn entries(answer: &MessageDescriptor) -> Option<(FieldDescriptor, MessageDescriptor)> {
    let is_list = answer.name().starts_with("List") || answer.fields().len() == 1;
    let mut lists = answer.fields().filter(|field| field.is_list() && matches!(field.kind(), Kind::Message(_)));
    let first = lists.next().filter(|_| is_list)?;
    let entry = first.kind().as_message().cloned()?;
    Some((first, entry))
}

/// What the contract says of a method.
pub fn about_method(method: &MethodDescriptor) -> String {
    comment(method.parent_service().parent_file().file_descriptor_proto(), method.path())
}

/// What the contract says of a field.
pub fn about_field(field: &FieldDescriptor) -> String {
    comment(field.parent_file().file_descriptor_proto(), field.path())
}

fn comment(file: &prost_types::FileDescriptorProto, path: &[i32]) -> String {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let said =
        locations.filter(|location| location.path == path).find_map(|location| location.leading_comments.as_deref());
    said.unwrap_or_default().lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_statuses_carry_is_known() {
        assert!(pool().get_message_by_name("google.rpc.ErrorInfo").is_some());
    }
}
