//! The venue's entries in the wallet, as they would be now: settlements of fills, and funding.

use std::collections::VecDeque;

use dita_kernel::input::{AccountEvent, Input, RecalledEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::{Cause, Transaction};
use dita_kernel::names::{AccountEventKind as Kind, KernelDiagnosticCode as Code, OrderSide};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Qty, Rounding, multiply_divide};
use dita_kernel::order::{Fill, Order};
use dita_kernel::outcome::Outcome;

use super::inputs::{Charged, order_of};
use super::{Second, limits};
use crate::replica::Replica;

/// So many changes of an instrument's positions are kept: funding comes soon after its boundary.
const HELD_MAX: usize = 4_096;

/// An instrument's net positions by kernel time: then and now.
#[derive(Default)]
pub(super) struct Held(VecDeque<(i64, Qty, Qty)>);

impl Held {
    fn note(&mut self, time_ns: i64, then: Qty, now: Qty) {
        if self.0.len() >= HELD_MAX {
            self.0.pop_front();
        }
        self.0.push_back((time_ns, then, now));
    }

    fn at(&self, time_ns: i64) -> Option<(Qty, Qty)> {
        let after = self.0.partition_point(|(at_ns, ..)| *at_ns <= time_ns);
        let (_, then, now) = self.0.get(after.checked_sub(1)?)?;
        Some((*then, *now))
    }
}

impl Second<'_> {
    /// Keeps what both hold of an instrument that was traded, where they may differ.
    pub(super) fn compare_positions(&mut self, then: &Replica, stamp_ns: i64, instrument: Option<u32>) {
        let Some(instrument) = instrument.filter(|_| limits::is_any(&self.changes.limits)) else { return };
        let place = instrument as usize;
        if self.held.len() <= place {
            self.held.resize_with(place + 1, Held::default);
        }
        let (first, second) = (net(then.kernel(), instrument), net(&self.kernel, instrument));
        self.held[place].note(stamp_ns, first, second);
    }

    /// Changes an entry; false where it does not come now.
    pub(super) fn change_entry(
        &mut self,
        then: &Replica,
        stamp_ns: i64,
        outcome: &Outcome,
        event: &mut AccountEvent,
    ) -> bool {
        match event.kind {
            Kind::FillSettled => self.change_settlement(then, outcome, event),
            Kind::FundingFee => {
                self.change_funding(stamp_ns, event);
                true
            }
            Kind::AccountUpdate
            | Kind::PositionUpdate
            | Kind::Transfer
            | Kind::Rebate
            | Kind::LiquidationFee
            | Kind::Adjustment => true,
        }
    }

    fn change_settlement(&mut self, then: &Replica, outcome: &Outcome, event: &mut AccountEvent) -> bool {
        if self.routes.is_left_out(&event.symbol, &event.venue_trade_id) {
            self.counts.dropped += 1;
            return false;
        }
        let kernel = then.kernel();
        let Some(order) = filled(kernel, event) else { return true };
        let Some(rules) = kernel.instruments().get(order.instrument as usize) else { return true };
        if outcome.code == Code::ReconcileRequired {
            // Ahead of its fill. What it does not tell, the fill will.
            self.ahead.insert((event.symbol.clone(), event.venue_trade_id.clone()));
            if self.changes.change_rates() && self.changes.concern(&event.symbol) {
                event.fee = None;
            }
            return true;
        }
        let id = order.fill_id_of(&event.venue_trade_id);
        let Some(fill) = order.fills.iter().rev().find(|fill| fill.venue_trade_id == *id) else {
            return true;
        };
        let charged = Charged { rules, side: order.order_side, liquidity: fill.liquidity };
        if outcome.code == Code::Ok {
            self.shift_figures(then, fill, event);
        }
        event.fee = self.fee_now(kernel, &charged, event.fee, &event.fee_asset);
        true
    }

    /// Where the fill itself came to other money, what the venue told goes with it.
    fn shift_figures(&mut self, then: &Replica, fill: &Fill, event: &mut AccountEvent) {
        let Some(order) = filled(&self.kernel, event) else { return };
        let mut own =
            order.fills.iter().filter(|own| own.venue_trade_id == fill.venue_trade_id && !own.settled);
        let Some(first) = own.next() else { return };
        let (mut realized, mut fee) = (first.realized, first.fee);
        let (fee_asset, price) = (first.fee_asset, first.price);
        for other in own {
            realized += other.realized;
            fee += other.fee;
        }
        let (booked, _) = then.booked();
        let settled = |cause| booked.iter().filter(move |it: &&&Transaction| it.cause == cause);
        let told_more = settled(Cause::PnlSettled).fold(Money::ZERO, |sum, it| sum + it.amount);
        if let Some(told) = event.realized_pnl {
            event.realized_pnl = self.shifted(told, realized + told_more);
        }
        if let Some(told) = event.fee
            && price != fill.price
            && fee_asset == fill.fee_asset
        {
            let charged_more = settled(Cause::FeeSettled).fold(Money::ZERO, |sum, it| sum + it.amount);
            event.fee = self.shifted(told, fee + charged_more);
        }
    }

    fn shifted(&mut self, told: Decimal, now: Money) -> Option<Decimal> {
        if told.at_scale_rounded(MONEY_SCALE, Rounding::HalfEven) == Ok(now.0) {
            return Some(told);
        }
        self.counts.entries_changed += 1;
        Decimal::normalized(now.0, MONEY_SCALE).ok().or(Some(told))
    }

    /// Funding goes by the position that was held when it was due.
    fn change_funding(&mut self, stamp_ns: i64, event: &mut AccountEvent) {
        let Some(amount) = event.amount else { return };
        let place = self.kernel.instrument_of(&event.symbol).map(|place| place as usize);
        let Some(held) = place.and_then(|place| self.held.get(place)) else { return };
        let due_ns = if event.timestamp_ns == 0 { stamp_ns } else { event.timestamp_ns };
        let Some((then, now)) = held.at(due_ns).filter(|(then, now)| then != now && !then.is_zero()) else {
            return;
        };
        let Ok(amount) = amount.at_scale_rounded(MONEY_SCALE, Rounding::HalfEven) else { return };
        let Some(spec) =
            place.and_then(|place| self.kernel.instruments().get(place)).map(|rules| &rules.spec)
        else {
            return;
        };
        let scaled = multiply_divide(amount, now.0, then.0, Rounding::HalfEven)
            .map(|scaled| Money(scaled).rounded(spec.fee_decimals, spec.fee_rounding));
        if let Some(Ok(scaled)) = scaled.map(|scaled| Decimal::normalized(scaled.0, MONEY_SCALE)) {
            event.amount = Some(scaled);
            self.counts.entries_changed += 1;
        }
    }
}

