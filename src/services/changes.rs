//! One change: what its sender says, checked, and what became of it.

use super::Services;
use super::input::{ID_CHARS_MAX, Input};
use super::proto;
use super::records::count;
use super::status::CallError;
use crate::engine::{NewChange, PendingAnswer};
use crate::model::change::{Answer, Disposition, Operation};
use crate::model::ids::MapId;
use std::sync::Arc;

impl Services {
    /// Checks a change and hands it over; everything that is wrong with it is told at once.
    pub(super) async fn hand_over(&self, request: proto::WriteRecordRequest) -> Result<PendingAnswer, CallError> {
        let mut input = Input::default();
        let (map, change) = self.change(&mut input, request);
        let (map, change) = input.with(map.zip(change))?;
        Ok(self.engine.write(&map, change).await?)
    }

    fn change(&self, input: &mut Input, request: proto::WriteRecordRequest) -> (Option<MapId>, Option<NewChange>) {
        let map = input.table_map("table_map", &request.table_map);
        let source = input.side("source", request.source);
        let operation = operation(input, request.operation);
        if request.record.is_none() {
            input.wrong("record", "is required");
        }
        let record = self.row(input, "record", request.record.unwrap_or_default());
        let previous_key = request.previous_key.map(|key| self.row(input, "previous_key", key));
        let source_time = input.time("source_time", request.source_time);
        input.text("change_id", &request.change_id, ID_CHARS_MAX);
        input.text("correlation_id", &request.correlation_id, ID_CHARS_MAX);
        let (Some(source), Some(operation)) = (source, operation) else { return (map, None) };
        let change_id: Arc<str> = request.change_id.into();
        let change = NewChange {
            source,
            operation,
            record,
            previous_key,
            source_time,
            correlation_id: match request.correlation_id {
                // What its sender knows it by leads further than an id that nobody has seen.
                none if none.is_empty() && change_id.is_empty() => new_correlation_id().into(),
                none if none.is_empty() => change_id.clone(),
                given => given.into(),
            },
            change_id,
        };
        if !input.is_clean()
            && let Some(map) = &map
            && let Ok(violations) = self.engine.violations(map, change.clone())
        {
            input.also(violations);
        }
        (map, Some(change))
    }
}

/// From the thread's own generator: `Uuid::new_v4` asks the system each time.
fn new_correlation_id() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

fn operation(input: &mut Input, number: i32) -> Option<Operation> {
    match input.known("operation", number)? {
        proto::Operation::Unspecified => {
            input.wrong("operation", "is required: OPERATION_UPSERT or OPERATION_DELETE");
            None
        }
        proto::Operation::Upsert => Some(Operation::Upsert),
        proto::Operation::Delete => Some(Operation::Delete),
    }
}

impl From<Answer> for proto::WriteRecordResponse {
    fn from(answer: Answer) -> Self {
        let disposition = match answer.disposition {
            Disposition::Applied => proto::Disposition::Applied,
            Disposition::Queued => proto::Disposition::Queued,
            Disposition::Skipped => proto::Disposition::Skipped,
        };
        Self { disposition: disposition.into(), sequence: count(answer.sequence.0), reason: answer.reason }
    }
}
