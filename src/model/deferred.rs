//! References that a copy leaves out first, and writes when every row that they may refer to is there: those of a table to
//! itself, and those between maps in a circle.

use super::mapping::Plan;
use super::row::Row;
use super::schema::TableSchema;
use super::side::Side;
use std::collections::BTreeSet;

/// The columns of a source, as it calls them, that a copy to this destination leaves out first. `circle` are the tables of
/// the destination's application whose maps refer to this one's and are referred to by it. A reference that cannot be left out,
/// since its columns may not be null or are part of the key, is written with its row.
pub fn deferred(plan: &Plan, source: Side, destination: &TableSchema, circle: &BTreeSet<String>) -> BTreeSet<String> {
    let refers_back = |table: &String| *table == destination.table || circle.contains(table);
    let foreign = destination.foreign_keys.iter().filter(|foreign| refers_back(&foreign.referred_table));
    let key = plan.key_columns(source.other());
    let may_be_null =
        |name: &&String| destination.column(name).is_some_and(|column| column.nullable) && !key.contains(name);
    let columns = foreign.flat_map(|foreign| &foreign.columns).filter(may_be_null);
    columns.filter_map(|column| plan.source_of(source, column)).map(str::to_owned).collect()
}

/// Which of these columns a row refers by: those that are not null.
pub fn refers_by(row: &Row, deferred: &BTreeSet<String>) -> BTreeSet<String> {
    deferred.iter().filter(|column| row.get(column).is_some_and(|value| !value.is_null())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
    use crate::model::schema::ForeignKey;
    use crate::model::value::Value;

    fn foreign(column: &str, table: &str) -> ForeignKey {
        ForeignKey { columns: vec![column.to_owned()], referred_table: table.to_owned(), referred_columns: Vec::new() }
    }

    #[test]
    fn references_to_itself_and_within_the_circle_are_left_out_first() {
        let plan = fixtures::plan(fixtures::definition());
        let mut destination = fixtures::schemas().right;
        let found = |destination: &TableSchema, circle: &[&str]| {
            let circle = circle.iter().map(|table| (*table).to_owned()).collect();
            deferred(&plan, Side::Left, destination, &circle).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(found(&destination, &[]), [""; 0]);
        destination.foreign_keys = vec![
            foreign("r_note", "sales_orders"),
            foreign("r_status", "customers"),
            foreign("r_extra", "sales_orders"), // not mapped
            foreign("r_id", "sales_orders"),    // the key
        ];
        assert_eq!(found(&destination, &[]), ["note"]);
        assert_eq!(found(&destination, &["customers"]), ["note", "status"]);
        let note = destination.columns.iter_mut().find(|column| column.name == "r_note").unwrap();
        note.nullable = false;
        assert_eq!(found(&destination, &[]), [""; 0], "it cannot be left out");
    }

    #[test]
    fn a_row_refers_by_what_is_not_null() {
        let row = Row::from_iter([("boss".to_owned(), Value::Int(1)), ("deputy".to_owned(), Value::Null)]);
        let columns = ["boss", "deputy", "other"].map(str::to_owned).into();
        assert_eq!(refers_by(&row, &columns), ["boss".to_owned()].into());
    }
}