/// Takes the settlement out of an execution report: the fill may come to other money now, and its profit goes with it.
pub(super) fn take_settlement(then: &Kernel, input: &mut Input) -> Option<Input> {
    let report = match input {
        Input::Venue(report) => report,
        Input::Recalled(recalled) => match &mut recalled.event {
            RecalledEvent::Venue(report) => report,
            RecalledEvent::Account(_) | RecalledEvent::Intent(_) => return None,
        },
        _ => return None,
    };
    let mut settled = AccountEvent::new(Kind::FillSettled, report.timestamp_ns);
    settled.realized_pnl = Some(report.realized_pnl.take()?);
    let order = order_of(then, report);
    let rules = order.and_then(|order| then.instruments().get(order.instrument as usize));
    settled.symbol = rules.map_or(&report.asset, |rules| &rules.spec.symbol).clone();
    settled.venue_trade_id = report.venue_trade_id.clone();
    (settled.fee, settled.fee_asset) = (report.fee, report.fee_asset.clone());
    let side = order.map(|order| order.order_side).or(report.order_side);
    settled.size = match side? {
        OrderSide::Buy => report.size,
        OrderSide::Sell => report.size.and_then(|size| Decimal::new(-size.mantissa(), size.scale()).ok()),
    };
    Some(Input::Account(Box::new(settled)))
}

/// The order that holds the fill of a settlement.
fn filled<'a>(kernel: &'a Kernel, event: &AccountEvent) -> Option<&'a Order> {
    let instrument = kernel.instrument_of(&event.symbol)?;
    let orders = kernel.orders();
    let found = orders.by_fill(instrument, &event.venue_trade_id, event.traded_side());
    let found = found.or_else(|| orders.by_correction(instrument, &event.venue_trade_id));
    found.map(|(place, _)| orders.at(place))
}

fn net(kernel: &Kernel, instrument: u32) -> Qty {
    kernel.book(instrument).into_iter().fold(Qty::ZERO, |sum, basis| sum + basis.qty)
}
