//! What holds for every call, whatever its method: its caller's deadline, that a breakdown is its own and no other's, and
//! how a shutdown knows what is still under way.

use crate::engine::error::EngineError;
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
use tonic::Status;

const TIMEOUT_HEADER: &str = "grpc-timeout";
/// The transport below ends a call at its deadline too, and calls that cancelled: we answer a little before it.
const AHEAD: Duration = Duration::from_millis(5);
/// Services of gRPC itself (health, reflection): their streams have no end, and know nothing of our shutdown.
const OF_GRPC: &str = "/grpc.";
/// How long a shutdown waits for callers who do not read what was answered to them. It is theirs to read: what they were
/// promised is kept, and they can ask again.
const READERS_PATIENCE: Duration = Duration::from_secs(2);

/// The calls that are under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// Cancelled when the server begins to shut down.
    closing: CancellationToken,
    owed: Arc<Owed>,
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
    pub fn new(closing: CancellationToken) -> Self {
        Self { closing, owed: Arc::default() }
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
pub async fn guard(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let _making = Making::begin(&calls.owed);
    let deadline = deadline(request.headers());
    let closing = request.uri().path().starts_with(OF_GRPC).then_some(calls.closing);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    let answered = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, answered).await,
        None => Ok(answered.await),
    };
    match answered {
        Err(_) => Status::from(CallError::DeadlinePassed).into_http(),
        Ok(Err(panic)) => answers::of_panic(panic.as_ref()).into_http(),
        Ok(Ok(response)) => response.map(|inner| {
            let (cut, owed) = (cut(deadline, closing), calls.owed);
            Body::new(Ending { inner, cut, ended: false, owed, making: None })
        }),
    }
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
fn cut(deadline: Option<Instant>, closing: Option<CancellationToken>) -> Option<BoxFuture<'static, CallError>> {
    if deadline.is_none() && closing.is_none() {
        return None;
    }
    Some(Box::pin(async move {
        let passed = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let closed = async {
            match closing {
                Some(closing) => closing.cancelled_owned().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passed => CallError::DeadlinePassed,
            () = closed => CallError::from(EngineError::ShuttingDown),
        }
    }))
}

/// The body of an answer that ends with a status of its own when it is cut off or breaks down.
struct Ending {
    inner: Body,
    cut: Option<BoxFuture<'static, CallError>>,
    ended: bool,
    owed: Arc<Owed>,
    /// The next piece, from when the transport asks for it until it is there.
    making: Option<Making>,
}

impl Ending {
    /// The next piece of the answer, or its end.
    fn make(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.inner).poll_frame(context))) {
            Err(panic) => return self.end(&answers::of_panic(panic.as_ref())),
            Ok(Poll::Pending) => {}
            Ok(ready) => return ready,
        }
        match self.cut.as_mut().map(|cut| cut.poll_unpin(context)) {
            Some(Poll::Ready(error)) => self.end(&error.into()),
            Some(Poll::Pending) | None => Poll::Pending,
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
