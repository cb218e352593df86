//! Failures as they leave this connector: scrubbed of credentials, and short.

use super::config::SecretUrl;
use crate::model::failure::{ErrorType, Failure};
use crate::model::fit::Misfit;
use crate::model::schema::Column;

/// The longest message that goes out; drivers quote whole statements and values.
pub const MESSAGE_CHARS_MAX: usize = 1_000;
/// The longest name of a constraint, a column or a referred key.
const NAME_CHARS_MAX: usize = 200;
/// A password shorter than this is part of so many words that cutting it out would only show where it is.
const PASSWORD_CHARS_MIN: usize = 3;
const STARS: &str = "***";

/// Cuts one database's credentials out of texts (pain 56).
#[derive(Clone)]
pub struct Scrubber {
    /// Longest first, so that no part of a longer one is left over.
    secrets: Vec<String>,
}

impl Scrubber {
    pub fn new(url: &SecretUrl) -> Self {
        let mut secrets = Vec::new();
        let text = url.reveal();
        let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
        let user_info = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user_info, _)| user_info);
        if let Some((user_info, (_, password))) = user_info.and_then(|info| Some((info, info.split_once(':')?))) {
            secrets.extend([user_info.to_owned(), password.to_owned(), percent_decoded(password)]);
        }
        for pair in text.split_once('?').map(|(_, query)| query.split('&')).into_iter().flatten() {
            if let Some((name, value)) = pair.split_once('=')
                && name.to_ascii_lowercase().contains("passw")
            {
                secrets.extend([value.to_owned(), percent_decoded(value)]);
            }
        }
        secrets.retain(|secret| secret.chars().count() >= PASSWORD_CHARS_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The text without the credentials, without `user:password@` of any URL, and not longer than it may be.
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, STARS);
        }
        shortened(&without_user_info(&text), MESSAGE_CHARS_MAX)
    }

    pub fn failure(&self, failure: Failure) -> Failure {
        let name = |text: Option<String>| text.map(|text| shortened(&self.scrub(&text), NAME_CHARS_MAX));
        Failure {
            kind: failure.kind,
            code: failure.code,
            message: self.scrub(&failure.message),
            constraint: name(failure.constraint),
            column: name(failure.column),
            referred_key: name(failure.referred_key),
        }
    }
}

/// `%41` is `A`; what is no such thing stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match (first, after) {
            (b'%', [high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every `scheme://user:password@` loses what stands before its `@`.
fn without_user_info(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?')).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(at) => {
                clean.push_str(STARS);
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    clean.push_str(rest);
    clean
}

fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}

/// A value that the column cannot hold; nothing was sent. Null where none may be is what the database would call a
/// constraint, all else is data that it could not read.
pub fn misfit(column: &Column, misfit: &Misfit) -> Failure {
    let message = format!("column {} ({}): {misfit}", column.name, column.database_type);
    Failure { column: Some(column.name.clone()), ..Failure::new(ErrorType::BadRequest, "", message) }
}

/// What is wrong with a driver's error that no database sent. `None` for those that one did send.
pub fn from_driver(error: &sqlx::Error) -> Option<Failure> {
    let kind = match error {
        sqlx::Error::Database(_) => return None,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            ErrorType::Network
        }
        sqlx::Error::Configuration(_) | sqlx::Error::TypeNotFound { .. } => ErrorType::Configuration,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => ErrorType::BadRequest,
        // What is left are uses of the driver that this connector does not make.
        _ => ErrorType::Internal,
    };
    Some(Failure::new(kind, "", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pain_56_no_password_in_any_text() {
        let scrubber =
            Scrubber::new(&"postgres://app:p%40ss%2Fw0rd@db.example:5432/x?password=zweit&sslmode=off".into());
        let failure = Failure {
            constraint: Some("fk_p@ss/w0rd".into()),
            ..Failure::new(
                ErrorType::Network,
                "1",
                "postgres://app:p%40ss%2Fw0rd@db and p@ss/w0rd, zweit; mysql://other:pw@host/x, http://plain/a@b",
            )
        };
        let clean = scrubber.failure(failure);
        assert_eq!(
            clean.message, "postgres://***@db and ***, ***; mysql://***@host/x, http://plain/a@b",
            "credentials were left, or too much was cut"
        );
        assert_eq!(clean.constraint.as_deref(), Some("fk_***"));
        assert_eq!(scrubber.scrub(&"ß".repeat(5_000)).chars().count(), MESSAGE_CHARS_MAX);
        assert!(!format!("{:?}", SecretUrl::from("mysql://a:geheim@b")).contains("geheim"));
    }
}
