//! Steps that follow streams.

use super::messages::{as_json, error_as_json, expect, read};
use super::steps::{Playing, text};
use super::{Outcome, QUIET, until};
use futures::{Stream, StreamExt};
use prost::Message;
use serde_json::{Value, json};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use tandem_client::Error;

/// A stream of events that a task reads.
#[derive(Clone, Default)]
pub struct Following(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    events: Vec<Value>,
    ended: Option<Error>,
}

impl Playing {
    pub fn follow(&mut self, step: &Value) -> Outcome {
        let following = Following::default();
        self.followed.insert(text(step, "as").to_owned(), following.clone());
        let client = self.client.clone();
        match text(step, "follow") {
            "TableMapService/TailActivity" => {
                let request = read("TailActivityRequest", &step["request"])?;
                tokio::spawn(async move { following.hear("ActivityEvent", client.tail_activity(request)).await });
            }
            "AlertService/WatchAlertEvents" => {
                let request = read("WatchAlertEventsRequest", &step["request"])?;
                tokio::spawn(async move { following.hear("AlertEvent", client.watch_alert_events(request)).await });
            }
            other => return Err(format!("{other} cannot be followed")),
        }
        Ok(())
    }
}

impl Following {
    async fn hear<E: Message>(self, name: &str, events: impl Stream<Item = Result<E, Error>>) {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            let mut told = self.0.lock().unwrap();
            match event {
                Ok(event) => told.events.push(as_json(name, &event)),
                Err(error) => told.ended = Some(error),
            }
        }
    }

    fn state(&self) -> (Vec<Value>, Option<Error>) {
        let told = self.0.lock().unwrap();
        (told.events.clone(), told.ended.clone())
    }

    pub async fn told(&self, step: &Value) -> Outcome {
        let count = step["count"].as_u64().unwrap_or(0) as usize;
        let enough = || {
            let (events, ended) = self.state();
            events.len() >= count || ended.is_some()
        };
        until("so many events are told", enough).await?;
        let exactly = step["exactly"] == true;
        if exactly {
            tokio::time::sleep(QUIET).await;
        }
        let (events, ended) = self.state();
        if let Some(error) = ended {
            return Err(error.to_string());
        }
        if exactly && events.len() != count {
            return Err(format!("{} events were told, and not {count}", events.len()));
        }
        if let Some(expected) = step.get("answer") {
            expect(expected, &json!(events[..count]))?;
        }
        if let Some(first) = step["sequence"].as_u64() {
            for (sequence, event) in (first..).zip(&events) {
                expect(&json!({ "sequence": sequence.to_string() }), event)?;
            }
        }
        Ok(())
    }

    pub async fn ended(&self, step: &Value) -> Outcome {
        until("it ends", || self.state().1.is_some()).await?;
        let ended = self.state().1.ok_or("it goes on")?;
        expect(&step["error"], &error_as_json(&ended))
    }
}
