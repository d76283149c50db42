//! Identifiers: up to 64 bytes of text, inline up to 32, so that an ordinary id costs no allocation.

use alloc::boxed::Box;
use core::fmt;
use serde::de::{Error as DeError, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest id the kernel takes, in bytes.
pub const ID_BYTES_MAX: usize = 64;
const INLINE_BYTES: usize = 32;

/// The length of an inline id. An enum and not a number, so that `Id` keeps to 40 bytes: its unused values mark the
/// heap form. It takes a whole word, so that the compiler moves an id by words: a byte beside the text would make it
/// move odd parts, and each of them waits for the one before it to leave the processor's store buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
#[rustfmt::skip]
enum Len {
    L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15,
    L16, L17, L18, L19, L20, L21, L22, L23, L24, L25, L26, L27, L28, L29, L30, L31,
    L32,
}

#[rustfmt::skip]
const LENGTHS: [Len; 33] = [
    Len::L0, Len::L1, Len::L2, Len::L3, Len::L4, Len::L5, Len::L6, Len::L7,
    Len::L8, Len::L9, Len::L10, Len::L11, Len::L12, Len::L13, Len::L14, Len::L15,
    Len::L16, Len::L17, Len::L18, Len::L19, Len::L20, Len::L21, Len::L22, Len::L23,
    Len::L24, Len::L25, Len::L26, Len::L27, Len::L28, Len::L29, Len::L30, Len::L31,
    Len::L32,
];

#[derive(Clone)]
enum Repr {
    Inline { len: Len, bytes: [u8; INLINE_BYTES] },
    Heap(Box<str>),
}

/// An identifier as text: intents, trades, orders, fills, assets. An empty id means "not given".
#[derive(Clone)]
pub struct Id(Repr);

const _: () = assert!(core::mem::size_of::<Id>() == 40, "Id must stay at 40 bytes");

/// Why a text cannot be an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// It has more than [`ID_BYTES_MAX`] bytes.
    TooLong,
}

impl Id {
    /// The id that means "not given".
    pub const EMPTY: Id = Id(Repr::Inline { len: Len::L0, bytes: [0; INLINE_BYTES] });

    /// An id from text.
    ///
    /// # Errors
    /// [`IdError::TooLong`] over 64 bytes.
    #[inline]
    pub fn new(text: &str) -> Result<Id, IdError> {
        let source = text.as_bytes();
        if let Some(&len) = LENGTHS.get(source.len()) {
            let mut bytes = [0; INLINE_BYTES];
            if let Some(target) = bytes.get_mut(..source.len()) {
                target.copy_from_slice(source);
            }
            return Ok(Id(Repr::Inline { len, bytes }));
        }
        if source.len() > ID_BYTES_MAX {
            return Err(IdError::TooLong);
        }
        Ok(Id(Repr::Heap(text.into())))
    }

    /// An id of bytes that are known to be ASCII: cheaper than [`Id::new`], which has to take any text. Beyond 32
    /// bytes the rest is dropped.
    #[inline]
    pub fn from_ascii(ascii: &[u8]) -> Id {
        let used = ascii.len().min(INLINE_BYTES);
        let mut bytes = [0; INLINE_BYTES];
        bytes[..used].copy_from_slice(&ascii[..used]);
        Id(Repr::Inline { len: LENGTHS[used], bytes })
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // The bytes came from a `&str` of this very length, so they are valid UTF-8.
            Repr::Inline { .. } => core::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Repr::Heap(text) => text,
        }
    }

    /// The text's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..*len as usize).unwrap_or_default(),
            Repr::Heap(text) => text.as_bytes(),
        }
    }

    /// True when the id was not given.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Repr::Inline { len: Len::L0, .. })
    }

    /// A 64-bit hash, the same on every machine and in every run.
    #[inline]
    pub fn hash64(&self) -> u64 {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                let [a, b, c, d] = words(bytes);
                mix([a, b], [c, d ^ (*len as u64).rotate_right(8)])
            }
            Repr::Heap(text) => text.as_bytes().chunks(16).fold(text.len() as u64, |seed, chunk| {
                let mut word = [0_u8; 16];
                if let Some(target) = word.get_mut(..chunk.len()) {
                    target.copy_from_slice(chunk);
                }
                let both = u128::from_le_bytes(word);
                mix([both as u64, (both >> 64) as u64], [seed, 0])
            }),
        }
    }
}

