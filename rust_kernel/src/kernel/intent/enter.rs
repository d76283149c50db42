//! ENTER: a slot's trade begins with an entry order.

use alloc::boxed::Box;

use super::checks::{Prices, bought_for, check_floor, check_kind, check_ratios, checked_prices};
use super::{invalid, permitted, precision};
use crate::effect::{Command, Effects};
use crate::id::Id;
use crate::input::Intent;
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::kernel::amend::at_worst;
use crate::names::{ControlGate, KernelDiagnosticCode as Code, OrderSide, PositionSide, Product, TradeSide};
use crate::num::{Decimal, Money, Price, Qty, Rounding};
use crate::order::{Order, OrderRole};
use crate::outcome::{Detail, Gated, Outcome, Refusal};
use crate::planted::{Bug, planted};
use crate::position::Basis;
use crate::risk::Attempt;
use crate::slot::Slot;
use crate::slot::table::Symbol;

#[derive(Debug)]
pub(crate) struct EnterPlan {
    instrument: u32,
    qty: Qty,
    prices: Prices,
    reserve_price: Price,
    notional: Money,
    leverage: Decimal,
    set_leverage: bool,
}

impl Kernel {
    pub(super) fn plan_enter(
        &self,
        now_ns: i64,
        slot: &Slot,
        intent: &Intent,
    ) -> Result<EnterPlan, Box<Refusal>> {
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
        // A slot mostly trades what it traded last.
        let last = self.instruments.get(slot.instrument as usize);
        let instrument = last
            .filter(|rules| rules.spec.symbol == intent.asset)
            .map_or_else(|| self.instrument_of(&intent.asset), |_| Some(slot.instrument))
            .ok_or_else(|| invalid("asset", &intent.asset, "is not configured: set_exchange_config"))?;
        if !self.may_trade() {
            return Err(Refusal::plain(Code::NotOpened));
        }
        let adds = intent.adds();
        if adds {
            self.check_addition(slot, intent)?;
        } else {
            permitted(slot, Symbol::Enter)?;
            if self.slot_of_trade(&intent.trade_id).is_some() {
                return Err(invalid("trade_id", &intent.trade_id, "is carried by another slot"));
            }
        }
        let rules = &self.instruments[instrument as usize];
        check_product(rules, intent)?;
        let books = &self.books[instrument as usize];
        let other = (intent.side as usize & 1) ^ 1;
        if !self.config.hedge_mode && books.busy[other] > 0 && !rules.nets() {
            return Err(self.opposite_held(instrument, intent.side));
        }
        self.check_unassigned_side(instrument, side)?;
        let asked = asked_size(intent)?;
        let in_lots = match intent.target_size {
            Some(size) => {
                Some(rules.qty_rounded(size, Rounding::Floor).map_err(precision("target_size", size))?)
            }
            None => None,
        };
        let prices = checked_prices(rules, intent, side)?;
        self.check_regime(intent, prices.limit, rules.mark, now_ns)?;
        check_reference(intent)?;
        let mark = self.mark_of(rules, now_ns)?;
        let reserve_price = at_worst(rules, prices, mark);
        let too_large =
            || Refusal::field(Code::Precision, asked.0, asked.1, "the order's value is too large");
        let qty = match in_lots {
            Some(qty) => qty,
            None => quote_in_lots(rules, asked.1, prices.own(mark)).ok_or_else(too_large)?,
        };
        let notional = rules.value(reserve_price, qty).ok_or_else(too_large)?;
        check_floor(rules, qty, prices.own(mark), asked)?;
        if let Some(bounds) = &rules.bounds {
            self.check_entry_bounds((instrument, rules, bounds), intent, (qty, asked), (prices, mark))?;
        }
        let leverage = intent.leverage.unwrap_or(if adds { slot.leverage } else { rules.leverage });
        let set_leverage = self.check_leverage(instrument, leverage)?;
        let added = if intent.oco_group.is_empty() {
            notional
        } else {
            self.plan_group(OrderRole::Entry, instrument, slot, intent, notional)?
        };
        let own = added;
        let added = self.exposure.increase(instrument, side, added);
        let attempt = Attempt {
            instrument,
            rules,
            qty,
            notional,
            added,
            leverage,
            mark,
            limit_price: prices.limit,
            trigger_price: prices.trigger,
            // An addition takes no slot of its own.
            open_slots: self.busy_slots().saturating_sub(u32::from(adds)),
        };
        if self.control.limits.is_set() {
            self.control.limits.check(&self.exposure, &attempt)?;
            if self.control.limits.looks_further() {
                self.check_further(now_ns, &attempt)?;
            }
        }
        if self.aside.bots.is_some() {
            let owner = if adds { &slot.owner } else { &intent.owner };
            self.check_bot_limits(owner, &attempt, own, !adds)?;
            self.check_budget(owner, &attempt, own)?;
        }
        self.check_capital(&attempt)?;
        Ok(EnterPlan { instrument, qty, prices, reserve_price, notional, leverage, set_leverage })
    }

