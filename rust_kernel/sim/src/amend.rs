//! Changes of live orders.
//!
//! A new limit, or a larger size, puts the order behind all others at its price; a smaller size keeps its place. A
//! size that equals what is filled completes the order; one below that cancels the rest, as Binance does: an amend
//! that races a fill never makes the venue give back what was filled.

use dita_kernel::effect::{AmendRequest, CancelRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields};
use dita_kernel::names::{KernelEventKind, VenueOrderStatus};

use crate::admission::{check_band, check_market_size, check_size};
use crate::conditional::{after_taking, reference};
use crate::events::{self, Report};
use crate::fills::Market;
use crate::orders::{Order, PRIORITY_BITS, Place};
use crate::reject::Reject;
use crate::rules::GridFault;
use crate::taking;
use crate::terms::{is_met, read_trigger};
use crate::venue::SimVenue;

/// An order as it shall be.
struct Change {
    size: i128,
    limit: Option<i128>,
    trigger: Option<i128>,
}

impl SimVenue {
    pub(crate) fn amend_order(&mut self, request: &AmendRequest, out: &mut Vec<Input>) {
        let key = CancelRequest {
            venue_client_id: request.venue_client_id.clone(),
            venue_order_id: request.venue_order_id.clone(),
            asset: request.asset.clone(),
            slot_id: request.slot_id,
        };
        if self.change_is_lost(&key, out) {
            return;
        }
        let moment = self.desk.moment();
        let kind = KernelEventKind::AmendReject;
        let refusal = match self.find_order(&key) {
            None => events::unknown(kind, &key, moment),
            Some(Place::Live(place)) => match self.read_change(place, request) {
                Ok(change) => return self.apply_change(place, &change, &request.request_id, out),
                Err(reject) => {
                    let Some(order) = self.orders.live(place) else { return };
                    let rules = &self.markets[order.market as usize].rules;
                    Report::of_live(order).event(kind, rules, Some(reject), moment)
                }
            },
            Some(Place::Ended(place)) => {
                let Some(ended) = self.orders.ended(place) else { return };
                let filled = ended.status == VenueOrderStatus::Filled;
                let reason = if filled { Reject::AlreadyFilled } else { Reject::AlreadyEnded };
                let rules = &self.markets[ended.market as usize].rules;
                Report::of_ended(ended, self.venue_order_id(ended)).event(kind, rules, Some(reason), moment)
            }
        };
        self.desk.counters.amend_rejects += 1;
        out.push(answering(refusal, &request.request_id));
    }

    fn read_change(&self, place: u32, request: &AmendRequest) -> Result<Change, Reject> {
        let Some(order) = self.orders.live(place) else { return Err(Reject::UnknownOrder) };
        let market = &self.markets[order.market as usize];
        let change = Change {
            size: reducible(market, order, check_size(market, request.size)?)?,
            limit: read_limit(market, order, request)?,
            trigger: read_new_trigger(market, order, request)?,
        };
        if let Some(bounds) = &market.rules.bounds {
            check_market_size(bounds, change.size, change.limit)?;
            if let Some(limit) = change.limit.filter(|_| !order.is_dormant() && change.limit != order.limit) {
                check_band(market, bounds, order.order_side, limit)?;
            }
        }
        let price = change
            .limit
            .or(change.trigger)
            .or_else(|| market.book.opposite(order.order_side).best().map(|level| level.price));
        let notional = price.map_or(Some(0), |price| market.rules.notional(price, change.size));
        if notional.is_none_or(|notional| notional > market.rules.max_notional) {
            return Err(Reject::TooLarge);
        }
        if order.is_dormant() {
            self.check_dormant(market, order, &change)?;
        } else if let Some(limit) = change.limit
            && change.limit != order.limit
            && order.terms.as_ref().is_some_and(|terms| terms.post_only)
            && market.book.opposite(order.order_side).reaches(limit)
        {
            return Err(Reject::PostOnlyWouldTake);
        }
        let grows = change.size > order.size || change.limit != order.limit;
        if grows {
            self.check_change_funds(order, change.size, change.limit)?;
        }
        Ok(change)
    }

