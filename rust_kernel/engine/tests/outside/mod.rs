//! A venue outside the process that trades with it, and a trader: for tests that crash the trader.
//!
//! The venue keeps what it was sent, and books by itself: money as integers of a thousandth of USDT, sizes of a
//! thousandth of BTC. It takes a client id again once the order under it has filled, as real venues do, so that an
//! order sent twice costs money here and is not quietly refused.
#![allow(dead_code)] // each test uses its part

pub mod seeded;
pub mod trader;
#[cfg(unix)]
pub mod wire;

use std::collections::{BTreeMap, VecDeque};

use dita_kernel::effect::{CancelRequest, Command, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::{KernelEventKind as Kind, OrderSide, TradeSide, VenueOrderStatus as Status};
use dita_kernel::num::Decimal;

pub const SYMBOL: &str = "BTCUSDT";
/// What the account begins with, in thousandths of USDT.
pub const CAPITAL_MILLI: i64 = 100_000_000;
/// All entries are LONG and fill here: the average cost is exact, so that no profit is rounded on either side.
const BOUGHT_AT: i64 = 100;
/// What each fill costs, in thousandths of USDT.
const FEE_MILLI: i64 = 50;

pub fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

/// A number of thousandths.
pub fn milli(value: i64) -> Decimal {
    Decimal::new(i128::from(value), 3).expect("a decimal")
}

fn to_milli(value: Decimal) -> i64 {
    i64::try_from(value.at_scale(3).expect("whole thousandths")).expect("a small number")
}

/// A SplitMix64 generator.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What the venue does with an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mood {
    /// Acknowledges and fills it.
    Answers,
    /// Says everything twice.
    Repeats,
    /// Fills it, and tells of the fill first.
    FillsFirst,
    /// Takes it, fills it, and says nothing.
    Silent,
    /// Never gets it, and says nothing.
    Lost,
    /// Acknowledges it; it fills later.
    Rests,
    /// Fills a part of it; the rest fills later.
    Parts,
}

const MOODS: [Mood; 8] = [
    Mood::Answers,
    Mood::Answers,
    Mood::Repeats,
    Mood::FillsFirst,
    Mood::Silent,
    Mood::Lost,
    Mood::Rests,
    Mood::Parts,
];

#[derive(Clone)]
struct Fill {
    number: u64,
    time_ns: i64,
    price: i64,
    size_milli: i64,
}

/// An order as the venue has it.
#[derive(Clone)]
struct Placed {
    request: OrderRequest,
    number: usize,
    fills: Vec<Fill>,
    canceled: bool,
    /// Until then questions do not find it, ns.
    hidden_until_ns: i64,
}

impl Placed {
    fn filled_milli(&self) -> i64 {
        self.fills.iter().map(|fill| fill.size_milli).sum()
    }

    fn left_milli(&self) -> i64 {
        to_milli(self.request.size) - self.filled_milli()
    }

    fn works(&self) -> bool {
        !self.canceled && self.left_milli() > 0
    }

    fn is_entry(&self) -> bool {
        (self.request.order_side == OrderSide::Buy) == (self.request.side == TradeSide::Long)
    }
}

/// How often what happened.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Requests for orders that arrived.
    pub submits: u64,
    /// Of them those under an id that had come before, while its order was not there any more or not yet.
    pub resends: u64,
    /// Taken, and nothing said.
    pub silent: u64,
    /// Never arrived.
    pub lost: u64,
    /// Said twice.
    pub repeated: u64,
    /// Questions, and of them those about an order that is there and was not found yet.
    pub questions: u64,
    pub hidden: u64,
    /// Fills.
    pub fills: u64,
    /// Fills told again, long after.
    pub old_fills: u64,
    /// Orders doubled: an id that filled and came again, a trade entered under two ids, more sold than bought.
    pub doubled: u64,
}

/// The venue.
#[derive(Clone)]
pub struct Venue {
    random: Random,
    /// For so long after it was sent an order may not be found, ns.
    lag_ns: i64,
    orders: Vec<Placed>,
    by_client: BTreeMap<Id, usize>,
    /// Ids that came and were lost on the way.
    lost: BTreeMap<Id, u64>,
    /// Entry orders, and what is bought and not sold, by trade.
    trades: BTreeMap<Id, (usize, i64)>,
    /// Orders that fill later.
    later: VecDeque<usize>,
    fills: u64,
    pub cash_milli: i64,
    /// Signed.
    pub position_milli: i64,
    pub counts: Counts,
    /// What must never happen, in words.
    pub wrongs: Vec<String>,
}

