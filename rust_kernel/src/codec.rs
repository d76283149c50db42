//! The one binary form of inputs: for the log, the socket and the golden files.
//!
//! One byte of format version, then the value in postcard's encoding (a published, stable wire format). Decoding
//! refuses another version, a value that is cut short, and bytes left over.

mod wire;

use alloc::vec::Vec;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::Id;
use wire::{Room, Stopped};

/// The format that this version writes, and the only one it reads.
pub const FORMAT_VERSION: u8 = 2;

/// Why bytes cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodecError {
    /// No bytes at all.
    Empty,
    /// Written by another version.
    Version {
        /// What the first byte says.
        found: u8,
    },
    /// Not a value of this type, or cut short.
    Malformed,
    /// A value, and then more.
    TrailingBytes {
        /// How many.
        count: usize,
    },
}

impl core::fmt::Display for CodecError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            CodecError::Empty => f.write_str("no bytes to decode"),
            CodecError::Version { found } => {
                write!(f, "format version {found}; this build reads version {FORMAT_VERSION}")
            }
            CodecError::Malformed => f.write_str("the bytes are not a value of this type, or are cut short"),
            CodecError::TrailingBytes { count } => write!(f, "{count} bytes left over after the value"),
        }
    }
}

/// So much room is made for a value at first: an input seldom takes more.
const ROOM: usize = 512;

/// Appends the binary form of `value` to `out`.
///
/// # Errors
/// [`CodecError::Malformed`] where the value cannot be written; none of the kernel's types is so.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    out.resize(start.saturating_add(ROOM), 0);
    let end = encode_at(value, out, start);
    out.truncate(*end.as_ref().unwrap_or(&start));
    end.map(drop)
}

/// Writes the binary form of `value` over what `out` holds from `at` on, and returns where it ends; `out` grows where that
/// is too little. What it holds behind the end means nothing. For a buffer that is used again and again: its room is
/// made once.
///
/// # Errors
/// As [`encode`].
#[inline]
pub fn encode_at<T: Serialize>(value: &T, out: &mut Vec<u8>, at: usize) -> Result<usize, CodecError> {
    match write(value, out.get_mut(at..).unwrap_or_default()) {
        Ok(length) => Ok(at.saturating_add(length)),
        Err(Stopped::Unwritable) => Err(CodecError::Malformed),
        Err(Stopped::Full) => make_room_and_write(value, out, at),
    }
}

/// Returns how many bytes it took.
#[inline]
fn write<T: Serialize>(value: &T, room: &mut [u8]) -> Result<usize, Stopped> {
    let length = room.len();
    let rest = value.serialize(Room::new(room).byte(FORMAT_VERSION)?)?;
    Ok(length.saturating_sub(rest.left()))
}

/// With as much room as there is usually need of; where even that is too little postcard itself, which makes more as it goes.
#[cold]
#[inline(never)]
fn make_room_and_write<T: Serialize>(value: &T, out: &mut Vec<u8>, at: usize) -> Result<usize, CodecError> {
    if out.len() < at.saturating_add(ROOM) {
        // So much at once that a buffer that is filled again and again is seldom too small.
        out.resize(at.saturating_add(at.max(ROOM)), 0);
        match write(value, out.get_mut(at..).unwrap_or_default()) {
            Ok(length) => return Ok(at.saturating_add(length)),
            Err(Stopped::Unwritable) => return Err(CodecError::Malformed),
            Err(Stopped::Full) => {}
        }
    }
    out.truncate(at);
    out.push(FORMAT_VERSION);
    postcard::serialize_with_flavor(value, Appended { out }).map_err(|_| CodecError::Malformed)?;
    Ok(out.len())
}

/// Postcard's way of writing, onto what is there already: no buffer of its own, and no copy.
struct Appended<'a> {
    out: &'a mut Vec<u8>,
}

impl postcard::ser_flavors::Flavor for Appended<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.out.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// The id of the intent that an encoded [`crate::input::Input`] is; `None` where it is something else.
pub fn intent_id(bytes: &[u8]) -> Option<Id> {
    let body = bytes.strip_prefix(&[FORMAT_VERSION])?;
    // The first of the inputs, and what an intent begins with: read alone, since whole intents are made of much more.
    let ((kind, _, intent_id), _) = postcard::take_from_bytes::<(u32, i64, Id)>(body).ok()?;
    (kind == 0).then_some(intent_id)
}

/// Reads a value back; all of `bytes` must belong to it.
///
/// # Errors
/// [`CodecError`] says what is wrong.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (&version, body) = bytes.split_first().ok_or(CodecError::Empty)?;
    if version != FORMAT_VERSION {
        return Err(CodecError::Version { found: version });
    }
    let (value, rest) = postcard::take_from_bytes(body).map_err(|_| CodecError::Malformed)?;
    if rest.is_empty() { Ok(value) } else { Err(CodecError::TrailingBytes { count: rest.len() }) }
}
