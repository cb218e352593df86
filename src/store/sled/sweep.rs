//! Removes what deleted maps and dropped notes have left behind. No reader finds it: its keys have the incarnation of a life, or
//! the epoch of notes, that has ended.

use super::keys::{self, shelf};
use super::subject::Subject;
use super::view::View;
use crate::store::StoreError;

/// Removes at most so many entries, the oldest life's first.
pub(super) fn sweep(view: &mut View<'_>, subject: &mut Subject, entries_max: u32) -> Result<(), StoreError> {
    let mut left = entries_max;
    while subject.head.swept < subject.head.incarnation {
        for shelf in shelf::OF_AN_INCARNATION {
            let prefix = keys::of_incarnation(shelf, subject.map(), subject.head.swept);
            if !remove_all(view, prefix, &mut left)? {
                return Ok(());
            }
        }
        subject.head.swept += 1;
    }
    while subject.head.written_swept < subject.head.written_epoch {
        let head = &subject.head;
        let prefix = keys::written_epoch(subject.map(), head.incarnation, head.written_swept);
        if !remove_all(view, prefix, &mut left)? {
            return Ok(());
        }
        subject.head.written_swept += 1;
    }
    Ok(())
}

/// False when there is more than was allowed.
fn remove_all(view: &mut View<'_>, prefix: keys::Key, left: &mut u32) -> Result<bool, StoreError> {
    let end = keys::behind(&prefix);
    let mut from = prefix;
    while let Some((key, _)) = view.next(&from, &end)? {
        if *left == 0 {
            return Ok(false);
        }
        *left -= 1;
        from = key.to_vec();
        view.remove(key.to_vec())?;
    }
    Ok(true)
}
