//! The command line: what `tandem` can be asked, and with what status it ends. One file a noun.

pub mod api;
mod completion;
pub mod config;
pub mod demo;
mod remote;
pub mod serve;
pub mod store;
pub mod token;
mod write;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

/// Keeps tables of two applications in step.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until it is told to end
    Serve(serve::ServeCommand),
    /// Shows it all in under a minute: two applications, an outage, and what comes of it
    Demo(demo::DemoCommand),
    /// Looks at a configuration without starting anything
    Config(config::ConfigCommand),
    /// Backs up, restores, checks and compacts what a server keeps
    Store(store::StoreCommand),
    /// Writes changes of a map from lines of JSON or from CSV, and tells what became of them
    Write(write::WriteCommand),
    /// Makes tokens for clients, and the hashes of them that a configuration has
    Token(token::TokenCommand),
    /// Prints a script that completes commands, for a shell to read
    Completion(completion::CompletionCommand),
    /// Writes manual pages of all commands
    Man(completion::ManCommand),
}

/// Everything that can be typed.
fn commands() -> clap::Command {
    Cli::command().subcommands(api::commands())
}

/// Does what was typed and answers with the status to end with.
pub fn run() -> ExitCode {
    let matches = commands().get_matches();
    if let Some(exit) = api::run(&matches) {
        return exit.into();
    }
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.run(),
        Err(error) => error.exit(),
    }
}

impl Cli {
    fn run(self) -> ExitCode {
        match self.command {
            Command::Serve(command) => command.run(),
            Command::Config(command) => command.run(),
            Command::Demo(command) => command.run(),
            Command::Store(command) => command.run(),
            Command::Token(command) => command.run(),
            Command::Write(command) => command.run(),
            Command::Completion(command) => command.run(commands()),
            Command::Man(command) => command.run(commands()),
        }
    }
}

/// How a command ended (api.md, "Applications and the server"); clap ends with 2 too when the command line is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// It was tried and failed.
    Failed = 1,
    /// What was given is wrong.
    Input = 2,
    /// The server or the environment could not be used.
    Environment = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
