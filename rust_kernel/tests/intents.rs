//! What an intent is refused for: the code, the field, and nothing changed (the desk checks the state's hash).

use crate::common::{Desk, dec, id};
use dita_kernel::input::{ControlChange, Intent, RiskLimits};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    ControlGate, KernelCommandType as Action, KernelDiagnosticCode as Code, OrderType, TimeInForce, TradeSide,
};
use dita_kernel::outcome::{Detail, Outcome};

fn field(outcome: &Outcome) -> &str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        Detail::Limit { limit, .. } => limit,
        Detail::None
        | Detail::Order(_)
        | Detail::HeldBy { .. }
        | Detail::HeldBySlot { .. }
        | Detail::HeldByOwner { .. }
        | Detail::Budget(_)
        | Detail::BotLimit(_)
        | Detail::Carries { .. }
        | Detail::NotAtWork { .. }
        | Detail::Choose(_)
        | Detail::Gated(_)
        | Detail::Retry { .. }
        | Detail::Venue { .. }
        | Detail::Unarmed(_)
        | Detail::First { .. } => "",
    }
}

type Change = fn(&mut Intent);

#[test]
#[rustfmt::skip]
fn a_bad_entry_is_refused_by_the_name_of_its_field() {
    let cases: &[(&str, Code, &str, Change)] = &[
        ("no slot",             Code::InvalidSlotId, "slot_id",          |i| i.slot_id = 3),
        ("no intent id",        Code::InvalidIntent, "intent_id",        |i| i.intent_id = id("")),
        ("no trade id",         Code::InvalidIntent, "trade_id",         |i| i.trade_id = id("")),
        ("no side",             Code::InvalidIntent, "side",             |i| i.side = TradeSide::Flat),
        ("unknown asset",       Code::InvalidIntent, "asset",            |i| i.asset = id("DOGEUSDT")),
        ("no size",             Code::InvalidIntent, "target_size",      |i| i.target_size = None),
        ("negative size",       Code::InvalidIntent, "target_size",      |i| i.target_size = Some(dec("-1"))),
        ("zero size",           Code::InvalidIntent, "target_size",      |i| i.target_size = Some(dec("0"))),
        ("under a lot",         Code::BelowFloor,    "target_size",      |i| i.target_size = Some(dec("0.0009"))),
        ("size beyond bounds",  Code::Precision,     "target_size",      |i| i.target_size = Some(dec("1e16"))),
        ("value beyond bounds", Code::Precision,     "target_size",      |i| i.target_size = Some(dec("1e14"))),
        ("limit without price", Code::InvalidIntent, "limit_price",      |i| i.order_type = OrderType::Limit),
        ("zero limit",          Code::InvalidIntent, "limit_price",      |i| { i.order_type = OrderType::Limit; i.limit_price = Some(dec("0")); }),
        ("limit under a tick",  Code::BelowFloor,    "limit_price",      |i| { i.order_type = OrderType::Limit; i.limit_price = Some(dec("0.05")); }),
        ("price on a market",   Code::InvalidIntent, "limit_price",      |i| i.limit_price = Some(dec("100"))),
        ("post-only market",    Code::InvalidIntent, "post_only",        |i| i.post_only = true),
        ("reduce-only entry",   Code::InvalidIntent, "reduce_only",      |i| i.reduce_only = true),
        ("zero reference",      Code::InvalidIntent, "reference_price",  |i| i.reference_price = Some(dec("0"))),
        ("GTD without time",    Code::InvalidIntent, "expire_time",      |i| i.time_in_force = TimeInForce::Gtd),
        ("ratios under 1",      Code::InvalidIntent, "exit_leg_ratios",  |i| i.exit_leg_ratios = vec![dec("0.5"), dec("0.4")]),
        ("ratios over 1",       Code::InvalidIntent, "exit_leg_ratios",  |i| i.exit_leg_ratios = vec![dec("0.5"), dec("0.6")]),
        ("a negative ratio",    Code::InvalidIntent, "exit_leg_ratios",  |i| i.exit_leg_ratios = vec![dec("1.5"), dec("-0.5")]),
        ("32 legs",             Code::InvalidIntent, "exit_leg_ratios",  |i| i.exit_leg_ratios = vec![dec("0.03125"); 32]),
        ("zero leverage",       Code::InvalidIntent, "leverage",         |i| i.leverage = Some(dec("0"))),
        ("a long owner",        Code::InvalidIntent, "owner",            |i| i.owner = id(&"x".repeat(32))),
        ("long metadata",       Code::InvalidIntent, "metadata",         |i| i.metadata = "x".repeat(4097).into()),
        ("a stop",              Code::InvalidIntent, "trigger_price", |i| i.order_type = OrderType::StopMarket),
    ];
    for (what, code, name, change) in cases {
        let mut desk = Desk::new();
        let outcome = desk.intent(Action::Enter, 0, |intent| {
            intent.target_size = Some(dec("1"));
            change(intent);
        });
        assert_eq!((outcome.accepted, outcome.code, field(&outcome)), (false, *code, *name), "{what}");
        assert_eq!(desk.kernel.slot(0).unwrap().trade_number, 0, "{what}");
    }
}

