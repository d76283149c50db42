//! The venue: requests and market data in, events out.

use dita_kernel::effect::{AmendRequest, CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::num::Decimal;

use crate::bars::Walk;
use crate::book::{Book, Level};
use crate::chaos::Chaos;
use crate::config::SimConfig;
use crate::counters::Counters;
use crate::error::SimError;
use crate::fills::{Desk, Market};
use crate::flight::{Cargo, Flight};
use crate::forms::Forms;
use crate::index::IdIndex;
use crate::latency::Latency;
use crate::numbering::Numbering;
use crate::orders::{Order, Orders};
use crate::random::Random;
use crate::resting::Queue;
use crate::rules::{Kind, Rules};
use crate::wallet::{Position, Wallet};

/// A simulated exchange with one account.
///
/// Every call takes the time, in nanoseconds, and appends what the venue says to the caller's buffer. Time that
/// runs backwards is read as the latest time seen.
#[derive(Clone, Debug)]
pub struct SimVenue {
    pub(crate) desk: Desk,
    pub(crate) markets: Vec<Market>,
    pub(crate) symbols: IdIndex,
    pub(crate) orders: Orders,
    pub(crate) flight: Flight,
    /// The order that is being taken, kept to be written over.
    pub(crate) current: Order,
    /// Answers being written before they go on their way.
    pub(crate) answers: Vec<Input>,
    /// Levels being read, kept for their memory.
    pub(crate) levels: [Vec<Level>; 2],
    pub(crate) at_once: bool,
    latency: Latency,
    /// The bars that are being walked, each of another market.
    pub(crate) walks: Vec<Walk>,
}

impl SimVenue {
    /// A venue without instruments and without money.
    ///
    /// # Errors
    /// [`SimError::Config`] names the first setting out of range.
    pub fn new(config: SimConfig) -> Result<SimVenue, SimError> {
        let behaviour = config.behaviour()?;
        let troubled = !config.faults.are_off();
        let at_once = behaviour.is_at_once() && !troubled;
        let latency = Latency::new(&config);
        Ok(SimVenue {
            desk: Desk {
                random: Random::new(config.seed),
                wallet: Wallet::default(),
                life: 1,
                order_ids: Numbering::new("ORD", 6),
                trade_ids: Numbering::new("T", 8),
                entry_ids: Numbering::new("W", 8),
                fee_asset: None,
                odd: behaviour.is_odd() || troubled,
                moved: false,
                opening: false,
                filled_groups: Vec::new(),
                chaos: troubled.then(|| Box::new(Chaos::new(&config.faults, config.seed))),
                counters: Counters::default(),
                forms: Forms::default(),
                statement: None,
                now_ns: i64::MIN,
                behaviour,
            },
            markets: Vec::new(),
            symbols: IdIndex::new(),
            orders: Orders::new(),
            flight: Flight::default(),
            current: Order::blank(),
            answers: Vec::new(),
            levels: [Vec::new(), Vec::new()],
            at_once,
            latency,
            walks: Vec::new(),
        })
    }

    /// Lists an instrument. A second one of the same symbol replaces rates and limits; its leverage stays what was set.
    ///
    /// # Errors
    /// [`SimError::Instrument`] for one that whole numbers at 1e-18 do not hold exactly, and for a second one with
    /// other kind, grids, multiplier or assets.
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
            self.markets[place].odd = self.desk.is_odd(&self.markets[place].rules);
            return Ok(());
        }
        let account = self.desk.wallet.open(&rules.settle, rules.fee_decimals);
        let base_account =
            (rules.kind == Kind::Spot).then(|| self.desk.wallet.open(&rules.base, rules.fee_decimals));
        self.symbols.insert(rules.symbol.hash64(), self.markets.len() as u32);
        self.markets.push(Market {
            account,
            base_account,
            book: Book::new(),
            position: Position::default(),
            short: Position::default(),
            buys: Queue::default(),
            sells: Queue::default(),
            dormant: Vec::new(),
            mark: None,
            remembered_price: None,
            funding: None,
            trade_ids: Numbering::of_life("T", 8, self.desk.life),
            last_trade: None,
            in_bars: false,
            price_ns: 0,
            walking: false,
            odd: self.desk.is_odd(&rules),
            rules,
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
            self.request(now_ns, Cargo::Submit(Box::new(order.clone())), out);
        }
    }

    /// Asks to cancel an order, named by its client id or, where that is empty or unknown, by its venue id.
    pub fn cancel(&mut self, now_ns: i64, request: &CancelRequest, out: &mut Vec<Input>) {
        if self.at_once {
            self.set_clock(now_ns);
            self.cancel_order(request, out);
        } else {
            self.request(now_ns, Cargo::Cancel(request.clone()), out);
        }
    }

    /// Asks to change an order: AMEND_ACK or AMEND_REJECT, with the request's id; a size below what is filled cancels
    /// the rest (CANCEL_ACK, with the request's id too).
    pub fn amend(&mut self, now_ns: i64, request: &AmendRequest, out: &mut Vec<Input>) {
        self.request(now_ns, Cargo::Amend(Box::new(request.clone())), out);
    }

    /// Asks what became of an order: ORDER_STATUS, or ORDER_NOT_FOUND.
    pub fn query(&mut self, now_ns: i64, request: &CancelRequest, out: &mut Vec<Input>) {
        self.request(now_ns, Cargo::Query(request.clone()), out);
    }

    /// Sets an instrument's leverage: LeverageSet, or LeverageRefused.
    pub fn set_leverage(&mut self, now_ns: i64, symbol: &Id, leverage: Decimal, out: &mut Vec<Input>) {
        self.request(now_ns, Cargo::SetLeverage { symbol: symbol.clone(), leverage }, out);
    }

    // ---------------------------------------------------------------------------------------------- time

    /// Runs everything that is due: requests arrive at the venue, answers at the trader, orders expire, funding is
    /// paid.
    #[inline]
    pub fn advance(&mut self, now_ns: i64, out: &mut Vec<Input>) {
        while let Some((due_ns, cargo)) = self.flight.arrive(now_ns) {
            self.set_clock(due_ns);
            match cargo {
                Cargo::Answer(input) => out.push(input),
                other => self.answering(out, |venue, out| venue.serve(other, out)),
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

    // -------------------------------------------------------------------------------------------- inside

    #[inline]
    pub(crate) fn set_clock(&mut self, now_ns: i64) {
        self.desk.now_ns = self.desk.now_ns.max(now_ns);
    }

    /// Sends a request on its way, or has it served now where the way takes no time.
    #[cold]
    fn request(&mut self, now_ns: i64, cargo: Cargo, out: &mut Vec<Input>) {
        if self.at_once {
            self.set_clock(now_ns);
            self.serve(cargo, out);
        } else {
            let sent_ns = now_ns.max(self.desk.now_ns);
            if let Some(way_ns) = self.latency.way_in_ns(sent_ns) {
                self.desk.behaviour.way_in_ns = way_ns;
            }
            let way_in_ns = self.desk.behaviour.way_in_ns;
            self.flight.send(sent_ns.saturating_add(way_in_ns), cargo);
            if way_in_ns == 0 && self.desk.behaviour.way_back_ns == 0 {
                self.advance(now_ns.max(self.desk.now_ns), out);
            }
        }
    }

    /// What happens at the venue itself: what it says of it takes the way back.
    pub(crate) fn happen(
        &mut self,
        now_ns: i64,
        out: &mut Vec<Input>,
        say: impl FnOnce(&mut SimVenue, &mut Vec<Input>),
    ) {
        self.advance(now_ns, out);
        self.answering(out, say);
        // What has no way back is the trader's now.
        self.advance(now_ns, out);
    }

    fn serve(&mut self, cargo: Cargo, out: &mut Vec<Input>) {
        match cargo {
            Cargo::Answer(input) => out.push(input),
            Cargo::Submit(order) => {
                if !self.order_is_lost(&order, out) {
                    self.take_order(&order, out);
                }
            }
            Cargo::Cancel(request) => {
                if !self.change_is_lost(&request, out) {
                    self.cancel_order(&request, out);
                }
            }
            Cargo::Amend(request) => self.amend_order(&request, out),
            Cargo::Query(request) => {
                if !self.query_troubled(&request, out) {
                    self.tell_status(&request, out);
                }
            }
            Cargo::SetLeverage { symbol, leverage } => self.change_leverage(&symbol, leverage, out),
            Cargo::Expire { place, sequence } => self.expire_order(place, sequence, out),
            Cargo::Meet { place, sequence } => self.meet_market(place, sequence, out),
            Cargo::Boundary { market } => self.cross_boundary(market, out),
            Cargo::Pay(payment) => self.pay_funding(*payment, out),
            Cargo::Repair => self.repair(out),
        }
    }

    /// Lets the venue answer, and puts the answers on their way back where that takes time.
    pub(crate) fn answering(
        &mut self,
        out: &mut Vec<Input>,
        say: impl FnOnce(&mut SimVenue, &mut Vec<Input>),
    ) {
        if self.at_once {
            return say(self, out);
        }
        if let Some(way_ns) = self.latency.way_back_ns(self.desk.now_ns) {
            self.desk.behaviour.way_back_ns = way_ns;
        }
        let mut answers = core::mem::take(&mut self.answers);
        say(self, &mut answers);
        let due_ns = self.desk.moment().received_ns;
        if self.desk.chaos.is_some() {
            self.send_troubled(&mut answers, due_ns);
        }
        if let Some(chaos) = &mut self.desk.chaos {
            chaos.calm = false;
        }
        for answer in answers.drain(..) {
            self.flight.send(due_ns, Cargo::Answer(answer));
        }
        self.answers = answers;
    }

    #[inline]
    pub(crate) fn market_place(&self, symbol: &Id) -> Option<usize> {
        let is_it = |place: u32| self.markets[place as usize].rules.symbol == *symbol;
        self.symbols.find(symbol.hash64(), is_it).map(|place| place as usize)
    }

    pub(crate) fn listed(&self, symbol: &Id) -> Result<usize, SimError> {
        self.market_place(symbol).ok_or_else(|| SimError::UnknownSymbol(symbol.clone()))
    }
}
