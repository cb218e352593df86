//! A filter of records as a request has it.

use super::input::Input;
use super::proto;
use super::records::value;
use crate::model::failure::ErrorType;
use crate::model::filter::RecordFilter;
use crate::model::ids::MapId;
use crate::model::key::Key;
use crate::model::retry::RetryStatus;
use crate::model::side::Side;
use crate::model::table_map::Definition;
use crate::model::value::Value;

impl Input {
    /// What picks records of a map; nothing set picks all.
    pub fn record_filter(
        &mut self,
        filter: Option<proto::RecordFilter>,
        map: &MapId,
        definition: &Definition,
    ) -> RecordFilter {
        let given = filter.unwrap_or_default();
        let source = match self.known::<proto::Direction>("filter.direction", given.direction) {
            Some(proto::Direction::LeftToRight) => Some(Side::Left),
            Some(proto::Direction::RightToLeft) => Some(Side::Right),
            Some(proto::Direction::Unspecified | proto::Direction::Bidirectional) | None => None,
        };
        if given.integration_key.is_some() && given.integration_key_prefix.is_some() {
            self.wrong("filter.integration_key_prefix", "is given together with integration_key; give one of the two");
        }
        let names = &definition.integration_key;
        let key = given.integration_key.map(|key| {
            let values = self.key_values("filter.integration_key", key, names);
            if values.len() < names.len() {
                self.wrong("filter.integration_key", format!("needs a value for each of {}", names.join(", ")));
            }
            Key::new(values)
        });
        let prefix = given.integration_key_prefix;
        let key_prefix =
            prefix.map(|key| self.key_values("filter.integration_key_prefix", key, names)).unwrap_or_default();
        let error_type = given.error_type.and_then(|number| {
            let kind = self.known::<proto::ErrorType>("filter.error_type", number)?;
            Some(ErrorType::ALL.into_iter().find(|known| proto::ErrorType::from(*known) == kind))
        });
        let retry_status = self.known::<proto::RetryStatus>("filter.retry_status", given.retry_status);
        let job = if given.queue_job.is_empty() { None } else { self.queue_job("filter.queue_job", &given.queue_job) };
        if job.as_ref().is_some_and(|(of, _)| of != map) {
            self.wrong("filter.queue_job", format!("is no job of {map}"));
        }
        RecordFilter {
            source,
            key,
            key_prefix,
            error_type,
            code: given.error_code,
            constraint: given.constraint,
            column: given.column,
            from: self.time("filter.start_time", given.start_time),
            until: self.time("filter.end_time", given.end_time),
            retry_status: retry_status.and_then(retry_status_from),
            job: job.map(|(_, job)| job),
        }
    }

    /// Values for the first columns of a key, in its order; each that is given must be one of them, without a gap.
    fn key_values(&mut self, field: &str, record: proto::Record, names: &[String]) -> Vec<Value> {
        let mut fields = record.fields;
        let mut values = Vec::new();
        for name in names {
            let Some(given) = fields.remove(name) else { break };
            match value(given) {
                Ok(value) => values.push(value),
                Err(why) => self.wrong(format!("{field}.fields[{name:?}]"), why),
            }
        }
        let mut unknown: Vec<_> = fields.into_keys().collect();
        unknown.sort();
        for name in unknown {
            let message = format!("is none of the first columns of the integration key, {}", names.join(", "));
            self.wrong(format!("{field}.fields[{name:?}]"), message);
        }
        values
    }
}

/// UNSPECIFIED is any.
fn retry_status_from(status: proto::RetryStatus) -> Option<RetryStatus> {
    match status {
        proto::RetryStatus::Unspecified => None,
        proto::RetryStatus::None => Some(RetryStatus::None),
        proto::RetryStatus::Pending => Some(RetryStatus::Pending),
        proto::RetryStatus::InProgress => Some(RetryStatus::InProgress),
        proto::RetryStatus::Completed => Some(RetryStatus::Completed),
        proto::RetryStatus::Failed => Some(RetryStatus::Failed),
        proto::RetryStatus::Superseded => Some(RetryStatus::Superseded),
    }
}
