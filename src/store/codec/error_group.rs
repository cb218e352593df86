//! Groups of errors.

use super::{Numbered, Unreadable};
use crate::model::error_group::ErrorGroup;
use crate::model::failure::ErrorType;
use crate::model::ids::ExecutionNumber;
use crate::model::side::Side;
use crate::store::message;

/// A group as it stands, with where it stands: its execution and hash, and of its errors the first time, the last one and its number.
pub fn error_group(
    group: message::ErrorGroup,
    execution: Option<ExecutionNumber>,
    hash: u64,
    [first, last_time]: [message::Time; 2],
    last: u64,
) -> Result<ErrorGroup, Unreadable> {
    let unsent = group.r#type == i32::from(message::ErrorType::Unspecified);
    Ok(ErrorGroup {
        execution,
        source: Side::from_number(group.source)?,
        kind: if unsent { None } else { Some(ErrorType::from_number(group.r#type)?) },
        code: group.code,
        constraint: group.constraint,
        column: group.column,
        count: group.count,
        first_time: first.try_into()?,
        last_time: last_time.try_into()?,
        last,
        hash,
    })
}
