//! The map that a commit is about, while the commit is applied.

use super::keys;
use crate::model::ids::{MapId, Revision};
use crate::store::StoreError;
use crate::store::message::{self, MapHead};

/// Its numbers, as the commit has made them so far.
pub(super) struct Subject {
    pub id: MapId,
    pub head: MapHead,
}

impl Subject {
    pub fn misfit(&self, why: impl Into<String>) -> StoreError {
        StoreError::Misfit { map: self.id.clone(), why: why.into() }
    }

    pub fn map(&self) -> &str {
        self.id.as_str()
    }

    /// The key of a numbered entry of this life of the map.
    pub fn key(&self, shelf: u8, number: u64) -> keys::Key {
        keys::numbered(shelf, self.map(), self.head.incarnation, number)
    }

    /// The figures of one side.
    pub fn figures(&mut self, side: i32) -> Result<&mut message::Figures, StoreError> {
        match message::Side::try_from(side) {
            Ok(message::Side::Left) => Ok(self.head.left.get_or_insert_default()),
            Ok(message::Side::Right) => Ok(self.head.right.get_or_insert_default()),
            Ok(message::Side::Unspecified) | Err(_) => Err(self.misfit("a change without its side")),
        }
    }

    /// Deleted maps keep their numbers, but nothing that a later deletion would have to find.
    pub fn must_exist(&self) -> Result<(), StoreError> {
        if self.head.exists { Ok(()) } else { Err(self.misfit("there is no such map")) }
    }

    pub fn revision(&self) -> Revision {
        Revision(if self.head.exists { self.head.revision } else { 0 })
    }

    /// The figure that grows when a record ends so.
    pub fn figure_of(&self, ending: i32) -> Result<fn(&mut message::Figures) -> &mut u64, StoreError> {
        Ok(match message::Ending::try_from(ending) {
            Ok(message::Ending::Applied) => |figures| &mut figures.applied,
            Ok(message::Ending::Skipped) => |figures| &mut figures.skipped,
            Ok(message::Ending::Superseded) => |figures| &mut figures.superseded,
            Ok(message::Ending::Deleted) => |figures| &mut figures.deleted,
            Ok(message::Ending::Purged) => |figures| &mut figures.purged,
            Ok(message::Ending::Unspecified) | Err(_) => return Err(self.misfit("an ending that is none")),
        })
    }
}
