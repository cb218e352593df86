//! Running, pausing, resuming and stopping, one map or several at once.

use super::Services;
use super::input::Input;
use super::proto;
use super::proto::transition_result::Outcome;
use super::status::CallError;
use super::{access, answers, names};
use crate::engine::catalog::RunRequest;
use crate::engine::error::EngineError;
use crate::engine::map::{LeftOver, Transition, TransitionRequest};
use crate::engine::related::Unknown;
use crate::model::access::Caller;
use crate::model::ids::MapId;
use crate::model::related::{Related, related};
use crate::model::request::RequestTag;
use crate::model::state::{MapState, ResumeOption};
use crate::model::table_map::TableMap;
use futures::StreamExt;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::time::Duration;

/// Maps of one call, and how many of them are on their way at one time.
const MAPS_MAX: usize = 1_000;
const AT_ONCE_MAX: usize = 64;
const WAIT_DEFAULT: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// What every transition is asked for with.
pub(super) struct Asked {
    /// Those that were asked for, then those that are taken along.
    maps: Vec<MapId>,
    /// One map by `name`: its failure is the call's.
    single: bool,
    include_related: bool,
    /// In which order they are acted on, one after another; empty is all at once.
    order: Vec<MapId>,
    wait: Duration,
    tag: Option<RequestTag>,
    reason: String,
    caller: Caller,
}

/// The fields that all requests for a transition share.
macro_rules! asked {
    ($caller:expr, $request:expr, $input:expr) => {{
        let (request, input) = (&$request, &mut $input);
        let tag = input.tag(&request.request_id, request);
        input.reason(&request.reason);
        let wait = input.wait("wait_timeout", request.wait_timeout);
        let maps = input.maps(&request.name, &request.names);
        let single = request.names.is_empty();
        let (include_related, reason) = (request.include_related, request.reason.clone());
        Asked { maps, single, include_related, order: Vec::new(), wait, tag, reason, caller: $caller }
    }};
}

impl Input {
    /// How long a call waits.
    pub fn wait(&mut self, field: &str, wait: Option<prost_types::Duration>) -> Duration {
        let wait = self.span(field, wait).unwrap_or(WAIT_DEFAULT);
        if wait > WAIT_MAX {
            self.wrong(field, "is longer than 1 hour");
        }
        wait
    }

    /// The maps of `name` or of `names`.
    fn maps(&mut self, name: &str, names: &[String]) -> Vec<MapId> {
        if names.is_empty() {
            return self.table_map("name", name).into_iter().collect();
        }
        if !name.is_empty() {
            self.wrong("name", "is given together with names; give one of the two");
        }
        if names.len() > MAPS_MAX {
            self.wrong("names", format!("has {} entries, at most {MAPS_MAX} are taken", names.len()));
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut maps = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let field = format!("names[{index}]");
            if let Some(map) = self.table_map(&field, name) {
                if !seen.insert(map.clone()) {
                    self.wrong(field, format!("{name} is named twice"));
                }
                maps.push(map);
            }
        }
        maps
    }
}

/// Maps that are acted on by the same call as another one.
#[derive(Debug, Clone, Default)]
struct Along {
    /// Those that have to come before it.
    before: Vec<MapId>,
    /// Those that depend on it as it depends on them.
    circle: Vec<MapId>,
}

impl Asked {
    fn request(&self, transition: Transition) -> TransitionRequest {
        TransitionRequest {
            transition,
            actor: self.caller.actor.clone(),
            reason: self.reason.clone(),
            tag: self.tag.clone(),
        }
    }
}

