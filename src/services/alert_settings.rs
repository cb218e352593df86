//! Settings of alerts: what is sent, checked, and what is kept, shown.

use super::Services;
use super::input::Input;
use super::proto;
use super::status::CallError;
use super::{names, records, times};
use crate::engine::error::EngineError;
use crate::model::alert::{AlertAction, AlertSetting, Threshold, Watch, recipients};
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, MapId};
use chrono::DateTime;
use std::collections::BTreeSet;
use std::time::Duration;

const DISPLAY_NAME_CHARS_MAX: usize = 200;
const MAPS_MAX: usize = 1_000;

/// Every type of the contract; the others never come back from a destination.
const ERROR_TYPES: [(proto::ErrorType, ErrorType); 8] = [
    (proto::ErrorType::Application, ErrorType::Application),
    (proto::ErrorType::BadRequest, ErrorType::BadRequest),
    (proto::ErrorType::Configuration, ErrorType::Configuration),
    (proto::ErrorType::Authentication, ErrorType::Authentication),
    (proto::ErrorType::Network, ErrorType::Network),
    (proto::ErrorType::Unavailable, ErrorType::Unavailable),
    (proto::ErrorType::Throttled, ErrorType::Throttled),
    (proto::ErrorType::Internal, ErrorType::Internal),
];

const OUTPUT_ONLY: [&str; 6] = ["name", "pending_table_maps", "etag", "author", "create_time", "update_time"];

