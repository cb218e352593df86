//! An answer as it is printed: a table for people, JSON or YAML for programs.

use super::verbs::Verb;
use super::{colours, contract};
use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use prost_reflect::DynamicMessage;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people: columns that fit the terminal
    Table,
    /// One document; of a stream one object a line
    Json,
    /// One document; of a stream one after the other
    Yaml,
}

/// What stands in a cell for what is not there.
const NOTHING_THERE: &str = "-";
const GAP: &str = "  ";
const APPLICATION: &str = "applications/";

/// A message as an object of JSON.
pub fn object(message: &DynamicMessage) -> io::Result<Map<String, Value>> {
    match serde_json::to_value(message).map_err(io::Error::other)? {
        Value::Object(object) => Ok(object),
        _ => Ok(Map::new()),
    }
}

/// Prints the one answer of a call.
pub fn print(output: Output, verb: &Verb, answer: &DynamicMessage) -> io::Result<()> {
    let text = match output {
        Output::Json => serde_json::to_string_pretty(answer).map_err(io::Error::other)? + "\n",
        Output::Yaml => yaml(answer)?,
        Output::Table => table(verb, &object(answer)?),
    };
    io::stdout().lock().write_all(text.as_bytes())
}

/// Prints one message of a stream.
pub fn print_item(output: Output, verb: &Verb, item: &DynamicMessage) -> io::Result<()> {
    let text = match output {
        Output::Json => serde_json::to_string(item).map_err(io::Error::other)? + "\n",
        Output::Yaml => format!("---\n{}", yaml(item)?),
        Output::Table if verb.columns.is_empty() => format!("{}\n", of_one(verb, &object(item)?)),
        Output::Table => {
            let item = object(item)?;
            let cells: Vec<_> =
                verb.columns.iter().filter_map(|column| at(&item, column)).map(colours::of_word).collect();
            if cells.is_empty() {
                return Ok(()); // a heartbeat
            }
            format!("{}\n", cells.join(GAP))
        }
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush() // somebody follows it
}

fn yaml(answer: &DynamicMessage) -> io::Result<String> {
    let text = serde_saphyr::to_string(answer).map_err(io::Error::other)?;
    Ok(text.trim_end().to_owned() + "\n")
}

fn table(verb: &Verb, answer: &Map<String, Value>) -> String {
    let list = contract::entries(&contract::method(verb.method).output());
    let Some((field, entry)) = list else { return of_one(verb, answer) };
    let entries = answer.get(field.json_name()).and_then(Value::as_array).cloned().unwrap_or_default();
    let all: Vec<String> = contract::fields(&entry)
        .iter()
        .filter(|field| field.kind().as_message().is_none() || is_plain(field))
        .map(|field| field.json_name().to_owned())
        .collect();
    let columns: Vec<&str> =
        if verb.columns.is_empty() { all.iter().map(String::as_str).collect() } else { verb.columns.to_vec() };
    let rows: Vec<Vec<Option<String>>> = entries
        .iter()
        .filter_map(Value::as_object)
        .map(|entry| columns.iter().map(|column| at(entry, column)).collect())
        .collect();
    // A column that nobody has anything in tells nothing.
    let shown: Vec<usize> = (0..columns.len()).filter(|index| rows.iter().any(|row| row[*index].is_some())).collect();
    let mut table = bare();
    table.set_header(shown.iter().map(|index| colours::of_heading(heading(columns[*index]))));
    for row in rows {
        let text = |index: &usize| row[*index].clone().unwrap_or_else(|| NOTHING_THERE.to_owned());
        table.add_row(shown.iter().map(text).map(colours::of_word));
    }
    let count = entries.len();
    if count == 0 { "none\n".to_owned() } else { trimmed(&table) }
}

fn is_plain(field: &prost_reflect::FieldDescriptor) -> bool {
    let name = field.kind().as_message().map(|message| message.full_name().to_owned()).unwrap_or_default();
    ["google.protobuf.Timestamp", "google.protobuf.Duration"].contains(&name.as_str())
}

/// One thing: its fields below each other, in the contract's order.
fn of_one(verb: &Verb, answer: &Map<String, Value>) -> String {
    let mut table = bare();
    for field in contract::fields(&contract::method(verb.method).output()) {
        if let Some(value) = answer.get(field.json_name()) {
            let text = cell(value).unwrap_or_else(|| NOTHING_THERE.to_owned());
            table.add_row([colours::of_heading(heading(field.json_name())), colours::of_word(text)]);
        }
    }
    if answer.is_empty() { "done\n".to_owned() } else { trimmed(&table) }
}

/// Without lines; as wide as the terminal, or as what is in it where there is none.
fn bare() -> Table {
    let mut table = Table::new();
    let arrangement =
        if io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.load_style(NOTHING).set_content_arrangement(arrangement);
    table
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// `left.table` and `syncMode` as `LEFT TABLE` and `SYNC MODE`.
fn heading(path: &str) -> String {
    let mut heading = String::new();
    for letter in path.chars() {
        match letter {
            '.' => heading.push(' '),
            upper if upper.is_uppercase() => heading.extend([' ', upper]),
            other => heading.extend(other.to_uppercase()),
        }
    }
    heading
}

/// The texts at a path of an answer.
pub fn texts_at(answer: &Map<String, Value>, path: &str) -> Vec<String> {
    let mut found: Vec<&Value> = answer.get(path.split('.').next().unwrap_or_default()).into_iter().collect();
    for name in path.split('.').skip(1) {
        let all = found.into_iter().flat_map(|value| match value {
            Value::Array(list) => list.iter().collect(),
            other => vec![other],
        });
        found = all.filter_map(|value| value.get(name)).collect();
    }
    found.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What is at a path of an entry, as text; all of them where the path goes through a list.
fn at(entry: &Map<String, Value>, path: &str) -> Option<String> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (entry.get(name)?, rest) {
        (value, None) => cell(value),
        (Value::Object(inner), Some(rest)) => at(inner, rest),
        (Value::Array(list), Some(rest)) => {
            let all: Vec<_> = list.iter().filter_map(|item| at(item.as_object()?, rest)).collect();
            (!all.is_empty()).then(|| all.join(", "))
        }
        (_, Some(_)) => None,
    }
}

/// A value as a person writes it.
fn cell(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(plain(text)),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) if list.iter().all(|item| !item.is_object()) => {
            Some(list.iter().filter_map(cell).collect::<Vec<_>>().join(", "))
        }
        // A record: its fields' values.
        Value::Object(object) if object.len() == 1 && object.contains_key("fields") => {
            let fields = object["fields"].as_object()?;
            let values = fields.iter().map(|(name, value)| {
                let value = value.as_object().and_then(|value| value.values().next()).and_then(cell);
                format!("{name}={}", value.unwrap_or_else(|| "null".to_owned()))
            });
            Some(values.collect::<Vec<_>>().join(" "))
        }
        // Things below each other, what each has beside each other.
        Value::Array(list) => Some(list.iter().filter_map(cell).collect::<Vec<_>>().join("\n")),
        Value::Object(object) => {
            let fields = object.iter().filter_map(|(name, value)| Some(format!("{name}: {}", cell(value)?)));
            Some(fields.collect::<Vec<_>>().join(", "))
        }
        other => Some(other.to_string()),
    }
}

