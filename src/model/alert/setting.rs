//! What a setting says, and for which maps it is in effect.

use super::recipients;
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber, MapId};
use crate::model::request::{RequestIdReused, RequestTag};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

pub(super) const SECOND_MILLIS: i64 = 1_000;

/// What an alert does to its map; of two that fire together the greater one is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertAction {
    None,
    Pause,
    Stop,
}

/// So many errors within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    pub count: u32,
    pub window: Duration,
}

impl Threshold {
    pub const COUNT_MAX: u32 = 10_000;
    pub const WINDOW_MIN: Duration = Duration::from_secs(1);
    pub const WINDOW_MAX: Duration = Duration::from_secs(24 * 60 * 60);

    pub fn window_millis(&self) -> i64 {
        i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX)
    }
}

/// `10 errors in 15m`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.window_millis();
        let units = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)].map(|(u, s)| (u, s * SECOND_MILLIS));
        let whole = units.into_iter().find(|(_, unit)| millis % unit == 0 && millis >= *unit);
        let errors = if self.count == 1 { "error" } else { "errors" };
        match whole {
            Some((unit, size)) => write!(f, "{} {errors} in {}{unit}", self.count, millis / size),
            None => write!(f, "{} {errors} in {millis}ms", self.count),
        }
    }
}

/// What fires an alert beside errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watch {
    pub queued_records: Option<u64>,
    pub queued_age: Option<Duration>,
    pub near_limit: bool,
    pub initial_sync_errors: bool,
    pub initial_sync_stalled: Option<Duration>,
    pub application_down: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlertSetting {
    pub id: AlertId,
    pub display_name: String,
    /// Empty: all maps.
    pub maps: BTreeSet<MapId>,
    /// Empty: all types.
    pub error_types: BTreeSet<ErrorType>,
    /// None counts no errors; then it watches something else.
    pub threshold: Option<Threshold>,
    pub watch: Watch,
    /// A map that it has paused is resumed when its destinations have answered every probe for so long.
    pub resume_after: Option<Duration>,
    /// As they were given: one address each, or several with commas.
    pub recipients: Vec<String>,
    /// Mails name all of them; else everyone sees only themselves.
    pub show_recipients: bool,
    pub action: AlertAction,
    pub enabled: bool,
    /// Counts its changes.
    pub revision: u64,
    /// Counts those that take effect when a map is next run or resumed.
    pub effect: u64,
    pub create_time: DateTime<Utc>,
    /// Who saved it last, and when.
    pub author: String,
    pub update_time: DateTime<Utc>,
    /// The request that created it.
    pub request: Option<String>,
}

impl AlertSetting {
    pub fn covers(&self, map: &MapId) -> bool {
        self.maps.is_empty() || self.maps.contains(map)
    }

    pub fn counts(&self, kind: ErrorType) -> bool {
        if self.threshold.is_none() {
            return false;
        }
        // A transient failure that is told of came back too often.
        let kind = if kind == ErrorType::Transient { ErrorType::Throttled } else { kind };
        self.error_types.is_empty() || self.error_types.contains(&kind)
    }

    /// One that was deleted and made again is another one.
    pub fn etag(&self) -> String {
        format!("{}-{:x}", self.revision, self.create_time.timestamp_micros())
    }

    /// About how many bytes it takes where it is in effect.
    pub fn size(&self) -> usize {
        const REST: usize = 200;
        REST + self.display_name.len() + self.recipients.iter().map(String::len).sum::<usize>()
    }

    /// One address each, none twice.
    pub fn addresses(&self) -> Vec<String> {
        recipients::addresses(&self.recipients)
    }

    /// The setting with what `new` says of it, and who says it when; the same one when that is nothing new.
    pub fn changed(&self, new: &AlertSetting) -> AlertSetting {
        let says = AlertSetting {
            id: self.id.clone(),
            revision: self.revision,
            effect: self.effect,
            create_time: self.create_time,
            author: self.author.clone(),
            update_time: self.update_time,
            request: self.request.clone(),
            ..new.clone()
        };
        if says == *self {
            return says;
        }
        let at_once = AlertSetting { enabled: self.enabled, ..says.clone() };
        let effect = self.effect + u64::from(at_once != *self);
        let (author, update_time) = (new.author.clone(), new.update_time);
        AlertSetting { revision: self.revision + 1, effect, author, update_time, ..says }
    }

    /// Whether this is what takes effect by `other`.
    pub fn is_in_effect_as(&self, other: &AlertSetting) -> bool {
        self.id == other.id && self.effect == other.effect && self.create_time == other.create_time
    }

