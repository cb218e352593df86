//! What is wrong with a map, all at once, each with the path of the field (domain.md, "Mapping").

use super::schema::{ColumnType, TableSchema};
use super::table_map::{ConflictPolicy, Definition, Direction, Schemas, Side};
use std::collections::HashSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingSeverity {
    /// The map can be saved and run all the same.
    Warning,
    /// The map can be neither saved nor run.
    Error,
}

/// Which rule a finding comes from; the contract's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingCode {
    /// Something must be set, or is out of bounds. Also: an application that does not answer, so that the rest is not known.
    FieldInvalid,
    IntegrationKeyMissing,
    KeyColumnNotMapped,
    KeyColumnNotBidirectional,
    /// Its table does not keep the key unique, or lets it be null.
    KeyNotUnique,
    ApplicationUnknown,
    TableMissing,
    ColumnMissing,
    SourceColumnDuplicate,
    DestinationColumnDuplicate,
    MandatoryColumnNotMapped,
    ColumnReadOnly,
    TypeMismatch,
    /// No value of ours holds the column's type.
    TypeUnsupported,
    RelatedMapUnknown,
    /// Both sides are one table, or another map has the same pair.
    TablesInUse,
    /// This version does not offer it.
    NotSupported,
}

/// One thing that is wrong, or that someone should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: FindingSeverity,
    pub code: FindingCode,
    /// The path of the field in `table_map`.
    pub field: String,
    pub message: String,
}

impl Finding {
    pub fn error(code: FindingCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: FindingSeverity::Error, code, field: field.into(), message: message.into() }
    }

    pub fn warning(code: FindingCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: FindingSeverity::Warning, code, field: field.into(), message: message.into() }
    }
}

/// What can be said of a definition by itself.
pub fn validate_definition(definition: &Definition) -> Vec<Finding> {
    let mut findings = Vec::new();
    if definition.left.is_same_table(&definition.right) {
        findings.push(Finding::error(FindingCode::TablesInUse, "right", "is the same table as left"));
    }
    for (side, table) in [("left", &definition.left), ("right", &definition.right)] {
        if !table.filter.is_empty() {
            findings.push(not_offered(format!("{side}.filter"), "filters are"));
        }
    }
    if definition.conflict_policy != ConflictPolicy::MasterWins {
        findings.push(not_offered("conflict_policy", "policies other than MASTER_WINS are"));
    }
    validate_key(definition, &mut findings);
    validate_columns(definition, &mut findings);
    findings
}

fn not_offered(field: impl Into<String>, what: &str) -> Finding {
    Finding::error(
        FindingCode::NotSupported,
        field,
        format!("{what} not offered by this version; leave the field empty"),
    )
}

fn validate_key(definition: &Definition, findings: &mut Vec<Finding>) {
    if definition.integration_key.is_empty() {
        findings.push(Finding::error(
            FindingCode::IntegrationKeyMissing,
            "integration_key",
            "names no column; name the left columns that identify a record on both sides",
        ));
    }
    let bidirectional = Side::BOTH.iter().all(|side| definition.carries(*side));
    let mut seen = HashSet::new();
    for (index, column) in definition.integration_key.iter().enumerate() {
        let field = format!("integration_key[{index}]");
        if !seen.insert(column) {
            findings.push(Finding::error(FindingCode::FieldInvalid, &field, format!("{column} is named twice")));
            continue;
        }
        let Some(mapping) = definition.columns.iter().find(|mapping| &mapping.left_column == column) else {
            let message = format!("{column} has no column mapping; add one with left_column \"{column}\"");
            findings.push(Finding::error(FindingCode::KeyColumnNotMapped, field, message));
            continue;
        };
        let goes_with_the_map =
            Side::BOTH.iter().all(|side| mapping.direction.carries(*side) || !definition.carries(*side));
        if bidirectional && mapping.direction != Direction::Bidirectional || !goes_with_the_map {
            let message = format!("{column} must go every way that the map goes; make its mapping BIDIRECTIONAL");
            findings.push(Finding::error(FindingCode::KeyColumnNotBidirectional, field, message));
        }
    }
}

