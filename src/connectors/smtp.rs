//! Mail over SMTP: one mail to one recipient, and what the mail server said.

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
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

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
    /// Names it among all mails, without a host.
    pub id: &'a str,
    /// The ids of those that it follows.
    pub follows: &'a [String],
}

/// Why a letter was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// For good: the mail server says that it will not take it, or it cannot be written.
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

/// Where mails are handed in.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Gives what the mail server said when it took the letter.
    async fn send(&self, letter: Letter<'_>) -> Result<String, SendError>;
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
            Encryption::Always => Ok(Tls::Wrapper(tls().map_err(told)?)),
            Encryption::StartTlsRequired => Ok(Tls::Required(tls().map_err(told)?)),
            Encryption::StartTlsWhenOffered => Ok(Tls::Opportunistic(tls().map_err(told)?)),
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

    fn message(&self, letter: Letter<'_>) -> Result<Message, String> {
        let host = self.from.email.domain();
        let id = |id: &str| format!("<{id}@{host}>");
        let to: Address = letter.to.parse().map_err(|error| format!("{} is no address: {error}", letter.to))?;
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(Some(id(letter.id)))
            // No machine answers it (RFC 3834).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
        if let Some(last) = letter.follows.last() {
            let all: Vec<String> = letter.follows.iter().map(|followed| id(followed)).collect();
            message = message.in_reply_to(id(last)).references(all.join(" "));
        }
        let body = MultiPart::alternative_plain_html(letter.text.to_owned(), letter.html.to_owned());
        message.multipart(body).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, letter: Letter<'_>) -> Result<String, SendError> {
        let message = self.message(letter).map_err(SendError::Refused)?;
        match self.transport.send(message).await {
            Ok(response) => {
                let said: Vec<&str> = response.message().collect();
                Ok(format!("{} {}", response.code(), said.join(" ")))
            }
            Err(error) => {
                let code = error.status().map(|code| code.to_string()).unwrap_or_default();
                let of_credentials = CREDENTIAL_CODES.contains(&code.as_str());
                if error.is_permanent() && !of_credentials {
                    Err(SendError::Refused(told(error)))
                } else {
                    Err(SendError::Failed(told(error)))
                }
            }
        }
    }
}

/// An error with all that is behind it.
fn told(error: smtp::Error) -> String {
    let mut told = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(behind) = source {
        let behind_text = behind.to_string();
        if !told.contains(&behind_text) {
            told = format!("{told}: {behind_text}");
        }
        source = behind.source();
    }
    told
}
