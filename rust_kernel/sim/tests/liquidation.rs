//! Positions that end without an order of their owner.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::{Input, InstrumentSpec, MarginTier};
use dita_kernel::names::{KernelEventKind, MarginConvention, MarginMode};
use dita_kernel::num::Decimal;
use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, dec, id, lines};

fn tier(floor: &str, rate: &str) -> MarginTier {
    MarginTier { notional_floor: dec(floor), maint_rate: dec(rate), max_leverage: None }
}

/// 1,000 USDT, maintenance 1 % up to 50,000 and 2 % beyond, a liquidation fee of 0.5 %.
fn cross(change: impl FnOnce(&mut SimConfig)) -> Exchange {
    let mut config =
        SimConfig { quotes_set_marks: false, liquidation_fee_rate: dec("0.005"), ..SimConfig::default() };
    change(&mut config);
    let mut spec = bitcoin();
    spec.margin_tiers = vec![tier("0", "0.01"), tier("50000", "0.02")];
    (spec.leverage, spec.taker_rate) = (dec("100"), Decimal::ZERO);
    let mut x = Exchange::as_configured(config, &spec);
    x.venue.transfer(0, &id("USDT"), dec("-99000"), &mut x.heard).unwrap();
    x.quote("100 100");
    x.tell();
    x
}

fn all(x: &mut Exchange, price: &str) -> Vec<String> {
    x.venue.mark(x.now_ns, &id("BTCUSDT"), dec(price), &mut x.heard).unwrap();
    x.heard.drain(..).flat_map(|input| lines(&input)).collect()
}

#[test]
fn a_position_is_liquidated_where_the_formula_says() {
    // Binance, one-way cross: LP = (WB + cum − side·pos·EP) ÷ (pos·MMR − side·pos).
    for (order, safe, fatal) in [
        // (1000 − 100 × 100) ÷ (100 × 0.01 − 100) = 90.909…
        ("A buy 100", "90.92", "90.9"),
        // (1000 + 100 × 100) ÷ (100 × 0.01 + 100) = 108.910…
        ("A sell 100", "108.9", "108.92"),
        // cum = 50000 × 0.01 = 500: (1000 + 500 − 60000) ÷ (600 × 0.02 − 600) = 99.4897…
        ("A buy 600", "99.5", "99.48"),
    ] {
        let mut x = cross(|_| ());
        x.send(order);
        assert_eq!(all(&mut x, safe).len(), 1, "{order} at {safe}");
        let lines = all(&mut x, fatal);
        assert!(lines[1].starts_with("LIQUIDATION "), "{order} at {fatal}: {lines:?}");
        assert_eq!(x.position(), "0 0");
        assert_eq!(x.venue.counters().liquidations, 1);
    }
}

#[test]
fn a_liquidation_ends_all_orders_names_no_client_and_charges_its_fee() {
    let mut x = cross(|_| ());
    x.send("A buy 100");
    x.send("TP sell 100 120 reduce");
    x.send("SL sell 100 stop @80 reduce");
    x.venue.mark(0, &id("BTCUSDT"), dec("90.55"), &mut x.heard).unwrap();
    let event = x.heard.iter().find_map(|input| match input {
        Input::Venue(event) if event.kind == KernelEventKind::Liquidation => Some(event.clone()),
        _ => None,
    });
    let event = event.unwrap();
    assert!(
        event.venue_client_id.is_empty()
            && !event.venue_order_id.is_empty()
            && !event.venue_trade_id.is_empty()
    );
    let lines: Vec<String> = x.heard.drain(..).flat_map(|input| lines(&input)).collect();
    assert_eq!(
        lines,
        [
            "MARK BTCUSDT 90.55",
            "CANCEL_ACK TP filled 0 left 0: liquidation",
            "CANCEL_ACK SL filled 0 left 0: liquidation",
            "LIQUIDATION  100@90.5 fee 0 filled 100 left 0 of 100", // down to the tick, against a seller
            "settles pnl -950 fee 0",
            "ACCOUNT_UPDATE balance 50",
            "LIQUIDATION_FEE BTCUSDT USDT amount -45.25",
            "ACCOUNT_UPDATE balance 4.75",
        ]
    );
    assert!(x.venue.open_orders().is_empty());
}

#[test]
fn insurance_pays_what_the_wallet_lacks() {
    let mut x = cross(|_| ());
    x.send("A buy 100");
    let lines = all(&mut x, "80");
    // −2000 − 40 of fee + 1000
    assert_eq!(lines[lines.len() - 2..], ["ADJUSTMENT USDT amount 1040", "ACCOUNT_UPDATE balance 0"]);
    assert_eq!(x.balance(), "0");
}

