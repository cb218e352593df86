//! Each section's keys, read and put together, and the rules between keys.
//!
//! Every function reads all of its keys before it gives up, so that no mistake hides another.

use super::read::Reader;
use super::{
    ApplicationConfig, Config, InitialSync, Log, Server, Smtp, Starttls, StoreConfig, Webhook, keys, units, url,
};
use crate::model::ids::AppId;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The whole configuration; None when any of it is among the reader's mistakes.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    let server = server(reader);
    let store = store(reader);
    let mut ids = BTreeMap::new();
    let applications: Vec<_> =
        (0..reader.layers.applications).map(|index| application(reader, index, &mut ids)).collect();
    let smtp = reader.layers.has("smtp").then(|| smtp(reader));
    let webhook = reader.layers.has("webhook").then(|| webhook(reader));
    let initial_sync = initial_sync(reader);
    let log = log(reader);
    Some(Config {
        server: server?,
        store: store?,
        applications: applications.into_iter().collect::<Option<_>>()?,
        smtp: match smtp {
            Some(smtp) => Some(smtp?),
            None => None,
        },
        webhook: match webhook {
            Some(webhook) => Some(webhook?),
            None => None,
        },
        initial_sync: initial_sync?,
        log: log?,
    })
}

fn server(reader: &mut Reader) -> Option<Server> {
    let listen = reader.read("server", &keys::SERVER_LISTEN);
    let insecure = reader.read("server", &keys::SERVER_INSECURE);
    let grace = reader.read("server", &keys::SERVER_GRACE);
    let message_bytes_max = reader.read("server", &keys::SERVER_MESSAGE_BYTES_MAX);
    if let (Some(listen), Some(false)) = (listen, insecure)
        && !is_loopback(&listen)
    {
        reader.mistake(
            "server.listen",
            format!(
                "{listen} can be reached from other machines, and there is neither encryption nor a check who calls: listen \
                 on 127.0.0.1 or [::1], or say insecure = true in [server] if everybody who reaches it may do everything"
            ),
        );
    }
    Some(Server {
        listen: listen?,
        insecure: insecure?,
        grace: grace?,
        message_bytes_max: usize::try_from(message_bytes_max?).unwrap_or(usize::MAX),
    })
}

pub(super) fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn store(reader: &mut Reader) -> Option<StoreConfig> {
    let kind = reader.read("store", &keys::STORE_KIND);
    let path = reader.read("store", &keys::STORE_PATH);
    let cache_bytes = reader.read("store", &keys::STORE_CACHE_BYTES);
    let reserve_bytes = reader.read("store", &keys::STORE_RESERVE_BYTES);
    Some(StoreConfig { kind: kind?, path: path?, cache_bytes: cache_bytes?, reserve_bytes: reserve_bytes? })
}

/// Reads one application; `ids` are those of the applications before it, with their index.
fn application(reader: &mut Reader, index: usize, ids: &mut BTreeMap<AppId, usize>) -> Option<ApplicationConfig> {
    let place = format!("applications[{index}]");
    let id = reader.read(&place, &keys::APPLICATION_ID);
    if let Some(id) = &id {
        match ids.get(id) {
            Some(first) => {
                let message = format!("applications[{first}] has the id \"{id}\" too, but each must have its own");
                reader.mistake(&format!("{place}.id"), message);
            }
            None => drop(ids.insert(id.clone(), index)),
        }
    }
    let kind = reader.read(&place, &keys::APPLICATION_KIND);
    let url = reader.secret(&place, &keys::APPLICATION_URL, url::check_database);
    let pool_max = reader.read(&place, &keys::APPLICATION_POOL_MAX);
    let connect_timeout = reader.read(&place, &keys::APPLICATION_CONNECT_TIMEOUT);
    let statement_timeout = reader.read(&place, &keys::APPLICATION_STATEMENT_TIMEOUT);
    let lock_timeout = reader.read(&place, &keys::APPLICATION_LOCK_TIMEOUT);
    let lock_timeout = lock_timeout.zip(statement_timeout).map(|(lock, statement)| {
        let path = format!("{place}.lock_timeout");
        if lock > statement && reader.is_given(&path) {
            let (lock, statement) = (units::write_time(lock), units::write_time(statement));
            let message = format!("{lock} is longer than statement_timeout, {statement}, so it would never be reached");
            reader.mistake(&path, message);
        }
        // The default gives way to a shorter limit that was given.
        lock.min(statement)
    });
    Some(ApplicationConfig {
        id: id?,
        kind: kind?,
        url: url?,
        pool_max: pool_max?,
        connect_timeout: connect_timeout?,
        statement_timeout: statement_timeout?,
        lock_timeout: lock_timeout?,
    })
}

fn smtp(reader: &mut Reader) -> Option<Smtp> {
    let url = reader.secret("smtp", &keys::SMTP_URL, url::check_smtp);
    let starttls = reader.read("smtp", &keys::SMTP_STARTTLS);
    let insecure = reader.read("smtp", &keys::SMTP_INSECURE);
    let from = reader.read("smtp", &keys::SMTP_FROM);
    let ca_file = reader.read("smtp", &keys::SMTP_CA_FILE);
    let smtp = Smtp { url: url?, starttls: starttls?, insecure: insecure?, from: from?, ca_file: ca_file? };
    if is_encrypted_from_the_start(&smtp) && smtp.starttls != Starttls::Required {
        reader.mistake(
            "smtp.starttls",
            "says less than smtps://, which is encrypted from the first byte: leave it out, or write smtp:// in the url",
        );
    }
    if sends_in_the_clear(&smtp) && !smtp.insecure {
        reader.mistake(
            "smtp.starttls",
            format!(
                "\"off\" would send mail and credentials to {} unencrypted: write \"required\", or say insecure = true in \
                 [smtp] if that is meant",
                smtp.address()
            ),
        );
    }
    Some(smtp)
}

fn webhook(reader: &mut Reader) -> Option<Webhook> {
    let secret = reader.secret("webhook", &keys::WEBHOOK_SECRET, long_enough)?;
    Some(Webhook { secret })
}

/// A signature is worth no more than its secret.
fn long_enough(secret: &str) -> Result<(), String> {
    const CHARS_MIN: usize = 24;
    if secret.chars().count() >= CHARS_MIN { Ok(()) } else { Err(format!("is shorter than {CHARS_MIN} characters")) }
}

fn is_encrypted_from_the_start(smtp: &Smtp) -> bool {
    smtp.url.expose().starts_with("smtps://")
}

/// Whether mail goes unencrypted to another machine for certain.
pub(super) fn sends_in_the_clear(smtp: &Smtp) -> bool {
    smtp.starttls == Starttls::Off && !is_encrypted_from_the_start(smtp) && !url::is_loopback(smtp.url.expose())
}

fn initial_sync(reader: &mut Reader) -> Option<InitialSync> {
    let errors_max = reader.read("initial_sync", &keys::INITIAL_SYNC_ERRORS_MAX);
    let errors_percent_max = reader.read("initial_sync", &keys::INITIAL_SYNC_ERRORS_PERCENT_MAX);
    Some(InitialSync { errors_max: errors_max?, errors_percent_max: errors_percent_max? })
}

fn log(reader: &mut Reader) -> Option<Log> {
    let format = reader.read("log", &keys::LOG_FORMAT);
    let level = reader.read("log", &keys::LOG_LEVEL);
    Some(Log { format: format?, level: level? })
}
