//! The small parts by themselves, at their edges: hashes, the index, numbers, limits. Each edge was moved once without
//! another test noticing (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::codec::{decode, encode};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::index::Index;
use dita_kernel::input::{ControlChange, Input, InstrumentSpec, RiskLimits};
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::limits::{MarketLimits, PriceRounding};
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, OrderType, TimeInForce, TradeStage,
};

use dita_kernel::num::{Decimal, Money, NumError, Price, Qty, Rounding, divide, product};
use dita_kernel::slot::table::{Symbol, TABLE, rule_number};

// ------------------------------------------------------------------------------------------- ids and their index

#[test]
fn a_hash_is_the_same_in_every_build() {
    // Snapshots keep what is found by it.
    let long = "x".repeat(40);
    for (text, hash) in [
        ("", 0x15e5_d2ee_9513_3bc2_u64),
        ("A", 0xe385_2731_6ba1_0159),
        ("trade-1", 0xf704_9b32_48e5_ed31),
        ("D00000000000000000000001000020", 0x058f_588e_3b27_f38b),
        (long.as_str(), 0x3ec6_e2b4_1eb2_4d43),
    ] {
        assert_eq!(id(text).hash64(), hash, "{text}");
    }
}

#[test]
fn every_bit_of_a_hash_is_as_often_set_as_not() {
    for prefix in ["", "D000000000000000000", "an identifier of more than thirty-one bytes "] {
        let hashes: Vec<u64> = (0..4_096).map(|number| id(&format!("{prefix}{number}")).hash64()).collect();
        for bit in 0..64 {
            let set = hashes.iter().filter(|hash| *hash & (1 << bit) != 0).count();
            assert!((1_750..2_350).contains(&set), "bit {bit} of {prefix:?} is set in {set} of 4096");
        }
    }
}

#[test]
fn ids_are_ordered_as_text_and_made_of_it() {
    assert!(id("a") < id("b") && id("a") < id("aa") && id("Z") < id("a"));
    assert_eq!(id("a").partial_cmp(&id("a")), Some(std::cmp::Ordering::Equal));
    assert_eq!(Id::try_from("trade-1"), Ok(id("trade-1")));
    assert!(Id::try_from("x".repeat(65).as_str()).is_err());
}

/// An index as snapshots keep it: so many cells, and of those that are taken place, tag and value.
fn index(cells: u64, taken: &[(u32, u32, u32)]) -> Option<Index> {
    let mut bytes = Vec::new();
    encode(&(cells, taken.to_vec()), &mut bytes).expect("encodes");
    decode(&bytes).ok()
}

#[test]
fn an_index_that_is_read_again_grows_like_any_other() {
    let six: Vec<(u32, u32, u32)> = (0..6).map(|at| (at, at, at)).collect();
    let mut index = index(16, &six).expect("six of sixteen");
    for value in 6..60 {
        index.insert(u64::from(value), value);
    }
    assert_eq!(index.len(), 60);
    assert!(!index.is_empty() && Index::default().is_empty());
    for value in 0..60 {
        assert_eq!(index.find(u64::from(value), |found| found == value), Some(value));
    }
    assert_eq!(index.find(60, |_| true), None);
}

#[test]
#[rustfmt::skip]
fn an_index_that_cannot_be_is_not_read() {
    let many: Vec<(u32, u32, u32)> = (0..7).map(|at| (at, at, at)).collect();
    for (cells, taken, is_read, what) in [
        (16,       vec![],                       true,  "empty"),
        (131_072,  vec![(0, 0, 1), (1, 1, 2)],   true,  "roomy, for two"),
        (8,        vec![],                       false, "smaller than any"),
        (24,       vec![],                       false, "no power of two"),
        (16,       many,                         false, "too full"),
        (1 << 20,  vec![],                       false, "mostly room"),
        (1 << 29,  vec![],                       false, "larger than any"),
        (16,       vec![(3, 0, 1), (3, 0, 2)],   false, "two in one cell"),
        (16,       vec![(3, 0, u32::MAX)],       false, "the value that means free"),
        (16,       vec![(16, 0, 1)],             false, "a cell that is not there"),
    ] {
        assert_eq!(index(cells, &taken).is_some(), is_read, "{what}");
    }
}

