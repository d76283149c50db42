//! Figures that few kernels have, kept beside the slots, books and orders that they are of: a kernel that has none is stored
//! as it was before there were any.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize, Serializer};

use crate::bots::Bots;
use crate::input::OrderBounds;
use crate::num::{Money, Qty};
use crate::order::OrderRef;

/// Quantity that a trade's exits filled beyond its slot's position, unsigned: it is in the unassigned book, and goes back
/// out of that first where an exit's fill is taken back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Beyond {
    pub(crate) slot_id: u32,
    pub(crate) trade_number: u64,
    pub(crate) qty: Qty,
}

/// Late profit or loss of which nobody can tell yet whether the venue has told it: it is in no wallet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) instrument: u32,
    /// By position side.
    pub(crate) amounts: [Money; 3],
}

/// What the venue has told of the profit of an order's fills beside our own figure, while that goes by a price that is not the
/// venue's: it explains nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Unpriced {
    pub(crate) order: OrderRef,
    pub(crate) instrument: u32,
    pub(crate) beside: Money,
}

/// When the venue last told an instrument's funding terms, ns: what it told before that is no news.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) instrument: u32,
    pub(crate) time_ns: i64,
}

/// What late news and roundings have left of each other in a position book.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Leftover {
    pub(crate) instrument: u32,
    /// The position side's place.
    pub(crate) side: u32,
    /// What settlements have told of profit beside our own, each of it so little that it may be a rounding.
    pub(crate) small: Money,
    /// What of late news came into the wallet beside what the venue had told of them.
    pub(crate) booked: Money,
    /// True where it had told a part of that.
    pub(crate) told_in_part: bool,
}

/// What the venue bounds of an instrument's orders, beside what its specification stores.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Bounded {
    pub(crate) instrument: u32,
    pub(crate) bounds: OrderBounds,
}

/// All of them.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Aside {
    pub(crate) beyond: Vec<Beyond>,
    pub(crate) held: Vec<Held>,
    pub(crate) unpriced: Vec<Unpriced>,
    pub(crate) terms: Vec<Told>,
    /// Newer than the others: stored behind them, where there is any.
    #[serde(skip)]
    pub(crate) left: Vec<Leftover>,
    /// Newer than those: stored behind them likewise, by instrument.
    #[serde(skip)]
    pub(crate) bounded: Vec<Bounded>,
    /// Newer still: behind those.
    #[serde(skip)]
    pub(crate) bots: Option<Box<Bots>>,
}

impl Aside {
    /// True where there is nothing of them.
    pub(crate) fn is_empty(&self) -> bool {
        let Aside { beyond, held, unpriced, terms, left, bounded, bots } = self;
        let older = beyond.is_empty() && held.is_empty() && unpriced.is_empty() && terms.is_empty();
        older && left.is_empty() && bounded.is_empty() && bots.is_none()
    }

    /// An instrument has these bounds from now on, or none.
    pub(crate) fn set_bounds(&mut self, instrument: u32, bounds: Option<&OrderBounds>) {
        self.bounded.retain(|one| one.instrument != instrument);
        if let Some(bounds) = bounds {
            let at = self.bounded.partition_point(|one| one.instrument < instrument);
            self.bounded.insert(at, Bounded { instrument, bounds: bounds.clone() });
        }
    }

    #[cold]
    pub(crate) fn left(&self, instrument: u32, side: usize) -> Leftover {
        let side = side as u32;
        let found = self.left.iter().find(|left| left.instrument == instrument && left.side == side);
        let nothing =
            Leftover { instrument, side, small: Money::ZERO, booked: Money::ZERO, told_in_part: false };
        found.copied().unwrap_or(nothing)
    }

    #[cold]
    pub(crate) fn set_left(&mut self, left: Leftover) {
        self.left.retain(|one| one.instrument != left.instrument || one.side != left.side);
        let told_in_part = left.told_in_part && !left.booked.is_zero();
        if !left.small.is_zero() || !left.booked.is_zero() {
            self.left.push(Leftover { told_in_part, ..left });
        }
    }

    /// What the exits of a slot's trade filled beyond it.
    #[cold]
    pub(crate) fn beyond(&self, slot_id: u32, trade_number: u64) -> Qty {
        let is_its = |one: &&Beyond| one.slot_id == slot_id && one.trade_number == trade_number;
        self.beyond.iter().find(is_its).map_or(Qty::ZERO, |one| one.qty)
    }

    /// Of each slot there is one: its last trade's.
    #[cold]
    pub(crate) fn set_beyond(&mut self, slot_id: u32, trade_number: u64, qty: Qty) {
        self.beyond.retain(|one| one.slot_id != slot_id);
        if !qty.is_zero() {
            self.beyond.push(Beyond { slot_id, trade_number, qty });
        }
    }

