//! `tandem token`: a token for a client, and the hash of it for the configuration.

use super::Exit;
use crate::model::token::{self, TokenHash};
use clap::{Args, Subcommand};
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

/// A token that was made elsewhere is at least that long: its hash is worth no more than it is.
const CHARS_MIN: usize = 32;
/// The longest that is read.
const BYTES_MAX: u64 = 4 * 1024;

#[derive(Debug, Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a token: prints it on the standard output, and its hash for `token_hashes` on the standard error
    New,
    /// Prints the hash of a token that the standard input gives
    Hash,
}

impl TokenCommand {
    pub fn run(self) -> ExitCode {
        let done = match self.action {
            Action::New => new(),
            Action::Hash => hash(),
        };
        done.into()
    }
}

fn new() -> Exit {
    let token = token::write(&rand::random());
    eprintln!("{}", TokenHash::of(&token));
    match writeln!(io::stdout(), "{token}") {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Environment, // whoever asked for it does not have it
    }
}

fn hash() -> Exit {
    let mut token = String::new();
    if let Err(error) = io::stdin().take(BYTES_MAX).read_to_string(&mut token) {
        eprintln!("no token can be read from the standard input: {error}");
        return Exit::Environment;
    }
    let token = token.trim();
    let is_token = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.len() < CHARS_MIN || !is_token {
        eprintln!(
            "a token has {CHARS_MIN} visible ASCII characters or more, made at random; `tandem token new` makes one"
        );
        return Exit::Input;
    }
    match writeln!(io::stdout(), "{}", TokenHash::of(token)) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Environment,
    }
}
