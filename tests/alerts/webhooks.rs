//! Webhooks, to a program that listens: signed, tried again, and given up where it says no.

use crate::given::*;
use crate::support::smtp::{Security, SmtpServer};
use crate::support::world::*;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tandem::services::proto::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What it was sent: by whom, and the body.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

/// Takes what comes to `/right`, not before the second time what comes to `/late`, never answers at `/hang`, and takes nothing else.
async fn listen() -> (String, Seen) {
    let seen = Seen::default();
    let take = async |Path(name): Path<String>, State(seen): State<Seen>, headers: HeaderMap, body: String| {
        if name == "hang" {
            std::future::pending::<()>().await;
        }
        let mut seen = seen.lock().unwrap();
        let before = seen.iter().filter(|(known, _, _)| *known == name).count();
        seen.push((name.clone(), headers, body));
        match (name.as_str(), before) {
            ("right", _) | ("late", 1..) => (StatusCode::OK, "thanks"),
            ("late", 0) => (StatusCode::SERVICE_UNAVAILABLE, "not now"),
            _ => (StatusCode::GONE, "nobody is here"),
        }
    };
    let router = Router::new().route("/{name}", post(take)).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let service = hyper_util::service::TowerToHyperService::new(router);
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let service = service.clone();
            let connection = hyper_util::rt::TokioIo::new(connection);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(connection, service));
        }
    });
    (format!("http://{address}"), seen)
}

#[tokio::test]
async fn webhooks_are_signed_and_tried_again() {
    let (url, seen) = listen().await;
    let world = World::start_with(&format!("\n[webhook]\nsecret = \"{SECRET}\"\n")).await;
    let recipients = vec![format!("{url}/right, {url}/late"), format!("{url}/gone")];
    world.create_alert("two", AlertSetting { recipients, ..setting(2, AlertAction::Pause) }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=2 {
        world.bad_order(id).await.unwrap();
    }
    eventually("all have ended", || async {
        let notifications = world.notifications().await;
        notifications.len() == 3 && notifications.iter().all(|told| told.state() != NotificationState::Pending)
    })
    .await;
    let [right, late, gone] = <[Notification; 3]>::try_from(world.notifications().await).unwrap();
    assert_eq!((right.state(), right.attempts), (NotificationState::Delivered, 1));
    assert_eq!(right.last_response, "200 OK thanks");
    assert_eq!((late.state(), late.attempts), (NotificationState::Delivered, 2));
    assert_eq!((gone.state(), gone.attempts), (NotificationState::GivenUp, 1));
    assert_eq!(gone.last_response, "410 Gone nobody is here");

    let seen = seen.lock().unwrap().clone();
    let ids: Vec<&str> = seen
        .iter()
        .filter(|(name, _, _)| name == "late")
        .map(|(_, headers, _)| headers["webhook-id"].to_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "a repeat can be told by its id");
    let key = BASE64_STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    for (_, headers, body) in &seen {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let mut hmac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        hmac.update(format!("{}.{}.{body}", text("webhook-id"), text("webhook-timestamp")).as_bytes());
        let signature = BASE64_STANDARD.encode(hmac.finalize().into_bytes());
        assert_eq!(text("webhook-signature"), format!("v1,{signature}"));
        let told: Json = serde_json::from_str(body).unwrap();
        assert_eq!(told["type"], "alert.raised");
        let data = &told["data"];
        assert_eq!(
            (&data["tableMap"], &data["alertSetting"]),
            (&"tableMaps/orders".into(), &"alertSettings/two".into())
        );
        assert_eq!((&data["action"], &data["state"]), (&"ALERT_ACTION_PAUSE".into(), &"TABLE_MAP_STATE_PAUSED".into()));
        assert_eq!(data["errorCounts"][0], serde_json::json!({ "errorType": "ERROR_TYPE_APPLICATION", "count": 2 }));
        assert_eq!((&data["reason"], &data["summary"]), (&"ALERT_REASON_ERRORS".into(), &"2 errors in 15m".into()));
        assert_eq!(data["lastErrors"][0]["integrationKey"]["id"], "2");
    }
    let test = TestAlertSettingRequest { name: alert_name("two") };
    let tested = world.alerts().test_alert_setting(test).await.unwrap().into_inner().notifications;
    let states: Vec<_> = tested.iter().map(Notification::state).collect();
    let (delivered, given_up) = (NotificationState::Delivered, NotificationState::GivenUp);
    assert_eq!(states, [delivered, delivered, given_up]);
}

#[tokio::test]
async fn webhooks_wait_where_nothing_signs_them() {
    let (url, seen) = listen().await;
    let world = World::start().await;
    let recipients = vec![format!("{url}/right")];
    world.create_alert("one", AlertSetting { recipients, ..setting(1, AlertAction::None) }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    eventually("it was tried", || async { world.notifications().await.first().is_some_and(|told| told.attempts > 0) })
        .await;
    let told = world.notifications().await.remove(0);
    assert_eq!(told.state(), NotificationState::Pending);
    assert!(told.last_response.contains("[webhook]"), "{told:?}");
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn webhooks_that_hang_hold_no_mail_up() {
    let (url, _) = listen().await;
    let mail = SmtpServer::started(Security::Open);
    let world = World::start_with(&format!("{}\n[webhook]\nsecret = \"{SECRET}\"\n", mail.config())).await;
    let mut recipients: Vec<String> = (0..8).map(|number| format!("{url}/hang?{number}")).collect();
    recipients.push("ada@example.com".to_owned());
    world.create_alert("one", AlertSetting { recipients, ..setting(1, AlertAction::None) }).await.unwrap();
    world.running_map("orders", asynchronous(orders_map())).await;
    world.bad_order(1).await.unwrap();
    eventually("the mail is there", || async { mail.mails().len() == 1 }).await;
    let ended = world.notifications().await.into_iter().filter(|told| told.attempts > 0);
    assert!(ended.map(|told| told.recipient).eq(["ada@example.com"]), "no webhook has ended yet");
}
