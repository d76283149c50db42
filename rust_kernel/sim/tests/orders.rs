//! What the venue makes of an order: terms, grids, liquidity, cancels and queries.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::{Input, OrderBounds, PriceBand};
use dita_kernel::names::{KernelEventKind, Liquidity, OrderSide, PositionSide, TradeSide, VenueOrderStatus};
use dita_kernel::num::Decimal;
use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, dec, id, lines, orders_only, sent};

#[test]
fn a_market_order_is_acknowledged_filled_settled_and_shown_in_the_wallet() {
    let mut x = Exchange::plain();
    x.quote("61800.0 61800.1");
    x.venue.submit(7, &sent("A buy 0.010"), &mut x.heard);
    let lines: Vec<String> = x.heard.iter().flat_map(lines).collect();
    // 0.010 × 61800.1 = 618.001; × 0.0005 = 0.3090005
    assert_eq!(
        lines,
        [
            "ORDER_ACK A",
            "FULL_FILL A 0.01@61800.1 TAKER fee 0.3090005 filled 0.01 left 0",
            "settles pnl 0 fee 0.3090005",
            "ACCOUNT_UPDATE balance 99999.6909995",
        ]
    );
}

#[test]
fn every_event_names_its_order() {
    let mut x = Exchange::plain();
    x.quote("61800.0 61800.1");
    x.venue.submit(7, &sent("A buy 0.010"), &mut x.heard);
    let [Input::Venue(ack), Input::Venue(fill), Input::Account(wallet)] = &x.heard[..] else {
        panic!("{:?}", x.heard)
    };
    assert_eq!(ack.status, Some(VenueOrderStatus::Acked));
    assert_eq!(fill.status, Some(VenueOrderStatus::Filled));
    assert_eq!((fill.kind, fill.liquidity), (KernelEventKind::FullFill, Some(Liquidity::Taker)));
    for event in [ack, fill] {
        assert_eq!((event.timestamp_ns, event.received_ns, event.slot_id), (7, 7, Some(3)));
        assert_eq!((event.order_side, event.side), (Some(OrderSide::Buy), Some(TradeSide::Long)));
        assert_eq!(event.position_side, Some(PositionSide::Both));
        let ids = [&event.trade_id, &event.venue_order_id, &event.venue_client_id, &event.asset];
        assert_eq!(ids, [&id("TRADE-1"), &id("ORD000001"), &id("A"), &id("BTCUSDT")]);
    }
    assert_eq!((&fill.venue_trade_id, &fill.fee_asset), (&id("T00000001"), &id("USDT")));
    assert_eq!((fill.realized_pnl, &wallet.asset), (Some(Decimal::ZERO), &id("USDT")));
}

#[test]
fn events_that_were_handed_back_are_written_anew() {
    let script = |reclaim: bool| {
        let mut x = Exchange::plain();
        let mut told = Vec::new();
        x.quote("99.9 1 100 1");
        // G and I wait for the last quote: their fills are written where acknowledgements were, and H's events
        // where those fills and settlements were.
        for order in [
            "A buy 1",
            "G buy 1 99.7",
            "I buy 1 99.7",
            "B sell 0.7",
            "D buy 1 99 ioc",
            "E sell 0 5",
            "quote",
            "H buy 1",
        ] {
            match order {
                "quote" => {
                    let (bid, ask) = (dec("99"), dec("99.7"));
                    x.venue.quote(1, &id("BTCUSDT"), bid, None, ask, None, &mut x.heard).unwrap();
                }
                order => x.venue.submit(1, &sent(order), &mut x.heard),
            }
            told.extend(x.heard.clone());
            if reclaim {
                x.venue.reclaim(&mut x.heard);
                assert!(x.heard.is_empty());
            }
            x.heard.clear();
        }
        told
    };
    assert_eq!(script(false), script(true));
}

