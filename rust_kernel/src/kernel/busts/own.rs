//! What a revised trade makes of its slot's own figures: made again from all fills of the trade where all are known,
//! and by the linear rule of the book where they are not.

use alloc::vec::Vec;

use crate::kernel::Kernel;
use crate::kernel::booking::sign_as;
use crate::kernel::refold::Moved;
use crate::names::{OrderSide, TradeSide};
use crate::num::{Money, Qty, Rounding, multiply_divide};
use crate::order::{Order, OrderRole};
use crate::position::Basis;
use crate::slot::Slot;

/// A slot's own figures as its orders' fills make them, and what of them went past zero to nobody.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(in crate::kernel) struct Own {
    basis: Basis,
    initial: Qty,
    entry_value: Money,
    realized: Money,
    rest: Basis,
}

impl Own {
    fn of(slot: &Slot, rest: Basis) -> Own {
        Own {
            basis: slot.basis,
            initial: slot.initial,
            entry_value: slot.entry_value,
            realized: slot.realized,
            rest,
        }
    }

    fn take(&mut self, role: OrderRole, qty: Qty, value: Money) {
        if role == OrderRole::Entry {
            self.initial += qty.abs();
            self.entry_value += value.abs();
        }
        let past_zero = role == OrderRole::Exit && qty.abs() > self.basis.qty.abs();
        self.realized += self.basis.apply(qty, value).realized;
        if past_zero {
            self.rest.qty += self.basis.qty;
            self.rest.cost += self.basis.cost;
            self.basis = Basis::FLAT;
        }
    }
}

impl Kernel {
    /// A slot's figures made again from its trade's fills, where that gives what the slot has: all are known then, and
    /// nothing but fills has touched it.
    pub(in crate::kernel) fn own_if_known(&self, slot_id: u32) -> Option<Own> {
        let own = self.own_from_fills(slot_id);
        (Own::of(&self.slots[slot_id as usize], own.rest) == own).then_some(own)
    }

    fn own_from_fills(&self, slot_id: u32) -> Own {
        let trade_number = self.slots[slot_id as usize].trade_number;
        let mut fills = Vec::new();
        let of_trade = |order: &&Order| {
            order.role != OrderRole::External
                && order.slot_id == slot_id
                && order.trade_number == trade_number
        };
        for order in self.orders.iter().filter(of_trade) {
            let rules = &self.instruments[order.instrument as usize];
            for (at, fill) in order.fills.iter().enumerate().filter(|(_, fill)| !fill.qty.is_zero()) {
                let value = rules.value(fill.price, fill.qty).unwrap_or_default();
                let (opened, value) = fill.opened(value);
                if opened.is_zero() {
                    continue;
                }
                let (qty, value) = sign_as(rules, order.order_side, opened, value);
                fills.push(((fill.seq, order.number, at), order.role, qty, value));
            }
        }
        fills.sort_unstable_by_key(|(sequence, ..)| *sequence);
        let mut own = Own::default();
        for (_, role, qty, value) in fills {
            own.take(role, qty, value);
        }
        own
    }

    /// Writes a slot's figures anew. Returns the change of the profit at own cost.
    pub(in crate::kernel) fn make_again(&mut self, slot_id: u32, place: u32, before: Own) -> Money {
        let own = self.own_from_fills(slot_id);
        let slot = &mut self.slots[slot_id as usize];
        slot.basis = own.basis;
        slot.initial = own.initial;
        slot.entry_value = own.entry_value;
        slot.realized = own.realized;
        self.aside.set_beyond(slot_id, slot.trade_number, own.rest.qty.abs());
        let past_zero =
            self.give_to_nobody(place, own.rest.qty - before.rest.qty, own.rest.cost - before.rest.cost);
        own.realized - before.realized + past_zero
    }

