//! `tandem store`: what is done to the store as a whole, by whoever runs the server.

mod backup;

use super::config::{ConfigFile, tell};
use super::serve::failed;
use super::{Exit, serve};
use crate::server::config::{Config, Input, keys};
use crate::store::StoreError;
use crate::store::sled::check::{Report, check};
use crate::store::sled::offline::{OfflineError, compact, restore};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct StoreCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Writes a backup of a running server into a folder
    Backup(backup::BackupCommand),
    /// Makes a store from a backup, in a folder that has none; no server may run on it
    Restore(RestoreCommand),
    /// Looks through the store of a server that does not run, and tells what is wrong
    Check(CheckCommand),
    /// Gives disk space back, of a server that does not run
    Compact(Place),
}

/// Which store is meant.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    file: ConfigFile,
    /// The folder of the store, instead of the configured one
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
}

#[derive(Debug, Args)]
struct RestoreCommand {
    /// The folder that `tandem store backup` has written
    #[arg(value_name = "DIR")]
    backup: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct CheckCommand {
    /// Sets right what counters and indexes say wrongly
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    place: Place,
}

impl StoreCommand {
    pub fn run(self) -> ExitCode {
        let exit = match self.action {
            Action::Backup(command) => command.run(),
            Action::Restore(command) => command.place.at(|path| command.run(path)),
            Action::Check(command) => command.place.at(|path| command.run(path)),
            Action::Compact(place) => place.at(compacted),
        };
        exit.into()
    }
}

impl Place {
    /// Does something where the store is.
    fn at(&self, what: impl FnOnce(&Path) -> Result<Exit, OfflineError>) -> Exit {
        let mut input = Input::of_process(self.file.config.clone());
        if let Some(data) = &self.data {
            input = input.flag("--data", &keys::STORE_PATH.known, data);
        }
        let config = match Config::load(&input) {
            Ok(config) => config,
            Err(error) => return tell(&error),
        };
        what(&config.store.path).unwrap_or_else(|error| {
            let exit = exit_of(&error);
            failed("nothing was done", &error, exit)
        })
    }
}

impl RestoreCommand {
    fn run(&self, path: &Path) -> Result<Exit, OfflineError> {
        let file = self.backup.join(backup::FILE);
        let opened = File::open(&file);
        let opened = opened.map_err(|source| OfflineError::File { doing: "reading", path: file, source })?;
        let restored = restore(path, BufReader::new(opened))?;
        let of = restored.time.map(|time| time.format(" of %F %T UTC").to_string()).unwrap_or_default();
        println!("the backup{of} is restored in {}", path.display());
        Ok(told(&check(path, false)?))
    }
}

impl CheckCommand {
    fn run(&self, path: &Path) -> Result<Exit, OfflineError> {
        Ok(told(&check(path, self.repair)?))
    }
}

fn compacted(path: &Path) -> Result<Exit, OfflineError> {
    let sizes = compact(path)?;
    println!("{} takes {} bytes, it took {}", path.display(), sizes.bytes_after, sizes.bytes_before);
    Ok(Exit::Done)
}

/// Tells what a check has found.
fn told(report: &Report) -> Exit {
    for finding in &report.findings {
        let of = finding.map.as_ref().map(|map| format!("map {map}: ")).unwrap_or_default();
        let about = match (finding.can_be_repaired, report.repaired) {
            (true, true) => "repaired",
            (true, false) => "wrong",
            (false, _) => "beyond repair",
        };
        println!("{about}: {of}{}", finding.what);
    }
    let more = report.found.saturating_sub(report.findings.len() as u64);
    if more > 0 {
        println!("and {more} more");
    }
    let Report { entries, maps, found, beyond_repair, repaired, .. } = report;
    let wrong = if *found == 0 { "nothing is wrong".to_owned() } else { format!("{found} things are wrong") };
    println!("{maps} maps and {entries} entries were looked at, {wrong}");
    match (found - beyond_repair, beyond_repair, repaired) {
        (0, 0, _) => Exit::Done,
        (_, 0, true) => {
            println!("all of it was repaired");
            Exit::Done
        }
        (0, _, _) | (_, _, true) => {
            println!("what is beyond repair has to come from a backup");
            Exit::Failed
        }
        (_, _, false) => {
            println!("`tandem store check --repair` sets right what counters and indexes say");
            Exit::Failed
        }
    }
}

fn exit_of(error: &OfflineError) -> Exit {
    match error {
        OfflineError::NotEmpty { .. } | OfflineError::Broken { .. } => Exit::Input,
        OfflineError::Store(StoreError::InUse { .. } | StoreError::TooNew { .. }) | OfflineError::File { .. } => {
            Exit::Environment
        }
        OfflineError::Store(_) => Exit::Failed,
    }
}

/// Runs what needs a network.
fn online<F: Future<Output = Exit>>(work: F) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => serve::failed("threads cannot be started", &error, Exit::Environment),
    }
}
