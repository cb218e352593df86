//! Pages in the order of any key, and rows by their keys.

use crate::side::{self, Product, Side, decimal, int, names, row, text, upsert};
use chrono::{DateTime, NaiveDate};
use std::collections::BTreeSet;
use tandem::connectors::{PageRead, Write};
use tandem::model::failure::ErrorType;
use tandem::model::key::Key;
use tandem::model::row::Row;
use tandem::model::value::Value;
use uuid::Uuid;

/// All rows in pages of `limit`, as a copy reads them. Ends when the pages do not.
async fn in_pages(side: &Side, table: &str, key: &[&str], limit: usize) -> Vec<Row> {
    let schema = side.describe(table).await;
    let columns: Vec<String> = schema.columns.iter().map(|column| column.name.clone()).collect();
    let key_names = names(key);
    let mut all: Vec<Row> = Vec::new();
    let mut after: Option<Vec<Value>> = None;
    loop {
        let read = PageRead { table: &schema, columns: &columns, key: &key_names, after: after.as_deref(), limit };
        let page = side.application.read_page(&read).await.expect("the table can be read");
        let is_last = page.len() < limit;
        all.extend(page);
        if is_last {
            return all;
        }
        assert!(all.len() < 10_000, "{:?} reads {table} in a circle", side.product);
        after = all.last().map(|row| key.iter().map(|name| row.get(name).expect("a key").clone()).collect());
    }
}

/// A table with this key is filled, read in pages, read by keys, changed and emptied.
async fn a_key_does_its_work(side: &Side, table: &str, columns: &str, key: &[&str], keys: &[Vec<Value>]) {
    side.sql(&format!("CREATE TABLE {table} ({columns}, n BIGINT, PRIMARY KEY ({}))", key.join(", "))).await;
    let pairs = |values: &Vec<Value>| key.iter().copied().zip(values.iter().cloned()).collect::<Vec<_>>();
    let product = side.product;
    for round in 0..2 {
        let write = |(i, values): (usize, &Vec<Value>)| upsert(&pairs(values), &[("n", int(i as i64 + round))]);
        let batch: Vec<Write> = keys.iter().enumerate().map(write).collect();
        let outcomes = side.write(table, &batch).await;
        assert!(outcomes.iter().all(Result::is_ok), "{product:?} {table}: {outcomes:?}");
    }
    let expected: BTreeSet<Vec<u8>> = keys.iter().map(|values| Key::new(values.clone()).encode()).collect();
    for limit in [1, 2, 3, 1000] {
        let rows = in_pages(side, table, key, limit).await;
        let read =
            rows.iter().map(|row| key.iter().map(|name| row.get(name).expect("a key").clone()).collect::<Vec<_>>());
        let found: BTreeSet<Vec<u8>> = read.map(|values| Key::new(values).encode()).collect();
        assert_eq!((rows.len(), &found), (keys.len(), &expected), "{product:?} {table} in pages of {limit}");
    }
    for (i, values) in keys.iter().enumerate() {
        let rows = side.rows_with(table, key, std::slice::from_ref(values)).await;
        let [only] = rows.as_slice() else { panic!("{product:?} {table} {values:?}: {rows:?}") };
        assert_eq!(only.get("n"), Some(&int(i as i64 + 1)), "{product:?} {table} {values:?}");
    }
    assert_eq!(side.rows_with(table, key, keys).await.len(), keys.len());
    let partly = |values: &Vec<Value>| side::upsert_without(&pairs(values), &[("n", int(-1))], &["n"]);
    let outcomes = side.write(table, &keys.iter().map(partly).collect::<Vec<_>>()).await;
    assert!(outcomes.iter().all(Result::is_ok), "{product:?} {table}: {outcomes:?}");
    assert_eq!(side.ask::<i64>(&format!("SELECT COUNT(*) FROM {table} WHERE n = -1")).await, [keys.len() as i64]);
    let gone: Vec<Write> = keys.iter().map(|values| side::delete(&pairs(values))).collect();
    assert!(side.write(table, &gone).await.iter().all(Result::is_ok));
    assert_eq!(side.ask::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await, [0], "{product:?} {table}");
}

fn each(values: impl IntoIterator<Item = Value>) -> Vec<Vec<Value>> {
    values.into_iter().map(|value| vec![value]).collect()
}

