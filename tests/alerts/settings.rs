//! Settings: what is taken, what is refused, and when it takes effect.

use crate::given::*;
use crate::support::world::*;
use tandem::services::proto::*;
use tonic::Code;
use tonic_types::StatusExt;

#[tokio::test]
async fn a_setting_is_created_changed_listed_and_deleted() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    let given = AlertSetting {
        display_name: "Many errors".to_owned(),
        table_maps: vec![name("orders")],
        error_types: vec![ErrorType::Application.into(), ErrorType::Network.into()],
        recipients: vec!["ada@example.com, grace@example.com".to_owned(), "ops@example.com".to_owned()],
        ..setting(10, AlertAction::Pause)
    };
    let request = CreateAlertSettingRequest {
        alert_setting_id: "many".to_owned(),
        alert_setting: Some(given.clone()),
        request_id: "first".to_owned(),
        ..Default::default()
    };
    let tried = CreateAlertSettingRequest { validate_only: true, ..request.clone() };
    world.alerts().create_alert_setting(tried).await.unwrap();
    let created = world.alerts().create_alert_setting(request.clone()).await.unwrap().into_inner();
    let expected = AlertSetting {
        name: alert_name("many"),
        enabled: Some(true),
        show_recipients: Some(false),
        pending_table_maps: vec![name("orders")],
        etag: created.etag.clone(),
        author: created.author.clone(),
        create_time: created.create_time,
        update_time: created.create_time,
        ..given.clone()
    };
    assert!(created.create_time.is_some());
    assert_eq!(created, expected);
    assert_eq!(world.alerts().create_alert_setting(request).await.unwrap().into_inner(), created, "a repeat");
    let again = world.create_alert("many", setting(1, AlertAction::None)).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::AlreadyExists, "RESOURCE_EXISTS"));

    let update = |setting: AlertSetting, paths: &[&str]| UpdateAlertSettingRequest {
        alert_setting: Some(AlertSetting { name: alert_name("many"), ..setting }),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        validate_only: false,
    };
    let change = AlertSetting { etag: created.etag.clone(), ..setting(3, AlertAction::Stop) };
    let request = as_actor("grace", update(change.clone(), &["action", "threshold.count"]));
    let changed = world.alerts().update_alert_setting(request).await.unwrap().into_inner();
    assert_eq!((changed.author.as_str(), changed.create_time), ("grace", created.create_time));
    assert_ne!(changed.update_time, created.update_time);
    assert_eq!((changed.action(), changed.threshold.unwrap().count), (AlertAction::Stop, 3));
    assert_eq!(changed.recipients, given.recipients, "what the mask does not name stays");
    let collision = world.alerts().update_alert_setting(update(change, &["action"])).await.unwrap_err();
    assert_eq!((collision.code(), reason(&collision).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let all = AlertSetting { enabled: Some(false), ..setting(5, AlertAction::None) };
    let changed = world.alerts().update_alert_setting(update(all, &["*"])).await.unwrap().into_inner();
    assert!(changed.recipients.is_empty() && changed.table_maps.is_empty() && changed.enabled == Some(false));
    // Two at once, of different fields: neither is lost.
    let (mut one, mut other) = (world.alerts(), world.alerts());
    let (count, name_it) =
        (setting(7, AlertAction::None), AlertSetting { display_name: "x".into(), ..Default::default() });
    let both = tokio::join!(
        one.update_alert_setting(update(count, &["threshold.count"])),
        other.update_alert_setting(update(name_it, &["display_name"])),
    );
    assert!(both.0.is_ok() && both.1.is_ok());
    let changed = world.alert_setting("many").await;
    assert_eq!((changed.threshold.unwrap().count, changed.display_name.as_str()), (7, "x"));
    let unknown = world.alerts().update_alert_setting(update(AlertSetting::default(), &["colour"])).await.unwrap_err();
    assert_eq!(fields(&unknown), ["update_mask"]);

    for id in ["a", "b", "c"] {
        let of_orders = AlertSetting { table_maps: vec![name("orders")], ..setting(1, AlertAction::None) };
        world.create_alert(id, of_orders).await.unwrap();
    }
    let mut listed = Vec::new();
    let mut request = ListAlertSettingsRequest { page_size: 3, table_map: name("orders"), ..Default::default() };
    loop {
        let page = world.alerts().list_alert_settings(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.total_size, Some(4), "the one for all maps covers it");
        listed.extend(page.alert_settings.into_iter().map(|setting| setting.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, ["a", "b", "c", "many"].map(alert_name));

    let delete = |id: &str, etag: &str| DeleteAlertSettingRequest { name: alert_name(id), etag: etag.to_owned() };
    let stale = world.alerts().delete_alert_setting(delete("many", &created.etag)).await.unwrap_err();
    assert_eq!(stale.code(), Code::Aborted);
    world.alerts().delete_alert_setting(delete("many", &changed.etag)).await.unwrap();
    let gone = world.alerts().delete_alert_setting(delete("many", "")).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

#[tokio::test]
async fn every_fault_of_a_setting_is_named_in_one_answer() {
    let world = World::start().await;
    let wrong = AlertSetting {
        display_name: "x".repeat(201),
        table_maps: vec![name("nowhere"), "orders".to_owned()],
        error_types: vec![ErrorType::Application.into(), 99],
        threshold: Some(AlertThreshold { count: 0, window: seconds(24 * 60 * 60 + 1) }),
        recipients: vec!["ada@example.com, grace".to_owned(), String::new()],
        action: 77,
        ..Default::default()
    };
    let refused = world.create_alert("Wrong", wrong).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let mut named = fields(&refused);
    named.sort();
    let of = |field: &str| format!("alert_setting.{field}");
    let mut expected = vec![
        "alert_setting_id".to_owned(),
        of("display_name"),
        of("table_maps"),
        of("table_maps[1]"),
        of("error_types[1]"),
        of("threshold.count"),
        of("threshold.window"),
        of("recipients[0]"),
        of("recipients[1]"),
        of("action"),
    ];
    expected.sort();
    assert_eq!(named, expected);
    let details = refused.get_details_bad_request().unwrap().field_violations;
    let of_grace = details.iter().find(|violation| violation.field == of("recipients[0]")).unwrap();
    assert_eq!(of_grace.description, "\"grace\" is no address that can be told: it has no @");
    let bare = world.create_alert("bare", AlertSetting::default()).await.unwrap_err();
    assert_eq!(fields(&bare), ["alert_setting.threshold"]);
    assert!(
        world
            .alerts()
            .list_alert_settings(ListAlertSettingsRequest::default())
            .await
            .unwrap()
            .into_inner()
            .alert_settings
            .is_empty()
    );
}

/// The restart rule, for a setting that is created, changed and deleted.
#[tokio::test]
async fn a_setting_takes_effect_with_the_next_run_or_resume_or_when_it_is_applied() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.create_alert("one", setting(1, AlertAction::None)).await.unwrap();
    assert_eq!(world.alert_setting("one").await.pending_table_maps, [name("orders")]);
    world.bad_order(1).await.unwrap();
    eventually("it is refused", || async { world.figures("orders").await.in_error == 1 }).await;
    a_while().await;
    assert!(world.raised().await.is_empty(), "created while the map ran: it does not count yet");

    world.pause("orders").await.unwrap();
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    assert!(world.alert_setting("one").await.pending_table_maps.is_empty());
    world.bad_order(2).await.unwrap();
    eventually("it fires", || async { world.raised().await.len() == 1 }).await;

    // Changed: what was in effect stays so until then.
    let changed = AlertSetting { name: alert_name("one"), ..setting(2, AlertAction::None) };
    let update = UpdateAlertSettingRequest { alert_setting: Some(changed), ..Default::default() };
    world.alerts().update_alert_setting(update).await.unwrap();
    assert_eq!(world.alert_setting("one").await.pending_table_maps, [name("orders")]);
    let apply = ApplyAlertSettingRequest { name: alert_name("one"), ..Default::default() };
    let applied = world.alerts().apply_alert_setting(apply.clone()).await.unwrap().into_inner();
    assert!(applied.pending_table_maps.is_empty());
    world.bad_order(3).await.unwrap();
    eventually("it is refused", || async { world.figures("orders").await.in_error == 3 }).await;
    a_while().await;
    assert_eq!(world.raised().await.len(), 1, "two are asked for now, and the window began empty");
    world.bad_order(4).await.unwrap();
    eventually("it fires", || async { world.raised().await.len() == 2 }).await;
    assert_eq!(world.raised().await[1].threshold.unwrap().count, 2);
    let unknown = ApplyAlertSettingRequest { table_maps: vec![name("nowhere")], ..apply };
    assert_eq!(fields(&world.alerts().apply_alert_setting(unknown).await.unwrap_err()), ["table_maps"]);

    // Switched off, and deleted: at once.
    let off = AlertSetting { name: alert_name("one"), enabled: Some(false), ..Default::default() };
    let update = UpdateAlertSettingRequest { alert_setting: Some(off), ..Default::default() };
    world.alerts().update_alert_setting(update).await.unwrap();
    world.create_alert("two", setting(1, AlertAction::None)).await.unwrap();
    let apply = ApplyAlertSettingRequest { name: alert_name("two"), ..Default::default() };
    world.alerts().apply_alert_setting(apply).await.unwrap();
    let delete = DeleteAlertSettingRequest { name: alert_name("two"), ..Default::default() };
    world.alerts().delete_alert_setting(delete).await.unwrap();
    world.pause("orders").await.unwrap();
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    for id in 5..=8 {
        world.bad_order(id).await.unwrap();
    }
    eventually("they are refused", || async { world.figures("orders").await.in_error == 8 }).await;
    a_while().await;
    assert_eq!(world.raised().await.len(), 2);
}
