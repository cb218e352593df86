//! A commit and what is stored give what will be stored. Takes no clock, no randomness and nothing from outside: the same
//! commits in the same order give the same store, byte for byte, however they were grouped.

use super::keys::{self, shelf};
use super::subject::Subject;
use super::view::View;
use super::{alerts, errors, queue, sweep, taken};
use crate::model::ids::{EventSequence, MapId, Position, Revision};
use crate::store::message::{self, operation::Kind};
use crate::store::{Receipt, StoreError};
use prost::Message;

/// How many entries a deletion removes at once; what is left goes with `ContinueDivert`.
const DELETE_ENTRIES_MAX: u32 = 1_000;

/// Applies a commit to the view, or refuses it; the caller then rolls the view back.
pub(super) fn apply(view: &mut View<'_>, commit: message::Commit) -> Result<Receipt, StoreError> {
    let none = MapId::none();
    let id = if commit.map == none.as_str() { Ok(none) } else { MapId::parse(&commit.map) };
    let id = id.map_err(|_| StoreError::Corrupt { what: "the id of a map".to_owned() })?;
    let head = view.head(&commit.map)?;
    let mut subject = Subject { id, head };
    let found = subject.revision();
    if let Some(expected) = commit.expected.map(Revision)
        && expected != found
    {
        return Err(StoreError::Conflict { map: subject.id, expected, found });
    }
    for operation in commit.operations {
        let kind = operation.kind.ok_or_else(|| subject.misfit("an operation without a kind"))?;
        apply_operation(view, &mut subject, kind)?;
    }
    subject.head.commit += 1;
    let receipt = Receipt {
        revision: subject.revision(),
        last_event: EventSequence(subject.head.last_event),
        position: Position(view.store().position),
    };
    view.set_head(&commit.map, subject.head);
    Ok(receipt)
}

fn apply_operation(view: &mut View<'_>, subject: &mut Subject, kind: Kind) -> Result<(), StoreError> {
    match kind {
        Kind::PutMap(map) => put_map(view, subject, map),
        Kind::DeleteMap(message::DeleteMap {}) => delete_map(view, subject),
        Kind::Log(event) => {
            log(view, subject, event);
            Ok(())
        }
        Kind::Enqueue(enqueue) => {
            subject.must_exist()?;
            queue::enqueue(view, subject, enqueue.records)
        }
        Kind::Leave(leave) => queue::leave(view, subject, leave),
        Kind::Fail(fail) => queue::fail(view, subject, fail),
        Kind::Yield(yielded) => queue::yield_columns(view, subject, &yielded),
        Kind::Count(count) => self::count(subject, &count),
        Kind::Remember(remember) => {
            subject.must_exist()?;
            let remembered = remember.remembered.ok_or_else(|| subject.misfit("nothing to remember"))?;
            remember_one(view, subject, remember.change_id, remembered)
        }
        Kind::Forget(forget) => taken::forget(view, subject, forget.until.unwrap_or_default()),
        Kind::Divert(divert) => queue::divert(subject, divert),
        Kind::ContinueDivert(message::ContinueDivert { records_max }) => {
            let moved = queue::continue_divert(view, subject, records_max)?;
            sweep::sweep(view, subject, records_max.saturating_sub(moved))
        }
        Kind::PutExecution(execution) => {
            subject.must_exist()?;
            view.put(subject.key(shelf::EXECUTIONS, execution.number), execution.encode_to_vec())
        }
        Kind::AddExecutionErrors(added) => {
            subject.must_exist()?;
            add_execution_errors(view, subject, &added)
        }
        Kind::DeferRows(deferred) => {
            subject.must_exist()?;
            let rows = deferred.rows.ok_or_else(|| subject.misfit("no rows to be deferred"))?;
            let key = |number| deferred_rows(subject, deferred.execution, number);
            let last = view.previous(&key(0), &key(u64::MAX))?;
            let last = last.and_then(|(key, _)| keys::last_number(&key)).unwrap_or(0);
            view.put_new(key(last + 1), rows.encode_to_vec());
            Ok(())
        }
        Kind::RowsReferred(referred) => {
            view.remove(deferred_rows(subject, referred.execution, referred.number)).map(drop)
        }
        Kind::NoteWritten(notes) => {
            subject.must_exist()?;
            errors::note_written(view, subject, notes)
        }
        Kind::DropWritten(message::DropWritten {}) => {
            errors::drop_written(subject);
            Ok(())
        }
        Kind::PutJob(job) => {
            subject.must_exist()?;
            view.put(subject.key(shelf::JOBS, job.number), job.encode_to_vec())
        }
        Kind::RemoveErrors(removed) => errors::remove(view, subject, removed),
        Kind::RemoveRows(removed) => errors::remove_rows(view, subject, removed),
        Kind::CorrectError(corrected) => errors::correct_error(view, subject, corrected),
        Kind::PutAlertSetting(setting) => view.put(alerts::setting_key(&setting.id), setting.encode_to_vec()),
        Kind::DeleteAlertSetting(message::DeleteAlertSetting { id }) => view.remove(alerts::setting_key(&id)).map(drop),
        Kind::PutMapAlerts(in_effect) => {
            subject.must_exist()?;
            view.put(subject.key(shelf::MAP_ALERTS, 0), in_effect.encode_to_vec())
        }
        Kind::NoteErrors(noted) => {
            subject.must_exist()?;
            alerts::note_errors(view, subject, noted)
        }
        Kind::RaiseAlert(raised) => alerts::raise(view, subject, raised),
        Kind::RearmAlert(rearmed) => alerts::rearm(view, subject, &rearmed),
        Kind::AcknowledgeAlert(taken) => alerts::acknowledge(view, subject, taken),
        Kind::Notify(message::Notify { notifications }) => {
            alerts::notify(view, notifications);
            Ok(())
        }
        Kind::PutNotification(notification) => alerts::put_notification(view, subject, &notification),
        Kind::Retried(retried) => errors::retried(view, subject, retried),
        Kind::RetriedRow(message::RetriedRow { execution, retried }) => {
            let retried = retried.ok_or_else(|| subject.misfit("a retry of nothing"))?;
            errors::retried_row(view, subject, execution, retried)
        }
    }
}

