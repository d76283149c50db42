//! What holds entries back before anybody sets a limit: a mark, and capital. And what positions must hold.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::input::{ControlChange, Input, InstrumentSpec, MarginTier, RiskLimits, Stamp};
use dita_kernel::kernel::{KernelConfig, margin_status};
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, MarginConvention,
    MarginMode, MarginStatus, OrderType, PositionSide, TradeSide, TradeStage as Stage,
};
use dita_kernel::num::Money;
use dita_kernel::outcome::{Detail, Outcome};

const SECOND: i64 = 1_000_000_000;

fn bitcoin() -> InstrumentSpec {
    InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"))
}

fn refused_by(outcome: &Outcome) -> (Code, &'static str) {
    let limit = match &outcome.detail {
        Detail::Limit { limit, .. } => limit,
        Detail::Field { field, .. } => field,
        Detail::None
        | Detail::Order(_)
        | Detail::First { .. }
        | Detail::Retry { .. }
        | Detail::Venue { .. }
        | Detail::HeldBy { .. }
        | Detail::HeldBySlot { .. }
        | Detail::HeldByOwner { .. }
        | Detail::Budget(_)
        | Detail::BotLimit(_)
        | Detail::Carries { .. }
        | Detail::NotAtWork { .. }
        | Detail::Choose(_)
        | Detail::Gated(_)
        | Detail::Unarmed(_) => "",
    };
    assert!(!outcome.accepted, "{outcome:?}");
    (outcome.code, limit)
}

fn money(text: &str) -> Money {
    Money::from_decimal(dec(text)).expect("money")
}

fn canceled(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Cancel(_))).count()
}

fn available(desk: &Desk) -> String {
    desk.kernel.available_capital(0, &desk.kernel.standing(0)).to_string()
}

#[test]
fn a_reference_price_is_no_input_of_a_guard() {
    let mut desk = Desk::new();
    let limits = RiskLimits { max_order_notional: Some(dec("50")), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    let outcome = desk.intent(Action::Enter, 0, |intent| {
        (intent.target_size, intent.reference_price) = (Some(dec("1")), Some(dec("1")));
    });
    assert_eq!(refused_by(&outcome), (Code::RiskBlocked, "max_order_notional"));
    // A bid far under the mark is judged at the mark.
    assert_eq!(refused_by(&desk.enter_limit(0, "1", "10")), (Code::RiskBlocked, "max_order_notional"));
}

#[test]
fn without_a_mark_nothing_adds_risk_and_everything_else_goes_on() {
    let mut desk = Desk::over(bitcoin(), &[("USDT", "1000")], "100");
    desk.open(0, "1", "100");
    let eth = InstrumentSpec { symbol: id("ETHUSDT"), base: id("ETH"), ..bitcoin() };
    desk.put(Input::Instrument(Box::new(eth)));
    let outcome = desk.intent(Action::Enter, 1, |intent| {
        (intent.asset, intent.target_size) = (id("ETHUSDT"), Some(dec("1")));
        intent.reference_price = Some(dec("100"));
    });
    assert_eq!(refused_by(&outcome), (Code::NoMark, "asset"));
    assert!(desk.exit(0).accepted);
}

#[test]
fn a_mark_ages_only_where_time_runs_by_itself() {
    let mark = |ages: bool, venue_time_ns: i64| Input::Mark {
        symbol: id("BTCUSDT"),
        price: dec("100"),
        venue_time_ns,
        ages,
    };
    for (ages, told_ns, after, limit, refused) in [
        (false, 0, 3600, None, false),
        (true, 0, 60, None, false),
        (true, 0, 61, None, true),
        (true, 0, 31, Some("30"), true),
        (true, 0, 61, Some("62"), false),
        (true, 1, 1, None, true),      // told decades ago
        (false, 1, 3600, None, false), // a recording
    ] {
        let mut desk = Desk::new();
        let now = 1_000_000 * SECOND;
        let limits = RiskLimits { max_mark_age: limit.map(dec), ..RiskLimits::default() };
        desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
        assert!(desk.put_at(now, mark(ages, told_ns)).accepted);
        desk.now = now + after * SECOND - 1;
        let outcome = desk.enter(0, "1");
        let what = format!("{ages} {told_ns} {after} {limit:?}");
        assert_eq!(outcome.accepted, !refused, "{what}");
        if refused {
            assert_eq!(refused_by(&outcome), (Code::NoMark, "max_mark_age"), "{what}");
        }
        desk.assert_replays();
    }
}

#[test]
fn a_stale_mark_holds_back_an_amend_that_increases_and_no_other_intent() {
    let mut desk = Desk::new();
    let mark = Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: 0, ages: true };
    assert!(desk.put(mark).accepted);
    desk.open(0, "1", "100");
    assert!(desk.enter_limit(1, "2", "99").accepted);
    let order = desk.submitted();
    desk.ack(&order, "V1");
    desk.now += 61 * SECOND;
    let amend = |desk: &mut Desk, size: &str, price: &str| {
        let (size, price) = (dec(size), dec(price));
        desk.intent(Action::Amend, 1, |intent| {
            (intent.target_size, intent.limit_price) = (Some(size), Some(price));
        })
    };
    assert_eq!(refused_by(&amend(&mut desk, "3", "99")), (Code::NoMark, "max_mark_age"));
    assert_eq!(refused_by(&amend(&mut desk, "2", "99.5")), (Code::NoMark, "max_mark_age"));
    assert!(amend(&mut desk, "1.5", "98").accepted);
    let stop = desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    assert!(stop.accepted && desk.cancel(1).accepted);
}

