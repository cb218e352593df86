//! Plays a case of clients/conformance: `conformance CASE.json`. What steps mean is said there.

mod follow;
mod messages;
mod steps;
mod write;

use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// What a step comes to: what went wrong, when it did.
type Outcome = Result<(), String>;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long nothing more must happen where nothing more may.
const QUIET: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> ExitCode {
    match play().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(told) => {
            eprintln!("{told}");
            ExitCode::FAILURE
        }
    }
}

async fn play() -> Outcome {
    let file = std::env::args().nth(1).ok_or("it needs the file of a case")?;
    let case = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let case: Value = serde_json::from_str(&case).map_err(|error| format!("{file}: {error}"))?;
    let mut playing = steps::Playing::begin()?;
    for (number, step) in case["steps"].as_array().into_iter().flatten().enumerate() {
        let outcome = playing.step(step).await;
        outcome.map_err(|told| format!("step {}, {step:.300}\n{told}", number + 1))?;
    }
    Ok(())
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) -> Outcome {
    let waiting = async {
        while !so() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| format!("it did not come to it: {what}"))
}
