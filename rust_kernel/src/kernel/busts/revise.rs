//! A trade becomes what it shall be: fills, book, wallet, fee, funding, the order's status.
//!
//! A fill's trace in the book is linear: what it opened is in the book at its own value, what it closed went to the
//! wallet as its realised profit. Taking a fill back takes both back; what is left of a flat book's cost is realised.

use alloc::vec::Vec;

use super::own::{adjust, share};
use super::{Moved, Revision};
use crate::effect::Effects;
use crate::id::Id;
use crate::input::VenueEvent;
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::kernel::ahead::named_only;
use crate::kernel::booking::sign_as;
use crate::kernel::spot::base_amount;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, Severity, VenueOrderStatus};
use crate::num::{Money, Price, Qty, Rounding};
use crate::order::OrderRole;
use crate::outcome::{Detail, Outcome};
use crate::slot::classify::Change;

/// What a revision does to the book by one fill.
#[derive(Clone, Copy, Debug)]
struct Shift {
    qty: Qty,
    value: Money,
    /// How much of the value goes to the wallet.
    realized: Money,
    told: Told,
    /// When the venue did it, ns; 0 where it told no time.
    venue_time_ns: i64,
}

/// What the venue tells of what a revision leaves in a flat book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// Nothing, as far as this trade goes.
    No,
    /// It will be settled with the trade itself.
    WithIt,
    /// It was, and is taken back with the trade.
    Before,
}

impl Kernel {
    pub(super) fn commit_revision(
        &mut self,
        revision: &Revision,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        let place = revision.place;
        self.take_raise_from_inferred(revision, event);
        let parts = self.parts_of(place, &revision.fill_id);
        let fee_asset = self.fee_asset_of(place, event);
        let ahead = self.unbook_ahead(place, &revision.id);
        let before = self.key_before(place, &revision.fill_id);
        self.revise(revision, &parts, fee_asset, effects);
        self.state_revision(place, &revision.fill_id, &revision.id, before, revision.venue_time_ns);
        if let Some(at) = parts.first() {
            self.orders.add_correction(place, &revision.id, *at, revision.settles);
        }
        if let Some(ahead) = ahead {
            self.settle_as_told(place, &revision.fill_id, &ahead);
        }
        self.release_late(self.orders.at(place).instrument, &revision.fill_id);
        self.orders.link_venue_id(place, &event.venue_order_id);
        let order = self.orders.at(place);
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let over = order.role != OrderRole::External && order.filled > order.qty;
        let code = if over { Code::Overfill } else { Code::Ok };
        let mut outcome = self.answer(code, slot_id, Detail::None);
        if outcome.severity == Severity::Info {
            outcome.severity = Severity::Warning;
        }
        outcome
    }

    fn parts_of(&self, place: u32, fill_id: &Id) -> Vec<usize> {
        let fills = self.orders.at(place).fills.iter().enumerate();
        fills.filter(|(_, fill)| fill.venue_trade_id == *fill_id).map(|(at, _)| at).collect()
    }

    /// What a correction adds to a fill may have been told before, by a cumulative quantity: then that is what was added.
    fn take_raise_from_inferred(&mut self, revision: &Revision, event: &VenueEvent) {
        let order = self.orders.at(revision.place);
        let parts = order.fills.iter().filter(|fill| fill.venue_trade_id == revision.fill_id);
        let booked = parts.fold(Qty::ZERO, |sum, fill| sum + fill.qty);
        if revision.qty <= booked {
            return;
        }
        let more = revision.qty - booked;
        let more = if more < order.inferred { more } else { order.inferred };
        let named = named_only(more, revision.price, event);
        self.replace_inferred(revision.place, &named, &revision.fill_id, None);
    }

