//! Customers and orders: made up from one seed, so that every run of the demo has the same to tell.

use super::reference;
use super::tables::{COUNTRIES, CURRENCIES, CUSTOMERS, ORDERS, Pair, Record, as_text, customer, key_of};
use crate::model::table_map::Side;
use crate::model::value::{Decimal, Value};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// The one seed. The generator is named, and gives the same numbers for ever.
const SEED: u64 = 4217_3166;

/// Customers there are, those that finance knows (the first), and those that sales knows (the last): 400 are known to both.
const CUSTOMERS_ALL: usize = 2_000;
const CUSTOMERS_FINANCE: usize = 1_500;
const CUSTOMERS_SALES_FROM: usize = 1_100;
/// Of the customers that both know, each so many-th has moved, and only sales has heard of it.
const MOVED_EVERY: usize = 8;
const ORDERS_FINANCE: usize = 2_600;
const ORDERS_SALES: usize = 1_400;

pub const STATUSES: [&str; 5] = ["open", "packed", "shipped", "invoiced", "paid"];
const NOTES: [&str; 5] =
    ["leave it at the door", "bitte klingeln", "кофе, пожалуйста ☕", "午前中に配達", "لا تطرق الباب"];

/// What sales calls countries by that have a new name since.
const OLD_NAMES: [(&str, &str); 3] = [("TR", "Turkey"), ("CZ", "Czech Republic"), ("VN", "Vietnam")];

const CUSTOMERS_FILE: &str = include_str!("data/customers.csv");

/// A country that customers live in, and how they are called there.
struct Place {
    country: String,
    currency: String,
    /// How a person's name is put together: `{g}` is the given name, `{f}` the family's.
    person: String,
    company: String,
    towns: Vec<String>,
    given: Vec<String>,
    family: Vec<String>,
}

/// What the two applications have before they meet, each in an order in which it can be inserted.
pub type Tables = Vec<(&'static Pair, Vec<Record>)>;

/// Makes records, one after the other from the same seed.
pub struct Generator {
    random: Xoshiro256PlusPlus,
    places: Vec<Place>,
    /// Digits behind the point, by currency.
    digits: BTreeMap<String, usize>,
    /// How many orders each side has made.
    orders: [usize; 2],
}

impl Generator {
    pub fn new() -> Self {
        let places = reference::rows(CUSTOMERS_FILE, 7).map(place).collect();
        let digits = reference::currencies().into_iter().filter_map(|currency| match currency.as_slice() {
            [code, _, Value::Int(digits), _] => Some((as_text(code).to_owned(), usize::try_from(*digits).ok()?)),
            _ => None,
        });
        let random = Xoshiro256PlusPlus::seed_from_u64(SEED);
        Self { random, places, digits: digits.collect(), orders: [0, 0] }
    }

    /// What finance and what sales has when the demo begins.
    pub fn beginning(&mut self) -> (Tables, Tables) {
        let customers: Vec<Record> = (0..CUSTOMERS_ALL).map(|number| self.customer(number)).collect();
        let finance_customers = customers[..CUSTOMERS_FINANCE].to_vec();
        let mut sales_customers = customers[CUSTOMERS_SALES_FROM..].to_vec();
        let known_to_both = CUSTOMERS_FINANCE - CUSTOMERS_SALES_FROM;
        for customer in sales_customers[..known_to_both].iter_mut().step_by(MOVED_EVERY) {
            self.move_away(customer);
        }
        let finance_orders = (0..ORDERS_FINANCE).map(|_| self.order_of_any(Side::Left, &finance_customers)).collect();
        let sales_orders = (0..ORDERS_SALES).map(|_| self.order_of_any(Side::Right, &sales_customers)).collect();
        let (sales_currencies, sales_countries) = outdated_reference(&sales_customers);
        let finance = vec![
            (&CURRENCIES, reference::currencies()),
            (&COUNTRIES, reference::countries()),
            (&CUSTOMERS, finance_customers),
            (&ORDERS, finance_orders),
        ];
        let sales = vec![
            (&CURRENCIES, sales_currencies),
            (&COUNTRIES, sales_countries),
            (&CUSTOMERS, sales_customers),
            (&ORDERS, sales_orders),
        ];
        (finance, sales)
    }

    fn customer(&mut self, number: usize) -> Record {
        let index = self.random.random_range(0..self.places.len());
        let company = self.random.random_bool(0.4);
        let email = self.random.random_bool(0.9);
        let key_account = self.random.random_bool(0.1);
        let days = self.random.random_range(0..5_000);
        let (given, family, town) = (self.below(6), self.below(6), self.below(5));
        let place = &self.places[index];
        let form = if company { &place.company } else { &place.person };
        let name = form.replace("{g}", &place.given[given]).replace("{f}", &place.family[family]);
        let (town, country, currency) = (place.towns[town].clone(), place.country.clone(), place.currency.clone());
        let number = format!("C-{}", 10_001 + number);
        let mail = format!("{}@{}.example", number.to_ascii_lowercase(), country.to_ascii_lowercase());
        let credit = self.amount(&currency, 100_000);
        let since = NaiveDate::from_ymd_opt(2012, 1, 1).unwrap_or_default() + Days::new(days);
        vec![
            Value::text(number),
            Value::text(name),
            if email { Value::text(mail) } else { Value::Null },
            Value::text(town),
            Value::text(country),
            Value::text(currency),
            credit,
            Value::Bool(key_account),
            Value::Date(since),
        ]
    }

    /// Gives a customer another town of the same country.
    pub fn move_away(&mut self, customer: &mut Record) {
        let step = self.random.random_range(1..5);
        let country = as_text(&customer[customer::COUNTRY]);
        let Some(place) = self.places.iter().find(|place| place.country == country) else { return };
        let now = place.towns.iter().position(|town| town == as_text(&customer[customer::CITY])).unwrap_or_default();
        customer[customer::CITY] = Value::text(place.towns[(now + step) % place.towns.len()].clone());
    }

    /// A new order that one side makes for one of the customers.
    pub fn order_of_any(&mut self, side: Side, customers: &[Record]) -> Record {
        let index = self.below(customers.len());
        self.order(side, &customers[index])
    }

    fn order(&mut self, side: Side, customer: &Record) -> Record {
        let (letter, made) = match side {
            Side::Left => ("F", &mut self.orders[0]),
            Side::Right => ("S", &mut self.orders[1]),
        };
        *made += 1;
        let number = format!("{letter}-{}", 20_000 + *made);
        let currency = as_text(&customer[customer::CURRENCY]).to_owned();
        let status = STATUSES[self.below(STATUSES.len())].to_owned();
        let note = if self.random.random_bool(0.2) { Value::text(NOTES[self.below(NOTES.len())]) } else { Value::Null };
        // The year 2025, to the millisecond.
        let placed = DateTime::<Utc>::from_timestamp(1_735_689_600, 0).unwrap_or_default()
            + TimeDelta::milliseconds(self.random.random_range(0..365 * 86_400_000));
        let amount = self.amount(&currency, 9_000);
        vec![
            Value::text(number),
            Value::text(key_of(customer)),
            Value::text(currency),
            amount,
            Value::text(status),
            Value::Timestamp(placed),
            note,
        ]
    }

    /// An amount with as many digits behind the point as its currency has.
    pub fn amount(&mut self, currency: &str, units_max: u64) -> Value {
        let digits = self.digits.get(currency).copied().unwrap_or_default();
        let whole = self.random.random_range(1..units_max);
        let fraction = self.random.random_range(0..10_u32.pow(u32::try_from(digits).unwrap_or_default()));
        let text = if digits == 0 { format!("{whole}00") } else { format!("{whole}.{fraction:0digits$}") };
        Decimal::parse(&text).map_or(Value::Null, Value::Decimal)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end.max(1))
    }
}

