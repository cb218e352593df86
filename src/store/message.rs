//! The messages that the store keeps, generated from `proto/tandem/store/v1`. Outside `store` nobody sees them.

#![allow(dead_code, clippy::all, clippy::pedantic, missing_docs, rustdoc::all)]

tonic::include_proto!("tandem.store.v1");
