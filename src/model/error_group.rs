//! Errors that have one cause in common.

use super::failure::ErrorType;
use super::filter::{Candidate, RecordFilter};
use super::ids::ExecutionNumber;
use super::side::Side;
use chrono::{DateTime, Utc};

/// What they have in common, and how many they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorGroup {
    /// The execution that could not write them; none of catch-up errors.
    pub execution: Option<ExecutionNumber>,
    /// Where they come from.
    pub source: Side,
    /// None of those that were kept aside unsent.
    pub kind: Option<ErrorType>,
    /// These three: empty where there is none.
    pub code: String,
    pub constraint: String,
    pub column: String,
    pub count: u64,
    /// When the first and the last of them failed, each for the last time.
    pub first_time: DateTime<Utc>,
    pub last_time: DateTime<Utc>,
    /// The last of them: of a catch-up error its sequence, of a row its number.
    pub last: u64,
    /// What the store finds it by; 0 of a group that was made from single errors.
    pub hash: u64,
}

/// What errors come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    CatchUp,
    InitialSync,
}

impl ErrorGroup {
    pub fn origin(&self) -> Origin {
        if self.execution.is_none() { Origin::CatchUp } else { Origin::InitialSync }
    }

    /// Whether a filter, as far as it asks for what groups have, picks its errors.
    pub fn is_picked(&self, filter: &RecordFilter) -> bool {
        let is = |wanted: &Option<String>, found: &String| wanted.as_ref().is_none_or(|wanted| wanted == found);
        filter.source.is_none_or(|wanted| wanted == self.source)
            && filter.error_type.is_none_or(|wanted| wanted == self.kind)
            && is(&filter.code, &self.code)
            && is(&filter.constraint, &self.constraint)
            && is(&filter.column, &self.column)
    }

    /// One more error: it joins its group among these, or is the first of a new one.
    pub fn join(
        groups: &mut Vec<ErrorGroup>,
        execution: Option<ExecutionNumber>,
        error: &Candidate<'_>,
        failed: DateTime<Utc>,
        number: u64,
    ) {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let failure = error.failure;
        let joins = ErrorGroup {
            execution,
            source: error.source,
            kind: failure.map(|failure| failure.kind),
            code: text(failure.map(|failure| &failure.code)),
            constraint: text(failure.and_then(|failure| failure.constraint.as_ref())),
            column: text(failure.and_then(|failure| failure.column.as_ref())),
            count: 1,
            first_time: failed,
            last_time: failed,
            last: number,
            hash: 0,
        };
        let picks = joins.filter();
        let same = |group: &&mut ErrorGroup| group.execution == execution && group.is_picked(&picks);
        let Some(group) = groups.iter_mut().find(same) else { return groups.push(joins) };
        group.count += 1;
        group.first_time = group.first_time.min(failed);
        if (failed, number) >= (group.last_time, group.last) {
            (group.last_time, group.last) = (failed, number);
        }
    }

    /// What picks exactly its errors, also those that join it later.
    pub fn filter(&self) -> RecordFilter {
        RecordFilter {
            source: Some(self.source),
            error_type: Some(self.kind),
            code: Some(self.code.clone()),
            constraint: Some(self.constraint.clone()),
            column: Some(self.column.clone()),
            ..RecordFilter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::Failure;
    use crate::model::key::Key;
    use crate::model::retry::RetryStatus;

    #[test]
    fn a_group_and_its_filter_pick_the_same_errors() {
        let key = Key::new(Vec::new());
        let no = Failure::new(ErrorType::Application, "23514", "no");
        let of_column = Failure { column: Some("total".into()), ..no.clone() };
        let errors =
            [(Side::Left, Some(&no)), (Side::Right, Some(&no)), (Side::Left, Some(&of_column)), (Side::Left, None)];
        let candidates = errors.map(|(source, failure)| Candidate {
            source,
            key: &key,
            is_error: true,
            failure,
            time: DateTime::UNIX_EPOCH,
            retry_status: RetryStatus::None,
            job: None,
        });
        let mut groups = Vec::new();
        for (number, candidate) in candidates.iter().cycle().take(10).enumerate() {
            let failed = DateTime::from_timestamp(number as i64 % 7, 0).unwrap();
            ErrorGroup::join(&mut groups, None, candidate, failed, number as u64);
        }
        let counts: Vec<_> = groups.iter().map(|group| (group.count, group.last)).collect();
        assert_eq!(counts, [(3, 4), (3, 5), (2, 6), (2, 3)], "the last is the one that failed last");
        for (group, candidate) in groups.iter().zip(&candidates) {
            let picked: Vec<bool> = candidates.iter().map(|candidate| group.filter().picks(candidate)).collect();
            assert_eq!(picked.iter().filter(|picked| **picked).count(), 1, "{group:?}");
            assert!(group.filter().picks(candidate));
            assert_eq!(groups.iter().filter(|other| other.is_picked(&group.filter())).count(), 1);
        }
    }
}