#[test]
fn a_slot_refuses_what_its_stage_does_not_allow() {
    let mut desk = Desk::new();
    assert_eq!(desk.exit(0).code, Code::NoPosition);
    assert_eq!(desk.cancel(0).code, Code::NoActiveOrder);
    desk.enter(0, "1");
    assert_eq!(desk.enter(0, "1").code, Code::SlotBusy);
    assert_eq!(desk.exit(0).code, Code::NoPosition);
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert_eq!(desk.enter(0, "1").code, Code::SlotBusy);
    assert_eq!(desk.cancel(0).code, Code::NoActiveOrder);
    assert_eq!(desk.exit_size(0, "-1").code, Code::InvalidIntent);
    desk.exit(0);
    assert_eq!(desk.exit(0).code, Code::SlotBusy);
}

#[test]
fn an_exit_never_exceeds_the_position() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert!(desk.exit_size(0, "5").accepted);
    let exit = desk.submitted();
    let place = desk.kernel.orders().by_client_id(&exit).unwrap();
    assert_eq!(desk.kernel.orders().at(place).qty, desk.kernel.slot(0).unwrap().size());
    assert!(desk.kernel.orders().at(place).reduce_only);
}

#[test]
fn one_way_accounts_refuse_the_other_side_and_hedge_accounts_do_not() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert_eq!(desk.enter_side(1, TradeSide::Short, "1").code, Code::OppositeSide);
    let config = KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() };
    let mut desk = Desk::with(config);
    desk.open(0, "1", "100");
    assert!(desk.enter_side(1, TradeSide::Short, "1").accepted);
    let short = desk.submitted();
    desk.fill(&short, "TS", "1", "101");
    let book = desk.kernel.book(0);
    assert_eq!((book[0].qty.0, book[1].qty.0, book[2].qty.0), (0, 1000, -1000));
    desk.assert_replays();
}

#[test]
fn a_trade_lives_in_one_slot() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let outcome = desk.intent(Action::Enter, 1, |intent| {
        intent.target_size = Some(dec("1"));
        intent.trade_id = id("trade-0-1");
    });
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "trade_id"));
    let outcome = desk.intent(Action::Cancel, 0, |intent| intent.trade_id = id("another"));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "trade_id"));
}

#[test]
fn an_accepted_intent_seen_again_does_nothing_and_gives_the_first_outcome() {
    let mut desk = Desk::new();
    let first = desk.intent(Action::Enter, 0, |intent| {
        intent.intent_id = id("same");
        intent.target_size = Some(dec("1"));
    });
    let order = desk.submitted();
    let hash = desk.kernel.state_hash();
    let again = desk.intent(Action::Enter, 0, |intent| {
        intent.intent_id = id("same");
        intent.target_size = Some(dec("7"));
    });
    assert_eq!((again.accepted, again.code), (true, Code::DuplicateIntent));
    assert_eq!(again.detail, Detail::First { seq: first.seq, time_ns: None, venue_client_id: order });
    assert!(desk.effects.commands.is_empty());
    assert_eq!(hash, desk.kernel.state_hash());
    // A refused intent is not remembered: the same id may be used again.
    let refused = desk.intent(Action::Enter, 1, |intent| {
        intent.intent_id = id("other");
        intent.target_size = Some(dec("0"));
    });
    assert!(!refused.accepted);
    let retried = desk.intent(Action::Enter, 1, |intent| {
        intent.intent_id = id("other");
        intent.target_size = Some(dec("1"));
    });
    assert!(retried.accepted);
}

