//! The outbox: messages that wait are handed to the mail server, or to the webhook, until it takes them, refuses them, or it has gone
//! on for too long. What became of each attempt is durable before the next one; a message goes out twice only where the answer was lost.

use super::error::EngineError;
use super::map::Context;
use crate::connectors::notify::SendError;
use crate::model::alert::message::message;
use crate::model::alert::notification::{Attempt, Notification, is_due};
use crate::model::alert::recipients::Recipient;
use crate::model::ids::{MapId, NotificationNumber};
use crate::store::{Commit, Operation};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::time::Duration;

/// Messages that are under way at once, by mail and by webhooks each.
const AT_ONCE: usize = 4;
/// Numbers read at one time.
const READ_MAX: usize = 1_000;
/// How often it is looked for what is due; the clock may jump.
const LOOK: Duration = Duration::from_secs(1);
/// How long what is under way may take when the service ends.
const END_MAX: Duration = Duration::from_secs(5);
/// How long it is waited after the store could not be read or written.
const FAULT_PAUSE: Duration = Duration::from_secs(5);

/// Works until the service ends; what is under way then ends.
pub async fn run(context: Context) {
    let mut outbox = Outbox {
        context: context.clone(),
        read_to: NotificationNumber(0),
        mails: Lane::default(),
        webhooks: Lane::default(),
    };
    let token = context.tasks.token().clone();
    while !token.is_cancelled() {
        let pause = match outbox.begin_due() {
            Ok(()) => LOOK,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read; it is tried again");
                FAULT_PAUSE
            }
        };
        let Outbox { mails, webhooks, .. } = &mut outbox;
        tokio::select! {
            Some(ended) = mails.under_way.next() => mails.ended(ended, &context),
            Some(ended) = webhooks.under_way.next() => webhooks.ended(ended, &context),
            () = context.outbox.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = token.cancelled() => {}
        }
    }
    let lanes = [outbox.mails, outbox.webhooks].map(|lane| lane.under_way.for_each(|_| std::future::ready(())));
    // One that hangs is not waited for; it is tried again after the next start.
    let _ = tokio::time::timeout(END_MAX, futures::future::join_all(lanes)).await;
}

struct Outbox {
    context: Context,
    /// Up to here it is known what waits.
    read_to: NotificationNumber,
    /// Each goes on by itself, so that a webhook that hangs holds no mail up.
    mails: Lane,
    webhooks: Lane,
}

type Attempted = (NotificationNumber, Result<Option<DateTime<Utc>>, EngineError>);

#[derive(Default)]
struct Lane {
    /// By the time of the next attempt.
    waiting: BTreeSet<(DateTime<Utc>, NotificationNumber)>,
    under_way: FuturesUnordered<BoxFuture<'static, Attempted>>,
}

impl Lane {
    fn begin_due(&mut self, context: &Context, now: DateTime<Utc>) {
        while self.under_way.len() < AT_ONCE
            && self.waiting.first().is_some_and(|(next, _)| is_due(*next, now))
            && let Some((_, number)) = self.waiting.pop_first()
        {
            let context = context.clone();
            self.under_way.push(Box::pin(async move { (number, attempt(&context, number).await) }));
        }
    }

    fn ended(&mut self, (number, next): Attempted, context: &Context) {
        match next {
            Ok(next) => self.waiting.extend(next.map(|next| (next, number))),
            Err(error) => {
                tracing::error!(%number, %error, "what became of a notification cannot be kept; it is tried again");
                self.waiting.insert((context.clock.now() + FAULT_PAUSE, number));
            }
        }
    }
}

impl Outbox {
    fn begin_due(&mut self) -> Result<(), EngineError> {
        self.read_new()?;
        let now = self.context.clock.now();
        self.mails.begin_due(&self.context, now);
        self.webhooks.begin_due(&self.context, now);
        Ok(())
    }

    fn read_new(&mut self) -> Result<(), EngineError> {
        let store = &self.context.store;
        loop {
            let numbers = store.pending_notifications(self.read_to, READ_MAX)?;
            if numbers.is_empty() {
                return Ok(());
            }
            for number in numbers {
                let read = store.notifications(number, 1)?.into_iter().next().filter(|told| told.number == number);
                if read.as_ref().is_some_and(|told| told.alert > *store.alerts_end().borrow()) {
                    return Ok(()); // nothing is told that a crash could take back
                }
                self.read_to = number;
                let Some(told) = read else { continue };
                let lane = match Recipient::of(&told.recipient) {
                    Recipient::Mail => &mut self.mails,
                    Recipient::Webhook => &mut self.webhooks,
                };
                lane.waiting.extend(told.next_attempt.map(|due| (due, number)));
            }
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
    match after.next_attempt {
        Some(next) => {
            tracing::warn!(%number, response = after.last_response, %next, "a notification was not taken")
        }
        None => {
            tracing::info!(%number, state = ?after.state, response = after.last_response, "a notification is done")
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
        return Ok(Attempt::Refused("the alert is no longer kept".to_owned()));
    };
    let recipient = &notification.recipient;
    let message = message(&alert, notification.kind, recipient, &context.address);
    Ok(match context.notifiers.send(recipient, &message, context.clock.now()).await {
        Ok(said) => Attempt::Accepted(said),
        Err(SendError::Refused(said)) => Attempt::Refused(said),
        Err(SendError::Failed(said)) => Attempt::Failed(said),
    })
}
