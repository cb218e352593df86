//! What the databases' refusals are called, provoked for real.

use crate::side::{self, Product, Side, config, delete, int, text, upsert};
use crate::support::databases::{MariaDb, PASSWORD, Postgres, Server};
use std::time::Duration;
use tandem::connectors::sql::{SqlConfig, connect};
use tandem::connectors::{Application, KeyRead};
use tandem::model::failure::{ErrorType, Failure};
use tandem::model::schema::TableSchema;

/// The failure of a whole write.
async fn fails(side: &Side, schema: &TableSchema, write: tandem::connectors::Write) -> Failure {
    side.application.write(schema, &[write]).await.expect_err("the destination should have failed")
}

#[tokio::test]
async fn what_the_database_refuses_of_a_record() {
    for side in side::all().await {
        side.sql("CREATE TABLE parents (id BIGINT NOT NULL PRIMARY KEY)").await;
        side.sql(
            "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, parent BIGINT, u VARCHAR(9), n BIGINT, m BIGINT DEFAULT 1 NOT NULL,
                CONSTRAINT a_unique UNIQUE (u), CONSTRAINT a_check CHECK (n < 10),
                CONSTRAINT a_reference FOREIGN KEY (parent) REFERENCES parents (id))",
        )
        .await;
        side.sql("INSERT INTO parents VALUES (1)").await;
        side.sql("INSERT INTO t (id, parent, u) VALUES (1, 1, 'taken')").await;
        let write = |column: &str, value| upsert(&[("id", int(2))], &[(column, value)]);
        let is = |failure: Failure, code: [&str; 3], constraint: bool, column: &str| {
            let code = code[side.product as usize];
            assert_eq!(failure.code, code, "{:?}: {failure:?}", side.product);
            assert_eq!(failure.constraint.is_some(), constraint, "{:?}: {failure:?}", side.product);
            if !column.is_empty() {
                assert_eq!(failure.column.as_deref(), Some(column), "{:?}: {failure:?}", side.product);
            }
        };
        let refused = |outcome| side.refused_with(&outcome, ErrorType::Application);
        let unique = refused(side.write_one("t", write("u", text("taken"))).await);
        is(unique, ["23505", "1062", "2067"], true, "u");
        let check = refused(side.write_one("t", write("n", int(10))).await);
        is(check, ["23514", "4025", "275"], true, "");
        let reference = refused(side.write_one("t", write("parent", int(77))).await);
        assert_eq!(reference.referred_key.as_deref(), Some("77"), "{reference:?}");
        is(reference, ["23503", "1452", "787"], side.product != Product::Sqlite, "parent");
        let referred = refused(side.write_one("parents", delete(&[("id", int(1))])).await);
        is(referred, ["23503", "1451", "787"], side.product != Product::Sqlite, "");
        side.sql("CREATE TABLE strict (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)").await;
        let missing = refused(side.write_one("strict", upsert(&[("id", int(1))], &[])).await);
        is(missing, ["23502", "1364", "1299"], false, "n");
    }
}

#[tokio::test]
async fn a_triggers_refusal_is_the_applications() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
        side.sql(match side.product {
            Product::Postgres => {
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.n = 1 THEN RAISE EXCEPTION 'no ones today'; END IF;
                    IF NEW.n = 2 THEN RAISE EXCEPTION 'no twos today' USING ERRCODE = 'XY123'; END IF; RETURN NEW; END $$;
                 CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"
            }
            Product::MariaDb => {
                "CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW BEGIN
                    IF NEW.n = 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no ones today'; END IF;
                    IF NEW.n = 2 THEN SIGNAL SQLSTATE 'XY123' SET MESSAGE_TEXT = 'no twos today'; END IF; END"
            }
            Product::Sqlite => {
                "CREATE TRIGGER t BEFORE INSERT ON t BEGIN
                    SELECT CASE NEW.n WHEN 1 THEN RAISE(ABORT, 'no ones today') WHEN 2 THEN RAISE(FAIL, 'no twos today') END; END"
            }
        })
        .await;
        let batch: Vec<_> = (0..9).map(|i| upsert(&[("id", int(i))], &[("n", int(i))])).collect();
        let written = side.write("t", &batch).await;
        for (i, word) in [(1, "no ones today"), (2, "no twos today")] {
            let failure = side.refused_with(&written[i], ErrorType::Application);
            assert!(failure.message.contains(word), "{:?}: {failure}", side.product);
        }
        assert_eq!(written.iter().filter(|outcome| outcome.is_ok()).count(), 7, "{:?}", side.product);
    }
}

