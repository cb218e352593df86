//! The configuration as a whole: layers, mistakes, and that table, reader, reference and example agree.

mod secrecy;

use super::*;
use std::collections::BTreeSet;

/// What a file with this text, these variables and nothing else come to.
fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment = Environment::from_pairs(variables.iter().copied());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tandem.toml");
    std::fs::write(&path, text).unwrap();
    let input = Input { file: Some(path), environment, flags: Vec::new() };
    let prefix = format!("{}/", directory.path().display());
    match Config::load(&input) {
        Ok(config) => Ok(config),
        Err(LoadError::Wrong(error)) => Err(error.to_string().lines().map(|line| line.replace(&prefix, "")).collect()),
        Err(LoadError::Unreadable { .. }) => panic!("the file is there"),
    }
}

fn load(text: &str) -> Result<Config, Vec<String>> {
    load_with(text, &[])
}

fn defaults() -> Config {
    Config::load(&Input::default()).unwrap()
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let config = defaults();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.server.grace, Duration::from_secs(30));
    assert_eq!(config.server.message_bytes_max, 4 << 20);
    assert_eq!(config.store.path, PathBuf::from("./tandem-data"));
    assert_eq!((config.store.cache_bytes, config.store.reserve_bytes), (64 << 20, 64 << 20));
    assert!(config.applications.is_empty() && config.smtp.is_none() && config.warnings().is_empty());
    assert_eq!(load(""), Ok(config));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let input = Input { file: Some("nowhere/tandem.toml".into()), ..Input::default() };
    let error = Config::load(&input).unwrap_err();
    assert!(matches!(&error, LoadError::Unreadable { .. }));
    assert!(error.to_string().starts_with("nowhere/tandem.toml: "), "{error}");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let text = r#"
[server]
listen = "0.0.0.0:7070"
grace = 30
lisen = "127.0.0.1:1"

[store]
kind = "rocksdb"
cache_bytes = "lots"

[[applications]]
id = "finance"
url = "mssql://db/finance"
pool_max = 0

[[applications]]
id = "finance"
lock_timeout = "60s"

[mail]
url = "smtp://localhost"

[smtp]
url = "smtp://mail.example.com:70000"
from = "nobody"

[log]
level = "warning"
"#;
    let mistakes =
        load_with(text, &[("TANDEM_STORE__RESERVE_BYTES", "-1"), ("TANDEM_LOG__FROMAT", "json")]).unwrap_err();
    let expected = [
        "tandem.toml:3:10: server.listen: 0.0.0.0:7070 can be reached from other machines, and",
        "tandem.toml:4:9: server.grace: found 30, but it must be a time from 0s to 1h",
        "tandem.toml:5:1: server.lisen: there is no such key; did you mean listen?",
        "tandem.toml:8:8: store.kind: found \"rocksdb\", but it must be \"sled\"",
        "tandem.toml:9:15: store.cache_bytes: found \"lots\", but it must be a size from 1MiB to 1024GiB",
        "tandem.toml:13:7: applications[0].url: the scheme \"mssql\" is not supported: write \"sqlite:PATH\"",
        "tandem.toml:14:12: applications[0].pool_max: found 0, but it must be a number from 1 to 1000",
        "tandem.toml:16:1: applications[1].url: is missing",
        "tandem.toml:17:6: applications[1].id: applications[0] has the id \"finance\" too",
        "tandem.toml:18:16: applications[1].lock_timeout: 1m is longer than statement_timeout, 30s",
        "tandem.toml:20:2: mail: there is no such section",
        "tandem.toml:24:7: smtp.url: its port is not a number from 1 to 65535",
        "tandem.toml:25:8: smtp.from: found \"nobody\", but it must be one address of mail",
        "tandem.toml:28:9: log.level: found \"warning\", but it must be off, error, warn,",
        "TANDEM_LOG__FROMAT: no key of the configuration has this variable; did you mean TANDEM_LOG__FORMAT?",
        "TANDEM_STORE__RESERVE_BYTES: store.reserve_bytes: found \"-1\", but it must be a size from 0B to 1024GiB",
    ];
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(expected), "\n{mistake}\nis not\n{expected}");
    }
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
}

#[test]
fn what_is_not_toml_has_one_mistake_with_its_line() {
    // A variable of an application, which the file may well have, is not held against anybody here.
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n\n[store\npath = 5\n";
    let mistakes = load_with(text, &[("TANDEM_APPLICATIONS__FINANCE__POOL_MAX", "5")]).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("tandem.toml:4:7: this is not TOML: "), "{}", mistakes[0]);
    let mistakes = load("[log]\nlevel = \"info\"\nlevel = \"warn\"\n").unwrap_err();
    assert_eq!(mistakes, ["tandem.toml:3:1: this is not TOML: duplicate key"]);
}

