//! What an account begins with, at its edges: instruments set again, seeds, opening states, as many assets as there may
//! be. Each edge was moved once without another test noticing (mutation testing).

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::input::{
    EffectResult, Input, InstrumentSpec, OpeningOrder, OpeningPosition, OpeningState, Stamp,
};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, PositionSide, Product,
};

const SKEW: i64 = 5_000_000_000;
const ASSETS_MAX: usize = 1_024;

fn perp() -> InstrumentSpec {
    InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"))
}

fn set(desk: &mut Desk, spec: InstrumentSpec) -> Code {
    desk.put(Input::Instrument(Box::new(spec))).code
}

/// Seeds assets until there are so many: without the desk's checks after each, which a thousand make slow.
fn seed_up_to(desk: &mut Desk, count: usize) {
    let mut effects = dita_kernel::effect::Effects::default();
    for number in desk.kernel.assets().len()..count {
        desk.now += 1;
        let seed = Input::Seed { asset: id(&format!("A{number}")), amount: dec("1") };
        assert!(desk.kernel.step(Stamp(desk.now), &seed, &mut effects).accepted);
    }
}

fn seed(desk: &mut Desk, asset: &str, amount: &str) -> Code {
    desk.put(Input::Seed { asset: id(asset), amount: dec(amount) }).code
}

#[test]
fn an_instrument_keeps_what_its_numbers_mean() {
    type Change = fn(&mut InstrumentSpec);
    let changes: [(&str, Change, bool); 11] = [
        ("its multiplier's digits", |spec| spec.contract_multiplier = dec("0.1"), false),
        (
            "its lot and its multiplier's digits",
            |spec| (spec.lot_step, spec.contract_multiplier) = (dec("0.01"), dec("0.1")),
            false,
        ),
        ("nothing", |_| {}, true),
        ("its fee", |spec| spec.taker_rate = dec("0.0007"), true),
        ("its base", |spec| spec.base = id("XBT"), true),
        ("its lot", |spec| spec.lot_step = dec("0.0001"), false),
        ("its tick", |spec| spec.tick_size = dec("0.5"), true),
        ("its multiplier", |spec| spec.contract_multiplier = dec("2"), false),
        ("its settlement asset", |spec| spec.settle = id("USDC"), false),
        ("its product", |spec| spec.product = Product::Spot, false),
        ("what it is worth", |spec| (spec.inverse, spec.settle) = (true, id("BTC")), false),
    ];
    for (what, change, passes) in changes {
        for traded in [false, true] {
            let mut desk = Desk::new();
            if traded {
                desk.open(0, "1", "100");
            }
            let mut spec = perp();
            change(&mut spec);
            assert_eq!(set(&mut desk, spec) == Code::Ok, passes, "{what}, traded: {traded}");
        }
    }
    for (base, passes) in [("BTC", true), ("XBT", false)] {
        let mut spec = perp();
        spec.product = Product::Spot;
        let mut desk = Desk::over(spec.clone(), &[("USDT", "1000")], "100");
        spec.base = id(base);
        assert_eq!(set(&mut desk, spec) == Code::Ok, passes, "of spot the base is what is held");
    }
}

#[test]
fn there_is_room_for_as_many_assets_and_no_more() {
    // The desk has one. An instrument brings three: what it settles in, its base, and what fees are paid in.
    for (more, code) in [(ASSETS_MAX - 4, Code::Ok), (ASSETS_MAX - 3, Code::InvalidIntent)] {
        let mut desk = Desk::new();
        seed_up_to(&mut desk, more + 1);
        let mut spec = InstrumentSpec::linear(id("XY"), id("X"), id("Y"), dec("0.1"), dec("0.001"));
        spec.fee_asset = id("Z");
        let answer = set(&mut desk, spec);
        assert_eq!(
            answer == Code::Ok,
            code == Code::Ok,
            "{answer}: beside {} others",
            desk.kernel.assets().len()
        );
    }
    let mut desk = Desk::new();
    seed_up_to(&mut desk, ASSETS_MAX);
    assert_ne!(seed(&mut desk, "one too many", "1"), Code::Ok);
    let mut known = perp();
    (known.symbol, known.base) = (id("OTHER"), id("A7"));
    assert_eq!(set(&mut desk, known), Code::Ok, "it brings no asset of its own");
    assert!(desk.open(0, "1", "100") != id(""));
    let exit = {
        desk.exit(0);
        desk.submitted()
    };
    let fill = |desk: &mut Desk, asset: &str| {
        desk.event(Kind::PartialFill, &exit, |event| {
            (event.size, event.price) = (Some(dec("0.5")), Some(dec("100")));
            event.venue_trade_id = id(&format!("T-{asset}"));
            (event.fee, event.fee_asset) = (Some(dec("0.1")), id(asset));
        })
    };
    assert!(!fill(&mut desk, "NEW").accepted, "its fee's asset has no room");
    assert!(fill(&mut desk, "A7").accepted);
    let settled = |desk: &mut Desk, asset: &str| {
        desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id("T-A7");
            (event.fee, event.fee_asset) = (Some(dec("0.1")), id(asset));
        })
    };
    assert!(!settled(&mut desk, "NEW").accepted, "there is no room for a settled fee's asset either");
    assert!(settled(&mut desk, "USDT").accepted);
}