const K0: u64 = 0xA076_1D64_78BD_642F;
const K1: u64 = 0xE703_7ED1_A0B4_28DB;

/// Folds 128 bits into 64 by a widening product (the construction of wyhash).
#[inline]
fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x).wrapping_mul(u128::from(y));
    (product as u64) ^ ((product >> 64) as u64)
}

/// Folds 256 bits into 64.
#[inline]
fn mix(a: [u64; 2], b: [u64; 2]) -> u64 {
    let x = fold(a[0] ^ K0, a[1] ^ K1);
    let y = fold(b[0] ^ K1, b[1] ^ K0);
    fold(x ^ K1, y ^ K0.rotate_left(17))
}

/// All bytes of an inline id as four words.
#[inline]
fn words(bytes: &[u8; INLINE_BYTES]) -> [u64; 4] {
    let word = |at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()).map_or(0, |eight| u64::from_le_bytes(*eight))
    };
    [word(0), word(8), word(16), word(24)]
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Id) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    /// As text.
    fn cmp(&self, other: &Id) -> core::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialEq for Id {
    #[inline]
    fn eq(&self, other: &Id) -> bool {
        match (&self.0, &other.0) {
            (Repr::Inline { len: a, bytes: x }, Repr::Inline { len: b, bytes: y }) => a == b && x == y,
            (Repr::Heap(a), Repr::Heap(b)) => a == b,
            (Repr::Inline { .. }, Repr::Heap(_)) | (Repr::Heap(_), Repr::Inline { .. }) => false,
        }
    }
}

impl Eq for Id {}

impl Default for Id {
    #[inline]
    fn default() -> Id {
        Id::EMPTY
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<&str> for Id {
    type Error = IdError;
    #[inline]
    fn try_from(text: &str) -> Result<Id, IdError> {
        Id::new(text)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A binary form has the same bytes for a text and for bytes, and need not be shown again that these are a text.
        if serializer.is_human_readable() {
            serializer.serialize_str(self.as_str())
        } else {
            serializer.serialize_bytes(self.as_bytes())
        }
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text of at most {ID_BYTES_MAX} bytes")
    }
    fn visit_str<E: DeError>(self, text: &str) -> Result<Id, E> {
        Id::new(text).map_err(|IdError::TooLong| E::custom("id longer than 64 bytes"))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_str(IdVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn lengths_around_the_inline_limit_survive() {
        for n in 0..=ID_BYTES_MAX {
            let text: String = (0..n).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
            let id = Id::new(&text).map_err(|_| n);
            assert_eq!(id.as_ref().map(Id::as_str), Ok(text.as_str()));
            assert_eq!(id.map(|i| i.is_empty()), Ok(n == 0));
        }
        assert_eq!(Id::new(&"x".repeat(65)).err(), Some(IdError::TooLong));
    }

    #[test]
    fn hashes_differ_for_near_ids() {
        // At full length the last letter shares its word with the length: a bit of one is not lost in the other's.
        let (full, other) = ("x".repeat(31) + "A", "x".repeat(31) + "a");
        let ids = ["", "a", "b", "aa", "a\0", "ORD000001", "ORD000002", "ORD000010", &full, &other];
        for (i, a) in ids.iter().enumerate() {
            for b in ids.iter().skip(i + 1) {
                assert_ne!(Id::new(a).map(|x| x.hash64()), Id::new(b).map(|x| x.hash64()), "{a} {b}");
            }
        }
    }
}
