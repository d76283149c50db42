//! The real kernel against this venue: what the kernel computes (K) is what the venue has (E), to the last unit.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::VecDeque;

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent, Stamp};
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, OrderDoubt, OrderType, Product, TradeSide};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::outcome::Outcome;
use dita_sim::{FaultCounters, SimConfig, SimFaults, SimVenue};

const SECOND: i64 = 1_000_000_000;
/// How many steps one input may lead to where nothing takes time.
const STEPS_MAX: u32 = 10_000;
/// How many venues with several faults at once, unless `DITA_SWARM_SEEDS` says otherwise.
const SWARM_SEEDS: u64 = 300;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// SplitMix64, for the test's own moves.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// A kernel and a venue, wired as an engine wires them.
struct Pair {
    kernel: Kernel,
    venue: SimVenue,
    effects: Effects,
    heard: Vec<Input>,
    now_ns: i64,
    intents: u32,
    symbol: Id,
}

impl Pair {
    fn new(config: SimConfig, spec: &InstrumentSpec, balances: &[(&str, &str)]) -> Pair {
        let kernel_config = KernelConfig { hedge_mode: config.hedge_mode, ..KernelConfig::default() };
        let mut pair = Pair {
            kernel: Kernel::new(kernel_config).unwrap(),
            venue: SimVenue::new(config).unwrap(),
            effects: Effects::default(),
            heard: Vec::new(),
            now_ns: 0,
            intents: 0,
            symbol: spec.symbol.clone(),
        };
        pair.venue.add_instrument(spec).unwrap();
        assert!(pair.put(Input::Instrument(Box::new(spec.clone()))).accepted);
        for (asset, amount) in balances {
            pair.venue.deposit(&id(asset), dec(amount)).unwrap();
            let seed = Input::Seed { asset: id(asset), amount: dec(amount) };
            assert!(pair.put(seed).accepted, "{asset}");
        }
        pair
    }

    fn linear(config: SimConfig) -> Pair {
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        Pair::new(config, &spec, &[("USDT", "100000")])
    }

    /// One step, and all that follows from it.
    fn put(&mut self, input: Input) -> Outcome {
        let mut waiting = VecDeque::from([input]);
        let mut first = None;
        let mut steps = 0;
        while let Some(input) = waiting.pop_front() {
            steps += 1;
            assert!(steps < STEPS_MAX, "kernel and venue go on answering one another: {input:?}");
            self.effects.clear();
            let outcome = self.kernel.step(Stamp(self.now_ns), &input, &mut self.effects);
            if let Err(violation) = invariant::check(&self.kernel) {
                panic!("{violation:?} after {input:?}: {outcome:?}");
            }
            let commands: Vec<Command> = self.effects.commands.drain(..).collect();
            for command in &commands {
                self.ask(command);
            }
            waiting.extend(self.heard.drain(..));
            first.get_or_insert(outcome);
        }
        first.unwrap()
    }

    fn ask(&mut self, command: &Command) {
        let (now_ns, out) = (self.now_ns, &mut self.heard);
        match command {
            Command::Submit(order) => self.venue.submit(now_ns, order, out),
            Command::Cancel(request) => self.venue.cancel(now_ns, request, out),
            Command::Amend(request) => self.venue.amend(now_ns, request, out),
            Command::Query(request) => self.venue.query(now_ns, request, out),
            Command::SetLeverage { symbol, leverage } => {
                self.venue.set_leverage(now_ns, symbol, *leverage, out);
            }
        }
    }

    /// Hands over what the venue has said.
    fn deliver(&mut self) {
        for input in core::mem::take(&mut self.heard) {
            self.put(input);
        }
    }

    fn pass(&mut self, nanoseconds: i64) {
        self.now_ns += nanoseconds;
        self.venue.advance(self.now_ns, &mut self.heard);
        self.deliver();
        self.put(Input::Time);
    }

    fn quote(&mut self, bid: &str, ask: &str) {
        let symbol = self.symbol.clone();
        self.venue.quote(self.now_ns, &symbol, dec(bid), None, dec(ask), None, &mut self.heard).unwrap();
        self.deliver();
        self.put(Input::Mark { symbol, price: dec(bid), venue_time_ns: self.now_ns, ages: false });
    }

    fn intend(&mut self, action: Action, slot: u32, change: impl FnOnce(&mut Intent)) -> Outcome {
        self.intents += 1;
        let held = self.kernel.slot(slot).unwrap();
        let number = held.trade_number + u64::from(action == Action::Enter);
        let side = if action == Action::Enter { TradeSide::Long } else { held.side };
        let trade = id(&format!("T{slot}-{number}"));
        let name = id(&format!("I{}", self.intents));
        let mut intent = Intent::new(action, name, trade, slot, self.symbol.clone(), side);
        change(&mut intent);
        self.put(Input::Intent(Box::new(intent)))
    }