#[test]
fn a_section_of_the_wrong_shape_says_how_it_is_written() {
    let mistakes = load("store = 5\nlog = \"info\"\n[applications]\nid = \"a\"\n[[server]]\n").unwrap_err();
    assert!(mistakes[0].contains("store: must be a section: write [store]"), "{mistakes:?}");
    assert!(mistakes[1].contains("log: must be a section"), "{mistakes:?}");
    assert!(
        mistakes[2].starts_with("tandem.toml:3:2: applications: must be a list: write [[applications]]"),
        "{mistakes:?}"
    );
    assert!(mistakes[3].starts_with("tandem.toml:5:3: server: must be a section"), "{mistakes:?}");
    assert_eq!(mistakes.len(), 4);
}

#[test]
fn other_ways_to_write_the_same_toml_are_read_too() {
    let dotted =
        "server.grace = \"5s\"\napplications = [{ id = \"a\", url = \"sqlite:a.db\" }]\nlog = { format = \"json\" }\n";
    let config = load(dotted).unwrap();
    assert_eq!(config.server.grace, Duration::from_secs(5));
    assert_eq!(config.applications[0].id.as_str(), "a");
    assert_eq!(config.log.format, LogFormat::Json);
    let mistakes = load("applications = [{ id = \"a\", url = \"sqlite:a.db\" },\n  { id = \"b\" }]\n").unwrap_err();
    assert_eq!(mistakes, ["tandem.toml:2:3: applications[1].url: is missing, and has no default"]);
}

#[test]
fn variables_cover_the_file_and_options_cover_variables() {
    let text =
        "[server]\nlisten = \"wrong, but covered\"\n[[applications]]\nid = \"data-lake\"\nurl = \"env:NOT_SET\"\n";
    let variables = [
        ("TANDEM_SERVER__LISTEN", "127.0.0.1:1"),
        ("TANDEM_APPLICATIONS__DATA_LAKE__URL", "sqlite:lake.db"),
        ("TANDEM_APPLICATIONS__DATA_LAKE__POOL_MAX", "3"),
        ("TANDEM_SMTP__URL", "smtps://mail.example.com"),
        ("TANDEM_SMTP__FROM", "tandem@example.com"),
        ("TANDEM_CONFIG", "one underscore is not ours to judge"),
        ("OTHER__NAME", "nor is this"),
    ];
    let config = load_with(text, &variables).unwrap();
    assert_eq!(config.server.listen.port(), 1);
    assert_eq!(config.applications[0].address(), "sqlite:lake.db");
    assert_eq!(config.applications[0].pool_max, 3);
    assert_eq!(config.smtp.unwrap().address(), "smtps://mail.example.com");

    let environment = Environment::from_pairs(variables.into_iter().take(1));
    let input = Input { environment, ..Input::default() }.flag("--listen", &keys::SERVER_LISTEN.known, "127.0.0.1:2");
    assert_eq!(Config::load(&input).unwrap().server.listen.port(), 2);
    let input = input.flag("--listen", &keys::SERVER_LISTEN.known, "everywhere");
    let error = Config::load(&input).unwrap_err().to_string();
    assert!(error.starts_with("--listen: server.listen: found \"everywhere\""), "{error}");
}

#[test]
fn a_variable_that_nobody_knows_is_a_mistake() {
    let text = "[[applications]]\nid = \"finance\"\nurl = \"sqlite:a.db\"\n";
    let told = |name: &str| load_with(text, &[(name, "hunter2")]).unwrap_err().join("\n");
    assert!(told("TANDEM_APPLICATIONS__FINANCES__URL").ends_with("did you mean TANDEM_APPLICATIONS__FINANCE__URL?"));
    assert!(told("TANDEM_APPLICATIONS__CUSTOMERS__URL").ends_with("the ids are: finance"));
    assert!(told("TANDEM_APPLICATIONS__0__URL").contains("TANDEM_APPLICATIONS__<ID>__<KEY>"));
    assert!(told("TANDEM_server__listen").ends_with("did you mean TANDEM_SERVER__LISTEN?"));
    assert!(!told("TANDEM_SOMETHING__ELSE").contains("hunter2"));
}

#[test]
fn a_missing_key_of_a_section_made_by_variables_is_told_there() {
    let mistakes = load_with("", &[("TANDEM_SMTP__URL", "smtp://localhost:25")]).unwrap_err();
    assert_eq!(mistakes, ["TANDEM_SMTP__URL: smtp.from: is missing, and has no default"]);
}

