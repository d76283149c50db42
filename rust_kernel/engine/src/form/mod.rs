//! How values lie in a record and in a message: one after the other, little-endian, as `docs/reference/zinc.md` lists them.
//! It goes with the version of the segment or of the protocol, and not with the log's: that one has a codec of its own.

use dita_kernel::id::Id;
use dita_kernel::names::{
    ExitKind, KernelCommandType, KernelDiagnosticCode, KernelEventKind, KernelMode, KernelVerbosity,
    Liquidity, OrderDoubt, OrderSide, OrderType, PositionSide, Regime, Severity, TimeInForce, TradeSide,
    TradeStage, TriggerBy, VenueOrderStatus,
};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::slot::table::Symbol;

pub use field::{FieldValue, FieldValues, TOLD_DEPTH_MAX};
pub use input::End;

mod field;
mod input;

/// Where an enumeration's member or a decimal's scale would be, of what is absent.
const ABSENT: u8 = u8::MAX;

/// A value in a record.
pub trait Form: Sized {
    /// Writes it behind what is there.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it from the front, and leaves the rest; `None` where the bytes are no such value.
    fn take(left: &mut &[u8]) -> Option<Self>;
}

fn bytes<const N: usize>(left: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = left.split_first_chunk()?;
    *left = rest;
    Some(*taken)
}

macro_rules! numbers {
    ($($number:ty)+) => {
        $(impl Form for $number {
            #[inline(always)]
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn take(left: &mut &[u8]) -> Option<$number> {
                bytes(left).map(<$number>::from_le_bytes)
            }
        })+
    };
}

numbers!(u8 u16 u32 u64 i64 i128);

impl<const N: usize> Form for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(left: &mut &[u8]) -> Option<[u8; N]> {
        bytes(left)
    }
}

impl Form for bool {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(left: &mut &[u8]) -> Option<bool> {
        match u8::take(left)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Enumerations, as their place in `ALL`.
macro_rules! names {
    ($($name:ident)+) => {
        $(impl Form for $name {
            #[inline(always)]
            fn put(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }

            fn take(left: &mut &[u8]) -> Option<$name> {
                $name::ALL.get(usize::from(u8::take(left)?)).copied()
            }
        }

        /// A place that no member has where it is absent.
        impl Form for Option<$name> {
            #[inline(always)]
            fn put(&self, out: &mut Vec<u8>) {
                out.push(self.map_or(ABSENT, |member| member as u8));
            }

            fn take(left: &mut &[u8]) -> Option<Option<$name>> {
                if left.first() == Some(&ABSENT) {
                    return u8::take(left).map(|_| None);
                }
                $name::take(left).map(Some)
            }
        }

        const _: () = assert!($name::ALL.len() <= ABSENT as usize);)+
    };
}

names! {
    ExitKind KernelCommandType KernelDiagnosticCode KernelEventKind KernelMode KernelVerbosity Liquidity OrderDoubt OrderSide
    OrderType PositionSide Regime Severity Symbol TimeInForce TradeSide TradeStage TriggerBy VenueOrderStatus
}

impl Form for Money {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(left: &mut &[u8]) -> Option<Money> {
        i128::take(left).map(Money)
    }
}

impl Form for Decimal {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.scale());
        self.mantissa().put(out);
    }

    fn take(left: &mut &[u8]) -> Option<Decimal> {
        let scale = u8::take(left)?;
        Decimal::new(i128::take(left)?, scale).ok()
    }
}

/// As long where it is absent.
impl Form for Option<Decimal> {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(out),
            None => {
                out.push(ABSENT);
                0_i128.put(out);
            }
        }
    }

    fn take(left: &mut &[u8]) -> Option<Option<Decimal>> {
        if left.first() == Some(&ABSENT) {
            u8::take(left)?;
            return i128::take(left).map(|_| None);
        }
        Decimal::take(left).map(Some)
    }
}

/// Whether it is there, and the number, 0 where it is not.
macro_rules! perhaps {
    ($($number:ty)+) => {
        $(impl Form for Option<$number> {
            #[inline(always)]
            fn put(&self, out: &mut Vec<u8>) {
                self.is_some().put(out);
                self.unwrap_or_default().put(out);
            }

            fn take(left: &mut &[u8]) -> Option<Option<$number>> {
                let there = bool::take(left)?;
                let value = <$number>::take(left)?;
                Some(there.then_some(value))
            }
        })+
    };
}

perhaps!(u32 u64 i64);

impl Form for Id {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        // At most 64 bytes.
        out.push(self.as_bytes().len() as u8);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(left: &mut &[u8]) -> Option<Id> {
        let length = usize::from(u8::take(left)?);
        let (taken, rest) = left.split_at_checked(length)?;
        *left = rest;
        Id::new(core::str::from_utf8(taken).ok()?).ok()
    }
}

/// A text of at most 65,535 bytes.
impl Form for Box<str> {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        (self.len().min(usize::from(u16::MAX)) as u16).put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(left: &mut &[u8]) -> Option<Box<str>> {
        let length = usize::from(u16::take(left)?);
        let (taken, rest) = left.split_at_checked(length)?;
        *left = rest;
        core::str::from_utf8(taken).ok().map(Box::from)
    }
}

/// A list of at most 65,535: its length and its members.
impl<T: Form> Form for Vec<T> {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        (self.len().min(usize::from(u16::MAX)) as u16).put(out);
        self.iter().for_each(|one| one.put(out));
    }

    fn take(left: &mut &[u8]) -> Option<Vec<T>> {
        let length = u16::take(left)?;
        (0..length).map(|_| T::take(left)).collect()
    }
}

/// What is perhaps not there: whether it is, and itself.
impl<T: Form> Form for Option<Box<T>> {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(left: &mut &[u8]) -> Option<Option<Box<T>>> {
        if bool::take(left)? { T::take(left).map(|value| Some(Box::new(value))) } else { Some(None) }
    }
}

/// A structure is its fields, in the order in which they are listed.
#[macro_export]
macro_rules! fields {
    ($name:ident { $($field:ident)+ }) => {
        impl $crate::form::Form for $name {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                let $name { $($field),+ } = self;
                $($crate::form::Form::put($field, out);)+
            }

            fn take(left: &mut &[u8]) -> Option<$name> {
                $(let $field = $crate::form::Form::take(left)?;)+
                Some($name { $($field),+ })
            }
        }
    };
}
