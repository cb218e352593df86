//! The activity log as a file: in chunks, made as fast as they are taken, of what was there when the call began.

use super::input::Input;
use super::names::MapOrAll;
use super::proto::{self, ActivityFormat};
use super::status::CallError;
use super::{Answers, Services, answers, as_json};
use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::log::{EventFilter, LogOf};
use crate::engine::reading::Held;
use crate::model::ids::{ExecutionNumber, MapId, QueueSequence};
use crate::model::under_way::UnderWay;
use prost::Message;
use prost_reflect::MessageDescriptor;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The largest chunk.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Events and errors of one read.
const EVENTS_AT_ONCE: usize = 256;
const ERRORS_AT_ONCE: usize = 100;

/// The first column of a file with errors, and the names of what its lines are.
const LINE_TYPE: &str = "type";
const EVENT: &str = "event";
const QUEUED_RECORD: &str = "queuedRecord";
const EXECUTION_ERROR: &str = "executionError";

/// What comes next.
enum Stage {
    /// Events from this place on.
    Events(Option<u64>),
    /// The catch-up errors of the first of these maps, after this one.
    Errors(VecDeque<MapId>, QueueSequence),
    /// The failed rows of an execution of the first of these maps, after this one; none before the newest.
    Rows(VecDeque<MapId>, Option<ExecutionNumber>, u64),
    End,
}

/// A file in the making.
struct Download {
    engine: Arc<Engine>,
    closing: CancellationToken,
    log: LogOf,
    filter: EventFilter,
    /// The last place that there was when the call began.
    until: u64,
    with_errors: bool,
    form: Form,
    stage: Stage,
    ready: Vec<u8>,
}

impl Services {
    pub(super) fn download_activity(
        &self,
        request: &proto::DownloadActivityRequest,
    ) -> Result<Answers<proto::DownloadActivityResponse>, CallError> {
        let mut input = Input::default();
        let log = input.table_map_or_all("parent", &request.parent).map(|parent| match parent {
            MapOrAll::Map(map) => LogOf::Map(map),
            MapOrAll::All => LogOf::All,
        });
        let format = input.known::<ActivityFormat>("format", request.format);
        let mut filter = input.event_filter(request.filter.as_ref());
        filter.start_time = input.time("start_time", request.start_time);
        filter.end_time = input.time("end_time", request.end_time);
        let (log, format) = input.with(log.zip(format))?;
        let until = self.engine.last_place(&log)?;
        let form = Form::new(format, request.include_errors)?;
        let mut ready = Vec::new();
        form.begin(&mut ready)?;
        let download = Download {
            engine: self.engine.clone(),
            closing: self.closing.clone(),
            log,
            filter,
            until,
            with_errors: request.include_errors,
            form,
            stage: Stage::Events(None),
            ready,
        };
        let chunks = futures::stream::unfold(Some(download), |download| async move {
            let mut download = download?;
            match download.chunk().await {
                Ok(None) => None,
                Ok(Some(chunk)) => Some((Ok(proto::DownloadActivityResponse { chunk }), Some(download))),
                Err(error) => Some((Err(CallError::from(error).into()), None)),
            }
        });
        Ok(answers::guarded(chunks))
    }
}

impl Download {
    /// The next bytes; none at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, EngineError> {
        while self.ready.len() < CHUNK_BYTES_MAX && !matches!(self.stage, Stage::End) {
            if self.closing.is_cancelled() {
                return Err(EngineError::ShuttingDown);
            }
            self.stage = match std::mem::replace(&mut self.stage, Stage::End) {
                Stage::Events(from) => self.events(from)?,
                Stage::Errors(maps, after) => self.errors(maps, after)?,
                Stage::Rows(maps, execution, after) => self.rows(maps, execution, after)?,
                Stage::End => Stage::End,
            };
            tokio::task::yield_now().await; // a filter may pass over much
        }
        let rest = self.ready.split_off(self.ready.len().min(CHUNK_BYTES_MAX));
        let chunk = std::mem::replace(&mut self.ready, rest);
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    fn events(&mut self, from: Option<u64>) -> Result<Stage, EngineError> {
        let page = self.engine.list_events(&self.log, &self.filter, false, from, EVENTS_AT_ONCE)?;
        for event in page.events {
            if self.log.place(&event) > self.until {
                return Ok(self.after_events());
            }
            self.form.line(&mut self.ready, EVENT, &proto::ActivityEvent::from(event))?;
        }
        let more = page.next.filter(|next| *next <= self.until);
        Ok(more.map_or_else(|| self.after_events(), |next| Stage::Events(Some(next))))
    }

    fn after_events(&self) -> Stage {
        if !self.with_errors {
            return Stage::End;
        }
        let maps = match &self.log {
            LogOf::Map(map) => [map.clone()].into(),
            LogOf::All => self.engine.maps().iter().map(|view| view.map.id.clone()).collect(),
        };
        Stage::Errors(maps, QueueSequence(0))
    }

