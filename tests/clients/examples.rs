//! The examples of every language, one after the other, against what the demo leaves running.

use super::cases::clients;
use super::support::demo::Demo;
use std::process::Command;

/// The language, how an example of it is started (`{}` is its name), and its names of write, follow and repair.
const LANGUAGES: [(&str, &[&str], [&str; 3]); 5] = [
    ("python", &["../../target/clients/python/bin/python", "examples/{}.py"], ["write", "follow", "repair"]),
    ("go", &["../../target/clients/go/{}"], ["write", "follow", "repair"]),
    ("typescript", &["node", "build/examples/{}.js"], ["write", "follow", "repair"]),
    (
        "java",
        &["java", "@target/examples.args", "io.github.tandem_sync.tandem.examples.{}"],
        ["Write", "Follow", "Repair"],
    ),
    ("rust", &["../../target/debug/examples/{}"], ["write", "follow", "repair"]),
];
/// Customers that `write` moves.
const MOVED: usize = 20;
/// What `follow` is asked for, and the first of it.
const FOLLOWED: usize = 3;
const FIRST: &str = "tableMaps/currencies the map was created";

#[test]
fn the_examples_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::keep(folder.path());
    for (language, command, [write, follow, repair]) in LANGUAGES {
        let run = |example: &str, arguments: &[String]| {
            let words: Vec<_> = command.iter().map(|word| word.replace("{}", example)).collect();
            let run = Command::new(&words[0])
                .args(&words[1..])
                .args(arguments)
                .current_dir(clients().join(language))
                .env("TANDEM_SERVER", format!("http://{}", demo.address))
                .output()
                .unwrap_or_else(|error| panic!("{words:?} cannot be run ({error}): `make clients` builds it"));
            let (told, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
            assert!(run.status.success(), "{language}, {example}: {}\n{told}{errors}", run.status);
            told.into_owned()
        };
        let written = run(write, &[]);
        // The demo's hooks may have brought the same cities back by the time that another language writes them.
        let taken = written.matches("QUEUED").count() + written.matches("ECHO").count();
        assert_eq!(taken, MOVED, "{language}: {written}");
        let followed = run(follow, &[FOLLOWED.to_string()]);
        assert!(followed.lines().count() == FOLLOWED && followed.contains(FIRST), "{language}: {followed}");
        let repaired = run(repair, &[]);
        assert!(repaired.contains("CHECK constraint failed"), "{language}: {repaired}");
        assert!(repaired.contains("done 0, failed 1, superseded 0"), "{language}: {repaired}");
    }
}
