//! Accounts that are not a one-way linear one: hedge mode, inverse, spot, fees in another asset, margin, transfers.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::names::{OrderSide, PositionSide, Product};
use dita_kernel::num::{Decimal, Money};
use dita_sim::{SimConfig, SimVenue};
use exchange::{Exchange, bitcoin, dec, id, line, money, orders_only};

fn short(lines: Vec<String>) -> Vec<String> {
    let words = |line: &String| line.split(" fee").next().unwrap().to_string();
    orders_only(lines).iter().map(words).collect()
}

fn balance(x: &Exchange, asset: &str) -> Money {
    x.venue.wallet_balance(&id(asset)).unwrap_or(Money::ZERO)
}

// ------------------------------------------------------------------------------------------------ hedge mode

#[test]
fn hedge_mode_keeps_two_books_that_never_cross_zero() {
    let mut x = Exchange::with(SimConfig { hedge_mode: true, ..SimConfig::default() }, &bitcoin());
    x.quote("99.9 100");
    let both = |x: &Exchange| {
        let [long, short] = x.venue.hedged_position(&id("BTCUSDT")).unwrap();
        format!("{} {} / {} {}", long.0, long.1, short.0, short.1)
    };
    for (order, want, books) in [
        (
            "A buy 1",
            "ORDER_REJECT A: position side: the account is in hedge mode, LONG or SHORT is needed",
            "0.000 0 / 0.000 0",
        ),
        ("B buy 3 long", "FULL_FILL B 3@100 TAKER", "3.000 300 / 0.000 0"),
        ("C sell 2 short", "FULL_FILL C 2@99.9 TAKER", "3.000 300 / -2.000 199.8"),
        ("D sell 1 long", "FULL_FILL D 1@99.9 TAKER", "2.000 200 / -2.000 199.8"),
        ("E buy 5 short", "FULL_FILL E 2@100 TAKER", "2.000 200 / 0.000 0"), // cut to the book
        ("F buy 1 short", "ORDER_REJECT F: reduce only: no position", "2.000 200 / 0.000 0"),
    ] {
        assert_eq!(short(x.send(order)).last().unwrap(), want, "{order}");
        assert_eq!(both(&x), books, "{order}");
    }
    // −0.1 on the long's one lot (99.9 − 100), −0.2 on the short; fees on 3 × 100, 2 × 99.9, 99.9, 2 × 100.
    assert_eq!(x.balance(), "99999.30015");
    x.send("G sell 5 105 long");
    x.send("H sell 2 long");
    assert_eq!(
        short(x.quote("105 105.1")),
        ["EXPIRED G filled 0 left 0: reduce only: no position"],
        "a waiting order that closes never opens"
    );
}

// --------------------------------------------------------------------------------------------------- inverse

/// 100 USD a contract, settled in BTC.
fn inverse() -> InstrumentSpec {
    InstrumentSpec {
        inverse: true,
        settle: id("BTC"),
        contract_multiplier: dec("100"),
        lot_step: dec("1"),
        ..bitcoin()
    }
}

#[test]
fn an_inverse_contract_settles_in_coin() {
    let mut x = Exchange::with(SimConfig::default(), &inverse());
    x.venue.deposit(&id("BTC"), dec("10")).unwrap();
    for (quote, order, settled, balance_after) in [
        // 50 × 100 ÷ 50000 = 0.1; fee 0.1 × 0.0005
        ("49999.9 50000", "A buy 50", "pnl 0 fee 0.00005", "9.99995"),
        // long: 0.1 − 5000 ÷ 62500 = 0.1 − 0.08 = + 0.02; fee 0.08 × 0.0005
        ("62500 62500.1", "B sell 50", "pnl 0.02 fee 0.00004", "10.01991"),
        // sold 50: 0.08 brought at 62500
        ("62500 62500.1", "C sell 50", "pnl 0 fee 0.00004", "10.01987"),
        // bought back at 80000: 0.0625 − 0.08 = −0.0175; fee 0.00003125
        ("79999.9 80000", "D buy 50", "pnl -0.0175 fee 0.00003125", "10.00233875"),
        // 1000 ÷ 30000 = 0.0333…: 10 contracts; fee 0.00001667
        ("29999.9 30000", "E buy 10", "pnl 0 fee 0.00001667", "10.00232208"),
        ("30000 30000.1", "F sell 10", "pnl 0 fee 0.00001667", "10.00230541"),
    ] {
        x.quote(quote);
        let lines = x.send(order);
        assert_eq!(lines.last().unwrap(), &format!("settles {settled}"), "{order}");
        assert_eq!(balance(&x, "BTC"), money(balance_after), "{order}");
    }
    assert_eq!(x.balance(), "100000", "no USDT moved");
    assert_eq!(x.position(), "0 0");
}

