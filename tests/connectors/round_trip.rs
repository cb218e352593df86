//! Whatever goes from one database to another comes out as it went in, or is refused before it is sent.

use crate::side::{self, Product, Side, int, upsert};
use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tandem::connectors::{Write, WriteOutcome};
use tandem::model::failure::ErrorType;
use tandem::model::row::Row;
use tandem::model::value::{Decimal, Value};
use uuid::Uuid;

const COLUMNS: [&str; 14] = ["b", "i", "small", "f", "r", "s", "v", "y", "ts", "d", "n", "c", "u", "j"];

fn table(product: Product, name: &str) -> String {
    let types = match product {
        Product::Postgres => {
            "b BOOLEAN, i BIGINT, small SMALLINT, f DOUBLE PRECISION, r REAL, s TEXT, v VARCHAR(20), y BYTEA, ts TIMESTAMPTZ,
             d DATE, n NUMERIC(38,10), c NUMERIC(15,4), u UUID, j JSONB"
        }
        Product::MariaDb => {
            "b BOOLEAN, i BIGINT, small SMALLINT, f DOUBLE, r FLOAT, s LONGTEXT, v VARCHAR(20), y LONGBLOB, ts DATETIME(6),
             d DATE, n DECIMAL(38,10), c DECIMAL(15,4), u UUID, j JSON"
        }
        Product::Sqlite => {
            "b BOOLEAN, i BIGINT, small SMALLINT, f DOUBLE, r REAL, s TEXT, v VARCHAR(20), y BLOB, ts TIMESTAMP,
             d DATE, n DECIMAL_TEXT(38,10), c DECIMAL(15,4), u UUID, j JSON_TEXT"
        }
    };
    format!("CREATE TABLE {name} (id BIGINT NOT NULL PRIMARY KEY, {types})")
}

fn digits(text: String) -> Value {
    Value::Decimal(Decimal::parse(&text).expect("a decimal"))
}

fn number() -> impl Strategy<Value = Value> {
    let size =
        prop_oneof![("[0-9]{1,28}", "[0-9]{1,10}"), ("[0-9]{1,11}", "[0-9]{1,4}"), ("[0-9]{1,40}", "[0-9]{1,20}")];
    (any::<bool>(), size)
        .prop_map(|(minus, (whole, fraction))| digits(format!("{}{whole}.{fraction}", if minus { "-" } else { "" })))
}

fn whole() -> impl Strategy<Value = Value> {
    prop_oneof![any::<i64>(), any::<i16>().prop_map(i64::from), Just(i64::MIN), Just(i64::MAX)].prop_map(Value::Int)
}

fn double() -> impl Strategy<Value = Value> {
    let wide = any::<f64>();
    let special = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        -0.0,
    ]);
    prop_oneof![wide, any::<f32>().prop_map(f64::from), special].prop_map(Value::Double)
}

fn text() -> impl Strategy<Value = Value> {
    let odd = prop::sample::select(vec![
        "",
        " ",
        "a ",
        "\u{0}",
        "e\u{301}",
        "👩‍👩‍👧‍👦",
        "\\",
        "'; DROP TABLE t; --",
        "\u{10FFFF}",
        "\r\n\t",
        "NULL",
    ]);
    let long = (any::<char>(), 1..3_000_usize).prop_map(|(c, times)| c.to_string().repeat(times));
    prop_oneof![any::<String>(), odd.prop_map(str::to_owned), long].prop_map(Value::text)
}

fn instant() -> impl Strategy<Value = Value> {
    let seconds = -62_135_596_800_i64..=253_402_300_799;
    let nanos = prop_oneof![Just(0), (0..1_000_000_u32).prop_map(|micros| micros * 1_000), 0..1_000_000_000_u32];
    (seconds, nanos).prop_map(|(s, n)| Value::Timestamp(DateTime::from_timestamp(s, n).expect("an instant")))
}

fn date() -> impl Strategy<Value = Value> {
    (1..=3_652_059).prop_map(|day| Value::Date(NaiveDate::from_num_days_from_ce_opt(day).expect("a day")))
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?"
            .prop_map(|text| serde_json::from_str(&text).expect("a JSON number")),
        any::<String>().prop_map(Into::into),
    ];
    let tree = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-zé😀 ]{0,5}", inner, 0..4)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    });
    tree.prop_map(|json| Value::json(json.to_string()))
}

