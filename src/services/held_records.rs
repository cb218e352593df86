//! Lists of what is kept of a map's changes: what waits, what failed, and what was put right.

use super::input::Input;
use super::paging::Page;
use super::proto;
use super::queued_records::shown;
use super::records::total;
use super::status::CallError;
use super::{Services, queued_records};
use crate::engine::error::EngineError;
use crate::engine::reading::Held;
use crate::model::filter::{Candidate, RecordFilter};
use crate::model::ids::{MapId, QueueSequence};
use crate::model::job::{JobKind, QueueJob};
use crate::model::retry::RetryStatus;

/// Records that one page looks through at most; one that found less goes on with the next.
const LOOKED_THROUGH_MAX: usize = 10_000;
/// Records of one read, and bytes of one page.
const READ_AT_ONCE: usize = 50;
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Where records stand that a list is about.
#[derive(Clone, Copy)]
struct Kept {
    queued: bool,
    errors: bool,
    retried: bool,
}

const ERRORS: Kept = Kept { queued: false, errors: true, retried: false };

impl Kept {
    fn of(state: proto::QueuedRecordState) -> Result<Self, CallError> {
        let none = Self { queued: false, errors: false, retried: false };
        Ok(match state {
            proto::QueuedRecordState::Unspecified => Self { queued: true, errors: true, retried: true },
            proto::QueuedRecordState::Queued => Self { queued: true, ..none },
            proto::QueuedRecordState::Error => ERRORS,
            proto::QueuedRecordState::Completed => Self { retried: true, ..none },
            proto::QueuedRecordState::InProgress => {
                return Err(CallError::NotOffered { what: "ListQueuedRecordsRequest.state IN_PROGRESS" });
            }
        })
    }
}

impl Services {
    pub(super) fn list_queued_records(
        &self,
        request: &proto::ListQueuedRecordsRequest,
    ) -> Result<proto::ListQueuedRecordsResponse, CallError> {
        let mut input = Input::default();
        let page = Page::of(&mut input, "ListQueuedRecords", request)?;
        let id = input.table_map("parent", &request.parent);
        let state = input.known::<proto::QueuedRecordState>("state", request.state);
        let (id, state) = input.with(id.zip(state))?;
        let figures = self.engine.head(&id)?.figures;
        let kept = Kept::of(state)?;
        let (queued_records, next_page_token, filtered) = self.held(&id, &page, kept, request.filter.as_ref())?;
        let total_size = match state {
            proto::QueuedRecordState::Queued => total(figures.queued()),
            proto::QueuedRecordState::Error => total(figures.in_error()),
            // Of these no count is kept.
            proto::QueuedRecordState::Unspecified
            | proto::QueuedRecordState::InProgress
            | proto::QueuedRecordState::Completed => None,
        };
        let total_size = total_size.filter(|_| !filtered);
        Ok(proto::ListQueuedRecordsResponse { queued_records, next_page_token, total_size })
    }

    pub(super) fn list_catch_up_errors(
        &self,
        request: &proto::ListCatchUpErrorsRequest,
    ) -> Result<proto::ListCatchUpErrorsResponse, CallError> {
        let mut input = Input::default();
        let page = Page::of(&mut input, "ListCatchUpErrors", request)?;
        let id = input.table_map("parent", &request.parent);
        let id = input.with(id)?;
        let total_size = total(self.engine.head(&id)?.figures.in_error());
        let (errors, next_page_token, filtered) = self.held(&id, &page, ERRORS, request.filter.as_ref())?;
        let total_size = total_size.filter(|_| !filtered);
        Ok(proto::ListCatchUpErrorsResponse { errors, next_page_token, total_size })
    }

    pub(super) fn get_queued_record(
        &self,
        request: &proto::GetQueuedRecordRequest,
    ) -> Result<proto::QueuedRecord, CallError> {
        let mut input = Input::default();
        let named = input.queued_record("name", &request.name);
        let (id, sequence) = input.with(named)?;
        let view = self.engine.map(&id)?;
        let held = self.engine.record(&id, sequence)?;
        Ok(queued_records::shown(&id, &view.map.definition, held, &self.running_jobs(&id)?))
    }

    /// A page of records that the filter picks, in the order of acceptance; the token of the next page, and whether there is a
    /// filter. A page that has looked through many records ends early, with a token.
    fn held(
        &self,
        id: &MapId,
        page: &Page,
        kept: Kept,
        filter: Option<&proto::RecordFilter>,
    ) -> Result<(Vec<proto::QueuedRecord>, String, bool), CallError> {
        let view = self.engine.map(id)?;
        let definition = &view.map.definition;
        let mut input = Input::default();
        let filter = input.record_filter(filter.cloned(), id, definition);
        input.done()?;
        let filtered = filter != RecordFilter::default();
        let jobs = self.running_jobs(id)?;
        let mut after = page.number()?.unwrap_or(0);
        let (mut found, mut bytes, mut looked_through) = (Vec::new(), 0, 0);
        loop {
            let read = self.read_held(id, kept, QueueSequence(after))?;
            if read.is_empty() {
                return Ok((found, String::new(), filtered));
            }
            for held in read {
                let picked = picks(&filter, &held, &jobs);
                if picked {
                    bytes += held.size();
                    if found.len() == page.size || (bytes > PAGE_BYTES_MAX && !found.is_empty()) {
                        return Ok((found, page.token(after), filtered));
                    }
                }
                after = held.record().sequence.0;
                looked_through += 1;
                if picked {
                    found.push(shown(id, definition, held, &jobs));
                }
            }
            if looked_through >= LOOKED_THROUGH_MAX {
                return Ok((found, page.token(after), filtered));
            }
        }
    }

    /// The next records of all that is asked for, in one order.
    fn read_held(&self, id: &MapId, kept: Kept, after: QueueSequence) -> Result<Vec<Held>, EngineError> {
        let mut held = Vec::new();
        if kept.queued {
            held.extend(self.engine.queued(id, after, READ_AT_ONCE)?.into_iter().map(Held::Queued));
        }
        if kept.errors {
            held.extend(self.engine.errors(id, after, READ_AT_ONCE)?.into_iter().map(Held::Error));
        }
        if kept.retried {
            held.extend(self.engine.retried(id, after, READ_AT_ONCE)?.into_iter().map(Held::Retried));
        }
        held.sort_by_key(|held| held.record().sequence);
        // Between two reads a record may have moved from one place to the other.
        held.dedup_by_key(|held| held.record().sequence);
        held.truncate(READ_AT_ONCE);
        Ok(held)
    }
}

fn picks(filter: &RecordFilter, held: &Held, jobs: &[QueueJob]) -> bool {
    let mut candidate = Candidate::from(held);
    if let Held::Error(error) = held {
        let number = error.record.sequence.0;
        candidate.retry_status = RetryStatus::of(jobs, JobKind::RetryCatchUpErrors, number, &candidate);
    }
    filter.picks(&candidate)
}
