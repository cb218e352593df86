//! `tandem store`: a backup of a server that works, and what is made of it.

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::server::Server;
use support::world::*;
use tandem::services::proto::*;

fn tandem(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem")).args(["store"]).args(arguments).output().expect("the binary starts")
}

fn told(output: &Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_server_under_load_is_restored_and_goes_on() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    for id in 1..=20 {
        world.write(change("orders", record([("id", int(id)), ("amount", int(-id))]))).await.unwrap();
    }
    eventually("they are in error", || async { world.figures("orders").await.in_error == 20 }).await;
    world.pause("orders").await.unwrap();
    for id in 101..=300 {
        world.write(order(id, "before")).await.unwrap();
    }
    let before = world.figures("orders").await.accepted;

    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    let url = format!("http://{}", world.address());
    let making = {
        let (backups, url) = (text(&backups).to_owned(), url.clone());
        tokio::task::spawn_blocking(move || tandem(&["backup", &backups, "--server", &url]))
    };
    let mut id = 1_000;
    while !making.is_finished() {
        id += 1;
        world.write(order(id, "meanwhile")).await.unwrap();
    }
    let (code, said) = told(&making.await.unwrap());
    assert_eq!(code, Some(0), "{said}");
    let names: Vec<_> = std::fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["tandem.backup"], "nothing unfinished is left");
    let after = world.figures("orders").await.accepted;

    // Not where a store is, and not while a server has it.
    let (code, said) = told(&tandem(&["restore", text(&backups), "--data", text(&world.data())]));
    assert!(code == Some(3) && said.contains("in use"), "{code:?}: {said}");
    for tool in ["check", "compact"] {
        let (code, said) = told(&tandem(&[tool, "--data", text(&world.data())]));
        assert!(code == Some(3) && said.contains("in use"), "{tool} {code:?}: {said}");
    }
    assert!(world.server.terminate().await.success());
    let (code, said) = told(&tandem(&["restore", text(&backups), "--data", text(&world.data())]));
    assert!(code == Some(2) && said.contains("holds a store"), "{code:?}: {said}");

    // The disk of the store is lost.
    std::fs::remove_dir_all(world.data()).unwrap();
    let (code, said) = told(&tandem(&["check", "--data", text(&world.data())]));
    assert!(code == Some(3) && said.contains("looking for the store"), "{code:?}: {said}");
    let (code, said) = told(&tandem(&["restore", text(&backups), "--data", text(&world.data())]));
    assert!(code == Some(0) && said.contains("is restored") && said.contains("1 maps"), "{code:?}: {said}");
    world.server.start_again().await;
    let figures = world.figures("orders").await;
    assert!((before..=after).contains(&figures.accepted), "{before} to {after}: {figures:?}");
    assert_eq!(figures.in_error, 20);
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    assert_eq!(world.right_has(300, "status").await.as_deref(), Some("before"));
    assert_eq!(world.figures("orders").await.applied, figures.accepted - 20);

    assert!(world.server.terminate().await.success());
    let (code, said) = told(&tandem(&["compact", "--data", text(&world.data())]));
    assert!(code == Some(0) && said.contains("it took"), "{code:?}: {said}");
    let (code, said) = told(&tandem(&["check", "--repair", "--data", text(&world.data())]));
    assert!(code == Some(0) && said.contains("nothing is wrong"), "{code:?}: {said}");
    world.server.start_again().await;
    assert_eq!(world.figures("orders").await.in_error, 20);
}

/// Each is killed at random moments until it was left in peace once; whatever there is then is whole.
#[tokio::test]
async fn kills_of_restore_and_compact_leave_a_whole_store_or_none() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    world.pause("orders").await.unwrap();
    for id in 1..=500 {
        world.write(order(id, "kept")).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    let url = format!("http://{}", world.address());
    let (to, from) = (text(&backups).to_owned(), url.clone());
    let made = tokio::task::spawn_blocking(move || tandem(&["backup", &to, "--server", &from])).await.unwrap();
    assert_eq!(told(&made).0, Some(0));
    assert!(world.server.terminate().await.success());
    let data = world.data();
    let (backups, data) = (text(&backups), text(&data));

    std::fs::remove_dir_all(data).unwrap();
    let whole_restore = duration_of(&["restore", backups, "--data", data]);
    let mut made = 0;
    for kill in 0..KILLS {
        let _ = std::fs::remove_dir_all(data);
        killed_after(whole_restore * kill / KILLS, &["restore", backups, "--data", data]);
        // It is made again where there is none; one that is there is whole.
        let (code, said) = told(&tandem(&["restore", backups, "--data", data]));
        made += usize::from(code == Some(0));
        assert!(code == Some(0) || said.contains("holds a store"), "{code:?}: {said}");
        is_whole(data);
    }
    assert!(made > 0, "no kill came before its end");

    let whole_compact = duration_of(&["compact", "--data", data]);
    for kill in 0..KILLS {
        killed_after(whole_compact * kill / KILLS, &["compact", "--data", data]);
        is_whole(data);
    }
    world.server.start_again().await;
    assert_eq!(world.figures("orders").await.queued, 500);
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", TableMapState::Running).await;
    assert_eq!(world.right_has(500, "status").await.as_deref(), Some("kept"));
}

/// Of each tool, spread over the time that it takes.
const KILLS: u32 = 20;

fn duration_of(arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    let (code, said) = told(&tandem(arguments));
    assert_eq!(code, Some(0), "{said}");
    begun.elapsed()
}

fn killed_after(time: Duration, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    let mut child = command.arg("store").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn is_whole(data: &str) {
    let (code, said) = told(&tandem(&["check", "--data", data]));
    assert!(code == Some(0) && said.contains("nothing is wrong"), "{code:?}: {said}");
}

#[tokio::test]
async fn a_backup_says_what_is_in_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = told(&tandem(&["backup", text(folder.path()), "--server", "http://127.0.0.1:1"]));
    assert!(code == Some(3) && said.contains("cannot be reached"), "{code:?}: {said}");
    let (code, said) = told(&tandem(&["backup", text(folder.path()), "--server", "not a url"]));
    assert!(code == Some(2) && said.contains("no URL"), "{code:?}: {said}");
    let server = Server::start(&[]).await;
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let url = format!("http://{}", server.address());
    let (code, said) = told(&tandem(&["backup", text(&file), "--server", &url]));
    assert!(code == Some(3) && said.contains("cannot be written"), "{code:?}: {said}");
    let (code, said) = told(&tandem(&["restore", text(folder.path()), "--data", text(&folder.path().join("data"))]));
    assert!(code == Some(3) && said.contains("tandem.backup"), "{code:?}: {said}");
}
