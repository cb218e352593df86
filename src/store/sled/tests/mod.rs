//! Tests of the engine; `fixtures` makes what they store, `model` is the store they compare it with.

mod alerts;
mod failures;
mod fixtures;
mod model;
mod opening;
mod operations;
mod properties;
mod taken;
mod tools;
