//! `tandem demo`: the story comes to its good end, again and again, and leaves nothing behind that it should not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn demo(folder: &Path) -> Command {
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.arg("demo").current_dir(folder).env("TMPDIR", temporary).env_remove("RUST_LOG");
    command
}

/// The last line that says something.
fn last_line(output: &str) -> &str {
    output.lines().rfind(|line| !line.is_empty()).unwrap_or_default()
}

#[test]
fn the_demo_ends_well_and_does_so_again() {
    let folder = tempfile::tempdir().unwrap();
    for run in 1..=2 {
        let ended = demo(folder.path()).output().unwrap();
        let output = String::from_utf8(ended.stdout).unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "run {run}: {output}\n{errors}");
        assert!(last_line(&output).starts_with("all 6,795 rows equal, 1 in error as it should be: F-"), "{output}");
        assert!(!output.contains("NOT OK") && !output.contains('\x1b'), "{output}");
        assert_eq!(errors, "");
        assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0, "the data is gone");
    }
}

#[test]
fn a_kept_demo_serves_until_it_is_interrupted_and_is_replaced_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut running = demo(folder.path()).arg("--keep").stdout(Stdio::piped()).spawn().unwrap();
        let output = read_until(&mut running, "Ctrl-C ends it");
        assert!(output.contains("all 6,795 rows equal"), "{output}");

        let second = demo(folder.path()).arg("--keep").output().unwrap();
        assert_eq!(second.status.code(), Some(3), "the folder is in use");
        assert!(String::from_utf8_lossy(&second.stderr).contains("another demo is running on it"));

        let pid = running.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert!(running.wait().unwrap().success());
        assert!(folder.path().join("demo-data/sales/sales.db").exists(), "the data stays");
    }
}

#[test]
fn a_folder_that_is_not_the_demos_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("demo-data/precious");
    fs::create_dir_all(precious.parent().unwrap()).unwrap();
    fs::write(&precious, "x").unwrap();
    let ended = demo(folder.path()).arg("--keep").output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("was not made by a demo"));
    assert_eq!(fs::read_to_string(precious).unwrap(), "x");
}

/// What it says up to the line that has `end`.
fn read_until(running: &mut Child, end: &str) -> String {
    let mut output = String::new();
    for line in BufReader::new(running.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        output.push_str(&line);
        output.push('\n');
        if line.contains(end) {
            return output;
        }
    }
    panic!("it ended before it said {end:?}: {output}");
}
