//! Busts and corrections: trades that are taken back or become others, before their fills or after.

use dita_kernel::input::VenueEvent;
use dita_kernel::names::{KernelEventKind as Kind, OrderSide};
use dita_kernel::num::Decimal;

use super::money::fixed;
use super::trades::{Fee, Trade};
use super::{Ahead, Carried, Naive};
use crate::plan::id;

impl Naive {
    pub(super) fn revise(&mut self, event: &VenueEvent, ours: bool) {
        let reference = event.rare.as_ref().map(|rare| rare.ref_trade_id.to_string()).unwrap_or_default();
        let own = event.venue_trade_id.to_string();
        let order = event.venue_client_id.to_string();
        let mut parts = if ours { self.of_id(&order, &reference) } else { self.find(event, &reference) };
        if parts.iter().any(|at| self.trades[*at].corrections.iter().any(|(id, _)| *id == own)) {
            return;
        }
        let is_bust = event.kind == Kind::TradeBust;
        if parts.is_empty() {
            if !ours {
                return self.revise_ahead_of_stranger(event, &reference, is_bust);
            }
            parts = self.revise_ahead(event, &order, &reference, is_bust);
            if !is_bust {
                return;
            }
        }
        for at in &parts {
            self.blur(*at);
        }
        if is_bust {
            if parts.iter().all(|at| self.trades[*at].lots == 0) {
                return;
            }
            parts.iter().for_each(|at| self.take_back(*at, event.timestamp_ns));
        } else {
            self.correct(&parts, event, &own, &reference);
        }
        if let Some(at) = parts.first() {
            let settles = !is_bust && !own.is_empty() && own != reference;
            self.trades[*at].corrections.push((own.clone(), settles));
            self.name_place(&own, *at);
            self.settle_ahead(&parts, &own);
        }
    }

    fn find(&self, event: &VenueEvent, reference: &str) -> Vec<usize> {
        let Some(instrument) = self.instrument(event.asset.as_str()) else { return Vec::new() };
        let is_it = |trade: &Trade| {
            trade.instrument == instrument
                && (trade.id == reference || trade.corrections.iter().any(|(id, _)| id == reference))
                && event.order_side.is_none_or(|side| trade.buys == (side == OrderSide::Buy))
        };
        self.named(reference).iter().copied().filter(|at| is_it(&self.trades[*at])).collect()
    }

    /// A bust or correction comes before its fill.
    fn revise_ahead(
        &mut self,
        event: &VenueEvent,
        order: &str,
        reference: &str,
        is_bust: bool,
    ) -> Vec<usize> {
        if let Some(order) = self.orders.get(order) {
            let side = if order.buys { OrderSide::Buy } else { OrderSide::Sell };
            let is_its = |ahead: &Ahead| {
                ahead.instrument == order.instrument && ahead.side.is_none_or(|told| told == side)
            };
            self.ahead.retain(|ahead| ahead.id != reference || !is_its(ahead));
        }
        if !is_bust {
            self.fill(order, event, reference);
            let own = event.venue_trade_id.to_string();
            let parts = self.of_id(order, reference);
            if let Some(at) = parts.first() {
                self.trades[*at].corrections.push((own.clone(), true));
                self.name_place(&own, *at);
                self.settle_ahead(&parts, &own);
            }
            return Vec::new();
        }
        let inferred = self.inferred(order);
        let size = event.size.map_or(0, fixed).min(inferred);
        let stands_for = match event.filled_size.map(fixed) {
            Some(total) => size.min((self.filled(order) - total).max(0)),
            None => size,
        };
        if stands_for > 0 {
            self.name(order, reference, stands_for, Some(0), event, &mut None);
            return self.of_id(order, reference);
        }
        self.book(order, reference, 0, Some(1), event, Some((0, 0)));
        let parts = self.of_id(order, reference);
        for at in &parts {
            (self.trades[*at].busted, self.trades[*at].settled) = (true, true);
            self.trades[*at].corrections.push((event.venue_trade_id.to_string(), false));
            self.name_place(event.venue_trade_id.as_str(), *at);
        }
        Vec::new()
    }