/// The market of the table below: 99.9 for 2, 100 for 2.
#[test]
fn terms_of_an_order() {
    for (order, want) in [
        ("A buy 2", vec!["FULL_FILL A 2@100 TAKER"]),
        // A plain market order never hangs; one that says so is held to what is there.
        ("A buy 5", vec!["FULL_FILL A 5@100 TAKER"]),
        (
            "A buy 5 ioc",
            vec![
                "PARTIAL_FILL A 2@100 TAKER",
                "EXPIRED A filled 2 left 0: not filled at once, and its rest does not wait",
            ],
        ),
        ("A buy 5 fok", vec!["EXPIRED A filled 0 left 0: not filled at once, and its rest does not wait"]),
        ("A sell 2", vec!["FULL_FILL A 2@99.9 TAKER"]),
        ("A buy 2 100", vec!["FULL_FILL A 2@100 TAKER"]),
        ("A buy 2 101", vec!["FULL_FILL A 2@100 TAKER"]),
        ("A sell 2 99", vec!["FULL_FILL A 2@99.9 TAKER"]),
        ("A buy 2 99.9", vec![]),
        ("A buy 5 100", vec!["PARTIAL_FILL A 2@100 TAKER"]),
        (
            "A buy 5 100 ioc",
            vec![
                "PARTIAL_FILL A 2@100 TAKER",
                "EXPIRED A filled 2 left 0: not filled at once, and its rest does not wait",
            ],
        ),
        ("A buy 5 99 ioc", vec!["EXPIRED A filled 0 left 0: not filled at once, and its rest does not wait"]),
        (
            "A buy 5 100 fok",
            vec!["EXPIRED A filled 0 left 0: not filled at once, and its rest does not wait"],
        ),
        ("A buy 2 100 fok", vec!["FULL_FILL A 2@100 TAKER"]),
        ("A buy 2 99.9 post", vec![]),
    ] {
        let mut x = Exchange::plain();
        x.quote("99.9 2 100 2");
        let lines = orders_only(x.send(order));
        assert_eq!(lines[0], "ORDER_ACK A", "{order}");
        let short: Vec<String> = lines[1..].iter().map(|line| shorten(line)).collect();
        assert_eq!(short, want, "{order}");
        let rests = !lines.last().unwrap().starts_with("FULL") && !lines.last().unwrap().starts_with("EXP");
        assert_eq!(x.venue.open_orders().len(), usize::from(rests), "{order}");
    }
}

/// A fill without fee and sums.
fn shorten(line: &str) -> String {
    line.split(" fee").next().unwrap().to_string()
}

#[test]
fn what_the_venue_rejects() {
    let mut spec = bitcoin();
    spec.min_qty = Some(dec("0.005"));
    spec.max_qty = Some(dec("1000"));
    spec.min_notional = Some(dec("5"));
    spec.max_price = Some(dec("200"));
    for (order, reason) in [
        ("A buy 1 elsewhere", "unknown symbol"),
        ("A buy 1 stop", "trigger price: missing"),
        ("A buy 1 99 @99", "trigger price: this order type has none"),
        ("A buy 1 stop @0", "trigger price: not positive"),
        ("A buy 1 stop @100.05", "trigger price: off the tick grid"),
        ("A buy 1 stop @200.1", "trigger price: above the maximum"),
        ("A buy 1 stop @99", "trigger price: would trigger at once"),
        ("A buy 1 take @101", "trigger price: would trigger at once"),
        ("A sell 1 stop @101", "trigger price: would trigger at once"),
        ("A buy 1 stoplimit @101", "limit price: missing"),
        ("A buy 1 stop 101 @101", "limit price: a market order has none"),
        ("A buy 1 99 gtd", "expire time: missing"),
        ("A buy 1 99 until=0", "expire time: has passed"),
        ("A buy 1 long", "position side: the account is one-way"),
        ("A buy 0", "size: not positive"),
        ("A buy -1", "size: not positive"),
        ("A buy 0.0105", "size: off the lot grid"),
        ("A buy 0.004", "size: below the minimum"),
        ("A buy 1000.001", "size: above the maximum"),
        ("A buy 10000000000000000", "order too large"),
        ("A buy 1 priceless", "limit price: missing"),
        ("A buy 1 0", "limit price: not positive"),
        ("A buy 1 99.95", "limit price: off the tick grid"),
        ("A buy 1 200.1", "limit price: above the maximum"),
        ("A buy 0.049", "notional: below the minimum"), // 4.9
        ("A buy 0.05 99.9", "notional: below the minimum"), // 4.995
        ("A buy 1 100 post", "post only: would take"),
        ("A buy 1 post", "post only: would take"),
        ("A sell 1 99.9 post", "post only: would take"),
        ("A sell 1 reduce", "reduce only: no position"),
    ] {
        let mut x = Exchange::with(SimConfig::default(), &spec);
        x.quote("99.9 100");
        assert_eq!(x.send(order), [format!("ORDER_REJECT A: {reason}")], "{order}");
        assert_eq!((x.venue.counters().rejects, x.venue.counters().orders), (1, 0));
        assert_eq!((x.position().as_str(), x.balance().as_str()), ("0 0", "100000"), "{order}");
    }
    let mut x = Exchange::with(SimConfig::default(), &spec);
    assert_eq!(x.send("A buy 1"), ["ORDER_REJECT A: no market"]);
    assert_eq!(x.send("B buy 1 99"), ["ORDER_ACK B"], "a limit order needs no market");
    let mut unnamed = sent("C buy 1");
    unnamed.venue_client_id = id("");
    x.venue.submit(0, &unnamed, &mut x.heard);
    assert_eq!(x.tell(), ["ORDER_REJECT : client id missing"]);
}

