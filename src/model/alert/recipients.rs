//! Whom an alert tells: addresses, one by one or several with commas.

use crate::model::mapping::Violation;
use std::collections::HashSet;

/// Addresses of one setting.
const ADDRESSES_MAX: usize = 100;
/// The longest address that mail can have (RFC 5321), and what stands before its `@`.
const ADDRESS_CHARS_MAX: usize = 254;
const LOCAL_CHARS_MAX: usize = 64;

/// The addresses of these entries, none twice: in mail, capitals make no other host.
pub fn addresses(entries: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = entries.iter().flat_map(|entry| entry.split(',')).map(str::trim).filter(|address| !address.is_empty());
    all.filter(|address| seen.insert(address.to_lowercase())).map(str::to_owned).collect()
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
                    found.push(Violation::new(&field, format!("\"{shown}\" is no address: {why}")));
                }
                None => {}
            }
        }
    }
    let count = addresses(entries).len();
    if count > ADDRESSES_MAX {
        found.push(Violation::new(field, format!("{count} addresses, at most {ADDRESSES_MAX} are told")));
    }
    found
}

/// Why this is no address that mail can be sent to.
fn fault(address: &str) -> Option<&'static str> {
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
    fn each_fault_is_named() {
        let entries = owned(&["ada", "a@b, @c, d@", " ", "a@b,,c@d", "Ada <a@b>", "a..b@c", "a@-b", "a@b\r\nBcc: c@d"]);
        let found: Vec<String> = violations("recipients", &entries).into_iter().map(|v| v.field).collect();
        let indexes = [0, 1, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(found, indexes.map(|index| format!("recipients[{index}]")));
        let many: Vec<String> = (0..101).map(|number| format!("a{number}@example.com")).collect();
        assert_eq!(violations("recipients", &many).len(), 1);
    }
}