    /// Whether this very request created it; the same id with another content is an error.
    pub fn was_asked(&self, tag: Option<&RequestTag>) -> Result<bool, RequestIdReused> {
        let Some(tag) = tag else { return Ok(false) };
        match &self.request {
            Some(request) if *request == tag.to_string() => Ok(true),
            Some(request) if tag.has_id_of(request) => Err(RequestIdReused { request_id: tag.id.clone() }),
            Some(_) | None => Ok(false),
        }
    }
}

/// A setting as it took effect for a map.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingInEffect {
    pub setting: AlertSetting,
    /// Errors noted under this number or before do not count.
    pub counts_after: u64,
    /// The alert that it raised last, until it is armed again.
    pub raised: Option<AlertNumber>,
}

impl SettingInEffect {
    /// Which maps it covers does not matter any more.
    pub fn new(setting: AlertSetting, counts_after: u64) -> Self {
        Self { setting: AlertSetting { maps: BTreeSet::new(), ..setting }, counts_after, raised: None }
    }
}

/// What is in effect for a map. What was created or changed since waits for its next run or resume.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapAlerts {
    pub settings: Vec<SettingInEffect>,
    /// Alerts that have done something to the map; it is told when it runs again.
    pub untold: Vec<AlertNumber>,
    /// The map was paused by this setting, which resumes it when its destinations have answered for so long.
    pub resumes: Option<(AlertId, Duration)>,
}

impl MapAlerts {
    /// The restart rule: whether the setting, as it reads now, has not taken effect for this map.
    pub fn waits_for(&self, map: &MapId, setting: &AlertSetting) -> bool {
        match self.settings.iter().find(|in_effect| in_effect.setting.id == setting.id) {
            Some(in_effect) => !in_effect.setting.is_in_effect_as(setting),
            None => setting.covers(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn setting() -> AlertSetting {
        AlertSetting {
            id: AlertId::parse("many").unwrap(),
            display_name: String::new(),
            maps: BTreeSet::new(),
            error_types: BTreeSet::new(),
            threshold: Some(Threshold { count: 10, window: Duration::from_secs(900) }),
            watch: Watch::default(),
            resume_after: None,
            recipients: Vec::new(),
            show_recipients: false,
            action: AlertAction::Pause,
            enabled: true,
            revision: 1,
            effect: 1,
            create_time: DateTime::UNIX_EPOCH,
            author: String::new(),
            update_time: DateTime::UNIX_EPOCH,
            request: None,
        }
    }

    #[test]
    fn only_what_matters_waits_for_a_restart() {
        let old = setting();
        assert_eq!(old.changed(&old), old);
        let off = old.changed(&AlertSetting { enabled: false, ..old.clone() });
        assert_eq!((off.revision, off.effect), (2, 1), "switching it off is at once");
        let other = off.changed(&AlertSetting { action: AlertAction::Stop, ..off.clone() });
        assert_eq!((other.revision, other.effect), (3, 2));
        let map = MapId::parse("orders").unwrap();
        let in_effect = |setting: &AlertSetting| MapAlerts {
            settings: vec![SettingInEffect { setting: setting.clone(), counts_after: 0, raised: None }],
            ..MapAlerts::default()
        };
        assert!(MapAlerts::default().waits_for(&map, &old));
        assert!(!in_effect(&old).waits_for(&map, &off));
        assert!(in_effect(&old).waits_for(&map, &other));
        let elsewhere = AlertSetting { maps: [MapId::parse("parts").unwrap()].into(), ..old.clone() };
        assert!(!MapAlerts::default().waits_for(&map, &elsewhere), "it does not cover this map");
        assert!(in_effect(&old).waits_for(&map, &old.changed(&elsewhere)), "it still counts for a map that it left");
        let again = AlertSetting { create_time: DateTime::UNIX_EPOCH + Duration::from_secs(1), ..old.clone() };
        assert!(in_effect(&old).waits_for(&map, &again), "one made again is another one");
    }

    #[test]
    fn a_threshold_reads_as_people_write_it() {
        let shown = |count, seconds| Threshold { count, window: Duration::from_secs(seconds) }.to_string();
        assert_eq!(shown(10, 900), "10 errors in 15m");
        assert_eq!(shown(1, 86_400), "1 error in 1d");
        assert_eq!(shown(3, 90), "3 errors in 90s");
        let short = Threshold { count: 2, window: Duration::from_millis(1_500) };
        assert_eq!(short.to_string(), "2 errors in 1500ms");
    }
}
