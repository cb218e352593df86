//! A table's name as people and maps write it: `orders`, `sales.orders`, or with parts quoted: `"odd.name"`.

use std::fmt;

/// A table, in its default schema unless one is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
}

impl TableName {
    /// Takes what [`fmt::Display`] writes. Text of another form is taken as one unquoted name, which no table will have.
    pub fn parse(text: &str) -> Self {
        match part(text) {
            Some((name, "")) => Self { schema: None, name },
            Some((schema, rest)) => match rest.strip_prefix('.').and_then(part) {
                Some((name, "")) => Self { schema: Some(schema), name },
                Some(_) | None => Self { schema: None, name: text.to_owned() },
            },
            None => Self { schema: None, name: text.to_owned() },
        }
    }

    /// As SQL, each part quoted by `quote`.
    pub fn sql(&self, quote: impl Fn(&str) -> String) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(&self.name)),
            None => quote(&self.name),
        }
    }
}

/// The first part and what is behind it; `None` when there is none, or its quotes do not close.
fn part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |part: &str, f: &mut fmt::Formatter<'_>| {
            if part.contains(['.', '"']) { write!(f, "\"{}\"", part.replace('"', "\"\"")) } else { f.write_str(part) }
        };
        if let Some(schema) = &self.schema {
            write(schema, f)?;
            f.write_str(".")?;
        }
        write(&self.name, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (text, schema, name) in [
            ("orders", None, "orders"),
            ("sales.orders", Some("sales"), "orders"),
            ("\"a.b\"", None, "a.b"),
            ("s.\"a\"\"b\"", Some("s"), "a\"b"),
            ("Größe", None, "Größe"),
        ] {
            let parsed = TableName::parse(text);
            assert_eq!((parsed.schema.as_deref(), parsed.name.as_str()), (schema, name));
            assert_eq!(parsed.to_string(), text);
        }
        for odd in ["", ".", "a.", ".a", "a.b.c", "\"a"] {
            assert_eq!(TableName::parse(odd).name, odd);
        }
    }
}
