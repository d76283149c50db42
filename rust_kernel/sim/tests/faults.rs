//! Chance, latency, and that both can be repeated.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::Input;
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimFaults, SimVenue};
use exchange::{Exchange, bitcoin, dec, id, orders_only, sent};

fn flawed(change: impl FnOnce(&mut SimConfig)) -> Exchange {
    let mut config = SimConfig { seed: 42, ..SimConfig::default() };
    change(&mut config);
    let mut x = Exchange::with(config, &bitcoin());
    x.quote("99.9 100");
    x
}

#[test]
fn settings_out_of_range_are_named() {
    let with = |change: fn(&mut SimConfig)| {
        let mut config = SimConfig::default();
        change(&mut config);
        SimVenue::new(config).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (got, want) in [
        (
            with(|c| c.fill_rate = dec("1.5")),
            "fill_rate = 1.5: must be a rate from 0 to 1 with at most 12 places",
        ),
        (
            with(|c| c.reject_rate = dec("-0.1")),
            "reject_rate = -0.1: must be a rate from 0 to 1 with at most 12 places",
        ),
        (
            with(|c| c.partial_fill_rate = dec("2")),
            "partial_fill_rate = 2: must be a rate from 0 to 1 with at most 12 places",
        ),
        (
            with(|c| c.slippage_bps = dec("10000")),
            "slippage_bps = 10000: must be from 0 to below 10000 with at most 8 places",
        ),
        (with(|c| c.latency_ns = -1), "latency_ns = -1: must be 0 or more"),
        (with(|c| c.funding_delay_ns = -1), "funding_delay_ns = -1: must be 0 or more"),
        (
            with(|c| c.faults.drop = 1_000_001),
            "faults.drop = 1000001: must be a rate from 0 to 1000000 millionths",
        ),
        (
            with(|c| c.faults.delay_ns_max = 0),
            "faults.delay_ns_max = 0: must be positive, or 0 where nothing means never",
        ),
    ] {
        assert_eq!(got, want);
    }
}

#[test]
fn a_miss_expires_what_may_not_rest() {
    let mut x = flawed(|c| c.fill_rate = Decimal::ZERO);
    assert_eq!(
        x.send("A buy 1"),
        ["ORDER_ACK A", "EXPIRED A filled 0 left 0: not filled at once, and its rest does not wait"]
    );
    assert_eq!(
        x.send("B buy 1 101 ioc"),
        ["ORDER_ACK B", "EXPIRED B filled 0 left 0: not filled at once, and its rest does not wait"]
    );
    assert_eq!(x.send("C buy 1 101"), ["ORDER_ACK C"]);
    assert_eq!(x.quote("99.9 100"), Vec::<String>::new(), "and it misses again");
    assert_eq!(x.venue.open_orders().len(), 1);
}

#[test]
fn misses_and_rejects_come_as_often_as_told() {
    let mut x = flawed(|c| (c.fill_rate, c.reject_rate) = (dec("0.75"), dec("0.1")));
    for number in 0..10_000 {
        x.send(&format!("N{number} buy 0.001"));
    }
    let seen = x.venue.counters();
    assert!((900..1_100).contains(&seen.rejects), "{seen:?}");
    assert!((2_100..2_400).contains(&seen.expired), "a quarter of 9,000: {seen:?}");
    assert_eq!(seen.fills, seen.orders - seen.expired);
    let mut x = flawed(|c| c.reject_rate = Decimal::ONE);
    assert_eq!(x.send("A buy 1"), ["ORDER_REJECT A: simulated reject"]);
}

#[test]
fn a_parted_fill_is_50_to_90_percent_and_the_rest() {
    let mut x = flawed(|c| c.partial_fill_rate = Decimal::ONE);
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..500 {
        let lines = orders_only(x.send(&format!("N{number} buy 0.020")));
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[1].starts_with("PARTIAL_FILL") && lines[2].starts_with("FULL_FILL"), "{lines:?}");
        let first = dec(lines[1].split_whitespace().nth(2).unwrap().split('@').next().unwrap());
        seen.insert(first.at_scale(3).unwrap());
    }
    assert_eq!(seen, (10..=18).collect(), "every lot from 50 to 90 % of 20");
    for (size, parts) in [("0.001", 1), ("0.002", 2), ("0.003", 2)] {
        assert_eq!(orders_only(x.send(&format!("S{size} buy {size}"))).len(), 1 + parts, "{size}");
    }
}

