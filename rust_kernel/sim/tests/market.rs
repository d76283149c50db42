//! The book, the walk through it, and the orders that wait in it.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::InstrumentSpec;
use dita_kernel::names::Product;
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};
use exchange::{Exchange, bitcoin, dec, id, orders_only};

/// `size@price` of every fill.
fn fills(lines: &[String]) -> Vec<&str> {
    let fills = lines.iter().filter(|line| line.contains("_FILL "));
    fills.map(|line| line.split_whitespace().nth(2).unwrap()).collect()
}

#[test]
fn an_order_walks_the_levels_as_far_as_its_limit() {
    for (order, want) in [
        ("A buy 1", vec!["1@100"]),
        ("A buy 3", vec!["1@100", "2@101"]),
        ("A buy 10", vec!["1@100", "2@101", "7@102"]), // 3 are known at 102: the last level gives the rest
        ("A buy 10 ioc", vec!["1@100", "2@101", "3@102"]),
        ("A buy 10 101", vec!["1@100", "2@101"]),
        ("A buy 3 101 fok", vec!["1@100", "2@101"]),
        ("A buy 3.001 101 fok", vec![]),
        ("A sell 10", vec!["2@99", "8@98"]),
        ("A sell 10 99", vec!["2@99"]),
        ("A sell 10 99.1 ioc", vec![]),
    ] {
        let mut x = Exchange::plain();
        x.depth("99 2 98 4 | 102 3 100 1 101 2", true);
        assert_eq!(fills(&x.send(order)), want, "{order}");
        // The book is recorded data: the next order finds it as it was.
        assert_eq!(fills(&x.send(&order.replace('A', "B"))), want, "{order} again");
    }
}

#[test]
fn slippage_worsens_each_level_up_to_the_limit() {
    for (points, order, want) in [
        // 10 bps of 100 = 0.1
        ("10", "A buy 1", vec!["1@100.1"]),
        ("10", "A sell 1", vec!["1@98.9"]), // 99 − 0.099 = 98.901, down
        ("1", "A buy 1", vec!["1@100.1"]),  // 0.01, up to the tick
        ("10", "A buy 3", vec!["1@100.1", "2@101.2"]), // 101.101, up
        ("10", "A buy 3 101", vec!["1@100.1", "2@101"]), // never worse than the limit
        ("10", "A sell 1 99", vec!["1@99"]),
        ("0", "A buy 1", vec!["1@100"]),
    ] {
        let config = SimConfig { slippage_bps: dec(points), ..SimConfig::default() };
        let mut x = Exchange::with(config, &bitcoin());
        x.depth("99 2 98 4 | 102 3 100 1 101 2", true);
        assert_eq!(fills(&x.send(order)), want, "{points} bps {order}");
    }
}

#[test]
fn waiting_orders_fill_as_maker_at_their_own_limit() {
    for (quote, want) in [
        ("98 1 100.1 9", vec![]),
        ("98 1 100 9", vec!["FULL_FILL A 2@100 MAKER"]),
        ("98 1 100 1.5", vec!["PARTIAL_FILL A 1.5@100 MAKER"]),
        // An ask of 99 reaches both, the better price first, and its size is for all of them together.
        ("98 1 99 9", vec!["FULL_FILL A 2@100 MAKER", "FULL_FILL B 2@99 MAKER"]),
        ("98 1 99 3", vec!["FULL_FILL A 2@100 MAKER", "PARTIAL_FILL B 1@99 MAKER"]),
        ("98 1 98.5 2", vec!["FULL_FILL A 2@100 MAKER"]),
    ] {
        let mut x = Exchange::plain();
        x.quote("98 1 105 1");
        x.send("B buy 2 99");
        x.send("A buy 2 100");
        let lines = orders_only(x.quote(quote));
        let short: Vec<&str> = lines.iter().map(|line| line.split(" fee").next().unwrap()).collect();
        assert_eq!(short, want, "{quote}");
    }
    let mut x = Exchange::plain();
    x.send("S sell 1 101");
    assert_eq!(fills(&x.quote("100.9 102")), Vec::<&str>::new());
    assert_eq!(fills(&x.quote("101 102")), ["1@101"]);
}

#[test]
fn of_one_price_the_earliest_is_first() {
    let mut x = Exchange::plain();
    x.send("B sell 1 101");
    x.send("A sell 1 101");
    assert_eq!(orders_only(x.quote("101 1 102 1"))[0].split_whitespace().nth(1), Some("B"));
    assert_eq!(orders_only(x.quote("101 1 102 1"))[0].split_whitespace().nth(1), Some("A"));
}

#[test]
fn depth_fills_waiting_orders_level_by_level() {
    let mut x = Exchange::plain();
    x.depth("90 1 | 110 1", true);
    x.send("A buy 3 100");
    x.send("B buy 3 99");
    // Within 100: 1 + 1; within 99: 1, which A has used.
    assert_eq!(fills(&x.depth("| 99 1 100 1", false)), ["2@100"]);
    assert_eq!(fills(&x.depth("| 99 5", false)), ["1@100", "3@99"]);
}