#[test]
fn what_the_venue_bounds_beside_its_grid_is_rejected_by_name() {
    let mut spec = bitcoin();
    spec.bounds = Some(Box::new(OrderBounds {
        market_max_qty: Some(dec("2")),
        price_band: Some(PriceBand { low: dec("0.95"), high: dec("1.05") }),
        max_open_orders: Some(3),
        max_open_stops: Some(2),
    }));
    let mut x = Exchange::with(SimConfig::default(), &spec);
    x.quote("99.9 100");
    x.mark("100");
    for (order, answer) in [
        ("A buy 2.001", "ORDER_REJECT A: size: above the maximum of market orders"),
        ("B buy 2.001 stop @110", "ORDER_REJECT B: size: above the maximum of market orders"),
        ("C buy 1 105.1", "ORDER_REJECT C: limit price: too far from the mark"),
        ("D sell 1 94.9", "ORDER_REJECT D: limit price: too far from the mark"),
        ("E buy 20 50", "ORDER_ACK E"), // far below the mark a buy may rest
        ("F buy 1 stop @110", "ORDER_ACK F"),
        ("G sell 1 stop @90", "ORDER_ACK G"),
        ("H buy 1 90", "ORDER_REJECT H: too many open orders"),
        ("I buy 1 stop @111", "ORDER_REJECT I: too many open orders"),
        ("J buy 2", "ORDER_ACK J"), // what takes at once is never open
    ] {
        assert_eq!(x.send(order)[0], answer, "{order}");
    }
    x.cancel("E", "");
    assert_eq!(x.send("K buy 1 stop @111"), ["ORDER_REJECT K: too many open conditional orders"]);
    assert_eq!(x.send("L buy 1 90"), ["ORDER_ACK L"]);
}

#[test]
fn a_size_is_read_at_any_scale() {
    for size in ["0.01", "0.010", "0.0100000000000", "1e-2"] {
        let mut x = Exchange::plain();
        x.quote("99.9 100");
        assert_eq!(shorten(&x.send(&format!("A buy {size}"))[1]), "FULL_FILL A 0.01@100 TAKER", "{size}");
    }
}

#[test]
fn a_client_id_is_used_once() {
    let mut x = Exchange::plain();
    x.quote("99.9 100");
    x.send("REST buy 1 99");
    x.send("DONE buy 1");
    assert_eq!(x.send("BAD buy 0"), ["ORDER_REJECT BAD: size: not positive"]);
    for again in ["REST", "DONE", "BAD"] {
        let want = format!("ORDER_REJECT {again}: duplicate client id");
        assert_eq!(x.send(&format!("{again} sell 1")), [want]);
    }
    // The duplicates have not touched the first orders' records.
    assert_eq!(x.query("DONE", ""), ["ORDER_STATUS DONE filled 1 left 0 of 1 at 100"]);
    assert_eq!(x.query("REST", ""), ["ORDER_STATUS REST filled 0 left 1 of 1"]);
}

