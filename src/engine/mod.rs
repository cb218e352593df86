//! What the product does. The services call `Engine`; it asks `model` what is to happen, `store` to keep it, and
//! `connectors` to carry it out.

mod alert_settings;
pub mod alerts;
pub mod applications;
pub mod catalog;
pub mod clock;
mod conditions;
pub mod delivery;
pub mod error;
pub mod groups;
mod initial_sync;
pub mod jobs;
pub mod log;
pub mod map;
mod outbox;
pub mod reading;
pub mod related;
pub mod tail;
pub mod tasks;

use crate::connectors::notify::Notifiers;
use crate::model::change::{Answer, Cause, Change, Operation};
use crate::model::execution::ErrorLimits;
use crate::model::ids::MapId;
use crate::model::mapping::Violation;
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::model::table_map::{Side, TableMap};
use crate::store::Store;
use alert_settings::AlertSettings;
use applications::Applications;
use chrono::{DateTime, Utc};
use clock::Clock;
use delivery::Deliveries;
use error::EngineError;
use lru::LruCache;
use map::{Command, Context, MapHandle, MapView, TransitionRequest};
use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;
use tasks::Tasks;
use tokio::sync::{oneshot, watch};

/// Maps read from the store at one time when the engine starts.
const MAPS_AT_ONCE: usize = 256;
/// Deletions whose requests are remembered; their maps can remember nothing.
const DELETIONS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// A change as a caller sends it, in the source's columns.
#[derive(Debug, Clone)]
pub struct NewChange {
    pub source: Side,
    pub operation: Operation,
    pub record: Row,
    pub previous_key: Option<Row>,
    pub source_time: Option<DateTime<Utc>>,
    pub change_id: Arc<str>,
    pub correlation_id: Arc<str>,
}

/// How somebody is told of alerts.
#[derive(Default)]
pub struct Notifying {
    pub notifiers: Notifiers,
    /// Where this server is called, for the commands in mails.
    pub address: String,
}

/// A change that was handed over; resolves to its answer. A caller that drops it has gone: what was not begun for it is
/// left, what was queued is kept.
#[derive(Debug)]
pub struct PendingAnswer {
    answer: oneshot::Receiver<Result<Answer, EngineError>>,
    tasks: Tasks,
}

impl Future for PendingAnswer {
    type Output = Result<Answer, EngineError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(context).map(|answer| {
            let answer = answer.unwrap_or(Err(EngineError::NotReady));
            answer.map_err(|error| error.at_shutdown(self.tasks.token().is_cancelled()))
        })
    }
}

/// The engine: all maps and their work.
pub struct Engine {
    context: Context,
    maps: RwLock<BTreeMap<MapId, Arc<MapHandle>>>,
    /// Maps are created one at a time, so that two calls for one name cannot both succeed.
    creating: tokio::sync::Mutex<()>,
    /// Requests that deleted maps, by id with fingerprint and map. A restart forgets them.
    deletions: Mutex<LruCache<String, (u64, MapId)>>,
}

impl Engine {
    /// The parts of a backup of all that is kept. Making one blocks while it reads.
    pub fn backup(&self) -> Box<dyn Iterator<Item = Result<Vec<u8>, EngineError>> + Send> {
        let parts = self.context.store.backup(self.context.clock.now());
        Box::new(parts.map(|part| part.map_err(EngineError::from)))
    }

