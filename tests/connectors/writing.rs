//! Upserts, deletes, changed keys, and batches in which some records are bad.

use crate::side::{self, Product, Side, delete, int, over, row, text, upsert, upsert_from, upsert_without};
use tandem::connectors::{Write, WriteOperation};
use tandem::model::failure::ErrorType;
use tandem::model::print::Over;
use tandem::model::row::Row;
use tandem::model::value::Value;

const ORDERS: &str = "CREATE TABLE orders (
    id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20), quantity BIGINT NOT NULL DEFAULT 1 CHECK (quantity > 0))";

fn order(id: i64, name: &str, quantity: i64) -> Row {
    row(&[("id", int(id)), ("name", text(name)), ("quantity", int(quantity))])
}

#[tokio::test]
async fn an_upsert_inserts_what_is_not_there_and_updates_what_is() {
    for side in side::all().await {
        side.sql(ORDERS).await;
        side.sql("INSERT INTO orders VALUES (1, 'old', 5)").await;
        let written = side
            .write(
                "orders",
                &[
                    upsert(&[("id", int(1))], &[("name", text("new"))]),
                    upsert(&[("id", int(2))], &[("name", Value::Null), ("quantity", int(7))]),
                    upsert(&[("id", int(3))], &[]),
                ],
            )
            .await;
        assert_eq!(written, [Ok(()), Ok(()), Ok(())], "{:?}", side.product);
        let second = row(&[("id", int(2)), ("name", Value::Null), ("quantity", int(7))]);
        let third = row(&[("id", int(3)), ("name", Value::Null), ("quantity", int(1))]);
        assert_eq!(side.rows("orders", &["id"]).await, [order(1, "new", 5), second, third], "{:?}", side.product);
    }
}

#[tokio::test]
async fn what_is_absent_is_untouched_and_never_becomes_a_silent_null() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a VARCHAR(9), b VARCHAR(9), c BIGINT NOT NULL DEFAULT 4, d BIGINT NOT NULL)").await;
        side.sql("INSERT INTO t VALUES (1, 'a', 'b', 2, 3)").await;
        let written = side
            .write(
                "t",
                &[
                    upsert_without(&[("id", int(1))], &[("a", text("x"))], &["b", "c", "d"]),
                    upsert_without(&[("id", int(2))], &[("a", text("x"))], &["b", "c", "d"]),
                    upsert_without(&[("id", int(3))], &[("a", text("x")), ("d", int(9))], &["c"]),
                    upsert_without(&[("id", int(4))], &[], &["b"]),
                ],
            )
            .await;
        let refused = side.refused_with(&written[1], ErrorType::BadRequest);
        assert!(refused.message.contains("b, d"), "{refused}");
        side.refused_with(&written[3], ErrorType::BadRequest);
        assert_eq!([&written[0], &written[2]], [&Ok(()), &Ok(())], "{:?}", side.product);
        let first = [("id", int(1)), ("a", text("x")), ("b", text("b")), ("c", int(2)), ("d", int(3))];
        let third = [("id", int(3)), ("a", text("x")), ("b", Value::Null), ("c", int(4)), ("d", int(9))];
        assert_eq!(side.rows("t", &["id"]).await, [row(&first), row(&third)], "{:?}", side.product);
    }
}

/// Pain 34, and PostgreSQL's check of NOT NULL before ON CONFLICT: a row that is there does not mind what is missing.
#[tokio::test]
async fn many_partial_updates_of_rows_that_are_there() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (a BIGINT NOT NULL, b VARCHAR(9) NOT NULL, n DECIMAL(10,2) NOT NULL, m BIGINT NOT NULL, PRIMARY KEY (a, b))").await;
        let key = |i: i64| [("a", int(i % 7)), ("b", text(&format!("k{i}")))];
        let whole = |i: i64| upsert(&key(i), &[("n", side::decimal("0.50")), ("m", int(i))]);
        let inserted: Vec<Write> = (0..300).map(whole).collect();
        assert!(side.write("t", &inserted).await.iter().all(Result::is_ok), "{:?}", side.product);
        let partly = |i: i64| upsert_without(&key(i), &[("n", side::decimal(&format!("{i}.25")))], &["m"]);
        let updated: Vec<Write> = (0..301).map(partly).collect();
        let outcomes = side.write("t", &updated).await;
        assert!(outcomes[..300].iter().all(Result::is_ok), "{:?}: {outcomes:?}", side.product);
        side.refused_with(&outcomes[300], ErrorType::BadRequest);
        for found in side.rows("t", &["a", "b"]).await {
            let Some(Value::Int(m)) = found.get("m") else { panic!("{found:?}") };
            assert_eq!(found.get("n"), Some(&side::decimal(&format!("{m}.25"))), "{:?}", side.product);
        }
    }
}

