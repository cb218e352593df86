//! Steps that write.

use super::messages::{as_json, read};
use super::steps::{Playing, outcome, text};
use super::{Outcome, PATIENCE, QUIET, until};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tandem_client::v1::{WriteRecordRequest, WriteRecordResponse};
use tandem_client::{Error, WINDOW, WriterOptions};

type Answered = Result<WriteRecordResponse, Error>;

/// Changes that a task writes.
#[derive(Clone)]
pub struct Batch {
    size: usize,
    written: Arc<Mutex<Written>>,
}

#[derive(Default)]
struct Written {
    taken: usize,
    answers: Vec<Answered>,
    ended: Option<Error>,
}

impl Playing {
    pub fn write(&mut self, step: &Value) -> Outcome {
        let name = step["writer"].as_str().unwrap_or("writer");
        let client = &self.client;
        let writer = self.writers.entry(name.to_owned()).or_insert_with(|| {
            let window = step["window"].as_u64().map_or(WINDOW, |window| window as usize);
            let patience = step["patience_ms"].as_u64().map(std::time::Duration::from_millis);
            Arc::new(client.writer(WriterOptions { window, patience }))
        });
        let number = |name: &str| step[name].as_u64().unwrap_or(1);
        let (first, last) = (number("from"), number("to"));
        let changes: Result<Vec<WriteRecordRequest>, String> = (first..=last)
            .map(|number| {
                let change = step["write"].to_string().replace("{n}", &number.to_string());
                let change = serde_json::from_str(&change).map_err(|error| error.to_string())?;
                read("WriteRecordRequest", &change)
            })
            .collect();
        let changes = changes?;
        let batch = Batch { size: changes.len(), written: Arc::default() };
        self.batches.insert(text(step, "as").to_owned(), batch.clone());
        let writer = writer.clone();
        tokio::spawn(async move {
            for change in changes {
                let answer = match writer.write(change).await {
                    Ok(answer) => answer,
                    Err(error) => {
                        batch.written.lock().unwrap().ended = Some(error);
                        return;
                    }
                };
                batch.written.lock().unwrap().taken += 1;
                let written = batch.written.clone();
                tokio::spawn(async move {
                    let answered = answer.await;
                    written.lock().unwrap().answers.push(answered);
                });
            }
        });
        Ok(())
    }

    pub async fn close(&mut self, writer: &str) -> Outcome {
        let mut writer = self.writers.remove(writer).ok_or("there is no such writer")?;
        loop {
            match Arc::try_unwrap(writer) {
                Ok(writer) => {
                    writer.close().await;
                    return Ok(());
                }
                Err(shared) => {
                    writer = shared; // a task still writes with it
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

impl Batch {
    fn taken_now(&self) -> usize {
        self.written.lock().unwrap().taken
    }

    pub async fn taken(&self, step: &Value) -> Outcome {
        let count = step["count"].as_u64().unwrap_or(0) as usize;
        until("so many are taken", || self.taken_now() >= count).await?;
        tokio::time::sleep(QUIET).await;
        let found = self.taken_now();
        if found == count { Ok(()) } else { Err(format!("{found} were taken, and not {count}")) }
    }

    pub async fn answered(&self, step: &Value) -> Outcome {
        let count = step["count"].as_u64().unwrap_or(0) as usize;
        until("so many are answered", || self.written.lock().unwrap().answers.len() >= count).await
    }

    pub async fn written(&mut self, step: &Value) -> Outcome {
        let size = self.size;
        let done = |written: &Written| {
            written.answers.len() == written.taken && (written.taken == size || written.ended.is_some())
        };
        until(&format!("all are answered within {PATIENCE:?}"), || done(&self.written.lock().unwrap())).await?;
        let written = self.written.lock().unwrap();
        let ended = written.ended.iter().cloned().map(Err);
        for answered in written.answers.iter().cloned().chain(ended) {
            outcome(step, answered.map(|answer| as_json("WriteRecordResponse", &answer)))?;
        }
        Ok(())
    }
}
