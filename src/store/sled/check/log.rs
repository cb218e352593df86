//! The activity log: each event stands under its map and under its position, without a gap.

use super::Check;
use crate::model::activity::LoggedEvent;
use crate::store::message::{self, MapHead};
use crate::store::sled::failure::EngineFailure;
use crate::store::sled::keys::{self, shelf};
use crate::store::sled::offline::OfflineError;
use crate::store::sled::view::decode;

impl Check<'_> {
    /// The last event that is kept of a map; 0 when there is none.
    pub(super) fn last_event(&self, map: &str) -> Result<u64, OfflineError> {
        let prefix = keys::of_map(shelf::LOG_BY_MAP, map);
        let end = keys::behind(&prefix);
        let last = self.db.range(prefix..end).keys().next_back().transpose().map_err(EngineFailure::reading)?;
        Ok(last.and_then(|key| keys::last_number(&key)).unwrap_or(0))
    }

    /// Gives the last position of the log.
    pub(super) fn log(&mut self, heads: &[(String, MapHead)]) -> Result<u64, OfflineError> {
        for (map, _) in heads {
            self.log_of(map)?;
        }
        let mut last: Option<u64> = None;
        for entry in self.entries(&[shelf::LOG_BY_POSITION]) {
            let (key, bytes) = entry?;
            let position = keys::last_number(&key).unwrap_or(0);
            if last.is_some_and(|last| position != last + 1) {
                self.wrong(None, format!("the log has a gap before position {position}"));
            }
            last = Some(position);
            let Ok(event) = decode::<message::LoggedEvent>(&bytes, "an event") else { continue };
            if self.get(&keys::event(&event.map, event.sequence))?.is_none() {
                let change = (keys::event(&event.map, event.sequence), Some(bytes.to_vec()));
                let what = format!("event {} stands under its position only", event.sequence);
                self.says_wrongly(Some(&event.map), what, [change])?;
            }
        }
        let (_, stored) = self.size()?;
        let last = last.unwrap_or(0).max(stored.position);
        if last != stored.position {
            let what = format!("the log ends at position {last}, not {}", stored.position);
            self.says_wrongly(None, what, [])?; // set at the end
        }
        Ok(last)
    }

    fn log_of(&mut self, map: &str) -> Result<(), OfflineError> {
        let mut last: Option<u64> = None;
        for entry in self.entries(&keys::of_map(shelf::LOG_BY_MAP, map)) {
            let (key, bytes) = entry?;
            let sequence = keys::last_number(&key).unwrap_or(0);
            if last.is_some_and(|last| sequence != last + 1) {
                self.wrong(Some(map), format!("its log has a gap before event {sequence}"));
            }
            last = Some(sequence);
            let Some(event) = self.read::<message::LoggedEvent, LoggedEvent>(map, &bytes, "an event") else { continue };
            if event.map.as_str() != map || event.sequence.0 != sequence {
                self.wrong(Some(map), format!("event {sequence} says that it is another"));
            }
            let place = keys::position(event.position.0);
            if self.get(&place)?.is_none_or(|other| other != bytes) {
                let what = format!("event {sequence} does not stand under its position");
                self.says_wrongly(Some(map), what, [(place, Some(bytes.to_vec()))])?;
            }
        }
        Ok(())
    }
}
