//! Which server, and what it is shown.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Where a server is looked for that nobody names.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:7070";
/// A connection that carries calls and is silent for so long is asked whether the other end is still there.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which server, and what it is shown.
#[derive(Clone, Default)]
pub struct Options {
    /// `http://HOST:PORT`, or `https://HOST:PORT` where the server has TLS. None: [`DEFAULT_SERVER`].
    pub server: Option<String>,
    /// Shown with every call.
    pub token: Option<String>,
    /// Has the token, when there is none in `token`.
    pub token_file: Option<PathBuf>,
    /// Has the authority of the server's certificate (PEM). None: those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// A certificate to show (PEM); needs `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    pub key_file: Option<PathBuf>,
}

/// Without the token.
impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { server, token, token_file, ca_file, cert_file, key_file } = self;
        let mut shown = formatter.debug_struct("Options");
        shown.field("server", server).field("token", &token.as_ref().map(|_| "***"));
        shown.field("token_file", token_file).field("ca_file", ca_file);
        shown.field("cert_file", cert_file).field("key_file", key_file).finish()
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{0:?} is no URL of a server: http://HOST:PORT or https://HOST:PORT")]
    Url(String),
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("the token is no text of visible ASCII characters")]
    Token,
    #[error("a certificate needs its key, and a key its certificate")]
    HalfAnIdentity,
    #[error("the certificates cannot be used")]
    Certificates(#[source] tonic::transport::Error),
    #[error("the server at {0} cannot be reached")]
    Unreachable(String, #[source] tonic::transport::Error),
}

impl Options {
    /// All of it from `TANDEM_SERVER`, `TANDEM_TOKEN`, `TANDEM_TOKEN_FILE`, `TANDEM_CA_FILE`, `TANDEM_CERT_FILE` and
    /// `TANDEM_KEY_FILE`. A file with a token is preferred to the token itself.
    pub fn from_environment() -> Options {
        let text = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let file = |name| text(name).map(PathBuf::from);
        let token_file = file("TANDEM_TOKEN_FILE");
        Options {
            server: text("TANDEM_SERVER"),
            token: text("TANDEM_TOKEN").filter(|_| token_file.is_none()),
            token_file,
            ca_file: file("TANDEM_CA_FILE"),
            cert_file: file("TANDEM_CERT_FILE"),
            key_file: file("TANDEM_KEY_FILE"),
        }
    }

    /// A channel that connects with the first call, and again after a break.
    pub(crate) fn channel(&self) -> Result<Channel, ConnectError> {
        Ok(self.endpoint()?.connect_lazy())
    }

    /// A channel that is connected, and connects again after a break.
    pub(crate) async fn connected(&self) -> Result<Channel, ConnectError> {
        let connected = self.endpoint()?.connect().await;
        connected.map_err(|error| ConnectError::Unreachable(self.server().to_owned(), error))
    }

    fn server(&self) -> &str {
        self.server.as_deref().unwrap_or(DEFAULT_SERVER)
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let server = self.server();
        let malformed = || ConnectError::Url(server.to_owned());
        let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|_| malformed())?;
        let encrypted = match endpoint.uri().scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(malformed()),
        };
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_TIME)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        if !encrypted {
            return Ok(endpoint);
        }
        endpoint.tls_config(self.tls()?).map_err(ConnectError::Certificates)
    }

    fn tls(&self) -> Result<ClientTlsConfig, ConnectError> {
        let tls = match &self.ca_file {
            Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
            None => ClientTlsConfig::new().with_webpki_roots(),
        };
        match (&self.cert_file, &self.key_file) {
            (None, None) => Ok(tls),
            (Some(cert), Some(key)) => Ok(tls.identity(Identity::from_pem(read(cert)?, read(key)?))),
            (Some(_), None) | (None, Some(_)) => Err(ConnectError::HalfAnIdentity),
        }
    }

    /// The header that shows the token.
    pub(crate) fn shown(&self) -> Result<Option<MetadataValue<Ascii>>, ConnectError> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(path)) => String::from_utf8(read(path)?).map_err(|_| ConnectError::Token)?,
            (None, None) => return Ok(None),
        };
        let mut shown: MetadataValue<Ascii> =
            format!("Bearer {}", token.trim()).parse().map_err(|_| ConnectError::Token)?;
        shown.set_sensitive(true);
        Ok(Some(shown))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|source| ConnectError::File(path.to_owned(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        let options = Options { token: Some("tandem_secret".to_owned()), ..Options::default() };
        let printed = format!("{options:?}");
        assert!(printed.contains("***") && !printed.contains("secret"), "{printed}");
    }
}
