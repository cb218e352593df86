//! What SQLite's pragmas say about tables.

use super::types::column_type;
use crate::connectors::sql::cell::{Cell, Statement, Wire};
use crate::connectors::sql::names::TableName;
use crate::connectors::sql::schema::{grouped, missing_table};
use crate::connectors::sql::session::Session;
use crate::model::failure::Failure;
use crate::model::schema::{Column, ColumnType, ForeignKey, TableSchema};

const TABLES: &str = "SELECT name FROM pragma_table_list
    WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

const FIND: &str = "SELECT name, wr FROM pragma_table_list
    WHERE schema = 'main' AND type = 'table' AND lower(name) = lower(?)";

/// `hidden` is 2 or 3 for generated columns.
const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?)
    ORDER BY cid";

/// Columns of unique indexes that hold over all rows. An expression has no name.
const UNIQUE_KEYS: &str = "SELECT l.name, x.name, x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x
    WHERE l.\"unique\" = 1 AND l.partial = 0 AND x.key = 1 ORDER BY l.origin <> 'pk', l.seq, x.seqno";

/// `to` is null when the other table's primary key is meant.
const FOREIGN_KEYS: &str = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?) ORDER BY id, seq";

fn texts(columns: usize) -> Vec<Wire> {
    vec![Wire::Text; columns]
}

pub async fn list_tables(session: &mut dyn Session) -> Result<Vec<String>, Failure> {
    let rows = session.fetch(Statement::new(TABLES, Vec::new()).reading(texts(1))).await?;
    let mut tables: Vec<String> =
        rows.into_iter().flatten().map(|name| TableName { schema: None, name: name.into_text() }.to_string()).collect();
    tables.sort();
    Ok(tables)
}

/// The table's own spelling of its name, and whether it is WITHOUT ROWID.
pub async fn find(session: &mut dyn Session, table: &str) -> Result<(String, bool), Failure> {
    let name = TableName::parse(table);
    let is_main = name.schema.as_deref().is_none_or(|schema| schema.eq_ignore_ascii_case("main"));
    let statement = Statement::new(FIND, vec![Cell::text(name.name)]).reading(texts(2));
    match session.fetch(statement).await?.into_iter().next().map(<[Cell; 2]>::try_from) {
        Some(Ok([name, without_rowid])) if is_main => Ok((name.into_text(), without_rowid.is_true())),
        _ => Err(missing_table("1", table)),
    }
}

pub async fn describe(session: &mut dyn Session, table: &str) -> Result<TableSchema, Failure> {
    let (name, without_rowid) = find(session, table).await?;
    let (columns, primary_key) = columns(session, &name, without_rowid).await?;
    let mut unique_keys = unique_keys(session, &name, &columns).await?;
    // A key that is the rowid itself has no index.
    if !primary_key.is_empty() && !unique_keys.contains(&primary_key) && is_rowid(&columns, &primary_key, without_rowid)
    {
        unique_keys.insert(0, primary_key.clone());
    }
    let foreign_keys = foreign_keys(session, &name).await?;
    Ok(TableSchema { table: table.to_owned(), columns, primary_key, unique_keys, foreign_keys })
}

fn is_rowid(columns: &[Column], primary_key: &[String], without_rowid: bool) -> bool {
    let [only] = primary_key else { return false };
    !without_rowid && columns.iter().any(|c| c.name == *only && c.database_type.eq_ignore_ascii_case("INTEGER"))
}

type Columns = (Vec<Column>, Vec<String>);

