//! Following the activity log live. A tail reads the journal from where it stands, and when it is at the end waits for the
//! journal to grow: a slow watcher reads at its own pace, costs no memory, misses nothing and gets nothing twice.

use super::Engine;
use super::error::{EngineError, LogPlace};
use super::log::EventFilter;
use crate::model::activity::LoggedEvent;
use crate::model::ids::{EventSequence, MapId, Position};
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Events of one read.
const READ_EVENTS_MAX: usize = 256;
/// After how long without an event a tail says where the log ends.
const IDLE: Duration = Duration::from_secs(10);

/// Which log, and from which event on (inclusive; 0 is the oldest kept).
#[derive(Debug, Clone)]
enum From {
    Map(MapId, EventSequence),
    All(Position),
}

/// Where a tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<T> {
    /// Here, inclusive; 0 is the oldest kept.
    At(T),
    /// With what comes next.
    Now,
}

/// What a tail gives next.
#[derive(Debug)]
pub enum Tailed {
    /// One or more events, in order.
    Events(Vec<LoggedEvent>),
    /// Every event up to here that passes the filter was given. At once when a tail has come to the end for the first
    /// time, then whenever nothing was given for a while.
    Idle { last_sequence: EventSequence, last_position: Position },
}

pub struct Tail {
    store: Arc<dyn Store>,
    from: From,
    filter: EventFilter,
    end: watch::Receiver<Position>,
    /// When to say that nothing was given; at once at the first end.
    idle_at: Instant,
    /// It was said once.
    said_end: bool,
}

impl Tail {
    fn new(store: Arc<dyn Store>, from: From, filter: EventFilter) -> Self {
        let end = store.log_end();
        Self { store, from, filter, end, idle_at: Instant::now(), said_end: false }
    }

    /// Waits for what comes next; ended by dropping it.
    pub async fn next(&mut self) -> Result<Tailed, EngineError> {
        loop {
            // Read before the events are, so that it says nothing of an event that was not looked at.
            let last_position = *self.end.borrow_and_update();
            let mut events = match &self.from {
                From::Map(map, sequence) => self.store.events(map, *sequence, READ_EVENTS_MAX)?,
                From::All(position) => self.store.all_events(*position, READ_EVENTS_MAX)?,
            };
            if let Some(last) = events.last() {
                match &mut self.from {
                    From::Map(_, sequence) => *sequence = last.sequence.next(),
                    From::All(position) => *position = last.position.next(),
                }
                events.retain(|event| self.filter.picks(&event.event));
                if events.is_empty() {
                    continue;
                }
                if self.said_end {
                    self.idle_at = Instant::now() + IDLE;
                }
                return Ok(Tailed::Events(events));
            }
            match tokio::time::timeout_at(self.idle_at, self.end.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(EngineError::NotReady),
                Err(_) => {
                    self.idle_at = Instant::now() + IDLE;
                    self.said_end = true;
                    // Not the map's newest event, which may be on its way to the disk: what was looked through.
                    let last_sequence = match &self.from {
                        From::Map(_, sequence) => EventSequence(sequence.0.saturating_sub(1)),
                        From::All(_) => EventSequence(0),
                    };
                    return Ok(Tailed::Idle { last_sequence, last_position });
                }
            }
        }
    }
}

impl Engine {
    /// Follows the log of a map, also of one that was deleted.
    pub fn tail(&self, map: &MapId, start: Start<EventSequence>, filter: EventFilter) -> Result<Tail, EngineError> {
        let head = self.context.store.head(map)?;
        if head.last_event.0 == 0 {
            return Err(EngineError::MapNotFound(map.clone()));
        }
        let from = match start {
            Start::Now => head.last_event.next(),
            Start::At(from) => {
                self.check_start(from.0, LogPlace::OfMap(self.oldest_of(map)?), LogPlace::OfMap(head.last_event))?;
                from
            }
        };
        Ok(Tail::new(self.context.store.clone(), From::Map(map.clone(), from), filter))
    }

    /// Follows the log of all maps.
    pub fn tail_all(&self, start: Start<Position>, filter: EventFilter) -> Result<Tail, EngineError> {
        let last = *self.context.store.log_end().borrow();
        let from = match start {
            Start::Now => last.next(),
            Start::At(from) => {
                self.check_start(from.0, LogPlace::OfAll(self.oldest_of_all()?), LogPlace::OfAll(last))?;
                from
            }
        };
        Ok(Tail::new(self.context.store.clone(), From::All(from), filter))
    }

    /// A start that retention removed, or that this log has not come to, is no place to begin.
    fn check_start(&self, given: u64, oldest: LogPlace, latest: LogPlace) -> Result<(), EngineError> {
        if given > latest.place() + 1 {
            return Err(EngineError::LogNotReached { given, latest });
        }
        if given > 0 && given < oldest.place() {
            return Err(EngineError::LogTrimmed { oldest });
        }
        Ok(())
    }
}
