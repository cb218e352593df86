//! The figures of a map, per side where changes happened (rule 11).

/// Counts of changes that happened on one side. `accepted` is the sum of all others, at every moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub accepted: u64,
    pub applied: u64,
    pub queued: u64,
    pub in_error: u64,
    pub skipped: u64,
    pub superseded: u64,
    pub deleted: u64,
    pub purged: u64,
}

impl Figures {
    /// Rule 11: the figures add up.
    pub fn add_up(&self) -> bool {
        self.accepted
            == self.applied + self.queued + self.in_error + self.skipped + self.superseded + self.deleted + self.purged
    }
}

/// The figures of both sides, and what the queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MapFigures {
    pub left: Figures,
    pub right: Figures,
    /// Bytes of the changes in the queue (not of those in error), as `Change::size` counts them.
    pub queued_bytes: u64,
}

impl MapFigures {
    pub fn side(&self, side: super::side::Side) -> &Figures {
        match side {
            super::side::Side::Left => &self.left,
            super::side::Side::Right => &self.right,
        }
    }

    pub fn side_mut(&mut self, side: super::side::Side) -> &mut Figures {
        match side {
            super::side::Side::Left => &mut self.left,
            super::side::Side::Right => &mut self.right,
        }
    }

    pub fn queued(&self) -> u64 {
        self.left.queued + self.right.queued
    }

    pub fn in_error(&self) -> u64 {
        self.left.in_error + self.right.in_error
    }
}
