//! A kernel on the simulated venue with a spot market or two, and a session on it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // each test file uses its part

use dita_engine::{Engine, EngineConfig, LogSettings, Port, SharedDisk};
use dita_host::{Drain, Patience, State};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::Product;
use dita_kernel::num::Decimal;
use dita_log::SyncPolicy;
use dita_sim::{SimConfig, SimVenue};
use dita_stdio::{Alone, Market, NoStrategies, Pace, Session, Settings, Synthetic};
use std::time::Duration;

/// 2026-01-01, ns.
pub const START_NS: i64 = 1_767_225_600_000_000_000;
pub const MILLI: i64 = 1_000_000;

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// What differs between desks.
pub struct Wanted {
    pub slots: u32,
    pub step_ns: i64,
    pub market: bool,
    pub perpetual: bool,
    pub delay_ns: i64,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { slots: 16, step_ns: MILLI, market: false, perpetual: false, delay_ns: 300 * MILLI }
    }
}

pub fn spec(symbol: &str, base: &str, perpetual: bool) -> InstrumentSpec {
    let mut spec = InstrumentSpec::linear(id(symbol), id(base), id("USDT"), dec("0.01"), dec("0.00001"));
    if !perpetual {
        spec.product = Product::Spot;
    }
    (spec.maker_rate, spec.taker_rate) = (Decimal::ZERO, Decimal::ZERO);
    spec
}

/// BTCUSDT and ETHUSDT, and 100,000 USDT.
pub fn kernel(wanted: &Wanted) -> Drain<Alone> {
    kernel_on(wanted, None)
}

/// The same on a log: a new one, or the one that is there.
pub fn kernel_on(wanted: &Wanted, disk: Option<SharedDisk>) -> Drain<Alone> {
    let is_new = disk.as_ref().is_none_or(|disk| disk.list().unwrap().is_empty());
    let config = SimConfig {
        fill_delay_ns: wanted.delay_ns,
        fill_without_market: !wanted.market,
        ..SimConfig::default()
    };
    let mut venue = SimVenue::new(config).unwrap();
    let specs = [spec("BTCUSDT", "BTC", wanted.perpetual), spec("ETHUSDT", "ETH", wanted.perpetual)];
    if is_new {
        for spec in &specs {
            venue.add_instrument(spec).unwrap();
        }
        venue.deposit(&id("USDT"), dec("100000")).unwrap();
    }
    let kernel = KernelConfig { max_slots: wanted.slots, ..KernelConfig::default() };
    let (config, port) = (EngineConfig { kernel, ..EngineConfig::default() }, Port::Sim(Box::new(venue)));
    // Nothing syncs but what the session asks for.
    let settings = LogSettings { policy: SyncPolicy::Off, ..LogSettings::default() };
    let engine = match disk {
        None => Engine::new(config, port).unwrap(),
        Some(disk) => Engine::recover(config, port, disk, &settings, &mut |_| {}).unwrap().0,
    };
    let mut state = State::new(engine);
    state.tell(START_NS);
    let drain = Drain::new(state, Alone);
    if !is_new {
        drain.resume(()).map_err(|error| format!("{error:?}")).unwrap();
        return drain;
    }
    for spec in specs {
        put(&drain, Input::Instrument(Box::new(spec)));
    }
    put(&drain, Input::Seed { asset: id("USDT"), amount: dec("100000") });
    drain
}

fn put(drain: &Drain<Alone>, input: Input) {
    let given = drain.put((), input, None, Patience::Answer).map_err(|error| format!("{error:?}")).unwrap();
    assert!(given.answer.outcome.accepted, "{:?}", given.answer.outcome);
}

pub type Desk<'a> = Session<'a, Alone, NoStrategies<dita_stdio::Interrupted>>;

pub fn session<'a>(drain: &'a Drain<Alone>, wanted: &Wanted) -> Desk<'a> {
    let listed = [(id("BTCUSDT"), dec("0.01")), (id("ETHUSDT"), dec("0.01"))];
    let market =
        if wanted.market { Market::Synthetic(Synthetic::new(&listed, START_NS)) } else { Market::None };
    let settings = Settings {
        version: "test".into(),
        owner: id("stdio"),
        slots: (0..wanted.slots).collect(),
        pace: Pace::Step(wanted.step_ns),
        start_ns: START_NS,
        market,
        drain: Duration::from_secs(1),
    };
    Session::new(drain, (), NoStrategies::default(), settings).unwrap()
}

/// All that a session says to these lines, and how it ends.
pub fn played(wanted: &Wanted, lines: &str) -> Vec<String> {
    let drain = kernel(wanted);
    let mut session = session(&drain, wanted);
    for line in lines.lines() {
        session.obey(line.as_bytes()).unwrap();
    }
    session.finish_now().unwrap();
    let text = String::from_utf8(session.written().clone()).unwrap();
    let state = drain.settled().map_err(|error| format!("{error:?}")).unwrap();
    dita_kernel::invariant::check(state.core.kernel()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Those of some kinds.
pub fn only(lines: &[String], kinds: &[&str]) -> Vec<String> {
    let is = |line: &&String| kinds.iter().any(|kind| line.starts_with(&format!("{{\"type\":\"{kind}\"")));
    lines.iter().filter(is).cloned().collect()
}

/// A field of a line of JSON as it is written.
pub fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let from = line.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {line}"));
    let rest = &line[from + name.len() + 3..];
    if let Some(text) = rest.strip_prefix('"') {
        return &text[..text.find('"').unwrap()];
    }
    &rest[..rest.find([',', '}', ']']).unwrap()]
}
