//! Logs: to the standard error, as text for people or as JSON lines for machines.

use super::config::{Log, LogFormat};
use std::io::{self, IsTerminal};
use tracing::warn;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// The variable that the whole ecosystem knows for a filter; stronger than `log.level`.
const FILTER_VARIABLE: &str = "RUST_LOG";

/// Why nothing is logged.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Occurs when `log.level` is no filter, which a loaded configuration has excluded.
    #[error("log.level is not a filter")]
    Filter(#[from] ParseError),
    /// Occurs when it is called twice in a process.
    #[error("logs have been set up already")]
    Twice(#[from] TryInitError),
}

/// What is logged from now on can be changed through it.
pub struct LogLevel(Box<dyn Fn(EnvFilter) -> bool + Send + Sync>);

impl LogLevel {
    /// Whether this level is in effect from now on: it is not where `RUST_LOG` says something else.
    pub fn set(&self, level: &str) -> bool {
        let asked = std::env::var(FILTER_VARIABLE).ok().filter(|filter| !filter.is_empty());
        let holds = asked.is_some_and(|filter| EnvFilter::builder().parse(filter).is_ok());
        !holds && EnvFilter::builder().parse(level).is_ok_and(&self.0)
    }
}

/// Sets up logs for the whole process; from here on `tracing`'s macros write. Called once, at the start.
///
/// A `RUST_LOG` that is no filter is not worth refusing to start: it is told, and `log.level` holds.
pub fn start(log: &Log) -> Result<LogLevel, TelemetryError> {
    let (filter, mistake) = choose_filter(log, std::env::var(FILTER_VARIABLE).ok())?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let level = match log.format {
        LogFormat::Text => {
            let subscriber = subscriber.with_ansi(io::stderr().is_terminal()).with_filter_reloading();
            let handle = subscriber.reload_handle();
            subscriber.finish().try_init()?;
            LogLevel(Box::new(move |filter| handle.reload(filter).is_ok()))
        }
        LogFormat::Json => {
            let subscriber = subscriber.json().flatten_event(true).with_filter_reloading();
            let handle = subscriber.reload_handle();
            subscriber.finish().try_init()?;
            LogLevel(Box::new(move |filter| handle.reload(filter).is_ok()))
        }
    };
    if let Some(error) = mistake {
        warn!(%error, level = %log.level, "{FILTER_VARIABLE} is not a filter, so log.level holds");
    }
    Ok(level)
}

/// The filter that was asked for, or else the configuration's; and what is wrong with the one that was asked for.
fn choose_filter(log: &Log, asked: Option<String>) -> Result<(EnvFilter, Option<ParseError>), ParseError> {
    let asked = asked.filter(|filter| !filter.is_empty());
    match asked.map(|filter| EnvFilter::builder().parse(filter)) {
        Some(Ok(filter)) => Ok((filter, None)),
        Some(Err(error)) => Ok((EnvFilter::builder().parse(&log.level)?, Some(error))),
        None => Ok((EnvFilter::builder().parse(&log.level)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_stronger_than_the_configuration_when_it_is_a_filter() {
        let log = Log { format: LogFormat::Text, level: "warn".to_owned() };
        let chosen = |asked: Option<&str>| {
            let (filter, mistake) = choose_filter(&log, asked.map(str::to_owned)).unwrap();
            (filter.to_string(), mistake.is_some())
        };
        assert_eq!(chosen(None), ("warn".to_owned(), false));
        assert_eq!(chosen(Some("")), ("warn".to_owned(), false));
        assert_eq!(chosen(Some("tandem=debug")), ("tandem=debug".to_owned(), false));
        assert_eq!(chosen(Some("tandem=loud")), ("warn".to_owned(), true));
    }
}