#[test]
fn inverse_funding_is_paid_in_coin() {
    let mut x = Exchange::with(SimConfig::default(), &inverse());
    x.venue.deposit(&id("BTC"), dec("10")).unwrap();
    x.quote("49999.9 50000");
    x.send("A buy 50");
    x.mark("40000");
    x.venue.set_funding(0, &id("BTCUSDT"), dec("0.001"), 10, 3_600, &mut x.heard).unwrap();
    x.tell();
    // 5000 ÷ 40000 = 0.125 BTC × 0.001
    assert_eq!(x.at(10)[0], "FUNDING_FEE BTCUSDT BTC amount -0.000125");
}

// ------------------------------------------------------------------------------------------------------ spot

fn spot(change: impl FnOnce(&mut InstrumentSpec)) -> Exchange {
    let mut spec = InstrumentSpec { product: Product::Spot, ..bitcoin() };
    change(&mut spec);
    let mut x = Exchange::with(SimConfig::default(), &spec);
    x.quote("99.9 100");
    x
}

#[test]
fn spot_moves_two_balances_and_charges_what_is_received() {
    let mut x = spot(|_| ());
    for (order, want, btc, usdt) in [
        // 2 BTC less 0.05 %
        ("A buy 2", "FULL_FILL A 2@100 TAKER fee 0.001 filled 2 left 0", "1.999", "99800"),
        // 0.999 × 99.9 = 99.8001, less 0.04990005
        (
            "B sell 0.999",
            "FULL_FILL B 0.999@99.9 TAKER fee 0.04990005 filled 0.999 left 0",
            "1",
            "99899.75019995",
        ),
        ("C sell 1.001", "ORDER_REJECT C: insufficient balance", "1", "99899.75019995"),
        ("D buy 999", "ORDER_REJECT D: insufficient balance", "1", "99899.75019995"),
        ("E sell 1 reduce", "FULL_FILL E 1@99.9 TAKER fee 0.04995 filled 1 left 0", "0", "99999.60024995"),
        ("F sell 0.001", "ORDER_REJECT F: insufficient balance", "0", "99999.60024995"),
    ] {
        assert_eq!(x.send(order).last().unwrap(), want, "{order}");
        let held = (balance(&x, "BTC"), balance(&x, "USDT"));
        assert_eq!(held, (money(btc), money(usdt)), "{order}");
    }
}

#[test]
fn waiting_spot_orders_hold_what_they_promise() {
    let mut x = spot(|_| ());
    assert_eq!(x.send("A buy 600 99"), ["ORDER_ACK A"]); // 59,400
    assert_eq!(x.send("B buy 411 99"), ["ORDER_REJECT B: insufficient balance"]);
    assert_eq!(x.send("C buy 400 99"), ["ORDER_ACK C"]);
    assert_eq!(x.amend("C 411"), ["AMEND_REJECT C filled 0 left 400 of 400: insufficient balance"]);
    assert_eq!(x.amend("C 410"), ["AMEND_ACK C filled 0 left 410 of 410"]);
    x.cancel("A", "");
    assert_eq!(x.send("D buy 500 99"), ["ORDER_ACK D"]);
    x.quote("98 99");
    assert_eq!(balance(&x, "USDT"), money("9910")); // 100000 − 910 × 99
    assert_eq!(balance(&x, "BTC"), money("909.818")); // maker: 0.02 % less
    // A conditional order is held against the balance when it is triggered.
    x.send("S sell 1000 stop @90");
    assert_eq!(short(x.quote("89 90"))[1], "EXPIRED S filled 0 left 0: insufficient balance");
}

#[test]
fn spot_fees_may_be_named_in_quote() {
    let mut x = spot(|spec| spec.fee_asset = id("USDT"));
    assert_eq!(x.send("A buy 2").last().unwrap(), "FULL_FILL A 2@100 TAKER fee 0.1 filled 2 left 0");
    assert_eq!((balance(&x, "BTC"), balance(&x, "USDT")), (money("2"), money("99799.9")));
}

#[test]
fn a_spot_batch_shows_both_wallets() {
    let mut x = spot(|_| ());
    x.venue.submit(0, &exchange::sent("A buy 1"), &mut x.heard);
    let frames: Vec<(String, Option<Decimal>)> = x
        .heard
        .iter()
        .filter_map(|input| match input {
            Input::Account(event) => event.wallet_balance.map(|b| (event.asset.to_string(), Some(b))),
            _ => None,
        })
        .collect();
    assert_eq!(frames, [("USDT".into(), Some(dec("99900"))), ("BTC".into(), Some(dec("0.9995")))]);
}

