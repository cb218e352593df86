//! One database with its connector, and short ways of saying what is written and read.

use crate::support::databases::{MariaDb, Postgres, Sqlite, sql};
use std::sync::Arc;
use tandem::connectors::sql::{SqlConfig, connect};
use tandem::connectors::{Application, KeyRead, PageRead, Write, WriteOperation, WriteOutcome};
use tandem::model::failure::{ErrorType, Failure};
use tandem::model::ids::AppId;
use tandem::model::print::{Over, Print};
use tandem::model::row::{Name, Row};
use tandem::model::schema::TableSchema;
use tandem::model::value::{Decimal, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    Postgres,
    MariaDb,
    Sqlite,
}

pub struct Side {
    pub product: Product,
    pub application: Arc<dyn Application>,
    pub url: String,
    /// Held for as long as the file is needed.
    pub file: Option<Sqlite>,
}

pub async fn postgres() -> Side {
    Side::new(Product::Postgres, Postgres::shared().await.create_database().await, None)
}

pub async fn mariadb() -> Side {
    Side::new(Product::MariaDb, MariaDb::shared().await.create_database().await, None)
}

pub fn sqlite() -> Side {
    let file = Sqlite::create();
    Side::new(Product::Sqlite, file.url(), Some(file))
}

/// An empty database of each kind.
pub async fn all() -> [Side; 3] {
    [postgres().await, mariadb().await, sqlite()]
}

impl Side {
    pub fn new(product: Product, url: String, file: Option<Sqlite>) -> Side {
        let application = connect(config(&url)).expect("the URL is right");
        Side { product, application, url, file }
    }

    /// Runs statements behind the connector's back.
    pub async fn sql(&self, statements: &str) {
        let done = sql::execute(&self.url, statements).await;
        done.unwrap_or_else(|error| panic!("{:?} does not run {statements}: {error}", self.product));
    }

    pub async fn ask<T: sql::Answer>(&self, query: &str) -> Vec<T> {
        let answer = sql::ask(&self.url, query).await;
        answer.unwrap_or_else(|error| panic!("{:?} does not answer {query}: {error}", self.product))
    }

    pub async fn describe(&self, table: &str) -> TableSchema {
        self.application.describe(table).await.expect("the table is there")
    }

    pub async fn write(&self, table: &str, batch: &[Write]) -> Vec<WriteOutcome> {
        let schema = self.describe(table).await;
        let written = self.application.write(&schema, batch).await;
        written.unwrap_or_else(|failure| panic!("{:?} does not write at all: {failure}", self.product))
    }

    /// One record, alone.
    pub async fn write_one(&self, table: &str, write: Write) -> WriteOutcome {
        self.write(table, &[write]).await.remove(0)
    }

    pub async fn rows(&self, table: &str, key: &[&str]) -> Vec<Row> {
        let schema = self.describe(table).await;
        let columns: Vec<String> = schema.columns.iter().map(|column| column.name.clone()).collect();
        let key = names(key);
        let read = PageRead { table: &schema, columns: &columns, key: &key, after: None, limit: 100_000 };
        self.application.read_page(&read).await.expect("the table can be read")
    }

    pub async fn rows_with(&self, table: &str, key: &[&str], keys: &[Vec<Value>]) -> Vec<Row> {
        let schema = self.describe(table).await;
        let columns: Vec<String> = schema.columns.iter().map(|column| column.name.clone()).collect();
        let read = KeyRead { table: &schema, columns: &columns, key: &names(key), keys, wait_for_changes: false };
        self.application.read_keys(&read).await.expect("the table can be read")
    }

    pub fn refused_with(&self, outcome: &WriteOutcome, kind: ErrorType) -> Failure {
        let failure = outcome.clone().expect_err("it should have been refused");
        assert_eq!(failure.kind, kind, "{:?}: {failure}", self.product);
        failure
    }
}

pub fn config(url: &str) -> SqlConfig {
    SqlConfig::new(AppId::parse("side").expect("an id"), url)
}

pub fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn int(number: i64) -> Value {
    Value::Int(number)
}

pub fn text(text: &str) -> Value {
    Value::text(text)
}

pub fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).expect("a decimal"))
}

pub fn row(columns: &[(&str, Value)]) -> Row {
    columns.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn pairs(columns: &[(&str, Value)]) -> Vec<(Name, Value)> {
    columns.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
}

pub fn upsert(key: &[(&str, Value)], values: &[(&str, Value)]) -> Write {
    upsert_without(key, values, &[])
}

/// An upsert of a record that lacks these mapped columns.
pub fn upsert_without(key: &[(&str, Value)], values: &[(&str, Value)], absent: &[&str]) -> Write {
    let operation = WriteOperation::Upsert {
        values: row(values),
        insert_values: Row::new(),
        absent: names(absent),
        previous_key: None,
    };
    Write { key: pairs(key), operation, over: None }
}

pub fn upsert_from(previous: &[Value], key: &[(&str, Value)], values: &[(&str, Value)]) -> Write {
    let operation = WriteOperation::Upsert {
        values: row(values),
        insert_values: Row::new(),
        absent: Vec::new(),
        previous_key: Some(previous.to_vec()),
    };
    Write { key: pairs(key), operation, over: None }
}

/// Only over what a write of ours left.
pub fn over(write: Write, left: &[(&str, Value)]) -> Write {
    let prints = left.iter().map(|(column, value)| Print::of(column, value));
    Write { over: Some(Over::Columns(prints.collect())), ..write }
}

pub fn delete(key: &[(&str, Value)]) -> Write {
    Write { key: pairs(key), operation: WriteOperation::Delete, over: None }
}
