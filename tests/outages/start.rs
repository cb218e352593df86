//! A server that starts while a database is away.

use crate::pair::{Pair, execute, order, to_the_right};
use crate::support::databases::Postgres;
use crate::support::world::{eventually, int, orders_map, reason, record};
use tandem::services::proto::Disposition::Queued;
use tandem::services::proto::Side::Left;
use tandem::services::proto::TableMapState::{NotRunning, Running};
use tandem::services::proto::*;
use tonic::Code;
use tonic_types::StatusExt;

async fn check(pair: &Pair, application: &str) -> Option<ErrorType> {
    let request = CheckApplicationRequest { name: format!("applications/{application}"), ..Default::default() };
    let answer = pair.maps().check_application(request).await.expect("an answer whatever the application does");
    answer.into_inner().error.map(|error| error.r#type())
}

#[tokio::test]
async fn a_server_starts_while_a_database_is_away_and_takes_it_up_when_it_comes() {
    let finance = Postgres::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    for url in [&left, &right] {
        execute(url, crate::pair::ORDERS).await;
    }
    finance.stop().await;
    let mut pair = Pair::over(&left, &right, crate::pair::IMPATIENT).await;
    assert_eq!(check(&pair, "sales").await, None);
    assert_eq!(check(&pair, "finance").await, Some(ErrorType::Network));
    let listed = pair.maps().list_applications(ListApplicationsRequest::default()).await.unwrap().into_inner();
    let mut names: Vec<_> = listed.applications.iter().map(|application| application.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["applications/finance", "applications/sales"]);

    pair.create_map("orders", to_the_right()).await.expect("a map can be made beforehand");
    let refusal = pair.run("orders").await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Unavailable, "APPLICATION_UNREACHABLE"));
    assert!(refusal.get_details_retry_info().is_some());
    assert_eq!(pair.state("orders").await, NotRunning, "a refused run changes nothing");

    finance.start_again().await;
    assert_eq!(check(&pair, "finance").await, None);
    assert_eq!(pair.run_live("orders").await.unwrap(), Running);
    pair.set(Left, 1..=10, 1, Queued).await;
    eventually("live changes arrive", || async { pair.figures("orders").await.applied == 10 }).await;

    // Now with a map that runs: its changes queue, and it catches up by itself.
    assert!(pair.server.terminate().await.success());
    finance.stop().await;
    pair.server.start_again().await;
    assert_eq!(pair.state("orders").await, Running);
    pair.set(Left, 5..=20, 2, Queued).await;
    pair.event(ActivityKind::DestinationDown).await;
    finance.start_again().await;
    eventually("it catches up by itself", || async { pair.figures("orders").await.queued == 0 }).await;
    pair.assert_equal().await;
    pair.assert_all_applied(26).await;
}

#[tokio::test]
async fn a_synchronous_map_refuses_while_its_destination_is_away_since_the_start() {
    let finance = Postgres::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let mut pair = Pair::start(&left, &right).await;
    pair.running_map("orders", orders_map()).await;
    pair.server.kill();
    finance.stop().await;
    pair.server.start_again().await;
    let change = |amount| order(record([("id", int(1)), ("amount", int(amount))]));
    let refusal = pair.write(change(1)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Unavailable, "APPLICATION_UNREACHABLE"));
    assert_eq!(pair.state("orders").await, Running);
    finance.start_again().await;
    eventually("it is written again", || async { pair.write(change(2)).await.is_ok() }).await;
    // Nobody waits for the commit that counts it.
    eventually("it is counted", || async { pair.figures("orders").await.applied == 1 }).await;
    assert_eq!(pair.figures("orders").await.accepted, 1, "what was refused was not accepted");
}