// ------------------------------------------------------------------------------------------------------ numbers

#[test]
fn products_and_quotients_at_the_edge_of_a_word() {
    let word = i128::from(u64::MAX);
    let large = 1_i128 << 63; // no signed word any more
    assert_eq!(product(-large, large), Some(-(1 << 126)));
    assert_eq!(product(-large, -large), Some(1 << 126));
    assert_eq!(product(word, word), None);
    assert_eq!(product(0, i128::MAX), Some(0));
    assert_eq!(product(-(1 << 70), 0), Some(0));
    for (value, divisor) in [(word, 3), (word + 1, 3), (word, word), (word + 1, word + 1), (7, word + 2)] {
        assert_eq!(divide(value, divisor, Rounding::Down), Some(value / divisor), "{value} / {divisor}");
        assert_eq!(divide(-value, divisor, Rounding::Floor), Some((-value).div_euclid(divisor)), "{value}");
    }
    assert_eq!(divide(0, 3, Rounding::Floor), Some(0));
    assert_eq!(divide(0, 3, Rounding::Ceiling), Some(0));
}

#[test]
fn a_decimal_of_either_sign_keeps_its_value_at_every_scale() {
    for (text, scale, mantissa) in [
        ("-1.5", 3, -1_500),
        ("1.5", 1, 15),
        ("-18446744073709551617.5", 2, -1_844_674_407_370_955_161_750_i128),
        ("18446744073709551617.5", 1, 184_467_440_737_095_516_175),
        ("-0.1", 18, -100_000_000_000_000_000),
    ] {
        assert_eq!(dec(text).at_scale(scale), Ok(mantissa), "{text}");
        assert_eq!(dec(text).mantissa(), dec(text).at_scale(dec(text).scale()).expect("its own scale"));
    }
    assert_eq!(dec("1.25").at_scale(1), Err(NumError::Inexact));
    assert_eq!(Decimal::parse("e5"), Err(NumError::NotANumber));
    assert_eq!(Decimal::parse("1e0").map(|one| (one.mantissa(), one.scale())), Ok((1, 0)));
}

// ------------------------------------------------------------------------------------------ limits and instruments

#[test]
fn what_is_on_the_grid_stays_where_it_is() {
    let limits = MarketLimits {
        symbol: id("X"),
        tick_size: Some(dec("0.5")),
        lot_step: Some(dec("0.1")),
        min_qty: None,
        max_qty: None,
        min_notional: None,
        max_price: None,
        market_max_qty: None,
        price_band: None,
        max_open_orders: None,
        max_open_stops: None,
        contract_multiplier: Decimal::ONE,
        inverse: false,
    };
    for (price, side, wanted) in [
        ("100.5", OrderSide::Sell, "100.5"),
        ("100.5", OrderSide::Buy, "100.5"),
        ("100.6", OrderSide::Sell, "101"),
        ("100.6", OrderSide::Buy, "100.5"),
    ] {
        let order = limits.round_order(side, Some(dec(price)), dec("1"), PriceRounding::Passive, None);
        assert_eq!(order.expect("rounded").price, Some(dec(wanted)), "{price} {side}");
    }
}

#[test]
fn an_instruments_digits_have_their_ends() {
    let mut spec = InstrumentSpec::linear(id("X"), id("B"), id("Q"), dec("0.1"), dec("0.001"));
    spec.fee_decimals = 18;
    assert!(Instrument::load(&spec, 0).is_ok());
    spec.fee_decimals = 19;
    assert!(Instrument::load(&spec, 0).is_err());
    (spec.fee_decimals, spec.inverse, spec.settle) = (8, true, id("B"));
    assert!(Instrument::load(&spec, 0).is_ok());
    spec.tick_size = dec("0.000000000000000001");
    spec.lot_step = dec("1");
    assert!(Instrument::load(&spec, 0).is_ok(), "18 decimals in a price");
    spec.tick_size = dec("0.0000000000000000001");
    assert!(Instrument::load(&spec, 0).is_err(), "19 decimals in a price");
    // A multiplier other than one counts in every value.
    let mut spec = InstrumentSpec::linear(id("X"), id("B"), id("Q"), dec("0.1"), dec("0.001"));
    spec.contract_multiplier = dec("7");
    let rules = Instrument::load(&spec, 0).expect("an instrument");
    let price = rules.price(dec("2")).expect("a price");
    assert_eq!(
        rules.value(price, rules.qty(dec("3")).expect("a size")).map(|v| v.to_string()),
        Some("42".into())
    );
    assert_eq!(rules.value(Price::ZERO, Qty::ZERO), Some(Money::ZERO));
}

