//! `demo --keep`: the server stays, the hooks go on telling, and somebody may try things.

use super::error::DemoError;
use super::hook;
use super::interrupts::Interrupts;
use super::story::Story;
use super::tables::{CUSTOMERS, key_of};
use std::net::SocketAddr;
use std::time::Duration;

/// How often the hooks look into their outboxes.
const HOOKS_EVERY: Duration = Duration::from_millis(200);

/// Says what can be tried, and plays both hooks until Ctrl-C.
pub async fn until_interrupted(
    story: &mut Story,
    address: SocketAddr,
    interrupts: &mut Interrupts,
) -> Result<(), DemoError> {
    say_what_to_try(story, address).await?;
    tokio::select! {
        () = interrupts.next() => {}
        () = hooks(story) => {}
    }
    Ok(())
}

/// Never ends. An application that is away, or a server that is, is asked again.
async fn hooks(story: &mut Story) {
    loop {
        for application in [&story.finance, &story.sales] {
            let _ = hook::tell_changes(application, &mut story.service).await;
        }
        tokio::time::sleep(HOOKS_EVERY).await;
    }
}

async fn say_what_to_try(story: &mut Story, address: SocketAddr) -> Result<(), DemoError> {
    let customers = story.finance.records(&CUSTOMERS).await?;
    let customer = customers.values().next().map(key_of).unwrap_or_default();
    let (finance, sales) = (story.finance.file(), story.sales.file());
    let call = |method: &str| format!("grpcurl -plaintext {address} tandem.v1.{method}");
    let call_with = |data: &str, method: &str| format!("grpcurl -plaintext -d '{data}' {address} tandem.v1.{method}");
    let map = r#"{"name": "tableMaps/customers"}"#;
    let write = format!(
        r#"{{"table_map": "tableMaps/customers", "source": "SIDE_LEFT", "operation": "OPERATION_UPSERT", "record": {{"fields": {{"customer_no": {{"string_value": "{customer}"}}, "city": {{"string_value": "Timbuktu"}}}}}}}}"#
    );
    let tell = &story.tell;
    tell.end(true, format!("The server goes on at {address}, and so do the hooks. Try, in another terminal:"));
    for (what, command) in [
        ("what it offers", format!("grpcurl -plaintext {address} list")),
        ("the maps", call("TableMapService/ListTableMaps")),
        ("one of them", call_with(map, "TableMapService/GetTableMap")),
        ("the log, live", call_with(r#"{"parent": "tableMaps/-", "from_now": true}"#, "TableMapService/TailActivity")),
        ("a write, as a hook of finance does it", call_with(&write, "SyncService/WriteRecord")),
        ("a pause, its queue, its end", call_with(map, "TableMapService/PauseTableMap")),
        ("", call_with(map, "QueueService/GetQueueStats")),
        ("", call_with(map, "TableMapService/ResumeTableMap")),
        ("the record in error", call_with(r#"{"parent": "tableMaps/orders"}"#, "QueueService/ListCatchUpErrors")),
        (
            "a change in finance itself, and what sales has a moment later (with sqlite3)",
            format!(
                "sqlite3 {} \"UPDATE customer SET city = 'Accra' WHERE customer_no = '{customer}'\"",
                finance.display()
            ),
        ),
        ("", format!("sqlite3 {} \"SELECT * FROM accounts WHERE account = '{customer}'\"", sales.display())),
    ] {
        if !what.is_empty() {
            tell.aside(format!("{what}:"));
        }
        tell.command(command);
    }
    tell.say("Ctrl-C ends it; the data stays in ./demo-data until the next demo --keep.");
    Ok(())
}
