//! A row as a change or a page carries it: column names to values. A column that is absent is untouched; null is null.

use super::value::Value;
use std::collections::BTreeMap;
use std::collections::btree_map;

/// Columns and their values, in the order of the columns' names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Row(BTreeMap<String, Value>);

impl Row {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, column: &str) -> Option<&Value> {
        self.0.get(column)
    }

    pub fn set(&mut self, column: impl Into<String>, value: Value) {
        self.0.insert(column.into(), value);
    }

    pub fn remove(&mut self, column: &str) -> Option<Value> {
        self.0.remove(column)
    }

    /// As it can be shown in about so many bytes: where it has more, long values are told by their length.
    pub fn shortened(self, bytes_max: usize) -> Self {
        const VALUE_BYTES_MAX: usize = 256;
        if self.size() <= bytes_max {
            return self;
        }
        let mut bytes = 0;
        let shown = self.0.into_iter().map(|(column, value)| {
            let size = value.size();
            let value = if size > VALUE_BYTES_MAX { Value::String(format!("({size} bytes)")) } else { value };
            (column, value)
        });
        shown
            .take_while(|(column, value)| {
                bytes += column.len() + value.size() + 4;
                bytes <= bytes_max
            })
            .collect()
    }

    /// Sets all columns of another.
    pub fn extend(&mut self, other: Row) {
        self.0.extend(other.0);
    }

    /// Keeps the columns that are to be kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|column, _| keep(column));
    }

    pub fn contains(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> btree_map::Iter<'_, String, Value> {
        self.0.iter()
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// About how many bytes it takes, for limits and batches.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(column, value)| column.len() + value.size() + 4).sum()
    }
}

impl FromIterator<(String, Value)> for Row {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(columns: I) -> Self {
        Self(columns.into_iter().collect())
    }
}

impl IntoIterator for Row {
    type Item = (String, Value);
    type IntoIter = btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Row {
    type Item = (&'a String, &'a Value);
    type IntoIter = btree_map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
