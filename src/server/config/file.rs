//! The file: from TOML to values by path, each with its line, and every key that nobody knows.
//!
//! Why not serde: `toml`, `serde_spanned` and `figment` give one mistake at a time, since deserializing stops at the first
//! one, and `figment` forgets the line. `eserde` goes on, but its later mistakes have no line. Our values are flat
//! and few, so walking the document ourselves costs less than working around either.

use super::keys;
use super::layers::{Given, Layers};
use super::mistake::{ConfigError, LoadError, Mistake, Origin};
use super::suggest::did_you_mean;
use super::value::{Raw, shown};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml_edit::{Document, Item, TableLike, Value};

/// The largest file, in bytes: some thousand applications. What is larger is no configuration.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A file's text and how to tell a place in it.
struct Source<'a> {
    name: String,
    text: &'a str,
}

impl Source<'_> {
    fn at(&self, span: Option<Range<usize>>) -> Origin {
        let offset = span.map_or(0, |span| span.start);
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            name: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Reads the file into `layers` and adds its mistakes to `mistakes`. What keeps all of it from being understood is an
/// error: it cannot be read, or is not TOML, so that nothing else can be known.
pub(super) fn read(path: &Path, layers: &mut Layers, mistakes: &mut Vec<Mistake>) -> Result<(), LoadError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("the file has more than {FILE_BYTES_MAX} bytes, so it is no configuration");
        return Err(alone(Source { name, text: "" }.at(None), message));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(&name, text, layers, mistakes),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let origin = Source { name, text: &valid }.at(Some(valid.len()..valid.len()));
            Err(alone(origin, "the file is not valid UTF-8".to_owned()))
        }
    }
}

fn alone(origin: Origin, message: String) -> LoadError {
    ConfigError { mistakes: vec![Mistake { origin, key: String::new(), message }] }.into()
}

/// Takes a file's text apart.
pub(super) fn parse(name: &str, text: &str, layers: &mut Layers, mistakes: &mut Vec<Mistake>) -> Result<(), LoadError> {
    let source = Source { name: name.to_owned(), text };
    // Only the error's message is told: its own Display repeats the line, and a secret may stand in it.
    let document = Document::parse(text)
        .map_err(|error| alone(source.at(error.span()), format!("this is not TOML: {}", error.message())))?;
    let mut walk = Walk { source, layers, mistakes };
    for (name, item) in document.iter() {
        walk.section(document.as_table(), name, item);
    }
    Ok(())
}

struct Walk<'a> {
    source: Source<'a>,
    layers: &'a mut Layers,
    mistakes: &'a mut Vec<Mistake>,
}

impl Walk<'_> {
    fn mistake(&mut self, origin: Origin, key: &str, message: String) {
        self.mistakes.push(Mistake { origin, key: key.to_owned(), message });
    }

    fn key_origin(&self, table: &dyn TableLike, name: &str) -> Origin {
        self.source.at(table.key(name).and_then(|key| key.span()))
    }

    fn section(&mut self, root: &dyn TableLike, name: &str, item: &Item) {
        let origin = self.key_origin(root, name);
        if !keys::sections().contains(&name) {
            return self.unknown(origin, "", name);
        }
        let list = keys::lists().into_iter().find(|list| *list == name);
        match (list, item.as_table_like()) {
            (Some(list), _) => self.list(list, origin, item),
            (None, Some(table)) => self.table(name, name, table, origin),
            (None, None) => {
                self.mistake(origin, name, format!("must be a section: write [{name}] and its keys below it"))
            }
        }
    }

    fn list(&mut self, list: &'static str, origin: Origin, item: &Item) {
        let tables: Option<Vec<&dyn TableLike>> = match item {
            Item::ArrayOfTables(tables) => Some(tables.iter().map(|table| table as &dyn TableLike).collect()),
            Item::Value(Value::Array(values)) => {
                values.iter().map(|value| value.as_inline_table().map(|table| table as &dyn TableLike)).collect()
            }
            Item::None | Item::Value(_) | Item::Table(_) => None,
        };
        let Some(tables) = tables else {
            let message = format!("must be a list: write [[{list}]], with two brackets, above the keys of each");
            return self.mistake(origin, list, message);
        };
        for (index, table) in tables.into_iter().enumerate() {
            let first_key = table.iter().next().and_then(|(name, _)| table.key(name)).and_then(|key| key.span());
            let origin =
                table_span(item, index).or(first_key).map_or(origin.clone(), |span| self.source.at(Some(span)));
            self.table(&format!("{list}[{index}]"), &format!("{list}[]"), table, origin);
            self.layers.lists.insert(list, index + 1);
        }
    }

    /// Takes the values of one section, whose place is `place` and whose keys are known under `section`.
    fn table(&mut self, place: &str, section: &str, table: &dyn TableLike, origin: Origin) {
        self.layers.sections.insert(place.to_owned(), origin);
        for (name, item) in table.iter() {
            let key_origin = self.key_origin(table, name);
            if keys::find(&format!("{section}.{name}")).is_none() {
                self.unknown(key_origin, place, name);
                continue;
            }
            let origin = item.span().map_or(key_origin, |span| self.source.at(Some(span)));
            self.layers.given.insert(format!("{place}.{name}"), Given { raw: raw(item), origin });
        }
    }

    fn unknown(&mut self, origin: Origin, place: &str, name: &str) {
        let what = if place.is_empty() { "there is no such section or key" } else { "there is no such key" };
        let section = place.split('[').next().unwrap_or(place);
        let message = match did_you_mean(section, name) {
            Some(better) => format!("{what}; did you mean {better}?"),
            None => what.to_owned(),
        };
        // A key is repeated as it stands, unless somebody put a URL there.
        let name =
            if name.contains("://") || name.contains('@') { shown(name) } else { name.chars().take(60).collect() };
        let key = if place.is_empty() { name } else { format!("{place}.{name}") };
        self.mistake(origin, &key, message);
    }
}

fn table_span(item: &Item, index: usize) -> Option<Range<usize>> {
    match item {
        Item::ArrayOfTables(tables) => tables.get(index)?.span(),
        Item::Value(Value::Array(values)) => values.get(index)?.span(),
        Item::None | Item::Value(_) | Item::Table(_) => None,
    }
}

fn raw(item: &Item) -> Raw {
    match item {
        Item::Value(Value::String(text)) => Raw::Text(text.value().clone()),
        Item::Value(Value::Integer(number)) => Raw::Integer(*number.value()),
        Item::Value(Value::Boolean(switch)) => Raw::Boolean(*switch.value()),
        Item::Value(Value::Array(values)) => {
            let texts: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            texts.map_or(Raw::Other(item.type_name()), Raw::List)
        }
        Item::None | Item::Value(_) | Item::Table(_) | Item::ArrayOfTables(_) => Raw::Other(item.type_name()),
    }
}
