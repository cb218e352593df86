//! Errors of a map, and the indexes by which they are found: each error has its entries, and each entry is of an error.

use super::queue::Counted;
use super::{Check, Life};
use crate::model;
use crate::store::StoreError;
use crate::store::message::{ErrorGroup, ErrorRecord, ExecutionError};
use crate::store::sled::index::Entries;
use crate::store::sled::keys::{self, Key, shelf};
use crate::store::sled::offline::OfflineError;
use crate::store::sled::view::decode;
use prost::Message;
use std::collections::BTreeMap;

impl Check<'_> {
    pub(super) fn errors(&mut self, life: &Life<'_>, counted: &mut Counted) -> Result<(), OfflineError> {
        // There are as many as causes, not as errors.
        let mut groups = BTreeMap::new();
        for entry in self.entries(&life.prefix(shelf::ERRORS)) {
            let (key, bytes) = entry?;
            self.read::<ErrorRecord, model::change::ErrorRecord>(life.map, &bytes, "an error");
            let Ok(error) = decode::<ErrorRecord>(&bytes, "an error") else { continue };
            let record = error.record.as_ref();
            if record.map(|record| record.sequence) != keys::last_number(&key) {
                self.wrong(Some(life.map), format!("error {:?} says that it is another", keys::last_number(&key)));
            }
            *counted.in_error.entry(record.map_or(0, |record| record.source)).or_insert(0) += 1;
            counted.failures = counted.failures.max(error.number);
            counted.last_sequence = counted.last_sequence.max(record.map_or(0, |record| record.sequence));
            self.expect(life, Entries::of_error(life.map, life.head.incarnation, &error), &mut groups)?;
        }
        for entry in self.entries(&life.prefix(shelf::EXECUTION_ERRORS)) {
            let (key, bytes) = entry?;
            self.read::<ExecutionError, model::execution::ExecutionError>(life.map, &bytes, "a failed row");
            let Ok(error) = decode::<ExecutionError>(&bytes, "a failed row") else { continue };
            let Some((execution, number)) = keys::group_of(&key) else { continue };
            if self.get(&life.key(shelf::EXECUTIONS, execution))?.is_none() {
                self.wrong(
                    Some(life.map),
                    format!("failed row {number} is of execution {execution}, which is not there"),
                );
            }
            let entries = Entries::of_row(life.map, life.head.incarnation, execution, number, &error);
            self.expect(life, entries, &mut groups)?;
        }
        for entry in self.entries(&life.prefix(shelf::RETRIED)) {
            let (_, bytes) = entry?;
            self.read::<ErrorRecord, model::change::ErrorRecord>(life.map, &bytes, "a retried record");
            let Ok(error) = decode::<ErrorRecord>(&bytes, "a retried record") else { continue };
            let entries = Entries::of_put_right(life.map, life.head.incarnation, &error);
            self.expect(life, Ok(entries), &mut groups)?;
        }
        self.groups(life, groups)
    }

    /// These entries must be there.
    fn expect(
        &mut self,
        life: &Life<'_>,
        entries: Result<Entries, StoreError>,
        groups: &mut BTreeMap<Key, ErrorGroup>,
    ) -> Result<(), OfflineError> {
        let Some(Entries { keys, group }) = self.readable(life.map, "the key of an error", entries) else {
            return Ok(());
        };
        for key in keys {
            if self.get(&key)?.is_none() {
                self.says_wrongly(Some(life.map), "an index does not know an error", [(key, Some(Vec::new()))])?;
            }
        }
        if let Some((place, group)) = group {
            groups.entry(place).or_insert(group).count += 1;
        }
        Ok(())
    }

    fn groups(&mut self, life: &Life<'_>, mut groups: BTreeMap<Key, ErrorGroup>) -> Result<(), OfflineError> {
        for entry in self.entries(&life.prefix(shelf::ERROR_GROUPS)) {
            let (key, bytes) = entry?;
            let known = decode::<ErrorGroup>(&bytes, "a group of errors").ok();
            let found = groups.remove(key.as_ref());
            if known.is_some() && known == found {
                continue;
            }
            let [said, is] = [&known, &found].map(|group| group.as_ref().map_or(0, |group| group.count));
            let change = (key.to_vec(), found.map(|group| group.encode_to_vec()));
            self.says_wrongly(Some(life.map), format!("a group of errors has {is}, not {said}"), [change])?;
        }
        for (key, group) in groups {
            let what = format!("a group of {} errors is not known", group.count);
            self.says_wrongly(Some(life.map), what, [(key, Some(group.encode_to_vec()))])?;
        }
        Ok(())
    }

    /// Every entry of an index is of an error that is there.
    pub(super) fn index(&mut self, life: &Life<'_>) -> Result<(), OfflineError> {
        for shelf in [shelf::KEYS_IN_ERROR, shelf::BY_TIME] {
            for entry in self.entries(&life.prefix(shelf)) {
                let (key, _) = entry?;
                if !self.is_of_something(life, shelf, &key)? {
                    let change = (key.to_vec(), None);
                    self.says_wrongly(Some(life.map), "an index knows an error that is not there", [change])?;
                }
            }
        }
        Ok(())
    }

    fn is_of_something(&self, life: &Life<'_>, shelf: u8, key: &[u8]) -> Result<bool, OfflineError> {
        let incarnation = life.head.incarnation;
        let Some(number) = keys::last_number(key) else { return Ok(false) };
        let holds =
            |entries: Result<Entries, StoreError>| entries.is_ok_and(|found| found.keys.iter().any(|of| of == key));
        if let Some(bytes) = self.get(&life.key(shelf::ERRORS, number))?
            && let Ok(error) = decode::<ErrorRecord>(&bytes, "an error")
            && holds(Entries::of_error(life.map, incarnation, &error))
        {
            return Ok(true);
        }
        // Of a row the execution stands before the number, or before the hash of the group.
        let execution =
            if shelf == shelf::BY_TIME { keys::execution_at_time(key) } else { keys::group_of(key).map(|(of, _)| of) };
        if let Some(execution) = execution
            && let Some(bytes) = self.get(&keys::execution_error(life.map, incarnation, execution, number))?
            && let Ok(error) = decode::<ExecutionError>(&bytes, "a failed row")
            && holds(Entries::of_row(life.map, incarnation, execution, number, &error))
        {
            return Ok(true);
        }
        let retried = self.get(&life.key(shelf::RETRIED, number))?;
        let retried = retried.and_then(|bytes| decode::<ErrorRecord>(&bytes, "a retried record").ok());
        Ok(retried.is_some_and(|error| holds(Ok(Entries::of_put_right(life.map, incarnation, &error)))))
    }
}