#[test]
fn a_seed_says_what_was_brought_in_and_a_leverage_is_above_zero() {
    let mut desk = Desk::new();
    for amount in ["1500", "700", "700"] {
        assert_eq!(seed(&mut desk, "USDT", amount), Code::Ok);
        assert_eq!(desk.k(), amount);
    }
    for (leverage, code) in [("0", Code::InvalidIntent), ("3", Code::Ok)] {
        let result = EffectResult::LeverageSet { symbol: id("BTCUSDT"), leverage: dec(leverage) };
        let outcome = desk.put(Input::Effect(result));
        assert_eq!(outcome.accepted, code == Code::Ok, "{leverage}: {outcome:?}");
    }
}

// ------------------------------------------------------------------------------------------------ opening states

fn unopened(hedge_mode: bool) -> Desk {
    let config = KernelConfig { max_slots: 3, remembered_orders: 8, hedge_mode, ..KernelConfig::default() };
    let mut desk = Desk::unseeded(config);
    desk.now = 1_000;
    desk
}

fn state(timestamp_ns: i64) -> OpeningState {
    OpeningState {
        timestamp_ns,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: Vec::new(),
        orders: Vec::new(),
        fill_cursor: id(""),
        income_cursor: id(""),
    }
}

fn position(side: PositionSide, size: &str) -> OpeningPosition {
    OpeningPosition { symbol: id("BTCUSDT"), position_side: side, size: dec(size), entry_price: dec("90") }
}

fn order(venue_id: &str, client_id: &str, filled: &str) -> OpeningOrder {
    OpeningOrder { filled_size: dec(filled), ..opening_order(venue_id, client_id) }
}

fn opens(desk: &mut Desk, state: OpeningState) -> bool {
    desk.put(Input::Opening(Box::new(state))).accepted
}

#[test]
fn an_opening_state_comes_first_and_from_no_further_ahead_than_clocks_differ() {
    for (ahead, passes) in [(0, true), (SKEW, true), (SKEW + 1, false)] {
        let mut desk = unopened(false);
        let now = desk.now + 1;
        assert_eq!(opens(&mut desk, state(now + ahead)), passes, "{ahead} ns ahead");
    }
    // Once, even if it told of nothing.
    let mut desk = unopened(false);
    let empty = OpeningState { balances: Vec::new(), ..state(0) };
    assert!(opens(&mut desk, empty));
    assert!(!opens(&mut desk, state(0)));
    // Not after a booking, though nothing was opened.
    let mut desk = unopened(false);
    desk.account(AccountEventKind::Transfer, |event| {
        (event.amount, event.venue_txn_id) = (Some(dec("5")), id("X1"));
    });
    assert!(!desk.kernel.is_opened() && desk.kernel.ledger().booked() > 0);
    assert!(!opens(&mut desk, state(0)));
}

#[test]
fn an_opening_state_may_fill_all_the_room_there_is() {
    for (count, passes) in [(ASSETS_MAX, true), (ASSETS_MAX + 1, false)] {
        let mut desk = unopened(false);
        let known = desk.kernel.assets().len();
        let mut state = state(0);
        let others = (0..count - known).map(|number| (id(&format!("A{number}")), dec("1")));
        state.balances.extend(others);
        assert_eq!(opens(&mut desk, state), passes, "{count}");
    }
}

#[test]
fn positions_lie_in_their_books_and_orders_have_a_name() {
    use PositionSide::{Long, Short};
    for (side, size, passes) in
        [(Long, "1", true), (Long, "-1", false), (Short, "-1", true), (Short, "1", false), (Long, "0", true)]
    {
        let mut desk = unopened(true);
        let positions = vec![position(side, size)];
        assert_eq!(opens(&mut desk, OpeningState { positions, ..state(0) }), passes, "{side} {size}");
    }
    for (venue_id, client_id, filled, passes) in [
        ("V1", "C1", "1", true),
        ("V1", "", "1", true),
        ("", "C1", "1", true),
        ("", "", "1", false),
        ("V1", "", "0", true),
        ("V1", "", "2.999", true),
        ("V1", "", "3", false),
        ("V1", "", "-1", false),
    ] {
        let mut desk = unopened(false);
        let orders = vec![order(venue_id, client_id, filled)];
        let passed = opens(&mut desk, OpeningState { orders, ..state(0) });
        assert_eq!(passed, passes, "{venue_id:?} {client_id:?} {filled}");
    }
}

#[test]
fn a_position_of_an_instrument_without_a_mark_is_worth_what_it_cost() {
    let mut desk = unopened(false);
    let eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    assert_eq!(set(&mut desk, eth), Code::Ok);
    let mut held = position(PositionSide::Both, "2");
    held.symbol = id("ETHUSDT");
    assert!(opens(&mut desk, OpeningState { positions: vec![held], ..state(0) }));
    let place = desk.kernel.instrument_of(&id("ETHUSDT")).expect("an instrument");
    assert_eq!(desk.kernel.exposure().position(place).to_string(), "180", "2 at 90");
    assert_eq!(desk.kernel.unrealized(place, &desk.kernel.book(place)[0]).to_string(), "0");
}
