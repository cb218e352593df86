//! An authority of certificates that a test makes, by openssl's command.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

pub struct Authority(TempDir);

/// A certificate and its key, as PEM.
pub struct Pair {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let authority = Authority(tempfile::tempdir().expect("a temporary folder"));
        let extensions = "[req]\ndistinguished_name = name\nx509_extensions = own\nprompt = no\n[name]\nCN = NAME\n\
            [own]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n";
        std::fs::write(authority.path("ca.cnf"), extensions.replace("NAME", name)).expect("a file");
        let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        let files = ["-config", "ca.cnf", "-keyout", "ca.key", "-out", "ca.crt"];
        authority.openssl(&[&["req", "-x509"], &new_key[..], &files].concat());
        authority
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.path("ca.crt")
    }

    pub fn certificate(&self) -> Certificate {
        Certificate::from_pem(std::fs::read(self.file()).expect("a certificate"))
    }

    /// For a server on this machine.
    pub fn server(&self) -> Pair {
        self.issue("DNS:localhost, IP:127.0.0.1")
    }

    /// For whoever has these names: `DNS:erp.example.com, URI:spiffe://example.com/erp`.
    pub fn issue(&self, names: &str) -> Pair {
        let extensions = format!("[own]\nsubjectAltName = {names}\nbasicConstraints = critical, CA:FALSE\n");
        std::fs::write(self.path("own.cnf"), extensions).expect("a file");
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=somebody"];
        self.openssl(&[&["req", "-new"], &key[..], &["-keyout", "own.key", "-out", "own.csr"]].concat());
        let signed = ["x509", "-req", "-in", "own.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
        self.openssl(
            &[&signed[..], &["-days", "2", "-extfile", "own.cnf", "-extensions", "own", "-out", "own.crt"]].concat(),
        );
        Pair { cert: self.read("own.crt"), key: self.read("own.key") }
    }

    /// What a client trusts that trusts this authority alone.
    pub fn trusted(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().ca_certificate(self.certificate()).domain_name("localhost")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("openssl has written it")
    }

    fn openssl(&self, arguments: &[&str]) {
        let done =
            Command::new("openssl").current_dir(self.0.path()).args(arguments).output().expect("openssl can be run");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Pair {
    pub fn identity(&self) -> Identity {
        Identity::from_pem(&self.cert, &self.key)
    }

    pub fn write(&self, cert: &Path, key: &Path) {
        std::fs::write(cert, &self.cert).expect("a file");
        std::fs::write(key, &self.key).expect("a file");
    }
}