#[tokio::test]
async fn insert_values_are_for_new_rows_only() {
    for side in side::all().await {
        side.sql(ORDERS).await;
        side.sql("INSERT INTO orders VALUES (1, 'old', 5)").await;
        let write = |id| Write {
            key: vec![("id".into(), int(id))],
            operation: WriteOperation::Upsert {
                values: row(&[("name", text("new"))]),
                insert_values: row(&[("quantity", int(8))]),
                absent: Vec::new(),
                previous_key: None,
            },
            over: None,
        };
        let written = side.write("orders", &[write(1), write(2)]).await;
        assert_eq!(written, [Ok(()), Ok(())]);
        assert_eq!(side.rows("orders", &["id"]).await, [order(1, "new", 5), order(2, "new", 8)], "{:?}", side.product);
    }
}

#[tokio::test]
async fn deletes_of_many_whether_they_are_there_or_not() {
    for side in side::all().await {
        side.sql(ORDERS).await;
        let all: Vec<Write> = (0..700).map(|id| upsert(&[("id", int(id))], &[("quantity", int(2))])).collect();
        assert!(side.write("orders", &all).await.iter().all(Result::is_ok));
        let odd: Vec<Write> = (0..800).filter(|id| id % 2 == 1).map(|id| delete(&[("id", int(id))])).collect();
        for _ in 0..2 {
            assert!(side.write("orders", &odd).await.iter().all(Result::is_ok), "{:?}", side.product);
        }
        assert_eq!(side.ask::<i64>("SELECT COUNT(*) FROM orders WHERE id % 2 = 0").await, [350]);
        assert_eq!(side.ask::<i64>("SELECT COUNT(*) FROM orders").await, [350]);
    }
}

/// Pain 35.
#[tokio::test]
async fn a_changed_key_moves_the_row_and_a_replay_changes_nothing() {
    for side in side::all().await {
        side.sql(ORDERS).await;
        side.sql("INSERT INTO orders VALUES (1, 'one', 5), (3, 'three', 6)").await;
        let moved = upsert_from(&[int(1)], &[("id", int(2))], &[("name", text("moved"))]);
        for _ in 0..2 {
            // The key that has become free is taken by the next record of the same batch.
            let batch = [moved.clone(), upsert(&[("id", int(1))], &[("name", text("again"))])];
            let written = side.write("orders", &batch[..1]).await;
            assert_eq!(written, [Ok(())], "{:?}", side.product);
        }
        assert_eq!(side.rows("orders", &["id"]).await, [order(2, "moved", 5), order(3, "three", 6)]);
        let batch = [
            upsert_from(&[int(2)], &[("id", int(4))], &[("name", text("moved"))]),
            upsert(&[("id", int(2))], &[("name", text("again"))]),
        ];
        assert_eq!(side.write("orders", &batch).await, [Ok(()), Ok(())], "{:?}", side.product);
        let onto_another = upsert_from(&[int(4)], &[("id", int(3))], &[]);
        side.refused_with(&side.write_one("orders", onto_another).await, ErrorType::Application);
        let expected = [order(2, "again", 1), order(3, "three", 6), order(4, "moved", 5)];
        assert_eq!(side.rows("orders", &["id"]).await, expected, "{:?}", side.product);
    }
}

