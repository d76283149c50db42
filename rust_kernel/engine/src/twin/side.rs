//! What one log came to: its trades with their fills and figures, and the results by asset.

use std::collections::BTreeMap;

use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RecalledEvent, VenueEvent};
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType, KernelEventKind, Liquidity, OrderSide};
use dita_kernel::num::{Decimal, Money, Price, Qty};
use dita_kernel::order::{Fill, Order, OrderRole};
use dita_kernel::position::Basis;
use dita_kernel::slot::Slot;

use super::given::{Gathering, Given};
use crate::durable::SharedDisk;
use crate::recovery::ReplayError;
use crate::replica::{ReplayWatch, Replica, Start, Step, Until};

/// One fill, or the part of one that belongs to the trade.
#[derive(Clone, PartialEq, Debug)]
pub struct SideFill {
    /// The intent that asked for its order.
    pub intent_id: Id,
    /// True where it opens the trade; else it closes it.
    pub enters: bool,
    /// Signed: + bought.
    pub qty: Qty,
    /// Its price.
    pub price: Price,
    /// Maker or taker, as far as known.
    pub liquidity: Liquidity,
    /// When the kernel heard of it, kernel time, ns.
    pub time_ns: i64,
}

/// A trade, with its last figures.
#[derive(Clone, PartialEq, Debug)]
pub struct SideTrade {
    /// The instrument.
    pub symbol: Id,
    /// What it settles in.
    pub asset: Id,
    /// Whose it is.
    pub owner: Id,
    /// When the kernel heard its first fill, ns.
    pub begin_ns: i64,
    /// Its fills as they came.
    pub fills: Vec<SideFill>,
    /// What is still open, signed.
    pub open: Qty,
    /// Profit of prices, what is open valued at the mark, before fees.
    pub profit: Money,
    /// Fees, + paid.
    pub fees: Money,
    /// Funding, + received.
    pub funding: Money,
}

impl SideTrade {
    /// What it came to.
    pub fn net(&self) -> Money {
        self.profit - self.fees + self.funding
    }
}

/// An order as far as the comparison asks.
struct Known {
    intent_id: Id,
    trade_id: Id,
    enters: bool,
    order_side: OrderSide,
    external: bool,
    sent_ns: i64,
    answered_ns: Option<i64>,
    fills: Vec<(Fill, i64)>,
}

/// A trade's figures as a slot has them.
#[derive(Clone, Copy, Default)]
struct Figures {
    realized: Money,
    fees: Money,
    funding: Money,
}

/// What one log came to.
#[derive(Clone, Debug)]
pub struct Side {
    /// By trade id.
    pub trades: BTreeMap<Id, SideTrade>,
    /// Each instrument's rules, by symbol.
    pub rules: BTreeMap<Id, Instrument>,
    /// The prices at which what is open is valued, by symbol.
    pub marks: BTreeMap<Id, Decimal>,
    /// What the account came to, by asset: K without what was brought in or moved, and what is open at the marks.
    pub results: BTreeMap<Id, Money>,
    /// From an order's sending to the venue's first word of it, ns, in the order of the answers.
    pub answer_ns: Vec<i64>,
    /// How many transactions the ledger has booked meanwhile: each may have been rounded.
    pub booked: u64,
    /// How many inputs were replayed.
    pub replayed: u64,
    /// The snapshot that the replay began with, where the log's beginning was removed.
    pub began: Option<u64>,
    /// What a twin is given of it.
    pub given: Given,
}

/// Reads a log.
struct Reading<'a> {
    marks: Option<&'a BTreeMap<Id, Decimal>>,
    orders: BTreeMap<Id, Known>,
    /// The trades that slots have carried: by slot and the slot's count of trades.
    carried: BTreeMap<(u32, u64), (Id, u32, Id)>,
    figures: BTreeMap<Id, Figures>,
    answer_ns: Vec<i64>,
    gathering: Gathering,
}