    /// Starts the work of every map that the store has.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        applications: Applications,
        tasks: Tasks,
        error_limits: ErrorLimits,
        notifying: Notifying,
    ) -> Result<Arc<Engine>, EngineError> {
        let deliveries = Arc::new(Deliveries::new(applications.clone(), clock.clone(), tasks.clone()));
        let coming = Arc::new(watch::Sender::default());
        let alert_settings = Arc::new(AlertSettings::load(&*store)?);
        let Notifying { notifiers, address } = notifying;
        let outbox = Arc::default();
        let context = Context {
            store,
            clock,
            applications,
            deliveries,
            tasks,
            error_limits,
            coming,
            alert_settings,
            notifiers: Arc::new(notifiers),
            address: address.into(),
            outbox,
        };
        context.tasks.spawn(outbox::run(context.clone()));
        let mut maps = BTreeMap::new();
        let mut after: Option<MapId> = None;
        loop {
            let page = context.store.maps(after.as_ref(), MAPS_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for map in page {
                maps.insert(map.id.clone(), MapHandle::start(context.clone(), map));
            }
        }
        tracing::info!(maps = maps.len(), "the engine works");
        Ok(Arc::new(Engine {
            context,
            maps: RwLock::new(maps),
            creating: tokio::sync::Mutex::new(()),
            deletions: Mutex::new(LruCache::new(DELETIONS_MAX)),
        }))
    }

    pub fn applications(&self) -> &Applications {
        &self.context.applications
    }

    pub fn tasks(&self) -> &Tasks {
        &self.context.tasks
    }

    fn handle(&self, map: &MapId) -> Result<Arc<MapHandle>, EngineError> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps.get(map).cloned().ok_or_else(|| EngineError::MapNotFound(map.clone()))
    }

    /// A map as it is now.
    pub fn map(&self, map: &MapId) -> Result<Arc<MapView>, EngineError> {
        Ok(self.handle(map)?.view())
    }

    /// All maps as they are now, by id.
    pub fn maps(&self) -> Vec<Arc<MapView>> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps.values().map(|map| map.view()).collect()
    }

    /// What is wrong with a change by itself; nothing while the map has never run, since then nothing can be said.
    pub fn violations(&self, map: &MapId, new: NewChange) -> Result<Vec<Violation>, EngineError> {
        let view = self.map(map)?;
        let Some(plan) = view.plan.as_ref() else { return Ok(Vec::new()) };
        let checked = plan.check(new.source, new.operation, new.record, new.previous_key);
        Ok(checked.err().unwrap_or_default())
    }

    /// Takes a change in. What comes back resolves to the change's answer; changes are taken in the order of these
    /// calls, which wait while the map has no place for more.
    pub async fn write(&self, map: &MapId, new: NewChange) -> Result<PendingAnswer, EngineError> {
        let handle = self.handle(map)?;
        let view = handle.view();
        let stopped = || EngineError::MapNotRunning { map: map.clone() };
        let runs = view.map.state != MapState::NotRunning;
        // Rule 4: one with an id may have been taken before the map was stopped; its task knows.
        let Some(plan) = view.plan.as_ref().filter(|_| runs || !new.change_id.is_empty()) else {
            return Err(stopped());
        };
        let checked = plan
            .check(new.source, new.operation, new.record, new.previous_key)
            .map_err(|violations| if runs { EngineError::Invalid(violations) } else { stopped() })?;
        let change = Change {
            source: new.source,
            operation: new.operation,
            key: checked.key,
            previous_key: checked.previous_key,
            row: checked.row,
            source_time: new.source_time,
            change_id: new.change_id,
            correlation_id: new.correlation_id,
            cause: Cause::Caller,
            over: None,
        };
        let (reply, answer) = oneshot::channel();
        let sent = handle.send(Command::Write { change, reply }).await;
        sent.map_err(|error| self.at_shutdown(error))?;
        Ok(PendingAnswer { answer, tasks: self.context.tasks.clone() })
    }

    /// Carries a transition out; answered when its state is reached. After `deadline`, and when the caller has gone, it
    /// goes on without.
    pub async fn transition(
        &self,
        map: &MapId,
        request: TransitionRequest,
        deadline: Duration,
    ) -> Result<TableMap, EngineError> {
        let handle = self.handle(map)?;
        let work = async move { handle.ask(|reply| Command::Transition { request, reply }).await };
        self.in_time(map, deadline, work).await
    }

    /// Starts `work` and waits for it until `deadline`; it goes on after that.
    async fn in_time<T: Send + 'static>(
        &self,
        map: &MapId,
        deadline: Duration,
        work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(deadline, self.context.tasks.spawn(work)).await {
            Ok(Ok(result)) => result.map_err(|error| self.at_shutdown(error)),
            Ok(Err(_)) => Err(self.at_shutdown(EngineError::NotReady)),
            Err(_) => Err(EngineError::TimedOut { map: map.clone(), state: self.map(map)?.map.state }),
        }
    }

    /// What looks like a fault while the service ends is its end.
    fn at_shutdown(&self, error: EngineError) -> EngineError {
        error.at_shutdown(self.context.tasks.token().is_cancelled())
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }
}