#[test]
fn a_parted_fill_walks_the_levels_too() {
    let mut x = flawed(|c| c.partial_fill_rate = Decimal::ONE);
    x.depth("99 1 | 100 1 101 1", true);
    let lines = orders_only(x.send("A buy 2"));
    let sizes: Vec<i128> = lines[1..]
        .iter()
        .map(|l| dec(l.split_whitespace().nth(2).unwrap().split('@').next().unwrap()).at_scale(3).unwrap())
        .collect();
    assert_eq!(sizes.iter().sum::<i128>(), 2_000, "{lines:?}");
    assert!(sizes.len() == 2 || sizes.len() == 3, "{lines:?}");
}

#[test]
fn latency_is_half_there_and_half_back() {
    let mut x = Exchange::with(SimConfig { latency_ns: 101, ..SimConfig::default() }, &bitcoin());
    let at = |x: &mut Exchange, now_ns: i64| {
        x.now_ns = now_ns;
        x.venue.advance(now_ns, &mut x.heard);
        orders_only(x.tell())
    };
    x.quote("99.9 100");
    x.now_ns = 1_000;
    assert_eq!(x.send("A buy 1"), Vec::<String>::new());
    assert_eq!(x.venue.next_due_ns(), Some(1_050), "half of 101, rounded down");
    assert_eq!(at(&mut x, 1_049), Vec::<String>::new());
    // The market moves before the order arrives, and it is that market which it meets.
    x.now_ns = 1_049;
    x.quote("100.9 101");
    assert_eq!(at(&mut x, 1_050), Vec::<String>::new());
    assert_eq!((x.venue.next_due_ns(), x.position().as_str()), (Some(1_101), "1 101"));
    x.venue.advance(1_101, &mut x.heard);
    let Some(Input::Venue(ack)) = x.heard.first() else { panic!("{:?}", x.heard) };
    assert_eq!((ack.timestamp_ns, ack.received_ns), (1_050, 1_101));
    assert_eq!(orders_only(x.tell()).len(), 2);
    assert_eq!(x.venue.next_due_ns(), None);
}

#[test]
fn what_is_due_runs_before_the_market_moves() {
    let mut x = Exchange::with(SimConfig { latency_ns: 100, ..SimConfig::default() }, &bitcoin());
    x.quote("99.9 100");
    x.send("A buy 1");
    x.now_ns = 50;
    x.quote("104.9 105");
    assert_eq!(x.position(), "1 100", "it arrived at 50, as the quote did, and before it");
    // A cancel that crosses the fill: both are answered, in the order of arrival.
    x.now_ns = 200;
    x.venue.advance(200, &mut x.heard);
    x.tell();
    x.send("B buy 1 104");
    x.now_ns = 251;
    x.cancel("B", "");
    x.now_ns = 260;
    assert_eq!(x.quote("103 104"), Vec::<String>::new(), "the fill is on its way");
    x.now_ns = 351;
    x.venue.advance(351, &mut x.heard);
    let lines = orders_only(x.tell());
    assert_eq!(lines[..1], ["ORDER_ACK B"]);
    assert!(lines[1].starts_with("FULL_FILL B 1@104 MAKER"), "{lines:?}");
    assert!(lines[2].starts_with("CANCEL_REJECT B") && lines[2].ends_with("already filled"), "{lines:?}");
}

