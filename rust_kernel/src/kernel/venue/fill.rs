//! Fills: told from their repetitions, held against the cumulative quantity, priced.

use alloc::boxed::Box;

use super::news::News;
use super::{OrderPlan, is_fill, money, precision, value_of};
use crate::fees::expected_liquidity;
use crate::id::Id;
use crate::input::VenueEvent;
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::kernel::booking::NewFill;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, Liquidity, VenueOrderStatus as Status,
};
use crate::num::{Decimal, Money, Price, Qty};
use crate::order::{Order, OrderRole};
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};

/// What a repetition brings that a known fill lacked.
#[derive(Debug)]
pub(super) struct Enrichment {
    /// The fill's position in its order.
    pub(super) at: usize,
    pub(super) fee: Option<Money>,
    pub(super) liquidity: Option<Liquidity>,
    pub(super) price: Option<Price>,
}

impl Kernel {
    /// The order's cumulative quantity as the event has it.
    #[inline(always)]
    pub(super) fn cumulative(
        &self,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
    ) -> Result<Option<Qty>, Box<Refusal>> {
        match event.filled_size {
            Some(value) if value.is_negative() => Err(Refusal::field(
                Code::ReconcileRequired,
                "filled_size",
                value,
                "a cumulative quantity cannot be negative",
            )),
            Some(value) => rules.qty(value).map(Some).map_err(precision("filled_size", value)),
            // A full fill, or the status FILLED, without figures says that the order is filled.
            None if event.kind == Kind::FullFill
                && event.venue_trade_id.is_empty()
                && event.event_id.is_empty() =>
            {
                Ok(Some(order.qty))
            }
            None if event.kind == Kind::OrderStatus && event.status == Some(Status::Filled) => {
                let total = event.order_size.filter(|size| size.is_positive());
                total.map_or(Ok(Some(order.qty)), |size| {
                    rules.qty(size).map(Some).map_err(precision("order_size", size))
                })
            }
            None => Ok(None),
        }
    }

    /// What an event says beside its order's id must be of that order, before it moves money.
    #[inline]
    pub(super) fn check_own(
        &self,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
    ) -> Result<(), Box<Refusal>> {
        let side = event.order_side.is_none_or(|side| side == order.order_side);
        let asset = event.asset.is_empty() || event.asset == rules.spec.symbol;
        let book = !self.is_hedged(order.instrument)
            || event.position_side.is_none_or(|side| side == order.position_side);
        if side && asset && book { Ok(()) } else { Err(contradiction(event, side, asset)) }
    }

