//! The one listener: takes connections, as many as there is room for, and serves each until it ends, is idle for long, or the
//! server closes.

use super::audit::{Audit, Refused};
use super::clients::Peer;
use super::config::Limits;
use super::quotas::network;
use super::tls::{self, Certificates};
use crate::engine::tasks::Tasks;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service};
use tower_http::cors::CorsLayer;
use tracing::{debug, warn};

/// How long no connection is taken after one could not be: files may have run out.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);
/// What a header of HTTP/1 may have in all, and how many there may be.
const HTTP1_HEADERS_MAX: usize = 100;
/// Streams that a caller has reset and the server has not yet forgotten; with more the connection is closed (CVE-2023-44487).
const RESETS_PENDING_MAX: usize = 20;
/// Streams that the server has reset, for what the caller did wrong; with more the connection is closed.
const RESETS_BY_ERRORS_MAX: usize = 1_024;

/// Takes connections and serves them.
pub struct Listener {
    pub limits: Arc<Limits>,
    /// None when connections are not encrypted.
    pub certificates: Option<Certificates>,
    pub audit: Audit,
    pub router: Router,
    pub cors: CorsLayer,
}

impl Listener {
    /// Serves until `closing`, and then until every connection has ended; `now` ends them at once.
    pub async fn serve(self, listener: TcpListener, closing: CancellationToken, now: CancellationToken) {
        let connections = Tasks::default();
        let places = Places::default();
        let serving = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = closing.cancelled() => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    debug!(%error, "a connection was not taken");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    continue;
                }
            };
            match places.take(address.ip(), &serving.limits) {
                Ok(place) => {
                    let (serving, closing, now) = (serving.clone(), closing.clone(), now.clone());
                    connections.spawn(async move {
                        now.run_until_cancelled(serving.connection(stream, address, closing)).await;
                        drop(place);
                    });
                }
                Err(reason) => serving.audit.refused(&Refused { address, actor: "", method: "", reason }),
            }
        }
        drop(listener);
        connections.shut_down().await;
    }

    async fn connection(&self, stream: TcpStream, address: SocketAddr, closing: CancellationToken) {
        let _ = stream.set_nodelay(true); // slower without, and no worse
        let Some(certificates) = &self.certificates else {
            return self.requests(stream, Peer { address, certificate: None }, closing).await;
        };
        let accepting = TlsAcceptor::from(certificates.config()).accept(stream);
        match timeout(self.limits.handshake_timeout, accepting).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let certificate = shown.map(|certificate| Arc::new(tls::names(certificate)));
                self.requests(stream, Peer { address, certificate }, closing).await;
            }
            Ok(Err(error)) => {
                debug!(%address, %error, "no TLS came about");
                self.audit.refused(&Refused { address, actor: "", method: "", reason: "TLS_FAILED" });
            }
            Err(_) => self.audit.refused(&Refused { address, actor: "", method: "", reason: "TLS_TOO_SLOW" }),
        }
    }

    async fn requests<S>(&self, stream: S, peer: Peer, closing: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let address = peer.address;
        let busy = Arc::new(Busy::default());
        let served = busy.clone();
        // What a browser asks before a call is no call: it is answered before anybody looks for one.
        let web = self.cors.layer(GrpcWebLayer::new().layer(self.router.clone()));
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(tonic::body::Body::new);
            request.extensions_mut().insert(peer.clone());
            request.extensions_mut().insert(Arc::new(UnderWay::begin(&served)));
            web.clone().call(request)
        });
        let builder = self.builder();
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut closes = false;
        let mut begun = 0;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        debug!(%address, error, "a connection broke");
                    }
                    return;
                }
                () = closing.cancelled(), if !closes => {
                    closes = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep(self.limits.idle_timeout) => {
                    let idle = busy.is_idle_since(&mut begun);
                    if idle && closes {
                        return; // it was told, and stays
                    }
                    if idle {
                        closes = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let limits = &self.limits;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.handshake_timeout)
            .max_headers(HTTP1_HEADERS_MAX)
            .max_buf_size(limits.header_bytes_max);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.keepalive_interval)
            .keep_alive_timeout(limits.keepalive_timeout)
            .max_concurrent_streams(limits.calls_per_connection_max)
            .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(RESETS_PENDING_MAX)
            .max_local_error_reset_streams(RESETS_BY_ERRORS_MAX);
        builder
    }
}

/// The connections there are, in all and by address.
#[derive(Debug, Clone, Default)]
struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>, Arc<AtomicUsize>);

/// One of them, until it is dropped.
struct Place(Places, IpAddr);

impl Places {
    fn take(&self, address: IpAddr, limits: &Limits) -> Result<Place, &'static str> {
        let address = network(address);
        let mut by_address = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.1.load(Ordering::Relaxed) >= limits.connections_max {
            return Err("TOO_MANY_CONNECTIONS");
        }
        let count = by_address.entry(address).or_default();
        if *count >= limits.connections_per_address_max {
            return Err("TOO_MANY_CONNECTIONS_OF_ADDRESS");
        }
        *count += 1;
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(Place(self.clone(), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Places(by_address, all) = &self.0;
        let mut by_address = by_address.lock().unwrap_or_else(PoisonError::into_inner);
        all.fetch_sub(1, Ordering::Relaxed);
        if let Some(count) = by_address.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.1);
            }
        }
    }
}

/// The calls of a connection.
#[derive(Debug, Default)]
struct Busy {
    begun: AtomicU64,
    under_way: AtomicUsize,
}

impl Busy {
    /// Whether no call is under way, and none began since this was asked before.
    fn is_idle_since(&self, before: &mut u64) -> bool {
        let begun = self.begun.load(Ordering::Acquire);
        let idle = begun == *before && self.under_way.load(Ordering::Acquire) == 0;
        *before = begun;
        idle
    }
}

/// A call of a connection, which it goes with until its answer was sent or is given up.
#[derive(Debug)]
pub struct UnderWay(Arc<Busy>);

impl UnderWay {
    fn begin(busy: &Arc<Busy>) -> Self {
        busy.under_way.fetch_add(1, Ordering::AcqRel);
        busy.begun.fetch_add(1, Ordering::AcqRel);
        Self(busy.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Lets this process have as many connections as the system allows it: the usual first limit of files is for programs that
/// have none.
pub fn raise_file_limit(needed: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.is_some_and(|current| current < allowed) {
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit); // what is told below holds then
    }
    let has = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if has < needed as u64 {
        warn!(files = has, needed, "limits.connections_max is more than this process may have open (ulimit -n)");
    }
}
