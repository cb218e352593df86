//! Mail over SMTP: one mail to one recipient, and what the mail server said.

use super::{SendError, with_causes};
use crate::model::alert::message::Message as Told;
use lettre::address::Envelope;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::Duration;

/// How long one answer of the mail server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that are kept for the next mail.
const CONNECTIONS_MAX: u32 = 4;
const PORT: u16 = 25;
const PORT_ENCRYPTED: u16 = 465;
/// Answers that concern our own credentials: another try may come with better ones, and no recipient is at fault.
const CREDENTIAL_CODES: [&str; 5] = ["454", "530", "534", "535", "538"];

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte.
    Always,
    StartTlsRequired,
    StartTlsWhenOffered,
    Off,
}

pub struct SmtpConfig {
    pub host: String,
    /// None is the usual one.
    pub port: Option<u16>,
    pub credentials: Option<(String, String)>,
    pub encryption: Encryption,
    /// Certificates (PEM) that are trusted beside the public ones.
    pub trusted: Option<Vec<u8>>,
    pub from: String,
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Nothing is connected yet.
    pub fn new(config: SmtpConfig) -> Result<Self, String> {
        let from = config.from.parse().map_err(|error| format!("smtp.from is no address: {error}"))?;
        let tls = || -> Result<TlsParameters, smtp::Error> {
            let mut parameters = TlsParameters::builder(config.host.clone());
            if let Some(pem) = &config.trusted {
                parameters = parameters.add_root_certificate(Certificate::from_pem(pem)?);
            }
            parameters.build()
        };
        let tls = match config.encryption {
            Encryption::Always => Ok(Tls::Wrapper(tls().map_err(|error| with_causes(&error))?)),
            Encryption::StartTlsRequired => Ok(Tls::Required(tls().map_err(|error| with_causes(&error))?)),
            Encryption::StartTlsWhenOffered => Ok(Tls::Opportunistic(tls().map_err(|error| with_causes(&error))?)),
            Encryption::Off => Ok::<_, String>(Tls::None),
        }?;
        let usual = if config.encryption == Encryption::Always { PORT_ENCRYPTED } else { PORT };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host)
            .port(config.port.unwrap_or(usual))
            .tls(tls)
            .timeout(Some(ANSWER_TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX));
        if let Some((user, password)) = config.credentials {
            transport = transport
                .credentials(Credentials::new(user, password))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(Self { transport: transport.build(), from })
    }

    fn message(&self, to: &str, told: &Told) -> Result<Message, String> {
        let host = self.from.email.domain();
        let id = |id: &str| format!("<{id}@{host}>");
        let address = |to: &str| to.parse::<Address>().map_err(|error| format!("{to} is no address: {error}"));
        // It goes to one of those whom it may name.
        let envelope =
            Envelope::new(Some(self.from.email.clone()), vec![address(to)?]).map_err(|error| error.to_string())?;
        let named: Mailboxes =
            told.to.iter().map(|to| Ok(Mailbox::new(None, address(to)?))).collect::<Result<_, String>>()?;
        let mut message = Message::builder()
            .envelope(envelope)
            .from(self.from.clone())
            .mailbox(header::To::from(named))
            .subject(&told.subject)
            .message_id(Some(id(&told.id)))
            // No machine answers it (RFC 3834).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
        if let Some(last) = told.follows.last() {
            let all: Vec<String> = told.follows.iter().map(|followed| id(followed)).collect();
            message = message.in_reply_to(id(last)).references(all.join(" "));
        }
        let body = MultiPart::alternative_plain_html(told.text.clone(), told.html.clone());
        message.multipart(body).map_err(|error| error.to_string())
    }

    /// Gives what the mail server said when it took the mail.
    pub async fn send(&self, to: &str, told: &Told) -> Result<String, SendError> {
        let message = self.message(to, told).map_err(SendError::Refused)?;
        match self.transport.send(message).await {
            Ok(response) => {
                let said: Vec<&str> = response.message().collect();
                Ok(format!("{} {}", response.code(), said.join(" ")))
            }
            Err(error) => {
                let code = error.status().map(|code| code.to_string()).unwrap_or_default();
                let of_credentials = CREDENTIAL_CODES.contains(&code.as_str());
                if error.is_permanent() && !of_credentials {
                    Err(SendError::Refused(with_causes(&error)))
                } else {
                    Err(SendError::Failed(with_causes(&error)))
                }
            }
        }
    }
}
