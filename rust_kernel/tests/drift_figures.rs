//! The drift's hypotheses, whole: what is presumed of a difference, and nothing else. A name too many sends people the
//! wrong way as surely as a missing one (mutation testing).

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{AccountEventKind as Entry, KernelEventKind as Kind, Liquidity, OrderSide};
use dita_kernel::reconcile::Proof;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

fn frame(desk: &mut Desk, asset: &str, balance: &str) {
    desk.now += SECOND;
    desk.account(Entry::AccountUpdate, |event| {
        event.asset = id(asset);
        event.wallet_balance = Some(dec(balance));
    });
}

/// A stranger's fill of one at 100.
fn fill(desk: &mut Desk, trade: &str, liquidity: Liquidity, fee: Option<&str>) {
    desk.now += SECOND;
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id(trade);
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        event.fee = fee.map(dec);
        event.liquidity = Some(liquidity);
    });
}

fn taken(desk: &mut Desk, trade: &str, fee: Option<&str>) {
    fill(desk, trade, Liquidity::Taker, fee);
}

fn entry(desk: &mut Desk, kind: Entry, amount: &str, txn: &str) {
    desk.now += SECOND;
    desk.account(kind, |event| {
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(txn);
    });
}

fn position(desk: &mut Desk, size: &str) {
    desk.account(Entry::PositionUpdate, |event| event.size = Some(dec(size)));
}

/// A position in each of two instruments, across a boundary: one pays 0.01, the other 0.02.
fn funded(desk: &mut Desk) {
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(spec)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    for (symbol, rate) in [("BTCUSDT", "0.0001"), ("ETHUSDT", "0.0002")] {
        desk.put(Input::Funding(Box::new(funding_terms(symbol, rate))));
        desk.event(Kind::FullFill, &id("stranger"), |event| {
            event.asset = id(symbol);
            event.order_side = Some(OrderSide::Buy);
            event.venue_trade_id = id(symbol);
            (event.size, event.price, event.fee) = (Some(dec("1")), Some(dec("100")), Some(dec("0")));
        });
    }
    desk.now = 8 * HOUR;
    desk.put(Input::Time);
}

/// What is presumed, as cause, amount and references.
fn presumed(desk: &Desk) -> Vec<String> {
    let report = desk.kernel.reconcile(0).expect("an asset");
    let parts = report.parts.iter().filter(|part| part.proof == Proof::Presumed);
    let text = |part: &dita_kernel::reconcile::Part| {
        let references: Vec<&str> = part.references.iter().map(|id| id.as_str()).collect();
        format!("{} {} {}", part.cause, part.amount, references.join(" "))
    };
    parts.map(|part| text(part).trim_end().to_owned()).collect()
}

type Story = fn(&mut Desk);