impl Side {
    /// Reads a log.
    ///
    /// `marks` are the prices at which what is open is valued, by symbol; where there is none, the log's own last ones.
    ///
    /// # Errors
    /// [`ReplayError`] where the log is damaged, or was written under other rules.
    pub fn read(
        disk: &SharedDisk,
        marks: Option<&BTreeMap<Id, Decimal>>,
        progress: &mut ReplayWatch<'_>,
    ) -> Result<Side, ReplayError> {
        let mut replica = Replica::open(disk.clone(), Start::First, Until::End)?;
        let mut reading = Reading {
            marks,
            orders: BTreeMap::new(),
            carried: BTreeMap::new(),
            figures: BTreeMap::new(),
            answer_ns: Vec::new(),
            gathering: Gathering::new(replica.kernel()),
        };
        let before = reading.results(replica.kernel());
        let booked = replica.kernel().ledger().booked();
        let base = reading.base(replica.kernel());
        loop {
            let mut look = |kernel: &Kernel, input: &Input| reading.look_before(kernel, input);
            let Some(step) = replica.step_after(&mut look)? else { break };
            reading.take(replica.kernel(), &step);
            replica.tell(progress)?;
        }
        let mut side = reading.side(&replica, before, &base);
        side.booked = replica.kernel().ledger().booked().saturating_sub(booked);
        Ok(side)
    }
}

