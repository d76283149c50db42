//! Busts and corrections: the only news that lower a cumulative quantity.
//!
//! Here they are planned; [`revise`] makes the trade what it shall be, in its order, the book and the wallet, and
//! [`own`] in its slot.

mod own;
mod revise;

pub(crate) use own::share;

use alloc::boxed::Box;

use super::Kernel;
use super::venue::{money, precision, value_of};
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{Stamp, VenueEvent};
use crate::ledger::Cause;
use crate::names::{KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, VenueOrderStatus};
use crate::num::{Decimal, Money, Price, Qty};
use crate::order::Order;
use crate::outcome::{Detail, Outcome, Refusal};

/// What a bust or a correction does.
#[derive(Debug)]
pub(crate) enum TradePlan {
    /// It came before.
    Duplicate,
    /// A trade is another one from now on.
    Revise(Revision),
    /// It came before its fill: the order is known, the fill is not.
    Ahead { place: u32, fill_id: Id },
    /// The same of a fill of nobody known, which is settled already: so it has not come, whoever's it is.
    AheadOfStranger { instrument: u32, order_side: OrderSide, fill_id: Id },
}

/// A trade as it shall be.
#[derive(Debug)]
pub(crate) struct Revision {
    pub(crate) place: u32,
    /// The fill's own id; it may stand in several parts.
    pub(crate) fill_id: Id,
    /// The bust's or correction's own id; empty where it has none.
    pub(crate) id: Id,
    pub(crate) cause: Cause,
    /// Zero for a bust.
    pub(crate) qty: Qty,
    pub(crate) price: Price,
    pub(crate) fee: Option<Money>,
    /// True where the venue says that the order works again.
    pub(crate) works: bool,
    /// True where the correction has a trade id of its own: the venue settles by that from here on.
    pub(crate) settles: bool,
    /// When the venue made it so, ns; 0 where it told no time.
    pub(crate) venue_time_ns: i64,
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
        self.commit_trade(&plan, event, effects)
    }

    pub(crate) fn commit_trade(
        &mut self,
        plan: &TradePlan,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        match plan {
            TradePlan::Duplicate => self.answer(Code::DuplicateEvent, None, Detail::None),
            TradePlan::Revise(revision) => self.commit_revision(revision, event, effects),
            TradePlan::Ahead { place, fill_id } => self.commit_ahead(*place, fill_id, event, effects),
            TradePlan::AheadOfStranger { instrument, order_side, fill_id } => {
                self.commit_ahead_of_stranger(*instrument, *order_side, fill_id, event, effects)
            }
        }
    }

    pub(crate) fn plan_trade(&self, event: &VenueEvent) -> Result<TradePlan, Box<Refusal>> {
        let told = event.rare.as_ref().map(|rare| &rare.ref_trade_id).filter(|id| !id.is_empty());
        let reference = told.unwrap_or(&event.venue_trade_id);
        if let Some(place) = self.plan_ahead(event, reference)? {
            return Ok(TradePlan::Ahead { place, fill_id: reference.clone() });
        }
        if let Some((instrument, order_side)) = self.plan_ahead_of_stranger(event, reference)? {
            return Ok(TradePlan::AheadOfStranger { instrument, order_side, fill_id: reference.clone() });
        }
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
            settles: !is_bust && has_own_trade_id(event, reference),
            venue_time_ns: event.timestamp_ns,
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
}

/// A bust's or correction's own id, where it is not the fill's.
pub(super) fn own_id<'a>(event: &'a VenueEvent, reference: &Id) -> &'a Id {
    if has_own_trade_id(event, reference) { &event.venue_trade_id } else { &event.event_id }
}

pub(super) fn has_own_trade_id(event: &VenueEvent, reference: &Id) -> bool {
    !event.venue_trade_id.is_empty() && event.venue_trade_id != *reference
}

fn works_again(event: &VenueEvent) -> bool {
    let working = matches!(event.status, Some(VenueOrderStatus::Acked | VenueOrderStatus::PartiallyFilled));
    working || event.remaining_size.is_some_and(Decimal::is_positive)
}
