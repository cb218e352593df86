//! Notes of what changes have written, as long as the map has errors that are older (rule 3).

use super::task::MapTask;
use crate::engine::error::EngineError;
use crate::model::change::{Cause, Change};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::state::MapState;
use crate::model::table_map::Side;
use crate::model::written::{Written, WrittenSince};
use crate::store::Operation;
use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};

/// Notes of one operation: a few hundred bytes each, so that it fits into a commit.
const NOTES_AT_ONCE: usize = 64;

/// Notes that the store does not have yet.
#[derive(Default)]
pub(super) struct Notes {
    /// For the next commit.
    next: Vec<Written>,
    /// The same, kept whether their keys have errors or not.
    next_always: Vec<Written>,
    /// With how many commits each is in.
    on_their_way: HashMap<(Side, Key), (usize, WrittenSince)>,
}

impl Notes {
    fn add(&mut self, written: &Written) {
        let (commits, since) = self.on_their_way.entry((written.side, written.key.clone())).or_default();
        *commits += 1;
        since.add(written);
    }

    /// A commit is done, or was refused.
    pub fn done(&mut self, written: &[Written]) {
        for Written { side, key, .. } in written {
            if let Entry::Occupied(mut known) = self.on_their_way.entry((*side, key.clone())) {
                known.get_mut().0 -= 1;
                if known.get().0 == 0 {
                    known.remove();
                }
            }
        }
    }
}

impl MapTask {
    /// Whether there are errors that a newer change may overtake, or may come to be.
    pub fn keeps_errors(&self) -> bool {
        self.in_error > 0 || self.rows_failed > 0 || self.diverting || self.map.state == MapState::Initializing
    }

    /// A change, newer than errors before `before`, is at a side.
    pub fn note_written(&mut self, change: &Change, yielded: &BTreeSet<String>, side: Side, before: QueueSequence) {
        let notes = self.notes_of(change, yielded, side, before);
        for written in &notes {
            self.notes.add(written);
        }
        self.notes.next.extend(notes);
    }

    fn notes_of(&self, change: &Change, yielded: &BTreeSet<String>, side: Side, before: QueueSequence) -> Vec<Written> {
        // A settlement only brings a side its own values back.
        let running = self.running.as_ref().filter(|_| self.keeps_errors() && change.cause != Cause::Settlement);
        running.map(|running| Written::by(&running.plan, change, yielded, side, before)).unwrap_or_default()
    }

    /// What callers' changes that are about to be queued have written already: at their own side, which is older errors'
    /// destination.
    pub fn note_accepted<'a>(&mut self, accepted: impl Iterator<Item = (QueueSequence, &'a Change)>) {
        if !self.goes_both_ways() || !self.keeps_errors() {
            return;
        }
        let of_callers = accepted.filter(|(_, change)| change.cause == Cause::Caller);
        let written: Vec<Written> = of_callers
            .flat_map(|(sequence, change)| self.notes_of(change, &BTreeSet::new(), change.source, sequence))
            .collect();
        for note in &written {
            self.notes.add(note);
        }
        // While rows are copied their errors are still to be found.
        let copying = self.map.state == MapState::Initializing;
        let next = if copying { &mut self.notes.next_always } else { &mut self.notes.next };
        next.extend(written);
    }

    /// The notes for the next commit. They come after the errors of the same commit: a key that had none before has one then.
    pub fn keep_notes(&mut self, operations: &mut Vec<Operation>) {
        for (mut notes, always) in
            [(std::mem::take(&mut self.notes.next_always), true), (std::mem::take(&mut self.notes.next), false)]
        {
            while !notes.is_empty() {
                let written: Vec<Written> = notes.drain(..notes.len().min(NOTES_AT_ONCE)).collect();
                self.ends_next.written.extend(written.iter().cloned());
                operations.push(Operation::NoteWritten { written, always });
            }
        }
    }

    /// What newer changes have written of a key at a side, with what the store does not know yet.
    pub fn written_since(&self, side: Side, key: &Key) -> Result<WrittenSince, EngineError> {
        let mut since = self.context.store.written_since(&self.map.id, side, key)?;
        if let Some((_, more)) = self.notes.on_their_way.get(&(side, key.clone())) {
            since.add_all(more);
        }
        Ok(since)
    }

    /// Without errors nobody asks for them: every error to come is newer than all that was written.
    pub fn drop_needless_notes(&mut self) -> Result<(), EngineError> {
        if !self.keeps_errors() && self.context.store.head(&self.map.id)?.has_written {
            self.later(Operation::DropWritten);
            self.ends_next.leaves_steps = true;
        }
        Ok(())
    }
}