/// A schema that is older than the table.
#[tokio::test]
async fn a_table_or_column_that_is_gone_is_a_matter_of_configuration() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a BIGINT, b BIGINT)").await;
        let schema = side.describe("t").await;
        let write = || upsert(&[("id", int(1))], &[("b", int(1))]);
        assert_eq!(side.application.write(&schema, &[write()]).await, Ok(vec![Ok(())]));
        side.sql("ALTER TABLE t RENAME COLUMN b TO c").await;
        assert_eq!(fails(&side, &schema, write()).await.kind, ErrorType::Configuration, "{:?}", side.product);
        let unknown = upsert(&[("id", int(1))], &[("nowhere", int(1))]);
        assert_eq!(fails(&side, &schema, unknown).await.column.as_deref(), Some("nowhere"));
        side.sql("DROP TABLE t").await;
        assert_eq!(fails(&side, &schema, write()).await.kind, ErrorType::Configuration, "{:?}", side.product);
        let gone = side.application.check(Some("t")).await.expect_err("the table is gone");
        assert_eq!(gone.kind, ErrorType::Configuration, "{:?}", side.product);
    }
}

/// The database has less room than the schema says, since it was altered meanwhile.
#[tokio::test]
async fn data_that_the_database_cannot_read_is_a_bad_request() {
    for side in [side::postgres().await, side::mariadb().await] {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, s VARCHAR(50), i BIGINT, d DATE)").await;
        let schema = side.describe("t").await;
        side.sql(match side.product {
            Product::Postgres => "ALTER TABLE t ALTER s TYPE VARCHAR(3), ALTER i TYPE INT2, ALTER d TYPE INT USING 1",
            Product::MariaDb | Product::Sqlite => "ALTER TABLE t MODIFY s VARCHAR(3), MODIFY i SMALLINT, MODIFY d INT",
        })
        .await;
        for (column, value, codes) in [("s", text("long"), ["22001", "1406"]), ("i", int(100_000), ["22003", "1264"])] {
            let batch = [
                upsert(&[("id", int(1))], &[(column, value)]),
                upsert(&[("id", int(2))], &[(column, tandem::model::value::Value::Null)]),
            ];
            let written = side.application.write(&schema, &batch).await.expect("the other record is written");
            let failure = side.refused_with(&written[0], ErrorType::BadRequest);
            assert_eq!(failure.code, codes[side.product as usize], "{failure}");
            assert_eq!(written[1], Ok(()));
        }
    }
    let side = side::sqlite();
    side.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT) STRICT").await;
    let mut schema = side.describe("t").await;
    schema.columns[1].kind = tandem::model::schema::ColumnType::Bytes { bytes_max: None };
    schema.columns[1].database_type = "BLOB".into();
    let bytes = upsert(&[("id", int(1))], &[("n", tandem::model::value::Value::bytes([1]))]);
    let written = side.application.write(&schema, &[bytes]).await.expect("the record is refused");
    assert_eq!(side.refused_with(&written[0], ErrorType::BadRequest).code, "3091");
}

fn impatient(url: &str) -> std::sync::Arc<dyn Application> {
    let second = Duration::from_secs(1);
    let config = SqlConfig { lock_timeout: second, statement_timeout: 3 * second, ..config(url) };
    connect(config).expect("the URL is right")
}

/// A lock that another holds, until it is let go.
#[tokio::test]
async fn a_lock_that_is_held_is_transient() {
    for side in side::all().await {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
        side.sql("INSERT INTO t VALUES (1, 1)").await;
        let application = impatient(&side.url);
        let schema = application.describe("t").await.expect("the table is there");
        let (held, release) = (side.url.clone(), std::sync::Arc::new(tokio::sync::Notify::new()));
        let ready = std::sync::Arc::new(tokio::sync::Notify::new());
        let holder = tokio::spawn(hold(held, std::sync::Arc::clone(&ready), std::sync::Arc::clone(&release)));
        ready.notified().await;
        let write = [upsert(&[("id", int(1))], &[("n", int(2))])];
        let failure = application.write(&schema, &write).await.expect_err("the row is locked");
        assert_eq!(failure.kind, ErrorType::Transient, "{:?}: {failure}", side.product);
        // Whoever wants to know what the transaction leaves waits as well; others read what is committed.
        let columns = [String::from("id"), String::from("n")];
        let keys = [vec![int(1)]];
        let read = |wait_for_changes| KeyRead {
            table: &schema,
            columns: &columns,
            key: &columns[..1],
            keys: &keys,
            wait_for_changes,
        };
        let failure = application.read_keys(&read(true)).await.expect_err("the row is locked");
        assert_eq!(failure.kind, ErrorType::Transient, "{:?}: {failure}", side.product);
        assert_eq!(application.read_keys(&read(false)).await.expect("a read").len(), 1, "{:?}", side.product);
        release.notify_one();
        holder.await.expect("no panic");
        assert_eq!(application.read_keys(&read(true)).await.expect("a read").len(), 1, "{:?}", side.product);
        assert_eq!(application.write(&schema, &write).await, Ok(vec![Ok(())]), "{:?}", side.product);
    }
}

