//! What went wrong with a write or a read at an application, and what each kind of it does (domain.md, "Error types").

use std::fmt;

/// The kinds of failure of domain.md. `Transient` never leaves the engine: it is tried again and becomes `Throttled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorType {
    Application,
    BadRequest,
    Configuration,
    Authentication,
    Network,
    Unavailable,
    Throttled,
    Transient,
    Internal,
}

impl ErrorType {
    pub const ALL: [ErrorType; 9] = [
        ErrorType::Application,
        ErrorType::BadRequest,
        ErrorType::Configuration,
        ErrorType::Authentication,
        ErrorType::Network,
        ErrorType::Unavailable,
        ErrorType::Throttled,
        ErrorType::Transient,
        ErrorType::Internal,
    ];

    /// As the contract spells it, without the enum's prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::Application => "APPLICATION",
            ErrorType::BadRequest => "BAD_REQUEST",
            ErrorType::Configuration => "CONFIGURATION",
            ErrorType::Authentication => "AUTHENTICATION",
            ErrorType::Network => "NETWORK",
            ErrorType::Unavailable => "UNAVAILABLE",
            ErrorType::Throttled => "THROTTLED",
            ErrorType::Transient => "TRANSIENT",
            ErrorType::Internal => "INTERNAL",
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One failure, as a connector reports it. Its texts are scrubbed of credentials by the connector, before it is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}{}", code_suffix(.code))]
pub struct Failure {
    pub kind: ErrorType,
    /// The database's own code (SQLSTATE, MariaDB's number, SQLite's extended code); empty where there is none.
    pub code: String,
    pub message: String,
    pub constraint: Option<String>,
    pub column: Option<String>,
    /// The key of another record that this one refers to and that is missing, where the database tells it.
    pub referred_key: Option<String>,
}

fn code_suffix(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" ({code})") }
}

impl Failure {
    pub fn new(kind: ErrorType, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), constraint: None, column: None, referred_key: None }
    }
}

impl Failure {
    /// With no more than so many characters of its message.
    pub fn shortened(&self, chars_max: usize) -> Self {
        Self { message: self.message.chars().take(chars_max).collect(), ..self.clone() }
    }
}

/// How far a failure reaches: to one record, or to all that go to the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The destination has seen this record and refused it.
    Record,
    /// Something is wrong with the destination as a whole; no record is to blame.
    Destination,
    /// Nobody's fault; the same again may succeed at once.
    Again,
}

impl ErrorType {
    /// Whom a failed write of a record concerns. `Configuration` of one record (a transform) is decided before a
    /// write; at a destination it is always the table's (missing table or column).
    pub fn reach(self) -> Reach {
        match self {
            ErrorType::Application | ErrorType::BadRequest => Reach::Record,
            // Rule 8: an outage makes no errors.
            ErrorType::Configuration
            | ErrorType::Authentication
            | ErrorType::Network
            | ErrorType::Unavailable
            | ErrorType::Throttled => Reach::Destination,
            ErrorType::Transient | ErrorType::Internal => Reach::Again,
        }
    }
}
