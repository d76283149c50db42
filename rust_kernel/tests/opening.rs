//! The opening state of a live account, and what the venue says of positions afterwards.

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::input::{ControlChange, Input, InstrumentSpec, OpeningOrder, OpeningPosition, OpeningState};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, KernelMode, OrderSide, Origin,
    PositionSide, Product, Severity,
};
use dita_kernel::outcome::Outcome;

pub(crate) const OPENED: i64 = 1_000_000;

/// A configured kernel that was not seeded.
fn unopened(hedge_mode: bool) -> Desk {
    let config = KernelConfig { max_slots: 3, remembered_orders: 8, hedge_mode, ..KernelConfig::default() };
    let mut desk = Desk::unseeded(config);
    let mut spot = InstrumentSpec::linear(id("SPOT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    spot.product = Product::Spot;
    desk.put(Input::Instrument(Box::new(spot)));
    desk.now = OPENED;
    desk
}

fn order(venue_id: &str, client_id: &str) -> OpeningOrder {
    OpeningOrder { filled_size: dec("1"), ..opening_order(venue_id, client_id) }
}

fn position(size: &str) -> OpeningPosition {
    OpeningPosition {
        symbol: id("BTCUSDT"),
        position_side: PositionSide::Both,
        size: dec(size),
        entry_price: dec("99.95"),
    }
}

/// 1,000 USDT and 2 BTC, 1 BTCUSDT long, and an order at work that has filled 1 of 3.
fn state() -> OpeningState {
    OpeningState {
        timestamp_ns: OPENED,
        balances: vec![(id("USDT"), dec("1000.5")), (id("BTC"), dec("2"))],
        positions: vec![position("1")],
        orders: vec![order("V7", "web-7")],
        fill_cursor: id("fills-99"),
        income_cursor: id("income-44"),
    }
}

fn open(desk: &mut Desk, state: OpeningState) -> Outcome {
    desk.put(Input::Opening(Box::new(state)))
}

pub(crate) fn opened() -> Desk {
    let mut desk = unopened(false);
    assert_eq!(open(&mut desk, state()).code, Code::Ok);
    desk
}

#[test]
fn an_opening_state_is_taken_as_one() {
    let desk = opened();
    assert_eq!((desk.k(), desk.balance_of("BTC", Account::Wallet)), ("1000.5".into(), "2".into()));
    assert_eq!(desk.balance(Account::Capital), "-1000.5");
    let usdt = &desk.kernel.assets()[0].exchange;
    assert_eq!(usdt.wallet_balance.map(|balance| balance.to_string()).as_deref(), Some("1000.5"));
    assert_eq!(desk.book(), ("1.000".into(), "1.000".into()), "nobody's until a slot takes it over");
    assert_eq!(desk.kernel.unassigned_parts(0)[0].part(Origin::Opening).0, 1_000);
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "99.95");
    assert_eq!(desk.kernel.exposure().position(0).to_string(), "100");
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "180", "2 of the order may still fill at 90");
    let cursors = desk.kernel.opening().expect("an opening");
    assert_eq!((cursors.fill_cursor.as_str(), cursors.income_cursor.as_str()), ("fills-99", "income-44"));
    desk.assert_replays();
}

#[test]
fn only_an_opening_state_opens_a_live_account() {
    let live = ControlChange { mode: Some(KernelMode::Live), ..ControlChange::default() };
    let mut seeded = Desk::new();
    seeded.control(live.clone());
    assert_eq!(seeded.enter(0, "1").code, Code::NotOpened);
    seeded.control(ControlChange { mode: Some(KernelMode::Paper), ..ControlChange::default() });
    assert_eq!(seeded.enter(0, "1").code, Code::Ok, "on paper a seed will do");
    let mut desk = opened();
    desk.control(live);
    assert_eq!(desk.enter(0, "1").code, Code::Ok);
}

#[test]
fn it_comes_first_and_once() {
    // On paper a stranger's fill may come before either: its position is booked, and no money.
    let mut filled = unopened(false);
    let outcome = filled.event(Kind::PartialFill, &id("stranger"), |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
        (event.venue_trade_id, event.fee) = (id("T1"), Some(dec("0")));
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
    });
    assert_eq!((outcome.accepted, filled.book().0.as_str()), (true, "1.000"));
    for mut desk in [opened(), Desk::new(), filled] {
        let outcome = open(&mut desk, state());
        assert_eq!(outcome.code, Code::InvalidIntent);
        assert!(format!("{:?}", outcome.detail).contains("\"opening\""));
    }
}