    /// An addition is to the trade that the slot carries, on the same side, at the same leverage; and no other entry of it
    /// works.
    #[cold]
    fn check_addition(&self, slot: &Slot, intent: &Intent) -> Result<(), Box<Refusal>> {
        permitted(slot, Symbol::Add)?;
        let busy = |field, value: &dyn core::fmt::Display, why| {
            Err(Refusal::field(Code::SlotBusy, field, value, why))
        };
        let rules = &self.instruments[slot.instrument as usize];
        if intent.trade_id != slot.trade_id {
            return busy("trade_id", &intent.trade_id, "is not the trade that the slot carries");
        }
        if intent.asset != rules.spec.symbol {
            return busy("asset", &intent.asset, "is not the asset of the slot's trade");
        }
        if intent.side != slot.side {
            return busy("side", &intent.side, "is not the side of the slot's position");
        }
        if let Some(leverage) = intent.leverage.filter(|leverage| *leverage != slot.leverage) {
            return busy("leverage", &leverage, "is not the leverage of the slot's trade");
        }
        if !intent.owner.is_empty() && intent.owner != slot.owner {
            return Err(invalid("owner", &intent.owner, "is not the owner of the slot's trade"));
        }
        if !intent.exit_leg_ratios.is_empty() && intent.exit_leg_ratios != slot.ratios {
            let legs = intent.exit_leg_ratios.len();
            return Err(invalid(
                "exit_leg_ratios",
                legs,
                "are the trade's: leave them out where one adds to it",
            ));
        }
        if slot.entry.is_some_and(|entry| self.orders.get(entry).is_some_and(Order::is_live)) {
            return busy("add", &true, "an entry of the trade is at work: one at a time");
        }
        Ok(())
    }

    /// On a one-way account an entry against what is nobody's would close that at the venue, and leave less there than
    /// the slot thinks that it holds: its exit, which may only reduce, would be rejected. Spot has no sides: a slot sells
    /// what it bought. Where slots of both sides share the book, exits go by what the venue holds, and nothing is in the
    /// way.
    fn check_unassigned_side(&self, instrument: u32, side: OrderSide) -> Result<(), Box<Refusal>> {
        let rules = &self.instruments[instrument as usize];
        if self.config.hedge_mode || rules.base.is_some() || rules.nets() {
            return Ok(());
        }
        let held = self.books[instrument as usize].unassigned[PositionSide::Both as usize].basis().qty;
        if held.is_zero() || held.signum() == side.sign() {
            return Ok(());
        }
        Err(Refusal::held_by_nobody(rules.qty_decimal(held)))
    }

    pub(crate) fn check_gate(&self) -> Result<(), Box<Refusal>> {
        match self.control.gate {
            ControlGate::Halted => return Err(self.gated(Code::ControlHalted)),
            ControlGate::ReduceOnly => return Err(self.gated(Code::ReduceOnly)),
            ControlGate::Normal => {}
        }
        if self.control.frozen { Err(self.gated(Code::Frozen)) } else { self.check_armed() }
    }

    /// Entries are kept back: by whom, since when, why.
    #[cold]
    fn gated(&self, code: Code) -> Box<Refusal> {
        let control = &self.control;
        let reason = if self.guard.edge_frozen { self.guard.last_freeze_reason() } else { "" };
        let gated = Gated {
            gate: control.gate,
            updated_by: control.updated_by.clone(),
            updated_at_ns: control.changed_at_ns(),
            kill_switch: self.guard.kill_switch(),
            reason: reason.into(),
        };
        Refusal::with(code, Detail::Gated(Box::new(gated)))
    }

