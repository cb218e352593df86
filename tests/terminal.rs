//! The command line in a real terminal, as a person has it: what is shown, asked and coloured there.

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::databases::sql;
use support::world::*;
use tandem::services::proto::TableMapState;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(30);
const COLUMNS: usize = 72;
const GREEN: &str = "\u{1b}[32m";

/// A shell in a window of tmux, which is closed when this is dropped.
struct Terminal {
    /// Of tmux's own server.
    socket: String,
    _folder: TempDir,
}

impl Terminal {
    fn open(world: &World, name: &str) -> Terminal {
        let folder = tempfile::tempdir().unwrap();
        let beginning = folder.path().join("bashrc");
        let programs = std::path::Path::new(env!("CARGO_BIN_EXE_tandem")).parent().unwrap().display();
        let environment = format!("PATH={programs}:$PATH TANDEM_SERVER=http://{}", world.address());
        std::fs::write(&beginning, format!("export {environment}\nPS1='$ '\n")).unwrap();
        let shell = format!("bash --noprofile --rcfile {}", beginning.display());
        let terminal = Terminal { socket: format!("tandem-{name}-{}", std::process::id()), _folder: folder };
        terminal.tmux(&["new-session", "-d", "-x", &COLUMNS.to_string(), "-y", "40", &shell]);
        terminal.shows("$");
        terminal
    }

    fn tmux(&self, words: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket, "-f", "/dev/null"]).args(words).env_remove("TMUX").stdin(Stdio::null());
        let output = tmux.output().expect("tmux can be run (make servers)");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line, on an empty screen.
    fn types(&self, line: &str) {
        self.keys(&["C-l"]);
        self.tmux(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// What is on the screen, with its colours.
    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// The screen, as soon as this is on it.
    fn shows(&self, text: &str) -> String {
        self.becomes(text, |screen| plain(screen).contains(text))
    }

    fn becomes(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if so(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "{what} is not on the screen:\n{screen}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).status();
    }
}

/// Without colours.
fn plain(screen: &str) -> String {
    console::strip_ansi_codes(screen).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_fit_the_terminal_and_states_have_colours_there_alone() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let terminal = Terminal::open(&world, "tables");
    terminal.types("tandem maps list; echo ended with $?");
    let screen = terminal.shows("ended with 0");
    assert!(screen.contains(&format!("{GREEN}RUNNING")), "{screen}");
    let widest = plain(&screen).lines().map(|line| line.trim_end().chars().count()).max();
    assert!(widest <= Some(COLUMNS), "{screen}");
    // Its columns are wider together: the longest wrap.
    assert!(plain(&screen).contains("finance") && !plain(&screen).contains("ASYNCHRONOUS"), "{screen}");

    terminal.types("tandem maps list | cat -v; echo ended with $?");
    let screen = terminal.shows("ended with 0");
    assert!(plain(&screen).contains("RUNNING") && !plain(&screen).contains("^["), "{screen}");
    terminal.types("NO_COLOR=1 tandem maps list; echo ended with $?");
    let screen = terminal.shows("ended with 0");
    assert!(screen.contains("RUNNING") && !screen.contains(GREEN), "{screen}");
}

/// The initial sync and the catch-up after a pause, each with a bar to its end.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_begun_can_be_watched_to_its_end() {
    let world = World::start().await;
    let rows = "INSERT INTO orders (id, status) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000) \
                SELECT i, 'new' FROM n";
    sql::execute(&world.left.url(), rows).await.unwrap();
    world.create_map("orders", asynchronous(orders_map())).await.unwrap();
    let terminal = Terminal::open(&world, "bars");
    terminal.types("tandem maps run orders --watch; echo ended with $?");
    terminal.becomes("a bar", |screen| plain(screen).contains("orders/executions/1 [="));
    let screen = plain(&terminal.shows("ended with 0"));
    assert!(screen.contains("tableMaps/orders/executions/1  COMPLETED"), "{screen}");
    assert!(!screen.contains("[="), "the bar has gone:\n{screen}");

    world.wait_for_state("orders", TableMapState::Running).await;
    world.pause("orders").await.unwrap();
    for id in 0..300 {
        world.write(change("orders", record([("id", int(id)), ("status", text("changed"))]))).await.unwrap();
    }
    terminal.types("tandem maps resume orders --watch; echo ended with $?");
    let screen = plain(&terminal.shows("ended with 0"));
    assert!(screen.contains("tableMaps/orders"), "{screen}");
    assert_eq!(world.stats("orders").await.queued_count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_asks_first() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.write(change("orders", record([("id", int(1)), ("amount", int(-1))]))).await.unwrap();
    eventually("it is in error", || async { world.stats("orders").await.error_count == 1 }).await;
    let terminal = Terminal::open(&world, "asks");
    let delete = "tandem queue delete orders --all --confirm-count 1 --watch; echo ended with $?";
    terminal.types(delete);
    terminal.shows("cannot be undone. Go on? [y/N]");
    terminal.keys(&["n", "Enter"]);
    let screen = terminal.shows("ended with 1");
    assert!(plain(&screen).contains("nothing was done"), "{screen}");
    assert_eq!(world.stats("orders").await.error_count, 1);
    terminal.types(delete);
    terminal.shows("cannot be undone. Go on? [y/N]");
    terminal.keys(&["y", "Enter"]);
    terminal.shows("ended with 0");
    assert_eq!(world.stats("orders").await.error_count, 0);
}

/// It is left open, goes on after the server was away, and ends with Ctrl-C.
#[tokio::test(flavor = "multi_thread")]
async fn a_tail_can_be_left_open() {
    let mut world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let terminal = Terminal::open(&world, "tail");
    terminal.types("tandem log tail orders; echo ended with $?");
    terminal.shows("the map was created");
    world.server.kill();
    terminal.shows("going on when the server is there again");
    world.server.start_again_where_it_was().await;
    world.pause("orders").await.unwrap();
    let screen = plain(&terminal.shows("the map was paused"));
    assert_eq!(screen.matches("the map was created").count(), 1, "{screen}");
    terminal.keys(&["C-c"]);
    terminal.shows("$");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_completes_what_can_be_typed() {
    let world = World::start().await;
    let terminal = Terminal::open(&world, "completion");
    terminal.types("source <(tandem completion bash); echo ended with $?");
    terminal.shows("ended with 0");
    terminal.keys(&["C-l"]);
    terminal.tmux(&["send-keys", "-l", "tandem execu"]);
    terminal.keys(&["Tab"]);
    terminal.shows("tandem executions");
}