    fn enter(&mut self, slot: u32, size: &str) -> Outcome {
        self.intend(Action::Enter, slot, |intent| intent.target_size = Some(dec(size)))
    }

    fn rest(&mut self, slot: u32, size: &str, price: &str) -> Outcome {
        self.intend(Action::Enter, slot, |intent| {
            intent.target_size = Some(dec(size));
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec(price));
        })
    }

    fn k(&self, asset: &str) -> Money {
        let place = self.kernel.assets().iter().position(|state| state.name == id(asset)).unwrap();
        self.kernel.ledger().balance(place as u16, Account::Wallet)
    }

    /// K = E in this asset, and the kernel's own books hold what the venue's do.
    fn settle(&self, assets: &[&str], why: &str) {
        for asset in assets {
            assert_eq!(self.k(asset), self.venue.wallet_balance(&id(asset)).unwrap(), "{why}: {asset}");
        }
        let (size, _) = self.venue.position(&self.symbol).unwrap();
        let held: i128 = self.kernel.book(0).iter().map(|basis| basis.qty.0).sum();
        let rules = &self.kernel.instruments()[0];
        let scale = rules.qty_scale;
        if rules.spec.product == Product::Perp {
            assert_eq!(size.at_scale(scale), Ok(held), "{why}: position");
        }
    }
}

#[test]
fn entries_exits_and_cancels_leave_k_at_e() {
    let mut p = Pair::linear(SimConfig::default());
    p.quote("61800.0", "61800.1");
    assert!(p.enter(0, "0.010").accepted);
    assert!(p.rest(1, "0.020", "61790").accepted);
    p.quote("61789", "61790");
    assert!(p.rest(2, "0.030", "61700").accepted);
    p.settle(&["USDT"], "at work");
    assert!(p.intend(Action::Cancel, 2, |_| ()).accepted);
    for slot in [0, 1] {
        assert!(p.intend(Action::Exit, slot, |_| ()).accepted);
    }
    p.settle(&["USDT"], "at the end");
    assert_eq!(p.venue.position(&p.symbol).unwrap().0, Decimal::ZERO);
    assert!(p.kernel.slots().iter().all(|slot| slot.basis.qty.is_zero()));
    assert_eq!(p.venue.counters().fills, 4);
}

#[test]
fn funding_leaves_k_at_e() {
    for without_symbol in [false, true] {
        let config = SimConfig {
            funding_without_symbol: without_symbol,
            funding_delay_ns: 15 * SECOND,
            ..SimConfig::default()
        };
        let mut p = Pair::linear(config);
        p.quote("61800.0", "61800.1");
        let (now_ns, symbol) = (p.now_ns, p.symbol.clone());
        p.venue.set_funding(now_ns, &symbol, dec("0.0001"), 100 * SECOND, 100, &mut p.heard).unwrap();
        p.deliver();
        assert!(p.enter(0, "0.010").accepted);
        // To 520 s: the kernel predicts at 500 s what is paid at 515 s.
        for _ in 0..26 {
            p.pass(20 * SECOND);
        }
        assert_eq!(p.venue.counters().fundings, 5, "without symbol: {without_symbol}");
        p.settle(&["USDT"], "after funding");
    }
}

#[test]
fn a_fill_in_the_instant_of_a_boundary_is_funded_by_both_or_by_none() {
    // Bought before the boundary, in its instant but before the venue has charged it, in its instant and after.
    for (early_ns, passes) in [(SECOND, true), (0, false), (0, true)] {
        let mut p = Pair::linear(SimConfig::default());
        p.quote("61800.0", "61800.1");
        let (now_ns, symbol) = (p.now_ns, p.symbol.clone());
        p.venue.set_funding(now_ns, &symbol, dec("0.0001"), 100 * SECOND, 100, &mut p.heard).unwrap();
        p.deliver();
        if passes {
            p.pass(100 * SECOND - early_ns);
        } else {
            p.now_ns = 100 * SECOND;
        }
        assert!(p.enter(0, "0.010").accepted);
        p.pass(SECOND);
        p.settle(&["USDT"], &format!("{early_ns} ns early, passed: {passes}"));
        p.pass(100 * SECOND);
        p.settle(&["USDT"], "at the next boundary");
    }
}