impl Reading<'_> {
    /// What slots carry already where the log's beginning was removed: it is no result of this log.
    fn base(&mut self, kernel: &Kernel) -> BTreeMap<Id, Money> {
        let slots = kernel.slots().iter().filter(|slot| slot.trade_number > 0);
        slots
            .map(|slot| {
                let figures = of_slot(slot);
                let profit = figures.realized + self.unrealized(kernel, slot.instrument, &slot.basis);
                (slot.trade_id.clone(), profit - figures.fees + figures.funding)
            })
            .collect()
    }

    /// A slot's next trade takes the place of the one before: that one's figures stand by now.
    fn look_before(&mut self, kernel: &Kernel, input: &Input) {
        self.gathering.look_before(kernel, input);
        match input {
            Input::Intent(intent) if intent.action == KernelCommandType::Enter => {
                self.note_slot(kernel, intent.slot_id);
            }
            Input::Adopt(_) | Input::Override(_) => {
                for slot_id in 0..kernel.config().max_slots {
                    self.note_slot(kernel, slot_id);
                }
            }
            _ => {}
        }
    }

    fn note_slot(&mut self, kernel: &Kernel, slot_id: u32) {
        let Some(slot) = kernel.slot(slot_id).filter(|slot| slot.trade_number > 0) else { return };
        // A trade that went on in another slot has figures in both; a free slot keeps those of its last one.
        let place = (slot_id, slot.trade_number);
        self.carried.insert(place, (slot.trade_id.clone(), slot.instrument, slot.owner.clone()));
        self.figures.insert(slot.trade_id.clone(), of_slot(slot));
    }

    fn take(&mut self, kernel: &Kernel, step: &Step) {
        self.gathering.take(kernel, step);
        let event = match &step.input {
            Input::Venue(event) => event,
            Input::Recalled(recalled) => match &recalled.event {
                RecalledEvent::Venue(event) => event,
                RecalledEvent::Account(_) | RecalledEvent::Intent(_) => return,
            },
            Input::Intent(intent) if step.outcome.accepted => {
                // The slot's new trade; and the orders that it sent, in case the venue's word comes when they are forgotten.
                self.learn_slot(kernel, intent.slot_id);
                return;
            }
            _ => return,
        };
        if let Some(order) = order_of(kernel, event) {
            self.hear(kernel, order, step.stamp_ns, event.kind);
        }
        if let Some(slot_id) = step.outcome.slot_id {
            self.learn_slot(kernel, slot_id);
        }
    }

    fn learn_slot(&mut self, kernel: &Kernel, slot_id: u32) {
        let Some(slot) = kernel.slot(slot_id).filter(|slot| slot.trade_number > 0) else { return };
        let place = (slot_id, slot.trade_number);
        self.carried
            .entry(place)
            .or_insert_with(|| (slot.trade_id.clone(), slot.instrument, slot.owner.clone()));
    }

    /// Takes an order as it stands after a word of the venue.
    fn hear(&mut self, kernel: &Kernel, order: &Order, stamp_ns: i64, kind: KernelEventKind) {
        self.learn_slot(kernel, order.slot_id);
        let known = self.orders.entry(order.client_id.clone()).or_insert_with(|| known(order));
        if known.answered_ns.is_none() && !known.external && is_answer(kind) {
            known.answered_ns = Some(stamp_ns);
            if known.sent_ns > 0 && stamp_ns >= known.sent_ns {
                self.answer_ns.push(stamp_ns - known.sent_ns);
            }
        }
        known.refresh(order, stamp_ns);
    }

    fn side(mut self, replica: &Replica, before: BTreeMap<Id, Money>, base: &BTreeMap<Id, Money>) -> Side {
        let kernel = replica.kernel();
        for slot_id in 0..kernel.config().max_slots {
            self.note_slot(kernel, slot_id);
        }
        for order in kernel.orders().iter() {
            if let Some(known) = self.orders.get_mut(&order.client_id) {
                known.refresh(order, kernel.now_ns());
            }
        }
        let trades = self.trades(kernel, base);
        let mut results = self.results(kernel);
        for (asset, amount) in before {
            *results.entry(asset).or_default() -= amount;
        }
        let rules = kernel.instruments().iter().map(|rules| (rules.spec.symbol.clone(), rules.clone()));
        let marks = (0..).zip(kernel.instruments()).filter_map(|(instrument, rules)| {
            let price = self.valuation(kernel, instrument, rules)?;
            Some((rules.spec.symbol.clone(), rules.price_decimal(price)))
        });
        Side {
            trades,
            marks: marks.collect(),
            rules: rules.collect(),
            results,
            answer_ns: self.answer_ns,
            booked: 0,
            replayed: replica.replayed(),
            began: replica.began(),
            given: self.gathering.given(kernel),
        }
    }

    /// The trades, with the fills of all orders put to them.
    fn trades(&self, kernel: &Kernel, base: &BTreeMap<Id, Money>) -> BTreeMap<Id, SideTrade> {
        let mut trades: BTreeMap<Id, SideTrade> = BTreeMap::new();
        for (trade_id, instrument, owner) in self.carried.values() {
            let Some(rules) = kernel.instruments().get(*instrument as usize) else { continue };
            let figures = self.figures.get(trade_id).copied().unwrap_or_default();
            let slot = kernel.slot_of_trade(trade_id).and_then(|slot_id| kernel.slot(slot_id));
            let held = slot.map_or(Basis::FLAT, |slot| slot.basis);
            let before = base.get(trade_id).copied().unwrap_or_default();
            trades.insert(
                trade_id.clone(),
                SideTrade {
                    symbol: rules.spec.symbol.clone(),
                    asset: rules.spec.settle.clone(),
                    owner: owner.clone(),
                    begin_ns: 0,
                    fills: Vec::new(),
                    open: held.qty,
                    profit: figures.realized + self.unrealized(kernel, *instrument, &held) - before,
                    fees: figures.fees,
                    funding: figures.funding,
                },
            );
        }
        let mut fills: Vec<(&Known, &Fill, i64)> = self
            .orders
            .values()
            .flat_map(|order| order.fills.iter().map(move |(fill, time_ns)| (order, fill, *time_ns)))
            .collect();
        fills.sort_by_key(|(_, fill, time_ns)| (*time_ns, fill.seq));
        for (order, fill, time_ns) in fills {
            self.put(&mut trades, order, fill, time_ns);
        }
        trades
    }

    /// Puts a fill to its trade; what it closed of other trades to those.
    fn put(&self, trades: &mut BTreeMap<Id, SideTrade>, order: &Known, fill: &Fill, time_ns: i64) {
        let sign = order.order_side.sign();
        let mut give = |trade_id: &Id, qty: Qty, enters: bool| {
            if qty.is_zero() {
                return;
            }
            let Some(trade) = trades.get_mut(trade_id) else { return };
            if trade.fills.is_empty() {
                trade.begin_ns = time_ns;
            }
            let qty = if sign > 0 { qty } else { -qty };
            let (intent_id, price, liquidity) = (order.intent_id.clone(), fill.price, fill.liquidity);
            trade.fills.push(SideFill { intent_id, enters, qty, price, liquidity, time_ns });
        };
        let mut own = fill.qty;
        for pair in fill.pairs.as_deref().unwrap_or_default() {
            own -= pair.qty;
            if let Some((trade_id, ..)) = self.carried.get(&(pair.slot_id, pair.trade_number)) {
                give(trade_id, pair.qty, false);
            }
        }
        if !order.external {
            give(&order.trade_id, own, order.enters);
        }
    }

    fn valuation(&self, kernel: &Kernel, instrument: u32, rules: &Instrument) -> Option<Price> {
        let given = self.marks.and_then(|marks| marks.get(&rules.spec.symbol));
        given.and_then(|mark| rules.mark(*mark).ok()).or_else(|| kernel.valuation_price(instrument))
    }

    fn unrealized(&self, kernel: &Kernel, instrument: u32, basis: &Basis) -> Money {
        let Some(rules) = kernel.instruments().get(instrument as usize) else { return Money::ZERO };
        let price = self.valuation(kernel, instrument, rules).filter(|_| !basis.qty.is_zero());
        let value = price.and_then(|price| rules.basis_value(price, basis.qty));
        value.map_or(Money::ZERO, |value| basis.unrealized(value))
    }

    /// What the account has come to, by asset: K without what was brought in or moved, and the books at the marks.
    fn results(&self, kernel: &Kernel) -> BTreeMap<Id, Money> {
        let ledger = kernel.ledger();
        let mut results: BTreeMap<Id, Money> = BTreeMap::new();
        for (asset, state) in (0..).zip(kernel.assets()) {
            let balances = [Account::Wallet, Account::Capital, Account::Transfers, Account::Inventory];
            let result = balances.iter().fold(Money::ZERO, |sum, one| sum + ledger.balance(asset, *one));
            results.insert(state.name.clone(), result);
        }
        for (instrument, rules) in (0..).zip(kernel.instruments()) {
            for basis in &kernel.book(instrument) {
                *results.entry(rules.spec.settle.clone()).or_default() +=
                    self.unrealized(kernel, instrument, basis);
            }
        }
        results
    }
}

