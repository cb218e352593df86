//! Creating, checking, changing and removing maps.

use super::Engine;
use super::applications::down;
use super::error::{EngineError, Purpose};
use super::map::{Command, Deletion, MapHandle, Transition, TransitionRequest, Update, editable};
use crate::connectors::Application;
use crate::model::activity::{Event, EventKind, Severity};
use crate::model::failure::{ErrorType, Failure};
use crate::model::ids::{AppId, MapId, Revision};
use crate::model::request::{RequestIdReused, RequestTag};
use crate::model::schema::TableSchema;
use crate::model::state::{Action, MapState, Refused};
use crate::model::table_map::{Definition, Schemas, Side, TableMap};
use crate::model::validation::{Finding, FindingCode, FindingSeverity, validate_against, validate_definition};
use crate::store::{Commit, Operation, StoreError};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long a question to an application may take before it counts as unreachable.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What checking a definition came to.
pub struct Checked {
    pub findings: Vec<Finding>,
    /// Both tables, when both applications answered.
    pub schemas: Option<Schemas>,
    /// Which application did not, and why.
    pub unreachable: Option<EngineError>,
}

impl Checked {
    pub fn errors(&self) -> Vec<Finding> {
        self.findings.iter().filter(|finding| finding.severity == FindingSeverity::Error).cloned().collect()
    }
}

impl Engine {
    /// Everything that is wrong with a definition, against both tables as they are now and against the other maps. `own`
    /// is the map that it is, or would be, the definition of.
    pub async fn check(&self, own: Option<&MapId>, definition: &Definition) -> Checked {
        let mut findings = validate_definition(definition);
        self.check_beside_others(own, definition, &mut findings);
        let (left, right) = tokio::join!(self.describe(definition, Side::Left), self.describe(definition, Side::Right));
        let mut unreachable = None;
        let mut tables = Vec::with_capacity(2);
        for (side, described) in [(Side::Left, left), (Side::Right, right)] {
            let name = side.as_str();
            match described {
                Ok(table) => tables.push(table),
                Err(EngineError::ApplicationDown { failure, .. }) if failure.kind == ErrorType::Configuration => {
                    let field = format!("{name}.table");
                    findings.push(Finding::error(FindingCode::TableMissing, field, failure.message));
                }
                Err(error @ EngineError::ApplicationDown { .. }) => unreachable = Some(error),
                Err(error) => {
                    let field = format!("{name}.application");
                    findings.push(Finding::error(FindingCode::ApplicationUnknown, field, error.to_string()));
                }
            }
        }
        let schemas = match <[_; 2]>::try_from(tables) {
            Ok([left, right]) => {
                let schemas = Schemas { left, right };
                findings.extend(validate_against(definition, &schemas));
                Some(schemas)
            }
            Err(_) => None,
        };
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Checked { findings, schemas, unreachable }
    }

    /// Two maps of one pair of tables would bring each other's writes back for ever.
    fn check_beside_others(&self, own: Option<&MapId>, definition: &Definition, findings: &mut Vec<Finding>) {
        let maps = self.maps();
        for view in maps.iter().filter(|view| Some(&view.map.id) != own) {
            let other = &view.map.definition;
            let pairs = [(&other.left, &other.right), (&other.right, &other.left)];
            if pairs.iter().any(|(l, r)| definition.left.is_same_table(l) && definition.right.is_same_table(r)) {
                let message = format!("map {} syncs the same two tables", view.map.id);
                findings.push(Finding::error(FindingCode::TablesInUse, "right.table", message));
            }
        }
        for (index, related) in definition.related.iter().enumerate() {
            if !maps.iter().any(|view| view.map.id == *related) || Some(related) == own {
                let field = format!("related_table_maps[{index}]");
                let message = format!("there is no other map {related}");
                findings.push(Finding::error(FindingCode::RelatedMapUnknown, field, message));
            }
        }
    }

    async fn describe(&self, definition: &Definition, side: Side) -> Result<TableSchema, EngineError> {
        let table = definition.table(side);
        self.ask_application(&table.application, |application| async move { application.describe(&table.table).await })
            .await
    }

