//! From what was typed to a request: every field of it is an option of the command.

use super::contract;
use super::verbs::Verb;
use clap::{Arg, ArgAction, ArgMatches, Command};
use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Number, Value};
use std::io::Read;

/// A field of the request that names what the call is about stands by itself, without an option.
const POSITIONAL: [&str; 3] = ["name", "parent", "table_map"];
/// Lists are read page by page until there are enough.
const OF_PAGES: [&str; 2] = ["page_size", "page_token"];
/// The most that is read of a file with a message.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("--{option}: {why}")]
    Option { option: String, why: String },
    #[error("{0}")]
    Message(String),
}

/// The options of a method.
pub fn with_options(mut command: Command, verb: &Verb) -> Command {
    let method = contract::method(verb.method);
    if method.is_client_streaming() {
        return command; // its requests come from the standard input
    }
    let mut taken = false;
    for field in contract::fields(&method.input()) {
        if OF_PAGES.contains(&field.name()) {
            continue;
        }
        let is_name = !taken && !verb.name.is_empty() && POSITIONAL.contains(&field.name());
        taken |= is_name;
        command = command.arg(if is_name { positional(&field, verb) } else { option(&field) });
    }
    command
}

fn positional(field: &FieldDescriptor, verb: &Verb) -> Arg {
    let shape: Vec<String> = verb.name.split('/').filter(|part| *part != "{}").map(one).collect();
    // A choice of several is another option, so this one can be left out.
    let alone = field.containing_oneof().is_none() && field.parent_message().get_field_by_name("names").is_none();
    let arg =
        Arg::new(field.name().to_owned()).value_name(shape.join("/").to_uppercase()).help(contract::about_field(field));
    // The log of all maps is what people mean who name none.
    if verb.noun == "log" { arg.default_value("-") } else { arg.required(alone) }
}

/// `tableMaps` is of one `MAP`.
fn one(collection: &str) -> String {
    let name = collection.trim_end_matches('s');
    name.strip_prefix("table").filter(|rest| !rest.is_empty()).unwrap_or(name).to_owned()
}

fn option(field: &FieldDescriptor) -> Arg {
    let arg = Arg::new(field.name().to_owned()).long(long(field)).help(contract::about_field(field));
    match field.kind() {
        Kind::Bool if field.cardinality() != Cardinality::Repeated => {
            arg.num_args(0..=1).default_missing_value("true").value_name("true|false").require_equals(true)
        }
        kind if field.is_list() => arg.action(ArgAction::Append).value_delimiter(',').value_name(value_name(&kind)),
        kind => arg.value_name(value_name(&kind)),
    }
}

fn long(field: &FieldDescriptor) -> String {
    field.name().replace('_', "-")
}

fn value_name(kind: &Kind) -> String {
    match kind {
        Kind::Enum(choices) => {
            let prefix = prefix(choices.name());
            let names = choices.values().filter(|value| value.number() != 0);
            let names: Vec<_> = names.map(|value| short(value.name(), &prefix).to_lowercase()).collect();
            names.join("|")
        }
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Duration" => "DURATION".to_owned(),
            "google.protobuf.Timestamp" => "TIME".to_owned(),
            "google.protobuf.FieldMask" => "FIELDS".to_owned(),
            _ => "JSON|@FILE".to_owned(),
        },
        Kind::String | Kind::Bytes => "TEXT".to_owned(),
        _ => "NUMBER".to_owned(),
    }
}

/// `TableMapState` has values that begin with `TABLE_MAP_STATE_`.
pub fn prefix(name: &str) -> String {
    let mut prefix = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    prefix + "_"
}

fn short<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// The request that was typed.
pub fn typed(verb: &Verb, matches: &ArgMatches) -> Result<DynamicMessage, RequestError> {
    let method = contract::method(verb.method);
    let input = method.input();
    if method.is_client_streaming() {
        return Ok(DynamicMessage::new(input)); // its requests come from the standard input
    }
    let mut object = Map::new();
    let mut taken = false;
    for field in contract::fields(&input) {
        if OF_PAGES.contains(&field.name()) {
            continue;
        }
        let is_name = !taken && !verb.name.is_empty() && POSITIONAL.contains(&field.name());
        taken |= is_name;
        let Some(given) = matches.get_many::<String>(field.name()) else { continue };
        let wrong = |why: String| RequestError::Option { option: long(&field), why };
        let values: Result<Vec<Value>, String> = given
            .map(|text| {
                if is_name || names_maps(&field) {
                    Ok(Value::String(full(verb, text)))
                } else {
                    value(&field.kind(), text)
                }
            })
            .collect();
        let mut values = values.map_err(wrong)?;
        let value = if field.is_list() { Value::Array(values) } else { values.pop().unwrap_or_default() };
        object.insert(field.json_name().to_owned(), value);
    }
    message(&input, Value::Object(object))
}

/// Other fields that name maps take ids too.
fn names_maps(field: &FieldDescriptor) -> bool {
    ["names", "table_map", "table_maps"].contains(&field.name()) && field.kind() == Kind::String
}

/// `orders/2` of `tableMaps/{}/executions/{}` is `tableMaps/orders/executions/2`; what is a name already stays.
fn full(verb: &Verb, typed: &str) -> String {
    let pattern = if verb.name.is_empty() { "tableMaps/{}" } else { verb.name };
    let collection = pattern.split('/').next().unwrap_or_default();
    if typed.starts_with(&format!("{collection}/")) {
        return typed.to_owned();
    }
    let mut parts = typed.split('/');
    let mut name: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        name.push(if part == "{}" { parts.next().unwrap_or_default() } else { part });
    }
    name.extend(parts);
    name.join("/").trim_end_matches('/').to_owned()
}

