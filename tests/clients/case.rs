//! One case: the stage that it asks for, and a client's runner that plays it and asks for the server to be killed or started
//! and for what the databases have.

use super::support::access;
use super::support::certificates::Authority;
use super::support::databases::{Sqlite, sql};
use super::support::server::Server;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a case may take: a runner that hangs is killed.
pub const CASE_TIME_MAX: Duration = Duration::from_secs(120);
/// How long a database may take to have what is expected.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Whom the client's certificate names.
const CERTIFIED: &str = "erp.example.com";

/// What a case is played on.
pub struct Stage {
    pub server: Server,
    databases: Vec<(String, Sqlite)>,
    secured: Option<Secured>,
}

/// TLS, a client of each role with a token, and one with a certificate.
struct Secured {
    authority: Authority,
    files: TempDir,
}

impl Stage {
    /// `page` is the origin of pages that call the server.
    pub async fn set(case: &Value, page: Option<&str>) -> Stage {
        let mut databases = Vec::new();
        for (id, statements) in case["applications"].as_object().into_iter().flatten() {
            let database = Sqlite::create();
            for statement in statements.as_array().expect("a list of statements") {
                sql::execute(&database.url(), statement.as_str().expect("a statement")).await.expect("it is SQL");
            }
            databases.push((id.clone(), database));
        }
        let secured = (case["secured"] == true).then(Secured::new);
        let urls: Vec<_> = databases.iter().map(|(id, database)| (id.as_str(), database.url())).collect();
        let applications: Vec<_> = urls.iter().map(|(id, url)| (*id, url.as_str())).collect();
        let mut config = page.map(|origin| format!("[server]\nweb_origins = [{origin:?}]\n")).unwrap_or_default();
        config += &secured.as_ref().map(Secured::config).unwrap_or_default();
        Stage { server: Server::start_with(&applications, &config).await, databases, secured }
    }

    /// The variables that tell a client of this server, in an otherwise clean environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut told = vec![];
        let port = self.server.address().rsplit(':').next().expect("a port").to_owned();
        match &self.secured {
            None => told.push(("TANDEM_SERVER".to_owned(), format!("http://127.0.0.1:{port}"))),
            Some(secured) => {
                told.push(("TANDEM_SERVER".to_owned(), format!("https://localhost:{port}")));
                told.extend(secured.environment());
            }
        }
        told
    }

    /// Does what a step asks for, and says what it found.
    async fn act(&mut self, step: &Value) -> Value {
        match step["server"].as_str() {
            Some("kill") => self.server.kill(),
            Some("freeze") => self.server.freeze(),
            Some("thaw") => self.server.thaw(),
            Some("stop") => drop(self.server.terminate().await),
            Some("start") => {
                tokio::time::sleep(Duration::from_millis(step["after_ms"].as_u64().unwrap_or(0))).await;
                self.server.start_again_where_it_was().await;
            }
            Some(other) => panic!("nothing is known of a server that would: {other}"),
            None => return self.ask(step).await,
        }
        Value::Null
    }

    /// What a database has, as soon as it is what the step expects, or else when the time is up.
    async fn ask(&self, step: &Value) -> Value {
        let of = step["query"].as_str().unwrap_or_else(|| panic!("nothing can be done about {step}"));
        let (_, database) = self.databases.iter().find(|(id, _)| id == of).expect("an application of the case");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sql = step["sql"].as_str().expect("SQL");
            let found: Vec<String> = sql::ask(&database.url(), sql).await.expect("an answer");
            if step["answer"] == json!(found) || Instant::now() > deadline {
                return json!(found);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Secured {
    fn new() -> Secured {
        let secured = Secured { authority: Authority::new("ours"), files: tempfile::tempdir().expect("a folder") };
        secured.authority.server().write(&secured.file("tls.crt"), &secured.file("tls.key"));
        let names = format!("DNS:{CERTIFIED}");
        secured.authority.issue(&names).write(&secured.file("client.crt"), &secured.file("client.key"));
        secured
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn config(&self) -> String {
        let mut config = format!(
            "[tls]\ncert_file = {:?}\nkey_file = {:?}\nclient_ca_file = {:?}\nclient_certificates = \"optional\"\n",
            self.file("tls.crt"),
            self.file("tls.key"),
            self.authority.file(),
        );
        config += &access::a_client_of_each_role();
        let _ = write!(config, "[[clients]]\nid = \"erp\"\nrole = \"writer\"\ncertificate_names = [\"{CERTIFIED}\"]\n");
        config
    }

    fn environment(&self) -> Vec<(String, String)> {
        let path = |path: PathBuf| path.display().to_string();
        let mut told = vec![
            ("TANDEM_TOKEN".to_owned(), access::token("admin")),
            ("TANDEM_CA_FILE".to_owned(), path(self.authority.file())),
            ("CLIENT_CERT_FILE".to_owned(), path(self.file("client.crt"))),
            ("CLIENT_KEY_FILE".to_owned(), path(self.file("client.key"))),
        ];
        told.extend(access::ROLES.map(|role| (format!("{}_TOKEN", role.to_uppercase()), access::token(role))));
        told
    }
}

/// How a client's runner is started; the file of the case is added.
pub struct Runner {
    pub folder: PathBuf,
    pub command: Vec<String>,
}

impl Runner {
    /// Plays a case; what went wrong when it did not pass.
    pub async fn play(&self, file: &Path) -> Result<(), String> {
        let mut stage = Stage::set(&read(file), None).await;
        let mut child = self.command(&stage).arg(file).spawn().map_err(|error| self.missing(&error))?;
        let mut input = child.stdin.take().expect("its input");
        let (asked, mut steps) = tokio::sync::mpsc::unbounded_channel();
        let output = child.stdout.take().expect("its output");
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = asked.send(line);
            }
        });
        let mut errors = child.stderr.take().expect("its errors");
        let told = std::thread::spawn(move || {
            let mut told = String::new();
            let _ = errors.read_to_string(&mut told);
            told
        });
        let deadline = Instant::now() + CASE_TIME_MAX;
        let in_time = loop {
            match tokio::time::timeout_at(deadline.into(), steps.recv()).await {
                Ok(Some(line)) => {
                    // A runner that has gone is told of by its status.
                    perform(&mut stage, &line, |found| drop(writeln!(input, "{found}"))).await;
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if !in_time {
            let _ = child.kill();
        }
        let status = child.wait().expect("a child ends");
        let told = told.join().expect("its errors were heard");
        if status.success() && in_time {
            return Ok(());
        }
        let hung = if in_time { "" } else { "it did not end in time\n" };
        Err(format!("{hung}{status}\n{told}\n--- what the server logged:\n{}", stage.server.log()))
    }

    fn command(&self, stage: &Stage) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(&self.folder);
        command.envs(stage.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn missing(&self, error: &std::io::Error) -> String {
        format!("{:?} cannot be run ({error}): `make clients` builds it", self.command)
    }
}

/// The case of a file.
pub fn read(file: &Path) -> Value {
    let case = std::fs::read_to_string(file).expect("a case can be read");
    serde_json::from_str(&case).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Does what a runner asked for, and tells it what was found.
pub async fn perform(stage: &mut Stage, asked: &str, tell: impl FnOnce(Value)) {
    let step: Value = serde_json::from_str(asked).unwrap_or_else(|error| panic!("a runner asked for {asked}: {error}"));
    if step["in_background"] == true {
        tell(json!({ "answer": null }));
        stage.act(&step).await;
    } else {
        let found = stage.act(&step).await;
        tell(json!({ "answer": found }));
    }
}
