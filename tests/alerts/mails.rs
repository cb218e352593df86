//! Mails, to a real mail server that asks for a password and for encryption.

use crate::given::*;
use crate::support::smtp::{Security, SmtpServer};
use crate::support::world::*;
use tandem::services::proto::*;

fn telling(count: i32, action: AlertAction, recipients: &[&str]) -> AlertSetting {
    let recipients = recipients.iter().map(|entry| (*entry).to_owned()).collect();
    AlertSetting { display_name: "Many <errors>".to_owned(), recipients, ..setting(count, action) }
}

#[tokio::test]
async fn each_recipient_gets_a_mail_of_their_own_and_one_when_the_map_runs_again() {
    let mail = SmtpServer::started(Security::StartTls);
    let world = World::start_with(&mail.config()).await;
    let group = telling(3, AlertAction::Pause, &["ada@example.com, grace@example.com", "ADA@example.com"]);
    world.create_alert("many", group).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=50 {
        if world.bad_order(id).await.is_err() || world.state("orders").await == TableMapState::Paused {
            break;
        }
    }
    world.wait_for_state("orders", TableMapState::Paused).await;
    eventually("both are told", || async { mail.mails().len() == 2 }).await;
    let mut recipients = mail.recipients();
    recipients.sort();
    assert_eq!(recipients, ["ada@example.com", "grace@example.com"]);
    for told in mail.mails() {
        assert!(told.encrypted && told.user == "PLAIN tandem", "{told:?}");
        assert_eq!(told.recipients.len(), 1);
        assert_eq!(told.header("to"), told.recipients[0], "nobody sees the others");
        assert_eq!(told.header("subject"), "[Tandem] orders: paused, 3 errors in 15m (Many <errors>)");
        assert_eq!(told.header("auto-submitted"), "auto-generated");
        for part in ["the map was paused", "APPLICATION: ", "id=", "CHECK constraint", "TableMapService/ResumeTableMap"]
        {
            assert!(told.text.to_lowercase().contains(&part.to_lowercase()), "{part} in {}", told.text);
        }
        assert!(told.html.contains("Many &lt;errors&gt;") && told.html.contains("ResumeTableMap"), "{}", told.html);
    }
    let raised = mail.mails();
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    eventually("both are told that it runs again", || async { mail.mails().len() == 4 }).await;
    for recovered in &mail.mails()[2..] {
        assert_eq!(recovered.header("subject"), "[Tandem] orders: runs again (Many <errors>)");
        let first = raised.iter().find(|told| told.recipients == recovered.recipients).unwrap();
        assert_eq!(recovered.header("in-reply-to"), first.header("message-id"));
        assert_eq!(recovered.header("references"), first.header("message-id"));
    }
    // A mail is there a moment before its delivery is written down.
    eventually("all count as delivered", || async {
        world.notifications().await.iter().all(|told| told.state() == NotificationState::Delivered)
    })
    .await;
    let notifications = world.notifications().await;
    assert!(notifications[0].last_response.contains("taken as"), "{notifications:?}");
    assert_eq!(notifications[0].alert_event, "alertEvents/1");
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_tried_again_and_a_kill_sends_nothing_twice() {
    let mut mail = SmtpServer::new(Security::StartTls);
    let mut world = World::start_with(&mail.config()).await;
    let group = telling(1, AlertAction::None, &["ada@example.com, grace@example.com"]);
    world.create_alert("many", group).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    eventually("each was tried", || async {
        let notifications = world.notifications().await;
        notifications.len() == 2 && notifications.iter().all(|told| told.attempts >= 1)
    })
    .await;
    for told in world.notifications().await {
        assert_eq!(told.state(), NotificationState::Pending);
        assert!(told.next_attempt_time.is_some() && told.last_response.contains("refused"), "{told:?}");
    }
    world.server.restart().await;
    mail.start();
    eventually("both are delivered", || async {
        let notifications = world.notifications().await;
        notifications.iter().all(|told| told.state() == NotificationState::Delivered)
    })
    .await;
    a_while().await; // what is shown is on the disk a moment later
    world.server.restart().await;
    a_while().await;
    assert_eq!(mail.mails().len(), 2);
}

#[tokio::test]
async fn what_the_mail_server_refuses_is_given_up_and_what_it_defers_comes_again() {
    let mail = SmtpServer::started(Security::Open);
    let world = World::start_with(&mail.config()).await;
    let group = telling(1, AlertAction::None, &["unknown@example.com, busy@example.com, ada@example.com"]);
    world.create_alert("many", group).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    eventually("all have ended", || async {
        let notifications = world.notifications().await;
        notifications.len() == 3 && notifications.iter().all(|told| told.state() != NotificationState::Pending)
    })
    .await;
    let [unknown, busy, ada] = <[Notification; 3]>::try_from(world.notifications().await).unwrap();
    assert_eq!((unknown.state(), unknown.attempts), (NotificationState::GivenUp, 1));
    assert!(unknown.last_response.contains("no such user here"), "{unknown:?}");
    assert_eq!((busy.state(), busy.attempts), (NotificationState::Delivered, 2));
    assert_eq!((ada.state(), ada.attempts), (NotificationState::Delivered, 1));
    assert_eq!(mail.recipients(), ["ada@example.com", "busy@example.com"]);
    let given_up = ListNotificationsRequest { state: NotificationState::GivenUp.into(), ..Default::default() };
    let given_up = world.alerts().list_notifications(given_up).await.unwrap().into_inner().notifications;
    assert_eq!(given_up, [unknown]);
}

#[tokio::test]
async fn a_test_mail_shows_whether_mails_arrive() {
    let mail = SmtpServer::started(Security::Tls);
    let world = World::start_with(&mail.config()).await;
    let group = telling(1, AlertAction::Stop, &["ada@example.com, unknown@example.com"]);
    world.create_alert("many", group).await.unwrap();
    let test = TestAlertSettingRequest { name: alert_name("many") };
    let told = world.alerts().test_alert_setting(test.clone()).await.unwrap().into_inner().notifications;
    let states: Vec<_> = told.iter().map(|told| (told.recipient.as_str(), told.state())).collect();
    let expected =
        [("ada@example.com", NotificationState::Delivered), ("unknown@example.com", NotificationState::GivenUp)];
    assert_eq!(states, expected);
    assert!(told.iter().all(|told| told.name.is_empty() && told.alert_event.is_empty()));
    let mails = mail.mails();
    assert!(mails[0].encrypted && mails[0].user == "LOGIN tandem", "{mails:?}");
    assert!(mails[0].text.contains("This is a test"));
    assert!(world.raised().await.is_empty() && world.notifications().await.is_empty());

    let without = World::start().await;
    without.create_alert("many", telling(1, AlertAction::None, &["ada@example.com"])).await.unwrap();
    let refused = without.alerts().test_alert_setting(test).await.unwrap_err();
    assert_eq!(reason(&refused), "MAIL_NOT_CONFIGURED");
}

/// A kill may come between the mail server's answer and what is kept of it, for each mail that is under way; nowhere else is a mail sent
/// twice, and none is lost.
#[tokio::test]
async fn kills_lose_no_mail_and_send_none_twice_but_those_under_way() {
    const RECIPIENTS: usize = 60;
    const UNDER_WAY: usize = 4;
    const KILLS: usize = 6;
    let mail = SmtpServer::started(Security::Open);
    let mut world = World::start_with(&mail.config()).await;
    let recipients = (0..RECIPIENTS).map(|number| format!("a{number}@example.com")).collect();
    world.create_alert("many", AlertSetting { recipients, ..setting(1, AlertAction::None) }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    for kill in 1..=KILLS {
        let enough = kill * RECIPIENTS / (KILLS + 1);
        eventually("some are sent", || async { mail.mails().len() >= enough }).await;
        world.server.restart().await;
    }
    eventually("all are delivered", || async {
        let request = ListNotificationsRequest { page_size: 1_000, ..Default::default() };
        let listed = world.alerts().list_notifications(request).await.unwrap().into_inner().notifications;
        listed.len() == RECIPIENTS && listed.iter().all(|told| told.state() == NotificationState::Delivered)
    })
    .await;
    let sent = mail.recipients();
    let told: std::collections::BTreeSet<&String> = sent.iter().collect();
    assert_eq!(told.len(), RECIPIENTS);
    assert!(sent.len() - RECIPIENTS <= KILLS * UNDER_WAY, "{} for {RECIPIENTS}", sent.len());
}

/// Only a setting that says so shows its recipients to each other; what one of them is refused is delivered to the other.
#[tokio::test]
async fn a_group_sees_each_other_where_the_setting_says_so() {
    let mail = SmtpServer::started(Security::Open);
    let world = World::start_with(&mail.config()).await;
    let group = telling(1, AlertAction::None, &["ada@example.com, grace@example.com, unknown@example.com"]);
    world.create_alert("many", AlertSetting { show_recipients: Some(true), ..group }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    eventually("both are told", || async { mail.mails().len() == 2 }).await;
    let mails = mail.mails();
    for told in &mails {
        assert_eq!(told.recipients.len(), 1);
        assert_eq!(told.header("to"), "ada@example.com, grace@example.com, unknown@example.com");
    }
    assert_eq!(mails[0].header("message-id"), mails[1].header("message-id"), "it is one mail to all of them");
}
