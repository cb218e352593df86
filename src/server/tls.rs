//! TLS: the server's certificate and the authority of its callers', read from files and read again when they change.

use super::config::{ClientCertificates, Tls};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, server};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use xxhash_rust::xxh3::Xxh3;

/// The largest file that is read: a bundle of all public authorities has a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{key}: {} cannot be read", .path.display())]
    Unreadable { key: &'static str, path: PathBuf, source: io::Error },
    #[error("{key}: {} {why}", .path.display())]
    Content { key: &'static str, path: PathBuf, why: String },
    #[error("tls: {} and {} do not belong together", .cert.display(), .key.display())]
    Pair { cert: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("tls.client_ca_file: {} is no authority", .path.display())]
    Authority { path: PathBuf, source: server::VerifierBuilderError },
}

/// What connections are accepted with, now. Clones share it.
#[derive(Clone)]
pub struct Certificates(Arc<RwLock<Loaded>>);

/// What files came to.
pub struct Loaded {
    config: Arc<ServerConfig>,
    /// Of the files' content, to see that it has changed.
    fingerprint: u64,
}

impl Certificates {
    pub fn load(tls: &Tls) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Loaded::read(tls)?))))
    }

    /// For the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).config.clone()
    }

    /// Connections from now on are accepted with these. Whether they differ from those before.
    pub fn replace(&self, loaded: Loaded) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let differs = current.fingerprint != loaded.fingerprint;
        if differs {
            *current = loaded;
        }
        differs
    }
}

impl Loaded {
    pub fn read(tls: &Tls) -> Result<Self, TlsError> {
        let certs = File::read("tls.cert_file", &tls.cert_file)?;
        let key = File::read("tls.key_file", &tls.key_file)?;
        let authority = tls.client_ca_file.as_ref().map(|path| File::read("tls.client_ca_file", path)).transpose()?;
        let mut fingerprint = Xxh3::new();
        for file in [Some(&certs), Some(&key), authority.as_ref()].into_iter().flatten() {
            fingerprint.update(&file.bytes.len().to_be_bytes());
            fingerprint.update(&file.bytes);
        }
        fingerprint.update(&[u8::from(tls.client_certificates == ClientCertificates::Required)]);

        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .map_err(|error| certs.wrong(&error))?;
        let builder = match authority {
            None => builder.with_no_client_auth(),
            Some(file) => builder.with_client_cert_verifier(verifier(&file, tls.client_certificates)?),
        };
        let mut config = builder
            .with_single_cert(certs.certificates()?, key.private_key()?)
            .map_err(|source| TlsError::Pair { cert: tls.cert_file.clone(), key: tls.key_file.clone(), source })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), fingerprint: fingerprint.digest() })
    }
}

fn verifier(file: &File, asked: ClientCertificates) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots.add(certificate).map_err(|error| file.wrong(&error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::new(ring::default_provider()));
    let builder = match asked {
        ClientCertificates::Required => builder,
        ClientCertificates::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|source| TlsError::Authority { path: file.path.clone(), source })
}

/// A file of the configuration. What is in it is never repeated: it may be a key.
struct File {
    setting: &'static str,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl File {
    fn read(setting: &'static str, path: &Path) -> Result<Self, TlsError> {
        let read = || {
            let mut bytes = Vec::new();
            let file = std::fs::File::open(path)?;
            io::Read::read_to_end(&mut io::Read::take(file, FILE_BYTES_MAX + 1), &mut bytes)?;
            // What is cut off would be trusted no more, and nobody would know.
            if bytes.len() as u64 > FILE_BYTES_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
        };
        let bytes = read().map_err(|source| TlsError::Unreadable { key: setting, path: path.to_owned(), source })?;
        Ok(Self { setting, path: path.to_owned(), bytes })
    }

    fn wrong(&self, why: &dyn std::fmt::Display) -> TlsError {
        TlsError::Content { key: self.setting, path: self.path.clone(), why: format!("cannot be used: {why}") }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let certificates = certificates.map_err(|_| self.wrong(&"it is not PEM"))?;
        if certificates.is_empty() { Err(self.wrong(&"it has no certificate (PEM)")) } else { Ok(certificates) }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|_| self.wrong(&"it has no private key (PEM)"))
    }
}

/// The names that a caller's certificate is for: of hosts, and URIs.
pub fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    match webpki::EndEntityCert::try_from(certificate) {
        Ok(certificate) => {
            certificate.valid_dns_names().chain(certificate.valid_uri_names()).map(str::to_owned).collect()
        }
        Err(_) => Vec::new(),
    }
}
