//! The account's news: settlements of trades, and money that comes and goes beside them.

use dita_kernel::input::{AccountEvent, VenueEvent};
use dita_kernel::names::{AccountEventKind as Kind, OrderSide, Product};

use super::money::money;
use super::trades::Fee;
use super::{Ahead, Asset, Naive};

impl Naive {
    pub(super) fn take_entry(&mut self, event: &AccountEvent) {
        match event.kind {
            Kind::FillSettled => self.take_settlement(event, event.traded_side()),
            Kind::FundingFee => self.enter_money(event, "funding", false),
            Kind::Transfer => self.enter_money(event, "transfers", false),
            Kind::Rebate => self.enter_money(event, "rebates", false),
            Kind::Adjustment => self.enter_money(event, "adjustments", false),
            Kind::LiquidationFee => self.enter_money(event, "liquidation fees", true),
            Kind::AccountUpdate | Kind::PositionUpdate => {}
        }
    }

    /// Money in or out, once under the venue's id of it.
    fn enter_money(&mut self, event: &AccountEvent, kind: &'static str, charged: bool) {
        let Some(amount) = event.amount.map(money) else { return };
        let name = format!("{kind} {} {}", event.venue_txn_id, event.event_id);
        if self.known_entries.insert(name) {
            let credited = if charged { -amount } else { amount };
            let asset = self.asset(event.asset.as_str());
            *self.entries.entry((asset, kind)).or_default() += credited;
        }
    }

    /// A report that has its fill's profit is the fill and its settlement.
    pub(super) fn settle_report(&mut self, event: &VenueEvent) {
        if event.realized_pnl.is_none() {
            return;
        }
        let figures = AccountEvent {
            symbol: event.asset.clone(),
            venue_trade_id: event.venue_trade_id.clone(),
            realized_pnl: event.realized_pnl,
            fee: event.fee,
            fee_asset: event.fee_asset.clone(),
            ..AccountEvent::new(Kind::FillSettled, event.timestamp_ns)
        };
        self.take_settlement(&figures, event.order_side);
    }

    /// The venue's figures of a trade, by its id or by that of its last correction.
    fn take_settlement(&mut self, event: &AccountEvent, side: Option<OrderSide>) {
        let Some(instrument) = self.instrument(event.symbol.as_str()) else { return };
        let id = event.venue_trade_id.as_str();
        let settle = self.listed[instrument].settle;
        let asset = if event.fee_asset.is_empty() { settle } else { self.asset(event.fee_asset.as_str()) };
        let spec = &self.instruments[instrument];
        let fee = event.fee.map(|fee| (asset, money(fee)));
        let profit = event.realized_pnl.filter(|_| spec.product == Product::Perp).map(money);
        let is_of_side = |buys: bool| side.is_none_or(|side| buys == (side == OrderSide::Buy));
        let is_its =
            |at: &usize| self.trades[*at].instrument == instrument && is_of_side(self.trades[*at].buys);
        let known: Vec<usize> = self.named(id).iter().copied().filter(is_its).collect();
        if known.is_empty() {
            // What a process heard twice before it died it may hear again.
            let is_known =
                |ahead: &Ahead| ahead.instrument == instrument && ahead.id == id && ahead.side == side;
            if !self.ahead.iter().any(is_known) {
                self.sums = None;
                self.ahead.push(Ahead { instrument, id: id.to_owned(), side, fee, profit });
            }
            return;
        }
        let Some(first) = known.iter().copied().find(|at| !self.trades[*at].settled) else { return };
        let last = self.trades[first].corrections.iter().rev().find(|(_, settles)| *settles);
        if last.is_some_and(|(own, _)| own != id) {
            return;
        }
        let whole = self.trades[first].clone();
        let is_part = |at: &usize| {
            let trade = &self.trades[*at];
            let same = (&trade.order, &trade.id, trade.buys) == (&whole.order, &whole.id, whole.buys);
            same && trade.instrument == instrument && !trade.settled
        };
        let parts: Vec<usize> = self.named(&whole.id).iter().copied().filter(is_part).collect();
        self.settle(&parts, fee, profit);
    }

    /// The first part carries the whole, however many there are.
    fn settle(&mut self, parts: &[usize], fee: Option<(Asset, i128)>, profit: Option<i128>) {
        for (nth, at) in parts.iter().enumerate() {
            let first = nth == 0;
            let trade = &mut self.trades[*at];
            trade.settled = true;
            trade.told_profit = profit.map(|profit| if first { profit } else { 0 });
            if let Some((asset, amount)) = fee {
                trade.fee = Fee::Told(asset, if first { amount } else { 0 });
            }
        }
        if !self.has_settlements && !self.profit_base.is_empty() {
            // What was taken as it stood, for want of anybody who settles, may be told otherwise from now on.
            self.books.values_mut().for_each(|book| book.blurred = true);
        }
        self.has_settlements = true;
        self.sums = None;
    }

    /// A settlement that came before what it is about.
    pub(super) fn settle_ahead(&mut self, parts: &[usize], id: &str) {
        let Some(first) = parts.first().map(|at| &self.trades[*at]) else { return };
        let (instrument, own) = (first.instrument, if first.buys { OrderSide::Buy } else { OrderSide::Sell });
        let is_it = |ahead: &Ahead| {
            ahead.instrument == instrument && ahead.id == id && ahead.side.is_none_or(|side| side == own)
        };
        if let Some(at) = self.ahead.iter().position(is_it) {
            let Ahead { fee, profit, .. } = self.ahead.remove(at);
            self.settle(parts, fee, profit);
        }
    }
}
