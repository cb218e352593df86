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
