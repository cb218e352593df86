//! `tandem config`: is this configuration right, and what does it come to?

use super::Exit;
use crate::server::config::{Config, Input, LoadError, reference};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tells every mistake with its line, or what the configuration comes to
    Check(ConfigFile),
    /// Prints what is in effect as TOML, defaults and variables included, without credentials
    Show(ConfigFile),
    /// Prints every key with what it takes, its default, its variable and its meaning, as Markdown
    Reference,
}

/// The option that every command has which reads the configuration.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The configuration file; without one, the defaults and the environment hold
    #[arg(long, env = "TANDEM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigCommand {
    pub fn run(self) -> ExitCode {
        let (file, shown): (_, fn(&Config, &str) -> String) = match self.action {
            Action::Check(file) => (file, summary),
            Action::Show(file) => (file, |config, _| config.to_string()),
            Action::Reference => {
                print(&reference::text());
                return Exit::Done.into();
            }
        };
        let name = file.config.as_ref().map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
        match Config::load(&Input::of_process(file.config)) {
            Ok(config) => {
                for warning in config.warnings() {
                    eprintln!("warning: {warning}");
                }
                print(&shown(&config, &name));
                Exit::Done.into()
            }
            Err(error) => tell(&error).into(),
        }
    }
}

/// A reader that has seen enough and closed the pipe is no failure.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Tells on the standard error why there is no configuration; the status to end with says whose fault it is.
pub fn tell(error: &LoadError) -> Exit {
    eprintln!("{error}");
    match error {
        LoadError::Unreadable { .. } => Exit::Environment,
        LoadError::Wrong(wrong) => {
            let count = wrong.mistakes.len();
            eprintln!("the configuration has {count} mistake{}", if count == 1 { "" } else { "s" });
            Exit::Input
        }
    }
}

/// What a configuration comes to, for people: where the server listens, what it keeps where, where each application is.
fn summary(config: &Config, name: &str) -> String {
    let mut lines =
        vec![("listens on", config.server.listen.to_string()), ("store", config.store.path.display().to_string())];
    if config.tls.is_some() {
        lines.push(("encryption", "TLS".to_owned()));
    }
    let width = config.clients.iter().map(|client| client.id.as_str().len()).max().unwrap_or(0);
    for client in &config.clients {
        let (id, role, maps) = (client.id.as_str(), client.role, &client.table_maps);
        lines.push(("client", format!("{id:width$}  {role} of {maps}")));
    }
    let width = config.applications.iter().map(|application| application.id.as_str().len()).max().unwrap_or(0);
    for application in &config.applications {
        lines.push(("application", format!("{:width$}  {}", application.id.as_str(), application.address())));
    }
    if let Some(smtp) = &config.smtp {
        lines.push(("mail", format!("from {} over {}", smtp.from, smtp.address())));
    }
    if config.webhook.is_some() {
        lines.push(("webhooks", "signed".to_owned()));
    }
    lines.push(("log", config.log.level.clone()));

    let mut text = format!("ok: {name}\n");
    for (what, value) in lines {
        let _ = writeln!(text, "  {what:<12} {value}"); // writing to a String does not fail
    }
    text
}