type Field = (&'static str, fn(&proto::AlertSetting) -> bool, fn(&mut proto::AlertSetting, &proto::AlertSetting));

/// Fields that an update may change, each with whether it is set and how it is taken over.
const FIELDS: [Field; 10] = [
    ("display_name", |s| !s.display_name.is_empty(), |to, s| to.display_name.clone_from(&s.display_name)),
    ("table_maps", |s| !s.table_maps.is_empty(), |to, s| to.table_maps.clone_from(&s.table_maps)),
    ("error_types", |s| !s.error_types.is_empty(), |to, s| to.error_types.clone_from(&s.error_types)),
    ("threshold", |s| s.threshold.is_some(), |to, s| to.threshold = s.threshold),
    ("recipients", |s| !s.recipients.is_empty(), |to, s| to.recipients.clone_from(&s.recipients)),
    ("show_recipients", |s| s.show_recipients.is_some(), |to, s| to.show_recipients = s.show_recipients),
    ("action", |s| s.action != 0, |to, s| to.action = s.action),
    ("watch", |s| s.watch.is_some(), |to, s| to.watch = s.watch),
    ("resume_after", |s| s.resume_after.is_some(), |to, s| to.resume_after = s.resume_after),
    ("enabled", |s| s.enabled.is_some(), |to, s| to.enabled = s.enabled),
];

impl From<AlertAction> for proto::AlertAction {
    fn from(action: AlertAction) -> Self {
        match action {
            AlertAction::None => proto::AlertAction::None,
            AlertAction::Pause => proto::AlertAction::Pause,
            AlertAction::Stop => proto::AlertAction::Stop,
        }
    }
}

impl From<&Threshold> for proto::AlertThreshold {
    fn from(threshold: &Threshold) -> Self {
        let count = i32::try_from(threshold.count).unwrap_or(i32::MAX);
        Self { count, window: Some(times::duration(threshold.window)) }
    }
}

impl From<&Watch> for proto::AlertWatch {
    fn from(watch: &Watch) -> Self {
        Self {
            queued_records: records::count(watch.queued_records.unwrap_or(0)),
            queued_age: watch.queued_age.map(times::duration),
            near_limit: watch.near_limit,
            initial_sync_errors: watch.initial_sync_errors,
            initial_sync_stalled: watch.initial_sync_stalled.map(times::duration),
            application_down: watch.application_down.map(times::duration),
        }
    }
}

fn shown((setting, pending): (AlertSetting, Vec<MapId>)) -> proto::AlertSetting {
    let kind = |kind: &ErrorType| proto::ErrorType::from(*kind).into();
    proto::AlertSetting {
        name: names::alert_setting(&setting.id),
        display_name: setting.display_name.clone(),
        table_maps: setting.maps.iter().map(names::table_map).collect(),
        error_types: setting.error_types.iter().map(kind).collect(),
        threshold: setting.threshold.as_ref().map(Into::into),
        watch: (!setting.watch.is_empty()).then(|| (&setting.watch).into()),
        resume_after: setting.resume_after.map(times::duration),
        recipients: setting.recipients.clone(),
        show_recipients: Some(setting.show_recipients),
        action: proto::AlertAction::from(setting.action).into(),
        enabled: Some(setting.enabled),
        pending_table_maps: pending.iter().map(names::table_map).collect(),
        etag: setting.etag(),
        author: setting.author,
        create_time: Some(times::timestamp(setting.create_time)),
        update_time: Some(times::timestamp(setting.update_time)),
    }
}

impl Services {
    pub(super) async fn create_alert_setting(
        &self,
        actor: String,
        request: proto::CreateAlertSettingRequest,
    ) -> Result<proto::AlertSetting, CallError> {
        let mut input = Input::default();
        let tag = input.tag(&request.request_id, &request);
        let id = input.alert_id("alert_setting_id", &request.alert_setting_id);
        if request.alert_setting.is_none() {
            input.wrong("alert_setting", "is required");
        }
        let setting = request.alert_setting.map(|given| {
            // Wrong by itself; what is checked beside it needs one.
            let id = id.clone().or_else(|| AlertId::parse("new").ok());
            self.checked_setting(&mut input, id, &given)
        });
        let (_, setting) = input.with(id.zip(setting.flatten()))?;
        let setting = AlertSetting { author: actor, ..setting };
        let setting = self.engine.create_alert_setting(setting, tag, request.validate_only).await?;
        Ok(shown(self.engine.with_pending(setting)?))
    }

    /// A setting that could be kept; everything that is wrong is told.
    fn checked_setting(
        &self,
        input: &mut Input,
        id: Option<AlertId>,
        given: &proto::AlertSetting,
    ) -> Option<AlertSetting> {
        input.text("alert_setting.display_name", &given.display_name, DISPLAY_NAME_CHARS_MAX);
        let maps = input.table_maps("alert_setting.table_maps", &given.table_maps);
        for map in self.engine.unknown_maps(&maps) {
            input.wrong("alert_setting.table_maps", format!("there is no map {map}"));
        }
        let mut error_types = BTreeSet::new();
        for (index, number) in given.error_types.iter().enumerate() {
            match ERROR_TYPES.iter().find(|(wire, _)| i32::from(*wire) == *number) {
                Some((_, kind)) => drop(error_types.insert(*kind)),
                None => input.wrong(format!("alert_setting.error_types[{index}]"), "is no type of error"),
            }
        }
        let watch = input.watch("alert_setting.watch", given.watch.as_ref());
        let threshold = match &given.threshold {
            Some(threshold) => input.threshold("alert_setting.threshold", threshold).map(Some),
            None if watch.is_some_and(|watch| watch.is_empty()) => {
                input.wrong(
                    "alert_setting.threshold",
                    "is required where watch says nothing: how many errors within how long",
                );
                None
            }
            None => Some(None),
        };
        let resume_after = input.period("alert_setting.resume_after", given.resume_after);
        for violation in recipients::violations("alert_setting.recipients", &given.recipients) {
            input.wrong(violation.field, violation.description);
        }
        let action =
            input.known::<proto::AlertAction>("alert_setting.action", given.action).map(|action| match action {
                proto::AlertAction::Unspecified | proto::AlertAction::None => AlertAction::None,
                proto::AlertAction::Pause => AlertAction::Pause,
                proto::AlertAction::Stop => AlertAction::Stop,
            });
        if resume_after.is_some() && action != Some(AlertAction::Pause) {
            input.wrong("alert_setting.resume_after", "needs the action ALERT_ACTION_PAUSE");
        }
        Some(AlertSetting {
            id: id?,
            display_name: given.display_name.clone(),
            maps,
            error_types,
            threshold: threshold?,
            watch: watch?,
            resume_after,
            recipients: given.recipients.clone(),
            show_recipients: given.show_recipients.unwrap_or(false),
            action: action?,
            enabled: given.enabled.unwrap_or(true),
            revision: 0,
            effect: 0,
            create_time: DateTime::UNIX_EPOCH,
            author: String::new(),
            update_time: DateTime::UNIX_EPOCH,
            request: None,
        })
    }

    pub(super) fn get_alert_setting(
        &self,
        request: &proto::GetAlertSettingRequest,
    ) -> Result<proto::AlertSetting, CallError> {
        let mut input = Input::default();
        let id = input.alert_setting("name", &request.name);
        let setting = self.engine.alert_setting(&input.with(id)?)?;
        Ok(shown(self.engine.with_pending(setting)?))
    }

    pub(super) fn list_alert_settings(
        &self,
        request: &proto::ListAlertSettingsRequest,
    ) -> Result<proto::ListAlertSettingsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListAlertSettings", request)?;
        let covered =
            if request.table_map.is_empty() { None } else { input.table_map("table_map", &request.table_map) };
        input.done()?;
        let mut settings = self.engine.alert_settings()?;
        settings.retain(|(setting, _)| covered.as_ref().is_none_or(|map| setting.covers(map)));
        let total_size = records::total(settings.len() as u64);
        let (settings, next_page_token) = page.cut(settings, |(setting, _)| setting.id.to_string());
        let alert_settings = settings.into_iter().map(shown).collect();
        Ok(proto::ListAlertSettingsResponse { alert_settings, next_page_token, total_size })
    }

    pub(super) async fn update_alert_setting(
        &self,
        actor: String,
        request: proto::UpdateAlertSettingRequest,
    ) -> Result<proto::AlertSetting, CallError> {
        let mut input = Input::default();
        let Some(given) = &request.alert_setting else {
            input.wrong("alert_setting", "is required");
            return input.with(None);
        };
        let Some(id) = input.alert_setting("alert_setting.name", &given.name) else { return input.with(None) };
        loop {
            let mut input = Input::default();
            let current = shown((self.engine.alert_setting(&id)?, Vec::new()));
            let read = current.etag.clone();
            let updated = masked(&mut input, current, given, request.update_mask.as_ref());
            let setting = self.checked_setting(&mut input, Some(id.clone()), &updated);
            let setting = AlertSetting { author: actor.clone(), ..input.with(setting)? };
            // What the mask does not name is kept as it is now, also where two change it at once.
            let etag = if given.etag.is_empty() { &read } else { &given.etag };
            match self.engine.update_alert_setting(setting, etag, request.validate_only).await {
                Err(EngineError::AlertEtagMismatch { .. }) if given.etag.is_empty() => {}
                updated => return Ok(shown(self.engine.with_pending(updated?)?)),
            }
        }
    }

    pub(super) async fn delete_alert_setting(
        &self,
        actor: &str,
        request: &proto::DeleteAlertSettingRequest,
    ) -> Result<(), CallError> {
        let mut input = Input::default();
        let id = input.alert_setting("name", &request.name);
        Ok(self.engine.delete_alert_setting(&input.with(id)?, &request.etag, actor).await?)
    }

    pub(super) async fn apply_alert_setting(
        &self,
        request: &proto::ApplyAlertSettingRequest,
    ) -> Result<proto::AlertSetting, CallError> {
        let mut input = Input::default();
        let id = input.alert_setting("name", &request.name);
        let maps = input.table_maps("table_maps", &request.table_maps);
        let setting = self.engine.apply_alert_setting(&input.with(id)?, maps, &request.etag).await?;
        Ok(shown(self.engine.with_pending(setting)?))
    }

    pub(super) async fn test_alert_setting(
        &self,
        request: &proto::TestAlertSettingRequest,
    ) -> Result<proto::TestAlertSettingResponse, CallError> {
        let mut input = Input::default();
        let id = input.alert_setting("name", &request.name);
        let notifications = self.engine.test_alert_setting(&input.with(id)?).await?;
        Ok(proto::TestAlertSettingResponse { notifications: notifications.into_iter().map(Into::into).collect() })
    }
}

