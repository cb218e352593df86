//! What alerts watch beside errors: how a map is, and what of it a setting asks about.

use super::setting::Watch;
use crate::model::limits::WARN_RATIO;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertReason {
    Errors,
    QueuedRecords,
    QueuedAge,
    NearLimit,
    InitialSyncErrors,
    InitialSyncStalled,
    ApplicationDown,
}

impl AlertReason {
    /// As the contract spells it, without the enum's prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertReason::Errors => "ERRORS",
            AlertReason::QueuedRecords => "QUEUED_RECORDS",
            AlertReason::QueuedAge => "QUEUED_AGE",
            AlertReason::NearLimit => "NEAR_LIMIT",
            AlertReason::InitialSyncErrors => "INITIAL_SYNC_ERRORS",
            AlertReason::InitialSyncStalled => "INITIAL_SYNC_STALLED",
            AlertReason::ApplicationDown => "APPLICATION_DOWN",
        }
    }
}

/// How a map is at one moment. What no setting asks about may be left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub queued_records: u64,
    /// For how long the oldest queued record waits.
    pub queued_age: Option<Duration>,
    /// How much of the nearest limit is used, and in words.
    pub limit: Option<(f64, String)>,
    /// Why an initial sync waits for a decision.
    pub initial_sync_waits: Option<String>,
    /// For how long an initial sync has not come further.
    pub initial_sync_still: Option<Duration>,
    /// The destination that cannot be written for the longest time, for how long, and why.
    pub down: Option<(String, Duration, String)>,
}

/// Something that is so and that a setting watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub reason: AlertReason,
    pub summary: String,
}

impl Watch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first of what it watches that is so.
    pub fn finds(&self, facts: &Facts) -> Option<Fact> {
        let fact = |reason, summary| Some(Fact { reason, summary });
        let reached = |asked: Option<Duration>, found: Option<Duration>| {
            asked.zip(found).filter(|(asked, found)| found >= asked).map(|(_, found)| shown(found))
        };
        if let Some((application, _, why)) =
            facts.down.as_ref().filter(|(_, since, _)| self.application_down.is_some_and(|asked| *since >= asked))
        {
            return fact(AlertReason::ApplicationDown, format!("{application} is down: {why}"));
        }
        if let Some((_, limit)) = facts.limit.as_ref().filter(|(ratio, _)| self.near_limit && *ratio >= WARN_RATIO) {
            return fact(AlertReason::NearLimit, format!("a limit of the queue is near: {limit}"));
        }
        if let Some(why) = facts.initial_sync_waits.as_ref().filter(|_| self.initial_sync_errors) {
            return fact(AlertReason::InitialSyncErrors, format!("the initial sync waits for a decision: {why}"));
        }
        if let Some(found) = reached(self.initial_sync_stalled, facts.initial_sync_still) {
            return fact(AlertReason::InitialSyncStalled, format!("the initial sync has not come further for {found}"));
        }
        if let Some(found) = reached(self.queued_age, facts.queued_age) {
            return fact(AlertReason::QueuedAge, format!("the oldest queued record waits for {found}"));
        }
        if self.queued_records.is_some_and(|asked| facts.queued_records >= asked) {
            return fact(AlertReason::QueuedRecords, format!("{} records are queued", facts.queued_records));
        }
        None
    }
}

/// In whole seconds, or minutes and hours where there are many.
fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        _ => format!("{}h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_watched_is_found() {
        let facts = Facts {
            queued_records: 10,
            queued_age: Some(Duration::from_secs(600)),
            limit: Some((0.85, "850 of 1000 bytes".to_owned())),
            initial_sync_waits: Some("3 rows failed".to_owned()),
            initial_sync_still: Some(Duration::from_secs(90)),
            down: Some(("finance".to_owned(), Duration::from_secs(30), "refused".to_owned())),
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let watches = [
            (Watch::default(), None),
            (Watch { queued_records: Some(11), ..Watch::default() }, None),
            (Watch { queued_records: Some(10), ..Watch::default() }, Some("10 records are queued")),
            (Watch { queued_age: seconds(601), ..Watch::default() }, None),
            (Watch { queued_age: seconds(600), ..Watch::default() }, Some("the oldest queued record waits for 10m")),
            (Watch { near_limit: true, ..Watch::default() }, Some("a limit of the queue is near: 850 of 1000 bytes")),
            (
                Watch { initial_sync_errors: true, ..Watch::default() },
                Some("the initial sync waits for a decision: 3 rows failed"),
            ),
            (
                Watch { initial_sync_stalled: seconds(60), ..Watch::default() },
                Some("the initial sync has not come further for 90s"),
            ),
            (Watch { application_down: seconds(31), ..Watch::default() }, None),
            (Watch { application_down: seconds(30), ..Watch::default() }, Some("finance is down: refused")),
        ];
        for (watch, expected) in watches {
            assert_eq!(watch.finds(&facts).map(|fact| fact.summary).as_deref(), expected, "{watch:?}");
            assert_eq!(watch.finds(&Facts::default()), None, "{watch:?}");
        }
    }
}
