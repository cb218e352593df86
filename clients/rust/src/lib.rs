// The README is the crate's documentation, and its example is compiled.
#![doc = include_str!("../README.md")]

mod backoff;
mod calls;
mod client;
mod config;
mod error;
mod list;
mod options;
mod tail;
mod writer;

pub use calls::Calls;
pub use client::Client;
pub use error::{Details, Error, Resource, Violation};
pub use list::{List, Page};
pub use options::{ConnectError, DEFAULT_SERVER, Options};
pub use tail::{Follow, Number};
pub use writer::{Answer, WINDOW, Writer, WriterOptions};

/// The messages and stubs of the contract, `tandem.v1`.
#[allow(clippy::all, missing_docs, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("tandem.v1");
}

/// Those of an administrator, `tandem.admin.v1`.
#[allow(clippy::all, missing_docs, reason = "generated")]
pub mod admin {
    pub mod v1 {
        tonic::include_proto!("tandem.admin.v1");
    }
}

/// The descriptors of all of them, as an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tandem_descriptor.bin"));