#[test]
fn requests_of_one_moment_keep_their_order() {
    let mut x = Exchange::with(SimConfig { latency_ns: 10, ..SimConfig::default() }, &bitcoin());
    x.quote("99.9 100");
    for client in ["C", "A", "B"] {
        x.send(&format!("{client} buy 1 50"));
    }
    x.venue.set_leverage(0, &id("BTCUSDT"), dec("3"), &mut x.heard);
    x.query("A", "");
    x.venue.advance(1_000, &mut x.heard);
    let lines = x.tell();
    let want = [
        "ORDER_ACK C",
        "ORDER_ACK A",
        "ORDER_ACK B",
        "LEVERAGE BTCUSDT 3",
        "ORDER_STATUS A filled 0 left 1 of 1",
    ];
    assert_eq!(lines, want);
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let run = |seed| {
        let config = SimConfig {
            seed,
            latency_ns: 7,
            fill_rate: dec("0.7"),
            reject_rate: dec("0.1"),
            partial_fill_rate: dec("0.5"),
            slippage_bps: dec("1.5"),
            ..SimConfig::default()
        };
        let mut x = Exchange::with(config, &bitcoin());
        for number in 0..2_000_i64 {
            let price = 1_000 + (number * 7_919) % 40;
            let bid = Decimal::new(i128::from(price), 1).unwrap();
            let ask = Decimal::new(i128::from(price + 1), 1).unwrap();
            let size = Some(dec("3"));
            x.venue.quote(number, &id("BTCUSDT"), bid, size, ask, size, &mut x.heard).unwrap();
            let side = if number % 3 == 0 { "sell" } else { "buy" };
            let limit = if number % 2 == 0 { "102" } else { "" };
            x.venue.submit(number, &sent(&format!("N{number} {side} 0.5 {limit}")), &mut x.heard);
        }
        x.venue.advance(i64::MAX, &mut x.heard);
        x.heard
    };
    let first = run(9);
    assert!(first.len() > 4_000);
    assert_eq!(first, run(9));
    assert_ne!(first, run(10));
}

fn troubled(change: impl FnOnce(&mut SimFaults)) -> Exchange {
    let mut faults = SimFaults::default();
    change(&mut faults);
    flawed(|c| c.faults = faults)
}

const ALWAYS: u32 = 1_000_000;

/// Each row: the fault, the requests, what is heard of them, what healing brings.
#[test]
fn a_fault_does_what_it_says() {
    type Change = fn(&mut SimFaults);
    let rows: &[(Change, &str, &[&str], &[&str])] = &[
        (|f| f.rate_limit = ALWAYS, "A buy 1", &["RATE_LIMITED A: too many requests"], &[]),
        (|f| f.lost_request = ALWAYS, "A buy 1", &["SEND_TIMEOUT A: no answer"], &[]),
        (
            |f| f.send_timeout = ALWAYS,
            "A buy 1",
            &["SEND_TIMEOUT A: no answer"],
            &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "ORDER_STATUS A"],
        ),
        (|f| f.instant_expired = ALWAYS, "A buy 1", &["EXPIRED A"], &[]),
        (|f| f.kill_self_trade = ALWAYS, "A buy 1", &["ORDER_ACK A", "EXPIRED A"], &[]),
        (|f| f.kill_post_only = ALWAYS, "A buy 1 99 post", &["ORDER_ACK A", "EXPIRED A"], &[]),
        (|f| f.overfill = ALWAYS, "A buy 1", &["ORDER_ACK A", "FULL_FILL A 1.001@100 TAKER"], &[]),
        (
            |f| f.bust = ALWAYS,
            "A buy 1",
            &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "TRADE_BUST A 1@100"],
            &[],
        ),
        (
            |f| f.correction = ALWAYS,
            "A buy 1",
            &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "TRADE_CORRECT A 1@100.1"],
            &[],
        ),
        (
            |f| f.price_pending = ALWAYS,
            "A buy 1",
            &["ORDER_ACK A", "FULL_FILL A 1@0 TAKER", "FULL_FILL A 1@100 TAKER"],
            &[],
        ),
        (|f| f.fill_before_ack = ALWAYS, "A buy 1", &["FULL_FILL A 1@100 TAKER", "ORDER_ACK A"], &[]),
        (
            |f| f.stale_status = ALWAYS,
            "A buy 1",
            &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "ORDER_STATUS A"],
            &[],
        ),
        (|f| f.duplicate = ALWAYS, "A buy 1 99", &["ORDER_ACK A", "ORDER_ACK A"], &["ORDER_STATUS A"]),
        (|f| f.drop = ALWAYS, "A buy 1 99", &[], &["ORDER_ACK A", "ORDER_STATUS A"]),
        (|f| f.delay = ALWAYS, "A buy 1 99", &[], &["ORDER_ACK A", "ORDER_STATUS A"]),
        (|f| f.silence = ALWAYS, "A buy 1 99", &[], &["ORDER_ACK A", "ORDER_STATUS A"]),
        (
            |f| f.disconnect = ALWAYS,
            "A buy 1 99",
            &["DISCONNECTED "],
            &["ORDER_ACK A", "ORDER_STATUS A", "RESYNCED "],
        ),
        (|f| f.adl = ALWAYS, "A buy 1", &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "ADL  0.001@99.9"], &[]),
        (
            |f| f.liquidation = ALWAYS,
            "A buy 1",
            &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "LIQUIDATION  1@99.9"],
            &[],
        ),
        (
            |f| f.manual_trade = ALWAYS,
            "A buy 1",
            &["ORDER_ACK A", "FULL_FILL A 1@100 TAKER", "FULL_FILL WEB2 0.001@100 TAKER"],
            &[],
        ),
    ];
    let short =
        |line: &String| line.split(" fee").next().unwrap().split(" filled").next().unwrap().to_string();
    for (row, (change, order, want, healed)) in rows.iter().enumerate() {
        let mut x = troubled(*change);
        let words = |lines: Vec<String>| -> Vec<String> {
            orders_only(lines).iter().filter(|line| !line.contains("_FEE")).map(short).collect()
        };
        assert_eq!(words(x.send(order)), *want, "row {row}");
        let fired: u64 = x.venue.counters().faults.all().iter().map(|(_, count)| count).sum();
        assert!(fired > 0, "row {row}");
        x.venue.heal(1, &mut x.heard);
        let after = words(x.tell());
        let last: Vec<&str> = healed.to_vec();
        // Live orders have their last word too.
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        let statuses = after.iter().filter(|line| line.starts_with("ORDER_STATUS")).count();
        if !last.is_empty() {
            assert_eq!(after, last, "row {row}");
        }
        assert!(statuses <= 1, "row {row}");
    }
}

