//! The state of a queue as the wire has it.

use super::input::Input;
use super::records::{self, count};
use super::status::CallError;
use super::watching::{Looked, watched};
use super::{Answers, Services, failures, names, proto, queued_records, times};
use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::reading::QueueStats;
use crate::model::ids::MapId;
use crate::model::state::MapState;
use crate::model::table_map::TableMap;
use std::sync::Arc;
use std::time::Duration;

impl Services {
    pub(super) fn get_queue_stats(
        &self,
        request: &proto::GetQueueStatsRequest,
    ) -> Result<proto::QueueStats, CallError> {
        let mut input = Input::default();
        let id = input.table_map("name", &request.name);
        Ok(stats(&self.engine, &input.with(id)?)?)
    }

    pub(super) fn watch_queue_stats(
        &self,
        request: &proto::WatchQueueStatsRequest,
    ) -> Result<Answers<proto::WatchQueueStatsResponse>, CallError> {
        let mut input = Input::default();
        let id = input.table_map("name", &request.name);
        let map = input.with(id)?;
        let further = self.engine.queue_further(&map)?;
        Ok(watched(Watched { engine: self.engine.clone(), map }, further, self.closing.clone()))
    }
}

/// Someone who watches a queue.
struct Watched {
    engine: Arc<Engine>,
    map: MapId,
}

impl Looked for Watched {
    type Message = proto::WatchQueueStatsResponse;

    fn look(&mut self) -> Result<(Self::Message, bool), EngineError> {
        let queue_stats = Some(stats(&self.engine, &self.map)?);
        Ok((proto::WatchQueueStatsResponse { queue_stats }, false))
    }
}

/// A queue at this moment.
pub(super) fn stats(engine: &Engine, id: &MapId) -> Result<proto::QueueStats, EngineError> {
    let view = engine.map(id)?;
    Ok(shown(&view.map, engine.queue_stats(id)?))
}

fn shown(map: &TableMap, stats: QueueStats) -> proto::QueueStats {
    let figures = &stats.head.figures;
    let limits = map.definition.queue_limits;
    let held_back = map.held_back_since.map(|since| (stats.read_time - since).to_std().unwrap_or_default());
    let ratio = |used: f64, max: f64| if max > 0.0 { used / max } else { 1.0 };
    let until_time_limit = held_back.map(|time| limits.max_pause.saturating_sub(time));
    let until_full = stats.rates.time_until_full(figures.queued(), figures.queued_bytes, limits.max_bytes);
    // What a pause holds back does not drain, however fast it went just before.
    let drains = matches!(map.state, MapState::Initializing | MapState::Running | MapState::Resuming);
    let to_drain = stats.rates.time_to_drain(figures.queued()).filter(|_| drains);
    proto::QueueStats {
        table_map: names::table_map(&map.id),
        read_time: Some(times::timestamp(stats.read_time)),
        queued_count: count(figures.queued() - stats.in_progress),
        in_progress_count: count(stats.in_progress),
        error_count: count(figures.in_error()),
        error_counts: failures::error_counts(stats.errors),
        figures: vec![
            queued_records::figures(proto::Direction::LeftToRight, &figures.left),
            queued_records::figures(proto::Direction::RightToLeft, &figures.right),
        ],
        bytes: count(figures.queued_bytes),
        oldest_accept_time: stats.oldest_accept_time.map(times::timestamp),
        limits: Some(super::definition::queue_limits(&limits)),
        bytes_ratio: ratio(figures.queued_bytes as f64, limits.max_bytes as f64),
        queueing_since: map.held_back_since.map(times::timestamp),
        pause_ratio: held_back.map_or(0.0, |time| ratio(time.as_secs_f64(), limits.max_pause.as_secs_f64())),
        accepted_per_second: stats.rates.accepted,
        applied_per_second: stats.rates.applied,
        time_to_drain: to_drain.map(duration),
        time_until_limit: until_time_limit.into_iter().chain(until_full).min().map(duration),
    }
}

/// In whole seconds: it is an estimate.
fn duration(time: Duration) -> prost_types::Duration {
    prost_types::Duration { seconds: records::count(time.as_secs()), nanos: 0 }
}
