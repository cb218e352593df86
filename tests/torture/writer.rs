//! A caller that writes changes of its own keys, as the contract tells callers to: it keeps what was not answered, sends
//! it again in order and under the same ids after a break, and does not send again what was refused.

use super::applications::{COPIED_ROWS, COPIES, RIGHT_KEYS};
use super::findings::{Dice, Findings, Promise};
use super::support::databases::sql;
use super::support::world::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tandem::services::proto::sync_service_client::SyncServiceClient;
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic_types::RpcStatusExt;

/// Changes that a stream may have unsent.
const AHEAD_MAX: usize = 64;
/// One change in so many is an old one, sent again.
const AGAIN_ONE_IN: u64 = 30;
/// How far back it may be.
const AGAIN_BACK_MAX: u64 = 3_000;

/// A change that was sent at least once.
#[derive(Debug, Clone)]
pub struct Sent {
    pub key: i64,
    pub version: i64,
    pub answer: Option<WriteRecordResponse>,
    /// It was refused, and is not sent again.
    pub refused: Option<String>,
}

impl Sent {
    pub fn is(&self, disposition: Disposition) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.disposition() == disposition)
    }
}

pub struct Writer {
    pub map: &'static str,
    source: Side,
    name: String,
    keys: Vec<i64>,
    versions: BTreeMap<i64, i64>,
    /// All that was sent; a change's id says its place.
    pub sent: Vec<Sent>,
    /// What was not answered, in the order in which it was sent.
    open: VecDeque<usize>,
    /// Where the source's own row is written first; none where only the call counts.
    own_rows: Option<String>,
    dice: Dice,
    findings: Arc<Findings>,
}

impl Writer {
    pub fn new(map: &'static str, source: Side, number: i64, dice: Dice, findings: Arc<Findings>) -> Writer {
        let first = number * 100 + if source == Side::Right { RIGHT_KEYS } else { 1 };
        let keys: Vec<i64> = if map == COPIES {
            (0..12).map(|place| 1 + place * (COPIED_ROWS - 1) / 11).collect()
        } else {
            (first..first + 6).collect()
        };
        let name = format!("{map}-{}-{number}", source.as_str_name());
        let versions = keys.iter().map(|key| (*key, 0)).collect();
        let (sent, open) = (Vec::new(), VecDeque::new());
        Writer { map, source, name, keys, versions, sent, open, own_rows: None, dice, findings }
    }

    /// The caller writes its own row before it calls, as an application does.
    pub fn with_own_rows(self, url: String) -> Writer {
        Writer { own_rows: Some(url), ..self }
    }

    /// The place of the change with this id, if it is one of this writer's.
    pub fn place_of(&self, change_id: &str) -> Option<usize> {
        change_id.strip_prefix(&self.name)?.strip_prefix('#')?.parse().ok()
    }

    pub fn id_of(&self, place: usize) -> String {
        format!("{}#{place}", self.name)
    }

    pub fn answered_count(&self) -> usize {
        self.sent.iter().filter(|sent| sent.answer.is_some()).count()
    }

    pub fn unanswered(&self) -> usize {
        self.open.len()
    }

    async fn make(&mut self) -> usize {
        let key = *self.dice.choose(&self.keys);
        let version = self.versions.entry(key).or_default();
        *version += 1;
        let version = *version;
        if let Some(url) = &self.own_rows {
            let statement = format!(
                "PRAGMA busy_timeout = 20000; UPDATE copies SET version = {version}, origin = 'row' WHERE id = {key}"
            );
            sql::execute(url, &statement).await.expect("the source's own row can be written");
        }
        self.sent.push(Sent { key, version, answer: None, refused: None });
        self.open.push_back(self.sent.len() - 1);
        self.sent.len() - 1
    }

    fn request(&self, place: usize) -> WriteRecordRequest {
        let Sent { key, version, .. } = &self.sent[place];
        let mut row = record([("id", int(*key)), ("version", int(*version))]);
        if self.map == COPIES {
            row.fields.insert("origin".to_owned(), text("change"));
        }
        let change_id = self.id_of(place);
        WriteRecordRequest { source: self.source.into(), change_id, ..change(self.map, row) }
    }

