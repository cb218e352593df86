//! `tandem serve`: runs a server until it is told to end.

use super::Exit;
use super::config::{ConfigFile, tell};
use crate::server::config::{Config, Input, keys};
use crate::server::reload::Source;
use crate::server::run::{ServeError, run};
use crate::server::telemetry;
use clap::Args;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ServeCommand {
    #[command(flatten)]
    file: ConfigFile,
    /// Where to listen, such as 127.0.0.1:7070; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The folder of the store
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// Writes the port there once the server is ready
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

impl ServeCommand {
    pub fn run(self) -> ExitCode {
        let mut input = Input::of_process(self.file.config);
        let flags =
            [("--listen", &keys::SERVER_LISTEN.known, self.listen), ("--data", &keys::STORE_PATH.known, self.data)];
        for (name, key, value) in flags {
            if let Some(value) = value {
                input = input.flag(name, key, value);
            }
        }
        let config = match Config::load(&input) {
            Ok(config) => config,
            Err(error) => return tell(&error).into(),
        };
        serve(config, input, self.port_file).into()
    }
}

fn serve(config: Config, input: Input, port_file: Option<PathBuf>) -> Exit {
    let log_level = match telemetry::start(&config.log) {
        Ok(log_level) => log_level,
        Err(error) => return failed("logs cannot be written", &error, Exit::Failed),
    };
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed("threads cannot be started", &error, Exit::Environment),
    };
    let source = Source { read: Box::new(move || Config::load(&input)), log_level };
    let ended = runtime.block_on(run(config, source, port_file));
    // What hangs in a driver does not hold the process.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Exit::Done,
        Err(error) => {
            let exit = exit_of(&error);
            failed("tandem serve failed", &error, exit)
        }
    }
}

/// Whose fault it is.
fn exit_of(error: &ServeError) -> Exit {
    match error {
        ServeError::Application { .. } | ServeError::Notify(_) | ServeError::Tls(_) => Exit::Input,
        ServeError::Store(_) | ServeError::Listen { .. } | ServeError::PortFile { .. } | ServeError::Signals(_) => {
            Exit::Environment
        }
        ServeError::Engine(_) | ServeError::Reflection(_) => Exit::Failed,
    }
}

/// Says what failed, with all that is behind it.
pub(super) fn failed(what: &str, error: &dyn Error, exit: Exit) -> Exit {
    let mut causes = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes.dedup();
    eprintln!("{what}: {}", causes.join(": "));
    exit
}
