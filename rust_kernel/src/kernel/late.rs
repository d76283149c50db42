//! Late news of what a position had cost: a price, a correction, a bust that comes after the position was closed.
//!
//! What it changes of the profit, the venue may have told by then: it settled the close by the cost that it knew. The
//! difference between what it told and our own figure is kept beside the book, and late news take out of it what they
//! explain: that money is in the wallet already.

use super::Kernel;
use super::aside::{Leftover, Unpriced};
use super::closes::is_told_close;
use crate::id::Id;
use crate::ledger::{Account, Cause, Posting};
use crate::num::{MONEY_SCALE, Money, Rounding, pow10};
use crate::order::{Order, OrderRef};

/// Two roundings, ours and the venue's, may be this many units apart without there being anything to explain.
const ROUNDINGS: i128 = 2;
/// Several closes of one position, each with its two roundings, may together be this many units apart from what explains
/// them.
pub(super) const ROUNDINGS_TOGETHER: i128 = 16;

impl Kernel {
    pub(super) fn is_within(&self, instrument: u32, amount: Money, units: i128) -> bool {
        let decimals = self.instruments[instrument as usize].spec.fee_decimals;
        let unit = MONEY_SCALE.checked_sub(decimals).and_then(pow10).unwrap_or(1);
        amount.abs().0 <= unit.saturating_mul(units)
    }

    /// The venue's profit of a close is another one than ours.
    #[inline]
    pub(crate) fn note_told(&mut self, instrument: u32, side: usize, beside: Money) {
        if beside.is_zero() {
            return;
        }
        if self.is_within(instrument, beside, ROUNDINGS) {
            return self.note_small(instrument, side, beside);
        }
        self.books[instrument as usize].told_beside[side] += beside;
    }

    /// What may be roundings: it explains nothing by itself, and many of them may be what a little late news were worth.
    #[cold]
    fn note_small(&mut self, instrument: u32, side: usize, beside: Money) {
        let left = self.aside.left(instrument, side);
        self.aside.set_left(Leftover { small: left.small + beside, ..left });
    }

    /// The same of a fill of an order; while its price is not the venue's, our figure is none to hold it against.
    #[inline]
    pub(crate) fn note_told_of(&mut self, place: u32, beside: Money, price_pending: bool) {
        if price_pending && !beside.is_zero() {
            return self.note_unpriced(place, beside);
        }
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        self.note_told(instrument, side, beside);
    }

    /// An order's fills have prices now, or are no more: what they leave in the book's cost is explained by what was told.
    pub(crate) fn note_priced(&mut self, place: u32) {
        let order = OrderRef { place, number: self.orders.at(place).number };
        let beside = self.aside.take_unpriced(order);
        self.note_told_of(place, beside, false);
    }

    #[cold]
    fn note_unpriced(&mut self, place: u32, beside: Money) {
        let of = self.orders.at(place);
        let (order, instrument) = (OrderRef { place, number: of.number }, of.instrument);
        let before = self.aside.take_unpriced(order);
        // Of orders that are forgotten no price will come.
        let orders = &self.orders;
        self.aside.unpriced.retain(|one| orders.get(one.order).is_some());
        self.aside.unpriced.push(Unpriced { order, instrument, beside: before + beside });
    }

    /// How much of a late profit or loss the venue has told by its settlements. That is explained from here on.
    #[cold]
    pub(crate) fn take_told(&mut self, instrument: u32, side: usize, late: Money) -> Money {
        let beside = self.books[instrument as usize].told_beside[side];
        if self.is_within(instrument, beside, ROUNDINGS_TOGETHER)
            && !self.is_within(instrument, late, ROUNDINGS_TOGETHER.saturating_mul(2))
        {
            // What earlier positions left of their roundings explains no part of something so much larger.
            return Money::ZERO;
        }
        self.take_beside(instrument, side, late)
    }

    /// As much of it as there is.
    pub(super) fn take_beside(&mut self, instrument: u32, side: usize, late: Money) -> Money {
        let beside = &mut self.books[instrument as usize].told_beside[side];
        let told = match (late.0.signum() == beside.0.signum(), late.abs() < beside.abs()) {
            (false, _) => Money::ZERO,
            (true, true) => late,
            (true, false) => *beside,
        };
        *beside -= told;
        told
    }

    /// The same for what an order has opened and is open still. Unless something has been told since that closed it, what was
    /// told before is of earlier positions, and explains nothing of this one.
    #[cold]
    pub(crate) fn take_told_of_open(&mut self, place: u32, at: Option<usize>, late: Money) -> Money {
        let order = self.orders.at(place);
        let itself = at.and_then(|at| order.fills.get(at)).is_some_and(is_told_close);
        if !itself && !self.has_told_since(place) {
            return Money::ZERO;
        }
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let told = self.take_told(instrument, side, late);
        // What the closes have rounded is not in what is open either.
        let all = !told.is_zero() && self.is_within(instrument, late - told, ROUNDINGS);
        if all { late } else { told }
    }

