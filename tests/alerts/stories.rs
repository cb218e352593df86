//! From a first error to two equal tables: an importer that writes nonsense, and a database that goes away.

use crate::given::*;
use crate::support::databases::{MariaDb, Postgres, sql};
use crate::support::server::Server;
use crate::support::smtp::{Security, SmtpServer};
use crate::support::world::*;
use std::fmt::Write as _;
use tandem::services::proto::*;

const TABLE: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, amount BIGINT)";
const ALL: &str = "SELECT CONCAT(id, ' ', amount) FROM orders ORDER BY id";

struct Story {
    server: Server,
    left: String,
    right: String,
}

impl Story {
    async fn begin(left: String, right: String, mail: &SmtpServer) -> Story {
        for url in [&left, &right] {
            sql::execute(url, TABLE).await.expect("a table");
        }
        let mut config = mail.config();
        for (id, url) in [("sales", &left), ("finance", &right)] {
            let times = "connect_timeout = \"1s\"\nstatement_timeout = \"2s\"\nlock_timeout = \"1s\"";
            let _ = write!(config, "\n[[applications]]\nid = \"{id}\"\nurl = \"{url}\"\n{times}\n");
        }
        Story { server: Server::start_with(&[], &config).await, left, right }
    }

    /// As the application on the left does it: its own table, then the service.
    async fn write(&self, id: i64, amount: i64) {
        let insert = format!("INSERT INTO orders VALUES ({id}, {amount})");
        sql::execute(&self.left, &insert).await.expect("the left side takes it");
        let change = change("orders", record([("id", int(id)), ("amount", int(amount))]));
        self.server.write(change).await.expect("it is taken");
    }

    async fn assert_equal(&self) {
        let rows = async |url: &str| sql::ask::<String>(url, ALL).await.expect("an answer");
        assert_eq!(rows(&self.left).await, rows(&self.right).await);
    }
}

fn alert(count: i32, kind: ErrorType) -> AlertSetting {
    AlertSetting {
        error_types: vec![kind.into()],
        recipients: vec!["ada@example.com, grace@example.com".to_owned()],
        ..setting(count, AlertAction::Pause)
    }
}

#[tokio::test]
async fn ten_errors_pause_a_map_a_group_is_told_and_the_cause_is_mended() {
    let mut mail = SmtpServer::new(Security::StartTls); // it is down at first
    let left = Postgres::shared().await.create_database().await;
    let right = MariaDb::shared().await.create_database().await;
    let story = Story::begin(left, right, &mail).await;
    let Story { server, right, .. } = &story;
    sql::execute(right, "ALTER TABLE orders ADD CONSTRAINT small CHECK (amount < 1000)").await.unwrap();
    server.create_alert("ten", alert(10, ErrorType::Application)).await.unwrap();
    server.running_map("orders", one_way("orders", &["id", "amount"])).await;

    for id in 1..=9 {
        story.write(id, 5_000 + id).await;
    }
    eventually("nine are refused", || async { server.figures("orders").await.in_error == 9 }).await;
    a_while().await;
    assert_eq!(server.state("orders").await, TableMapState::Running);
    story.write(10, 5_010).await;
    server.wait_for_state("orders", TableMapState::Paused).await;
    for id in 11..=30 {
        story.write(id, id).await;
    }
    assert_eq!(server.figures("orders").await.queued, 20);
    mail.start();
    eventually("the group is told", || async { mail.mails().len() == 2 }).await;

    // The cause is mended, the errors are retried, and the map goes on.
    sql::execute(right, "ALTER TABLE orders DROP CONSTRAINT small").await.unwrap();
    server.resume("orders", ResumeOption::CatchUp).await.unwrap();
    server.wait_for_state("orders", TableMapState::Running).await;
    let retry = RetryCatchUpErrorsRequest { parent: name("orders"), all: true, ..Default::default() };
    server.queue().retry_catch_up_errors(retry).await.unwrap();
    eventually("all is written", || async { server.figures("orders").await.applied == 30 }).await;
    story.assert_equal().await;
    eventually("the group is told that it runs again", || async { mail.mails().len() == 4 }).await;

    // The log, the alert and the mails tell it in this order.
    use ActivityKind::*;
    let told = [RecordError, AlertRaised, PausedByAlert, CatchUpStarted, CatchUpCompleted, Retried];
    let events = server.events("orders").await;
    let mut order = told.iter().map(|kind| events.iter().position(|event| event.kind() == *kind).expect("it is told"));
    let first = order.next().unwrap();
    order.fold(first, |before, place| {
        assert!(before < place, "{events:#?}");
        place
    });
    let alert = server.raised().await.remove(0);
    assert_eq!((alert.error_counts[0].count, alert.last_errors.len()), (10, 10));
    assert!(alert.last_errors[0].message.contains("small"), "{alert:?}");
    let subjects: Vec<String> = mail.mails().iter().map(|mail| mail.header("subject").to_owned()).collect();
    assert!(subjects[..2].iter().all(|subject| subject.contains("paused, 10 errors in 15m")), "{subjects:?}");
    assert!(subjects[2..].iter().all(|subject| subject.contains("runs again")), "{subjects:?}");
}