#[test]
fn every_cell_of_the_table_has_a_number_of_its_own() {
    let mut numbers: Vec<u16> = TABLE
        .iter()
        .flat_map(|(symbol, _)| TradeStage::ALL.iter().map(|stage| rule_number(*stage, *symbol)))
        .collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!((numbers.len(), numbers.last().copied()), (count, Some(count as u16 - 1)));
    assert_eq!(
        rule_number(TradeStage::ALL[1], Symbol::Enter) - rule_number(TradeStage::ALL[0], Symbol::Enter),
        1
    );
}

/// An entry of 2 at 99 beside an open position of 1 at the mark of 100, under one limit that it just reaches, and one
/// that it passes by the least there is.
#[test]
#[rustfmt::skip]
fn a_limit_may_be_reached_and_not_passed() {
    let none = RiskLimits::default;
    let some = |text: &str| Some(dec(text));
    for (reached, passed) in [
        (RiskLimits { max_order_notional: some("200"), ..none() },  RiskLimits { max_order_notional: some("199.99"), ..none() }),
        (RiskLimits { max_order_size: some("2"), ..none() },        RiskLimits { max_order_size: some("1.999"), ..none() }),
        (RiskLimits { max_total_notional: some("300"), ..none() },  RiskLimits { max_total_notional: some("299.99"), ..none() }),
        (RiskLimits { max_symbol_notional: some("300"), ..none() }, RiskLimits { max_symbol_notional: some("299.99"), ..none() }),
        (RiskLimits { max_asset_notional: some("300"), ..none() },  RiskLimits { max_asset_notional: some("299.99"), ..none() }),
        (RiskLimits { price_collar: some("0.01"), ..none() },       RiskLimits { price_collar: some("0.009"), ..none() }),
        (RiskLimits { max_leverage: some("1"), ..none() },          RiskLimits { max_leverage: some("0.99"), ..none() }),
        (RiskLimits { max_open_slots: Some(2), ..none() },          RiskLimits { max_open_slots: Some(1), ..none() }),
    ] {
        for (limits, code) in [(reached, Code::Ok), (passed, Code::RiskBlocked)] {
            let mut desk = Desk::new();
            desk.open(0, "1", "100");
            let change = ControlChange { limits: Some(limits.clone()), ..ControlChange::default() };
            assert!(desk.control(change).accepted);
            let outcome = desk.intent(dita_kernel::names::KernelCommandType::Enter, 1, |intent| {
                intent.order_type = OrderType::Limit;
                (intent.target_size, intent.limit_price) = (Some(dec("2")), Some(dec("99")));
            });
            assert_eq!(outcome.code, code, "{limits:?}");
        }
    }
}

#[test]
fn every_refusal_names_its_slot_and_only_a_forgotten_fill_asks_the_log() {
    let mut desk = Desk::new();
    let outcome = desk.exit(2);
    assert_eq!((outcome.accepted, outcome.slot_id), (false, Some(2)));
    assert!(!outcome.asks_the_log());
    // So does one that is refused for its time alone.
    let intent = desk.inputs.last().expect("an intent").1.clone();
    let outcome = desk.put_at(0, intent);
    assert_eq!((outcome.accepted, outcome.slot_id), (false, Some(2)));
    // The same code for another reason is not the log's business.
    desk.enter(0, "1");
    let entry = desk.submitted();
    let outcome = desk.event(Kind::PartialFill, &entry, |event| {
        (event.size, event.price) = (Some(dec("-1")), Some(dec("100")));
        event.venue_trade_id = id("T1");
    });
    assert_eq!((outcome.code, outcome.asks_the_log()), (Code::ReconcileRequired, false));
}