impl Venue {
    pub fn new(seed: u64, lag_ns: i64) -> Venue {
        Venue {
            random: Random(seed),
            lag_ns,
            orders: Vec::new(),
            by_client: BTreeMap::new(),
            lost: BTreeMap::new(),
            trades: BTreeMap::new(),
            later: VecDeque::new(),
            fills: 0,
            cash_milli: CAPITAL_MILLI,
            position_milli: 0,
            counts: Counts::default(),
            wrongs: Vec::new(),
        }
    }

    /// The client ids of all orders that arrived, from a place on.
    pub fn client_ids(&self, from: usize) -> impl Iterator<Item = &Id> {
        self.orders[from..].iter().map(|order| &order.request.venue_client_id)
    }

    pub fn orders(&self) -> usize {
        self.orders.len()
    }

    /// Takes a request; `sent_ns` is when it left.
    pub fn take(&mut self, sent_ns: i64, now_ns: i64, command: &Command) -> Vec<Input> {
        match command {
            Command::Submit(request) => self.submit(sent_ns, now_ns, request),
            Command::Query(request) => self.answer(now_ns, request),
            Command::Cancel(request) => self.cancel(now_ns, request),
            Command::Amend(_) | Command::SetLeverage { .. } => Vec::new(),
        }
    }

    fn submit(&mut self, sent_ns: i64, now_ns: i64, request: &OrderRequest) -> Vec<Input> {
        self.counts.submits += 1;
        let client_id = &request.venue_client_id;
        if let Some(at) = self.by_client.get(client_id).copied() {
            if self.orders[at].works() {
                return vec![refused(now_ns, Kind::OrderReject, client_id, "DUPLICATE_CLIENT_ID")];
            }
            self.wrong(format!("{client_id} was filled or canceled, and came again"));
        }
        let mood = MOODS[self.random.below(MOODS.len() as u64) as usize];
        let came = self.lost.get(client_id).copied();
        self.counts.resends += u64::from(came.is_some());
        if mood == Mood::Lost {
            *self.lost.entry(client_id.clone()).or_default() += 1;
            self.counts.lost += 1;
            return Vec::new();
        }
        let at = self.place(sent_ns, request);
        self.fulfil(at, now_ns, mood)
    }

    fn place(&mut self, sent_ns: i64, request: &OrderRequest) -> usize {
        let at = self.orders.len();
        let hides = self.random.below(3) == 0;
        let order = Placed {
            request: request.clone(),
            number: at,
            fills: Vec::new(),
            canceled: false,
            hidden_until_ns: if hides { sent_ns + self.lag_ns } else { 0 },
        };
        if order.is_entry() {
            let entries = &mut self.trades.entry(request.trade_id.clone()).or_default().0;
            *entries += 1;
            if *entries > 1 {
                self.wrong(format!("trade {} was entered twice", request.trade_id));
            }
        }
        self.by_client.insert(request.venue_client_id.clone(), at);
        self.orders.push(order);
        at
    }

    fn fulfil(&mut self, at: usize, now_ns: i64, mood: Mood) -> Vec<Input> {
        let whole = self.orders[at].left_milli();
        let ack = self.orders[at].event(Kind::OrderAck, now_ns);
        match mood {
            Mood::Answers => vec![ack, self.fill(at, now_ns, whole)],
            Mood::FillsFirst => vec![self.fill(at, now_ns, whole), ack],
            Mood::Repeats => {
                self.counts.repeated += 1;
                let fill = self.fill(at, now_ns, whole);
                vec![ack.clone(), fill.clone(), ack, fill]
            }
            Mood::Silent | Mood::Lost => {
                self.counts.silent += 1;
                self.fill(at, now_ns, whole);
                Vec::new()
            }
            Mood::Rests => {
                self.later.push_back(at);
                vec![ack]
            }
            Mood::Parts => {
                self.later.push_back(at);
                vec![ack, self.fill(at, now_ns, whole / 2)]
            }
        }
    }

    /// Books a fill, and tells of it.
    fn fill(&mut self, at: usize, now_ns: i64, size_milli: i64) -> Input {
        self.fills += 1;
        self.counts.fills += 1;
        let sold_at = 90 + self.random.below(21) as i64;
        let order = &mut self.orders[at];
        let price = if order.is_entry() { BOUGHT_AT } else { sold_at };
        order.fills.push(Fill { number: self.fills, time_ns: now_ns, price, size_milli });
        let signed = if order.request.order_side == OrderSide::Buy { size_milli } else { -size_milli };
        self.position_milli += signed;
        self.cash_milli -= price * signed + FEE_MILLI;
        let (entry, trade) = (order.is_entry(), order.request.trade_id.clone());
        let told = order.fill_event(order.fills.len() - 1);
        let held = &mut self.trades.entry(trade.clone()).or_default().1;
        *held += if entry { size_milli } else { -size_milli };
        if *held < 0 {
            self.wrong(format!("of trade {trade} more was sold than bought"));
        }
        told
    }

    fn wrong(&mut self, what: String) {
        self.counts.doubled += 1;
        self.wrongs.push(what);
    }

