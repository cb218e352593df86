//! docs/grpcurl.md: every line works as it stands, one after the other, against what the demo leaves running; and every
//! method that is offered has one.

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use support::demo::{Demo, heard};
use tandem::services::methods::OFFERED;

const DOCUMENT: &str = include_str!("../docs/grpcurl.md");
/// Where the document has the server; the demo takes the next port that is free.
const ADDRESS: &str = "127.0.0.1:7070";
/// They have no end of their own: a reader ends them with Ctrl-C, and the test by their time.
const ENDLESS: [&str; 3] = ["WatchQueueStats", "TailActivity", "WatchAlertEvents"];
/// What grpcurl ends with then: 64 and the code of DEADLINE_EXCEEDED.
const TIME_IS_UP: &str = "68";

/// The lines of all blocks of commands.
fn lines() -> Vec<&'static str> {
    let mut lines = Vec::new();
    let mut within = false;
    for line in DOCUMENT.lines() {
        match line {
            "```sh" => within = true,
            "```" => within = false,
            line if within => lines.push(line),
            _ => {}
        }
    }
    lines
}

#[test]
fn every_method_that_is_offered_has_a_line() {
    let called: BTreeSet<&str> = lines().into_iter().filter_map(|line| line.split(' ').next_back()).collect();
    let offered =
        OFFERED.iter().flat_map(|(service, methods)| methods.iter().map(move |name| format!("{service}/{name}")));
    let missing: Vec<_> = offered.filter(|method| !called.contains(method.as_str())).collect();
    assert!(missing.is_empty(), "docs/grpcurl.md has no line for {missing:?}");
    assert!(called.contains("tandem.admin.v1.AdminService/DownloadBackup"));
}

/// `make test` installs it.
fn grpcurl() -> PathBuf {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let mut found = std::fs::read_dir(&tools).into_iter().flatten().flatten().map(|entry| entry.path().join("grpcurl"));
    found.find(|path| path.is_file()).expect("grpcurl is under target/tools (make target/tools/grpcurl)")
}

/// A shell that is given lines and says what each ended with.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: mpsc::Receiver<String>,
}

const END: &str = "=== ended with ";

impl Shell {
    fn start(folder: &std::path::Path) -> Shell {
        let mut command = Command::new("sh");
        command.arg("-c").arg("exec sh 2>&1").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let input = child.stdin.take().expect("its input");
        let output = heard(child.stdout.take().expect("its output"));
        Shell { child, input, output }
    }

    /// The status, and what was printed.
    fn run(&mut self, line: &str) -> (String, String) {
        writeln!(self.input, "{line}\nstatus=$?; echo; echo \"{END}$status\"").expect("the shell listens");
        let mut printed = String::new();
        loop {
            let heard = self
                .output
                .recv_timeout(Duration::from_secs(60))
                .unwrap_or_else(|_| panic!("{line}\nhangs: {printed}"));
            match heard.strip_prefix(END) {
                Some(status) => return (status.to_owned(), printed),
                None => printed += &format!("{heard}\n"),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_line_works_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::keep(folder.path());
    let program = format!("{} -max-time 5 -plaintext", grpcurl().display());
    let mut shell = Shell::start(folder.path());
    for line in lines() {
        let endless = ENDLESS.iter().any(|method| line.ends_with(method));
        let command = line.replace("grpcurl -plaintext", &program).replace(ADDRESS, &demo.address);
        let (status, printed) = shell.run(&command);
        let expected = if endless { TIME_IS_UP } else { "0" };
        assert_eq!(status, expected, "{line}\n{printed}");
        let silent = line.starts_with("mv ") || line.contains("=$(");
        assert!(silent || !printed.trim().is_empty(), "{line}\nprints nothing");
    }
}
