//! Funding: announced, due at boundaries, paid.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::{Input, InstrumentSpec};
use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, dec, id, line, money};

const HOUR: i64 = 3_600_000_000_000;

fn with(change: impl FnOnce(&mut SimConfig)) -> Exchange {
    let mut config = SimConfig::default();
    change(&mut config);
    let mut x = Exchange::with(config, &bitcoin());
    x.quote("99.9 100");
    x
}

fn fund(x: &mut Exchange, symbol: &str, rate: &str, next_ns: i64, hours: u32) -> Vec<String> {
    let terms = (dec(rate), next_ns, hours * 3_600);
    x.venue.set_funding(x.now_ns, &id(symbol), terms.0, terms.1, terms.2, &mut x.heard).unwrap();
    x.tell()
}

/// All lines, wallet frames too.
fn hear(x: &mut Exchange, now_ns: i64) -> Vec<String> {
    x.now_ns = now_ns;
    x.venue.advance(now_ns, &mut x.heard);
    x.heard.drain(..).map(|input| line(&input)).collect()
}

#[test]
fn longs_pay_a_positive_rate_and_shorts_receive_it() {
    for (order, rate, mark, amount, balance) in [
        // −(2 × 101.5 × 0.0001) = −0.0203; the entry's fee was 0.1
        ("A buy 2", "0.0001", "101.5", "-0.0203", "99999.8797"),
        ("A sell 2", "0.0001", "101.5", "0.0203", "99999.9204"), // the fee was 0.0999
        ("A buy 2", "-0.0001", "101.5", "0.0203", "99999.9203"),
        // 0.001 × 100.0000005 × 0.0001 = 0.00001000000005, half-even at 8 places
        ("A buy 0.001", "0.0001", "100.0000005", "-0.00001", "99999.99994"),
        // 0.001 × 100.05 × 0.00001 = 0.0000010005
        ("A sell 0.001", "0.00001", "100.05", "0.000001", "99999.99995105"),
    ] {
        let mut x = with(|_| ());
        x.send(order);
        x.mark(mark);
        assert_eq!(fund(&mut x, "BTCUSDT", rate, 10, 8).len(), 1);
        assert!(hear(&mut x, 9).is_empty());
        let lines = hear(&mut x, 10);
        assert_eq!(lines[0], format!("FUNDING_FEE BTCUSDT USDT amount {amount}"), "{order} {rate} {mark}");
        assert_eq!(lines[1], format!("ACCOUNT_UPDATE balance {balance}"), "{order} {rate} {mark}");
        let rate = exchange::trimmed(dec(rate));
        assert_eq!(lines[2], format!("TERMS BTCUSDT rate {rate} next {}", 10 + 8 * HOUR));
        assert_eq!(x.balance(), balance);
    }
}

#[test]
fn a_boundary_finds_the_position_and_the_mark_as_they_are_then() {
    let mut x = with(|_| ());
    fund(&mut x, "BTCUSDT", "0.001", 100, 1);
    assert_eq!(hear(&mut x, 100).len(), 1, "no position, nothing to pay: only the next terms");
    x.send("A buy 1");
    x.mark("200");
    // The quote of the boundary's own time comes after it, and so does an order.
    x.now_ns = 100 + HOUR;
    let lines = x.quote("300 300.1");
    assert_eq!(lines[0], "FUNDING_FEE BTCUSDT USDT amount -0.2");
    x.send("B sell 1");
    assert_eq!(hear(&mut x, 100 + 2 * HOUR).len(), 1);
    assert_eq!(x.venue.counters().fundings, 1);
}

#[test]
fn without_a_mark_the_middle_of_the_book_values_the_position() {
    let mut x = with(|_| ());
    x.send("A buy 1");
    fund(&mut x, "BTCUSDT", "0.001", 10, 1);
    assert_eq!(hear(&mut x, 10)[0], "FUNDING_FEE BTCUSDT USDT amount -0.09995");
}

#[test]
fn a_schedule_changes_at_run_time() {
    let mut x = with(|_| ());
    x.send("A buy 1");
    x.mark("100");
    fund(&mut x, "BTCUSDT", "0.001", 8 * HOUR, 8);
    assert_eq!(fund(&mut x, "BTCUSDT", "0.002", HOUR, 1), [format!("TERMS BTCUSDT rate 0.002 next {HOUR}")]);
    let lines = hear(&mut x, 9 * HOUR);
    let paid: Vec<&String> = lines.iter().filter(|line| line.starts_with("FUNDING_FEE")).collect();
    assert_eq!(paid, vec!["FUNDING_FEE BTCUSDT USDT amount -0.2"; 9], "the first schedule is gone");
    for (rate, next_ns, secs) in [("2", 10 * HOUR, 1), ("0.1", 10 * HOUR, 0), ("0.1", 9 * HOUR, 1)] {
        let refused = x.venue.set_funding(9 * HOUR, &id("BTCUSDT"), dec(rate), next_ns, secs, &mut x.heard);
        assert!(refused.is_err(), "{rate} {next_ns} {secs}");
    }
}

#[test]
fn funding_without_a_symbol_is_pooled_per_asset() {
    let mut x = with(|c| c.funding_without_symbol = true);
    let symbol = id("ETHUSDT");
    x.venue.add_instrument(&InstrumentSpec { symbol, base: id("ETH"), ..bitcoin() }).unwrap();
    x.venue.quote(0, &id("ETHUSDT"), dec("9.9"), None, dec("10"), None, &mut x.heard).unwrap();
    x.send("A buy 1");
    x.send("B sell 5 in=ETHUSDT");
    x.mark("100");
    x.venue.mark(0, &id("ETHUSDT"), dec("10"), &mut x.heard).unwrap();
    fund(&mut x, "BTCUSDT", "0.001", 10, 1); // pays 0.1
    fund(&mut x, "ETHUSDT", "0.004", 10, 1); // receives 0.2
    let before = x.balance();
    x.venue.advance(10, &mut x.heard);
    let [Input::Account(paid), Input::Account(_), Input::Funding(_), Input::Funding(_)] = &x.heard[..] else {
        panic!("{:?}", x.heard)
    };
    assert!(paid.symbol.is_empty() && paid.rate.is_none() && paid.mark_price.is_none());
    assert_eq!((paid.amount, paid.venue_txn_id.clone()), (Some(dec("0.1")), id("W00000001")));
    assert_eq!(money(&x.balance()), money(&before) + money("0.1"));
}

#[test]
fn what_is_due_is_fixed_at_the_boundary_and_paid_later() {
    let mut x = with(|c| c.funding_delay_ns = 15_000);
    x.send("A buy 1");
    x.mark("100");
    fund(&mut x, "BTCUSDT", "0.001", 10, 1);
    assert_eq!(hear(&mut x, 20).len(), 1, "the next terms");
    x.mark("500");
    x.send("OUT sell 1");
    let before = x.balance();
    assert_eq!(hear(&mut x, 15_009), Vec::<String>::new());
    assert_eq!(x.balance(), before);
    assert_eq!(hear(&mut x, 15_010)[0], "FUNDING_FEE BTCUSDT USDT amount -0.1");
}