    /// What has become of an order: the status and all its fills, in either order.
    fn answer(&mut self, now_ns: i64, request: &CancelRequest) -> Vec<Input> {
        self.counts.questions += 1;
        let found = self.by_client.get(&request.venue_client_id).copied();
        let Some(order) = found.map(|at| &self.orders[at]) else {
            return vec![named(now_ns, Kind::OrderNotFound, &request.venue_client_id)];
        };
        if now_ns < order.hidden_until_ns {
            self.counts.hidden += 1;
            return vec![named(now_ns, Kind::OrderNotFound, &request.venue_client_id)];
        }
        let mut told: Vec<Input> = (0..order.fills.len()).map(|fill| order.fill_event(fill)).collect();
        let status = order.status_event(now_ns);
        if self.random.below(2) == 0 {
            told.insert(0, status)
        } else {
            told.push(status)
        }
        told
    }

    fn cancel(&mut self, now_ns: i64, request: &CancelRequest) -> Vec<Input> {
        let client_id = &request.venue_client_id;
        let Some(at) = self.by_client.get(client_id).copied() else {
            return vec![refused(now_ns, Kind::CancelReject, client_id, "UNKNOWN_ORDER")];
        };
        if !self.orders[at].works() {
            return vec![refused(now_ns, Kind::CancelReject, client_id, "ALREADY_FILLED")];
        }
        self.orders[at].canceled = true;
        let told = self.orders[at].event(Kind::CancelAck, now_ns);
        if self.random.below(4) == 0 { Vec::new() } else { vec![told] }
    }

    /// What happens at the venue by itself: one order that works fills.
    pub fn pass(&mut self, now_ns: i64) -> Vec<Input> {
        while let Some(at) = self.later.pop_front() {
            if self.orders[at].works() {
                let left = self.orders[at].left_milli();
                return vec![self.fill(at, now_ns, left)];
            }
        }
        Vec::new()
    }

    /// Tells again of fills that may be long known, as a stream does that is opened anew.
    pub fn replay(&mut self) -> Vec<Input> {
        let filled: Vec<usize> =
            (0..self.orders.len()).filter(|at| !self.orders[*at].fills.is_empty()).collect();
        if filled.is_empty() {
            return Vec::new();
        }
        self.counts.old_fills += 1;
        let at = filled[self.random.below(filled.len() as u64) as usize];
        (0..self.orders[at].fills.len()).map(|fill| self.orders[at].fill_event(fill)).collect()
    }
}

fn named(now_ns: i64, kind: Kind, client_id: &Id) -> Input {
    let mut event = VenueEvent::new(kind, now_ns);
    event.venue_client_id = client_id.clone();
    event.asset = id(SYMBOL);
    Input::Venue(Box::new(event))
}

fn refused(now_ns: i64, kind: Kind, client_id: &Id, code: &str) -> Input {
    let mut input = named(now_ns, kind, client_id);
    if let Input::Venue(event) = &mut input {
        event.rare = Some(Box::new(RareFields { reason_code: id(code), ..RareFields::default() }));
    }
    input
}

impl Placed {
    fn event(&self, kind: Kind, now_ns: i64) -> Input {
        let mut input = named(now_ns, kind, &self.request.venue_client_id);
        if let Input::Venue(event) = &mut input {
            event.venue_order_id = id(&format!("V{}", self.number));
            event.order_side = Some(self.request.order_side);
        }
        input
    }

    /// However late it is told, it bears its own time.
    fn fill_event(&self, fill: usize) -> Input {
        let fill = &self.fills[fill];
        let mut input = self.event(Kind::PartialFill, fill.time_ns);
        if let Input::Venue(event) = &mut input {
            event.venue_trade_id = id(&format!("T{}", fill.number));
            event.size = Some(milli(fill.size_milli));
            event.price = Some(milli(fill.price * 1000));
            event.fee = Some(milli(FEE_MILLI));
        }
        input
    }

    fn status_event(&self, now_ns: i64) -> Input {
        let filled = self.filled_milli();
        let mut input = self.event(Kind::OrderStatus, now_ns);
        if let Input::Venue(event) = &mut input {
            event.status = Some(match (self.canceled, self.left_milli(), filled) {
                (true, ..) => Status::Canceled,
                (false, 0, _) => Status::Filled,
                (false, _, 0) => Status::Acked,
                (false, ..) => Status::PartiallyFilled,
            });
            event.filled_size = Some(milli(filled));
            let value: i64 = self.fills.iter().map(|fill| fill.price * fill.size_milli).sum();
            // With six places: an average need not be on the tick grid.
            event.average_price = (filled > 0)
                .then(|| Decimal::new(i128::from(value * 1_000_000 / filled), 6).expect("a price"));
        }
        input
    }
}
