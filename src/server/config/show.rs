//! A configuration as TOML: what is in effect, defaults and all, without credentials.

use super::{ApplicationKind, ClientCertificates, Config, LogFormat, Starttls, StoreKind, units};
use crate::model::access::MapScope;
use crate::model::ids::MapId;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

/// TOML that says the same, except that URLs have lost their users, passwords and parameters.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut document = DocumentMut::new();
        document.insert("server", self.server());
        if let Some(tls) = self.tls() {
            document.insert("tls", tls);
        }
        if !self.clients.is_empty() {
            document.insert("clients", self.clients());
        }
        document.insert("limits", self.limits());
        document.insert("store", self.store());
        document.insert("applications", self.applications());
        if let Some(smtp) = self.smtp() {
            document.insert("smtp", smtp);
        }
        if self.webhook.is_some() {
            document.insert("webhook", Item::Table(table([("secret", value(HIDDEN))])));
        }
        document.insert("initial_sync", self.initial_sync());
        document.insert("log", self.log());
        write!(f, "{document}")
    }
}

/// Stands for a secret; long enough to be one, so that what is shown can be read.
pub(super) const HIDDEN: &str = "this secret is never shown";

fn table(keys: impl IntoIterator<Item = (&'static str, Item)>) -> Table {
    let mut table = Table::new();
    for (name, item) in keys {
        table.insert(name, item);
    }
    table
}

fn time(time: Duration) -> Item {
    value(units::write_time(time))
}

fn size(bytes: u64) -> Item {
    value(units::write_size(bytes))
}

impl Config {
    fn server(&self) -> Item {
        let server = &self.server;
        Item::Table(table([
            ("listen", value(server.listen.to_string())),
            ("insecure", value(server.insecure)),
            ("grace", time(server.grace)),
            ("message_bytes_max", size(server.message_bytes_max as u64)),
            ("web_origins", value(server.web_origins.iter().collect::<Array>())),
        ]))
    }

    fn tls(&self) -> Option<Item> {
        let tls = self.tls.as_ref()?;
        let path = |path: &Path| value(path.display().to_string());
        let mut shown = table([
            ("cert_file", path(&tls.cert_file)),
            ("key_file", path(&tls.key_file)),
            ("reload_interval", time(tls.reload_interval)),
        ]);
        if let Some(client_ca_file) = &tls.client_ca_file {
            let client_certificates = match tls.client_certificates {
                ClientCertificates::Required => "required",
                ClientCertificates::Optional => "optional",
            };
            shown.insert("client_ca_file", path(client_ca_file));
            shown.insert("client_certificates", value(client_certificates));
        }
        Some(Item::Table(shown))
    }

    /// A hash is shown: it tells which token is meant, and nobody gets from it to the token.
    fn clients(&self) -> Item {
        let mut list = ArrayOfTables::new();
        for client in &self.clients {
            let table_maps = match &client.table_maps {
                MapScope::All => value("*"),
                MapScope::Only(maps) => value(maps.iter().map(MapId::as_str).collect::<Array>()),
            };
            let hashes = client.token_hashes.iter().map(ToString::to_string);
            list.push(table([
                ("id", value(client.id.as_str())),
                ("role", value(client.role.as_str())),
                ("table_maps", table_maps),
                ("token_hashes", value(hashes.collect::<Array>())),
                ("certificate_names", value(client.certificate_names.iter().collect::<Array>())),
            ]));
        }
        Item::ArrayOfTables(list)
    }

    fn limits(&self) -> Item {
        let limits = &self.limits;
        let count = |count: usize| value(i64::try_from(count).unwrap_or(i64::MAX));
        Item::Table(table([
            ("connections_max", count(limits.connections_max)),
            ("connections_per_address_max", count(limits.connections_per_address_max)),
            ("calls_per_connection_max", value(i64::from(limits.calls_per_connection_max))),
            ("calls_per_client_max", count(limits.calls_per_client_max)),
            ("reads_per_client_max", count(limits.reads_per_client_max)),
            ("streams_per_client_max", count(limits.streams_per_client_max)),
            ("streams_max", count(limits.streams_max)),
            ("request_bytes_per_client_max", size(limits.request_bytes_per_client_max as u64)),
            ("backups_max", count(limits.backups_max)),
            ("header_bytes_max", size(limits.header_bytes_max as u64)),
            ("record_fields_max", count(limits.record_fields_max)),
            ("page_size_max", count(limits.page_size_max)),
            ("handshake_timeout", time(limits.handshake_timeout)),
            ("request_timeout", time(limits.request_timeout)),
            ("call_timeout", time(limits.call_timeout)),
            ("idle_timeout", time(limits.idle_timeout)),
            ("keepalive_interval", time(limits.keepalive_interval)),
            ("keepalive_timeout", time(limits.keepalive_timeout)),
        ]))
    }

    fn store(&self) -> Item {
        let kind = match self.store.kind {
            StoreKind::Sled => "sled",
        };
        Item::Table(table([
            ("kind", value(kind)),
            ("path", value(self.store.path.display().to_string())),
            ("cache_bytes", size(self.store.cache_bytes)),
            ("reserve_bytes", size(self.store.reserve_bytes)),
        ]))
    }

    fn initial_sync(&self) -> Item {
        Item::Table(table([
            ("errors_max", value(i64::from(self.initial_sync.errors_max))),
            ("errors_percent_max", value(i64::from(self.initial_sync.errors_percent_max))),
        ]))
    }

    fn applications(&self) -> Item {
        let mut list = ArrayOfTables::new();
        for application in &self.applications {
            let kind = match application.kind {
                ApplicationKind::Sql => "sql",
            };
            list.push(table([
                ("id", value(application.id.as_str())),
                ("kind", value(kind)),
                ("url", value(application.address())),
                ("pool_max", value(i64::from(application.pool_max))),
                ("connect_timeout", time(application.connect_timeout)),
                ("statement_timeout", time(application.statement_timeout)),
                ("lock_timeout", time(application.lock_timeout)),
            ]));
        }
        Item::ArrayOfTables(list)
    }

    fn smtp(&self) -> Option<Item> {
        let smtp = self.smtp.as_ref()?;
        let starttls = match smtp.starttls {
            Starttls::Required => "required",
            Starttls::WhenOffered => "when_offered",
            Starttls::Off => "off",
        };
        Some(Item::Table(table([
            ("url", value(smtp.address())),
            ("starttls", value(starttls)),
            ("insecure", value(smtp.insecure)),
            ("from", value(smtp.from.as_str())),
            ("ca_file", value(smtp.ca_file.as_deref().map(|path| path.display().to_string()).unwrap_or_default())),
        ])))
    }

    fn log(&self) -> Item {
        let format = match self.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        Item::Table(table([("format", value(format)), ("level", value(self.log.level.as_str()))]))
    }
}
