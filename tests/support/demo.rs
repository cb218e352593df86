//! What `tandem demo --keep` leaves running.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
const LINES_MAX: usize = 10_000;

/// A demo that is kept, until it is dropped.
pub struct Demo {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    told: mpsc::Receiver<String>,
}

impl Demo {
    /// Starts one in a folder, and waits until it has shown everything.
    pub fn keep(folder: &Path) -> Demo {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_tandem"));
        demo.args(["demo", "--keep"]).current_dir(folder).env_remove("RUST_LOG").stdout(Stdio::piped());
        let mut child = demo.spawn().expect("the binary starts");
        let told = heard(child.stdout.take().expect("its output"));
        let mut demo = Demo { child, address: String::new(), told };
        loop {
            let line = demo.told.recv_timeout(PATIENCE).expect("the demo goes on");
            if let Some((_, rest)) = line.split_once("The server goes on at ") {
                demo.address = rest.split(',').next().expect("where it is").to_owned();
            }
            if line.contains("Ctrl-C ends it") {
                return demo;
            }
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of an output as they come; whoever tells waits when so many are not heard.
pub fn heard(output: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
