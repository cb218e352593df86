//! Reads keys from the layers, typed, and goes on after a mistake.

use super::input::Environment;
use super::keys::Key;
use super::layers::Layers;
use super::mistake::Mistake;
use super::secret::{Secret, resolve};
use super::value::Raw;
use std::collections::BTreeSet;

pub(super) struct Reader<'a> {
    pub layers: &'a Layers,
    pub environment: &'a Environment,
    pub mistakes: Vec<Mistake>,
    /// The keys that were asked for, as the table of keys names them: what a test compares with the table.
    pub asked: BTreeSet<&'static str>,
}

impl<'a> Reader<'a> {
    pub fn new(layers: &'a Layers, environment: &'a Environment, mistakes: Vec<Mistake>) -> Self {
        Self { layers, environment, mistakes, asked: BTreeSet::new() }
    }

    /// The value of a key in the section at `place` (`server`, `applications[0]`), or its default. None when it is wrong or
    /// missing, which is then among the mistakes.
    pub fn read<T>(&mut self, place: &str, key: &Key<T>) -> Option<T> {
        self.asked.insert(key.known.path);
        let path = format!("{place}.{}", key.known.split().1);
        let parsed = match (self.layers.given.get(&path), key.known.default) {
            (Some(given), _) => (key.parse)(&given.raw),
            (None, Some(default)) => (key.parse)(&Raw::Text(default.to_owned())),
            (None, None) => Err("is missing, and has no default".to_owned()),
        };
        parsed.map_err(|message| self.mistake(&path, message)).ok()
    }

    /// The secret that a key is or refers to, if `check` has nothing against it. What `check` says must not repeat it.
    pub fn secret(
        &mut self,
        place: &str,
        key: &Key<String>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Option<Secret> {
        let text = self.read(place, key)?;
        let secret = resolve(&text, self.environment).and_then(|secret| check(secret.expose()).map(|()| secret));
        let path = format!("{place}.{}", key.known.split().1);
        secret.map_err(|message| self.mistake(&path, message)).ok()
    }

    pub fn is_given(&self, path: &str) -> bool {
        self.layers.given.contains_key(path)
    }

    pub fn mistake(&mut self, path: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake { origin: self.layers.origin(path), key: path.to_owned(), message: message.into() });
    }
}
