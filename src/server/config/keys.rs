//! Every key there is: where it stands, what it is without being said, and what it takes. Reading, unknown keys, variables
//! and the check of the reference (docs/configuration.md) all go by this table.

use super::value::{self, Raw};
use super::{ApplicationKind, ClientCertificates, LogFormat, Starttls, StoreKind};
use crate::model::access::{MapScope, Role};
use crate::model::ids::{AppId, ClientId};
use crate::model::token::TokenHash;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What all variables that stand for a key begin with.
pub const ENV_PREFIX: &str = "TANDEM_";

/// What separates the levels of a key in a variable's name.
pub const ENV_LEVEL: &str = "__";

/// A key and what its value becomes.
pub struct Key<T> {
    pub known: Known,
    /// The value, or what was found and what is right.
    pub(super) parse: fn(&Raw) -> Result<T, String>,
}

/// What is known of a key whatever its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// `server.listen`, or `applications[].url` for a key that every entry of a list has.
    pub path: &'static str,
    /// The default as it would be written; none means that the key must be given where its section is.
    pub default: Option<&'static str>,
}

impl Known {
    /// The section and the key's name in it.
    pub fn split(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }

    /// The list that its section is an entry of, if it is.
    pub fn list(&self) -> Option<&'static str> {
        self.split().0.strip_suffix("[]")
    }

    /// The variable that gives it. For a key of a list's entry, `entry` is its id; the id itself has none, since it is what
    /// the name goes by.
    pub fn variable(&self, entry: &str) -> Option<String> {
        let (section, name) = self.split();
        if self.list().is_some() && name == "id" {
            return None;
        }
        let name = name.to_uppercase();
        match self.list() {
            // An id has no "_", so nothing is confused when "-", which a variable cannot have, becomes one.
            Some(list) => Some(format!(
                "{ENV_PREFIX}{}{ENV_LEVEL}{}{ENV_LEVEL}{name}",
                list.to_uppercase(),
                entry.to_uppercase().replace('-', "_")
            )),
            None => Some(format!("{ENV_PREFIX}{}{ENV_LEVEL}{name}", section.to_uppercase())),
        }
    }
}

const fn key<T>(path: &'static str, default: &'static str, parse: fn(&Raw) -> Result<T, String>) -> Key<T> {
    Key { known: Known { path, default: Some(default) }, parse }
}

const fn required<T>(path: &'static str, parse: fn(&Raw) -> Result<T, String>) -> Key<T> {
    Key { known: Known { path, default: None }, parse }
}

pub static SERVER_LISTEN: Key<SocketAddr> = key("server.listen", "127.0.0.1:7070", value::socket);
pub static SERVER_INSECURE: Key<bool> = key("server.insecure", "false", value::switch);
pub static SERVER_GRACE: Key<Duration> = key("server.grace", "30s", |raw| value::time(raw, "0s", "1h"));
pub static SERVER_MESSAGE_BYTES_MAX: Key<u64> =
    key("server.message_bytes_max", "4MiB", |raw| value::size(raw, "64KiB", "64MiB"));
pub static SERVER_WEB_ORIGINS: Key<Vec<String>> = key("server.web_origins", "", value::origins);

pub static TLS_CERT_FILE: Key<PathBuf> = required("tls.cert_file", value::path);
pub static TLS_KEY_FILE: Key<PathBuf> = required("tls.key_file", value::path);
pub static TLS_CLIENT_CA_FILE: Key<Option<PathBuf>> = key("tls.client_ca_file", "", value::path_or_none);
pub static TLS_CLIENT_CERTIFICATES: Key<ClientCertificates> =
    key("tls.client_certificates", "required", value::client_certificates);
pub static TLS_RELOAD_INTERVAL: Key<Duration> = key("tls.reload_interval", "1m", |raw| value::time(raw, "1s", "1d"));

pub static CLIENT_ID: Key<ClientId> = required("clients[].id", value::client_id);
pub static CLIENT_ROLE: Key<Role> = required("clients[].role", value::role);
pub static CLIENT_TABLE_MAPS: Key<MapScope> = key("clients[].table_maps", "*", value::map_scope);
pub static CLIENT_TOKEN_HASHES: Key<Vec<TokenHash>> = key("clients[].token_hashes", "", value::token_hashes);
pub static CLIENT_CERTIFICATE_NAMES: Key<Vec<String>> =
    key("clients[].certificate_names", "", value::certificate_names);

pub static LIMITS_CONNECTIONS_MAX: Key<u32> =
    key("limits.connections_max", "4096", |raw| value::count(raw, 1, 1_000_000));
pub static LIMITS_CONNECTIONS_PER_ADDRESS_MAX: Key<u32> =
    key("limits.connections_per_address_max", "512", |raw| value::count(raw, 1, 1_000_000));
pub static LIMITS_CALLS_PER_CONNECTION_MAX: Key<u32> =
    key("limits.calls_per_connection_max", "1024", |raw| value::count(raw, 1, 100_000));