#[test]
fn an_inverse_contract_leaves_k_at_e() {
    let mut spec = InstrumentSpec::linear(id("BTCUSD"), id("BTC"), id("USD"), dec("0.1"), dec("1"));
    (spec.inverse, spec.settle, spec.contract_multiplier) = (true, id("BTC"), dec("100"));
    let mut p = Pair::new(SimConfig::default(), &spec, &[("BTC", "10")]);
    let (mut dice, mut mid) = (Dice(5), 618_000_u64);
    for round in 0..60 {
        mid = mid + dice.below(4_001) - 2_000;
        let text = |ticks: u64| format!("{}.{}", ticks / 10, ticks % 10);
        p.quote(&text(mid), &text(mid + 1));
        let slot = round % 3;
        if p.kernel.slot(slot).unwrap().basis.qty.is_zero() {
            assert!(p.enter(slot, &(1 + dice.below(50)).to_string()).accepted);
        } else {
            assert!(p.intend(Action::Exit, slot, |_| ()).accepted);
        }
        p.settle(&["BTC"], "inverse");
    }
}

#[test]
fn spot_leaves_k_at_e_in_both_assets() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = Product::Spot;
    let mut p = Pair::new(SimConfig::default(), &spec, &[("USDT", "100000"), ("BTC", "1")]);
    p.quote("61800.0", "61800.1");
    for slot in 0..3 {
        assert!(p.enter(slot, "0.100").accepted);
        p.settle(&["USDT", "BTC"], "bought");
    }
    p.quote("61900.0", "61900.1");
    for slot in 0..3 {
        assert!(p.intend(Action::Exit, slot, |_| ()).accepted);
        p.settle(&["USDT", "BTC"], "sold");
    }
}

/// Random trading through a venue of this configuration, then its healing.
fn trade(config: SimConfig, rounds: u64) -> Pair {
    let seed = config.seed;
    let mut p = Pair::linear(config);
    let (mut dice, mut mid) = (Dice(seed ^ 77), 1_000_000_u64);
    for _ in 0..rounds {
        mid = mid + dice.below(401) - 200;
        let text = |ticks: u64| format!("{}.{}", ticks / 10, ticks % 10);
        p.quote(&text(mid), &text(mid + 1));
        let slot = dice.below(4) as u32;
        // A refusal is the kernel's good right here: what counts is what the books say in the end.
        let size = format!("0.{:03}", 2 + dice.below(20));
        let _outcome = match dice.below(8) {
            0 | 1 => p.enter(slot, &size),
            2 => p.rest(slot, &size, &text(mid - dice.below(100))),
            3 => p.intend(Action::Cancel, slot, |_| ()),
            4 => p.intend(Action::Exit, slot, |intent| {
                intent.order_type = OrderType::Limit;
                intent.limit_price = Some(dec(&text(mid + dice.below(100))));
            }),
            _ => p.intend(Action::Exit, slot, |_| ()),
        };
        p.pass((dice.below(2_000) * 1_000_000) as i64);
    }
    let now_ns = p.now_ns;
    p.venue.heal(now_ns, &mut p.heard);
    p.deliver();
    p.pass(60 * SECOND);
    p
}

/// One fault at a time, often: it fires, and after healing K = E and the positions agree.
fn survives(name: &str, change: impl Fn(&mut SimFaults)) {
    let mut fired = 0;
    for seed in 0..8 {
        let mut faults = SimFaults::default();
        change(&mut faults);
        let partial_fill_rate = dec("0.3");
        let p = trade(SimConfig { seed, faults, partial_fill_rate, ..SimConfig::default() }, 150);
        p.settle(&["USDT"], &format!("{name}, seed {seed}"));
        let counters: FaultCounters = p.venue.counters().faults;
        fired += counters.all().iter().find(|(fault, _)| *fault == name).unwrap().1;
    }
    assert!(fired > 0, "{name} never fired");
}

