//! What one caller may have under way at a time, so that none of them takes the server from the others.

use super::clients::{Identity, Peer};
use super::config::Limits;
use crate::model::ids::ClientId;
use crate::services::status::CallError;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whoever is counted as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    Client(ClientId),
    Address(IpAddr),
}

impl Who {
    pub fn of(identity: &Identity, peer: &Peer) -> Self {
        match &identity.client {
            Some(client) => Self::Client(client.clone()),
            None => Self::Address(network(peer.address.ip())),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => client.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What one machine can have addresses of: an address of IPv4, and half of one of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    const HOST: u128 = u64::MAX as u128;
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !HOST).into(),
    }
}

/// More than any machine has; a semaphore counts no further.
const BYTES_MAX: usize = Semaphore::MAX_PERMITS;

/// What is under way. Clones share it.
#[derive(Debug, Clone)]
pub struct Quotas {
    limits: Arc<Limits>,
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    by: HashMap<Who, UsedBy>,
    streams: usize,
}

#[derive(Debug)]
struct UsedBy {
    calls: usize,
    streams: usize,
    reads: Arc<Semaphore>,
    /// Bytes of requests.
    bytes: Arc<Semaphore>,
}

/// What a call is, as far as limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes on until somebody ends it.
    Stream,
    /// It is answered with what is kept.
    Read,
    Other,
}

impl Quotas {
    pub fn new(limits: Arc<Limits>) -> Self {
        Self { limits, used: Arc::default() }
    }

    /// Counts a call, unless its caller or all callers have as many as they may. A read waits for its turn among those of
    /// its caller: an answer that nobody takes holds up no one else.
    pub async fn begin(&self, who: Who, kind: Kind) -> Result<Counted, CallError> {
        let mut counted = self.count(who, kind)?;
        if kind == Kind::Read {
            counted.turn = counted.reads.clone().acquire_owned().await.ok();
        }
        Ok(counted)
    }

    fn count(&self, who: Who, kind: Kind) -> Result<Counted, CallError> {
        let limits = &self.limits;
        let is_stream = kind == Kind::Stream;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used = &mut *used;
        if is_stream && used.streams >= limits.streams_max {
            let who = "this server".to_owned();
            return Err(CallError::TooManyCalls {
                who,
                what: "streams",
                max: limits.streams_max,
                setting: "streams_max",
            });
        }
        let by = used.by.entry(who.clone()).or_insert_with(|| UsedBy {
            calls: 0,
            streams: 0,
            reads: Arc::new(Semaphore::new(limits.reads_per_client_max)),
            bytes: Arc::new(Semaphore::new(limits.request_bytes_per_client_max.min(BYTES_MAX))),
        });
        let (count, max, what, setting) = if is_stream {
            (&mut by.streams, limits.streams_per_client_max, "streams", "streams_per_client_max")
        } else {
            (&mut by.calls, limits.calls_per_client_max, "calls", "calls_per_client_max")
        };
        if *count >= max {
            return Err(CallError::TooManyCalls { who: who.to_string(), what, max, setting });
        }
        *count += 1;
        used.streams += usize::from(is_stream);
        let request = Arc::new(Held { of: by.bytes.clone(), permits: Mutex::default() });
        Ok(Counted { quotas: self.clone(), who, is_stream, reads: by.reads.clone(), turn: None, request })
    }
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub struct Counted {
    quotas: Quotas,
    who: Who,
    is_stream: bool,
    reads: Arc<Semaphore>,
    turn: Option<OwnedSemaphorePermit>,
    request: Arc<Held>,
}

impl Counted {
    /// What its request takes, for as long as the call is under way.
    pub fn request(&self) -> Arc<Held> {
        self.request.clone()
    }

    /// What all requests of its client take.
    pub fn bytes(&self) -> Arc<Semaphore> {
        self.request.of.clone()
    }
}

/// Bytes of a client's that a request has taken.
#[derive(Debug)]
pub struct Held {
    of: Arc<Semaphore>,
    permits: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Held {
    /// Takes so many more, when they are there.
    pub async fn take(self: Arc<Self>, bytes: usize) {
        let Ok(permit) = self.of.clone().acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX)).await else {
            return; // it is never closed
        };
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        match permits.as_mut() {
            Some(held) => held.merge(permit),
            None => *permits = Some(permit),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut used = self.quotas.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.streams -= usize::from(self.is_stream);
        if let Some(by) = used.by.get_mut(&self.who) {
            *(if self.is_stream { &mut by.streams } else { &mut by.calls }) -= 1;
            if by.calls + by.streams == 0 {
                used.by.remove(&self.who);
            }
        }
    }
}
