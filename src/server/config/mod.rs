//! The configuration: one TOML file, covered by variables, covered by options of the command. docs/configuration.md is its
//! reference.
//!
//! All mistakes are found before anything starts, and told at once; a configuration that was loaded needs no second look.
//! `keys` is the table of what there is, `layers` puts file, variables and options over each other, `sections` makes them a
//! `Config`. What a secret is appears in no message.

mod file;
mod input;
pub mod keys;
mod layers;
mod mistake;
mod read;
pub mod reference;
mod secret;
mod sections;
mod show;
mod suggest;
mod units;
mod url;
mod value;

pub use input::{Environment, Flag, Input};
pub use mistake::{ConfigError, LoadError, Mistake, Origin};
pub use secret::Secret;

use crate::model::access::{MapScope, Role};
use crate::model::ids::{AppId, ClientId};
use crate::model::token::TokenHash;
use layers::Layers;
use read::Reader;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All that a server is told before it starts. Set once, by `load`; nothing changes it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub server: Server,
    /// None when connections are not encrypted.
    pub tls: Option<Tls>,
    /// Who may call; everybody may do everything when there is none.
    pub clients: Vec<ClientConfig>,
    pub limits: Limits,
    pub store: StoreConfig,
    /// In the order of the file; their ids differ.
    pub applications: Vec<ApplicationConfig>,
    /// None when no mail is to be sent.
    pub smtp: Option<Smtp>,
    /// None when no webhooks are to be called.
    pub webhook: Option<Webhook>,
    pub initial_sync: InitialSync,
    pub log: Log,
}

/// When an initial sync gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialSync {
    /// Rows of one direction that may fail.
    pub errors_max: u32,
    /// Of a hundred rows, how many may fail.
    pub errors_percent_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// A loopback address, unless there are TLS and clients, or `insecure`.
    pub listen: SocketAddr,
    /// Said aloud: that other machines may reach a server which encrypts nothing, or asks nobody who they are.
    pub insecure: bool,
    /// How long a shutdown waits for work that was accepted.
    pub grace: Duration,
    /// The largest message that is taken, in bytes.
    pub message_bytes_max: usize,
    /// Where pages come from that browsers may let call the server.
    pub web_origins: Vec<String>,
}

/// The server's own certificate, and those that its callers show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and what leads from it to an authority (PEM).
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    /// Who signs the certificates of callers (PEM); none when callers show none.
    pub client_ca_file: Option<PathBuf>,
    pub client_certificates: ClientCertificates,
    /// How often the files are looked at for new content.
    pub reload_interval: Duration,
}

/// Whether a caller must show a certificate, where there is an authority for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    Required,
    Optional,
}

/// Somebody who may call, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    pub id: ClientId,
    pub role: Role,
    pub table_maps: MapScope,
    /// Of the tokens that it may show: several while it goes from one to the next.
    pub token_hashes: Vec<TokenHash>,
    /// Names in the certificate that it may show instead.
    pub certificate_names: Vec<String>,
}

/// What a caller may take of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub connections_max: usize,
    pub connections_per_address_max: usize,
    pub calls_per_connection_max: u32,
    pub calls_per_client_max: usize,
    /// Of the calls that read: they are answered with most.
    pub reads_per_client_max: usize,
    pub streams_per_client_max: usize,
    pub streams_max: usize,
    /// Of requests that are arriving or under way, and of changes of streams that are not answered yet.
    pub request_bytes_per_client_max: usize,
    pub backups_max: usize,
    pub header_bytes_max: usize,
    pub record_fields_max: usize,
    pub page_size_max: usize,
    /// For a connection's TLS, and for the headers of a request of HTTP/1.
    pub handshake_timeout: Duration,
    /// From the headers of a call that is not a stream to the end of its request.
    pub request_timeout: Duration,
    /// For a call that is not a stream.
    pub call_timeout: Duration,
    /// For a connection without a call.
    pub idle_timeout: Duration,
    pub keepalive_interval: Duration,
    pub keepalive_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    pub kind: StoreKind,
    /// The store's directory; relative to the directory that the server was started in.
    pub path: PathBuf,
    pub cache_bytes: u64,
    /// What must stay free on the store's disk; with less, changes are refused.
    pub reserve_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Sled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationConfig {
    pub id: AppId,
    pub kind: ApplicationKind,
    /// Has been checked to be one that the kind's driver takes.
    pub url: Secret,
    /// The most connections that are open to it at a time.
    pub pool_max: u32,
    pub connect_timeout: Duration,
    pub statement_timeout: Duration,
    /// Not longer than `statement_timeout`.
    pub lock_timeout: Duration,
}

impl ApplicationConfig {
    /// Where it is, without any credential, for people.
    pub fn address(&self) -> String {
        url::address(self.url.expose())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationKind {
    Sql,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    pub url: Secret,
    pub starttls: Starttls,
    /// Said aloud: that mail may go to another machine in the clear.
    pub insecure: bool,
    pub from: String,
    /// Certificates (PEM) that are trusted beside the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Smtp {
    /// Where mail goes, without any credential, for people.
    pub fn address(&self) -> String {
        url::address(self.url.expose())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What webhooks are signed with.
    pub secret: Secret,
}

/// What becomes of a connection to a mail server that begins unencrypted (`smtp://`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starttls {
    Required,
    WhenOffered,
    Off,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    /// A filter that tracing-subscriber takes, as `info` or `info,tandem::engine=debug`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// The configuration that `input` gives, or every mistake in it.
    pub fn load(input: &Input) -> Result<Self, LoadError> {
        let mut mistakes = Vec::new();
        let layers = Layers::read(input, &mut mistakes)?;
        let mut reader = Reader::new(&layers, &input.environment, mistakes);
        let config = sections::config(&mut reader);
        let mut mistakes = reader.mistakes;
        mistakes.sort();
        match config {
            Some(config) if mistakes.is_empty() => Ok(config),
            Some(_) | None => Err(ConfigError { mistakes }.into()),
        }
    }

    /// What is allowed, since it was said aloud, and dangerous all the same; for the log at every start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(danger) = sections::danger(self.server.listen, self.tls.as_ref(), &self.clients) {
            warnings.push(format!("server.insecure: {danger}"));
        }
        if let Some(smtp) = self.smtp.as_ref().filter(|smtp| sections::sends_in_the_clear(smtp)) {
            warnings.push(format!("smtp.insecure: mail and credentials go to {} unencrypted", smtp.address()));
        }
        warnings
    }
}

#[cfg(test)]
mod tests;
