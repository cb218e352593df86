//! The contract as generated from `proto/tandem/v1`, with clients and servers.

#![allow(clippy::all, clippy::pedantic, missing_docs, rustdoc::all)]

tonic::include_proto!("tandem.v1");

/// What the operator of the server needs, from `proto/tandem/admin/v1`.
pub mod admin {
    tonic::include_proto!("tandem.admin.v1");
}

/// The descriptors of the contract, for reflection; what the store keeps is not among them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tandem_descriptor.bin"));
