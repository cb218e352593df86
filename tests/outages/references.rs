//! Rows that refer to each other: a copy writes them first without, then with their references.

use crate::pair::{PATIENT, Pair, execute};
use crate::support::databases::{MariaDb, Postgres, Sqlite, sql};
use crate::support::world::{asynchronous, eventually, int, name, null, record};
use tandem::services::proto::TableMapState::{Initializing, Running};
use tandem::services::proto::transition_result::Outcome;
use tandem::services::proto::*;

/// More than two pages, and the one who is referred to is a page behind.
const ROWS: i64 = 2_500;
const AHEAD: i64 = 1_000;
/// Refers to nobody who exists.
const ASTRAY: i64 = 7;

const EMPLOYEES: &str = "CREATE TABLE employees (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40), manager_id BIGINT";

/// A map of a table of the left side to the one of the same name, one way.
fn map_of(table: &str, columns: &[&str]) -> TableMap {
    let column = |name: &&str| ColumnMapping {
        left_column: (*name).to_owned(),
        right_column: (*name).to_owned(),
        direction: Direction::LeftToRight.into(),
        ..Default::default()
    };
    let of = |application: &str| TableRef {
        application: application.to_owned(),
        table: table.to_owned(),
        ..Default::default()
    };
    asynchronous(TableMap {
        left: Some(of("sales")),
        right: Some(of("finance")),
        integration_key: vec!["id".to_owned()],
        column_mappings: columns.iter().map(column).collect(),
        ..Default::default()
    })
}

async fn employees(url: &str, rows: i64) {
    execute(url, &format!("{EMPLOYEES})")).await;
    let fill = format!(
        "INSERT INTO employees SELECT i, 'employee ' || i, CASE WHEN i + {AHEAD} <= {rows} THEN i + {AHEAD} END \
         FROM generate_series(1, {rows}) i"
    );
    execute(url, &fill).await;
}

async fn ended(pair: &Pair, map: &str) -> Execution {
    let list = || async {
        let request = ListExecutionsRequest { parent: name(map), ..Default::default() };
        pair.sync().list_executions(request).await.unwrap().into_inner().executions
    };
    eventually("the execution ends", || async { list().await[0].state() != ExecutionState::Running }).await;
    list().await.remove(0)
}

async fn managers(url: &str) -> Vec<String> {
    let query = "SELECT CONCAT(id, ' ', COALESCE(manager_id, 0)) FROM employees ORDER BY id";
    sql::ask::<String>(url, query).await.unwrap()
}

#[tokio::test]
async fn references_of_a_table_to_itself_are_copied_in_a_second_pass() {
    let sqlite = Sqlite::create();
    let destinations = [
        Postgres::shared().await.create_database().await,
        MariaDb::shared().await.create_database().await,
        sqlite.url(),
    ];
    for right in destinations {
        let left = Postgres::shared().await.create_database().await;
        employees(&left, ROWS).await;
        execute(&left, &format!("UPDATE employees SET manager_id = 999999 WHERE id = {ASTRAY}")).await;
        execute(&right, &format!("{EMPLOYEES}, FOREIGN KEY (manager_id) REFERENCES employees (id))")).await;
        let pair = Pair::over(&left, &right, PATIENT).await;
        pair.create_map("employees", map_of("employees", &["id", "name", "manager_id"])).await.unwrap();
        assert_eq!(pair.run("employees").await.unwrap(), Initializing);
        let execution = ended(&pair, "employees").await;
        assert_eq!(execution.state(), ExecutionState::CompletedWithErrors, "{right}: {execution:?}");
        let project = &execution.projects[0];
        assert_eq!((project.written, project.failed, project.skipped), (ROWS - 1, 1, 0), "{right}");
        let request = ListExecutionErrorsRequest { parent: execution.name.clone(), ..Default::default() };
        let errors = pair.sync().list_execution_errors(request).await.unwrap().into_inner().errors;
        assert_eq!(errors.len(), 1, "the row that refers to nobody, and no other");
        assert_eq!(errors[0].integration_key, Some(record([("id", int(ASTRAY))])));
        assert_eq!(errors[0].record.as_ref().unwrap().fields["manager_id"], int(999_999), "the row as it is");

        // Put right on the way, it completes the execution.
        let retry = RetryExecutionErrorsRequest {
            parent: execution.name,
            all: true,
            correction: Some(record([("manager_id", null())])),
            ..Default::default()
        };
        pair.sync().retry_execution_errors(retry).await.unwrap();
        pair.wait_for_state("employees", Running).await;
        execute(&left, &format!("UPDATE employees SET manager_id = NULL WHERE id = {ASTRAY}")).await;
        let found = managers(&right).await;
        let differs = managers(&left).await.into_iter().zip(found.iter().cloned()).find(|(left, right)| left != right);
        assert_eq!((differs, found.len() as i64), (None, ROWS), "{right}");
    }
}

