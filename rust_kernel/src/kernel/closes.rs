//! What the closes since a fill tell of it: each is settled by the venue's own figure, which knows what is heard late here.

use super::Kernel;
use super::aside::Leftover;
use super::late::ROUNDINGS_TOGETHER;
use crate::num::{Money, Qty};
use crate::order::{Fill, Order, OrderRole};

/// A fill in a book, and the order that it is of.
#[derive(Clone, Copy)]
pub(super) struct Traded<'a> {
    place: u32,
    at: usize,
    order: &'a Order,
    pub(super) fill: &'a Fill,
}

impl Traded<'_> {
    /// True where it may have closed what an order has opened: what trades on that order's own side has not.
    fn may_close(&self, of: &Order) -> bool {
        // Which side a stranger's was on may not be known.
        self.order.order_side != of.order_side || self.order.role == OrderRole::External
    }

    /// True where a fill's settlement will tell a profit. An exit that has opened here, heard before what it closed, closed at
    /// the venue; so did what the venue forced on the account.
    pub(super) fn is_unsettled_close(&self) -> bool {
        let closes_there = self.order.role == OrderRole::Exit || self.fill.forced;
        !self.fill.settled && (self.fill.closed > Qty::ZERO || (closes_there && self.fill.qty > Qty::ZERO))
    }

    /// True for what has closed nothing and is to be settled, where late news wait in its profit for that: what comes beside
    /// them in the meantime is told with them.
    pub(super) fn carries_late(&self) -> bool {
        self.is_unsettled() && self.fill.closed.is_zero() && !self.fill.realized.is_zero()
    }

    /// True where a settlement is still to come. What was inferred has no id, and may never have one.
    fn is_unsettled(&self) -> bool {
        !self.fill.settled && !self.fill.venue_trade_id.is_empty()
    }
}

/// True where a fill's settlement has told a profit. Heard in another order, it may have closed at the venue alone.
pub(super) fn is_told_close(fill: &Fill) -> bool {
    fill.profit_told && (fill.closed > Qty::ZERO || !fill.realized.is_zero())
}

impl Kernel {
    /// All fills in a book.
    pub(super) fn traded(&self, instrument: u32, side: usize) -> impl Iterator<Item = Traded<'_>> {
        let is_its = move |order: &Order| {
            order.number != 0 && order.instrument == instrument && order.position_side as usize == side
        };
        let places = self.orders.places().iter().enumerate().filter(move |(_, order)| is_its(order));
        places.flat_map(|(place, order)| {
            let fills = order.fills.iter().enumerate();
            fills.map(move |(at, fill)| Traded { place: place as u32, at, order, fill })
        })
    }

    /// True where a close of what an order has opened may have been settled with a profit: one that came after the order's
    /// first fill.
    pub(super) fn has_told_since(&self, place: u32) -> bool {
        let of = self.orders.at(place);
        let first = self.first_fill_of(place);
        self.traded(of.instrument, of.position_side as usize)
            .any(|one| one.may_close(of) && one.fill.seq >= first && is_told_close(one.fill))
    }

    /// True where the closes since a fill have told, or will tell, all that news of it change: at the venue nothing was traded
    /// between the fill and the news, so that each close was made by what the news say; and each is settled by the venue's
    /// own figure.
    pub(super) fn is_told_by_closes(&self, place: u32, at: usize, news_ns: i64) -> bool {
        let of = self.orders.at(place);
        let Some(fill) = of.fills.get(at) else { return false };
        let fill_ns = fill.venue_time_ns;
        if fill_ns == 0 || news_ns == 0 {
            return false;
        }
        let (mut tells, mut since) = (false, false);
        // An order's own fills are all on one side, and close nothing of each other.
        let others = self.traded(of.instrument, of.position_side as usize).filter(|one| one.place != place);
        for one in others.filter(|one| !one.fill.busted) {
            tells |= one.fill.profit_told;
            // What was heard before it came before it: a stamp that denies that is of a clock that is off.
            if one.fill.seq <= fill.seq {
                continue;
            }
            since = true;
            let between = fill_ns < news_ns && (fill_ns..=news_ns).contains(&one.fill.venue_time_ns);
            let will_tell = one.fill.profit_told || one.is_unsettled();
            if !will_tell || (between && one.may_close(of)) {
                return false;
            }
        }
        tells && since
    }

    /// What of such news comes into the wallet now: what settlements that are still to come take out of it again.
    #[cold]
    pub(super) fn leave_to_closes(&mut self, place: u32, late: Money) -> Money {
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let rest = late - self.take_beside(instrument, side, late);
        let left = self.aside.left(instrument, side);
        let is_rounding = |amount| self.is_within(instrument, amount, ROUNDINGS_TOGETHER);
        if !is_rounding(rest) && is_rounding(rest + left.booked) {
            // The closes told the sum of this and of late news that came before it: what seemed untold of those was this.
            self.aside.set_left(Leftover { booked: Money::ZERO, ..left });
            return -left.booked;
        }
        if self.add_to_unsettled(instrument, side, rest, |one| one.place != place && one.is_unsettled()) {
            return rest;
        }
        if !self.is_within(instrument, rest, ROUNDINGS_TOGETHER) {
            self.books[instrument as usize].told_beside[side] -= rest;
        }
        Money::ZERO
    }

    /// A late profit or loss comes into the wallet before the close is settled that it is part of: the settlement will have it
    /// in it. It counts with the last one that may be that; false where there is none.
    #[cold]
    pub(super) fn add_to_unsettled(
        &mut self,
        instrument: u32,
        side: usize,
        late: Money,
        may_tell: impl Fn(&Traded<'_>) -> bool,
    ) -> bool {
        if late.is_zero() {
            return false;
        }
        let traded = self.traded(instrument, side).filter(may_tell);
        let last = traded.max_by_key(|one| (one.fill.seq, one.order.number, one.at));
        let Some((place, at)) = last.map(|one| (one.place, one.at)) else { return false };
        self.orders.at_mut(place).fills[at].realized += late;
        true
    }
}