/// Rule 5, pain 11: of m records with n bad ones exactly n are refused.
#[tokio::test]
async fn pain_11_bad_records_stand_alone() {
    for side in side::all().await {
        side.sql(ORDERS).await;
        let bad = |i: i64| [0, 17, 18, 19, 250, 399].contains(&i);
        let write = |i: i64| match i % 3 {
            _ if bad(i) => upsert(&[("id", int(i))], &[("quantity", int(-i))]),
            0 => upsert(&[("id", int(i))], &[("quantity", int(i + 1))]),
            1 => upsert(&[("id", int(i))], &[("name", text("x")), ("quantity", int(i))]),
            _ => delete(&[("id", int(i))]),
        };
        let batch: Vec<Write> = (0..400).map(write).collect();
        for (i, outcome) in side.write("orders", &batch).await.iter().enumerate() {
            if bad(i as i64) {
                side.refused_with(outcome, ErrorType::Application);
            } else {
                assert_eq!(*outcome, Ok(()), "{:?} record {i}", side.product);
            }
        }
        let expected = (0..400).filter(|&i| !bad(i) && i % 3 != 2).count() as i64;
        assert_eq!(side.ask::<i64>("SELECT COUNT(*) FROM orders").await, [expected], "{:?}", side.product);
    }
}

/// Pain 41: a value that must be unique is another record's. That record stays as it is, and the error names it.
#[tokio::test]
async fn pain_41_another_records_unique_value_is_never_overwritten() {
    for side in side::all().await {
        // A key that comes after the other unique one, and one that comes before.
        for table in [
            "a (email VARCHAR(30) NOT NULL UNIQUE, id BIGINT NOT NULL UNIQUE, n BIGINT)",
            "b (id BIGINT NOT NULL PRIMARY KEY, email VARCHAR(30) NOT NULL UNIQUE, n BIGINT)",
        ] {
            let name = &table[..1];
            side.sql(&format!("CREATE TABLE {table}")).await;
            side.sql(&format!("INSERT INTO {name} (id, email, n) VALUES (1, 'one@x', 1), (2, 'two@x', 2)")).await;
            let batch = [
                upsert(&[("id", int(3))], &[("email", text("three@x")), ("n", int(3))]),
                upsert(&[("id", int(4))], &[("email", text("one@x")), ("n", int(4))]),
                upsert(&[("id", int(2))], &[("email", text("one@x")), ("n", int(5))]),
                upsert(&[("id", int(1))], &[("email", text("one@x")), ("n", int(6))]),
            ];
            let written = side.write(name, &batch).await;
            assert_eq!([&written[0], &written[3]], [&Ok(()), &Ok(())], "{:?}", side.product);
            for outcome in &written[1..3] {
                let refused = side.refused_with(outcome, ErrorType::Application);
                assert!(refused.message.contains("the row with the key 1 has the same email"), "{refused}");
                assert!(refused.constraint.is_some(), "{:?}: {refused:?}", side.product);
            }
            let rows = side.ask::<i64>(&format!("SELECT n FROM {name} ORDER BY id")).await;
            assert_eq!(rows, [6, 2, 3], "{:?}", side.product);
            assert_eq!(side.ask::<String>(&format!("SELECT email FROM {name} WHERE id = 2")).await, ["two@x"]);
        }
    }
}

#[tokio::test]
async fn a_child_may_come_before_its_parent_even_in_a_batch_with_bad_records() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, parent BIGINT, n BIGINT CHECK (n > 0), FOREIGN KEY (parent) REFERENCES t (id))").await;
        let write = |id, parent, n| upsert(&[("id", int(id))], &[("parent", parent), ("n", int(n))]);
        let batch = [
            write(1, int(2), 1),
            write(2, int(3), 1),
            write(3, Value::Null, 1),
            write(4, int(99), 1),
            write(5, Value::Null, -1),
        ];
        let written = side.write("t", &batch).await;
        assert_eq!(written[..3], [Ok(()), Ok(()), Ok(())], "{:?}", side.product);
        let missing = side.refused_with(&written[3], ErrorType::Application);
        assert_eq!(missing.referred_key.as_deref(), Some("99"), "{:?}: {missing:?}", side.product);
        assert_eq!(missing.column.as_deref().unwrap_or("parent"), "parent");
        side.refused_with(&written[4], ErrorType::Application);
        assert_eq!(side.ask::<i64>("SELECT COUNT(*) FROM t").await, [3]);
    }
}

