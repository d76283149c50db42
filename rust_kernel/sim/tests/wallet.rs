//! The venue's account, against arithmetic done by hand.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::Input;
use dita_kernel::num::{Money, Rounding};
use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, dec, id, line, money, orders_only};

/// Each row: the quote, the order, the settlement's PnL and fee, position and cost, balance. All as taker, 0.05 %.
fn play(x: &mut Exchange, rows: &[(&str, &str, &str, &str, &str)]) {
    for (quote, order, settled, position, balance) in rows {
        x.quote(quote);
        let lines = x.send(order);
        assert_eq!(lines.last().unwrap(), &format!("settles {settled}"), "{order}");
        assert_eq!((x.position().as_str(), x.balance().as_str()), (*position, *balance), "{order}");
    }
}

#[test]
fn a_long_is_opened_raised_and_closed() {
    play(
        &mut Exchange::plain(),
        &[
            // 2 × 100 = 200; fee 200 × 0.0005 = 0.1
            ("99.9 100", "A buy 2", "pnl 0 fee 0.1", "2 200", "99999.9"),
            // + 1 × 103 = 303 in all; fee 0.0515
            ("102.9 103", "B buy 1", "pnl 0 fee 0.0515", "3 303", "99999.8485"),
            // releases 303 × 1/3 = 101; 110 − 101 = 9; fee 0.055
            ("110 110.1", "C sell 1", "pnl 9 fee 0.055", "2 202", "100008.7935"),
            // 2 × 90 = 180 − 202 = −22; fee 0.09
            ("90 90.1", "D sell 2", "pnl -22 fee 0.09", "0 0", "99986.7035"),
        ],
    );
}

#[test]
fn a_released_cost_that_does_not_end_is_rounded_at_the_last_place() {
    play(
        &mut Exchange::plain(),
        &[
            ("99.9 100", "A buy 2", "pnl 0 fee 0.1", "2 200", "99999.9"),
            ("99.9 100.1", "B buy 1", "pnl 0 fee 0.05005", "3 300.1", "99999.84995"),
            // releases 300.1 × 1/3 = 100.033333333333333333|33 (down); 99.9 − that = −0.13333333|33;
            // fee 99.9 × 0.0005 = 0.04995
            (
                "99.9 100",
                "C sell 1",
                "pnl -0.13333333 fee 0.04995",
                "2 200.066666666666666667",
                "99999.66666667",
            ),
            // releases half of it: 100.0333333333333333335, a tie, to the even …334, so that …333 stays;
            // 100 − that = −0.03333333|33; fee 0.05
            (
                "100 100.1",
                "D sell 1",
                "pnl -0.03333333 fee 0.05",
                "1 100.033333333333333333",
                "99999.58333334",
            ),
            // all of the rest: 100.1 − 100.033333333333333333 = 0.06666666|6667 → 0.06666667; fee 0.05005
            ("100.1 100.2", "E sell 1", "pnl 0.06666667 fee 0.05005", "0 0", "99999.59995001"),
        ],
    );
}

#[test]
fn a_short_brings_money_first() {
    play(
        &mut Exchange::plain(),
        &[
            // sold 2 at 100: 200 brought; fee 0.1
            ("100 100.1", "A sell 2", "pnl 0 fee 0.1", "-2 200", "99999.9"),
            // bought 0.5 at 96: 200 × 0.5/2 = 50 released, 48 paid: + 2; fee 0.024
            ("95.9 96", "B buy 0.5", "pnl 2 fee 0.024", "-1.5 150", "100001.876"),
            // bought 1.5 at 104: 150 − 156 = −6; fee 0.078
            ("103.9 104", "C buy 1.5", "pnl -6 fee 0.078", "0 0", "99995.798"),
        ],
    );
}

