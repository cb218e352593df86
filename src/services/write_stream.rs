//! Many changes over one stream: handed over in their order, answered in their order.

use super::access::Budget;
use super::proto;
use super::proto::write_records_response::Result as Told;
use super::status::CallError;
use super::{Answers, Services, access, answers};
use crate::engine::PendingAnswer;
use crate::engine::error::EngineError;
use crate::model::access::Caller;
use crate::model::change::Answer;
use crate::model::mapping::Violation;
use futures::future::{self, Either, ErrInto, FutureExt, Ready, TryFutureExt};
use futures::stream::{self, Fuse, Stream, StreamExt};
use prost::Message;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::sync::OwnedSemaphorePermit;

/// Changes of one stream that were taken and have no answer yet: two commits of them. No more are read from the wire meanwhile, so that
/// flow control holds the sender back. The memory that they take is bounded by the budget of their client.
const IN_FLIGHT_MAX: usize = 2048;

impl Services {
    pub(super) fn write_stream<S>(
        &self,
        caller: Caller,
        budget: Option<Budget>,
        requests: S,
    ) -> Answers<proto::WriteRecordsResponse>
    where
        S: Stream<Item = Result<proto::WriteRecordsRequest, tonic::Status>> + Send + 'static,
    {
        let taking = Arc::new(Taking { services: self.clone(), caller, budget });
        let closing = self.closing.clone();
        // Set when the sender has ended: then a shutdown cut nothing off.
        let ended = Arc::new(AtomicBool::new(false));
        let sent = ended.clone();
        let marked = requests.chain(stream::poll_fn(move |_| {
            sent.store(true, Ordering::Relaxed);
            Poll::Ready(None)
        }));
        let handed = marked.take_until(closing.clone().cancelled_owned()).then(move |request| {
            let taking = taking.clone();
            async move { taking.hand_over_one(request?).await }
        });
        let answered = InOrder { handed: Box::pin(handed.fuse()), waiting: VecDeque::new() };
        let cut_off = stream::once(async move {
            let cut_off = closing.is_cancelled() && !ended.load(Ordering::Relaxed);
            cut_off.then(|| Err(CallError::from(EngineError::ShuttingDown).into()))
        });
        answers::guarded(answered.chain(cut_off.filter_map(std::future::ready)))
    }
}

/// Who sends the changes of a stream, and whom they go to.
struct Taking {
    services: Services,
    caller: Caller,
    budget: Option<Budget>,
}

impl Taking {
    /// Hands a change over, in its turn. Only a broken stream is an error here.
    async fn hand_over_one(&self, request: proto::WriteRecordsRequest) -> Result<HandedOver, tonic::Status> {
        let room = self.room_for(&request).await;
        let admitted = access::check(&self.caller, &request);
        let change = request.change.unwrap_or_default();
        let change_id = change.change_id.clone();
        let missing = || CallError::Fields(vec![Violation::new("change_id", "is required in a stream")]);
        let handed_over = match admitted {
            Err(refused) => Err(refused),
            Ok(()) if change_id.is_empty() => Err(missing()),
            Ok(()) => self.services.hand_over(change).await,
        };
        let pending = match handed_over {
            Ok(pending) => pending.err_into().left_future(),
            Err(refused) => future::ready(Err(refused)).right_future(),
        };
        Ok(HandedOver { change_id, pending, _room: room })
    }

    /// Waits until the client may take so much memory; meanwhile nothing more is read, which holds the sender back.
    async fn room_for(&self, request: &proto::WriteRecordsRequest) -> Option<OwnedSemaphorePermit> {
        let Budget(budget) = self.budget.clone()?;
        let bytes = u32::try_from(request.encoded_len()).unwrap_or(u32::MAX);
        budget.acquire_many_owned(bytes).await.ok() // it is never closed
    }
}

/// A change that was handed over; its answer, when it is there. A change that failed ends nothing.
struct HandedOver {
    change_id: String,
    pending: Either<ErrInto<PendingAnswer, CallError>, Ready<Result<Answer, CallError>>>,
    /// Until it is answered.
    _room: Option<OwnedSemaphorePermit>,
}

impl Future for HandedOver {
    type Output = proto::WriteRecordsResponse;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let told = match ready!(Pin::new(&mut self.pending).poll(context)) {
            Ok(answer) => Told::Written(answer.into()),
            Err(error) => Told::Status(answers::as_message(&error.into())),
        };
        let change_id = std::mem::take(&mut self.change_id);
        Poll::Ready(proto::WriteRecordsResponse { change_id, result: Some(told) })
    }
}

/// Answers in the order in which changes were handed over. Only the first of those that wait is asked for its answer, so that
/// one more that waits costs its place and nothing else.
struct InOrder<S> {
    handed: Pin<Box<Fuse<S>>>,
    waiting: VecDeque<Result<HandedOver, tonic::Status>>,
}

impl<S> Stream for InOrder<S>
where
    S: Stream<Item = Result<HandedOver, tonic::Status>>,
{
    type Item = Result<proto::WriteRecordsResponse, tonic::Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let InOrder { handed, waiting } = &mut *self;
        while waiting.len() < IN_FLIGHT_MAX
            && let Poll::Ready(Some(handed)) = handed.as_mut().poll_next(context)
        {
            waiting.push_back(handed);
        }
        let answer = match waiting.front_mut() {
            None if handed.is_done() => return Poll::Ready(None),
            None => return Poll::Pending, // woken by what comes
            Some(Ok(handed)) => Ok(ready!(Pin::new(handed).poll(context))),
            Some(Err(broken)) => Err(broken.clone()),
        };
        waiting.pop_front();
        Poll::Ready(Some(answer))
    }
}