#[test]
#[rustfmt::skip]
fn a_difference_has_these_names_and_no_others() {
    let stories: [(Story, &[&str], &str); 30] = [
        (|d| { taken(d, "T1", None); frame(d, "USDT", "1000"); },
            &["FEE_NOT_SETTLED 0.05 T1"], "nothing charged yet"),
        (|d| { taken(d, "T1", None); frame(d, "BNB", "0"); frame(d, "USDT", "1000"); },
            &["FEE_NOT_SETTLED 0.05 T1"], "another asset, and nothing missing there"),
        (|d| { taken(d, "T1", None); frame(d, "BNB", "0"); frame(d, "BNB", "-0.00000001"); frame(d, "USDT", "1000"); },
            &["FEE_NOT_SETTLED 0.05 T1"], "a rounding missing there"),
        (|d| { d.put(Input::Seed { asset: id("BNB"), amount: dec("5") }); taken(d, "T1", None); frame(d, "BNB", "4"); frame(d, "USDT", "1000"); },
            &["FEE_NOT_SETTLED 0.05 T1", "DISCOUNT_ASSET 0.05 T1"], "one of five missing there"),
        (|d| {
            for t in ["A1", "A2", "A3"] { taken(d, t, Some("0.04")); }
            for t in ["B1", "B2", "B3"] { fill(d, t, Liquidity::Maker, Some("0.01")); }
            taken(d, "T1", None);
            fill(d, "T2", Liquidity::Maker, None);
            frame(d, "USDT", "999.80");
        }, &["FEE_RATE_CHANGED 0.02 T1 T2", "FILL_DUPLICATED 0.02 T2"], "both rates are others"),
        (|d| { taken(d, "T1", Some("0.05")); taken(d, "T2", Some("0.05")); frame(d, "USDT", "999.85"); },
            &["FILL_DUPLICATED -0.05 T2"], "of two alike the newest"),
        (|d| { taken(d, "T1", Some("0.05")); taken(d, "T2", Some("0.07")); taken(d, "T3", Some("0.05")); frame(d, "USDT", "999.78"); },
            &["FILL_DUPLICATED -0.05 T3"], "of two alike the newest, with another between"),
        (|d| { taken(d, "T1", Some("0.00000001")); frame(d, "USDT", "1000"); },
            &["ROUNDING 0.00000001"], "no more than a rounding"),
        (|d| {
            d.open(0, "1", "100");
            d.exit(0);
            let exit = d.submitted();
            d.event(Kind::FullFill, &exit, |event| {
                event.venue_trade_id = id("X1");
                (event.size, event.price, event.fee) = (Some(dec("1")), Some(dec("110")), Some(dec("0.05")));
            });
            d.now += SECOND;
            frame(d, "USDT", "1019.85"); // 1009.90 and 9.95 more
        }, &["FILL_DUPLICATED 9.95 X1"], "a profit, less its fee"),
        (|d| { taken(d, "T1", Some("0")); position(d, "2"); frame(d, "USDT", "999.95"); },
            &["MANUAL_TRADE -0.05 BTCUSDT"], "one more than here"),
        (|d| { position(d, "1"); frame(d, "USDT", "987.65"); },
            &[], "one more than here, and too much money gone"),
        (|d| { position(d, "1"); frame(d, "USDT", "999.94949999"); },
            &["MANUAL_TRADE -0.05050001 BTCUSDT"], "a fee one percent larger, and the venue's unit"),
        (|d| { position(d, "1"); frame(d, "USDT", "999.94949998"); },
            &[], "and one unit more"),
        (|d| { d.open(0, "1", "100"); position(d, "2"); frame(d, "USDT", "999.90"); },
            &["MANUAL_TRADE -0.05 BTCUSDT"], "our order is over, somebody traded"),
        (|d| { funded(d); frame(d, "USDT", "1000"); },
            &["FUNDING_NOT_BOOKED 0.03 BTCUSDT ETHUSDT"], "neither boundary"),
        (|d| { funded(d); position(d, "0"); frame(d, "USDT", "1000"); },
            &["FUNDING_NOT_BOOKED 0.03 BTCUSDT ETHUSDT"], "to the unit, where a close's price may be one of many"),
        (|d| { funded(d); position(d, "0"); frame(d, "USDT", "1000.00000001"); },
            &["FUNDING_NOT_BOOKED 0.03 BTCUSDT ETHUSDT"], "within the unit"),
        (|d| { funded(d); position(d, "0"); frame(d, "USDT", "1000.00000002"); },
            &["MANUAL_TRADE 0.03000002 BTCUSDT"], "one unit more"),
        (|d| { funded(d); frame(d, "USDT", "999.98"); },
            &["FUNDING_NOT_BOOKED 0.01 BTCUSDT"], "one of them not"),
        (|d| { funded(d); frame(d, "USDT", "999.99"); },
            &["FUNDING_NOT_BOOKED 0.02 ETHUSDT"], "the other not"),
        (|d| { funded(d); frame(d, "USDT", "999.94"); },
            &[], "the wrong way round"),
        (|d| { entry(d, Entry::Transfer, "-250", "X1"); frame(d, "USDT", "1000"); },
            &[], "a transfer is no funding"),
        (|d| { entry(d, Entry::FundingFee, "-0.5", "F1"); entry(d, Entry::Transfer, "-250", "X1"); frame(d, "USDT", "749"); },
            &["FUNDING_OVERCOUNTED -0.5 F1"], "funding beside a transfer"),
        (|d| { entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "993"); },
            &["LIQUIDATION_FEE -3"], "more was taken"),
        (|d| { entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "999"); },
            &[], "less was taken, and the account had enough"),
        (|d| { entry(d, Entry::Adjustment, "-996", "A1"); entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "9"); },
            &[], "more is there, and nothing was owed"),
        (|d| { entry(d, Entry::Adjustment, "-1005", "A1"); entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "-2"); },
            &[], "something is owed still"),
        (|d| { entry(d, Entry::Adjustment, "-1005", "A1"); entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "0"); },
            &["INSURANCE 9"], "the fund paid"),
        (|d| { entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "996.00000001"); },
            &["ROUNDING 0.00000001"], "a rounding after a liquidation"),
        (|d| { d.enter_limit(0, "1", "100"); position(d, "1"); frame(d, "USDT", "999.95"); },
            &["FILL_MISSING -0.05 BTCUSDT"], "our order may have filled"),
    ];
    for (story, wanted, what) in stories {
        let mut desk = Desk::with(KernelConfig { remembered_orders: 64, ..KernelConfig::default() });
        story(&mut desk);
        assert_eq!(presumed(&desk), wanted, "{what}: {:?}", desk.kernel.reconcile(0));
    }
}

