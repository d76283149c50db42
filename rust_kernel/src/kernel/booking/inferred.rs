//! Inferred fills: only a cumulative quantity told of them, until the real ones take their place.

use super::NewFill;
use crate::bots::Figure;
use crate::id::Id;
use crate::kernel::Kernel;
use crate::kernel::booking::sign_as;
use crate::kernel::refold::{Edit, Moved};
use crate::kernel::spot::{base_amount, shrinkage};
use crate::ledger::{Account, Cause, Posting};
use crate::names::OrderSide;
use crate::num::{Money, Qty, Rounding, multiply_divide};
use crate::order::{Fill, OrderRole};
use crate::planted::{Bug, planted};

impl Kernel {
    /// Gives inferred fills, oldest first, the real price and id. Quantity does not move; the fee, where the venue
    /// reported it, goes whole to the first of them, and is predicted again where it did not.
    pub(crate) fn replace_inferred(
        &mut self,
        place: u32,
        fill: &NewFill,
        venue_trade_id: &Id,
        fee_asset: Option<u16>,
    ) {
        let instrument = self.orders.at(place).instrument;
        let mut told = fill.fee.map(|fee| (fee, fee_asset.unwrap_or_else(|| self.paid_in(place, fee))));
        let mut left = fill.qty;
        while left.0 > 0 {
            let order = self.orders.at(place);
            let Some(at) = order.fills.iter().position(|booked| booked.inferred) else { return };
            let booked = order.fills[at].qty;
            let part = if booked < left { booked } else { left };
            left -= part;
            self.replace_part(place, at, part, fill, venue_trade_id);
            self.date_back(place, at, fill.venue_time_ns);
            // Where a mark takes the position's value out of bounds, it counts at its cost, which is another now.
            self.refresh_exposure(instrument);
            match &mut told {
                Some((fee, asset)) => {
                    self.correct_fee(place, at, core::mem::take(fee), *asset, venue_trade_id);
                }
                None => self.predict_again(Cause::FeePredicted, place, at, venue_trade_id),
            }
        }
    }

    /// Takes back what was booked for a fill settled ahead, which was of no trade. The figures come back as the trade's
    /// with [`Kernel::settle_as_told`], once the fill is booked.
    #[inline]
    pub(crate) fn unbook_ahead(&mut self, place: u32, venue_trade_id: &Id) -> Option<Fill> {
        if self.orders.unseen() == 0 {
            return None;
        }
        let order = self.orders.at(place);
        self.unbook_unseen(order.instrument, order.order_side, venue_trade_id)
    }

    /// The same for a fill of that side, whoever's it is.
    #[cold]
    pub(crate) fn unbook_unseen(
        &mut self,
        instrument: u32,
        side: OrderSide,
        venue_trade_id: &Id,
    ) -> Option<Fill> {
        let ahead = self.orders.take_unseen(instrument, venue_trade_id, side)?;
        let settle = self.instruments[instrument as usize].settle;
        let posting = |from, to| Posting {
            cause: Cause::UnseenFill,
            from,
            to,
            slot_id: None,
            trade_id: &Id::EMPTY,
            reference: &ahead.venue_trade_id,
        };
        self.ledger.post(self.seq, settle, -ahead.realized, posting(Account::RealizedPnl, Account::Wallet));
        self.ledger.post(self.seq, ahead.fee_asset, -ahead.fee, posting(Account::Wallet, Account::Fees));
        Some(ahead)
    }

    /// Settles a fill by the figures that came ahead of it, or of its correction.
    #[cold]
    pub(crate) fn settle_as_told(&mut self, place: u32, fill_id: &Id, ahead: &Fill) {
        let fee = (!ahead.fee_predicted).then_some((ahead.fee, ahead.fee_asset));
        let realized = ahead.profit_told.then_some(ahead.realized);
        self.settle_fill(place, fill_id, fee, realized);
    }

