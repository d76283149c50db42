//! Venue events: found, classified by their quantities, booked once.

use super::Kernel;
use super::booking::NewFill;
use crate::effect::{Command, Effects};
use crate::fees::expected_liquidity;
use crate::id::Id;
use crate::input::{Stamp, VenueEvent};
use crate::instrument::Instrument;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt, OrderSide, PositionSide, Severity,
    VenueOrderStatus as Status,
};
use crate::num::{Decimal, Money, NumError, Price, Qty, Rounding};
use crate::order::{Order, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::average_price;
use crate::slot::classify::Change;
use alloc::boxed::Box;

/// How many assets a kernel knows at most.
pub(crate) const ASSETS_MAX: usize = 1024;

/// What an event does to its order.
#[derive(Debug)]
pub(crate) struct OrderPlan {
    target: Target,
    /// Quantity that only the cumulative figure tells of. Boxed, as it is seldom.
    inferred: Option<Box<NewFill>>,
    /// The real fill of what was inferred before.
    replacement: Option<Box<NewFill>>,
    /// A fill to add.
    fill: Option<NewFill>,
    /// A known fill to which the event brings a fee.
    enrich: Option<Box<(usize, Money)>>,
    news: News,
    code: Code,
}

#[derive(Debug)]
enum Target {
    Known(u32),
    /// Not ours: its fills go to the unassigned book.
    External(Box<External>),
    /// Nothing: the code is the answer.
    Nothing,
}

/// An order that is not ours.
#[derive(Debug)]
struct External {
    instrument: u32,
    order_side: OrderSide,
    position_side: PositionSide,
    qty: Qty,
}

impl OrderPlan {
    /// A plan to do nothing. Planning fills it in place: it is too large to be handed up from where it is made.
    #[inline]
    pub(crate) fn new() -> OrderPlan {
        OrderPlan {
            target: Target::Nothing,
            inferred: None,
            replacement: None,
            fill: None,
            enrich: None,
            news: News::None,
            code: Code::Ok,
        }
    }
}

/// What an event says beside fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    /// Nothing more.
    None,
    /// The venue has it.
    Ack,
    /// It is over.
    End(Status, Option<&'static str>),
    /// All that the venue will fill is filled.
    Complete,
    /// A cancel is under way there.
    CancelPending,
    /// A cancel was refused.
    CancelRefused,
    /// No answer came.
    Doubt,
}

fn precision(field: &'static str, value: Decimal) -> impl Fn(NumError) -> Box<Refusal> {
    move |_| Refusal::field(Code::Precision, field, value, "cannot be held exactly by the instrument")
}

fn is_fill(kind: Kind) -> bool {
    matches!(kind, Kind::PartialFill | Kind::FullFill)
}

impl Kernel {
    /// Finds an event's order: by our id, then by the venue's ids.
    #[inline]
    fn find_order(&self, event: &VenueEvent) -> Option<u32> {
        if !event.venue_client_id.is_empty()
            && let Some(place) = self.orders.by_client_id(&event.venue_client_id)
        {
            return Some(place);
        }
        if !event.venue_order_id.is_empty()
            && let Some(place) = self.orders.by_venue_id(&event.venue_order_id)
        {
            return Some(place);
        }
        let parent = event.rare.as_ref().map(|rare| &rare.parent_order_id).filter(|id| !id.is_empty())?;
        self.orders.by_venue_id(parent)
    }

    #[inline(never)]
    pub(crate) fn take_venue(&mut self, stamp: Stamp, event: &VenueEvent, effects: &mut Effects) -> Outcome {
        let mut plan = OrderPlan::new();
        if let Err(refusal) = self.plan_venue(stamp, event, &mut plan) {
            return self.refused(event.slot_id, *refusal);
        }
        self.now_ns = stamp.0;
        self.commit_order(&plan, event, effects)
    }

    /// Writes into `plan` what an event does.
    #[inline]
    pub(crate) fn plan_venue(
        &self,
        stamp: Stamp,
        event: &VenueEvent,
        plan: &mut OrderPlan,
    ) -> Result<(), Box<Refusal>> {
        if let Some(what) = not_yet(event.kind) {
            return Err(Refusal::not_yet(Code::ReconcileRequired, what));
        }
        let Some(place) = self.find_order(event) else { return self.plan_unknown(event, plan) };
        plan.target = Target::Known(place);
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let cumulative = self.cumulative(event, order, rules)?;
        if is_fill(event.kind) {
            self.plan_fill(plan, event, order, rules, cumulative)?;
        } else {
            if let Some(total) = cumulative
                && total > order.filled
            {
                plan.inferred =
                    Some(self.inferred_fill(event, order, rules, total - order.filled, Some(total))?);
                plan.code = Code::InferredFill;
            }
            self.plan_news(plan, stamp, event, order)?;
        }
        Ok(())
    }

    /// The order's cumulative quantity as the event has it.
    #[inline]
    fn cumulative(
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
            // A full fill without figures says that the order is filled.
            None if event.kind == Kind::FullFill
                && event.venue_trade_id.is_empty()
                && event.event_id.is_empty() =>
            {
                Ok(Some(order.qty))
            }
            None => Ok(None),
        }
    }

    #[inline]
    fn plan_fill(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
        cumulative: Option<Qty>,
    ) -> Result<(), Box<Refusal>> {
        let key = fill_key(event);
        if !key.is_empty()
            && let Some(at) = order.fills.iter().position(|fill| fill.venue_trade_id == *key)
        {
            return self.plan_duplicate(plan, event, order, at);
        }
        let size = match event.size {
            Some(value) if value.is_positive() => Some(rules.qty(value).map_err(precision("size", value))?),
            Some(value) if value.is_negative() => {
                return Err(Refusal::field(
                    Code::ReconcileRequired,
                    "size",
                    value,
                    "a fill cannot be negative",
                ));
            }
            Some(_) | None => None,
        };
        let qty = match (size, cumulative) {
            (Some(size), _) => size,
            (None, Some(total)) if total > order.filled => total - order.filled,
            (None, Some(_)) => {
                plan.code = Code::StaleEvent;
                return Ok(());
            }
            (None, None) => {
                return Err(Refusal::field(
                    Code::ReconcileRequired,
                    "size",
                    "None",
                    "a fill without a quantity",
                ));
            }
        };
        let qty = match self.without_id(plan, key, order, qty, cumulative)? {
            Some(qty) => qty,
            None => return Ok(()),
        };
        let fill = self.real_fill(event, order, rules, qty)?;
        let after = order.filled + qty;
        // What was inferred before and is told in full now; what the event knows of and nobody told.
        let (replaced, gap) = match cumulative {
            Some(total) if total >= after => (Qty::ZERO, total - after),
            Some(total) => (min(min(after - total, order.inferred), qty), Qty::ZERO),
            None => (min(order.inferred, qty), Qty::ZERO),
        };
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
        if filled_after > order.qty && order.role != OrderRole::External {
            plan.code = Code::Overfill;
        }
        let nothing_left = event.remaining_size.is_some_and(Decimal::is_zero)
            && cumulative.is_none_or(|total| total == filled_after);
        if filled_after >= order.qty || nothing_left {
            plan.news = News::Complete;
        }
        Ok(())
    }

    /// A fill that no id tells apart: only its cumulative quantity can.
    fn without_id(
        &self,
        plan: &mut OrderPlan,
        key: &Id,
        order: &Order,
        qty: Qty,
        cumulative: Option<Qty>,
    ) -> Result<Option<Qty>, Box<Refusal>> {
        if !key.is_empty() {
            return Ok(Some(qty));
        }
        match cumulative {
            Some(total) if total <= order.filled && order.inferred.is_zero() => {
                plan.code = Code::DuplicateEvent;
                Ok(None)
            }
            Some(total) if total > order.filled => Ok(Some(min(qty, total - order.filled))),
            Some(_) => Ok(Some(qty)),
            None => Err(Refusal::field(
                Code::ReconcileRequired,
                "venue_trade_id",
                "",
                "a fill needs a trade id, an event id or a cumulative quantity to be told from its repetition",
            )),
        }
    }

    /// A known fill: it moves nothing, but may bring the fee that the first one lacked.
    #[cold]
    fn plan_duplicate(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
        at: usize,
    ) -> Result<(), Box<Refusal>> {
        plan.code = Code::DuplicateEvent;
        if let (Some(fee), true) = (event.fee, order.fills[at].fee_predicted) {
            plan.enrich = Some(Box::new((at, money("fee", fee)?)));
            plan.code = Code::Enriched;
        }
        Ok(())
    }

    /// The event's own fill.
    #[inline]
    fn real_fill(
        &self,
        event: &VenueEvent,
        order: &Order,
        rules: &Instrument,
        qty: Qty,
    ) -> Result<NewFill, Box<Refusal>> {
        let (price, price_pending) = match event.price {
            Some(value) if value.is_positive() => {
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
        if fee.is_some() {
            self.check_asset(&event.fee_asset)?;
        }
        let value = value_of(rules, price, qty)?;
        Ok(NewFill { qty, price, value, liquidity, fee, inferred: false, price_pending })
    }

    /// A fill that only a cumulative quantity tells of.
    #[cold]
    fn inferred_fill(
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
        Ok(Box::new(NewFill { qty, price, value, liquidity, fee: None, inferred: true, price_pending }))
    }

    /// What a fill without a price most likely cost: from the order's average where the event has it, else the event's
    /// price, else the order's limit or what it was valued at.
    #[cold]
    fn likely_price(
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
                && let Some(price) = average_price(missing, qty, rules.unit)
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

    /// News without a fill of their own.
    fn plan_news(
        &self,
        plan: &mut OrderPlan,
        stamp: Stamp,
        event: &VenueEvent,
        order: &Order,
    ) -> Result<(), Box<Refusal>> {
        let ended = order.status.is_ended();
        let news = match event.kind {
            Kind::OrderAck => News::Ack,
            Kind::CancelAck => News::End(Status::Canceled, None),
            Kind::Expired => News::End(Status::Expired, None),
            Kind::DoneForDay => News::End(Status::DoneForDay, None),
            Kind::CancelPending => News::CancelPending,
            Kind::CancelReject => News::CancelRefused,
            Kind::SendTimeout => News::Doubt,
            Kind::OrderReject => return plan_reject(plan, event, order),
            Kind::RateLimited => return plan_rate_limited(plan, order),
            Kind::OrderStatus => status_news(event.status),
            Kind::OrderNotFound => return self.plan_not_found(plan, stamp, order),
            Kind::PartialFill
            | Kind::FullFill
            | Kind::AmendReject
            | Kind::AmendPending
            | Kind::AmendAck
            | Kind::Stopped
            | Kind::Restated
            | Kind::Triggered
            | Kind::TradeCorrect
            | Kind::TradeBust
            | Kind::Liquidation
            | Kind::Adl
            | Kind::Disconnected
            | Kind::Resynced => News::None,
        };
        let moved = plan.inferred.is_some();
        let (news, code) = match news {
            News::Ack if order.status == Status::Sent || order.status == Status::New => (news, Code::Ok),
            News::Ack if order.status == Status::Acked && order.venue_order_id == event.venue_order_id => {
                (News::None, Code::DuplicateEvent)
            }
            News::Ack => (News::None, Code::StaleEvent),
            News::End(status, _) if ended && order.status == status => (News::None, Code::DuplicateEvent),
            // A cancel that crossed the last fill is old news; an end of another kind does not reopen anything.
            News::End(..) | News::CancelPending | News::CancelRefused if ended => {
                (News::None, Code::StaleEvent)
            }
            News::Doubt if ended => (News::None, Code::StaleEvent),
            News::Doubt => (news, Code::InDoubt),
            News::None | News::Complete | News::End(..) | News::CancelPending | News::CancelRefused => {
                (news, Code::Ok)
            }
        };
        plan.news = news;
        if !moved || code != Code::Ok {
            plan.code = if moved { Code::InferredFill } else { code };
        }
        Ok(())
    }

    fn plan_not_found(&self, plan: &mut OrderPlan, stamp: Stamp, order: &Order) -> Result<(), Box<Refusal>> {
        if order.status.is_ended() || order.doubt != OrderDoubt::Submit {
            plan.code = Code::StaleEvent;
            return Ok(());
        }
        let waited = stamp.0.saturating_sub(order.sent_time_ns);
        if waited < self.config.settling_window_ns {
            plan.code = Code::InDoubt; // too early to prove anything
            return Ok(());
        }
        plan.news = News::End(Status::Rejected, Some("NOT_RECEIVED"));
        Ok(())
    }

    /// An event of an order that is not known here.
    #[cold]
    #[inline(never)]
    fn plan_unknown(&self, event: &VenueEvent, plan: &mut OrderPlan) -> Result<(), Box<Refusal>> {
        if !is_fill(event.kind) {
            return Err(Refusal::plain(Code::UnknownOrder));
        }
        let unclear =
            |field, value: &str, why| Err(Refusal::field(Code::ReconcileRequired, field, value, why));
        let Some(instrument) = self.instrument_of(&event.asset) else {
            return unclear(
                "asset",
                event.asset.as_str(),
                "a fill of an unknown order needs a configured asset",
            );
        };
        let Some(order_side) = event.order_side else {
            return unclear("order_side", "None", "a fill of an unknown order needs its side");
        };
        if event.venue_trade_id.is_empty() {
            return unclear("venue_trade_id", "", "a fill of an unknown order needs a trade id");
        }
        if self.orders.by_fill(instrument, &event.venue_trade_id).is_some_and(|(place, at)| {
            let order = self.orders.at(place);
            order.order_side == order_side && !order.fills[at].qty.is_zero()
        }) {
            plan.code = Code::DuplicateEvent;
            return Ok(());
        }
        let rules = &self.instruments[instrument as usize];
        let size = event.size.or(event.filled_size).filter(|size| size.is_positive());
        let (Some(size), Some(price)) = (size, event.price.filter(|price| price.is_positive())) else {
            return unclear("size", "None", "a fill of an unknown order needs size and price");
        };
        let qty = rules.qty(size).map_err(precision("size", size))?;
        let price = rules.mark(price).map_err(precision("price", price))?;
        let fee = event.fee.map(|fee| money("fee", fee)).transpose()?;
        self.check_asset(&event.fee_asset)?;
        let fill = NewFill {
            qty,
            price,
            value: value_of(rules, price, qty)?,
            liquidity: event.liquidity.unwrap_or(crate::names::Liquidity::Taker),
            fee,
            inferred: false,
            price_pending: false,
        };
        let position_side = match (self.config.hedge_mode, event.position_side) {
            (true, Some(side)) => side,
            (false, _) | (true, None) => PositionSide::Both,
        };
        let external = Box::new(External { instrument, order_side, position_side, qty });
        plan.target = Target::External(external);
        plan.fill = Some(fill);
        plan.code = Code::UnknownOrder;
        Ok(())
    }

    fn check_asset(&self, name: &Id) -> Result<(), Box<Refusal>> {
        let known = name.is_empty() || self.asset_of(name).is_some() || self.assets.len() < ASSETS_MAX;
        if known {
            return Ok(());
        }
        Err(Refusal::field(
            Code::ReconcileRequired,
            "fee_asset",
            name,
            "the kernel keeps at most 1024 assets",
        ))
    }

    // ------------------------------------------------------------------------------------------------ commit

    #[inline]
    pub(crate) fn commit_order(
        &mut self,
        plan: &OrderPlan,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        let place = match &plan.target {
            Target::Known(place) => *place,
            Target::External(external) => self.adopt_external(event, external),
            Target::Nothing => return self.answer(plan.code, None, Detail::None),
        };
        self.orders.link_venue_id(place, &event.venue_order_id);
        if let Some(rare) = &event.rare {
            self.orders.link_venue_id(place, &rare.parent_order_id);
        }
        let settle = self.instruments[self.orders.at(place).instrument as usize].settle;
        let fee_asset = match &event.fee {
            Some(_)
                if event.fee_asset.is_empty() || self.assets[usize::from(settle)].name == event.fee_asset =>
            {
                Some(settle)
            }
            Some(_) => Some(self.asset_or_open(&event.fee_asset)),
            None => None,
        };
        if let Some(enrich) = &plan.enrich {
            let (at, fee) = **enrich;
            self.correct_fee(place, at, fee, fee_asset.unwrap_or(settle), &event.venue_trade_id);
        }
        self.commit_fills(place, plan, event, fee_asset, effects);
        self.commit_news(place, plan, effects);
        self.conclude(place, plan.code, event)
    }

    #[inline]
    fn commit_fills(
        &mut self,
        place: u32,
        plan: &OrderPlan,
        event: &VenueEvent,
        fee_asset: Option<u16>,
        effects: &mut Effects,
    ) {
        if let Some(fill) = &plan.replacement {
            self.replace_inferred(place, fill, fill_key(event), fee_asset);
        }
        if let Some(fill) = &plan.inferred {
            self.book_fill(place, fill, &Id::EMPTY, None, effects);
        }
        if let Some(fill) = &plan.fill {
            self.book_fill(place, fill, fill_key(event), fee_asset, effects);
        }
        if plan.fill.is_none() && plan.inferred.is_none() {
            return;
        }
        let order = self.orders.at_mut(place);
        if order.doubt == OrderDoubt::Submit {
            order.doubt = OrderDoubt::None;
        }
        let was_ended = order.status.is_ended();
        let complete = plan.news == News::Complete || order.filled >= order.qty;
        if was_ended {
            // Ended stays ended: the fill is late, the money is real.
            if complete && order.filled >= order.qty {
                order.status = Status::Filled;
            }
            return self.after_change(place, Change::LateFilled, effects);
        }
        if complete {
            return self.end_order(place, Status::Filled, Change::Filled, effects);
        }
        if order.status != Status::PendingCancel && order.status != Status::PendingReplace {
            order.status = Status::PartiallyFilled;
        }
        self.after_change(place, Change::Filled, effects);
    }

    #[inline]
    fn commit_news(&mut self, place: u32, plan: &OrderPlan, effects: &mut Effects) {
        if self.orders.at(place).status.is_ended() {
            return; // the fill in this very event ended it, or it had ended before
        }
        match plan.news {
            News::None | News::Complete => {}
            News::Ack => {
                let order = self.orders.at_mut(place);
                order.doubt = OrderDoubt::None;
                if order.status == Status::Sent {
                    order.status = Status::Acked;
                    self.after_change(place, Change::Acked, effects);
                }
            }
            News::End(status, reason) => self.commit_end(place, status, reason, effects),
            News::CancelPending => {
                let order = self.orders.at_mut(place);
                let first_news = order.status == Status::Sent;
                order.status = Status::PendingCancel;
                self.after_change(place, if first_news { Change::Acked } else { Change::Reported }, effects);
            }
            News::CancelRefused => self.commit_cancel_refused(place, effects),
            News::Doubt => {
                let order = self.orders.at_mut(place);
                order.doubt =
                    if order.status == Status::Sent { OrderDoubt::Submit } else { OrderDoubt::Cancel };
                let request = self.order_key(place);
                effects.commands.push(Command::Query(request));
                self.after_change(place, Change::Doubted, effects);
            }
        }
    }

    fn commit_end(
        &mut self,
        place: u32,
        status: Status,
        reason: Option<&'static str>,
        effects: &mut Effects,
    ) {
        let order = self.orders.at(place);
        let owner = self.owner_of(order.role, order.slot_id, order.trade_number);
        if let (Some(slot_id), Some(reason), OrderRole::Entry) = (owner, reason, order.role)
            && let Ok(reason) = Id::new(reason)
        {
            self.slots[slot_id as usize].close_reason = reason;
        }
        if let (Some(slot_id), OrderRole::Exit) = (owner, order.role) {
            // The exit did not close the trade: its reason does not stand.
            self.slots[slot_id as usize].close_reason = Id::EMPTY;
        }
        self.end_order(place, status, Change::Ended, effects);
    }

    fn commit_cancel_refused(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        order.cancel_requested = false;
        if order.doubt == OrderDoubt::Cancel {
            order.doubt = OrderDoubt::None;
        }
        if order.status == Status::PendingCancel {
            order.status = if order.filled.is_zero() { Status::Acked } else { Status::PartiallyFilled };
        }
        self.after_change(place, Change::Reported, effects);
    }

    #[inline]
    fn conclude(&self, place: u32, code: Code, event: &VenueEvent) -> Outcome {
        let order = self.orders.at(place);
        let slot_id = (order.role != OrderRole::External).then_some(order.slot_id);
        let detail = match (code, &event.rare) {
            (Code::RateLimited, rare) => Detail::Retry {
                reason: rare.as_ref().map(|rare| rare.reason.clone()).unwrap_or_default(),
                retry_after_ms: rare.as_ref().and_then(|rare| rare.retry_after_ms),
                venue_event_kind: event.kind,
            },
            (_, Some(rare)) if !rare.reason.is_empty() => {
                Detail::Venue { reason: rare.reason.clone(), reason_code: rare.reason_code.clone() }
            }
            (_, _) => Detail::None,
        };
        let mut outcome = self.answer(code, slot_id, detail);
        if code == Code::Overfill {
            outcome.severity = Severity::Critical;
        }
        outcome
    }

    /// Makes a record for an order that is not ours, so that its fills are booked once.
    #[cold]
    fn adopt_external(&mut self, event: &VenueEvent, external: &External) -> u32 {
        let (reference, order) = self.orders.claim_external();
        order.instrument = external.instrument;
        order.order_side = external.order_side;
        order.position_side = external.position_side;
        order.qty = external.qty;
        order.trade_id.clone_from(&event.trade_id);
        self.retire(reference.place);
        reference.place
    }
}

/// What tells a fill from its repetition: the venue's trade id, else the event's own id.
#[inline]
fn fill_key(event: &VenueEvent) -> &Id {
    if event.venue_trade_id.is_empty() { &event.event_id } else { &event.venue_trade_id }
}

fn plan_reject(plan: &mut OrderPlan, event: &VenueEvent, order: &Order) -> Result<(), Box<Refusal>> {
    plan.code = Code::VenueRejected;
    if order.status.is_ended() {
        plan.code = if order.status == Status::Rejected { Code::DuplicateEvent } else { Code::StaleEvent };
        return Ok(());
    }
    let unanswered = matches!(order.status, Status::Sent | Status::New);
    let terminal = match event.status {
        Some(status) => status == Status::Rejected,
        None => unanswered,
    };
    if terminal || event.remaining_size.is_some_and(Decimal::is_zero) {
        plan.news = News::End(Status::Rejected, Some("REJECTED"));
    }
    Ok(())
}

fn plan_rate_limited(plan: &mut OrderPlan, order: &Order) -> Result<(), Box<Refusal>> {
    plan.code = if order.status.is_ended() { Code::StaleEvent } else { Code::RateLimited };
    match order.status {
        // Before acceptance: the order never was.
        Status::Sent | Status::New => plan.news = News::End(Status::Rejected, Some("RATE_LIMITED")),
        // Afterwards it was the cancel that was refused.
        Status::Acked
        | Status::PartiallyFilled
        | Status::PendingCancel
        | Status::PendingReplace
        | Status::Stopped => {
            plan.news = News::CancelRefused;
        }
        Status::Filled | Status::Canceled | Status::Rejected | Status::Expired | Status::DoneForDay => {}
    }
    Ok(())
}

fn status_news(status: Option<Status>) -> News {
    match status {
        Some(Status::Acked | Status::PartiallyFilled) => News::Ack,
        Some(Status::Canceled) => News::End(Status::Canceled, None),
        Some(Status::Expired) => News::End(Status::Expired, None),
        Some(Status::Rejected) => News::End(Status::Rejected, Some("REJECTED")),
        Some(Status::DoneForDay) => News::End(Status::DoneForDay, None),
        Some(Status::PendingCancel) => News::CancelPending,
        Some(Status::New | Status::Sent | Status::Filled | Status::PendingReplace | Status::Stopped)
        | None => News::None,
    }
}

fn not_yet(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::AmendReject | Kind::AmendPending | Kind::AmendAck => Some("amending orders"),
        Kind::Stopped => Some("STOPPED"),
        Kind::Restated => Some("RESTATED"),
        Kind::Triggered => Some("TRIGGERED"),
        Kind::TradeCorrect => Some("TRADE_CORRECT"),
        Kind::TradeBust => Some("TRADE_BUST"),
        Kind::Liquidation => Some("LIQUIDATION"),
        Kind::Adl => Some("ADL"),
        Kind::Disconnected => Some("DISCONNECTED"),
        Kind::Resynced => Some("RESYNCED"),
        Kind::OrderAck
        | Kind::PartialFill
        | Kind::FullFill
        | Kind::CancelPending
        | Kind::CancelAck
        | Kind::CancelReject
        | Kind::OrderReject
        | Kind::Expired
        | Kind::DoneForDay
        | Kind::OrderStatus
        | Kind::OrderNotFound
        | Kind::RateLimited
        | Kind::SendTimeout => None,
    }
}

fn min(a: Qty, b: Qty) -> Qty {
    if a < b { a } else { b }
}

fn value_of(rules: &Instrument, price: Price, qty: Qty) -> Result<Money, Box<Refusal>> {
    rules.value(price, qty).ok_or_else(|| {
        Refusal::field(Code::Precision, "size", rules.qty_decimal(qty), "the fill's value is too large")
    })
}

fn money(field: &'static str, value: Decimal) -> Result<Money, Box<Refusal>> {
    // Venues print unrounded fees: digits beyond 1e-18 are rounded half-even.
    value
        .at_scale_rounded(crate::num::MONEY_SCALE, Rounding::HalfEven)
        .and_then(|mantissa| crate::num::bounded(mantissa, crate::num::MONEY_SCALE))
        .map(Money)
        .map_err(precision(field, value))
}

/// A share of a fill.
fn part_of(fill: &NewFill, qty: Qty, rules: &Instrument) -> NewFill {
    let mut part = fill.clone();
    part.qty = qty;
    // A part of a value in bounds is in bounds.
    part.value = rules.value(fill.price, qty).unwrap_or(fill.value);
    part
}
