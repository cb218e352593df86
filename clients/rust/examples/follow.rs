//! Follows the activity log of all maps: `cargo run --example follow [COUNT]` ends after so many events, or with Ctrl-C.

use futures::{StreamExt, TryStreamExt};
use std::pin::pin;
use tandem_client::v1::TailActivityRequest;
use tandem_client::{Client, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map(|count| count.parse()).transpose()?.unwrap_or(usize::MAX);
    let client = Client::connect(Options::from_environment())?;
    let request = TailActivityRequest { parent: "tableMaps/-".to_owned(), ..Default::default() };
    let mut events = pin!(client.tail_activity(request).take(count));
    while let Some(event) = events.try_next().await? {
        println!("{} {} {}", event.time.unwrap_or_default(), event.table_map, event.summary);
    }
    Ok(())
}
