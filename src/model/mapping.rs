//! A map's mapping, made ready for use: checks records against it and turns them into what is written.

use super::change::{Cause, Change, Operation};
use super::key::Key;
use super::print::Over;
use super::row::{Name, Row};
use super::schema::{Column, ColumnType};
use super::side::Side;
use super::table_map::{Schemas, TableMap};
use super::value::Value;
use std::collections::BTreeSet;

/// Something wrong with what a caller sent: which field, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the request.
    pub field: String,
    pub description: String,
}

impl Violation {
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// A pair of mapped columns and their types.
#[derive(Debug, Clone)]
struct Pair {
    left: Name,
    right: Name,
    left_kind: ColumnType,
    right_kind: ColumnType,
    carries_left: bool,
    carries_right: bool,
}

impl Pair {
    fn name(&self, side: Side) -> &Name {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    fn column(&self, side: Side) -> &str {
        self.name(side)
    }

    fn kind(&self, side: Side) -> &ColumnType {
        match side {
            Side::Left => &self.left_kind,
            Side::Right => &self.right_kind,
        }
    }

    fn carries(&self, source: Side) -> bool {
        match source {
            Side::Left => self.carries_left,
            Side::Right => self.carries_right,
        }
    }
}

/// A record that was checked against the map: what a change is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedRecord {
    pub key: Key,
    pub previous_key: Option<Key>,
    /// Mapped columns that go to the other side, key columns not among them.
    pub row: Row,
}

/// A record in the destination's columns.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedRecord {
    pub key: Vec<(Name, Value)>,
    pub previous_key: Option<Vec<Value>>,
    /// `None` deletes.
    pub values: Option<Row>,
    /// What an insert has beside them.
    pub insert_values: Row,
    /// Mapped columns that the record does not have.
    pub absent: Vec<String>,
    /// What must be there for it to be written.
    pub over: Option<Over>,
}

impl MappedRecord {
    /// What it leaves at the destination at most; none when it deletes.
    pub fn written(&self) -> Option<[&Row; 2]> {
        self.values.as_ref().map(|values| [values, &self.insert_values])
    }
}

/// The mapping of one map as it runs: made from its definition and both tables.
#[derive(Debug, Clone)]
pub struct Plan {
    master: Side,
    key: Vec<Pair>,
    columns: Vec<Pair>,
    /// All columns of both tables, to tell one that is not mapped from one that is not there.
    left_columns: BTreeSet<String>,
    right_columns: BTreeSet<String>,
}

impl Plan {
    /// The plan of a map that passed validation against these tables. `None` when a mapped column is not in them.
    pub fn new(map: &TableMap, schemas: &Schemas) -> Option<Plan> {
        let definition = &map.definition;
        let pair = |mapping: &super::table_map::ColumnMapping| -> Option<Pair> {
            Some(Pair {
                left: mapping.left_column.as_str().into(),
                right: mapping.right_column.as_str().into(),
                left_kind: schemas.left.column(&mapping.left_column)?.kind.clone(),
                right_kind: schemas.right.column(&mapping.right_column)?.kind.clone(),
                carries_left: mapping.direction.carries(Side::Left),
                carries_right: mapping.direction.carries(Side::Right),
            })
        };
        let mut key = Vec::with_capacity(definition.integration_key.len());
        for column in &definition.integration_key {
            let mapping = definition.columns.iter().find(|mapping| &mapping.left_column == column)?;
            key.push(pair(mapping)?);
        }
        let columns = definition
            .columns
            .iter()
            .filter(|mapping| !definition.integration_key.contains(&mapping.left_column))
            .map(pair)
            .collect::<Option<Vec<_>>>()?;
        let names = |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect();
        Some(Plan {
            master: definition.master,
            key,
            columns,
            left_columns: names(&schemas.left.columns),
            right_columns: names(&schemas.right.columns),
        })
    }

    pub fn master(&self) -> Side {
        self.master
    }

