//! What somebody may have meant who wrote a name that nobody knows.

use super::keys;

/// How many letters may differ for each three of the name before a guess is a bad guess.
const LETTERS_PER_DIFFERENCE: usize = 3;

/// How many letters may differ at most: a long name has much in common with any other of its kind.
const DIFFERENCES_MAX: usize = 3;

/// The candidate that is nearest to `name`, when it is near.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / LETTERS_PER_DIFFERENCE).clamp(1, DIFFERENCES_MAX);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What to write in place of `name` in `section` (none at the top): a near key of the section, a near section, or a key of
/// this very name in another section.
pub(super) fn did_you_mean(section: &str, name: &str) -> Option<String> {
    // A very long name is near to nothing, and comparing takes the square of its length.
    if name.len() > 64 {
        return None;
    }
    let names = |section: &str| {
        let keys = keys::ALL.iter().map(|known| known.split());
        keys.filter(|(of, _)| of.trim_end_matches("[]") == section).map(|(_, name)| name).collect::<Vec<_>>()
    };
    let sibling = nearest(name, if section.is_empty() { keys::sections() } else { names(section) });
    if let Some(sibling) = sibling {
        return Some(sibling.to_owned());
    }
    let mut elsewhere = keys::ALL.iter().filter(|known| known.split().1 == name);
    elsewhere.next().map(|known| format!("{name} in [{}]", known.split().0.trim_end_matches("[]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(did_you_mean("server", "lisen").as_deref(), Some("listen"));
        assert_eq!(did_you_mean("", "sever").as_deref(), Some("server"));
        assert_eq!(did_you_mean("", "application").as_deref(), Some("applications"));
        assert_eq!(did_you_mean("server", "path").as_deref(), Some("path in [store]"));
        assert_eq!(did_you_mean("server", "flavour"), None);
        assert_eq!(did_you_mean("server", &"x".repeat(100_000)), None);
    }
}
