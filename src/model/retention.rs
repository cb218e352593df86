//! Rule 7: how long what failed is kept, and when its end is told of.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// How long what a retry has put right is shown where errors are kept without end.
const PUT_RIGHT_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How long before errors are purged the log says so, unless they are not kept twice as long.
const WARNING_MAX: Duration = Duration::from_secs(3_600);

/// The setting of a map: how long an error is kept after it failed last; 0 is without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(pub Duration);

impl Retention {
    /// When an error that failed last then is purged.
    pub fn purge_time(self, failed: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (!self.0.is_zero()).then(|| later(failed, self.0))
    }

    /// When a record that was put right then is no longer shown.
    pub fn end_of_put_right(self, put_right: DateTime<Utc>) -> DateTime<Utc> {
        self.purge_time(put_right).unwrap_or_else(|| later(put_right, PUT_RIGHT_KEPT))
    }

    /// Errors that failed last then or before are purged now.
    pub fn failed_until(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (!self.0.is_zero()).then(|| earlier(now, self.0))
    }

    pub fn put_right_until(self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.failed_until(now).unwrap_or_else(|| earlier(now, PUT_RIGHT_KEPT))
    }

    /// How long before they are purged errors are warned of.
    pub fn warning(self) -> Duration {
        WARNING_MAX.min(self.0 / 2)
    }

    /// Whether errors of which the first failed last then are purged soon, and since when that is so.
    pub fn soon_since(self, first_failed: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let since = earlier(self.purge_time(first_failed)?, self.warning());
        (since <= now).then_some(since)
    }
}

fn later(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = chrono::Duration::from_std(by).unwrap_or(chrono::Duration::MAX);
    time.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn earlier(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = chrono::Duration::from_std(by).unwrap_or(chrono::Duration::MAX);
    time.checked_sub_signed(by).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn rule_7_errors_are_purged_when_their_time_is_over_and_warned_of_an_hour_before() {
        let day = Retention(Duration::from_secs(86_400));
        assert_eq!(day.purge_time(at(0)), Some(at(86_400)));
        assert_eq!(day.failed_until(at(86_400)), Some(at(0)));
        assert_eq!(day.soon_since(at(0), at(82_799)), None);
        assert_eq!(day.soon_since(at(0), at(82_801)), Some(at(82_800)));
        let minute = Retention(Duration::from_secs(60));
        assert_eq!(minute.soon_since(at(0), at(30)), Some(at(30)), "half of what there is");
    }

    #[test]
    fn rule_7_zero_keeps_errors_without_end_but_not_what_was_put_right() {
        let endless = Retention(Duration::ZERO);
        assert_eq!((endless.purge_time(at(0)), endless.failed_until(at(0))), (None, None));
        assert_eq!(endless.soon_since(at(0), DateTime::<Utc>::MAX_UTC), None);
        assert_eq!(endless.end_of_put_right(at(0)), at(86_400));
        assert_eq!(endless.put_right_until(at(86_400)), at(0));
        assert_eq!(Retention(Duration::MAX).purge_time(at(0)), Some(DateTime::<Utc>::MAX_UTC), "no overflow");
    }
}
