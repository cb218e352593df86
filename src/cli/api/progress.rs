//! How far something is that comes to an end: an initial sync, a job, a catch-up. On a terminal as a bar, elsewhere as lines.

use super::answers::{self, Output};
use super::verbs::Verb;
use console::user_attended_stderr;
use indicatif::{ProgressBar, ProgressStyle};
use prost_reflect::DynamicMessage;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal};

const BAR: &str = "{prefix} [{bar:30}] {human_pos}/{human_len} {msg}";
/// Its parts: filled, at the edge, empty.
const BAR_PARTS: &str = "=> ";
/// States in which an execution or a job goes on.
const GOES_ON: [&str; 2] = ["EXECUTION_STATE_RUNNING", "QUEUE_JOB_STATE_RUNNING"];
/// The one end that is as it should be.
const ENDED_WELL: [&str; 2] = ["EXECUTION_STATE_COMPLETED", "QUEUE_JOB_STATE_COMPLETED"];

/// What is told of an answer of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    GoesOn,
    /// It is at its end, well or not.
    Ended {
        well: bool,
    },
}

/// How far it is, as one answer says.
struct Step {
    name: String,
    done: u64,
    total: u64,
    failed: u64,
    told: Told,
    /// The rate and the time left, where they are known.
    pace: String,
}

/// Shows the answers of a stream that watches something.
pub struct Progress {
    output: Output,
    verb: &'static Verb,
    /// Whether people look at a terminal.
    attended: bool,
    /// There is one from the first answer that tells of progress.
    bar: Option<ProgressBar>,
    /// Whether a queue is watched until its map is live, and not without an end.
    until_live: bool,
    /// The most that waited in it.
    waited: u64,
}

impl Progress {
    /// A bar where people look at a terminal. `until_live` is of a queue: it ends when its map has caught up.
    pub fn new(output: Output, verb: &'static Verb, until_live: bool) -> Self {
        let attended = output == Output::Table && io::stdout().is_terminal() && user_attended_stderr();
        Self { output, verb, attended, bar: None, until_live, waited: 0 }
    }

    /// Shows an answer, and says whether there is more to come. Of what is no progress it is a line.
    pub fn show(&mut self, answer: &DynamicMessage) -> io::Result<Told> {
        let Some(step) = self.step(&answers::object(answer)?) else {
            answers::print_item(self.output, self.verb, answer)?;
            return Ok(Told::GoesOn);
        };
        if self.attended && self.bar.is_none() {
            self.bar = Some(bar());
        }
        match &self.bar {
            Some(bar) if step.told == Told::GoesOn => {
                let failed = if step.failed > 0 { format!("{} failed ", step.failed) } else { String::new() };
                bar.set_prefix(step.name);
                bar.set_length(step.total.max(step.done));
                bar.set_position(step.done);
                bar.set_message(format!("{failed}{}", step.pace));
                bar.tick();
            }
            bar => {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
                answers::print_item(self.output, self.verb, answer)?;
            }
        }
        Ok(step.told)
    }

    /// Says something beside it.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    fn step(&mut self, answer: &Map<String, Value>) -> Option<Step> {
        let inner = |name: &str| answer.get(name).and_then(Value::as_object);
        if let Some(execution) = inner("execution") {
            return Some(of_execution(execution, answer));
        }
        if let Some(job) = inner("queueJob") {
            return Some(of_job(job));
        }
        let stats = inner("queueStats").filter(|_| self.until_live)?;
        let waits = number(stats, "queuedCount") + number(stats, "inProgressCount");
        self.waited = self.waited.max(waits);
        Some(Step {
            name: text(stats, "tableMap"),
            done: self.waited - waits,
            total: self.waited,
            failed: number(stats, "errorCount"),
            // A live map may have something in its queue at every moment; that it has caught up is told by this.
            told: if stats.contains_key("queueingSince") { Told::GoesOn } else { Told::Ended { well: true } },
            pace: pace(stats.get("appliedPerSecond"), stats.get("timeToDrain")),
        })
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars(BAR_PARTS))
}

fn of_execution(execution: &Map<String, Value>, answer: &Map<String, Value>) -> Step {
    let projects = execution.get("projects").and_then(Value::as_array).cloned().unwrap_or_default();
    let sum = |names: &[&str]| -> u64 {
        let of_project = |project: &Map<String, Value>| names.iter().map(|name| number(project, name)).sum::<u64>();
        projects.iter().filter_map(Value::as_object).map(of_project).sum()
    };
    Step {
        name: text(execution, "name"),
        done: sum(&["written", "skipped", "failed"]),
        total: sum(&["total"]),
        failed: sum(&["failed"]),
        told: told(execution),
        pace: pace(answer.get("rowsPerSecond"), answer.get("timeLeft")),
    }
}

