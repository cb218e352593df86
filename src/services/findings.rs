//! What validation found, as the wire tells it.

use super::proto;
use crate::model::mapping::Violation;
use crate::model::validation::{Finding, FindingCode, FindingSeverity};

impl From<FindingCode> for proto::FindingCode {
    fn from(code: FindingCode) -> Self {
        match code {
            FindingCode::FieldInvalid => proto::FindingCode::FieldInvalid,
            FindingCode::IntegrationKeyMissing => proto::FindingCode::IntegrationKeyMissing,
            FindingCode::KeyColumnNotMapped => proto::FindingCode::KeyColumnNotMapped,
            FindingCode::KeyColumnNotBidirectional => proto::FindingCode::KeyColumnNotBidirectional,
            FindingCode::KeyNotUnique => proto::FindingCode::KeyNotUnique,
            FindingCode::ApplicationUnknown => proto::FindingCode::ApplicationUnknown,
            FindingCode::TableMissing => proto::FindingCode::TableMissing,
            FindingCode::ColumnMissing => proto::FindingCode::ColumnMissing,
            FindingCode::SourceColumnDuplicate => proto::FindingCode::SourceColumnDuplicate,
            FindingCode::DestinationColumnDuplicate => proto::FindingCode::DestinationColumnDuplicate,
            FindingCode::MandatoryColumnNotMapped => proto::FindingCode::MandatoryColumnNotMapped,
            FindingCode::ColumnReadOnly => proto::FindingCode::ColumnReadOnly,
            FindingCode::TypeMismatch => proto::FindingCode::TypeMismatch,
            FindingCode::TypeUnsupported => proto::FindingCode::TypeUnsupported,
            FindingCode::RelatedMapUnknown => proto::FindingCode::RelatedMapUnknown,
            FindingCode::TablesInUse => proto::FindingCode::TablesInUse,
            FindingCode::NotSupported => proto::FindingCode::NotSupported,
        }
    }
}

impl From<Finding> for proto::Finding {
    fn from(finding: Finding) -> Self {
        let severity = match finding.severity {
            FindingSeverity::Error => proto::Severity::Error,
            FindingSeverity::Warning => proto::Severity::Warning,
        };
        Self {
            severity: severity.into(),
            code: proto::FindingCode::from(finding.code).into(),
            field: finding.field,
            message: finding.message,
        }
    }
}

/// A malformed field as a finding: its path without the request's own part.
pub fn malformed(violation: Violation) -> proto::Finding {
    let field = violation.field.strip_prefix("table_map.").map(str::to_owned).unwrap_or(violation.field);
    Finding::error(FindingCode::FieldInvalid, field, violation.description).into()
}
