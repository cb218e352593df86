//! Queued records and errors as the wire has them.

use super::proto;
use super::records::{count, record};
use super::{names, times};
use crate::engine::reading::Held;
use crate::model::change::{Operation, QueuedRecord};
use crate::model::figures::Figures;
use crate::model::filter::Candidate;
use crate::model::ids::MapId;
use crate::model::job::JobKind;
use crate::model::key::Key;
use crate::model::retention::Retention;
use crate::model::retry::RetryStatus;
use crate::model::row::Row;
use crate::model::table_map::{Definition, Side};
use crate::model::under_way::UnderWay;

/// A key under the left side's column names.
pub fn key_record(definition: &Definition, key: &Key) -> proto::Record {
    record(under_source_names(definition, Side::Left, key).collect())
}

/// The columns of a key as a side names them. The map may have been edited since the key was kept: what its definition has
/// no name for is left out.
pub fn under_source_names<'a>(
    definition: &'a Definition,
    source: Side,
    key: &'a Key,
) -> impl Iterator<Item = (String, crate::model::value::Value)> + 'a {
    let names = definition.integration_key.iter().map(move |left| {
        let mapping = definition.columns.iter().find(|mapping| mapping.left_column == *left);
        mapping.map_or(left.as_str(), |mapping| mapping.column(source)).to_owned()
    });
    names.zip(key.values().iter().cloned())
}

/// A record that waits.
fn queued(map: &MapId, definition: &Definition, queued: QueuedRecord) -> proto::QueuedRecord {
    let change = queued.change;
    let bytes = change.size();
    let key: Row = under_source_names(definition, change.source, &change.key).collect();
    let previous = change.previous_key.as_ref();
    let operation = match change.operation {
        Operation::Upsert => proto::Operation::Upsert,
        Operation::Delete => proto::Operation::Delete,
    };
    proto::QueuedRecord {
        name: names::queued_record(map, queued.sequence),
        sequence: count(queued.sequence.0),
        state: proto::QueuedRecordState::Queued.into(),
        source: proto::Side::from(change.source).into(),
        operation: operation.into(),
        integration_key: Some(key_record(definition, &change.key)),
        previous_key: previous.map(|key| record(under_source_names(definition, change.source, key).collect())),
        record: Some(record(key.into_iter().chain(change.row).collect())),
        accept_time: Some(times::timestamp(queued.accept_time)),
        source_time: change.source_time.map(times::timestamp),
        change_id: change.change_id.to_string(),
        correlation_id: change.correlation_id.to_string(),
        bytes: count(bytes as u64),
        retry_status: proto::RetryStatus::None.into(),
        etag: format!("{}-0", queued.sequence),
        ..Default::default()
    }
}

/// A record that waits, is in error, or was.
pub fn shown(map: &MapId, definition: &Definition, held: Held, under_way: &UnderWay) -> proto::QueuedRecord {
    let (error, state) = match held {
        Held::Queued(record) => {
            let state = if under_way.has(record.sequence) {
                proto::QueuedRecordState::InProgress
            } else {
                proto::QueuedRecordState::Queued
            };
            return proto::QueuedRecord { state: state.into(), ..queued(map, definition, record) };
        }
        Held::Error(error) => (error, proto::QueuedRecordState::Error),
        Held::Retried(error) => (error, proto::QueuedRecordState::Completed),
    };
    let kind = JobKind::RetryCatchUpErrors;
    let status = under_way.retry_status(kind, error.record.sequence.0, &Candidate::from(&error));
    let sent = error.sent();
    let etag = error.etag();
    let retention = Retention(definition.error_retention);
    let purge_time = match (state, error.retry) {
        (proto::QueuedRecordState::Completed, Some(retry)) => Some(retention.end_of_put_right(retry.time)),
        _ => retention.purge_time(error.failed_last()),
    };
    let key: Row = under_source_names(definition, error.record.change.source, &error.record.change.key).collect();
    let original = error.original.map(|row| record(key.into_iter().chain(row).collect()));
    proto::QueuedRecord {
        state: state.into(),
        error: sent.then(|| error.failure.into()),
        attempts: i32::try_from(error.attempts).unwrap_or(i32::MAX),
        fail_time: Some(times::timestamp(error.fail_time)),
        purge_time: purge_time.map(times::timestamp),
        original_record: original,
        retry_status: proto::RetryStatus::from(status).into(),
        queue_job: error.retry.map(|retry| names::queue_job(map, retry.job)).unwrap_or_default(),
        etag,
        ..queued(map, definition, error.record)
    }
}

impl From<RetryStatus> for proto::RetryStatus {
    fn from(status: RetryStatus) -> Self {
        match status {
            RetryStatus::None => proto::RetryStatus::None,
            RetryStatus::Pending => proto::RetryStatus::Pending,
            RetryStatus::InProgress => proto::RetryStatus::InProgress,
            RetryStatus::Completed => proto::RetryStatus::Completed,
            RetryStatus::Failed => proto::RetryStatus::Failed,
            RetryStatus::Superseded => proto::RetryStatus::Superseded,
        }
    }
}

pub fn figures(direction: proto::Direction, figures: &Figures) -> proto::Figures {
    proto::Figures {
        direction: direction.into(),
        accepted: count(figures.accepted),
        applied: count(figures.applied),
        queued: count(figures.queued),
        in_error: count(figures.in_error),
        skipped: count(figures.skipped),
        superseded: count(figures.superseded),
        deleted: count(figures.deleted),
        purged: count(figures.purged),
    }
}
