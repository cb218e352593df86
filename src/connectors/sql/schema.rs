//! What reading the catalogs of all databases shares.

use super::cell::Cell;
use crate::model::failure::{ErrorType, Failure};

/// Rows that follow one another with the same first cell: the columns of one key.
pub fn grouped(rows: Vec<Vec<Cell>>) -> Vec<Vec<Vec<Cell>>> {
    let mut groups: Vec<Vec<Vec<Cell>>> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some(group) if group.first().and_then(|row| row.first()) == row.first() => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    groups
}

pub fn missing_table(code: &str, table: &str) -> Failure {
    Failure::new(ErrorType::Configuration, code, format!("there is no table {table}"))
}
