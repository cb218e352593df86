//! `tandem write`: changes of one map from lines of JSON or from CSV, over one stream, with an account of what became of them.

use super::Exit;
use super::remote::{Remote, exit_of};
use super::serve::failed;
use clap::{Args, ValueEnum};
use futures::StreamExt;
use prost_types::NullValue;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tandem_client::v1::value::Kind;
use tandem_client::v1::{
    ColumnType, Disposition, GetTableMapRequest, GetTableRequest, Operation, Record, Side, TableRef, Value,
    WriteRecordRequest, WriteRecordResponse,
};
use tandem_client::{Client, ConnectError, Error, WINDOW, WriterOptions};
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use uuid::Uuid;

/// How long a server may be away, or hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub struct WriteCommand {
    /// The map: its id or name
    #[arg(value_name = "MAP")]
    map: String,
    /// The side where the changes happened, whose columns the lines have
    #[arg(long, value_enum)]
    source: Source,
    /// What the standard input has; without it, a "{" at the beginning means JSON
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The lines are of rows that are gone; their keys are enough
    #[arg(long)]
    delete: bool,
    /// The text that stands for null in CSV
    #[arg(long, value_name = "TEXT", default_value = "")]
    null: String,
    /// What the changes' ids begin with. With the same one the same lines can be sent again within a day, and change nothing twice
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Source {
    Left,
    Right,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One object a line, of columns and their values
    Json,
    /// A line of column names, then one line for each row
    Csv,
}

