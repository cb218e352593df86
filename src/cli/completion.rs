//! `tandem completion` and `tandem man`: what shells and manuals know of all commands.

use super::Exit;
use super::serve::failed;
use clap::{Args, Command};
use clap_complete::Shell;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct CompletionCommand {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionCommand {
    /// Prints a script that the shell reads.
    pub fn run(&self, mut commands: Command) -> ExitCode {
        let name = commands.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut commands, name, &mut script);
        // A reader that has seen enough and closed the pipe is no failure.
        let _ = io::Write::write_all(&mut io::stdout(), &script);
        Exit::Done.into()
    }
}

#[derive(Debug, Args)]
pub struct ManCommand {
    /// The folder to write them in; made when it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl ManCommand {
    /// Writes a page for each command.
    pub fn run(&self, commands: Command) -> ExitCode {
        let written =
            std::fs::create_dir_all(&self.folder).and_then(|()| clap_mangen::generate_to(commands, &self.folder));
        match written {
            Ok(()) => Exit::Done.into(),
            Err(error) => failed("the pages cannot be written", &error, Exit::Environment).into(),
        }
    }
}
