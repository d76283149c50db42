//! Busts and corrections that come before the fill that they are about.
//!
//! Of an order that is known the fill's id is enough to keep it from being booked as it was: a bust leaves the mark of
//! a busted fill, and a correction is booked as the fill itself. What a cumulative quantity has told of the fill by then
//! is taken for it. Of an order that is not known, or not any more, the same holds where the fill was settled ahead: what
//! has been settled and stands nowhere has yet to come, and has not been forgotten.

use alloc::boxed::Box;

use super::Kernel;
use super::booking::NewFill;
use super::busts::{TradePlan, has_own_trade_id, own_id};
use super::venue::OrderPlan;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{Stamp, VenueEvent};
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, Liquidity, OrderSide, Severity, VenueOrderStatus,
};
use crate::num::{Money, Price, Qty};
use crate::order::{Fill, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::slot::classify::Change;

impl Kernel {
    /// The order of a bust or correction whose fill has not come yet, where that is enough to go by.
    pub(super) fn plan_ahead(&self, event: &VenueEvent, reference: &Id) -> Result<Option<u32>, Box<Refusal>> {
        let Some(place) = self.find_order(event).filter(|_| !reference.is_empty()) else { return Ok(None) };
        let order = self.orders.at(place);
        // By this order, or as a stranger's.
        let is_known =
            self.orders.holders_of_trade(order.instrument, reference, Some(order.order_side)).0.is_some();
        if order.role == OrderRole::External || is_known {
            return Ok(None);
        }
        if event.kind == Kind::TradeBust {
            // Without its size nobody could say whether what was inferred is this fill.
            let sized = event.size.is_some_and(|size| size.is_positive());
            return Ok((order.inferred.is_zero() || sized).then_some(place));
        }
        if !event.size.is_some_and(|size| size.is_positive())
            || !event.price.is_some_and(|price| price.is_positive())
        {
            return Ok(None);
        }
        self.plan_venue(Stamp(self.now_ns), &as_fill(event, reference), &mut OrderPlan::new())?;
        Ok(Some(place))
    }

    #[cold]
    pub(super) fn commit_ahead(
        &mut self,
        place: u32,
        fill_id: &Id,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        // What was settled under the fill's own id is not any more.
        let _gone = self.unbook_ahead(place, fill_id);
        if event.kind == Kind::TradeBust {
            return self.commit_bust_ahead(place, fill_id, event, effects);
        }
        let fill = as_fill(event, fill_id);
        let mut plan = OrderPlan::new();
        if let Err(refusal) = self.plan_venue(Stamp(self.now_ns), &fill, &mut plan) {
            return self.answer(refusal.code, event.slot_id, refusal.detail);
        }
        let ahead = self.unbook_ahead(place, &event.venue_trade_id);
        let outcome = self.commit_order(&plan, &fill, effects);
        let fills = &self.orders.at(place).fills;
        if let Some(at) = fills.iter().position(|fill| fill.venue_trade_id == *fill_id) {
            self.orders.add_correction(place, &event.venue_trade_id, at, true);
        }
        if let Some(ahead) = ahead {
            self.settle_as_told(place, fill_id, &ahead);
        }
        self.ask_if_live(place, effects);
        outcome
    }

    /// Whose fill a bust or correction is about that came before it, where only its settlement has come.
    pub(super) fn plan_ahead_of_stranger(
        &self,
        event: &VenueEvent,
        reference: &Id,
    ) -> Result<Option<(u32, OrderSide)>, Box<Refusal>> {
        let named = (self.find_order(event), self.instrument_of(&event.asset), event.order_side);
        let (None, Some(instrument), Some(side)) = named else { return Ok(None) };
        let is_known = self.orders.holder_of_fill(instrument, reference, side).is_some();
        if is_known || self.orders.unseen_at(instrument, reference, side).is_none() {
            return Ok(None);
        }
        if event.kind == Kind::TradeCorrect {
            if event.size.is_none() {
                return Ok(None); // a fill's size is not the order's total
            }
            self.plan_venue(Stamp(self.now_ns), &as_fill(event, reference), &mut OrderPlan::new())?;
        }
        Ok(Some((instrument, side)))
    }

    #[cold]
    pub(super) fn commit_ahead_of_stranger(
        &mut self,
        instrument: u32,
        side: OrderSide,
        fill_id: &Id,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        // What was settled under the fill's own id is not any more, unless there is no other one to settle it by.
        let under_fills_id = self.unbook_unseen(instrument, side, fill_id);
        if event.kind == Kind::TradeBust {
            let settle = self.instruments[instrument as usize].settle;
            let seq = self.seq;
            let (reference, order) = self.orders.claim_external();
            (order.instrument, order.order_side) = (instrument, side);
            self.orders.add_fill(reference.place, fill_id, || mark_of_bust(fill_id, settle, seq, event));
            self.orders.add_correction(reference.place, own_id(event, fill_id), 0, false);
            self.retire(reference.place);
            return self.answer(Code::UnknownOrder, None, Detail::None);
        }
        let settles = has_own_trade_id(event, fill_id);
        let fill = as_fill(event, fill_id);
        let mut plan = OrderPlan::new();
        if let Err(refusal) = self.plan_venue(Stamp(self.now_ns), &fill, &mut plan) {
            return self.answer(refusal.code, event.slot_id, refusal.detail);
        }
        let ahead = if settles {
            self.unbook_unseen(instrument, side, &event.venue_trade_id)
        } else {
            under_fills_id
        };
        let outcome = self.commit_order(&plan, &fill, effects);
        if let Some(place) = self.orders.holder_of_fill(instrument, fill_id, side) {
            self.orders.add_correction(place, own_id(event, fill_id), 0, settles);
            if let Some(ahead) = ahead {
                self.settle_as_told(place, fill_id, &ahead);
            }
        }
        outcome
    }

    /// Takes what was inferred for the busted fill, or else leaves its mark: when the fill comes it is a known one.
    fn commit_bust_ahead(
        &mut self,
        place: u32,
        fill_id: &Id,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        let order = self.orders.at(place);
        let stands_for = order.fills.iter().find(|fill| fill.inferred).map(|fill| fill.price);
        let qty = self.inferred_of_bust(place, event);
        match stands_for.filter(|_| qty.0 > 0) {
            Some(price) => {
                self.replace_inferred(place, &named_only(qty, price, event), fill_id, None);
            }
            None => return self.mark_busted(place, fill_id, event, effects),
        }
        match self.plan_trade(event) {
            // Its fill is known by now; should it not be, asking again would never end.
            Ok(TradePlan::Ahead { .. }) => self.answer(Code::ReconcileRequired, event.slot_id, Detail::None),
            Ok(plan) => self.commit_trade(&plan, event, effects),
            Err(refusal) => self.answer(refusal.code, event.slot_id, refusal.detail),
        }
    }

    /// Whether an order works on once a fill is not what it was, only the venue knows.
    fn ask_if_live(&mut self, place: u32, effects: &mut Effects) {
        if self.orders.at(place).is_live() {
            self.ask(place, effects);
        }
    }

    fn mark_busted(
        &mut self,
        place: u32,
        fill_id: &Id,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        let order = self.orders.at(place);
        let at = order.fills.len();
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let settle = self.instruments[order.instrument as usize].settle;
        let seq = self.seq;
        self.orders.add_fill(place, fill_id, || mark_of_bust(fill_id, settle, seq, event));
        self.orders.add_correction(place, own_id(event, fill_id), at, false);
        match self.ended_by_bust(place, event) {
            Some(status) => self.end_order(place, status, Change::Ended, effects),
            None => self.ask_if_live(place, effects),
        }
        let mut outcome = self.answer(Code::Ok, slot_id, Detail::None);
        outcome.severity = Severity::Warning;
        outcome
    }

    /// What a bust says of an order that works here: that it is over, with what is booked of it.
    fn ended_by_bust(&self, place: u32, event: &VenueEvent) -> Option<VenueOrderStatus> {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let total = event.filled_size.and_then(|size| rules.qty(size).ok());
        let nothing_left = event.remaining_size.is_some_and(|size| size.is_zero());
        let is_over = order.is_live()
            && order.amendment().is_none()
            && order.inferred.is_zero()
            && nothing_left
            && total == Some(order.filled);
        event.status.filter(|status| is_over && status.is_ended())
    }

    /// How much of what is inferred stands for a busted fill: no more than its size, and no more than what the venue
    /// has less than we.
    fn inferred_of_bust(&self, place: u32, event: &VenueEvent) -> Qty {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let read = |size: Option<crate::num::Decimal>| size.and_then(|size| rules.qty(size).ok());
        let least = |a: Qty, b: Qty| if a < b { a } else { b };
        let size = least(read(event.size).unwrap_or(Qty::ZERO), order.inferred);
        match read(event.filled_size) {
            // Nothing, or less, where the venue has no less than we.
            Some(total) => least(size, order.filled - total),
            None => size,
        }
    }
}

/// A correction as the fill that it makes. What names the order stays, and that may be its parent's id alone.
fn as_fill(event: &VenueEvent, fill_id: &Id) -> VenueEvent {
    VenueEvent { kind: Kind::PartialFill, venue_trade_id: fill_id.clone(), ..event.clone() }
}

/// The name of a fill for what was inferred, and nothing else.
pub(super) fn named_only(qty: Qty, price: Price, event: &VenueEvent) -> NewFill {
    NewFill {
        qty,
        price,
        value: Money::ZERO,
        liquidity: event.liquidity.unwrap_or(Liquidity::Taker),
        liquidity_assumed: event.liquidity.is_none(),
        forced: None,
        fee: None,
        inferred: false,
        price_pending: false,
        venue_time_ns: event.timestamp_ns,
        venue_sequence: event.venue_sequence,
    }
}

/// The record of a fill that was busted before it came.
fn mark_of_bust(fill_id: &Id, fee_asset: u16, seq: u64, event: &VenueEvent) -> Fill {
    Fill {
        venue_trade_id: fill_id.clone(),
        qty: Qty::ZERO,
        price: Price::ZERO,
        fee: Money::ZERO,
        fee_asset,
        realized: Money::ZERO,
        closed: Qty::ZERO,
        entry: 0,
        liquidity: Liquidity::Taker,
        liquidity_assumed: true,
        fee_predicted: false,
        settled: true,
        profit_told: false,
        inferred: false,
        price_pending: false,
        busted: true,
        forced: false,
        seq,
        venue_time_ns: event.timestamp_ns,
        pairs: None,
    }
}