#[test]
fn a_fill_past_zero_closes_all_and_opens_the_rest() {
    play(
        &mut Exchange::plain(),
        &[
            ("99.9 100", "A buy 2", "pnl 0 fee 0.1", "2 200", "99999.9"),
            // closes 2: 220 − 200 = 20; opens −3 at 110: 330; fee on 550: 0.275
            ("110 110.1", "B sell 5", "pnl 20 fee 0.275", "-3 330", "100019.625"),
            // closes −3: 330 − 300 = 30; opens 1 at 100; fee on 400: 0.2
            ("99.9 100", "C buy 4", "pnl 30 fee 0.2", "1 100", "100049.425"),
        ],
    );
}

#[test]
fn the_multiplier_is_in_every_amount() {
    let mut spec = bitcoin();
    spec.contract_multiplier = dec("0.01");
    spec.lot_step = dec("1");
    let mut x = Exchange::with(SimConfig::default(), &spec);
    play(
        &mut x,
        &[
            // 7 × 0.01 × 61800.1 = 4326.007; fee 2.1630035
            ("61800 61800.1", "A buy 7", "pnl 0 fee 2.1630035", "7 4326.007", "99997.8369965"),
            // 7 × 0.01 × 61800.2 = 4326.014: + 0.007; fee 2.163007
            ("61800.2 61800.3", "B sell 7", "pnl 0.007 fee 2.163007", "0 0", "99995.6809895"),
        ],
    );
}

#[test]
fn makers_and_takers_pay_their_own_rate() {
    let mut spec = bitcoin();
    spec.maker_rate = dec("-0.0001"); // a rebate
    let mut x = Exchange::with(SimConfig::default(), &spec);
    x.quote("99.9 100.1");
    x.send("A buy 1 100");
    // 100 × −0.0001 = −0.01
    assert_eq!(x.quote("99.8 100")[1], "settles pnl 0 fee -0.01");
    assert_eq!(x.balance(), "100000.01");
    // 99.8 × 0.0005 = 0.0499
    assert_eq!(x.send("B sell 1")[2], "settles pnl -0.2 fee 0.0499");
    assert_eq!(x.venue.fees_paid(&id("USDT")), Some(money("0.0399")));
    assert_eq!(x.venue.realized_pnl(&id("USDT")), Some(money("-0.2")));
}

#[test]
fn fees_are_rounded_as_the_instrument_says() {
    // 0.001 × 100.1 = 0.1001; × 0.0005 = 0.00005005
    for (decimals, rounding, fee) in [
        (8, Rounding::HalfEven, "0.00005005"),
        (6, Rounding::HalfEven, "0.00005"),
        (6, Rounding::Up, "0.000051"),
        (6, Rounding::Down, "0.00005"),
        (2, Rounding::Ceiling, "0.01"),
        (0, Rounding::HalfEven, "0"),
        (18, Rounding::HalfEven, "0.00005005"),
    ] {
        let mut spec = bitcoin();
        (spec.fee_decimals, spec.fee_rounding) = (decimals, rounding);
        let mut x = Exchange::with(SimConfig::default(), &spec);
        x.quote("99.9 100.1");
        assert_eq!(x.send("A buy 0.001")[2], format!("settles pnl 0 fee {fee}"), "{decimals} {rounding:?}");
    }
}

#[test]
fn realised_pnl_is_rounded_to_the_even_neighbour() {
    // Bought 1 at 100 in cents of fee_decimals 0: sold at 100.5 gives 0.5 → 0, at 101.5 gives 1.5 → 2.
    for (bid, pnl) in [("100.5", "0"), ("101.5", "2"), ("99.5", "0"), ("98.5", "-2")] {
        let mut spec = bitcoin();
        spec.fee_decimals = 0;
        let mut x = Exchange::with(SimConfig::default(), &spec);
        x.quote("99.9 100");
        x.send("A buy 1");
        x.quote(&format!("{bid} 102"));
        assert_eq!(x.send("B sell 1")[2], format!("settles pnl {pnl} fee 0"), "{bid}");
    }
}

