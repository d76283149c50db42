//! Funding told without a symbol: one sum for several positions, or one position's alone; told apart by amount and time, and
//! again where late fills show what was held.

use crate::common::{Desk, dec, id};
use crate::funding::{
    HOUR, SECOND, booked, boundaries, crossed, net, paid, paid_at, pass, rate, strings, terms,
};
use dita_kernel::input::{FundingTerms, Input, InstrumentSpec};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Cause;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderSide,
};

/// Two instruments, 0.02 and 0.06 predicted.
fn two_crossed() -> Desk {
    let mut desk = Desk::new();
    let eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(eth)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    rate(&mut desk, "0.0001");
    desk.put(Input::Funding(Box::new(terms("ETHUSDT", Some("0.0003")))));
    desk.open(0, "2", "100");
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("ETHUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id("S1");
        event.size = Some(dec("2"));
        event.price = Some(dec("100"));
    });
    pass(&mut desk, 8 * HOUR);
    assert_eq!(net(&desk), "-0.08");
    desk
}

#[test]
#[rustfmt::skip]
fn an_entry_without_a_symbol_settles_one_or_the_pool() {
    type Entry = (&'static str, &'static str, &'static str); // symbol, amount, id
    for (entries, total, what) in [
        (&[("", "-0.02", "")][..],                                          "-0.08",  "one, to the unit"),
        (&[("", "-0.0201", "")][..],                                        "-0.0801", "one, within one percent"),
        (&[("", "-0.0201", ""), ("", "-0.0599", "")][..],                   "-0.08",  "one after the other"),
        (&[("", "-0.09", "")][..],                                          "-0.09",  "all of it"),
        (&[("", "-0.09", ""), ("", "-0.01", "")][..],                       "-0.1",   "nothing is left to settle"),
        (&[("", "-0.09", ""), ("BTCUSDT", "-0.025", "R1"), ("ETHUSDT", "-0.065", "R2")][..], "-0.09", "the rows that the pool was of"),
        (&[("", "-0.09", ""), ("BTCUSDT", "-0.025", "R1"), ("BTCUSDT", "-0.01", "R3")][..], "-0.1", "a second row is more"),
        (&[("BTCUSDT", "-0.025", "R1"), ("ETHUSDT", "-0.065", "R2"), ("", "-0.09", "")][..], "-0.09", "the other way round"),
        (&[("BTCUSDT", "-0.025", "R1"), ("ETHUSDT", "-0.065", "R2"), ("", "-0.065", ""), ("", "-0.025", "")][..], "-0.09", "frame by frame"),
        (&[("BTCUSDT", "-0.025", "R1"), ("", "-0.065", "")][..],            "-0.09",  "one by its row, the other by the frame"),
        (&[("OTHER", "-0.02", "R1"), ("BTCUSDT", "-0.02", "R2")][..],       "-0.1",   "one of a symbol that is not known here settles none"),
        (&[("BTCUSDT", "-0.025", "R1"), ("ETHUSDT", "-0.065", "R2"), ("", "-0.05", "")][..], "-0.14", "neither one of the rows nor their sum"),
        (&[("BTCUSDT", "-0.025", "R1"), ("ETHUSDT", "-0.065", "R2"), ("", "-0.09", "R3")][..], "-0.18", "a row of its own"),
    ] as [(&[Entry], &str, &str); 13] {
        let mut desk = two_crossed();
        for (place, (symbol, amount, txn)) in entries.iter().enumerate() {
            desk.account(AccountEventKind::FundingFee, |event| {
                event.symbol = id(symbol);
                event.amount = Some(dec(amount));
                event.venue_txn_id = id(txn);
                event.event_id = id(&format!("E{place}"));
            });
        }
        assert_eq!(net(&desk), total, "{what}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn an_entry_without_a_symbol_stamped_just_before_a_boundary_may_be_the_sum_of_the_one_before() {
    // 0.02 and 0.06 were predicted at 08:00, 0.03 and 0.06 at 16:00.
    for (entries, open, total, what) in [
        (&["-0.081"][..],            &[(0, 16), (1, 16)][..],  "-0.171",  "the sum of 08:00"),
        (&["-0.081", "-0.0901"],     &[],                      "-0.1711", "and that of 16:00 after it"),
        (&["-0.0899"],               &[(0, 8), (1, 8)],        "-0.1699", "the sum of 16:00"),
    ] {
        let mut desk = two_crossed();
        desk.open(1, "1", "100");
        pass(&mut desk, 16 * HOUR);
        assert_eq!(net(&desk), "-0.17");
        for (amount, time_ns) in entries.iter().zip([16 * HOUR - SECOND, 16 * HOUR + SECOND]) {
            paid_at(&mut desk, "", amount, time_ns);
        }
        assert_eq!((open_ones(&desk).as_slice(), net(&desk).as_str()), (open, total), "{what}");
        assert_eq!(booked(&desk, Cause::Funding), strings(&[]), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_entry_without_a_symbol_is_held_against_what_is_left_of_a_boundary() {
    // ETHUSDT's 0.06 of 08:00 is paid, BTCUSDT's 0.02 is not; of 16:00 0.03 and 0.06 are still to be paid.
    let mut desk = two_crossed();
    paid_at(&mut desk, "ETHUSDT", "-0.06", 8 * HOUR + SECOND);
    desk.open(1, "1", "100");
    pass(&mut desk, 16 * HOUR);
    paid_at(&mut desk, "", "-0.0201", 16 * HOUR - SECOND);
    assert_eq!((open_ones(&desk), net(&desk)), (vec![(0, 16), (1, 16)], "-0.1701".into()));
    paid_at(&mut desk, "", "-0.0899", 16 * HOUR + SECOND);
    assert_eq!((open_ones(&desk), net(&desk)), (vec![], "-0.17".into()));
    assert_eq!(booked(&desk, Cause::Funding), strings(&[]));
    desk.assert_replays();
}

#[test]
fn entries_without_a_symbol_stamped_just_before_a_boundary_may_each_be_of_one_position_then() {
    // 0.02 and 0.06 of 08:00 are not paid, 0.03 and 0.06 of 16:00 are paid one by one, by a clock that is behind.
    for order in [["-0.03", "-0.06"], ["-0.06", "-0.03"]] {
        let mut desk = two_crossed();
        desk.open(1, "1", "100");
        pass(&mut desk, 16 * HOUR);
        for amount in order {
            paid_at(&mut desk, "", amount, 16 * HOUR - SECOND);
        }
        assert_eq!((open_ones(&desk), net(&desk)), (vec![(0, 8), (1, 8)], "-0.17".into()), "{order:?}");
        desk.assert_replays();
    }
}

/// What is still to be paid: the instrument and the hour.
fn open_ones(desk: &Desk) -> Vec<(u32, i64)> {
    let all = (0..desk.kernel.instruments().len() as u32)
        .flat_map(|place| boundaries(desk, place).into_iter().map(move |one| (place, one)));
    all.filter(|(_, one)| one.2).map(|(place, one)| (place, one.0)).collect()
}

/// A stranger's buy of `size` at 100, one nanosecond before the boundary at 08:00.
fn bought_before_the_boundary(desk: &mut Desk, symbol: &str, size: &str) {
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id(symbol);
        event.timestamp_ns = 8 * HOUR - 1;
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id(&format!("S-{symbol}"));
        event.size = Some(dec(size));
        event.price = Some(dec("100"));
    });
}

#[test]
#[rustfmt::skip]
fn an_entry_without_a_symbol_pays_for_the_fills_that_come_after_it() {
    type Entries = &'static [(&'static str, &'static str)]; // symbol, amount
    // Nothing, or 2 BTCUSDT, seem to be held; what else was held when the boundary was crossed is told after the entries.
    for (held, before, late, after, total, what) in [
        ("0", &[("", "-0.02")] as Entries,      &["BTCUSDT"][..],            &[] as Entries,         "-0.02", "all seemed flat"),
        ("0", &[("", "-0.08")],                 &["BTCUSDT", "ETHUSDT"],     &[],                    "-0.08", "and both were not"),
        ("0", &[],                              &["BTCUSDT"],                &[("", "-0.02")],       "-0.02", "in their order"),
        ("2", &[("", "-0.08")],                 &["ETHUSDT"],                &[],                    "-0.08", "the pool of both, as one of them seemed flat"),
        ("2", &[("", "-0.08")],                 &["ETHUSDT"],                &[("ETHUSDT", "-0.06")], "-0.08", "and its row, which the pool was of"),
        ("2", &[("", "-0.0201")],               &["ETHUSDT"],                &[],                    "-0.0201", "a pool that is within one percent of the one"),
        ("2", &[("", "-0.02")],                 &["ETHUSDT"],                &[],                    "-0.08", "the one to the unit: the other is to come"),
        ("2", &[("", "-0.02")],                 &["ETHUSDT"],                &[("", "-0.06")],       "-0.08", "and comes"),
    ] as [(&str, Entries, &[&str], Entries, &str, &str); 8] {
        let mut desk = Desk::new();
        let eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
        desk.put(Input::Instrument(Box::new(eth)));
        desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
        rate(&mut desk, "0.0001");
        desk.put(Input::Funding(Box::new(terms("ETHUSDT", Some("0.0003")))));
        if held != "0" {
            desk.open(0, held, "100");
        }
        pass(&mut desk, 8 * HOUR);
        let pay = |desk: &mut Desk, entries: Entries| {
            for (symbol, amount) in entries {
                desk.account(AccountEventKind::FundingFee, |event| {
                    event.timestamp_ns = 8 * HOUR + SECOND;
                    event.symbol = id(symbol);
                    event.amount = Some(dec(amount));
                    event.event_id = id(&format!("E{symbol}{amount}"));
                });
            }
        };
        pay(&mut desk, before);
        for symbol in late {
            bought_before_the_boundary(&mut desk, symbol, "2");
        }
        pay(&mut desk, after);
        assert_eq!(net(&desk), total, "{what}");
        desk.assert_replays();
    }
}

/// BTCUSDT in slot 0 and ETHUSDT in slot 1 over the boundary at 08:00; both pay 0.01 for each that is held.
fn both_held(btc: &str, eth: &str) -> Desk {
    let mut desk = Desk::new();
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(spec)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    rate(&mut desk, "0.0001");
    desk.put(Input::Funding(Box::new(terms("ETHUSDT", Some("0.0001")))));
    desk.open(0, btc, "100");
    if eth != "0" {
        desk.intent(Action::Enter, 1, |intent| {
            intent.asset = id("ETHUSDT");
            intent.target_size = Some(dec(eth));
        });
        let order = desk.submitted();
        desk.fill(&order, "E1", eth, "100");
    }
    pass(&mut desk, 8 * HOUR);
    desk
}

/// A stranger's fill at 100 that was before the boundary at 08:00; what is sold has a minus.
fn late(desk: &mut Desk, symbol: &str, size: &str) {
    let (side, size) = size.strip_prefix('-').map_or((OrderSide::Buy, size), |size| (OrderSide::Sell, size));
    desk.event(Kind::FullFill, &id(&format!("late-{symbol}")), |event| {
        (event.asset, event.timestamp_ns) = (id(symbol), 8 * HOUR - 1);
        (event.order_side, event.venue_trade_id) = (Some(side), id(&format!("L-{symbol}")));
        (event.size, event.price) = (Some(dec(size)), Some(dec("100")));
    });
}

fn all_booked(desk: &Desk) -> (String, String) {
    let whole =
        |instrument| boundaries(desk, instrument).into_iter().map(|one| one.1).collect::<Vec<_>>().join(" ");
    (whole(0), whole(1))
}

#[test]
#[rustfmt::skip]
fn what_seemed_to_be_of_one_position_is_the_sum_of_both_where_a_late_fill_shows_it() {
    type Fills = &'static [(&'static str, &'static str)];
    for (btc, eth, credited, seemed, fills, want, what) in [
        ("3",    "1.01", "-0.0301", ("-0.0301", "-0.0101"), &[("BTCUSDT", "-1")] as Fills,            ("-0.02", "-0.0101"), "the one was smaller"),
        ("1.01", "3",    "-0.0301", ("-0.0101", "-0.0301"), &[("ETHUSDT", "-1")],                      ("-0.0101", "-0.02"), "and the other way round"),
        ("3",    "0.5",  "-0.0301", ("-0.0301", "-0.005"),  &[("ETHUSDT", "-0.49")],                   ("-0.03", "-0.0001"), "the other one was smaller"),
        ("3",    "0",    "-0.03",   ("-0.03", "0"),         &[("BTCUSDT", "-1"), ("ETHUSDT", "1")],    ("-0.02", "-0.01"),   "the other one seemed flat"),
        ("3",    "0",    "-0.03",   ("-0.03", "0"),         &[("ETHUSDT", "1"), ("BTCUSDT", "-1")],    ("-0.02", "-0.01"),   "and that is told first"),
        ("3",    "1",    "-0.0303", ("-0.0303", "-0.01"),   &[("BTCUSDT", "-1")],                      ("-0.0202", "-0.0101"), "what is beside both is shared by their size"),
    ] as [(&str, &str, &str, (&str, &str), Fills, (&str, &str), &str); 6] {
        let mut desk = both_held(btc, eth);
        paid_at(&mut desk, "", credited, 8 * HOUR + SECOND);
        let text = |pair: (&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        assert_eq!(all_booked(&desk), text(seemed), "{what}: first");
        for (symbol, size) in fills {
            late(&mut desk, symbol, size);
        }
        assert_eq!((all_booked(&desk), open_ones(&desk)), (text(want), vec![]), "{what}");
        assert_eq!(net(&desk), credited, "{what}: what the venue has paid, and nothing beside it");
        // Their rows, by another way, are what is booked already.
        for symbol in ["BTCUSDT", "ETHUSDT"] {
            assert_eq!(paid(&mut desk, symbol, "-0.015", symbol).code, Code::DuplicateEvent, "{what}");
        }
        assert_eq!(net(&desk), credited, "{what}: the rows that it was of");
        desk.assert_replays();
    }
}

#[test]
fn a_sum_that_is_told_apart_late_is_borne_by_the_slots_that_held() {
    let mut desk = both_held("3", "1.01");
    paid_at(&mut desk, "", "-0.0301", 8 * HOUR + SECOND);
    assert_eq!((desk.money(0).2, desk.money(1).2), ("-0.0301".into(), "-0.0101".into()));
    desk.exit_size(0, "1");
    let order = desk.submitted();
    desk.event(Kind::FullFill, &order, |event| {
        (event.venue_trade_id, event.timestamp_ns) = (id("T9"), 8 * HOUR - 1);
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
    });
    assert_eq!((desk.money(0).2, desk.money(1).2), ("-0.02".into(), "-0.0101".into()));
    assert_eq!((net(&desk).as_str(), open_ones(&desk)), ("-0.0301", vec![]));
    // No boundary waits for late fills any more: a stored kernel that says otherwise is not read back.
    let bytes = desk.kernel.to_snapshot().expect("a kernel can be stored");
    Kernel::from_snapshot(&bytes).expect("and read back");
    desk.assert_replays();
}

#[test]
fn a_late_fill_that_makes_no_sum_of_an_entry_only_shares_it_out_again() {
    // 0.0201 was paid for 2 BTCUSDT, and the 6 ETHUSDT are to be paid; then a third BTCUSDT was held too.
    let mut desk = both_held("2", "6");
    paid_at(&mut desk, "", "-0.0201", 8 * HOUR + SECOND);
    assert_eq!((desk.money(0).2, net(&desk)), ("-0.0201".into(), "-0.0801".into()));
    desk.enter(2, "1");
    let order = desk.submitted();
    desk.event(Kind::FullFill, &order, |event| {
        (event.venue_trade_id, event.timestamp_ns) = (id("T9"), 8 * HOUR - 1);
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
    });
    assert_eq!((net(&desk).as_str(), open_ones(&desk)), ("-0.0801", vec![(1, 8)]));
    let slots: Vec<String> = (0..3).map(|slot| desk.money(slot).2).collect();
    assert_eq!(slots, ["-0.0134", "-0.06", "-0.0067"]);
    assert_eq!(booked(&desk, Cause::FundingRepredicted), strings(&[]), "no money moves");
    desk.assert_replays();
}

#[test]
fn an_entry_that_is_as_far_from_the_sum_as_from_the_one_stays_the_ones() {
    // Of 2.5 BTCUSDT only 2 were held: 0.025 is between these 0.02 and the 0.03 of both.
    let mut desk = both_held("2.5", "1");
    paid_at(&mut desk, "", "-0.025", 8 * HOUR + SECOND);
    late(&mut desk, "BTCUSDT", "-0.5");
    assert_eq!(all_booked(&desk), ("-0.025".into(), "-0.01".into()));
    assert_eq!((net(&desk).as_str(), open_ones(&desk)), ("-0.035", vec![(1, 8)]));
    desk.assert_replays();
}

#[test]
fn where_two_are_paid_already_a_late_fill_makes_no_sum_of_them() {
    let mut desk = Desk::new();
    for symbol in ["ETHUSDT", "SOLUSDT"] {
        let spec = InstrumentSpec::linear(id(symbol), id(&symbol[..3]), id("USDT"), dec("0.1"), dec("0.001"));
        desk.put(Input::Instrument(Box::new(spec)));
        desk.put(Input::Mark { symbol: id(symbol), price: dec("100"), venue_time_ns: 0, ages: false });
    }
    for (symbol, size) in [("BTCUSDT", "2"), ("ETHUSDT", "6"), ("SOLUSDT", "1")] {
        desk.put(Input::Funding(Box::new(terms(symbol, Some("0.0001")))));
        bought_before_the_boundary(&mut desk, symbol, size);
    }
    pass(&mut desk, 8 * HOUR);
    for amount in ["-0.02", "-0.06"] {
        paid(&mut desk, "", amount, &format!("F{amount}"));
    }
    assert_eq!((net(&desk).as_str(), open_ones(&desk)), ("-0.09", vec![(2, 8)]));
    // With 1 BTCUSDT the first entry might be its and SOLUSDT's; with two paid nobody knows which was of what.
    late(&mut desk, "BTCUSDT", "-1");
    assert_eq!(all_booked(&desk), ("-0.02".into(), "-0.06".into()));
    assert_eq!((net(&desk).as_str(), open_ones(&desk)), ("-0.09", vec![(2, 8)]));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_sum_is_of_one_boundary_and_of_one_asset() {
    // 3 BTCUSDT seemed to be held, and were 2; the third 0.01 is another's, which is to be paid at another time or in USDC.
    for (symbol, settle, boundary, what) in [
        ("ETHUSDT", "USDT", 12, "another boundary"),
        ("ETHUSDC", "USDC", 8,  "another asset"),
    ] {
        let mut desk = Desk::new();
        let spec = InstrumentSpec::linear(id(symbol), id("ETH"), id(settle), dec("0.1"), dec("0.001"));
        desk.put(Input::Instrument(Box::new(spec)));
        desk.put(Input::Mark { symbol: id(symbol), price: dec("100"), venue_time_ns: 0, ages: false });
        rate(&mut desk, "0.0001");
        let other = FundingTerms { next_boundary_ns: Some(boundary * HOUR), ..terms(symbol, Some("0.0001")) };
        desk.put(Input::Funding(Box::new(other)));
        desk.open(0, "3", "100");
        bought_before_the_boundary(&mut desk, symbol, "1");
        pass(&mut desk, 8 * HOUR);
        paid_at(&mut desk, "", "-0.03", 8 * HOUR + SECOND);
        pass(&mut desk, 12 * HOUR);
        late(&mut desk, "BTCUSDT", "-1");
        assert_eq!((all_booked(&desk), open_ones(&desk)), (("-0.03".into(), "-0.01".into()), vec![(1, boundary)]), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_entry_without_a_symbol_settles_the_prediction_that_it_is_closest_to() {
    // 2 BTCUSDT and 2.01 ETHUSDT at one rate: one percent would do for both.
    let mut desk = Desk::new();
    let eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(eth)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        desk.put(Input::Funding(Box::new(terms(symbol, Some("0.0001")))));
        desk.event(Kind::FullFill, &id(&format!("stranger-{symbol}")), |event| {
            event.asset = id(symbol);
            event.order_side = Some(OrderSide::Buy);
            event.venue_trade_id = id("S1");
            event.size = Some(dec(if symbol == "BTCUSDT" { "2" } else { "2.01" }));
            event.price = Some(dec("100"));
        });
    }
    pass(&mut desk, 8 * HOUR);
    paid(&mut desk, "", "-0.0201", "");
    let settled = |instrument| {
        let row = desk.kernel.funding().row(instrument).expect("terms came");
        row.predictions.iter().map(|one| (one.booked.to_string(), one.is_open())).collect::<Vec<_>>()
    };
    assert_eq!(settled(0), [("-0.02".to_owned(), true)]);
    assert_eq!(settled(1), [("-0.0201".to_owned(), false)]);
    desk.assert_replays();
}

#[test]
fn what_the_pool_brought_beside_the_predictions_is_shared_by_their_size() {
    // 0.02 and 0.06 were predicted: of 0.004 more the first bears a quarter.
    let mut desk = two_crossed();
    paid(&mut desk, "", "-0.084", "");
    let booked = |instrument| {
        let row = desk.kernel.funding().row(instrument).expect("terms came");
        row.predictions.iter().map(|one| one.booked.to_string()).collect::<Vec<_>>()
    };
    assert_eq!((booked(0), booked(1)), (vec!["-0.021".to_owned()], vec!["-0.063".to_owned()]));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn an_entry_that_comes_by_two_ways_is_booked_once() {
    type Row = (&'static str, &'static str, i64); // id, amount, time
    for (rows, total, what) in [
        (&[("", "-5", 7), ("R1", "-5", 7)][..],                  "-5",  "the stream, then REST"),
        (&[("R1", "-5", 7), ("", "-5", 7)][..],                  "-5",  "REST, then the stream"),
        (&[("", "-5", 7), ("R1", "-5", 7), ("R1", "-5", 7)][..], "-5",  "and REST again"),
        (&[("", "-5", 7), ("R1", "-5", 7), ("R2", "-5", 7)][..], "-10", "two rows are two"),
        (&[("R1", "-5", 7), ("R2", "-5", 7)][..],                "-10", "two ids are two"),
        (&[("", "-5", 7), ("R1", "-5", 9)][..],                  "-5",  "told a little later by the other way"),
        (&[("", "-5", 7), ("R1", "-5", 6_000_000_007)][..],      "-10", "at another time"),
        (&[("", "-5", 7), ("R1", "-6", 7)][..],                  "-11", "of another amount"),
        (&[("", "-5", 7), ("", "-6", 7), ("R1", "-5", 7), ("R2", "-6", 7)][..], "-11", "two by the stream, then both by REST"),
    ] as [(&[Row], &str, &str); 9] {
        let mut desk = Desk::new();
        for (place, (txn, amount, time)) in rows.iter().enumerate() {
            desk.account(AccountEventKind::FundingFee, |event| {
                event.timestamp_ns = *time;
                event.amount = Some(dec(amount));
                event.venue_txn_id = id(txn);
                event.event_id = id(&format!("E{place}"));
            });
        }
        assert_eq!(net(&desk), total, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_entry_without_a_symbol_is_about_the_last_boundary_that_a_position_was_held_over() {
    // BTCUSDT is held over 08:00, ETHUSDT is flat at 09:00.
    let mut desk = crossed();
    let eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(eth)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    let flat = FundingTerms { next_boundary_ns: Some(9 * HOUR), ..terms("ETHUSDT", Some("0.0001")) };
    assert!(desk.put(Input::Funding(Box::new(flat))).accepted);
    pass(&mut desk, 9 * HOUR);
    paid(&mut desk, "", "-0.0201", "");
    assert_eq!(net(&desk), "-0.0201", "it settles what was predicted, and nothing beside it");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn of_two_ways_one_may_leave_the_symbol_out() {
    for (first, second, total, what) in [
        ("BTCUSDT", "BTCUSDT", "-5",  "both say it"),
        ("",        "",        "-5",  "neither does"),
        ("",        "BTCUSDT", "-5",  "the second says it"),
        ("BTCUSDT", "",        "-5",  "the first says it"),
        ("BTCUSDT", "OTHER",   "-10", "two symbols are two"),
    ] {
        let mut desk = Desk::new();
        for (symbol, txn) in [(first, ""), (second, "R1")] {
            paid(&mut desk, symbol, "-5", txn);
        }
        assert_eq!(net(&desk), total, "{what}");
        desk.assert_replays();
    }
}