    /// A fill's price became known by a repetition of it. A profit that the venue has told stands all the same.
    #[cold]
    pub(crate) fn price_fill(&mut self, place: u32, fill_id: &Id, price: Price, effects: &mut Effects) {
        let parts = self.parts_of(place, fill_id);
        let fills = &self.orders.at(place).fills;
        let qty = parts.iter().fold(Qty::ZERO, |sum, at| sum + fills[*at].qty);
        let told = parts.iter().all(|at| fills[*at].profit_told);
        let profit = parts.iter().fold(Money::ZERO, |sum, at| sum + fills[*at].realized);
        let revision = Revision {
            place,
            fill_id: fill_id.clone(),
            id: Id::EMPTY,
            cause: Cause::FillRepriced,
            qty,
            price,
            fee: None,
            works: false,
            settles: false,
            // The venue has known it all along.
            venue_time_ns: parts.first().map_or(0, |at| fills[*at].venue_time_ns),
        };
        self.revise(&revision, &parts, None, effects);
        self.state_price(place, fill_id, price);
        if told {
            for at in &parts {
                self.orders.at_mut(place).fills[*at].settled = false;
            }
            self.settle_fill(place, fill_id, None, Some(profit));
        }
        self.release_late(self.orders.at(place).instrument, fill_id);
    }

    /// Makes a trade what it shall be: in its order, the book, the wallet, the slot, and then the stage.
    pub(crate) fn revise(
        &mut self,
        revision: &Revision,
        parts: &[usize],
        fee_asset: Option<u16>,
        effects: &mut Effects,
    ) {
        let place = revision.place;
        self.note_priced(place);
        let order = self.orders.at(place);
        let (instrument, role) = (order.instrument, order.role);
        let owner =
            self.owner_of(role, order.slot_id, order.trade_number).filter(|slot| !self.moved_on(*slot));
        if owner.is_none() && role != OrderRole::External {
            self.notice(effects, Code::OrphanFill, Some(self.orders.at(place).slot_id));
        }
        if revision.qty.is_zero() {
            // Before its quantity goes: a fee in base comes back into the position.
            self.revise_fee(revision, parts, fee_asset);
        }
        // After the fee: what it has moved in the slot must not be written over.
        let before = owner.and_then(|slot_id| self.own_if_known(slot_id));
        let moved = self.revise_fills(revision, parts);
        let repaired = self.repair(place, parts);
        let rest = Moved { qty: moved.qty - repaired.qty, value: moved.value - repaired.value, ..moved };
        let own = match (owner, before) {
            (Some(slot_id), Some(before)) => self.make_again(slot_id, place, before),
            (Some(slot_id), None) => self.move_linear(slot_id, place, rest),
            (None, _) => self.give_to_nobody(place, rest.qty, rest.value),
        };
        let own = own + repaired.own;
        self.post_revision(revision, owner, moved, own);
        if !revision.qty.is_zero() {
            self.revise_fee(revision, parts, fee_asset);
        }
        self.fund_again(revision, parts, owner, moved.qty);
        self.refresh_reservation(place);
        self.refresh_exposure(instrument);
        self.after_repair(&repaired.reopened, effects);
        self.after_revision(revision, owner, effects);
    }

    /// Changes the fills and the book.
    fn revise_fills(&mut self, revision: &Revision, parts: &[usize]) -> Moved {
        let place = revision.place;
        let mut moved = Moved::default();
        let fills = &self.orders.at(place).fills;
        let booked = parts.iter().fold(Qty::ZERO, |sum, at| sum + fills[*at].qty);
        let mut surplus = if booked > revision.qty { booked - revision.qty } else { Qty::ZERO };
        for at in parts.iter().rev() {
            let held = self.orders.at(place).fills[*at].qty;
            let part = if surplus < held { surplus } else { held };
            if !part.is_zero() {
                surplus -= part;
                moved.add(self.take_back(place, *at, part, revision));
            }
        }
        for at in parts {
            moved.add(self.reprice_part(place, *at, revision));
        }
        if let (Some(at), true) = (parts.first(), revision.qty > booked) {
            moved.add(self.extend_part(place, *at, revision.qty - booked));
        }
        let busted = revision.qty.is_zero();
        let order = self.orders.at_mut(place);
        for at in parts {
            let fill = &mut order.fills[*at];
            fill.busted = fill.qty.is_zero();
            fill.price_pending = false;
            // A settlement that comes now is of what is not any more.
            fill.settled = busted || (fill.settled && !revision.settles);
        }
        moved
    }

