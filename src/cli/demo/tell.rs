//! What the demo says on the terminal: numbered steps, short lines, and colour only where somebody looks.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Speaks to the standard output. Nobody listening is no failure.
pub struct Tell {
    colour: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";

/// The longest line that is broken nowhere, in characters.
const WIDTH: usize = 110;
const HANGING: usize = 4;

impl Tell {
    /// Plain, or with colour when the output is a terminal and its user has not asked for none.
    pub fn new(plain: bool) -> Self {
        Self { colour: !plain && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// Writes a text, over several lines when it is long.
    fn line(&self, code: &str, indent: usize, text: impl Display) {
        for line in wrapped(&text.to_string(), indent) {
            let _ = if self.colour && !code.is_empty() {
                writeln!(io::stdout(), "\x1b[{code}m{line}\x1b[0m")
            } else {
                writeln!(io::stdout(), "{line}")
            };
        }
    }

    pub fn title(&self, text: &str) {
        self.line(BOLD, 0, text);
    }

    /// A step begins.
    pub fn step(&self, number: u32, text: &str) {
        self.line("", 0, "");
        self.line(BOLD, 0, format!("{number}  {text}"));
    }

    /// What is done, and what happened.
    pub fn say(&self, text: impl Display) {
        self.line("", 3, text);
    }

    /// What explains, and may be skipped.
    pub fn aside(&self, text: impl Display) {
        self.line(DIM, 3, text);
    }

    /// What belongs to the line above.
    pub fn below(&self, text: impl Display) {
        self.line("", 7, text);
    }

    /// What is as it should be.
    pub fn good(&self, text: impl Display) {
        self.line(GREEN, 3, format!("ok  {text}"));
    }

    /// What is not.
    pub fn bad(&self, text: impl Display) {
        self.line(RED, 3, format!("NOT OK  {text}"));
    }

    /// The last word, from the left edge.
    pub fn end(&self, good: bool, text: impl Display) {
        self.line("", 0, "");
        self.line(if good { GREEN } else { RED }, 0, text);
    }

    /// Something to copy: one line, however long.
    pub fn command(&self, text: impl Display) {
        let _ = writeln!(io::stdout(), "     {text}");
    }
}

/// A text in lines of at most `WIDTH` characters, those after the first a little further in. Spaces within a line are kept.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = format!("{:indent$}{text}", "");
    while line.chars().count() > WIDTH {
        let fits: String = line.chars().take(WIDTH + 1).collect();
        let further_in = indent + HANGING;
        let Some(at) = fits.rfind(' ').filter(|at| *at > further_in) else { break };
        let rest = format!("{:further_in$}{}", "", line[at..].trim_start());
        lines.push(line[..at].trim_end().to_owned());
        line = rest;
    }
    lines.push(line);
    lines
}

/// `6427` as `6,427`.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name of a table, a map or a kind, made as wide as its column.
pub fn padded(text: impl Display, width: usize) -> String {
    format!("{:<width$}", text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in
            [(0_u64, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(count(-1_i64), "0");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrapped("short  text", 3), ["   short  text"]);
        let long = format!("{} {} {}", "a".repeat(60), "é".repeat(40), "b".repeat(40));
        let expected = [format!("   {} {}", "a".repeat(60), "é".repeat(40)), format!("       {}", "b".repeat(40))];
        assert_eq!(wrapped(&long, 3), expected);
        assert_eq!(wrapped(&"x".repeat(200), 3), [format!("   {}", "x".repeat(200))], "a word is not broken");
    }
}
