//! A log that a real engine writes in memory, with a venue outside that charges, settles and pays funding by its book.
#![allow(dead_code)] // each test file uses a part

use std::collections::BTreeMap;
use std::sync::Arc;

use dita_engine::{Answer, Engine, EngineConfig, LogSettings, Port, Progress, SharedDisk};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, ControlChange, Input, InstrumentSpec, Intent, RareFields, RiskLimits, VenueEvent,
};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind, Liquidity, OrderType, TradeSide,
};
use dita_kernel::num::{Decimal, Money, Rate, Rounding};
use dita_kernel::outcome::Detail;
use dita_log::MemoryDisk;

pub const SECOND_NS: i64 = 1_000_000_000;
/// Where the tests' time begins: some Monday.
pub const BEGIN_NS: i64 = 1_700_000_000 * SECOND_NS;

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

pub fn money(text: &str) -> Money {
    Money::from_decimal(dec(text)).unwrap()
}

/// `price × size`.
pub fn notional(price: Decimal, size: Decimal) -> Money {
    let mantissa = price.mantissa() * size.mantissa();
    Money::from_decimal(Decimal::new(mantissa, price.scale() + size.scale()).unwrap()).unwrap()
}

/// A fill as the venue has it, for sums of the test's own.
#[derive(Clone, Debug)]
pub struct Booked {
    pub trade_id: Id,
    pub notional: Money,
    pub taker: bool,
    pub time_ns: i64,
}

/// A venue that fills market orders at its price and post-only orders when it is told to.
pub struct Venue {
    pub price: Decimal,
    pub taker_rate: Decimal,
    pub maker_rate: Decimal,
    /// Without it the kernel predicts, and the settlement tells.
    pub fee_with_fill: bool,
    pub fills: Vec<Booked>,
    pub submitted: u32,
    resting: Vec<dita_kernel::effect::OrderRequest>,
    trades: u32,
}

impl Venue {
    fn fill(
        &mut self,
        order: &dita_kernel::effect::OrderRequest,
        price: Decimal,
        taker: bool,
        now_ns: i64,
    ) -> (VenueEvent, Id, Decimal) {
        self.trades += 1;
        let trade = id(&format!("T{}", self.trades));
        let value = notional(price, order.size);
        let rate = Rate::from_decimal(if taker { self.taker_rate } else { self.maker_rate }).unwrap();
        let fee = rate.of(value, 8, Rounding::HalfEven);
        let fee = dec(&fee.to_string());
        let mut fill = VenueEvent::new(Kind::FullFill, now_ns);
        fill.venue_client_id = order.venue_client_id.clone();
        fill.venue_order_id = id(&format!("V{}", order.venue_client_id));
        fill.venue_trade_id = trade.clone();
        fill.size = Some(order.size);
        fill.price = Some(price);
        fill.liquidity = Some(if taker { Liquidity::Taker } else { Liquidity::Maker });
        fill.fee = self.fee_with_fill.then_some(fee);
        self.fills.push(Booked { trade_id: order.trade_id.clone(), notional: value, taker, time_ns: now_ns });
        (fill, trade, fee)
    }

    fn answer(&mut self, command: &Command, now_ns: i64) -> Vec<Input> {
        let order = match command {
            Command::Submit(order) => order,
            Command::Cancel(request) => {
                let mut gone = VenueEvent::new(Kind::CancelAck, now_ns);
                gone.venue_client_id = request.venue_client_id.clone();
                return vec![Input::Venue(Box::new(gone))];
            }
            Command::Amend(request) => {
                let mut changed = VenueEvent::new(Kind::AmendAck, now_ns);
                changed.venue_client_id = request.venue_client_id.clone();
                changed.order_size = Some(request.size);
                let rare = RareFields { request_id: request.request_id.clone(), ..RareFields::default() };
                changed.rare = Some(Box::new(rare));
                return vec![Input::Venue(Box::new(changed))];
            }
            Command::Query(_) | Command::SetLeverage { .. } => return Vec::new(),
        };
        self.submitted += 1;
        let mut ack = VenueEvent::new(Kind::OrderAck, now_ns);
        ack.venue_client_id = order.venue_client_id.clone();
        ack.venue_order_id = id(&format!("V{}", order.venue_client_id));
        let mut answers = vec![Input::Venue(Box::new(ack))];
        if order.order_type != OrderType::Market {
            self.resting.push(order.clone());
            return answers;
        }
        let (fill, trade, fee) = self.fill(order, self.price, true, now_ns);
        answers.push(Input::Venue(Box::new(fill)));
        answers.push(settled(&trade, fee, now_ns));
        answers
    }
}