    /// Moves a slot by the linear rule. Returns the change of the profit at own cost.
    pub(in crate::kernel) fn move_linear(&mut self, slot_id: u32, place: u32, moved: Moved) -> Money {
        let (moved, of_nobody) = self.split_beyond(slot_id, place, moved);
        let order = self.orders.at(place);
        let (role, buys) = (order.role, order.order_side == OrderSide::Buy);
        let rules = &self.instruments[order.instrument as usize];
        let slot = &mut self.slots[slot_id as usize];
        let mut own = of_nobody;
        let linear = if role == OrderRole::Entry {
            let (qty, value) = if buys { (moved.qty, moved.value) } else { (-moved.qty, -moved.value) };
            slot.initial += qty;
            slot.entry_value += rules.basis_sign(value);
            slot.basis.adjust(moved.qty, moved.value)
        } else {
            // At the average cost of what is held, or else of what was entered.
            let cost = match (slot.basis.qty.is_zero(), slot.initial.is_zero()) {
                (false, _) => share(slot.basis.cost, moved.qty, slot.basis.qty),
                (true, false) => rules.basis_sign(share(slot.entry_value, moved.qty, slot.initial)),
                (true, true) => moved.value,
            };
            slot.basis.qty += moved.qty;
            slot.basis.cost += cost;
            cost - moved.value
        };
        slot.realized += linear;
        own += linear;
        let wrong_side = match slot.side {
            TradeSide::Long => slot.basis.qty.0 < 0,
            TradeSide::Short | TradeSide::Flat => slot.basis.qty.0 > 0,
        };
        if wrong_side {
            let rest = core::mem::replace(&mut slot.basis, Basis::FLAT);
            let beyond = self.aside.beyond(slot_id, slot.trade_number) + rest.qty.abs();
            self.aside.set_beyond(slot_id, slot.trade_number, beyond);
            own += self.give_to_nobody(place, rest.qty, rest.cost);
        } else if slot.basis.qty.is_zero() {
            let left_over = -core::mem::replace(&mut slot.basis, Basis::FLAT).cost;
            slot.realized += left_over;
            own += left_over;
        }
        own
    }

    /// What exits fill beyond the slot goes into the unassigned book, and of an exit's fill that is taken back that goes out
    /// of it first. Returns what is left to move, and what that realised.
    fn split_beyond(&mut self, slot_id: u32, place: u32, moved: Moved) -> (Moved, Money) {
        let slot = &self.slots[slot_id as usize];
        let (trade_number, held) = (slot.trade_number, slot.size());
        let comes_back = (moved.qty.0 > 0) == (slot.side == TradeSide::Long);
        if self.orders.at(place).role != OrderRole::Exit {
            return (moved, Money::ZERO);
        }
        let (all, beyond) = (moved.qty.abs(), self.aside.beyond(slot_id, trade_number));
        let part = match comes_back {
            true if beyond < all => beyond,
            false if held < all => all - held,
            true => all,
            false => Qty::ZERO,
        };
        if part.is_zero() {
            return (moved, Money::ZERO);
        }
        self.aside.set_beyond(slot_id, trade_number, if comes_back { beyond - part } else { beyond + part });
        let qty = if moved.qty.0 < 0 { -part } else { part };
        let value = share(moved.value, part, all);
        let realized = self.give_to_nobody(place, qty, value);
        (Moved { qty: moved.qty - qty, value: moved.value - value, ..moved }, realized)
    }

    /// Moves the unassigned book. Returns what that realised there.
    pub(crate) fn give_to_nobody(&mut self, place: u32, qty: Qty, cost: Money) -> Money {
        if qty.is_zero() && cost.is_zero() {
            return Money::ZERO;
        }
        let order = self.orders.at(place);
        let (side, origin) = (order.position_side as usize, order.role.origin());
        let unassigned = &mut self.books[order.instrument as usize].unassigned[side];
        unassigned.change(origin, |basis| basis.adjust(qty, cost))
    }
}

/// `whole × part / of`, half-even at 1e-18; nothing of nothing.
pub(crate) fn share(whole: Money, part: Qty, of: Qty) -> Money {
    if of.is_zero() {
        return Money::ZERO;
    }
    let (part, of) = if of.0 < 0 { (-part, -of) } else { (part, of) };
    Money(multiply_divide(whole.0, part.0, of.0, Rounding::HalfEven).unwrap_or_default())
}
