//! Trades known from elsewhere: their positions lie in the unassigned book, and become slots' own. All or none.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::intent::{check_ratios, invalid, precision};
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{AdoptedSlot, AdoptedSlots, METADATA_BYTES_MAX, OWNER_BYTES_MAX, Stamp};
use crate::ledger::Cause;
use crate::names::{KernelDiagnosticCode as Code, Origin, PositionSide, Product, TradeSide};
use crate::num::{Decimal, Money, Qty};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::{Basis, position_side};
use crate::slot::Slot;

/// A position for a slot, in the instrument's units.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewTrade {
    pub(super) instrument: u32,
    pub(super) side: TradeSide,
    pub(super) basis: Basis,
    pub(super) initial: Qty,
    pub(super) entry_value: Money,
}

/// Trades that will be adopted, in the order in which they came.
#[derive(Debug)]
pub(crate) struct AdoptPlan {
    trades: Vec<NewTrade>,
}

pub(super) fn exact_money(field: &'static str, value: Decimal) -> Result<Money, Box<Refusal>> {
    Money::from_decimal(value).map_err(precision(field, value))
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_adopted(
        &mut self,
        stamp: Stamp,
        adopted: &AdoptedSlots,
        effects: &mut Effects,
    ) -> Outcome {
        let plan = match self.plan_adopted(adopted) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, stamp.0);
        for (trade, told) in plan.trades.iter().zip(&adopted.slots) {
            self.commit_adopted(trade, told, &adopted.by, effects);
        }
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_adopted(&self, adopted: &AdoptedSlots) -> Result<AdoptPlan, Box<Refusal>> {
        let mut trades: Vec<NewTrade> = Vec::new();
        for (at, told) in adopted.slots.iter().enumerate() {
            let before = adopted.slots.get(..at).unwrap_or_default();
            if before.iter().any(|other| other.slot_id == told.slot_id) {
                return Err(invalid("slot_id", told.slot_id, "comes twice"));
            }
            if before.iter().any(|other| other.trade_id == told.trade_id) {
                return Err(invalid("trade_id", &told.trade_id, "comes twice"));
            }
            let trade = self.plan_adopted_slot(told)?;
            let opposite =
                |other: &NewTrade| other.instrument == trade.instrument && other.side != trade.side;
            let nets = self.nets(trade.instrument);
            if !self.config.hedge_mode && !nets && trades.iter().any(opposite) {
                let why = "is the other side of a slot that comes with it";
                return Err(Refusal::field(Code::OppositeSide, "side", told.side, why));
            }
            trades.push(trade);
            if !nets {
                self.check_lies_unassigned(&trades, told)?;
            }
        }
        for (trade, told) in
            trades.iter().zip(&adopted.slots).filter(|(trade, _)| self.nets(trade.instrument))
        {
            self.check_nets_unassigned(&trades, trade.instrument, told)?;
        }
        Ok(AdoptPlan { trades })
    }

    fn plan_adopted_slot(&self, told: &AdoptedSlot) -> Result<NewTrade, Box<Refusal>> {
        let slot = self.slots.get(told.slot_id as usize).ok_or_else(|| {
            Refusal::field(Code::InvalidSlotId, "slot_id", told.slot_id, "must be below max_slots")
        })?;
        if !slot.stage.is_free() {
            return Err(Refusal::field(Code::SlotBusy, "slot_id", told.slot_id, "carries a trade"));
        }
        let instrument = self.check_seat(&told.trade_id, &told.asset, told.side)?;
        check_ratios(&told.exit_leg_ratios)?;
        if told.owner.as_str().len() > OWNER_BYTES_MAX {
            return Err(invalid("owner", &told.owner, "must be at most 31 bytes"));
        }
        if told.metadata.len() > METADATA_BYTES_MAX {
            return Err(invalid("metadata", told.metadata.len(), "must be at most 4096 canonical bytes"));
        }
        if !told.leverage.is_positive() {
            return Err(invalid("leverage", told.leverage, "must be above zero"));
        }
        for (field, value) in [
            ("realized_pnl", told.realized_pnl),
            ("fees_paid", told.fees_paid),
            ("funding_net", told.funding_net),
        ] {
            exact_money(field, value)?;
        }
        self.new_trade(instrument, told.side, told.size, told.entry_price, Some(told.initial_size))
    }

    /// Whether a free slot may take a trade of that name, asset and side; returns the asset's place.
    pub(super) fn check_seat(&self, trade_id: &Id, asset: &Id, side: TradeSide) -> Result<u32, Box<Refusal>> {
        if trade_id.is_empty() {
            return Err(invalid("trade_id", "", "must not be empty"));
        }
        if self.slot_of_trade(trade_id).is_some() {
            return Err(invalid("trade_id", trade_id, "is carried by another slot"));
        }
        let instrument = self
            .instrument_of(asset)
            .ok_or_else(|| invalid("asset", asset, "is not configured: set_exchange_config"))?;
        if side == TradeSide::Flat {
            return Err(invalid("side", side, "must be LONG or SHORT"));
        }
        if self.instruments[instrument as usize].spec.product == Product::Spot && side == TradeSide::Short {
            return Err(invalid("side", side, "spot has no short positions"));
        }
        let other = (side as usize & 1) ^ 1;
        let apart = self.config.hedge_mode || self.nets(instrument);
        if !apart && self.books[instrument as usize].busy[other] > 0 {
            return Err(self.opposite_held(instrument, side));
        }
        Ok(instrument)
    }

    /// A position from size and average price. Digits of the average past the instrument's are rounded half-even.
    pub(super) fn new_trade(
        &self,
        instrument: u32,
        side: TradeSide,
        size: Decimal,
        entry_price: Decimal,
        initial: Option<Decimal>,
    ) -> Result<NewTrade, Box<Refusal>> {
        let rules = &self.instruments[instrument as usize];
        if !size.is_positive() {
            return Err(invalid("size", size, "must be above zero"));
        }
        if !entry_price.is_positive() {
            return Err(invalid("entry_price", entry_price, "must be above zero"));
        }
        let qty = rules.qty(size).map_err(precision("size", size))?;
        let price = rules.mark(entry_price).map_err(precision("entry_price", entry_price))?;
        let initial_size = initial.unwrap_or(size);
        let initial = rules.qty(initial_size).map_err(precision("initial_size", initial_size))?;
        if initial < qty {
            return Err(invalid("initial_size", initial_size, "must not be below size"));
        }
        let too_large = || Refusal::field(Code::Precision, "size", size, "the position's value is too large");
        let signed = if side == TradeSide::Short { -qty } else { qty };
        let cost = rules.basis_value(price, signed).ok_or_else(too_large)?;
        let basis = Basis { qty: signed, cost };
        let entry_value = rules.value(price, initial).ok_or_else(too_large)?;
        Ok(NewTrade { instrument, side, basis, initial, entry_value })
    }

    /// The trades so far must lie in the unassigned book.
    fn check_lies_unassigned(&self, trades: &[NewTrade], told: &AdoptedSlot) -> Result<(), Box<Refusal>> {
        let Some(last) = trades.last() else { return Ok(()) };
        let book = position_side(self.is_hedged(last.instrument), last.side) as usize;
        let lies = self.books[last.instrument as usize].unassigned[book].basis.qty;
        let alike =
            trades.iter().filter(|trade| trade.instrument == last.instrument && trade.side == last.side);
        let wanted = alike.fold(Qty::ZERO, |sum, trade| sum + trade.basis.qty);
        if lies.signum() == wanted.signum() && wanted.abs() <= lies.abs() {
            return Ok(());
        }
        Err(invalid("size", told.size, "is more than lies in the unassigned book of that asset and side"))
    }

    /// Where slots of both sides share the book, they explain what lies there by their signed sum: all of them together,
    /// since the venue has told no more than that.
    fn check_nets_unassigned(
        &self,
        trades: &[NewTrade],
        instrument: u32,
        told: &AdoptedSlot,
    ) -> Result<(), Box<Refusal>> {
        let lies = self.books[instrument as usize].unassigned[PositionSide::Both as usize].basis.qty;
        let of_instrument = trades.iter().filter(|trade| trade.instrument == instrument);
        let wanted = of_instrument.fold(Qty::ZERO, |sum, trade| sum + trade.basis.qty);
        let within = wanted.is_zero() || (lies.signum() == wanted.signum() && wanted.abs() <= lies.abs());
        if within {
            return Ok(());
        }
        Err(invalid("size", told.size, "makes the signed sum of its asset more than lies unassigned"))
    }

    // ------------------------------------------------------------------------------------------------ commit

    fn commit_adopted(&mut self, trade: &NewTrade, told: &AdoptedSlot, by: &Id, effects: &mut Effects) {
        self.seat_trade(told.slot_id, &told.trade_id, trade);
        let slot = &mut self.slots[told.slot_id as usize];
        slot.owner.clone_from(&told.owner);
        slot.leverage = told.leverage;
        slot.entry_time_ns = told.entry_time_ns;
        slot.ratios.clone_from(&told.exit_leg_ratios);
        slot.metadata.clone_from(&told.metadata);
        // Validation has read them.
        let exact = |value: Decimal| Money::from_decimal(value).unwrap_or_default();
        slot.realized = exact(told.realized_pnl);
        slot.fees = exact(told.fees_paid);
        slot.funding = exact(told.funding_net);
        self.take_position(told.slot_id, trade, Cause::InterSlot, by);
        self.after_move(told.slot_id, effects);
    }

    /// A free slot carries another trade from here on, without a position yet.
    pub(super) fn seat_trade(&mut self, slot_id: u32, trade_id: &Id, trade: &NewTrade) {
        self.leave_trade(slot_id);
        let slot = &mut self.slots[slot_id as usize];
        *slot = Slot {
            trade_number: slot.trade_number.wrapping_add(1),
            trade_id: trade_id.clone(),
            instrument: trade.instrument,
            side: trade.side,
            stage: slot.stage,
            initial: trade.initial,
            entry_value: trade.entry_value,
            entry_time_ns: self.now_ns,
            ..Slot::idle()
        };
    }

    /// A slot's position comes out of the unassigned book.
    pub(super) fn take_position(&mut self, slot_id: u32, trade: &NewTrade, cause: Cause, by: &Id) {
        self.move_to_unassigned(slot_id, -trade.basis.qty, -trade.basis.cost, (cause, Origin::Manual), by);
        self.slots[slot_id as usize].basis = trade.basis;
    }
}
