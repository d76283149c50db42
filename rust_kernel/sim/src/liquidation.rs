//! What happens to positions without an order of their owner: liquidation, auto-deleveraging, trades made elsewhere.

use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, VenueEvent};
use dita_kernel::names::{
    AccountEventKind, KernelEventKind, Liquidity, OrderSide, PositionSide, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::{Decimal, Money, Rounding, divide, multiply_divide, pow10, product};

use crate::config::Settling;
use crate::error::SimError;
use crate::events;
use crate::fills::Market;
use crate::odd::{Trade, named_by_stranger};
use crate::reject::Reject;
use crate::rules::{GridFault, Kind, exact};
use crate::venue::SimVenue;
use crate::wallet::money_decimal;

impl SimVenue {
    /// Liquidates what holds no more than it must: an isolated position by itself, the cross positions of an account
    /// together.
    pub(crate) fn liquidate_if_due(&mut self, account: usize, out: &mut Vec<Input>) {
        if !self.desk.behaviour.liquidation {
            return;
        }
        for place in 0..self.markets.len() {
            let market = &self.markets[place];
            if market.account == account && market.rules.isolated && !market.is_flat() {
                for position_side in self.sides() {
                    self.liquidate_isolated(place, *position_side, out);
                }
            }
        }
        if self.margin(account).is_at_its_end() {
            self.liquidate_cross(account, out);
        }
    }

    /// Liquidates everything of an account, whatever it holds.
    pub(crate) fn liquidate(&mut self, account: usize, out: &mut Vec<Input>) {
        self.end_and_close(account, |_| true, out);
    }

    fn liquidate_cross(&mut self, account: usize, out: &mut Vec<Input>) {
        self.end_and_close(account, |market| !market.rules.isolated, out);
    }

    /// Ends the orders of an account in those markets, and closes every position there at its mark, on the tick grid
    /// against its owner. What the wallet lacks then the insurance fund pays (ADJUSTMENT): it never stays below zero.
    fn end_and_close(&mut self, account: usize, of: fn(&Market) -> bool, out: &mut Vec<Input>) {
        let is_meant = |market: &Market| market.account == account && of(market);
        let places = self.orders.places(|order| is_meant(&self.markets[order.market as usize]));
        for place in places {
            self.end_live(place, VenueOrderStatus::Canceled, Some(Reject::Liquidated), out);
        }
        for place in 0..self.markets.len() {
            if is_meant(&self.markets[place]) && self.markets[place].rules.kind != Kind::Spot {
                for position_side in self.sides() {
                    self.liquidate_position(place, position_side, out);
                }
            }
        }
        self.desk.moved = false;
        self.insure(account, Money::ZERO, out);
    }

    /// Liquidates an isolated position where its own margin and what it would lose come to no more than it must hold.
    /// It cannot lose more than that margin: what goes beyond, the insurance fund pays.
    fn liquidate_isolated(&mut self, place: usize, position_side: PositionSide, out: &mut Vec<Input>) {
        let market = &mut self.markets[place];
        let position = *market.book_of(position_side);
        let Some(price) = market.price_now().filter(|_| position.quantity != 0) else { return };
        let (held, account) = (market.held(&position, price), market.account);
        if held.initial + held.gain > held.maintenance {
            return;
        }
        let places = self
            .orders
            .places(|order| order.market as usize == place && order.position_side == position_side);
        for place in places {
            self.end_live(place, VenueOrderStatus::Canceled, Some(Reject::Liquidated), out);
        }
        let before = self.desk.wallet.balance_at(account);
        self.liquidate_position(place, &position_side, out);
        self.desk.moved = false;
        self.insure(account, before - held.initial, out);
    }

    /// Brings a wallet up to where a liquidation must leave it.
    fn insure(&mut self, account: usize, least: Money, out: &mut Vec<Input>) {
        let lacks = least - self.desk.wallet.balance_at(account);
        if lacks.0 > 0 {
            let entry = AccountEvent::new(AccountEventKind::Adjustment, self.desk.now_ns);
            self.desk.enter(account, lacks, entry, out);
        }
    }

    pub(crate) fn sides(&self) -> &'static [PositionSide] {
        if self.desk.behaviour.hedge_mode {
            &[PositionSide::Long, PositionSide::Short]
        } else {
            &[PositionSide::Both]
        }
    }

    fn liquidate_position(&mut self, place: usize, position_side: &PositionSide, out: &mut Vec<Input>) {
        let market = &mut self.markets[place];
        let quantity = market.book_of(*position_side).quantity;
        let Some(mark) = market.price_now().filter(|_| quantity != 0) else { return };
        let (side, rounding) = if quantity > 0 {
            (OrderSide::Sell, Rounding::Floor)
        } else {
            (OrderSide::Buy, Rounding::Ceiling)
        };
        let unit = market.rules.price18(market.rules.price.step);
        let ticks = exact(divide(mark, unit, rounding)).max(1);
        let price = exact(product(ticks, market.rules.price.step));
        let quantity = quantity.saturating_abs();
        let value = exact(market.rules.value_at(quantity, market.rules.price18(price)).map(|value| value.0));
        let trade = Trade { side, position_side: *position_side, price, quantity, liquidity: None };
        self.desk.counters.liquidations += 1;
        self.stranger(place, KernelEventKind::Liquidation, &Id::EMPTY, trade, out);
        let rules = &self.markets[place].rules;
        let rate = self.desk.behaviour.liquidation_fee_rate;
        let places = exact(pow10(rate.scale()).and_then(|unit| product(unit, rules.fee_unit)));
        let units = exact(multiply_divide(value, rate.mantissa(), places, Rounding::HalfEven));
        let fee = Money(exact(product(units, rules.fee_unit)));
        if !fee.is_zero() {
            let symbol = rules.symbol.clone();
            let account = self.markets[place].account;
            let kind = AccountEventKind::LiquidationFee;
            let entry = AccountEvent { symbol, ..AccountEvent::new(kind, self.desk.now_ns) };
            self.desk.enter(account, -fee, entry, out);
        }
    }

    /// A trade that none of the account's orders made: booked, and told as one fill of an order of its own.
    pub(crate) fn stranger(
        &mut self,
        place: usize,
        kind: KernelEventKind,
        client_id: &Id,
        trade: Trade,
        out: &mut Vec<Input>,
    ) {
        let SimVenue { desk, markets, .. } = self;
        let market = &mut markets[place];
        let settled = desk.book_trade(market, trade);
        let trade_id = desk.new_trade_id(market);
        let moment = desk.moment();
        let side = match (trade.position_side, trade.side) {
            (PositionSide::Both, _) => None,
            (PositionSide::Long, _) => Some(TradeSide::Long),
            (PositionSide::Short, _) => Some(TradeSide::Short),
        };
        out.push(Input::Venue(Box::new(VenueEvent {
            status: Some(VenueOrderStatus::Filled),
            side,
            venue_order_id: desk.order_ids.next_id(),
            venue_client_id: client_id.clone(),
            fee: Some(money_decimal(settled.fee)),
            fee_asset: desk.wallet.asset_at(settled.fee_account).clone(),
            realized_pnl: desk.behaviour.reported(settled.realised),
            ..named_by_stranger(events::event(kind, moment), market, trade, &trade_id)
        })));
        desk.note_settled(market, trade.side, settled, &trade_id);
        if desk.behaviour.settling == Settling::Apart {
            desk.tell_settled(market, (trade.side, trade.quantity), settled, &trade_id, out);
        }
        desk.report_accounts(market, out);
    }

    fn read_trade(
        &self,
        symbol: &Id,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<(usize, i128, i128), SimError> {
        let place = self.listed(symbol)?;
        let rules = &self.markets[place].rules;
        let fault = |field, value, found| SimError::MarketData {
            symbol: symbol.clone(),
            field,
            value,
            must: match found {
                GridFault::NotPositive => "positive",
                GridFault::Off => "on the grid",
                GridFault::TooLarge => "at most 10^15",
            },
        };
        let read_quantity =
            rules.quantity.mantissa(quantity).map_err(|found| fault("size", quantity, found))?;
        let read_price = rules.price.mantissa(price).map_err(|found| fault("price", price, found))?;
        Ok((place, read_quantity, read_price))
    }

    /// Takes a part of a position away by auto-deleveraging, at a price, without a fee: an ADL event that no order of
    /// the account made. At most the position goes.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`], or [`SimError::MarketData`] for a size or price off the grid, or without a position.
    pub fn force_adl(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        quantity: Decimal,
        price: Decimal,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let (place, wanted, price) = self.read_trade(symbol, quantity, price)?;
        let sides = self.sides();
        let market = &mut self.markets[place];
        let held = sides.iter().find(|&&side| market.book_of(side).quantity != 0);
        let Some(&position_side) = held else {
            let must = "of a position that is there";
            return Err(SimError::MarketData {
                symbol: symbol.clone(),
                field: "size",
                value: quantity,
                must,
            });
        };
        let held = market.book_of(position_side).quantity;
        let side = if held > 0 { OrderSide::Sell } else { OrderSide::Buy };
        let quantity = wanted.min(held.saturating_abs());
        let trade = Trade { side, position_side, price, quantity, liquidity: None };
        self.happen(now_ns, out, |venue, out| {
            venue.desk.counters.adls += 1;
            venue.strange(place, KernelEventKind::Adl, &Id::EMPTY, trade, out);
        });
        Ok(())
    }

    /// A trade that somebody else made on this account, as taker: a fill of an order that the trader never sent. In
    /// hedge mode `position_side` names the book.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`], or [`SimError::MarketData`] for a size or price off the grid.
    #[allow(clippy::too_many_arguments)] // one trade
    pub fn manual_trade(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        order_side: OrderSide,
        position_side: PositionSide,
        quantity: Decimal,
        price: Decimal,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let (place, quantity, price) = self.read_trade(symbol, quantity, price)?;
        let liquidity = Some(Liquidity::Taker);
        let trade = Trade { side: order_side, position_side, price, quantity, liquidity };
        self.happen(now_ns, out, |venue, out| {
            let client_id = venue.desk.stranger_client_id();
            venue.strange(place, KernelEventKind::FullFill, &client_id, trade, out);
        });
        Ok(())
    }

    /// [`SimVenue::stranger`] and what follows from it.
    pub(crate) fn strange(
        &mut self,
        place: usize,
        kind: KernelEventKind,
        client_id: &Id,
        trade: Trade,
        out: &mut Vec<Input>,
    ) {
        let from = out.len();
        self.stranger(place, kind, client_id, trade, out);
        self.conclude(place, from, out);
    }
}
