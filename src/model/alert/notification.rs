//! Mails on their way: what becomes of one with each attempt.

use crate::model::ids::{AlertId, AlertNumber, NotificationNumber};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// The wait after the first attempt that failed; it doubles with each one, up to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(10);
const WAIT_LONGEST: Duration = Duration::from_secs(15 * 60);
/// How long it is tried.
const TRIED_FOR: chrono::Duration = chrono::Duration::days(1);
/// What is kept of a mail server's answer.
const RESPONSE_CHARS_MAX: usize = 500;

/// What a mail tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    Raised,
    /// The map runs again.
    Recovered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationState {
    Pending,
    Delivered,
    GivenUp,
}

/// A mail to one recipient. Its content is made of the alert that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// 0 until the store gives it one.
    pub number: NotificationNumber,
    pub alert: AlertNumber,
    pub setting: AlertId,
    pub recipient: String,
    pub kind: NotificationKind,
    pub subject: String,
    pub state: NotificationState,
    pub attempts: u32,
    pub last_response: String,
    pub create_time: DateTime<Utc>,
    /// While it is pending.
    pub next_attempt: Option<DateTime<Utc>>,
    /// When it was delivered or given up.
    pub end_time: Option<DateTime<Utc>>,
}

/// What became of an attempt, with the mail server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Accepted(String),
    /// For good.
    Refused(String),
    /// It may be taken another time.
    Failed(String),
}

impl Notification {
    /// As it is after an attempt that ended now; `jitter` is between 0 and 1.
    pub fn attempted(&self, attempt: Attempt, now: DateTime<Utc>, jitter: f64) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let too_long = now - self.create_time >= TRIED_FOR;
        let (state, response) = match attempt {
            Attempt::Accepted(response) => (NotificationState::Delivered, response),
            Attempt::Refused(response) => (NotificationState::GivenUp, response),
            Attempt::Failed(response) if too_long => (NotificationState::GivenUp, response),
            Attempt::Failed(response) => (NotificationState::Pending, response),
        };
        let waits = state == NotificationState::Pending;
        Self {
            state,
            attempts,
            last_response: response.chars().take(RESPONSE_CHARS_MAX).collect(),
            next_attempt: waits.then(|| now + wait(attempts, jitter)),
            end_time: (!waits).then_some(now),
            ..self.clone()
        }
    }
}

/// Whether one that waits until then is to be tried now. No wait is longer than the longest, so a later time is of a clock that was
/// set back since.
pub fn is_due(next: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    next <= now || next > now + WAIT_LONGEST
}

/// Half of it is jitter, so that mails that failed together do not come again together.
fn wait(attempts: u32, jitter: f64) -> Duration {
    let doubled = WAIT_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(WAIT_LONGEST);
    doubled.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending() -> Notification {
        Notification {
            number: NotificationNumber(1),
            alert: AlertNumber(1),
            setting: AlertId::parse("many").unwrap(),
            recipient: "ada@example.com".to_owned(),
            kind: NotificationKind::Raised,
            subject: String::new(),
            state: NotificationState::Pending,
            attempts: 0,
            last_response: String::new(),
            create_time: DateTime::UNIX_EPOCH,
            next_attempt: Some(DateTime::UNIX_EPOCH),
            end_time: None,
        }
    }

    #[test]
    fn what_failed_is_tried_for_a_day_ever_less_often() {
        let mut mail = pending();
        let mut waits = Vec::new();
        while let Some(now) = mail.next_attempt {
            mail = mail.attempted(Attempt::Failed("421 try again".to_owned()), now, 1.0);
            waits.extend(mail.next_attempt.map(|next| (next - now).num_seconds()));
        }
        assert_eq!(waits[..4], [10, 20, 40, 80]);
        assert_eq!(waits.last(), Some(&900));
        assert_eq!((mail.state, mail.attempts), (NotificationState::GivenUp, u32::try_from(waits.len()).unwrap() + 1));
        assert!(mail.end_time.is_some_and(|end| (end - mail.create_time).num_hours() == 24));
    }

    #[test]
    fn a_clock_that_was_set_back_is_not_waited_for() {
        let now = DateTime::UNIX_EPOCH;
        let in_seconds = |seconds| is_due(now + chrono::Duration::seconds(seconds), now);
        assert_eq!([-1, 0, 1, 900, 901, 86_400].map(in_seconds), [true, true, false, false, true, true]);
    }

    #[test]
    fn a_refusal_is_for_good() {
        let refused = pending().attempted(Attempt::Refused("550 no such user".to_owned()), DateTime::UNIX_EPOCH, 0.0);
        assert_eq!((refused.state, refused.next_attempt), (NotificationState::GivenUp, None));
        assert_eq!(refused.last_response, "550 no such user");
        let taken = pending().attempted(Attempt::Accepted("250 ok".to_owned()), DateTime::UNIX_EPOCH, 0.0);
        assert_eq!((taken.state, taken.attempts), (NotificationState::Delivered, 1));
    }
}
