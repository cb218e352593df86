//! Secrets that are planted wherever a configuration takes one, and then looked for in all that comes out.

use super::support::access::*;
use super::support::certificates::Authority;
use super::support::databases::{MariaDb, PASSWORD, Postgres, sql};
use super::support::server::Server;
use super::support::world::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tandem::services::proto::*;

const DATABASE_PASSWORD: &str = "plantedinthedatabase";
const MAIL_PASSWORD: &str = "plantedforthemailserver";
const WEBHOOK_SECRET: &str = "plantedforsigningwebhooks0123";

/// As it is, and as somebody might write it.
fn forms(secret: &str) -> Vec<String> {
    let as_password = STANDARD.encode(format!("\0tandem\0{secret}"));
    let bytes: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![secret.to_owned(), STANDARD.encode(secret), as_password, bytes]
}

fn assert_without(place: &str, bytes: &[u8], secrets: &[String]) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).position(|part| part == secret.as_bytes());
        if let Some(found) = found {
            let around = &bytes[found.saturating_sub(200)..bytes.len().min(found + 200)];
            panic!("{place} has a secret ({secret}): …{}…", String::from_utf8_lossy(around));
        }
    }
}

fn files(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, all) } else { all.push(path) }
    }
}

/// Everything goes wrong that can, so that everything is told about; each line of every module is logged.
#[tokio::test]
async fn no_secret_is_in_anything_that_comes_out() {
    let (postgres, mariadb) = (Postgres::shared().await, MariaDb::shared().await);
    let own = tempfile::tempdir().unwrap();
    let (cert, key) = (own.path().join("tls.crt"), own.path().join("tls.key"));
    let authority = Authority::new("ours");
    let pair = authority.server();
    pair.write(&cert, &key);
    // Two that work, with the password that they are reached with, and three that do not.
    let (left, right) = (postgres.create_database().await, mariadb.create_database().await);
    let orders = "CREATE TABLE orders (id BIGINT PRIMARY KEY NOT NULL, note VARCHAR(99), amount BIGINT)";
    sql::execute(&left, orders).await.unwrap();
    let checked = format!("{}, CONSTRAINT no_debts CHECK (amount >= 0))", orders.trim_end_matches(')'));
    sql::execute(&right, &checked.replace("99", "10")).await.unwrap();
    let applications = [
        ("left", left.clone()),
        ("right", right.clone()),
        ("sales", postgres.url_as("tandem", DATABASE_PASSWORD, "nowhere")),
        ("finance", mariadb.url_as("tandem", DATABASE_PASSWORD, "nowhere")),
        ("away", format!("postgres://tandem:{DATABASE_PASSWORD}@127.0.0.1:1/nowhere")),
    ];
    let config = format!(
        "[smtp]\nurl = \"smtp://tandem:{MAIL_PASSWORD}@127.0.0.1:1\"\nfrom = \"a@b\"\nstarttls = \"when_offered\"\n\
         [webhook]\nsecret = \"{WEBHOOK_SECRET}\"\n[log]\nlevel = \"trace\"\n\
         [tls]\ncert_file = \"{}\"\nkey_file = \"{}\"\n{}",
        cert.display(),
        key.display(),
        client("boss", "admin", "\"*\"")
    );
    let applications: Vec<_> = applications.iter().map(|(id, url)| (*id, url.as_str())).collect();
    let server = Server::start_with(&applications, &config).await;
    let channel = server.connect_tls(authority.trusted()).await.unwrap();
    let mut heard = String::new();
    let mut hear = |what: &str, told: &dyn std::fmt::Debug| writeln!(heard, "{what}: {told:?}").unwrap();

    // A map that works, and then meets what its destination refuses.
    let mut maps = table_map_service_client::TableMapServiceClient::new(channel.clone());
    let table = |application: &str| TableRef {
        application: application.to_owned(),
        table: "orders".to_owned(),
        ..Default::default()
    };
    let column = |name: &str| ColumnMapping {
        left_column: name.to_owned(),
        right_column: name.to_owned(),
        ..Default::default()
    };
    let table_map = TableMap {
        left: Some(table("left")),
        right: Some(table("right")),
        integration_key: vec!["id".to_owned()],
        column_mappings: ["id", "note", "amount"].map(column).into(),
        sync_mode: SyncMode::Asynchronous.into(),
        ..Default::default()
    };
    let create =
        CreateTableMapRequest { table_map_id: "orders".to_owned(), table_map: Some(table_map), ..Default::default() };
    maps.create_table_map(of("boss", create)).await.unwrap();
    let run =
        RunTableMapRequest { name: name("orders"), initial_sync: InitialSyncMode::Skip.into(), ..Default::default() };
    maps.run_table_map(of("boss", run)).await.unwrap();
    let mut sync = sync_service_client::SyncServiceClient::new(channel.clone());
    for (id, note, amount) in [(1, "good", 1), (2, "far too long for its column", 1), (3, "bad", -1)] {
        let change = change("orders", record([("id", int(id)), ("note", text(note)), ("amount", int(amount))]));
        sync.write_record(of("boss", change)).await.unwrap();
    }
    let mut queue = queue_service_client::QueueServiceClient::new(channel.clone());
    eventually("two are in error", || {
        let mut queue = queue.clone();
        let request = ListCatchUpErrorsRequest { parent: name("orders"), ..Default::default() };
        async move { queue.list_catch_up_errors(of("boss", request)).await.unwrap().into_inner().errors.len() == 2 }
    })
    .await;
    let retry = RetryCatchUpErrorsRequest { parent: name("orders"), all: true, ..Default::default() };
    hear("retry", &queue.retry_catch_up_errors(of("boss", retry)).await);

    // Every method of the contract, with nothing and with a name, and what must fail for want of a database.
    for method in methods() {
        for named in [
            None,
            Some("tableMaps/orders"),
            Some("applications/sales"),
            Some("applications/finance"),
            Some("applications/away"),
        ] {
            let mut message = prost_reflect::DynamicMessage::new(method.input());
            let field = ["name", "parent"].into_iter().find_map(|field| method.input().get_field_by_name(field));
            match (named, field) {
                (None, _) => {}
                (Some(_), None) => continue,
                (Some(name), Some(field)) => message.set_field(&field, prost_reflect::Value::String(name.to_owned())),
            }
            let mut request = of("boss", message);
            request.set_timeout(std::time::Duration::from_secs(3));
            hear(method.full_name(), &call(channel.clone(), &method, request).await);
        }
    }
    let mut alerts = alert_service_client::AlertServiceClient::new(channel.clone());
    let setting = AlertSetting {
        threshold: Some(AlertThreshold { count: 1, window: Some(prost_types::Duration { seconds: 60, nanos: 0 }) }),
        recipients: vec!["ops@example.com".to_owned(), "http://127.0.0.1:1/hook".to_owned()],
        ..Default::default()
    };
    let create = CreateAlertSettingRequest {
        alert_setting_id: "all".to_owned(),
        alert_setting: Some(setting),
        ..Default::default()
    };
    hear("create", &alerts.create_alert_setting(of("boss", create)).await);
    let test = TestAlertSettingRequest { name: "alertSettings/all".to_owned() };
    let tested = alerts.test_alert_setting(of("boss", test)).await;
    assert!(tested.is_ok(), "{tested:?}");
    hear("test", &tested);
    let wrong = table_map_service_client::TableMapServiceClient::new(channel.clone())
        .list_table_maps(shown(&format!("{}x", token("boss")), ListTableMapsRequest::default()))
        .await;
    hear("wrong token", &wrong);
    server.reload().await;

    let binary = env!("CARGO_BIN_EXE_tandem");
    for arguments in [&["config", "show"][..], &["config", "check"]] {
        let output = Command::new(binary)
            .args(arguments)
            .args(["--config", "tandem.toml"])
            .current_dir(server.folder())
            .output();
        hear(
            "config",
            &output.map(|output| [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())),
        );
    }
    std::fs::write(own.path().join("token"), token("boss")).unwrap();
    let mut backup = Command::new(binary);
    backup
        .args(["store", "backup"])
        .arg(own.path().join("backup"))
        .arg("--server")
        .arg(format!("https://{}", server.address()));
    backup.arg("--ca-file").arg(authority.file()).env("TANDEM_TOKEN", token("boss"));
    let output = backup.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    hear("backup", &output);

    let key_lines = pair.key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned);
    let planted = [DATABASE_PASSWORD, PASSWORD, MAIL_PASSWORD, WEBHOOK_SECRET, &token("boss")];
    let secrets: Vec<String> = planted.into_iter().flat_map(forms).chain(key_lines).collect();
    for told in ["applications/sales", "applications/right", "no_debts", "RECORD_ERROR"] {
        assert!(
            heard.contains(told) || heard.contains(&told.replace("RECORD_ERROR", "RecordError")),
            "nothing was told of {told}"
        );
    }
    assert_without("what was answered", heard.as_bytes(), &secrets);
    assert!(server.log().contains("TRACE"), "everything is logged");
    assert_without("the log", server.log().as_bytes(), &secrets);
    let line = std::fs::read(format!("/proc/{}/cmdline", server.process_id())).unwrap();
    assert_without("the list of processes", &line, &secrets);
    assert_without("the backup", &std::fs::read(own.path().join("backup/tandem.backup")).unwrap(), &secrets);
    let mut kept = Vec::new();
    files(&server.data(), &mut kept);
    assert!(!kept.is_empty());
    for path in kept {
        assert_without(&path.display().to_string(), &std::fs::read(&path).unwrap(), &secrets);
    }
}