/// The setting as it is with the fields of `given` that the mask names; without a mask all that are set, with `*` all.
fn masked(
    input: &mut Input,
    current: proto::AlertSetting,
    given: &proto::AlertSetting,
    mask: Option<&prost_types::FieldMask>,
) -> proto::AlertSetting {
    let mut updated = current;
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    for (field, is_set, take) in &FIELDS {
        let named = paths.iter().any(|path| path == field || path == "*");
        if named || (paths.is_empty() && is_set(given)) {
            take(&mut updated, given);
        }
    }
    for path in paths {
        let (of_given, of_updated) = (given.threshold.unwrap_or_default(), &mut updated.threshold);
        match path.as_str() {
            "*" => {}
            "threshold.count" => of_updated.get_or_insert_default().count = of_given.count,
            "threshold.window" => of_updated.get_or_insert_default().window = of_given.window,
            path if OUTPUT_ONLY.contains(&path) || FIELDS.iter().any(|(field, _, _)| *field == path) => {}
            path => {
                let path: String = path.chars().take(100).collect();
                input.wrong("update_mask", format!("\"{path}\" is no field of an alert setting"));
            }
        }
    }
    updated
}

impl Input {
    /// Names of maps, each of them well-formed.
    pub fn table_maps(&mut self, field: &str, names: &[String]) -> BTreeSet<MapId> {
        if names.len() > MAPS_MAX {
            self.wrong(field, format!("{} maps, at most {MAPS_MAX} are taken", names.len()));
            return BTreeSet::new();
        }
        let names = names.iter().enumerate();
        names.filter_map(|(index, name)| self.table_map(&format!("{field}[{index}]"), name)).collect()
    }

