//! A filter of records as a request has it.

use super::input::Input;
use super::proto;
use super::records::value;
use crate::model::failure::ErrorType;
use crate::model::filter::RecordFilter;
use crate::model::key::Key;
use crate::model::side::Side;
use crate::model::table_map::Definition;
use crate::model::value::Value;

/// What a request picks, and whether it is anything at all: some states no record can be in yet.
pub struct Picked {
    pub filter: RecordFilter,
    pub nothing: bool,
    /// It picks by something, so that what it finds is not all there is.
    pub is_set: bool,
}

impl Input {
    pub fn record_filter(&mut self, filter: Option<proto::RecordFilter>, definition: &Definition) -> Picked {
        let is_set = filter.as_ref().is_some_and(|filter| *filter != proto::RecordFilter::default());
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
        let mut nothing = !given.queue_job.is_empty();
        let error_type = given.error_type.and_then(|number| {
            let kind = self.known::<proto::ErrorType>("filter.error_type", number)?;
            let found = ErrorType::ALL.into_iter().find(|known| proto::ErrorType::from(*known) == kind);
            nothing |= found.is_none(); // UNSPECIFIED: those that were kept aside, of which an execution has none
            found
        });
        if let Some(status) = self.known::<proto::RetryStatus>("filter.retry_status", given.retry_status) {
            nothing |= !matches!(status, proto::RetryStatus::Unspecified | proto::RetryStatus::None);
        }
        let filter = RecordFilter {
            source,
            key,
            key_prefix,
            error_type,
            code: given.error_code,
            constraint: given.constraint,
            column: given.column,
            from: self.time("filter.start_time", given.start_time),
            until: self.time("filter.end_time", given.end_time),
        };
        Picked { filter, nothing, is_set }
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
