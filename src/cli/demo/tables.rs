//! The four pairs of tables of the demo: what each side calls them and their columns, and how they are mapped.
//!
//! A record of the demo is positional: its values stand in the order of the pair's columns, whichever side it is of. The
//! first is its key.

use crate::model::table_map::Side;
use crate::model::value::Value;

/// The values of one row, in the order of its pair's columns.
pub type Record = Vec<Value>;

/// What a pair of columns holds, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Bool,
    Date,
    Time,
    Decimal,
}

/// Two columns that say the same.
#[derive(Debug, PartialEq, Eq)]
pub struct Columns {
    pub left: &'static str,
    pub right: &'static str,
    pub kind: Kind,
}

impl Columns {
    pub fn of(&self, side: Side) -> &'static str {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

/// Two tables that are kept in step, finance's left and sales' right.
#[derive(Debug, PartialEq, Eq)]
pub struct Pair {
    /// The id of the table map.
    pub map: &'static str,
    pub left: &'static str,
    pub right: &'static str,
    /// The first is the key.
    pub columns: &'static [Columns],
    /// Reference data goes from finance to sales, and its writes are answered when sales has them; the rest goes both
    /// ways, and its writes are answered when they are on disk.
    pub is_reference: bool,
    /// The side that wins where both know a record.
    pub master: Side,
}

impl Pair {
    pub fn table(&self, side: Side) -> &'static str {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }

    pub fn key_column(&self, side: Side) -> &'static str {
        self.columns[0].of(side) // every pair has columns: a test looks
    }

    pub fn name(&self) -> String {
        format!("tableMaps/{}", self.map)
    }
}

const fn text(left: &'static str, right: &'static str) -> Columns {
    Columns { left, right, kind: Kind::Text }
}

const fn of_kind(left: &'static str, right: &'static str, kind: Kind) -> Columns {
    Columns { left, right, kind }
}

pub static CURRENCIES: Pair = Pair {
    map: "currencies",
    left: "currency",
    right: "currencies",
    columns: &[
        text("code", "iso"),
        text("number", "iso_number"),
        of_kind("minor_units", "decimals", Kind::Int),
        text("name", "label"),
    ],
    is_reference: true,
    master: Side::Left,
};

pub static COUNTRIES: Pair = Pair {
    map: "countries",
    left: "country",
    right: "countries",
    columns: &[text("code", "iso2"), text("alpha3", "iso3"), text("number", "iso_number"), text("name", "label")],
    is_reference: true,
    master: Side::Left,
};

pub static CUSTOMERS: Pair = Pair {
    map: "customers",
    left: "customer",
    right: "accounts",
    columns: &[
        text("customer_no", "account"),
        text("name", "title"),
        text("email", "mail"),
        text("city", "town"),
        text("country", "country"),
        text("currency", "pays_in"),
        of_kind("credit_limit", "credit", Kind::Decimal),
        of_kind("is_key_account", "key_account", Kind::Bool),
        of_kind("customer_since", "since", Kind::Date),
    ],
    is_reference: false,
    master: Side::Right,
};

/// Where what the demo changes stands in a customer.
pub mod customer {
    pub const EMAIL: usize = 2;
    pub const CITY: usize = 3;
    pub const COUNTRY: usize = 4;
    pub const CURRENCY: usize = 5;
    pub const CREDIT: usize = 6;
}

pub static ORDERS: Pair = Pair {
    map: "orders",
    left: "sales_order",
    right: "orders",
    columns: &[
        text("order_no", "number"),
        text("customer_no", "account"),
        text("currency", "pays_in"),
        of_kind("amount", "total", Kind::Decimal),
        text("status", "stage"),
        of_kind("ordered_at", "placed", Kind::Time),
        text("note", "remark"),
    ],
    is_reference: false,
    master: Side::Left,
};

/// Where what the demo changes stands in an order.
pub mod order {
    pub const AMOUNT: usize = 3;
    pub const STATUS: usize = 4;
    pub const NOTE: usize = 6;
}

/// All pairs; each refers only to those before it.
pub static PAIRS: [&Pair; 4] = [&CURRENCIES, &COUNTRIES, &CUSTOMERS, &ORDERS];

/// The pairs that go both ways.
pub static LIVE: [&Pair; 2] = [&CUSTOMERS, &ORDERS];

/// The pair whose table on this side has this name.
pub fn pair_of(side: Side, table: &str) -> Option<&'static Pair> {
    PAIRS.into_iter().find(|pair| pair.table(side) == table)
}

/// The text of a value that is text; empty for others.
pub fn as_text(value: &Value) -> &str {
    match value {
        Value::String(text) => text,
        _ => "",
    }
}

/// The key of a record.
pub fn key_of(record: &Record) -> &str {
    record.first().map_or("", as_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_key_of_text_and_its_own_tables() {
        for pair in PAIRS {
            assert_eq!(pair.columns[0].kind, Kind::Text, "{}", pair.map);
            for side in Side::BOTH {
                assert_eq!(pair_of(side, pair.table(side)).map(|found| found.map), Some(pair.map));
            }
        }
    }

    #[test]
    fn positions_are_those_of_the_columns() {
        for (pair, position, left) in [
            (&CUSTOMERS, customer::EMAIL, "email"),
            (&CUSTOMERS, customer::CITY, "city"),
            (&CUSTOMERS, customer::COUNTRY, "country"),
            (&CUSTOMERS, customer::CURRENCY, "currency"),
            (&CUSTOMERS, customer::CREDIT, "credit_limit"),
            (&ORDERS, order::AMOUNT, "amount"),
            (&ORDERS, order::STATUS, "status"),
            (&ORDERS, order::NOTE, "note"),
        ] {
            assert_eq!(pair.columns[position].left, left);
        }
    }
}