/// `TABLE_MAP_STATE_RUNNING` is `RUNNING`, an application its id; a time has no more than milliseconds.
fn plain(text: &str) -> String {
    if let Some(id) = text.strip_prefix(APPLICATION).filter(|id| !id.contains('/')) {
        return id.to_owned();
    }
    let is_enum = text.contains('_')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if is_enum && let Some(short) = known_enum(text) {
        return short;
    }
    match text.split_once('.') {
        Some((seconds, fraction))
            if seconds.len() == 19 && fraction.ends_with('Z') && seconds.as_bytes()[10] == b'T' =>
        {
            format!("{seconds}.{:0<3.3}Z", fraction.trim_end_matches('Z'))
        }
        _ => text.to_owned(),
    }
}

/// The name of an enum's value without the enum's name before it, when it is one of the contract's.
fn known_enum(text: &str) -> Option<String> {
    let mut enums = contract::pool().all_enums();
    enums.find_map(|of| {
        let prefix = super::request::prefix(of.name());
        let is_one = of.get_value_by_name(text).is_some();
        is_one.then(|| text.strip_prefix(prefix.as_str()).unwrap_or(text).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::verbs::VERBS;
    use super::*;
    use serde_json::json;

    fn shown(noun: &str, name: &str, answer: Value) -> String {
        let verb = VERBS.iter().find(|verb| (verb.noun, verb.verb) == (noun, name)).unwrap();
        table(verb, answer.as_object().unwrap())
    }

    #[test]
    fn a_list_is_a_table_of_its_columns() {
        let map = json!({
            "name": "tableMaps/orders", "state": "TABLE_MAP_STATE_RUNNING", "left": {"application": "a", "table": "orders"},
            "conditions": [{"type": "CONDITION_TYPE_STALLED"}, {"type": "CONDITION_TYPE_ERRORS"}]
        });
        let other = json!({"name": "tableMaps/prices", "state": "TABLE_MAP_STATE_PAUSED"});
        assert_eq!(
            shown("maps", "list", json!({"tableMaps": [map, other]})),
            " NAME              STATE    LEFT APPLICATION  LEFT TABLE  CONDITIONS TYPE\n \
             tableMaps/orders  RUNNING  a                 orders      STALLED, ERRORS\n \
             tableMaps/prices  PAUSED   -                 -           -\n"
        );
        assert_eq!(shown("maps", "list", json!({})), "none\n");
    }

    #[test]
    fn one_thing_has_its_fields_below_each_other() {
        let stats =
            json!({"tableMap": "tableMaps/orders", "readTime": "2026-02-28T12:00:00.123456789Z", "bytes": "12"});
        assert_eq!(
            shown("queue", "stats", stats),
            " TABLE MAP  tableMaps/orders\n READ TIME  2026-02-28T12:00:00.123Z\n BYTES      12\n"
        );
        assert_eq!(shown("maps", "delete", json!({})), "done\n");
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        assert_eq!(plain("OPERATION_UPSERT"), "UPSERT");
        assert_eq!(plain("NO_SUCH_VALUE"), "NO_SUCH_VALUE");
        assert_eq!(plain("applications/sales"), "sales");
        assert_eq!(plain("applications/sales/tables/orders"), "applications/sales/tables/orders");
        assert_eq!(plain("2026-02-28T12:00:00Z"), "2026-02-28T12:00:00Z");
        let columns = json!([{"leftColumn": "id", "direction": "DIRECTION_LEFT_TO_RIGHT"}, {"leftColumn": "note"}]);
        assert_eq!(cell(&columns).as_deref(), Some("direction: LEFT_TO_RIGHT, leftColumn: id\nleftColumn: note"));
        let record = json!({"fields": {"id": {"int64Value": "7"}, "note": {"nullValue": null}}});
        assert_eq!(cell(&record).as_deref(), Some("id=7 note=null"));
    }
}
