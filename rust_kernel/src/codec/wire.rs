//! Postcard's way of writing, byte for byte, and faster: every number is made in a register and stored at once, where
//! postcard makes it in a buffer and copies that. The order of the bytes is the published wire format's; reading is
//! left to postcard.

use core::fmt;
use serde::ser::{self, Serialize};

/// A 64-bit number takes at most so many bytes.
const VARINT_BYTES_MAX: usize = 10;
/// A 128-bit number.
const WIDE_BYTES_MAX: usize = 19;

/// Why there is nothing written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stopped {
    /// The room is too small.
    Full,
    /// The value is a float, of a length that nobody knows before its end, or refuses to be written.
    Unwritable,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stopped::Full => "the room is too small",
            Stopped::Unwritable => "a value that cannot be written",
        })
    }
}

impl ser::Error for Stopped {
    fn custom<T: fmt::Display>(_: T) -> Stopped {
        Stopped::Unwritable
    }
}

impl ser::StdError for Stopped {}

type Result<'a> = core::result::Result<Room<'a>, Stopped>;

/// What is left of the room. It goes from hand to hand by value: where the next byte goes to then stays in a register,
/// and no store waits for the one before it.
#[derive(Default)]
pub(super) struct Room<'a>(&'a mut [u8]);

impl<'a> Room<'a> {
    #[inline]
    pub(super) fn new(room: &'a mut [u8]) -> Room<'a> {
        Room(room)
    }

    /// Bytes left.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    /// Stores all of `bytes`, of which only the first `used` count: what comes next overwrites the rest.
    #[inline(always)]
    fn put<const N: usize>(self, bytes: [u8; N], used: usize) -> Result<'a> {
        let Some(place) = self.0.first_chunk_mut::<N>() else { return Err(Stopped::Full) };
        *place = bytes;
        self.0.get_mut(used..).map(Room).ok_or(Stopped::Full)
    }

    #[inline(always)]
    pub(super) fn byte(self, byte: u8) -> Result<'a> {
        let (place, rest) = self.0.split_first_mut().ok_or(Stopped::Full)?;
        *place = byte;
        Ok(Room(rest))
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    #[inline(always)]
    fn varint(self, value: u64) -> Result<'a> {
        if value < 0x80 { self.byte(value as u8) } else { self.long_varint(value) }
    }

    #[inline(never)]
    fn long_varint(self, value: u64) -> Result<'a> {
        /// Every byte says that more follow.
        const FOLLOW: u64 = 0x8080_8080_8080_8080;
        let high = value >> 56;
        if high == 0 {
            let groups = spread(value);
            // The last group that is not empty ends it: all bytes before that one say that more follow.
            let last = 56 ^ ((groups | 1).leading_zeros() & 56);
            let before = 1_u64.wrapping_shl(last).wrapping_sub(1);
            let used = (last >> 3).saturating_add(1);
            return self.put((groups | FOLLOW & before).to_le_bytes(), used as usize);
        }
        let groups = u128::from(spread(value) | FOLLOW);
        match high {
            0..0x80 => self.put((groups | u128::from(high) << 64).to_le_bytes(), 9),
            _ => self.put((groups | u128::from(high | 0x100) << 64).to_le_bytes(), VARINT_BYTES_MAX),
        }
    }

    #[cold]
    #[inline(never)]
    fn widest(self, value: u128) -> Result<'a> {
        let (mut bytes, mut used, mut left) = ([0; WIDE_BYTES_MAX], 0, value);
        for byte in &mut bytes {
            used = usize::saturating_add(used, 1);
            *byte = left as u8 | 0x80;
            left >>= 7;
            if left == 0 {
                *byte &= 0x7F;
                break;
            }
        }
        self.put(bytes, used)
    }

    /// A length, and so many bytes. Short texts go by words that may overlap: cheaper than a copy of a length that is only
    /// known here.
    #[inline(never)]
    fn text(self, text: &[u8]) -> Result<'a> {
        let Room(room) = self.varint(text.len() as u64)?;
        match text.len() {
            0..4 => {
                for (to, from) in room.iter_mut().zip(text) {
                    *to = *from;
                }
            }
            4..8 => ends::<4>(room, text),
            8..16 => ends::<8>(room, text),
            16..=32 => ends::<16>(room, text),
            _ => {
                let place = room.get_mut(..text.len()).ok_or(Stopped::Full)?;
                place.copy_from_slice(text);
            }
        }
        room.get_mut(text.len()..).map(Room).ok_or(Stopped::Full)
    }
}

