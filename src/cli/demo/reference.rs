//! Reference data, as it stands in ISO 4217 (active codes, January 2026) and ISO 3166-1.

use super::tables::Record;
use crate::model::value::Value;

const CURRENCIES: &str = include_str!("data/currencies.csv");
const COUNTRIES: &str = include_str!("data/countries.csv");

/// All currencies: code, number, digits behind the point (null where there is no such thing), name.
pub fn currencies() -> Vec<Record> {
    rows(CURRENCIES, 4)
        .map(|fields| {
            let [code, number, minor_units, name] = fields.try_into().unwrap_or_default();
            let minor_units = minor_units.parse().map_or(Value::Null, Value::Int);
            vec![Value::text(code), Value::text(number), minor_units, Value::text(name)]
        })
        .collect()
}

/// All countries: code of two letters, of three, number, name.
pub fn countries() -> Vec<Record> {
    rows(COUNTRIES, 4).map(|fields| fields.into_iter().map(Value::text).collect()).collect()
}

/// The rows of a CSV file without its first line. Only the last field may be in quotation marks, and none has one inside:
/// the files are ours.
pub fn rows(file: &'static str, fields: usize) -> impl Iterator<Item = Vec<String>> {
    file.lines()
        .skip(1)
        .map(move |line| line.splitn(fields, ',').map(|field| field.trim_matches('"').to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tables::{as_text, key_of};
    use super::*;
    use std::collections::BTreeSet;

    fn distinct(records: &[Record], column: usize) -> usize {
        records.iter().map(|record| as_text(&record[column])).collect::<BTreeSet<_>>().len()
    }

    fn is_code(text: &str, length: usize, of: impl Fn(&u8) -> bool) -> bool {
        text.len() == length && text.bytes().all(|byte| of(&byte))
    }

    #[test]
    fn currencies_are_those_of_iso_4217() {
        let currencies = currencies();
        assert_eq!(currencies.len(), 178);
        assert_eq!((distinct(&currencies, 0), distinct(&currencies, 1)), (178, 178));
        for currency in &currencies {
            assert_eq!(currency.len(), 4);
            assert!(is_code(key_of(currency), 3, u8::is_ascii_uppercase), "{currency:?}");
            assert!(is_code(as_text(&currency[1]), 3, u8::is_ascii_digit), "{currency:?}");
            assert!(!as_text(&currency[3]).is_empty(), "{currency:?}");
        }
        let with = |digits| currencies.iter().filter(|currency| currency[2] == digits).count();
        let counts = [0, 2, 3, 4].map(|digits| with(Value::Int(digits)));
        assert_eq!((counts, with(Value::Null)), ([17, 139, 7, 2], 13));
        let digits = |code| currencies.iter().find(|currency| key_of(currency) == code).map(|found| found[2].clone());
        assert_eq!(digits("JPY"), Some(Value::Int(0)));
        assert_eq!(digits("KWD"), Some(Value::Int(3)));
        assert_eq!(digits("CLF"), Some(Value::Int(4)));
        assert_eq!(digits("XAU"), Some(Value::Null));
        assert_eq!(digits("BGN"), None, "Bulgaria pays in euro");
    }

    #[test]
    fn countries_are_those_of_iso_3166() {
        let countries = countries();
        assert_eq!(countries.len(), 249);
        assert_eq!([0, 1, 2].map(|column| distinct(&countries, column)), [249; 3]);
        for country in &countries {
            assert_eq!(country.len(), 4);
            assert!(is_code(key_of(country), 2, u8::is_ascii_uppercase), "{country:?}");
            assert!(is_code(as_text(&country[1]), 3, u8::is_ascii_uppercase), "{country:?}");
            assert!(is_code(as_text(&country[2]), 3, u8::is_ascii_digit), "{country:?}");
            assert!(!as_text(&country[3]).is_empty() && !as_text(&country[3]).contains('"'), "{country:?}");
        }
        assert!(
            countries.iter().any(|country| as_text(&country[3]) == "Palestine, State of"),
            "the comma belongs to it"
        );
    }
}