    fn answered(&mut self, place: usize, answer: WriteRecordResponse) {
        self.open.retain(|open| *open != place);
        let sent = &mut self.sent[place];
        match &sent.answer {
            None => {
                let expected = matches!(answer.disposition(), Disposition::Applied | Disposition::Queued);
                let what = || format!("{}#{place} was answered {answer:?}", self.name);
                self.findings.check(expected, Promise::Kept, what);
                sent.answer = Some(answer);
            }
            Some(first) => {
                let what = || format!("{}#{place} was answered {first:?}, and when sent again {answer:?}", self.name);
                self.findings.check(*first == answer, Promise::Once, what);
            }
        }
    }

    fn refused(&mut self, place: usize, reason: String, message: &str) {
        self.open.retain(|open| *open != place);
        let sent = &mut self.sent[place];
        if let Some(first) = &sent.answer {
            let what =
                || format!("{}#{place} was answered {first:?}, and when sent again {reason}: {message}", self.name);
            self.findings.check(false, Promise::Once, what);
            return;
        }
        // A database may be busy with other writers; of the rest only a stopped map refuses.
        let expected = reason == "MAP_NOT_RUNNING" || reason == "APPLICATION_THROTTLED";
        self.findings
            .check(expected, Promise::Kept, || format!("{}#{place} was refused, {reason}: {message}", self.name));
        sent.refused = Some(reason);
    }

    /// Writes over one stream until the server is gone, or until this moment and all is answered. Begins with what was
    /// not answered before.
    pub async fn stream(&mut self, channel: &Channel, until: Instant) {
        let (sender, receiver) = mpsc::channel(AHEAD_MAX);
        let mut sender = Some(sender);
        let started = SyncServiceClient::new(channel.clone()).write_records(ReceiverStream::new(receiver)).await;
        let Ok(answers) = started else { return };
        let mut answers = answers.into_inner();
        let mut unsent = self.open.clone();
        let mut waiting = VecDeque::new();
        let mut rests_until = Instant::now();
        loop {
            let place = {
                let sender = sender.clone();
                async move {
                    sleep_until(rests_until).await;
                    match sender {
                        Some(sender) => sender.reserve_owned().await.ok(),
                        None => std::future::pending().await,
                    }
                }
            };
            tokio::select! {
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => self.take(waiting.pop_front(), answer),
                    Ok(None) | Err(_) => return,
                },
                permit = place => {
                    let Some(permit) = permit else { return };
                    match self.next(&mut unsent, until).await {
                        Some(place) => {
                            permit.send(WriteRecordsRequest { change: Some(self.request(place)) });
                            waiting.push_back(place);
                        }
                        None => sender = None,
                    }
                    if self.dice.one_in(20) {
                        rests_until = Instant::now() + Duration::from_millis(self.dice.below(120));
                    }
                }
            }
        }
    }

    /// Takes the answer to the change that waited longest.
    fn take(&mut self, place: Option<usize>, answer: WriteRecordsResponse) {
        assert_eq!(self.place_of(&answer.change_id), place, "answers come in the order of the changes");
        let place = place.expect("an answer to what was sent");
        match answer.result.expect("an answer says something") {
            Told::Written(written) => self.answered(place, written),
            Told::Status(status) => {
                let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
                self.refused(place, reason, &status.message);
            }
        }
    }

    /// What is sent next: what was not answered before, then an old change or a new one; nothing after `until`.
    async fn next(&mut self, unsent: &mut VecDeque<usize>, until: Instant) -> Option<usize> {
        if let Some(place) = unsent.pop_front() {
            return Some(place);
        }
        if Instant::now() >= until {
            return None;
        }
        match self.again() {
            Some(place) => Some(place),
            None => Some(self.make().await),
        }
    }

    /// Now and then a change that was answered before.
    fn again(&mut self) -> Option<usize> {
        if self.sent.is_empty() || !self.dice.one_in(AGAIN_ONE_IN) {
            return None;
        }
        let back = 1 + self.dice.below(AGAIN_BACK_MAX.min(self.sent.len() as u64)) as usize;
        let place = self.sent.len() - back;
        self.sent[place].answer.is_some().then_some(place)
    }

    /// Writes one call after the other, likewise.
    pub async fn calls(&mut self, channel: &Channel, until: Instant) {
        let mut client = SyncServiceClient::new(channel.clone());
        loop {
            let place = match self.open.front() {
                Some(place) => *place,
                None if Instant::now() >= until => return,
                None => self.make().await,
            };
            match client.write_record(self.request(place)).await {
                Ok(answer) => self.answered(place, answer.into_inner()),
                Err(status) => match reason(&status) {
                    gone if gone.is_empty() => return,
                    refused => self.refused(place, refused, status.message()),
                },
            }
            self.dice.rest_below(20).await;
        }
    }
}
