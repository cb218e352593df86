//! The task itself: what it keeps, and the loop that turns what comes in into commits and writes.

use super::accept::{Arrival, Enqueueing};
use super::alerts::Alerts;
use super::commits::Ends;
use super::drain::Drain;
use super::entry::Entry;
use super::executions::Copier;
use super::jobs::Jobs;
use super::notes::Notes;
use super::outcome::FoldedErrors;
use super::pending::PendingKeys;
use super::refresh::Reads;
use super::retention::Purging;
use super::{Command, Context, Reply, Shown, view_of};
use crate::engine::delivery::{Destination, Down, Gate, Outcomes, Priority};
use crate::engine::error::EngineError;
use crate::engine::initial_sync::CopyEnd;
use crate::engine::tasks::step_aside;
use crate::model::activity::{Event, EventError, EventKind, Severity};
use crate::model::change::Answer;
use crate::model::echo::EchoMemory;
use crate::model::ids::{MapId, QueueSequence};
use crate::model::lanes::Ticket;
use crate::model::limits::QueueGate;
use crate::model::mapping::Plan;
use crate::model::schema::TableSchema;
use crate::model::state::MapState;
use crate::model::table_map::{Side, TableMap};
use crate::store::{Operation, Receipt, StoreError};
use chrono::{DateTime, Utc};
use foldhash::{HashMap, HashSet};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// Commands taken at one time; what comes together goes into one commit.
const COMMANDS_AT_ONCE: usize = 1024;
/// Both sides of something.
#[derive(Debug, Default)]
pub(crate) struct Sides<T> {
    pub left: T,
    pub right: T,
}

