//! The state machine of a table map (domain.md, "Table map states"): one pure function, and nothing beside it.

use super::change::QueuedBecause;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MapState {
    NotRunning,
    Initializing,
    Running,
    Paused,
    Resuming,
}

impl MapState {
    pub const ALL: [MapState; 5] =
        [MapState::NotRunning, MapState::Initializing, MapState::Running, MapState::Paused, MapState::Resuming];

    /// As the contract spells it, without the enum's prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            MapState::NotRunning => "NOT_RUNNING",
            MapState::Initializing => "INITIALIZING",
            MapState::Running => "RUNNING",
            MapState::Paused => "PAUSED",
            MapState::Resuming => "RESUMING",
        }
    }

    /// Whether changes are queued whatever the map's mode, so that the queue's limits count (rule 6).
    pub fn holds_back(self) -> bool {
        match self {
            MapState::Initializing | MapState::Paused | MapState::Resuming => true,
            MapState::NotRunning | MapState::Running => false,
        }
    }
}

impl MapState {
    /// Why a change is queued in this state; a map that does not run takes none.
    pub fn queues_because(self) -> QueuedBecause {
        match self {
            MapState::Initializing => QueuedBecause::Initializing,
            MapState::Paused => QueuedBecause::Paused,
            MapState::Resuming => QueuedBecause::Resuming,
            MapState::Running | MapState::NotRunning => QueuedBecause::Asynchronous,
        }
    }
}

impl fmt::Display for MapState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can happen to a map. The first six are asked for by people and alerts, the last two follow from work that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Run with an initial sync.
    Run,
    /// Run without one; also the end of an initial sync that someone decided to leave.
    RunLive,
    Pause,
    Resume(ResumeOption),
    SkipToLive,
    Stop,
    /// The initial sync ended without errors and what was queued meanwhile is written.
    InitialSyncEnded,
    /// The queue is empty.
    CaughtUp,
}

/// What becomes of the queue when a map is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResumeOption {
    /// Queued records first, in order.
    CatchUp,
    /// Live at once; queued records become catch-up errors.
    SkipAndKeep,
    /// Live at once; queued records are deleted.
    SkipAndDiscard,
}

impl Action {
    pub const ALL: [Action; 10] = [
        Action::Run,
        Action::RunLive,
        Action::Pause,
        Action::Resume(ResumeOption::CatchUp),
        Action::Resume(ResumeOption::SkipAndKeep),
        Action::Resume(ResumeOption::SkipAndDiscard),
        Action::SkipToLive,
        Action::Stop,
        Action::InitialSyncEnded,
        Action::CaughtUp,
    ];

    /// In words that fit "cannot … a map that is PAUSED".
    pub fn verb(self) -> &'static str {
        match self {
            Action::Run | Action::RunLive => "run",
            Action::Pause => "pause",
            Action::Resume(_) => "resume",
            Action::SkipToLive => "skip to live",
            Action::Stop => "stop",
            Action::InitialSyncEnded => "end the initial sync of",
            Action::CaughtUp => "end the catch-up of",
        }
    }
}

/// An action that does not fit the state. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot {} a map that is {state}", .action.verb())]
pub struct Refused {
    pub state: MapState,
    pub action: Action,
}

/// The state that `action` leads to from `state`, or a refusal that changes nothing.
pub fn next(state: MapState, action: Action) -> Result<MapState, Refused> {
    use Action::{CaughtUp, InitialSyncEnded, Pause, Resume, Run, RunLive, SkipToLive, Stop};
    use MapState::{Initializing, NotRunning, Paused, Resuming, Running};
    use ResumeOption::{CatchUp, SkipAndDiscard, SkipAndKeep};

    match (action, state) {
        (Run, NotRunning) => Ok(Initializing),
        (RunLive, NotRunning | Initializing) => Ok(Running),
        (Pause, Running | Resuming) => Ok(Paused),
        (Resume(CatchUp), Paused) => Ok(Resuming),
        (Resume(SkipAndKeep | SkipAndDiscard), Paused) => Ok(Running),
        (SkipToLive | CaughtUp, Resuming) => Ok(Running),
        (InitialSyncEnded, Initializing) => Ok(Running),
        (Stop, Initializing | Running | Paused | Resuming) => Ok(NotRunning),
        (Run, Initializing | Running | Paused | Resuming)
        | (RunLive, Running | Paused | Resuming)
        | (Pause, NotRunning | Initializing | Paused)
        | (Resume(_), NotRunning | Initializing | Running | Resuming)
        | (SkipToLive | CaughtUp, NotRunning | Initializing | Running | Paused)
        | (InitialSyncEnded, NotRunning | Running | Paused | Resuming)
        | (Stop, NotRunning) => Err(Refused { state, action }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of state and action, as the table of domain.md has them: what is not listed is refused.
    #[test]
    fn every_pair_of_state_and_action_is_decided_as_the_domain_says() {
        use MapState::{Initializing, NotRunning, Paused, Resuming, Running};
        let allowed = [
            (NotRunning, Action::Run, Initializing),
            (NotRunning, Action::RunLive, Running),
            (Initializing, Action::RunLive, Running),
            (Initializing, Action::InitialSyncEnded, Running),
            (Initializing, Action::Stop, NotRunning),
            (Running, Action::Pause, Paused),
            (Running, Action::Stop, NotRunning),
            (Paused, Action::Resume(ResumeOption::CatchUp), Resuming),
            (Paused, Action::Resume(ResumeOption::SkipAndKeep), Running),
            (Paused, Action::Resume(ResumeOption::SkipAndDiscard), Running),
            (Paused, Action::Stop, NotRunning),
            (Resuming, Action::Pause, Paused),
            (Resuming, Action::SkipToLive, Running),
            (Resuming, Action::CaughtUp, Running),
            (Resuming, Action::Stop, NotRunning),
        ];
        for state in MapState::ALL {
            for action in Action::ALL {
                let expected = allowed.iter().find(|(from, by, _)| (*from, *by) == (state, action));
                match expected {
                    Some((_, _, to)) => assert_eq!(next(state, action), Ok(*to)),
                    None => assert_eq!(next(state, action), Err(Refused { state, action })),
                }
            }
        }
    }
}
