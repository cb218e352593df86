//! Resource names: reading them with everything that is wrong, and writing them.

use super::input::Input;
use crate::model::ids::{
    AlertId, AlertNumber, AppId, ExecutionNumber, JobNumber, MapId, NotificationNumber, QueueSequence,
};
use std::fmt::Write as _;

/// Stands for all maps.
const ALL: &str = "-";

pub fn table_map(map: &MapId) -> String {
    format!("tableMaps/{map}")
}

pub fn execution(map: &MapId, number: ExecutionNumber) -> String {
    format!("tableMaps/{map}/executions/{number}")
}

pub fn execution_error(map: &MapId, number: ExecutionNumber, sequence: u64) -> String {
    format!("tableMaps/{map}/executions/{number}/errors/{sequence}")
}

pub fn queued_record(map: &MapId, sequence: QueueSequence) -> String {
    format!("tableMaps/{map}/queuedRecords/{sequence}")
}

pub fn queue_job(map: &MapId, number: JobNumber) -> String {
    format!("tableMaps/{map}/queueJobs/{number}")
}

pub fn alert_setting(setting: &AlertId) -> String {
    format!("alertSettings/{setting}")
}

pub fn alert_event(number: AlertNumber) -> String {
    format!("alertEvents/{number}")
}

pub fn notification(number: NotificationNumber) -> String {
    format!("notifications/{number}")
}

pub fn application(application: &AppId) -> String {
    format!("applications/{application}")
}

pub fn table(application: &AppId, table: &str) -> String {
    let mut encoded = String::with_capacity(table.len());
    for character in table.chars() {
        match character {
            '/' | '%' => {
                let _ = write!(encoded, "%{:02X}", u32::from(character)); // writing to a String does not fail
            }
            other => encoded.push(other),
        }
    }
    format!("applications/{application}/tables/{encoded}")
}

/// A map, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapOrAll {
    Map(MapId),
    All,
}

impl Input {
    /// `tableMaps/{table_map}`.
    pub fn table_map(&mut self, field: &str, name: &str) -> Option<MapId> {
        let [id] = self.parts(field, name, ["tableMaps"])?;
        self.map_id(field, id)
    }

    /// `tableMaps/{table_map}`, or `tableMaps/-` for all.
    pub fn table_map_or_all(&mut self, field: &str, name: &str) -> Option<MapOrAll> {
        match self.parts(field, name, ["tableMaps"])? {
            [ALL] => Some(MapOrAll::All),
            [id] => self.map_id(field, id).map(MapOrAll::Map),
        }
    }

    /// `tableMaps/{table_map}/executions/{execution}`.
    pub fn execution(&mut self, field: &str, name: &str) -> Option<(MapId, ExecutionNumber)> {
        let [map, number] = self.parts(field, name, ["tableMaps", "executions"])?;
        let (map, number) = (self.map_id(field, map), self.number(field, number));
        Some((map?, ExecutionNumber(number?)))
    }

    /// `tableMaps/{table_map}/queuedRecords/{sequence}`.
    pub fn queued_record(&mut self, field: &str, name: &str) -> Option<(MapId, QueueSequence)> {
        let [map, number] = self.parts(field, name, ["tableMaps", "queuedRecords"])?;
        let (map, number) = (self.map_id(field, map), self.number(field, number));
        Some((map?, QueueSequence(number?)))
    }

    /// `tableMaps/{table_map}/queueJobs/{queue_job}`.
    pub fn queue_job(&mut self, field: &str, name: &str) -> Option<(MapId, JobNumber)> {
        let [map, number] = self.parts(field, name, ["tableMaps", "queueJobs"])?;
        let (map, number) = (self.map_id(field, map), self.number(field, number));
        Some((map?, JobNumber(number?)))
    }

    /// `tableMaps/{table_map}/executions/{execution}/errors/{sequence}`.
    pub fn execution_error(&mut self, field: &str, name: &str) -> Option<(MapId, ExecutionNumber, u64)> {
        let [map, execution, number] = self.parts(field, name, ["tableMaps", "executions", "errors"])?;
        let (map, execution) = (self.map_id(field, map), self.number(field, execution));
        let number = self.number(field, number);
        Some((map?, ExecutionNumber(execution?), number?))
    }

    /// `alertSettings/{alert_setting}`.
    pub fn alert_setting(&mut self, field: &str, name: &str) -> Option<AlertId> {
        let [id] = self.parts(field, name, ["alertSettings"])?;
        self.alert_id(field, id)
    }

    pub fn alert_id(&mut self, field: &str, id: &str) -> Option<AlertId> {
        AlertId::parse(id).map_err(|error| self.wrong(field, error.to_string())).ok()
    }

