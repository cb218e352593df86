//! Who was refused what: lines of the log with the target `tandem::audit`, few enough that nobody can fill a disk with them.

use super::quotas::network;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Of one caller and one reason, one line in this time; what came meanwhile is counted in the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// Callers and reasons that are told apart in an interval; what all others are refused is counted together.
const TOLD_MAX: usize = 100;

/// A call or a connection that was refused.
#[derive(Debug, Clone)]
pub struct Refused<'a> {
    pub address: SocketAddr,
    /// Who it is, when that is known.
    pub actor: &'a str,
    /// What was called; empty for a connection.
    pub method: &'a str,
    pub reason: &'static str,
}

/// The refusals of the last moments. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Audit(Arc<Mutex<HashMap<(IpAddr, &'static str), Told>>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Refusals since, which no line tells of.
    untold: u64,
}

/// Stands for all callers beyond those that are told apart.
const OTHERS: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
const MANY: &str = "MANY";

impl Audit {
    pub fn refused(&self, refused: &Refused<'_>) {
        let Refused { address, actor, method, reason } = refused;
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (network(address.ip()), *reason);
        let of = if recent.len() < TOLD_MAX || recent.contains_key(&of) { of } else { (OTHERS, MANY) };
        if let Some(told) = recent.get_mut(&of) {
            told.untold += 1;
            return;
        }
        recent.insert(of, Told { at: Instant::now(), untold: 0 });
        drop(recent);
        warn!(target: "tandem::audit", %address, actor, method, reason, "refused");
    }

    /// Tells how many more were refused of what was told an interval ago, once and for all.
    fn tell_more(&self) {
        let now = Instant::now();
        let mut more = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(address, reason), told| {
            let recent = now - told.at < INTERVAL;
            if !recent && told.untold > 0 {
                more.push((*address, *reason, told.untold));
            }
            recent
        });
        for (address, reason, count) in more {
            warn!(target: "tandem::audit", %address, reason, count, "refused that often again");
        }
    }

    /// Tells of what was not told, until `closing`.
    pub async fn run(self, closing: CancellationToken) {
        while closing.run_until_cancelled(tokio::time::sleep(INTERVAL / 10)).await.is_some() {
            self.tell_more();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: u8, reason: &'static str) -> Refused<'static> {
        Refused { address: ([192, 0, 2, host], 1).into(), actor: "", method: "/x", reason }
    }

    #[tokio::test(start_paused = true)]
    async fn what_repeats_is_counted_and_not_told_each_time() {
        let audit = Audit::default();
        for _ in 0..1_000 {
            audit.refused(&refused(1, "CREDENTIALS_MISSING"));
        }
        audit.refused(&refused(1, "PERMISSION_MISSING"));
        let untold = |audit: &Audit| audit.0.lock().unwrap().values().map(|told| told.untold).collect::<Vec<_>>();
        let mut counted = untold(&audit);
        counted.sort_unstable();
        assert_eq!(counted, [0, 999]);
        audit.tell_more();
        assert_eq!(untold(&audit).len(), 2, "it is not time yet");
        tokio::time::advance(INTERVAL).await;
        audit.tell_more();
        assert!(untold(&audit).is_empty(), "the next one is told again");
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_callers_there_are_the_lines_are_few() {
        let audit = Audit::default();
        for host in 0..=255 {
            audit.refused(&refused(host, "CREDENTIALS_MISSING"));
        }
        assert_eq!(audit.0.lock().unwrap().len(), TOLD_MAX + 1);
        assert_eq!(audit.0.lock().unwrap()[&(OTHERS, MANY)].untold, 255 - TOLD_MAX as u64);
    }
}
