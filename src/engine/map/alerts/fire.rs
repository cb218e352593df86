//! What fires: the alert, its event, what is told of it and what it does to the map.

use super::{TOLD_BYTES_MAX, Watched, actor, unless_full};
use crate::engine::error::EngineError;
use crate::engine::map::task::MapTask;
use crate::engine::map::{LeftOver, Transition};
use crate::model::activity::{EventKind, Severity};
use crate::model::alert::message::subject;
use crate::model::alert::notification::{Notification, NotificationKind, NotificationState};
use crate::model::alert::{AlertAction, AlertEvent, Fact, Window};
use crate::model::ids::{AlertNumber, EventSequence, NotificationNumber};
use crate::model::state::{Action, MapState, next};
use crate::store::Operation;

impl MapTask {
    /// What has reached its threshold fires: the alert, its mails, and what it does to the map are one step. Of several that fire
    /// together the strongest action is taken, and all of them are told.
    pub async fn fire_alerts(&mut self) -> Result<(), EngineError> {
        if !std::mem::take(&mut self.alerts.fires) {
            return Ok(());
        }
        let settings = self.context.alert_settings.clone();
        let armed = self.alerts.watched.iter().filter(|watched| watched.is_armed() && settings.is_on(watched.id()));
        let fired: Vec<(&Watched, Fact)> = armed.filter_map(|watched| Some((watched, watched.reason()?))).collect();
        let strongest = fired.iter().rev().max_by_key(|(watched, _)| watched.in_effect.setting.action);
        let Some((leading, led_by)) = strongest else { return Ok(()) };
        let wanted = match leading.in_effect.setting.action {
            AlertAction::None => None,
            AlertAction::Pause => Some(Action::Pause),
            AlertAction::Stop => Some(Action::Stop),
        };
        let led_to = wanted.map(|action| next(self.map.state, action));
        let state = led_to.and_then(Result::ok).unwrap_or(self.map.state);
        let refused = led_to.and_then(Result::err).map(|refused| refused.to_string());
        let (leader, taken) = (leading.in_effect.setting.clone(), leading.in_effect.setting.action);
        let raised: Vec<[Operation; 2]> = fired
            .iter()
            .map(|(watched, fact)| {
                let setting = &watched.in_effect.setting;
                let action_error = match setting.action {
                    AlertAction::None => None,
                    action if action < taken => Some(format!("{} fired with it and asks for more", actor(&leader.id))),
                    _ => refused.clone(),
                };
                self.raise(watched, fact, action_error, state)
            })
            .collect();
        // The one that leads goes with the step in any case, of the others as many as fit; the rest fires next.
        let size = |operations: &[Operation; 2]| operations.iter().map(Operation::size).sum::<usize>();
        let leads = |index: usize| fired[index].0.id() == &leader.id;
        let mut bytes: usize =
            raised.iter().enumerate().filter(|(index, _)| leads(*index)).map(|(_, own)| size(own)).sum();
        let (mut operations, mut more) = (Vec::new(), false);
        for (index, own) in raised.into_iter().enumerate() {
            let own_size = if leads(index) { 0 } else { size(&own) };
            if bytes + own_size > TOLD_BYTES_MAX {
                more = true;
                continue;
            }
            bytes += own_size;
            operations.extend(own);
        }
        let reason = format!("{} ({})", led_by.summary, actor(&leader.id));
        let transition = match wanted.filter(|_| refused.is_none()) {
            Some(Action::Pause) => Transition::PauseByAlert,
            Some(_) => Transition::Stop(Some(LeftOver::Keep)),
            None => {
                let kept = self.keep_alerts(operations).await;
                self.alerts.fires |= more && kept.is_ok();
                return unless_full(kept);
            }
        };
        self.alerts.with_step = operations;
        let acted = self.act(transition, &leader.id, reason).await;
        // A step that was not made is looked at again; what did not fit is next.
        self.alerts.fires |= more && self.alerts.with_step.is_empty();
        self.alerts.with_step.clear();
        acted
    }

    /// One alert: its event in the log, and itself with its mails.
    fn raise(&self, watched: &Watched, fact: &Fact, action_error: Option<String>, state: MapState) -> [Operation; 2] {
        let setting = &watched.in_effect.setting;
        let alert = AlertEvent {
            number: AlertNumber(0),
            setting: setting.id.clone(),
            display_name: setting.display_name.clone(),
            map: self.map.id.clone(),
            time: self.context.clock.now(),
            reason: fact.reason,
            summary: fact.summary.clone(),
            threshold: setting.threshold,
            counts: watched.window.as_ref().map(Window::counts).unwrap_or_default(),
            last_errors: watched.last_errors.iter().map(|error| (**error).clone()).collect(),
            action: setting.action,
            action_error,
            activity: EventSequence(0),
            rearm_time: None,
            acknowledgement: None,
            recipients: setting.addresses(),
            show_recipients: setting.show_recipients,
            state,
            resume_after: setting.resume_after.filter(|_| setting.action == AlertAction::Pause),
        };
        let summary = format!("the alert \"{}\" fired: {}; {}", alert.called(), alert.summary, alert.done());
        let mut event = self.event(EventKind::AlertRaised, Severity::Error, summary);
        event.actor = actor(&setting.id);
        event.counts.insert("errors".to_owned(), i64::try_from(alert.total()).unwrap_or(i64::MAX));
        let notifications = self.mails(&alert, NotificationKind::Raised);
        [Operation::Log(event), Operation::RaiseAlert { alert: Box::new(alert), notifications }]
    }

    fn mails(&self, alert: &AlertEvent, kind: NotificationKind) -> Vec<Notification> {
        let now = self.context.clock.now();
        let mail = |recipient: &String| Notification {
            number: NotificationNumber(0),
            alert: alert.number,
            setting: alert.setting.clone(),
            recipient: recipient.clone(),
            kind,
            subject: subject(alert, kind),
            state: NotificationState::Pending,
            attempts: 0,
            last_response: String::new(),
            create_time: now,
            next_attempt: Some(now),
            end_time: None,
        };
        alert.recipients.iter().map(mail).collect()
    }

    /// Whoever was told that the map was paused or stopped is told that it runs again; as many as one commit holds.
    pub(super) async fn tell_of_recovery(&mut self) -> Result<(), EngineError> {
        if self.map.state != MapState::Running || self.alerts.untold.is_empty() {
            return Ok(());
        }
        let mut in_effect = self.in_effect();
        let (mut operations, mut bytes) = (Vec::new(), 0);
        while let Some(number) = in_effect.untold.first().copied()
            && bytes < TOLD_BYTES_MAX
        {
            in_effect.untold.remove(0);
            let found = self.context.store.alerts(number, 1)?.into_iter().next();
            if let Some(alert) = found.filter(|alert| alert.number == number) {
                let told = Operation::Notify(self.mails(&alert, NotificationKind::Recovered));
                bytes += told.size();
                operations.push(told);
            }
        }
        operations.push(Operation::PutMapAlerts(Box::new(in_effect)));
        self.keep_alerts(operations).await
    }
}
