//! What alerts do to maps.

use crate::given::*;
use crate::support::databases::sql;
use crate::support::world::*;
use tandem::services::proto::*;

#[tokio::test]
async fn an_alert_pauses_its_map_and_nothing_in_flight_is_lost() {
    let world = World::start().await;
    world.create_alert("ten", setting(10, AlertAction::Pause)).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    let mut accepted = 0;
    while world.state("orders").await == TableMapState::Running {
        accepted += 1;
        let amount = if accepted % 2 == 0 { -1 } else { accepted };
        world.write(change("orders", record([("id", int(accepted)), ("amount", int(amount))]))).await.unwrap();
    }
    assert_eq!(world.state("orders").await, TableMapState::Paused);
    for _ in 0..20 {
        accepted += 1;
        let (disposition, reason) = world.written(order(accepted, "queued")).await;
        assert_eq!((disposition, reason.as_str()), (Disposition::Queued, "MAP_PAUSED"));
    }
    let events = world.events("orders").await;
    let place = |kind: ActivityKind| events.iter().position(|event| event.kind() == kind).expect("it is in the log");
    let (raised, paused) = (&events[place(ActivityKind::AlertRaised)], &events[place(ActivityKind::PausedByAlert)]);
    assert!(place(ActivityKind::RecordError) < place(ActivityKind::AlertRaised));
    assert_eq!(paused.sequence, raised.sequence + 1);
    assert_eq!((raised.actor.as_str(), paused.actor.as_str()), ("alertSettings/ten", "alertSettings/ten"));
    assert_eq!((paused.state_before(), paused.state_after()), (TableMapState::Running, TableMapState::Paused));
    let alert = world.raised().await.remove(0);
    assert_eq!(
        (alert.activity_sequence, alert.action(), &alert.action_error),
        (raised.sequence, AlertAction::Pause, &None)
    );
    let overview = GetTableMapOverviewRequest { name: name("orders") };
    let overview = world.maps().get_table_map_overview(overview).await.unwrap().into_inner();
    assert_eq!(overview.active_alerts, [alert]);

    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    eventually("all is written or in error", || async { world.figures("orders").await.queued == 0 }).await;
    let figures = world.figures("orders").await;
    assert_eq!(figures.accepted, accepted);
    assert_eq!(figures.applied + figures.in_error, accepted);
}

#[tokio::test]
async fn of_two_that_fire_together_the_stronger_action_is_taken_and_both_are_told() {
    let world = World::start().await;
    world.create_alert("pausing", setting(3, AlertAction::Pause)).await.unwrap();
    world.create_alert("stopping", setting(3, AlertAction::Stop)).await.unwrap();
    world.create_alert("telling", setting(3, AlertAction::None)).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=3 {
        let _ = world.bad_order(id).await;
    }
    world.wait_for_state("orders", TableMapState::NotRunning).await;
    let raised = world.raised().await;
    let told: Vec<_> =
        raised.iter().map(|alert| (alert.alert_setting.as_str(), alert.action_error.is_some())).collect();
    let expected =
        [("alertSettings/pausing", true), ("alertSettings/stopping", false), ("alertSettings/telling", false)];
    assert_eq!(told, expected);
    assert!(raised[0].action_error.as_ref().unwrap().message.contains("alertSettings/stopping"));
    let stopped = world.events("orders").await.into_iter().find(|event| {
        event.state_after() == TableMapState::NotRunning && event.state_before() == TableMapState::Running
    });
    assert_eq!(stopped.unwrap().actor, "alertSettings/stopping");
    let refused = world.write(order(9, "refused")).await.unwrap_err();
    assert_eq!(reason(&refused), "MAP_NOT_RUNNING");
    assert_eq!(world.figures("orders").await.in_error, 3, "a stop by an alert keeps what it finds");
}

/// A stop keeps what is queued as errors.
#[tokio::test]
async fn a_stop_by_an_alert_keeps_what_is_queued() {
    let world = World::start().await;
    world.create_alert("stopping", setting(1, AlertAction::Stop)).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    world.bad_order(1).await.unwrap();
    for id in 2..=2_000 {
        world.write(order(id, "behind it")).await.unwrap();
    }
    // The first one of its batch is refused; what is left of the queue then is kept.
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::NotRunning).await;
    let figures = world.figures("orders").await;
    assert_eq!((figures.queued, figures.applied + figures.in_error), (0, 2_000));
}

