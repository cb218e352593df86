//! The applications and maps of a campaign, and what their databases say was written to them.
//!
//! Each table tells of every version that is written to it, by a trigger; the campaign reads that while no server runs,
//! so that it knows which server wrote what.

use super::support::databases::{Postgres, Sqlite, sql};
use super::support::server::Server;
use super::support::world::*;
use tandem::services::proto::*;

/// Asynchronous, both ways; each side has keys of its own. Every fiftieth version is refused by the destination.
pub const ITEMS: &str = "items";
/// Synchronous, both ways, SQLite and PostgreSQL; each side has keys of its own.
pub const NOTES: &str = "notes";
/// Asynchronous, left to right, copied again and again.
pub const COPIES: &str = "copies";
/// Asynchronous, both ways, both sides change the same keys.
pub const BOTH: &str = "both";
pub const MAPS: [&str; 4] = [ITEMS, NOTES, COPIES, BOTH];

/// Where the right side's own keys begin.
pub const RIGHT_KEYS: i64 = 1_000_000;
/// Versions that a destination of `ITEMS` refuses are multiples of it.
pub const REFUSED_EVERY: i64 = 50;
/// Rows that are there to be copied: some pages of them.
pub const COPIED_ROWS: i64 = 2_500;

pub struct Applications {
    pub left: Sqlite,
    pub right: Sqlite,
    pub both_left: Sqlite,
    pub both_right: Sqlite,
    pub notes_right: String,
}

/// A version that was written to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub table: String,
    pub key: i64,
    pub version: i64,
    /// `row` when it comes from the source's own row, by a copy; else `change`.
    pub origin: String,
}

const TELLS: &str = "CREATE TABLE written (n INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL);";

/// A table in SQLite that tells what is written to it.
fn telling(table: &str, columns: &str, origin: &str) -> String {
    let tell =
        format!("INSERT INTO written (line) VALUES ('{table} ' || new.id || ' ' || new.version || ' ' || {origin})");
    format!(
        "CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL{columns});
         CREATE TRIGGER {table}_inserted AFTER INSERT ON {table} BEGIN {tell}; END;
         CREATE TRIGGER {table}_updated AFTER UPDATE ON {table} BEGIN {tell}; END;"
    )
}

/// It tells what happened to it for whoever looks for a fault.
const BOTH_TABLE: &str =
    "CREATE TABLE both (id INTEGER PRIMARY KEY NOT NULL, a INTEGER DEFAULT 0, b INTEGER DEFAULT 0);
    CREATE TRIGGER both_inserted AFTER INSERT ON both BEGIN INSERT INTO written (line) VALUES
        (strftime('%M:%f', 'now') || ' ' || new.id || ': ' || new.a || ', ' || new.b); END;
    CREATE TRIGGER both_updated AFTER UPDATE ON both BEGIN INSERT INTO written (line) VALUES
        (strftime('%M:%f', 'now') || ' ' || new.id || ': ' || new.a || ', ' || new.b); END;
    CREATE TRIGGER both_deleted AFTER DELETE ON both BEGIN INSERT INTO written (line) VALUES
        (strftime('%M:%f', 'now') || ' ' || old.id || ': gone'); END;";

const NOTES_IN_POSTGRES: &str = "CREATE TABLE written (n BIGSERIAL PRIMARY KEY, line TEXT NOT NULL);
    CREATE TABLE notes (id BIGINT PRIMARY KEY, version BIGINT NOT NULL);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO written (line) VALUES ('notes ' || new.id || ' ' || new.version || ' change'); RETURN NULL;
    END $$;
    CREATE TRIGGER notes_written AFTER INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION tell();";

