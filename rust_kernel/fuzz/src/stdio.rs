//! Bytes as lines of the engine protocol: each is taken or refused, what is said is NDJSON, and the books stay sound.

use std::time::Duration;

use dita_engine::{Engine, EngineConfig, Port};
use dita_host::{Drain, Patience, State};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::invariant;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::Product;
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};
use dita_stdio::{Alone, Market, NoStrategies, Pace, Session, Settings, Synthetic};

const START_NS: i64 = 1_767_225_600_000_000_000;
/// The longest step of its clock is 2 to this power, ns: some 18 minutes. Every second has a quote, and its line is kept.
const STEP_POWER_MAX: u8 = 40;
/// So many lines of an entry are taken.
const LINES_MAX: usize = 200;

/// Plays the lines: the first byte says which market there is, and how fast time goes.
pub fn run(bytes: &[u8]) {
    let Some((choice, lines)) = bytes.split_first() else { return };
    let drain = kernel(choice & 1 == 0);
    let id = |text| Id::new(text).expect("it is short");
    let tick = Decimal::new(1, 2).expect("it is small");
    let market = match choice & 1 {
        0 => Market::None,
        _ => Market::Synthetic(Synthetic::new(&[(id("BTCUSDT"), tick)], START_NS)),
    };
    let settings = Settings {
        version: "fuzz".into(),
        owner: id("stdio"),
        slots: (0..4).collect(),
        pace: Pace::Step(1 << (choice >> 2).min(STEP_POWER_MAX)),
        start_ns: START_NS,
        market,
        drain: Duration::ZERO,
    };
    let mut session = Session::new(&drain, (), NoStrategies::default(), settings).expect("a session");
    for line in lines.split(|byte| *byte == b'\n').take(LINES_MAX) {
        session.obey(line).expect("no line ends a session");
    }
    session.finish_now().expect("it ends");
    check(session.written());
    let state = drain.settled().map_err(|_| "poisoned").expect("the kernel can be read");
    invariant::check(state.core.kernel()).expect("the books are sound");
}

/// Each line is one object, and nothing of what came in has left its quotes.
fn check(said: &[u8]) {
    let text = core::str::from_utf8(said).expect("events are UTF-8");
    assert!(text.ends_with("}\n"));
    for line in text.lines() {
        assert!(line.starts_with("{\"type\":\"") && line.ends_with('}'), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let (mut quoted, mut escaped, mut depth) = (false, false, 0_i32);
        for (at, byte) in line.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' | b'[' if !quoted => depth += 1,
                b'}' | b']' if !quoted => depth -= 1,
                _ => {}
            }
            assert!(depth > 0 || at + 1 == line.len(), "{line}");
        }
        assert!(!quoted && depth == 0, "{line}");
    }
}

fn kernel(without_market: bool) -> Drain<Alone> {
    let id = |text| Id::new(text).expect("it is short");
    let decimal = |mantissa, scale| Decimal::new(mantissa, scale).expect("it is small");
    let config =
        SimConfig { fill_delay_ns: 300_000_000, fill_without_market: without_market, ..SimConfig::default() };
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), decimal(1, 2), decimal(1, 5));
    spec.product = Product::Spot;
    let mut venue = SimVenue::new(config).expect("the settings are good");
    venue.add_instrument(&spec).expect("the instrument is good");
    venue.deposit(&id("USDT"), decimal(100_000, 0)).expect("it is an amount");
    let config = KernelConfig { max_slots: 4, ..KernelConfig::default() };
    let engine =
        Engine::new(EngineConfig { kernel: config, ..EngineConfig::default() }, Port::Sim(Box::new(venue)));
    let mut state = State::new(engine.expect("an engine"));
    state.tell(START_NS);
    let drain = Drain::new(state, Alone);
    let seed = Input::Seed { asset: id("USDT"), amount: decimal(100_000, 0) };
    for input in [Input::Instrument(Box::new(spec)), seed] {
        let given = drain.put((), input, None, Patience::Answer);
        assert!(given.is_ok_and(|given| given.answer.outcome.accepted));
    }
    drain
}