#[test]
fn without_the_setting_nobody_is_liquidated() {
    let mut x = cross(|c| c.liquidation = false);
    x.send("A buy 100");
    assert_eq!(all(&mut x, "1"), ["MARK BTCUSDT 1"]);
    assert_eq!(x.position(), "100 10000");
}

#[test]
fn quotes_may_set_the_mark() {
    let mut x = cross(|c| c.quotes_set_marks = true);
    x.send("A buy 100");
    let lines = x.quote("89.9 90");
    assert_eq!(lines[0], "MARK BTCUSDT 89.95");
    assert!(lines[1].starts_with("LIQUIDATION"), "{lines:?}");
}

#[test]
fn auto_deleveraging_takes_at_most_the_position_at_its_price() {
    for (entry, asked, price, want, position, balance) in [
        ("A buy 3", "1", "104", "ADL  1@104 fee 0 filled 1 left 0 of 1", "2 200", "1004"),
        ("A buy 3", "9", "104", "ADL  3@104 fee 0 filled 3 left 0 of 3", "0 0", "1012"),
        ("A sell 3", "1", "96", "ADL  1@96 fee 0 filled 1 left 0 of 1", "-2 200", "1004"),
    ] {
        let mut x = cross(|_| ());
        x.send(entry);
        x.venue.force_adl(0, &id("BTCUSDT"), dec(asked), dec(price), &mut x.heard).unwrap();
        assert_eq!(x.tell()[0], want, "{entry}");
        assert_eq!((x.position().as_str(), x.balance().as_str()), (position, balance), "{entry}");
    }
    let mut x = cross(|_| ());
    let refused = x.venue.force_adl(0, &id("BTCUSDT"), dec("1"), dec("100"), &mut x.heard).unwrap_err();
    assert_eq!(refused.to_string(), "market of BTCUSDT: size = 1: must be of a position that is there");
}

#[test]
#[rustfmt::skip]
fn each_convention_liquidates_at_its_own_price_and_an_isolated_position_at_its_own_cost() {
    use MarginConvention::{Binance, Bybit};
    use MarginMode::{Cross, Isolated};
    // 100 at 100 with leverage 10 and 1,000 USDT; 1 % must be held.
    for (convention, mode, order, safe, fatal, left) in [
        (Binance, Cross,    "A buy 100",  "90.92", "90.9",   "90"),  // 1,000 + 100 p - 10,000 = p
        (Bybit,   Cross,    "A buy 100",  "91.1",  "91",     "100"), // 1,000 + 100 p - 10,000 = 100
        (Binance, Isolated, "A buy 50",   "90.92", "90.9",   "545"), // 500 + 50 p - 5,000 = 0.5 p
        (Bybit,   Isolated, "A sell 50",  "108.9", "109",    "550"), // 500 + 5,000 - 50 p = 50
        (Binance, Isolated, "A buy 50",   "91",    "70",     "500"), // far beyond: 500 were set aside, and no more goes
    ] {
        let config = SimConfig { quotes_set_marks: false, ..SimConfig::default() };
        let spec = InstrumentSpec {
            margin_tiers: vec![tier("0", "0.01")], leverage: dec("10"), taker_rate: Decimal::ZERO,
            margin_convention: convention, margin_mode: mode, ..bitcoin()
        };
        let mut x = Exchange::as_configured(config, &spec);
        x.venue.transfer(0, &id("USDT"), dec("-99000"), &mut x.heard).unwrap();
        x.quote("100 100");
        x.tell();
        x.send(order);
        all(&mut x, safe);
        assert_eq!(x.venue.counters().liquidations, 0, "{convention} {mode} {order} at {safe}");
        all(&mut x, fatal);
        assert_eq!((x.venue.counters().liquidations, x.position().as_str()), (1, "0 0"), "{convention} {mode} {order} at {fatal}");
        let wallet = x.venue.wallet_balance(&id("USDT")).map(|money| money.to_string());
        assert_eq!(wallet.as_deref(), Some(left), "{convention} {mode} {order}");
    }
}

#[test]
fn what_is_set_aside_for_an_isolated_position_is_out_of_reach() {
    let spec = InstrumentSpec {
        leverage: dec("10"),
        taker_rate: Decimal::ZERO,
        margin_mode: MarginMode::Isolated,
        ..bitcoin()
    };
    let mut x = Exchange::with(SimConfig::default(), &spec);
    x.venue.transfer(0, &id("USDT"), dec("-99000"), &mut x.heard).unwrap();
    x.quote("100 100");
    x.tell();
    x.send("A buy 90"); // 900 of 1,000
    x.venue.mark(0, &id("BTCUSDT"), dec("150"), &mut x.heard).unwrap();
    x.tell();
    // A gain of 4,500 stays in the position.
    let refused = x.send("B buy 20 100");
    assert!(refused[0].starts_with("ORDER_REJECT B: insufficient margin"), "{refused:?}");
}
