//! Many changes over one stream: handed over in their order, answered in their order.

use super::access::Budget;
use super::proto;
use super::proto::write_records_response::Result as Told;
use super::status::CallError;
use super::{Answers, Services, access, answers};
use crate::engine::PendingAnswer;
use crate::engine::error::EngineError;
use crate::model::access::Caller;
use crate::model::mapping::Violation;
use futures::{Stream, StreamExt, stream};
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::OwnedSemaphorePermit;

/// Changes of one stream that were taken and have no answer yet. No more are read from the wire meanwhile, so that flow
/// control holds the sender back: at 256 KiB a change at most, a stream keeps 128 MiB at the very worst.
const IN_FLIGHT_MAX: usize = 512;

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
        let services = self.clone();
        let caller = Arc::new(caller);
        let closing = self.closing.clone();
        // Set when the sender has ended: then a shutdown cut nothing off.
        let ended = Arc::new(AtomicBool::new(false));
        let sent = ended.clone();
        let marked = requests.chain(stream::poll_fn(move |_| {
            sent.store(true, Ordering::Relaxed);
            std::task::Poll::Ready(None)
        }));
        let answered = marked
            .take_until(closing.clone().cancelled_owned())
            .then(move |request| {
                let (services, caller, budget) = (services.clone(), caller.clone(), budget.clone());
                async move {
                    let request = request?;
                    let room = room_for(&request, budget).await;
                    services.hand_over_one(&caller, request, room).await
                }
            })
            .map(answer)
            .buffered(IN_FLIGHT_MAX);
        let cut_off = stream::once(async move {
            let cut_off = closing.is_cancelled() && !ended.load(Ordering::Relaxed);
            cut_off.then(|| Err(CallError::from(EngineError::ShuttingDown).into()))
        });
        answers::guarded(answered.chain(cut_off.filter_map(std::future::ready)))
    }

    /// Hands a change over, in its turn. Only a broken stream is an error here.
    async fn hand_over_one(
        &self,
        caller: &Caller,
        request: proto::WriteRecordsRequest,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<HandedOver, tonic::Status> {
        let admitted = access::check(caller, &request);
        let change = request.change.unwrap_or_default();
        let change_id = change.change_id.clone();
        let missing = || CallError::Fields(vec![Violation::new("change_id", "is required in a stream")]);
        let pending = match admitted {
            Err(refused) => Err(refused),
            Ok(()) if change_id.is_empty() => Err(missing()),
            Ok(()) => self.hand_over(change).await,
        };
        Ok(HandedOver { change_id, pending, _room: room })
    }
}

struct HandedOver {
    change_id: String,
    pending: Result<PendingAnswer, CallError>,
    /// Until it is answered.
    _room: Option<OwnedSemaphorePermit>,
}

/// Waits until its client may take so much memory; meanwhile nothing more is read, which holds the sender back.
async fn room_for(request: &proto::WriteRecordsRequest, budget: Option<Budget>) -> Option<OwnedSemaphorePermit> {
    let bytes = u32::try_from(request.encoded_len()).unwrap_or(u32::MAX);
    budget?.0.acquire_many_owned(bytes).await.ok() // it is never closed
}

/// The answer to one change, when it is there. A change that failed ends nothing.
async fn answer(handed: Result<HandedOver, tonic::Status>) -> Result<proto::WriteRecordsResponse, tonic::Status> {
    let HandedOver { change_id, pending, _room } = handed?;
    let answered = match pending {
        Ok(pending) => pending.await.map_err(CallError::from),
        Err(error) => Err(error),
    };
    let told = match answered {
        Ok(answer) => Told::Written(answer.into()),
        Err(error) => Told::Status(answers::as_message(&error.into())),
    };
    Ok(proto::WriteRecordsResponse { change_id, result: Some(told) })
}
