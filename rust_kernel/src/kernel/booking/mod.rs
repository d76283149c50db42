//! Booking: what a fill does to order, slot, book, ledger and exposure ([`fee`]: its cost; [`inferred`]: fills that
//! only a cumulative quantity told of; [`stray`]: fills that turn out to be ours; [`ending`]: an order's end).

mod ending;
mod fee;
mod inferred;
mod stray;

use alloc::vec::Vec;

use super::Kernel;
use super::amend::worst_case;
use super::spot::shrinkage;
use crate::book::Execution;
use crate::effect::Effects;
use crate::id::Id;
use crate::instrument::Instrument;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind, Liquidity, OrderSide, Origin, PositionSide,
};
use crate::num::{Money, Price, Qty, Rounding};
use crate::order::{Fill, OrderRole};
use crate::planted::{Bug, planted};
use crate::position::{Basis, Closing};

/// A fill as validation found it: every number converted and in bounds.
#[derive(Clone, Debug)]
pub(crate) struct NewFill {
    pub(crate) qty: Qty,
    pub(crate) price: Price,
    /// Unsigned.
    pub(crate) value: Money,
    pub(crate) liquidity: Liquidity,
    /// True where the venue did not say which.
    pub(crate) liquidity_assumed: bool,
    /// Where the venue forced it on the account, why: it takes from the slots that hold the position.
    pub(crate) forced: Option<KernelEventKind>,
    /// The venue's fee and its asset; `None` means: predict it.
    pub(crate) fee: Option<Money>,
    pub(crate) inferred: bool,
    pub(crate) price_pending: bool,
    /// 0 where the venue told none.
    pub(crate) venue_time_ns: i64,
    /// The venue's own order of executions, where it has reported that.
    pub(crate) venue_sequence: Option<i64>,
}