pub static LIMITS_CALLS_PER_CLIENT_MAX: Key<u32> =
    key("limits.calls_per_client_max", "2048", |raw| value::count(raw, 1, 1_000_000));
pub static LIMITS_READS_PER_CLIENT_MAX: Key<u32> =
    key("limits.reads_per_client_max", "32", |raw| value::count(raw, 1, 10_000));
pub static LIMITS_STREAMS_PER_CLIENT_MAX: Key<u32> =
    key("limits.streams_per_client_max", "256", |raw| value::count(raw, 1, 1_000_000));
pub static LIMITS_STREAMS_MAX: Key<u32> = key("limits.streams_max", "4096", |raw| value::count(raw, 1, 1_000_000));
pub static LIMITS_REQUEST_BYTES_PER_CLIENT_MAX: Key<u64> =
    key("limits.request_bytes_per_client_max", "64MiB", |raw| value::size(raw, "64KiB", "64GiB"));
pub static LIMITS_BACKUPS_MAX: Key<u32> = key("limits.backups_max", "1", |raw| value::count(raw, 1, 100));
pub static LIMITS_HEADER_BYTES_MAX: Key<u64> =
    key("limits.header_bytes_max", "16KiB", |raw| value::size(raw, "8KiB", "1MiB"));
pub static LIMITS_RECORD_FIELDS_MAX: Key<u32> =
    key("limits.record_fields_max", "1000", |raw| value::count(raw, 1, 100_000));
pub static LIMITS_PAGE_SIZE_MAX: Key<u32> = key("limits.page_size_max", "1000", |raw| value::count(raw, 1, 1_000));
pub static LIMITS_HANDSHAKE_TIMEOUT: Key<Duration> =
    key("limits.handshake_timeout", "10s", |raw| value::time(raw, "100ms", "5m"));
pub static LIMITS_REQUEST_TIMEOUT: Key<Duration> =
    key("limits.request_timeout", "30s", |raw| value::time(raw, "100ms", "1h"));
pub static LIMITS_CALL_TIMEOUT: Key<Duration> = key("limits.call_timeout", "1h", |raw| value::time(raw, "100ms", "1d"));
pub static LIMITS_IDLE_TIMEOUT: Key<Duration> = key("limits.idle_timeout", "5m", |raw| value::time(raw, "1s", "1d"));
pub static LIMITS_KEEPALIVE_INTERVAL: Key<Duration> =
    key("limits.keepalive_interval", "30s", |raw| value::time(raw, "1s", "1h"));
pub static LIMITS_KEEPALIVE_TIMEOUT: Key<Duration> =
    key("limits.keepalive_timeout", "20s", |raw| value::time(raw, "1s", "1h"));

pub static STORE_KIND: Key<StoreKind> =
    key("store.kind", "sled", |raw| value::one_of(raw, &["sled"]).map(|_| StoreKind::Sled));
pub static STORE_PATH: Key<PathBuf> = key("store.path", "./tandem-data", value::path);
pub static STORE_CACHE_BYTES: Key<u64> = key("store.cache_bytes", "64MiB", |raw| value::size(raw, "1MiB", "1024GiB"));
pub static STORE_RESERVE_BYTES: Key<u64> = key("store.reserve_bytes", "64MiB", |raw| value::size(raw, "0B", "1024GiB"));

pub static APPLICATION_ID: Key<AppId> = required("applications[].id", value::application_id);
pub static APPLICATION_KIND: Key<ApplicationKind> =
    key("applications[].kind", "sql", |raw| value::one_of(raw, &["sql"]).map(|_| ApplicationKind::Sql));
pub static APPLICATION_URL: Key<String> = required("applications[].url", value::secret);
pub static APPLICATION_POOL_MAX: Key<u32> = key("applications[].pool_max", "10", |raw| value::count(raw, 1, 1_000));
pub static APPLICATION_CONNECT_TIMEOUT: Key<Duration> =
    key("applications[].connect_timeout", "5s", |raw| value::time(raw, "100ms", "5m"));
pub static APPLICATION_STATEMENT_TIMEOUT: Key<Duration> =
    key("applications[].statement_timeout", "30s", |raw| value::time(raw, "100ms", "1h"));
pub static APPLICATION_LOCK_TIMEOUT: Key<Duration> =
    key("applications[].lock_timeout", "5s", |raw| value::time(raw, "100ms", "1h"));

pub static SMTP_URL: Key<String> = required("smtp.url", value::secret);
pub static SMTP_STARTTLS: Key<Starttls> = key("smtp.starttls", "required", value::starttls);
pub static SMTP_INSECURE: Key<bool> = key("smtp.insecure", "false", value::switch);
pub static SMTP_FROM: Key<String> = required("smtp.from", value::mailbox);
pub static SMTP_CA_FILE: Key<Option<PathBuf>> = key("smtp.ca_file", "", value::path_or_none);

pub static WEBHOOK_SECRET: Key<String> = required("webhook.secret", value::secret);