    /// Takes a part of a fill back: what it opened first, as that was its end.
    fn take_back(&mut self, place: u32, at: usize, part: Qty, revision: &Revision) -> Moved {
        let order = self.orders.at_mut(place);
        let rules = &self.instruments[order.instrument as usize];
        let fill = &mut order.fills[at];
        let left = fill.qty - part;
        // Here it opened, at the venue it closed: what was told of it was noted whole.
        let told_beside = fill.profit_told && fill.closed.is_zero();
        let opened = fill.qty - fill.closed;
        let closed = if part > opened { part - opened } else { Qty::ZERO };
        let realized = if left.is_zero() {
            fill.realized
        } else if closed.is_zero() {
            Money::ZERO
        } else {
            as_the_wallet(rules, share(fill.realized, closed, fill.closed))
        };
        let worth = |qty| rules.value(fill.price, qty).unwrap_or_default();
        let value = worth(fill.qty) - worth(left);
        fill.qty = left;
        fill.closed -= closed;
        fill.realized -= realized;
        order.filled -= part;
        order.filled_value -= value;
        let (qty, value) = sign_as(rules, order.order_side, part, value);
        let told = if told_beside { Told::Before } else { Told::No };
        let shift = Shift {
            qty: -qty,
            value: -value,
            realized: -realized,
            told,
            venue_time_ns: revision.venue_time_ns,
        };
        self.move_book(place, at, shift)
    }

    /// Gives a fill another price. What it closed is realised otherwise, what it opened has cost otherwise.
    fn reprice_part(&mut self, place: u32, at: usize, revision: &Revision) -> Moved {
        let Revision { price, settles, venue_time_ns, .. } = *revision;
        let order = self.orders.at_mut(place);
        let rules = &self.instruments[order.instrument as usize];
        let fill = &mut order.fills[at];
        if fill.qty.is_zero() || fill.price == price {
            fill.price = price;
            return Moved::default();
        }
        let worth = |price| rules.value(price, fill.qty).unwrap_or_default();
        let change = worth(price) - worth(fill.price);
        // At the venue it closed, whatever it did here: what it brings now is in its own next settlement, or in this
        // correction alone where no settlement of it will come.
        let told_here = !settles && fill.closed.is_zero();
        let own = fill.profit_told && !fill.realized.is_zero() && (settles || told_here);
        fill.price = price;
        order.filled_value += change;
        let (_, signed) = sign_as(rules, order.order_side, fill.qty, change);
        let realized = as_the_wallet(rules, -share(signed, fill.closed, fill.qty));
        let whole = as_the_wallet(rules, -signed);
        fill.realized += realized;
        let told = if own { Told::WithIt } else { Told::No };
        let shift = Shift { qty: Qty::ZERO, value: signed, realized, told, venue_time_ns };
        let mut moved = self.move_book(place, at, shift);
        if own && told_here {
            let beside = whole - moved.wallet;
            moved.wallet += beside;
            self.note_told_of(place, beside, false);
        }
        if own {
            self.orders.at_mut(place).fills[at].realized += moved.wallet - realized;
        }
        moved
    }