#[tokio::test]
async fn keys_of_every_type_page_find_and_change_their_rows() {
    let instant = |nanos| Value::Timestamp(DateTime::from_timestamp(1_700_000_000, nanos).expect("an instant"));
    let day = |d| Value::Date(NaiveDate::from_ymd_opt(2024, 2, d).expect("a day"));
    // Of all versions that are in use: MariaDB orders them in its own way.
    let uuid = |i: u128| {
        let spread = i.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let version = [1, 4, 5, 7][i as usize % 4] << 76;
        Uuid::from_u128(spread & !(0xF << 76) & !(0b11 << 62) | version | 0b10 << 62)
    };
    let uuids = (0..60).map(uuid).chain([Uuid::nil(), Uuid::max()]).map(Value::Uuid);
    let texts = ["", "a", "b", "a a", "é", "漢字", "😀", "z'\"\\`;--", "Zürich", "%_"];
    let big = ["12345678901234567890", "12345678901234567891", "-12345678901234567891", "0", "9007199254740993"];
    for side in side::all().await {
        let (uuid, instant_type, bytes, exact) = match side.product {
            Product::Postgres => ("UUID", "TIMESTAMPTZ", "BYTEA", "NUMERIC(20,0)"),
            Product::MariaDb => ("UUID", "DATETIME(6)", "VARBINARY(20)", "DECIMAL(20,0)"),
            Product::Sqlite => ("UUID", "TIMESTAMP", "BLOB", "DECIMAL_TEXT(20,0)"),
        };
        let double = "DOUBLE PRECISION NOT NULL";
        let rows: [(&str, String, Vec<Vec<Value>>); 10] = [
            ("ints", "k BIGINT NOT NULL".into(), each([i64::MIN, -1, 0, 1, i64::MAX].map(int))),
            ("texts", "k VARCHAR(40) NOT NULL".into(), each(texts.map(text))),
            ("exact", format!("k {exact} NOT NULL"), each(big.map(decimal))),
            ("cents", "k DECIMAL(10,2) NOT NULL".into(), each(["1.5", "-1.50", "0.01", "99999999.99"].map(decimal))),
            ("instants", format!("k {instant_type} NOT NULL"), each([0, 1_000, 500_000_000, 999_999_000].map(instant))),
            ("days", "k DATE NOT NULL".into(), each([1, 28, 29].map(day))),
            ("uuids", format!("k {uuid} NOT NULL"), each(uuids.clone())),
            ("bytes", format!("k {bytes} NOT NULL"), each([vec![0], vec![0, 0], vec![255], vec![]].map(Value::bytes))),
            (
                "doubles",
                format!("k {double}"),
                each([0.1, -0.1, 1e300, 5e-324, 0.30000000000000004].map(Value::Double)),
            ),
            ("bools", "k BOOLEAN NOT NULL".into(), each([true, false].map(Value::Bool))),
        ];
        for (table, columns, keys) in rows {
            a_key_does_its_work(&side, table, &columns, &["k"], &keys).await;
        }
        let pairs: Vec<Vec<Value>> =
            (0..60).map(|i| vec![text(&format!("k{}", i % 4)), decimal(&format!("{i}.5")), int(i % 3)]).collect();
        let columns = "a VARCHAR(9) NOT NULL, b DECIMAL(8,2) NOT NULL, c BIGINT NOT NULL";
        a_key_does_its_work(&side, "triples", columns, &["a", "b", "c"], &pairs).await;
    }
}

/// Whatever the collation, WHERE and ORDER BY agree, so no row is skipped between pages and none comes twice.
#[tokio::test]
async fn pages_under_collations_that_ignore_case_or_order_by_language() {
    let keys = each(["a", "B", "b2", "C", "ö", "Z", "zz", "é", "E2", "ß", "ss2", "_", "1", "10", "9"].map(text));
    let postgres = side::postgres().await;
    postgres.sql("CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").await;
    a_key_does_its_work(&postgres, "ci", "k TEXT COLLATE nocase", &["k"], &keys).await;
    a_key_does_its_work(&postgres, "icu", "k VARCHAR(20) COLLATE \"de-x-icu\"", &["k"], &keys).await;
    a_key_does_its_work(&postgres, "fixed", "k CHAR(5)", &["k"], &keys).await;
    postgres.sql("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')").await;
    a_key_does_its_work(&postgres, "moods", "k mood", &["k"], &each(["ok", "happy", "sad"].map(text))).await;
    let mariadb = side::mariadb().await;
    for collation in ["utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_bin", "utf8mb4_german2_ci"] {
        let columns = format!("k VARCHAR(20) COLLATE {collation} NOT NULL");
        a_key_does_its_work(&mariadb, collation, &columns, &["k"], &keys).await;
    }
    let latin = each(["a", "B", "ö", "Z", "é"].map(text));
    a_key_does_its_work(&mariadb, "latin", "k VARCHAR(20) CHARACTER SET latin1 NOT NULL", &["k"], &latin).await;
    a_key_does_its_work(&mariadb, "fixed", "k CHAR(5) NOT NULL", &["k"], &keys).await;
    a_key_does_its_work(&mariadb, "enums", "k ENUM('z','a','m') NOT NULL", &["k"], &each(["a", "m", "z"].map(text)))
        .await;
    let huge = "k BIGINT UNSIGNED NOT NULL";
    let numbers = each(["0", "9223372036854775808", "18446744073709551615", "18446744073709551614"].map(decimal));
    a_key_does_its_work(&mariadb, "huge", huge, &["k"], &numbers).await;
    let instants =
        [1, 2_147_483_647].map(|s| Value::Timestamp(DateTime::from_timestamp(s, 5_000).expect("an instant")));
    a_key_does_its_work(&mariadb, "stamps", "k TIMESTAMP(6) NOT NULL", &["k"], &each(instants)).await;
    a_key_does_its_work(
        &mariadb,
        "floats",
        "k FLOAT NOT NULL",
        &["k"],
        &each([0.5, f64::from(0.1_f32)].map(Value::Double)),
    )
    .await;
    let sqlite = side::sqlite();
    a_key_does_its_work(&sqlite, "ci", "k TEXT COLLATE NOCASE NOT NULL", &["k"], &keys).await;
    a_key_does_its_work(&sqlite, "rowless", "k VARCHAR(9) NOT NULL, j INT NOT NULL DEFAULT 3", &["k"], &keys).await;
}