    /// A table as its application describes it now.
    pub async fn table(&self, id: &AppId, table: &str) -> Result<TableSchema, EngineError> {
        let described = self.ask_application(id, |application| async move { application.describe(table).await }).await;
        described.map_err(|error| match error {
            EngineError::ApplicationDown { failure, .. } if failure.kind == ErrorType::Configuration => {
                EngineError::TableNotFound { application: id.clone(), table: table.to_owned() }
            }
            error => error,
        })
    }

    /// Asks an application something that it has to answer within a short while.
    pub async fn ask_application<T, F>(
        &self,
        id: &AppId,
        question: impl FnOnce(Arc<dyn Application>) -> F,
    ) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let application = self.applications().get(id)?.clone();
        let timed_out = || Failure::new(ErrorType::Network, "", format!("no answer in {ANSWER_TIMEOUT:?}"));
        tokio::time::timeout(ANSWER_TIMEOUT, question(application))
            .await
            .unwrap_or_else(|_| Err(timed_out()))
            .map_err(|failure| down(id, failure))
    }

    /// Saves a new map. An application that is away does not hinder it; the rest is checked when the map is run.
    pub async fn create_map(&self, id: MapId, new: NewMap, validate_only: bool) -> Result<TableMap, EngineError> {
        if let Some(map) = self.existing(&id, new.tag.as_ref())? {
            return Ok(map);
        }
        self.must_be_clean(&id, &new.definition, Purpose::Save).await?;
        let _one_at_a_time = self.creating.lock().await;
        if let Some(map) = self.existing(&id, new.tag.as_ref())? {
            return Ok(map);
        }
        let NewMap { definition, author, tag } = new;
        let now = self.now();
        let mut map = TableMap {
            id: id.clone(),
            definition,
            version: 1,
            author: author.clone(),
            create_time: now,
            update_time: now,
            state: MapState::NotRunning,
            state_time: now,
            held_back_since: None,
            schemas: None,
            execution: None,
            stopped_execution: None,
            recent_requests: Vec::new(),
            revision: Revision(0),
        };
        map.remember(tag.as_ref());
        if validate_only {
            return Ok(map);
        }
        let commit = Commit {
            map: id.clone(),
            expected: Some(Revision(0)),
            operations: vec![Operation::PutMap(Box::new(map.clone())), Operation::Log(created(author, now))],
        };
        map.revision = match self.context.store.commit(commit).await {
            Ok(receipt) => receipt.revision,
            Err(StoreError::Conflict { .. }) => return Err(EngineError::MapExists(id)),
            Err(error) => return Err(error.into()),
        };
        let handle = MapHandle::start(self.context.clone(), map.clone());
        self.maps.write().unwrap_or_else(PoisonError::into_inner).insert(id, handle);
        Ok(map)
    }

    /// The map that this very request created before, if it did; another one in its place is an error.
    fn existing(&self, id: &MapId, tag: Option<&RequestTag>) -> Result<Option<TableMap>, EngineError> {
        let Ok(handle) = self.handle(id) else { return Ok(None) };
        let map = handle.view().map.clone();
        if map.was_asked(tag)? { Ok(Some(map)) } else { Err(EngineError::MapExists(id.clone())) }
    }

    async fn must_be_clean(
        &self,
        id: &MapId,
        definition: &Definition,
        purpose: Purpose,
    ) -> Result<Checked, EngineError> {
        let checked = self.check(Some(id), definition).await;
        let findings = checked.errors();
        if findings.is_empty() {
            return Ok(checked);
        }
        Err(EngineError::Findings { map: id.clone(), purpose, findings })
    }

    /// Saves a new definition of a map that does not run.
    pub async fn update_map(&self, id: &MapId, update: Update, validate_only: bool) -> Result<TableMap, EngineError> {
        let handle = self.handle(id)?;
        let map = handle.view().map.clone();
        if map.was_asked(update.tag.as_ref())? {
            return Ok(map);
        }
        editable(&map, &update.etag, "change")?;
        self.must_be_clean(id, &update.definition, Purpose::Save).await?;
        if validate_only {
            let version = map.version + u64::from(map.definition != update.definition);
            return Ok(TableMap { definition: update.definition, version, ..map });
        }
        handle.ask(|reply| Command::Update { update: Box::new(update), reply }).await
    }

    /// Removes a map that does not run, with its errors and executions. Its log stays.
    pub async fn delete_map(&self, id: &MapId, deletion: Deletion, tag: Option<RequestTag>) -> Result<(), EngineError> {
        if self.was_deleted_by(id, tag.as_ref())? {
            return Ok(());
        }
        let handle = self.handle(id)?;
        handle.ask(|reply| Command::Delete { deletion, reply }).await?;
        self.maps.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(tag) = tag {
            let mut deletions = self.deletions.lock().unwrap_or_else(PoisonError::into_inner);
            deletions.put(tag.id, (tag.fingerprint, id.clone()));
        }
        Ok(())
    }

    fn was_deleted_by(&self, id: &MapId, tag: Option<&RequestTag>) -> Result<bool, EngineError> {
        let Some(tag) = tag else { return Ok(false) };
        let mut deletions = self.deletions.lock().unwrap_or_else(PoisonError::into_inner);
        match deletions.get(&tag.id) {
            Some((fingerprint, map)) if *fingerprint == tag.fingerprint && map == id => Ok(true),
            Some(_) => Err(RequestIdReused { request_id: tag.id.clone() }.into()),
            None => Ok(false),
        }
    }

    /// Runs a map: both tables are looked at first, so both applications must answer. After `deadline`, and when the
    /// caller has gone, it goes on without.
    pub async fn run_map(
        self: &Arc<Self>,
        id: &MapId,
        run: RunRequest,
        deadline: Duration,
    ) -> Result<TableMap, EngineError> {
        let (engine, map) = (self.clone(), id.clone());
        self.in_time(id, deadline, async move { engine.check_and_run(&map, run).await }).await
    }

    async fn check_and_run(&self, id: &MapId, run: RunRequest) -> Result<TableMap, EngineError> {
        let handle = self.handle(id)?;
        let map = handle.view().map.clone();
        if map.was_asked(run.tag.as_ref())? {
            return Ok(map);
        }
        if map.state == MapState::Initializing && !run.validate_only {
            // Its initial sync may have ended and left rows; its task knows.
            let RunRequest { actor, reason, tag, .. } = run;
            let request = TransitionRequest { transition: Transition::RunAfterInitialSync, actor, reason, tag };
            return handle.ask(|reply| Command::Transition { request, reply }).await;
        }
        if map.state != MapState::NotRunning {
            let refused = Refused { state: map.state, action: Action::Run };
            return Err(EngineError::Transition { map: id.clone(), refused });
        }
        let checked = self.must_be_clean(id, &map.definition, Purpose::Run).await?;
        let Some(schemas) = checked.schemas else {
            return Err(checked.unreachable.unwrap_or(EngineError::NotReady));
        };
        if run.validate_only {
            return Ok(map);
        }
        let transition = Transition::Run {
            schemas: Box::new(schemas),
            version: map.version,
            initial_sync: run.initial_sync,
            master: run.master.unwrap_or(map.definition.master),
            after: run.after,
            circle: self.circle(&map, run.circle),
        };
        let RunRequest { actor, reason, tag, .. } = run;
        let request = TransitionRequest { transition, actor, reason, tag };
        handle.ask(|reply| Command::Transition { request, reply }).await
    }
}

fn created(actor: String, time: DateTime<Utc>) -> Event {
    Event {
        time,
        kind: EventKind::Created,
        severity: Severity::Info,
        actor,
        state_before: None,
        state_after: Some(MapState::NotRunning),
        summary: "the map was created".to_owned(),
        counts: BTreeMap::new(),
        error: None,
        conflict: None,
    }
}

/// A map to be created.
#[derive(Debug, Clone)]
pub struct NewMap {
    pub definition: Definition,
    pub author: String,
    pub tag: Option<RequestTag>,
}

/// What a run is asked for with.
#[derive(Debug, Clone)]
pub struct RunRequest {
    pub initial_sync: bool,
    /// None is the map's own.
    pub master: Option<Side>,
    /// Maps whose own initial sync has to end before this one's begins.
    pub after: Vec<MapId>,
    /// Maps run by the same call that refer to this one and are referred to by it.
    pub circle: Vec<MapId>,
    pub validate_only: bool,
    pub actor: String,
    pub reason: String,
    pub tag: Option<RequestTag>,
}
