//! The work of one table map. Each map has one task that alone decides for it: what is accepted, in which order it goes
//! out, and when its state changes. Everything else talks to it through `MapHandle`.
//!
//! The task starts from what the store holds, and after a fault of the store it starts again from there: opening,
//! recovery and going on after a crash are one way.

mod accept;
mod ahead;
mod alerts;
mod commits;
mod crossing;
mod deletions;
mod drain;
mod entries;
mod entry;
mod executions;
mod jobs;
mod met;
mod next_page;
mod notes;
mod outcome;
mod pending;
mod refresh;
mod retention;
mod retries;
mod shown;
mod task;
mod transition;

pub(super) use accept::CHANGE_BYTES_MAX;
pub(super) use drain::write_of;
pub(super) use shown::Shown;
pub(super) use task::{Running, SELF};
pub(super) use transition::editable;

use super::alert_settings::AlertSettings;
use super::applications::Applications;
use super::clock::Clock;
use super::delivery::Deliveries;
use super::error::EngineError;
use super::tasks::Tasks;
use crate::connectors::notify::Notifiers;
use crate::model::backoff::Backoff;
use crate::model::change::{Answer, Change, ErrorRecord};
use crate::model::execution::{ErrorLimits, Execution};
use crate::model::ids::{AlertId, ExecutionNumber, JobNumber, MapId, QueueSequence};
use crate::model::job::{JobKind, QueueJob, Selection};
use crate::model::mapping::Plan;
use crate::model::request::RequestTag;
use crate::model::row::Row;
use crate::model::state::ResumeOption;
use crate::model::table_map::{Definition, Schemas, Side, TableMap};
use crate::model::throughput::Rates;
use crate::model::under_way::Sent;
use crate::store::Store;
use shown::Looking;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

/// Commands that wait for a map's task; callers wait beyond it.
const COMMANDS_MAX: usize = 4_096;
const RESTART_FIRST: Duration = Duration::from_millis(100);
const RESTART_LONGEST: Duration = Duration::from_secs(10);

/// What every map's task works with.
#[derive(Clone)]
pub struct Context {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub applications: Applications,
    pub deliveries: Arc<Deliveries>,
    pub tasks: Tasks,
    /// When an initial sync gives up.
    pub error_limits: ErrorLimits,
    /// Maps that a call is about to run: copies of others wait for them.
    pub coming: Arc<watch::Sender<BTreeSet<MapId>>>,
    pub alert_settings: Arc<AlertSettings>,
    pub notifiers: Arc<Notifiers>,
    /// Where this server is called.
    pub address: Arc<str>,
    /// Wakes the outbox.
    pub outbox: Arc<Notify>,
}

/// Maps that refer to this one's tables and are referred to by them, and are run together with it.
#[derive(Debug, Clone, Default)]
pub struct Circle {
    pub maps: Vec<MapId>,
    /// Their tables at each side's application.
    pub left_tables: BTreeSet<String>,
    pub right_tables: BTreeSet<String>,
}

impl Circle {
    pub fn tables(&self, side: Side) -> &BTreeSet<String> {
        match side {
            Side::Left => &self.left_tables,
            Side::Right => &self.right_tables,
        }
    }
}

/// The answer to a change, when it is there.
pub type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What is asked of a map.
pub enum Command {
    Write { change: Change, reply: Reply<Answer> },
    Transition { request: TransitionRequest, reply: Reply<TableMap> },
    Update { update: Box<Update>, reply: Reply<TableMap> },
    Delete { deletion: Deletion, reply: Reply<()> },
    BeginJob { job: Box<NewJob>, reply: Reply<QueueJob> },
    Correct { correction: Box<Correction>, reply: Reply<ErrorRecord> },
    CancelJob { number: JobNumber, actor: String, reply: Reply<QueueJob> },
    ApplyAlert { setting: AlertId, reply: Reply<()> },
}

/// A bulk action on errors that someone asks for.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub kind: JobKind,
    pub selection: Selection,
    /// Columns to set, as the source of all of them calls them; empty corrects nothing.
    pub correction: Row,
    pub actor: String,
    /// One that was begun before is answered and not begun again.
    pub tag: Option<RequestTag>,
    /// How many errors were picked, and the last of them; not looked at for all.
    pub total: u64,
    pub last_sequence: u64,
    /// The last failure that was there when they were picked.
    pub through: Option<u64>,
    /// It must be so many, unless it is one; none asks nothing.
    pub confirm: Option<u64>,
}

/// Another row for an error.
#[derive(Debug, Clone)]
pub struct Correction {
    pub sequence: QueueSequence,
    /// All columns but the key's, as the source calls them.
    pub row: Row,
    /// What the error was read with; empty compares nothing.
    pub etag: String,
    pub actor: String,
}

