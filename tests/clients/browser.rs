//! A real browser that plays cases: a page of another origin than the server's, which it calls over gRPC-Web.

use super::case::{CASE_TIME_MAX, Stage, perform, read};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const PAGE: &str = "<!doctype html><meta charset=\"utf-8\"><script type=\"module\" src=\"/browser.js\"></script>";
/// As Debian and others call it.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What a page asked for, and where the answer goes.
struct Asked {
    path: String,
    body: String,
    answer: TcpStream,
}

impl Asked {
    fn answer(&mut self, kind: &str, body: &str) {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // A browser that has gone is told of by the case, which does not end.
        let _ = self.answer.write_all(head.as_bytes()).and_then(|()| self.answer.write_all(body.as_bytes()));
    }
}

/// Serves pages, and hands over what they ask for.
fn serve() -> (String, UnboundedReceiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, requests) = unbounded_channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked = asked.clone();
            std::thread::spawn(move || heard(stream).map(|request| asked.send(request)));
        }
    });
    (origin, requests)
}

fn heard(stream: TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().to_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path: first.split(' ').nth(1)?.to_owned(), body: String::from_utf8(body).ok()?, answer: stream })
}

/// A browser without a window, until it is dropped.
struct Browser(Child, #[allow(dead_code)] tempfile::TempDir);

impl Browser {
    fn open(url: &str) -> Browser {
        let profile = tempfile::tempdir().expect("a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program =
            PROGRAMS.iter().find(|name| std::env::split_paths(&path).any(|folder| folder.join(name).exists()));
        let program = program.expect("Chromium is installed (make servers)");
        let child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        Browser(child, profile)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays a case in a page; what went wrong when it did not pass.
pub async fn play(bundle: &Path, file: &Path) -> Result<(), String> {
    let script = std::fs::read_to_string(bundle)
        .map_err(|error| format!("{}: {error}; `make clients` builds it", bundle.display()))?;
    let case = read(file);
    let (origin, mut requests) = serve();
    let mut stage = Stage::set(&case, Some(&origin)).await;
    let browser = Browser::open(&origin);
    let deadline = Instant::now() + CASE_TIME_MAX;
    let ended = loop {
        let Ok(asked) = tokio::time::timeout_at(deadline.into(), requests.recv()).await else {
            break "it did not end in time".to_owned();
        };
        let mut asked = asked.expect("pages are served as long as the test runs");
        match asked.path.as_str() {
            "/" => asked.answer("text/html", PAGE),
            "/browser.js" => asked.answer("text/javascript", &script),
            "/case" => {
                let environment: Value =
                    stage.environment().into_iter().map(|(name, value)| (name, json!(value))).collect();
                let told = json!({ "steps": case["steps"], "environment": environment });
                asked.answer("application/json", &told.to_string());
            }
            "/stage" => {
                let step = asked.body.clone();
                perform(&mut stage, &step, |found| asked.answer("application/json", &found.to_string())).await;
            }
            "/end" => {
                asked.answer("text/plain", "");
                break asked.body;
            }
            _ => asked.answer("text/plain", ""),
        }
    };
    drop(browser);
    if ended.is_empty() {
        return Ok(());
    }
    Err(format!("{ended}\n--- what the server logged:\n{}", stage.server.log()))
}
