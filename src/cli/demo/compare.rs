//! Both databases, read directly and compared row by row: every record of either side, every mapped column.

use super::application::Application;
use super::error::DemoError;
use super::tables::{PAIRS, Pair, Record};
use std::collections::{BTreeMap, BTreeSet};

/// What the comparison of one pair of tables came to.
pub struct Comparison {
    pub pair: &'static Pair,
    pub left_rows: usize,
    pub right_rows: usize,
    pub equal: usize,
    pub differences: Vec<Difference>,
}

/// A record that is not the same on both sides.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    /// What is different, in words.
    pub how: String,
}

pub async fn compare_all(finance: &Application, sales: &Application) -> Result<Vec<Comparison>, DemoError> {
    let mut comparisons = Vec::new();
    for pair in PAIRS {
        comparisons.push(compare(pair, &finance.records(pair).await?, &sales.records(pair).await?));
    }
    Ok(comparisons)
}

fn compare(pair: &'static Pair, left: &BTreeMap<String, Record>, right: &BTreeMap<String, Record>) -> Comparison {
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let mut equal = 0;
    let mut differences = Vec::new();
    for key in keys {
        let how = match (left.get(key), right.get(key)) {
            (Some(left), Some(right)) if left == right => {
                equal += 1;
                continue;
            }
            (Some(left), Some(right)) => unequal(pair, left, right),
            (Some(_), None) => "is in finance only".to_owned(),
            (None, _) => "is in sales only".to_owned(),
        };
        differences.push(Difference { key: key.clone(), how });
    }
    Comparison { pair, left_rows: left.len(), right_rows: right.len(), equal, differences }
}

fn unequal(pair: &Pair, left: &Record, right: &Record) -> String {
    let columns: Vec<String> = pair
        .columns
        .iter()
        .zip(left.iter().zip(right))
        .filter(|(_, (left, right))| left != right)
        .map(|(columns, (left, right))| format!("{} is {left} and {} is {right}", columns.left, columns.right))
        .collect();
    columns.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::tables::COUNTRIES;
    use super::*;
    use crate::model::value::Value;

    fn table(rows: &[(&str, &str)]) -> BTreeMap<String, Record> {
        let record = |code: &str, name: &str| [code, "", "", name].map(Value::text).to_vec();
        rows.iter().map(|(code, name)| ((*code).to_owned(), record(code, name))).collect()
    }

    #[test]
    fn every_way_to_differ_is_found() {
        let left = table(&[("AT", "Austria"), ("TR", "Turkey"), ("FR", "France")]);
        let right = table(&[("AT", "Austria"), ("TR", "Türkiye"), ("DE", "Germany")]);
        let found = compare(&COUNTRIES, &left, &right);
        assert_eq!((found.left_rows, found.right_rows, found.equal), (3, 3, 1));
        let differences: Vec<_> = found.differences.iter().map(|d| (d.key.as_str(), d.how.as_str())).collect();
        assert_eq!(
            differences,
            [
                ("DE", "is in sales only"),
                ("FR", "is in finance only"),
                ("TR", "name is \"Turkey\" and label is \"Türkiye\""),
            ]
        );
    }
}
