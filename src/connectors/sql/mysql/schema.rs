//! What `information_schema` says about tables.

use super::types::{COLLATE, Catalogued, column_type};
use crate::connectors::sql::cell::{Cell, Statement, Wire};
use crate::connectors::sql::names::TableName;
use crate::connectors::sql::schema::{grouped, missing_table};
use crate::connectors::sql::session::Session;
use crate::model::failure::Failure;
use crate::model::schema::{Column, ForeignKey, TableSchema};

const TABLES: &str = "SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')";

const FIND: &str = "SELECT CAST(COUNT(*) AS SIGNED) FROM information_schema.tables
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?
      AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')";

const COLUMNS: &str = "SELECT column_name, data_type, column_type, is_nullable = 'YES',
        column_default, extra, CAST(COALESCE(character_maximum_length, -1) AS SIGNED),
        CAST(COALESCE(numeric_precision, -1) AS SIGNED), CAST(COALESCE(numeric_scale, -1) AS SIGNED),
        CAST(COALESCE(datetime_precision, 0) AS SIGNED), COALESCE(generation_expression, ''),
        CASE WHEN character_set_name LIKE 'utf8%' THEN NULL ELSE collation_name END
    FROM information_schema.columns
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position";

/// MariaDB's JSON is LONGTEXT with the check that is named as the column.
const JSON_CHECKS: &str = "SELECT constraint_name FROM information_schema.check_constraints
    WHERE constraint_schema = COALESCE(?, DATABASE()) AND table_name = ?
      AND check_clause = CONCAT('json_valid(`', constraint_name, '`)')";

/// Unique indexes over whole columns that keep an order. One over a prefix, an expression or a hash is no key.
const UNIQUE_KEYS: &str = "SELECT index_name, column_name, sub_part IS NULL AND index_type = 'BTREE'
    FROM information_schema.statistics
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND non_unique = 0
    ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index";

const FOREIGN_KEYS: &str = "SELECT constraint_name, column_name, referenced_table_name, referenced_column_name,
        referenced_table_schema, referenced_table_schema = DATABASE()
    FROM information_schema.key_column_usage
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND referenced_table_name IS NOT NULL
    ORDER BY constraint_name, ordinal_position";

const WRITTEN: &str = "SELECT column_name FROM information_schema.columns
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND COALESCE(generation_expression, '') = ''
    ORDER BY ordinal_position LIMIT 1";

const ESTIMATE: &str = "SELECT CAST(COALESCE(table_rows, 0) AS SIGNED) FROM information_schema.tables
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";

/// About how many rows a table has, as the engine keeps it.
pub fn estimate(table: &str) -> Statement {
    Statement::new(ESTIMATE, named(table)).reading(vec![Wire::Int])
}

pub async fn list_tables(session: &mut dyn Session) -> Result<Vec<String>, Failure> {
    let rows = session.fetch(Statement::new(TABLES, Vec::new()).reading(vec![Wire::Text])).await?;
    let name = |name: Cell| TableName { schema: None, name: name.into_text() }.to_string();
    let mut tables: Vec<String> = rows.into_iter().flatten().map(name).collect();
    tables.sort();
    Ok(tables)
}

/// Schema and name, as all queries take them.
fn named(table: &str) -> Vec<Cell> {
    let name = TableName::parse(table);
    vec![name.schema.map_or(Cell::Null, Cell::text), Cell::text(name.name)]
}

async fn find(session: &mut dyn Session, table: &str) -> Result<(), Failure> {
    let found = session.fetch(Statement::new(FIND, named(table)).reading(vec![Wire::Int])).await?;
    if found.concat().iter().any(Cell::is_true) { Ok(()) } else { Err(missing_table("1146", table)) }
}

pub async fn describe(session: &mut dyn Session, is_mariadb: bool, table: &str) -> Result<TableSchema, Failure> {
    find(session, table).await?;
    let (primary_key, unique_keys) = unique_keys(session, table).await?;
    Ok(TableSchema {
        table: table.to_owned(),
        columns: columns(session, is_mariadb, table).await?,
        primary_key,
        unique_keys,
        foreign_keys: foreign_keys(session, table).await?,
    })
}

