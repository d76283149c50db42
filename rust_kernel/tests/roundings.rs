//! Late news beside roundings: what no settlement can show is not booked, and what was booked of late news of which the venue
//! had told the sum comes back to the last unit.

use crate::bust_figures::bust;
use crate::common::{Desk, dec, id};
use dita_kernel::codec::CodecError;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RareFields};
use dita_kernel::kernel::{Kernel, SnapshotError};
use dita_kernel::names::{AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind, OrderSide};

/// A venue whose unit is 0.1 USDT.
fn coarse() -> Desk {
    let (tick, lot) = (dec("0.1"), dec("0.001"));
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), tick, lot);
    (spec.fee_decimals, spec.leverage) = (1, dec("10"));
    Desk::over(spec, &[("USDT", "1000")], "100")
}

/// Buys in the slot, at 100 each.
fn buy(desk: &mut Desk, slot: u32, trades: &[(&str, &str)]) {
    let sizes = trades.iter().map(|(_, size)| size.parse::<f64>().expect("a size"));
    assert!(desk.enter(slot, &sizes.sum::<f64>().to_string()).accepted);
    let entry = desk.submitted();
    desk.ack(&entry, &format!("V-{}", trades[0].0));
    for (trade, size) in trades {
        desk.fill(&entry, trade, size, "100");
    }
}

/// Sells at 110 each: a trade, its size.
fn sell(desk: &mut Desk, slot: u32, trades: &[(&str, &str)]) {
    assert!(desk.exit(slot).accepted);
    let exit = desk.submitted();
    desk.ack(&exit, &format!("V-{}", trades[0].0));
    for (trade, size) in trades {
        desk.fill(&exit, trade, size, "110");
    }
}

