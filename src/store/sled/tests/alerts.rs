//! Alerts in the model, and commits about them.

use super::fixtures::time;
use super::model::{MapModel, Model, Refusal};
use crate::model::activity::EventError;
use crate::model::alert::notification::{Notification, NotificationKind, NotificationState};
use crate::model::alert::{
    Acknowledgement, AlertAction, AlertEvent, AlertReason, AlertSetting, MapAlerts, Noted, SettingInEffect, Threshold,
    Watch,
};
use crate::model::failure::ErrorType;
use crate::model::ids::{AlertId, AlertNumber, EventSequence, MapId, NotificationNumber};
use crate::model::row::Row;
use crate::model::state::MapState;
use crate::store::sled::SledStore;
use crate::store::{ErrorNote, Operation, Store};
use std::collections::BTreeMap;
use std::time::Duration;

/// Kinds of commits about alerts.
pub const KINDS: u8 = 9;

fn setting(seed: u16) -> AlertSetting {
    AlertSetting {
        id: AlertId::parse(["many", "few"][usize::from(seed % 2)]).unwrap(),
        display_name: format!("{seed}"),
        maps: [MapId::parse("orders").unwrap()].into_iter().take(usize::from(seed % 3)).collect(),
        error_types: [ErrorType::Network, ErrorType::Application].into_iter().take(usize::from(seed % 3)).collect(),
        threshold: (!seed.is_multiple_of(7)).then(|| Threshold {
            count: u32::from(seed % 9) + 1,
            window: Duration::from_millis(u64::from(seed) + 1_000),
        }),
        watch: Watch {
            queued_records: (!seed.is_multiple_of(3)).then_some(u64::from(seed)).filter(|count| *count > 0),
            near_limit: seed.is_multiple_of(2),
            application_down: Some(Duration::from_millis(u64::from(seed))).filter(|time| !time.is_zero()),
            ..Watch::default()
        },
        resume_after: (!seed.is_multiple_of(2)).then(|| Duration::from_millis(seed.into())),
        recipients: vec!["ada@example.com".to_owned()],
        show_recipients: seed.is_multiple_of(2),
        action: [AlertAction::None, AlertAction::Pause, AlertAction::Stop][usize::from(seed % 3)],
        enabled: seed.is_multiple_of(2),
        revision: u64::from(seed),
        effect: 1,
        create_time: time(i64::from(seed)),
        author: format!("{seed}"),
        update_time: time(3),
        request: seed.is_multiple_of(5).then(|| "a request".to_owned()),
    }
}

fn alert(map: &MapId, seed: u16) -> AlertEvent {
    let error = EventError {
        kind: ErrorType::Application,
        code: "19".to_owned(),
        message: "no".to_owned(),
        key: Row::new(),
        correlation_id: String::new(),
    };
    let setting = setting(seed);
    AlertEvent {
        number: AlertNumber(0),
        setting: setting.id,
        display_name: setting.display_name,
        map: map.clone(),
        time: time(i64::from(seed)),
        reason: AlertReason::Errors,
        summary: format!("{seed}"),
        threshold: setting.threshold,
        resume_after: setting.resume_after,
        counts: BTreeMap::from([(ErrorType::Application, 3), (ErrorType::Network, 1)]),
        last_errors: vec![error; usize::from(seed % 3)],
        action: setting.action,
        action_error: seed.is_multiple_of(4).then(|| "it is paused".to_owned()),
        activity: EventSequence(0),
        rearm_time: None,
        acknowledgement: None,
        recipients: setting.recipients,
        show_recipients: setting.show_recipients,
        state: MapState::Paused,
    }
}

fn notification(seed: u16) -> Notification {
    Notification {
        number: NotificationNumber(0),
        alert: AlertNumber(1),
        setting: setting(seed).id,
        recipient: format!("a{seed}@example.com"),
        kind: if seed.is_multiple_of(2) { NotificationKind::Raised } else { NotificationKind::Recovered },
        subject: "orders".to_owned(),
        state: NotificationState::Pending,
        attempts: 0,
        last_response: String::new(),
        create_time: time(1),
        next_attempt: Some(time(1)),
        end_time: None,
    }
}

pub fn operation_from(kind: u8, a: u16, b: u16, map: &MapId, model: &Model, known: &MapModel) -> Operation {
    let some_alert = AlertNumber(1 + u64::from(a) % (model.alerts.len() as u64 + u64::from(b % 9 == 8)).max(1));
    match kind {
        0 => Operation::PutAlertSetting(Box::new(setting(a))),
        1 => Operation::DeleteAlertSetting(setting(a).id),
        2 => {
            let in_effect =
                |seed: u16| SettingInEffect { setting: setting(seed), counts_after: b.into(), raised: None };
            let settings = (a..a.saturating_add(b % 3)).map(in_effect).collect();
            Operation::PutMapAlerts(Box::new(MapAlerts { settings, ..MapAlerts::default() }))
        }
        3 => {
            let kind = [ErrorType::Network, ErrorType::Application][usize::from(a % 2)];
            let number = known.notes.keys().map(|(_, number)| *number).max().unwrap_or(0) + 1;
            let runs = (0..b % 4).map(|n| Noted { time: i64::from(n), kind, count: u32::from(a) + 1 }).collect();
            let own = known.notes.keys().filter(|(of, _)| *of == kind).map(|(_, number)| *number);
            Operation::NoteErrors { kind, number, runs, forget: own.take(usize::from(b % 3)).collect() }
        }
        4 | 5 => {
            let notifications = (a..a.saturating_add(b % 3)).map(notification).collect();
            Operation::RaiseAlert { alert: Box::new(alert(map, a)), notifications }
        }
        6 => Operation::RearmAlert { alert: some_alert, time: time(i64::from(b)) },
        7 => {
            let acknowledgement = Acknowledgement { time: time(2), actor: format!("{b}"), note: String::new() };
            Operation::AcknowledgeAlert { alert: some_alert, acknowledgement }
        }
        _ => {
            let last = model.notifications.len() as u64;
            let state = [NotificationState::Pending, NotificationState::Delivered, NotificationState::GivenUp];
            let number = NotificationNumber(1 + u64::from(a) % (last + u64::from(b % 9 == 8)).max(1));
            if b.is_multiple_of(4) {
                return Operation::Notify(vec![notification(a)]);
            }
            let state = state[usize::from(a % 3)];
            Operation::PutNotification(Box::new(Notification { number, attempts: 1, state, ..notification(a) }))
        }
    }
}