    #[inline]
    pub(super) fn plan_fill(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
        cumulative: Option<Qty>,
    ) -> Result<(), Box<Refusal>> {
        self.check_own(event, order, rules)?;
        let key = fill_key(event);
        #[cfg(feature = "planted")]
        if is_taken_for_old(event, order)
            || (planted(Bug::OneTradeIdOneFill) && self.orders.by_fill(order.instrument, key, None).is_some())
        {
            plan.code = Code::StaleEvent;
            return Ok(());
        }
        if !key.is_empty()
            && let Some(at) = order.fills.iter().position(|fill| fill.venue_trade_id == *key)
        {
            return self.plan_duplicate(plan, event, order, at);
        }
        // A stranger's order may be one of ours that came without our id: its fill may stand there by now.
        if order.role == OrderRole::External
            && !event.venue_trade_id.is_empty()
            && self.orders.holder_of_fill(order.instrument, &event.venue_trade_id, order.order_side).is_some()
        {
            plan.code = Code::DuplicateEvent;
            return Ok(());
        }
        if order.is_begun_unheard() {
            // It may be one of ours that is forgotten, and this fill one that was booked under it.
            self.check_not_forgotten(event.timestamp_ns)?;
        }
        let Some(qty) = told_qty(event, order, rules, cumulative)? else {
            plan.code = Code::StaleEvent;
            return Ok(());
        };
        let Some(qty) = self.without_id(plan, event, order, qty, cumulative)? else { return Ok(()) };
        #[cfg(feature = "planted")]
        let qty = if planted(Bug::OverfillIsCutOff) { min(qty, order.unfilled()) } else { qty };
        let fill = self.real_fill(event, order, rules, qty)?;
        let after = order.filled + qty;
        // What was inferred before and is told in full now; what the event knows of and nobody told.
        let (replaced, gap) = match cumulative {
            Some(total) if total >= after => (Qty::ZERO, total - after),
            Some(total) => (min(min(after - total, order.inferred), qty), Qty::ZERO),
            None => (min(order.inferred, qty), Qty::ZERO),
        };
        #[cfg(feature = "planted")]
        let replaced = if planted(Bug::RealFillAdds) { Qty::ZERO } else { replaced };
        if !gap.is_zero() {
            plan.inferred = Some(self.inferred_fill(event, order, rules, gap, cumulative)?);
            plan.code = Code::InferredFill;
        }
        let added = qty - replaced;
        if !replaced.is_zero() {
            plan.replacement = Some(Box::new(part_of(&fill, replaced, rules)));
        }
        let filled_after = order.filled + added + gap;
        if !added.is_zero() {
            plan.fill = Some(if replaced.is_zero() {
                fill
            } else {
                // The fee of the whole fill goes with its first part.
                NewFill { fee: fill.fee.map(|_| Money::ZERO), ..part_of(&fill, added, rules) }
            });
        }
        if order.status.is_ended() && order.status != Status::Filled && !added.is_zero() {
            plan.code = Code::LateFill;
        }
        match order.role {
            OrderRole::External if plan.code == Code::Ok => plan.code = Code::UnknownOrder,
            OrderRole::Entry | OrderRole::Exit if filled_after > order.qty => plan.code = Code::Overfill,
            OrderRole::External | OrderRole::Entry | OrderRole::Exit => {}
        }
        let nothing_left = event.remaining_size.is_some_and(Decimal::is_zero)
            && cumulative.is_none_or(|total| total == filled_after);
        if filled_after >= order.qty || nothing_left {
            plan.news = News::Complete;
        }
        Ok(())
    }

    /// A fill without the venue's trade id: its cumulative quantity tells it from a repetition, as the same fill may
    /// come again under another event id; only where there is none does the event's own id have to do.
    pub(super) fn without_id(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
        qty: Qty,
        cumulative: Option<Qty>,
    ) -> Result<Option<Qty>, Box<Refusal>> {
        if !event.venue_trade_id.is_empty() || (!event.event_id.is_empty() && cumulative.is_none()) {
            return Ok(Some(qty));
        }
        if planted(Bug::NewIdNewFill) && !event.event_id.is_empty() {
            return Ok(Some(qty));
        }
        match cumulative {
            Some(total) if total <= order.filled && order.inferred.is_zero() => {
                plan.code = Code::DuplicateEvent;
                Ok(None)
            }
            Some(total) if total > order.filled => Ok(Some(min(qty, total - order.filled))),
            // It adds nothing: it can only tell what was inferred.
            Some(_) => Ok(Some(min(qty, order.inferred))),
            None => Err(Refusal::field(
                Code::ReconcileRequired,
                "venue_trade_id",
                "",
                "a fill needs a trade id, an event id or a cumulative quantity to be told from its repetition",
            )),
        }
    }