fn validate_columns(definition: &Definition, findings: &mut Vec<Finding>) {
    if definition.columns.is_empty() {
        findings.push(Finding::error(FindingCode::FieldInvalid, "column_mappings", "maps no column"));
    }
    // A column has one mapping: it is the source of one and the destination of one.
    let (mut left, mut right) = (HashSet::new(), HashSet::new());
    for (index, mapping) in definition.columns.iter().enumerate() {
        let field = |name: &str| format!("column_mappings[{index}].{name}");
        for (seen, side, name) in [(&mut left, Side::Left, "left_column"), (&mut right, Side::Right, "right_column")] {
            let column = mapping.column(side);
            if column.is_empty() {
                findings.push(Finding::error(FindingCode::FieldInvalid, field(name), "is empty"));
            } else if !seen.insert(column) {
                let is_source = mapping.direction.carries(side);
                let code = if is_source {
                    FindingCode::SourceColumnDuplicate
                } else {
                    FindingCode::DestinationColumnDuplicate
                };
                let message = format!("{column} is mapped twice; a column has one mapping");
                findings.push(Finding::error(code, field(name), message));
            }
        }
        for (transforms, name) in [(&mapping.left_to_right, "left_to_right"), (&mapping.right_to_left, "right_to_left")]
        {
            if !transforms.is_empty() {
                findings.push(not_offered(field(name), "transforms are"));
            }
        }
    }
}

/// What can be said of a definition against both tables.
pub fn validate_against(definition: &Definition, schemas: &Schemas) -> Vec<Finding> {
    let mut findings = Vec::new();
    for side in Side::BOTH {
        validate_side(definition, side, schemas.table(side), &mut findings);
    }
    validate_types(definition, schemas, &mut findings);
    findings
}

fn validate_side(definition: &Definition, side: Side, schema: &TableSchema, findings: &mut Vec<Finding>) {
    let is_destination = definition.carries(side.other());
    let name = side.as_str();
    for (index, mapping) in definition.columns.iter().enumerate() {
        let field = format!("column_mappings[{index}].{name}_column");
        let column = mapping.column(side);
        match schema.column(column) {
            None if column.is_empty() => {} // said already
            None => {
                let message = format!("the {name} table {} has no column {column}", schema.table);
                findings.push(Finding::error(FindingCode::ColumnMissing, field, message));
            }
            Some(found) if found.read_only && mapping.direction.carries(side.other()) => {
                let message = format!("{column} of {} is generated or read-only and cannot be written", schema.table);
                findings.push(Finding::error(FindingCode::ColumnReadOnly, field, message));
            }
            Some(_) => {}
        }
    }
    if is_destination {
        for column in schema.columns.iter().filter(|c| !c.nullable && !c.has_default && !c.read_only) {
            let written = definition
                .columns
                .iter()
                .any(|mapping| mapping.column(side) == column.name && mapping.direction.carries(side.other()));
            if !written {
                let message = format!(
                    "{} of the {name} table {} must have a value and has no default; map it in this direction",
                    column.name, schema.table
                );
                findings.push(Finding::error(FindingCode::MandatoryColumnNotMapped, "column_mappings", message));
            }
        }
    }
    validate_key_at(definition, side, schema, findings);
}

/// Both tables must keep the key unique: without that a key is no record, and an upsert by key not one statement.
fn validate_key_at(definition: &Definition, side: Side, schema: &TableSchema, findings: &mut Vec<Finding>) {
    let columns: Vec<&str> = definition
        .integration_key
        .iter()
        .filter_map(|left| definition.columns.iter().find(|mapping| &mapping.left_column == left))
        .map(|mapping| mapping.column(side))
        .collect();
    let complete = !columns.is_empty() && columns.iter().all(|column| schema.column(column).is_some());
    if complete && columns.len() == definition.integration_key.len() && !schema.is_unique(&columns) {
        let message = format!(
            "the {} table {} does not keep ({}) unique; add a unique constraint or name the primary key",
            side.as_str(),
            schema.table,
            columns.join(", ")
        );
        findings.push(Finding::error(FindingCode::KeyNotUnique, "integration_key", message));
    }
    // Where a key may be null, "unique" lets the same row be inserted twice. SQLite calls primary keys nullable.
    let is_primary = columns.len() == schema.primary_key.len()
        && columns.iter().all(|column| schema.primary_key.iter().any(|primary| primary == column));
    for column in columns.iter().filter_map(|column| schema.column(column)).filter(|c| c.nullable && !is_primary) {
        let message = format!(
            "{} of the {} table {} can be null, and null is no key; make it NOT NULL",
            column.name,
            side.as_str(),
            schema.table
        );
        findings.push(Finding::error(FindingCode::KeyNotUnique, "integration_key", message));
    }
}