#[test]
#[rustfmt::skip]
fn an_order_at_work_holds_its_exposure_until_it_ends() {
    // By the venue's id or the stranger's own, whatever the news.
    for (kind, by_client_id, reserved, what) in [
        (Kind::CancelAck, false, "0",  "canceled"),
        (Kind::CancelAck, true,  "0",  "canceled, told by the client id"),
        (Kind::Expired,   false, "0",  "expired"),
        (Kind::FullFill,  false, "90", "one more filled"),
    ] {
        let mut desk = opened();
        let client = if by_client_id { id("web-7") } else { id("") };
        let outcome = desk.event(kind, &client, |event| {
            event.venue_order_id = if by_client_id { id("") } else { id("V7") };
            if kind == Kind::FullFill {
                event.venue_trade_id = id("T1");
                event.size = Some(dec("1"));
                event.price = Some(dec("90"));
            }
        });
        assert!(outcome.accepted, "{what}: {outcome:?}");
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), reserved, "{what}");
        let book = if kind == Kind::FullFill { "2.000" } else { "1.000" };
        assert_eq!(desk.book(), (book.into(), book.into()), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_reduce_only_order_holds_nothing() {
    let mut desk = unopened(false);
    let mut state = state();
    state.orders[0].reduce_only = true;
    assert!(open(&mut desk, state).accepted);
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "0");
}

