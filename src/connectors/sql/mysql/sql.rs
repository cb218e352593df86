//! MariaDB's and MySQL's statements.

use super::types;
use crate::connectors::sql::cell::{Cell, Statement};
use crate::connectors::sql::dialect::{Existing, Matching, Page, Rows, join, reads};
use crate::model::schema::{Column, ColumnType};

pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn names(columns: &[&Column]) -> String {
    join(", ", columns.iter().map(|column| quote(&column.name)))
}

/// Whether null put into the column is refused, whatever the server's settings. Null means something else for others:
/// the present time for a TIMESTAMP.
pub fn can_guard(key: &Column) -> bool {
    !key.nullable && !matches!(key.kind, ColumnType::Timestamp { .. })
}

/// `ON DUPLICATE KEY UPDATE` goes for the row that has any unique key in common, which may be another record's (pain 41).
/// So its first assignment is a guard: when the row that was met has not this key, a key column gets null, and the
/// statement is refused. No knowledge of the table's indexes is needed, which may have changed since they were read.
pub fn insert(table: &str, rows: Rows, existing: &Existing) -> Statement {
    let columns = names(&rows.columns);
    let row = format!("({})", join(",", rows.columns.iter().map(|_| "?".to_owned())));
    let values = join(",", rows.cells.iter().map(|_| row.clone()));
    let on_duplicate = match existing {
        Existing::Refuse => String::new(),
        Existing::Update { key, set } => {
            let same = key.iter().map(|column| {
                let name = quote(&column.name);
                let (met, given) = (types::exact(column, &name), types::exact(column, &format!("VALUES({name})")));
                format!("{met} <=> {given}")
            });
            let same = join(" AND ", same);
            let guard = key.iter().filter(|column| can_guard(column)).take(1);
            let guard = guard.map(|c| quote(&c.name)).map(|c| format!("{c} = IF({same}, {c}, NULL)"));
            let set = set.iter().map(|c| quote(&c.name)).map(|c| format!("{c} = VALUES({c})"));
            format!(" ON DUPLICATE KEY UPDATE {}", join(", ", guard.chain(set)))
        }
    };
    let params = rows.cells.into_iter().flatten().cloned().collect();
    Statement::new(format!("INSERT INTO {table} ({columns}) VALUES {values}{on_duplicate}"), params)
}

/// One row with its values, or several with one CASE over the keys for each column.
pub fn update(table: &str, key: usize, rows: Rows) -> Statement {
    let (keys, set) = rows.columns.split_at(key);
    let same = join(" AND ", keys.iter().map(|column| exactly_equal(column)));
    let one = rows.cells.len() == 1;
    let mut params = Vec::new();
    let mut assignments = Vec::new();
    for (place, column) in set.iter().enumerate() {
        if one {
            assignments.push(format!("{} = ?", quote(&column.name)));
        } else {
            let case = format!("WHEN {same} THEN ?");
            let cases = join(" ", rows.cells.iter().map(|_| case.clone()));
            assignments.push(format!("{} = CASE {cases} END", quote(&column.name)));
        }
        for row in &rows.cells {
            if !one {
                params.extend_from_slice(&row[..key]);
            }
            params.push(row[key + place].clone());
        }
    }
    let found: Vec<&[Cell]> = rows.cells.iter().map(|row| &row[..key]).collect();
    let condition = any_of(keys, &found, Matching::Exact, &mut params);
    Statement::new(format!("UPDATE {table} SET {} WHERE {condition}", assignments.join(", ")), params)
}

pub fn delete(table: &str, keys: Rows) -> Statement {
    let mut params = Vec::new();
    let condition = any_of(&keys.columns, &keys.cells, Matching::Exact, &mut params);
    Statement::new(format!("DELETE FROM {table} WHERE {condition}"), params)
}

pub fn select(table: &str, columns: &[&Column], keys: Rows, matching: Matching) -> Statement {
    let (texts, wires) = reads(columns, types::read);
    let mut params = Vec::new();
    let condition = any_of(&keys.columns, &keys.cells, matching, &mut params);
    Statement::new(format!("SELECT {texts} FROM {table} WHERE {condition}"), params).reading(wires)
}

fn exactly_equal(column: &Column) -> String {
    format!("{} = {}", types::exact(column, &quote(&column.name)), types::exact_placeholder(column))
}

/// `a IN (?, …)` or `(a, b) IN ((?, ?), …)`: constants of the columns' types, which an index can be asked for. What is
/// exact comes second, for the rows that the index has found.
fn any_of(key: &[&Column], cells: &[&[Cell]], matching: Matching, params: &mut Vec<Cell>) -> String {
    let list = |names: Vec<String>, places: Vec<String>| {
        let row = |parts: Vec<String>| match parts.as_slice() {
            [only] => only.clone(),
            several => format!("({})", several.join(", ")),
        };
        let place = row(places);
        format!("{} IN ({})", row(names), join(", ", cells.iter().map(|_| place.clone())))
    };
    let found = list(
        key.iter().map(|column| quote(&column.name)).collect(),
        key.iter().map(|column| types::placeholder(column)).collect(),
    );
    params.extend(cells.iter().copied().flatten().cloned());
    if matching == Matching::Collated || !key.iter().any(|column| types::is_text(column)) {
        return found;
    }
    let exact = list(
        key.iter().map(|column| types::exact(column, &quote(&column.name))).collect(),
        key.iter().map(|column| types::exact_placeholder(column)).collect(),
    );
    params.extend(cells.iter().copied().flatten().cloned());
    format!("{found} AND {exact}")
}

/// `(a, b) > (?, ?)` is spelled out, since only then an index is used: `a > ? OR (a = ? AND b > ?)`. What is compared
/// is what is ordered by, under the same collation; see `standard::page` for why that loses no row.
pub fn page(table: &str, page: Page) -> Statement {
    let (texts, wires) = reads(&page.columns, types::read);
    let order: Vec<String> = page.key.iter().map(|column| types::order(column)).collect();
    let nullable = page.key.iter().filter(|column| column.nullable);
    let mut conditions: Vec<String> = nullable.map(|column| format!("{} IS NOT NULL", quote(&column.name))).collect();
    let mut params: Vec<Cell> = Vec::new();
    if let Some(after) = page.after {
        let places: Vec<String> = page.key.iter().map(|column| types::order_placeholder(column)).collect();
        let mut alternatives = Vec::new();
        for last in 0..order.len() {
            let equal = (0..last).map(|i| format!("{} = {}", order[i], places[i]));
            let parts = equal.chain([format!("{} > {}", order[last], places[last])]);
            alternatives.push(format!("({})", join(" AND ", parts)));
            params.extend_from_slice(&after[..=last]);
        }
        conditions.push(format!("({})", alternatives.join(" OR ")));
    }
    let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let (order, limit) = (order.join(", "), page.limit);
    Statement::new(format!("SELECT {texts} FROM {table}{condition} ORDER BY {order} LIMIT {limit}"), params)
        .reading(wires)
}