    /// `alertEvents/{sequence}`.
    pub fn alert_event(&mut self, field: &str, name: &str) -> Option<AlertNumber> {
        let [number] = self.parts(field, name, ["alertEvents"])?;
        self.number(field, number).map(AlertNumber)
    }

    /// `applications/{application}`.
    pub fn application(&mut self, field: &str, name: &str) -> Option<AppId> {
        let [id] = self.parts(field, name, ["applications"])?;
        self.application_id(field, id)
    }

    /// `applications/{application}`, or the bare id.
    pub fn application_or_id(&mut self, field: &str, name: &str) -> Option<AppId> {
        if name.contains('/') { self.application(field, name) } else { self.application_id(field, name) }
    }

    /// `applications/{application}/tables/{table}`.
    pub fn table(&mut self, field: &str, name: &str) -> Option<(AppId, String)> {
        let [application, table] = self.parts(field, name, ["applications", "tables"])?;
        let decoded = decode(table);
        if decoded.is_none() {
            self.wrong(field, "has a \"%\" that is not %2F or %25");
        }
        Some((self.application_id(field, application)?, decoded?))
    }

    pub fn map_id(&mut self, field: &str, id: &str) -> Option<MapId> {
        MapId::parse(id).map_err(|error| self.wrong(field, error.to_string())).ok()
    }

    fn application_id(&mut self, field: &str, id: &str) -> Option<AppId> {
        AppId::parse(id).map_err(|error| self.wrong(field, error.to_string())).ok()
    }

    /// A number as names have it: from 1, without leading zeros.
    fn number(&mut self, field: &str, text: &str) -> Option<u64> {
        let digits = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        if number.is_none() {
            self.wrong(field, format!("\"{}\" is not a number from 1 without leading zeros", short(text)));
        }
        number
    }

    /// What stands behind each of these collections: `a/{x}/b/{y}`.
    fn parts<'a, const N: usize>(
        &mut self,
        field: &str,
        name: &'a str,
        collections: [&'static str; N],
    ) -> Option<[&'a str; N]> {
        let mut parts = [""; N];
        let mut segments = name.split('/');
        let fits = collections.iter().zip(&mut parts).all(|(collection, part)| {
            let is_collection = segments.next() == Some(collection);
            *part = segments.next().unwrap_or_default();
            is_collection && !part.is_empty()
        }) && segments.next().is_none();
        if !fits {
            let form: Vec<String> = collections.iter().map(|collection| format!("{collection}/{{…}}")).collect();
            let found =
                if name.is_empty() { "is required".to_owned() } else { format!("\"{}\" is no name", short(name)) };
            self.wrong(field, format!("{found}; it has the form {}", form.join("/")));
        }
        fits.then_some(parts)
    }
}

/// What a caller gets back of its own text.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

fn decode(table: &str) -> Option<String> {
    let mut decoded = String::with_capacity(table.len());
    let mut rest = table;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after.get(..2)?;
        decoded.push(if code.eq_ignore_ascii_case("2f") {
            '/'
        } else if code == "25" {
            '%'
        } else {
            return None;
        });
        rest = &after[2..];
    }
    decoded.push_str(rest);
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let map = MapId::parse("orders").unwrap();
        let finance = AppId::parse("finance").unwrap();
        let mut input = Input::default();
        assert_eq!(input.table_map("name", &table_map(&map)), Some(map.clone()));
        assert_eq!(input.table_map_or_all("parent", "tableMaps/-"), Some(MapOrAll::All));
        let number = ExecutionNumber(7);
        assert_eq!(input.execution("name", &execution(&map, number)), Some((map.clone(), number)));
        let odd = "a/b%c";
        assert_eq!(input.table("name", &table(&finance, odd)), Some((finance.clone(), odd.to_owned())));
        assert_eq!(input.application_or_id("application", "finance"), Some(finance));
        assert!(input.is_clean());
    }

    #[test]
    fn malformed_names_are_told() {
        for name in ["", "orders", "tableMaps/", "tableMaps/Orders", "tableMaps/a/b", "tablemaps/a", "tableMaps/-"] {
            let mut input = Input::default();
            assert_eq!(input.table_map("name", name), None, "{name:?}");
            assert_eq!(input.violations().len(), 1, "{name:?}");
        }
        for number in ["0", "01", "-1", "x", "99999999999999999999"] {
            let mut input = Input::default();
            assert_eq!(input.execution("name", &format!("tableMaps/a/executions/{number}")), None, "{number:?}");
            assert!(!input.is_clean());
        }
        let mut input = Input::default();
        assert_eq!(input.execution("name", "tableMaps/A/executions/0"), None);
        assert_eq!(input.violations().len(), 2, "both parts are named");
    }
}
