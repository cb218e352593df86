//! Many changes over one stream.

use crate::backoff::Backoff;
use crate::calls::Calls;
use crate::error::Error;
use crate::v1::sync_service_client::SyncServiceClient;
use crate::v1::write_records_response::Result as Outcome;
use crate::v1::{WriteRecordRequest, WriteRecordResponse, WriteRecordsRequest, WriteRecordsResponse};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// How many changes are under way at most, unless it is said otherwise.
pub const WINDOW: usize = 256;

/// How a writer goes about it.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// How many changes are under way at most; at least one.
    pub window: usize,
    /// Ends it when no answer has come for so long; what became of what it had sent is not known then. None: it waits for
    /// the server without an end.
    pub patience: Option<Duration>,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions { window: WINDOW, patience: None }
    }
}

/// Sends changes ahead of their answers, in the order in which they are given. After a break what was not answered is sent
/// again under the same ids, so that nothing is lost and nothing is written twice. What it has taken is also written when it is
/// dropped, as long as the runtime lives.
#[derive(Debug)]
pub struct Writer {
    changes: mpsc::Sender<Change>,
    room: Arc<Semaphore>,
    window: u32,
    failed: Arc<OnceLock<Error>>,
    task: JoinHandle<()>,
}

/// What becomes of a change; a change goes on also when this is dropped.
#[derive(Debug)]
pub struct Answer(oneshot::Receiver<Result<WriteRecordResponse, Error>>);

impl Future for Answer {
    type Output = Result<WriteRecordResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let gone = || Err(Error::unavailable("the writer's runtime ended before the change was answered"));
        Pin::new(&mut self.0).poll(context).map(|answered| answered.unwrap_or_else(|_| gone()))
    }
}

#[derive(Debug)]
struct Change {
    request: WriteRecordRequest,
    answer: oneshot::Sender<Result<WriteRecordResponse, Error>>,
    /// Its place in the window, until it is answered.
    _place: OwnedSemaphorePermit,
}

impl Writer {
    pub(crate) fn start(sync: SyncServiceClient<Calls>, options: WriterOptions) -> Writer {
        let window = options.window.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let (changes, given) = mpsc::channel(window);
        let (room, failed) = (Arc::new(Semaphore::new(window)), Arc::new(OnceLock::new()));
        let writing =
            Writing { sync, given, window, patience: options.patience, under_way: VecDeque::new(), open: true };
        let task = tokio::spawn(writing.run(room.clone(), failed.clone()));
        Writer { changes, room, window: window as u32, failed, task }
    }

    /// Takes a change, as soon as there is room in the window. A change without a `change_id` gets one. An error is the
    /// writer's: the change was not taken. What becomes of the change the answer tells; one that fails does not hold up those
    /// after it.
    pub async fn write(&self, mut change: WriteRecordRequest) -> Result<Answer, Error> {
        let Ok(place) = self.room.clone().acquire_owned().await else { return Err(self.why()) };
        if change.change_id.is_empty() {
            change.change_id = uuid::Uuid::new_v4().to_string();
        }
        let (answer, answered) = oneshot::channel();
        // There is room: the channel has as much as there are places.
        self.changes.try_send(Change { request: change, answer, _place: place }).map_err(|_| self.why())?;
        Ok(Answer(answered))
    }

    /// Waits until everything that was given is answered.
    pub async fn flush(&self) {
        let _ = self.room.acquire_many(self.window).await; // an error: it has failed, and all is answered
    }

    /// Takes nothing more, and waits until everything that was given is answered.
    pub async fn close(self) {
        drop(self.changes);
        let _ = self.task.await; // it does not panic, and nobody aborts it
    }

    /// Why it takes nothing more, when it has failed. Everything that was under way then has the same error.
    pub fn failure(&self) -> Option<&Error> {
        self.failed.get()
    }

    fn why(&self) -> Error {
        self.failed.get().cloned().unwrap_or_else(|| Error::unavailable("the writer's runtime has ended"))
    }
}

/// The task behind a writer.
struct Writing {
    sync: SyncServiceClient<Calls>,
    given: mpsc::Receiver<Change>,
    window: usize,
    patience: Option<Duration>,
    /// What was given and is not answered, in order.
    under_way: VecDeque<Change>,
    /// Whether more may be given.
    open: bool,
}