/// Why the account is not whole.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Remote(#[from] ConnectError),
    #[error("{}", .0.message)]
    Refused(Error),
    #[error("the standard input cannot be read")]
    Input(#[from] io::Error),
    #[error("this map has no table on that side")]
    NoTable,
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Status> for WriteError {
    fn from(status: Status) -> Self {
        Error::from(status).into()
    }
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Account {
    sent: u64,
    became: BTreeMap<&'static str, u64>,
    failed: u64,
}

impl Account {
    fn answered(&self) -> u64 {
        self.became.values().sum::<u64>() + self.failed
    }

    /// For people.
    fn summary(&self) -> String {
        let mut parts: Vec<String> = self.became.iter().map(|(what, count)| format!("{count} {what}")).collect();
        parts.push(format!("{} failed", self.failed));
        format!("{} changes: {}", self.answered(), parts.join(", "))
    }
}

impl WriteCommand {
    pub fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                return failed("nothing was written", &WriteError::Runtime(error), Exit::Environment).into();
            }
        };
        let account = Arc::new(Mutex::new(Account::default()));
        let id = self.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let ended = runtime.block_on(self.write(&id, &account));
        // A thread that waits for the standard input holds nothing up.
        runtime.shutdown_background();
        let account = account.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("{}", account.summary());
        match ended {
            Ok(()) if account.failed == 0 => Exit::Done.into(),
            Ok(()) => Exit::Failed.into(),
            Err(error) => {
                let open = account.sent - account.answered().min(account.sent);
                if open > 0 {
                    eprintln!(
                        "{open} were sent and not answered; send the same lines again with --id {id}, nothing is written twice"
                    );
                }
                let exit = match &error {
                    WriteError::Remote(error) => exit_of(error),
                    WriteError::Input(_) | WriteError::Runtime(_) => Exit::Environment,
                    WriteError::Refused(error) => match error.code {
                        Code::InvalidArgument => Exit::Input,
                        Code::Unavailable | Code::DeadlineExceeded | Code::Unauthenticated => Exit::Environment,
                        _ => Exit::Failed,
                    },
                    WriteError::NoTable => Exit::Failed,
                };
                failed("writing ended", &error, exit).into()
            }
        }
    }

    async fn write(&self, id: &str, account: &Arc<Mutex<Account>>) -> Result<(), WriteError> {
        let server = self.remote.connect().await?;
        let map = if self.map.contains('/') { self.map.clone() } else { format!("tableMaps/{}", self.map) };
        let columns = self.columns(&server, &map).await?;
        let (sender, changes) = channel(WINDOW);
        let lines = Lines {
            map,
            source: match self.source {
                Source::Left => Side::Left,
                Source::Right => Side::Right,
            },
            operation: if self.delete { Operation::Delete } else { Operation::Upsert },
            id: id.to_owned(),
            null: self.null.clone(),
            columns,
            account: account.clone(),
            sender,
        };
        let format = self.format;
        let reading = tokio::task::spawn_blocking(move || lines.read(format, io::stdin().lock()));
        let writer = server.writer(WriterOptions { patience: Some(PATIENCE), ..WriterOptions::default() });
        let taken = ReceiverStream::new(changes).then(async |(line, change)| (line, writer.write(change).await));
        let answered = taken.map(async |(line, taken)| match taken {
            Ok(answer) => (line, answer.await),
            Err(error) => (line, Err(error)),
        });
        let mut answered = pin!(answered.buffered(WINDOW));
        while let Some((line, answer)) = answered.next().await {
            if let Some(error) = writer.failure() {
                return Err(error.clone().into()); // what is left is not known of, and the account says how much
            }
            note(&mut account.lock().unwrap_or_else(PoisonError::into_inner), line, answer);
        }
        match reading.await {
            Ok(read) => Ok(read?),
            Err(_) => Err(WriteError::Input(io::ErrorKind::Interrupted.into())),
        }
    }

    /// The columns of the table that the lines are of: what their values are is said there.
    async fn columns(&self, server: &Client, map: &str) -> Result<HashMap<String, ColumnType>, WriteError> {
        let mut maps = server.table_maps();
        let map = maps.get_table_map(GetTableMapRequest { name: map.to_owned() }).await?.into_inner();
        let side = match self.source {
            Source::Left => map.left,
            Source::Right => map.right,
        };
        let TableRef { application, table, .. } = side.ok_or(WriteError::NoTable)?;
        let table = table.replace('%', "%25").replace('/', "%2F");
        let name = format!("{application}/tables/{table}");
        let table = maps.get_table(GetTableRequest { name }).await?.into_inner();
        Ok(table.columns.iter().map(|column| (column.name.clone(), column.r#type())).collect())
    }
}

/// Counts an answer; a failure is told with the line that it is of.
fn note(account: &mut Account, line: usize, answer: Result<WriteRecordResponse, Error>) {
    match answer {
        Ok(written) => {
            let became = match written.disposition() {
                Disposition::Applied => "applied",
                Disposition::Queued => "queued",
                Disposition::Skipped => "skipped",
                Disposition::Unspecified => "taken",
            };
            *account.became.entry(became).or_default() += 1;
        }
        Err(error) => {
            account.failed += 1;
            eprintln!("line {line}: {}", error.message);
        }
    }
}

/// Reads lines and sends them as changes.
struct Lines {
    map: String,
    source: Side,
    operation: Operation,
    id: String,
    null: String,
    columns: HashMap<String, ColumnType>,
    account: Arc<Mutex<Account>>,
    sender: Sender<(usize, WriteRecordRequest)>,
}

impl Lines {
    fn read(&self, format: Option<Format>, mut input: impl BufRead) -> io::Result<()> {
        let begins_with_object = input.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let format = format.unwrap_or(if begins_with_object { Format::Json } else { Format::Csv });
        match format {
            Format::Json => self.json(input),
            Format::Csv => self.csv(input),
        }
    }

    fn json(&self, input: impl BufRead) -> io::Result<()> {
        for (number, line) in input.lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let record = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&line)
                .map_err(|error| error.to_string())
                .and_then(|row| {
                    row.into_iter().map(|(name, given)| Ok((name.clone(), self.value(&name, &given)?))).collect()
                });
            if !self.send(number + 1, record) {
                break;
            }
        }
        Ok(())
    }

    fn csv(&self, input: impl Read) -> io::Result<()> {
        let mut rows = csv::ReaderBuilder::new().from_reader(input);
        let names = rows.headers().map_err(io::Error::other)?.clone();
        for (index, row) in rows.records().enumerate() {
            let record = row.map_err(|error| error.to_string()).and_then(|row| {
                let cells = names.iter().zip(row.iter());
                cells.map(|(name, cell)| Ok((name.to_owned(), self.cell(name, cell)?))).collect()
            });
            if !self.send(index + 2, record) {
                break; // the stream has ended
            }
        }
        Ok(())
    }

    /// Whether there is still somebody to send to.
    fn send(&self, line: usize, record: Result<HashMap<String, Value>, String>) -> bool {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let fields = match record {
            Ok(fields) => fields,
            Err(why) => {
                account.failed += 1;
                account.sent += 1;
                eprintln!("line {line}: {why}");
                return true;
            }
        };
        account.sent += 1;
        drop(account);
        let change = WriteRecordRequest {
            table_map: self.map.clone(),
            source: self.source.into(),
            operation: self.operation.into(),
            record: Some(Record { fields }),
            change_id: format!("{}-{line}", self.id),
            ..Default::default()
        };
        self.sender.blocking_send((line, change)).is_ok()
    }

    fn kind(&self, name: &str) -> ColumnType {
        self.columns.get(name).copied().unwrap_or(ColumnType::Unspecified)
    }

    /// A cell of CSV, by its column.
    fn cell(&self, name: &str, cell: &str) -> Result<Value, String> {
        if cell == self.null {
            return Ok(null());
        }
        typed(self.kind(name), cell).map_err(|why| format!("{name}: {why}"))
    }

    /// A value of JSON, by its column; a text is read as CSV's would be.
    fn value(&self, name: &str, given: &serde_json::Value) -> Result<Value, String> {
        use serde_json::Value as Json;
        let kind = self.kind(name);
        let read = match given {
            Json::Null => return Ok(null()),
            _ if kind == ColumnType::Json => Ok(valued(Kind::JsonValue(given.to_string()))),
            Json::String(text) => typed(kind, text),
            Json::Bool(value) => typed(kind, &value.to_string()),
            Json::Number(number) if kind == ColumnType::Unspecified => typed(ColumnType::Decimal, &number.to_string()),
            Json::Number(number) => typed(kind, &number.to_string()),
            Json::Array(_) | Json::Object(_) => Err("only a column of JSON takes a list or an object".to_owned()),
        };
        read.map_err(|why| format!("{name}: {why}"))
    }
}

