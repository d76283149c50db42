//! Busts and corrections: the only news that lower a cumulative quantity.
//!
//! A fill's trace in the book is linear: what it opened is in the book at its own value, what it closed went to the
//! wallet as its realised profit. Taking a fill back takes both back; what is left of a flat book's cost is realised.
//! The slot's own figures are made again from all fills of the trade where all are known, and by the same linear rule
//! where they are not.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::booking::sign_as;
use super::spot::base_amount;
use super::venue::{money, precision, value_of};
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{Stamp, VenueEvent};
use crate::instrument::Instrument;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, Severity, TradeSide, VenueOrderStatus,
};
use crate::num::{Decimal, Money, Price, Qty, Rounding, multiply_divide};
use crate::order::{Order, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::Basis;
use crate::slot::Slot;

/// What a bust or a correction does.
#[derive(Debug)]
pub(crate) enum TradePlan {
    /// It came before.
    Duplicate,
    /// A trade is another one from now on.
    Revise(Revision),
}

/// A trade as it shall be.
#[derive(Debug)]
pub(crate) struct Revision {
    place: u32,
    /// The fill's own id; it may stand in several parts.
    fill_id: Id,
    /// The bust's or correction's own id; empty where it has none.
    id: Id,
    cause: Cause,
    /// Zero for a bust.
    qty: Qty,
    price: Price,
    fee: Option<Money>,
    /// True where the venue says that the order works again.
    works: bool,
}

/// What a revision has moved so far, signed as the order's side.
#[derive(Clone, Copy, Default, Debug)]
struct Moved {
    qty: Qty,
    value: Money,
    /// What the wallet got, rounded as the venue rounds.
    wallet: Money,
    /// The same, exact.
    exact: Money,
    /// What the book's cost changed by.
    cost: Money,
}

impl Moved {
    fn add(&mut self, other: Moved) {
        self.qty += other.qty;
        self.value += other.value;
        self.wallet += other.wallet;
        self.exact += other.exact;
        self.cost += other.cost;
    }
}

/// A slot's own figures as its orders' fills make them, and what of them went past zero to nobody.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
struct Own {
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

fn unclear(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::ReconcileRequired, field, value, why)
}

impl Kernel {
    #[cold]
    pub(crate) fn take_trade(&mut self, stamp: Stamp, event: &VenueEvent, effects: &mut Effects) -> Outcome {
        let plan = match self.plan_trade(event) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(event.slot_id, *refusal),
        };
        self.pass_time(stamp, event.timestamp_ns);
        match plan {
            TradePlan::Duplicate => self.answer(Code::DuplicateEvent, None, Detail::None),
            TradePlan::Revise(revision) => self.commit_revision(&revision, event, effects),
        }
    }

    pub(crate) fn plan_trade(&self, event: &VenueEvent) -> Result<TradePlan, Box<Refusal>> {
        let told = event.rare.as_ref().map(|rare| &rare.ref_trade_id).filter(|id| !id.is_empty());
        let reference = told.unwrap_or(&event.venue_trade_id);
        let place = self.trade_referred_to(event, reference)?;
        let order = self.orders.at(place);
        let fill_id = order.fill_id_of(reference);
        let id = own_id(event, reference);
        if !id.is_empty() && order.correction(id).is_some() {
            return Ok(TradePlan::Duplicate);
        }
        let parts = order.fills.iter().filter(|fill| fill.venue_trade_id == *fill_id);
        let (mut qty, mut price) = (Qty::ZERO, Price::ZERO);
        for fill in parts {
            qty += fill.qty;
            price = fill.price;
        }
        let is_bust = event.kind == Kind::TradeBust;
        if is_bust && qty.is_zero() {
            return Ok(TradePlan::Duplicate);
        }
        let mut revision = Revision {
            place,
            fill_id: fill_id.clone(),
            id: id.clone(),
            cause: if is_bust { Cause::TradeBusted } else { Cause::TradeCorrected },
            qty: Qty::ZERO,
            price,
            fee: None,
            works: works_again(event),
        };
        if !is_bust {
            self.plan_correction(&mut revision, event, order, qty)?;
            let same = revision.qty == qty && (qty.is_zero() || revision.price == price);
            if same && id.is_empty() && revision.fee.is_none() {
                return Ok(TradePlan::Duplicate);
            }
        }
        Ok(TradePlan::Revise(revision))
    }

    /// The order whose fill is meant.
    fn trade_referred_to(&self, event: &VenueEvent, reference: &Id) -> Result<u32, Box<Refusal>> {
        let unknown =
            || unclear("ref_trade_id", reference, "is not a fill or correction that the kernel knows");
        if reference.is_empty() {
            return Err(unclear("ref_trade_id", "", "is needed: which fill is meant"));
        }
        let place = self.find_order(event);
        let of_order = place.map(|place| self.orders.at(place).instrument);
        let instrument = of_order
            .or_else(|| self.instrument_of(&event.asset))
            .ok_or_else(|| unclear("asset", &event.asset, "is needed to find the fill"))?;
        let side = place.map(|place| self.orders.at(place).order_side).or(event.order_side);
        match self.orders.holders_of_trade(instrument, reference, side) {
            (Some(holder), Some(other)) => place
                .filter(|place| *place == holder || *place == other)
                .ok_or_else(|| unclear("ref_trade_id", reference, "means two fills: name the order")),
            (Some(holder), None) => Ok(holder),
            (None, _) => Err(unknown()),
        }
    }

    fn plan_correction(
        &self,
        revision: &mut Revision,
        event: &VenueEvent,
        order: &Order,
        booked: Qty,
    ) -> Result<(), Box<Refusal>> {
        let rules = &self.instruments[order.instrument as usize];
        revision.qty = match event.size {
            Some(value) if value.is_negative() => {
                return Err(unclear("size", value, "a fill cannot be corrected below zero"));
            }
            Some(value) => rules.qty(value).map_err(precision("size", value))?,
            None if booked.is_zero() => {
                return Err(unclear("size", "None", "is needed to bring a busted fill back"));
            }
            None => booked,
        };
        if revision.qty.is_zero() {
            return Ok(());
        }
        match event.price {
            Some(value) if value.is_positive() => {
                revision.price = rules.mark(value).map_err(precision("price", value))?;
            }
            Some(value) => return Err(unclear("price", value, "a fill cannot be corrected to that price")),
            None => {}
        }
        value_of(rules, revision.price, revision.qty)?;
        revision.fee = event.fee.map(|fee| money("fee", fee)).transpose()?;
        self.check_asset(&event.fee_asset)
    }

    // ------------------------------------------------------------------------------------------------ commit

    fn commit_revision(&mut self, revision: &Revision, event: &VenueEvent, effects: &mut Effects) -> Outcome {
        let place = revision.place;
        let parts = self.parts_of(place, &revision.fill_id);
        let fee_asset = self.fee_asset_of(place, event);
        self.revise(revision, &parts, fee_asset, effects);
        if let Some(at) = parts.first() {
            self.orders.add_correction(place, &revision.id, *at);
        }
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

    /// A fill's price became known by a repetition of it.
    #[cold]
    pub(crate) fn price_fill(&mut self, place: u32, fill_id: &Id, price: Price, effects: &mut Effects) {
        let parts = self.parts_of(place, fill_id);
        let fills = &self.orders.at(place).fills;
        let qty = parts.iter().fold(Qty::ZERO, |sum, at| sum + fills[*at].qty);
        let revision = Revision {
            place,
            fill_id: fill_id.clone(),
            id: Id::EMPTY,
            cause: Cause::FillRepriced,
            qty,
            price,
            fee: None,
            works: false,
        };
        self.revise(&revision, &parts, None, effects);
    }

    /// Makes a trade what it shall be: in its order, the book, the wallet, the slot, and then the stage.
    fn revise(
        &mut self,
        revision: &Revision,
        parts: &[usize],
        fee_asset: Option<u16>,
        effects: &mut Effects,
    ) {
        let place = revision.place;
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
        let own = match (owner, before) {
            (Some(slot_id), Some(before)) => self.make_again(slot_id, place, before),
            (Some(slot_id), None) => self.move_linear(slot_id, place, moved),
            (None, _) => self.give_to_nobody(place, moved.qty, moved.value),
        };
        self.post_revision(revision, owner, moved, own);
        if !revision.qty.is_zero() {
            self.revise_fee(revision, parts, fee_asset);
        }
        self.fund_again(revision, parts, owner, moved.qty);
        self.refresh_reservation(place);
        self.refresh_exposure(instrument);
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
                moved.add(self.take_back(place, *at, part));
            }
        }
        for at in parts {
            moved.add(self.reprice_part(place, *at, revision.price));
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
            fill.settled |= busted;
        }
        moved
    }

    /// Takes a part of a fill back: what it opened first, as that was its end.
    fn take_back(&mut self, place: u32, at: usize, part: Qty) -> Moved {
        let order = self.orders.at_mut(place);
        let rules = &self.instruments[order.instrument as usize];
        let fill = &mut order.fills[at];
        let left = fill.qty - part;
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
        self.move_book(place, -qty, -value, -realized)
    }

    /// Gives a fill another price. What it closed is realised otherwise, what it opened has cost otherwise.
    fn reprice_part(&mut self, place: u32, at: usize, price: Price) -> Moved {
        let order = self.orders.at_mut(place);
        let rules = &self.instruments[order.instrument as usize];
        let fill = &mut order.fills[at];
        if fill.qty.is_zero() || fill.price == price {
            fill.price = price;
            return Moved::default();
        }
        let worth = |price| rules.value(price, fill.qty).unwrap_or_default();
        let change = worth(price) - worth(fill.price);
        fill.price = price;
        order.filled_value += change;
        let (_, signed) = sign_as(rules, order.order_side, fill.qty, change);
        let realized = as_the_wallet(rules, -share(signed, fill.closed, fill.qty));
        fill.realized += realized;
        self.move_book(place, Qty::ZERO, signed, realized)
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

    /// Moves the book past its trades: `realized` of the value goes to the wallet, the rest of it into the cost.
    fn move_book(&mut self, place: u32, qty: Qty, value: Money, realized: Money) -> Moved {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let book = &mut self.books[order.instrument as usize].book[order.position_side as usize];
        let cost_before = book.cost;
        let left_over = adjust(book, qty, value + realized);
        let cost = book.cost - cost_before;
        let wallet = realized + as_the_wallet(rules, left_over);
        Moved { qty, value, wallet, exact: realized + left_over, cost }
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
        self.ledger.post(self.seq, settle, own - moved.exact, between);
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

    /// Funding that was predicted since the trade was predicted on another position.
    fn fund_again(&mut self, revision: &Revision, parts: &[usize], owner: Option<u32>, qty: Qty) {
        let fills = &self.orders.at(revision.place).fills;
        let first = parts.first().and_then(|at| fills.get(*at)).map_or(0, |fill| fill.venue_time_ns);
        if first != 0 && first <= self.funding.last_open_ns && !qty.is_zero() {
            self.repredict(revision.place, owner, qty, first);
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

    // ------------------------------------------------------------------------------------------------ the slot

    /// A slot's figures made again from its trade's fills, where that gives what the slot has: all are known then, and
    /// nothing but fills has touched it.
    fn own_if_known(&self, slot_id: u32) -> Option<Own> {
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
                let (qty, value) = sign_as(rules, order.order_side, fill.qty, value);
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
    fn make_again(&mut self, slot_id: u32, place: u32, before: Own) -> Money {
        let own = self.own_from_fills(slot_id);
        let slot = &mut self.slots[slot_id as usize];
        slot.basis = own.basis;
        slot.initial = own.initial;
        slot.entry_value = own.entry_value;
        slot.realized = own.realized;
        let past_zero =
            self.give_to_nobody(place, own.rest.qty - before.rest.qty, own.rest.cost - before.rest.cost);
        own.realized - before.realized + past_zero
    }

    /// Moves a slot by the linear rule. Returns the change of the profit at own cost.
    fn move_linear(&mut self, slot_id: u32, place: u32, moved: Moved) -> Money {
        let order = self.orders.at(place);
        let (role, buys) = (order.role, order.order_side == OrderSide::Buy);
        let rules = &self.instruments[order.instrument as usize];
        let slot = &mut self.slots[slot_id as usize];
        let mut own = if role == OrderRole::Entry {
            let (qty, value) = if buys { (moved.qty, moved.value) } else { (-moved.qty, -moved.value) };
            slot.initial += qty;
            slot.entry_value += rules.basis_sign(value);
            adjust(&mut slot.basis, moved.qty, moved.value)
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
        slot.realized += own;
        let wrong_side = match slot.side {
            TradeSide::Long => slot.basis.qty.0 < 0,
            TradeSide::Short | TradeSide::Flat => slot.basis.qty.0 > 0,
        };
        if wrong_side {
            let rest = core::mem::replace(&mut slot.basis, Basis::FLAT);
            own += self.give_to_nobody(place, rest.qty, rest.cost);
        } else if slot.basis.qty.is_zero() {
            let left_over = -core::mem::replace(&mut slot.basis, Basis::FLAT).cost;
            slot.realized += left_over;
            own += left_over;
        }
        own
    }

    /// Moves the unassigned book. Returns what that realised there.
    fn give_to_nobody(&mut self, place: u32, qty: Qty, cost: Money) -> Money {
        if qty.is_zero() && cost.is_zero() {
            return Money::ZERO;
        }
        let order = self.orders.at(place);
        let side = order.position_side as usize;
        adjust(&mut self.books[order.instrument as usize].unassigned[side], qty, cost)
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
                let change = crate::slot::classify::Change::Ended;
                return self.end_order(place, VenueOrderStatus::Filled, change, effects);
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

/// Adds to a basis past its trades. What is left of a flat one's cost is realised; what would leave a position whose
/// price is below zero counts as a trade at that value.
fn adjust(basis: &mut Basis, qty: Qty, cost: Money) -> Money {
    let after = Basis { qty: basis.qty + qty, cost: basis.cost + cost };
    if after.qty.is_zero() {
        *basis = Basis::FLAT;
        return -after.cost;
    }
    let alike = |basis: &Basis| basis.qty.signum() == basis.cost.signum();
    if basis.qty.is_zero() || alike(basis) == alike(&after) {
        *basis = after;
        return Money::ZERO;
    }
    basis.apply(qty, cost).realized
}

/// `whole × part / of`, half-even at 1e-18; nothing of nothing.
fn share(whole: Money, part: Qty, of: Qty) -> Money {
    if of.is_zero() {
        return Money::ZERO;
    }
    let (part, of) = if of.0 < 0 { (-part, -of) } else { (part, of) };
    Money(multiply_divide(whole.0, part.0, of.0, Rounding::HalfEven).unwrap_or_default())
}

/// A profit as the venue books it: rounded, but for spot, where it is no entry of its own.
fn as_the_wallet(rules: &Instrument, profit: Money) -> Money {
    if rules.base.is_some() { profit } else { profit.rounded(rules.spec.fee_decimals, Rounding::HalfEven) }
}

/// A bust's or correction's own id, where it is not the fill's.
fn own_id<'a>(event: &'a VenueEvent, reference: &Id) -> &'a Id {
    if event.venue_trade_id.is_empty() || event.venue_trade_id == *reference {
        &event.event_id
    } else {
        &event.venue_trade_id
    }
}

fn works_again(event: &VenueEvent) -> bool {
    let working = matches!(event.status, Some(VenueOrderStatus::Acked | VenueOrderStatus::PartiallyFilled));
    working || event.remaining_size.is_some_and(Decimal::is_positive)
}
