//! The one binary form of inputs: for the log, the socket and the golden files.
//!
//! One byte of format version, then the value in postcard's encoding (a published, stable wire format). Decoding
//! refuses another version, a value that is cut short, and bytes left over.

use alloc::vec::Vec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format that this version writes, and the only one it reads.
pub const FORMAT_VERSION: u8 = 1;

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

/// Appends the binary form of `value` to `out`.
///
/// # Errors
/// [`CodecError::Malformed`] where the value cannot be written; none of the kernel's types is so.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.push(FORMAT_VERSION);
    postcard::serialize_with_flavor(value, Appended { out }).map_err(|_| CodecError::Malformed)
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
