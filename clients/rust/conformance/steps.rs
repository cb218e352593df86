//! The steps of a case, but for writing and following.

use super::follow::Following;
use super::messages::{Dynamic, as_json, error_as_json, expect, method, parsed, read};
use super::write::Batch;
use super::{LOOK_AGAIN, Outcome, PATIENCE};
use futures::TryStreamExt;
use prost::Message;
use serde_json::Value;
use std::collections::HashMap;
use std::io::BufRead;
use std::time::Instant;
use tandem_client::v1::{
    ListActivityRequest, ListAlertSettingsRequest, ListCatchUpErrorsRequest, ListTableMapsRequest,
};
use tandem_client::{Client, Error, List, Options, Writer};

/// A case under way.
pub struct Playing {
    pub client: Client,
    pub writers: HashMap<String, std::sync::Arc<Writer>>,
    pub batches: HashMap<String, Batch>,
    pub followed: HashMap<String, Following>,
}

impl Playing {
    pub fn begin() -> Result<Playing, String> {
        let client = Client::connect(Options::from_environment()).map_err(|error| error.to_string())?;
        Ok(Playing { client, writers: HashMap::new(), batches: HashMap::new(), followed: HashMap::new() })
    }

    pub async fn step(&mut self, step: &Value) -> Outcome {
        let is = |kind: &str| step.get(kind).is_some();
        if is("connect") {
            self.connect(&step["connect"])
        } else if is("call") {
            self.call(step).await
        } else if is("list") {
            self.list(step).await
        } else if is("write") {
            self.write(step)
        } else if is("taken") {
            self.batches[text(step, "taken")].taken(step).await
        } else if is("answered") {
            self.batches[text(step, "answered")].answered(step).await
        } else if is("written") {
            self.batches.get_mut(text(step, "written")).ok_or("nothing was written as that")?.written(step).await
        } else if is("close") {
            self.close(text(step, "close")).await
        } else if is("follow") {
            self.follow(step)
        } else if is("told") {
            self.followed[text(step, "told")].told(step).await
        } else if is("ended") {
            self.followed[text(step, "ended")].ended(step).await
        } else {
            ask(step)
        }
    }

    fn connect(&mut self, given: &Value) -> Outcome {
        let mut options = Options::from_environment();
        for (name, value) in given.as_object().into_iter().flatten() {
            let value = value.as_str().map(|value| match value.strip_prefix('$') {
                Some(variable) => std::env::var(variable).unwrap_or_default(),
                None => value.to_owned(),
            });
            match name.as_str() {
                "token" => options.token = value,
                "caFile" => options.ca_file = value.map(Into::into),
                "certFile" => options.cert_file = value.map(Into::into),
                "keyFile" => options.key_file = value.map(Into::into),
                other => return Err(format!("nothing is known of {other}")),
            }
        }
        self.client = Client::connect(options).map_err(|error| error.to_string())?;
        Ok(())
    }

    async fn call(&self, step: &Value) -> Outcome {
        let method = method(text(step, "call"))?;
        let request = parsed(method.input(), &step["request"])?;
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let deadline = Instant::now() + if step["eventually"] == true { PATIENCE } else { Default::default() };
        loop {
            let mut grpc = tonic::client::Grpc::new(self.client.calls());
            grpc.ready().await.map_err(|error| error.to_string())?;
            let request = tonic::Request::new(request.clone());
            let path = path.parse().map_err(|_| "it is no path")?;
            let answered = grpc.unary(request, path, Dynamic(method.output())).await;
            let answered = answered.map_err(Error::from).map(|answer| answer.into_inner());
            let json = answered.map(|answer| serde_json::to_value(answer).expect("JSON"));
            let outcome = outcome(step, json);
            if outcome.is_ok() || Instant::now() > deadline {
                return outcome;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn list(&self, step: &Value) -> Outcome {
        match text(step, "list") {
            "TableMapService/ListTableMaps" => self.listed::<ListTableMapsRequest>(step, "TableMap").await,
            "TableMapService/ListActivity" => self.listed::<ListActivityRequest>(step, "ActivityEvent").await,
            "QueueService/ListCatchUpErrors" => self.listed::<ListCatchUpErrorsRequest>(step, "QueuedRecord").await,
            "AlertService/ListAlertSettings" => self.listed::<ListAlertSettingsRequest>(step, "AlertSetting").await,
            other => Err(format!("this runner does not know how to list {other}")),
        }
    }

    async fn listed<L: List + Message + Default>(&self, step: &Value, item: &str) -> Outcome
    where
        L::Item: Message,
    {
        let (_, method) = text(step, "list").split_once('/').ok_or("it is no method")?;
        let request: L = read(&format!("{method}Request"), &step["request"])?;
        let items: Vec<_> = self.client.list(request).try_collect().await.map_err(|error| error.to_string())?;
        expect(&step["answer"], &items.iter().map(|each| as_json(item, each)).collect())
    }
}

/// Holds what a call came to against what a step expects.
pub fn outcome(step: &Value, answered: Result<Value, Error>) -> Outcome {
    match (answered, step.get("error")) {
        (Ok(answer), Some(_)) => Err(format!("it went well, with {answer}")),
        (Err(error), Some(expected)) => expect(expected, &error_as_json(&error)),
        (Ok(answer), None) => step.get("answer").map_or(Ok(()), |expected| expect(expected, &answer)),
        (Err(error), None) => Err(error.to_string()),
    }
}

pub fn text<'a>(step: &'a Value, name: &str) -> &'a str {
    step[name].as_str().unwrap_or_default()
}

/// Lets the stage do what a client cannot.
fn ask(step: &Value) -> Outcome {
    println!("{step}");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
    let found: Value = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
    step.get("answer").map_or(Ok(()), |expected| expect(expected, &found["answer"]))
}
