//! Steps 1 to 3: the two applications as they are, the maps, the initial sync.

use super::Story;
use crate::cli::demo::compare::compare_all;
use crate::cli::demo::error::DemoError;
use crate::cli::demo::tables::{CUSTOMERS, ORDERS, PAIRS, Pair, key_of};
use crate::cli::demo::tell::{count, padded};
use crate::cli::demo::{dataset::Tables, wire};
use crate::model::table_map::Side;
use crate::services::proto as pb;
use std::collections::BTreeMap;

impl Story {
    pub(super) async fn introduce(&mut self) -> Result<(), DemoError> {
        self.tell.step(1, "Two applications, as they are");
        let (finance, sales) = std::mem::take(&mut self.beginning);
        for (application, what, tables) in [(&self.finance, "ERP", &finance), (&self.sales, "CRM", &sales)] {
            let side = application.side;
            let sizes: Vec<String> =
                tables.iter().map(|(pair, rows)| format!("{} {}", pair.table(side), count(rows.len()))).collect();
            self.tell.say(format!("{} ({what})  {}", padded(application.name(), 7), sizes.join(", ")));
        }
        let (both, unlike) = known_to_both(&finance, &sales);
        self.tell.say(format!(
            "{} customers are known to both, {unlike} of them with different data; table and column names differ everywhere.",
            count(both)
        ));
        self.tell.aside(
            "Currencies are those of ISO 4217, countries those of ISO 3166-1; customers and orders are made up.",
        );
        Ok(())
    }

    pub(super) async fn create_maps(&mut self) -> Result<(), DemoError> {
        self.tell.step(2, "Four table maps say which table and column belongs to which");
        let mut wrong = wire::table_map(&ORDERS);
        wrong.column_mappings.retain(|mapping| mapping.left_column != "status");
        let findings = self.service.validate(wrong).await?;
        self.tell.say("A map of the orders that forgets their status is refused before it does any harm:");
        match findings.iter().find(|finding| finding.severity() == pb::Severity::Error) {
            Some(found) => {
                let code = found.code().as_str_name().trim_start_matches("FINDING_CODE_").to_owned();
                self.tell.below(format!("{code}: {}", found.message));
            }
            None => self.check(false, "validation has found nothing".to_owned()),
        }
        for pair in PAIRS {
            let findings = self.service.validate(wire::table_map(pair)).await?;
            let wrong = findings.iter().find(|finding| finding.severity() == pb::Severity::Error);
            if let Some(wrong) = wrong {
                self.check(false, format!("{}: {}", pair.map, wrong.message));
            }
            self.service.create(pair).await?;
            self.tell.say(describe(pair));
        }
        Ok(())
    }

    pub(super) async fn run_maps(&mut self) -> Result<(), DemoError> {
        self.tell.step(3, "Run: the initial sync copies what is there, the master's side first");
        let mut copied = BTreeMap::new();
        for pair in PAIRS {
            self.service.run(pair).await?;
            self.service.until_running(pair).await?;
            let execution = self.service.execution(pair).await?;
            let mut parts = Vec::new();
            for project in &execution.projects {
                let arrow = if project.direction() == pb::Direction::LeftToRight { "->" } else { "<-" };
                parts.push(format!("{arrow} {} written", count(project.written)));
                *copied.entry(pair.map).or_insert(0) += usize::try_from(project.written).unwrap_or_default();
            }
            let states = execution.state() == pb::ExecutionState::Completed;
            self.check(states, format!("{} {}", padded(pair.map, 10), parts.join("   ")));
        }
        let comparisons = compare_all(&self.finance, &self.sales).await?;
        self.say_comparison(&comparisons);
        let echoes = copied.get(CUSTOMERS.map).unwrap_or(&0) + copied.get(ORDERS.map).unwrap_or(&0);
        self.tell.say(
            "From now on customers and orders have a hook on each side: it tells Tandem every change of its database,",
        );
        self.tell
            .say("whoever made it. Tandem knows its own writes when they come back, or they would go round for ever:");
        self.hooks_see_echoes(echoes, 0).await
    }
}

/// How many customers both applications know, and how many of those are not the same.
fn known_to_both(finance: &Tables, sales: &Tables) -> (usize, usize) {
    let customers = |tables: &Tables| {
        let found = tables.iter().find(|(pair, _)| pair.map == CUSTOMERS.map).map(|(_, rows)| rows.clone());
        found.unwrap_or_default().into_iter().map(|row| (key_of(&row).to_owned(), row)).collect::<BTreeMap<_, _>>()
    };
    let (finance, sales) = (customers(finance), customers(sales));
    let both: Vec<_> = finance.iter().filter_map(|(key, row)| sales.get(key).map(|other| row == other)).collect();
    (both.len(), both.iter().filter(|equal| !**equal).count())
}

fn describe(pair: &Pair) -> String {
    let tables = format!("finance.{} {} sales.{}", pair.left, if pair.is_reference { "->" } else { "<->" }, pair.right);
    let mode = if pair.is_reference { "synchronous" } else { "asynchronous" };
    let master = if pair.master == Side::Left { "finance" } else { "sales" };
    format!("{} {} {mode}, {} columns, master {master}", padded(pair.map, 10), padded(tables, 38), pair.columns.len())
}
