//! Venue events: found, planned ([`fill`], [`news`]), carried out ([`commit`]).

mod amend;
mod commit;
mod connection;
mod doubt;
mod fill;
mod forced;
mod news;

use alloc::boxed::Box;

use super::Kernel;
use super::booking::NewFill;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{Stamp, VenueEvent};
use crate::instrument::Instrument;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, PositionSide, Severity,
};
use crate::num::{Decimal, Money, NumError, Price, Qty, Rounding};
use crate::order::{Fill, OrderRole};
use crate::outcome::{FORGOTTEN, Outcome, Refusal};
use crate::planted::{Bug, planted};
use amend::Amended;
use fill::Enrichment;
use forced::is_forced;
use news::{Beside, News, plan_beside};

/// How many assets a kernel knows at most.
pub(crate) const ASSETS_MAX: usize = 1024;

/// What an event does to its order.
#[derive(Debug)]
pub(crate) struct OrderPlan {
    target: Target,
    /// Quantity that only the cumulative figure tells of. Boxed, as it is seldom.
    pub(super) inferred: Option<Box<NewFill>>,
    /// The real fill of what was inferred before.
    pub(super) replacement: Option<Box<NewFill>>,
    /// A fill to add.
    pub(super) fill: Option<NewFill>,
    /// What the event brings that a known fill lacked.
    enrich: Option<Box<Enrichment>>,
    /// What became of a change of the order.
    amended: Option<Box<Amended>>,
    news: News,
    beside: Beside,
    code: Code,
    /// Where it is not the code's own.
    severity: Option<Severity>,
    /// True where the venue has to be asked.
    ask: bool,
    /// True where the order works there, and nobody here wants it.
    unwanted: bool,
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
            amended: None,
            news: News::None,
            beside: Beside::Unchanged,
            code: Code::Ok,
            severity: None,
            ask: false,
            unwanted: false,
        }
    }
}

pub(crate) fn precision(field: &'static str, value: Decimal) -> impl Fn(NumError) -> Box<Refusal> {
    move |_| Refusal::field(Code::Precision, field, value, "cannot be held exactly by the instrument")
}

fn is_fill(kind: Kind) -> bool {
    matches!(kind, Kind::PartialFill | Kind::FullFill)
}

/// True for what takes an order off the book: it must be about that order, as a fill must.
fn ends_order(kind: Kind) -> bool {
    matches!(kind, Kind::CancelAck | Kind::Expired | Kind::DoneForDay)
}

fn is_revision(kind: Kind) -> bool {
    matches!(kind, Kind::TradeBust | Kind::TradeCorrect)
}

/// True for what is not about an order's life.
#[inline]
fn is_apart(kind: Kind) -> bool {
    matches!(kind, Kind::TradeBust | Kind::TradeCorrect | Kind::Disconnected | Kind::Resynced)
}

