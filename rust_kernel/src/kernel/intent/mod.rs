//! Intents: what they ask for, and the orders made of them.

pub(crate) mod checks;
pub(crate) mod enter;
mod exit;

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use super::Kernel;
use super::window::Named;
use crate::effect::{CancelRequest, Command, Effects, OrderRequest};
use crate::id::Id;
use crate::input::{Intent, METADATA_BYTES_MAX, OWNER_BYTES_MAX, Stamp};
use crate::names::{
    KernelCommandType, KernelDiagnosticCode as Code, OrderDoubt, OrderSide, Product, TimeInForce, TradeSide,
    TriggerBy, VenueOrderStatus,
};
use crate::num::{Decimal, NumError, Qty};
use crate::order::{Order, OrderRef, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::position_side;
use crate::slot::Slot;
use crate::slot::classify::Change;
use crate::slot::table::{Rule, Symbol, rule};
pub(crate) use checks::{Prices, check_ratios};
use checks::{check_attachment, check_trade};

/// What was answered to an accepted intent, for when it comes again.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
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
pub(crate) fn permitted(slot: &Slot, symbol: Symbol) -> Result<(), Box<Refusal>> {
    match rule(slot.stage, symbol) {
        Rule::Go(_) => Ok(()),
        Rule::Ignore(code) | Rule::Refuse(code) => {
            Err(Refusal::with(code, Detail::Carries { trade_id: slot.trade_id.clone(), stage: slot.stage }))
        }
    }
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_intent(&mut self, stamp: Stamp, intent: &Intent, effects: &mut Effects) -> Outcome {
        let key = intent.intent_id.hash64();
        let refusal = match self.check_intent(stamp.0, intent, key) {
            Err(refusal) => refusal,
            Ok((_, Some(at))) => {
                self.pass_time(stamp, stamp.0);
                return self.repeat(at);
            }
            // Each action has a plan of its own kind: one that could be any of them would have to be moved.
            Ok((slot, None)) => match intent.action {
                KernelCommandType::Enter => match self.plan_enter(stamp.0, slot, intent) {
                    Ok(plan) => {
                        self.pass_time(stamp, stamp.0);
                        return self.commit_enter(&plan, intent, key, effects);
                    }
                    Err(refusal) => refusal,
                },
                KernelCommandType::Exit => match self.plan_exit(stamp.0, slot, intent) {
                    Ok(plan) => {
                        self.pass_time(stamp, stamp.0);
                        return self.commit_exit(&plan, intent, key, effects);
                    }
                    Err(refusal) => refusal,
                },
                KernelCommandType::Cancel => match self.plan_cancel(slot, intent) {
                    Ok(plan) => {
                        self.pass_time(stamp, stamp.0);
                        return self.commit_cancel(&plan, intent, key, effects);
                    }
                    Err(refusal) => refusal,
                },
                KernelCommandType::Amend => match self.plan_amend(stamp.0, slot, intent) {
                    Ok(plan) => {
                        self.pass_time(stamp, stamp.0);
                        return self.commit_amend(&plan, intent, key, effects);
                    }
                    Err(refusal) => refusal,
                },
            },
        };
        self.refused(Some(intent.slot_id), *refusal)
    }

    /// Whether an intent would be taken.
    pub(crate) fn plan_intent(&self, now_ns: i64, intent: &Intent) -> Result<(), Box<Refusal>> {
        let (slot, repeated) = self.check_intent(now_ns, intent, intent.intent_id.hash64())?;
        if repeated.is_some() {
            return Ok(());
        }
        match intent.action {
            KernelCommandType::Enter => self.plan_enter(now_ns, slot, intent).map(drop),
            KernelCommandType::Exit => self.plan_exit(now_ns, slot, intent).map(drop),
            KernelCommandType::Cancel => self.plan_cancel(slot, intent).map(drop),
            KernelCommandType::Amend => self.plan_amend(now_ns, slot, intent).map(drop),
        }
    }

    /// What must be so whatever the action: the intent's slot, and where it came before, the place of the first outcome.
    /// `key` is the hash of the intent's id: it finds the intent here, and commitment remembers the intent by it.
    #[inline]
    fn check_intent(
        &self,
        now_ns: i64,
        intent: &Intent,
        key: u64,
    ) -> Result<(&Slot, Option<u32>), Box<Refusal>> {
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
            return Ok((slot, Some(at)));
        }
        if intent.metadata.len() > METADATA_BYTES_MAX {
            return Err(invalid("metadata", intent.metadata.len(), "must be at most 4096 canonical bytes"));
        }
        if intent.owner.as_str().len() > OWNER_BYTES_MAX {
            return Err(invalid("owner", &intent.owner, "must be at most 31 bytes"));
        }
        if let Some(attached) = &intent.attached {
            check_attachment(intent, attached)?;
        }
        // What reduces risk is never too late.
        let increases = intent.action == KernelCommandType::Enter;
        if let Some(until) = intent.valid_until_ns.filter(|until| increases && *until < now_ns) {
            return Err(invalid("valid_until", until, "has passed"));
        }
        Ok((slot, None))
    }

    fn plan_cancel(&self, slot: &Slot, intent: &Intent) -> Result<CancelPlan, Box<Refusal>> {
        let place = self.chosen_order(slot, intent)?;
        permitted(slot, Symbol::Cancel)?;
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
            if let (Some(first), Some(second)) = (only, live.next())
                && !self.are_parts(slot, [first, second].into_iter().chain(live.clone()))
            {
                let all = [first, second].into_iter().chain(live);
                return Err(self.ambiguous(all.map(|reference| reference.place)));
            }
            only
        } else {
            live.find(|reference| self.orders.at(reference.place).client_id == intent.target_client_id)
        };
        chosen.map(|reference| reference.place).ok_or_else(|| self.not_at_work(slot, intent))
    }

    /// Several orders could be meant.
    #[cold]
    pub(crate) fn ambiguous(&self, places: impl Iterator<Item = u32>) -> Box<Refusal> {
        let ids = places.map(|place| self.orders.at(place).client_id.clone()).collect();
        Refusal::with(Code::AmbiguousOrder, Detail::Choose(ids))
    }

    /// None of the slot's orders that work is meant.
    #[cold]
    fn not_at_work(&self, slot: &Slot, intent: &Intent) -> Box<Refusal> {
        let target = &intent.target_client_id;
        let detail = if target.is_empty() {
            Detail::Carries { trade_id: slot.trade_id.clone(), stage: slot.stage }
        } else {
            let status =
                self.orders.by_client_id(target).map(|place| self.orders.at(place).reported_status());
            Detail::NotAtWork { target: target.clone(), status }
        };
        Refusal::with(Code::NoActiveOrder, detail)
    }

    // ------------------------------------------------------------------------------------------------ commit

    pub(crate) fn commit_cancel(
        &mut self,
        plan: &CancelPlan,
        intent: &Intent,
        key: u64,
        effects: &mut Effects,
    ) -> Outcome {
        self.move_slot(intent.slot_id, Symbol::Cancel, effects);
        if self.orders.at(plan.place).is_attached() {
            self.withdraw_exit(intent.slot_id, plan.place);
        }
        let beside = self.other_parts(intent.slot_id, plan.place);
        self.let_go(plan.place, effects);
        for place in beside {
            self.let_go(place, effects);
        }
        self.remember_order(intent, key, plan.place)
    }

    /// The first outcome of an intent that came again.
    pub(crate) fn repeat(&self, at: u32) -> Outcome {
        let first = self.intents.at(at);
        let venue_client_id = first.client_id.clone();
        let detail = Detail::First { seq: first.seq, time_ns: None, venue_client_id };
        self.answer(Code::DuplicateIntent, Some(first.slot_id), detail)
    }

    /// The answer to an intent that made or meant an order.
    #[inline]
    pub(crate) fn remember_order(&mut self, intent: &Intent, key: u64, place: u32) -> Outcome {
        let client_id = self.orders.at(place).client_id.clone();
        self.remember(intent, key, client_id)
    }

    #[inline]
    pub(crate) fn remember(&mut self, intent: &Intent, key: u64, client_id: Id) -> Outcome {
        let remembered = self.intents.remember(key);
        remembered.intent_id.clone_from(&intent.intent_id);
        remembered.seq = self.seq;
        remembered.slot_id = intent.slot_id;
        remembered.client_id.clone_from(&client_id);
        self.answer(Code::Ok, Some(intent.slot_id), Detail::Order(client_id))
    }

    /// Writes a new order into the store, in place: an order is large, and its place keeps the memory of its lists.
    #[inline]
    pub(crate) fn new_order(
        &mut self,
        role: OrderRole,
        leg: u8,
        intent: &Intent,
        qty: Qty,
        prices: Prices,
    ) -> OrderRef {
        let slot = &self.slots[intent.slot_id as usize];
        let derivative = self.instruments[slot.instrument as usize].spec.product == Product::Perp;
        let hedged = self.is_hedged(slot.instrument);
        let exit = exit_side(slot.side);
        let (reference, order) = self.orders.claim(intent.slot_id, leg);
        order.intent_id.clone_from(&intent.intent_id);
        order.trade_number = slot.trade_number;
        order.trade_id.clone_from(&slot.trade_id);
        order.role = role;
        order.instrument = slot.instrument;
        order.side = slot.side;
        order.order_side = if role == OrderRole::Exit { exit } else { exit.opposite() };
        order.position_side = position_side(hedged, slot.side);
        order.order_type = intent.order_type;
        order.time_in_force = intent.time_in_force;
        order.expire_time_ns = intent.expire_time_ns;
        order.post_only = intent.post_only;
        // Venues refuse the flag on spot, and in hedge mode, where the position side says it already.
        order.reduce_only = role == OrderRole::Exit && derivative && !hedged;
        order.limit_price = prices.limit;
        order.qty = qty;
        let plain = prices.trigger.is_none() && intent.oco_group.is_empty() && slot.owner.is_empty();
        if !plain || (role == OrderRole::Exit && intent.valid_until_ns.is_some()) {
            self.write_extra(reference, intent, prices);
        }
        reference
    }

    /// What only few orders have.
    #[cold]
    fn write_extra(&mut self, reference: OrderRef, intent: &Intent, prices: Prices) {
        let order = self.orders.at_mut(reference.place);
        let role = order.role;
        let extra = order.extra_mut();
        extra.owner.clone_from(&self.slots[intent.slot_id as usize].owner);
        extra.trigger_price = prices.trigger;
        extra.by_mark = prices.trigger.is_some() && intent.trigger_by() == TriggerBy::Mark;
        extra.oco_group.clone_from(&intent.oco_group);
        if role == OrderRole::Exit {
            extra.valid_until_ns = intent.valid_until_ns;
        }
        if !intent.oco_group.is_empty() {
            self.join_group(reference);
        }
    }

    /// Hands an order to the outbox. From here on it may be live at the venue.
    #[inline]
    pub(crate) fn release(&mut self, place: u32, effects: &mut Effects) {
        self.submit(place, effects);
        let order = self.orders.at(place);
        let (slot_id, role, limited) = (order.slot_id, order.role, order.time_in_force == TimeInForce::Gtd);
        if limited {
            self.watch_new(place);
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
                reduce_only: order.reduce_only,
                size: rules.qty_decimal(order.qty),
                limit_price: order.limit_price.map(|price| rules.price_on_wire(price)),
                trigger_price: order.trigger_price().map(|price| rules.price_on_wire(price)),
                trigger_by: order.trigger_by(),
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
        self.guard.take_cancel(&self.control.limits, self.now_ns);
        let request = self.order_key(place);
        effects.commands.push(Command::Cancel(request));
    }

    /// Takes an order back: one that never left ends here, since nobody else can know it.
    pub(crate) fn let_go(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at(place);
        if order.status == VenueOrderStatus::New && order.role == OrderRole::Exit {
            self.drop_unsent(OrderRef { place, number: order.number });
        } else if order.status == VenueOrderStatus::New {
            self.end_order(place, VenueOrderStatus::Canceled, Change::Ended, effects);
        } else {
            self.request_cancel(place, effects);
        }
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
