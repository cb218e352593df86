//! The outbox: messages that wait are handed to the mail server, or to the webhook, until it takes them, refuses them, or it has gone
//! on for too long. What became of each attempt is durable before the next one; a message goes out twice only where the answer was lost.

use super::error::EngineError;
use super::map::Context;
use crate::connectors::notify::SendError;
use crate::model::alert::message::message;
use crate::model::alert::notification::{Attempt, Notification};
use crate::model::ids::{AlertNumber, MapId, NotificationNumber};
use crate::store::{Commit, Operation};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::time::Duration;

/// Messages that are under way at once.
const AT_ONCE: usize = 4;
/// Numbers read at one time.
const READ_MAX: usize = 1_000;
/// How often it is looked for what is due; the clock may jump.
const LOOK: Duration = Duration::from_secs(1);
/// How long it is waited after the store could not be read or written.
const FAULT_PAUSE: Duration = Duration::from_secs(5);

/// Works until the service ends.
pub async fn run(context: Context) {
    let mut outbox = Outbox { context: context.clone(), read_to: NotificationNumber(0), waiting: BTreeSet::new() };
    let token = context.tasks.token().clone();
    while !token.is_cancelled() {
        let pause = match outbox.deliver_due().await {
            Ok(()) => LOOK,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot go on; it is tried again");
                FAULT_PAUSE
            }
        };
        tokio::select! {
            () = context.outbox.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = token.cancelled() => {}
        }
    }
}

struct Outbox {
    context: Context,
    /// Up to here it is known what waits.
    read_to: NotificationNumber,
    /// By the time of the next attempt.
    waiting: BTreeSet<(DateTime<Utc>, NotificationNumber)>,
}

impl Outbox {
    async fn deliver_due(&mut self) -> Result<(), EngineError> {
        self.read_new()?;
        let now = self.context.clock.now();
        let due: Vec<_> = self.waiting.iter().take_while(|(at, _)| *at <= now).copied().collect();
        let context = &self.context;
        // When the service ends none is begun any more, and what is under way ends.
        let attempts: Vec<_> = futures::stream::iter(due)
            .take_until(context.tasks.token().cancelled())
            .map(|(at, number)| async move { (at, number, attempt(context, number).await) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut fault = Ok(());
        for (at, number, result) in attempts {
            match result {
                Ok(next) => {
                    self.waiting.remove(&(at, number));
                    self.waiting.extend(next.map(|next| (next, number)));
                }
                Err(error) => fault = Err(error),
            }
        }
        fault
    }

    fn read_new(&mut self) -> Result<(), EngineError> {
        let store = &self.context.store;
        loop {
            let numbers = store.pending_notifications(self.read_to, READ_MAX)?;
            let Some(last) = numbers.last().copied() else { return Ok(()) };
            for number in numbers {
                let read = store.notifications(number, 1)?.into_iter().next();
                let due = read.filter(|told| told.number == number).and_then(|told| told.next_attempt);
                self.waiting.extend(due.map(|due| (due, number)));
            }
            self.read_to = last;
        }
    }
}

/// One attempt, and when the next one is due.
async fn attempt(context: &Context, number: NotificationNumber) -> Result<Option<DateTime<Utc>>, EngineError> {
    let read = context.store.notifications(number, 1)?.into_iter().next();
    let Some(notification) = read.filter(|told| told.number == number && told.next_attempt.is_some()) else {
        return Ok(None);
    };
    let attempt = send(context, &notification).await?;
    let after = notification.attempted(attempt, context.clock.now(), rand::random());
    let recipient = &after.recipient;
    match after.next_attempt {
        Some(next) => {
            tracing::warn!(%number, recipient, response = after.last_response, %next, "a notification was not taken")
        }
        None => {
            tracing::info!(%number, recipient, state = ?after.state, response = after.last_response, "a notification is done")
        }
    }
    let next = after.next_attempt;
    let operations = vec![Operation::PutNotification(Box::new(after))];
    context.store.commit(Commit { map: MapId::none(), expected: None, operations }).await?;
    Ok(next)
}

async fn send(context: &Context, notification: &Notification) -> Result<Attempt, EngineError> {
    let found = context.store.alerts(notification.alert, 1)?.into_iter().next();
    let Some(alert) = found.filter(|alert| alert.number == notification.alert) else {
        return match *context.store.alerts_end().borrow() {
            AlertNumber(last) if last < notification.alert.0 => Ok(Attempt::Failed("not yet synced".to_owned())),
            _ => Ok(Attempt::Refused("the alert is no longer kept".to_owned())),
        };
    };
    let recipient = &notification.recipient;
    let message = message(&alert, notification.kind, recipient, &context.address);
    Ok(match context.notifiers.send(recipient, &message, context.clock.now()).await {
        Ok(said) => Attempt::Accepted(said),
        Err(SendError::Refused(said)) => Attempt::Refused(said),
        Err(SendError::Failed(said)) => Attempt::Failed(said),
    })
}
