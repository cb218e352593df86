//! How a command reaches a server: where it is, and what it shows of itself there.

use clap::Args;
use std::io;
use std::path::{Path, PathBuf};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

/// The options of every command that calls a server. A token is never one of them: whoever lists processes would see it.
#[derive(Debug, Args)]
pub struct Remote {
    /// The server; https:// where it has TLS
    #[arg(long, value_name = "URL", env = "TANDEM_SERVER", default_value = "http://127.0.0.1:7070")]
    server: String,
    /// A file with the token to show; the variable TANDEM_TOKEN has the token itself
    #[arg(long, value_name = "FILE", env = "TANDEM_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The authority of the server's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "TANDEM_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// A certificate to show (PEM); needs --key-file
    #[arg(long, value_name = "FILE", env = "TANDEM_CERT_FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", env = "TANDEM_KEY_FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
}

/// The variable that has a token.
const TOKEN_VARIABLE: &str = "TANDEM_TOKEN";

/// Why no server is reached.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("{0} is no URL of a server")]
    Url(String),
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("the token is no text of visible ASCII characters")]
    Token,
    #[error("the server at {0} cannot be reached")]
    Unreachable(String, #[source] tonic::transport::Error),
}

/// A connection that shows who calls.
pub type Connection = InterceptedService<Channel, ShowToken>;

impl Remote {
    pub async fn connect(&self) -> Result<Connection, RemoteError> {
        let unreachable = |error| RemoteError::Unreachable(self.server.clone(), error);
        let endpoint = Endpoint::from_shared(self.server.clone()).map_err(|_| RemoteError::Url(self.server.clone()))?;
        let endpoint = if self.server.starts_with("https:") {
            endpoint.tls_config(self.tls()?).map_err(unreachable)?
        } else {
            endpoint
        };
        let token = self.token()?;
        let channel = endpoint.connect().await.map_err(unreachable)?;
        Ok(InterceptedService::new(channel, ShowToken(token)))
    }

    fn tls(&self) -> Result<ClientTlsConfig, RemoteError> {
        let mut tls = ClientTlsConfig::new().with_webpki_roots();
        if let Some(path) = &self.ca_file {
            tls = tls.ca_certificate(Certificate::from_pem(read(path)?));
        }
        if let (Some(cert), Some(key)) = (&self.cert_file, &self.key_file) {
            tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        Ok(tls)
    }

    fn token(&self) -> Result<Option<MetadataValue<Ascii>>, RemoteError> {
        let token = match (&self.token_file, std::env::var(TOKEN_VARIABLE)) {
            (Some(path), _) => String::from_utf8(read(path)?).map_err(|_| RemoteError::Token)?,
            (None, Ok(token)) => token,
            (None, Err(_)) => return Ok(None),
        };
        let mut shown: MetadataValue<Ascii> =
            format!("Bearer {}", token.trim()).parse().map_err(|_| RemoteError::Token)?;
        shown.set_sensitive(true);
        Ok(Some(shown))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RemoteError> {
    std::fs::read(path).map_err(|source| RemoteError::File(path.to_owned(), source))
}

/// Adds the token to every call.
#[derive(Clone)]
pub struct ShowToken(Option<MetadataValue<Ascii>>);

impl Interceptor for ShowToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}
