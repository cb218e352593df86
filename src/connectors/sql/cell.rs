//! What goes over the wire to a database and back: five forms that every driver carries exactly. All else (decimals,
//! instants, dates, UUIDs, JSON) travels as text and is read by the database itself.

use std::sync::Arc;

/// One of the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Bool,
    Int,
    Double,
    Text,
    Bytes,
}

/// One value in its form, or a column of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Values of one column over many rows, for databases with arrays.
    List(Wire, Vec<Cell>),
}

impl Cell {
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Cell::Text(text.into())
    }

    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Cell::Bytes(bytes.into())
    }

    /// About how many bytes it takes in a message.
    pub fn size(&self) -> usize {
        match self {
            Cell::Null | Cell::Bool(_) => 4,
            Cell::Int(_) | Cell::Double(_) => 10,
            Cell::Text(text) => text.len() + 8,
            Cell::Bytes(bytes) => bytes.len() + 8,
            Cell::List(_, cells) => cells.iter().map(Cell::size).sum(),
        }
    }

    /// Text, for reading catalogs; anything else is empty.
    pub fn into_text(self) -> String {
        match self {
            Cell::Text(text) => text.as_ref().to_owned(),
            Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Double(_) | Cell::Bytes(_) | Cell::List(..) => {
                String::new()
            }
        }
    }

    /// A number or a truth, for reading catalogs; anything else is 0.
    pub fn as_int(&self) -> i64 {
        match self {
            Cell::Int(number) => *number,
            Cell::Bool(truth) => i64::from(*truth),
            Cell::Null | Cell::Double(_) | Cell::Text(_) | Cell::Bytes(_) | Cell::List(..) => 0,
        }
    }

    pub fn is_true(&self) -> bool {
        self.as_int() != 0
    }
}

/// One statement with its values, and the forms in which its columns are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Cell>,
    pub reads: Vec<Wire>,
}

impl Statement {
    pub fn new(sql: impl Into<String>, params: Vec<Cell>) -> Self {
        Self { sql: sql.into(), params, reads: Vec::new() }
    }

    pub fn reading(mut self, reads: Vec<Wire>) -> Self {
        self.reads = reads;
        self
    }
}