/// The venue's figures of a fill.
pub fn settled(trade: &Id, fee: Decimal, now_ns: i64) -> Input {
    let mut event = AccountEvent::new(AccountEventKind::FillSettled, now_ns);
    event.asset = id("USDT");
    event.symbol = id("BTCUSDT");
    event.venue_trade_id = trade.clone();
    event.fee = Some(fee);
    Input::Account(Box::new(event))
}

/// The client id of the order that an intent made; empty where it made none.
pub fn client_id(answer: &Answer) -> Id {
    match &answer.outcome.detail {
        Detail::Order(client_id) => client_id.clone(),
        _ => Id::EMPTY,
    }
}

/// An engine on a log in memory, with what drives it.
pub struct Desk {
    pub disk: Arc<MemoryDisk>,
    pub engine: Engine,
    pub venue: Venue,
    pub now_ns: i64,
    /// The state's hash after the inputs at which it was quiet.
    pub hashes: BTreeMap<u64, [u8; 32]>,
}

impl Desk {
    /// A new log with BTCUSDT and 100,000 USDT.
    pub fn open() -> Desk {
        let mut desk = Desk::on(Arc::new(MemoryDisk::new()), &LogSettings::default());
        desk.begin();
        desk
    }

    pub fn on(disk: Arc<MemoryDisk>, settings: &LogSettings) -> Desk {
        let kernel = KernelConfig { max_slots: 8, remembered_orders: 64, ..KernelConfig::default() };
        let config = EngineConfig { kernel, ..EngineConfig::default() };
        let (engine, _) =
            Engine::recover(config, Port::Foreign, disk.clone(), settings, &mut |_| {}).unwrap();
        let venue = Venue {
            price: dec("100"),
            taker_rate: dec("0.0005"),
            maker_rate: dec("0.0002"),
            fee_with_fill: true,
            fills: Vec::new(),
            submitted: 0,
            resting: Vec::new(),
            trades: 0,
        };
        Desk { disk, engine, venue, now_ns: BEGIN_NS, hashes: BTreeMap::new() }
    }

    pub fn begin(&mut self) {
        self.engine.tell_time(self.now_ns);
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        self.put(Input::Instrument(Box::new(spec)));
        self.put(Input::Seed { asset: id("USDT"), amount: dec("100000") });
        self.mark("100");
    }

    pub fn disk(&self) -> SharedDisk {
        self.disk.clone()
    }

    pub fn put(&mut self, input: Input) -> Answer {
        self.engine.tell_time(self.now_ns);
        let ticket = self.engine.push(input, true).unwrap().unwrap();
        self.drain();
        self.engine.take_answer(ticket).unwrap()
    }

    fn drain(&mut self) {
        loop {
            match self.engine.run() {
                Progress::Quiet => break,
                Progress::Yield => {}
                Progress::Call(call) => {
                    let answers = self.venue.answer(&call.command, self.engine.now_ns());
                    self.engine.feed(call.ticket, answers);
                }
                Progress::Failed(error) => panic!("{error}"),
            }
        }
        let kernel = self.engine.kernel();
        self.hashes.insert(kernel.seq(), kernel.state_hash());
    }

    /// Time goes on by a second, to this price.
    pub fn mark(&mut self, price: &str) {
        self.now_ns += SECOND_NS;
        self.venue.price = dec(price);
        self.put(Input::Mark {
            symbol: id("BTCUSDT"),
            price: dec(price),
            venue_time_ns: self.now_ns,
            ages: false,
        });
    }

    pub fn intent(&self, number: u32, slot: u32, action: Action) -> Intent {
        let (trade, name) = (id(&format!("t{number}")), id(&format!("i{number}-{action}")));
        let mut intent = Intent::new(action, name, trade, slot, id("BTCUSDT"), TradeSide::Long);
        intent.timestamp_ns = self.now_ns;
        intent.reference_price = Some(self.venue.price);
        intent.target_size = (action == Action::Enter).then(|| dec("0.5"));
        intent
    }

    pub fn enter(&mut self, number: u32, slot: u32, size: &str) -> Answer {
        let mut intent = self.intent(number, slot, Action::Enter);
        intent.target_size = Some(dec(size));
        self.put(Input::Intent(Box::new(intent)))
    }