impl Kernel {
    /// Finds an event's order: by our id, then by the venue's ids. Venues number orders by symbol, so an order of
    /// another symbol is not the one that is meant.
    #[inline]
    pub(crate) fn find_order(&self, event: &VenueEvent) -> Option<u32> {
        // No order has an empty id of our own making.
        match self.orders.by_own_id(&event.venue_client_id) {
            Some(place) => Some(place),
            None => self.find_order_otherwise(event),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_order_otherwise(&self, event: &VenueEvent) -> Option<u32> {
        if !event.venue_client_id.is_empty()
            && let Some(place) = self.orders.by_client_id(&event.venue_client_id)
        {
            return Some(place);
        }
        let of_asset = |place: &u32| {
            let instrument = self.orders.at(*place).instrument as usize;
            event.asset.is_empty() || self.instruments[instrument].spec.symbol == event.asset
        };
        if !event.venue_order_id.is_empty()
            && let Some(place) = self.orders.by_venue_id(&event.venue_order_id).filter(of_asset)
        {
            return Some(place);
        }
        let parent = event.rare.as_ref().map(|rare| &rare.parent_order_id).filter(|id| !id.is_empty())?;
        self.orders.by_venue_id(parent).filter(of_asset)
    }

    #[inline(never)]
    pub(crate) fn take_venue(&mut self, stamp: Stamp, event: &VenueEvent, effects: &mut Effects) -> Outcome {
        if event.realized_pnl.is_some()
            && let Err(refusal) = check_profit(event)
        {
            return self.refused(event.slot_id, *refusal);
        }
        if is_apart(event.kind) {
            return self.take_apart(stamp, event, effects);
        }
        let mut plan = OrderPlan::new();
        if let Err(refusal) = self.plan_order_event(stamp, event, &mut plan) {
            return self.refused(event.slot_id, *refusal);
        }
        self.pass_time(stamp, event.timestamp_ns);
        if self.orders.has_external()
            && let Some((place, stray)) = self.find_stray(event)
        {
            let order = self.orders.at(place);
            let rules = &self.instruments[order.instrument as usize];
            let told = self.cumulative(event, order, rules).ok().flatten();
            self.adopt_stray(place, stray, told, effects);
            // What the event means is another thing now; what could refuse it has been asked above.
            plan = OrderPlan::new();
            if let Err(refusal) = self.plan_venue(stamp, event, &mut plan) {
                return self.answer(refusal.code, event.slot_id, refusal.detail);
            }
        }
        self.commit_order(&plan, event, effects)
    }

    /// An order that was taken for a stranger's because its fills came without our id, where the event says that it is
    /// one of ours: by the venue's id of the order, or by the fill's.
    #[cold]
    #[inline(never)]
    fn find_stray(&self, event: &VenueEvent) -> Option<(u32, u32)> {
        let place = self.find_order(event)?;
        let order = self.orders.at(place);
        let is_stray = |stray: &u32| {
            let other = self.orders.at(*stray);
            // What stands here already is not taken over once more, whoever else has a fill of that id.
            let is_known =
                |fill: &Fill| !fill.venue_trade_id.is_empty() && order.knows_fill(&fill.venue_trade_id);
            // What the venue forces closes: an entry's fill of that id is another one.
            let opens_forced = order.role == OrderRole::Entry && other.fills.iter().any(|fill| fill.forced);
            other.role == OrderRole::External
                && !opens_forced
                && !other.fills.iter().any(is_known)
                && other.instrument == order.instrument
                && other.order_side == order.order_side
                && other.position_side == order.position_side
        };
        if order.role == OrderRole::External {
            return None;
        }
        if let Some(stray) = self.orders.by_venue_id(&event.venue_order_id).filter(is_stray) {
            return Some((place, stray));
        }
        if !is_fill(event.kind) || event.venue_trade_id.is_empty() {
            return None;
        }
        let stray = self.orders.strangers_fill(order.instrument, &event.venue_trade_id, order.order_side)?;
        Some((place, stray)).filter(|(_, stray)| is_stray(stray))
    }

    /// Writes into `plan` what an event does.
    #[inline(never)] // its callers are rare
    pub(crate) fn plan_venue(
        &self,
        stamp: Stamp,
        event: &VenueEvent,
        plan: &mut OrderPlan,
    ) -> Result<(), Box<Refusal>> {
        check_profit(event)?;
        if is_apart(event.kind) {
            return self.plan_apart(event);
        }
        self.plan_order_event(stamp, event, plan)
    }

    #[inline(never)] // one copy, with all that it needs in it
    fn plan_order_event(
        &self,
        stamp: Stamp,
        event: &VenueEvent,
        plan: &mut OrderPlan,
    ) -> Result<(), Box<Refusal>> {
        let place = self.find_order(event);
        if is_forced(event.kind)
            && !place.is_some_and(|place| self.is_ours(place))
            && !planted(Bug::ForcedNeedsOurOrder)
        {
            return self.plan_forced(event, place, plan);
        }
        let Some(place) = place else { return self.plan_unknown(event, plan) };
        let order = self.orders.at(place);
        if order.role == OrderRole::External && is_fill(event.kind) && self.is_in_opening(event.timestamp_ns)
        {
            plan.code = Code::DuplicateEvent;
            return Ok(());
        }
        self.check_not_foreign(event, order)?;
        plan.target = Target::Known(place);
        let rules = &self.instruments[order.instrument as usize];
        let told = self.cumulative(event, order, rules)?;
        let cumulative = told.filter(|_| !order.is_begun_unheard());
        if is_fill(event.kind) || is_forced(event.kind) {
            self.plan_fill(plan, event, order, rules, cumulative)?;
            if is_forced(event.kind) {
                plan.severity = Some(Severity::Critical);
            }
            plan_beside(plan, event, order, false);
        } else {
            if ends_order(event.kind) {
                self.check_own(event, order, rules)?;
            }
            if let Some(total) = cumulative
                && total > order.filled
            {
                self.check_own(event, order, rules)?;
                plan.inferred =
                    Some(self.inferred_fill(event, order, rules, total - order.filled, Some(total))?);
                plan.code = Code::InferredFill;
            }
            self.plan_news(plan, stamp, event, order)?;
            plan_beside(plan, event, order, cumulative.is_some_and(|total| total < order.filled));
            plan.unwanted = order.role == OrderRole::External && self.is_unwanted(event, Some(order));
            let less = cumulative.is_some_and(|total| total < order.filled);
            if less && plan.code == Code::Ok && matches!(plan.news, News::End(..)) {
                // It is over with less than was booked: nothing is lowered, but somebody must find out which is true.
                plan.code = Code::ReconcileRequired;
            }
            if cumulative.is_none() && told.is_some_and(|total| total > order.filled) && plan.code == Code::Ok
            {
                // Fills that are missing, or that were booked under an order that is forgotten: only their ids can say.
                plan.code = Code::ReconcileRequired;
            }
            let ordered = match plan.amended.as_deref() {
                Some(Amended::To(terms)) => terms.qty,
                Some(Amended::Refused | Amended::GivenUp) | None => order.qty,
            };
            let over = plan.inferred.is_some() && cumulative.is_some_and(|total| total > ordered);
            if over && order.role != OrderRole::External {
                plan.code = Code::Overfill;
            }
        }
        Ok(())
    }

    /// Takes an event that is about a trade or the connection, and not about an order's life.
    #[cold]
    #[inline(never)]
    fn take_apart(&mut self, stamp: Stamp, event: &VenueEvent, effects: &mut Effects) -> Outcome {
        if is_revision(event.kind) {
            self.take_trade(stamp, event, effects)
        } else {
            self.take_connection(stamp, event, effects)
        }
    }

    #[cold]
    fn plan_apart(&self, event: &VenueEvent) -> Result<(), Box<Refusal>> {
        if is_revision(event.kind) { self.plan_trade(event).map(drop) } else { Ok(()) }
    }

    /// An event of an order that is not known here.
    #[cold]
    #[inline(never)]
    fn plan_unknown(&self, event: &VenueEvent, plan: &mut OrderPlan) -> Result<(), Box<Refusal>> {
        if !is_fill(event.kind) {
            plan.code = Code::UnknownOrder;
            plan.unwanted = self.is_unwanted(event, None);
            return if plan.unwanted { Ok(()) } else { Err(Refusal::plain(Code::UnknownOrder)) };
        }
        self.check_opening_taken()?;
        if self.is_in_opening(event.timestamp_ns) {
            plan.code = Code::DuplicateEvent;
            return Ok(());
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
        if let Some(holder) = self.orders.holder_of_fill(instrument, &event.venue_trade_id, order_side) {
            return self.plan_repeated_stranger(holder, event, plan);
        }
        self.check_not_forgotten(event.timestamp_ns)?;
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
            liquidity_assumed: event.liquidity.is_none(),
            forced: None,
            fee,
            inferred: false,
            price_pending: false,
            venue_time_ns: event.timestamp_ns,
            venue_sequence: event.venue_sequence,
        };
        let position_side = match (self.is_hedged(instrument), event.position_side) {
            (true, Some(PositionSide::Both) | None) => {
                return unclear(
                    "position_side",
                    "None",
                    "a fill of an unknown order in hedge mode needs its book, LONG or SHORT",
                );
            }
            (true, Some(side)) => side,
            (false, _) => PositionSide::Both,
        };
        let external = Box::new(External { instrument, order_side, position_side, qty });
        plan.target = Target::External(external);
        plan.fill = Some(fill);
        plan.code = Code::UnknownOrder;
        Ok(())
    }

    /// A fill that some order holds, without a name by which that order would be found. A stranger's may bring what it
    /// lacked.
    fn plan_repeated_stranger(
        &self,
        holder: u32,
        event: &VenueEvent,
        plan: &mut OrderPlan,
    ) -> Result<(), Box<Refusal>> {
        let order = self.orders.at(holder);
        let may_be_it = order.role == OrderRole::External
            && (order.venue_order_id.is_empty() || event.venue_order_id.is_empty());
        match order.fills.iter().position(|fill| fill.venue_trade_id == event.venue_trade_id) {
            Some(at) if may_be_it => {
                plan.target = Target::Known(holder);
                self.plan_duplicate(plan, event, order, at)
            }
            Some(_) | None => {
                plan.code = Code::DuplicateEvent;
                Ok(())
            }
        }
    }

    /// A fill from before the oldest orders that are remembered may have been booked then: what cannot be told apart is
    /// not booked.
    pub(crate) fn check_not_forgotten(&self, venue_time_ns: i64) -> Result<(), Box<Refusal>> {
        let old = self.orders.may_be_forgotten(venue_time_ns) && !planted(Bug::OldFillIsAStrangers);
        if self.recalling || !old {
            return Ok(());
        }
        Err(Refusal::field(Code::ReconcileRequired, "timestamp", venue_time_ns, FORGOTTEN))
    }

    pub(crate) fn check_asset(&self, name: &Id) -> Result<(), Box<Refusal>> {
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
}

/// Checks that the event's profit, if any, is one that its fill can be settled by.
fn check_profit(event: &VenueEvent) -> Result<(), Box<Refusal>> {
    let Some(profit) = event.realized_pnl else { return Ok(()) };
    if !is_fill(event.kind) && !is_forced(event.kind) {
        let why = "only a fill has one: leave it out, or send a FILL_SETTLED";
        return Err(Refusal::field(Code::ReconcileRequired, "realized_pnl", profit, why));
    }
    if event.venue_trade_id.is_empty() {
        let why = "a fill with realized_pnl needs its trade id";
        return Err(Refusal::field(Code::ReconcileRequired, "venue_trade_id", "", why));
    }
    money("realized_pnl", profit).map(drop)
}

#[inline(always)]
pub(crate) fn value_of(rules: &Instrument, price: Price, qty: Qty) -> Result<Money, Box<Refusal>> {
    rules.value(price, qty).ok_or_else(|| {
        Refusal::field(Code::Precision, "size", rules.qty_decimal(qty), "the fill's value is too large")
    })
}

pub(crate) fn money(field: &'static str, value: Decimal) -> Result<Money, Box<Refusal>> {
    // Venues print unrounded fees: digits beyond 1e-18 are rounded half-even.
    value
        .at_scale_rounded(crate::num::MONEY_SCALE, Rounding::HalfEven)
        .and_then(|mantissa| crate::num::bounded(mantissa, crate::num::MONEY_SCALE))
        .map(Money)
        .map_err(precision(field, value))
}
