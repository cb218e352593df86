//! What an operator sees of a queue and what is done to it by itself, each file one story.

mod support;

#[path = "outages/pair.rs"]
mod pair;
#[path = "queue/stats.rs"]
mod stats;