impl Services {
    pub(super) async fn run(
        &self,
        caller: Caller,
        request: proto::RunTableMapRequest,
    ) -> Result<proto::TransitionResponse, CallError> {
        let mut input = Input::default();
        let mut asked = asked!(caller, request, input);
        let mode = input.known::<proto::InitialSyncMode>("initial_sync", request.initial_sync);
        let master = input.side_if_given("master", request.master);
        let (mode, master) = input.with(mode.zip(master))?;
        let before = self.take_along(&mut asked, Unknown::Ask, |state| state == MapState::NotRunning).await?;
        let run = RunRequest {
            initial_sync: mode != proto::InitialSyncMode::Skip,
            master,
            after: Vec::new(),
            circle: Vec::new(),
            validate_only: request.validate_only,
            actor: asked.caller.actor.clone(),
            reason: asked.reason.clone(),
            tag: asked.tag.clone(),
        };
        let copies = run.initial_sync && !run.validate_only;
        let _coming = self.engine.about_to_run(if copies { &asked.maps } else { &[] });
        let mut response = self
            .each(&asked, |id| {
                let Along { before: after, circle } = before.get(&id).cloned().unwrap_or_default();
                let (run, wait) = (RunRequest { after, circle, ..run.clone() }, asked.wait);
                async move { self.engine.run_map(&id, run, wait).await }
            })
            .await?;
        for (result, id) in response.results.iter_mut().zip(&asked.maps) {
            let Some(Outcome::TableMap(_)) = result.outcome else { continue };
            let map = &self.engine.map(id)?.map;
            if request.validate_only {
                let findings = self.engine.check(Some(id), &map.definition).await.findings;
                result.findings = findings.into_iter().map(Into::into).collect();
            }
            let execution = map.execution.filter(|_| copies);
            result.execution = execution.map(|number| names::execution(id, number)).unwrap_or_default();
        }
        Ok(response)
    }

    pub(super) async fn pause(
        &self,
        caller: Caller,
        request: proto::PauseTableMapRequest,
    ) -> Result<proto::TransitionResponse, CallError> {
        let mut input = Input::default();
        let mut asked = asked!(caller, request, input);
        input.done()?;
        self.take_along(&mut asked, Unknown::PassOver, |state| matches!(state, MapState::Running | MapState::Resuming))
            .await?;
        asked.order.reverse();
        self.each_the_same(&asked, &Transition::Pause).await
    }

    pub(super) async fn resume(
        &self,
        caller: Caller,
        request: proto::ResumeTableMapRequest,
    ) -> Result<proto::TransitionResponse, CallError> {
        let mut input = Input::default();
        let mut asked = asked!(caller, request, input);
        let option = input.known("option", request.option).map(|option| match option {
            proto::ResumeOption::Unspecified | proto::ResumeOption::CatchUp => ResumeOption::CatchUp,
            proto::ResumeOption::SkipAndKeep => ResumeOption::SkipAndKeep,
            proto::ResumeOption::SkipAndDiscard => ResumeOption::SkipAndDiscard,
        });
        let option = input.with(option)?;
        self.take_along(&mut asked, Unknown::PassOver, |state| state == MapState::Paused).await?;
        self.each_the_same(&asked, &Transition::Resume(option)).await
    }

    pub(super) async fn skip_to_live(
        &self,
        caller: Caller,
        request: proto::SkipToLiveRequest,
    ) -> Result<proto::TransitionResponse, CallError> {
        let mut input = Input::default();
        let mut asked = asked!(caller, request, input);
        let left_over = input.known("queued_records", request.queued_records).map(left_over);
        let left_over = input.with(left_over)?.unwrap_or(LeftOver::Keep);
        self.take_along(&mut asked, Unknown::PassOver, |state| state == MapState::Resuming).await?;
        self.each_the_same(&asked, &Transition::SkipToLive(left_over)).await
    }

    pub(super) async fn stop(
        &self,
        caller: Caller,
        request: proto::StopTableMapRequest,
    ) -> Result<proto::TransitionResponse, CallError> {
        let mut input = Input::default();
        let mut asked = asked!(caller, request, input);
        let left_over = input.known("queued_records", request.queued_records).map(left_over);
        let left_over = input.with(left_over)?;
        self.take_along(&mut asked, Unknown::PassOver, |state| state != MapState::NotRunning).await?;
        asked.order.reverse();
        self.each_the_same(&asked, &Transition::Stop(left_over)).await
    }