/// What a text is as a value of JSON, for a field of this kind.
fn value(kind: &Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Bool => text.parse().map(Value::Bool).map_err(|_| format!("{text:?} is neither true nor false")),
        Kind::Enum(choices) => {
            let wanted = text.to_uppercase().replace('-', "_");
            let prefix = prefix(choices.name());
            let known = choices.values().find(|value| short(value.name(), &prefix) == wanted || value.name() == wanted);
            known
                .map(|value| Value::String(value.name().to_owned()))
                .ok_or_else(|| format!("{text:?} is none of {}", value_name(kind).replace('|', ", ")))
        }
        Kind::String | Kind::Bytes => Ok(Value::String(text.to_owned())),
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => {
            Ok(Value::String(text.split(',').map(camel).collect::<Vec<_>>().join(",")))
        }
        // What these take is what protobuf's JSON takes, so it is asked.
        Kind::Message(known) if known.full_name().starts_with("google.protobuf.") => {
            let value = Value::String(text.to_owned());
            let right = match known.name() {
                "Duration" => "a time in seconds like \"30s\"",
                _ => "a time like \"2026-02-28T12:00:00Z\"",
            };
            message(known, value.clone()).map(|_| value).map_err(|_| format!("{text:?} is not {right}"))
        }
        Kind::Message(_) => json(text),
        _ => text.parse::<Number>().map(Value::Number).map_err(|_| format!("{text:?} is no number")),
    }
}

fn camel(snake: &str) -> String {
    let mut words = snake.trim().split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        name + &letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect::<String>()
    })
}

/// JSON, or with an `@` before it a file that has it; `@-` is the standard input.
fn json(text: &str) -> Result<Value, String> {
    let read = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(file) => read(file).map_err(|error| format!("{file} cannot be read: {error}"))?,
    };
    serde_json::from_str(&read).map_err(|error| format!("this is not JSON: {error}"))
}

fn read(file: &str) -> std::io::Result<String> {
    let mut text = String::new();
    match file {
        "-" => std::io::stdin().take(FILE_BYTES_MAX).read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?,
    };
    Ok(text)
}

/// A message of this kind, as JSON has it.
pub fn message(kind: &MessageDescriptor, value: Value) -> Result<DynamicMessage, RequestError> {
    DynamicMessage::deserialize(kind.clone(), value).map_err(|error| RequestError::Message(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::verbs::VERBS;
    use super::*;

    fn verb(noun: &str, verb: &str) -> &'static Verb {
        VERBS.iter().find(|known| (known.noun, known.verb) == (noun, verb)).unwrap()
    }

    fn request(noun: &str, name: &str, typed_words: &[&str]) -> Result<String, String> {
        let verb = verb(noun, name);
        let command = with_options(Command::new("x"), verb);
        let words = std::iter::once("x").chain(typed_words.iter().copied());
        let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
        let message = typed(verb, &matches).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&message).unwrap())
    }

    #[test]
    fn what_is_typed_becomes_a_request() {
        let paused = request("maps", "pause", &["orders", "--reason", "maintenance", "--wait-timeout", "5s"]);
        assert_eq!(paused.unwrap(), r#"{"name":"tableMaps/orders","waitTimeout":"5s","reason":"maintenance"}"#);
        let several =
            request("maps", "run", &["--names", "orders,customers", "--initial-sync", "skip", "--include-related"]);
        assert_eq!(
            several.unwrap(),
            r#"{"names":["tableMaps/orders","tableMaps/customers"],"includeRelated":true,"initialSync":"INITIAL_SYNC_MODE_SKIP"}"#
        );
        assert_eq!(request("executions", "get", &["orders/2"]).unwrap(), r#"{"name":"tableMaps/orders/executions/2"}"#);
        let full = request("executions", "get", &["tableMaps/orders/executions/2"]);
        assert_eq!(full.unwrap(), r#"{"name":"tableMaps/orders/executions/2"}"#);
        let map = request(
            "maps",
            "update",
            &["--table-map", r#"{"name": "tableMaps/a"}"#, "--update-mask", "display_name,left"],
        );
        assert_eq!(map.unwrap(), r#"{"tableMap":{"name":"tableMaps/a"},"updateMask":"displayName,left"}"#);
        assert_eq!(request("log", "tail", &["-", "--from-now"]).unwrap(), r#"{"parent":"tableMaps/-","fromNow":true}"#);
    }

    #[test]
    fn what_is_wrong_says_which_option_and_what_is_right() {
        let wrong = |words: &[&str]| request("maps", "run", words).unwrap_err();
        assert!(
            wrong(&["orders", "--initial-sync", "maybe"])
                .starts_with("--initial-sync: \"maybe\" is none of copy, skip")
        );
        assert!(wrong(&["orders", "--nonsense"]).contains("--nonsense"));
        let late = wrong(&["orders", "--wait-timeout", "soon"]);
        assert_eq!(late, "--wait-timeout: \"soon\" is not a time in seconds like \"30s\"");
        let json = request("maps", "create", &["--table-map", "{"]).unwrap_err();
        assert!(json.starts_with("--table-map: this is not JSON"), "{json}");
        assert!(request("executions", "get", &[]).is_err(), "the name is required");
    }

    #[test]
    fn every_verb_has_options_that_clap_takes() {
        for verb in VERBS {
            with_options(Command::new("x"), verb).debug_assert();
        }
    }
}
