//! One call, from its request to what is printed: unary, page by page, or a stream.

use super::answers::{self, Output};
use super::codec::Dynamic;
use super::contract;
use super::following;
use super::progress::{Progress, Told};
use super::request;
use super::verbs::{self, Verb};
use crate::cli::Exit;
use crate::cli::remote::{self, Remote};
use crate::cli::serve::failed;
use prost_reflect::{DynamicMessage, MethodDescriptor, ReflectMessage, Value as Field};
use serde_json::Value;
use std::io::{self, BufRead};
use std::time::Duration;
use tandem_client::{Calls, ConnectError};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// Requests of a stream that were read and not yet sent.
const READ_AHEAD: usize = 64;
const PAGE_SIZE_MAX: usize = 1_000;
/// How often a server that has gone is looked for.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error(transparent)]
    Remote(#[from] ConnectError),
    #[error("{}", told(.0))]
    Refused(Box<Status>),
    #[error("the answer cannot be printed")]
    Print(#[from] io::Error),
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// What a status says: the message, and the reason that programs go by.
fn told(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|info| info.reason).filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{reason}", status.message())
}

/// What was typed beside the request.
pub struct Call<'a> {
    pub verb: &'static Verb,
    pub remote: &'a Remote,
    pub output: Output,
    /// Entries of a list.
    pub limit: Option<usize>,
    /// Whether to follow what it begins.
    pub watch: bool,
}

pub fn call(call: &Call<'_>, request: DynamicMessage) -> Exit {
    let verb = call.verb;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let called = runtime.map_err(CallError::Runtime).and_then(|runtime| runtime.block_on(answered(call, request)));
    match called {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Failed, // what is printed says which and why
        // A reader that has seen enough and closed the pipe is no failure.
        Err(CallError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            let exit = exit_of(&error);
            failed(&format!("{} {}", verb.noun, verb.verb), &error, exit)
        }
    }
}

fn exit_of(error: &CallError) -> Exit {
    match error {
        CallError::Remote(error) => remote::exit_of(error),
        CallError::Runtime(_) | CallError::Print(_) => Exit::Environment,
        CallError::Refused(status) => match status.code() {
            Code::InvalidArgument => Exit::Input,
            Code::Unavailable | Code::Unauthenticated => Exit::Environment,
            _ => Exit::Failed,
        },
    }
}

/// Makes the call, and says whether all of it went well.
async fn answered(call: &Call<'_>, request: DynamicMessage) -> Result<bool, CallError> {
    let method = contract::method(call.verb.method);
    let server = call.remote.connect().await?.calls();
    if following::can_go_on(&method) {
        let progress = Progress::new(call.output, call.verb, false);
        return follow(call, &method, progress, server, request).await;
    }
    if method.is_client_streaming() || method.is_server_streaming() {
        return stream(call, &method, server, request).await;
    }
    let answer = match call.limit {
        None => unary(&method, server.clone(), request).await?,
        Some(limit) => pages(&method, server.clone(), request, limit).await?,
    };
    answers::print(call.output, call.verb, &answer)?;
    let mut all_well = all_went_well(&answer);
    if let Some(begins) = call.verb.begins.filter(|_| call.watch) {
        let watch = contract::method(begins.method);
        for name in answers::texts_at(&answers::object(&answer)?, begins.name) {
            let mut request = DynamicMessage::new(watch.input());
            request.set_field_by_name("name", Field::String(name));
            let progress = Progress::new(call.output, verbs::of(begins.method), true);
            all_well &= follow(call, &watch, progress, server.clone(), request).await?;
        }
    }
    Ok(all_well)
}

/// Answers about several things, in which some may have failed and others not.
const REPORTS: [&str; 2] = ["tandem.v1.TransitionResponse", "tandem.v1.WriteRecordsResponse"];

/// Whether an answer about several things tells of no failure.
fn all_went_well(answer: &DynamicMessage) -> bool {
    if !REPORTS.contains(&answer.descriptor().full_name()) {
        return true;
    }
    let failed = |message: &DynamicMessage| {
        message
            .fields()
            .any(|(field, _)| field.kind().as_message().is_some_and(|kind| kind.full_name() == "google.rpc.Status"))
    };
    let entries = answer.fields().filter_map(|(_, value)| value.as_list());
    let failed_entry = entries.flatten().filter_map(Field::as_message).any(failed);
    !failed(answer) && !failed_entry
}

async fn unary(method: &MethodDescriptor, server: Calls, request: DynamicMessage) -> Result<DynamicMessage, Status> {
    let mut client = tonic::client::Grpc::new(server);
    ready(&mut client).await?;
    Ok(client.unary(Request::new(request), path(method)?, Dynamic(method.clone())).await?.into_inner())
}

async fn ready(client: &mut tonic::client::Grpc<Calls>) -> Result<(), Status> {
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))
}

fn path(method: &MethodDescriptor) -> Result<http::uri::PathAndQuery, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    path.parse().map_err(|_| Status::internal("this is no path"))
}

