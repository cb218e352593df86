//! Requests that must do nothing when they come twice: they bring an id of their caller's.

use std::fmt;

/// A request that its caller gave an id, so that a repeat of it can be told from another one under the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTag {
    pub id: String,
    /// A hash over the whole request.
    pub fingerprint: u64,
}

/// Another request came under this id before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("request_id \"{request_id}\" was used for another request; use a new one")]
pub struct RequestIdReused {
    pub request_id: String,
}

impl RequestTag {
    pub fn has_id_of(&self, remembered: &str) -> bool {
        remembered.split_once(' ').is_some_and(|(_, id)| id == self.id)
    }
}

/// As a map remembers it: the fingerprint, a space, the id.
impl fmt::Display for RequestTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} {}", self.fingerprint, self.id)
    }
}
