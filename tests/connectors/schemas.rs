//! What the databases say about their tables.

use crate::side::{self, Product, int, text, upsert};
use tandem::model::failure::ErrorType;
use tandem::model::schema::{ColumnType, DecimalDigits, ForeignKey, TableSchema};

fn digits(precision: u32, scale: u32) -> ColumnType {
    ColumnType::Decimal { digits: Some(DecimalDigits { precision, scale }) }
}

fn text_of(chars_max: Option<u32>) -> ColumnType {
    ColumnType::String { chars_max }
}

fn bytes_of(bytes_max: Option<u32>) -> ColumnType {
    ColumnType::Bytes { bytes_max }
}

fn at(fraction_digits: u8) -> ColumnType {
    ColumnType::Timestamp { fraction_digits }
}

const ANY_INT: ColumnType = ColumnType::Int { min: i64::MIN, max: i64::MAX };

fn types_are(schema: &TableSchema, expected: &[(&str, ColumnType)]) {
    for (name, kind) in expected {
        let column = schema.column(name).unwrap_or_else(|| panic!("there is no column {name}"));
        assert_eq!(column.kind, *kind, "{name} {}", column.database_type);
    }
}

fn are_unsupported(schema: &TableSchema, prefix: &str) {
    for column in schema.columns.iter().filter(|column| column.name.starts_with(prefix)) {
        assert!(matches!(column.kind, ColumnType::Unsupported { .. }), "{column:?}");
    }
}

#[tokio::test]
async fn postgres_types() {
    let side = side::postgres().await;
    side.sql(
        "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE DOMAIN money_amount AS numeric(12,2) NOT NULL;
         CREATE DOMAIN price AS money_amount DEFAULT 1;
         CREATE TABLE t (b bool, i2 int2, i4 int4, i8 int8, f4 real, f8 float8, t text, v varchar(20), v0 varchar,
            c char(5), y bytea, tz timestamptz, ts timestamp(3), d date, n numeric, n2 numeric(10,2), u uuid, j json,
            jb jsonb, e mood, p price, s serial, id int GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (i4 + 1) STORED,
            x1 time, x2 interval, x3 int[], x4 int4range, x5 money, x6 inet, x7 bit(3), x8 point, x9 numeric(2,-1), x10 xml)",
    )
    .await;
    let schema = side.describe("t").await;
    let int = |min, max| ColumnType::Int { min, max };
    types_are(
        &schema,
        &[
            ("b", ColumnType::Bool),
            ("i2", int(-32_768, 32_767)),
            ("i4", int(-2_147_483_648, 2_147_483_647)),
            ("i8", ANY_INT),
            ("f4", ColumnType::Float),
            ("f8", ColumnType::Double),
            ("t", text_of(None)),
            ("v", text_of(Some(20))),
            ("v0", text_of(None)),
            ("c", text_of(Some(5))),
            ("y", bytes_of(None)),
            ("tz", at(6)),
            ("ts", at(3)),
            ("d", ColumnType::Date),
            ("n", ColumnType::Decimal { digits: None }),
            ("n2", digits(10, 2)),
            ("u", ColumnType::Uuid),
            ("j", ColumnType::Json),
            ("jb", ColumnType::Json),
            ("e", text_of(None)),
            ("p", digits(12, 2)),
        ],
    );
    are_unsupported(&schema, "x");
    let column = |name: &str| schema.column(name).expect("a column").clone();
    assert!(!column("p").nullable && column("p").has_default);
    assert!(column("s").has_default && !column("s").read_only);
    assert!(column("id").read_only && column("g").read_only);
    assert_eq!(column("n2").database_type, "numeric(10,2)");
}

