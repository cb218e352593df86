//! Reading rows: a page after a key, or the rows with certain keys.

use super::cell::{Cell, Statement, Wire};
use super::dialect::{Dialect, Matching, Page, Rows};
use super::failures;
use super::session::Session;
use crate::connectors::{KeyRead, PageRead};
use crate::model::failure::{ErrorType, Failure};
use crate::model::key::Key;
use crate::model::row::{Name, Row};
use crate::model::schema::{Column, TableSchema};
use crate::model::value::Value;

/// The columns with these names. The schema may be older than the table, so one may be missing.
pub fn columns<'a>(
    table: &'a TableSchema,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<&'a Column>, Failure> {
    let find = |name: &str| {
        table.column(name).ok_or_else(|| {
            let message = format!("table {} has no column {name}", table.table);
            Failure { column: Some(name.to_owned()), ..Failure::new(ErrorType::Configuration, "", message) }
        })
    };
    names.into_iter().map(find).collect()
}

/// What is selected: the key first, since every row is named by it, then what was asked for beside it.
struct Selection<'a> {
    key: Vec<&'a Column>,
    all: Vec<&'a Column>,
    /// The names that the rows have for what was asked for; none for a column that is only read to name the row.
    names: Vec<Option<Name>>,
}

impl<'a> Selection<'a> {
    fn new(table: &'a TableSchema, key: &'a [String], wanted: &'a [String]) -> Result<Self, Failure> {
        let key = columns(table, key.iter().map(String::as_str))?;
        let mut all = key.clone();
        for column in columns(table, wanted.iter().map(String::as_str))? {
            if !all.iter().any(|known| known.name == column.name) {
                all.push(column);
            }
        }
        let names = all.iter().map(|column| wanted.contains(&column.name).then(|| column.name.as_str().into()));
        let names = names.collect();
        Ok(Self { key, all, names })
    }

    fn row(&self, dialect: &dyn Dialect, cells: Vec<Cell>) -> Result<Row, Failure> {
        let key_cells = cells[..self.key.len().min(cells.len())].to_vec();
        let values = self.all.iter().zip(&self.names).zip(cells).enumerate().map(|(place, ((column, name), cell))| {
            let value = dialect.decode(column, cell).and_then(|value| {
                if let Some(stored) = key_cells.get(place) {
                    dialect.check_key(column, stored, &value)?;
                }
                Ok(value)
            });
            let value = value.map_err(|misfit| {
                let failure = failures::misfit(column, &misfit);
                let message = format!("the row with the key {}: {}", told(&key_cells), failure.message);
                Failure { message, ..failure }
            })?;
            Ok(name.clone().map(|name| (name, value)))
        });
        values.filter_map(Result::transpose).collect()
    }
}

/// A key as it is stored, for messages.
fn told(cells: &[Cell]) -> String {
    let value = |cell: &Cell| match cell {
        Cell::Bool(truth) => Value::Bool(*truth),
        Cell::Int(number) => Value::Int(*number),
        Cell::Double(number) => Value::Double(*number),
        Cell::Text(text) => Value::String(text.clone()),
        Cell::Bytes(bytes) => Value::Bytes(bytes.clone()),
        Cell::Null | Cell::List(..) => Value::Null,
    };
    Key::new(cells.iter().map(value).collect()).to_string()
}

pub async fn page(dialect: &dyn Dialect, session: &mut dyn Session, read: &PageRead<'_>) -> Result<Vec<Row>, Failure> {
    let selection = Selection::new(read.table, read.key, read.columns)?;
    let after = match read.after {
        Some(values) => Some(key_cells(dialect, &selection.key, values)?),
        None => None,
    };
    let page = Page { columns: selection.all.clone(), key: selection.key.clone(), after, limit: read.limit };
    let rows = session.fetch(dialect.page(&dialect.table(&read.table.table), page)).await?;
    rows.into_iter().map(|cells| selection.row(dialect, cells)).collect()
}