    /// The plan with another side as the master: what a run can ask for.
    pub fn with_master(mut self, master: Side) -> Self {
        self.master = master;
        self
    }

    /// Whether changes from this side go to the other one.
    pub fn carries(&self, source: Side) -> bool {
        self.key.iter().all(|pair| pair.carries(source))
    }

    /// The key's columns on one side, in the map's order.
    pub fn key_columns(&self, side: Side) -> Vec<String> {
        self.key.iter().map(|pair| pair.column(side).to_owned()).collect()
    }

    /// The columns that are read at the source to copy a row: the key's and all that go to the other side.
    pub fn source_columns(&self, source: Side) -> Vec<String> {
        let carried = self.columns.iter().filter(|pair| pair.carries(source));
        self.key.iter().chain(carried).map(|pair| pair.column(source).to_owned()).collect()
    }

    /// The column of a side that is written to this one of the other side.
    pub fn source_of(&self, source: Side, column: &str) -> Option<&str> {
        let mut carried = self.columns.iter().filter(|pair| pair.carries(source));
        carried.find(|pair| pair.column(source.other()) == column).map(|pair| pair.column(source))
    }

    /// What the left side calls a column of a side: the name that both share.
    pub fn left_name(&self, side: Side, column: &str) -> Option<&str> {
        self.columns.iter().find(|pair| pair.column(side) == column).map(|pair| pair.column(Side::Left))
    }

    /// The column of the other side that a bidirectional column belongs to; none for one that goes one way.
    pub fn counterpart(&self, side: Side, column: &str) -> Option<&str> {
        self.columns
            .iter()
            .find(|pair| pair.column(side) == column && pair.carries_left && pair.carries_right)
            .map(|pair| pair.column(side.other()))
    }

    /// Checks what a caller sent against the source's table; every violation at once.
    pub fn check(
        &self,
        source: Side,
        operation: Operation,
        mut record: Row,
        previous_key: Option<Row>,
    ) -> Result<CheckedRecord, Vec<Violation>> {
        let mut violations = Vec::new();
        let key = self.take_key(source, &mut record, "record", &mut violations);
        let previous_key = previous_key.and_then(|mut previous| {
            let key = self.take_key(source, &mut previous, "previous_key", &mut violations);
            for column in previous.columns() {
                violations.push(Violation::new(
                    field_path("previous_key", column),
                    "is no column of the integration key; a previous key has those only",
                ));
            }
            key
        });
        let mut row = Row::new();
        for (column, value) in record {
            let path = || field_path("record", &column);
            match self.columns.iter().find(|pair| pair.column(source) == &*column) {
                Some(pair) => {
                    if let Err(misfit) = accepts(pair.kind(source), &value) {
                        violations.push(Violation::new(path(), misfit));
                    } else if pair.carries(source) && operation == Operation::Upsert {
                        row.set(column, value);
                    }
                }
                None if self.columns_of(source).contains(&*column) => {} // a column that is not mapped stays where it is
                None => {
                    violations.push(Violation::new(path(), format!("the {} table has no such column", source.as_str())))
                }
            }
        }
        match key {
            Some(key) if violations.is_empty() => {
                // A key that did not change is no key change.
                let previous_key = previous_key.filter(|previous| *previous != key);
                Ok(CheckedRecord { key, previous_key, row })
            }
            _ => Err(violations),
        }
    }

    fn columns_of(&self, side: Side) -> &BTreeSet<String> {
        match side {
            Side::Left => &self.left_columns,
            Side::Right => &self.right_columns,
        }
    }

    /// Takes the key's columns out of a record.
    fn take_key(&self, source: Side, record: &mut Row, field: &str, violations: &mut Vec<Violation>) -> Option<Key> {
        let mut values = Vec::with_capacity(self.key.len());
        for pair in &self.key {
            let column = pair.column(source);
            let path = || field_path(field, column);
            match record.remove(column) {
                None => violations.push(Violation::new(path(), "is missing: it belongs to the integration key")),
                Some(Value::Null) => {
                    violations.push(Violation::new(path(), "is null: no column of the integration key can be"));
                }
                Some(value) => match accepts(pair.kind(source), &value) {
                    Ok(()) => values.push(value),
                    Err(misfit) => violations.push(Violation::new(path(), misfit)),
                },
            }
        }
        (values.len() == self.key.len()).then(|| Key::new(values))
    }