/// All pages as one answer, up to so many entries.
async fn pages(
    method: &MethodDescriptor,
    server: Calls,
    mut request: DynamicMessage,
    limit: usize,
) -> Result<DynamicMessage, CallError> {
    let Some((entries, _)) = contract::entries(&method.output()) else {
        return Ok(unary(method, server, request).await?);
    };
    let mut all: Vec<Field> = Vec::new();
    loop {
        let size = limit.saturating_sub(all.len()).clamp(1, PAGE_SIZE_MAX);
        request.set_field_by_name("page_size", Field::I32(i32::try_from(size).unwrap_or(i32::MAX)));
        let mut page = unary(method, server.clone(), request.clone()).await?;
        if let Field::List(list) = page.get_field(&entries).into_owned() {
            all.extend(list);
        }
        let next = page.get_field_by_name("next_page_token").and_then(|token| token.as_str().map(str::to_owned));
        match next.filter(|token| !token.is_empty() && all.len() < limit) {
            Some(token) => request.set_field_by_name("page_token", Field::String(token)),
            None => {
                all.truncate(limit);
                page.set_field(&entries, Field::List(all));
                return Ok(page);
            }
        }
    }
}

/// A stream that goes on after a break where it was, until it ends or what it watches does.
async fn follow(
    call: &Call<'_>,
    method: &MethodDescriptor,
    mut progress: Progress,
    mut server: Calls,
    mut request: DynamicMessage,
) -> Result<bool, CallError> {
    loop {
        let status = match followed(method, server, &mut request, &mut progress).await {
            Ok(well) => return Ok(well),
            Err(CallError::Refused(status)) if following::passes(&status) => status,
            Err(error) => return Err(error),
        };
        progress.say(&format!("the connection broke ({}); going on when the server is there again", status.message()));
        server = loop {
            tokio::time::sleep(TRY_AGAIN).await;
            match call.remote.connect().await {
                Err(ConnectError::Unreachable(..)) => {}
                connected => break connected?.calls(),
            }
        };
    }
}

/// One stream of it; the request becomes that for what comes after it.
async fn followed(
    method: &MethodDescriptor,
    server: Calls,
    request: &mut DynamicMessage,
    progress: &mut Progress,
) -> Result<bool, CallError> {
    let mut client = tonic::client::Grpc::new(server);
    ready(&mut client).await?;
    let asked = Request::new(request.clone());
    let mut answers = client.server_streaming(asked, path(method)?, Dynamic(method.clone())).await?.into_inner();
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        following::go_on_after(request, &answer);
        if let Told::Ended { well } = progress.show(&answer)? {
            return Ok(well);
        }
    }
    Ok(true)
}

/// A download, or changes that are handed over: it has its end, and cannot be begun anew.
async fn stream(
    call: &Call<'_>,
    method: &MethodDescriptor,
    server: Calls,
    request: DynamicMessage,
) -> Result<bool, CallError> {
    let mut client = tonic::client::Grpc::new(server);
    ready(&mut client).await?;
    let codec = Dynamic(method.clone());
    let mut answers = if method.is_client_streaming() {
        let requests = Request::new(ReceiverStream::new(typed_lines(method)));
        client.streaming(requests, path(method)?, codec).await?.into_inner()
    } else {
        client.server_streaming(Request::new(request), path(method)?, codec).await?.into_inner()
    };
    let raw = bytes_field(method);
    let mut all_well = true;
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        match raw.as_ref().and_then(|field| answer.get_field(field).as_bytes().cloned()) {
            Some(bytes) => io::Write::write_all(&mut io::stdout().lock(), &bytes)?,
            None => answers::print_item(call.output, call.verb, &answer)?,
        }
        all_well &= all_went_well(&answer);
    }
    Ok(all_well)
}

/// The field of a download that is the file itself.
fn bytes_field(method: &MethodDescriptor) -> Option<prost_reflect::FieldDescriptor> {
    let mut fields = method.output().fields().collect::<Vec<_>>();
    let only = fields.pop().filter(|_| fields.is_empty())?;
    (only.kind() == prost_reflect::Kind::Bytes).then_some(only)
}

/// The requests of a stream: one object of JSON a line, from the standard input. A line that is none ends it, and is told.
fn typed_lines(method: &MethodDescriptor) -> tokio::sync::mpsc::Receiver<DynamicMessage> {
    let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
    let input = method.input();
    std::thread::spawn(move || {
        for (number, line) in io::stdin().lock().lines().map_while(Result::ok).enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let object = serde_json::from_str::<Value>(&line).map_err(|error| error.to_string());
            match object.and_then(|object| request::message(&input, object).map_err(|error| error.to_string())) {
                Ok(request) => {
                    if sender.blocking_send(request).is_err() {
                        return; // the stream has ended
                    }
                }
                Err(why) => {
                    eprintln!("line {}: {why}; it and what follows was not sent", number + 1);
                    return;
                }
            }
        }
    });
    receiver
}
