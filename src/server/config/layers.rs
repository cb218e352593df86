//! The layers, one over the other: the file, then variables, then options of the command. What is left is one value for
//! each key that was given, and where it was given. What a stronger layer covers is not looked at.

use super::file;
use super::input::{Environment, Input};
use super::keys::{self, ENV_LEVEL, ENV_PREFIX};
use super::mistake::{LoadError, Mistake, Origin};
use super::suggest::nearest;
use super::value::Raw;
use std::collections::BTreeMap;

pub(super) struct Given {
    pub raw: Raw,
    pub origin: Origin,
}

#[derive(Default)]
pub(super) struct Layers {
    /// By path, as `applications[0].url`.
    pub given: BTreeMap<String, Given>,
    /// Where each section of the file begins, by its place, as `applications[0]`.
    pub sections: BTreeMap<String, Origin>,
    /// How many entries each list of the file has, by the list's name, as `applications`.
    pub lists: BTreeMap<&'static str, usize>,
}

impl Layers {
    /// Puts the layers of `input` over each other and adds what is wrong with them to `mistakes`.
    pub fn read(input: &Input, mistakes: &mut Vec<Mistake>) -> Result<Self, LoadError> {
        let mut layers = Self::default();
        if let Some(path) = &input.file {
            file::read(path, &mut layers, mistakes)?;
        }
        layers.environment(&input.environment, mistakes);
        for flag in &input.flags {
            layers.put(flag.key.path, &flag.value, Origin::Flag(flag.name));
        }
        Ok(layers)
    }

    /// Whether any key of the section was given.
    pub fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section) || self.given.keys().any(|path| path.starts_with(&format!("{section}.")))
    }

    /// Where the value of `path` was given, or else where its section begins or another key of its section was given.
    pub fn origin(&self, path: &str) -> Origin {
        let section = path.rsplit_once('.').map_or(path, |(section, _)| section);
        let own = self.given.get(path).map(|given| &given.origin);
        let siblings = format!("{section}.");
        let sibling = || self.given.range(siblings.clone()..).next().filter(|(path, _)| path.starts_with(&siblings));
        own.or_else(|| self.sections.get(section))
            .or_else(|| sibling().map(|(_, given)| &given.origin))
            .cloned()
            .unwrap_or(Origin::Whole)
    }

    fn put(&mut self, path: &str, value: &str, origin: Origin) {
        self.given.insert(path.to_owned(), Given { raw: Raw::Text(value.to_owned()), origin });
    }

    /// How many entries a list has.
    pub fn entries(&self, list: &str) -> usize {
        self.lists.get(list).copied().unwrap_or_default()
    }

    /// The ids of a list's entries as the file gives them, right or wrong.
    fn ids(&self, list: &str) -> Vec<&str> {
        let id = |index| match self.given.get(&format!("{list}[{index}].id")) {
            Some(Given { raw: Raw::Text(id), .. }) => id.as_str(),
            Some(_) | None => "",
        };
        (0..self.entries(list)).map(id).collect()
    }

    /// Every variable that can stand for a key here, with the key's path.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for known in keys::ALL {
            let Some(list) = known.list() else {
                variables.extend(known.variable("").map(|name| (name, known.path.to_owned())));
                continue;
            };
            // Of two entries with one id, which is a mistake of its own, the first is meant.
            for (index, id) in self.ids(list).iter().enumerate().rev().filter(|(_, id)| !id.is_empty()) {
                let path = known.path.replace("[]", &format!("[{index}]"));
                variables.extend(known.variable(id).map(|name| (name, path)));
            }
        }
        variables
    }

    fn environment(&mut self, environment: &Environment, mistakes: &mut Vec<Mistake>) {
        let variables = self.variables();
        let ours = environment
            .names()
            .filter(|name| name.strip_prefix(ENV_PREFIX).is_some_and(|rest| rest.contains(ENV_LEVEL)));
        for name in ours {
            let origin = Origin::Variable(name.to_owned());
            let message = match (variables.get(name), environment.get(name)) {
                (Some(path), Some(Ok(value))) => {
                    self.put(path, value, origin);
                    continue;
                }
                (Some(_), _) => "its value is not valid UTF-8".to_owned(),
                (None, _) => self.unknown_variable(name, &variables),
            };
            mistakes.push(Mistake { origin, key: String::new(), message });
        }
    }

    fn unknown_variable(&self, name: &str, variables: &BTreeMap<String, String>) -> String {
        let beginning = |list: &&str| format!("{ENV_PREFIX}{}{ENV_LEVEL}", list.to_uppercase());
        let of_list = keys::lists().into_iter().find(|list| name.starts_with(&beginning(list)));
        let near = nearest(name, variables.keys().map(String::as_str)).map(|near| format!("; did you mean {near}?"));
        match (near, of_list) {
            (Some(near), _) => format!("no key of the configuration has this variable{near}"),
            (None, Some(list)) => format!(
                "no key of the {list} in the file has this variable; it is {}<ID>{ENV_LEVEL}<KEY>, and the ids are: {}",
                beginning(&list),
                if self.entries(list) == 0 { "none".to_owned() } else { self.ids(list).join(", ") }
            ),
            (None, None) => "no key of the configuration has this variable".to_owned(),
        }
    }
}
