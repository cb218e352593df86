//! What SQLite's codes mean: the extended code where it says more, else the primary one (its last eight bits).

use crate::connectors::sql::dialect::Violation;
use crate::model::failure::{ErrorType, Failure};
use sqlx::error::DatabaseError;

const CONSTRAINT_FOREIGN_KEY: i32 = 787;
const CONSTRAINT_PRIMARY_KEY: i32 = 1555;
const CONSTRAINT_UNIQUE: i32 = 2067;
const CONSTRAINT_ROWID: i32 = 2579;

const EXTENDED: &[(i32, ErrorType)] = &[
    (3091, ErrorType::BadRequest), // CONSTRAINT_DATATYPE: a STRICT table's
    (1032, ErrorType::Network),    // READONLY_DBMOVED: the file was moved away
];

const PRIMARY: &[(i32, ErrorType)] = &[
    (1, ErrorType::Configuration), // ERROR: no such table or column, and other SQL that is not understood
    (2, ErrorType::Internal),      // INTERNAL
    (3, ErrorType::Authentication), // PERM
    (4, ErrorType::Transient),     // ABORT
    (5, ErrorType::Transient),     // BUSY
    (6, ErrorType::Transient),     // LOCKED
    (7, ErrorType::Unavailable),   // NOMEM
    (8, ErrorType::Unavailable),   // READONLY
    (9, ErrorType::Network),       // INTERRUPT
    (10, ErrorType::Unavailable),  // IOERR
    (11, ErrorType::Unavailable),  // CORRUPT
    (13, ErrorType::Unavailable),  // FULL
    (14, ErrorType::Unavailable),  // CANTOPEN
    (15, ErrorType::Transient),    // PROTOCOL: a race for the lock
    (17, ErrorType::Transient),    // SCHEMA: it changed meanwhile
    (18, ErrorType::BadRequest),   // TOOBIG
    (19, ErrorType::Application),  // CONSTRAINT, a trigger's RAISE among them
    (20, ErrorType::BadRequest),   // MISMATCH
    (23, ErrorType::Authentication), // AUTH
    (26, ErrorType::Configuration), // NOTADB
];

pub fn classify(error: &dyn DatabaseError) -> Failure {
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    let message = error.message();
    let mut failure = Failure::new(kind(code), code.to_string(), message);
    // `UNIQUE constraint failed: t.a, t.b`, `NOT NULL constraint failed: t.a`, `CHECK constraint failed: name`
    if let Some((what, name)) = message.split_once(" constraint failed: ") {
        let names_column = what == "UNIQUE" || what == "NOT NULL";
        failure.column =
            name.split_once('.').filter(|_| names_column && !name.contains(", ")).map(|(_, c)| c.to_owned());
        failure.constraint = (what != "NOT NULL").then(|| name.to_owned());
    }
    failure
}

fn kind(code: i32) -> ErrorType {
    let find = |table: &[(i32, ErrorType)], code| table.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind);
    find(EXTENDED, code).or_else(|| find(PRIMARY, code & 0xFF)).unwrap_or(ErrorType::Internal)
}

pub fn violation(code: &str) -> Option<Violation> {
    match code.parse().unwrap_or_default() {
        CONSTRAINT_UNIQUE | CONSTRAINT_PRIMARY_KEY | CONSTRAINT_ROWID => Some(Violation::Unique),
        CONSTRAINT_FOREIGN_KEY => Some(Violation::ForeignKey),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_tables_say() {
        for (code, expected) in [
            (2067, ErrorType::Application),
            (787, ErrorType::Application),
            (1811, ErrorType::Application),
            (3091, ErrorType::BadRequest),
            (20, ErrorType::BadRequest),
            (1, ErrorType::Configuration),
            (5, ErrorType::Transient),
            (517, ErrorType::Transient),
            (262, ErrorType::Transient),
            (13, ErrorType::Unavailable),
            (8, ErrorType::Unavailable),
            (1032, ErrorType::Network),
            (778, ErrorType::Unavailable),
            (14, ErrorType::Unavailable),
            (21, ErrorType::Internal),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