/// A record with some of the columns, some of them null.
fn record() -> impl Strategy<Value = Row> {
    let uuid = any::<u128>().prop_map(|bits| Value::Uuid(Uuid::from_u128(bits)));
    let bytes = prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::bytes);
    let values = (
        (any::<bool>().prop_map(Value::Bool), whole(), whole(), double(), double(), text(), text()),
        (bytes, instant(), date(), number(), number(), uuid, json()),
    );
    let fates =
        prop::collection::vec(prop::sample::select(vec!["given", "given", "given", "null", "missing"]), COLUMNS.len());
    (values, fates).prop_map(|((a, b), fates)| {
        let values = [a.0, a.1, a.2, a.3, a.4, a.5, a.6, b.0, b.1, b.2, b.3, b.4, b.5, b.6];
        let fated = COLUMNS.iter().zip(values).zip(fates).filter(|(_, fate)| *fate != "missing");
        fated
            .map(|((name, value), fate)| ((*name).to_owned(), if fate == "null" { Value::Null } else { value }))
            .collect()
    })
}

/// One record for each value, so that one that is refused takes no other with it.
fn taken_apart(records: &[Row]) -> Vec<Row> {
    let alone = |(name, value): (&str, &Value)| [(name, value.clone())].into_iter().collect();
    records.iter().flat_map(|record| record.iter().map(alone).chain([record.clone()])).collect()
}

fn writes(rows: &[Row]) -> Vec<Write> {
    let write = |(id, row): (usize, &Row)| {
        let values: Vec<(&str, Value)> = row.iter().map(|(name, value)| (name, value.clone())).collect();
        upsert(&[("id", int(id as i64))], &values)
    };
    rows.iter().enumerate().map(write).collect()
}

/// What was written, as it is read: what was missing is null.
fn expected(rows: &[Row], outcomes: &[WriteOutcome]) -> Vec<Row> {
    let accepted = rows.iter().enumerate().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
    let whole = |(id, row): (usize, &Row)| {
        let columns = COLUMNS.iter().map(|name| ((*name).to_owned(), row.get(name).cloned().unwrap_or(Value::Null)));
        columns.chain([("id".to_owned(), int(id as i64))]).collect()
    };
    accepted.map(|(numbered, _)| whole(numbered)).collect()
}

/// Writes the rows, sees that what was not refused is read as it was written, and gives that.
async fn written_and_read(side: &Side, table: &str, rows: &[Row]) -> Vec<Row> {
    let outcomes = side.write(table, &writes(rows)).await;
    for outcome in &outcomes {
        if let Err(failure) = outcome {
            assert_eq!(failure.kind, ErrorType::BadRequest, "{:?}: {failure}", side.product);
            // The one thing left to a database to refuse: text in JSON that jsonb does not hold.
            assert!(failure.code.is_empty() || failure.code == "22P05", "{:?}: {failure}", side.product);
        }
    }
    let read = side.rows(table, &["id"]).await;
    assert_eq!(read, expected(rows, &outcomes), "{:?} changed a value", side.product);
    read.into_iter()
        .map(|mut row| {
            row.remove("id");
            row
        })
        .collect()
}

#[test]
fn every_value_goes_round_all_pairs_of_databases_or_is_refused_beforehand() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sides = runtime.block_on(side::all());
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let cases = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut table_number = 0;
    let number = std::cell::RefCell::new(&mut table_number);
    let fresh = |side: &Side| {
        **number.borrow_mut() += 1;
        let name = format!("t{}", number.borrow());
        (table(side.product, &name), name)
    };
    let outcome = TestRunner::new(cases).run(&prop::collection::vec(record(), 1..8), |records| {
        runtime.block_on(async {
            for from in &sides {
                let (create, name) = fresh(from);
                from.sql(&create).await;
                let left = written_and_read(from, &name, &taken_apart(&records)).await;
                for to in &sides {
                    let (create, name) = fresh(to);
                    to.sql(&create).await;
                    let right = written_and_read(to, &name, &left).await;
                    let (create, name) = fresh(from);
                    from.sql(&create).await;
                    let back = written_and_read(from, &name, &right).await;
                    assert_eq!(back, right, "{:?} does not take back what it gave to {:?}", from.product, to.product);
                }
            }
        });
        Ok(())
    });
    outcome.expect("no value changes"); // names the seed and the smallest records that failed
}
