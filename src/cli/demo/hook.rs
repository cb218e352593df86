//! The hook of an application: reads the outbox, tells Tandem what changed, and removes what was taken.
//!
//! It sees every change of its database and cannot tell who made it: what Tandem wrote is told to Tandem again. That it
//! does not come back from there is Tandem's business (rule 10).

use super::application::{Application, Pending};
use super::client::Service;
use super::error::DemoError;
use super::wire;
use crate::services::proto as pb;
use pb::write_records_response::Result as Answer;

/// What became of what a hook told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub queued: usize,
    pub applied: usize,
    /// Answered SKIPPED, reason ECHO.
    pub echoes: usize,
    /// Answered SKIPPED for another reason.
    pub skipped: usize,
    /// Not taken; they stay in the outbox.
    pub refused: usize,
}

impl Told {
    /// Changes that Tandem took to write them at the other side.
    pub fn taken(&self) -> usize {
        self.queued + self.applied
    }
}

/// Tells Tandem all that is in the outbox of an application.
pub async fn tell_changes(application: &Application, service: &mut Service) -> Result<Told, DemoError> {
    let pending = application.pending().await?;
    let mut told = Told::default();
    if pending.is_empty() {
        return Ok(told);
    }
    let changes = pending.iter().map(|entry| change(application, entry)).collect();
    let answers = service.write_all(changes).await?;
    let mut taken = Vec::new();
    for (entry, answer) in pending.into_iter().zip(answers) {
        let place = match &answer.result {
            Some(Answer::Written(written)) => match (written.disposition(), written.reason.as_str()) {
                (pb::Disposition::Applied, _) => &mut told.applied,
                (pb::Disposition::Queued, _) => &mut told.queued,
                (_, "ECHO") => &mut told.echoes,
                _ => &mut told.skipped,
            },
            Some(Answer::Status(_)) | None => {
                told.refused += 1;
                continue;
            }
        };
        *place += 1;
        taken.push(entry);
    }
    application.sent(&taken).await?;
    Ok(told)
}

/// An entry of the outbox as a change. Its number makes the change's id: told again after a crash, it is taken once.
fn change(application: &Application, entry: &Pending) -> pb::WriteRecordRequest {
    let side = application.side;
    let (operation, record) = match &entry.record {
        Some(record) => (pb::Operation::Upsert, wire::record(entry.pair, side, record)),
        None => (pb::Operation::Delete, wire::key(entry.pair, side, &entry.key)),
    };
    pb::WriteRecordRequest {
        table_map: entry.pair.name(),
        source: wire::side(side),
        operation: operation.into(),
        record: Some(record),
        change_id: format!("{}-{}", application.name(), entry.seq),
        ..Default::default()
    }
}
