//! How an SQL database is reached: its URL, how many connections, and how long anything may take.

use crate::model::ids::AppId;
use std::fmt;
use std::time::Duration;

/// Connections at most, when nothing else is said: enough for the lanes of a few tables.
pub const POOL_MAX: u32 = 8;
/// How long it may take to get a connection, an open one or a new one.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one statement may take. The database is told too, so that it stops working on what nobody waits for.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a statement may wait for a lock that another holds.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// One SQL database, as the configuration names it.
#[derive(Debug, Clone)]
pub struct SqlConfig {
    pub id: AppId,
    pub url: SecretUrl,
    pub pool_max: u32,
    pub connect_timeout: Duration,
    pub statement_timeout: Duration,
    pub lock_timeout: Duration,
}

impl SqlConfig {
    /// With the defaults above.
    pub fn new(id: AppId, url: impl Into<SecretUrl>) -> Self {
        Self {
            id,
            url: url.into(),
            pool_max: POOL_MAX,
            connect_timeout: CONNECT_TIMEOUT,
            statement_timeout: STATEMENT_TIMEOUT,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}

/// A URL that may hold a password. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The URL itself, for the driver alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is before the first `:`, in lower case.
    pub fn scheme(&self) -> String {
        self.0.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default()
    }
}

impl From<String> for SecretUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl From<&str> for SecretUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({}:…)", self.scheme())
    }
}
