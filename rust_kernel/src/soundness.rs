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

/// Of what points at an order: a vacant place, or the next order, would sit there.
pub(crate) const NEVER_GIVEN: &str = "its number was never given";

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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn amounts_are_bounded_alone_and_together() {
        let most = i128::MAX >> 4;
        for (amounts, passes) in [
            (&[most][..], true),
            (&[-most], true),
            (&[most + 1], false),
            (&[i128::MIN], false),
            (&[most - 1, -1], true),
            (&[most - 1, -1, 1], false),
            (&[i128::MAX, i128::MAX, i128::MAX], false),
        ] {
            let mut sum = Amounts::default();
            let added = amounts.iter().try_for_each(|amount| sum.add("amount", *amount));
            assert_eq!(added.is_ok(), passes, "{amounts:?}");
        }
        let mut sum = Amounts::default();
        for (amount, passes) in [(0, true), (1, true), (-1, false), (most, false)] {
            assert_eq!(sum.add_unsigned("amount", amount).is_ok(), passes, "{amount}");
        }
    }

    #[test]
    fn a_place_is_below_the_count() {
        let places = Places { slots: 3, instruments: 2, assets: 1 };
        for (place, slot, instrument, asset) in
            [(0, true, true, true), (1, true, true, false), (2, true, false, false), (3, false, false, false)]
        {
            let found =
                (places.slot("", place), places.instrument("", place), places.asset("", place as u16));
            let found = (found.0.is_ok(), found.1.is_ok(), found.2.is_ok());
            assert_eq!(found, (slot, instrument, asset), "{place}");
        }
    }

    #[test]
    fn a_flaw_names_the_field_its_value_and_why() {
        let flaw = hold(false, format_args!("slots[{}].side", 2), 7, "a trade has a side").err();
        let shown = flaw.map(|flaw| flaw.to_string()).unwrap_or_default();
        assert_eq!(shown, "slots[2].side is 7: a trade has a side");
    }
}