/// Pain 15: a row that a trigger leaves out is not written, whatever the database says.
#[tokio::test]
async fn pain_15_rows_that_a_trigger_leaves_out_are_refused() {
    for side in [side::postgres().await, side::sqlite()] {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
        side.sql(match side.product {
            Product::Postgres => {
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF TG_OP = 'DELETE' THEN RETURN CASE WHEN OLD.n = 13 THEN NULL ELSE OLD END; END IF;
                    RETURN CASE WHEN NEW.n = 7 THEN NULL ELSE NEW END; END $$;
                 CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION f();"
            }
            Product::MariaDb | Product::Sqlite => {
                "CREATE TRIGGER i BEFORE INSERT ON t WHEN NEW.n = 7 BEGIN SELECT RAISE(IGNORE); END;
                 CREATE TRIGGER d BEFORE DELETE ON t WHEN OLD.n = 13 BEGIN SELECT RAISE(IGNORE); END;"
            }
        })
        .await;
        let batch: Vec<Write> = (0..20).map(|i| upsert(&[("id", int(i))], &[("n", int(i))])).collect();
        let written = side.write("t", &batch).await;
        for (i, outcome) in written.iter().enumerate() {
            assert_eq!(outcome.is_err(), i == 7, "{:?} record {i}: {outcome:?}", side.product);
        }
        let batch: Vec<Write> = (0..20).map(|i| delete(&[("id", int(i))])).collect();
        let written = side.write("t", &batch).await;
        for (i, outcome) in written.iter().enumerate() {
            assert_eq!(outcome.is_err(), i == 13, "{:?} record {i}: {outcome:?}", side.product);
        }
    }
}

#[tokio::test]
async fn rows_of_a_unique_key_that_may_be_null_and_is_not_the_primary_one() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, code VARCHAR(9) UNIQUE, n BIGINT)").await;
        side.sql("INSERT INTO t VALUES (1, 'a', 1), (2, NULL, 2)").await;
        let write = |id, code: &str, n| upsert(&[("code", text(code))], &[("id", int(id)), ("n", int(n))]);
        let written = side.write("t", &[write(1, "a", 10), write(3, "b", 30), write(2, "c", 20)]).await;
        assert_eq!(written[..2], [Ok(()), Ok(())], "{:?}", side.product);
        let refused = side.refused_with(&written[2], ErrorType::Application);
        assert!(refused.message.contains("has the same id") || side.product == Product::Sqlite, "{refused}");
        assert_eq!(side.ask::<i64>("SELECT n FROM t ORDER BY id").await, [10, 2, 30], "{:?}", side.product);
    }
}

#[tokio::test]
async fn values_that_the_column_would_change_are_not_sent() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, s VARCHAR(5), d DECIMAL(6,2), r DOUBLE PRECISION)")
            .await;
        let write = |id, column: &str, value| upsert(&[("id", int(id))], &[(column, value)]);
        let batch = [
            write(1, "s", text("123456")),
            write(2, "s", text("12345 ")),
            write(3, "d", side::decimal("1.005")),
            write(4, "d", side::decimal("12345")),
            write(5, "s", int(5)),
            write(6, "s", text("😀é漢字ß")),
        ];
        let written = side.write("t", &batch).await;
        for outcome in &written[..5] {
            let refused = side.refused_with(outcome, ErrorType::BadRequest);
            assert!(refused.column.is_some() && refused.code.is_empty(), "{refused:?}");
        }
        assert_eq!(written[5], Ok(()), "{:?}", side.product);
        let null_key = side.write_one("t", upsert(&[("id", Value::Null)], &[])).await;
        side.refused_with(&null_key, ErrorType::Application);
        assert_eq!(side.ask::<i64>("SELECT COUNT(*) FROM t").await, [1]);
    }
}

#[tokio::test]
async fn numbers_given_by_the_database_are_ours_to_give() {
    for side in side::all().await {
        side.sql(match side.product {
            Product::Postgres => "CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n BIGINT)",
            Product::MariaDb => "CREATE TABLE t (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, n BIGINT)",
            Product::Sqlite => "CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT)",
        })
        .await;
        let batch: Vec<Write> = [0, 5, 6].map(|id| upsert(&[("id", int(id))], &[("n", int(id))])).into();
        for _ in 0..2 {
            assert_eq!(side.write("t", &batch).await, [Ok(()), Ok(()), Ok(())], "{:?}", side.product);
        }
        assert_eq!(side.ask::<i64>("SELECT id FROM t ORDER BY id").await, [0, 5, 6], "{:?}", side.product);
    }
}

