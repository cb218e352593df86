//! Steps 5 and 6: sales is gone, and comes back.

use super::{Story, seconds};
use crate::cli::demo::changes::{self, Work};
use crate::cli::demo::error::{DemoError, reason};
use crate::cli::demo::tables::{CURRENCIES, LIVE, Record, key_of};
use crate::cli::demo::tell::{count, padded};
use crate::cli::demo::{hook, wire};
use crate::model::value::Value;
use crate::services::proto as pb;
use sqlx::Connection;
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;

const WORK: Work = Work { orders_made: 150, orders_moved_on: 320, orders_deleted: 10, customers_changed: 120 };
/// How long finance tries a synchronous write again after the outage, and how often.
const RETRY_FOR: Duration = Duration::from_secs(20);
const RETRY_EVERY: Duration = Duration::from_millis(50);
/// The currency that gets a name of its own: ISO calls it and VES the same.
const CURRENCY: &str = "VED";
const CURRENCY_NAME: &str = "Bolívar Soberano (digital)";

impl Story {
    pub(super) async fn outage(&mut self) -> Result<(), DemoError> {
        self.tell.step(5, "Outage: the database of sales is moved away, and finance goes on working");
        let known = self.finance.known().await?;
        let work = changes::work(&mut self.generator, self.finance.side, &known, 2, WORK);
        self.sales.take_away()?;
        self.finance.apply(&work).await?;
        let told = hook::tell_changes(&self.finance, &mut self.service).await?;
        let text = format!(
            "finance makes {} changes: {} answered QUEUED, on disk here; {} refused",
            count(work.len()),
            count(told.queued),
            count(told.refused)
        );
        self.check(told.queued == work.len() && told.refused == 0, text);
        let is_down =
            |map: &pb::TableMap| map.conditions.iter().any(|c| c.r#type() == pb::ConditionType::DestinationDown);
        for pair in LIVE {
            let map = self.service.until(pair, "the condition DESTINATION_DOWN", is_down).await?;
            let stats = self.service.stats(pair).await?;
            let conditions: Vec<&str> =
                map.conditions.iter().map(|c| c.r#type().as_str_name().trim_start_matches("CONDITION_TYPE_")).collect();
            let (waiting, errors) = (stats.queued_count + stats.in_progress_count, stats.error_count);
            let text = format!(
                "{} RUNNING; {}; {} queued, {errors} errors",
                padded(pair.map, 10),
                conditions.join(" + "),
                count(waiting)
            );
            self.check(map.state() == pb::TableMapState::Running && errors == 0 && waiting > 0, text);
            if let Some(last) = map.conditions.first().filter(|_| pair.map == LIVE[0].map) {
                self.tell.aside(format!("the service says: {}", self.without_folder(&last.message)));
            }
        }
        self.currencies_are_synchronous().await
    }

    /// A synchronous map queues nothing: its caller hears of the outage and can take its own change back.
    async fn currencies_are_synchronous(&mut self) -> Result<(), DemoError> {
        match self.rename_currency().await? {
            Err(status) => {
                let text = format!(
                    "the currencies are synchronous: finance hears {} ({}) and rolls its own change back",
                    code(&status),
                    reason(&status)
                );
                self.check(status.code() == tonic::Code::Unavailable, text);
            }
            Ok(answer) => {
                self.check(false, format!("a synchronous write was answered {}", answer.disposition().as_str_name()))
            }
        }
        Ok(())
    }

    /// Finance tries again until sales is asked for this table too, a moment after the others.
    async fn currencies_go_on(&mut self) -> Result<(), DemoError> {
        let start = Instant::now();
        let disposition = loop {
            match self.rename_currency().await? {
                Ok(answer) => break answer.disposition().as_str_name().trim_start_matches("DISPOSITION_").to_owned(),
                Err(status) if start.elapsed() > RETRY_FOR => break code(&status),
                Err(_) => tokio::time::sleep(RETRY_EVERY).await,
            }
        };
        let text = format!("finance tries the currency again: {disposition}, so sales has it, and finance commits");
        self.check(disposition == "APPLIED", text);
        Ok(())
    }

    /// Renames a currency at finance as an application with a synchronous hook does: the other side first, then commit.
    async fn rename_currency(&mut self) -> Result<Result<pb::WriteRecordResponse, Status>, DemoError> {
        let mut currencies = self.finance.records(&CURRENCIES).await?;
        let mut currency: Record = currencies.remove(CURRENCY).unwrap_or_default();
        if let Some(name) = currency.last_mut() {
            *name = Value::text(CURRENCY_NAME);
        }
        debug_assert_eq!(key_of(&currency), CURRENCY);
        let mut connection = self.finance.open().await?;
        let mut transaction = connection.begin().await?;
        self.finance.put(&mut transaction, &CURRENCIES, &currency).await?;
        let change = pb::WriteRecordRequest {
            table_map: CURRENCIES.name(),
            source: wire::side(self.finance.side),
            operation: pb::Operation::Upsert.into(),
            record: Some(wire::record(&CURRENCIES, self.finance.side, &currency)),
            ..Default::default()
        };
        let answer = self.service.write(change).await;
        if answer.is_ok() {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        connection.close().await?;
        Ok(answer)
    }

    pub(super) async fn come_back(&mut self) -> Result<(), DemoError> {
        self.tell.step(6, "Sales comes back, and nobody has to do anything");
        let before = self.applied().await?;
        self.sales.bring_back()?;
        let start = Instant::now();
        let mut errors = 0;
        for pair in LIVE {
            errors += self.service.until_drained(pair).await?.error_count;
        }
        let time = start.elapsed();
        let written = self.applied().await? - before;
        let text = format!(
            "Tandem finds it by itself and writes {} queued changes, in order; {errors} errors; caught up after {}",
            count(written),
            seconds(time)
        );
        self.check(written == WORK.total() && errors == 0, text);
        for pair in LIVE {
            self.service.until(pair, "no condition", |map| map.conditions.is_empty()).await?;
        }
        self.tell.say("The conditions are gone.");
        self.currencies_go_on().await?;
        self.hooks_see_echoes(WORK.total(), 0).await
    }
}

/// A status code as the wire has it: `UNAVAILABLE`.
fn code(status: &Status) -> String {
    let words = format!("{:?}", status.code());
    let mut text = String::new();
    for letter in words.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}