impl Writing {
    async fn run(mut self, room: Arc<Semaphore>, failed: Arc<OnceLock<Error>>) {
        let mut backoff = Backoff::default();
        let mut heard = Instant::now();
        while self.has_work(&mut heard).await {
            let Err(error) = self.over_a_stream(&mut backoff, &mut heard).await else { continue };
            if !error.is_transient() {
                return self.fail(error, &room, &failed);
            }
            tokio::select! {
                () = backoff.wait() => {}
                error = patience_ends(self.patience, heard) => return self.fail(error, &room, &failed),
            }
        }
    }

    /// Waits for something to write; false when there will be nothing more.
    async fn has_work(&mut self, heard: &mut Instant) -> bool {
        if self.under_way.is_empty() && self.open {
            let given = self.given.recv().await;
            self.take(given, heard);
        }
        !self.under_way.is_empty()
    }

    /// Takes what was given; None when nothing will be.
    fn take(&mut self, given: Option<Change>, heard: &mut Instant) {
        if self.under_way.is_empty() {
            *heard = Instant::now(); // nobody waited for an answer before
        }
        match given {
            Some(change) => self.under_way.push_back(change),
            None => self.open = false,
        }
    }

    /// Writes over one stream until it ends: an error when something was still waited for.
    async fn over_a_stream(&mut self, backoff: &mut Backoff, heard: &mut Instant) -> Result<(), Error> {
        // It has room for everything that may be under way, so that sending never waits.
        let (sender, sent) = mpsc::channel(self.window);
        for change in &self.under_way {
            let _ = sender.try_send(WriteRecordsRequest { change: Some(change.request.clone()) });
        }
        let mut sync = self.sync.clone();
        let mut answers = tokio::select! {
            opened = sync.write_records(ReceiverStream::new(sent)) => opened?.into_inner(),
            error = patience_ends(self.patience, *heard) => return Err(error),
        };
        let mut sender = Some(sender);
        loop {
            if !self.open {
                sender = None; // ends the stream after the last answer
            }
            tokio::select! {
                given = self.given.recv(), if self.open => {
                    if let (Some(sender), Some(change)) = (&sender, &given) {
                        let _ = sender.try_send(WriteRecordsRequest { change: Some(change.request.clone()) });
                    }
                    self.take(given, heard);
                }
                answer = next(&mut answers) => match answer {
                    Ok(answer) => {
                        backoff.reset();
                        *heard = Instant::now();
                        self.answered(answer);
                    }
                    Err(_) if self.under_way.is_empty() => return Ok(()),
                    Err(error) => return Err(error),
                },
                error = patience_ends(self.patience, *heard), if !self.under_way.is_empty() => return Err(error),
            }
        }
    }

    /// Hands an answer to the oldest change, whose it is.
    fn answered(&mut self, answer: WriteRecordsResponse) {
        let Some(change) = self.under_way.pop_front() else { return };
        let outcome = match answer.result {
            Some(Outcome::Written(written)) => Ok(written),
            Some(Outcome::Status(status)) => Err(status.into()),
            None => Err(Error::unavailable("the answer to the change says nothing that this client knows")),
        };
        let _ = change.answer.send(outcome); // nobody may want to know
    }

    fn fail(mut self, error: Error, room: &Semaphore, failed: &OnceLock<Error>) {
        let _ = failed.set(error.clone());
        room.close();
        self.given.close();
        while let Ok(change) = self.given.try_recv() {
            self.under_way.push_back(change);
        }
        for change in self.under_way {
            let _ = change.answer.send(Err(error.clone()));
        }
    }
}

/// Ends when no answer has come for too long: a server may be there and hang.
async fn patience_ends(patience: Option<Duration>, heard: Instant) -> Error {
    let Some(patience) = patience else { return std::future::pending().await };
    tokio::time::sleep_until(heard + patience).await;
    tonic::Status::deadline_exceeded(format!("no answer came within {patience:?}")).into()
}

async fn next(answers: &mut Streaming<WriteRecordsResponse>) -> Result<WriteRecordsResponse, Error> {
    let ended = || Error::unavailable("the stream ended before everything was answered");
    answers.message().await?.ok_or_else(ended)
}
