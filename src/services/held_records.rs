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
use crate::model::job::JobKind;
use crate::model::key::Key;
use crate::model::under_way::UnderWay;

/// Records that one page looks through at most; one that found less goes on with the next.
const LOOKED_THROUGH_MAX: usize = 10_000;
/// Records of one read, and bytes of one page.
const READ_AT_ONCE: usize = 50;
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Which records a list is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    All,
    /// Queued, and not on their way.
    Waiting,
    OnTheirWay,
    Errors,
    Retried,
}

impl From<proto::QueuedRecordState> for Kept {
    fn from(state: proto::QueuedRecordState) -> Self {
        match state {
            proto::QueuedRecordState::Unspecified => Kept::All,
            proto::QueuedRecordState::Queued => Kept::Waiting,
            proto::QueuedRecordState::InProgress => Kept::OnTheirWay,
            proto::QueuedRecordState::Error => Kept::Errors,
            proto::QueuedRecordState::Completed => Kept::Retried,
        }
    }
}

impl Kept {
    fn has(self, held: &Held, under_way: &UnderWay) -> bool {
        match (self, held) {
            (Kept::Waiting, Held::Queued(record)) => !under_way.has(record.sequence),
            (Kept::OnTheirWay, Held::Queued(record)) => under_way.has(record.sequence),
            _ => true, // it is read from one place only
        }
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
        let under_way = self.engine.under_way(&id)?;
        let on_their_way = under_way.queued().min(figures.queued());
        let kept = Kept::from(state);
        let (queued_records, next_page_token, filtered) =
            self.held(&id, &page, kept, &under_way, request.filter.as_ref())?;
        let total_size = match kept {
            Kept::Waiting => total(figures.queued() - on_their_way),
            Kept::OnTheirWay => total(on_their_way),
            Kept::Errors => total(figures.in_error()),
            // Of these no count is kept.
            Kept::All | Kept::Retried => None,
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
        let under_way = self.engine.under_way(&id)?;
        let (errors, next_page_token, filtered) =
            self.held(&id, &page, Kept::Errors, &under_way, request.filter.as_ref())?;
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
        Ok(queued_records::shown(&id, &view.map.definition, held, &self.engine.under_way(&id)?))
    }

    /// A page of records that the filter picks, in the order of acceptance; the token of the next page, and whether there is a
    /// filter. A page that has looked through many records ends early, with a token.
    fn held(
        &self,
        id: &MapId,
        page: &Page,
        kept: Kept,
        under_way: &UnderWay,
        filter: Option<&proto::RecordFilter>,
    ) -> Result<(Vec<proto::QueuedRecord>, String, bool), CallError> {
        let view = self.engine.map(id)?;
        let definition = &view.map.definition;
        let mut input = Input::default();
        let filter = input.record_filter(filter.cloned(), id, definition);
        input.done()?;
        let filtered = filter != RecordFilter::default();
        let mut after = page.number()?.unwrap_or(0);
        let (mut found, mut bytes, mut looked_through) = (Vec::new(), 0, 0);
        loop {
            let read = self.read_held(id, kept, under_way, filter.key.as_ref(), QueueSequence(after))?;
            if read.is_empty() {
                return Ok((found, String::new(), filtered));
            }
            for held in read {
                let picked = kept.has(&held, under_way) && picks(&filter, &held, under_way);
                if picked {
                    bytes += held.size();
                    if found.len() == page.size || (bytes > PAGE_BYTES_MAX && !found.is_empty()) {
                        return Ok((found, page.token(after), filtered));
                    }
                }
                after = held.record().sequence.0;
                looked_through += 1;
                if picked {
                    found.push(shown(id, definition, held, under_way));
                }
            }
            if looked_through >= LOOKED_THROUGH_MAX {
                return Ok((found, page.token(after), filtered));
            }
        }
    }

    /// The next records of all that is asked for, in one order.
    fn read_held(
        &self,
        id: &MapId,
        kept: Kept,
        under_way: &UnderWay,
        key: Option<&Key>,
        after: QueueSequence,
    ) -> Result<Vec<Held>, EngineError> {
        let mut held = Vec::new();
        let has = |of: Kept| kept == Kept::All || kept == of;
        if kept == Kept::OnTheirWay {
            let sequences = under_way.queued_after(after).take(READ_AT_ONCE);
            let read = sequences.map(|sequence| self.engine.queued_record(id, sequence)).filter_map(Result::transpose);
            held.extend(read.map(|read| read.map(Held::Queued)).collect::<Result<Vec<_>, _>>()?);
        }
        if has(Kept::Waiting) {
            held.extend(self.engine.queued(id, after, READ_AT_ONCE)?.into_iter().map(Held::Queued));
        }
        if has(Kept::Errors) {
            held.extend(self.engine.errors_by(id, key, after, READ_AT_ONCE)?.into_iter().map(Held::Error));
        }
        if has(Kept::Retried) {
            held.extend(self.engine.retried(id, after, READ_AT_ONCE)?.into_iter().map(Held::Retried));
        }
        held.sort_by_key(|held| held.record().sequence);
        // Between two reads a record may have moved from one place to the other.
        held.dedup_by_key(|held| held.record().sequence);
        held.truncate(READ_AT_ONCE);
        Ok(held)
    }
}

fn picks(filter: &RecordFilter, held: &Held, under_way: &UnderWay) -> bool {
    let candidate = Candidate::from(held);
    filter.picks(&match held {
        Held::Error(error) => under_way.as_it_stands(JobKind::RetryCatchUpErrors, error.record.sequence.0, candidate),
        Held::Queued(_) | Held::Retried(_) => candidate,
    })
}