#[test]
fn a_reduce_only_order_is_cut_to_the_position() {
    let mut x = Exchange::plain();
    x.quote("100 100");
    x.send("A buy 2");
    assert_eq!(x.send("B buy 1 reduce"), ["ORDER_REJECT B: reduce only: no position"], "it would raise");
    let lines = orders_only(x.send("C sell 5 reduce"));
    assert_eq!(lines[0], "ORDER_ACK C of 2", "the acknowledgement tells the size");
    assert!(lines[1].starts_with("FULL_FILL C 2@100 TAKER"), "{lines:?}");
    assert_eq!(x.position(), "0 0");
    // Two that wait: the second finds nothing left, and expires instead of opening a short.
    x.send("D buy 3");
    x.send("E sell 2 101 reduce");
    x.send("F sell 2 101 reduce");
    let lines = orders_only(x.quote("101 102"));
    assert!(lines[0].starts_with("FULL_FILL E 2@101 MAKER"), "{lines:?}");
    assert!(lines[1].starts_with("PARTIAL_FILL F 1@101 MAKER"), "{lines:?}");
    assert_eq!((lines.len(), x.position().as_str()), (2, "0 0"));
    assert_eq!(x.quote("101 102"), ["EXPIRED F filled 1 left 0: reduce only: no position"]);
    assert!(x.venue.open_orders().is_empty());
}

#[test]
fn fee_and_profit_are_in_the_fill_or_in_the_settlement_that_then_follows() {
    let config = |fee_in_fill, settle_events, wallet_events| SimConfig {
        fee_in_fill,
        settle_events,
        wallet_events,
        ..SimConfig::default()
    };
    for (config, want) in [
        (config(true, true, true), vec!["ORDER_ACK", "FULL_FILL fee pnl", "ACCOUNT_UPDATE"]),
        (config(true, false, true), vec!["ORDER_ACK", "FULL_FILL fee", "ACCOUNT_UPDATE"]),
        (config(true, false, false), vec!["ORDER_ACK", "FULL_FILL fee"]),
        (config(false, true, false), vec!["ORDER_ACK", "FULL_FILL", "FILL_SETTLED"]),
        (config(false, false, false), vec!["ORDER_ACK", "FULL_FILL", "FILL_SETTLED"]),
    ] {
        let mut x = Exchange::with(config.clone(), &bitcoin());
        x.quote("99.9 100");
        x.venue.submit(0, &exchange::sent("A buy 1"), &mut x.heard);
        let kinds: Vec<String> = x.heard.iter().map(kind_and_fee).collect();
        assert_eq!(kinds, want, "{config:?}");
        assert_eq!(x.balance(), "99999.95", "the wallet is the same however it is told");
    }
}

fn kind_and_fee(input: &Input) -> String {
    let words = line(input);
    let kind = words.split_whitespace().next().unwrap();
    let Input::Venue(event) = input else { return kind.to_string() };
    let fee = if event.fee.is_some() { " fee" } else { "" };
    let pnl = if event.realized_pnl.is_some() { " pnl" } else { "" };
    format!("{kind}{fee}{pnl}")
}

#[test]
fn wallet_frames_end_each_batch_of_fills() {
    let mut x = Exchange::plain();
    x.depth("99 1 | 100 1 101 1", true);
    x.venue.submit(0, &exchange::sent("A buy 2"), &mut x.heard);
    let kinds: Vec<String> =
        x.heard.iter().map(|input| line(input).split_whitespace().next().unwrap().to_string()).collect();
    let want = ["ORDER_ACK", "PARTIAL_FILL", "FULL_FILL", "ACCOUNT_UPDATE"];
    assert_eq!(kinds, want);
}

