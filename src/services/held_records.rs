//! Lists of what is kept of a map's changes: what waits, what failed, and what was put right.

use super::input::Input;
use super::paging::{self, Page};
use super::proto;
use super::queued_records::shown;
use super::records::total;
use super::status::CallError;
use super::{Services, queued_records};
use crate::engine::error::EngineError;
use crate::engine::groups::ErrorPlace;
use crate::engine::reading::Held;
use crate::model::filter::{Candidate, RecordFilter};
use crate::model::ids::{MapId, QueueSequence};
use crate::model::job::JobKind;
use crate::model::under_way::UnderWay;
use chrono::DateTime;
use std::fmt;
use std::str::FromStr;

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
        let page = self.page(&mut input, "ListQueuedRecords", request)?;
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
        let page = self.page(&mut input, "ListCatchUpErrors", request)?;
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

    /// A page of records that the filter picks; the token of the next page, and whether there is a filter. A page that has looked through many
    /// records ends early, with a token.
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
        let list = List { id, kept, under_way, filter: &filter };
        let mut place = match page.position() {
            None => list.begin(),
            Some(position) => position.parse().map_err(|()| CallError::PageToken)?,
        };
        let (mut found, mut bytes, mut looked_through): (Vec<Held>, _, _) = (Vec::new(), 0, 0);
        let next = loop {
            let read = self.read_held(&list, &place)?;
            let mut full = false;
            for (held, at) in read.found {
                // Between two reads a record may have moved from one place to the other.
                let again = |known: &Held| known.record().sequence == held.record().sequence;
                if list.picks(&held) && !found.iter().any(again) {
                    bytes += held.size();
                    full = found.len() == page.size || (bytes > PAGE_BYTES_MAX && !found.is_empty());
                    if full {
                        break;
                    }
                    found.push(held);
                }
                place = at;
                looked_through += 1;
            }
            if full {
                break Some(place);
            }
            match read.next {
                None => break None,
                Some(next) => place = next,
            }
            if looked_through >= LOOKED_THROUGH_MAX {
                break Some(place);
            }
        };
        let token = next.map(|place| page.token(place)).unwrap_or_default();
        let records = found.into_iter().map(|held| shown(id, definition, held, under_way)).collect();
        Ok((records, token, filtered))
    }

    /// The next records of a list behind a place.
    fn read_held(&self, list: &List<'_>, place: &Place) -> Result<Read, EngineError> {
        let List { id, kept, filter, .. } = *list;
        let of_sequence = |held: Held, place: fn(QueueSequence) -> Place| {
            let sequence = held.record().sequence;
            (held, place(sequence))
        };
        match place {
            Place::Merged(after) => {
                let held = self.read_merged(list, *after)?;
                let found: Vec<_> = held.into_iter().map(|held| of_sequence(held, Place::Merged)).collect();
                Ok(Read { next: found.last().map(|(_, place)| place.clone()), found })
            }
            Place::Queued(after) => {
                let errors = (kept == Kept::All).then_some(Place::Errors(ErrorPlace::Begin));
                if filter.asks_for_errors() {
                    return Ok(Read { found: Vec::new(), next: errors }); // nothing that waits has any
                }
                let mut records = match filter.key_beginning() {
                    Some(beginning) => self.engine.queued_by_key(id, &beginning, *after, READ_AT_ONCE)?,
                    None => {
                        let from = filter.from.map(|from| self.engine.accepted_before(id, from)).transpose()?;
                        self.engine.queued(id, from.unwrap_or_default().max(*after), READ_AT_ONCE)?
                    }
                };
                let more = records.last().map(|last| Place::Queued(last.sequence));
                let read = records.len();
                records.retain(|record| filter.until.is_none_or(|until| record.accept_time < until));
                // Of a key fewer than were asked for are all that there are; without one, those behind a late one are later.
                let goes_on = match filter.key_beginning() {
                    Some(_) => read == READ_AT_ONCE,
                    None => records.len() == read,
                };
                let more = more.filter(|_| goes_on);
                let found = records.into_iter().map(|record| of_sequence(Held::Queued(record), Place::Queued));
                Ok(Read { found: found.collect(), next: more.or(errors) })
            }
            Place::Errors(after) => {
                let read = self.engine.errors_where(id, filter, after, READ_AT_ONCE)?;
                let found = read.errors.into_iter().map(|(place, error)| (Held::Error(error), Place::Errors(place)));
                let retried = (kept == Kept::All).then_some(Place::Retried(QueueSequence(0)));
                Ok(Read { found: found.collect(), next: read.next.map(Place::Errors).or(retried) })
            }
            Place::Retried(after) => {
                let retried = self.engine.retried(id, *after, READ_AT_ONCE)?.into_iter().map(Held::Retried);
                let found: Vec<_> = retried.map(|held| of_sequence(held, Place::Retried)).collect();
                Ok(Read { next: found.last().map(|(_, place)| place.clone()), found })
            }
        }
    }

    /// All that is asked for in the order of acceptance.
    fn read_merged(&self, list: &List<'_>, after: QueueSequence) -> Result<Vec<Held>, EngineError> {
        let List { id, kept, under_way, .. } = *list;
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
            held.extend(self.engine.errors_by(id, None, after, READ_AT_ONCE)?.into_iter().map(Held::Error));
        }
        if has(Kept::Retried) {
            held.extend(self.engine.retried(id, after, READ_AT_ONCE)?.into_iter().map(Held::Retried));
        }
        held.sort_by_key(|held| held.record().sequence);
        held.dedup_by_key(|held| held.record().sequence);
        held.truncate(READ_AT_ONCE);
        Ok(held)
    }
}

