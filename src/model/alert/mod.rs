//! Alerts: how many errors in how long are too many, whom to tell, and what is done about the map.

mod facts;
pub mod message;
pub mod notification;
pub mod recipients;
mod setting;
mod window;

pub use facts::{AlertReason, Fact, Facts};
pub use setting::{AlertAction, AlertSetting, MapAlerts, SettingInEffect, Threshold, Watch};
pub use window::{Noted, Window};

use super::activity::EventError;
use super::failure::ErrorType;
use super::ids::{AlertId, AlertNumber, EventSequence, MapId};
use super::state::MapState;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::time::Duration;

/// The last errors that an alert tells of.
pub const LAST_ERRORS: usize = 10;

/// An alert that fired for a map.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEvent {
    /// 0 until the store gives it one.
    pub number: AlertNumber,
    pub setting: AlertId,
    pub display_name: String,
    pub map: MapId,
    pub time: DateTime<Utc>,
    pub reason: AlertReason,
    /// Why it fired, in words.
    pub summary: String,
    pub threshold: Option<Threshold>,
    /// What its window held.
    pub counts: BTreeMap<ErrorType, u64>,
    /// Newest first.
    pub last_errors: Vec<EventError>,
    pub action: AlertAction,
    /// Why the action was not taken.
    pub action_error: Option<String>,
    /// Its event in the map's log; 0 until the store gives it one.
    pub activity: EventSequence,
    pub rearm_time: Option<DateTime<Utc>>,
    pub acknowledgement: Option<Acknowledgement>,
    /// One each.
    pub recipients: Vec<String>,
    /// Mails name all of them.
    pub show_recipients: bool,
    /// What the map was after it.
    pub state: MapState,
    /// As of its setting.
    pub resume_after: Option<Duration>,
}

impl AlertEvent {
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// What people call its setting.
    pub fn called(&self) -> &str {
        if self.display_name.is_empty() { self.setting.as_str() } else { &self.display_name }
    }

    /// What was done to the map.
    pub fn done(&self) -> &'static str {
        match (self.action, &self.action_error) {
            (AlertAction::None, _) => "nothing was done to the map",
            (_, Some(_)) => "its action was not taken",
            (AlertAction::Pause, None) => "the map was paused",
            (AlertAction::Stop, None) => "the map was stopped",
        }
    }
}

/// That someone has taken note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    pub time: DateTime<Utc>,
    pub actor: String,
    pub note: String,
}
