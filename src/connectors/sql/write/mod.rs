//! Writing a batch: everything in as few statements as the database takes; when it refuses, halves, until the records
//! that it refuses stand alone (rule 5).

mod attempt;
mod cause;
mod form;
mod record;
mod restore;

use super::dialect::{Dialect, Violation};
use super::session::{Database, Session};
use crate::connectors::{Write, WriteOutcome};
use crate::model::failure::{Failure, Reach};
use crate::model::schema::TableSchema;
use attempt::attempt;
use form::Forms;
use record::{Record, prepare};
use tokio::sync::Semaphore;

/// One table that is written to.
struct Target<'a> {
    dialect: &'a dyn Dialect,
    schema: &'a TableSchema,
    /// Its name as it stands in SQL.
    table: String,
}

pub async fn write(
    dialect: &dyn Dialect,
    database: &dyn Database,
    turn: Option<&Semaphore>,
    schema: &TableSchema,
    batch: &[Write],
) -> Result<Vec<WriteOutcome>, Failure> {
    let mut outcomes: Vec<WriteOutcome> = Vec::with_capacity(batch.len());
    let mut records = Vec::with_capacity(batch.len());
    let mut forms = Forms::new(schema);
    for (place, write) in batch.iter().enumerate() {
        match prepare(dialect, &mut forms, place, write)? {
            Ok(record) => {
                records.push(record);
                outcomes.push(Ok(()));
            }
            Err(refusal) => outcomes.push(Err(refusal)),
        }
    }
    if records.is_empty() {
        return Ok(outcomes);
    }
    let target = Target { dialect, schema, table: dialect.table(&schema.table) };
    let _turn = match turn {
        Some(turn) => turn.acquire().await.ok(), // it is never closed
        None => None,
    };
    let mut session = database.session().await?;
    let (records, too_large): (Vec<&Record>, Vec<&Record>) =
        records.iter().partition(|record| record.size() <= session.row_bytes_max());
    for record in too_large {
        outcomes[record.place] = Err(record.too_large(session.row_bytes_max()));
    }
    for (record, refusal) in isolate(&target, &mut *session, records).await? {
        let refusal = cause::explained(&target, &mut *session, record, refusal).await?;
        outcomes[record.place] = Err(refusal);
    }
    session.finish().await?;
    Ok(outcomes)
}

/// Writes what can be written and gives the rest, each with why. What is committed stays so, whatever comes after.
async fn isolate<'r>(
    target: &Target<'_>,
    session: &mut dyn Session,
    records: Vec<&'r Record<'r>>,
) -> Result<Vec<(&'r Record<'r>, Failure)>, Failure> {
    let mut refused = bisect(target, session, records.clone()).await?;
    // A record may refer to one that came after it and was written meanwhile: in one statement or transaction that
    // held, taken apart it did not. So those go once more, as long as that helps.
    loop {
        let waits = |failure: &Failure| target.dialect.violation(failure) == Some(Violation::ForeignKey);
        let (again, stay): (Vec<_>, Vec<_>) = refused.into_iter().partition(|(_, failure)| waits(failure));
        let tried = again.len();
        if tried == 0 || tried + stay.len() == records.len() {
            refused = again.into_iter().chain(stay).collect(); // nothing was written that they could have waited for
            break;
        }
        let again: Vec<_> = again.into_iter().map(|(record, _)| record).collect();
        let still = bisect(target, session, again).await?;
        let helped = still.len() < tried;
        refused = still.into_iter().chain(stay).collect();
        if !helped {
            break;
        }
    }
    Ok(refused)
}

/// Rule 5: of m records with n bad ones exactly n come back. In the batch's order, so that what depends on an earlier
/// record finds it.
async fn bisect<'r>(
    target: &Target<'_>,
    session: &mut dyn Session,
    records: Vec<&'r Record<'r>>,
) -> Result<Vec<(&'r Record<'r>, Failure)>, Failure> {
    let mut refused = Vec::new();
    let mut waiting = vec![records]; // the next part last; never more parts than halvings
    while let Some(mut part) = waiting.pop() {
        let Err(failure) = attempt(target, session, &part).await else { continue };
        match failure.kind.reach() {
            Reach::Record => {}
            Reach::Destination | Reach::Again => return Err(failure),
        }
        match part.as_slice() {
            [only] => refused.push((*only, failure)),
            several => {
                let second = part.split_off(several.len() / 2);
                waiting.push(second);
                waiting.push(part);
            }
        }
    }
    Ok(refused)
}
