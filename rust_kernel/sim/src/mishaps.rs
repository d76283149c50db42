//! What goes wrong with orders and fills themselves, and on the account.

use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::{KernelEventKind, Liquidity, OrderSide, PositionSide, VenueOrderStatus};
use dita_kernel::num::{Decimal, product};

use crate::config::Settling;
use crate::events;
use crate::fills::{Desk, Fill, Market};
use crate::odd::{Settled, Trade};
use crate::orders::Order;
use crate::rules::{Kind, exact};
use crate::venue::SimVenue;
use crate::wallet::{Position, Wallet, money_decimal};

/// The books as they were before a fill, for the fill to be taken back.
pub(crate) struct Before {
    wallet: Wallet,
    position: Position,
}

impl Desk {
    /// A copy of what a fill will change, where it may be taken back.
    pub(crate) fn before(&self, market: &mut Market, position_side: PositionSide) -> Option<Before> {
        let faults = &self.chaos.as_ref()?.faults;
        if faults.bust == 0 && faults.correction == 0 {
            return None;
        }
        Some(Before { wallet: self.wallet.clone(), position: *market.book_of(position_side) })
    }

    /// A larger fill, where it completes an order and the account can have more.
    pub(crate) fn overfilled(&mut self, market: &Market, order: &Order, fill: &Fill) -> Fill {
        let completes = fill.quantity >= order.remaining();
        let may = market.rules.kind != Kind::Spot && order.position_side == PositionSide::Both;
        if !completes || !may || !self.strikes(|faults| faults.overfill) {
            return *fill;
        }
        self.counters.faults.overfill += 1;
        Fill { quantity: fill.quantity + market.rules.quantity.step, ..*fill }
    }

    /// Tells a fill without price and fee before it is told as it is.
    pub(crate) fn tell_pending(&mut self, fill: &VenueEvent, out: &mut Vec<Input>) {
        if self.strikes(|faults| faults.price_pending) {
            self.counters.faults.price_pending += 1;
            out.push(Input::Venue(Box::new(VenueEvent {
                price: Some(Decimal::ZERO),
                fee: None,
                fee_asset: Id::EMPTY,
                realized_pnl: None,
                ..fill.clone()
            })));
        }
    }

    /// Takes the fill that completed an order back, or gives it another price.
    pub(crate) fn retract(
        &mut self,
        market: &mut Market,
        order: &mut Order,
        fill: &Fill,
        trade_id: &Id,
        before: Option<Before>,
        out: &mut Vec<Input>,
    ) {
        let Some(before) = before.filter(|_| order.remaining() <= 0) else { return };
        if self.strikes(|faults| faults.bust) {
            self.counters.faults.bust += 1;
            self.undo(market, order, fill, before, trade_id);
            // The quantity is gone from the order: it does not work again.
            order.size = order.filled;
            self.tell_retracted(market, order, (KernelEventKind::TradeBust, fill), trade_id, None, out);
        } else if self.strikes(|faults| faults.correction) {
            self.counters.faults.correction += 1;
            self.undo(market, order, fill, before, trade_id);
            let corrected = Fill { price: fill.price + market.rules.price.step, ..*fill };
            let settled = self.book_fill(market, order, &corrected);
            let what = (KernelEventKind::TradeCorrect, &corrected);
            self.tell_retracted(market, order, what, trade_id, Some(settled), out);
        }
    }

    fn undo(&mut self, market: &mut Market, order: &mut Order, fill: &Fill, before: Before, trade_id: &Id) {
        let lines = self.statement.iter_mut().flatten().rev();
        if let Some(line) = lines.into_iter().find(|line| line.id == *trade_id) {
            line.gone = true;
        }
        self.wallet = before.wallet;
        *market.book_of(order.position_side) = before.position;
        order.filled -= fill.quantity;
        order.paid -= exact(product(fill.price, fill.quantity));
    }

    fn tell_retracted(
        &mut self,
        market: &mut Market,
        order: &Order,
        (kind, fill): (KernelEventKind, &Fill),
        trade_id: &Id,
        settled: Option<Settled>,
        out: &mut Vec<Input>,
    ) {
        let moment = self.moment();
        let own_id = self.new_trade_id(market);
        let mut event = VenueEvent::new(kind, moment.venue_ns);
        events::as_it_is(&mut event, kind, order, &market.rules, None, moment);
        let status = if order.filled == 0 { VenueOrderStatus::Canceled } else { VenueOrderStatus::Filled };
        event.status = Some(status);
        event.order_size = None;
        event.venue_trade_id = own_id.clone();
        event.rare = Some(Box::new(RareFields { ref_trade_id: trade_id.clone(), ..RareFields::default() }));
        event.price = Some(market.rules.price.decimal(fill.price));
        event.size = Some(market.rules.quantity.decimal(fill.quantity));
        if let Some(settled) = settled {
            event.fee = Some(money_decimal(settled.fee));
            event.fee_asset.clone_from(self.wallet.asset_at(settled.fee_account));
        }
        out.push(Input::Venue(Box::new(event)));
        if let Some(settled) = settled {
            self.note_settled(market, order.order_side, settled, &own_id);
            if self.behaviour.settling != Settling::Never {
                // A correction is settled by its own id, and no report of one has a profit.
                self.tell_settled(market, (order.order_side, fill.quantity), settled, &own_id, out);
            }
        }
    }
}

