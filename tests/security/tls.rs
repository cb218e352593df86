//! TLS and mutual TLS, and certificates that are renewed while the server runs.

use super::support::access::*;
use super::support::certificates::{Authority, Pair};
use super::support::server::Server;
use super::support::world::*;
use std::path::PathBuf;
use std::process::Command;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::*;
use tempfile::TempDir;
use tonic::transport::{Channel, ClientTlsConfig};
use tonic::{Code, Status};

/// A server with a certificate of its own, and where it reads it from.
struct Encrypted {
    server: Server,
    files: TempDir,
}

impl Encrypted {
    /// `more` of the section, and then the rest of the configuration.
    async fn start(authority: &Authority, more: &str) -> Encrypted {
        let files = tempfile::tempdir().unwrap();
        let (cert, key) = (files.path().join("tls.crt"), files.path().join("tls.key"));
        authority.server().write(&cert, &key);
        let (cert, key) = (cert.display(), key.display());
        let tls = format!("[tls]\ncert_file = \"{cert}\"\nkey_file = \"{key}\"\nreload_interval = \"1s\"\n{more}");
        Encrypted { server: Server::start_with(&[], &tls).await, files }
    }

    fn renew(&self, pair: &Pair) {
        pair.write(&self.files.path().join("tls.crt"), &self.files.path().join("tls.key"));
    }

    async fn lists(&self, tls: ClientTlsConfig) -> Result<(), String> {
        let channel = self.server.connect_tls(tls).await.map_err(|error| format!("{error:?}"))?;
        list(channel).await.map_err(|status| format!("{status:?}"))
    }
}

async fn list(channel: Channel) -> Result<(), Status> {
    TableMapServiceClient::new(channel).list_table_maps(ListTableMapsRequest::default()).await.map(drop)
}

fn asked(authority: &Authority) -> String {
    format!("client_ca_file = \"{}\"\n", authority.file().display())
}

#[tokio::test]
async fn what_is_encrypted_is_not_spoken_to_in_the_clear() {
    let (authority, another) = (Authority::new("ours"), Authority::new("another"));
    let encrypted = Encrypted::start(&authority, "").await;
    encrypted.lists(authority.trusted()).await.unwrap();
    assert!(encrypted.lists(another.trusted()).await.is_err(), "the client does not trust who signed it");
    list(encrypted.server.channel()).await.unwrap_err();
    let old = Command::new("openssl")
        .args(["s_client", "-connect", &encrypted.server.address(), "-tls1_1"])
        .output()
        .expect("openssl can be run");
    assert!(!old.status.success(), "TLS 1.1 is long broken");
}

#[tokio::test]
async fn mutual_tls_lets_in_whom_the_authority_knows() {
    let (authority, clients, another) = (Authority::new("ours"), Authority::new("clients"), Authority::new("another"));
    let encrypted = Encrypted::start(&authority, &asked(&clients)).await;
    assert!(encrypted.lists(authority.trusted()).await.is_err(), "no certificate was shown");
    let foreign = another.issue("DNS:erp.example.com");
    assert!(encrypted.lists(authority.trusted().identity(foreign.identity())).await.is_err());
    let known = clients.issue("DNS:erp.example.com");
    encrypted.lists(authority.trusted().identity(known.identity())).await.unwrap();
}

#[tokio::test]
async fn a_client_is_known_by_a_name_in_its_certificate() {
    let (authority, clients) = (Authority::new("ours"), Authority::new("clients"));
    let configured = "client_certificates = \"optional\"\n\
        [[clients]]\nid = \"erp\"\nrole = \"admin\"\ncertificate_names = [\"erp.example.com\"]\n\
        [[clients]]\nid = \"mesh\"\nrole = \"viewer\"\ncertificate_names = [\"spiffe://example.com/crm\"]\n";
    let configured = configured.to_owned() + &client("by-token", "viewer", "\"*\"");
    let encrypted = Encrypted::start(&authority, &(asked(&clients) + &configured)).await;
    let connect = |names: &str| {
        let identity = clients.issue(names).identity();
        encrypted.server.connect_tls(authority.trusted().identity(identity))
    };
    // By a host's name, and by a URI; the role is the client's.
    let erp = connect("DNS:other.example.com, DNS:erp.example.com").await.unwrap();
    list(erp.clone()).await.unwrap();
    let delete = || DeleteTableMapRequest { name: name("orders"), ..Default::default() };
    let code = |refused: Result<_, Status>| refused.map(|_| ()).unwrap_err().code();
    assert_eq!(code(TableMapServiceClient::new(erp).delete_table_map(delete()).await), Code::NotFound);
    let mesh = connect("URI:spiffe://example.com/crm").await.unwrap();
    list(mesh.clone()).await.unwrap();
    assert_eq!(code(TableMapServiceClient::new(mesh).delete_table_map(delete()).await), Code::PermissionDenied);

    // A certificate that the authority has signed and no client has is nobody's; none at all takes a token.
    let nobody = connect("DNS:nobody.example.com").await.unwrap();
    assert_eq!(reason(&list(nobody).await.unwrap_err()), "CREDENTIALS_INVALID");
    let plain = encrypted.server.connect_tls(authority.trusted()).await.unwrap();
    assert_eq!(reason(&list(plain.clone()).await.unwrap_err()), "CREDENTIALS_MISSING");
    TableMapServiceClient::new(plain).list_table_maps(of("by-token", ListTableMapsRequest::default())).await.unwrap();
}