    /// A bust or correction comes before a fill of which only the settlement has come: it is a stranger's then, or of an order
    /// that is forgotten.
    fn revise_ahead_of_stranger(&mut self, event: &VenueEvent, reference: &str, is_bust: bool) {
        let Some(instrument) = self.instrument(event.asset.as_str()) else { return };
        let is_it = |ahead: &Ahead| {
            let side = ahead.side.is_none() || ahead.side == event.order_side;
            ahead.instrument == instrument && ahead.id == reference && side
        };
        if !self.ahead.iter().any(is_it) {
            return;
        }
        let own = event.venue_trade_id.to_string();
        let settles = !own.is_empty() && own != reference;
        if settles || is_bust {
            self.ahead.retain(|ahead| !is_it(ahead));
        }
        let size = if is_bust { Some(Decimal::ZERO) } else { event.size };
        let fee = event.fee.filter(|_| !is_bust);
        let venue_trade_id = id(reference);
        let fill = VenueEvent { kind: Kind::FullFill, venue_trade_id, size, fee, ..event.clone() };
        self.stranger(&fill, false, None);
        let parts = self.find(event, reference);
        for at in &parts {
            let trade = &mut self.trades[*at];
            (trade.busted, trade.settled) = (is_bust, trade.settled || is_bust);
            trade.corrections.push((own.clone(), settles && !is_bust));
            self.name_place(&own, *at);
        }
        self.settle_ahead(&parts, &own);
    }

    fn take_back(&mut self, at: usize, time_ns: i64) {
        let (buys, pairs) = (self.trades[at].buys, std::mem::take(&mut self.trades[at].pairs));
        for (slot, trade, lots) in pairs {
            // What it closed is open again; of a slot that goes on with another trade it is nobody's.
            if let Some(carried) = self.slots.get_mut(&slot).filter(|carried| carried.trade == trade) {
                carried.lots += if buys { -lots } else { lots };
            }
        }
        let trade = &mut self.trades[at];
        trade.gone = Some((time_ns, trade.lots));
        (trade.lots, trade.busted, trade.settled) = (0, true, true);
        trade.fee = Fee::Told(trade.fee.asset(), 0);
        (trade.own_profit, trade.told_profit) = (0, Some(0));
        self.slot_again(at);
    }

    fn correct(&mut self, parts: &[usize], event: &VenueEvent, own: &str, reference: &str) {
        let price = event.price.map(fixed).filter(|price| *price > 0);
        let settles = !own.is_empty() && own != reference;
        let fee = self.fee_of(event);
        for (nth, at) in parts.iter().enumerate() {
            let trade = &mut self.trades[*at];
            trade.price = price.or(trade.price);
            trade.settled &= !settles;
            if let Some((asset, fee)) = fee {
                trade.fee = Fee::Told(asset, if nth == 0 { fee } else { 0 });
            } else {
                self.guess_again(*at);
            }
        }
    }

    /// Works a slot out again from the trades that are left.
    fn slot_again(&mut self, at: usize) {
        let Some(slot) = self.trades[at].slot else { return };
        let Some(carried) = self.slots.get(&slot) else { return };
        let mut again = Carried { lots: 0, entered: 0, ..carried.clone() };
        // What was forced on it stands between trades of its own: where, nobody can say any more.
        again.touched |= again.forced;
        for trade in self.trades.iter().filter(|trade| trade.slot == Some(slot) && self.is_carried(trade)) {
            if let Some(order) = trade.order.as_ref().and_then(|order| self.orders.get(order)) {
                let opened = trade.opened();
                again.take(order.entry, if trade.buys { opened } else { -opened });
            }
        }
        self.slots.insert(slot, again);
    }
}