macro_rules! surviving {
    ($($(#[$mark:meta])* $test:ident: $name:ident = $rate:literal;)+) => {$(
        $(#[$mark])*
        #[test]
        fn $test() {
            survives(stringify!($name), |faults| faults.$name = $rate);
        }
    )+};
}

surviving! {
    lost_events: drop = 100_000;
    repeated_events: duplicate = 200_000;
    late_events: delay = 200_000;
    neighbours_out_of_order: reorder = 200_000;
    fills_before_their_acknowledgement: fill_before_ack = 300_000;
    answers_out_of_date: stale_status = 300_000;
    disconnections: disconnect = 50_000;
    silence: silence = 50_000;
    requests_without_an_answer: send_timeout = 100_000;
    requests_that_were_lost: lost_request = 100_000;
    rate_limits: rate_limit = 200_000;
    fills_after_a_cancel: late_fill = 500_000;
    cancels_that_were_none: false_cancel = 300_000;
    orders_that_expire_at_once: instant_expired = 200_000;
    reduce_only_kills: kill_reduce_only = 200_000;
    self_trade_kills: kill_self_trade = 200_000;
    overfills: overfill = 200_000;
    busts: bust = 200_000;
    corrections: correction = 200_000;
    fills_without_a_price: price_pending = 300_000;
    one_id_on_two_fills: one_id_on_two_fills = 300_000;
    liquidations: liquidation = 100_000;
    auto_deleveraging: adl = 200_000;
    trades_of_others: manual_trade = 200_000;
    fee_tiers: fee_tier_change = 200_000;
}

#[test]
fn clocks_that_are_off() {
    survives("clock_skew", |faults| faults.clock_skew_ns_max = 3 * SECOND);
}

#[test]
fn orders_that_are_not_found_yet() {
    survives("not_found", |faults| {
        faults.send_timeout = 200_000;
        faults.not_found_ns = SECOND / 2;
    });
}

/// Every fault by its name, but those that need a setting of their own.
const FAULTS: &[&str] = &[
    "drop",
    "duplicate",
    "delay",
    "reorder",
    "fill_before_ack",
    "stale_status",
    "disconnect",
    "silence",
    "send_timeout",
    "lost_request",
    "rate_limit",
    "late_fill",
    "false_cancel",
    "instant_expired",
    "kill_post_only",
    "kill_reduce_only",
    "kill_self_trade",
    "overfill",
    "bust",
    "correction",
    "price_pending",
    "one_id_on_two_fills",
    "liquidation",
    "adl",
    "manual_trade",
    "fee_tier_change",
];

/// A venue with several faults at once: which, and how often, the seed says.
fn swarm(seed: u64) -> SimFaults {
    let mut dice = Dice(seed ^ 0x5A5A);
    let mut faults = SimFaults::default();
    for name in FAULTS {
        if dice.below(3) == 0 {
            // Cancels are seldom here.
            let of_cancels = if matches!(*name, "late_fill" | "false_cancel") { 5 } else { 1 };
            *faults.rate_mut(name).unwrap() = of_cancels * (10_000 + dice.below(150_000) as u32);
        }
    }
    if faults.one_id_on_two_fills > 0 {
        // A settlement names no order: where one id means two fills, it must not come before the second of them.
        (faults.reorder, faults.delay, faults.drop) = (0, 0, 0);
    }
    if dice.below(3) == 0 {
        faults.clock_skew_ns_max = 3 * SECOND;
    }
    if dice.below(3) == 0 {
        faults.not_found_ns = SECOND / 2;
    }
    faults
}

/// Trades through one seed's venue until it is healed, and says what does not add up then.
fn swarmed(seed: u64) -> Result<Pair, String> {
    let config = SimConfig {
        seed,
        faults: swarm(seed),
        partial_fill_rate: dec("0.3"),
        fee_in_fill: seed.is_multiple_of(2),
        ..SimConfig::default()
    };
    std::panic::catch_unwind(|| {
        let p = trade(config, 150);
        p.settle(&["USDT"], "healed");
        for order in p.kernel.orders().iter() {
            assert_eq!(order.doubt, OrderDoubt::None, "{}", order.client_id);
            assert!(order.inferred.is_zero(), "{} waits for its fills", order.client_id);
        }
        p
    })
    .map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

#[test]
fn several_faults_at_once_leave_k_at_e() {
    let mut fired = std::collections::BTreeMap::new();
    let asked = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let from = asked("DITA_SWARM_FROM").unwrap_or(0);
    let seeds = from..from + asked("DITA_SWARM_SEEDS").unwrap_or(SWARM_SEEDS);
    let mut failed = Vec::new();
    for seed in seeds.clone() {
        match swarmed(seed) {
            Ok(p) => {
                for (name, count) in p.venue.counters().faults.all() {
                    *fired.entry(name).or_insert(0) += count;
                }
            }
            Err(why) => {
                let faults = swarm(seed);
                let mix: Vec<&str> = FAULTS
                    .iter()
                    .copied()
                    .filter(|name| *faults.clone().rate_mut(name).unwrap() > 0)
                    .collect();
                failed.push(format!("seed {seed}: {why} ({})", mix.join(", ")));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {seeds:?}:\n{}", failed.len(), failed.join("\n"));
    // Post-only orders are not among this test's moves.
    for name in FAULTS.iter().filter(|name| **name != "kill_post_only") {
        assert!(from > 0 || fired[name] > 0, "{name} never fired: {fired:?}");
    }
}
