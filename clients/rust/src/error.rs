//! Errors with the details that the server gives.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A field of the request that is malformed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub field: String,
    pub description: String,
}

/// The resource that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub kind: String,
    pub name: String,
}

/// Why a call, or a change of a stream, was not done. Its fields are those of [`Details`]; it is as small as a pointer, so that results
/// are.
#[derive(Debug, Clone)]
pub struct Error(Box<Details>);

/// What is known of an [`Error`].
#[derive(Debug, Clone)]
pub struct Details {
    pub code: Code,
    /// What happened, for people.
    pub message: String,
    /// One of `ErrorReason` without its prefix, such as MAP_NOT_RUNNING; empty when the server was not reached.
    pub reason: String,
    /// What belongs to the reason; `ErrorReason` says under which names.
    pub metadata: HashMap<String, String>,
    /// Every malformed field, of INVALID_ARGUMENT.
    pub violations: Vec<Violation>,
    /// The resource that is meant, where there is one.
    pub resource: Option<Resource>,
    /// When it is worth trying again, where the server says.
    pub retry_delay: Option<Duration>,
}

impl Deref for Error {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl Error {
    /// Whether the same call may go through later: the server was not reached, is shutting down or has too much to do, or an
    /// application is away.
    pub fn is_transient(&self) -> bool {
        match self.code {
            Code::Unavailable => true,
            // Codes that a transport gives a call when it breaks; with a reason they are the server's own word.
            Code::Internal | Code::Unknown | Code::Cancelled => self.reason.is_empty(),
            _ => self.reason == "TOO_MANY_REQUESTS",
        }
    }

    pub(crate) fn unavailable(message: &str) -> Error {
        Status::unavailable(message).into()
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        let details = status.get_error_details();
        let (reason, metadata) =
            details.error_info().map(|info| (info.reason.clone(), info.metadata.clone())).unwrap_or_default();
        let violations = details
            .bad_request()
            .into_iter()
            .flat_map(|bad| &bad.field_violations)
            .map(|violation| Violation { field: violation.field.clone(), description: violation.description.clone() });
        let resource = details
            .resource_info()
            .map(|resource| Resource { kind: resource.resource_type.clone(), name: resource.resource_name.clone() });
        Error(Box::new(Details {
            code: status.code(),
            message: status.message().to_owned(),
            reason,
            metadata,
            violations: violations.collect(),
            resource,
            retry_delay: details.retry_info().and_then(|retry| retry.retry_delay),
        }))
    }
}

/// The status of a change within a stream.
impl From<tonic_types::Status> for Error {
    fn from(status: tonic_types::Status) -> Error {
        use prost::Message;
        let details = status.encode_to_vec().into();
        Status::with_details(Code::from_i32(status.code), status.message, details).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.code)?;
        if !self.reason.is_empty() {
            write!(formatter, " ({})", self.reason)?;
        }
        write!(formatter, ": {}", self.message)?;
        for Violation { field, description } in &self.violations {
            write!(formatter, "\n  {field}: {description}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
