//! A row as a change or a page carries it: column names to values. A column that is absent is untouched; null is null.

use super::value::Value;
use smol_str::SmolStr;

/// A column's name. It stands in the row itself, as nearly all are short enough for that: rows that share their names would count
/// on each of them, from every thread, who has it still.
pub type Name = SmolStr;

/// Columns and their values, in the order of the columns' names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Row(Vec<(Name, Value)>);

impl Row {
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a column is, or where it would be.
    fn place(&self, column: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(name, _)| name.as_str().cmp(column))
    }

    pub fn get(&self, column: &str) -> Option<&Value> {
        self.place(column).ok().map(|place| &self.0[place].1)
    }

    pub fn set(&mut self, column: impl Into<Name>, value: Value) {
        let column = column.into();
        match self.place(&column) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (column, value)),
        }
    }

    pub fn remove(&mut self, column: &str) -> Option<Value> {
        self.place(column).ok().map(|place| self.0.remove(place).1)
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
            let value = if size > VALUE_BYTES_MAX { Value::text(format!("({size} bytes)")) } else { value };
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
        *self = std::mem::take(self).into_iter().chain(other).collect();
    }

    /// Keeps the columns that are to be kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(column, _)| keep(column));
    }

    pub fn contains(&self, column: &str) -> bool {
        self.place(column).is_ok()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(column, value)| (column.as_str(), value))
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(column, _)| column.as_str())
    }

    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// About how many bytes it takes, for limits and batches.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(column, value)| column.len() + value.size() + 4).sum()
    }
}

/// Of a column that comes several times the last value counts.
impl<N: Into<Name>> FromIterator<(N, Value)> for Row {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(columns: I) -> Self {
        let mut row: Vec<(Name, Value)> = columns.into_iter().map(|(column, value)| (column.into(), value)).collect();
        row.sort_by(|(a, _), (b, _)| a.cmp(b));
        row.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(&mut later.1, &mut kept.1);
            }
            same
        });
        Self(row)
    }
}

impl IntoIterator for Row {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_the_order_of_their_names_and_the_last_value_of_one_counts() {
        let mut row: Row = [("b", Value::Int(1)), ("a", Value::Int(2)), ("b", Value::Int(3))].into_iter().collect();
        assert_eq!(row.iter().collect::<Vec<_>>(), [("a", &Value::Int(2)), ("b", &Value::Int(3))]);
        row.set("aa", Value::Int(4));
        row.set("a", Value::Null);
        row.extend([("c", Value::Int(5)), ("b", Value::Int(6))].into_iter().collect());
        assert_eq!(row.columns().collect::<Vec<_>>(), ["a", "aa", "b", "c"]);
        assert_eq!((row.get("a"), row.get("b"), row.get("d")), (Some(&Value::Null), Some(&Value::Int(6)), None));
        assert_eq!((row.remove("aa"), row.remove("aa"), row.len()), (Some(Value::Int(4)), None, 3));
    }
}