async fn columns(session: &mut dyn Session, table: &str, without_rowid: bool) -> Result<Columns, Failure> {
    let statement = Statement::new(COLUMNS, vec![Cell::text(table)]).reading(texts(6));
    let mut columns = Vec::new();
    let mut key: Vec<(i64, String)> = Vec::new();
    for row in session.fetch(statement).await? {
        let Ok([name, declared, not_null, filled, place, hidden]) = <[Cell; 6]>::try_from(row) else { continue };
        let (name, declared) = (name.into_text(), declared.into_text());
        if place.as_int() > 0 {
            key.push((place.as_int(), name.clone()));
        }
        columns.push(Column {
            name,
            kind: column_type(&declared),
            database_type: declared,
            nullable: !(not_null.is_true() || without_rowid && place.as_int() > 0),
            has_default: filled.is_true(),
            read_only: hidden.as_int() != 0,
        });
    }
    key.sort();
    let primary_key: Vec<String> = key.into_iter().map(|(_, name)| name).collect();
    if is_rowid(&columns, &primary_key, without_rowid) {
        for column in columns.iter_mut().filter(|column| primary_key.contains(&column.name)) {
            (column.nullable, column.has_default) = (false, true);
        }
    }
    Ok((columns, primary_key))
}

async fn unique_keys(session: &mut dyn Session, table: &str, columns: &[Column]) -> Result<Vec<Vec<String>>, Failure> {
    let statement = Statement::new(UNIQUE_KEYS, vec![Cell::text(table)]).reading(texts(3));
    let mut keys: Vec<Vec<String>> = Vec::new();
    for index in grouped(session.fetch(statement).await?) {
        let mut key = Vec::new();
        let mut usable = true;
        for row in index {
            let Ok([_, name, collation]) = <[Cell; 3]>::try_from(row) else { continue };
            let (name, collation) = (name.into_text(), collation.into_text());
            let is_text = |column: &&Column| column.name == name && matches!(column.kind, ColumnType::String { .. });
            usable &= !name.is_empty();
            if usable && columns.iter().any(|column| is_text(&column)) {
                usable &= collation.eq_ignore_ascii_case(own_collation(session, table, &name).await?);
            }
            key.push(name);
        }
        if usable && !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// A column's collation, which no pragma tells: a UNION compares under that of its first column. An index under another
/// one keeps unique what the column does not tell apart, or the other way round, so it is no key.
async fn own_collation(session: &mut dyn Session, table: &str, column: &str) -> Result<&'static str, Failure> {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let distinct = |other: &str| {
        let own = format!("SELECT {} FROM {} WHERE false", quote(column), quote(table));
        format!("(SELECT count(*) FROM ({own} UNION SELECT 'a' UNION SELECT '{other}'))")
    };
    let probe = format!("SELECT {}, {}", distinct("A"), distinct("a "));
    let answer = session.fetch(Statement::new(probe, Vec::new()).reading(texts(2))).await?.concat();
    Ok(match answer.iter().map(Cell::as_int).collect::<Vec<_>>().as_slice() {
        [1, _] => "NOCASE",
        [_, 1] => "RTRIM",
        _ => "BINARY",
    })
}

async fn foreign_keys(session: &mut dyn Session, table: &str) -> Result<Vec<ForeignKey>, Failure> {
    let statement = Statement::new(FOREIGN_KEYS, vec![Cell::text(table)]).reading(texts(4));
    let mut foreign_keys = Vec::new();
    for key in grouped(session.fetch(statement).await?) {
        let mut foreign =
            ForeignKey { columns: Vec::new(), referred_table: String::new(), referred_columns: Vec::new() };
        for row in key {
            let Ok([_, other, from, to]) = <[Cell; 4]>::try_from(row) else { continue };
            foreign.referred_table = TableName { schema: None, name: other.into_text() }.to_string();
            foreign.columns.push(from.into_text());
            foreign.referred_columns.extend(Some(to.into_text()).filter(|to| !to.is_empty()));
        }
        if foreign.referred_columns.is_empty() {
            let other = TableName::parse(&foreign.referred_table).name;
            foreign.referred_columns = columns(session, &other, false).await?.1;
        }
        foreign_keys.push(foreign);
    }
    Ok(foreign_keys)
}
