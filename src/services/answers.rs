//! Answers that are more than one message, and what is made of a handler that breaks down.

use super::status::CallError;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use prost::Message;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use tonic::Status;

/// What a method that streams answers with.
pub(super) type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// A status as a message carries it, for one change or one map of many.
pub(super) fn as_message(status: &Status) -> tonic_types::Status {
    tonic_types::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// What a handler's breakdown is answered with.
pub fn of_panic(panic: &(dyn Any + Send)) -> Status {
    let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(what, "a handler panicked");
    CallError::Panicked.into()
}

/// A stream of answers that ends with INTERNAL where its making breaks down, and goes no further after an error.
pub(super) fn guarded<T: Send + 'static>(
    answers: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Answers<T> {
    let told = AssertUnwindSafe(answers).catch_unwind().map(|item| match item {
        Ok(answer) => answer,
        Err(panic) => Err(of_panic(panic.as_ref())),
    });
    let mut ended = false;
    told.take_while(move |answer| {
        let goes_on = !ended;
        ended |= answer.is_err();
        std::future::ready(goes_on)
    })
    .boxed()
}
