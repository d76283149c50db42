//! What makes a stored state one that this code could have made, and what is told where it is not.
//!
//! A state that comes from bytes may say anything. Later code trusts it: that a place is inside its list, that a counter
//! counts what is there, that a sum fits. Each kind of state checks its own part, here are the words for it.

use alloc::format;
use alloc::string::String;
use core::fmt;

/// What is wrong with a stored state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// The field, with its place where there are many.
    pub field: String,
    /// What is stored there.
    pub value: String,
    /// Why that cannot be.
    pub why: &'static str,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: {}", self.field, self.value, self.why)
    }
}

/// Sound, or the first flaw.
pub(crate) type Sound = Result<(), Flaw>;

/// A flaw where `holds` is false.
pub(crate) fn hold(
    holds: bool,
    field: impl fmt::Display,
    value: impl fmt::Debug,
    why: &'static str,
) -> Sound {
    if holds { Ok(()) } else { Err(Flaw { field: format!("{field}"), value: format!("{value:?}"), why }) }
}

/// How many places a state has of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub(crate) slots: usize,
    pub(crate) instruments: usize,
    pub(crate) assets: usize,
}

impl Places {
    pub(crate) fn slot(self, field: impl fmt::Display, slot_id: u32) -> Sound {
        hold((slot_id as usize) < self.slots, field, slot_id, "there is no such slot")
    }

    pub(crate) fn instrument(self, field: impl fmt::Display, place: u32) -> Sound {
        hold((place as usize) < self.instruments, field, place, "there is no such instrument")
    }

    pub(crate) fn asset(self, field: impl fmt::Display, place: u16) -> Sound {
        hold(usize::from(place) < self.assets, field, place, "there is no such asset")
    }
}

/// The amounts of a whole state, whatever they are of, come to no more than this: so no sum of any of them can wrap,
/// and years of inputs fit on top. A thousand positions of `UNITS_MAX` come to less.
const AMOUNTS_MAX: u128 = i128::MAX.unsigned_abs() >> 4;

/// All amounts of a state, without their signs.
#[derive(Debug, Default)]
pub(crate) struct Amounts {
    sum: u128,
}

impl Amounts {
    /// One more amount: the first that is too much is named.
    pub(crate) fn add(&mut self, field: impl fmt::Display, mantissa: i128) -> Sound {
        self.sum = self.sum.saturating_add(mantissa.unsigned_abs());
        hold(self.sum <= AMOUNTS_MAX, field, mantissa, "it is too large, alone or with what is before it")
    }

    /// The same of an amount that has no sign.
    pub(crate) fn add_unsigned(&mut self, field: impl fmt::Display, mantissa: i128) -> Sound {
        hold(mantissa >= 0, &field, mantissa, "it is never negative")?;
        self.add(field, mantissa)
    }
}
