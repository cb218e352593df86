//! Many messages in one value: what costs is the number of keys, not the bytes, so what comes in great numbers is packed as it comes.
//! The value is a message with a repeated field of them, which goes on at its end; the last one of a shelf is appended to while it is
//! small, so that a caller who sends one record at a time does not get one key for each either.

use super::subject::Subject;
use super::view::View;
use crate::store::StoreError;
use crate::store::codec::Unreadable;
use prost::Message;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len};

/// A value is cut before it grows past this; one item that is larger has a value of its own. Small enough that a leaf of
/// sled with 16 of them stays inside its log (a leaf over a quarter of sled's segment size becomes a file of its own).
pub(super) const BYTES_MAX: usize = 16 * 1024;
/// A value smaller than this takes the items of later commits too: what is written twice for it is half of this at most, on average.
const OPEN_BYTES: usize = 4 * 1024;

/// The field of the items, in every message that packs some.
const ITEMS_TAG: u32 = 1;
const CANNOT_READ: Unreadable = Unreadable("a packed value");

/// How many bytes a value grows by with this item.
pub(super) fn appended_len(item: &impl Message) -> usize {
    framed_len(item.encoded_len())
}

fn framed_len(len: usize) -> usize {
    key_len(ITEMS_TAG) + encoded_len_varint(len as u64) + len
}

pub(super) fn append(value: &mut Vec<u8>, item: &impl Message) {
    begin_item(value, item.encoded_len());
    item.encode_raw(value);
}

fn begin_item(value: &mut Vec<u8>, len: usize) {
    encode_key(ITEMS_TAG, WireType::LengthDelimited, value);
    encode_varint(len as u64, value);
}

/// The encoded items of a value, in order.
pub(super) fn items(value: &[u8]) -> impl Iterator<Item = Result<&[u8], Unreadable>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let item = split_item(&mut rest);
        if item.is_err() {
            rest = &[];
        }
        Some(item)
    })
}

fn split_item<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let key = decode_varint(rest).map_err(|_| CANNOT_READ)?;
    if key != u64::from(ITEMS_TAG << 3 | WireType::LengthDelimited as u32) {
        return Err(CANNOT_READ);
    }
    let len = decode_varint(rest).map_err(|_| CANNOT_READ)?;
    let len = usize::try_from(len).map_err(|_| CANNOT_READ)?;
    let (item, behind) = rest.split_at_checked(len).ok_or(CANNOT_READ)?;
    *rest = behind;
    Ok(item)
}

/// The last value of a numbered shelf, while items are appended.
pub(super) struct Tail {
    shelf: u8,
    /// Its number; 0 while there is none.
    number: u64,
    bytes: Vec<u8>,
}

impl Tail {
    /// `open` is the number of the value that may be appended to, or 0.
    pub fn open(view: &View<'_>, subject: &Subject, shelf: u8, open: u64) -> Result<Self, StoreError> {
        let bytes = if open == 0 { None } else { view.get(&subject.key(shelf, open))? };
        match bytes {
            Some(bytes) => Ok(Self { shelf, number: open, bytes: bytes.to_vec() }),
            None if open == 0 => Ok(Self { shelf, number: 0, bytes: Vec::new() }),
            None => Err(StoreError::Corrupt { what: format!("shelf {shelf:#04x} without its value {open}") }),
        }
    }

    /// Appends an encoded item. Where it goes to a new value, that gets the number `next`; says whether it did.
    pub fn append(
        &mut self,
        view: &mut View<'_>,
        subject: &Subject,
        item: &[u8],
        next: u64,
    ) -> Result<bool, StoreError> {
        let full = self.number != 0 && self.bytes.len() + framed_len(item.len()) > BYTES_MAX;
        if full {
            self.write(view, subject)?;
        }
        let begins = full || self.number == 0;
        if begins {
            self.number = next;
        }
        begin_item(&mut self.bytes, item.len());
        self.bytes.extend_from_slice(item);
        Ok(begins)
    }

    fn write(&mut self, view: &mut View<'_>, subject: &Subject) -> Result<(), StoreError> {
        view.put(subject.key(self.shelf, self.number), std::mem::take(&mut self.bytes))
    }

    /// Writes it; gives its number while it is small enough to be appended to, else 0.
    pub fn close(mut self, view: &mut View<'_>, subject: &Subject) -> Result<u64, StoreError> {
        if self.number == 0 {
            return Ok(0);
        }
        let stays_open = self.bytes.len() < OPEN_BYTES;
        self.write(view, subject)?;
        Ok(if stays_open { self.number } else { 0 })
    }
}