fn valued(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

fn null() -> Value {
    valued(Kind::NullValue(NullValue::NullValue.into()))
}

/// A text as a value of a column's type. What the type does not take is left to the server to say, where it says more.
fn typed(kind: ColumnType, text: &str) -> Result<Value, String> {
    let owned = || text.to_owned();
    Ok(valued(match kind {
        ColumnType::Bool => match text.to_lowercase().as_str() {
            "true" | "t" | "1" | "yes" => Kind::BoolValue(true),
            "false" | "f" | "0" | "no" => Kind::BoolValue(false),
            _ => return Err(format!("{text:?} is neither true nor false")),
        },
        ColumnType::Int64 => Kind::Int64Value(text.parse().map_err(|_| format!("{text:?} is no whole number"))?),
        ColumnType::Double => Kind::DoubleValue(text.parse().map_err(|_| format!("{text:?} is no number"))?),
        ColumnType::Bytes => {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            Kind::BytesValue(bytes.map_err(|_| "this is not base64".to_owned())?)
        }
        ColumnType::Timestamp => {
            Kind::TimestampValue(text.parse().map_err(|_| format!("{text:?} is no time such as 2026-02-28T12:00:00Z"))?)
        }
        ColumnType::Date => Kind::DateValue(owned()),
        ColumnType::Decimal => Kind::DecimalValue(owned()),
        ColumnType::Uuid => Kind::UuidValue(owned()),
        ColumnType::Json => Kind::JsonValue(owned()),
        ColumnType::String | ColumnType::Unspecified | ColumnType::Unsupported => Kind::StringValue(owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_value_of_its_column() {
        let kind = |kind, text| typed(kind, text).map(|value| value.kind.unwrap());
        assert_eq!(kind(ColumnType::Int64, "-7"), Ok(Kind::Int64Value(-7)));
        assert_eq!(kind(ColumnType::Bool, "T"), Ok(Kind::BoolValue(true)));
        assert_eq!(kind(ColumnType::Decimal, "1.50"), Ok(Kind::DecimalValue("1.50".to_owned())));
        assert_eq!(kind(ColumnType::String, "1"), Ok(Kind::StringValue("1".to_owned())));
        assert_eq!(kind(ColumnType::Bytes, "AAE="), Ok(Kind::BytesValue(vec![0, 1])));
        let time = kind(ColumnType::Timestamp, "2026-02-28T12:00:00.5Z");
        assert_eq!(
            time,
            Ok(Kind::TimestampValue(prost_types::Timestamp { seconds: 1_772_280_000, nanos: 500_000_000 }))
        );
        for (column, text) in [(ColumnType::Int64, "1.5"), (ColumnType::Bool, "maybe"), (ColumnType::Timestamp, "noon")]
        {
            assert!(typed(column, text).is_err(), "{text}");
        }
    }
}
