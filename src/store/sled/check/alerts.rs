//! Alerts: settings, what fired, and the outbox.

use super::{Check, OfflineError};
use crate::model::alert::notification::{Notification, NotificationState};
use crate::model::alert::{AlertEvent, AlertSetting, MapAlerts};
use crate::store::codec::noted;
use crate::store::message::{self, StoreHead};
use crate::store::sled::keys::{self, shelf};
use crate::store::sled::view::decode;

impl Check<'_> {
    /// What belongs to no map. Gives the store's numbers as they must be at least.
    pub(super) fn alerts(&mut self, mut head: StoreHead) -> Result<StoreHead, OfflineError> {
        let nobody = "alerts";
        for entry in self.entries(&[shelf::ALERT_SETTINGS]) {
            self.read::<message::AlertSetting, AlertSetting>(nobody, &entry?.1, "a setting");
        }
        for entry in self.entries(&[shelf::ALERTS]) {
            let alert = self.read::<message::AlertEvent, AlertEvent>(nobody, &entry?.1, "an alert");
            head.last_alert = head.last_alert.max(alert.map_or(0, |alert| alert.number.0));
        }
        for entry in self.entries(&[shelf::NOTIFICATIONS]) {
            let (key, bytes) = entry?;
            let told = self.read::<message::Notification, Notification>(nobody, &bytes, "a notification");
            let Some(told) = told else { continue };
            head.last_notification = head.last_notification.max(told.number.0);
            let place = keys::of_store(shelf::OUTBOX, keys::last_number(&key).unwrap_or(0));
            let waits = told.state == NotificationState::Pending;
            if waits != self.get(&place)?.is_some() {
                let what =
                    format!("notification {} is {} in the outbox", told.number, if waits { "not" } else { "still" });
                self.says_wrongly(None, what, [(place, waits.then(Vec::new))])?;
            }
        }
        Ok(head)
    }

    pub(super) fn alerts_of_map(&mut self, life: &super::Life<'_>) -> Result<(), OfflineError> {
        for entry in self.entries(&life.prefix(shelf::MAP_ALERTS)) {
            self.read::<message::MapAlerts, MapAlerts>(life.map, &entry?.1, "its alerts");
        }
        let prefix = life.prefix(shelf::ERROR_NOTES);
        for entry in self.entries(&prefix) {
            let (key, bytes) = entry?;
            let kind =
                key.get(..prefix.len() + 8).and_then(keys::last_number).and_then(|kind| i32::try_from(kind).ok());
            let note = decode::<message::ErrorNote>(&bytes, "a note of errors");
            let note = note.and_then(|note| Ok(noted(kind.unwrap_or(0), note)?));
            self.readable(life.map, "errors that count for alerts", note);
        }
        Ok(())
    }
}