    fn threshold(&mut self, field: &str, given: &proto::AlertThreshold) -> Option<Threshold> {
        let count = u32::try_from(given.count).ok().filter(|count| (1..=Threshold::COUNT_MAX).contains(count));
        if count.is_none() {
            self.wrong(format!("{field}.count"), format!("is {}, not 1 to {}", given.count, Threshold::COUNT_MAX));
        }
        let place = format!("{field}.window");
        if given.window.is_none() {
            self.wrong(&place, "is required: 1 second to 1 day");
        }
        let window = self.period(&place, given.window);
        Some(Threshold { count: count?, window: window? })
    }

    fn watch(&mut self, field: &str, given: Option<&proto::AlertWatch>) -> Option<Watch> {
        let Some(given) = given else { return Some(Watch::default()) };
        let queued_records = u64::try_from(given.queued_records);
        if queued_records.is_err() {
            self.wrong(format!("{field}.queued_records"), "is negative");
        }
        let mut period = |name: &str, given| self.period(&format!("{field}.{name}"), given);
        Some(Watch {
            queued_age: period("queued_age", given.queued_age),
            initial_sync_stalled: period("initial_sync_stalled", given.initial_sync_stalled),
            application_down: period("application_down", given.application_down),
            near_limit: given.near_limit,
            initial_sync_errors: given.initial_sync_errors,
            queued_records: Some(queued_records.ok()?).filter(|count| *count > 0),
        })
    }

    /// A time of alerts that may be left out.
    fn period(&mut self, field: &str, given: Option<prost_types::Duration>) -> Option<Duration> {
        let period = self.span(field, given)?;
        let fits = (Threshold::WINDOW_MIN..=Threshold::WINDOW_MAX).contains(&period);
        if !fits {
            self.wrong(field, "is not 1 second to 1 day");
        }
        fits.then_some(period)
    }
}
