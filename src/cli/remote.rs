//! How a command reaches a server: where it is, and what it shows of itself there.

use super::Exit;
use clap::Args;
use std::path::PathBuf;
use tandem_client::{Client, ConnectError, DEFAULT_SERVER, Options};

/// The options of every command that calls a server. A token is never one of them: whoever lists processes would see it.
#[derive(Debug, Args)]
pub struct Remote {
    /// The server; https:// where it has TLS
    #[arg(long, value_name = "URL", env = "TANDEM_SERVER", default_value = DEFAULT_SERVER)]
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

impl Remote {
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        let token = match self.token_file {
            Some(_) => None,
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        let options = Options {
            server: Some(self.server.clone()),
            token,
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
        };
        Client::connect_now(options).await
    }
}

/// Whose fault it is that there is no connection.
pub fn exit_of(error: &ConnectError) -> Exit {
    match error {
        ConnectError::Url(_) | ConnectError::Token | ConnectError::HalfAnIdentity => Exit::Input,
        ConnectError::File(..) | ConnectError::Certificates(_) | ConnectError::Unreachable(..) => Exit::Environment,
    }
}