fn put_map(view: &mut View<'_>, subject: &mut Subject, mut map: message::TableMap) -> Result<(), StoreError> {
    if map.id != subject.map() {
        return Err(subject.misfit(format!("it holds the record of {}", map.id)));
    }
    subject.head.revision += 1;
    subject.head.exists = true;
    map.revision = subject.head.revision;
    view.put(keys::of_map(shelf::MAPS, subject.map()), map.encode_to_vec())
}

/// The record goes at once, and so does, for every reader, all that belongs to this life of the map.
fn delete_map(view: &mut View<'_>, subject: &mut Subject) -> Result<(), StoreError> {
    subject.must_exist()?;
    view.remove(keys::of_map(shelf::MAPS, subject.map()))?;
    let head = &mut subject.head;
    for figures in [&mut head.left, &mut head.right].into_iter().flatten() {
        // Rule 11: what was still there was deleted with the map.
        figures.deleted += figures.queued + figures.in_error;
        figures.queued = 0;
        figures.in_error = 0;
    }
    head.exists = false;
    head.queued_bytes = 0;
    head.first_segment = head.last_queued + 1;
    head.open_segment = 0;
    head.open_page = 0;
    head.on_pages = 0;
    head.diversions.clear();
    head.incarnation += 1;
    sweep::sweep(view, subject, DELETE_ENTRIES_MAX)
}

fn log(view: &mut View<'_>, subject: &mut Subject, event: message::Event) {
    subject.head.last_event += 1;
    view.store().position += 1;
    let position = view.store().position;
    let logged = message::LoggedEvent {
        map: subject.map().to_owned(),
        sequence: subject.head.last_event,
        position,
        event: Some(event),
    };
    let bytes = logged.encode_to_vec();
    view.put_new(keys::event(subject.map(), logged.sequence), bytes.clone());
    view.put_new(keys::position(position), bytes);
}

fn count(subject: &mut Subject, count: &message::Count) -> Result<(), StoreError> {
    let added = count.figures.unwrap_or_default();
    let ended = added.applied + added.skipped + added.superseded + added.deleted + added.purged;
    // What is queued or in error is counted with its record, never by itself.
    if added.accepted != ended || added.queued != 0 || added.in_error != 0 {
        return Err(subject.misfit("figures that do not add up")); // Rule 11
    }
    let figures = subject.figures(count.source)?;
    figures.accepted += added.accepted;
    figures.applied += added.applied;
    figures.skipped += added.skipped;
    figures.superseded += added.superseded;
    figures.deleted += added.deleted;
    figures.purged += added.purged;
    Ok(())
}

/// Rule 4: the answer to a change with an id is kept.
fn remember_one(
    view: &mut View<'_>,
    subject: &mut Subject,
    change_id: String,
    remembered: message::Remembered,
) -> Result<(), StoreError> {
    if change_id.is_empty() {
        return Err(subject.misfit("a change without an id to be remembered by"));
    }
    let id_hash = taken::id_hash(&change_id);
    let taken = message::Taken { id_hash, change_id, remembered: Some(remembered), key: Vec::new() };
    taken::take_in(view, subject, vec![taken])
}

fn deferred_rows(subject: &Subject, execution: u64, number: u64) -> keys::Key {
    keys::numbered_below(shelf::DEFERRED, subject.map(), subject.head.incarnation, execution, number)
}

fn add_execution_errors(
    view: &mut View<'_>,
    subject: &Subject,
    added: &message::AddExecutionErrors,
) -> Result<(), StoreError> {
    if view.get(&subject.key(shelf::EXECUTIONS, added.execution))?.is_none() {
        return Err(subject.misfit(format!("there is no execution {}", added.execution)));
    }
    let key = |number| keys::execution_error(subject.map(), subject.head.incarnation, added.execution, number);
    let last = view.previous(&key(0), &key(u64::MAX))?;
    let mut number = last.and_then(|(key, _)| keys::last_number(&key)).unwrap_or(0);
    for error in &added.errors {
        number += 1;
        errors::put_row(view, subject, added.execution, number, error)?;
    }
    Ok(())
}
