//! LIQUIDATION and ADL: fills that the venue forces on the account, mostly without an order of ours.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::fill::fill_key;
use super::{External, OrderPlan, Target, money, precision, value_of};
use crate::effect::{Effects, Notice};
use crate::id::Id;
use crate::input::VenueEvent;
use crate::kernel::Kernel;
use crate::kernel::booking::{NewFill, sign_as};
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, Liquidity, OrderSide, Origin, PositionSide,
    Severity, TradeSide,
};
use crate::num::{Decimal, Money, Qty};
use crate::order::{OrderRef, OrderRole};
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};
use crate::slot::Slot;

pub(super) fn is_forced(kind: Kind) -> bool {
    matches!(kind, Kind::Liquidation | Kind::Adl)
}

fn unclear(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::ReconcileRequired, field, value, why)
}

/// What a slot gave to a forced fill: its number, the quantity, its profit at its own cost.
pub(crate) type Given = (u32, Qty, Money);

impl Kernel {
    /// A forced fill of no order of ours; `known` is the record of the venue's own order, where it has one already.
    #[cold]
    pub(super) fn plan_forced(
        &self,
        event: &VenueEvent,
        known: Option<u32>,
        plan: &mut OrderPlan,
    ) -> Result<(), Box<Refusal>> {
        let instrument = self
            .instrument_of(&event.asset)
            .ok_or_else(|| unclear("asset", &event.asset, "a forced fill needs a configured asset"))?;
        self.check_opening_taken()?;
        let rules = &self.instruments[instrument as usize];
        let key = fill_key(event);
        if key.is_empty() {
            return Err(unclear("venue_trade_id", "", "a forced fill needs a trade id or an event id"));
        }
        let (position_side, order_side) = match known.map(|place| self.orders.at(place)) {
            // The venue's own order has its side and its book: what the position would suggest is another's.
            Some(order) => {
                self.check_own(event, order, rules)?;
                (order.position_side, order.order_side)
            }
            None => self.forced_sides(event, instrument)?,
        };
        if self.orders.holder_of_fill(instrument, key, order_side).is_some() {
            plan.code = Code::DuplicateEvent;
            return Ok(());
        }
        self.check_not_forgotten(event.timestamp_ns)?;
        let size = event.size.or(event.filled_size).filter(|size| size.is_positive());
        let size = size.ok_or_else(|| unclear("size", "None", "a forced fill needs its size"))?;
        let qty = rules.qty(size).map_err(precision("size", size))?;
        let told = event.price.or(event.average_price).filter(|price| price.is_positive());
        let price = match told {
            Some(value) => rules.mark(value).map_err(precision("price", value))?,
            None => self
                .valuation_price(instrument)
                .ok_or_else(|| unclear("price", "None", "a fill without any price to value it at"))?,
        };
        let fee = event.fee.map(|fee| money("fee", fee)).transpose()?;
        self.check_asset(&event.fee_asset)?;
        plan.fill = Some(NewFill {
            qty,
            price,
            value: value_of(rules, price, qty)?,
            liquidity: event.liquidity.unwrap_or(Liquidity::Taker),
            liquidity_assumed: event.liquidity.is_none(),
            forced: Some(event.kind),
            fee,
            inferred: false,
            price_pending: told.is_none(),
            venue_time_ns: event.timestamp_ns,
            venue_sequence: event.venue_sequence,
        });
        plan.target = match known {
            Some(place) => Target::Known(place),
            None => Target::External(Box::new(External { instrument, order_side, position_side, qty })),
        };
        plan.severity = Some(Severity::Critical);
        Ok(())
    }

    /// The book and the side of a forced fill of which no order is known.
    fn forced_sides(
        &self,
        event: &VenueEvent,
        instrument: u32,
    ) -> Result<(PositionSide, OrderSide), Box<Refusal>> {
        let position_side = self.forced_book(event, instrument).ok_or_else(|| {
            unclear("position_side", "None", "a forced fill in hedge mode needs its book, LONG or SHORT")
        })?;
        let order_side = self.forced_side(event, instrument, position_side).ok_or_else(|| {
            unclear("order_side", "None", "a forced fill needs its side while there is no position")
        })?;
        Ok((position_side, order_side))
    }

    /// The book that a forced fill takes from: as told, else the one that it can close.
    fn forced_book(&self, event: &VenueEvent, instrument: u32) -> Option<PositionSide> {
        if !self.is_hedged(instrument) {
            return Some(PositionSide::Both);
        }
        let positions = self.books[instrument as usize].positions();
        let holds = |side: PositionSide| !positions[side as usize].qty.is_zero();
        match (event.position_side, event.side, event.order_side) {
            (Some(side @ (PositionSide::Long | PositionSide::Short)), _, _) => Some(side),
            (_, Some(TradeSide::Long), _) | (_, _, Some(OrderSide::Sell)) => Some(PositionSide::Long),
            (_, Some(TradeSide::Short), _) | (_, _, Some(OrderSide::Buy)) => Some(PositionSide::Short),
            (_, _, None) => match (holds(PositionSide::Long), holds(PositionSide::Short)) {
                (true, false) => Some(PositionSide::Long),
                (false, true) => Some(PositionSide::Short),
                (true, true) | (false, false) => None,
            },
        }
    }

