//! Creating, reading, changing, checking and deleting maps.

use super::Services;
use super::definition::table_map;
use super::findings::malformed;
use super::input::Input;
use super::proto;
use super::proto::validate_table_map_request::Target;
use super::status::CallError;
use super::{failures, records, update_mask};
use crate::engine::catalog::NewMap;
use crate::engine::log::{EventFilter, LogOf};
use crate::engine::map::{Deletion, Update};
use crate::model::access::Caller;
use crate::model::ids::MapId;
use crate::model::mapping::Violation;
use crate::model::table_map::{Definition, TableMap};
use crate::model::validation::FindingSeverity;

/// Events that an overview shows.
const RECENT_EVENTS: usize = 10;

impl Services {
    /// A map of the model as the wire has it, with what is wrong with it now.
    pub(super) fn shown(&self, map: &TableMap) -> Result<proto::TableMap, CallError> {
        Ok(table_map(map, self.engine.conditions(map)?))
    }

    pub(super) async fn create(
        &self,
        actor: String,
        request: proto::CreateTableMapRequest,
    ) -> Result<proto::TableMap, CallError> {
        let mut input = Input::default();
        let tag = input.tag(&request.request_id, &request);
        let id = input.map_id("table_map_id", &request.table_map_id);
        let definition = self.checked_definition(&mut input, id.as_ref(), request.table_map.as_ref()).await;
        let (id, definition) = input.with(id.zip(definition))?;
        let map = self.engine.create_map(id, NewMap { definition, author: actor, tag }, request.validate_only).await?;
        // One that is only tried out is not there to have conditions.
        if request.validate_only { Ok(table_map(&map, Vec::new())) } else { self.shown(&map) }
    }

    /// A definition whose fields are well-formed. When some are not, what validation finds in the others is told with them.
    async fn checked_definition(
        &self,
        input: &mut Input,
        own: Option<&MapId>,
        map: Option<&proto::TableMap>,
    ) -> Option<Definition> {
        let Some(map) = map else {
            input.wrong("table_map", "is required");
            return None;
        };
        let definition = input.definition(map)?;
        if !input.is_clean() {
            let findings = self.engine.check(own, &definition).await.errors();
            input.also(findings.into_iter().map(|f| Violation::new(format!("table_map.{}", f.field), f.message)));
        }
        Some(definition)
    }

    pub(super) fn get(&self, request: &proto::GetTableMapRequest) -> Result<proto::TableMap, CallError> {
        let mut input = Input::default();
        let id = input.table_map("name", &request.name);
        self.shown(&self.engine.map(&input.with(id)?)?.map)
    }