#[test]
fn the_first_free_slot_is_the_lowest() {
    let mut desk = Desk::new();
    assert_eq!(desk.kernel.free_slot(), Some(0));
    assert!(desk.kernel.is_opened() && !Desk::unseeded(KernelConfig::default()).kernel.is_opened());
    let before = desk.kernel.seq();
    desk.enter(0, "1");
    assert_eq!((desk.kernel.free_slot(), desk.kernel.seq()), (Some(1), before + 1));
    desk.enter(2, "1");
    assert_eq!(desk.kernel.free_slot(), Some(1));
    desk.enter(1, "1");
    assert_eq!(desk.kernel.free_slot(), None);
    assert_eq!(desk.kernel.disconnected_since_ns(), None);
    desk.event(Kind::Disconnected, &Id::EMPTY, |_| {});
    assert_eq!(desk.kernel.disconnected_since_ns(), Some(desk.now));
    desk.event(Kind::Resynced, &Id::EMPTY, |_| {});
    assert_eq!(desk.kernel.disconnected_since_ns(), None);
}

// --------------------------------------------------------------------------------------- many orders, much exposure

#[test]
fn a_thousand_orders_have_as_many_ids_and_the_first_is_still_asked_about() {
    const SECOND: i64 = 1_000_000_000;
    let mut desk = Desk::new();
    let limited = |desk: &mut Desk, slot: u32| {
        desk.intent(dita_kernel::names::KernelCommandType::Enter, slot, |intent| {
            (intent.order_type, intent.time_in_force) = (OrderType::Limit, TimeInForce::Gtd);
            (intent.target_size, intent.limit_price) = (Some(dec("1")), Some(dec("99")));
            intent.expire_time_ns = Some(10 * SECOND);
        });
        desk.submitted()
    };
    let first = limited(&mut desk, 0);
    desk.ack(&first, "V1");
    let mut ids = std::collections::BTreeSet::from([first.clone()]);
    for _ in 0..1_100 {
        let order = limited(&mut desk, 1);
        desk.event(Kind::Expired, &order, |_| {});
        ids.insert(order);
    }
    assert_eq!(ids.len(), 1_101);
    // Ids stand in logs and at venues: they are made the same way for ever.
    let last = ids.iter().next_back().expect("ids").to_string();
    assert_eq!(last, "D0000000000009000000012B000010");
    let watched = desk.kernel.watched();
    assert!(watched > 1, "{watched}: the first, and what came after the last sweep");
    desk.now += 60 * SECOND;
    desk.put(Input::Time);
    let asked = |command: &Command| matches!(command, Command::Query(one) if one.venue_client_id == first);
    assert!(desk.effects.commands.iter().any(asked), "it should have expired, and nobody has said so");
}

#[test]
fn exposure_is_summed_by_what_it_settles_in_and_follows_the_mark() {
    let mut desk = Desk::new();
    let mut eth = InstrumentSpec::linear(id("ETHUSDC"), id("ETH"), id("USDC"), dec("0.1"), dec("0.001"));
    eth.settle = id("USDC");
    desk.put(Input::Instrument(Box::new(eth)));
    desk.put(Input::Mark { symbol: id("ETHUSDC"), price: dec("50"), venue_time_ns: 0, ages: false });
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        (event.asset, event.order_side) = (id("ETHUSDC"), Some(OrderSide::Buy));
        event.venue_trade_id = id("T1");
        (event.size, event.price) = (Some(dec("2")), Some(dec("50")));
    });
    desk.open(0, "1", "100");
    desk.enter_limit(1, "1", "99");
    let total = |desk: &Desk, asset: &str| {
        let place = desk.kernel.asset_of(&id(asset)).expect("an asset");
        desk.kernel.exposure().total(place).to_string()
    };
    assert_eq!((total(&desk, "USDT"), total(&desk, "USDC")), ("200".into(), "100".into()));
    assert_eq!(desk.kernel.exposure().at_worst(0).to_string(), "200", "held, and what may come");
    desk.mark("110");
    assert_eq!((total(&desk, "USDT"), total(&desk, "USDC")), ("210".into(), "100".into()));
    desk.mark("90");
    assert_eq!(total(&desk, "USDT"), "190");
}

