//! States and severities in colours that people know, on a terminal only.

use console::{Style, colors_enabled};

const GOOD: [&str; 4] = ["RUNNING", "COMPLETED", "APPLIED", "DELIVERED"];
const MIND: [&str; 9] = [
    "INITIALIZING",
    "PAUSED",
    "RESUMING",
    "QUEUED",
    "PENDING",
    "IN_PROGRESS",
    "COMPLETED_WITH_ERRORS",
    "CANCELLED",
    "WARNING",
];
const BAD: [&str; 3] = ["ERROR", "FAILED", "GIVEN_UP"];

/// The text, in a colour when it is one of these words as a whole.
pub fn of_word(text: String) -> String {
    if !colors_enabled() {
        return text;
    }
    let word = text.as_str();
    let style = match () {
        () if GOOD.contains(&word) => Style::new().green(),
        () if MIND.contains(&word) => Style::new().yellow(),
        () if BAD.contains(&word) => Style::new().red(),
        () => return text,
    };
    style.apply_to(text).to_string()
}

/// A heading.
pub fn of_heading(text: String) -> String {
    if colors_enabled() { Style::new().bold().apply_to(text).to_string() } else { text }
}