#[tokio::test]
async fn mariadb_types() {
    let side = side::mariadb().await;
    side.sql(
        "CREATE TABLE t (b BOOLEAN, b1 BIT(1), i1 TINYINT, i3 MEDIUMINT, i4 INT UNSIGNED, i8 BIGINT, i8u BIGINT UNSIGNED,
            f4 FLOAT, f8 DOUBLE, v VARCHAR(20), c CHAR(5), t TEXT, y VARBINARY(9), y2 BLOB, d DATE, dt DATETIME, dt3 DATETIME(3),
            ts TIMESTAMP(6) NULL, n DECIMAL(10,2), u UUID, j JSON, e ENUM('a','b'), yr YEAR, nodef VARCHAR(9) DEFAULT 'NULL',
            id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, g INT AS (i3 + 1) STORED,
            x1 TIME, x2 BIT(8), x3 FLOAT(7,3), x4 POINT, x5 DOUBLE(8,2), x6 INET6)",
    )
    .await;
    let schema = side.describe("t").await;
    let int = |min, max| ColumnType::Int { min, max };
    types_are(
        &schema,
        &[
            ("b", ColumnType::Bool),
            ("b1", ColumnType::Bool),
            ("i1", int(-128, 127)),
            ("i3", int(-8_388_608, 8_388_607)),
            ("i4", int(0, 4_294_967_295)),
            ("i8", ANY_INT),
            ("i8u", digits(20, 0)),
            ("f4", ColumnType::Float),
            ("f8", ColumnType::Double),
            ("v", text_of(Some(20))),
            ("c", text_of(Some(5))),
            ("t", text_of(Some(65_535))),
            ("y", bytes_of(Some(9))),
            ("y2", bytes_of(Some(65_535))),
            ("d", ColumnType::Date),
            ("dt", at(0)),
            ("dt3", at(3)),
            ("ts", at(6)),
            ("n", digits(10, 2)),
            ("u", ColumnType::Uuid),
            ("j", ColumnType::Json),
            ("e", text_of(None)),
            ("yr", int(1901, 2155)),
        ],
    );
    are_unsupported(&schema, "x");
    let column = |name: &str| schema.column(name).expect("a column").clone();
    assert!(column("id").has_default && !column("id").nullable && column("g").read_only);
    assert!(column("nodef").has_default && !column("v").has_default && column("v").nullable);
    assert_eq!((side.application.kind(), schema.primary_key.len()), ("MariaDB", 1));
}

#[tokio::test]
async fn sqlite_types_and_kinds_of_tables() {
    let side = side::sqlite();
    side.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b BOOLEAN, i TINYINT, r REAL, f FLOAT, v VARCHAR(20), t TEXT, y BLOB, d DATE,
            dt DATETIME, ts TIMESTAMP, n DECIMAL(10,2), nt DECIMAL_TEXT(30,10), u UUID, j JSON, jt JSON_TEXT,
            g INT AS (i + 1), x1, x2 ANY, x3 NUMERIC, x4 DECIMAL(20,2), x5 MONEY);
         CREATE TABLE w (a TEXT, b INT DEFAULT 4, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE s (id INTEGER PRIMARY KEY, a TEXT NOT NULL, y ANY) STRICT",
    )
    .await;
    let schema = side.describe("t").await;
    types_are(
        &schema,
        &[
            ("id", ANY_INT),
            ("b", ColumnType::Bool),
            ("i", ANY_INT),
            ("r", ColumnType::Double),
            ("f", ColumnType::Double),
            ("v", text_of(Some(20))),
            ("t", text_of(None)),
            ("y", bytes_of(None)),
            ("d", ColumnType::Date),
            ("dt", at(6)),
            ("ts", at(6)),
            ("n", digits(10, 2)),
            ("nt", digits(30, 10)),
            ("u", ColumnType::Uuid),
            ("j", ColumnType::Json),
            ("jt", ColumnType::Json),
        ],
    );
    are_unsupported(&schema, "x");
    let id = schema.column("id").expect("a column");
    assert!(id.has_default && !id.nullable && schema.column("g").is_some_and(|g| g.read_only));
    assert_eq!(schema.unique_keys, [["id"]]);
    let schema = side.describe("w").await;
    assert_eq!((&schema.primary_key[..], schema.is_unique(&["b", "a"])), (&["a".to_owned(), "b".to_owned()][..], true));
    assert!(schema.columns.iter().all(|column| !column.nullable));
    for (table, key) in [("w", [("a", text("k")), ("b", int(1))].to_vec()), ("s", [("id", int(1))].to_vec())] {
        let values = if table == "s" { vec![("a", text("x"))] } else { Vec::new() };
        for _ in 0..2 {
            assert_eq!(side.write_one(table, upsert(&key, &values)).await, Ok(()), "{table}");
        }
    }
}

