//! Many messages in one value: what costs is the number of keys, not the bytes, so what comes in great numbers is packed as it comes.
//! The value is a message with a repeated field of them, which goes on at its end; the last one of a shelf is appended to while it is
//! small, so that a caller who sends one record at a time does not get one key for each either.

use super::subject::Subject;
use super::view::View;
use crate::store::codec::Unreadable;
use crate::store::message::{Compressed, CompressedOutlines};
use crate::store::{COMMIT_BYTES_MAX, StoreError};
use prost::Message;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len};
use std::borrow::Cow;

/// A value is cut before it grows past this; one item that is larger has a value of its own. Small enough that a leaf of
/// sled with 16 of them stays inside its log (a leaf over a quarter of sled's segment size becomes a file of its own).
pub(super) const BYTES_MAX: usize = 16 * 1024;
/// A value smaller than this takes the items of later commits too: what is written twice for it is half of this at most, on average.
const OPEN_BYTES: usize = 4 * 1024;

/// The field of the items, in every message that packs some.
const ITEMS_TAG: u32 = 1;
/// What a value begins with that is a `Compressed`: its first field.
const COMPRESSED_KEY: u8 = 2 << 3 | WireType::Varint as u8;
/// No value that was written is longer: one that says so was not.
const UNPACKED_BYTES_MAX: usize = 2 * COMMIT_BYTES_MAX;
const CANNOT_READ: Unreadable = Unreadable("a packed value");

/// What can be packed: a message, or one that is encoded already.
pub(super) trait Item {
    fn item_len(&self) -> usize;
    fn put(&self, to: &mut Vec<u8>);
}

impl<M: Message> Item for M {
    fn item_len(&self) -> usize {
        self.encoded_len()
    }

    fn put(&self, to: &mut Vec<u8>) {
        self.encode_raw(to);
    }
}

/// How many bytes a value grows by with this item.
pub(super) fn appended_len(item: &impl Item) -> usize {
    framed_len(item.item_len())
}

fn framed_len(len: usize) -> usize {
    key_len(ITEMS_TAG) + encoded_len_varint(len as u64) + len
}

pub(super) fn append(value: &mut Vec<u8>, item: &impl Item) {
    begin_item(value, item.item_len());
    item.put(value);
}

fn begin_item(value: &mut Vec<u8>, len: usize) {
    encode_key(ITEMS_TAG, WireType::LengthDelimited, value);
    encode_varint(len as u64, value);
}

/// The items of a value that was written: as they were packed, also when they are compressed.
pub(super) fn unpacked(value: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    if value.first() != Some(&COMPRESSED_KEY) {
        return Ok(Cow::Borrowed(value));
    }
    let compressed = Compressed::decode(value).map_err(|_| CANNOT_READ)?;
    let len = compressed.len as usize;
    if len > UNPACKED_BYTES_MAX {
        return Err(CANNOT_READ);
    }
    let items = lz4_flex::block::decompress(&compressed.lz4, len).map_err(|_| CANNOT_READ)?;
    if items.len() == len { Ok(Cow::Owned(items)) } else { Err(CANNOT_READ) }
}

/// As it is written when nothing is appended any more: compressed, where that makes it smaller. What is written less costs less
/// than the compression: the engine writes each entry about four times, with those beside it.
pub(super) fn compressed(items: Vec<u8>, outlines: Vec<u64>) -> Vec<u8> {
    let Ok(len) = u32::try_from(items.len()) else { return items };
    let compressed = Compressed { len, lz4: lz4_flex::block::compress(&items), outlines };
    if compressed.encoded_len() < items.len() { compressed.encode_to_vec() } else { items }
}

/// What stands beside the items of a value that are compressed; empty where nothing does.
pub(super) fn outlines(value: &[u8]) -> Result<Vec<u64>, Unreadable> {
    if value.first() != Some(&COMPRESSED_KEY) {
        return Ok(Vec::new());
    }
    CompressedOutlines::decode(value).map(|beside| beside.outlines).map_err(|_| CANNOT_READ)
}

/// The encoded items of a value that is unpacked, in order.
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
    split_content(rest)
}

/// What has its length before it.
pub(super) fn split_content<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let len = decode_varint(rest).map_err(|_| CANNOT_READ)?;
    let len = usize::try_from(len).map_err(|_| CANNOT_READ)?;
    let (content, behind) = rest.split_at_checked(len).ok_or(CANNOT_READ)?;
    *rest = behind;
    Ok(content)
}

/// The last value of a numbered shelf, while items are appended.
pub(super) struct Tail {
    shelf: u8,
    outline: Outline,
    /// Its number; 0 while there is none.
    number: u64,
    bytes: Vec<u8>,
}

/// What is told beside items when they are compressed.
pub(super) type Outline = fn(&[u8]) -> Result<Vec<u64>, Unreadable>;

impl Tail {
    /// `open` is the number of the value that may be appended to, or 0.
    pub fn open(
        view: &View<'_>,
        subject: &Subject,
        shelf: u8,
        open: u64,
        outline: Outline,
    ) -> Result<Self, StoreError> {
        let bytes = if open == 0 { None } else { view.get(&subject.key(shelf, open))? };
        match bytes {
            Some(bytes) => Ok(Self { shelf, outline, number: open, bytes: unpacked(&bytes)?.into_owned() }),
            None if open == 0 => Ok(Self { shelf, outline, number: 0, bytes: Vec::new() }),
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
            let items = std::mem::replace(&mut self.bytes, Vec::with_capacity(BYTES_MAX));
            let outlines = (self.outline)(&items)?;
            view.put(subject.key(self.shelf, self.number), compressed(items, outlines))?;
        }
        let begins = full || self.number == 0;
        if begins {
            self.number = next;
        }
        begin_item(&mut self.bytes, item.len());
        self.bytes.extend_from_slice(item);
        Ok(begins)
    }

    /// Writes it; gives its number while it is small enough to be appended to, else 0.
    pub fn close(self, view: &mut View<'_>, subject: &Subject) -> Result<u64, StoreError> {
        if self.number == 0 {
            return Ok(0);
        }
        let Self { shelf, outline, number, bytes } = self;
        let stays_open = bytes.len() < OPEN_BYTES;
        let outlines = if stays_open { Vec::new() } else { outline(&bytes)? };
        let value = if stays_open { bytes } else { compressed(bytes, outlines) };
        view.put(subject.key(shelf, number), value)?;
        Ok(if stays_open { number } else { 0 })
    }
}
