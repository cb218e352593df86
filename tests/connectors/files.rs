//! A SQLite file that is taken away, comes back, or is another one.

use crate::side::{self, Side, int, upsert};
use std::fs;
use std::path::PathBuf;
use tandem::model::failure::ErrorType;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT)";

struct Paths {
    database: PathBuf,
    elsewhere: PathBuf,
}

async fn with_a_row() -> (Side, Paths) {
    let side = side::sqlite();
    side.sql(TABLE).await;
    assert_eq!(side.write_one("t", upsert(&[("id", int(1))], &[])).await, Ok(()));
    let database = side.file.as_ref().expect("SQLite has a file").path();
    let elsewhere = database.with_file_name("elsewhere.db");
    (side, Paths { database, elsewhere })
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_unreachable_until_it_is_back() {
    let (side, paths) = with_a_row().await;
    let schema = side.describe("t").await;
    fs::rename(&paths.database, &paths.elsewhere).expect("it can be moved");
    let write = [upsert(&[("id", int(2))], &[])];
    for _ in 0..2 {
        let failure = side.application.write(&schema, &write).await.expect_err("there is no file");
        assert_eq!(failure.kind, ErrorType::Network, "{failure}");
        assert_eq!(side.application.check(None).await.expect_err("there is no file").kind, ErrorType::Network);
    }
    assert!(!paths.database.exists(), "a file was made in its place");
    fs::rename(&paths.elsewhere, &paths.database).expect("it can be moved back");
    assert_eq!(side.application.write(&schema, &write).await, Ok(vec![Ok(())]));
    assert_eq!(side.ask::<i64>("SELECT id FROM t ORDER BY id").await, [1, 2]);
}

#[tokio::test]
async fn nothing_is_written_to_a_file_that_was_replaced() {
    let (side, paths) = with_a_row().await;
    let schema = side.describe("t").await;
    let other = side::sqlite();
    other.sql(TABLE).await;
    fs::remove_file(&paths.database).expect("it can be removed");
    for leftover in ["database.db-wal", "database.db-shm"] {
        let _ = fs::remove_file(paths.database.with_file_name(leftover));
    }
    fs::copy(other.file.as_ref().expect("SQLite has a file").path(), &paths.database).expect("it can be copied");
    assert_eq!(side.application.write(&schema, &[upsert(&[("id", int(2))], &[])]).await, Ok(vec![Ok(())]));
    assert_eq!(
        side.ask::<i64>("SELECT id FROM t ORDER BY id").await,
        [2],
        "the new file has what was written, and only that"
    );
}

#[tokio::test]
async fn a_file_that_is_not_there_is_never_made() {
    let side = side::sqlite();
    let path = side.file.as_ref().expect("SQLite has a file").path().with_file_name("nowhere.db");
    for url in [format!("sqlite:{}", path.display()), format!("sqlite://{}?mode=rwc", path.display())] {
        let application = tandem::connectors::sql::connect(side::config(&url)).expect("the URL is right");
        assert_eq!(application.check(None).await.expect_err("there is no file").kind, ErrorType::Network);
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_file_that_is_read_only_is_unavailable() {
    let (side, paths) = with_a_row().await;
    let url = format!("sqlite:{}?mode=ro", paths.database.display());
    let application = tandem::connectors::sql::connect(side::config(&url)).expect("the URL is right");
    let schema = application.describe("t").await.expect("it can be read");
    let failure = application.write(&schema, &[upsert(&[("id", int(2))], &[])]).await.expect_err("it is read-only");
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorType::Unavailable, "8"), "{failure}");
    assert_eq!(application.check(Some("t")).await.expect_err("it is read-only").kind, ErrorType::Unavailable);
    assert_eq!(side.application.check(Some("t")).await, Ok(()));
    fs::write(&paths.elsewhere, "this is no database, however long the text may be. ".repeat(40))
        .expect("it can be written");
    let other = format!("sqlite:{}", paths.elsewhere.display());
    let application = tandem::connectors::sql::connect(side::config(&other)).expect("the URL is right");
    assert_eq!(application.check(None).await.expect_err("it is no database").kind, ErrorType::Configuration);
}