async fn columns(session: &mut dyn Session, is_mariadb: bool, table: &str) -> Result<Vec<Column>, Failure> {
    let mut json = Vec::new();
    if is_mariadb {
        let checks = Statement::new(JSON_CHECKS, named(table)).reading(vec![Wire::Text]);
        json.extend(session.fetch(checks).await?.into_iter().flatten().map(Cell::into_text));
    }
    let (text, int) = (Wire::Text, Wire::Int);
    let reads = vec![text, text, text, int, text, text, int, int, int, int, text, text];
    let mut columns = Vec::new();
    for row in session.fetch(Statement::new(COLUMNS, named(table)).reading(reads)).await? {
        let Ok([name, data, full, nullable, default, extra, chars, precision, scale, fraction, generated, collation]) =
            <[Cell; 12]>::try_from(row)
        else {
            continue;
        };
        let (name, data, full, extra) = (name.into_text(), data.into_text(), full.into_text(), extra.into_text());
        let kind = column_type(&Catalogued {
            data_type: &data,
            column_type: &full,
            chars_max: chars.as_int(),
            precision: precision.as_int(),
            scale: scale.as_int(),
            fraction_digits: fraction.as_int(),
            checked_as_json: json.contains(&name),
        });
        // MariaDB writes NULL for the default of a column that may be null; a text of that name is in quotes there.
        let has_default = match default {
            Cell::Text(default) => !(is_mariadb && &*default == "NULL"),
            _ => false,
        };
        columns.push(Column {
            name,
            kind,
            database_type: match collation {
                Cell::Text(collation) => format!("{full}{COLLATE}{collation}"),
                _ => full,
            },
            nullable: nullable.is_true(),
            has_default: has_default || extra.contains("auto_increment"),
            read_only: !generated.into_text().is_empty() || extra.contains("GENERATED ALWAYS"),
        });
    }
    Ok(columns)
}

type Keys = (Vec<String>, Vec<Vec<String>>);

async fn unique_keys(session: &mut dyn Session, table: &str) -> Result<Keys, Failure> {
    let reads = vec![Wire::Text, Wire::Text, Wire::Int];
    let mut primary_key = Vec::new();
    let mut unique_keys: Vec<Vec<String>> = Vec::new();
    for index in grouped(session.fetch(Statement::new(UNIQUE_KEYS, named(table)).reading(reads)).await?) {
        let is_whole = index.iter().all(|row| matches!(row.as_slice(), [_, Cell::Text(_), whole] if whole.is_true()));
        let is_primary = index.first().and_then(|row| row.first()) == Some(&Cell::text("PRIMARY"));
        let columns: Vec<String> =
            index.into_iter().filter_map(|row| row.into_iter().nth(1)).map(Cell::into_text).collect();
        if is_primary {
            primary_key.clone_from(&columns);
        }
        if is_whole && !unique_keys.contains(&columns) {
            unique_keys.push(columns);
        }
    }
    Ok((primary_key, unique_keys))
}

async fn foreign_keys(session: &mut dyn Session, table: &str) -> Result<Vec<ForeignKey>, Failure> {
    let text = Wire::Text;
    let reads = vec![text, text, text, text, text, Wire::Int];
    let mut foreign_keys = Vec::new();
    for key in grouped(session.fetch(Statement::new(FOREIGN_KEYS, named(table)).reading(reads)).await?) {
        let mut foreign =
            ForeignKey { columns: Vec::new(), referred_table: String::new(), referred_columns: Vec::new() };
        for row in key {
            let Ok([_, column, other, referred, schema, is_default]) = <[Cell; 6]>::try_from(row) else { continue };
            let schema = (!is_default.is_true()).then(|| schema.into_text());
            foreign.referred_table = TableName { schema, name: other.into_text() }.to_string();
            foreign.columns.push(column.into_text());
            foreign.referred_columns.push(referred.into_text());
        }
        foreign_keys.push(foreign);
    }
    Ok(foreign_keys)
}

/// Asks for the plan of an update, for which the server wants the privilege for one.
pub async fn check_privileges(session: &mut dyn Session, table: &str, quoted: &str) -> Result<(), Failure> {
    find(session, table).await?;
    let written = session.fetch(Statement::new(WRITTEN, named(table)).reading(vec![Wire::Text])).await?;
    let Some(column) = written.into_iter().flatten().next() else { return Ok(()) };
    let name = super::sql::quote(&column.into_text());
    let plan = format!("EXPLAIN UPDATE {quoted} SET {name} = {name} WHERE 1 = 0");
    session.fetch(Statement::new(plan, Vec::new())).await.map(drop)
}