#[test]
fn an_entry_needs_the_capital_that_it_takes() {
    let mut desk =
        Desk::over(InstrumentSpec { leverage: dec("10"), ..bitcoin() }, &[("USDT", "1000")], "100");
    assert_eq!(refused_by(&desk.enter(0, "100.001")), (Code::RiskBlocked, "available_capital"));
    desk.open(0, "50", "100");
    // 500 is margin, 2.5 went for the fee; working orders count too.
    assert_eq!(available(&desk), "497.5");
    assert!(desk.enter_limit(1, "40", "100").accepted);
    assert_eq!(available(&desk), "97.5");
    assert_eq!(refused_by(&desk.enter(2, "9.751")), (Code::RiskBlocked, "available_capital"));
    assert!(desk.enter(2, "9.75").accepted);
}

#[test]
fn open_losses_are_taken_off_and_open_gains_are_never_added() {
    let mut desk =
        Desk::over(InstrumentSpec { leverage: dec("10"), ..bitcoin() }, &[("USDT", "1000")], "100");
    desk.open(0, "50", "100");
    desk.mark("120");
    assert_eq!(available(&desk), "397.5", "more margin, and nothing of a gain of 1,000");
    desk.mark("90");
    assert_eq!(available(&desk), "47.5", "450 of margin, a loss of 500");
    desk.mark("70");
    assert_eq!(available(&desk), "-852.5");
    assert_eq!(refused_by(&desk.enter(1, "0.001")), (Code::RiskBlocked, "available_capital"));
    assert!(desk.exit(0).accepted);
}

#[test]
fn of_two_figures_the_smaller_one_counts_while_the_exchanges_is_fresh() {
    let mut desk = Desk::new();
    let frame = |desk: &mut Desk, available: &str| {
        let available = dec(available);
        desk.account(AccountEventKind::AccountUpdate, |event| {
            (event.wallet_balance, event.available_margin) = (Some(dec("1000")), Some(available));
        })
    };
    frame(&mut desk, "1500");
    assert_eq!(available(&desk), "1000", "not what the exchange lends on open gains");
    frame(&mut desk, "50");
    assert_eq!(refused_by(&desk.enter(0, "1")), (Code::RiskBlocked, "available_capital"));
    assert!(desk.enter(0, "0.5").accepted);
}

