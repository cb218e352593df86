//! A real mail server, and what it was handed.

use serde::Deserialize;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Debian's own Python, which has the package.
const PYTHON: &str = "/usr/bin/python3";
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/smtp_server.py");

/// How it is spoken to. All but `Open` ask for a user and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Encrypted from the first byte.
    Tls,
    StartTls,
    Open,
}

/// Has its port from the beginning, and runs from `start` on.
pub struct SmtpServer {
    folder: TempDir,
    port: u16,
    security: Security,
    child: Option<Child>,
}

/// A mail that it took.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    pub recipients: Vec<String>,
    pub headers: HashMap<String, String>,
    pub text: String,
    pub html: String,
    pub encrypted: bool,
    /// How its sender proved who it is, and as whom.
    pub user: String,
}

impl Mail {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl SmtpServer {
    pub fn new(security: Security) -> SmtpServer {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("mails")).expect("a folder of mails");
        certificate(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        SmtpServer { folder, port, security, child: None }
    }

    pub fn started(security: Security) -> SmtpServer {
        let mut server = SmtpServer::new(security);
        server.start();
        server
    }

    pub fn start(&mut self) {
        let (folder, port) = (self.folder.path(), self.port.to_string());
        let security = match self.security {
            Security::Tls => "tls",
            Security::StartTls => "starttls",
            Security::Open => "open",
        };
        let mut child = Command::new(PYTHON)
            .arg(PROGRAM)
            .arg(folder.join("mails"))
            .args([&port, security])
            .args([folder.join("certificate.pem"), folder.join("key.pem")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut line = String::new();
        let said = child.stdout.take().map(BufReader::new).map(|mut said| said.read_line(&mut line));
        assert!(line.contains("ready"), "the mail server did not start: {said:?} {line}");
        self.child = Some(child);
    }

    /// The section of the configuration that leads to it.
    pub fn config(&self) -> String {
        let (scheme, user, starttls) = match self.security {
            Security::Tls => ("smtps", "tandem:p%40ss%20word@", "required"),
            Security::StartTls => ("smtp", "tandem:p%40ss%20word@", "required"),
            Security::Open => ("smtp", "", "off"),
        };
        format!(
            "\n[smtp]\nurl = \"{scheme}://{user}127.0.0.1:{}\"\nfrom = \"Tandem <tandem@example.com>\"\n\
             starttls = \"{starttls}\"\nca_file = \"{}\"\n",
            self.port,
            self.folder.path().join("certificate.pem").display()
        )
    }

    /// What it took so far, in the order of arrival.
    pub fn mails(&self) -> Vec<Mail> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path().join("mails"))
            .expect("a folder of mails")
            .map(|entry| entry.expect("a mail").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        let read = |path: &PathBuf| {
            let mail = std::fs::read(path).expect("a mail");
            serde_json::from_slice(&mail).expect("the server writes JSON")
        };
        files.iter().map(read).collect()
    }

    /// Whom it took mails for, in the order of arrival.
    pub fn recipients(&self) -> Vec<String> {
        self.mails().into_iter().flat_map(|mail| mail.recipients).collect()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One that names this machine, is signed by itself, and signs no other.
fn certificate(folder: &Path) {
    const EXTENSIONS: &str = "[req]\ndistinguished_name = name\nx509_extensions = own\nprompt = no\n[name]\nCN = localhost\n\
        [own]\nsubjectAltName = DNS:localhost, IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n";
    std::fs::write(folder.join("request.cnf"), EXTENSIONS).expect("a file");
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-config", "request.cnf", "-keyout", "key.pem", "-out", "certificate.pem"])
        .output()
        .expect("openssl can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