/// One over two boundaries of 0.01 each: that of 08:00 is paid, that of 16:00 is still to be paid.
fn half_paid(desk: &mut Desk) {
    desk.put(Input::Funding(Box::new(funding_terms("BTCUSDT", "0.0001"))));
    taken(desk, "T1", Some("0"));
    desk.now = 8 * HOUR;
    entry(desk, Entry::FundingFee, "-0.01", "F1");
    desk.now = 16 * HOUR;
    desk.put(Input::Time);
}

/// Two boundaries of 0.01 and 0.02 that are still to be paid, after 0.01 that nobody predicted was paid.
fn paid_beside(desk: &mut Desk) {
    desk.now = HOUR;
    entry(desk, Entry::FundingFee, "-0.01", "F0");
    funded(desk);
}

#[test]
#[rustfmt::skip]
fn funding_that_is_still_to_be_booked_is_not_said_to_be_booked_twice() {
    type Names = &'static [&'static str]; // while the venue may be late, and after that
    let stories: [(Story, &str, Names, Names, &str); 4] = [
        (half_paid, "999.99",
            &["FUNDING_NOT_BOOKED 0.01 BTCUSDT"], &["FUNDING_OVERCOUNTED 0.01 BTCUSDT"], "the boundary before was of the same amount"),
        (half_paid, "999.97",
            &["FUNDING_OVERCOUNTED -0.01 BTCUSDT"], &["FUNDING_OVERCOUNTED -0.01 BTCUSDT"], "the venue has taken more, not less"),
        (paid_beside, "999.97",
            &["FUNDING_NOT_BOOKED 0.01 BTCUSDT"], &["FUNDING_OVERCOUNTED 0.01 F0"], "one of two, and an entry of the same amount"),
        (paid_beside, "999.99",
            &["FUNDING_NOT_BOOKED 0.03 BTCUSDT ETHUSDT"], &[], "both together, and no entry is of that"),
    ];
    for (story, balance, young, old, what) in stories {
        let mut desk = Desk::new();
        story(&mut desk);
        frame(&mut desk, "USDT", balance);
        assert_eq!(presumed(&desk), young, "{what}: {:?}", desk.kernel.reconcile(0));
        // As long as the venue may be late, and no longer.
        let since = desk.kernel.assets()[0].exchange.differs_since_ns.expect("they differ");
        for (age, wanted) in [(60 * SECOND, young), (60 * SECOND + 1, old)] {
            desk.now = since + age - 1;
            desk.put(Input::Time);
            assert_eq!(presumed(&desk), wanted, "{what}, {age} ns later: {:?}", desk.kernel.reconcile(0));
        }
        desk.assert_replays();
    }
}

#[test]
fn a_part_names_eight_bookings_at_most() {
    for (count, named) in [(7, 7), (8, 8), (9, 8)] {
        let mut desk = Desk::new();
        frame(&mut desk, "USDT", "1000");
        for number in 0..count {
            entry(&mut desk, Entry::Transfer, "10", &format!("X{number}"));
        }
        let report = desk.kernel.reconcile(0).expect("an asset");
        assert_eq!(report.parts.iter().map(|part| part.references.len()).max(), Some(named), "of {count}");
    }
}
