//! The risk guard: what holds entries back, and that nothing holds back an exit, a cancel or a stop.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, Input, InstrumentSpec, RiskLimits};
use dita_kernel::names::{
    AccountEventKind, ControlGate, FreezeScope, KernelCommandType as Action, KernelDiagnosticCode as Code,
    KernelEventKind as Kind, OrderType, TradeSide, TradeStage as Stage,
};
use dita_kernel::outcome::{Detail, Outcome};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

fn limit(desk: &mut Desk, limits: RiskLimits) {
    assert!(desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() }).accepted);
}

/// The limit that refused, its value and the attempt.
fn refused_by(outcome: &Outcome) -> (String, String, String) {
    assert_eq!((outcome.accepted, outcome.code), (false, Code::RiskBlocked), "{outcome:?}");
    match &outcome.detail {
        Detail::Limit { limit, value, attempt } => {
            (limit.to_string(), value.to_string(), attempt.to_string())
        }
        other => panic!("{other:?} names no limit"),
    }
}

fn named(limit: &str, value: &str, attempt: &str) -> (String, String, String) {
    (limit.into(), value.into(), attempt.into())
}

fn canceled(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Cancel(request) => Some(request.venue_client_id.clone()),
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn edge(desk: &mut Desk, edge_bps: &str) -> Outcome {
    desk.put(Input::Edge { symbol: id("BTCUSDT"), edge_bps: dec(edge_bps) })
}

fn stop(desk: &mut Desk, slot: u32) -> Outcome {
    desk.intent(Action::Exit, slot, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("10")); // far outside of any collar
    })
}

#[test]
#[rustfmt::skip]
fn every_limit_refuses_by_its_name_its_value_and_the_attempt() {
    let none = RiskLimits::default;
    let some = |text: &str| Some(dec(text));
    for (limits, order, trigger, refusal) in [
        (RiskLimits { max_order_notional: some("150"), ..none() },  ("2", "99"),    None,       named("max_order_notional", "150", "200")),
        (RiskLimits { max_order_size: some("1.5"), ..none() },      ("1.501", "99"), None,      named("max_order_size", "1.5", "1.501")),
        (RiskLimits { max_total_notional: some("250"), ..none() },  ("2", "99"),    None,       named("max_total_notional", "250", "300")),
        (RiskLimits { max_symbol_notional: some("250"), ..none() }, ("2", "99"),    None,       named("max_symbol_notional", "250", "300")),
        (RiskLimits { max_asset_notional: some("250"), ..none() },  ("2", "99"),    None,       named("max_asset_notional", "250", "300")),
        (RiskLimits { price_collar: some("0.05"), ..none() },       ("2", "94"),    None,       named("price_collar", "0.05", "0.06")),
        (RiskLimits { price_collar: some("0.05"), ..none() },       ("2", "102"),   Some("106"), named("price_collar", "0.05", "0.06")),
        (RiskLimits { max_open_slots: Some(1), ..none() },          ("2", "99"),    None,       named("max_open_slots", "1", "2")),
        (RiskLimits { max_leverage: some("0.5"), ..none() },        ("2", "99"),    None,       named("max_leverage", "0.5", "1")),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        limit(&mut desk, limits.clone());
        let entry = |desk: &mut Desk, size: &str| desk.intent(Action::Enter, 1, |intent| {
            intent.target_size = Some(dec(size));
            intent.order_type = if trigger.is_some() { OrderType::StopLimit } else { OrderType::Limit };
            intent.limit_price = Some(dec(order.1));
            intent.trigger_price = trigger.map(dec);
        });
        let outcome = entry(&mut desk, order.0);
        assert_eq!(refused_by(&outcome), refusal);
        // What lowers risk passes whatever the limits are.
        assert!(stop(&mut desk, 0).accepted, "{limits:?}");
        assert!(desk.exit(0).accepted, "{limits:?}");
        desk.intent(Action::Cancel, 0, |intent| intent.target_client_id = Id::EMPTY);
        limit(&mut desk, none());
        assert!(entry(&mut desk, order.0).accepted, "without the limit");
    }
}

