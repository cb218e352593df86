//! The shell that runs a server for a test, and survives the test's process just long enough to end the server.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Set by `new`. Dropping it closes `orders`, which ends the server and removes its folder; both are gone when the
/// drop returns. The system closes `orders` as well when this process ends in any other way.
pub struct Supervisor {
    shell: Child,
    /// `None` only while it is dropped.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What a server is run with. `command` gets `--port=…` as its last argument, and writes to `log` in the folder.
pub struct Plan<'a> {
    pub folder: &'a Path,
    pub stop_signal: &'a str,
    pub end_signal: &'a str,
    pub command: Vec<OsString>,
}

impl Supervisor {
    /// Starts the shell, not yet the server. From here on the shell owns the folder.
    pub fn new(plan: Plan) -> Supervisor {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", include_str!("supervisor.sh"), "supervisor"])
            .arg(plan.folder)
            .args([plan.stop_signal, plan.end_signal])
            .args(plan.command)
            .env_clear() // PGPORT, MYSQL_HOME and the like are none of this server's business
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir("/")
            .process_group(0) // Ctrl-C ends the test, which ends this; it must not end this first
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("/bin/sh starts");
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("standard output is piped"));
        Supervisor { shell, orders, answers }
    }

    /// Starts the server and gives its process id. It may have ended again before this returns.
    pub fn start(&mut self, port: u16) -> u32 {
        let answer = self.order(&format!("start {port}"));
        answer.parse().unwrap_or_else(|_| panic!("the server was not started: {answer}"))
    }

    /// Waits until `order` is carried out: within 30 seconds, after which the shell kills what did not end by itself.
    pub fn carry_out(&mut self, order: &str) {
        let answer = self.order(order);
        assert_eq!(answer, "done", "the order to {order} the server failed");
    }

    fn order(&mut self, order: &str) -> String {
        let orders = self.orders.as_mut().expect("orders are open until the drop");
        writeln!(orders, "{order}").expect("the supervisor takes orders");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the supervisor answers");
        answer.trim_end().to_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.shell.wait();
    }
}

/// Whether a process has ended. One that ended and was not waited for yet counts as ended.
pub fn has_ended(process_id: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{process_id}/stat")) {
        Err(_) => true,
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])),
    }
}