    pub(super) async fn skip_initial_sync(
        &self,
        actor: String,
        request: proto::SkipInitialSyncRequest,
    ) -> Result<proto::Execution, CallError> {
        let mut input = Input::default();
        let tag = input.tag(&request.request_id, &request);
        input.reason(&request.reason);
        let wait = input.wait("wait_timeout", request.wait_timeout);
        let named = if request.name.contains("/executions/") {
            input.execution("name", &request.name).map(|(map, number)| (map, Some(number)))
        } else {
            input.table_map("name", &request.name).map(|map| (map, None))
        };
        let (id, number) = input.with(named)?;
        if let Some(number) = number {
            self.engine.execution(&id, number)?;
            if self.engine.map(&id)?.map.execution != Some(number) {
                let mut input = Input::default();
                input.wrong("name", format!("execution {number} is not the latest of its map"));
                input.done()?;
            }
        }
        let transition = Transition::SkipInitialSync;
        let request = TransitionRequest { transition, actor, reason: request.reason, tag };
        let map = self.engine.transition(&id, request, wait).await?;
        let latest = map.execution.ok_or(EngineError::ExecutionNotFound { map: id.clone(), number: 0 })?;
        Ok(super::executions::shown(&id, &self.engine.execution(&id, latest)?))
    }

    /// Adds the related maps that are in a state to be acted on, when they are asked for, and says in which order. Answers
    /// what each of them has to do with the others.
    async fn take_along(
        &self,
        asked: &mut Asked,
        unknown: Unknown,
        fits: impl Fn(MapState) -> bool,
    ) -> Result<HashMap<MapId, Along>, CallError> {
        let named: BTreeSet<MapId> = asked.maps.iter().cloned().collect();
        let missing = named.iter().any(|id| self.engine.map(id).is_err());
        // What is missing fails by itself. Only runs go by an order of their own, since their copies do.
        let in_order = named.len() > 1 && unknown == Unknown::Ask;
        if missing || !(asked.include_related || in_order) {
            return Ok(HashMap::new());
        }
        let dependencies = match self.engine.dependencies(named.clone(), unknown).await {
            Ok(dependencies) => dependencies,
            Err(error) if asked.include_related => return Err(error.into()),
            Err(_) => return Ok(HashMap::new()), // an application is away: each map says so
        };
        if asked.include_related {
            for id in &asked.maps {
                let Related { order, cycles } = related(id, &dependencies);
                if !cycles.is_empty() {
                    return Err(EngineError::RelatedCycle { map: id.clone(), cycles }.into());
                }
                asked.order.extend(order);
            }
            let mut seen = HashSet::new();
            asked.order.retain(|id| {
                let state = self.engine.map(id).map(|view| view.map.state);
                (named.contains(id) || state.is_ok_and(&fits)) && seen.insert(id.clone())
            });
            let along = asked.order.iter().filter(|id| !named.contains(*id));
            asked.maps.extend(along.cloned());
            // Which maps are related is known only now.
            access::check_maps(&asked.caller, "include_related", &asked.maps)?;
        }
        // Those before a map that it depends on or that depend on it: the order that was named breaks circles.
        let acted_on = if asked.order.is_empty() { &asked.maps } else { &asked.order };
        let reached = |id: &MapId| related(id, &dependencies).order.into_iter().collect::<HashSet<MapId>>();
        let reached: HashMap<&MapId, HashSet<MapId>> = acted_on.iter().map(|id| (id, reached(id))).collect();
        let depends = |map: &MapId, on: &MapId| reached.get(map).is_some_and(|reached| reached.contains(on));
        let mut before = HashMap::new();
        for (place, map) in acted_on.iter().enumerate() {
            let earlier = acted_on[..place].iter().filter(|other| depends(map, other) || depends(other, map));
            let circle = acted_on.iter().filter(|other| *other != map && depends(map, other) && depends(other, map));
            let along = Along { before: earlier.cloned().collect(), circle: circle.cloned().collect() };
            before.insert(map.clone(), along);
        }
        if asked.order.is_empty() && before.values().any(|along| !along.before.is_empty()) {
            asked.order.clone_from(&asked.maps); // one after another, so that each finds those before it begun
        }
        Ok(before)
    }

