//! What a configuration is made from: a file, the environment, and options of the command.

use super::keys::Known;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Where values may come from, the weaker first. What none of them gives has its default.
#[derive(Debug, Default)]
pub struct Input {
    /// The file that was named; it must be there. None is looked for when none was named.
    pub file: Option<PathBuf>,
    pub environment: Environment,
    pub flags: Vec<Flag>,
}

impl Input {
    /// The file that was named, if one was, and the environment of this process.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self { file, environment: Environment::from_pairs(std::env::vars_os()), flags: Vec::new() }
    }

    /// With a value that an option of the command gives for a key, as `--listen` for `server.listen`.
    pub fn flag(mut self, name: &'static str, key: &'static Known, value: impl Into<String>) -> Self {
        self.flags.push(Flag { name, key, value: value.into() });
        self
    }
}

/// An option of the command that stands for a key of the configuration.
#[derive(Debug)]
pub struct Flag {
    pub name: &'static str,
    pub key: &'static Known,
    pub value: String,
}

/// Variables by name, as the process found them when it began. Prints none of them: they may be secrets.
#[derive(Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    pub fn from_pairs<N: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// None when it is not set, an error when it is not UTF-8.
    pub fn get(&self, name: &str) -> Option<Result<&str, ()>> {
        self.0.get(OsStr::new(name)).map(|value| value.to_str().ok_or(()))
    }

    /// The names that are UTF-8, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().filter_map(|name| name.to_str())
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} variables", self.0.len())
    }
}