    /// A slot of a one-way account holds the other side: which.
    #[cold]
    pub(crate) fn opposite_held(&self, instrument: u32, side: TradeSide) -> Box<Refusal> {
        let holds = |(_, slot): &(u32, &Slot)| {
            slot.instrument == instrument && slot.side != side && !slot.stage.is_free()
        };
        let held = (0..).zip(&self.slots).find(holds).map(|(slot_id, slot)| {
            let (trade_id, side) = (slot.trade_id.clone(), slot.side);
            if self.bots().is_some_and(|bots| bots.is_bot(&slot.owner)) {
                return Detail::HeldByOwner { slot_id, trade_id, side, owner: slot.owner.clone() };
            }
            Detail::HeldBySlot { slot_id, trade_id, side }
        });
        Refusal::with(Code::OppositeSide, held.unwrap_or_default())
    }

    /// Whether the venue's leverage must be set first.
    #[inline]
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
        let exposed = books.busy != [0, 0] || books.book.iter().any(|book| !book.position.qty.is_zero());
        if exposed {
            return Err(Refusal::limit("leverage_change_while_exposed", rules.leverage, wanted));
        }
        Ok(true)
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
        let mut symbol = Symbol::Enter;
        if intent.adds() {
            symbol = Symbol::Add;
            if planted(Bug::AdditionIsANewTrade) {
                self.slots[slot_id as usize].initial = Qty::ZERO;
            }
        } else {
            self.begin_trade(plan, intent);
        }
        let reference = self.new_order(OrderRole::Entry, 0, intent, plan.qty, plan.prices);
        self.slots[slot_id as usize].entry = Some(reference);
        let order = self.orders.at_mut(reference.place);
        order.reserve_price = plan.reserve_price;
        self.set_reserved(reference.place, plan.notional);
        self.guard.take_order(&self.control.limits, self.now_ns);
        self.move_slot(slot_id, symbol, effects);
        if plan.set_leverage {
            let symbol = intent.asset.clone();
            effects.commands.push(Command::SetLeverage { symbol, leverage: plan.leverage });
            self.books[plan.instrument as usize].waiting.push(reference);
        } else {
            self.release(reference.place, effects);
        }
        self.remember_order(intent, key, reference.place)
    }

    /// The slot carries another trade from here on.
    #[inline(always)]
    fn begin_trade(&mut self, plan: &EnterPlan, intent: &Intent) {
        let slot_id = intent.slot_id;
        self.leave_trade(slot_id);
        let slot = &mut self.slots[slot_id as usize];
        slot.trade_number = slot.trade_number.wrapping_add(1);
        slot.trade_id.clone_from(&intent.trade_id);
        if !(slot.owner.is_empty() && intent.owner.is_empty()) {
            slot.owner.clone_from(&intent.owner);
        }
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
        if slot.attached.is_some() || intent.attached.is_some() {
            self.attach(slot_id, intent);
        }
    }
}

/// What the strategy saw is for its own records: it is held against nothing, but it has to be a price.
#[inline]
fn check_reference(intent: &Intent) -> Result<(), Box<Refusal>> {
    match intent.reference_price {
        Some(value) if !value.is_positive() => Err(invalid("reference_price", value, "must be above zero")),
        Some(_) | None => Ok(()),
    }
}

/// What a product does not know.
#[inline]
fn check_product(rules: &Instrument, intent: &Intent) -> Result<(), Box<Refusal>> {
    match rules.spec.product {
        Product::Perp => match intent.quote_size {
            Some(size) => Err(invalid("quote_size", size, "is for spot: give target_size")),
            None => Ok(()),
        },
        Product::Spot if intent.side != TradeSide::Long => {
            Err(invalid("side", intent.side, "spot has no short positions"))
        }
        Product::Spot => match intent.leverage {
            Some(leverage) if leverage != Decimal::ONE => {
                Err(invalid("leverage", leverage, "spot has none but 1"))
            }
            Some(_) | None => Ok(()),
        },
    }
}

/// The size as it was asked for, with its field's name.
#[inline]
fn asked_size(intent: &Intent) -> Result<(&'static str, Decimal), Box<Refusal>> {
    match (intent.target_size, intent.quote_size) {
        (Some(size), _) if size.is_positive() => Ok(("target_size", size)),
        (Some(size), _) => Err(invalid("target_size", size, "must be above zero")),
        (None, Some(size)) => Ok(("quote_size", size)),
        (None, None) => Err(invalid("target_size", "None", "is needed for an ENTER")),
    }
}

#[cold]
fn quote_in_lots(rules: &Instrument, quote: Decimal, price: Price) -> Option<Qty> {
    let money = quote.at_scale_rounded(crate::num::MONEY_SCALE, Rounding::Floor).ok()?;
    bought_for(rules, Money(money), price)
}