/// What is listed.
#[derive(Clone, Copy)]
struct List<'a> {
    id: &'a MapId,
    kept: Kept,
    under_way: &'a UnderWay,
    filter: &'a RecordFilter,
}

/// How far a list is. Where a filter asks for what an index finds, the list goes from index to index; else it is one, in the order of
/// acceptance.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Merged(QueueSequence),
    Queued(QueueSequence),
    Errors(ErrorPlace),
    Retried(QueueSequence),
}

/// Records of a list, each with the place behind it, and where it goes on.
struct Read {
    found: Vec<(Held, Place)>,
    next: Option<Place>,
}

impl List<'_> {
    fn begin(&self) -> Place {
        match self.kept {
            Kept::OnTheirWay => Place::Merged(QueueSequence(0)),
            _ if !self.filter.is_indexed() => Place::Merged(QueueSequence(0)),
            Kept::All | Kept::Waiting => Place::Queued(QueueSequence(0)),
            Kept::Errors => Place::Errors(ErrorPlace::Begin),
            Kept::Retried => Place::Retried(QueueSequence(0)),
        }
    }

    fn picks(&self, held: &Held) -> bool {
        let candidate = Candidate::from(held);
        let stands = match held {
            Held::Error(error) => {
                self.under_way.as_it_stands(JobKind::RetryCatchUpErrors, error.record.sequence.0, candidate)
            }
            Held::Queued(_) | Held::Retried(_) => candidate,
        };
        self.kept.has(held, self.under_way) && self.filter.picks(&stands)
    }
}

/// As a page token has it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Merged(after) => write!(f, "m{}", after.0),
            Place::Queued(after) => write!(f, "q{}", after.0),
            Place::Errors(ErrorPlace::Begin) => write!(f, "e"),
            Place::Errors(ErrorPlace::Key(key)) => {
                write!(f, "k")?;
                key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Place::Errors(ErrorPlace::Failed(time, number)) => {
                write!(f, "f{}.{}.{number}", time.timestamp(), time.timestamp_subsec_nanos())
            }
            Place::Retried(after) => write!(f, "r{}", after.0),
        }
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, rest) = text.split_at_checked(1).ok_or(())?;
        let sequence = || rest.parse().map(QueueSequence).map_err(|_| ());
        match kind {
            "m" => Ok(Place::Merged(sequence()?)),
            "q" => Ok(Place::Queued(sequence()?)),
            "r" => Ok(Place::Retried(sequence()?)),
            "e" => Ok(Place::Errors(ErrorPlace::Begin)),
            "k" => Ok(Place::Errors(ErrorPlace::Key(paging::bytes(rest).ok_or(())?))),
            "f" => {
                let mut numbers = rest.splitn(3, '.');
                let seconds = numbers.next().and_then(|seconds| seconds.parse().ok()).ok_or(())?;
                let nanos = numbers.next().and_then(|nanos| nanos.parse().ok()).ok_or(())?;
                let number = numbers.next().and_then(|number| number.parse().ok()).ok_or(())?;
                let time = DateTime::from_timestamp(seconds, nanos).ok_or(())?;
                Ok(Place::Errors(ErrorPlace::Failed(time, number)))
            }
            _ => Err(()),
        }
    }
}