impl Kernel {
    /// Books one fill: quantity, profit, fee. The order's status is not touched here.
    #[inline]
    pub(crate) fn book_fill(
        &mut self,
        place: u32,
        fill: &NewFill,
        venue_trade_id: &Id,
        fee_asset: Option<u16>,
        effects: &mut Effects,
    ) {
        let reference = self.reference(place);
        let order = self.orders.at_mut(place);
        let order_side = order.order_side;
        let sign = order_side.sign();
        order.filled += fill.qty;
        order.filled_value += fill.value;
        if fill.inferred {
            order.inferred += fill.qty;
        }
        let (instrument, position_side, role) = (order.instrument, order.position_side, order.role);
        let (slot_id, trade_number) = (order.slot_id, order.trade_number);
        let rules = &self.instruments[instrument as usize];
        let (is_spot, fee_decimals) = (rules.base.is_some(), rules.spec.fee_decimals);
        let value = rules.basis_sign(fill.value);
        let (qty, value) = if sign > 0 { (fill.qty, value) } else { (-fill.qty, -value) };

        let books = &mut self.books[instrument as usize];
        let book = &mut books.book[position_side as usize];
        let cost_before = book.position.cost;
        let (entry, closing, moved) = match fill.venue_sequence.filter(|sequence| book.is_late(*sequence)) {
            Some(sequence) => {
                let decimals = if is_spot { None } else { Some(fee_decimals) };
                let at = Execution { order: reference, time_ns: fill.venue_time_ns, sequence, qty, value };
                let (entry, closing, refolded) = book.execute_late(&at, decimals);
                (entry, closing, Some(refolded))
            }
            None => {
                let sequence = fill.venue_sequence.unwrap_or_default();
                let at = Execution { order: reference, time_ns: fill.venue_time_ns, sequence, qty, value };
                let (entry, closing) = book.execute(&at);
                (entry, closing, None)
            }
        };
        let cost_change = book.position.cost - cost_before;
        if self.instruments[instrument as usize].mark.is_none() {
            books.last_price = Some(fill.price);
        }
        let owner = self.owner_of(role, slot_id, trade_number).filter(|slot_id| !self.moved_on(*slot_id));
        let mut given = Vec::new();
        let mut pairs = None;
        let own = match (owner, fill.forced) {
            (None, Some(reason)) => {
                let (own, by) = self.reduce_slots(place, fill, reason, effects);
                given = by;
                own
            }
            (Some(slot_id), _) if role == OrderRole::Entry && self.pairs_off(instrument) => {
                let (own, closed) = self.attribute_paired(slot_id, place, fill, effects);
                pairs = closed;
                own
            }
            (Some(slot_id), _) => self.attribute(slot_id, role, qty, value, position_side as usize, effects),
            (None, None) => {
                if role != OrderRole::External {
                    self.notice(effects, Code::OrphanFill, Some(slot_id));
                }
                let unassigned = &mut self.books[instrument as usize].unassigned[position_side as usize];
                unassigned.apply(qty, value, role.origin()).realized
            }
        };
        let realized = if is_spot {
            self.book_exchange(place, owner, &closing, (qty, cost_change), own, venue_trade_id)
        } else {
            self.book_profit(place, owner, &closing, own, venue_trade_id)
        };
        let (fee, fee_asset, fee_predicted) = self.book_fee(place, owner, fill, fee_asset, venue_trade_id);
        if !given.is_empty() {
            let rounding = realized - closing.realized;
            self.share_forced(instrument, &given, fill.qty, (rounding, fee, fee_asset));
        }
        if is_spot {
            let by = shrinkage(&self.instruments[instrument as usize], fee, fee_asset);
            self.shrink_position(place, owner, by, venue_trade_id);
        }
        let seq = self.seq;
        self.orders.add_fill(place, venue_trade_id, || Fill {
            venue_trade_id: venue_trade_id.clone(),
            qty: fill.qty,
            price: fill.price,
            fee,
            fee_asset,
            realized,
            closed: closing.closed,
            entry,
            liquidity: fill.liquidity,
            liquidity_assumed: fill.liquidity_assumed,
            fee_predicted,
            settled: false,
            profit_told: false,
            inferred: fill.inferred,
            price_pending: fill.price_pending,
            pairs,
            busted: false,
            forced: !given.is_empty(),
            seq,
            venue_time_ns: fill.venue_time_ns,
        });
        if let Some(refolded) = moved {
            self.post_others(place, owner, &refolded, closing.realized, venue_trade_id);
        }
        let is_late = fill.venue_time_ns <= self.funding.last_open_ns && fill.venue_time_ns != 0;
        if is_late && !planted(Bug::LateFillMissesItsBoundary) {
            self.repredict(place, owner, qty, fill.venue_time_ns, i64::MAX);
        }
        self.refresh_reservation(place);
        self.refresh_exposure(instrument);
    }

    /// The slot that a fill of that order belongs to: its own, while that still carries the order's trade.
    #[inline]
    pub(crate) fn owner_of(&self, role: OrderRole, slot_id: u32, trade_number: u64) -> Option<u32> {
        let current = self.slots.get(slot_id as usize)?.trade_number == trade_number;
        (role != OrderRole::External && current).then_some(slot_id)
    }

    /// True where a closed slot's trade id runs in another slot by now: a late fill must not reopen it here.
    #[inline]
    pub(crate) fn moved_on(&self, slot_id: u32) -> bool {
        let slot = &self.slots[slot_id as usize];
        slot.stage.is_free() && self.slot_of_trade(&slot.trade_id).is_some()
    }

    /// Books a fill in its slot's own position; what goes past zero on an exit lands in the unassigned book. Returns
    /// the profit at own cost.
    #[inline]
    pub(crate) fn attribute(
        &mut self,
        slot_id: u32,
        role: OrderRole,
        qty: Qty,
        value: Money,
        position_side: usize,
        effects: &mut Effects,
    ) -> Money {
        let now_ns = self.now_ns;
        let slot = &mut self.slots[slot_id as usize];
        if role == OrderRole::Entry {
            if slot.initial.is_zero() {
                slot.entry_time_ns = now_ns;
            }
            slot.initial += qty.abs();
            slot.entry_value += value.abs();
            let own = slot.basis.apply(qty, value).realized;
            slot.realized += own;
            return own;
        }
        let held = slot.size();
        if qty.abs() <= held {
            let own = slot.basis.apply(qty, value).realized;
            slot.realized += own;
            return own;
        }
        // The slot closes with its share, the rest is nobody's.
        let mut whole = slot.basis;
        let own = whole.apply(qty, value).realized;
        slot.realized += own;
        slot.basis = Basis::FLAT;
        let trade_number = slot.trade_number;
        let instrument = slot.instrument as usize;
        let unassigned = &mut self.books[instrument].unassigned[position_side];
        let rest = unassigned.apply(whole.qty, whole.cost, Origin::Orphan).realized;
        let beyond = self.aside.beyond(slot_id, trade_number) + whole.qty.abs();
        self.aside.set_beyond(slot_id, trade_number, beyond);
        self.notice(effects, Code::PositionFlipped, Some(slot_id));
        own + rest
    }

