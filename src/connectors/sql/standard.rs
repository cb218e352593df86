//! The SQL that PostgreSQL and SQLite share: the rows of a statement come as a table `u` with the columns c0, c1, …

use super::cell::{Cell, Statement, Wire};
use super::dialect::{Existing, Matching, Page, Rows, join, reads};
use crate::model::schema::{Column, ColumnType};

/// What differs between those that share it.
pub trait Standard {
    fn quoted(&self, name: &str) -> String;
    /// The query that gives the rows, and its values.
    fn source(&self, rows: Rows) -> (String, Vec<Cell>);
    /// Reads a column of the table `t`.
    fn read(&self, column: &Column) -> (String, Wire);
    /// One value, the `n`th of the statement from 1, to be compared with the column.
    fn placeholder(&self, n: usize, column: &Column) -> String;
    /// Text to be compared letter by letter, whatever its column's collation.
    fn exact(&self, expression: &str) -> String;
    /// What stands between an insert's columns and its rows.
    fn insert_option(&self) -> &'static str;
}

/// `WITH u(c0, c1) AS (…)` and the values.
fn with(dialect: &impl Standard, rows: Rows) -> (String, Vec<Cell>) {
    let names = numbered("", rows.columns.len());
    let (source, params) = dialect.source(rows);
    (format!("WITH u({names}) AS ({source})"), params)
}

/// `c0, c1`, each after a prefix.
fn numbered(prefix: &str, columns: usize) -> String {
    join(", ", (0..columns).map(|i| format!("{prefix}c{i}")))
}

fn names(dialect: &impl Standard, columns: &[&Column]) -> String {
    join(", ", columns.iter().map(|column| dialect.quoted(&column.name)))
}

fn is_text(column: &Column) -> bool {
    matches!(column.kind, ColumnType::String { .. })
}

/// `t."a" = u.c0 AND …` for the first columns. What is exact comes second, for the rows that an index has found.
fn same_key(dialect: &impl Standard, key: &[&Column], matching: Matching) -> String {
    let sides = |i: usize, column: &Column| (format!("t.{}", dialect.quoted(&column.name)), format!("u.c{i}"));
    let collated = key.iter().enumerate().map(|(i, column)| {
        let (left, right) = sides(i, column);
        format!("{left} = {right}")
    });
    let texts = key.iter().enumerate().filter(|(_, column)| matching == Matching::Exact && is_text(column));
    let exact = texts.map(|(i, column)| {
        let (left, right) = sides(i, column);
        format!("{} = {}", dialect.exact(&left), dialect.exact(&right))
    });
    join(" AND ", collated.chain(exact))
}

pub fn insert(dialect: &impl Standard, table: &str, rows: Rows, existing: &Existing) -> Statement {
    let (columns, count) = (names(dialect, &rows.columns), rows.columns.len());
    let option = dialect.insert_option();
    let (with, params) = with(dialect, rows);
    let on_conflict = match existing {
        Existing::Refuse => String::new(),
        Existing::Update { key, set } => {
            let texts = key.iter().filter(|column| is_text(column)).map(|column| dialect.quoted(&column.name));
            let same = texts
                .map(|c| format!("{} = {}", dialect.exact(&format!("t.{c}")), dialect.exact(&format!("excluded.{c}"))));
            let same = join(" AND ", same);
            let condition = if same.is_empty() { same } else { format!(" WHERE {same}") };
            let key = names(dialect, key);
            let set = join(
                ", ",
                set.iter().map(|column| dialect.quoted(&column.name)).map(|c| format!("{c} = excluded.{c}")),
            );
            let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {set}{condition}") };
            format!(" ON CONFLICT ({key}) DO {action}")
        }
    };
    // Without `WHERE true` SQLite takes ON for that of a join.
    let select = format!("SELECT {} FROM u WHERE true", numbered("", count));
    Statement::new(format!("{with} INSERT INTO {table} AS t ({columns}){option} {select}{on_conflict}"), params)
}

pub fn update(dialect: &impl Standard, table: &str, key: usize, rows: Rows) -> Statement {
    let set = rows.columns.iter().enumerate().skip(key);
    let set = join(", ", set.map(|(i, column)| format!("{} = u.c{i}", dialect.quoted(&column.name))));
    let same_key = same_key(dialect, &rows.columns[..key], Matching::Exact);
    let (with, params) = with(dialect, rows);
    Statement::new(format!("{with} UPDATE {table} AS t SET {set} FROM u WHERE {same_key}"), params)
}

pub fn delete(dialect: &impl Standard, table: &str, keys: Rows) -> Statement {
    let key = names(dialect, &keys.columns);
    let numbered = numbered("u.", keys.columns.len());
    let exact = if keys.columns.iter().any(|column| is_text(column)) {
        let exactly = |column: &Column, expression: String| {
            if is_text(column) { dialect.exact(&expression) } else { expression }
        };
        let key = join(", ", keys.columns.iter().map(|column| exactly(column, dialect.quoted(&column.name))));
        let numbered = keys.columns.iter().enumerate().map(|(i, column)| exactly(column, format!("u.c{i}")));
        format!(" AND ({key}) IN (SELECT {} FROM u)", join(", ", numbered))
    } else {
        String::new()
    };
    let (with, params) = with(dialect, keys);
    Statement::new(format!("{with} DELETE FROM {table} WHERE ({key}) IN (SELECT {numbered} FROM u){exact}"), params)
}

pub fn select(dialect: &impl Standard, table: &str, columns: &[&Column], keys: Rows, matching: Matching) -> Statement {
    let (texts, wires) = reads(columns, |column| dialect.read(column));
    let same_key = same_key(dialect, &keys.columns, matching);
    let (with, params) = with(dialect, keys);
    // SQLite looks up each row of the first table of a cross join in the second, never the other way round.
    let sql = format!("{with} SELECT {texts} FROM u CROSS JOIN {table} AS t WHERE {same_key}");
    Statement::new(sql, params).reading(wires)
}

/// `WHERE` and `ORDER BY` compare the same columns under their own collations, so the order is the same from page to
/// page, and since a key is unique under its collation no two rows share a place. A row with a null in its key cannot
/// be told from others and is left out.
pub fn page(dialect: &impl Standard, table: &str, page: Page) -> Statement {
    let (texts, wires) = reads(&page.columns, |column| dialect.read(column));
    let key = join(", ", page.key.iter().map(|column| format!("t.{}", dialect.quoted(&column.name))));
    let nullable = page.key.iter().filter(|column| column.nullable);
    let mut conditions: Vec<String> =
        nullable.map(|column| format!("t.{} IS NOT NULL", dialect.quoted(&column.name))).collect();
    let mut params = Vec::new();
    if let Some(after) = page.after {
        let values = page.key.iter().enumerate().map(|(i, column)| dialect.placeholder(i + 1, column));
        conditions.push(format!("({key}) > ({})", join(", ", values)));
        params = after;
    }
    let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let limit = page.limit;
    let sql = format!("SELECT {texts} FROM {table} AS t{condition} ORDER BY {key} LIMIT {limit}");
    Statement::new(sql, params).reading(wires)
}