pub static INITIAL_SYNC_ERRORS_MAX: Key<u32> =
    key("initial_sync.errors_max", "10000", |raw| value::count(raw, 0, 10_000_000));
pub static INITIAL_SYNC_ERRORS_PERCENT_MAX: Key<u32> =
    key("initial_sync.errors_percent_max", "50", |raw| value::count(raw, 0, 100));

pub static LOG_FORMAT: Key<LogFormat> = key("log.format", "text", value::log_format);
pub static LOG_LEVEL: Key<String> = key("log.level", "info", value::log_level);

/// All of them, in the order of the reference.
pub static ALL: [&Known; 54] = [
    &SERVER_LISTEN.known,
    &SERVER_INSECURE.known,
    &SERVER_GRACE.known,
    &SERVER_MESSAGE_BYTES_MAX.known,
    &SERVER_WEB_ORIGINS.known,
    &TLS_CERT_FILE.known,
    &TLS_KEY_FILE.known,
    &TLS_CLIENT_CA_FILE.known,
    &TLS_CLIENT_CERTIFICATES.known,
    &TLS_RELOAD_INTERVAL.known,
    &CLIENT_ID.known,
    &CLIENT_ROLE.known,
    &CLIENT_TABLE_MAPS.known,
    &CLIENT_TOKEN_HASHES.known,
    &CLIENT_CERTIFICATE_NAMES.known,
    &LIMITS_CONNECTIONS_MAX.known,
    &LIMITS_CONNECTIONS_PER_ADDRESS_MAX.known,
    &LIMITS_CALLS_PER_CONNECTION_MAX.known,
    &LIMITS_CALLS_PER_CLIENT_MAX.known,
    &LIMITS_READS_PER_CLIENT_MAX.known,
    &LIMITS_STREAMS_PER_CLIENT_MAX.known,
    &LIMITS_STREAMS_MAX.known,
    &LIMITS_REQUEST_BYTES_PER_CLIENT_MAX.known,
    &LIMITS_BACKUPS_MAX.known,
    &LIMITS_HEADER_BYTES_MAX.known,
    &LIMITS_RECORD_FIELDS_MAX.known,
    &LIMITS_PAGE_SIZE_MAX.known,
    &LIMITS_HANDSHAKE_TIMEOUT.known,
    &LIMITS_REQUEST_TIMEOUT.known,
    &LIMITS_CALL_TIMEOUT.known,
    &LIMITS_IDLE_TIMEOUT.known,
    &LIMITS_KEEPALIVE_INTERVAL.known,
    &LIMITS_KEEPALIVE_TIMEOUT.known,
    &STORE_KIND.known,
    &STORE_PATH.known,
    &STORE_CACHE_BYTES.known,
    &STORE_RESERVE_BYTES.known,
    &APPLICATION_ID.known,
    &APPLICATION_KIND.known,
    &APPLICATION_URL.known,
    &APPLICATION_POOL_MAX.known,
    &APPLICATION_CONNECT_TIMEOUT.known,
    &APPLICATION_STATEMENT_TIMEOUT.known,
    &APPLICATION_LOCK_TIMEOUT.known,
    &SMTP_URL.known,
    &SMTP_STARTTLS.known,
    &SMTP_INSECURE.known,
    &SMTP_FROM.known,
    &SMTP_CA_FILE.known,
    &WEBHOOK_SECRET.known,
    &INITIAL_SYNC_ERRORS_MAX.known,
    &INITIAL_SYNC_ERRORS_PERCENT_MAX.known,
    &LOG_FORMAT.known,
    &LOG_LEVEL.known,
];

/// The sections, as the keys name them.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = ALL.iter().map(|known| known.split().0.trim_end_matches("[]")).collect();
    sections.dedup();
    sections
}

/// The sections that are lists, of which a file may have any number of entries.
pub fn lists() -> Vec<&'static str> {
    let mut lists: Vec<_> = ALL.iter().filter_map(|known| known.list()).collect();
    lists.dedup();
    lists
}

/// The key that `path` (with `[]` for any entry of a list) names.
pub fn find(path: &str) -> Option<&'static Known> {
    ALL.iter().copied().find(|known| known.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_two_underscores_for_a_level() {
        assert_eq!(SERVER_LISTEN.known.variable("").as_deref(), Some("TANDEM_SERVER__LISTEN"));
        assert_eq!(STORE_CACHE_BYTES.known.variable("").as_deref(), Some("TANDEM_STORE__CACHE_BYTES"));
        assert_eq!(APPLICATION_URL.known.variable("data-lake").as_deref(), Some("TANDEM_APPLICATIONS__DATA_LAKE__URL"));
        assert_eq!(APPLICATION_ID.known.variable("finance"), None);
    }

    #[test]
    fn sections_are_each_named_once() {
        assert_eq!(
            sections(),
            ["server", "tls", "clients", "limits", "store", "applications", "smtp", "webhook", "initial_sync", "log"]
        );
    }
}
