//! The work that the Rust benchmarks time: one round trip of the core with the simulated venue.
//!
//! One trip is nine inputs and more: entry intent, acknowledgement, fill, the fill's settlement with its fee, wallet
//! frame, and the same again for the exit. Exact decimals, duplicate detection, double-entry ledger, limits, exposure
//! and reconciliation are on; no journal, nothing durable.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, TradeSide};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};

fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// Core and venue, without the engine.
pub struct Bench {
    kernel: Kernel,
    venue: SimVenue,
    effects: Effects,
    inputs: Vec<Input>,
    asset: Id,
    size: Decimal,
    reference: Decimal,
    trips: u64,
    inputs_taken: u64,
}

impl Bench {
    /// A seeded kernel with `max_slots` slots and a quoted market.
    pub fn new(max_slots: u32) -> Bench {
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        let mut venue =
            SimVenue::new(SimConfig { fee_in_fill: false, ..SimConfig::default() }).expect("a venue");
        venue.add_instrument(&spec).expect("an instrument");
        venue.deposit(&id("USDT"), dec("1000000000")).expect("money");
        let mut kernel = Kernel::new(KernelConfig { max_slots, ..KernelConfig::default() }).expect("a kernel");
        let mut effects = Effects::default();
        for input in [
            Input::Instrument(Box::new(spec)),
            Input::Seed { asset: id("USDT"), amount: dec("1000000000") },
            Input::Mark { symbol: id("BTCUSDT"), price: dec("61800.2"), venue_time_ns: 0 },
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
            asset,
            size: dec("0.013"),
            reference: dec("61800.3"),
            trips: 0,
            inputs_taken: 0,
        }
    }

    fn intent(&self, action: Action) -> Input {
        let mut name = [0_u8; 20];
        let mut rest = self.trips;
        for place in name.iter_mut().skip(1).rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        name[0] = b't';
        let trade_id = Id::new(core::str::from_utf8(&name).expect("ASCII")).expect("short");
        name[0] = if action == Action::Enter { b'e' } else { b'x' };
        let intent_id = Id::new(core::str::from_utf8(&name).expect("ASCII")).expect("short");
        let mut intent = Intent::new(action, intent_id, trade_id, 0, self.asset.clone(), TradeSide::Long);
        intent.reference_price = Some(self.reference);
        intent.target_size = (action == Action::Enter).then_some(self.size);
        Input::Intent(Box::new(intent))
    }

    fn drive(&mut self, first: Input) {
        let now = self.trips as i64;
        self.take(now, &first);
        let mut at = 0;
        while at < self.inputs.len() {
            let input = core::mem::replace(&mut self.inputs[at], Input::Time);
            self.take(now, &input);
            self.inputs[at] = input;
            at += 1;
        }
        
        self.inputs.clear();
    }

    fn take(&mut self, now: i64, input: &Input) {
        self.effects.clear();
        self.inputs_taken += 1;
        let outcome = self.kernel.step(Stamp(now), input, &mut self.effects);
        assert!(outcome.accepted);
        for command in self.effects.commands.drain(..) {
            match &command {
                Command::Submit(order) => self.venue.submit(now, order, &mut self.inputs),
                Command::Cancel(request) => self.venue.cancel(now, request, &mut self.inputs),
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
        let entry = self.intent(Action::Enter);
        self.drive(entry);
        let exit = self.intent(Action::Exit);
        self.drive(exit);
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
