//! What MariaDB's and MySQL's numbers mean. Where a number is in no list its SQLSTATE's class decides.

use crate::connectors::sql::dialect::Violation;
use crate::model::failure::{ErrorType, Failure};
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

const NUMBERS: &[(ErrorType, &[u16])] = &[
    // Duplicate keys, references, null, no default, checks, SIGNAL from a trigger.
    (
        ErrorType::Application,
        &[1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 1644, 1761, 1762, 1859, 3819, 4025],
    ),
    // Out of range, cut, wrong text, too long, wrong date, wrong value, not JSON, too large for a packet or a row.
    (
        ErrorType::BadRequest,
        &[
            1118, 1153, 1264, 1265, 1267, 1270, 1271, 1292, 1300, 1301, 1365, 1366, 1367, 1406, 1411, 1416, 1690, 1977,
            3140, 3141, 3854,
        ],
    ),
    // No such database, column, table; SQL that is not understood; not a table that is written to.
    (ErrorType::Configuration, &[1049, 1054, 1064, 1146, 1288, 1305, 1347, 1471, 3105, 1906]),
    // Access denied: to a database, at all, to a command, to a column, a procedure, a host; password expired or locked.
    (ErrorType::Authentication, &[1044, 1045, 1130, 1142, 1143, 1227, 1251, 1370, 1410, 1698, 1820, 1862, 3118, 4151]),
    // Packets broken off, killed, out of time (MariaDB 1969, MySQL 3024).
    (ErrorType::Network, &[1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 1969, 3024]),
    // Disk full, engine's error, out of memory, shutting down, table full, host blocked, table crashed, read-only.
    (
        ErrorType::Unavailable,
        &[1021, 1026, 1030, 1037, 1038, 1041, 1053, 1114, 1129, 1180, 1194, 1195, 1290, 1792, 1836, 1877, 3100],
    ),
    // Connections, of all or of this account; its quota; prepared statements.
    (ErrorType::Throttled, &[1040, 1203, 1226, 1461]),
    // Changed since it was read, waited too long for a lock, deadlock, to be prepared again, not waited for a lock.
    (ErrorType::Transient, &[1020, 1205, 1213, 1412, 1615, 3572]),
];

const CLASSES: &[(&str, ErrorType)] = &[
    ("08", ErrorType::Network),
    ("22", ErrorType::BadRequest),
    ("23", ErrorType::Application),
    ("28", ErrorType::Authentication),
    ("40", ErrorType::Transient),
    ("42", ErrorType::Configuration),
    ("45", ErrorType::Application), // raised by somebody's trigger
    ("HY", ErrorType::Internal),
];

pub fn classify(error: &dyn DatabaseError) -> Failure {
    let message = error.message();
    let number = error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
    let state = error.code().unwrap_or_default();
    let mut failure = Failure::new(kind(number, &state), number.to_string(), message);
    (failure.constraint, failure.column) = names(number, message);
    failure
}

fn kind(number: u16, state: &str) -> ErrorType {
    let by_number = NUMBERS.iter().find(|(_, numbers)| numbers.contains(&number)).map(|(kind, _)| *kind);
    let by_class = || CLASSES.iter().find(|(class, _)| state.starts_with(class)).map(|(_, kind)| *kind);
    // A state of no known class was made up by somebody's trigger.
    by_number.or_else(by_class).unwrap_or(ErrorType::Application)
}

/// Constraint and column, as far as the English texts tell them.
fn names(number: u16, message: &str) -> (Option<String>, Option<String>) {
    let between = |before: &str, after: char| {
        let (_, rest) = message.split_once(before)?;
        Some(rest.split(after).next().unwrap_or(rest).to_owned())
    };
    let last_part = |name: String| name.rsplit('.').next().unwrap_or(&name).trim_matches('`').to_owned();
    match number {
        // … for key 'orders.email'
        1062 | 1586 | 1859 => (between("for key '", '\'').map(last_part), None),
        // … CONSTRAINT `name` FOREIGN KEY (`column`) …
        1451 | 1452 => (between("CONSTRAINT `", '`'), between("FOREIGN KEY (`", '`')),
        3819 => (between("constraint '", '\''), None),
        4025 => (between("CONSTRAINT `", '`'), None),
        // Column 'name' cannot be null, Field 'name' doesn't have a default value
        1048 => (None, between("Column '", '\'')),
        1364 => (None, between("Field '", '\'')),
        // … for column 'name', or MariaDB's `database`.`table`.`name`
        1264 | 1265 | 1292 | 1366 | 1406 => {
            let quoted = between("column '", '\'');
            (None, quoted.or_else(|| between("column `", ' ').map(last_part)))
        }
        _ => (None, None),
    }
}

pub fn violation(code: &str) -> Option<Violation> {
    match code {
        "1022" | "1062" | "1169" | "1586" | "1859" => Some(Violation::Unique),
        "1216" | "1452" => Some(Violation::ForeignKey),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_what_the_lists_say() {
        for (number, state, expected) in [
            (1062, "23000", ErrorType::Application),
            (1644, "45000", ErrorType::Application),
            (1644, "AB123", ErrorType::Application),
            (9999, "AB123", ErrorType::Application),
            (1406, "22001", ErrorType::BadRequest),
            (1146, "42S02", ErrorType::Configuration),
            (1045, "28000", ErrorType::Authentication),
            (1142, "42000", ErrorType::Authentication),
            (1969, "70100", ErrorType::Network),
            (1290, "HY000", ErrorType::Unavailable),
            (1040, "08004", ErrorType::Throttled),
            (1213, "40001", ErrorType::Transient),
            (1205, "HY000", ErrorType::Transient),
            (1105, "HY000", ErrorType::Internal),
        ] {
            assert_eq!(kind(number, state), expected, "{number}");
        }
        for (kind, numbers) in NUMBERS {
            for (other, theirs) in NUMBERS {
                assert!(kind == other || !numbers.iter().any(|n| theirs.contains(n)), "{kind} and {other} share one");
            }
        }
    }

    #[test]
    fn names_are_found_in_texts() {
        let of = |number, message: &str| {
            let (constraint, column) = names(number, message);
            (constraint.unwrap_or_default(), column.unwrap_or_default())
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of(1062, "Duplicate entry 'x' for key 't.email'"), pair("email", ""));
        let foreign = "Cannot add (`d`.`t`, CONSTRAINT `fk` FOREIGN KEY (`customer`) REFERENCES `c` (`id`))";
        assert_eq!(of(1452, foreign), pair("fk", "customer"));
        assert_eq!(of(1406, "Data too long for column 'name' at row 1"), pair("", "name"));
        assert_eq!(of(1366, "Incorrect string value: 'x' for column `d`.`t`.`name` at row 1"), pair("", "name"));
    }
}
