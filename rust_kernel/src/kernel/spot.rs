//! Spot: a fill moves two assets, and a fee in base makes the position smaller than what was bought.
//!
//! What is held was paid for: its cost lies in the quote asset's inventory account, so that the wallet is what the
//! venue's wallet is. Of the base asset the wallet itself holds it.

use super::Kernel;
use crate::id::Id;
use crate::instrument::Instrument;
use crate::ledger::{Account, Cause, Posting};
use crate::num::{MONEY_SCALE, Money, Qty, Rounding, divide, pow10, product};
use crate::order::OrderRole;
use crate::position::Closing;

/// A spot quantity as an amount of its base asset.
pub fn base_amount(rules: &Instrument, qty: Qty) -> Money {
    let unit = pow10(MONEY_SCALE.saturating_sub(rules.qty_scale)).unwrap_or(1);
    // Quantities are bounded by UNITS_MAX, which money holds at any scale.
    Money(product(qty.0, unit).unwrap_or_default())
}

/// How much less a position is for a fee: nothing but for spot and its base asset. A fee finer than the quantity's scale
/// takes a whole unit, so that no position is larger than what the wallet holds of it.
#[inline]
pub(crate) fn shrinkage(rules: &Instrument, fee: Money, fee_asset: u16) -> Qty {
    if rules.base == Some(fee_asset) { base_qty(rules, fee) } else { Qty::ZERO }
}

fn base_qty(rules: &Instrument, amount: Money) -> Qty {
    let unit = pow10(MONEY_SCALE.saturating_sub(rules.qty_scale)).unwrap_or(1);
    Qty(divide(amount.0, unit, Rounding::Ceiling).unwrap_or_default())
}

impl Kernel {
    /// Books what a spot fill moved between two wallets, and its profit, exactly. `cost` is what the book's cost changed
    /// by, `qty` is signed. Returns the profit.
    #[cold]
    pub(crate) fn book_exchange(
        &mut self,
        place: u32,
        owner: Option<u32>,
        closing: &Closing,
        (qty, cost): (Qty, Money),
        own: Money,
        reference: &Id,
    ) -> Money {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let (quote, base) = (rules.settle, rules.base.unwrap_or(rules.settle));
        let amount = base_amount(rules, qty);
        let posting = |cause, from, to| Posting {
            cause,
            from,
            to,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        let paid = posting(Cause::Inventory, Account::Wallet, Account::Inventory);
        self.ledger.post(self.seq, quote, cost, paid);
        let profit = posting(Cause::RealizedPnl, Account::RealizedPnl, Account::Wallet);
        self.ledger.post(self.seq, quote, closing.realized, profit);
        let between = posting(Cause::InterSlot, Account::RealizedPnl, Account::InterSlot);
        self.ledger.post(self.seq, quote, own - closing.realized, between);
        let received = posting(Cause::Inventory, Account::Inventory, Account::Wallet);
        self.ledger.post(self.seq, base, amount, received);
        for asset in [quote, base] {
            self.assets[usize::from(asset)].exchange.booked_time_ns = self.now_ns;
        }
        closing.realized
    }

    /// Takes `by` out of the position that an order trades, at unchanged cost: a fee in base has gone from it. Negative
    /// where a rebate, or a fee that was less than predicted, adds to it.
    #[cold]
    pub(crate) fn shrink_position(&mut self, place: u32, owner: Option<u32>, by: Qty, reference: &Id) {
        if by.is_zero() {
            return;
        }
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let of = self.reference(place);
        let lost = self.books[instrument as usize].book[side].shrink(of, by);
        let own_lost = self.shrink_home(place, owner, by);
        let order = self.orders.at(place);
        let quote = self.instruments[instrument as usize].settle;
        let posting = |cause, from, to| Posting {
            cause,
            from,
            to,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        // Nothing is left for the cost to stand for.
        let spent = posting(Cause::Inventory, Account::Inventory, Account::RealizedPnl);
        self.ledger.post(self.seq, quote, lost, spent);
        let between = posting(Cause::InterSlot, Account::RealizedPnl, Account::InterSlot);
        self.ledger.post(self.seq, quote, lost - own_lost, between);
        self.refresh_exposure(instrument);
    }

    /// The part of [`Kernel::shrink_position`] that is not the book's: the slot bears it while something is left of its
    /// position, else it is nobody's. So a fee never closes a slot. Returns the cost that went without a trace.
    pub(crate) fn shrink_home(&mut self, place: u32, owner: Option<u32>, by: Qty) -> Money {
        let order = self.orders.at(place);
        let (instrument, side, role) = (order.instrument, order.position_side as usize, order.role);
        let left = owner.map(|slot_id| self.slots[slot_id as usize].basis.qty);
        match owner {
            Some(slot_id) if left.is_some_and(|left| left.0 > 0 && left > by) => {
                self.crowded.push(slot_id);
                let slot = &mut self.slots[slot_id as usize];
                if role == OrderRole::Entry {
                    slot.initial -= by;
                }
                slot.basis.shrink(by)
            }
            Some(_) | None => self.books[instrument as usize].unassigned[side].shrink(by, role.origin()),
        }
    }
}