// ------------------------------------------------------------------------------------------ fees and entries

#[test]
fn a_fee_in_another_asset_is_discounted_until_it_runs_out() {
    let mut x = Exchange::plain();
    x.quote("99.9 100");
    x.venue.deposit(&id("BNB"), dec("0.0003")).unwrap();
    x.venue.pay_fees_in(Some((&id("BNB"), dec("300"), dec("0.1")))).unwrap();
    // 0.05 USDT × 0.9 ÷ 300 = 0.00015
    assert_eq!(x.send("A buy 1").last().unwrap(), "settles in BNB pnl 0 fee 0.00015");
    assert_eq!(x.send("B buy 1").last().unwrap(), "settles in BNB pnl 0 fee 0.00015");
    assert_eq!(x.send("C buy 1").last().unwrap(), "settles pnl 0 fee 0.05");
    assert_eq!((balance(&x, "BNB"), x.balance()), (Money::ZERO, "99999.95".into()));
    x.venue.pay_fees_in(None).unwrap();
    assert_eq!(x.send("D buy 1").last().unwrap(), "settles pnl 0 fee 0.05");
    for (price, discount) in [("0", "0"), ("-1", "0"), ("1", "1.1"), ("1", "-0.1")] {
        assert!(x.venue.pay_fees_in(Some((&id("BNB"), dec(price), dec(discount)))).is_err());
    }
}

#[test]
fn rates_change_without_a_word() {
    let mut x = Exchange::plain();
    x.quote("99.9 100");
    x.venue.set_fee_rates(&id("BTCUSDT"), dec("-0.0001"), dec("0.0004")).unwrap();
    assert_eq!(x.send("A buy 1").last().unwrap(), "settles pnl 0 fee 0.04");
    x.send("M sell 1 101");
    assert_eq!(x.quote("101 102").last().unwrap(), "settles pnl 1 fee -0.0101");
    assert!(x.venue.set_fee_rates(&id("BTCUSDT"), dec("2"), dec("0")).is_err());
}

