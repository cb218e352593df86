//! What holds for every call, whatever its method: who may make it, how much of them there may be, its deadline, that a
//! breakdown is its own and no other's, and how a shutdown knows what is still under way.

use super::arriving::arriving;
use super::audit::{Audit, Refused};
use super::clients::{Clients, Peer};
use super::config::Limits;
use super::listener::UnderWay;
use super::quotas::{Counted, Kind, Quotas, Who, network};
use crate::engine::error::EngineError;
use crate::model::access::{Caller, Role};
use crate::services::access::{Budget, Rule, rule};
use crate::services::answers;
use crate::services::status::CallError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::HeaderMap;
use hyper::body::{Frame, SizeHint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

const TIMEOUT_HEADER: &str = "grpc-timeout";
/// The transport below ends a call at its deadline too, and calls that cancelled: we answer a little before it.
const AHEAD: Duration = Duration::from_millis(5);
/// Services of gRPC itself (health, reflection): their streams have no end, and know nothing of our shutdown.
const OF_GRPC: &str = "/grpc.";
/// Whoever watches over the server asks it, and it tells nothing else: nobody is asked who they are.
const HEALTH: &str = "/grpc.health.";
const STATUS_HEADER: &str = "grpc-status";
/// How long a shutdown waits for callers who do not read what was answered to them. It is theirs to read: what they were
/// promised is kept, and they can ask again.
const READERS_PATIENCE: Duration = Duration::from_secs(2);

/// The calls that are under way. Clones share them.
#[derive(Debug, Clone)]
pub struct Calls {
    /// Cancelled when the server begins to shut down.
    closing: CancellationToken,
    owed: Arc<Owed>,
    clients: Clients,
    quotas: Quotas,
    audit: Audit,
    limits: Arc<Limits>,
}

/// What the server still owes to its callers.
#[derive(Debug, Default)]
struct Owed {
    /// Answers, or pieces of them, that are being made. What is made and waits for its caller to read is not among them.
    count: AtomicUsize,
    /// Pieces that were made; it grows as long as anyone reads.
    made: AtomicU64,
}

impl Calls {
    pub fn new(closing: CancellationToken, clients: Clients, limits: Arc<Limits>, audit: Audit) -> Self {
        Self { closing, owed: Arc::default(), clients, quotas: Quotas::new(limits.clone()), audit, limits }
    }

    /// Finds out who calls and whether they may, and leaves that with the request.
    async fn admit(&self, request: &mut Request, peer: &Peer, rule: Option<Rule>) -> Result<Counted, CallError> {
        let path = request.uri().path();
        let kind = match rule {
            Some(Rule { streams: true, .. }) => Kind::Stream,
            Some(Rule { role: Role::Viewer, .. }) => Kind::Read,
            Some(_) | None => Kind::Other,
        };
        if path.starts_with(HEALTH) {
            return self.quotas.begin(Who::Address(network(peer.address.ip())), kind).await;
        }
        let identity = self.clients.identify(request.headers(), peer)?;
        let caller = &identity.caller;
        if let Some(Rule { role: needed, .. }) = rule.filter(|rule| rule.role > caller.role) {
            let method = path.rsplit('/').next().unwrap_or_default().to_owned();
            return Err(CallError::RoleTooSmall { actor: caller.actor.clone(), role: caller.role, needed, method });
        }
        let counted = self.quotas.begin(Who::of(&identity, peer), kind).await?;
        request.extensions_mut().insert(identity.caller);
        Ok(counted)
    }

    fn refused(&self, peer: &Peer, actor: &str, method: &str, status: &Status) {
        let reason = match status.code() {
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "TOO_MANY_CALLS",
            _ => return,
        };
        self.audit.refused(&Refused { address: peer.address, actor, method, reason });
    }

    /// Ends when every call is answered and whoever has not read the answer has not done so for a while. To be asked after
    /// `closing` was cancelled; the transport itself waits for such callers without an end.
    pub async fn answered(&self) {
        loop {
            let made = self.owed.made.load(Ordering::Acquire);
            tokio::time::sleep(READERS_PATIENCE).await;
            if self.owed.count.load(Ordering::Acquire) == 0 && self.owed.made.load(Ordering::Acquire) == made {
                return;
            }
        }
    }
}

/// One answer that is being made; counted as long as it lives.
struct Making(Arc<Owed>);

impl Making {
    fn begin(owed: &Arc<Owed>) -> Self {
        owed.count.fetch_add(1, Ordering::AcqRel);
        Self(owed.clone())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.0.made.fetch_add(1, Ordering::AcqRel);
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Around every call. Work stops when the caller's time is over; what was accepted goes on.
pub async fn guard(State(calls): State<Calls>, mut request: Request, next: Next) -> Response {
    let _making = Making::begin(&calls.owed);
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return Status::from(CallError::CredentialsMissing).into_http(); // the listener tells it of every request
    };
    let path = request.uri().path().to_owned();
    let rule = rule(&path).or_else(|| of_grpc(&path));
    let streams = rule.is_some_and(|rule| rule.streams);
    let mut deadline = deadline(request.headers());
    if !streams {
        let latest = Instant::now() + calls.limits.call_timeout;
        deadline = Some(deadline.map_or(latest, |deadline| deadline.min(latest)));
    }
    let counted = match in_time(deadline, calls.admit(&mut request, &peer, rule)).await {
        Some(Ok(counted)) => counted,
        Some(Err(error)) => {
            let actor = error.actor().unwrap_or_default().to_owned();
            let status = Status::from(error);
            calls.refused(&peer, &actor, &path, &status);
            return status.into_http();
        }
        None => return Status::from(CallError::DeadlinePassed).into_http(),
    };
    if streams {
        request.extensions_mut().insert(Budget(counted.bytes()));
    } else {
        request = request.map(|inner| arriving(inner, counted.request(), &calls.limits));
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let actor = caller.as_ref().map(|caller| caller.actor.clone()).unwrap_or_default();
    let revoked = rule.filter(|rule| rule.streams).zip(caller).map(|(rule, caller)| {
        let headers = request.headers().clone();
        calls.clients.clone().revoked(headers, peer.clone(), caller, rule.role).boxed()
    });
    let on_connection = request.extensions_mut().remove::<Arc<UnderWay>>();
    let closed = path.starts_with(OF_GRPC).then(|| calls.closing.clone().cancelled_owned().boxed());
    let answered = in_time(deadline, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let response = match answered {
        None => return Status::from(CallError::DeadlinePassed).into_http(),
        Some(Err(panic)) => return answers::of_panic(panic.as_ref()).into_http(),
        Some(Ok(response)) => response,
    };
    if is_denied(response.headers()) {
        calls.refused(&peer, &actor, &path, &Status::permission_denied(""));
    }
    response.map(|inner| {
        let (cut, owed) = (cut(deadline, revoked), calls.owed);
        Body::new(Ending { inner, cut, closed, ended: false, owed, making: None, _counted: (counted, on_connection) })
    })
}

/// What the future comes to, unless the deadline comes first.
async fn in_time<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

/// The rules of what is served beside the contract: health is everybody's, reflection any client's.
fn of_grpc(path: &str) -> Option<Rule> {
    let service = path.strip_prefix(OF_GRPC)?;
    Some(Rule { role: Role::Viewer, streams: !service.ends_with("/Check") })
}

/// Whether a handler has refused the call, for the maps that its request names.
fn is_denied(headers: &HeaderMap) -> bool {
    let status = headers.get(STATUS_HEADER).map(|status| Code::from_bytes(status.as_bytes()));
    status == Some(Code::PermissionDenied)
}

/// When the caller's time is over, as its header says; none without one.
fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let given = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = given.split_at_checked(given.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    let timeout = match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    Some(Instant::now() + timeout.saturating_sub(AHEAD))
}

/// What ends an answer that is still being sent; none when nothing does.
fn cut(
    deadline: Option<Instant>,
    revoked: Option<BoxFuture<'static, CallError>>,
) -> Option<BoxFuture<'static, CallError>> {
    if deadline.is_none() && revoked.is_none() {
        return None;
    }
    Some(Box::pin(async move {
        let passed = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let revoked = async {
            match revoked {
                Some(revoked) => revoked.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passed => CallError::DeadlinePassed,
            error = revoked => error,
        }
    }))
}

/// The body of an answer that ends with a status of its own when it is cut off or breaks down.
struct Ending {
    inner: Body,
    cut: Option<BoxFuture<'static, CallError>>,
    /// When the server closes, for streams that know nothing of it; what they tell at that moment is still sent.
    closed: Option<BoxFuture<'static, ()>>,
    ended: bool,
    owed: Arc<Owed>,
    /// The next piece, from when the transport asks for it until it is there.
    making: Option<Making>,
    _counted: (Counted, Option<Arc<UnderWay>>),
}

impl Ending {
    /// The next piece of the answer, or its end.
    fn make(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // First of all, so that what always has a next piece is cut off too.
        if let Some(Poll::Ready(error)) = self.cut.as_mut().map(|cut| cut.poll_unpin(context)) {
            return self.end(&error.into());
        }
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.inner).poll_frame(context))) {
            Err(panic) => self.end(&answers::of_panic(panic.as_ref())),
            Ok(Poll::Pending) => match self.closed.as_mut().map(|closed| closed.poll_unpin(context)) {
                Some(Poll::Ready(())) => self.end(&CallError::from(EngineError::ShuttingDown).into()),
                Some(Poll::Pending) | None => Poll::Pending,
            },
            Ok(made) => made,
        }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.ended = true;
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(axum::Error::new(error)))),
        }
    }
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.making.is_none() {
            self.making = Some(Making::begin(&self.owed));
        }
        let made = self.make(context);
        if made.is_ready() {
            self.making = None;
        }
        made
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::{Config, Input};
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn an_answer_that_always_has_a_next_piece_is_cut_off() {
        let limits = Arc::new(Config::load(&Input::default()).unwrap().limits);
        let who = Who::Address([127, 0, 0, 1].into());
        let counted = Quotas::new(limits).begin(who, Kind::Stream).await.unwrap();
        let (revoke, revoked) = tokio::sync::oneshot::channel::<()>();
        let cut = async { revoked.await.map_or(CallError::CredentialsMissing, |()| CallError::CredentialsInvalid) };
        let pieces = futures::stream::repeat_with(|| Ok::<_, axum::Error>(Bytes::from_static(b"piece")));
        let mut answer = Ending {
            inner: Body::from_stream(pieces),
            cut: Some(cut.boxed()),
            closed: None,
            ended: false,
            owed: Arc::default(),
            making: None,
            _counted: (counted, None),
        };
        assert!(answer.frame().await.unwrap().unwrap().is_data());
        revoke.send(()).unwrap();
        let end = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(Code::from_bytes(end[STATUS_HEADER].as_bytes()), Code::Unauthenticated);
        assert!(answer.frame().await.is_none());
    }

    #[tokio::test]
    async fn what_is_told_as_the_server_closes_is_sent_before_the_end() {
        let limits = Arc::new(Config::load(&Input::default()).unwrap().limits);
        let counted = Quotas::new(limits).begin(Who::Address([127, 0, 0, 1].into()), Kind::Stream).await.unwrap();
        let told = futures::stream::iter([Ok::<_, axum::Error>(Bytes::from_static(b"not serving"))]);
        let mut answer = Ending {
            inner: Body::from_stream(futures::StreamExt::chain(told, futures::stream::pending())),
            cut: None,
            closed: Some(std::future::ready(()).boxed()),
            ended: false,
            owed: Arc::default(),
            making: None,
            _counted: (counted, None),
        };
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "not serving");
        let end = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(Code::from_bytes(end[STATUS_HEADER].as_bytes()), Code::Unavailable);
    }

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let left = |given: &str| {
            let headers = HeaderMap::from_iter([(TIMEOUT_HEADER.parse().unwrap(), given.parse().unwrap())]);
            let begun = Instant::now();
            deadline(&headers).map(|deadline| (deadline + AHEAD - begun).as_millis() / 100)
        };
        assert_eq!(left("2S"), Some(20));
        assert_eq!(left("1500m"), Some(15));
        assert_eq!(left("3M"), Some(1_800));
        for malformed in ["", "S", "2", "2s", "123456789S", "-2S"] {
            assert_eq!(left(malformed), None, "{malformed:?}");
        }
    }
}