    /// The fill's side: as told, else the one that closes the position told of, else the one that closes the book.
    fn forced_side(&self, event: &VenueEvent, instrument: u32, book: PositionSide) -> Option<OrderSide> {
        let long = match (event.side, event.position_side) {
            (Some(TradeSide::Long), _) => Some(true),
            (Some(TradeSide::Short), _) => Some(false),
            (Some(TradeSide::Flat) | None, Some(PositionSide::Long)) => Some(true),
            (Some(TradeSide::Flat) | None, Some(PositionSide::Short)) => Some(false),
            (Some(TradeSide::Flat) | None, Some(PositionSide::Both) | None) => {
                let held = self.books[instrument as usize].book[book as usize].position.qty.signum();
                (held != 0).then_some(held > 0)
            }
        };
        let closing = long.map(|long| if long { OrderSide::Sell } else { OrderSide::Buy });
        event.order_side.or(closing)
    }

    /// The slots in the order in which a forced fill takes from those that hold: by their numbers; where slots of both sides
    /// share the book, the newest trade first.
    fn holders_in_turn(&self, instrument: u32) -> Vec<u32> {
        let mut slots: Vec<u32> = (0..self.config.max_slots).collect();
        if self.nets(instrument) && !planted(Bug::OldestGivesFirst) {
            self.by_age(&mut slots);
            slots.reverse();
        }
        slots
    }

    /// Takes a forced fill from the slots that hold the position, [in turn](Kernel::holders_in_turn), each as far as it goes;
    /// the rest is nobody's. With bots each gives by its size. Returns the profit at own cost, and what each slot has given.
    #[cold]
    pub(crate) fn reduce_slots(
        &mut self,
        place: u32,
        fill: &NewFill,
        reason: Kind,
        effects: &mut Effects,
    ) -> (Money, Vec<Given>) {
        let order = self.orders.at(place);
        let (instrument, position_side) = (order.instrument, order.position_side as usize);
        let side = order.order_side;
        let buys = side == OrderSide::Buy;
        let hedged = self.is_hedged(instrument);
        let (mut left, mut left_value) = (fill.qty, fill.value);
        let mut own = Money::ZERO;
        let against = |slot: &Slot| {
            let book = crate::position::position_side(hedged, slot.side) as usize;
            let held = slot.basis.qty.signum();
            slot.instrument == instrument && book == position_side && held != 0 && (held < 0) == buys
        };
        let mut holders = self.holders_in_turn(instrument);
        holders.retain(|slot_id| against(&self.slots[*slot_id as usize]));
        let sizes: Vec<Qty> = holders.iter().map(|slot_id| self.slots[*slot_id as usize].size()).collect();
        let parts = self.forced_parts(fill.qty, &sizes, self.instruments[instrument as usize].lot);
        let mut given = Vec::new();
        for (at, slot_id) in holders.into_iter().enumerate() {
            let most = parts.as_ref().map_or(left, |parts| parts[at]);
            if left.is_zero() || most.is_zero() {
                continue;
            }
            let slot = &self.slots[slot_id as usize];
            let most = if most > left { left } else { most };
            let part = if most > slot.size() { slot.size() } else { most };
            // A part of a value in bounds is in bounds.
            let worth = self.instruments[instrument as usize].value(fill.price, part).unwrap_or_default();
            let part_value = if part == left { left_value } else { worth };
            left -= part;
            left_value -= part_value;
            let (qty, value) = sign_as(&self.instruments[instrument as usize], side, part, part_value);
            let slot = &mut self.slots[slot_id as usize];
            let profit = slot.basis.apply(qty, value).realized;
            slot.realized += profit;
            own += profit;
            given.push((slot_id, part, profit));
            self.after_forced(slot_id, reason, effects);
        }
        if left.is_zero() {
            return (own, given);
        }
        let (qty, value) = sign_as(&self.instruments[instrument as usize], side, left, left_value);
        let unassigned = &mut self.books[instrument as usize].unassigned[position_side];
        let rest = unassigned.apply(qty, value, Origin::Manual).realized;
        (own + rest, given)
    }

    /// A slot's position went without an order of its own: where none is left, nothing shall work on.
    fn after_forced(&mut self, slot_id: u32, reason: Kind, effects: &mut Effects) {
        effects.notices.push(Notice {
            seq: self.seq,
            code: Code::Ok,
            severity: Severity::Critical,
            slot_id: Some(slot_id),
        });
        if self.slots[slot_id as usize].basis.qty.is_zero() {
            self.slots[slot_id as usize].close_reason = Id::new(reason.name()).unwrap_or_default();
            self.cancel_all(slot_id, effects);
        }
        self.after_move(slot_id, effects);
    }

    /// Asks the venue to cancel whatever works for a slot.
    #[cold]
    pub(crate) fn cancel_all(&mut self, slot_id: u32, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        let references = slot.entry.into_iter().chain(slot.exit).chain(slot.other_exits.iter().copied());
        let live: Vec<OrderRef> = references
            .filter(|reference| self.orders.get(*reference).is_some_and(crate::order::Order::is_live))
            .collect();
        for order in live {
            if self.is_live(order) {
                self.let_go(order.place, effects);
            }
        }
    }

    /// True for an event about an order of ours.
    pub(super) fn is_ours(&self, place: u32) -> bool {
        self.orders.at(place).role != OrderRole::External
    }
}

/// What an event says remains, where that is a quantity.
pub(super) fn told_remaining(event: &VenueEvent) -> Option<Decimal> {
    event.remaining_size.filter(|size| !size.is_negative())
}
