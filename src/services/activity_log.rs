//! The activity log: its pages, and following it.

use super::following::{Followed, followed};
use super::input::Input;
use super::names::MapOrAll;
use super::proto;
use super::proto::tail_activity_request::Start as StartField;
use super::proto::tail_activity_response::Item;
use super::records::count;
use super::status::CallError;
use super::{Answers, Services, activity, times};
use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::log::{EventFilter, LogOf};
use crate::engine::tail::{Start, Tail, Tailed};
use crate::model::ids::{EventSequence, Position};
use std::sync::Arc;

impl Services {
    pub(super) fn list_activity(
        &self,
        request: &proto::ListActivityRequest,
    ) -> Result<proto::ListActivityResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListActivity", request)?;
        let log = input.table_map_or_all("parent", &request.parent).map(|parent| match parent {
            MapOrAll::Map(map) => LogOf::Map(map),
            MapOrAll::All => LogOf::All,
        });
        let mut filter = input.event_filter(request.filter.as_ref());
        filter.start_time = input.time("start_time", request.start_time);
        filter.end_time = input.time("end_time", request.end_time);
        let newest_first = match request.order_by.as_str() {
            "" | "time" => false,
            "time desc" => true,
            _ => {
                input.wrong("order_by", "must be \"time\" or \"time desc\"");
                false
            }
        };
        let log = input.with(log)?;
        let listed = self.engine.list_events(&log, &filter, newest_first, page.number()?, page.size)?;
        let oldest_sequence = if log == LogOf::All { 0 } else { listed.oldest };
        Ok(proto::ListActivityResponse {
            events: listed.events.into_iter().map(Into::into).collect(),
            next_page_token: listed.next.map(|next| page.token(next)).unwrap_or_default(),
            oldest_sequence: count(oldest_sequence),
            oldest_position: count(self.engine.oldest_of_all()?.0),
        })
    }

    pub(super) fn tail_activity(
        &self,
        request: proto::TailActivityRequest,
    ) -> Result<Answers<proto::TailActivityResponse>, CallError> {
        let mut input = Input::default();
        let parent = input.table_map_or_all("parent", &request.parent);
        let filter = input.event_filter(request.filter.as_ref());
        let of_one = matches!(parent, Some(MapOrAll::Map(_)));
        let start = match request.start {
            None | Some(StartField::FromNow(false)) => Start::At(0),
            Some(StartField::FromNow(true)) => Start::Now,
            Some(StartField::StartSequence(number)) => input.place("start_sequence", number, of_one),
            Some(StartField::StartPosition(number)) => input.place("start_position", number, !of_one),
        };
        let tail = match input.with(parent)? {
            MapOrAll::Map(map) => self.engine.tail(&map, at(start, EventSequence), filter)?,
            MapOrAll::All => self.engine.tail_all(at(start, Position), filter)?,
        };
        Ok(followed(FollowedLog { tail, engine: self.engine.clone() }, self.closing.clone()))
    }
}

struct FollowedLog {
    tail: Tail,
    engine: Arc<Engine>,
}

impl Followed for FollowedLog {
    type Message = proto::TailActivityResponse;

    async fn next(&mut self) -> Result<Vec<Self::Message>, EngineError> {
        let items: Vec<Item> = match self.tail.next().await? {
            Tailed::Events(events) => events.into_iter().map(|event| Item::Event(event.into())).collect(),
            Tailed::Idle { last_sequence, last_position } => vec![Item::Heartbeat(proto::Heartbeat {
                latest_sequence: count(last_sequence.0),
                latest_position: count(last_position.0),
                time: Some(times::timestamp(self.engine.now())),
            })],
        };
        Ok(items.into_iter().map(|item| proto::TailActivityResponse { item: Some(item) }).collect())
    }
}

fn at<T>(start: Start<u64>, place: impl Fn(u64) -> T) -> Start<T> {
    match start {
        Start::At(number) => Start::At(place(number)),
        Start::Now => Start::Now,
    }
}

impl Input {
    fn place(&mut self, field: &str, number: i64, fits: bool) -> Start<u64> {
        if !fits {
            self.wrong(field, "does not fit the parent: one map is followed by sequence, all by position");
        }
        let number = u64::try_from(number);
        if number.is_err() {
            self.wrong(field, "is negative");
        }
        Start::At(number.unwrap_or(0))
    }

    pub fn event_filter(&mut self, filter: Option<&proto::ActivityFilter>) -> EventFilter {
        let Some(filter) = filter else { return EventFilter::default() };
        let mut picked = EventFilter::default();
        for (index, number) in filter.kinds.iter().enumerate() {
            match proto::ActivityKind::try_from(*number).ok().and_then(activity::kind) {
                Some(kind) => picked.kinds.push(kind),
                None => self.wrong(format!("filter.kinds[{index}]"), "is no kind of event"),
            }
        }
        for (index, number) in filter.severities.iter().enumerate() {
            match proto::Severity::try_from(*number).ok().and_then(activity::severity) {
                Some(severity) => picked.severities.push(severity),
                None => self.wrong(format!("filter.severities[{index}]"), "is no severity"),
            }
        }
        picked
    }
}
