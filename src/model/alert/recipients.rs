//! Whom an alert tells: addresses of mail and URLs of webhooks, one by one or several with commas.

use crate::model::mapping::Violation;
use std::collections::HashSet;
use url::{Host, Url};

/// Addresses of one setting.
const ADDRESSES_MAX: usize = 100;
/// The longest address that mail can have (RFC 5321), and what stands before its `@`.
const ADDRESS_CHARS_MAX: usize = 254;
const LOCAL_CHARS_MAX: usize = 64;

const URL_CHARS_MAX: usize = 500;
/// Of all recipients of one setting.
const BYTES_MAX: usize = 16 * 1024;

/// How a recipient is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    Mail,
    Webhook,
}

impl Recipient {
    pub fn of(recipient: &str) -> Self {
        let scheme = recipient.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| scheme == "https" || scheme == "http") { Self::Webhook } else { Self::Mail }
    }
}

/// The recipients of these entries, none twice: in mail, capitals make no other address.
pub fn addresses(entries: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = entries.iter().flat_map(|entry| entry.split(',')).map(str::trim).filter(|address| !address.is_empty());
    let same = |recipient: &str| match Recipient::of(recipient) {
        Recipient::Mail => recipient.to_lowercase(),
        Recipient::Webhook => recipient.to_owned(),
    };
    all.filter(|recipient| seen.insert(same(recipient))).map(str::to_owned).collect()
}

/// Everything that is wrong with them.
pub fn violations(field: &str, entries: &[String]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let field = format!("{field}[{index}]");
        if entry.trim().is_empty() {
            found.push(Violation::new(field, "is empty; leave it out"));
            continue;
        }
        for part in entry.split(',').map(str::trim) {
            match fault(part) {
                Some(_) if part.is_empty() => found.push(Violation::new(&field, "has two commas with nothing between")),
                Some(why) => {
                    let shown: String = part.chars().take(100).collect();
                    found.push(Violation::new(&field, format!("\"{shown}\" is no address that can be told: {why}")));
                }
                None => {}
            }
        }
    }
    let bytes: usize = entries.iter().map(String::len).sum();
    if bytes > BYTES_MAX {
        found.push(Violation::new(field, format!("they have {bytes} bytes, at most {BYTES_MAX} are taken")));
    }
    let count = addresses(entries).len();
    if count > ADDRESSES_MAX {
        found.push(Violation::new(field, format!("{count} addresses, at most {ADDRESSES_MAX} are told")));
    }
    found
}

/// Why nobody can be told so.
fn fault(recipient: &str) -> Option<&'static str> {
    match Recipient::of(recipient) {
        Recipient::Mail => address_fault(recipient),
        Recipient::Webhook => url_fault(recipient),
    }
}

fn url_fault(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else { return Some("it is no URL") };
    if text.chars().count() > URL_CHARS_MAX {
        return Some("it is too long");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("it has a user or a password, which everyone who reads the setting would see");
    }
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Some("it names no host"),
    };
    if url.scheme() == "http" && !here {
        return Some("http:// would send it unencrypted to another machine; write https://");
    }
    None
}

fn address_fault(address: &str) -> Option<&'static str> {
    let Some((local, host)) = address.rsplit_once('@') else { return Some("it has no @") };
    if local.is_empty() {
        return Some("nothing stands before the @");
    }
    if host.is_empty() {
        return Some("nothing stands behind the @");
    }
    if address.chars().count() > ADDRESS_CHARS_MAX || local.chars().count() > LOCAL_CHARS_MAX {
        return Some("it is too long");
    }
    if address.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[];:\\\"".contains(c))
        || local.contains('@')
    {
        return Some("write the bare address, without name, brackets, quotes or blanks");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Some("a dot stands at the begin or the end, or beside another, before the @");
    }
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !label.is_empty() && label.len() <= 63 && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    if !host.split('.').all(label) {
        return Some("what stands behind the @ is no host");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    #[test]
    fn groups_are_taken_apart_and_nobody_is_told_twice() {
        let entries = owned(&["ada@example.com, grace@example.com", "Ada@Example.com", "o'brien+x@localhost"]);
        assert!(violations("recipients", &entries).is_empty());
        assert_eq!(addresses(&entries), ["ada@example.com", "grace@example.com", "o'brien+x@localhost"]);
    }

    #[test]
    fn webhooks_are_encrypted_unless_they_are_here() {
        let right =
            owned(&["https://example.com/hook?a=1, http://127.0.0.1:8080/, http://localhost/x", "http://[::1]/"]);
        assert!(violations("recipients", &right).is_empty());
        assert_eq!(addresses(&right).len(), 4);
        let wrong = owned(&["http://example.com/", "https://u:p@example.com", "https://", "HTTP://10.0.0.1/"]);
        assert_eq!(violations("recipients", &wrong).len(), 4);
    }

    #[test]
    fn each_fault_is_named() {
        let entries = owned(&["ada", "a@b, @c, d@", " ", "a@b,,c@d", "Ada <a@b>", "a..b@c", "a@-b", "a@b\r\nBcc: c@d"]);
        let found: Vec<String> = violations("recipients", &entries).into_iter().map(|v| v.field).collect();
        let indexes = [0, 1, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(found, indexes.map(|index| format!("recipients[{index}]")));
        let many: Vec<String> = (0..101).map(|number| format!("a{number}@example.com")).collect();
        assert_eq!(violations("recipients", &many).len(), 1);
        let long: Vec<String> =
            (0..60).map(|number| format!("https://example.com/{number}{}", "x".repeat(400))).collect();
        assert_eq!(violations("recipients", &long).len(), 1);
    }
}