    /// Adds to a fill: as a trade of its own would.
    fn extend_part(&mut self, place: u32, at: usize, more: Qty) -> Moved {
        let order = self.orders.at_mut(place);
        let rules = &self.instruments[order.instrument as usize];
        let fill = &mut order.fills[at];
        let worth = |qty| rules.value(fill.price, qty).unwrap_or_default();
        let value = worth(fill.qty + more) - worth(fill.qty);
        let (qty, signed) = sign_as(rules, order.order_side, more, value);
        let book = &mut self.books[order.instrument as usize].book[order.position_side as usize];
        let cost_before = book.cost;
        let closing = book.apply(qty, signed);
        let cost = book.cost - cost_before;
        let wallet = as_the_wallet(rules, closing.realized);
        fill.qty += more;
        fill.closed += closing.closed;
        fill.realized += wallet;
        order.filled += more;
        order.filled_value += value;
        Moved { qty, value: signed, wallet, exact: closing.realized, cost }
    }

    /// Moves the book past its trades: what is realized of the value goes to the wallet, the rest of it into the cost.
    fn move_book(&mut self, place: u32, at: usize, shift: Shift) -> Moved {
        let Shift { qty, value, realized, told, venue_time_ns } = shift;
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let book = &self.books[instrument as usize].book[side];
        let is_spot = self.instruments[instrument as usize].base.is_some();
        let mut into_cost = value + realized;
        if qty.is_zero() && !book.qty.is_zero() && !is_spot {
            // What the venue has told of it at a close is not in what is still open.
            into_cost += self.take_told_of_open(place, Some(at), -into_cost);
        }
        let book = &mut self.books[instrument as usize].book[side];
        let cost_before = book.cost;
        let left_over = adjust(book, qty, into_cost);
        let cost = book.cost - cost_before;
        let is_flat = book.qty.is_zero();
        let mut late = as_the_wallet(&self.instruments[instrument as usize], left_over);
        if told == Told::Before && is_flat {
            // It was noted whole, and is in what the flat book's cost has left.
            late += realized;
            self.note_told(instrument, side, realized);
        }
        if !is_spot && !late.is_zero() && told != Told::WithIt {
            late = if self.is_told_by_closes(place, at, venue_time_ns) {
                self.leave_to_closes(place, late)
            } else {
                self.book_late(instrument, side, late, self.first_fill_of(place))
            };
        }
        Moved { qty, value, wallet: realized + late, exact: realized + left_over, cost }
    }