/// A transition that someone asks for, and who.
#[derive(Debug, Clone)]
pub struct TransitionRequest {
    pub transition: Transition,
    pub actor: String,
    /// Why, in the caller's words; goes to the log.
    pub reason: String,
    /// One that was carried out before is answered and not done again.
    pub tag: Option<RequestTag>,
}

#[derive(Debug, Clone)]
pub enum Transition {
    Run {
        /// Both tables, as the map was checked against them just now.
        schemas: Box<Schemas>,
        /// The version of the definition that was checked.
        version: u64,
        initial_sync: bool,
        master: Side,
        /// Maps whose own initial sync has to end before this one's begins.
        after: Vec<MapId>,
        circle: Circle,
    },
    Pause,
    PauseByAlert,
    Resume(ResumeOption),
    SkipToLive(LeftOver),
    /// The initial sync is left as it is.
    SkipInitialSync,
    /// Goes live after an initial sync that ended and left rows.
    RunAfterInitialSync,
    /// Runs the latest execution again.
    Rerun {
        execution: ExecutionNumber,
        retry_errors: bool,
    },
    /// Ends the execution where it is, if it runs.
    CancelExecution {
        execution: ExecutionNumber,
    },
    Stop(Option<LeftOver>),
}

/// What becomes of records that are still queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    Keep,
    Discard,
}

/// A new definition.
#[derive(Debug, Clone)]
pub struct Update {
    pub definition: Definition,
    /// What the definition was read with; empty compares nothing.
    pub etag: String,
    pub author: String,
    pub tag: Option<RequestTag>,
}

/// The end of a map.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// As of an update.
    pub etag: String,
    pub actor: String,
    /// Its errors are deleted with it; else they keep it.
    pub with_errors: bool,
}

/// A map as it is now.
#[derive(Debug, Clone)]
pub struct MapView {
    pub map: TableMap,
    /// Made when the map was first run; before that no change can be checked.
    pub plan: Option<Arc<Plan>>,
}

/// The way to a map's task.
#[derive(Debug)]
pub struct MapHandle {
    commands: mpsc::Sender<Command>,
    looking: Looking,
}

impl MapHandle {
    /// Starts the task of a map that the store has.
    pub fn start(context: Context, map: TableMap) -> Arc<MapHandle> {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (shown, looking) = shown::shown(view_of(&map));
        let tasks = context.tasks.clone();
        tasks.spawn(supervise(context, map.id, inbox, shown));
        Arc::new(MapHandle { commands, looking })
    }

    /// Wakes whenever an execution has come further.
    pub fn execution(&self) -> watch::Receiver<Option<Arc<Execution>>> {
        self.looking.execution.clone()
    }

    /// Wakes whenever a job has come further.
    pub fn jobs(&self) -> watch::Receiver<()> {
        self.looking.jobs.clone()
    }

    /// Wakes whenever the queue is another one.
    pub fn queue(&self) -> watch::Receiver<()> {
        self.looking.queue.clone()
    }

    pub fn rates(&self) -> Rates {
        self.looking.moving.rates()
    }

    /// What is on its way, from sides that `counts` picks.
    pub fn sent(&self, counts: impl Fn(Side) -> bool) -> impl Iterator<Item = Sent> {
        self.looking.moving.sent(counts)
    }

    /// The map as it is; always what the store acknowledged last.
    pub fn view(&self) -> Arc<MapView> {
        self.looking.view.borrow().clone()
    }

    /// Waits for a place in the map's inbox; the order of calls is the order of the map.
    pub async fn send(&self, command: Command) -> Result<(), EngineError> {
        self.commands.send(command).await.map_err(|_| EngineError::NotReady)
    }

    /// Sends what `command` makes of a reply and waits for it.
    pub async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.unwrap_or(Err(EngineError::NotReady))
    }
}

fn view_of(map: &TableMap) -> MapView {
    let plan = map.schemas.as_deref().and_then(|schemas| Plan::new(map, schemas)).map(Arc::new);
    MapView { map: map.clone(), plan }
}

/// Keeps a map's task running until the map is deleted or the service ends.
async fn supervise(context: Context, map: MapId, mut commands: mpsc::Receiver<Command>, shown: Shown) {
    let mut backoff = Backoff::new(RESTART_FIRST, RESTART_LONGEST);
    loop {
        let begun = Instant::now();
        match task::MapTask::open(&context, &map, &shown) {
            Ok(Some(task)) => match task.run(&mut commands).await {
                Ok(()) => return,
                Err(error) => tracing::error!(%map, %error, "the map's work is started again from the store"),
            },
            Ok(None) => return,
            Err(error) => tracing::error!(%map, %error, "the map's work cannot start"),
        }
        if begun.elapsed() > RESTART_LONGEST {
            backoff.reset(); // it worked for a while, so this is another fault
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next(rand::random())) => {}
            () = context.tasks.token().cancelled() => return,
        }
    }
}
