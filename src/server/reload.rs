//! What changes while the server runs: SIGHUP reads the configuration again, and certificates are looked at by themselves.

use super::clients::Clients;
use super::config::{Config, LoadError, Tls};
use super::telemetry::LogLevel;
use super::tls::{Certificates, Loaded, TlsError};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// How a server reads its configuration again.
pub struct Source {
    pub read: Box<dyn Fn() -> Result<Config, LoadError> + Send + Sync>,
    pub log_level: LogLevel,
}

/// A running server, as far as it can be changed.
pub struct Reloading {
    source: Option<Source>,
    /// What is in effect, or will be after a restart where it says so.
    current: Mutex<Config>,
    clients: Clients,
    certificates: Option<Certificates>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error("the configuration is wrong")]
    Config(#[from] LoadError),
    #[error("the certificates cannot be used")]
    Tls(#[from] TlsError),
}

impl Reloading {
    pub fn new(
        config: Config,
        source: Option<Source>,
        clients: Clients,
        certificates: Option<Certificates>,
    ) -> Arc<Self> {
        Arc::new(Self { source, current: Mutex::new(config), clients, certificates })
    }

    /// Reads the configuration again and puts in effect what can be; all of it or, when any is wrong, nothing.
    pub fn reload(&self) {
        let Some(source) = &self.source else { return };
        if let Err(error) = self.try_reload(source) {
            let error: &dyn Error = &error;
            error!(error, "the configuration was not reloaded; what was in effect stays so");
        }
    }

    fn try_reload(&self, source: &Source) -> Result<(), ReloadError> {
        let config = (source.read)()?;
        let loaded = match (&self.certificates, &config.tls) {
            (Some(_), Some(tls)) => Some(Loaded::read(tls)?),
            (Some(_), None) | (None, _) => None,
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reloaded = Vec::new();
        if let (Some(certificates), Some(loaded)) = (&self.certificates, loaded)
            && certificates.replace(loaded)
        {
            reloaded.push("tls");
        }
        if current.clients != config.clients {
            self.clients.replace(config.clients.clone());
            reloaded.push("clients");
        }
        if current.log.level != config.log.level && source.log_level.set(&config.log.level) {
            reloaded.push("log.level");
        }
        let waits = needs_restart(&current, &config);
        // What needs a restart stays as it was, so that it is told of again.
        let before = current.clone();
        *current = Config {
            tls: match (before.tls, config.tls) {
                (Some(_), Some(new)) => Some(new),
                (before, _) => before,
            },
            clients: config.clients,
            log: super::config::Log { level: config.log.level, ..before.log },
            ..before
        };
        for warning in current.warnings() {
            warn!("{warning}");
        }
        let reloaded = if reloaded.is_empty() { "nothing new".to_owned() } else { reloaded.join(", ") };
        info!(reloaded, "the configuration was reloaded");
        if !waits.is_empty() {
            warn!(sections = waits.join(", "), "changed, and in effect only after a restart");
        }
        Ok(())
    }

    /// Looks at the files of certificates now and then, until `closing`: whoever renews them need not tell.
    pub async fn watch_certificates(self: Arc<Self>, closing: CancellationToken) {
        let Some(certificates) = self.certificates.clone() else { return };
        let mut failed = false;
        while let Some(tls) = self.tls() {
            if closing.run_until_cancelled(tokio::time::sleep(tls.reload_interval)).await.is_none() {
                return;
            }
            match Loaded::read(&tls) {
                Ok(loaded) => {
                    failed = false;
                    if certificates.replace(loaded) {
                        info!("new certificates are in effect for connections from now on");
                    }
                }
                // Files that are written one after the other do not belong together for a moment.
                Err(_) if !failed => failed = true,
                Err(error) => {
                    let error: &dyn Error = &error;
                    warn!(error, "the certificates have changed and cannot be used; those before stay in effect");
                }
            }
        }
    }

    fn tls(&self) -> Option<Tls> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).tls.clone()
    }
}

/// The sections that differ and that a running server cannot take on.
fn needs_restart(current: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("server", current.server != new.server),
        ("tls", current.tls.is_some() != new.tls.is_some()),
        ("limits", current.limits != new.limits),
        ("store", current.store != new.store),
        ("applications", current.applications != new.applications),
        ("smtp", current.smtp != new.smtp),
        ("webhook", current.webhook != new.webhook),
        ("initial_sync", current.initial_sync != new.initial_sync),
        ("log.format", current.log.format != new.log.format),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(section, _)| section).collect()
}