impl Applications {
    pub async fn create() -> Applications {
        let notes_right = Postgres::shared().await.create_database().await;
        let [left, right, both_left, both_right] = [(); 4].map(|()| Sqlite::create());
        let refuses = format!(", CHECK (version % {REFUSED_EVERY} <> 0)");
        let copied = ", origin TEXT NOT NULL DEFAULT 'row'";
        let tables = [
            TELLS.to_owned(),
            telling("items", &refuses, "'change'"),
            telling("notes", "", "'change'"),
            telling("copies", copied, "new.origin"),
        ];
        for url in [left.url(), right.url()] {
            sql::execute(&url, &tables.concat()).await.expect("tables");
        }
        let rows = format!(
            "WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < {COPIED_ROWS})
             INSERT INTO copies (id, version) SELECT id, 0 FROM ids"
        );
        sql::execute(&left.url(), &rows).await.expect("rows to copy");
        sql::execute(&notes_right, NOTES_IN_POSTGRES).await.expect("tables");
        for url in [both_left.url(), both_right.url()] {
            sql::execute(&url, &[TELLS, BOTH_TABLE].concat()).await.expect("a table");
        }
        Applications { left, right, both_left, both_right, notes_right }
    }

    /// A server that knows them, with all maps RUNNING and nothing copied.
    pub async fn serve(&self) -> Server {
        let urls = [
            ("left", self.left.url()),
            ("right", self.right.url()),
            ("both-left", self.both_left.url()),
            ("both-right", self.both_right.url()),
            ("notes-right", self.notes_right.clone()),
        ];
        let server = Server::start(&urls.each_ref().map(|(id, url)| (*id, url.as_str()))).await;
        let both_ways = Direction::Bidirectional;
        let items = map(ITEMS, ["left", "right"], both_ways, &["id", "version"]);
        let notes = map(NOTES, ["left", "notes-right"], both_ways, &["id", "version"]);
        let copies = map(COPIES, ["left", "right"], Direction::LeftToRight, &["id", "version", "origin"]);
        let both = map(BOTH, ["both-left", "both-right"], both_ways, &["id", "a", "b"]);
        server.running_map(ITEMS, asynchronous(items)).await;
        server.running_map(NOTES, notes).await;
        server.running_map(COPIES, asynchronous(copies)).await;
        server.running_map(BOTH, asynchronous(both)).await;
        server
    }

    /// The databases that tell, by the side of the maps that they are.
    fn tellers(&self) -> [(Side, String); 3] {
        let right = |url| (Side::Right, url);
        [(Side::Left, self.left.url()), right(self.right.url()), right(self.notes_right.clone())]
    }

    /// All that was written to destinations since the last time, by destination and in order. What the campaign itself
    /// wrote to a source is left out.
    pub async fn take_written(&self) -> Vec<(Side, Vec<Written>)> {
        let mut all = Vec::new();
        for (side, url) in self.tellers() {
            let lines =
                sql::ask::<String>(&url, "SELECT line FROM written ORDER BY n").await.expect("what was written");
            sql::execute(&url, "DELETE FROM written").await.expect("what was read can go");
            let written = lines.iter().map(|line| parse(line));
            all.push((side, written.filter(|written| destination_of(written.key) == side).collect()));
        }
        all
    }

    /// Key and version of each row of a table.
    pub async fn rows(&self, url: &str, table: &str) -> Vec<(i64, i64)> {
        let query = format!("SELECT id || ' ' || version FROM {table} ORDER BY id");
        let rows = sql::ask::<String>(url, &query).await.expect("rows");
        rows.iter()
            .map(|row| row.split_once(' ').expect("two numbers"))
            .map(|(id, v)| (number(id), number(v)))
            .collect()
    }
}

/// A side writes its own keys, to the other one.
pub fn destination_of(key: i64) -> Side {
    if key < RIGHT_KEYS { Side::Right } else { Side::Left }
}

fn parse(line: &str) -> Written {
    let [table, key, version, origin] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
    Written { table: table.to_owned(), key: number(key), version: number(version), origin: origin.to_owned() }
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}

fn map(table: &str, applications: [&str; 2], direction: Direction, columns: &[&str]) -> TableMap {
    let [left, right] = applications.map(|application| TableRef {
        application: application.to_owned(),
        table: table.to_owned(),
        ..Default::default()
    });
    let column = |name: &&str| ColumnMapping {
        left_column: (*name).to_owned(),
        right_column: (*name).to_owned(),
        direction: direction.into(),
        ..Default::default()
    };
    TableMap {
        left: Some(left),
        right: Some(right),
        integration_key: vec!["id".to_owned()],
        column_mappings: columns.iter().map(column).collect(),
        ..Default::default()
    }
}
