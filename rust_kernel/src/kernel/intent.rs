//! Intents: ENTER, EXIT, CANCEL.

use alloc::boxed::Box;
use serde::Serialize;

use super::amend::AmendPlan;
use super::window::Named;
use super::{EXIT_LEGS_MAX, Kernel};
use crate::effect::{CancelRequest, Command, Effects, OrderRequest};
use crate::id::Id;
use crate::input::{Intent, METADATA_BYTES_MAX, Stamp};
use crate::instrument::Instrument;
use crate::names::{
    ControlGate, KernelCommandType, KernelDiagnosticCode as Code, OrderDoubt, OrderSide, OrderType,
    TimeInForce, TradeSide, TradeStage, VenueOrderStatus,
};
use crate::num::{Decimal, MONEY_SCALE, Money, NumError, Price, Qty, Rounding};
use crate::order::{Order, OrderRef, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::{Basis, position_side};
use crate::risk::{self, Attempt};
use crate::slot::Slot;
use crate::slot::classify::Change;
use crate::slot::table::{Rule, Symbol, rule};

/// What was answered to an accepted intent, for when it comes again.
#[derive(Clone, Default, Debug, Serialize)]
pub struct Remembered {
    /// The intent.
    pub intent_id: Id,
    /// The input.
    pub seq: u64,
    /// The slot.
    pub slot_id: u32,
    /// The order it made or meant.
    pub client_id: Id,
}

impl Named for Remembered {
    #[inline]
    fn id(&self) -> &Id {
        &self.intent_id
    }
}

/// What an intent does.
#[derive(Debug)]
pub(crate) enum IntentPlan {
    Enter(EnterPlan),
    Exit(ExitPlan),
    Cancel(CancelPlan),
    Amend(AmendPlan),
    /// It came before; the place of the first outcome.
    Repeat(u32),
}

#[derive(Debug)]
pub(crate) struct EnterPlan {
    instrument: u32,
    qty: Qty,
    limit_price: Option<Price>,
    reserve_price: Price,
    notional: Money,
    leverage: Decimal,
    set_leverage: bool,
}

#[derive(Debug)]
pub(crate) struct ExitPlan {
    qty: Qty,
    limit_price: Option<Price>,
    cancel_entry: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct CancelPlan {
    place: u32,
}

pub(crate) fn invalid(
    field: &'static str,
    value: impl core::fmt::Display,
    why: &'static str,
) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

fn invalid_slot(shown: impl core::fmt::Display) -> Box<Refusal> {
    Refusal::field(Code::InvalidSlotId, "slot_id", shown, "must be below max_slots")
}

pub(crate) fn precision(field: &'static str, value: Decimal) -> impl Fn(NumError) -> Box<Refusal> {
    move |error| {
        let why = match error {
            NumError::Inexact => "has more digits than the instrument can hold exactly",
            NumError::NotANumber | NumError::Overflow => "is too large",
        };
        Refusal::field(Code::Precision, field, value, why)
    }
}

/// Says no where the table does.
pub(crate) fn permitted(stage: TradeStage, symbol: Symbol) -> Result<(), Box<Refusal>> {
    match rule(stage, symbol) {
        Rule::Go(_) => Ok(()),
        Rule::Ignore(code) | Rule::Refuse(code) => Err(Refusal::plain(code)),
    }
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_intent(&mut self, stamp: Stamp, intent: &Intent, effects: &mut Effects) -> Outcome {
        let key = intent.intent_id.hash64();
        let plan = match self.plan_intent(stamp.0, intent, key) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(Some(intent.slot_id), *refusal),
        };
        self.pass_time(stamp, stamp.0);
        match &plan {
            IntentPlan::Enter(plan) => self.commit_enter(plan, intent, key, effects),
            IntentPlan::Exit(plan) => self.commit_exit(plan, intent, key, effects),
            IntentPlan::Cancel(plan) => self.commit_cancel(plan, intent, key, effects),
            IntentPlan::Amend(plan) => self.commit_amend(plan, intent, key, effects),
            IntentPlan::Repeat(at) => self.repeat(*at),
        }
    }

    /// `key` is the hash of the intent's id: it finds the intent here, and commitment remembers the intent by it.
    #[inline]
    pub(crate) fn plan_intent(
        &self,
        now_ns: i64,
        intent: &Intent,
        key: u64,
    ) -> Result<IntentPlan, Box<Refusal>> {
        let slot = self.slots.get(intent.slot_id as usize).ok_or_else(|| {
            match intent.slot_id {
                // What a binding makes of a number that no slot can have.
                u32::MAX => invalid_slot("negative, or too large for any kernel"),
                slot_id => invalid_slot(slot_id),
            }
        })?;
        if intent.intent_id.is_empty() {
            return Err(invalid("intent_id", "", "must not be empty"));
        }
        if let Some(at) = self.intents.find(&intent.intent_id, key) {
            return Ok(IntentPlan::Repeat(at));
        }
        if intent.metadata.len() > METADATA_BYTES_MAX {
            return Err(invalid("metadata", intent.metadata.len(), "must be at most 4096 canonical bytes"));
        }
        // What reduces risk is never too late.
        let increases = intent.action == KernelCommandType::Enter;
        if let Some(until) = intent.valid_until_ns.filter(|until| increases && *until < now_ns) {
            return Err(invalid("valid_until", until, "has passed"));
        }
        match intent.action {
            KernelCommandType::Enter => self.plan_enter(now_ns, slot, intent).map(IntentPlan::Enter),
            KernelCommandType::Exit => self.plan_exit(now_ns, slot, intent).map(IntentPlan::Exit),
            KernelCommandType::Cancel => self.plan_cancel(slot, intent).map(IntentPlan::Cancel),
            KernelCommandType::Amend => self.plan_amend(now_ns, slot, intent).map(IntentPlan::Amend),
        }
    }

    fn plan_enter(&self, now_ns: i64, slot: &Slot, intent: &Intent) -> Result<EnterPlan, Box<Refusal>> {
        self.check_gate()?;
        let side =
            intent.side.entry_side().ok_or_else(|| invalid("side", intent.side, "must be LONG or SHORT"))?;
        if intent.trade_id.is_empty() {
            return Err(invalid("trade_id", "", "must not be empty"));
        }
        self.check_provenance(intent)?;
        check_kind(now_ns, intent)?;
        check_ratios(&intent.exit_leg_ratios)?;
        if intent.reduce_only {
            return Err(invalid("reduce_only", true, "an ENTER always increases the position"));
        }
        let instrument = self
            .instrument_of(&intent.asset)
            .ok_or_else(|| invalid("asset", &intent.asset, "is not configured: set_exchange_config"))?;
        if !self.opened {
            return Err(Refusal::plain(Code::NotOpened));
        }
        permitted(slot.stage, Symbol::Enter)?;
        if self.slot_of_trade(&intent.trade_id).is_some() {
            return Err(invalid("trade_id", &intent.trade_id, "is carried by another slot"));
        }
        let books = &self.books[instrument as usize];
        let other = (intent.side as usize & 1) ^ 1;
        if !self.config.hedge_mode && books.busy[other] > 0 {
            return Err(Refusal::plain(Code::OppositeSide));
        }
        let rules = &self.instruments[instrument as usize];
        if rules.base.is_some() && intent.side == TradeSide::Short {
            return Err(invalid("side", intent.side, "spot is bought and sold: it has no short positions"));
        }
        let size =
            intent.target_size.ok_or_else(|| invalid("target_size", "None", "is needed for an ENTER"))?;
        if !size.is_positive() {
            return Err(invalid("target_size", size, "must be above zero"));
        }
        let qty = rules.qty_rounded(size, Rounding::Floor).map_err(precision("target_size", size))?;
        let limit_price = checked_limit(rules, intent, side)?;
        self.check_regime(intent, limit_price, rules.mark)?;
        let reserve_price = self.entry_price(instrument, intent, side, limit_price)?;
        let notional = rules.value(reserve_price, qty).ok_or_else(|| {
            Refusal::field(Code::Precision, "target_size", size, "the order's value is too large")
        })?;
        check_floor(rules, qty, notional, size)?;
        let leverage = intent.leverage.unwrap_or(rules.leverage);
        let set_leverage = self.check_leverage(instrument, leverage)?;
        risk::check(
            &self.control.limits,
            &Attempt {
                notional,
                exposed: self.exposure.total(rules.settle),
                leverage,
                limit_and_mark: limit_price.zip(rules.mark),
                open_slots: self.busy_slots(),
            },
        )?;
        Ok(EnterPlan { instrument, qty, limit_price, reserve_price, notional, leverage, set_leverage })
    }

    pub(crate) fn check_gate(&self) -> Result<(), Box<Refusal>> {
        match self.control.gate {
            ControlGate::Halted => return Err(Refusal::plain(Code::ControlHalted)),
            ControlGate::ReduceOnly => return Err(Refusal::plain(Code::ReduceOnly)),
            ControlGate::Normal => {}
        }
        if self.control.frozen { Err(Refusal::plain(Code::Frozen)) } else { Ok(()) }
    }

    /// The price that an entry is valued at: its limit, the mark, or what the strategy saw.
    fn entry_price(
        &self,
        instrument: u32,
        intent: &Intent,
        side: OrderSide,
        limit_price: Option<Price>,
    ) -> Result<Price, Box<Refusal>> {
        let rules = &self.instruments[instrument as usize];
        let reference = match intent.reference_price {
            Some(value) if value.is_positive() => {
                Some(rules.mark(value).map_err(precision("reference_price", value))?)
            }
            Some(value) => return Err(invalid("reference_price", value, "must be above zero")),
            None => None,
        };
        // A sell under the mark fills at the mark or better, and is worth that. Inverse contracts are worth more coin
        // at lower prices: there it is the buy above the mark.
        let limit_price = match (side, limit_price, rules.mark) {
            (OrderSide::Sell, Some(limit), Some(mark)) if mark > limit && !rules.spec.inverse => Some(mark),
            (OrderSide::Buy, Some(limit), Some(mark)) if mark < limit && rules.spec.inverse => Some(mark),
            (OrderSide::Buy | OrderSide::Sell, limit, _) => limit,
        };
        limit_price
            .or(rules.mark)
            .or(reference)
            .ok_or_else(|| invalid("reference_price", "None", "is needed while the instrument has no mark"))
    }

    /// Whether the venue's leverage must be set first.
    fn check_leverage(&self, instrument: u32, wanted: Decimal) -> Result<bool, Box<Refusal>> {
        if !wanted.is_positive() || wanted.at_scale(8).is_err() {
            return Err(invalid("leverage", wanted, "must be above zero, with at most 8 decimals"));
        }
        let rules = &self.instruments[instrument as usize];
        let books = &self.books[instrument as usize];
        if !books.waiting.is_empty() {
            // What the leverage will be is not known before the venue has answered.
            return Err(Refusal::limit("leverage_setting_pending", rules.leverage, wanted));
        }
        if wanted == rules.leverage {
            return Ok(false);
        }
        if rules.base.is_some() {
            return Err(invalid("leverage", wanted, "of spot is 1"));
        }
        let exposed = books.busy != [0, 0] || books.book.iter().any(|basis| !basis.qty.is_zero());
        if exposed {
            return Err(Refusal::limit("leverage_change_while_exposed", rules.leverage, wanted));
        }
        Ok(true)
    }

    fn plan_exit(&self, now_ns: i64, slot: &Slot, intent: &Intent) -> Result<ExitPlan, Box<Refusal>> {
        check_kind(now_ns, intent)?;
        permitted(slot.stage, if slot.basis.qty.is_zero() { Symbol::ExitFlat } else { Symbol::Exit })?;
        let rules = &self.instruments[slot.instrument as usize];
        check_trade(slot, rules, intent)?;
        let qty = match intent.target_size {
            None => slot.next_leg(rules.lot, rules.min_qty),
            Some(size) if size.is_positive() => {
                let wanted =
                    rules.qty_rounded(size, Rounding::Floor).map_err(precision("target_size", size))?;
                if wanted > slot.size() { slot.size() } else { wanted }
            }
            Some(size) => return Err(invalid("target_size", size, "must be above zero")),
        };
        // A fee in base leaves less than whole lots.
        let qty = if rules.base.is_some() { rules.whole_lots(qty) } else { qty };
        if qty.is_zero() || (qty < rules.min_qty && qty < slot.size()) {
            let attempt = intent.target_size.unwrap_or_else(|| rules.qty_decimal(qty));
            return Err(Refusal::field(
                Code::BelowFloor,
                "target_size",
                attempt,
                "is under the venue's minimum",
            ));
        }
        let side = exit_side(slot.side);
        let limit_price = checked_limit(rules, intent, side)?;
        let entry = slot.entry.filter(|entry| self.orders.get(*entry).is_some_and(Order::is_live));
        Ok(ExitPlan { qty, limit_price, cancel_entry: entry.map(|entry| entry.place) })
    }

    fn plan_cancel(&self, slot: &Slot, intent: &Intent) -> Result<CancelPlan, Box<Refusal>> {
        let place = self.chosen_order(slot, intent)?;
        permitted(slot.stage, Symbol::Cancel)?;
        Ok(CancelPlan { place })
    }

    /// The slot's live order that a CANCEL or an AMEND means: the one it names, or the only one.
    pub(crate) fn chosen_order(&self, slot: &Slot, intent: &Intent) -> Result<u32, Box<Refusal>> {
        if let Some(rules) = self.instruments.get(slot.instrument as usize) {
            check_trade(slot, rules, intent)?;
        }
        let orders = slot.entry.into_iter().chain(slot.exit).chain(slot.other_exits.iter().copied());
        let mut live = orders.filter(|reference| self.orders.get(*reference).is_some_and(Order::is_live));
        let chosen = if intent.target_client_id.is_empty() {
            let only = live.next();
            if live.next().is_some() {
                return Err(Refusal::plain(Code::AmbiguousOrder));
            }
            only
        } else {
            live.find(|reference| self.orders.at(reference.place).client_id == intent.target_client_id)
        };
        chosen.map(|reference| reference.place).ok_or_else(|| Refusal::plain(Code::NoActiveOrder))
    }

    // ------------------------------------------------------------------------------------------------ commit

    pub(crate) fn commit_enter(
        &mut self,
        plan: &EnterPlan,
        intent: &Intent,
        key: u64,
        effects: &mut Effects,
    ) -> Outcome {
        let slot_id = intent.slot_id;
        let slot = &mut self.slots[slot_id as usize];
        slot.trade_number = slot.trade_number.wrapping_add(1);
        slot.trade_id.clone_from(&intent.trade_id);
        slot.instrument = plan.instrument;
        slot.side = intent.side;
        slot.basis = Basis::FLAT;
        slot.initial = Qty::ZERO;
        slot.entry_value = Money::ZERO;
        slot.leverage = plan.leverage;
        slot.entry_time_ns = 0;
        slot.realized = Money::ZERO;
        slot.fees = Money::ZERO;
        slot.funding = Money::ZERO;
        slot.ratios.clear();
        slot.ratios.extend_from_slice(&intent.exit_leg_ratios);
        slot.exit = None;
        slot.close_reason = Id::EMPTY;
        slot.unprotected = false;
        if !(slot.metadata.is_empty() && intent.metadata.is_empty()) {
            slot.metadata.clone_from(&intent.metadata);
        }
        let reference = self.new_order(OrderRole::Entry, 0, intent, plan.qty, plan.limit_price);
        self.slots[slot_id as usize].entry = Some(reference);
        let order = self.orders.at_mut(reference.place);
        order.reserve_price = plan.reserve_price;
        order.reserved = plan.notional;
        self.exposure.reserve(plan.instrument, plan.notional);
        self.move_slot(slot_id, Symbol::Enter, effects);
        if plan.set_leverage {
            let symbol = intent.asset.clone();
            effects.commands.push(Command::SetLeverage { symbol, leverage: plan.leverage });
            self.books[plan.instrument as usize].waiting.push(reference);
        } else {
            self.release(reference.place, effects);
        }
        self.remember(intent, key, reference.place)
    }

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
        let slot = &mut self.slots[slot_id as usize];
        slot.close_reason.clone_from(&intent.reason);
        let leg = slot.active_leg_index(self.instruments[slot.instrument as usize].lot);
        let leg = (leg as u8).saturating_add(1) & 31;
        let reference = self.new_order(OrderRole::Exit, leg, intent, plan.qty, plan.limit_price);
        self.slots[slot_id as usize].exit = Some(reference);
        self.move_slot(slot_id, Symbol::Exit, effects);
        self.release(reference.place, effects);
        self.remember(intent, key, reference.place)
    }

    pub(crate) fn commit_cancel(
        &mut self,
        plan: &CancelPlan,
        intent: &Intent,
        key: u64,
        effects: &mut Effects,
    ) -> Outcome {
        self.move_slot(intent.slot_id, Symbol::Cancel, effects);
        if self.orders.at(plan.place).status == VenueOrderStatus::New {
            // It never left: nobody else can know it.
            self.end_order(plan.place, VenueOrderStatus::Canceled, Change::Ended, effects);
        } else {
            self.request_cancel(plan.place, effects);
        }
        self.remember(intent, key, plan.place)
    }

    /// The first outcome of an intent that came again.
    pub(crate) fn repeat(&self, at: u32) -> Outcome {
        let first = self.intents.at(at);
        let detail = Detail::First { seq: first.seq, venue_client_id: first.client_id.clone() };
        self.answer(Code::DuplicateIntent, Some(first.slot_id), detail)
    }

    #[inline]
    pub(crate) fn remember(&mut self, intent: &Intent, key: u64, place: u32) -> Outcome {
        let client_id = &self.orders.at(place).client_id;
        let remembered = self.intents.remember(key);
        remembered.intent_id.clone_from(&intent.intent_id);
        remembered.seq = self.seq;
        remembered.slot_id = intent.slot_id;
        remembered.client_id.clone_from(client_id);
        self.answer(Code::Ok, Some(intent.slot_id), Detail::Order(client_id.clone()))
    }

    /// Writes a new order into the store, in place: an order is large, and its place keeps the memory of its lists.
    #[inline]
    fn new_order(
        &mut self,
        role: OrderRole,
        leg: u8,
        intent: &Intent,
        qty: Qty,
        limit_price: Option<Price>,
    ) -> OrderRef {
        let slot = &self.slots[intent.slot_id as usize];
        let exit = exit_side(slot.side);
        let (reference, order) = self.orders.claim(intent.slot_id, leg);
        order.intent_id.clone_from(&intent.intent_id);
        order.trade_number = slot.trade_number;
        order.trade_id.clone_from(&slot.trade_id);
        order.role = role;
        order.instrument = slot.instrument;
        order.side = slot.side;
        order.order_side = if role == OrderRole::Exit { exit } else { exit.opposite() };
        order.position_side = position_side(self.config.hedge_mode, slot.side);
        order.order_type = intent.order_type;
        order.time_in_force = intent.time_in_force;
        order.expire_time_ns = intent.expire_time_ns;
        order.post_only = intent.post_only;
        order.reduce_only = intent.reduce_only || role == OrderRole::Exit;
        order.limit_price = limit_price;
        order.qty = qty;
        if role == OrderRole::Exit && intent.valid_until_ns.is_some() {
            order.extra_mut().valid_until_ns = intent.valid_until_ns;
        }
        reference
    }

    /// Hands an order to the outbox. From here on it may be live at the venue.
    #[inline]
    pub(crate) fn release(&mut self, place: u32, effects: &mut Effects) {
        self.submit(place, effects);
        let order = self.orders.at(place);
        let (slot_id, role, limited) = (order.slot_id, order.role, order.time_in_force == TimeInForce::Gtd);
        if limited {
            self.watch_order(place);
        }
        let symbol = if role == OrderRole::Exit { Symbol::ExitReleased } else { Symbol::EntryReleased };
        self.move_slot(slot_id, symbol, effects);
    }

    /// Writes the request for an order, the first time or again: the id is the same.
    #[inline]
    pub(crate) fn submit(&mut self, place: u32, effects: &mut Effects) {
        let now_ns = self.now_ns;
        let order = self.orders.at_mut(place);
        order.status = VenueOrderStatus::Sent;
        order.sent_time_ns = now_ns;
        let rules = &self.instruments[order.instrument as usize];
        // The list makes room first and the request is then written where it stays: it is too large to be moved.
        effects.commands.extend(core::iter::once_with(|| {
            Command::Submit(OrderRequest {
                venue_client_id: order.client_id.clone(),
                trade_id: order.trade_id.clone(),
                slot_id: order.slot_id,
                asset: rules.spec.symbol.clone(),
                side: order.side,
                order_side: order.order_side,
                position_side: order.position_side,
                order_type: order.order_type,
                time_in_force: order.time_in_force,
                expire_time_ns: order.expire_time_ns,
                post_only: order.post_only,
                // Spot venues know no such flag.
                reduce_only: order.reduce_only && rules.base.is_none(),
                size: rules.qty_decimal(order.qty),
                limit_price: order.limit_price.map(|price| rules.price_on_wire(price)),
                trigger_price: order.trigger_price().map(|price| rules.price_on_wire(price)),
                oco_group: order.oco_group().map(|group| Box::new(group.clone())),
            })
        }));
    }

    /// Asks the venue to cancel an order, once.
    pub(crate) fn request_cancel(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        if order.cancel_requested {
            if order.doubt != OrderDoubt::None {
                // Nobody knows if the first one arrived: ask, before there are two.
                let request = self.order_key(place);
                effects.commands.push(Command::Query(request));
            }
            return;
        }
        order.cancel_requested = true;
        let request = self.order_key(place);
        effects.commands.push(Command::Cancel(request));
    }

    /// How the venue may know an order.
    pub(crate) fn order_key(&self, place: u32) -> CancelRequest {
        let order = self.orders.at(place);
        CancelRequest {
            venue_client_id: order.client_id.clone(),
            venue_order_id: order.venue_order_id.clone(),
            asset: self.instruments[order.instrument as usize].spec.symbol.clone(),
            slot_id: order.slot_id,
        }
    }
}

