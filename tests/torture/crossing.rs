//! Both sides change the same keys. Each application calls within its own transaction and commits when it is answered:
//! so a call whose server was killed keeps the transaction open until the next server has answered it.

use super::applications::BOTH;
use super::findings::{Dice, Findings, Promise};
use super::support::world::*;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::sync::Arc;
use std::time::Duration;
use tandem::services::proto::sync_service_client::SyncServiceClient;
use tandem::services::proto::*;
use tokio::time::Instant;
use tonic::transport::Channel;

const KEYS: u64 = 4;

pub struct Crosser {
    /// The database of each side.
    urls: [String; 2],
    /// A change that its application has made and not committed.
    open: Option<(SqliteConnection, WriteRecordRequest)>,
    pub changes: u64,
    /// What was asked and answered, for whoever looks for a fault.
    pub story: Vec<String>,
    dice: Dice,
    findings: Arc<Findings>,
}

impl Crosser {
    pub fn new(urls: [String; 2], dice: Dice, findings: Arc<Findings>) -> Crosser {
        Crosser { urls, open: None, changes: 0, story: Vec::new(), dice, findings }
    }

    /// Changes until the server is gone, or until this moment. Begins with what was not answered before.
    pub async fn change(&mut self, channel: &Channel, until: Instant) {
        let mut client = SyncServiceClient::new(channel.clone());
        loop {
            let (mut connection, request) = match self.open.take() {
                Some(open) => open,
                None if Instant::now() >= until => return,
                None => self.begin().await,
            };
            match client.write_record(request.clone()).await {
                Ok(answer) => {
                    self.story.push(format!("{:?} {request:?} -> {:?}", Instant::now(), answer.into_inner()));
                    execute(&mut connection, "COMMIT").await;
                }
                Err(status) if reason(&status).is_empty() => {
                    self.story.push(format!("{:?} {request:?} -> killed", Instant::now()));
                    self.open = Some((connection, request));
                    return;
                }
                Err(status) => {
                    let what = || format!("{request:?} was refused, {}: {}", reason(&status), status.message());
                    self.findings.check(false, Promise::BothSides, what);
                    execute(&mut connection, "ROLLBACK").await;
                }
            }
            connection.close().await.expect("a connection can be closed");
            self.dice.rest_below(15).await;
        }
    }

    async fn begin(&mut self) -> (SqliteConnection, WriteRecordRequest) {
        self.changes += 1;
        let side = self.dice.below(2) as usize;
        let key = 1 + self.dice.below(KEYS) as i64;
        let value = self.changes as i64;
        let options: SqliteConnectOptions = self.urls[side].parse().expect("a URL");
        let mut connection =
            options.busy_timeout(Duration::from_secs(20)).connect().await.expect("the database can be opened");
        execute(&mut connection, "BEGIN IMMEDIATE").await;
        let columns: &[&str] = match self.dice.below(8) {
            0 => &[],
            1..=3 => &["a"],
            4 | 5 => &["b"],
            _ => &["a", "b"],
        };
        let mut row = record([("id", int(key))]);
        let operation = match columns {
            [] => {
                execute(&mut connection, &format!("DELETE FROM both WHERE id = {key}")).await;
                Operation::Delete
            }
            _ => {
                row.fields.extend(columns.iter().map(|column| ((*column).to_owned(), int(value))));
                let values = vec![value.to_string(); columns.len()].join(", ");
                let sets: Vec<_> = columns.iter().map(|column| format!("{column} = {value}")).collect();
                let (columns, sets) = (columns.join(", "), sets.join(", "));
                let upsert = format!(
                    "INSERT INTO both (id, {columns}) VALUES ({key}, {values}) ON CONFLICT (id) DO UPDATE SET {sets}"
                );
                execute(&mut connection, &upsert).await;
                Operation::Upsert
            }
        };
        let source = [Side::Left, Side::Right][side].into();
        let change_id = format!("both-{value}");
        (connection, WriteRecordRequest { source, operation: operation.into(), change_id, ..change(BOTH, row) })
    }
}

async fn execute(connection: &mut SqliteConnection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.expect("the statement works");
}