    fn check_dormant(&self, market: &Market, order: &Order, change: &Change) -> Result<(), Reject> {
        let (Some(terms), Some(trigger)) = (&order.terms, change.trigger) else { return Ok(()) };
        let price = reference(market, self.desk.behaviour.trigger_on_mark || terms.by_mark, None);
        let trigger = market.rules.price18(trigger);
        match price {
            Some(price) if is_met(terms.order_type, order.order_side, trigger, price) => {
                Err(Reject::WouldTriggerAtOnce)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn apply_change(&mut self, place: u32, change: &Change, request_id: &Id, out: &mut Vec<Input>) {
        let amended = self.desk.counters.amends;
        self.desk.counters.amends += 1;
        let count = self.desk.order_ids.count();
        let SimVenue { desk, markets, orders, .. } = self;
        let Some(order) = orders.live_mut(place) else { return };
        let market = &mut markets[order.market as usize];
        if change.size < order.filled {
            return self.cancel_rest(place, request_id, out);
        }
        let resting = order.limit.filter(|_| !order.is_dormant());
        let moves = change.limit != order.limit || change.size > order.size;
        let ends = change.size == order.filled;
        if let Some(limit) = resting.filter(|_| moves || ends) {
            market.queue(order.order_side).remove(order.order_side, limit, order.priority());
        }
        order.size = change.size;
        order.limit = change.limit;
        if let Some(trigger) = change.trigger {
            order.terms_mut().trigger = Some(trigger);
        }
        if moves {
            let late = (amended % ((1 << PRIORITY_BITS) - 1)) + 1;
            order.terms_mut().priority = (count << PRIORITY_BITS) + late;
        }
        let rare = Box::new(RareFields { request_id: request_id.clone(), ..RareFields::default() });
        let moment = desk.moment();
        let kind = KernelEventKind::AmendAck;
        events::as_it_is(desk.forms.venue(out), kind, order, &market.rules, Some(rare), moment);
        let end = if ends {
            if order.is_dormant() {
                market.dormant.retain(|&kept| kept != place);
            }
            Some(VenueOrderStatus::Filled)
        } else if resting.is_some() && moves {
            taking::take(desk, market, order, out);
            after_taking(desk, market, order, place, out)
        } else {
            None
        };
        if let Some(status) = end {
            orders.end(place, status);
        }
    }

    /// The amend came too late for its size: what is filled stays, the rest is canceled.
    fn cancel_rest(&mut self, place: u32, request_id: &Id, out: &mut Vec<Input>) {
        let before = out.len();
        self.end_live(place, VenueOrderStatus::Canceled, Some(Reject::BelowFilled), out);
        if let Some(Input::Venue(event)) = out.get_mut(before) {
            event.rare.get_or_insert_default().request_id.clone_from(request_id);
        }
    }
}

/// The new size; of what only reduces, what is left of it is cut to the position as it is now: a limit that meets the
/// market takes at once.
fn reducible(market: &Market, order: &Order, size: i128) -> Result<i128, Reject> {
    if !order.reduce_only || order.is_dormant() || size <= order.filled {
        return Ok(size);
    }
    match market.closable(order.order_side, order.position_side) {
        0 => Err(Reject::ReduceOnlyNoPosition),
        closable => Ok(size.min(order.filled.saturating_add(closable))),
    }
}

fn answering(refusal: Input, request_id: &Id) -> Input {
    match refusal {
        Input::Venue(mut event) => {
            event.rare.get_or_insert_default().request_id.clone_from(request_id);
            Input::Venue(event)
        }
        other => other,
    }
}

fn read_limit(market: &Market, order: &Order, request: &AmendRequest) -> Result<Option<i128>, Reject> {
    let value = match (order.limit, request.limit_price) {
        (old, None) => return Ok(old),
        (None, Some(_)) => return Err(Reject::UnexpectedLimitPrice),
        (Some(_), Some(value)) => value,
    };
    let price = market.rules.price.mantissa(value).map_err(|fault| match fault {
        GridFault::NotPositive => Reject::PriceNotPositive,
        GridFault::Off => Reject::PriceOffTick,
        GridFault::TooLarge => Reject::TooLarge,
    })?;
    if price > market.rules.max_price { Err(Reject::PriceAboveMaximum) } else { Ok(Some(price)) }
}

fn read_new_trigger(market: &Market, order: &Order, request: &AmendRequest) -> Result<Option<i128>, Reject> {
    let old = order.terms.as_ref().and_then(|terms| terms.trigger);
    match request.trigger_price {
        None => Ok(old),
        Some(value) => match read_trigger(market, value)? {
            trigger if order.is_dormant() || old == Some(trigger) => Ok(Some(trigger)),
            _ => Err(Reject::UnexpectedTrigger),
        },
    }
}
