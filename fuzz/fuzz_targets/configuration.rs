//! The configuration: a file, and variables behind its last line that begins with "#env ". What is taken can be shown and
//! read again; what is not is told without a word of a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use tandem::server::config::{Config, Environment, Input};
use tempfile::TempDir;

/// Where the file is written, again and again.
fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"))
}

fn load(bytes: &[u8], variables: Vec<(String, String)>) -> Option<Config> {
    let path = folder().path().join("tandem.toml");
    std::fs::write(&path, bytes).expect("a file");
    let input = Input { file: Some(path), environment: Environment::from_pairs(variables), flags: Vec::new() };
    match Config::load(&input) {
        Ok(config) => Some(config),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    // A secret that is kept elsewhere is read from there, which may be a device without an end.
    if bytes.windows(5).any(|part| part == b"file:") {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    let variables = text.lines().filter_map(|line| line.strip_prefix("#env ")?.split_once('='));
    let variables = variables
        .filter(|(name, value)| !name.contains('\0') && !value.contains('\0'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if let Some(config) = load(bytes, variables) {
        let shown = config.to_string();
        let again = load(shown.as_bytes(), Vec::new());
        assert_eq!(again.map(|config| config.to_string()), Some(shown), "what is shown can be read");
    }
});