#[tokio::test]
async fn a_character_that_a_column_cannot_hold_is_refused_and_finds_nothing() {
    let side = side::mariadb().await;
    side.sql("CREATE TABLE t (k VARCHAR(9) CHARACTER SET latin1 NOT NULL PRIMARY KEY, n BIGINT)").await;
    side.sql("INSERT INTO t VALUES ('?', 1)").await;
    let batch = [upsert(&[("k", text("漢"))], &[("n", int(2))]), side::delete(&[("k", text("字"))])];
    let outcomes = side.write("t", &batch).await;
    side.refused_with(&outcomes[0], ErrorType::BadRequest);
    assert_eq!(
        side.rows_with("t", &["k"], &[vec![text("漢")], vec![text("?")]]).await,
        [row(&[("k", text("?")), ("n", int(1))])]
    );
}

/// What is one key to a database may be two records to the other. Neither overwrites, changes or deletes the other.
#[tokio::test]
async fn keys_that_only_look_the_same_are_kept_apart() {
    let postgres = side::postgres().await;
    postgres.sql("CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level1', deterministic = false)").await;
    postgres.sql("CREATE TABLE t (k TEXT COLLATE nocase PRIMARY KEY, j BIGINT NOT NULL DEFAULT 1, n BIGINT)").await;
    let mariadb = side::mariadb().await;
    mariadb.sql("CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, j BIGINT NOT NULL DEFAULT 1, n BIGINT)").await;
    let sqlite = side::sqlite();
    sqlite.sql("CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, j BIGINT NOT NULL DEFAULT 1, n BIGINT)").await;
    for (side, other) in [(postgres, "Ä"), (mariadb, "Ä"), (sqlite, "A")] {
        side.sql("INSERT INTO t (k, n) VALUES ('a', 1), ('b', 2)").await;
        let partly = |k, n| side::upsert_without(&[("k", text(k))], &[("n", int(n))], &["j"]);
        let batches = [
            vec![upsert(&[("k", text(other))], &[("n", int(9))]), upsert(&[("k", text("b"))], &[("n", int(3))])],
            vec![partly("b", 4), partly(other, 9)],
            vec![side::upsert_from(&[text(other)], &[("k", text("c"))], &[("n", int(5))])],
            vec![side::delete(&[("k", text(other))]), side::delete(&[("k", text("c"))])],
        ];
        let outcomes: Vec<_> = [
            side.write("t", &batches[0]).await,
            side.write("t", &batches[1]).await,
            side.write("t", &batches[2]).await,
            side.write("t", &batches[3]).await,
        ]
        .concat();
        let refused: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
        assert_eq!(refused, [true, false, false, true, false, false, false], "{:?}: {outcomes:?}", side.product);
        for outcome in [&outcomes[0], &outcomes[3]] {
            let failure = side.refused_with(outcome, ErrorType::Application);
            assert!(failure.message.contains("the row with the key \"a\" has the same key"), "{failure}");
        }
        let left = side.rows("t", &["k"]).await;
        let one = |k, n| row(&[("k", text(k)), ("j", int(1)), ("n", int(n))]);
        assert_eq!(left, [one("a", 1), one("b", 4)], "{:?}", side.product);
        assert!(side.rows_with("t", &["k"], &[vec![text(other)]]).await.is_empty(), "{:?}", side.product);
    }
}

