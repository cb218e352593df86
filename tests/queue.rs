//! What an operator sees of a queue and what is done to it by itself, each file one story.

mod support;

#[path = "queue/filters.rs"]
mod filters;
#[path = "queue/groups.rs"]
mod groups;
#[path = "queue/kills.rs"]
mod kills;
#[path = "queue/model.rs"]
mod model;
#[path = "outages/pair.rs"]
mod pair;
#[path = "queue/purging.rs"]
mod purging;
#[path = "queue/stats.rs"]
mod stats;
