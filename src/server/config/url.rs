//! URLs of databases and mail servers: what is wrong with one, said without repeating it, and where it leads, without its
//! user, password and parameters.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::net::IpAddr;
use std::str::FromStr;
use url::{ParseError, Url};

/// The parameters that sqlx knows. It passes over any other, some with its value in the log, so we refuse them; and those
/// that would lead elsewhere than the URL says (`host` with a socket's directory excepted).
const POSTGRES_PARAMETERS: [&str; 13] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "application_name",
    "options",
    "host",
];
const MYSQL_PARAMETERS: [&str; 13] = [
    "sslmode",
    "ssl-mode",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "charset",
    "collation",
    "statement-cache-capacity",
    "timezone",
    "socket",
];
const SQLITE_PARAMETERS: [&str; 4] = ["mode", "cache", "immutable", "vfs"];

/// A hint for the commonest mistake, which makes a URL end in the middle of its password.
const ENCODE: &str =
    "in a user's name or password, write %40 for @, %2F for /, %3A for :, %3F for ?, %23 for # and %25 for %";

/// What is wrong with the URL of a database, if anything.
pub(super) fn check_database(text: &str) -> Result<(), String> {
    const RIGHT: &str =
        "write \"sqlite:PATH\", \"postgres://USER:PASSWORD@HOST/DATABASE\" or \"mysql://USER:PASSWORD@HOST/DATABASE\"";
    no_blanks(text)?;
    match text.split_once(':') {
        Some(("sqlite", _)) => check_sqlite(text),
        Some(("postgres" | "postgresql", _)) => check_served(text, &POSTGRES_PARAMETERS, is_postgres),
        Some(("mysql" | "mariadb", _)) => check_served(text, &MYSQL_PARAMETERS, is_mysql),
        // Only what stands before "://" is surely a scheme; anything else may be a password.
        Some((scheme, rest)) if rest.starts_with("//") => {
            Err(format!("the scheme \"{}\" is not supported: {RIGHT}", scheme.chars().take(20).collect::<String>()))
        }
        Some(_) | None => Err(format!("is not the URL of a database: {RIGHT}")),
    }
}

fn is_postgres(text: &str) -> bool {
    PgConnectOptions::from_str(text).is_ok()
}

fn is_mysql(text: &str) -> bool {
    MySqlConnectOptions::from_str(text).is_ok()
}

fn no_blanks(text: &str) -> Result<(), String> {
    match text.contains(|c: char| c.is_whitespace() || c.is_control()) && !text.starts_with("sqlite:") {
        true => Err("has a space or a line break in it, which no URL has".to_owned()),
        false => Ok(()),
    }
}

fn check_sqlite(text: &str) -> Result<(), String> {
    let rest = text.trim_start_matches("sqlite:").trim_start_matches("//");
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        return Err("names no file: write \"sqlite:PATH\"".to_owned());
    }
    let names: Vec<_> = url::form_urlencoded::parse(parameters.as_bytes()).map(|(name, _)| name.into_owned()).collect();
    known(&names, &SQLITE_PARAMETERS)?;
    match SqliteConnectOptions::from_str(text) {
        Ok(_) => Ok(()),
        Err(_) => Err("SQLite's driver does not take its path or one of its parameters' values".to_owned()),
    }
}

/// Checks the URL of a database that is a server; `driver` has the last word.
fn check_served(text: &str, parameters: &[&str], driver: fn(&str) -> bool) -> Result<(), String> {
    let url = parse(text)?;
    let given: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    known(&given, parameters)?;
    let socket = given.iter().any(|name| name == "host" || name == "socket");
    if !socket && url.host_str().is_none_or(str::is_empty) {
        return Err("names no host".to_owned());
    }
    let database = url.path().trim_start_matches('/');
    if database.is_empty() {
        return Err("names no database: write it after the host, like \"//HOST/DATABASE\"".to_owned());
    }
    if database.contains(['/', '@']) {
        return Err(format!("the database's name has a / or @ in it; {ENCODE}"));
    }
    if driver(text) {
        Ok(())
    } else {
        Err("the database's driver does not take one of its parameters' values".to_owned())
    }
}

