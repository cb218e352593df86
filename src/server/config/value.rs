//! One value: as it was given, and what each kind of key makes of it. A refusal says what was found and what is right.

use super::units::{parse_size, parse_time};
use super::{ClientCertificates, LogFormat, Starttls};
use crate::model::access::{MapScope, Role};
use crate::model::ids::{AppId, ClientId, MapId};
use crate::model::token::TokenHash;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// The longest piece of a value that a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// A value as it was given. A variable or an option gives text, whatever the key takes.
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
    /// What no key takes, by its name in TOML: a float, a date, an array of something else, a table.
    Other(&'static str),
}

impl Raw {
    /// For messages. Text that could be a URL with a password is not repeated, wherever it was put.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => shown(text),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(switch) => switch.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Other(kind) => format!("a value of the type {kind}"),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(_) | Self::Boolean(_) | Self::List(_) | Self::Other(_) => None,
        }
    }

    /// A list, or a text with commas, as a variable gives one.
    fn list(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(texts) => Some(texts.iter().map(String::as_str).collect()),
            Self::Text(text) => Some(text.split(',').map(str::trim).filter(|text| !text.is_empty()).collect()),
            Self::Integer(_) | Self::Boolean(_) | Self::Other(_) => None,
        }
    }
}

/// Text in quotes for a message, cut when it is long; hidden when it looks like a URL or like `user:password@host`.
pub(super) fn shown(text: &str) -> String {
    if text.contains("://") || (text.contains(':') && text.contains('@')) {
        return "a text that may have a password in it (and is not shown)".to_owned();
    }
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

fn wrong<T>(raw: &Raw, right: &str) -> Result<T, String> {
    Err(format!("found {}, but it must be {right}", raw.shown()))
}

pub(super) fn socket(raw: &Raw) -> Result<SocketAddr, String> {
    match raw.text().and_then(|text| text.parse().ok()) {
        Some(address) => Ok(address),
        None => wrong(raw, "an IP address and a port up to 65535, like \"127.0.0.1:7070\" or \"[::1]:7070\""),
    }
}

pub(super) fn switch(raw: &Raw) -> Result<bool, String> {
    match raw {
        Raw::Boolean(switch) => Ok(*switch),
        Raw::Text(text) if text == "true" => Ok(true),
        Raw::Text(text) if text == "false" => Ok(false),
        Raw::Text(_) | Raw::Integer(_) | Raw::List(_) | Raw::Other(_) => wrong(raw, "true or false"),
    }
}

/// A time between two others, which are written as the message should show them.
pub(super) fn time(raw: &Raw, min: &str, max: &str) -> Result<Duration, String> {
    let time = raw.text().and_then(parse_time);
    match time.filter(|time| parse_time(min) <= Some(*time) && Some(*time) <= parse_time(max)) {
        Some(time) => Ok(time),
        None => wrong(raw, &format!("a time from {min} to {max} in ms, s, m, h or d, like \"30s\"")),
    }
}

/// A size between two others, which are written as the message should show them.
pub(super) fn size(raw: &Raw, min: &str, max: &str) -> Result<u64, String> {
    let size = match raw {
        Raw::Integer(bytes) => u64::try_from(*bytes).ok(),
        Raw::Text(text) => parse_size(text),
        Raw::Boolean(_) | Raw::List(_) | Raw::Other(_) => None,
    };
    match size.filter(|size| parse_size(min) <= Some(*size) && Some(*size) <= parse_size(max)) {
        Some(size) => Ok(size),
        None => wrong(raw, &format!("a size from {min} to {max}, like \"64MiB\" or \"1GB\", or a number of bytes")),
    }
}

pub(super) fn count(raw: &Raw, min: u32, max: u32) -> Result<u32, String> {
    let count = match raw {
        Raw::Integer(count) => u32::try_from(*count).ok(),
        Raw::Text(text) => text.parse().ok(),
        Raw::Boolean(_) | Raw::List(_) | Raw::Other(_) => None,
    };
    match count.filter(|count| (min..=max).contains(count)) {
        Some(count) => Ok(count),
        None => wrong(raw, &format!("a number from {min} to {max}")),
    }
}

pub(super) fn one_of(raw: &Raw, choices: &[&'static str]) -> Result<&'static str, String> {
    match choices.iter().find(|choice| raw.text() == Some(choice)) {
        Some(choice) => Ok(choice),
        None => {
            let choices: Vec<_> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
            wrong(raw, &choices.join(" or "))
        }
    }
}

pub(super) fn path(raw: &Raw) -> Result<PathBuf, String> {
    match raw.text() {
        Some(path) if !path.is_empty() && !path.contains('\0') => Ok(path.into()),
        Some(_) | None => wrong(raw, "a path, like \"./tandem-data\""),
    }
}

/// Empty is none.
pub(super) fn path_or_none(raw: &Raw) -> Result<Option<PathBuf>, String> {
    if raw.text() == Some("") { Ok(None) } else { path(raw).map(Some) }
}

pub(super) fn application_id(raw: &Raw) -> Result<AppId, String> {
    match raw.text().map(AppId::parse) {
        Some(Ok(id)) => Ok(id),
        Some(Err(_)) | None => {
            wrong(raw, "an id: 1 to 63 characters, a to z, 0 to 9 and \"-\", a letter first and no \"-\" last")
        }
    }
}

pub(super) fn client_id(raw: &Raw) -> Result<ClientId, String> {
    match raw.text().map(ClientId::parse) {
        Some(Ok(id)) => Ok(id),
        Some(Err(_)) | None => {
            wrong(raw, "an id: 1 to 63 characters, a to z, 0 to 9 and \"-\", a letter first and no \"-\" last")
        }
    }
}

pub(super) fn role(raw: &Raw) -> Result<Role, String> {
    let named = one_of(raw, &Role::ALL.map(Role::as_str))?;
    Role::ALL.into_iter().find(|role| role.as_str() == named).ok_or_else(|| "is no role".to_owned())
}

/// Ids of table maps, or `"*"` for all of them.
pub(super) fn map_scope(raw: &Raw) -> Result<MapScope, String> {
    let right = "a list of ids of table maps, like [\"orders\", \"customers\"], or \"*\" for all";
    let ids = raw.list().unwrap_or_default();
    if ids == ["*"] {
        return Ok(MapScope::All);
    }
    match ids.iter().map(|id| MapId::parse(id)).collect() {
        Ok(maps) if !ids.is_empty() => Ok(MapScope::Only(maps)),
        _ => wrong(raw, right),
    }
}

/// Hashes of tokens. What is none may be a token itself, so none is repeated.
pub(super) fn token_hashes(raw: &Raw) -> Result<Vec<TokenHash>, String> {
    let texts = raw.list().ok_or_else(|| "must be a list of hashes of tokens".to_owned())?;
    let hashes: Option<Vec<TokenHash>> = texts.iter().map(|text| TokenHash::parse(text)).collect();
    hashes.ok_or_else(|| {
        "each must be \"sha256:\" and 64 hexadecimal digits, as `tandem token` prints them (what was found is not \
         shown, since it may be a token)"
            .to_owned()
    })
}

/// Names in certificates of clients: of a host, or a URI.
pub(super) fn certificate_names(raw: &Raw) -> Result<Vec<String>, String> {
    let right = "a list of DNS names or URIs, like [\"erp.example.com\", \"spiffe://example.com/erp\"]";
    let Some(names) = raw.list() else { return wrong(raw, right) };
    let is_name =
        |name: &&str| !name.is_empty() && name.len() <= 2_048 && name.bytes().all(|byte| byte.is_ascii_graphic());
    if names.iter().all(is_name) { Ok(names.into_iter().map(str::to_owned).collect()) } else { wrong(raw, right) }
}

/// Origins of pages as browsers send them: scheme, host and, unless it is the scheme's own, port.
pub(super) fn origins(raw: &Raw) -> Result<Vec<String>, String> {
    let right = "a list of origins, like [\"https://desk.example.com\", \"http://localhost:5173\"]";
    let Some(origins) = raw.list() else { return wrong(raw, right) };
    let is_origin = |text: &&str| {
        url::Url::parse(text)
            .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.origin().ascii_serialization() == **text)
    };
    if origins.iter().all(is_origin) { Ok(origins.into_iter().map(str::to_owned).collect()) } else { wrong(raw, right) }
}

pub(super) fn client_certificates(raw: &Raw) -> Result<ClientCertificates, String> {
    one_of(raw, &["required", "optional"]).map(|choice| match choice {
        "optional" => ClientCertificates::Optional,
        _ => ClientCertificates::Required,
    })
}

/// Text that nothing is ever repeated of. What it refers to is looked up by the reader.
pub(super) fn secret(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) => Ok(text.clone()),
        Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Other(_) => {
            Err("must be a text: a URL, or \"env:NAME\" or \"file:PATH\" for where it is kept".to_owned())
        }
    }
}