/// Gives a trade another price.
fn correct(desk: &mut Desk, trade: &str, price: &str) {
    let (trade, price) = (id(trade), dec(price));
    let outcome = desk.event(Kind::TradeCorrect, &Id::EMPTY, |event| {
        (event.asset, event.event_id) = (id("BTCUSDT"), id(&format!("E-{trade}-{price}")));
        event.price = Some(price);
        event.rare = Some(Box::new(RareFields { ref_trade_id: trade, ..RareFields::default() }));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

/// Stored and read back it is the same, and what is behind it is read to the end.
fn assert_is_stored(desk: &Desk) {
    let bytes = desk.kernel.to_snapshot().expect("a kernel can be stored");
    let stored = Kernel::from_snapshot(&bytes).expect("and read back");
    assert_eq!(stored.state_hash(), desk.kernel.state_hash());
    assert_eq!(stored.to_snapshot().expect("stored again"), bytes);
    for more in [&[1_u8, 0, 0, 0, 0][..], &[1, 0], &[0], &[7; 40]] {
        let damaged = Kernel::from_snapshot(&[&bytes, more].concat());
        assert!(matches!(damaged, Err(SnapshotError::Codec(CodecError::TrailingBytes { .. }))), "{more:?}");
    }
}

#[test]
#[rustfmt::skip]
fn what_was_booked_of_news_comes_back_where_the_venue_had_told_the_sum_of_them() {
    // T1 cost 4 more and T2 cost 2 less, which makes 18 of the 20 by our figures. The venue knew both.
    for (told, want, what) in [
        ("18",          "1018",          "to the unit"),
        ("17.99999999", "1017.99999999", "all but a rounding"),
        ("18.00000001", "1018.00000001", "and the other way round"),
        ("17.99999984", "1017.99999984", "as many as several closes may have"),
        ("17.99999983", "1018",          "seventeen units are no rounding"),
    ] {
        for news in [[("T1", "104"), ("T2", "98")], [("T2", "98"), ("T1", "104")]] {
            let mut desk = Desk::new();
            buy(&mut desk, 0, &[("T1", "1"), ("T2", "1")]);
            sell(&mut desk, 0, &[("T3", "2")]);
            desk.settled("T3", told, "0.11");
            for (trade, price) in news {
                correct(&mut desk, trade, price);
                assert_is_stored(&desk);
            }
            assert_eq!(desk.gross(), want, "{what}, {news:?}");
            desk.assert_replays();
        }
    }
}

#[test]
fn what_was_booked_comes_back_after_as_many_news_as_it_takes() {
    // 4 more, 1 less, 1 less: the venue knew all of them.
    let mut desk = Desk::new();
    buy(&mut desk, 0, &[("T1", "1"), ("T2", "1"), ("T3", "1")]);
    sell(&mut desk, 0, &[("T4", "3")]);
    desk.settled("T4", "27.99999999", "0.165");
    for (trade, price, want) in [("T1", "104", "1026"), ("T2", "99", "1027"), ("T3", "99", "1027.99999999")] {
        correct(&mut desk, trade, price);
        assert_eq!(desk.gross(), want, "{trade}");
    }
    // What comes after that is not known to any settlement.
    correct(&mut desk, "T3", "100");
    assert_eq!(desk.gross(), "1026.99999999");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn late_news_as_small_as_roundings_are_not_booked_once_the_close_is_settled() {
    // 10 by our figures, in units of 0.1.
    for (told, price, want, what) in [
        ("10",   "100.1", "1010",   "told of a rounding, or of nothing: nobody can tell"),
        ("10",   "99.9",  "1010",   "the other way round"),
        ("10",   "100.2", "1009.8", "two units would show"),
        ("9.9",  "100.1", "1009.9", "it shows"),
        ("9.9",  "100.2", "1009.9", "and so do two, as good as one rounding can"),
        ("9.9",  "100.3", "1009.6", "but not three"),
        ("10.1", "100.1", "1010.1", "a rounding may be either way"),
        ("10.1", "100.2", "1009.9", "a larger one not"),
        ("",     "100.1", "1009.9", "nothing is told: our own figures stand"),
        ("12",   "101",   "1011",   "it told more, and this is less: no part of it"),
    ] {
        let mut desk = coarse();
        buy(&mut desk, 0, &[("T1", "1")]);
        sell(&mut desk, 0, &[("T2", "1")]);
        desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id("T2");
            event.realized_pnl = (!told.is_empty()).then(|| dec(told));
            event.fee = Some(dec("0.1"));
        });
        assert_is_stored(&desk);
        correct(&mut desk, "T1", price);
        assert_eq!(desk.gross(), want, "told {told}, {price}: {what}");
        assert_is_stored(&desk);
        desk.assert_replays();
    }
}

#[test]
fn what_is_told_of_a_small_difference_is_told_once() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "9.8", "0.1");
    correct(&mut desk, "T1", "100.2");
    assert_eq!(desk.gross(), "1009.8");
    correct(&mut desk, "T1", "100.4");
    assert_eq!(desk.gross(), "1009.6", "two units more, and nothing of them was told");
    desk.assert_replays();
}

#[test]
fn as_many_closes_may_hide_as_many_units() {
    for (price, want) in [("100.1", "1020"), ("100.2", "1019.6")] {
        let mut desk = coarse();
        buy(&mut desk, 0, &[("T1", "2")]);
        sell(&mut desk, 0, &[("T2", "1"), ("T3", "1")]);
        desk.settled("T2", "10", "0.1");
        desk.settled("T3", "10", "0.1");
        correct(&mut desk, "T1", price);
        assert_eq!(desk.gross(), want, "{price}");
    }
}

#[test]
fn a_close_that_is_to_be_settled_will_tell_however_little_it_is() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "0.5"), ("T3", "0.5")]);
    desk.settled("T2", "5", "0.1");
    correct(&mut desk, "T1", "100.1");
    assert_eq!(desk.gross(), "1009.9", "by our own figures");
    desk.settled("T3", "4.8", "0.1");
    assert_eq!(desk.gross(), "1009.8", "as told");
    desk.assert_replays();
}

#[test]
fn closes_of_an_earlier_position_tell_nothing_of_a_later_one() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "10", "0.1");
    buy(&mut desk, 1, &[("T3", "1")]);
    sell(&mut desk, 1, &[("T4", "1")]);
    desk.account(AccountEventKind::FillSettled, |event| {
        (event.venue_trade_id, event.fee) = (id("T4"), Some(dec("0.1")));
    });
    correct(&mut desk, "T3", "100.1");
    assert_eq!(desk.gross(), "1019.9");
    correct(&mut desk, "T1", "100.1");
    assert_eq!(desk.gross(), "1019.9", "of T1 it is not known");
}