#[test]
fn a_canceled_order_may_be_filled_and_one_that_seems_canceled_may_live() {
    let mut x = troubled(|f| f.late_fill = ALWAYS);
    x.send("A buy 1 99");
    let lines = orders_only(x.cancel("A", ""));
    assert_eq!(lines[0], "CANCEL_ACK A filled 0 left 0");
    assert_eq!(lines[1], "PARTIAL_FILL A 0.001@99 MAKER fee 0.0000198 filled 0.001 left 0");
    assert_eq!(x.position(), "0.001 0.099");
    let mut x = troubled(|f| f.false_cancel = ALWAYS);
    x.send("A buy 1 99");
    assert_eq!(x.cancel("A", ""), ["CANCEL_ACK A filled 0 left 0"]);
    assert_eq!(x.venue.open_orders().len(), 1);
    x.venue.heal(1, &mut x.heard);
    assert!(x.venue.open_orders().is_empty());
}

#[test]
fn a_query_ends_the_silence_about_an_order() {
    let mut x = troubled(|f| (f.send_timeout, f.not_found_ns) = (ALWAYS, 100));
    assert_eq!(x.send("A buy 1"), ["SEND_TIMEOUT A: no answer"]);
    x.now_ns = 50;
    assert_eq!(x.query("A", ""), ["ORDER_NOT_FOUND A: unknown order"]);
    x.now_ns = 150;
    let lines = orders_only(x.query("A", ""));
    assert!(
        lines[1].starts_with("FULL_FILL A") && lines[2].starts_with("ORDER_STATUS A filled 1"),
        "{lines:?}"
    );
}

#[test]
fn faults_that_are_off_change_nothing_and_healing_without_any_is_silent() {
    let mut x = flawed(|c| c.faults = SimFaults { disconnect_ns: 7, ..SimFaults::default() });
    let mut y = flawed(|_| ());
    for order in ["A buy 1", "B sell 0.5", "C buy 1 99"] {
        assert_eq!(x.send(order), y.send(order));
    }
    x.venue.heal(5, &mut x.heard);
    assert!(x.heard.is_empty());
}
