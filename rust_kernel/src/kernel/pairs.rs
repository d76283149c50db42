//! Slots of both sides on one book: which of them give first, and what a fill closes of the other side before it opens.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::booking::{NewFill, sign_as};
use super::busts::share;
use crate::effect::Effects;
use crate::id::Id;
use crate::names::PairOff;
use crate::num::{Money, Qty};
use crate::order::{OrderRole, Pair};
use crate::planted::{Bug, planted};

/// Why a trade ended that a fill of the other side has closed.
const NETTED: &str = "NETTED";

/// What a revision has made of the pairs of a fill, signed as the order's side.
#[derive(Clone, Default, Debug)]
pub(crate) struct Repaired {
    pub(crate) qty: Qty,
    pub(crate) value: Money,
    /// The same, unsigned.
    pub(crate) worth: Money,
    /// The change of the profit at own cost, of the trades that were closed.
    pub(crate) own: Money,
    /// The slots that have got quantity back.
    pub(crate) reopened: Vec<u32>,
}

impl Kernel {
    /// True where fills of an instrument's entries close trades of the other side first.
    #[inline]
    pub(crate) fn pairs_off(&self, instrument: u32) -> bool {
        self.instruments[instrument as usize].spec.pair_off == PairOff::SameOwner
    }

    /// Puts slots in the order of their trades' age, the oldest first; of one moment the lower number.
    pub(crate) fn by_age(&self, slots: &mut [u32]) {
        slots.sort_unstable_by_key(|slot_id| (self.slots[*slot_id as usize].entry_time_ns, *slot_id));
    }

    /// The open trades of a slot's owner on the other side of its book, oldest first.
    fn opposite_trades(&self, slot_id: u32) -> Vec<u32> {
        let own = &self.slots[slot_id as usize];
        let pairs = |other: &crate::slot::Slot| {
            other.instrument == own.instrument
                && other.side != own.side
                && !other.basis.qty.is_zero()
                && (other.owner == own.owner || planted(Bug::PairsWithAnyOwner))
        };
        let all = (0_u32..).zip(&self.slots).filter(|(_, other)| pairs(other));
        let mut found: Vec<u32> = all.map(|(at, _)| at).collect();
        self.by_age(&mut found);
        if planted(Bug::NewestPairsFirst) {
            found.reverse();
        }
        found
    }