/// Eleven bought with T1, nine closes of 1 that told so much each, and one of 2 that told 0.4 less than we.
fn ten_closes(each: &str) -> Desk {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "11")]);
    let ones: Vec<String> = (2..11).map(|number| format!("T{number}")).collect();
    let mut sales: Vec<(&str, &str)> = ones.iter().map(|trade| (trade.as_str(), "1")).collect();
    sales.push(("T11", "2"));
    sell(&mut desk, 0, &sales);
    for trade in &ones {
        desk.settled(trade, each, "0.1");
    }
    desk.settled("T11", "19.6", "0.1");
    desk
}

#[test]
#[rustfmt::skip]
fn many_small_differences_explain_what_a_large_one_leaves() {
    // T1 cost 0.2 more each, 2.2 together.
    for (each, want, what) in [
        ("9.8", "1107.8", "the nine have told 1.8 of it"),
        ("10",  "1107.8", "the nine have told nothing: it is booked"),
    ] {
        let mut desk = ten_closes(each);
        assert_is_stored(&desk);
        let before = if each == "10" { "1109.6" } else { "1107.8" };
        assert_eq!(desk.gross(), before, "{what}");
        correct(&mut desk, "T1", "100.2");
        assert_eq!(desk.gross(), want, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_wallet_gets_whole_units_whatever_explained_a_cost_before() {
    // The venue tells 2 less than we; of that the first news explain a half unit in what is still open.
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "0.5"), ("T2", "0.5")]);
    assert!(desk.exit_size(0, "0.5").accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T3", "0.5", "110");
    desk.settled("T3", "3", "0.1");
    correct(&mut desk, "T1", "100.1");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "-1.95");
    sell(&mut desk, 0, &[("T4", "0.5")]);
    desk.settled("T4", "5", "0.1");
    assert_eq!(desk.gross(), "1008");
    correct(&mut desk, "T2", "110");
    assert_eq!(desk.gross(), "1005", "5 less, of which 1.95 were told: 3.05, as the venue rounds");
    desk.assert_replays();
}

#[test]
fn what_was_told_of_a_rounding_stays_what_it_was_where_it_explains_no_more_than_itself() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "9.9", "0.1");
    correct(&mut desk, "T1", "100.2");
    assert_eq!(desk.gross(), "1009.9");
    correct(&mut desk, "T1", "100");
    assert_eq!(desk.gross(), "1010.1", "two units, and one of the other sign was told");
}

#[test]
fn what_came_back_to_nothing_begins_anew() {
    // 40 more, 10 less and 10 less: the venue knew all of them.
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1"), ("T2", "1"), ("T3", "1")]);
    sell(&mut desk, 0, &[("T4", "3")]);
    desk.settled("T4", "10", "0.2");
    for (trade, price, want) in [("T1", "140", "990"), ("T2", "90", "1000"), ("T3", "90", "1010")] {
        correct(&mut desk, trade, price);
        assert_eq!(desk.gross(), want, "{trade}");
    }
    correct(&mut desk, "T2", "79.5");
    assert_eq!(desk.gross(), "1020.5", "of this no settlement knew");
    desk.assert_replays();
}

#[test]
fn what_explains_something_is_used_up_with_it() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1"), ("T2", "1")]);
    sell(&mut desk, 0, &[("T3", "2")]);
    desk.settled("T3", "0", "0.2");
    correct(&mut desk, "T1", "140");
    assert_eq!(desk.gross(), "980", "20 were told, 20 came into the wallet");
    buy(&mut desk, 1, &[("U1", "1")]);
    sell(&mut desk, 1, &[("U2", "1")]);
    desk.settled("U2", "7", "0.1");
    correct(&mut desk, "U1", "103");
    assert_eq!(desk.gross(), "987", "told, to the unit");
    correct(&mut desk, "T2", "79.5");
    assert_eq!(desk.gross(), "1007.5", "what came before that is another matter");
    desk.assert_replays();
}

