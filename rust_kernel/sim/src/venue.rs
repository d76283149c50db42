//! The venue: requests and market data in, events out.

use dita_kernel::effect::{AmendRequest, CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, InstrumentSpec};
use dita_kernel::names::{KernelEventKind, OrderSide, TimeInForce, VenueOrderStatus};
use dita_kernel::num::{Decimal, Money};

use crate::admission;
use crate::book::{Book, Level};
use crate::config::SimConfig;
use crate::error::SimError;
use crate::events::{self, Report};
use crate::fills::{Desk, Market};
use crate::flight::{Cargo, Flight};
use crate::forms::Forms;
use crate::index::IdIndex;
use crate::matching::{Arrival, meet};
use crate::numbering::Numbering;
use crate::orders::{Finished, Order, Orders, Place};
use crate::random::Random;
use crate::reject::Reject;
use crate::resting::Queue;
use crate::rules::{GridFault, Rules};
use crate::taking;
use crate::wallet::{Position, Wallet};

/// How often things happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Orders taken (acknowledged).
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Orders rejected.
    pub rejects: u64,
    /// Orders canceled on request.
    pub cancels: u64,
    /// Orders expired.
    pub expired: u64,
}

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

/// A simulated exchange with one account.
///
/// Every call takes the time, in nanoseconds, and appends what the venue says to the caller's buffer. Time that
/// runs backwards is read as the latest time seen.
#[derive(Clone, Debug)]
pub struct SimVenue {
    desk: Desk,
    markets: Vec<Market>,
    symbols: IdIndex,
    orders: Orders,
    flight: Flight,
    /// The order that is being taken, kept to be written over.
    current: Order,
    /// Answers being written before they go on their way.
    answers: Vec<Input>,
    /// Levels being read, kept for their memory.
    levels: [Vec<Level>; 2],
    at_once: bool,
}

impl SimVenue {
    /// A venue without instruments and without money.
    ///
    /// # Errors
    /// [`SimError::Config`] names the first setting out of range.
    pub fn new(config: SimConfig) -> Result<SimVenue, SimError> {
        let behaviour = config.behaviour()?;
        Ok(SimVenue {
            desk: Desk {
                behaviour,
                random: Random::new(config.seed),
                wallet: Wallet::default(),
                order_ids: Numbering::new("ORD", 6),
                trade_ids: Numbering::new("T", 8),
                counters: Counters::default(),
                forms: Forms::default(),
                now_ns: i64::MIN,
            },
            markets: Vec::new(),
            symbols: IdIndex::new(),
            orders: Orders::new(),
            flight: Flight::default(),
            current: Order::blank(),
            answers: Vec::new(),
            levels: [Vec::new(), Vec::new()],
            at_once: config.latency_ns == 0,
        })
    }

    /// Lists an instrument. A second one of the same symbol replaces rates and limits; its leverage stays what was set.
    ///
    /// # Errors
    /// [`SimError::Instrument`] for inverse contracts and spot (not traded here yet), for one that whole numbers at
    /// 1e-18 do not hold exactly, and for a second one with other grids, multiplier or settlement asset.
    pub fn add_instrument(&mut self, spec: &InstrumentSpec) -> Result<(), SimError> {
        let rules = Rules::new(spec)?;
        if let Some(place) = self.market_place(&rules.symbol) {
            if !self.markets[place].rules.same_contract(&rules) {
                let must = "the same tick, lot, multiplier and settlement asset as when it was first listed";
                return Err(SimError::Instrument {
                    symbol: rules.symbol,
                    field: "symbol",
                    value: None,
                    must,
                });
            }
            self.desk.wallet.open(&rules.settle, rules.fee_decimals);
            let leverage = self.markets[place].rules.leverage;
            self.markets[place].rules = Rules { leverage, ..rules };
            return Ok(());
        }
        let account = self.desk.wallet.open(&rules.settle, rules.fee_decimals);
        self.symbols.insert(rules.symbol.hash64(), self.markets.len() as u32);
        self.markets.push(Market {
            rules,
            account,
            book: Book::new(),
            position: Position::default(),
            buys: Queue::default(),
            sells: Queue::default(),
        });
        Ok(())
    }

    /// Adds money to the wallet, or takes a negative amount out. No event tells of it.
    ///
    /// # Errors
    /// [`SimError::Amount`] past 10^15 units or 18 places.
    pub fn deposit(&mut self, asset: &Id, amount: Decimal) -> Result<(), SimError> {
        self.desk.wallet.deposit(asset, amount)
    }

