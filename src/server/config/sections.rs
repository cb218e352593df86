//! Each section's keys, read and put together, and the rules between keys.
//!
//! Every function reads all of its keys before it gives up, so that no mistake hides another.

use super::read::Reader;
use super::{
    ApplicationConfig, ClientCertificates, ClientConfig, Config, InitialSync, Limits, Log, Server, Smtp, Starttls,
    StoreConfig, Tls, Webhook, keys, units, url,
};
use crate::model::ids::AppId;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The whole configuration; None when any of it is among the reader's mistakes.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    let tls = reader.layers.has("tls").then(|| tls(reader));
    let clients = clients(reader);
    let server = server(reader, whole(&tls), clients.as_deref());
    let limits = limits(reader, server.as_ref().map(|server| server.message_bytes_max as u64));
    if let (Some(tls), Some(clients)) = (whole(&tls), &clients) {
        somebody_asks_for_certificates(reader, tls, clients);
    }
    let store = store(reader);
    let mut ids = BTreeMap::new();
    let applications: Vec<_> =
        (0..reader.layers.entries("applications")).map(|index| application(reader, index, &mut ids)).collect();
    let smtp = reader.layers.has("smtp").then(|| smtp(reader));
    let webhook = reader.layers.has("webhook").then(|| webhook(reader));
    let initial_sync = initial_sync(reader);
    let log = log(reader);
    Some(Config {
        server: server?,
        tls: match tls {
            Some(tls) => Some(tls?),
            None => None,
        },
        clients: clients?,
        limits: limits?,
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

#[allow(clippy::option_option, reason = "left out and wrong are two things")]
fn server(reader: &mut Reader, tls: Option<Option<&Tls>>, clients: Option<&[ClientConfig]>) -> Option<Server> {
    let listen = reader.read("server", &keys::SERVER_LISTEN);
    let insecure = reader.read("server", &keys::SERVER_INSECURE);
    let grace = reader.read("server", &keys::SERVER_GRACE);
    let message_bytes_max = reader.read("server", &keys::SERVER_MESSAGE_BYTES_MAX);
    let web_origins = reader.read("server", &keys::SERVER_WEB_ORIGINS);
    if let (Some(listen), Some(false), Some(tls), Some(clients)) = (listen, insecure, tls, clients)
        && let Some(danger) = danger(listen, tls, clients)
    {
        reader.mistake(
            "server.listen",
            format!(
                "{danger}: listen on 127.0.0.1 or [::1], or give the server [tls] and [[clients]], or say insecure = true in \
                 [server] if that is meant"
            ),
        );
    }
    Some(Server {
        listen: listen?,
        insecure: insecure?,
        grace: grace?,
        message_bytes_max: usize::try_from(message_bytes_max?).unwrap_or(usize::MAX),
        web_origins: web_origins?,
    })
}

/// What is there of a section that may be left out; None when it is there and wrong.
#[allow(clippy::option_option, reason = "left out and wrong are two things")]
fn whole<T>(section: &Option<Option<T>>) -> Option<Option<&T>> {
    match section {
        None => Some(None),
        Some(read) => read.as_ref().map(Some),
    }
}

fn somebody_asks_for_certificates(reader: &mut Reader, tls: Option<&Tls>, clients: &[ClientConfig]) {
    if tls.is_none_or(|tls| tls.client_ca_file.is_none()) {
        let named = clients.iter().enumerate().filter(|(_, client)| !client.certificate_names.is_empty());
        for (index, _) in named {
            reader.mistake(
                &format!("clients[{index}].certificate_names"),
                "nobody is asked for a certificate: give client_ca_file in [tls]",
            );
        }
    }
}

/// What another machine that reaches the server could do; none when nothing, or when no other machine reaches it.
pub(super) fn danger(listen: SocketAddr, tls: Option<&Tls>, clients: &[ClientConfig]) -> Option<String> {
    if listen.ip().to_canonical().is_loopback() {
        return None;
    }
    let asks_who = !clients.is_empty()
        || tls
            .is_some_and(|tls| tls.client_ca_file.is_some() && tls.client_certificates == ClientCertificates::Required);
    let danger = match (tls.is_some(), asks_who) {
        (true, true) => return None,
        (true, false) => "whoever reaches it can read and change everything without saying who they are",
        (false, true) => "tokens and records go over the network unencrypted",
        (false, false) => {
            "whoever reaches it can read and change everything, unencrypted and without saying who they are"
        }
    };
    Some(format!("{listen} can be reached from other machines, and {danger}"))
}

fn tls(reader: &mut Reader) -> Option<Tls> {
    let cert_file = reader.read("tls", &keys::TLS_CERT_FILE);
    let key_file = reader.read("tls", &keys::TLS_KEY_FILE);
    let client_ca_file = reader.read("tls", &keys::TLS_CLIENT_CA_FILE);
    let client_certificates = reader.read("tls", &keys::TLS_CLIENT_CERTIFICATES);
    let reload_interval = reader.read("tls", &keys::TLS_RELOAD_INTERVAL);
    if client_ca_file == Some(None) && reader.is_given("tls.client_certificates") {
        reader.mistake("tls.client_certificates", "says nothing without client_ca_file");
    }
    Some(Tls {
        cert_file: cert_file?,
        key_file: key_file?,
        client_ca_file: client_ca_file?,
        client_certificates: client_certificates?,
        reload_interval: reload_interval?,
    })
}

/// All clients. Their ids, tokens and names of certificates differ, so that a caller is one of them.
fn clients(reader: &mut Reader) -> Option<Vec<ClientConfig>> {
    let mut seen = BTreeMap::new();
    let mut clients = Vec::new();
    for index in 0..reader.layers.entries("clients") {
        let place = format!("clients[{index}]");
        let id = reader.read(&place, &keys::CLIENT_ID);
        let role = reader.read(&place, &keys::CLIENT_ROLE);
        let table_maps = reader.read(&place, &keys::CLIENT_TABLE_MAPS);
        let token_hashes = reader.read(&place, &keys::CLIENT_TOKEN_HASHES);
        let certificate_names = reader.read(&place, &keys::CLIENT_CERTIFICATE_NAMES);
        let own = id.iter().map(|id| ("id", id.to_string()));
        let own = own.chain(token_hashes.iter().flatten().map(|hash| ("token_hashes", hash.to_string())));
        let own = own.chain(certificate_names.iter().flatten().map(|name| ("certificate_names", name.clone())));
        for (key, value) in own {
            if let Some(first) = seen.insert((key, value), index) {
                reader.mistake(
                    &format!("{place}.{key}"),
                    format!("clients[{first}] has the same, but each must have its own"),
                );
            }
        }
        let client = move || {
            Some(ClientConfig {
                id: id?,
                role: role?,
                table_maps: table_maps?,
                token_hashes: token_hashes?,
                certificate_names: certificate_names?,
            })
        };
        let client = client();
        if let Some(client) = &client
            && client.token_hashes.is_empty()
            && client.certificate_names.is_empty()
        {
            reader.mistake(&place, "has neither token_hashes nor certificate_names, so nobody can be this client");
        }
        clients.push(client);
    }
    clients.into_iter().collect()
}

fn limits(reader: &mut Reader, message_bytes_max: Option<u64>) -> Option<Limits> {
    let mut count = |key| reader.read("limits", key).map(|count: u32| count as usize);
    let connections_max = count(&keys::LIMITS_CONNECTIONS_MAX);
    let connections_per_address_max = count(&keys::LIMITS_CONNECTIONS_PER_ADDRESS_MAX);
    let calls_per_client_max = count(&keys::LIMITS_CALLS_PER_CLIENT_MAX);
    let reads_per_client_max = count(&keys::LIMITS_READS_PER_CLIENT_MAX);
    let streams_per_client_max = count(&keys::LIMITS_STREAMS_PER_CLIENT_MAX);
    let streams_max = count(&keys::LIMITS_STREAMS_MAX);
    let backups_max = count(&keys::LIMITS_BACKUPS_MAX);
    let record_fields_max = count(&keys::LIMITS_RECORD_FIELDS_MAX);
    let page_size_max = count(&keys::LIMITS_PAGE_SIZE_MAX);
    let calls_per_connection_max = reader.read("limits", &keys::LIMITS_CALLS_PER_CONNECTION_MAX);
    let header_bytes_max = reader.read("limits", &keys::LIMITS_HEADER_BYTES_MAX);
    let request_bytes_per_client_max = reader.read("limits", &keys::LIMITS_REQUEST_BYTES_PER_CLIENT_MAX);
    if let (Some(bytes), Some(message)) = (request_bytes_per_client_max, message_bytes_max)
        && bytes < message
    {
        let (bytes, message) = (units::write_size(bytes), units::write_size(message));
        reader.mistake(
            "limits.request_bytes_per_client_max",
            format!(
                "{bytes} is less than server.message_bytes_max, {message}, so the largest message would never arrive"
            ),
        );
    }
    let mut time = |key| reader.read("limits", key);
    let handshake_timeout = time(&keys::LIMITS_HANDSHAKE_TIMEOUT);
    let request_timeout = time(&keys::LIMITS_REQUEST_TIMEOUT);
    let call_timeout = time(&keys::LIMITS_CALL_TIMEOUT);
    let idle_timeout = time(&keys::LIMITS_IDLE_TIMEOUT);
    let keepalive_interval = time(&keys::LIMITS_KEEPALIVE_INTERVAL);
    let keepalive_timeout = time(&keys::LIMITS_KEEPALIVE_TIMEOUT);
    Some(Limits {
        connections_max: connections_max?,
        connections_per_address_max: connections_per_address_max?,
        calls_per_connection_max: calls_per_connection_max?,
        calls_per_client_max: calls_per_client_max?,
        reads_per_client_max: reads_per_client_max?,
        streams_per_client_max: streams_per_client_max?,
        streams_max: streams_max?,
        request_bytes_per_client_max: usize::try_from(request_bytes_per_client_max?).unwrap_or(usize::MAX),
        backups_max: backups_max?,
        header_bytes_max: usize::try_from(header_bytes_max?).unwrap_or(usize::MAX),
        record_fields_max: record_fields_max?,
        page_size_max: page_size_max?,
        handshake_timeout: handshake_timeout?,
        request_timeout: request_timeout?,
        call_timeout: call_timeout?,
        idle_timeout: idle_timeout?,
        keepalive_interval: keepalive_interval?,
        keepalive_timeout: keepalive_timeout?,
    })
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