#[tokio::test]
async fn a_kill_between_the_passes_loses_no_reference() {
    const MANY: i64 = 6_000;
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    employees(&left, MANY).await;
    execute(&right, &format!("{EMPLOYEES}, FOREIGN KEY (manager_id) REFERENCES employees (id))")).await;
    // The second pass is slow.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.0005); RETURN NULL; END$$;
                CREATE TRIGGER slow AFTER UPDATE ON employees FOR EACH ROW EXECUTE FUNCTION slow();";
    execute(&right, slow).await;
    let mut pair = Pair::over(&left, &right, PATIENT).await;
    pair.create_map("employees", map_of("employees", &["id", "name", "manager_id"])).await.unwrap();
    pair.run("employees").await.unwrap();
    for part in [1, 3] {
        let query = "SELECT count(*) FROM employees WHERE manager_id IS NOT NULL";
        let referring = || async { sql::ask::<i64>(&right, query).await.unwrap()[0] };
        eventually("references are written", || async { referring().await >= part * 1_000 }).await;
        pair.server.kill();
        let there = sql::ask::<i64>(&right, "SELECT count(*) FROM employees").await.unwrap();
        assert_eq!(there, [MANY], "every row was there before");
        pair.server.start_again().await;
    }
    pair.wait_for_state("employees", Running).await;
    let execution = ended(&pair, "employees").await;
    let project = &execution.projects[0];
    assert_eq!((execution.state(), project.failed), (ExecutionState::Completed, 0));
    assert_eq!(project.written, MANY, "a row that is written twice counts once");
    assert_eq!(managers(&left).await, managers(&right).await);
}

/// Employees belong to departments, and each department has an employee as its head.
#[tokio::test]
async fn maps_that_refer_to_each_other_are_copied_by_naming_their_order() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    let tables = "CREATE TABLE departments (id BIGINT PRIMARY KEY, title TEXT, head_id BIGINT);
                  CREATE TABLE employees (id BIGINT PRIMARY KEY, name TEXT, department_id BIGINT)";
    for url in [&left, &right] {
        execute(url, tables).await;
    }
    let fill = format!(
        "INSERT INTO departments SELECT i, 'department ' || i, {ROWS} - i + 1 FROM generate_series(1, {ROWS}) i;
         INSERT INTO employees SELECT i, 'employee ' || i, {ROWS} - i + 1 FROM generate_series(1, {ROWS}) i"
    );
    execute(&left, &fill).await;
    let references = "ALTER TABLE departments ADD FOREIGN KEY (head_id) REFERENCES employees (id);
                      ALTER TABLE employees ADD FOREIGN KEY (department_id) REFERENCES departments (id)";
    execute(&right, references).await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    pair.create_map("departments", map_of("departments", &["id", "title", "head_id"])).await.unwrap();
    pair.create_map("employees", map_of("employees", &["id", "name", "department_id"])).await.unwrap();
    let names = vec![name("employees"), name("departments")];
    let request = RunTableMapRequest { names, ..Default::default() };
    let results = pair.maps().run_table_map(request).await.unwrap().into_inner().results;
    assert!(results.iter().all(|result| matches!(result.outcome, Some(Outcome::TableMap(_)))), "{results:?}");
    for map in ["employees", "departments"] {
        pair.wait_for_state(map, Running).await;
        let execution = ended(&pair, map).await;
        let project = &execution.projects[0];
        assert_eq!((project.written, project.failed), (ROWS, 0), "{map}");
    }
    for query in [
        "SELECT CONCAT(id, ' ', head_id) FROM departments ORDER BY id",
        "SELECT CONCAT(id, ' ', department_id) FROM employees ORDER BY id",
    ] {
        let (left, right) =
            (sql::ask::<String>(&left, query).await.unwrap(), sql::ask::<String>(&right, query).await.unwrap());
        assert_eq!(left, right);
    }
}

/// The master's rows keep the references that the master has, and what only the other side has brings its own.
#[tokio::test]
async fn a_copy_in_both_directions_takes_the_masters_references() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    for url in [&left, &right] {
        execute(url, &format!("{EMPLOYEES}, FOREIGN KEY (manager_id) REFERENCES employees (id))")).await;
    }
    execute(&left, "INSERT INTO employees VALUES (1, 'left', NULL), (2, 'left', 3), (3, 'left', NULL)").await;
    execute(
        &right,
        "INSERT INTO employees VALUES (1, 'right', 5), (2, 'right', 4), (4, 'right', 5), (5, 'right', NULL)",
    )
    .await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    let mut map = map_of("employees", &["id", "name", "manager_id"]);
    for column in &mut map.column_mappings {
        column.direction = Direction::Bidirectional.into();
    }
    map.master = Side::Left.into();
    pair.create_map("employees", map).await.unwrap();
    pair.run("employees").await.unwrap();
    pair.wait_for_state("employees", Running).await;
    let execution = ended(&pair, "employees").await;
    let counts: Vec<_> =
        execution.projects.iter().map(|project| (project.written, project.skipped, project.failed)).collect();
    assert_eq!(counts, [(3, 0, 0), (2, 3, 0)]);
    for url in [&left, &right] {
        assert_eq!(managers(url).await, ["1 0", "2 3", "3 0", "4 5", "5 0"]);
    }
}

