//! Reading the activity log page by page, from either end.

use super::Engine;
use super::error::EngineError;
use crate::model::activity::{Event, EventKind, LoggedEvent, Severity};
use crate::model::ids::{EventSequence, MapId, Position};
use chrono::{DateTime, Utc};

/// Events of one read, and those that one page looks through at most; a page that found less goes on with the next.
const READ_EVENTS_MAX: u64 = 256;
const LOOKED_THROUGH_MAX: u64 = 20_000;

/// Picks events; an empty list picks all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub kinds: Vec<EventKind>,
    pub severities: Vec<Severity>,
    /// From this moment on.
    pub start_time: Option<DateTime<Utc>>,
    /// Before this moment.
    pub end_time: Option<DateTime<Utc>>,
}

impl EventFilter {
    pub fn picks(&self, event: &Event) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.severities.is_empty() || self.severities.contains(&event.severity))
            && self.covers(event.time)
    }

    /// Whether a moment is within its time.
    pub fn covers(&self, time: DateTime<Utc>) -> bool {
        self.start_time.is_none_or(|start| time >= start) && self.end_time.is_none_or(|end| time < end)
    }
}

/// Whose log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOf {
    Map(MapId),
    All,
}

impl LogOf {
    /// Where an event stands in it.
    pub fn place(&self, event: &LoggedEvent) -> u64 {
        match self {
            LogOf::Map(_) => event.sequence.0,
            LogOf::All => event.position.0,
        }
    }
}

/// A page of the log. Places are sequences of one map, or positions of all.
#[derive(Debug)]
pub struct LogPage {
    pub events: Vec<LoggedEvent>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<u64>,
    pub oldest: u64,
}

impl Engine {
    /// Events from `start` on, oldest first, or from `start` backwards, newest first; none is the end where the order begins.
    pub fn list_events(
        &self,
        log: &LogOf,
        filter: &EventFilter,
        newest_first: bool,
        start: Option<u64>,
        limit: usize,
    ) -> Result<LogPage, EngineError> {
        let latest = self.last_place(log)?;
        let oldest = match log {
            LogOf::Map(map) => self.oldest_of(map)?.0,
            LogOf::All => self.oldest_of_all()?.0,
        };
        let mut events = Vec::new();
        let mut at = start.unwrap_or(if newest_first { latest } else { oldest });
        let mut looked_through = 0;
        while at >= oldest.max(1) && at <= latest && events.len() < limit && looked_through < LOOKED_THROUGH_MAX {
            // Backwards, a window that ends at `at`; forwards, one that begins there.
            let from = if newest_first { (at + 1).saturating_sub(READ_EVENTS_MAX).max(1) } else { at };
            let mut window = self.window(log, from)?;
            if newest_first {
                window.retain(|event| log.place(event) <= at);
                window.reverse();
            }
            looked_through += READ_EVENTS_MAX;
            let beyond = if newest_first { from - 1 } else { window.last().map_or(latest, |last| log.place(last)) + 1 };
            at = beyond;
            for event in window {
                if events.len() == limit {
                    at = log.place(&event);
                    break;
                }
                if filter.picks(&event.event) {
                    events.push(event);
                }
            }
        }
        let more = at >= oldest.max(1) && at <= latest;
        Ok(LogPage { events, next: more.then_some(at), oldest })
    }

    /// The last place of a log; a map that never was has none.
    pub fn last_place(&self, log: &LogOf) -> Result<u64, EngineError> {
        match log {
            LogOf::Map(map) => match self.context.store.head(map)?.last_event.0 {
                0 => Err(EngineError::MapNotFound(map.clone())),
                last => Ok(last),
            },
            LogOf::All => Ok(self.context.store.log_end().borrow().0),
        }
    }

    fn window(&self, log: &LogOf, from: u64) -> Result<Vec<LoggedEvent>, EngineError> {
        let limit = usize::try_from(READ_EVENTS_MAX).unwrap_or(usize::MAX);
        Ok(match log {
            LogOf::Map(map) => self.context.store.events(map, EventSequence(from), limit)?,
            LogOf::All => self.context.store.all_events(Position(from), limit)?,
        })
    }

    /// The oldest event that is kept of a map; 0 when there is none.
    pub(super) fn oldest_of(&self, map: &MapId) -> Result<EventSequence, EngineError> {
        let oldest = self.context.store.events(map, EventSequence(0), 1)?;
        Ok(oldest.first().map_or(EventSequence(0), |event| event.sequence))
    }

    /// The oldest event that is kept of all maps; 0 when there is none.
    pub fn oldest_of_all(&self) -> Result<Position, EngineError> {
        let oldest = self.context.store.all_events(Position(0), 1)?;
        Ok(oldest.first().map_or(Position(0), |event| event.position))
    }
}
