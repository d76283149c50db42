//! An operator's own hand on a slot: validated as a whole, booked so that everything still adds up, attributed.

use alloc::boxed::Box;

use super::Kernel;
use super::adopt::{NewTrade, exact_money};
use super::intent::{check_ratios, exit_side, invalid, precision};
use super::spot::shrinkage;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{METADATA_BYTES_MAX, SlotOverride, Stamp};
use crate::ledger::Cause;
use crate::names::{KernelDiagnosticCode as Code, Origin, TradeSide, VenueOrderStatus};
use crate::num::{Decimal, Money, Qty, Rounding, multiply_divide};
use crate::order::{Order, OrderRef, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::{Basis, position_side};
use crate::slot::Slot;

/// What an override changes, in the instrument's units.
#[derive(Debug, Default)]
pub(crate) struct OverridePlan {
    /// A free slot takes this trade.
    opened: Option<NewTrade>,
    /// The position from here on, and what it is moved at.
    position: Option<Moved>,
    initial: Option<Qty>,
    entry_value: Option<Money>,
    realized: Option<Money>,
    /// Strangers' orders that become the slot's.
    entry_order: Option<u32>,
    exit_order: Option<u32>,
}

/// A position's change: the new one, and the value of the quantity that comes or goes.
#[derive(Debug, Clone, Copy)]
struct Moved {
    after: Basis,
    /// Signed, as the quantity that goes to the unassigned book.
    value: Money,
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_override(
        &mut self,
        stamp: Stamp,
        change: &SlotOverride,
        effects: &mut Effects,
    ) -> Outcome {
        let plan = match self.plan_override(change) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(Some(change.slot_id), *refusal),
        };
        self.pass_time(stamp, stamp.0);
        self.commit_override(&plan, change, effects);
        self.answer(Code::Ok, Some(change.slot_id), Detail::None)
    }

    pub(crate) fn plan_override(&self, change: &SlotOverride) -> Result<OverridePlan, Box<Refusal>> {
        let slot = self.slots.get(change.slot_id as usize).ok_or_else(|| {
            Refusal::field(Code::InvalidSlotId, "slot_id", change.slot_id, "must be below max_slots")
        })?;
        if change.by.is_empty() {
            return Err(invalid("by", "", "an override needs to say who"));
        }
        if change.reason.is_empty() {
            return Err(invalid("reason", "", "an override needs to say why"));
        }
        check_texts(change)?;
        self.check_closed(slot, change)?;
        let opens = slot.stage.is_free() && change.trade_id.is_some();
        let mut plan = if opens { self.plan_opened(change)? } else { self.plan_carried(slot, change)? };
        plan.realized = change.realized_pnl.map(|value| exact_money("realized_pnl", value)).transpose()?;
        let (side, instrument) = match &plan.opened {
            Some(trade) => (trade.side, trade.instrument),
            None => (slot.side, slot.instrument),
        };
        let strange = |field, id: &Option<Id>, role| match id {
            Some(id) => self.find_strange(field, id, role, side, instrument).map(Some),
            None => Ok(None),
        };
        plan.entry_order = strange("entry_order", &change.entry_order, OrderRole::Entry)?;
        plan.exit_order = strange("exit_order", &change.exit_order, OrderRole::Exit)?;
        if plan.entry_order.is_some() || plan.exit_order.is_some() {
            self.check_attachable(slot, change, opens)?;
        }
        Ok(plan)
    }

    /// Closing stands alone: what the slot holds goes to the unassigned book. Orders at the venue would fill into
    /// nothing, so they must be canceled first; one that never left just ends.
    fn check_closed(&self, slot: &Slot, change: &SlotOverride) -> Result<(), Box<Refusal>> {
        match change.closed {
            None => return Ok(()),
            Some(false) if slot.stage.is_free() => {
                return Err(invalid(
                    "closed",
                    false,
                    "a slot opens by trade_id, asset, side, size, entry_price",
                ));
            }
            Some(false) => return Ok(()),
            Some(true) => {}
        }
        let moves = change.trade_id.is_some()
            || change.size.is_some()
            || change.entry_price.is_some()
            || change.initial_size.is_some()
            || change.entry_order.is_some()
            || change.exit_order.is_some();
        if moves {
            return Err(invalid("closed", true, "does not go together with a change of the position"));
        }
        let left = |order: &Order| order.is_live() && order.status != VenueOrderStatus::New;
        let entry = slot.entry.and_then(|entry| self.orders.get(entry));
        if entry.is_some_and(left) || self.exits_of(slot).any(left) {
            let why = "has orders at work: cancel them first";
            return Err(Refusal::field(Code::SlotBusy, "closed", true, why));
        }
        Ok(())
    }

    /// A free slot takes a trade.
    fn plan_opened(&self, change: &SlotOverride) -> Result<OverridePlan, Box<Refusal>> {
        let needed = |field: &'static str| invalid(field, "None", "is needed to open a slot");
        let trade_id = change.trade_id.as_ref().ok_or_else(|| needed("trade_id"))?;
        let asset = change.asset.as_ref().ok_or_else(|| needed("asset"))?;
        let side = change.side.ok_or_else(|| needed("side"))?;
        let size = change.size.ok_or_else(|| needed("size"))?;
        let entry_price = change.entry_price.ok_or_else(|| needed("entry_price"))?;
        let instrument = self.check_seat(trade_id, asset, side)?;
        let trade = self.new_trade(instrument, side, size, entry_price, change.initial_size)?;
        Ok(OverridePlan { opened: Some(trade), ..OverridePlan::default() })
    }

    /// A slot keeps its trade, and something of it changes.
    fn plan_carried(&self, slot: &Slot, change: &SlotOverride) -> Result<OverridePlan, Box<Refusal>> {
        let rules = self.instruments.get(slot.instrument as usize);
        let (Some(rules), true) = (rules, slot.trade_number > 0) else {
            return Err(invalid(
                "slot_id",
                change.slot_id,
                "has never carried a trade: give it one by trade_id",
            ));
        };
        if let Some(trade_id) = &change.trade_id {
            let carrier = self.slot_of_trade(trade_id);
            if trade_id.is_empty() || carrier.is_some_and(|carrier| carrier != change.slot_id) {
                return Err(invalid("trade_id", trade_id, "is empty, or carried by another slot"));
            }
        }
        if let Some(asset) = change.asset.as_ref().filter(|asset| **asset != rules.spec.symbol) {
            return Err(invalid("asset", asset, "changes only where a free slot takes a trade"));
        }
        if let Some(side) = change.side.filter(|side| *side != slot.side) {
            return Err(invalid("side", side, "changes only where a free slot takes a trade"));
        }
        let mut plan = OverridePlan::default();
        if slot.stage.is_free() {
            return match (change.size.or(change.entry_price), change.initial_size) {
                (None, None) => Ok(plan),
                (Some(value), _) | (None, Some(value)) => Err(invalid(
                    "size",
                    value,
                    "a free slot takes a position only with a trade_id of its own",
                )),
            };
        }
        let after = self.plan_position(slot, change, &mut plan)?;
        let told = change.initial_size;
        let initial = match told {
            Some(value) => rules.qty(value).map_err(precision("initial_size", value))?,
            None if slot.initial < after => after,
            None => slot.initial,
        };
        if initial < after {
            let shown = told.unwrap_or(Decimal::ZERO);
            return Err(invalid("initial_size", shown, "must not be below size"));
        }
        plan.initial = (initial != slot.initial).then_some(initial);
        plan.entry_value = self.plan_entry_value(slot, change, initial)?;
        Ok(plan)
    }

    /// The position from here on; returns its size.
    fn plan_position(
        &self,
        slot: &Slot,
        change: &SlotOverride,
        plan: &mut OverridePlan,
    ) -> Result<Qty, Box<Refusal>> {
        let rules = &self.instruments[slot.instrument as usize];
        let size = match change.size {
            Some(value) if value.is_negative() => return Err(invalid("size", value, "must not be negative")),
            Some(value) => rules.qty(value).map_err(precision("size", value))?,
            None => slot.size(),
        };
        if let Some(price) = change.entry_price
            && (size.is_zero() || !price.is_positive())
        {
            return Err(invalid("entry_price", price, "must be above zero, and belongs to a position"));
        }
        if change.size.is_none() && change.entry_price.is_none() {
            return Ok(size);
        }
        let too_large = || invalid("size", rules.qty_decimal(size), "makes the position's value too large");
        let (held, cost) = (slot.size(), slot.basis.cost.abs());
        let gone = if held > size { held - size } else { size - held };
        let (cost_after, value) = match change.entry_price {
            Some(price) => {
                let price = rules.mark(price).map_err(precision("entry_price", price))?;
                let value = |qty| rules.value(price, qty).ok_or_else(too_large);
                (value(size)?, value(gone)?)
            }
            // Without a price, the average stays.
            None if held.is_zero() => {
                return Err(invalid("entry_price", "None", "is needed: the slot holds nothing to go by"));
            }
            None => {
                let share = multiply_divide(cost.0, gone.0, held.0, Rounding::HalfEven);
                let value = Money(share.ok_or_else(too_large)?);
                (if held > size { cost - value } else { cost + value }, value)
            }
        };
        let short = slot.side == TradeSide::Short;
        let signed = |money: Money| rules.basis_sign(if short { -money } else { money });
        let after = Basis { qty: if short { -size } else { size }, cost: signed(cost_after) };
        let value = signed(if held > size { value } else { -value });
        plan.position = Some(Moved { after, value });
        Ok(size)
    }

    /// What entries cost, for the average entry price that is shown: as told, else at the average as it was.
    fn plan_entry_value(
        &self,
        slot: &Slot,
        change: &SlotOverride,
        initial: Qty,
    ) -> Result<Option<Money>, Box<Refusal>> {
        let rules = &self.instruments[slot.instrument as usize];
        let too_large =
            || invalid("initial_size", rules.qty_decimal(initial), "makes the entries' value too large");
        if let Some(price) = change.entry_price {
            let price = rules.mark(price).map_err(precision("entry_price", price))?;
            return rules.value(price, initial).ok_or_else(too_large).map(Some);
        }
        if initial == slot.initial || slot.initial.is_zero() {
            return Ok(None);
        }
        let share = multiply_divide(slot.entry_value.0, initial.0, slot.initial.0, Rounding::HalfEven);
        share.map(Money).ok_or_else(too_large).map(Some)
    }

    /// An order that is known as nobody's, by one of the venue's ids for it.
    fn find_strange(
        &self,
        field: &'static str,
        id: &Id,
        role: OrderRole,
        side: TradeSide,
        instrument: u32,
    ) -> Result<u32, Box<Refusal>> {
        let place = self.orders.by_venue_id(id).or_else(|| self.orders.by_client_id(id));
        let strange = place.filter(|place| self.orders.at(*place).role == OrderRole::External);
        let Some(place) = strange else {
            return Err(Refusal::field(
                Code::UnknownOrder,
                field,
                id,
                "is no order that is known as nobody's",
            ));
        };
        let order = self.orders.at(place);
        let exit = exit_side(side);
        let wanted = if role == OrderRole::Exit { exit } else { exit.opposite() };
        let book = position_side(self.is_hedged(instrument), side);
        if order.instrument != instrument || order.order_side != wanted || order.position_side != book {
            return Err(invalid(
                field,
                id,
                "is of another asset, order side or position side than the slot needs",
            ));
        }
        if order.filled < order.qty {
            return Err(invalid(
                field,
                id,
                "is still at work: a slot takes an order's fills once all are there",
            ));
        }
        if order.fills.is_empty() || order.fills.iter().any(|fill| fill.qty.is_zero()) {
            return Err(invalid(field, id, "has no fills that a slot could take"));
        }
        if order.fills.iter().any(|fill| fill.forced) {
            return Err(invalid(field, id, "was forced by the venue, and slots have given for it"));
        }
        Ok(place)
    }

    fn check_attachable(&self, slot: &Slot, change: &SlotOverride, opens: bool) -> Result<(), Box<Refusal>> {
        if slot.stage.is_free() && !opens {
            return Err(invalid(
                "entry_order",
                "",
                "a free slot takes an order only with a trade of its own",
            ));
        }
        if change.entry_order.is_some() && change.entry_order == change.exit_order {
            return Err(invalid("exit_order", "", "is the entry order"));
        }
        Ok(())
    }

    // ------------------------------------------------------------------------------------------------ commit

    fn commit_override(&mut self, plan: &OverridePlan, change: &SlotOverride, effects: &mut Effects) {
        let slot_id = change.slot_id;
        if let Some(trade) = &plan.opened {
            let trade_id = change.trade_id.clone().unwrap_or_default();
            self.seat_trade(slot_id, &trade_id, trade);
            self.take_position(slot_id, trade, Cause::Override, &change.by);
            self.after_move(slot_id, effects);
        } else if let Some(trade_id) = &change.trade_id {
            self.rename(slot_id, trade_id);
        }
        if let Some(moved) = plan.position {
            self.commit_position(slot_id, moved, &change.by);
        }
        self.commit_shown(plan, change);
        for (place, role) in [(plan.entry_order, OrderRole::Entry), (plan.exit_order, OrderRole::Exit)] {
            if let Some(place) = place {
                self.take_strange(place, slot_id, role, &change.by, effects);
            }
        }
        if change.closed == Some(true) {
            self.commit_closed(slot_id, change, effects);
        } else if plan.position.is_some() || plan.entry_order.is_some() || plan.exit_order.is_some() {
            self.after_move(slot_id, effects);
        }
    }

    fn rename(&mut self, slot_id: u32, trade_id: &Id) {
        let slot = &mut self.slots[slot_id as usize];
        let busy = !slot.stage.is_free();
        if busy {
            self.trades.remove(slot.trade_id.hash64(), slot_id);
            self.trades.insert(trade_id.hash64(), slot_id);
        }
        slot.trade_id = trade_id.clone();
        let orders = slot.entry.into_iter().chain(slot.exit).chain(slot.other_exits.iter().copied());
        for reference in orders {
            if self.orders.get(reference).is_some() {
                self.orders.at_mut(reference.place).trade_id = trade_id.clone();
            }
        }
    }

    /// Quantity comes out of the unassigned book or goes there; a change of cost that no quantity carries is a
    /// difference between slots and book.
    fn commit_position(&mut self, slot_id: u32, moved: Moved, by: &Id) {
        let before = self.slots[slot_id as usize].basis;
        let gone = before.qty - moved.after.qty;
        self.move_to_unassigned(slot_id, gone, moved.value, (Cause::Override, Origin::Manual), by);
        let left_over = moved.after.cost + moved.value - before.cost;
        self.post_between(slot_id, left_over, Cause::Override, by);
        self.slots[slot_id as usize].basis = moved.after;
    }

    /// What is only shown, and the realised profit, whose change is a difference between slots and book.
    fn commit_shown(&mut self, plan: &OverridePlan, change: &SlotOverride) {
        let slot_id = change.slot_id;
        if let Some(realized) = plan.realized {
            let before = self.slots[slot_id as usize].realized;
            self.post_between(slot_id, realized - before, Cause::Override, &change.by);
            self.slots[slot_id as usize].realized = realized;
        }
        let now_ns = self.now_ns;
        let slot = &mut self.slots[slot_id as usize];
        slot.last_event_time_ns = now_ns;
        slot.initial = plan.initial.unwrap_or(slot.initial);
        slot.entry_value = plan.entry_value.unwrap_or(slot.entry_value);
        slot.leverage = change.leverage.unwrap_or(slot.leverage);
        slot.unprotected = change.unprotected.unwrap_or(slot.unprotected);
        if let Some(ratios) = &change.exit_leg_ratios {
            slot.ratios.clone_from(ratios);
        }
        if let Some(reason) = &change.close_reason {
            slot.close_reason.clone_from(reason);
        }
        if let Some(metadata) = &change.metadata {
            slot.metadata.clone_from(metadata);
        }
    }

    fn commit_closed(&mut self, slot_id: u32, change: &SlotOverride, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        if slot.stage.is_free() {
            return;
        }
        let whole = slot.basis;
        if let Some(entry) = slot.entry {
            self.call_off(entry, effects); // it never left
        }
        if !whole.qty.is_zero() {
            let cause = (Cause::Override, Origin::Manual);
            self.move_to_unassigned(slot_id, whole.qty, whole.cost, cause, &change.by);
            self.slots[slot_id as usize].basis = Basis::FLAT;
            self.after_move(slot_id, effects);
        }
        let slot = &mut self.slots[slot_id as usize];
        slot.unprotected = false;
        slot.close_reason = match &change.close_reason {
            Some(reason) => reason.clone(),
            None => Id::new("OVERRIDE").unwrap_or_default(),
        };
    }

    /// A stranger's order becomes the slot's: its fills move from the unassigned book into the slot. The venue's book,
    /// wallet and fees have them already.
    fn take_strange(&mut self, place: u32, slot_id: u32, role: OrderRole, by: &Id, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        let (trade_number, trade_id, side) = (slot.trade_number, slot.trade_id.clone(), slot.side);
        let reference = self.orders.make_ours(place, slot_id);
        let order = self.orders.at_mut(place);
        order.role = role;
        order.trade_number = trade_number;
        order.trade_id = trade_id;
        order.side = side;
        order.status = VenueOrderStatus::Filled;
        order.qty = order.filled;
        let order = self.orders.at(place);
        let (sign, book) = (order.order_side.sign(), order.position_side as usize);
        let (instrument, fills) = (order.instrument as usize, order.fills.clone());
        for fill in fills {
            let rules = &self.instruments[instrument];
            // In bounds when it was booked.
            let value = rules.value(fill.price, fill.qty).unwrap_or_default();
            let (settle, by_fee) = (rules.settle, shrinkage(rules, fill.fee, fill.fee_asset));
            let given = rules.basis_sign(value);
            let (qty, value) = if sign > 0 { (fill.qty, given) } else { (-fill.qty, -given) };
            let strangers = &mut self.books[instrument].unassigned[book];
            strangers.shrink(-by_fee, Origin::Manual);
            let back = strangers.apply(-qty, -value, Origin::Manual).realized;
            let own = self.attribute(slot_id, role, qty, value, book, effects);
            let own = own - self.shrink_home(place, Some(slot_id), by_fee);
            self.post_between(slot_id, own + back, Cause::Override, by);
            if fill.fee_asset == settle {
                self.slots[slot_id as usize].fees += fill.fee;
            }
        }
        self.seat_order(slot_id, role, reference);
    }

    /// It stands where the slot's own order of that kind would, unless one is at work there.
    fn seat_order(&mut self, slot_id: u32, role: OrderRole, reference: OrderRef) {
        let slot = &self.slots[slot_id as usize];
        let works =
            |seat: Option<OrderRef>| seat.and_then(|seat| self.orders.get(seat)).is_some_and(Order::is_live);
        match role {
            OrderRole::Entry if !works(slot.entry) => self.slots[slot_id as usize].entry = Some(reference),
            OrderRole::Exit if !works(slot.exit) => self.slots[slot_id as usize].exit = Some(reference),
            OrderRole::Entry | OrderRole::Exit | OrderRole::External => {}
        }
    }
}

fn check_texts(change: &SlotOverride) -> Result<(), Box<Refusal>> {
    if let Some(ratios) = &change.exit_leg_ratios {
        check_ratios(ratios)?;
    }
    if let Some(leverage) = change.leverage.filter(|leverage| !leverage.is_positive()) {
        return Err(invalid("leverage", leverage, "must be above zero"));
    }
    let longest = change.metadata.as_ref().map_or(0, |text| text.len()).max(change.reason.len());
    if longest > METADATA_BYTES_MAX {
        return Err(invalid("metadata", longest, "reason and metadata are at most 4096 bytes each"));
    }
    Ok(())
}