#[test]
#[rustfmt::skip]
fn what_the_opening_contains_is_not_booked_again() {
    for (time, booked, what) in [
        (OPENED - 5, false, "before it"),
        (OPENED,     false, "at its time"),
        (OPENED + 1, true,  "after it"),
        (0,          true,  "without a time nothing can be told"),
    ] {
        let mut desk = opened();
        for order in ["V7", "nobody"] {
            desk.event(Kind::PartialFill, &id(""), |event| {
                event.timestamp_ns = time;
                event.asset = id("BTCUSDT");
                event.venue_order_id = id(order);
                event.order_side = Some(OrderSide::Buy);
                event.venue_trade_id = id(&format!("T-{order}"));
                event.size = Some(dec("1"));
                event.price = Some(dec("90"));
                event.fee = Some(dec("0"));
            });
        }
        let outcome = desk.account(AccountEventKind::Transfer, |event| {
            event.timestamp_ns = time;
            event.amount = Some(dec("50"));
            event.venue_txn_id = id("X1");
        });
        let (book, k) = if booked { ("3.000", "1050.5") } else { ("1.000", "1000.5") };
        assert_eq!((desk.book().0.as_str(), desk.k().as_str()), (book, k), "{what}");
        assert_eq!(outcome.code, if booked { Code::Ok } else { Code::DuplicateEvent }, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_inverse_position_opens_at_its_coin_cost() {
    let mut spec = InstrumentSpec::linear(id("COIN"), id("BTC"), id("USD"), dec("0.1"), dec("1"));
    (spec.inverse, spec.settle, spec.contract_multiplier) = (true, id("BTC"), dec("100"));
    let mut desk = unopened(false);
    desk.put(Input::Instrument(Box::new(spec)));
    let mut state = state();
    state.positions[0] = OpeningPosition {
        symbol: id("COIN"),
        position_side: PositionSide::Both,
        size: dec("-100"),
        entry_price: dec("10000"),
    };
    assert!(open(&mut desk, state).accepted);
    let coin = desk.kernel.instrument_of(&id("COIN")).expect("configured");
    assert_eq!(desk.kernel.book(coin)[0].cost.to_string(), "1", "a short is long of coin");
}

#[test]
#[rustfmt::skip]
fn a_contradiction_is_refused_with_its_field() {
    type Change = fn(&mut OpeningState);
    for (hedge, change, field) in [
        (false, (|s| s.balances.push((id("USDT"), dec("1")))) as Change,              "asset"),
        (false, (|s| s.balances[0].0 = id("")) as Change,                             "asset"),
        (false, (|s| s.balances[0].1 = dec("1e-19")) as Change,                       "wallet_balance"),
        (false, (|s| s.positions.push(position("2"))) as Change,                      "symbol"),
        (false, (|s| s.positions[0].symbol = id("NONE")) as Change,                   "symbol"),
        (false, (|s| s.positions[0].symbol = id("SPOT")) as Change,                   "symbol"),
        (false, (|s| s.positions[0].entry_price = dec("0")) as Change,                "entry_price"),
        (false, (|s| s.positions[0].size = dec("0.0001")) as Change,                  "size"),
        (false, (|s| s.positions[0].position_side = PositionSide::Long) as Change,    "position_side"),
        (true,  (|_| {}) as Change,                                                   "position_side"),
        (true,  (|s| { s.positions[0].position_side = PositionSide::Short; }) as Change, "size"),
        (true,  (|s| { s.positions[0] = position("-1"); s.positions[0].position_side = PositionSide::Long; }) as Change, "size"),
        (false, (|s| s.orders.push(order("V7", "web-8"))) as Change,                  "venue_order_id"),
        (false, (|s| s.orders.push(order("V8", "web-7"))) as Change,                  "venue_client_id"),
        (false, (|s| s.orders[0] = order("", "")) as Change,                          "venue_order_id"),
        (false, (|s| s.orders[0].symbol = id("NONE")) as Change,                      "symbol"),
        (false, (|s| s.orders[0].size = dec("0")) as Change,                          "size"),
        (false, (|s| s.orders[0].size = dec("0.0001")) as Change,                     "size"),
        (false, (|s| s.orders[0].filled_size = dec("4")) as Change,                   "filled_size"),
        (false, (|s| s.orders[0].filled_size = dec("-1")) as Change,                  "filled_size"),
        (false, (|s| s.orders[0].price = Some(dec("0"))) as Change,                   "price"),
    ] {
        let mut desk = unopened(hedge);
        let mut wanted = state();
        change(&mut wanted);
        let outcome = open(&mut desk, wanted);
        assert_eq!(outcome.code, Code::InvalidIntent, "{field}");
        assert!(format!("{:?}", outcome.detail).contains(&format!("field: {field:?}")), "{field}: {:?}", outcome.detail);
        assert!(!desk.kernel.is_opened());
    }
}

#[test]
fn a_fill_of_our_own_is_after_the_opening_whatever_its_clock_says() {
    let mut desk = opened();
    assert!(desk.enter(0, "1").accepted);
    let entry = desk.submitted();
    let outcome = desk.event(Kind::PartialFill, &entry, |event| {
        event.timestamp_ns = OPENED - 5;
        event.venue_trade_id = id("T1");
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
    });
    assert_eq!((outcome.code, desk.size(0).as_str(), desk.book().0.as_str()), (Code::Ok, "1.000", "2.000"));
}

// ---------------------------------------------------------------------------------------- position reports

#[test]
#[rustfmt::skip]
fn a_reported_position_is_held_against_the_book() {
    for (size, time, code, kept, what) in [
        ("1",    OPENED + 9, Code::Ok,                "1.000",  "as the book has it"),
        ("1.5",  OPENED + 9, Code::ReconcileRequired, "1.500",  "another: nothing is healed"),
        ("-1",   OPENED + 9, Code::ReconcileRequired, "-1.000", "the other side"),
        ("1.5",  OPENED - 9, Code::StaleEvent,        "1.000",  "older than what is known"),
        ("1e-9", OPENED + 9, Code::Precision,         "1.000",  "not the instrument's"),
    ] {
        let mut desk = opened();
        let outcome = desk.account(AccountEventKind::PositionUpdate, |event| {
            event.timestamp_ns = time;
            event.size = Some(dec(size));
            event.entry_price = Some(dec("99.95"));
        });
        assert_eq!(outcome.code, code, "{what}");
        if code == Code::ReconcileRequired {
            assert_eq!((outcome.accepted, outcome.severity), (true, Severity::Warning), "{what}");
        }
        let reported = desk.kernel.reported(0)[0].expect("a report");
        assert_eq!(desk.kernel.instruments()[0].qty_decimal(reported.qty).to_string(), kept, "{what}");
        assert_eq!(desk.book().0, "1.000", "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_older_wallet_frame_does_not_replace_a_newer_one() {
    let mut desk = opened();
    for (time, balance, code) in [(OPENED + 9, "990", Code::Ok), (OPENED + 8, "995", Code::StaleEvent)] {
        let outcome = desk.account(AccountEventKind::AccountUpdate, |event| {
            event.timestamp_ns = time;
            event.wallet_balance = Some(dec(balance));
        });
        assert_eq!(outcome.code, code);
    }
    let balance = desk.kernel.assets()[0].exchange.wallet_balance;
    assert_eq!(balance.map(|balance| balance.to_string()).as_deref(), Some("990"));
}