#[test]
fn a_number_too_large_is_refused_and_not_computed() {
    for text in ["1e38", "1e39", "1e40", "1e255"] {
        assert_eq!(Decimal::parse(text), Err(NumError::Overflow), "{text}");
    }
    assert_eq!(dita_kernel::num::pow10(39), None);
}

#[test]
fn an_entry_brings_what_is_known_of_it_and_its_leverage() {
    let mut desk = Desk::new();
    let enter = |desk: &mut Desk, slot: u32, metadata: &str, leverage: Option<&str>| {
        desk.intent(dita_kernel::names::KernelCommandType::Enter, slot, |intent| {
            intent.target_size = Some(dec("1"));
            (intent.metadata, intent.leverage) = (metadata.into(), leverage.map(dec));
        })
    };
    let shown = |desk: &Desk| desk.kernel.slot(0).expect("a slot").metadata.to_string();
    for metadata in ["{\"a\":1}", "", "{\"b\":2}"] {
        assert!(enter(&mut desk, 0, metadata, None).accepted);
        assert_eq!(shown(&desk), metadata);
        let entry = desk.submitted();
        desk.event(Kind::CancelAck, &entry, |_| {});
    }
    // A stranger's position is exposed to the leverage as a slot's is.
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
        event.venue_trade_id = id("T1");
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
    });
    assert_eq!(enter(&mut desk, 0, "", Some("3")).code, Code::RiskBlocked);
    assert!(enter(&mut desk, 0, "", Some("1")).accepted);
    // Spot has none but 1, which may be said.
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = dita_kernel::names::Product::Spot;
    let mut desk = Desk::over(spec, &[("USDT", "1000")], "100");
    assert!(!enter(&mut desk, 0, "", Some("2")).accepted);
    assert!(enter(&mut desk, 0, "", Some("1")).accepted);
}

#[test]
fn a_fall_counts_from_when_it_was_first_watched() {
    let drawdown = || RiskLimits { max_drawdown: Some(dec("0.001")), ..RiskLimits::default() };
    let limit = |desk: &mut Desk| {
        desk.control(ControlChange { limits: Some(drawdown()), ..ControlChange::default() });
    };
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.mark("150");
    desk.put(Input::Time);
    desk.mark("100");
    limit(&mut desk);
    assert!(desk.enter(1, "1").accepted, "what was lost before is not held against it");
    // A loss of nothing is none, whatever the limit.
    let mut desk = Desk::new();
    let none = RiskLimits { max_daily_loss: Some(dec("0")), ..RiskLimits::default() };
    if desk.control(ControlChange { limits: Some(none), ..ControlChange::default() }).accepted {
        assert!(desk.enter(0, "1").accepted);
    }
    // Without any equity, what holds an account back that has lost nothing is that it has no capital.
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let mut desk = Desk::over(spec, &[("USDT", "0")], "100");
    limit(&mut desk);
    let outcome = desk.enter(0, "1");
    assert!(
        matches!(outcome.detail, dita_kernel::outcome::Detail::Limit { limit: "available_capital", .. }),
        "{outcome:?}"
    );
}

#[test]
fn a_connection_that_goes_asks_nothing_and_one_that_comes_back_does() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    assert!(!desk.kernel.guard().kill_switch());
    let asked =
        |desk: &Desk| desk.effects.commands.iter().filter(|one| matches!(one, Command::Query(_))).count();
    desk.event(Kind::Disconnected, &Id::EMPTY, |_| {});
    assert_eq!(asked(&desk), 0);
    desk.event(Kind::Resynced, &Id::EMPTY, |_| {});
    assert_eq!(asked(&desk), 1);
}