    // ------------------------------------------------------------------------------------------ requests

    /// Sends an order.
    #[inline]
    pub fn submit(&mut self, now_ns: i64, order: &OrderRequest, out: &mut Vec<Input>) {
        if self.at_once {
            self.set_clock(now_ns);
            self.take_order(order, out);
        } else {
            self.send(now_ns, Cargo::Submit(Box::new(order.clone())));
        }
    }

    /// Asks to cancel an order, named by its client id or, where that is empty or unknown, by its venue id.
    pub fn cancel(&mut self, now_ns: i64, request: &CancelRequest, out: &mut Vec<Input>) {
        if self.at_once {
            self.set_clock(now_ns);
            self.cancel_order(request, out);
        } else {
            self.send(now_ns, Cargo::Cancel(request.clone()));
        }
    }

    /// Asks to change an order. This version cannot: it says AMEND_REJECT.
    pub fn amend(&mut self, now_ns: i64, request: &AmendRequest, out: &mut Vec<Input>) {
        self.set_clock(now_ns);
        let key = CancelRequest {
            venue_client_id: request.venue_client_id.clone(),
            venue_order_id: request.venue_order_id.clone(),
            asset: request.asset.clone(),
            slot_id: request.slot_id,
        };
        out.push(events::unknown(KernelEventKind::AmendReject, &key, self.desk.moment()));
    }

    /// Asks what became of an order: ORDER_STATUS, or ORDER_NOT_FOUND.
    pub fn query(&mut self, now_ns: i64, request: &CancelRequest, out: &mut Vec<Input>) {
        if self.at_once {
            self.set_clock(now_ns);
            self.tell_status(request, out);
        } else {
            self.send(now_ns, Cargo::Query(request.clone()));
        }
    }

    /// Sets an instrument's leverage: LeverageSet, or LeverageRefused.
    pub fn set_leverage(&mut self, now_ns: i64, symbol: &Id, leverage: Decimal, out: &mut Vec<Input>) {
        if self.at_once {
            self.set_clock(now_ns);
            self.change_leverage(symbol, leverage, out);
        } else {
            self.send(now_ns, Cargo::SetLeverage { symbol: symbol.clone(), leverage });
        }
    }

    // --------------------------------------------------------------------------------------- market data

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
        self.markets[place].book.quote(low, low_size, high, high_size);
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
        self.markets[place].book.depth(low, high, snapshot);
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

    // ---------------------------------------------------------------------------------------------- time

    /// Runs everything that is due: requests arrive at the venue, answers at the trader.
    #[inline]
    pub fn advance(&mut self, now_ns: i64, out: &mut Vec<Input>) {
        while let Some((due_ns, cargo)) = self.flight.arrive(now_ns) {
            self.set_clock(due_ns);
            match cargo {
                Cargo::Answer(input) => out.push(input),
                Cargo::Submit(order) => self.answering(out, |venue, out| venue.take_order(&order, out)),
                Cargo::Cancel(request) => {
                    self.answering(out, |venue, out| venue.cancel_order(&request, out));
                }
                Cargo::Query(request) => self.answering(out, |venue, out| venue.tell_status(&request, out)),
                Cargo::SetLeverage { symbol, leverage } => {
                    self.answering(out, |venue, out| venue.change_leverage(&symbol, leverage, out));
                }
            }
        }
        self.set_clock(now_ns);
    }

    /// Takes events back that were read, and empties the buffer. It is never necessary; a caller who does it saves
    /// the venue the allocation of the next ones.
    #[inline]
    pub fn reclaim(&mut self, spent: &mut Vec<Input>) {
        self.desk.forms.give_back(spent);
    }

    /// When [`SimVenue::advance`] next has something to do.
    pub fn next_due_ns(&self) -> Option<i64> {
        self.flight.next_due_ns()
    }

    // ----------------------------------------------------------------------------------------- the books

    /// An asset's balance, without unrealised PnL.
    pub fn wallet_balance(&self, asset: &Id) -> Option<Money> {
        self.desk.wallet.balance(asset)
    }

    /// All fees of an asset together: + charged.
    pub fn fees_paid(&self, asset: &Id) -> Option<Money> {
        self.desk.wallet.fees(asset)
    }

