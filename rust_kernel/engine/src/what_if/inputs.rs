//! An input of then as it would be now.

use dita_kernel::fees;
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, InstrumentSpec, Recalled, RecalledEvent, VenueEvent};
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{KernelEventKind as Kind, Liquidity, OrderSide};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, multiply_divide};
use dita_kernel::order::{Fill, Order};
use dita_kernel::outcome::Outcome;

use super::{Changes, Second, limits, marks};
use crate::replica::Replica;

/// Rates have at most so many decimals.
const RATE_SCALE: u8 = 12;

/// An instrument with the changed rates.
pub(super) fn with_rates(changes: &Changes, spec: &InstrumentSpec) -> InstrumentSpec {
    let mut spec = spec.clone();
    if changes.concern(&spec.symbol) {
        spec.taker_rate = changes.taker_rate.unwrap_or(spec.taker_rate);
        spec.maker_rate = changes.maker_rate.unwrap_or(spec.maker_rate);
    }
    spec
}

impl Changes {
    /// The changed rate; `None` where it stays.
    pub(super) fn rate(&self, symbol: &Id, liquidity: Liquidity) -> Option<Decimal> {
        let rate = match liquidity {
            Liquidity::Maker => self.maker_rate,
            Liquidity::Taker => self.taker_rate,
        };
        rate.filter(|_| self.concern(symbol))
    }
}

/// The order that an event is about.
pub(super) fn order_of<'a>(kernel: &'a Kernel, event: &VenueEvent) -> Option<&'a Order> {
    let orders = kernel.orders();
    let by_client = || orders.by_client_id(&event.venue_client_id);
    let by_venue = || orders.by_venue_id(&event.venue_order_id);
    let place = (!event.venue_client_id.is_empty()).then(by_client).flatten();
    let place = place.or_else(|| (!event.venue_order_id.is_empty()).then(by_venue).flatten());
    place.map(|place| orders.at(place))
}

/// A fill that the venue charged: which, and at whose rules.
pub(super) struct Charged<'a> {
    pub(super) rules: &'a Instrument,
    pub(super) side: OrderSide,
    pub(super) liquidity: Liquidity,
}