pub(crate) fn exit_side(side: TradeSide) -> OrderSide {
    match side {
        TradeSide::Short => OrderSide::Buy,
        TradeSide::Long | TradeSide::Flat => OrderSide::Sell,
    }
}

fn check_trade(slot: &Slot, rules: &Instrument, intent: &Intent) -> Result<(), Box<Refusal>> {
    if slot.stage.is_free() {
        return Ok(()); // the table says what is wrong
    }
    if !intent.trade_id.is_empty() && intent.trade_id != slot.trade_id {
        return Err(invalid("trade_id", &intent.trade_id, "is not the trade that the slot carries"));
    }
    if !intent.asset.is_empty() && intent.asset != rules.spec.symbol {
        return Err(invalid("asset", &intent.asset, "is not the asset of the slot's trade"));
    }
    if intent.side != TradeSide::Flat && intent.side != slot.side {
        return Err(invalid("side", intent.side, "is not the side of the slot's position"));
    }
    Ok(())
}

/// What this version does not trade, and what contradicts itself.
fn check_kind(now_ns: i64, intent: &Intent) -> Result<(), Box<Refusal>> {
    match intent.order_type {
        OrderType::Market | OrderType::Limit => {}
        OrderType::StopMarket => return Err(Refusal::not_yet(Code::InvalidIntent, "order_type STOP_MARKET")),
        OrderType::StopLimit => return Err(Refusal::not_yet(Code::InvalidIntent, "order_type STOP_LIMIT")),
        OrderType::TakeProfit => return Err(Refusal::not_yet(Code::InvalidIntent, "order_type TAKE_PROFIT")),
    }
    if intent.trigger_price.is_some() {
        return Err(Refusal::not_yet(Code::InvalidIntent, "trigger_price"));
    }
    if intent.quote_size.is_some() {
        return Err(Refusal::not_yet(Code::InvalidIntent, "quote_size"));
    }
    if !intent.oco_group.is_empty() {
        return Err(Refusal::not_yet(Code::InvalidIntent, "oco_group"));
    }
    if intent.time_in_force == TimeInForce::Gtd && intent.expire_time_ns.is_none() {
        return Err(invalid("expire_time", "None", "is needed for GTD"));
    }
    if let Some(until) = intent.expire_time_ns.filter(|until| *until <= now_ns) {
        return Err(invalid("expire_time", until, "has passed"));
    }
    if intent.order_type == OrderType::Market && intent.post_only {
        return Err(invalid("post_only", true, "a MARKET order always takes"));
    }
    Ok(())
}