#[tokio::test]
async fn certificates_are_renewed_without_a_restart() {
    let (authority, next) = (Authority::new("ours"), Authority::new("next"));
    let encrypted = Encrypted::start(&authority, "").await;
    let before = encrypted.server.connect_tls(authority.trusted()).await.unwrap();
    list(before.clone()).await.unwrap();
    assert!(encrypted.lists(next.trusted()).await.is_err());

    // What cannot be used changes nothing, and is told.
    encrypted.renew(&Pair { cert: "no certificate".to_owned(), key: next.server().key });
    encrypted.server.reload().await;
    encrypted.lists(authority.trusted()).await.unwrap();
    eventually("it is told", || async { encrypted.server.log().contains("those before stay in effect") }).await;
    encrypted.lists(authority.trusted()).await.unwrap();

    encrypted.renew(&next.server());
    eventually("it looks by itself", || async { encrypted.lists(next.trusted()).await.is_ok() }).await;
    assert!(encrypted.lists(authority.trusted()).await.is_err());
    list(before).await.unwrap(); // a connection that is there stays

    encrypted.renew(&authority.server());
    encrypted.server.reload().await;
    encrypted.lists(authority.trusted()).await.unwrap();
}

/// `tandem store backup` shows a token and a certificate as docs/security.md says.
#[tokio::test]
async fn the_command_line_shows_who_it_is() {
    let (authority, clients) = (Authority::new("ours"), Authority::new("clients"));
    let more = asked(&clients) + &client("backup", "admin", "\"*\"") + &client("erp", "viewer", "\"*\"");
    let encrypted = Encrypted::start(&authority, &more).await;
    let path = |name: &str| -> PathBuf { encrypted.files.path().join(name) };
    clients.issue("DNS:backup.example.com").write(&path("own.crt"), &path("own.key"));
    let server = format!("https://{}", encrypted.server.address());
    let backup = |token_of: &str| {
        std::fs::write(path("token"), format!("{}\n", token(token_of))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(["store", "backup"]).arg(path("backup")).args(["--server", &server]);
        command.arg("--ca-file").arg(authority.file()).arg("--token-file").arg(path("token"));
        command.arg("--cert-file").arg(path("own.crt")).arg("--key-file").arg(path("own.key"));
        command.output().unwrap()
    };
    let refused = backup("erp");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("takes the role admin"), "{refused:?}");
    let made = backup("backup");
    assert!(made.status.success(), "{made:?}");
    assert!(path("backup/tandem.backup").exists());
}

#[tokio::test]
async fn a_server_does_not_start_with_certificates_that_cannot_be_used() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let start = |pair: &Pair| {
        pair.write(&files.path().join("tls.crt"), &files.path().join("tls.key"));
        std::fs::write(files.path().join("tandem.toml"), "[tls]\ncert_file = \"tls.crt\"\nkey_file = \"tls.key\"\n")
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.current_dir(files.path()).args(["serve", "--listen", "127.0.0.1:0", "--config", "tandem.toml"]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let right = authority.server();
    let told = start(&Pair { cert: right.cert.clone(), key: authority.server().key });
    assert!(told.contains("tls.crt and tls.key do not belong together"), "{told}");
    let told = start(&Pair { cert: String::new(), key: right.key.clone() });
    assert!(told.contains("tls.cert_file: tls.crt cannot be used: it has no certificate (PEM)"), "{told}");
    let told = start(&Pair { cert: right.cert.clone(), key: right.cert.clone() });
    assert!(told.contains("tls.key_file: tls.key cannot be used: it has no private key (PEM)"), "{told}");
}
