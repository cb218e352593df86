//! Rule 6: limits block, they do not drop.

use super::table_map::QueueLimits;
use chrono::{DateTime, Utc};

/// At which share of a limit a warning is raised.
pub const WARN_RATIO: f64 = 0.80;
/// Under which share changes are accepted again after a refusal.
pub const ACCEPT_AGAIN_RATIO: f64 = 0.95;

/// Which limit, and how much of it is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Bytes in the queue, and how many may be.
    Bytes { used: u64, max: u64 },
    /// Seconds since changes are held back, and how many it may be.
    Pause { seconds: u64, max_seconds: u64 },
}

impl Limit {
    pub fn ratio(&self) -> f64 {
        let (used, max) = match *self {
            Limit::Bytes { used, max } => (used, max),
            Limit::Pause { seconds, max_seconds } => (seconds, max_seconds),
        };
        if max == 0 { 1.0 } else { used as f64 / max as f64 }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Bytes { used, max } => write!(f, "{used} of {max} bytes are queued"),
            Limit::Pause { seconds, max_seconds } => {
                write!(f, "changes have been held back for {seconds} of {max_seconds} seconds")
            }
        }
    }
}

/// Whether a map takes more into its queue; remembers that it refused, so that it does not flutter at the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueGate {
    refusing: bool,
}

impl QueueGate {
    /// Rule 6: what the queue holds and since when, against the map's limits; the limit that refuses, if one does.
    pub fn admit(
        &mut self,
        limits: &QueueLimits,
        queued_bytes: u64,
        held_back_since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), Limit> {
        let fullest = nearest(limits, queued_bytes, held_back_since, now);
        let bound = if self.refusing { ACCEPT_AGAIN_RATIO } else { 1.0 };
        self.refusing = fullest.ratio() >= bound;
        if self.refusing { Err(fullest) } else { Ok(()) }
    }

    /// Whether it refused what it was asked last.
    pub fn refuses(self) -> bool {
        self.refusing
    }
}

/// The limit that is nearest to be reached.
pub fn nearest(
    limits: &QueueLimits,
    queued_bytes: u64,
    held_back_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Limit {
    let bytes = Limit::Bytes { used: queued_bytes, max: limits.max_bytes };
    let Some(since) = held_back_since else { return bytes };
    // A clock that was set back shows as no time at all.
    let seconds = u64::try_from((now - since).num_seconds()).unwrap_or(0);
    let pause = Limit::Pause { seconds, max_seconds: limits.max_pause.as_secs() };
    if pause.ratio() > bytes.ratio() { pause } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn rule_6_refuses_at_the_limit_and_accepts_again_under_95_percent() {
        let limits = QueueLimits { max_pause: Duration::from_secs(100), max_bytes: 1000 };
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let mut gate = QueueGate::default();
        assert!(gate.admit(&limits, 999, None, now).is_ok());
        assert_eq!(gate.admit(&limits, 1000, None, now), Err(Limit::Bytes { used: 1000, max: 1000 }));
        assert!(gate.admit(&limits, 950, None, now).is_err(), "not under 95 % yet");
        assert!(gate.admit(&limits, 949, None, now).is_ok());

        let since = |seconds| Some(now - chrono::Duration::seconds(seconds));
        assert!(gate.admit(&limits, 0, since(99), now).is_ok());
        assert_eq!(gate.admit(&limits, 0, since(100), now), Err(Limit::Pause { seconds: 100, max_seconds: 100 }));
        assert!(gate.admit(&limits, 0, since(-50), now).is_ok(), "a clock set back refuses nothing");
    }
}
