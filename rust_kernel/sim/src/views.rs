//! What the venue's books say, for tests, paper accounts and repairs.

use dita_kernel::id::Id;
use dita_kernel::names::OrderSide;
use dita_kernel::num::{Decimal, Money};

use crate::book::Level;
use crate::counters::Counters;
use crate::fills::Market;
use crate::orders::Order;
use crate::venue::SimVenue;

/// A live order, as the venue has it.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenOrder {
    /// The trader's id.
    pub venue_client_id: Id,
    /// The venue's id.
    pub venue_order_id: Id,
    /// The instrument.
    pub symbol: Id,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// Its limit.
    pub price: Option<Decimal>,
    /// Its whole size.
    pub size: Decimal,
    /// How much of it is filled.
    pub filled_size: Decimal,
}

impl SimVenue {
    /// An asset's balance, without unrealised PnL.
    pub fn wallet_balance(&self, asset: &Id) -> Option<Money> {
        self.desk.wallet.balance(asset)
    }

    /// The best levels of an instrument's book, bids and asks, each with the best first: at most so many of a side.
    pub fn book(&self, symbol: &Id, levels_max: usize) -> Option<[Vec<(Decimal, Decimal)>; 2]> {
        let Market { rules, book, .. } = &self.markets[self.market_place(symbol)?];
        let shown = |level: Level| (rules.price.decimal(level.price), rules.quantity.decimal(level.size));
        Some([&book.bids, &book.asks].map(|side| side.levels().take(levels_max).map(shown).collect()))
    }

    /// All fees of an asset together: + charged.
    pub fn fees_paid(&self, asset: &Id) -> Option<Money> {
        self.desk.wallet.fees(asset)
    }

    /// All realised PnL of an asset together, before fees.
    pub fn realized_pnl(&self, asset: &Id) -> Option<Money> {
        self.desk.wallet.realised(asset)
    }

    /// An instrument's position, in hedge mode the long one; spot has none, only balances. The signed quantity (+ long) and what it cost (long) or brought (short), which is
    /// never negative.
    pub fn position(&self, symbol: &Id) -> Option<(Decimal, Money)> {
        let Market { rules, position, .. } = &self.markets[self.market_place(symbol)?];
        Some((rules.quantity.decimal(position.quantity), position.cost))
    }

    /// Hedge mode: the long and the short position, each as [`SimVenue::position`].
    pub fn hedged_position(&self, symbol: &Id) -> Option<[(Decimal, Money); 2]> {
        let Market { rules, position, short, .. } = &self.markets[self.market_place(symbol)?];
        Some([position, short].map(|book| (rules.quantity.decimal(book.quantity), book.cost)))
    }

    /// An instrument's leverage setting.
    pub fn leverage(&self, symbol: &Id) -> Option<Decimal> {
        Some(self.markets[self.market_place(symbol)?].rules.leverage)
    }

    /// Every live order, the oldest first.
    pub fn open_orders(&self) -> Vec<OpenOrder> {
        let mut live: Vec<&Order> = self.orders.all_live().collect();
        live.sort_unstable_by_key(|order| order.sequence);
        live.into_iter().map(|order| self.open_order(order)).collect()
    }

    fn open_order(&self, order: &Order) -> OpenOrder {
        let rules = &self.markets[order.market as usize].rules;
        OpenOrder {
            venue_client_id: order.venue_client_id.clone(),
            venue_order_id: order.venue_order_id.clone(),
            symbol: rules.symbol.clone(),
            order_side: order.order_side,
            price: order.limit.map(|price| rules.price.decimal(price)),
            size: rules.quantity.decimal(order.size),
            filled_size: rules.quantity.decimal(order.filled),
        }
    }

    /// How often things happened.
    pub fn counters(&self) -> Counters {
        self.desk.counters
    }
}