    fn errors(&mut self, mut maps: VecDeque<MapId>, after: QueueSequence) -> Result<Stage, EngineError> {
        let Some(map) = maps.front() else { return Ok(Stage::End) };
        let view = match self.engine.map(map) {
            Ok(view) => view,
            Err(EngineError::MapNotFound(_)) => {
                maps.pop_front(); // it took its errors along
                return Ok(Stage::Errors(maps, QueueSequence(0)));
            }
            Err(error) => return Err(error),
        };
        let errors = self.engine.errors_by(map, None, after, ERRORS_AT_ONCE)?;
        let Some(last) = errors.last().map(|error| error.record.sequence) else {
            return Ok(Stage::Rows(maps, None, 0));
        };
        let filter = &self.filter;
        for error in errors.into_iter().filter(|error| filter.covers(error.fail_time)) {
            let shown =
                super::queued_records::shown(map, &view.map.definition, Held::Error(error), &UnderWay::default());
            self.form.line(&mut self.ready, QUEUED_RECORD, &shown)?;
        }
        Ok(Stage::Errors(maps, last))
    }

    fn rows(
        &mut self,
        mut maps: VecDeque<MapId>,
        execution: Option<ExecutionNumber>,
        after: u64,
    ) -> Result<Stage, EngineError> {
        let Some(map) = maps.front().cloned() else { return Ok(Stage::End) };
        let mut next_map = || {
            maps.pop_front();
            Ok(Stage::Errors(std::mem::take(&mut maps), QueueSequence(0)))
        };
        let Ok(view) = self.engine.map(&map) else { return next_map() };
        let number = match execution {
            Some(number) => number,
            None => match self.engine.executions(&map, None, 1)?.first() {
                Some(latest) => latest.number,
                None => return next_map(),
            },
        };
        let rows = match self.engine.execution_errors(&map, number, after, ERRORS_AT_ONCE) {
            Ok(rows) => rows,
            Err(EngineError::ExecutionNotFound { .. }) => return next_map(),
            Err(error) => return Err(error),
        };
        let Some(last) = rows.last().map(|(number, _)| *number) else {
            return match number.0 {
                0 | 1 => next_map(),
                number => Ok(Stage::Rows(maps, Some(ExecutionNumber(number - 1)), 0)),
            };
        };
        let filter = &self.filter;
        for row in rows.into_iter().filter(|(_, error)| filter.covers(error.time)) {
            let shown = super::executions::failed_row(&map, number, &view.map.definition, &UnderWay::default(), row);
            self.form.line(&mut self.ready, EXECUTION_ERROR, &shown)?;
        }
        Ok(Stage::Rows(maps, Some(number), last))
    }
}

/// How lines are written.
struct Form {
    /// What lines can be; only events, or all three.
    kinds: Vec<(&'static str, MessageDescriptor)>,
    /// The columns of CSV; none for JSON lines.
    columns: Option<Vec<String>>,
}

impl Form {
    fn new(format: ActivityFormat, with_errors: bool) -> Result<Form, EngineError> {
        let mut kinds = vec![(EVENT, as_json::descriptor("ActivityEvent")?)];
        if with_errors {
            kinds.push((QUEUED_RECORD, as_json::descriptor("QueuedRecord")?));
            kinds.push((EXECUTION_ERROR, as_json::descriptor("ExecutionError")?));
        }
        let columns = match format {
            ActivityFormat::Unspecified | ActivityFormat::JsonLines => None,
            ActivityFormat::Csv => {
                let mut columns: Vec<String> = Vec::new();
                for name in kinds.iter().flat_map(|(_, kind)| as_json::fields(kind)) {
                    if !columns.contains(&name) {
                        columns.push(name);
                    }
                }
                Some(columns)
            }
        };
        Ok(Form { kinds, columns })
    }

    fn has_errors(&self) -> bool {
        self.kinds.len() > 1
    }

    /// What comes before the first line.
    fn begin(&self, to: &mut Vec<u8>) -> Result<(), EngineError> {
        let Some(columns) = &self.columns else { return Ok(()) };
        let first = self.has_errors().then_some(LINE_TYPE);
        cells(to, first.into_iter().chain(columns.iter().map(String::as_str)))
    }

    fn line(&self, to: &mut Vec<u8>, name: &'static str, message: &impl Message) -> Result<(), EngineError> {
        let kind = self.kinds.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind);
        let mut fields = as_json::object(kind.ok_or(EngineError::NotReady)?, message)?;
        let Some(columns) = &self.columns else {
            if self.has_errors() {
                fields = Map::from_iter([(name.to_owned(), Value::Object(fields))]);
            }
            to.extend(Value::Object(fields).to_string().into_bytes());
            to.push(b'\n');
            return Ok(());
        };
        let cell = |column: &String| match fields.remove(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        let values: Vec<String> = columns.iter().map(cell).collect();
        let first = self.has_errors().then_some(name);
        cells(to, first.into_iter().chain(values.iter().map(String::as_str)))
    }
}

/// A line as RFC 4180 has it.
fn cells<'a>(to: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) -> Result<(), EngineError> {
    let mut line = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let written = line.write_record(cells).ok().and_then(|()| line.into_inner().ok());
    to.extend(written.ok_or(EngineError::NotReady)?); // memory takes every write
    Ok(())
}
