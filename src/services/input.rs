//! Gathers what is wrong with a request, so that its caller hears of everything at once.

use super::status::CallError;
use crate::model::mapping::Violation;
use crate::model::request::RequestTag;
use crate::model::table_map::Side;
use crate::services::proto;
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

/// The longest id that a caller may give a request, a change or a correlation.
pub const ID_CHARS_MAX: usize = 128;
/// The longest reason for the activity log.
const REASON_CHARS_MAX: usize = 1_000;

/// The violations found so far. Whoever has checked all of a request calls `done`.
#[derive(Debug, Default)]
pub struct Input(Vec<Violation>);

impl Input {
    pub fn wrong(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Violation::new(field, description));
    }

    pub fn violations(self) -> Vec<Violation> {
        self.0
    }

    pub fn is_clean(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what another check found, but nothing of a field that has been named.
    pub fn also(&mut self, violations: impl IntoIterator<Item = Violation>) {
        for violation in violations {
            if !self.0.iter().any(|known| known.field == violation.field) {
                self.0.push(violation);
            }
        }
    }

    /// Ends the check: an error with every violation, when there is one.
    pub fn done(self) -> Result<(), CallError> {
        if self.0.is_empty() { Ok(()) } else { Err(CallError::Fields(self.0)) }
    }

    /// Ends the check with what it has found. `None` without a violation is a fault of the check.
    pub fn with<T>(mut self, checked: Option<T>) -> Result<T, CallError> {
        match checked {
            Some(checked) if self.0.is_empty() => Ok(checked),
            _ => {
                if self.0.is_empty() {
                    self.wrong("", "is incomplete");
                }
                Err(CallError::Fields(self.0))
            }
        }
    }

    /// A text with a bound on its length.
    pub fn text(&mut self, field: &str, text: &str, chars_max: usize) {
        let chars = text.chars().count();
        if chars > chars_max {
            self.wrong(field, format!("has {chars} characters, at most {chars_max} are taken"));
        }
    }

    pub fn reason(&mut self, reason: &str) {
        self.text("reason", reason, REASON_CHARS_MAX);
    }

    /// The id of a request with a hash over all of it; none when it has no id.
    pub fn tag<M: Message>(&mut self, request_id: &str, request: &M) -> Option<RequestTag> {
        self.text("request_id", request_id, ID_CHARS_MAX);
        let fingerprint = xxh3_64(&request.encode_to_vec());
        (!request_id.is_empty()).then(|| RequestTag { id: request_id.to_owned(), fingerprint })
    }

    /// A value of an enum; what this version does not know is wrong.
    pub fn known<E: TryFrom<i32>>(&mut self, field: &str, number: i32) -> Option<E> {
        let known = E::try_from(number).ok();
        if known.is_none() {
            self.wrong(field, format!("{number} is no value of this enum"));
        }
        known
    }

    /// A side that must be said.
    pub fn side(&mut self, field: &str, number: i32) -> Option<Side> {
        let side = self.side_if_given(field, number)?;
        if side.is_none() {
            self.wrong(field, "is required: SIDE_LEFT or SIDE_RIGHT");
        }
        side
    }

    /// A side that may be left out (inner `None`).
    pub fn side_if_given(&mut self, field: &str, number: i32) -> Option<Option<Side>> {
        Some(match self.known::<proto::Side>(field, number)? {
            proto::Side::Unspecified => None,
            proto::Side::Left => Some(Side::Left),
            proto::Side::Right => Some(Side::Right),
        })
    }
}