#[test]
fn the_limit_of_a_symbol_or_an_asset_counts_what_belongs_to_it() {
    let mut desk = Desk::new();
    for (symbol, base) in [("BTCUSDT_Q", "BTC"), ("ETHUSDT", "ETH")] {
        let spec = InstrumentSpec::linear(id(symbol), id(base), id("USDT"), dec("0.1"), dec("0.001"));
        desk.put(Input::Instrument(Box::new(spec)));
        desk.put(Input::Mark { symbol: id(symbol), price: dec("100"), venue_time_ns: 0, ages: false });
    }
    desk.open(0, "1", "100");
    let enter = |desk: &mut Desk, asset: &str| {
        desk.intent(Action::Enter, 1, |intent| {
            intent.asset = id(asset);
            intent.target_size = Some(dec("1"));
        })
    };
    limit(&mut desk, RiskLimits { max_asset_notional: Some(dec("199")), ..RiskLimits::default() });
    assert_eq!(refused_by(&enter(&mut desk, "BTCUSDT_Q")), named("max_asset_notional", "199", "200"));
    let order = enter(&mut desk, "ETHUSDT");
    assert!(order.accepted, "another asset");
    let order = desk.submitted();
    desk.event(Kind::CancelAck, &order, |_| {});
    limit(&mut desk, RiskLimits { max_symbol_notional: Some(dec("199")), ..RiskLimits::default() });
    assert!(enter(&mut desk, "BTCUSDT_Q").accepted, "another symbol");
}

#[test]
fn entries_need_a_token_beyond_those_kept_for_exits_and_exits_none() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    limit(
        &mut desk,
        RiskLimits {
            orders_per_second: Some(dec("0.5")),
            order_burst: Some(3),
            order_reserve_for_exits: Some(1),
            ..RiskLimits::default()
        },
    );
    let tokens = |desk: &Desk| {
        let now = desk.kernel.now_ns();
        desk.kernel.guard().order_tokens(&desk.kernel.control().limits, now).unwrap().to_string()
    };
    assert_eq!(tokens(&desk), "3", "full at first");
    assert!(desk.enter_limit(1, "0.1", "99").accepted);
    assert!(desk.enter_limit(2, "0.1", "99").accepted);
    let order = desk.submitted();
    desk.event(Kind::CancelAck, &order, |_| {});
    desk.now += SECOND - 10;
    let (name, value, attempt) = refused_by(&desk.enter_limit(2, "0.1", "99"));
    assert_eq!((name.as_str(), value.as_str()), ("orders_per_second", "0.5"));
    assert!(attempt.starts_with("needs 2 tokens, has 1.49"), "{attempt}");
    for _ in 0..4 {
        assert!(desk.exit_size(0, "0.1").accepted, "an exit passes, token or not");
    }
    assert!(tokens(&desk).starts_with("0"), "{}", tokens(&desk));
    desk.now += 4 * SECOND;
    assert!(desk.enter_limit(2, "0.1", "99").accepted, "two tokens came back");
    desk.assert_replays();
}

#[test]
fn a_cancel_passes_an_empty_bucket_and_takes_what_is_there() {
    let mut desk = Desk::new();
    limit(
        &mut desk,
        RiskLimits { cancels_per_second: Some(dec("1")), cancel_burst: Some(2), ..RiskLimits::default() },
    );
    let tokens = |desk: &Desk| {
        let now = desk.kernel.now_ns();
        desk.kernel.guard().cancel_tokens(&desk.kernel.control().limits, now).unwrap()
    };
    for slot in 0..3 {
        desk.enter_limit(slot, "0.1", "99");
    }
    assert_eq!(tokens(&desk), dec("2"));
    for slot in 0..3 {
        assert!(desk.cancel(slot).accepted);
        assert_eq!(canceled(&desk).len(), 1);
    }
    assert!(tokens(&desk).to_string().starts_with("0"), "{}", tokens(&desk));
}

#[test]
#[rustfmt::skip]
fn limits_that_contradict_themselves_are_refused_by_name() {
    let none = RiskLimits::default;
    for (limits, field) in [
        (RiskLimits { order_burst: Some(3), ..none() },                                                   "orders_per_second"),
        (RiskLimits { orders_per_second: Some(dec("0")), ..none() },                                      "orders_per_second"),
        (RiskLimits { orders_per_second: Some(dec("-1")), ..none() },                                     "orders_per_second"),
        (RiskLimits { orders_per_second: Some(dec("1")), order_burst: Some(0), ..none() },                "order_burst"),
        (RiskLimits { orders_per_second: Some(dec("1")), order_reserve_for_exits: Some(1), ..none() },    "order_reserve_for_exits"),
        (RiskLimits { order_reserve_for_exits: Some(1), ..none() },                                       "order_reserve_for_exits"),
        (RiskLimits { cancel_burst: Some(1), ..none() },                                                  "cancels_per_second"),
        (RiskLimits { max_order_size: Some(dec("-1")), ..none() },                                        "max_order_size"),
        (RiskLimits { max_daily_loss: Some(dec("-1")), ..none() },                                        "max_daily_loss"),
        (RiskLimits { max_drawdown: Some(dec("-0.1")), ..none() },                                        "max_drawdown"),
        (RiskLimits { min_edge_bps: Some(dec("0.0000000001")), ..none() },                                "min_edge_bps"),
    ] {
        let mut desk = Desk::new();
        let outcome = desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
        assert!(!outcome.accepted, "{field}");
        assert!(matches!(outcome.detail, Detail::Field { field: named, .. } if named == field), "{outcome:?}");
    }
}