impl Model {
    pub fn operate_on_alerts(&mut self, map: &mut MapModel, operation: &Operation) -> Result<(), Refusal> {
        match operation {
            Operation::PutAlertSetting(setting) => {
                self.settings.insert(setting.id.clone(), setting.as_ref().clone());
            }
            Operation::DeleteAlertSetting(id) => drop(self.settings.remove(id)),
            Operation::PutMapAlerts(alerts) => {
                map.must_exist()?;
                map.alerts = Some(alerts.as_ref().clone());
            }
            Operation::NoteErrors { kind, number, runs, forget } => {
                map.must_exist()?;
                map.notes.retain(|(of, number), _| of != kind || !forget.contains(number));
                if !runs.is_empty() {
                    map.notes.insert((*kind, *number), runs.clone());
                }
            }
            Operation::RaiseAlert { alert, notifications } => {
                let number = AlertNumber(self.alerts.len() as u64 + 1);
                let alert = AlertEvent { number, activity: EventSequence(map.last_event), ..alert.as_ref().clone() };
                if let Some(alerts) = &mut map.alerts {
                    let of_setting = alerts.settings.iter_mut().filter(|known| known.setting.id == alert.setting);
                    of_setting.for_each(|known| known.raised = Some(number));
                    if alert.action != AlertAction::None && alert.action_error.is_none() {
                        alerts.untold.push(number);
                        let resumes = alert.resume_after.filter(|_| alert.action == AlertAction::Pause);
                        alerts.resumes = resumes.map(|after| (alert.setting.clone(), after)).or(alerts.resumes.take());
                    }
                }
                self.notify(notifications.iter().map(|told| Notification { alert: number, ..told.clone() }));
                self.alerts.push(alert);
            }
            Operation::RearmAlert { alert, time } => {
                let known = map.alerts.iter_mut().flat_map(|alerts| &mut alerts.settings);
                known.for_each(|known| known.raised = known.raised.filter(|raised| raised != alert));
                self.alert(*alert)?.rearm_time.get_or_insert(*time);
            }
            Operation::AcknowledgeAlert { alert, acknowledgement } => {
                self.alert(*alert)?.acknowledgement.get_or_insert_with(|| acknowledgement.clone());
            }
            Operation::Notify(notifications) => self.notify(notifications.iter().cloned()),
            Operation::PutNotification(told) => {
                let known = self.notifications.iter_mut().find(|known| known.number == told.number);
                *known.ok_or(Refusal::Misfit)? = told.as_ref().clone();
            }
            _ => unreachable!("it is not about alerts"),
        }
        Ok(())
    }

    fn alert(&mut self, number: AlertNumber) -> Result<&mut AlertEvent, Refusal> {
        self.alerts.iter_mut().find(|alert| alert.number == number).ok_or(Refusal::Misfit)
    }

    fn notify(&mut self, notifications: impl Iterator<Item = Notification>) {
        for told in notifications {
            let number = NotificationNumber(self.notifications.len() as u64 + 1);
            self.notifications.push(Notification { number, ..told });
        }
    }
}

pub fn compare(store: &SledStore, model: &Model, all: usize) {
    assert!(store.alert_settings().unwrap().iter().eq(model.settings.values()));
    assert_eq!(store.alerts(AlertNumber(0), all).unwrap(), model.alerts);
    assert_eq!(store.alerts_end().borrow().0, model.alerts.len() as u64);
    assert_eq!(store.notifications(NotificationNumber(0), all).unwrap(), model.notifications);
    assert_eq!(store.last_notification().unwrap().0, model.notifications.len() as u64);
    let waiting = model.notifications.iter().filter(|told| told.state == NotificationState::Pending);
    assert!(
        store.pending_notifications(NotificationNumber(0), all).unwrap().iter().eq(waiting.map(|told| &told.number))
    );
    for (id, known) in &model.maps {
        assert_eq!(store.map_alerts(id).unwrap(), known.alerts.clone().unwrap_or_default());
        let note = |((kind, number), runs): (&(ErrorType, u64), &Vec<Noted>)| ErrorNote {
            kind: *kind,
            number: *number,
            runs: runs.clone(),
        };
        let mut notes: Vec<ErrorNote> = known.notes.iter().map(note).collect();
        notes.sort_by_key(|note| note.number);
        assert_eq!(store.error_notes(id).unwrap(), notes);
    }
}