#[test]
fn other_machines_are_let_in_only_when_that_is_said_aloud() {
    for loopback in ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(load(&format!("[server]\nlisten = \"{loopback}\"")).unwrap().warnings().is_empty());
    }
    for open in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
        let text = format!("[server]\nlisten = \"{open}\"\n");
        assert!(load(&text).unwrap_err()[0].contains("insecure = true"), "{open}");
        let warnings = load(&(text + "insecure = true\n")).unwrap().warnings();
        assert!(warnings.len() == 1 && warnings[0].contains("read and change everything"), "{warnings:?}");
    }
}

#[test]
fn what_is_encrypted_and_asks_who_calls_may_be_reached_from_anywhere() {
    let hash = format!("sha256:{}", "0".repeat(64));
    let open = "server.listen = \"0.0.0.0:1\"\n";
    let tls = "[tls]\ncert_file = \"c\"\nkey_file = \"k\"\n";
    let asked = "client_ca_file = \"ca\"\n";
    let client = format!("[[clients]]\nid = \"erp\"\nrole = \"writer\"\ntoken_hashes = [\"{hash}\"]\n");
    for safe in [format!("{open}{tls}{client}"), format!("{open}{tls}{asked}")] {
        assert_eq!(load(&safe).unwrap().warnings(), [""; 0], "{safe}");
    }
    let optional = format!("{tls}{asked}client_certificates = \"optional\"\n");
    for (text, danger) in [(&client, "unencrypted"), (&tls.to_owned(), "who they are"), (&optional, "who they are")] {
        let mistakes = load(&format!("{open}{text}")).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].contains(danger), "{mistakes:?}");
        let aloud = load(&format!("server.insecure = true\n{open}{text}")).unwrap().warnings();
        assert!(aloud.len() == 1 && aloud[0].contains(danger), "{aloud:?}");
    }
}

#[test]
fn the_largest_message_fits_into_what_its_client_may_take() {
    let mistakes =
        load("server.message_bytes_max = \"8MiB\"\nlimits.request_bytes_per_client_max = \"4MiB\"\n").unwrap_err();
    assert!(
        mistakes.len() == 1 && mistakes[0].contains("4MiB is less than server.message_bytes_max, 8MiB"),
        "{mistakes:?}"
    );
}

#[test]
fn clients_are_told_apart() {
    let hash = format!("sha256:{}", "0".repeat(64));
    let text = format!(
        "[[clients]]\nid = \"a\"\nrole = \"root\"\ntoken_hashes = [\"{hash}\"]\n\
         [[clients]]\nid = \"a\"\nrole = \"admin\"\ntoken_hashes = [\"{hash}\"]\ntable_maps = []\n\
         [[clients]]\nid = \"b\"\nrole = \"viewer\"\n\
         [[clients]]\nid = \"c\"\nrole = \"viewer\"\ncertificate_names = [\"c.example.com\"]\n\
         [[clients]]\nid = \"d\"\nrole = \"viewer\"\ntoken_hashes = [\"hunter2\"]\n"
    );
    let mistakes = load(&text).unwrap_err();
    let expected = [
        "tandem.toml:3:8: clients[0].role: found \"root\", but it must be \"viewer\" or \"writer\" or \"operator\" or \"admin\"",
        "tandem.toml:6:6: clients[1].id: clients[0] has the same, but each must have its own",
        "tandem.toml:8:16: clients[1].token_hashes: clients[0] has the same",
        "tandem.toml:9:14: clients[1].table_maps: found a list, but it must be a list of ids of table maps",
        "tandem.toml:10:1: clients[2]: has neither token_hashes nor certificate_names",
        "tandem.toml:20:16: clients[4].token_hashes: each must be \"sha256:\" and 64 hexadecimal digits",
    ];
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(expected), "\n{mistake}\nis not\n{expected}");
    }
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    assert!(!mistakes.join("").contains("hunter2"));
    let mistakes =
        load(&text.lines().skip(12).take(4).map(|line| format!("{line}\n")).collect::<String>()).unwrap_err();
    assert!(mistakes[0].contains("certificate_names: nobody is asked for a certificate"), "{mistakes:?}");

    let variables =
        [("TANDEM_CLIENTS__A__TOKEN_HASHES", hash.as_str()), ("TANDEM_CLIENTS__A__TABLE_MAPS", "orders, items")];
    let config = load_with("[[clients]]\nid = \"a\"\nrole = \"viewer\"\n", &variables).unwrap();
    assert_eq!(config.clients[0].token_hashes.len(), 1);
    assert_eq!(config.clients[0].table_maps.to_string(), "items, orders");
    let unknown = load_with("", &[("TANDEM_CLIENTS__ERP__ROLES", "x")]).unwrap_err();
    assert!(unknown[0].contains("TANDEM_CLIENTS__<ID>__<KEY>, and the ids are: none"), "{unknown:?}");
}