#[tokio::test]
async fn keys_and_references_are_told() {
    for side in side::all().await {
        side.sql(
            "CREATE TABLE parents (a BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT, PRIMARY KEY (a, b), UNIQUE (c))",
        )
        .await;
        side.sql(
            "CREATE TABLE children (id BIGINT NOT NULL PRIMARY KEY, b BIGINT, a BIGINT, c BIGINT,
                FOREIGN KEY (a, b) REFERENCES parents (a, b), FOREIGN KEY (c) REFERENCES parents (c))",
        )
        .await;
        assert_eq!(side.application.list_tables().await.expect("a list"), ["children", "parents"]);
        let parents = side.describe("parents").await;
        assert_eq!(parents.primary_key, ["a", "b"]);
        assert_eq!(parents.unique_keys, [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]]);
        let mut references = side.describe("children").await.foreign_keys;
        references.sort_by_key(|foreign| foreign.columns.len());
        let reference = |columns: &[&str]| ForeignKey {
            columns: side::names(columns),
            referred_table: "parents".into(),
            referred_columns: side::names(columns),
        };
        assert_eq!(references, [reference(&["c"]), reference(&["a", "b"])], "{:?}", side.product);
        let missing = side.application.describe("nowhere").await.expect_err("there is no such table");
        assert_eq!(missing.kind, ErrorType::Configuration);
        assert!(missing.message.contains("nowhere"));
    }
}

/// Indexes that hold for some rows only, or under another collation, keep no key.
#[tokio::test]
async fn indexes_that_are_no_keys() {
    let postgres = side::postgres().await;
    postgres
        .sql(
            "CREATE TABLE t (a int, b text, c int, d text, e int UNIQUE DEFERRABLE);
             CREATE UNIQUE INDEX ON t (a) WHERE a > 0; CREATE UNIQUE INDEX ON t (lower(b));
             CREATE UNIQUE INDEX ON t (c) INCLUDE (a); CREATE UNIQUE INDEX ON t (d COLLATE \"de-x-icu\")",
        )
        .await;
    assert_eq!(postgres.describe("t").await.unique_keys, [["c"]]);
    let mariadb = side::mariadb().await;
    mariadb.sql("CREATE TABLE t (a VARCHAR(50), b TEXT, c INT, UNIQUE (a(5)), UNIQUE (b), UNIQUE (c))").await;
    assert_eq!(mariadb.describe("t").await.unique_keys, [["c"]]);
    let sqlite = side::sqlite();
    sqlite
        .sql(
            "CREATE TABLE t (a int, b text, c int, d text COLLATE NOCASE, e text COLLATE RTRIM UNIQUE);
             CREATE UNIQUE INDEX i1 ON t (a) WHERE a > 0; CREATE UNIQUE INDEX i2 ON t (lower(b));
             CREATE UNIQUE INDEX i3 ON t (c); CREATE UNIQUE INDEX i4 ON t (d COLLATE BINARY)",
        )
        .await;
    let mut keys = sqlite.describe("t").await.unique_keys;
    keys.sort();
    assert_eq!(keys, [["c"], ["e"]]);
}

#[tokio::test]
async fn odd_names_and_other_schemas() {
    for side in side::all().await {
        let quote = |name: &str| match side.product {
            Product::MariaDb => format!("`{}`", name.replace('`', "``")),
            Product::Postgres | Product::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        };
        let (table, key, column) = ("Größe der.\"Dinge`", "Der Schlüssel; --", "c0\"`'?");
        let [quoted, quoted_key, quoted_column] = [table, key, column].map(quote);
        side.sql(&format!(
            "CREATE TABLE {quoted} ({quoted_key} BIGINT NOT NULL PRIMARY KEY, {quoted_column} VARCHAR(9), c0 BIGINT)"
        ))
        .await;
        let tables = side.application.list_tables().await.expect("a list");
        assert_eq!(tables, ["\"Größe der.\"\"Dinge`\""], "{:?}", side.product);
        for value in ["a", "b"] {
            let write = upsert(&[(key, int(1))], &[(column, text(value)), ("c0", int(7))]);
            assert_eq!(side.write_one(&tables[0], write).await, Ok(()), "{:?}", side.product);
            let partly = side::upsert_without(&[(key, int(1))], &[(column, text(value))], &["c0"]);
            assert_eq!(side.write_one(&tables[0], partly).await, Ok(()), "{:?}", side.product);
        }
        let rows = side.rows(&tables[0], &[key]).await;
        assert_eq!(rows, [side::row(&[(key, int(1)), (column, text("b")), ("c0", int(7))])]);
        assert_eq!(side.application.check(Some(&tables[0])).await, Ok(()), "{:?}", side.product);
    }
    let side = side::postgres().await;
    side.sql("CREATE SCHEMA sales; CREATE TABLE sales.orders (id int PRIMARY KEY); CREATE TABLE lines (id int PRIMARY KEY REFERENCES sales.orders)").await;
    assert_eq!(side.application.list_tables().await.expect("a list"), ["lines", "sales.orders"]);
    assert_eq!(side.describe("lines").await.foreign_keys[0].referred_table, "sales.orders");
    assert_eq!(side.write_one("sales.orders", upsert(&[("id", int(1))], &[])).await, Ok(()));
}
