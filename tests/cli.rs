//! The command line as an operator's client, through the real binary and the real wire: what it prints, where, and with what status it ends.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use support::world::*;
use tandem::services::proto::{ResumeOption, TableMapState};
use tokio::net::{TcpListener, TcpStream};

/// `tandem WORDS` against a world's server.
fn command(world: &World, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(words).env("TANDEM_SERVER", format!("http://{}", world.address()));
    command
}

fn tandem(world: &World, words: &[&str]) -> Output {
    command(world, words).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What it prints when it succeeds.
fn printed(world: &World, words: &[&str]) -> String {
    let output = tandem(world, words);
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{words:?}");
    text(&output.stdout)
}

/// The status that it ends with, and what it says.
fn refused(world: &World, words: &[&str]) -> (Option<i32>, String) {
    let output = tandem(world, words);
    assert_eq!(text(&output.stdout), "", "{words:?}");
    (output.status.code(), text(&output.stderr))
}

const MAP: &str = r#"{"left": {"application": "sales", "table": "orders"}, "right": {"application": "finance", "table": "orders"},
    "integration_key": ["id"], "sync_mode": "SYNC_MODE_ASYNCHRONOUS", "column_mappings": [
    {"left_column": "id", "right_column": "id"}, {"left_column": "amount", "right_column": "amount"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_map_is_made_run_written_to_and_put_right() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.json");
    std::fs::write(&file, MAP).unwrap();
    let file = format!("@{}", file.display());
    assert_eq!(printed(&world, &["maps", "list"]), "none\n");
    let created = printed(&world, &["maps", "create", "--table-map-id", "orders", "--table-map", &file]);
    assert!(created.contains(" STATE            NOT_RUNNING\n"), "{created}");
    let run = printed(&world, &["maps", "run", "orders", "--initial-sync", "skip"]);
    assert_eq!(run, " NAME              TABLE MAP STATE\n tableMaps/orders  RUNNING\n");

    let record = "id=1,amount=-5";
    let write = ["records", "write", "orders", "--source", "left", "--operation", "upsert", "--record", record];
    let written = printed(&world, &write);
    assert!(written.contains("QUEUED"), "{written}");
    eventually("it is in error", || async { world.stats("orders").await.error_count == 1 }).await;
    let errors = printed(&world, &["queue", "errors", "orders"]);
    assert!(errors.contains("amount=-5") || errors.contains("id=1"), "{errors}");
    assert!(errors.contains("APPLICATION"), "{errors}");
    let of_key = |key: &str| {
        printed(&world, &["queue", "errors", "orders", "--error-type", "application", "--integration-key", key])
    };
    assert_eq!((of_key("id=1"), of_key("id=2").as_str()), (errors, "none\n"));

    // What cannot be undone is asked for, or said.
    let delete = ["queue", "delete", "orders", "--all", "--confirm-count", "1"];
    let (status, told) = refused(&world, &delete);
    assert_eq!((status, told.contains("say --yes")), (Some(2), true), "{told}");
    assert_eq!(world.stats("orders").await.error_count, 1);
    // To throw away what is queued is the same, to keep it or only to try is not.
    let (status, _) = refused(&world, &["maps", "stop", "orders", "--queued-records", "discard"]);
    assert_eq!(status, Some(2));
    printed(&world, &["queue", "delete", "orders", "--all", "--validate-only"]);
    printed(&world, &[&delete[..], &["--yes"]].concat());
    eventually("it is gone", || async { world.stats("orders").await.error_count == 0 }).await;

    let listed = printed(&world, &["log", "list", "orders", "--output", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let kinds: Vec<_> =
        listed["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["ACTIVITY_KIND_CREATED", "ACTIVITY_KIND_RUN"]);
    let yaml = printed(&world, &["maps", "get", "orders", "-o", "yaml"]);
    assert!(yaml.starts_with("name: tableMaps/orders\n"), "{yaml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_a_status_that_says_whose_fault_it_is() {
    let world = World::start().await;
    let (status, told) = refused(&world, &["maps", "get", "orders"]);
    assert_eq!((status, told.as_str()), (Some(1), "maps get: there is no table map orders (RESOURCE_NOT_FOUND)\n"));
    let (status, told) = refused(&world, &["maps", "get", "No-Such-Id"]);
    assert_eq!(status, Some(2), "{told}");
    let (status, told) = refused(&world, &["maps", "run", "orders", "--initial-sync", "maybe"]);
    assert_eq!((status, told.as_str()), (Some(2), "--initial-sync: \"maybe\" is none of copy, skip\n"));
    let (status, told) = refused(&world, &["maps", "list", "--server", "http://127.0.0.1:1"]);
    assert_eq!(status, Some(3));
    assert!(told.contains("the server at http://127.0.0.1:1 cannot be reached"), "{told}");
    // Of several maps each has its own answer, with all that a status carries.
    let each = ["maps", "run", "--names", "orders,prices"];
    let output = tandem(&world, &each);
    assert_eq!(output.status.code(), Some(1), "one of them failed");
    assert!(text(&output.stdout).contains("tableMaps/prices  there is no table map prices"));
    let json = text(&tandem(&world, &[&each[..], &["-o", "json"]].concat()).stdout);
    assert!(json.contains("\"reason\": \"RESOURCE_NOT_FOUND\""), "{json}");
    let (status, told) = refused(&world, &["maps", "preview", "orders"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("PreviewTableMap is not offered by this version (NOT_IMPLEMENTED)"), "{told}");
}

/// A list of more entries than a page has is read to its end, or as far as was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_page_by_page() {
    let world = World::start_with("[limits]\npage_size_max = 3\n").await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    for id in 0..10 {
        world.write(change("orders", record([("id", int(id))]))).await.unwrap();
    }
    let rows = |printed: String| printed.lines().count() - 1;
    assert_eq!(rows(printed(&world, &["queue", "list", "orders"])), 10);
    assert_eq!(rows(printed(&world, &["queue", "list", "orders", "--limit", "5"])), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_streamed_from_lines_and_the_log_is_followed() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let mut tail = command(&world, &["log", "tail"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines().map_while(Result::ok);
    let created = lines.next().unwrap();
    assert!(created.contains("  tableMaps/orders  1  CREATED  "), "{created}");

    let mut stream = command(&world, &["records", "stream", "--output", "json"]);
    let mut stream = stream.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = stream.stdin.take().unwrap();
    for id in 1..=100 {
        let record = format!("{{\"fields\": {{\"id\": {{\"int64_value\": {id}}}}}}}");
        let change = format!(
            "\"table_map\": \"tableMaps/orders\", \"source\": \"SIDE_LEFT\", \"operation\": \"OPERATION_UPSERT\", \"record\": {record}"
        );
        writeln!(input, "{{\"change\": {{\"change_id\": \"{id}\", {change}}}}}").unwrap();
    }
    drop(input);
    let ended = stream.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let answers = text(&ended.stdout);
    assert_eq!(answers.lines().count(), 100);
    assert!(answers.lines().all(|line| line.contains("DISPOSITION_APPLIED")), "{answers}");
    assert_eq!(world.right_has(100, "status").await.as_deref(), Some(""));

    world.pause("orders").await.unwrap();
    assert!(lines.any(|line| line.contains("STATE_CHANGED") && line.contains("paused")), "the pause is told");
    tail.kill().unwrap();
    tail.wait().unwrap();
}

/// `tandem write WORDS <INPUT`: its status, and what it tells.
fn write(world: &World, words: &[&str], input: &str) -> (Option<i32>, String) {
    let mut child = command(world, &[&["write", "orders", "--source", "left"], words].concat());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "");
    (output.status.code(), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_from_csv_and_json_with_an_account_of_them() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let rows: String = (1..=1_000).map(|id| format!("{id},\"paid, all\",{id}\n")).collect();
    let (status, told) = write(&world, &["--id", "first"], &format!("id,note,amount\n{rows}"));
    assert_eq!((status, told.as_str()), (Some(0), "1000 changes: 1000 applied, 0 failed\n"));
    assert_eq!(world.right_has(1_000, "note").await.as_deref(), Some("paid, all"));
    let figures = world.figures("orders").await;

    // The same again under the same ids is no other change.
    let (status, _) = write(&world, &["--id", "first"], &format!("id,note,amount\n{rows}"));
    assert_eq!(status, Some(0));
    assert_eq!(world.figures("orders").await.applied, figures.applied);

    // What is wrong is told with its line, and holds nothing else up.
    let lines = "{\"id\": 1, \"note\": null}\n{\"id\": \"x\"}\n\nno object\n{\"id\": 2, \"amount\": -1}\n{\"id\": 3, \"amount\": \"33\"}\n";
    let (status, told) = write(&world, &[], lines);
    assert_eq!(status, Some(1), "{told}");
    let mut told: Vec<_> = told.lines().collect();
    assert_eq!(told.pop(), Some("5 changes: 2 applied, 3 failed"));
    told.sort_unstable();
    assert!(told[0].starts_with("line 2: id: \"x\" is no whole number"), "{told:?}");
    assert!(told[1].starts_with("line 4: "), "{told:?}");
    assert!(told[2].starts_with("line 5: ") && told[2].contains("CHECK"), "{told:?}");
    assert_eq!(world.right_has(3, "amount").await.as_deref(), Some("33"));
    assert_eq!(world.right_has(1, "note").await, None);

    let (status, told) = write(&world, &["--delete"], "id\n1\n2\n");
    assert_eq!((status, told.as_str()), (Some(0), "2 changes: 2 applied, 0 failed\n"));
    assert_eq!(world.right_has(2, "id").await, None);
    let (status, told) = write(&world, &["--server", "http://127.0.0.1:1"], "id\n1\n");
    assert_eq!(status, Some(3), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_goes_on_when_the_server_is_killed_and_comes_back() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let mut child = command(&world, &["write", "orders", "--source", "left"]);
    let mut child = child.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "id,note").unwrap();
    let mut lines = |range: std::ops::RangeInclusive<i64>| {
        range.for_each(|id| writeln!(input, "{id},a row").unwrap());
        input.flush().unwrap();
    };
    lines(1..=300);
    eventually("some are taken", || async { world.figures("orders").await.accepted > 0 }).await;
    world.server.kill();
    lines(301..=400);
    world.server.start_again_where_it_was().await;
    lines(401..=500);
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "500 changes: 500 queued, 0 failed\n");
    assert_eq!(output.status.code(), Some(0));
    eventually("all are written", || async { world.figures("orders").await.applied == 500 }).await;
    assert_eq!(world.figures("orders").await.accepted, 500);
}

/// A fixed address before a server whose own changes with each start.
struct Door {
    address: String,
    target: Arc<Mutex<String>>,
}

impl Door {
    async fn before(world: &World) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let target = Arc::new(Mutex::new(world.address()));
        let to = target.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let to = to.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(to).await?;
                    tokio::io::copy_bidirectional(&mut from, &mut to).await
                });
            }
        });
        Door { address, target }
    }

    fn leads_to(&self, world: &World) {
        *self.target.lock().unwrap() = world.address();
    }
}

/// Somebody has left it open over night.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_followed_goes_on_when_the_server_is_killed_and_comes_back() {
    let mut world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let door = Door::before(&world).await;
    let mut tail = command(&world, &["log", "tail", "--server", &door.address, "--output", "json"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = move || loop {
        let item: serde_json::Value = serde_json::from_str(&lines.next().expect("it goes on")).unwrap();
        if let Some(event) = item.get("event") {
            return (
                event["sequence"].as_str().unwrap().parse::<u64>().unwrap(),
                event["kind"].as_str().unwrap().to_owned(),
            );
        }
    };
    assert_eq!(next(), (1, "ACTIVITY_KIND_CREATED".to_owned()));
    assert_eq!(next(), (2, "ACTIVITY_KIND_RUN".to_owned()));
    let mut last = 2;
    for _ in 0..2 {
        world.pause("orders").await.unwrap();
        world.server.kill();
        world.server.start_again().await;
        door.leads_to(&world);
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
        world.wait_for_state("orders", TableMapState::Running).await;
        for kind in ["STATE_CHANGED", "CATCH_UP_STARTED", "CATCH_UP_COMPLETED"] {
            last += 1;
            assert_eq!(next(), (last, format!("ACTIVITY_KIND_{kind}")), "nothing is told twice or left out");
        }
    }
    tail.kill().unwrap();
    let told = text(&tail.wait_with_output().unwrap().stderr);
    assert!(told.contains("going on when the server is there again"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_the_file_itself() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let downloaded = printed(&world, &["log", "download", "orders", "--format", "json-lines"]);
    let first: serde_json::Value = serde_json::from_str(downloaded.lines().next().unwrap()).unwrap();
    assert_eq!(first["kind"], "ACTIVITY_KIND_CREATED");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let tandem = |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_tandem")).args(words).output().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = tandem(&["completion", shell]);
        assert!(script.status.success());
        assert!(text(&script.stdout).contains("skip-to-live"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(tandem(&["man", folder.path().to_str().unwrap()]).status.success());
    let page = std::fs::read_to_string(folder.path().join("tandem-maps-pause.1")).unwrap();
    assert!(page.contains("wait\\-timeout"), "{page}");
    let help = text(&tandem(&["queue", "--help"]).stdout);
    assert!(help.contains("How full the queue is, how fast it drains"), "the contract explains itself: {help}");
}