async fn hold(url: String, ready: std::sync::Arc<tokio::sync::Notify>, release: std::sync::Arc<tokio::sync::Notify>) {
    use sqlx::{Connection, Executor};
    const LOCK: &str = "UPDATE t SET n = 5 WHERE id = 1";
    match url.split(':').next() {
        Some("postgres") => {
            let mut connection = sqlx::PgConnection::connect(&url).await.expect("a connection");
            connection.execute("BEGIN").await.expect("a transaction");
            connection.execute(LOCK).await.expect("a lock");
            ready.notify_one();
            release.notified().await;
            connection.execute("ROLLBACK").await.expect("no lock");
        }
        Some("mysql") => {
            let mut connection = sqlx::MySqlConnection::connect(&url).await.expect("a connection");
            connection.execute("BEGIN").await.expect("a transaction");
            connection.execute(LOCK).await.expect("a lock");
            ready.notify_one();
            release.notified().await;
            connection.execute("ROLLBACK").await.expect("no lock");
        }
        _ => {
            let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("a connection");
            connection.execute("BEGIN IMMEDIATE").await.expect("a transaction");
            connection.execute(LOCK).await.expect("a lock");
            ready.notify_one();
            release.notified().await;
            connection.execute("ROLLBACK").await.expect("no lock");
        }
    }
}

/// A statement that takes too long ends, and is told from a record that is bad.
#[tokio::test]
async fn a_statement_out_of_time_is_a_matter_of_the_network() {
    for side in [side::postgres().await, side::mariadb().await] {
        side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
        side.sql(match side.product {
            Product::Postgres => {
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$;
                 CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"
            }
            Product::MariaDb | Product::Sqlite => {
                "CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW SET NEW.n = SLEEP(30)"
            }
        })
        .await;
        let application = impatient(&side.url);
        let schema = application.describe("t").await.expect("the table is there");
        let begun = std::time::Instant::now();
        let failure =
            application.write(&schema, &[upsert(&[("id", int(1))], &[])]).await.expect_err("it takes too long");
        assert_eq!(failure.kind, ErrorType::Network, "{:?}: {failure}", side.product);
        assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
    }
}

async fn accounts<K: crate::support::databases::Kind>(server: &'static Server<K>, product: Product) {
    let url = server.create_database().await;
    let side = Side::new(product, url.clone(), None);
    let database = url.rsplit('/').next().expect("a database").to_owned();
    side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)").await;
    let user = format!("reader_{database}");
    side.sql(&match product {
        Product::Postgres => format!("CREATE ROLE {user} LOGIN PASSWORD 'planted-secret'; GRANT SELECT ON t TO {user}"),
        Product::MariaDb | Product::Sqlite => {
            format!("CREATE USER {user} IDENTIFIED BY 'planted-secret'; GRANT SELECT ON {database}.* TO {user}")
        }
    })
    .await;
    let reader = connect(config(&server.url_as(&user, "planted-secret", &database))).expect("the URL is right");
    let schema = reader.describe("t").await.expect("it may read");
    let failure = reader.write(&schema, &[upsert(&[("id", int(1))], &[])]).await.expect_err("it may not write");
    assert_eq!(failure.kind, ErrorType::Authentication, "{failure}");
    assert_eq!(reader.check(None).await, Ok(()));
    let checked = reader.check(Some("t")).await.expect_err("it may not write");
    assert_eq!(checked.kind, ErrorType::Authentication, "{checked}");
    let wrong = connect(config(&server.url_as(&user, "planted-mistake", &database))).expect("the URL is right");
    let failure = wrong.check(None).await.expect_err("the password is wrong");
    assert_eq!(failure.kind, ErrorType::Authentication, "{failure}");
    assert!(!format!("{failure:?}").contains("planted"), "{failure:?}");
    let nowhere = connect(config(&server.url_as("tandem", PASSWORD, "nowhere"))).expect("the URL is right");
    let failure = nowhere.check(None).await.expect_err("there is no such database");
    assert_eq!(failure.kind, ErrorType::Configuration, "{failure}");
}

