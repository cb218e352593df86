//! Times and durations as the wire has them.

use super::input::Input;
use chrono::{DateTime, Datelike, Utc};
use std::time::Duration;

/// The years that a timestamp of the wire can be in.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;
const NANOS_MAX: i32 = 999_999_999;

pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    // A leap second has more than a second's nanoseconds; the wire has none.
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(NANOS_MAX).min(NANOS_MAX);
    prost_types::Timestamp { seconds: time.timestamp(), nanos }
}

pub fn duration(duration: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: duration.subsec_nanos().cast_signed() }
}

/// An instant, or why it is none.
pub fn instant(timestamp: prost_types::Timestamp) -> Result<DateTime<Utc>, &'static str> {
    let time = u32::try_from(timestamp.nanos)
        .ok()
        .filter(|_| timestamp.nanos <= NANOS_MAX)
        .and_then(|nanos| DateTime::from_timestamp(timestamp.seconds, nanos));
    time.filter(|time| YEARS.contains(&time.year())).ok_or("is no instant of the years 1 to 9999")
}

impl Input {
    /// A time that may be left out.
    pub fn time(&mut self, field: &str, timestamp: Option<prost_types::Timestamp>) -> Option<DateTime<Utc>> {
        instant(timestamp?).map_err(|why| self.wrong(field, why)).ok()
    }

    /// A span of time that may be left out, and is not negative.
    pub fn span(&mut self, field: &str, duration: Option<prost_types::Duration>) -> Option<Duration> {
        let prost_types::Duration { seconds, nanos } = duration?;
        match (u64::try_from(seconds), u32::try_from(nanos)) {
            (Ok(seconds), Ok(nanos)) if nanos <= NANOS_MAX.cast_unsigned() => Some(Duration::new(seconds, nanos)),
            _ => {
                self.wrong(field, "is negative or no duration");
                None
            }
        }
    }
}