fn place(fields: Vec<String>) -> Place {
    let [country, currency, person, company, towns, given, family] = fields.try_into().unwrap_or_default();
    let list = |text: String| text.split('|').map(str::to_owned).collect();
    Place { country, currency, person, company, towns: list(towns), given: list(given), family: list(family) }
}

/// The currencies and countries that sales has: those of its own customers, some by the names of yesterday.
fn outdated_reference(customers: &[Record]) -> (Vec<Record>, Vec<Record>) {
    let used = |column: usize| customers.iter().map(|c| as_text(&c[column]).to_owned()).collect::<BTreeSet<_>>();
    let (countries, currencies) = (used(customer::COUNTRY), used(customer::CURRENCY));
    let of = |records: Vec<Record>, used: &BTreeSet<String>| -> Vec<Record> {
        records.into_iter().filter(|record| used.contains(key_of(record))).collect()
    };
    let mut countries = of(reference::countries(), &countries);
    for country in &mut countries {
        if let Some((_, old)) = OLD_NAMES.iter().find(|(code, _)| *code == key_of(country)) {
            country[3] = Value::text(*old);
        }
    }
    (of(reference::currencies(), &currencies), countries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_the_same_data() {
        assert_eq!(Generator::new().beginning(), Generator::new().beginning());
    }

    #[test]
    fn what_refers_to_something_finds_it_on_its_own_side() {
        let (finance, sales) = Generator::new().beginning();
        for tables in [finance, sales] {
            let keys = |index: usize| -> BTreeSet<&str> { tables[index].1.iter().map(key_of).collect() };
            let (currencies, countries, customers, orders) = (keys(0), keys(1), keys(2), keys(3));
            assert_eq!(orders.len(), tables[3].1.len(), "numbers of orders differ");
            for customer in &tables[2].1 {
                assert_eq!(customer.len(), CUSTOMERS.columns.len());
                assert!(countries.contains(as_text(&customer[customer::COUNTRY])), "{customer:?}");
                assert!(currencies.contains(as_text(&customer[customer::CURRENCY])), "{customer:?}");
            }
            for order in &tables[3].1 {
                assert_eq!(order.len(), ORDERS.columns.len());
                assert!(customers.contains(as_text(&order[1])), "{order:?}");
                assert!(currencies.contains(as_text(&order[2])), "{order:?}");
            }
        }
    }

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let mut generator = Generator::new();
        for (currency, digits) in [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4)] {
            for _ in 0..50 {
                let Value::Decimal(amount) = generator.amount(currency, 9_000) else { panic!("{currency}") };
                let fraction = amount.as_str().split_once('.').map_or(0, |(_, fraction)| fraction.len());
                assert_eq!(fraction, digits, "{amount} {currency}");
            }
        }
    }

    #[test]
    fn places_are_complete_and_in_the_reference_data() {
        let generator = Generator::new();
        let keys = |records: Vec<Record>| records.iter().map(|r| key_of(r).to_owned()).collect::<BTreeSet<_>>();
        let (countries, currencies) = (keys(reference::countries()), keys(reference::currencies()));
        assert_eq!(generator.places.len(), 44);
        for place in &generator.places {
            assert!(countries.contains(&place.country) && currencies.contains(&place.currency), "{}", place.country);
            assert_eq!((place.towns.len(), place.given.len(), place.family.len()), (5, 6, 6), "{}", place.country);
            assert!(place.person.contains("{g}") && place.company.contains("{f}"), "{}", place.country);
        }
    }
}