    pub(super) fn list(
        &self,
        caller: &Caller,
        request: &proto::ListTableMapsRequest,
    ) -> Result<proto::ListTableMapsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListTableMaps", request)?;
        let state = input.known::<proto::TableMapState>("state", request.state);
        let any_application = request.application.is_empty();
        let application =
            if any_application { None } else { input.application_or_id("application", &request.application) };
        input.done()?;
        let state = state.filter(|state| *state != proto::TableMapState::Unspecified);
        let mut maps = self.engine.maps();
        maps.retain(|view| {
            let definition = &view.map.definition;
            let sides = [&definition.left.application, &definition.right.application];
            caller.scope.has(&view.map.id)
                && state.is_none_or(|state| state == view.map.state.into())
                && application.as_ref().is_none_or(|application| sides.contains(&application))
        });
        let total_size = records::total(maps.len() as u64);
        let (maps, next_page_token) = page.cut(maps, |view| view.map.id.to_string());
        let table_maps = maps.iter().map(|view| self.shown(&view.map)).collect::<Result<_, _>>()?;
        Ok(proto::ListTableMapsResponse { table_maps, next_page_token, total_size })
    }

    pub(super) async fn update(
        &self,
        actor: String,
        request: proto::UpdateTableMapRequest,
    ) -> Result<proto::TableMap, CallError> {
        let mut input = Input::default();
        let tag = input.tag(&request.request_id, &request);
        let Some(given) = &request.table_map else {
            input.wrong("table_map", "is required");
            return input.with(None);
        };
        let Some(id) = input.table_map("table_map.name", &given.name) else { return input.with(None) };
        let current = table_map(&self.engine.map(&id)?.map, Vec::new());
        let updated = update_mask::apply(&mut input, current, given, request.update_mask.as_ref());
        let definition = self.checked_definition(&mut input, Some(&id), Some(&updated)).await;
        let update = Update { definition: input.with(definition)?, etag: given.etag.clone(), author: actor, tag };
        self.shown(&self.engine.update_map(&id, update, request.validate_only).await?)
    }

    pub(super) async fn delete(&self, actor: String, request: proto::DeleteTableMapRequest) -> Result<(), CallError> {
        let mut input = Input::default();
        let tag = input.tag(&request.request_id, &request);
        let id = input.table_map("name", &request.name);
        let deletion = Deletion { etag: request.etag, actor, with_errors: request.force };
        Ok(self.engine.delete_map(&input.with(id)?, deletion, tag).await?)
    }

    pub(super) async fn validate(
        &self,
        request: proto::ValidateTableMapRequest,
    ) -> Result<proto::ValidateTableMapResponse, CallError> {
        let mut input = Input::default();
        let (own, map) = match request.target {
            None => {
                input.wrong("target", "is required: name or table_map");
                return input.with(None);
            }
            Some(Target::Name(name)) => {
                let id = input.table_map("name", &name);
                let id = input.with(id)?;
                (Some(id.clone()), table_map(&self.engine.map(&id)?.map, Vec::new()))
            }
            Some(Target::TableMap(map)) if map.name.is_empty() => (None, map),
            Some(Target::TableMap(map)) => {
                let id = input.table_map("table_map.name", &map.name);
                (Some(input.with(id)?), map)
            }
        };
        // What is malformed is a finding here, and fails nothing.
        let mut input = Input::default();
        let definition = input.definition(&map);
        let mut findings: Vec<proto::Finding> = input.violations().into_iter().map(malformed).collect();
        if let Some(definition) = definition {
            let checked = self.engine.check(own.as_ref(), &definition).await;
            let errors = checked.findings.iter().any(|finding| finding.severity == FindingSeverity::Error);
            if let Some(unreachable) = checked.unreachable.filter(|_| !errors && findings.is_empty()) {
                return Err(unreachable.into());
            }
            findings.extend(checked.findings.into_iter().map(Into::into));
        }
        Ok(proto::ValidateTableMapResponse { findings })
    }

    pub(super) fn overview(
        &self,
        request: &proto::GetTableMapOverviewRequest,
    ) -> Result<proto::TableMapOverview, CallError> {
        let mut input = Input::default();
        let id = input.table_map("name", &request.name);
        let id = input.with(id)?;
        let map = &self.engine.map(&id)?.map;
        let execution = map.execution.map(|number| self.engine.execution(&id, number)).transpose()?;
        let failed = map.execution.map(|number| self.engine.execution_errors_by_type(&id, number)).transpose()?;
        let log = LogOf::Map(id.clone());
        let recent = self.engine.list_events(&log, &EventFilter::default(), true, None, RECENT_EVENTS)?;
        Ok(proto::TableMapOverview {
            table_map: Some(self.shown(map)?),
            execution: execution.map(|execution| super::executions::shown(&id, &execution)),
            queue_stats: Some(super::stats::stats(&self.engine, &id)?),
            execution_error_counts: failures::error_counts(failed.unwrap_or_default()),
            recent_events: recent.events.into_iter().map(Into::into).collect(),
            active_alerts: self.engine.active_alerts(&id)?.into_iter().map(Into::into).collect(),
        })
    }
}