    /// A known fill: it moves nothing, but may bring, once, what the first one lacked.
    #[cold]
    pub(super) fn plan_duplicate(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
        at: usize,
    ) -> Result<(), Box<Refusal>> {
        plan.code = Code::DuplicateEvent;
        let known = &order.fills[at];
        if known.busted || order.settling_correction(at).is_some() {
            // It is not any more what it was. What the event says of the order is from before that: where it ended with
            // this fill, the venue must say what it ended with. Its answer may begin with this very fill: it is asked once.
            let ends = event.remaining_size.is_some_and(Decimal::is_zero);
            plan.ask = ends && order.is_live() && self.may_ask_again(order);
            return Ok(());
        }
        let rules = &self.instruments[order.instrument as usize];
        let fee = event.fee.filter(|_| known.fee_predicted).map(|fee| money("fee", fee)).transpose()?;
        let price = event.price.filter(|price| known.price_pending && price.is_positive());
        let price = price.map(|value| rules.mark(value).map_err(precision("price", value))).transpose()?;
        if let Some(price) = price {
            value_of(rules, price, order.filled)?;
        }
        let liquidity = event.liquidity.filter(|_| known.liquidity_assumed);
        if fee.is_some() {
            self.check_asset(&event.fee_asset)?;
        }
        if fee.is_some() || price.is_some() || liquidity.is_some() {
            plan.enrich = Some(Box::new(Enrichment { at, fee, liquidity, price }));
            plan.code = Code::Enriched;
        }
        Ok(())
    }

    /// The event's own fill.
    #[inline]
    pub(super) fn real_fill(
        &self,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
        qty: Qty,
    ) -> Result<NewFill, Box<Refusal>> {
        let (price, price_pending) = match event.price {
            Some(value) if value.is_positive() || (planted(Bug::PriceZeroIsBelieved) && value.is_zero()) => {
                (rules.mark(value).map_err(precision("price", value))?, false)
            }
            Some(value) if value.is_negative() => {
                return Err(Refusal::field(Code::ReconcileRequired, "price", value, "cannot be negative"));
            }
            Some(_) | None => (self.likely_price(event, order, rules, qty, None)?, true),
        };
        let liquidity =
            event.liquidity.unwrap_or_else(|| expected_liquidity(order.order_type, order.post_only));
        let fee = event.fee.map(|fee| money("fee", fee)).transpose()?;
        #[cfg(feature = "planted")]
        let fee = if planted(Bug::RebateIsCharged) { fee.map(Money::abs) } else { fee };
        if fee.is_some() {
            self.check_asset(&event.fee_asset)?;
        }
        let value = value_of(rules, price, qty)?;
        Ok(NewFill {
            qty,
            price,
            value,
            liquidity,
            liquidity_assumed: event.liquidity.is_none(),
            forced: None,
            fee,
            inferred: false,
            price_pending,
            venue_time_ns: event.timestamp_ns,
            venue_sequence: event.venue_sequence,
        })
    }

    /// A fill that only a cumulative quantity tells of.
    #[cold]
    pub(super) fn inferred_fill(
        &self,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
        qty: Qty,
        cumulative: Option<Qty>,
    ) -> Result<Box<NewFill>, Box<Refusal>> {
        let price = self.likely_price(event, order, rules, qty, cumulative)?;
        let price_pending = event.average_price.is_none();
        let liquidity = expected_liquidity(order.order_type, order.post_only);
        let value = value_of(rules, price, qty)?;
        Ok(Box::new(NewFill {
            qty,
            price,
            value,
            liquidity,
            liquidity_assumed: true,
            forced: None,
            fee: None,
            inferred: true,
            price_pending,
            venue_time_ns: event.timestamp_ns,
            venue_sequence: None,
        }))
    }