#[test]
fn prints_fill_what_waits() {
    for (price, size, want) in [
        ("100.1", "9", vec![]),
        ("100", "1", vec!["1@100"]),
        ("100", "3", vec!["2@100", "1@100"]), // A and then B, together up to the print's size
        ("99.9", "0.001", vec!["2@100", "2@100"]), // through the price: all of it
    ] {
        let mut x = Exchange::plain();
        x.send("A buy 2 100");
        x.send("B buy 2 100");
        x.send("C sell 1 200");
        assert_eq!(fills(&x.print(price, size)), want, "{size}@{price}");
    }
    let mut x = Exchange::plain();
    x.print("100", "1");
    assert_eq!(x.send("A buy 1"), ["ORDER_REJECT A: no market"], "a print is not a quote");
}

#[test]
fn bars_know_no_sizes() {
    let mut x = Exchange::plain();
    x.venue.deposit(&id("USDT"), dec("100000000")).unwrap();
    x.quote("100 100");
    assert_eq!(fills(&x.send("A buy 123456.789")), ["123456.789@100"]);
    assert_eq!(fills(&x.send("B sell 99999 100 fok")), ["99999@100"]);
    x.quote("100 0 101 1");
    assert_eq!(x.send("C sell 1"), ["ORDER_REJECT C: no market"], "size 0 is an empty side");
}

#[test]
fn market_data_that_cannot_be_is_refused_by_name() {
    let mut x = Exchange::plain();
    x.quote("99 100");
    let quote = |x: &mut Exchange, bid, ask, size: &str| {
        let size = Some(dec(size));
        x.venue.quote(0, &id("BTCUSDT"), dec(bid), size, dec(ask), size, &mut x.heard)
    };
    for (bid, ask, size, want) in [
        ("99.95", "100", "1", "market of BTCUSDT: bid = 99.95: must be on the tick grid"),
        ("0", "100", "1", "market of BTCUSDT: bid = 0: must be positive"),
        ("101", "100", "1", "market of BTCUSDT: bid = 101: must be at most the ask"),
        ("99", "100", "-1", "market of BTCUSDT: bid_size = -1: must be from 0 to 10^15"),
    ] {
        assert_eq!(quote(&mut x, bid, ask, size).unwrap_err().to_string(), want);
    }
    let levels = |price, size| vec![(dec(price), dec(size))];
    let crossed =
        x.venue.depth(0, &id("BTCUSDT"), &levels("101", "1"), &levels("100", "1"), true, &mut x.heard);
    assert_eq!(
        crossed.unwrap_err().to_string(),
        "market of BTCUSDT: bids.price = 101.0: must be at most the best ask"
    );
    let unknown = x.venue.trade(0, &id("XRP"), dec("1"), dec("1"), &mut x.heard);
    assert_eq!(unknown.unwrap_err().to_string(), "no instrument \"XRP\" at this venue");
    assert_eq!(fills(&x.send("A buy 1")), ["1@100"], "nothing of it was applied");
}

#[test]
fn sizes_are_read_down_to_the_lot() {
    let mut x = Exchange::plain();
    x.quote("99 1 100 1.2345678");
    assert_eq!(fills(&x.send("A buy 5 100")), ["1.234@100"]);
}

#[test]
fn instruments_that_cannot_be_held_are_refused_by_name() {
    let mut venue = SimVenue::new(SimConfig::default()).unwrap();
    let changed = |change: fn(&mut InstrumentSpec)| {
        let mut spec = bitcoin();
        change(&mut spec);
        spec
    };
    for (spec, want) in [
        (
            changed(|s| (s.product, s.inverse) = (Product::Spot, true)),
            "instrument BTCUSDT: inverse: must be false for spot",
        ),
        (
            changed(|s| (s.product, s.settle) = (Product::Spot, id("BTC"))),
            "instrument BTCUSDT: settle: must be the quote asset for spot",
        ),
        (
            changed(|s| s.lot_step = Decimal::ZERO),
            "instrument BTCUSDT: lot_step = 0: must be positive, with at most 18 places",
        ),
        (
            changed(|s| s.lot_step = dec("0.000000000000000001")),
            "instrument BTCUSDT: tick_size = 0.1: must be of at most 18 places together with lot and multiplier",
        ),
        (changed(|s| s.fee_decimals = 19), "instrument BTCUSDT: fee_decimals = 19: must be at most 18"),
        (
            changed(|s| s.taker_rate = dec("2")),
            "instrument BTCUSDT: taker_rate = 2: must be from -1 to 1 with at most 12 places",
        ),
        (changed(|s| s.leverage = Decimal::ZERO), "instrument BTCUSDT: leverage = 0: must be positive"),
        (changed(|s| s.min_qty = Some(dec("-1"))), "instrument BTCUSDT: min_qty = -1: must be 0 or more"),
    ] {
        assert_eq!(venue.add_instrument(&spec).unwrap_err().to_string(), want);
    }
    venue.add_instrument(&bitcoin()).unwrap();
    venue.add_instrument(&changed(|s| s.taker_rate = dec("0.0004"))).unwrap();
    let other = venue.add_instrument(&changed(|s| s.tick_size = dec("0.01"))).unwrap_err();
    assert!(other.to_string().contains("the same tick"), "{other}");
}
