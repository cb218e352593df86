//! A configuration as TOML: what is in effect, defaults and all, without credentials.

use super::{ApplicationKind, Config, LogFormat, Starttls, StoreKind, units};
use std::fmt;
use std::time::Duration;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// TOML that says the same, except that URLs have lost their users, passwords and parameters.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut document = DocumentMut::new();
        document.insert("server", self.server());
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
