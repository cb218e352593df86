//! Where a demo keeps its data: a folder of its own that goes with it, or `./demo-data`, which stays.

use super::error::DemoError;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Where `--keep` keeps its data.
pub const KEPT: &str = "demo-data";
/// In every folder that a demo made; held locked while it runs.
const MARK: &str = "made-by-tandem-demo";

/// The folder, for as long as the demo runs.
pub struct Folder {
    path: PathBuf,
    kept: bool,
    /// Locked until the demo ends, however it ends.
    _mark: File,
}

impl Folder {
    /// A folder below the system's temporary one, removed at the end.
    pub fn temporary() -> Result<Self, DemoError> {
        let path = std::env::temp_dir().join(format!("tandem-demo-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&path).map_err(|source| DemoError::folder(&path, source))?;
        let mark = mark(&path)?;
        Ok(Self { path, kept: false, _mark: mark })
    }

    /// `path`, emptied of what the demo before has left there. A folder that no demo made is not touched.
    pub fn kept(path: &Path) -> Result<Self, DemoError> {
        let failed = |source| DemoError::folder(path, source);
        if !path.exists() {
            fs::create_dir(path).map_err(failed)?;
        } else if !path.join(MARK).exists() {
            let why = "is there already and was not made by a demo; move it, or go to another directory";
            return Err(DemoError::InUse { path: path.to_owned(), why });
        }
        let mark = mark(path)?;
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == MARK {
                continue;
            }
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            let removed = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
            removed.map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), kept: true, _mark: mark })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is in the temporary folder, which the system cleans.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn mark(folder: &Path) -> Result<File, DemoError> {
    let failed = |source| DemoError::folder(folder, source);
    let file = File::options().create(true).append(true).open(folder.join(MARK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(DemoError::InUse { path: folder.to_owned(), why: "another demo is running on it; end that one first" })
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_with_its_demo() {
        let folder = Folder::temporary().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("data"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_kept_folder_is_replaced_by_the_next_demo_and_by_nobody_else() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(KEPT);
        let first = Folder::kept(&path).unwrap();
        fs::create_dir(path.join("sales")).unwrap();
        fs::write(path.join("sales/sales.db"), "x").unwrap();
        assert!(matches!(Folder::kept(&path), Err(DemoError::InUse { .. })), "the first one runs");
        drop(first);
        assert!(path.join("sales/sales.db").exists(), "it stays");
        drop(Folder::kept(&path).unwrap());
        assert!(!path.join("sales").exists());

        let other = parent.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("precious"), "x").unwrap();
        assert!(matches!(Folder::kept(&other), Err(DemoError::InUse { .. })));
        assert!(other.join("precious").exists());
    }
}
