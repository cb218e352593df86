//! Who is told of alerts: people by mail, programs by webhooks.

mod smtp;
mod webhook;

pub use smtp::{Encryption, Smtp, SmtpConfig};
pub use webhook::{WebhookConfig, Webhooks};

use crate::model::alert::message::Message;
use crate::model::alert::recipients::Recipient;
use chrono::{DateTime, Utc};
use std::error::Error;

/// Why a message was not taken, in the receiver's words where it had some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// For good: the receiver says that it will not take it, or it cannot be written.
    Refused(String),
    /// Another time it may be taken.
    Failed(String),
}

impl SendError {
    pub fn into_text(self) -> String {
        match self {
            SendError::Refused(said) | SendError::Failed(said) => said,
        }
    }
}

/// The ways to tell somebody; none where the configuration has none.
#[derive(Default)]
pub struct Notifiers {
    pub mail: Option<Smtp>,
    pub webhooks: Option<Webhooks>,
}

impl Notifiers {
    /// Gives what the receiver said when it took the message. `now` goes into the signature of a webhook.
    pub async fn send(&self, recipient: &str, message: &Message, now: DateTime<Utc>) -> Result<String, SendError> {
        match (Recipient::of(recipient), &self.mail, &self.webhooks) {
            (Recipient::Mail, Some(mail), _) => mail.send(recipient, message).await,
            (Recipient::Webhook, _, Some(webhooks)) => webhooks.send(recipient, message, now).await,
            (Recipient::Mail, None, _) => missing("mail server is configured: [smtp]"),
            (Recipient::Webhook, _, None) => missing("secret to sign with is configured: [webhook]"),
        }
    }
}

/// It waits until the configuration has it.
fn missing(what: &str) -> Result<String, SendError> {
    Err(SendError::Failed(format!("no {what} in the configuration")))
}

/// An error with all that is behind it, nothing twice.
fn with_causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(behind) = source {
        let text = behind.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        source = behind.source();
    }
    told
}