async fn many(side: &Side, rows: i64, bytes: usize) {
    side.sql(
        "CREATE TABLE big (id BIGINT NOT NULL PRIMARY KEY, b BLOB)"
            .replace(
                "BLOB",
                match side.product {
                    Product::Postgres => "BYTEA",
                    Product::MariaDb => "LONGBLOB",
                    Product::Sqlite => "BLOB",
                },
            )
            .as_str(),
    )
    .await;
    let batch: Vec<Write> =
        (0..rows).map(|id| upsert(&[("id", int(id))], &[("b", Value::bytes(vec![id as u8; bytes]))])).collect();
    assert!(side.write("big", &batch).await.iter().all(Result::is_ok), "{:?}", side.product);
    assert_eq!(
        side.ask::<i64>(
            "SELECT CAST(SUM(LENGTH(b)) AS BIGINT) FROM big"
                .replace("BIGINT", if side.product == Product::MariaDb { "SIGNED" } else { "BIGINT" })
                .as_str()
        )
        .await,
        [rows * bytes as i64]
    );
}

/// 40 MB in one batch: more than a packet of MariaDB holds, and a record that is larger than one.
#[tokio::test]
async fn pain_59_batches_are_cut_and_records_too_large_say_so() {
    for side in side::all().await {
        many(&side, 40, 1_000_000).await;
    }
    let side = side::mariadb().await;
    many(&side, 1, 1).await;
    let bytes = side.ask::<i64>("SELECT CAST(@@max_allowed_packet AS SIGNED)").await[0];
    let large = Value::bytes(vec![1; bytes as usize]);
    let written =
        side.write("big", &[upsert(&[("id", int(1))], &[("b", large)]), upsert(&[("id", int(2))], &[])]).await;
    let refused = side.refused_with(&written[0], ErrorType::BadRequest);
    assert!(refused.message.contains("bytes, the database takes"), "{refused}");
    assert_eq!(written[1], Ok(()));
}

/// Rules 3 and 9: what we wrote is taken back where it still stands, and what is newer is left alone.
#[tokio::test]
async fn rule_3_what_is_brought_back_goes_only_over_what_we_left() {
    for side in side::all().await {
        side.sql(ORDERS).await;
        side.sql("INSERT INTO orders VALUES (1, 'ours', 5), (2, 'newer', 5), (3, 'ours', 5), (4, 'newer', 5)").await;
        let ours = [("name", text("ours")), ("quantity", int(5))];
        let back = |id| over(upsert(&[("id", int(id))], &[("name", text("theirs")), ("quantity", int(7))]), &ours);
        let gone = |id| over(delete(&[("id", int(id))]), &ours);
        let made = |id| Write {
            over: Some(Over::Gone),
            ..upsert(&[("id", int(id))], &[("name", text("again")), ("quantity", int(9))])
        };
        let renamed = |from, to| over(upsert_from(&[int(from)], &[("id", int(to))], &[]), &[]);
        let batch = [back(1), back(2), gone(3), gone(4), made(5), back(6)];
        assert_eq!(side.write("orders", &batch).await, vec![Ok(()); 6], "{:?}", side.product);
        assert_eq!(side.write_one("orders", made(1)).await, Ok(()), "{:?}", side.product);
        let expected = [order(1, "theirs", 7), order(2, "newer", 7), order(4, "newer", 5), order(5, "again", 9)];
        assert_eq!(side.rows("orders", &["id"]).await, expected, "{:?}", side.product);

        // A key is given back where it is free, and the record still has the other.
        for write in [renamed(5, 3), renamed(1, 2), renamed(6, 7)] {
            assert_eq!(side.write_one("orders", write).await, Ok(()), "{:?}", side.product);
        }
        let expected = [order(1, "theirs", 7), order(2, "newer", 7), order(3, "again", 9), order(4, "newer", 5)];
        assert_eq!(side.rows("orders", &["id"]).await, expected, "{:?}", side.product);
    }
}