    /// Books the venue's profit in the wallet, rounded as the venue rounds, and the difference between the slot's own
    /// cost and the book's as an entry between slots. Returns what the wallet got.
    #[inline]
    fn book_profit(
        &mut self,
        place: u32,
        owner: Option<u32>,
        closing: &Closing,
        own: Money,
        reference: &Id,
    ) -> Money {
        if closing.closed.is_zero() && own.is_zero() {
            return Money::ZERO;
        }
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let realized = closing.realized.rounded(rules.spec.fee_decimals, Rounding::HalfEven);
        let settle = rules.settle;
        let posting = |cause, from, to| Posting {
            cause,
            from,
            to,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        let profit = posting(Cause::RealizedPnl, Account::RealizedPnl, Account::Wallet);
        self.ledger.post(self.seq, settle, realized, profit);
        let between = posting(Cause::InterSlot, Account::RealizedPnl, Account::InterSlot);
        self.ledger.post(self.seq, settle, own - closing.realized, between);
        self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
        realized
    }

    /// Holds back what an entry may still fill, and what an order may that was at work when the account was opened; of a
    /// book that slots of both sides share also an exit that the net position does not cover.
    #[inline]
    pub(crate) fn refresh_reservation(&mut self, place: u32) {
        let order = self.orders.at(place);
        let increases = match order.role {
            OrderRole::Entry => true,
            OrderRole::Exit => !order.reduce_only && self.instruments[order.instrument as usize].nets(),
            OrderRole::External => !order.reserve_price.is_zero(),
        };
        let wanted = if !increases {
            Money::ZERO
        } else if order.extra.is_some() {
            worst_case(&self.instruments[order.instrument as usize], order)
        } else {
            match order.unfilled() {
                Qty::ZERO => Money::ZERO,
                remaining => {
                    let rules = &self.instruments[order.instrument as usize];
                    // No more than at acceptance, where the value was in bounds.
                    rules.value(order.reserve_price, remaining).unwrap_or(order.reserved)
                }
            }
        };
        if wanted != order.reserved {
            self.set_reserved(place, wanted);
        }
    }

    /// Values an instrument's positions again.
    #[inline]
    pub(crate) fn refresh_exposure(&mut self, instrument: u32) {
        let books = &self.books[instrument as usize];
        let value = match books.last_price {
            Some(price) => exposure_of(&self.instruments[instrument as usize], price, &books.positions()),
            None => Money::ZERO,
        };
        let short = books.book[PositionSide::Both as usize].position.qty.0 < 0;
        self.exposure.set_position(instrument, value, short);
    }
}

/// The value of an instrument's positions at a price, long and short books added up.
#[inline]
pub(crate) fn exposure_of(rules: &Instrument, price: Price, book: &[Basis; 3]) -> Money {
    let mut total = Money::ZERO;
    for basis in book {
        if !basis.qty.is_zero() {
            // A position was booked within bounds; a mark that takes its value out of them counts as the bound.
            total += rules.value(price, basis.qty.abs()).unwrap_or(basis.cost.abs());
        }
    }
    total
}

/// A quantity and its value, signed as a basis has them for an order's side.
#[inline]
pub(crate) fn sign_as(rules: &Instrument, side: OrderSide, qty: Qty, value: Money) -> (Qty, Money) {
    let given = rules.basis_sign(value);
    match side {
        OrderSide::Buy => (qty, given),
        OrderSide::Sell => (-qty, -given),
    }
}