#[tokio::test]
async fn many_keys_are_looked_up_at_once_and_unknown_ones_are_left_out() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (a BIGINT NOT NULL, b VARCHAR(9) NOT NULL, n BIGINT, PRIMARY KEY (a, b))").await;
        let key = |i: i64| vec![int(i % 10), text(&format!("k{i}"))];
        let write = |i: i64| upsert(&[("a", key(i)[0].clone()), ("b", key(i)[1].clone())], &[("n", int(i))]);
        let outcomes = side.write("t", &(0..3_000).map(write).collect::<Vec<_>>()).await;
        assert!(outcomes.iter().all(Result::is_ok), "{:?}", side.product);
        let keys: Vec<Vec<Value>> = (0..4_000).map(key).collect();
        let rows = side.rows_with("t", &["a", "b"], &keys).await;
        let found: BTreeSet<String> = rows.iter().map(|row| format!("{:?}", row.get("n"))).collect();
        assert_eq!((rows.len(), found.len()), (3_000, 3_000), "{:?}", side.product);
        assert!(side.rows_with("t", &["a", "b"], &[]).await.is_empty());
        let too_long = vec![int(1), text("a text that is too long for the column")];
        assert!(side.rows_with("t", &["a", "b"], &[too_long]).await.is_empty());
    }
}

#[tokio::test]
async fn rows_without_a_key_are_left_out_and_others_are_not() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (k VARCHAR(9) UNIQUE, n BIGINT)").await;
        side.sql("INSERT INTO t VALUES (NULL, 1), ('a', 2), (NULL, 3), ('b', 4), ('c', 5)").await;
        let read = in_pages(&side, "t", &["k"], 2).await;
        assert_eq!(read.len(), 3, "{:?}: {read:?}", side.product);
    }
}

#[tokio::test]
async fn a_stored_value_that_does_not_fit_its_declared_type_is_named() {
    let sqlite = side::sqlite();
    sqlite
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP, n INTEGER, b BOOLEAN, d DECIMAL(4,2), u UUID)")
        .await;
    for (column, value) in
        [("at", "'yesterday'"), ("at", "1704164645"), ("n", "'seven'"), ("b", "2"), ("d", "1.23456"), ("u", "x'00'")]
    {
        sqlite.sql(&format!("DELETE FROM t; INSERT INTO t (id, {column}) VALUES (42, {value})")).await;
        is_named(&sqlite, column).await;
    }
    let mariadb = side::mariadb().await;
    mariadb.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, at DATE, b TINYINT(1))").await;
    for (column, value) in [("at", "'0000-00-00'"), ("b", "2")] {
        mariadb
            .sql(&format!("SET sql_mode = ''; DELETE FROM t; INSERT INTO t (id, {column}) VALUES (42, {value})"))
            .await;
        is_named(&mariadb, column).await;
    }
    let postgres = side::postgres().await;
    postgres.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, at TIMESTAMPTZ, d DATE, n NUMERIC)").await;
    for (column, value) in [("at", "'infinity'"), ("d", "'-infinity'"), ("d", "'0044-03-15 BC'"), ("n", "'NaN'")] {
        postgres.sql(&format!("DELETE FROM t; INSERT INTO t (id, {column}) VALUES (42, {value})")).await;
        is_named(&postgres, column).await;
    }
}

async fn is_named(side: &Side, column: &str) {
    let schema = side.describe("t").await;
    let (columns, key) = (names(&[column]), names(&["id"]));
    let read = PageRead { table: &schema, columns: &columns, key: &key, after: None, limit: 9 };
    let failure = side.application.read_page(&read).await.expect_err("the value is none of ours");
    assert_eq!((failure.kind, failure.column.as_deref()), (ErrorType::BadRequest, Some(column)), "{failure}");
    assert!(failure.message.contains("the row with the key 42"), "{failure}");
}

/// Two writings of one key would be two places in the order of the pages, and one of them would be lost.
#[tokio::test]
async fn keys_of_sqlite_have_one_writing() {
    let side = side::sqlite();
    side.sql("CREATE TABLE t (id UUID NOT NULL PRIMARY KEY)").await;
    side.sql("INSERT INTO t VALUES ('67E55044-10B1-426F-9247-BB680E5FE0C8')").await;
    let schema = side.describe("t").await;
    let key = names(&["id"]);
    let read = PageRead { table: &schema, columns: &[], key: &key, after: None, limit: 9 };
    let failure = side.application.read_page(&read).await.expect_err("it is in upper case");
    assert!(failure.message.contains("another writing"), "{failure}");
}