#[test]
fn a_day_may_lose_so_much_and_the_next_one_again() {
    let mut desk = Desk::new();
    limit(&mut desk, RiskLimits { max_daily_loss: Some(dec("10")), ..RiskLimits::default() });
    desk.open(0, "1", "100"); // a fee of 0.05
    desk.mark("90.1");
    assert!(desk.enter_limit(1, "0.1", "90").accepted, "9.95 lost");
    desk.mark("90");
    assert_eq!(refused_by(&desk.enter_limit(2, "0.1", "90")), named("max_daily_loss", "10", "10.05"));
    assert!(stop(&mut desk, 0).accepted && desk.exit(0).accepted, "what lowers risk passes");
    // What is brought in is no profit.
    desk.account(AccountEventKind::Transfer, |event| event.amount = Some(dec("500")));
    assert_eq!(refused_by(&desk.enter_limit(2, "0.1", "90")), named("max_daily_loss", "10", "10.05"));
    // Funding received is.
    desk.account(AccountEventKind::FundingFee, |event| event.amount = Some(dec("1")));
    assert!(desk.enter_limit(2, "0.1", "90").accepted, "9.05 lost");
    let order = desk.submitted();
    desk.event(Kind::CancelAck, &order, |_| {});
    desk.mark("80");
    assert_eq!(desk.enter_limit(2, "0.1", "80").code, Code::RiskBlocked);
    desk.now = DAY - 3;
    desk.put(Input::Time);
    assert_eq!(desk.enter_limit(2, "0.1", "80").code, Code::RiskBlocked, "still the same day");
    desk.now = DAY;
    assert!(desk.enter_limit(2, "0.1", "80").accepted, "a new day, from what the account is worth then");
    desk.mark("70");
    desk.event(Kind::CancelAck, &order, |_| {});
    desk.assert_replays();
}

#[test]
fn a_days_loss_is_known_though_the_limit_came_later() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.mark("90");
    limit(&mut desk, RiskLimits { max_daily_loss: Some(dec("10")), ..RiskLimits::default() });
    assert_eq!(refused_by(&desk.enter_limit(1, "0.1", "90")), named("max_daily_loss", "10", "10.05"));
}

#[test]
fn equity_may_fall_so_far_from_its_peak() {
    let mut desk = Desk::new();
    limit(&mut desk, RiskLimits { max_drawdown: Some(dec("0.1")), ..RiskLimits::default() });
    desk.open(0, "5", "100"); // a fee of 0.25
    desk.mark("150"); // equity 1249.75
    desk.mark("126"); // 1129.75, 9.6 % under it
    assert!(desk.enter_limit(1, "0.1", "120").accepted);
    desk.mark("125"); // 1124.75
    let (name, value, attempt) = refused_by(&desk.enter_limit(2, "0.1", "120"));
    assert_eq!((name.as_str(), value.as_str(), attempt.as_str()), ("max_drawdown", "0.1", "0.10002"));
    assert!(stop(&mut desk, 0).accepted && desk.exit(0).accepted);
    // A peak is not of one day.
    desk.now = DAY;
    assert_eq!(desk.enter_limit(2, "0.1", "120").code, Code::RiskBlocked);
    desk.mark("149");
    assert!(desk.enter_limit(2, "0.1", "120").accepted);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn an_edge_under_the_threshold_freezes_and_cancels_as_told() {
    for (scope, entries, exits) in [
        (None,                       1, 0),
        (Some(FreezeScope::Entries), 1, 0),
        (Some(FreezeScope::All),     1, 1),
        (Some(FreezeScope::Nothing), 0, 0),
    ] {
        let mut desk = Desk::new();
        limit(&mut desk, RiskLimits { min_edge_bps: Some(dec("5")), edge_freeze_cancels: scope, ..RiskLimits::default() });
        desk.open(0, "1", "100");
        stop(&mut desk, 0);
        desk.enter_limit(1, "0.1", "99");
        assert_eq!(edge(&mut desk, "5").code, Code::Ok);
        assert!(!desk.kernel.control().frozen, "at the threshold it is enough");
        let outcome = edge(&mut desk, "4.99");
        assert_eq!((outcome.accepted, outcome.code), (true, Code::Frozen));
        assert_eq!(canceled(&desk).len(), entries + exits, "{scope:?}");
        assert!(desk.kernel.control().frozen);
        assert_eq!(desk.enter_limit(2, "0.1", "99").code, Code::Frozen);
        assert!(desk.exit(0).accepted, "exits pass");
        // Again under it is the same freeze, over it no thaw.
        edge(&mut desk, "1");
        edge(&mut desk, "50");
        let guard = desk.kernel.guard();
        assert_eq!((guard.freeze_events(), guard.last_freeze_symbol()), (1, &id("BTCUSDT")));
        assert_eq!(guard.last_freeze_reason(), "edge 4.99 bps is under min_edge_bps 5");
        assert!(desk.kernel.control().frozen);
        desk.control(ControlChange { frozen: Some(false), ..ControlChange::default() });
        assert!(desk.enter_limit(2, "0.1", "99").accepted);
        edge(&mut desk, "-1");
        assert_eq!(desk.kernel.guard().freeze_events(), 2);
        desk.assert_replays();
    }
}

#[test]
fn an_edge_without_a_threshold_or_an_asset_freezes_nothing() {
    let mut desk = Desk::new();
    assert_eq!(edge(&mut desk, "-100").code, Code::Ok);
    assert!(!desk.kernel.control().frozen);
    let outcome = desk.put(Input::Edge { symbol: id("NOPE"), edge_bps: dec("1") });
    assert_eq!((outcome.accepted, outcome.code), (false, Code::InvalidIntent));
}

#[test]
fn an_operators_freeze_cancels_nothing() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "0.1", "99");
    desk.control(ControlChange { frozen: Some(true), ..ControlChange::default() });
    assert!(canceled(&desk).is_empty());
    assert_eq!(desk.enter_limit(1, "0.1", "99").code, Code::Frozen);
}

