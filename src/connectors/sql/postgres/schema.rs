//! What PostgreSQL's catalogs say about tables.

use super::types::{Catalogued, column_type};
use crate::connectors::sql::cell::{Cell, Statement, Wire};
use crate::connectors::sql::names::TableName;
use crate::connectors::sql::schema::{grouped, missing_table};
use crate::connectors::sql::session::Session;
use crate::model::failure::{ErrorType, Failure};
use crate::model::schema::{Column, ForeignKey, TableSchema};

const TABLES: &str = "
    SELECT n.nspname::text, c.relname::text, n.nspname = current_schema()
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";

const FIND: &str = "
    SELECT c.oid::int8
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relname = $1::text
      AND n.nspname = COALESCE($2::text, current_schema()::text)";

/// A domain stands for its base type; where several are stacked the first bound counts.
const COLUMNS: &str = "
    WITH RECURSIVE kind AS (
        SELECT a.attnum, a.atttypid AS oid, a.atttypmod AS typmod, false AS fixed, false AS filled
        FROM pg_attribute a WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT k.attnum, t.typbasetype, CASE WHEN k.typmod = -1 THEN t.typtypmod ELSE k.typmod END,
               k.fixed OR t.typnotnull, k.filled OR t.typdefault IS NOT NULL
        FROM kind k JOIN pg_type t ON t.oid = k.oid WHERE t.typtype = 'd'
    )
    SELECT a.attname::text, t.typname::text, t.typtype::text, k.typmod::int8, format_type(k.oid, k.typmod),
           NOT (a.attnotnull OR k.fixed), a.atthasdef OR k.filled OR a.attidentity <> '',
           a.attgenerated <> '',
           a.attidentity = 'a' AND NOT EXISTS (
               SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey))
    FROM kind k
    JOIN pg_type t ON t.oid = k.oid AND t.typtype <> 'd'
    JOIN pg_attribute a ON a.attrelid = $1::int8::oid AND a.attnum = k.attnum
    ORDER BY a.attnum";

/// Unique indexes that hold over all rows, at once, under the columns' own collations; others keep no key.
const UNIQUE_KEYS: &str = "
    SELECT i.indexrelid::int8, a.attname::text, i.indisprimary
    FROM pg_index i
    CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS place
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
    WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (
          SELECT FROM generate_series(0, i.indnkeyatts - 1) AS p
          JOIN pg_attribute o ON o.attrelid = i.indrelid AND o.attnum = i.indkey[p]
          WHERE i.indcollation[p] <> o.attcollation)
    ORDER BY NOT i.indisprimary, i.indexrelid, place";

const FOREIGN_KEYS: &str = "
    SELECT k.oid::int8, a.attname::text, n.nspname::text, c.relname::text, n.nspname = current_schema(), b.attname::text
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.confrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL generate_subscripts(k.conkey, 1) AS place
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[place]
    JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[place]
    WHERE k.conrelid = $1::int8::oid AND k.contype = 'f'
    ORDER BY k.oid, place";

/// Not in recovery, not read only, and privileges for what an upsert needs.
const WRITABLE: &str = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool";
const PRIVILEGES: &str = "
    SELECT to_regclass($1::text) IS NOT NULL,
           COALESCE(has_table_privilege(to_regclass($1::text), 'INSERT')
                    OR has_any_column_privilege(to_regclass($1::text), 'INSERT'), false)
           AND COALESCE(has_table_privilege(to_regclass($1::text), 'UPDATE')
                    OR has_any_column_privilege(to_regclass($1::text), 'UPDATE'), false)";

pub async fn list_tables(session: &mut dyn Session) -> Result<Vec<String>, Failure> {
    let statement = Statement::new(TABLES, Vec::new()).reading(vec![Wire::Text, Wire::Text, Wire::Bool]);
    let mut tables = Vec::new();
    for row in session.fetch(statement).await? {
        if let Ok([schema, name, is_default]) = <[Cell; 3]>::try_from(row) {
            tables.push(table_name(schema, name, &is_default));
        }
    }
    tables.sort();
    Ok(tables)
}

fn table_name(schema: Cell, name: Cell, is_default: &Cell) -> String {
    let schema = (!is_default.is_true()).then(|| schema.into_text());
    TableName { schema, name: name.into_text() }.to_string()
}

