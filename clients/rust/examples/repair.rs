//! Lists what could not be written, in all maps, and tries it again: `cargo run --example repair`.

use futures::TryStreamExt;
use std::pin::pin;
use tandem_client::v1::{
    ListCatchUpErrorsRequest, ListTableMapsRequest, RetryCatchUpErrorsRequest, WatchQueueJobRequest,
};
use tandem_client::{Client, Error, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(Options::from_environment())?;
    let mut maps = pin!(client.list(ListTableMapsRequest::default()));
    while let Some(map) = maps.try_next().await? {
        if let Err(error) = repair(&client, &map.name).await {
            println!("{} cannot be repaired: {error}", map.name);
        }
    }
    Ok(())
}

async fn repair(client: &Client, table_map: &str) -> Result<(), Error> {
    let request = ListCatchUpErrorsRequest { parent: table_map.to_owned(), ..Default::default() };
    let errors: Vec<_> = client.list(request).try_collect().await?;
    for failed in &errors {
        println!("{} {}", failed.name, failed.error.as_ref().map_or("", |error| &error.message));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let request = RetryCatchUpErrorsRequest { parent: table_map.to_owned(), all: true, ..Default::default() };
    let mut job = client.queue().retry_catch_up_errors(request).await?.into_inner();
    let request = WatchQueueJobRequest { name: job.name.clone() };
    let mut watch = client.queue().watch_queue_job(request).await?.into_inner();
    while let Some(answer) = watch.message().await? {
        job = answer.queue_job.unwrap_or(job);
    }
    println!("{} done {}, failed {}, superseded {}", job.name, job.done, job.failed, job.superseded);
    Ok(())
}