    fn replace_part(&mut self, place: u32, at: usize, part: Qty, fill: &NewFill, venue_trade_id: &Id) {
        let order = self.orders.at(place);
        let (slot_id, role, trade_number) = (order.slot_id, order.role, order.trade_number);
        let settle = self.instruments[order.instrument as usize].settle;
        let owner = self.owner_of(role, slot_id, trade_number);
        let before = owner.and_then(|slot_id| self.own_if_known(slot_id));
        let mut moved = Moved::default();
        if part < self.orders.at(place).fills[at].qty {
            moved.add(self.part_fill(place, at, part));
        }
        moved.add(self.change_fill(place, at, Edit::Named, |booked| {
            booked.price = fill.price;
            booked.liquidity = fill.liquidity;
            booked.liquidity_assumed = fill.liquidity_assumed;
            booked.price_pending = fill.price_pending;
        }));
        if let Some(sequence) = fill.venue_sequence {
            moved.add(self.place_fill(place, at, sequence));
        }
        self.orders.at_mut(place).inferred -= part;
        self.orders.name_fill(place, at, venue_trade_id);
        // What it closed of other trades, it closed at that price.
        let repaired = self.repair(place, &[at]);
        let rest = Moved { qty: moved.qty - repaired.qty, value: moved.value - repaired.value, ..moved };
        let own = match (owner, before) {
            (Some(slot_id), Some(before)) => self.make_again(slot_id, place, before),
            (Some(slot_id), None) => self.move_linear(slot_id, place, rest),
            (None, _) if role == OrderRole::External => self.give_to_nobody(place, rest.qty, rest.value),
            (None, _) => {
                // The trade is over.
                self.add_late(place, settle, Figure::Realized, -rest.value);
                -rest.value
            }
        };
        self.post_moved(place, owner, (Cause::FillRepriced, venue_trade_id), moved, own + repaired.own);
    }

    /// Parts an inferred fill in two: the rest waits on as an inferred fill of its own, with its share of what was booked.
    fn part_fill(&mut self, place: u32, at: usize, part: Qty) -> Moved {
        let order = self.orders.at_mut(place);
        let (instrument, side) = (order.instrument as usize, order.position_side as usize);
        let rules = &self.instruments[instrument];
        let booked = &order.fills[at];
        let share = |whole: Money| {
            Money(multiply_divide(whole.0, part.0, booked.qty.0, Rounding::HalfEven).unwrap_or_default())
        };
        let (mut fee, realized) = (share(booked.fee), share(booked.realized));
        if rules.base == Some(booked.fee_asset) {
            // On the quantity's grid, so that both parts take out of the position what the whole took.
            fee = base_amount(rules, shrinkage(rules, fee, booked.fee_asset));
        }
        let before = booked.realized;
        let closed = if booked.closed < part { booked.closed } else { part };
        let mut rest = booked.clone();
        rest.qty -= part;
        rest.closed -= closed;
        rest.fee -= fee;
        rest.realized -= realized;
        let [kept, others] = Kernel::part_pairs(rest.pairs.take(), part);
        rest.pairs = others;
        if rest.fee_predicted {
            let exchange = &mut self.assets[usize::from(rest.fee_asset)].exchange;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_add(1);
        }
        let first = &mut order.fills[at];
        (first.qty, first.fee, first.realized, first.closed) = (part, fee, realized, closed);
        first.pairs = kept;
        // In bounds, as the whole was.
        let value = rules.value(first.price, part).unwrap_or_default();
        let (qty, value) = sign_as(rules, order.order_side, part, value);
        let entry = first.entry;
        let decimals = rules.base.is_none().then_some(rules.spec.fee_decimals);
        let book = &mut self.books[instrument].book[side];
        let refolded = book.part(entry, qty, value, decimals);
        let order = self.orders.at_mut(place);
        let behind = order.fills.len();
        order.fills.push(rest);
        let Some((number, refolded)) = refolded else { return Moved::default() };
        order.fills[behind].entry = number;
        self.write_back(&refolded);
        let fills = &self.orders.at(place).fills;
        let booked = refolded.booked + fills[at].realized + fills[behind].realized - before;
        let wallet = if decimals.is_some() { booked } else { refolded.exact };
        Moved { wallet, exact: refolded.exact, cost: refolded.cost, ..Moved::default() }
    }

    /// What was inferred had the time of the news; the real fill has its own, and was there at the boundaries between them.
    fn date_back(&mut self, place: u32, at: usize, venue_time_ns: i64) {
        let order = self.orders.at(place);
        let booked = &order.fills[at];
        let (inferred_ns, part) = (booked.venue_time_ns, booked.qty);
        if venue_time_ns == 0 || venue_time_ns >= inferred_ns {
            return;
        }
        let qty = if order.order_side.sign() > 0 { part } else { -part };
        let owner = self.owner_of(order.role, order.slot_id, order.trade_number);
        self.orders.at_mut(place).fills[at].venue_time_ns = venue_time_ns;
        if !planted(Bug::LateFillMissesItsBoundary) {
            self.repredict(place, owner, qty, venue_time_ns, inferred_ns);
        }
    }
}
