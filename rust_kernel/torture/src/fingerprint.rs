//! A fingerprint of a state that has to be the same twice: no more than 64 bits, at the price of a few instructions a field.
//!
//! Each word is folded in by a step that has an inverse, so that two states which differ in one word never have one
//! fingerprint, and two that differ in more have it once in 2^64.

use core::fmt;

use serde::ser::{self, Serialize};

/// The fingerprint of everything that a value writes.
pub(crate) fn of(value: &impl Serialize) -> u64 {
    let mut fold = Fold(0);
    let folded = value.serialize(&mut fold);
    // Nothing that is folded can fail.
    debug_assert!(folded.is_ok());
    fold.0
}

/// An odd number, so that a product with it can be undone.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

struct Fold(u64);

impl Fold {
    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    }

    #[inline(always)]
    fn text(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for eight in words {
            self.word(u64::from_le_bytes(*eight));
        }
        if rest.is_empty() {
            return;
        }
        // The last eight bytes hold the rest, where there are so many: some of them are folded in twice.
        self.word(match bytes.last_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        });
    }
}

/// What cannot happen.
#[derive(Debug)]
pub(crate) struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value says that it cannot be written")
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(_: T) -> Never {
        Never
    }
}

type Done = Result<(), Never>;

macro_rules! words {
    ($($name:ident: $of:ty => |$value:ident| $word:expr,)+) => {
        $(#[inline(always)]
        fn $name(self, $value: $of) -> Done {
            self.word($word);
            Ok(())
        })+
    };
}

impl ser::Serializer for &mut Fold {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    words! {
        serialize_bool: bool => |value| u64::from(value),
        serialize_i8: i8 => |value| value as u64,
        serialize_i16: i16 => |value| value as u64,
        serialize_i32: i32 => |value| value as u64,
        serialize_i64: i64 => |value| value as u64,
        serialize_u8: u8 => |value| u64::from(value),
        serialize_u16: u16 => |value| u64::from(value),
        serialize_u32: u32 => |value| u64::from(value),
        serialize_u64: u64 => |value| value,
        serialize_f32: f32 => |value| u64::from(value.to_bits()),
        serialize_f64: f64 => |value| value.to_bits(),
        serialize_char: char => |value| u64::from(value),
    }

    #[inline(always)]
    fn serialize_i128(self, value: i128) -> Done {
        self.serialize_u128(value as u128)
    }

    #[inline(always)]
    fn serialize_u128(self, value: u128) -> Done {
        self.word(value as u64);
        self.word((value >> 64) as u64);
        Ok(())
    }

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Done {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.text(value);
        Ok(())
    }

    #[inline(always)]
    fn serialize_none(self) -> Done {
        self.word(0);
        Ok(())
    }

    #[inline(always)]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Done {
        self.word(1);
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> Done {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_struct(self, _: &'static str) -> Done {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Done {
        self.serialize_u32(index)
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.word(u64::from(index));
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Never> {
        self.word(len.unwrap_or(0) as u64);
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple(self, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.word(u64::from(index));
        Ok(self)
    }

    #[inline(always)]
    fn serialize_map(self, len: Option<usize>) -> Result<Self, Never> {
        self.serialize_seq(len)
    }

    #[inline(always)]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.word(u64::from(index));
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($part:ident: $name:ident($($key:ident)?),)+) => {
        $(impl ser::$part for &mut Fold {
            type Ok = ();
            type Error = Never;

            #[inline(always)]
            fn $name<T: ?Sized + Serialize>(&mut self, $($key: &'static str,)? value: &T) -> Done {
                $(let _ = $key;)?
                value.serialize(&mut **self)
            }

            #[inline(always)]
            fn end(self) -> Done {
                Ok(())
            }
        })+
    };
}

parts! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(key),
    SerializeStructVariant: serialize_field(key),
}

impl ser::SerializeMap for &mut Fold {
    type Ok = ();
    type Error = Never;

    #[inline(always)]
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }

    #[inline(always)]
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    #[inline(always)]
    fn end(self) -> Done {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_one_place_has_another_fingerprint() {
        let values = |number: u64, text: &str, list: &[u16], some: Option<i128>| {
            of(&(number, text.to_owned(), list.to_vec(), some, true))
        };
        let plain = values(7, "an id of some length", &[1, 2], Some(-5));
        assert_eq!(plain, values(7, "an id of some length", &[1, 2], Some(-5)));
        for (other, what) in [
            (values(8, "an id of some length", &[1, 2], Some(-5)), "a number"),
            (values(7, "An id of some length", &[1, 2], Some(-5)), "a text's first byte"),
            (values(7, "an id of some lengtH", &[1, 2], Some(-5)), "its last byte"),
            (values(7, "an id of some length\0", &[1, 2], Some(-5)), "its length"),
            (values(7, "an id of some length", &[2, 1], Some(-5)), "an order"),
            (values(7, "an id of some length", &[1, 2, 0], Some(-5)), "a list's length"),
            (values(7, "an id of some length", &[1, 2], Some(-5 + (1 << 64))), "an upper half"),
            (values(7, "an id of some length", &[1, 2], None), "nothing"),
        ] {
            assert_ne!(plain, other, "{what}");
        }
    }

    #[test]
    fn short_texts_differ_by_each_byte() {
        let texts = [
            "",
            "a",
            "b",
            "ab",
            "ba",
            "abcdefg",
            "abcdefh",
            "abcdefgh",
            "abcdefgi",
            "abcdefghi",
            "abcdefghj",
        ];
        for (at, one) in texts.iter().enumerate() {
            for other in texts.iter().skip(at + 1) {
                assert_ne!(of(&(one, 1)), of(&(other, 1)), "{one} {other}");
            }
        }
    }
}