    /// Splits a row that was read at the source into its key and the rest. One with a key column that is null or missing is
    /// given back.
    pub fn split(&self, source: Side, mut row: Row) -> Result<(Key, Row), Row> {
        let has_value = |pair: &Pair| row.get(pair.column(source)).is_some_and(|value| !value.is_null());
        if !self.key.iter().all(has_value) {
            return Err(row);
        }
        let values = self.key.iter().filter_map(|pair| row.remove(pair.column(source))).collect();
        Ok((Key::new(values), row))
    }

    /// The key's columns on one side with the key's values.
    pub fn key_row(&self, side: Side, key: &Key) -> Row {
        self.key_pairs(side, key).into_iter().collect()
    }

    fn key_pairs(&self, side: Side, key: &Key) -> Vec<(Name, Value)> {
        self.key.iter().zip(key.values()).map(|(pair, value)| (pair.name(side).clone(), value.clone())).collect()
    }

    /// What a change writes to the other side, without the columns that it yielded to a change that crossed it.
    pub fn map(&self, change: &Change, yielded: &BTreeSet<String>) -> MappedRecord {
        let destination = change.source.other();
        let previous_key = change.previous_key.as_ref().map(|key| key.values().to_vec());
        let over = change.over.clone();
        if change.operation == Operation::Delete {
            let (key, insert_values, absent) = (self.key_pairs(destination, &change.key), Row::new(), Vec::new());
            return MappedRecord { key, previous_key: None, values: None, insert_values, absent, over };
        }
        let is_told = |column: &str| !yielded.contains(column);
        MappedRecord { previous_key, over, ..self.map_row(change.source, &change.key, &change.row, is_told) }
    }

    /// What a row that was read at its source writes to the other side; the row is without the key.
    pub fn map_whole(&self, source: Side, key: &Key, row: &Row) -> MappedRecord {
        self.map_row(source, key, row, |_| true)
    }

    fn map_row(&self, source: Side, key: &Key, row: &Row, is_told: impl Fn(&str) -> bool) -> MappedRecord {
        let destination = source.other();
        let mut absent = Vec::new();
        let carried = self.columns.iter().filter(|pair| pair.carries(source));
        let values = carried.filter_map(|pair| {
            let column = pair.column(source);
            let value = row.get(column).filter(|_| is_told(column));
            if value.is_none() {
                absent.push(pair.column(destination).to_owned());
            }
            Some((pair.name(destination).clone(), value?.clone()))
        });
        let values = Some(values.collect());
        let key = self.key_pairs(destination, key);
        MappedRecord { key, previous_key: None, values, insert_values: Row::new(), absent, over: None }
    }

    /// The same when columns by which it refers to others are left out: where there is no row it gets nulls there, and one that is
    /// there keeps what it has.
    pub fn map_deferred(&self, source: Side, key: &Key, row: &Row, left_out: &BTreeSet<String>) -> MappedRecord {
        let mut mapped = self.map_whole(source, key, row);
        let destination = source.other();
        for pair in self.columns.iter().filter(|pair| left_out.contains(pair.column(source))) {
            let column = pair.name(destination);
            if mapped.values.as_mut().and_then(|values| values.remove(column)).is_some() {
                mapped.insert_values.set(column.clone(), Value::Null);
            }
        }
        mapped
    }

