//! Documents that say what the contract and the program have: they have all of it, and nothing else.

mod support;

use prost_reflect::DescriptorPool;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tandem::services::proto::DESCRIPTORS;

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of an enum of the contract without their prefix, each with what the contract says of it.
fn values(name: &str, prefix: &str) -> Vec<(String, String)> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let found = pool.get_enum_by_name(&format!("tandem.v1.{name}")).unwrap();
    let file = found.parent_file();
    let locations = &file.file_descriptor_proto().source_code_info.as_ref().unwrap().location;
    let said = |path: &[i32]| {
        let location = locations.iter().find(|location| location.path == path);
        let comment = location.and_then(|location| location.leading_comments.clone()).unwrap_or_default();
        comment.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let all = found.values().filter(|value| value.number() != 0);
    all.map(|value| (value.name().strip_prefix(prefix).unwrap().to_owned(), said(value.path()))).collect()
}

/// The table of docs/clients.md is the enum of the contract. With TANDEM_WRITE_DOCS set it is written anew: `make generate`.
#[test]
fn the_reasons_of_errors_are_those_of_the_contract() {
    let mut rows = String::from("| reason | status | what it means, what to do, metadata |\n| --- | --- | --- |\n");
    let mut status = String::new();
    for (reason, said) in values("ErrorReason", "ERROR_REASON_") {
        let (codes, meaning) =
            said.split_once(": ").unwrap_or_else(|| panic!("{reason} does not say its status: {said}"));
        if codes.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            status = codes.to_owned();
        }
        rows += &format!("| `{reason}` | {status} | {} |\n", meaning.replace('|', "\\|"));
    }
    let path = document("clients.md");
    let before = read(&path);
    let (begin, rest) = before.split_once("<!-- reasons -->\n").expect("the table's beginning");
    let (_, end) = rest.split_once("<!-- end of reasons -->").expect("the table's end");
    let after = format!("{begin}<!-- reasons -->\n{rows}<!-- end of reasons -->{end}");
    if std::env::var_os("TANDEM_WRITE_DOCS").is_some() {
        std::fs::write(&path, &after).unwrap();
    }
    assert_eq!(after, read(&path), "make generate writes it anew");
}

#[test]
fn every_condition_and_every_reason_of_an_alert_is_an_alarm() {
    let alarms = read(&document("alarms.md"));
    let rows: BTreeSet<&str> = alarms.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    let conditions = values("ConditionType", "CONDITION_TYPE_");
    let reasons = values("AlertReason", "ALERT_REASON_");
    for (name, _) in conditions.iter().chain(&reasons) {
        assert!(rows.contains(name.as_str()), "docs/alarms.md does not have {name}");
    }
}

/// Whatever the server logs as a warning or an error stands there with what to do.
#[test]
fn every_warning_of_the_servers_log_is_an_alarm() {
    let alarms = read(&document("alarms.md"));
    let mut lines = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut lines);
    assert!(lines.len() > 25, "{lines:?}");
    let missing: Vec<_> = lines.iter().filter(|line| !alarms.contains(&format!("| {line} |"))).collect();
    assert!(missing.is_empty(), "docs/alarms.md does not have {missing:#?}");
}

/// The last text of each `warn!` and `error!`, which is the line's message.
fn collect(folder: &Path, lines: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("cli") {
                collect(&path, lines);
            }
            continue;
        }
        let source = read(&path);
        let calls = ["warn!(", "error!("].into_iter().flat_map(|call| source.split(call).skip(1));
        for arguments in calls {
            let message = message(arguments).unwrap_or_else(|| panic!("{}: {arguments:.80}", path.display()));
            // What another text is put into is told by the rest, and a text alone by what makes it.
            let fixed = message.split('}').next_back().unwrap_or_default().trim();
            if !fixed.is_empty() {
                lines.insert(fixed.to_owned());
            }
        }
    }
}

/// The message among the arguments of a call: the last argument, which is a text.
fn message(arguments: &str) -> Option<String> {
    let (mut depth, mut within, mut escaped) = (0, false, false);
    let (mut text, mut last) = (String::new(), None);
    for letter in arguments.chars() {
        match letter {
            _ if escaped => {
                escaped = false;
                text.push(letter);
            }
            '\\' if within => escaped = true,
            '"' => {
                if within && depth == 0 {
                    last = Some(std::mem::take(&mut text));
                }
                text.clear();
                within = !within;
            }
            _ if within => text.push(letter),
            '(' => depth += 1,
            ')' if depth == 0 => return last,
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
