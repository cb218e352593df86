//! Data folders made once and copied: `initdb` and `mariadb-install-db` take seconds on a busy machine, a copy a tenth.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Makes `data` a fresh data folder: with `make` when it is the first for this `key`, else as a copy of that first one.
///
/// The key names everything that the content depends on. Templates live in Cargo's folder for tests, so that
/// `cargo clean` removes them; a lock keeps test processes that run at the same time from making the same one.
pub fn lay_out(key: &str, data: &Path, make: impl FnOnce(&Path)) {
    let shelf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("database-templates");
    fs::create_dir_all(&shelf).expect("the folder for templates can be made");
    let template = shelf.join(key);

    let lock = File::create(shelf.join(format!("{key}.lock"))).expect("the template's lock can be made");
    lock.lock().expect("the template can be locked");
    if template.exists() {
        drop(lock); // a template that is there never changes
        copy(&template, data);
        return;
    }
    make(data);
    // The rename makes it visible complete or not at all; what an interrupted run left is overwritten.
    let partial = shelf.join(format!("{key}.partial"));
    let _ = fs::remove_dir_all(&partial);
    copy(data, &partial);
    fs::rename(&partial, &template).expect("the template can be put in its place");
}

/// A copy with owners and permissions, which the servers insist on.
fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to));
}

/// Runs a command to its end and panics with what it printed when it fails.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} could not be run: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed with {}:\n{printed}{complaint}", output.status);
    printed
}