    fn post_revision(&mut self, revision: &Revision, owner: Option<u32>, moved: Moved, own: Money) {
        let order = self.orders.at(revision.place);
        let settle = self.instruments[order.instrument as usize].settle;
        let reference = if revision.id.is_empty() { &revision.fill_id } else { &revision.id };
        let posting = |cause, from, to| Posting {
            cause,
            from,
            to,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        let profit = posting(revision.cause, Account::RealizedPnl, Account::Wallet);
        self.ledger.post(self.seq, settle, moved.wallet, profit);
        let between = posting(Cause::InterSlot, Account::RealizedPnl, Account::InterSlot);
        // With bots, what settlements have told of it already is between them: each has its own trades' profit.
        let booked = if self.bots().is_some() { moved.wallet } else { moved.exact };
        self.ledger.post(self.seq, settle, own - booked, between);
        let rules = &self.instruments[order.instrument as usize];
        if let Some(base) = rules.base {
            // Spot: what it cost, and what it brought, go back.
            let paid = posting(revision.cause, Account::Wallet, Account::Inventory);
            self.ledger.post(self.seq, settle, moved.cost, paid);
            let received = posting(revision.cause, Account::Inventory, Account::Wallet);
            self.ledger.post(self.seq, base, base_amount(rules, moved.qty), received);
            self.assets[usize::from(base)].exchange.booked_time_ns = self.now_ns;
        }
        self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
    }

    /// A boundary pays for what the venue held at it: a trade counts as it was until the venue made it another one. One that
    /// says no time did so now.
    fn fund_again(&mut self, revision: &Revision, parts: &[usize], owner: Option<u32>, qty: Qty) {
        let fills = &self.orders.at(revision.place).fills;
        let traded_ns = parts.first().and_then(|at| fills.get(*at)).map_or(0, |fill| fill.venue_time_ns);
        let revised_ns = match revision.venue_time_ns {
            0 => self.now_ns,
            told_ns => told_ns,
        };
        let since_ns = traded_ns.max(revised_ns);
        if since_ns <= self.funding.last_open_ns && !qty.is_zero() {
            self.repredict(revision.place, owner, qty, since_ns, i64::MAX);
        }
    }

    /// The fee goes back with what was busted; a told one stands; a predicted one is predicted again.
    fn revise_fee(&mut self, revision: &Revision, parts: &[usize], fee_asset: Option<u16>) {
        let place = revision.place;
        let reference = if revision.id.is_empty() { &revision.fill_id } else { &revision.id };
        let told = revision.fee.map(|fee| (fee, fee_asset.unwrap_or_else(|| self.paid_in(place, fee))));
        for (nth, at) in parts.iter().enumerate() {
            let fill = &self.orders.at(place).fills[*at];
            let (gone, asset) = (revision.qty.is_zero() || fill.busted, fill.fee_asset);
            match told {
                _ if gone => self.change_fee(revision.cause, place, *at, (Money::ZERO, asset), reference),
                // The first part carries the whole.
                Some((fee, asset)) => {
                    let fee = if nth == 0 { fee } else { Money::ZERO };
                    self.change_fee(revision.cause, place, *at, (fee, asset), reference);
                }
                None => self.predict_again(revision.cause, place, *at, reference),
            }
        }
    }

    /// Predicts a fill's fee again where it is still a prediction.
    #[cold]
    pub(crate) fn predict_again(&mut self, cause: Cause, place: u32, at: usize, reference: &Id) {
        let order = self.orders.at(place);
        let fill = &order.fills[at];
        if !fill.fee_predicted {
            return;
        }
        let rules = &self.instruments[order.instrument as usize];
        let value = rules.value(fill.price, fill.qty).unwrap_or_default();
        let (fee, asset) = self.predicted_fee(rules, order.order_side, fill.qty, value, fill.liquidity);
        self.change_fee(cause, place, at, (fee, asset), reference);
        self.orders.at_mut(place).fills[at].fee_predicted = true;
        let exchange = &mut self.assets[usize::from(asset)].exchange;
        exchange.unsettled_fees += fee;
        exchange.unsettled_fills = exchange.unsettled_fills.saturating_add(1);
    }

    /// What the new quantity means for the order's status and the slot's stage.
    fn after_revision(&mut self, revision: &Revision, owner: Option<u32>, effects: &mut Effects) {
        let place = revision.place;
        let order = self.orders.at_mut(place);
        if order.is_live() {
            if let Some(extra) = &mut order.extra {
                extra.remaining_told = None;
            }
            if matches!(order.status, VenueOrderStatus::PartiallyFilled | VenueOrderStatus::Acked) {
                order.status = order.working_status();
            }
            if order.filled >= order.qty {
                return self.end_order(place, VenueOrderStatus::Filled, Change::Ended, effects);
            }
        } else if revision.works && order.filled < order.qty && order.role != OrderRole::External {
            self.reopen(place, effects);
        }
        let Some(slot_id) = owner else { return };
        let slot = &self.slots[slot_id as usize];
        let was_free = slot.stage.is_free();
        self.after_move(slot_id, effects);
        let slot = &mut self.slots[slot_id as usize];
        match (was_free, slot.stage.is_free()) {
            (true, false) => slot.close_reason = Id::EMPTY,
            (false, true) => slot.close_reason = Id::new("BUSTED").unwrap_or_default(),
            (true, true) | (false, false) => {}
        }
    }
}

/// A profit as the venue books it: rounded, but for spot, where it is no entry of its own.
fn as_the_wallet(rules: &Instrument, profit: Money) -> Money {
    if rules.base.is_some() { profit } else { profit.rounded(rules.spec.fee_decimals, Rounding::HalfEven) }
}