impl Second<'_> {
    /// The input as the second core takes it; `None` where it does not happen now.
    pub(super) fn changed(
        &mut self,
        then: &Replica,
        stamp_ns: i64,
        outcome: &Outcome,
        input: Input,
    ) -> Option<Input> {
        match input {
            Input::Venue(mut event) => {
                self.change_news(then, stamp_ns, outcome, &mut event).then_some(Input::Venue(event))
            }
            Input::Account(mut event) => {
                self.change_entry(then, stamp_ns, outcome, &mut event).then_some(Input::Account(event))
            }
            Input::Recalled(recalled) => {
                let Recalled { verdict, event } = *recalled;
                let event = match event {
                    RecalledEvent::Venue(mut event) => self
                        .change_news(then, stamp_ns, outcome, &mut event)
                        .then_some(RecalledEvent::Venue(event)),
                    RecalledEvent::Account(mut event) => self
                        .change_entry(then, stamp_ns, outcome, &mut event)
                        .then_some(RecalledEvent::Account(event)),
                    RecalledEvent::Intent(intent) => Some(RecalledEvent::Intent(intent)),
                };
                event.map(|event| Input::Recalled(Box::new(Recalled { verdict, event })))
            }
            Input::Instrument(spec) if self.changes.change_rates() => {
                Some(Input::Instrument(Box::new(with_rates(self.changes, &spec))))
            }
            Input::Listed(listed) if self.changes.change_rates() => {
                Some(Input::instrument(with_rates(self.changes, &listed.0)))
            }
            Input::Control(mut change) => {
                if let Some(given) = &change.limits {
                    change.limits = Some(limits::merged(given, &self.changes.limits));
                }
                Some(Input::Control(change))
            }
            Input::Effect(EffectResult::NotSent { venue_client_id, reason }) => {
                if self.routes.is_unsent(&venue_client_id) {
                    self.counts.dropped += 1;
                    return None;
                }
                let venue_client_id = self.routes.name(&venue_client_id).clone();
                Some(Input::Effect(EffectResult::NotSent { venue_client_id, reason }))
            }
            Input::Intent(mut intent) => {
                if self.routes.is_unsent(&intent.target_client_id) {
                    // Its name of then may be another order's now.
                    self.counts.followed += u64::from(outcome.accepted);
                    return None;
                }
                intent.target_client_id = self.routes.name(&intent.target_client_id).clone();
                Some(Input::Intent(intent))
            }
            other @ (Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Effect(
                EffectResult::LeverageSet { .. } | EffectResult::LeverageRefused { .. },
            )
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Override(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_)) => Some(other),
        }
    }

    /// Changes the venue's news of an order; false where they do not come now.
    fn change_news(
        &mut self,
        then: &Replica,
        stamp_ns: i64,
        outcome: &Outcome,
        event: &mut VenueEvent,
    ) -> bool {
        let kernel = then.kernel();
        let order = order_of(kernel, event);
        let rules = order.and_then(|order| kernel.instruments().get(order.instrument as usize));
        if self.routes.is_of_unsent(event) {
            let symbol = rules.map(|rules| &rules.spec.symbol);
            self.routes.leave_out(symbol, event);
            let key = (symbol.cloned().unwrap_or_default(), event.venue_trade_id.clone());
            self.counts.settled_ahead += u64::from(self.ahead.contains(&key));
            self.counts.dropped += 1;
            return false;
        }
        self.routes.rename(event);
        let (Some(order), Some(rules)) = (order, rules) else { return true };
        let Some(fill) = fill_of(order, event, outcome.seq) else { return true };
        let charged = Charged { rules, side: order.order_side, liquidity: fill.liquidity };
        if fill.seq == outcome.seq && outcome.accepted && is_fill(event) {
            match fill.liquidity {
                Liquidity::Taker => self.counts.fills_taken += 1,
                Liquidity::Maker => self.counts.fills_made += 1,
            }
            if fill.liquidity == Liquidity::Taker && self.changes.concern(&rules.spec.symbol) {
                self.reprice(stamp_ns, rules, event);
            }
        }
        event.fee = self.fee_now(kernel, &charged, event.fee, &event.fee_asset);
        true
    }

    /// The fee of now: what was told where its rate stays; absent where the kernel shall compute it by the new one.
    pub(super) fn fee_now(
        &mut self,
        kernel: &Kernel,
        charged: &Charged<'_>,
        told: Option<Decimal>,
        asset: &Id,
    ) -> Option<Decimal> {
        let fee = told?;
        let Charged { rules, side, liquidity } = *charged;
        let Some(rate) = self.changes.rate(&rules.spec.symbol, liquidity) else { return Some(fee) };
        let usual = rules.fee_asset.unwrap_or_else(|| fees::paid_in(rules, side, fee.is_negative()));
        let is_usual = asset.is_empty() || kernel.asset_of(asset) == Some(usual);
        if is_usual {
            self.counts.fees_recomputed += 1;
            return None;
        }
        let scaled = || {
            let before = rules.rate(liquidity).to_decimal().at_scale(RATE_SCALE).ok()?;
            scale(fee, rate.at_scale(RATE_SCALE).ok()?, before, rules)
        };
        let scaled = scaled();
        self.counts.fees_scaled += u64::from(scaled.is_some());
        scaled.or(Some(fee))
    }

    /// Moves a fill's price by what the mark moved within the latency, and its fee with it.
    fn reprice(&mut self, stamp_ns: i64, rules: &Instrument, event: &mut VenueEvent) {
        let (Some(price), true) = (event.price, self.changes.latency_ns > 0) else { return };
        let marks = self.marks.over(&rules.spec.symbol, stamp_ns, self.changes.latency_ns);
        let Some((from, to)) = marks else {
            self.counts.without_mark += 1;
            return;
        };
        let Some(now) = marks::moved(price, from, to).filter(|now| rules.price(*now).is_ok()) else {
            self.counts.without_mark += 1;
            return;
        };
        self.counts.repriced += 1;
        if now.at_scale(rules.price_scale) == price.at_scale(rules.price_scale) {
            return;
        }
        let (before, after) = (price.at_scale(rules.price_scale), now.at_scale(rules.price_scale));
        if let (Some(fee), Ok(before), Ok(after)) = (event.fee, before, after) {
            // A linear fill's value goes with the price, an inverse one's against it.
            let (up, down) = if rules.spec.inverse { (before, after) } else { (after, before) };
            event.fee = scale(fee, up, down, rules).or(Some(fee));
        }
        event.price = Some(now);
        event.average_price = None;
    }
}

/// `amount × up / down`, rounded as the venue rounds fees.
fn scale(amount: Decimal, up: i128, down: i128, rules: &Instrument) -> Option<Decimal> {
    if down == 0 {
        return None;
    }
    let amount = amount.at_scale_rounded(MONEY_SCALE, Rounding::HalfEven).ok()?;
    let scaled = Money(multiply_divide(amount, up, down, Rounding::HalfEven)?);
    let rounded = scaled.rounded(rules.spec.fee_decimals, rules.spec.fee_rounding);
    Decimal::normalized(rounded.0, MONEY_SCALE).ok()
}

fn is_fill(event: &VenueEvent) -> bool {
    match event.kind {
        Kind::PartialFill | Kind::FullFill | Kind::Liquidation | Kind::Adl => true,
        Kind::OrderAck
        | Kind::CancelPending
        | Kind::CancelAck
        | Kind::CancelReject
        | Kind::AmendReject
        | Kind::AmendPending
        | Kind::AmendAck
        | Kind::OrderReject
        | Kind::Expired
        | Kind::DoneForDay
        | Kind::Stopped
        | Kind::Restated
        | Kind::Triggered
        | Kind::TradeCorrect
        | Kind::TradeBust
        | Kind::OrderStatus
        | Kind::OrderNotFound
        | Kind::RateLimited
        | Kind::SendTimeout
        | Kind::Disconnected
        | Kind::Resynced => false,
    }
}

/// The fill that an event brought or is about.
fn fill_of<'a>(order: &'a Order, event: &VenueEvent, seq: u64) -> Option<&'a Fill> {
    let named = |id: &Id| order.fills.iter().rev().find(|fill| !id.is_empty() && fill.venue_trade_id == *id);
    let brought = order.fills.iter().rev().find(|fill| fill.seq == seq);
    brought
        .or_else(|| named(&event.venue_trade_id))
        .or_else(|| event.rare.as_ref().and_then(|rare| named(order.fill_id_of(&rare.ref_trade_id))))
}
