//! Names of things: checked when they come in, so that nothing deeper has to look again.

use std::fmt;
use std::sync::Arc;

/// The longest id, in bytes (api.md, "Conventions").
pub const ID_BYTES_MAX: usize = 63;

/// An id that is not of the form `[a-z]([a-z0-9-]{0,61}[a-z0-9])?`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{found}\" is not an id: 1 to {ID_BYTES_MAX} characters, a to z, 0 to 9 and \"-\", a letter first and no \"-\" last"
)]
pub struct BadId {
    pub found: String,
}

fn check(id: &str) -> Result<(), BadId> {
    let bytes = id.as_bytes();
    let well_formed = bytes.len() <= ID_BYTES_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last() != Some(&b'-')
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    if well_formed { Ok(()) } else { Err(BadId { found: id.chars().take(2 * ID_BYTES_MAX).collect() }) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a well-formed id; nothing else makes one.
            pub fn parse(id: &str) -> Result<Self, BadId> {
                check(id).map(|()| Self(id.into()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// The id of a table map: `orders` of `tableMaps/orders`. A map that is deleted and created again goes on with the
    /// numbers of its activity log and queue, so that no number ever means two things.
    MapId
}
impl MapId {
    /// Stands for what belongs to no map. No caller can name it.
    pub fn none() -> Self {
        Self("-".into())
    }
}

id! {
    /// The id of an application, as the configuration gives it.
    AppId
}
id! {
    /// The id of an alert setting.
    AlertId
}
id! {
    /// The id of a client, as the configuration gives it.
    ClientId
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The place of a queued record in its map's queue, from 1, in the order of acceptance. Never used again.
    QueueSequence
}
number! {
    /// The place of an event in its map's activity log, from 1, without gaps.
    EventSequence
}
number! {
    /// The place of an event in the whole log, over all maps, increasing.
    Position
}
number! {
    /// How often a map's record was written; what compare-and-set compares. 0 means that there is none.
    Revision
}
number! {
    /// The number of an execution of a map's initial sync, from 1.
    ExecutionNumber
}
number! {
    /// The number of a bulk action on errors of a map, from 1.
    JobNumber
}

number! {
    /// The number of an alert that fired, over all maps, from 1, without gaps.
    AlertNumber
}
number! {
    /// The number of a notification, from 1.
    NotificationNumber
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_the_contract() {
        let longest = format!("a{}", "b".repeat(ID_BYTES_MAX - 1));
        for good in ["a", "orders", "a-b", "a1", longest.as_str()] {
            assert_eq!(MapId::parse(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        let too_long = format!("{longest}c");
        for bad in ["", "-a", "a-", "1a", "A", "a_b", "a/b", "ä", "a b", too_long.as_str()] {
            assert!(MapId::parse(bad).is_err(), "{bad:?} was taken");
        }
    }
}
