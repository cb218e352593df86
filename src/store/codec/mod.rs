//! Between the model's types and the messages that the store keeps. Writing cannot fail; reading fails on what no version of
//! this program has written.

mod activity;
mod alert;
mod change;
mod commit;
mod error_group;
mod execution;
mod job;
mod queued;
mod schema;
mod table_map;
mod value;

#[cfg(test)]
mod tests;

pub use alert::noted;
pub use error_group::error_group;
pub use queued::{decode_queued, encode_queued};

use super::StoreError;
use super::message;
use crate::model::ids::MapId;
use crate::model::table_map::Side;
use chrono::{DateTime, Utc};

/// A stored message that says nothing that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

impl From<Unreadable> for StoreError {
    fn from(unreadable: Unreadable) -> Self {
        StoreError::Corrupt { what: unreadable.0.to_owned() }
    }
}

/// The content of a message that is always written.
fn required<T>(content: Option<T>, what: &'static str) -> Result<T, Unreadable> {
    content.ok_or(Unreadable(what))
}

/// An enum of the model as the number that stands for it.
trait Numbered: Sized {
    fn number(self) -> i32;
    fn from_number(number: i32) -> Result<Self, Unreadable>;
}

/// The number of a side, where it is part of a key.
pub fn side_number(side: Side) -> i32 {
    side.number()
}

/// Writes both ways of a [`Numbered`] enum whose message has the same names; a variant that is missing does not compile.
macro_rules! numbered {
    ($model:ty, $message:ty, $what:literal, [$($variant:ident),+ $(,)?]) => {
        impl super::Numbered for $model {
            fn number(self) -> i32 {
                match self {
                    $(Self::$variant => <$message>::$variant.into(),)+
                }
            }

            fn from_number(number: i32) -> Result<Self, super::Unreadable> {
                match <$message>::try_from(number) {
                    $(Ok(<$message>::$variant) => Ok(Self::$variant),)+
                    Ok(<$message>::Unspecified) | Err(_) => Err(super::Unreadable($what)),
                }
            }
        }
    };
}
use numbered;

impl From<&DateTime<Utc>> for message::Time {
    fn from(time: &DateTime<Utc>) -> Self {
        Self { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos() }
    }
}

impl TryFrom<message::Time> for DateTime<Utc> {
    type Error = Unreadable;

    fn try_from(time: message::Time) -> Result<Self, Unreadable> {
        DateTime::from_timestamp(time.seconds, time.nanos).ok_or(Unreadable("a time out of range"))
    }
}

fn read_time(time: Option<message::Time>, what: &'static str) -> Result<DateTime<Utc>, Unreadable> {
    required(time, what)?.try_into()
}

fn read_map_id(id: &str) -> Result<MapId, Unreadable> {
    MapId::parse(id).map_err(|_| Unreadable("the id of a map"))
}
