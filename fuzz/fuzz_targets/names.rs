//! Names of resources, page tokens and filters: what is read is written back as it was. The first byte says which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use tandem::model::table_map::Definition;
use tandem::services::{fuzzing, proto};

/// A map whose key has two columns.
fn definition() -> &'static Definition {
    static DEFINITION: OnceLock<Definition> = OnceLock::new();
    DEFINITION.get_or_init(|| {
        let table = |application: &str| proto::TableRef {
            application: application.to_owned(),
            table: "orders".to_owned(),
            ..Default::default()
        };
        let column = |name: &str| proto::ColumnMapping {
            left_column: name.to_owned(),
            right_column: name.to_owned(),
            ..Default::default()
        };
        let map = proto::TableMap {
            left: Some(table("sales")),
            right: Some(table("finance")),
            integration_key: vec!["id".to_owned(), "line".to_owned()],
            column_mappings: ["id", "line", "note"].map(column).into(),
            ..Default::default()
        };
        fuzzing::definition(&prost::Message::encode_to_vec(&map)).expect("a definition")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match (kind % 4, std::str::from_utf8(rest)) {
        (0, Ok(text)) => fuzzing::name(text),
        (1, Ok(text)) => fuzzing::page_token(text),
        (2, _) => fuzzing::filter(rest, definition()),
        (3, _) => drop(fuzzing::definition(rest)),
        _ => {}
    }
});