    /// A change of our own with the record as its source has it: what it sets, and what else is there.
    pub fn filled(&self, change: &Change, whole: Row) -> Filled {
        let mut filled = Filled { told: Row::new(), rest: Row::new() };
        let all = change.cause == Cause::Reread && change.row.is_empty();
        for pair in self.columns.iter().filter(|pair| pair.carries(change.source)) {
            let column = pair.column(change.source);
            let Some(read) = whole.get(column) else { continue };
            match change.row.get(column) {
                Some(told) if change.cause == Cause::Refresh => filled.told.set(column, told.clone()),
                Some(_) => filled.told.set(column, read.clone()),
                None if all => filled.told.set(column, read.clone()),
                None => filled.rest.set(column, read.clone()),
            }
        }
        filled
    }

    /// What such a change writes to the other side: what it sets and has not yielded, and all else for an insert.
    pub fn map_filled(&self, change: &Change, rest: Row, yielded: &BTreeSet<String>) -> MappedRecord {
        let whole = change.row.clone().into_iter().chain(rest).collect();
        let upsert = Change { operation: Operation::Upsert, row: whole, ..change.clone() };
        let mut mapped = self.map(&upsert, &BTreeSet::new());
        let destination = change.source.other();
        for pair in &self.columns {
            let (own, theirs) = (pair.column(change.source), pair.column(destination));
            let sets = change.row.contains(own) && !yielded.contains(own);
            if let Some(value) = mapped.values.as_mut().filter(|_| !sets).and_then(|values| values.remove(theirs)) {
                mapped.insert_values.set(theirs, value);
            }
        }
        mapped
    }
}

/// A record of a change of our own, in the source's columns and without the key.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    pub told: Row,
    pub rest: Row,
}

/// `record.fields["status"]`, as a caller finds it in the request.
fn field_path(field: &str, column: &str) -> String {
    format!("{field}.fields[{column:?}]")
}

fn accepts(kind: &ColumnType, value: &Value) -> Result<(), String> {
    if value.is_null() { Ok(()) } else { kind.accepts(value).map_err(|misfit| misfit.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::super::change::Cause;
    use super::super::fixtures::{definition, plan};
    use super::*;

    fn row(columns: &[(&str, Value)]) -> Row {
        columns.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn text(text: &str) -> Value {
        Value::String(text.into())
    }

    #[test]
    fn a_record_is_split_into_its_key_and_what_is_mapped() {
        let plan = plan(definition());
        let record = row(&[("id", Value::Int(7)), ("status", text("packed")), ("extra", text("stays"))]);
        let checked = plan.check(Side::Left, Operation::Upsert, record, None).unwrap();
        assert_eq!(checked.key, Key::new(vec![Value::Int(7)]));
        assert_eq!(checked.row, row(&[("status", text("packed"))]));
    }

    #[test]
    fn every_violation_is_named_at_once_with_its_path() {
        let plan = plan(definition());
        let record = row(&[("id", Value::Null), ("colour", text("red")), ("r_status", text("x"))]);
        let violations = plan.check(Side::Left, Operation::Upsert, record, Some(Row::new())).unwrap_err();
        let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                r#"record.fields["id"]"#,
                r#"previous_key.fields["id"]"#,
                r#"record.fields["colour"]"#,
                r#"record.fields["r_status"]"#
            ]
        );
    }

    #[test]
    fn an_absent_column_is_not_a_null_one() {
        let plan = plan(definition());
        let change = Change {
            source: Side::Left,
            operation: Operation::Upsert,
            key: Key::new(vec![Value::Int(7)]),
            previous_key: None,
            row: row(&[("note", Value::Null)]),
            source_time: None,
            change_id: Default::default(),
            correlation_id: Default::default(),
            cause: Cause::Caller,
            over: None,
        };
        let mapped = plan.map(&change, &BTreeSet::new());
        assert_eq!(mapped.key, vec![("r_id".into(), Value::Int(7))]);
        assert_eq!(mapped.values, Some(row(&[("r_note", Value::Null)])));
        assert_eq!(mapped.absent, ["r_status"]);
        let mapped = plan.map(&change, &["note".to_owned()].into());
        assert_eq!(mapped.values, Some(Row::new()));
        assert_eq!(mapped.absent, ["r_status", "r_note"]);
    }
}
