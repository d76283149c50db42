//! The work that the Rust benchmarks time: one round trip of the core with the simulated venue.
//!
//! One trip is ten inputs: entry intent, acknowledgement, fill, the fill's settlement with its fee, wallet
//! frame, and the same again for the exit. Exact decimals, duplicate detection, double-entry ledger, limits, exposure
//! and reconciliation are on; no journal, nothing durable.

pub mod trips;

/// As the extension module has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, TradeSide};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};

/// An id.
pub fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

/// A decimal.
pub fn dec(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

fn intent(action: Action, asset: &Id) -> Input {
    let mut intent = Intent::new(action, Id::EMPTY, Id::EMPTY, 0, asset.clone(), TradeSide::Long);
    intent.reference_price = Some(dec("61800.3"));
    intent.target_size = (action == Action::Enter).then(|| dec("0.013"));
    Input::Intent(Box::new(intent))
}

/// A letter and a number that counts, written as a strategy would keep it: the digits that change are changed.
struct Name([u8; 20]);

impl Name {
    const FIRST: Name = Name(*b"-0000000000000000000");

    fn advance(&mut self) {
        for digit in self.0[1..].iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }

    fn id(&mut self, letter: u8) -> Id {
        self.0[0] = letter;
        Id::from_ascii(&self.0)
    }
}

/// Core and venue, without the engine.
pub struct Bench {
    kernel: Kernel,
    venue: SimVenue,
    effects: Effects,
    /// What the venue has said and the kernel has not taken yet.
    inputs: Vec<Input>,
    /// The other buffer, while the kernel takes what one holds.
    idle: Vec<Input>,
    /// The entry's and the exit's intent: a strategy that writes its next one over its last.
    intents: [Input; 2],
    name: Name,
    trips: u64,
    inputs_taken: u64,
}

impl Bench {
    /// A seeded kernel with `max_slots` slots and a quoted market; each fill is settled by an event of its own.
    pub fn new(max_slots: u32) -> Bench {
        Bench::with(max_slots, SimConfig { fee_in_fill: false, ..SimConfig::default() })
    }

    /// The same with a venue that sends the fee in the fill and no settlement: eight inputs a trip.
    pub fn fee_in_fill(max_slots: u32) -> Bench {
        Bench::with(max_slots, SimConfig { fee_in_fill: true, settle_events: false, ..SimConfig::default() })
    }

    fn with(max_slots: u32, config: SimConfig) -> Bench {
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        let mut venue = SimVenue::new(config).expect("a venue");
        venue.add_instrument(&spec).expect("an instrument");
        venue.deposit(&id("USDT"), dec("1000000000")).expect("money");
        let mut kernel =
            Kernel::new(KernelConfig { max_slots, ..KernelConfig::default() }).expect("a kernel");
        let mut effects = Effects::default();
        for input in [
            Input::Instrument(Box::new(spec)),
            Input::Seed { asset: id("USDT"), amount: dec("1000000000") },
            Input::Mark { symbol: id("BTCUSDT"), price: dec("61800.2"), venue_time_ns: 0, ages: false },
        ] {
            assert!(kernel.step(Stamp(0), &input, &mut effects).accepted);
        }
        let mut inputs = Vec::new();
        let asset = id("BTCUSDT");
        venue.quote(0, &asset, dec("61800.2"), None, dec("61800.3"), None, &mut inputs).expect("a quote");
        Bench {
            kernel,
            venue,
            effects,
            inputs,
            idle: Vec::new(),
            intents: [Action::Enter, Action::Exit].map(|action| intent(action, &asset)),
            name: Name::FIRST,
            trips: 0,
            inputs_taken: 0,
        }
    }

    /// Takes an input and all that follows from it, in the order in which it comes.
    fn drive(&mut self, first: &Input) {
        self.take(first);
        while !self.inputs.is_empty() {
            let idle = core::mem::take(&mut self.idle);
            let mut turn = core::mem::replace(&mut self.inputs, idle);
            for input in &turn {
                self.take(input);
            }
            self.venue.reclaim(&mut turn);
            self.idle = turn;
        }
    }

    fn take(&mut self, input: &Input) {
        let now = self.trips as i64;
        self.effects.clear();
        self.inputs_taken += 1;
        let outcome = self.kernel.step(Stamp(now), input, &mut self.effects);
        assert!(outcome.accepted);
        for command in &self.effects.commands {
            match command {
                Command::Submit(order) => self.venue.submit(now, order, &mut self.inputs),
                Command::Cancel(request) => self.venue.cancel(now, request, &mut self.inputs),
                Command::Amend(request) => self.venue.amend(now, request, &mut self.inputs),
                Command::Query(request) => self.venue.query(now, request, &mut self.inputs),
                Command::SetLeverage { symbol, leverage } => {
                    self.venue.set_leverage(now, symbol, *leverage, &mut self.inputs);
                }
            }
        }
    }

    /// One round trip.
    pub fn round_trip(&mut self) {
        self.trips += 1;
        self.name.advance();
        let trade_id = self.name.id(b't');
        for (leg, letter) in [b'e', b'x'].into_iter().enumerate() {
            let mut input = core::mem::replace(&mut self.intents[leg], Input::Time);
            if let Input::Intent(intent) = &mut input {
                intent.trade_id = trade_id.clone();
                intent.intent_id = self.name.id(letter);
            }
            self.drive(&input);
            self.intents[leg] = input;
        }
    }

    /// How many inputs the kernel has taken.
    pub fn inputs_taken(&self) -> u64 {
        self.inputs_taken
    }

    /// Asserts what every arm must end with: position 0, exact fees and profit, the trade count, K = E.
    pub fn assert_end(&self) {
        let k = self.kernel.ledger().balance(0, Account::Wallet);
        assert_eq!(self.kernel.book(0)[0].qty.0, 0, "position");
        let trips = i128::from(self.trips);
        // 0.013 × (61800.3 + 61800.2) × 0.0005 and 0.013 × 0.1, at 1e-18
        let fees = trips * 803_403_250_000_000_000;
        let loss = trips * 1_300_000_000_000_000;
        assert_eq!(self.kernel.ledger().balance(0, Account::Fees).0, fees, "fees");
        assert_eq!(self.kernel.ledger().balance(0, Account::RealizedPnl).0, loss, "realised PnL");
        assert_eq!(Some(k), self.venue.wallet_balance(&id("USDT")), "K = E");
        assert_eq!(self.kernel.assets()[0].exchange.wallet_balance, Some(k), "the last frame says the same");
    }
}