#[test]
fn small_differences_that_have_explained_something_explain_nothing_more() {
    let mut desk = ten_closes("9.8");
    correct(&mut desk, "T1", "100.2");
    assert_eq!(desk.gross(), "1107.8", "the nine have told 1.8 of it");
    buy(&mut desk, 1, &[("U1", "11")]);
    sell(&mut desk, 1, &[("U2", "11")]);
    desk.settled("U2", "109.6", "1.1");
    assert_eq!(desk.gross(), "1217.4");
    correct(&mut desk, "U1", "100.2");
    assert_eq!(desk.gross(), "1215.6", "2.2, of which 0.4 were told, and nothing of the rest");
}

#[test]
fn an_opening_fill_hides_nothing_and_a_close_without_profit_does() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    desk.settled("T1", "0", "0.1");
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "10", "0.1");
    correct(&mut desk, "T1", "100.2");
    assert_eq!(desk.gross(), "1009.8", "one close, one unit");

    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1", "100");
    desk.settled("T2", "0", "0.1");
    correct(&mut desk, "T1", "100.1");
    assert_eq!(desk.gross(), "1000", "it may have been a rounding of its nothing");
}

/// A second instrument.
fn list_ether(desk: &mut Desk) {
    let (tick, lot) = (dec("0.1"), dec("0.001"));
    let mut spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), tick, lot);
    spec.fee_decimals = 1;
    assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
    let mark = Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false };
    assert!(desk.put(mark).accepted);
}

/// Buys 1 of that in slot 2 at 100 and sells it at 110; both are settled.
fn trade_ether(desk: &mut Desk) {
    for (action, trade, price, profit) in
        [(Action::Enter, "E1", "100", "0"), (Action::Exit, "E2", "110", "10")]
    {
        let outcome = desk.intent(action, 2, |intent| {
            intent.asset = id("ETHUSDT");
            intent.target_size = Some(dec("1"));
        });
        assert!(outcome.accepted, "{outcome:?}");
        let order = desk.submitted();
        desk.fill(&order, trade, "1", price);
        desk.account(AccountEventKind::FillSettled, |event| {
            (event.symbol, event.venue_trade_id) = (id("ETHUSDT"), id(trade));
            (event.realized_pnl, event.fee) = (Some(dec(profit)), Some(dec("0.1")));
        });
    }
}

#[test]
fn closes_of_another_instrument_hide_nothing() {
    let mut desk = coarse();
    list_ether(&mut desk);
    buy(&mut desk, 0, &[("T1", "1")]);
    trade_ether(&mut desk);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "10", "0.1");
    correct(&mut desk, "T1", "100.2");
    assert_eq!(desk.gross(), "1019.8", "one close, one unit");
}

/// A close has told three units less than we: more than its own roundings, and nobody says of what.
fn told_of_an_earlier_position() -> Desk {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "9.7", "0.1");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "-0.3");
    desk
}

#[test]
fn what_an_earlier_position_left_of_roundings_explains_nothing_of_what_a_later_one_cost() {
    for way in ["corrected", "priced", "inferred"] {
        let mut desk = told_of_an_earlier_position();
        assert!(desk.enter(1, "1").accepted);
        let entry = desk.submitted();
        desk.ack(&entry, "V-U1");
        match way {
            "corrected" => desk.fill(&entry, "U1", "1", "100"),
            "priced" => desk.fill(&entry, "U1", "1", "0"),
            _ => desk.event(Kind::OrderStatus, &entry, |event| {
                (event.filled_size, event.average_price) = (Some(dec("1")), Some(dec("100")));
            }),
        };
        let cost = |desk: &Desk| desk.kernel.book(0)[0].cost.to_string();
        let price = if way == "priced" { "112" } else { "101" };
        assert_ne!(cost(&desk), price, "{way}: of its price nothing is known yet");
        match way {
            "corrected" => correct(&mut desk, "U1", price),
            _ => drop(desk.fill(&entry, "U1", "1", price)),
        }
        assert_eq!(cost(&desk), price, "{way}");
        assert!(bust(&mut desk, "U1").accepted, "{way}");
        assert_eq!(desk.gross(), "1009.7", "{way}: it leaves nothing");
        desk.assert_replays();
    }
}

#[test]
fn a_close_of_another_instrument_makes_nothing_of_what_an_earlier_position_left() {
    let mut desk = told_of_an_earlier_position();
    list_ether(&mut desk);
    assert!(desk.enter(1, "1").accepted);
    let entry = desk.submitted();
    desk.fill(&entry, "U1", "1", "100");
    trade_ether(&mut desk);
    correct(&mut desk, "U1", "101");
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "101");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "-0.3");
}

