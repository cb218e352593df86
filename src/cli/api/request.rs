//! From what was typed to a request: every field of it is an option of the command, and every field of its filter.

use super::contract;
use super::verbs::{self, Verb};
use clap::{Arg, ArgAction, ArgMatches, Command};
use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Number, Value, json};
use std::io::Read;

/// A field of the request that names what the call is about stands by itself, without an option.
const POSITIONAL: [&str; 3] = ["name", "parent", "table_map"];
/// What picks entries has its fields as options too.
const FILTER: &str = "filter";
/// The message with the columns of a row.
const RECORD: &str = "tandem.v1.Record";
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
        if let Some(filter) = filter(&field) {
            command = command.args(contract::fields(&filter).iter().map(|field| option(field).help_heading("Filter")));
        }
    }
    command
}

/// The message of a field that is a filter.
fn filter(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    (field.name() == FILTER).then(|| field.kind().as_message().cloned()).flatten()
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
            RECORD => "COLUMN=VALUE,…|JSON|@FILE".to_owned(),
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
        let as_typed = |text: &str| match is_name || names_maps(&field) {
            true => Ok(Value::String(full(verb, text))),
            false => value(&field.kind(), text),
        };
        let mut given = given(&field, matches, as_typed)?;
        for field in filter(&field).iter().flat_map(contract::fields) {
            let as_typed = |text: &str| match field.name() == "queue_job" {
                true => Ok(Value::String(full(verbs::of("QueueService/GetQueueJob"), text))),
                false => value(&field.kind(), text),
            };
            if let Some(value) = self::given(&field, matches, as_typed)? {
                let filter = given.get_or_insert_with(|| Value::Object(Map::new()));
                if let Some(filter) = filter.as_object_mut() {
                    filter.insert(field.json_name().to_owned(), value);
                }
            }
        }
        if let Some(value) = given {
            object.insert(field.json_name().to_owned(), value);
        }
    }
    message(&input, Value::Object(object))
}

/// What was typed for a field.
fn given(
    field: &FieldDescriptor,
    matches: &ArgMatches,
    as_typed: impl Fn(&str) -> Result<Value, String>,
) -> Result<Option<Value>, RequestError> {
    let Some(given) = matches.get_many::<String>(field.name()) else { return Ok(None) };
    let values: Result<Vec<Value>, String> = given.map(|text| as_typed(text)).collect();
    let mut values = values.map_err(|why| RequestError::Option { option: long(field), why })?;
    Ok(if field.is_list() { Some(Value::Array(values)) } else { values.pop() })
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
        Kind::Message(message) if message.full_name() == RECORD && !text.starts_with(['{', '@']) => columns(text),
        Kind::Message(_) => parsed(text),
        _ => text.parse::<Number>().map(Value::Number).map_err(|_| format!("{text:?} is no number")),
    }
}

/// `id=7,region=EU` as a record: whole numbers are numbers, unless they stand in quotes, and everything else is text.
fn columns(text: &str) -> Result<Value, String> {
    let mut fields = Map::new();
    for column in text.split(',') {
        let (name, value) = column.split_once('=').ok_or_else(|| format!("{column:?} is not COLUMN=VALUE"))?;
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let is_number = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
        let value = match (quoted, is_number, value) {
            (Some(text), ..) => json!({ "stringValue": text }),
            (None, true, _) => json!({ "int64Value": value }),
            (None, false, "null") => json!({ "nullValue": null }),
            (None, false, text) => json!({ "stringValue": text }),
        };
        fields.insert(name.trim().to_owned(), value);
    }
    Ok(json!({ "fields": fields }))
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
fn parsed(text: &str) -> Result<Value, String> {
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
    fn a_filter_is_typed_by_its_fields() {
        let severe = request("log", "tail", &["orders", "--severities", "warning,error", "--kinds", "conflict"]);
        assert_eq!(
            severe.unwrap(),
            r#"{"parent":"tableMaps/orders","filter":{"kinds":["ACTIVITY_KIND_CONFLICT"],"severities":["SEVERITY_WARNING","SEVERITY_ERROR"]}}"#
        );
        let errors = ["orders", "--error-type", "application", "--constraint", "positive", "--queue-job", "orders/3"];
        assert_eq!(
            request("queue", "errors", &errors).unwrap(),
            r#"{"parent":"tableMaps/orders","filter":{"errorType":"ERROR_TYPE_APPLICATION","constraint":"positive","queueJob":"tableMaps/orders/queueJobs/3"}}"#
        );
        // As JSON, with more beside it.
        let both = ["orders", "--filter", r#"{"constraint": "positive"}"#, "--error-code", "275"];
        assert_eq!(
            request("queue", "retry", &both).unwrap(),
            r#"{"parent":"tableMaps/orders","filter":{"errorCode":"275","constraint":"positive"}}"#
        );
        let key = request("queue", "list", &["orders", "--integration-key", "id=7,region=EU,no=\"7\",note=null"]);
        let key: Value = serde_json::from_str(&key.unwrap()).unwrap();
        assert_eq!(
            key["filter"]["integrationKey"]["fields"],
            json!({"id": {"int64Value": "7"}, "region": {"stringValue": "EU"}, "no": {"stringValue": "7"}, "note": {"nullValue": null}})
        );
        let wrong = request("queue", "list", &["orders", "--integration-key", "7"]).unwrap_err();
        assert_eq!(wrong, "--integration-key: \"7\" is not COLUMN=VALUE");
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