#[test]
fn the_kill_switch_stops_what_increases_risk_and_nothing_else() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stop(&mut desk, 0);
    desk.enter_limit(1, "0.1", "99");
    let working = desk.submitted();
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(spec)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    desk.intent(Action::Enter, 2, |intent| {
        intent.asset = id("ETHUSDT");
        intent.target_size = Some(dec("1"));
        intent.reference_price = Some(dec("100"));
        intent.leverage = Some(dec("3"));
    });
    assert_eq!(desk.stage(2), Stage::OrderRequested, "waits for its leverage");
    desk.control(ControlChange { kill_switch: Some(true), ..ControlChange::default() });
    assert_eq!(canceled(&desk), [working], "the stop stays");
    assert_eq!(desk.stage(2), Stage::Closed, "it never left");
    assert_eq!(desk.kernel.control().gate, ControlGate::Halted);
    assert!(desk.kernel.guard().kill_switch());
    assert!(desk.exit(0).accepted && desk.cancel(1).accepted);
    let gate = |gate| ControlChange { gate: Some(gate), ..ControlChange::default() };
    assert!(!desk.control(gate(ControlGate::Normal)).accepted, "not while the switch is on");
    assert!(desk.control(ControlChange { kill_switch: Some(false), ..ControlChange::default() }).accepted);
    assert_eq!(desk.kernel.control().gate, ControlGate::Halted, "the gate stays where it is");
    assert!(desk.control(gate(ControlGate::Normal)).accepted);
    assert!(desk.enter_side(2, TradeSide::Long, "0.1").accepted);
    desk.assert_replays();
}

#[test]
fn a_bucket_that_is_lifted_and_set_again_is_full_and_one_that_changes_has_filled_at_its_old_rate() {
    let limits = |burst: u32, rate: &str| RiskLimits {
        orders_per_second: Some(dec(rate)),
        order_burst: Some(burst),
        cancels_per_second: Some(dec(rate)),
        cancel_burst: Some(burst),
        ..RiskLimits::default()
    };
    let tokens = |desk: &Desk| {
        let (guard, now) = (desk.kernel.guard(), desk.kernel.now_ns());
        let limits = &desk.kernel.control().limits;
        [guard.order_tokens(limits, now), guard.cancel_tokens(limits, now)]
            .map(|tokens| tokens.expect("a limit").at_scale_rounded(1, dita_kernel::num::Rounding::HalfEven))
    };
    let mut desk = Desk::new();
    limit(&mut desk, limits(4, "1"));
    for slot in 0..3 {
        assert!(desk.enter_limit(slot, "0.1", "99").accepted);
        let order = desk.submitted();
        assert!(desk.cancel(slot).accepted);
        desk.event(Kind::CancelAck, &order, |_| {});
    }
    assert_eq!(tokens(&desk), [Ok(10), Ok(10)], "three of four are taken");
    desk.now += SECOND;
    limit(&mut desk, limits(9, "3"));
    assert_eq!(tokens(&desk), [Ok(20), Ok(20)], "one more came at the old rate, and none for the new size");
    limit(&mut desk, RiskLimits::default());
    limit(&mut desk, limits(9, "3"));
    assert_eq!(tokens(&desk), [Ok(90), Ok(90)], "a new one is full");
    desk.assert_replays();
}
