//! A state as it was, word for word, to hold a later one against: it has to be the very same.
//!
//! A hash of them all would fold each word in by a product that waits for the one before, and say less.

use core::fmt;
use core::slice::Iter;

use serde::ser::{self, Serialize};

/// Everything that a value wrote. Its room is used again for the next one.
#[derive(Default)]
pub(crate) struct Kept(Vec<u64>);

impl Kept {
    /// Keeps what a value writes, and forgets the one before.
    pub(crate) fn keep(&mut self, value: &impl Serialize) {
        self.0.clear();
        let mut words = Words(Write(&mut self.0));
        let written = value.serialize(&mut words);
        // Nothing that is written here can fail.
        debug_assert!(written.is_ok());
    }

    /// True where a value writes what was kept, to the last bit.
    pub(crate) fn is(&self, value: &impl Serialize) -> bool {
        let mut words = Words(Compare { kept: self.0.iter(), same: true });
        let compared = value.serialize(&mut words);
        debug_assert!(compared.is_ok());
        words.0.same && words.0.kept.len() == 0
    }
}

/// What is done with each word.
trait Sink {
    fn word(&mut self, word: u64);
}

struct Write<'a>(&'a mut Vec<u64>);

impl Sink for Write<'_> {
    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.0.push(word);
    }
}

struct Compare<'a> {
    kept: Iter<'a, u64>,
    same: bool,
}

impl Sink for Compare<'_> {
    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.same &= self.kept.next() == Some(&word);
    }
}

struct Words<S>(S);

impl<S: Sink> Words<S> {
    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.0.word(word);
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
        // The last eight bytes hold the rest, where there are so many: some of them are written twice.
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

impl<S: Sink> ser::Serializer for &mut Words<S> {
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
        $(impl<S: Sink> ser::$part for &mut Words<S> {
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

impl<S: Sink> ser::SerializeMap for &mut Words<S> {
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

    /// True where both are the same in both directions.
    fn same(one: &impl Serialize, other: &impl Serialize) -> bool {
        let (mut first, mut second) = (Kept::default(), Kept::default());
        first.keep(one);
        second.keep(other);
        assert_eq!(first.is(other), second.is(one));
        first.is(other)
    }

    #[test]
    fn what_differs_in_one_place_is_not_the_same() {
        let values = |number: u64, text: &str, list: &[u16], some: Option<i128>| {
            (number, text.to_owned(), list.to_vec(), some, true)
        };
        let plain = values(7, "an id of some length", &[1, 2], Some(-5));
        assert!(same(&plain, &values(7, "an id of some length", &[1, 2], Some(-5))));
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
            assert!(!same(&plain, &other), "{what}");
        }
        assert!(!same(&[1, 2].as_slice(), &[1, 2, 3].as_slice()));
        assert!(!same(&(1, 2), &(1, 2, 3)), "what was kept goes on");
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
                assert!(!same(&(one, 1), &(other, 1)), "{one} {other}");
            }
        }
    }

    #[test]
    fn only_the_last_one_is_kept() {
        let mut kept = Kept::default();
        kept.keep(&[1_u64, 2, 3]);
        kept.keep(&[4_u64]);
        assert!(kept.is(&[4_u64]) && !kept.is(&[1_u64, 2, 3]));
    }
}