impl<T> Sides<T> {
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

/// One side as a destination, while the map has a plan.
pub(crate) struct SideTable {
    pub destination: Destination,
    pub table: Arc<TableSchema>,
    /// What was written to it last; shared with the initial sync, which writes to it too. None where its changes go nowhere.
    pub echo: Option<Arc<Mutex<EchoMemory>>>,
    status: watch::Receiver<Option<Down>>,
    /// Whether the log says that it is down.
    logged_down: bool,
    /// Failed probes of this outage that alerts have counted.
    probes_counted: u64,
}

impl SideTable {
    pub fn echo(&self) -> Option<std::sync::MutexGuard<'_, EchoMemory>> {
        self.echo.as_deref().map(|echo| echo.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the map runs with: made when it has a plan, made anew when a run brings a new one.
pub(crate) struct Running {
    pub plan: Arc<Plan>,
    pub sides: Sides<SideTable>,
}

/// A change with an id whose answer is not in the store yet.
pub(super) struct Unanswered {
    pub fingerprint: u64,
    /// The answer, when there is one that is on its way to the store.
    pub answer: Option<Answer>,
    /// Repeats of it that came meanwhile; they get its answer.
    pub waiters: Vec<Reply<Answer>>,
}

pub(super) struct MapTask {
    pub context: Context,
    pub shown: Shown,
    pub map: TableMap,
    pub running: Option<Running>,
    /// The last sequence that is in the store. Set by the commit that enqueues.
    pub last_queued: QueueSequence,
    /// When the last queued record was accepted.
    pub last_accepted: DateTime<Utc>,
    /// What is queued in the store, less what has left since by operations that are on their way to it.
    pub queued: u64,
    pub queued_bytes: u64,
    pub queue_gate: QueueGate,
    /// Whether the log says that the queue is near its limit; ended when it is under it again.
    pub warned_of_limit: bool,
    /// Diverted records are still to be moved.
    pub diverting: bool,
    /// Catch-up errors, and failed rows of the latest execution.
    pub in_error: u64,
    pub rows_failed: u64,
    pub notes: Notes,
    pub jobs: Jobs,
    pub purging: Purging,
    pub alerts: Alerts,
    pub pending: PendingKeys,
    /// Changes that wait for the next commit that enqueues, and their bytes.
    pub arriving: VecDeque<Arrival>,
    pub arriving_bytes: u64,
    pub enqueueing: Option<Enqueueing>,
    pub unanswered: HashMap<Arc<str>, Unanswered>,
    pub drain: Drain,
    /// Rows that refreshes read at their source.
    pub reads: Reads,
    pub pass_gate: Gate,
    outcomes_sender: mpsc::Sender<Outcomes>,
    outcomes: mpsc::Receiver<Outcomes>,
    /// What goes into the next lazy commit: all that nobody waits for.
    pub operations: Vec<Operation>,
    /// Records that reached their destination and leave the queue with the next commit.
    pub applied: Vec<QueueSequence>,
    /// Records that the store still shows as queued, until the commits that take them out are done.
    pub leaving: HashSet<QueueSequence>,
    /// What the next lazy commit ends.
    pub ends_next: Ends,
    pub lazy: FuturesUnordered<BoxFuture<'static, (Result<Receipt, StoreError>, Ends)>>,
    pub folded: Option<FoldedErrors>,
    pub copier: Option<Copier>,
    pub copy_ends_sender: mpsc::Sender<CopyEnd>,
    copy_ends: mpsc::Receiver<CopyEnd>,
    /// The copy of the current run is done; what was queued meanwhile is written.
    pub copied: bool,
}

impl MapTask {
    /// The task of a map as the store has it; none when the map was deleted.
    pub fn open(context: &Context, id: &MapId, shown: &Shown) -> Result<Option<MapTask>, EngineError> {
        let Some(map) = context.store.map(id)? else { return Ok(None) };
        let head = context.store.head(id)?;
        // Every item under way has its place here, so that a destination never waits for a map (see `Item::outcomes`).
        let (outcomes_sender, outcomes) = mpsc::channel(super::drain::ENTRIES_MAX);
        let (copy_ends_sender, copy_ends) = mpsc::channel(1);
        let mut task = MapTask {
            context: context.clone(),
            shown: shown.clone(),
            running: None,
            last_queued: head.last_queued,
            last_accepted: head.last_accepted.unwrap_or(DateTime::UNIX_EPOCH),
            queued: head.figures.queued(),
            queued_bytes: head.figures.queued_bytes,
            queue_gate: QueueGate::default(),
            warned_of_limit: false,
            diverting: head.diverting,
            in_error: head.figures.in_error(),
            rows_failed: 0,
            notes: Notes::default(),
            jobs: Jobs::default(),
            purging: Purging::default(),
            alerts: Alerts::default(),
            pending: PendingKeys::default(),
            arriving: VecDeque::new(),
            arriving_bytes: 0,
            enqueueing: None,
            unanswered: HashMap::default(),
            drain: Drain::default(),
            reads: Reads::default(),
            pass_gate: Gate::default(),
            outcomes_sender,
            outcomes,
            operations: Vec::new(),
            applied: Vec::new(),
            leaving: HashSet::default(),
            ends_next: Ends::default(),
            lazy: FuturesUnordered::new(),
            folded: None,
            copier: None,
            copy_ends_sender,
            copy_ends,
            copied: false,
            map,
        };
        task.prepare()?;
        task.rebuild_pending()?;
        task.continue_initial_sync()?;
        task.rows_failed = task.latest_execution()?.map_or(0, |execution| execution.failed());
        task.load_jobs()?;
        task.load_alerts()?;
        task.publish();
        Ok(Some(task))
    }

    /// Makes what the map runs with from its definition and schemas.
    pub fn prepare(&mut self) -> Result<(), EngineError> {
        self.running = None;
        let Some(plan) = view_of(&self.map).plan else { return Ok(()) };
        let Some(schemas) = self.map.schemas.as_deref() else { return Ok(()) };
        let side = |side: Side| -> Result<SideTable, EngineError> {
            let table = self.map.definition.table(side);
            let destination = self.context.deliveries.to(&table.application, &table.table)?;
            Ok(SideTable {
                status: destination.status(),
                destination,
                table: Arc::new(schemas.table(side).clone()),
                echo: plan.carries(side).then(Arc::default),
                logged_down: false,
                probes_counted: 0,
            })
        };
        match (side(Side::Left), side(Side::Right)) {
            (Ok(left), Ok(right)) => self.running = Some(Running { plan, sides: Sides { left, right } }),
            (Err(error), _) | (_, Err(error)) => {
                // The configuration no longer has the application: the map keeps what it has and waits for it.
                tracing::error!(map = %self.map.id, %error, "the map cannot work until its applications are configured");
            }
        }
        Ok(())
    }

    /// Runs until the map is deleted or the service ends (`Ok`), or the store fails (`Err`; what was acknowledged is kept).
    pub async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), EngineError> {
        let result = self.work(commands).await;
        self.pass_gate.close();
        self.sweep();
        if let Some(copier) = self.copier.take() {
            copier.stop().await;
        }
        if result.is_ok() {
            self.log_folded(); // nobody comes back at the end of its second
            self.finish_lazy().await?; // some are answered when it is done
        }
        result
    }

    async fn work(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), EngineError> {
        let token = self.context.tasks.token().clone();
        let mut taken = Vec::new();
        loop {
            let more = self.pump().await?;
            let blocked = self.drain.blocked_side();
            let place = blocked.and_then(|side| Some(self.running.as_ref()?.sides.get(side).destination.clone()));
            let (left, right) = match &mut self.running {
                Some(running) => (Some(&mut running.sides.left.status), Some(&mut running.sides.right.status)),
                None => (None, None),
            };
            tokio::select! {
                result = wait_for(&mut self.enqueueing) => {
                    self.enqueued(result)?;
                    step_aside().await;
                }
                Some(outcomes) = self.outcomes.recv() => {
                    self.settle(outcomes);
                    while let Ok(outcomes) = self.outcomes.try_recv() {
                        self.settle(outcomes);
                    }
                }
                read = self.drain.next_page.is_read() => read?,
                Some(read) = self.reads.next() => self.refreshed(read),
                Some((result, ends)) = self.lazy.next() => self.lazily_done(result, ends)?,
                count = commands.recv_many(&mut taken, COMMANDS_AT_ONCE), if super::accept::has_room(&self.arriving) && self.drain.has_room() => {
                    if count == 0 {
                        return Ok(());
                    }
                    let mut taken = taken.drain(..).peekable();
                    while let Some(command) = taken.next() {
                        if let Command::Write { change, reply } = command {
                            let mut writes = vec![(change, reply)];
                            while let Some(Command::Write { change, reply }) = taken.next_if(|next| matches!(next, Command::Write { .. })) {
                                writes.push((change, reply));
                            }
                            self.accept(writes)?;
                        } else if self.command(command).await? {
                            return Ok(());
                        }
                    }
                }
                Some(end) = self.copy_ends.recv() => self.copy_ended(end).await?,
                () = changed(left) => self.log_destination(Side::Left),
                () = changed(right) => self.log_destination(Side::Right),
                () = room_at(place) => {}
                () = super::outcome::fold_ends(&self.folded) => self.log_folded(),
                () = self.purging.wait() => self.purging.look(),
                () = self.alerts.wait() => self.look_at_alerts().await?,
                () = tokio::task::yield_now(), if more => {}
                () = token.cancelled() => return Ok(()),
            }
        }
    }

    /// Does all that can be done now without waiting for anything but a place in the store's channel.
    /// True when it has to look further at once.
    async fn pump(&mut self) -> Result<bool, EngineError> {
        self.fire_alerts().await?;
        self.load();
        let more = self.look_ahead()? | self.take_errors()? | self.delete_some()? | self.purge_some()?;
        if self.dispatch()? {
            step_aside().await;
        }
        self.enqueue().await?;
        if self.has_room_for_lazy() {
            if self.diverting && self.lazy.is_empty() {
                self.continue_divert()?;
            }
            self.submit_lazy().await?;
        }
        self.end_what_is_done().await?;
        Ok(more)
    }

    /// Answers true when the map is gone.
    async fn command(&mut self, command: Command) -> Result<bool, EngineError> {
        match command {
            Command::Write { change, reply } => self.accept(vec![(change, reply)])?,
            Command::Transition { request, reply } => {
                let result = self.transition(request).await;
                return self.answered(result, reply).map(|()| false);
            }
            Command::Update { update, reply } => {
                let result = self.update(*update).await;
                return self.answered(result, reply).map(|()| false);
            }
            Command::BeginJob { job, reply } => {
                let result = self.begin_job(*job).await;
                return self.answered(result, reply).map(|()| false);
            }
            Command::Correct { correction, reply } => {
                let result = self.correct(*correction).await;
                return self.answered(result, reply).map(|()| false);
            }
            Command::CancelJob { number, actor, reply } => {
                let result = self.cancel_job(number, actor).await;
                return self.answered(result, reply).map(|()| false);
            }
            Command::ApplyAlert { setting, reply } => {
                let result = self.apply_alert(&setting).await;
                return self.answered(result, reply).map(|()| false);
            }
            Command::Delete { deletion, reply } => {
                let result = self.delete(deletion).await;
                let gone = result.is_ok();
                return self.answered(result, reply).map(|()| gone);
            }
        }
        Ok(false)
    }

    /// Answers a caller. A failure of the store is the task's own as well: it starts again from what the store has.
    fn answered<T>(&self, result: Result<T, EngineError>, reply: Reply<T>) -> Result<(), EngineError> {
        let fault = match &result {
            Err(EngineError::Store(StoreError::Full { .. })) | Ok(_) => None,
            Err(EngineError::Store(error)) => {
                Some(StoreError::Engine { doing: "keeping a map's change of state", source: error.to_string().into() })
            }
            Err(_) => None,
        };
        let _ = reply.send(result);
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Whether changes of one side can cross those of the other.
    pub fn goes_both_ways(&self) -> bool {
        self.running.as_ref().is_some_and(|running| Side::BOTH.iter().all(|side| running.plan.carries(*side)))
    }

    /// Shows the map as it is now.
    pub fn publish(&self) {
        self.shown.view(view_of(&self.map));
    }

    /// Drops what a copy said that was stopped.
    pub fn forget_copy_end(&mut self) {
        let _ = self.copy_ends.try_recv();
    }

    pub fn outcomes_sender(&self) -> mpsc::Sender<Outcomes> {
        self.outcomes_sender.clone()
    }

    /// The next outcomes, for a transition that lets what is under way end first.
    pub async fn next_outcomes(&mut self) {
        if let Some(outcomes) = self.outcomes.recv().await {
            self.settle(outcomes);
        }
    }

    /// Has destinations give back what is no longer to be written.
    pub fn sweep(&self) {
        if let Some(running) = &self.running {
            running.sides.left.destination.sweep();
            running.sides.right.destination.sweep();
        }
    }

    /// An event of this map, now, that leaves its state as it is.
    pub fn event(&self, kind: EventKind, severity: Severity, summary: String) -> Event {
        Event {
            time: self.context.clock.now(),
            kind,
            severity,
            actor: SELF.to_owned(),
            state_before: Some(self.map.state),
            state_after: Some(self.map.state),
            summary,
            counts: BTreeMap::new(),
            error: None,
            conflict: None,
        }
    }

    /// Says in the log that a destination went down or came back.
    fn log_destination(&mut self, side: Side) {
        if self.map.state == MapState::NotRunning {
            return;
        }
        let Some(running) = &mut self.running else { return };
        let table = running.sides.get_mut(side);
        let down = table.status.borrow_and_update().clone();
        let logged_down = table.logged_down;
        let probes = down.as_ref().map_or(0, |down| down.probes);
        let failed = probes.saturating_sub(std::mem::replace(&mut table.probes_counted, probes));
        self.count_outage(down.as_ref(), failed);
        let Some(running) = &mut self.running else { return };
        let table = running.sides.get_mut(side);
        if down.is_some() == logged_down {
            return;
        }
        table.logged_down = down.is_some();
        let application = table.destination.application().clone();
        let mut event = match &down {
            Some(down) => self.event(
                EventKind::DestinationDown,
                Severity::Warning,
                format!("{application} cannot be written: {}; changes for it wait in order", down.failure),
            ),
            None => self.event(
                EventKind::DestinationUp,
                Severity::Info,
                format!("{application} answers again; what waits goes on"),
            ),
        };
        event.error = down.map(|down| EventError {
            kind: down.failure.kind,
            code: down.failure.code,
            message: down.failure.message,
            key: Default::default(),
            correlation_id: String::new(),
        });
        self.later(Operation::Log(event));
    }

    pub fn entry(&self, ticket: Ticket) -> Option<&Entry> {
        self.drain.entry(ticket)
    }
}

/// Who is named in the log when the service itself did it.
pub(crate) const SELF: &str = "tandem";

async fn wait_for(enqueueing: &mut Option<Enqueueing>) -> Result<Receipt, StoreError> {
    match enqueueing {
        Some(enqueueing) => (&mut enqueueing.commit).await,
        None => std::future::pending().await,
    }
}

async fn changed(status: Option<&mut watch::Receiver<Option<Down>>>) {
    match status {
        Some(status) => {
            if status.changed().await.is_err() {
                std::future::pending().await
            }
        }
        None => std::future::pending().await,
    }
}

/// Ends when the destination has a place; the place itself is taken by the next dispatch.
async fn room_at(destination: Option<Destination>) {
    match destination {
        Some(destination) => drop(destination.place(Priority::Change).await),
        None => std::future::pending().await,
    }
}