    pub(super) async fn list_related(
        &self,
        request: &proto::ListRelatedTableMapsRequest,
    ) -> Result<proto::ListRelatedTableMapsResponse, CallError> {
        let mut input = Input::default();
        let id = input.table_map("name", &request.name);
        let id = input.with(id)?;
        let Related { order, cycles } = self.engine.related(&id).await?;
        let shown = |id: &MapId| self.shown(&self.engine.map(id)?.map);
        Ok(proto::ListRelatedTableMapsResponse {
            table_maps: order.iter().map(shown).collect::<Result<_, CallError>>()?,
            cycles: cycles
                .iter()
                .map(|cycle| proto::TableMapCycle { table_maps: cycle.iter().map(names::table_map).collect() })
                .collect(),
        })
    }

    async fn each_the_same(
        &self,
        asked: &Asked,
        transition: &Transition,
    ) -> Result<proto::TransitionResponse, CallError> {
        self.each(asked, |id| {
            let request = asked.request(transition.clone());
            async move { self.engine.transition(&id, request, asked.wait).await }
        })
        .await
    }

    /// Does the same to every map, several at a time; one that cannot holds up no other.
    async fn each<F>(&self, asked: &Asked, act: impl Fn(MapId) -> F) -> Result<proto::TransitionResponse, CallError>
    where
        F: Future<Output = Result<TableMap, EngineError>>,
    {
        let mut ended = HashMap::new();
        if asked.order.is_empty() {
            let acts: Vec<_> = asked.maps.iter().map(|id| act(id.clone())).collect();
            let all: Vec<_> = futures::stream::iter(acts).buffered(AT_ONCE_MAX).collect().await;
            ended.extend(asked.maps.iter().cloned().zip(all));
        } else {
            for id in &asked.order {
                ended.insert(id.clone(), act(id.clone()).await);
            }
        }
        let mut results = Vec::with_capacity(asked.maps.len());
        for (place, id) in asked.maps.iter().enumerate() {
            let Some(ended) = ended.remove(id) else { continue };
            let ended = if place == 0 && asked.single { Ok(ended?) } else { ended };
            results.push(self.told(id, ended));
        }
        Ok(proto::TransitionResponse { results })
    }

    fn told(&self, id: &MapId, ended: Result<TableMap, EngineError>) -> proto::TransitionResult {
        let findings = match &ended {
            Err(EngineError::Findings { findings, .. }) => findings.iter().cloned().map(Into::into).collect(),
            _ => Vec::new(),
        };
        let outcome = match ended.map_err(CallError::from).and_then(|map| self.shown(&map)) {
            Ok(map) => Outcome::TableMap(map),
            Err(error) => Outcome::Error(answers::as_message(&error.into())),
        };
        proto::TransitionResult { findings, ..result(id, outcome) }
    }
}

fn result(id: &MapId, outcome: Outcome) -> proto::TransitionResult {
    let name = names::table_map(id);
    proto::TransitionResult { name, outcome: Some(outcome), findings: Vec::new(), execution: String::new() }
}

fn left_over(disposition: proto::QueuedRecordsDisposition) -> Option<LeftOver> {
    match disposition {
        proto::QueuedRecordsDisposition::Unspecified => None,
        proto::QueuedRecordsDisposition::Keep => Some(LeftOver::Keep),
        proto::QueuedRecordsDisposition::Discard => Some(LeftOver::Discard),
    }
}