    /// Asks for an entry whose request leaves and is never answered.
    pub fn enter_and_lose_the_answer(&mut self, number: u32, slot: u32) {
        self.engine.tell_time(self.now_ns);
        let intent = self.intent(number, slot, Action::Enter);
        self.engine.push(Input::Intent(Box::new(intent)), false).unwrap();
        assert!(matches!(self.engine.run(), Progress::Call(_)), "a request leaves");
        assert_eq!(self.engine.run(), Progress::Quiet);
    }

    pub fn exit(&mut self, number: u32, slot: u32) -> Answer {
        let intent = self.intent(number, slot, Action::Exit);
        self.put(Input::Intent(Box::new(intent)))
    }

    /// In, out two seconds later at another price.
    pub fn trade(&mut self, number: u32, slot: u32, size: &str, leave_at: &str) {
        self.enter(number, slot, size);
        self.mark(leave_at);
        self.exit(number, slot);
    }

    /// An entry that waits in the book, and is filled there.
    pub fn enter_as_maker(&mut self, number: u32, slot: u32, size: &str, limit: &str) {
        let mut intent = self.intent(number, slot, Action::Enter);
        intent.target_size = Some(dec(size));
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec(limit));
        intent.post_only = true;
        self.put(Input::Intent(Box::new(intent)));
        let Some(order) = self.venue.resting.pop() else { return };
        self.now_ns += SECOND_NS;
        let (fill, trade, fee) = self.venue.fill(&order, dec(limit), false, self.now_ns);
        self.put(Input::Venue(Box::new(fill)));
        self.put(settled(&trade, fee, self.now_ns));
    }

    /// An exit that waits in the book. Gives its client id.
    pub fn rest(&mut self, number: u32, slot: u32, name: &str, fill_in: impl FnOnce(&mut Intent)) -> Id {
        let mut intent = self.intent(number, slot, Action::Exit);
        intent.intent_id = id(name);
        fill_in(&mut intent);
        let answer = self.put(Input::Intent(Box::new(intent)));
        client_id(&answer)
    }

    /// An intent that names one order.
    pub fn name_one(
        &mut self,
        number: u32,
        slot: u32,
        action: Action,
        client_id: &Id,
        fill_in: impl FnOnce(&mut Intent),
    ) -> Answer {
        let mut intent = self.intent(number, slot, action);
        intent.intent_id = id(&format!("{}-{client_id}", &action.to_string()[..2]));
        intent.target_client_id = client_id.clone();
        fill_in(&mut intent);
        self.put(Input::Intent(Box::new(intent)))
    }

    /// A waiting order is filled; one that the venue does not have is not.
    pub fn fill_resting(&mut self, client_id: &Id, price: &str, size: &str) {
        let Some(at) = self.venue.resting.iter().position(|order| order.venue_client_id == *client_id) else {
            return;
        };
        let mut order = self.venue.resting.remove(at);
        order.size = dec(size);
        self.now_ns += SECOND_NS;
        let (fill, trade, fee) = self.venue.fill(&order, dec(price), false, self.now_ns);
        self.put(Input::Venue(Box::new(fill)));
        self.put(settled(&trade, fee, self.now_ns));
    }

    pub fn funding(&mut self, number: u32, amount: &str) {
        let mut event = AccountEvent::new(AccountEventKind::FundingFee, self.now_ns);
        event.asset = id("USDT");
        event.symbol = id("BTCUSDT");
        event.venue_txn_id = id(&format!("F{number}"));
        event.amount = Some(dec(amount));
        self.put(Input::Account(Box::new(event)));
    }

    /// What the exchange says that the wallet holds.
    pub fn frame(&mut self, balance: &str) {
        self.now_ns += SECOND_NS;
        let mut event = AccountEvent::new(AccountEventKind::AccountUpdate, self.now_ns);
        event.asset = id("USDT");
        event.wallet_balance = Some(dec(balance));
        self.put(Input::Account(Box::new(event)));
    }

    pub fn limit(&mut self, limits: RiskLimits) {
        let change =
            ControlChange { limits: Some(limits), updated_by: id("desk"), ..ControlChange::default() };
        self.put(Input::Control(Box::new(change)));
    }

    /// What was taken is on disk.
    pub fn settle(&mut self) {
        self.engine.sync_log().unwrap();
        let kernel = self.engine.kernel();
        self.hashes.insert(kernel.seq(), kernel.state_hash());
    }

    pub fn seq(&self) -> u64 {
        self.engine.kernel().seq()
    }

    pub fn k(&self) -> Money {
        self.engine.kernel().ledger().balance(0, Account::Wallet)
    }
}
