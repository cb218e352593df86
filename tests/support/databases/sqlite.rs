//! SQLite databases: files in a temporary folder, with the same methods as the servers where they make sense.

use std::path::PathBuf;
use tempfile::TempDir;

/// One empty database file. It is removed with this value; a process that is killed leaves it to the system's cleaning.
pub struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub fn create() -> Sqlite {
        let folder =
            tempfile::Builder::new().prefix("tandem-sqlite-").tempdir().expect("a temporary folder can be made");
        let database = Sqlite { folder };
        std::fs::write(database.path(), "").expect("an empty file, which SQLite takes for an empty database");
        database
    }

    /// `sqlite:/…/database.db`. The file exists.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("database.db")
    }
}
