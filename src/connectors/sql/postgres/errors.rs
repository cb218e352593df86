//! What PostgreSQL's codes mean. Longest match first: the whole SQLSTATE, then its class.

use crate::connectors::sql::dialect::Violation;
use crate::model::failure::{ErrorType, Failure};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

/// Codes and classes (two letters), from PostgreSQL's appendix A. What is in none of them was raised by somebody's
/// trigger or function with a code of their own, and is theirs to say: APPLICATION.
const CODES: &[(&str, ErrorType)] = &[
    ("42501", ErrorType::Authentication), // insufficient privilege
    ("42804", ErrorType::BadRequest),     // datatype mismatch, as an enum's text
    ("428C9", ErrorType::Configuration),  // generated always
    ("0A000", ErrorType::Configuration),  // not supported, such as writing to what is no table
    ("21000", ErrorType::BadRequest),     // one statement meets a row twice: keys equal under the column's collation
    ("25006", ErrorType::Unavailable),    // read only transaction
    ("25P03", ErrorType::Network),        // idle in transaction for too long
    ("26000", ErrorType::Transient),      // prepared statement lost, by a pooler between us
    ("40001", ErrorType::Transient),      // serialization failure
    ("40P01", ErrorType::Transient),      // deadlock
    ("53300", ErrorType::Throttled),      // too many connections
    ("54000", ErrorType::BadRequest),     // a limit of the program, such as an index row too large
    ("55P03", ErrorType::Transient),      // lock not available
    ("55006", ErrorType::Unavailable),    // object in use
    ("57014", ErrorType::Network),        // statement time-out
    ("58P01", ErrorType::Unavailable),    // a file is missing
    ("XX000", ErrorType::Internal),       // the database's own fault
    ("08", ErrorType::Network),
    ("22", ErrorType::BadRequest),
    ("23", ErrorType::Application),
    ("25", ErrorType::Internal),
    ("28", ErrorType::Authentication),
    ("3D", ErrorType::Configuration), // no such database
    ("3F", ErrorType::Configuration), // no such schema
    ("40", ErrorType::Transient),
    ("42", ErrorType::Configuration), // no such table, column, type
    ("53", ErrorType::Unavailable),   // disk full, out of memory
    ("54", ErrorType::BadRequest),
    ("57", ErrorType::Unavailable), // shutting down, starting up, crashed
    ("58", ErrorType::Unavailable), // system error, I/O
    ("XX", ErrorType::Unavailable), // corrupted
];

pub fn classify(error: &dyn DatabaseError) -> Failure {
    let code = error.code().unwrap_or_default();
    let mut failure = Failure::new(kind(&code, error.message()), code, error.message());
    let Some(sent) = error.try_downcast_ref::<PgDatabaseError>() else { return failure };
    if let Some(detail) = sent.detail() {
        failure.message = format!("{}: {detail}", failure.message);
        if failure.code == "23503" {
            failure.referred_key = referred_key(detail);
        }
    }
    failure.constraint = sent.constraint().map(str::to_owned);
    failure.column = sent.column().map(str::to_owned);
    failure
}

fn kind(code: &str, message: &str) -> ErrorType {
    if message.starts_with("cached plan must not change") {
        return ErrorType::Transient; // the table was altered; the next try prepares anew
    }
    let entry = CODES.iter().find(|(known, _)| code.starts_with(known));
    entry.map_or(ErrorType::Application, |(_, kind)| *kind)
}

/// `Key (a, b)=(1, x) is not present in table "t".` gives `1, x`.
fn referred_key(detail: &str) -> Option<String> {
    let (key, _) = detail.strip_prefix("Key (")?.split_once(") is not present")?;
    Some(key.split_once(")=(")?.1.to_owned())
}

pub fn violation(code: &str) -> Option<Violation> {
    match code {
        "23505" => Some(Violation::Unique),
        "23503" => Some(Violation::ForeignKey),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_table_says() {
        for (code, expected) in [
            ("23505", ErrorType::Application),
            ("P0001", ErrorType::Application),
            ("AB123", ErrorType::Application),
            ("22003", ErrorType::BadRequest),
            ("42P01", ErrorType::Configuration),
            ("42703", ErrorType::Configuration),
            ("42501", ErrorType::Authentication),
            ("28P01", ErrorType::Authentication),
            ("08006", ErrorType::Network),
            ("57014", ErrorType::Network),
            ("57P01", ErrorType::Unavailable),
            ("57P03", ErrorType::Unavailable),
            ("53100", ErrorType::Unavailable),
            ("25006", ErrorType::Unavailable),
            ("53300", ErrorType::Throttled),
            ("40P01", ErrorType::Transient),
            ("55P03", ErrorType::Transient),
            ("XX000", ErrorType::Internal),
        ] {
            assert_eq!(kind(code, ""), expected, "{code}");
        }
        assert_eq!(referred_key(r#"Key (a, b)=(1, x) is not present in table "t"."#).as_deref(), Some("1, x"));
        assert_eq!(referred_key("Key (a)=(1) already exists."), None);
    }
}