impl SimVenue {
    /// Tells that an order is canceled, and lets it work on.
    pub(crate) fn seem_canceled(&mut self, place: u32, out: &mut Vec<Input>) {
        let SimVenue { desk, markets, orders, .. } = self;
        let Some(order) = orders.live_mut(place) else { return };
        desk.counters.faults.false_cancel += 1;
        order.terms_mut().told_canceled = true;
        let what = (KernelEventKind::CancelAck, VenueOrderStatus::Canceled);
        let moment = desk.moment();
        let rules = &markets[order.market as usize].rules;
        events::ended(desk.forms.venue(out), what, order, rules, None, moment);
    }

    /// Tells that an order is canceled, and then that a lot of it was filled before it was.
    pub(crate) fn fill_late(&mut self, place: u32, out: &mut Vec<Input>) {
        let Some(mut order) = self.orders.live(place).cloned() else { return };
        self.end_live(place, VenueOrderStatus::Canceled, None, out);
        let SimVenue { desk, markets, orders, .. } = self;
        let market = &mut markets[order.market as usize];
        let Some(price) = order.limit else { return };
        desk.counters.faults.late_fill += 1;
        let quantity = market.rules.quantity.step.min(order.remaining());
        let from = out.len();
        desk.fill_oddly(market, &mut order, &Fill { price, quantity, liquidity: Liquidity::Maker }, out);
        desk.report_wallet(market, out);
        for input in out.iter_mut().skip(from) {
            if let Input::Venue(event) = input
                && matches!(event.kind, KernelEventKind::PartialFill | KernelEventKind::FullFill)
            {
                event.kind = KernelEventKind::PartialFill;
                event.status = Some(VenueOrderStatus::Canceled);
                event.remaining_size = Some(Decimal::ZERO);
            }
        }
        orders.remember(&order, VenueOrderStatus::Canceled);
    }

    /// What may befall the account after a fill.
    pub(crate) fn befall(&mut self, market: usize, out: &mut Vec<Input>) {
        if self.desk.chaos.as_ref().is_none_or(|chaos| chaos.calm)
            || self.markets[market].rules.kind == Kind::Spot
        {
            return;
        }
        if self.desk.strikes(|faults| faults.fee_tier_change) {
            self.desk.counters.faults.fee_tier_change += 1;
            self.markets[market].rules.change_tier();
        }
        let sides = self.sides();
        let strikes = [
            self.desk.strikes(|faults| faults.manual_trade),
            self.desk.strikes(|faults| faults.adl),
            self.desk.strikes(|faults| faults.liquidation),
        ];
        let [manual, adl, liquidation] = strikes;
        let lot = self.markets[market].rules.quantity.step;
        let price = |market: &Market, side| market.book.opposite(side).best().map(|level| level.price);
        if manual && let Some(at) = price(&self.markets[market], OrderSide::Buy) {
            self.desk.counters.faults.manual_trade += 1;
            let trade = Trade {
                side: OrderSide::Buy,
                position_side: sides[0],
                price: at,
                quantity: lot,
                liquidity: Some(Liquidity::Taker),
            };
            let client_id = self.desk.stranger_client_id();
            self.stranger(market, KernelEventKind::FullFill, &client_id, trade, out);
        }
        let mut held = sides.iter().map(|&side| (side, self.markets[market].book_of(side).quantity));
        let held = held.rfind(|(_, quantity)| *quantity != 0);
        if adl && let Some((position_side, quantity)) = held {
            let side = if quantity > 0 { OrderSide::Sell } else { OrderSide::Buy };
            if let Some(at) = price(&self.markets[market], side) {
                self.desk.counters.faults.adl += 1;
                self.desk.counters.adls += 1;
                let trade = Trade { side, position_side, price: at, quantity: lot, liquidity: None };
                self.stranger(market, KernelEventKind::Adl, &Id::EMPTY, trade, out);
            }
        }
        if liquidation && held.is_some() {
            self.desk.counters.faults.liquidation += 1;
            self.liquidate(self.markets[market].account, out);
        }
        self.desk.moved = false;
    }
}
