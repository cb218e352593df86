//! What the people at the two applications do in the course of the demo.

use super::dataset::{Generator, STATUSES};
use super::tables::{CUSTOMERS, ORDERS, Pair, Record, as_text, customer, key_of, order};
use crate::model::table_map::Side;
use crate::model::value::{Decimal, Value};
use std::collections::BTreeMap;

/// What is done to one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Inserted, or updated where its key is.
    Put(&'static Pair, Record),
    /// Deleted, by its key.
    Delete(&'static Pair, String),
}

/// The records of one application, by key.
pub struct Known {
    pub customers: BTreeMap<String, Record>,
    pub orders: BTreeMap<String, Record>,
}

/// How much happens.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub orders_made: usize,
    pub orders_moved_on: usize,
    pub orders_deleted: usize,
    pub customers_changed: usize,
}

impl Work {
    pub fn total(&self) -> usize {
        self.orders_made + self.orders_moved_on + self.orders_deleted + self.customers_changed
    }
}

/// Records are dealt out to this many pieces of work, so that no two of them touch the same one.
const SHARES: usize = 8;

/// A piece of work at one side, on the records of one share (0 to 7): each record is changed once.
pub fn work(generator: &mut Generator, side: Side, known: &Known, share: usize, work: Work) -> Vec<Change> {
    let of_share = |records: &BTreeMap<String, Record>| -> Vec<Record> {
        records.values().skip(share).step_by(SHARES).cloned().collect()
    };
    let customers: Vec<Record> = known.customers.values().cloned().collect();
    let mut orders = of_share(&known.orders).into_iter();
    let mut changes: Vec<Change> = of_share(&known.customers)
        .into_iter()
        .take(work.customers_changed)
        .map(|record| Change::Put(&CUSTOMERS, changed_customer(generator, record)))
        .collect();
    for _ in 0..work.orders_made {
        changes.push(Change::Put(&ORDERS, generator.order_of_any(side, &customers)));
    }
    let moved_on = orders.by_ref().take(work.orders_moved_on);
    changes.extend(moved_on.map(|record| Change::Put(&ORDERS, moved_on_order(generator, record))));
    let deleted = orders.take(work.orders_deleted);
    changes.extend(deleted.map(|record| Change::Delete(&ORDERS, key_of(&record).to_owned())));
    changes
}

fn changed_customer(generator: &mut Generator, mut record: Record) -> Record {
    match generator.below(3) {
        0 => generator.move_away(&mut record),
        1 => {
            let currency = as_text(&record[customer::CURRENCY]).to_owned();
            record[customer::CREDIT] = generator.amount(&currency, 200_000);
        }
        _ => {
            let number = key_of(&record).to_ascii_lowercase();
            record[customer::EMAIL] = match &record[customer::EMAIL] {
                Value::Null => Value::text(format!("{number}@mail.example")),
                _ => Value::Null,
            };
        }
    }
    record
}

/// An order goes on to its next status; a paid one is opened again with a remark.
fn moved_on_order(generator: &mut Generator, mut record: Record) -> Record {
    let now = STATUSES.iter().position(|status| *status == as_text(&record[order::STATUS])).unwrap_or_default();
    let next = (now + 1) % STATUSES.len();
    record[order::STATUS] = Value::text(STATUSES[next]);
    if next == 0 {
        record[order::NOTE] = Value::text(format!("returned, №{}", generator.below(9_000)));
    }
    record
}

/// An order that finance takes and sales refuses: a credit note, below zero.
pub fn credit_note(generator: &mut Generator, known: &Known) -> Record {
    let customers: Vec<Record> = known.customers.values().cloned().collect();
    let mut record = generator.order_of_any(Side::Left, &customers);
    if let Value::Decimal(amount) = &record[order::AMOUNT] {
        record[order::AMOUNT] = Decimal::parse(&format!("-{amount}")).map_or(Value::Null, Value::Decimal);
    }
    record[order::NOTE] = Value::text("credit note");
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const WORK: Work = Work { orders_made: 10, orders_moved_on: 20, orders_deleted: 3, customers_changed: 15 };

    fn known(generator: &mut Generator) -> Known {
        let (mut finance, _) = generator.beginning();
        let mut table = || finance.pop().unwrap().1.into_iter().map(|record| (key_of(&record).to_owned(), record));
        Known { orders: table().collect(), customers: table().collect() }
    }

    fn key(change: &Change) -> (&'static str, String) {
        match change {
            Change::Put(pair, record) => (pair.map, key_of(record).to_owned()),
            Change::Delete(pair, key) => (pair.map, key.clone()),
        }
    }

    #[test]
    fn no_record_is_changed_twice_and_each_change_changes_something() {
        let mut generator = Generator::new();
        let known = known(&mut generator);
        let mut keys = BTreeSet::new();
        for share in 0..SHARES {
            for change in work(&mut generator, Side::Left, &known, share, WORK) {
                assert!(keys.insert(key(&change)), "{change:?}");
                if let Change::Put(pair, record) = &change {
                    let records = if pair.map == CUSTOMERS.map { &known.customers } else { &known.orders };
                    assert_ne!(records.get(key_of(record)), Some(record));
                }
            }
        }
        assert_eq!(keys.len(), SHARES * WORK.total());
    }

    #[test]
    fn a_credit_note_is_below_zero() {
        let mut generator = Generator::new();
        let known = known(&mut generator);
        let note = credit_note(&mut generator, &known);
        assert!(matches!(&note[order::AMOUNT], Value::Decimal(amount) if amount.as_str().starts_with('-')), "{note:?}");
    }
}