#[test]
fn gate_and_freeze_hold_back_entries_only() {
    for (change, code) in [
        (ControlChange { gate: Some(ControlGate::Halted), ..ControlChange::default() }, Code::ControlHalted),
        (ControlChange { gate: Some(ControlGate::ReduceOnly), ..ControlChange::default() }, Code::ReduceOnly),
        (ControlChange { frozen: Some(true), ..ControlChange::default() }, Code::Frozen),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.enter_limit(1, "1", "90");
        assert!(desk.control(change).accepted);
        assert_eq!(desk.enter(2, "1").code, code);
        assert!(desk.cancel(1).accepted, "{code}");
        assert!(desk.exit(0).accepted, "{code}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn limits_name_themselves_their_value_and_the_attempt() {
    let limits = || RiskLimits::default();
    for (limits, change, name, value, attempt) in [
        (RiskLimits { max_order_notional: Some(dec("150")), ..limits() }, (|i| i.target_size = Some(dec("2"))) as Change, "max_order_notional", "150", "200"),
        (RiskLimits { max_total_notional: Some(dec("250")), ..limits() }, |i| i.target_size = Some(dec("2")), "max_total_notional", "250", "300"),
        (RiskLimits { max_leverage: Some(dec("3")), ..limits() }, |i| { i.asset = id("ETHUSDT"); i.leverage = Some(dec("4")) }, "max_leverage", "3", "4"),
        (RiskLimits { price_collar: Some(dec("0.05")), ..limits() }, |i| { i.order_type = OrderType::Limit; i.limit_price = Some(dec("110")) }, "price_collar", "0.05", "0.1"),
        (RiskLimits { max_open_slots: Some(1), ..limits() }, |i| i.target_size = Some(dec("1")), "max_open_slots", "1", "2"),
    ] {
        let mut desk = Desk::new();
        let mut spec = desk.kernel.instruments()[0].spec.clone();
        spec.symbol = id("ETHUSDT");
        desk.put(dita_kernel::input::Input::Instrument(Box::new(spec)));
        desk.put(dita_kernel::input::Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
        desk.enter_limit(0, "1", "100");
        assert!(desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() }).accepted);
        let outcome = desk.intent(Action::Enter, 1, |intent| {
            intent.target_size = Some(dec("1"));
            intent.reference_price = Some(dec("100"));
            change(intent);
        });
        let want = Detail::Limit { limit: name, value: value.into(), attempt: attempt.into() };
        assert_eq!((outcome.code, outcome.detail), (Code::RiskBlocked, want));
        assert!(desk.cancel(0).accepted, "{name}: a cancel passes");
    }
}

#[test]
fn nothing_trades_before_there_is_capital() {
    let mut desk = Desk::new();
    desk.kernel = dita_kernel::kernel::Kernel::new(KernelConfig::default()).unwrap();
    let spec = dita_kernel::input::InstrumentSpec::linear(
        id("BTCUSDT"),
        id("BTC"),
        id("USDT"),
        dec("0.1"),
        dec("1"),
    );
    desk.put(dita_kernel::input::Input::Instrument(Box::new(spec)));
    desk.mark("100");
    assert_eq!(desk.enter(0, "1").code, Code::NotOpened);
}

#[test]
fn kernel_time_runs_forward_only() {
    let mut desk = Desk::new();
    desk.now = 100;
    desk.put(dita_kernel::input::Input::Time);
    let outcome = desk.put_at(99, dita_kernel::input::Input::Time);
    assert_eq!((outcome.accepted, field(&outcome)), (false, "timestamp"));
}

#[test]
fn an_exit_or_cancel_names_the_slots_own_asset_and_side() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let outcome = desk.intent(Action::Exit, 0, |intent| intent.asset = id("ETHUSDT"));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "asset"));
    let outcome = desk.intent(Action::Exit, 0, |intent| intent.side = TradeSide::Short);
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "side"));
    assert!(desk.intent(Action::Exit, 0, |intent| intent.side = TradeSide::Flat).accepted);
}

#[test]
fn a_sell_under_the_mark_is_valued_at_the_mark() {
    let mut desk = Desk::new();
    let limits = RiskLimits { max_order_notional: Some(dec("60")), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    let outcome = desk.intent(Action::Enter, 0, |intent| {
        intent.side = TradeSide::Short;
        intent.target_size = Some(dec("1"));
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("50"));
    });
    assert_eq!((outcome.code, field(&outcome)), (Code::RiskBlocked, "max_order_notional"));
}

#[test]
fn an_intent_whose_time_has_passed_is_refused() {
    let mut desk = Desk::new();
    desk.now = 100;
    let outcome = desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.valid_until_ns = Some(50);
    });
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "valid_until"));
}
