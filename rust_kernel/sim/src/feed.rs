//! Market data in: quotes, depth, prints.

use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::names::OrderSide;
use dita_kernel::num::{Decimal, MONEY_SCALE};

use crate::book::Level;
use crate::conditional::reference;
use crate::error::SimError;
use crate::matching::{Arrival, meet};
use crate::rules::{GridFault, Rules, decimal_of};
use crate::venue::SimVenue;

impl SimVenue {
    /// A new best quote. Absent sizes mean: as much as anyone wants; size 0: that side is empty.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`], or [`SimError::MarketData`] for a price that is off the tick grid or not
    /// positive, a negative size, or a bid above the ask. Sizes are rounded down to the lot.
    #[allow(clippy::too_many_arguments)] // one line of a quote file
    pub fn quote(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        bid: Decimal,
        bid_size: Option<Decimal>,
        ask: Decimal,
        ask_size: Option<Decimal>,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let place = self.listed(symbol)?;
        let rules = &self.markets[place].rules;
        let (low, high) = (read_price(rules, "bid", bid)?, read_price(rules, "ask", ask)?);
        let low_size = bid_size.map(|size| read_size(rules, "bid_size", size)).transpose()?;
        let high_size = ask_size.map(|size| read_size(rules, "ask_size", size)).transpose()?;
        if low > high {
            return Err(fault(rules, "bid", bid, "at most the ask"));
        }
        self.advance(now_ns, out);
        self.markets[place].in_bars = false;
        self.markets[place].book.quote(low, low_size, high, high_size);
        self.shrink_queues(place);
        if self.desk.behaviour.quotes_set_marks {
            self.mark_middle(place, out);
        }
        self.meet_waiting(place, Arrival::Quote, out);
        Ok(())
    }

    /// New depth: a whole book, or single levels of which size 0 removes one.
    ///
    /// # Errors
    /// As [`SimVenue::quote`]; nothing of a message with a fault is applied.
    #[allow(clippy::too_many_arguments)] // one line of a depth file
    pub fn depth(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        bids: &[(Decimal, Decimal)],
        asks: &[(Decimal, Decimal)],
        snapshot: bool,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let place = self.listed(symbol)?;
        let rules = &self.markets[place].rules;
        let [low, high] = &mut self.levels;
        read_levels(rules, ["bids.price", "bids.size"], bids, low)?;
        read_levels(rules, ["asks.price", "asks.size"], asks, high)?;
        let best_bid = low.iter().filter(|level| level.size > 0).map(|level| level.price).max();
        let best_ask = high.iter().filter(|level| level.size > 0).map(|level| level.price).min();
        if let (Some(bid), Some(ask)) = (best_bid, best_ask)
            && bid > ask
        {
            return Err(fault(rules, "bids.price", rules.price.decimal(bid), "at most the best ask"));
        }
        self.advance(now_ns, out);
        let [low, high] = &self.levels;
        self.markets[place].in_bars = false;
        self.markets[place].book.depth(low, high, snapshot);
        self.shrink_queues(place);
        if self.desk.behaviour.quotes_set_marks {
            self.mark_middle(place, out);
        }
        self.meet_waiting(place, Arrival::Quote, out);
        Ok(())
    }

    /// A trade of others. It fills waiting orders and leaves the book as it is.
    ///
    /// # Errors
    /// As [`SimVenue::quote`].
    pub fn trade(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        price: Decimal,
        size: Decimal,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let place = self.listed(symbol)?;
        let rules = &self.markets[place].rules;
        let (price, size) = (read_price(rules, "price", price)?, read_size(rules, "size", size)?);
        self.advance(now_ns, out);
        self.meet_waiting(place, Arrival::Print { price, size }, out);
        Ok(())
    }

    #[inline]
    pub(crate) fn shrink_queues(&mut self, place: usize) {
        if self.desk.behaviour.queue_position {
            let evenly = self.desk.behaviour.queue_evenly;
            self.markets[place].shrink_queues(evenly);
        }
    }

    /// The middle of the best two is the mark.
    fn mark_middle(&mut self, place: usize, out: &mut Vec<Input>) {
        if let Some(middle) = reference(&self.markets[place], false, None) {
            let price = self.markets[place].middle().unwrap_or_else(|| decimal_of(middle, MONEY_SCALE));
            self.set_mark(place, middle, price, out);
        }
    }

    pub(crate) fn meet_waiting(&mut self, place: usize, arrival: Arrival, out: &mut Vec<Input>) {
        let market = &self.markets[place];
        if market.buys.len() + market.sells.len() + market.dormant.len() == 0 {
            return;
        }
        self.answering(out, |venue, out| {
            let from = out.len();
            for side in [OrderSide::Buy, OrderSide::Sell] {
                let market = &mut venue.markets[place];
                meet(&mut venue.desk, market, &mut venue.orders, side, arrival, out);
            }
            if !venue.markets[place].dormant.is_empty() {
                venue.wake(place, arrival.print(), false, out);
            }
            venue.conclude(place, from, out);
        });
        // What the fills made due at once (a way back of no time) is the trader's now.
        let now_ns = self.desk.now_ns;
        self.advance(now_ns, out);
    }
}

fn fault(rules: &Rules, field: &'static str, value: Decimal, must: &'static str) -> SimError {
    SimError::MarketData { symbol: rules.symbol.clone(), field, value, must }
}

pub(crate) fn read_price(rules: &Rules, field: &'static str, value: Decimal) -> Result<i128, SimError> {
    rules.price.mantissa(value).map_err(|found| {
        let must = match found {
            GridFault::NotPositive => "positive",
            GridFault::Off => "on the tick grid",
            GridFault::TooLarge => "at most 10^15",
        };
        fault(rules, field, value, must)
    })
}

fn read_size(rules: &Rules, field: &'static str, value: Decimal) -> Result<i128, SimError> {
    rules.quantity.floor(value).map_err(|_| fault(rules, field, value, "from 0 to 10^15"))
}

fn read_levels(
    rules: &Rules,
    [price_field, size_field]: [&'static str; 2],
    pairs: &[(Decimal, Decimal)],
    levels: &mut Vec<Level>,
) -> Result<(), SimError> {
    levels.clear();
    for &(price, size) in pairs {
        let price = read_price(rules, price_field, price)?;
        levels.push(Level { price, size: read_size(rules, size_field, size)? });
    }
    Ok(())
}