#[tokio::test]
async fn an_outage_reaches_the_threshold_and_the_map_pauses_itself() {
    let mail = SmtpServer::started(Security::StartTls);
    let finance = MariaDb::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let story = Story::begin(left, right, &mail).await;
    let Story { server, .. } = &story;
    server.create_alert("outage", alert(5, ErrorType::Network)).await.unwrap();
    server.running_map("orders", one_way("orders", &["id", "amount"])).await;
    story.write(1, 1).await;
    eventually("it is written", || async { server.figures("orders").await.applied == 1 }).await;

    finance.kill().await;
    story.write(2, 2).await; // one change that meets it, and then failed probes
    server.wait_for_state("orders", TableMapState::Paused).await;
    for id in 3..=20 {
        story.write(id, id).await;
    }
    let alert = server.raised().await.remove(0);
    assert_eq!(alert.error_counts.len(), 1);
    assert_eq!((alert.error_counts[0].error_type(), alert.error_counts[0].count), (ErrorType::Network, 5));
    assert_eq!(server.figures("orders").await.in_error, 0, "rule 8: an outage makes no errors");
    eventually("the group is told", || async { mail.mails().len() == 2 }).await;

    finance.start_again().await;
    server.resume("orders", ResumeOption::CatchUp).await.unwrap();
    server.wait_for_state("orders", TableMapState::Running).await;
    eventually("all is written", || async { server.figures("orders").await.applied == 20 }).await;
    story.assert_equal().await;
    eventually("the group is told that it runs again", || async { mail.mails().len() == 4 }).await;
}

/// The same without a person: the destination is down for too long, the map pauses itself, and goes on by itself.
#[tokio::test]
async fn a_map_pauses_and_resumes_by_itself() {
    let mail = SmtpServer::started(Security::StartTls);
    let finance = MariaDb::start().await;
    let left = Postgres::shared().await.create_database().await;
    let right = finance.create_database().await;
    let story = Story::begin(left, right, &mail).await;
    let Story { server, .. } = &story;
    let watch = Some(AlertWatch { application_down: seconds(1), ..Default::default() });
    let by_itself = AlertSetting {
        watch,
        action: AlertAction::Pause.into(),
        resume_after: seconds(3),
        recipients: vec!["ada@example.com".to_owned()],
        ..Default::default()
    };
    server.create_alert("down", by_itself).await.unwrap();
    server.running_map("orders", one_way("orders", &["id", "amount"])).await;
    finance.kill().await;
    story.write(1, 1).await;
    server.wait_for_state("orders", TableMapState::Paused).await;
    let alert = server.raised().await.remove(0);
    assert_eq!(alert.reason(), AlertReason::ApplicationDown);
    assert!(alert.summary.starts_with("finance is down: NETWORK"), "{}", alert.summary);
    for id in 2..=10 {
        story.write(id, id).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(server.state("orders").await, TableMapState::Paused, "it does not answer yet");
    finance.start_again().await;
    server.wait_for_state("orders", TableMapState::Running).await;
    let resumed = server.events("orders").await;
    let resumed = resumed.iter().find(|event| event.kind() == ActivityKind::CatchUpStarted).expect("it was resumed");
    assert_eq!(resumed.actor, "alertSettings/down");
    assert!(resumed.summary.contains("its destinations have answered for 3 s"), "{}", resumed.summary);
    eventually("all is written", || async { server.figures("orders").await.applied == 10 }).await;
    story.assert_equal().await;
    eventually("it is told twice", || async { mail.mails().len() == 2 }).await;
    assert!(mail.mails()[0].text.contains("resumed by itself"), "{}", mail.mails()[0].text);
}

/// Whoever pauses a map that an alert has paused decides when it goes on.
#[tokio::test]
async fn a_person_who_decides_ends_what_a_map_does_by_itself() {
    let world = World::start().await;
    let by_itself = AlertSetting { resume_after: seconds(2), ..setting(1, AlertAction::Pause) };
    world.create_alert("one", by_itself).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    world.wait_for_state("orders", TableMapState::Paused).await;
    world.wait_for_state("orders", TableMapState::Running).await;
    world.bad_order(2).await.unwrap();
    world.wait_for_state("orders", TableMapState::Paused).await;
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    world.pause("orders").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(world.state("orders").await, TableMapState::Paused);
}
