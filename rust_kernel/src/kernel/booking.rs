//! Booking: what a fill and an order's end do to order, slot, book, ledger and exposure.

use super::Kernel;
use super::amend::worst_case;
use super::spot::{base_amount, shrinkage};
use crate::effect::Effects;
use crate::fees;
use crate::id::Id;
use crate::instrument::Instrument;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind, Liquidity, OrderDoubt, OrderSide, TradeStage,
    VenueOrderStatus,
};
use crate::num::{Money, Price, Qty, Rounding, multiply_divide};
use crate::order::{Fill, Order, OrderRef, OrderRole};
use crate::position::{Basis, Closing};
use crate::slot::classify::{Change, Seat, symbol};
use crate::slot::table::Symbol;

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
        let order = self.orders.at_mut(place);
        let sign = order.order_side.sign();
        order.filled += fill.qty;
        order.filled_value += fill.value;
        if fill.inferred {
            order.inferred += fill.qty;
        }
        let (instrument, position_side, role) = (order.instrument, order.position_side, order.role);
        let (slot_id, trade_number) = (order.slot_id, order.trade_number);
        let rules = &self.instruments[instrument as usize];
        let is_spot = rules.base.is_some();
        let value = rules.basis_sign(fill.value);
        let (qty, value) = if sign > 0 { (fill.qty, value) } else { (-fill.qty, -value) };

        let books = &mut self.books[instrument as usize];
        let book = &mut books.book[position_side as usize];
        let cost_before = book.cost;
        let closing = book.apply(qty, value);
        let cost_change = book.cost - cost_before;
        if self.instruments[instrument as usize].mark.is_none() {
            books.last_price = Some(fill.price);
        }
        let owner = self.owner_of(role, slot_id, trade_number).filter(|slot_id| !self.moved_on(*slot_id));
        let own = match (owner, fill.forced) {
            (None, Some(reason)) => self.reduce_slots(place, fill, reason, effects),
            (Some(slot_id), _) => self.attribute(slot_id, role, qty, value, position_side as usize, effects),
            (None, None) => {
                if role != OrderRole::External {
                    self.notice(effects, Code::OrphanFill, Some(slot_id));
                }
                self.books[instrument as usize].unassigned[position_side as usize].apply(qty, value).realized
            }
        };
        let unseen = if venue_trade_id.is_empty() {
            None
        } else {
            self.orders.take_unseen(instrument, venue_trade_id)
        };
        let realized = if is_spot {
            self.book_exchange(place, owner, &closing, (qty, cost_change), own, venue_trade_id)
        } else {
            self.book_profit(place, owner, &closing, own, unseen.as_ref(), venue_trade_id)
        };
        let (fee, fee_asset, fee_predicted) =
            self.book_fee(place, owner, fill, fee_asset, unseen.as_ref(), venue_trade_id);
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
            liquidity: fill.liquidity,
            liquidity_assumed: fill.liquidity_assumed,
            fee_predicted,
            settled: unseen.is_some(),
            inferred: fill.inferred,
            price_pending: fill.price_pending,
            busted: false,
            seq,
            venue_time_ns: fill.venue_time_ns,
        });
        if fill.venue_time_ns <= self.funding.last_open_ns && fill.venue_time_ns != 0 {
            self.repredict(place, owner, qty, fill.venue_time_ns);
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
        let instrument = slot.instrument as usize;
        let rest = self.books[instrument].unassigned[position_side].apply(whole.qty, whole.cost).realized;
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
        unseen: Option<&Fill>,
        reference: &Id,
    ) -> Money {
        if closing.closed.is_zero() && own.is_zero() && unseen.is_none() {
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
        // The venue's own figure, where it told one ahead, is booked already and stands.
        let told = unseen.filter(|ahead| !ahead.price_pending).map(|ahead| ahead.realized);
        if told.is_none() {
            let profit = posting(Cause::RealizedPnl, Account::RealizedPnl, Account::Wallet);
            self.ledger.post(self.seq, settle, realized, profit);
        }
        let between = posting(Cause::InterSlot, Account::RealizedPnl, Account::InterSlot);
        self.ledger.post(self.seq, settle, own - closing.realized, between);
        self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
        told.unwrap_or(realized)
    }

    /// Books the fee: the venue's, the one settled ahead of the fill, or the predicted one. Returns it, its asset, and
    /// whether it is predicted.
    #[inline]
    fn book_fee(
        &mut self,
        place: u32,
        owner: Option<u32>,
        fill: &NewFill,
        fee_asset: Option<u16>,
        unseen: Option<&Fill>,
        venue_trade_id: &Id,
    ) -> (Money, u16, bool) {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let (fee, asset, cause) = match (unseen, fill.fee) {
            (Some(ahead), _) if !ahead.fee_predicted => (ahead.fee, ahead.fee_asset, None),
            (_, Some(fee)) => {
                let asset = fee_asset.unwrap_or_else(|| fees::paid_in(rules, order.order_side, fee.0 < 0));
                (fee, asset, Some(Cause::Fee))
            }
            (_, None) => {
                let (fee, asset) =
                    self.predicted_fee(rules, order.order_side, fill.qty, fill.value, fill.liquidity);
                (fee, asset, Some(Cause::FeePredicted))
            }
        };
        let predicted = cause == Some(Cause::FeePredicted);
        if let Some(cause) = cause {
            let posting = Posting {
                cause,
                from: Account::Wallet,
                to: Account::Fees,
                slot_id: owner,
                trade_id: &order.trade_id,
                reference: venue_trade_id,
            };
            self.ledger.post(self.seq, asset, fee, posting);
        }
        let exchange = &mut self.assets[usize::from(asset)].exchange;
        exchange.booked_time_ns = self.now_ns;
        if predicted {
            exchange.unsettled_fees += fee;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_add(1);
        }
        if let Some(slot_id) = owner
            && asset == settle
        {
            self.slots[slot_id as usize].fees += fee;
        }
        (fee, asset, predicted)
    }

    /// The asset of a fee that came without one.
    pub(crate) fn paid_in(&self, place: u32, fee: Money) -> u16 {
        let order = self.orders.at(place);
        fees::paid_in(&self.instruments[order.instrument as usize], order.order_side, fee.0 < 0)
    }

    /// What a fill will cost, and in which asset.
    #[inline(always)]
    pub(crate) fn predicted_fee(
        &self,
        rules: &Instrument,
        side: OrderSide,
        qty: Qty,
        value: Money,
        liquidity: Liquidity,
    ) -> (Money, u16) {
        let in_settle = (fees::predicted(rules, value, liquidity), rules.settle);
        if rules.base.is_none() && rules.fee_asset.is_none() {
            return in_settle;
        }
        self.predicted_fee_elsewhere(rules, side, qty, value, liquidity).unwrap_or(in_settle)
    }

    /// The same where fees may be paid in another asset than the settlement's: `None` where they are not, or the other one
    /// cannot be priced. Then the prediction is in the settlement asset, and the settled fee puts it right.
    #[cold]
    fn predicted_fee_elsewhere(
        &self,
        rules: &Instrument,
        side: OrderSide,
        qty: Qty,
        value: Money,
        liquidity: Liquidity,
    ) -> Option<(Money, u16)> {
        let is_rebate = fees::predicted(rules, value, liquidity).0 < 0;
        let asset = rules.fee_asset.unwrap_or_else(|| fees::paid_in(rules, side, is_rebate));
        if asset == rules.settle {
            return None;
        }
        if rules.base == Some(asset) {
            return Some((fees::predicted(rules, base_amount(rules, qty), liquidity), asset));
        }
        let source = rules.fee_price_from?;
        let price = self.valuation_price(source)?;
        let source = &self.instruments[source as usize];
        fees::predicted_in_other(rules, value, liquidity, source, price).map(|fee| (fee, asset))
    }

    /// Corrects a booked fee to the venue's. `fill_at` is the fill's position in its order.
    pub(crate) fn correct_fee(&mut self, place: u32, fill_at: usize, fee: Money, asset: u16, reference: &Id) {
        self.change_fee(Cause::FeeSettled, place, fill_at, (fee, asset), reference);
    }

    /// Makes a booked fee another one, for good: it is no prediction any more.
    pub(crate) fn change_fee(
        &mut self,
        cause: Cause,
        place: u32,
        fill_at: usize,
        (fee, asset): (Money, u16),
        reference: &Id,
    ) {
        let order = self.orders.at(place);
        let fill = &order.fills[fill_at];
        let (old_fee, old_asset, was_predicted) = (fill.fee, fill.fee_asset, fill.fee_predicted);
        if fee == old_fee && asset == old_asset {
            // As it was predicted: nothing moves.
            return self.confirm_fee(place, fill_at, was_predicted);
        }
        let owner = self.owner_of(order.role, order.slot_id, order.trade_number);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let shrunk = shrinkage(rules, fee, asset) - shrinkage(rules, old_fee, old_asset);
        let posting = Posting {
            cause,
            from: Account::Wallet,
            to: Account::Fees,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        if old_asset == asset {
            self.ledger.post(self.seq, asset, fee - old_fee, posting);
        } else {
            self.ledger.post(self.seq, old_asset, -old_fee, posting);
            self.ledger.post(self.seq, asset, fee, posting);
        }
        if was_predicted {
            let exchange = &mut self.assets[usize::from(old_asset)].exchange;
            exchange.unsettled_fees -= old_fee;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_sub(1);
        }
        self.assets[usize::from(asset)].exchange.booked_time_ns = self.now_ns;
        if let Some(slot_id) = owner {
            let slot = &mut self.slots[slot_id as usize];
            if old_asset == settle {
                slot.fees -= old_fee;
            }
            if asset == settle {
                slot.fees += fee;
            }
        }
        let fill = &mut self.orders.at_mut(place).fills[fill_at];
        fill.fee = fee;
        fill.fee_asset = asset;
        fill.fee_predicted = false;
        if !shrunk.is_zero() {
            self.shrink_position(place, owner, shrunk, reference);
        }
    }

    /// A booked fee is the venue's own.
    #[inline]
    fn confirm_fee(&mut self, place: u32, fill_at: usize, was_predicted: bool) {
        let fill = &mut self.orders.at_mut(place).fills[fill_at];
        fill.fee_predicted = false;
        let exchange = &mut self.assets[usize::from(fill.fee_asset)].exchange;
        exchange.booked_time_ns = self.now_ns;
        if was_predicted {
            exchange.unsettled_fees -= fill.fee;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_sub(1);
        }
    }

    /// Moves the fills of an order that was taken for a stranger's to the order of ours that it is: out of the
    /// unassigned book, into the slot. Book, wallet and fees have them already.
    #[cold]
    pub(crate) fn adopt_stray(&mut self, place: u32, stray: u32, effects: &mut Effects) {
        let first = self.orders.at(place).fills.len();
        let (fills, corrections) = self.orders.take_external(stray);
        let brings = fills.iter().any(|fill| !fill.qty.is_zero());
        for fill in fills {
            let order = self.orders.at_mut(place);
            let (instrument, role, side) = (order.instrument, order.role, order.position_side as usize);
            let rules = &self.instruments[instrument as usize];
            // In bounds when it was booked.
            let value = rules.value(fill.price, fill.qty).unwrap_or_default();
            let (settle, sign) = (rules.settle, order.order_side.sign());
            order.filled += fill.qty;
            order.filled_value += value;
            let given = rules.basis_sign(value);
            let (qty, signed) = if sign > 0 { (fill.qty, given) } else { (-fill.qty, -given) };
            let (slot_id, trade_number) = (order.slot_id, order.trade_number);
            let owner = self.owner_of(role, slot_id, trade_number).filter(|slot_id| !self.moved_on(*slot_id));
            if let Some(slot_id) = owner {
                let by = shrinkage(rules, fill.fee, fill.fee_asset);
                let strangers = &mut self.books[instrument as usize].unassigned[side];
                strangers.shrink(-by);
                let back = strangers.apply(-qty, -signed).realized;
                let own = self.attribute(slot_id, role, qty, signed, side, effects);
                let own = own - self.shrink_home(place, owner, by);
                let order = self.orders.at(place);
                let between = Posting {
                    cause: Cause::InterSlot,
                    from: Account::RealizedPnl,
                    to: Account::InterSlot,
                    slot_id: owner,
                    trade_id: &order.trade_id,
                    reference: &fill.venue_trade_id,
                };
                self.ledger.post(self.seq, settle, own + back, between);
                if fill.fee_asset == settle {
                    self.slots[slot_id as usize].fees += fill.fee;
                }
            }
            let id = fill.venue_trade_id.clone();
            self.orders.add_fill(place, &id, || fill);
        }
        for correction in corrections {
            self.orders.add_correction(
                place,
                &correction.id,
                first.saturating_add(correction.fill_at as usize),
            );
        }
        self.refresh_reservation(place);
        if brings {
            // Where all of them were busted, nothing has happened.
            self.after_fills(place, false, effects);
        }
    }

    /// What fills make of their order's status, and of its slot.
    #[inline]
    pub(crate) fn after_fills(&mut self, place: u32, complete: bool, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        if order.doubt == OrderDoubt::Submit {
            order.doubt = OrderDoubt::None;
        }
        let complete = complete || order.filled >= order.qty;
        if order.status.is_ended() {
            // Ended stays ended: the fill is late, the money is real.
            if complete && order.filled >= order.qty {
                order.status = VenueOrderStatus::Filled;
            }
            return self.after_change(place, Change::LateFilled, effects);
        }
        if complete {
            return self.end_order(place, VenueOrderStatus::Filled, Change::Filled, effects);
        }
        // Pending states outrank working ones, and so does a guarantee.
        let outranked = matches!(
            order.status,
            VenueOrderStatus::PendingCancel | VenueOrderStatus::PendingReplace | VenueOrderStatus::Stopped
        );
        if !outranked {
            order.status = VenueOrderStatus::PartiallyFilled;
        }
        self.after_change(place, Change::Filled, effects);
    }

    /// Gives inferred fills, oldest first, the real price and id. Quantity does not move; the fee, where the venue
    /// told it, goes whole to the first of them.
    pub(crate) fn replace_inferred(
        &mut self,
        place: u32,
        fill: &NewFill,
        venue_trade_id: &Id,
        fee_asset: Option<u16>,
    ) {
        let instrument = self.orders.at(place).instrument;
        let ahead = self.orders.take_unseen(instrument, venue_trade_id);
        let (mut fee, fee_asset) = match &ahead {
            Some(ahead) if !ahead.fee_predicted => (Some(ahead.fee), Some(ahead.fee_asset)),
            Some(_) | None => (fill.fee, fee_asset),
        };
        if let Some(ahead) = &ahead {
            self.unbook_ahead(place, ahead);
        }
        let mut left = fill.qty;
        while left.0 > 0 {
            let order = self.orders.at(place);
            let Some(at) = order.fills.iter().position(|booked| booked.inferred) else { return };
            let booked = order.fills[at].qty;
            let part = if booked < left { booked } else { left };
            left -= part;
            self.replace_part(place, at, part, fill, venue_trade_id);
            // Where a mark takes the position's value out of bounds, it counts at its cost, which is another now.
            self.refresh_exposure(instrument);
            if let Some(fee) = fee.take() {
                let asset = fee_asset.unwrap_or_else(|| self.paid_in(place, fee));
                self.correct_fee(place, at, fee, asset, venue_trade_id);
            }
        }
    }

    /// Takes back what was booked for a fill settled ahead: it stands in an inferred fill's place now.
    #[cold]
    fn unbook_ahead(&mut self, place: u32, ahead: &Fill) {
        let order = self.orders.at(place);
        let settle = self.instruments[order.instrument as usize].settle;
        let posting = |from, to| Posting {
            cause: Cause::UnseenFill,
            from,
            to,
            slot_id: None,
            trade_id: &order.trade_id,
            reference: &ahead.venue_trade_id,
        };
        self.ledger.post(self.seq, settle, -ahead.realized, posting(Account::RealizedPnl, Account::Wallet));
        self.ledger.post(self.seq, ahead.fee_asset, -ahead.fee, posting(Account::Wallet, Account::Fees));
    }

    fn replace_part(&mut self, place: u32, at: usize, part: Qty, fill: &NewFill, venue_trade_id: &Id) {
        let order = self.orders.at_mut(place);
        let booked = &order.fills[at];
        let (instrument, slot_id, role) = (order.instrument, order.slot_id, order.role);
        let (trade_number, position_side) = (order.trade_number, order.position_side as usize);
        let rules = &self.instruments[instrument as usize];
        // Parts of values that were in bounds.
        let old_value = rules.value(booked.price, part).unwrap_or_default();
        let change = rules.value(fill.price, part).unwrap_or_default() - old_value;
        let given = rules.basis_sign(change);
        let signed = if order.order_side.sign() > 0 { given } else { -given };
        if part < booked.qty {
            // The rest waits on as an inferred fill of its own, with its share of what was booked.
            let share = |whole: Money| {
                Money(multiply_divide(whole.0, part.0, booked.qty.0, Rounding::HalfEven).unwrap_or_default())
            };
            let (mut fee, realized) = (share(booked.fee), share(booked.realized));
            if rules.base == Some(booked.fee_asset) {
                // On the quantity's grid, so that both parts take out of the position what the whole took.
                fee = base_amount(rules, shrinkage(rules, fee, booked.fee_asset));
            }
            let closed = if booked.closed < part { booked.closed } else { part };
            let mut rest = booked.clone();
            rest.qty -= part;
            rest.closed -= closed;
            rest.fee -= fee;
            rest.realized -= realized;
            if rest.fee_predicted {
                let exchange = &mut self.assets[usize::from(rest.fee_asset)].exchange;
                exchange.unsettled_fills = exchange.unsettled_fills.saturating_add(1);
            }
            let first = &mut order.fills[at];
            (first.qty, first.fee, first.realized, first.closed) = (part, fee, realized, closed);
            order.fills.push(rest);
        }
        let booked = &mut order.fills[at];
        booked.price = fill.price;
        booked.liquidity = fill.liquidity;
        booked.liquidity_assumed = fill.liquidity_assumed;
        booked.price_pending = fill.price_pending;
        order.filled_value += change;
        order.inferred -= part;
        self.orders.name_fill(place, at, venue_trade_id);
        let repriced = self.reprice(instrument, position_side, signed, place, venue_trade_id);
        self.orders.at_mut(place).fills[at].realized += repriced;
        if let Some(slot_id) = self.owner_of(role, slot_id, trade_number) {
            let slot = &mut self.slots[slot_id as usize];
            if role == OrderRole::Entry {
                slot.entry_value += change;
            }
            if slot.basis.qty.is_zero() || role == OrderRole::Exit {
                slot.realized -= signed;
            } else {
                slot.basis.cost += signed;
            }
        }
    }

    /// A fill's price became known: the difference goes into the open position's cost, or where none is left, into
    /// the realised profit. Returns what the wallet got.
    fn reprice(&mut self, instrument: u32, side: usize, signed: Money, place: u32, reference: &Id) -> Money {
        let order = self.orders.at(place);
        let book = &mut self.books[instrument as usize].book[side];
        let opened = order.role != OrderRole::Exit && !book.qty.is_zero();
        let rules = &self.instruments[instrument as usize];
        if opened {
            book.cost += signed;
            if rules.base.is_none() {
                return Money::ZERO;
            }
        }
        let posting = Posting {
            cause: Cause::FillRepriced,
            from: if opened { Account::Inventory } else { Account::RealizedPnl },
            to: Account::Wallet,
            slot_id: self.owner_of(order.role, order.slot_id, order.trade_number),
            trade_id: &order.trade_id,
            reference,
        };
        let exact = rules.base.is_some();
        let amount =
            if exact { -signed } else { (-signed).rounded(rules.spec.fee_decimals, Rounding::HalfEven) };
        self.ledger.post(self.seq, rules.settle, amount, posting);
        self.assets[usize::from(rules.settle)].exchange.booked_time_ns = self.now_ns;
        if opened { Money::ZERO } else { amount }
    }

    /// Holds back what an entry may still fill, and what an order may that was at work when the account was opened.
    #[inline]
    pub(crate) fn refresh_reservation(&mut self, place: u32) {
        let order = self.orders.at(place);
        let increases = match order.role {
            OrderRole::Entry => true,
            OrderRole::Exit => false,
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
            Some(price) => exposure_of(&self.instruments[instrument as usize], price, &books.book),
            None => Money::ZERO,
        };
        self.exposure.set_position(instrument, value);
    }

    /// Ends an order: nothing of it works any more. Late fills may still come.
    pub(crate) fn end_order(
        &mut self,
        place: u32,
        status: VenueOrderStatus,
        change: Change,
        effects: &mut Effects,
    ) {
        let order = self.orders.at_mut(place);
        if order.extra.is_some() || order.order_type.is_protective() {
            return self.end_unusual(place, status, change, effects);
        }
        order.status = status;
        order.cancel_requested = false;
        order.doubt = OrderDoubt::None;
        if !order.reserved.is_zero() {
            self.refresh_reservation(place);
        }
        self.after_change(place, change, effects);
        self.retire(place);
    }

    /// The same of an order with a trigger, a group or a change on the way.
    #[cold]
    #[inline(never)]
    fn end_unusual(&mut self, place: u32, status: VenueOrderStatus, change: Change, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        let unguarded = Kernel::is_failing_stop(order, status);
        order.status = status;
        order.cancel_requested = false;
        // What is filled may still be amended up; what ended otherwise may not. A group holds nothing back for what
        // has ended: there the answer counts when it comes.
        let grows = status == VenueOrderStatus::Filled
            && order.amendment().is_some_and(|amendment| amendment.qty > order.filled);
        let amendable = grows && order.oco_group().is_none();
        if !amendable || order.doubt != OrderDoubt::Amend {
            order.doubt = OrderDoubt::None;
        }
        if let (Some(extra), false) = (&mut order.extra, amendable) {
            let amendment = extra.amendment.take();
            extra.given_up = amendment.filter(|_| grows);
        }
        self.refresh_reservation(place);
        self.after_change(place, change, effects);
        if unguarded {
            self.protection_failed(place, effects);
        }
        self.retire(place);
    }

    /// Moves the order's slot by the table, if it still carries the order's trade.
    #[inline]
    pub(crate) fn after_change(&mut self, place: u32, change: Change, effects: &mut Effects) {
        let order = self.orders.at(place);
        let has_extra = order.extra.is_some();
        if has_extra {
            self.after_group_change(place, effects);
        }
        let order = self.orders.at(place);
        let (role, status, number) = (order.role, order.status, order.number);
        let Some(slot_id) = self.owner_of(role, order.slot_id, order.trade_number) else { return };
        if change == Change::LateFilled && self.moved_on(slot_id) {
            return;
        }
        let mut newest = true;
        if role == OrderRole::Exit {
            let slot = &self.slots[slot_id as usize];
            newest = slot.exit.is_some_and(|exit| exit.number == number);
            let others = !slot.other_exits.is_empty();
            if change == Change::Ended && newest && !slot.basis.qty.is_zero() {
                self.withdraw_reason(slot_id);
            }
            if others && status.is_ended() {
                self.drop_ended_exit(slot_id, number);
            }
        }
        let seat = Seat { role, newest, live: !status.is_ended() };
        let slot = &self.slots[slot_id as usize];
        let facts = self.facts(slot);
        let Some(mut symbol) = symbol(seat, change, facts) else { return };
        if symbol == Symbol::ExitLateFilled && slot.stage == TradeStage::PositionOpen && !facts.holds {
            symbol = Symbol::ExitLateFilledFlat;
        }
        self.move_slot(slot_id, symbol, effects);
        if has_extra && !newest && status == VenueOrderStatus::Filled && !facts.holds {
            self.take_reason(slot_id, place);
        }
        let slot = &mut self.slots[slot_id as usize];
        let cut_short = || {
            role == OrderRole::Entry
                && change == Change::Ended
                && status != VenueOrderStatus::Filled
                && slot.stage == TradeStage::PositionOpen
        };
        if (slot.stage == TradeStage::Closed || cut_short()) && slot.close_reason.is_empty() {
            slot.close_reason = close_reason(role, status);
        }
        if slot.unprotected {
            self.refresh_protection(slot_id);
        }
        // A venue that has just refused refuses again, before the news that say why have come: never at once.
        if facts.exit.is_some() && !facts.holds && change != Change::CancelRefused {
            self.call_off_exits(slot_id, effects);
        }
    }

    /// Not the newest exit has closed the trade: what that one was for is not why.
    #[cold]
    fn take_reason(&mut self, slot_id: u32, place: u32) {
        if let Some(extra) = &self.orders.at(place).extra {
            self.slots[slot_id as usize].close_reason.clone_from(&extra.reason);
        }
    }

    /// Lets an ended order be forgotten in its turn, but not while its slot carries its trade.
    #[inline]
    pub(crate) fn retire(&mut self, place: u32) {
        let reference = OrderRef { place, number: self.orders.at(place).number };
        let slots = &self.slots;
        let pinned = |order: &Order| {
            !order.reserved.is_zero()
                || slots.get(order.slot_id as usize).is_some_and(|slot| {
                    order.role != OrderRole::External
                        && slot.trade_number == order.trade_number
                        && !slot.stage.is_free()
                })
        };
        self.orders.retire(reference, pinned);
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

/// Why a trade ended, where the strategy did not say.
fn close_reason(role: OrderRole, status: VenueOrderStatus) -> Id {
    let text = match (role, status) {
        (OrderRole::Exit, _) | (_, VenueOrderStatus::Filled) => "EXIT",
        (_, VenueOrderStatus::Rejected) => "REJECTED",
        (_, VenueOrderStatus::Expired) => "EXPIRED",
        (_, VenueOrderStatus::DoneForDay) => "DONE_FOR_DAY",
        (_, _) => "CANCELED",
    };
    Id::new(text).unwrap_or_default()
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