#[test]
fn what_a_close_of_the_same_position_told_is_not_in_what_is_still_open_however_little_it_is() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1"), ("T2", "1")]);
    assert!(desk.exit_size(0, "1").accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T3", "1", "110");
    desk.settled("T3", "9.7", "0.1");
    correct(&mut desk, "T1", "100.6");
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "100.3", "half of it is closed, and was told");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "0");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn what_a_later_close_told_is_found_beside_the_roundings_of_earlier_ones() {
    // The three have told five units less than we, and the last one so much.
    for (told, price, want, what) in [
        ("9.8", "100.2", "1039.3", "two units, and it told two"),
        ("9.8", "100.3", "1039",   "one close tells no three"),
        ("9.8", "99.8",  "1039.5", "the other way round nothing was told"),
        ("",    "100.2", "1039.3", "nothing is told: our own figures stand"),
    ] {
        let mut desk = coarse();
        buy(&mut desk, 0, &[("T1", "3")]);
        sell(&mut desk, 0, &[("T2", "1"), ("T3", "1"), ("T4", "1")]);
        for (trade, told) in [("T2", "9.8"), ("T3", "9.8"), ("T4", "9.9")] {
            desk.settled(trade, told, "0.1");
        }
        buy(&mut desk, 1, &[("U1", "1")]);
        sell(&mut desk, 1, &[("U2", "1")]);
        desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id("U2");
            event.realized_pnl = (!told.is_empty()).then(|| dec(told));
            event.fee = Some(dec("0.1"));
        });
        correct(&mut desk, "U1", price);
        assert_eq!(desk.gross(), want, "told {told}, {price}: {what}");
        assert_is_stored(&desk);
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn what_held_news_leave_of_roundings_is_not_in_the_cost_of_what_was_awaited() {
    // S1 is settled and has not come: news of T1 are held until then.
    for (told, price, cost, what) in [
        ("8.1", "102",   "100",   "a unit is left: a rounding of the close that told the rest"),
        ("8.1", "103.5", "100",   "as many as several closes may have"),
        ("8.1", "103.6", "101.7", "seventeen units are no rounding"),
        ("10",  "100.1", "100",   "the close may have told a unit, and nobody can tell"),
        ("10",  "100.2", "100.2", "two would show"),
        ("",    "100.1", "100.1", "nothing is told"),
    ] {
        let mut desk = coarse();
        buy(&mut desk, 0, &[("T1", "1")]);
        desk.settled("S1", "0", "0.1");
        sell(&mut desk, 0, &[("T2", "1")]);
        desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id("T2");
            event.realized_pnl = (!told.is_empty()).then(|| dec(told));
            event.fee = Some(dec("0.1"));
        });
        let before = desk.gross();
        correct(&mut desk, "T1", price);
        desk.event(Kind::FullFill, &id("somebody"), |event| {
            (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
            event.venue_trade_id = id("S1");
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        });
        assert_eq!(desk.gross(), before, "told {told}, {price}: it is not in the wallet");
        assert_eq!(desk.kernel.book(0)[0].cost.to_string(), cost, "told {told}, {price}: {what}");
        desk.assert_replays();
    }
}

#[test]
fn what_the_closes_have_rounded_is_not_in_what_was_opened_since() {
    // Of what the first had cost, the close has told all but so much.
    for (price, cost, after_bust, what) in [
        ("100.3", "100", "1009.7", "to the unit"),
        ("100.4", "100", "1009.7", "but a rounding"),
        ("100.5", "100", "1009.7", "but its rounding and ours"),
        ("100.6", "100.3", "1009.4", "but more than two may have rounded"),
        ("100.2", "100", "1009.7", "and more"),
    ] {
        let mut desk = told_of_an_earlier_position();
        buy(&mut desk, 1, &[("U1", "1")]);
        correct(&mut desk, "T1", price);
        assert_eq!(desk.kernel.book(0)[0].cost.to_string(), cost, "{what}");
        assert!(bust(&mut desk, "U1").accepted, "{what}");
        assert_eq!(desk.gross(), after_bust, "{what}");
        desk.assert_replays();
    }
}
