//! Someone who follows the activity log of all maps through every kill, from the last position plus one, as the contract
//! says; and who compares in the end what came with what is kept.

use super::findings::{Findings, Promise};
use super::operator::{Fate, Operator};
use super::support::world::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tandem::services::proto::table_map_service_client::TableMapServiceClient;
use tandem::services::proto::tail_activity_request::Start;
use tandem::services::proto::tail_activity_response::Item;
use tandem::services::proto::*;
use tokio::time::{Instant, timeout_at};
use tonic::transport::Channel;

pub struct Watcher {
    position: i64,
    /// All events, by map.
    pub seen: BTreeMap<String, Vec<ActivityEvent>>,
    findings: Arc<Findings>,
}

impl Watcher {
    pub fn new(findings: Arc<Findings>) -> Watcher {
        Watcher { position: 0, seen: BTreeMap::new(), findings }
    }

    /// Follows until the server is gone, or until this moment.
    pub async fn follow(&mut self, channel: &Channel, until: Instant) {
        let _ = timeout_at(until, self.read(channel, false)).await;
    }

    /// Reads all that is there.
    pub async fn catch_up(&mut self, channel: &Channel) {
        self.read(channel, true).await;
    }

    async fn read(&mut self, channel: &Channel, to_the_end: bool) {
        let start = Some(Start::StartPosition(self.position + 1));
        let request = TailActivityRequest { parent: name("-"), start, filter: None };
        let mut tail = match TableMapServiceClient::new(channel.clone()).tail_activity(request).await {
            Ok(tail) => tail.into_inner(),
            Err(status) => {
                let what = || format!("no tail from {} on: {}", self.position + 1, status.message());
                self.findings.check(reason(&status).is_empty() && !to_the_end, Promise::Log, what);
                return;
            }
        };
        while let Ok(Some(message)) = tail.message().await {
            match message.item.expect("an event or a heartbeat") {
                Item::Event(event) => self.take(event),
                Item::Heartbeat(heartbeat) => {
                    let what = || format!("{heartbeat:?} after position {}", self.position);
                    self.findings.check(heartbeat.latest_position == self.position, Promise::Log, what);
                    if to_the_end {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, event: ActivityEvent) {
        let seen = self.seen.entry(event.table_map.clone()).or_default();
        let next = seen.last().map_or(1, |last| last.sequence + 1);
        let in_turn = event.sequence == next && event.position > self.position;
        let what = || format!("expected {next} after position {}, and came {event:?}", self.position);
        self.findings.check(in_turn, Promise::Log, what);
        self.position = event.position;
        seen.push(event);
    }

    /// What came is what is kept, and tells of each transition that was answered once, of none that was refused.
    pub async fn compare(&self, channel: &Channel, operators: &[Operator]) {
        for operator in operators {
            let seen = self.seen.get(&name(operator.map)).map_or(&[][..], Vec::as_slice);
            let kept = self.kept(channel, operator.map).await;
            self.findings.check(kept == seen, Promise::Log, || {
                let differs = seen.iter().zip(&kept).find(|(seen, kept)| seen != kept);
                format!("of {}, {} events came and {} are kept; {differs:?}", operator.map, seen.len(), kept.len())
            });
            for (place, (act, fate)) in operator.asked.iter().enumerate() {
                let reason = operator.reason(place);
                let told = seen.iter().filter(|event| event.summary.contains(&reason)).count();
                let expected = match fate {
                    Fate::Done => told == 1,
                    Fate::Refused => told == 0,
                    Fate::Open => told <= 1,
                };
                let what = || format!("{act:?}, {reason} is {fate:?} and told of {told} times");
                self.findings.check(expected, Promise::Log, what);
            }
        }
    }

    async fn kept(&self, channel: &Channel, map: &str) -> Vec<ActivityEvent> {
        let mut maps = TableMapServiceClient::new(channel.clone());
        let (mut kept, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListActivityRequest { parent: name(map), page_size: 1_000, page_token, ..Default::default() };
            let page = maps.list_activity(request).await.expect("a page").into_inner();
            kept.extend(page.events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return kept;
            }
        }
    }
}