#[test]
fn the_last_4096_ended_orders_are_remembered() {
    let mut x = Exchange::plain();
    x.quote("99.9 100");
    for number in 0..5_000 {
        let side = if number % 2 == 0 { "buy" } else { "sell" };
        assert!(x.send(&format!("N{number} {side} 1"))[0].starts_with("ORDER_ACK"), "{number}");
    }
    for (number, known) in [(0, false), (903, false), (904, true), (4_999, true)] {
        let answer = &x.query(&format!("N{number}"), "")[0];
        assert_eq!(answer.starts_with("ORDER_STATUS"), known, "{number}: {answer}");
        let answer = &x.query("", &format!("ORD{:06}", number + 1))[0];
        assert_eq!(answer.starts_with("ORDER_STATUS"), known, "{number}: {answer}");
    }
    assert_eq!(x.send("N904 buy 1"), ["ORDER_REJECT N904: duplicate client id"]);
    assert_eq!(x.send("N903 buy 1")[0], "ORDER_ACK N903");
    assert!(x.query("N904", "")[0].starts_with("ORDER_NOT_FOUND"), "N903 took its place");
}

#[test]
fn cancels_and_queries() {
    let mut x = Exchange::plain();
    x.quote("99.9 1 100 1");
    x.send("A buy 3 100"); // ORD000001: 1 filled, 2 wait
    x.send("B buy 1 99"); // ORD000002
    x.send("C sell 1"); // ORD000003: filled
    assert_eq!(x.query("A", ""), ["ORDER_STATUS A filled 1 left 2 of 3 at 100"]);
    assert_eq!(x.cancel("A", ""), ["CANCEL_ACK A filled 1 left 0"]);
    assert_eq!(x.cancel("A", ""), ["CANCEL_REJECT A filled 1 left 0 of 3 at 100: already ended"]);
    assert_eq!(x.cancel("", "ORD000002"), ["CANCEL_ACK B filled 0 left 0"]);
    assert_eq!(x.cancel("C", ""), ["CANCEL_REJECT C filled 1 left 0 of 1 at 99.9: already filled"]);
    assert_eq!(x.cancel("D", "ORD000009"), ["CANCEL_REJECT D: unknown order"]);
    assert_eq!(x.query("", "ORD000001"), ["ORDER_STATUS A filled 1 left 0 of 3 at 100"]);
    assert_eq!(x.query("D", ""), ["ORDER_NOT_FOUND D: unknown order"]);
    assert!(x.venue.open_orders().is_empty());
    // Nothing waits any more: a market that falls through both limits fills nothing.
    assert_eq!(x.quote("90 91"), Vec::<String>::new());
    assert_eq!(x.venue.counters().cancels, 2);
}

#[test]
fn an_average_price_is_over_all_fills() {
    let mut x = Exchange::plain();
    x.depth("99 1 | 100 1 101 2", true);
    x.send("A buy 3");
    // (100 + 2 × 101) / 3 = 100.666..., half-even at nine places
    assert_eq!(x.query("A", ""), ["ORDER_STATUS A filled 3 left 0 of 3 at 100.666666667"]);
}

#[test]
fn open_orders_are_listed_by_age() {
    let mut x = Exchange::plain();
    x.send("B buy 2 99");
    x.send("A sell 1 101");
    x.send("C buy 1 98");
    x.cancel("B", "");
    x.send("D buy 1 97");
    let open = x.venue.open_orders();
    let listed: Vec<String> =
        open.iter().map(|o| format!("{} {}", o.venue_client_id, o.venue_order_id)).collect();
    assert_eq!(listed, ["A ORD000002", "C ORD000003", "D ORD000004"]);
    assert_eq!(
        (open[0].price, open[0].size, open[0].order_side),
        (Some(dec("101")), dec("1"), OrderSide::Sell)
    );
}

#[test]
fn leverage_is_set_or_refused() {
    let mut x = Exchange::plain();
    for (symbol, leverage, want) in [
        ("BTCUSDT", "20", "LEVERAGE BTCUSDT 20"),
        ("BTCUSDT", "0", "LEVERAGE REFUSED BTCUSDT: leverage: not positive"),
        ("XRPUSDT", "5", "LEVERAGE REFUSED XRPUSDT: unknown symbol"),
    ] {
        x.venue.set_leverage(0, &id(symbol), dec(leverage), &mut x.heard);
        assert_eq!(x.tell(), [want]);
    }
    assert_eq!(x.venue.leverage(&id("BTCUSDT")), Some(dec("20")));
}
