//! The binary: reads the command line and calls the library.

use clap::Parser;
use std::process::ExitCode;
use tandem::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