impl Known {
    /// Takes the fills as the order has them now; those that are new were heard at `stamp_ns`.
    fn refresh(&mut self, order: &Order, stamp_ns: i64) {
        let heard: Vec<i64> = self.fills.iter().map(|(_, time_ns)| *time_ns).collect();
        if let ([.., (last, _)], Some(same)) = (&self.fills[..], order.fills.get(heard.len().wrapping_sub(1)))
            && last == same
            && !self.fills.iter().any(|(fill, _)| fill.inferred)
        {
            self.fills.extend(order.fills[heard.len()..].iter().map(|fill| (fill.clone(), stamp_ns)));
            return;
        }
        let times = heard.into_iter().chain(std::iter::repeat(stamp_ns));
        self.fills = order.fills.iter().cloned().zip(times).collect();
    }
}

fn known(order: &Order) -> Known {
    Known {
        intent_id: order.intent_id.clone(),
        trade_id: order.trade_id.clone(),
        enters: order.role == OrderRole::Entry,
        order_side: order.order_side,
        external: order.role == OrderRole::External,
        sent_ns: order.sent_time_ns,
        answered_ns: None,
        fills: Vec::new(),
    }
}

/// True for the venue's own first word of a new order.
fn is_answer(kind: KernelEventKind) -> bool {
    matches!(
        kind,
        KernelEventKind::OrderAck
            | KernelEventKind::PartialFill
            | KernelEventKind::FullFill
            | KernelEventKind::OrderReject
    )
}

fn of_slot(slot: &Slot) -> Figures {
    Figures { realized: slot.realized, fees: slot.fees, funding: slot.funding }
}

/// The order that an event is about.
fn order_of<'a>(kernel: &'a Kernel, event: &VenueEvent) -> Option<&'a Order> {
    let orders = kernel.orders();
    let by_client = || orders.by_client_id(&event.venue_client_id);
    let by_venue = || orders.by_venue_id(&event.venue_order_id);
    let place = (!event.venue_client_id.is_empty()).then(by_client).flatten();
    let place = place.or_else(|| (!event.venue_order_id.is_empty()).then(by_venue).flatten());
    place.map(|place| orders.at(place))
}

/// An instrument's unit of fees and profit at the venue.
pub(super) fn unit_of(spec: &InstrumentSpec) -> Money {
    let places = 18_u32.saturating_sub(u32::from(spec.fee_decimals));
    Money(10_i128.checked_pow(places).unwrap_or(1))
}