fn validate_types(definition: &Definition, schemas: &Schemas, findings: &mut Vec<Finding>) {
    for (index, mapping) in definition.columns.iter().enumerate() {
        for source in Side::BOTH.into_iter().filter(|source| mapping.direction.carries(*source)) {
            let from = schemas.table(source).column(mapping.column(source));
            let to = schemas.table(source.other()).column(mapping.column(source.other()));
            let (Some(from), Some(to)) = (from, to) else { continue };
            let field = format!("column_mappings[{index}]");
            let unsupported = [(source, from), (source.other(), to)]
                .into_iter()
                .filter_map(|(side, column)| Some((side, column, unsupported(&column.kind)?)))
                .map(|(side, column, why)| {
                    let field = format!("{field}.{}_column", side.as_str());
                    let message = format!("{} ({}) has no exact value: {why}", column.name, column.database_type);
                    Finding::error(FindingCode::TypeUnsupported, field, message)
                })
                .collect::<Vec<_>>();
            if !unsupported.is_empty() {
                for finding in unsupported {
                    if !findings.contains(&finding) {
                        findings.push(finding); // once, whichever way it goes
                    }
                }
                continue;
            }
            let pair = format!("{} ({}) to {} ({})", from.name, from.database_type, to.name, to.database_type);
            match from.kind.fits(&to.kind) {
                Ok(None) => {}
                Ok(Some(note)) => {
                    findings.push(Finding::warning(FindingCode::TypeMismatch, field, format!("{pair}: {note}")));
                }
                Err(why) => findings.push(Finding::error(FindingCode::TypeMismatch, field, format!("{pair}: {why}"))),
            }
        }
    }
}

fn unsupported(kind: &ColumnType) -> Option<&str> {
    match kind {
        ColumnType::Unsupported { why } => Some(why),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{column, definition, schemas};
    use super::super::schema::ColumnType;
    use super::*;

    fn codes(findings: &[Finding]) -> Vec<(FindingCode, &str)> {
        findings.iter().map(|finding| (finding.code, finding.field.as_str())).collect()
    }

    #[test]
    fn a_good_map_has_no_findings() {
        assert_eq!(validate_definition(&definition()), []);
        assert_eq!(validate_against(&definition(), &schemas()), []);
    }

    #[test]
    fn everything_wrong_with_a_definition_is_found_at_once() {
        let mut bad = definition();
        bad.integration_key = vec!["id".into(), "id".into(), "colour".into()];
        bad.columns[0].direction = Direction::LeftToRight;
        bad.columns[2].left_column = "status".into();
        bad.left.filter = "true".into();
        bad.conflict_policy = ConflictPolicy::Manual;
        assert_eq!(
            codes(&validate_definition(&bad)).into_iter().map(|(_, field)| field).collect::<Vec<_>>(),
            [
                "left.filter",
                "conflict_policy",
                "integration_key[0]",
                "integration_key[1]",
                "integration_key[2]",
                "column_mappings[2].left_column"
            ]
        );
    }

    #[test]
    fn everything_that_does_not_fit_the_tables_is_found_at_once() {
        let mut tables = schemas();
        let mut mandatory = column("r_region", ColumnType::Date);
        mandatory.nullable = false;
        tables.right.columns.push(mandatory);
        tables.right.columns[1].read_only = true;
        tables.right.unique_keys.clear();
        tables.left.columns.retain(|column| column.name != "note");
        let findings = validate_against(&definition(), &tables);
        let found: Vec<FindingCode> = findings.iter().map(|finding| finding.code).collect();
        for code in [
            FindingCode::ColumnMissing,
            FindingCode::ColumnReadOnly,
            FindingCode::MandatoryColumnNotMapped,
            FindingCode::KeyNotUnique,
        ] {
            assert!(found.contains(&code), "{code:?} is missing in {findings:?}");
        }
    }
}