pub(super) fn starttls(raw: &Raw) -> Result<Starttls, String> {
    one_of(raw, &["required", "when_offered", "off"]).map(|choice| match choice {
        "off" => Starttls::Off,
        "when_offered" => Starttls::WhenOffered,
        _ => Starttls::Required,
    })
}

/// An address of mail, `name@host` or `Somebody <name@host>`: its shape only, the mail server knows the rest.
pub(super) fn mailbox(raw: &Raw) -> Result<String, String> {
    let text = raw.text().unwrap_or_default();
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => text,
    };
    let well_formed = address.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !address.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;:".contains(c))
        && !text.contains(char::is_control);
    if well_formed {
        Ok(text.to_owned())
    } else {
        wrong(raw, "one address of mail, like \"tandem@example.com\" or \"Tandem <tandem@example.com>\"")
    }
}

pub(super) fn log_format(raw: &Raw) -> Result<LogFormat, String> {
    one_of(raw, &["text", "json"]).map(|choice| if choice == "json" { LogFormat::Json } else { LogFormat::Text })
}

/// A filter of tracing-subscriber. A single word must be a level: the filter would take any other ("warning") for the
/// name of a module, and silence everything else.
pub(super) fn log_level(raw: &Raw) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let text = raw.text().unwrap_or_default();
    let words_are_levels =
        text.split(',').all(|part| part.contains('=') || LEVELS.contains(&part.to_lowercase().as_str()));
    if words_are_levels && EnvFilter::builder().parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    wrong(raw, "off, error, warn, info, debug or trace, or levels by module, like \"info,tandem::engine=debug\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn a_refusal_says_what_was_found_and_what_is_right() {
        assert_eq!(
            time(&text("5 parsecs"), "0s", "1h").unwrap_err(),
            "found \"5 parsecs\", but it must be a time from 0s to 1h in ms, s, m, h or d, like \"30s\""
        );
        assert_eq!(count(&Raw::Integer(0), 1, 1000).unwrap_err(), "found 0, but it must be a number from 1 to 1000");
        assert!(time(&text("2h"), "0s", "1h").is_err(), "too long");
        assert!(time(&Raw::Integer(30), "0s", "1h").is_err(), "no unit");
        assert!(size(&Raw::Integer(-1), "0B", "1GB").is_err());
        assert_eq!(size(&Raw::Integer(512), "0B", "1GB"), Ok(512));
        assert!(socket(&text("localhost:7070")).is_err());
        assert!(socket(&text("127.0.0.1:70700")).is_err(), "a port that is out of range");
    }

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        for hidden in ["postgres://u:hunter2@h/d", "u:hunter2@h"] {
            assert!(!socket(&text(hidden)).unwrap_err().contains("hunter2"));
            assert!(!application_id(&text(hidden)).unwrap_err().contains("hunter2"));
        }
        let long = "x".repeat(1000);
        assert!(socket(&text(&long)).unwrap_err().len() < 300, "nor is a long text");
    }

    #[test]
    fn levels_are_levels() {
        for good in
            ["info", "WARN", "off", "info,tandem::engine=debug", "warn,sqlx=off", "info,[write{map=orders}]=debug"]
        {
            assert_eq!(log_level(&text(good)).as_deref(), Ok(good));
        }
        for bad in ["", "warning", "info,warning", "tandem=loud", "info,,", "5 levels"] {
            assert!(log_level(&text(bad)).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn mailboxes_are_one_address() {
        for good in ["tandem@example.com", "Tandem <tandem@example.com>", "a@[127.0.0.1]"] {
            assert_eq!(mailbox(&text(good)).as_deref(), Ok(good));
        }
        for bad in ["", "tandem", "@example.com", "tandem@", "a@b, c@d", "A <a@b", "a b@c", "a@b\nBcc: c@d"] {
            assert!(mailbox(&text(bad)).is_err(), "{bad:?} was taken");
        }
    }
}