pub async fn keys(dialect: &dyn Dialect, session: &mut dyn Session, read: &KeyRead<'_>) -> Result<Vec<Row>, Failure> {
    let selection = Selection::new(read.table, read.key, read.columns)?;
    let mut cells = Vec::with_capacity(read.keys.len());
    for key in read.keys {
        // A key that the column cannot hold is in no row.
        if let Ok(key) = key_cells(dialect, &selection.key, key) {
            cells.push(key);
        }
    }
    let table = dialect.table(&read.table.table);
    let mut found = Vec::new();
    let rows: Vec<&[Cell]> = cells.iter().map(Vec::as_slice).collect();
    let mut waiting = chunks(dialect, session.statement_bytes_max(), selection.key.len(), &rows);
    while let Some(chunk) = waiting.pop() {
        let keys = Rows { columns: selection.key.clone(), cells: chunk.to_vec() };
        let mut select = dialect.select(&table, &selection.all, keys, Matching::Exact);
        if read.wait_for_changes {
            select.sql.push_str(dialect.locking());
        }
        let rows = match session.fetch(select).await {
            Ok(rows) => rows,
            // A key in characters that the column does not know is in no row, and hides no other.
            Err(failure) if failure.kind == ErrorType::BadRequest => {
                if let [_, _, ..] = chunk {
                    let (first, second) = chunk.split_at(chunk.len() / 2);
                    waiting.extend([second, first]);
                }
                continue;
            }
            Err(failure) => return Err(failure),
        };
        for row in rows {
            found.push(selection.row(dialect, row)?);
        }
    }
    Ok(found)
}

/// A table that its database takes for larger is not counted row by row without need.
const COUNTED_ROWS_MAX: u64 = 100_000;

/// How many rows the table has, or about how many.
pub async fn count(
    dialect: &dyn Dialect,
    session: &mut dyn Session,
    table: &TableSchema,
    exact: bool,
) -> Result<u64, Failure> {
    let first = |rows: Vec<Vec<Cell>>| rows.first().and_then(|row| row.first()).map_or(0, Cell::as_int);
    if !exact && let Some(estimate) = dialect.estimate(&table.table) {
        let estimate = u64::try_from(first(session.fetch(estimate).await?)).unwrap_or(0);
        if estimate > COUNTED_ROWS_MAX {
            return Ok(estimate);
        }
    }
    let count = format!("SELECT count(*) FROM {}", dialect.table(&table.table));
    let rows = session.fetch(Statement::new(count, Vec::new()).reading(vec![Wire::Int])).await?;
    Ok(u64::try_from(first(rows)).unwrap_or(0))
}

/// A key's values as cells.
fn key_cells(dialect: &dyn Dialect, key: &[&Column], values: &[Value]) -> Result<Vec<Cell>, Failure> {
    if key.len() != values.len() {
        let message = format!("the key has {} columns, {} values were given", key.len(), values.len());
        return Err(Failure::new(ErrorType::BadRequest, "", message));
    }
    let cell = |(column, value): (&&Column, &Value)| {
        dialect.encode(column, value).map_err(|misfit| failures::misfit(column, &misfit))
    };
    key.iter().zip(values).map(cell).collect()
}

/// Rows in pieces that one statement takes: by their number, and by their bytes unless a single row has more.
pub fn chunks<'a, 'c>(
    dialect: &dyn Dialect,
    bytes_max: usize,
    values: usize,
    rows: &'a [&'c [Cell]],
) -> Vec<&'a [&'c [Cell]]> {
    let mut chunks = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|row| {
            bytes += row.iter().map(Cell::size).sum::<usize>();
            bytes <= bytes_max
        });
        let count = dialect.chunk(fits.count().max(1), values);
        let (chunk, after) = rest.split_at(count);
        chunks.push(chunk);
        rest = after;
    }
    chunks
}