fn of_job(job: &Map<String, Value>) -> Step {
    let failed = number(job, "failed");
    let told = match told(job) {
        Told::Ended { well } => Told::Ended { well: well && failed == 0 },
        Told::GoesOn => Told::GoesOn,
    };
    Step {
        name: text(job, "name"),
        done: number(job, "done") + number(job, "superseded") + number(job, "skipped") + failed,
        total: number(job, "total"),
        failed,
        told,
        pace: String::new(),
    }
}

fn told(of: &Map<String, Value>) -> Told {
    let state = text(of, "state");
    match GOES_ON.contains(&state.as_str()) {
        true => Told::GoesOn,
        false => Told::Ended { well: ENDED_WELL.contains(&state.as_str()) },
    }
}

fn pace(rate: Option<&Value>, left: Option<&Value>) -> String {
    let rate = rate.and_then(Value::as_f64).filter(|rate| *rate > 0.0).map(|rate| format!("{rate:.0}/s"));
    let seconds = left.and_then(Value::as_str).and_then(|left| left.trim_end_matches('s').split('.').next());
    let left = seconds.map(|seconds| format!("{seconds}s left"));
    rate.into_iter().chain(left).collect::<Vec<_>>().join(", ")
}

/// A number of 64 bits is text in JSON; what is not there is 0.
fn number(of: &Map<String, Value>, name: &str) -> u64 {
    let value = of.get(name);
    value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(0)
}

fn text(of: &Map<String, Value>, name: &str) -> String {
    of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::verbs::VERBS;
    use super::*;
    use serde_json::json;

    fn step(progress: &mut Progress, answer: Value) -> Step {
        progress.step(answer.as_object().unwrap()).unwrap()
    }

    #[test]
    fn an_execution_is_as_far_as_its_projects_are() {
        let mut progress = Progress::new(Output::Json, &VERBS[0], true);
        let projects =
            json!([{"total": "100", "written": "40", "failed": "2"}, {"total": "50", "skipped": "8", "written": "0"}]);
        let running = json!({"execution": {"name": "tableMaps/orders/executions/1", "state": "EXECUTION_STATE_RUNNING",
            "projects": projects}, "rowsPerSecond": 1234.5, "timeLeft": "12.250s"});
        let step = step(&mut progress, running);
        assert_eq!((step.done, step.total, step.failed, step.told), (50, 150, 2, Told::GoesOn));
        assert_eq!(step.pace, "1234/s, 12s left");
    }

    #[test]
    fn what_ends_ends_well_or_not() {
        let mut progress = Progress::new(Output::Json, &VERBS[0], true);
        let mut ended = |answer| step(&mut progress, answer).told;
        let execution = |state: &str| json!({"execution": {"state": format!("EXECUTION_STATE_{state}")}});
        assert_eq!(ended(execution("COMPLETED")), Told::Ended { well: true });
        assert_eq!(ended(execution("COMPLETED_WITH_ERRORS")), Told::Ended { well: false });
        let job = |failed: &str| json!({"queueJob": {"state": "QUEUE_JOB_STATE_COMPLETED", "failed": failed}});
        assert_eq!(ended(job("0")), Told::Ended { well: true });
        assert_eq!(ended(job("1")), Told::Ended { well: false });
    }

    #[test]
    fn a_catch_up_ends_when_its_map_is_live() {
        let mut progress = Progress::new(Output::Json, &VERBS[0], true);
        let stats = |queued: u64| {
            let since = "2026-02-28T12:00:00Z";
            json!({"queueStats": {"queuedCount": queued.to_string(), "inProgressCount": "5", "queueingSince": since}})
        };
        let first = step(&mut progress, stats(95));
        assert_eq!((first.done, first.total, first.told), (0, 100, Told::GoesOn));
        let second = step(&mut progress, stats(15));
        assert_eq!((second.done, second.total), (80, 100));
        // Live, with changes coming in.
        let last = step(&mut progress, json!({"queueStats": {"queuedCount": "3"}}));
        assert_eq!((last.done, last.told), (97, Told::Ended { well: true }));
        let mut without_an_end = Progress::new(Output::Json, &VERBS[0], false);
        assert!(without_an_end.step(json!({"queueStats": {}}).as_object().unwrap()).is_none());
    }
}