/// The first `N` bytes and the last `N` ones: all of them, where there are from `N` to two times `N`. Nothing where the room is
/// too small, as its owner then sees.
#[inline(always)]
fn ends<const N: usize>(room: &mut [u8], text: &[u8]) {
    if let (Some(place), Some(first), Some(last)) =
        (room.get_mut(..text.len()), text.first_chunk::<N>(), text.last_chunk::<N>())
    {
        if let Some(to) = place.first_chunk_mut::<N>() {
            *to = *first;
        }
        if let Some(to) = place.last_chunk_mut::<N>() {
            *to = *last;
        }
    }
}

/// Eight groups of seven bits, each set apart in a byte of its own.
#[inline(always)]
fn spread(value: u64) -> u64 {
    let value = (value & 0x0000_0000_0FFF_FFFF) | ((value & 0x00FF_FFFF_F000_0000) << 4);
    let value = (value & 0x0000_3FFF_0000_3FFF) | ((value & 0x0FFF_C000_0FFF_C000) << 2);
    (value & 0x007F_007F_007F_007F) | ((value & 0x3F80_3F80_3F80_3F80) << 1)
}

#[inline]
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

impl<'a> ser::Serializer for Room<'a> {
    type Ok = Room<'a>;
    type Error = Stopped;
    type SerializeSeq = Room<'a>;
    type SerializeTuple = Room<'a>;
    type SerializeTupleStruct = Room<'a>;
    type SerializeTupleVariant = Room<'a>;
    type SerializeMap = Room<'a>;
    type SerializeStruct = Room<'a>;
    type SerializeStructVariant = Room<'a>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<'a> {
        self.byte(value.into())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<'a> {
        self.byte(value.cast_unsigned())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<'a> {
        self.varint(zigzag(value.into()))
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<'a> {
        self.varint(zigzag(value.into()))
    }

    #[inline(always)]
    fn serialize_i64(self, value: i64) -> Result<'a> {
        self.varint(zigzag(value))
    }

    #[inline(always)]
    fn serialize_i128(self, value: i128) -> Result<'a> {
        match i64::try_from(value) {
            Ok(narrow) => self.varint(zigzag(narrow)),
            Err(_) => self.widest((value << 1 ^ value >> 127).cast_unsigned()),
        }
    }

    #[inline(always)]
    fn serialize_u8(self, value: u8) -> Result<'a> {
        self.byte(value)
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<'a> {
        self.varint(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<'a> {
        self.varint(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<'a> {
        self.varint(value)
    }

    #[inline]
    fn serialize_u128(self, value: u128) -> Result<'a> {
        match u64::try_from(value) {
            Ok(narrow) => self.varint(narrow),
            Err(_) => self.widest(value),
        }
    }

    /// There are no floats in the core, so none goes in or out.
    fn serialize_f32(self, _: f32) -> Result<'a> {
        Err(Stopped::Unwritable)
    }

    /// As above.
    fn serialize_f64(self, _: f64) -> Result<'a> {
        Err(Stopped::Unwritable)
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<'a> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<'a> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Result<'a> {
        if value.is_empty() { self.byte(0) } else { self.text(value) }
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<'a> {
        self.byte(0)
    }

    #[inline(always)]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<'a> {
        value.serialize(self.byte(1)?)
    }

    #[inline]
    fn serialize_unit(self) -> Result<'a> {
        Ok(self)
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<'a> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<'a> {
        self.varint(index.into())
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<'a> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<'a> {
        value.serialize(self.varint(index.into())?)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<'a> {
        self.varint(length.ok_or(Stopped::Unwritable)? as u64)
    }

    #[inline(always)]
    fn serialize_tuple(self, _: usize) -> Result<'a> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<'a> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> Result<'a> {
        self.varint(index.into())
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<'a> {
        self.serialize_seq(length)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<'a> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> Result<'a> {
        self.varint(index.into())
    }
}

/// The parts of a whole follow one another, with nothing between them.
macro_rules! parts {
    ($($whole:ident: $($part:ident)+;)+) => {
        $(impl<'a> ser::$whole for Room<'a> {
            type Ok = Room<'a>;
            type Error = Stopped;

            $(#[inline(always)]
            fn $part<T: ?Sized + Serialize>(
                &mut self,
                value: &T,
            ) -> core::result::Result<(), Stopped> {
                *self = value.serialize(core::mem::take(self))?;
                Ok(())
            })+

            #[inline(always)]
            fn end(self) -> Result<'a> {
                Ok(self)
            }
        })+
    };
}

parts! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeMap: serialize_key serialize_value;
}

/// The same, for parts with names.
macro_rules! named_parts {
    ($($whole:ident)+) => {
        $(impl<'a> ser::$whole for Room<'a> {
            type Ok = Room<'a>;
            type Error = Stopped;

            #[inline(always)]
            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> core::result::Result<(), Stopped> {
                *self = value.serialize(core::mem::take(self))?;
                Ok(())
            }

            #[inline(always)]
            fn end(self) -> Result<'a> {
                Ok(self)
            }
        })+
    };
}

named_parts!(SerializeStruct SerializeStructVariant);
