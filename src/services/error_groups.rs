//! Errors by cause. A list is taken once and its pages are cut from it, so that they fit each other.

use super::input::Input;
use super::queued_records::key_record;
use super::records::{count, direction_from, total};
use super::status::CallError;
use super::{Services, names, proto, times};
use crate::model::error_group::{ErrorGroup, Origin};
use crate::model::ids::MapId;
use crate::model::table_map::Definition;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Lists that are kept for their further pages; one that has gone is taken again where it is asked for.
const LISTS_MAX: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// Lists that have further pages.
pub(super) struct GroupLists(Mutex<Lists>);

struct Lists {
    /// The number of the last one. Begins anywhere, so that a token from before a restart finds none.
    last: u64,
    kept: LruCache<u64, Arc<Vec<ErrorGroup>>>,
}

impl Default for GroupLists {
    fn default() -> Self {
        Self(Mutex::new(Lists { last: rand::random(), kept: LruCache::new(LISTS_MAX) }))
    }
}

impl GroupLists {
    fn keep(&self, list: Arc<Vec<ErrorGroup>>) -> u64 {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = lists.last.wrapping_add(1);
        lists.last = number;
        lists.kept.put(number, list);
        number
    }

    fn get(&self, number: u64) -> Option<Arc<Vec<ErrorGroup>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kept.get(&number).cloned()
    }
}

impl Services {
    pub(super) async fn list_error_groups(
        &self,
        request: &proto::ListErrorGroupsRequest,
    ) -> Result<proto::ListErrorGroupsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListErrorGroups", request)?;
        let map = input.table_map("parent", &request.parent);
        let origin = input.known::<proto::ErrorOrigin>("origin", request.origin);
        let (map, origin) = input.with(map.zip(origin))?;
        let view = self.engine.map(&map)?;
        let definition = &view.map.definition;
        let mut input = Input::default();
        let filter = input.record_filter(request.filter.clone(), &map, definition);
        input.done()?;
        let (kept, begin) = match page.position() {
            Some(position) => read_position(position)?,
            None => (0, 0),
        };
        let known = self.group_lists.get(kept).filter(|_| begin > 0);
        let (number, list) = match known {
            Some(list) => (Some(kept), list),
            None => (None, Arc::new(self.engine.error_groups(&map, origin_of(origin), &filter).await?)),
        };
        let end = list.len().min(begin + page.size);
        let groups = list.get(begin..end).unwrap_or_default();
        let error_groups =
            groups.iter().map(|group| self.shown_group(&map, definition, group)).collect::<Result<_, _>>()?;
        let total_size = total(list.len() as u64);
        let next_page_token = if end < list.len() {
            let number = number.unwrap_or_else(|| self.group_lists.keep(list));
            page.token(format!("{number}-{end}"))
        } else {
            String::new()
        };
        Ok(proto::ListErrorGroupsResponse { error_groups, next_page_token, total_size })
    }

    fn shown_group(
        &self,
        map: &MapId,
        definition: &Definition,
        group: &ErrorGroup,
    ) -> Result<proto::ErrorGroup, CallError> {
        let example = self.engine.example(map, group)?.map(|(key, failure)| proto::RecordError {
            integration_key: Some(key_record(definition, &key)),
            ..failure.map(Into::into).unwrap_or_default()
        });
        let error_type = group.kind.map_or(proto::ErrorType::Unspecified, Into::into);
        Ok(proto::ErrorGroup {
            origin: match group.origin() {
                Origin::CatchUp => proto::ErrorOrigin::CatchUp,
                Origin::InitialSync => proto::ErrorOrigin::InitialSync,
            }
            .into(),
            execution: group.execution.map(|execution| names::execution(map, execution)).unwrap_or_default(),
            direction: direction_from(group.source).into(),
            error_type: error_type.into(),
            code: group.code.clone(),
            constraint: group.constraint.clone(),
            column: group.column.clone(),
            count: count(group.count),
            first_fail_time: Some(times::timestamp(group.first_time)),
            last_fail_time: Some(times::timestamp(group.last_time)),
            example,
            filter: Some(proto::RecordFilter {
                direction: direction_from(group.source).into(),
                error_type: Some(error_type.into()),
                error_code: Some(group.code.clone()),
                constraint: Some(group.constraint.clone()),
                column: Some(group.column.clone()),
                ..Default::default()
            }),
        })
    }
}

fn origin_of(origin: proto::ErrorOrigin) -> Option<Origin> {
    match origin {
        proto::ErrorOrigin::Unspecified => None,
        proto::ErrorOrigin::CatchUp => Some(Origin::CatchUp),
        proto::ErrorOrigin::InitialSync => Some(Origin::InitialSync),
    }
}

/// The list that a token is of, and where its page begins.
fn read_position(position: &str) -> Result<(u64, usize), CallError> {
    let (number, begin) = position.split_once('-').ok_or(CallError::PageToken)?;
    let number = number.parse().map_err(|_| CallError::PageToken)?;
    Ok((number, begin.parse().map_err(|_| CallError::PageToken)?))
}