#[test]
fn mail_is_sent_in_the_clear_only_when_that_is_said_aloud() {
    let smtp = |url: &str, rest: &str| load(&format!("[smtp]\nfrom = \"a@b\"\nurl = \"{url}\"\n{rest}"));
    assert_eq!(smtp("smtp://mail.example.com", "").unwrap().smtp.unwrap().starttls, Starttls::Required);
    assert!(smtp("smtp://127.0.0.1:1025", "starttls = \"off\"").unwrap().warnings().is_empty());
    assert!(smtp("smtp://mail.example.com", "starttls = \"off\"").unwrap_err()[0].contains("insecure = true"));
    let open = smtp("smtp://u:hunter2@mail.example.com", "starttls = \"off\"\ninsecure = true").unwrap();
    assert_eq!(open.warnings(), ["smtp.insecure: mail and credentials go to smtp://mail.example.com unencrypted"]);
    assert!(smtp("smtps://mail.example.com", "starttls = \"off\"").unwrap_err()[0].contains("smtp.starttls"));
}

#[test]
fn a_short_statement_timeout_shortens_the_default_lock_timeout() {
    let config = load("[[applications]]\nid = \"a\"\nurl = \"sqlite:a.db\"\nstatement_timeout = \"2s\"\n").unwrap();
    assert_eq!(config.applications[0].lock_timeout, Duration::from_secs(2));
}

/// Every section, with the shortest text that is right.
const SMALL: &str = "[tls]\ncert_file = \"c\"\nkey_file = \"k\"\nclient_ca_file = \"a\"\n\
    [[clients]]\nid = \"erp\"\nrole = \"writer\"\ntable_maps = [\"orders\"]\ncertificate_names = [\"erp.example.com\"]\n\
    [[applications]]\nid = \"a\"\nurl = \"sqlite:a.db\"\n[smtp]\nurl = \"smtp://localhost\"\nfrom = \"a@b\"\n\
    [webhook]\nsecret = \"this secret is never shown\"\n";

#[test]
fn a_secret_that_is_short_signs_nothing_and_none_is_shown() {
    let short = load("[webhook]\nsecret = \"hunter2\"\n").unwrap_err();
    assert_eq!(short, ["tandem.toml:2:10: webhook.secret: is shorter than 24 characters"]);
    let config = load("[webhook]\nsecret = \"0123456789abcdefghijklmn\"\n").unwrap();
    assert!(config.to_string().contains(super::show::HIDDEN) && !config.to_string().contains("0123456789"));
}

#[test]
fn what_is_shown_is_a_configuration_that_says_the_same() {
    for config in [defaults(), load(SMALL).unwrap()] {
        assert_eq!(load(&config.to_string()), Ok(config));
    }
}

#[test]
fn the_reader_asks_for_every_key_of_the_table_and_no_other() {
    let (mut layers, mut mistakes) = (Layers::default(), Vec::new());
    file::parse("tandem.toml", SMALL, &mut layers, &mut mistakes).unwrap();
    let environment = Environment::default();
    let mut reader = Reader::new(&layers, &environment, mistakes);
    assert!(sections::config(&mut reader).is_some());
    assert_eq!(reader.asked, keys::ALL.iter().map(|known| known.path).collect::<BTreeSet<_>>());
}

#[test]
fn an_origin_is_what_browsers_send() {
    let origins = load("server.web_origins = [\"https://desk.example.com\", \"http://localhost:5173\"]\n").unwrap();
    assert_eq!(origins.server.web_origins, ["https://desk.example.com", "http://localhost:5173"]);
    for wrong in
        ["*", "desk.example.com", "https://desk.example.com/", "https://desk.example.com:443", "ftp://a", "null"]
    {
        let mistakes = load(&format!("server.web_origins = [{wrong:?}]\n")).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].contains("a list of origins"), "{wrong}: {mistakes:?}");
    }
}

#[test]
fn the_example_loads_and_shows_every_key() {
    let example = include_str!("../../../deploy/tandem.toml");
    let config = load(example).unwrap();
    assert!(config.warnings().is_empty());
    assert!(config.applications.len() >= 2 && config.smtp.is_some());
    for known in keys::ALL {
        let written = format!("{} = ", known.split().1);
        let section = format!("[{}]", known.split().0.trim_end_matches("[]"));
        let (_, after) = example.split_once(&section).unwrap();
        assert!(after.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with(&written)), "{}", known.path);
    }
}
