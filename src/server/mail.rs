//! The mail server that the configuration names.

use super::config::{Smtp as Configured, Starttls};
use crate::connectors::smtp::{Encryption, Smtp, SmtpConfig};
use percent_encoding::percent_decode_str;
use url::Url;

/// Nothing is connected yet. Why it cannot be used is told without credentials.
pub fn mailer(configured: &Configured) -> Result<Smtp, String> {
    let url = Url::parse(configured.url.expose()).map_err(|error| format!("smtp.url: {error}"))?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let credentials =
        (!url.username().is_empty()).then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
    let encryption = match configured.starttls {
        _ if url.scheme() == "smtps" => Encryption::Always,
        Starttls::Required => Encryption::StartTlsRequired,
        Starttls::WhenOffered => Encryption::StartTlsWhenOffered,
        Starttls::Off => Encryption::Off,
    };
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| format!("smtp.ca_file: {} cannot be read: {error}", path.display()))
    };
    Smtp::new(SmtpConfig {
        host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
        port: url.port(),
        credentials,
        encryption,
        trusted: configured.ca_file.as_ref().map(read).transpose()?,
        from: configured.from.clone(),
    })
}