    /// Books an entry's fill where it closes open trades of the other side first; the rest opens. Returns the profit at own
    /// cost, and what was closed.
    #[cold]
    pub(crate) fn attribute_paired(
        &mut self,
        slot_id: u32,
        place: u32,
        fill: &NewFill,
        effects: &mut Effects,
    ) -> (Money, Option<Box<[Pair]>>) {
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument as usize, order.order_side);
        let position_side = order.position_side as usize;
        let (mut left, mut left_value) = (fill.qty, fill.value);
        let (mut own, mut pairs) = (Money::ZERO, Vec::new());
        for other in self.opposite_trades(slot_id) {
            if left.is_zero() {
                break;
            }
            let held = self.slots[other as usize].size();
            let part = if left > held { held } else { left };
            // A part of a value in bounds is in bounds.
            let worth = self.instruments[instrument].value(fill.price, part).unwrap_or_default();
            let value = if part == left { left_value } else { worth };
            left -= part;
            left_value -= value;
            let (qty, signed) = sign_as(&self.instruments[instrument], side, part, value);
            let slot = &mut self.slots[other as usize];
            let cost = slot.basis.cost;
            let profit = slot.basis.apply(qty, signed).realized;
            slot.realized += profit;
            own += profit;
            let (trade_number, released) = (slot.trade_number, cost - slot.basis.cost);
            pairs.push(Pair { slot_id: other, trade_number, qty: part, value, released });
        }
        for pair in &pairs {
            self.after_netted(pair.slot_id, effects);
        }
        if !left.is_zero() {
            self.open_again(slot_id);
            let (qty, value) = sign_as(&self.instruments[instrument], side, left, left_value);
            own += self.attribute(slot_id, OrderRole::Entry, qty, value, position_side, effects);
        }
        (own, (!pairs.is_empty()).then(|| pairs.into_boxed_slice()))
    }

    /// A trade that was closed and whose entry still worked is open again: why it ended does not stand.
    fn open_again(&mut self, slot_id: u32) {
        let slot = &mut self.slots[slot_id as usize];
        if slot.basis.qty.is_zero() && slot.close_reason.as_str() == NETTED {
            slot.close_reason = Id::EMPTY;
        }
    }

    /// An entry has filled, and its slot is closed: what it filled has closed other trades.
    #[cold]
    pub(crate) fn say_if_netted(&mut self, slot_id: u32, place: u32) {
        if self.orders.at(place).fills.iter().any(|fill| fill.pairs.is_some()) {
            self.slots[slot_id as usize].close_reason = Id::new(NETTED).unwrap_or_default();
        }
    }

    /// A fill of the other side has closed a trade, or a part of it.
    fn after_netted(&mut self, slot_id: u32, effects: &mut Effects) {
        let slot = &mut self.slots[slot_id as usize];
        if slot.basis.qty.is_zero() {
            slot.close_reason = Id::new(NETTED).unwrap_or_default();
        }
        self.after_move(slot_id, effects);
    }

    /// Gives the pairs of a fill that is another one by now what it is: what it closes first it closes still, at its price.
    /// What it does not close any more goes back to the trades, the last first; of one whose slot carries another by now
    /// it is nobody's.
    #[cold]
    pub(crate) fn repair(&mut self, place: u32, parts: &[usize]) -> Repaired {
        let mut repaired = Repaired::default();
        for at in parts {
            let order = self.orders.at_mut(place);
            let side = order.order_side;
            let instrument = order.instrument as usize;
            let fill = &mut order.fills[*at];
            let (mut room, price) = (fill.qty, fill.price);
            if planted(Bug::BustLeavesPairsClosed) {
                continue;
            }
            let Some(pairs) = fill.pairs.take() else { continue };
            let mut kept = Vec::new();
            for pair in pairs {
                let qty = if pair.qty < room { pair.qty } else { room };
                room -= qty;
                let rules = &self.instruments[instrument];
                let value = rules.value(price, qty).unwrap_or_default();
                let (by, worth) = sign_as(rules, side, qty - pair.qty, value - pair.value);
                let released = share(pair.released, qty, pair.qty);
                repaired.qty += by;
                repaired.value += worth;
                repaired.worth += value - pair.value;
                self.give_back(place, &pair, (by, worth), pair.released - released, &mut repaired);
                if !qty.is_zero() {
                    kept.push(Pair { qty, value, released, ..pair });
                }
            }
            let fill = &mut self.orders.at_mut(place).fills[*at];
            fill.pairs = (!kept.is_empty()).then(|| kept.into_boxed_slice());
        }
        repaired
    }

    fn give_back(
        &mut self,
        place: u32,
        pair: &Pair,
        (qty, value): (Qty, Money),
        cost: Money,
        repaired: &mut Repaired,
    ) {
        let carries = self.slots[pair.slot_id as usize].trade_number == pair.trade_number;
        if carries && !self.moved_on(pair.slot_id) {
            let slot = &mut self.slots[pair.slot_id as usize];
            slot.basis.qty += qty;
            slot.basis.cost += cost;
            slot.realized += cost - value;
            repaired.own += cost - value;
            if !qty.is_zero() {
                repaired.reopened.push(pair.slot_id);
            }
        } else if qty.is_zero() {
            repaired.own -= value;
        } else {
            repaired.own += self.give_to_nobody(place, qty, value);
        }
    }

    /// The slots that have got quantity back move by the table.
    pub(crate) fn after_repair(&mut self, reopened: &[u32], effects: &mut Effects) {
        for slot_id in reopened {
            let was_free = self.slots[*slot_id as usize].stage.is_free();
            self.open_netted(*slot_id);
            self.after_move(*slot_id, effects);
            if was_free {
                self.slots[*slot_id as usize].close_reason = Id::EMPTY;
            }
        }
    }

    fn open_netted(&mut self, slot_id: u32) {
        let slot = &mut self.slots[slot_id as usize];
        if !slot.basis.qty.is_zero() && slot.close_reason.as_str() == NETTED {
            slot.close_reason = Id::EMPTY;
        }
    }

    /// Parts a fill's pairs in two where the fill is parted after `first`: what it closed, it closed first.
    pub(crate) fn part_pairs(pairs: Option<Box<[Pair]>>, first: Qty) -> [Option<Box<[Pair]>>; 2] {
        let (mut room, mut parts) = (first, [Vec::new(), Vec::new()]);
        for pair in pairs.into_iter().flatten() {
            let qty = if pair.qty < room { pair.qty } else { room };
            room -= qty;
            let one = Pair {
                qty,
                value: share(pair.value, qty, pair.qty),
                released: share(pair.released, qty, pair.qty),
                ..pair
            };
            let other = Pair {
                qty: pair.qty - one.qty,
                value: pair.value - one.value,
                released: pair.released - one.released,
                ..pair
            };
            for (part, pair) in parts.iter_mut().zip([one, other]) {
                if !pair.qty.is_zero() {
                    part.push(pair);
                }
            }
        }
        parts.map(|part| (!part.is_empty()).then(|| part.into_boxed_slice()))
    }
}