#[test]
fn transfers_rebates_and_adjustments_are_entries_of_their_own() {
    let mut x = Exchange::plain();
    let asset = id("USDT");
    x.venue.transfer(5, &asset, dec("500.25"), &mut x.heard).unwrap();
    x.venue.transfer(5, &asset, dec("-100000"), &mut x.heard).unwrap();
    x.venue.credit(5, true, &asset, dec("0.75"), &mut x.heard).unwrap();
    x.venue.credit(5, false, &asset, dec("-1"), &mut x.heard).unwrap();
    let lines: Vec<String> = x.heard.iter().map(line).collect();
    let want = [
        "TRANSFER USDT amount 500.25",
        "ACCOUNT_UPDATE balance 100500.25",
        "TRANSFER USDT amount -100000",
        "ACCOUNT_UPDATE balance 500.25",
        "REBATE USDT amount 0.75",
        "ACCOUNT_UPDATE balance 501",
        "ADJUSTMENT USDT amount -1",
        "ACCOUNT_UPDATE balance 500",
    ];
    assert_eq!(lines, want);
    let ids: std::collections::BTreeSet<String> = x
        .heard
        .iter()
        .filter_map(|input| match input {
            Input::Account(event) if event.amount.is_some() => Some(event.venue_txn_id.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    let refused = x.venue.transfer(5, &asset, dec("-500.01"), &mut x.heard).unwrap_err();
    assert_eq!(refused.to_string(), "USDT -500.01: must be at most what the wallet holds");
    assert_eq!(x.balance(), "500");
}

// ---------------------------------------------------------------------------------------------------- margin

fn with_margin(change: impl FnOnce(&mut SimConfig)) -> Exchange {
    let mut config = SimConfig { margin_check: true, margin_events: true, ..SimConfig::default() };
    change(&mut config);
    let mut spec = bitcoin();
    spec.leverage = dec("10");
    let mut x = Exchange::with(config, &spec);
    x.quote("99.9 100");
    x.mark("100");
    x
}

#[test]
fn an_order_that_increases_needs_margin() {
    let mut x = with_margin(|_| ());
    for (order, want) in [
        // 10 × leverage: at most 1,000,000 of notional, less fees
        ("A buy 10000", "ORDER_REJECT A: insufficient margin"),
        ("B buy 9000", "FULL_FILL B 9000@100 TAKER"), // 90,000 of margin, 450 of fee
        ("C buy 1000", "ORDER_REJECT C: insufficient margin"),
        ("D sell 18000", "FULL_FILL D 18000@99.9 TAKER"), // closes 9,000 and opens 9,000
        ("E sell 1000", "ORDER_REJECT E: insufficient margin"),
        ("F buy 9000 50 reduce", "ORDER_ACK F"),
        ("G sell 1000 110", "ORDER_REJECT G: insufficient margin"),
    ] {
        assert_eq!(short(x.send(order)).last().unwrap(), want, "{order}");
    }
}

#[test]
fn a_waiting_order_holds_margin_and_a_wallet_frame_shows_it() {
    let mut x = with_margin(|_| ());
    x.send("A buy 5000 90"); // 45,000
    x.venue.submit(0, &exchange::sent("B buy 1000"), &mut x.heard);
    let frame = x.heard.iter().map(line).find(|line| line.starts_with("ACCOUNT_UPDATE")).unwrap();
    // 100,000 − 50 of fee; used 45,000 + 10,000
    assert_eq!(frame, "ACCOUNT_UPDATE balance 99950 available 44950 used 55000 maintenance 500");
    x.tell();
    assert_eq!(x.send("C buy 6000 90"), ["ORDER_REJECT C: insufficient margin"]); // 54,000 > 44,950
    assert_eq!(x.amend("A 10000"), ["AMEND_REJECT A filled 0 left 5000 of 5000: insufficient margin"]);
    assert_eq!(x.amend("A 9000"), ["AMEND_ACK A filled 0 left 9000 of 9000"]);
}

#[test]
fn positions_are_told_where_they_are_wanted() {
    let mut x = Exchange::with(SimConfig { position_events: true, ..SimConfig::default() }, &bitcoin());
    x.quote("99.9 100");
    assert_eq!(x.send("A buy 1").last().unwrap(), "POSITION_UPDATE BTCUSDT USDT BOTH size 1 entry 100");
    x.quote("99.9 101");
    let last = x.send("B buy 2").pop().unwrap(); // (100 + 202) ÷ 3
    assert_eq!(last, "POSITION_UPDATE BTCUSDT USDT BOTH size 3 entry 100.666666667");
    assert_eq!(x.send("C sell 3").last().unwrap(), "POSITION_UPDATE BTCUSDT USDT BOTH size 0 entry 0");
    let trade = (OrderSide::Sell, PositionSide::Both, dec("0.5"), dec("99"));
    x.venue.manual_trade(0, &id("BTCUSDT"), trade.0, trade.1, trade.2, trade.3, &mut x.heard).unwrap();
    let lines = x.tell();
    assert!(lines[0].starts_with("FULL_FILL WEB4 0.5@99 TAKER fee 0.02475"), "{lines:?}");
    assert_eq!(lines[2], "POSITION_UPDATE BTCUSDT USDT BOTH size -0.5 entry 99");
}

/// The odd path and the plain one are one venue: a setting that changes nothing here must change no event.
#[test]
fn an_odd_market_answers_as_a_plain_one() {
    let run = |config: SimConfig| {
        let mut x = Exchange::with(config, &bitcoin());
        let mut all = Vec::new();
        for number in 0..500_i64 {
            let price = 1_000 + (number * 7_919) % 40;
            let bid = Decimal::new(i128::from(price), 1).unwrap();
            let ask = Decimal::new(i128::from(price + 1), 1).unwrap();
            let size = Some(dec("3"));
            x.venue.quote(number, &id("BTCUSDT"), bid, size, ask, size, &mut x.heard).unwrap();
            let side = if number % 3 == 0 { "sell" } else { "buy" };
            let limit = ["102", "", "101 ioc", "103 fok"][number as usize % 4];
            x.venue.submit(number, &exchange::sent(&format!("N{number} {side} 1.5 {limit}")), &mut x.heard);
            all.append(&mut x.heard);
        }
        all.iter().map(line).collect::<Vec<_>>()
    };
    let flawed = || SimConfig {
        seed: 3,
        fill_rate: dec("0.8"),
        partial_fill_rate: dec("0.5"),
        ..SimConfig::default()
    };
    let plain = run(flawed());
    assert!(plain.len() > 1_000);
    assert_eq!(run(SimConfig { native_oco: true, ..flawed() }), plain);
}

#[test]
fn a_venue_without_instruments_takes_nothing() {
    let mut venue = SimVenue::new(SimConfig::default()).unwrap();
    let mut out = Vec::new();
    assert!(venue.mark(0, &id("X"), dec("1"), &mut out).is_err());
    assert!(venue.set_funding(0, &id("X"), dec("0.1"), 1, 1, &mut out).is_err());
    assert!(venue.force_adl(0, &id("X"), dec("1"), dec("1"), &mut out).is_err());
    assert!(out.is_empty());
}
