//! EXIT: an order that closes a slot's position or a part of it. Several may be at work at once.

use alloc::boxed::Box;

use super::checks::{Prices, check_kind, check_trade, checked_prices, worth_at_least};
use super::{exit_side, invalid, permitted, precision};
use crate::bounds::{Bounds, is_beyond, parts};
use crate::effect::{Command, Effects};
use crate::id::Id;
use crate::input::Intent;
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::kernel::amend::at_worst;
use crate::names::{KernelDiagnosticCode as Code, OrderSide, OrderType, Product};
use crate::num::{Decimal, Price, Qty, Rounding};
use crate::order::{Order, OrderRef, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::planted::{Bug, planted};
use crate::position::position_side;
use crate::slot::table::Symbol;
use crate::slot::{EXITS_MAX, Slot};

#[derive(Debug)]
pub(crate) struct ExitPlan {
    qty: Qty,
    prices: Prices,
    cancel_entry: Option<u32>,
    /// True where the venue takes no order for what is left: it goes to the unassigned book.
    dust: bool,
    /// The largest order that the venue takes of it, where that is less than all, and the smallest.
    part: Option<(Qty, Qty)>,
}

impl Kernel {
    pub(super) fn plan_exit(
        &self,
        now_ns: i64,
        slot: &Slot,
        intent: &Intent,
    ) -> Result<ExitPlan, Box<Refusal>> {
        check_kind(now_ns, intent)?;
        permitted(slot, if slot.basis.qty.is_zero() { Symbol::ExitFlat } else { Symbol::Exit })?;
        let rules = &self.instruments[slot.instrument as usize];
        check_trade(slot, rules, intent)?;
        let side = exit_side(slot.side);
        let apart = intent.order_type.is_protective() || !intent.oco_group.is_empty();
        // One that has ended has nothing beside it, and covers nothing.
        let beside = if slot.exit.is_some() { self.room_beside(slot, intent)? } else { Qty::ZERO };
        let mut prices = checked_prices(rules, intent, side)?;
        let least = self.least_exit(rules, slot.instrument, prices);
        let (mut qty, whole) = exit_size(slot, rules, intent, beside, least)?;
        if !apart && slot.basis.qty != Qty::ZERO && self.is_closed_by_others(intent.slot_id) {
            qty = self.left_at_the_venue(slot, qty);
        }
        if !intent.oco_group.is_empty() {
            self.plan_group(OrderRole::Exit, slot.instrument, slot, intent, crate::num::Money::ZERO)?;
        }
        let entry = slot.entry.filter(|entry| self.orders.get(*entry).is_some_and(Order::is_live));
        let cancel_entry = entry.map(|entry| entry.place);
        let mut part = None;
        if rules.max_qty.is_some_and(|max| qty > max) || rules.bounds.is_some() {
            part = largest_part(rules, intent, qty)?.map(|largest| (largest, least));
            if let Some(bounds) = &rules.bounds {
                prices = within_band(rules, bounds, intent.order_type, side, prices);
            }
        }
        if slot.exit.is_some() && intent.order_type.is_protective() && !self.takes_stop(slot, qty) {
            return Err(busy(intent, "a stop is being replaced: wait until the venue has confirmed that"));
        }
        if !qty.is_zero() && qty >= least {
            return Ok(ExitPlan { qty, prices, cancel_entry, dust: false, part });
        }
        if whole && beside.is_zero() && !apart && !intent.order_type.is_triggered() {
            return Ok(ExitPlan { qty: slot.size(), prices, cancel_entry, dust: true, part: None });
        }
        let attempt = intent.target_size.unwrap_or_else(|| rules.qty_decimal(qty));
        Err(Refusal::field(Code::BelowFloor, "target_size", attempt, "is under the venue's minimum"))
    }

    /// How much of the position the exits at work will close, as far as one more must leave that to them. A market exit
    /// leaves nothing to those that rest where they stand in its way: it takes their place. Attached targets make room for
    /// whatever the strategy sends. A stop leaves nothing to what sells, and takes the place of other stops.
    #[cold]
    fn room_beside(&self, slot: &Slot, intent: &Intent) -> Result<Qty, Box<Refusal>> {
        if self.exits_beside(slot) >= EXITS_MAX {
            let mut refusal = Refusal::limit("exits_per_slot", EXITS_MAX, EXITS_MAX.saturating_add(1));
            refusal.code = Code::SlotBusy;
            return Err(refusal);
        }
        if intent.order_type.is_protective() {
            return Ok(Qty::ZERO);
        }
        let rules = &self.instruments[slot.instrument as usize];
        let wanted = intent.target_size.and_then(|size| rules.qty_rounded(size, Rounding::Floor).ok());
        let covered = self.covered(slot, false);
        let is_in_the_way =
            covered >= slot.size() || wanted.is_some_and(|wanted| wanted + covered > slot.size());
        if intent.order_type == OrderType::Market && is_in_the_way {
            let at_market = self.covered(slot, true);
            if at_market < slot.size() {
                return Ok(at_market);
            }
        }
        if covered >= slot.size() {
            return Err(busy(intent, "the exits at work close the whole position: cancel one first"));
        }
        Ok(covered)
    }

    /// So much of an exit as the venue still has of the position, where that is something: it may refuse more.
    #[cold]
    fn left_at_the_venue(&self, slot: &Slot, qty: Qty) -> Qty {
        let side = position_side(self.is_hedged(slot.instrument), slot.side) as usize;
        let book = self.books[slot.instrument as usize].book[side].position.qty;
        let left = self.instruments[slot.instrument as usize].whole_lots(book.abs());
        if book.signum() == slot.basis.qty.signum() && left < qty && !left.is_zero() { left } else { qty }
    }

    /// The smallest exit that the venue takes. Reduce-only orders of derivatives are exempt from the smallest value on
    /// the venues we know (Binance's filters say so); on spot it binds.
    #[inline]
    pub(crate) fn least_exit(&self, rules: &Instrument, instrument: u32, prices: Prices) -> Qty {
        match rules.spec.product {
            Product::Spot if !rules.min_notional.is_zero() => {
                let price: Option<Price> =
                    prices.limit.or(prices.trigger).or(self.books[instrument as usize].last_price);
                let least = price.and_then(|price| worth_at_least(rules, rules.min_notional, price));
                least.filter(|least| *least > rules.min_qty).unwrap_or(rules.min_qty)
            }
            Product::Perp | Product::Spot => rules.min_qty,
        }
    }

    // ------------------------------------------------------------------------------------------------ commit

    pub(crate) fn commit_exit(
        &mut self,
        plan: &ExitPlan,
        intent: &Intent,
        key: u64,
        effects: &mut Effects,
    ) -> Outcome {
        let slot_id = intent.slot_id;
        if let Some(entry) = plan.cancel_entry {
            self.request_cancel(entry, effects);
        }
        if plan.dust {
            self.leave_dust(slot_id, effects);
            let mut outcome = self.remember(intent, key, Id::EMPTY);
            outcome.code = Code::BelowFloor;
            outcome.severity = crate::outcome::severity_of(Code::BelowFloor);
            let size =
                self.instruments[self.slots[slot_id as usize].instrument as usize].qty_decimal(plan.qty);
            outcome.detail = Detail::Field {
                field: "target_size",
                value: alloc::string::ToString::to_string(&size).into_boxed_str(),
                why: "is under the venue's minimum: closed as dust into the unassigned book",
            };
            return outcome;
        }
        let others = self.slots[slot_id as usize].exit.is_some();
        let place = match plan.part {
            None => self.order_exit(plan.qty, plan.prices, intent, effects),
            Some(part) => self.order_parts(plan, part, intent, effects),
        };
        if others {
            self.crowded.push(slot_id);
        }
        if self.is_closed_by_others(slot_id) {
            let (seq, code) = (self.seq, Code::ReconcileRequired);
            let severity = crate::names::Severity::Warning;
            effects.notices.push(crate::effect::Notice { seq, code, severity, slot_id: Some(slot_id) });
        }
        self.remember_order(intent, key, place)
    }

    /// One order that exits so much; it waits where others have to make room for it.
    #[inline]
    pub(crate) fn order_exit(
        &mut self,
        qty: Qty,
        prices: Prices,
        intent: &Intent,
        effects: &mut Effects,
    ) -> u32 {
        let slot_id = intent.slot_id;
        let slot = &self.slots[slot_id as usize];
        let leg = slot.active_leg_index(self.instruments[slot.instrument as usize].lot);
        let leg = (leg as u8).saturating_add(1) & 31;
        let instrument = slot.instrument;
        let waits = slot.exit.is_some() && !intent.order_type.is_protective() && qty > self.sellable(slot);
        if waits && !planted(Bug::MarketExitDoesNotWait) {
            let reference = self.new_order(OrderRole::Exit, leg, intent, qty, prices);
            self.let_wait(slot_id, reference, &intent.reason);
            return reference.place;
        }
        self.make_room_for_exit(slot_id);
        self.slots[slot_id as usize].close_reason.clone_from(&intent.reason);
        let reference = self.new_order(OrderRole::Exit, leg, intent, qty, prices);
        if self.nets(instrument) {
            self.go_by_net(reference.place, qty, prices);
        }
        self.send_exit(slot_id, reference, effects);
        reference.place
    }

    /// More than the venue takes at once: several orders, together as large. Gives the first one's place.
    #[cold]
    fn order_parts(
        &mut self,
        plan: &ExitPlan,
        (largest, least): (Qty, Qty),
        intent: &Intent,
        effects: &mut Effects,
    ) -> u32 {
        let mut first = None;
        for part in parts(plan.qty, largest, least) {
            if planted(Bug::OnePartIsEnough) && first.is_some() {
                break;
            }
            let place = self.order_exit(part, plan.prices, intent, effects);
            // A venue that knows groups by itself would cancel the other parts with the first that fills.
            if let Some(Command::Submit(request)) = effects.commands.last_mut() {
                request.oco_group = None;
            }
            first = first.or(Some(place));
        }
        // There is one: the whole is above the largest.
        first.unwrap_or_default()
    }
}

impl Kernel {
    /// An exit on a shared book: it only reduces where the venue's net position covers it. One that may increase that is
    /// held back for as an entry is, since it may make the account's position larger.
    #[cold]
    pub(crate) fn go_by_net(&mut self, place: u32, qty: Qty, prices: Prices) {
        let order = self.orders.at(place);
        let (slot_id, instrument) = (order.slot_id, order.instrument as usize);
        if self.net_covers(slot_id, qty) {
            return;
        }
        let rules = &self.instruments[instrument];
        let slot = &self.slots[slot_id as usize];
        let valued = rules.mark.or(self.books[instrument].last_price);
        let valued = valued.or_else(|| rules.average_price(slot.basis.cost, slot.basis.qty));
        let reserve_price = valued.map_or(Price::ZERO, |mark| at_worst(rules, prices, mark));
        let order = self.orders.at_mut(place);
        order.reduce_only = false;
        order.reserve_price = reserve_price;
        if !planted(Bug::UncoveredExitsAddNothing) {
            self.refresh_reservation(place);
        }
    }

    /// A new exit takes its seat, and leaves.
    pub(crate) fn send_exit(&mut self, slot_id: u32, reference: OrderRef, effects: &mut Effects) {
        self.slots[slot_id as usize].exit = Some(reference);
        self.guard.take_order(&self.control.limits, self.now_ns);
        self.move_slot(slot_id, Symbol::Exit, effects);
        self.release(reference.place, effects);
    }
}

/// The largest order that an exit is to be split into; `None` where it need not be.
fn largest_part(rules: &Instrument, intent: &Intent, qty: Qty) -> Result<Option<Qty>, Box<Refusal>> {
    let market_max = rules.market_max(intent.order_type);
    let Some(largest) = rules.largest(intent.order_type).filter(|largest| qty > *largest) else {
        return Ok(None);
    };
    let attempt = || intent.target_size.unwrap_or_else(|| rules.qty_decimal(qty));
    match market_max {
        None => Err(above_largest(rules, largest, attempt())),
        Some(_) if planted(Bug::ExitIsOneOrder) => Ok(None),
        Some(_) => Ok(Some(largest)),
    }
}

/// A limit that the venue would refuse as too far from the mark goes to the end of its band: never a worse price than
/// asked for, and an exit that leaves. Without a mark it goes as it is, and the venue says.
fn within_band(
    rules: &Instrument,
    bounds: &Bounds,
    order_type: OrderType,
    side: OrderSide,
    prices: Prices,
) -> Prices {
    let Some(limit) = prices.limit.filter(|_| order_type == OrderType::Limit) else { return prices };
    let worst = rules.mark.and_then(|mark| bounds.worst_limit(rules, side, mark));
    let limit = worst.filter(|worst| is_beyond(side, limit, *worst)).unwrap_or(limit);
    Prices { limit: Some(limit), ..prices }
}

#[cold]
fn busy(intent: &Intent, why: &'static str) -> Box<Refusal> {
    let size = intent.target_size;
    let shown = size.map_or_else(|| "None".into(), |size| alloc::string::ToString::to_string(&size));
    Refusal::field(Code::SlotBusy, "target_size", shown, why)
}

/// The venue would reject it, and a stop that is rejected protects nothing.
#[cold]
fn above_largest(rules: &Instrument, max: Qty, attempt: Decimal) -> Box<Refusal> {
    let mut refusal = invalid("target_size", attempt, "");
    refusal.detail = Detail::Field {
        field: "target_size",
        value: alloc::format!("{attempt} (max_qty {})", rules.qty_decimal(max)).into_boxed_str(),
        why: "is above the venue's largest order, max_qty: exit in parts",
    };
    refusal
}

/// The size in whole lots, and whether it means all that is left beside the other exits. A stop without a size guards
/// the whole position; any other exit without one goes to the ladder's next target.
#[inline]
fn exit_size(
    slot: &Slot,
    rules: &Instrument,
    intent: &Intent,
    beside: Qty,
    least: Qty,
) -> Result<(Qty, bool), Box<Refusal>> {
    let left = slot.size() - beside;
    let wanted = match intent.target_size {
        None if intent.order_type.is_protective() => left,
        None => slot.next_leg(rules.lot, least, beside),
        Some(size) if size.is_positive() => {
            let wanted = rules.qty_rounded(size, Rounding::Floor).map_err(precision("target_size", size))?;
            // Digits under the lot are no reason to leave dust: what reaches the last lot means everything.
            let exact = size.at_scale_rounded(rules.qty_scale, Rounding::Floor).map(Qty).unwrap_or(wanted);
            if exact >= left { left } else { wanted }
        }
        Some(size) => return Err(invalid("target_size", size, "must be above zero")),
    };
    Ok((rules.whole_lots(wanted), wanted >= left))
}