#[tokio::test]
async fn accounts_that_may_not() {
    accounts(Postgres::shared().await, Product::Postgres).await;
    accounts(MariaDb::shared().await, Product::MariaDb).await;
}

#[tokio::test]
async fn a_database_that_is_read_only_or_full_of_connections() {
    let postgres = side::postgres().await;
    postgres.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY)").await;
    let database = postgres.url.rsplit('/').next().expect("a database").to_owned();
    postgres.sql(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
    let application = connect(config(&postgres.url)).expect("the URL is right");
    let schema = application.describe("t").await.expect("it can be read");
    let failure = application.write(&schema, &[upsert(&[("id", int(1))], &[])]).await.expect_err("it is read-only");
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorType::Unavailable, "25006"));
    assert_eq!(application.check(None).await.expect_err("it is read-only").kind, ErrorType::Unavailable);

    let server = MariaDb::start().await;
    let side = Side::new(Product::MariaDb, server.create_database().await, None);
    let database = side.url.rsplit('/').next().expect("a database").to_owned();
    side.sql("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY)").await;
    side.sql(&format!("CREATE USER app IDENTIFIED BY 'planted'; GRANT ALL ON {database}.* TO app")).await;
    side.sql("SET GLOBAL read_only = 1").await;
    let application = connect(config(&server.url_as("app", "planted", &database))).expect("the URL is right");
    let schema = application.describe("t").await.expect("it can be read");
    let failure = application.write(&schema, &[upsert(&[("id", int(1))], &[])]).await.expect_err("it is read-only");
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorType::Unavailable, "1290"));
    assert_eq!(application.check(None).await.expect_err("it is read-only").kind, ErrorType::Unavailable);
    side.sql("SET GLOBAL read_only = 0; ALTER USER app WITH MAX_USER_CONNECTIONS 1").await;
    assert_eq!(application.check(Some("t")).await, Ok(()));
    let second = connect(config(&server.url_as("app", "planted", &database))).expect("the URL is right");
    assert_eq!(second.check(None).await.expect_err("there is one already").kind, ErrorType::Throttled);

    let role = format!("one_{}", postgres.url.rsplit('/').next().expect("a database"));
    let admin = side::postgres().await;
    admin.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'planted' CONNECTION LIMIT 1")).await;
    let database = admin.url.rsplit('/').next().expect("a database").to_owned();
    let url = Postgres::shared().await.url_as(&role, "planted", &database);
    let (first, second) = (connect(config(&url)).expect("a URL"), connect(config(&url)).expect("a URL"));
    assert_eq!(first.check(None).await, Ok(()));
    assert_eq!(second.check(None).await.expect_err("there is one already").kind, ErrorType::Throttled);
}

/// Pain 56.
#[tokio::test]
async fn pain_56_no_failure_shows_a_password() {
    let urls = [
        "postgres://app:planted-secret@127.0.0.1:1/db",
        "mysql://app:planted-secret@127.0.0.1:1/db",
        "postgres://app:planted-secret@no-such-host.invalid/db",
        "postgres://app:planted-secret@[::bad/db",
        "postgres://app:planted-secret@host:port/db",
        "mysql://app:planted-secret@127.0.0.1:1",
        "oracle://app:planted-secret@127.0.0.1:1/db",
        "postgres://app@127.0.0.1:1/db?password=planted-secret&sslmode=planted-secret",
        "sqlite::memory:?planted-secret",
        "planted-secret",
    ];
    for url in urls {
        let failure = match connect(config(url)) {
            Ok(application) => {
                assert!(!application.address().contains("planted"), "{}", application.address());
                application.check(None).await.expect_err("nobody is there")
            }
            Err(failure) => {
                assert_eq!(failure.kind, ErrorType::Configuration, "{url}: {failure}");
                failure
            }
        };
        let has_password = url.contains(":planted-secret@") || url.contains("password=");
        assert!(!(has_password && format!("{failure:?} {failure}").contains("planted")), "{url}: {failure:?}");
        assert!(!format!("{:?}", config(url)).contains("planted"));
    }
}