    /// What a fill without a price most likely cost: from the order's average where the event has it, else the event's
    /// price, else the order's limit or what it was valued at.
    #[cold]
    pub(super) fn likely_price(
        &self,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
        qty: Qty,
        cumulative: Option<Qty>,
    ) -> Result<Price, Box<Refusal>> {
        if let (Some(average), Some(total)) = (event.average_price, cumulative)
            && average.is_positive()
        {
            let average = rules.mark(average).map_err(precision("average_price", average))?;
            let others = if is_fill(event.kind) {
                let size = event.size.map_or(Ok(Qty::ZERO), |size| rules.qty(size)).unwrap_or_default();
                let price = event.price.map_or(Ok(average), |price| rules.mark(price)).unwrap_or(average);
                rules.value(price, size).unwrap_or_default()
            } else {
                Money::ZERO
            };
            let whole = value_of(rules, average, total)?;
            let missing = whole - order.filled_value - others;
            if missing.0 > 0
                && let Some(price) = rules.average_price(missing, qty)
            {
                return Ok(price);
            }
            return Ok(average);
        }
        if let Some(price) = event.price.filter(|price| price.is_positive()) {
            return rules.mark(price).map_err(precision("price", price));
        }
        let known = order.limit_price.or(Some(order.reserve_price).filter(|price| !price.is_zero()));
        known.or(self.books[order.instrument as usize].last_price).ok_or_else(|| {
            Refusal::field(
                Code::ReconcileRequired,
                "price",
                "None",
                "a fill without any price to value it at",
            )
        })
    }
}

/// True where a bug is planted that takes a fill for old news, by the order's state or by the clock.
#[cfg(feature = "planted")]
fn is_taken_for_old(event: &VenueEvent, order: &Order) -> bool {
    let canceled = order.status.is_ended() && order.status != Status::Filled;
    (planted(Bug::FillWaitsForAck) && order.status == Status::Sent)
        || (planted(Bug::CancelForgetsLateFill) && canceled)
        || (planted(Bug::VenueClockIsTrusted) && event.timestamp_ns < order.sent_time_ns)
}

/// What tells a fill from its repetition: the venue's trade id, else the event's own id.
#[inline]
pub(crate) fn fill_key(event: &VenueEvent) -> &Id {
    if event.venue_trade_id.is_empty() { &event.event_id } else { &event.venue_trade_id }
}

#[cold]
fn contradiction(event: &VenueEvent, side: bool, asset: bool) -> Box<Refusal> {
    let why = "is not that of the order with this id";
    let shown = |side: Option<&'static str>| side.unwrap_or("None");
    match (side, asset) {
        (false, _) => {
            let told = shown(event.order_side.map(|side| side.name()));
            Refusal::field(Code::ReconcileRequired, "order_side", told, why)
        }
        (true, false) => Refusal::field(Code::ReconcileRequired, "asset", &event.asset, why),
        (true, true) => {
            let told = shown(event.position_side.map(|side| side.name()));
            Refusal::field(Code::ReconcileRequired, "position_side", told, why)
        }
    }
}

fn min(a: Qty, b: Qty) -> Qty {
    if a < b { a } else { b }
}

/// A share of a fill.
fn part_of(fill: &NewFill, qty: Qty, rules: &Instrument) -> NewFill {
    let mut part = fill.clone();
    part.qty = qty;
    // A part of a value in bounds is in bounds.
    part.value = rules.value(fill.price, qty).unwrap_or(fill.value);
    part
}

/// The quantity that a fill tells of, as a size or by what it makes the order's total; `None` where that total has been
/// reached already.
#[inline(always)] // its one caller is on the way of every fill
fn told_qty(
    event: &VenueEvent,
    order: &Order,
    rules: &Instrument,
    cumulative: Option<Qty>,
) -> Result<Option<Qty>, Box<Refusal>> {
    match event.size {
        Some(value) if value.is_positive() => {
            return rules.qty(value).map(Some).map_err(precision("size", value));
        }
        Some(value) if value.is_negative() => {
            let why = "a fill cannot be negative";
            return Err(Refusal::field(Code::ReconcileRequired, "size", value, why));
        }
        Some(_) | None => {}
    }
    match cumulative {
        Some(total) if total > order.filled => Ok(Some(total - order.filled)),
        Some(_) => Ok(None),
        None => Err(Refusal::field(Code::ReconcileRequired, "size", "None", "a fill without a quantity")),
    }
}