    /// What of a late profit or loss, rounded as the wallet has it, has yet to come into the wallet. `since` is the step in
    /// which the fill was booked that it is of.
    #[cold]
    pub(crate) fn untold(&mut self, instrument: u32, side: usize, late: Money, since: u64) -> Money {
        if late.is_zero() {
            return late;
        }
        let told = self.take_told(instrument, side, late);
        // What explained a position's cost before may have left a fraction of a unit.
        let decimals = self.instruments[instrument as usize].spec.fee_decimals;
        let rest = (late - told).rounded(decimals, Rounding::HalfEven);
        let left = self.aside.left(instrument, side);
        let is_rounding = |amount| self.is_within(instrument, amount, ROUNDINGS_TOGETHER);
        if !told.is_zero() && (is_rounding(rest) || is_rounding(rest - left.small)) {
            let small = if rest.is_zero() { left.small } else { Money::ZERO };
            self.aside.set_left(Leftover { small, booked: Money::ZERO, ..left });
            return Money::ZERO;
        }
        if told.is_zero() && self.is_within_told(late, &left, since) {
            let after = left.small - late;
            let small = if after.abs() < left.small.abs() { after } else { left.small };
            self.aside.set_left(Leftover { small, ..left });
            return Money::ZERO;
        }
        if told.is_zero()
            && left.booked.is_zero()
            && self.books[instrument as usize].told_beside[side].is_zero()
        {
            return rest;
        }
        // The venue may have told the sum of this and of other late news, and that may come to nothing by now.
        let told_in_part = left.told_in_part || !told.is_zero();
        let booked = left.booked + rest;
        if told_in_part && self.is_within(instrument, booked, ROUNDINGS_TOGETHER) {
            self.aside.set_left(Leftover { booked: Money::ZERO, ..left });
            return rest - booked;
        }
        self.aside.set_left(Leftover { booked, told_in_part, ..left });
        rest
    }

    /// True where a late profit or loss is so small that the settlements of the closes since may have had it in them without
    /// anybody seeing it: nobody can tell, and it is not booked. What is yet to be settled will tell.
    #[cold]
    fn is_within_told(&self, late: Money, left: &Leftover, since: u64) -> bool {
        if !self.is_within(left.instrument, late, ROUNDINGS_TOGETHER) {
            return false;
        }
        let mut told: i128 = 0;
        for one in self.traded(left.instrument, left.side as usize) {
            if one.is_unsettled_close() {
                return false;
            }
            if one.fill.seq >= since && is_told_close(one.fill) {
                told = told.saturating_add(1);
            }
        }
        // What is left of earlier positions stands in the same sum: it must be enough, and each close tells two units at most.
        let is_in_small = late.0.signum() == left.small.0.signum() && late.abs() <= left.small.abs();
        self.is_within(left.instrument, late, told)
            || self.is_within(left.instrument, late - left.small, told)
            || (is_in_small && self.is_within(left.instrument, late, told.saturating_mul(ROUNDINGS)))
    }

    /// True where what the venue has told of an instrument cannot be held against its fills yet: one is settled and has
    /// not come, so that a book that is flat here holds a position there; or one's price is not the venue's.
    #[cold]
    fn cannot_tell(&self, instrument: u32) -> bool {
        let is_ahead = |order: &Order| order.instrument == instrument && order.is_settled_ahead();
        let is_unpriced =
            |one: &Unpriced| one.instrument == instrument && self.orders.get(one.order).is_some();
        self.aside.unpriced.iter().any(is_unpriced)
            || (self.orders.unseen() > 0 && self.orders.iter().any(is_ahead))
    }

    /// The step in which an order's first fill was booked.
    pub(crate) fn first_fill_of(&self, place: u32) -> u64 {
        self.orders.at(place).fills.iter().map(|fill| fill.seq).min().unwrap_or(0)
    }

    /// What of a late profit or loss comes into the wallet now. Where nobody can tell yet, it is held.
    #[cold]
    pub(crate) fn book_late(&mut self, instrument: u32, side: usize, late: Money, since: u64) -> Money {
        if self.hold_late(instrument, side, late) {
            return Money::ZERO;
        }
        let late = self.untold(instrument, side, late, since);
        self.add_to_unsettled(instrument, side, late, |one| one.is_unsettled_close() || one.carries_late());
        late
    }

    /// Holds a late profit or loss, where nobody can tell yet whether it was told. True where that is so.
    pub(crate) fn hold_late(&mut self, instrument: u32, side: usize, late: Money) -> bool {
        let holds = !late.is_zero() && self.cannot_tell(instrument);
        if holds {
            self.aside.hold(instrument, side, late);
        }
        holds
    }

    /// News of a fill have come: what was held because of it can be told apart now.
    #[cold]
    pub(crate) fn release_late(&mut self, instrument: u32, reference: &Id) {
        if self.aside.held.is_empty() || self.cannot_tell(instrument) {
            return;
        }
        let held = self.aside.take_held(instrument);
        for (side, late) in held.into_iter().enumerate().filter(|(_, late)| !late.is_zero()) {
            if !self.books[instrument as usize].book[side].qty.is_zero() {
                // There is a position after all: it has cost so much less.
                let told = self.take_told(instrument, side, late);
                let rest = late - told;
                if !self.is_all_told(instrument, side, told, rest) {
                    self.books[instrument as usize].book[side].cost -= rest;
                }
                continue;
            }
            let amount = self.book_late(instrument, side, late, 0);
            let settle = self.instruments[instrument as usize].settle;
            let posting = Posting {
                cause: Cause::FillRepriced,
                from: Account::RealizedPnl,
                to: Account::Wallet,
                slot_id: None,
                trade_id: &Id::EMPTY,
                reference,
            };
            self.ledger.post(self.seq, settle, amount, posting);
            if self.aside.bots.is_some() {
                // The trades have it already.
                let between = Posting { cause: Cause::InterSlot, to: Account::InterSlot, ..posting };
                self.ledger.post(self.seq, settle, -amount, between);
            }
            self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
        }
    }

    /// True where what is left of late news that were held is no more than the roundings of what has told them.
    #[cold]
    fn is_all_told(&self, instrument: u32, side: usize, told: Money, rest: Money) -> bool {
        if told.is_zero() {
            return self.is_within_told(rest, &self.aside.left(instrument, side), 0);
        }
        self.is_within(instrument, rest, ROUNDINGS_TOGETHER)
    }
}