/// Names an unknown parameter by its number only: behind a ? that is not encoded stands a piece of a password.
fn known(given: &[String], parameters: &[&str]) -> Result<(), String> {
    match given.iter().position(|name| !parameters.contains(&name.as_str())) {
        None => Ok(()),
        Some(index) => Err(format!(
            "its parameter number {} (not shown) is not known; known are {}; {ENCODE}",
            index + 1,
            parameters.join(", ")
        )),
    }
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::InvalidPort => format!("its port is not a number from 1 to 65535; {ENCODE}"),
        _ => format!("is not a URL ({error}); {ENCODE}"),
    })?;
    if url.port() == Some(0) {
        return Err("its port is 0, but it must be a number from 1 to 65535".to_owned());
    }
    if url.fragment().is_some() {
        return Err(format!("has a # in it; {ENCODE}"));
    }
    Ok(url)
}

/// What is wrong with the URL of a mail server, if anything.
pub(super) fn check_smtp(text: &str) -> Result<(), String> {
    const RIGHT: &str = "write \"smtp://HOST:PORT\" or \"smtps://USER:PASSWORD@HOST:PORT\"";
    no_blanks(text)?;
    if !text.starts_with("smtp://") && !text.starts_with("smtps://") {
        return Err(format!("is not the URL of a mail server: {RIGHT}"));
    }
    let url = parse(text)?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("names no host: {RIGHT}"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(format!("has something after its host and port: {RIGHT}; {ENCODE}"));
    }
    Ok(())
}

/// Whether the URL's host is this very machine, as far as can be told without asking anyone.
pub(super) fn is_loopback(text: &str) -> bool {
    let url = Url::parse(text).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Where a checked URL leads, for people: scheme, host, port and database, or the file. Nothing else of it.
pub(super) fn address(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.split('?').next().unwrap_or_default().to_owned();
    }
    let Ok(url) = Url::parse(text) else { return "***".to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_databases_that_the_drivers_take_are_right() {
        let right = [
            ("sqlite:finance.db", "sqlite:finance.db"),
            ("sqlite:///var/lib/a b.db?mode=rwc", "sqlite:///var/lib/a b.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://db/finance", "postgres://db/finance"),
            ("postgresql://u:p%40%2F@db:5433/finance?sslmode=verify-full", "postgresql://db:5433/finance"),
            ("postgres://u:p@[2001:db8::1]:5432/finance", "postgres://[2001:db8::1]:5432/finance"),
            ("postgres:///finance?host=/run/postgresql", "postgres:///finance"),
            ("mysql://u:p@db:3306/crm?ssl-mode=REQUIRED&charset=utf8mb4", "mysql://db:3306/crm"),
            ("mariadb://u@db/crm?socket=/run/mysqld.sock", "mariadb://db/crm"),
        ];
        for (url, shown) in right {
            assert_eq!(check_database(url), Ok(()), "{url}");
            assert_eq!(address(url), shown);
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        let wrong = [
            ("finance.db", "is not the URL of a database"),
            ("oracle://db/finance", "the scheme \"oracle\" is not supported"),
            ("sqlite:", "names no file"),
            ("sqlite:a.db?mode=often", "does not take"),
            ("sqlite:a.db?key=1", "its parameter number 1 (not shown) is not known; known are mode"),
            ("postgres:///finance", "names no host"),
            ("postgres://db", "names no database"),
            ("postgres://db:0/finance", "its port is 0"),
            ("postgres://db:65536/finance", "its port is not a number"),
            ("postgres://u:a/b@db/finance", "its port is not a number"),
            ("postgres://u:1/b@db/finance", "has a / or @ in it"),
            ("postgres://u:1#b@db/finance", "has a # in it"),
            ("postgres://db/finance?sslmode=require&user=u", "its parameter number 2 (not shown)"),
            ("postgres://db/finance?sslmode=maybe", "does not take"),
            ("mysql://db/crm?ssl-mode=maybe", "does not take"),
            ("mysql://db name/crm", "has a space"),
        ];
        for (url, why) in wrong {
            let told = check_database(url).unwrap_err();
            assert!(told.contains(why), "{url}: {told}");
        }
    }

    #[test]
    fn mail_servers_are_a_scheme_a_host_and_a_port() {
        for right in ["smtp://127.0.0.1:1025", "smtps://u:p%40@mail.example.com", "smtp://[::1]:25/"] {
            assert_eq!(check_smtp(right), Ok(()), "{right}");
        }
        for wrong in
            ["mail.example.com", "http://mail", "smtp://", "smtp://:25", "smtp://mail/inbox", "smtp://mail?tls=1"]
        {
            assert!(check_smtp(wrong).is_err(), "{wrong} was taken");
        }
        for here in ["smtp://localhost", "smtp://127.0.0.1:1025", "smtp://[::1]"] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in ["smtp://mail.example.com", "smtp://127.0.0.1.example.com", "smtp://localhost:x@mail"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
