//! Someone who pauses, resumes, skips, stops and runs one map, and knows in which states it may be.

use super::applications::{COPIES, ITEMS, NOTES};
use super::findings::{Dice, Findings, Promise};
use super::support::world::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use tandem::services::proto::queue_service_client::QueueServiceClient;
use tandem::services::proto::sync_service_client::SyncServiceClient;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::transition_result::Outcome;
use tandem::services::proto::*;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::Channel;

use TableMapState::{Initializing, NotRunning, Paused, Resuming, Running};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Pause,
    CatchUp,
    SkipAndKeep,
    SkipAndDiscard,
    SkipToLive,
    StopAndKeep,
    RunLive,
    RunCopy,
    SkipCopy,
}

impl Act {
    /// The state that is answered, and those that it leads to by itself.
    fn leads_to(self) -> &'static [TableMapState] {
        match self {
            Act::Pause => &[Paused],
            Act::CatchUp => &[Resuming, Running],
            Act::SkipAndKeep | Act::SkipAndDiscard | Act::SkipToLive | Act::RunLive | Act::SkipCopy => &[Running],
            Act::StopAndKeep => &[NotRunning],
            Act::RunCopy => &[Initializing, Running],
        }
    }
}

/// What is done to a map in a state, as often as it stands here.
fn acts(map: &str, state: TableMapState) -> &'static [Option<Act>] {
    use Act::*;
    match (map, state) {
        (ITEMS, Paused) => &[
            Some(CatchUp),
            Some(CatchUp),
            Some(CatchUp),
            Some(CatchUp),
            Some(CatchUp),
            Some(SkipAndKeep),
            Some(SkipAndDiscard),
            Some(StopAndKeep),
            None,
        ],
        (ITEMS, Resuming) => &[Some(Pause), Some(Pause), Some(SkipToLive), Some(StopAndKeep), None],
        (ITEMS | NOTES, Running) => &[Some(Pause), Some(Pause), Some(Pause), Some(StopAndKeep), None],
        (COPIES, Running) => &[Some(Pause), Some(StopAndKeep), Some(StopAndKeep), None],
        (COPIES, Initializing) => &[Some(SkipCopy), Some(StopAndKeep), None, None, None, None],
        (COPIES, NotRunning) => &[Some(RunCopy), Some(RunCopy), Some(RunCopy), Some(RunLive)],
        (NOTES | COPIES, Paused) => &[Some(CatchUp), Some(CatchUp), Some(StopAndKeep), None],
        (NOTES | COPIES, Resuming) => &[Some(Pause), Some(SkipToLive), None],
        (_, NotRunning) => &[Some(RunLive)],
        (_, Running | Resuming) => &[Some(Pause), None],
        (_, Paused) => &[Some(CatchUp)],
        _ => &[None],
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Asked, and not answered.
    Open,
    Done,
    Refused,
}

pub struct Operator {
    pub map: &'static str,
    /// The states that the map may be in.
    possible: BTreeSet<i32>,
    /// All that was asked for; the reason that goes to the log says its place.
    pub asked: Vec<(Act, Fate)>,
    dice: Dice,
    findings: Arc<Findings>,
}

impl Operator {
    pub fn new(map: &'static str, dice: Dice, findings: Arc<Findings>) -> Operator {
        Operator { map, possible: [Running.into()].into(), asked: Vec::new(), dice, findings }
    }

    pub fn reason(&self, place: usize) -> String {
        format!("asked for as {}#{place}.", self.map)
    }

    pub fn look(&mut self, state: TableMapState) {
        let possible: Vec<_> = self.possible.iter().map(|state| TableMapState::try_from(*state)).collect();
        let what = || format!("{} is {state:?}, but can only be {possible:?} after {:?}", self.map, self.asked.last());
        self.findings.check(self.possible.contains(&state.into()), Promise::States, what);
    }

