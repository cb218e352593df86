//! Statements over a connection of their own, to whichever database a URL names.

use sqlx::mysql::{MySql, MySqlConnection};
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Database, Decode, Error, Executor, IntoArguments, Type};

/// Runs one statement or several.
pub async fn execute(url: &str, sql: &str) -> Result<(), Error> {
    match scheme(url) {
        "postgres" => execute_over::<PgConnection>(url, sql).await,
        "mysql" => execute_over::<MySqlConnection>(url, sql).await,
        _ => execute_over::<SqliteConnection>(url, sql).await,
    }
}

/// The first column of every row that a query gives.
pub async fn ask<T: Answer>(url: &str, sql: &str) -> Result<Vec<T>, Error> {
    match scheme(url) {
        "postgres" => ask_over::<PgConnection, T>(url, sql).await,
        "mysql" => ask_over::<MySqlConnection, T>(url, sql).await,
        _ => ask_over::<SqliteConnection, T>(url, sql).await,
    }
}

/// What all three databases can answer: `i64`, `String`, `bool`, `f64`, `Vec<u8>`, times, and `Option` of these.
pub trait Answer: In<Postgres> + In<MySql> + In<Sqlite> + Send + Unpin {}
impl<T: In<Postgres> + In<MySql> + In<Sqlite> + Send + Unpin> Answer for T {}

/// A type that has a home in a database.
pub trait In<D: Database>: Type<D> + for<'r> Decode<'r, D> {}
impl<D: Database, T: Type<D> + for<'r> Decode<'r, D>> In<D> for T {}

async fn execute_over<C>(url: &str, sql: &str) -> Result<(), Error>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    let mut connection = C::connect(url).await?;
    (&mut connection).execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    connection.close().await
}

async fn ask_over<C, T>(url: &str, sql: &str) -> Result<Vec<T>, Error>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    T: In<C::Database> + Send + Unpin,
    (T,): for<'r> sqlx::FromRow<'r, <C::Database as Database>::Row>,
    <C::Database as Database>::Arguments: IntoArguments<C::Database>,
{
    let mut connection = C::connect(url).await?;
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows)
}

fn scheme(url: &str) -> &str {
    let scheme = url.split(':').next().unwrap_or_default();
    assert!(["postgres", "mysql", "sqlite"].contains(&scheme), "no database of tests has the scheme of {url}");
    scheme
}
