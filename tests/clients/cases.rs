//! Every case in every language.

use super::browser;
use super::case::Runner;
use super::support::access;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tandem::model::access::Role;
use tandem::services::access::rule;

pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn cases() -> Vec<PathBuf> {
    let folder = clients().join("conformance/cases");
    let mut cases: Vec<_> =
        std::fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("a file").path()).collect();
    cases.sort();
    cases
}

/// Plays all cases by a runner, and tells of every one that did not pass.
async fn conforms(language: &str, command: &[&str]) {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    let runner = Runner { folder: clients().join(language), command };
    all_pass(language, &[], async |case| runner.play(case).await).await;
}

/// Plays all cases but some.
async fn all_pass(language: &str, but: &[&str], play: impl AsyncFn(&PathBuf) -> Result<(), String>) {
    let only = std::env::var("CONFORMANCE_CASE").unwrap_or_default();
    let mut failed = String::new();
    for case in cases() {
        let name = case.file_stem().expect("a name").to_string_lossy().into_owned();
        if but.contains(&name.as_str()) || !name.contains(&only) {
            continue;
        }
        let begun = Instant::now();
        let played = play(&case).await;
        println!("{language}, {name}: {:?}", begun.elapsed());
        if let Err(told) = played {
            failed += &format!("\n=== {language}, {name}: {told}\n");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[tokio::test]
async fn python_conforms() {
    conforms("python", &["../../target/clients/python/bin/python", "tests/conformance.py"]).await;
}

#[tokio::test]
async fn go_conforms() {
    conforms("go", &["../../target/clients/go/conformance"]).await;
}

#[tokio::test]
async fn typescript_conforms() {
    conforms("typescript", &["node", "build/tests/conformance.js"]).await;
}

/// In a page of another origin. Which certificates are trusted is the browser's own affair.
#[tokio::test]
async fn typescript_in_a_browser_conforms() {
    let bundle = clients().join("typescript/build/browser.js");
    all_pass("a browser", &["access"], async |case| browser::play(&bundle, case).await).await;
}

#[tokio::test]
async fn java_conforms() {
    conforms("java", &["java", "@target/conformance.args"]).await;
}

#[tokio::test]
async fn rust_conforms() {
    conforms("rust", &["../../target/debug/examples/conformance"]).await;
}

/// What is worth repeating without asking: reads, and a write that carries its id.
#[test]
fn the_service_config_retries_what_may_be_repeated() {
    let config = std::fs::read_to_string(clients().join("service_config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let names = config["methodConfig"][0]["name"].as_array().unwrap();
    let retried: BTreeSet<String> = names
        .iter()
        .map(|name| format!("/{}/{}", name["service"].as_str().unwrap(), name["method"].as_str().unwrap()))
        .collect();
    let repeatable: BTreeSet<String> = access::methods()
        .iter()
        .filter(|method| method.parent_service().package_name() == "tandem.v1" && !method.is_client_streaming())
        .map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()))
        .filter(|path| {
            let rule = rule(path).expect("every method has a rule");
            !rule.streams && (rule.role == Role::Viewer || path.ends_with("/WriteRecord"))
        })
        .collect();
    assert_eq!(retried, repeatable);
}