/// Rows that an initial sync cannot write count as well; such a map cannot be paused.
#[tokio::test]
async fn an_action_that_does_not_fit_the_state_is_told() {
    let world = World::start().await;
    sql::execute(&world.left.url(), "DROP TABLE orders").await.unwrap();
    let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT, amount INTEGER)";
    sql::execute(&world.left.url(), table).await.unwrap();
    sql::execute(&world.left.url(), "INSERT INTO orders VALUES (1, '', '', -1), (2, '', '', 2), (3, '', '', -3)")
        .await
        .unwrap();
    world.create_alert("pausing", setting(2, AlertAction::Pause)).await.unwrap();
    let map = TableMap { master: Side::Left.into(), ..asynchronous(orders_map()) };
    world.create_map("orders", map).await.unwrap();
    world.run("orders").await.unwrap();
    eventually("it fires", || async { world.raised().await.len() == 1 }).await;
    let alert = world.raised().await.remove(0);
    assert_eq!((alert.action(), alert.error_counts[0].count), (AlertAction::Pause, 2));
    let why = alert.action_error.expect("it is not taken").message;
    assert!(why.contains("cannot pause a map that is INITIALIZING"), "{why}");
    assert_eq!(world.state("orders").await, TableMapState::Initializing);
}

/// An alert, its event, its mails and its pause are one step, however often the server is killed around it.
#[tokio::test]
async fn kills_leave_an_alert_whole_or_not_raised() {
    use rand::RngExt;
    let mut world = World::start().await;
    let recipients = vec!["ada@example.com, grace@example.com".to_owned()];
    world.create_alert("each", AlertSetting { recipients, ..setting(1, AlertAction::Pause) }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for round in 1..=25 {
        let cut = std::time::Duration::from_micros(rand::rng().random_range(0..20_000));
        let _ = tokio::time::timeout(cut, async {
            world.bad_order(round).await.unwrap();
            std::future::pending::<()>().await
        })
        .await;
        world.server.restart().await;
        // What was accepted goes on after the start; what was not is sent again.
        let _ = world.bad_order(round).await;
        world.wait_for_state("orders", TableMapState::Paused).await;
        let (raised, events) = (world.raised().await, world.events("orders").await);
        let of_kind = |kind: ActivityKind| events.iter().filter(move |event| event.kind() == kind);
        let told: Vec<i64> = of_kind(ActivityKind::AlertRaised).map(|event| event.sequence).collect();
        let paused: Vec<i64> = of_kind(ActivityKind::PausedByAlert).map(|event| event.sequence - 1).collect();
        let noted: Vec<i64> = raised.iter().map(|alert| alert.activity_sequence).collect();
        assert_eq!((&told, &told), (&paused, &noted));
        assert!(raised.iter().map(|alert| alert.sequence).eq(1..=i64::try_from(raised.len()).unwrap()));
        let request = ListNotificationsRequest { page_size: 1_000, ..Default::default() };
        let notifications = world.alerts().list_notifications(request).await.unwrap().into_inner().notifications;
        let mails = notifications.iter().filter(|told| told.subject.contains("paused")).count();
        assert_eq!(mails, 2 * raised.len());
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    }
}

/// What fires together and does not fit into one commit goes in several, the strongest action first.
#[tokio::test]
async fn many_that_fire_together_are_all_told() {
    let world = World::start().await;
    for number in 0..6 {
        let long = |index: u32| format!("http://localhost:1/{index}{}", "x".repeat(140));
        let action = if number == 3 { AlertAction::Pause } else { AlertAction::None };
        let display_name = "\u{20ac}".repeat(200);
        let recipients = (0..100).map(long).collect();
        let many = AlertSetting { recipients, display_name, ..setting(1, action) };
        world.create_alert(&format!("many-{number:02}"), many).await.unwrap();
    }
    let one_more = AlertSetting { recipients: vec!["ada@example.com".to_owned()], ..setting(1, AlertAction::None) };
    world.create_alert("small", one_more).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    eventually("all are told", || async { world.raised().await.len() == 7 }).await;
    assert_eq!(world.state("orders").await, TableMapState::Paused);
    let raised = world.raised().await;
    let first_step = raised.iter().position(|alert| alert.alert_setting == "alertSettings/many-03").unwrap();
    assert!(first_step < 3, "the one that acts goes with the first step");
    let settings: std::collections::BTreeSet<&str> = raised.iter().map(|alert| alert.alert_setting.as_str()).collect();
    assert_eq!(settings.len(), 7, "each once");
    let long = (0..100).map(|index| format!("https://example.com/{index}{}", "x".repeat(130))).collect::<Vec<_>>();
    let mut number = 0;
    let full = loop {
        number += 1;
        let more = AlertSetting { recipients: long.clone(), ..setting(1, AlertAction::None) };
        if let Err(full) = world.create_alert(&format!("more-{number}"), more).await {
            break full;
        }
    };
    assert_eq!((full.code(), reason(&full).as_str()), (tonic::Code::ResourceExhausted, "ALERT_SETTINGS_FULL"));
}