fn check_ratios(ratios: &[Decimal]) -> Result<(), Box<Refusal>> {
    const ONE: i128 = 1_000_000_000_000_000_000;
    if ratios.is_empty() {
        return Ok(());
    }
    if ratios.len() > EXIT_LEGS_MAX {
        return Err(invalid("exit_leg_ratios", ratios.len(), "has more than 31 legs"));
    }
    let mut sum: i128 = 0;
    for ratio in ratios {
        let mantissa = ratio
            .at_scale(MONEY_SCALE)
            .ok()
            .filter(|mantissa| (1..=ONE).contains(mantissa))
            .ok_or_else(|| invalid("exit_leg_ratios", ratio, "each must be above 0 and at most 1"))?;
        sum = sum.saturating_add(mantissa);
    }
    if sum == ONE { Ok(()) } else { Err(invalid("exit_leg_ratios", Money(sum), "must sum to 1")) }
}

/// The limit price on the grid, where the type has one.
fn checked_limit(
    rules: &Instrument,
    intent: &Intent,
    side: OrderSide,
) -> Result<Option<Price>, Box<Refusal>> {
    match (intent.order_type, intent.limit_price) {
        (OrderType::Limit, None) => Err(invalid("limit_price", "None", "is needed for a LIMIT order")),
        (OrderType::Limit, Some(value)) => {
            if !value.is_positive() {
                return Err(invalid("limit_price", value, "must be above zero"));
            }
            let price = rules.limit_price(value, side).map_err(precision("limit_price", value))?;
            if price.is_zero() {
                return Err(Refusal::field(Code::BelowFloor, "limit_price", value, "is under one tick"));
            }
            if rules.max_price.is_some_and(|max| price > max) {
                return Err(invalid("limit_price", value, "is above the venue's highest price"));
            }
            Ok(Some(price))
        }
        (OrderType::Market | OrderType::StopMarket | OrderType::StopLimit | OrderType::TakeProfit, None) => {
            Ok(None)
        }
        (
            OrderType::Market | OrderType::StopMarket | OrderType::StopLimit | OrderType::TakeProfit,
            Some(value),
        ) => Err(invalid("limit_price", value, "does not belong to this order_type")),
    }
}

fn check_floor(rules: &Instrument, qty: Qty, notional: Money, size: Decimal) -> Result<(), Box<Refusal>> {
    if qty.is_zero() || qty < rules.min_qty || notional < rules.min_notional {
        return Err(Refusal::field(Code::BelowFloor, "target_size", size, "is under the venue's minimum"));
    }
    if rules.max_qty.is_some_and(|max| qty > max) {
        return Err(invalid("target_size", size, "is above the venue's largest order"));
    }
    Ok(())
}
