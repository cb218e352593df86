//! Which fields of a map an update changes.

use super::input::Input;
use super::proto::TableMap;

/// Fields that a mask may name and that the service sets by itself.
const OUTPUT_ONLY: [&str; 8] =
    ["name", "state", "version", "etag", "author", "create_time", "update_time", "conditions"];
/// Fields that an update may change, each with whether it is set and how it is taken over.
const FIELDS: [Field; 11] = [
    Field {
        path: "display_name",
        is_set: |m| !m.display_name.is_empty(),
        take: |to, m| to.display_name = m.display_name.clone(),
    },
    Field { path: "left", is_set: |m| m.left.is_some(), take: |to, m| to.left = m.left.clone() },
    Field { path: "right", is_set: |m| m.right.is_some(), take: |to, m| to.right = m.right.clone() },
    Field {
        path: "integration_key",
        is_set: |m| !m.integration_key.is_empty(),
        take: |to, m| to.integration_key = m.integration_key.clone(),
    },
    Field {
        path: "column_mappings",
        is_set: |m| !m.column_mappings.is_empty(),
        take: |to, m| to.column_mappings = m.column_mappings.clone(),
    },
    Field { path: "sync_mode", is_set: |m| m.sync_mode != 0, take: |to, m| to.sync_mode = m.sync_mode },
    Field { path: "master", is_set: |m| m.master != 0, take: |to, m| to.master = m.master },
    Field {
        path: "related_table_maps",
        is_set: |m| !m.related_table_maps.is_empty(),
        take: |to, m| to.related_table_maps = m.related_table_maps.clone(),
    },
    Field {
        path: "queue_limits",
        is_set: |m| m.queue_limits.is_some(),
        take: |to, m| to.queue_limits = m.queue_limits,
    },
    Field {
        path: "error_retention",
        is_set: |m| m.error_retention.is_some(),
        take: |to, m| to.error_retention = m.error_retention,
    },
    Field {
        path: "conflict_policy",
        is_set: |m| m.conflict_policy != 0,
        take: |to, m| to.conflict_policy = m.conflict_policy,
    },
];

struct Field {
    path: &'static str,
    is_set: fn(&TableMap) -> bool,
    take: fn(&mut TableMap, &TableMap),
}

/// The map as it is with the fields of `given` that the mask names; without a mask all that are set, with `*` all.
pub fn apply(
    input: &mut Input,
    current: TableMap,
    given: &TableMap,
    mask: Option<&prost_types::FieldMask>,
) -> TableMap {
    let mut updated = current;
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    for field in &FIELDS {
        let named = paths.iter().any(|path| path == field.path || path == "*");
        if named || (paths.is_empty() && (field.is_set)(given)) {
            (field.take)(&mut updated, given);
        }
    }
    for path in paths {
        let whole =
            path == "*" || OUTPUT_ONLY.contains(&path.as_str()) || FIELDS.iter().any(|field| field.path == path);
        if !whole && !part(&mut updated, given, path) {
            let path: String = path.chars().take(100).collect();
            input.wrong("update_mask", format!("\"{path}\" is no field of a table map"));
        }
    }
    updated
}

/// A field within a field; false when there is none of this path.
fn part(to: &mut TableMap, given: &TableMap, path: &str) -> bool {
    let left = given.left.clone().unwrap_or_default();
    let right = given.right.clone().unwrap_or_default();
    let limits = given.queue_limits.unwrap_or_default();
    match path {
        "left.application" => to.left.get_or_insert_default().application = left.application,
        "left.table" => to.left.get_or_insert_default().table = left.table,
        "left.filter" => to.left.get_or_insert_default().filter = left.filter,
        "right.application" => to.right.get_or_insert_default().application = right.application,
        "right.table" => to.right.get_or_insert_default().table = right.table,
        "right.filter" => to.right.get_or_insert_default().filter = right.filter,
        "queue_limits.max_pause" => to.queue_limits.get_or_insert_default().max_pause = limits.max_pause,
        "queue_limits.max_bytes" => to.queue_limits.get_or_insert_default().max_bytes = limits.max_bytes,
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::proto::TableRef;
    use prost_types::FieldMask;

    fn map(display_name: &str, key: &[&str], left_table: &str) -> TableMap {
        TableMap {
            display_name: display_name.to_owned(),
            integration_key: key.iter().map(|column| (*column).to_owned()).collect(),
            left: Some(TableRef { table: left_table.to_owned(), ..Default::default() }),
            ..Default::default()
        }
    }

    fn applied(given: &TableMap, paths: Option<&[&str]>) -> (TableMap, usize) {
        let mut input = Input::default();
        let mask = paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        let updated = apply(&mut input, map("old", &["id"], "orders"), given, mask.as_ref());
        (updated, input.violations().len())
    }

    #[test]
    fn a_mask_says_what_changes() {
        let given = map("", &["number"], "sales");
        assert_eq!(applied(&given, None).0, map("old", &["number"], "sales"), "what is set");
        assert_eq!(applied(&given, Some(&["*"])).0, map("", &["number"], "sales"), "all");
        assert_eq!(applied(&given, Some(&["display_name"])).0, map("", &["id"], "orders"));
        assert_eq!(applied(&given, Some(&["left.table"])).0, map("old", &["id"], "sales"));
        assert_eq!(applied(&given, Some(&["state", "etag"])), (map("old", &["id"], "orders"), 0), "output only");
        assert_eq!(applied(&given, Some(&["colour", "left.colour", "master"])).1, 2, "every unknown one is named");
    }
}
