//! What a table looks like, and which of its types have an exact home in another's.
//! Which values and types fit is decided in [`super::fit`].

/// A table as its application describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    pub table: String,
    pub columns: Vec<Column>,
    /// Columns of the primary key, in its order; empty when there is none.
    pub primary_key: Vec<String>,
    /// Column sets that the database keeps unique, the primary key among them. Partial and expression indexes are left out.
    pub unique_keys: Vec<Vec<String>>,
    pub foreign_keys: Vec<ForeignKey>,
}

impl TableSchema {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the database keeps these columns unique, in any order.
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        self.unique_keys
            .iter()
            .any(|unique| unique.len() == columns.len() && unique.iter().all(|name| columns.contains(&name.as_str())))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: ColumnType,
    /// The database's own name of the type, for people.
    pub database_type: String,
    pub nullable: bool,
    /// The database fills it when an insert leaves it out: a default, an identity, a sequence.
    pub has_default: bool,
    /// Generated or otherwise not to be written.
    pub read_only: bool,
}

/// Columns that refer to another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    pub referred_table: String,
    pub referred_columns: Vec<String>,
}

/// A column's type in our values' terms, with what bounds its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    Bool,
    /// A whole number between these two, inclusive.
    Int {
        min: i64,
        max: i64,
    },
    /// 32 bits: every value is a double, but not every double fits.
    Float,
    Double,
    /// Characters at most; `None` is unbounded (or bounded far above a message).
    String {
        chars_max: Option<u32>,
    },
    /// Bytes at most, likewise.
    Bytes {
        bytes_max: Option<u32>,
    },
    /// An instant with so many digits behind the second, 0 to 6.
    Timestamp {
        fraction_digits: u8,
    },
    Date,
    /// All digits and those behind the point; `None` is any number of them.
    Decimal {
        digits: Option<DecimalDigits>,
    },
    Uuid,
    Json,
    /// No value of ours holds it exactly; why, for people.
    Unsupported {
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecimalDigits {
    pub precision: u32,
    pub scale: u32,
}
