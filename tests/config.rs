//! `tandem config`, through the binary: what it prints, where, and with what status it ends.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs `tandem config ARGUMENTS` in `directory`, with these variables and no others of ours.
fn tandem_config(directory: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TANDEM_") {
            command.env_remove(name);
        }
    }
    command.arg("config").args(arguments).current_dir(directory).envs(variables.iter().copied()).output().unwrap()
}

fn directory_with(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path().join("tandem.toml"), text);
    directory
}

fn write(path: impl AsRef<Path>, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

const CHECK: [&str; 3] = ["check", "--config", "tandem.toml"];
const SHOW: [&str; 3] = ["show", "--config", "tandem.toml"];

#[test]
fn a_broken_configuration_shows_every_mistake_with_its_line() {
    let directory = directory_with(
        "[server]\nlisten = \"localhost\"\n\n[[applications]]\nid = \"Finance\"\nurll = \"postgres://u:hunter2@db/d\"\n",
    );
    let output = tandem_config(&directory, &CHECK, &[("TANDEM_LOG__FROMAT", "json")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let starts = [
        "tandem.toml:2:10: server.listen: found \"localhost\", but",
        "tandem.toml:4:1: applications[0].url: is missing",
        "tandem.toml:5:6: applications[0].id: found \"Finance\", but",
        "tandem.toml:6:1: applications[0].urll: there is no such key; did you mean url?",
        "TANDEM_LOG__FROMAT: no key of the configuration has this variable; did you mean TANDEM_LOG__FORMAT?",
        "the configuration has 5 mistakes",
    ];
    for (line, start) in stderr(&output).lines().zip(starts) {
        assert!(line.starts_with(start), "\n{line}\ndoes not start with\n{start}");
    }
    assert_eq!(stderr(&output).lines().count(), starts.len(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("hunter2"));
}

#[test]
fn a_line_that_is_not_toml_is_named_and_not_repeated() {
    let directory = directory_with("[[applications]]\nid = \"a\"\nurl = postgres://u:hunter2@db/d\n");
    let output = tandem_config(&directory, &CHECK, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("tandem.toml:3:7: this is not TOML: "), "{}", stderr(&output));
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn a_good_configuration_says_what_it_comes_to_without_secrets() {
    let directory = directory_with(
        r#"
        [[applications]]
        id = "finance"
        url = "file:secret"
        [[applications]]
        id = "crm"
        url = "env:CRM_URL"
        [[applications]]
        id = "data-lake"
        url = "sqlite:lake.db?mode=rwc"
        [smtp]
        url = "smtps://tandem:hunter2@mail.example.com:465"
        from = "tandem@example.com"
        "#,
    );
    write(directory.path().join("secret"), "postgres://tandem:hunter2@db.example.com:5433/finance?sslmode=require\n");
    let variables = [
        ("CRM_URL", "mysql://tandem:hunter2@crm.example.com/crm"),
        ("TANDEM_SERVER__LISTEN", "127.0.0.1:7171"),
        ("TANDEM_APPLICATIONS__DATA_LAKE__POOL_MAX", "2"),
    ];
    let output = tandem_config(&directory, &CHECK, &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "ok: tandem.toml\n\
         \x20 listens on   127.0.0.1:7171\n\
         \x20 store        ./tandem-data\n\
         \x20 application  finance    postgres://db.example.com:5433/finance\n\
         \x20 application  crm        mysql://crm.example.com/crm\n\
         \x20 application  data-lake  sqlite:lake.db\n\
         \x20 mail         from tandem@example.com over smtps://mail.example.com:465\n\
         \x20 log          info\n"
    );

    let output = tandem_config(&directory, &SHOW, &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for line in
        ["listen = \"127.0.0.1:7171\"", "grace = \"30s\"", "pool_max = 2", "url = \"mysql://crm.example.com/crm\""]
    {
        assert!(stdout(&output).lines().any(|shown| shown == line), "{line} is not in\n{}", stdout(&output));
    }
    assert!(!stdout(&output).contains("hunter2"));
}

#[test]
fn what_refers_to_a_missing_secret_says_to_which() {
    let directory = directory_with(
        "[[applications]]\nid = \"a\"\nurl = \"env:NO_SUCH\"\n[[applications]]\nid = \"b\"\nurl = \"file:no-such\"\n",
    );
    let output = tandem_config(&directory, &CHECK, &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.contains("tandem.toml:3:7: applications[0].url: refers to the variable NO_SUCH, which is not set"),
        "{told}"
    );
    assert!(
        told.contains("tandem.toml:6:7: applications[1].url: refers to the file \"no-such\", which cannot be"),
        "{told}"
    );
}

#[test]
fn no_configuration_at_all_is_right_and_a_missing_one_is_the_environments_fault() {
    let directory = tempfile::tempdir().unwrap();
    let output = tandem_config(&directory, &["check"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("ok: defaults\n  listens on   127.0.0.1:7070\n"), "{}", stdout(&output));

    let output = tandem_config(&directory, &CHECK, &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("tandem.toml: the configuration cannot be read: "), "{}", stderr(&output));

    let output = tandem_config(&directory, &["check"], &[("TANDEM_CONFIG", "elsewhere.toml")]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn what_is_dangerous_and_allowed_is_warned_of() {
    let directory = directory_with("[server]\nlisten = \"0.0.0.0:7070\"\ninsecure = true\n");
    let output = tandem_config(&directory, &CHECK, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stderr(&output).starts_with("warning: server.insecure: 0.0.0.0:7070 can be reached from other machines"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).starts_with("ok: "));
}
