//! How somebody is told of alerts, as the configuration says.

use super::config::{Config, Smtp as Configured, Starttls};
use crate::connectors::notify::{Encryption, Notifiers, Smtp, SmtpConfig, WebhookConfig, Webhooks};
use percent_encoding::percent_decode_str;
use url::Url;

/// Nothing is connected yet. Why something cannot be used is told without credentials.
pub fn notifiers(config: &Config) -> Result<Notifiers, String> {
    let webhooks = config.webhook.as_ref().map(|webhook| WebhookConfig { secret: webhook.secret.expose().to_owned() });
    Ok(Notifiers {
        mail: config.smtp.as_ref().map(mailer).transpose()?,
        webhooks: webhooks.map(Webhooks::new).transpose()?,
    })
}

fn mailer(configured: &Configured) -> Result<Smtp, String> {
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