    /// All realised PnL of an asset together, before fees.
    pub fn realized_pnl(&self, asset: &Id) -> Option<Money> {
        self.desk.wallet.realised(asset)
    }

    /// An instrument's position: the signed quantity (+ long) and what it cost (long) or brought (short), which is
    /// never negative.
    pub fn position(&self, symbol: &Id) -> Option<(Decimal, Money)> {
        let Market { rules, position, .. } = &self.markets[self.market_place(symbol)?];
        Some((rules.quantity.decimal(position.quantity), position.cost))
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

    // -------------------------------------------------------------------------------------------- inside

    #[inline]
    fn set_clock(&mut self, now_ns: i64) {
        self.desk.now_ns = self.desk.now_ns.max(now_ns);
    }

    fn send(&mut self, now_ns: i64, cargo: Cargo) {
        self.flight.send(now_ns.saturating_add(self.desk.behaviour.way_in_ns), cargo);
    }

    /// Lets the venue answer, and puts the answers on their way back where that takes time.
    fn answering(&mut self, out: &mut Vec<Input>, say: impl FnOnce(&mut SimVenue, &mut Vec<Input>)) {
        if self.at_once {
            return say(self, out);
        }
        let mut answers = core::mem::take(&mut self.answers);
        say(self, &mut answers);
        let due_ns = self.desk.moment().received_ns;
        for answer in answers.drain(..) {
            self.flight.send(due_ns, Cargo::Answer(answer));
        }
        self.answers = answers;
    }

    #[inline]
    fn market_place(&self, symbol: &Id) -> Option<usize> {
        let is_it = |place: u32| self.markets[place as usize].rules.symbol == *symbol;
        self.symbols.find(symbol.hash64(), is_it).map(|place| place as usize)
    }

    fn listed(&self, symbol: &Id) -> Result<usize, SimError> {
        self.market_place(symbol).ok_or_else(|| SimError::UnknownSymbol(symbol.clone()))
    }

    fn meet_waiting(&mut self, place: usize, arrival: Arrival, out: &mut Vec<Input>) {
        let market = &self.markets[place];
        if market.buys.len() + market.sells.len() == 0 {
            return;
        }
        self.answering(out, |venue, out| {
            for side in [OrderSide::Buy, OrderSide::Sell] {
                let market = &mut venue.markets[place];
                meet(&mut venue.desk, market, &mut venue.orders, side, arrival, out);
            }
        });
        // What the fills made due at once (a way back of no time) is the trader's now.
        let now_ns = self.desk.now_ns;
        self.advance(now_ns, out);
    }

    /// The market of an order: mostly that of the one before.
    #[inline]
    fn order_market(&self, symbol: &Id) -> Option<usize> {
        let last = self.current.market as usize;
        match self.markets.get(last) {
            Some(market) if market.rules.symbol == *symbol => Some(last),
            Some(_) | None => self.market_place(symbol),
        }
    }

    #[inline]
    fn take_order(&mut self, request: &OrderRequest, out: &mut Vec<Input>) {
        let Some(place) = self.order_market(&request.asset) else {
            return self.reject(request, None, Reject::UnknownSymbol, out);
        };
        let SimVenue { desk, markets, orders, current, .. } = self;
        let market = &mut markets[place];
        if let Err(reject) = admission::admit(desk, market, orders, request, current) {
            return self.reject(request, Some(place as u32), reject, out);
        }
        current.market = place as u32;
        desk.counters.orders += 1;
        let moment = desk.moment();
        events::acknowledged(desk.forms.venue(out), current, &market.rules, moment);
        taking::take(desk, market, current, out);
        if current.remaining() == 0 {
            return orders.remember(current, VenueOrderStatus::Filled);
        }
        rest_or_expire(desk, market, orders, current, out);
    }

    /// Rejects an order and remembers it under its client id, unless that names another order or none.
    #[cold]
    fn reject(&mut self, request: &OrderRequest, market: Option<u32>, reject: Reject, out: &mut Vec<Input>) {
        self.desk.counters.rejects += 1;
        let named = !matches!(reject, Reject::MissingClientId | Reject::DuplicateClientId);
        if let Some(market) = market.filter(|_| named) {
            let hash = request.venue_client_id.hash64();
            self.orders.remember_rejected(request, market, hash);
        }
        out.push(events::rejected(request, reject, self.desk.moment()));
    }

    fn find_order(&self, request: &CancelRequest) -> Option<Place> {
        let id = &request.venue_client_id;
        let by_client = if id.is_empty() { None } else { self.orders.by_client(id, id.hash64()) };
        by_client.or_else(|| {
            let number = self.desk.order_ids.number_of(&request.venue_order_id)?;
            self.orders.by_sequence(number)
        })
    }

    fn cancel_order(&mut self, request: &CancelRequest, out: &mut Vec<Input>) {
        let moment = self.desk.moment();
        match self.find_order(request) {
            None => out.push(events::unknown(KernelEventKind::CancelReject, request, moment)),
            Some(Place::Live(place)) => self.cancel_live(place, out),
            Some(Place::Ended(place)) => {
                let Some(ended) = self.orders.ended(place) else { return };
                let filled = ended.status == VenueOrderStatus::Filled;
                let reason = if filled { Reject::AlreadyFilled } else { Reject::AlreadyEnded };
                let rules = &self.markets[ended.market as usize].rules;
                let report = Report::of_ended(ended, self.venue_order_id(ended));
                out.push(report.event(KernelEventKind::CancelReject, rules, Some(reason), moment));
            }
        }
    }

    fn cancel_live(&mut self, place: u32, out: &mut Vec<Input>) {
        let Some(order) = self.orders.live(place) else { return };
        let market = &mut self.markets[order.market as usize];
        if let Some(limit) = order.limit {
            market.queue(order.order_side).remove(order.order_side, limit, order.sequence);
        }
        let what = (KernelEventKind::CancelAck, VenueOrderStatus::Canceled);
        let moment = self.desk.moment();
        events::ended(self.desk.forms.venue(out), what, order, &market.rules, None, moment);
        self.desk.counters.cancels += 1;
        self.orders.end(place, VenueOrderStatus::Canceled);
    }

    fn venue_order_id(&self, ended: &Finished) -> Id {
        if ended.sequence == 0 { Id::EMPTY } else { self.desk.order_ids.id_of(ended.sequence) }
    }

    fn tell_status(&mut self, request: &CancelRequest, out: &mut Vec<Input>) {
        let found = self.find_order(request).and_then(|place| match place {
            Place::Live(place) => self.orders.live(place).map(|order| (order.market, Report::of_live(order))),
            Place::Ended(place) => self
                .orders
                .ended(place)
                .map(|ended| (ended.market, Report::of_ended(ended, self.venue_order_id(ended)))),
        });
        let moment = self.desk.moment();
        out.push(match found {
            None => events::unknown(KernelEventKind::OrderNotFound, request, moment),
            Some((market, report)) => {
                let rules = &self.markets[market as usize].rules;
                report.event(KernelEventKind::OrderStatus, rules, None, moment)
            }
        });
    }

    fn change_leverage(&mut self, symbol: &Id, leverage: Decimal, out: &mut Vec<Input>) {
        let symbol = symbol.clone();
        let refused = |symbol, reason: &str| EffectResult::LeverageRefused { symbol, reason: reason.into() };
        let result = match self.market_place(&symbol) {
            None => refused(symbol, Reject::UnknownSymbol.text()),
            Some(_) if !leverage.is_positive() => refused(symbol, "leverage: not positive"),
            Some(place) => {
                self.markets[place].rules.leverage = leverage;
                EffectResult::LeverageSet { symbol, leverage }
            }
        };
        out.push(Input::Effect(result));
    }
}

/// What becomes of an order that could not fill, or not wholly: a GTC limit rests, the others expire.
fn rest_or_expire(
    desk: &mut Desk,
    market: &mut Market,
    orders: &mut Orders,
    order: &Order,
    out: &mut Vec<Input>,
) {
    match (order.limit, order.time_in_force) {
        (Some(limit), TimeInForce::Gtc | TimeInForce::Gtd) => {
            let place = orders.keep(order.clone());
            market.queue(order.order_side).insert(order.order_side, limit, order.sequence, place);
        }
        (None, _) | (Some(_), TimeInForce::Ioc | TimeInForce::Fok) => {
            desk.expire(market, order, None, out);
            orders.remember(order, VenueOrderStatus::Expired);
        }
    }
}

fn fault(rules: &Rules, field: &'static str, value: Decimal, must: &'static str) -> SimError {
    SimError::MarketData { symbol: rules.symbol.clone(), field, value, must }
}

fn read_price(rules: &Rules, field: &'static str, value: Decimal) -> Result<i128, SimError> {
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