#[test]
fn an_amend_that_adds_needs_capital_for_what_it_adds() {
    let mut desk = Desk::new();
    assert!(desk.enter_limit(0, "9", "100").accepted);
    let order = desk.submitted();
    desk.ack(&order, "V1");
    let amend = |desk: &mut Desk, size: &str| {
        let size = dec(size);
        desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(size))
    };
    assert_eq!(refused_by(&amend(&mut desk, "10.001")), (Code::RiskBlocked, "available_capital"));
    assert!(amend(&mut desk, "10").accepted);
}

#[test]
fn a_leverage_above_the_tiers_is_refused() {
    let mut desk = Desk::new();
    let enter = |desk: &mut Desk, leverage: &str| {
        let leverage = dec(leverage);
        desk.intent(Action::Enter, 0, |intent| {
            (intent.target_size, intent.leverage) = (Some(dec("1")), Some(leverage));
        })
    };
    assert_eq!(refused_by(&enter(&mut desk, "101")), (Code::RiskBlocked, "tier_max_leverage"));
    assert!(enter(&mut desk, "100").accepted);
    assert!(desk.kernel.instruments()[0].assumes_tiers());
}

#[test]
fn a_met_loss_limit_takes_back_the_working_entries_once() {
    let mut desk = Desk::new();
    let limits = RiskLimits { max_daily_loss: Some(dec("20")), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    desk.open(0, "2", "100");
    assert!(desk.enter_limit(1, "1", "80").accepted);
    let order = desk.submitted();
    desk.ack(&order, "V1");
    desk.mark("95");
    assert_eq!(canceled(&desk), 0);
    desk.mark("89");
    assert_eq!(canceled(&desk), 1, "22 are lost: the resting bid goes");
    desk.mark("88");
    assert_eq!(canceled(&desk), 0, "once");
    assert_eq!(refused_by(&desk.enter(2, "0.1")), (Code::RiskBlocked, "max_daily_loss"));
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    // What recovers and falls again is met again.
    desk.mark("100");
    assert!(desk.enter_limit(2, "1", "80").accepted);
    let order = desk.submitted();
    desk.ack(&order, "V2");
    desk.mark("88");
    assert_eq!(canceled(&desk), 1);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_margin_call_comes_at_one_and_a_half_of_what_must_be_held() {
    for (equity, maintenance, status) in [
        ("0",       "0",  MarginStatus::Ok),
        ("-0.1",    "0",  MarginStatus::Underwater),
        ("0",       "10", MarginStatus::Underwater),
        ("15",      "10", MarginStatus::MarginCall),
        ("15.0001", "10", MarginStatus::Ok),
    ] {
        assert_eq!(margin_status(money(equity), money(maintenance)), status, "{equity} {maintenance}");
    }
}

fn tier(floor: &str, rate: &str) -> MarginTier {
    MarginTier { notional_floor: dec(floor), maint_rate: dec(rate), max_leverage: None }
}

/// Where a position of one instrument is liquidated.
fn liquidated(desk: &Desk, side: PositionSide) -> Option<String> {
    let price = desk.kernel.liquidation_price(0, side, &desk.kernel.standing(0))?;
    let rules = &desk.kernel.instruments()[0];
    let text = rules.price_decimal(price).to_string();
    Some(text.chars().take(7).collect())
}

#[test]
#[rustfmt::skip]
fn a_position_is_liquidated_where_its_venue_s_rules_say() {
    use MarginConvention::{Binance, Bybit};
    use MarginMode::{Cross, Isolated};
    use TradeSide::{Long, Short};
    // One at 1,000 with 500 in the wallet and leverage 2; 10 % must be held.
    for (convention, mode, side, wallet, price) in [
        (Binance, Cross,    Long,  "500",  "555.555"), // 500 + p - 1,000 = 0.1 p
        (Binance, Isolated, Long,  "9000", "555.555"),
        (Bybit,   Cross,    Long,  "500",  "600"),     // 500 + p - 1,000 = 100
        (Bybit,   Isolated, Long,  "9000", "600"),
        (Binance, Cross,    Short, "500",  "1363.63"), // 500 + 1,000 - p = 0.1 p
        (Bybit,   Isolated, Short, "9000", "1400"),
        (Binance, Cross,    Long,  "700",  "333.333"),
    ] {
        let spec = InstrumentSpec {
            leverage: dec("2"), maker_rate: dec("0"), taker_rate: dec("0"),
            margin_tiers: vec![tier("0", "0.1")], margin_convention: convention, margin_mode: mode, ..bitcoin()
        };
        let mut desk = Desk::over(spec, &[("USDT", wallet)], "1000");
        assert!(desk.enter_side(0, side, "1").accepted);
        let order = desk.submitted();
        desk.fill(&order, "T1", "1", "1000");
        assert_eq!(liquidated(&desk, PositionSide::Both).as_deref(), Some(price), "{convention} {mode} {side} {wallet}");
        assert_eq!(liquidated(&desk, PositionSide::Long), None, "there is no such position");
    }
}

#[test]
fn an_unleveraged_long_is_never_liquidated_and_a_bracket_is_that_of_the_price_in_question() {
    let spec = InstrumentSpec { maker_rate: dec("0"), taker_rate: dec("0"), ..bitcoin() };
    let mut desk = Desk::over(spec.clone(), &[("USDT", "2000")], "1000");
    desk.open(0, "1", "1000");
    assert_eq!(liquidated(&desk, PositionSide::Both), None);
    // At 1,000 the bracket of 20 % holds, at the price where it ends that of 10 %.
    let tiers = vec![tier("0", "0.1"), tier("800", "0.2")];
    let spec = InstrumentSpec { leverage: dec("2"), margin_tiers: tiers, ..spec };
    let mut desk = Desk::over(spec, &[("USDT", "500")], "1000");
    desk.open(0, "1", "1000");
    assert_eq!(liquidated(&desk, PositionSide::Both).as_deref(), Some("555.555"));
}

#[test]
fn the_legs_of_a_hedge_stand_behind_one_another() {
    let config = KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() };
    let spec = InstrumentSpec {
        leverage: dec("2"),
        maker_rate: dec("0"),
        taker_rate: dec("0"),
        margin_tiers: vec![tier("0", "0.1")],
        ..bitcoin()
    };
    let mut desk = Desk::over_with(config, spec, &[("USDT", "800")], "1000");
    for (slot, side, size) in [(0, TradeSide::Long, "1"), (1, TradeSide::Short, "0.5")] {
        assert!(desk.enter_side(slot, side, size).accepted);
        let order = desk.submitted();
        desk.fill(&order, &format!("T{slot}"), size, "1000");
    }
    // 800 + 0.5 p - 500 = 0.15 p, below zero: the short pays for the long all the way down.
    assert_eq!(liquidated(&desk, PositionSide::Long), None);
    // 800 - 0.5 p + ... never: the long earns more than the short loses.
    assert_eq!(liquidated(&desk, PositionSide::Short), None);
}

#[test]
fn an_inverse_position_is_liquidated_as_its_coin_falls() {
    let spec = InstrumentSpec {
        inverse: true,
        settle: id("BTC"),
        contract_multiplier: dec("100"),
        leverage: dec("10"),
        maker_rate: dec("0"),
        taker_rate: dec("0"),
        margin_tiers: vec![tier("0", "0.005")],
        margin_convention: MarginConvention::Bybit,
        margin_mode: MarginMode::Isolated,
        ..bitcoin()
    };
    let spec = InstrumentSpec { lot_step: dec("1"), ..spec };
    let mut desk = Desk::over(spec, &[("BTC", "1")], "50000");
    desk.open(0, "600", "50000");
    // 1.2 BTC at entry, 0.12 set aside, 0.006 to be kept: worth 1.314 at 60,000 / 1.314.
    assert_eq!(liquidated(&desk, PositionSide::Both).as_deref(), Some("45662.1"));
}

#[test]
fn a_stamp_before_the_mark_does_not_make_it_old() {
    let mut desk = Desk::new();
    let mark = Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: i64::MAX, ages: true };
    assert!(desk.put_at(10 * SECOND, mark).accepted);
    desk.now = 10 * SECOND;
    assert!(desk.enter(0, "1").accepted);
    assert_eq!(Stamp(desk.now), Stamp(10 * SECOND + 1));
}