#[test]
fn the_ledger_keeps_the_venues_time_and_ours_where_it_tells_none() {
    let mut desk = Desk::new();
    let entry = |desk: &mut Desk, time: i64, txn: &str| {
        desk.account(dita_kernel::names::AccountEventKind::Transfer, |event| {
            event.timestamp_ns = time;
            (event.amount, event.venue_txn_id) = (Some(dec("5")), id(txn));
        });
        desk.kernel.ledger().recent().last().expect("a transaction").venue_time_ns
    };
    assert_eq!(entry(&mut desk, 777, "X1"), 777);
    assert_eq!(desk.kernel.ledger().venue_time(), 777);
    let stamp = desk.now + 1;
    assert_eq!(entry(&mut desk, 0, "X2"), stamp);
}

fn spot_desk() -> Desk {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = dita_kernel::names::Product::Spot;
    Desk::over(spec, &[("USDT", "1000")], "100")
}

#[test]
fn what_is_bought_on_spot_is_not_lost() {
    let mut desk = spot_desk();
    let limits = RiskLimits { max_drawdown: Some(dec("0.1")), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    desk.open(0, "2", "100");
    assert!(desk.enter(1, "1").accepted, "200 of 1000 are coin now");
    let entry = desk.submitted();
    desk.event(Kind::CancelAck, &entry, |_| {});
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "X1", "1", "110");
    let between = desk.balance_of("USDT", dita_kernel::ledger::Account::InterSlot);
    assert_eq!(between, "0", "one slot is all there is");
}

#[test]
fn a_fee_that_is_settled_in_another_asset_is_that_assets() {
    use dita_kernel::ledger::Account::Fees;
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(desk.balance_of("USDT", Fees), "0.05", "as predicted");
    desk.account(dita_kernel::names::AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = id("T1");
        (event.fee, event.fee_asset) = (Some(dec("0.05")), id("BNB"));
    });
    assert_eq!((desk.balance_of("USDT", Fees), desk.balance_of("BNB", Fees)), ("0".into(), "0.05".into()));
}

#[test]
fn an_intent_may_bring_as_much_as_the_most() {
    let leg = |count: usize| {
        let mut legs = vec![dec("0.01"); count - 1];
        legs.push(dec(&format!("0.{:02}", 100 - (count - 1))));
        legs
    };
    for (length, legs, passes) in [(4_096, 2, true), (4_097, 2, false), (0, 31, true), (0, 32, false)] {
        let mut desk = Desk::new();
        let outcome = desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
            intent.target_size = Some(dec("1"));
            intent.metadata = "x".repeat(length).into();
            intent.exit_leg_ratios = leg(legs);
        });
        assert_eq!(outcome.accepted, passes, "{length} bytes, {legs} legs: {outcome:?}");
    }
}

#[test]
fn a_sample_of_a_fee_on_spot_needs_its_side() {
    use dita_kernel::input::FeeSample;
    let sample = |side| FeeSample {
        symbol: id("BTCUSDT"),
        price: dec("100"),
        size: dec("1"),
        fee: dec("0.001"),
        fee_asset: id(""),
        order_side: side,
        liquidity: None,
    };
    let mut desk = spot_desk();
    assert!(!desk.put(Input::Calibration(Box::new(sample(None)))).accepted);
    assert!(desk.put(Input::Calibration(Box::new(sample(Some(OrderSide::Buy))))).accepted);
}

#[test]
fn a_slot_that_is_opened_by_hand_was_entered_then() {
    use dita_kernel::input::SlotOverride;
    let mut desk = Desk::new();
    desk.now = 12_345;
    let mut change = SlotOverride::new(0, id("ops"), "by hand".into());
    (change.trade_id, change.asset) = (Some(id("by-hand")), Some(id("BTCUSDT")));
    change.side = Some(dita_kernel::names::TradeSide::Long);
    (change.size, change.entry_price) = (Some(dec("1")), Some(dec("100")));
    assert!(desk.put(Input::Override(Box::new(change))).accepted);
    assert_eq!(desk.kernel.slot(0).expect("a slot").entry_time_ns, desk.now);
}