/// What was copied before someone cancelled keeps its second pass, also when only what is new is copied then.
#[tokio::test]
async fn a_run_again_without_errors_writes_the_references_that_were_left_out() {
    let shared = Postgres::shared().await;
    let (left, right) = (shared.create_database().await, shared.create_database().await);
    employees(&left, ROWS).await;
    execute(&right, &format!("{EMPLOYEES}, FOREIGN KEY (manager_id) REFERENCES employees (id))")).await;
    // Nothing of the second pass comes through.
    let held_up = "CREATE FUNCTION held_up() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(20); RETURN NULL; END$$;
                   CREATE TRIGGER held_up AFTER UPDATE ON employees FOR EACH ROW EXECUTE FUNCTION held_up();";
    execute(&right, held_up).await;
    let pair = Pair::over(&left, &right, "statement_timeout = \"1s\"\n").await;
    pair.create_map("employees", map_of("employees", &["id", "name", "manager_id"])).await.unwrap();
    pair.run("employees").await.unwrap();
    let copied = || async { sql::ask::<i64>(&right, "SELECT count(*) FROM employees").await.unwrap() == [ROWS] };
    eventually("every row is there", copied).await;
    let cancel = CancelExecutionRequest { name: "tableMaps/employees/executions/1".to_owned(), ..Default::default() };
    let cancelled = pair.sync().cancel_execution(cancel).await.unwrap().into_inner();
    assert_eq!(cancelled.state(), ExecutionState::Cancelled);
    let referring = sql::ask::<i64>(&right, "SELECT count(manager_id) FROM employees").await.unwrap();
    assert_eq!(referring, [0], "it was between the passes");
    execute(&right, "DROP TRIGGER held_up ON employees").await;
    let again = RerunExecutionRequest { name: cancelled.name, retry_errors: false, ..Default::default() };
    pair.sync().rerun_execution(again).await.unwrap();
    let second = ended(&pair, "employees").await;
    assert_eq!((second.state(), second.projects[0].written), (ExecutionState::Completed, 0), "no row was new");
    assert_eq!(managers(&left).await, managers(&right).await);
}

/// What is at its destination when its job is cancelled is counted when it arrives.
#[tokio::test]
async fn rows_that_arrive_after_their_job_was_cancelled_are_counted() {
    let (sales, finance) = (Postgres::shared().await, Postgres::start().await);
    let (left, right) = (sales.create_database().await, finance.create_database().await);
    execute(&left, &format!("{EMPLOYEES})")).await;
    execute(&left, "INSERT INTO employees SELECT i, CASE WHEN i > 3 THEN 'ok' END FROM generate_series(1, 10) i").await;
    execute(&right, &format!("{EMPLOYEES}, CHECK (name IS NOT NULL))")).await;
    let pair = Pair::over(&left, &right, PATIENT).await;
    pair.create_map("employees", map_of("employees", &["id", "name"])).await.unwrap();
    pair.run("employees").await.unwrap();
    let first = ended(&pair, "employees").await;
    assert_eq!(first.projects[0].failed, 3);
    // The write waits for a lock, so that it is at its destination when the job is cancelled.
    execute(&right, "ALTER TABLE employees DROP CONSTRAINT employees_name_check").await;
    let slow =
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(1); RETURN NULL; END$$;
                CREATE TRIGGER slow AFTER INSERT ON employees FOR EACH STATEMENT EXECUTE FUNCTION slow();";
    execute(&right, slow).await;
    let all = RetryExecutionErrorsRequest { parent: first.name.clone(), all: true, ..Default::default() };
    let job = pair.sync().retry_execution_errors(all).await.unwrap().into_inner();
    let inserting = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ILIKE '%INSERT INTO%employees%' AND pid <> pg_backend_pid()";
    let is_there = || async { sql::ask::<i64>(&right, inserting).await.unwrap()[0] > 0 };
    eventually("it is at its destination", is_there).await;
    let cancel = CancelQueueJobRequest { name: job.name };
    let cancelled = pair.queue().cancel_queue_job(cancel).await.unwrap().into_inner();
    assert_eq!((cancelled.state(), cancelled.done), (QueueJobState::Cancelled, 0));
    pair.wait_for_state("employees", Running).await;
    let after = ended(&pair, "employees").await;
    let project = &after.projects[0];
    assert_eq!((after.state(), project.written, project.failed), (ExecutionState::Completed, 10, 0));
}