    /// Acts until the server is gone, or until this moment. Begins with what was not answered before.
    pub async fn act(&mut self, channel: &Channel, until: Instant) {
        loop {
            let open = self.asked.iter().position(|(_, fate)| *fate == Fate::Open);
            let place = match open {
                Some(place) => place,
                None if Instant::now() >= until => return,
                None => {
                    self.dice.rest_below(250).await;
                    let possible: Vec<i32> = self.possible.iter().copied().collect();
                    let state = TableMapState::try_from(*self.dice.choose(&possible)).expect("a state");
                    let Some(act) = *self.dice.choose(acts(self.map, state)) else { continue };
                    self.asked.push((act, Fate::Open));
                    self.asked.len() - 1
                }
            };
            let act = self.asked[place].0;
            match self.ask(channel, act, place).await {
                Ok(state) => {
                    self.possible = act.leads_to().iter().map(|state| i32::from(*state)).collect();
                    self.asked[place].1 = Fate::Done;
                    self.look(state);
                }
                Err(status) if reason(&status).is_empty() => {
                    self.possible.extend(act.leads_to().iter().map(|state| i32::from(*state)));
                    return;
                }
                Err(status) => {
                    let reason = reason(&status);
                    let expected = ["WRONG_STATE", "CONCURRENT_CHANGE"].contains(&&*reason);
                    let what = || format!("{act:?} of {} was refused, {reason}: {}", self.map, status.message());
                    self.findings.check(expected, Promise::States, what);
                    self.asked[place].1 = Fate::Refused;
                }
            }
            if let Ok(stats) = stats(channel, self.map).await {
                add_up(&self.findings, &stats);
            }
        }
    }

    async fn ask(&self, channel: &Channel, act: Act, place: usize) -> Result<TableMapState, Status> {
        let mut maps = TableMapServiceClient::new(channel.clone());
        let (name, reason) = (name(self.map), self.reason(place));
        let request_id = reason.clone();
        let keep = QueuedRecordsDisposition::Keep.into();
        let resume = |option: ResumeOption| ResumeTableMapRequest {
            name: name.clone(),
            option: option.into(),
            request_id: reason.clone(),
            reason: reason.clone(),
            ..Default::default()
        };
        let run = |mode: InitialSyncMode| RunTableMapRequest {
            name: name.clone(),
            initial_sync: mode.into(),
            request_id: reason.clone(),
            reason: reason.clone(),
            ..Default::default()
        };
        let answer = match act {
            Act::Pause => {
                maps.pause_table_map(PauseTableMapRequest { name, request_id, reason, ..Default::default() }).await?
            }
            Act::CatchUp => maps.resume_table_map(resume(ResumeOption::CatchUp)).await?,
            Act::SkipAndKeep => maps.resume_table_map(resume(ResumeOption::SkipAndKeep)).await?,
            Act::SkipAndDiscard => maps.resume_table_map(resume(ResumeOption::SkipAndDiscard)).await?,
            Act::SkipToLive => {
                let request =
                    SkipToLiveRequest { name, queued_records: keep, request_id, reason, ..Default::default() };
                maps.skip_to_live(request).await?
            }
            Act::StopAndKeep => {
                let request =
                    StopTableMapRequest { name, queued_records: keep, request_id, reason, ..Default::default() };
                maps.stop_table_map(request).await?
            }
            Act::RunLive => maps.run_table_map(run(InitialSyncMode::Skip)).await?,
            Act::RunCopy => maps.run_table_map(run(InitialSyncMode::Copy)).await?,
            Act::SkipCopy => {
                let request = SkipInitialSyncRequest { name, request_id, reason, ..Default::default() };
                SyncServiceClient::new(channel.clone()).skip_initial_sync(request).await?;
                return Ok(Running);
            }
        };
        match answer.into_inner().results.into_iter().next().and_then(|result| result.outcome) {
            Some(Outcome::TableMap(map)) => Ok(map.state()),
            other => panic!("a single transition answers with its map, not with {other:?}"),
        }
    }
}

pub async fn stats(channel: &Channel, map: &str) -> Result<QueueStats, Status> {
    let request = GetQueueStatsRequest { name: name(map) };
    QueueServiceClient::new(channel.clone()).get_queue_stats(request).await.map(|answer| answer.into_inner())
}

pub fn add_up(findings: &Findings, stats: &QueueStats) {
    for of in &stats.figures {
        let parts = of.applied + of.queued + of.in_error + of.skipped + of.superseded + of.deleted + of.purged;
        findings.check(of.accepted == parts, Promise::Figures, || format!("{}: {of:?}", stats.table_map));
    }
}