#[test]
fn deposits_of_any_precision_are_kept_whole() {
    let mut x = Exchange::plain();
    x.venue.deposit(&id("USDT"), dec("0.000000000000000001")).unwrap();
    x.venue.deposit(&id("USDT"), dec("-50000")).unwrap();
    x.venue.deposit(&id("BNB"), dec("3.5")).unwrap();
    assert_eq!(x.balance(), "50000.000000000000000001");
    assert_eq!(x.venue.wallet_balance(&id("BNB")), Some(money("3.5")));
    assert_eq!(x.venue.wallet_balance(&id("ETH")), None);
    assert!(x.venue.deposit(&id("USDT"), dec("0.0000000000000000001")).is_err());
    assert!(x.venue.deposit(&id("USDT"), dec("1000000000000001")).is_err());
    // A balance of more digits than an event's number holds at 18 places is still told exactly.
    x.venue.deposit(&id("USDT"), dec("-0.000000000000000001")).unwrap();
    x.venue.deposit(&id("USDT"), dec("900000000000000")).unwrap();
    x.quote("99.9 100");
    x.venue.submit(0, &exchange::sent("A buy 1"), &mut x.heard);
    assert_eq!(line(x.heard.last().unwrap()), "ACCOUNT_UPDATE balance 900000000049999.95");
}

/// A small generator of the test's own.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn no_money_appears_or_vanishes_over_ten_thousand_orders() {
    let config = SimConfig {
        seed: 5,
        fill_rate: dec("0.9"),
        reject_rate: dec("0.05"),
        partial_fill_rate: dec("0.3"),
        slippage_bps: dec("2.5"),
        ..SimConfig::default()
    };
    let mut x = Exchange::with(config, &bitcoin());
    let mut dice = Dice(1);
    let (mut realised, mut fees, mut quantity) = (Money::ZERO, Money::ZERO, 0_i128);
    for number in 0..10_000 {
        let bid = 1_000 + dice.roll(400);
        let ask = bid + 1 + dice.roll(5);
        let sizes = [dice.roll(9), dice.roll(9)];
        let tenths = |price: u64| format!("{}.{}", price / 10, price % 10);
        let mut heard = std::mem::take(&mut x.heard);
        x.quote_raw(&tenths(bid), sizes[0], &tenths(ask), sizes[1], &mut heard);
        let side = if dice.roll(2) == 0 { "buy" } else { "sell" };
        let size = format!("{}.{:03}", dice.roll(4), 1 + dice.roll(999));
        let limit = tenths(bid - 10 + dice.roll(20));
        let terms = match dice.roll(6) {
            0 => String::new(),
            1 => limit,
            2 => format!("{limit} ioc"),
            3 => format!("{limit} fok"),
            4 => "reduce".to_string(),
            _ => format!("{limit} reduce"),
        };
        x.venue.submit(number, &exchange::sent(&format!("N{number} {side} {size} {terms}")), &mut heard);
        for input in heard.drain(..) {
            match input {
                Input::Account(event) => {
                    if let Some(balance) = event.wallet_balance {
                        let told = Money::from_decimal(balance).unwrap();
                        assert_eq!(told, money("100000") + realised - fees, "order {number}");
                    }
                }
                Input::Venue(event) => {
                    realised += event.realized_pnl.map_or(Money::ZERO, |v| Money::from_decimal(v).unwrap());
                    fees += event.fee.map_or(Money::ZERO, |v| Money::from_decimal(v).unwrap());
                    if let (Some(size), Some(side)) = (event.size, event.order_side) {
                        quantity += side.sign() * size.at_scale(3).unwrap();
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let counters = x.venue.counters();
    assert!(counters.fills > 5_000 && counters.rejects > 100 && counters.expired > 500, "{counters:?}");
    assert_eq!(x.venue.wallet_balance(&id("USDT")), Some(money("100000") + realised - fees));
    assert_eq!(x.venue.fees_paid(&id("USDT")), Some(fees));
    assert_eq!(x.venue.realized_pnl(&id("USDT")), Some(realised));
    assert_eq!(x.venue.position(&id("BTCUSDT")).unwrap().0.at_scale(3), Ok(quantity));
}

impl Exchange {
    fn quote_raw(&mut self, bid: &str, bid_size: u64, ask: &str, ask_size: u64, heard: &mut Vec<Input>) {
        let size = |lots: u64| if lots == 0 { None } else { Some(dec(&lots.to_string())) };
        self.venue
            .quote(0, &id("BTCUSDT"), dec(bid), size(bid_size), dec(ask), size(ask_size), heard)
            .unwrap();
    }
}