pub async fn describe(session: &mut dyn Session, table: &str) -> Result<TableSchema, Failure> {
    let name = TableName::parse(table);
    let schema = name.schema.map_or(Cell::Null, Cell::text);
    let find = Statement::new(FIND, vec![Cell::text(name.name), schema]).reading(vec![Wire::Int]);
    let found = session.fetch(find).await?;
    let oid = match found.first().and_then(|row| row.first()) {
        Some(oid) => oid.clone(),
        None => return Err(missing_table("42P01", table)),
    };
    let (primary_key, unique_keys) = unique_keys(session, &oid).await?;
    Ok(TableSchema {
        table: table.to_owned(),
        columns: columns(session, &oid).await?,
        primary_key,
        unique_keys,
        foreign_keys: foreign_keys(session, &oid).await?,
    })
}

async fn columns(session: &mut dyn Session, oid: &Cell) -> Result<Vec<Column>, Failure> {
    let reads =
        vec![Wire::Text, Wire::Text, Wire::Text, Wire::Int, Wire::Text, Wire::Bool, Wire::Bool, Wire::Bool, Wire::Bool];
    let mut columns = Vec::new();
    for row in session.fetch(Statement::new(COLUMNS, vec![oid.clone()]).reading(reads)).await? {
        let Ok([name, base, typtype, modifier, text, nullable, filled, generated, identity]) =
            <[Cell; 9]>::try_from(row)
        else {
            continue;
        };
        let (base, typtype) = (base.into_text(), typtype.into_text());
        columns.push(Column {
            name: name.into_text(),
            kind: column_type(&Catalogued { name: &base, typtype: &typtype, modifier: modifier.as_int() }),
            database_type: text.into_text(),
            nullable: nullable.is_true(),
            has_default: filled.is_true(),
            read_only: generated.is_true() || identity.is_true(),
        });
    }
    Ok(columns)
}

type Keys = (Vec<String>, Vec<Vec<String>>);

async fn unique_keys(session: &mut dyn Session, oid: &Cell) -> Result<Keys, Failure> {
    let statement = Statement::new(UNIQUE_KEYS, vec![oid.clone()]).reading(vec![Wire::Int, Wire::Text, Wire::Bool]);
    let mut primary_key = Vec::new();
    let mut unique_keys: Vec<Vec<String>> = Vec::new();
    for key in grouped(session.fetch(statement).await?) {
        let is_primary = key.first().is_some_and(|row| row.get(2).is_some_and(Cell::is_true));
        let columns: Vec<String> =
            key.into_iter().filter_map(|row| row.into_iter().nth(1)).map(Cell::into_text).collect();
        if is_primary {
            primary_key.clone_from(&columns);
        }
        if !unique_keys.contains(&columns) {
            unique_keys.push(columns);
        }
    }
    Ok((primary_key, unique_keys))
}

async fn foreign_keys(session: &mut dyn Session, oid: &Cell) -> Result<Vec<ForeignKey>, Failure> {
    let reads = vec![Wire::Int, Wire::Text, Wire::Text, Wire::Text, Wire::Bool, Wire::Text];
    let statement = Statement::new(FOREIGN_KEYS, vec![oid.clone()]).reading(reads);
    let mut foreign_keys = Vec::new();
    for key in grouped(session.fetch(statement).await?) {
        let mut foreign =
            ForeignKey { columns: Vec::new(), referred_table: String::new(), referred_columns: Vec::new() };
        for row in key {
            let Ok([_, column, schema, name, is_default, referred]) = <[Cell; 6]>::try_from(row) else { continue };
            foreign.columns.push(column.into_text());
            foreign.referred_table = table_name(schema, name, &is_default);
            foreign.referred_columns.push(referred.into_text());
        }
        foreign_keys.push(foreign);
    }
    Ok(foreign_keys)
}

/// `table` as it stands in SQL.
pub async fn check_writable(session: &mut dyn Session, table: Option<String>) -> Result<(), Failure> {
    let answer = session.fetch(Statement::new(WRITABLE, Vec::new()).reading(vec![Wire::Bool])).await?;
    if answer.concat().iter().any(Cell::is_true) {
        return Err(Failure::new(ErrorType::Unavailable, "25006", "the database is read-only"));
    }
    let Some(table) = table else { return Ok(()) };
    let ask = Statement::new(PRIVILEGES, vec![Cell::text(table.as_str())]).reading(vec![Wire::Bool, Wire::Bool]);
    match session.fetch(ask).await?.concat().as_slice() {
        [exists, _] if !exists.is_true() => Err(missing_table("42P01", &table)),
        [_, allowed] if !allowed.is_true() => {
            let message = format!("{table} may not be inserted into and updated by this account");
            Err(Failure::new(ErrorType::Authentication, "42501", message))
        }
        _ => Ok(()),
    }
}