    /// What is held of an instrument, by position side.
    pub(crate) fn held(&self, instrument: u32) -> [Money; 3] {
        let held = self.held.iter().find(|held| held.instrument == instrument);
        held.map_or([Money::ZERO; 3], |held| held.amounts)
    }

    #[cold]
    pub(crate) fn hold(&mut self, instrument: u32, side: usize, late: Money) {
        let mut amounts = self.take_held(instrument);
        amounts[side] += late;
        self.held.push(Held { instrument, amounts });
    }

    #[cold]
    pub(crate) fn take_held(&mut self, instrument: u32) -> [Money; 3] {
        let amounts = self.held(instrument);
        self.held.retain(|held| held.instrument != instrument);
        amounts
    }

    /// Notes terms that the venue told at that time; false where it has told later ones. Those without a time are believed.
    #[cold]
    pub(crate) fn are_newest_terms(&mut self, instrument: u32, time_ns: i64) -> bool {
        if time_ns == 0 {
            return true;
        }
        match self.terms.iter_mut().find(|told| told.instrument == instrument) {
            Some(told) if told.time_ns > time_ns => return false,
            Some(told) => told.time_ns = time_ns,
            None => self.terms.push(Told { instrument, time_ns }),
        }
        true
    }

    #[cold]
    pub(crate) fn take_unpriced(&mut self, order: OrderRef) -> Money {
        let found = self.unpriced.iter().find(|one| one.order == order).map_or(Money::ZERO, |one| one.beside);
        self.unpriced.retain(|one| one.order != order);
        found
    }
}

/// As a part of the trading state: of nothing, nothing.
pub(super) struct Shown<'a>(pub(super) &'a Aside);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            nothing if nothing.is_empty() => serializer.serialize_unit(),
            aside if aside.bots.as_ref().is_some_and(|bots| !bots.limits.is_empty()) => {
                let bots = aside.bots.as_deref();
                let limits = bots.map(|bots| &bots.limits);
                (aside, &aside.left, &aside.bounded, bots, limits).serialize(serializer)
            }
            aside if aside.bots.is_some() => {
                (aside, &aside.left, &aside.bounded, aside.bots.as_deref()).serialize(serializer)
            }
            aside if !aside.bounded.is_empty() => (aside, &aside.left, &aside.bounded).serialize(serializer),
            aside if aside.left.is_empty() => aside.serialize(serializer),
            aside => (aside, &aside.left).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    fn left(instrument: u32, side: u32, small: i128, booked: i128, told_in_part: bool) -> Leftover {
        Leftover { instrument, side, small: Money(small), booked: Money(booked), told_in_part }
    }

    #[test]
    fn what_is_left_is_of_one_instrument_and_one_side() {
        let mut aside = Aside::default();
        let all = [left(0, 0, 5, 0, false), left(0, 1, 7, 0, false), left(1, 0, 9, 0, false)];
        for one in all {
            aside.set_left(one);
        }
        for (instrument, side, small) in [(0, 0, 5), (0, 1, 7), (1, 0, 9), (1, 1, 0)] {
            assert_eq!(aside.left(instrument, side).small, Money(small), "{instrument} {side}");
        }
        aside.set_left(left(0, 0, 6, 0, false));
        assert_eq!(aside.left.len(), 3, "the others stay");
        aside.set_left(left(0, 0, 0, 0, true));
        assert_eq!(aside.left, all[1..], "nothing is not kept");
    }

    #[test]
    fn only_what_was_booked_can_be_told_in_part() {
        for (small, booked, told, kept) in
            [(1, 0, true, false), (0, 2, true, true), (0, 2, false, false), (1, 2, true, true)]
        {
            let mut aside = Aside::default();
            aside.set_left(left(0, 0, small, booked, told));
            assert_eq!(aside.left, [left(0, 0, small, booked, kept)], "{small} {booked} {told}");
        }
    }

    #[test]
    fn what_is_newer_stands_behind_and_only_where_there_is_any() {
        let bytes = |value: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            value(&mut out);
            // Behind the form's number.
            out.split_off(1)
        };
        let shown = |aside: &Aside| bytes(&|out| codec::encode(&Shown(aside), out).unwrap());
        let mut aside = Aside::default();
        assert_eq!(shown(&aside), []);
        aside.terms.push(Told { instrument: 1, time_ns: 2 });
        let before = bytes(&|out| codec::encode(&aside, out).unwrap());
        assert_eq!(shown(&aside), before);
        aside.set_left(left(0, 0, 5, 0, false));
        let behind = bytes(&|out| codec::encode(&aside.left, out).unwrap());
        assert_eq!(shown(&aside), [before, behind].concat());
    }
}
