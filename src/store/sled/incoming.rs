//! Files that take the place of a store's: made in a folder inside its folder, and moved when they are complete. Whatever is killed
//! on the way, the next opening finds the old files or the new ones, never some of each.

use super::open::{BLOBS_FOLDER, LOG_FILE, SETTINGS_FILE, SNAPSHOT_PREFIX};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// While they are made.
const UNFINISHED: &str = "incoming.unfinished";
/// From here on they count.
const COMPLETE: &str = "incoming";

/// An empty folder for new files. The store's lock is held.
pub(super) fn begin(store: &Path) -> io::Result<PathBuf> {
    let folder = store.join(UNFINISHED);
    remove_folder(&folder)?;
    fs::create_dir(&folder)?;
    Ok(folder)
}

/// The new files are complete and nobody has them open: they take the place of the old ones.
pub(super) fn commit(store: &Path) -> io::Result<()> {
    let unfinished = store.join(UNFINISHED);
    sync_all(&unfinished)?;
    fs::rename(&unfinished, store.join(COMPLETE))?;
    File::open(store)?.sync_all()?;
    finish(store)
}

/// Where the log of a folder's store is, also when new files have still to take their place.
pub(super) fn log_of(store: &Path) -> PathBuf {
    let incoming = store.join(COMPLETE).join(LOG_FILE);
    if incoming.exists() { incoming } else { store.join(LOG_FILE) }
}

/// Goes on where a process was killed. Called with the lock, before the store's files are opened.
pub(super) fn finish(store: &Path) -> io::Result<()> {
    remove_folder(&store.join(UNFINISHED))?;
    let complete = store.join(COMPLETE);
    if !complete.exists() {
        return Ok(());
    }
    // The log moves first of all and takes the old one's place, so as long as it has not, every file outside is an old one.
    if complete.join(LOG_FILE).exists() {
        remove_old(store)?;
        fs::rename(complete.join(LOG_FILE), store.join(LOG_FILE))?;
        File::open(store)?.sync_all()?;
    }
    for entry in fs::read_dir(&complete)? {
        let entry = entry?;
        fs::rename(entry.path(), store.join(entry.file_name()))?;
    }
    File::open(store)?.sync_all()?;
    fs::remove_dir(&complete)
}

/// Removes what sled keeps beside its log.
fn remove_old(store: &Path) -> io::Result<()> {
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(SNAPSHOT_PREFIX) || name == SETTINGS_FILE {
            fs::remove_file(entry.path())?;
        }
    }
    remove_folder(&store.join(BLOBS_FOLDER))
}

fn remove_folder(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
