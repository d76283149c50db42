//! A kernel with one instrument, driven in the domain's words.
#![allow(dead_code)] // each test file uses its part

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, ControlChange, FundingTerms, Input, InstrumentSpec, Intent, OpeningOrder, OpeningState,
    Stamp, VenueEvent,
};
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind, OrderSide, OrderType,
    PositionSide, TradeSide, TradeStage,
};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::Outcome;

pub fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

pub fn dec(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// A rate for the next boundary, which is where boundaries are by themselves.
pub fn funding_terms(symbol: &str, rate: &str) -> FundingTerms {
    FundingTerms {
        symbol: id(symbol),
        rate: Some(dec(rate)),
        next_boundary_ns: None,
        interval_secs: None,
        mark_price: None,
        venue_time_ns: 0,
    }
}

/// An order at work when an account is opened: it buys 3 at 90, and has filled nothing.
pub fn opening_order(venue_id: &str, client_id: &str) -> OpeningOrder {
    OpeningOrder {
        symbol: id("BTCUSDT"),
        venue_order_id: id(venue_id),
        venue_client_id: id(client_id),
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Limit,
        size: dec("3"),
        filled_size: dec("0"),
        price: Some(dec("90")),
        reduce_only: false,
    }
}

pub struct Desk {
    pub kernel: Kernel,
    pub effects: Effects,
    pub now: i64,
    pub inputs: Vec<(i64, Input)>,
    /// What each input was answered.
    pub outcomes: Vec<Outcome>,
    config: KernelConfig,
    intents: u32,
}

impl Desk {
    /// A seeded kernel: BTCUSDT, tick 0.1, lot 0.001, fees 0.02 % and 0.05 %, mark 100, capital 1,000 USDT.
    pub fn new() -> Desk {
        Desk::with(KernelConfig { max_slots: 3, remembered_orders: 8, ..KernelConfig::default() })
    }

    pub fn with(config: KernelConfig) -> Desk {
        let kernel = Kernel::new(config.clone()).expect("a kernel");
        let mut desk = Desk {
            kernel,
            effects: Effects::default(),
            now: 0,
            inputs: Vec::new(),
            outcomes: Vec::new(),
            config,
            intents: 0,
        };
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
        assert!(desk.put(Input::Seed { asset: id("USDT"), amount: dec("1000") }).accepted);
        assert!(desk.mark("100").accepted);
        desk
    }

    /// Puts an input in; checks every invariant, and that a refusal changed nothing.
    pub fn put(&mut self, input: Input) -> Outcome {
        self.now += 1;
        self.put_at(self.now, input)
    }

    pub fn put_at(&mut self, at: i64, input: Input) -> Outcome {
        let before = self.kernel.state_hash();
        self.effects.clear();
        let foretold = self.kernel.validate(Stamp(at), &input).map_err(|refusal| refusal.code);
        let outcome = self.kernel.step(Stamp(at), &input, &mut self.effects);
        let code = if outcome.accepted { Ok(()) } else { Err(outcome.code) };
        assert_eq!(foretold, code, "validate says otherwise than step of {input:?}");
        if !outcome.accepted {
            assert_eq!(before, self.kernel.state_hash(), "I6: {outcome:?} changed the state");
            assert!(self.effects.commands.is_empty() && self.effects.transitions.is_empty());
        }
        if let Err(violation) = invariant::check(&self.kernel) {
            panic!("{violation:?} after {input:?}: {outcome:?}");
        }
        self.assert_quiet_until_due(&input);
        self.inputs.push((at, input));
        self.outcomes.push(outcome.clone());
        outcome
    }

    /// Who sleeps until the next due time misses nothing: right before it a tick asks, books and judges nothing.
    fn assert_quiet_until_due(&self, input: &Input) {
        const YEAR: i64 = 365 * 86_400_000_000_000;
        let now_ns = self.kernel.now_ns();
        let until_ns =
            self.kernel.next_due_ns().map_or(now_ns.saturating_add(YEAR), |due_ns| due_ns.saturating_sub(1));
        if until_ns <= now_ns {
            return;
        }
        let (mut later, mut effects) = (self.kernel.clone(), Effects::default());
        later.step(Stamp(until_ns), &Input::Time, &mut effects);
        assert!(
            effects.commands.is_empty() && effects.transitions.is_empty() && effects.ledger.is_empty(),
            "a tick at {until_ns} is early, after {input:?}: {effects:?}"
        );
        for asset in 0..later.assets().len() as u16 {
            let verdict = |kernel: &Kernel| kernel.reconcile(asset).map(|report| report.status);
            assert_eq!(
                verdict(&self.kernel),
                verdict(&later),
                "asset {asset}, at {until_ns}, after {input:?}"
            );
        }
    }

    /// I7: the same inputs give the same state, and so they do where the kernel is put away and taken out in between.
    pub fn assert_replays(&self) {
        let mut replica = Kernel::new(self.config.clone()).expect("a kernel");
        let mut effects = Effects::default();
        for (number, (at, input)) in self.inputs.iter().enumerate() {
            let mut bytes = Vec::new();
            dita_kernel::codec::encode(input, &mut bytes).expect("encodes");
            let read: Input = dita_kernel::codec::decode(&bytes).expect("decodes");
            effects.clear();
            replica.step(Stamp(*at), &read, &mut effects);
            if number % 7 == 3 {
                let stored = replica.to_snapshot().expect("a snapshot");
                replica = Kernel::from_snapshot(&stored).expect("a kernel again");
            }
        }
        assert_eq!(replica.state_hash(), self.kernel.state_hash(), "I7");
        // Indexes and counters and all: what the hash leaves out decides later steps.
        assert!(
            replica.to_snapshot() == self.kernel.to_snapshot(),
            "I7: a difference that the hash does not see"
        );
    }

    pub fn mark(&mut self, price: &str) -> Outcome {
        self.put(Input::Mark { symbol: id("BTCUSDT"), price: dec(price), venue_time_ns: 0, ages: false })
    }

    pub fn intent(&mut self, action: Action, slot: u32, change: impl FnOnce(&mut Intent)) -> Outcome {
        self.intents += 1;
        let trade = id(&format!("trade-{slot}-{}", self.trade_number(slot, action)));
        let mut intent = Intent::new(
            action,
            id(&format!("intent-{}", self.intents)),
            trade,
            slot,
            id("BTCUSDT"),
            self.side(slot, action),
        );
        change(&mut intent);
        self.put(Input::Intent(Box::new(intent)))
    }

    fn trade_number(&self, slot: u32, action: Action) -> u64 {
        let current = self.kernel.slot(slot).map_or(0, |slot| slot.trade_number);
        if action == Action::Enter { current + 1 } else { current }
    }

    /// LONG for an entry; for the rest, what the slot carries.
    fn side(&self, slot: u32, action: Action) -> TradeSide {
        let carried = self.kernel.slot(slot).map_or(TradeSide::Flat, |slot| slot.side);
        if action == Action::Enter { TradeSide::Long } else { carried }
    }

    pub fn enter(&mut self, slot: u32, size: &str) -> Outcome {
        let size = dec(size);
        self.intent(Action::Enter, slot, |intent| intent.target_size = Some(size))
    }

    pub fn enter_side(&mut self, slot: u32, side: TradeSide, size: &str) -> Outcome {
        let size = dec(size);
        self.intent(Action::Enter, slot, |intent| {
            intent.side = side;
            intent.target_size = Some(size);
        })
    }

    pub fn enter_limit(&mut self, slot: u32, size: &str, price: &str) -> Outcome {
        let (size, price) = (dec(size), dec(price));
        self.intent(Action::Enter, slot, |intent| {
            intent.target_size = Some(size);
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(price);
        })
    }

    pub fn exit(&mut self, slot: u32) -> Outcome {
        self.intent(Action::Exit, slot, |_| {})
    }

    pub fn exit_size(&mut self, slot: u32, size: &str) -> Outcome {
        let size = dec(size);
        self.intent(Action::Exit, slot, |intent| intent.target_size = Some(size))
    }

    pub fn cancel(&mut self, slot: u32) -> Outcome {
        self.intent(Action::Cancel, slot, |_| {})
    }

    pub fn control(&mut self, change: ControlChange) -> Outcome {
        self.put(Input::Control(Box::new(change)))
    }

    /// The client id of the order that was submitted last.
    pub fn submitted(&self) -> Id {
        let mut ids = self.effects.commands.iter().filter_map(|command| match command {
            Command::Submit(order) => Some(order.venue_client_id.clone()),
            Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
        });
        ids.next_back().expect("an order was submitted")
    }

    /// The client id of the exit that the last intent made: sent, or waiting for the room that others give.
    pub fn submitted_or_waiting(&self) -> Id {
        match self.outcomes.last().map(|outcome| &outcome.detail) {
            Some(dita_kernel::outcome::Detail::Order(client_id)) => client_id.clone(),
            other => panic!("no order was made: {other:?}"),
        }
    }

    pub fn event(&mut self, kind: Kind, client_id: &Id, change: impl FnOnce(&mut VenueEvent)) -> Outcome {
        let mut event = VenueEvent::new(kind, self.now);
        event.venue_client_id = client_id.clone();
        change(&mut event);
        self.put(Input::Venue(Box::new(event)))
    }

    /// Lets so much time pass that the venue's clocks tell what was first.
    pub fn later(&mut self) {
        self.now += 6_000_000_000;
    }

    pub fn ack(&mut self, client_id: &Id, venue_id: &str) -> Outcome {
        let venue_id = id(venue_id);
        self.event(Kind::OrderAck, client_id, |event| event.venue_order_id = venue_id)
    }

    /// A fill with its trade id, size and price, and nothing else.
    pub fn fill(&mut self, client_id: &Id, trade: &str, size: &str, price: &str) -> Outcome {
        let (trade, size, price) = (id(trade), dec(size), dec(price));
        self.event(Kind::PartialFill, client_id, |event| {
            event.venue_trade_id = trade;
            event.size = Some(size);
            event.price = Some(price);
        })
    }

    /// A fill that also tells the cumulative quantity.
    pub fn fill_to(&mut self, client_id: &Id, trade: &str, size: &str, price: &str, total: &str) -> Outcome {
        let (trade, size, price, total) = (id(trade), dec(size), dec(price), dec(total));
        self.event(Kind::PartialFill, client_id, |event| {
            event.venue_trade_id = trade;
            event.size = Some(size);
            event.price = Some(price);
            event.filled_size = Some(total);
        })
    }

    pub fn account(&mut self, kind: AccountEventKind, change: impl FnOnce(&mut AccountEvent)) -> Outcome {
        let mut event = AccountEvent::new(kind, self.now);
        event.asset = id("USDT");
        event.symbol = id("BTCUSDT");
        change(&mut event);
        self.put(Input::Account(Box::new(event)))
    }

    pub fn settled(&mut self, trade: &str, realized: &str, fee: &str) -> Outcome {
        let (trade, realized, fee) = (id(trade), dec(realized), dec(fee));
        self.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = trade;
            event.realized_pnl = Some(realized);
            event.fee = Some(fee);
        })
    }

    pub fn stage(&self, slot: u32) -> TradeStage {
        self.kernel.slot(slot).expect("a slot").stage
    }

    pub fn size(&self, slot: u32) -> String {
        let rules = &self.kernel.instruments()[0];
        rules.qty_decimal(self.kernel.slot(slot).expect("a slot").size()).to_string()
    }

    /// Opens the account with 1,000 USDT and with these orders at work.
    pub fn open_with(&mut self, orders: Vec<OpeningOrder>) {
        let balances = vec![(id("USDT"), dec("1000"))];
        let opening = OpeningState { timestamp_ns: 1, balances, orders, ..OpeningState::default() };
        assert!(self.put(Input::Opening(Box::new(opening))).accepted);
    }

    /// K of the settlement asset before fees.
    pub fn gross(&self) -> String {
        let ledger = self.kernel.ledger();
        (ledger.balance(0, Account::Wallet) + ledger.balance(0, Account::Fees)).to_string()
    }

    /// K of the settlement asset.
    pub fn k(&self) -> String {
        self.balance(Account::Wallet)
    }

    pub fn balance(&self, account: Account) -> String {
        self.kernel.ledger().balance(0, account).to_string()
    }

    /// The book's and the unassigned quantity, signed.
    pub fn book(&self) -> (String, String) {
        let rules = &self.kernel.instruments()[0];
        let text = |qty| rules.qty_decimal(qty).to_string();
        (text(self.kernel.book(0)[0].qty), text(self.kernel.unassigned(0)[0].qty))
    }

    /// An open position in a slot: entered, acknowledged, filled at that price.
    pub fn open(&mut self, slot: u32, size: &str, price: &str) -> Id {
        assert!(self.enter(slot, size).accepted);
        let order = self.submitted();
        let trade = format!("T{}-{slot}", self.now);
        self.ack(&order, &format!("V{}-{slot}", self.now));
        self.fill(&order, &trade, size, price);
        assert_eq!(self.stage(slot), TradeStage::PositionOpen);
        order
    }

    /// A kernel over another instrument, under the name BTCUSDT that the desk's own words use; seeded as told.
    pub fn over(spec: InstrumentSpec, seeds: &[(&str, &str)], mark: &str) -> Desk {
        let config = KernelConfig { max_slots: 3, remembered_orders: 8, ..KernelConfig::default() };
        Desk::over_with(config, spec, seeds, mark)
    }

    pub fn over_with(config: KernelConfig, spec: InstrumentSpec, seeds: &[(&str, &str)], mark: &str) -> Desk {
        let kernel = Kernel::new(config.clone()).expect("a kernel");
        let mut desk = Desk {
            kernel,
            effects: Effects::default(),
            now: 0,
            inputs: Vec::new(),
            outcomes: Vec::new(),
            config,
            intents: 0,
        };
        assert!(desk.put(Input::instrument(spec)).accepted);
        for (asset, amount) in seeds {
            assert!(desk.put(Input::Seed { asset: id(asset), amount: dec(amount) }).accepted);
        }
        assert!(desk.mark(mark).accepted);
        desk
    }

    /// A balance of any asset.
    pub fn balance_of(&self, asset: &str, account: Account) -> String {
        let place = self.kernel.asset_of(&id(asset)).expect("an asset");
        self.kernel.ledger().balance(place, account).to_string()
    }

    /// A slot's realised PnL, fees and funding.
    pub fn money(&self, slot: u32) -> (String, String, String) {
        let slot = self.kernel.slot(slot).expect("a slot");
        (slot.realized.to_string(), slot.fees.to_string(), slot.funding.to_string())
    }

    /// A kernel that knows BTCUSDT and its mark, and has neither capital nor opening state.
    pub fn unseeded(config: KernelConfig) -> Desk {
        let kernel = Kernel::new(config.clone()).expect("a kernel");
        let mut desk = Desk {
            kernel,
            effects: Effects::default(),
            now: 0,
            inputs: Vec::new(),
            outcomes: Vec::new(),
            config,
            intents: 0,
        };
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
        assert!(desk.mark("100").accepted);
        desk
    }
}
